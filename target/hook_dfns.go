package target

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
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

// dfnsKey is a Dfns credential of kind Key, PasswordProtectedKey or RecoveryKey: a
// P-256 or Ed25519 key of the user's own that signs the Dfns login and the user action which adding a passkey needs
// (https://docs.dfns.co/api-reference/auth/create-user-action-signature).
var dfnsKey = &hook{
	name: "dfns-key",
	doc:  "a Key credential, one for each user, that signs Dfns registrations, logins and user actions",
	functions: []hookFunction{
		{"dfns_key_attestation", "the credentialInfo of a key's registration for a challenge, or {challenge, key?, curve?, origin?}", dfnsKeyAttestation},
		{"dfns_key_assertion", "the credentialAssertion of a key for a challenge, or {challenge, key?, curve?, origin?}", dfnsKeyAssertion},
	},
}

// dfnsAsked is what a function of the hook is called with: the challenge alone,
// or {challenge, key?, curve?, origin?}.
type dfnsAsked struct {
	challenge string
	// key tells the user's keys apart; empty is the one of the sign-up.
	key string
	// curve is p256 or ed25519.
	curve string
	// origin goes into the client data, with crossOrigin; empty leaves both out,
	// as the vendor's clients for machines do.
	origin string
}

func dfnsAsk(arg any) (a dfnsAsked, err error) {
	a.curve = "p256"
	if text, ok := arg.(string); ok {
		a.challenge = text
		return a, nil
	}
	m, ok := arg.(map[string]any)
	if !ok {
		return a, fmt.Errorf("the argument is %s, want a challenge or an object with one", gojq.TypeOf(arg))
	}
	for name, to := range map[string]*string{"challenge": &a.challenge, "key": &a.key, "curve": &a.curve, "origin": &a.origin} {
		v, there := m[name]
		if !there && name != "challenge" {
			continue
		}
		if *to, ok = v.(string); !ok {
			return a, fmt.Errorf("%s is %s, not a string", name, gojq.TypeOf(v))
		}
	}
	if a.curve != "p256" && a.curve != "ed25519" {
		return a, fmt.Errorf("curve is %.40q, want p256 or ed25519", a.curve)
	}
	return a, nil
}

func dfnsKeyAttestation(seed []byte, arg any) (any, error) {
	a, err := dfnsAsk(arg)
	if err != nil {
		return nil, err
	}
	key, credID, err := dfnsKeyOf(seed, a)
	if err != nil {
		return nil, err
	}
	clientData, err := a.clientData("key.create")
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

func dfnsKeyAssertion(seed []byte, arg any) (any, error) {
	a, err := dfnsAsk(arg)
	if err != nil {
		return nil, err
	}
	key, credID, err := dfnsKeyOf(seed, a)
	if err != nil {
		return nil, err
	}
	clientData, err := a.clientData("key.get")
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

// clientData is the client data of a Key, which carries the challenge's text as
// it stands. With an origin it is as the vendor's pages show it, the members in
// the order of the alphabet.
func (a dfnsAsked) clientData(typ string) ([]byte, error) {
	if a.origin != "" {
		return dfnsJSON(struct {
			Challenge   string `json:"challenge"`
			CrossOrigin bool   `json:"crossOrigin"`
			Origin      string `json:"origin"`
			Type        string `json:"type"`
		}{a.challenge, false, a.origin, typ})
	}
	return dfnsJSON(struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
	}{typ, a.challenge})
}

// dfnsKeyOf derives one of the user's keys and its credential id.
func dfnsKeyOf(seed []byte, a dfnsAsked) (crypto.Signer, string, error) {
	if a.key != "" {
		seed = append(append([]byte(nil), seed...), "\x00"+a.key...)
	}
	for i := range 256 {
		d := sha256.Sum256(append([]byte{byte(i)}, seed...))
		id := sha256.Sum256(append([]byte("credential id"), d[:]...))
		credID := base64.RawURLEncoding.EncodeToString(id[:])
		if a.curve == "ed25519" {
			return ed25519.NewKeyFromSeed(d[:]), credID, nil
		}
		// Fails only for zero and for numbers above the group order, once in 2^32.
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:])
		if err != nil {
			continue
		}
		return key, credID, nil
	}
	return nil, "", fmt.Errorf("no key for this seed")
}

// dfnsSign signs deterministically (RFC 6979, RFC 8032), so equal seeds give equal bytes.
func dfnsSign(key crypto.Signer, data []byte) ([]byte, error) {
	if k, ok := key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(k, data), nil
	}
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
