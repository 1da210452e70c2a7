package prove

import (
	"slices"

	"github.com/touchstone-webauthn/touchstone/suites"
)

// idle are the checks that caught none of the bugs.
func idle(checks []*suites.Check, bugs []Result) []Idle {
	out := []Idle{}
	for _, c := range checks {
		if !slices.ContainsFunc(bugs, func(r Result) bool { return slices.Contains(r.KilledBy, c.ID) }) {
			out = append(out, Idle{c.ID, Excuse(c)})
		}
	}
	return out
}

// Excuse is why a check may catch no bug of the reference RP; empty: it may not.
func Excuse(*suites.Check) string { return "" }
