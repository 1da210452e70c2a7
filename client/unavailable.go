package client

import (
	"context"
	"fmt"
)

// Unavailable stands for a client that cannot run here, so that everything
// asked of it is reported as not testable with the reason, and nothing is
// silently left out.
type Unavailable struct {
	// Kind is the client's name, such as chrome.
	Kind string
	// Abilities are what the client could do if it were there.
	Abilities []Ability
	// Cause says why it is not there and how to mend that.
	Cause error
}

// Name implements Client.
func (u *Unavailable) Name() string { return u.Kind }

// Version implements Client.
func (u *Unavailable) Version() string { return "not available" }

// Carries implements Client.
func (u *Unavailable) Carries(a Ability) bool {
	for _, b := range u.Abilities {
		if a == b {
			return true
		}
	}
	return false
}

// Error is the one-line reason.
func (u *Unavailable) Error() string {
	return fmt.Sprintf("client %s is not available: %v", u.Kind, u.Cause)
}

// Open implements Client; it always fails with the reason.
func (u *Unavailable) Open(context.Context, SessionConfig) (Session, error) { return nil, u }

// Close implements Client.
func (u *Unavailable) Close() error { return nil }
