package reports

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
)

// HTMLOptions decide how the HTML form looks.
type HTMLOptions struct {
	// Strict says that warnings are red in this run.
	Strict bool
}

//go:embed html/report.html.tmpl
var pageTemplate string

//go:embed html/report.css
var pageStyle string

//go:embed html/report.js
var pageScript string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"line":     oneLine,
	"text":     func(s string) string { return visible(s, true) },
	"duration": duration,
	"join":     func(s []string) string { return oneLine(strings.Join(s, ", ")) },
	"plural":   plural,
}).Parse(pageTemplate))

// Bounds of the page, so that it opens in any browser: what is cut is in the JSON form.
const (
	maxShownBody      = 24 << 10
	maxShownInstances = 40
)

// WriteHTML writes r as one HTML file that needs nothing but itself: no script,
// style, font or picture comes from elsewhere, and a content security policy
// lets none be fetched even if an RP's answer found a way past the escaping.
// The page works from a file, in print, in the dark, and without scripts.
func WriteHTML(w io.Writer, r *Report, o HTMLOptions) error {
	var b bytes.Buffer
	if err := page.Execute(&b, newPage(r.settled(), o)); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	return nil
}

// What the template is given.
type (
	pageData struct {
		R        *Report
		Policy   string
		Style    template.CSS
		Script   template.JS
		Started  string
		Outcome  outcome
		Tallies  []pageTally
		Pairs    []pagePair
		Heads    []string
		Findings []pageFinding
		Columns  []pageColumn
		Groups   []pageGroup // the dialect row above the columns
		Families []pageFamily
		Reasons  []count
		Remarks  []string
		Env      [][2]string
		Legend   []pageCell
	}
	pageTally struct {
		Verdict, Class, Word string
		N                    int
	}
	pagePair struct {
		Where, Client string
		Cells         []pageTally
	}
	pageFinding struct {
		Anchor, Class, Verdict, Mark string
		ID, Title, Level             string
		IDs                          []string
		Where, State                 string
		Faults                       []string
		Messages                     []pageMessage
		Notes                        []string
		Hint, Mend, Guards           string
		Records                      []string
		Accepted, Unscored           string
		Stricter                     string
		Specs                        []pageSpec
		Search                       string
		Instances                    []pageInstance
		More                         int
	}
	pageMessage  struct{ Text, Where string }
	pageSpec     struct{ Title, URL string }
	pageInstance struct {
		ID, Where, Rerun string
		DurationMs       int64
		Exchanges        []pageExchange
		Evidence         []pageEvidence
	}
	pageEvidence struct {
		Title, Text, Note string
		// Picture is a data URL of an image, which the page's policy lets be shown.
		Picture template.URL
	}
	pageExchange struct {
		Step, Method, URL, Status, StatusClass, Note string
		DurationMs                                   int64
		Request, Decoded, Response                   string
		Open                                         bool
	}
	pageColumn struct{ Target, Client string }
	pageGroup  struct {
		Name string
		Span int
	}
	pageFamily struct {
		Name   string
		Counts []pageTally
		Open   bool
		Rows   []pageRow
	}
	pageRow struct {
		ID, Title, Level, Verdicts, Search string
		Cells                              []pageCell
	}
	pageCell struct{ Class, Mark, Word, Link, Title string }
)

var verdictGlyphs = map[Verdict]string{Pass: "✓", Fail: "✗", Warn: "!", NotTestable: "?", Error: "‼", NotApplicable: "–"}

// verdictClass is the class name of a verdict; an unknown one is an error.
func verdictClass(v Verdict) string {
	switch v {
	case Pass, Fail, Warn, Error:
		return string(v)
	case NotTestable:
		return "nt"
	case NotApplicable:
		return "na"
	}
	return "error"
}

// verdictWord is a verdict for a person.
func verdictWord(v Verdict) string { return oneLine(strings.ReplaceAll(string(v), "-", " ")) }

// filterVerdict is the verdict under which the page's filter finds a check.
func filterVerdict(v Verdict) string {
	if verdictClass(v) == "error" {
		return string(Error)
	}
	return string(v)
}

func newPage(r *Report, o HTMLOptions) *pageData {
	d := &pageData{
		R: r, Style: template.CSS(pageStyle), Script: template.JS(pageScript), Outcome: conclude(r, o.Strict),
		// Only what is in this file runs, and nothing is fetched or sent.
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-" + hashOf(pageStyle) +
			"'; script-src 'sha256-" + hashOf(pageScript) + "'",
		Reasons: notApplicable(r), Remarks: remarks(r),
	}
	if slices.ContainsFunc(r.Checks, func(c Check) bool { return len(c.Evidence) > 0 }) {
		d.Policy += "; img-src data:" // screenshots are in the file, too
	}
	if !r.Started.IsZero() {
		d.Started = r.Started.UTC().Format("2 January 2006, 15:04 UTC")
	}
	for _, v := range Verdicts() {
		d.Tallies = append(d.Tallies, pageTally{string(v), verdictClass(v), verdictNouns(v, r.Summary.Count(v)), r.Summary.Count(v)})
		d.Heads = append(d.Heads, verdictHeads[v])
		d.Legend = append(d.Legend, pageCell{Class: verdictClass(v), Mark: verdictGlyphs[v], Word: verdictWord(v)})
	}
	for _, p := range pairs(r) {
		row := pagePair{Where: place(p.Target, p.Dialect), Client: p.Client}
		for _, v := range Verdicts() {
			row.Cells = append(row.Cells, pageTally{Class: verdictClass(v), N: p.Summary.Count(v)})
		}
		d.Pairs = append(d.Pairs, row)
	}
	links := d.addFindings(r)
	d.addMatrix(r, links)
	d.addEnvironment(r)
	return d
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// addFindings fills Findings and returns where each check is told.
func (d *pageData) addFindings(r *Report) map[*Check]string {
	links := map[*Check]string{}
	list := findings(r, func(c *Check) bool { return c.Verdict != Pass && c.Verdict != NotApplicable })
	// What needs no attention comes last.
	slices.SortStableFunc(list, func(a, b finding) int {
		return boolRank(!a.First().Scored()) - boolRank(!b.First().Scored())
	})
	for i := range list {
		f := &list[i]
		c := f.First()
		out := pageFinding{
			Anchor: fmt.Sprintf("f%d", i+1), Class: verdictClass(c.Verdict), Verdict: verdictWord(c.Verdict),
			Mark: cmp.Or(verdictGlyphs[c.Verdict], "‼"), ID: c.ID, Title: c.Title, Level: string(c.Level), Where: f.Where,
			Notes: c.Notes, Hint: c.Hint, Mend: c.Mend, Guards: c.Guards, Records: c.Records, Accepted: c.Accepted, Unscored: c.Unscored, Stricter: c.Stricter,
		}
		switch {
		case c.Accepted != "":
			out.State = "accepted"
		case c.Unscored != "":
			out.State = "not scored"
		}
		search := []string{c.Title, c.Hint, c.Reason, f.Where}
		search = append(search, f.IDs...)
		search = append(search, c.Faults...)
		if f.Many() {
			out.IDs = f.IDs
		} else {
			out.Faults = c.Faults
			for _, id := range c.Requirements {
				q := r.Requirements[id]
				spec := pageSpec{Title: cmp.Or(q.Title, id), URL: q.Anchor}
				if !isWebURL(spec.URL) {
					spec.Title, spec.URL = strings.TrimSpace(spec.Title+" "+spec.URL), ""
				}
				out.Specs = append(out.Specs, spec)
				search = append(search, spec.Title)
			}
		}
		for _, m := range f.Messages {
			where := ""
			if len(f.Messages) > 1 {
				where = m.Where
			}
			out.Messages = append(out.Messages, pageMessage{cmp.Or(m.Message, c.Reason), where})
			search = append(search, m.Message)
		}
		for j, c := range f.Checks {
			links[c] = out.Anchor
			if j < maxShownInstances {
				out.Instances = append(out.Instances, newInstance(c, f.Many()))
			}
		}
		out.More = len(f.Checks) - len(out.Instances)
		out.Search = searchText(search)
		d.Findings = append(d.Findings, out)
	}
	return links
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func searchText(parts []string) string {
	return cut(strings.ToLower(oneLine(strings.Join(parts, " "))), 2000)
}

func newInstance(c *Check, withID bool) pageInstance {
	out := pageInstance{Where: place(c.Target, c.Dialect) + " × " + c.Client, Rerun: c.Rerun, DurationMs: c.DurationMs}
	if withID {
		out.ID = c.ID
	}
	for i := range c.Exchanges {
		e := &c.Exchanges[i]
		x := pageExchange{
			Step: e.Step, Method: e.Method, URL: e.URL, Note: e.Note, DurationMs: e.DurationMs,
			Status: fmt.Sprint(e.Status), StatusClass: fmt.Sprintf("s%d", e.Status/100),
			Request:  message(e.RequestHeaders, e.RequestBody, e.RequestEncoding),
			Response: message(e.ResponseHeaders, e.ResponseBody, e.ResponseEncoding),
			Open:     i == len(c.Exchanges)-1,
		}
		if e.Status == 0 {
			x.Status, x.StatusClass = "no answer", "s0"
		}
		if e.Decoded != nil {
			x.Decoded = indented(e.Decoded)
		}
		out.Exchanges = append(out.Exchanges, x)
	}
	for _, e := range c.Evidence {
		out.Evidence = append(out.Evidence, newEvidence(e))
	}
	return out
}

// newEvidence is evidence for the page. What calls itself an image and is none
// shows nothing, as a browser runs no script in an image.
func newEvidence(e Evidence) pageEvidence {
	out := pageEvidence{Title: "Evidence: " + oneLine(e.Kind), Text: bounded(e.Text), Note: e.Note}
	switch e.Kind {
	case EvidenceConsole:
		out.Title = "What the browser told"
	case EvidenceScreenshot:
		out.Title = "The page as the browser showed it"
	}
	if e.MediaType == "image/jpeg" || e.MediaType == "image/png" {
		out.Picture = template.URL("data:" + e.MediaType + ";base64," + base64.StdEncoding.EncodeToString(e.Data))
	}
	return out
}

// message writes headers and body the way they went over the wire, nearly.
func message(headers map[string][]string, body, encoding string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		for _, value := range headers[name] {
			b.WriteString(oneLine(name) + ": " + oneLine(value) + "\n")
		}
	}
	if body == "" {
		return strings.TrimSuffix(b.String(), "\n")
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(bounded(shownBody(body, encoding)))
	return b.String()
}

func bounded(s string) string {
	if len(s) <= maxShownBody {
		return s
	}
	return strings.ToValidUTF8(s[:maxShownBody], "") + fmt.Sprintf("\n… %d more bytes are in the JSON report", len(s)-maxShownBody)
}

func indented(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return "cannot be shown: " + err.Error()
	}
	return bounded(strings.TrimSuffix(b.String(), "\n"))
}

// addMatrix fills the table of every check against every target and client.
func (d *pageData) addMatrix(r *Report, links map[*Check]string) {
	columnOf := map[pageColumn]int{}
	rowOf := map[string]int{}
	type row struct {
		first *Check
		cells []*Check
	}
	var rows []row
	for _, p := range pairs(r) {
		col := pageColumn{place(p.Target, p.Dialect), p.Client}
		columnOf[col] = len(d.Columns)
		d.Columns = append(d.Columns, col)
		if n := len(d.Groups); n > 0 && d.Groups[n-1].Name == col.Target {
			d.Groups[n-1].Span++
		} else {
			d.Groups = append(d.Groups, pageGroup{col.Target, 1})
		}
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		at, ok := rowOf[c.ID]
		if !ok {
			at = len(rows)
			rowOf[c.ID] = at
			rows = append(rows, row{first: c, cells: make([]*Check, len(d.Columns))})
		}
		rows[at].cells[columnOf[pageColumn{place(c.Target, c.Dialect), c.Client}]] = c
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.first.Order, b.first.Order), cmp.Compare(a.first.ID, b.first.ID))
	})
	familyOf := map[string]int{}
	counts := []Summary{}
	for _, row := range rows {
		name := family(row.first.ID)
		at, ok := familyOf[name]
		if !ok {
			at = len(d.Families)
			familyOf[name] = at
			d.Families = append(d.Families, pageFamily{Name: name})
			counts = append(counts, Summary{})
		}
		f := &d.Families[at]
		out := pageRow{ID: row.first.ID, Title: row.first.Title, Level: string(row.first.Level)}
		search := []string{out.ID, out.Title, out.Level}
		var verdicts []string
		for _, c := range row.cells {
			if c == nil {
				out.Cells = append(out.Cells, pageCell{Class: "none"})
				continue
			}
			counts[at].add(c.Verdict)
			if v := filterVerdict(c.Verdict); !slices.Contains(verdicts, v) {
				verdicts = append(verdicts, v)
			}
			if !c.Verdict.quiet() {
				f.Open = true
				search = append(search, c.Message)
			}
			out.Cells = append(out.Cells, newCell(c, links[c]))
		}
		out.Verdicts = strings.Join(verdicts, " ")
		out.Search = searchText(search)
		f.Rows = append(f.Rows, out)
	}
	for i, s := range counts {
		for _, v := range Verdicts() {
			if n := s.Count(v); n > 0 {
				d.Families[i].Counts = append(d.Families[i].Counts, pageTally{Class: verdictClass(v), Word: verdictGlyphs[v], N: n, Verdict: string(v)})
			}
		}
	}
}

// quiet reports whether a verdict needs no reader.
func (v Verdict) quiet() bool { return v == Pass || v == NotApplicable }

func newCell(c *Check, link string) pageCell {
	out := pageCell{
		Class: verdictClass(c.Verdict), Mark: cmp.Or(verdictGlyphs[c.Verdict], "‼"),
		Word: verdictWord(c.Verdict), Link: link,
	}
	out.Title = out.Word
	if c.Verdict != Pass && c.Message != "" {
		out.Title += ": " + cut(oneLine(c.Message), 200)
	}
	if !c.Scored() {
		out.Class += " unscored"
	}
	return out
}

func (d *pageData) addEnvironment(r *Report) {
	add := func(name, value string) {
		if value != "" {
			d.Env = append(d.Env, [2]string{name, oneLine(value)})
		}
	}
	add("Touchstone", r.Suite.Version)
	add("Requirement set", r.Suite.Set)
	add("Catalogue", r.Suite.Digest)
	add("Seed", r.Suite.Seed)
	add("Started", d.Started)
	add("Command", r.Command)
	if r.Shard != nil {
		add("Shard", fmt.Sprintf("%d of %d", r.Shard.Index, r.Shard.Count))
	}
	for _, c := range r.Clients {
		add("Client "+oneLine(c.Name), c.Version)
	}
	if r.Baseline != nil {
		add("Baseline", strings.TrimSpace(r.Baseline.File+" accepts "+plural(r.Baseline.Accepted, "result", "results")))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Environment)) {
		add(oneLine(name), r.Environment[name])
	}
}
