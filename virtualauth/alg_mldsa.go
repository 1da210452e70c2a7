package virtualauth

import (
	"crypto"
	"encoding/asn1"
	"fmt"

	"filippo.io/mldsa"
)

// ktyAKP is the key type Algorithm Key Pair, and cosePub its public key.
const (
	ktyAKP  = 7
	cosePub = -1
)

func mldsaAlgorithm(id int64, name string, params mldsa.Parameters, arc int) *algorithm {
	fits := func(pub crypto.PublicKey) bool {
		p, ok := pub.(*mldsa.PublicKey)
		return ok && p.Parameters() == params
	}
	return &algorithm{
		id:   id,
		name: name,
		generate: func(draw func(n int) []byte) (crypto.Signer, error) {
			return mldsa.NewPrivateKey(params, draw(mldsa.PrivateKeySize))
		},
		cose: func(dst []byte, pub crypto.PublicKey) ([]byte, error) {
			if !fits(pub) {
				return nil, fmt.Errorf("a key of type %T is no %s key", pub, name)
			}
			dst = append(dst, 0xa3, coseKty, ktyAKP, coseAlg)
			dst = appendCBORInt(dst, id)
			return appendCBORBytes(appendCBORInt(dst, cosePub), pub.(*mldsa.PublicKey).Bytes()), nil
		},
		spki: func(pub crypto.PublicKey, _ []byte) ([]byte, error) {
			if !fits(pub) {
				return nil, fmt.Errorf("a key of type %T is no %s key", pub, name)
			}
			type identifier struct{ Algorithm asn1.ObjectIdentifier }
			key := pub.(*mldsa.PublicKey).Bytes()
			return asn1.Marshal(struct {
				Algorithm identifier
				Key       asn1.BitString
			}{identifier{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, arc}}, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}})
		},
		sign: func(k crypto.Signer, message []byte, _ func(n int) []byte) ([]byte, error) {
			if sk, ok := k.(*mldsa.PrivateKey); ok {
				return sk.SignDeterministic(message, crypto.Hash(0))
			}
			return k.Sign(nil, message, crypto.Hash(0))
		},
		fits: fits,
	}
}
