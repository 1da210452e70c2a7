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
func keyDescriptionExtension(challenge []byte, pub crypto.PublicKey) (pkix.Extension, error) {
	algorithm, size := keyAlgorithmEC, 256
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		size = k.Params().BitSize
	case *rsa.PublicKey:
		algorithm, size = keyAlgorithmRSA, k.N.BitLen()
	default:
		return pkix.Extension{}, fmt.Errorf("an Android keystore has no keys of type %T", pub)
	}
	value, err := asn1.Marshal(struct {
		AttestationVersion       int
		AttestationSecurityLevel asn1.Enumerated
		KeyMintVersion           int
		KeyMintSecurityLevel     asn1.Enumerated
		AttestationChallenge     []byte
		UniqueID                 []byte
		SoftwareEnforced         struct{}
		HardwareEnforced         struct {
			Purpose   []int `asn1:"tag:1,explicit,set"`
			Algorithm int   `asn1:"tag:2,explicit"`
			KeySize   int   `asn1:"tag:3,explicit"`
			Origin    asn1.RawValue
		}
	}{
		AttestationVersion: 300, AttestationSecurityLevel: keyLevelTEE, KeyMintVersion: 300, KeyMintSecurityLevel: keyLevelTEE,
		AttestationChallenge: challenge, UniqueID: []byte{},
		HardwareEnforced: struct {
			Purpose   []int `asn1:"tag:1,explicit,set"`
			Algorithm int   `asn1:"tag:2,explicit"`
			KeySize   int   `asn1:"tag:3,explicit"`
			Origin    asn1.RawValue
		}{[]int{keyPurposeSign}, algorithm, size, keyOriginGenerated},
	})
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
	description, err := keyDescriptionExtension(in.clientDataHash, in.key.Public())
	if err != nil {
		return nil, nil, fmt.Errorf("android-key attestation: %w", err)
	}
	made, err := newLeaf(leaf{
		label: "Android Keystore Key " + hex.EncodeToString(in.clientDataHash), subject: &pkix.Name{CommonName: "Android Keystore Key"},
		pub: in.key.Public(), extensions: []pkix.Extension{description},
	}, ca.intermediate)
	if err != nil {
		return nil, nil, fmt.Errorf("android-key attestation: %w", err)
	}
	sig, err := signOver(in.key, in.algorithm, in.authData, in.clientDataHash, in.draw)
	if err != nil {
		return nil, nil, fmt.Errorf("android-key attestation: %w", err)
	}
	return packedStatement(in.algorithm, sig, made.chain()), nil, nil
}
