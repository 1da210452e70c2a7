package target

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var quiet = log.New(io.Discard, "", 0)

func readTestdata(name string) ([]byte, error) { return os.ReadFile(filepath.Join("testdata", name)) }

func TestEncodings(t *testing.T) {
	for _, c := range []struct{ expr, in, want string }{
		{"utf8_to_b64u", `"us-ü"`, `"dXMtw7w"`},
		{"b64u_to_utf8", `"dXMtw7w"`, `"us-ü"`},
		{"b64_to_b64u", `"++//+w=="`, `"--__-w"`},
		{"b64u_to_b64", `"--__-w"`, `"++//+w=="`},
		{"b64u_to_hex", `"--__"`, `"fbefff"`},
		{"hex_to_b64u", `"FBefff"`, `"--__"`},
		{"from_jsonstring", `"{\"a\":1.0}"`, `{"a":1.0}`},
		{"to_jsonstring", `{"b":"<&>","a":[1e400,12345678901234567890]}`, `"{\"a\":[1e400,12345678901234567890],\"b\":\"<&>\"}"`},
		{"compact", `{"a":null,"b":{"c":null}}`, `{"b":{"c":null}}`},
		{"[.[] | utf8_to_b64u, b64u_to_utf8, b64_to_b64u, b64u_to_b64, b64u_to_hex, hex_to_b64u, from_jsonstring, compact]", `[null]`, `[null,null,null,null,null,null,null,null]`},
		{"try b64u_to_hex catch .", `"!"`, `"not base64url"`},
		{"try utf8_to_b64u catch .", `7`, `"a string is needed, not number"`},
	} {
		e, err := compileJQ(&node{kind: stringNode, text: ".x | " + c.expr}, nil)
		if err != nil {
			t.Fatal(err)
		}
		in, err := parseJSON([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		v, err := e.run(map[string]any{"x": in}, "")
		if err != nil {
			t.Errorf("%s of %s: %v", c.expr, c.in, err)
			continue
		}
		if got := string(encodeJSON(v, nil)); got != c.want {
			t.Errorf("%s of %s is %s, want %s", c.expr, c.in, got, c.want)
		}
	}
}

func TestNumbersStayExact(t *testing.T) {
	rp := fidoRP()
	rp.answers["POST /attestation/options"] = say(200, `{"status":"ok","errorMessage":"","timeout":60000.0,"big":12345678901234567890123,"small":1.10}`)
	tg := start(t, "fido", rp)
	c, err := tg.NewSession(User{Name: "ann"}).Begin(background(t), Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(c.Options), `{"big":12345678901234567890123,"small":1.10,"timeout":60000.0}`; got != want {
		t.Errorf("options %s, want %s", got, want)
	}
}

// TestDfnsKey verifies the hook's signatures as the Dfns documents say a
// server does: over the received bytes, with members in the order given.
func TestDfnsKey(t *testing.T) {
	call := func(f func([]byte, any) (any, error), seed, challenge string) map[string]string {
		t.Helper()
		v, err := f([]byte(seed), challenge)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for k, x := range v.(map[string]any) {
			out[k] = x.(string)
		}
		return out
	}
	reg := call(dfnsKeyAttestation, "seed", "Y2g<&>")
	clientData := decoded(t, reg["clientData"])
	if clientData != `{"type":"key.create","challenge":"Y2g<&>"}` {
		t.Errorf("client data %s", clientData)
	}
	var att struct{ PublicKey, Signature string }
	if err := json.Unmarshal([]byte(decoded(t, reg["attestationData"])), &att); err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode([]byte(att.PublicKey))
	if block == nil || len(rest) != 0 || block.Type != "PUBLIC KEY" {
		t.Fatalf("public key %q", att.PublicKey)
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key := pub.(*ecdsa.PublicKey)
	hash := sha256.Sum256([]byte(clientData))
	quoted, err := json.Marshal(att.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	signed := sha256.Sum256([]byte(`{"clientDataHash":"` + hex.EncodeToString(hash[:]) + `","publicKey":` + string(quoted) + `}`))
	sig, err := hex.DecodeString(att.Signature)
	if err != nil || !ecdsa.VerifyASN1(key, signed[:], sig) {
		t.Errorf("attestation signature: %v", err)
	}

	get := call(dfnsKeyAssertion, "seed", "bG9naW4")
	clientData = decoded(t, get["clientData"])
	if clientData != `{"type":"key.get","challenge":"bG9naW4"}` || get["credId"] != reg["credId"] {
		t.Errorf("client data %s of %s", clientData, get["credId"])
	}
	hash = sha256.Sum256([]byte(clientData))
	if sig, err := base64.RawURLEncoding.DecodeString(get["signature"]); err != nil || !ecdsa.VerifyASN1(key, hash[:], sig) {
		t.Errorf("assertion signature: %v", err)
	}
	// Equal seeds give equal bytes, others another key.
	if again := call(dfnsKeyAssertion, "seed", "bG9naW4"); again["signature"] != get["signature"] {
		t.Error("two signatures differ")
	}
	if other := call(dfnsKeyAssertion, "other", "bG9naW4"); other["credId"] == get["credId"] {
		t.Error("two seeds have one key")
	}
	if _, err := dfnsKeyAssertion([]byte("seed"), map[string]any{}); err == nil {
		t.Error("an object is no challenge")
	}
}

func TestCookies(t *testing.T) {
	// A Relying Party that thinks it is https://rp.example, reached at 127.0.0.1.
	var got []string
	var mu sync.Mutex
	mux := http.NewServeMux()
	mux.HandleFunc("/attestation/options", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-sid", Value: "s-1234567", Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		http.SetCookie(w, &http.Cookie{Name: "d", Value: "d-1234567", Domain: "rp.example", Path: "/"})
		http.SetCookie(w, &http.Cookie{Name: "gone", Value: "x", Path: "/", MaxAge: -1})
		media("application/json", 200, fidoCreation)(w, r)
	})
	mux.HandleFunc("/attestation/result", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		got = append(got, r.Header.Get("Cookie"))
		mu.Unlock()
		media("application/json", 200, `{"status":"ok","errorMessage":""}`)(w, r)
	})
	tg := start(t, "fido", mux)
	s := tg.NewSession(User{Name: "ann"})
	c, err := s.Begin(background(t), Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, c, registrationCredential, WireFaults{})
	finish(t, c.In(s.Fork()), registrationCredential, WireFaults{})
	if len(got) != 2 || got[0] != "__Host-sid=s-1234567; d=d-1234567" || got[1] != "" {
		t.Errorf("cookies %q", got)
	}
	for _, h := range s.Exchanges()[0].ResponseHeader {
		if strings.Contains(h[1], "1234567") {
			t.Errorf("a cookie's value in the log: %v", h)
		}
	}
}

func TestRedaction(t *testing.T) {
	rp := fortanixRP(fortanixCreation)
	srv := httptest.NewServer(rp)
	defer srv.Close()
	for _, show := range []bool{false, true} {
		tg := bind(t, "fortanix", Options{URL: srv.URL, RPID: "rp.example", ShowSecrets: show})
		s := tg.NewSession(tg.NewUser("ann"))
		if err := s.Setup(background(t)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Begin(background(t), Registration, Request{}); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(s.Exchanges())
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"Touchstone-ann-1!", "at-123456", base64.StdEncoding.EncodeToString([]byte("ann@touchstone.example:Touchstone-ann-1!"))} {
			if strings.Contains(string(b), secret) != show {
				t.Errorf("show %v: %q in the log: %v", show, secret, !show)
			}
		}
		if !strings.Contains(string(b), "ann@touchstone.example") || !strings.Contains(string(b), "AAAAAAAAAAAAAAAAAAAAAA") {
			t.Error("what is no secret is gone")
		}
	}
	r := &redactor{}
	for in, want := range map[string]string{
		`{"user_password":"a\"b","x":"y"}`:              `{"user_password":"[redacted]","x":"y"}`,
		`{"payload":"{\"token\":\"abc\",\"id\":\"x\"}"`: `{"payload":"{\"token\":\"[redacted]\",\"id\":\"x\"}"`,
		`{"temporaryAuthenticationToken" : "abc"`:       `{"temporaryAuthenticationToken" : "[redacted]"`,
		`{"access_token":"ab`:                           `{"access_token":"[redacted]`,
		`{"userAction":"abc"}`:                          `{"userAction":"[redacted]"}`,
		`{"challenge":"abc","fido2SessionId":"s"}`:      `{"challenge":"abc","fido2SessionId":"s"}`,
	} {
		if got := r.body([]byte(in)).Text; got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	for in, want := range map[[2]string]string{
		{"Authorization", "Bearer abc"}:         "Bearer [redacted]",
		{"Authorization", "abc"}:                "[redacted]",
		{"Cookie", "a=b; c=d"}:                  "a=[redacted]; c=[redacted]",
		{"Set-Cookie", "a=b; Path=/; HttpOnly"}: "a=[redacted]; Path=/; HttpOnly",
		{"X-Api-Key", "abc"}:                    "[redacted]",
		{"X-Dfns-Useraction", "abc"}:            "[redacted]",
		{"Accept", "application/json"}:          "application/json",
	} {
		if got := r.header(in[0], in[1]); got != want {
			t.Errorf("%v is %q, want %q", in, got, want)
		}
	}
	if b := r.body([]byte("\xff\xfe")); b.Base64 != "//4=" || b.Size != 2 {
		t.Errorf("bytes %+v", b)
	}
}

func TestSpring(t *testing.T) {
	text, err := readTestdata("spring.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := LoadProfile("spring.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	var login, result string
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		login = string(b)
		w.Header().Set("X-CSRF-TOKEN", "csrf-1")
		http.Redirect(w, r, "/", http.StatusFound)
	})
	mux.HandleFunc("POST /webauthn/register/options", media("application/json", 200, `{"challenge":"AAAA"}`))
	mux.HandleFunc("POST /webauthn/register", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		result = r.Header.Get("X-CSRF-TOKEN") + string(b)
		media("application/json", 200, `{"success":true}`)(w, r)
	})
	tg, err := New(p, Options{Handler: mux, Origin: "https://rp.example"})
	if err != nil {
		t.Fatal(err)
	}
	s := tg.NewSession(tg.NewUser("ann"))
	if err := s.Setup(background(t)); err != nil {
		t.Fatal(err)
	}
	if login != "password=Touchstone-ann-1%21&username=ann" {
		t.Errorf("login %q", login)
	}
	c, err := s.Begin(background(t), Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	if o := finish(t, c, `{"id":"x"}`, WireFaults{}); o.Kind != Accepted {
		t.Errorf("outcome %v", o)
	}
	if result != `csrf-1{"publicKey":{"credential":{"id":"x"},"label":"touchstone"}}` {
		t.Errorf("result %s", result)
	}
}

func TestUse(t *testing.T) {
	rp := fidoRP()
	tg := start(t, "fido", rp)
	s := tg.NewSession(User{Name: "ann"})
	s.SetCheck("a\r\nb: ä")
	s.Use("options", "Content-Type: text/plain", "User-Agent:")
	s.Use("", "X-Forwarded-For: 192.0.2.7")
	c, err := s.Begin(background(t), Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, c, registrationCredential, WireFaults{})
	a, b := rp.seen[0].Header, rp.seen[1].Header
	if a.Get("Content-Type") != "text/plain" || a.Get("User-Agent") != "" || a.Get("X-Forwarded-For") != "192.0.2.7" || a.Get("X-Touchstone-Check") != "a__b: _" {
		t.Errorf("options %v", a)
	}
	if b.Get("Content-Type") != "application/json" || !strings.HasPrefix(b.Get("User-Agent"), "touchstone") || b.Get("X-Forwarded-For") != "192.0.2.7" {
		t.Errorf("result %v", b)
	}
}

func TestConcurrentSessions(t *testing.T) {
	tg := start(t, "dfns", dfnsRP())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s := tg.NewSession(tg.NewUser(string(rune('a' + i))))
			if err := s.Setup(background(t)); err != nil {
				t.Error(err)
				return
			}
			c, err := s.Begin(background(t), Registration, Request{})
			if err != nil {
				t.Error(err)
				return
			}
			o, err := c.Finish(background(t), json.RawMessage(registrationCredential), WireFaults{})
			if err != nil || o.Kind != Accepted {
				t.Errorf("%v, %v", o, err)
			}
		})
	}
	wg.Wait()
}

// compileJQ compiles the text of n as a profile has it compiled.
func compileJQ(n *node, hooks []*hook) (*expr, error) {
	q, err := parseJQ(n)
	if err != nil {
		return nil, err
	}
	return compileQuery(n, *q, hooks)
}
