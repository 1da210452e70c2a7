package target

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// consistency looks for what is well-formed and cannot be meant: names that
// nothing has, values that are not there yet, declarations that contradict the steps.
func (l *loader) consistency() {
	c := &consistency{loader: l, captures: map[string][]captureSite{}, used: map[string]bool{}, asked: map[string]bool{}}
	c.collect()
	c.sight()
	c.declarations()
	c.answers()
	c.pointers()
	c.unused()
}

type consistency struct {
	*loader
	lists    []stepList
	captures map[string][]captureSite
	// used are vars and captures that something reads, as vars.x and captured.x,
	// or vars and captured as a whole.
	used map[string]bool
	// asked are the members of .request that steps before the options read.
	asked map[string]bool
	// login tells what the steps before a login's options read.
	names, namelessly bool
}

// stepList is a list of steps that are run one after the other.
type stepList struct {
	name  string // account.create, registration, a procedure's name, ...
	kind  listKind
	steps []*step
	spec  *ceremonySpec // of ceremonies and procedures
}

type listKind int

const (
	createList listKind = iota
	loginList
	ceremonyList
	procedureList
	probeList
)

type captureSite struct {
	list int
	step int
	// order is the capture's place in its step.
	order int
	capture
	at *node
}

func (c *consistency) collect() {
	p := c.p
	add := func(name string, kind listKind, steps []*step, spec *ceremonySpec) {
		if len(steps) > 0 {
			c.lists = append(c.lists, stepList{name, kind, steps, spec})
		}
	}
	add("account.create", createList, p.create, nil)
	add("account.login", loginList, p.login, nil)
	add("account.reset", loginList, p.reset, nil)
	for _, kind := range []string{Registration, Authentication, U2FRegistration} {
		if spec := p.ceremonies[kind]; spec != nil {
			add(kind, ceremonyList, spec.steps, spec)
		}
	}
	for _, name := range p.Procedures() {
		if spec := p.procedures[name]; spec != nil {
			add("procedures."+name, procedureList, spec.steps, spec)
		}
	}
	if p.probe != nil {
		add("probe", probeList, []*step{p.probe}, nil)
	}
	for i, list := range c.lists {
		for j, s := range list.steps {
			for k, cp := range s.captures {
				at := s.at
				for _, section := range []string{"capture", "save", "keep"} {
					for _, name := range []string{cp.name, cp.name + "?"} {
						if f := s.at.get(section).get(name); f != nil && cp.scope == scopeOf(section) {
							at = f
						}
					}
				}
				c.captures[cp.name] = append(c.captures[cp.name], captureSite{i, j, k, cp, at})
			}
			for k, cp := range s.asserts {
				c.captures[cp.name] = append(c.captures[cp.name], captureSite{i, j, len(s.captures) + k, cp, s.at.get("assert").get(cp.name)})
			}
		}
	}
}

func scopeOf(section string) scope {
	switch section {
	case "save":
		return sessionScope
	case "keep":
		return accountScope
	}
	return ceremonyScope
}

// view is where an expression or a template stands: what there is to see.
type view struct {
	list, step int
	// before is how many of the step's own captures are made; -1 before the answer.
	before int
	// anywhere is for what stands outside of the lists and is used in all of them.
	anywhere bool
	res      bool
	// html: the answer is declared to be a page.
	html bool
}

func (c *consistency) sight() {
	p := c.p
	every := view{anywhere: true}
	for _, h := range p.headers {
		c.template(h.value, every)
	}
	every.res = true
	for _, key := range []string{"success", "failure", "message"} {
		c.reads(c.root.get(key), every)
	}
	for i, list := range c.lists {
		for j, s := range list.steps {
			ask := view{list: i, step: j, before: -1}
			c.template(s.path, ask)
			for _, q := range s.query {
				c.template(q.value, ask)
			}
			for _, h := range s.headers {
				c.template(h.value, ask)
			}
			if s.auth != nil {
				c.template(s.auth.bearer, ask)
				c.template(s.auth.user, ask)
				c.template(s.auth.password, ask)
			}
			c.expr(s.each, ask)
			c.expr(s.when, ask)
			if s.body != nil {
				c.expr(s.body.expr, ask)
				for _, f := range s.body.form {
					c.expr(f.expr, ask)
				}
			}
			told := view{list: i, step: j, before: 0, res: true, html: s.answer == "html"}
			for _, key := range []string{"success", "failure", "message"} {
				c.reads(s.at.get(key), view{list: i, step: j, res: true})
			}
			for k, cp := range s.captures {
				told.before = k
				c.expr(cp.expr, told)
			}
			for k, cp := range s.asserts {
				told.before = len(s.captures) + k
				c.expr(cp.expr, told)
			}
			told.before = len(s.captures) + len(s.asserts)
			c.expr(s.options, told)
			if list.kind == probeList {
				c.expr(p.loggedIn, told)
				c.expr(p.loggedOut, told)
			}
		}
	}
}

func (c *consistency) expr(e *expr, v view) {
	if e != nil {
		c.reads(e.at, v)
	}
}

func (c *consistency) reads(n *node, v view) {
	q := c.queries[n]
	if q == nil {
		return // what is wrong with it was told where it was compiled
	}
	r := &jqReads{
		read: func(path []string) { c.path(n, path, v) },
		environment: func(name string) {
			c.fail(n.errorf("jq does not see the environment, so %s is empty (declare vars.NAME: {env: VARIABLE} and read .vars.NAME)", name))
		},
		format: func(name string) {
			if !slices.Contains(jqFormats, name) {
				c.fail(n.errorf("there is no format %s (one of %s)", name, strings.Join(jqFormats, ", ")))
			}
		},
	}
	r.run(q)
}

var jqFormats = []string{"@text", "@json", "@html", "@uri", "@urid", "@csv", "@tsv", "@sh", "@base64", "@base64d"}

func (c *consistency) template(t *template, v view) {
	if t == nil {
		return
	}
	for _, p := range t.parts {
		if len(p.path) == 0 {
			continue
		}
		c.name(t.at, "{"+strings.Join(p.path, ".")+"}", p.path, v, p.optional, true)
	}
}

func (c *consistency) path(n *node, path []string, v view) {
	c.name(n, "."+strings.Join(path, "."), path, v, true, false)
}

// Members of what an expression sees, by root.
var (
	userMembers   = []string{"name", "displayName", "password"}
	rpMembers     = []string{"id", "origin"}
	resMembers    = []string{"url", "status", "headers", "body", "text"}
	resultMembers = []string{"method", "body"}
	credMembers   = []string{"id", "rawId", "type", "response", "clientExtensionResults", "authenticatorAttachment"}
	u2fMembers    = []string{"version", "registrationData", "clientData"}
	seenRoots     = []string{"user", "vars", "captured", "rp", "request", "cookies", "res", "credential", "result"}
)

var responseMembers = map[string][]string{
	Registration:   {"clientDataJSON", "attestationObject", "authenticatorData", "publicKey", "publicKeyAlgorithm", "transports"},
	Authentication: {"clientDataJSON", "authenticatorData", "signature", "userHandle"},
}

// name checks what a place of a template or a path of an expression names. Where
// template is false, a value that is absent is null and no fault.
func (c *consistency) name(n *node, shown string, path []string, v view, optional, template bool) {
	if len(path) == 0 {
		for _, root := range []string{"vars", "captured", "request"} {
			c.used[root], c.asked["*"] = true, true
		}
		return
	}
	root := path[0]
	list := stepList{}
	if !v.anywhere {
		list = c.lists[v.list]
	}
	behind := v.anywhere || list.spec != nil && (v.step > list.spec.optionsAt || list.spec.optionsAt < 0)
	oneOf := func(known []string) {
		if len(path) > 1 && !slices.Contains(known, path[1]) {
			c.fail(n.errorf("%s: .%s has no %s (%s)", shown, root, oneLine(path[1]), suggest(path[1], known)))
		}
	}
	switch root {
	case "user":
		oneOf(userMembers)
		if len(path) == 1 || path[1] == "name" {
			c.names = c.names || list.name == Authentication && !behind
		}
	case "rp":
		oneOf(rpMembers)
	case "request":
		oneOf(RequestMembers())
		what := "*"
		if len(path) > 1 {
			what = path[1]
		}
		if v.anywhere || list.spec != nil && !behind {
			c.asked[what] = true
			c.namelessly = c.namelessly || (list.name == Authentication || v.anywhere) && (what == "usernameless" || what == "*")
		}
	case "vars":
		if len(path) == 1 {
			c.used["vars"] = true
			break
		}
		c.used["vars."+path[1]] = true
		if c.p.vars[path[1]] == nil {
			hint := "declare vars." + path[1]
			if near := nearest(path[1], slices.Sorted(maps.Keys(c.p.vars))); near != "" {
				hint = "did you mean " + near + "? or declare vars." + path[1]
			}
			c.fail(n.errorf("%s is not among the vars (%s)", shown, hint))
		}
	case "captured":
		if len(path) == 1 {
			c.used["captured"] = true
			break
		}
		c.used["captured."+path[1]] = true
		c.capturedName(n, path[1], v, optional, template)
	case "cookies":
	case "item":
		if v.anywhere || list.steps[v.step].each == nil {
			c.fail(n.errorf("%s: there is no .item in a step without each (add each, or take it away)", shown))
		}
	case "res":
		if !v.res {
			c.fail(n.errorf("%s: the answer is not there before the request (capture what a later step needs)", shown))
			break
		}
		oneOf(resMembers)
		if len(path) > 2 && path[1] == "headers" && path[2] != strings.ToLower(path[2]) {
			c.fail(n.errorf("%s: the names of headers are in lower case here (write %q)", shown, strings.ToLower(path[2])))
		}
		if len(path) > 2 && path[1] == "body" && v.html {
			c.fail(n.errorf("%s: the answer is declared html, and a page has no .res.body (use .res.text with html_attr or html_text, or declare another answer)", shown))
		}
	case "credential", "result":
		if v.anywhere {
			break
		}
		if root == "credential" && (list.spec == nil || list.spec.optionsAt < 0) || list.spec == nil {
			c.fail(n.errorf("%s: there is no .%s outside of a ceremony (take it away)", shown, root))
			break
		}
		if !behind {
			if !list.steps[v.step].usesCredential() { // else told already
				c.fail(n.errorf("%s: there is no .%s before the options (use it in a later step)", shown, root))
			}
			break
		}
		switch {
		case root == "result":
			oneOf(resultMembers)
		case list.spec.kind == U2FRegistration:
			oneOf(u2fMembers)
		default:
			oneOf(credMembers)
			if known := responseMembers[list.spec.kind]; len(path) > 2 && path[1] == "response" && known != nil && !slices.Contains(known, path[2]) {
				c.fail(n.errorf("%s: a %s's response has no %s (%s)", shown, list.spec.kind, oneLine(path[2]), suggest(path[2], known)))
			}
		}
	default:
		hint := suggest(root, seenRoots)
		if slices.Contains(resMembers, root) {
			hint = "did you mean .res." + root + "?"
		}
		c.fail(n.errorf("%s: an expression sees no .%s (%s)", shown, oneLine(root), hint))
	}
}

func suggest(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "one of " + strings.Join(known, ", ")
}

// capturedName checks that a name is captured where it may be used.
func (c *consistency) capturedName(n *node, name string, v view, optional, template bool) {
	sites := c.captures[name]
	if len(sites) == 0 {
		hint := "add it to a capture, save or keep"
		if near := nearest(name, slices.Sorted(maps.Keys(c.captures))); near != "" {
			hint = "did you mean " + near + "? or add it to a capture, save or keep"
		}
		c.fail(n.errorf("no step captures %s (%s)", name, hint))
		return
	}
	if v.anywhere {
		if template && !optional {
			s := sites[0]
			c.fail(n.errorf("%s is captured by step %s, which has this header too and cannot be sent without it (write {captured.%s?})", name, c.lists[s.list].steps[s.step].id, name))
		}
		return
	}
	here := c.lists[v.list]
	var why string
	for _, s := range sites {
		there := c.lists[s.list]
		step := there.steps[s.step].id
		switch {
		case s.list == v.list && (s.step < v.step || s.step == v.step && v.before > s.order):
			return
		case s.list != v.list && s.scope == ceremonyScope:
			why = fmt.Sprintf("%s is captured in %s and forgotten at its end (use save or keep there)", name, there.name)
		case here.kind == createList && s.list != v.list:
			why = fmt.Sprintf("%s is captured in %s, and account.create runs before that (capture it here)", name, there.name)
		case s.list != v.list && (here.kind != loginList || there.kind == createList || s.scope == accountScope):
			return
		case s.list != v.list:
			why = fmt.Sprintf("%s is saved in %s, and account.login runs before that in every browser (capture it here, or use keep)", name, there.name)
		case s.scope != ceremonyScope && optional:
			return // there from the second time on
		case s.step == v.step:
			why = fmt.Sprintf("%s is captured from this step's own answer, and not there yet (capture it in an earlier step)", name)
		default:
			why = fmt.Sprintf("%s is captured later, by step %s (change the order)", name, step)
		}
	}
	c.fail(n.errorf("%s", why))
}

// own says whether a node stands in the file itself, not in what it extends.
func (c *consistency) own(n *node) bool { return n != nil && n.file == c.root.file }

// tell reports a contradiction at a node: a fault where the file itself says it, a
// note where the file has it from what it extends.
func (c *consistency) tell(n *node, format string, args ...any) {
	if c.own(n) {
		c.fail(n.errorf(format, args...))
		return
	}
	c.note(c.root.errorf(format, args...))
}

func (c *consistency) declarations() {
	features, policy := c.root.get("features"), c.root.get("policy")
	has := func(name string) bool { return c.p.features[name].Declared && !c.unread[name] }
	absent := func(name string) bool { return c.p.features[name].Absent != "" && !c.unread[name] }
	at := func(name string) *node {
		if n := features.get(name); n != nil {
			return n
		}
		return policy.get(name)
	}
	// there holds a feature against the part of the profile that it is about.
	there := func(name, what string, part *node, mend string) {
		switch {
		case has(name) && part == nil:
			c.tell(at(name), "%s is declared, and there is no %s (%s, or declare {absent: WHY})", name, what, mend)
		case absent(name) && part != nil && part.file == at(name).file:
			c.fail(at(name).errorf("%s is declared absent, and the %s is at line %d (take one of them away)", name, what, part.keyLine))
		}
	}
	ceremonies := c.root.get("ceremonies")
	there("session-probe", "probe", c.root.get("probe"), "add probe")
	if len(c.slips[ceremonies]) == 0 && ceremonies != nil {
		there("authentication", "authentication", ceremonies.get(Authentication), "add ceremonies.authentication")
		there("u2f-registration", "u2f-registration", ceremonies.get(U2FRegistration), "add ceremonies.u2f-registration")
		if ceremonies.get(Authentication) == nil && features.get("authentication") == nil {
			c.note(ceremonies.errorf("no authentication, and nothing says why, so that its checks cannot be tested (add ceremonies.authentication, or declare features.authentication: {absent: WHY})"))
		}
	}
	for _, m := range []struct {
		feature, kind string
		role          Role
	}{
		{"member.rawId", Registration, RoleRawID}, {"member.type", Registration, RoleType}, {"member.transports", Registration, RoleTransports},
		{"member.userHandle", Authentication, RoleUserHandle}, {"extension.outputs", Registration, RoleExtensionResults},
	} {
		roles := ceremonies.get(m.kind).get("roles")
		if c.p.ceremonies[m.kind] == nil || len(c.slips[roles]) > 0 {
			continue
		}
		switch role := roles.get(string(m.role)); {
		case has(m.feature) && role == nil:
			c.tell(at(m.feature), "%s is declared, and ceremonies.%s.roles does not say where %s is (add %s: /..., or declare {absent: WHY})", m.feature, m.kind, m.role, m.role)
		case absent(m.feature) && role != nil && role.file == at(m.feature).file:
			c.fail(at(m.feature).errorf("%s is declared absent, and ceremonies.%s.roles says where %s is (take one of them away)", m.feature, m.kind, m.role))
		}
	}
	// What can be asked must be asked.
	if len(c.p.ceremonies) > 0 && !c.asked["*"] {
		for _, r := range []struct {
			feature string
			members []string
		}{
			{"request.user-verification", []string{"userVerification"}}, {"request.attestation", []string{"attestation"}}, {"request.resident-key", []string{"residentKey", "requireResidentKey"}},
			{"request.attachment", []string{"authenticatorAttachment"}}, {"request.extensions", []string{"extensions"}},
		} {
			if has(r.feature) && !slices.ContainsFunc(r.members, func(m string) bool { return c.asked[m] }) {
				c.tell(at(r.feature), "%s is declared, and no step before the options sends .request.%s (send it, or declare {absent: WHY})", r.feature, r.members[0])
			}
		}
		if c.p.features["conditional-create"].Value == "request" && !c.asked["mediation"] {
			c.tell(at("conditional-create"), "conditional-create is to be asked for, and no step before the options sends .request.mediation (send it, or declare {absent: WHY})")
		}
	}
	if absent("request.extensions") {
		var list []string
		for _, name := range slices.Sorted(maps.Keys(c.p.features)) {
			if strings.HasPrefix(name, "extension.") && c.p.features[name].Value == "request" {
				list = append(list, name)
			}
		}
		if len(list) > 0 {
			c.note(at("request.extensions").errorf("extensions cannot be requested, and these are declared to be there on request: %s (declare them absent, or by account or configuration)", strings.Join(list, ", ")))
		}
	}
	if !absent("authentication") && c.p.ceremonies[Authentication] != nil {
		if has("login.usernameless") && c.names && !c.namelessly {
			c.tell(at("login.usernameless"), "login.usernameless is declared, and the steps before a login's options always name the user (leave the name out where .request.usernameless is true, or declare {absent: WHY})")
		}
	}
	if t := policy.get("top-origins"); t != nil && absent("origin.cross") {
		c.tell(t, "top-origins are given, and origin.cross is declared absent (take one of them away)")
	}
	for _, name := range []string{"origins", "top-origins"} {
		if n := policy.get(name); n.scalar() {
			for _, o := range strings.Fields(c.p.features[name].Value) {
				if err := checkOrigin(o); err != nil {
					c.fail(n.errorf("%v (write https://HOST, separated by spaces)", err))
				}
			}
		}
	}
	if n := features.get("challenge.expiry"); n.scalar() && has("challenge.expiry") {
		if d, err := time.ParseDuration(c.p.features["challenge.expiry"].Value); err != nil || d <= 0 {
			c.fail(n.errorf("%q is no duration (write one such as 90s or 5m)", c.p.features["challenge.expiry"].Value))
		}
	}
	if n := features.get("x-clock-header"); n.scalar() && !headerName.MatchString(c.p.features["x-clock-header"].Value) {
		c.fail(n.errorf("%q is no header name (letters, digits and hyphens)", c.p.features["x-clock-header"].Value))
	}
	if m := c.root.get("metadata"); m != nil && !has("mds") {
		if mds := features.get("mds"); c.own(mds) && absent("mds") {
			c.fail(mds.errorf("mds is declared absent, and metadata is served (take one of them away)"))
		} else {
			c.note(m.errorf("metadata is served, and no check asks for it (declare features.mds: true)"))
		}
	}
	c.within()
}

// within holds the RP ID against the origin: a browser wants it to be the
// origin's host or a domain above it (https://www.w3.org/TR/webauthn-3/#rp-id),
// but for related origins.
func (c *consistency) within() {
	t := c.root.get("target")
	if t == nil || c.p.rpID == "" {
		return
	}
	origin := first(c.p.origin, c.p.url)
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" {
		return
	}
	host := strings.ToLower(u.Hostname())
	if id := strings.ToLower(c.p.rpID); host != id && !strings.HasSuffix(host, "."+id) {
		c.note(t.get("rpId").errorf("%s is neither the host of the origin %s nor a domain above it, so that a browser refuses it unless the RP names the origin as a related one", c.p.rpID, origin))
	}
}

// answers looks for expressions and declarations of answers that exclude or repeat each other.
func (c *consistency) answers() {
	same := func(a, b *node, what string) {
		if a != nil && b != nil && a.kind == stringNode && b.kind == stringNode && strings.TrimSpace(a.text) == strings.TrimSpace(b.text) {
			c.fail(b.errorf("the same expression as %s (say what tells them apart)", what))
		}
	}
	same(c.root.get("success"), c.root.get("failure"), "success")
	probe := c.root.get("probe")
	same(probe.get("loggedIn"), probe.get("loggedOut"), "loggedIn")
	for _, list := range c.lists {
		for _, s := range list.steps {
			if s.has("success") || s.has("failure") {
				success, failure := s.at.get("success"), s.at.get("failure")
				if success == nil {
					success = c.root.get("success")
				}
				if failure == nil {
					failure = c.root.get("failure")
				}
				same(success, failure, "success")
			}
			if a := s.at.get("auth"); s.auth != nil && s.at.get("headers") != nil {
				for _, k := range s.at.get("headers").keys {
					if strings.EqualFold(k, "authorization") {
						c.tell(a, "step %s has auth and an Authorization header, which auth replaces (keep one)", s.id)
					}
				}
			}
			if n := s.at.get("schema"); n != nil && s.schema != "" && slices.Contains([]string{"html", "text", "empty"}, s.answer) {
				c.tell(n, "step %s has a schema, and its answer is declared %s (keep one)", s.id, s.answer)
			}
		}
	}
}

// pointers evaluates result bodies with a made-up credential and looks where the
// roles point.
func (c *consistency) pointers() {
	for _, list := range c.lists {
		if list.spec == nil || list.spec.optionsAt < 0 || list.spec.resultAt < 0 || list.spec.resultAt >= len(list.spec.steps) || len(list.spec.roles) == 0 {
			continue
		}
		b := list.spec.steps[list.spec.resultAt].body
		if b == nil || b.expr == nil && len(b.form) == 0 || slices.ContainsFunc(b.form, func(f namedExpr) bool { return f.expr == nil }) {
			continue
		}
		at := list.spec.steps[list.spec.resultAt].at.get("body")
		if slices.ContainsFunc(c.faults, func(e *Error) bool { return e.File == at.file && strings.HasPrefix(e.Pointer, at.pointer) }) {
			continue
		}
		var bodies []any
		for _, full := range []bool{false, true} {
			if v, err := b.try(c.sample(list, full)); err == nil {
				bodies = append(bodies, v)
			}
		}
		if len(bodies) == 2 {
			c.roles(list, bodies)
		}
	}
}

func (c *consistency) roles(list stepList, bodies []any) {
	markers := map[Role]string{}
	for _, r := range allRoles {
		if m := marker(r); m != "" {
			markers[r] = m
		}
	}
	node := list.spec.at.get("roles")
	found := map[string]Role{}
	for _, r := range allRoles {
		p, ok := list.spec.roles[r]
		at := node.get(string(r))
		if !ok || at == nil {
			continue
		}
		var value any
		has := false
		for _, b := range bodies {
			if v, ok := p.within(b); ok {
				value, has = v, true
			}
		}
		mend := ""
		for _, w := range places(bodies[len(bodies)-1], looksLike(r), "") {
			if mend == "" || strings.HasSuffix(w, "/"+string(r)) && !strings.HasSuffix(mend, "/"+string(r)) {
				mend = w
			}
		}
		step := list.spec.steps[list.spec.resultAt]
		if body := step.at.get("body"); !c.own(at) && c.own(body) {
			at = body // the role is inherited, and the body is not
		}
		pointer := node.get(string(r)).text
		if !has {
			hint := "mend the pointer or the body, or take the role away with null; the body has " + strings.Join(outline(bodies[0]), ", ")
			if mend != "" {
				hint = fmt.Sprintf("write %s: %s under roles", r, mend)
			}
			c.fail(at.errorf("the role %s points to nothing: the body of step %s has no %s (%s)", r, step.id, oneLine(pointer), hint))
			continue
		}
		if text, ok := value.(string); ok && markers[r] != "" && text != markers[r] {
			for _, other := range allRoles {
				if markers[other] == text && !(other == RoleRawID && r == RoleID) {
					hint := "mend the pointer"
					if mend != "" {
						hint = fmt.Sprintf("write %s: %s under roles", r, mend)
					}
					c.fail(at.errorf("the role %s points to the %s: that is what the body of step %s has at %s (%s)", r, other, step.id, oneLine(pointer), hint))
				}
			}
		}
		if other, twice := found[pointer]; twice {
			c.fail(at.errorf("the roles %s and %s point to the same place, %s (mend one of them)", other, r, oneLine(pointer)))
		}
		found[pointer] = r
	}
}

// marker is the value that a role's member has in the made-up credential; empty
// for what is no text of its own.
func marker(r Role) string {
	switch r {
	case RoleID, RoleRawID:
		return "dG91Y2hzdG9uZS1zYW1wbGU"
	case RoleClientDataJSON:
		return "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiQUFBQSIsIm9yaWdpbiI6Imh0dHBzOi8vcnAuZXhhbXBsZSJ9"
	case RoleAttestationObject:
		return "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUEA"
	case RoleAuthenticatorData:
		return "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8FAAAAAQ"
	case RoleSignature:
		return "MEUCIQDzYW1wbGUtc2lnbmF0dXJl"
	case RoleUserHandle:
		return "c2FtcGxlLXVzZXItaGFuZGxl"
	}
	return ""
}

// sample is what a result body sees, made up: full with all that can be asked for.
func (c *consistency) sample(list stepList, full bool) map[string]any {
	vars, captured := map[string]any{}, map[string]any{}
	for name, v := range c.p.vars {
		vars[name] = first(v.value, "sample")
	}
	for name := range c.captures {
		captured[name] = "sample"
	}
	req, _ := Request{}.input()
	if full {
		yes := true
		req, _ = Request{UserVerification: "required", Attestation: "direct", ResidentKey: "required", AuthenticatorAttachment: "cross-platform", RequireResidentKey: &yes, Extensions: map[string]any{"credProps": true}}.input()
	}
	var credential any
	switch list.spec.kind {
	case U2FRegistration:
		credential = map[string]any{"version": "U2F_V2", "registrationData": marker(RoleAttestationObject), "clientData": marker(RoleClientDataJSON)}
	default:
		response := map[string]any{"clientDataJSON": marker(RoleClientDataJSON), "authenticatorData": marker(RoleAuthenticatorData)}
		if list.spec.kind == Registration {
			response["attestationObject"], response["transports"] = marker(RoleAttestationObject), []any{"usb"}
			response["publicKey"], response["publicKeyAlgorithm"] = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", -7
		} else {
			response["signature"], response["userHandle"] = marker(RoleSignature), marker(RoleUserHandle)
		}
		credential = map[string]any{
			"id": marker(RoleID), "rawId": marker(RoleID), "type": "public-key", "response": response, "authenticatorAttachment": "cross-platform",
			"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}},
		}
	}
	return map[string]any{
		"user": map[string]any{"name": "ann", "displayName": "Ann", "password": "sample"}, "vars": vars, "captured": captured, "cookies": map[string]any{},
		"rp": map[string]any{"id": "rp.example", "origin": "https://rp.example"}, "request": req, "credential": credential,
	}
}

// try is value, with a fault for a panic too: the sample is not what the profile expects.
func (b *body) try(in map[string]any) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, errors.New(oneLine(fmt.Sprint(p)))
		}
	}()
	return b.value(in, "sample")
}

// looksLike finds the member of a role by its value in the made-up credential.
func looksLike(r Role) func(any) bool {
	want := marker(r)
	has := func(v any, member string) bool {
		m, ok := v.(map[string]any)
		return ok && m[member] != nil
	}
	return func(v any) bool {
		switch r {
		case RoleType:
			text, _ := v.(string)
			return text == "public-key"
		case RoleResponse:
			return has(v, "clientDataJSON")
		case RoleExtensionResults:
			return has(v, "credProps")
		case RoleTransports:
			l, ok := v.([]any)
			return ok && len(l) == 1 && l[0] == "usb"
		}
		text, ok := v.(string)
		return ok && want != "" && text == want
	}
}

// places are the JSON Pointers of what fits inside v, also inside of strings that are JSON.
func places(v any, fits func(any) bool, at string) []string {
	if at != "" && fits(v) {
		return []string{at}
	}
	if inner, ok := jsonString(v); ok {
		v = inner
	}
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(out, places(v[k], fits, below(at, k))...)
		}
	case []any:
		for i, item := range v {
			out = append(out, places(item, fits, fmt.Sprintf("%s/%d", at, i))...)
		}
	}
	return out
}

// outline are the pointers of the members of v, two levels deep and not many.
func outline(v any) []string {
	var out []string
	if inner, ok := jsonString(v); ok {
		v = inner
	}
	m, ok := v.(map[string]any)
	if !ok {
		return []string{"no members"}
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, below("", k))
		if inner, ok := m[k].(map[string]any); ok {
			for _, k2 := range slices.Sorted(maps.Keys(inner)) {
				out = append(out, below(below("", k), k2))
			}
		}
	}
	if len(out) > 12 {
		out = append(out[:12], "and more")
	}
	if len(out) == 0 {
		return []string{"no members"}
	}
	return out
}

// unused notes what the file itself declares and nothing reads. The embedded
// dialects capture for checks as well.
func (c *consistency) unused() {
	if len(c.faults) > 0 {
		return // a slip of a name leaves the name itself without a use
	}
	if embeddedFile.MatchString(c.root.file) {
		return
	}
	if !c.used["captured"] {
		for _, name := range slices.Sorted(maps.Keys(c.captures)) {
			for _, s := range c.captures[name] {
				if c.own(s.at) && !c.used["captured."+name] {
					c.note(s.at.keyErrorf("nothing uses %s (take it away, or use {captured.%s})", name, name))
				}
			}
		}
	}
	if !c.used["vars"] {
		for _, name := range slices.Sorted(maps.Keys(c.p.vars)) {
			if at := c.p.vars[name].at; c.own(at) && !c.used["vars."+name] {
				c.note(at.keyErrorf("nothing uses the var %s (take it away, or use {vars.%s})", name, name))
			}
		}
	}
	if n := c.root.get("hooks"); c.own(n) {
		text := c.expressions(c.root)
		for i, h := range c.hooks {
			if !slices.ContainsFunc(h.functions, func(f hookFunction) bool { return strings.Contains(text, f.name) }) && i < len(n.items) {
				c.note(n.items[i].errorf("nothing uses a function of the hook %s (take it away)", h.name))
			}
		}
	}
}

var embeddedFile = regexp.MustCompile(`^dialects/[a-z0-9-]+\.yaml$`)

// expressions is all text of a node, for a search in it.
func (c *consistency) expressions(n *node) string {
	var b strings.Builder
	var walk func(*node)
	walk = func(n *node) {
		if n == nil {
			return
		}
		b.WriteString(n.text)
		b.WriteByte('\n')
		for _, item := range n.items {
			walk(item)
		}
		for _, k := range n.keys {
			walk(n.fields[k])
		}
	}
	walk(n)
	return b.String()
}
