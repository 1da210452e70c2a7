// Package suites holds the catalogue of checks, the ledger of requirements they
// prove, and the engine that puts them to a Relying Party through a client.
//
// A check is data: a valid ceremony with exactly one fault, or a valid ceremony
// in an unusual but legal form, and what must come of it. Only stories of
// several steps (two accounts, a replay, a counter) carry code. The engine has
// no globals and knows no test framework; suites/specs puts the same catalogue
// before Ginkgo.
package suites

import (
	"fmt"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// Level says what a failed check means.
type Level string

// A failed MUST is a fail, a failed SHOULD a warning (a fail under --strict); a
// posture is something worth knowing that never fails.
const (
	Must    Level = "MUST"
	Should  Level = "SHOULD"
	Posture Level = "POSTURE"
)

// The ceremonies, spelled as profiles spell them.
const (
	Registration    = "registration"
	Authentication  = "authentication"
	U2FRegistration = "u2f-registration"
)

// Expectation is what must come of a check's ceremony.
type Expectation string

// A check with a story judges for itself and has no expectation.
const (
	Accept Expectation = "accept"
	Reject Expectation = "reject"
)

// Setting is the circumstances of a ceremony: what the RP is asked for and what
// authenticator answers. Two ceremonies with equal settings differ only in the
// fault, which is what makes one the other's twin.
type Setting struct {
	// UserVerification, Attestation and ResidentKey are asked of the RP where
	// the dialect lets a request ask; empty asks for nothing.
	UserVerification string
	Attestation      string
	ResidentKey      string
	// Extensions are client extension inputs asked of the RP.
	Extensions map[string]any
	// Authenticator answers; the zero value is the ordinary one: CTAP2 over
	// USB, resident keys, user verification.
	Authenticator client.AuthenticatorConfig
	// Mediation is how create() will be called, where the dialect lets a request
	// say so: conditional, or empty.
	Mediation string
	// Usernameless begins the authentication without naming a user.
	Usernameless bool
	// Algorithm is the COSE algorithm of the credential, where the RP offers it;
	// 0 means ES256, AnyAlgorithm leaves the choice to RP and client.
	Algorithm int64
}

// AnyAlgorithm is for ceremonies that show how RP and client settle on one.
const AnyAlgorithm int64 = 1 << 40

// Check is one question put to a Relying Party.
type Check struct {
	// ID is human and stable: family.topic.what-is-wrong. Never an ordinal.
	ID    string
	Title string
	Level Level
	// Requirements are ids of ledger rows, the first one the row that a failure cites.
	Requirements []string
	// Why tells what goes wrong for an RP that fails here, for people.
	Why string
	// Dialects restricts the check to dialects that match one of these globs; nil is every dialect.
	Dialects []string
	// Needs are features of the target (package target); a feature that the
	// profile declares absent makes the check not-applicable with its reason.
	Needs []string
	// Abilities are what the client must be able to do; a client that cannot is not asked.
	Abilities []client.Ability

	// Explains: it is played also where plain ceremonies fail, as it may say why.
	Explains bool

	Ceremony string
	Setting  Setting
	// Fault or Wire is the one thing that is wrong, or unusual but legal.
	Fault  virtualauth.Faults
	Wire   target.WireFaults
	Expect Expectation

	// Story runs in place of the above.
	Story func(*Case)

	// Stricter and Unscored are a requirement set's, put in by Set.Put: in what
	// the check goes beyond the W3C's text in this set, and why it does not score.
	// Both are empty in the catalogue.
	Stricter, Unscored string
}

// Family is the group that a check is run and listed in: its id up to the
// second dot, such as registration.client-data.
func (c *Check) Family() string {
	parts := strings.SplitN(c.ID, ".", 3)
	if len(parts) < 3 {
		return parts[0]
	}
	return parts[0] + "." + parts[1]
}

// Faults names what the check breaks, for reports.
func (c *Check) Faults() []string {
	names := c.Fault.Names()
	return append(names, c.Wire.Names()...)
}

// Carried reports whether cl can do all that the check asks of a client, and if not, what it lacks.
func (c *Check) Carried(cl client.Client) (ok bool, lacks client.Ability) {
	for _, a := range c.abilities() {
		if !cl.Carries(a) {
			return false, a
		}
	}
	return true, ""
}

// abilities adds to the declared abilities those that follow from the data.
func (c *Check) abilities() []client.Ability {
	out := append([]client.Ability(nil), c.Abilities...)
	for _, name := range c.Fault.Names() {
		f, ok := virtualauth.LookupFault(name)
		switch {
		case ok && f.Stage == virtualauth.StageOptions:
			out = append(out, client.OptionFaults)
		default:
			out = append(out, client.Faults)
		}
	}
	if len(c.Setting.Extensions) > 0 {
		out = append(out, client.Extensions)
	}
	if c.Setting.Authenticator.Extensions {
		out = append(out, client.AuthenticatorExtensions)
	}
	if c.Setting.Authenticator.U2F {
		out = append(out, client.U2F)
	}
	if c.Setting.Authenticator.SelfAttestation {
		out = append(out, client.SelfAttestation)
	}
	if c.Setting.Authenticator.Format != "" {
		out = append(out, client.AttestationFormats)
	}
	return out
}

// needs adds to the declared needs those that follow from the data.
func (c *Check) needs() []string {
	out := append([]string(nil), c.Needs...)
	switch c.Ceremony {
	case Registration, Authentication:
		out = append(out, c.Ceremony)
	}
	return append(out, c.Setting.needs()...)
}

func (s Setting) needs() []string {
	var out []string
	if s.Attestation != "" {
		out = append(out, "request.attestation")
	}
	if s.ResidentKey != "" {
		out = append(out, "request.resident-key")
	}
	for name := range s.Extensions {
		out = append(out, "extension."+name)
	}
	if s.Mediation == "conditional" {
		out = append(out, "conditional-create")
	}
	if s.Usernameless {
		out = append(out, "login.usernameless")
	}
	if s.Authenticator.SelfAttestation {
		out = append(out, "attestation.packed-self")
	}
	if f := s.Authenticator.Format; f != "" {
		out = append(out, "attestation."+f, needTrust)
	}
	return out
}

// Lint reports what is inconsistent in a catalogue, one line a finding. It is
// run by a test over the shipped catalogue and by the engine over what it is given.
func Lint(checks []*Check, ledger *Ledger) []string {
	var out []string
	seen := map[string]bool{}
	for _, c := range checks {
		say := func(format string, args ...any) {
			out = append(out, c.ID+": "+fmt.Sprintf(format, args...))
		}
		if seen[c.ID] {
			say("the id is used twice")
		}
		seen[c.ID] = true
		if !validID(c.ID) {
			say("the id is not three or more lower-case words joined by dots")
		}
		if c.Title == "" || c.Why == "" {
			say("title and why must both be there")
		}
		if len(c.Requirements) == 0 {
			say("cites no requirement")
		}
		for i, r := range c.Requirements {
			row, ok := ledger.Row(r)
			if !ok {
				say("cites %s, which is not in the ledger", r)
				continue
			}
			if i == 0 && !levelFits(c.Level, row.Keyword) {
				say("level %s does not fit %s, a %s", c.Level, r, row.Keyword)
			}
		}
		n := len(c.Faults())
		switch {
		case c.Story != nil:
			if n > 0 || c.Expect != "" {
				say("a story has no fault or expectation of its own")
			}
		case c.Ceremony != Registration && c.Ceremony != Authentication:
			say("ceremony %q is neither registration nor authentication", c.Ceremony)
		case c.Expect == Reject && n != 1:
			say("a rejection must have exactly one fault, this has %d", n)
		case c.Expect == Accept && n > 1:
			say("an accepted form differs from the plain one in at most one thing, this has %d", n)
		case c.Expect != Accept && c.Expect != Reject:
			say("neither a story nor an expectation")
		}
	}
	return out
}

// levelFits keeps a check from claiming more than its requirement says.
func levelFits(l Level, keyword string) bool {
	switch keyword {
	case "MUST":
		return true
	case "SHOULD":
		return l == Should || l == Posture
	default:
		return l == Posture
	}
}

func validID(id string) bool {
	words := strings.Split(id, ".")
	if len(words) < 3 {
		return false
	}
	for _, w := range words {
		if w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
