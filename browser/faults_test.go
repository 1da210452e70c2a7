package browser

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// TestFaultsOnChromesResponses edits what Chrome made and signs it again with
// the key that it exports.
func TestFaultsOnChromesResponses(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	p.plug(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true})
	r := p.create(creation().with(options{"authenticatorSelection": options{"residentKey": "required"}}))
	a := p.get(request(r.Response.RawID))
	registrationKeys := virtualauth.Keys{Credential: r.Credential.PrivateKey, UserHandle: r.Credential.UserHandle, Seed: []byte("test")}
	assertionKeys := virtualauth.Keys{Credential: a.Credential.PrivateKey, UserHandle: a.Credential.UserHandle, Seed: []byte("test")}
	public := a.Credential.PrivateKey.Public().(*ecdsa.PublicKey)
	signed := func(r virtualauth.AuthenticationResponse) bool {
		hash := sha256.Sum256(r.ClientDataJSON)
		digest := sha256.Sum256(append(bytes.Clone(r.AuthenticatorData), hash[:]...))
		return ecdsa.VerifyASN1(public, digest[:], r.Signature)
	}
	if !signed(a.Response) {
		t.Fatal("the exported key did not sign the response as Chrome made it")
	}

	var edited, resigned int
	for _, fault := range virtualauth.AllFaults() {
		if fault.Stage == virtualauth.StageOptions {
			continue
		}
		f, err := virtualauth.ParseFaults(fault.Name)
		if err != nil {
			t.Fatal(err)
		}
		if fault.InRegistration() {
			if _, err := virtualauth.EditRegistration(r.Response, registrationKeys, f); err == nil {
				edited++
			} else if !errors.Is(err, virtualauth.ErrNotApplicable) {
				t.Errorf("%s on a registration: %v", fault.Name, err)
			}
		}
		if !fault.InAuthentication() {
			continue
		}
		got, err := virtualauth.EditAssertion(a.Response, assertionKeys, f)
		if err != nil {
			if !errors.Is(err, virtualauth.ErrNotApplicable) {
				t.Errorf("%s on an assertion: %v", fault.Name, err)
			}
			continue
		}
		edited++
		if fault.Stage == virtualauth.StageClientData || fault.Stage == virtualauth.StageAuthData {
			if !signed(got) {
				t.Errorf("%s: the edited response is not signed again", fault.Name)
			}
			if !bytes.Equal(got.Signature, a.Response.Signature) {
				resigned++
			}
		}
	}
	if edited < 40 || resigned < 10 {
		t.Errorf("only %d responses were edited and %d signed again", edited, resigned)
	}
	t.Logf("%d responses edited, %d signed again", edited, resigned)
}
