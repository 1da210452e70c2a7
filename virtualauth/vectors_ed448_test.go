package virtualauth

import (
	"crypto"
	"fmt"

	"github.com/cloudflare/circl/sign/ed448"
)

// ed448Algorithm is Ed448 (COSE -53, OKP curve 7) for the specification's one
// vector of it. It is in the tests alone: no browser, platform or security key is
// known to make such credentials, and the package has no other need of the library.
var ed448Algorithm = &algorithm{
	id: -53, name: "Ed448",
	cose: func(dst []byte, pub crypto.PublicKey) ([]byte, error) {
		p, ok := pub.(ed448.PublicKey)
		if !ok {
			return nil, fmt.Errorf("a key of type %T is no Ed448 key", pub)
		}
		dst = appendCBORInt(append(dst, 0xa4, coseKty, ktyOKP, coseAlg), -53)
		dst = appendCBORInt(appendCBORInt(dst, coseCrv), 7)
		return appendCBORBytes(appendCBORInt(dst, coseX), p), nil
	},
	sign: func(k crypto.Signer, message []byte, _ func(n int) []byte) ([]byte, error) {
		return k.Sign(nil, message, crypto.Hash(0))
	},
	fits: func(pub crypto.PublicKey) bool {
		_, ok := pub.(ed448.PublicKey)
		return ok
	},
}
