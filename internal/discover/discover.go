// Package discover finds out how a Relying Party is spoken to: it asks for
// options in the shapes of fixtures/shapes.yaml, looks for them in the answers,
// makes a registration and a login out of them, and writes a first profile from
// what came back.
package discover

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
)

// Config says where to look and how.
type Config struct {
	// URL is the target, RPID and Origin what the user said of it; empty where he did not.
	URL, RPID, Origin string
	Timeout           time.Duration
	// Vars are values for the variables of those profiles that have them.
	Vars map[string]string
	// Shapes are names of shapes or dialects; empty for all.
	Shapes  []string
	Version string
	// Try puts a valid registration and login to a target, through the suite. It
	// returns whether they went through, and in a line what came of them.
	Try func(ctx context.Context, t *target.Target) (ok bool, said string, err error)
	// Told is called for every request for options, as it is answered.
	Told func(Asked)
}

// Asked is one request for options and what came back, in words.
type Asked struct {
	Shape, Request, Said string
	// Options is true where the answer holds creation options.
	Options bool
}

// Finding is the outcome.
type Finding struct {
	// Profile is the text of the file; empty where nothing fits.
	Profile []byte
	// Shape and Title are those of the shape that fits, Dialect the shipped
	// dialect that the profile extends, Example the example profile that it is a
	// copy of, if it is one.
	Shape, Title, Dialect, Example string
	// OK says that a registration and a login went through with the profile.
	OK bool
	// Said is what came of them.
	Said string
	// Guarded are shapes whose requests were answered 401 or 403; told where nothing fits.
	Guarded []string
	// Redirect is where the first redirect led; told where nothing fits.
	Redirect string
	// Also are other shapes whose request was answered with options.
	Also []string
}

// ErrShape is wrapped by the error for a name of a shape that there is not.
var ErrShape = errors.New("unknown shape")

// ErrConfig says that the URL, RP ID or origin cannot be used.
var ErrConfig = errors.New("unusable")

// ErrSilent says that the target gave no HTTP answer.
var ErrSilent = errors.New("no HTTP answer")

// silence is after how many requests without an answer, one after another, the
// search is given up.
const silence = 2

// candidate is a shape that was answered with options.
type candidate struct {
	shape  Shape
	prefix string
	opts   target.Options
	// options are the creation options as the answer had them.
	options *found
	answer  *seen
	account bool // the account's steps went through
	// whole are the profiles to try, where the shape is made of such: the one that
	// read the options, and the variants behind it.
	whole []string
	// trouble is what the trial with the profile came to, where that was not success.
	trouble string
}

type search struct {
	Config
	nonce string
	users int
	// redirect is where the first redirect led.
	redirect string
	// wanting are shapes that were answered 401 or 403.
	wanting []string
	// missing are requests for options that were answered 404 or 405.
	missing map[string]bool
}

// Find looks. The error is about the search; an RP that nothing fits is a
// Finding without a profile.
func Find(ctx context.Context, cfg Config) (*Finding, error) {
	all, err := Shapes()
	if err != nil {
		return nil, err
	}
	shapes, err := pick(all, cfg.Shapes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrShape, err)
	}
	if cfg.Told == nil {
		cfg.Told = func(Asked) {}
	}
	var n [4]byte
	if _, err := rand.Read(n[:]); err != nil {
		return nil, err
	}
	s := &search{Config: cfg, nonce: hex.EncodeToString(n[:]), missing: map[string]bool{}}
	if err := s.usable(); err != nil {
		return nil, err
	}
	var candidates []*candidate
	silent, answered := 0, false
asking:
	for _, shape := range shapes {
		for _, prefix := range shape.Prefixes {
			c, a, err := s.ask(ctx, shape, prefix)
			if err != nil {
				return nil, err
			}
			if a != nil && a.status == 0 {
				silent++
				switch {
				case !answered && (silent >= silence || a.refused()):
					return nil, fmt.Errorf("%w: %s", ErrSilent, a.err)
				case silent >= silence:
					break asking // what was answered before is all there is
				}
				continue
			}
			silent, answered = 0, answered || a != nil
			if a != nil && a.location != "" && s.redirect == "" {
				s.redirect = a.location
			}
			if c != nil {
				candidates = append(candidates, c)
			}
		}
	}
	f := &Finding{Guarded: s.wanting, Redirect: s.redirect}
	for i, c := range candidates {
		done, err := s.follow(ctx, c, f)
		if err != nil {
			return nil, err
		}
		if !done {
			continue
		}
		for j, other := range candidates {
			if j != i && other.shape.Name != f.Shape && other.shape.Name != "fido-paths" && !slices.Contains(f.Also, other.shape.Name) {
				f.Also = append(f.Also, other.shape.Name)
			}
		}
		break
	}
	return f, nil
}

// usable says what is wrong with the URL, RP ID or origin before anything is sent.
func (s *search) usable() error {
	o, err := s.options("")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	p, err := target.LoadDialect("fido")
	if err != nil {
		return err
	}
	if _, err := target.New(p, o); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

// refused says whether nobody listens, so that no other request will fare better.
func (s *seen) refused() bool {
	return strings.Contains(s.err, "refused") || strings.Contains(s.err, "no such host")
}

// options are how the target is spoken to before it has said its RP ID.
func (s *search) options(prefix string) (target.Options, error) {
	o := target.Options{URL: strings.TrimRight(s.URL, "/") + prefix, RPID: s.RPID, Origin: s.Origin, Timeout: s.Timeout, Version: s.Version, ShowSecrets: true}
	u, err := url.Parse(o.URL)
	if err != nil {
		return o, err
	}
	if o.RPID == "" && o.Origin == "" && net.ParseIP(u.Hostname()) != nil {
		// An IP address is no RP ID; until the options say one, localhost is likeliest.
		o.RPID, o.Origin = "localhost", localOrigin(u)
	}
	return o, nil
}

func localOrigin(u *url.URL) string {
	if u.Port() == "" {
		return u.Scheme + "://localhost"
	}
	return u.Scheme + "://localhost:" + u.Port()
}

// told takes over the RP ID that the options name, where the user named none.
func (s *search) told(o target.Options, f *found) target.Options {
	rp, _ := f.value["rp"].(map[string]any)
	id, _ := rp["id"].(string)
	u, err := url.Parse(o.URL)
	if id == "" || err != nil || !domain(id) {
		return o
	}
	if s.RPID == "" {
		o.RPID = id
	}
	if s.Origin == "" {
		switch host := u.Hostname(); {
		case host == id || strings.HasSuffix(host, "."+id):
			o.Origin = "" // that of the URL
		case id == "localhost":
			o.Origin = localOrigin(u)
		default:
			o.Origin = "https://" + id
		}
	}
	return o
}

// domain is a guard: the RP's text goes into a file and an origin.
func domain(s string) bool {
	return len(s) < 254 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z')
	}) && net.ParseIP(s) == nil
}

func (s *search) user(t *target.Target) target.User {
	s.users++
	return t.NewUser(fmt.Sprintf("touchstone-init-%s-%d", s.nonce, s.users))
}

// ask sends a shape's request for registration options. It returns a candidate
// where options came back, and what came back; nothing where nothing was sent.
func (s *search) ask(ctx context.Context, shape Shape, prefix string) (*candidate, *seen, error) {
	c := &candidate{shape: shape, prefix: prefix}
	base := ""
	if shape.whole() {
		base = prefix // a dialect's paths are its own, so the prefix belongs to the target
	}
	opts, err := s.options(base)
	if err != nil {
		return nil, nil, err
	}
	c.opts = opts
	if shape.whole() {
		names := append(slices.Clone(shape.Dialects), shape.Example)
		if shape.Example == "" {
			names = shape.Dialects
		}
		for i, name := range names {
			p, err := shape.load(name)
			if err != nil {
				return nil, nil, err
			}
			b, err := s.begin(ctx, p, opts)
			if err != nil || b == nil {
				return nil, nil, err
			}
			row := Asked{Shape: shape.Name, Request: b.request, Said: b.last.said(), Options: isOptions(b.options, true)}
			other := b.last.status >= 200 && b.last.status < 300
			switch {
			case row.Options:
				row.Said = fmt.Sprintf("%d creation options", b.last.status)
			case other && i+1 < len(names):
				continue // a variant may read this answer
			case other && findOptions(b.body, true) != nil:
				row.Said = fmt.Sprintf("%d creation options, but not in this form", b.last.status)
			}
			s.Told(row)
			if !row.Options {
				s.guarded(shape, b.last)
				return nil, b.last, nil
			}
			c.whole = names[i:]
			c.options, c.answer = &found{value: b.options}, b.last
			return c, b.last, nil
		}
	}
	if s.missing[shape.Registration.Options.method()+" "+prefix+strings.ReplaceAll(shape.Registration.Options.Path, "{user.name}", "{username}")] {
		return nil, nil, nil // another profile asked the same
	}
	c.account = len(shape.Account.Create)+len(shape.Account.Login) > 0
	for {
		p, err := load(s.plan(c).asking())
		if err != nil {
			return nil, nil, err
		}
		b, err := s.begin(ctx, p, opts)
		if err != nil || b == nil {
			return nil, nil, err
		}
		if c.account && b.step != "options" && b.last.status != 0 {
			// Without the account's steps, then.
			s.Told(Asked{Shape: shape.Name, Request: b.request, Said: b.last.said()})
			s.guarded(shape, b.last)
			c.account = false
			continue
		}
		f := findOptions(b.body, true)
		row := Asked{Shape: shape.Name, Request: b.request, Said: b.last.said(), Options: f != nil && b.last.status < 300}
		if row.Options {
			row.Said = fmt.Sprintf("%d creation options at %s", b.last.status, f.at)
		}
		s.Told(row)
		if !row.Options {
			s.guarded(shape, b.last)
			return nil, b.last, nil
		}
		c.options, c.answer = f, b.last
		return c, b.last, nil
	}
}

// guarded remembers a shape of which the RP wants a login, a key or a page first.
func (s *search) guarded(shape Shape, a *seen) {
	if (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden) && !slices.Contains(s.wanting, shape.Name) {
		s.wanting = append(s.wanting, shape.Name)
	}
}

// began is how far a registration came.
type began struct {
	// last is the newest exchange, step its id, request its method and path with
	// {username} for the user's name.
	last    *seen
	step    string
	request string
	body    []byte
	// options are as the profile reads them, nil where they did not come.
	options map[string]any
}

// varsOf are the given values that a profile has variables for.
func (s *search) varsOf(p *target.Profile) map[string]string {
	vars := map[string]string{}
	for _, name := range p.Vars() {
		if v, ok := s.Vars[name]; ok {
			vars[name] = v
		}
	}
	return vars
}

// begin sets up and begins a registration; nil where nothing was sent.
func (s *search) begin(ctx context.Context, p *target.Profile, o target.Options) (*began, error) {
	o.Vars = s.varsOf(p)
	t, err := target.New(p, o)
	if err != nil {
		// Such as a secret that is not set.
		s.Told(Asked{Shape: p.Name(), Request: "not tried", Said: err.Error()})
		return nil, nil
	}
	user := s.user(t)
	session := t.NewSession(user)
	session.SetCheck("init")
	var c *target.Ceremony
	if err = session.Setup(ctx); err == nil {
		c, err = session.Begin(ctx, target.Registration, target.Request{})
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	list := session.Exchanges()
	if len(list) == 0 {
		return nil, nil
	}
	e := list[len(list)-1]
	b := &began{last: see(e), step: e.Step, body: []byte(e.ResponseBody.Text)}
	b.request = e.Method + " " + strings.ReplaceAll(strings.TrimPrefix(e.URL, strings.TrimRight(s.URL, "/")), url.PathEscape(user.Name), "{username}")
	if err == nil {
		v, _ := parse(c.Options)
		b.options, _ = v.(map[string]any)
	}
	if b.last.status == http.StatusNotFound || b.last.status == http.StatusMethodNotAllowed {
		s.missing[b.request] = true
	}
	return b, nil
}

func load(text string) (*target.Profile, error) {
	p, err := target.LoadProfile("profile", []byte(text))
	if err != nil {
		return nil, fmt.Errorf("a profile of our own making: %w", err)
	}
	return p, nil
}

// follow tries a candidate with whole ceremonies and fills the finding. It is
// done where they went through; else the finding is kept for want of a better.
func (s *search) follow(ctx context.Context, c *candidate, f *Finding) (bool, error) {
	c.opts = s.told(c.opts, c.options)
	keep := func(text, name string, ok bool, said string) {
		if f.Profile == nil || ok {
			*f = Finding{Profile: []byte(text), Shape: c.shape.Name, Title: c.shape.Title, OK: ok, Said: said, Guarded: f.Guarded, Redirect: f.Redirect}
			if f.Dialect = name; c.shape.Example != "" {
				f.Dialect, f.Example = "", name
			}
		}
	}
	if c.shape.whole() {
		for _, name := range c.whole {
			ok, said, err := s.try(ctx, s.short(c, name, attestation{}))
			if err != nil {
				return false, err
			}
			var found attestation
			if ok {
				if found, err = s.attested(ctx, s.short(c, name, found)); err != nil {
					return false, err
				}
			}
			c.trouble = said
			keep(s.short(c, name, found), name, ok, said)
			if ok {
				return true, nil
			}
		}
		return false, nil
	}
	pl, err := s.learn(ctx, c)
	if err != nil {
		return false, err
	}
	ok, said, err := s.try(ctx, pl.write())
	if err != nil {
		return false, err
	}
	if ok {
		if pl.attestation, err = s.attested(ctx, pl.write()); err != nil {
			return false, err
		}
	}
	pl.trouble = said
	keep(pl.write(), "", ok, said)
	return ok, nil
}

// attestation is what the RP makes of attestation with certificates under the
// suite's own roots, of which it cannot know anything unless it was told, and of
// extensions.
type attestation struct {
	// lacking are extensions that the dialect can ask for and the options then do not carry.
	lacking []string
	// takes says that format packed was accepted; refused are other formats that
	// then were not.
	takes   bool
	refused []string
}

// attested registers with attestations of each format.
func (s *search) attested(ctx context.Context, text string) (attestation, error) {
	var out attestation
	p, err := load(text)
	if err != nil {
		return out, err
	}
	t, err := target.New(p, target.Options{Timeout: s.Timeout, Version: s.Version, Vars: s.varsOf(p)})
	if err != nil {
		return out, nil
	}
	if out.lacking, err = s.lacking(ctx, t); err != nil {
		return out, err
	}
	for _, format := range []string{"packed", "fido-u2f", "tpm", "android-key", "apple", "compound"} {
		// A U2F key attests only where that is asked for.
		if t.Feature("attestation."+format).Absent != "" || format == "fido-u2f" && t.Feature("request.attestation").Absent != "" {
			continue
		}
		ok, err := s.attest(ctx, t, format, 0)
		if err == nil && !ok && format == "tpm" {
			ok, err = s.attest(ctx, t, format, rs256) // as most TPMs have it
		}
		if err != nil {
			return out, err
		}
		switch {
		case format == "packed" && !ok:
			return out, nil // it is trust, then, and the formats cannot be told apart
		case format == "packed":
			out.takes = true
		case !ok:
			out.refused = append(out.refused, format)
		}
	}
	return out, nil
}

// lacking are the extensions that the profile says can be asked for, and that the
// options do not carry when they are.
func (s *search) lacking(ctx context.Context, t *target.Target) ([]string, error) {
	asked := slices.DeleteFunc(slices.Clone(extensions), func(e string) bool { return t.Feature("extension."+e).Value != "request" })
	if len(asked) == 0 {
		return nil, nil
	}
	honours, err := s.honoured(ctx, t)
	if err != nil || honours == nil {
		return nil, err
	}
	return slices.DeleteFunc(asked, func(e string) bool { return honours[e] }), nil
}

// rs256 is the COSE algorithm RSASSA-PKCS1-v1_5 with SHA-256.
const rs256 = -257

// only are options with one algorithm, where they offer it; else they stay.
func only(options json.RawMessage, alg int) json.RawMessage {
	var o map[string]json.RawMessage
	var params []json.RawMessage
	if alg == 0 || json.Unmarshal(options, &o) != nil || json.Unmarshal(o["pubKeyCredParams"], &params) != nil {
		return options
	}
	for _, p := range params {
		var offered struct {
			Alg int `json:"alg"`
		}
		if json.Unmarshal(p, &offered) == nil && offered.Alg == alg {
			o["pubKeyCredParams"] = append(append(json.RawMessage("["), p...), ']')
			if cut, err := json.Marshal(o); err == nil {
				return cut
			}
		}
	}
	return options
}

// attest registers with an attestation of this format, and a key of this
// algorithm unless it is 0, and says whether it was accepted.
func (s *search) attest(ctx context.Context, t *target.Target, format string, alg int) (bool, error) {
	session := t.NewSession(s.user(t))
	session.SetCheck("init")
	if err := session.Setup(ctx); err != nil {
		return false, ctx.Err()
	}
	ask := target.Request{}
	if t.Feature("request.attestation").Absent == "" {
		ask.Attestation = "direct"
	}
	ceremony, err := session.Begin(ctx, target.Registration, ask)
	if err != nil {
		return false, ctx.Err()
	}
	page, err := client.NewVirtual().Open(ctx, client.SessionConfig{Origin: t.Origin(), Seed: []byte(s.nonce)})
	if err != nil {
		return false, err
	}
	cfg := ordinary
	cfg.Format = format
	if format == "fido-u2f" {
		cfg = client.AuthenticatorConfig{Transport: "usb", U2F: true}
	}
	if _, err := page.Plug(ctx, cfg); err != nil {
		return false, err
	}
	cred, err := page.Create(ctx, only(ceremony.Options, alg))
	if err != nil {
		return false, ctx.Err()
	}
	j, err := json.Marshal(cred.Response)
	if err != nil {
		return false, err
	}
	o, err := ceremony.Finish(ctx, j, target.WireFaults{})
	return err == nil && o.Kind == target.Accepted, err
}

// try puts the suite's plain ceremonies to a profile.
func (s *search) try(ctx context.Context, text string) (bool, string, error) {
	p, err := load(text)
	if err != nil {
		return false, "", err
	}
	t, err := target.New(p, target.Options{Timeout: s.Timeout, Version: s.Version, Vars: s.varsOf(p)})
	if err != nil {
		return false, err.Error(), nil
	}
	ok, said, err := s.Try(ctx, t)
	if err != nil || !ok {
		return ok, said, err
	}
	if said, err = s.unread(ctx, t); err != nil || said != "" {
		return false, said, err
	}
	return true, "", nil
}

// unread says how a refusal is answered where the profile does not know that form.
// A page, a hang or a dropped connection is the RP's own fault, whatever the profile.
func (s *search) unread(ctx context.Context, t *target.Target) (string, error) {
	session, ceremony, page, problem, err := s.begun(ctx, t)
	if err != nil || problem != "" {
		return "", err
	}
	cred, err := page.Create(ctx, ceremony.Options)
	if err != nil {
		return "", ctx.Err()
	}
	j, err := json.Marshal(cred.Response)
	if err != nil {
		return "", err
	}
	o, err := ceremony.Finish(ctx, staleChallenge(j), target.WireFaults{})
	if err != nil {
		return "", err
	}
	if said := strange(o, last(session)); said != "" {
		return "a registration with a wrong challenge is answered in a form that the profile does not have: " + said, nil
	}
	if session, ceremony, page, problem, err = s.begun(ctx, t); err != nil || problem != "" {
		return "", err
	}
	if cred, err = page.Create(ctx, ceremony.Options); err != nil {
		return "", ctx.Err()
	}
	if j, err = json.Marshal(cred.Response); err != nil {
		return "", err
	}
	if o, err = ceremony.Finish(ctx, j, target.WireFaults{}); err != nil || o.Kind != target.Accepted {
		return "", err
	}
	if ceremony, err = session.Begin(ctx, target.Authentication, target.Request{}); err != nil {
		return "", ctx.Err()
	}
	assertion, err := page.Get(ctx, ceremony.Options)
	if err != nil {
		return "", ctx.Err()
	}
	if j, err = json.Marshal(assertion.Response); err != nil {
		return "", err
	}
	if o, err = ceremony.Finish(ctx, staleChallenge(j), target.WireFaults{}); err != nil {
		return "", err
	}
	if said := strange(o, last(session)); said != "" {
		return "a login with a wrong challenge is answered in a form that the profile does not have: " + said, nil
	}
	return "", nil
}

// strange is what an answer was whose form is not the profile's; empty where it is.
func strange(o *target.Outcome, a *seen) string {
	form := o.Kind == target.Unclear || o.Kind == target.Crashed && (o.Reason == target.ReasonServerError || o.Reason == target.ReasonNotJSON)
	if !form || a == nil || a.html {
		return ""
	}
	return a.said()
}

// learn runs ceremonies with a shape and reads off their answers what the
// profile has to say.
func (s *search) learn(ctx context.Context, c *candidate) (*plan, error) {
	pl := s.plan(c)
	pl.registration.found = c.options
	pl.registration.asked = c.answer
	pl.registration.text = c.options.text
	r, err := s.register(ctx, pl)
	if err != nil {
		return nil, err
	}
	if !r.accepted() && !pl.registration.text && r.problem == "" {
		// Text that looks like base64url may be meant as text all the same.
		pl.registration.text = true
		second, err := s.register(ctx, pl)
		if err != nil {
			return nil, err
		}
		if second.accepted() {
			r = second
		} else {
			pl.registration.text = false
		}
	}
	pl.registration.good, pl.problem = r.good, r.problem
	if r.accepted() {
		if err := s.login(ctx, pl); err != nil {
			return nil, err
		}
	}
	if r.accepted() && slices.Contains(c.shape.Asks, "extensions") {
		p, err := load(pl.trying())
		if err != nil {
			return nil, err
		}
		if t, err := target.New(p, pl.opts); err == nil {
			if pl.honours, err = s.honoured(ctx, t); err != nil {
				return nil, err
			}
		}
	}
	bad, err := s.refused(ctx, pl)
	if err != nil {
		return nil, err
	}
	pl.registration.bad = bad
	return pl, nil
}

// samples are extension inputs to ask for, by the feature's name; the member is
// the feature's name unless it is given.
var samples = []struct {
	name, member string
	input        any
}{
	{"appidExclude", "", "https://touchstone.example/appid.json"},
	{"example.extension.bool", "", true},
	{"credProps", "", true},
	{"uvm", "", true},
	{"credProtect", "credentialProtectionPolicy", "userVerificationOptional"},
	{"prf", "", map[string]any{}},
	{"largeBlob", "", map[string]any{"support": "preferred"}},
	{"hmacCreateSecret", "", true},
	{"minPinLength", "", true},
	{"credBlob", "", "dG91Y2hzdG9uZQ"},
}

// honoured asks for each extension and sees which of them the options carry; nil
// where it could not ask.
func (s *search) honoured(ctx context.Context, t *target.Target) (map[string]bool, error) {
	session := t.NewSession(s.user(t))
	session.SetCheck("init")
	if err := session.Setup(ctx); err != nil {
		return nil, ctx.Err()
	}
	honours := map[string]bool{}
	for _, x := range samples {
		member := x.name
		if x.member != "" {
			member = x.member
		}
		c, err := session.Begin(ctx, target.Registration, target.Request{Extensions: map[string]any{member: x.input}})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var o struct {
			Extensions map[string]json.RawMessage `json:"extensions"`
		}
		if err == nil && json.Unmarshal(c.Options, &o) == nil {
			_, honours[x.name] = o.Extensions[member]
		}
	}
	// appid is for logins; who takes the one has the other.
	honours["appid"] = honours["appidExclude"]
	return honours, nil
}

// registered is what came of a registration.
type registered struct {
	session *target.Session
	page    client.Session
	good    *seen
	problem string
}

func (r *registered) accepted() bool {
	return r.good != nil && r.good.status >= 200 && r.good.status < 300
}

var ordinary = client.AuthenticatorConfig{Transport: "usb", ResidentKeys: true, UserVerification: true}

// register begins with a fresh user and finishes with a valid credential.
func (s *search) register(ctx context.Context, pl *plan) (*registered, error) {
	r := &registered{}
	session, ceremony, page, problem, err := s.open(ctx, pl)
	if err != nil || problem != "" {
		r.problem = problem
		return r, err
	}
	r.session, r.page = session, page
	cred, err := page.Create(ctx, ceremony.Options)
	if err != nil {
		r.problem = clientProblem("create()", err)
		return r, ctx.Err()
	}
	j, err := json.Marshal(cred.Response)
	if err != nil {
		return nil, err
	}
	r.good, err = finish(ctx, session, ceremony, j)
	return r, err
}

func clientProblem(call string, err error) string {
	return call + " with these options fails in the client: " + err.Error()
}

// finish sends a credential and returns the answer to the result.
func finish(ctx context.Context, session *target.Session, c *target.Ceremony, credential json.RawMessage) (*seen, error) {
	if _, err := c.Finish(ctx, credential, target.WireFaults{}); err != nil {
		return nil, err
	}
	list := session.Exchanges()
	if len(list) == 0 {
		return nil, nil
	}
	return see(list[len(list)-1]), nil
}

// open begins a registration for a fresh user, with a page that has an authenticator.
func (s *search) open(ctx context.Context, pl *plan) (*target.Session, *target.Ceremony, client.Session, string, error) {
	p, err := load(pl.trying())
	if err != nil {
		return nil, nil, nil, "", err
	}
	t, err := target.New(p, pl.opts)
	if err != nil {
		return nil, nil, nil, err.Error(), nil
	}
	session, ceremony, page, problem, err := s.begun(ctx, t)
	if ceremony != nil {
		pl.seeUser(ceremony.Options)
	}
	return session, ceremony, page, problem, err
}

// begun is a registration that a fresh user has begun, with a page that has an
// authenticator, or the problem with it.
func (s *search) begun(ctx context.Context, t *target.Target) (*target.Session, *target.Ceremony, client.Session, string, error) {
	session := t.NewSession(s.user(t))
	session.SetCheck("init")
	if err := session.Setup(ctx); err != nil {
		return nil, nil, nil, err.Error(), ctx.Err()
	}
	ceremony, err := session.Begin(ctx, target.Registration, target.Request{})
	if err != nil {
		return nil, nil, nil, err.Error(), ctx.Err()
	}
	page, err := client.NewVirtual().Open(ctx, client.SessionConfig{Origin: t.Origin(), Seed: []byte(s.nonce)})
	if err != nil {
		return nil, nil, nil, "", err
	}
	if _, err := page.Plug(ctx, ordinary); err != nil {
		return nil, nil, nil, "", err
	}
	return session, ceremony, page, "", nil
}

// login finds the request options, logs in with them, and asks what else can be
// seen in passing. What does not come out is told in the plan.
func (s *search) login(ctx context.Context, pl *plan) error {
	// With the request for options only, to see where they are.
	pl.lookForLogin = true
	r, err := s.register(ctx, pl)
	pl.lookForLogin = false
	if err != nil || !r.accepted() {
		return err
	}
	_, err = r.session.Begin(ctx, target.Authentication, target.Request{})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a := last(r.session)
	if err != nil && a == nil {
		pl.noLogin = err.Error()
		return nil
	}
	pl.authentication.asked = a
	f := findOptions([]byte(a.text), false)
	if f == nil || a.status >= 300 {
		pl.noLogin = fmt.Sprintf("%s %s answered %s", pl.shape.Authentication.Options.method(), pl.prefix+pl.shape.Authentication.Options.Path, a.said())
		return nil
	}
	pl.authentication.found = f
	pl.authentication.text = f.text || pl.registration.text
	if r, err = s.register(ctx, pl); err != nil || !r.accepted() {
		return err
	}
	assert := func(spoil bool) (*seen, string, error) {
		c, err := r.session.Begin(ctx, target.Authentication, target.Request{})
		if err != nil {
			return nil, err.Error(), ctx.Err()
		}
		if !spoil {
			pl.allowList = listed(c.Options, "allowCredentials")
		}
		cred, err := r.page.Get(ctx, c.Options)
		if err != nil {
			return nil, clientProblem("get()", err), ctx.Err()
		}
		j, err := json.Marshal(cred.Response)
		if err != nil {
			return nil, "", err
		}
		if spoil {
			j = staleChallenge(j)
		}
		answer, err := finish(ctx, r.session, c, j)
		return answer, "", err
	}
	var problem string
	if pl.authentication.good, problem, err = assert(false); err != nil {
		return err
	}
	if problem != "" {
		pl.noLogin = problem
	}
	// What else there is to see: a second registration, and a login without a name.
	if c, err := r.session.Begin(ctx, target.Registration, target.Request{}); err == nil {
		pl.excludeList = listed(c.Options, "excludeCredentials")
	}
	if c, err := r.session.Begin(ctx, target.Authentication, target.Request{Usernameless: true}); err == nil {
		pl.usernameless = strings.Contains(pl.shape.Authentication.Options.Body, "usernameless") && !listed(c.Options, "allowCredentials")
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if problem == "" {
		if pl.authentication.bad, _, err = assert(true); err != nil {
			return err
		}
	}
	return nil
}

func last(s *target.Session) *seen {
	list := s.Exchanges()
	if len(list) == 0 {
		return nil
	}
	return see(list[len(list)-1])
}

func listed(options json.RawMessage, name string) bool {
	var m map[string]json.RawMessage
	var items []json.RawMessage
	return json.Unmarshal(options, &m) == nil && json.Unmarshal(m[name], &items) == nil && len(items) > 0
}

// refused sees how a registration with a wrong challenge is answered.
func (s *search) refused(ctx context.Context, pl *plan) (*seen, error) {
	session, ceremony, page, problem, err := s.open(ctx, pl)
	if err != nil || problem != "" {
		return nil, err
	}
	cred, err := page.Create(ctx, ceremony.Options)
	if err != nil {
		return nil, ctx.Err()
	}
	j, err := json.Marshal(cred.Response)
	if err != nil {
		return nil, err
	}
	return finish(ctx, session, ceremony, staleChallenge(j))
}

// staleChallenge puts another challenge into the client data, so that nothing fits it.
func staleChallenge(credential json.RawMessage) json.RawMessage {
	var c map[string]any
	if json.Unmarshal(credential, &c) != nil {
		return credential
	}
	r, _ := c["response"].(map[string]any)
	text, _ := r["clientDataJSON"].(string)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	var data map[string]any
	if err != nil || json.Unmarshal(raw, &data) != nil {
		return credential
	}
	data["challenge"] = base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	if raw, err = json.Marshal(data); err != nil {
		return credential
	}
	r["clientDataJSON"] = base64.RawURLEncoding.EncodeToString(raw)
	out, err := json.Marshal(c)
	if err != nil {
		return credential
	}
	return out
}
