package attestation

import (
	"errors"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

const packedCertificate = "sctn-packed-attestation-cert-requirements"

// packed is https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation.
func packed() *procedure {
	withX5C := func(f func(*statement) error) func(*statement) error {
		return func(st *statement) error {
			if st.leaf() == nil {
				return nil
			}
			return f(st)
		}
	}
	self := func(f func(*statement) error) func(*statement) error {
		return func(st *statement) error {
			if st.leaf() != nil {
				return nil
			}
			return f(st)
		}
	}
	steps := []step{
		syntax([]field{{"alg", cose.Negative, false}, {"sig", cose.Bytes, false}, {"x5c", cose.Array, true}}),
		x5cStep(false),
		{name: "signature", title: "x5c: sig over authenticator data and client data hash verifies with the certificate's key", check: withX5C(func(st *statement) error {
			return st.signature(st.signed)
		})},
		{name: "1.version", anchor: packedCertificate, title: "the certificate has version 3", check: withX5C(func(st *statement) error {
			return checkVersion(st.leaf())
		})},
		{name: "1.subject", anchor: packedCertificate, title: "the certificate's subject has C, O, OU and CN as required", check: withX5C(checkPackedSubject)},
		{name: "1.basic-constraints", anchor: packedCertificate, title: "the certificate is not one of a CA", check: withX5C(func(st *statement) error {
			return checkNotCA(st.leaf())
		})},
		{name: "1.serial", anchor: packedCertificate, title: "the certificate carries a device's serial number only in enterprise attestation", check: withX5C(func(st *statement) error {
			if _, _, ok := extension(st.leaf(), oidSerial); ok && !st.Policy.Enterprise {
				return errors.New("the attestation certificate carries a device's serial number, but enterprise attestation was not asked for")
			}
			return nil
		})},
	}
	steps = append(steps, aaguidSteps("1.", packedCertificate)...)
	steps = append(steps,
		step{name: "self-algorithm", title: "no x5c: alg is that of the credential public key", check: self(func(st *statement) error {
			if st.alg != st.Key.Algorithm {
				return fmt.Errorf("alg of self attestation is %d, the credential public key has %d", st.alg, st.Key.Algorithm)
			}
			return nil
		})},
		step{name: "self-signature", title: "no x5c: sig verifies with the credential public key", check: self(func(st *statement) error {
			if err := st.Key.Verify(st.signed, st.sig); err != nil {
				return fmt.Errorf("sig of self attestation does not verify with the credential public key: %w", err)
			}
			return nil
		})},
		step{name: "result", title: "the attestation type is Basic (or AttCA) with x5c as trust path, or Self", prepare: func(st *statement) error {
			st.result.Type, st.result.Path = Self, st.chain
			if st.leaf() != nil {
				st.result.Type = Basic
			}
			return nil
		}},
	)
	return &procedure{format: "packed", section: "8.2", anchor: "sctn-packed-attestation", steps: steps}
}

// checkPackedSubject does not look C up in ISO 3166: the specification's own
// test vectors carry AA, which is no country.
func checkPackedSubject(st *statement) error {
	s := st.leaf().Subject
	switch {
	case len(s.Country) != 1 || len(s.Country[0]) != 2 || !upper(s.Country[0]):
		return fmt.Errorf("the attestation certificate's subject has C %.40q, expected a country code of two letters", s.Country)
	case len(s.Organization) != 1 || s.Organization[0] == "":
		return errors.New("the attestation certificate's subject has no O")
	case !slices.Equal(s.OrganizationalUnit, []string{"Authenticator Attestation"}):
		return fmt.Errorf("the attestation certificate's subject has OU %.60q, expected \"Authenticator Attestation\"", s.OrganizationalUnit)
	case s.CommonName == "":
		return errors.New("the attestation certificate's subject has no CN")
	}
	return nil
}

func upper(s string) bool {
	for _, r := range s {
		if r < 'A' || r > 'Z' {
			return false
		}
	}
	return true
}
