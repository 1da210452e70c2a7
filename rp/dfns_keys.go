package rp

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // for hashByName
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// dfnsKeyAlgorithms are the COSE names of what keys are verified with.
var dfnsKeyAlgorithms = []int64{-7, -8, -257}

// makeKey verifies the attestation of a key, the credential of a machine: client
// data of the type key.create, and attestation data {publicKey: PEM, signature:
// hex, algorithm?} where the signature is over the JSON text
// {"clientDataHash":"<hex>","publicKey":"<PEM>"}, in that order of members.
func (d *dfns) makeKey(p *dfnsChallenge, n *newCredential) (*dfnsCredential, error) {
	if err := d.checkKeyClientData(n.clientData, "key.create", p.text); err != nil {
		return nil, refuse(http.StatusBadRequest, "%s: %v", in(n.path, "credentialInfo.clientData"), err)
	}
	text, err := d.checkKeyAttestation(n)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%s: %v", in(n.path, "credentialInfo.attestationData"), err)
	}
	cred, err := d.record(n)
	if err != nil {
		return nil, err
	}
	cred.publicKey = text
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.keyIDs[string(n.id)] {
		return nil, refuse(http.StatusBadRequest, "%s: a credential with this ID exists already", in(n.path, "credentialInfo.credId"))
	}
	d.keyIDs[string(n.id)] = true
	return cred, nil
}

func in(path, member string) string {
	if path == "" {
		return member
	}
	return path + "." + member
}

// checkKeyAttestation returns the public key, as PEM text.
func (d *dfns) checkKeyAttestation(n *newCredential) (string, error) {
	o, err := parseObject(n.attestation, true)
	if err != nil {
		return "", err
	}
	text, err := o.text("publicKey")
	if err != nil {
		return "", err
	}
	key, err := parsePEMKey(text)
	if err != nil {
		return "", fmt.Errorf("publicKey: %w", err)
	}
	encoded, err := o.text("signature")
	if err != nil {
		return "", err
	}
	signature, err := hex.DecodeString(encoded)
	if err != nil {
		return "", errors.New("signature: not hex")
	}
	algorithm, _, err := o.optionalText("algorithm")
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(n.clientData)
	signed, err := attestedText(hex.EncodeToString(hash[:]), text)
	if err != nil {
		return "", err
	}
	if err := verifyKey(key, algorithm, signed, signature); err != nil && !d.omits("dfns.key.signature") {
		return "", err
	}
	return text, nil
}

// attestedText is the JSON text that JavaScript's JSON.stringify would write.
func attestedText(clientDataHash, publicKey string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		ClientDataHash string `json:"clientDataHash"`
		PublicKey      string `json:"publicKey"`
	}{clientDataHash, publicKey})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// keyAssertion verifies {credentialAssertion: {credId, clientData, signature,
// algorithm?}}: the signature is over the client data themselves.
func (d *dfns) keyAssertion(p *dfnsChallenge, o object, kind string) (*dfnsUser, []byte, error) {
	a, err := o.object("credentialAssertion")
	if err != nil {
		return nil, nil, err
	}
	id, err := a.bytes("credId", base64URL)
	if err != nil {
		return nil, nil, err
	}
	clientData, err := a.bytes("clientData", base64URL)
	if err != nil {
		return nil, nil, err
	}
	signature, err := a.bytes("signature", base64URL)
	if err != nil {
		return nil, nil, err
	}
	algorithm, _, err := a.optionalText("algorithm")
	if err != nil {
		return nil, nil, err
	}
	if err := d.checkKeyClientData(clientData, "key.get", p.text); err != nil {
		return nil, nil, refuse(http.StatusUnauthorized, "%s: %v", a.name("clientData"), err)
	}
	// What was issued without a user, or for a name that nobody has, has no keys.
	d.mu.Lock()
	cred := p.user.find(func(v *dfnsCredential) bool {
		return v.kind == kind && bytes.Equal(v.id, id) && (v.active || d.omits("dfns.inactive"))
	})
	d.mu.Unlock()
	if cred == nil {
		return nil, nil, &refusal{status: http.StatusUnauthorized, message: alikeMessage, full: "the user has no such key", step: "credential"}
	}
	key, err := parsePEMKey(cred.publicKey)
	if err != nil {
		return nil, nil, err
	}
	if d.omits("dfns.key.bytes") {
		clientData = reserialised(clientData)
	}
	if err := verifyKey(key, algorithm, clientData, signature); err != nil && !d.omits("dfns.key.signature") {
		return nil, nil, &refusal{status: http.StatusUnauthorized, message: alikeMessage, full: err.Error(), step: "dfns.key.signature"}
	}
	return p.user, id, nil
}

// reserialised writes client data anew as the vendor's client for machines would
// have written them: what it did not write, it drops.
func reserialised(clientData []byte) []byte {
	var plain struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
	}
	if json.Unmarshal(clientData, &plain) != nil {
		return clientData
	}
	again, err := json.Marshal(plain)
	if err != nil {
		return clientData
	}
	return again
}

// checkKeyClientData judges {type, challenge, origin?, crossOrigin?}. The
// challenge is the text on the wire, or base64url of it: clients of the vendor do
// either. The clients for machines leave origin out.
func (d *dfns) checkKeyClientData(clientData []byte, want, challenge string) error {
	o, err := parseObject(clientData, true)
	if err != nil {
		return err
	}
	typ, err := o.text("type")
	if err != nil {
		return err
	}
	if typ != want {
		return fmt.Errorf("type is %q, want %q", typ, want)
	}
	got, err := o.text("challenge")
	if err != nil {
		return err
	}
	same := subtle.ConstantTimeCompare([]byte(got), []byte(challenge)) |
		subtle.ConstantTimeCompare([]byte(got), []byte(toBase64URL([]byte(challenge))))
	if same != 1 && !d.omits("dfns.key.challenge") {
		return errors.New("challenge is not the one issued")
	}
	origin, ok, err := o.optionalText("origin")
	if err != nil {
		return err
	}
	if ok && !slices.Contains(d.cfg.Origins, origin) {
		return fmt.Errorf("origin %q is none of this relying party's", origin)
	}
	cross, _, err := o.flag("crossOrigin")
	if err != nil {
		return err
	}
	if cross {
		return errors.New("crossOrigin is true, which is not expected")
	}
	return nil
}

// parsePEMKey reads one PUBLIC KEY block with a P-256, Ed25519 or RSA key.
func parsePEMKey(text string) (crypto.PublicKey, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("not PEM with a PUBLIC KEY block")
	}
	if len(bytes.TrimSpace(rest)) != 0 {
		return nil, errors.New("there is more than one PUBLIC KEY block")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("not a SubjectPublicKeyInfo: %w", err)
	}
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return nil, fmt.Errorf("the curve is %s, want P-256", k.Curve.Params().Name)
		}
	case ed25519.PublicKey:
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 || k.N.BitLen() > 8192 {
			return nil, fmt.Errorf("the RSA key has %d bits, want 2048 to 8192", k.N.BitLen())
		}
	default:
		return nil, fmt.Errorf("a key of the type %T is not served", key)
	}
	return key, nil
}

// verifyKey verifies a signature: ECDSA in DER, Ed25519, or RSA PKCS #1 v1.5.
// algorithm names the hash; empty: SHA-256, which is also what Node.js takes.
func verifyKey(key crypto.PublicKey, algorithm string, message, signature []byte) error {
	hash, err := hashByName(algorithm)
	if err != nil {
		return err
	}
	h := hash.New()
	h.Write(message)
	digest := h.Sum(nil)
	good := false
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		good = ecdsa.VerifyASN1(k, digest, signature)
	case ed25519.PublicKey:
		good = ed25519.Verify(k, message, signature)
	case *rsa.PublicKey:
		good = rsa.VerifyPKCS1v15(k, hash, digest, signature) == nil
	}
	if !good {
		return errors.New("the signature does not verify")
	}
	return nil
}

func hashByName(algorithm string) (crypto.Hash, error) {
	name := strings.ToLower(algorithm)
	name = strings.TrimPrefix(strings.TrimPrefix(name, "rsa-"), "ecdsa-")
	switch strings.ReplaceAll(name, "-", "") {
	case "", "sha256", "ed25519", "eddsa", "es256", "rs256":
		return crypto.SHA256, nil
	case "sha384":
		return crypto.SHA384, nil
	case "sha512":
		return crypto.SHA512, nil
	}
	return 0, fmt.Errorf("algorithm: %q is not served, want sha256, sha384 or sha512", algorithm)
}
