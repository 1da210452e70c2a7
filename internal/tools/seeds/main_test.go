package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
	"github.com/touchstone-webauthn/touchstone/suites"
)

func testPlan(t *testing.T, globs ...string) (*plan, *bytes.Buffer) {
	t.Helper()
	sets, err := suites.Sets()
	if err != nil {
		t.Fatal(err)
	}
	checks, err := suites.Select(suites.Catalogue(), globs)
	if err != nil {
		t.Fatal(err)
	}
	out := &bytes.Buffer{}
	return &plan{sets: sets, dialects: []string{"fido"}, seeds: 1, checks: checks, out: out}, out
}

// A bug that shows in any of the sets, in that one alone or in all, is told with
// the command that shows it; the sound RP is clean in the same.
func TestRed(t *testing.T) {
	type finding struct{ bug, set, check string }
	findings := []finding{
		{"origin-prefix", "webauthn-3@2026-05", "registration.client-data.origin-*"},
		// These judge by what one policy has and the others have not.
		{"skips-7.2.22", "fido-server@1.9.1", "authentication.counter.*"},
		{"challenge-of-96-bytes", "fido-server@1.9.1", "*.options.challenge-not-too-long"},
		{"rp-id-left-out", "fido-server@1.9.1", "*.options.rp-id-named"},
		{"strict-uvm", "webauthn-2@2021-04", "*.extensions.uvm-not-acted-on"},
	}
	for _, b := range ceremony.Bugs() {
		if b.Set != "" && !slices.ContainsFunc(findings, func(f finding) bool { return f.bug == b.Name }) && !strings.HasPrefix(b.Name, "skips-") {
			t.Errorf("the bug %s shows in %s alone, and has no row here", b.Name, b.Set)
		}
	}
	for _, f := range findings {
		t.Run(f.bug, func(t *testing.T) {
			p, _ := testPlan(t, f.check, "registration.accepted.plain")
			if err := p.all(t.Context(), []string{"virtual"}); err != nil {
				t.Fatalf("the sound RP: %v", err)
			}
			p.bug = f.bug
			err := p.all(t.Context(), []string{"virtual"})
			if err == nil {
				t.Fatal("the bug is not noticed")
			}
			command := regexp.MustCompile(`touchstone run --client virtual --dialect fido --check \S+ --set (\S+) --seed 1 --strict`).FindStringSubmatch(err.Error())
			if command == nil || command[1] != f.set {
				t.Errorf("want a command for %s, got: %v", f.set, err)
			}
		})
	}
}

// What counts for a set without being played under it has the verdict that it
// has when it is played under it.
func TestSharedIsTheSame(t *testing.T) {
	verdicts := func(apart bool, client string, globs ...string) map[string]string {
		p, _ := testPlan(t, globs...)
		p.apart, p.dialects = apart, []string{"fido", "nevis"}
		got := map[string]string{}
		var mu sync.Mutex
		p.seen = func(o *one, set string, c *reports.Check) {
			mu.Lock()
			defer mu.Unlock()
			// A posture that was found wanting is in the notes.
			got[set+" "+o.dialect+" "+c.ID] = fmt.Sprint(c.Verdict, c.Reason, c.Message, c.Notes)
		}
		if err := p.all(t.Context(), []string{client}); err != nil {
			t.Fatal(err)
		}
		return got
	}
	clients := []string{"virtualwebauthn", "virtual"}
	if raceDetector {
		clients = clients[:1]
	}
	for _, c := range clients {
		shared, apart := verdicts(false, c), verdicts(true, c)
		if len(shared) != len(apart) || len(apart) == 0 {
			t.Errorf("%s: %d verdicts, and %d where each set is played whole", c, len(shared), len(apart))
		}
		for name, want := range apart {
			if shared[name] != want {
				t.Errorf("%s: %s is %q, and %q where each set is played whole", c, name, shared[name], want)
			}
		}
	}
}

// Little enough is played again to be worth it, and what a policy is for is
// always among it.
func TestPlayedAgain(t *testing.T) {
	p, out := testPlan(t)
	if err := p.all(t.Context(), []string{"virtual"}); err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^(\S+): clean in 1 dialects through virtual .*: (\d+) verdicts, (\d+) played again`).FindAllStringSubmatch(out.String(), -1) {
		var all, again int
		fmt.Sscan(m[2], &all)
		fmt.Sscan(m[3], &again)
		if again == 0 || again > all/5 {
			t.Errorf("%s: %d of %d verdicts were played again", m[1], again, all)
		}
	}
	if n := strings.Count(out.String(), "verdicts"); n != len(p.sets) {
		t.Errorf("it says:\n%s", out)
	}
}

func TestNotClean(t *testing.T) {
	o := &one{plan: &plan{}, client: client.NewVirtual(), flag: "webdriver:http://h:1?a={\"b\":1}", dialect: "fido", seed: "4"}
	fine := func() *reports.Report {
		return &reports.Report{Checks: []reports.Check{{ID: "a.b.c", Verdict: reports.Pass}, {ID: "a.b.d", Verdict: reports.NotApplicable}}, Health: []reports.Health{{OK: true}}}
	}
	if err := o.notClean("s", fine()); err != nil {
		t.Errorf("pass and not-applicable: %v", err)
	}
	for name, spoil := range map[string]func(*reports.Report){
		"fail":           func(r *reports.Report) { r.Checks[0].Verdict = reports.Fail },
		"warn":           func(r *reports.Report) { r.Checks[0].Verdict = reports.Warn },
		"not-testable":   func(r *reports.Report) { r.Checks[0].Verdict = reports.NotTestable },
		"error":          func(r *reports.Report) { r.Checks[0].Verdict = reports.Error },
		"does not score": func(r *reports.Report) { r.Checks[0].Verdict, r.Checks[0].Unscored = reports.Fail, "new" },
		"health":         func(r *reports.Report) { r.Health[0].OK = false },
		"stopped":        func(r *reports.Report) { r.Stopped = &reports.Stop{Message: "gone"} },
	} {
		r := fine()
		spoil(r)
		err := o.notClean("s", r)
		if err == nil || !strings.Contains(err.Error(), `touchstone run --client 'webdriver:http://h:1?a={"b":1}' --dialect fido`) || !strings.Contains(err.Error(), "--set s --seed 4 --strict") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A check that a set asks and nobody played is no clean one.
func TestNoVerdict(t *testing.T) {
	p, _ := testPlan(t, "registration.accepted.plain", "authentication.accepted.plain")
	o := &one{plan: p, client: client.NewVirtual(), flag: "virtual", dialect: "fido", seed: "1"}
	sum := map[string]*tally{p.sets[0].Name: {}}
	r := &reports.Report{Checks: []reports.Check{{ID: "registration.accepted.plain", Verdict: reports.Pass}}}
	err := o.count(p.sets[0], p.checks, r, nil, sum)
	if err == nil || !strings.Contains(err.Error(), "authentication.accepted.plain has no verdict: touchstone run") {
		t.Errorf("got %v", err)
	}
	r.Checks = append(r.Checks, reports.Check{ID: "authentication.accepted.plain", Verdict: reports.Pass})
	if err := o.count(p.sets[0], p.checks, r, nil, sum); err != nil {
		t.Error(err)
	}
	if err := o.count(p.sets[0], nil, r, nil, sum); err == nil {
		t.Error("no check at all is clean")
	}
}

// What differs in a valid twin is played again for all that stand on it, and
// what differs in what all stand on, for all.
func TestAgain(t *testing.T) {
	p, _ := testPlan(t, "registration.client-data.*", "authentication.client-data.*")
	ledger, err := suites.ShippedLedger()
	if err != nil {
		t.Fatal(err)
	}
	first := p.sets[0]
	for _, tc := range []struct {
		parted string
		has    []string
		hasNot []string
	}{
		{"registration.client-data.type-of-other-ceremony", []string{"registration.client-data.type-of-other-ceremony"}, []string{"registration.client-data.origin-other-site", "authentication.client-data.type-of-other-ceremony"}},
		{"registration.client-data.type-of-other-ceremony" + suites.TwinSuffix, []string{"registration.client-data.type-of-other-ceremony", "registration.client-data.origin-other-site"}, []string{"authentication.client-data.type-of-other-ceremony"}},
		{"health.plain.ceremonies", []string{"registration.client-data.type-of-other-ceremony", "authentication.client-data.type-of-other-ceremony"}, nil},
		{"", []string{"registration.client-data.type-of-other-ceremony", "authentication.client-data.type-of-other-ceremony"}, nil},
		{"features.exclude-list.probe", nil, []string{"registration.client-data.type-of-other-ceremony"}},
	} {
		n, err := newOnlooker(p.sets[1])
		if err != nil {
			t.Fatal(err)
		}
		n.parted[tc.parted] = true
		again := n.again(p.checks, first, ledger)
		for _, id := range append(slices.Clone(tc.has), tc.hasNot...) {
			if _, ok := suites.Find(id); !ok {
				t.Fatalf("there is no check %s", id)
			}
			got := slices.ContainsFunc(again, func(c *suites.Check) bool { return c.ID == id })
			if got != slices.Contains(tc.has, id) {
				t.Errorf("%q: played again is %v for %s", tc.parted, got, id)
			}
		}
	}
}

func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want int
		says string
	}{
		{nil, 2, "usage"},
		{[]string{"-seeds", "0", "virtual"}, 2, "usage"},
		{[]string{"-no", "virtual"}, 2, "not defined"},
		{[]string{"safari"}, 1, "safari: no such client; there are virtual,"},
		{[]string{"webdriver:nowhere"}, 1, "webdriver address"},
	} {
		var out, errs bytes.Buffer
		if got := run(context.Background(), tc.args, &out, &errs); got != tc.want || !strings.Contains(errs.String(), tc.says) {
			t.Errorf("%q: %d, %s", tc.args, got, &errs)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p, out := testPlan(t, "registration.accepted.plain")
	if err := p.all(ctx, []string{"virtual"}); err == nil || strings.Contains(out.String(), "clean") {
		t.Errorf("%v: %s", err, out)
	}
}
