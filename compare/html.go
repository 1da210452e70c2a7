package compare

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed html/compare.html.tmpl
var pageTemplate string

//go:embed html/compare.css
var pageStyle string

var page = template.Must(template.New("compare").Funcs(template.FuncMap{
	"line": plain,
	"join": func(s []string) string { return strings.Join(s, ", ") },
}).Parse(pageTemplate))

type (
	htmlPage struct {
		Title, Subtitle string
		Style           template.CSS
		StyleHash       template.HTMLAttr
		Legend          []Difference
		Comparisons     []htmlComparison
	}
	htmlComparison struct {
		Comparison
		Rows   []htmlRow
		Said   []Outcome
		Groups []htmlGroup
		Given  string
		Framed string
	}
	htmlRow struct {
		Field string
		Cells []htmlCell
	}
	htmlCell struct{ Text, Class string }
	// htmlGroup is a group with its fields in the open.
	htmlGroup struct {
		Difference
		Fields []string
	}
)

// WriteHTML writes comparisons as one page that needs nothing but itself.
func WriteHTML(w io.Writer, list []Comparison) error {
	sum := sha256.Sum256([]byte(pageStyle))
	p := htmlPage{
		Title: "One call, several clients", Style: template.CSS(pageStyle),
		StyleHash: template.HTMLAttr("sha256-" + base64.StdEncoding.EncodeToString(sum[:])),
	}
	if len(list) == 1 {
		p.Title = plain(list[0].Name)
	}
	differing := 0
	seen := map[Class]bool{}
	for _, c := range list {
		if len(c.Differences) > 0 {
			differing++
		}
		h := htmlComparison{Comparison: c, Given: indented(c.Given), Framed: c.Frame.text()}
		for _, d := range c.Differences {
			seen[d.Class] = true
		}
		for _, o := range c.Outcomes {
			if o.Cannot != "" || o.Message != "" {
				h.Said = append(h.Said, o)
			}
		}
		for _, g := range grouped(c.Differences) {
			h.Groups = append(h.Groups, htmlGroup{g.Difference, g.fields})
		}
		h.Rows = htmlRows(c)
		p.Comparisons = append(p.Comparisons, h)
	}
	p.Subtitle = fmt.Sprintf("%s compared, %d with differences.", plural(len(list), "call"), differing)
	for _, class := range []Class{RP, Browser, Token, Allowed, Unexplained} {
		if seen[class] {
			p.Legend = append(p.Legend, Difference{Class: class})
		}
	}
	var b bytes.Buffer
	if err := page.Execute(&b, p); err != nil {
		return fmt.Errorf("write the comparison as HTML: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the comparison as HTML: %w", err)
	}
	return nil
}

func htmlRows(c Comparison) []htmlRow {
	var rows []htmlRow
	for _, field := range FieldNames {
		row := htmlRow{Field: field}
		there := field == "outcome"
		for _, o := range c.Outcomes {
			cell := htmlCell{Text: "–", Class: "none"}
			if v, ok := o.Fields[field]; ok {
				cell, there = htmlCell{Text: v}, true
			} else if o.Cannot != "" && field == "outcome" {
				cell.Text = "not asked"
			}
			for _, d := range c.Differences {
				if d.Field == field && d.Client == o.Client {
					cell.Class = string(d.Class)
				}
			}
			row.Cells = append(row.Cells, cell)
		}
		if there {
			rows = append(rows, row)
		}
	}
	return rows
}

func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if len(raw) == 0 || json.Indent(&b, raw, "", "  ") != nil {
		return ""
	}
	return b.String()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
