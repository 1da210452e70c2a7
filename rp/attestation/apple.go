package attestation

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// apple is https://www.w3.org/TR/webauthn-3/#sctn-apple-anonymous-attestation. Apple's
// authenticators write an alg beside x5c, which the CDDL does not name.
func apple() *procedure {
	return &procedure{format: "apple", section: "8.8", anchor: "sctn-apple-anonymous-attestation", steps: []step{
		syntax([]field{{"x5c", cose.Array, false}}, "alg"),
		x5cStep(true),
		{name: "nonce", title: "the certificate's nonce is the hash of authenticator data and client data hash", prepare: readAppleNonce, check: func(st *statement) error {
			if want := sha256.Sum256(st.signed); !bytes.Equal(st.appleNonce, want[:]) {
				return fmt.Errorf("the nonce of the attestation certificate is %.64x, expected %x", st.appleNonce, want)
			}
			return nil
		}},
		{name: "public-key", title: "the certificate's key is the credential public key", check: func(st *statement) error {
			if !st.sameKey() {
				return errors.New("the attestation certificate's key is not the credential public key")
			}
			return nil
		}},
		certified(AnonCA),
	}}
}

func readAppleNonce(st *statement) error {
	value, _, ok := extension(st.leaf(), oidAppleNonce)
	if !ok {
		return fmt.Errorf("the attestation certificate has no nonce extension (%s)", oidAppleNonce)
	}
	var content struct {
		Nonce []byte `asn1:"tag:1,explicit"`
	}
	if rest, err := asn1.Unmarshal(value, &content); err != nil || len(rest) > 0 {
		return errors.New("the nonce extension of the attestation certificate is malformed")
	}
	st.appleNonce = content.Nonce
	return nil
}
