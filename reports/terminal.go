package reports

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// TerminalOptions decide how a summary for a person looks.
type TerminalOptions struct {
	// Width is the number of columns; 0 means 100. Commands and URLs are never
	// broken, so that they can be copied.
	Width int
	// Color turns on ANSI colours. Whether they are welcome is for the caller to
	// know: not on a pipe, and not where NO_COLOR is set.
	Color bool
	// Strict says that warnings are red in this run.
	Strict bool
}

// WriteTerminal writes a summary for a person: what ran, the counts, every
// finding with the way to run it again, and what it all comes to.
func WriteTerminal(w io.Writer, r *Report, o TerminalOptions) error {
	r = r.settled()
	t := &terminal{width: o.Width, color: o.Color, strict: o.Strict}
	if t.width <= 0 {
		t.width = 100
	}
	t.width = max(t.width, 40)
	t.header(r)
	t.counts(r)
	t.findings(r)
	t.condensed(r)
	t.totals(r)
	if _, err := io.WriteString(w, t.String()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

type terminal struct {
	strings.Builder
	width  int
	color  bool
	strict bool
}

// The colours, as ANSI SGR parameters.
const (
	bold, dim              = "1", "2"
	green, yellow, purple  = "32", "33", "35"
	redBold, greenBold     = "1;31", "1;32"
	purpleBold, yellowBold = "1;35", "1;33"
)

func (t *terminal) paint(sgr, s string) string {
	if !t.color || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

func (t *terminal) line(s string) { t.WriteString(strings.TrimRight(s, " ")); t.WriteByte('\n') }

// wrapped writes text broken at spaces, the first line after head and the rest
// as far in. A word that is longer than the line is not broken.
func (t *terminal) wrapped(head, text string) {
	indent := utf8.RuneCountInString(head)
	room := max(t.width-indent, 20)
	line, used := head, 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		if used > 0 && used+1+n > room {
			t.line(line)
			line, used = strings.Repeat(" ", indent), 0
		}
		if used > 0 {
			line += " "
			used++
		}
		line += word
		used += n
	}
	t.line(line)
}

// field writes a labelled line of a finding.
func (t *terminal) field(label, text string) {
	if text != "" {
		t.wrapped(fmt.Sprintf("  %-8s", label), text)
	}
}

// fieldWhole is field for what a person copies: never broken.
func (t *terminal) fieldWhole(label, text string) {
	if text != "" {
		t.line(fmt.Sprintf("  %-8s%s", label, text))
	}
}

func (t *terminal) header(r *Report) {
	head := "Touchstone " + oneLine(r.Suite.Version)
	for _, p := range []struct{ name, value string }{
		{"set", r.Suite.Set}, {"seed", r.Suite.Seed}, {"suite", shortDigest(r.Suite.Digest)},
	} {
		if p.value != "" {
			head += "   " + p.name + " " + oneLine(p.value)
		}
	}
	if r.Shard != nil {
		head += fmt.Sprintf("   shard %d/%d", r.Shard.Index, r.Shard.Count)
	}
	t.line(t.paint(bold, head))
	t.line("")
	label := "targets"
	for _, row := range columns(r.Targets, func(g Target) []string {
		return []string{oneLine(g.Name), oneLine(g.URL), "dialect " + oneLine(g.Dialect), "RP ID " + oneLine(g.RPID), "origin " + oneLine(g.Origin)}
	}) {
		t.line(fmt.Sprintf("%-9s%s", label, strings.Join(row, "  ")))
		label = ""
	}
	label = "clients"
	for _, row := range columns(r.Clients, func(c Client) []string {
		return []string{oneLine(c.Name), oneLine(c.Version)}
	}) {
		t.line(fmt.Sprintf("%-9s%s", label, strings.Join(row, "  ")))
		label = ""
	}
	for _, n := range remarks(r) {
		t.wrapped("note     ", oneLine(n))
	}
	for _, h := range r.Health {
		if !h.OK {
			t.wrapped("health   ", fmt.Sprintf("%s × %s, %s: %s", oneLine(h.Target), oneLine(h.Client), oneLine(h.When), oneLine(h.Message)))
		}
	}
	t.line("")
}

// columns lays rows out so that their cells stand under each other.
func columns[T any](items []T, cells func(T) []string) [][]string {
	var rows [][]string
	var widths []int
	for _, item := range items {
		row := cells(item)
		rows = append(rows, row)
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, row := range rows {
		for i := range row {
			row[i] = pad(row[i], widths[i])
		}
	}
	return rows
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(n-utf8.RuneCountInString(s), 0))
}

func padLeft(s string, n int) string {
	return strings.Repeat(" ", max(n-utf8.RuneCountInString(s), 0)) + s
}

func shortDigest(d string) string {
	algorithm, hex, ok := strings.Cut(d, ":")
	if !ok {
		return cut(d, 12)
	}
	if len(hex) > 12 {
		hex = hex[:12]
	}
	return algorithm + ":" + hex
}

var verdictHeads = map[Verdict]string{
	Pass: "pass", Fail: "fail", Warn: "warn", NotTestable: "not testable", Error: "error", NotApplicable: "n/a",
}

var verdictColors = map[Verdict]string{
	Pass: green, Fail: redBold, Warn: yellow, NotTestable: purple, Error: purpleBold, NotApplicable: dim,
}

// counts writes the matrix: a line for each target and client.
func (t *terminal) counts(r *Report) {
	list := pairs(r)
	if len(list) == 0 {
		return
	}
	names, clients := len("target"), len("client")
	for _, p := range list {
		names = max(names, utf8.RuneCountInString(oneLine(place(p.Target, p.Dialect))))
		clients = max(clients, utf8.RuneCountInString(oneLine(p.Client)))
	}
	head := pad("target", names) + "  " + pad("client", clients)
	for _, v := range Verdicts() {
		head += "  " + padLeft(verdictHeads[v], 6)
	}
	t.line(t.paint(dim, head))
	last := ""
	for _, p := range list {
		name := oneLine(place(p.Target, p.Dialect))
		shown := name
		if name == last {
			shown = ""
		}
		last = name
		row := pad(shown, names) + "  " + pad(oneLine(p.Client), clients)
		for _, v := range Verdicts() {
			n := p.Summary.Count(v)
			cell := padLeft(fmt.Sprint(n), max(6, len(verdictHeads[v])))
			switch {
			case n == 0:
				cell = t.paint(dim, cell)
			default:
				cell = t.paint(verdictColors[v], cell)
			}
			row += "  " + cell
		}
		t.line(row)
	}
	t.line("")
}

var verdictWords = map[Verdict]string{
	Fail: "FAIL", Warn: "WARN", NotTestable: "NOT TESTABLE", Error: "ERROR", Pass: "PASS", NotApplicable: "N/A",
}

// findings writes a block for everything that counts and is not fine.
func (t *terminal) findings(r *Report) {
	for _, f := range findings(r, func(c *Check) bool {
		return c.Scored() && c.Verdict != Pass && c.Verdict != NotApplicable
	}) {
		t.finding(r, &f)
	}
	if r.Baseline == nil {
		return
	}
	for _, u := range r.Baseline.Unexpected {
		t.line(t.paint(redBold, "PASSES") + "  " + t.paint(bold, oneLine(u.ID)))
		t.field("where", oneLine(place(u.Target, u.Dialect)+" × "+u.Client))
		t.field("what", oneLine(fmt.Sprintf("the baseline says %s (%s): take the entry out", u.Verdict, u.Reason)))
		t.line("")
	}
}

func (t *terminal) finding(r *Report, f *finding) {
	c := f.First()
	word := t.paint(cmp.Or(verdictColors[c.Verdict], purpleBold), cmp.Or(verdictWords[c.Verdict], oneLine(string(c.Verdict))))
	if f.Many() {
		t.line(word + "  " + t.paint(bold, plural(len(f.IDs), "check", "checks")+" for one cause"))
		shown := f.IDs
		const most = 6
		if len(shown) > most {
			shown = shown[:most]
		}
		text := oneLine(strings.Join(shown, ", "))
		if more := len(f.IDs) - len(shown); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		t.field("checks", text)
	} else {
		t.line(word + "  " + t.paint(bold, oneLine(c.ID)) + "  " + t.paint(dim, oneLine(string(c.Level))))
		t.wrapped("  ", oneLine(c.Title))
	}
	t.field("where", oneLine(f.Where))
	if !f.Many() {
		t.field("fault", oneLine(strings.Join(c.Faults, ", ")))
	}
	label := "what"
	for _, m := range f.Messages {
		text := oneLine(cmp.Or(m.Message, c.Reason))
		if len(f.Messages) > 1 {
			text += " (" + oneLine(m.Where) + ")"
		}
		t.field(label, text)
		label = ""
	}
	t.field("got", lastAnswer(c, t.width*2))
	for _, n := range c.Notes {
		t.field("note", oneLine(n))
	}
	t.field("hint", oneLine(c.Hint))
	t.field("mend", oneLine(c.Mend))
	if !f.Many() && c.Stricter != "" {
		t.field("stricter", "beyond the specification: "+oneLine(c.Stricter))
	}
	if !f.Many() {
		for _, id := range c.Requirements {
			q := r.Requirements[id]
			t.field("spec", oneLine(cmp.Or(q.Title, id)))
			t.fieldWhole("", oneLine(q.Anchor))
		}
	}
	t.fieldWhole("rerun", visible(c.Rerun, false))
	if more := len(f.Checks) - 1; more > 0 && c.Rerun != "" {
		t.field("", fmt.Sprintf("(and %d more like it; the other reports have their commands)", more))
	}
	t.line("")
}

// lastAnswer puts the last exchange of a check on one line.
func lastAnswer(c *Check, most int) string {
	if len(c.Exchanges) == 0 {
		return ""
	}
	e := &c.Exchanges[len(c.Exchanges)-1]
	head := oneLine(e.Method + " " + e.URL)
	if e.Status == 0 {
		return head + " → no answer" + prefixed(": ", oneLine(e.Note))
	}
	body := oneLine(shownBody(e.ResponseBody, e.ResponseEncoding))
	return head + fmt.Sprintf(" → %d", e.Status) + prefixed(" ", cut(body, max(most-len(head), 40)))
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// condensed writes what needs no attention, a line each: what a baseline
// accepts, what does not score, what is not applicable.
func (t *terminal) condensed(r *Report) {
	notFine := func(c *Check) bool { return c.Verdict != Pass && c.Verdict != NotApplicable }
	section := func(title string, list []finding, why func(*Check) string) {
		if len(list) == 0 {
			return
		}
		t.line(t.paint(bold, title))
		for i := range list {
			c := list[i].First()
			for _, id := range list[i].IDs {
				t.wrapped("  ", fmt.Sprintf("%s  %s  %s: %s", oneLine(string(c.Verdict)), oneLine(id), oneLine(list[i].Where), oneLine(why(c))))
			}
		}
		t.line("")
	}
	section("accepted by the baseline", findings(r, func(c *Check) bool { return notFine(c) && c.Accepted != "" }),
		func(c *Check) string { return c.Accepted })
	section("not scored", findings(r, func(c *Check) bool { return notFine(c) && c.Accepted == "" && c.Unscored != "" }),
		func(c *Check) string { return c.Unscored })
	if r.Baseline != nil && len(r.Baseline.Unused) > 0 {
		t.line(t.paint(bold, "baseline entries that no check fell under"))
		for _, e := range r.Baseline.Unused {
			t.wrapped("  ", oneLine(e.String()))
		}
		t.line("")
	}
	reasons := notApplicable(r)
	if len(reasons) == 0 {
		return
	}
	t.line(t.paint(bold, "not applicable"))
	digits := len(fmt.Sprint(reasons[0].N))
	const most = 12
	for i, c := range reasons {
		if i == most && len(reasons) > most+1 {
			t.line(fmt.Sprintf("  and %d more reasons", len(reasons)-most))
			break
		}
		t.wrapped("  "+padLeft(fmt.Sprint(c.N), digits)+" × ", oneLine(c.Text))
	}
	t.line("")
}

func (t *terminal) totals(r *Report) {
	s := r.Summary
	parts := []string{}
	for _, v := range Verdicts() {
		if n := s.Count(v); n > 0 {
			parts = append(parts, t.paint(verdictColors[v], fmt.Sprintf("%d %s", n, verdictNouns(v, n))))
		}
	}
	line := plural(s.Total(), "check", "checks")
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, ", ")
	}
	if s.DurationMs > 0 {
		line += " in " + duration(s.DurationMs)
	}
	t.line(line)
	end := conclude(r, t.strict)
	sgr := map[string]string{"good": greenBold, "bad": redBold, "neutral": yellowBold}[end.Tone]
	t.line(t.paint(sgr, end.Headline))
	for _, d := range end.Details {
		t.wrapped("  ", d)
	}
}

// verdictNouns is what n checks with the verdict are called after their number.
func verdictNouns(v Verdict, n int) string {
	switch v {
	case Pass:
		return "passed"
	case Fail:
		return "failed"
	case Warn:
		return "warned"
	case NotTestable:
		return "not testable"
	case NotApplicable:
		return "not applicable"
	}
	if n == 1 {
		return "error"
	}
	return "errors"
}

// duration writes milliseconds as a person would: 850 ms, 12.3 s, 3 min 20 s.
func duration(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", ms)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}
