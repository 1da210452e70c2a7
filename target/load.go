package target

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/itchyny/gojq"

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

// loader reads nodes into a Profile and keeps all faults. It reads on behind a
// fault, with nothing in the place of what is wrong; what only follows from a
// fault is none of its own.
type loader struct {
	p     *Profile
	root  *node
	hooks []*hook
	// inEach is true inside a step with each, where templates have {item}.
	inEach bool
	// faults and notes are in the order in which they were found.
	faults, notes []*Error
	// slips are the keys that unknown ones of a mapping were most likely meant to be.
	slips map[*node][]string
	// queries are the expressions as they were parsed, by their places.
	queries map[*node]*gojq.Query
	// missing are features whose declaration is faulty, so that nothing follows from it.
	unread map[string]bool
}

func newLoader(p *Profile, root *node) *loader {
	return &loader{p: p, root: root, slips: map[*node][]string{}, queries: map[*node]*gojq.Query{}, unread: map[string]bool{}}
}

func (l *loader) fail(err error) {
	var e *Error
	if errors.As(err, &e) && !slices.ContainsFunc(l.faults, func(f *Error) bool { return *f == *e }) {
		l.faults = append(l.faults, e)
	}
}

func (l *loader) note(e *Error) {
	if !slices.ContainsFunc(l.notes, func(f *Error) bool { return *f == *e }) {
		l.notes = append(l.notes, e)
	}
}

// lacks reports that a mapping has no key that it needs, unless a slip of that
// key is reported already.
func (l *loader) lacks(n *node, key, format string, args ...any) {
	if !slices.Contains(l.slips[n], key) {
		l.fail(n.errorf(format, args...))
	}
}

// fields walks a mapping that may have only the keys of known. It is false where
// n is absent or no mapping.
func (l *loader) fields(n *node, known ...string) bool {
	if n == nil {
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
				l.slips[n] = append(l.slips[n], near)
			}
			l.fail(f.keyErrorf("unknown key (%s)", hint))
		}
	}
	return true
}

func (l *loader) string(n *node) string {
	if n == nil {
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

// scalar says whether string reads n.
func (n *node) scalar() bool {
	return n != nil && (n.kind == stringNode || n.kind == numberNode || n.kind == boolNode)
}

func (l *loader) bool(n *node) bool {
	if n == nil {
		return false
	}
	if n.kind != boolNode {
		l.fail(n.errorf("this is %s (write true or false)", n.kind))
	}
	return n.truth
}

func (l *loader) oneOf(n *node, values ...string) string {
	s := l.string(n)
	if n.scalar() && !slices.Contains(values, s) {
		l.fail(n.errorf("%q is not known here (one of %s)", s, strings.Join(values, ", ")))
		return ""
	}
	return s
}

func (l *loader) jq(n *node) *expr {
	if n == nil {
		return nil
	}
	if n.kind != stringNode {
		l.fail(n.errorf("this is %s (write a jq expression as a string)", n.kind))
		return nil
	}
	l.p.sendsCookies = l.p.sendsCookies || strings.Contains(n.text, ".cookies")
	q, err := parseJQ(n)
	if err != nil {
		l.fail(err)
		return nil
	}
	l.queries[n] = q
	e, err := compileQuery(n, *q, l.hooks)
	l.fail(err)
	return e
}

func (l *loader) template(n *node) *template {
	if n == nil {
		return nil
	}
	text := l.string(n)
	if !n.scalar() {
		return nil
	}
	c := *n
	c.text = text
	roots := templateRoots
	if l.inEach {
		roots = append([]string{"item"}, roots...)
	}
	t, err := parseTemplate(&c, roots)
	l.fail(err)
	if t != nil {
		for _, p := range t.parts {
			l.p.sendsCookies = l.p.sendsCookies || len(p.path) > 0 && p.path[0] == "cookies"
		}
	}
	return t
}

var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func (l *loader) headers(n *node) []namedTemplate {
	if n == nil {
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
			continue
		}
		name := http.CanonicalHeaderKey(k)
		if slices.ContainsFunc(out, func(h namedTemplate) bool { return h.name == name }) {
			l.fail(n.fields[k].keyErrorf("the header %s is there twice (names differ in more than case)", name))
			continue
		}
		out = append(out, namedTemplate{name, l.template(n.fields[k])})
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
		l.lacks(n, "listen", "no listen (write listen: 127.0.0.1:8092)")
		return
	}
	l.p.metadata = l.string(at)
	if _, _, err := net.SplitHostPort(l.p.metadata); err != nil && at.scalar() {
		l.fail(at.errorf("%q is no address to listen on (write HOST:PORT, such as 127.0.0.1:8092)", l.p.metadata))
	}
}

var profileKeys = []string{"extends", "dialect", "name", "title", "documents", "target", "vars", "headers", "hooks",
	"features", "policy", "user", "account", "metadata", "adapter", "ceremonies", "procedures", "probe", "success", "failure", "message", "answer", "failureAnswer", "failureSchema"}

// loadProfile reads all of a profile. The profile is whole only without faults.
func loadProfile(root *node) *loader {
	p := &Profile{vars: map[string]*varDef{}, features: map[string]Feature{}, ceremonies: map[string]*ceremonySpec{}, procedures: map[string]*ceremonySpec{}}
	l := newLoader(p, root)
	if !l.fields(root, profileKeys...) {
		return l
	}
	p.dialect = l.string(root.get("dialect"))
	if d := root.get("dialect"); d.scalar() && !nameForm.MatchString(p.dialect) {
		l.fail(d.errorf("%q is no dialect name (lower-case letters, digits, hyphens)", p.dialect))
	}
	if root.get("dialect") == nil && !slices.Contains(l.slips[root], "extends") {
		l.lacks(root, "dialect", "neither extends nor dialect (write extends: fido, or dialect: NAME for one of your own)")
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
	if cs == nil && !slices.Contains(l.slips[root], "extends") {
		l.lacks(root, "ceremonies", "no ceremonies (extend a dialect, or write ceremonies.registration and ceremonies.authentication)")
	}
	if cs != nil && l.fields(cs, Registration, Authentication, U2FRegistration) {
		for _, k := range cs.keys {
			if slices.Contains([]string{Registration, Authentication, U2FRegistration}, k) {
				p.ceremonies[k] = l.ceremony(k, cs.fields[k], defaults)
			}
		}
		if cs.get(Registration) == nil {
			l.lacks(cs, Registration, "no registration (every profile needs ceremonies.registration)")
		}
	}
	l.procedures(root.get("procedures"), defaults)
	l.probe(root.get("probe"), defaults)
	l.consistency()
	return l
}

var (
	nameForm    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	wordForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	answerKinds = []string{"json", "text", "empty", "html", "any"}
	methods     = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"}
)

func (l *loader) documents(n *node) {
	if n == nil {
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
	if u := n.get("url"); u.scalar() {
		if _, err := baseURL(l.p.url); err != nil {
			l.fail(u.errorf("%v (write http://HOST or https://HOST)", err))
		}
	}
	if o := n.get("origin"); o.scalar() {
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
			if err != nil || u.Path != "" {
				if h.scalar() {
					l.fail(h.errorf("%q is no scheme and host (write http://HOST or https://HOST)", h.text))
				}
				continue
			}
			l.p.hosts = append(l.p.hosts, originOf(u))
		}
	}
}

func (l *loader) vars(n *node) {
	if n == nil {
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
			continue
		}
		v := &varDef{at: f}
		l.p.vars[k] = v
		if f.kind == mapNode {
			l.fields(f, "value", "env", "secret", "document")
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
	}
}

func (l *loader) hookList(n *node) {
	if n == nil {
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
	if n == nil {
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
			continue
		}
		l.unread[k] = true
		switch {
		case f.kind == mapNode && !policy:
			l.fields(f, "absent")
			reason := strings.TrimSpace(l.string(f.get("absent")))
			if reason == "" {
				l.lacks(f, "absent", "absent without a reason (write absent: WHY)")
				continue
			}
			l.p.features[k] = Feature{Absent: oneLine(reason)}
		case f.kind == boolNode && !f.truth:
			l.fail(f.errorf("false says too little (write {absent: WHY})"))
			continue
		default:
			v := l.string(f)
			if !f.scalar() {
				continue
			}
			if ok && !slices.Contains(i.Values, "*") && !slices.Contains(i.Values, v) {
				l.fail(f.errorf("%q is not a value of %s (one of %s)", v, k, strings.Join(i.Values, ", ")))
				continue
			}
			l.p.features[k] = Feature{Declared: true, Value: v}
		}
		l.unread[k] = false
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
		t, err := parseTemplate(&c, []string{"id"})
		l.fail(err)
		return t
	}
	l.p.userName = rule("name", "{id}")
	l.p.userDisplayName = rule("displayName", "{id}")
	l.p.userPassword = rule("password", "Touchstone-{id}-1!")
}

func (l *loader) steps(n *node, defaults step) []*step {
	if n == nil {
		return nil
	}
	if n.kind != listNode {
		l.fail(n.errorf("this is %s (write a list of steps; only over an extended profile's steps may a mapping by id stand)", n.kind))
		return nil
	}
	var out []*step
	for _, item := range n.items {
		s := l.step(item, defaults)
		if s == nil {
			continue
		}
		for _, o := range out {
			if o.id == s.id && s.id != "" {
				l.fail(item.errorf("two steps with the id %q (rename one)", s.id))
				break
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
	if !nameForm.MatchString(s.id) && (n.get("id") == nil || n.get("id").scalar()) {
		l.lacks(n, "id", "a step needs an id of lower-case letters, digits and hyphens (add id: NAME)")
	}
	s.method = "POST"
	if m := n.get("method"); m != nil {
		s.method = l.oneOf(m, methods...)
	}
	s.each = l.jq(n.get("each"))
	l.inEach = s.each != nil
	defer func() { l.inEach = false }()
	if path := n.get("path"); path == nil {
		l.lacks(n, "path", "step %s has no path (add path: /...)", s.id)
	} else if s.path = l.template(path); s.path != nil {
		t := l.string(path)
		if !strings.HasPrefix(t, "/") && !strings.HasPrefix(t, "{") {
			l.fail(path.errorf("%q does not begin with / (write a path, or one place that holds an address)", t))
		}
		if strings.ContainsAny(t, "?#") && !strings.Contains(t, "?}") {
			l.fail(path.errorf("? and # do not belong in a path (use query)"))
		}
	}
	if q := n.get("query"); q != nil {
		if q.kind != mapNode {
			l.fail(q.errorf("this is %s (write NAME: value)", q.kind))
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
	for _, own := range []struct {
		key string
		to  **expr
	}{{"success", &s.success}, {"failure", &s.failure}, {"message", &s.message}} {
		if v := n.get(own.key); v != nil {
			*own.to = l.jq(v)
		}
	}
	for _, key := range []string{"success", "failure"} {
		if n.get(key) == nil && l.root.get(key) == nil && !slices.Contains(l.slips[l.root], key) {
			l.lacks(n, key, "step %s says nowhere what %s is (add %s here or for the whole profile)", s.id, key, key)
		}
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
			continue
		}
		for _, k := range m.keys {
			name, optional := strings.CutSuffix(k, "?")
			if !wordForm.MatchString(name) {
				l.fail(m.fields[k].keyErrorf("%q is no name (letters, digits, underscores, and a ? when it may be absent)", k))
				continue
			}
			s.captures = append(s.captures, capture{name, c.scope, optional, l.jq(m.fields[k])})
		}
	}
	if m := n.get("assert"); m != nil {
		if m.kind != mapNode {
			l.fail(m.errorf("this is %s (write NAME: JQ)", m.kind))
		}
		for _, k := range m.keys {
			if !wordForm.MatchString(k) {
				l.fail(m.fields[k].keyErrorf("%q is no name (letters, digits, underscores)", k))
				continue
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
	if n.scalar() {
		if _, err := schemaFor(name); err != nil {
			l.fail(n.errorf("%v (one of %s)", err, strings.Join(schemaNames(), ", ")))
		}
	}
	return name
}

func (l *loader) auth(n *node) *auth {
	if n == nil {
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
		if len(l.slips[n]) == 0 {
			l.fail(n.errorf("write one of bearer and basic (or auth: none)"))
		}
		return nil
	}
	if b != nil {
		return &auth{bearer: l.template(b)}
	}
	if !l.fields(basic, "user", "password") {
		return nil
	}
	for _, key := range []string{"user", "password"} {
		if basic.get(key) == nil && len(l.slips[basic]) == 0 {
			l.fail(basic.errorf("basic needs user and password (add both)"))
			return nil
		}
	}
	return &auth{user: l.template(basic.get("user")), password: l.template(basic.get("password"))}
}

var bodyKinds = []string{"json", "form", "multipart", "text"}

func (l *loader) body(n *node) *body {
	if n == nil {
		return nil
	}
	if !l.fields(n, bodyKinds...) {
		return nil
	}
	if len(n.keys) != 1 {
		l.fail(n.errorf("a body is one of json, form, multipart and text (keep one)"))
		return nil
	}
	if !slices.Contains(bodyKinds, n.keys[0]) {
		return nil // unknown, and told
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
		l.lacks(n, "steps", "no steps (add steps: a list)")
	}
	c.steps = l.steps(n.get("steps"), defaults)
	for i, s := range c.steps {
		if s.has("options") {
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
	if !l.stepsRead(n.get("steps")) {
		l.ceremonyRoles(c) // and no more: which step has what is not known
		return c
	}
	switch {
	case c.optionsAt < 0:
		l.fail(n.errorf("no step yields the options (add options: JQ to one)"))
	case c.resultAt < 0:
		l.fail(n.errorf("no step carries the result (add result: true to one)"))
	case c.resultAt <= c.optionsAt:
		l.fail(c.steps[c.resultAt].at.errorf("the result comes before the options (change the order)"))
	}
	if c.resultAt >= 0 {
		result := c.steps[c.resultAt]
		if !result.has("body") {
			l.lacks(result.at, "body", "the result step has no body (add body)")
		}
		if result.has("when") {
			l.fail(result.at.errorf("the result step cannot depend on when (take it away)"))
		}
	}
	for i, s := range c.steps {
		if i <= c.optionsAt && s.usesCredential() {
			l.fail(s.at.errorf("step %s comes before the credential exists (do not use .credential or .result here)", s.id))
		}
	}
	l.ceremonyRoles(c)
	return c
}

func (l *loader) ceremonyRoles(c *ceremonySpec) {
	roles := c.at.get("roles")
	if roles == nil {
		return
	}
	if roles.kind != mapNode {
		l.fail(roles.errorf("this is %s (write ROLE: /json/pointer)", roles.kind))
		return
	}
	for _, k := range roles.keys {
		f := roles.fields[k]
		if !slices.Contains(allRoles, Role(k)) {
			l.fail(f.keyErrorf("unknown role (one of %s)", joinRoles(allRoles)))
			continue
		}
		text := l.string(f)
		if !f.scalar() {
			continue
		}
		p, ok := parsePointer(text)
		if !ok || len(p) == 0 {
			l.fail(f.errorf("%q is not a JSON pointer to a member (write /member/member)", text))
			continue
		}
		c.roles[Role(k)] = p
	}
}

// has says whether the step's text has a key, be its value sound or not.
func (s *step) has(key string) bool { return s.at.get(key) != nil }

// stepsRead says whether a list of steps was there and every one a mapping
// without unknown keys, so that what is not seen in them is not there.
func (l *loader) stepsRead(n *node) bool {
	if n == nil || n.kind != listNode {
		return false
	}
	for _, item := range n.items {
		if item.kind != mapNode || len(l.slips[item]) > 0 {
			return false
		}
		if r := item.get("result"); r != nil && r.kind != boolNode {
			return false
		}
	}
	return true
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
	if n == nil {
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
			l.lacks(n, k, "a probe needs %s (add it)", k)
		}
	}
	if n.get("step") != nil {
		l.p.probe = l.step(n.get("step"), defaults)
	}
	l.p.loggedIn, l.p.loggedOut = l.jq(n.get("loggedIn")), l.jq(n.get("loggedOut"))
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

// readRoot parses a file and lays it over what it extends. Faults are *Errors.
func readRoot(file string, data []byte) (*node, []error) {
	root, err := parseYAML(file, data)
	if err != nil {
		return nil, []error{err}
	}
	if root.kind != mapNode {
		return nil, []error{root.errorf("this is %s (a profile is a mapping)", root.kind)}
	}
	ext := root.get("extends")
	if ext == nil {
		return root, nil
	}
	if ext.kind != stringNode || !slices.Contains(fixtures.DialectNames(), ext.text) {
		hint := "one of " + strings.Join(fixtures.DialectNames(), ", ")
		if near := nearest(ext.text, fixtures.DialectNames()); near != "" {
			hint += "; did you mean " + near + "?"
		}
		return nil, []error{ext.errorf("%q is no embedded dialect (%s)", ext.text, hint)}
	}
	data, err = fixtures.Dialect(ext.text)
	if err != nil {
		return nil, []error{ext.errorf("%v (rebuild the program)", err)}
	}
	if file == dialectFile(ext.text) {
		return nil, []error{ext.errorf("a dialect cannot extend itself (take extends away)")}
	}
	base, faults := readRoot(dialectFile(ext.text), data)
	if base == nil {
		return nil, faults
	}
	merged := overlay(base, root, func(e *Error) { faults = append(faults, e) })
	return merged, faults
}

func dialectFile(name string) string { return "dialects/" + name + ".yaml" }
