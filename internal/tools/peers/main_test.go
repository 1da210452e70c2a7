//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
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

// TestProfiles: every profile that is given as an example loads, and some RP is
// tested with it: a peer, or a server of suites/rptest in its project's wire form.
func TestProfiles(t *testing.T) {
	t.Chdir("../../..")
	all, err := loadPeers("peers/peers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	forms, err := os.ReadFile("suites/rptest/profiles_test.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("examples/profiles/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no example profiles: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := target.LoadProfile(file, data)
		if err != nil {
			t.Error(err)
			continue
		}
		if p.Title() == "" || len(p.Documents()) == 0 {
			t.Errorf("%s: title and documents must say whose API this is and where it is written", file)
		}
		tested := slices.ContainsFunc(all, func(p peer) bool { return p.Profile == file }) || strings.Contains(string(forms), `"`+filepath.Base(file)+`"`)
		if !tested {
			t.Errorf("%s: nothing is tested with it (add a peer, or a row in suites/rptest/profiles_test.go)", file)
		}
	}
	for _, p := range all {
		if p.Profile != "" && !slices.Contains(files, p.Profile) {
			t.Errorf("peers/peers.yaml: %s: %s is not in examples/profiles", p.Name, p.Profile)
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

// TestOdd: what is put once more is what the baseline does not say, in either direction.
func TestOdd(t *testing.T) {
	b := &reports.Baseline{Entries: []reports.BaselineEntry{{ID: "a.b.known", Verdict: reports.Fail, Reason: "bug: x"}, {ID: "a.b.mended", Verdict: reports.Warn, Reason: "bug: x"}}}
	r := &reports.Report{Checks: []reports.Check{
		{ID: "a.b.known", Verdict: reports.Fail}, {ID: "a.b.mended", Verdict: reports.Pass}, {ID: "a.b.fine", Verdict: reports.Pass},
		{ID: "a.b.absent", Verdict: reports.NotApplicable}, {ID: "a.b.new", Verdict: reports.NotTestable, Client: "virtual"}, {ID: "a.b.new", Verdict: reports.Warn, Client: "chrome"},
	}}
	if got := strings.Join(odd(r, b), " "); got != "a.b.new a.b.mended" {
		t.Errorf("odd: %s", got)
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
