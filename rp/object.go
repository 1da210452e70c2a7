package rp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"unicode/utf8"
)

// object reads a JSON object member by member and names the member in every
// error. Names are compared exactly, which encoding/json does not do for structs.
type object struct {
	path    string
	members map[string]json.RawMessage
	// nulls: a null member counts as absent.
	nulls bool
}

// parseObject reads a request body that must be one JSON object.
func parseObject(body []byte, nulls bool) (object, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return object{}, refuse(http.StatusBadRequest, "the body is empty: want a JSON object")
	}
	// https://www.rfc-editor.org/rfc/rfc8259#section-8.1; encoding/json would
	// replace broken sequences in silence.
	if !utf8.Valid(body) {
		return object{}, refuse(http.StatusBadRequest, "the body is not UTF-8")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return object{}, refuse(http.StatusBadRequest, "the body is not JSON: %v", err)
	}
	return toObject("", raw, nulls)
}

func toObject(path string, raw json.RawMessage, nulls bool) (object, error) {
	o := object{path: path, nulls: nulls}
	if kind(raw) != "an object" {
		name := path
		if name == "" {
			name = "the body"
		}
		return o, wrongType(name, "an object", raw)
	}
	if err := json.Unmarshal(raw, &o.members); err != nil {
		return o, refuse(http.StatusBadRequest, "%s: %v", path, err)
	}
	return o, nil
}

// kind names the JSON type of a value that is known to be valid JSON.
func kind(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func wrongType(name, want string, raw json.RawMessage) error {
	return refuse(http.StatusBadRequest, "%s: want %s, got %s", name, want, kind(raw))
}

func (o object) name(member string) string {
	if o.path == "" {
		return member
	}
	return o.path + "." + member
}

// get returns a member and whether it is there.
func (o object) get(member string) (json.RawMessage, bool) {
	raw, ok := o.members[member]
	if ok && o.nulls && kind(raw) == "null" {
		return nil, false
	}
	return raw, ok
}

func (o object) has(member string) bool {
	_, ok := o.get(member)
	return ok
}

func (o object) missing(member string) error {
	return refuse(http.StatusBadRequest, "%s is missing", o.name(member))
}

// text returns a string member that must be there.
func (o object) text(member string) (string, error) {
	s, ok, err := o.optionalText(member)
	if err == nil && !ok {
		err = o.missing(member)
	}
	return s, err
}

// filledText returns a string member that must be there and not be empty.
func (o object) filledText(member string) (string, error) {
	s, err := o.text(member)
	if err == nil && s == "" {
		err = refuse(http.StatusBadRequest, "%s is empty", o.name(member))
	}
	return s, err
}

// optionalText returns a string member and whether it is there.
func (o object) optionalText(member string) (string, bool, error) {
	raw, ok := o.get(member)
	if !ok {
		return "", false, nil
	}
	if kind(raw) != "a string" {
		return "", false, wrongType(o.name(member), "a string", raw)
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", false, refuse(http.StatusBadRequest, "%s: %v", o.name(member), err)
	}
	return s, true, nil
}

// oneOf returns an optional string member that has one of the values named.
func (o object) oneOf(member string, values ...string) (string, error) {
	s, ok, err := o.optionalText(member)
	if err != nil || !ok {
		return "", err
	}
	for _, v := range values {
		if s == v {
			return s, nil
		}
	}
	return "", refuse(http.StatusBadRequest, "%s: %q is not one of %q", o.name(member), s, values)
}

// flag returns an optional boolean member.
func (o object) flag(member string) (value, ok bool, err error) {
	raw, ok := o.get(member)
	if !ok {
		return false, false, nil
	}
	if kind(raw) != "a boolean" {
		return false, false, wrongType(o.name(member), "a boolean", raw)
	}
	return string(bytes.TrimSpace(raw)) == "true", true, nil
}

// object returns an object member that must be there.
func (o object) object(member string) (object, error) {
	in, ok, err := o.optionalObject(member)
	if err == nil && !ok {
		err = o.missing(member)
	}
	return in, err
}

// optionalObject returns an object member and whether it is there.
func (o object) optionalObject(member string) (object, bool, error) {
	raw, ok := o.get(member)
	if !ok {
		return object{}, false, nil
	}
	in, err := toObject(o.name(member), raw, o.nulls)
	return in, err == nil, err
}

// array returns an optional array member.
func (o object) array(member string) ([]json.RawMessage, bool, error) {
	raw, ok := o.get(member)
	if !ok {
		return nil, false, nil
	}
	if kind(raw) != "an array" {
		return nil, false, wrongType(o.name(member), "an array", raw)
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, false, refuse(http.StatusBadRequest, "%s: %v", o.name(member), err)
	}
	return items, true, nil
}

// objects returns an optional array of objects.
func (o object) objects(member string) ([]object, error) {
	items, _, err := o.array(member)
	if err != nil {
		return nil, err
	}
	var out []object
	for i, raw := range items {
		in, err := toObject(fmt.Sprintf("%s[%d]", o.name(member), i), raw, o.nulls)
		if err != nil {
			return nil, err
		}
		out = append(out, in)
	}
	return out, nil
}

// texts returns an optional array of strings.
func (o object) texts(member string) ([]string, bool, error) {
	items, ok, err := o.array(member)
	if err != nil || !ok {
		return nil, false, err
	}
	out := make([]string, 0, len(items))
	for i, raw := range items {
		var s string
		if kind(raw) != "a string" || json.Unmarshal(raw, &s) != nil {
			return nil, false, wrongType(fmt.Sprintf("%s[%d]", o.name(member), i), "a string", raw)
		}
		out = append(out, s)
	}
	return out, true, nil
}

// bytes returns a binary member that must be there.
func (o object) bytes(member string, enc encoding) ([]byte, error) {
	s, err := o.text(member)
	if err != nil {
		return nil, err
	}
	return o.decode(member, s, enc)
}

func (o object) decode(member, s string, enc encoding) ([]byte, error) {
	b, err := enc(s)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%s: %v", o.name(member), err)
	}
	return b, nil
}
