package target

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// boundary stands between the parts of a multipart body. It is the same in every
// request, so that equal runs send equal bytes; a field that holds it is refused.
const boundary = "touchstone-part-5b1f9c0e7d3a48628e55"

// hasFields says whether the body is a form of either kind.
func (b *body) hasFields() bool { return b.kind == "form" || b.kind == "multipart" }

func (b *body) mediaType() string {
	switch b.kind {
	case "form":
		return "application/x-www-form-urlencoded"
	case "multipart":
		return "multipart/form-data; boundary=" + boundary
	case "text":
		return "text/plain; charset=utf-8"
	}
	return "application/json"
}

// value evaluates the body: any JSON value, a map of strings for a form (of
// strings and files for a multipart one), a string for text.
func (b *body) value(in map[string]any, seed string) (any, error) {
	if b.hasFields() {
		m := map[string]any{}
		for _, f := range b.form {
			v, err := f.expr.run(in, seed)
			if err == nil && v == nil {
				continue
			}
			if err == nil {
				v, err = b.field(v)
			}
			if err != nil {
				return nil, f.expr.at.errorf("%v (mend the expression)", err)
			}
			m[f.name] = v
		}
		return m, nil
	}
	v, err := b.expr.run(in, seed)
	if err != nil {
		return nil, b.expr.at.errorf("%v (mend the expression)", err)
	}
	if b.kind == "text" {
		if v, err = scalarText(v); err != nil {
			return nil, b.expr.at.errorf("%v (yield a string)", err)
		}
	}
	return v, nil
}

// field is what one field of a form may be: text, or in a multipart body a file,
// {filename, type?, text} or {filename, type?, b64u}.
func (b *body) field(v any) (any, error) {
	m, file := v.(map[string]any)
	if b.kind == "multipart" && file {
		if _, err := fileOf(m); err != nil {
			return nil, err
		}
		return m, nil
	}
	s, err := scalarText(v)
	if err == nil && b.kind == "multipart" && strings.Contains(s, boundary) {
		err = errBoundary
	}
	return s, err
}

var errBoundary = errors.New("the field holds the boundary of the parts")

type file struct {
	name, mediaType string
	data            []byte
}

func fileOf(m map[string]any) (*file, error) {
	f := &file{mediaType: "application/octet-stream"}
	for k, v := range m {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s of a file is no string", oneLine(k))
		}
		switch k {
		case "filename":
			f.name = s
		case "type":
			f.mediaType = s
		case "text":
			f.data = []byte(s)
		case "b64u":
			data, err := looseBase64(s)
			if err != nil {
				return nil, fmt.Errorf("b64u of a file: %w", err)
			}
			f.data = data
		default:
			return nil, fmt.Errorf("a file has no %q (it has filename, type, and text or b64u)", oneLine(k))
		}
	}
	_, isText := m["text"]
	_, isBytes := m["b64u"]
	switch {
	case f.name == "" || isText == isBytes:
		return nil, errors.New("a file needs a filename, and one of text and b64u")
	case !headerValue(f.name) || !headerValue(f.mediaType):
		return nil, errors.New("a file's filename or type has control characters")
	case bytes.Contains(f.data, []byte(boundary)):
		return nil, errBoundary
	}
	return f, nil
}

// encode writes a value that value made.
func (b *body) encode(v any) []byte { return b.encodeTwice(v, "", nil) }

// encodeTwice writes it with one field of a form a second time, with another value.
func (b *body) encodeTwice(v any, twice string, second any) []byte {
	switch b.kind {
	case "form":
		q := url.Values{}
		m, _ := v.(map[string]any)
		for k, x := range m {
			s, _ := x.(string)
			q.Set(k, s)
		}
		data := []byte(q.Encode())
		if twice != "" {
			data = append(data, "&"+url.QueryEscape(twice)+"="+url.QueryEscape(fmt.Sprint(second))...)
		}
		return data
	case "multipart":
		var out bytes.Buffer
		m, _ := v.(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(m)) {
			writePart(&out, k, m[k])
			if k == twice {
				writePart(&out, k, fmt.Sprint(second))
			}
		}
		out.WriteString("--" + boundary + "--\r\n")
		return out.Bytes()
	case "text":
		s, _ := v.(string)
		return []byte(s)
	}
	return encodeJSON(v, nil)
}

// partName escapes what would end a quoted name early, as browsers do it
// (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data).
var partName = strings.NewReplacer("\r", "%0D", "\n", "%0A", `"`, "%22")

func writePart(out *bytes.Buffer, name string, v any) {
	out.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + partName.Replace(name) + "\"")
	if m, ok := v.(map[string]any); ok {
		f, err := fileOf(m)
		if err != nil {
			f = &file{} // value has looked at it already
		}
		out.WriteString("; filename=\"" + partName.Replace(f.name) + "\"\r\nContent-Type: " + f.mediaType + "\r\n\r\n")
		out.Write(f.data)
	} else {
		s, _ := v.(string)
		out.WriteString("\r\n\r\n" + s)
	}
	out.WriteString("\r\n")
}
