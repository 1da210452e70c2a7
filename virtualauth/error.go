package virtualauth

import "fmt"

// Error is a refusal by the client or the authenticator, as a page would see
// it: the promise of create() or get() rejected with a DOMException of this
// name, or with a TypeError or RangeError. Compare Name only; Message is for
// people, and no two browsers agree on it.
type Error struct {
	// Name is the DOMException's name (NotAllowedError, InvalidStateError,
	// SecurityError, NotSupportedError, ConstraintError, EncodingError,
	// SyntaxError, AbortError, DataError, UnknownError), or TypeError or RangeError.
	Name    string
	Message string
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Name
	}
	return e.Name + ": " + e.Message
}

// refuse makes an *Error.
func refuse(name, format string, args ...any) *Error {
	return &Error{Name: name, Message: fmt.Sprintf(format, args...)}
}

// The names in use.
const (
	errNotAllowed   = "NotAllowedError"
	errInvalidState = "InvalidStateError"
	errSecurity     = "SecurityError"
	errNotSupported = "NotSupportedError"
	errConstraint   = "ConstraintError"
	errEncoding     = "EncodingError"
	errSyntax       = "SyntaxError"
	errAbort        = "AbortError"
	errType         = "TypeError"
	errRange        = "RangeError"
)
