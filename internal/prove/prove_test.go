package prove_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/prove"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

func bugs(t testing.TB, names ...string) []rp.Bug {
	t.Helper()
	var out []rp.Bug
	for _, name := range names {
		b, err := rp.FindBug(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// checks of the families that smoke needs, to keep it quick.
func checks(t testing.TB, globs ...string) []*suites.Check {
	t.Helper()
	list, err := suites.Select(suites.Catalogue(), globs)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCatalogueIsSound(t *testing.T) {
	ledger, err := suites.ShippedLedger()
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^[a-z0-9.-]+$`)
	seen := map[string]bool{}
	distinct, strict := 0, 0
	byClass := map[string]int{}
	for _, b := range rp.Bugs() {
		if !name.MatchString(b.Name) || seen[b.Name] {
			t.Errorf("%q: not lower-case words, or used twice", b.Name)
		}
		seen[b.Name] = true
		if b.Title == "" || b.Class == "" || strings.HasSuffix(b.Title, ".") {
			t.Errorf("%s: title %q, class %q", b.Name, b.Title, b.Class)
		}
		if _, ok := ledger.Row(b.Requirement); !ok && !strings.HasPrefix(b.Requirement, "https://") {
			t.Errorf("%s: the requirement %q is neither in the ledger nor an anchor", b.Name, b.Requirement)
		}
		if !slices.Contains(ceremony.Severities, b.Severity) {
			t.Errorf("%s: severity %q", b.Name, b.Severity)
		}
		for _, d := range []string{b.Dialect, b.SeenIn} {
			if d == "" {
				continue
			}
			if _, err := reference.Profile(d); err != nil {
				t.Errorf("%s: no dialect %q", b.Name, d)
			}
		}
		if b.Like != "" && !seen[b.Like] {
			t.Errorf("%s is like %q, which does not come before it", b.Name, b.Like)
		}
		if b.OverStrict {
			strict++
		}
		if b.Like == "" {
			distinct++
			byClass[b.Class]++
		}
	}
	if distinct < 120 || strict < 20 {
		t.Errorf("%d distinct bugs of which %d over-strict, want at least 120 and 20", distinct, strict)
	}
	t.Logf("%d bugs, %d distinct, %d over-strict: %v", len(seen), distinct, strict, byClass)
	for _, id := range prove.Excused() {
		if _, ok := suites.Find(id); !ok {
			t.Errorf("%s is excused and is no check", id)
		}
	}
}

// Every requirement that can be tested over the wire has a bug filed under it
// that breaks it, or the reason why none can; that the bug is caught by a check
// which cites the requirement, only the proof of all bugs shows.
func TestEveryRequirementHasABug(t *testing.T) {
	ledger, err := suites.ShippedLedger()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range prove.Coverage(ledger, suites.Catalogue(), rp.Bugs(), nil) {
		switch {
		case c.Testable() && len(c.Bugs) == 0 && prove.Unshown(c.ID) == "":
			t.Errorf("%s: no bug breaks it, and coverage.go says no reason", c.ID)
		case !c.Testable() && len(c.Bugs) > 0:
			t.Errorf("%s: said not to be testable, and %v break it", c.ID, c.Bugs)
		}
	}
	for _, b := range rp.Bugs() {
		for _, r := range b.Requirements() {
			if _, ok := ledger.Row(r); !ok {
				t.Errorf("%s: %s is not in the ledger", b.Name, r)
			}
		}
	}
}

// Every step that judges is left out by a bug, or has the reason why not.
func TestEveryStepHasABug(t *testing.T) {
	for _, s := range ceremony.Steps() {
		if !s.Check {
			continue
		}
		_, err := rp.FindBug("skips-" + s.Name)
		if why := ceremony.Unnoticeable(s.Name); (err == nil) == (why != "") {
			t.Errorf("%s: bug %v, unnoticeable because %q", s.Name, err == nil, why)
		}
	}
}

// The documentation promises so many bugs that refuse what is legal.
func TestOverStrictBugsAreMany(t *testing.T) {
	n := 0
	for _, b := range rp.Bugs() {
		if b.Class == "over-strict" && b.Like == "" {
			n++
		}
	}
	if n < 50 {
		t.Errorf("%d over-strict bugs; docs/prove.md says at least 50", n)
	}
}

// One bug of every kind of hook, through the whole of prove.
func TestSmoke(t *testing.T) {
	table, err := prove.Run(t.Context(), prove.Config{
		Seed: "smoke",
		Bugs: bugs(t, "origin-prefix", "challenge-missing", "challenge-constant", "challenge-survives-refusal", "rp-id-hash-zero", "presence-by-verification",
			"verification-lost-on-second-login", "signature-of-zeroes", "foreign-credential", "stored-before-verified", "user-id-changes", "unknown-user-refused",
			"alg-as-text", "crash-body-null", "body-unreadable", "session-before-verification", "strict-white-space", "skips-7.1.20", "counter-equal"),
		Checks: checks(t, "registration.options.*", "registration.client-data.*", "authentication.authenticator-data.*", "authentication.signature.*", "authentication.challenge.*",
			"authentication.credential.*", "registration.result.*", "authentication.options.*", "authentication.envelope.*", "authentication.session.*", "authentication.accepted.*", "registration.public-key.*", "authentication.counter.*"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range table.Bugs {
		if r.Error != "" || !r.Killed() {
			t.Errorf("%s: killed by %v %s", r.Name, r.KilledBy, r.Error)
		}
	}
	if !table.Good() {
		t.Errorf("the table is not good: %s", table.Summary())
	}
	var text, page bytes.Buffer
	if err := table.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := table.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, r := range table.Bugs {
		if len(r.ModelledOn) > 0 && !strings.Contains(page.String(), r.ModelledOn[0]) {
			t.Errorf("%s: the page does not tell what it is modelled on", r.Name)
		}
		if !strings.Contains(text.String(), r.Name) || !strings.Contains(page.String(), r.Name) {
			t.Errorf("%s is missing from the text or the page", r.Name)
		}
	}
}

// A bug that the checks asked cannot see survives, and comes first.
func TestSurvivorsComeFirst(t *testing.T) {
	table, err := prove.Run(t.Context(), prove.Config{Seed: "s", Bugs: bugs(t, "origin-prefix", "signature-of-zeroes"), Checks: checks(t, "authentication.signature.*")})
	if err != nil {
		t.Fatal(err)
	}
	if table.Good() || len(table.Survivors()) != 1 || table.Survivors()[0].Name != "origin-prefix" {
		t.Fatalf("survivors %v; want origin-prefix alone", table.Survivors())
	}
	var text bytes.Buffer
	if err := table.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(text.String(), "\n"); strings.TrimSpace(first) != "survivors" {
		t.Errorf("the table begins with %q", first)
	}
}

func TestResumeKeepsWhatWasDone(t *testing.T) {
	cfg := prove.Config{Seed: "s", Bugs: bugs(t, "signature-of-zeroes", "signature-unreadable"), Checks: checks(t, "authentication.signature.*"), Jobs: 1}
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Progress = func(int, int, prove.Result) { cancel() }
	var saved *prove.Table
	cfg.Save, cfg.SaveEvery = func(so *prove.Table) { saved = so }, time.Nanosecond
	first, err := prove.Run(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Save = nil
	if saved == nil || saved.Complete || len(saved.Bugs) != 1 || !saved.Bugs[0].Killed() || saved.Continues(cfg) != nil {
		t.Errorf("saved on the way: %+v; want the bug that was done, in a table to go on from", saved)
	}
	if first.Complete || len(first.Bugs) != 1 {
		t.Fatalf("%d bugs were tried before the interruption, complete %v; want one", len(first.Bugs), first.Complete)
	}
	data, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Earlier = &prove.Table{}
	if err := json.Unmarshal(data, cfg.Earlier); err != nil {
		t.Fatal(err)
	}
	cfg.Earlier.Bugs[0].KilledBy = []string{"kept"}
	cfg.Progress = nil
	second, err := prove.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !second.Complete || !slices.Equal(second.Bugs[0].KilledBy, []string{"kept"}) || !second.Bugs[1].Killed() {
		t.Errorf("after resuming: %+v", second.Bugs)
	}
	other := cfg
	other.Seed = "another"
	if _, err := prove.Run(t.Context(), other); err == nil || !strings.Contains(err.Error(), `the seed "s"`) {
		t.Errorf("a table of another seed was taken: %v", err)
	}
	other = cfg
	other.Checks = other.Checks[1:]
	if _, err := prove.Run(t.Context(), other); err == nil || !strings.Contains(err.Error(), "other checks") {
		t.Errorf("a table of other checks was taken: %v", err)
	}
}

// What is left out because the bug would make no difference to it catches
// nothing: each kind of bug that looks on, with every check and without.
func TestLeavingOutLosesNothing(t *testing.T) {
	cfg := prove.Config{
		Seed: "whole",
		Bugs: bugs(t, "origin-prefix", "skips-7.1.9", "skips-7.2.21", "skips-8.2.signature", "foreign-credential", "account-of-handle", "credential-by-prefix",
			"member-names-case-folded", "signature-of-zeroes", "strict-member-order", "strict-user-handle", "crash-body-null", "hang-on-deep-body", "id-unread", "strict-body-members",
			"dfns-user-action-any-path", "fortanix-owed-token-serves", "session-before-verification"),
		Checks: checks(t, "registration.client-data.*", "registration.attestation.*", "registration.packed.*", "registration.accepted.*", "registration.envelope.*", "authentication.client-data.*",
			"authentication.signature.*", "authentication.credential.*", "authentication.accepted.*", "authentication.envelope.*", "authentication.authenticator-data.*", "authentication.session.*", "dfns.user-action.*", "fortanix.session.*"),
	}
	less, err := prove.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.AllChecks = true
	all, err := prove.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range all.Bugs {
		if r.Unreached != 0 {
			t.Errorf("%s: %d checks were left out of all", r.Name, r.Unreached)
		}
		if !r.Killed() || !slices.Equal(r.KilledBy, less.Bugs[i].KilledBy) {
			t.Errorf("%s: killed by %v, by all checks %v", r.Name, less.Bugs[i].KilledBy, r.KilledBy)
		}
		if less.Bugs[i].Unreached == 0 {
			t.Errorf("%s: nothing was left out, so nothing was shown", r.Name)
		}
	}
}

// Over HTTP a bug has the verdicts that prove found, and nothing tells its name.
func TestOverHTTPTheSame(t *testing.T) {
	list := checks(t, "authentication.signature.*", "authentication.client-data.origin-*", "authentication.accepted.*", "authentication.credential.*", "authentication.challenge.*",
		"authentication.counter.*", "authentication.session.*", "authentication.options.*", "authentication.authenticator-data.rp-id*", "registration.result.*")
	// A posture check is red in no report: what it finds is told, not judged.
	list = slices.DeleteFunc(list, func(c *suites.Check) bool { return c.Level == suites.Posture })
	for _, b := range bugs(t, "origin-prefix", "signature-of-zeroes", "strict-white-space", "challenge-constant", "foreign-credential", "rp-id-hash-zero",
		"unknown-user-refused", "session-before-verification", "stored-before-verified", "skips-7.2.21", "credential-by-prefix", "body-unreadable") {
		t.Run(b.Name, func(t *testing.T) {
			table, err := prove.Run(t.Context(), prove.Config{Seed: "s", Bugs: []rp.Bug{b}, Checks: list})
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := reference.Config(reference.RPID, reference.Origin)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Bug = b.Name
			server, err := rp.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			var named atomic.Bool
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rec := httptest.NewRecorder()
				server.ServeHTTP(rec, r)
				var all bytes.Buffer
				_ = rec.Header().Write(&all)
				all.Write(rec.Body.Bytes())
				if bytes.Contains(all.Bytes(), []byte(b.Name)) {
					named.Store(true)
				}
				for k, v := range rec.Header() {
					w.Header()[k] = v
				}
				w.WriteHeader(rec.Code)
				_, _ = io.Copy(w, rec.Body)
			}))
			defer srv.Close()
			profile, err := reference.Profile("fido")
			if err != nil {
				t.Fatal(err)
			}
			tgt, err := target.New(profile, target.Options{URL: srv.URL, RPID: reference.RPID, Origin: reference.Origin, Seed: []byte("s")})
			if err != nil {
				t.Fatal(err)
			}
			report, err := suites.Run(t.Context(), suites.Config{Targets: []*target.Target{tgt}, Clients: []client.Client{client.NewVirtual()}, Checks: list, Seed: "s"})
			if err != nil {
				t.Fatal(err)
			}
			var red []string
			for _, c := range report.Checks {
				if c.Verdict == reports.Fail || c.Verdict == reports.Warn {
					red = append(red, c.ID)
				}
			}
			if len(red) == 0 || !slices.Equal(red, table.Bugs[0].KilledBy) {
				t.Errorf("over HTTP %v, in this process %v", red, table.Bugs[0].KilledBy)
			}
			if named.Load() {
				t.Error("the wire tells that there is a bug")
			}
		})
	}
}
