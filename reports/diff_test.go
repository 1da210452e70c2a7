package reports

import (
	"bytes"
	"strings"
	"testing"
)

func changes(list []Change) string {
	var out []string
	for _, c := range list {
		out = append(out, strings.TrimSpace(c.ID+" "+string(c.Old)+">"+string(c.New)))
	}
	return strings.Join(out, ", ")
}

func TestDiff(t *testing.T) {
	with := func(list ...Check) *Report {
		r := one(nil)
		base := r.Checks[0]
		r.Checks = nil
		for i, c := range list {
			c.Order, c.Target, c.Dialect, c.Client = i, base.Target, base.Dialect, base.Client
			r.Checks = append(r.Checks, c)
		}
		return r
	}
	tests := []struct {
		name                                    string
		old, new                                *Report
		strict                                  bool
		failing, fixed, changed, appeared, gone string
		same, exit                              int
	}{
		{name: "same", old: with(Check{ID: "a", Verdict: Pass}), new: with(Check{ID: "a", Verdict: Pass}), same: 1},
		{name: "same fail", old: with(Check{ID: "a", Verdict: Fail, Message: "x"}), new: with(Check{ID: "a", Verdict: Fail, Message: "y"}), same: 1},
		{name: "newly failing", old: with(Check{ID: "a", Verdict: Pass}), new: with(Check{ID: "a", Verdict: Fail}), failing: "a pass>fail", exit: 1},
		{name: "newly not testable", old: with(Check{ID: "a", Verdict: NotApplicable}), new: with(Check{ID: "a", Verdict: NotTestable}), failing: "a not-applicable>not-testable", exit: 1},
		{name: "no longer accepted", old: with(Check{ID: "a", Verdict: Fail, Accepted: "known"}), new: with(Check{ID: "a", Verdict: Fail}), failing: "a fail>fail", exit: 1},
		{name: "fixed", old: with(Check{ID: "a", Verdict: Fail}), new: with(Check{ID: "a", Verdict: Pass}), fixed: "a fail>pass"},
		{name: "fixed to a warning", old: with(Check{ID: "a", Verdict: Fail}), new: with(Check{ID: "a", Verdict: Warn}), fixed: "a fail>warn"},
		{name: "warning in a strict comparison", old: with(Check{ID: "a", Verdict: Pass}), new: with(Check{ID: "a", Verdict: Warn}), strict: true, failing: "a pass>warn", exit: 1},
		{name: "warning", old: with(Check{ID: "a", Verdict: Pass}), new: with(Check{ID: "a", Verdict: Warn}), changed: "a pass>warn"},
		{name: "coverage lost", old: with(Check{ID: "a", Verdict: Pass}), new: with(Check{ID: "a", Verdict: NotApplicable}), changed: "a pass>not-applicable"},
		{name: "fail hidden", old: with(Check{ID: "a", Verdict: Fail}), new: with(Check{ID: "a", Verdict: NotApplicable}), changed: "a fail>not-applicable"},
		{name: "other reason", old: with(Check{ID: "a", Verdict: Fail, Reason: "accepted"}), new: with(Check{ID: "a", Verdict: Fail, Reason: "crash"}), changed: "a fail>fail"},
		{name: "appeared", old: with(), new: with(Check{ID: "a", Verdict: Pass}), appeared: "a >pass"},
		{name: "appeared red", old: with(), new: with(Check{ID: "a", Verdict: Pass}, Check{ID: "b", Verdict: Fail}), appeared: "b >fail, a >pass", exit: 1},
		{name: "appeared, not scored", old: with(), new: with(Check{ID: "a", Verdict: Fail, Unscored: "new"}), appeared: "a >fail"},
		{name: "gone", old: with(Check{ID: "a", Verdict: Fail}), new: with(), gone: "a fail>"},
		{name: "renamed", old: with(Check{ID: "old.id", Verdict: Fail}), new: with(Check{ID: "new.id", Aliases: []string{"old.id"}, Verdict: Pass}), fixed: "new.id fail>pass"},
		{name: "renamed, the other way", old: with(Check{ID: "new.id", Aliases: []string{"old.id"}, Verdict: Pass}), new: with(Check{ID: "old.id", Verdict: Pass}), same: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := Diff(test.old, test.new, test.strict)
			for _, p := range []struct {
				name, want string
				got        []Change
			}{
				{"failing", test.failing, d.Failing}, {"fixed", test.fixed, d.Fixed}, {"changed", test.changed, d.Changed},
				{"appeared", test.appeared, d.Appeared}, {"gone", test.gone, d.Gone},
			} {
				if changes(p.got) != p.want {
					t.Errorf("%s: got %q, want %q", p.name, changes(p.got), p.want)
				}
			}
			if d.Same != test.same {
				t.Errorf("%d the same, want %d", d.Same, test.same)
			}
			if d.ExitCode() != test.exit {
				t.Errorf("exit code %d, want %d", d.ExitCode(), test.exit)
			}
		})
	}
}

// TestDiffTargets: with one target each the names do not matter, else they do.
func TestDiffTargets(t *testing.T) {
	elsewhere := one(func(r *Report, c *Check) { r.Targets[0].Name = "staging"; c.Target = "staging"; c.Verdict = Fail })
	if d := Diff(one(nil), elsewhere, false); len(d.Failing) != 1 {
		t.Errorf("got %+v", d)
	}
	two := one(func(r *Report, c *Check) { r.Targets = append(r.Targets, Target{Name: "other"}) })
	if d := Diff(two, elsewhere, false); len(d.Appeared) != 1 || len(d.Gone) != 1 {
		t.Errorf("got %+v", d)
	}
}

func TestWriteDiff(t *testing.T) {
	old, new := sample(t), sample(t)
	old.Clients[1].Version = "155"
	old.Suite.Digest = "sha256:0000000000000000"
	for i := range new.Checks {
		switch c := &new.Checks[i]; {
		case c.ID == "registration.plain" && c.Dialect == "dfns":
			c.Verdict, c.Message = Fail, "refused: "+hostile
		case c.ID == "authentication.signature.bit-flip" && c.Verdict == Fail:
			c.Verdict, c.Message = Pass, ""
		case c.ID == "authentication.plain" && c.Client == "chrome":
			c.Verdict, c.Message = NotApplicable, "chrome is gone"
		case c.ID == "posture.server-error" && c.Dialect == "fido":
			c.ID, c.Verdict = "posture.new-one", Fail
		}
	}
	var b bytes.Buffer
	if err := WriteDiff(&b, Diff(old, new, false), TerminalOptions{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "diff.txt", b.Bytes())
	if strings.ContainsAny(b.String(), "\x1b\u202e\x00") {
		t.Error("a control character is in the text")
	}
}
