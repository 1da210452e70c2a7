package reports

import (
	"bytes"
	"strings"
	"testing"
)

func TestParseBaseline(t *testing.T) {
	yamlForm := "# known\naccepted:\n  - id: a.b\n    dialect: dfns\n    verdict: fail\n    message: status ok\n    reason: known\n  - {id: 'c.*', verdict: not-testable, reason: later}\n"
	jsonForm := `{"accepted":[{"id":"a.b","dialect":"dfns","verdict":"fail","message":"status ok","reason":"known"},{"id":"c.*","verdict":"not-testable","reason":"later"}]}`
	for name, text := range map[string]string{"b.yaml": yamlForm, "b.json": jsonForm} {
		b, err := ParseBaseline(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		want := []BaselineEntry{{ID: "a.b", Dialect: "dfns", Verdict: Fail, Message: "status ok", Reason: "known"}, {ID: "c.*", Verdict: NotTestable, Reason: "later"}}
		if b.File != name || len(b.Entries) != 2 || b.Entries[0] != want[0] || b.Entries[1] != want[1] {
			t.Errorf("%s: got %+v", name, b)
		}
	}
	for _, text := range []string{"", "accepted: []\n", "accepted:\n", "# nothing\n"} {
		if b, err := ParseBaseline("b.yaml", []byte(text)); err != nil || len(b.Entries) != 0 {
			t.Errorf("%q: got %+v, %v", text, b, err)
		}
	}
}

func TestParseBaselineErrors(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"typo", "accepted:\n  - id: a\n    verdit: fail\n    reason: x\n", "b.yaml: not a baseline: line 3, column 5: unknown field \"verdit\""},
		{"no list", "accepted: 7\n", "b.yaml: not a baseline: line 1, column 11: "},
		{"broken", "accepted:\n\t- id: a\n", "b.yaml: not a baseline: line 2, column 1: "},
		{"no id", "accepted:\n  - verdict: fail\n    reason: x\n", "b.yaml: accepted[0]: id is missing"},
		{"no reason", "accepted:\n  - id: a\n    verdict: fail\n    reason: '  '\n", "b.yaml: accepted[0]: a: reason is missing"},
		{"no verdict", "accepted:\n  - id: a\n    reason: x\n", "b.yaml: accepted[0]: a: verdict is missing"},
		{"pass", "accepted:\n  - id: a\n    verdict: pass\n    reason: x\n", "a: verdict pass needs no accepting"},
		{"unknown verdict", "accepted:\n  - id: a\n    verdict: skipped\n    reason: x\n", `a: unknown verdict "skipped"`},
		{"twice", "accepted:\n  - {id: a, verdict: fail, reason: x}\n  - {id: a, verdict: fail, reason: x}\n", "accepted[1] is the same as accepted[0]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, err := ParseBaseline("b.yaml", []byte(test.in))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want ...%s...", err, test.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			if b != nil {
				t.Error("a baseline came with the error")
			}
		})
	}
}

func TestBaselineApply(t *testing.T) {
	tests := []struct {
		name       string
		entry      BaselineEntry
		edit       func(*Report, *Check)
		accepted   bool
		unexpected bool
		unused     bool
		exit       int
	}{
		{"accepts", BaselineEntry{ID: "registration.plain", Verdict: Fail}, verdict(Fail), true, false, false, 0},
		{"accepts an error", BaselineEntry{ID: "registration.plain", Verdict: Error}, verdict(Error), true, false, false, 0},
		{"other verdict", BaselineEntry{ID: "registration.plain", Verdict: NotTestable}, verdict(Fail), false, false, false, 1},
		{"passes", BaselineEntry{ID: "registration.plain", Verdict: Fail}, nil, false, true, false, 1},
		{"not applicable now", BaselineEntry{ID: "registration.plain", Verdict: Fail}, verdict(NotApplicable), false, false, false, 0},
		{"other id", BaselineEntry{ID: "registration", Verdict: Fail}, verdict(Fail), false, false, true, 1},
		{"wild card", BaselineEntry{ID: "reg*.pl*n", Verdict: Fail}, verdict(Fail), true, false, false, 0},
		{"alias", BaselineEntry{ID: "old.name", Verdict: Fail}, func(_ *Report, c *Check) { c.Verdict, c.Aliases = Fail, []string{"old.name"} }, true, false, false, 0},
		{"this place", BaselineEntry{ID: "*", Target: "fido", Dialect: "fi*", Client: "virtual", Verdict: Fail}, verdict(Fail), true, false, false, 0},
		{"other client", BaselineEntry{ID: "*", Client: "chrome", Verdict: Fail}, verdict(Fail), false, false, true, 1},
		{"other dialect", BaselineEntry{ID: "*", Dialect: "dfns", Verdict: Fail}, nil, false, false, true, 0},
		{"message", BaselineEntry{ID: "*", Message: "ok", Verdict: Fail}, func(_ *Report, c *Check) { c.Verdict, c.Message = Fail, "said ok" }, true, false, false, 0},
		{"other message", BaselineEntry{ID: "*", Message: "ok", Verdict: Fail}, func(_ *Report, c *Check) { c.Verdict, c.Message = Fail, "crashed" }, false, false, false, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.entry.Reason = "known"
			r := one(test.edit)
			got := (&Baseline{File: "b.yaml", Entries: []BaselineEntry{test.entry}}).Apply(r)
			if accepted := got.Checks[0].Accepted == "known"; accepted != test.accepted || (got.Baseline.Accepted == 1) != test.accepted {
				t.Errorf("accepted %t, counted %d, want %t", accepted, got.Baseline.Accepted, test.accepted)
			}
			if (len(got.Baseline.Unexpected) == 1) != test.unexpected {
				t.Errorf("unexpected %v, want %t", got.Baseline.Unexpected, test.unexpected)
			}
			if (len(got.Baseline.Unused) == 1) != test.unused {
				t.Errorf("unused %v, want %t", got.Baseline.Unused, test.unused)
			}
			if code := ExitCode(got, false); code != test.exit {
				t.Errorf("exit code %d, want %d", code, test.exit)
			}
			if got.Checks[0].Verdict != r.Checks[0].Verdict || r.Checks[0].Accepted != "" {
				t.Error("a verdict, or the report that was given, was changed")
			}
		})
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"a.b", "a.b", true}, {"a.b", "a.bc", false}, {"*", "", true}, {"*", "x", true}, {"a.*", "a.b.c", true}, {"a.*", "b.a.", false},
		{"*.c", "a.b.c", true}, {"a*c", "ac", true}, {"a*c", "abcb", false}, {"a*b*c", "a-b-c", true}, {"a*b*c", "a-c-b", false},
		{"ab*ba", "aba", false}, {"**", "x", true}, {"", "", true}, {"", "x", false}, {"a.b[1]?", "a.b[1]?", true},
	}
	for _, test := range tests {
		if got := match(test.pattern, test.name); got != test.want {
			t.Errorf("%q on %q: %t", test.pattern, test.name, got)
		}
	}
}

// TestNewBaseline: a report under the baseline made of it is green, the file
// reads back, and known reasons are kept.
func TestNewBaseline(t *testing.T) {
	r := sample(t)
	old := &Baseline{Entries: []BaselineEntry{{ID: "authentication.counter.*", Dialect: "nevis", Verdict: Fail, Reason: "counters come with release 4 (RP-118)"}}}
	b, err := NewBaseline(r, old, "recorded before the move", false)
	if err != nil {
		t.Fatal(err)
	}
	file, err := b.YAML()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "baseline.yaml", file)
	again, err := ParseBaseline("baseline.yaml", file)
	if err != nil {
		t.Fatal(err)
	}
	after := again.Apply(r)
	if code := ExitCode(after, false); code != ExitOK {
		t.Errorf("exit code %d under the report's own baseline", code)
	}
	if len(after.Baseline.Unused) != 0 || after.Baseline.Accepted != len(b.Entries) {
		t.Errorf("%d entries, %d used, unused %v", len(b.Entries), after.Baseline.Accepted, after.Baseline.Unused)
	}
	if !bytes.Contains(file, []byte("counters come with release 4 (RP-118)")) || !bytes.Contains(file, []byte("recorded before the move")) {
		t.Error("reasons are lost")
	}
	if _, err := NewBaseline(r, nil, " ", false); err == nil {
		t.Error("a baseline without a reason was made")
	}
	none, err := NewBaseline(one(nil), nil, "x", true)
	if err != nil {
		t.Fatal(err)
	}
	if file, err = none.YAML(); err != nil || !bytes.Contains(file, []byte("accepted: []")) {
		t.Errorf("got %s, %v", file, err)
	}
}

func FuzzParseBaseline(f *testing.F) {
	f.Add([]byte("accepted:\n  - {id: a, verdict: fail, reason: x}\n"))
	f.Add([]byte("accepted: &a [*a]"))
	f.Add([]byte(`{"accepted":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBaseline("fuzz", data)
		if (b == nil) == (err == nil) {
			t.Fatalf("got %v and %v", b, err)
		}
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		b.Apply(one(verdict(Fail)))
	})
}
