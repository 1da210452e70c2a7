package reports

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// JUnitOptions decide what is red in the JUnit form.
type JUnitOptions struct {
	// Strict says that warnings are red in this run.
	Strict bool
}

// The JUnit elements, in the dialect that CI systems agree on: testsuites,
// testsuite, properties, testcase, failure, error, skipped, system-out.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Disabled int          `xml:"disabled,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Package    string          `xml:"package,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Disabled   int             `xml:"disabled,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property,omitempty"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name      string          `xml:"name,attr"`
		Classname string          `xml:"classname,attr"`
		Status    string          `xml:"status,attr"`
		Time      string          `xml:"time,attr"`
		Props     []junitProperty `xml:"properties>property,omitempty"`
		Skipped   *junitSkipped   `xml:"skipped,omitempty"`
		Error     *junitProblem   `xml:"error,omitempty"`
		Failure   *junitProblem   `xml:"failure,omitempty"`
		SystemOut string          `xml:"system-out,omitempty"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes r as JUnit XML: one testsuite for each target and client,
// one testcase for each check. What is red in the report is a failure or an
// error there, and nothing else is:
//
//   - fail is a failure, its type the reason; not-testable is a failure of type
//     not-testable; a warning in a strict run is a failure of type warn.
//   - error is an error.
//   - not-applicable is skipped, with the reason.
//   - A result that a baseline accepts, or that does not score, is skipped, and
//     the message says what it was; a check that passes against the baseline is
//     a failure of type unexpected-pass.
//   - warn passes, and says so in system-out.
//
// A run that was stopped gets a testcase of its own that is an error, so that
// it can never look green.
func WriteJUnit(w io.Writer, r *Report, o JUnitOptions) error {
	r = r.settled()
	out := junitSuites{Name: "touchstone " + xmlText(r.Suite.Set)}
	unexpected := map[key]UnexpectedPass{}
	if r.Baseline != nil {
		for _, u := range r.Baseline.Unexpected {
			unexpected[key{u.Target, u.Dialect, u.Client, u.ID}] = u
		}
	}
	var ms int64
	for _, p := range pairs(r) {
		suite := junitSuite{Name: xmlText(place(p.Target, p.Dialect) + " × " + p.Client), Package: "touchstone"}
		suite.Properties = junitProperties(r, p)
		if !r.Started.IsZero() {
			suite.Timestamp = r.Started.UTC().Format("2006-01-02T15:04:05")
		}
		for i := range r.Checks {
			c := &r.Checks[i]
			if c.Target != p.Target || c.Dialect != p.Dialect || c.Client != p.Client {
				continue
			}
			tc := junitTestcase(r, c, o.Strict)
			if u, ok := unexpected[c.key()]; ok {
				tc.Failure = &junitProblem{
					Type:    "unexpected-pass",
					Message: xmlText("passes although the baseline says " + string(u.Verdict) + ": take the entry out"),
					Text:    xmlText(u.Reason),
				}
			}
			suite.add(tc)
		}
		suite.Time = seconds(p.Summary.DurationMs)
		ms += p.Summary.DurationMs
		out.Suites = append(out.Suites, suite)
	}
	if r.Stopped != nil {
		suite := junitSuite{Name: "run", Package: "touchstone", Time: seconds(0)}
		suite.add(junitCase{
			Name: "run is complete", Classname: "touchstone.run", Status: "error", Time: seconds(0),
			Error: &junitProblem{Type: xmlText(r.Stopped.Reason), Message: xmlText(r.Stopped.Message), Text: xmlText(fmt.Sprintf("%d checks were not run.", r.Stopped.Left))},
		})
		out.Suites = append(out.Suites, suite)
	}
	for _, s := range out.Suites {
		out.Tests += s.Tests
		out.Failures += s.Failures
		out.Errors += s.Errors
		out.Skipped += s.Skipped
	}
	out.Time = seconds(ms)

	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	return nil
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Error != nil:
		s.Errors++
	case c.Failure != nil:
		s.Failures++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func junitProperties(r *Report, p pair) []junitProperty {
	list := []junitProperty{
		{"suite.version", r.Suite.Version},
		{"suite.digest", r.Suite.Digest},
		{"suite.set", r.Suite.Set},
		{"suite.seed", r.Suite.Seed},
		{"target.name", p.Target},
		{"dialect", p.Dialect},
		{"client.name", p.Client},
	}
	for _, t := range r.Targets {
		if t.Name == p.Target {
			list = append(list, junitProperty{"target.url", t.URL}, junitProperty{"target.rpId", t.RPID}, junitProperty{"target.origin", t.Origin})
			if t.Adapter != "" {
				list = append(list, junitProperty{"target.adapter", t.Adapter})
			}
		}
	}
	for _, c := range r.Clients {
		if c.Name == p.Client {
			list = append(list, junitProperty{"client.version", c.Version})
		}
	}
	for i := range list {
		list[i].Value = xmlText(list[i].Value)
	}
	return list
}

func junitTestcase(r *Report, c *Check, strict bool) junitCase {
	out := junitCase{
		Name:      xmlText(c.ID),
		Classname: "touchstone." + classPart(place(c.Target, c.Dialect)) + "." + classPart(c.Client),
		Status:    xmlText(string(c.Verdict)),
		Time:      seconds(c.DurationMs),
		Props:     []junitProperty{{"title", xmlText(c.Title)}, {"level", xmlText(string(c.Level))}},
	}
	if c.Stricter != "" {
		out.Props = append(out.Props, junitProperty{"stricter", xmlText(c.Stricter)})
	}
	for _, id := range c.Requirements {
		out.Props = append(out.Props, junitProperty{"requirement", xmlText(cmp.Or(r.Requirements[id].Anchor, id))})
	}
	message := xmlText(cmp.Or(c.Message, c.Reason, c.Title))
	switch {
	case c.Verdict == Pass:
	case c.Verdict == NotApplicable:
		out.Skipped = &junitSkipped{Message: message}
	case c.Accepted != "":
		out.Skipped = &junitSkipped{Message: xmlText(fmt.Sprintf("accepted by the baseline (%s); was %s: ", c.Accepted, c.Verdict)) + message}
	case c.Unscored != "":
		out.Skipped = &junitSkipped{Message: xmlText(fmt.Sprintf("not scored (%s); was %s: ", c.Unscored, c.Verdict)) + message}
	case c.Verdict == Fail:
		out.Failure = &junitProblem{Type: xmlText(cmp.Or(c.Reason, string(Fail))), Message: message, Text: junitText(r, c)}
	case c.Verdict == NotTestable:
		out.Failure = &junitProblem{Type: string(NotTestable), Message: message, Text: junitText(r, c)}
	case c.Verdict == Warn:
		if strict {
			out.Failure = &junitProblem{Type: string(Warn), Message: message, Text: junitText(r, c)}
		} else {
			out.SystemOut = "warning: " + message + "\n" + junitText(r, c)
		}
	default:
		out.Error = &junitProblem{Type: xmlText(cmp.Or(c.Reason, string(Error))), Message: message, Text: junitText(r, c)}
	}
	return out
}

// junitText is what a CI shows when a reader opens a failure.
func junitText(r *Report, c *Check) string {
	var b strings.Builder
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-7s %s\n", label, text)
		}
	}
	line("check", oneLine(c.Title)+" ("+oneLine(string(c.Level))+")")
	line("fault", oneLine(strings.Join(c.Faults, ", ")))
	line("what", oneLine(c.Message))
	line("got", lastAnswer(c, 300))
	line("hint", oneLine(c.Hint))
	for _, id := range c.Requirements {
		q := r.Requirements[id]
		line("spec", strings.TrimSpace(oneLine(cmp.Or(q.Title, id))+" "+oneLine(q.Anchor)))
	}
	line("rerun", oneLine(c.Rerun))
	return xmlText(b.String())
}

// classPart makes one part of a class name: consumers split it at dots and
// some break at spaces.
func classPart(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, s)
	return cmp.Or(strings.Trim(s, "-"), "unnamed")
}

func seconds(ms int64) string { return fmt.Sprintf("%d.%03d", max(ms, 0)/1000, max(ms, 0)%1000) }
