package target

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// secretIn says whether text gives the secret away: as it stands, or once some
// run of characters in it is decoded, up to three times over. It knows nothing of
// how the finder works: it undoes what encoders do.
func secretIn(text, secret string, depth int) bool {
	if strings.Contains(text, secret) {
		return true
	}
	if depth == 0 {
		return false
	}
	var undone []string
	if s, err := url.QueryUnescape(text); err == nil {
		undone = append(undone, s)
	}
	if s, err := url.PathUnescape(text); err == nil {
		undone = append(undone, s)
	}
	undone = append(undone, html.UnescapeString(text))
	var s string
	if json.Unmarshal([]byte(`"`+text+`"`), &s) == nil {
		undone = append(undone, s)
	}
	undone = append(undone, strings.ReplaceAll(text, `\/`, "/"))
	for _, run := range runs(text, func(c byte) bool { return strings.IndexByte(base64Alphabet, c) >= 0 }) {
		for shift := 0; shift < 4 && shift < len(run); shift++ {
			if b, err := looseBase64(run[shift : len(run)-(len(run)-shift)%4]); err == nil {
				undone = append(undone, string(b))
			}
			if b, err := looseBase64(run[shift:]); err == nil {
				undone = append(undone, string(b))
			}
		}
	}
	for _, run := range runs(text, func(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }) {
		for shift := 0; shift < 2 && shift < len(run); shift++ {
			b, _ := hex.DecodeString(run[shift:]) // as far as it goes
			undone = append(undone, string(b))
		}
	}
	for _, run := range runs(text, func(c byte) bool { return strings.IndexByte(base32Alphabet, c) >= 0 }) {
		for shift := 0; shift < 8 && shift < len(run); shift++ {
			b, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(run[shift:])
			undone = append(undone, string(b))
		}
	}
	for _, u := range undone {
		if u != text && secretIn(u, secret, depth-1) {
			return true
		}
	}
	return false
}

func runs(s string, in func(byte) bool) []string {
	var out []string
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && in(s[j]) {
			j++
		}
		if j-i >= minSecret {
			out = append(out, s[i:j])
		}
		i = max(j, i+1)
	}
	return out
}

// encoders are what a mapping's jq, or a server, makes of a secret.
var encoders = map[string]func(string) string{
	"plain":         func(s string) string { return s },
	"base64":        func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 raw":    func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64url":     func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"base64url raw": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"base32":        func(s string) string { return base32.StdEncoding.EncodeToString([]byte(s)) },
	"hex":           func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":           func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"query":         url.QueryEscape,
	"path":          url.PathEscape,
	"uri":           func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
	"uri lower":     func(s string) string { return percent("-_.~", false, false)(s) },
	"json":          func(s string) string { b := encodeJSON(s, nil); return string(b[1 : len(b)-1]) },
	"json for html": func(s string) string { b, _ := json.Marshal(s); return string(b[1 : len(b)-1]) },
	"json slashes":  func(s string) string { return strings.ReplaceAll(string(encodeJSON(s, nil)), "/", `\/`) },
	"html":          html.EscapeString,
	"json in json":  func(s string) string { return string(encodeJSON(string(encodeJSON(s, nil)), nil)) },
	"base64 in uri": func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s))) },
	"json in base64": func(s string) string {
		return base64.RawURLEncoding.EncodeToString(encodeJSON(map[string]any{"k": s}, nil))
	},
	"base64 twice": func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(s))))
	},
}

var secretsToHide = []string{
	"abcdef", "s3cr3t!", "p+/=?&<>\"'\\", "correct horse battery", "Grüße, 世界", "🔑🔑", "MTIzNDU2Nzg5MA==", "tab\tand\nline",
	"sk_live_51H8xYzAbCdEfGhIj", "eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG_HACGpVUMN_a9IV7pAx_Zmeo", "a/b/c/d/e/f",
}

func TestSecretForms(t *testing.T) {
	for _, secret := range secretsToHide {
		f := newFinder([]string{secret})
		for name, encode := range encoders {
			// Every alignment, before and after.
			for before := range 6 {
				for after := range 4 {
					whole := strings.Repeat("u", before) + secret + strings.Repeat("v", after)
					text := "{\"x\":\"" + encode(whole) + "\"}"
					if name == "json slashes" || name == "json in json" {
						text = "{\"x\":" + encode(whole) + "}"
					}
					got := f.replace(text)
					if !strings.Contains(got, redacted) || secretIn(got, secret, 3) {
						t.Errorf("%s of %q: %s became %s", name, whole, text, got)
					}
					if !strings.HasPrefix(got, "{\"x\":") || !strings.HasSuffix(got, "}") {
						t.Errorf("%s of %q: what stands around it is gone: %s", name, whole, got)
					}
				}
			}
		}
	}
}

// What is no secret stays.
func TestSecretFormsLeaveTheRest(t *testing.T) {
	f := newFinder([]string{"s3cr3t!", "true", "none", "abc", "correct horse battery"})
	for _, text := range []string{
		`{"attestation":"none","rk":true,"x":"abc"}`,
		`{"challenge":"` + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{7, 200, 31}, 40)) + `"}`,
		"correct horse", "s3cr3t", base64.StdEncoding.EncodeToString([]byte("s3cr3")), "horse battery staple",
		"", "s", "s3", redacted,
	} {
		if got := f.replace(text); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
	if got := f.replace("a s3cr3t!, and s3cr3t!s3cr3t!"); got != "a [redacted], and [redacted][redacted]" {
		t.Error(got)
	}
	if got, want := f.cutOff("jq: cannot index string (\"corre...\") with, and so on..."), "jq: cannot index string (\"[redacted]...\") with, and so on..."; got != want {
		t.Errorf("a cut message: %s", got)
	}
}

// A secret that is encoded already is one when it is decoded, too.
func TestSecretThatIsDecoded(t *testing.T) {
	f := newFinder([]string{base64.StdEncoding.EncodeToString([]byte("ann:correct-horse"))})
	for _, text := range []string{
		"ann:correct-horse", "the password is correct-horse!", base64.RawURLEncoding.EncodeToString([]byte("ann:correct-horse")),
		base64.StdEncoding.EncodeToString([]byte("xx:correct-horse")),
	} {
		if got := f.replace(text); !strings.Contains(got, redacted) || secretIn(got, "correct-horse", 2) {
			t.Errorf("%s became %s", text, got)
		}
	}
	if got := f.replace("ann is no secret"); got != "ann is no secret" {
		t.Error(got)
	}
}

func FuzzSecretForms(f *testing.F) {
	for _, s := range secretsToHide {
		f.Add(s, "user:", "\n", uint8(1))
	}
	f.Add("000000", "", "0", uint8(0))
	var names []string
	for name := range encoders {
		names = append(names, name)
	}
	f.Fuzz(func(t *testing.T, secret, before, after string, which uint8) {
		if len(secret) < minSecret || len(secret) > 64 || len(before) > 64 || len(after) > 64 || !json.Valid(encodeJSON(secret, nil)) {
			return
		}
		if strings.ToValidUTF8(secret, "") != secret || strings.Contains(redacted, secret) || strings.Contains(secret, redacted) {
			return
		}
		for _, name := range names {
			text := encoders[name](before + secret + after)
			got := newFinder([]string{secret}).replace(text)
			if !strings.Contains(got, redacted) {
				t.Fatalf("%s of %q in %q: %q became %q", name, secret, before+secret+after, text, got)
			}
			if strings.Contains(got, secret) || strings.Contains(got, encoders[name](secret)) && len(encoders[name](secret)) >= minSecret {
				t.Fatalf("%s of %q in %q: still in %q", name, secret, before+secret+after, got)
			}
		}
		_ = which
	})
}

// No exchange, message or redacted text of a session shows a secret, whatever the
// profile's jq made of it and the server answers with.
func TestNoSecretInExchanges(t *testing.T) {
	const secret = "s3cr3t/+? <ü>&'\"x"
	t.Setenv("TOUCHSTONE_TEST_SECRET", secret)
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.URL.String(), fmt.Sprint(r.Header), string(body))
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Echo", base64.StdEncoding.EncodeToString([]byte("again: "+secret)))
		w.WriteHeader(400)
		_, _ = w.Write(encodeJSON(map[string]any{"ok": false, "error": "refused for " + secret + " and " + strings.Repeat("x", 460-len(secret)) + secret, "you sent": string(body)}, nil))
	}))
	defer srv.Close()
	for _, body := range []string{
		"{json: '{a: (\"user:\" + .vars.s | @base64)}'}", "{json: '{a: (.vars.s | utf8_to_b64u)}'}", "{json: '{a: (.vars.s | @base64 | rtrimstr(\"=\"))}'}",
		"{json: '{a: (.vars.s | @uri), b: (.vars.s | @html), c: (.vars.s | @json), d: (.vars.s | @sh)}'}",
		"{json: '{a: (.vars.s | @base64 | b64u_to_hex)}'}", "{json: '{a: ({p: .vars.s} | tojson | @base64)}'}",
		"{json: '{a: ({p: .vars.s} | tojson | tojson)}'}", "{form: {a: .vars.s, b: '(\"x\" + .vars.s) | @base64'}}", "{text: '\"xx\" + .vars.s'}", "{text: '\"xx\" + .vars.s | @base64'}",
		"{json: '{a: (.user.name + \":\" + .user.password | @base64)}'}",
		"{json: '{a: (.vars.encoded | @base64d)}'}",
	} {
		t.Run(body, func(t *testing.T) {
			got = nil
			t.Setenv("TOUCHSTONE_TEST_ENCODED", base64.StdEncoding.EncodeToString([]byte(secret)))
			p, err := LoadProfile("rp.yaml", []byte("extends: fido\nvars: {s: {env: TOUCHSTONE_TEST_SECRET}, encoded: {env: TOUCHSTONE_TEST_ENCODED}}\n"+
				"success: .res.status == 200\nfailure: .res.status == 400\nmessage: .res.body.error\n"+
				"ceremonies: {registration: {steps: {options: {path: '/a/{vars.s}', query: {q: '{vars.s}'}, auth: {basic: {user: ann, password: '{vars.s}'}}, headers: {X-Mine: 'id={vars.encoded}'}, body: null, schema: null}}}}\n"))
			if err != nil {
				t.Fatal(err)
			}
			// The body in another profile over it would be merged; here it is put in by hand.
			root, err := parseYAML("body.yaml", []byte("body: "+body))
			if err != nil {
				t.Fatal(err)
			}
			l := newLoader(p, root)
			step := p.ceremonies[Registration].steps[0]
			if step.body = l.body(root.get("body")); len(l.faults) > 0 {
				t.Fatal(l.faults)
			}
			tg, err := New(p, Options{URL: srv.URL, RPID: "rp.example"})
			if err != nil {
				t.Fatal(err)
			}
			s := tg.NewSession(User{Name: "ann", Password: "Touchstone-ann-1!"})
			_, err = s.Begin(background(t), Registration, Request{})
			if err == nil || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("error %v", err)
			}
			if !strings.Contains(fmt.Sprint(got), "s3cr3t") && !strings.Contains(fmt.Sprint(got), base64.StdEncoding.EncodeToString([]byte("ann:"))[:5]) {
				t.Fatalf("nothing secret was sent: %v, %v", got, err)
			}
			log, err := json.Marshal(s.Exchanges())
			if err != nil {
				t.Fatal(err)
			}
			for _, hidden := range []string{secret, "Touchstone-ann-1!"} {
				for _, e := range s.Exchanges() {
					for _, text := range append([]string{e.URL, e.RequestBody.Text, e.ResponseBody.Text}, flat(e.RequestHeader, e.ResponseHeader)...) {
						if secretIn(text, hidden, 3) {
							t.Errorf("%q in %s", hidden, text)
						}
					}
				}
				if secretIn(err2text(s.Begin(background(t), Registration, Request{})), hidden, 2) {
					t.Errorf("%q in the error", hidden)
				}
			}
			if !strings.Contains(string(log), redacted) {
				t.Errorf("nothing is redacted in %s", log)
			}
		})
	}
}

func err2text(_ *Ceremony, err error) string { return fmt.Sprint(err) }

func flat(lists ...[][2]string) []string {
	var out []string
	for _, l := range lists {
		for _, h := range l {
			out = append(out, h[1])
		}
	}
	return out
}

func BenchmarkFinder(b *testing.B) {
	for b.Loop() {
		newFinder([]string{"Touchstone-ann-1!"})
	}
}

func BenchmarkReplace(b *testing.B) {
	f := newFinder([]string{"Touchstone-ann-1!", "some-other-secret/+"})
	text := strings.Repeat(`{"challenge":"Ab3dEf_hIjK-","user":"ann@touchstone.example"}`, 70)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		f.replace(text)
	}
}
