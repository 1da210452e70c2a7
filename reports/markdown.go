package reports

import (
	"cmp"
	"fmt"
	"io"
	"strings"
)

// MarkdownOptions decide how the Markdown form looks.
type MarkdownOptions struct {
	// Strict says that warnings are red in this run.
	Strict bool
	// MaxBytes bounds the result; 0 means just under 1 MiB, which is what a CI
	// job summary takes. Findings that do not fit are counted instead.
	MaxBytes int
}

// WriteMarkdown writes r as a summary in GitHub's Markdown, for a CI job
// summary or a comment: what it comes to, the counts as a table, every finding
// as a foldable block.
func WriteMarkdown(w io.Writer, r *Report, o MarkdownOptions) error {
	r = r.settled()
	limit := cmp.Or(o.MaxBytes, 1<<20-4096)
	var b strings.Builder
	end := conclude(r, o.Strict)
	mark := map[string]string{"good": "✅", "bad": "❌", "neutral": "⚪"}[end.Tone]
	fmt.Fprintf(&b, "## %s Touchstone: %s\n\n", mark, mdText(end.Headline))
	for _, d := range end.Details {
		fmt.Fprintf(&b, "- %s\n", mdText(d))
	}
	if len(end.Details) > 0 {
		b.WriteByte('\n')
	}
	mdCounts(&b, r)
	for _, n := range remarks(r) {
		fmt.Fprintf(&b, "%s\n\n", mdText(n))
	}

	list := findings(r, func(c *Check) bool { return c.Verdict != Pass && c.Verdict != NotApplicable })
	var tail strings.Builder
	mdTail(&tail, r)
	left := limit - b.Len() - tail.Len() - 200
	for i := range list {
		var one strings.Builder
		mdFinding(&one, r, &list[i])
		if one.Len() > left {
			fmt.Fprintf(&b, "%s not shown here for want of room; the other reports have them.\n\n", plural(len(list)-i, "finding is", "findings are"))
			break
		}
		left -= one.Len()
		b.WriteString(one.String())
	}
	b.WriteString(tail.String())
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write Markdown summary: %w", err)
	}
	return nil
}

func mdCounts(b *strings.Builder, r *Report) {
	list := pairs(r)
	if len(list) == 0 {
		return
	}
	b.WriteString("| target | client |")
	for _, v := range Verdicts() {
		b.WriteString(" " + verdictHeads[v] + " |")
	}
	b.WriteString("\n| --- | --- |" + strings.Repeat(" ---: |", len(Verdicts())) + "\n")
	row := func(target, client string, s Summary) {
		b.WriteString("| " + target + " | " + client + " |")
		for _, v := range Verdicts() {
			cell := fmt.Sprint(s.Count(v))
			if s.Count(v) > 0 && v.Red() {
				cell = "**" + cell + "**"
			}
			b.WriteString(" " + cell + " |")
		}
		b.WriteByte('\n')
	}
	for _, p := range list {
		row(mdText(place(p.Target, p.Dialect)), mdText(p.Client), p.Summary)
	}
	if len(list) > 1 {
		row("**all**", "", r.Summary)
	}
	b.WriteByte('\n')
}

var verdictMarks = map[Verdict]string{
	Pass: "✅", Fail: "❌", Warn: "⚠️", NotTestable: "❓", Error: "💥", NotApplicable: "➖",
}

func mdFinding(b *strings.Builder, r *Report, f *finding) {
	c := f.First()
	mark := cmp.Or(verdictMarks[c.Verdict], "💥")
	state := ""
	switch {
	case c.Accepted != "":
		mark, state = "☑️", " · accepted by the baseline"
	case c.Unscored != "":
		mark, state = "☑️", " · not scored"
	}
	head := mdCode(c.ID) + " " + mdText(string(c.Level))
	if f.Many() {
		head = plural(len(f.IDs), "check", "checks") + " for one cause"
	}
	fmt.Fprintf(b, "<details>\n<summary>%s %s · %s · %s%s</summary>\n\n", mark, mdText(string(c.Verdict)), head, mdText(f.Where), state)
	item := func(label, text string) {
		if text != "" {
			fmt.Fprintf(b, "- **%s**: %s\n", label, text)
		}
	}
	if f.Many() {
		for _, id := range f.IDs {
			item("check", mdCode(id))
		}
	} else {
		item("asks", mdText(c.Title))
		item("fault", mdCode(strings.Join(c.Faults, ", ")))
	}
	for _, m := range f.Messages {
		text := mdText(cmp.Or(m.Message, c.Reason))
		if len(f.Messages) > 1 {
			text += " (" + mdText(m.Where) + ")"
		}
		item("what", text)
	}
	item("got", mdCode(lastAnswer(c, 400)))
	for _, n := range c.Notes {
		item("note", mdText(n))
	}
	item("hint", mdText(c.Hint))
	item("mend", mdText(c.Mend))
	item("accepted because", mdText(c.Accepted))
	item("stricter than the specification", mdText(c.Stricter))
	item("not scored because", mdText(c.Unscored))
	if !f.Many() {
		for _, id := range c.Requirements {
			q := r.Requirements[id]
			item("spec", mdLink(cmp.Or(q.Title, id), q.Anchor))
		}
	}
	if c.Rerun != "" {
		b.WriteString("\n" + mdBlock("sh", visible(c.Rerun, false)))
	}
	b.WriteString("\n</details>\n\n")
}

func mdTail(b *strings.Builder, r *Report) {
	if r.Baseline != nil && len(r.Baseline.Unexpected) > 0 {
		b.WriteString("**Pass although the baseline says they do not**\n\n")
		for _, u := range r.Baseline.Unexpected {
			fmt.Fprintf(b, "- %s, %s × %s: %s\n", mdCode(u.ID), mdText(place(u.Target, u.Dialect)), mdText(u.Client), mdText(u.Reason))
		}
		b.WriteByte('\n')
	}
	if reasons := notApplicable(r); len(reasons) > 0 {
		fmt.Fprintf(b, "<details>\n<summary>➖ %s not applicable</summary>\n\n", plural(r.Summary.NotApplicable, "check is", "checks are"))
		const most = 50
		for i, c := range reasons {
			if i == most {
				fmt.Fprintf(b, "- and %s\n", plural(len(reasons)-most, "more reason", "more reasons"))
				break
			}
			fmt.Fprintf(b, "- %d × %s\n", c.N, mdText(cut(c.Text, 500)))
		}
		b.WriteString("\n</details>\n\n")
	}
	parts := []string{}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+mdCode(value))
		}
	}
	add("Touchstone", r.Suite.Version)
	add("set", r.Suite.Set)
	add("seed", r.Suite.Seed)
	add("suite", shortDigest(r.Suite.Digest))
	for _, c := range r.Clients {
		add(mdText(c.Name), c.Version)
	}
	b.WriteString(strings.Join(parts, " · ") + "\n")
}

// mdText writes s so that Markdown shows it as it is: every character with a
// meaning becomes a character reference, nothing becomes a link by itself, and
// an at sign mentions no one.
func mdText(s string) string {
	return strings.ReplaceAll(mdEscape(s), "&#64;", "&#64;&#8203;")
}

// mdCode writes s as code. It is HTML rather than a code span, since that holds
// in a table and whatever backticks there are in s.
func mdCode(s string) string {
	if s == "" {
		return ""
	}
	return "<code>" + mdEscape(s) + "</code>"
}

func mdEscape(s string) string {
	s = oneLine(s)
	var b strings.Builder
	for i, r := range s {
		switch {
		case strings.ContainsRune("\\`*_[]<>#|~&$@", r),
			r == ':' && strings.HasPrefix(s[i:], "://"),
			r == '.' && strings.HasSuffix(strings.ToLower(s[:i]), "www"):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// mdBlock writes s as a fenced block with a fence longer than any in s.
func mdBlock(language, s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + language + "\n" + s + "\n" + fence + "\n"
}

// mdLink links to a web page, and to nothing else.
func mdLink(text, url string) string {
	if !isWebURL(url) || strings.ContainsAny(url, " \t\r\n<>()\"\\`|") {
		return mdText(strings.TrimSpace(text + " " + url))
	}
	return "[" + mdText(text) + "](" + url + ")"
}

// isWebURL reports whether a link may lead there: web pages only, since
// javascript: and its like are what a hostile report would use.
func isWebURL(u string) bool {
	return strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://")
}
