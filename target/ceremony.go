package target

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
)

// Ceremony is one that has its options and waits for a credential.
type Ceremony struct {
	Kind string
	// Options are L3 JSON after the dialect's mapping:
	// PublicKeyCredentialCreationOptionsJSON or PublicKeyCredentialRequestOptionsJSON.
	// For a u2f-registration they are the U2F JavaScript API's register request:
	// {version, challenge, appId, registeredKeys}.
	Options json.RawMessage
	// Wire is the answer's body as the Relying Party wrote it.
	Wire json.RawMessage

	s        *Session
	spec     *ceremonySpec
	req      map[string]any
	username string
	captures map[string]any
	// answered is the exchange that decided the newest Finish.
	answered *Exchange
}

// Begin runs a ceremony's steps up to and including the one that yields the
// options. A refusal, and an answer without options, is a *StepError; a kind
// that the profile lacks is ErrNoCeremony. A procedure that has a ceremony is
// begun by its name; the Ceremony's kind then is that of its ceremony.
func (s *Session) Begin(ctx context.Context, kind string, r Request) (*Ceremony, error) {
	spec := s.t.profile.ceremonies[kind]
	if p := s.t.profile.procedures[kind]; spec == nil && p != nil && p.optionsAt >= 0 {
		spec, kind = p, p.kind
	}
	if spec == nil {
		return nil, fmt.Errorf("%s: %w", kind, ErrNoCeremony)
	}
	req, err := r.input()
	if err != nil {
		return nil, err
	}
	c := &Ceremony{Kind: kind, s: s, spec: spec, req: req, username: r.Username, captures: map[string]any{}}
	for i, st := range spec.steps[:spec.optionsAt+1] {
		in := s.input(req, r.Username, c.captures)
		o, err := s.runStep(ctx, st, in, c.captures, nil)
		if err != nil {
			return nil, err
		}
		if o == nil {
			if i == spec.optionsAt {
				return nil, st.at.errorf("the step with the options was skipped (take its when away)")
			}
			continue
		}
		if o.Kind != Accepted {
			return nil, &StepError{Step: st.id, Outcome: *o}
		}
		if i < spec.optionsAt {
			continue
		}
		v, err := st.options.run(in, s.seed)
		if _, ok := v.(map[string]any); err != nil || !ok {
			o.Kind, o.Reason, o.Message = Unclear, ReasonIncomplete, "the answer holds no options"
			if err != nil {
				o.Message += ": " + err.Error()
			}
			return nil, &StepError{Step: st.id, Outcome: *o}
		}
		c.Options = encodeJSON(s.t.challengeOf(spec, v), nil)
		c.Wire = append(json.RawMessage(nil), s.log[len(s.log)-1].raw.response...)
	}
	return c, nil
}

// Has says whether the result body of this ceremony's dialect has the role.
func (c *Ceremony) Has(r Role) bool { _, ok := c.spec.roles[r]; return ok }

// In is the same ceremony, with what it captured, to be finished in another
// session. Steps before the options have not run there: where a dialect unlocks
// something first, begin a ceremony of the other session's own before.
func (c *Ceremony) In(s *Session) *Ceremony {
	d := *c
	d.s, d.captures = s, maps.Clone(c.captures)
	return &d
}

var usesResult = regexp.MustCompile(`\.result\b`)

// Finish runs the rest of the ceremony's steps with the credential, L3 JSON
// (RegistrationResponseJSON or AuthenticationResponseJSON; for a
// u2f-registration {version, registrationData, clientData} in base64url). It may be
// called more than once, to send a credential again.
//
// The outcome is the result step's, or that of an earlier step that did not go
// through. An error is a fault of the harness or profile, ErrNoRole, or the
// context's; all that the Relying Party does is in the Outcome.
func (c *Ceremony) Finish(ctx context.Context, credential json.RawMessage, w WireFaults) (*Outcome, error) {
	cred, err := parseJSON(credential)
	if err != nil {
		return nil, fmt.Errorf("credential: %w", err)
	}
	return c.finish(ctx, cred, w)
}

func (c *Ceremony) finish(ctx context.Context, cred any, w WireFaults) (*Outcome, error) {
	s := c.s
	c.answered = nil
	captures := maps.Clone(c.captures)
	steps := c.spec.steps[c.spec.optionsAt+1:]
	result := c.spec.steps[c.spec.resultAt]
	var ready *prepared
	input := func() map[string]any {
		in := s.input(c.req, c.username, captures)
		if cred != nil {
			in["credential"] = cred
		}
		if ready != nil {
			in["result"] = map[string]any{"method": result.method, "body": string(ready.bytes)}
		}
		return in
	}
	prepare := func() error {
		if result.body == nil {
			ready = &prepared{}
			return nil
		}
		in := input()
		v, err := result.body.value(in, s.seed)
		if err != nil {
			return err
		}
		alt := s.altered[result.id]
		if alt.Edit != nil {
			v = alt.Edit(v)
		}
		data, err := w.apply(result.body, c.spec.roles, v)
		if err != nil {
			return err
		}
		if alt.Raw != nil {
			data = alt.Raw
		}
		ready = &prepared{data}
		return nil
	}
	var decided *Outcome
	for _, st := range steps {
		if decided != nil && decided.Kind != Accepted && !st.always {
			continue
		}
		if ready == nil && (st == result || st.mentionsResult()) {
			if err := prepare(); err != nil {
				return nil, err
			}
		}
		var with *prepared
		if st == result {
			with = ready
		}
		logged := len(s.log)
		o, err := s.runStep(ctx, st, input(), captures, with)
		if err != nil {
			return nil, err
		}
		if decided != nil || o == nil {
			// What follows the result, such as locking a configuration again,
			// does not change the verdict on it.
			continue
		}
		if st == result || o.Kind != Accepted {
			decided = o
			if len(s.log) > logged {
				last := s.log[len(s.log)-1]
				c.answered = &last
			}
		}
	}
	if decided == nil {
		return nil, c.spec.at.errorf("no step decided the outcome (mend the steps)")
	}
	return decided, nil
}

// mentionsResult says whether the step's body needs the result's body, as a
// signed user action does.
func (s *step) mentionsResult() bool {
	return s.body != nil && s.body.expr != nil && usesResult.MatchString(s.body.expr.src)
}
