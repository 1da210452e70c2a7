package client

import (
	"context"
	"time"
)

// Observant is a Session that can tell what its browser saw, for whoever looks
// into a check that did not pass.
type Observant interface {
	Session
	// Events are what happened since the session was opened, oldest first; the
	// oldest go where there are too many. They stay available after a ceremony
	// failed, and until Close.
	Events() []Event
	// Screenshot is a picture of the page, which shows the last call, what it was
	// given and what came of it.
	Screenshot(ctx context.Context) (Picture, error)
}

// Event is one thing that a browser told of.
type Event struct {
	Time time.Time
	// Kind is credential-added, credential-asserted, credential-deleted,
	// console or exception.
	Kind string
	// Text is one line.
	Text string
}

// Picture is an image file.
type Picture struct {
	// MediaType is image/jpeg or image/png.
	MediaType string
	Data      []byte
}
