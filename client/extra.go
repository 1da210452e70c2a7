package client

import "context"

// More that a check may ask of a client. A session or authenticator that has
// the ability implements the interface of the same sense.
const (
	// Overrides: authenticators that answer wrongly when told to (Overridable).
	Overrides Ability = "overrides"
	// Properties: the counter and backup flags of a stored credential can be
	// changed (Adjustable).
	Properties Ability = "properties"
	// Frames: a page in a frame of another origin (SessionConfig.TopOrigin).
	Frames Ability = "frames"
	// RelatedOrigins: /.well-known/webauthn of RP IDs can be served
	// (SessionConfig.RelatedOrigins).
	RelatedOrigins Ability = "related-origins"
	// Conditional: get() with conditional mediation (ConditionalSession).
	Conditional Ability = "conditional"
)

// Override is how an authenticator answers wrongly. The zero value is honest.
type Override struct {
	// BogusSignature makes signatures that do not verify, also of attestation
	// statements. BadUV clears UV and BadUP clears UP, whatever was asked for;
	// what is signed is what is sent.
	BogusSignature, BadUV, BadUP bool
}

// Overridable is an Authenticator that answers wrongly when told to. It is the
// authenticator itself that does it, before anything reaches the page.
type Overridable interface {
	Authenticator
	// Override holds from the next ceremony until the next call.
	Override(ctx context.Context, o Override) error
}

// Adjustment is what is changed of a stored credential; nil leaves as it is.
type Adjustment struct {
	// BackupEligible and BackupState may be set to what is not legal.
	BackupEligible, BackupState *bool
	// SignCount is the last value reported; the next is one more, and wraps to 0
	// behind 2^32-1. -1 makes it a credential whose counter is 0 for ever.
	SignCount *int64
}

// Adjustable is an Authenticator whose credentials can be changed in place.
type Adjustable interface {
	Authenticator
	Adjust(ctx context.Context, id []byte, a Adjustment) error
}

// ConditionalSession is a Session that can run get() with mediation
// "conditional": what autofill does, where the user picks a passkey in a form field
// (https://www.w3.org/TR/webauthn-3/#dom-credential-mediation).
type ConditionalSession interface {
	Session
	GetConditional(ctx context.Context, options []byte) (*Assertion, error)
}
