package rp_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/rp"
)

// discard is a client that went away.
type discard struct{}

func (discard) Header() http.Header       { return http.Header{} }
func (discard) Write([]byte) (int, error) { return 0, errors.New("gone") }
func (discard) WriteHeader(int)           {}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("the connection broke") }

func badRequest(path string) *http.Request {
	return httptest.NewRequest("POST", path, brokenBody{})
}

func TestConfigRefused(t *testing.T) {
	good := rp.Config{RPID: testRPID, Origins: []string{testOrigin}}
	for says, change := range map[string]func(*rp.Config){
		"RPID is empty":         func(c *rp.Config) { c.RPID = "" },
		"Origins is empty":      func(c *rp.Config) { c.Origins = nil },
		"Fortanix.Form":         func(c *rp.Config) { c.Fortanix.Form = "x" },
		"Fortanix.Attestation":  func(c *rp.Config) { c.Fortanix.Attestation = "x" },
		"Dfns.Form":             func(c *rp.Config) { c.Dfns.Form = rp.FormPublished },
		"Dfns.UserVerification": func(c *rp.Config) { c.Dfns.UserVerification = "x" },
		"Dfns.Attestation":      func(c *rp.Config) { c.Dfns.Attestation = "x" },
		"Nevis.FailureStatus":   func(c *rp.Config) { c.Nevis.FailureStatus = 500 },
		"dialect nevis":         func(c *rp.Config) { c.Nevis.Algorithms = []int64{12345} },
		"7.9.9":                 func(c *rp.Config) { c.LeaveOut = []string{"7.9.9"} },
		"random":                func(c *rp.Config) { c.Random = strings.NewReader("") },
	} {
		c := good
		change(&c)
		_, err := rp.New(c)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one that names %s", err, says)
		}
	}
	if _, err := rp.New(good); err != nil {
		t.Error(err)
	}
}

func TestPageAndUnknownPaths(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.RPName = "<script>" })
	v := w.visitor()
	page := v.get("/").want(200).saying("rp.example").saying("/attestation/options").saying("/sys/v1/session/config_2fa/new_challenge").
		saying("/auth/credentials/init").saying("/nevisfido/fido2/status").saying("/session")
	if ct := page.header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
		t.Errorf("Content-Type %q", ct)
	}
	if w.last().Message != "" {
		t.Errorf("refusal %v for the page", w.last())
	}
	for _, path := range []string{"/nothing", "/attestation", "/attestation/options/", "//attestation/options", "/auth", "/sys/v1/users/", "/auth/credentials/", "/sys/v1/users/a/b", "/.well-known/webauthn"} {
		a := v.get(path).want(404)
		if ct := a.header.Get("Content-Type"); ct != "text/plain; charset=utf-8" {
			t.Errorf("%s: Content-Type %q", path, ct)
		}
	}
	v.send("DELETE", "/", nil).want(405)
	v.post("/session", nil).want(405)
	if a := v.send("HEAD", "/session", nil).want(200); a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", a.header.Get("Cache-Control"))
	}
	v.get("/session", "Authorization", "Bearer nobody").want(200).equal("authenticated", "false")
}

func TestBodyLimit(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.MaxBody = 64 })
	v := w.visitor()
	big := `{"username":"` + strings.Repeat("x", 64) + `"}`
	v.post("/assertion/options", big).want(413).equal("status", `"failed"`)
	v.post("/sys/v1/users", big).want(413).saying("larger than 64 bytes")
	v.post("/auth/login/init", big).want(413).saying(`{"error":{"message":"`)
	v.post("/nevisfido/fido2/assertion/options", big, "Accept", "application/json", "Content-Type", "application/json").want(413).equal("status", `"failed"`)
	v.post("/assertion/options", `{"username":"x"}`).want(200)

	for _, path := range []string{"/assertion/options", "/sys/v1/users", "/auth/login/init"} {
		rec := httptest.NewRecorder()
		w.server.ServeHTTP(rec, badRequest(path))
		if rec.Code != 400 {
			t.Errorf("%s: status %d for a body that broke off", path, rec.Code)
		}
	}
}

// A random source that ends is the server's fault, and said so without detail.
func TestRandomSourceEnds(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.Random = io.LimitReader(zeros{}, 4096) })
	v := w.visitor()
	for range 1000 {
		a := v.post("/attestation/options", m{"username": "x", "displayName": "X"})
		if a.status == 500 {
			if strings.Contains(string(a.body), "random") || !strings.Contains(w.last().Message, "random") {
				t.Errorf("body %s, reason %q", a.body, w.last().Message)
			}
			return
		}
		v.cookies = map[string]*http.Cookie{}
	}
	t.Error("the source did not end")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 7
	}
	return len(p), nil
}

func TestDialectSteps(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range rp.DialectSteps() {
		if seen[s.Name] || s.Title == "" || !strings.HasPrefix(s.Anchor, "https://") || !s.Check {
			t.Errorf("step %+v", s)
		}
		seen[s.Name] = true
		if _, err := rp.New(rp.Config{RPID: testRPID, Origins: []string{testOrigin}, LeaveOut: []string{s.Name}}); err != nil {
			t.Error(err)
		}
	}
}
