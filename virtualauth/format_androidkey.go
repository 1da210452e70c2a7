package virtualauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
)

// oidKeyDescription is the Android key attestation certificate extension.
var oidKeyDescription = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 17}

// keyOriginGenerated is origin [702] EXPLICIT INTEGER 0, which encoding/asn1
// would leave out as a zero value.
var keyOriginGenerated = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 702, IsCompound: true, Bytes: []byte{2, 1, 0}}

// keyMaster purposes, algorithms and security levels (Android KeyMint).
const (
	keyPurposeSign  = 2
	keyAlgorithmRSA = 1
	keyAlgorithmEC  = 3
	keyLevelTEE     = 1
)

// keyDescriptionExtension is the extension for a credential key
// (https://www.w3.org/TR/webauthn-3/#sctn-key-attstn-cert-requirements): made
// for the challenge, in secure hardware, for signing.
// lists stands in for both authorization lists where it is not nil.
func keyDescriptionExtension(challenge []byte, pub crypto.PublicKey, lists []byte) (pkix.Extension, error) {
	algorithm, size := keyAlgorithmEC, 256
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		size = k.Params().BitSize
	case *rsa.PublicKey:
		algorithm, size = keyAlgorithmRSA, k.N.BitLen()
	default:
		return pkix.Extension{}, fmt.Errorf("an Android keystore has no keys of type %T", pub)
	}
	if lists == nil {
		hardware, err := asn1.Marshal(struct {
			Purpose   []int `asn1:"tag:1,explicit,set"`
			Algorithm int   `asn1:"tag:2,explicit"`
			KeySize   int   `asn1:"tag:3,explicit"`
			Origin    asn1.RawValue
		}{[]int{keyPurposeSign}, algorithm, size, keyOriginGenerated})
		if err != nil {
			return pkix.Extension{}, err
		}
		lists = append([]byte{0x30, 0}, hardware...) // nothing is enforced by software
	}
	head, err := asn1.Marshal(struct {
		AttestationVersion       int
		AttestationSecurityLevel asn1.Enumerated
		KeyMintVersion           int
		KeyMintSecurityLevel     asn1.Enumerated
		AttestationChallenge     []byte
		UniqueID                 []byte
	}{300, keyLevelTEE, 300, keyLevelTEE, challenge, []byte{}})
	if err != nil {
		return pkix.Extension{}, err
	}
	var inner asn1.RawValue
	if _, err := asn1.Unmarshal(head, &inner); err != nil {
		return pkix.Extension{}, err
	}
	value, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: append(inner.Bytes, lists...)})
	return pkix.Extension{Id: oidKeyDescription, Value: value}, err
}

// androidKey is https://www.w3.org/TR/webauthn-3/#sctn-android-key-attestation:
// a certificate over the credential key, made for the challenge, and a
// signature by that key.
func androidKey(in *statementInput) ([]byte, crypto.Signer, error) {
	ca, err := androidAuthority()
	if err != nil {
		return nil, nil, fmt.Errorf("android-key attestation: %w", err)
	}
	challenge := in.clientDataHash
	if in.bend.challenge != nil {
		challenge = in.bend.challenge
	}
	description, err := keyDescriptionExtension(challenge, in.key.Public(), in.bend.authorizations)
	if err != nil {
		return nil, nil, fmt.Errorf("android-key attestation: %w", err)
	}
	made, err := newLeaf(leaf{
		label: "Android Keystore Key " + hex.EncodeToString(in.clientDataHash), subject: &pkix.Name{CommonName: "Android Keystore Key"},
		pub: in.leafKeyOr(in.key.Public()), extensions: []pkix.Extension{description}, bend: in.bend.leaf,
	}, in.issuerOr(ca.intermediate))
	if err != nil {
		return nil, nil, fmt.Errorf("android-key attestation: %w", err)
	}
	signer := in.key
	if in.bend.leafKey != nil {
		signer = in.bend.leafKey // so that only the comparison of the keys tells
	}
	sig, err := signOver(signer, in.algorithm, in.authData, in.clientDataHash, in.draw)
	if err != nil {
		return nil, nil, fmt.Errorf("android-key attestation: %w", err)
	}
	return packedStatement(in.algorithm, sig, in.x5c(made)), nil, nil
}
