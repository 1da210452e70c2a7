package prove

import (
	"slices"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
)

// Covered is how well one requirement is shown to be tested.
type Covered struct {
	*suites.Requirement
	// Checks cite the requirement.
	Checks []string
	// Bugs break it, by their own word.
	Bugs []string
	// Killed are those of Bugs that a check which cites the requirement catches:
	// by the table, or without one by what `make prove` holds to be true.
	Killed []string
}

// Shown tells that a check which cites the requirement can fail for the reason
// that the requirement names.
func (c Covered) Shown() bool { return len(c.Killed) > 0 }

// Coverage is every row of the ledger with what shows that it is tested. table
// is a proof of all bugs; nil: what the shipped catalogue is known to show.
func Coverage(ledger *suites.Ledger, checks []*suites.Check, bugs []rp.Bug, table *Table) []Covered {
	cited := map[string][]string{}
	for _, c := range checks {
		for _, r := range c.Requirements {
			cited[r] = append(cited[r], c.ID)
		}
	}
	broken := map[string][]string{}
	for _, b := range bugs {
		for _, r := range b.Requirements() {
			broken[r] = append(broken[r], b.Name)
		}
	}
	killers := map[string][]string{}
	if table != nil {
		for _, r := range table.Bugs {
			killers[r.Name] = r.KilledBy
		}
	}
	var out []Covered
	for _, r := range ledger.Rows() {
		c := Covered{Requirement: r, Checks: cited[r.ID], Bugs: broken[r.ID]}
		for _, name := range c.Bugs {
			caught := slices.ContainsFunc(killers[name], func(id string) bool { return slices.Contains(c.Checks, id) })
			if table == nil {
				caught = len(c.Checks) > 0 && unshown[r.ID] == ""
			}
			if caught {
				c.Killed = append(c.Killed, name)
			}
		}
		out = append(out, c)
	}
	return out
}

// unshown are the requirements that can be tested over the wire and have checks,
// none of which a bug filed under the requirement is caught by, with the reason.
var unshown = map[string]string{
	"webauthn-3/5.5/rp-id": "a client refuses a wrong rpId, so that the plain login that opens a run fails and nothing else is asked",
	"webauthn-3/5.5/hints": "a client refuses hints that are no list, so that the plain login that opens a run fails and nothing else is asked",
}

// Unshown is why no bug shows that the requirement is tested; empty: one does.
func Unshown(id string) string { return unshown[id] }

// uncovered are the requirements that this proof of all bugs does not show to be
// tested and that have no reason, and the reasons that it shows to be out of date.
func (t *Table) uncovered(ledger *suites.Ledger, checks []*suites.Check) (rows, stale []string) {
	for _, c := range Coverage(ledger, checks, rp.Bugs(), t) {
		switch {
		case c.Testable() && !c.Shown() && unshown[c.ID] == "":
			rows = append(rows, c.ID)
		case (c.Shown() || !c.Testable()) && unshown[c.ID] != "":
			stale = append(stale, c.ID)
		}
	}
	return rows, stale
}
