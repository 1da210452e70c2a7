package reports

import "fmt"

// Verdict is what a check found.
type Verdict string

// The verdicts, from best to worst news.
const (
	// Pass: the RP did what the check demands.
	Pass Verdict = "pass"
	// NotApplicable: the check has nothing to ask of this target through this
	// client, for a stated reason such as a feature that the profile declares
	// absent. It says nothing about the RP and is never red.
	NotApplicable Verdict = "not-applicable"
	// Warn: the RP may do so, but should not. Red only in a strict run.
	Warn Verdict = "warn"
	// NotTestable: the check could not be exercised although it should have
	// been; its valid twin was refused, say. Red, because nothing was shown.
	NotTestable Verdict = "not-testable"
	// Fail: the RP broke a requirement that the check cites.
	Fail Verdict = "fail"
	// Error: the harness itself went wrong; nothing was learned about the RP.
	Error Verdict = "error"
)

// Verdicts lists every verdict in the order in which the forms show them.
func Verdicts() []Verdict {
	return []Verdict{Pass, Fail, Warn, NotTestable, Error, NotApplicable}
}

// ParseVerdict reads a verdict as JSON and baselines spell it.
func ParseVerdict(s string) (Verdict, error) {
	for _, v := range Verdicts() {
		if string(v) == s {
			return v, nil
		}
	}
	return "", fmt.Errorf("unknown verdict %q: one of pass, fail, warn, not-testable, error, not-applicable", s)
}

// Red reports whether v by itself makes a run fail: fail, not-testable, error,
// and any word that is no verdict.
func (v Verdict) Red() bool { return v != Pass && v != Warn && v != NotApplicable }

// Level says how binding a check is.
type Level string

// The levels of a check.
const (
	// Must follows from a statement that the specification makes binding.
	Must Level = "MUST"
	// Should follows from a recommendation of the specification.
	Should Level = "SHOULD"
	// Posture is good practice beyond the specification's text.
	Posture Level = "POSTURE"
)
