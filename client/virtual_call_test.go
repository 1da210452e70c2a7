package client

import (
	"encoding/json"
	"errors"
	"testing"
)

// TestCallLiteral: values that JSON has none of reach the virtual client as a
// script would write them.
func TestCallLiteral(t *testing.T) {
	options := func(challenge string) json.RawMessage {
		return json.RawMessage(`{"challenge":` + challenge + `,"rp":{"name":"x"},"user":{"id":"AAEC","name":"n","displayName":"d"},"pubKeyCredParams":[{"type":"public-key","alg":-7}]}`)
	}
	for _, tt := range []struct {
		name string
		call Call
		want string // the error's name, "waiting", or empty for a response
	}{
		{"decoded", Call{Method: "create", Options: options(`"AAEC"`)}, ""},
		{"not decoded", Call{Method: "create", Options: options(`{"$string":"AAEC"}`)}, "TypeError"},
		{"not decoded, for the parser", Call{Method: "create", JSON: true, Options: options(`{"$string":"AAEC"}`)}, ""},
		{"buffer", Call{Method: "create", Options: options(`{"$buffer":"AAEC"}`)}, ""},
		{"buffer for the parser", Call{Method: "create", JSON: true, Options: options(`{"$view":"AAEC"}`)}, "EncodingError"},
		{"bad buffer", Call{Method: "create", Options: options(`{"$dataview":"*"}`)}, "EncodingError"},
		{"undefined", Call{Method: "create", Options: options(`{"$undefined":true}`)}, "TypeError"},
		{"number", Call{Method: "create", Options: options(`1234`)}, "TypeError"},
		{"number for the parser", Call{Method: "create", JSON: true, Options: options(`1234`)}, ""},
		{"padding", Call{Method: "create", Options: options(`"AA=="`)}, "EncodingError"},
		{"bare", Call{Method: "create", Bare: true}, "NotSupportedError"},
		{"no publicKey", Call{Method: "create", Options: json.RawMessage(`{"$undefined":true}`)}, "TypeError"},
		{"not JSON", Call{Method: "create", Options: json.RawMessage(`{`)}, "SyntaxError"},
		{"aborted", Call{Method: "create", Aborted: true, Options: options(`"AAEC"`)}, "AbortError"},
		{"conversion before the signal", Call{Method: "create", Aborted: true, Options: options(`null`)}, "TypeError"},
		{"mediation", Call{Method: "create", Mediation: "magic", Options: options(`"AAEC"`)}, "TypeError"},
		{"conditional creation", Call{Method: "create", Mediation: "conditional", Options: options(`"AAEC"`)}, "NotAllowedError"},
		{"conditional", Call{Method: "get", Mediation: "conditional", Options: json.RawMessage(`{"challenge":"AAEC"}`)}, "waiting"},
	} {
		s, err := NewVirtual().Open(t.Context(), SessionConfig{Origin: "https://rp.example", Seed: []byte("call")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Plug(t.Context(), AuthenticatorConfig{}); err != nil {
			t.Fatal(err)
		}
		c, err := s.(Caller).Call(t.Context(), tt.call)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := ""
		switch {
		case c.Error != nil:
			got = c.Error.Name
		case c.Waiting:
			got = "waiting"
		case c.Response == nil || c.Results == nil:
			t.Errorf("%s: there is no response", tt.name)
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if _, err := s.(Caller).Call(t.Context(), Call{Method: "getClientCapabilities"}); !errors.Is(err, ErrCannot) {
			t.Errorf("%s: a method that it does not have: %v", tt.name, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
