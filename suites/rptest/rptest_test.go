package rptest_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/suites/rptest"
)

// handler is the reference RP, with a bug or none.
func handler(tb testing.TB, dialect, bug string) http.Handler {
	tb.Helper()
	return handlerWith(tb, dialect, bug, nil)
}

// handlerWith is the reference RP with another source of randomness, if one is given.
func handlerWith(tb testing.TB, dialect, bug string, random io.Reader) http.Handler {
	tb.Helper()
	cfg, err := reference.ConfigFor("rp.example", "https://rp.example", []string{dialect})
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Bug, cfg.Random = bug, random
	if err := reference.Apply(&cfg, suites.CurrentSet); err != nil {
		tb.Fatal(err)
	}
	server, err := rp.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return server
}

func TestSoundRP(t *testing.T) {
	for dialect, profile := range map[string]rptest.Config{
		"fido":  {Dialect: "fido", RPID: "rp.example"},
		"nevis": {Dialect: "nevis", RPID: "rp.example", Origin: "https://rp.example", Jobs: 2, Strict: true},
	} {
		t.Run(dialect, func(t *testing.T) {
			cfg := profile
			cfg.Handler, cfg.Checks = handler(t, dialect, ""), []string{"*.signature.*", "registration.options.*"}
			report := rptest.Run(t, cfg)
			if s := report.Summary; len(report.Checks) < 20 || s.Passed+s.NotApplicable != len(report.Checks) {
				t.Errorf("%d checks: %+v", len(report.Checks), s)
			}
		})
	}
}

// TestInside is run by the tests below in a process of its own, where it fails.
func TestInside(t *testing.T) {
	bug := os.Getenv("RPTEST_BUG")
	if bug == "" {
		t.Skip("not applicable: it is for TestBuggyRP to run, in a process of its own")
	}
	cfg := rptest.Config{Dialect: "fido", RPID: "rp.example", Handler: handler(t, "fido", bug), Checks: []string{"authentication.signature.*", "registration.options.challenge-size"}}
	cfg.Strict = os.Getenv("RPTEST_STRICT") != ""
	if os.Getenv("RPTEST_EXCEPT") != "" {
		cfg.Except = map[string]string{"authentication.signature.zero": "known, and mended next week"}
	}
	rptest.Run(t, cfg)
}

func TestBuggyRP(t *testing.T) {
	for name, tc := range map[string]struct {
		env    []string
		passes bool
		says   []string
		not    []string
	}{
		"a MUST fails": {env: []string{"RPTEST_BUG=signature-of-zeroes"},
			says: []string{"--- FAIL: TestInside/authentication.signature.zero", "--- PASS: TestInside/authentication.signature.empty", "by: webauthn-3/7.2/step-21", "mend: ", "registration.options", "-> 200"}},
		"the exception is skipped": {env: []string{"RPTEST_BUG=signature-of-zeroes", "RPTEST_EXCEPT=1"}, passes: true,
			says: []string{"known, and mended next week"}, not: []string{"FAIL"}},
		"a SHOULD is told":           {env: []string{"RPTEST_BUG=challenge-short"}, passes: true, says: []string{"warn (SHOULD)"}},
		"a SHOULD fails when strict": {env: []string{"RPTEST_BUG=challenge-short", "RPTEST_STRICT=1"}, says: []string{"--- FAIL: TestInside/registration.options.challenge-size"}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestInside$", "-test.v")
			cmd.Env = append(os.Environ(), tc.env...)
			out, err := cmd.CombinedOutput()
			if (err == nil) != tc.passes {
				t.Errorf("passes %v, want %v: %v", err == nil, tc.passes, err)
			}
			for _, s := range tc.says {
				if !strings.Contains(string(out), s) {
					t.Errorf("it does not say %q", s)
				}
			}
			for _, s := range tc.not {
				if strings.Contains(string(out), s) {
					t.Errorf("it says %q", s)
				}
			}
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	sound := handler(t, "fido", "")
	for name, tc := range map[string]struct {
		cfg  rptest.Config
		says string
	}{
		"no handler":      {rptest.Config{Dialect: "fido", RPID: "rp.example"}, "Config.Handler is nil"},
		"no dialect":      {rptest.Config{Handler: sound, RPID: "rp.example"}, "neither Dialect nor Profile"},
		"both":            {rptest.Config{Handler: sound, RPID: "rp.example", Dialect: "fido", Profile: "x.yaml"}, "give one"},
		"unknown dialect": {rptest.Config{Handler: sound, RPID: "rp.example", Dialect: "fidoo"}, "fidoo"},
		"no file":         {rptest.Config{Handler: sound, RPID: "rp.example", Profile: "nowhere.yaml"}, "nowhere.yaml"},
		"no check":        {rptest.Config{Handler: sound, RPID: "rp.example", Dialect: "fido", Checks: []string{"nothing.*"}}, "nothing.*"},
		"stale exception": {rptest.Config{Handler: sound, RPID: "rp.example", Dialect: "fido", Except: map[string]string{"nothing.*": "why"}}, "take it out"},
		"no reason":       {rptest.Config{Handler: sound, RPID: "rp.example", Dialect: "fido", Except: map[string]string{"*": ""}}, "say why"},
		"unknown set":     {rptest.Config{Handler: sound, RPID: "rp.example", Dialect: "fido", Set: "webauthn-9"}, "webauthn-9"},
	} {
		if err := rptest.Try(t.Context(), tc.cfg); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v; want it to say %q", name, err, tc.says)
		}
	}
}

func TestEvidence(t *testing.T) {
	got := rptest.Evidence(reports.Check{Verdict: reports.Fail, Level: "MUST", Title: "A title", Message: "what was found", Requirements: []string{"a", "b"}, Hint: "the reason"})
	if want := "fail (MUST): A title\nwhat was found\nby: a, b\nwhy: the reason"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
