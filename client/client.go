// Package client says what the harness needs of a WebAuthn client: something
// that runs create() and get() for a page on some origin, with authenticators
// plugged in. The spec's own word is client (https://www.w3.org/TR/webauthn-3/#client).
//
// A client never judges and never speaks HTTP to a Relying Party: it turns
// options into a response, and that is all.
package client

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// Client makes sessions. It is safe for concurrent use.
type Client interface {
	// Name is the kind as the command line spells it: virtual, virtualwebauthn, chrome.
	Name() string
	// Version is what runs behind the name, for the report: "156.0.8078.79".
	Version() string
	// Carries reports whether this client can do what a check asks of it.
	Carries(Ability) bool
	// Open starts a session with no authenticator, no cookies and no credentials
	// left over from another session.
	Open(ctx context.Context, cfg SessionConfig) (Session, error)
	// Close ends the client and whatever process it runs.
	Close() error
}

// Ability is one thing that not every client can do.
type Ability string

// What a check may ask of a client beyond a plain create() and get().
const (
	// Faults: responses can be edited and signed again (Registration.Signer is set).
	Faults Ability = "faults"
	// OptionFaults: the client can be told to disregard the options it was given
	// (faults whose Stage is virtualauth.StageOptions).
	OptionFaults Ability = "option-faults"
	// ExcludeList: excludeCredentials is enforced.
	ExcludeList Ability = "exclude-list"
	// Discoverable: resident keys, and get() without an allow list.
	Discoverable Ability = "discoverable"
	// U2F: an authenticator that speaks U2F only, credentials filed under an
	// AppID, and the appid and appidExclude extensions.
	U2F Ability = "u2f"
	// SelfAttestation: packed self attestation on request.
	SelfAttestation Ability = "self-attestation"
	// U2FAttestation: fido-u2f attestation on request.
	U2FAttestation Ability = "u2f-attestation"
	// AttestationFormats: a statement of any one format on request, with
	// certificates made under the suite's own roots (AuthenticatorConfig.Format).
	AttestationFormats Ability = "attestation-formats"
	// AttestationKey: the key that signed an attestation statement is known, so
	// that a fault inside what it signs can be signed again.
	AttestationKey Ability = "attestation-key"
	// NoAttestation: attestation none when the options ask for none.
	NoAttestation Ability = "no-attestation"
	// Extensions: client extensions are read from the options.
	Extensions Ability = "extensions"
	// AuthenticatorExtensions: authenticators have the extensions of CTAP 2.2 that
	// AuthenticatorConfig.Extensions names.
	AuthenticatorExtensions Ability = "authenticator-extensions"
	// Flags: user verification, backup eligibility and backup state can be chosen.
	Flags Ability = "flags"
	// Models: an authenticator can be one of the models that the suite's metadata
	// know (AuthenticatorConfig.Model), or a device of the fleet (Device).
	Models Ability = "models"
	// Import: credentials made elsewhere can be put on an authenticator.
	Import Ability = "import"
	// Direct: checks that only read options, and run no ceremony, are put
	// through this client. One client has it, so that they run once.
	Direct Ability = "direct"
)

// SessionConfig is the page that a session's ceremonies run on.
type SessionConfig struct {
	// Origin is the page's origin as it will stand in the client data, such as https://rp.example.
	Origin string
	// TopOrigin, if set, puts the page into a frame of a page of this origin.
	// Clients without Frames refuse it.
	TopOrigin string
	// Between are the origins of the frames between that page and this one, the
	// outermost first.
	Between []string
	// Allow is the allow attribute of the page's own frame
	// (https://www.w3.org/TR/permissions-policy/#iframe-allow-attribute); nil lets
	// it call create() and get(). Frames in between are always let.
	Allow *string
	// Untouched leaves out what else comes before a create() in a frame of another
	// origin: the user's click into the frame, without which it is refused.
	Untouched bool
	// RelatedOrigins are what /.well-known/webauthn of an RP ID lists
	// (https://www.w3.org/TR/webauthn-3/#sctn-related-origins); no other RP ID has
	// one. Clients without the ability refuse it.
	RelatedOrigins map[string][]string
	// Seed decides every key and credential id that the session makes, together
	// with the options it is given. Clients that cannot be seeded ignore it.
	Seed []byte
}

// Session is one page and the authenticators plugged into its machine. It is
// not safe for concurrent use.
type Session interface {
	// Plug adds an authenticator; later ceremonies are answered by it alone
	// until another is plugged in or selected with Use.
	Plug(ctx context.Context, cfg AuthenticatorConfig) (Authenticator, error)
	// Use makes a the one that answers.
	Use(ctx context.Context, a Authenticator) error
	// Create runs create() with the options, a PublicKeyCredentialCreationOptionsJSON.
	// A refusal by the client or authenticator is a *Error.
	Create(ctx context.Context, options json.RawMessage) (*Registration, error)
	// Get runs get() with the options, a PublicKeyCredentialRequestOptionsJSON.
	Get(ctx context.Context, options json.RawMessage) (*Assertion, error)
	// Close ends the session and forgets its authenticators.
	Close() error
}

// Disobedient is a Session whose client can be told to disregard its options.
type Disobedient interface {
	Session
	// Disobey applies the option faults of f (virtualauth.StageOptions) to every
	// ceremony that follows, until the next call.
	Disobey(f virtualauth.Faults)
}

// AuthenticatorConfig describes an authenticator in terms that every client understands.
type AuthenticatorConfig struct {
	// U2F makes an authenticator that speaks U2F only; else it is CTAP2.
	U2F bool
	// Transport is usb, nfc, ble, internal or hybrid; empty means usb.
	Transport string
	// ResidentKeys: can store discoverable credentials.
	ResidentKeys bool
	// UserVerification: has a way to verify the user, and the verification succeeds.
	UserVerification bool
	// BackupEligible and BackupState are the BE and BS flags of new credentials.
	BackupEligible, BackupState bool
	// SelfAttestation makes the statement packed self attestation whatever
	// conveyance the options ask for, as some platforms do.
	SelfAttestation bool
	// Extensions: has credProtect, hmac-secret, credBlob, minPinLength and largeBlob.
	Extensions bool
	// Format is the attestation that it makes whatever conveyance the options
	// ask for, as in virtualauth.Config.Formats: packed, tpm, apple and so on.
	// Empty leaves it to the client.
	Format string
	// Model is the name of a model in the suite's metadata (virtualauth/mds), whose
	// AAGUID and attestation root it gets; empty: the usual ones.
	Model string
	// Device is the name of a device of the fleet (virtualauth/fleet), which then
	// decides everything else; empty: none.
	Device string
	// With are the extensions that it has, one by one; the zero value leaves it to
	// the client and to Extensions.
	With ExtensionSet
}

// ExtensionSet is extensions that an authenticator has. A client
// gives it those that it has the means for; Firefox's token has what it has.
type ExtensionSet struct {
	// PRF is hmac-secret under either of its client extensions.
	PRF bool
	// LargeBlob needs resident keys.
	LargeBlob    bool
	MinPINLength bool
	// CredBlob comes with credProtect, as Chrome has one switch for both.
	CredBlob bool
}

// Authenticator is a handle on a plugged-in authenticator.
type Authenticator interface {
	// Credentials lists what is stored, oldest first.
	Credentials(ctx context.Context) ([]Credential, error)
	// Import stores a credential made elsewhere.
	Import(ctx context.Context, c Credential) error
	// Remove forgets the credential with this id.
	Remove(ctx context.Context, id []byte) error
}

// Credential is a credential source (https://www.w3.org/TR/webauthn-3/#public-key-credential-source)
// with its private key.
type Credential struct {
	ID []byte
	// RPID is the RP ID that the credential is scoped to, or an AppID URL for
	// one that was registered through the U2F API.
	RPID       string
	UserHandle []byte
	PrivateKey crypto.Signer
	// Algorithm is the COSE algorithm; 0 means the usual one for the key.
	Algorithm int64
	SignCount uint32
	Resident  bool
	// BackupEligible and BackupState are the flags the credential reports.
	BackupEligible, BackupState bool
}

// Registration is what create() resolved with.
type Registration struct {
	Response virtualauth.RegistrationResponse
	// Credential is the key pair behind it where the client can tell, for
	// editing the response and signing it again; else nil.
	Credential *Credential
	// Attestation is the key that signed the attestation statement where that
	// is not the credential's own; nil for none and self attestation, and where
	// the client cannot tell.
	Attestation crypto.Signer
	// Format is the attestation that made the statement, as in
	// virtualauth.Keys.Format, where package virtualauth made it; else empty.
	Format string
}

// Assertion is what get() resolved with.
type Assertion struct {
	Response   virtualauth.AuthenticationResponse
	Credential *Credential
	// UserHandle is the account's user.id where the client can tell, also for a
	// credential that does not return it.
	UserHandle []byte
}

// Algorithms are the COSE algorithms that c's authenticators have, the most
// usual first: what c itself says, or else ES256 alone.
func Algorithms(c Client) []int64 {
	if tells, ok := c.(interface{ Algorithms() []int64 }); ok {
		return tells.Algorithms()
	}
	return []int64{virtualauth.ES256}
}

// Error is a rejection of create() or get() as a page sees it. Compare Name
// only: browsers agree on names and not on messages.
type Error struct {
	// Name is the DOMException's name, or TypeError or RangeError.
	Name    string
	Message string
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Name
	}
	return fmt.Sprintf("%s: %s", e.Name, e.Message)
}
