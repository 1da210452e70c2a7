package virtualauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
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

// newRoot makes a self-signed CA.
func newRoot(label string) (*identity, error) {
	key, err := pkiKey(label)
	if err != nil {
		return nil, err
	}
	cert, err := issue(&x509.Certificate{
		SerialNumber:          pkiSerial(label),
		Subject:               pkiName("Virtual Authenticators", label),
		NotBefore:             pkiNotBefore,
		NotAfter:              pkiNotAfter,
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId:          keyID(&key.PublicKey),
	}, &key.PublicKey, nil, key)
	if err != nil {
		return nil, err
	}
	return &identity{key: key, cert: cert}, nil
}

func keyID(pub *ecdsa.PublicKey) []byte {
	point, err := pub.Bytes()
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(point)
	return sum[:20]
}

// fidoRoot is the root of the formats that FIDO authenticators use.
var fidoRoot = sync.OnceValues(func() (*identity, error) { return newRoot("Touchstone Virtual FIDO Root CA") })

// u2fBatch is the batch certificate of U2F authenticators: a P-256 key, as
// https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation asks.
var u2fBatch = sync.OnceValues(func() (*identity, error) {
	root, err := fidoRoot()
	if err != nil {
		return nil, err
	}
	return newLeaf("Touchstone Virtual U2F Batch", root, nil)
})

// newLeaf makes an attestation certificate by the packed profile, directly
// under issuer.
func newLeaf(label string, issuer *identity, extensions []pkix.Extension) (*identity, error) {
	key, err := pkiKey(label)
	if err != nil {
		return nil, err
	}
	cert, err := issue(&x509.Certificate{
		SerialNumber:          pkiSerial(label),
		Subject:               pkiName("Authenticator Attestation", label),
		NotBefore:             pkiNotBefore,
		NotAfter:              pkiNotAfter,
		BasicConstraintsValid: true,
		ExtraExtensions:       extensions,
	}, &key.PublicKey, issuer, nil)
	if err != nil {
		return nil, err
	}
	leaf := &identity{key: key, cert: cert}
	if issuer.issuers != nil || issuer.cert.Issuer.String() != issuer.cert.Subject.String() {
		leaf.issuers = append([]*x509.Certificate{issuer.cert}, issuer.issuers...)
	}
	return leaf, nil
}

// oidAAGUID is id-fido-gen-ce-aaguid.
var oidAAGUID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}

// Roots are the certificates that every chain made by this package ends at.
// They are the same in every process. Trust them in tests only: the private
// keys are derived from a public constant.
func Roots() ([]*x509.Certificate, error) {
	root, err := fidoRoot()
	if err != nil {
		return nil, err
	}
	return []*x509.Certificate{root.cert}, nil
}
