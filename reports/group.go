package reports

import (
	"cmp"
	"slices"
	"strings"
)

// A finding is one thing to tell a reader: the same check with the same outcome
// in some places, or many checks that failed to run for one and the same cause.
type finding struct {
	// Checks are all that the finding stands for, one id after the other.
	Checks []*Check
	// IDs are the distinct ids among them.
	IDs []string
	// Where says in which targets and clients.
	Where string
	// Messages are the distinct messages, each with its own checks.
	Messages []variant
}

// A variant is one message of a finding and where it was given.
type variant struct {
	Message string
	Where   string
	Checks  []*Check
}

// First is the check whose id, title and level the finding shows.
func (f *finding) First() *Check { return f.Checks[0] }

// Many reports whether the finding stands for several different checks.
func (f *finding) Many() bool { return len(f.IDs) > 1 }

// severity is the order in which findings are told.
func severity(v Verdict) int {
	switch v {
	case Fail:
		return 0
	case NotTestable:
		return 2
	case Warn:
		return 3
	case NotApplicable, Pass:
		return 4
	}
	return 1
}

func levelRank(l Level) int {
	if i := slices.Index([]Level{Must, Should, Posture}, l); i >= 0 {
		return i
	}
	return 3
}

// findings groups the checks that want, worst first. The same check with the
// same outcome is one finding wherever it happened; checks that could not be
// exercised, and errors, are one finding when they share their cause, because
// the cause is what a reader has to mend.
func findings(r *Report, want func(*Check) bool) []finding {
	type kind struct {
		id, reason, accepted, unscored string
		verdict                        Verdict
	}
	index := map[kind]int{}
	var groups [][]*Check
	for i := range r.Checks {
		c := &r.Checks[i]
		if !want(c) {
			continue
		}
		k := kind{c.ID, c.Reason, c.Accepted, c.Unscored, c.Verdict}
		at, ok := index[k]
		if !ok {
			at = len(groups)
			index[k] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], c)
	}
	groups = joinByCause(r, groups)

	out := make([]finding, 0, len(groups))
	for _, checks := range groups {
		out = append(out, newFinding(r, checks))
	}
	slices.SortStableFunc(out, func(a, b finding) int {
		return cmp.Or(
			cmp.Compare(severity(a.First().Verdict), severity(b.First().Verdict)),
			cmp.Compare(levelRank(a.First().Level), levelRank(b.First().Level)),
			cmp.Compare(a.First().Order, b.First().Order),
		)
	})
	return out
}

// joinByCause joins groups of checks that could not be exercised, or went
// wrong, with one message and in the same places.
func joinByCause(r *Report, groups [][]*Check) [][]*Check {
	type cause struct {
		verdict                                    Verdict
		reason, message, where, accepted, unscored string
	}
	index := map[cause]int{}
	var out [][]*Check
	for _, checks := range groups {
		c := checks[0]
		one := !slices.ContainsFunc(checks, func(o *Check) bool { return o.Message != c.Message })
		if (c.Verdict != NotTestable && c.Verdict != Error) || c.Message == "" || !one {
			out = append(out, checks)
			continue
		}
		k := cause{c.Verdict, c.Reason, c.Message, where(r, checks), c.Accepted, c.Unscored}
		if at, ok := index[k]; ok {
			out[at] = append(out[at], checks...)
			continue
		}
		index[k] = len(out)
		out = append(out, checks)
	}
	return out
}

func newFinding(r *Report, checks []*Check) finding {
	f := finding{Checks: checks, Where: where(r, checks)}
	byMessage := map[string]int{}
	for _, c := range checks {
		if !slices.Contains(f.IDs, c.ID) {
			f.IDs = append(f.IDs, c.ID)
		}
		at, ok := byMessage[c.Message]
		if !ok {
			at = len(f.Messages)
			byMessage[c.Message] = at
			f.Messages = append(f.Messages, variant{Message: c.Message})
		}
		f.Messages[at].Checks = append(f.Messages[at].Checks, c)
	}
	for i := range f.Messages {
		f.Messages[i].Where = where(r, f.Messages[i].Checks)
	}
	return f
}

// where names the targets and clients of the checks as shortly as it can:
// "everywhere", "fido, dfns × virtual, chrome", or "fido × virtual; dfns × chrome".
func where(r *Report, checks []*Check) string {
	var targets []string
	clients := map[string][]string{}
	for _, c := range checks {
		t := place(c.Target, c.Dialect)
		if !slices.Contains(targets, t) {
			targets = append(targets, t)
		}
		if !slices.Contains(clients[t], c.Client) {
			clients[t] = append(clients[t], c.Client)
		}
	}
	// Targets that share their clients are told together.
	var sets []string
	members := map[string][]string{}
	pairs := 0
	for _, t := range targets {
		pairs += len(clients[t])
		set := strings.Join(clients[t], ", ")
		if _, ok := members[set]; !ok {
			sets = append(sets, set)
		}
		members[set] = append(members[set], t)
	}
	if all := len(r.Targets) * len(r.Clients); pairs == all && all > 1 {
		return "everywhere (" + plural(len(r.Targets), "target", "targets") + " × " + plural(len(r.Clients), "client", "clients") + ")"
	}
	parts := make([]string, len(sets))
	for i, set := range sets {
		parts[i] = strings.Join(members[set], ", ") + " × " + set
	}
	return strings.Join(parts, "; ")
}

// A count is a text and how often it occurs.
type count struct {
	Text string
	N    int
}

// notApplicable counts the checks that are not applicable by why, most first.
func notApplicable(r *Report) []count {
	index := map[string]int{}
	var out []count
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Verdict != NotApplicable {
			continue
		}
		why := cmp.Or(c.Message, c.Reason, "no reason given")
		at, ok := index[why]
		if !ok {
			at = len(out)
			index[why] = at
			out = append(out, count{Text: why})
		}
		out[at].N++
	}
	slices.SortStableFunc(out, func(a, b count) int { return cmp.Compare(b.N, a.N) })
	return out
}

// A pair is one target with one client, and its counts.
type pair struct {
	Target, Dialect, Client string
	Summary                 Summary
}

// pairs counts the verdicts of each target with each client that has a check,
// in the report's order.
func pairs(r *Report) []pair {
	type at struct{ target, dialect, client string }
	index := map[at]int{}
	var out []pair
	for i := range r.Checks {
		c := &r.Checks[i]
		k := at{c.Target, c.Dialect, c.Client}
		n, ok := index[k]
		if !ok {
			n = len(out)
			index[k] = n
			out = append(out, pair{Target: c.Target, Dialect: c.Dialect, Client: c.Client})
		}
		out[n].Summary.add(c.Verdict)
		out[n].Summary.DurationMs += c.DurationMs
	}
	return out
}

// outcome is what a report comes to, in words.
type outcome struct {
	// Tone is good for exit code 0, bad for any other, and neutral where exit
	// code 0 says nothing of the RP because nothing was checked.
	Tone string
	// Headline is a few words, such as "conformant for the checks run".
	Headline string
	// Details are what a reader should know with it, one sentence each.
	Details []string
}

// conclude says what the report comes to. It counts and words what the
// verdicts already say.
func conclude(r *Report, strict bool) outcome {
	broken := map[string]bool{}
	var failed, warned, untestable, errors, accepted, unscored int
	for i := range r.Checks {
		c := &r.Checks[i]
		switch {
		case c.Verdict == Pass || c.Verdict == NotApplicable:
			continue
		case c.Accepted != "":
			accepted++
			continue
		case c.Unscored != "":
			unscored++
			continue
		}
		switch c.Verdict {
		case Fail:
			failed++
			// A check that cites nothing still stands for one broken thing.
			if len(c.Requirements) == 0 {
				broken[c.ID] = true
			}
			for _, id := range c.Requirements {
				broken[id] = true
			}
		case Warn:
			warned++
		case NotTestable:
			untestable++
		default:
			errors++
		}
	}
	unexpected := 0
	if r.Baseline != nil {
		unexpected = len(r.Baseline.Unexpected)
	}

	out := outcome{Tone: "good"}
	if ExitCode(r, strict) != ExitOK {
		out.Tone = "bad"
	}
	switch {
	case failed > 0:
		out.Headline = plural(len(broken), "requirement broken", "requirements broken")
		out.Details = append(out.Details, plural(failed, "check", "checks")+" failed.")
	case r.Stopped != nil:
		out.Headline = "incomplete"
	case errors > 0:
		out.Headline = "the harness went wrong"
	case untestable > 0:
		out.Headline = "not shown to be conformant"
	case unexpected > 0:
		out.Headline = "better than the baseline says"
	case strict && warned > 0:
		out.Headline = plural(warned, "warning in a strict run", "warnings in a strict run")
	case r.Summary.Total() == 0:
		out.Headline, out.Tone = "nothing was checked", "neutral"
	case r.Summary.Passed+warned+accepted+unscored == 0:
		out.Headline, out.Tone = "nothing was applicable", "neutral"
	case accepted > 0:
		out.Headline = "nothing is broken that the baseline does not accept"
	default:
		out.Headline = "conformant for the checks run"
	}
	say := func(n int, one, many string) {
		if n > 0 {
			out.Details = append(out.Details, plural(n, one, many))
		}
	}
	if r.Stopped != nil {
		text := "The run was stopped: " + oneLine(r.Stopped.Message)
		if r.Stopped.Left > 0 {
			text += " (" + plural(r.Stopped.Left, "check", "checks") + " not run)"
		}
		out.Details = append(out.Details, text)
	}
	say(untestable, "check could not be exercised, so nothing is known of what it asks.",
		"checks could not be exercised, so nothing is known of what they ask.")
	say(errors, "check ended in an error of the harness itself; please report it.",
		"checks ended in an error of the harness itself; please report it.")
	say(unexpected, "check passes although the baseline says it does not: take its entry out.",
		"checks pass although the baseline says they do not: take their entries out.")
	say(warned, "warning.", "warnings.")
	say(accepted, "result is accepted by the baseline.", "results are accepted by the baseline.")
	say(unscored, "result does not count in this requirement set.", "results do not count in this requirement set.")
	return out
}

// family is the part of an id that its relatives share: the first two parts of
// registration.client-data.type-is-get, and the first of shorter ones.
func family(id string) string {
	parts := strings.SplitN(id, ".", 3)
	if len(parts) == 3 {
		return parts[0] + "." + parts[1]
	}
	return parts[0]
}
