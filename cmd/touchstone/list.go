package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/touchstone-webauthn/touchstone/internal/prove"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
)

func listCommand() *cobra.Command {
	var asJSON, requirements, bugs, sets bool
	var proof, set string
	var globs []string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the checks, or the requirements and what proves them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if bugs {
				return listBugs(cmd.OutOrStdout(), asJSON)
			}
			if proof != "" && !requirements {
				return usage("touchstone list --requirements --proof FILE", "--proof belongs to --requirements")
			}
			checks, err := suites.Select(suites.Catalogue(), globs)
			if err != nil {
				return usage("", "%w", err)
			}
			if sets {
				return listSets(cmd.OutOrStdout(), checks, asJSON)
			}
			if requirements {
				table, err := readProof(proof)
				if err != nil {
					return err
				}
				return listRequirements(cmd.OutOrStdout(), checks, table, asJSON)
			}
			if set != "" {
				s, err := findSet(set)
				if err != nil {
					return err
				}
				if err := someAsked(s, checks); err != nil {
					return err
				}
				ledger, err := suites.ShippedLedger()
				if err != nil {
					return &exit{code: exitHarness, err: err}
				}
				checks = s.Choose(checks, ledger)
			}
			return listChecks(cmd.OutOrStdout(), checks, asJSON)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "write JSON")
	f.BoolVar(&requirements, "requirements", false, "list the ledger of requirements with what shows that each is tested")
	f.StringVar(&proof, "proof", "", "with --requirements: count the bugs that were killed in this kill table, a JSON `file` by prove --json")
	f.BoolVar(&bugs, "bugs", false, "list the deliberate bugs of the reference RP")
	f.BoolVar(&sets, "sets", false, "list the requirement sets")
	f.StringVar(&set, "set", "", "list the checks that this requirement set asks, with the levels that they have in it")
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
	// Stricter says in what the check goes beyond the W3C's text, Unscored why it
	// does not score: both in the set that is listed.
	Stricter string `json:"stricter,omitempty"`
	Unscored string `json:"unscored,omitempty"`
	// Sets are the requirement sets that ask it, and the level that it has in each.
	Sets map[string]string `json:"sets"`
}

func listChecks(w io.Writer, checks []*suites.Check, asJSON bool) error {
	sets, err := suites.Sets()
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	ledger, err := suites.ShippedLedger()
	if err != nil {
		return &exit{code: exitHarness, err: err}
	}
	out := make([]listedCheck, len(checks))
	for i, c := range checks {
		in := map[string]string{}
		if whole, ok := suites.Find(c.ID); ok {
			for _, s := range sets {
				if put, _ := s.Put(whole, ledger); put != nil {
					in[s.Name] = string(put.Level)
				}
			}
		}
		out[i] = listedCheck{c.ID, c.Title, string(c.Level), c.Requirements, c.Faults(), c.Dialects, c.Stricter, c.Unscored, in}
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
		title := out[i].Title
		if out[i].Stricter != "" {
			title += " [stricter than the specification]"
		}
		if out[i].Unscored != "" {
			title += " [not scored: " + out[i].Unscored + "]"
		}
		if in := out[i].Sets; in[suites.CurrentSet] == "" && out[i].Stricter == "" {
			title += " [" + strings.Join(slices.Sorted(maps.Keys(in)), ", ") + "]"
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", out[i].ID, out[i].Level, title)
	}
	fmt.Fprintf(tw, "\n%d checks, %d where those that differ in the algorithm or the attestation format alone count once; touchstone explain ID tells one in full\n", len(checks), suites.Distinct(checks))
	return tw.Flush()
}

type listedRequirement struct {
	ID       string `json:"id"`
	Document string `json:"document"`
	Version  string `json:"version"`
	Section  string `json:"section"`
	Keyword  string `json:"keyword"`
	Text     string `json:"text"`
	Anchor   string `json:"anchor"`
	Testable bool   `json:"testable"`
	Unproven string `json:"unproven,omitempty"`
	// Checks cite the requirement, Bugs break it, Killed are those bugs that a
	// check which cites it catches.
	Checks []string `json:"checks"`
	Bugs   []string `json:"bugs"`
	Killed []string `json:"killed"`
	// Unshown is why no bug shows that the checks can fail.
	Unshown string `json:"unshown,omitempty"`
}

// coverageCount counts the requirements of a section, or of all.
type coverageCount struct {
	Document string `json:"document,omitempty"`
	Section  string `json:"section,omitempty"`
	Rows     int    `json:"rows"`
	Testable int    `json:"testable"`
	Checked  int    `json:"checked"`
	Shown    int    `json:"shown"`
}

func (n *coverageCount) add(r listedRequirement) {
	n.Rows++
	if !r.Testable {
		return
	}
	n.Testable++
	if len(r.Checks) > 0 {
		n.Checked++
	}
	if len(r.Killed) > 0 {
		n.Shown++
	}
}

// listedCoverage is the JSON form of list --requirements.
type listedCoverage struct {
	Total    coverageCount   `json:"total"`
	Sections []coverageCount `json:"sections"`
	// Proof tells whether Killed is from a kill table; else it is what the
	// project's own proof holds to be true.
	Proof        bool                `json:"proof"`
	Requirements []listedRequirement `json:"requirements"`
}

func coverage(checks []*suites.Check, table *prove.Table) (listedCoverage, error) {
	out := listedCoverage{Proof: table != nil}
	ledger, err := suites.ShippedLedger()
	if err != nil {
		return out, &exit{code: exitHarness, err: err}
	}
	none := func(list []string) []string {
		if list == nil {
			return []string{}
		}
		return list
	}
	for _, c := range prove.Coverage(ledger, checks, rp.Bugs(), table) {
		r := listedRequirement{c.ID, c.Document, c.Version, c.Section(), c.Keyword, c.Text, c.Anchor, c.Testable(), c.Unproven, none(c.Checks), none(c.Bugs), none(c.Killed), ""}
		if r.Testable && len(c.Killed) == 0 {
			r.Unshown = prove.Unshown(r.ID)
		}
		out.Requirements = append(out.Requirements, r)
		out.Total.add(r)
		i := slices.IndexFunc(out.Sections, func(n coverageCount) bool { return n.Document == r.Document && n.Section == r.Section })
		if i < 0 {
			i = len(out.Sections)
			out.Sections = append(out.Sections, coverageCount{Document: r.Document, Section: r.Section})
		}
		out.Sections[i].add(r)
	}
	// The order of the document, which that of the rows is not.
	var documents []string
	for _, n := range out.Sections {
		if !slices.Contains(documents, n.Document) {
			documents = append(documents, n.Document)
		}
	}
	slices.SortStableFunc(out.Sections, func(a, b coverageCount) int {
		if d := slices.Index(documents, a.Document) - slices.Index(documents, b.Document); d != 0 {
			return d
		}
		return slices.Compare(numbers(a.Section), numbers(b.Section))
	})
	return out, nil
}

// numbers are those of a section such as §8.2.1.
func numbers(section string) []int {
	var out []int
	for _, part := range strings.Split(strings.TrimPrefix(section, "§"), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		out = append(out, n)
	}
	return out
}

// readProof reads a kill table that prove --json wrote; an empty name is none.
func readProof(name string) (*prove.Table, error) {
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	var t prove.Table
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if err == nil && t.SchemaVersion != prove.SchemaVersion {
		err = fmt.Errorf("%s is no kill table of version %d", name, prove.SchemaVersion)
	}
	if err != nil {
		return nil, usage("prove --json writes one", "--proof: %w", err)
	}
	return &t, nil
}

func listRequirements(w io.Writer, checks []*suites.Check, table *prove.Table, asJSON bool) error {
	cover, err := coverage(checks, table)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w, cover)
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	document := ""
	for _, r := range cover.Requirements {
		if r.Document != document {
			document = r.Document
			fmt.Fprintf(tw, "\n%s\t\t\t\t\n", document)
		}
		by := fmt.Sprintf("%d checks\t%d bugs", len(r.Checks), len(r.Killed))
		if !r.Testable {
			by = "not testable\t"
			r.Text += " (" + r.Unproven + ")"
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\n", r.ID, r.Keyword, by, r.Text)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	tw = tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "\nrows\ttestable\twith a check\tshown by a bug\t\n")
	for _, n := range append(cover.Sections, cover.Total) {
		name := n.Document + ", " + n.Section
		if n.Section == "" {
			name = "all"
		}
		fmt.Fprintf(tw, "%d\t%d\t%d\t%d\t  %s\n", n.Rows, n.Testable, n.Checked, n.Shown, name)
	}
	t := cover.Total
	fmt.Fprintf(tw, "\n%d of %d requirements that can be tested over the wire have a check; of %d a check that cites them catches a bug that breaks them\n", t.Checked, t.Testable, t.Shown)
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
				if err := explain(cmd.OutOrStdout(), c, ledger); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func explain(w io.Writer, c *suites.Check, ledger *suites.Ledger) error {
	fmt.Fprintf(w, "%s (%s)\n%s\n", c.ID, c.Level, c.Title)
	section := func(name string) { fmt.Fprintf(w, "\n%s\n", name) }
	section("What is sent")
	fmt.Fprintln(w, wrap("  ", c.Sent()))
	section("What must happen")
	fmt.Fprintln(w, wrap("  ", c.MustHappen()))
	section("Why")
	fmt.Fprintln(w, wrap("  ", c.Why))
	if class := c.Class(); class != nil {
		section("What it guards against")
		fmt.Fprintln(w, wrap("  ", class.Title+". "+class.Text))
		for _, r := range class.Records {
			fmt.Fprintln(w, wrap("    ", r.ID+", "+r.Product+": "+r.What))
		}
		if class.None != "" {
			fmt.Fprintln(w, wrap("    ", class.None))
		}
	}
	section("The likely mend")
	fmt.Fprintln(w, wrap("  ", c.Mend()))
	section("Requirements")
	for _, id := range c.Requirements {
		if r, ok := ledger.Row(id); ok {
			fmt.Fprintf(w, "  %s (%s): %s\n    %s\n", r.ID, r.Keyword, r.Text, r.Anchor)
			if r.Stricter != "" {
				fmt.Fprintf(w, "    stricter than the specification: %s\n", r.Stricter)
			}
		}
	}
	if len(c.Dialects) > 0 {
		fmt.Fprintf(w, "\nOnly in dialects: %s\n", strings.Join(c.Dialects, ", "))
	}
	section("Requirement sets")
	if err := inSets(w, c, ledger); err != nil {
		return err
	}
	run := "touchstone run --check " + c.ID
	if set := setThatAsks(c, ledger); set != suites.CurrentSet {
		run += " --set " + set
	}
	fmt.Fprintf(w, "\nRun it\n  %s\n", run)
	return nil
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
