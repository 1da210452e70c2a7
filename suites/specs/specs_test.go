package specs_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"github.com/touchstone-webauthn/touchstone/browser"
	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/suites/specs"
)

// config is the main job: all dialects of the reference RP, through every client.
func config(t *testing.T) suites.Config {
	t.Helper()
	cfg, err := reference.Config(reference.RPID, reference.Origin)
	if err != nil {
		t.Fatal(err)
	}
	server, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := reference.Targets(server, reference.Dialects(), "specs")
	if err != nil {
		t.Fatal(err)
	}
	chrome, err := browser.NewChrome(t.Context(), browser.ChromeConfig{})
	if err != nil {
		t.Fatalf("no Chrome, so half of the suite cannot run (make browser installs Debian's chromium): %v", err)
	}
	t.Cleanup(func() { _ = chrome.Close() })
	return suites.Config{
		Targets: targets,
		Clients: []client.Client{client.NewVirtual(), client.NewVirtualWebAuthn(), chrome},
		Seed:    "specs",
	}
}

// TestSuite is the Ginkgo suite. A second pass of the engine over the same
// targets must give the same ids and verdicts: Ginkgo is a front end only.
func TestSuite(t *testing.T) {
	cfg := config(t)
	var mu sync.Mutex
	ginkgoSays := map[string]reports.Verdict{}
	err := specs.Describe(cfg, func(c reports.Check) {
		mu.Lock()
		defer mu.Unlock()
		ginkgoSays[c.Target+"/"+c.Client+"/"+c.ID] = c.Verdict
	})
	if err != nil {
		t.Fatal(err)
	}
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.ReportAfterSuite("what was not applicable", func(r ginkgo.Report) {
		fmt.Println() // behind Ginkgo's line of dots
		for _, s := range r.SpecReports {
			if s.State == types.SpecStateSkipped {
				fmt.Printf("SKIP SPEC %s -- %s\n", s.FullText(), s.FailureMessage())
			}
		}
	})
	if !ginkgo.RunSpecs(t, "Touchstone on its reference RP") {
		return // each spec has said why
	}

	// Its own accounts, as an RP remembers those of the specs.
	cfg.Nonce = "engine"
	report, err := suites.Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Checks) != len(ginkgoSays) {
		t.Errorf("the engine ran %d checks, Ginkgo %d", len(report.Checks), len(ginkgoSays))
	}
	for _, c := range report.Checks {
		key := c.Target + "/" + c.Client + "/" + c.ID
		if got, ok := ginkgoSays[key]; !ok || got != c.Verdict {
			t.Errorf("%s: the engine says %s (%s), Ginkgo %s", key, c.Verdict, c.Message, got)
		}
	}
}

// With WebAuthn switched off in the browser nothing passes: only what the
// browser's own create() and get() made counts.
func TestChromeWithoutWebAuthn(t *testing.T) {
	cfg := config(t)
	chrome, err := browser.NewChrome(t.Context(), browser.ChromeConfig{DisableWebAuthn: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chrome.Close() })
	cfg.Clients = []client.Client{chrome}
	player, err := suites.NewPlayer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, lane := range player.Lanes() {
		if ok, _ := lane.Health(t.Context()); ok {
			t.Errorf("%s: plain ceremonies pass", lane.Target().Name())
		}
	}
	// Without the health ceremony's verdict, one by one: nothing passes, though a
	// check whose feature is absent is still not applicable.
	lane := player.Lanes()[0]
	for _, c := range lane.Checks() {
		if r := lane.Play(t.Context(), c); r.Verdict == reports.Pass {
			t.Errorf("%s passes", r.ID)
		}
	}
}
