// Package ceremony is the core of the reference Relying Party: it builds
// options, and verifies responses by the steps of WebAuthn Level 3 §7.1 and
// §7.2, named and in the order of the specification. It knows no wire form and
// no HTTP; the dialects of package rp bring both.
package ceremony

import (
	"encoding/json"
	"io"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
	"github.com/touchstone-webauthn/touchstone/rp/metadata"
)

// Config is everything that the core takes from its surroundings.
type Config struct {
	RPID   string
	RPName string
	// Origins are compared exactly (https://www.w3.org/TR/webauthn-3/#sctn-validating-origin).
	Origins []string
	// TopOrigins are the embedders the RP expects; empty: it expects never to be framed cross-origin.
	TopOrigins []string
	// AppIDs are the U2F AppIDs that are this RP's own; appid and appidExclude
	// are only ever issued for these.
	AppIDs []string
	// Algorithms are the COSE algorithms offered when a dialect names none, most preferred first; nil: all that the RP verifies.
	Algorithms []int64
	Anchors    attestation.Anchors
	// Metadata says which anchors a model has, and whether it is to be trusted; nil: nothing is known of any.
	Metadata *metadata.Store
	Policy   Policy
	// ChallengeLife is how long an issued challenge is good for; 0: five minutes.
	ChallengeLife time.Duration
	// Clock and Random default to time.Now and crypto/rand.
	Clock  func() time.Time
	Random io.Reader
	// LeaveOut names steps that are skipped ("7.1.7"): how a deliberate bug leaves one out.
	LeaveOut []string
	// Override puts another check in the place of that of a step of §7.1 or
	// §7.2, by its name: how a deliberate bug does a step wrongly rather than not
	// at all, or is stricter than the specification.
	Override map[string]func(*Inspection) error
	// Bug is the name of a deliberate defect, one of Bugs; empty: none.
	Bug string
	// Policies look on: each is told of where the RP would have gone another way under it.
	Policies []*OtherPolicy
	// Watch is told which bugs would have answered otherwise; nil: nobody is.
	Watch *Watch
}

// Policy is what the specification leaves to the Relying Party.
type Policy struct {
	// RejectCounterRegression refuses an assertion whose counter did not grow (§7.2 step 22); else it is accepted and noted.
	RejectCounterRegression bool
	// RequireTrust refuses attestation that chains to no anchor (§7.1 step 24) when the statement is neither none nor self.
	RequireTrust bool
	// RefuseNone and RefuseSelf refuse those attestation types where direct or enterprise conveyance was asked for.
	RefuseNone, RefuseSelf bool
	// RequireZeroU2FAAGUID is stricter than the specification: fido-u2f must carry the zero AAGUID.
	RequireZeroU2FAAGUID bool
	// RejectMalformedTokenBinding is stricter than Level 3, where the member is reserved.
	RejectMalformedTokenBinding bool
	// RefuseAnchorInChain is stricter than the specification: x5c must not carry the trust anchor behind the leaf.
	RefuseAnchorInChain bool
	// AndroidTEEOnly takes origin and purpose of android-key from what the
	// trusted execution environment enforces alone (§8.4 leaves the choice).
	AndroidTEEOnly bool
	// Level2 follows Level 2 where Level 3 differs: the bits of the backup flags say
	// nothing, nobody looks at crossOrigin and topOrigin, a credential id has no
	// greatest length, compound is no format, and a token binding that the
	// connection does not have is refused.
	Level2 bool
	// RejectUnsolicitedExtensions refuses extension outputs that were not asked for.
	RejectUnsolicitedExtensions bool
}

// RP is one Relying Party with its users, credentials and pending ceremonies,
// in memory. It is safe for concurrent use.
type RP struct{ *state }

// User is an account.
type User struct {
	// Handle is the user handle, user.id: 64 random bytes unless the dialect chose it.
	Handle            []byte
	Name, DisplayName string
}

// Kind of ceremony.
type Kind string

// The two ceremonies.
const (
	Registration   Kind = "registration"
	Authentication Kind = "authentication"
)

// Descriptor is a PublicKeyCredentialDescriptor.
type Descriptor struct {
	Type       string
	ID         []byte
	Transports []string
}

// AuthenticatorSelection is AuthenticatorSelectionCriteria; empty members are absent.
type AuthenticatorSelection struct {
	AuthenticatorAttachment string
	ResidentKey             string
	RequireResidentKey      bool
	UserVerification        string
}

// RegistrationRequest is what a dialect asks of BeginRegistration.
type RegistrationRequest struct {
	User *User
	// Session is what the ceremony is bound to: a cookie, a bearer token. Finish must present the same.
	Session     string
	Algorithms  []int64 // nil: Config.Algorithms
	Attestation string  // empty: none
	Selection   *AuthenticatorSelection
	// Extensions are the client extension inputs to issue, already decided by the dialect.
	Extensions map[string]json.RawMessage
	Timeout    time.Duration // 0: five minutes
	// Conditional marks a conditional create(), where UP may be clear (§7.1 step 15).
	Conditional bool
	// ChallengeAsText also accepts the base64url of the UTF-8 bytes of the
	// challenge's base64url text: what a client makes that does not decode it.
	ChallengeAsText bool
}

// CreationOptions are the options issued, free of any wire form.
type CreationOptions struct {
	// Handle names the pending ceremony; dialects with an identifier of their own on the wire may send it.
	Handle             string
	RPID, RPName       string
	User               User
	Challenge          []byte
	Algorithms         []int64
	Timeout            time.Duration
	ExcludeCredentials []Descriptor
	Selection          *AuthenticatorSelection
	Attestation        string
	Extensions         map[string]json.RawMessage
}

// RegistrationResponse is what came back, after the dialect's own reading of it.
type RegistrationResponse struct {
	ID string // as received: base64url text
	// RawID is the rawId member as received where the dialect has one; nil where it was absent.
	RawID             *string
	Type              string
	ClientDataJSON    []byte
	AttestationObject []byte
	Transports        []string
	ExtensionResults  map[string]json.RawMessage
	// PublicKey is the copy of the credential's key beside the attestation object,
	// a DER SubjectPublicKeyInfo; nil: absent. No step reads it, a bug does.
	PublicKey []byte
}

// FinishRegistration names a pending ceremony and brings the response to it.
// An empty Handle means the newest registration begun in Session.
type FinishRegistration struct {
	Handle   string
	Session  string
	Response RegistrationResponse
}

// AuthenticationRequest is what a dialect asks of BeginAuthentication.
type AuthenticationRequest struct {
	// Username is empty for a login where the user is not known beforehand. An
	// unknown name gets options of the same shape with imaginary credentials
	// (https://www.w3.org/TR/webauthn-3/#sctn-username-enumeration).
	Username         string
	Session          string
	UserVerification string // empty: preferred
	Extensions       map[string]json.RawMessage
	Timeout          time.Duration
	ChallengeAsText  bool
}

// RequestOptions are the options issued, free of any wire form.
type RequestOptions struct {
	Handle           string
	RPID             string
	Challenge        []byte
	Timeout          time.Duration
	AllowCredentials []Descriptor
	UserVerification string
	Extensions       map[string]json.RawMessage
}

// AuthenticationResponse is what came back, after the dialect's own reading of it.
type AuthenticationResponse struct {
	ID                string
	RawID             *string
	Type              string
	ClientDataJSON    []byte
	AuthenticatorData []byte
	Signature         []byte
	UserHandle        []byte // nil: absent
	ExtensionResults  map[string]json.RawMessage
}

// FinishAuthentication names a pending ceremony and brings the response to it.
type FinishAuthentication struct {
	Handle   string
	Session  string
	Response AuthenticationResponse
}

// Credential is a credential record (https://www.w3.org/TR/webauthn-3/#credential-record).
type Credential struct {
	ID             []byte
	UserHandle     []byte
	PublicKey      []byte // COSE_Key bytes
	SignCount      uint32
	UVInitialized  bool
	Transports     []string
	BackupEligible bool
	BackupState    bool
	// AppID is set for a credential registered through the U2F API.
	AppID           string
	AttestationType string
	Format          string
	AAGUID          []byte
	// Trusted tells that the attestation chains to a configured trust anchor.
	Trusted   bool
	CreatedAt time.Time
	// DoubleEncodedChallenge tells that the client used the ChallengeAsText form.
	DoubleEncodedChallenge bool
}

// Login is the outcome of a good assertion.
type Login struct {
	User       *User
	Credential *Credential
	// Verified tells whether the user was verified (UV).
	Verified bool
	// CounterRegressed is the clone signal of §7.2 step 22.
	CounterRegressed bool
}

// Error is a refusal: the step that failed and why.
type Error struct {
	Step    string // such as "7.1.7", or "challenge", "user"
	Anchor  string // URL into the specification
	Message string
}

func (e *Error) Error() string { return e.Message }

// The methods of *RP, each in its own file:
//
//	New(Config) (*RP, error)
//	(*RP) AddUser(name, displayName string, handle []byte) (*User, error)  // handle nil: random; error when the name is taken
//	(*RP) UserByName(name string) (*User, bool)
//	(*RP) UserByHandle(handle []byte) (*User, bool)
//	(*RP) Credentials(u *User) []Credential                                // oldest first
//	(*RP) RemoveCredential(u *User, id []byte) bool
//	(*RP) AddU2FCredential(u *User, keyHandle, point []byte, appID string) error
//	(*RP) BeginRegistration(RegistrationRequest) (*CreationOptions, error)
//	(*RP) FinishRegistration(FinishRegistration) (*Credential, error)      // a refusal is a *Error
//	(*RP) BeginAuthentication(AuthenticationRequest) (*RequestOptions, error)
//	(*RP) FinishAuthentication(FinishAuthentication) (*Login, error)
//	RegistrationSteps, AuthenticationSteps []Step{Name, Anchor, Title string}  // for readers, the ledger and the tests
