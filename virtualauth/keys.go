package virtualauth

import (
	"crypto"
	"errors"
	"time"
)

// Keys are what editing a response takes besides the response.
type Keys struct {
	// Credential is the credential's private key, for signing again.
	Credential crypto.Signer
	// Algorithm is the credential's COSE algorithm; 0 means the usual one for the key.
	Algorithm int64
	// Attestation signed the attestation statement where Credential did not; nil
	// where it is not known, and then faults that would need it fail.
	Attestation crypto.Signer
	// Format is the attestation that made the statement, as in Config.Formats,
	// where this package made it: statements whose certificates are made for one
	// response (tpm, android-key, apple, android-safetynet, compound) are then
	// made anew in place of being signed again.
	Format string
	// Seed decides what faults invent: other challenges, other keys. Nil takes it from the response.
	Seed []byte
	// UserHandle is the account's user.id, for faults that return it unasked.
	UserHandle []byte
	// AppID is the Relying Party's U2F AppID; empty means the origin.
	AppID string
	// LastSignCount is the counter that the Relying Party saw last; nil means
	// one less than the response has.
	LastSignCount *uint32

	clock     func() time.Time
	authority *Authority // that issued the certificates; nil for the usual
	serial    []byte     // of the device in them; nil for none
}

// ErrNotApplicable is wrapped by the error for a fault that a response leaves no
// room for, such as a fault in the attestation signature of a response with no
// attestation.
var ErrNotApplicable = errors.New("not applicable to this response")
