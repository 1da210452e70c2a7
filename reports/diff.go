package reports

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Difference is what changed between two reports, check by check.
type Difference struct {
	// Failing lists checks that are red now and were not red before.
	Failing []Change `json:"failing"`
	// Fixed lists checks that were red and pass or warn now.
	Fixed []Change `json:"fixed"`
	// Changed lists checks that changed in another way, such as from pass to
	// not-applicable, or from one reason for failing to another.
	Changed []Change `json:"changed"`
	// Appeared lists checks that only the new report has, those that are red first.
	Appeared []Change `json:"appeared"`
	// Gone lists checks that only the old report has.
	Gone []Change `json:"gone"`
	// Same counts the checks with the same verdict in both.
	Same int `json:"same"`
	// Notes says what else is different and may explain changes, such as another suite.
	Notes []string `json:"notes,omitempty"`
}

// A Change is one check in two reports. Old is empty for one that appeared,
// New for one that is gone.
type Change struct {
	ID      string  `json:"id"`
	Title   string  `json:"title"`
	Level   Level   `json:"level"`
	Target  string  `json:"target"`
	Dialect string  `json:"dialect"`
	Client  string  `json:"client"`
	Old     Verdict `json:"old,omitempty"`
	New     Verdict `json:"new,omitempty"`
	// Red is set when the check makes the new report red.
	Red bool `json:"red,omitempty"`
	// OldMessage and Message are the checks' messages in the old and the new report.
	OldMessage string `json:"oldMessage,omitempty"`
	Message    string `json:"message,omitempty"`
	Rerun      string `json:"rerun,omitempty"`
}

// Diff compares two reports. Checks are matched by target, dialect, client and
// id; an id that is an alias of the other report's id is the same check, and
// where each report has a single target its name does not matter, so that two
// RPs, or one RP in two places, can be compared.
//
// With strict, a scored warning counts as red.
func Diff(old, new *Report, strict bool) *Difference {
	old, new = old.settled(), new.settled()
	anyTarget := len(old.Targets) == 1 && len(new.Targets) == 1
	keyOf := func(c *Check) key {
		k := c.key()
		if anyTarget {
			k.target, k.dialect = "", ""
		}
		return k
	}
	before := make(map[key]*Check, len(old.Checks))
	for i := range old.Checks {
		c := &old.Checks[i]
		before[keyOf(c)] = c
	}
	// The other way round, for when the old report comes from the newer suite.
	byAlias := map[key]*Check{}
	for i := range old.Checks {
		c := &old.Checks[i]
		for _, a := range c.Aliases {
			k := keyOf(c)
			k.id = a
			byAlias[k] = c
		}
	}
	d := &Difference{Failing: []Change{}, Fixed: []Change{}, Changed: []Change{}, Appeared: []Change{}, Gone: []Change{}, Notes: diffNotes(old, new)}
	matched := map[*Check]bool{}
	find := func(c *Check) *Check {
		k := keyOf(c)
		for _, id := range append([]string{c.ID}, c.Aliases...) {
			k.id = id
			if o := before[k]; o != nil && !matched[o] {
				return o
			}
		}
		k.id = c.ID
		if o := byAlias[k]; o != nil && !matched[o] {
			return o
		}
		return nil
	}
	for i := range new.Checks {
		c := &new.Checks[i]
		change := Change{
			ID: c.ID, Title: c.Title, Level: c.Level, Target: c.Target, Dialect: c.Dialect, Client: c.Client,
			New: c.Verdict, Red: c.Red(strict), Message: c.Message, Rerun: c.Rerun,
		}
		o := find(c)
		if o == nil {
			d.Appeared = append(d.Appeared, change)
			continue
		}
		matched[o] = true
		change.Old, change.OldMessage = o.Verdict, o.Message
		switch wasRed, isRed := o.Red(strict), c.Red(strict); {
		case isRed && !wasRed:
			d.Failing = append(d.Failing, change)
		case o.Verdict == c.Verdict && (o.Reason == c.Reason || !c.Verdict.Red()):
			d.Same++
		case wasRed && !isRed && (c.Verdict == Pass || c.Verdict == Warn):
			d.Fixed = append(d.Fixed, change)
		default:
			d.Changed = append(d.Changed, change)
		}
	}
	for i := range old.Checks {
		if o := &old.Checks[i]; !matched[o] {
			d.Gone = append(d.Gone, Change{
				ID: o.ID, Title: o.Title, Level: o.Level, Target: o.Target, Dialect: o.Dialect, Client: o.Client,
				Old: o.Verdict, OldMessage: o.Message, Rerun: o.Rerun,
			})
		}
	}
	slices.SortStableFunc(d.Appeared, func(a, b Change) int {
		switch {
		case a.Red == b.Red:
			return 0
		case a.Red:
			return -1
		}
		return 1
	})
	return d
}

func diffNotes(old, new *Report) []string {
	var notes []string
	for _, m := range []struct{ name, old, new string }{
		{"suite version", old.Suite.Version, new.Suite.Version},
		{"catalogue of checks", shortDigest(old.Suite.Digest), shortDigest(new.Suite.Digest)},
		{"requirement set", old.Suite.Set, new.Suite.Set},
		{"seed", old.Suite.Seed, new.Suite.Seed},
	} {
		if m.old != m.new {
			notes = append(notes, fmt.Sprintf("the %s was %s and is %s", m.name, cmp.Or(oneLine(m.old), "unknown"), cmp.Or(oneLine(m.new), "unknown")))
		}
	}
	for _, c := range new.Clients {
		for _, o := range old.Clients {
			if o.Name == c.Name && o.Version != c.Version {
				notes = append(notes, fmt.Sprintf("client %s was %s and is %s", oneLine(c.Name), oneLine(o.Version), oneLine(c.Version)))
			}
		}
	}
	for _, s := range []struct {
		name string
		r    *Report
	}{{"old", old}, {"new", new}} {
		if s.r.Stopped != nil {
			notes = append(notes, fmt.Sprintf("the %s run was stopped: %s", s.name, oneLine(s.r.Stopped.Message)))
		}
	}
	return notes
}

// ExitCode is 1 when something is red that was not red before, be it a check
// that got worse or a red check that is new; else 0. What was red and still is
// does not count, and neither does a check that is gone.
func (d *Difference) ExitCode() int {
	if len(d.Failing) > 0 || slices.ContainsFunc(d.Appeared, func(c Change) bool { return c.Red }) {
		return ExitRed
	}
	return ExitOK
}

// Empty reports whether the reports give every check the same verdict.
func (d *Difference) Empty() bool {
	return len(d.Failing)+len(d.Fixed)+len(d.Changed)+len(d.Appeared)+len(d.Gone) == 0
}

// WriteDiff writes d for a person.
func WriteDiff(w io.Writer, d *Difference, o TerminalOptions) error {
	t := &terminal{width: max(cmp.Or(o.Width, 100), 40), color: o.Color}
	for _, n := range d.Notes {
		t.wrapped("note  ", n)
	}
	if len(d.Notes) > 0 {
		t.line("")
	}
	t.changes("newly failing", redBold, d.Failing, true)
	t.changes("fixed", greenBold, d.Fixed, false)
	t.changes("changed", yellowBold, d.Changed, true)
	appeared, red := d.Appeared, 0
	for red < len(appeared) && appeared[red].Red {
		red++
	}
	t.changes("appeared, and failing", redBold, appeared[:red], true)
	t.changes("appeared", bold, appeared[red:], false)
	t.changes("gone", bold, d.Gone, false)
	t.line(fmt.Sprintf("%d newly failing, %d fixed, %d changed, %d appeared, %d gone, %d the same",
		len(d.Failing), len(d.Fixed), len(d.Changed), len(d.Appeared), len(d.Gone), d.Same))
	switch {
	case d.ExitCode() != ExitOK:
		t.line(t.paint(redBold, "worse than before"))
	case d.Empty():
		t.line(t.paint(greenBold, "no change"))
	default:
		t.line(t.paint(greenBold, "nothing is worse"))
	}
	if _, err := io.WriteString(w, t.String()); err != nil {
		return fmt.Errorf("write differences: %w", err)
	}
	return nil
}

func (t *terminal) changes(title, sgr string, list []Change, detail bool) {
	if len(list) == 0 {
		return
	}
	t.line(t.paint(sgr, fmt.Sprintf("%s (%d)", title, len(list))))
	for _, c := range list {
		verdicts := []string{}
		for _, v := range []Verdict{c.Old, c.New} {
			if v != "" {
				verdicts = append(verdicts, oneLine(string(v)))
			}
		}
		t.wrapped("  ", fmt.Sprintf("%s  %s × %s  %s", oneLine(c.ID), oneLine(place(c.Target, c.Dialect)), oneLine(c.Client), strings.Join(verdicts, " → ")))
		if !detail {
			continue
		}
		t.field("", oneLine(c.Message))
		t.fieldWhole("rerun", visible(c.Rerun, false))
	}
	t.line("")
}
