package reports

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	ginkgo "github.com/onsi/ginkgo/v2/reporters"
)

// readJUnit writes r as JUnit and reads it with a consumer that is not ours.
func readJUnit(t *testing.T, r *Report, o JUnitOptions) ginkgo.JUnitTestSuites {
	t.Helper()
	var b bytes.Buffer
	if err := WriteJUnit(&b, r, o); err != nil {
		t.Fatal(err)
	}
	var out ginkgo.JUnitTestSuites
	if err := xml.Unmarshal(b.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestJUnitNumbers: the counts that a consumer reads are those of the elements,
// and those of the report.
func TestJUnitNumbers(t *testing.T) {
	r := sample(t)
	suites := readJUnit(t, r, JUnitOptions{})
	if len(suites.TestSuites) != 8 {
		t.Fatalf("%d testsuites, want one for each of 4 targets × 2 clients", len(suites.TestSuites))
	}
	var all struct{ tests, failures, errors, skipped int }
	for _, s := range suites.TestSuites {
		var n struct{ tests, failures, errors, skipped int }
		for _, c := range s.TestCases {
			n.tests++
			if c.Failure != nil {
				n.failures++
			}
			if c.Error != nil {
				n.errors++
			}
			if c.Skipped != nil {
				n.skipped++
			}
		}
		if s.Tests != n.tests || s.Failures != n.failures || s.Errors != n.errors || s.Skipped != n.skipped {
			t.Errorf("%s says tests %d failures %d errors %d skipped %d, its elements say %+v", s.Name, s.Tests, s.Failures, s.Errors, s.Skipped, n)
		}
		all.tests += n.tests
		all.failures += n.failures
		all.errors += n.errors
		all.skipped += n.skipped
	}
	// 12 scored fails, 4 not testable, 1 unexpected pass; 12 not applicable,
	// 2 accepted fails, 2 warnings that do not score.
	want := struct{ tests, failures, errors, skipped int }{96, 17, 1, 16}
	if all != want {
		t.Errorf("got %+v, want %+v", all, want)
	}
	if suites.Tests != all.tests || suites.Failures != all.failures || suites.Errors != all.errors {
		t.Errorf("testsuites says tests %d failures %d errors %d, want %+v", suites.Tests, suites.Failures, suites.Errors, all)
	}
}

// TestJUnitElements: each verdict becomes the element that it should.
func TestJUnitElements(t *testing.T) {
	tests := []struct {
		name                     string
		edit                     func(*Report, *Check)
		strict                   bool
		failure, error_, skipped string // type, type, message
		out                      string
	}{
		{name: "pass"},
		{name: "fail", edit: func(_ *Report, c *Check) { c.Verdict, c.Reason = Fail, ReasonAccepted }, failure: "accepted"},
		{name: "fail without reason", edit: verdict(Fail), failure: "fail"},
		{name: "not testable", edit: func(_ *Report, c *Check) { c.Verdict, c.Reason = NotTestable, ReasonTwin }, failure: "not-testable"},
		{name: "error", edit: verdict(Error), error_: "error"},
		{name: "not applicable", edit: func(_ *Report, c *Check) { c.Verdict, c.Message = NotApplicable, "no U2F" }, skipped: "no U2F"},
		{name: "warn", edit: func(_ *Report, c *Check) { c.Verdict, c.Message = Warn, "odd" }, out: "warning: odd\n"},
		{name: "strict warn", edit: verdict(Warn), strict: true, failure: "warn"},
		{name: "accepted", edit: func(_ *Report, c *Check) { c.Verdict, c.Accepted, c.Message = Fail, "known", "bad" }, skipped: "accepted by the baseline (known); was fail: bad"},
		{name: "unscored", edit: func(_ *Report, c *Check) { c.Verdict, c.Unscored, c.Message = Fail, "new", "bad" }, skipped: "not scored (new); was fail: bad"},
		{name: "unscored pass", edit: func(_ *Report, c *Check) { c.Unscored = "new" }},
		{name: "unexpected pass", edit: func(r *Report, c *Check) {
			r.Baseline = &BaselineUse{Unexpected: []UnexpectedPass{{ID: c.ID, Target: c.Target, Dialect: c.Dialect, Client: c.Client, Verdict: Fail}}}
		}, failure: "unexpected-pass"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := one(test.edit)
			suites := readJUnit(t, r, JUnitOptions{Strict: test.strict})
			c := suites.TestSuites[0].TestCases[0]
			var failure, error_, skipped string
			if c.Failure != nil {
				failure = c.Failure.Type
			}
			if c.Error != nil {
				error_ = c.Error.Type
			}
			if c.Skipped != nil {
				skipped = c.Skipped.Message
			}
			if failure != test.failure || error_ != test.error_ || skipped != test.skipped {
				t.Errorf("failure %q error %q skipped %q, want %q %q %q", failure, error_, skipped, test.failure, test.error_, test.skipped)
			}
			if !strings.HasPrefix(c.SystemOut, test.out) {
				t.Errorf("system-out %q, want %q...", c.SystemOut, test.out)
			}
			// What is red for a CI that reads JUnit is red for one that reads exit codes.
			isRed := suites.Failures+suites.Errors > 0
			if code := ExitCode(r, test.strict); isRed != (code != ExitOK) {
				t.Errorf("red is %t in JUnit, exit code %d", isRed, code)
			}
		})
	}
}

// TestJUnitStopped: a run that was stopped is never green, even with no checks.
func TestJUnitStopped(t *testing.T) {
	suites := readJUnit(t, &Report{Stopped: &Stop{Reason: StopUnreachable, Message: "no answer", Left: 9}}, JUnitOptions{})
	if suites.Tests != 1 || suites.Errors != 1 || suites.TestSuites[0].TestCases[0].Error.Type != StopUnreachable {
		t.Errorf("got %+v", suites)
	}
}

// TestJUnitForm: required attributes are there, text is legal XML 1.0, and class
// names are made of plain parts.
func TestJUnitForm(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJUnit(&b, sample(t), JUnitOptions{}); err != nil {
		t.Fatal(err)
	}
	required := map[string][]string{
		"testsuites": {"name", "tests", "failures", "errors", "time"},
		"testsuite":  {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
		"testcase":   {"name", "classname", "time"},
		"failure":    {"message", "type"},
		"error":      {"message", "type"},
		"skipped":    {"message"},
		"property":   {"name", "value"},
	}
	seen := map[string]int{}
	dec := xml.NewDecoder(&b)
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			seen[e.Name.Local]++
			have := map[string]string{}
			for _, a := range e.Attr {
				have[a.Name.Local] = a.Value
			}
			for _, name := range required[e.Name.Local] {
				if _, ok := have[name]; !ok || name != "value" && have[name] == "" {
					t.Errorf("%s without %s: %v", e.Name.Local, name, have)
				}
			}
			if class := have["classname"]; strings.ContainsAny(class, " \t\n()/") || strings.Contains(class, "..") {
				t.Errorf("class name %q", class)
			}
		case xml.CharData:
			if strings.ContainsAny(string(e), "\x00\x08\x0b\x1b\ufffe") {
				t.Errorf("text that XML does not allow: %q", e)
			}
		}
	}
	for name := range required {
		if seen[name] == 0 {
			t.Errorf("the sample has no %s", name)
		}
	}
}

func TestSeconds(t *testing.T) {
	for ms, want := range map[int64]string{0: "0.000", 7: "0.007", 1234: "1.234", 60_000: "60.000", -3: "0.000"} {
		if got := seconds(ms); got != want {
			t.Errorf("%d: got %s, want %s", ms, got, want)
		}
	}
}
