package browser

import (
	"testing"

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
