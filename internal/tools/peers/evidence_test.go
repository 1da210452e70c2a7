//go:build unix

package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShippedEvidence: each reason of a baseline has its row and each row its reason.
// The source itself is looked at by make peers-test, which has it.
func TestShippedEvidence(t *testing.T) {
	t.Chdir("../../..")
	all, err := loadPeers("peers/peers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	e, err := loadEvidence(evidenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkEvidence(t.Context(), all, e, false, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestLoadEvidence(t *testing.T) {
	const head = "libraries:\n  a: {dir: d}\nevidence:\n"
	row := func(rest string) string { return head + "  - {library: a, reason: \"bug: b\", " + rest + "}\n" }
	for _, c := range []struct{ text, want string }{
		{row("shows: [{file: f, has: [x]}]"), ""},
		{row("shows: [{file: f, func: g, lacks: [x]}]"), ""},
		{row("shows: [{file: f, lacks: [x]}]"), "absence alone"},
		{row("shows: [{file: f, func: g}]"), "absence alone"},
		{row("shows: [{has: [x]}]"), "without file"},
		{row("shows: []"), "shows is empty"},
		{row("shows: [{file: f, has: [/(/]}]"), "missing closing"},
		{row("shows: [{file: f, has: ['']}]"), "pattern is empty"},
		{row("until: v2, shows: [{file: f, has: [x]}]"), "until must be there"},
		{row("show: []"), "unknown field"},
		{strings.Replace(row("shows: [{file: f, has: [x]}]"), "bug: b", "bug: b; since v2 it is not", 1), "until must be there"},
		{strings.Replace(row("shows: [{file: f, has: [x]}]"), "library: a", "library: c", 1), "not among libraries"},
		{strings.Replace(row("shows: [{file: f, has: [x]}]"), "{dir: d}", "{}", 1), "either dir or module"},
	} {
		file := filepath.Join(t.TempDir(), "evidence.yaml")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadEvidence(file)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
}

const javascript = `import x from 'y';
export async function first(a,
    b) {
    if (a) {
        return b;
    }
}
const other = { first: 2 };
class C {
    static parse(data) {
        return data;
    }
    last() { return 9; }
}
`

const python = `class Server(object):
    def begin(
        self, user
    ):
        return user

    def end(self):
        return None
`

const golang = `package p

type T struct{ A int }

func (t *T) Verify() int { return t.A }

func Verify() int {
	return 7
}
`

func TestFunction(t *testing.T) {
	for _, c := range []struct{ file, text, name, has, lacks string }{
		{"a.js", javascript, "first", "return b;", "other"},
		{"a.js", javascript, "parse", "return data;", "last"},
		{"a.py", python, "begin", "return user", "None"},
		{"a.py", python, "end", "None", "user"},
		{"a.go", golang, "T.Verify", "t.A", "7"},
		{"a.go", golang, "Verify", "return 7", "t.A"},
		{"a.go", golang, "T", "A int", "func"},
	} {
		got, err := function(c.file, c.text, c.name)
		if err != nil || !strings.Contains(got, c.has) || strings.Contains(got, c.lacks) {
			t.Errorf("%s %s: %v: %s", c.file, c.name, err, got)
		}
	}
	for _, file := range []string{"a.js", "a.go"} {
		if _, err := function(file, "package p\n", "nobody"); err == nil {
			t.Errorf("%s: nobody is found", file)
		}
	}
}

// TestCheckEvidence: it is good only as long as every reason is shown, everything
// shown is somebody's reason, and what is mended no longer holds where it is.
func TestCheckEvidence(t *testing.T) {
	const (
		lax    = "export function verify(a) {\n    return look(a.one);\n}\n"
		strict = "export function verify(a) {\n    return look(a.one) && look(a.two);\n}\n"
		known  = "accepted:\n  - {id: registration.x, verdict: fail, reason: \"bug: two is not looked at; since v2 it is\"}\n"
		none   = "accepted:\n  - {id: registration.y, verdict: warn, reason: \"server: it says so\"}\n"
		rows   = `libraries:
  lib: {dir: src}
evidence:
  - library: lib
    reason: "bug: two is not looked at; since v2 it is"
    until: v2
    shows: [{file: verify.js, func: verify, has: ["return look(a.one)"], lacks: [two]}]
  - library: lib
    reason: "server: it says so"
    shows: [{in: server, file: server.js, has: [says so]}]
`
	)
	for name, c := range map[string]struct{ old, new, first, second, evidence, want string }{
		"good":                    {lax, strict, known, none, rows, ""},
		"not so":                  {strict, strict, known, none, rows, "does not lack"},
		"is not there":            {"export function verify(a) {\n}\n", strict, known, none, rows, "has not"},
		"not mended":              {lax, lax, known, none, rows, "still hold"},
		"no such function":        {"export const a = 1;\n", strict, known, none, rows, "no function verify"},
		"gone where it is mended": {lax, "export const a = 1;\n", known, none, rows, "no function verify"},
		"a reason without":        {lax, strict, known + "  - {id: registration.z, verdict: fail, reason: \"bug: another\"}\n", none, rows, "nothing in"},
		"a row for nobody":        {lax, strict, known, "accepted: []\n", rows, "no baseline gives"},
		"a version without it":    {lax, strict, known, none, strings.Replace(rows, "    until:", "    versions: [v1, v2]\n    until:", 1), "which does not say"},
		"no such version":         {lax, strict, known, none, strings.Replace(rows, "until: v2", "until: v3", 1), "not among the peers"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(file, text string) {
				t.Helper()
				file = filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var all []peer
			for version, files := range map[string][2]string{"v1": {c.old, c.first}, "v2": {c.new, c.second}} {
				write(version+"/src/verify.js", files[0])
				write(version+"/baseline.yaml", files[1])
				write(version+"/server.js", "// it says so\n")
				all = append(all, peer{Name: "lib-" + version, Library: "lib", Version: version, Dir: filepath.Join(dir, version)})
			}
			write("evidence.yaml", c.evidence)
			e, err := loadEvidence(filepath.Join(dir, "evidence.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err = checkEvidence(context.Background(), all, e, true, &out)
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if c.want == "" && !strings.Contains(out.String(), "2 reasons") {
				t.Errorf("says %q", out.String())
			}
		})
	}
}
