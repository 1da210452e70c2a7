package reports

import (
	"fmt"
	"slices"
)

// remarks are the report's notes, and what there is to say of its requirement
// set: which checks go beyond the W3C's text, and which do not score.
func remarks(r *Report) []string {
	out := slices.Clone(r.Notes)
	stricter := map[string]bool{}
	unscored := map[string]map[string]bool{}
	var reasons []string
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Stricter != "" {
			stricter[c.ID] = true
		}
		if c.Unscored != "" {
			if unscored[c.Unscored] == nil {
				unscored[c.Unscored] = map[string]bool{}
				reasons = append(reasons, c.Unscored)
			}
			unscored[c.Unscored][c.ID] = true
		}
	}
	if n := len(stricter); n > 0 {
		out = append(out, fmt.Sprintf("%s of the set %s beyond the W3C's specification; touchstone list --set %s names them", plural(n, "check", "checks"), goes(n), r.Suite.Set))
	}
	for _, reason := range reasons {
		n := len(unscored[reason])
		out = append(out, fmt.Sprintf("%s ran and %s not score: %s", plural(n, "check", "checks"), does(n), reason))
	}
	return out
}

func goes(n int) string {
	if n == 1 {
		return "goes"
	}
	return "go"
}

func does(n int) string {
	if n == 1 {
		return "does"
	}
	return "do"
}
