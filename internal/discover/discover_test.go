package discover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/fixtures"
	"github.com/touchstone-webauthn/touchstone/target"
)

// creation are options as an RP sends them, with a place for the challenge and the user's id.
func creation(challenge, id string) string {
	return fmt.Sprintf(`{"challenge":%q,"rp":{"id":"localhost","name":"x"},"user":{"id":%q,"name":"n","displayName":"d"},"pubKeyCredParams":[{"type":"public-key","alg":-7}]}`, challenge, id)
}

func TestFindOptions(t *testing.T) {
	const plain, padded, words = "AAECAwQFBgcICQoLDA0ODw", "+/ECAwQFBgcICQoLDA0ODw==", "a challenge, as text"
	quoted := func(s string) string { return fmt.Sprintf("%q", s) }
	for _, tc := range []struct {
		name, body string
		want       string // the expression; empty for none
		text       bool
	}{
		{"bare", creation(plain, "AQID"), ".res.body", false},
		{"beside a status", strings.Replace(creation(plain, "AQID"), "{", `{"status":"ok","error-message":"",`, 1), `.res.body | del(.["error-message"], .status)`, false},
		{"nested", `{"data":{"publicKey":` + creation(plain, "AQID") + `}}`, ".res.body.data.publicKey", false},
		{"in a list", `[{"a":1},` + creation(plain, "AQID") + `]`, ".res.body[1]", false},
		{"in a strange member", `{"a b\n":` + creation(plain, "AQID") + `}`, `.res.body["a b\n"]`, false},
		{"a text", quoted(creation(plain, "AQID")), ".res.body | from_jsonstring", false},
		{"in a text", `{"x":` + quoted(`{"publicKey":`+creation(plain, "AQID")+`}`) + `}`, ".res.body.x | from_jsonstring | .publicKey", false},
		{"base64", creation(padded, "AQI="), ".res.body | .challenge |= b64_to_b64u | .excludeCredentials[]?.id |= b64_to_b64u | .user.id |= b64_to_b64u", false},
		{"texts", creation(words, "a user"), ".res.body | .challenge |= utf8_to_b64u | .user.id |= utf8_to_b64u", true},
		{"the shallowest", `{"a":{"b":` + creation(plain, "AQID") + `},"z":` + creation(plain, "AQID") + `}`, ".res.body.z", false},
		{"no challenge", strings.Replace(creation(plain, "AQID"), "challenge", "chalenge", 1), "", false},
		{"challenge of bytes", strings.Replace(creation(plain, "AQID"), `"`+plain+`"`, `[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]`, 1), ".res.body | .challenge |= bytes_to_b64u | .excludeCredentials[]?.id |= bytes_to_b64u", false},
		{"Buffers", strings.Replace(creation("X", "Y"), `"X"`, `{"type":"Buffer","data":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]}`, 1), ".res.body | .challenge |= bytes_to_b64u | .excludeCredentials[]?.id |= bytes_to_b64u | .user.id |= utf8_to_b64u", false},
		{"challenge of other things", strings.Replace(creation(plain, "AQID"), `"`+plain+`"`, `[256]`, 1), "", false},
		{"request options", `{"challenge":"AAAA","rpId":"localhost"}`, "", false},
		{"a page", "<!doctype html>", "", false},
		{"nothing", "", "", false},
		{"too deep", strings.Repeat(`{"a":`, 20) + creation(plain, "AQID") + strings.Repeat("}", 20), "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := findOptions([]byte(tc.body), true)
			if f == nil {
				if tc.want != "" {
					t.Fatalf("found nothing, want %s", tc.want)
				}
				return
			}
			if got := f.expression(f.text); got != tc.want || f.text != tc.text {
				t.Fatalf("%s, text %v; want %s, %v", got, f.text, tc.want, tc.text)
			}
			// The expression is one that a profile reads the options with.
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, tc.body) }))
			defer s.Close()
			w := &writer{}
			permissive(w)
			pl := &plan{shape: Shape{Registration: Ceremony{Options: Step{ID: "options", Path: "/"}, Result: Step{ID: "result", Path: "/", Body: ".credential"}}}}
			w.in("ceremonies", func() { pl.ceremony(w, "registration", pl.shape.Registration, tc.want, nil) })
			p, err := load(w.b.String())
			if err != nil {
				t.Fatalf("%v\n%s", err, w.b.String())
			}
			tg, err := target.New(p, target.Options{URL: strings.Replace(s.URL, "127.0.0.1", "localhost", 1)})
			if err != nil {
				t.Fatal(err)
			}
			c, err := tg.NewSession(tg.NewUser("x")).Begin(t.Context(), target.Registration, target.Request{})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range c.Validate() {
				t.Errorf("the options that the expression yields: %v", d)
			}
		})
	}
	if f := findOptions([]byte(`{"x":{"challenge":"AAAA","allowCredentials":[]}}`), false); f == nil || f.at != ".res.body.x" {
		t.Errorf("request options: %v", f)
	}
	if f := findOptions([]byte(creation(plain, "AQID")), false); f != nil {
		t.Error("creation options are no request options")
	}
}

func TestDerive(t *testing.T) {
	answer := func(status int, body string) *seen {
		s := &seen{status: status, text: body}
		s.body, s.json = parse([]byte(body))
		return s
	}
	for _, tc := range []struct {
		name             string
		good, bad        *seen
		success, failure string
		message          string
		kinds            string
		doubt            string
	}{
		{"a boolean", answer(200, `{"verified":true}`), answer(400, `{"error":"no"}`), ".res.status == 200 and .res.body.verified == true", ".res.status >= 400 and .res.status < 500", ".res.body.error", "json json", ""},
		{"a word", answer(200, `{"status":"ok","errorMessage":""}`), answer(400, `{"status":"failed","errorMessage":"no"}`), `.res.status == 200 and .res.body.status == "ok"`, ".res.status >= 400 and .res.status < 500", ".res.body.errorMessage", "json json", ""},
		{"200 for both", answer(200, `{"verified":true}`), answer(200, `{"verified":false}`), ".res.status == 200 and .res.body.verified == true", "(.res.status == 200 or .res.status >= 400 and .res.status < 500) and .res.body.verified != true", "", "json json", ""},
		{"a status alone", answer(204, ""), answer(403, "no"), ".res.status == 204", ".res.status >= 400 and .res.status < 500", ".res.text", "json text", ""},
		{"a status that is no word", answer(200, `{"status":"5f2a"}`), answer(400, `{"status":"77aa"}`), ".res.status == 200", ".res.status >= 400 and .res.status < 500", "", "json json", ""},
		{"a server error", answer(200, ""), answer(500, `{"message":"x"}`), ".res.status == 200", ".res.status >= 400", ".res.body.message", "text json", "status 500"},
		{"alike", answer(200, `{"id":1}`), answer(200, `{"id":2}`), ".res.status == 200", ".res.status >= 400 and .res.status < 500", "", "json any", "either the RP takes it"},
		{"no success", answer(401, `{"error":"x"}`), nil, ".res.status >= 200 and .res.status < 300", ".res.status >= 400 and .res.status < 500", ".res.body.error", "any json", "no valid result was accepted"},
		{"nothing", nil, nil, ".res.status >= 200 and .res.status < 300", ".res.status >= 400 and .res.status < 500", "", "any any", "no refusal was seen"},
	} {
		v := derive(tc.good, tc.bad)
		if v.success != tc.success || v.failure != tc.failure || v.message != tc.message || v.answer+" "+v.failureAnswer != tc.kinds || !strings.Contains(v.doubt, tc.doubt) || tc.doubt == "" && v.doubt != "" {
			t.Errorf("%s: %+v", tc.name, v)
		}
	}
}

// TestShapes: each shape makes profiles that the loader reads, and every shipped
// dialect is looked for.
func TestShapes(t *testing.T) {
	shapes, err := Shapes()
	if err != nil {
		t.Fatal(err)
	}
	var dialects, names []string
	examples := 0
	for _, s := range shapes {
		if s.Title == "" {
			t.Errorf("%s: no title", s.Name)
		}
		if s.Example != "" {
			examples++
			w := &search{}
			if _, err := load(w.copied(&candidate{shape: s, opts: target.Options{URL: "https://rp.test"}}, s.Example)); err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
			continue
		}
		if slices.Contains(names, s.Name) {
			t.Errorf("%s: twice", s.Name)
		}
		names = append(names, s.Name)
		if len(s.Dialects) > 0 {
			dialects = append(dialects, s.Dialects...)
			continue
		}
		if len(s.Documents) == 0 {
			t.Errorf("%s: says nowhere where it is from", s.Name)
		}
		for _, ask := range s.Asks {
			if !slices.ContainsFunc(asks, func(a struct{ name, member string }) bool { return a.name == ask }) {
				t.Errorf("%s asks %s, which is no feature request.*", s.Name, ask)
			}
		}
		f := findOptions([]byte(creation("AAECAwQFBgcICQoLDA0ODw", "AQID")), true)
		for _, account := range []bool{true, false} {
			account = account && len(s.Account.Create)+len(s.Account.Login) > 0
			pl := &plan{shape: s, account: account, opts: target.Options{URL: "https://rp.test"}}
			pl.registration.found, pl.registration.asked = f, &seen{status: 200}
			texts := []string{pl.asking(), pl.trying(), pl.write()}
			pl.authentication = pl.registration
			texts = append(texts, pl.trying(), pl.write())
			for _, text := range texts {
				if _, err := load(text); err != nil {
					t.Errorf("%s: %v\n%s", s.Name, err, text)
				}
			}
		}
	}
	if examples < 2 {
		t.Errorf("%d example profiles", examples)
	}
	for _, d := range fixtures.DialectNames() {
		if !slices.Contains(dialects, d) {
			t.Errorf("no shape in fixtures/shapes.yaml has the dialect %s", d)
		}
	}
}

// TestHostile: whatever is answered, the search ends soon and with a word.
func TestHostile(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	for _, tc := range []struct {
		name   string
		h      http.HandlerFunc
		silent bool
		said   string
	}{
		{"redirects", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.invalid/", http.StatusFound)
		}, false, "302 a redirect"},
		{"a body without end", func(w http.ResponseWriter, _ *http.Request) {
			for chunk := make([]byte, 1<<20); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, false, "bytes"},
		{"depth", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("[", 30000)) }, false, "200"},
		{"control characters", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"error":"a\u001b[2Jb"}`) }, false, "a\uFFFD[2Jb"},
		{"nothing in time", func(http.ResponseWriter, *http.Request) { <-over }, true, ""},
		{"a dropped connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true, ""},
		{"options that no client takes", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Replace(creation("AAECAwQFBgcICQoLDA0ODw", "AQID"), "localhost", "elsewhere.test\\nx", 1))
		}, false, "creation options"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := httptest.NewServer(tc.h)
			defer func() {
				s.CloseClientConnections()
				if !tc.silent {
					s.Close()
				}
			}()
			var said []string
			start := time.Now()
			f, err := Find(t.Context(), Config{
				URL: s.URL, Timeout: 300 * time.Millisecond, Shapes: []string{"fido", "simplewebauthn"},
				Try:  func(context.Context, *target.Target) (bool, string, error) { return false, "not tried", nil },
				Told: func(a Asked) { said = append(said, a.Said) },
			})
			if d := time.Since(start); d > 8*time.Second {
				t.Errorf("it took %v", d)
			}
			if tc.silent {
				if !errors.Is(err, ErrSilent) {
					t.Errorf("%v, want silence", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(said, "\n"), tc.said) {
				t.Errorf("said %q", said)
			}
			if f.OK {
				t.Error("it fits")
			}
			if f.Profile != nil {
				if !strings.Contains(string(f.Profile), "# It does not work yet: not tried") {
					t.Errorf("the file does not say that it does not work:\n%s", f.Profile)
				}
				if _, err := target.LoadProfile("x", f.Profile); err != nil {
					t.Errorf("%v\n%s", err, f.Profile)
				}
			}
		})
	}
}

// TestTarpit: where only what is there is answered, that is found all the same.
func TestTarpit(t *testing.T) {
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/attestation/options" {
			<-over
		}
		fmt.Fprint(w, strings.Replace(creation("AAECAwQFBgcICQoLDA0ODw", "AQID"), "{", `{"status":"ok",`, 1))
	}))
	defer s.Close()
	defer close(over)
	tries := 0
	f, err := Find(t.Context(), Config{
		URL: s.URL, Timeout: 200 * time.Millisecond,
		Try: func(context.Context, *target.Target) (bool, string, error) { tries++; return false, "not tried", nil },
	})
	if err != nil || f.Profile == nil || f.Dialect != "fido" || tries == 0 {
		t.Errorf("%+v, %v after %d trials", f, err, tries)
	}
}

func TestStaleChallenge(t *testing.T) {
	// {"type":"webauthn.create","challenge":"AQID","origin":"https://a"}
	in := json.RawMessage(`{"id":"x","response":{"clientDataJSON":"eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiQVFJRCIsIm9yaWdpbiI6Imh0dHBzOi8vYSJ9","attestationObject":"AA"}}`)
	out := staleChallenge(in)
	if string(out) == string(in) || !strings.Contains(string(out), `"attestationObject":"AA"`) {
		t.Errorf("%s", out)
	}
	if out := staleChallenge(json.RawMessage(`[]`)); string(out) != "[]" {
		t.Errorf("%s", out)
	}
}

func TestOnly(t *testing.T) {
	const options = `{"challenge":"AA","pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}]}`
	if got := string(only(json.RawMessage(options), rs256)); got != `{"challenge":"AA","pubKeyCredParams":[{"type":"public-key","alg":-257}]}` {
		t.Error(got)
	}
	for _, alg := range []int{0, -8} {
		if got := string(only(json.RawMessage(options), alg)); got != options {
			t.Errorf("%d: %s", alg, got)
		}
	}
}

func TestScalarYAML(t *testing.T) {
	for _, s := range []string{"true", "null", "a: b", "a #b", "it's", "'x'", "{a}", "", " a", "-", "1", "/x/{user.name}", `.res.body["a\nb"]`, "https://x.test:8080/a", "&a", "*a", "!a", "a:", "yes", "~", "@x", "`x`", "| x", "> x", "%x"} {
		w := &writer{}
		w.line("dialect: x")
		w.value("title", s)
		w.line("success: 'true'")
		w.line("failure: 'false'")
		w.line("ceremonies: {registration: {steps: [{id: a, path: /, options: .res}, {id: b, path: /, result: true, body: {json: '1'}}]}}")
		p, err := target.LoadProfile("x", []byte(w.b.String()))
		if err != nil || p.Title() != s {
			t.Errorf("%q came back as %v, %v", s, p, err)
		}
	}
}
