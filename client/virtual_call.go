package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

var _ Caller = (*virtualSession)(nil)

// Call makes a call as a page's own script writes it. Of methods it has create
// and get only.
func (s *virtualSession) Call(ctx context.Context, c Call) (*Called, error) {
	if err := s.ready(ctx, true); err != nil {
		return nil, fmt.Errorf("%s(): %w", c.Method, err)
	}
	if c.Method != "create" && c.Method != "get" {
		return nil, fmt.Errorf("%s(): %w: it is no browser and has create() and get() alone", c.Method, ErrCannot)
	}
	called, err := s.call(ctx, c)
	if err == nil {
		return called, nil
	}
	var refused *Error
	if !errors.As(asPageSeesIt(err), &refused) {
		return nil, err
	}
	return &Called{Error: refused}, nil
}

func (s *virtualSession) call(ctx context.Context, c Call) (*Called, error) {
	if c.Bare {
		return nil, &Error{Name: "NotSupportedError", Message: "publicKey is missing, and no other kind of credential is asked for"}
	}
	options, err := literalOptions(c.Options, c.JSON)
	if err != nil {
		return nil, err
	}
	// Conversion comes before everything else that create() and get() do.
	var creation *virtualauth.CreationOptions
	var request *virtualauth.RequestOptions
	if c.Method == "create" {
		creation, err = virtualauth.ParseCreationOptions(options)
	} else {
		request, err = virtualauth.ParseRequestOptions(options)
	}
	switch {
	case err != nil:
		return nil, err
	case c.Mediation != "" && !slices.Contains([]string{"silent", "optional", "conditional", "required"}, c.Mediation):
		return nil, &Error{Name: "TypeError", Message: fmt.Sprintf("mediation %q is not one of its values", c.Mediation)}
	case c.Aborted:
		return nil, &Error{Name: "AbortError", Message: "the signal is aborted already"}
	case creation != nil && c.Mediation == "conditional":
		// https://www.w3.org/TR/webauthn-3/#sctn-createCredential: nobody has signed
		// in on this page or consented.
		return nil, &Error{Name: "NotAllowedError", Message: "conditional creation needs a recent authentication and consent"}
	case creation != nil:
		r, err := s.page.Create(ctx, s.current.a, creation, s.disobey)
		if err != nil {
			return nil, err
		}
		return calledWith(r.Response, r.Response.ClientExtensionResults)
	}
	if c.Mediation == "silent" {
		// Nothing can be had without the user, which "silent" rules out
		// (https://www.w3.org/TR/credential-management-1/#algorithm-request).
		return &Called{Value: json.RawMessage(`"[object Null]"`)}, nil
	}
	a, err := s.page.Get(ctx, s.current.a, request, s.disobey)
	var refused *virtualauth.Error
	if c.Mediation == "conditional" && errors.As(err, &refused) && refused.Name == "NotAllowedError" {
		return &Called{Waiting: true}, nil // for a credential to be picked from a list that is empty
	}
	if err != nil {
		return nil, err
	}
	return calledWith(a.Response, a.Response.ClientExtensionResults)
}

func calledWith(response any, results map[string]json.RawMessage) (*Called, error) {
	r, err := json.Marshal(response)
	if err != nil {
		return nil, err
	}
	if results == nil {
		results = map[string]json.RawMessage{}
	}
	e, err := json.Marshal(results)
	if err != nil {
		return nil, err
	}
	return &Called{Response: r, Results: e}, nil
}

// literalOptions turns options as a script writes them into the JSON that
// package virtualauth reads: it takes strings for buffers, so whatever else
// stands in the place of one is refused here as Web IDL does.
func literalOptions(text json.RawMessage, fromJSON bool) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, &Error{Name: "SyntaxError", Message: "the options are not JSON: " + err.Error()}
	}
	l := literals{fromJSON: fromJSON}
	doc = l.resolve(doc, "")
	if l.err != nil {
		return nil, l.err
	}
	if doc == (undefined{}) {
		doc = map[string]any{}
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("options: %w", err)
	}
	return out, nil
}

// undefined stands for the value while literals are resolved, and plainText for
// a string that the script does not decode.
type (
	undefined struct{}
	plainText string
)

type literals struct {
	fromJSON bool
	err      error
}

// bufferPlaces are where a script decodes strings; [] is any item, * any member.
var bufferPlaces = map[string]bool{
	"challenge": true, "user.id": true, "excludeCredentials[].id": true, "allowCredentials[].id": true,
	"extensions.credBlob": true, "extensions.largeBlob.write": true,
	"extensions.prf.eval.first": true, "extensions.prf.eval.second": true,
	"extensions.prf.evalByCredential.*.first": true, "extensions.prf.evalByCredential.*.second": true,
}

func (l *literals) resolve(v any, at string) any {
	out := l.value(v, at)
	if !bufferPlaces[at] || l.fromJSON || out == (undefined{}) {
		if s, ok := out.(plainText); ok {
			return string(s)
		}
		return out
	}
	if _, ok := out.(string); !ok && l.err == nil {
		l.err = &Error{Name: "TypeError", Message: at + " is not a buffer"}
	}
	return out
}

func (l *literals) value(v any, at string) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			if out[i] = l.resolve(item, at+"[]"); out[i] == (undefined{}) {
				out[i] = nil
			}
		}
		return out
	case map[string]any:
		if len(v) == 1 {
			for name, of := range v {
				if out, ok := l.literal(name, of, at); ok {
					return out
				}
			}
		}
		out := make(map[string]any, len(v))
		for name, member := range v {
			path := name
			switch {
			case at == "extensions.prf.evalByCredential":
				path = at + ".*"
			case at != "":
				path = at + "." + name
			}
			if r := l.resolve(member, path); r != (undefined{}) {
				out[name] = r
			}
		}
		return out
	default:
		return v
	}
}

func (l *literals) literal(name string, of any, at string) (any, bool) {
	text := fmt.Sprint(of)
	switch name {
	case "$undefined":
		return undefined{}, true
	case "$number", "$string":
		return plainText(text), true
	case "$buffer", "$view", "$dataview":
		if _, err := base64.RawURLEncoding.DecodeString(text); err != nil && l.err == nil {
			l.err = &Error{Name: "EncodingError", Message: at + ": " + name + " is not base64url without padding"}
		}
		if bufferPlaces[at] && !l.fromJSON {
			return text, true
		}
		return map[string]any{}, true // an object without the members
	}
	return nil, false
}
