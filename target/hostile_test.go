package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// hostile are answers to the result of a registration, and what they amount to.
var hostile = []struct {
	name    string
	handler http.HandlerFunc
	kind    OutcomeKind
	reason  string
	// network marks what only a connection can do.
	network bool
}{
	{"accepts", media("application/json", 200, `{"status":"ok","errorMessage":""}`), Accepted, "", false},
	{"accepts with BOM", media("application/json", 200, "\uFEFF"+`{"status":"ok","errorMessage":""}`), Accepted, "", false},
	{"refuses", media("application/json", 400, `{"status":"failed","errorMessage":"no"}`), Rejected, "", false},
	{"refuses with 500", media("application/json", 500, `{"status":"failed","errorMessage":"no"}`), Rejected, "", false},
	{"500 of another form", media("application/json", 500, `{"error":"boom"}`), Crashed, ReasonServerError, false},
	{"500 without body", media("", 500, ``), Crashed, ReasonServerError, false},
	{"HTML page", media("text/html", 200, `<p>hello`), Crashed, ReasonHTML, false},
	{"HTML error page", media("text/html; charset=utf-8", 500, `<!DOCTYPE html><title>500</title>`), Crashed, ReasonHTML, false},
	{"HTML labelled JSON", media("application/json", 400, ` <!doctype HTML><title>400</title>`), Crashed, ReasonHTML, false},
	{"JSON labelled HTML", media("text/html", 200, `{"status":"ok","errorMessage":""}`), Crashed, ReasonHTML, false},
	{"text", media("text/plain", 400, `Bad Request`), Crashed, ReasonNotJSON, false},
	{"nothing", media("", 200, ``), Crashed, ReasonNotJSON, false},
	{"half of JSON", media("application/json", 200, `{"status":"ok"`), Crashed, ReasonNotJSON, false},
	{"two of JSON", media("application/json", 200, `{"status":"ok"}{}`), Crashed, ReasonNotJSON, false},
	{"deep JSON", media("application/json", 200, strings.Repeat(`{"a":`, 100000)+"1"+strings.Repeat("}", 100000)), Crashed, ReasonNotJSON, false},
	{"deep lists", media("application/json", 200, strings.Repeat("[", 1<<20)), Crashed, ReasonNotJSON, false},
	{"another status", media("application/json", 200, `{"status":"maybe"}`), Unclear, ReasonForm, false},
	{"list", media("application/json", 200, `[]`), Unclear, ReasonForm, false},
	{"null", media("application/json", 200, `null`), Unclear, ReasonForm, false},
	{"number", media("application/json", 200, `1e999999999`), Unclear, ReasonForm, false},
	{"status of another type", media("application/json", 400, `{"status":["failed"]}`), Unclear, ReasonForm, false},
	{"success with 400", media("application/json", 400, `{"status":"ok"}`), Unclear, ReasonForm, false},
	{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, Unclear, ReasonRedirect, false},
	{"redirect to itself", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	}, Unclear, ReasonRedirect, false},
	{"too large", endless(8 << 20), Crashed, ReasonTooLarge, false},
	{"100 MB", endless(100 << 20), Crashed, ReasonTooLarge, false},
	{"hangs", hang, Crashed, ReasonTimeout, false},
	{"hangs in the body", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"status"`)
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		hang(w, r)
	}, Crashed, ReasonTimeout, false},
	{"drips", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, " "); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	}, Crashed, ReasonTimeout, true},
	{"panics", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Crashed, ReasonConnection, false},
	{"panics with a value", func(http.ResponseWriter, *http.Request) { panic(fmt.Errorf("boom\nboom")) }, Crashed, ReasonConnection, false},
	{"closes at once", raw(``), Crashed, ReasonConnection, true},
	{"closes in the body", raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), Crashed, ReasonConnection, true},
	{"is no HTTP", raw("SSH-2.0-OpenSSH\r\n\r\n"), Crashed, ReasonConnection, true},
	{"has endless headers", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 4000 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("a", 200))
		}
	}, Crashed, ReasonConnection, true},
}

// hang answers nothing until the client goes. The body is read first, because
// net/http does not see the client go before that.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func media(mediaType string, status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if mediaType != "" {
			w.Header().Set("Content-Type", mediaType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func endless(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		chunk := []byte(strings.Repeat("[", 1<<16))
		for sent := 0; sent < n; sent += len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// raw answers with bytes of its own on the connection and closes it.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(c, answer)
		_ = c.Close()
	}
}

func TestHostile(t *testing.T) {
	for _, over := range []string{"network", "handler"} {
		for _, c := range hostile {
			if c.network && over == "handler" {
				continue
			}
			t.Run(over+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				mux := http.NewServeMux()
				mux.HandleFunc("/attestation/options", media("application/json", 200, fidoCreation))
				mux.HandleFunc("/attestation/result", c.handler)
				o := Options{RPID: "rp.example", Origin: "https://rp.example", Timeout: 400 * time.Millisecond}
				if c.reason != ReasonTimeout {
					o.Timeout = 20 * time.Second
				}
				if over == "handler" {
					o.Handler = mux
				} else {
					srv := httptest.NewUnstartedServer(mux)
					srv.Config.ErrorLog = quiet
					srv.Start()
					t.Cleanup(srv.Close)
					o.URL = srv.URL
				}
				tg := bind(t, "fido", o)
				s := tg.NewSession(User{Name: "ann"})
				cer, err := s.Begin(background(t), Registration, Request{})
				if err != nil {
					t.Fatal(err)
				}
				out := finish(t, cer, registrationCredential, WireFaults{})
				if out.Kind != c.kind || out.Reason != c.reason {
					t.Errorf("outcome %v, want %s (%s)", out, c.kind, c.reason)
				}
				if out.Kind != Accepted && (out.Message == "" && out.Reason != ReasonServerError || strings.ContainsAny(out.Message, "\n\r") || len(out.Message) > 500) {
					t.Errorf("message %q", out.Message)
				}
				x := s.Exchanges()
				if len(x) != 2 || x[1].Step != "result" || x[1].Duration <= 0 {
					t.Fatalf("exchanges %+v", x)
				}
				if len(x[1].ResponseBody.Text) > maxLogged || (x[1].ResponseBody.Size > maxLogged) != x[1].ResponseBody.Cut {
					t.Errorf("body of %d bytes, cut %v, %d kept", x[1].ResponseBody.Size, x[1].ResponseBody.Cut, len(x[1].ResponseBody.Text))
				}
			})
		}
	}
}

func TestHostileOptions(t *testing.T) {
	// Whatever stands in place of options, Begin answers, and Validate too.
	for _, dialect := range append(Dialects(), Variants()...) {
		for _, body := range []string{`null`, `[]`, `""`, `7`, `{}`, `{"status":"ok"}`, `{"status":"ok","rp":[],"user":"x","challenge":{},"pubKeyCredParams":{}}`,
			`{"status":"ok","fido2_assertion_options":[],"u2f_keys":7}`, `{"challenge":"!!","user":{"id":[]},"rp":{"entity":{"name":1}},"pubKeyCredParams":[7,{"alg":"Es256"}]}`,
			`{"challenge":"x","challengeIdentifier":"y","allowCredentials":[],"rp":"z"}`, `{"challenge":1e400,"allowCredentials":{"webauthn":1e400},"rp":{"id":-0.0}}`} {
			tg := bind(t, dialect, Options{Handler: media("application/json", 200, body), RPID: "rp.example"})
			s := tg.NewSession(User{Name: "ann"})
			var se *StepError
			if err := s.Setup(background(t)); err != nil && !errors.As(err, &se) {
				t.Errorf("%s: setup on %s: %v", dialect, body, err)
			}
			for _, kind := range tg.Profile().Ceremonies() {
				c, err := s.Begin(background(t), kind, Request{})
				if err != nil {
					if !errors.As(err, &se) {
						t.Errorf("%s: %s on %s: %v", dialect, kind, body, err)
					}
					continue
				}
				_ = c.Validate()
				if o := finish(t, c, registrationCredential, WireFaults{}); o.Kind == "" {
					t.Errorf("%s: %s on %s: no outcome", dialect, kind, body)
				}
			}
		}
	}
}

func TestManyDeviations(t *testing.T) {
	for _, c := range []struct{ n, min, max int }{{0, 4, 4}, {50, 54, 54}, {50000, maxDeviations, maxDeviations}, {1 << 20, 1, 1}} {
		body := `{"excludeCredentials":[` + strings.TrimSuffix(strings.Repeat("7,", c.n), ",") + `]}`
		d := validate("options", "creation-options", []byte(body))
		if len(d) < c.min || len(d) > c.max {
			t.Errorf("%d faults: %d deviations, the first %v", c.n, len(d), d[0])
		}
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	tg := bind(t, "fido", Options{URL: "http://" + addr, RPID: "rp.example"})
	s := tg.NewSession(User{Name: "ann"})
	var se *StepError
	if _, err := s.Begin(background(t), Registration, Request{}); !errors.As(err, &se) || se.Outcome.Kind != Crashed || se.Outcome.Reason != ReasonConnection {
		t.Errorf("error %v", err)
	}
	if x := s.Exchanges(); len(x) != 1 || x[0].Error == "" || x[0].Status != 0 {
		t.Errorf("exchanges %+v", x)
	}
}

func TestInterrupted(t *testing.T) {
	// The caller's own end is no outcome of the Relying Party.
	for _, handler := range []bool{false, true} {
		h := http.HandlerFunc(hang)
		o := Options{RPID: "rp.example", Timeout: 20 * time.Second}
		if handler {
			o.Handler = h
		} else {
			srv := httptest.NewServer(h)
			defer srv.Close()
			o.URL = srv.URL
		}
		tg := bind(t, "fido", o)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := tg.NewSession(User{Name: "ann"}).Begin(ctx, Registration, Request{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
}

func TestHostileExpression(t *testing.T) {
	// An expression that an answer sends round in circles is stopped.
	p, err := LoadProfile("rp.yaml", []byte(strings.Replace(minimal, "success: .res.status == 200", "success: '[range(.res.body.n)] | length > 0'", 1)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.ceremonies[Registration].steps[0].success.run(map[string]any{"res": map[string]any{"body": map[string]any{}}}, "")
	if err == nil {
		t.Error("a range without end is no error")
	}
	n := &node{kind: stringNode, text: "def f: f; f"}
	e, err := compileJQ(n, nil)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if _, err := e.run(map[string]any{}, ""); err == nil || !strings.Contains(err.Error(), "still running") {
		t.Errorf("error %v", err)
	}
	if d := time.Since(begin); d > 2*jqTimeout {
		t.Errorf("stopped after %v", d)
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ next, path, why string }{
		{"/end?x=1&y=2", "/end", ""},
		{"end", "/t%2F1/ann/end", ""},
		{"http://evil.example/end", "", "leaves the target"},
		{"//evil.example/end", "", "leaves the target"},
		{"http://user@HOST/end", "", "leaves the target"},
		{"http://HOST/end", "/end", ""},
		{"file:///etc/passwd", "", "leaves the target"},
		{"javascript:1", "", "leaves the target"},
		{"%zz", "", "no address"},
		{"", "", ""},
	} {
		t.Run(c.next, func(t *testing.T) {
			rp := &scripted{answers: map[string]func(seen) (int, string){}}
			srv := httptest.NewServer(rp)
			defer srv.Close()
			data, err := json.Marshal(map[string]string{"data": `{"challenge":"AAAA"}`, "next": strings.Replace(c.next, "HOST", strings.TrimPrefix(srv.URL, "http://"), 1)})
			if err != nil {
				t.Fatal(err)
			}
			rp.answers["GET /a/b/ann/begin"] = say(200, string(data))
			rp.answers["POST /end"] = say(200, "")
			text, err := readTestdata("next-address.yaml")
			if err != nil {
				t.Fatal(err)
			}
			p, err := LoadProfile("next-address.yaml", text)
			if err != nil {
				t.Fatal(err)
			}
			tg, err := New(p, Options{URL: srv.URL, RPID: "rp.example"})
			if err != nil {
				t.Fatal(err)
			}
			s := tg.NewSession(User{Name: "ann"})
			cer, err := s.Begin(background(t), Registration, Request{})
			if err != nil {
				t.Fatal(err)
			}
			if got := rp.seen[0].Query; got != "key=key-123456&rp=rp.example" {
				t.Errorf("query %q", got)
			}
			o := finish(t, cer, registrationCredential, WireFaults{})
			if c.why != "" {
				if o.Kind != Unclear || !strings.Contains(o.Message, c.why) {
					t.Errorf("outcome %v", o)
				}
				return
			}
			if c.path == "/end" {
				if o.Kind != Accepted || rp.seen[1].Body != "clientDataJSON=e30tX0&id=Y3JlZC0x" {
					t.Errorf("outcome %v of %+v", o, rp.seen[1])
				}
			}
		})
	}
}
