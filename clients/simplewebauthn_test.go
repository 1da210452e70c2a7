package clients

import (
	"net/http"
	"slices"
	"testing"

	"github.com/touchstone-webauthn/touchstone/rp"
)

type answer struct {
	// Status is the body's where it has one: it stands over the HTTP status.
	Status         any
	ErrorMessage   string
	FIDO2SessionID string `json:"fido2SessionId"`
}

func TestSimpleWebAuthn(t *testing.T) {
	script := bundle(t, "simplewebauthn", "pages/simplewebauthn.js")
	for _, dialect := range []string{"fido", "nevis"} {
		t.Run(dialect, func(t *testing.T) {
			s := start(t, nil)
			var out struct {
				Members, Transports                          []string
				Registered, LoggedIn, Replayed, Usernameless answer
				State                                        struct{ Status, UserID string }
				Again                                        string
			}
			runPage(t, s.serve(script), map[string]any{"dialect": dialect, "username": "ann"}, &out)
			if want := []string{"authenticatorAttachment", "clientExtensionResults", "id", "rawId", "response", "type"}; !slices.Equal(out.Members, want) {
				t.Errorf("the library sends %v, want %v", out.Members, want)
			}
			if !slices.Equal(out.Transports, []string{"internal"}) {
				t.Errorf("transports %v", out.Transports)
			}
			if out.Registered.Status != "ok" || out.LoggedIn.Status != "ok" || out.Replayed.Status != "failed" {
				t.Errorf("registered %+v, logged in %+v, replayed %+v", out.Registered, out.LoggedIn, out.Replayed)
			}
			if out.Again != "InvalidStateError" {
				t.Errorf("the excluded authenticator answered %s, want InvalidStateError", out.Again)
			}
			if dialect == "fido" {
				if got := s.last(t, "/assertion/result"); got.status != http.StatusBadRequest && got.status != http.StatusUnauthorized {
					t.Errorf("the replay was answered with %d", got.status)
				}
				return
			}
			if out.State.Status != "succeeded" || out.State.UserID != "ann" || out.Usernameless.Status != "ok" || out.Registered.FIDO2SessionID == "" {
				t.Errorf("state %+v, usernameless %+v, session %q", out.State, out.Usernameless, out.Registered.FIDO2SessionID)
			}
		})
	}
}

// A front end that goes by the body's status sees a failure under either HTTP status.
func TestSimpleWebAuthnNevis4xx(t *testing.T) {
	script := bundle(t, "simplewebauthn", "pages/simplewebauthn.js")
	s := start(t, func(c *rp.Config) { c.Nevis.FailureStatus = http.StatusBadRequest })
	var out struct{ LoggedIn, Replayed answer }
	runPage(t, s.serve(script), map[string]any{"dialect": "nevis", "username": "ann"}, &out)
	if out.LoggedIn.Status != "ok" || out.Replayed.Status != "failed" {
		t.Errorf("logged in %+v, replayed %+v", out.LoggedIn, out.Replayed)
	}
}
