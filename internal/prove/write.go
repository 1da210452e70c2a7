package prove

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/touchstone-webauthn/touchstone/suites"
)

// shown is how many killers a line of the text names.
const shown = 3

// WriteText writes the table for a terminal: survivors first, then idle checks,
// then every bug with what caught it.
func (t *Table) WriteText(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	if list := t.Survivors(); len(list) > 0 {
		fmt.Fprintf(tw, "survivors\t\t\n")
		for _, r := range list {
			fmt.Fprintf(tw, "  %s\t%s\t%s (%s)\n", r.Name, r.Severity, r.Title, strings.Join(append(r.Requirements(), r.ModelledOn...), ", "))
		}
		fmt.Fprintln(tw)
	}
	if list := t.Unexcused(); len(list) > 0 {
		fmt.Fprintf(tw, "checks that caught nothing\t\t\n")
		for _, i := range list {
			fmt.Fprintf(tw, "  %s\t\t\n", i.Check)
		}
		fmt.Fprintln(tw)
	}
	for _, list := range []struct {
		title string
		ids   []string
	}{{"requirements that no caught bug is filed under", t.Uncovered}, {"requirements that are covered, though coverage.go says why not", t.Stale}} {
		if len(list.ids) == 0 {
			continue
		}
		fmt.Fprintf(tw, "%s\t\t\n", list.title)
		for _, id := range list.ids {
			fmt.Fprintf(tw, "  %s\t\t\n", id)
		}
		fmt.Fprintln(tw)
	}
	for _, class := range t.Classes() {
		fmt.Fprintf(tw, "%s\t\t\n", class.Name)
		for _, r := range class.Bugs {
			fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\n", r.Name, r.Severity, r.caught(), r.few())
		}
		fmt.Fprintln(tw)
	}
	fmt.Fprintln(tw, t.Summary())
	return tw.Flush()
}

func (r Result) caught() string {
	if !r.Killed() {
		return "survives"
	}
	return fmt.Sprintf("%d", len(r.KilledBy))
}

func (r Result) few() string {
	s := strings.Join(r.KilledBy[:min(shown, len(r.KilledBy))], ", ")
	if len(r.KilledBy) > shown {
		s += ", ..."
	}
	return s
}

// Class is the bugs of one class.
type Class struct {
	Name string
	Bugs []Result
}

// Classes groups the bugs, in the order of the catalogue.
func (t *Table) Classes() []Class {
	var out []Class
	for _, r := range t.Bugs {
		i := slices.IndexFunc(out, func(c Class) bool { return c.Name == r.Class })
		if i < 0 {
			i = len(out)
			out = append(out, Class{Name: r.Class})
		}
		out[i].Bugs = append(out[i].Bugs, r)
	}
	return out
}

// Summary is the table in one line.
func (t *Table) Summary() string {
	survivors := len(t.Survivors())
	distinct, strict := 0, 0
	for _, r := range t.Bugs {
		if r.Class == "over-strict" {
			strict++
		}
		if r.Like == "" {
			distinct++
		}
	}
	s := fmt.Sprintf("%d bugs (%d where those that differ in the format alone count once; %d over-strict), %d killed, %d survived; %d checks, ", len(t.Bugs), distinct, strict, len(t.Bugs)-survivors, survivors, t.Checks)
	if len(t.Idle) > 0 {
		bad := len(t.Unexcused())
		s += fmt.Sprintf("%d caught nothing without excuse and %d with one; ", bad, len(t.Idle)-bad)
	}
	if n := t.unreached(); n > 0 {
		s += fmt.Sprintf("%d of %d times a check was put to a bug, the others had nothing to show; ", len(t.Bugs)*t.Checks-n, len(t.Bugs)*t.Checks)
	}
	if !t.Complete {
		s += "not all bugs were tried; "
	}
	return s + (time.Duration(t.DurationMs) * time.Millisecond).Round(100*time.Millisecond).String()
}

func (t *Table) unreached() int {
	n := 0
	for _, r := range t.Bugs {
		n += r.Unreached
	}
	return n
}

// records are the published cases of the ids; those that are not among the
// classes of weakness have the id alone.
func records(ids []string) ([]suites.Record, error) {
	classes, err := suites.Classes()
	if err != nil {
		return nil, err
	}
	out := make([]suites.Record, len(ids))
	for i, id := range ids {
		out[i].ID = id
		for _, c := range classes {
			if j := slices.IndexFunc(c.Records, func(r suites.Record) bool { return r.ID == id }); j >= 0 {
				out[i] = c.Records[j]
				break
			}
		}
	}
	return out, nil
}

func seconds(ms int64) string { return fmt.Sprintf("%.1f s", float64(ms)/1000) }

//go:embed table.html
var page string

var pageTemplate = template.Must(template.New("table").Funcs(template.FuncMap{"join": strings.Join, "records": records, "seconds": seconds}).Parse(page))

// WriteHTML writes the table as one page that needs nothing else.
func (t *Table) WriteHTML(w io.Writer) error { return pageTemplate.Execute(w, t) }
