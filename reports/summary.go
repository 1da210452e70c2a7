package reports

import (
	"cmp"
	"slices"
)

// Count returns how many checks have the verdict.
func (s Summary) Count(v Verdict) int {
	if p := s.field(v); p != nil {
		return *p
	}
	return 0
}

// Total returns how many checks were counted.
func (s Summary) Total() int {
	return s.Passed + s.Failed + s.Warned + s.NotApplicable + s.NotTestable + s.Errors
}

// add counts one check. A verdict that is none of ours counts as an error of
// the harness, so that a total never hides a check.
func (s *Summary) add(v Verdict) {
	p := s.field(v)
	if p == nil {
		p = &s.Errors
	}
	*p++
}

func (s *Summary) field(v Verdict) *int {
	switch v {
	case Pass:
		return &s.Passed
	case Fail:
		return &s.Failed
	case Warn:
		return &s.Warned
	case NotApplicable:
		return &s.NotApplicable
	case NotTestable:
		return &s.NotTestable
	case Error:
		return &s.Errors
	}
	return nil
}

// Summarize counts the checks by verdict. The duration is left as it is.
func (r *Report) Summarize() {
	s := Summary{DurationMs: r.Summary.DurationMs}
	for i := range r.Checks {
		s.add(r.Checks[i].Verdict)
	}
	r.Summary = s
}

// Sort puts the checks into the one order that every form uses: by target and
// client in the order in which the report lists them, then by position in the
// catalogue, then by id. Checks that equal in all of these keep their order.
func (r *Report) Sort() {
	targets := make(map[string]int, len(r.Targets))
	for i, t := range r.Targets {
		targets[t.Name] = i + 1
	}
	clients := make(map[string]int, len(r.Clients))
	for i, c := range r.Clients {
		clients[c.Name] = i + 1
	}
	slices.SortStableFunc(r.Checks, func(a, b Check) int {
		return cmp.Or(
			cmp.Compare(targets[a.Target], targets[b.Target]),
			cmp.Compare(a.Target, b.Target),
			cmp.Compare(clients[a.Client], clients[b.Client]),
			cmp.Compare(a.Client, b.Client),
			cmp.Compare(a.Order, b.Order),
			cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.Dialect, b.Dialect),
		)
	})
}

// Scored reports whether the verdict counts: it does unless the check is newer
// than the requirement set, or a baseline accepts the verdict.
func (c *Check) Scored() bool { return c.Unscored == "" && c.Accepted == "" }

// Red reports whether the check by itself makes a run fail: it is scored, and
// is fail, not-testable or error, or warn in a strict run.
func (c *Check) Red(strict bool) bool {
	return c.Scored() && (c.Verdict.Red() || strict && c.Verdict == Warn)
}

// The exit codes that a report can ask for. Code 2, usage, never comes from a report.
const (
	ExitOK          = 0
	ExitRed         = 1
	ExitUnreachable = 3
	ExitHarness     = 4
	ExitInterrupted = 130
)

// ExitCode returns what the command that made the report should exit with.
//
//   - 130: the run was interrupted.
//   - 4: the harness went wrong: a scored check with verdict error, or the run
//     was stopped for that.
//   - 3: the target did not answer, or went away for good.
//   - 1: a scored check is fail or not-testable (or warn, if strict), a check
//     passes that the baseline says does not, or the target refused the health
//     ceremony.
//   - 0: none of these.
//
// Where several hold, the first of this list counts.
func ExitCode(r *Report, strict bool) int {
	code := ExitOK
	raise := func(to int) {
		if rank(to) > rank(code) {
			code = to
		}
	}
	if r.Stopped != nil {
		switch r.Stopped.Reason {
		case StopInterrupted:
			raise(ExitInterrupted)
		case StopUnreachable:
			raise(ExitUnreachable)
		case StopHealth:
			raise(ExitRed)
		default:
			raise(ExitHarness)
		}
	}
	if r.Baseline != nil && len(r.Baseline.Unexpected) > 0 {
		raise(ExitRed)
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		switch {
		case !c.Scored(), c.Verdict == Pass, c.Verdict == NotApplicable:
		case c.Verdict == Fail, c.Verdict == NotTestable:
			raise(ExitRed)
		case c.Verdict == Warn:
			if strict {
				raise(ExitRed)
			}
		default:
			raise(ExitHarness)
		}
	}
	return code
}

// rank orders exit codes by which one counts when several hold.
func rank(code int) int {
	return slices.Index([]int{ExitOK, ExitRed, ExitUnreachable, ExitHarness, ExitInterrupted}, code)
}
