package target

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// The kinds of ceremony that a dialect may have.
const (
	Registration    = "registration"
	Authentication  = "authentication"
	U2FRegistration = "u2f-registration"
)

// Options say which Relying Party a profile is used on. Empty fields take the
// profile's value.
type Options struct {
	// URL is the base that the steps' paths are joined to.
	URL string
	// RPID and Origin default to the URL's host and origin.
	RPID, Origin string
	// Handler answers the requests in place of the network.
	Handler http.Handler
	// Timeout is for each request; 0 means 10 s.
	Timeout time.Duration
	// Headers go on every request.
	Headers map[string]string
	// Vars set or override the profile's vars.
	Vars map[string]string
	// Version is named in the User-Agent header: touchstone/VERSION.
	Version string
	// Seed decides the keys that hooks derive, together with the user's name.
	Seed []byte
	// MaxBody limits an answer's body in bytes; 0 means 4 MiB.
	MaxBody int64
	// ShowSecrets turns redaction of the exchange log off.
	ShowSecrets bool
}

// Target is a Relying Party and how to speak to it. It is safe for concurrent use.
type Target struct {
	profile *Profile
	opts    Options
}

// New binds a profile to a Relying Party.
func New(p *Profile, o Options) (*Target, error) {
	return &Target{profile: p, opts: o}, nil
}

// Name is the profile's name.
func (t *Target) Name() string { return t.profile.name }

// Dialect is the name of the embedded dialect at the root of the profile's extends chain.
func (t *Target) Dialect() string { return t.profile.name }

// URL is the base URL, without a trailing slash.
func (t *Target) URL() string { return t.opts.URL }

// RPID is the RP ID that the Relying Party is expected to use.
func (t *Target) RPID() string { return t.opts.RPID }

// Origin is the origin that the Relying Party is expected to accept.
func (t *Target) Origin() string { return t.opts.Origin }

// Feature says what the profile declares about a feature or policy.
func (t *Target) Feature(name string) Feature { return Feature{} }

// ChallengeEncoding says how the options' challenge text becomes challenge
// bytes: "decoded" (base64url decoded, as in WebAuthn's JSON) or "text" (the
// UTF-8 bytes of the text itself).
func (t *Target) ChallengeEncoding() string { return "decoded" }

// User is an account at the Relying Party.
type User struct{ Name, DisplayName, Password string }

// NewUser makes a user by the profile's rules for names; equal ids give equal users.
func (t *Target) NewUser(id string) User { return User{Name: id, DisplayName: id, Password: id} }

// Request is what the caller asks the options to be. Empty fields are not sent.
type Request struct {
	UserVerification        string
	Attestation             string
	ResidentKey             string
	AuthenticatorAttachment string
	RequireResidentKey      *bool
	Extensions              map[string]any
	// Usernameless begins an authentication without a username.
	Usernameless bool
	// Username overrides the session user's name in this ceremony.
	Username string
}

// Session is one user's browser: a cookie jar, captures and an exchange log.
// It is not safe for concurrent use.
type Session struct {
	t    *Target
	user User
}

// NewSession opens a session; nothing is sent yet.
func (t *Target) NewSession(u User) *Session { return &Session{t: t, user: u} }

// User is the session's user.
func (s *Session) User() User { return s.user }

// Target is the session's target.
func (s *Session) Target() *Target { return s.t }

// SetCheck names the check that the session's requests belong to, in the
// headers User-Agent and X-Touchstone-Check.
func (s *Session) SetCheck(id string) {}

// Use sets headers, each "Name: value", on the requests of the step with this
// id, or of all steps when step is empty. An empty value takes the header away.
func (s *Session) Use(step string, headers ...string) {}

// Setup runs the account steps: creates the account in a new session, and logs
// in where the profile says so. In a fork it only logs in. A refusal is a *StepError.
func (s *Session) Setup(ctx context.Context) error { return errNotLoaded }

// Begin runs a ceremony's steps up to and including the one that yields the
// options. A refusal is a *StepError.
func (s *Session) Begin(ctx context.Context, kind string, r Request) (*Ceremony, error) {
	return nil, errNotLoaded
}

var errNotLoaded = errors.New("target: profile not loaded")

// Fork is the same user in a second browser: account captures go along,
// cookies and session captures do not.
func (s *Session) Fork() *Session { return &Session{t: s.t, user: s.user} }

// Probe asks whether the Relying Party takes the session for logged in.
func (s *Session) Probe(ctx context.Context) (Login, error) { return Unknown, nil }

// Exchanges is the log, oldest first. A fork has a log of its own.
func (s *Session) Exchanges() []Exchange { return nil }

// Ceremony is one that has its options and waits for a credential.
type Ceremony struct {
	Kind string
	// Options are L3 JSON after the dialect's mapping:
	// PublicKeyCredentialCreationOptionsJSON or PublicKeyCredentialRequestOptionsJSON.
	Options json.RawMessage
	// Wire is the answer's body as the Relying Party wrote it.
	Wire json.RawMessage

	s *Session
}

// Has says whether the result body of this ceremony's dialect has the role.
func (c *Ceremony) Has(r Role) bool { return false }

// Validate holds the options and the wire form against their JSON Schemas and
// lists the deviations.
func (c *Ceremony) Validate() []Deviation { return nil }

// Deviation is one place where options or an answer differ from their schema.
type Deviation struct {
	// Where is "options" for the mapped L3 form and "wire" for the dialect's own.
	Where string `json:"where"`
	// Pointer is the JSON Pointer (RFC 6901) of the place.
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

// Finish runs the rest of the ceremony's steps with the credential, L3 JSON
// (RegistrationResponseJSON or AuthenticationResponseJSON). An error is a fault of
// the harness or profile, or ErrNoRole; all that the Relying Party does is in the Outcome.
func (c *Ceremony) Finish(ctx context.Context, credential json.RawMessage, w WireFaults) (*Outcome, error) {
	return nil, errNotLoaded
}

// In is the same ceremony to be finished in another session.
func (c *Ceremony) In(s *Session) *Ceremony { d := *c; d.s = s; return &d }
