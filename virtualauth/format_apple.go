package virtualauth

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
)

// oidAppleNonce is the extension that holds the nonce.
var oidAppleNonce = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 8, 2}

// appleNonceExtension is SEQUENCE { [1] EXPLICIT OCTET STRING }.
func appleNonceExtension(nonce []byte) (pkix.Extension, error) {
	value, err := asn1.Marshal(struct {
		Nonce []byte `asn1:"tag:1,explicit"`
	}{nonce})
	return pkix.Extension{Id: oidAppleNonce, Value: value}, err
}

// appleAnonymous is https://www.w3.org/TR/webauthn-3/#sctn-apple-anonymous-attestation:
// a certificate over the credential key, made for a nonce, and no signature.
func appleAnonymous(in *statementInput) ([]byte, crypto.Signer, error) {
	ca, err := appleAuthority()
	if err != nil {
		return nil, nil, fmt.Errorf("apple attestation: %w", err)
	}
	nonce := sha256.Sum256(in.toBeSigned())
	if in.bend.nonce != nil {
		copy(nonce[:], in.bend.nonce)
	}
	extension, err := appleNonceExtension(nonce[:])
	if err != nil {
		return nil, nil, fmt.Errorf("apple attestation: %w", err)
	}
	name := hex.EncodeToString(nonce[:])
	made, err := newLeaf(leaf{
		label: "Apple " + name, subject: &pkix.Name{CommonName: name, OrganizationalUnit: []string{"AAA Certification"}, Organization: []string{"Touchstone"}},
		pub: in.leafKeyOr(in.key.Public()), extensions: []pkix.Extension{extension}, bend: in.bend.leaf,
	}, in.issuerOr(ca.intermediate))
	if err != nil {
		return nil, nil, fmt.Errorf("apple attestation: %w", err)
	}
	return appendX5C(appendCBORHead(nil, cborMap, 1), in.x5c(made)), nil, nil
}
