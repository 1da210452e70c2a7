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
	for i, target := range targets {
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
				t.Errorf("%s: %s: %s: %s", target.Name(), check.ID, check.Verdict, check.Message)
			}
		}
		for _, h := range report.Health {
			if !h.OK {
				t.Errorf("%s: plain ceremonies fail: %s", target.Name(), h.Message)
			}
		}
		if passed < 20 {
			t.Errorf("%s: only %d checks passed of %d", target.Name(), passed, len(report.Checks))
		}
		t.Logf("%s: %d of %d checks passed", target.Name(), passed, len(report.Checks))
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
