package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func yields(t *testing.T, text string, in map[string]any) (string, error) {
	t.Helper()
	e, err := compileJQ(&node{kind: stringNode, text: text}, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.run(in, "")
	return string(encodeJSON(v, nil)), err
}

const aPage = `<!DOCTYPE html><html><head><meta name="_csrf" content="a&amp;b&#39;"></head><body>
<form id="register" class="form wide" action="/login?x=1&amp;y=2" method=post>
<input type=hidden name="_csrf" value='t&quot;k'><input name=empty value><INPUT NAME=plain>
<button data-options='{"challenge":"AAAA","user":{"id":"&#x64;XM"}}'>Register</button></form>
<ul><li data-id=1>one</li><li data-id=2>t<b>w</b>o</li></ul>
<script type="text/plain">no</script>
<script type="application/json" id="options">{"challenge":"<b>&amp;</b>"}</script><form id=unclosed action=no`

func TestHTML(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{`html_attr("form"; "action")`, `"/login?x=1&y=2"`},
		{`html_attr("#register"; "ACTION")`, `"/login?x=1&y=2"`},
		{`html_attr("form.wide#register"; "method")`, `"post"`},
		{`html_attr("form.wid"; "method")`, `null`},
		{`html_attr("input[name=_csrf]"; "value")`, `"t\"k"`},
		{`html_attr("INPUT[type='hidden'][name=\"_csrf\"]"; "value")`, `"t\"k"`},
		{`html_attr("meta[name=_csrf]"; "content")`, `"a&b'"`},
		{`html_attr("input[name=empty]"; "value")`, `""`},
		{`html_attr("input[name=plain]"; "value")`, `null`},
		{`html_attr("[data-options]"; "data-options") | from_jsonstring.user.id`, `"dXM"`},
		{`html_attrs("li"; "data-id")`, `["1","2"]`},
		{`html_attrs("*"; "data-none")`, `[]`},
		{`html_text("script[type='application/json']") | from_jsonstring.challenge`, `"<b>&amp;</b>"`},
		{`html_text("script#options") | length`, `28`},
		{`html_text("[data-id='2']")`, `"two"`},
		{`html_text("dialog")`, `null`},
		{`html_texts("li")`, `["one","two"]`},
		{`html_texts("dialog")`, `[]`},
		{`html_attr("#unclosed"; "action")`, `null`}, // a tag that the page's end cuts is no tag
		{`null | html_attr("a"; "b"), html_text("a")`, `null`},
		{`try html_text("a b") catch .`, `"html_text: \"a b\" is no selector (write tag, #id, .class, [attribute=value], or several of them together)"`},
		{`try html_text("") catch .`, `"html_text: \"\" is no selector (write tag, #id, .class, [attribute=value], or several of them together)"`},
		{`try html_text(1) catch .`, `"html_text: the selector is no string"`},
		{`try html_attr("a"; 1) catch .`, `"html_attr: the attribute's name is no string"`},
		{`try (1 | html_attrs("a"; "b")) catch .`, `"html_attrs: the input is no text (write .res.text | html_attrs(...))"`},
	} {
		got, err := yields(t, ".res.text | "+c.expr, map[string]any{"res": map[string]any{"text": aPage}})
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", c.expr, got, err, c.want)
		}
	}
}

// Pages made to be costly end soon, with a value or an error.
func TestHostileHTML(t *testing.T) {
	for name, page := range map[string]string{
		"deep":       strings.Repeat("<div>", 100000),
		"formatting": strings.Repeat("<a><b><i><p>", 20000),
		"tables":     strings.Repeat("<table><tr><td>", 20000) + "x",
		"attributes": "<a " + strings.Repeat("x=1 ", 200000) + ">",
		"references": strings.Repeat("&amp", 200000),
		"too long":   strings.Repeat("a", maxHTML+1),
		"no UTF-8":   "<p>\xff\xfe<b",
		"script":     "<script>" + strings.Repeat("<!--<script>", 20000),
		"select":     strings.Repeat("<select><option>", 20000),
	} {
		begin := time.Now()
		got, err := yields(t, `.t | html_attr("a[href]"; "href"), html_text("p")`, map[string]any{"t": page})
		if d := time.Since(begin); d > 10*time.Second {
			t.Errorf("%s took %v", name, d)
		}
		if err == nil && got != "null" {
			t.Errorf("%s: found %s", name, got)
		}
		if name == "too long" && err == nil {
			t.Error("a page that is too long was read")
		}
	}
}

func TestBytes(t *testing.T) {
	for _, c := range []struct{ expr, in, want string }{
		{"bytes_to_b64u", `[251,239,255]`, `"--__"`},
		{"bytes_to_b64u", `[]`, `""`},
		{"bytes_to_b64u", `{"type":"Buffer","data":[251,239,255]}`, `"--__"`},
		{"bytes_to_b64u", `{"0":251,"2":255,"1":239}`, `"--__"`},
		{"b64u_to_bytes", `"--__"`, `[251,239,255]`},
		{"b64u_to_buffer", `"--__"`, `{"data":[251,239,255],"type":"Buffer"}`},
		{"b64u_to_buffer | bytes_to_b64u", `"--__"`, `"--__"`},
		{"[.[] | bytes_to_b64u, b64u_to_bytes, b64u_to_buffer]", `[null]`, `[null,null,null]`},
		{"try bytes_to_b64u catch .", `[1,256]`, `"place 1 of the list is no byte"`},
		{"try bytes_to_b64u catch .", `[1.5]`, `"place 0 of the list is no byte"`},
		{"try bytes_to_b64u catch .", `[-1]`, `"place 0 of the list is no byte"`},
		{"try bytes_to_b64u catch .", `["1"]`, `"place 0 of the list is no byte"`},
		{"try bytes_to_b64u catch .", `"AAAA"`, `"a list of bytes is needed, not string"`},
		{"try bytes_to_b64u catch .", `{"type":"Other","data":[1]}`, `"an object that holds no bytes (neither a Buffer nor members 0, 1, 2 and on)"`},
		{"try b64u_to_bytes catch .", `"!"`, `"not base64url"`},
		{"try b64u_to_buffer catch .", `7`, `"a string is needed, not number"`},
		{`resolve(.; "https://a.example/b/c?d")`, `"e?f=1"`, `"https://a.example/b/e?f=1"`},
		{`resolve(.; "https://a.example/b/c?d")`, `"/e"`, `"https://a.example/e"`},
		{`resolve(.; "https://a.example/b/c?d")`, `" https://b.example/e "`, `"https://b.example/e"`},
		{`resolve(.; "https://a.example/b/c?d")`, `"?g"`, `"https://a.example/b/c?g"`},
		{`resolve(.; "https://a.example/b/c?d")`, `null`, `null`},
		{`try resolve(.; "https://a.example") catch .`, `"%zz"`, `"resolve: \"%zz\" is no address"`},
		{`try resolve(.; "https://a.example") catch .`, `[]`, `"resolve: the address is array, not a string"`},
	} {
		in, err := parseJSON([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := yields(t, ".x | "+c.expr, map[string]any{"x": in}); err != nil || got != c.want {
			t.Errorf("%s of %s: %s, %v, want %s", c.expr, c.in, got, err, c.want)
		}
	}
}

func TestMultipart(t *testing.T) {
	n := func(s string) *expr {
		e, err := compileJQ(&node{kind: stringNode, text: s}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	b := &body{kind: "multipart", form: []namedExpr{
		{"id", n(`"YWJj\r\nZA"`)}, {"n", n("1")}, {"gone", n("null")}, {"a\"b", n(`true`)},
		{"file", n(`{filename: "o\"k.json", type: "application/json", b64u: "e30"}`)},
	}}
	v, err := b.value(map[string]any{}, "")
	if err != nil {
		t.Fatal(err)
	}
	read := func(data []byte) string {
		_, p, err := mime.ParseMediaType(b.mediaType())
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		r := multipart.NewReader(strings.NewReader(string(data)), p["boundary"])
		for {
			part, err := r.NextPart()
			if err == io.EOF {
				return out.String()
			}
			if err != nil {
				t.Fatalf("%v in %s", err, data)
			}
			text, err := io.ReadAll(part)
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString(part.FormName() + "," + part.FileName() + "," + part.Header.Get("Content-Type") + "," + string(text) + ";")
		}
	}
	if got, want := read(b.encode(v)), "a%22b,,,true;file,o%22k.json,application/json,{};id,,,YWJj\r\nZA;n,,,1;"; got != want {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	w, err := ParseWireFaults("duplicate-id")
	if err != nil {
		t.Fatal(err)
	}
	data, err := w.apply(b, map[Role]pointer{RoleID: {"id"}}, v)
	if err != nil || strings.Count(read(data), "id,,,") != 2 {
		t.Errorf("a duplicate: %v, %q", err, data)
	}
	if w, err = ParseWireFaults("number-id"); err != nil {
		t.Fatal(err)
	}
	if _, err = w.apply(b, map[Role]pointer{RoleID: {"id"}}, v); !errors.Is(err, ErrNoRole) {
		t.Errorf("a number in a form: %v", err)
	}
	for expr, want := range map[string]string{
		`[1]`:                              "an object or list cannot stand in text",
		`{filename: "x"}`:                  "a file needs a filename, and one of text and b64u",
		`{text: "x"}`:                      "a file needs a filename, and one of text and b64u",
		`{filename: "x", b64u: "!"}`:       "b64u of a file: not base64url",
		`{filename: "x", text: 1}`:         "text of a file is no string",
		`{filename: "x", text: "", y: ""}`: `a file has no "y" (it has filename, type, and text or b64u)`,
		`{filename: "x\n", text: ""}`:      "a file's filename or type has control characters",
		`"` + boundary + `"`:               "the field holds the boundary of the parts",
	} {
		b := &body{kind: "multipart", form: []namedExpr{{"f", n(expr)}}}
		if _, err := b.value(map[string]any{}, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", expr, err, want)
		}
	}
}

// A credential that stands as JSON in a string has all the faults of one that
// stands in the body itself.
func TestWireFaultsInsideStrings(t *testing.T) {
	n := func(s string) *expr {
		e, err := compileJQ(&node{kind: stringNode, text: s}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	form := &body{kind: "form", form: []namedExpr{{"c", n(`{id: "YWJj", rawId: "YWJj", type: "public-key", response: {attestationObject: "o2Nm"}} | to_jsonstring`)}}}
	list := &body{kind: "json", expr: n(`{payload: ({id: "YWJj", response: {attestationObject: "o2Nm"}} | to_jsonstring)}`)}
	for _, c := range []struct {
		b           *body
		at          string
		fault, want string
	}{
		{form, "/c", "missing-id", `{"rawId":"YWJj","response":{"attestationObject":"o2Nm"},"type":"public-key"}`},
		{form, "/c", "number-id", `{"id":1,"rawId":"YWJj","response":{"attestationObject":"o2Nm"},"type":"public-key"}`},
		{form, "/c", "duplicate-id", `{"id":"YWJj","id":"AWJj","rawId":"YWJj","response":{"attestationObject":"o2Nm"},"type":"public-key"}`},
		{form, "/c", "padded-id", "no"}, // four characters have no padding
		{form, "/c", "contradictory-raw-id", `{"id":"YWJj","rawId":"AWJj","response":{"attestationObject":"o2Nm"},"type":"public-key"}`},
		{form, "/c", "unknown-attachment", `{"authenticatorAttachment":"touchstone-attachment","id":"YWJj","rawId":"YWJj","response":{"attestationObject":"o2Nm"},"type":"public-key"}`},
		{form, "/c", "body-reordered", "no"},
		{form, "/c", "missing-signature", "no"},
		{list, "/payload", "not-base64url-attestation-object", `{"id":"YWJj","response":{"attestationObject":"!o2Nm*"}}`},
		{list, "/payload", "duplicate-attestation-object", `{"id":"YWJj","response":{"attestationObject":"o2Nm","attestationObject":"A2Nm"}}`},
	} {
		roles := map[Role]pointer{}
		for _, r := range []Role{RoleID, RoleRawID, RoleType, RoleAttestationObject, RoleSignature} {
			p, _ := parsePointer(c.at + "/" + string(r))
			if r == RoleAttestationObject || r == RoleSignature {
				p, _ = parsePointer(c.at + "/response/" + string(r))
			}
			roles[r] = p
		}
		w, err := ParseWireFaults(c.fault)
		if err != nil {
			t.Fatal(err)
		}
		v, err := c.b.value(map[string]any{}, "")
		if err != nil {
			t.Fatal(err)
		}
		data, err := w.apply(c.b, roles, v)
		if c.want == "no" {
			if !errors.Is(err, ErrNoRole) {
				t.Errorf("%s: %s, %v", c.fault, data, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.fault, err)
			continue
		}
		want := string((&body{kind: "form"}).encode(map[string]any{"c": c.want}))
		if c.b == list {
			want = `{"payload":` + string(encodeJSON(c.want, nil)) + `}`
		}
		if string(data) != want {
			t.Errorf("%s:\n got %s\nwant %s", c.fault, data, want)
		}
	}
}

const vocabulary = `dialect: own
success: .res.status == 200
failure: .res.status >= 400
failureAnswer: any
headers:
  X-XSRF-TOKEN: "{cookies.XSRF-TOKEN?}"
account:
  login:
    - {id: page, method: GET, path: /app/login, answer: html, capture: {
        csrf: '.res.text | html_attr("input[name=_csrf]"; "value")', action: 'resolve(.res.text | html_attr("form"; "action"); .res.url)'}}
    - {id: log-in, path: "{captured.action}", answer: any, success: '.res.status == 302 and (.res.headers.location | endswith("/home"))',
       body: {form: {_csrf: .captured.csrf, user: .user.name}}, save: {home: 'resolve(.res.headers.location; .res.url)', sid: .cookies.sid}}
    - {id: preflight, method: OPTIONS, path: /app/begin, answer: any}
    - {id: there, method: HEAD, path: "{captured.home}", answer: empty}
ceremonies:
  registration:
    steps:
      - id: options
        path: /app/begin
        headers: {X-Session: "{captured.sid}"}
        options: '{challenge: (.res.body.challenge | bytes_to_b64u)}'
        capture: {next: .res.body.next}
      - id: result
        result: true
        path: "{captured.next}"
        answer: any
        body: {multipart: {credential: '{filename: "c.json", type: "application/json", text: (.credential | to_jsonstring)}'}}
`

// TestVocabulary logs in through a page with a form, a CSRF field and a redirect,
// sends a cookie back as a header, and follows an address from an answer.
func TestVocabulary(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200) }))
	defer elsewhere.Close()
	next := "/app/end"
	var log []string
	mux := http.NewServeMux()
	mux.HandleFunc("GET /app/login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "XSRF-TOKEN", Value: "x-" + r.Header.Get("X-XSRF-TOKEN") + "1", Path: "/app"})
		media("text/html", 200, `<form action="do?step=1&amp;of=2"><input name=_csrf value="c&amp;1"></form>`)(w, r)
	})
	mux.HandleFunc("POST /app/do", func(w http.ResponseWriter, r *http.Request) {
		log = append(log, r.URL.RawQuery+" "+r.FormValue("_csrf")+" "+r.Header.Get("X-XSRF-TOKEN"))
		http.SetCookie(w, &http.Cookie{Name: "XSRF-TOKEN", Value: "x-2", Path: "/app"})
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s-1234567", Path: "/"})
		http.Redirect(w, r, "/app/home", http.StatusFound)
	})
	mux.HandleFunc("OPTIONS /app/begin", func(w http.ResponseWriter, r *http.Request) { log = append(log, r.Method) })
	mux.HandleFunc("HEAD /app/home", func(w http.ResponseWriter, r *http.Request) { log = append(log, r.Method) })
	mux.HandleFunc("POST /app/begin", func(w http.ResponseWriter, r *http.Request) {
		log = append(log, r.Header.Get("X-XSRF-TOKEN")+" "+r.Header.Get("X-Session"))
		media("application/json", 200, `{"challenge":{"type":"Buffer","data":[0,0,0]},"next":"`+next+`"}`)(w, r)
	})
	mux.HandleFunc("POST /app/end", func(w http.ResponseWriter, r *http.Request) {
		f, h, err := r.FormFile("credential")
		if err != nil {
			t.Error(err)
			return
		}
		b, _ := io.ReadAll(f)
		log = append(log, h.Filename+" "+h.Header.Get("Content-Type")+" "+string(b))
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	run := func(profile string) *Outcome {
		t.Helper()
		p, err := LoadProfile("rp.yaml", []byte(profile))
		if err != nil {
			t.Fatal(err)
		}
		tg, err := New(p, Options{URL: srv.URL, RPID: "rp.example"})
		if err != nil {
			t.Fatal(err)
		}
		s := tg.NewSession(User{Name: "ann"})
		if err := s.Setup(background(t)); err != nil {
			t.Fatal(err)
		}
		c, err := s.Begin(background(t), Registration, Request{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "options", string(c.Options), `{"challenge":"AAAA"}`)
		// A cookie's value that is sent as something else is as secret as the cookie.
		for _, x := range s.Exchanges() {
			if strings.Contains(fmt.Sprint(x.RequestHeader, x.ResponseHeader, x.RequestBody), "s-1234567") {
				t.Errorf("%s shows the session's cookie: %v", x.Step, x.RequestHeader)
			}
		}
		return finish(t, c, `{"id":"x"}`, WireFaults{})
	}
	if o := run(vocabulary); o.Kind != Accepted {
		t.Errorf("outcome %v", o)
	}
	want := []string{"step=1&of=2 c&1 x-1", "OPTIONS", "HEAD", "x-2 s-1234567", `c.json application/json {"id":"x"}`}
	if strings.Join(log, "\n") != strings.Join(want, "\n") {
		t.Errorf("\n got %q\nwant %q", log, want)
	}
	// An address elsewhere is followed only where the profile names the server.
	next = elsewhere.URL + "/end"
	if o := run(vocabulary); o.Kind != Unclear || !strings.Contains(o.Message, "leaves the target") {
		t.Errorf("elsewhere: %v", o)
	}
	if o := run(vocabulary + "target: {hosts: ['" + elsewhere.URL + "']}\n"); o.Kind != Accepted {
		t.Errorf("elsewhere, declared: %v", o)
	}
}

// TestReset deletes what a list names, and stops where that does not work.
func TestReset(t *testing.T) {
	const profile = minimal + `account:
  reset:
    - {id: list, method: GET, path: /keys, capture: {keys: .res.body}}
    - {id: delete, method: DELETE, path: "/keys/{item.id}", each: .captured.keys, when: .item.mine, answer: any}
`
	for _, c := range []struct{ list, deleted, why string }{
		{`[]`, "", ""},
		{`[{"id":"a/b","mine":true},{"id":"c","mine":false},{"id":7,"mine":true}]`, "/keys/a%2Fb /keys/7", ""},
		{`[{"id":"no","mine":true},{"id":"c","mine":true}]`, "/keys/no", "delete: rejected"},
		{`{"id":"a"}`, "", "each: no list"},
		{`"a"`, "", "each: no list"},
		{`[{"id":{},"mine":true}]`, "", "an object or list cannot stand in text"},
		{`[{"mine":true}]`, "", "{item.id} has no value"},
		{"[" + strings.Repeat("1,", 2000) + "1]", "", "each: a list of 2001 items (1000 at most)"},
	} {
		var deleted []string
		mux := http.NewServeMux()
		mux.HandleFunc("GET /keys", media("application/json", 200, c.list))
		mux.HandleFunc("DELETE /keys/{id}", func(w http.ResponseWriter, r *http.Request) {
			deleted = append(deleted, r.URL.EscapedPath())
			if r.PathValue("id") == "no" {
				media("application/json", 409, `{}`)(w, r)
			}
		})
		p, err := LoadProfile("rp.yaml", []byte(profile))
		if err != nil {
			t.Fatal(err)
		}
		if !p.Resets() {
			t.Fatal("no reset")
		}
		tg, err := New(p, Options{Handler: mux, Origin: "https://rp.example"})
		if err != nil {
			t.Fatal(err)
		}
		s := tg.NewSession(User{Name: "ann"})
		err = s.Setup(background(t))
		if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%.40s: %v, want %s", c.list, err, c.why)
		}
		if got := strings.Join(deleted, " "); got != c.deleted {
			t.Errorf("%.40s: deleted %q, want %q", c.list, got, c.deleted)
		}
		// A second browser of the same user resets nothing.
		before := len(deleted)
		if err := s.Fork().Setup(background(t)); err != nil || len(deleted) != before {
			t.Errorf("%.40s: a fork: %v, %q", c.list, err, deleted)
		}
	}
}

func TestAssert(t *testing.T) {
	const profile = `dialect: own
success: .res.status == 200
failure: .res.status >= 400
ceremonies:
  registration:
    steps:
      - {id: options, path: /begin, options: .res.body}
      - {id: confirm, path: /confirm, assert: {signed: .res.body.options}}
      - {id: result, result: true, path: /end, answer: any, body: {json: "{credential: .credential, by: .captured.signed.id}"}}
`
	p, err := LoadProfile("rp.yaml", []byte(profile))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, confirm string
		passkey       Passkey
		kind          OutcomeKind
		why           string
	}{
		{"gives one", `{"options":{"challenge":"AAAA"}}`, func(_ context.Context, o json.RawMessage) (json.RawMessage, error) {
			same(t, "options", string(o), `{"challenge":"AAAA"}`)
			return json.RawMessage(`{"id":"key"}`), nil
		}, Accepted, ""},
		{"gives none", `{"options":{"challenge":"AAAA"}}`, func(context.Context, json.RawMessage) (json.RawMessage, error) {
			return nil, errors.New("NotAllowedError\nx")
		}, Unclear, "no assertion for signed: NotAllowedError"},
		{"no options", `{"options":null}`, func(context.Context, json.RawMessage) (json.RawMessage, error) {
			t.Error("asked")
			return nil, nil
		}, Unclear, "no assertion for signed: the answer holds no options"},
		{"no JSON", `{"options":{}}`, func(context.Context, json.RawMessage) (json.RawMessage, error) {
			return json.RawMessage(`{`), nil
		}, Unclear, "no assertion for signed: not JSON"},
		{"no passkey", `{"options":{}}`, nil, "", "step confirm needs an assertion, and this session has no passkey (take assert away)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rp := &scripted{answers: map[string]func(seen) (int, string){"POST /begin": say(200, `{"challenge":"BBBB"}`), "POST /confirm": say(200, c.confirm), "POST /end": say(200, "")}}
			tg, err := New(p, Options{Handler: rp, Origin: "https://rp.example"})
			if err != nil {
				t.Fatal(err)
			}
			s := tg.NewSession(User{Name: "ann"})
			if c.passkey != nil {
				s.SetPasskey(c.passkey)
			}
			cer, err := s.Begin(background(t), Registration, Request{})
			if err != nil {
				t.Fatal(err)
			}
			o, err := cer.Finish(background(t), json.RawMessage(`{"id":"x"}`), WireFaults{})
			if c.kind == "" {
				if err == nil || !strings.Contains(err.Error(), c.why) {
					t.Errorf("%v, %v", o, err)
				}
				return
			}
			if err != nil || o.Kind != c.kind || !strings.Contains(o.Message, c.why) {
				t.Fatalf("%v, %v", o, err)
			}
			if c.kind == Accepted {
				same(t, "result", rp.seen[2].Body, `{"credential":{"id":"x"},"by":"key"}`)
			} else if len(rp.seen) != 2 {
				t.Errorf("%d requests", len(rp.seen))
			}
		})
	}
}
