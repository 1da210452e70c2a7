package differential

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/virtualauth/mds"
)

func random(seed string) io.Reader { return rand.NewChaCha8(sha256.Sum256([]byte(seed))) }

// go-webauthn takes the roots of these formats from its own source alone. Here
// they are ours: without that it had no opinion on any response in them.
//
//go:linkname androidKeyRoots github.com/go-webauthn/webauthn/protocol.attAndroidKeyHardwareRootsCertPool
var androidKeyRoots *x509.CertPool

//go:linkname appleRoots github.com/go-webauthn/webauthn/protocol.attAppleHardwareRootsCertPool
var appleRoots *x509.CertPool

//go:linkname safetyNetRoots github.com/go-webauthn/webauthn/protocol.attStatementAndroidSafetyNetRootsCertPool
var safetyNetRoots *x509.CertPool

// libraryConfig gives go-webauthn the reference RP's configuration: where the
// text leaves a choice, both make the same.
func libraryConfig(cfg rp.Config) (*webauthn.Config, error) {
	pool := x509.NewCertPool()
	for _, root := range cfg.Anchors.Certificates {
		pool.AddCert(root)
	}
	androidKeyRoots, appleRoots, safetyNetRoots = pool, pool, pool
	known, err := newModels(cfg.Anchors.Certificates)
	if err != nil {
		return nil, err
	}
	c := &webauthn.Config{
		RPID: cfg.RPID, RPDisplayName: cfg.RPName, RPOrigins: cfg.Origins, RPTopOrigins: cfg.TopOrigins, RPAllowCrossOrigin: len(cfg.TopOrigins) > 0, MDS: known,
	}
	if !cfg.Policy.AndroidTEEOnly {
		c.Attestation.AndroidKey.AuthorizationScope = protocol.AndroidKeyAuthorizationScopeUnion
	}
	if !cfg.Policy.RejectUnsolicitedExtensions {
		c.ExtensionsUnsolicitedOutputPolicy = protocol.UnsolicitedOutputPolicyIgnore
	}
	return c, nil
}

// models are go-webauthn's metadata: those of the suite as its own decoder reads
// them, and for every other model the roots that the reference RP is configured with.
type models struct {
	known  map[uuid.UUID]*metadata.Entry
	keys   map[string]*metadata.Entry
	broken map[uuid.UUID]error // the models of a BLOB that it refuses
	other  *metadata.Entry
}

// suiteKit is made once: there is a courtroom for each format.
var suiteKit = sync.OnceValues(func() (*mds.Kit, error) { return mds.Suite(time.Now(), "") })

func newModels(roots []*x509.Certificate) (*models, error) {
	m := &models{known: map[uuid.UUID]*metadata.Entry{}, keys: map[string]*metadata.Entry{}, broken: map[uuid.UUID]error{}}
	m.other = &metadata.Entry{MetadataStatement: metadata.Statement{
		AttestationRootCertificates: roots,
		AttestationTypes:            metadata.AuthenticatorAttestationTypes{metadata.BasicFull, metadata.BasicSurrogate, metadata.AttCA, metadata.AnonCA, metadata.None},
	}}
	kit, err := suiteKit()
	if err != nil {
		return nil, err
	}
	decoder, err := metadata.NewDecoder(metadata.WithRootCertificate(base64.StdEncoding.EncodeToString(kit.Root.Raw)))
	if err != nil {
		return nil, err
	}
	for name, blob := range kit.BLOBs {
		payload, refused := decoder.DecodeBytes(blob)
		if refused != nil {
			if payload, err = unverified(blob); err != nil {
				return nil, fmt.Errorf("metadata BLOB %s: %w", name, err)
			}
		}
		parsed, err := decoder.Parse(payload)
		if err != nil {
			return nil, fmt.Errorf("metadata BLOB %s: %w", name, err)
		}
		for _, e := range parsed.Parsed.Entries {
			if refused != nil {
				m.broken[e.AaGUID] = fmt.Errorf("its BLOB: %w", refused)
				continue
			}
			if e.AaGUID != uuid.Nil {
				m.known[e.AaGUID] = &e
			}
			for _, id := range e.AttestationCertificateKeyIdentifiers {
				m.keys[strings.ToLower(id)] = &e
			}
		}
	}
	return m, nil
}

// unverified reads which models a BLOB lists that was refused.
func unverified(blob []byte) (*metadata.PayloadJSON, error) {
	parts := strings.Split(string(blob), ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("it has %d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	p := &metadata.PayloadJSON{}
	return p, json.Unmarshal(raw, p)
}

func (m *models) GetEntry(_ context.Context, model uuid.UUID) (*metadata.Entry, error) {
	if err := m.broken[model]; err != nil {
		return nil, err
	}
	if e := m.known[model]; e != nil {
		return e, nil
	}
	if model == uuid.Nil {
		return nil, nil // known by the key of its certificate, if at all
	}
	return m.other, nil
}

func (m *models) GetEntryByKeyIdentifier(_ context.Context, id string) (*metadata.Entry, error) {
	if e := m.keys[strings.ToLower(id)]; e != nil {
		return e, nil
	}
	return m.other, nil
}

func (m *models) ValidateStatusReports(_ context.Context, reports []metadata.StatusReport) error {
	return metadata.ValidateStatusReports(reports, nil, metadata.DefaultUndesiredAuthenticatorStatuses())
}

// What the reference RP asks of metadata, go-webauthn is to ask too, and no more.

func (*models) GetValidateTrustAnchor(context.Context) bool            { return true }
func (*models) GetValidateStatus(context.Context) bool                 { return true }
func (*models) GetValidateAttestationTypes(context.Context) bool       { return true }
func (*models) GetValidateAlgorithms(context.Context) bool             { return true }
func (*models) GetValidateEntryKeyIdentifier(context.Context) bool     { return true }
func (*models) GetValidateEntry(context.Context) bool                  { return false }
func (*models) GetValidateEntryPermitZeroAAGUID(context.Context) bool  { return false }
func (*models) GetValidateStatusCertificateScope(context.Context) bool { return false }
func (*models) GetValidateAAGUID(context.Context) bool                 { return false }
func (*models) GetValidateAttestationFormats(context.Context) bool     { return false }
func (*models) GetValidateBackupEligibility(context.Context) bool      { return false }
func (*models) GetValidateExtensions(context.Context) bool             { return false }
func (*models) GetValidateUserVerification(context.Context) bool       { return false }

var _ metadata.ExtendedProvider = (*models)(nil)
