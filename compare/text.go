package compare

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TextOptions decide how WriteText looks.
type TextOptions struct {
	// Width is the number of columns; 0 means 100.
	Width int
	// Color turns on ANSI colours.
	Color bool
}

// WriteText writes comparisons for a person: a table each, then what differs and why.
func WriteText(w io.Writer, list []Comparison, o TextOptions) error {
	t := &texter{color: o.Color, width: o.Width}
	if t.width <= 0 {
		t.width = 100
	}
	for i, c := range list {
		if i > 0 {
			t.b.WriteByte('\n')
		}
		t.comparison(c)
	}
	if _, err := io.WriteString(w, t.b.String()); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	return nil
}

type texter struct {
	b     strings.Builder
	color bool
	width int
}

func (t *texter) paint(sgr, s string) string {
	if !t.color || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

func (t *texter) comparison(c Comparison) {
	fmt.Fprintf(&t.b, "%s\n", t.paint("1", plain(c.Name)))
	how := ""
	if c.JSON {
		how = ", decoded by the browser's own parser"
	}
	fmt.Fprintf(&t.b, "%s() on %s%s%s\n\n", plain(c.Method), plain(c.Origin), plain(c.Frame.text()), how)
	rows := [][]string{{""}}
	for _, o := range c.Outcomes {
		rows[0] = append(rows[0], plain(o.Client)+" "+plain(shorten(o.Version)))
	}
	for _, field := range FieldNames {
		row := []string{field}
		there := false
		for _, o := range c.Outcomes {
			v, ok := o.Fields[field]
			there = there || ok
			switch {
			case ok:
			case o.Cannot != "" && field == "outcome":
				v, there = "not asked", true
			default:
				v = "–"
			}
			row = append(row, plain(v))
		}
		if there {
			rows = append(rows, row)
		}
	}
	t.table(rows, c)
	for _, o := range c.Outcomes {
		switch {
		case o.Cannot != "":
			t.para("  ", plain(o.Client)+" was not asked: "+plain(o.Cannot))
		case o.Message != "":
			t.para("  ", plain(o.Client)+" says: "+plain(o.Message))
		}
	}
	if len(c.Findings) > 0 {
		fmt.Fprintf(&t.b, "\n%s\n", t.paint("1", "In the options"))
		for _, f := range c.Findings {
			mark := "should"
			if f.Must {
				mark = "must"
			}
			t.para("  ", fmt.Sprintf("%-6s %s: %s", mark, plain(f.Path), plain(f.Text)))
			fmt.Fprintf(&t.b, "         %s\n", f.Anchor)
		}
	}
	t.differences(c)
}

func (t *texter) differences(c Comparison) {
	asked := 0
	for _, o := range c.Outcomes {
		if o.Cannot == "" {
			asked++
		}
	}
	switch {
	case asked < 2:
		fmt.Fprintf(&t.b, "\nThere is nothing to compare: %d client was asked.\n", asked)
		return
	case len(c.Differences) == 0:
		fmt.Fprintf(&t.b, "\n%s\n", t.paint("32", "No differences."))
		return
	}
	fmt.Fprintf(&t.b, "\n%s\n", t.paint("1", fmt.Sprintf("Differences from %s", plain(c.Reference))))
	for _, g := range grouped(c.Differences) {
		sgr := "2"
		switch g.Class {
		case Browser, RP:
			sgr = "33"
		case Unexplained:
			sgr = "31"
		}
		t.para("  ", fmt.Sprintf("%s: %s %s", plain(g.Client), strings.Join(g.fields, ", "), t.paint(sgr, "["+g.Class.Text()+"]")))
		if g.Why != "" {
			t.para("    ", plain(g.Why))
		}
		if g.Anchor != "" {
			fmt.Fprintf(&t.b, "    %s\n", g.Anchor)
		}
	}
}

// group is differences of one client that have one reason.
type group struct {
	Difference
	fields []string
}

func grouped(list []Difference) []group {
	var out []group
	for _, d := range list {
		at := slices.IndexFunc(out, func(g group) bool { return g.Client == d.Client && g.Class == d.Class && g.Why == d.Why && g.Why != "" })
		if at < 0 {
			out = append(out, group{Difference: d})
			at = len(out) - 1
		}
		out[at].fields = append(out[at].fields, d.Field)
	}
	return out
}

// table writes rows in columns that fit the width, wrapping what does not.
func (t *texter) table(rows [][]string, c Comparison) {
	n := len(rows[0])
	label := 0
	for _, r := range rows {
		label = max(label, utf8.RuneCountInString(r[0]))
	}
	room := max(14, (t.width-label-2*n)/max(1, n-1))
	widths := make([]int, n)
	widths[0] = label
	cells := make([][][]string, len(rows))
	// What is long and the same everywhere is written once, over all columns.
	once := func(r []string) bool {
		if n < 3 || utf8.RuneCountInString(r[1]) <= room {
			return false
		}
		for _, s := range r[2:] {
			if s != r[1] {
				return false
			}
		}
		return true
	}
	for i, r := range rows {
		cells[i] = make([][]string, n)
		if once(r) {
			cells[i][0], cells[i][1] = []string{r[0]}, wrap(r[1], t.width-label-2)
			continue
		}
		for j, s := range r {
			cells[i][j] = []string{s}
			if j > 0 {
				cells[i][j] = wrap(s, room)
			}
			for _, line := range cells[i][j] {
				widths[j] = max(widths[j], utf8.RuneCountInString(line))
			}
		}
	}
	for i, r := range cells {
		lines := 0
		for _, cell := range r {
			lines = max(lines, len(cell))
		}
		for l := range lines {
			var b strings.Builder
			for j, cell := range r {
				s := ""
				if l < len(cell) {
					s = cell[l]
				}
				pad := strings.Repeat(" ", max(0, widths[j]-utf8.RuneCountInString(s))+2)
				if j == len(r)-1 {
					pad = ""
				}
				b.WriteString(t.cell(s, i, j, rows, c) + pad)
			}
			t.b.WriteString(strings.TrimRight(b.String(), " ") + "\n")
		}
	}
}

func (t *texter) cell(s string, i, j int, rows [][]string, c Comparison) string {
	if i == 0 {
		return t.paint("1", s)
	}
	if j == 0 {
		return t.paint("2", s)
	}
	for _, d := range c.Differences {
		if d.Field == rows[i][0] && d.Client == c.Outcomes[j-1].Client {
			switch d.Class {
			case Token, Allowed:
				return t.paint("36", s)
			case Unexplained:
				return t.paint("1;31", s)
			default:
				return t.paint("1;33", s)
			}
		}
	}
	return s
}

func (t *texter) para(indent, s string) {
	for i, line := range wrap(s, t.width-len(indent)) {
		if i > 0 {
			t.b.WriteString("  ")
		}
		t.b.WriteString(indent + line + "\n")
	}
}

// wrap breaks at spaces, and within words that are longer than the width.
func wrap(s string, width int) []string {
	width = max(width, 8)
	var out []string
	line := ""
	for _, word := range strings.Fields(s) {
		for utf8.RuneCountInString(word) > width {
			if line != "" {
				out, line = append(out, line), ""
			}
			r := []rune(word)
			at := width
			for i := width; i > width/2; i-- {
				if strings.ContainsRune(",{:/.=", r[i-1]) {
					at = i
					break
				}
			}
			out, word = append(out, string(r[:at])), string(r[at:])
		}
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			out, line = append(out, line), word
		}
	}
	if line != "" || len(out) == 0 {
		out = append(out, line)
	}
	return out
}

// plain is text on one line that no terminal takes for a command.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, s)
}

// WriteSummary counts the differences of many comparisons by client and class,
// and lists those that nothing explains.
func WriteSummary(w io.Writer, list []Comparison) error {
	counts := map[string]map[Class]int{}
	var b strings.Builder
	for _, c := range list {
		for _, d := range c.Differences {
			if counts[d.Client] == nil {
				counts[d.Client] = map[Class]int{}
			}
			counts[d.Client][d.Class]++
			if d.Class == Unexplained {
				fmt.Fprintf(&b, "unexplained: %s: %s of %s is %s, of %s %s\n", plain(c.Name), d.Field, plain(d.Client), plain(or(d.Value, "absent")), plain(c.Reference), plain(or(d.Reference, "absent")))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		var parts []string
		for _, class := range []Class{RP, Browser, Token, Allowed, Unexplained} {
			if n := counts[name][class]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, class.Text()))
			}
		}
		fmt.Fprintf(&b, "%s differs from %s in: %s\n", plain(name), plain(list[0].Reference), strings.Join(parts, ", "))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return nil
}
