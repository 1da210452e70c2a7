package target

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/itchyny/gojq"
)

// jqTimeout bounds one expression's run, so that an answer made for it cannot
// hang the harness.
const jqTimeout = 2 * time.Second

// hookVariable carries the session's secret seed to the functions of hooks.
const hookVariable = "$__hook"

var errNoOutput = errors.New("the expression yields nothing")

// expr is a compiled jq expression that knows its place in the profile.
type expr struct {
	src  string
	at   *node
	code *gojq.Code
}

// parseJQ parses the text of n.
func parseJQ(n *node) (*gojq.Query, error) {
	q, err := gojq.Parse(n.text)
	if err != nil {
		where := ""
		var pe *gojq.ParseError
		if errors.As(err, &pe) {
			before := n.text[:min(max(pe.Offset-len(pe.Token), 0), len(n.text))]
			line := strings.Count(before, "\n") + 1
			col := len(before) - strings.LastIndexByte(before, '\n')
			where = fmt.Sprintf(" at line %d, column %d of the expression", line, col)
		}
		return nil, n.errorf("not a jq expression: %v%s (mend it)", err, where)
	}
	return q, nil
}

// compileQuery compiles what the text of n was parsed to, with the encoding
// functions and those of the hooks. It defines the latter in q, and so has a copy.
func compileQuery(n *node, q gojq.Query, hooks []*hook) (*expr, error) {
	opts := []gojq.CompilerOption{gojq.WithVariables([]string{hookVariable})}
	for name, f := range encodings {
		opts = append(opts, gojq.WithFunction(name, 0, 0, func(in any, _ []any) any { return f(in) }))
	}
	for _, f := range functions {
		opts = append(opts, gojq.WithFunction(f.name, f.args, f.args, f.call))
	}
	for _, h := range hooks {
		for _, f := range h.functions {
			opts = append(opts, gojq.WithFunction("_"+f.name, 2, 2, func(_ any, args []any) any {
				seed, ok := args[1].(string)
				if !ok {
					return fmt.Errorf("%s: no session", f.name)
				}
				v, err := f.call([]byte(seed), args[0])
				if err != nil {
					return fmt.Errorf("%s: %w", f.name, err)
				}
				return v
			}))
			def, err := gojq.Parse(fmt.Sprintf("def %s($x): _%s($x; %s); .", f.name, f.name, hookVariable))
			if err != nil {
				return nil, n.errorf("hook %s: %v", h.name, err)
			}
			q.FuncDefs = append(append([]*gojq.FuncDef(nil), def.FuncDefs...), q.FuncDefs...)
		}
	}
	code, err := gojq.Compile(&q, opts...)
	if err != nil {
		return nil, n.errorf("jq: %v (mend the expression)", err)
	}
	return &expr{src: n.text, at: n, code: code}, nil
}

// run yields the expression's first output. The error is about the
// expression's work on this input and carries no place.
func (e *expr) run(in map[string]any, hookSeed string) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, fmt.Errorf("jq: %s", oneLine(fmt.Sprint(p)))
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), jqTimeout)
	defer cancel()
	it := e.code.RunWithContext(ctx, in, hookSeed)
	v, ok := it.Next()
	if !ok {
		return nil, errNoOutput
	}
	if err, bad := v.(error); bad {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("jq: still running after %v", jqTimeout)
		}
		return nil, fmt.Errorf("jq: %s", oneLine(err.Error()))
	}
	return v, nil
}

// holds is run for a predicate: true only where the first output is true.
func (e *expr) holds(in map[string]any, hookSeed string) (bool, error) {
	v, err := e.run(in, hookSeed)
	if err != nil {
		return false, err
	}
	b, _ := v.(bool)
	return b, nil
}

// encodings are the functions that jq itself lacks. Null stays null, so that
// an absent member stays absent; anything else that is not a string is an error.
var encodings = map[string]func(any) any{
	"utf8_to_b64u": text(func(s string) (string, error) {
		return base64.RawURLEncoding.EncodeToString([]byte(s)), nil
	}),
	"b64u_to_utf8": text(func(s string) (string, error) {
		b, err := looseBase64(s)
		return string(b), err
	}),
	"b64_to_b64u": text(func(s string) (string, error) {
		b, err := looseBase64(s)
		return base64.RawURLEncoding.EncodeToString(b), err
	}),
	"b64u_to_b64": text(func(s string) (string, error) {
		b, err := looseBase64(s)
		return base64.StdEncoding.EncodeToString(b), err
	}),
	"b64u_to_hex": text(func(s string) (string, error) {
		b, err := looseBase64(s)
		return hex.EncodeToString(b), err
	}),
	"hex_to_b64u": text(func(s string) (string, error) {
		b, err := hex.DecodeString(s)
		return base64.RawURLEncoding.EncodeToString(b), err
	}),
	"from_jsonstring": func(in any) any {
		switch v := in.(type) {
		case nil:
			return nil
		case string:
			out, err := parseJSON([]byte(v))
			if err != nil {
				return fmt.Errorf("from_jsonstring: %w", err)
			}
			return out
		}
		return fmt.Errorf("from_jsonstring: %T is not a string", in)
	},
	"to_jsonstring": func(in any) any { return string(encodeJSON(in, nil)) },
	"compact":       compact,
	"bytes_to_b64u": bytesToB64u,
	"b64u_to_bytes": b64uToBytes,
	"b64u_to_buffer": func(in any) any {
		switch v := b64uToBytes(in).(type) {
		case []any:
			return map[string]any{"type": "Buffer", "data": v}
		default:
			return v
		}
	},
}

// functions are those that take arguments.
var functions = []struct {
	name string
	args int
	call func(in any, args []any) any
}{
	{"html_attr", 2, htmlAttr},
	{"html_attrs", 2, htmlAttrList},
	{"html_text", 1, htmlText},
	{"html_texts", 1, htmlTextList},
	{"resolve", 2, resolve},
}

// maxBytes bounds what is read or written as a list of numbers.
const maxBytes = 1 << 20

// bytesToB64u reads bytes as JSON has them: a list of numbers, a Buffer of Node
// ({"type":"Buffer","data":[...]}), or a typed array with its places as members
// ({"0":1,"1":2}).
func bytesToB64u(in any) any {
	var list []any
	switch v := in.(type) {
	case nil:
		return nil
	case []any:
		list = v
	case map[string]any:
		if data, ok := v["data"].([]any); ok && v["type"] == "Buffer" {
			list = data
			break
		}
		for i := range len(v) {
			b, ok := v[strconv.Itoa(i)]
			if !ok {
				return errors.New("an object that holds no bytes (neither a Buffer nor members 0, 1, 2 and on)")
			}
			list = append(list, b)
		}
	default:
		return fmt.Errorf("a list of bytes is needed, not %s", gojq.TypeOf(in))
	}
	if len(list) > maxBytes {
		return fmt.Errorf("a list of more than %d bytes", maxBytes)
	}
	out := make([]byte, len(list))
	for i, x := range list {
		n, err := strconv.ParseUint(string(encodeJSON(x, nil)), 10, 8)
		if _, text := x.(string); text || err != nil {
			return fmt.Errorf("place %d of the list is no byte", i)
		}
		out[i] = byte(n)
	}
	return base64.RawURLEncoding.EncodeToString(out)
}

// b64uToBytes writes bytes as a list of numbers.
func b64uToBytes(in any) any {
	switch v := text(func(s string) (string, error) {
		b, err := looseBase64(s)
		if len(b) > maxBytes {
			err = fmt.Errorf("more than %d bytes", maxBytes)
		}
		return string(b), err
	})(in).(type) {
	case string:
		list := make([]any, len(v))
		for i := range len(v) {
			list[i] = int(v[i])
		}
		return list
	default:
		return v
	}
}

// resolve makes an address of one that an answer gave and the address that the
// answer came from, as a browser does: resolve(.res.body.next; .res.url).
func resolve(_ any, args []any) any {
	var u [2]string
	for i, what := range []string{"the address", "the base"} {
		if i == 0 && args[i] == nil {
			return nil
		}
		s, ok := args[i].(string)
		if !ok {
			return fmt.Errorf("resolve: %s is %s, not a string", what, gojq.TypeOf(args[i]))
		}
		u[i] = s
	}
	ref, err := url.Parse(strings.TrimSpace(u[0]))
	if err != nil {
		return fmt.Errorf("resolve: %q is no address", oneLine(u[0]))
	}
	base, err := url.Parse(u[1])
	if err != nil {
		return fmt.Errorf("resolve: %q is no address", oneLine(u[1]))
	}
	return base.ResolveReference(ref).String()
}

func text(f func(string) (string, error)) func(any) any {
	return func(in any) any {
		switch v := in.(type) {
		case nil:
			return nil
		case string:
			s, err := f(v)
			if err != nil {
				return err
			}
			return s
		}
		return fmt.Errorf("a string is needed, not %s", gojq.TypeOf(in))
	}
}

// looseBase64 reads either alphabet, padded or not.
func looseBase64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	s = strings.NewReplacer("+", "-", "/", "_").Replace(s)
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("not base64url")
	}
	return b, nil
}

// compact drops members of an object that are null; the values stay as they are.
func compact(in any) any {
	v, ok := in.(map[string]any)
	if !ok {
		return in
	}
	out := make(map[string]any, len(v))
	for k, m := range v {
		if m != nil {
			out[k] = m
		}
	}
	return out
}

// maxJSONDepth is the deepest nesting that is read in an answer.
const maxJSONDepth = 200

var (
	errDeep  = fmt.Errorf("JSON nested deeper than %d", maxJSONDepth)
	errEmpty = errors.New("no JSON: the body is empty")
)

// parseJSON reads one JSON value as jq wants it, numbers kept as written. A
// leading BOM is dropped, as fetch's json() does.
func parseJSON(data []byte) (any, error) {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errEmpty
	}
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxJSONDepth {
				return nil, errDeep
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return nil, errors.New("not JSON: it ends in the middle")
		}
		return nil, fmt.Errorf("not JSON: %s", oneLine(err.Error()))
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("not JSON: something follows the value")
	}
	return v, nil
}
