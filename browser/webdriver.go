package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
)

// WebDriverConfig says which browser NewWebDriver drives and how.
type WebDriverConfig struct {
	// URL is where sessions are made, such as http://127.0.0.1:9515 for a driver
	// or http://grid.test:4444/wd/hub for a Selenium Grid. Its query holds the
	// capabilities that are asked for: browserName=chrome&platformName=linux;
	// a value that is JSON (true, 5, {"args":[]}) is sent as that, anything else as a
	// string. The parameter proxyHost is no capability: it is this machine's
	// name or address as the browser reaches it, which makes the proxy that
	// serves the pages listen on all interfaces and not on loopback only.
	URL string
	// Timeout is the longest that a ceremony or a command may take; 0 means 10 s.
	Timeout time.Duration
	// StartTimeout is the longest that a new session may take; 0 means 60 s. A
	// Grid may keep a session waiting until a browser is free.
	StartTimeout time.Duration
}

// NewWebDriver makes a session with a driver or a Grid and returns its browser
// as a client named webdriver. The browser must be one that implements the
// extension commands of https://www.w3.org/TR/webauthn-3/#sctn-automation.
// Close ends the session.
func NewWebDriver(ctx context.Context, cfg WebDriverConfig) (client.Client, error) {
	base, capabilities, proxyHost, err := parseWebDriverURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.StartTimeout <= 0 {
		cfg.StartTimeout = time.Minute
	}
	listen := "127.0.0.1"
	if proxyHost == "" {
		proxyHost = listen
	} else {
		listen = ""
	}
	p, err := newProxy(listen)
	if err != nil {
		return nil, err
	}
	c := &driven{kind: "webdriver", timeout: cfg.Timeout, startTimeout: cfg.StartTimeout, proxy: p}
	c.start = func(ctx context.Context) (driver, error) {
		w := &webdriver{base: base, http: &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}}
		address := net.JoinHostPort(proxyHost, fmt.Sprint(p.port()))
		if err := w.newSession(ctx, cfg, capabilities, address); err != nil {
			return nil, err
		}
		if c.stage == nil { // later sessions are of the same browser
			f := familyOf(w.browser)
			c.abilities, c.algorithms, c.translate, c.request = f.abilities, f.algorithms, f.translate, f.request
			c.version = strings.TrimSpace(w.browser + " " + w.version)
		}
		return w, nil
	}
	if err := c.open(ctx); err != nil {
		p.close()
		return nil, err
	}
	return c, nil
}

// WebDriverAbilities lists what the browser behind a WebDriver address is
// expected to carry, before it was ever reached.
func WebDriverAbilities(address string) []client.Ability {
	_, capabilities, _, err := parseWebDriverURL(address)
	if err != nil {
		return familyOf("").abilities
	}
	name, _ := capabilities["browserName"].(string)
	return familyOf(name).abilities
}

// family is what browsers with the same engine have in common.
type family struct {
	abilities  []client.Ability
	algorithms []int64
	translate  func(client.AuthenticatorConfig) (authenticatorOptions, error)
	request    func(json.RawMessage) json.RawMessage
}

func familyOf(browserName string) family {
	switch strings.ToLower(browserName) {
	case "firefox":
		return family{FirefoxAbilities(), firefoxAlgorithms, firefoxOptions, withoutPRF}
	default:
		// Other engines are taken by the words of the specification, in which
		// Chromium's has been written.
		return family{webdriverAbilities(), (*chrome)(nil).Algorithms(), webdriverOptions, nil}
	}
}

// webdriverAbilities are those of ChromeAbilities that the standard's commands reach.
func webdriverAbilities() []client.Ability {
	return slices.DeleteFunc(ChromeAbilities(), func(a client.Ability) bool {
		switch a {
		case client.Overrides, client.Properties, client.Conditional, client.AuthenticatorExtensions:
			return true
		}
		return false
	})
}

// webdriverOptions maps the configuration to the Authenticator Configuration.
func webdriverOptions(cfg client.AuthenticatorConfig) (o authenticatorOptions, err error) {
	if cfg.SelfAttestation {
		return o, errors.New("self attestation: these authenticators have an attestation key and cannot leave it out")
	}
	o = authenticatorOptions{
		Protocol: "ctap2_1", Transport: cfg.Transport, HasResidentKey: cfg.ResidentKeys,
		HasUserVerification: cfg.UserVerification, IsUserVerified: cfg.UserVerification, IsUserConsenting: true,
		Extensions:               []string{"prf", "minPinLength"},
		DefaultBackupEligibility: cfg.BackupEligible, DefaultBackupState: cfg.BackupState,
	}
	switch cfg.Transport {
	case "":
		o.Transport = "usb"
	case "usb", "nfc", "ble", "internal", "hybrid":
	default:
		return o, fmt.Errorf("transport %q: there are usb, nfc, ble, internal and hybrid", cfg.Transport)
	}
	if cfg.ResidentKeys {
		o.Extensions = append(o.Extensions, "largeBlob")
	}
	if has := cfg.With; has != (client.ExtensionSet{}) {
		if has.LargeBlob && !cfg.ResidentKeys {
			return o, errors.New("largeBlob: these authenticators have it with resident keys only")
		}
		o.Extensions = nil
		for _, e := range []struct {
			name string
			on   bool
		}{{"prf", has.PRF}, {"minPinLength", has.MinPINLength}, {"largeBlob", has.LargeBlob}, {"credBlob", has.CredBlob}} {
			if e.on {
				o.Extensions = append(o.Extensions, e.name)
			}
		}
	}
	if cfg.U2F {
		if cfg.Transport == "hybrid" {
			return o, errors.New("transport hybrid: a U2F authenticator cannot have it")
		}
		o.Protocol, o.Extensions = "ctap1/u2f", nil
		o.HasResidentKey, o.HasUserVerification, o.IsUserVerified = false, false, false
	}
	return o, nil
}

// AddressError is a WebDriver address that no session can be asked for at.
type AddressError struct{ text string }

func (e *AddressError) Error() string { return e.text }

// parseWebDriverURL takes an address apart into where sessions are made, the
// capabilities in its query, and the parameter proxyHost.
func parseWebDriverURL(address string) (base *url.URL, capabilities map[string]any, proxyHost string, err error) {
	bad := func(format string, args ...any) (*url.URL, map[string]any, string, error) {
		text := fmt.Sprintf("webdriver address %q: "+format, append([]any{redact(address)}, args...)...)
		return nil, nil, "", &AddressError{text}
	}
	base, err = url.Parse(address)
	if err != nil {
		return nil, nil, "", &AddressError{"webdriver address: it is no URL; want http://host:port?browserName=chrome"}
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "" {
		return bad("want http://host:port or https://host:port, with capabilities such as ?browserName=chrome")
	}
	query, err := url.ParseQuery(base.RawQuery)
	if err != nil {
		return bad("the query cannot be read: %v", err)
	}
	capabilities = map[string]any{}
	for name, values := range query {
		if len(values) != 1 {
			return bad("%s is there %d times", name, len(values))
		}
		if name == "proxyHost" {
			proxyHost = values[0]
			continue
		}
		if name == "proxy" || name == "acceptInsecureCerts" {
			return bad("%s is Touchstone's own to set", name)
		}
		var v any
		if json.Unmarshal([]byte(values[0]), &v) != nil || strings.HasSuffix(name, "Version") {
			v = values[0]
		}
		capabilities[name] = v
	}
	base.RawQuery, base.Fragment = "", ""
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), ""
	return base, capabilities, proxyHost, nil
}

// webdriver is a driver: one session of the WebDriver protocol
// (https://www.w3.org/TR/webdriver2/).
type webdriver struct {
	base             *url.URL
	http             *http.Client
	session          string
	browser, version string
}

func (w *webdriver) newSession(ctx context.Context, cfg WebDriverConfig, capabilities map[string]any, proxyAddress string) error {
	always := map[string]any{
		"acceptInsecureCerts": true,
		// By matching it a driver says that it has the extension commands.
		"webauthn:virtualAuthenticators": true,
		"proxy": map[string]any{
			"proxyType": "manual", "httpProxy": proxyAddress, "sslProxy": proxyAddress,
		},
		"timeouts": map[string]any{
			"script":   (cfg.Timeout + 2*grace).Milliseconds(),
			"pageLoad": cfg.Timeout.Milliseconds(),
		},
	}
	name, _ := capabilities["browserName"].(string)
	for key, v := range capabilities {
		always[key] = v
	}
	switch strings.ToLower(name) {
	case "firefox":
		preferFirefox(always)
		delete(always, "webauthn:virtualAuthenticators") // it has them, and does not know the name
	case "safari":
	default:
		// Chromium's form of: use the proxy for loopback too.
		always["proxy"].(map[string]any)["noProxy"] = []string{"<-loopback>"}
	}
	var session struct {
		ID           string `json:"sessionId"`
		Capabilities struct {
			Name    string `json:"browserName"`
			Version string `json:"browserVersion"`
		} `json:"capabilities"`
	}
	err := w.call(ctx, http.MethodPost, "session", map[string]any{
		"capabilities": map[string]any{"alwaysMatch": always},
	}, &session)
	if err != nil {
		return fmt.Errorf("(%s): %w", redact(w.base.String()), err)
	}
	if session.ID == "" {
		return fmt.Errorf("(%s): the answer to a new session names none: is it a WebDriver address?", redact(w.base.String()))
	}
	w.session, w.browser, w.version = session.ID, session.Capabilities.Name, session.Capabilities.Version
	return nil
}

// preferFirefox adds the preferences without which Firefox's virtual token
// does not answer, unless the caller has preferences of his own.
func preferFirefox(capabilities map[string]any) {
	options, ok := capabilities["moz:firefoxOptions"].(map[string]any)
	if !ok {
		options = map[string]any{}
	}
	prefs, ok := options["prefs"].(map[string]any)
	if !ok {
		prefs = map[string]any{}
	}
	for name, v := range map[string]any{
		"security.webauth.webauthn_enable_softtoken":        true,
		"security.webauth.webauthn_enable_usbtoken":         false,
		"security.webauthn.always_allow_direct_attestation": true,
		"security.webauthn.allow_with_certificate_override": true,
		"network.proxy.allow_hijacking_localhost":           true,
	} {
		if _, set := prefs[name]; !set {
			prefs[name] = v
		}
	}
	options["prefs"] = prefs
	capabilities["moz:firefoxOptions"] = options
}

// call sends a command and decodes the value of its answer into out, unless out is nil.
func (w *webdriver) call(ctx context.Context, method, path string, params, out any) error {
	u := *w.base
	u.Path += "/" + path
	what := method + " /" + path
	if w.session != "" {
		what = strings.Replace(what, "/session/"+w.session, "", 1)
	}
	var body io.Reader
	if method == http.MethodPost {
		b, err := json.Marshal(params)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	answer, err := w.http.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		var cut *url.Error // its text has the address, with whatever secret is in it
		if errors.As(err, &cut) {
			err = cut.Err
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("%s: read the answer: %w", what, err)
	}
	if err := parseWebDriverAnswer(answer.StatusCode, b, out); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// parseWebDriverAnswer reads an answer (https://www.w3.org/TR/webdriver2/#dfn-send-a-response).
func parseWebDriverAnswer(status int, b []byte, out any) error {
	var v value[json.RawMessage]
	if err := json.Unmarshal(b, &v); err != nil || v.Value == nil {
		return fmt.Errorf("HTTP %d, and no answer of a WebDriver: %.100q", status, b)
	}
	if status != http.StatusOK {
		refused := &refusal{}
		if err := json.Unmarshal(v.Value, refused); err != nil || refused.Code == "" {
			return fmt.Errorf("HTTP %d, and no error of a WebDriver: %.100q", status, b)
		}
		refused.Message, _, _ = strings.Cut(refused.Message, "\n") // drivers add their own version and address
		return refused
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(v.Value, out); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// in is the path of a command of the session.
func (w *webdriver) in(parts ...string) string {
	path := "session/" + w.session
	for _, p := range parts {
		path += "/" + p
	}
	return path
}

func (w *webdriver) navigate(ctx context.Context, url string) error {
	return w.call(ctx, http.MethodPost, w.in("url"), map[string]any{"url": url}, nil)
}

func (w *webdriver) enter(ctx context.Context, f frame) error {
	if err := w.call(ctx, http.MethodPost, w.in("execute", "async"), map[string]any{"script": enterScript, "args": []any{f.url, f.allow}}, nil); err != nil {
		return err
	}
	return w.call(ctx, http.MethodPost, w.in("frame"), map[string]any{"id": 0}, nil)
}

func (w *webdriver) touch(ctx context.Context) error {
	return w.call(ctx, http.MethodPost, w.in("actions"), click, nil)
}

func (w *webdriver) run(ctx context.Context, args []any) (json.RawMessage, error) {
	var text string
	err := w.call(ctx, http.MethodPost, w.in("execute", "async"), map[string]any{"script": runScript, "args": args}, &text)
	return json.RawMessage(text), err
}

func (w *webdriver) origin(ctx context.Context) (text string, err error) {
	err = w.call(ctx, http.MethodPost, w.in("execute", "sync"), map[string]any{"script": originScript, "args": []any{}}, &text)
	return text, err
}

func (w *webdriver) addAuthenticator(ctx context.Context, o authenticatorOptions) (id string, err error) {
	err = w.call(ctx, http.MethodPost, w.in("webauthn", "authenticator"), o, &id)
	return id, err
}

func (w *webdriver) removeAuthenticator(ctx context.Context, id string) error {
	return w.call(ctx, http.MethodDelete, w.in("webauthn", "authenticator", id), nil, nil)
}

func (w *webdriver) addCredential(ctx context.Context, authenticator string, c driverCredential) error {
	return w.call(ctx, http.MethodPost, w.in("webauthn", "authenticator", authenticator, "credential"), c, nil)
}

func (w *webdriver) credentials(ctx context.Context, authenticator string) (list []driverCredential, err error) {
	err = w.call(ctx, http.MethodGet, w.in("webauthn", "authenticator", authenticator, "credentials"), nil, &list)
	return list, err
}

func (w *webdriver) removeCredential(ctx context.Context, authenticator, credential string) error {
	return w.call(ctx, http.MethodDelete, w.in("webauthn", "authenticator", authenticator, "credentials", credential), nil, nil)
}

func (w *webdriver) screenshot(ctx context.Context) (data []byte, err error) {
	if err := w.call(ctx, http.MethodPost, w.in("execute", "sync"), map[string]any{"script": showScript, "args": []any{}}, nil); err != nil {
		return nil, err
	}
	err = w.call(ctx, http.MethodGet, w.in("screenshot"), nil, &data)
	return data, err
}

// close ends the session, for which a driver that hangs gets a moment.
func (w *webdriver) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = w.call(ctx, http.MethodDelete, w.in(), nil, nil) // a Grid ends what is idle by itself
	w.http.CloseIdleConnections()
}
