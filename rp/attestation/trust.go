package attestation

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Path is a trust path under judgement
// (https://www.w3.org/TR/webauthn-3/#reg-ceremony-assess-trust). Its methods are the
// questions put to it, each by itself.
//
// It is not x509.Certificate.Verify because that one puts a chain in order by
// itself, refuses the critical extensions of TPM certificates, and gives one
// verdict for all.
type Path struct {
	// chain is the leaf and its issuers as far as the certificate that is
	// trusted, or all of x5c where none is.
	chain []*x509.Certificate
	// anchor issued the last of chain; nil where that is itself an anchor, or nothing is.
	anchor *x509.Certificate
	// trusted: an anchor was reached. pinned: by the key of the last of chain.
	trusted, pinned bool
	// anchorInChain: behind the leaf, x5c carries an anchor itself.
	anchorInChain bool
}

// PathOptions are the deliberate defects of path building.
type PathOptions struct {
	// AnyOrder puts x5c in order where it is not.
	AnyOrder bool
	// NamesOnly takes an issuer for one by its name, without its signature.
	NamesOnly bool
	// OwnRoot takes a self-signed certificate at the end of x5c for an anchor.
	OwnRoot bool
}

// NewPath looks for the first certificate of x5c that is an anchor, has a
// pinned key, or was issued by an anchor. Only configured anchors count: that a
// certificate came in x5c, self-signed or not, never makes it one.
func NewPath(x5c []*x509.Certificate, anchors Anchors, o PathOptions) *Path {
	if o.AnyOrder {
		x5c = sorted(x5c)
	}
	p := &Path{chain: x5c}
	for _, c := range x5c[min(1, len(x5c)):] {
		p.anchorInChain = p.anchorInChain || slices.ContainsFunc(anchors.Certificates, c.Equal)
	}
	for i, c := range x5c {
		switch {
		case slices.ContainsFunc(anchors.Certificates, c.Equal):
			p.trusted = true
		case slices.Contains(anchors.Keys, sha256.Sum256(c.RawSubjectPublicKeyInfo)):
			p.trusted, p.pinned = true, true
		default:
			for _, a := range anchors.Certificates {
				if issued(a, c, o.NamesOnly) {
					p.trusted, p.anchor = true, a
					break
				}
			}
		}
		if p.trusted {
			p.chain = x5c[:i+1]
			return p
		}
	}
	if last := len(x5c) - 1; o.OwnRoot && last >= 0 && issued(x5c[last], x5c[last], false) {
		p.trusted = true
	}
	return p
}

func issued(issuer, c *x509.Certificate, namesOnly bool) bool {
	return bytes.Equal(issuer.RawSubject, c.RawIssuer) && (namesOnly || verifies(issuer, c))
}

// verifies checks the signature alone; x509's CheckSignatureFrom would mix in
// whether the issuer is a CA.
func verifies(issuer, c *x509.Certificate) bool {
	return issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// sorted follows the issuers' names from the leaf on.
func sorted(x5c []*x509.Certificate) []*x509.Certificate {
	if len(x5c) == 0 {
		return nil
	}
	chain, rest := x5c[:1:1], slices.Clone(x5c[1:])
	for {
		last := chain[len(chain)-1]
		i := slices.IndexFunc(rest, func(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, last.RawIssuer) })
		if i < 0 {
			return chain
		}
		chain = append(chain, rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
}

// Trusted tells whether an anchor was reached.
func (p *Path) Trusted() error {
	if !p.trusted {
		if len(p.chain) == 0 {
			return errors.New("the attestation has no certificate that could chain to a trust anchor")
		}
		return fmt.Errorf("the attestation certificate of %.80q chains to no configured trust anchor", name(p.chain[0]))
	}
	return nil
}

// AnchorInChain refuses an x5c that carries the anchor behind the leaf.
func (p *Path) AnchorInChain() error {
	if p.anchorInChain {
		return errors.New("x5c carries the trust anchor itself behind the attestation certificate")
	}
	return nil
}

// Order: every certificate names the next as its issuer.
func (p *Path) Order() error {
	for i := 0; i+1 < len(p.chain); i++ {
		if !bytes.Equal(p.chain[i].RawIssuer, p.chain[i+1].RawSubject) {
			return fmt.Errorf("x5c is out of order: certificate %d was not issued by certificate %d", i, i+1)
		}
	}
	return nil
}

// Signatures: every certificate verifies with the key of the next, or of the anchor.
func (p *Path) Signatures() error {
	for i, c := range p.chain {
		issuer := p.anchor
		if i+1 < len(p.chain) {
			issuer = p.chain[i+1]
		}
		if issuer != nil && !verifies(issuer, c) {
			return fmt.Errorf("the signature of certificate %d in x5c does not verify with its issuer's key", i)
		}
	}
	return nil
}

// Issuers: every issuer is a CA that may sign certificates, with enough path
// length (RFC 5280 §6.1.4). What is pinned by its key is what it is.
func (p *Path) Issuers() error {
	issuers := slices.Clone(p.chain[min(1, len(p.chain)):])
	if p.anchor != nil {
		issuers = append(issuers, p.anchor)
	}
	for i, c := range issuers {
		if p.pinned && i == len(issuers)-1 {
			continue
		}
		switch {
		case !c.BasicConstraintsValid || !c.IsCA:
			return fmt.Errorf("the issuer %.80q of the chain is not a CA", name(c))
		case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
			return fmt.Errorf("the issuer %.80q of the chain may not sign certificates", name(c))
		case (c.MaxPathLen > 0 || c.MaxPathLenZero) && i > c.MaxPathLen:
			return fmt.Errorf("the issuer %.80q of the chain allows %d intermediates, there are %d", name(c), c.MaxPathLen, i)
		}
	}
	return nil
}

// Validity: every certificate is valid at that time, but for one that is pinned
// by its key.
func (p *Path) Validity(at time.Time) error {
	chain := slices.Clone(p.chain)
	if p.pinned {
		chain = chain[:len(chain)-1]
	}
	if p.anchor != nil {
		chain = append(chain, p.anchor)
	}
	for _, c := range chain {
		if at.Before(c.NotBefore) || at.After(c.NotAfter) {
			return fmt.Errorf("the certificate of %.80q in the chain is valid from %s to %s only", name(c), c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// Critical: no certificate has a critical extension that nobody here
// understands. Subject Alternative Name is understood by the TPM procedure, and
// critical in TPM certificates because their subject is empty.
func (p *Path) Critical() error {
	for _, c := range p.chain {
		for _, oid := range c.UnhandledCriticalExtensions {
			if !oid.Equal(oidSubjectAltName) {
				return fmt.Errorf("a certificate of the chain has the unknown critical extension %s", asn1.ObjectIdentifier(oid))
			}
		}
	}
	return nil
}

func name(c *x509.Certificate) string {
	if s := c.Subject.String(); s != "" {
		return s
	}
	return "(empty subject)"
}

// Paths are the trust paths of a result: its own, or those of its parts.
func (r *Result) Paths() [][]*x509.Certificate {
	var all [][]*x509.Certificate
	if len(r.Path) > 0 {
		all = append(all, r.Path)
	}
	for _, part := range r.Parts {
		all = append(all, part.Paths()...)
	}
	return all
}
