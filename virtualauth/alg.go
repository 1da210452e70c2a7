package virtualauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"slices"

	"filippo.io/mldsa"
)

// COSE algorithm identifiers (https://www.w3.org/TR/webauthn-3/#sctn-alg-identifier).
const (
	ES256   int64 = -7
	EdDSA   int64 = -8 // Ed25519
	ES384   int64 = -35
	ES512   int64 = -36
	PS256   int64 = -37
	PS384   int64 = -38
	PS512   int64 = -39
	ES256K  int64 = -47
	MLDSA44 int64 = -48
	MLDSA65 int64 = -49
	MLDSA87 int64 = -50
	RS256   int64 = -257
	RS384   int64 = -258
	RS512   int64 = -259
)

// COSE_Key labels and values (RFC 9052 §7, RFC 9053 §7).
const (
	coseKty = 1
	coseKid = 2
	coseAlg = 3
	coseCrv = -1
	coseX   = -2
	coseY   = -3
	coseD   = -4

	ktyOKP = 1
	ktyEC2 = 2
)

// algorithm is one signature algorithm: how a key is made from drawn bytes,
// written as a COSE_Key, and used.
type algorithm struct {
	id   int64
	name string
	// generate makes a key of bytes that draw yields; draw gives other bytes at each call.
	generate func(draw func(n int) []byte) (crypto.Signer, error)
	// cose appends the public key as a COSE_Key in the CTAP2 canonical form.
	cose func(dst []byte, pub crypto.PublicKey) ([]byte, error)
	// spki is the public key as a SubjectPublicKeyInfo in DER. coseKey is what
	// cose made of it, or nil.
	spki func(pub crypto.PublicKey, coseKey []byte) ([]byte, error)
	// sign signs a message; it is deterministic wherever draw is.
	sign func(k crypto.Signer, message []byte, draw func(n int) []byte) ([]byte, error)
	// fits says whether a key is one for this algorithm.
	fits func(pub crypto.PublicKey) bool
}

// algorithms is every algorithm, most usual first.
var algorithms = []*algorithm{
	ecAlgorithm(ES256, "ES256", elliptic.P256(), 1, crypto.SHA256),
	edAlgorithm(),
	ecAlgorithm(ES384, "ES384", elliptic.P384(), 2, crypto.SHA384),
	ecAlgorithm(ES512, "ES512", elliptic.P521(), 3, crypto.SHA512),
	rsaAlgorithm(RS256, "RS256", crypto.SHA256, false),
	rsaAlgorithm(RS384, "RS384", crypto.SHA384, false),
	rsaAlgorithm(RS512, "RS512", crypto.SHA512, false),
	rsaAlgorithm(PS256, "PS256", crypto.SHA256, true),
	rsaAlgorithm(PS384, "PS384", crypto.SHA384, true),
	rsaAlgorithm(PS512, "PS512", crypto.SHA512, true),
	secp256k1Algorithm(),
	mldsaAlgorithm(MLDSA44, "ML-DSA-44", mldsa.MLDSA44(), 17),
	mldsaAlgorithm(MLDSA65, "ML-DSA-65", mldsa.MLDSA65(), 18),
	mldsaAlgorithm(MLDSA87, "ML-DSA-87", mldsa.MLDSA87(), 19),
}

func algorithmOf(id int64) *algorithm {
	for _, a := range algorithms {
		if a.id == id {
			return a
		}
	}
	return nil
}

// Algorithms lists the COSE identifiers of every algorithm that an
// authenticator can have, the most usual first.
func Algorithms() []int64 {
	ids := make([]int64, len(algorithms))
	for i, a := range algorithms {
		ids[i] = a.id
	}
	return ids
}

// AlgorithmName is the name of a COSE algorithm that Algorithms lists, such as
// ES256, or the number of one that it does not.
func AlgorithmName(id int64) string {
	if a := algorithmOf(id); a != nil {
		return a.name
	}
	return fmt.Sprint(id)
}

// algorithmFor is the algorithm with this id where k is a key for it; for id 0
// the usual one for the key.
func algorithmFor(k crypto.Signer, id int64) (*algorithm, error) {
	if k == nil {
		return nil, fmt.Errorf("no private key")
	}
	pub := k.Public()
	if id != 0 {
		a := algorithmOf(id)
		if a == nil {
			return nil, fmt.Errorf("algorithm %d is not supported: use one of %v", id, Algorithms())
		}
		if !a.fits(pub) {
			return nil, fmt.Errorf("a key of type %T is not one for %s", pub, a.name)
		}
		return a, nil
	}
	for _, a := range algorithms {
		if a.fits(pub) {
			return a, nil
		}
	}
	return nil, fmt.Errorf("no algorithm for a key of type %T", pub)
}

func ecAlgorithm(id int64, name string, curve elliptic.Curve, coseCurve int64, hash crypto.Hash) *algorithm {
	size := (curve.Params().BitSize + 7) / 8
	return &algorithm{
		id:   id,
		name: name,
		generate: func(draw func(n int) []byte) (crypto.Signer, error) {
			for range 64 {
				b := draw(size)
				if excess := size*8 - curve.Params().BitSize; excess > 0 {
					b[0] &= 0xff >> excess
				}
				if k, err := ecdsa.ParseRawPrivateKey(curve, b); err == nil {
					return k, nil
				}
			}
			return nil, fmt.Errorf("no private key for %s in 64 draws", name)
		},
		cose: func(dst []byte, pub crypto.PublicKey) ([]byte, error) {
			point, err := ecPoint(pub)
			if err != nil {
				return nil, err
			}
			dst = append(dst, 0xa5, coseKty, ktyEC2, coseAlg)
			dst = appendCBORInt(dst, id)
			dst = appendCBORInt(appendCBORInt(dst, coseCrv), coseCurve)
			dst = appendCBORBytes(appendCBORInt(dst, coseX), point[1:1+size])
			return appendCBORBytes(appendCBORInt(dst, coseY), point[1+size:]), nil
		},
		spki: func(pub crypto.PublicKey, coseKey []byte) ([]byte, error) {
			if id != ES256 || len(coseKey) != 77 {
				return x509.MarshalPKIXPublicKey(pub)
			}
			// x and y lie at fixed places in the COSE_Key of a P-256 key.
			der := append(make([]byte, 0, len(p256SPKI)+65), p256SPKI...)
			return append(append(append(der, 4), coseKey[10:42]...), coseKey[45:77]...), nil
		},
		sign: func(k crypto.Signer, message []byte, _ func(n int) []byte) ([]byte, error) {
			if hash == crypto.SHA256 {
				digest := sha256.Sum256(message)
				return k.Sign(nonceSource(k), digest[:], hash)
			}
			h := hash.New()
			h.Write(message)
			return k.Sign(nonceSource(k), h.Sum(nil), hash)
		},
		fits: func(pub crypto.PublicKey) bool {
			p, ok := pub.(*ecdsa.PublicKey)
			return ok && p.Curve == curve
		},
	}
}

// p256SPKI is the SubjectPublicKeyInfo of a P-256 key up to the point (RFC 5480).
var p256SPKI = []byte{
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
}

// nonceSource is nil for keys that then sign by RFC 6979, and the system's
// random source for those that cannot do without one.
func nonceSource(k crypto.Signer) io.Reader {
	if _, ok := k.(*ecdsa.PrivateKey); ok {
		return nil
	}
	return rand.Reader
}

// ecPoint is the uncompressed point of an ECDSA key.
func ecPoint(pub crypto.PublicKey) ([]byte, error) {
	p, ok := pub.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("a key of type %T is no ECDSA key", pub)
	}
	return p.Bytes()
}

func edAlgorithm() *algorithm {
	return &algorithm{
		id:   EdDSA,
		name: "EdDSA",
		generate: func(draw func(n int) []byte) (crypto.Signer, error) {
			return ed25519.NewKeyFromSeed(draw(ed25519.SeedSize)), nil
		},
		cose: func(dst []byte, pub crypto.PublicKey) ([]byte, error) {
			p, ok := pub.(ed25519.PublicKey)
			if !ok {
				return nil, fmt.Errorf("a key of type %T is no Ed25519 key", pub)
			}
			dst = append(dst, 0xa4, coseKty, ktyOKP, coseAlg)
			dst = appendCBORInt(dst, EdDSA)
			dst = appendCBORInt(appendCBORInt(dst, coseCrv), 6)
			return appendCBORBytes(appendCBORInt(dst, coseX), p), nil
		},
		spki: func(pub crypto.PublicKey, _ []byte) ([]byte, error) { return x509.MarshalPKIXPublicKey(pub) },
		sign: func(k crypto.Signer, message []byte, _ func(n int) []byte) ([]byte, error) {
			return k.Sign(nil, message, crypto.Hash(0))
		},
		fits: func(pub crypto.PublicKey) bool {
			_, ok := pub.(ed25519.PublicKey)
			return ok
		},
	}
}

// ecdsaSignature is an ECDSA signature's two numbers.
type ecdsaSignature struct{ R, S *big.Int }

func parseECDSASignature(der []byte) (ecdsaSignature, error) {
	var s ecdsaSignature
	rest, err := asn1.Unmarshal(der, &s)
	if err != nil {
		return s, fmt.Errorf("ECDSA signature: %w", err)
	}
	if len(rest) > 0 {
		return s, fmt.Errorf("ECDSA signature: %d bytes behind it", len(rest))
	}
	return s, nil
}

func (s ecdsaSignature) marshal() ([]byte, error) { return asn1.Marshal(s) }

// supported picks the first of the parameters that is among the algorithms.
func supported(params []PubKeyCredParam, algs []int64) (int64, bool) {
	for _, p := range params {
		if p.Type == publicKeyType && slices.Contains(algs, p.Alg) {
			return p.Alg, true
		}
	}
	return 0, false
}

// publicKeyType is the only credential type there is
// (https://www.w3.org/TR/webauthn-3/#enumdef-publickeycredentialtype).
const publicKeyType = "public-key"
