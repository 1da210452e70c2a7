package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/suites"
)

func listCommand() *cobra.Command {
	var asJSON, requirements, bugs bool
	var globs []string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the checks, or the requirements and what proves them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if bugs {
				return listBugs(cmd.OutOrStdout(), asJSON)
			}
			checks, err := suites.Select(suites.Catalogue(), globs)
			if err != nil {
				return usage("", "%w", err)
			}
			if requirements {
				return listRequirements(cmd.OutOrStdout(), checks, asJSON)
			}
			return listChecks(cmd.OutOrStdout(), checks, asJSON)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "write JSON")
	f.BoolVar(&requirements, "requirements", false, "list the ledger of requirements with the checks that prove each")
	f.BoolVar(&bugs, "bugs", false, "list the deliberate bugs of the reference RP")
	f.StringArrayVar(&globs, "check", nil, "only checks whose id matches the glob; may be repeated")
	return cmd
}

type listedCheck struct {
	ID           string   `json:"id"`
	Title        string   `json:"title"`
	Level        string   `json:"level"`
	Requirements []string `json:"requirements"`
	Faults       []string `json:"faults,omitempty"`
	Dialects     []string `json:"dialects,omitempty"`
}

func listChecks(w io.Writer, checks []*suites.Check, asJSON bool) error {
	out := make([]listedCheck, len(checks))
	for i, c := range checks {
		out[i] = listedCheck{c.ID, c.Title, string(c.Level), c.Requirements, c.Faults(), c.Dialects}
	}
	if asJSON {
		return writeJSON(w, out)
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	family := ""
	for i, c := range checks {
		if f := c.Family(); f != family {
			family = f
			fmt.Fprintf(tw, "\n%s\t\t\n", family)
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", out[i].ID, out[i].Level, out[i].Title)
	}
	fmt.Fprintf(tw, "\n%d checks; touchstone explain ID tells one in full\n", len(checks))
	return tw.Flush()
}

type listedRequirement struct {
	ID       string   `json:"id"`
	Keyword  string   `json:"keyword"`
	Text     string   `json:"text"`
	Anchor   string   `json:"anchor"`
	Testable bool     `json:"testable"`
	Unproven string   `json:"unproven,omitempty"`
	Checks   []string `json:"checks"`
}

func listRequirements(w io.Writer, checks []*suites.Check, asJSON bool) error {
	ledger, err := suites.ShippedLedger()
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	by := map[string][]string{}
	for _, c := range checks {
		for _, r := range c.Requirements {
			by[r] = append(by[r], c.ID)
		}
	}
	var rows []listedRequirement
	testable, proven := 0, 0
	for _, r := range ledger.Rows() {
		row := listedRequirement{r.ID, r.Keyword, r.Text, r.Anchor, r.Testable(), r.Unproven, by[r.ID]}
		if row.Checks == nil {
			row.Checks = []string{}
		}
		rows = append(rows, row)
		if row.Testable {
			testable++
			if len(row.Checks) > 0 {
				proven++
			}
		}
	}
	if asJSON {
		return writeJSON(w, rows)
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, r := range rows {
		by := fmt.Sprintf("%d checks", len(r.Checks))
		if !r.Testable {
			by = "not testable: " + r.Unproven
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", r.ID, r.Keyword, by, r.Text)
	}
	fmt.Fprintf(tw, "\n%d of %d requirements that can be tested over the wire have a check\n", proven, testable)
	return tw.Flush()
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain ID",
		Short: "Explain one check in full: what is sent, what must happen, and why",
		Args:  exactlyOne("explain takes one check id", "touchstone list shows them all"),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := suites.Select(suites.Catalogue(), args)
			if err != nil {
				return usage("", "%w", err)
			}
			ledger, err := suites.ShippedLedger()
			if err != nil {
				return &exit{code: exitHarness, err: err}
			}
			for i, c := range found {
				if i > 0 {
					fmt.Fprintln(cmd.OutOrStdout())
				}
				explain(cmd.OutOrStdout(), c, ledger)
			}
			return nil
		},
	}
}

func explain(w io.Writer, c *suites.Check, ledger *suites.Ledger) {
	fmt.Fprintf(w, "%s (%s)\n%s\n", c.ID, c.Level, c.Title)
	section := func(name string) { fmt.Fprintf(w, "\n%s\n", name) }
	section("What is sent")
	fmt.Fprintln(w, wrap("  ", c.Sent()))
	section("What must happen")
	fmt.Fprintln(w, wrap("  ", c.MustHappen()))
	section("Why")
	fmt.Fprintln(w, wrap("  ", c.Why))
	section("Requirements")
	for _, id := range c.Requirements {
		if r, ok := ledger.Row(id); ok {
			fmt.Fprintf(w, "  %s (%s): %s\n    %s\n", r.ID, r.Keyword, r.Text, r.Anchor)
		}
	}
	if len(c.Dialects) > 0 {
		fmt.Fprintf(w, "\nOnly in dialects: %s\n", strings.Join(c.Dialects, ", "))
	}
	fmt.Fprintf(w, "\nRun it\n  touchstone run --check %s\n", c.ID)
}

// wrap breaks text into lines of at most 96 columns behind an indent.
func wrap(indent, text string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+len(word) > 96:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// exactlyOne is cobra.ExactArgs(1) with an error of our own form.
func exactlyOne(message, hint string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage(hint, "%s, got %d", message, len(args))
		}
		return nil
	}
}
