package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/touchstone-webauthn/touchstone/suites"
)

// findSet finds a requirement set, or says which there are.
func findSet(name string) (*suites.Set, error) {
	s, err := suites.FindSet(name)
	var unknown *suites.UnknownSetError
	switch {
	case errors.As(err, &unknown):
		return nil, usage("the sets are: "+strings.Join(unknown.Sets, ", "), "--set: %w", err)
	case err != nil:
		return nil, &exit{code: exitHarness, err: err}
	}
	return s, nil
}

// someAsked refuses a choice of checks of which the set asks none, and says why not.
func someAsked(set *suites.Set, checks []*suites.Check) error {
	ledger, err := suites.ShippedLedger()
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	why := ""
	for _, c := range checks {
		put, reason := set.Put(c, ledger)
		if put != nil {
			return nil
		}
		why = c.ID + " is " + reason
	}
	return usage("another --set; touchstone explain ID names those that ask a check", "the requirement set %s has none of these checks: %s", set.Name, why)
}

type listedSet struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	About   string `json:"about"`
	Current bool   `json:"current"`
	// Frozen is the digest of the list that scores; empty for a set that is not frozen.
	Frozen   string `json:"frozen,omitempty"`
	Asks     int    `json:"asks"`
	Scores   int    `json:"scores"`
	Stricter int    `json:"stricter"`
}

func listSets(w io.Writer, checks []*suites.Check, asJSON bool) error {
	sets, err := suites.Sets()
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	ledger, err := suites.ShippedLedger()
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	var out []listedSet
	for _, s := range sets {
		row := listedSet{Name: s.Name, Title: s.Title, About: s.About, Current: s.Name == suites.CurrentSet, Frozen: s.Digest()}
		for _, c := range s.Choose(checks, ledger) {
			row.Asks++
			if c.Unscored == "" {
				row.Scores++
			}
			if c.Stricter != "" {
				row.Stricter++
			}
		}
		out = append(out, row)
	}
	if asJSON {
		return writeJSON(w, out)
	}
	for i, s := range out {
		if i > 0 {
			fmt.Fprintln(w)
		}
		name := s.Name
		if s.Current {
			name += " (scores when none is named)"
		}
		fmt.Fprintf(w, "%s\n  %s\n%s\n", name, s.Title, wrap("  ", s.About))
		frozen := "not frozen: every check that it asks scores"
		if s.Frozen != "" {
			frozen = "frozen, " + s.Frozen
		}
		fmt.Fprintf(w, "  asks %d checks, %d score, %d stricter than the specification; %s\n", s.Asks, s.Scores, s.Stricter, frozen)
	}
	return nil
}

// inSets says for explain which sets ask a check, and how.
func inSets(w io.Writer, c *suites.Check, ledger *suites.Ledger) error {
	sets, err := suites.Sets()
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	for _, s := range sets {
		put, why := s.Put(c, ledger)
		line := "not asked: " + why
		if put != nil {
			line = string(put.Level)
			if put.Stricter != "" {
				line += ", stricter than the specification: " + put.Stricter
			}
			if put.Unscored != "" {
				line += ", does not score: " + put.Unscored
			}
		}
		fmt.Fprintln(w, wrap("  ", s.Name+": "+line))
	}
	return nil
}

// setThatAsks is the current set, or the first that asks the check.
func setThatAsks(c *suites.Check, ledger *suites.Ledger) string {
	sets, err := suites.Sets()
	if err != nil {
		return suites.CurrentSet
	}
	for _, s := range sets {
		if put, _ := s.Put(c, ledger); put != nil {
			return s.Name
		}
	}
	return suites.CurrentSet
}
