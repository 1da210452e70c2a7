package virtualwebauthn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// KeyType is a kind of key.
type KeyType string

// The kinds of key. An EC2 key that is made here is P-256, an RSA key has 2048 bits.
const (
	KeyTypeEC2 KeyType = "ec2"
	KeyTypeRSA KeyType = "rsa"
)

const rsaBits = 2048

// Key is a credential's private key.
type Key struct {
	Type KeyType `json:"type"`
	// Data is the key in PKCS #8, as DER.
	Data []byte `json:"data"`
}

// newKey makes a key; for a type that is none the key has no data and cannot sign.
func (keyType KeyType) newKey() *Key {
	k := &Key{Type: keyType}
	var private any
	var err error
	switch keyType {
	case KeyTypeEC2:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case KeyTypeRSA:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		return k
	}
	if err == nil {
		k.Data, _ = x509.MarshalPKCS8PrivateKey(private) // fails for other types of key only
	}
	return k
}

// AttestationData is the public key as a COSE_Key in CBOR; nil where the key
// cannot be used, and Sign says why.
func (k *Key) AttestationData() []byte {
	u, err := k.open()
	if err != nil {
		return nil
	}
	return u.cose
}

// Sign signs a digest: ECDSA in ASN.1, or RSASSA-PKCS1-v1_5 of a SHA-256 digest.
func (k *Key) Sign(digest []byte) (signature []byte, err error) {
	u, err := k.open()
	if err != nil {
		return nil, err
	}
	return u.signer.Sign(rand.Reader, digest, crypto.SHA256)
}

// usableKey is a key ready for use.
type usableKey struct {
	signer    crypto.Signer
	algorithm int64
	hash      crypto.Hash
	cose      []byte
	spki      []byte
}

// open reads the key anew each time, so that a key that is shared is only ever read.
func (k *Key) open() (*usableKey, error) {
	if k == nil {
		return nil, errors.New("the credential has no key")
	}
	if k.Type != KeyTypeEC2 && k.Type != KeyTypeRSA {
		return nil, fmt.Errorf("key type %q: use KeyTypeEC2 or KeyTypeRSA", k.Type)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(k.Data)
	if err != nil {
		return nil, fmt.Errorf("key data of type %s are not PKCS #8: %w", k.Type, err)
	}
	u := &usableKey{hash: crypto.SHA256}
	source := virtualauth.Credential{}
	switch private := parsed.(type) {
	case *ecdsa.PrivateKey:
		if k.Type != KeyTypeEC2 {
			return nil, fmt.Errorf("key data of type %s hold an EC key", k.Type)
		}
		switch private.Curve {
		case elliptic.P256():
			source.Algorithm = virtualauth.ES256
		case elliptic.P384():
			source.Algorithm, u.hash = virtualauth.ES384, crypto.SHA384
		case elliptic.P521():
			source.Algorithm, u.hash = virtualauth.ES512, crypto.SHA512
		default:
			return nil, fmt.Errorf("an EC key on %s: use P-256, P-384 or P-521", private.Curve.Params().Name)
		}
		source.PrivateKey = private
	case *rsa.PrivateKey:
		if k.Type != KeyTypeRSA {
			return nil, fmt.Errorf("key data of type %s hold an RSA key", k.Type)
		}
		source.PrivateKey, source.Algorithm = private, virtualauth.RS256
	default:
		return nil, fmt.Errorf("key data of type %s hold a key of type %T", k.Type, parsed)
	}
	u.signer, u.algorithm = source.PrivateKey, source.Algorithm
	if u.cose, err = source.COSEKey(); err != nil {
		return nil, err
	}
	u.spki, err = x509.MarshalPKIXPublicKey(u.signer.Public())
	return u, err
}

// sign signs a message with the hash of the algorithm.
func (u *usableKey) sign(message []byte) ([]byte, error) {
	h := u.hash.New()
	h.Write(message)
	return u.signer.Sign(rand.Reader, h.Sum(nil), u.hash)
}

// cborHead is the head of a CBOR data item in its shortest form (RFC 8949 §3).
func cborHead(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return []byte{major<<5 | 25, byte(n >> 8), byte(n)}
	default:
		return []byte{major<<5 | 26, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	}
}

func cborInt(v int64) []byte {
	if v < 0 {
		return cborHead(1, uint64(-1-v))
	}
	return cborHead(0, uint64(v))
}

func cborBytes(b []byte) []byte { return append(cborHead(2, uint64(len(b))), b...) }

func cborText(s string) []byte { return append(cborHead(3, uint64(len(s))), s...) }

// Credential is a public key credential source.
type Credential struct {
	ID  []byte `json:"id"`
	Key *Key   `json:"key"`
	// Counter is the signature counter that the next response reports; the
	// caller moves it.
	Counter uint32 `json:"counter,omitempty"`
}

// NewCredential makes a credential with a random id and a new key. With a type
// that is none of the KeyType constants, what the credential is used for fails.
func NewCredential(keyType KeyType) Credential {
	return Credential{ID: randomBytes(32), Key: keyType.newKey()}
}

// NewCredentialWithImportedKey makes a credential with a random id and a key in
// PKCS #8, as DER. Key data that cannot be used show when they are used.
func NewCredentialWithImportedKey(keyType KeyType, keyData []byte) Credential {
	return Credential{ID: randomBytes(32), Key: &Key{Type: keyType, Data: keyData}}
}

// IsExcludedForAttestation says whether excludeCredentials lists the credential.
func (c *Credential) IsExcludedForAttestation(options AttestationOptions) bool {
	return slices.Contains(options.ExcludeCredentials, base64.RawURLEncoding.EncodeToString(c.ID))
}

// IsAllowedForAssertion says whether allowCredentials lists the credential.
func (c *Credential) IsAllowedForAssertion(options AssertionOptions) bool {
	return slices.Contains(options.AllowCredentials, base64.RawURLEncoding.EncodeToString(c.ID))
}
