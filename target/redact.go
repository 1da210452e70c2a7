package target

import (
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// redacted stands where a secret was. It is the same for every secret, so that
// two runs of the same check log the same text, and it tells nothing of the secret.
const redacted = "[redacted]"

// secretName matches names of members, captures, cookies and headers whose
// values are secrets. Identifiers of a ceremony are none: a replay needs them.
var secretName = regexp.MustCompile(`(?i)pass(word|wd|phrase)|secret|token|api_?-?key|authorization|useraction$|recovery_?code|registration_?code|login_?code`)

const secretWords = `[A-Za-z0-9_-]*(?:pass(?:word|wd|phrase)|secret|token|api_?-?key|authorization|useraction|recovery_?code|registration_?code|login_?code)[A-Za-z0-9_-]*`

// secretMember finds such members in JSON text, also in text that ends in the
// middle; secretNested finds them in JSON in a string, where quotes are escaped.
var (
	secretMember = regexp.MustCompile(`(?i)("` + secretWords + `"\s*:\s*")(?:[^"\\]|\\.)*("?)`)
	secretNested = regexp.MustCompile(`(?i)(\\+"` + secretWords + `\\+"\s*:\s*\\+")[^"\\]*(\\*"?)`)
)

// minSecret is the shortest value that is looked for in all texts: shorter
// ones would blot out innocent text.
const minSecret = 6

type redactor struct {
	off bool
	// shared finds the target's secrets, own those of the session.
	shared, own *finder
}

// redactor knows all secrets that the session has by now.
func (s *Session) redactor() *redactor {
	if s.t.opts.ShowSecrets {
		return &redactor{off: true}
	}
	var own []string
	if s.user.Password != s.user.Name { // else it is none
		own = append(own, s.user.Password)
	}
	own = append(own, s.told...)
	sort.Strings(own)
	own = slices.Compact(own)
	if s.secrets.finder == nil || !slices.Equal(own, s.secrets.values) {
		s.secrets.values, s.secrets.finder = own, newFinder(own)
	}
	return &redactor{shared: s.t.finder(), own: s.secrets.finder}
}

// tell keeps what a captured value holds that is secret by its name, also once
// another value has taken its place.
func (s *Session) tell(name string, v any) {
	for _, secret := range secretsIn(nil, v, secretName.MatchString(name), minSecret) {
		if !slices.Contains(s.told, secret) {
			s.told = append(s.told, secret)
		}
	}
}

// tellCookies keeps the cookies' values as secrets: the log leaves them out where
// they are cookies, and so it must where the profile sends them as something else.
func (s *Session) tellCookies() {
	for _, v := range s.jar.named {
		if text, ok := v.(string); ok && len(text) >= minSecret && !slices.Contains(s.told, text) {
			s.told = append(s.told, text)
		}
	}
}

// minMember is the shortest member of a captured object that is taken for a
// secret by its name: a token_type is none.
const minMember = 12

func secretsIn(list []string, v any, secret bool, shortest int) []string {
	switch v := v.(type) {
	case string:
		if secret && len(v) >= shortest {
			list = append(list, v)
		}
	case []any:
		for _, item := range v {
			list = secretsIn(list, item, secret, minMember)
		}
	case map[string]any:
		for name, item := range v {
			list = secretsIn(list, item, secret || secretName.MatchString(name), minMember)
		}
	}
	return list
}

// finder finds the target's own secrets.
func (t *Target) finder() *finder {
	t.findOnce.Do(func() { t.found = newFinder(t.secrets) })
	return t.found
}

// values takes known secrets out.
func (r *redactor) values(s string) string {
	return r.own.replace(r.shared.replace(s))
}

// message is text for a message, which may have been cut in a secret's middle.
func (r *redactor) message(s string) string {
	if r.off || s == "" {
		return s
	}
	s = r.members(s)
	return r.own.cutOff(r.shared.cutOff(s))
}

// redactBriefly is Redact for the outcome of every step: it knows all forms of the
// target's secrets, and of the session's only the plain one. Finding out their
// forms costs as much as a ceremony does; what goes into a report is redacted again.
func (s *Session) redactBriefly(text string) string {
	if s.t.opts.ShowSecrets {
		return text
	}
	f := s.t.finder()
	text = f.cutOff(f.replace(text))
	for _, v := range append([]string{s.user.Password}, s.told...) {
		if len(v) >= minSecret && v != s.user.Name {
			text = strings.ReplaceAll(text, v, redacted)
		}
	}
	return text
}

// Redact takes the session's secrets out of text that is no exchange of its log,
// such as a message about it.
func (s *Session) Redact(text string) string { return s.redactor().message(text) }

// Redact takes the session's secrets out of text that is no exchange of its log,
// such as the ceremony's options.
func (c *Ceremony) Redact(text string) string { return c.s.redactor().members(text) }

// members takes known values out, and the values of members whose names tell.
func (r *redactor) members(s string) string {
	if r.off {
		return s
	}
	s = secretNested.ReplaceAllString(r.values(s), "${1}"+redacted+"${2}")
	return secretMember.ReplaceAllString(s, "${1}"+redacted+"${2}")
}

func (r *redactor) text(s string) string {
	if r.off {
		return s
	}
	return r.values(s)
}

func (r *redactor) body(data []byte) Body {
	b := logged(data, r.members)
	if b.Base64 != "" && !r.off {
		if clean := r.values(string(data)); clean != string(data) {
			b.Base64 = logged([]byte(clean), r.members).Base64
		}
	}
	return b
}

func (r *redactor) headers(in [][2]string) [][2]string {
	if r.off {
		return in
	}
	out := make([][2]string, len(in))
	for i, h := range in {
		out[i] = [2]string{h[0], r.header(h[0], h[1])}
	}
	return out
}

func (r *redactor) header(name, value string) string {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Proxy-Authorization":
		if scheme, _, ok := strings.Cut(value, " "); ok {
			return scheme + " " + redacted
		}
		return redacted
	case "Cookie":
		parts := strings.Split(value, ";")
		for i, p := range parts {
			if k, _, ok := strings.Cut(p, "="); ok {
				parts[i] = k + "=" + redacted
			}
		}
		return strings.Join(parts, ";")
	case "Set-Cookie":
		first, rest, more := strings.Cut(value, ";")
		if k, _, ok := strings.Cut(first, "="); ok {
			first = k + "=" + redacted
		}
		if more {
			return first + ";" + rest
		}
		return first
	}
	if secretName.MatchString(name) {
		return redacted
	}
	return r.values(value)
}
