package virtualauth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"testing"

	"filippo.io/mldsa"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// TestAlgorithms registers with self attestation and signs in with each
// algorithm, before the judge where it verifies the algorithm and by the
// algorithm's own package where it does not.
func TestAlgorithms(t *testing.T) {
	for _, alg := range virtualauth.Algorithms() {
		t.Run(virtualauth.AlgorithmName(alg), func(t *testing.T) {
			a := newAuthenticator(t, virtualauth.Config{})
			switch alg {
			case virtualauth.ES256K, virtualauth.MLDSA44, virtualauth.MLDSA65, virtualauth.MLDSA87:
				verifyBySelf(t, a, alg)
				return
			}
			j := newJudge(t)
			made, err := j.register(t, page, a, virtualauth.Faults{}, direct, paramsOf(-65535, alg, virtualauth.ES256))
			if err != nil {
				t.Fatalf("registration: %v", err)
			}
			if made.Response.PublicKeyAlgorithm != alg {
				t.Errorf("negotiated %d", made.Response.PublicKeyAlgorithm)
			}
			if _, err := x509.ParsePKIXPublicKey(made.Response.PublicKey); err != nil {
				t.Errorf("publicKey: %v", err)
			}
			if _, err := j.login(t, page, a, virtualauth.Faults{}); err != nil {
				t.Fatalf("authentication: %v", err)
			}
			if _, err := j.login(t, page, a, virtualauth.Faults{SignatureBitFlip: true}); err == nil {
				t.Error("a flipped bit in the signature goes unnoticed")
			}
			if _, err := j.login(t, page, a, virtualauth.Faults{SignatureOtherKey: true}); err == nil {
				t.Error("another key's signature goes unnoticed")
			}
		})
	}
}

// verifyBySelf verifies an assertion of an algorithm that the judge has no part in.
func verifyBySelf(t *testing.T, a *virtualauth.Authenticator, alg int64) {
	o := plainOptions()
	o.PubKeyCredParams = []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: alg}}
	o.Attestation = "direct"
	made := create(t, page, a, o)
	var key map[int]any
	auth := made.Response.AuthenticatorData
	if err := cborUnmarshal(auth[55+len(made.Response.RawID):], &key); err != nil {
		t.Fatal(err)
	}
	if key[3] != alg {
		t.Errorf("alg of the key is %v", key[3])
	}
	check := func(authData, clientData, sig []byte) bool {
		hash := sha256.Sum256(clientData)
		message := slices.Concat(authData, hash[:])
		if alg == virtualauth.ES256K {
			pub, err := secp256k1.ParsePubKey(slices.Concat([]byte{4}, key[-2].([]byte), key[-3].([]byte)))
			if err != nil {
				t.Fatal(err)
			}
			s, err := secpecdsa.ParseDERSignature(sig)
			digest := sha256.Sum256(message)
			return err == nil && s.Verify(digest[:], pub)
		}
		params := map[int64]mldsa.Parameters{virtualauth.MLDSA44: mldsa.MLDSA44(), virtualauth.MLDSA65: mldsa.MLDSA65(), virtualauth.MLDSA87: mldsa.MLDSA87()}[alg]
		pub, err := mldsa.NewPublicKey(params, key[-1].([]byte))
		if err != nil {
			t.Fatal(err)
		}
		return mldsa.Verify(pub, message, sig, nil) == nil
	}
	if !check(auth, made.Response.ClientDataJSON, signatureOf(t, decode(t, made.Response.AttestationObject))) {
		t.Error("the self attestation does not verify")
	}
	r := get(t, page, a, allow(made.Credential.ID)).Response
	if !check(r.AuthenticatorData, r.ClientDataJSON, r.Signature) {
		t.Error("the assertion does not verify")
	}
	broken, err := page.Get(context.Background(), a, allow(made.Credential.ID), virtualauth.Faults{SignatureOtherClientData: true})
	if err != nil {
		t.Fatal(err)
	}
	if r := broken.Response; check(r.AuthenticatorData, r.ClientDataJSON, r.Signature) {
		t.Error("a signature over other client data verifies")
	}
}

// TestNegotiation: the first parameter that the authenticator has wins, and
// disobedience takes one that was not offered.
func TestNegotiation(t *testing.T) {
	o := plainOptions()
	o.PubKeyCredParams = []virtualauth.PubKeyCredParam{{Type: "unknown", Alg: -8}, {Type: "public-key", Alg: -35}, {Type: "public-key", Alg: -257}, {Type: "public-key", Alg: -7}}
	a := newAuthenticator(t, virtualauth.Config{Algorithms: []int64{virtualauth.ES256, virtualauth.EdDSA, virtualauth.RS256}})
	if r := create(t, page, a, o); r.Credential.Algorithm != virtualauth.RS256 {
		t.Errorf("negotiated %d", r.Credential.Algorithm)
	}
	r, err := page.Create(context.Background(), a, o, virtualauth.Faults{IgnorePubKeyCredParams: true})
	if err != nil || r.Credential.Algorithm != virtualauth.EdDSA {
		t.Errorf("disobedience took %d (%v)", r.Credential.Algorithm, err)
	}
	only := newAuthenticator(t, virtualauth.Config{Algorithms: []int64{virtualauth.ES256}})
	o.PubKeyCredParams = []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: -257}}
	if r, err := page.Create(context.Background(), only, o, virtualauth.Faults{IgnorePubKeyCredParams: true}); err != nil || r.Credential.Algorithm != virtualauth.ES256 {
		t.Errorf("disobedience with one algorithm: %v", err)
	}
	o.PubKeyCredParams = nil
	if r := create(t, page, newAuthenticator(t, virtualauth.Config{Algorithms: []int64{virtualauth.RS256}}), o); r.Credential.Algorithm != virtualauth.RS256 {
		t.Errorf("no parameters gave %d", r.Credential.Algorithm)
	}
}

// TestAlgorithmsAreDeterministic: also those whose signatures take a salt.
func TestAlgorithmsAreDeterministic(t *testing.T) {
	for _, alg := range virtualauth.Algorithms() {
		run := func() []byte {
			a := newAuthenticator(t, virtualauth.Config{Seed: []byte("seed")})
			o := plainOptions()
			o.PubKeyCredParams = []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: alg}}
			o.Attestation = "direct"
			r := create(t, page, a, o)
			return append(marshal(t, r.Response), marshal(t, get(t, page, a, allow(r.Credential.ID)).Response)...)
		}
		if !bytes.Equal(run(), run()) {
			t.Errorf("%s makes different bytes", virtualauth.AlgorithmName(alg))
		}
	}
}
