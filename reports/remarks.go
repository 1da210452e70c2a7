package reports

import (
	"fmt"
	"slices"
)

// remarks are the report's notes, and what there is to say of its targets and
// its requirement set: which targets are no servers, which checks go beyond the
// W3C's text, and which do not score.
func remarks(r *Report) []string {
	out := slices.Clone(r.Notes)
	for _, t := range r.Targets {
		if t.Adapter != "" {
			out = append(out, fmt.Sprintf("%s is a program that was spoken to by an adapter, not a server (%s): status codes and addresses in this report are the adapter's, and no check is about them", t.Name, t.Adapter))
		}
	}
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
