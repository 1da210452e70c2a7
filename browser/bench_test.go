package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
)

// bareLoop calls create() and get() n times on the page, with nothing of ours in
// between: what the browser can do at most in one tab.
const bareLoop = `async function(n) {
	const random = () => crypto.getRandomValues(new Uint8Array(32));
	for (let i = 0; i < n; i++) {
		const made = await navigator.credentials.create({publicKey: {
			rp: {name: "RP", id: "rp.example"}, user: {id: random(), name: "ada", displayName: "Ada"}, challenge: random(),
			pubKeyCredParams: [{type: "public-key", alg: -7}], authenticatorSelection: {residentKey: "discouraged"}}});
		await navigator.credentials.get({publicKey: {rpId: "rp.example", challenge: random(),
			allowCredentials: [{type: "public-key", id: made.rawId}]}});
	}
}`

// BenchmarkChecksBesideLoop measures, in one run, whole checks through Chrome
// (accounts, options, an authenticator of their own, ceremonies, faults, the
// reference RP's verdict) and the bare loop, and reports the ratio of the two.
func BenchmarkChecksBesideLoop(b *testing.B) {
	c := theChrome(b)
	cfg, err := reference.Config(reference.RPID, reference.Origin)
	if err != nil {
		b.Fatal(err)
	}
	server, err := rp.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	targets, err := reference.Targets(server, []string{"fido"}, "bench")
	if err != nil {
		b.Fatal(err)
	}
	checks, err := suites.Select(suites.Catalogue(), []string{"registration.client-data.*", "authentication.client-data.*", "registration.authenticator-data.*", "authentication.signature.*"})
	if err != nil {
		b.Fatal(err)
	}
	page := openPage(b, c, rpOrigin)
	page.plug(client.AuthenticatorConfig{})
	const pairs = 200
	var done int
	var inChecks, inLoop time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		report, err := suites.Run(b.Context(), suites.Config{
			Targets: targets, Clients: []client.Client{c}, Checks: checks, Seed: fmt.Sprint("bench ", i),
		})
		if err != nil {
			b.Fatal(err)
		}
		inChecks += time.Since(began)
		for _, check := range report.Checks {
			if check.Verdict != reports.Pass && check.Verdict != reports.NotApplicable {
				b.Fatalf("%s: %s: %s", check.ID, check.Verdict, check.Message)
			}
		}
		done += report.Summary.Passed

		began = time.Now()
		bounded, cancel := page.tab.bound(b.Context(), time.Minute)
		r, err := cdp.Call(bounded, page.tab.target, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
			FunctionDeclaration: bareLoop, Arguments: []*runtime.CallArgument{{Value: []byte(fmt.Sprint(pairs))}},
			ExecutionContextID: page.tab.world, AwaitPromise: new(true), ReturnByValue: new(true),
		})
		cancel()
		if err != nil {
			b.Fatal(err)
		}
		if r.ExceptionDetails != nil {
			b.Fatal(exception(r.ExceptionDetails))
		}
		inLoop += time.Since(began)
	}
	perSecond := float64(done) / inChecks.Seconds()
	loops := float64(pairs*b.N) / inLoop.Seconds()
	b.ReportMetric(perSecond, "checks/s")
	b.ReportMetric(loops, "bare-pairs/s")
	b.ReportMetric(perSecond/loops, "checks-per-bare-pair")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStart is from nothing to a session that can run a ceremony.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		c, err := startChrome(ChromeConfig{})
		if err != nil {
			b.Fatal(err)
		}
		s, err := c.Open(b.Context(), client.SessionConfig{Origin: rpOrigin})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Plug(b.Context(), client.AuthenticatorConfig{}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		c.Close()
		b.StartTimer()
	}
}
