package reports

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// decoded returns what DecodeWebAuthn gives, as a reader of the JSON form sees it.
func decoded(t *testing.T, body []byte) map[string]any {
	t.Helper()
	data, err := json.Marshal(DecodeWebAuthn(body))
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("not an object: %s", data)
	}
	return out
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// at follows a path of member names.
func at(t *testing.T, v any, path ...string) any {
	t.Helper()
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("%v: no object at %s but %v", path, name, v)
		}
		v = m[name]
	}
	return v
}

func TestDecodeRegistration(t *testing.T) {
	got := decoded(t, registrationBody(t, "webauthn.get"))
	object := []string{"response.attestationObject"}
	data := append(object, "authData")
	key := append(data, "attestedCredentialData", "credentialPublicKey")
	for _, test := range []struct {
		path []string
		want any
	}{
		{[]string{"response.clientDataJSON", "type"}, "webauthn.get"},
		{[]string{"response.clientDataJSON", "crossOrigin"}, false},
		{append(object, "fmt"), "packed"},
		{append(object, "encoding"), nil},
		{append(object, "attStmt", "alg"), -7.0},
		{append(object, "attStmt", "sig"), "h'300102'"},
		{append(data, "rpIdHash"), fmt.Sprintf("%x", sha256.Sum256([]byte("rp.example")))},
		{append(data, "flags", "byte"), "0x45"},
		{append(data, "flags", "up"), true},
		{append(data, "flags", "uv"), true},
		{append(data, "flags", "be"), false},
		{append(data, "flags", "at"), true},
		{append(data, "flags", "ed"), false},
		{append(data, "signCount"), 7.0},
		{append(data, "trailing"), nil},
		{append(data, "attestedCredentialData", "aaguid"), "00000000-0000-0000-0000-000000000000"},
		{append(data, "attestedCredentialData", "credentialId"), "01020304"},
		{append(key, "1 (kty)"), "2 (EC2)"},
		{append(key, "3 (alg)"), "-7 (ES256)"},
		{append(key, "-1 (crv)"), "1 (P-256)"},
	} {
		if v := at(t, got, test.path...); v != test.want {
			t.Errorf("%s: got %v, want %v", strings.Join(test.path, " "), v, test.want)
		}
	}
	chain, _ := at(t, got, append(object, "attStmt", "x5c")...).([]any)
	if len(chain) != 1 || at(t, chain[0], "subject") != "CN=Sample Attestation,C=SE" {
		t.Errorf("x5c %v", chain)
	}
}

// TestDecodeMembers: the names of all dialects are known, at any depth, in any base64.
func TestDecodeMembers(t *testing.T) {
	client := []byte(`{"type":"webauthn.get","n":9007199254740993,"?":"~~~"}`)
	data := authData(t, 0x81)
	body := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tests := []struct {
		name string
		body []byte
		path []string
		want any
	}{
		{"dfns client data", body(map[string]any{"credentialInfo": map[string]any{"clientData": b64(client)}}), []string{"credentialInfo.clientData", "type"}, "webauthn.get"},
		{"dfns attestation", body(map[string]any{"firstFactor": map[string]any{"attestationData": b64(attestation(t))}}), []string{"firstFactor.attestationData", "fmt"}, "packed"},
		{"standard base64", body(map[string]any{"clientDataJSON": base64.StdEncoding.EncodeToString(client)}), []string{"clientDataJSON", "type"}, "webauthn.get"},
		{"in a list", body([]any{1, map[string]any{"authenticatorData": b64(data)}}), []string{"[1].authenticatorData", "extensions", "credProtect"}, 2.0},
		{"big number", body(map[string]any{"clientDataJSON": b64(client)}), []string{"clientDataJSON", "n"}, "9007199254740993"},
		{"something behind", body(map[string]any{"clientDataJSON": b64(append(client, " x"...))}), []string{"clientDataJSON", "error"}, "something follows the JSON object"},
		{"not base64", body(map[string]any{"clientDataJSON": "%%%"}), []string{"clientDataJSON", "error"}, "not base64url: illegal base64 data at input byte 0"},
		{"not JSON", body(map[string]any{"clientDataJSON": b64([]byte("nope"))}), []string{"clientDataJSON", "error"}, "not JSON: invalid character 'o' in literal null (expecting 'u')"},
		{"short", body(map[string]any{"authenticatorData": b64(data[:36])}), []string{"authenticatorData", "error"}, "36 bytes, authenticator data has at least 37"},
		{"trailing", body(map[string]any{"authenticatorData": b64(append(authData(t, 1), 0xff))}), []string{"authenticatorData", "trailing"}, "h'ff'"},
		{"no attested data", body(map[string]any{"authenticatorData": b64(append(authData(t, 1)[:32], 0x41, 0, 0, 0, 0))}), []string{"authenticatorData", "attestedCredentialData", "error"}, "cut short before the credential id"},
		{"bad extensions", body(map[string]any{"authenticatorData": b64(append(authData(t, 1)[:32], 0x81, 0, 0, 0, 0, 0x1c))}), []string{"authenticatorData", "extensions", "error"}, "not CBOR: cbor: invalid additional information 28 for type positive integer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := at(t, decoded(t, test.body), test.path...); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestDecodeNothing(t *testing.T) {
	for _, body := range []string{"", "null", "not JSON", `{"id":"x"}`, `[]`, `{"clientDataJSON":7}`, strings.Repeat("[", 20_000)} {
		if got := DecodeWebAuthn([]byte(body)); got != nil {
			t.Errorf("%.20s: got %v", body, got)
		}
	}
	big := []byte(`{"clientDataJSON":"` + strings.Repeat("A", maxDecodeBytes) + `"}`)
	if got := DecodeWebAuthn(big); got != nil {
		t.Error("a body beyond the limit was decoded")
	}
}

// TestPlainCBOR: every kind of CBOR value can be written as JSON.
func TestPlainCBOR(t *testing.T) {
	tests := []struct {
		hex  string
		want any
	}{
		{"00", int64(0)}, {"20", int64(-1)}, {"1bffffffffffffffff", "18446744073709551615"}, {"3bffffffffffffffff", "-18446744073709551616"},
		{"1b0020000000000000", "9007199254740992"}, {"420102", "h'0102'"}, {"6161", "a"}, {"f5", true}, {"f6", nil}, {"f7", nil}, {"e0", "simple(0)"},
		{"f97e00", "NaN"}, {"f97c00", "+Inf"}, {"f93c00", 1.0}, {"c249010000000000000000", "18446744073709551616"},
		{"c11a514b67b0", "2013-03-21T20:04:00Z"}, {"d8204161", map[string]any{"tag 32": "h'61'"}},
		{"a201026131f4", map[string]any{"1": int64(2), `"1"`: false}}, {"a1410107", map[string]any{"h'01'": int64(7)}}, {"8100", []any{int64(0)}},
	}
	for _, test := range tests {
		v, _, _, err := readCBOR(unhex(t, test.hex))
		if err != nil {
			t.Errorf("%s: %v", test.hex, err)
			continue
		}
		got := plainCBOR(v, 0)
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %#v, want %#v", test.hex, got, test.want)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("%s: %v", test.hex, err)
		}
	}
}

func TestCBOROddities(t *testing.T) {
	for in, want := range map[string]string{
		"a1616101":           "",
		"1801":               "not in CTAP2 canonical form", // longer than need be
		"bf616101ff":         "not in CTAP2 canonical form", // indefinite length
		"a2626161006162f5":   "not in CTAP2 canonical form", // keys out of order
		"a26162f56261610000": "",
	} {
		_, _, oddity, err := readCBOR(unhex(t, in))
		if err != nil || oddity != want {
			t.Errorf("%s: got %q, %v; want %q", in, oddity, err, want)
		}
	}
	if _, _, _, err := readCBOR(unhex(t, "a2616100616101")); err == nil {
		t.Error("a key that is there twice is not told")
	}
	if _, _, _, err := readCBOR([]byte(strings.Repeat("\x81", 100) + "\x00")); err == nil {
		t.Error("nesting has no bound")
	}
}

func TestDiagnosticBytes(t *testing.T) {
	if got := diagnosticBytes(make([]byte, 2000)); !strings.HasSuffix(got, "...' (2000 bytes)") || len(got) > 200 {
		t.Errorf("got %s", got)
	}
}

// FuzzDecodeWebAuthn: whatever a body holds, decoding ends, and its result can
// be written as JSON.
func FuzzDecodeWebAuthn(f *testing.F) {
	f.Add(registrationBody(f, "webauthn.create"))
	f.Add([]byte(`{"response":{"authenticatorData":"` + b64(authData(f, 0xc5)) + `"}}`))
	f.Add([]byte(`[{"clientData":""},{"attestationData":"oA"}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		writable(t, DecodeWebAuthn(body))
	})
}

// FuzzDecodeBinary is FuzzDecodeWebAuthn behind the base64.
func FuzzDecodeBinary(f *testing.F) {
	f.Add(attestation(f))
	f.Add(authData(f, 0xc5))
	f.Add([]byte(`{"type":"webauthn.create"}`))
	nested, err := cbor.Marshal(map[string]any{"attStmt": map[any]any{"x5c": []any{1, []byte{0x30}}, 1.5: nil}, "authData": []byte{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(nested)
	f.Fuzz(func(t *testing.T, raw []byte) {
		writable(t, decodeAttestationObject(raw))
		writable(t, decodeAuthenticatorData(raw))
		writable(t, decodeClientData(raw))
	})
}

func writable(t *testing.T, v any) {
	t.Helper()
	first, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("cannot be written: %v", err)
	}
	var again any
	if err := json.Unmarshal(first, &again); err != nil {
		t.Fatalf("cannot be read back: %v", err)
	}
}
