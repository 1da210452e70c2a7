// Package mds makes metadata BLOBs as the FIDO Metadata Service publishes them
// (https://fidoalliance.org/specs/mds/fido-metadata-service-v3.0-ps-20210518.html),
// signed by an authority of the private PKI: of the device fleet, and of the
// models that try a Relying Party's use of metadata one fault at a time (Suite).
//
// All of it derives from constants and the time it is told, so that a Relying
// Party can be given the root once. Its keys are no secret: trust it in tests only.
package mds

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// Payload is MetadataBLOBPayload (§3.1.6).
type Payload struct {
	LegalHeader string `json:"legalHeader"`
	// Number grows with every publication.
	Number int `json:"no"`
	// NextUpdate is a day, YYYY-MM-DD.
	NextUpdate string  `json:"nextUpdate"`
	Entries    []Entry `json:"entries"`
}

// Entry is MetadataBLOBPayloadEntry (§3.1.1). A FIDO2 model is known by its
// AAGUID, a U2F model by the key identifiers of its attestation certificates.
type Entry struct {
	AAGUID                               string         `json:"aaguid,omitempty"`
	AttestationCertificateKeyIdentifiers []string       `json:"attestationCertificateKeyIdentifiers,omitempty"`
	MetadataStatement                    Statement      `json:"metadataStatement"`
	StatusReports                        []StatusReport `json:"statusReports"`
	TimeOfLastStatusChange               string         `json:"timeOfLastStatusChange"`
}

// StatusReport is §3.1.3; Status is one of §3.1.4, such as FIDO_CERTIFIED_L1 or REVOKED.
type StatusReport struct {
	Status               string `json:"status"`
	EffectiveDate        string `json:"effectiveDate,omitempty"`
	AuthenticatorVersion uint32 `json:"authenticatorVersion,omitempty"`
	// Certificate is the attestation certificate that a compromise is limited to, base64 of DER.
	Certificate             string `json:"certificate,omitempty"`
	URL                     string `json:"url,omitempty"`
	CertificationDescriptor string `json:"certificationDescriptor,omitempty"`
}

// Statement is a metadata statement
// (https://fidoalliance.org/specs/mds/fido-metadata-statement-v3.0-ps-20210518.html, §4).
type Statement struct {
	LegalHeader                          string             `json:"legalHeader"`
	AAGUID                               string             `json:"aaguid,omitempty"`
	AttestationCertificateKeyIdentifiers []string           `json:"attestationCertificateKeyIdentifiers,omitempty"`
	Description                          string             `json:"description"`
	AuthenticatorVersion                 uint32             `json:"authenticatorVersion"`
	ProtocolFamily                       string             `json:"protocolFamily"`
	Schema                               uint16             `json:"schema"`
	UPV                                  []Version          `json:"upv"`
	AuthenticationAlgorithms             []string           `json:"authenticationAlgorithms"`
	PublicKeyAlgAndEncodings             []string           `json:"publicKeyAlgAndEncodings"`
	AttestationTypes                     []string           `json:"attestationTypes"`
	UserVerificationDetails              [][]Verification   `json:"userVerificationDetails"`
	KeyProtection                        []string           `json:"keyProtection"`
	MatcherProtection                    []string           `json:"matcherProtection"`
	CryptoStrength                       uint16             `json:"cryptoStrength,omitempty"`
	AttachmentHint                       []string           `json:"attachmentHint"`
	TCDisplay                            []string           `json:"tcDisplay"`
	AttestationRootCertificates          []string           `json:"attestationRootCertificates"`
	AuthenticatorGetInfo                 *AuthenticatorInfo `json:"authenticatorGetInfo,omitempty"`
}

// Version is a protocol version.
type Version struct {
	Major uint16 `json:"major"`
	Minor uint16 `json:"minor"`
}

// Verification is a way to verify the user.
type Verification struct {
	UserVerificationMethod string `json:"userVerificationMethod"`
}

// AuthenticatorInfo is what authenticatorGetInfo answers, as JSON.
type AuthenticatorInfo struct {
	Versions   []string        `json:"versions"`
	Extensions []string        `json:"extensions,omitempty"`
	AAGUID     string          `json:"aaguid"`
	Options    map[string]bool `json:"options,omitempty"`
	Transports []string        `json:"transports,omitempty"`
	Algorithms []Parameter     `json:"algorithms,omitempty"`
	Firmware   uint32          `json:"firmwareVersion,omitempty"`
}

// Parameter is an algorithm of AuthenticatorInfo.
type Parameter struct {
	Type string `json:"type"`
	Alg  int64  `json:"alg"`
}

const legal = "Made up for tests by Touchstone. It says nothing about any real authenticator."

// day writes a date as metadata does.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func base64DER(c *x509.Certificate) string { return base64.StdEncoding.EncodeToString(c.Raw) }

// NewPayload is a payload of entries that is published at a time and holds for
// a month, as the service's do.
func NewPayload(at time.Time, entries ...Entry) Payload {
	return Payload{LegalHeader: legal, Number: int(at.Unix() / 86400), NextUpdate: day(at.AddDate(0, 1, 0)), Entries: entries}
}

// The authority that signs BLOBs, and another that nobody was told to trust.
func authority() (*virtualauth.Authority, error) {
	return virtualauth.NewAuthority("Touchstone Virtual Metadata")
}

func stranger() (*virtualauth.Authority, error) {
	return virtualauth.NewAuthority("Touchstone Virtual Metadata Stranger")
}

// Root is the certificate that signed BLOBs chain to: what a Relying Party is
// told to trust for metadata.
func Root() (*x509.Certificate, error) {
	ca, err := authority()
	if err != nil {
		return nil, err
	}
	return ca.Root(), nil
}

// Defect is one thing that is wrong with how a BLOB is signed.
type Defect string

// The defects; the zero value has none.
const (
	// FlippedBit is a bit flipped in the signature.
	FlippedBit Defect = "flipped-bit"
	// OtherRoot signs under an authority that is not Root.
	OtherRoot Defect = "other-root"
	// MissingIntermediate leaves the intermediate out of x5c, so that no chain can be built.
	MissingIntermediate Defect = "missing-intermediate"
	// SignerRevoked signs with a certificate that the revocation list of the intermediate names.
	SignerRevoked Defect = "signer-revoked"
	// IntermediateRevoked signs under an intermediate that the revocation list of the root names.
	IntermediateRevoked Defect = "intermediate-revoked"
	// SignerExpired signs with a certificate of the past.
	SignerExpired Defect = "signer-expired"
	// AlgorithmNone says alg none in the header and has no signature.
	AlgorithmNone Defect = "algorithm-none"
)

// Defects lists them all.
func Defects() []Defect {
	return []Defect{FlippedBit, OtherRoot, MissingIntermediate, SignerRevoked, IntermediateRevoked, SignerExpired, AlgorithmNone}
}

// signer is the certificate that signs, by the defect that it is for.
func signer(d Defect, lists string) (*virtualauth.Leaf, error) {
	ca, err := authority()
	label := "Touchstone Virtual Metadata Signer"
	switch d {
	case OtherRoot:
		ca, err = stranger()
	case IntermediateRevoked:
		ca, err = revokedAuthority()
	case SignerRevoked, SignerExpired:
		label += " " + string(d)
	}
	if err != nil {
		return nil, err
	}
	return ca.Issue(label, func(c *x509.Certificate) {
		c.DNSNames = []string{"mds.touchstone.test"}
		if lists != "" {
			c.CRLDistributionPoints = []string{lists + "/intermediate.crl"}
		}
		if d == SignerExpired {
			c.NotBefore, c.NotAfter = c.NotBefore.AddDate(-2, 0, 0), c.NotBefore.AddDate(-1, 0, 0)
		}
	})
}

// Sign makes the BLOB: a JWS in compact form, ES256, with the chain in x5c
// (§3.1.7). lists is the URL under which the revocation lists are served, which
// the signer's certificate then names; empty: it names none.
func (p Payload) Sign(d Defect, lists string) ([]byte, error) {
	payload, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("metadata BLOB: %w", err)
	}
	by, err := signer(d, lists)
	if err != nil {
		return nil, fmt.Errorf("metadata BLOB: %w", err)
	}
	blob, err := compact(payload, by, d)
	if err != nil {
		return nil, fmt.Errorf("metadata BLOB: %w", err)
	}
	return blob, nil
}
