package browser

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// gridSession is a session of a Selenium Grid, or of a chromedriver, that is had
// for its browser's DevTools connection alone.
type gridSession struct {
	driver *webdriver
	// cdp is the address of the browser's DevTools.
	cdp string
}

// openGrid asks for a session and finds its browser's DevTools address, which
// is made of the address that was dialled: what a Grid itself believes to be
// its host is often localhost, or a name that only its own network knows.
func openGrid(ctx context.Context, address string) (*gridSession, error) {
	base, capabilities, proxyHost, err := parseWebDriverURL(address)
	if err != nil {
		return nil, err
	}
	if proxyHost != "" {
		return nil, &AddressError{"grid address: proxyHost is of no use, as the pages come over the DevTools connection"}
	}
	if capabilities["browserName"] == nil {
		capabilities["browserName"] = "chrome"
	}
	if capabilities["goog:chromeOptions"] == nil {
		// What keeps a browser to itself; see chromeFlags.
		args := []string{"--headless=new", "--disable-gpu", "--disable-quic", "--disable-component-update", "--disable-background-networking",
			"--disable-domain-reliability", "--no-first-run", "--no-pings", "--disable-site-isolation-trials", "--host-resolver-rules=MAP * ~NOTFOUND"}
		if os.Geteuid() == 0 && isLoopback(base) {
			args = append(args, "--no-sandbox")
		}
		capabilities["goog:chromeOptions"] = map[string]any{"args": args}
	}
	w := &webdriver{base: base, http: &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}}
	var session struct {
		ID           string `json:"sessionId"`
		Capabilities struct {
			CDP     string `json:"se:cdp"`
			Enabled *bool  `json:"se:cdpEnabled"`
			Options struct {
				Debugger string `json:"debuggerAddress"`
			} `json:"goog:chromeOptions"`
		} `json:"capabilities"`
	}
	err = w.call(ctx, http.MethodPost, "session", map[string]any{"capabilities": map[string]any{"alwaysMatch": capabilities}}, &session)
	if err != nil {
		return nil, err
	}
	if session.ID == "" {
		return nil, errors.New("the answer to a new session names none: is it a Selenium Grid's address?")
	}
	w.session = session.ID
	g := &gridSession{driver: w}
	c := session.Capabilities
	switch {
	case c.CDP != "":
		g.cdp, err = dialled(base, c.CDP)
	case c.Enabled != nil && !*c.Enabled:
		err = errors.New("the Grid has no DevTools connection (se:cdpEnabled is false): start its node with --enable-cdp true")
	case c.Options.Debugger != "" && isLoopback(base):
		// A chromedriver: its browser listens beside it.
		g.cdp = "http://" + c.Options.Debugger
	default:
		err = errors.New("the session tells no DevTools address (se:cdp): is the browser a Chrome, behind a Selenium Grid 4?")
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// dialled is a WebSocket address with the scheme, host and user that were dialled.
func dialled(base *url.URL, cdp string) (string, error) {
	u, err := url.Parse(cdp)
	if err != nil {
		return "", errors.New("the session's se:cdp is no URL")
	}
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[base.Scheme]
	u.Host, u.User = base.Host, base.User
	return u.String(), nil
}

func isLoopback(u *url.URL) bool {
	if u.Hostname() == "localhost" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

// close gives the session back, for which a Grid that hangs gets a moment.
func (g *gridSession) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = g.driver.call(ctx, http.MethodDelete, g.driver.in(), nil, nil) // a Grid ends what is idle by itself
	g.driver.http.CloseIdleConnections()
}

// gridError says at which Grid something went wrong, without its password.
func gridError(address string, err error) error {
	return fmt.Errorf("(grid %s): %w", redact(address), oneLine(err))
}
