package virtualauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

var everyExtension = virtualauth.Config{
	ResidentKeys: true, UserVerification: true,
	Extensions: virtualauth.ExtensionSupport{CredProtect: true, HMACSecret: true, LargeBlob: true, CredBlob: true, MinPINLength: 6, UVM: true},
}

// extensionData is the extension part of authenticator data.
func extensionData(t *testing.T, authData []byte, credentialID int, key bool) map[string]any {
	t.Helper()
	if authData[32]&virtualauth.FlagED == 0 {
		return nil
	}
	rest := authData[37:]
	if key {
		rest = rest[18+credentialID+77:]
	}
	var m map[string]any
	if err := cborUnmarshal(rest, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func inputs(text string) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	return m
}

// TestExtensionsAtCreate: outputs of an authenticator with every extension,
// and of one with none.
func TestExtensionsAtCreate(t *testing.T) {
	for _, tc := range []struct {
		input, result, plainResult string
		data                       string
	}{
		{`{}`, `{}`, `{}`, `{"credProtect":3}`}, // asked for by the client itself
		{`{"credentialProtectionPolicy":"userVerificationOptional"}`, `{}`, `{}`, `{"credProtect":1}`},
		{`{"hmacCreateSecret":true}`, `{"hmacCreateSecret":true}`, `{"hmacCreateSecret":false}`, `{"credProtect":3,"hmac-secret":true}`},
		{`{"prf":{}}`, `{"prf":{"enabled":true}}`, `{"prf":{"enabled":false}}`, `{"credProtect":3,"hmac-secret":true}`},
		{`{"largeBlob":{"support":"preferred"}}`, `{"largeBlob":{"supported":true}}`, `{"largeBlob":{"supported":false}}`, `{"credProtect":3}`},
		{`{"credBlob":"c2VjcmV0"}`, `{"credBlob":true}`, `{"credBlob":false}`, `{"credBlob":true,"credProtect":3}`},
		{`{"credBlob":"` + strings.Repeat("AAAA", 11) + `"}`, `{"credBlob":false}`, `{"credBlob":false}`, `{"credBlob":false,"credProtect":3}`},
		{`{"minPinLength":true}`, `{}`, `{}`, `{"credProtect":3,"minPinLength":6}`},
		{`{"uvm":true}`, `{"uvm":[[2,8,4]]}`, `{}`, `{"credProtect":3,"uvm":[[2,8,4]]}`},
		{`{"credProps":true,"unknown":7}`, `{"credProps":{"rk":true}}`, `{"credProps":{"rk":true}}`, `{"credProtect":3}`},
	} {
		o := creationOptions("none", virtualauth.AuthenticatorSelection{ResidentKey: "required"})
		o.Extensions = inputs(tc.input)
		r := create(t, page, newAuthenticator(t, everyExtension), o)
		if got := string(marshal(t, r.Response.ClientExtensionResults)); got != tc.result {
			t.Errorf("%s: results %s, not %s", tc.input, got, tc.result)
		}
		if got := string(marshal(t, extensionData(t, r.Response.AuthenticatorData, len(r.Credential.ID), true))); got != tc.data {
			t.Errorf("%s: authenticator data holds %s, not %s", tc.input, got, tc.data)
		}
		r = create(t, page, newAuthenticator(t, virtualauth.Config{ResidentKeys: true}), o)
		if got := string(marshal(t, r.Response.ClientExtensionResults)); got != tc.plainResult || r.Response.AuthenticatorData[32]&virtualauth.FlagED != 0 {
			t.Errorf("%s: without support, results %s, not %s", tc.input, got, tc.plainResult)
		}
		disobedient, err := page.Create(context.Background(), newAuthenticator(t, everyExtension), o, virtualauth.Faults{IgnoreExtensions: true})
		if err != nil || len(disobedient.Response.ClientExtensionResults) != 0 || disobedient.Response.AuthenticatorData[32]&virtualauth.FlagED != 0 {
			t.Errorf("%s: disobedience gave outputs (%v)", tc.input, err)
		}
	}
}

// TestExtensionRefusals: what Chrome refuses, by its names.
func TestExtensionRefusals(t *testing.T) {
	for input, want := range map[string]string{
		`{"credentialProtectionPolicy":"bogus"}`:                    "NotSupportedError",
		`{"credentialProtectionPolicy":"userVerificationRequired"}`: "NotSupportedError", // without uv required
		`{"enforceCredentialProtectionPolicy":true}`:                "NotSupportedError",
		`{"prf":{"evalByCredential":{}}}`:                           "NotSupportedError",
		`{"prf":{"eval":{}}}`:                                       "TypeError",
		`{"prf":7}`:                                                 "TypeError",
		`{"prf":{"eval":{"first":"!"}}}`:                            "EncodingError",
		`{"largeBlob":{"read":true}}`:                               "NotSupportedError",
		`{"largeBlob":{"support":"required"}}`:                      "NotAllowedError",
		`{"credBlob":"="}`:                                          "EncodingError",
		`{"credentialProtectionPolicy":"userVerificationOptionalWithCredentialIDList","enforceCredentialProtectionPolicy":true}`: "NotAllowedError",
	} {
		o := creationOptions("none", virtualauth.AuthenticatorSelection{ResidentKey: "required"})
		o.Extensions = inputs(input)
		if _, err := page.Create(context.Background(), newAuthenticator(t, virtualauth.Config{ResidentKeys: true}), o, virtualauth.Faults{}); nameOf(err) != want {
			t.Errorf("create %s: %v, want %s", input, err, want)
		}
	}
	a := newAuthenticator(t, everyExtension)
	r := create(t, page, a, creationOptions("none", virtualauth.AuthenticatorSelection{ResidentKey: "required"}))
	for input, want := range map[string]string{
		`{"prf":{"evalByCredential":{"AAEC":{"first":"AA"}}}}`: "SyntaxError",
		`{"prf":{"evalByCredential":{"!":{"first":"AA"}}}}`:    "SyntaxError",
		`{"largeBlob":{"read":true,"write":"AA"}}`:             "NotSupportedError",
		`{"largeBlob":{"support":"preferred"}}`:                "NotSupportedError",
	} {
		o := allow(r.Credential.ID)
		o.Extensions = inputs(input)
		if _, err := page.Get(context.Background(), a, o, virtualauth.Faults{}); nameOf(err) != want {
			t.Errorf("get %s: %v, want %s", input, err, want)
		}
	}
	o := allow()
	o.Extensions = inputs(`{"prf":{"evalByCredential":{"AAEC":{"first":"AA"}}}}`)
	if _, err := page.Get(context.Background(), a, o, virtualauth.Faults{}); nameOf(err) != "NotSupportedError" {
		t.Errorf("evalByCredential without a list: %v", err)
	}
	if _, err := virtualauth.New(virtualauth.Config{Protocol: virtualauth.U2F, Extensions: virtualauth.ExtensionSupport{UVM: true}}); err == nil {
		t.Error("a U2F authenticator with extensions was made")
	}
}

func results(t *testing.T, r *virtualauth.Assertion, into any) {
	t.Helper()
	if err := json.Unmarshal(marshal(t, r.Response.ClientExtensionResults), into); err != nil {
		t.Fatal(err)
	}
}

// TestPRF: the same input gives the same output, another input, credential or
// verification another one, and the authenticator data holds it encrypted.
func TestPRF(t *testing.T) {
	a := newAuthenticator(t, everyExtension)
	c := creationOptions("none", virtualauth.AuthenticatorSelection{ResidentKey: "required"})
	c.Extensions = inputs(`{"prf":{"eval":{"first":"AA"}},"credentialProtectionPolicy":"userVerificationOptional"}`)
	r := create(t, page, a, c)
	var made struct {
		PRF struct {
			Enabled bool
			Results struct{ First, Second string }
		}
	}
	if err := json.Unmarshal(marshal(t, r.Response.ClientExtensionResults), &made); err != nil || !made.PRF.Enabled {
		t.Fatalf("results %s (%v)", marshal(t, r.Response.ClientExtensionResults), err)
	}
	eval := func(input, verification string) (first, second string) {
		o := allow(r.Credential.ID)
		o.Extensions = inputs(`{"prf":` + input + `}`)
		o.UserVerification = verification
		got := get(t, page, a, o)
		var out struct {
			PRF struct {
				Results struct{ First, Second string }
			}
		}
		results(t, got, &out)
		if out.PRF.Results.First != "" {
			want := 48
			if out.PRF.Results.Second != "" {
				want = 80
			}
			if sealed, _ := extensionData(t, got.Response.AuthenticatorData, 0, false)["hmac-secret"].([]byte); len(sealed) != want {
				t.Errorf("%s: authenticator data holds %d bytes", input, len(sealed))
			}
		}
		return out.PRF.Results.First, out.PRF.Results.Second
	}
	one, none := eval(`{"eval":{"first":"AA"}}`, "preferred")
	if one == "" || one != made.PRF.Results.First || none != "" {
		t.Errorf("create gave %q, get %q and %q", made.PRF.Results.First, one, none)
	}
	both, second := eval(`{"eval":{"first":"AA","second":"AQ"}}`, "preferred")
	if both != one || second == one || second == "" {
		t.Errorf("two inputs gave %q and %q", both, second)
	}
	if unverified, _ := eval(`{"eval":{"first":"AA"}}`, "discouraged"); unverified == one || unverified == "" {
		t.Error("verification makes no difference")
	}
	id := base64.RawURLEncoding.EncodeToString(r.Credential.ID)
	if by, _ := eval(`{"eval":{"first":"AA"},"evalByCredential":{"`+id+`":{"first":"AQ"}}}`, "preferred"); by != second {
		t.Errorf("by credential gave %q, not %q", by, second)
	}
	if first, _ := eval(`{}`, "preferred"); first != "" {
		t.Error("no input gave an output")
	}
}

func TestBlobs(t *testing.T) {
	a := newAuthenticator(t, everyExtension)
	c := creationOptions("none", virtualauth.AuthenticatorSelection{ResidentKey: "required"})
	c.Extensions = inputs(`{"largeBlob":{"support":"required"},"credBlob":"c2VjcmV0"}`)
	r := create(t, page, a, c)
	for _, step := range []struct{ input, want string }{
		{`{"largeBlob":{"read":true}}`, `{"largeBlob":{}}`},
		{`{"largeBlob":{"write":"YSBsYXJnZSBibG9i"}}`, `{"largeBlob":{"written":true}}`},
		{`{"largeBlob":{"read":true}}`, `{"largeBlob":{"blob":"YSBsYXJnZSBibG9i"}}`},
		{`{"getCredBlob":true}`, `{"getCredBlob":"c2VjcmV0"}`},
		{`{"uvm":true}`, `{"uvm":[[2,8,4]]}`},
	} {
		o := allow(r.Credential.ID)
		o.Extensions = inputs(step.input)
		if got := string(marshal(t, get(t, page, a, o).Response.ClientExtensionResults)); got != step.want {
			t.Errorf("%s gave %s, not %s", step.input, got, step.want)
		}
	}
}

// TestCredProtect: what a policy keeps back from those who are not verified.
func TestCredProtect(t *testing.T) {
	for policy, want := range map[string][2]string{ // with a list, and without
		"userVerificationOptional":                     {"", ""},
		"userVerificationOptionalWithCredentialIDList": {"", "NotAllowedError"},
		"userVerificationRequired":                     {"NotAllowedError", "NotAllowedError"},
	} {
		a := newAuthenticator(t, everyExtension)
		o := creationOptions("none", virtualauth.AuthenticatorSelection{ResidentKey: "required", UserVerification: "required"})
		o.Extensions = map[string]json.RawMessage{"credentialProtectionPolicy": marshal(t, policy)}
		r := create(t, page, a, o)
		for i, q := range []*virtualauth.RequestOptions{allow(r.Credential.ID), allow()} {
			_, err := page.Get(context.Background(), a, q, virtualauth.Faults{IgnoreUserVerification: true})
			if nameOf(err) != want[i] {
				t.Errorf("%s, case %d: %v, want %q", policy, i, err, want[i])
			}
			if _, err := page.Get(context.Background(), a, q, virtualauth.Faults{}); err != nil {
				t.Errorf("%s, case %d: verified, and %v", policy, i, err)
			}
		}
	}
}

// TestJudgeAcceptsExtensions: the judge takes every output that it asked for.
func TestJudgeAcceptsExtensions(t *testing.T) {
	cfg := everyExtension
	cfg.Formats = []string{virtualauth.FormatPackedSelf}
	j := newJudge(t)
	a := newAuthenticator(t, cfg)
	asked := protocol.AuthenticationExtensions{
		CredentialProtectionPolicy: "userVerificationOptional", MinPinLength: true, CredBlob: []byte("secret"), UVM: true, HMACCreateSecret: true, CredProps: true,
	}
	if _, err := j.register(t, page, a, virtualauth.Faults{}, direct, webauthn.WithExtensions(webauthn.WithExtensionInputs(asked)), webauthn.WithResidentKeyRequirement(protocol.ResidentKeyRequirementRequired)); err != nil {
		t.Fatalf("registration: %v", err)
	}
	if _, err := j.login(t, page, a, virtualauth.Faults{}, webauthn.WithAssertionExtensions(webauthn.WithExtensionGetCredBlob(), webauthn.WithExtensionUVM())); err != nil {
		t.Fatalf("authentication: %v", err)
	}
}
