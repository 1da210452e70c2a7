package attestation

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/google/go-tpm/tpm2"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// tpmParts are the TPM structures of a statement. magic and kind are kept
// beside certInfo, which is decoded as if they were right: so the steps about
// them can be left out.
type tpmParts struct {
	rawPubArea, rawCertInfo []byte
	pubArea                 *tpm2.TPMTPublic
	certInfo                *tpm2.TPMSAttest
	magic                   uint32
	kind                    uint16
}

const (
	tpmGenerated  uint32 = 0xff544347
	tpmCertify    uint16 = 0x8017
	aikSection           = "sctn-tpm-cert-requirements"
	maxTPMMessage        = 1 << 13
)

// tpm is https://www.w3.org/TR/webauthn-3/#sctn-tpm-attestation. sig is taken as a
// plain signature (DER for ECDSA), as every deployed TPM statement and the
// specification's test vector have it, though the text says TPMT_SIGNATURE.
func tpm() *procedure {
	steps := []step{
		syntax([]field{{"ver", cose.Text, false}, {"alg", cose.Negative, false}, {"x5c", cose.Array, false}, {"sig", cose.Bytes, false}, {"certInfo", cose.Bytes, false}, {"pubArea", cose.Bytes, false}}),
		{name: "version", title: "ver is 2.0", check: func(st *statement) error {
			if ver, _ := st.Statement.Get("ver"); !ver.IsText("2.0") {
				return fmt.Errorf("ver is %.20q, expected \"2.0\"", ver.Bytes)
			}
			return nil
		}},
		{name: "public-key", title: "the key of pubArea is the credential public key", prepare: readTPM, check: checkPubArea},
		x5cStep(true),
		{name: "signature", title: "sig over certInfo verifies with the AIK certificate's key", check: func(st *statement) error {
			return st.signature(st.tpm.rawCertInfo)
		}},
		{name: "1.version", anchor: aikSection, title: "the AIK certificate has version 3", check: func(st *statement) error { return checkVersion(st.leaf()) }},
		{name: "1.subject", anchor: aikSection, title: "the AIK certificate's subject is empty", check: func(st *statement) error {
			// An empty SEQUENCE is two bytes.
			if len(st.leaf().RawSubject) != 2 {
				return fmt.Errorf("the AIK certificate's subject is %.60q, expected an empty one", st.leaf().Subject.String())
			}
			return nil
		}},
		{name: "1.subject-alternative-name", anchor: aikSection, title: "the AIK certificate names the TPM's manufacturer, model and version", check: checkTPMName},
		{name: "1.extended-key-usage", anchor: aikSection, title: "the AIK certificate has the key usage tcg-kp-AIKCertificate", check: func(st *statement) error {
			if !slices.ContainsFunc(st.leaf().UnknownExtKeyUsage, oidAIKCertificate.Equal) {
				return fmt.Errorf("the AIK certificate lacks the extended key usage %s", oidAIKCertificate)
			}
			return nil
		}},
		{name: "1.basic-constraints", anchor: aikSection, title: "the AIK certificate is not one of a CA", check: func(st *statement) error { return checkNotCA(st.leaf()) }},
	}
	// That the extension is not critical is asked of packed certificates alone (§8.2.1).
	steps = append(steps, aaguidSteps("1.", aikSection)[1:]...)
	steps = append(steps,
		step{name: "magic", title: "magic is TPM_GENERATED_VALUE", check: func(st *statement) error {
			if st.tpm.magic != tpmGenerated {
				return fmt.Errorf("magic of certInfo is %#08x, expected %#08x", st.tpm.magic, tpmGenerated)
			}
			return nil
		}},
		step{name: "type", title: "type is TPM_ST_ATTEST_CERTIFY", check: func(st *statement) error {
			if st.tpm.kind != tpmCertify {
				return fmt.Errorf("type of certInfo is %#04x, expected %#04x", st.tpm.kind, tpmCertify)
			}
			return nil
		}},
		step{name: "extra-data", title: "extraData is the hash of authenticator data and client data hash", check: func(st *statement) error {
			hash, ok := cose.Hash(st.alg)
			if !ok {
				return fmt.Errorf("%s employs no hash that extraData could be made with", cose.AlgorithmName(st.alg))
			}
			h := hash.New()
			h.Write(st.signed)
			if want := h.Sum(nil); !bytes.Equal(st.tpm.certInfo.ExtraData.Buffer, want) {
				return fmt.Errorf("extraData of certInfo is %.64x, expected %x", st.tpm.certInfo.ExtraData.Buffer, want)
			}
			return nil
		}},
		step{name: "name", title: "the attested name is that of pubArea", check: checkTPMAttestedName},
		certified(AttCA),
	)
	return &procedure{format: "tpm", section: "8.3", anchor: "sctn-tpm-attestation", steps: steps}
}

// readTPM decodes pubArea and certInfo. go-tpm's reflection has panics for
// types it does not expect only, not for bytes; the fuzz test watches that. Both
// structures are refused when bytes follow, which go-tpm would overlook.
func readTPM(st *statement) error {
	p := &st.tpm
	p.rawPubArea, p.rawCertInfo = st.bytes("pubArea"), st.bytes("certInfo")
	if len(p.rawPubArea) < 2 || len(p.rawPubArea) > maxTPMMessage {
		return fmt.Errorf("pubArea has %d bytes, which is no TPMT_PUBLIC", len(p.rawPubArea))
	}
	if len(p.rawCertInfo) < 6 || len(p.rawCertInfo) > maxTPMMessage {
		return fmt.Errorf("certInfo has %d bytes, which is no TPMS_ATTEST", len(p.rawCertInfo))
	}
	switch kind := tpm2.TPMAlgID(binary.BigEndian.Uint16(p.rawPubArea)); kind {
	case tpm2.TPMAlgRSA, tpm2.TPMAlgECC:
	default:
		return fmt.Errorf("pubArea is for a key of type %#04x, expected RSA or ECC", uint16(kind))
	}
	var err error
	if p.pubArea, err = tpm2.Unmarshal[tpm2.TPMTPublic](p.rawPubArea); err != nil {
		return fmt.Errorf("pubArea is no TPMT_PUBLIC: %w", err)
	}
	p.magic = binary.BigEndian.Uint32(p.rawCertInfo)
	p.kind = binary.BigEndian.Uint16(p.rawCertInfo[4:])
	righted := bytes.Clone(p.rawCertInfo)
	binary.BigEndian.PutUint32(righted, tpmGenerated)
	binary.BigEndian.PutUint16(righted[4:], tpmCertify)
	if p.certInfo, err = tpm2.Unmarshal[tpm2.TPMSAttest](righted); err != nil {
		return fmt.Errorf("certInfo is no TPMS_ATTEST: %w", err)
	}
	certify, err := p.certInfo.Attested.Certify()
	if err != nil {
		return fmt.Errorf("certInfo attests no TPMS_CERTIFY_INFO: %w", err)
	}
	if !endsWith2B(p.rawCertInfo, certify.QualifiedName.Buffer) {
		return errors.New("bytes follow the end of certInfo")
	}
	return nil
}

// endsWith2B tells whether b ends with the TPM2B of content.
func endsWith2B(b, content []byte) bool {
	return bytes.HasSuffix(b, append(binary.BigEndian.AppendUint16(nil, uint16(len(content))), content...))
}

func checkPubArea(st *statement) error {
	differ := errors.New("the key of pubArea is not the credential public key")
	switch key := st.Key.Public.(type) {
	case *rsa.PublicKey:
		params, err := st.tpm.pubArea.Parameters.RSADetail()
		if err != nil {
			return differ
		}
		unique, err := st.tpm.pubArea.Unique.RSA()
		if err != nil {
			return differ
		}
		exponent := int64(params.Exponent)
		if exponent == 0 {
			exponent = 65537 // TPM 2.0 Part 2, 12.2.3.5: zero stands for the default
		}
		if exponent != int64(key.E) || new(big.Int).SetBytes(unique.Buffer).Cmp(key.N) != 0 {
			return differ
		}
		if !endsWith2B(st.tpm.rawPubArea, unique.Buffer) {
			return errors.New("bytes follow the end of pubArea")
		}
		return nil
	case *ecdsa.PublicKey:
		params, err := st.tpm.pubArea.Parameters.ECCDetail()
		if err != nil {
			return differ
		}
		unique, err := st.tpm.pubArea.Unique.ECC()
		if err != nil {
			return differ
		}
		curve := map[string]tpm2.TPMECCCurve{"P-256": tpm2.TPMECCNistP256, "P-384": tpm2.TPMECCNistP384, "P-521": tpm2.TPMECCNistP521}[key.Curve.Params().Name]
		// As numbers: a TPM may leave leading zeros out.
		same := func(a, b []byte) bool { return new(big.Int).SetBytes(a).Cmp(new(big.Int).SetBytes(b)) == 0 }
		if params.CurveID != curve || !same(unique.X.Buffer, st.Key.X) || !same(unique.Y.Buffer, st.Key.Y) {
			return differ
		}
		if !endsWith2B(st.tpm.rawPubArea, unique.Y.Buffer) {
			return errors.New("bytes follow the end of pubArea")
		}
		return nil
	default:
		return fmt.Errorf("a TPM cannot hold the credential public key for %s", cose.AlgorithmName(st.Key.Algorithm))
	}
}

// checkTPMAttestedName: the name is nameAlg and the hash of pubArea by it (TPM 2.0 Part 1, 16).
func checkTPMAttestedName(st *statement) error {
	certify, err := st.tpm.certInfo.Attested.Certify()
	if err != nil {
		return fmt.Errorf("certInfo attests no TPMS_CERTIFY_INFO: %w", err)
	}
	hash, err := st.tpm.pubArea.NameAlg.Hash()
	if err != nil {
		return fmt.Errorf("nameAlg of pubArea is %#04x, which is no hash that can be computed", uint16(st.tpm.pubArea.NameAlg))
	}
	h := hash.New()
	h.Write(st.tpm.rawPubArea)
	want := append(binary.BigEndian.AppendUint16(nil, uint16(st.tpm.pubArea.NameAlg)), h.Sum(nil)...)
	if !bytes.Equal(certify.Name.Buffer, want) {
		return fmt.Errorf("the name attested in certInfo is %.68x, the name of pubArea is %x", certify.Name.Buffer, want)
	}
	return nil
}

// checkTPMName judges the Subject Alternative Name as TCG's EK profile 3.2.9
// has it: a directory name with manufacturer, model and version. The vendor is
// not looked up in TCG's registry: the specification's test vector has id:00000000.
func checkTPMName(st *statement) error {
	names, err := tpmNames(st.leaf())
	if err != nil {
		return err
	}
	for _, want := range []struct {
		name string
		oid  asn1.ObjectIdentifier
	}{{"manufacturer", oidTPMManufacturer}, {"model", oidTPMModel}, {"version", oidTPMVersion}} {
		value := names[want.oid.String()]
		if value == "" {
			return fmt.Errorf("the AIK certificate's Subject Alternative Name does not name the TPM's %s", want.name)
		}
		if want.name == "manufacturer" && !isVendorID(value) {
			return fmt.Errorf("the AIK certificate names the TPM manufacturer %.40q, expected id: and eight hex digits", value)
		}
	}
	return nil
}

func isVendorID(s string) bool {
	hex, ok := strings.CutPrefix(s, "id:")
	return ok && len(hex) == 8 && strings.Trim(hex, "0123456789abcdefABCDEF") == ""
}

// tpmNames reads the directory names of the Subject Alternative Name, by OID.
func tpmNames(c *x509.Certificate) (map[string]string, error) {
	value, _, ok := extension(c, oidSubjectAltName)
	if !ok {
		return nil, errors.New("the AIK certificate has no Subject Alternative Name")
	}
	malformed := errors.New("the AIK certificate's Subject Alternative Name is malformed")
	var general []asn1.RawValue
	if rest, err := asn1.Unmarshal(value, &general); err != nil || len(rest) > 0 {
		return nil, malformed
	}
	names := map[string]string{}
	for _, g := range general {
		if g.Class != asn1.ClassContextSpecific || g.Tag != 4 {
			continue
		}
		var sets []asn1.RawValue
		if rest, err := asn1.Unmarshal(g.Bytes, &sets); err != nil || len(rest) > 0 {
			return nil, malformed
		}
		for _, set := range sets {
			for rest := set.Bytes; len(rest) > 0; {
				var attribute struct {
					OID   asn1.ObjectIdentifier
					Value asn1.RawValue
				}
				var err error
				if rest, err = asn1.Unmarshal(rest, &attribute); err != nil {
					return nil, malformed
				}
				names[attribute.OID.String()] = string(attribute.Value.Bytes)
			}
		}
	}
	return names, nil
}
