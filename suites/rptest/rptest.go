// Package rptest runs the suite from a Go team's own tests, against its own
// http.Handler, with neither a network nor a binary:
//
//	func TestWebAuthn(t *testing.T) {
//		rptest.Run(t, rptest.Config{Handler: server.Routes(), Dialect: "fido", RPID: "rp.example"})
//	}
//
// Every check is a subtest by its id, so that go test -run 'TestWebAuthn/authentication\.signature'
// runs some of them.
//
// It stands apart from package suites because it imports package testing, which
// must not get into programs that embed the suite.
package rptest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

// Config is what is run against what. Handler and one of Dialect and Profile are
// needed.
type Config struct {
	// Handler is the Relying Party. It is called from one goroutine at a time
	// unless Jobs says otherwise.
	Handler http.Handler
	// Dialect names a shipped dialect: fido, fortanix, dfns, nevis or a variant.
	Dialect string
	// Profile is the file of a profile of your own, as for touchstone run --profile.
	Profile string
	// RPID is the Relying Party's; empty: what the profile says.
	RPID string
	// Origin is that of its pages; empty: https:// and the RP ID.
	Origin string
	// Vars set or override the profile's vars.
	Vars map[string]string
	// Headers go on every request.
	Headers map[string]string

	// Set names the requirement set; empty: suites.CurrentSet.
	Set string
	// Checks are globs of check ids; nil: all of the set.
	Checks []string
	// Except are globs of check ids that are not run, each with the reason, which
	// the skipped subtest tells. A glob that matches nothing is an error, so that
	// the list does not outlive its reasons.
	Except map[string]string
	// Strict makes warnings fail.
	Strict bool
	// Seed decides every key and credential id; empty: the name of the test.
	Seed string
	// Jobs is how many checks run at once; 0: one.
	Jobs int
	// Clients carry out the ceremonies; nil: the virtual client.
	Clients []client.Client
	// Timeout is for each request; 0: 10 s.
	Timeout time.Duration
}

// Run runs the checks and reports each as a subtest of t, named by its id, with
// the client's name behind it where there are several: what fails or cannot be
// tested is an error with the evidence, a warning is logged, what does not apply
// is skipped with the reason. It returns the report.
func Run(t *testing.T, cfg Config) *reports.Report {
	t.Helper()
	report, err := run(t.Context(), cfg, t.Name())
	if err != nil {
		t.Fatal(err)
	}
	tell(t, report, cfg)
	return report
}

// run plays the checks. What cannot be run at all is an error.
func run(ctx context.Context, cfg Config, name string) (*reports.Report, error) {
	if cfg.Handler == nil {
		return nil, fmt.Errorf("rptest: Config.Handler is nil: give the http.Handler of the Relying Party")
	}
	profile, err := profileOf(cfg)
	if err != nil {
		return nil, fmt.Errorf("rptest: %w", err)
	}
	seed := cmp.Or(cfg.Seed, name)
	origin := cfg.Origin
	if origin == "" && cfg.RPID != "" {
		origin = "https://" + cfg.RPID
	}
	rp, err := target.New(profile, target.Options{
		URL: origin, RPID: cfg.RPID, Origin: origin, Handler: cfg.Handler, Timeout: cfg.Timeout,
		Headers: cfg.Headers, Vars: cfg.Vars, Seed: []byte(seed),
	})
	if err != nil {
		return nil, fmt.Errorf("rptest: %w", err)
	}
	checks, err := chosen(cfg)
	if err != nil {
		return nil, fmt.Errorf("rptest: %w", err)
	}
	clients := cfg.Clients
	if clients == nil {
		clients = []client.Client{client.NewVirtual()}
	}
	report, err := suites.Run(ctx, suites.Config{
		Targets: []*target.Target{rp}, Clients: clients, Checks: checks, Set: cfg.Set, Seed: seed, Jobs: max(1, cfg.Jobs),
	})
	if err != nil {
		return nil, fmt.Errorf("rptest: %w", err)
	}
	return report, nil
}

func profileOf(cfg Config) (*target.Profile, error) {
	switch {
	case cfg.Dialect != "" && cfg.Profile != "":
		return nil, fmt.Errorf("both Dialect %q and Profile %q are given: give one", cfg.Dialect, cfg.Profile)
	case cfg.Profile != "":
		data, err := os.ReadFile(cfg.Profile)
		if err != nil {
			return nil, fmt.Errorf("profile: %w", err)
		}
		return target.LoadProfile(cfg.Profile, data)
	case cfg.Dialect != "":
		return target.LoadDialect(cfg.Dialect)
	}
	return nil, fmt.Errorf("neither Dialect nor Profile is given: name a dialect, one of %s, or the file of a profile", strings.Join(target.Dialects(), ", "))
}

// chosen are the checks of Checks that Except does not take out.
func chosen(cfg Config) ([]*suites.Check, error) {
	checks := suites.Catalogue()
	if cfg.Checks != nil {
		var err error
		if checks, err = suites.Select(checks, cfg.Checks); err != nil {
			return nil, fmt.Errorf("checks: %w", err)
		}
	}
	for glob, reason := range cfg.Except {
		if reason == "" {
			return nil, fmt.Errorf("exception %q has no reason: say why it is not run", glob)
		}
		n := len(checks)
		checks = slices.DeleteFunc(slices.Clone(checks), func(c *suites.Check) bool { return suites.GlobMatch(glob, c.ID) })
		if len(checks) == n {
			return nil, fmt.Errorf("exception %q matches no check: take it out", glob)
		}
	}
	return checks, nil
}

// tell makes subtests of a report.
func tell(t *testing.T, report *reports.Report, cfg Config) {
	for _, h := range report.Health {
		if !h.OK {
			t.Errorf("%s: plain ceremonies do not succeed, so what follows says little: %s", h.Client, h.Message)
		}
	}
	for _, glob := range slices.Sorted(maps.Keys(cfg.Except)) {
		t.Run("except "+glob, func(t *testing.T) { t.Skip(cfg.Except[glob]) })
	}
	several := false
	for _, c := range report.Checks {
		several = several || c.Client != report.Checks[0].Client
	}
	for _, c := range report.Checks {
		name := c.ID
		if several {
			name += " " + c.Client
		}
		t.Run(name, func(t *testing.T) {
			text := Evidence(c)
			switch {
			case c.Verdict == reports.Pass:
				if len(c.Notes) > 0 {
					t.Log(text)
				}
			case c.Verdict == reports.NotApplicable:
				t.Skip("not applicable: " + c.Message)
			case c.Verdict == reports.Warn && !cfg.Strict:
				t.Log(text)
			default:
				t.Error(text)
			}
		})
	}
}

// Evidence is a check's verdict as a text: what was asked and by which
// requirement, what was found, why it matters, the likely mend, the exchanges.
func Evidence(c reports.Check) string {
	var w strings.Builder
	fmt.Fprintf(&w, "%s (%s): %s\n%s", c.Verdict, c.Level, c.Title, c.Message)
	for _, part := range []struct{ name, text string }{
		{"by", strings.Join(c.Requirements, ", ")}, {"stricter than WebAuthn", c.Stricter}, {"note", strings.Join(c.Notes, "; ")}, {"why", c.Hint}, {"mend", c.Mend},
	} {
		if part.text != "" {
			fmt.Fprintf(&w, "\n%s: %s", part.name, part.text)
		}
	}
	for _, e := range c.Exchanges {
		fmt.Fprintf(&w, "\n\n%s: %s %s\n%s\n-> %d %s\n%s", e.Step, e.Method, e.URL, e.RequestBody, e.Status, e.Note, e.ResponseBody)
	}
	return w.String()
}
