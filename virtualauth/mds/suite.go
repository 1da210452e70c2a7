package mds

import (
	"crypto/x509"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
	"github.com/touchstone-webauthn/touchstone/virtualauth/fleet"
)

// Model is an authenticator model that exists for one question to a Relying
// Party that uses metadata. Its attestation chains to a root that nothing but a
// BLOB tells of, so that what the Relying Party says of it, it says by metadata.
type Model struct {
	Name string
	// AAGUID is the model's; two models share one where the question is whether
	// the Relying Party confuses them.
	AAGUID fleet.AAGUID
	// BLOB is the name of the one that lists it.
	BLOB string
	// Status is its newest status report; empty where another model's entry is its own too.
	Status string
	// authority issues its attestation certificates, lists is the one whose root its entry has.
	authority, lists string
	types            []string
	// algorithms are those of its statement; nil: ES256.
	algorithms []int64
}

// The two authorities of models: each is a root of its own.
const (
	makerA = "Touchstone Virtual Maker A"
	makerB = "Touchstone Virtual Maker B"
)

// model is the AAGUID of the nth model: "touchstone-mds" and two digits in ASCII.
func model(n int) (a fleet.AAGUID) {
	copy(a[:], fmt.Sprintf("touchstone-mds%02d", n))
	return a
}

const (
	good      = "good"
	certified = "FIDO_CERTIFIED_L1"
)

var models = func() []Model {
	list := []Model{
		{Name: "listed", AAGUID: model(1), BLOB: good, Status: certified, authority: makerA, lists: makerA},
		{Name: "listed-other-maker", AAGUID: model(2), BLOB: good, Status: certified, authority: makerB, lists: makerB},
		// A certificate of maker B that claims to be a model of maker A.
		{Name: "of-other-maker", AAGUID: model(1), BLOB: good, authority: makerB},
		{Name: "revoked", AAGUID: model(3), BLOB: good, Status: "REVOKED", authority: makerA, lists: makerA},
		{Name: "key-compromised", AAGUID: model(4), BLOB: good, Status: "USER_KEY_REMOTE_COMPROMISE", authority: makerA, lists: makerA},
		{Name: "attestation-key-compromised", AAGUID: model(5), BLOB: good, Status: "ATTESTATION_KEY_COMPROMISE", authority: makerA, lists: makerA},
		{Name: "verification-bypassed", AAGUID: model(6), BLOB: good, Status: "USER_VERIFICATION_BYPASS", authority: makerA, lists: makerA},
		{Name: "update-available", AAGUID: model(7), BLOB: good, Status: "UPDATE_AVAILABLE", authority: makerA, lists: makerA},
		{Name: "surrogate-only", AAGUID: model(8), BLOB: good, Status: certified, authority: makerA, lists: makerA, types: []string{"basic_surrogate"}},
		{Name: "algorithm-unlisted", AAGUID: model(10), BLOB: good, Status: certified, authority: makerA, lists: makerA, algorithms: []int64{virtualauth.EdDSA}},
		{Name: "unlisted", AAGUID: model(9), authority: makerA},
	}
	for i, d := range Defects() {
		list = append(list, Model{Name: string(d), AAGUID: model(20 + i), BLOB: string(d), Status: certified, authority: makerA, lists: makerA})
	}
	return list
}()

// Models lists them.
func Models() []Model { return slices.Clone(models) }

// LookupModel is the model with a name; the error for any other lists them.
func LookupModel(name string) (Model, error) {
	for _, m := range models {
		if m.Name == name {
			return m, nil
		}
	}
	var names []string
	for _, m := range models {
		names = append(names, m.Name)
	}
	return Model{}, fmt.Errorf("no model %q in the suite's metadata: use one of %s", name, strings.Join(names, ", "))
}

// Configure makes c an authenticator of this model, whatever it attests.
func (m Model) Configure(c *virtualauth.Config) error {
	ca, err := virtualauth.NewAuthority(m.authority)
	if err != nil {
		return fmt.Errorf("model %s: %w", m.Name, err)
	}
	c.AAGUID, c.Authority = m.AAGUID, ca
	return nil
}

func (m Model) entry(at time.Time) (Entry, error) {
	types := m.types
	if types == nil {
		types = []string{"basic_full"}
	}
	algorithms := []string{algorithmNames[virtualauth.ES256]}
	for i, id := range m.algorithms {
		algorithms = append(algorithms[:i], algorithmNames[id])
	}
	ca, err := virtualauth.NewAuthority(m.lists)
	if err != nil {
		return Entry{}, fmt.Errorf("model %s: %w", m.Name, err)
	}
	since := at.AddDate(-1, 0, 0)
	e := Entry{
		AAGUID: m.AAGUID.String(), TimeOfLastStatusChange: day(since),
		StatusReports: []StatusReport{{Status: certified, EffectiveDate: day(since)}},
		MetadataStatement: Statement{
			LegalHeader: legal, AAGUID: m.AAGUID.String(), Description: "Touchstone model " + m.Name, AuthenticatorVersion: 1, ProtocolFamily: "fido2", Schema: 3,
			UPV: []Version{{1, 1}}, AuthenticationAlgorithms: algorithms, PublicKeyAlgAndEncodings: []string{"cose"},
			AttestationTypes: types, UserVerificationDetails: [][]Verification{{{"passcode_external"}}},
			KeyProtection: []string{"hardware", "secure_element"}, MatcherProtection: []string{"on_chip"}, CryptoStrength: 128,
			AttachmentHint: []string{"external", "wired"}, TCDisplay: []string{}, AttestationRootCertificates: []string{base64DER(ca.Root())},
		},
	}
	if m.Status != certified {
		change := at.AddDate(0, -1, 0)
		e.StatusReports = append(e.StatusReports, StatusReport{Status: m.Status, EffectiveDate: day(change)})
		e.TimeOfLastStatusChange = day(change)
	}
	return e, nil
}

// Kit is everything that a Relying Party is given for the suite's checks of
// metadata: the root, BLOBs that it should use and BLOBs that it should not,
// and the revocation lists of those who sign them.
type Kit struct {
	Root *x509.Certificate
	// BLOBs are by name, each a JWS: good, and one for every Defect.
	BLOBs map[string][]byte
	// Lists are by file name: root.crl and intermediate.crl, in DER.
	Lists map[string][]byte
}

// revokedAuthority has the root of the others and an intermediate of its own,
// which the root's list revokes.
func revokedAuthority() (*virtualauth.Authority, error) {
	ca, err := authority()
	if err != nil {
		return nil, err
	}
	return ca.Sibling("Touchstone Virtual Metadata Revoked")
}

// Suite makes the kit as published at a time. lists is the URL under which the
// revocation lists will be served; empty where nobody serves them.
func Suite(at time.Time, lists string) (*Kit, error) {
	root, err := Root()
	if err != nil {
		return nil, fmt.Errorf("metadata of the suite: %w", err)
	}
	kit := &Kit{Root: root, BLOBs: map[string][]byte{}}
	for _, name := range append([]string{good}, names(Defects())...) {
		var entries []Entry
		for _, m := range models {
			if m.BLOB != name || m.Status == "" {
				continue
			}
			e, err := m.entry(at)
			if err != nil {
				return nil, fmt.Errorf("metadata of the suite: %w", err)
			}
			entries = append(entries, e)
		}
		p := NewPayload(at, entries...)
		if name == good {
			all, err := Fleet(at, nil)
			if err != nil {
				return nil, err
			}
			p.Entries = append(p.Entries, all.Entries...)
		}
		d := Defect(name)
		if name == good {
			d = ""
		}
		jwt, err := p.Sign(d, lists)
		if err != nil {
			return nil, err
		}
		kit.BLOBs[name] = jwt
	}
	if kit.Lists, err = revocationLists(at); err != nil {
		return nil, fmt.Errorf("metadata of the suite: %w", err)
	}
	return kit, nil
}

func names(defects []Defect) []string {
	out := make([]string, len(defects))
	for i, d := range defects {
		out[i] = string(d)
	}
	return out
}

func revocationLists(at time.Time) (map[string][]byte, error) {
	ca, err := authority()
	if err != nil {
		return nil, err
	}
	bad, err := signer(SignerRevoked, "")
	if err != nil {
		return nil, err
	}
	revoked, err := revokedAuthority()
	if err != nil {
		return nil, err
	}
	lists := map[string][]byte{}
	for _, l := range []struct {
		file, by string
		serial   *big.Int
	}{
		{"intermediate.crl", virtualauth.ByIntermediate, bad.Certificate.SerialNumber},
		{"root.crl", virtualauth.ByRoot, revoked.Intermediate().SerialNumber},
	} {
		if lists[l.file], err = ca.RevocationList(l.by, at, l.serial); err != nil {
			return nil, err
		}
	}
	return lists, nil
}
