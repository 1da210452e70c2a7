package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
)

// FirefoxConfig says which Firefox NewFirefox drives and how. The zero value is good.
type FirefoxConfig struct {
	// Path is the browser's executable; empty means the one that FindFirefox finds.
	Path string
	// Timeout is the longest that a ceremony or a command may take; 0 means 10 s.
	// The timeout member of the options is corrected to it where it is longer.
	Timeout time.Duration
	// StartTimeout is the longest that a start of the browser may take; 0 means 60 s.
	StartTimeout time.Duration
	// Prefs are further preferences, by name: a bool, an int or a string each.
	Prefs map[string]any
}

// NewFirefox starts Firefox and returns it as a client named firefox. ctx bounds
// the start only; Close ends the browser. A browser that dies is started again
// when the next session is opened; the sessions that it took along fail with an
// error that says so.
func NewFirefox(ctx context.Context, cfg FirefoxConfig) (client.Client, error) {
	if cfg.Path == "" {
		path, err := FindFirefox()
		if err != nil {
			return nil, err
		}
		cfg.Path = path
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.StartTimeout <= 0 {
		cfg.StartTimeout = time.Minute
	}
	p, err := newProxy("127.0.0.1")
	if err != nil {
		return nil, err
	}
	c := &driven{
		kind: "firefox", abilities: FirefoxAbilities(), algorithms: firefoxAlgorithms, translate: firefoxOptions, request: withoutPRF,
		timeout: cfg.Timeout, startTimeout: cfg.StartTimeout, proxy: p,
	}
	c.start = func(ctx context.Context) (driver, error) {
		f, err := startFirefox(ctx, cfg, p.port())
		if err != nil {
			return nil, err
		}
		if c.stage == nil { // later starts are of the same browser
			c.version = f.version
		}
		return f, nil
	}
	if err := c.open(ctx); err != nil {
		p.close()
		return nil, err
	}
	return c, nil
}

// FirefoxAbilities lists what Firefox carries. It has no U2F: an authenticator
// that is asked for as one registers as CTAP2 all the same, and its
// excludeCredentials match whatever the RP ID. Backup flags cannot be chosen.
func FirefoxAbilities() []client.Ability {
	return []client.Ability{
		client.Faults, client.ExcludeList, client.Discoverable, client.SelfAttestation,
		client.NoAttestation, client.Extensions, client.Import, client.Frames, client.RelatedOrigins,
	}
}

// firefoxAlgorithms: ES256 is all that Firefox's virtual token has.
var firefoxAlgorithms = []int64{-7}

// firefoxOptions maps the configuration to what Firefox's virtual token knows.
func firefoxOptions(cfg client.AuthenticatorConfig) (o authenticatorOptions, err error) {
	switch {
	case cfg.U2F:
		return o, errors.New("U2F: firefox's virtual token registers as CTAP2 even when asked for U2F")
	case cfg.BackupEligible || cfg.BackupState:
		return o, errors.New("backup flags: firefox's virtual token has none")
	}
	switch cfg.Transport {
	case "", "usb", "nfc", "ble", "internal", "hybrid":
	default:
		return o, fmt.Errorf("transport %q: firefox has usb, nfc, ble, internal and hybrid", cfg.Transport)
	}
	o = authenticatorOptions{
		Protocol: "ctap2_1", Transport: cfg.Transport, HasResidentKey: cfg.ResidentKeys,
		HasUserVerification: cfg.UserVerification, IsUserVerified: cfg.UserVerification, IsUserConsenting: true,
	}
	if o.Transport == "" {
		o.Transport = "usb"
	}
	return o, nil
}

// withoutPRF leaves prf out of request options, as a client that has not got it
// does: what Firefox's virtual token makes of it is no valid response, see the
// package's documentation. What does not decode is left to the browser.
func withoutPRF(options json.RawMessage) json.RawMessage {
	var o, ext map[string]json.RawMessage
	if json.Unmarshal(options, &o) != nil || json.Unmarshal(o["extensions"], &ext) != nil || ext["prf"] == nil {
		return options
	}
	delete(ext, "prf")
	var err error
	if o["extensions"], err = json.Marshal(ext); err != nil {
		return options
	}
	changed, err := json.Marshal(o)
	if err != nil {
		return options
	}
	return changed
}

// firefoxPrefs are the preferences of the profile.
func firefoxPrefs(proxyPort int, more map[string]any) map[string]any {
	prefs := map[string]any{
		"marionette.port": 0,

		// The virtual token instead of tokens on USB, which are waited for otherwise.
		"security.webauth.webauthn_enable_softtoken": true,
		"security.webauth.webauthn_enable_usbtoken":  false,
		// Direct attestation without a question to the user.
		"security.webauthn.always_allow_direct_attestation": true,
		// The pages' certificates are accepted, see proxy; create() has to be told too.
		"security.webauthn.allow_with_certificate_override": true,
		"dom.security.https_first":                          false,
		"dom.security.https_first_schemeless":               false,

		// The only way out is the proxy, which leads nowhere.
		"network.proxy.type":                         1,
		"network.proxy.http":                         "127.0.0.1",
		"network.proxy.http_port":                    proxyPort,
		"network.proxy.ssl":                          "127.0.0.1",
		"network.proxy.ssl_port":                     proxyPort,
		"network.proxy.no_proxies_on":                "",
		"network.proxy.allow_hijacking_localhost":    true,
		"network.proxy.failover_direct":              false,
		"network.dns.forceResolve":                   "127.0.0.1",
		"network.dns.disablePrefetch":                true,
		"network.trr.mode":                           5,
		"network.http.http3.enable":                  false,
		"network.http.speculative-parallel-limit":    0,
		"network.prefetch-next":                      false,
		"network.captive-portal-service.enabled":     false,
		"network.connectivity-service.enabled":       false,
		"media.peerconnection.enabled":               false,
		"security.OCSP.enabled":                      0,
		"dom.push.connection.enabled":                false,
		"geo.enabled":                                false,
		"services.settings.server":                   "data:,#remote-settings-dummy/v1",
		"browser.safebrowsing.malware.enabled":       false,
		"browser.safebrowsing.phishing.enabled":      false,
		"browser.safebrowsing.downloads.enabled":     false,
		"browser.safebrowsing.blockedURIs.enabled":   false,
		"browser.search.update":                      false,
		"browser.region.network.url":                 "",
		"browser.newtabpage.enabled":                 false,
		"browser.newtabpage.activity-stream.enabled": false,
		"media.gmp-manager.updateEnabled":            false,

		// No updates, no telemetry, no first run.
		"app.update.disabledForTesting":                true,
		"app.update.auto":                              false,
		"app.update.enabled":                           false,
		"app.normandy.enabled":                         false,
		"app.shield.optoutstudies.enabled":             false,
		"extensions.update.enabled":                    false,
		"extensions.getAddons.cache.enabled":           false,
		"extensions.systemAddon.update.enabled":        false,
		"extensions.blocklist.enabled":                 false,
		"datareporting.policy.dataSubmissionEnabled":   false,
		"datareporting.healthreport.uploadEnabled":     false,
		"datareporting.healthreport.documentServerURI": "",
		"toolkit.telemetry.enabled":                    false,
		"toolkit.telemetry.server":                     "",
		"toolkit.telemetry.reportingpolicy.firstRun":   false,
		"browser.aboutwelcome.enabled":                 false,
		"browser.startup.page":                         0,
		"browser.startup.homepage":                     "about:blank",
		"browser.startup.homepage_override.mstone":     "ignore",
		"startup.homepage_welcome_url":                 "about:blank",
		"startup.homepage_welcome_url.additional":      "",
		"browser.shell.checkDefaultBrowser":            false,
		"browser.sessionstore.resume_from_crash":       false,
		"toolkit.startup.max_resumed_crashes":          -1,
		"browser.discovery.enabled":                    false,
		"browser.ml.enable":                            false,
		"focusmanager.testmode":                        true,
		"dom.ipc.processCount":                         1,
		"dom.ipc.processPrelaunch.enabled":             false,
		"dom.max_script_run_time":                      0,
		"browser.cache.disk.enable":                    false,
		"browser.topsites.contile.enabled":             false,
		"browser.vpn_promo.enabled":                    false,
		"identity.fxaccounts.enabled":                  false,
	}
	for name, v := range more {
		prefs[name] = v
	}
	return prefs
}

// firefox is a driver: one Firefox process with its own profile.
type firefox struct {
	version string
	// promptless: it draws no panel at a ceremony.
	promptless bool
	profile    string
	cmd        *exec.Cmd
	exited     chan struct{}
	said       *tail
	link       *marionette
	once       sync.Once
}

// startFirefox starts the browser and a Marionette session.
func startFirefox(ctx context.Context, cfg FirefoxConfig, proxyPort int) (f *firefox, err error) {
	profile, err := privateHome()
	if err != nil {
		return nil, err
	}
	f = &firefox{profile: profile, exited: make(chan struct{}), said: &tail{}}
	var user strings.Builder
	for name, v := range firefoxPrefs(proxyPort, cfg.Prefs) {
		n, _ := json.Marshal(name) // a string is always well
		value, err := json.Marshal(v)
		if err != nil {
			_ = os.RemoveAll(profile)
			return nil, fmt.Errorf("preference %s: %w", name, err)
		}
		fmt.Fprintf(&user, "user_pref(%s, %s);\n", n, value)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(user.String()), 0o600); err != nil {
		_ = os.RemoveAll(profile)
		return nil, err
	}
	f.cmd = exec.Command(cfg.Path, "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--new-instance", "--profile", profile, "about:blank")
	// As root Firefox refuses a home of somebody else, and it must not write into one either.
	f.cmd.Env = append(append(os.Environ(), homeVariables(profile)...), "MOZ_CRASHREPORTER_DISABLE=1", "MOZ_DISABLE_AUTO_SAFE_MODE=1",
		"MOZ_REMOTE_SETTINGS_DEVTOOLS=1", "DISPLAY=", "WAYLAND_DISPLAY=")
	f.cmd.Stdout, f.cmd.Stderr = f.said, f.said
	f.cmd.WaitDelay = 2 * time.Second // a child may keep the output open
	own(f.cmd)
	if err := f.cmd.Start(); err != nil {
		_ = os.RemoveAll(profile)
		return nil, err
	}
	go func() {
		_ = f.cmd.Wait() // how it ended says nothing; that it ended does
		close(f.exited)
	}()
	if err := f.connect(ctx, cfg); err != nil {
		select {
		case <-f.exited:
			err = fmt.Errorf("%w: it printed: %s", err, f.said)
		default:
		}
		f.close()
		return nil, fmt.Errorf("(%s): %w", cfg.Path, err)
	}
	return f, nil
}

// connect waits for Firefox to say on which port it listens, and opens a session.
func (f *firefox) connect(ctx context.Context, cfg FirefoxConfig) error {
	file := filepath.Join(f.profile, "MarionetteActivePort")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for f.link == nil {
		if b, err := os.ReadFile(file); err == nil && len(b) > 0 {
			port, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 16)
			if err == nil {
				// The port may be written before it is listened on.
				f.link, _ = dialMarionette(ctx, net.JoinHostPort("127.0.0.1", strconv.FormatUint(port, 10)))
			}
		}
		if f.link != nil {
			break
		}
		select {
		case <-tick.C:
		case <-f.exited:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	var session struct {
		Capabilities struct {
			Version string `json:"browserVersion"`
		} `json:"capabilities"`
	}
	err := f.link.call(ctx, "WebDriver:NewSession", map[string]any{
		"acceptInsecureCerts": true,
		"timeouts": map[string]any{
			"script":   (cfg.Timeout + 2*grace).Milliseconds(),
			"pageLoad": cfg.Timeout.Milliseconds(),
		},
	}, &session)
	f.version = session.Capabilities.Version
	if err != nil {
		return err
	}
	return f.dropPrompts(ctx)
}

// dropPromptsScript takes away who shows the panel "touch your security key" at
// every create() and get(). It tells how many there were.
const dropPromptsScript = `let n = 0;
	for (const shown of Services.obs.enumerateObservers("webauthn-prompt")) {
		Services.obs.removeObserver(shown, "webauthn-prompt");
		n++;
	}
	return n`

// dropPrompts has Firefox draw no panels of its own: opening and closing one is
// nine tenths of what a ceremony takes, and nobody is there to read it. The
// virtual token does not wait for it. A Firefox that gives no access to its own
// scripts goes on drawing.
func (f *firefox) dropPrompts(ctx context.Context) error {
	var n value[int]
	err := f.link.call(ctx, "Marionette:SetContext", map[string]any{"value": "chrome"}, nil)
	if err == nil {
		err = f.link.call(ctx, "WebDriver:ExecuteScript", map[string]any{"script": dropPromptsScript, "args": []any{}, "sandbox": "system"}, &n)
	}
	var refused *refusal
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	f.promptless = err == nil && n.Value > 0
	return f.link.call(ctx, "Marionette:SetContext", map[string]any{"value": "content"}, nil)
}

func (f *firefox) close() {
	f.once.Do(func() {
		if f.link != nil {
			f.link.close()
		}
		kill(f.cmd)
		<-f.exited
		removeHome(f.profile)
	})
}

func (f *firefox) navigate(ctx context.Context, url string) error {
	return f.link.call(ctx, "WebDriver:Navigate", map[string]any{"url": url}, nil)
}

func (f *firefox) enter(ctx context.Context, in frame) error {
	if err := f.link.call(ctx, "WebDriver:ExecuteAsyncScript", map[string]any{"script": enterScript, "args": []any{in.url, in.allow}}, nil); err != nil {
		return err
	}
	return f.link.call(ctx, "WebDriver:SwitchToFrame", map[string]any{"id": 0}, nil)
}

func (f *firefox) touch(ctx context.Context) error {
	return f.link.call(ctx, "WebDriver:PerformActions", click, nil)
}

// value is a result that Marionette puts into an object.
type value[T any] struct {
	Value T `json:"value"`
}

func (f *firefox) run(ctx context.Context, args []any) (json.RawMessage, error) {
	var v value[string]
	err := f.link.call(ctx, "WebDriver:ExecuteAsyncScript", map[string]any{"script": runScript, "args": args}, &v)
	return json.RawMessage(v.Value), err
}

func (f *firefox) origin(ctx context.Context) (string, error) {
	var v value[string]
	err := f.link.call(ctx, "WebDriver:ExecuteScript", map[string]any{"script": originScript, "args": []any{}}, &v)
	return v.Value, err
}

func (f *firefox) addAuthenticator(ctx context.Context, o authenticatorOptions) (string, error) {
	var v value[string]
	err := f.link.call(ctx, "WebAuthn:AddVirtualAuthenticator", o, &v)
	return v.Value, err
}

func (f *firefox) removeAuthenticator(ctx context.Context, id string) error {
	return f.link.call(ctx, "WebAuthn:RemoveVirtualAuthenticator", map[string]any{"authenticatorId": id}, nil)
}

func (f *firefox) addCredential(ctx context.Context, authenticator string, c driverCredential) error {
	// Firefox wants all members, and the credential in one of its own.
	return f.link.call(ctx, "WebAuthn:AddCredential", map[string]any{
		"authenticatorId": authenticator,
		"credentials": map[string]any{
			"credentialId": c.ID, "isResidentCredential": c.Resident, "rpId": c.RPID,
			"privateKey": c.PrivateKey, "userHandle": c.UserHandle.String(), "signCount": c.SignCount,
		},
	}, nil)
}

func (f *firefox) credentials(ctx context.Context, authenticator string) ([]driverCredential, error) {
	var v value[[]driverCredential]
	err := f.link.call(ctx, "WebAuthn:GetCredentials", map[string]any{"authenticatorId": authenticator}, &v)
	// Where no credential fits, Firefox still has the user touch the token: it
	// registers a dummy, which stays. It is none of the session's.
	return slices.DeleteFunc(v.Value, func(c driverCredential) bool { return c.RPID == "make.me.blink" }), err
}

func (f *firefox) removeCredential(ctx context.Context, authenticator, credential string) error {
	return f.link.call(ctx, "WebAuthn:RemoveCredential", map[string]any{"authenticatorId": authenticator, "credentialId": credential}, nil)
}

func (f *firefox) screenshot(ctx context.Context) ([]byte, error) {
	if err := f.link.call(ctx, "WebDriver:ExecuteScript", map[string]any{"script": showScript, "args": []any{}}, nil); err != nil {
		return nil, err
	}
	// In a frame of another origin Firefox cannot take one.
	if err := f.link.call(ctx, "WebDriver:SwitchToFrame", map[string]any{"id": nil}, nil); err != nil {
		return nil, err
	}
	var v value[[]byte]
	err := f.link.call(ctx, "WebDriver:TakeScreenshot", map[string]any{"full": false}, &v)
	return v.Value, err
}

// tail keeps the last of what a process prints.
type tail struct {
	mu   sync.Mutex
	last []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	const size = 2000
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, b...)
	if n := len(t.last) - size; n > 0 {
		t.last = append([]byte(nil), t.last[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.last)
}
