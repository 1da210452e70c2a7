package attestation

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
)

var (
	oidAAGUID          = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}
	oidSerial          = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 2}
	oidAndroidKey      = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 17}
	oidAppleNonce      = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 8, 2}
	oidSubjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidAIKCertificate  = asn1.ObjectIdentifier{2, 23, 133, 8, 3}
	oidTPMManufacturer = asn1.ObjectIdentifier{2, 23, 133, 2, 1}
	oidTPMModel        = asn1.ObjectIdentifier{2, 23, 133, 2, 2}
	oidTPMVersion      = asn1.ObjectIdentifier{2, 23, 133, 2, 3}
	errNoConstraints   = errors.New("the attestation certificate has no Basic Constraints extension, CA must be false in it")
)

// extension finds an extension of a certificate.
func extension(c *x509.Certificate, oid asn1.ObjectIdentifier) (value []byte, critical, ok bool) {
	for _, e := range c.Extensions {
		if e.Id.Equal(oid) {
			return e.Value, e.Critical, true
		}
	}
	return nil, false, false
}

func checkVersion(c *x509.Certificate) error {
	if c.Version != 3 {
		return fmt.Errorf("the attestation certificate has version %d, expected 3", c.Version)
	}
	return nil
}

func checkNotCA(c *x509.Certificate) error {
	if !c.BasicConstraintsValid {
		return errNoConstraints
	}
	if c.IsCA {
		return errors.New("the attestation certificate is one of a CA")
	}
	return nil
}

// aaguidSteps judge id-fido-gen-ce-aaguid where the certificate has it: the
// value is an OCTET STRING that wraps 16 bytes
// (https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements).
func aaguidSteps(name, anchor string) []step {
	return []step{
		{name: name + "aaguid-critical", anchor: anchor, title: "the AAGUID extension of the certificate is not critical", check: func(st *statement) error {
			if st.leaf() == nil {
				return nil
			}
			if _, critical, ok := extension(st.leaf(), oidAAGUID); ok && critical {
				return errors.New("the AAGUID extension of the attestation certificate is marked critical")
			}
			return nil
		}},
		{name: "aaguid", title: "the AAGUID extension of the certificate, if there, is the AAGUID of the authenticator data", check: func(st *statement) error {
			if st.leaf() == nil {
				return nil
			}
			value, _, ok := extension(st.leaf(), oidAAGUID)
			if !ok {
				return nil
			}
			var aaguid []byte
			if rest, err := asn1.Unmarshal(value, &aaguid); err != nil || len(rest) > 0 || len(aaguid) != 16 {
				return fmt.Errorf("the AAGUID extension of the attestation certificate is not an OCTET STRING of 16 bytes: %.40x", value)
			}
			if !bytes.Equal(aaguid, st.AAGUID) {
				return fmt.Errorf("the attestation certificate is for the AAGUID %x, the authenticator data have %x", aaguid, st.AAGUID)
			}
			return nil
		}},
	}
}
