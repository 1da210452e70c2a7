package virtualwebauthn

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// CreateAttestationResponse registers the credential: a RegistrationResponseJSON
// with packed self attestation
// (https://www.w3.org/TR/webauthn-3/#dictdef-registrationresponsejson). Where
// the credential or the authenticator's options cannot be used it returns
// {"error":{"name":…,"message":…}} instead.
func CreateAttestationResponse(rp RelyingParty, auth Authenticator, cred Credential, options AttestationOptions) string {
	key, err := cred.Key.open()
	if err != nil {
		return failure("DataError", err)
	}
	if len(cred.ID) > 0xffff {
		return failure("DataError", fmt.Errorf("the credential id has %d bytes: authenticator data have room for 65535", len(cred.ID)))
	}
	results, err := auth.Options.results()
	if err != nil {
		return failure("TypeError", err)
	}
	clientData := clientDataJSON("webauthn.create", options.Challenge, rp.Origin)

	// https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	rpIDHash := sha256.Sum256([]byte(rp.ID))
	authData := append(rpIDHash[:], auth.Options.flags()|virtualauth.FlagAT)
	authData = binary.BigEndian.AppendUint32(authData, cred.Counter)
	authData = append(authData, auth.Aaguid[:]...)
	authData = binary.BigEndian.AppendUint16(authData, uint16(len(cred.ID)))
	authData = slices.Concat(authData, cred.ID, key.cose)

	hash := sha256.Sum256(clientData)
	signature, err := key.sign(slices.Concat(authData, hash[:]))
	if err != nil {
		return failure("DataError", err)
	}
	// https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation, self attestation;
	// the names are in canonical order.
	object := slices.Concat(
		cborHead(5, 3),
		cborText("fmt"), cborText("packed"),
		cborText("attStmt"), cborHead(5, 2), cborText("alg"), cborInt(key.algorithm), cborText("sig"), cborBytes(signature),
		cborText("authData"), cborBytes(authData),
	)
	return text(virtualauth.RegistrationResponse{
		ID:                      base64.RawURLEncoding.EncodeToString(cred.ID),
		RawID:                   cred.ID,
		Type:                    "public-key",
		ClientDataJSON:          clientData,
		AttestationObject:       object,
		AuthenticatorData:       authData,
		Transports:              auth.Options.transports(),
		PublicKey:               key.spki,
		PublicKeyAlgorithm:      key.algorithm,
		AuthenticatorAttachment: auth.Options.attachment(),
		ClientExtensionResults:  results,
	})
}

// CreateAssertionResponse signs in with the credential: an
// AuthenticationResponseJSON
// (https://www.w3.org/TR/webauthn-3/#dictdef-authenticationresponsejson). Where
// the credential or the authenticator's options cannot be used it returns
// {"error":{"name":…,"message":…}} instead.
func CreateAssertionResponse(rp RelyingParty, auth Authenticator, cred Credential, options AssertionOptions) string {
	key, err := cred.Key.open()
	if err != nil {
		return failure("DataError", err)
	}
	results, err := auth.Options.results()
	if err != nil {
		return failure("TypeError", err)
	}
	r := virtualauth.AuthenticationResponse{
		ID:                      base64.RawURLEncoding.EncodeToString(cred.ID),
		RawID:                   cred.ID,
		Type:                    "public-key",
		ClientDataJSON:          clientDataJSON("webauthn.get", options.Challenge, rp.Origin),
		AuthenticatorAttachment: auth.Options.attachment(),
		ClientExtensionResults:  results,
	}
	if len(auth.Options.UserHandle) > 0 {
		r.UserHandle = auth.Options.UserHandle
	}
	if err := sign(&r, rp.ID, &auth.Options, cred.Counter, key); err != nil {
		return failure("DataError", err)
	}
	return text(r)
}

// sign has a virtualauth authenticator that holds just this credential, and
// whose counter stands still, sign the response.
func sign(r *virtualauth.AuthenticationResponse, rpID string, o *AuthenticatorOptions, counter uint32, key *usableKey) error {
	// The seed decides nothing in an assertion with a key that was imported.
	a, err := virtualauth.New(virtualauth.Config{
		Seed: []byte("compat"), UserVerification: true, Counter: virtualauth.Counter{Mode: virtualauth.CounterFrozen},
	})
	if err != nil {
		return err
	}
	id := []byte("the credential") // not r.RawID, which may be empty and is not signed
	if err := a.Import(virtualauth.Credential{
		ID: id, RPID: rpID, PrivateKey: key.signer, Algorithm: key.algorithm,
		SignCount: counter, BackupEligible: o.BackupEligible, BackupState: o.BackupState,
	}); err != nil {
		return err
	}
	m, err := a.GetAssertion(&virtualauth.GetAssertionRequest{
		RPID: rpID, ClientDataHash: sha256.Sum256(r.ClientDataJSON), UserVerification: !o.UserNotVerified,
		AllowList: []virtualauth.Descriptor{{Type: "public-key", ID: id}},
	})
	if err != nil {
		return err
	}
	r.AuthenticatorData, r.Signature = m.AuthData, m.Signature
	if o.UserNotPresent {
		// An authenticator does not sign without presence unless it is at fault.
		f := virtualauth.Faults{FlagUPClear: o.UserNotVerified, FlagUPClearUVSet: !o.UserNotVerified}
		*r, err = virtualauth.EditAssertion(*r, virtualauth.Keys{Credential: key.signer, Algorithm: key.algorithm}, f)
	}
	return err
}

// flags are UP, UV, BE and BS as the options tell (https://www.w3.org/TR/webauthn-3/#authdata-flags).
func (o *AuthenticatorOptions) flags() byte {
	var f byte
	for _, b := range []struct {
		set bool
		bit byte
	}{
		{!o.UserNotPresent, virtualauth.FlagUP}, {!o.UserNotVerified, virtualauth.FlagUV},
		{o.BackupEligible, virtualauth.FlagBE}, {o.BackupState, virtualauth.FlagBS},
	} {
		if b.set {
			f |= b.bit
		}
	}
	return f
}

func (o *AuthenticatorOptions) results() (map[string]json.RawMessage, error) {
	out := make(map[string]json.RawMessage, len(o.ClientExtensionResults))
	for name, v := range o.ClientExtensionResults {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("ClientExtensionResults[%q]: %w", name, err)
		}
		out[name] = raw
	}
	return out, nil
}

// clientDataJSON is client data with its members in the order of
// https://www.w3.org/TR/webauthn-3/#clientdatajson-serialization.
func clientDataJSON(typ string, challenge []byte, origin string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(struct { // strings and booleans do not fail
		Type        string `json:"type"`
		Challenge   string `json:"challenge"`
		Origin      string `json:"origin"`
		CrossOrigin bool   `json:"crossOrigin"`
	}{typ, base64.RawURLEncoding.EncodeToString(challenge), origin, false})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func text(response json.Marshaler) string {
	b, err := response.MarshalJSON()
	if err != nil {
		return failure("UnknownError", err)
	}
	return string(b)
}

// failure is what is returned in place of a response, in the terms of a page.
func failure(name string, err error) string {
	var f struct {
		Error struct {
			Name    string `json:"name"`
			Message string `json:"message"`
		} `json:"error"`
	}
	f.Error.Name, f.Error.Message = name, "virtualwebauthn: "+err.Error()
	b, _ := json.Marshal(f) // strings do not fail
	return string(b)
}
