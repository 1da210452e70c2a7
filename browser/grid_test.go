package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
)

// fakeGrid answers as a Selenium Grid 4 does: a new session tells se:cdp, with
// a host that nobody can reach, and its path relays to a browser's DevTools.
type fakeGrid struct {
	*httptest.Server
	browser  string // the DevTools address that sessions relay to
	disabled bool   // the node has no CDP
	asked    atomic.Value
	opened   atomic.Int32
	ended    atomic.Int32
	users    atomic.Value
}

func newFakeGrid(t *testing.T, browser string) *fakeGrid {
	g := &fakeGrid{browser: browser}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, value any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"value": value})
	}
	mux.HandleFunc("POST /wd/hub/session", func(w http.ResponseWriter, r *http.Request) {
		var in any
		_ = json.NewDecoder(r.Body).Decode(&in)
		text, _ := json.Marshal(in)
		g.asked.Store(string(text))
		if user, password, _ := r.BasicAuth(); user != "ada" || password != "secret" {
			answer(w, http.StatusUnauthorized, map[string]any{"error": "unknown error", "message": "who are you?"})
			return
		}
		id := fmt.Sprintf("session-%d", g.opened.Add(1))
		capabilities := map[string]any{"browserName": "chrome", "se:cdpEnabled": !g.disabled}
		if !g.disabled {
			capabilities["se:cdp"] = "ws://172.17.0.2:5555/wd/hub/session/" + id + "/se/cdp"
		}
		answer(w, http.StatusOK, map[string]any{"sessionId": id, "capabilities": capabilities})
	})
	mux.HandleFunc("DELETE /wd/hub/session/{id}", func(w http.ResponseWriter, r *http.Request) {
		g.ended.Add(1)
		answer(w, http.StatusOK, nil)
	})
	mux.HandleFunc("GET /wd/hub/session/{id}/se/cdp", func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		g.users.Store(user)
		u, err := url.Parse(g.browser)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		to, err := net.Dial("tcp", u.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer to.Close()
		out := r.Clone(r.Context())
		out.URL, out.RequestURI, out.Host = &url.URL{Path: u.Path}, "", u.Host
		out.Header.Del("Authorization")
		if err := out.Write(to); err != nil {
			return
		}
		from, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer from.Close()
		done := make(chan struct{}, 2)
		go func() { _, _ = io.Copy(to, buffered); done <- struct{}{} }()
		go func() { _, _ = io.Copy(from, to); done <- struct{}{} }()
		<-done
	})
	g.Server = httptest.NewServer(mux)
	t.Cleanup(func() { g.CloseClientConnections(); g.Close() })
	return g
}

func (g *fakeGrid) address(query string) string {
	return strings.Replace(g.URL, "http://", "http://ada:secret@", 1) + "/wd/hub" + query
}

// testGrid runs a ceremony through a Grid whose sessions are of the browser.
func testGrid(t *testing.T, browser string) {
	g := newFakeGrid(t, browser)
	c := ownChrome(t, ChromeConfig{GridURL: g.address("?browserVersion=156")})
	p := openPage(t, c, rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	o := creation()
	verifyRegistration(t, p.create(o).Response, o, rpOrigin, "rp.example")
	asked, _ := g.asked.Load().(string)
	for _, want := range []string{`"browserName":"chrome"`, `"browserVersion":"156"`, "MAP * ~NOTFOUND"} {
		if !strings.Contains(asked, want) {
			t.Errorf("the session was asked for without %s: %s", want, asked)
		}
	}
	if user, _ := g.users.Load().(string); user != "ada" {
		t.Errorf("the DevTools connection came from %q", user)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(5 * time.Second); g.ended.Load() == 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if g.opened.Load() != 1 || g.ended.Load() != 1 {
		t.Errorf("%d sessions were opened and %d given back", g.opened.Load(), g.ended.Load())
	}
}

func TestGridRefusals(t *testing.T) {
	g := newFakeGrid(t, "ws://127.0.0.1:1/devtools/browser/x")
	open := func(cfg ChromeConfig) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		c, err := NewChrome(ctx, cfg)
		if err == nil {
			c.Close()
		}
		return err
	}
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	for _, tc := range []struct {
		address, want string
		disabled      bool
	}{
		{g.URL + "/wd/hub", "who are you?", false},
		{g.address(""), "se:cdpEnabled is false", true},
		{g.address(""), "start chrome (ws://", false}, // there is nobody behind the relay
		{nothing.URL, "no answer of a WebDriver", false},
		{"ftp://grid", "want http://host:port", false},
		{g.address("?proxyHost=x"), "proxyHost is of no use", false},
	} {
		g.disabled = tc.disabled
		err := open(ChromeConfig{GridURL: tc.address})
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want %q", tc.address, err, tc.want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	if g.opened.Load() != g.ended.Load() {
		t.Errorf("%d sessions were opened and %d given back", g.opened.Load(), g.ended.Load())
	}
}

// TestChromedriverForDevTools: a chromedriver serves as a Grid does, with the
// address of the browser beside it.
func TestChromedriverForDevTools(t *testing.T) {
	address, _ := startChromedriver(t)
	c := ownChrome(t, ChromeConfig{GridURL: address})
	p := openPage(t, c, rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	o := creation()
	verifyRegistration(t, p.create(o).Response, o, rpOrigin, "rp.example")
}
