package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// TraceVersion is the version of a trace's JSON form. It changes only when a
// member goes away or changes its meaning.
const TraceVersion = 1

// Trace is what happened in one check, ceremony by ceremony, or one ceremony
// that was recorded in somebody's own browser. One file of it is a whole bug
// report. Secrets are redacted as in a report, and it holds no private key.
type Trace struct {
	// TraceVersion tells a trace from a report.
	TraceVersion int       `json:"traceVersion"`
	Recorded     time.Time `json:"recorded,omitzero"`
	// Suite and Check are absent from a trace that the recorder made.
	Suite  *Suite  `json:"suite,omitempty"`
	Target *Target `json:"target,omitempty"`
	// Client is what ran create() and get(); of the recorder's traces, the
	// browser as its User-Agent names it.
	Client     Client          `json:"client"`
	Check      *TraceCheck     `json:"check,omitempty"`
	Ceremonies []TraceCeremony `json:"ceremonies"`
	// Events is what the client told of meanwhile, oldest first.
	Events []TraceEvent `json:"events,omitempty"`
	// Exchanges are the HTTP requests, oldest first.
	Exchanges []Exchange `json:"exchanges,omitempty"`
}

// TraceCheck is the check that was played and what came of it.
type TraceCheck struct {
	ID      string  `json:"id"`
	Title   string  `json:"title"`
	Level   Level   `json:"level"`
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
	Message string  `json:"message,omitempty"`
	// Requirements, Faults and Notes are as in Check.
	Requirements []string `json:"requirements,omitempty"`
	Faults       []string `json:"faults,omitempty"`
	Notes        []string `json:"notes,omitempty"`
	Rerun        string   `json:"rerun,omitempty"`
	DurationMs   int64    `json:"durationMs"`
}

// TraceCeremony is one ceremony: its options, what the client made of them, and
// what was sent to the RP.
type TraceCeremony struct {
	// Kind is registration, authentication or u2f-registration.
	Kind string `json:"kind"`
	// Twin marks a ceremony of the check's valid twin.
	Twin bool `json:"twin,omitempty"`
	// User is the account's name at the RP.
	User string `json:"user,omitempty"`
	// Origin is the page's origin, TopOrigin that of the page around it where
	// the ceremony ran in a frame of another origin.
	Origin    string `json:"origin"`
	TopOrigin string `json:"topOrigin,omitempty"`
	// Authenticator describes the virtual authenticator that answered, in the
	// words of client.AuthenticatorConfig.
	Authenticator map[string]any `json:"authenticator,omitempty"`
	// Options are PublicKeyCredentialCreationOptionsJSON or
	// PublicKeyCredentialRequestOptionsJSON, after the dialect's mapping.
	Options json.RawMessage `json:"options,omitempty"`
	// Wire is the RP's answer that the options came in, where it differs.
	Wire json.RawMessage `json:"wire,omitempty"`
	// Calls are what was asked of the client; an options check has none.
	Calls []TraceCall `json:"calls,omitempty"`
	// Sent are the credentials that went to the RP, and its answers.
	Sent []TraceSent `json:"sent,omitempty"`
}

// TraceCall is one create() or get().
type TraceCall struct {
	// Method is create or get.
	Method string `json:"method"`
	// Options is what the client was given, where that is not the ceremony's Options.
	Options json.RawMessage `json:"options,omitempty"`
	// Response is the RegistrationResponseJSON or AuthenticationResponseJSON
	// that it resolved with, or Error what it was rejected with.
	Response   json.RawMessage `json:"response,omitempty"`
	Error      *TraceError     `json:"error,omitempty"`
	DurationMs int64           `json:"durationMs"`
}

// TraceError is a rejection as a page sees it. Compare names only.
type TraceError struct {
	Name    string `json:"name"`
	Message string `json:"message,omitempty"`
}

// TraceSent is one credential that was sent to the RP.
type TraceSent struct {
	// Credential is the response after the check's faults, before the dialect's mapping.
	Credential json.RawMessage `json:"credential"`
	// Faults are the deviations that were put in, of the response and of the body.
	Faults []string `json:"faults,omitempty"`
	// Outcome is accepted, rejected, crashed or unclear.
	Outcome string `json:"outcome"`
	Status  int    `json:"status,omitempty"`
	Message string `json:"message,omitempty"`
}

// TraceEvent is one thing that the client told of.
type TraceEvent struct {
	// AtMs is when, in milliseconds since the check began.
	AtMs int64 `json:"atMs"`
	// Kind is a word such as plug, credential-added or console.
	Kind string `json:"kind"`
	Text string `json:"text,omitempty"`
}

// WriteTrace writes t, indented, ending in a line feed. The schema is
// fixtures/schemas/trace.schema.json.
func WriteTrace(w io.Writer, t *Trace) error {
	out := *t
	out.TraceVersion = TraceVersion
	out.Ceremonies = orEmpty(t.Ceremonies)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(&out); err != nil {
		return fmt.Errorf("write trace: %w", err)
	}
	return nil
}

// ReadTrace reads what WriteTrace wrote. Members it does not know are skipped.
// The name is for errors.
func ReadTrace(name string, in io.Reader) (*Trace, error) {
	dec := json.NewDecoder(in)
	var t Trace
	if err := dec.Decode(&t); err != nil {
		return nil, fmt.Errorf("%s: not a trace: %w", name, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: not a trace: something follows the JSON object", name)
	}
	if t.TraceVersion != TraceVersion {
		return nil, fmt.Errorf("%s: traceVersion is %d, this program reads %d", name, t.TraceVersion, TraceVersion)
	}
	if len(t.Ceremonies) == 0 && t.Check == nil {
		return nil, fmt.Errorf("%s: the trace has neither a ceremony nor a check", name)
	}
	for i, c := range t.Ceremonies {
		switch c.Kind {
		case "registration", "authentication", "u2f-registration":
		default:
			return nil, fmt.Errorf("%s: ceremonies[%d].kind is %q, not registration, authentication or u2f-registration", name, i, oneLine(c.Kind))
		}
	}
	if t.Check != nil {
		if _, err := ParseVerdict(string(t.Check.Verdict)); err != nil {
			return nil, fmt.Errorf("%s: check %s: %w", name, oneLine(t.Check.ID), err)
		}
	}
	return &t, nil
}
