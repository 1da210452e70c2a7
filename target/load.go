package target

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

// step is one HTTP call of a profile.
type step struct {
	at      *node
	id      string
	method  string
	path    *template
	query   []namedTemplate
	headers []namedTemplate
	auth    *auth
	body    *body
	// contentType is sent as it stands; nil means the body kind's own.
	contentType   *string
	when          *expr
	answer        string
	failureAnswer string
	success       *expr
	failure       *expr
	message       *expr
	options       *expr
	result        bool
	always        bool
	captures      []capture
	// each yields the list of which every item has the step sent once.
	each *expr
	// asserts have the session's passkey answer request options.
	asserts []capture
	// schema and failureSchema are what an accepted and a refusing answer are
	// held against; empty for nothing.
	schema        string
	failureSchema string
}

type namedTemplate struct {
	name  string
	value *template
}

type auth struct {
	bearer, user, password *template
}

type body struct {
	kind string // json, form, multipart, text
	expr *expr
	form []namedExpr
}

type namedExpr struct {
	name string
	expr *expr
}

// scope is how long a captured value lives.
type scope int

const (
	ceremonyScope scope = iota // capture: until the ceremony ends
	sessionScope               // save: in this browser
	accountScope               // keep: with the account, in forks too
)

type capture struct {
	name     string
	scope    scope
	optional bool
	expr     *expr
}

type ceremonySpec struct {
	at                *node
	kind              string
	challengeEncoding string
	steps             []*step
	optionsAt         int
	resultAt          int
	roles             map[Role]pointer
}

type varDef struct {
	at       *node
	value    string
	has      bool
	env      string
	secret   bool
	document string
}

// loader reads nodes into a Profile and keeps the first fault.
type loader struct {
	p     *Profile
	err   error
	hooks []*hook
	// captured are the names that some step captures, for checking templates.
	captured map[string]bool
	// inEach is true inside a step with each, where templates have {item}.
	inEach bool
}

func (l *loader) fail(err error) {
	if l.err == nil && err != nil {
		l.err = err
	}
}

// fields walks a mapping that may have only the keys of known.
func (l *loader) fields(n *node, known ...string) bool {
	if l.err != nil || n == nil {
		return false
	}
	if n.kind != mapNode {
		l.fail(n.errorf("this is %s (write a mapping with some of %s)", n.kind, strings.Join(known, ", ")))
		return false
	}
	for _, k := range n.keys {
		if !slices.Contains(known, k) {
			f := n.fields[k]
			hint := "known here: " + strings.Join(known, ", ")
			if near := nearest(k, known); near != "" {
				hint = "did you mean " + near + "?"
			}
			l.fail(f.keyErrorf("unknown key (%s)", hint))
			return false
		}
	}
	return true
}

func (l *loader) string(n *node) string {
	if l.err != nil || n == nil {
		return ""
	}
	switch n.kind {
	case stringNode, numberNode:
		return n.text
	case boolNode:
		return fmt.Sprint(n.truth)
	}
	l.fail(n.errorf("this is %s (write a string)", n.kind))
	return ""
}

func (l *loader) bool(n *node) bool {
	if l.err != nil || n == nil {
		return false
	}
	if n.kind != boolNode {
		l.fail(n.errorf("this is %s (write true or false)", n.kind))
	}
	return n.truth
}

func (l *loader) oneOf(n *node, values ...string) string {
	s := l.string(n)
	if l.err == nil && n != nil && !slices.Contains(values, s) {
		l.fail(n.errorf("%q is not known here (one of %s)", s, strings.Join(values, ", ")))
	}
	return s
}

func (l *loader) jq(n *node) *expr {
	if l.err != nil || n == nil {
		return nil
	}
	if n.kind != stringNode {
		l.fail(n.errorf("this is %s (write a jq expression as a string)", n.kind))
		return nil
	}
	l.p.sendsCookies = l.p.sendsCookies || strings.Contains(n.text, ".cookies")
	e, err := compileJQ(n, l.hooks)
	l.fail(err)
	return e
}

func (l *loader) template(n *node) *template {
	if l.err != nil || n == nil {
		return nil
	}
	text := l.string(n)
	if l.err != nil {
		return nil
	}
	c := *n
	c.text = text
	roots := templateRoots
	if l.inEach {
		roots = append([]string{"item"}, roots...)
	}
	t, err := parseTemplate(&c, roots)
	if err != nil {
		l.fail(err)
		return nil
	}
	for _, p := range t.parts {
		if len(p.path) < 2 {
			continue
		}
		l.p.sendsCookies = l.p.sendsCookies || p.path[0] == "cookies"
		switch {
		case p.path[0] == "vars" && l.p.vars[p.path[1]] == nil:
			l.fail(n.errorf("{%s} is not among the vars (declare vars.%s)", strings.Join(p.path, "."), p.path[1]))
		case p.path[0] == "captured" && !l.captured[p.path[1]]:
			l.fail(n.errorf("no step captures %s (add it to a capture, save or keep)", p.path[1]))
		}
	}
	return t
}

var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func (l *loader) headers(n *node) []namedTemplate {
	if l.err != nil || n == nil {
		return nil
	}
	if n.kind != mapNode {
		l.fail(n.errorf("this is %s (write Name: value)", n.kind))
		return nil
	}
	var out []namedTemplate
	for _, k := range n.keys {
		if !headerName.MatchString(k) {
			l.fail(n.fields[k].keyErrorf("%q is no header name (letters, digits and hyphens)", k))
			return nil
		}
		out = append(out, namedTemplate{http.CanonicalHeaderKey(k), l.template(n.fields[k])})
	}
	return out
}

// metadata is where the suite's metadata BLOBs are to be served during a run, for
// a Relying Party that fetches them.
func (l *loader) metadata(n *node) {
	if n == nil || !l.fields(n, "listen") {
		return
	}
	at := n.get("listen")
	if at == nil {
		l.fail(n.errorf("no listen (write listen: 127.0.0.1:8092)"))
		return
	}
	l.p.metadata = l.string(at)
	if _, _, err := net.SplitHostPort(l.p.metadata); err != nil && l.err == nil {
		l.fail(at.errorf("%q is no address to listen on (write HOST:PORT, such as 127.0.0.1:8092)", l.p.metadata))
	}
}

var profileKeys = []string{"extends", "dialect", "name", "title", "documents", "target", "vars", "headers", "hooks",
	"features", "policy", "user", "account", "metadata", "adapter", "ceremonies", "procedures", "probe", "success", "failure", "message", "answer", "failureAnswer", "failureSchema"}

func loadProfile(root *node) (*Profile, error) {
	p := &Profile{vars: map[string]*varDef{}, features: map[string]Feature{}, ceremonies: map[string]*ceremonySpec{}, procedures: map[string]*ceremonySpec{}}
	l := &loader{p: p, captured: map[string]bool{}}
	if !l.fields(root, profileKeys...) {
		return nil, l.err
	}
	p.dialect = l.string(root.get("dialect"))
	if d := root.get("dialect"); d != nil && !nameForm.MatchString(p.dialect) {
		l.fail(d.errorf("%q is no dialect name (lower-case letters, digits, hyphens)", p.dialect))
	}
	if p.dialect == "" {
		l.fail(root.errorf("neither extends nor dialect (write extends: fido, or dialect: NAME for one of your own)"))
	}
	p.name = l.string(root.get("name"))
	if p.name == "" {
		p.name = p.dialect
	}
	p.title = l.string(root.get("title"))
	l.documents(root.get("documents"))
	l.target(root.get("target"))
	l.vars(root.get("vars"))
	l.hookList(root.get("hooks"))
	collectCaptures(root, l.captured)
	p.headers = l.headers(root.get("headers"))
	l.features(root.get("features"), false)
	l.features(root.get("policy"), true)
	l.user(root.get("user"))
	l.metadata(root.get("metadata"))
	l.adapter(root.get("adapter"))

	defaults := step{
		answer:        "json",
		failureAnswer: "json",
		success:       l.jq(root.get("success")),
		failure:       l.jq(root.get("failure")),
		message:       l.jq(root.get("message")),
	}
	if n := root.get("answer"); n != nil {
		defaults.answer = l.oneOf(n, answerKinds...)
	}
	if n := root.get("failureAnswer"); n != nil {
		defaults.failureAnswer = l.oneOf(n, answerKinds...)
	}

	defaults.failureSchema = l.schema(root.get("failureSchema"))

	if n := root.get("account"); n != nil && l.fields(n, "create", "login", "reset") {
		p.create = l.steps(n.get("create"), defaults)
		p.login = l.steps(n.get("login"), defaults)
		p.reset = l.steps(n.get("reset"), defaults)
	}
	cs := root.get("ceremonies")
	if cs == nil {
		l.fail(root.errorf("no ceremonies (extend a dialect, or write ceremonies.registration and ceremonies.authentication)"))
	}
	if cs != nil && l.fields(cs, Registration, Authentication, U2FRegistration) {
		for _, k := range cs.keys {
			if c := l.ceremony(k, cs.fields[k], defaults); c != nil {
				p.ceremonies[k] = c
			}
		}
		if l.err == nil && p.ceremonies[Registration] == nil {
			l.fail(cs.errorf("no registration (every profile needs ceremonies.registration)"))
		}
	}
	l.procedures(root.get("procedures"), defaults)
	l.probe(root.get("probe"), defaults)
	if l.err != nil {
		return nil, l.err
	}
	return p, nil
}

var (
	nameForm    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	wordForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	answerKinds = []string{"json", "text", "empty", "html", "any"}
	methods     = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"}
)

func (l *loader) documents(n *node) {
	if l.err != nil || n == nil {
		return
	}
	if n.kind != listNode {
		l.fail(n.errorf("this is %s (write a list of titles or addresses)", n.kind))
		return
	}
	for _, d := range n.items {
		l.p.documents = append(l.p.documents, l.string(d))
	}
}

func (l *loader) target(n *node) {
	if n == nil || !l.fields(n, "url", "rpId", "origin", "hosts") {
		return
	}
	l.p.url, l.p.rpID, l.p.origin = l.string(n.get("url")), l.string(n.get("rpId")), l.string(n.get("origin"))
	if u := n.get("url"); u != nil {
		if _, err := baseURL(l.p.url); err != nil {
			l.fail(u.errorf("%v (write http://HOST or https://HOST)", err))
		}
	}
	if o := n.get("origin"); o != nil {
		if err := checkOrigin(l.p.origin); err != nil {
			l.fail(o.errorf("%v (write https://HOST)", err))
		}
	}
	hosts := n.get("hosts")
	if hosts != nil && hosts.kind != listNode {
		l.fail(hosts.errorf("this is %s (write a list of https://HOST)", hosts.kind))
		return
	}
	if hosts != nil {
		for _, h := range hosts.items {
			u, err := baseURL(l.string(h))
			if l.err == nil && (err != nil || u.Path != "") {
				l.fail(h.errorf("%q is no scheme and host (write http://HOST or https://HOST)", h.text))
			}
			if l.err != nil {
				return
			}
			l.p.hosts = append(l.p.hosts, originOf(u))
		}
	}
}

func (l *loader) vars(n *node) {
	if l.err != nil || n == nil {
		return
	}
	if n.kind != mapNode {
		l.fail(n.errorf("this is %s (write NAME: value)", n.kind))
		return
	}
	for _, k := range n.keys {
		f := n.fields[k]
		if !wordForm.MatchString(k) {
			l.fail(f.keyErrorf("%q is no variable name (letters, digits, underscores)", k))
			return
		}
		v := &varDef{at: f}
		if f.kind == mapNode {
			if !l.fields(f, "value", "env", "secret", "document") {
				return
			}
			v.env, v.document = l.string(f.get("env")), l.string(f.get("document"))
			if d := f.get("value"); d != nil {
				v.value, v.has = l.string(d), true
			}
			v.secret = v.env != "" // what is kept out of the file is kept out of the log
			if s := f.get("secret"); s != nil {
				v.secret = l.bool(s)
			}
		} else {
			v.value, v.has = l.string(f), true
		}
		l.p.vars[k] = v
	}
}

func (l *loader) hookList(n *node) {
	if l.err != nil || n == nil {
		return
	}
	if n.kind != listNode {
		l.fail(n.errorf("this is %s (write a list of hooks: %s)", n.kind, strings.Join(hookNames(), ", ")))
		return
	}
	for _, item := range n.items {
		name := l.oneOf(item, hookNames()...)
		if h := hooks[name]; h != nil && !slices.Contains(l.hooks, h) {
			l.hooks = append(l.hooks, h)
		}
	}
}

func (l *loader) features(n *node, policy bool) {
	if l.err != nil || n == nil {
		return
	}
	if n.kind != mapNode {
		l.fail(n.errorf("this is %s (write NAME: value)", n.kind))
		return
	}
	var known []string
	info := map[string]FeatureInfo{}
	for _, f := range features {
		if f.Policy == policy {
			known = append(known, f.Name)
			info[f.Name] = f
		}
	}
	for _, k := range n.keys {
		f := n.fields[k]
		i, ok := info[k]
		if !ok && !strings.HasPrefix(k, "x-") {
			hint := "names of your own begin with x-"
			if near := nearest(k, known); near != "" {
				hint = "did you mean " + near + "? " + hint
			}
			l.fail(f.keyErrorf("unknown name (%s)", hint))
			return
		}
		switch {
		case f.kind == mapNode && !policy:
			if !l.fields(f, "absent") {
				return
			}
			reason := strings.TrimSpace(l.string(f.get("absent")))
			if reason == "" {
				l.fail(f.errorf("absent without a reason (write absent: WHY)"))
				return
			}
			l.p.features[k] = Feature{Absent: oneLine(reason)}
		case f.kind == boolNode && !f.truth:
			l.fail(f.errorf("false says too little (write {absent: WHY})"))
			return
		default:
			v := l.string(f)
			if ok && !slices.Contains(i.Values, "*") && !slices.Contains(i.Values, v) {
				l.fail(f.errorf("%q is not a value of %s (one of %s)", v, k, strings.Join(i.Values, ", ")))
				return
			}
			l.p.features[k] = Feature{Declared: true, Value: v}
		}
	}
}

func (l *loader) user(n *node) {
	if n == nil {
		n = &node{kind: mapNode}
	}
	if !l.fields(n, "name", "displayName", "password") {
		return
	}
	rule := func(key, fallback string) *template {
		f := n.get(key)
		if f == nil {
			f = &node{kind: stringNode, text: fallback, path: "user." + key}
		}
		c := *f
		c.text = l.string(f)
		if l.err != nil {
			return nil
		}
		t, err := parseTemplate(&c, []string{"id"})
		if err != nil {
			l.fail(err)
			return nil
		}
		return t
	}
	l.p.userName = rule("name", "{id}")
	l.p.userDisplayName = rule("displayName", "{id}")
	l.p.userPassword = rule("password", "Touchstone-{id}-1!")
}

func (l *loader) steps(n *node, defaults step) []*step {
	if l.err != nil || n == nil {
		return nil
	}
	if n.kind != listNode {
		l.fail(n.errorf("this is %s (write a list of steps; only over an extended profile's steps may a mapping by id stand)", n.kind))
		return nil
	}
	var out []*step
	for _, item := range n.items {
		s := l.step(item, defaults)
		if l.err != nil {
			return nil
		}
		for _, o := range out {
			if o.id == s.id {
				l.fail(item.errorf("two steps with the id %q (rename one)", s.id))
				return nil
			}
		}
		out = append(out, s)
	}
	return out
}

var stepKeys = []string{"id", "method", "path", "query", "headers", "auth", "body", "contentType", "when", "answer", "failureAnswer",
	"success", "failure", "message", "options", "result", "always", "each", "assert", "capture", "save", "keep", "schema", "failureSchema"}

func (l *loader) step(n *node, defaults step) *step {
	if !l.fields(n, stepKeys...) {
		return nil
	}
	s := defaults
	s.at = n
	s.id = l.string(n.get("id"))
	if !nameForm.MatchString(s.id) {
		l.fail(n.errorf("a step needs an id of lower-case letters, digits and hyphens (add id: NAME)"))
		return nil
	}
	s.method = "POST"
	if m := n.get("method"); m != nil {
		s.method = l.oneOf(m, methods...)
	}
	s.each = l.jq(n.get("each"))
	l.inEach = s.each != nil
	defer func() { l.inEach = false }()
	path := n.get("path")
	if path == nil {
		l.fail(n.errorf("step %s has no path (add path: /...)", s.id))
		return nil
	}
	s.path = l.template(path)
	if t := l.string(path); l.err == nil && !strings.HasPrefix(t, "/") && !strings.HasPrefix(t, "{") {
		l.fail(path.errorf("%q does not begin with / (write a path, or one place that holds an address)", t))
	}
	if strings.ContainsAny(l.string(path), "?#") && !strings.Contains(l.string(path), "?}") {
		l.fail(path.errorf("? and # do not belong in a path (use query)"))
	}
	if q := n.get("query"); q != nil {
		if q.kind != mapNode {
			l.fail(q.errorf("this is %s (write NAME: value)", q.kind))
			return nil
		}
		for _, k := range q.keys {
			s.query = append(s.query, namedTemplate{k, l.template(q.fields[k])})
		}
	}
	s.headers = l.headers(n.get("headers"))
	s.auth = l.auth(n.get("auth"))
	s.body = l.body(n.get("body"))
	if s.body != nil && (s.method == "GET" || s.method == "HEAD") {
		l.fail(n.errorf("a %s has no body (use query, or another method)", s.method))
	}
	if c := n.get("contentType"); c != nil {
		v := l.string(c)
		if v == "none" {
			v = ""
		}
		s.contentType = &v
	}
	s.when = l.jq(n.get("when"))
	if a := n.get("answer"); a != nil {
		s.answer = l.oneOf(a, answerKinds...)
	}
	if a := n.get("failureAnswer"); a != nil {
		s.failureAnswer = l.oneOf(a, answerKinds...)
	}
	for key, e := range map[string]**expr{"success": &s.success, "failure": &s.failure, "message": &s.message} {
		if v := n.get(key); v != nil {
			*e = l.jq(v)
		}
	}
	if l.err == nil && s.success == nil {
		l.fail(n.errorf("step %s says nowhere what success is (add success here or for the whole profile)", s.id))
	}
	if l.err == nil && s.failure == nil {
		l.fail(n.errorf("step %s says nowhere what failure is (add failure here or for the whole profile)", s.id))
	}
	s.options = l.jq(n.get("options"))
	s.result = l.bool(n.get("result"))
	s.always = l.bool(n.get("always"))
	if s.each != nil && (s.options != nil || s.result) {
		l.fail(n.errorf("step %s has each, and options or the result are asked for once (take each away)", s.id))
	}
	for _, c := range []struct {
		key   string
		scope scope
	}{{"capture", ceremonyScope}, {"save", sessionScope}, {"keep", accountScope}} {
		m := n.get(c.key)
		if m == nil {
			continue
		}
		if m.kind != mapNode {
			l.fail(m.errorf("this is %s (write NAME: JQ)", m.kind))
			return nil
		}
		for _, k := range m.keys {
			name, optional := strings.CutSuffix(k, "?")
			if !wordForm.MatchString(name) {
				l.fail(m.fields[k].keyErrorf("%q is no name (letters, digits, underscores, and a ? when it may be absent)", k))
				return nil
			}
			s.captures = append(s.captures, capture{name, c.scope, optional, l.jq(m.fields[k])})
		}
	}
	if m := n.get("assert"); m != nil {
		if m.kind != mapNode {
			l.fail(m.errorf("this is %s (write NAME: JQ)", m.kind))
			return nil
		}
		for _, k := range m.keys {
			if !wordForm.MatchString(k) {
				l.fail(m.fields[k].keyErrorf("%q is no name (letters, digits, underscores)", k))
				return nil
			}
			s.asserts = append(s.asserts, capture{name: k, expr: l.jq(m.fields[k])})
		}
	}
	s.schema = l.schema(n.get("schema"))
	if f := n.get("failureSchema"); f != nil {
		s.failureSchema = l.schema(f)
	}
	return &s
}

func (l *loader) schema(n *node) string {
	name := l.string(n)
	if l.err == nil && n != nil {
		if _, err := schemaFor(name); err != nil {
			l.fail(n.errorf("%v (one of %s)", err, strings.Join(schemaNames(), ", ")))
		}
	}
	return name
}

func (l *loader) auth(n *node) *auth {
	if l.err != nil || n == nil {
		return nil
	}
	if n.kind == stringNode && n.text == "none" {
		return nil
	}
	if !l.fields(n, "bearer", "basic") {
		return nil
	}
	b, basic := n.get("bearer"), n.get("basic")
	if (b == nil) == (basic == nil) {
		l.fail(n.errorf("write one of bearer and basic (or auth: none)"))
		return nil
	}
	if b != nil {
		return &auth{bearer: l.template(b)}
	}
	if !l.fields(basic, "user", "password") {
		return nil
	}
	if basic.get("user") == nil || basic.get("password") == nil {
		l.fail(basic.errorf("basic needs user and password (add both)"))
		return nil
	}
	return &auth{user: l.template(basic.get("user")), password: l.template(basic.get("password"))}
}

func (l *loader) body(n *node) *body {
	if l.err != nil || n == nil {
		return nil
	}
	if !l.fields(n, "json", "form", "multipart", "text") {
		return nil
	}
	if len(n.keys) != 1 {
		l.fail(n.errorf("a body is one of json, form, multipart and text (keep one)"))
		return nil
	}
	b := &body{kind: n.keys[0]}
	v := n.fields[b.kind]
	if !b.hasFields() {
		b.expr = l.jq(v)
		return b
	}
	if v.kind != mapNode {
		l.fail(v.errorf("this is %s (write FIELD: JQ)", v.kind))
		return nil
	}
	for _, k := range v.keys {
		b.form = append(b.form, namedExpr{k, l.jq(v.fields[k])})
	}
	return b
}

func (l *loader) ceremony(kind string, n *node, defaults step) *ceremonySpec {
	if !l.fields(n, "challengeEncoding", "steps", "roles") {
		return nil
	}
	c := &ceremonySpec{at: n, kind: kind, challengeEncoding: "decoded", optionsAt: -1, resultAt: -1, roles: map[Role]pointer{}}
	if e := n.get("challengeEncoding"); e != nil {
		c.challengeEncoding = l.oneOf(e, ChallengeDecoded, ChallengeText, ChallengeEither)
	}
	if n.get("steps") == nil {
		l.fail(n.errorf("no steps (add steps: a list)"))
	}
	c.steps = l.steps(n.get("steps"), defaults)
	for i, s := range c.steps {
		if s.options != nil {
			if c.optionsAt >= 0 {
				l.fail(s.at.errorf("a second step with options (a ceremony has one)"))
			}
			c.optionsAt = i
		}
		if s.result {
			if c.resultAt >= 0 {
				l.fail(s.at.errorf("a second step with result: true (a ceremony has one)"))
			}
			c.resultAt = i
		}
		if s.always && (c.resultAt < 0 || s.result) {
			l.fail(s.at.errorf("always is for steps after the result (take it away)"))
		}
	}
	if l.err != nil {
		return nil
	}
	switch {
	case c.optionsAt < 0:
		l.fail(n.errorf("no step yields the options (add options: JQ to one)"))
	case c.resultAt < 0:
		l.fail(n.errorf("no step carries the result (add result: true to one)"))
	case c.resultAt <= c.optionsAt:
		l.fail(c.steps[c.resultAt].at.errorf("the result comes before the options (change the order)"))
	case c.steps[c.resultAt].body == nil:
		l.fail(c.steps[c.resultAt].at.errorf("the result step has no body (add body)"))
	case c.steps[c.resultAt].when != nil:
		l.fail(c.steps[c.resultAt].at.errorf("the result step cannot depend on when (take it away)"))
	}
	for i, s := range c.steps {
		if l.err == nil && i <= c.optionsAt && s.usesCredential() {
			l.fail(s.at.errorf("step %s comes before the credential exists (do not use .credential or .result here)", s.id))
		}
	}
	roles := n.get("roles")
	if roles == nil {
		return c
	}
	if roles.kind != mapNode {
		l.fail(roles.errorf("this is %s (write ROLE: /json/pointer)", roles.kind))
		return nil
	}
	for _, k := range roles.keys {
		f := roles.fields[k]
		if !slices.Contains(allRoles, Role(k)) {
			l.fail(f.keyErrorf("unknown role (one of %s)", joinRoles(allRoles)))
			return nil
		}
		text := l.string(f)
		p, ok := parsePointer(text)
		if l.err == nil && (!ok || len(p) == 0) {
			l.fail(f.errorf("%q is not a JSON pointer to a member (write /member/member)", text))
		}
		c.roles[Role(k)] = p
	}
	return c
}

var (
	usesCredential  = regexp.MustCompile(`\.(credential|result)\b`)
	usesItselfAlone = regexp.MustCompile(`\.credential\b`)
)

func (s *step) usesCredential() bool { return s.body.mentions(usesCredential) }

// usesCredentialItself says that the body needs the credential, not only the result made of it.
func (s *step) usesCredentialItself() bool { return s.body.mentions(usesItselfAlone) }

func (b *body) mentions(what *regexp.Regexp) bool {
	if b == nil {
		return false
	}
	if b.expr != nil && what.MatchString(b.expr.src) {
		return true
	}
	for _, f := range b.form {
		if f.expr != nil && what.MatchString(f.expr.src) {
			return true
		}
	}
	return false
}

func (l *loader) probe(n *node, defaults step) {
	if l.err != nil || n == nil {
		return
	}
	if n.kind != mapNode {
		l.fail(n.errorf("this is %s (write step, loggedIn, loggedOut)", n.kind))
		return
	}
	if !l.fields(n, "step", "loggedIn", "loggedOut") {
		return
	}
	for _, k := range []string{"step", "loggedIn", "loggedOut"} {
		if n.get(k) == nil {
			l.fail(n.errorf("a probe needs %s (add it)", k))
			return
		}
	}
	l.p.probe = l.step(n.get("step"), defaults)
	l.p.loggedIn, l.p.loggedOut = l.jq(n.get("loggedIn")), l.jq(n.get("loggedOut"))
}

// collectCaptures finds every name that a step anywhere captures.
func collectCaptures(n *node, names map[string]bool) {
	if n == nil {
		return
	}
	for _, item := range n.items {
		collectCaptures(item, names)
	}
	for _, k := range n.keys {
		f := n.fields[k]
		if (k == "capture" || k == "save" || k == "keep" || k == "assert") && f.kind == mapNode {
			for _, name := range f.keys {
				names[strings.TrimSuffix(name, "?")] = true
			}
			continue
		}
		collectCaptures(f, names)
	}
}

func baseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("%q is no URL", s)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is not an http or https URL", s)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%q has more than scheme, host and path", s)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

func checkOrigin(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || (u.Host == "" && u.Opaque == "") || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%q is no origin", s)
	}
	return nil
}

// nearest finds the known name that k is most likely a slip of.
func nearest(k string, known []string) string {
	if len(k) > 64 {
		return ""
	}
	best, bestDistance := "", 3
	for _, name := range known {
		if d := distance(strings.ToLower(k), strings.ToLower(name)); d < bestDistance && d < len(name) {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

// readRoot parses a file and lays it over what it extends.
func readRoot(file string, data []byte) (*node, error) {
	root, err := parseYAML(file, data)
	if err != nil {
		return nil, err
	}
	if root.kind != mapNode {
		return nil, root.errorf("this is %s (a profile is a mapping)", root.kind)
	}
	ext := root.get("extends")
	if ext == nil {
		return root, nil
	}
	if ext.kind != stringNode || !slices.Contains(fixtures.DialectNames(), ext.text) {
		return nil, ext.errorf("%q is no embedded dialect (one of %s)", ext.text, strings.Join(fixtures.DialectNames(), ", "))
	}
	data, err = fixtures.Dialect(ext.text)
	if err != nil {
		return nil, ext.errorf("%v (rebuild the program)", err)
	}
	if file == dialectFile(ext.text) {
		return nil, ext.errorf("a dialect cannot extend itself (take extends away)")
	}
	base, err := readRoot(dialectFile(ext.text), data)
	if err != nil {
		return nil, err
	}
	merged, err := overlay(base, root)
	if err != nil {
		return nil, err
	}
	return merged, nil
}

func dialectFile(name string) string { return "dialects/" + name + ".yaml" }
