package target

import "fmt"

// OutcomeKind is what an answer of the Relying Party amounts to.
type OutcomeKind string

const (
	// Accepted: the answer has the dialect's declared success form.
	Accepted OutcomeKind = "accepted"
	// Rejected: the answer has the dialect's declared failure form.
	Rejected OutcomeKind = "rejected"
	// Crashed: no answer, or one that no dialect would declare: a timeout, a
	// dropped connection, an HTML page, an undeclared 5xx. Never a correct rejection.
	Crashed OutcomeKind = "crashed"
	// Unclear: an answer that has neither the success nor the failure form.
	Unclear OutcomeKind = "unclear"
)

// Reasons of a Crashed or Unclear outcome.
const (
	ReasonTimeout     = "timeout"      // no complete answer within the request timeout
	ReasonConnection  = "connection"   // refused, reset, closed before the answer ended
	ReasonHTML        = "html"         // an HTML page where the dialect declares JSON or text
	ReasonServerError = "server-error" // a 5xx outside the declared failure form
	ReasonNotJSON     = "not-json"     // not JSON, or JSON deeper than the limit, where JSON is declared
	ReasonTooLarge    = "too-large"    // the answer is larger than the body limit
	ReasonRedirect    = "redirect"     // a 3xx where the dialect declares none; never followed
	ReasonForm        = "form"         // neither the success nor the failure form
	ReasonIncomplete  = "incomplete"   // the success form without a member that a later step needs
)

// Outcome is what became of one step, or of a whole ceremony.
type Outcome struct {
	Kind OutcomeKind `json:"kind"`
	// Reason says why the outcome is Crashed or Unclear, else it is empty.
	Reason string `json:"reason,omitempty"`
	// Step is the id of the step that decided.
	Step string `json:"step,omitempty"`
	// Status is the HTTP status, 0 where there was no answer.
	Status int `json:"status,omitempty"`
	// Message is the Relying Party's own words, by the profile's message
	// expression, or what went wrong on the way; one line, at most 500 bytes.
	Message string `json:"message,omitempty"`
	// ServerError marks a 5xx in the dialect's declared failure form: a
	// rejection, and a posture finding.
	ServerError bool `json:"serverError,omitempty"`
	// Deviations are where the answer's body differs from the JSON Schema that
	// the profile names for it.
	Deviations []Deviation `json:"deviations,omitempty"`
}

func (o Outcome) String() string {
	s := string(o.Kind)
	if o.Reason != "" {
		s += " (" + o.Reason + ")"
	}
	if o.Status != 0 {
		s += fmt.Sprintf(", HTTP %d", o.Status)
	}
	if o.Message != "" {
		s += ": " + o.Message
	}
	return s
}

// StepError says that the Relying Party did not carry a step through: it
// refused, crashed or answered in no known form.
type StepError struct {
	// Step is the profile's id of the step.
	Step    string
	Outcome Outcome
}

func (e *StepError) Error() string {
	return fmt.Sprintf("step %s: %s", e.Step, e.Outcome)
}

// Login is whether the Relying Party takes a session for logged in.
type Login string

// What Session.Probe answers.
const (
	LoggedIn  Login = "logged-in"
	LoggedOut Login = "logged-out"
	// Unknown: the profile has no probe, or its answer told nothing.
	Unknown Login = "unknown"
)
