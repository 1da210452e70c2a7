package clients

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/rp"
)

// generations are the folders with the vendor's clients of each generation.
var generations = []struct {
	dir string
	// old generations name an application and send a nonce with every request.
	old bool
}{{"dfns", false}, {"dfns-0.6", true}}

func TestDfnsInBrowser(t *testing.T) {
	for _, g := range generations {
		t.Run(g.dir, func(t *testing.T) {
			script := bundle(t, g.dir, "pages/dfns.js")
			s := start(t, nil)
			var out struct {
				Registered      string
				Credential      struct{ Kind, Origin string }
				ChallengeIsText bool
				Again           string
				Logins, Kinds   []string
				Code            string
				Refused         struct {
					Status        int
					Name, Message string
				}
			}
			runPage(t, s.serve(script), map[string]any{"baseUrl": s.url, "username": "ann@example.com", "appId": "ap-touch-stone-0000000000000000"}, &out)
			if out.Registered != "ann@example.com" || out.Credential.Kind != "Fido2" || out.Credential.Origin != s.url {
				t.Errorf("registered %+v", out)
			}
			if !out.ChallengeIsText {
				t.Error("the browser client decoded the challenge: dialect dfns says that it does not")
			}
			if out.Again != "InvalidStateError" {
				t.Errorf("the excluded authenticator answered %s, want InvalidStateError", out.Again)
			}
			if !slices.Equal(out.Logins, []string{"string", "string"}) || out.Code != "string" || !slices.Equal(out.Kinds, []string{"Key", "Fido2"}) {
				t.Errorf("logins %v, code %s, kinds %v", out.Logins, out.Code, out.Kinds)
			}
			if out.Refused.Status != 401 || out.Refused.Message == "" {
				t.Errorf("refused %+v, want the vendor's own error with 401 and the server's words", out.Refused)
			}
			s.mustInOrder(t, "POST /auth/registration/init", "POST /auth/registration", "POST /auth/login/init", "POST /auth/login",
				"POST /auth/credentials/init", "POST /auth/action/init", "POST /auth/action", "POST /auth/credentials",
				"POST /auth/login/init", "POST /auth/login", "POST /auth/action/init", "POST /auth/action", "POST /auth/credentials/code", "PUT /auth/credentials/deactivate")
			created := s.last(t, "/auth/credentials/deactivate")
			if created.status != 200 || created.header.Get("X-Dfns-Useraction") == "" {
				t.Errorf("deactivated with %d and the user action %q", created.status, created.header.Get("X-Dfns-Useraction"))
			}
			if named := created.header.Get("X-Dfns-Nonce") != ""; named != g.old {
				t.Errorf("X-DFNS-NONCE sent: %v, want %v", named, g.old)
			}
		})
	}
}

func TestDfnsKeySigner(t *testing.T) {
	for _, g := range generations {
		t.Run(g.dir, func(t *testing.T) {
			path := node(t, g.dir)
			s := start(t, nil)
			cmd := exec.Command(path, "pages/dfns-key.mjs", g.dir, s.url, "bob@example.com")
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s", err, stderr.String())
			}
			var out struct {
				Token, Code string
				Kinds       []string
			}
			if err := json.Unmarshal(stdout.Bytes(), &out); err != nil || out.Token != "string" || out.Code != "string" || !slices.Equal(out.Kinds, []string{"Key"}) {
				t.Errorf("%s: %v", stdout.String(), err)
			}
			s.mustInOrder(t, "POST /auth/login/init", "POST /auth/login", "POST /auth/action/init", "POST /auth/action", "POST /auth/credentials/code", "GET /auth/credentials")
		})
	}
}

// The form of the older page reaches no browser: the vendor's own client shows it.
func TestDfnsOldPageFailsItsOwnClient(t *testing.T) {
	script := bundle(t, "dfns", "pages/dfns-old-page.js")
	s := start(t, func(c *rp.Config) { c.Dfns.Form = rp.FormOldPage })
	var out struct{ Error string }
	runPage(t, s.serve(script), map[string]any{"baseUrl": s.url, "username": "cat@example.com"}, &out)
	if !strings.Contains(out.Error, "pubKeyCredParams") {
		t.Errorf("create() with pubKeyCredParam answered %q, want a TypeError that names pubKeyCredParams", out.Error)
	}
}
