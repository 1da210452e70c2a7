package suites_test

import (
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/suites"
)

func TestCatalogueIsConsistent(t *testing.T) {
	ledger, err := suites.ShippedLedger()
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range suites.Lint(suites.Catalogue(), ledger) {
		t.Error(finding)
	}
	for _, finding := range suites.LintLedger(ledger, suites.Catalogue()) {
		t.Error(finding)
	}
}

// What differs in the algorithm or the format alone counts once.
func TestCatalogueIsNotSmall(t *testing.T) {
	all := suites.Catalogue()
	if n := suites.Distinct(all); n < 350 || n >= len(all) {
		t.Errorf("%d distinct checks of %d, want at least 350", n, len(all))
	}
	few, err := suites.Select(all, []string{"registration.trust-*.expired", "registration.*.signature-flipped", "authentication.algorithms.*-with-*"})
	if err != nil {
		t.Fatal(err)
	}
	if n := suites.Distinct(few); n != 3 {
		t.Errorf("%d distinct checks, want 3: one of trust, one of signatures, one of paddings", n)
	}
}

func TestLintFindsMistakes(t *testing.T) {
	ledger, err := suites.ShippedLedger()
	if err != nil {
		t.Fatal(err)
	}
	good := suites.Check{ID: "a.b.c", Title: "T", Why: "w", Level: suites.Must, Requirements: []string{"webauthn-3/7.1/step-7"}, Ceremony: suites.Registration, Expect: suites.Accept}
	if found := suites.Lint([]*suites.Check{&good}, ledger); len(found) > 0 {
		t.Fatalf("Lint(good) = %v; want nothing", found)
	}
	for _, tc := range []struct {
		name  string
		spoil func(*suites.Check)
		want  string
	}{
		{"ordinal id", func(c *suites.Check) { c.ID = "a.b" }, "the id is not"},
		{"upper case", func(c *suites.Check) { c.ID = "a.B.c" }, "the id is not"},
		{"no requirement", func(c *suites.Check) { c.Requirements = nil }, "cites no requirement"},
		{"unknown requirement", func(c *suites.Check) { c.Requirements = []string{"x/y"} }, "not in the ledger"},
		{"level beyond keyword", func(c *suites.Check) { c.Requirements = []string{"webauthn-3/7.1/step-26"} }, "does not fit"},
		{"rejection without a fault", func(c *suites.Check) { c.Expect = suites.Reject }, "exactly one fault"},
		{"no expectation", func(c *suites.Check) { c.Expect = "" }, "neither a story nor an expectation"},
		{"no why", func(c *suites.Check) { c.Why = "" }, "title and why"},
	} {
		c := good
		tc.spoil(&c)
		found := strings.Join(suites.Lint([]*suites.Check{&c}, ledger), "\n")
		if !strings.Contains(found, tc.want) {
			t.Errorf("%s: Lint = %q; want %q in it", tc.name, found, tc.want)
		}
	}
	if found := suites.Lint([]*suites.Check{&good, &good}, ledger); len(found) == 0 {
		t.Error("an id used twice goes unnoticed")
	}
}

func TestSelect(t *testing.T) {
	all := suites.Catalogue()
	for _, tc := range []struct {
		globs []string
		check func(n int) bool
		err   string
	}{
		{nil, func(n int) bool { return n == len(all) }, ""},
		{[]string{"*"}, func(n int) bool { return n == len(all) }, ""},
		{[]string{"registration.client-data.*"}, func(n int) bool { return n > 20 && n < len(all) }, ""},
		{[]string{"registration.accepted.plain"}, func(n int) bool { return n == 1 }, ""},
		{[]string{"*.plain", "registration.accepted.plain"}, func(n int) bool { return n == 2 }, ""},
		{[]string{"registration.accepted.plane"}, nil, "did you mean registration.accepted."},
		{[]string{"zzz"}, nil, "touchstone list"},
	} {
		got, err := suites.Select(all, tc.globs)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("Select(%v) error = %v; want %q in it", tc.globs, err, tc.err)
			}
			continue
		}
		if err != nil || !tc.check(len(got)) {
			t.Errorf("Select(%v) = %d checks, %v", tc.globs, len(got), err)
		}
	}
}
