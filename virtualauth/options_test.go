package virtualauth_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

func cborUnmarshal(b []byte, v any) error { return cbor.Unmarshal(b, v) }

func TestParseCreationOptions(t *testing.T) {
	o, err := virtualauth.ParseCreationOptions([]byte(someCreationOptions))
	if err != nil {
		t.Fatal(err)
	}
	timeout := uint32(60000)
	want := &virtualauth.CreationOptions{
		RP:                     virtualauth.RPEntity{ID: "rp.example", Name: "RP"},
		User:                   virtualauth.UserEntity{ID: []byte("handle"), Name: "ada", DisplayName: "Ada"},
		Challenge:              []byte("a challenge of thirty-two bytes."),
		PubKeyCredParams:       []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: -7}, {Type: "public-key", Alg: -257}},
		Timeout:                &timeout,
		ExcludeCredentials:     []virtualauth.Descriptor{{Type: "public-key", ID: []byte{0, 1, 2}, Transports: []string{"usb"}}},
		AuthenticatorSelection: virtualauth.AuthenticatorSelection{ResidentKey: "preferred", UserVerification: "preferred"},
		Hints:                  []string{"security-key"},
		Attestation:            "direct",
		AttestationFormats:     []string{"packed"},
		Extensions:             map[string]json.RawMessage{"credProps": json.RawMessage("true"), "example.extension.bool": json.RawMessage("true")},
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("read\n%+v, not\n%+v", o, want)
	}
}

// TestConversions: options are read by the rules of Web IDL, like in a browser.
func TestConversions(t *testing.T) {
	for _, tc := range []struct{ from, to, want string }{
		{`"alg":-7}`, `"alg":"Es256"}`, ""}, // NaN becomes 0
		{`"alg":-7}`, `"alg":-7.9}`, ""},
		{`"alg":-7}`, `"alg":4294967289}`, ""},
		{`"alg":-7}`, `"alg":{}}`, ""},
		{`"alg":-7}`, `"algo":-7}`, "TypeError"},
		{`"rp":{`, `"rp":{"entity":{"id":"evil.example"},`, ""},
		{`"id":"rp.example"`, `"id":null`, ""},
		{`"name":"RP"`, `"name":null`, ""},
		{`,"name":"RP"`, ``, "TypeError"},
		{`"displayName"`, `"displayname"`, "TypeError"},
		{`"pubKeyCredParams"`, `"pubKeyCredParam"`, "TypeError"},
		{`"transports":["usb"]`, `"transports":"usb"`, "TypeError"},
		{`"transports":["usb"]`, `"transports":null`, "TypeError"},
		{`"hints":["security-key"]`, `"hints":{}`, "TypeError"},
		{`"excludeCredentials":[{"type":"public-key","id":"AAEC","transports":["usb"]}]`, `"excludeCredentials":null`, "TypeError"},
		{`"excludeCredentials":[{`, `"excludeCredentials":[7,{`, "TypeError"},
		{`"authenticatorSelection":{`, `"x":{`, ""},
		{`"timeout":60000`, `"timeout":"abc"`, ""},
		{`"timeout":60000`, `"timeout":null`, ""},
		{`"id":"aGFuZGxl"`, `"id":"aGFuZGx="`, "EncodingError"},
		{`"id":"AAEC"`, `"id":"A+/C"`, "EncodingError"},
		{`"id":"AAEC"`, `"id":"AA\nEC"`, "EncodingError"},
		{`"challenge":"`, `"challenge":"!`, "EncodingError"},
		{`"rp":{`, `"rp":7,"was":{`, "TypeError"},
		{`"extensions":{`, `"extensions":"","was":{`, "TypeError"},
		{`"timeout":60000,`, `"timeout":60000,,`, "SyntaxError"},
		{`"timeout":60000`, `"timeout":060000`, "SyntaxError"},
	} {
		text := strings.Replace(someCreationOptions, tc.from, tc.to, 1)
		if text == someCreationOptions {
			t.Fatalf("%s is not in the options", tc.from)
		}
		if _, err := virtualauth.ParseCreationOptions([]byte(text)); nameOf(err) != tc.want {
			t.Errorf("%s: %v, want %q", tc.to, err, tc.want)
		}
	}
	for value, want := range map[string]int64{`"-7"`: -7, `-7.9`: -7, `4294967289`: -7, `"Es256"`: 0, `true`: 1, `null`: 0, `[-7]`: -7, `"0x10"`: 16, `1e3`: 1000, `""`: 0, `"Infinity"`: 0} {
		o, err := virtualauth.ParseCreationOptions([]byte(strings.Replace(someCreationOptions, `"alg":-7}`, `"alg":`+value+`}`, 1)))
		if err != nil || o.PubKeyCredParams[0].Alg != want {
			t.Errorf("alg %s was read as %d (%v), not %d", value, o.PubKeyCredParams[0].Alg, err, want)
		}
	}
	for value, want := range map[string]string{`null`: "null", `7`: "7", `1e21`: "1e+21", `0.1`: "0.1", `1e-7`: "1e-7", `true`: "true", `{}`: "[object Object]", `[1,null,"a"]`: "1,,a", `"\u0041\n"`: "A\n"} {
		o, err := virtualauth.ParseCreationOptions([]byte(strings.Replace(someCreationOptions, `"name":"RP"`, `"name":`+value, 1)))
		if err != nil || o.RP.Name != want {
			t.Errorf("name %s was read as %q (%v), not %q", value, o.RP.Name, err, want)
		}
	}
	for value, want := range map[string]bool{`"false"`: true, `""`: false, `0`: false, `1`: true, `null`: false, `{}`: true, `true`: true} {
		o, err := virtualauth.ParseCreationOptions([]byte(strings.Replace(someCreationOptions, `"requireResidentKey":false`, `"requireResidentKey":`+value, 1)))
		if err != nil || o.AuthenticatorSelection.RequireResidentKey != want {
			t.Errorf("requireResidentKey %s was read as %v (%v)", value, o.AuthenticatorSelection.RequireResidentKey, err)
		}
	}
}

func TestParseRequestOptions(t *testing.T) {
	o, err := virtualauth.ParseRequestOptions([]byte(someRequestOptions))
	if err != nil {
		t.Fatal(err)
	}
	if o.RPID != "rp.example" || len(o.AllowCredentials) != 1 || o.UserVerification != "preferred" || string(o.Extensions["appid"]) != `"https://rp.example/app.json"` {
		t.Errorf("read %+v", o)
	}
	for text, want := range map[string]string{`{}`: "TypeError", `7`: "TypeError", `null`: "TypeError", ``: "SyntaxError", `{"challenge":"AA=="}`: "EncodingError", `{"challenge":"AA","allowCredentials":7}`: "TypeError"} {
		if _, err := virtualauth.ParseRequestOptions([]byte(text)); nameOf(err) != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestResponsesRoundTrip: what is marshalled is the Level 3 dictionary, and reads back the same.
func TestResponsesRoundTrip(t *testing.T) {
	w := newTwin(t, virtualauth.Fault{})
	w.reg.Response.ClientExtensionResults = map[string]json.RawMessage{"credProps": json.RawMessage(`{"rk":true}`)}
	var reg virtualauth.RegistrationResponse
	raw := marshal(t, w.reg.Response)
	if err := json.Unmarshal(raw, &reg); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(reg, w.reg.Response) {
		t.Errorf("read back\n%+v, not\n%+v", reg, w.reg.Response)
	}
	var members struct{ Response map[string]any }
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"clientDataJSON", "attestationObject", "authenticatorData", "transports", "publicKey", "publicKeyAlgorithm"} {
		if _, there := members.Response[name]; !there {
			t.Errorf("response has no %s", name)
		}
	}
	var login virtualauth.AuthenticationResponse
	if err := json.Unmarshal(marshal(t, w.login.Response), &login); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(login, w.login.Response) {
		t.Errorf("read back\n%+v, not\n%+v", login, w.login.Response)
	}
	login.ClientExtensionResults = map[string]json.RawMessage{"x": json.RawMessage("{")}
	if _, err := json.Marshal(login); err == nil {
		t.Error("an extension result that is not JSON was marshalled")
	}
	for _, text := range []string{`{"rawId":"AA=="}`, `{"rawId":7}`, `{"response":7}`} {
		if json.Unmarshal([]byte(text), &reg) == nil || json.Unmarshal([]byte(text), &login) == nil {
			t.Errorf("%s was read", text)
		}
	}
}
