package recorder

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchstone-webauthn/touchstone/browser"
	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/compare"
	"github.com/touchstone-webauthn/touchstone/fixtures"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
)

// serve serves the reference RP with the recorder, as touchstone serve does.
func serve(t *testing.T, dir string) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	port := strings.Split(s.Listener.Addr().String(), ":")[1]
	address = "http://localhost:" + port
	cfg, err := reference.Config("localhost", address)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Policy.RequireTrust = false
	server, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Handler = New(server, dir)
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return address
}

// chrome starts a browser of its own, confined to loopback, with a virtual
// authenticator on its one tab.
func chrome(t *testing.T) context.Context {
	t.Helper()
	path, err := browser.FindChrome()
	if err != nil {
		t.Fatal(err)
	}
	opts := append([]chromedp.ExecAllocatorOption(nil), chromedp.DefaultExecAllocatorOptions[:]...)
	opts = append(opts, chromedp.ExecPath(path), chromedp.Flag("headless", "new"), chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("no-pings", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.Flag("no-sandbox", true))
	}
	alloc, endAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, end := chromedp.NewContext(alloc)
	t.Cleanup(func() { end(); endAlloc() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}}); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// evaluate runs an expression, waits for its promise, and decodes its value.
func evaluate[T any](t *testing.T, ctx context.Context, expression string) (v T) {
	t.Helper()
	r, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: expression, AwaitPromise: new(true), ReturnByValue: new(true), UserGesture: new(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.ExceptionDetails != nil {
		t.Fatalf("%s: %s %s", expression, r.ExceptionDetails.Text, r.ExceptionDetails.Exception.Description)
	}
	if len(r.Result.Value) > 0 {
		if err := json.Unmarshal(r.Result.Value, &v); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

func waitFor(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !evaluate[bool](t, ctx, expression); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come; the page says %q", expression, evaluate[string](t, ctx, "document.getElementById('status')?.textContent ?? ''"))
		}
	}
}

func navigate(t *testing.T, ctx context.Context, address string) {
	t.Helper()
	r, err := chromedp.Call(ctx, cdppage.Navigate, cdppage.NavigateParams{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	if r.ErrorText != "" {
		t.Fatalf("%s: %s", address, r.ErrorText)
	}
	waitFor(t, ctx, "document.readyState === 'complete'")
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := fixtures.Schema("trace")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("trace.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("trace.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validTrace(t *testing.T, text string) *reports.Trace {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema(t).Validate(doc); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	trace, err := reports.ReadTrace("trace", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// TestRecorderInChrome goes through the page as a person does, and then through
// another page with the bookmarklet.
func TestRecorderInChrome(t *testing.T) {
	dir := t.TempDir()
	address := serve(t, dir)
	ctx := chrome(t)

	navigate(t, ctx, address+PagePath)
	evaluate[any](t, ctx, "document.getElementById('rk').value = 'required'; document.getElementById('attestation').value = 'direct'; document.getElementById('register').click()")
	waitFor(t, ctx, "document.getElementById('saved').textContent.startsWith('saved as') && document.getElementById('status').className === 'good'")
	evaluate[any](t, ctx, "document.getElementById('saved').textContent = ''; document.getElementById('status').className = ''; document.getElementById('login').click()")
	waitFor(t, ctx, "document.getElementById('saved').textContent.startsWith('saved as') && document.getElementById('status').className === 'good'")
	// Once more on the same authenticator: the browser refuses, and that is recorded too.
	evaluate[any](t, ctx, "document.getElementById('saved').textContent = ''; document.getElementById('register').click()")
	waitFor(t, ctx, "document.getElementById('saved').textContent.startsWith('saved as') && document.getElementById('status').className === 'bad'")

	files, err := filepath.Glob(filepath.Join(dir, "recording-*.json"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%d traces were saved, want 3 (%v)", len(files), err)
	}
	text, err := os.ReadFile(files[2])
	if err != nil {
		t.Fatal(err)
	}
	trace := validTrace(t, string(text))
	if len(trace.Ceremonies) != 3 || trace.Client.Name != "recorder" || !strings.Contains(trace.Client.Version, "Chrome/") {
		t.Fatalf("the trace is %s", text)
	}
	made, got, refused := trace.Ceremonies[0], trace.Ceremonies[1], trace.Ceremonies[2]
	if made.Kind != "registration" || made.Calls[0].Response == nil || len(made.Sent) != 1 || made.Sent[0].Outcome != "accepted" || made.Origin != address {
		t.Errorf("the registration is %+v", made)
	}
	if got.Kind != "authentication" || got.Calls[0].Method != "get" || len(got.Sent) != 1 || got.Sent[0].Outcome != "accepted" {
		t.Errorf("the login is %+v", got)
	}
	if refused.Calls[0].Error == nil || refused.Calls[0].Error.Name != "InvalidStateError" || len(refused.Sent) != 0 {
		t.Errorf("the second registration is %+v", refused)
	}
	replays(t, text)
	if !strings.Contains(string(made.Options), `"attestation":`) || !strings.Contains(string(made.Options), `"challenge":`) {
		t.Errorf("the options are %s", made.Options)
	}

	// Another site, which knows nothing of the recorder, and whose policy lets no
	// script be loaded.
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>A site</title><p>Hello")
	}))
	defer site.Close()
	navigate(t, ctx, strings.Replace(site.URL, "127.0.0.1", "localhost", 1))
	code := strings.TrimPrefix(evaluate[string](t, ctx, "decodeURIComponent("+quoted(Bookmarklet(address+SavePath))+")"), "javascript:")
	evaluate[any](t, ctx, code+"; 0")
	evaluate[any](t, ctx, code+"; 0") // a second click does no harm
	name := evaluate[string](t, ctx, `navigator.credentials.create({publicKey: {rp: {name: "RP"}, user: {id: new Uint8Array([1, 2]), name: "ada", displayName: "Ada"},
		challenge: new Uint8Array(16), pubKeyCredParams: [{type: "public-key", alg: -7}], extensions: {prf: {eval: {first: new Uint8Array(32)}}}}}).then((c) => c.constructor.name)`)
	if name != "PublicKeyCredential" {
		t.Errorf("create() resolved with a %s", name)
	}
	if n := evaluate[int](t, ctx, `document.querySelectorAll("#touchstone-recorder").length`); n != 1 {
		t.Errorf("the recorder shows %d times", n)
	}
	trace = validTrace(t, evaluate[string](t, ctx, "JSON.stringify(touchstoneRecorder.trace())"))
	if len(trace.Ceremonies) != 1 || !strings.Contains(string(trace.Ceremonies[0].Options), `"id":"AQI"`) {
		t.Errorf("the trace is %+v", trace)
	}
	if saved := evaluate[string](t, ctx, "touchstoneRecorder.send("+quoted(address+SavePath)+")"); !strings.HasPrefix(saved, "recording-") {
		t.Errorf("the bookmarklet's trace was saved as %q", saved)
	}
}

// replays runs the recording's calls in the virtual client, which must end as they did.
func replays(t *testing.T, recording []byte) {
	t.Helper()
	found, err := compare.ReadOptions("recording", recording, "")
	if err != nil {
		t.Fatal(err)
	}
	var inputs []compare.Input
	for _, f := range found {
		in := compare.Input{Name: f.Where, Origin: f.Origin, Call: client.Call{Method: f.Method, Options: f.Options}, Authenticator: client.AuthenticatorConfig{Transport: "internal", ResidentKeys: true, UserVerification: true}}
		if f.Authenticator != nil {
			in.Authenticator = *f.Authenticator
		}
		if in.Authenticator.Transport != "internal" {
			t.Errorf("%s: the authenticator is taken for one over %s", f.Where, in.Authenticator.Transport)
		}
		in.Held = compare.HeldFor(f, in.Origin, in.Authenticator, false)
		if in.Recorded, err = f.Recorded.Outcome(in); err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, in)
	}
	list, err := compare.Run(t.Context(), inputs, []client.Client{client.NewVirtual()})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 {
		t.Errorf("%d calls were replayed, want 3", len(list))
	}
	for _, c := range list {
		for _, d := range c.Differences {
			if d.Class != compare.Token {
				t.Errorf("%s: %s was %q and is %q", c.Name, d.Field, d.Reference, d.Value)
			}
		}
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func post(t *testing.T, h http.Handler, method, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, SavePath, strings.NewReader(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "the RP's", http.StatusTeapot) })
	h := New(next, dir)
	good := `{"traceVersion":1,"client":{"name":"recorder","version":"x"},"ceremonies":[{"kind":"registration","origin":"https://a.example"}],"more":"<script>"}`
	if status, body := post(t, h, http.MethodPost, good); status != 200 || !strings.Contains(body, `"saved":"recording-`) {
		t.Errorf("%d %s", status, body)
	}
	for _, tc := range []struct {
		name, method, body string
		status             int
		want               string
	}{
		{"get", http.MethodGet, "", 405, "POST a trace"},
		{"no JSON", http.MethodPost, "x", 400, "not a trace"},
		{"nothing in it", http.MethodPost, `{"traceVersion":1}`, 400, "neither a ceremony nor a check"},
		{"a check's", http.MethodPost, `{"traceVersion":1,"check":{"id":"a","verdict":"pass"}}`, 400, "not a recording"},
		{"too large", http.MethodPost, `{"traceVersion":1,"x":"` + strings.Repeat("a", maxTrace) + `"}`, 413, "larger than"},
	} {
		if status, body := post(t, h, tc.method, tc.body); status != tc.status || !strings.Contains(body, tc.want) {
			t.Errorf("%s: %d %s; want %d, %q", tc.name, status, body, tc.status, tc.want)
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) != 1 {
		t.Fatalf("there are %d files, want 1", len(files))
	}
	if text, err := os.ReadFile(files[0]); err != nil || strings.Contains(string(text), "<script>") {
		t.Errorf("the file holds what is of no trace: %s (%v)", text, err)
	}
	h.saved = maxFiles
	if status, body := post(t, h, http.MethodPost, good); status != http.StatusInsufficientStorage {
		t.Errorf("%d %s", status, body)
	}
	if status, body := post(t, New(next, ""), http.MethodPost, good); status != 404 || !strings.Contains(body, "--record") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := post(t, New(next, filepath.Join(dir, "gone")), http.MethodPost, good); status != 500 {
		t.Errorf("a folder that is not there: %d", status)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/attestation/options", nil))
	if w.Code != http.StatusTeapot {
		t.Errorf("another path is answered with %d", w.Code)
	}
}

func TestPage(t *testing.T) {
	w := httptest.NewRecorder()
	New(http.NotFoundHandler(), "").ServeHTTP(w, httptest.NewRequest(http.MethodGet, PagePath, nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `href="javascript:`) || !strings.Contains(w.Body.String(), `data-saves="false"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; ") {
		t.Errorf("policy %q", policy)
	}
}
