package virtualauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"slices"
)

// TPM attestation (https://www.w3.org/TR/webauthn-3/#sctn-tpm-attestation). The
// structures are of "TPM 2.0 Library, Part 2: Structures", big-endian.
const (
	tpmGeneratedValue  = 0xff544347
	tpmAttestCertify   = 0x8017 // TPM_ST_ATTEST_CERTIFY
	tpmAlgRSA          = 0x0001
	tpmAlgSHA256       = 0x000b
	tpmAlgNull         = 0x0010
	tpmAlgECC          = 0x0023
	tpmKeyAttributes   = 0x00040072 // sign, userWithAuth, sensitiveDataOrigin, fixedParent, fixedTPM
	tpmAIKAttributes   = 0x00050072 // the same, and restricted
	tpmFirmwareVersion = 0x0001000200030004

	// TPM_RH_OWNER and TPM_RH_ENDORSEMENT
	tpmHandleOwner       = 0x40000001
	tpmHandleEndorsement = 0x4000000b
)

var tpmCurves = map[string]uint16{"P-256": 3, "P-384": 4, "P-521": 5}

// append2B appends a TPM2B: a length in two bytes and the content.
func append2B(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(b))), b...)
}

// tpmPubArea is a TPMT_PUBLIC of a credential key.
func tpmPubArea(pub crypto.PublicKey, attributes uint32) ([]byte, error) {
	u16 := binary.BigEndian.AppendUint16
	head := func(alg uint16) []byte {
		dst := u16(u16(nil, alg), tpmAlgSHA256)
		dst = binary.BigEndian.AppendUint32(dst, attributes)
		return append2B(dst, nil) // authPolicy
	}
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			return nil, err
		}
		curve, ok := tpmCurves[k.Params().Name]
		if !ok {
			return nil, fmt.Errorf("a TPM has no curve %s", k.Params().Name)
		}
		dst := head(tpmAlgECC)
		dst = u16(u16(u16(u16(dst, tpmAlgNull), tpmAlgNull), curve), tpmAlgNull) // symmetric, scheme, curveID, kdf
		size := len(point) / 2
		return append2B(append2B(dst, point[1:1+size]), point[1+size:]), nil
	case *rsa.PublicKey:
		dst := head(tpmAlgRSA)
		dst = u16(u16(u16(dst, tpmAlgNull), tpmAlgNull), uint16(k.N.BitLen())) // symmetric, scheme, keyBits
		dst = binary.BigEndian.AppendUint32(dst, 0)                            // the default exponent, 65537
		return append2B(dst, k.N.Bytes()), nil
	}
	return nil, fmt.Errorf("a TPM has no keys of type %T", pub)
}

// tpmName is a Name: nameAlg and the digest of the public area.
func tpmName(pubArea []byte) []byte {
	digest := sha256.Sum256(pubArea)
	return append(binary.BigEndian.AppendUint16(nil, tpmAlgSHA256), digest[:]...)
}

// tpmQualifiedName is the Qualified Name of an object below a primary object's
// handle: nameAlg and the digest of the handle's name, which is itself, and the
// object's ("TPM 2.0 Library, Part 1: Architecture", 16.3).
func tpmQualifiedName(handle uint32, name []byte) []byte {
	digest := sha256.Sum256(append(binary.BigEndian.AppendUint32(nil, handle), name...))
	return append(binary.BigEndian.AppendUint16(nil, tpmAlgSHA256), digest[:]...)
}

// tpmCertInfo is a TPMS_ATTEST that certifies pubArea. A Relying Party ignores
// both qualified names; each may be empty.
func tpmCertInfo(qualifiedSigner, extraData, pubArea, qualifiedName, clockInfo []byte, firmware uint64) []byte {
	dst := binary.BigEndian.AppendUint32(nil, tpmGeneratedValue)
	dst = binary.BigEndian.AppendUint16(dst, tpmAttestCertify)
	dst = append2B(dst, qualifiedSigner)
	dst = append2B(dst, extraData)
	dst = append(dst, clockInfo...)
	dst = binary.BigEndian.AppendUint64(dst, firmware)
	return append2B(append2B(dst, tpmName(pubArea)), qualifiedName) // attested
}

// Names of a TPM in the subject alternative name (TCG EK Credential Profile §3.2.9).
var (
	oidTPMManufacturer = asn1.ObjectIdentifier{2, 23, 133, 2, 1}
	oidTPMModel        = asn1.ObjectIdentifier{2, 23, 133, 2, 2}
	oidTPMVersion      = asn1.ObjectIdentifier{2, 23, 133, 2, 3}
	oidTPMAIK          = asn1.ObjectIdentifier{2, 23, 133, 8, 3}
	oidSubjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// tpmAltName is a critical subject alternative name with a directory name in it.
// FFFFF1D0 is the vendor that the registry sets aside for conformance testing.
func tpmAltName() (pkix.Extension, error) {
	name, err := asn1.Marshal(pkix.RDNSequence{{
		{Type: oidTPMManufacturer, Value: "id:FFFFF1D0"},
		{Type: oidTPMModel, Value: "Touchstone Virtual TPM"},
		{Type: oidTPMVersion, Value: "id:00010002"},
	}})
	if err != nil {
		return pkix.Extension{}, err
	}
	names, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: name}})
	if err != nil {
		return pkix.Extension{}, err
	}
	return pkix.Extension{Id: oidSubjectAltName, Critical: true, Value: names}, nil
}

// tpmIdentity is the attestation identity key of a model, by the profile of
// https://www.w3.org/TR/webauthn-3/#sctn-tpm-cert-requirements.
func tpmIdentity(in *statementInput) (*identity, error) {
	return batchOf("Touchstone Virtual AIK", in, func(label string) (*identity, error) {
		ca, err := tpmAuthority()
		if err != nil {
			return nil, err
		}
		altName, err := tpmAltName()
		if err != nil {
			return nil, err
		}
		return newLeaf(leaf{
			label: label, subject: &pkix.Name{},
			extensions: []pkix.Extension{altName, aaguidExtension(in.parts.aaguid)},
			otherUsage: []asn1.ObjectIdentifier{oidTPMAIK}, bend: in.bend.leaf,
		}, in.issuerOr(ca.intermediate))
	})
}

func tpmAttestation(in *statementInput) ([]byte, crypto.Signer, error) {
	aik, err := tpmIdentity(in)
	if err != nil {
		return nil, nil, fmt.Errorf("tpm attestation: %w", err)
	}
	pubArea, err := tpmPubArea(in.key.Public(), tpmKeyAttributes)
	if err != nil {
		return nil, nil, fmt.Errorf("tpm attestation: %w", err)
	}
	extraData := sha256.Sum256(in.toBeSigned())
	clock := slices.Concat(make([]byte, 8), []byte{0, 0, 0, 1, 0, 0, 0, 2, 1}) // clock, resetCount, restartCount, safe
	certified := pubArea
	if in.bend.certified != nil {
		certified = in.bend.certified(slices.Clone(pubArea))
	}
	if in.bend.pubArea != nil {
		pubArea = in.bend.pubArea(slices.Clone(pubArea))
		certified = pubArea
	}
	var signer, qualified []byte
	if !in.bend.nameless {
		aikArea, err := tpmPubArea(aik.key.Public(), tpmAIKAttributes)
		if err != nil {
			return nil, nil, fmt.Errorf("tpm attestation: %w", err)
		}
		signer, qualified = tpmQualifiedName(tpmHandleEndorsement, tpmName(aikArea)), tpmQualifiedName(tpmHandleOwner, tpmName(certified))
	}
	certInfo := tpmCertInfo(signer, extraData[:], certified, qualified, clock, tpmFirmwareVersion)
	if in.bend.certInfo != nil {
		certInfo = in.bend.certInfo(certInfo)
	}
	sig, err := algorithmOf(ES256).sign(aik.key, certInfo, in.draw)
	if err != nil {
		return nil, nil, fmt.Errorf("tpm attestation: %w", err)
	}
	return tpmStatement(sig, in.x5c(aik), pubArea, certInfo), aik.key, nil
}

func tpmStatement(sig []byte, x5c [][]byte, pubArea, certInfo []byte) []byte {
	dst := appendCBORHead(nil, cborMap, 6)
	dst = appendCBORInt(appendCBORText(dst, "alg"), ES256)
	dst = appendCBORBytes(appendCBORText(dst, "sig"), sig)
	dst = appendCBORText(appendCBORText(dst, "ver"), "2.0")
	dst = appendX5C(dst, x5c)
	dst = appendCBORBytes(appendCBORText(dst, "pubArea"), pubArea)
	return appendCBORBytes(appendCBORText(dst, "certInfo"), certInfo)
}
