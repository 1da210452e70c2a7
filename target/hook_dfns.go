package target

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"

	"github.com/itchyny/gojq"
)

// dfnsKey is a Dfns credential of kind Key: a P-256 key of the user's own that
// signs the Dfns login and the user action which adding a passkey needs
// (https://docs.dfns.co/api-reference/auth/create-user-action-signature).
var dfnsKey = &hook{
	name: "dfns-key",
	doc:  "a Key credential, one for each user, that signs Dfns registrations, logins and user actions",
	functions: []hookFunction{
		{"dfns_key_attestation", "the credentialInfo of a Key registration for a challenge", dfnsKeyAttestation},
		{"dfns_key_assertion", "the credentialAssertion of a Key for a challenge", dfnsKeyAssertion},
	},
}

func dfnsKeyAttestation(seed []byte, challenge any) (any, error) {
	key, credID, err := dfnsKeyOf(seed)
	if err != nil {
		return nil, err
	}
	clientData, err := dfnsClientData("key.create", challenge)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	publicKey := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
	hash := sha256.Sum256(clientData)
	// The signature is over this JSON text, members in this order and no spaces.
	signed, err := dfnsJSON(struct {
		ClientDataHash string `json:"clientDataHash"`
		PublicKey      string `json:"publicKey"`
	}{hex.EncodeToString(hash[:]), publicKey})
	if err != nil {
		return nil, err
	}
	sig, err := dfnsSign(key, signed)
	if err != nil {
		return nil, err
	}
	attestation, err := dfnsJSON(struct {
		PublicKey string `json:"publicKey"`
		Signature string `json:"signature"`
	}{publicKey, hex.EncodeToString(sig)})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"credId":          credID,
		"clientData":      base64.RawURLEncoding.EncodeToString(clientData),
		"attestationData": base64.RawURLEncoding.EncodeToString(attestation),
	}, nil
}

func dfnsKeyAssertion(seed []byte, challenge any) (any, error) {
	key, credID, err := dfnsKeyOf(seed)
	if err != nil {
		return nil, err
	}
	clientData, err := dfnsClientData("key.get", challenge)
	if err != nil {
		return nil, err
	}
	sig, err := dfnsSign(key, clientData)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"credId":     credID,
		"clientData": base64.RawURLEncoding.EncodeToString(clientData),
		"signature":  base64.RawURLEncoding.EncodeToString(sig),
	}, nil
}

// dfnsClientData is the client data of a Key, which has no origin and carries
// the challenge's text as it stands.
func dfnsClientData(typ string, challenge any) ([]byte, error) {
	text, ok := challenge.(string)
	if !ok {
		return nil, fmt.Errorf("the challenge is %s, not a string", gojq.TypeOf(challenge))
	}
	return dfnsJSON(struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
	}{typ, text})
}

// dfnsKeyOf derives the user's key and its credential id.
func dfnsKeyOf(seed []byte) (*ecdsa.PrivateKey, string, error) {
	for i := range 256 {
		d := sha256.Sum256(append([]byte{byte(i)}, seed...))
		// Fails only for zero and for numbers above the group order, once in 2^32.
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:])
		if err != nil {
			continue
		}
		id := sha256.Sum256(append([]byte("credential id"), d[:]...))
		return key, base64.RawURLEncoding.EncodeToString(id[:]), nil
	}
	return nil, "", fmt.Errorf("no key for this seed")
}

// dfnsSign signs deterministically (RFC 6979), so equal seeds give equal bytes.
func dfnsSign(key *ecdsa.PrivateKey, data []byte) ([]byte, error) {
	digest := sha256.Sum256(data)
	return key.Sign(nil, digest[:], crypto.SHA256)
}

// dfnsJSON writes JSON as JSON.stringify does: no escapes for HTML.
func dfnsJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
