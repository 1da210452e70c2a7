package virtualauth

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	_ "embed" // for the pool of primes
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
)

// A 2048-bit RSA key costs as much as thousands of P-256 keys and cannot be
// made from drawn bytes, so RSA keys come from a pool: which of them is drawn.
// Two credentials may therefore share a key, though never an id.

//go:embed rsa_primes.txt
var rsaPrimes string

var rsaPool = sync.OnceValues(func() ([]*rsa.PrivateKey, error) {
	var pool []*rsa.PrivateKey
	for line := range strings.Lines(rsaPrimes) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 2 {
			return nil, fmt.Errorf("RSA pool: a line has %d fields", len(fields))
		}
		p, okP := new(big.Int).SetString(fields[0], 16)
		q, okQ := new(big.Int).SetString(fields[1], 16)
		if !okP || !okQ {
			return nil, fmt.Errorf("RSA pool: a prime is not hexadecimal")
		}
		k, err := rsaKey(p, q)
		if err != nil {
			return nil, fmt.Errorf("RSA pool: %w", err)
		}
		pool = append(pool, k)
	}
	return pool, nil
})

// rsaKey is the key with these primes and exponent 65537.
func rsaKey(p, q *big.Int) (*rsa.PrivateKey, error) {
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	k := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(big.NewInt(65537), phi),
		Primes:    []*big.Int{p, q},
	}
	if k.D == nil {
		return nil, fmt.Errorf("65537 divides a prime less one")
	}
	k.Precompute()
	return k, k.Validate()
}

const ktyRSA = 3

// Labels of an RSA COSE_Key (RFC 8230 §4).
const (
	coseN = -1
	coseE = -2
)

func rsaAlgorithm(id int64, name string, hash crypto.Hash, pss bool) *algorithm {
	return &algorithm{
		id:   id,
		name: name,
		generate: func(draw func(n int) []byte) (crypto.Signer, error) {
			pool, err := rsaPool()
			if err != nil {
				return nil, err
			}
			return pool[binary.BigEndian.Uint64(draw(8))%uint64(len(pool))], nil
		},
		cose: func(dst []byte, pub crypto.PublicKey) ([]byte, error) {
			p, ok := pub.(*rsa.PublicKey)
			if !ok {
				return nil, fmt.Errorf("a key of type %T is no RSA key", pub)
			}
			dst = append(dst, 0xa4, coseKty, ktyRSA, coseAlg)
			dst = appendCBORInt(dst, id)
			dst = appendCBORBytes(appendCBORInt(dst, coseN), p.N.Bytes())
			return appendCBORBytes(appendCBORInt(dst, coseE), big.NewInt(int64(p.E)).Bytes()), nil
		},
		spki: func(pub crypto.PublicKey, _ []byte) ([]byte, error) { return x509.MarshalPKIXPublicKey(pub) },
		sign: func(k crypto.Signer, message []byte, draw func(n int) []byte) ([]byte, error) {
			h := hash.New()
			h.Write(message)
			digest := h.Sum(nil)
			if !pss {
				return k.Sign(nil, digest, hash)
			}
			// The salt is drawn too, so that signing stays reproducible.
			var salt io.Reader = nonceSource(k)
			if draw != nil {
				salt = bytes.NewReader(draw(4 * hash.Size()))
			}
			return k.Sign(salt, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash})
		},
		fits: func(pub crypto.PublicKey) bool {
			_, ok := pub.(*rsa.PublicKey)
			return ok
		},
	}
}
