package metadata

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // a name that the specification gives, not a protection
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
)

// parts are the header and payload of a JWS in compact form, verified or not.
func parts(blob []byte) (header, payload []byte, ok bool) {
	fields := bytes.Split(blob, []byte("."))
	if len(fields) != 3 {
		return nil, nil, false
	}
	var err error
	if header, err = base64.RawURLEncoding.DecodeString(string(fields[0])); err != nil {
		return nil, nil, false
	}
	if payload, err = base64.RawURLEncoding.DecodeString(string(fields[1])); err != nil {
		return nil, nil, false
	}
	return header, payload, true
}

// keyID is how metadata knows a U2F model: SHA-1 of the bits of the subject
// public key (RFC 5280 §4.2.1.2, method 1), in hexadecimal.
func keyID(c *x509.Certificate) string {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		PublicKey asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &info); err != nil {
		return ""
	}
	sum := sha1.Sum(info.PublicKey.Bytes)
	return hex.EncodeToString(sum[:])
}
