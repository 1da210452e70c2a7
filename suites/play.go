package suites

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// lane is one target through one client, and what its cases share.
type lane struct {
	run    *run
	target *target.Target
	client client.Client
	checks []*Check // what the client carries, in catalogue order

	mu    sync.Mutex
	twins map[string]*twin
	// inFlight are the checks that are being played, by id.
	inFlight map[string]int
	// sick: not even the first plain ceremonies succeeded.
	sick bool
}

// twin is a check's ceremony without its fault, played once for all checks with the same setting.
type twin struct {
	once sync.Once
	judgement
}

// played is what came of one check.
type played struct {
	judgement
	notes     []string
	exchanges []reports.Exchange
	evidence  []reports.Evidence
	took      time.Duration
	// crashed tells that the target met a request with no proper answer, be it
	// one that the check stands on.
	crashed bool
}

// lostTries is how often a case is played whose browser dies under it: the
// death says nothing of the RP, unless it comes each time.
const lostTries = 3

// play runs one check and says what came of it.
func (l *lane) play(ctx context.Context, chk *Check) played {
	for try := 1; ; try++ {
		p, lost := l.playOnce(ctx, chk, try)
		if !lost || try == lostTries || ctx.Err() != nil {
			return p
		}
		l.run.lostBrowser(l)
	}
}

// again is the label of a case's further try: its accounts must be new ones.
func again(label string, try int) string {
	if try == 1 {
		return label
	}
	return fmt.Sprintf("%s/again/%d", label, try)
}

func (l *lane) playOnce(ctx context.Context, chk *Check, try int) (p played, lost bool) {
	began := time.Now()
	c := l.newCase(ctx, chk, again(chk.ID, try))
	c.seed = l.run.seedFor(chk.ID)
	if l.run.cfg.Trace != nil {
		c.tracer = &tracer{began: began}
	}
	defer c.close()
	p.judgement = c.judge(func() {
		c.Require(chk.needs()...)
		if chk.Story != nil {
			chk.Story(c)
			c.needTwins()
			return
		}
		c.single()
	})
	// Decoding exchanges costs as much as playing the check: only those that a
	// report keeps.
	red := p.verdict != reports.Pass && p.verdict != reports.NotApplicable
	for i := range c.notes {
		c.notes[i] = c.redact(c.notes[i])
	}
	p.notes, p.crashed = c.notes, c.crash || p.reason == reports.ReasonCrash || p.reason == reports.ReasonTimeout
	if c.lost && try < lostTries {
		return p, true
	}
	if red || p.message != "" || len(c.notes) > 0 || l.run.cfg.KeepExchanges || c.tracer != nil {
		p.exchanges = c.exchanges()
	}
	if red && p.reason != reasonInterrupted {
		p.evidence = c.evidence()
	}
	p.took = time.Since(began)
	if c.tracer != nil && p.reason != reasonInterrupted {
		res := l.run.result(l, chk, p)
		l.run.cfg.Trace(c.trace(&res, p.exchanges))
	}
	return p, false
}

func (l *lane) newCase(ctx context.Context, chk *Check, label string) *Case {
	return &Case{Check: chk, Target: l.target, ctx: ctx, lane: l, label: l.client.Name() + "/" + label, seed: l.run.seedFor(label)}
}

// oneUser is the reason that the profile gives why the RP has one user only;
// empty where it has as many as are wanted.
func (l *lane) oneUser() string { return l.target.Feature("account.isolated").Absent }

// resetTime is how long putting an account back may take after a check.
const resetTime = 10 * time.Second

func (c *Case) close() {
	for _, a := range c.accounts {
		if c.silent {
			break // nobody is there to be asked
		}
		// The next check resets the account before it begins and tells what fails
		// then; here it is only left as it was found, also by a run that is interrupted.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), resetTime)
		_ = a.Session.Reset(ctx)
		cancel()
	}
	if c.page != nil {
		_ = c.page.Close() // nothing is left to lose: the case is judged
	}
}

// judge catches the halt that ends a case. A case that ends by itself passes.
func (c *Case) judge(f func()) (j judgement) {
	defer func() {
		if r := recover(); r != nil {
			h, ok := r.(halt)
			if !ok {
				panic(r)
			}
			j = h.judgement
		}
		j.message = c.redact(j.message)
		if j.verdict != reports.Pass && c.ctx.Err() != nil {
			j = judgement{reports.Error, reasonInterrupted, "the run was interrupted before the check was done"}
		}
	}()
	f()
	return judgement{verdict: reports.Pass}
}

// redact takes the secrets of all the case's sessions out of a text for a report.
func (c *Case) redact(text string) string {
	if text == "" {
		return text
	}
	for _, s := range c.sessions {
		text = s.Redact(text)
	}
	return text
}

// single plays a check that is data: one ceremony with at most one fault.
func (c *Case) single() {
	chk := c.Check
	if chk.Expect == Reject {
		if t := c.twin(); t.verdict != reports.Pass {
			if t.verdict == reports.NotApplicable || t.verdict == reports.Error {
				panic(halt{t})
			}
			c.NotTestable(reports.ReasonTwin, "its valid twin, the same %s without the fault, did not succeed: %s", chk.Ceremony, t.message)
		}
	}
	a := c.Account("alice", chk.Setting.Authenticator)
	judged := chk.Expect == Accept
	if chk.Ceremony == Authentication {
		a.Register(registrationFor(chk.Setting))
	}
	c.disobey(chk.Fault)
	t := a.Begin(chk.Ceremony, chk.Setting, judged)
	t.Respond(judged)
	t.Edit(editable(chk.Fault))
	o := t.Send(chk.Wire)
	what := chk.describe()
	if chk.Expect == Accept {
		c.MustAccept(o, what)
		return
	}
	c.MustReject(o, what)
	if chk.Ceremony == Authentication {
		a.MustBeLoggedOut()
	}
}

// registrationFor is the registration that precedes an authentication in the
// same setting: the same authenticator, nothing else asked for.
func registrationFor(s Setting) Setting {
	return Setting{Authenticator: s.Authenticator}
}

// disobey tells the client which of its options to disregard.
func (c *Case) disobey(f virtualauth.Faults) {
	d, ok := c.Page().(client.Disobedient)
	if len(f.Names()) == len(editable(f).Names()) {
		if ok {
			d.Disobey(virtualauth.Faults{})
			c.disobeyed = virtualauth.Faults{}
		}
		return
	}
	if !ok {
		c.NotApplicable(reports.ReasonClient, "%s cannot be told to disregard its options", c.lane.client.Name())
	}
	d.Disobey(f)
	c.disobeyed = f
}

// editable is f without the faults that a client commits before it responds.
func editable(f virtualauth.Faults) virtualauth.Faults {
	var keep []string
	for _, name := range f.Names() {
		if info, ok := virtualauth.LookupFault(name); !ok || info.Stage != virtualauth.StageOptions {
			keep = append(keep, name)
		}
	}
	g, err := virtualauth.ParseFaults(keep...)
	if err != nil { // the names come from the registry itself
		return f
	}
	return g
}

// twin plays the check's ceremony without the fault, once per lane and setting.
func (c *Case) twin() judgement {
	chk := c.Check
	key, err := twinKey(chk)
	if err != nil {
		c.broken(err)
	}
	l := c.lane
	l.mu.Lock()
	t := l.twins[key]
	if t == nil {
		t = &twin{}
		l.twins[key] = t
	}
	l.mu.Unlock()
	t.once.Do(func() {
		valid := &Check{ID: chk.ID, Level: Must, Ceremony: chk.Ceremony, Setting: chk.Setting, Expect: Accept}
		label := "twin/" + key
		for try := 1; ; try++ {
			v := l.newCase(c.ctx, valid, again(label, try))
			v.seed, v.isTwin = l.run.seedFor(label), true
			if c.tracer != nil {
				v.tracer = &tracer{began: c.tracer.began}
			}
			t.judgement = v.judge(v.single)
			c.crash = c.crash || v.crash
			v.close()
			if v.lost && try < lostTries && c.ctx.Err() == nil {
				l.run.lostBrowser(l)
				continue
			}
			c.sessions = append(c.sessions, v.sessions...)
			c.tracer.twinOf(v.tracer)
			return
		}
	})
	return t.judgement
}

// twinKey is equal for checks that share a valid twin.
func twinKey(chk *Check) (string, error) {
	key, err := json.Marshal(struct {
		Ceremony string
		Setting  Setting
	}{chk.Ceremony, chk.Setting})
	return string(key), err
}

// SharesTwin tells whether the checks stand on the same valid twin, which is
// played once for both.
func (c *Check) SharesTwin(other *Check) bool {
	one, err1 := twinKey(c)
	two, err2 := twinKey(other)
	return c.Story == nil && other.Story == nil && c.Expect == Reject && other.Expect == Reject && err1 == nil && err2 == nil && one == two
}

// describe names what the check sends, for messages.
func (c *Check) describe() string {
	what := "a " + c.Ceremony
	if c.Ceremony == Authentication {
		what = "an authentication"
	}
	var with []string
	for _, name := range c.Fault.Names() {
		if f, ok := virtualauth.LookupFault(name); ok {
			with = append(with, clause(f.Doc))
		}
	}
	for _, name := range c.Wire.Names() {
		with = append(with, strings.ReplaceAll(name, "-", " "))
	}
	if len(with) == 0 {
		return what + " (" + lowerFirst(c.Title) + ")"
	}
	return what + " where " + strings.Join(with, " and ")
}

// clause makes a fault's doc sentence fit inside another sentence.
func clause(doc string) string {
	doc, _, _ = strings.Cut(doc, ". ")
	return lowerFirst(strings.TrimSuffix(doc, "."))
}

func lowerFirst(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && !(s[1] >= 'A' && s[1] <= 'Z') {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}
