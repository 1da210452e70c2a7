package browser

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// The tests share one browser, which the first of them starts. Where there is
// none to start, they fail and say what to install.
var sharedChrome = sync.OnceValues(func() (*chrome, error) {
	return startChrome(ChromeConfig{})
})

func startChrome(cfg ChromeConfig) (*chrome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := NewChrome(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return c.(*chrome), nil
}

var sharedStarted bool

func TestMain(m *testing.M) {
	code := m.Run()
	if sharedStarted {
		if c, err := sharedChrome(); err == nil {
			c.Close()
		}
	}
	if sharedFirefoxStarted {
		if c, err := sharedFirefox(); err == nil {
			c.Close()
		}
	}
	os.Exit(code)
}

func theChrome(t testing.TB) *chrome {
	t.Helper()
	sharedStarted = true
	c, err := sharedChrome()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ownChrome(t testing.TB, cfg ChromeConfig) *chrome {
	t.Helper()
	c, err := startChrome(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

const rpOrigin = "https://rp.example"

// window is a session with what the tests do all the time.
type window struct {
	testing.TB
	ctx context.Context
	*session
}

func openPage(t testing.TB, c *chrome, origin string) window {
	t.Helper()
	ctx := testContext(t)
	s, err := c.Open(ctx, client.SessionConfig{Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return window{t, ctx, s.(*session)}
}

func (p window) plug(cfg client.AuthenticatorConfig) client.Authenticator {
	p.Helper()
	a, err := p.Plug(p.ctx, cfg)
	if err != nil {
		p.Fatal(err)
	}
	return a
}

func (p window) create(o options) *client.Registration {
	p.Helper()
	r, err := p.Create(p.ctx, o.json(p))
	if err != nil {
		p.Fatal(err)
	}
	return r
}

func (p window) get(o options) *client.Assertion {
	p.Helper()
	a, err := p.Get(p.ctx, o.json(p))
	if err != nil {
		p.Fatal(err)
	}
	return a
}

func (p window) refused(err error, name string) {
	p.Helper()
	var refusal *client.Error
	if !errors.As(err, &refusal) || refusal.Name != name {
		p.Fatalf("got %v, want a rejection with %s", err, name)
	}
}

func (p window) createRefused(o options, name string) {
	p.Helper()
	_, err := p.Create(p.ctx, o.json(p))
	p.refused(err, name)
}

func (p window) getRefused(o options, name string) {
	p.Helper()
	_, err := p.Get(p.ctx, o.json(p))
	p.refused(err, name)
}

func (p window) credentials(a client.Authenticator) []client.Credential {
	p.Helper()
	list, err := a.Credentials(p.ctx)
	if err != nil {
		p.Fatal(err)
	}
	return list
}

// options are creation or request options in JSON form.
type options map[string]any

func (o options) json(t testing.TB) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// with returns a copy in which the members of more replace those of o.
func (o options) with(more options) options {
	c := maps.Clone(o)
	maps.Copy(c, more)
	return c
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func creation() options {
	return options{
		"rp":               options{"name": "Example"},
		"user":             options{"id": b64([]byte("user-1")), "name": "alice", "displayName": "Alice"},
		"challenge":        b64(random(32)),
		"pubKeyCredParams": []any{options{"type": "public-key", "alg": -7}},
		"timeout":          5000,
	}
}

func request(ids ...[]byte) options {
	o := options{"challenge": b64(random(32)), "timeout": 5000}
	if len(ids) > 0 {
		o["allowCredentials"] = descriptors(ids...)
	}
	return o
}

func descriptors(ids ...[]byte) []any {
	var list []any
	for _, id := range ids {
		list = append(list, options{"type": "public-key", "id": b64(id)})
	}
	return list
}

// verifyRegistration lets go-webauthn judge a registration, and returns what it read.
func verifyRegistration(t testing.TB, r virtualauth.RegistrationResponse, o options, origin, rpID string) *protocol.ParsedCredentialCreationData {
	t.Helper()
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(body)
	if err != nil {
		t.Fatalf("%v: %s", err, detail(err))
	}
	params := []protocol.CredentialParameter{}
	for _, alg := range []webauthncose.COSEAlgorithmIdentifier{-7, -8, -257} {
		params = append(params, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: alg})
	}
	_, err = parsed.Verify(o["challenge"].(string), rpID, []string{origin}, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, false, true, nil, params, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		t.Fatalf("%v: %s", err, detail(err))
	}
	return parsed
}

// verifyAssertion lets go-webauthn judge an assertion against a registration.
func verifyAssertion(t testing.TB, a virtualauth.AuthenticationResponse, o options, origin, rpID, appID string, publicKey []byte) *protocol.ParsedCredentialAssertionData {
	t.Helper()
	body, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(body)
	if err != nil {
		t.Fatalf("%v: %s", err, detail(err))
	}
	err = parsed.Verify(o["challenge"].(string), rpID, appID, []string{origin}, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, false, true, publicKey, protocol.SignaturePolicy{})
	if err != nil {
		t.Fatalf("%v: %s", err, detail(err))
	}
	return parsed
}

func detail(err error) string {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e.Details + ": " + e.DevInfo
	}
	return ""
}
