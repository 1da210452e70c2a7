package main

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
)

// The suite drives the ceremonies; these tests hold what the server does around
// the library.

func browser(t *testing.T) func(path, body string) (int, map[string]any) {
	t.Helper()
	p, err := newPeer("rp.example", "https://rp.example")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p.handler())
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	return func(path, body string) (int, map[string]any) {
		r, err := client.Post(server.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		var answer map[string]any
		if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return r.StatusCode, answer
	}
}

func TestOptionsAreFlat(t *testing.T) {
	post := browser(t)
	code, answer := post("/attestation/options", `{"username":"alice","displayName":"Alice","attestation":"direct","authenticatorSelection":{"residentKey":"required"},"extensions":{"credProps":true}}`)
	if code != 200 || answer["status"] != "ok" || answer["challenge"] == nil || answer["attestation"] != "direct" {
		t.Fatalf("%d %v", code, answer)
	}
	selection, _ := answer["authenticatorSelection"].(map[string]any)
	if selection["requireResidentKey"] != true {
		t.Errorf("residentKey required, and requireResidentKey is %v", selection["requireResidentKey"])
	}
	if e, _ := answer["extensions"].(map[string]any); e["credProps"] != true {
		t.Errorf("extensions %v", answer["extensions"])
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ path, body, want string }{
		{"/attestation/options", `{`, "not a JSON object"},
		{"/attestation/options", `null`, "not a JSON object"},
		{"/attestation/options", `{}`, "username"},
		{"/attestation/result", `{}`, "no registration is under way"},
		{"/assertion/options", `{"username":"nobody"}`, "unknown user"},
		{"/assertion/result", `{}`, "no authentication is under way"},
		{"/nowhere", `{}`, "nothing at /nowhere"},
	} {
		code, answer := browser(t)(c.path, c.body)
		message, _ := answer["errorMessage"].(string)
		if code < 400 || answer["status"] != "failed" || !strings.Contains(message, c.want) {
			t.Errorf("%s %s: %d %v", c.path, c.body, code, answer)
		}
	}
}

// TestOneTry: a failed result ends the ceremony.
func TestOneTry(t *testing.T) {
	post := browser(t)
	if code, answer := post("/attestation/options", `{"username":"alice","displayName":"Alice"}`); code != 200 {
		t.Fatal(answer)
	}
	if code, _ := post("/attestation/result", `{"id":"AA"}`); code != 400 {
		t.Fatalf("nonsense was answered with %d", code)
	}
	if _, answer := post("/attestation/result", `{"id":"AA"}`); answer["errorMessage"] != "no registration is under way in this session" {
		t.Errorf("second try: %v", answer)
	}
}
