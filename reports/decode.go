package reports

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits on what is decoded for show. A body beyond them is shown raw only.
const (
	maxDecodeBytes = 1 << 20
	maxDecodeDepth = 32
)

// DecodeWebAuthn looks through a JSON body for the binary members of a
// ceremony's result and returns what they hold, as values that encoding/json
// can write: a map from the member's path, such as "response.clientDataJSON",
// to its decoded form. It returns nil when there is nothing to decode, and
// never fails: a member that is not what its name says gets an object with the
// member "error" instead.
//
//   - clientDataJSON and clientData give the client data,
//     https://www.w3.org/TR/webauthn-3/#dictionary-client-data
//   - attestationObject and attestationData give the attestation object,
//     https://www.w3.org/TR/webauthn-3/#attestation-object
//   - authenticatorData gives the authenticator data,
//     https://www.w3.org/TR/webauthn-3/#authenticator-data
//
// Byte strings appear in CBOR's diagnostic notation, h'00ff', and integers that
// a JSON reader may round appear as strings.
func DecodeWebAuthn(body []byte) any {
	if len(body) > maxDecodeBytes {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil
	}
	found := map[string]any{}
	walkMembers(v, "", 0, found)
	if len(found) == 0 {
		return nil
	}
	return found
}

// Decode fills Decoded from the request body.
func (e *Exchange) Decode() { e.Decoded = DecodeWebAuthn(e.RequestBytes()) }

func walkMembers(v any, path string, depth int, found map[string]any) {
	if depth > maxDecodeDepth {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			at := name
			if path != "" {
				at = path + "." + name
			}
			text, isText := member.(string)
			decode := decoderOf(name)
			if !isText || decode == nil {
				walkMembers(member, at, depth+1, found)
				continue
			}
			raw, err := decodeBase64(text)
			if err != nil {
				found[at] = map[string]any{"error": err.Error()}
				continue
			}
			found[at] = decode(raw)
		}
	case []any:
		for i, member := range v {
			walkMembers(member, fmt.Sprintf("%s[%d]", path, i), depth+1, found)
		}
	}
}

func decoderOf(member string) func([]byte) any {
	switch member {
	case "clientDataJSON", "clientData":
		return decodeClientData
	case "attestationObject", "attestationData":
		return decodeAttestationObject
	case "authenticatorData":
		return decodeAuthenticatorData
	}
	return nil
}

// decodeBase64 takes either alphabet, padded or not: a dialect may use any, and
// a report shows bytes rather than judging their wrapping.
func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	s = strings.NewReplacer("+", "-", "/", "_").Replace(s)
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("not base64url: %w", err)
	}
	return b, nil
}

func decodeClientData(raw []byte) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return map[string]any{"error": "not JSON: " + err.Error()}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return map[string]any{"error": "something follows the JSON object", "object": plainNumbers(v, 0)}
	}
	return plainNumbers(v, 0)
}

// plainNumbers turns json.Number into what reads back the same from JSON, and
// cuts what is nested too deep to be shown.
func plainNumbers(v any, depth int) any {
	if depth > maxDecodeDepth {
		return "nested too deep to be shown"
	}
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return plainInt(i)
		}
		return v.String()
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k], depth+1)
		}
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i], depth+1)
		}
	}
	return v
}
