package target

import (
	"bytes"
	"encoding/json"
	"sort"
	"strconv"
	"strings"
)

// pointer is a JSON Pointer (https://www.rfc-editor.org/rfc/rfc6901), split and unescaped.
type pointer []string

var pointerUnescape = strings.NewReplacer("~1", "/", "~0", "~")
var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

func (p pointer) String() string {
	var b strings.Builder
	for _, t := range p {
		b.WriteByte('/')
		b.WriteString(pointerEscape.Replace(t))
	}
	return b.String()
}

func parsePointer(s string) (pointer, bool) {
	if s == "" {
		return pointer{}, true
	}
	if s[0] != '/' {
		return nil, false
	}
	var p pointer
	for _, t := range strings.Split(s[1:], "/") {
		for i := 0; i < len(t); i++ {
			if t[i] == '~' && (i+1 == len(t) || (t[i+1] != '0' && t[i+1] != '1')) {
				return nil, false
			}
		}
		p = append(p, pointerUnescape.Replace(t))
	}
	return p, true
}

// lookup finds the value at p.
func (p pointer) lookup(v any) (any, bool) {
	for _, t := range p {
		switch c := v.(type) {
		case map[string]any:
			m, ok := c[t]
			if !ok {
				return nil, false
			}
			v = m
		case []any:
			i, err := strconv.Atoi(t)
			if err != nil || i < 0 || i >= len(c) {
				return nil, false
			}
			v = c[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// replace returns a copy of v in which the value at p is what f makes of it;
// f says whether the member stays at all.
func (p pointer) replace(v any, f func(any) (any, bool)) any {
	if len(p) == 0 {
		out, _ := f(v)
		return out
	}
	switch c := v.(type) {
	case map[string]any:
		m, ok := c[p[0]]
		if !ok {
			return v
		}
		out := make(map[string]any, len(c))
		for k, x := range c {
			out[k] = x
		}
		if len(p) == 1 {
			if x, stays := f(m); stays {
				out[p[0]] = x
			} else {
				delete(out, p[0])
			}
		} else {
			out[p[0]] = p[1:].replace(m, f)
		}
		return out
	case []any:
		i, err := strconv.Atoi(p[0])
		if err != nil || i < 0 || i >= len(c) {
			return v
		}
		out := append([]any(nil), c...)
		if len(p) == 1 {
			if x, stays := f(c[i]); stays {
				out[i] = x
			} else {
				out = append(out[:i], out[i+1:]...)
			}
		} else {
			out[i] = p[1:].replace(c[i], f)
		}
		return out
	}
	return v
}

// within finds the value at p, also where the way leads through a string that is
// JSON itself, as in a form's field.
func (p pointer) within(v any) (any, bool) {
	for i, t := range p {
		if inner, ok := jsonString(v); ok {
			return p[i:].within(inner)
		}
		x, ok := pointer{t}.lookup(v)
		if !ok {
			return nil, false
		}
		v = x
	}
	return v, true
}

// change is replace that also goes through strings that are JSON.
func (p pointer) change(v any, f func(any) (any, bool)) any {
	if len(p) == 0 {
		out, _ := f(v)
		return out
	}
	if inner, ok := jsonString(v); ok {
		return string(encodeJSON(p.change(inner, f), nil))
	}
	if len(p) == 1 {
		return p.replace(v, f)
	}
	return p[:1].replace(v, func(x any) (any, bool) { return p[1:].change(x, f), true })
}

// outer is how many steps of p lead to a string that is JSON; len(p) where none does.
func (p pointer) outer(v any) int {
	for i, t := range p {
		if _, ok := jsonString(v); ok {
			return i
		}
		v, _ = pointer{t}.lookup(v)
	}
	return len(p)
}

// object has f change an object, or the one that a string holds as JSON; anything
// else stays as it is.
func object(f func(map[string]any) map[string]any) func(any) (any, bool) {
	return func(v any) (any, bool) {
		if inner, ok := jsonString(v); ok {
			if m, ok := inner.(map[string]any); ok {
				return string(encodeJSON(f(m), nil)), true
			}
		}
		if m, ok := v.(map[string]any); ok {
			return f(m), true
		}
		return v, true
	}
}

// jsonString reads a string that holds a JSON object or list.
func jsonString(v any) (any, bool) {
	s, ok := v.(string)
	if !ok || !strings.HasPrefix(s, "{") && !strings.HasPrefix(s, "[") {
		return nil, false
	}
	inner, err := parseJSON([]byte(s))
	return inner, err == nil
}

// layout asks encodeJSON for a form other than the plain one: members sorted,
// no white space.
type layout struct {
	// twice names a member that is written a second time, with the value second.
	twice  pointer
	second any
	// reverse writes members from z to a.
	reverse bool
	// spaced puts white space wherever JSON allows it.
	spaced bool
}

// encodeJSON writes what jq yields, without escapes for HTML.
func encodeJSON(v any, l *layout) []byte {
	if l == nil {
		l = &layout{}
	}
	var b bytes.Buffer
	writeJSON(&b, v, l, l.twice, l.twice != nil)
	return b.Bytes()
}

func writeJSON(b *bytes.Buffer, v any, l *layout, twice pointer, onPath bool) {
	space := func() {
		if l.spaced {
			b.WriteString(" \r\n\t")
		}
	}
	switch c := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(c))
		for k := range c {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		if l.reverse {
			sort.Sort(sort.Reverse(sort.StringSlice(keys)))
		}
		b.WriteByte('{')
		space()
		comma := false
		member := func(k string, m any, on bool) {
			if comma {
				b.WriteByte(',')
				space()
			}
			comma = true
			writeScalar(b, k)
			space()
			b.WriteByte(':')
			space()
			var rest pointer
			if on {
				rest = twice[1:]
			}
			writeJSON(b, m, l, rest, on && len(rest) > 0)
			space()
		}
		for _, k := range keys {
			on := onPath && len(twice) > 0 && twice[0] == k
			member(k, c[k], on)
			if on && len(twice) == 1 {
				member(k, l.second, false)
			}
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		space()
		for i, m := range c {
			if i > 0 {
				b.WriteByte(',')
				space()
			}
			on := onPath && len(twice) > 1 && twice[0] == strconv.Itoa(i)
			var rest pointer
			if on {
				rest = twice[1:]
			}
			writeJSON(b, m, l, rest, on)
			space()
		}
		b.WriteByte(']')
	default:
		writeScalar(b, v)
	}
}

func writeScalar(b *bytes.Buffer, v any) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	// jq's scalars always encode: NaN and infinities are the exception, and
	// stand as null, as in jq.
	if err := enc.Encode(v); err != nil {
		b.WriteString("null")
		return
	}
	b.Truncate(b.Len() - 1) // Encode ends with a line feed
}
