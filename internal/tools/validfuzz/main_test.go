package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
)

func fuzz(args ...string) (int, string, string) {
	var out, errs bytes.Buffer
	code := run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestValidIsAccepted(t *testing.T) {
	code, out, errs := fuzz("-n", "150", "-seed", "test")
	if code != 0 || !regexp.MustCompile(`seed test: 150 stories, \d{3} ceremonies accepted, 0 refused`).MatchString(out) {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

// TestOverStrictIsFound: what refuses legal ceremonies is caught, and the story
// that caught it can be told alone.
func TestOverStrictIsFound(t *testing.T) {
	for _, bug := range []string{"strict-backed-up", "strict-white-space", "strict-hybrid", "strict-counter-signed", "strict-null-aaguid", "strict-u2f-attestation", "strict-only-es256"} {
		code, out, errs := fuzz("-n", "150", "-seed", "test", "-bug", bug)
		if code != 1 || !strings.Contains(out, "was refused") {
			t.Errorf("%s: exit %d: %s%s", bug, code, out, errs)
			continue
		}
		n := regexp.MustCompile(`valid\.ceremonies\.n(\d+)`).FindStringSubmatch(out)
		if code, out, errs := fuzz("-n", "150", "-seed", "test", "-bug", bug, "-only", n[1]); code != 1 || !strings.Contains(out, n[0]) {
			t.Errorf("%s: story %s alone: exit %d: %s%s", bug, n[1], code, out, errs)
		}
	}
}

// TestStoriesDiffer: the seed decides them, and they go into every corner.
func TestStoriesDiffer(t *testing.T) {
	titles := func(seed string) (all []string) {
		for _, c := range stories(seed, 400) {
			all = append(all, c.Title)
		}
		return all
	}
	a := titles("a")
	if !slices.Equal(a, titles("a")) {
		t.Error("one seed, two lists")
	}
	if slices.Equal(a, titles("b")) {
		t.Error("two seeds, one list")
	}
	text := strings.Join(a, "\n")
	for _, want := range []string{"security-key", "early-firmware-key", "u2f", "tpm", "android-key", "apple", "compound", "packed-self", "uv=required", "uv=discouraged", "rk=required",
		"alg=-257", "alg=-48", "alg=-47", "hybrid", "client-data-bom", "client-data-reordered+", "transports-empty", "attestation=indirect"} {
		if !strings.Contains(text, want) {
			t.Errorf("no story has %s", want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range [][]string{{"-n", "x"}, {"-only", "9", "-n", "3"}, {"-bug", "no-such"}, {"-dialect", "no-such"}, {"-target", "https://rp.example", "-profile", "no-such.yaml"}} {
		if code, _, errs := fuzz(args...); code != 2 || errs == "" {
			t.Errorf("%q: exit %d: %s", args, code, errs)
		}
	}
}

// TestUnsupported: a refusal that is declared is set aside, by what it says and the
// word, and a row that sets nothing aside is an offence.
func TestUnsupported(t *testing.T) {
	form := unsupported{Message: "no such", Form: "client-data-bom"}
	word := unsupported{Message: "no such", Word: "alg=-37"}
	format := unsupported{Message: "no such", Formats: []string{"tpm", "apple"}}
	for _, c := range []struct {
		u              unsupported
		title, message string
		want           bool
	}{
		{form, "none usb alg=-7 forms=client-data-bom; ; ", "a valid registration was refused (HTTP 400: no such)", true},
		{form, "none usb alg=-7 forms=x+client-data-bom; ; ", "a valid registration was refused (HTTP 400: no such)", true},
		{form, "none usb alg=-7 forms=; ; x+client-data-bom", "valid login 2 was refused (HTTP 400: no such)", true},
		{form, "none usb alg=-7 forms=; ; x+client-data-bom", "valid login 1 was refused (HTTP 400: no such)", false},
		{form, "none usb alg=-7 forms=; ; x+client-data-bom", "a valid registration was refused (HTTP 400: no such)", false},
		{form, "none usb alg=-7 forms=client-data-bom; ; ", "a valid registration was refused (HTTP 400: other)", false},
		{form, "none usb alg=-7 forms=client-data-bomb; ; ", "a valid registration was refused (HTTP 400: no such)", false},
		{word, "none usb alg=-37 forms=; ; ", "valid login 1 was refused (HTTP 400: no such)", true},
		{word, "none usb alg=-7 forms=; ; ", "valid login 1 was refused (HTTP 400: no such)", false},
		{format, "apple usb alg=0 forms=; ; ", "a valid registration was refused (HTTP 400: no such)", true},
		{format, "hello-tpm  alg=0 forms=; ; ", "a valid registration was refused (HTTP 400: no such)", true},
		{format, "packed usb alg=0 forms=; ; ", "a valid registration was refused (HTTP 400: no such)", false},
	} {
		if got := c.u.covers(c.title, c.message); got != c.want {
			t.Errorf("%+v: %s, %s: %v", c.u, c.title, c.message, got)
		}
	}
	const refusal = "a valid registration was refused (HTTP 400: no)"
	known := []unsupported{{Message: "refused", Reason: "known"}, {Message: "nobody says this", Reason: "stale"}}
	r := &reports.Report{Checks: []reports.Check{
		{ID: "valid.ceremonies.n1", Verdict: reports.Pass}, {ID: "valid.ceremonies.n2", Verdict: reports.Fail, Title: "none usb alg=0 forms=; ; ", Message: refusal},
	}}
	for name, c := range map[string]struct {
		known []unsupported
		code  int
		says  string
	}{
		"a stale row":           {known, 1, `"nobody says this" sets nothing aside`},
		"a declared refusal":    {known[:1], 0, "0 refused"},
		"an undeclared refusal": {nil, 1, "1 refused"},
	} {
		var out bytes.Buffer
		told := sums{Refused: map[string]int{}, NotApplicable: map[string]int{}}
		told.add(&out, config{}, nil, r, c.known)
		if code := told.tell(&out, config{}, c.known); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: exit %d: %s", name, code, out.String())
		}
	}
	for _, text := range []string{"unsupported:\n  - {word: x}\n", "unsupported:\n  - {msg: x}\n", "]"} {
		file := filepath.Join(t.TempDir(), "u.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadUnsupported(file); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// TestChance: what is refused by chance is told once more and leaves no trace in the
// figures, but not for ever.
func TestChance(t *testing.T) {
	known := []unsupported{{Message: "refused", Chance: true, Reason: "dice"}}
	story := []*suites.Check{{ID: "valid.ceremonies.n1-again"}}
	told := sums{Refused: map[string]int{}, NotApplicable: map[string]int{}, onceMore: map[string]int{}}
	var out bytes.Buffer
	verdict := func(v reports.Verdict) {
		r := &reports.Report{Checks: []reports.Check{{ID: story[0].ID, Verdict: v, Title: "none usb forms=; ; ", Message: "a valid registration was refused"}}}
		story = told.add(&out, config{}, story, r, known)
	}
	for n, want := range []string{"valid.ceremonies.n1-again-try1", "valid.ceremonies.n1-again-try2", "valid.ceremonies.n1-again-try3"} {
		if verdict(reports.Fail); len(story) != 1 || story[0].ID != want || told.Undeclared != 0 {
			t.Fatalf("try %d: %v", n, story)
		}
	}
	last := story
	if verdict(reports.Fail); len(story) != 0 || told.Undeclared != 1 || !strings.Contains(out.String(), "refused 4 times") {
		t.Errorf("after the last: %v, %d undeclared: %s", story, told.Undeclared, out.String())
	}
	story = last
	if verdict(reports.Pass); len(story) != 0 || told.AcceptedAgain != 1 || told.Stories != 0 {
		t.Errorf("accepted in the end: %+v", told)
	}
	told = sums{Accepted: 1, onceMore: map[string]int{"dice": 2}}
	if code := told.tell(&out, config{}, known); code != 0 || !strings.Contains(out.String(), "told once more: 2 x refused by chance: dice") {
		t.Errorf("exit %d: %s", code, out.String())
	}
}

// TestLots: what one RP hears is bounded, and no story is lost at a seam.
func TestLots(t *testing.T) {
	code, out, errs := fuzz("-n", "520", "-seed", "lots")
	if code != 0 || !strings.Contains(out, "520 stories") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}
