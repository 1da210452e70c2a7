// Command gendocs writes the documents that are made of the catalogue: a page
// for each family of checks, and the ledger of requirements with what proves each.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/touchstone-webauthn/touchstone/internal/prove"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
)

//go:generate go run . ../../../docs
//go:generate go test -count=1 ../../differential -args -update

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "gendocs: usage: gendocs DOCS-FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

// write replaces docs/requirements.md and docs/checks.
func write(docs string) error {
	pages, err := render()
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(docs, "checks", "*.md"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(docs, "checks"), 0o777); err != nil {
		return err
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(docs, name), []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// render makes every page, by its path below docs.
func render() (map[string]string, error) {
	ledger, err := suites.ShippedLedger()
	if err != nil {
		return nil, err
	}
	pages := map[string]string{}
	checks := suites.Catalogue()
	pages["requirements.md"] = requirements(ledger, checks)
	if pages["vulnerabilities.md"], err = vulnerabilities(checks); err != nil {
		return nil, err
	}
	if pages["dialects.md"], err = dialects(checks); err != nil {
		return nil, err
	}
	if pages["fido-crosswalk.md"], err = crosswalk(); err != nil {
		return nil, err
	}
	if pages["interop.md"], err = interop(); err != nil {
		return nil, err
	}
	families := map[string][]*suites.Check{}
	var order []string
	for _, c := range checks {
		f := c.Family()
		if families[f] == nil {
			order = append(order, f)
		}
		families[f] = append(families[f], c)
	}
	var index strings.Builder
	index.WriteString(head("Checks") + fmt.Sprintf("%d checks in %d families. `touchstone explain ID` says the same in a terminal.\n\n| family | checks |\n| --- | --- |\n", len(checks), len(order)))
	for _, f := range order {
		name := f + ".md"
		fmt.Fprintf(&index, "| [%s](%s) | %d |\n", f, name, len(families[f]))
		pages["checks/"+name] = family(f, families[f], ledger)
	}
	pages["checks/README.md"] = index.String()
	return pages, nil
}

func head(title string) string {
	return "# " + title + "\n\n<!-- made by `make generate` from the catalogue; edit that -->\n\n"
}

func family(name string, checks []*suites.Check, ledger *suites.Ledger) string {
	var b strings.Builder
	b.WriteString(head(name))
	for _, c := range checks {
		fmt.Fprintf(&b, "## %s\n\n**%s.** %s\n\n", c.ID, c.Title, string(c.Level))
		fmt.Fprintf(&b, "- **Sent:** %s\n- **Must happen:** %s\n- **Why:** %s\n", escape(c.Sent()), escape(c.MustHappen()), escape(c.Why))
		if ids := c.Vulnerabilities(); len(ids) > 0 {
			fmt.Fprintf(&b, "- **Class of:** %s\n", strings.Join(ids, ", "))
		}
		if class := c.Class(); class != nil {
			fmt.Fprintf(&b, "- **Guards against:** [%s](../vulnerabilities.md#%s)\n", escape(class.Title), class.ID)
		}
		fmt.Fprintf(&b, "- **Mend:** %s\n", escape(c.Mend()))
		for _, id := range c.Requirements {
			if r, ok := ledger.Row(id); ok {
				fmt.Fprintf(&b, "- **By:** [%s](%s), %s: %s\n", r.ID, r.Anchor, r.Keyword, escape(r.Text))
			}
		}
		if len(c.Dialects) > 0 {
			fmt.Fprintf(&b, "- **Only in:** %s\n", strings.Join(c.Dialects, ", "))
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// vulnerabilities is a page of the classes of weakness, with what was published
// of each and the families of checks that guard against it.
func vulnerabilities(checks []*suites.Check) (string, error) {
	classes, err := suites.Classes()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(head("What the checks guard against"))
	b.WriteString("Classes of weakness in Relying Parties, what was published of each, and the families of checks that look for it.\nThe records are examples, not a full list; read the advisory itself before you quote it.\n")
	for _, class := range classes {
		fmt.Fprintf(&b, "\n## %s\n\n**%s.** %s\n\n", class.ID, escape(class.Title), escape(class.Text))
		for _, r := range class.Records {
			fmt.Fprintf(&b, "- %s, %s: %s\n", r.ID, r.Product, escape(r.What))
		}
		if class.None != "" {
			fmt.Fprintf(&b, "- %s\n", escape(class.None))
		}
		count := map[string]int{}
		var families []string
		for _, c := range checks {
			if c.Class() != class {
				continue
			}
			if count[c.Family()] == 0 {
				families = append(families, c.Family())
			}
			count[c.Family()]++
		}
		sort.Strings(families)
		for i, f := range families {
			families[i] = fmt.Sprintf("[%s](checks/%s.md) (%d)", f, f, count[f])
		}
		fmt.Fprintf(&b, "\nChecks: %s\n", strings.Join(families, ", "))
	}
	return b.String(), nil
}

func requirements(ledger *suites.Ledger, checks []*suites.Check) string {
	var b strings.Builder
	b.WriteString(head("Requirements"))
	rows := prove.Coverage(ledger, checks, rp.Bugs(), nil)
	testable, proven, shown := 0, 0, 0
	for _, r := range rows {
		if !r.Testable() {
			continue
		}
		testable++
		if len(r.Checks) > 0 {
			proven++
		}
		if r.Shown() {
			shown++
		}
	}
	fmt.Fprintf(&b, "%d requirements, of which %d can be tested over the wire: %d have a check, and of %d a check that cites them catches a bug of the reference RP that breaks them ([prove.md](prove.md)). `touchstone list --requirements` counts by section.\n", len(rows), testable, proven, shown)
	few := func(ids []string) string {
		sort.Strings(ids)
		s := strings.Join(ids[:min(3, len(ids))], ", ")
		if len(ids) > 3 {
			s += fmt.Sprintf(" and %d more", len(ids)-3)
		}
		return s
	}
	document := ""
	for _, r := range rows {
		if r.Document != document {
			document = r.Document
			fmt.Fprintf(&b, "\n## %s\n\nVersion: %s.\n\n| requirement | | what it says | proven by | shown by the bug |\n| --- | --- | --- | --- | --- |\n", document, r.Version)
		}
		proof, bugs := r.Unproven, few(r.Killed)
		if len(r.Checks) > 0 {
			proof = few(r.Checks)
		}
		if r.Testable() && bugs == "" {
			bugs = prove.Unshown(r.ID)
		}
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s | %s | %s |\n", r.ID, r.Anchor, r.Keyword, cell(r.Text), cell(proof), cell(bugs))
	}
	return b.String()
}

func crosswalk() (string, error) {
	cases, err := suites.FIDOCrosswalk()
	if err != nil {
		return "", err
	}
	asked := 0
	for _, c := range cases {
		if len(c.Checks) > 0 {
			asked++
		}
	}
	var b strings.Builder
	b.WriteString(head("From the FIDO conformance tool's cases to our checks"))
	fmt.Fprintf(&b, "The tool's server tests in version 1.9.1 have %d cases, whose ids others have published. %d of them have checks here that ask the same; for the rest the reason stands in place of a check. The tool itself was not looked into.\n", len(cases), asked)
	suite := ""
	for _, c := range cases {
		if c.Suite != suite {
			suite = c.Suite
			fmt.Fprintf(&b, "\n## %s\n\n| case | about | checks |\n| --- | --- | --- |\n", suite)
		}
		proof := c.None
		if len(c.Checks) > 0 {
			proof = strings.Join(c.Checks, ", ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Case, cell(c.About), cell(proof))
	}
	return b.String(), nil
}

// escape keeps Markdown from reading anything into a sentence.
func escape(s string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`).Replace(s)
}

func cell(s string) string { return strings.ReplaceAll(escape(s), "|", `\|`) }
