package virtualauth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"
)

// The private PKI behind attestation certificates. Everything in it comes from
// one constant seed and fixed dates, so that a Relying Party can be given the
// roots before a run and every run shows the same certificates. Its private
// keys are no secret: trust these roots in tests only.

var pkiDeriver = newDeriver([]byte("touchstone virtualauth private PKI"), nil)

var (
	pkiNotBefore = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	pkiNotAfter  = time.Date(2054, 1, 1, 0, 0, 0, 0, time.UTC)
)

// identity is a certificate with its key.
type identity struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	// issuers are the certificates between this one and the root, nearest first.
	issuers []*x509.Certificate
}

// chain is x5c: the certificate and its issuers, without the root.
func (i *identity) chain() [][]byte {
	der := [][]byte{i.cert.Raw}
	for _, c := range i.issuers {
		der = append(der, c.Raw)
	}
	return der
}

func pkiKey(label string) (*ecdsa.PrivateKey, error) {
	var n uint32
	k, err := algorithmOf(ES256).generate(func(size int) []byte {
		n++
		return pkiDeriver.draw(size, "key", n, []byte(label))
	})
	if err != nil {
		return nil, err
	}
	return k.(*ecdsa.PrivateKey), nil
}

func pkiSerial(label string) *big.Int {
	b := pkiDeriver.draw(16, "serial", 0, []byte(label))
	b[0] = b[0]&0x3f | 0x40 // positive, and always of the same length
	return new(big.Int).SetBytes(b)
}

// pkiName is a subject by the profile of
// https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements.
func pkiName(unit, common string) pkix.Name {
	return pkix.Name{
		Country:            []string{"NL"},
		Organization:       []string{"Touchstone"},
		OrganizationalUnit: []string{unit},
		CommonName:         common,
	}
}

// issue makes a certificate over pub. A nil issuer makes it self-signed by key.
func issue(template *x509.Certificate, pub crypto.PublicKey, issuer *identity, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	// A nil random source makes the ECDSA signature deterministic.
	der, err := x509.CreateCertificate(nil, template, parent, pub, signer)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

// newCA makes a certification authority: a root where issuer is nil.
func newCA(label string, issuer *identity) (*identity, error) {
	return newCAOf(label, issuer, pkiNotBefore, pkiNotAfter)
}

// newCAOf makes one that is valid between two times.
func newCAOf(label string, issuer *identity, from, to time.Time) (*identity, error) {
	key, err := pkiKey(label)
	if err != nil {
		return nil, err
	}
	cert, err := issue(&x509.Certificate{
		SerialNumber:          pkiSerial(label),
		Subject:               pkiName("Virtual Authenticators", label),
		NotBefore:             from,
		NotAfter:              to,
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId:          keyID(&key.PublicKey),
	}, &key.PublicKey, issuer, key)
	if err != nil {
		return nil, err
	}
	ca := &identity{key: key, cert: cert}
	if issuer != nil {
		ca.issuers = issuer.asIssuers()
	}
	return ca, nil
}

// asIssuers is the chain above a certificate that i issued, without the root.
func (i *identity) asIssuers() []*x509.Certificate {
	if bytes.Equal(i.cert.RawIssuer, i.cert.RawSubject) {
		return nil
	}
	return append([]*x509.Certificate{i.cert}, i.issuers...)
}

func keyID(pub *ecdsa.PublicKey) []byte {
	point, err := pub.Bytes()
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(point)
	return sum[:20]
}

// leaf says how an end entity certificate differs from the usual.
type leaf struct {
	label   string // of its key and serial number
	subject *pkix.Name
	// pub is certified in place of a key of the leaf's own.
	pub        crypto.PublicKey
	extensions []pkix.Extension
	dnsNames   []string
	usage      []x509.ExtKeyUsage
	otherUsage []asn1.ObjectIdentifier
	// bend changes the template last of all, for faults; nil leaves it.
	bend func(*x509.Certificate)
}

// newLeaf makes an end entity certificate under issuer: by default by the
// packed profile, over a P-256 key drawn for the label.
func newLeaf(l leaf, issuer *identity) (*identity, error) {
	name := pkiName("Authenticator Attestation", l.label)
	if l.subject != nil {
		name = *l.subject
	}
	made := &identity{issuers: issuer.asIssuers()}
	pub := l.pub
	if pub == nil {
		var err error
		if made.key, err = pkiKey(l.label); err != nil {
			return nil, err
		}
		pub = &made.key.PublicKey
	}
	template := &x509.Certificate{
		SerialNumber:          pkiSerial(l.label),
		Subject:               name,
		NotBefore:             pkiNotBefore,
		NotAfter:              pkiNotAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		ExtraExtensions:       l.extensions,
		DNSNames:              l.dnsNames,
		ExtKeyUsage:           l.usage,
		UnknownExtKeyUsage:    l.otherUsage,
	}
	if l.bend != nil {
		l.bend(template)
	}
	var err error
	made.cert, err = issue(template, pub, issuer, nil)
	return made, err
}

// authority is a root and an intermediate under it, which issues the leaves.
type authority struct{ root, intermediate *identity }

// authorityOf makes one when it is first asked for.
func authorityOf(label string) func() (*authority, error) {
	return sync.OnceValues(func() (*authority, error) {
		root, err := newCA(label+" Root CA", nil)
		if err != nil {
			return nil, err
		}
		intermediate, err := newCA(label+" Intermediate CA", root)
		if err != nil {
			return nil, err
		}
		return &authority{root, intermediate}, nil
	})
}

// The authorities, one for each ecosystem.
var (
	fidoAuthority      = authorityOf("Touchstone Virtual FIDO")
	tpmAuthority       = authorityOf("Touchstone Virtual TPM")
	androidAuthority   = authorityOf("Touchstone Virtual Android")
	appleAuthority     = authorityOf("Touchstone Virtual Apple")
	safetyNetAuthority = authorityOf("Touchstone Virtual SafetyNet")
)

var authorities = []struct {
	format    string
	authority func() (*authority, error)
}{
	{FormatPacked, fidoAuthority}, {FormatFIDOU2F, fidoAuthority}, {FormatTPM, tpmAuthority},
	{FormatAndroidKey, androidAuthority}, {FormatApple, appleAuthority}, {FormatAndroidSafetyNet, safetyNetAuthority},
}

// u2fBatch is the batch certificate of U2F authenticators: a P-256 key, as
// https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation asks, directly
// under the root because there is room for one certificate only.
var u2fBatch = sync.OnceValues(func() (*identity, error) {
	ca, err := fidoAuthority()
	if err != nil {
		return nil, err
	}
	return newLeaf(leaf{label: "Touchstone Virtual U2F Batch"}, ca.root)
})

// oidAAGUID is id-fido-gen-ce-aaguid.
var oidAAGUID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}

// aaguidExtension holds the AAGUID in two octet strings, not critical
// (https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements).
func aaguidExtension(aaguid []byte) pkix.Extension {
	return pkix.Extension{Id: oidAAGUID, Value: append([]byte{4, byte(len(aaguid))}, aaguid...)}
}

// oidSerialNumber is id-fido-gen-ce-sernum.
var oidSerialNumber = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 2}

// serialExtension holds a device's serial number in two octet strings, not
// critical (https://www.w3.org/TR/webauthn-3/#sctn-enterprise-packed-attestation-cert-requirements).
func serialExtension(serial []byte) pkix.Extension {
	return pkix.Extension{Id: oidSerialNumber, Value: append([]byte{4, byte(len(serial))}, serial...)}
}

// batches keeps the certificates of authenticator models, by label and AAGUID.
var batches sync.Map

// batchOf is the batch certificate of a model; one that is bent is not kept.
func batchOf(label string, in *statementInput, mint func(label string) (*identity, error)) (*identity, error) {
	name := label + " " + hex.EncodeToString(in.parts.aaguid)
	if in.serial != nil {
		name += " " + hex.EncodeToString(in.serial)
	}
	if in.bend.leaf != nil || in.bend.issuer != nil {
		return mint(name)
	}
	if made, ok := batches.Load(name); ok {
		return made.(*identity), nil
	}
	made, err := mint(name)
	if err != nil {
		return nil, err
	}
	kept, _ := batches.LoadOrStore(name, made)
	return kept.(*identity), nil
}

// Roots are the certificates that every chain made by this package ends at.
// They are the same in every process. Trust them in tests only: the private
// keys are derived from a public constant.
func Roots() ([]*x509.Certificate, error) {
	var roots []*x509.Certificate
	for _, a := range authorities {
		of, err := RootsOf(a.format)
		if err != nil {
			return nil, err
		}
		for _, c := range of {
			if !slices.ContainsFunc(roots, c.Equal) {
				roots = append(roots, c)
			}
		}
	}
	return roots, nil
}

// RootsOf are the roots of one of Formats; none for a format without
// certificates, and those of its parts for compound.
func RootsOf(format string) ([]*x509.Certificate, error) {
	if format == FormatCompound {
		format = FormatPacked
	}
	for _, a := range authorities {
		if a.format == format {
			ca, err := a.authority()
			if err != nil {
				return nil, fmt.Errorf("roots of %s: %w", format, err)
			}
			return []*x509.Certificate{ca.root.cert}, nil
		}
	}
	return nil, nil
}
