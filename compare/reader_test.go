package compare

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
)

const (
	aCreation = `{"challenge":"AAEC","rp":{"name":"x","id":"rp.example"},"user":{"id":"AA","name":"n","displayName":"d"},"pubKeyCredParams":[]}`
	aRequest  = `{"challenge":"AAEC","rpId":"login.example","allowCredentials":[{"type":"public-key","id":"AAEC"}]}`
)

func TestReadOptions(t *testing.T) {
	har := func(body, encoding string) string {
		if encoding == "base64" {
			body = base64.StdEncoding.EncodeToString([]byte(body))
		}
		return `{"log":{"entries":[{"request":{"method":"GET","url":"https://a/"},"response":{"content":{"text":"<html>"}}},
			{"request":{"method":"POST","url":"https://a/options","headers":[{"name":"Origin","value":"https://rp.example"}]},
			 "response":{"content":{"text":` + quoted(body) + `,"encoding":"` + encoding + `"}}}]}}`
	}
	for _, tt := range []struct{ name, data, check, want string }{
		{"bare creation", aCreation, "", "create@"},
		{"bare request", aRequest, "", "get@"},
		{"only a challenge", `{"challenge":"AAEC"}`, "", "get@"},
		{"creation without a challenge", `{"rp":{"name":"x"},"user":{},"pubKeyCredParams":[]}`, "", "create@"},
		{"publicKey", `{"publicKey":` + aCreation + `}`, "", "create@publicKey"},
		{"publicKey with mediation", `{"mediation":"conditional","publicKey":` + aRequest + `}`, "", "get@publicKey/conditional"},
		{"wrapped twice", `{"publicKey":{"publicKey":` + aRequest + `}}`, "", "get@publicKey.publicKey"},
		{"an RP's answer", `{"status":"ok","errorMessage":"",` + aCreation[1:], "", "create@"},
		{"deep in an answer", `{"data":[{"a":1},{"options":` + aRequest + `}]}`, "", "get@data[1].options"},
		{"a vendor's spelling", `{"challenge":"AAEC","rp":{"name":"x","entity":{}},"pubKeyCredParam":[]}`, "", "create@"},
		{"HAR", har(aCreation, ""), "", "create@entry 2 (POST https://a/options) https://rp.example"},
		{"HAR in base64", har(`{"publicKey":`+aRequest+`}`, "base64"), "", "get@entry 2 (POST https://a/options) publicKey https://rp.example"},
		{"trace", `{"traceVersion":1,"ceremonies":[{"kind":"registration","origin":"https://o.example","options":` + aCreation + `,"authenticator":{"transport":"nfc","u2f":true}}]}`, "", "create@ceremony 1 (registration) https://o.example nfc u2f"},
		{"report", `{"schemaVersion":1,"targets":[{"name":"t","origin":"https://o.example"}],"checks":[{"id":"a.b","target":"t","client":"virtual","exchanges":[{"step":"options","responseBody":` + quoted(aCreation) + `}]}]}`, "a.b", "create@a.b on t through virtual, exchange 1 (options) https://o.example"},
		{"byte order mark", "\xef\xbb\xbf" + aRequest, "", "get@"},
	} {
		found, err := ReadOptions("f", []byte(tt.data), tt.check)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		f := found[0]
		got := f.Method + "@" + strings.TrimSpace(strings.TrimPrefix(f.Where, "f"))
		if f.Mediation != "" {
			got += "/" + f.Mediation
		}
		if f.Origin != "" {
			got += " " + f.Origin
		}
		if a := f.Authenticator; a != nil {
			got += " " + a.Transport
			if a.U2F {
				got += " u2f"
			}
		}
		if got != tt.want || len(found) != 1 {
			t.Errorf("%s: %d found, first %q, want %q", tt.name, len(found), got, tt.want)
		}
	}
	for _, tt := range []struct{ data, check, want string }{
		{"", "", "not JSON"},
		{"{\n\n  'a'}", "", "line 3"},
		{"[1]", "", "holds a list"},
		{`{"a":1}`, "", "holds no options"},
		{aRequest, "a.b", "no report"},
		{`{"schemaVersion":1}`, "", "no --check"},
		{`{"schemaVersion":1,"checks":[]}`, "a.b", "keeps no exchange"},
		{`{"log":{"entries":7}}`, "", "holds no options"},
	} {
		_, err := ReadOptions("f", []byte(tt.data), tt.check)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: the error is %v, want one with %q", tt.data, err, tt.want)
		}
	}
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

func TestHeldFor(t *testing.T) {
	rk := client.AuthenticatorConfig{ResidentKeys: true}
	for _, tt := range []struct {
		name, options, method string
		cfg                   client.AuthenticatorConfig
		excluded              bool
		want                  string
	}{
		{"listed", aRequest, "get", rk, false, "\x00\x01\x02@login.example"},
		{"not listed", `{"challenge":"AA"}`, "get", rk, false, "a discoverable credential@rp.example resident"},
		{"no resident keys", `{"challenge":"AA"}`, "get", client.AuthenticatorConfig{}, false, ""},
		{"creation", aCreation, "create", rk, false, ""},
		{"excluded", `{"rp":{"id":"a.example"},"excludeCredentials":[{"id":7},{"id":"AAEC"},{"id":"AAED"}]}`, "create", rk, true, "\x00\x01\x02@a.example"},
		{"not base64url", `{"allowCredentials":[{"id":"*"}]}`, "get", rk, false, ""},
	} {
		var got []string
		for _, h := range HeldFor(Found{Method: tt.method, Options: []byte(tt.options)}, CaseOrigin, tt.cfg, tt.excluded) {
			s := string(h.ID) + "@" + h.RPID
			if h.Resident {
				s += " resident"
			}
			got = append(got, s)
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, s, tt.want)
		}
	}
}

// TestRecorded: the authenticator and what it holds are made like those that
// answered, as far as the response tells.
func TestRecorded(t *testing.T) {
	trace := func(kind, options, call string) []byte {
		return []byte(`{"traceVersion":1,"client":{"name":"recorder","version":"7"},"ceremonies":[{"kind":"` + kind + `","origin":"https://rp.example","topOrigin":"https://top.example","options":` + options + `,"calls":[` + call + `]}]}`)
	}
	// Flags UP, BE and BS; a counter of 9.
	const data = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAZAAAACQ"
	for name, tt := range map[string]struct {
		trace           []byte
		cfg, held, want string
	}{
		"a platform authenticator": {trace("registration", aCreation, `{"method":"create","response":{"authenticatorAttachment":"platform","response":{"authenticatorData":"`+data+`","clientDataJSON":"e30"}}}`),
			"internal true true", "", "resolved"},
		"a phone": {trace("registration", aCreation, `{"method":"create","response":{"response":{"clientDataJSON":"e30","transports":["hybrid"]}}}`), "hybrid false false", "", "resolved"},
		"a card":  {trace("registration", aCreation, `{"method":"create","response":{"response":{"clientDataJSON":"e30","transports":["nfc"]}}}`), "nfc false false", "", "resolved"},
		"the credential that answered": {trace("authentication", aRequest, `{"method":"get","response":{"rawId":"AAEC","response":{"clientDataJSON":"e30","authenticatorData":"`+data+`","userHandle":"AAE"}}}`),
			"usb true true", "000102 resident 0001", "resolved"},
		"what stopped create()": {trace("registration", `{"challenge":"AA","rp":{},"excludeCredentials":[{"id":"AAED"}]}`, `{"method":"create","error":{"name":"InvalidStateError"}}`), "", "000103", "InvalidStateError"},
		"another error":         {trace("registration", `{"challenge":"AA","rp":{},"excludeCredentials":[{"id":"AAED"}]}`, `{"method":"create","error":{"name":"NotAllowedError"}}`), "", "", "NotAllowedError"},
	} {
		found, err := ReadOptions("f", tt.trace, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f := found[0]
		cfg := client.AuthenticatorConfig{ResidentKeys: true}
		got := ""
		if a := f.Authenticator; a != nil {
			cfg, got = *a, fmt.Sprintf("%s %v %v", a.Transport, a.BackupEligible, a.BackupState)
		}
		if got != tt.cfg {
			t.Errorf("%s: the authenticator is %q, want %q", name, got, tt.cfg)
		}
		held := ""
		for _, h := range HeldFor(f, f.Origin, cfg, false) {
			if held += fmt.Sprintf("%x", h.ID); h.Resident {
				held += fmt.Sprintf(" resident %x", h.UserHandle)
			}
		}
		if held != tt.held {
			t.Errorf("%s: it holds %q, want %q", name, held, tt.held)
		}
		o, err := f.Recorded.Outcome(Input{Call: client.Call{Method: f.Method, Options: f.Options}})
		if err != nil || o.Fields["outcome"] != tt.want || o.Client != "recorded" || o.Version != "7" || f.TopOrigin != "https://top.example" {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
}

func TestBrowserOf(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36":                 "Chrome 156.0.0.0",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36":         "Chrome 156.0.0.0",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.1.2":     "Edge 156.0.1.2",
		"Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0":                                                "Firefox 153.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15": "Safari 26.1",
		"Mozilla/5.0": "Mozilla/5.0", "156.0.1": "156.0.1", "": "",
	} {
		if got := browserOf(agent); got != want {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
	}
}

func TestOriginFor(t *testing.T) {
	for id, want := range map[string]string{
		"rp.example": "https://rp.example", "localhost": "http://localhost", "a.localhost": "http://a.localhost",
		"": CaseOrigin, "HTTPS://X": CaseOrigin, "10.0.0.1": CaseOrigin, "a b": CaseOrigin,
	} {
		if got := OriginFor(Found{Method: "get", Options: []byte(`{"rpId":` + quoted(id) + `}`)}); got != want {
			t.Errorf("%q: %s, want %s", id, got, want)
		}
	}
}

func FuzzReadOptions(f *testing.F) {
	f.Add([]byte(aCreation), "")
	f.Add([]byte(`{"publicKey":{"publicKey":`+aRequest+`}}`), "")
	f.Add([]byte(`{"log":{"entries":[{"response":{"content":{"text":"{}"}}}]}}`), "")
	f.Add([]byte(`{"schemaVersion":1,"checks":[{"id":"a","exchanges":[{"responseBody":"{}"}]}]}`), "a")
	f.Fuzz(func(t *testing.T, data []byte, check string) {
		found, err := ReadOptions("f", data, check)
		if err == nil && len(found) == 0 {
			t.Error("neither options nor an error")
		}
		for _, o := range found {
			if o.Method != "create" && o.Method != "get" || first(o.Options) != '{' {
				t.Errorf("%s %s", o.Method, o.Options)
			}
			OriginFor(o)
			if o.Recorded != nil {
				_, _ = o.Recorded.Outcome(Input{Call: client.Call{Method: o.Method, Options: o.Options}}) // no panic
			}
			HeldFor(o, CaseOrigin, client.AuthenticatorConfig{ResidentKeys: true}, true)
		}
	})
}
