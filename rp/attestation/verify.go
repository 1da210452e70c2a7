package attestation

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// Type is an attestation type (https://www.w3.org/TR/webauthn-3/#sctn-attestation-types).
type Type string

// The attestation types. Basic stands for AttCA too where the statement alone does not tell.
const (
	Basic    Type = "basic"
	Self     Type = "self"
	AttCA    Type = "attca"
	AnonCA   Type = "anonca"
	None     Type = "none"
	Compound Type = "compound"
)

// Input is what a verification procedure works on.
type Input struct {
	Format    string
	Statement cose.Node
	// AuthData and ClientDataHash are the bytes that attestation signs.
	AuthData, ClientDataHash []byte
	// The parts of AuthData.
	RPIDHash, AAGUID, CredentialID []byte
	Key                            *cose.Key
	// Time judges SafetyNet timestamps.
	Time   time.Time
	Policy Policy
	// LeaveOut tells whether a step is skipped; nil: none is.
	LeaveOut func(name string) bool
}

// Policy is what §8 leaves open or what is stricter than it.
type Policy struct {
	// RequireZeroU2FAAGUID refuses fido-u2f with another AAGUID than zero.
	RequireZeroU2FAAGUID bool
	// AndroidTEEOnly takes origin and purpose of android-key from the list that
	// the trusted execution environment enforces, and not from the union of both.
	AndroidTEEOnly bool
	// Enterprise tells that enterprise attestation was asked for.
	Enterprise bool
}

// Result is a verified statement.
type Result struct {
	Format string
	Type   Type
	// Path is the trust path, leaf first; empty for none and self.
	Path []*x509.Certificate
	// Parts are the statements inside a compound one.
	Parts []*Result
}

// step is one step of a procedure together with its enactment. prepare leaves
// what later steps need and always runs; check judges and can be left out.
type step struct {
	name    string // behind the format's section: "magic"
	title   string
	anchor  string // fragment; empty: the procedure's
	prepare func(*statement) error
	check   func(*statement) error
}

// procedure is the verification procedure of one format.
type procedure struct {
	format  string
	section string // "8.3"
	anchor  string // fragment
	steps   []step
}

var procedures map[string]*procedure

// order is the order of §8.
var order = []string{"packed", "tpm", "android-key", "android-safetynet", "fido-u2f", "none", "apple", "compound"}

func init() {
	procedures = map[string]*procedure{}
	for _, p := range []*procedure{packed(), tpm(), androidKey(), safetyNet(), fidoU2F(), none(), apple(), compound()} {
		procedures[p.format] = p
	}
}

// Formats are the attestation statement formats that can be verified, in the order of §8.
func Formats() []string { return slices.Clone(order) }

// Supported tells whether a format can be verified; the comparison is
// case-sensitive (https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids).
func Supported(format string) bool { return procedures[format] != nil }

// Steps are the steps of all procedures, and those of chain building.
func Steps() []Step {
	var all []Step
	for _, format := range order {
		p := procedures[format]
		if p == nil {
			continue
		}
		for _, s := range p.steps {
			all = append(all, p.public(s))
		}
	}
	return all
}

func (p *procedure) public(s step) Step {
	anchor := s.anchor
	if anchor == "" {
		anchor = p.anchor
	}
	return Step{Name: p.section + "." + s.name, Anchor: Spec + "#" + anchor, Title: p.format + ": " + s.title, Check: s.check != nil}
}

// statement is a statement under verification.
type statement struct {
	Input
	signed     []byte // authData ‖ clientDataHash
	chain      []*x509.Certificate
	hasX5C     bool
	alg        int64
	tpm        tpmParts
	androidKey keyDescription
	safetyNet  safetyNetParts
	appleNonce []byte
	sig        []byte
	result     Result
}

// Verify runs the verification procedure of in.Format
// (https://www.w3.org/TR/webauthn-3/#sctn-defined-attestation-formats). The
// error is an *Error. Whether the path of the result leads to a trust anchor is
// a question of its own: see Trust.
func Verify(in Input) (*Result, error) {
	p := procedures[in.Format]
	if p == nil {
		return nil, &Error{"8", Spec + "#sctn-defined-attestation-formats", fmt.Sprintf("the attestation statement format %.32q is not supported", in.Format)}
	}
	st := &statement{Input: in}
	st.signed = slices.Concat(in.AuthData, in.ClientDataHash)
	st.result.Format = in.Format
	for _, s := range p.steps {
		pub := p.public(s)
		if s.prepare != nil {
			if err := s.prepare(st); err != nil {
				return nil, refusal(pub, err)
			}
		}
		if s.check == nil || (in.LeaveOut != nil && in.LeaveOut(pub.Name)) {
			continue
		}
		if err := s.check(st); err != nil {
			return nil, refusal(pub, err)
		}
	}
	return &st.result, nil
}

func refusal(s Step, err error) error {
	if e, ok := err.(*Error); ok {
		return e // a part of a compound statement named its own step
	}
	return &Error{s.Name, s.Anchor, err.Error()}
}
