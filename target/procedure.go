package target

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// A procedure is what a Relying Party's API has besides its ceremonies: a change
// that needs a signed user action, an approval, a recovery code. One that names
// a ceremony has options and a credential, and is begun and finished like one;
// any other is performed.

// Performance is what became of a procedure.
type Performance struct {
	Outcome
	// Body is the deciding answer's body, Header its header fields, both as the
	// Relying Party wrote them.
	Body   json.RawMessage
	Header [][2]string
}

// HasProcedure says whether the profile has a procedure of this name.
func (t *Target) HasProcedure(name string) bool { return t.profile.procedures[name] != nil }

// Procedures lists the names of the profile's procedures, sorted.
func (p *Profile) Procedures() []string {
	var names []string
	for name := range p.procedures {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Perform runs a procedure without a ceremony. The outcome is that of the step
// that is marked as its result, or of an earlier one that did not go through. An
// error is a fault of the harness or profile, or the context's.
func (s *Session) Perform(ctx context.Context, name string) (*Performance, error) {
	spec := s.t.profile.procedures[name]
	if spec == nil || spec.optionsAt >= 0 {
		return nil, fmt.Errorf("procedure %s: %w", name, ErrNoCeremony)
	}
	req, err := Request{}.input()
	if err != nil {
		return nil, err
	}
	c := &Ceremony{Kind: spec.kind, s: s, spec: spec, req: req, captures: map[string]any{}}
	o, err := c.finish(ctx, nil, WireFaults{})
	if err != nil {
		return nil, err
	}
	p := &Performance{Outcome: *o}
	if c.answered != nil {
		p.Body, p.Header = append(p.Body, c.answered.raw.response...), slices.Clone(c.answered.ResponseHeader)
	}
	return p, nil
}

// Answer is the body and the header fields of the answer that decided the newest
// Finish; nil before, and where there was none.
func (c *Ceremony) Answer() (body json.RawMessage, header [][2]string) {
	if c.answered == nil {
		return nil, nil
	}
	return append(body, c.answered.raw.response...), slices.Clone(c.answered.ResponseHeader)
}

// Captured is what the session's steps saved under a name, in this browser or
// with the account; nil where they saved nothing.
func (s *Session) Captured(name string) any {
	if v, ok := s.session[name]; ok {
		return v
	}
	return s.account[name]
}

// Alteration changes the request of one step against what the profile says.
type Alteration struct {
	// Skip leaves the step out; what it would have captured is what it captured before.
	Skip bool
	// Method and Path stand in place of the profile's; empty changes nothing.
	Method, Path string
	// Query stands in place of the profile's where it is not nil.
	Query map[string]string
	// Header sets fields; an empty value takes one away.
	Header map[string]string
	// Edit changes the body's value before it is written.
	Edit func(body any) any
	// Raw stands in place of the whole body where it is not nil.
	Raw []byte
}

// Alter has the step with this id sent otherwise from now on, in whatever part of
// the profile it stands. The zero Alteration puts it back.
func (s *Session) Alter(step string, a Alteration) {
	if s.altered == nil {
		s.altered = map[string]Alteration{}
	}
	s.altered[step] = a
}

// procedures reads procedures: NAME: {ceremony?, challengeEncoding?, steps, roles?}.
func (l *loader) procedures(n *node, defaults step) {
	if n == nil {
		return
	}
	if n.kind != mapNode {
		l.fail(n.errorf("this is %s (write NAME: {steps: ...})", n.kind))
		return
	}
	for _, name := range n.keys {
		f := n.fields[name]
		if !nameForm.MatchString(name) || slices.Contains([]string{Registration, Authentication, U2FRegistration}, name) {
			l.fail(f.keyErrorf("%q cannot name a procedure (lower-case letters, digits, hyphens; not a ceremony's name)", name))
			continue
		}
		if f.kind == nullNode {
			continue
		}
		if !l.fields(f, "ceremony", "challengeEncoding", "steps", "roles") {
			continue
		}
		var spec *ceremonySpec
		if k := f.get("ceremony"); k != nil {
			kind := l.oneOf(k, Registration, Authentication)
			spec = l.ceremony(kind, f.without("ceremony"), defaults)
		} else {
			spec = l.plainProcedure(f, defaults)
		}
		if spec != nil {
			l.p.procedures[name] = spec
		}
	}
}

// plainProcedure reads steps of which one is the result.
func (l *loader) plainProcedure(n *node, defaults step) *ceremonySpec {
	if !l.fields(n, "steps") {
		return nil
	}
	c := &ceremonySpec{at: n, optionsAt: -1, resultAt: -1, roles: map[Role]pointer{}}
	if n.get("steps") == nil {
		l.lacks(n, "steps", "no steps (add steps: a list)")
	}
	c.steps = l.steps(n.get("steps"), defaults)
	for i, s := range c.steps {
		switch {
		case s.has("options"):
			l.fail(s.at.errorf("options without a ceremony (add ceremony: registration or authentication to the procedure)"))
		case s.result && c.resultAt >= 0:
			l.fail(s.at.errorf("a second step with result: true (a procedure has one)"))
		case s.result && s.has("when"):
			l.fail(s.at.errorf("the result step cannot depend on when (take it away)"))
		case s.always && (c.resultAt < 0 || s.result):
			l.fail(s.at.errorf("always is for steps after the result (take it away)"))
		case s.usesCredentialItself():
			l.fail(s.at.errorf("step %s uses .credential, and this procedure has none (add ceremony)", s.id))
		}
		if s.result {
			c.resultAt = i
		}
	}
	if c.resultAt < 0 && l.stepsRead(n.get("steps")) {
		l.fail(n.errorf("no step carries the result (add result: true to one)"))
	}
	return c
}

// without is n without one key, for a reader that does not know it.
func (n *node) without(key string) *node {
	out := *n
	out.keys, out.fields = nil, map[string]*node{}
	for _, k := range n.keys {
		if k != key {
			out.keys, out.fields[k] = append(out.keys, k), n.fields[k]
		}
	}
	return &out
}

// StepDeviation is a place where the answer to a step differs from the step's schema.
type StepDeviation struct {
	Step string
	Deviation
}

// Deviations are all places so far where an answer of the session differed from
// the schema that the profile names for it, in the order of the steps.
func (s *Session) Deviations() []StepDeviation { return slices.Clone(s.deviations) }
