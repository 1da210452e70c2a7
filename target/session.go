package target

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrNoCeremony says that the profile has no ceremony of this kind.
var ErrNoCeremony = errors.New("the profile has no such ceremony")

// User is an account at the Relying Party.
type User struct{ Name, DisplayName, Password string }

// Request is what the caller asks the options to be. Empty fields are not sent.
type Request struct {
	UserVerification        string
	Attestation             string
	ResidentKey             string
	AuthenticatorAttachment string
	RequireResidentKey      *bool
	Extensions              map[string]any
	// Mediation is how the page will call create() or get(): conditional, or empty.
	Mediation string
	// Usernameless begins an authentication without a username.
	Usernameless bool
	// Username overrides the session user's name in this ceremony.
	Username string
}

// input is the request as expressions see it: every member is there, null
// where nothing is asked for.
func (r Request) input() (map[string]any, error) {
	orNull := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	m := map[string]any{
		"userVerification":        orNull(r.UserVerification),
		"attestation":             orNull(r.Attestation),
		"residentKey":             orNull(r.ResidentKey),
		"authenticatorAttachment": orNull(r.AuthenticatorAttachment),
		"requireResidentKey":      nil,
		"mediation":               orNull(r.Mediation),
		"extensions":              nil,
		"usernameless":            r.Usernameless,
	}
	if r.RequireResidentKey != nil {
		m["requireResidentKey"] = *r.RequireResidentKey
	}
	if r.Extensions != nil {
		// Through JSON, so that jq sees its own types whatever the caller used.
		b, err := json.Marshal(r.Extensions)
		if err != nil {
			return nil, fmt.Errorf("extensions of the request: %w", err)
		}
		if m["extensions"], err = parseJSON(b); err != nil {
			return nil, fmt.Errorf("extensions of the request: %w", err)
		}
	}
	return m, nil
}

// Session is one user's browser: a cookie jar, captures and an exchange log.
// It is not safe for concurrent use.
type Session struct {
	t    *Target
	user User
	// account and session are the captures of those scopes.
	account, session map[string]any
	// created is true once the account's create steps have run.
	created bool
	jar     *jar
	check   string
	extra   []extraHeader
	altered map[string]Alteration
	// deviations are where answers differed from the schemas of their steps.
	deviations []StepDeviation
	// passkey answers the request options of steps with assert.
	passkey Passkey
	log     []Exchange
	seed    string
	// told are the secrets that answers brought; secrets finds them.
	told    []string
	secrets struct {
		values []string
		finder *finder
	}
}

// Passkey gets an assertion for request options, in WebAuthn's JSON form, from
// the user's authenticator. An error says that it gave none.
type Passkey func(ctx context.Context, options json.RawMessage) (json.RawMessage, error)

// SetPasskey has steps with assert answered by f, in forks too.
func (s *Session) SetPasskey(f Passkey) { s.passkey = f }

type extraHeader struct{ step, name, value string }

// NewSession opens a session; nothing is sent yet. Empty fields of the user
// follow the profile's rules, made from the name.
func (t *Target) NewSession(u User) *Session {
	rules := t.NewUser(u.Name)
	if u.DisplayName == "" {
		u.DisplayName = rules.DisplayName
	}
	if u.Password == "" {
		u.Password = rules.Password
	}
	m := hmac.New(sha256.New, append([]byte("touchstone hook seed"), t.opts.Seed...))
	_, _ = io.WriteString(m, t.rpID+"\x00"+u.Name)
	return &Session{
		t: t, user: u, jar: newJar(),
		account: map[string]any{}, session: map[string]any{},
		seed: base64.RawURLEncoding.EncodeToString(m.Sum(nil)),
	}
}

// User is the session's user.
func (s *Session) User() User { return s.user }

// Target is the session's target.
func (s *Session) Target() *Target { return s.t }

// SetCheck names the check that the session's requests belong to, in the
// headers User-Agent and X-Touchstone-Check.
func (s *Session) SetCheck(id string) {
	s.check = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '_'
		}
		return r
	}, id)
}

// Use sets headers, each "Name: value", on the requests of the step with this
// id, or of all steps when step is empty. An empty value takes the header away.
func (s *Session) Use(step string, headers ...string) {
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		s.extra = append(s.extra, extraHeader{step, http.CanonicalHeaderKey(strings.TrimSpace(name)), strings.TrimSpace(value)})
	}
}

// Fork is the same user in a second browser: account captures go along,
// cookies and session captures do not, and its exchange log is its own.
func (s *Session) Fork() *Session {
	return &Session{
		t: s.t, user: s.user, jar: newJar(), created: s.created,
		account: maps.Clone(s.account), session: map[string]any{},
		check: s.check, extra: append([]extraHeader(nil), s.extra...), passkey: s.passkey, seed: s.seed,
		told: slices.Clone(s.told),
	}
}

// input is what expressions and templates see.
func (s *Session) input(req map[string]any, username string, ceremony map[string]any) map[string]any {
	captured := maps.Clone(s.account)
	maps.Copy(captured, s.session)
	maps.Copy(captured, ceremony)
	if req == nil {
		// Only a request with extensions can fail to convert.
		req, _ = Request{}.input()
	}
	name := s.user.Name
	if username != "" {
		name = username
	}
	return map[string]any{
		"user":     map[string]any{"name": name, "displayName": s.user.DisplayName, "password": s.user.Password},
		"vars":     s.t.vars,
		"rp":       map[string]any{"id": s.t.rpID, "origin": s.t.origin},
		"request":  req,
		"captured": captured,
		"cookies":  maps.Clone(s.jar.named),
	}
}

// Setup runs the account steps: creates the account in a new session, logs in
// where the profile says so, and puts the account into its first state. In a fork
// of a session that was set up it only logs in. A refusal is a *StepError.
func (s *Session) Setup(ctx context.Context) error {
	p := s.t.profile
	if s.created {
		return s.runAll(ctx, p.login)
	}
	if err := s.runAll(ctx, p.create); err != nil {
		return err
	}
	s.created = true
	if err := s.runAll(ctx, p.login); err != nil {
		return err
	}
	return s.Reset(ctx)
}

// Reset puts the account into its first state, as by deleting its credentials,
// where the profile says how. A refusal is a *StepError.
func (s *Session) Reset(ctx context.Context) error { return s.runAll(ctx, s.t.profile.reset) }

// Resets says whether the profile can put an account into its first state.
func (p *Profile) Resets() bool { return len(p.reset) > 0 }

func (s *Session) runAll(ctx context.Context, steps []*step) error {
	ceremony := map[string]any{}
	for _, st := range steps {
		o, err := s.runStep(ctx, st, s.input(nil, "", ceremony), ceremony, nil)
		if err != nil {
			return err
		}
		if o != nil && o.Kind != Accepted {
			return &StepError{Step: st.id, Outcome: *o}
		}
	}
	return nil
}

// Probe asks whether the Relying Party takes the session for logged in. The
// error is a fault of the harness or profile; an answer that tells nothing is Unknown.
func (s *Session) Probe(ctx context.Context) (Login, error) {
	p := s.t.profile
	if p.probe == nil {
		return Unknown, nil
	}
	in := s.input(nil, "", nil)
	o, err := s.runStep(ctx, p.probe, in, map[string]any{}, nil)
	if err != nil {
		return Unknown, err
	}
	if o == nil || o.Kind == Crashed {
		return Unknown, nil
	}
	// An expression that cannot run on this answer has told nothing.
	if yes, err := p.loggedIn.holds(in, s.seed); err == nil && yes {
		return LoggedIn, nil
	}
	if yes, err := p.loggedOut.holds(in, s.seed); err == nil && yes {
		return LoggedOut, nil
	}
	return Unknown, nil
}

// prepared is a result body that was made ahead of its step.
type prepared struct {
	bytes []byte
}

// maxEach bounds how often one step is sent, whatever list an answer gives.
const maxEach = 1000

// runStep sends a step: once, or once for each item of its list, until one does
// not go through. It returns nil where the step was not sent at all.
func (s *Session) runStep(ctx context.Context, st *step, in map[string]any, ceremony map[string]any, ready *prepared) (*Outcome, error) {
	o, err := s.sendEach(ctx, st, in, ceremony, ready)
	if o != nil && o.Message != "" {
		o.Message = s.redactBriefly(o.Message)
	}
	return o, err
}

func (s *Session) sendEach(ctx context.Context, st *step, in map[string]any, ceremony map[string]any, ready *prepared) (*Outcome, error) {
	if st.each == nil || s.altered[st.id].Skip {
		return s.sendStep(ctx, st, in, ceremony, ready)
	}
	v, err := st.each.run(in, s.seed)
	items, ok := v.([]any)
	unclear := &Outcome{Kind: Unclear, Reason: ReasonIncomplete, Step: st.id}
	switch {
	case err != nil && !errors.Is(err, errNoOutput):
		unclear.Message = oneLine("each: " + err.Error())
		return unclear, nil
	case err == nil && v != nil && !ok:
		unclear.Message = "each: no list"
		return unclear, nil
	case len(items) > maxEach:
		unclear.Message = fmt.Sprintf("each: a list of %d items (%d at most)", len(items), maxEach)
		return unclear, nil
	}
	defer delete(in, "item")
	var last *Outcome
	for _, item := range items {
		in["item"] = item
		o, err := s.sendStep(ctx, st, in, ceremony, ready)
		if err != nil || o != nil && o.Kind != Accepted {
			return o, err
		}
		if o != nil {
			last = o
		}
	}
	return last, nil
}

// sendStep sends one step. It returns nil where the step's when says no. The
// answer is left in in["res"]; captures go to their scopes. An error is a
// fault of the harness or profile.
func (s *Session) sendStep(ctx context.Context, st *step, in map[string]any, ceremony map[string]any, ready *prepared) (*Outcome, error) {
	if s.altered[st.id].Skip {
		return nil, nil
	}
	if st.when != nil {
		yes, err := st.when.holds(in, s.seed)
		if err != nil {
			return nil, st.when.at.errorf("%v (mend the expression)", err)
		}
		if !yes {
			return nil, nil
		}
	}
	req, sent, err := s.request(st, in, ready)
	if err != nil {
		var given *unusableError
		if errors.As(err, &given) {
			return &Outcome{Kind: Unclear, Reason: ReasonIncomplete, Step: st.id, Message: oneLine(err.Error())}, nil
		}
		return nil, err
	}
	start := time.Now()
	a, err := s.t.exchange(ctx, s.jar, req)
	if err != nil {
		return nil, err
	}
	s.record(st, req, sent, a, start)
	in["res"], in["cookies"] = a.res(), maps.Clone(s.jar.named)
	if s.t.profile.sendsCookies {
		s.tellCookies()
	}
	o := st.classify(a, in, s.seed)
	switch {
	case o.Kind == Accepted && st.schema != "":
		o.Deviations = validate("wire", st.schema, a.raw)
	case o.Kind == Rejected && st.failureSchema != "":
		o.Deviations = validate("wire", st.failureSchema, a.raw)
	}
	for i := range o.Deviations {
		o.Deviations[i].Message = s.Redact(o.Deviations[i].Message)
	}
	for _, d := range o.Deviations {
		s.deviations = append(s.deviations, StepDeviation{st.id, d})
	}
	if o.Kind != Accepted {
		return &o, nil
	}
	for _, c := range st.captures {
		v, err := c.expr.run(in, s.seed)
		if err != nil || v == nil {
			if c.optional {
				continue
			}
			o.Kind, o.Reason = Unclear, ReasonIncomplete
			o.Message = "the answer lacks " + c.name
			if err != nil && !errors.Is(err, errNoOutput) {
				o.Message += ": " + err.Error()
			}
			return &o, nil
		}
		s.tell(c.name, v)
		switch c.scope {
		case accountScope:
			s.account[c.name] = v
		case sessionScope:
			s.session[c.name] = v
		default:
			ceremony[c.name] = v
		}
		in["captured"].(map[string]any)[c.name] = v
	}
	for _, c := range st.asserts {
		v, err := c.expr.run(in, s.seed)
		if err == nil {
			v, err = s.assertion(ctx, st, v)
		}
		var fault *Error
		if ctx.Err() != nil || errors.As(err, &fault) {
			return nil, errors.Join(ctx.Err(), err)
		}
		if err != nil {
			o.Kind, o.Reason, o.Message = Unclear, ReasonIncomplete, oneLine("no assertion for "+c.name+": "+err.Error())
			return &o, nil
		}
		ceremony[c.name] = v
		in["captured"].(map[string]any)[c.name] = v
	}
	return &o, nil
}

// assertion has the session's passkey answer request options.
func (s *Session) assertion(ctx context.Context, st *step, options any) (any, error) {
	if _, ok := options.(map[string]any); !ok {
		return nil, errors.New("the answer holds no options")
	}
	if s.passkey == nil {
		return nil, st.at.errorf("step %s needs an assertion, and this session has no passkey (take assert away)", st.id)
	}
	credential, err := s.passkey(ctx, encodeJSON(options, nil))
	if err != nil {
		return nil, err
	}
	return parseJSON(credential)
}

// unusableError says that a value which the Relying Party gave earlier cannot
// be used in a request: it is missing, or cannot stand where it is needed.
type unusableError struct{ err error }

func (e *unusableError) Error() string { return e.err.Error() }

// fill fills a template for a request.
func fill(t *template, in map[string]any, escape func(string) string) (string, error) {
	text, err := t.fill(in, escape)
	if err == nil {
		return text, nil
	}
	for _, p := range t.parts {
		if len(p.path) > 0 && (p.path[0] == "captured" || p.path[0] == "cookies" || p.path[0] == "item") {
			return "", &unusableError{err}
		}
	}
	return "", t.at.errorf("%v (give it a value)", err)
}

// request builds a step's request and returns the body's bytes with it.
func (s *Session) request(st *step, in map[string]any, ready *prepared) (*http.Request, []byte, error) {
	alt := s.altered[st.id]
	u, err := s.address(st, in)
	if err != nil {
		return nil, nil, err
	}
	if alt.Path != "" {
		u.Path, u.RawPath = s.t.base.Path+alt.Path, ""
	}
	if alt.Query != nil {
		q := url.Values{}
		for k, v := range alt.Query {
			q.Set(k, v)
		}
		u.RawQuery = q.Encode()
	}
	var data []byte
	var mediaType string
	if st.body != nil {
		mediaType = st.body.mediaType()
		if ready != nil {
			data = ready.bytes
		} else {
			v, err := st.body.value(in, s.seed)
			if err != nil {
				return nil, nil, err
			}
			if alt.Edit != nil {
				v = alt.Edit(v)
			}
			if data = st.body.encode(v); alt.Raw != nil {
				data = alt.Raw
			}
		}
	}
	if st.contentType != nil {
		mediaType = *st.contentType
	}
	var reader io.Reader
	if st.body != nil {
		reader = bytes.NewReader(data)
	}
	req, err := http.NewRequest(first(alt.Method, st.method), u.String(), reader)
	if err != nil {
		return nil, nil, &unusableError{fmt.Errorf("the request cannot be made: %w", err)}
	}
	agent := "touchstone"
	if s.t.opts.Version != "" {
		agent += "/" + s.t.opts.Version
	}
	if s.check != "" {
		agent += " (check " + s.check + ")"
		req.Header.Set("X-Touchstone-Check", s.check)
	}
	req.Header.Set("User-Agent", agent)
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	for k, v := range s.t.opts.Headers {
		req.Header.Set(k, v)
	}
	for _, list := range [][]namedTemplate{s.t.profile.headers, st.headers} {
		for _, h := range list {
			if h.value.absent(in) {
				continue
			}
			v, err := fill(h.value, in, nil)
			if err != nil {
				return nil, nil, err
			}
			if !headerValue(v) {
				return nil, nil, &unusableError{fmt.Errorf("header %s: the value has control characters", h.name)}
			}
			req.Header.Set(h.name, v)
		}
	}
	if st.auth != nil {
		v, err := st.auth.value(in)
		if err != nil {
			return nil, nil, err
		}
		if !headerValue(v) {
			return nil, nil, &unusableError{errors.New("header Authorization: the value has control characters")}
		}
		if v != "" {
			req.Header.Set("Authorization", v)
		}
	}
	for _, h := range s.extra {
		if h.step != "" && h.step != st.id {
			continue
		}
		if h.value == "" {
			req.Header.Del(h.name)
			if h.name == "User-Agent" {
				// net/http would put its own name there.
				req.Header[h.name] = []string{""}
			}
			continue
		}
		req.Header.Set(h.name, h.value)
	}
	for name, v := range alt.Header {
		if req.Header.Del(name); v != "" {
			req.Header.Set(name, v)
		}
	}
	return req, data, nil
}

// address is the step's URL. It never leaves the target's own origin and those
// that the profile names as its hosts, whatever address an answer asked for.
func (s *Session) address(st *step, in map[string]any) (*url.URL, error) {
	parts := st.path.parts
	whole := len(parts) > 0 && parts[0].path != nil
	escape := url.PathEscape
	if whole {
		escape = nil
	}
	path, err := fill(st.path, in, escape)
	if err != nil {
		return nil, err
	}
	base := *s.t.base
	var u *url.URL
	if whole {
		ref, err := url.Parse(path)
		if err != nil {
			return nil, &unusableError{fmt.Errorf("%q is no address", oneLine(path))}
		}
		u = base.ResolveReference(ref)
		if !(u.Scheme == base.Scheme && u.Host == base.Host || slices.Contains(s.t.profile.hosts, originOf(u))) || u.User != nil {
			return nil, &unusableError{fmt.Errorf("the address %s leaves the target", oneLine(u.Redacted()))}
		}
	} else {
		u, err = url.Parse(base.String() + path)
		if err != nil {
			return nil, st.path.at.errorf("%q is no path (mend it)", oneLine(path))
		}
	}
	var query []string
	if u.RawQuery != "" {
		query = append(query, u.RawQuery)
	}
	for _, q := range st.query {
		if q.value.absent(in) {
			continue
		}
		v, err := fill(q.value, in, nil)
		if err != nil {
			return nil, err
		}
		query = append(query, url.QueryEscape(q.name)+"="+url.QueryEscape(v))
	}
	u.RawQuery = strings.Join(query, "&")
	return u, nil
}

func (a *auth) value(in map[string]any) (string, error) {
	if a.bearer != nil {
		if a.bearer.absent(in) {
			return "", nil
		}
		v, err := fill(a.bearer, in, nil)
		return "Bearer " + v, err
	}
	user, err := fill(a.user, in, nil)
	if err != nil {
		return "", err
	}
	password, err := fill(a.password, in, nil)
	if err != nil {
		return "", err
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)), nil
}

func headerValue(s string) bool {
	for i := 0; i < len(s); i++ {
		if (s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f {
			return false
		}
	}
	return true
}
