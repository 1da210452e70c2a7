package rp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// refusal is a request not granted: the status and what the wire says of it.
type refusal struct {
	status  int
	message string
	// full is the whole reason where the wire is told less.
	full         string
	step, anchor string
}

func (f *refusal) Error() string { return f.message }

func (f *refusal) reason() string {
	if f.full != "" {
		return f.full
	}
	return f.message
}

// refuse makes a refusal.
func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, message: fmt.Sprintf(format, args...)}
}

// asRefusal gives any error of a handler the form of a refusal.
func asRefusal(err error) *refusal {
	var f *refusal
	if errors.As(err, &f) {
		return f
	}
	var e *ceremony.Error
	if errors.As(err, &e) {
		return &refusal{status: http.StatusBadRequest, message: stepMessage(e), step: e.Step, anchor: e.Anchor}
	}
	// Not the request's fault, such as a random source that ran dry.
	return &refusal{status: http.StatusInternalServerError, message: "the server failed", full: err.Error()}
}

// at sets the status of a refusal by the core; other errors pass unchanged.
func at(status int, err error) error {
	if err == nil {
		return nil
	}
	var e *ceremony.Error
	f := asRefusal(err)
	if !errors.As(err, &e) && f.step == "" {
		return err
	}
	moved := *f
	moved.status = status
	return &moved
}

func stepMessage(e *ceremony.Error) string {
	if e.Step == "" || e.Step[0] < '0' || e.Step[0] > '9' {
		return e.Message
	}
	return "step " + e.Step + ": " + e.Message
}

// alike tells whether a refusal by a step would tell a stranger that a user or
// a credential exists. That a user handle is missing says nothing of the kind.
func alike(step string) bool {
	switch step {
	case "7.2.6.discovered-handle":
		return false
	case "7.2.5", "7.2.6", "7.2.21":
		return true
	}
	return strings.HasPrefix(step, "7.2.6.")
}

const alikeMessage = "the credential is not one that this login accepts, or its signature does not verify (steps 7.2.5, 7.2.6 and 7.2.21 answer alike)"

// answerAlike gives the refusals that depend on whether a user or credential
// exists one and the same text, as asked for by
// https://www.w3.org/TR/webauthn-3/#sctn-username-enumeration and
// https://www.w3.org/TR/webauthn-3/#sctn-credential-id-privacy-leak. The full
// reason goes to Config.OnRefusal. All other steps keep their own words: whoever
// writes a client against this server needs them.
func (s *Server) answerAlike(err error) error {
	var e *ceremony.Error
	if err == nil || s.omits("answers.alike") || !errors.As(err, &e) || !alike(e.Step) {
		return err
	}
	return &refusal{status: http.StatusBadRequest, message: alikeMessage, full: stepMessage(e), step: e.Step, anchor: e.Anchor}
}
