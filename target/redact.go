package target

import (
	"net/http"
	"net/url"
	"regexp"
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
	off      bool
	replacer *strings.Replacer
}

func (s *Session) redactor() *redactor {
	if s.t.opts.ShowSecrets {
		return &redactor{off: true}
	}
	values := append([]string{s.user.Password}, s.t.secrets...)
	for _, scope := range []map[string]any{s.account, s.session} {
		for name, v := range scope {
			if text, ok := v.(string); ok && secretName.MatchString(name) {
				values = append(values, text)
			}
		}
	}
	seen := map[string]bool{}
	var forms []string
	for _, v := range values {
		if len(v) < minSecret {
			continue
		}
		quoted := string(encodeJSON(v, nil))
		for _, f := range []string{v, quoted[1 : len(quoted)-1], url.QueryEscape(v), url.PathEscape(v)} {
			if !seen[f] {
				seen[f] = true
				forms = append(forms, f)
			}
		}
	}
	// Longer ones first, so that no secret survives in the rest of another.
	sort.Slice(forms, func(i, j int) bool {
		if len(forms[i]) != len(forms[j]) {
			return len(forms[i]) > len(forms[j])
		}
		return forms[i] < forms[j]
	})
	var args []string
	for _, f := range forms {
		args = append(args, f, redacted)
	}
	return &redactor{replacer: strings.NewReplacer(args...)}
}

// Redact takes the session's secrets out of text that is no exchange of its log,
// such as the ceremony's options.
func (c *Ceremony) Redact(text string) string { return c.s.redactor().members(text) }

// members takes known values out, and the values of members whose names tell.
func (r *redactor) members(s string) string {
	if r.off {
		return s
	}
	s = secretNested.ReplaceAllString(r.replacer.Replace(s), "${1}"+redacted+"${2}")
	return secretMember.ReplaceAllString(s, "${1}"+redacted+"${2}")
}

func (r *redactor) text(s string) string {
	if r.off {
		return s
	}
	return r.replacer.Replace(s)
}

func (r *redactor) body(data []byte) Body {
	return logged(data, r.members)
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
	return r.replacer.Replace(value)
}
