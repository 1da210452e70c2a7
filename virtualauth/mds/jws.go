package mds

import (
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// deterministic signs as RFC 6979 says, so that one payload is always one BLOB;
// go-jose's own ECDSA signer draws a random number.
type deterministic struct{ leaf *virtualauth.Leaf }

func (d deterministic) Public() *jose.JSONWebKey { return &jose.JSONWebKey{Key: d.leaf.Key.Public()} }

func (d deterministic) Algs() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.ES256}
}

func (d deterministic) SignPayload(payload []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	sum := sha256.Sum256(payload)
	der, err := d.leaf.Key.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		return nil, err
	}
	sig := make([]byte, 64)
	rs.R.FillBytes(sig[:32])
	rs.S.FillBytes(sig[32:])
	return sig, nil
}

// compact signs a payload, with one defect at most.
func compact(payload []byte, by *virtualauth.Leaf, d Defect) ([]byte, error) {
	var x5c []string
	for _, der := range by.Chain {
		x5c = append(x5c, base64.StdEncoding.EncodeToString(der))
	}
	if d == MissingIntermediate {
		x5c = x5c[:1]
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: deterministic{by}}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("x5c", x5c))
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	signed, err := s.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("serialise: %w", err)
	}
	head, body, signature := parts(text)
	switch d {
	case FlippedBit:
		sig, err := base64.RawURLEncoding.DecodeString(signature)
		if err != nil {
			return nil, err
		}
		sig[len(sig)-1] ^= 1
		signature = base64.RawURLEncoding.EncodeToString(sig)
	case AlgorithmNone:
		plain, err := base64.RawURLEncoding.DecodeString(head)
		if err != nil {
			return nil, err
		}
		head, signature = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(plain), `"ES256"`, `"none"`, 1))), ""
	}
	return []byte(head + "." + body + "." + signature), nil
}

func parts(text string) (head, body, signature string) {
	head, rest, _ := strings.Cut(text, ".")
	body, signature, _ = strings.Cut(rest, ".")
	return head, body, signature
}
