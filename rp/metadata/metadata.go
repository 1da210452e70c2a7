// Package metadata reads BLOBs of the FIDO Metadata Service for the reference
// Relying Party
// (https://fidoalliance.org/specs/mds/fido-metadata-service-v3.0-ps-20210518.html).
//
// What is wrong with a BLOB's signature, chain, certificates or date does not
// keep its entries from being read: each is an answer of its own (Source), so
// that the Relying Party judges them as steps, and a deliberate bug can leave
// one out. The entries themselves are read by go-webauthn's metadata package.
package metadata

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-webauthn/webauthn/metadata"
)

// Config is what a Relying Party is told beside the BLOBs.
type Config struct {
	// Root is the trust anchor of those who sign BLOBs.
	Root *x509.Certificate
	// Lists are revocation lists, in DER.
	Lists [][]byte
	// Clock says when; nil: time.Now.
	Clock func() time.Time
}

// Source is one BLOB and what is wrong with it (§3.2, processing rules).
type Source struct {
	Name string
	// Signature: it does not verify with the signer's key (step 6).
	// Chain: the signer does not lead to Root at this time (step 5).
	// Revoked: a revocation list names one of the chain (step 5).
	// Outdated: nextUpdate has passed (step 8).
	Signature, Chain, Revoked, Outdated error
}

// Sound tells whether nothing is wrong with it.
func (s *Source) Sound() bool { return s.Signature == nil && s.Chain == nil && s.Revoked == nil }

// Entry is what a BLOB says of a model.
type Entry struct {
	Source      *Source
	Description string
	// Roots are the attestation trust anchors of this model and no other.
	Roots []*x509.Certificate
	// Types are its attestation types, such as basic_full.
	Types []string
	// Algorithms are its authentication algorithms by the FIDO Registry of
	// Predefined Values §3.6.1, such as secp256r1_ecdsa_sha256_raw.
	Algorithms []string
	// Status is the newest status report that is in effect, since when Since.
	Status string
	Since  time.Time
	// Reports are all statuses, in the order of the BLOB.
	Reports []string
}

// Store are the entries of several BLOBs.
type Store struct {
	Sources []*Source
	byModel map[[16]byte]*Entry
	byKey   map[string]*Entry
}

// New reads BLOBs by name. An error means that one is no BLOB at all.
func New(cfg Config, blobs map[string][]byte) (*Store, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Root == nil {
		return nil, errors.New("metadata: there is no trust anchor for those who sign BLOBs")
	}
	var lists []*x509.RevocationList
	for i, der := range cfg.Lists {
		l, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("metadata: revocation list %d: %w", i, err)
		}
		lists = append(lists, l)
	}
	s := &Store{byModel: map[[16]byte]*Entry{}, byKey: map[string]*Entry{}}
	for _, name := range slices.Sorted(maps.Keys(blobs)) {
		if err := s.add(cfg, lists, name, blobs[name]); err != nil {
			return nil, fmt.Errorf("metadata BLOB %s: %w", name, err)
		}
	}
	return s, nil
}

// Of are entries known from elsewhere than a BLOB, by AAGUID.
func Of(entries map[[16]byte]*Entry) *Store {
	return &Store{byModel: maps.Clone(entries), byKey: map[string]*Entry{}}
}

func (s *Store) add(cfg Config, lists []*x509.RevocationList, name string, blob []byte) error {
	source := &Source{Name: name}
	payload, err := source.open(cfg, lists, bytes.TrimSpace(blob))
	if err != nil {
		return err
	}
	var raw metadata.PayloadJSON
	if err := json.Unmarshal(payload, &raw); err != nil {
		return fmt.Errorf("its payload: %w", err)
	}
	now := cfg.Clock()
	if next, err := time.Parse(time.DateOnly, raw.NextUpdate); err != nil || now.After(next.AddDate(0, 0, 1)) {
		source.Outdated = fmt.Errorf("its next update was due on %.20s", raw.NextUpdate)
	}
	s.Sources = append(s.Sources, source)
	for _, j := range raw.Entries {
		e, err := j.Parse()
		if err != nil {
			continue // one model that cannot be read says nothing of the others
		}
		entry := &Entry{Source: source, Description: e.MetadataStatement.Description, Roots: e.MetadataStatement.AttestationRootCertificates}
		for _, t := range e.MetadataStatement.AttestationTypes {
			entry.Types = append(entry.Types, string(t))
		}
		for _, a := range e.MetadataStatement.AuthenticationAlgorithms {
			entry.Algorithms = append(entry.Algorithms, string(a))
		}
		for _, r := range e.StatusReports {
			entry.Reports = append(entry.Reports, string(r.Status))
			var since time.Time // without a date it was always in effect
			if r.EffectiveDate != nil {
				since = *r.EffectiveDate
			}
			if !since.After(now) && !since.Before(entry.Since) {
				entry.Status, entry.Since = string(r.Status), since
			}
		}
		if e.AaGUID != [16]byte{} {
			keep(s.byModel, [16]byte(e.AaGUID), entry)
		}
		for _, id := range e.AttestationCertificateKeyIdentifiers {
			keep(s.byKey, id, entry)
		}
	}
	return nil
}

// keep prefers the entry of a BLOB that is sound.
func keep[K comparable](m map[K]*Entry, k K, e *Entry) {
	if old := m[k]; old == nil || !old.Source.Sound() {
		m[k] = e
	}
}

var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}

// open judges the signature and returns the payload all the same.
func (s *Source) open(cfg Config, lists []*x509.RevocationList, blob []byte) ([]byte, error) {
	header, payload, ok := parts(blob)
	if !ok {
		return nil, errors.New("it is no JWS in compact form")
	}
	var h struct {
		X5C [][]byte `json:"x5c"`
	}
	if err := json.Unmarshal(header, &h); err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	var chain []*x509.Certificate
	for i, der := range h.X5C {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of x5c: %w", i, err)
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		chain = []*x509.Certificate{cfg.Root} // step 4: then the anchor itself is the signer
	}
	signed, err := jose.ParseSignedCompact(string(blob), algorithms)
	if err == nil {
		_, err = signed.Verify(chain[0].PublicKey)
	}
	if err != nil {
		s.Signature = fmt.Errorf("its signature does not verify: %w", err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(cfg.Root)
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, CurrentTime: cfg.Clock()}); err != nil {
		s.Chain = fmt.Errorf("its signer does not lead to the trust anchor: %w", err)
	}
	s.Revoked = revoked(append(chain, cfg.Root), lists)
	return payload, nil
}

// revoked asks the lists that the issuer of each certificate signed.
func revoked(chain []*x509.Certificate, lists []*x509.RevocationList) error {
	for i, c := range chain[:len(chain)-1] {
		issuer := chain[i+1]
		for _, l := range lists {
			if !bytes.Equal(l.RawIssuer, c.RawIssuer) || l.CheckSignatureFrom(issuer) != nil {
				continue
			}
			for _, e := range l.RevokedCertificateEntries {
				if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
					return fmt.Errorf("the certificate of %.80q is revoked", c.Subject.CommonName)
				}
			}
		}
	}
	return nil
}

// Lookup is the entry of a model: by its AAGUID, or, for one without, by the
// key identifier of its attestation certificate. Nil: no BLOB lists it.
func (s *Store) Lookup(aaguid []byte, x5c []*x509.Certificate) *Entry {
	if s == nil {
		return nil
	}
	var id [16]byte
	copy(id[:], aaguid)
	if id != [16]byte{} {
		return s.byModel[id]
	}
	if len(x5c) == 0 {
		return nil
	}
	return s.byKey[keyID(x5c[0])]
}

// Roots are those of all entries together: what a Relying Party has that does
// not ask whose root it is.
func (s *Store) Roots() []*x509.Certificate {
	if s == nil {
		return nil
	}
	var all []*x509.Certificate
	for _, e := range s.byModel {
		all = append(all, e.Roots...)
	}
	return all
}

// Undesired are the statuses of a model that is not to be trusted (§3.1.4).
func (e *Entry) Undesired() bool {
	return metadata.IsUndesiredAuthenticatorStatus(metadata.AuthenticatorStatus(e.Status))
}
