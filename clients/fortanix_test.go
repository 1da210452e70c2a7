package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/fortanix/sdkms-client-go/sdkms"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

const password = "a good password"

// tee keeps the newest answer's bytes: the client's own types lose most of what
// FIDO2 options say.
type tee struct{ raw []byte }

func (t *tee) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if t.raw, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(t.raw))
	return resp, nil
}

// dsm is the vendor's client for a fresh user, logged in.
func dsm(t *testing.T, s *relyingParty, email string) (*sdkms.Client, *tee, string) {
	t.Helper()
	wire := &tee{}
	c := &sdkms.Client{Endpoint: s.url, HTTPClient: &http.Client{Transport: wire}}
	u, err := c.SignupUser(context.Background(), sdkms.SignupRequest{UserEmail: email, UserPassword: password})
	if err != nil {
		t.Fatal(err)
	}
	logIn(t, c, email)
	return c, wire, u.UserID
}

func logIn(t *testing.T, c *sdkms.Client, email string) {
	t.Helper()
	if _, err := c.AuthenticateWithUserPass(context.Background(), email, password); err != nil {
		t.Fatal(err)
	}
}

// refusedWith fails unless err is the vendor's own error with a status and words.
func refusedWith(t *testing.T, err error, status int) {
	t.Helper()
	var be *sdkms.BackendError
	if !errors.As(err, &be) || be.StatusCode != status || be.Message == "" {
		t.Errorf("%v, want the vendor's BackendError with %d and the server's words", err, status)
	}
}

func TestFortanixClient(t *testing.T) {
	ctx := t.Context()
	s := start(t, func(c *rp.Config) { c.AppIDs = []string{c.Origins[0]} })
	c, wire, id := dsm(t, s, "ann@example.com")

	// Without unlocking nothing can be changed.
	_, err := c.MfaNewChallenge(ctx, &sdkms.MfaChallengeParams{Protocol: sdkms.MfaProtocolFido2})
	refusedWith(t, err, http.StatusLocked)
	_, err = c.Config2faAuth(ctx, sdkms.Config2faAuthRequest{Password: "not it"})
	refusedWith(t, err, http.StatusUnauthorized)
	if _, err := c.Config2faAuth(ctx, sdkms.Config2faAuthRequest{Password: password}); err != nil {
		t.Fatal(err)
	}

	// U2F, the whole way through the client's own types. Without parameters it is the default.
	challenge, err := c.MfaNewChallenge(ctx, nil)
	if err != nil || challenge.LegacyU2f == nil || challenge.LegacyU2f.U2fChallenge == "" {
		t.Fatalf("%+v, %v", challenge, err)
	}
	key, err := virtualauth.New(virtualauth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	message, clientData, err := key.RegisterU2F(s.url, s.url, challenge.LegacyU2f.U2fChallenge)
	if err != nil {
		t.Fatal(err)
	}
	u, err := c.UpdateUser(ctx, id, sdkms.UserRequest{AddU2fDevices: &[]sdkms.U2fAddDeviceRequest{{Name: "old key", RegistrationData: message, ClientData: clientData, Version: "U2F_V2"}}})
	if err != nil || len(u.U2fDevices) != 1 || u.MfaDevices[0].Name != "old key" || u.MfaDevices[0].Type != "U2f" {
		t.Fatalf("%+v, %v", u, err)
	}
	if got := s.last(t, "/sys/v1/users/"+id); got.header.Get("Content-Type") != "" || got.header.Get("Accept") != "" {
		t.Errorf("the client sent Content-Type %q and Accept %q; the dialect says that it sends neither", got.header.Get("Content-Type"), got.header.Get("Accept"))
	}
	if _, err := c.UpdateUser(ctx, id, sdkms.UserRequest{RenameMfaDevices: &[]sdkms.MfaRenameDeviceRequest{{OldName: "old key", NewName: "key"}}}); err != nil {
		t.Fatal(err)
	}

	// Recovery codes, and a login with one.
	codes, err := c.GenerateRecoveryCodes(ctx)
	if err != nil || len(codes.RecoveryCodes) == 0 {
		t.Fatalf("%+v, %v", codes, err)
	}
	if err := c.Config2faTerminate(ctx); err != nil {
		t.Fatal(err)
	}
	logIn(t, c, "ann@example.com")
	_, err = c.GetUser(ctx, id)
	refusedWith(t, err, http.StatusUnauthorized) // the second factor is owed
	refusedWith(t, c.U2fAuth(ctx, sdkms.U2fAuthRequest{}), http.StatusBadRequest)
	if err := c.RecoveryCodeAuth(ctx, sdkms.RecoveryCodeAuthRequest{RecoveryCode: sdkms.ZeroizedString(codes.RecoveryCodes[0])}); err != nil {
		t.Fatal(err)
	}
	if u, err = c.GetUser(ctx, id); err != nil || u.MfaDevices[0].Name != "key" {
		t.Fatalf("%+v, %v", u, err)
	}

	// An approval's request options: the client's union reads them as U2F's.
	op, method := "/crypto/v1/keys", "POST"
	a, err := c.CreateApprovalRequest(ctx, sdkms.ApprovalRequestRequest{Operation: &op, Method: &method, Body: map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.MfaChallenge(ctx, a.RequestID, &sdkms.MfaChallengeParams{Protocol: sdkms.MfaProtocolFido2})
	if err != nil || got.LegacyU2f == nil || got.LegacyU2f.U2fChallenge != "" || got.Fido2 != nil {
		t.Errorf("the union is read as %+v, %v: the client's defect is gone, say so in docs/dialects.md", got, err)
	}
	var options struct{ Challenge, RPID string }
	if err := json.Unmarshal(wire.raw, &options); err != nil || options.Challenge == "" || options.RPID != "localhost" {
		t.Errorf("the wire has %s", wire.raw)
	}

	// Deleting the last device, and what is not ours.
	if _, err := c.Config2faAuth(ctx, sdkms.Config2faAuthRequest{Password: password}); err != nil {
		t.Fatal(err)
	}
	if u, err = c.UpdateUser(ctx, id, sdkms.UserRequest{DelMfaDevices: &[]sdkms.MfaDelDeviceRequest{{Name: "key"}}}); err != nil || len(u.MfaDevices) != 0 {
		t.Fatalf("%+v, %v", u, err)
	}
	_, err = c.GetUser(ctx, "00000000-0000-4000-8000-000000000000")
	refusedWith(t, err, http.StatusForbidden)
}

// What the client cannot carry goes beside it: it asks for the options, the tee
// keeps them, and the result is sent under the client's own authorization.
func TestFortanixFido2BesideTheClient(t *testing.T) {
	ctx := t.Context()
	s := start(t, nil)
	c, wire, id := dsm(t, s, "bob@example.com")
	if _, err := c.Config2faAuth(ctx, sdkms.Config2faAuthRequest{Password: password}); err != nil {
		t.Fatal(err)
	}
	got, err := c.MfaNewChallenge(ctx, &sdkms.MfaChallengeParams{Protocol: sdkms.MfaProtocolFido2})
	if err != nil || got.LegacyU2f == nil || got.LegacyU2f.U2fChallenge != "" {
		t.Fatalf("the union is read as %+v, %v: the client's defect is gone, say so in docs/dialects.md", got, err)
	}
	if q := s.last(t, "/sys/v1/session/config_2fa/new_challenge"); q.query != "protocol=fido2" || q.body != "" {
		t.Errorf("the client asked %q with the body %q", q.query, q.body)
	}
	page, err := client.NewVirtual().Open(ctx, client.SessionConfig{Origin: s.url, Seed: []byte("fortanix")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := page.Plug(ctx, client.AuthenticatorConfig{Transport: "usb", ResidentKeys: true, UserVerification: true}); err != nil {
		t.Fatal(err)
	}
	reg, err := page.Create(ctx, wire.raw)
	if err != nil {
		t.Fatal(err)
	}
	b := reg.Response
	result := map[string]any{"add_mfa_devices": []any{map[string]any{"name": "passkey", "attestationResult": map[string]any{
		"id": b.ID, "type": "public-key", "response": map[string]any{"clientDataJSON": b64(b.ClientDataJSON), "attestationObject": b64(b.AttestationObject)}}}}}
	beside(t, c, s, s.authorization(t), http.MethodPatch, "/sys/v1/users/"+id, result, http.StatusOK)
	if u, err := c.GetUser(ctx, id); err != nil || len(u.MfaDevices) != 1 || u.MfaDevices[0].Type != "Fido2" {
		t.Fatalf("%+v, %v", u, err)
	}

	// The login's options the client reads, but for all that is binary.
	logIn(t, c, "bob@example.com")
	var r sdkms.AuthResponse
	if err := json.Unmarshal(wire.raw, &r); err != nil {
		t.Fatal(err)
	}
	if r.Fido2AssertionOptions == nil || len(r.Fido2AssertionOptions.Challenge) != 0 {
		t.Errorf("the options are read as %+v: the client's defect is gone, say so in docs/dialects.md", r.Fido2AssertionOptions)
	}
	var session struct {
		Options json.RawMessage `json:"fido2_assertion_options"`
	}
	if err := json.Unmarshal(wire.raw, &session); err != nil {
		t.Fatal(err)
	}
	as, err := page.Get(ctx, session.Options)
	if err != nil {
		t.Fatal(err)
	}
	ar := as.Response
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the client marshals bytes now: its defect is gone, say so in docs/dialects.md")
			}
		}()
		kind := sdkms.PublicKeyCredentialType("public-key")
		_ = c.CompleteFido2Auth(ctx, sdkms.PublicKeyCredentialAuthenticatorAssertionResponse{Id: ar.ID, Type: &kind,
			Response: &sdkms.AuthenticatorAssertionResponse{ClientDataJson: ar.ClientDataJSON, AuthenticatorData: ar.AuthenticatorData, Signature: ar.Signature}})
	}()
	beside(t, c, s, "Bearer "+string(*r.AccessToken), http.MethodPost, "/sys/v1/session/auth/2fa/fido2", map[string]any{"id": ar.ID, "type": "public-key", "response": map[string]any{
		"clientDataJSON": b64(ar.ClientDataJSON), "authenticatorData": b64(ar.AuthenticatorData), "signature": b64(ar.Signature)}}, http.StatusNoContent)
	if _, err := c.GetUser(ctx, id); err != nil {
		t.Errorf("after the second factor: %v", err)
	}
}

// The client's types are written from the published document: of that form they
// take the nested entities and fail at alg, of the real one it is the reverse.
func TestFortanixFormsInTheClientsTypes(t *testing.T) {
	for _, form := range []string{rp.FormWire, rp.FormPublished} {
		t.Run(form, func(t *testing.T) {
			s := start(t, func(c *rp.Config) { c.Fortanix.Form = form })
			c, wire, _ := dsm(t, s, "cat@example.com")
			if _, err := c.Config2faAuth(t.Context(), sdkms.Config2faAuthRequest{Password: password}); err != nil {
				t.Fatal(err)
			}
			if _, err := c.MfaNewChallenge(t.Context(), &sdkms.MfaChallengeParams{Protocol: sdkms.MfaProtocolFido2}); err != nil {
				t.Fatal(err)
			}
			var o sdkms.PublicKeyCredentialCreationOptions
			err := json.Unmarshal(wire.raw, &o)
			if form == rp.FormPublished {
				if err == nil {
					t.Error("the client reads alg by its name now: say so in docs/dialects.md")
				}
				return
			}
			if err != nil || o.PubKeyCredParams[0].Alg != -7 {
				t.Errorf("%+v, %v: the client does not read the integer alg", o, err)
			}
		})
	}
}

// beside sends what the client cannot, as the client's own request would be.
func beside(t *testing.T, c *sdkms.Client, s *relyingParty, authorization, method, path string, body any, want int) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	resp, err := c.HTTPClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != want {
		answer, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s %s: %d %s, want %d", method, path, resp.StatusCode, answer, want)
	}
}
