package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/touchstone-webauthn/touchstone/browser"
)

// runPage loads a page in headless Chrome, with a virtual authenticator of the
// browser's own, and returns what its function run answers for the argument.
func runPage(t *testing.T, address string, arg any, into any) {
	t.Helper()
	path := os.Getenv("CHROME_PATH")
	if path == "" {
		var err error
		if path, err = browser.FindChrome(); err != nil {
			t.Skipf("no Chrome: make vendor-clients installs it (%v)", err)
		}
	}
	opts := append([]chromedp.ExecAllocatorOption(nil), chromedp.DefaultExecAllocatorOptions[:]...)
	opts = append(opts, chromedp.ExecPath(path), chromedp.Flag("headless", "new"), chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-domain-reliability", true), chromedp.Flag("no-pings", true),
		// Nothing but the RP beside the page has a name.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost"))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.Flag("no-sandbox", true))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	alloc, endAlloc := chromedp.NewExecAllocator(ctx, opts...)
	defer endAlloc()
	tab, endTab := chromedp.NewContext(alloc)
	defer endTab()
	if _, err := chromedp.Call(tab, webauthn.Enable, webauthn.EnableParams{EnableUI: new(false)}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(tab, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	yes := true
	if _, err := chromedp.Call(tab, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: yes, HasUserVerification: yes, IsUserVerified: yes, AutomaticPresenceSimulation: yes,
	}}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(tab, chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(arg)
	if err != nil {
		t.Fatal(err)
	}
	// Errors of all kinds come back as text: a rejected promise would lose its cause.
	expression := fmt.Sprintf(`run(%s).then(v => JSON.stringify({value: v}), e => JSON.stringify({error: String(e && e.stack || e)}))`, text)
	got, err := chromedp.Call(tab, runtime.Evaluate, runtime.EvaluateParams{Expression: expression, AwaitPromise: &yes, ReturnByValue: &yes})
	if err != nil {
		t.Fatal(err)
	}
	if got.ExceptionDetails != nil {
		t.Fatalf("the page threw: %+v", got.ExceptionDetails)
	}
	var wrapped string
	if err := json.Unmarshal(got.Result.Value, &wrapped); err != nil {
		t.Fatalf("the page answered %s: %v", got.Result.Value, err)
	}
	var answer struct {
		Value json.RawMessage
		Error string
	}
	if err := json.Unmarshal([]byte(wrapped), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error != "" {
		t.Fatalf("in the page: %s", answer.Error)
	}
	if err := json.Unmarshal(answer.Value, into); err != nil {
		t.Fatalf("the page answered %s: %v", answer.Value, err)
	}
}
