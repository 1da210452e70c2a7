package suites

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// Case is one check in play: on one target, through one client, with one page
// and as many accounts as it needs. Its methods end the case by themselves when
// what they are asked for cannot be had.
type Case struct {
	Check  *Check
	Target *target.Target

	ctx      context.Context
	lane     *lane
	seed     []byte
	label    string // names the case's accounts apart from those of other cases and of its twin
	page     client.Session
	place    client.SessionConfig // where the page is, if not the plain one
	using    client.Authenticator
	sessions []*target.Session
	accounts []*Account // those that were set up
	notes    []string
	// What came of the case's results, by kind of ceremony: a refusal counts only
	// beside an acceptance.
	kinds             map[*target.Outcome]string
	accepted, refused map[string]bool
	// crash tells that the target met some request with no proper answer.
	crash bool
	// silent: the request that ended the case so had no HTTP answer at all.
	silent bool
	// hadOptions: some ceremony's options were had.
	hadOptions bool
	tracer     *tracer
	// disobeyed is what the client was told to disregard of its options.
	disobeyed virtualauth.Faults
	// isTwin: it is the valid twin of checks, played under the id of the first of them.
	isTwin bool
	// lost says that the client's browser died or hung under the case.
	lost bool
}

// TwinSuffix stands behind the id of a check, where requests name it, on those of
// its valid twin.
const TwinSuffix = "/twin"

// Account is a user of the RP with a browser session and an authenticator.
type Account struct {
	Session *target.Session

	c             *Case
	authenticator client.Authenticator
	// registered is the authenticator whose registration was the first to be accepted.
	registered client.Authenticator
	config     client.AuthenticatorConfig
	// plugged is the configuration of the authenticator; nil before it is plugged in.
	plugged *client.AuthenticatorConfig
}

// ordinary is the authenticator that every RP is happy with.
var ordinary = client.AuthenticatorConfig{Transport: "usb", ResidentKeys: true, UserVerification: true}

// Account signs up a new user and plugs in an authenticator for it. cfg may be
// the zero value for the ordinary one. label keeps a case's accounts apart.
func (c *Case) Account(label string, cfg client.AuthenticatorConfig) *Account {
	if c.Target.Feature("authenticator").Value == "u2f" && cfg != (client.AuthenticatorConfig{}) && !cfg.U2F && !slices.Contains(c.Check.Dialects, c.Target.Dialect()) {
		c.NotApplicable(reports.ReasonFeature, "the RP takes no authenticator but a U2F key")
	}
	if why := c.lane.oneUser(); why != "" && len(c.accounts) > 0 {
		c.NotApplicable(reports.ReasonFeature, "the check needs a second account, and the profile declares account.isolated absent: %s", why)
	}
	s := c.Target.NewSession(c.Target.NewUser(c.lane.run.accountName(c.label + "/" + label)))
	c.track(s)
	a := &Account{Session: s, c: c, config: cfg}
	s.SetPasskey(a.assert)
	if err := s.Setup(c.ctx); err != nil {
		c.setupFailed("signing up a new account", err)
	}
	c.accounts = append(c.accounts, a)
	return a
}

// assert is the account's passkey for steps of the profile that need one, such as
// a confirmation: that of the authenticator that was first registered.
func (a *Account) assert(ctx context.Context, options json.RawMessage) (json.RawMessage, error) {
	if a.registered == nil {
		return nil, errors.New("no passkey is registered")
	}
	c, page := a.c, a.c.Page()
	if d, ok := page.(client.Disobedient); ok {
		d.Disobey(virtualauth.Faults{})
		defer func() { d.Disobey(c.disobeyed) }()
	}
	if err := page.Use(ctx, a.registered); err != nil {
		return nil, fmt.Errorf("changing authenticators: %w", err)
	}
	c.using = a.registered
	as, err := page.Get(ctx, options)
	if err != nil {
		return nil, err
	}
	return json.Marshal(as.Response)
}

// Stranger is a session of a user that was never signed up.
func (c *Case) Stranger(label string) *target.Session {
	if why := c.lane.oneUser(); why != "" {
		c.NotApplicable(reports.ReasonFeature, "the check needs a further user, and the profile declares account.isolated absent: %s", why)
	}
	s := c.Target.NewSession(c.Target.NewUser(c.lane.run.accountName(c.label + "/" + label)))
	c.track(s)
	return s
}

// Fork is a second browser of the same user.
func (c *Case) Fork(s *target.Session) *target.Session {
	f := s.Fork()
	c.track(f)
	if err := f.Setup(c.ctx); err != nil {
		c.setupFailed("logging in from a second browser", err)
	}
	return f
}

func (c *Case) track(s *target.Session) {
	id := c.Check.ID
	if c.isTwin {
		id += TwinSuffix
	}
	s.SetCheck(id)
	c.sessions = append(c.sessions, s)
}

func (c *Case) setupFailed(what string, err error) {
	var se *target.StepError
	if errors.As(err, &se) {
		if se.Outcome.Kind == target.Crashed {
			c.crashed(&se.Outcome, what)
		}
		c.NotTestable(reports.ReasonSetup, "%s failed at step %s (%s)", what, se.Step, answer(&se.Outcome))
	}
	c.broken(fmt.Errorf("%s: %w", what, err))
}

// Require ends the case as not applicable when the profile declares one of the
// features absent; or, for a name with a leading !, when it declares it present.
// What a profile does not mention is tried.
func (c *Case) Require(features ...string) {
	for _, name := range features {
		if present, ok := strings.CutPrefix(name, "!"); ok {
			feature, value, valued := strings.Cut(present, "=")
			if f := c.Target.Feature(feature); f.Declared && (!valued || f.Value == value) {
				c.NotApplicable(reports.ReasonFeature, "the profile declares %s", strings.Replace(present, "=", " ", 1))
			}
			continue
		}
		switch name {
		case needHTTPS:
			if !strings.HasPrefix(c.Target.Origin(), "https://") {
				c.NotApplicable(reports.ReasonFeature, "the RP's origin %s is not https", c.Target.Origin())
			}
			continue
		case needTrust:
			c.requireTrust()
			continue
		case needRefusal:
			if c.Target.Feature("untrusted").Value != "reject" {
				c.NotApplicable(reports.ReasonTrust, "the profile does not say that the RP refuses untrusted attestation (policy untrusted)")
			}
			continue
		}
		if f := c.Target.Feature(name); f.Absent != "" {
			c.NotApplicable(reports.ReasonFeature, "%s: %s", name, f.Absent)
		}
	}
}

// Needs that are not features of a profile by themselves.
const (
	// needHTTPS: the target's origin is https.
	needHTTPS = "origin.https"
	// needTrust: attestation under our own root is accepted, by trust or for want of it.
	needTrust = "trust"
	// needRefusal: attestation that leads to no trusted root is refused.
	needRefusal = "untrusted=reject"
)

// overHTTP puts the need of an HTTP of the RP's own to a check that looks at
// status codes, header fields, media types or the texts of errors.
func overHTTP(c *Check) *Check {
	c.Needs = append(c.Needs, target.FeatureHTTP)
	return c
}

// requireTrust ends the case as not applicable unless the profile says that the
// RP takes attestation under our root: many RPs accept the vendors' roots only.
func (c *Case) requireTrust() {
	if t := c.Target.Feature("trust"); t.Declared && t.Value != "none" {
		return
	}
	if c.Target.Feature("untrusted").Value == "accept" {
		return
	}
	c.NotApplicable(reports.ReasonTrust, "the profile does not say that the RP trusts the suite's attestation root (policy trust), or accepts untrusted attestation (policy untrusted)")
}

// Page is the page that ceremonies run on, opened at first use.
func (c *Case) Page() client.Session {
	if c.page == nil {
		p, err := c.lane.client.Open(c.ctx, client.SessionConfig{Origin: c.Target.Origin(), Seed: c.seed})
		if err != nil {
			c.broken(fmt.Errorf("opening a page in %s: %w", c.lane.client.Name(), err))
		}
		c.page = p
	}
	return c.page
}

// Authenticator is the account's authenticator, plugged in at first use.
func (a *Account) Authenticator() client.Authenticator {
	if a.authenticator == nil {
		cfg := a.config
		if cfg == (client.AuthenticatorConfig{SelfAttestation: cfg.SelfAttestation, Format: cfg.Format}) {
			asked := cfg
			cfg = ordinary
			if a.c.Target.Feature("authenticator").Value == "u2f" && asked == (client.AuthenticatorConfig{}) {
				cfg = client.AuthenticatorConfig{Transport: "usb", U2F: true}
			}
			cfg.SelfAttestation, cfg.Format = asked.SelfAttestation, asked.Format
		}
		auth, err := a.c.Page().Plug(a.c.ctx, cfg)
		if err != nil {
			a.c.broken(fmt.Errorf("plugging in an authenticator: %w", err))
		}
		a.authenticator, a.c.using, a.plugged = auth, auth, &cfg
		a.c.note("plug", "%s", plugText(cfg))
	}
	return a.authenticator
}

// PlugAnother gives the account a further authenticator, which answers from now on.
func (a *Account) PlugAnother(cfg client.AuthenticatorConfig) {
	a.authenticator, a.config = nil, cfg
	a.Authenticator()
}

func (a *Account) select_() {
	auth := a.Authenticator()
	if a.c.using != auth {
		if err := a.c.Page().Use(a.c.ctx, auth); err != nil {
			a.c.broken(fmt.Errorf("changing authenticators: %w", err))
		}
		a.c.using = auth
	}
}

// Attempt is a ceremony that has its options.
type Attempt struct {
	Ceremony *target.Ceremony
	Account  *Account
	// Algorithm is as in Setting.
	Algorithm int64
	// instead is the algorithm that the client is asked for in place of those that the
	// RP offers; 0: it is asked for what they offer.
	instead int64
	// Registration or Assertion is the client's response, once there is one.
	Registration *client.Registration
	Assertion    *client.Assertion

	record *record
	faults []string // put in by Edit
	// lastCount is the counter of the login before, where a fault goes by it.
	lastCount *uint32
}

// since has faults of the counter go by that of the login before: not every
// authenticator adds one.
func (t *Attempt) since(before *Attempt) {
	if d := before.Assertion.Response.AuthenticatorData; len(d) >= 37 {
		if n := binary.BigEndian.Uint32(d[33:37]); n > 0 {
			t.lastCount = &n
		}
	}
}

// request translates a setting into what the dialect is asked for.
func (s Setting) request() target.Request {
	return target.Request{
		UserVerification: s.UserVerification,
		Attestation:      s.Attestation,
		ResidentKey:      s.ResidentKey,
		Extensions:       s.Extensions,
		Usernameless:     s.Usernameless,
		Mediation:        s.Mediation,
	}
}

// Begin asks for options in the account's session. A refusal fails the case
// when judged is true and leaves it not testable otherwise.
func (a *Account) Begin(kind string, s Setting, judged bool) *Attempt {
	return a.c.begin(a, a.Session, kind, s, judged)
}

func (c *Case) begin(a *Account, session *target.Session, kind string, s Setting, judged bool) *Attempt {
	req := s.request()
	if s.Authenticator.Format != "" && req.Attestation == "" && c.Target.Feature("request.attestation").Absent == "" {
		// The authenticator attests anyway, but an RP that asked is surest to look.
		req.Attestation = "direct"
	}
	if s.UserVerification != "" {
		f := c.Target.Feature("request.user-verification")
		policy := c.Target.Feature("user-verification").Value
		switch {
		case policy == s.UserVerification:
			req.UserVerification = "" // the RP's own policy says so already
			if f.Absent == "" {
				req.UserVerification = s.UserVerification
			}
		case f.Absent != "":
			c.NotApplicable(reports.ReasonFeature, "user verification %s cannot be asked for: %s", s.UserVerification, f.Absent)
		}
	}
	cer, err := session.Begin(c.ctx, kind, req)
	if err != nil {
		var se *target.StepError
		if errors.Is(err, target.ErrNoCeremony) {
			c.NotTestable(reports.ReasonSetup, "the profile has no ceremonies.%s, and does not declare %s absent", kind, kind)
		}
		if !errors.As(err, &se) {
			c.broken(fmt.Errorf("asking for %s options: %w", kind, err))
		}
		what := "a request for " + kind + " options"
		if !judged {
			c.need(&se.Outcome, what)
		}
		c.MustAccept(&se.Outcome, what)
	}
	c.hadOptions = true
	c.record(cer, a)
	c.suits(a, kind, s, cer.Options)
	return &Attempt{Ceremony: cer, Account: a, Algorithm: s.Algorithm}
}

// suits ends the case where the options demand what the setting's authenticator
// does not have: that is the RP's policy, not its fault. And where they lack
// the user verification that the setting asked for: nothing would be learned.
func (c *Case) suits(a *Account, kind string, s Setting, options json.RawMessage) {
	var o struct {
		UserVerification       string `json:"userVerification"`
		AuthenticatorSelection struct {
			UserVerification   string `json:"userVerification"`
			ResidentKey        string `json:"residentKey"`
			RequireResidentKey bool   `json:"requireResidentKey"`
		} `json:"authenticatorSelection"`
	}
	_ = json.Unmarshal(options, &o) // what does not decode has no such member
	uv, rk := o.UserVerification, false
	if kind == Registration {
		selection := o.AuthenticatorSelection
		uv, rk = selection.UserVerification, selection.ResidentKey == "required" || selection.ResidentKey == "" && selection.RequireResidentKey
	}
	switch {
	case s.UserVerification != "" && uv != s.UserVerification && !(uv == "" && s.UserVerification == "preferred"):
		c.NotTestable("option-not-honoured", "user verification %s was asked for, the options say %q", s.UserVerification, uv)
	case a.config.U2F && s.UserVerification == "" && uv == "required":
		c.NotApplicable(reports.ReasonFeature, "the RP's options require user verification, which a U2F authenticator does not have")
	case a.config.U2F && s.ResidentKey == "" && rk:
		c.NotApplicable(reports.ReasonFeature, "the RP's options require a discoverable credential, which a U2F authenticator does not have")
	}
}

// creationOptions are the attempt's options with the list of algorithms cut to
// the wanted one, where the RP offers it among others: which algorithm a client
// would pick by itself is another check's matter, and every fault needs to know
// what kind of key it meets.
func (t *Attempt) creationOptions() json.RawMessage {
	want := t.Algorithm
	if want == 0 {
		want = -7
	}
	var o map[string]json.RawMessage
	var params []parameter
	if json.Unmarshal(t.Ceremony.Options, &o) != nil || json.Unmarshal(o["pubKeyCredParams"], &params) != nil {
		return t.Ceremony.Options
	}
	if t.instead != 0 {
		o["pubKeyCredParams"] = json.RawMessage(fmt.Sprintf(`[{"type":"public-key","alg":%d}]`, t.instead))
		if other, err := json.Marshal(o); err == nil {
			return other
		}
	}
	for _, p := range params {
		if alg, ok := p.alg(); ok && alg == want && len(params) > 1 {
			if only, err := json.Marshal([]parameter{p}); err == nil {
				o["pubKeyCredParams"] = only
				if cut, err := json.Marshal(o); err == nil {
					return cut
				}
			}
		}
	}
	return t.Ceremony.Options
}

// Create runs create() with the attempt's options. A *client.Error is returned;
// anything else that goes wrong ends the case.
func (t *Attempt) Create() *client.Error {
	t.Account.select_()
	c := t.Account.c
	options, page, began := t.creationOptions(), c.Page(), time.Now()
	reg, err := page.Create(c.ctx, options)
	t.Registration = reg
	if c.tracer != nil {
		var response any
		if reg != nil {
			response = reg.Response
		}
		t.called("create", options, response, err, began)
	}
	return c.clientError("create()", err)
}

// Get runs get() with the attempt's options.
func (t *Attempt) Get() *client.Error {
	t.Account.select_()
	c := t.Account.c
	page, began := c.Page(), time.Now()
	as, err := page.Get(c.ctx, t.Ceremony.Options)
	t.Assertion = as
	if c.tracer != nil {
		var response any
		if as != nil {
			response = as.Response
		}
		t.called("get", t.Ceremony.Options, response, err, began)
	}
	return c.clientError("get()", err)
}

func (c *Case) clientError(what string, err error) *client.Error {
	if err == nil {
		return nil
	}
	var ce *client.Error
	if errors.As(err, &ce) {
		return ce
	}
	c.broken(fmt.Errorf("%s in %s: %w", what, c.lane.client.Name(), err))
	return nil
}

// Respond runs create() or get(), whichever the attempt is of, and ends the case when the client refuses.
func (t *Attempt) Respond(judged bool) {
	c := t.Account.c
	var ce *client.Error
	call := "create()"
	if t.Ceremony.Kind == Authentication {
		call = "get()"
		ce = t.Get()
	} else {
		ce = t.Create()
	}
	if ce == nil {
		return
	}
	if judged {
		c.Fail("client-refused", "the RP's options made %s's %s fail with %s", c.lane.client.Name(), call, ce)
	}
	c.NotTestable("client-refused", "%s's %s failed with %s, so nothing was learned", c.lane.client.Name(), call, ce)
}

// Edit puts faults into the response and signs it again where the fault is not the signature.
func (t *Attempt) Edit(f virtualauth.Faults) {
	c := t.Account.c
	if len(f.Names()) == 0 {
		return
	}
	t.faults = append(t.faults, f.Names()...)
	// With the challenge, a rerun of the same seed invents nothing that an RP
	// that remembers has seen before.
	invent := sha256.Sum256(append([]byte(t.challenge()+"\x00"), c.seed...))
	keys := virtualauth.Keys{Seed: invent[:], AppID: c.appID()}
	var err error
	if t.Registration != nil {
		if t.Registration.Credential != nil {
			keys.Credential, keys.Algorithm = t.Registration.Credential.PrivateKey, t.Registration.Credential.Algorithm
			keys.UserHandle = t.Registration.Credential.UserHandle
		}
		keys.Attestation, keys.Format = t.Registration.Attestation, t.Registration.Format
		t.Registration.Response, err = virtualauth.EditRegistration(t.Registration.Response, keys, f)
	} else {
		if t.Assertion.Credential != nil {
			keys.Credential, keys.Algorithm = t.Assertion.Credential.PrivateKey, t.Assertion.Credential.Algorithm
		}
		keys.UserHandle, keys.LastSignCount = t.Assertion.UserHandle, t.lastCount
		t.Assertion.Response, err = virtualauth.EditAssertion(t.Assertion.Response, keys, f)
	}
	switch {
	case errors.Is(err, virtualauth.ErrNotApplicable):
		c.NotApplicable("fault-not-applicable", "%v", err)
	case err != nil:
		c.broken(fmt.Errorf("putting fault %s into the response: %w", strings.Join(f.Names(), ", "), err))
	}
}

// JSON is the response as L3 JSON.
func (t *Attempt) JSON() json.RawMessage {
	var v any
	if t.Registration != nil {
		v = t.Registration.Response
	} else {
		v = t.Assertion.Response
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Account.c.broken(fmt.Errorf("writing the response as JSON: %w", err))
	}
	return b
}

// Send finishes the ceremony with the response.
func (t *Attempt) Send(w target.WireFaults) *target.Outcome {
	return t.SendAs(t.Ceremony, t.JSON(), w)
}

// SendAs finishes cer, which may be another ceremony than the response was made
// for, with the credential.
func (t *Attempt) SendAs(cer *target.Ceremony, credential json.RawMessage, w target.WireFaults) *target.Outcome {
	c := t.Account.c
	o, err := cer.Finish(c.ctx, credential, w)
	switch {
	case errors.Is(err, target.ErrNoRole):
		c.NotApplicable(reports.ReasonRole, "%v", err)
	case err != nil:
		c.broken(fmt.Errorf("finishing the %s: %w", cer.Kind, err))
	}
	if a := t.Account; o.Kind == target.Accepted && cer.Kind == Registration && a.registered == nil {
		a.registered = a.authenticator
	}
	t.sent(cer, credential, w, o)
	c.sent(cer.Kind, o)
	return o
}

// Run is Begin, Respond, Edit and Send in one.
func (a *Account) Run(kind string, s Setting, f virtualauth.Faults, w target.WireFaults, judged bool) *target.Outcome {
	t := a.Begin(kind, s, judged)
	t.Respond(judged)
	t.Edit(f)
	return t.Send(w)
}

// Register registers a credential that the check stands on: a refusal leaves it not testable.
func (a *Account) Register(s Setting) *Attempt {
	t := a.Begin(Registration, s, false)
	t.Respond(false)
	a.c.need(t.Send(target.WireFaults{}), "a plain registration")
	return t
}

// LogIn logs in, where the check stands on it.
func (a *Account) LogIn(s Setting) *Attempt {
	t := a.Begin(Authentication, s, false)
	t.Respond(false)
	a.c.need(t.Send(target.WireFaults{}), "a plain authentication")
	return t
}

// MustBeLoggedOut probes the session after a refused login, where the profile has a probe.
func (a *Account) MustBeLoggedOut() {
	a.c.mustBeLoggedOut(a.Session)
}

func (c *Case) mustBeLoggedOut(s *target.Session) {
	login, err := s.Probe(c.ctx)
	if err != nil {
		c.broken(fmt.Errorf("probing the session: %w", err))
	}
	if login == target.LoggedIn {
		c.Fail("logged-in", "the login was refused, and yet the session is logged in")
	}
}

// exchanges is the whole log of the case, in the order of time.
func (c *Case) exchanges() []reports.Exchange {
	var all []target.Exchange
	for _, s := range c.sessions {
		all = append(all, s.Exchanges()...)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Time.Before(all[j].Time) })
	out := make([]reports.Exchange, len(all))
	for i, e := range all {
		out[i] = reportExchange(e)
	}
	return out
}

func reportExchange(e target.Exchange) reports.Exchange {
	r := reports.Exchange{
		Step: e.Step, Method: e.Method, URL: e.URL, Status: e.Status,
		RequestHeaders: headerMap(e.RequestHeader), ResponseHeaders: headerMap(e.ResponseHeader),
		DurationMs: e.Duration.Milliseconds(), Note: e.Error,
	}
	r.RequestBody, r.RequestEncoding = bodyOf(e.RequestBody)
	r.ResponseBody, r.ResponseEncoding = bodyOf(e.ResponseBody)
	for what, b := range map[string]target.Body{"request": e.RequestBody, "response": e.ResponseBody} {
		if b.Cut {
			r.Note = strings.TrimSpace(r.Note + fmt.Sprintf(" [%s body of %d bytes cut]", what, b.Size))
		}
	}
	r.Decoded = reports.DecodeWebAuthn(r.RequestBytes())
	return r
}

func bodyOf(b target.Body) (text, encoding string) {
	if b.Base64 != "" {
		return b.Base64, "base64"
	}
	return b.Text, ""
}

func headerMap(h [][2]string) map[string][]string {
	if len(h) == 0 {
		return nil
	}
	m := map[string][]string{}
	for _, kv := range h {
		m[kv[0]] = append(m[kv[0]], kv[1])
	}
	return m
}
