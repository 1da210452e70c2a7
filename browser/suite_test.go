package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

// parts is into how many parts the suite is cut: each dialect gets another of
// them, which shows the client at work without the minute that all would take.
const parts = 8

func TestSuiteThroughFirefox(t *testing.T) { testSuite(t, theFirefox(t), reference.Dialects()) }

func TestSuiteThroughWebDriver(t *testing.T) {
	address, _ := startChromedriver(t)
	testSuite(t, ownWebDriver(t, WebDriverConfig{URL: address}), []string{"fido"})
}

// testSuite runs part of the suite on the reference RP: it conforms, so whatever
// is not a pass is the client's doing.
func testSuite(t *testing.T, c client.Client, dialects []string) {
	cfg, err := reference.Config(reference.RPID, reference.Origin)
	if err != nil {
		t.Fatal(err)
	}
	server, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := reference.Targets(server, dialects, "browser")
	if err != nil {
		t.Fatal(err)
	}
	for i, rpTarget := range targets {
		report, err := suites.Run(t.Context(), suites.Config{
			Targets: targets[i : i+1], Clients: []client.Client{c}, Seed: "browser", Shard: i + 1, Shards: parts,
		})
		if err != nil {
			t.Fatal(err)
		}
		passed := 0
		for _, check := range report.Checks {
			switch check.Verdict {
			case reports.Pass:
				passed++
			case reports.NotApplicable:
			default:
				t.Errorf("%s: %s: %s: %s", rpTarget.Name(), check.ID, check.Verdict, check.Message)
			}
		}
		for _, h := range report.Health {
			if !h.OK {
				t.Errorf("%s: plain ceremonies fail: %s", rpTarget.Name(), h.Message)
			}
		}
		if passed < 20 {
			t.Errorf("%s: only %d checks passed of %d", rpTarget.Name(), passed, len(report.Checks))
		}
		t.Logf("%s: %d of %d checks passed", rpTarget.Name(), passed, len(report.Checks))
	}
}

// TestFramedAsDeclared: an RP that has an embedder accepts what a browser makes in
// its frame and refuses what it makes in another's; one that only says so is found out.
func TestFramedAsDeclared(t *testing.T) {
	const embedder = "https://embedder.example"
	profile, err := target.LoadProfile("framed.yaml", []byte("extends: fido\nname: framed\nfeatures: {origin.cross: true}\npolicy: {top-origins: "+embedder+", trust: all}\n"))
	if err != nil {
		t.Fatal(err)
	}
	checks, err := suites.Select(suites.Catalogue(), []string{"*.page.framed*"})
	if err != nil {
		t.Fatal(err)
	}
	clients := []client.Client{theChrome(t)}
	if _, err := FindFirefox(); err == nil {
		clients = append(clients, theFirefox(t))
	}
	for name, embedders := range map[string][]string{"has an embedder": {embedder}, "says so only": nil} {
		cfg, err := reference.Config(reference.RPID, reference.Origin)
		if err != nil {
			t.Fatal(err)
		}
		cfg.TopOrigins = embedders
		server, err := rp.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		framed, err := target.New(profile, target.Options{URL: reference.Origin, RPID: reference.RPID, Origin: reference.Origin, Handler: server})
		if err != nil {
			t.Fatal(err)
		}
		report, err := suites.Run(t.Context(), suites.Config{Targets: []*target.Target{framed}, Clients: clients, Checks: checks, Seed: "framed"})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Checks) != 4*len(clients) {
			t.Errorf("%s: %d checks ran, want 4 in each of %d browsers", name, len(report.Checks), len(clients))
		}
		for _, c := range report.Checks {
			want := reports.Pass
			if embedders == nil && strings.HasSuffix(c.ID, "as-declared") {
				want = reports.Fail
			}
			if c.Verdict != want {
				t.Errorf("%s: %s through %s: %s, want %s: %s", name, c.ID, c.Client, c.Verdict, want, c.Message)
			}
		}
	}
}

// TestKilledWhileTheSuiteRuns: a browser that dies in the middle of a run costs
// one start and no verdict.
func TestKilledWhileTheSuiteRuns(t *testing.T) {
	c := ownChrome(t, ChromeConfig{})
	cfg, err := reference.Config(reference.RPID, reference.Origin)
	if err != nil {
		t.Fatal(err)
	}
	server, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := reference.Targets(server, []string{"fido"}, "browser")
	if err != nil {
		t.Fatal(err)
	}
	checks, err := suites.Select(suites.Catalogue(), []string{"registration.client-data.*"})
	if err != nil {
		t.Fatal(err)
	}
	set, err := suites.FindSet(suites.CurrentSet)
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := suites.ShippedLedger()
	if err != nil {
		t.Fatal(err)
	}
	checks = set.Choose(checks, ledger)
	first := c.proc
	done := 0
	report, err := suites.Run(t.Context(), suites.Config{
		Targets: targets, Clients: []client.Client{c}, Seed: "browser", Checks: checks, Jobs: 4,
		Progress: func(p suites.Progress) {
			if done++; done == 20 {
				if err := chromedp.FromContext(first.ctx).Browser.Process().Kill(); err != nil {
					t.Error(err)
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range report.Checks {
		if check.Verdict != reports.Pass && check.Verdict != reports.NotApplicable {
			t.Errorf("%s: %s: %s", check.ID, check.Verdict, check.Message)
		}
	}
	for _, h := range report.Health {
		if !h.OK {
			t.Errorf("health (%s): %s", h.When, h.Message)
		}
	}
	if len(report.Checks) != len(checks) || report.Stopped != nil {
		t.Errorf("%d of %d checks were done, stopped: %v", len(report.Checks), len(checks), report.Stopped)
	}
	if c.proc == first || c.starts != 2 {
		t.Errorf("the browser was started %d times, want 2", c.starts)
	}
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "chrome was lost") {
		t.Errorf("the report does not tell of it: %q", report.Notes)
	}
}
