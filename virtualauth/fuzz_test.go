package virtualauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

const someCreationOptions = `{"rp":{"id":"rp.example","name":"RP"},"user":{"id":"aGFuZGxl","name":"ada","displayName":"Ada"},
"challenge":"YSBjaGFsbGVuZ2Ugb2YgdGhpcnR5LXR3byBieXRlcy4","pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":"-257"}],
"timeout":60000,"excludeCredentials":[{"type":"public-key","id":"AAEC","transports":["usb"]}],
"authenticatorSelection":{"residentKey":"preferred","requireResidentKey":false,"userVerification":"preferred"},
"hints":["security-key"],"attestation":"direct","attestationFormats":["packed"],"extensions":{"credProps":true,"example.extension.bool":true}}`

const someRequestOptions = `{"challenge":"YSBjaGFsbGVuZ2Ugb2YgdGhpcnR5LXR3byBieXRlcy4","timeout":60000,"rpId":"rp.example",
"allowCredentials":[{"type":"public-key","id":"AAEC"}],"userVerification":"preferred","extensions":{"appid":"https://rp.example/app.json"}}`

func FuzzParseCreationOptions(f *testing.F) {
	for _, seed := range []string{someCreationOptions, `{}`, `null`, `[]`, `{"rp":null}`, "", `{"rp":{"name":1e400},"user":[]}`} {
		f.Add([]byte(seed))
	}
	a, err := virtualauth.New(virtualauth.Config{Seed: []byte("fuzz"), ResidentKeys: true, Algorithms: []int64{virtualauth.ES256}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := virtualauth.ParseCreationOptions(data)
		if err != nil {
			mustBeRefusal(t, err)
			return
		}
		if !json.Valid(data) {
			t.Errorf("%q was read, and is not JSON", data)
		}
		r, err := page.Create(context.Background(), a, o, virtualauth.Faults{})
		if err != nil {
			mustBeRefusal(t, err)
			return
		}
		var back virtualauth.RegistrationResponse
		if err := json.Unmarshal(marshal(t, r.Response), &back); err != nil {
			t.Error(err)
		}
		if err := a.Remove(r.Credential.ID); err != nil {
			t.Error(err)
		}
	})
}

func FuzzParseRequestOptions(f *testing.F) {
	for _, seed := range []string{someRequestOptions, `{}`, `{"challenge":""}`, `{"challenge":"AA","allowCredentials":[{}]}`} {
		f.Add([]byte(seed))
	}
	a, err := virtualauth.New(virtualauth.Config{Seed: []byte("fuzz"), ResidentKeys: true})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := page.Create(context.Background(), a, creationOptions("none", virtualauth.AuthenticatorSelection{ResidentKey: "required"}), virtualauth.Faults{}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := virtualauth.ParseRequestOptions(data)
		if err != nil {
			mustBeRefusal(t, err)
			return
		}
		if !json.Valid(data) {
			t.Errorf("%q was read, and is not JSON", data)
		}
		r, err := page.Get(context.Background(), a, o, virtualauth.Faults{})
		if err != nil {
			mustBeRefusal(t, err)
			return
		}
		var back virtualauth.AuthenticationResponse
		if err := json.Unmarshal(marshal(t, r.Response), &back); err != nil {
			t.Error(err)
		}
	})
}

// mustBeRefusal: whatever the options say, the answer is one that a page could see.
func mustBeRefusal(t *testing.T, err error) {
	t.Helper()
	var e *virtualauth.Error
	if !errors.As(err, &e) || e.Name == "" {
		t.Errorf("%v is not an *Error with a name", err)
	}
}

// FuzzEditRegistration: no response and no fault makes an edit panic, and what
// comes out can be marshalled.
func FuzzEditRegistration(f *testing.F) {
	all := virtualauth.AllFaults()
	for i, fault := range all {
		if fault.InRegistration() {
			w := newTwin(f, fault)
			f.Add(w.reg.Response.ClientDataJSON, w.reg.Response.AttestationObject, uint16(i))
		}
	}
	keys := newTwin(f, virtualauth.Fault{}).regKeys
	f.Fuzz(func(t *testing.T, clientData, object []byte, i uint16) {
		faults, err := virtualauth.ParseFaults(all[int(i)%len(all)].Name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := virtualauth.EditRegistration(virtualauth.RegistrationResponse{
			ID: "AAEC", RawID: []byte{0, 1, 2}, Type: "public-key", ClientDataJSON: clientData, AttestationObject: object,
		}, keys, faults)
		if err == nil {
			marshal(t, r)
		}
	})
}

func FuzzEditAssertion(f *testing.F) {
	all := virtualauth.AllFaults()
	for i, fault := range all {
		if fault.InAuthentication() {
			w := newTwin(f, fault)
			f.Add(w.login.Response.ClientDataJSON, w.login.Response.AuthenticatorData, w.login.Response.Signature, uint16(i))
		}
	}
	keys := newTwin(f, virtualauth.Fault{}).login.Keys()
	f.Fuzz(func(t *testing.T, clientData, authData, signature []byte, i uint16) {
		faults, err := virtualauth.ParseFaults(all[int(i)%len(all)].Name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := virtualauth.EditAssertion(virtualauth.AuthenticationResponse{
			ID: "AAEC", RawID: []byte{0, 1, 2}, Type: "public-key", ClientDataJSON: clientData, AuthenticatorData: authData, Signature: signature,
		}, keys, faults)
		if err == nil {
			marshal(t, r)
		}
	})
}
