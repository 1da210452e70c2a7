package client

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// ErrCannot is what a client says of a call that it has no means for, which is
// no finding about anything.
var ErrCannot = errors.New("this client cannot do that")

// Caller is a Session that makes calls as a page's own script writes them, and
// tells all that the script can see: for comparing clients, not for checks,
// which want the corrections that Create and Get make.
type Caller interface {
	Session
	Call(ctx context.Context, c Call) (*Called, error)
}

// Call is one call.
type Call struct {
	// Method is create or get of navigator.credentials; or a static method of
	// PublicKeyCredential, such as getClientCapabilities, called with Options; or
	// members, the names on the prototype of the interface that Options names.
	Method string `json:"method"`
	// Options is the value of publicKey as the script writes it. A string in the
	// place of a buffer (challenge, user.id, the ids of descriptors, inputs of prf,
	// largeBlob and credBlob) is base64url that the script decodes; anything else is
	// handed on as it is. What JSON cannot say is an object with one member:
	// {"$undefined": true}, {"$number": "NaN"}, {"$string": "text"} (a string
	// that is not decoded), and of bytes in base64url {"$buffer": …} an ArrayBuffer,
	// {"$view": …} a Uint8Array inside of a larger buffer, {"$dataview": …}.
	Options json.RawMessage `json:"options,omitempty"`
	// JSON has the browser's own parseCreationOptionsFromJSON or
	// parseRequestOptionsFromJSON decode the options.
	JSON bool `json:"json,omitempty"`
	// Mediation is the member of that name beside publicKey; empty: absent.
	Mediation string `json:"mediation,omitempty"`
	// Aborted: the call's signal is aborted already.
	Aborted bool `json:"aborted,omitempty"`
	// Bare: publicKey is left out.
	Bare bool `json:"bare,omitempty"`
	// Longest is how long an answer is waited for; 0 or more than the client's own
	// limit means that limit.
	Longest time.Duration `json:"-"`
}

// Called is what came of a Call, one of the four.
type Called struct {
	// Response is what toJSON() made of the credential, and Results what
	// getClientExtensionResults() returned, with buffers in base64url.
	Response, Results json.RawMessage
	// Value is what another method returned.
	Value json.RawMessage
	// Error is the rejection.
	Error *Error
	// Waiting: it neither resolved nor rejected in time and was aborted.
	Waiting bool
}
