//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/reports"
)

func TestMistakes(t *testing.T) {
	t.Chdir("../../..")
	for _, c := range []struct{ args, want string }{
		{"-jobs 0", "at least 1"},
		{"-check x", "-check needs -peer"},
		{"-peer nobody", "no such peer"},
		{"stray", `"stray"`},
		{"-nonsense", "not defined"},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), strings.Fields(c.args), &out, &errs); code != 2 || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: exit %d: %s", c.args, code, errs.String())
		}
	}
}

// TestFolders: every peer has its profile and its baseline, and every reason says
// whose the finding is.
func TestFolders(t *testing.T) {
	t.Chdir("../../..")
	all, err := loadPeers("peers/peers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if _, err := os.Stat(p.file("profile.yaml")); err != nil {
			t.Error(err)
		}
		file := p.file("baseline.yaml")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		b, err := reports.ParseBaseline(file, data)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, e := range b.Entries {
			if _, _, err := class(e.Reason); err != nil {
				t.Errorf("%s: %s: %v", file, e.ID, err)
			}
		}
	}
}

func TestLoadPeers(t *testing.T) {
	row := "  - {name: a, library: b, version: c, dir: d, server: [e], clients: [virtual]}\n"
	for _, c := range []struct{ text, want string }{
		{"peers:\n" + row, ""},
		{"peers:\n" + row + row, "there twice"},
		{"peers:\n  - {name: a}\n", "must be there"},
		{"peers:\n  - {nam: a}\n", "unknown field"},
	} {
		file := filepath.Join(t.TempDir(), "peers.yaml")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadPeers(file)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
}

func fake(version string, verdict reports.Verdict) played {
	return played{peer: peer{Name: "g-" + version, Library: "go-webauthn", Version: version}, report: &reports.Report{Checks: []reports.Check{{ID: "a.b.c", Verdict: verdict}}}}
}

// TestChangelogIsHeld: a claim that the runs do not bear out is an error.
func TestChangelogIsHeld(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("peers/gowebauthn", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		row           string
		before, after reports.Verdict
		want          string
	}{
		{"{version: v2, says: x, checks: [a.b.c], before: v1, after: v2}", reports.Fail, reports.Pass, ""},
		{"{version: v2, says: x, checks: [a.b.c], before: v1, after: v2}", reports.Warn, reports.Pass, ""},
		{"{version: v2, says: x, checks: [a.b.c], before: v1, after: v2}", reports.Pass, reports.Pass, "does not see"},
		{"{version: v2, says: x, checks: [a.b.c], before: v1, after: v2}", reports.NotApplicable, reports.Pass, "does not see"},
		{"{version: v2, says: x, checks: [a.b.c], before: v1, after: v2}", reports.Fail, reports.Fail, "does not see"},
		{"{version: v2, says: x, checks: [a.b.d], before: v1, after: v2}", reports.Fail, reports.Pass, "no check a.b.d"},
		{"{version: v2, says: x, checks: [a.b.c], before: v0, after: v2}", reports.Fail, reports.Pass, "v0 is not among"},
		{"{version: v2, says: x}", reports.Fail, reports.Pass, "either checks or unseen"},
		{"{version: v2, says: x, unseen: why}", reports.Fail, reports.Pass, ""},
	} {
		if err := os.WriteFile("peers/gowebauthn/changelog.yaml", []byte("fixes:\n  - "+c.row+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var w strings.Builder
		err := changelog(&w, []played{fake("v1", c.before), fake("v2", c.after)})
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s %s: %v", c.row, c.before, c.after, err)
		}
	}
}
