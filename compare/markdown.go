package compare

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
)

// OnRecord runs the cases in the clients, and sets beside them what is on record
// of the newest measured version of every other client.
func OnRecord(ctx context.Context, cases []Case, clients []client.Client) ([]Comparison, error) {
	inputs := make([]Input, len(cases))
	for i, c := range cases {
		inputs[i] = c.Input
	}
	list, err := Run(ctx, inputs, clients)
	if err != nil {
		return nil, err
	}
	all, err := Measured()
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, c := range clients {
		seen[c.Name()] = true
	}
	for _, m := range all { // the newest of each first
		if seen[m.Client] {
			continue
		}
		seen[m.Client] = true
		for i := range list {
			fields, ok := m.Cases[list[i].Name]
			o := Outcome{Client: m.Client, Version: m.Version, Fields: fields, Cannot: fields["cannot"]}
			if !ok {
				o.Cannot = "it is not on record"
			}
			if o.Cannot != "" {
				o.Fields = nil
			}
			list[i].Outcomes = append(list[i].Outcomes, o)
		}
	}
	for i := range list {
		list[i].Reference, list[i].Differences = differences(inputs[i], list[i].Findings, list[i].Outcomes)
	}
	return list, nil
}

// models are the fields that differ between any two authenticators; a table of
// many cases leaves them out.
var models = map[string]bool{"aaguid": true, "sign-count": true, "credential-id": true}

// WriteMarkdown writes the cases and what came of them as a page: a table a
// family, and each reason for differences once.
func WriteMarkdown(w io.Writer, cases []Case, list []Comparison) error {
	var b strings.Builder
	if len(list) == 0 || len(list) != len(cases) {
		return fmt.Errorf("write the cases: there are %d of them and %d comparisons", len(cases), len(list))
	}
	var versions []string
	for _, o := range list[0].Outcomes {
		if o.Client != "virtual" {
			versions = append(versions, o.Client+" "+o.Version)
		}
	}
	counts := map[string]map[Class]int{}
	type reason struct {
		Difference
		number int
		cases  []string
	}
	var reasons []*reason
	numbered := func(name string, d Difference) int {
		for _, r := range reasons {
			if r.Client == d.Client && r.Class == d.Class && r.Why == d.Why {
				if r.cases[len(r.cases)-1] != name {
					r.cases = append(r.cases, name)
				}
				return r.number
			}
		}
		reasons = append(reasons, &reason{d, len(reasons) + 1, []string{name}})
		return len(reasons)
	}
	differs := make([]string, len(list))
	for i, c := range list {
		var parts []string
		for _, d := range c.Differences {
			if models[d.Field] {
				continue
			}
			if counts[d.Client] == nil {
				counts[d.Client] = map[Class]int{}
			}
			counts[d.Client][d.Class]++
			n := numbered(c.Name, d)
			parts = append(parts, fmt.Sprintf("%s %s (%d)", d.Client, d.Field, n))
		}
		differs[i] = strings.Join(parts, ", ")
	}

	fmt.Fprintf(&b, "%d cases: one call of `create()` or `get()` each, put to the virtual client and to browsers with a virtual authenticator of their own, as measured in %s.\n", len(cases), strings.Join(versions, " and "))
	b.WriteString("`make interop` measures them again and writes this page; `touchstone compare --interop --client chrome --case 'algorithms.*'` tells what changed since. The cases are in `fixtures/interop/cases`, all fields of the outcomes in `fixtures/interop/measured`.\n\n")
	b.WriteString("*waiting* is a call that neither resolved nor was rejected in time; – one that could not be put. Differences are from the virtual client; AAGUID, counter and the length of credential ids, which any two authenticators have different, are left out.\n\n")
	b.WriteString("## Whose doing the differences are\n\n| client | the client's | the virtual authenticator's | left open by the specification | the RP's options | unexplained |\n| --- | --: | --: | --: | --: | --: |\n")
	for _, o := range list[0].Outcomes {
		if n := counts[o.Client]; n != nil {
			fmt.Fprintf(&b, "| %s %s | %d | %d | %d | %d | %d |\n", o.Client, o.Version, n[Browser], n[Token], n[Allowed], n[RP], n[Unexplained])
		}
	}
	b.WriteString("\n## Reasons\n")
	for _, class := range []Class{Browser, RP, Allowed, Token, Unexplained} {
		title := false
		for _, r := range reasons {
			if r.Class != class {
				continue
			}
			if !title {
				fmt.Fprintf(&b, "\n### %s\n\n", strings.ToUpper(class.Text()[:1])+class.Text()[1:])
				title = true
			}
			fmt.Fprintf(&b, "- **(%d) %s.** %s.", r.number, r.Client, cell(or(r.Why, "Nothing here says why")))
			if r.Anchor != "" {
				fmt.Fprintf(&b, " <%s>", r.Anchor)
			}
			shown := r.cases
			if len(shown) > 6 {
				shown = shown[:6]
			}
			fmt.Fprintf(&b, " (%s", strings.Join(shown, ", "))
			if n := len(r.cases) - len(shown); n > 0 {
				fmt.Fprintf(&b, " and %d more", n)
			}
			b.WriteString(")\n")
		}
	}
	family := ""
	for i, c := range cases {
		if f, _, _ := strings.Cut(c.Name, "."); f != family {
			family = f
			fmt.Fprintf(&b, "\n## %s: %s\n\n| case | what |", family, cell(c.Family))
			for _, o := range list[i].Outcomes {
				fmt.Fprintf(&b, " %s |", o.Client)
			}
			b.WriteString(" differs in |\n| --- | --- |" + strings.Repeat(" --- |", len(list[i].Outcomes)) + " --- |\n")
		}
		fmt.Fprintf(&b, "| %s | %s |", c.Name, cell(c.Title))
		for _, o := range list[i].Outcomes {
			fmt.Fprintf(&b, " %s |", cell(or(o.Fields["outcome"], "–")))
		}
		fmt.Fprintf(&b, " %s |\n", differs[i])
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the cases: %w", err)
	}
	return nil
}

// cell is text in a table of Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", "*", "\\*", "_", "\\_").Replace(plain(s))
}
