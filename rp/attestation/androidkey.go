package attestation

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// keyDescription is Android's key attestation extension, as far as it is judged.
type keyDescription struct {
	AttestationVersion       int
	AttestationSecurityLevel asn1.Enumerated
	KeyMintVersion           int
	KeyMintSecurityLevel     asn1.Enumerated
	AttestationChallenge     []byte
	UniqueID                 []byte
	SoftwareEnforced         asn1.RawValue
	TEEEnforced              asn1.RawValue
}

// authorizations is an AuthorizationList, as far as it is judged.
type authorizations struct {
	purposes        []int
	origins         []int
	allApplications bool
}

const (
	tagPurpose         = 1
	tagAllApplications = 600
	tagOrigin          = 702
	purposeSign        = 2
	originGenerated    = 0
)

// androidKey is https://www.w3.org/TR/webauthn-3/#sctn-android-key-attestation.
func androidKey() *procedure {
	return &procedure{format: "android-key", section: "8.4", anchor: "sctn-android-key-attestation", steps: []step{
		syntax([]field{{"alg", cose.Negative, false}, {"sig", cose.Bytes, false}, {"x5c", cose.Array, false}}),
		x5cStep(true),
		{name: "signature", title: "sig over authenticator data and client data hash verifies with the certificate's key", check: func(st *statement) error {
			return st.signature(st.signed)
		}},
		{name: "public-key", title: "the certificate's key is the credential public key", check: func(st *statement) error {
			if !st.sameKey() {
				return errors.New("the attestation certificate's key is not the credential public key")
			}
			return nil
		}},
		{name: "challenge", title: "attestationChallenge is the client data hash", prepare: readKeyDescription, check: func(st *statement) error {
			if got := st.androidKey.AttestationChallenge; !bytes.Equal(got, st.ClientDataHash) {
				return fmt.Errorf("attestationChallenge is %.64x, expected the client data hash %x", got, st.ClientDataHash)
			}
			return nil
		}},
		{name: "all-applications", title: "allApplications is in neither authorization list", check: func(st *statement) error {
			software, tee, err := st.lists()
			if err != nil {
				return err
			}
			if software.allApplications || tee.allApplications {
				return errors.New("allApplications is set: the key is not bound to the RP ID")
			}
			return nil
		}},
		{name: "origin", title: "origin is KM_ORIGIN_GENERATED", check: func(st *statement) error {
			return st.authorized("origin", originGenerated, func(l authorizations) []int { return l.origins })
		}},
		{name: "purpose", title: "purpose is KM_PURPOSE_SIGN", check: func(st *statement) error {
			return st.authorized("purpose", purposeSign, func(l authorizations) []int { return l.purposes })
		}},
		certified(Basic),
	}}
}

func readKeyDescription(st *statement) error {
	value, _, ok := extension(st.leaf(), oidAndroidKey)
	if !ok {
		return fmt.Errorf("the attestation certificate has no key description extension (%s)", oidAndroidKey)
	}
	if rest, err := asn1.Unmarshal(value, &st.androidKey); err != nil || len(rest) > 0 {
		return errors.New("the key description extension of the attestation certificate is malformed")
	}
	return nil
}

func (st *statement) lists() (software, tee authorizations, err error) {
	if software, err = readAuthorizations(st.androidKey.SoftwareEnforced); err != nil {
		return software, tee, err
	}
	tee, err = readAuthorizations(st.androidKey.TEEEnforced)
	return software, tee, err
}

func readAuthorizations(list asn1.RawValue) (a authorizations, err error) {
	malformed := errors.New("an authorization list of the key description is malformed")
	if list.Class != asn1.ClassUniversal || list.Tag != asn1.TagSequence || !list.IsCompound {
		return a, malformed
	}
	for rest := list.Bytes; len(rest) > 0; {
		var entry asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &entry); err != nil || entry.Class != asn1.ClassContextSpecific {
			return a, malformed
		}
		switch entry.Tag {
		case tagPurpose:
			var purposes []int
			if after, err := asn1.UnmarshalWithParams(entry.Bytes, &purposes, "set"); err != nil || len(after) > 0 {
				return a, malformed
			}
			a.purposes = append(a.purposes, purposes...)
		case tagAllApplications:
			a.allApplications = true
		case tagOrigin:
			var origin int
			if after, err := asn1.Unmarshal(entry.Bytes, &origin); err != nil || len(after) > 0 {
				return a, malformed
			}
			a.origins = append(a.origins, origin)
		}
	}
	return a, nil
}

// authorized demands that the lists that count give the value, and no other.
func (st *statement) authorized(name string, want int, of func(authorizations) []int) error {
	software, tee, err := st.lists()
	if err != nil {
		return err
	}
	values := of(tee)
	if !st.Policy.AndroidTEEOnly {
		values = append(values, of(software)...)
	}
	if len(values) == 0 {
		return fmt.Errorf("the authorization lists have no %s, expected %d", name, want)
	}
	for _, v := range values {
		if v != want {
			return fmt.Errorf("%s in the authorization lists is %d, expected %d", name, v, want)
		}
	}
	return nil
}
