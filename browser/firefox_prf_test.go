package browser

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// TestFirefoxPRF holds what Firefox's virtual token does with prf on get(): it
// appends the extension's output to authenticator data that it has signed already,
// without setting ED, so that the signature verifies over the first 37 bytes and
// not over what the page is given. A Relying Party that refuses this is right
// (https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data), so checks get
// responses without it, and compare shows it as it is.
func TestFirefoxPRF(t *testing.T) {
	v := openView(t, theFirefox(t), rpOrigin)
	v.plug(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true})
	r := v.create(creation().with(options{"extensions": options{"prf": options{}}}))
	asked := request(r.Response.RawID).with(options{"extensions": options{
		"prf": options{"eval": options{"first": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}, "example.extension": true,
	}})
	signs := func(a virtualauth.AuthenticationResponse, data []byte) bool {
		hash := sha256.Sum256(a.ClientDataJSON)
		digest := sha256.Sum256(append(append([]byte(nil), data...), hash[:]...))
		return ecdsa.VerifyASN1(r.Credential.PrivateKey.Public().(*ecdsa.PublicKey), digest[:], a.Signature)
	}

	got := v.get(asked).Response
	if len(got.AuthenticatorData) != 37 || !signs(got, got.AuthenticatorData) || got.ClientExtensionResults["prf"] != nil {
		t.Errorf("for a check: authenticator data of %d bytes, results %s", len(got.AuthenticatorData), got.ClientExtensionResults)
	}

	called, err := v.Session.(client.Caller).Call(v.ctx, client.Call{Method: "get", Options: asked.json(t)})
	if err != nil || called.Response == nil {
		t.Fatalf("%+v, %v", called, err)
	}
	raw, err := parseAuthentication(called.Response)
	if err != nil {
		t.Fatal(err)
	}
	data := raw.AuthenticatorData
	if len(data) <= 37 || data[32]&0x80 != 0 || signs(raw, data) || !signs(raw, data[:37]) {
		t.Errorf("Firefox has mended it: flags %02x, %d bytes; then checks can have prf, and compare's explanation goes", data[32], len(data))
	}
}

func TestWithoutPRF(t *testing.T) {
	for given, want := range map[string]string{
		`{"challenge":"AA","extensions":{"prf":{},"appid":"x"}}`: `{"challenge":"AA","extensions":{"appid":"x"}}`,
		`{"challenge":"AA","extensions":{"prf":{}}}`:             `{"challenge":"AA","extensions":{}}`,
		`{"challenge": "AA"}`:                                    `{"challenge": "AA"}`,
		`{"challenge": "AA","extensions":7}`:                     `{"challenge": "AA","extensions":7}`,
		`{"challenge": "AA","extensions":null}`:                  `{"challenge": "AA","extensions":null}`,
		`null`:                                                   `null`,
		`[`:                                                      `[`,
	} {
		if got := withoutPRF([]byte(given)); string(got) != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
}
