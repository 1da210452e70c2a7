// Package attestation holds the verification procedures of WebAuthn Level 3 §8
// (https://www.w3.org/TR/webauthn-3/#sctn-defined-attestation-formats), one
// named step after the other, with the trust anchors taken from configuration.
package attestation

import "crypto/x509"

// Anchors are the trust anchors that the Relying Party accepts
// (https://www.w3.org/TR/webauthn-3/#reg-ceremony-attestation-trust-anchors).
type Anchors struct {
	// Certificates anchor chains of any format.
	Certificates []*x509.Certificate
	// Keys are SHA-256 hashes of SubjectPublicKeyInfo: a leaf or issuer with this
	// key is trusted whatever its certificate says. Chromium's virtual
	// authenticator signs with one constant key under ever new certificates.
	Keys [][32]byte
}
