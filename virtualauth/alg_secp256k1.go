package virtualauth

import (
	"crypto"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// secp256k1Key is a secp256k1 key as a crypto.Signer: it signs digests by RFC
// 6979, in DER.
type secp256k1Key struct{ key *secp256k1.PrivateKey }

// Public returns a *secp256k1.PublicKey.
func (k secp256k1Key) Public() crypto.PublicKey { return k.key.PubKey() }

func (k secp256k1Key) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	return ecdsa.Sign(k.key, digest).Serialize(), nil
}

// secp256k1SPKI is the SubjectPublicKeyInfo of a secp256k1 key up to the point (RFC 5480, SEC 2).
var secp256k1SPKI = []byte{
	0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0x03, 0x42, 0x00,
}

func secp256k1Algorithm() *algorithm {
	point := func(pub crypto.PublicKey) ([]byte, error) {
		p, ok := pub.(*secp256k1.PublicKey)
		if !ok {
			return nil, fmt.Errorf("a key of type %T is no secp256k1 key", pub)
		}
		return p.SerializeUncompressed(), nil
	}
	return &algorithm{
		id:   ES256K,
		name: "ES256K",
		generate: func(draw func(n int) []byte) (crypto.Signer, error) {
			for range 64 {
				var scalar secp256k1.ModNScalar
				if overflow := scalar.SetByteSlice(draw(32)); !overflow && !scalar.IsZero() {
					return secp256k1Key{secp256k1.NewPrivateKey(&scalar)}, nil
				}
			}
			return nil, fmt.Errorf("no private key for ES256K in 64 draws")
		},
		cose: func(dst []byte, pub crypto.PublicKey) ([]byte, error) {
			p, err := point(pub)
			if err != nil {
				return nil, err
			}
			dst = append(dst, 0xa5, coseKty, ktyEC2, coseAlg)
			dst = appendCBORInt(dst, ES256K)
			dst = appendCBORInt(appendCBORInt(dst, coseCrv), 8)
			dst = appendCBORBytes(appendCBORInt(dst, coseX), p[1:33])
			return appendCBORBytes(appendCBORInt(dst, coseY), p[33:]), nil
		},
		spki: func(pub crypto.PublicKey, _ []byte) ([]byte, error) {
			p, err := point(pub)
			if err != nil {
				return nil, err
			}
			return append(append([]byte{}, secp256k1SPKI...), p...), nil
		},
		sign: func(k crypto.Signer, message []byte, _ func(n int) []byte) ([]byte, error) {
			digest := sha256.Sum256(message)
			return k.Sign(nil, digest[:], crypto.SHA256)
		},
		fits: func(pub crypto.PublicKey) bool {
			_, ok := pub.(*secp256k1.PublicKey)
			return ok
		},
	}
}
