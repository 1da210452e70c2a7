package suites

import (
	"errors"
	"fmt"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
)

// judgement is what a case came to.
type judgement struct {
	verdict reports.Verdict
	// reason is one word for programs, message one sentence for people.
	reason, message string
}

// halt is what unwinds a case once its judgement is known; the engine catches
// it at the case's root. Stories would be unreadable with a check after each step.
type halt struct{ judgement }

// reasonInterrupted is the reason of a case that was not played to its end.
const reasonInterrupted = "interrupted"

// noCrash is the ledger's row of answers that are none.
const noCrash = "touchstone/no-crash"

// severity turns a breach into the verdict of the check's level.
func (c *Check) severity() reports.Verdict {
	switch c.Level {
	case Must:
		return reports.Fail
	case Should:
		return reports.Warn
	default:
		return reports.Pass
	}
}

// Fail ends the case: the RP broke what the check demands. At level POSTURE it
// becomes a finding on a pass.
func (c *Case) Fail(reason, format string, args ...any) {
	v := c.Check.severity()
	// A crash is a failure of its own, whatever the check asked (the ledger's touchstone/no-crash).
	if reason == reports.ReasonCrash || reason == reports.ReasonTimeout {
		v = reports.Fail
	}
	panic(halt{judgement{v, reason, fmt.Sprintf(format, args...)}})
}

// Pass ends the case in the RP's favour.
func (c *Case) Pass() { panic(halt{judgement{verdict: reports.Pass}}) }

// NotTestable ends the case: something the check stands on was not there, so
// that nothing was learned. It is red, unlike NotApplicable.
func (c *Case) NotTestable(reason, format string, args ...any) {
	panic(halt{judgement{reports.NotTestable, reason, fmt.Sprintf(format, args...)}})
}

// NotApplicable ends the case: the profile or the dialect's documents say that
// the RP has no such thing.
func (c *Case) NotApplicable(reason, format string, args ...any) {
	panic(halt{judgement{reports.NotApplicable, reason, fmt.Sprintf(format, args...)}})
}

// broken ends the case: the harness itself went wrong.
func (c *Case) broken(err error) {
	c.lost = c.lost || errors.Is(err, client.ErrLost)
	panic(halt{judgement{reports.Error, reports.ReasonHarness, err.Error()}})
}

// Note adds a finding that does not change the verdict.
func (c *Case) Note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

// crashed reports an answer that is never a correct rejection.
func (c *Case) crashed(o *target.Outcome, what string) {
	c.crash, c.silent = true, o.Status == 0
	reason := reports.ReasonCrash
	if o.Reason == target.ReasonTimeout {
		reason = reports.ReasonTimeout
	}
	c.Fail(reason, "%s was met with no proper answer (%s)", what, o)
}

// MustAccept fails the case unless o is an acceptance. what names what was sent.
func (c *Case) MustAccept(o *target.Outcome, what string) {
	switch o.Kind {
	case target.Accepted:
	case target.Rejected:
		c.Fail(reports.ReasonRejected, "%s was refused (%s)", what, answer(o))
	case target.Crashed:
		c.crashed(o, what)
	default:
		c.Fail("unclear", "%s was met with an answer that is neither success nor failure in this dialect (%s)", what, o)
	}
}

// MustReject fails the case unless o is a rejection in the dialect's own form.
func (c *Case) MustReject(o *target.Outcome, what string) {
	switch o.Kind {
	case target.Rejected:
		if kind := c.kinds[o]; kind != "" {
			c.refused[kind] = true
		}
		if o.ServerError {
			c.Note("refused with HTTP %d, a server error: a client's mistake should be answered as one", o.Status)
		}
	case target.Accepted:
		c.Fail(reports.ReasonAccepted, "%s was accepted (%s)", what, answer(o))
	case target.Crashed:
		c.crashed(o, what)
	default:
		c.Fail("unclear", "%s was met with an answer that is neither success nor failure in this dialect (%s)", what, o)
	}
}

// need ends the case as not testable unless o is an acceptance: for steps that
// the check stands on but does not judge.
func (c *Case) need(o *target.Outcome, what string) {
	if o.Kind == target.Crashed {
		c.crashed(o, what)
	}
	if o.Kind != target.Accepted {
		c.NotTestable(reports.ReasonSetup, "%s was refused (%s), so nothing was learned", what, answer(o))
	}
}

// refusedFirst ends the case as not testable unless o is a refusal: for steps
// whose refusal is another check's matter, and which this one goes on from.
func (c *Case) refusedFirst(o *target.Outcome, what string) {
	if o.Kind == target.Crashed {
		c.crashed(o, what)
	}
	if o.Kind != target.Rejected {
		c.NotTestable(string(o.Kind), "%s was not refused (%s), which is another check's matter", what, answer(o))
	}
}

// sent keeps in mind what came of a result.
func (c *Case) sent(kind string, o *target.Outcome) {
	if c.kinds == nil {
		c.kinds, c.accepted, c.refused = map[*target.Outcome]string{}, map[string]bool{}, map[string]bool{}
	}
	c.kinds[o] = kind
	switch o.Kind {
	case target.Accepted:
		c.accepted[kind] = true
	case target.Crashed:
		c.crash = true
	}
}

// needTwins ends a story as not testable that rests on a refusal and saw no
// valid ceremony of the same kind accepted: the RP may refuse everything.
func (c *Case) needTwins() {
	for _, kind := range []string{Registration, Authentication, U2FRegistration} {
		if c.refused[kind] && !c.accepted[kind] {
			c.NotTestable(reports.ReasonTwin, "no valid %s was accepted in the same circumstances, so that the refusal shows nothing", kind)
		}
	}
}

// answer is what came back, short.
func answer(o *target.Outcome) string {
	s := fmt.Sprintf("HTTP %d", o.Status)
	if o.Status == 0 {
		s = string(o.Kind)
	}
	if o.Message != "" {
		s += ": " + o.Message
	}
	return s
}
