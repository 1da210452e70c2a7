package discover

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// found is a place in an answer that holds options.
type found struct {
	// at is the jq that leads there, beginning with .res.body.
	at    string
	value map[string]any
	// beside are members of the object that are not the options'.
	beside []string
	// text is true where the challenge's text is no base64, so that its UTF-8
	// bytes must be the challenge; fixes are the edits that make base64url.
	text  bool
	fixes []string
}

var (
	creationMembers = []string{"challenge", "rp", "user", "pubKeyCredParams", "timeout", "excludeCredentials", "authenticatorSelection",
		"attestation", "attestationFormats", "extensions", "hints"}
	requestMembers = []string{"challenge", "timeout", "rpId", "allowCredentials", "userVerification", "extensions", "hints"}
	identifier     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	base64URL      = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	anyBase64      = regexp.MustCompile(`^[A-Za-z0-9+/_-]+={0,2}$`)
)

// Bounds of the search: an answer is a stranger's.
const (
	maxDepth  = 12
	maxPlaces = 20000
)

// findOptions looks for creation options, or for request options, anywhere in a
// body, also in JSON inside strings. The shallowest place counts.
func findOptions(body []byte, creation bool) *found {
	v, ok := parse(body)
	if !ok {
		return nil
	}
	type place struct {
		v     any
		at    string
		depth int
	}
	queue := []place{{v, ".res.body", 0}}
	for n := 0; len(queue) > 0 && n < maxPlaces; n++ {
		p := queue[0]
		queue = queue[1:]
		if p.depth > maxDepth {
			continue
		}
		switch c := p.v.(type) {
		case map[string]any:
			if isOptions(c, creation) {
				return look(c, p.at, creation)
			}
			keys := make([]string, 0, len(c))
			for k := range c {
				keys = append(keys, k)
			}
			sort.Strings(keys)
			for _, k := range keys {
				queue = append(queue, place{c[k], p.at + member(k), p.depth + 1})
			}
		case []any:
			for i, item := range c {
				queue = append(queue, place{item, p.at + "[" + strconv.Itoa(i) + "]", p.depth + 1})
			}
		case string:
			if t := strings.TrimSpace(c); strings.HasPrefix(t, "{") {
				if inner, ok := parse([]byte(t)); ok {
					queue = append(queue, place{inner, p.at + " | from_jsonstring | .", p.depth + 1})
				}
			}
		}
	}
	return nil
}

func parse(data []byte) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	return v, dec.Decode(&v) == nil
}

func member(k string) string {
	if identifier.MatchString(k) {
		return "." + k
	}
	quoted, err := json.Marshal(k)
	if err != nil {
		return "[]"
	}
	return "[" + string(quoted) + "]"
}

func isOptions(m map[string]any, creation bool) bool {
	if challenge, _ := m["challenge"].(string); challenge == "" && !isBytes(m["challenge"]) {
		return false
	}
	_, rp := m["rp"].(map[string]any)
	_, user := m["user"].(map[string]any)
	_, params := m["pubKeyCredParams"].([]any)
	if creation {
		return rp && user && params
	}
	_, id := m["rpId"].(string)
	_, allow := m["allowCredentials"].([]any)
	_, uv := m["userVerification"].(string)
	return !params && (id || allow || uv)
}

func look(m map[string]any, at string, creation bool) *found {
	known := requestMembers
	if creation {
		known = creationMembers
	}
	f := &found{at: tidy(at), value: m}
	for k := range m {
		if !slices.Contains(known, k) {
			f.beside = append(f.beside, k)
		}
	}
	sort.Strings(f.beside)
	challenge, _ := m["challenge"].(string)
	switch {
	case challenge == "":
		f.fixes = append(f.fixes, ".challenge |= bytes_to_b64u", list(creation)+"[]?.id |= bytes_to_b64u")
	case base64URL.MatchString(challenge) && len(challenge)%4 != 1:
	case isBase64(challenge):
		f.fixes = append(f.fixes, ".challenge |= b64_to_b64u", list(creation)+"[]?.id |= b64_to_b64u")
	default:
		f.text = true
	}
	if user, _ := m["user"].(map[string]any); creation {
		id, _ := user["id"].(string)
		switch {
		case isBytes(user["id"]):
			f.fixes = append(f.fixes, ".user.id |= bytes_to_b64u")
		case base64URL.MatchString(id) && len(id)%4 != 1, id == "":
		case isBase64(id):
			f.fixes = append(f.fixes, ".user.id |= b64_to_b64u")
		default:
			f.fixes = append(f.fixes, ".user.id |= utf8_to_b64u")
		}
	}
	return f
}

func list(creation bool) string {
	if creation {
		return ".excludeCredentials"
	}
	return ".allowCredentials"
}

// tidy takes away the dot that only parsing needs: "from_jsonstring | ." stays
// where nothing follows, and "| ..x" never arises.
func tidy(at string) string {
	at = strings.ReplaceAll(at, "| ..", "| .")
	return strings.TrimSuffix(at, " | .")
}

// isBytes says whether v is bytes as lists of numbers or Node's Buffers are.
func isBytes(v any) bool {
	if m, ok := v.(map[string]any); ok && m["type"] == "Buffer" {
		v = m["data"]
	}
	items, ok := v.([]any)
	return ok && len(items) > 0 && !slices.ContainsFunc(items, func(x any) bool {
		n, ok := x.(json.Number)
		i, err := n.Int64()
		return !ok || err != nil || i < 0 || i > 255
	})
}

func isBase64(s string) bool {
	if !anyBase64.MatchString(s) {
		return false
	}
	s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	_, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil
}

// expression yields the options in WebAuthn's JSON form. text is how the
// challenge is to be read.
func (f *found) expression(text bool) string {
	e := f.at
	if len(f.beside) > 0 {
		var drop []string
		for _, k := range f.beside {
			drop = append(drop, first(k))
		}
		e += " | del(" + strings.Join(drop, ", ") + ")"
	}
	if text {
		e += " | .challenge |= utf8_to_b64u"
	}
	for _, fix := range f.fixes {
		if text && strings.HasPrefix(fix, ".challenge") {
			continue
		}
		e += " | " + fix
	}
	return e
}

// first is member where a jq path begins with it.
func first(k string) string { return "." + strings.TrimPrefix(member(k), ".") }
