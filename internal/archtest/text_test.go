package archtest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// unsaid are words that no text file of the repository may hold. They are put
// together here so that this file holds none of them either.
var unsaid = []struct {
	pattern *regexp.Regexp
	why     string
}{
	{words("TO"+"DO", "FIX"+"ME"), "what is left to do is not left in the code"},
	{literal(`"resolved"` + `: "http`), "a lock file pins by digest and leaves the address to the reader's own npm (omit-lockfile-registry-resolved=true)"},
	{literal(
		"registry."+"npmjs", "npmjs."+"com", "npmjs."+"org", "yarnpkg."+"com", "jsr."+"io",
		"proxy."+"golang", "sum."+"golang", "goproxy."+"io", "goproxy."+"cn",
		"deb."+"debian", "security."+"debian", "archive."+"ubuntu",
		"pypi."+"org", "pythonhosted."+"org", "crates."+"io", "rubygems."+"org", "nuget."+"org", "repo.maven."+"apache",
		"docker."+"io", "ghcr."+"io", "quay."+"io",
	), "which registry serves a package is the reader's setting, not ours"},
	{literal("../"+"shared", "/work/"+"shared", "/work/"+"main"), "a clone stands alone, in any folder"},
}

// literal matches any of the strings as they are.
func literal(texts ...string) *regexp.Regexp {
	for i := range texts {
		texts[i] = regexp.QuoteMeta(texts[i])
	}
	return regexp.MustCompile(strings.Join(texts, "|"))
}

// words matches any of the strings where it stands as a word.
func words(texts ...string) *regexp.Regexp {
	return regexp.MustCompile(`\b(` + literal(texts...).String() + `)\b`)
}

// offences lists what the file says that no file may say, as file:line: the words and why.
func offences(f file) []string {
	var found []string
	for _, rule := range unsaid {
		for _, at := range rule.pattern.FindAllIndex(f.text, -1) {
			line := 1 + strings.Count(string(f.text[:at[0]]), "\n")
			found = append(found, fmt.Sprintf("%s:%d: %q: %s", f.path, line, f.text[at[0]:at[1]], rule.why))
		}
	}
	return found
}

func TestText(t *testing.T) {
	for _, f := range tree(t) {
		for _, offence := range offences(f) {
			t.Error(offence)
		}
	}
}

// TestOffences shows that each rule finds what it is for and leaves the rest alone.
func TestOffences(t *testing.T) {
	cases := []struct {
		name, text string
		want       string // start of the one offence; empty for none
	}{
		{"nothing", "A list of things to do, fixed by me.\n", ""},
		{"a word to come back to", "one\n// TO" + "DO(ada): two\n", `x:2: "TO` + `DO": what is left`},
		{"part of a longer word", "TO" + "DOS and MATTO" + "DO\n", ""},
		{"a locked address", "{\n \"resolved\"" + ": \"https://x\"}", `x:2: "\"resolved\"` + `: \"http": a lock file`},
		{"a registry", "see https://registry." + "npmjs.example/", `x:1: "registry.` + `npmjs": which registry`},
		{"a page about packages", "see https://pkg.go.dev/crypto", ""},
		{"a folder next door", "cd ../" + "shared/x", `x:1: "../` + `shared": a clone`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got := offences(file{"x", []byte(tc.text)})
			if tc.want == "" {
				if len(got) > 0 {
					t.Errorf("offences = %q; want none", got)
				}
				return
			}
			if len(got) != 1 || !strings.HasPrefix(got[0], tc.want) {
				t.Errorf("offences = %q; want one that starts with %q", got, tc.want)
			}
		})
	}
}
