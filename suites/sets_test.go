package suites_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
)

// freeze is for the one who releases: it writes the lists of the sets named here.
var freeze = flag.String("freeze", "", "write the list of checks of these requirement sets, joined by commas")

// frozen are the digests of the lists of the sets that were released. A set
// never changes: whoever has to change a line here breaks the gates of those who
// run the set, and should add a set instead (docs/sets.md).
var frozen = map[string]string{
	"webauthn-3@2026-05": "0a4cf6b51f021976",
	"fido-server@1.9.1":  "85718d70437ac929",
	"webauthn-2@2021-04": "f2d5fccc946be729",
}

func shipped(t *testing.T) ([]*suites.Set, *suites.Ledger) {
	t.Helper()
	sets, err := suites.Sets()
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := suites.ShippedLedger()
	if err != nil {
		t.Fatal(err)
	}
	return sets, ledger
}

func TestSetsAreConsistent(t *testing.T) {
	sets, ledger := shipped(t)
	if len(sets) == 0 || sets[0].Name != suites.CurrentSet {
		t.Fatalf("the first set is not %s", suites.CurrentSet)
	}
	for _, finding := range suites.LintSets(sets, suites.Catalogue(), ledger) {
		t.Error(finding)
	}
	for _, s := range sets {
		if _, err := reference.Policy(s.Name); err != nil {
			t.Error(err)
		}
	}
}

// Every check is asked in some set: what none asks would never run.
func TestEveryCheckIsInASet(t *testing.T) {
	sets, ledger := shipped(t)
	for _, c := range suites.Catalogue() {
		if !slices.ContainsFunc(sets, func(s *suites.Set) bool { put, _ := s.Put(c, ledger); return put != nil }) {
			t.Errorf("no set asks %s", c.ID)
		}
	}
}

// A released set scores what it scored when it was released.
func TestReleasedSetsStayAsTheyAre(t *testing.T) {
	sets, ledger := shipped(t)
	for _, name := range strings.Split(*freeze, ",") {
		if name == "" {
			continue
		}
		s, err := suites.FindSet(name)
		if err != nil {
			t.Fatal(err)
		}
		head := "# The checks that score in " + name + ", with their levels. Never change it once it is released.\n"
		file := filepath.Join("..", "fixtures", "sets", name+".checks")
		if err := os.WriteFile(file, []byte(head+s.Listing(suites.Catalogue(), ledger)), 0o666); err != nil {
			t.Fatal(err)
		}
		t.Logf("wrote %s; run the test again for its digest", file)
	}
	if *freeze != "" {
		return
	}
	for _, s := range sets {
		if got, want := s.Digest(), frozen[s.Name]; got != want {
			t.Errorf("%s: the list of the checks that score has the digest %q, it was frozen with %q: a set does not change, add another", s.Name, got, want)
		}
	}
	for name := range frozen {
		if _, err := suites.FindSet(name); err != nil {
			t.Errorf("the released set %s is gone", name)
		}
	}
}

// What goes beyond the W3C's text is asked in no set of that text, and says so
// in the one that asks it.
func TestStricterRowsAreSetApart(t *testing.T) {
	sets, ledger := shipped(t)
	stricter := 0
	for _, r := range ledger.Rows() {
		if r.Stricter == "" {
			if strings.HasPrefix(r.ID, "fido-server/") {
				t.Errorf("%s does not say in what it is stricter than the specification", r.ID)
			}
			continue
		}
		stricter++
		for _, s := range sets {
			for _, c := range s.Choose(suites.Catalogue(), ledger) {
				if !slices.Contains(c.Requirements, r.ID) {
					continue
				}
				if strings.HasPrefix(s.Name, "webauthn-") {
					t.Errorf("%s: %s cites %s, which is stricter than the specification", s.Name, c.ID, r.ID)
				}
				if c.Stricter == "" || c.Requirements[0] != r.ID && !strings.HasPrefix(c.Requirements[0], "fido-server/") {
					t.Errorf("%s: %s does not say that it is stricter: %q, %v", s.Name, c.ID, c.Stricter, c.Requirements)
				}
				if c.Level != suites.Must {
					t.Errorf("%s: %s has level %s, %s is a MUST", s.Name, c.ID, c.Level, r.ID)
				}
			}
		}
	}
	if stricter < 10 {
		t.Errorf("%d rows are stricter than the specification, want at least 10", stricter)
	}
}

func TestPut(t *testing.T) {
	_, ledger := shipped(t)
	for _, tc := range []struct {
		set, check string
		level      suites.Level
		first      string
		reason     string
	}{
		{"webauthn-3@2026-05", "authentication.counter.does-not-grow", suites.Posture, "webauthn-3/7.2/step-22", ""},
		{"fido-server@1.9.1", "authentication.counter.does-not-grow", suites.Must, "fido-server/counter", ""},
		{"webauthn-3@2026-05", "registration.fido-u2f.aaguid-not-zero", "", "", "stricter"},
		{"fido-server@1.9.1", "registration.fido-u2f.aaguid-not-zero", suites.Must, "fido-server/u2f-zero-aaguid", ""},
		{"webauthn-2@2021-04", "registration.client-data.cross-origin-true", "", "", "crossOrigin"},
		{"webauthn-2@2021-04", "registration.client-data.token-binding-not-negotiated", suites.Must, "webauthn-2/7.1/step-10", ""},
		{"webauthn-3@2026-05", "registration.client-data.token-binding-not-negotiated", "", "", "Level 2"},
		{"webauthn-2@2021-04", "authentication.authenticator-data.backed-up-but-not-eligible", "", "", "backup flags"},
		{"webauthn-2@2021-04", "registration.authenticator-data.user-not-present", suites.Must, "webauthn-2/7.1/step-14", ""},
	} {
		s, err := suites.FindSet(tc.set)
		if err != nil {
			t.Fatal(err)
		}
		c, ok := suites.Find(tc.check)
		if !ok {
			t.Fatalf("no check %s", tc.check)
		}
		put, reason := s.Put(c, ledger)
		if (put == nil) != (tc.reason != "") || !strings.Contains(reason, tc.reason) {
			t.Errorf("%s in %s: %v, %q; want reason %q", tc.check, tc.set, put != nil, reason, tc.reason)
			continue
		}
		if put != nil && (put.Level != tc.level || put.Requirements[0] != tc.first) {
			t.Errorf("%s in %s: %s by %s; want %s by %s", tc.check, tc.set, put.Level, put.Requirements[0], tc.level, tc.first)
		}
	}
}

// A set of Level 2 cites Level 2.
func TestReadings(t *testing.T) {
	_, ledger := shipped(t)
	s, err := suites.FindSet("webauthn-2@2021-04")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Choose(suites.Catalogue(), ledger) {
		for _, id := range c.Requirements {
			row, _ := ledger.Row(id)
			if r := s.Requirement(row); strings.Contains(r.Anchor, "/TR/webauthn-3/") {
				t.Errorf("%s cites %s", c.ID, r.Anchor)
			}
		}
	}
}

// A check that a frozen set does not list runs and does not score; one that it
// lists has the level that it had.
func TestFrozenSet(t *testing.T) {
	_, ledger := shipped(t)
	all := suites.Catalogue()
	first, second := all[0], all[1]
	load := func(list string) ([]*suites.Set, error) {
		return suites.LoadSets(fstest.MapFS{
			"x@1.yaml":   {Data: []byte("set: x@1\ntitle: T\nabout: A\n")},
			"x@1.checks": {Data: []byte(list)},
		})
	}
	sets, err := load("# a comment\nPOSTURE " + first.ID + "\n")
	if err != nil {
		t.Fatal(err)
	}
	s := sets[0]
	if put, _ := s.Put(first, ledger); put == nil || put.Unscored != "" || put.Level != suites.Posture {
		t.Errorf("%s: %+v; want it scored as a posture", first.ID, put)
	}
	if put, _ := s.Put(second, ledger); put == nil || put.Unscored != "added after x@1 was frozen" {
		t.Errorf("%s: %+v; want it not to score", second.ID, put)
	}
	if !s.Frozen() || s.Digest() == "" || !slices.Equal(s.Scored(), []string{first.ID}) {
		t.Errorf("frozen %t, digest %q, scored %v", s.Frozen(), s.Digest(), s.Scored())
	}
	other, err := load("MUST " + first.ID + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if other[0].Digest() == s.Digest() {
		t.Error("another level has the same digest")
	}
	gone, err := load("MUST registration.never.there\n")
	if err != nil {
		t.Fatal(err)
	}
	if found := suites.LintSets(gone, all, ledger); len(found) != 1 || !strings.Contains(found[0], "no longer there") {
		t.Errorf("a frozen check that is gone: %v", found)
	}
	for list, want := range map[string]string{
		"MAYBE " + first.ID + "\n": `line 1: "MAYBE`,
		"MUST a.b\n":               "is not a level and the id",
		"MUST " + first.ID + "\nMUST " + first.ID + "\n": "line 2: " + first.ID + " stands here twice",
	} {
		if _, err := load(list); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "sets/x@1.checks") {
			t.Errorf("list %q: %v; want %q", list, err, want)
		}
	}
	if _, err := suites.LoadSets(fstest.MapFS{"y.yaml": {Data: []byte("set: x@1\n")}}); err == nil || !strings.Contains(err.Error(), "not as its file") {
		t.Errorf("a set under another name: %v", err)
	}
	if _, err := suites.LoadSets(fstest.MapFS{"y.yaml": {Data: []byte("set: y\nscores: all\n")}}); err == nil || !strings.Contains(err.Error(), "sets/y.yaml") {
		t.Errorf("an unknown member: %v", err)
	}
}

func TestFindSet(t *testing.T) {
	if s, err := suites.FindSet(""); err != nil || s.Name != suites.CurrentSet {
		t.Errorf("FindSet of nothing = %v, %v", s, err)
	}
	_, err := suites.FindSet("webauthn-9")
	var unknown *suites.UnknownSetError
	if !errors.As(err, &unknown) || !slices.Contains(unknown.Sets, suites.CurrentSet) {
		t.Errorf("FindSet(webauthn-9) = %v; want the sets named", err)
	}
}

// The reference RP is clean in every set, in every dialect, under the set's policy.
func TestReferenceIsCleanInEverySet(t *testing.T) {
	sets, _ := shipped(t)
	for _, s := range sets {
		if s.Name == suites.CurrentSet {
			continue // TestReferenceRPIsClean runs it, and more
		}
		t.Run(s.Name, func(t *testing.T) {
			r := setRun(t, s.Name, nil)
			wantClean(t, r)
			if r.Suite.Set != s.Name {
				t.Errorf("the report is of %s", r.Suite.Set)
			}
		})
	}
}

// Without the policy of the stricter set, each check that goes beyond the
// specification fails: the reference RP is not stricter by itself.
func TestStricterChecksFailWithoutThePolicy(t *testing.T) {
	sets, ledger := shipped(t)
	for _, tc := range []struct {
		set    string
		checks []string
	}{
		{"fido-server@1.9.1", []string{
			"authentication.counter.does-not-grow", "authentication.counter.stands-still", "registration.fido-u2f.aaguid-not-zero", "registration.packed.chain-includes-anchor",
			"registration.client-data.token-binding-not-an-object", "registration.client-data.token-binding-without-status", "registration.client-data.token-binding-status-unknown",
			"authentication.client-data.token-binding-not-an-object", "authentication.client-data.token-binding-without-status", "authentication.client-data.token-binding-status-unknown",
		}},
		{"webauthn-2@2021-04", []string{"registration.client-data.token-binding-not-negotiated", "authentication.client-data.token-binding-not-negotiated"}},
	} {
		s := sets[slices.IndexFunc(sets, func(s *suites.Set) bool { return s.Name == tc.set })]
		r := setRun(t, tc.set, tc.checks)
		wantClean(t, r)
		picked, err := suites.Select(suites.Catalogue(), tc.checks)
		if err != nil || len(s.Choose(picked, ledger)) != len(tc.checks) {
			t.Fatalf("%s asks not all of %v: %v", tc.set, tc.checks, err)
		}
		lax := referenceRun(t, []string{"fido"}, nil, func(c *suites.Config) { c.Checks, c.Set = picked, tc.set })
		if lax.Summary.Failed != len(tc.checks) {
			t.Errorf("%s: %d of %d checks fail on an RP with the policy of %s", tc.set, lax.Summary.Failed, len(tc.checks), suites.CurrentSet)
		}
		for _, c := range lax.Checks {
			if (c.Stricter != "") != (tc.set == "fido-server@1.9.1") {
				t.Errorf("%s: %s is stricter: %q", tc.set, c.ID, c.Stricter)
			}
		}
	}
}

// setRun runs a set on the reference RP with the set's policy.
func setRun(t *testing.T, set string, globs []string) *reports.Report {
	t.Helper()
	cfg, err := reference.Config(reference.RPID, reference.Origin)
	if err != nil {
		t.Fatal(err)
	}
	if err := reference.Apply(&cfg, set); err != nil {
		t.Fatal(err)
	}
	server, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := reference.Targets(server, reference.Dialects(), "seed")
	if err != nil {
		t.Fatal(err)
	}
	checks, err := suites.Select(suites.Catalogue(), globs)
	if err != nil {
		t.Fatal(err)
	}
	r, err := suites.Run(t.Context(), suites.Config{Targets: targets, Clients: []client.Client{client.NewVirtual()}, Checks: checks, Set: set, Seed: "seed"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
