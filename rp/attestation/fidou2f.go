package attestation

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// fidoU2F is https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation.
func fidoU2F() *procedure {
	return &procedure{format: "fido-u2f", section: "8.6", anchor: "sctn-fido-u2f-attestation", steps: []step{
		syntax([]field{{"x5c", cose.Array, false}, {"sig", cose.Bytes, false}}),
		x5cStep(true),
		{name: "one-certificate", title: "x5c holds exactly one certificate", check: func(st *statement) error {
			if len(st.chain) != 1 {
				return fmt.Errorf("x5c holds %d certificates, fido-u2f allows exactly one", len(st.chain))
			}
			return nil
		}},
		{name: "certificate-key", title: "the certificate's key is one of P-256", check: func(st *statement) error {
			if key, ok := st.leaf().PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
				return errors.New("the attestation certificate's key is not an ECDSA key of P-256")
			}
			return nil
		}},
		{name: "zero-aaguid", title: "policy: the AAGUID is zero", check: func(st *statement) error {
			if st.Policy.RequireZeroU2FAAGUID && slices.ContainsFunc(st.AAGUID, func(b byte) bool { return b != 0 }) {
				return fmt.Errorf("the AAGUID is %x, this policy demands zeros of fido-u2f", st.AAGUID)
			}
			return nil
		}},
		{name: "public-key", title: "x and y of the credential public key have 32 bytes each", check: func(st *statement) error {
			if len(st.Key.X) != 32 || len(st.Key.Y) != 32 {
				return fmt.Errorf("x and y of the credential public key have %d and %d bytes, fido-u2f needs 32 each", len(st.Key.X), len(st.Key.Y))
			}
			return nil
		}},
		{name: "signature", title: "sig over the U2F registration data verifies with the certificate's key", check: func(st *statement) error {
			signed := slices.Concat([]byte{0}, st.RPIDHash, st.ClientDataHash, st.CredentialID, []byte{4}, st.Key.X, st.Key.Y)
			st.alg = cose.ES256
			return st.signature(signed)
		}},
		certified(Basic),
	}}
}
