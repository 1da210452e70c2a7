package main

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
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
