package virtualauth

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"
)

// Authority is a certification authority of the private PKI: a root and an
// intermediate under it that issues the leaves. Its keys, names and serial
// numbers derive from its label alone, so that it is the same in every process.
// Its private keys are no secret: trust it in tests only.
//
// The attestation formats have authorities of their own (Roots); others are for
// what a Relying Party must learn by another way, such as metadata, or must
// refuse.
type Authority struct {
	label string
	*authority
}

var namedAuthorities sync.Map // label to func() (*authority, error)

// NewAuthority is the authority with this label, such as "Example": its root is
// named "Example Root CA".
func NewAuthority(label string) (*Authority, error) {
	if label == "" {
		return nil, errors.New("authority: it needs a label")
	}
	once, _ := namedAuthorities.LoadOrStore(label, authorityOf(label))
	a, err := once.(func() (*authority, error))()
	if err != nil {
		return nil, fmt.Errorf("authority %s: %w", label, err)
	}
	return &Authority{label, a}, nil
}

// Sibling is an authority with the same root and an intermediate of its own, of
// this label.
func (a *Authority) Sibling(label string) (*Authority, error) {
	once, _ := namedAuthorities.LoadOrStore(a.label+"\x00"+label, sync.OnceValues(func() (*authority, error) {
		intermediate, err := newCA(label+" Intermediate CA", a.root)
		if err != nil {
			return nil, err
		}
		return &authority{a.root, intermediate}, nil
	}))
	s, err := once.(func() (*authority, error))()
	if err != nil {
		return nil, fmt.Errorf("authority %s: %w", label, err)
	}
	return &Authority{label, s}, nil
}

// Label is what the authority was made for.
func (a *Authority) Label() string { return a.label }

// Root is the self-signed certificate that Relying Parties are told to trust.
func (a *Authority) Root() *x509.Certificate { return a.root.cert }

// Intermediate is the certificate, issued by the root, that leaves are issued by.
func (a *Authority) Intermediate() *x509.Certificate { return a.intermediate.cert }

// Leaf is an end entity certificate with its key, and the certificates behind
// it as x5c has them: the leaf first, without the root.
type Leaf struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	Chain       [][]byte // DER
}

// Issue makes the leaf with this label, over a P-256 key derived from it. bend
// changes the template before it is signed: other dates, key usages, the place
// of a revocation list; nil leaves it.
func (a *Authority) Issue(label string, bend func(*x509.Certificate)) (*Leaf, error) {
	made, err := newLeaf(leaf{label: label, bend: bend}, a.intermediate)
	if err != nil {
		return nil, fmt.Errorf("authority %s: %w", a.label, err)
	}
	return &Leaf{made.cert, made.key, made.chain()}, nil
}

// The two that sign revocation lists.
const (
	ByRoot         = "root"
	ByIntermediate = "intermediate"
)

// RevocationList is a certificate revocation list (RFC 5280 §5) in DER, by the
// root or the intermediate, that revokes these serial numbers as compromised.
// It is issued at thisUpdate and holds for a week.
func (a *Authority) RevocationList(by string, thisUpdate time.Time, serials ...*big.Int) ([]byte, error) {
	issuer := map[string]*identity{ByRoot: a.root, ByIntermediate: a.intermediate}[by]
	if issuer == nil {
		return nil, fmt.Errorf("authority %s: no issuer %q of revocation lists: use %s or %s", a.label, by, ByRoot, ByIntermediate)
	}
	thisUpdate = thisUpdate.UTC().Truncate(time.Second)
	const keyCompromise = 1
	list := &x509.RevocationList{Number: big.NewInt(thisUpdate.Unix()), ThisUpdate: thisUpdate, NextUpdate: thisUpdate.AddDate(0, 0, 7)}
	for _, s := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: s, RevocationTime: thisUpdate, ReasonCode: keyCompromise})
	}
	// A nil random source makes the ECDSA signature deterministic.
	der, err := x509.CreateRevocationList(nil, list, issuer.cert, issuer.key)
	if err != nil {
		return nil, fmt.Errorf("authority %s: revocation list: %w", a.label, err)
	}
	return der, nil
}

// U2FCertificate is the batch certificate of all U2F authenticators, by whose key
// metadata knows them: they have no AAGUID.
func U2FCertificate() (*x509.Certificate, error) {
	i, err := u2fBatch()
	if err != nil {
		return nil, err
	}
	return i.cert, nil
}

// fido is who issues the batch certificate of packed attestation, and its label.
func (in *statementInput) fido() (*authority, string, error) {
	if in.authority != nil {
		return in.authority.authority, in.authority.label + " Batch", nil
	}
	ca, err := fidoAuthority()
	return ca, "Touchstone Virtual Batch", err
}
