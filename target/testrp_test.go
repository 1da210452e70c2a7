package target

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// seen is a request as a scripted Relying Party saw it.
type seen struct {
	Method, Path, Query string
	Header              http.Header
	Body                string
}

// scripted answers by method and path, and remembers what it was asked.
type scripted struct {
	mu      sync.Mutex
	answers map[string]func(seen) (int, string)
	media   string
	seen    []seen
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	q := seen{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone(), string(b)}
	s.mu.Lock()
	s.seen = append(s.seen, q)
	s.mu.Unlock()
	f := s.answers[r.Method+" "+r.URL.Path]
	if f == nil {
		http.NotFound(w, r)
		return
	}
	status, body := f(q)
	media := s.media
	if media == "" {
		media = "application/json"
	}
	if strings.HasPrefix(body, "text:") {
		media, body = "text/plain; charset=utf-8", body[5:]
	}
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func say(status int, body string) func(seen) (int, string) {
	return func(seen) (int, string) { return status, body }
}

// start serves h on the loopback interface and binds a dialect to it.
func start(t *testing.T, dialect string, h http.Handler) *Target {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return bind(t, dialect, Options{URL: srv.URL, RPID: "rp.example", Origin: "https://rp.example"})
}

func bind(t *testing.T, dialect string, o Options) *Target {
	t.Helper()
	p, err := LoadDialect(dialect)
	if err != nil {
		t.Fatal(err)
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	tg, err := New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return tg
}

func background(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// same compares JSON values, whatever the order of members.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	g, err := parseJSON([]byte(got))
	if err != nil {
		t.Fatalf("%s: %v in %s", what, err, got)
	}
	w, err := parseJSON([]byte(want))
	if err != nil {
		t.Fatalf("%s: %v in %s", what, err, want)
	}
	if a, b := string(encodeJSON(g, nil)), string(encodeJSON(w, nil)); a != b {
		t.Errorf("%s\n got %s\nwant %s", what, a, b)
	}
}

const registrationCredential = `{
  "id": "Y3JlZC0x", "rawId": "Y3JlZC0x", "type": "public-key", "authenticatorAttachment": "cross-platform",
  "response": {"clientDataJSON": "e30tX0", "attestationObject": "o2NmbXQ", "authenticatorData": "AAAA",
    "transports": ["usb"], "publicKey": "BBBB", "publicKeyAlgorithm": -7},
  "clientExtensionResults": {}
}`

const authenticationCredential = `{
  "id": "Y3JlZC0x", "rawId": "Y3JlZC0x", "type": "public-key", "authenticatorAttachment": "cross-platform",
  "response": {"clientDataJSON": "e30tX0", "authenticatorData": "AAAA", "signature": "MEUC", "userHandle": "dXNlcg"},
  "clientExtensionResults": {"appid": false}
}`

const fidoCreation = `{"status":"ok","errorMessage":"","rp":{"name":"RP","id":"rp.example"},
  "user":{"id":"dXNlcg","name":"ann","displayName":"Ann"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA",
  "pubKeyCredParams":[{"type":"public-key","alg":-7}],"timeout":60000}`

const fidoRequest = `{"status":"ok","errorMessage":"","challenge":"AAAAAAAAAAAAAAAAAAAAAA","rpId":"rp.example",
  "allowCredentials":[{"type":"public-key","id":"Y3JlZC0x"}]}`

// fidoRP is a Relying Party of the fido dialect that takes everything.
func fidoRP() *scripted {
	return &scripted{answers: map[string]func(seen) (int, string){
		"POST /attestation/options": say(200, fidoCreation),
		"POST /attestation/result":  say(200, `{"status":"ok","errorMessage":""}`),
		"POST /assertion/options":   say(200, fidoRequest),
		"POST /assertion/result":    say(200, `{"status":"ok","errorMessage":""}`),
	}}
}

func finish(t *testing.T, c *Ceremony, credential string, w WireFaults) *Outcome {
	t.Helper()
	o, err := c.Finish(background(t), json.RawMessage(credential), w)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
