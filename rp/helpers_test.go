package rp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

const (
	testRPID   = "rp.example"
	testOrigin = "https://rp.example"
)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a server under test with its clock and the refusals it told of.
type world struct {
	*testing.T
	server *rp.Server
	clock  *clock

	mu       sync.Mutex
	refusals []rp.Refusal
}

func newWorld(t *testing.T, change ...func(*rp.Config)) *world {
	t.Helper()
	w := &world{T: t, clock: &clock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}}
	cfg := rp.Config{
		RPID: testRPID, RPName: "Example", Origins: []string{testOrigin}, Clock: w.clock.Now,
		OnRefusal: func(r rp.Refusal) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.refusals = append(w.refusals, r)
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if w.server, err = rp.New(cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

// last is the newest refusal.
func (w *world) last() rp.Refusal {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.refusals) == 0 {
		return rp.Refusal{}
	}
	return w.refusals[len(w.refusals)-1]
}

// visitor is one browser or one API client: cookies and default headers.
type visitor struct {
	w       *world
	cookies map[string]*http.Cookie
	header  http.Header
}

func (w *world) visitor(header ...string) *visitor {
	v := &visitor{w: w, cookies: map[string]*http.Cookie{}, header: http.Header{}}
	for i := 0; i+1 < len(header); i += 2 {
		v.header.Set(header[i], header[i+1])
	}
	return v
}

type answer struct {
	w      *world
	status int
	header http.Header
	body   []byte
}

// send sends a request: a body that is text or bytes as it is, nil as none,
// anything else as JSON. Headers come in pairs.
func (v *visitor) send(method, path string, body any, header ...string) *answer {
	v.w.Helper()
	var r io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case []byte:
		r = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			v.w.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	req := httptest.NewRequest(method, path, r)
	for k, vs := range v.header {
		req.Header[k] = vs
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	for _, c := range v.cookies {
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	rec := httptest.NewRecorder()
	v.w.server.ServeHTTP(rec, req)
	for _, c := range rec.Result().Cookies() {
		v.cookies[c.Name] = c
	}
	return &answer{w: v.w, status: rec.Code, header: rec.Header(), body: rec.Body.Bytes()}
}

func (v *visitor) post(path string, body any, header ...string) *answer {
	v.w.Helper()
	return v.send(http.MethodPost, path, body, header...)
}

func (v *visitor) get(path string, header ...string) *answer {
	v.w.Helper()
	return v.send(http.MethodGet, path, nil, header...)
}

// want checks the status.
func (a *answer) want(status int) *answer {
	a.w.Helper()
	if a.status != status {
		a.w.Fatalf("status %d, want %d; body %s; reason %q", a.status, status, a.body, a.w.last().Message)
	}
	return a
}

// saying checks that the body has a text in it.
func (a *answer) saying(text string) *answer {
	a.w.Helper()
	if !strings.Contains(string(a.body), text) {
		a.w.Fatalf("body %s does not say %q", a.body, text)
	}
	return a
}

type m = map[string]any

// json returns the body as an object.
func (a *answer) json() m {
	a.w.Helper()
	var out m
	if err := json.Unmarshal(a.body, &out); err != nil {
		a.w.Fatalf("body %s: %v", a.body, err)
	}
	return out
}

// at returns what is at a path of member names and array indices, such as "rp.id".
func (a *answer) at(path string) any {
	a.w.Helper()
	return at(a.w.T, a.json(), path)
}

func at(t *testing.T, v any, path string) any {
	t.Helper()
	for _, name := range strings.Split(path, ".") {
		switch o := v.(type) {
		case m:
			in, ok := o[name]
			if !ok {
				return nil
			}
			v = in
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(o) {
				return nil
			}
			v = o[i]
		default:
			t.Fatalf("nothing at %q of %v", name, v)
		}
	}
	return v
}

func (a *answer) text(path string) string {
	a.w.Helper()
	s, ok := a.at(path).(string)
	if !ok {
		a.w.Fatalf("%s is %v in %s, want a string", path, a.at(path), a.body)
	}
	return s
}

// equal checks members: pairs of a path and a value in JSON.
func (a *answer) equal(pairs ...string) *answer {
	a.w.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		got, err := json.Marshal(a.at(pairs[i]))
		if err != nil {
			a.w.Fatal(err)
		}
		if string(got) != pairs[i+1] {
			a.w.Errorf("%s is %s, want %s", pairs[i], got, pairs[i+1])
		}
	}
	return a
}

// device is a virtual authenticator behind a page on the RP's origin.
type device struct {
	w *world
	a *virtualauth.Authenticator
	c *virtualauth.Client
}

func (w *world) device(change ...func(*virtualauth.Config)) *device {
	w.Helper()
	cfg := virtualauth.Config{ResidentKeys: true, UserVerification: true}
	for _, f := range change {
		f(&cfg)
	}
	a, err := virtualauth.New(cfg)
	if err != nil {
		w.Fatal(err)
	}
	return &device{w: w, a: a, c: &virtualauth.Client{Origin: testOrigin}}
}

// create makes a RegistrationResponseJSON from creation options in JSON.
func (d *device) create(options any, faults ...string) m {
	d.w.Helper()
	o, err := virtualauth.ParseCreationOptions(toJSON(d.w.T, options))
	if err != nil {
		d.w.Fatalf("parse creation options: %v", err)
	}
	r, err := d.c.Create(context.Background(), d.a, o, d.faults(faults))
	if err != nil {
		d.w.Fatalf("create: %v", err)
	}
	return fromJSON(d.w.T, r.Response)
}

// get makes an AuthenticationResponseJSON from request options in JSON.
func (d *device) get(options any, faults ...string) m {
	d.w.Helper()
	o, err := virtualauth.ParseRequestOptions(toJSON(d.w.T, options))
	if err != nil {
		d.w.Fatalf("parse request options: %v", err)
	}
	a, err := d.c.Get(context.Background(), d.a, o, d.faults(faults))
	if err != nil {
		d.w.Fatalf("get: %v", err)
	}
	return fromJSON(d.w.T, a.Response)
}

func (d *device) faults(names []string) virtualauth.Faults {
	d.w.Helper()
	f, err := virtualauth.ParseFaults(names...)
	if err != nil {
		d.w.Fatal(err)
	}
	return f
}

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	switch b := v.(type) {
	case []byte:
		return b
	case *answer:
		return b.body
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func fromJSON(t *testing.T, v any) m {
	t.Helper()
	var out m
	if err := json.Unmarshal(toJSON(t, v), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// with returns a deep copy of an object with a member changed; a nil value
// removes it. path has dots.
func with(t *testing.T, o m, path string, value any) m {
	t.Helper()
	out := fromJSON(t, o)
	in := out
	names := strings.Split(path, ".")
	for _, n := range names[:len(names)-1] {
		in = in[n].(m)
	}
	last := names[len(names)-1]
	if value == nil {
		delete(in, last)
	} else if value == explicitNull {
		in[last] = nil
	} else {
		in[last] = value
	}
	return out
}

var explicitNull = struct{ null bool }{true}
