package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/touchstone-webauthn/touchstone/client"
)

var setPresenceSimulation = cdp.Command[map[string]any, cdp.Empty]{Method: webauthn.CommandSetAutomaticPresenceSimulation}

func TestVersionAndAbilities(t *testing.T) {
	c := theChrome(t)
	if c.Name() != "chrome" {
		t.Errorf("the name is %q", c.Name())
	}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+$`).MatchString(c.Version()) {
		t.Errorf("the version is %q, want something like 156.0.8078.79", c.Version())
	}
	for ability, want := range map[client.Ability]bool{
		client.Faults: true, client.OptionFaults: false, client.ExcludeList: true, client.Discoverable: true,
		client.U2F: true, client.SelfAttestation: false, client.U2FAttestation: true, client.NoAttestation: true,
		client.Extensions: true, client.Flags: true, client.Import: true, client.Direct: false,
	} {
		if got := c.Carries(ability); got != want {
			t.Errorf("Carries(%s) is %v", ability, got)
		}
	}
}

func TestDisabledWebAuthn(t *testing.T) {
	p := openPage(t, ownChrome(t, ChromeConfig{DisableWebAuthn: true}), rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	_, createErr := p.Create(p.ctx, creation().json(t))
	_, getErr := p.Get(p.ctx, request(random(32)).json(t))
	for what, err := range map[string]error{"create()": createErr, "get()": getErr} {
		var refusal *client.Error
		if err == nil || errors.As(err, &refusal) || !strings.Contains(err.Error(), what+": the browser offers no WebAuthn on https://rp.example") {
			t.Errorf("%s gave %v, want an error of the harness", what, err)
		}
	}
	// It is the browser that refuses, not only the script.
	got, err := p.tab.evaluate(p.ctx, `globalThis.outcome = "none"; navigator.credentials.create({publicKey: {
		rp: {name: "x"}, user: {id: new Uint8Array(1), name: "x", displayName: "x"}, challenge: new Uint8Array(16),
		pubKeyCredParams: [{type: "public-key", alg: -7}],
	}}).then(() => { outcome = "made" }, (e) => { outcome = e.name }); 0`)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if got, err = p.tab.evaluate(p.ctx, "outcome"); err != nil || string(got) != `"none"` {
			break
		}
	}
	if err != nil || string(got) != `"NotAllowedError"` {
		t.Errorf("the browser's own create() ended with %s, %v", got, err)
	}
}

func TestReplacedCreateIsNotUsed(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	// What a page or an extension does in the main world stays there.
	mainWorld := chromedp.Evaluate[chromedp.Void](`CredentialsContainer.prototype.create = navigator.credentials.create =
		async () => { throw new DOMException("replaced", "DataError") }`)
	if _, err := mainWorld(p.ctx, p.tab.target); err != nil {
		t.Fatal(err)
	}
	p.create(creation())
	// A replacement that got into the script's own world is noticed.
	if _, err := p.tab.evaluate(p.ctx, `CredentialsContainer.prototype.create = async () => null; 0`); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Create(p.ctx, creation().json(t)); err == nil || !strings.Contains(err.Error(), "not the browser's own") {
		t.Errorf("a replaced create() gave %v", err)
	}
	p.tab.discard()
}

func TestOrigins(t *testing.T) {
	c := theChrome(t)
	ctx := testContext(t)
	for origin, want := range map[string]string{
		"":                        "want scheme://host",
		"rp.example":              "want scheme://host",
		"https://rp.example/":     "no slash at the end",
		"https://rp.example/path": "no slash at the end",
		"ftp://rp.example":        "with http or https",
		"https://%zz":             "origin",
		"https://RP.example":      "writes the origin https://RP.example as https://rp.example",
		"https://rp.example:443":  "writes the origin https://rp.example:443 as https://rp.example",
		"https://bücher.example":  "as https://xn--bcher-kva.example",
	} {
		s, err := c.Open(ctx, client.SessionConfig{Origin: origin})
		if err == nil {
			s.Close()
			t.Errorf("%q was accepted", origin)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", origin, err, want)
		}
	}
	p := openPage(t, c, "http://rp.example")
	p.plug(client.AuthenticatorConfig{})
	if _, err := p.Create(ctx, creation().json(t)); err == nil || !strings.Contains(err.Error(), "http://rp.example: the page is not a secure context") {
		t.Errorf("create() on an insecure page gave %v", err)
	}
}

func TestSessionsAreIsolated(t *testing.T) {
	c := theChrome(t)
	const sessions = 4
	var wg sync.WaitGroup
	ids := make([][]byte, sessions)
	pages := make([]window, sessions)
	for i := range pages {
		pages[i] = openPage(t, c, rpOrigin)
	}
	for i, p := range pages {
		wg.Go(func() {
			a, err := p.Plug(p.ctx, client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true})
			if err != nil {
				t.Error(err)
				return
			}
			for range 5 {
				r, err := p.Create(p.ctx, creation().with(options{"authenticatorSelection": options{"residentKey": "required"}}).json(t))
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = r.Response.RawID
				got, err := p.Get(p.ctx, request().json(t))
				if err != nil || !bytes.Equal(got.Response.RawID, ids[i]) {
					t.Errorf("session %d got another credential than its own: %v", i, err)
				}
			}
			if list, err := a.Credentials(p.ctx); err != nil || len(list) != 1 {
				t.Errorf("session %d lists %d credentials: %v", i, len(list), err)
			}
		})
	}
	wg.Wait()
	for i, p := range pages {
		p.getRefused(request(ids[(i+1)%sessions]), "NotAllowedError")
	}
	// The next session on the same tab starts with nothing.
	tab := pages[0].tab
	pages[0].Close()
	if _, err := pages[0].Create(pages[0].ctx, creation().json(t)); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a closed session gave %v", err)
	}
	next := openPage(t, c, rpOrigin)
	if next.tab != tab {
		t.Error("an idle tab on the origin was not used again")
	}
	next.plug(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true})
	next.getRefused(request(), "NotAllowedError")
	next.getRefused(request(ids[0]), "NotAllowedError")
}

func TestMoreSessionsThanTabs(t *testing.T) {
	c := ownChrome(t, ChromeConfig{Tabs: 1})
	var open []window
	for range 3 {
		p := openPage(t, c, rpOrigin)
		p.plug(client.AuthenticatorConfig{})
		p.create(creation())
		open = append(open, p)
	}
	for _, p := range open {
		p.Close()
	}
	if n := len(c.proc.idle); n != 1 {
		t.Errorf("%d tabs are kept, want 1", n)
	}
}

// TestNoTabLeft: the browser starts with no window, and stays where its last tab is
// closed.
func TestNoTabLeft(t *testing.T) {
	c := ownChrome(t, ChromeConfig{})
	for range 2 {
		p, err := c.proc.newTab(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		p.close()
		time.Sleep(500 * time.Millisecond) // for a browser that ends with its last tab
	}
	openPage(t, c, rpOrigin).Close()
	if c.proc.gone() || c.starts != 1 {
		t.Errorf("it was started %d times", c.starts)
	}
}

func TestKilledBrowser(t *testing.T) {
	c := ownChrome(t, ChromeConfig{})
	p := openPage(t, c, rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	p.create(creation())
	kill := func() {
		p, err := c.running(context.Background())
		if err == nil {
			err = chromedp.FromContext(p.ctx).Browser.Process().Kill()
		}
		if err != nil {
			t.Error(err)
		}
	}

	// While a call runs: it ends with an error, and at once.
	time.AfterFunc(50*time.Millisecond, kill)
	began := time.Now()
	var err error
	for err == nil {
		_, err = p.Create(p.ctx, creation().json(t))
	}
	if !errors.Is(err, errStopped) || time.Since(began) > 5*time.Second {
		t.Errorf("after %s the interrupted call gave %v", time.Since(began), err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %q", err)
	}
	// The session stays lost.
	if _, err := p.Get(p.ctx, request(random(8)).json(t)); !errors.Is(err, errStopped) {
		t.Errorf("a call on the lost session gave %v", err)
	}
	if _, err := p.Plug(p.ctx, client.AuthenticatorConfig{}); !errors.Is(err, errStopped) {
		t.Errorf("Plug on the lost session gave %v", err)
	}
	p.Close()

	// The next one works, and so does the one after a death that nobody saw.
	for range 2 {
		q := openPage(t, c, rpOrigin)
		q.plug(client.AuthenticatorConfig{})
		q.create(creation())
		q.Close()
		kill()
	}
	q := openPage(t, c, rpOrigin)
	q.plug(client.AuthenticatorConfig{})
	q.create(creation())
}

func TestHungBrowser(t *testing.T) {
	t.Parallel() // it mostly waits
	c := ownChrome(t, ChromeConfig{Timeout: 1500 * time.Millisecond})
	p := openPage(t, c, rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	process := chromedp.FromContext(c.proc.ctx).Browser.Process()
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Create(p.ctx, creation().json(t)); err == nil || !strings.Contains(err.Error(), "no answer within") {
		t.Errorf("a browser that hangs gave %v", err)
	}
	p.Close()
	c.proc.cfg.StartTimeout = 500 * time.Millisecond // of this process; the next one has its time
	q := openPage(t, c, rpOrigin)
	q.plug(client.AuthenticatorConfig{})
	q.create(creation())
	c.ending.Wait()
	if process.Signal(syscall.Signal(0)) == nil {
		t.Error("the hung process is still there")
	}
}

func TestWedgedTab(t *testing.T) {
	t.Parallel() // it mostly waits
	c := ownChrome(t, ChromeConfig{Timeout: 1500 * time.Millisecond})
	p := openPage(t, c, rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	if _, err := p.tab.evaluate(p.ctx, "setTimeout(() => { for (;;); }); 0"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	began := time.Now()
	_, err := p.Create(p.ctx, creation().json(t))
	if err == nil || !strings.Contains(err.Error(), "no answer within") || !strings.Contains(err.Error(), "given up") {
		t.Errorf("a tab that hangs gave %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if _, err := p.Get(p.ctx, request(random(8)).json(t)); err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("a call on the lost session gave %v", err)
	}
	p.Close()
	q := openPage(t, c, rpOrigin)
	q.plug(client.AuthenticatorConfig{})
	q.create(creation())
}

func TestCrashedTab(t *testing.T) {
	c := ownChrome(t, ChromeConfig{})
	p := openPage(t, c, rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	began := time.Now()
	if _, err := chromedp.Navigate("chrome://crash")(p.ctx, p.tab.target); err == nil {
		t.Error("the tab did not crash")
	}
	for p.tab.lost() == nil && time.Since(began) < 5*time.Second {
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := p.Create(p.ctx, creation().json(t)); err == nil || !strings.Contains(err.Error(), "the tab crashed") {
		t.Errorf("a crashed tab gave %v", err)
	}
	p.Close()
	q := openPage(t, c, rpOrigin)
	q.plug(client.AuthenticatorConfig{})
	q.create(creation())
}

func TestTimeout(t *testing.T) {
	t.Parallel() // it mostly waits
	c := ownChrome(t, ChromeConfig{Timeout: 3 * time.Second})
	p := openPage(t, c, rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	setPresence := func(on bool) {
		if _, err := call(p.ctx, p.tab, setPresenceSimulation, map[string]any{"authenticatorId": p.current.id, "enabled": on}); err != nil {
			t.Fatal(err)
		}
	}

	// Nobody touches the authenticator: the options' timeout counts, and where
	// it is too long or absent, the client's.
	setPresence(false)
	for name, tc := range map[string]struct {
		timeout     any
		least, most time.Duration
	}{
		"short":    {600, 550 * time.Millisecond, 2500 * time.Millisecond},
		"too long": {600000, 2900 * time.Millisecond, 5 * time.Second},
		"null":     {nil, 450 * time.Millisecond, 2500 * time.Millisecond},
	} {
		began := time.Now()
		p.createRefused(creation().with(options{"timeout": tc.timeout}), "NotAllowedError")
		if took := time.Since(began); took < tc.least || took > tc.most {
			t.Errorf("%s: create() was refused after %s, want %s to %s", name, took, tc.least, tc.most)
		}
	}
	setPresence(true)
	absent := creation()
	delete(absent, "timeout")
	p.create(absent)

	// The caller's own deadline ends the call, and the session with it.
	setPresence(false)
	ctx, cancel := context.WithTimeout(p.ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := p.Create(ctx, creation().json(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the caller's deadline", err)
	}
	if _, err := p.Create(p.ctx, creation().json(t)); err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("a call on the lost session gave %v", err)
	}

	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Open(ended, client.SessionConfig{Origin: rpOrigin}); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with an ended context gave %v", err)
	}
	if _, err := NewChrome(ended, ChromeConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("NewChrome with an ended context gave %v", err)
	}
}

func TestClose(t *testing.T) {
	c := ownChrome(t, ChromeConfig{})
	p := openPage(t, c, rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	process := chromedp.FromContext(c.proc.ctx).Browser.Process()
	dir := profileDir(t, process.Pid)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the profile directory %s is still there: %v", dir, err)
	}
	if process.Signal(syscall.Signal(0)) == nil {
		t.Error("the process is still there")
	}
	if err := c.Close(); err != nil {
		t.Errorf("a second Close gave %v", err)
	}
	if _, err := p.Create(p.ctx, creation().json(t)); err == nil {
		t.Error("a session of a closed client went on")
	}
	if _, err := c.Open(p.ctx, client.SessionConfig{Origin: rpOrigin}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Open on a closed client gave %v", err)
	}
}

func profileDir(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		t.Skipf("optional: the process's arguments cannot be read here: %v", err)
	}
	for _, arg := range strings.Split(string(b), "\x00") {
		if dir, ok := strings.CutPrefix(arg, "--user-data-dir="); ok {
			return dir
		}
	}
	t.Fatal("the browser has no profile directory of its own")
	return ""
}

func TestFindChrome(t *testing.T) {
	dir := t.TempDir()
	fake := filepath.Join(dir, "google-chrome")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\necho no good\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	places := chromePlaces
	chromePlaces = nil
	t.Cleanup(func() { chromePlaces = places })

	t.Setenv("CHROME_PATH", "")
	t.Setenv("PATH", dir)
	if path, err := FindChrome(); err != nil || path != fake {
		t.Errorf("got %q, %v", path, err)
	}
	t.Setenv("PATH", t.TempDir())
	_, err := FindChrome()
	if err == nil || !strings.Contains(err.Error(), "install Debian's package chromium (make browser)") {
		t.Errorf("with no browser: %v", err)
	}
	if _, err := NewChrome(testContext(t), ChromeConfig{}); err == nil || !strings.Contains(err.Error(), "make browser") {
		t.Errorf("NewChrome with no browser: %v", err)
	}
	t.Setenv("CHROME_PATH", fake)
	if path, err := FindChrome(); err != nil || path != fake {
		t.Errorf("got %q, %v", path, err)
	}
	t.Setenv("CHROME_PATH", filepath.Join(dir, "nothing"))
	if _, err := FindChrome(); err == nil || !strings.Contains(err.Error(), "CHROME_PATH") {
		t.Errorf("with a wrong CHROME_PATH: %v", err)
	}
	// A program that is no browser is one line of error, with what it printed.
	_, err = NewChrome(testContext(t), ChromeConfig{Path: fake})
	if err == nil || !strings.Contains(err.Error(), "start chrome ("+fake+")") || !strings.Contains(err.Error(), "no good") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a program that is no browser: %v", err)
	}
}

func TestRemote(t *testing.T) {
	path, err := FindChrome()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "touchstone-remote")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-port=0", "--user-data-dir="+profile, "about:blank")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		cmd.Wait()
		// Its children write to the profile directory a little longer.
		for deadline := time.Now().Add(5 * time.Second); os.RemoveAll(profile) != nil && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
	})
	address := ""
	for lines := bufio.NewScanner(stderr); address == "" && lines.Scan(); {
		_, address, _ = strings.Cut(lines.Text(), "DevTools listening on ")
	}
	if address == "" {
		t.Fatal("the browser did not say where it listens")
	}
	host := regexp.MustCompile(`//([^/]+)/`).FindStringSubmatch(address)[1]

	for _, url := range []string{address, "http://" + host} {
		c := ownChrome(t, ChromeConfig{RemoteURL: url})
		if c.Version() == "" || !strings.Contains(c.Version(), ".") {
			t.Errorf("the version is %q", c.Version())
		}
		p := openPage(t, c, rpOrigin)
		p.plug(client.AuthenticatorConfig{})
		o := creation()
		verifyRegistration(t, p.create(o).Response, o, rpOrigin, "rp.example")
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	testGrid(t, address)
	_, err = NewChrome(testContext(t), ChromeConfig{RemoteURL: "ws://user:secret@" + host + "/devtools/browser/none?token=secret"})
	if err == nil || !strings.Contains(err.Error(), "start chrome (ws://"+host+"/devtools/browser/none): ") {
		t.Errorf("an address with nothing behind it gave %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the error tells a secret: %v", err)
	}
}

// TestNothingLeavesTheMachine reads the browser's own log of its network stack.
func TestNothingLeavesTheMachine(t *testing.T) {
	log := filepath.Join(t.TempDir(), "net-log.json")
	c := ownChrome(t, ChromeConfig{Args: []string{"--log-net-log=" + log, "--net-log-capture-mode=Everything"}})
	ways := fmt.Sprintf("127.0.0.1:%d", c.proc.ways.port())
	for _, origin := range []string{rpOrigin, "http://localhost:1234"} {
		p := openPage(t, c, origin)
		p.plug(client.AuthenticatorConfig{})
		p.create(creation())
		// A claim on a related origin makes the browser fetch /.well-known/webauthn.
		p.createRefused(creation().with(options{"rp": options{"name": "x", "id": "other.example"}}), "SecurityError")
		// Requests of the page are failed.
		if _, err := p.tab.evaluate(p.ctx, `fetch("https://elsewhere.example/").then(() => { globalThis.fetched = true }, () => { globalThis.fetched = false }); 0`); err != nil {
			t.Fatal(err)
		}
		got := json.RawMessage("null")
		for range 100 {
			var err error
			if got, err = p.tab.evaluate(p.ctx, "globalThis.fetched ?? null"); err != nil {
				t.Fatal(err)
			}
			if string(got) != "null" {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if string(got) != "false" {
			t.Errorf("a request of the page ended with %s", got)
		}
	}
	// A graceful end completes the log.
	ctx, cancel := context.WithTimeout(c.proc.ctx, 10*time.Second)
	defer cancel()
	if err := chromedp.Cancel(ctx); err != nil {
		t.Fatal(err)
	}

	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var netLog struct {
		Constants struct {
			LogEventTypes map[string]int `json:"logEventTypes"`
		} `json:"constants"`
		Events []struct {
			Type   int `json:"type"`
			Params struct {
				Host        string   `json:"host"`
				AddressList []string `json:"address_list"`
				Address     string   `json:"address"`
				ByteCount   int      `json:"byte_count"`
			} `json:"params"`
		} `json:"events"`
	}
	if err := json.Unmarshal(data, &netLog); err != nil {
		t.Fatal(err)
	}
	if len(netLog.Events) == 0 {
		t.Fatal("the log is empty")
	}
	forbidden := map[int]string{}
	for _, name := range []string{"TCP_CONNECT_ATTEMPT", "UDP_BYTES_SENT", "HOST_RESOLVER_MANAGER_ATTEMPT_STARTED", "HOST_RESOLVER_SYSTEM_TASK", "DNS_TRANSACTION_ATTEMPT"} {
		if id, known := netLog.Constants.LogEventTypes[name]; known {
			forbidden[id] = name
		} else {
			t.Logf("the log has no event type %s", name)
		}
	}
	if len(forbidden) < 3 {
		t.Errorf("only %v are known to the log", forbidden)
	}
	for _, e := range netLog.Events {
		name, bad := forbidden[e.Type]
		// Its proxy, which connects to nothing, is all that it may reach. An attempt
		// has two entries, the second without an address.
		if name == "TCP_CONNECT_ATTEMPT" && (e.Params.Address == ways || e.Params.Address == "" && len(e.Params.AddressList) == 0) {
			continue
		}
		if bad {
			t.Errorf("the browser used the network: %s %+v", name, e.Params)
		}
	}
}

func BenchmarkCreateGet(b *testing.B) {
	p := openPage(b, theChrome(b), rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	for b.Loop() {
		r, err := p.Create(context.Background(), creation().json(b))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Get(context.Background(), request(r.Response.RawID).json(b)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSession is what a check costs: a session, an authenticator, create() and get().
func BenchmarkSession(b *testing.B) {
	c := theChrome(b)
	for b.Loop() {
		p := openSession(b, c)
		p.plug(client.AuthenticatorConfig{})
		p.get(request(p.create(creation()).Response.RawID))
		p.Close()
	}
}

// BenchmarkSessionParallel is the same from as many goroutines as there are processors.
func BenchmarkSessionParallel(b *testing.B) {
	c := theChrome(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p := openSession(b, c)
			p.plug(client.AuthenticatorConfig{})
			p.get(request(p.create(creation()).Response.RawID))
			p.Close()
		}
	})
}

func openSession(b *testing.B, c *chrome) window {
	b.Helper()
	s, err := c.Open(context.Background(), client.SessionConfig{Origin: rpOrigin})
	if err != nil {
		b.Fatal(err)
	}
	return window{b, context.Background(), s.(*session)}
}

// TestChromeFlags: what confines a browser that is started here is on its command line.
func TestChromeFlags(t *testing.T) {
	c := theChrome(t)
	out, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", chromedp.FromContext(c.proc.ctx).Browser.Process().Pid))
	if err != nil {
		t.Skipf("optional: there is no /proc to read the command line from: %v", err)
	}
	line := strings.ReplaceAll(string(out), "\x00", " ")
	for _, want := range []string{
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", fmt.Sprintf("--proxy-server=http://127.0.0.1:%d", c.proc.ways.port()),
		"--proxy-bypass-list=<-loopback>", "--disable-background-networking", "--disable-component-update", "--disable-quic", "--no-pings", "--headless",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is not among the flags: %s", want, line)
		}
	}
	for _, never := range []string{"--ignore-certificate-errors ", "--remote-debugging-address", "--disable-web-security"} {
		if strings.Contains(line+" ", never) {
			t.Errorf("%s is among the flags", never)
		}
	}
}
