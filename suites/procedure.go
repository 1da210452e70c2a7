package suites

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
)

// perform runs a procedure of the dialect in the account's session.
func (a *Account) perform(name string) *target.Performance { return a.c.perform(a.Session, name) }

// performNeeded is perform for a procedure that the check stands on.
func (a *Account) performNeeded(name string) *target.Performance {
	p := a.perform(name)
	a.c.need(&p.Outcome, "the procedure "+name)
	return p
}

func (c *Case) perform(s *target.Session, name string) *target.Performance {
	c.requireProcedure(name)
	p, err := s.Perform(c.ctx, name)
	if err != nil {
		c.broken(fmt.Errorf("the procedure %s: %w", name, err))
	}
	return p
}

// requireProcedure ends the case as not applicable where the profile lacks the procedure.
func (c *Case) requireProcedure(name string) {
	if !c.Target.HasProcedure(name) {
		c.NotApplicable(reports.ReasonFeature, "the profile has no procedure %s", name)
	}
}

// altered runs do with one step of the session's altered, and puts it back.
func (a *Account) altered(step string, how target.Alteration, do func() *target.Performance) *target.Performance {
	a.Session.Alter(step, how)
	defer a.Session.Alter(step, target.Alteration{})
	return do()
}

// performAltered is perform with one step altered: the one fault of a procedure.
func (a *Account) performAltered(name, step string, how target.Alteration) *target.Performance {
	return a.altered(step, how, func() *target.Performance { return a.perform(name) })
}

// sendAltered is Send with one step altered.
func (t *Attempt) sendAltered(step string, how target.Alteration) *target.Outcome {
	s := t.Account.Session
	s.Alter(step, how)
	defer s.Alter(step, target.Alteration{})
	return t.Send(noWire)
}

// object reads a performance's body.
func (c *Case) object(p *target.Performance, into any) {
	if err := json.Unmarshal(p.Body, into); err != nil {
		c.Fail("malformed-answer", "the answer is not of the documented shape: %v", err)
	}
}

// begun asks for options and returns the step's outcome, for requests whose refusal is judged.
func (a *Account) begun(kind string, s Setting) (*Attempt, *target.Outcome) {
	cer, err := a.Session.Begin(a.c.ctx, kind, s.request())
	if err != nil {
		var se *target.StepError
		if !errors.As(err, &se) {
			a.c.broken(fmt.Errorf("asking for %s options: %w", kind, err))
		}
		return nil, &se.Outcome
	}
	return &Attempt{Ceremony: cer, Account: a}, &target.Outcome{Kind: target.Accepted}
}

// setMember returns an edit that sets the member at a path such as a/b/0/c.
func setMember(path string, v any) func(any) any {
	return editMember(path, func(any) (any, bool) { return v, true })
}

// dropMember returns an edit that takes a member away.
func dropMember(path string) func(any) any {
	return editMember(path, func(any) (any, bool) { return nil, false })
}

// moveMember returns an edit that renames a member where it stands.
func moveMember(path, name string) func(any) any {
	return func(body any) any {
		var old any
		body = editMember(path, func(v any) (any, bool) { old = v; return nil, false })(body)
		return setMember(path[:strings.LastIndex(path, "/")+1]+name, old)(body)
	}
}

// editMember returns an edit of one member. It works on copies: what a step's
// expression yields may be shared with what later steps see.
func editMember(path string, edit func(old any) (v any, stays bool)) func(any) any {
	names := strings.Split(path, "/")
	var at func(v any, names []string) any
	at = func(v any, names []string) any {
		switch v := v.(type) {
		case map[string]any:
			out := make(map[string]any, len(v))
			for k, m := range v {
				out[k] = m
			}
			if len(names) > 1 {
				out[names[0]] = at(out[names[0]], names[1:])
			} else if m, stays := edit(out[names[0]]); stays {
				out[names[0]] = m
			} else {
				delete(out, names[0])
			}
			return out
		case []any:
			out := append([]any(nil), v...)
			if i, err := strconv.Atoi(names[0]); err == nil && i < len(out) {
				if len(names) > 1 {
					out[i] = at(out[i], names[1:])
				} else if m, stays := edit(out[i]); stays {
					out[i] = m
				}
			}
			return out
		}
		return v
	}
	return func(body any) any { return at(body, names) }
}

// headerOf is the value of a header field of an answer.
func headerOf(header [][2]string, name string) string {
	for _, h := range header {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}
