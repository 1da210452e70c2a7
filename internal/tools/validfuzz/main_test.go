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
	u := unsupported{Message: "no such", Word: "client-data-bom"}
	for _, c := range []struct {
		title, message string
		want           bool
	}{
		{"none usb forms=client-data-bom; ; ", "HTTP 400: no such", true},
		{"none usb forms=x+client-data-bom; ; ", "HTTP 400: no such", true},
		{"none usb forms=; ; x+client-data-bom", "HTTP 400: no such", true},
		{"none usb forms=client-data-bom; ; ", "HTTP 400: other", false},
		{"none usb forms=client-data-bomb; ; ", "HTTP 400: no such", false},
	} {
		if got := u.covers(c.title, c.message); got != c.want {
			t.Errorf("%s, %s: %v", c.title, c.message, got)
		}
	}
	known := []unsupported{{Message: "refused", Reason: "known"}, {Message: "nobody says this", Reason: "stale"}}
	r := &reports.Report{Checks: []reports.Check{{ID: "a", Verdict: reports.Pass}, {ID: "b", Verdict: reports.Fail, Message: "was refused"}}}
	var out bytes.Buffer
	if code := tell(&out, config{}, r, known); code != 1 || !strings.Contains(out.String(), `"nobody says this" sets nothing aside`) {
		t.Errorf("a stale row: exit %d: %s", code, out.String())
	}
	out.Reset()
	if code := tell(&out, config{}, r, known[:1]); code != 0 || !strings.Contains(out.String(), "0 refused") {
		t.Errorf("a declared refusal: exit %d: %s", code, out.String())
	}
	out.Reset()
	if code := tell(&out, config{}, r, nil); code != 1 {
		t.Errorf("an undeclared refusal: exit %d: %s", code, out.String())
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

// TestLots: what one RP hears is bounded, and no story is lost at a seam.
func TestLots(t *testing.T) {
	code, out, errs := fuzz("-n", "520", "-seed", "lots")
	if code != 0 || !strings.Contains(out, "520 stories") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}
