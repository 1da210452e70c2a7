package main

import (
	"fmt"
	"path"
	"strings"

	"github.com/touchstone-webauthn/touchstone/fixtures"
	"github.com/touchstone-webauthn/touchstone/suites"
)

// dialects is the page of what the vendors' documents say, row by row, with what
// asks for each.
func dialects(checks []*suites.Check) (string, error) {
	c, err := fixtures.Coverage()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# Dialects\n\n<!-- made by `make generate` from fixtures/dialects-coverage.yaml; edit that -->\n\n")
	b.WriteString("Every member, value, status and security line of the vendors' own documents, and every field of which two sources say two things: with the checks that ask for it, the variants (`--dialect`) that have it, or why neither does.\n")
	b.WriteString("A glob stands for all checks that it matches. Answers are also held against the JSON Schemas in [fixtures/schemas](../fixtures/schemas), and deviations reported at their JSON pointer (`answers.schema.every-step`). The vendors' own clients run against the reference RP in [clients](../clients/README.md).\n")
	covered := func(v fixtures.Covered, also ...string) (string, error) {
		var by []string
		for _, glob := range v.Checks {
			family, err := familyOf(glob, checks)
			if err != nil {
				return "", fmt.Errorf("%s: %w", strings.Join(also, " "), err)
			}
			by = append(by, fmt.Sprintf("[%s](checks/%s.md)", glob, family))
		}
		for _, name := range v.Variants {
			by = append(by, fmt.Sprintf("[variant %s](../fixtures/dialects/%s.yaml)", name, name))
		}
		if v.Why != "" {
			by = append(by, escape(v.Why))
		}
		if len(by) == 0 {
			return "", fmt.Errorf("%s: no check, no variant and no reason", strings.Join(also, " "))
		}
		return strings.Join(by, ", "), nil
	}
	b.WriteString("\n## Where sources disagree\n")
	for _, v := range c.Discrepancies {
		fmt.Fprintf(&b, "\n### %s\n\n| field | one source | another | a correct RP | asked by |\n| --- | --- | --- | --- | --- |\n", v.Vendor)
		for _, r := range v.Rows {
			by, err := covered(r.Covered, v.Vendor, r.Field)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(r.Field), escape(r.A), escape(r.B), escape(r.Expect), by)
		}
	}
	b.WriteString("\n## What the documents name\n")
	for _, d := range c.Documents {
		fmt.Fprintf(&b, "\n### %s\n\nSource: %s\n\n| kind | name | asked by |\n| --- | --- | --- |\n", escape(d.Title), d.Source)
		for _, r := range d.Rows {
			by, err := covered(r.Covered, d.ID, r.Name)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Kind, code(r.Name), by)
		}
	}
	return b.String(), nil
}

// code sets a name as code; a pipe would end the cell.
func code(name string) string { return "`" + strings.ReplaceAll(name, "|", "\\|") + "`" }

// familyOf is the page of the first check that a glob matches.
func familyOf(glob string, checks []*suites.Check) (string, error) {
	for _, c := range checks {
		if ok, err := path.Match(glob, c.ID); err != nil {
			return "", err
		} else if ok {
			return c.Family(), nil
		}
	}
	return "", fmt.Errorf("%s matches no check", glob)
}
