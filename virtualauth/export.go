package virtualauth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"

	"filippo.io/mldsa"
	mldsax509 "filippo.io/mldsa/x509"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidSecp256k1   = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
)

// pkcs8 is a PrivateKeyInfo (RFC 5958).
type pkcs8 struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	PrivateKey []byte
}

// ecPrivateKey is RFC 5915.
type ecPrivateKey struct {
	Version    int
	PrivateKey []byte
	Curve      asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	PublicKey  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

// MarshalPKCS8 writes a private key of any algorithm in Algorithms as PKCS #8
// in DER. Keys that are not in this process, such as a smart card's, cannot be written.
func MarshalPKCS8(k crypto.Signer) ([]byte, error) {
	switch k := k.(type) {
	case *ecdsa.PrivateKey, *rsa.PrivateKey, ed25519.PrivateKey:
		return x509.MarshalPKCS8PrivateKey(k)
	case *mldsa.PrivateKey:
		return mldsax509.MarshalPKCS8PrivateKey(k)
	case secp256k1Key:
		inner, err := asn1.Marshal(ecPrivateKey{
			Version: 1, PrivateKey: k.key.Serialize(),
			PublicKey: asn1.BitString{Bytes: k.key.PubKey().SerializeUncompressed(), BitLength: 65 * 8},
		})
		if err != nil {
			return nil, fmt.Errorf("PKCS #8: %w", err)
		}
		curve, err := asn1.Marshal(oidSecp256k1)
		if err != nil {
			return nil, fmt.Errorf("PKCS #8: %w", err)
		}
		return asn1.Marshal(pkcs8{Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidECPublicKey, Parameters: asn1.RawValue{FullBytes: curve}}, PrivateKey: inner})
	default:
		return nil, fmt.Errorf("PKCS #8: a key of type %T cannot be written", k)
	}
}

// ParsePKCS8 reads what MarshalPKCS8 writes.
func ParsePKCS8(der []byte) (crypto.Signer, error) {
	if k, ok := parseSecp256k1(der); ok {
		return k, nil
	}
	k, err := mldsax509.ParsePKCS8PrivateKey(der) // which knows the standard library's too
	if err != nil {
		return nil, fmt.Errorf("PKCS #8: %w", err)
	}
	signer, ok := k.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("PKCS #8: a key of type %T does not sign", k)
	}
	if _, err := algorithmFor(signer, 0); err != nil {
		return nil, fmt.Errorf("PKCS #8: %w", err)
	}
	return signer, nil
}

func parseSecp256k1(der []byte) (crypto.Signer, bool) {
	var outer pkcs8
	var curve asn1.ObjectIdentifier
	var inner ecPrivateKey
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 || !outer.Algorithm.Algorithm.Equal(oidECPublicKey) {
		return nil, false
	}
	if _, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &curve); err != nil || !curve.Equal(oidSecp256k1) {
		return nil, false
	}
	if _, err := asn1.Unmarshal(outer.PrivateKey, &inner); err != nil {
		return nil, false
	}
	var scalar secp256k1.ModNScalar
	if len(inner.PrivateKey) != 32 || scalar.SetByteSlice(inner.PrivateKey) || scalar.IsZero() {
		return nil, false
	}
	return secp256k1Key{secp256k1.NewPrivateKey(&scalar)}, true
}

// Form is a JSON form of a credential.
type Form int

const (
	// FormNative keeps everything, also what extensions stored.
	FormNative Form = iota
	// FormCDP is a WebAuthn.Credential of the Chrome DevTools Protocol: binary in
	// padded base64 of the standard alphabet, the key as PKCS #8.
	FormCDP
	// FormVirtualWebAuthn is a credential of github.com/descope/virtualwebauthn. It
	// has id, key and counter only: ImportJSON leaves RP ID, user handle and
	// residency for the caller to set.
	FormVirtualWebAuthn
)

// nativeCredential is FormNative.
type nativeCredential struct {
	ID              b64    `json:"id"`
	RPID            string `json:"rpId"`
	RPIDHash        b64    `json:"rpIdHash,omitempty"`
	UserHandle      b64    `json:"userHandle,omitempty"`
	UserName        string `json:"userName,omitempty"`
	UserDisplayName string `json:"userDisplayName,omitempty"`
	PrivateKey      b64    `json:"privateKey"`
	Algorithm       int64  `json:"algorithm"`
	SignCount       uint32 `json:"signCount"`
	Resident        bool   `json:"resident"`
	BackupEligible  bool   `json:"backupEligible"`
	BackupState     bool   `json:"backupState"`
	CredProtect     uint8  `json:"credProtect,omitempty"`
	HMACSecret      bool   `json:"hmacSecret,omitempty"`
	CredRandom      b64    `json:"credRandom,omitempty"`
	CredBlob        b64    `json:"credBlob,omitempty"`
	LargeBlobKey    b64    `json:"largeBlobKey,omitempty"`
	LargeBlob       b64    `json:"largeBlob,omitempty"`
}

// b64 is binary in unpadded base64url.
type b64 []byte

func (b b64) MarshalJSON() ([]byte, error)     { return jsonBase64(b), nil }
func (b *b64) UnmarshalJSON(data []byte) error { return (*base64Bytes)(b).UnmarshalJSON(data) }

// cdpCredential is FormCDP (https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/#type-Credential).
type cdpCredential struct {
	CredentialID      []byte `json:"credentialId"`
	Resident          bool   `json:"isResidentCredential"`
	RPID              string `json:"rpId,omitempty"`
	PrivateKey        []byte `json:"privateKey"`
	UserHandle        []byte `json:"userHandle,omitempty"`
	SignCount         int64  `json:"signCount"`
	LargeBlob         []byte `json:"largeBlob,omitempty"`
	BackupEligibility bool   `json:"backupEligibility"`
	BackupState       bool   `json:"backupState"`
	UserName          string `json:"userName,omitempty"`
	UserDisplayName   string `json:"userDisplayName,omitempty"`
}

// virtualWebAuthnCredential is FormVirtualWebAuthn.
type virtualWebAuthnCredential struct {
	ID  []byte `json:"id"`
	Key struct {
		Type string `json:"type"`
		Data []byte `json:"data"`
	} `json:"key"`
	Counter uint32 `json:"counter,omitempty"`
}

// ExportJSON writes the stored credential with this id, its private key included.
func (a *Authenticator) ExportJSON(id []byte, form Form) ([]byte, error) {
	c, ok := a.Credential(id)
	if !ok {
		return nil, fmt.Errorf("export: no credential with id %x", id)
	}
	if c.extras.hmac && c.extras.credRandom == nil {
		c.extras.credRandom = append(a.credRandom(&c, false), a.credRandom(&c, true)...)
	}
	if c.extras.large && c.extras.blobKey == nil {
		c.extras.blobKey = a.LargeBlobKey(&c)
	}
	return c.ExportJSON(form)
}

// ExportJSON writes a credential, its private key included. Of what the
// hmac-secret and largeBlob extensions drew from the seed, only
// Authenticator.ExportJSON knows.
func (c *Credential) ExportJSON(form Form) ([]byte, error) {
	key, err := MarshalPKCS8(c.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	switch form {
	case FormNative:
		x := &c.extras
		return json.Marshal(nativeCredential{
			ID: c.ID, RPID: c.RPID, RPIDHash: c.RPIDHash, UserHandle: c.UserHandle, UserName: c.UserName, UserDisplayName: c.UserDisplayName,
			PrivateKey: key, Algorithm: c.Algorithm, SignCount: c.SignCount, Resident: c.Resident,
			BackupEligible: c.BackupEligible, BackupState: c.BackupState,
			CredProtect: x.protect, HMACSecret: x.hmac, CredRandom: x.credRandom, CredBlob: x.credBlob, LargeBlobKey: x.blobKey, LargeBlob: x.largeBlob,
		})
	case FormCDP:
		return json.Marshal(cdpCredential{
			CredentialID: c.ID, Resident: c.Resident, RPID: c.RPID, PrivateKey: key, UserHandle: c.UserHandle, SignCount: int64(c.SignCount),
			LargeBlob: c.extras.largeBlob, BackupEligibility: c.BackupEligible, BackupState: c.BackupState,
			UserName: c.UserName, UserDisplayName: c.UserDisplayName,
		})
	case FormVirtualWebAuthn:
		v := virtualWebAuthnCredential{ID: c.ID, Counter: c.SignCount}
		switch c.Algorithm {
		case ES256:
			v.Key.Type = "ec2"
		case RS256:
			v.Key.Type = "rsa"
		default:
			return nil, fmt.Errorf("export: virtualwebauthn has no %s keys", AlgorithmName(c.Algorithm))
		}
		v.Key.Data = key
		return json.Marshal(v)
	default:
		return nil, fmt.Errorf("export: no form %d", form)
	}
}

// ImportJSON reads a credential in one of the forms, for Authenticator.Import.
func ImportJSON(data []byte, form Form) (Credential, error) {
	var c Credential
	var key []byte
	switch form {
	case FormNative:
		var n nativeCredential
		if err := json.Unmarshal(data, &n); err != nil {
			return c, fmt.Errorf("import: %w", err)
		}
		key = n.PrivateKey
		c = Credential{
			ID: n.ID, RPID: n.RPID, RPIDHash: n.RPIDHash, UserHandle: n.UserHandle, UserName: n.UserName, UserDisplayName: n.UserDisplayName,
			Algorithm: n.Algorithm, SignCount: n.SignCount, Resident: n.Resident, BackupEligible: n.BackupEligible, BackupState: n.BackupState,
			extras: credentialExtras{
				protect: n.CredProtect, hmac: n.HMACSecret, credRandom: n.CredRandom, credBlob: n.CredBlob,
				large: n.LargeBlobKey != nil, blobKey: n.LargeBlobKey, largeBlob: n.LargeBlob,
			},
		}
		switch {
		case n.CredProtect > protectRequired:
			return c, fmt.Errorf("import: credProtect is %d: use 1 to 3", n.CredProtect)
		case n.CredRandom != nil && len(n.CredRandom) != 64:
			return c, fmt.Errorf("import: credRandom has %d bytes, not 64", len(n.CredRandom))
		case n.LargeBlobKey != nil && len(n.LargeBlobKey) != 32:
			return c, fmt.Errorf("import: largeBlobKey has %d bytes, not 32", len(n.LargeBlobKey))
		case n.RPIDHash != nil && len(n.RPIDHash) != 32:
			return c, fmt.Errorf("import: rpIdHash has %d bytes, not 32", len(n.RPIDHash))
		}
	case FormCDP:
		var v cdpCredential
		if err := json.Unmarshal(data, &v); err != nil {
			return c, fmt.Errorf("import: %w", err)
		}
		if v.SignCount < 0 || v.SignCount > 1<<32-1 {
			return c, fmt.Errorf("import: signCount is %d: use 0 to 2^32-1", v.SignCount)
		}
		key = v.PrivateKey
		c = Credential{
			ID: v.CredentialID, RPID: v.RPID, UserHandle: v.UserHandle, UserName: v.UserName, UserDisplayName: v.UserDisplayName,
			SignCount: uint32(v.SignCount), Resident: v.Resident, BackupEligible: v.BackupEligibility, BackupState: v.BackupState,
			extras: credentialExtras{large: v.LargeBlob != nil, largeBlob: v.LargeBlob},
		}
	case FormVirtualWebAuthn:
		var v virtualWebAuthnCredential
		if err := json.Unmarshal(data, &v); err != nil {
			return c, fmt.Errorf("import: %w", err)
		}
		if v.Key.Type != "ec2" && v.Key.Type != "rsa" {
			return c, fmt.Errorf("import: key type %q: virtualwebauthn has ec2 and rsa", v.Key.Type)
		}
		key = v.Key.Data
		c = Credential{ID: v.ID, SignCount: v.Counter}
	default:
		return c, fmt.Errorf("import: no form %d", form)
	}
	if len(c.ID) == 0 {
		return c, errors.New("import: the credential has no id")
	}
	var err error
	if c.PrivateKey, err = ParsePKCS8(key); err != nil {
		return c, fmt.Errorf("import: %w", err)
	}
	alg, err := algorithmFor(c.PrivateKey, c.Algorithm)
	if err != nil {
		return c, fmt.Errorf("import: %w", err)
	}
	c.Algorithm = alg.id
	if c.Resident && c.UserHandle == nil {
		c.UserHandle = []byte{}
	}
	c.account = bytes.Clone(c.UserHandle)
	return c, nil
}
