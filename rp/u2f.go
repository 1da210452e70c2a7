package rp

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// u2fRegistration is a U2F registration response message, taken apart
// (https://fidoalliance.org/specs/fido-u2f-v1.2-ps-20170411/fido-u2f-raw-message-formats-v1.2-ps-20170411.html#registration-response-message-success).
type u2fRegistration struct {
	// point is the uncompressed P-256 point of the credential, 65 bytes.
	point       []byte
	keyHandle   []byte
	certificate *x509.Certificate
	signature   []byte
}

// parseU2FRegistration reads 0x05, the point, the key handle with its length in
// one byte, the attestation certificate and the signature, and nothing more.
func parseU2FRegistration(b []byte) (*u2fRegistration, error) {
	if len(b) < 67 {
		return nil, fmt.Errorf("the message has %d bytes and is too short", len(b))
	}
	if b[0] != 0x05 {
		return nil, fmt.Errorf("the message begins with 0x%02x, want 0x05", b[0])
	}
	r := &u2fRegistration{point: b[1:66]}
	if _, err := ecdh.P256().NewPublicKey(r.point); err != nil || r.point[0] != 0x04 {
		return nil, errors.New("the user public key is not an uncompressed point of P-256")
	}
	n, rest := int(b[66]), b[67:]
	if n == 0 || n > len(rest) {
		return nil, fmt.Errorf("the key handle of %d bytes is not there", n)
	}
	r.keyHandle, rest = rest[:n], rest[n:]
	// The certificate carries no length of its own but that of its DER.
	var der asn1.RawValue
	after, err := asn1.Unmarshal(rest, &der)
	if err != nil {
		return nil, errors.New("the attestation certificate is not DER")
	}
	if r.certificate, err = x509.ParseCertificate(der.FullBytes); err != nil {
		return nil, fmt.Errorf("the attestation certificate cannot be read: %w", err)
	}
	var pair struct{ R, S asn1.RawValue }
	if left, err := asn1.Unmarshal(after, &pair); err != nil || len(left) != 0 {
		return nil, errors.New("the signature is not one ECDSA signature in DER")
	}
	r.signature = after
	return r, nil
}

// verify checks the signature over 0x00, the hash of the AppID, the hash of the
// client data, the key handle and the point.
func (r *u2fRegistration) verify(appID string, clientData []byte) error {
	key, ok := r.certificate.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return errors.New("the attestation certificate has no P-256 key")
	}
	application, challenge := sha256.Sum256([]byte(appID)), sha256.Sum256(clientData)
	signed := slices.Concat([]byte{0x00}, application[:], challenge[:], r.keyHandle, r.point)
	hash := sha256.Sum256(signed)
	if !ecdsa.VerifyASN1(key, hash[:], r.signature) {
		return errors.New("the signature does not verify with the key of the attestation certificate")
	}
	return nil
}

// checkU2FClientData judges the client data of a U2F registration
// (https://fidoalliance.org/specs/fido-u2f-v1.2-ps-20170411/fido-u2f-raw-message-formats-v1.2-ps-20170411.html#client-data).
func (s *Server) checkU2FClientData(clientData []byte, challenge string) error {
	o, err := parseObject(clientData, false)
	if err != nil {
		return fmt.Errorf("client data: %w", err)
	}
	typ, err := o.text("typ")
	if err != nil {
		return fmt.Errorf("client data: %w", err)
	}
	if typ != "navigator.id.finishEnrollment" {
		return fmt.Errorf("client data: typ is %q, want navigator.id.finishEnrollment", typ)
	}
	got, err := o.text("challenge")
	if err != nil {
		return fmt.Errorf("client data: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(got), []byte(challenge)) != 1 && !s.omits("u2f.challenge") {
		return errors.New("client data: challenge is not the one issued")
	}
	origin, err := o.text("origin")
	if err != nil {
		return fmt.Errorf("client data: %w", err)
	}
	if !slices.Contains(s.cfg.Origins, origin) && !s.omits("u2f.origin") {
		return fmt.Errorf("client data: origin %q is none of this relying party's", origin)
	}
	return nil
}
