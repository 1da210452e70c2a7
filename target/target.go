package target

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// The kinds of ceremony that a dialect may have.
const (
	Registration    = "registration"
	Authentication  = "authentication"
	U2FRegistration = "u2f-registration"
)

// Options say which Relying Party a profile is used on. Empty fields take the
// profile's value.
type Options struct {
	// URL is the base that the steps' paths are joined to.
	URL string
	// RPID and Origin default to the URL's host and origin.
	RPID, Origin string
	// Handler answers the requests in place of the network. The URL then is
	// only a name, by default the origin.
	Handler http.Handler
	// Transport carries the requests in place of the package's own, for a
	// private certificate authority or a client certificate.
	Transport http.RoundTripper
	// Adapter names the program that Transport speaks to where that is no HTTP:
	// status codes and the like are then made up, and the feature http is absent.
	Adapter string
	// Timeout is for each request; 0 means 10 s.
	Timeout time.Duration
	// Headers go on every request.
	Headers map[string]string
	// Vars set or override the profile's vars.
	Vars map[string]string
	// Version is named in the User-Agent header: touchstone/VERSION.
	Version string
	// Seed decides the keys that hooks derive, together with the user's name.
	Seed []byte
	// MaxBody limits an answer's body in bytes; 0 means 4 MiB.
	MaxBody int64
	// ShowSecrets turns redaction of the exchange log off.
	ShowSecrets bool
}

// Target is a Relying Party and how to speak to it. It is safe for concurrent use.
type Target struct {
	profile      *Profile
	opts         Options
	base         *url.URL
	rpID, origin string
	vars         map[string]any
	secrets      []string
	findOnce     sync.Once
	found        *finder
	timeout      time.Duration
	maxBody      int64
	transport    http.RoundTripper
	challenges   sync.Map // kind to encoding, where the profile says either
}

// New binds a profile to a Relying Party. It fails where a var has no value,
// an environment variable is not set, or no RP ID can be told.
func New(p *Profile, o Options) (*Target, error) {
	t := &Target{profile: p, opts: o, timeout: o.Timeout, maxBody: o.MaxBody, vars: map[string]any{}}
	if t.timeout <= 0 {
		t.timeout = defaultTimeout
	}
	if t.maxBody <= 0 {
		t.maxBody = defaultMaxBody
	}
	t.rpID, t.origin = first(o.RPID, p.rpID), first(o.Origin, p.origin)
	address := first(o.URL, p.url)
	if address == "" && o.Handler != nil {
		switch {
		case t.origin != "":
			address = t.origin
		case t.rpID != "":
			address = "https://" + t.rpID
		}
	}
	if address == "" {
		return nil, fmt.Errorf("profile %s: no target (give a URL, or set target.url)", p.name)
	}
	var err error
	if t.base, err = baseURL(address); err != nil {
		return nil, fmt.Errorf("target: %w (write http://HOST or https://HOST)", err)
	}
	if t.origin == "" {
		t.origin = originOf(t.base)
	}
	if err := checkOrigin(t.origin); err != nil {
		return nil, fmt.Errorf("target: %w (write https://HOST)", err)
	}
	if t.rpID == "" {
		u, err := url.Parse(t.origin)
		if err != nil || u.Hostname() == "" {
			return nil, fmt.Errorf("target: the origin %s names no host (give the RP ID)", t.origin)
		}
		t.rpID = u.Hostname()
	}
	// An RP ID is a domain string (https://www.w3.org/TR/webauthn-3/#relying-party-identifier).
	if net.ParseIP(strings.Trim(t.rpID, "[]")) != nil {
		return nil, fmt.Errorf("target: %s is an IP address, and an RP ID is a domain (give the RP ID and the origin)", t.rpID)
	}
	if err := t.bindVars(); err != nil {
		return nil, err
	}
	switch {
	case o.Handler != nil:
		t.transport = &handlerTransport{handler: o.Handler, limit: t.maxBody}
	case o.Transport != nil:
		t.transport = o.Transport
	default:
		t.transport = newTransport()
	}
	return t, nil
}

func (t *Target) bindVars() error {
	for name := range t.opts.Vars {
		if t.profile.vars[name] == nil {
			hint := "declare vars." + name + " in the profile"
			if near := nearest(name, slices.Sorted(maps.Keys(t.profile.vars))); near != "" {
				hint = "did you mean " + near + "? or " + hint
			}
			return fmt.Errorf("profile %s: no var %q (%s)", t.profile.name, name, hint)
		}
	}
	if missing := t.profile.Unbound(t.opts.Vars); len(missing) > 0 {
		return missing[0]
	}
	for name, v := range t.profile.vars {
		value, _ := v.bind(name, t.opts.Vars)
		t.vars[name] = value
		if v.secret {
			t.secrets = append(t.secrets, value)
		}
	}
	return nil
}

// bind is the value of a var: one that is given goes before the environment's,
// and that before the profile's own.
func (v *varDef) bind(name string, given map[string]string) (value string, ok bool) {
	value, ok = given[name]
	if !ok && v.env != "" {
		value, ok = os.LookupEnv(v.env)
	}
	if !ok && v.has {
		value, ok = v.value, true
	}
	return value, ok
}

// Unbound are the vars that have no value but those given: their environment
// variables are not set, or nothing names one. In the order of the file.
func (p *Profile) Unbound(given map[string]string) []*Error {
	var out []*Error
	for _, name := range slices.Sorted(maps.Keys(p.vars)) {
		v := p.vars[name]
		if _, ok := v.bind(name, given); ok {
			continue
		}
		if v.env != "" {
			out = append(out, v.at.errorf("the environment variable %s is not set (set it)", v.env))
		} else {
			out = append(out, v.at.errorf("no value (set vars.%s in the profile)", name))
		}
	}
	slices.SortStableFunc(out, func(a, b *Error) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	return out
}

// ShortSecrets are the secret vars whose values, those given included, are too
// short to be looked for in texts: they are redacted only where a name tells.
func (p *Profile) ShortSecrets(given map[string]string) []*Error {
	var out []*Error
	for _, name := range slices.Sorted(maps.Keys(p.vars)) {
		v := p.vars[name]
		if value, ok := v.bind(name, given); ok && v.secret && value != "" && len(value) < minSecret {
			out = append(out, v.at.errorf("a secret of %d bytes is not found in bodies and addresses, and stands in reports where they have it (take one of at least %d)", len(value), minSecret))
		}
	}
	return out
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// originOf leaves the scheme's own port out, as a browser does.
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if (u.Scheme == "https" && u.Port() == "443") || (u.Scheme == "http" && u.Port() == "80") {
		host = strings.TrimSuffix(host, ":"+u.Port())
	}
	return u.Scheme + "://" + host
}

// Name is the profile's name.
func (t *Target) Name() string { return t.profile.name }

// Dialect is the name of the dialect that the profile speaks.
func (t *Target) Dialect() string { return t.profile.dialect }

// MetadataAddress is that of the profile.
func (t *Target) MetadataAddress() string { return t.profile.metadata }

// Profile is the profile that the target was made with.
func (t *Target) Profile() *Profile { return t.profile }

// URL is the base URL, without a trailing slash.
func (t *Target) URL() string { return t.base.String() }

// RPID is the RP ID that the Relying Party is expected to use.
func (t *Target) RPID() string { return t.rpID }

// Origin is the origin that the Relying Party is expected to accept.
func (t *Target) Origin() string { return t.origin }

// Feature says what the profile declares about a feature or policy; the zero
// Feature where it says nothing. An adapter has no HTTP, whatever its profile says.
func (t *Target) Feature(name string) Feature {
	if name == FeatureHTTP && t.opts.Adapter != "" {
		return Feature{Absent: "spoken to by an adapter: no HTTP of its own"}
	}
	f, declared := t.profile.features[name]
	if name == FeatureMDS && !declared {
		return Feature{Absent: "the RP is not known to have the suite's metadata BLOBs"}
	}
	return f
}

// Adapter names the program that is spoken to in place of a server; empty: none.
func (t *Target) Adapter() string { return t.opts.Adapter }

// How the text of the options' challenge becomes challenge bytes.
const (
	// ChallengeDecoded: base64url decoded, as in WebAuthn's JSON.
	ChallengeDecoded = "decoded"
	// ChallengeText: the UTF-8 bytes of the text itself.
	ChallengeText = "text"
	// ChallengeEither: the profile does not say, or says that both do. The options
	// expression yields the text as the Relying Party wrote it.
	ChallengeEither = "either"
)

// ChallengeEncoding says which of them holds in the given kind of ceremony.
// Where the profile says either it is that until TakeChallenge settles it.
// Ceremony.Options always hold the form that a client can parse.
func (t *Target) ChallengeEncoding(kind string) string {
	c := t.profile.ceremonies[kind]
	if c == nil {
		return ""
	}
	if c.challengeEncoding == ChallengeEither {
		if v, ok := t.challenges.Load(kind); ok {
			return v.(string)
		}
	}
	return c.challengeEncoding
}

// TakeChallenge has the ceremonies of a kind whose encoding is either use the one
// or the other from now on, in place of decoded.
func (t *Target) TakeChallenge(kind, encoding string) { t.challenges.Store(kind, encoding) }

// challengeOf puts the challenge of options whose encoding is either into the
// form that a client can parse.
func (t *Target) challengeOf(spec *ceremonySpec, options any) any {
	m, _ := options.(map[string]any)
	text, ok := m["challenge"].(string)
	if !ok || spec.challengeEncoding != ChallengeEither || t.ChallengeEncoding(spec.kind) != ChallengeText {
		return options
	}
	return with(m, "challenge", base64.RawURLEncoding.EncodeToString([]byte(text)))
}

// NewUser makes a user by the profile's rules for names; equal ids give equal users.
func (t *Target) NewUser(id string) User {
	in := map[string]any{"id": id}
	rule := func(tpl *template) string {
		// A rule's only place is {id}, which is always there.
		s, _ := tpl.fill(in, nil)
		return s
	}
	return User{Name: rule(t.profile.userName), DisplayName: rule(t.profile.userDisplayName), Password: rule(t.profile.userPassword)}
}
