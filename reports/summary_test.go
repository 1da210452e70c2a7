package reports

import (
	"math/rand/v2"
	"testing"
)

// one returns a report with a single check.
func one(edit func(*Report, *Check)) *Report {
	r := &Report{
		Targets: []Target{{Name: "fido", Dialect: "fido"}}, Clients: []Client{{"virtual", "1"}},
		Checks: []Check{{ID: "registration.plain", Level: Must, Target: "fido", Dialect: "fido", Client: "virtual", Verdict: Pass}},
	}
	if edit != nil {
		edit(r, &r.Checks[0])
	}
	return r
}

func verdict(v Verdict) func(*Report, *Check) {
	return func(_ *Report, c *Check) { c.Verdict = v }
}

func TestExitCode(t *testing.T) {
	stop := func(reason string) func(*Report, *Check) {
		return func(r *Report, _ *Check) { r.Stopped = &Stop{Reason: reason} }
	}
	tests := []struct {
		name           string
		edit           func(*Report, *Check)
		normal, strict int
	}{
		{"pass", nil, 0, 0},
		{"not applicable", verdict(NotApplicable), 0, 0},
		{"warn", verdict(Warn), 0, 1},
		{"fail", verdict(Fail), 1, 1},
		{"not testable", verdict(NotTestable), 1, 1},
		{"error", verdict(Error), 4, 4},
		{"no verdict", verdict(""), 4, 4},
		{"no checks", func(r *Report, _ *Check) { r.Checks = nil }, 0, 0},
		{"unscored fail", func(_ *Report, c *Check) { c.Verdict, c.Unscored = Fail, "new" }, 0, 0},
		{"accepted fail", func(_ *Report, c *Check) { c.Verdict, c.Accepted = Fail, "known" }, 0, 0},
		{"accepted error", func(_ *Report, c *Check) { c.Verdict, c.Accepted = Error, "known" }, 0, 0},
		{"accepted warn", func(_ *Report, c *Check) { c.Verdict, c.Accepted = Warn, "known" }, 0, 0},
		{"unexpected pass", func(r *Report, _ *Check) { r.Baseline = &BaselineUse{Unexpected: []UnexpectedPass{{}}} }, 1, 1},
		{"unused entry", func(r *Report, _ *Check) { r.Baseline = &BaselineUse{Unused: []BaselineEntry{{}}} }, 0, 0},
		{"interrupted", stop(StopInterrupted), 130, 130},
		{"unreachable", stop(StopUnreachable), 3, 3},
		{"health refused", stop(StopHealth), 1, 1},
		{"harness", stop(StopHarness), 4, 4},
		{"stopped for no known reason", stop(""), 4, 4},
		{"interrupted over error", func(r *Report, c *Check) { c.Verdict = Error; r.Stopped = &Stop{Reason: StopInterrupted} }, 130, 130},
		{"error over unreachable", func(r *Report, c *Check) { c.Verdict = Error; r.Stopped = &Stop{Reason: StopUnreachable} }, 4, 4},
		{"unreachable over fail", func(r *Report, c *Check) { c.Verdict = Fail; r.Stopped = &Stop{Reason: StopUnreachable} }, 3, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := one(test.edit)
			if got := ExitCode(r, false); got != test.normal {
				t.Errorf("exit code %d, want %d", got, test.normal)
			}
			if got := ExitCode(r, true); got != test.strict {
				t.Errorf("strict exit code %d, want %d", got, test.strict)
			}
		})
	}
}

func TestSummarize(t *testing.T) {
	r := sample(t)
	r.Summarize()
	want := Summary{Passed: 59, Failed: 14, Warned: 6, NotApplicable: 12, NotTestable: 4, Errors: 1, DurationMs: 12_345}
	if r.Summary != want {
		t.Errorf("got %+v, want %+v", r.Summary, want)
	}
	if got := r.Summary.Total(); got != len(r.Checks) {
		t.Errorf("total %d of %d checks", got, len(r.Checks))
	}
	for _, v := range Verdicts() {
		n := 0
		for _, c := range r.Checks {
			if c.Verdict == v {
				n++
			}
		}
		if r.Summary.Count(v) != n {
			t.Errorf("%s: %d, want %d", v, r.Summary.Count(v), n)
		}
	}
	odd := one(verdict("skipped"))
	odd.Summarize()
	if odd.Summary.Errors != 1 {
		t.Errorf("an unknown verdict is not counted as an error: %+v", odd.Summary)
	}
}

// TestSortIsTotal: whatever the order of arrival, the order of the report is one.
func TestSortIsTotal(t *testing.T) {
	want := sample(t)
	want.Sort()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		got := sample(t)
		rng.Shuffle(len(got.Checks), func(i, j int) { got.Checks[i], got.Checks[j] = got.Checks[j], got.Checks[i] })
		got.Sort()
		for i := range want.Checks {
			if got.Checks[i].key() != want.Checks[i].key() {
				t.Fatalf("place %d has %s, want %s", i, got.Checks[i].key(), want.Checks[i].key())
			}
		}
	}
	if first, last := want.Checks[0].key(), want.Checks[len(want.Checks)-1].key(); first.target != "fido" || first.client != "virtual" ||
		first.id != "registration.plain" || last.target != "nevis" || last.client != "chrome" || last.id != "posture.server-error" {
		t.Errorf("from %s to %s: not by target, client, catalogue", first, last)
	}
}

// TestFormsLeaveReportAlone: writing a form changes nothing in the report.
func TestFormsLeaveReportAlone(t *testing.T) {
	r := sample(t)
	r.Checks[0], r.Checks[50] = r.Checks[50], r.Checks[0]
	r.Summary = Summary{}
	first := r.Checks[0].key()
	writeAll(t, r)
	if r.Checks[0].key() != first || r.Summary != (Summary{}) {
		t.Error("the report was changed")
	}
}

func TestConclude(t *testing.T) {
	tests := []struct {
		name     string
		edit     func(*Report, *Check)
		strict   bool
		tone     string
		headline string
	}{
		{"pass", nil, false, "good", "conformant for the checks run"},
		{"warn", verdict(Warn), false, "good", "conformant for the checks run"},
		{"strict warn", verdict(Warn), true, "bad", "1 warning in a strict run"},
		{"fail", verdict(Fail), false, "bad", "1 requirement broken"},
		{"fail of two", func(_ *Report, c *Check) { c.Verdict, c.Requirements = Fail, []string{"a", "b"} }, false, "bad", "2 requirements broken"},
		{"not testable", verdict(NotTestable), false, "bad", "not shown to be conformant"},
		{"error", verdict(Error), false, "bad", "the harness went wrong"},
		{"not applicable", verdict(NotApplicable), false, "neutral", "nothing was applicable"},
		{"nothing", func(r *Report, _ *Check) { r.Checks = nil }, false, "neutral", "nothing was checked"},
		{"stopped", func(r *Report, _ *Check) { r.Stopped = &Stop{Reason: StopInterrupted} }, false, "bad", "incomplete"},
		{"accepted", func(_ *Report, c *Check) { c.Verdict, c.Accepted = Fail, "known" }, false, "good", "nothing is broken that the baseline does not accept"},
		{"unexpected", func(r *Report, _ *Check) { r.Baseline = &BaselineUse{Unexpected: []UnexpectedPass{{}}} }, false, "bad", "better than the baseline says"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := conclude(one(test.edit).settled(), test.strict)
			if got.Tone != test.tone || got.Headline != test.headline {
				t.Errorf("got %s %q, want %s %q", got.Tone, got.Headline, test.tone, test.headline)
			}
		})
	}
}
