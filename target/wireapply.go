package target

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// memberFault changes one member. It returns the new value, whether the member
// stays, and whether anything changed.
type memberFault func(r Role, old any) (v any, stays, changed bool)

func becomes(v any) memberFault {
	return func(Role, any) (any, bool, bool) { return v, true, true }
}

func edit(f func(string) string) memberFault {
	return func(_ Role, old any) (any, bool, bool) {
		s, ok := old.(string)
		if !ok {
			return old, true, false
		}
		t := f(s)
		return t, true, t != s
	}
}

// memberFaults are the operations by the name of their field.
var memberFaults = map[string]memberFault{
	"Missing":     func(Role, any) (any, bool, bool) { return nil, false, true },
	"Null":        becomes(nil),
	"Number":      becomes(json.Number("1")),
	"Bool":        becomes(true),
	"String":      becomes("touchstone"),
	"Array":       becomes([]any{}),
	"Object":      becomes(map[string]any{}),
	"EmptyString": becomes(""),
	"EmptyObject": becomes(map[string]any{}),
	// None of these is in either base64 alphabet, and no decoder skips them as space.
	"NotBase64URL":     edit(func(s string) string { return "!" + s + "*" }),
	"Padded":           edit(padded),
	"StandardAlphabet": edit(strings.NewReplacer("-", "+", "_", "/").Replace),
	"Truncated": edit(func(s string) string {
		return s[:max(len(s)-4, 0)]
	}),
	"WrongCase":  edit(strings.ToUpper),
	"OtherValue": func(r Role, old any) (any, bool, bool) { v := otherValue(r, old); return v, true, true },
}

func padded(s string) string {
	if n := len(s) % 4; n > 1 {
		return s + strings.Repeat("=", 4-n)
	}
	return s
}

// otherValue is another value of the form that the role has.
func otherValue(r Role, old any) any {
	switch r {
	case RoleType:
		return "touchstone-type"
	case RoleTransports:
		return []any{"touchstone-transport"}
	case RoleExtensionResults:
		return map[string]any{"touchstone.example": map[string]any{"output": true}}
	}
	s, ok := old.(string)
	if !ok || s == "" {
		return "dG91Y2hzdG9uZQ"
	}
	// The first character carries six whole bits of the first byte, so the text
	// stays valid base64url and as long as it was.
	c := byte('A')
	if s[0] == 'A' {
		c = 'B'
	}
	return string(c) + s[1:]
}

// apply applies the faults to a result body and encodes it.
func (w WireFaults) apply(b *body, roles map[Role]pointer, v any) ([]byte, error) {
	l := &layout{reverse: w.BodyReordered, spaced: w.BodyWhitespace}
	fields := reflect.ValueOf(w)
	find := func(field string, r Role) (pointer, any, error) {
		p, ok := roles[r]
		if !ok || b.kind == "text" {
			return nil, nil, fmt.Errorf("%s of %s: %w: this dialect's body has no such role", field, r, ErrNoRole)
		}
		old, ok := p.within(v)
		if !ok {
			return nil, nil, fmt.Errorf("%s of %s: %w: this body has no %s", field, r, ErrNoRole, p)
		}
		return p, old, nil
	}
	for _, op := range operations {
		r := Role(fields.FieldByName(op.field).String())
		if r == "" {
			continue
		}
		p, old, err := find(op.field, r)
		if err != nil {
			return nil, err
		}
		if op.field == "Duplicate" {
			second := otherValue(r, old)
			if r == RoleResponse {
				second = map[string]any{}
			}
			switch at := p.outer(v); {
			case at < len(p):
				// The member is written twice inside the string that holds it.
				inner := &layout{twice: p[at:], second: second}
				v = p[:at].change(v, func(text any) (any, bool) {
					held, _ := jsonString(text)
					return string(encodeJSON(held, inner)), true
				})
			case b.hasFields() && len(p) > 1:
				return nil, fmt.Errorf("%s of %s: %w: it is no field of the form", op.field, r, ErrNoRole)
			default:
				l.twice, l.second = p, second
			}
			continue
		}
		f, stays, changed := memberFaults[op.field](r, old)
		if !changed || stays && bytes.Equal(encodeJSON(f, nil), encodeJSON(old, nil)) {
			return nil, fmt.Errorf("%s of %s: %w: it would change nothing", op.field, r, ErrNoRole)
		}
		if _, text := f.(string); b.hasFields() && len(p) == 1 && stays && !text {
			return nil, fmt.Errorf("%s of %s: %w: a form has only strings", op.field, r, ErrNoRole)
		}
		v = p.change(v, func(any) (any, bool) { return f, stays })
	}
	if w.ContradictID {
		if _, _, err := find("ContradictID", RoleID); err != nil {
			return nil, err
		}
		p, old, err := find("ContradictID", RoleRawID)
		if err != nil {
			return nil, err
		}
		v = p.change(v, func(any) (any, bool) { return otherValue(RoleRawID, old), true })
	}
	if w.ForeignCopies {
		p, _, err := find("ForeignCopies", RoleAttestationObject)
		if err != nil {
			return nil, err
		}
		copies := object(func(m map[string]any) map[string]any {
			for name, v := range foreignCopies {
				m = with(m, name, v)
			}
			return m
		})
		if len(p) == 1 {
			v, _ = copies(v)
		} else {
			v = p[:len(p)-1].change(v, copies)
		}
	}
	if w.AttachmentUnknown {
		// Only where the body is a credential as toJSON() writes it: what holds id
		// holds type too, and the attachment would stand there.
		id, _, err := find("AttachmentUnknown", RoleID)
		if err != nil {
			return nil, err
		}
		kind, _, err := find("AttachmentUnknown", RoleType)
		if err != nil {
			return nil, err
		}
		holder := id[:len(id)-1]
		if !slices.Equal(holder, kind[:len(kind)-1]) {
			return nil, fmt.Errorf("AttachmentUnknown: %w: id and type stand apart, so this is no PublicKeyCredential in JSON", ErrNoRole)
		}
		put := object(func(m map[string]any) map[string]any {
			return with(m, "authenticatorAttachment", "touchstone-attachment")
		})
		if len(holder) == 0 {
			v, _ = put(v)
		} else {
			v = holder.change(v, put)
		}
	}
	if w.UnknownMember {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("UnknownMember: %w: the body is no object", ErrNoRole)
		}
		v = with(m, "touchstoneUnknown", "member")
		if p, ok := roles[RoleClientDataJSON]; ok && len(p) > 1 {
			v = p[:len(p)-1].change(v, object(func(m map[string]any) map[string]any {
				return with(m, "touchstoneUnknown", "member")
			}))
		}
	}
	return w.encode(b, v, l)
}

// foreignCopies are of a credential that nobody has registered: an ES256 key, and
// authenticator data with all bits of the RP ID hash clear and UP and UV set.
var foreignCopies = map[string]any{
	"publicKey":          "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVu4nFJUrYLV6f8uUPVyIg0cAdzmbeEMUf2G_O-dB9b6dE2DVLl2lL01x3lMIu7l1QgeBFMVPNzFitm0SgIjZLw",
	"publicKeyAlgorithm": -7,
	"authenticatorData":  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAFAAAAAA",
}

func with(m map[string]any, k string, v any) map[string]any {
	out := make(map[string]any, len(m)+1)
	for x, y := range m {
		out[x] = y
	}
	out[k] = v
	return out
}

// encode writes the body and applies the faults of its bytes.
func (w WireFaults) encode(b *body, v any, l *layout) ([]byte, error) {
	switch {
	case w.BodyEmpty:
		return []byte{}, nil
	case w.BodyNotJSON:
		return []byte("touchstone: this is not JSON"), nil
	}
	if b.kind != "json" {
		if w.BodyArray || w.BodyNull || w.BodyTrailing || w.BodyDeep || w.BodyHuge || w.InvalidUTF8 || w.BodyReordered || w.BodyWhitespace {
			return nil, fmt.Errorf("%s: %w: the body is no JSON", strings.Join(w.Names(), ", "), ErrNoRole)
		}
		twice := ""
		if len(l.twice) == 1 {
			twice = l.twice[0]
		}
		return w.cut(b.encodeTwice(v, twice, l.second)), nil
	}
	if w.BodyNull {
		v = nil
	}
	if w.BodyArray {
		v = []any{v}
		if l.twice != nil {
			l.twice = append(pointer{"0"}, l.twice...)
		}
	}
	data := encodeJSON(v, l)
	var extra [][]byte
	if w.BodyHuge {
		extra = append(extra, []byte(`"touchstonePadding":"`+strings.Repeat("A", 1<<20)+`"`))
	}
	if w.BodyDeep {
		const depth = 20000
		extra = append(extra, []byte(`"touchstoneDepth":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)))
	}
	if w.InvalidUTF8 {
		extra = append(extra, []byte("\"touchstoneBytes\":\"\xC3\x28\xFF\""))
	}
	if len(extra) > 0 {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: %w: the body is no object", strings.Join(w.Names(), ", "), ErrNoRole)
		}
		if len(m) > 0 {
			extra = append([][]byte{data[1 : len(data)-1]}, extra...)
		}
		data = append(append([]byte{'{'}, bytes.Join(extra, []byte(","))...), '}')
	}
	if w.BodyTrailing {
		data = append(data, []byte(`{"touchstone":"trailing"}`)...)
	}
	return w.cut(data), nil
}

func (w WireFaults) cut(data []byte) []byte {
	if w.BodyBOM {
		data = append([]byte("\xEF\xBB\xBF"), data...)
	}
	if w.BodyTruncated {
		data = data[:len(data)/2]
	}
	return data
}
