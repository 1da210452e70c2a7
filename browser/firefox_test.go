package browser

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// The tests share one Firefox, which the first of them starts.
var sharedFirefox = sync.OnceValues(func() (*driven, error) { return startTestFirefox(FirefoxConfig{}) })

var sharedFirefoxStarted bool

func startTestFirefox(cfg FirefoxConfig) (*driven, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := NewFirefox(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return c.(*driven), nil
}

// needFirefox skips a test where there is no Firefox. One that is there and
// does not start is a failure.
func needFirefox(t testing.TB) {
	t.Helper()
	if _, err := FindFirefox(); err != nil {
		t.Skipf("optional: %v", err)
	}
}

func theFirefox(t testing.TB) *driven {
	t.Helper()
	needFirefox(t)
	sharedFirefoxStarted = true
	c, err := sharedFirefox()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ownFirefox(t testing.TB, cfg FirefoxConfig) *driven {
	t.Helper()
	needFirefox(t)
	c, err := startTestFirefox(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// view is a session of any client with what the tests do all the time.
type view struct {
	testing.TB
	ctx context.Context
	client.Session
}

func openView(t testing.TB, c client.Client, origin string) view {
	t.Helper()
	ctx := testContext(t)
	s, err := c.Open(ctx, client.SessionConfig{Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return view{t, ctx, s}
}

func (v view) plug(cfg client.AuthenticatorConfig) client.Authenticator {
	v.Helper()
	a, err := v.Plug(v.ctx, cfg)
	if err != nil {
		v.Fatal(err)
	}
	return a
}

func (v view) create(o options) *client.Registration {
	v.Helper()
	r, err := v.Create(v.ctx, o.json(v))
	if err != nil {
		v.Fatal(err)
	}
	return r
}

func (v view) get(o options) *client.Assertion {
	v.Helper()
	a, err := v.Get(v.ctx, o.json(v))
	if err != nil {
		v.Fatal(err)
	}
	return a
}

func (v view) refused(err error, name string) {
	v.Helper()
	var refusal *client.Error
	if !errors.As(err, &refusal) || refusal.Name != name {
		v.Fatalf("got %v, want a rejection with %s", err, name)
	}
}

func (v view) createRefused(o options, name string) {
	v.Helper()
	_, err := v.Create(v.ctx, o.json(v))
	v.refused(err, name)
}

func (v view) getRefused(o options, name string) {
	v.Helper()
	_, err := v.Get(v.ctx, o.json(v))
	v.refused(err, name)
}

var (
	verifying = client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true}
	resident  = options{"authenticatorSelection": options{"residentKey": "required"}}
)

func firefoxProcess(t *testing.T, c *driven) *firefox {
	t.Helper()
	f, ok := c.stage.driver.(*firefox)
	if !ok {
		t.Fatal("the driver is no Firefox")
	}
	return f
}

func TestFirefoxVersionAndAbilities(t *testing.T) {
	c := theFirefox(t)
	if c.Name() != "firefox" || !regexp.MustCompile(`^\d+\.\d+`).MatchString(c.Version()) {
		t.Errorf("it is %q %q", c.Name(), c.Version())
	}
	for ability, want := range map[client.Ability]bool{
		client.Faults: true, client.OptionFaults: false, client.ExcludeList: true, client.Discoverable: true,
		client.U2F: false, client.SelfAttestation: true, client.U2FAttestation: false, client.NoAttestation: true,
		client.AttestationKey: false, client.Extensions: true, client.Flags: false, client.Import: true, client.Direct: false,
		client.Frames: true, client.RelatedOrigins: true, client.Conditional: false,
	} {
		if got := c.Carries(ability); got != want {
			t.Errorf("Carries(%s) is %v", ability, got)
		}
	}
}

func TestFirefoxCeremonies(t *testing.T) {
	for _, tc := range []struct{ origin, rpID string }{
		{"https://rp.example", "rp.example"},
		{"https://login.rp.example:8443", "login.rp.example"},
		{"http://localhost:1234", "localhost"},
		{"http://localhost", "localhost"},
	} {
		t.Run(tc.origin, func(t *testing.T) {
			testDrivenCeremonies(t, theFirefox(t), tc.origin, tc.rpID)
		})
	}
}

// testDrivenCeremonies registers and logs in, and has go-webauthn judge both.
func testDrivenCeremonies(t *testing.T, c client.Client, origin, rpID string) {
	v := openView(t, c, origin)
	v.plug(verifying)
	o := creation().with(resident)
	r := v.create(o)
	parsed := verifyRegistration(t, r.Response, o, origin, rpID)
	k := r.Credential
	if k == nil || !bytes.Equal(k.ID, r.Response.RawID) || k.RPID != rpID || !k.Resident {
		t.Fatalf("the credential behind the registration is %+v", k)
	}
	pub := k.PrivateKey.Public().(*ecdsa.PublicKey)
	if !bytes.Contains(r.Response.PublicKey, must(pub.Bytes())) {
		t.Error("the exported private key does not belong to the registered public key")
	}
	for _, ro := range []options{request(r.Response.RawID), request()} {
		a := v.get(ro)
		verifyAssertion(t, a.Response, ro, origin, rpID, "", parsed.Response.AttestationObject.AuthData.AttData.CredentialPublicKey)
		if a.Credential == nil || !bytes.Equal(a.Credential.ID, r.Response.RawID) || a.Credential.SignCount <= k.SignCount {
			t.Errorf("the credential behind the assertion is %+v", a.Credential)
		}
		if string(a.Response.UserHandle) != "user-1" {
			t.Errorf("userHandle is %q", a.Response.UserHandle)
		}
	}
	v.createRefused(creation().with(options{"excludeCredentials": descriptors(r.Response.RawID)}), "InvalidStateError")
	v.getRefused(request(random(32)), "NotAllowedError")
	v.createRefused(creation().with(options{"rp": options{"name": "x", "id": "evil.example"}}), "SecurityError")
}

func TestFirefoxAttestation(t *testing.T) {
	const aaguid = "68e100a50b479104b85497a9ba510638"
	direct := options{"attestation": "direct"}
	for name, tc := range map[string]struct {
		self    bool
		options options
		format  string
	}{
		"none":                       {false, nil, "none"},
		"direct":                     {false, direct, "packed"},
		"self though none":           {true, nil, "packed"},
		"self though none was asked": {true, options{"attestation": "none"}, "packed"},
	} {
		t.Run(name, func(t *testing.T) {
			v := openView(t, theFirefox(t), rpOrigin)
			v.plug(client.AuthenticatorConfig{SelfAttestation: tc.self})
			o := creation().with(tc.options)
			r := v.create(o)
			parsed := verifyRegistration(t, r.Response, o, rpOrigin, "rp.example")
			object := parsed.Response.AttestationObject
			if object.Format != tc.format || object.AttStatement["x5c"] != nil {
				t.Errorf("the format is %s with %v", object.Format, object.AttStatement)
			}
			if got := fmt.Sprintf("%x", object.AuthData.AttData.AAGUID); got != aaguid {
				t.Errorf("the AAGUID is %s", got)
			}
			if r.Attestation != nil {
				t.Error("Attestation is set, but a self attestation has no key of its own")
			}
		})
	}
}

func TestFirefoxUserVerification(t *testing.T) {
	for _, uv := range []bool{true, false} {
		v := openView(t, theFirefox(t), rpOrigin)
		v.plug(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: uv})
		o := creation()
		parsed := verifyRegistration(t, v.create(o).Response, o, rpOrigin, "rp.example")
		flags := parsed.Response.AttestationObject.AuthData.Flags
		if flags.HasUserVerified() != uv || flags&(protocol.FlagBackupEligible|protocol.FlagBackupState) != 0 {
			t.Errorf("with user verification %v the flags are %#x", uv, flags)
		}
	}
}

func TestFirefoxOptionsReachTheBrowser(t *testing.T) {
	v := openView(t, theFirefox(t), rpOrigin)
	v.plug(verifying)
	user := options{"id": b64([]byte("user-1")), "displayName": "Alice"}
	for name, tc := range map[string]struct {
		change options
		want   string // empty means accepted
	}{
		"alg is a name":              {options{"pubKeyCredParams": []any{options{"type": "public-key", "alg": "Es256"}}}, "NotAllowedError"},
		"only RS256":                 {options{"pubKeyCredParams": []any{options{"type": "public-key", "alg": -257}}}, "NotAllowedError"},
		"no user.name":               {options{"user": user}, "TypeError"},
		"challenge is padded":        {options{"challenge": "AAECAwQFBgcICQoLDA0ODw=="}, "EncodingError"},
		"challenge is a number":      {options{"challenge": 5}, "TypeError"},
		"excludeCredentials is null": {options{"excludeCredentials": nil}, "TypeError"},
		"timeout is 0":               {options{"timeout": 0}, ""},
		"timeout is an hour":         {options{"timeout": 3600000}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := view{t, v.ctx, v.Session}
			if tc.want == "" {
				v.create(creation().with(tc.change))
				return
			}
			v.createRefused(creation().with(tc.change), tc.want)
		})
	}
	_, err := v.Create(v.ctx, json.RawMessage("{"))
	v.refused(err, "SyntaxError")
}

// TestFirefoxStuck meets the one thing that waits for a person: which of two
// discoverable credentials it shall be.
func TestFirefoxStuck(t *testing.T) {
	c := ownFirefox(t, FirefoxConfig{Timeout: 2 * time.Second})
	v := openView(t, c, rpOrigin)
	v.plug(verifying)
	v.create(creation().with(resident))
	second := v.create(creation().with(resident).with(options{"user": options{"id": b64([]byte("user-2")), "name": "b", "displayName": "B"}}))
	began := time.Now()
	if _, err := v.Get(v.ctx, request().json(t)); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("after %s get() with two discoverable credentials gave %v", time.Since(began), err)
	}
	// The session goes on.
	v.get(request(second.Response.RawID))
}

func TestFirefoxOneAuthenticatorAnswers(t *testing.T) { testOneAnswers(t, theFirefox(t)) }

func testOneAnswers(t *testing.T, c client.Client) {
	v := openView(t, c, rpOrigin)
	one := v.plug(verifying)
	first := v.create(creation().with(resident))
	v.get(request(first.Response.RawID))
	counted := v.get(request(first.Response.RawID)).Credential.SignCount

	two := v.plug(client.AuthenticatorConfig{})
	v.getRefused(request(first.Response.RawID).with(options{"timeout": 600}), "NotAllowedError")
	other := v.create(creation().with(options{"excludeCredentials": descriptors(first.Response.RawID)}))
	if list, err := two.Credentials(v.ctx); err != nil || len(list) != 1 || !bytes.Equal(list[0].ID, other.Response.RawID) {
		t.Errorf("the second authenticator lists %+v, want its own one: %v", list, err)
	}
	if list, err := one.Credentials(v.ctx); err != nil || len(list) != 1 || list[0].SignCount != counted {
		t.Errorf("the unplugged authenticator lists %+v: %v", list, err)
	}
	// Unplugged, it can be changed.
	imported := importCredential(t, v.ctx, one, "rp.example")
	if err := one.Remove(v.ctx, imported.ID); err != nil {
		t.Error(err)
	}
	if err := one.Remove(v.ctx, imported.ID); err == nil {
		t.Error("a credential that is gone was removed again")
	}
	v.get(request(other.Response.RawID))

	if err := v.Use(v.ctx, one); err != nil {
		t.Fatal(err)
	}
	got := v.get(request(first.Response.RawID))
	if got.Credential.SignCount <= counted || !got.Credential.Resident || string(got.Response.UserHandle) != "user-1" {
		t.Errorf("the credential came back as %+v", got.Credential)
	}
	imported = importCredential(t, v.ctx, one, "rp.example")
	if got := v.get(request(imported.ID)); got.Credential.SignCount <= imported.SignCount {
		t.Errorf("the imported credential counts %d, it had %d before", got.Credential.SignCount, imported.SignCount)
	}
	if err := one.Remove(v.ctx, first.Response.RawID); err != nil {
		t.Fatal(err)
	}
	v.getRefused(request(first.Response.RawID).with(options{"timeout": 600}), "NotAllowedError")

	elsewhere := openView(t, c, rpOrigin)
	if err := elsewhere.Use(elsewhere.ctx, one); err == nil {
		t.Error("an authenticator of another session was accepted")
	}
	if _, err := elsewhere.Create(elsewhere.ctx, creation().json(t)); err == nil || !strings.Contains(err.Error(), "no authenticator is plugged in") {
		t.Errorf("create() with nothing plugged in gave %v", err)
	}
	elsewhere.plug(verifying)
	elsewhere.getRefused(request(imported.ID).with(options{"timeout": 600}), "NotAllowedError")
	elsewhere.Close()
	if _, err := elsewhere.Get(elsewhere.ctx, request().json(t)); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a closed session gave %v", err)
	}
	v.get(request(imported.ID))
}

func importCredential(t testing.TB, ctx context.Context, a client.Authenticator, rpID string) client.Credential {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := client.Credential{ID: random(32), RPID: rpID, UserHandle: []byte("user-9"), PrivateKey: key, SignCount: 41}
	if err := a.Import(ctx, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFirefoxSessionsTakeTurns(t *testing.T) { testTurns(t, theFirefox(t)) }

// testTurns has sessions on different origins use the one browser at once.
func testTurns(t *testing.T, c client.Client) {
	var wg sync.WaitGroup
	origins := []string{"https://rp.example", "https://other.example", "https://rp.example"}
	for i, origin := range origins {
		v := openView(t, c, origin)
		wg.Go(func() {
			a, err := v.Plug(v.ctx, verifying)
			if err != nil {
				t.Error(err)
				return
			}
			var ids [][]byte
			for range 3 {
				r, err := v.Create(v.ctx, creation().json(t))
				if err != nil {
					t.Error(err)
					return
				}
				ids = append(ids, r.Response.RawID)
				got, err := v.Get(v.ctx, request(ids...).json(t))
				if err != nil || !strings.Contains(string(got.Response.ClientDataJSON), `"`+origin+`"`) {
					t.Errorf("session %d: %v", i, err)
				}
			}
			if list, err := a.Credentials(v.ctx); err != nil || len(list) != 3 {
				t.Errorf("session %d lists %d credentials: %v", i, len(list), err)
			}
		})
	}
	wg.Wait()
}

func TestFirefoxRefusesConfigurations(t *testing.T) {
	v := openView(t, theFirefox(t), rpOrigin)
	for want, cfg := range map[string]client.AuthenticatorConfig{
		"registers as CTAP2": {U2F: true},
		"backup flags":       {BackupEligible: true},
		`transport "carrier`: {Transport: "carrier pigeon"},
	} {
		if _, err := v.Plug(v.ctx, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
	for origin, want := range map[string]string{
		"rp.example":             "want scheme://host",
		"https://RP.example":     "as https://rp.example",
		"https://rp.example:443": "as https://rp.example",
	} {
		s, err := theFirefox(t).Open(v.ctx, client.SessionConfig{Origin: origin})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", origin, err, want)
		}
	}
	insecure := openView(t, theFirefox(t), "http://rp.example")
	insecure.plug(verifying)
	if _, err := insecure.Create(v.ctx, creation().json(t)); err == nil || !strings.Contains(err.Error(), "not a secure context") {
		t.Errorf("create() on an insecure page gave %v", err)
	}
}

// TestFaultsOnFirefoxsResponses edits what Firefox made and signs it again with
// the key that it exports.
func TestFaultsOnFirefoxsResponses(t *testing.T) {
	v := openView(t, theFirefox(t), rpOrigin)
	v.plug(client.AuthenticatorConfig{SelfAttestation: true, UserVerification: true})
	o := creation()
	r := v.create(o)
	f, err := virtualauth.ParseFaults("flag-uv-clear")
	if err != nil {
		t.Fatal(err)
	}
	edited, err := virtualauth.EditRegistration(r.Response, virtualauth.Keys{Credential: r.Credential.PrivateKey, Seed: []byte("test")}, f)
	if err != nil {
		t.Fatal(err)
	}
	// The statement still verifies: it was signed again.
	parsed := verifyRegistration(t, edited, o, rpOrigin, "rp.example")
	if parsed.Response.AttestationObject.Format != "packed" || parsed.Response.AttestationObject.AuthData.Flags.HasUserVerified() {
		t.Errorf("the edited response is %s with flags %#x", parsed.Response.AttestationObject.Format, parsed.Response.AttestationObject.AuthData.Flags)
	}
}

func TestFirefoxKilled(t *testing.T) {
	c := ownFirefox(t, FirefoxConfig{})
	v := openView(t, c, rpOrigin)
	v.plug(verifying)
	process := firefoxProcess(t, c)
	time.AfterFunc(50*time.Millisecond, func() { kill(process.cmd) })
	began := time.Now()
	var err error
	for err == nil {
		_, err = v.Create(v.ctx, creation().json(t))
	}
	if !errors.Is(err, errStoppedDriven) || time.Since(began) > 5*time.Second || strings.Contains(err.Error(), "\n") {
		t.Errorf("after %s the interrupted call gave %v", time.Since(began), err)
	}
	if _, err := v.Plug(v.ctx, verifying); !errors.Is(err, errStoppedDriven) {
		t.Errorf("Plug on the lost session gave %v", err)
	}
	v.Close()
	// A death that nobody saw is found out when the next session is opened.
	w := openView(t, c, rpOrigin)
	w.Close()
	kill(firefoxProcess(t, c).cmd)
	w = openView(t, c, rpOrigin)
	w.plug(verifying)
	w.create(creation())
}

func TestFirefoxHung(t *testing.T) {
	t.Parallel() // it mostly waits
	c := ownFirefox(t, FirefoxConfig{Timeout: 1500 * time.Millisecond})
	v := openView(t, c, rpOrigin)
	v.plug(verifying)
	f := firefoxProcess(t, c)
	if err := f.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Create(v.ctx, creation().json(t)); err == nil || !strings.Contains(err.Error(), "no answer within") {
		t.Errorf("a browser that hangs gave %v", err)
	}
	if _, err := os.Stat(f.profile); !os.IsNotExist(err) {
		t.Errorf("the hung browser's profile is still there: %v", err)
	}
	if f.cmd.Process.Signal(syscall.Signal(0)) == nil {
		t.Error("the hung process is still there")
	}
}

func TestFirefoxClose(t *testing.T) {
	c := ownFirefox(t, FirefoxConfig{})
	v := openView(t, c, rpOrigin)
	f := firefoxProcess(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(-f.cmd.Process.Pid, 0); err == nil {
		// What is left of the group are children that end on their own.
		for deadline := time.Now().Add(5 * time.Second); err == nil && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			err = syscall.Kill(-f.cmd.Process.Pid, 0)
		}
		if err == nil {
			t.Error("processes are left")
		}
	}
	if _, err := os.Stat(f.profile); !os.IsNotExist(err) {
		t.Errorf("the profile %s is still there: %v", f.profile, err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("a second Close gave %v", err)
	}
	if _, err := v.Plug(v.ctx, verifying); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a session of a closed client gave %v", err)
	}
	if _, err := c.Open(v.ctx, client.SessionConfig{Origin: rpOrigin}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Open on a closed client gave %v", err)
	}
}

func TestFirefoxContexts(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := theFirefox(t).Open(ended, client.SessionConfig{Origin: rpOrigin}); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with an ended context gave %v", err)
	}
	if _, err := NewFirefox(ended, FirefoxConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("NewFirefox with an ended context gave %v", err)
	}
}

func TestFindFirefox(t *testing.T) {
	dir := t.TempDir()
	fake := filepath.Join(dir, "firefox-esr")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\necho no good\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	places := firefoxPlaces
	firefoxPlaces = nil
	t.Cleanup(func() { firefoxPlaces = places })

	t.Setenv("FIREFOX_PATH", "")
	t.Setenv("PATH", dir)
	if path, err := FindFirefox(); err != nil || path != fake {
		t.Errorf("got %q, %v", path, err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := NewFirefox(testContext(t), FirefoxConfig{}); err == nil || !strings.Contains(err.Error(), "install Debian's package firefox-esr") {
		t.Errorf("with no browser: %v", err)
	}
	t.Setenv("FIREFOX_PATH", fake)
	if path, err := FindFirefox(); err != nil || path != fake {
		t.Errorf("got %q, %v", path, err)
	}
	t.Setenv("FIREFOX_PATH", filepath.Join(dir, "nothing"))
	if _, err := FindFirefox(); err == nil || !strings.Contains(err.Error(), "FIREFOX_PATH") {
		t.Errorf("with a wrong FIREFOX_PATH: %v", err)
	}
	// A program that is no browser is one line of error, with what it printed.
	t.Setenv("PATH", os.Getenv("PATH")+":/bin:/usr/bin")
	_, err := NewFirefox(testContext(t), FirefoxConfig{Path: fake})
	if err == nil || !strings.Contains(err.Error(), "start firefox: ("+fake+")") || !strings.Contains(err.Error(), "no good") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a program that is no browser: %v", err)
	}
}

// TestFirefoxStaysOnLoopback looks at the sockets of the browser's processes
// while it starts, runs ceremonies and is idle, and at what its page can reach.
func TestFirefoxStaysOnLoopback(t *testing.T) {
	if _, err := os.Stat("/proc/net/tcp"); err != nil {
		t.Skipf("optional: there is no /proc/net to look at: %v", err)
	}
	needFirefox(t)
	stop, done := make(chan struct{}), make(chan struct{})
	seen := map[string]bool{}
	var loopback int
	go func() {
		defer close(done)
		for {
			remote, local := foreignSockets(os.Getpid())
			maps.Copy(seen, remote)
			loopback += local
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	c := ownFirefox(t, FirefoxConfig{})
	v := openView(t, c, rpOrigin)
	v.plug(verifying)
	v.create(creation())
	// A claim on a related origin makes the browser ask that origin.
	v.createRefused(creation().with(options{"rp": options{"name": "x", "id": "other.example"}}), "SecurityError")
	f := firefoxProcess(t, c)
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	for url, want := range map[string]string{
		"https://elsewhere.example/": "TypeError",
		server.URL:                   "opaque", // the proxy's own refusal
	} {
		var v value[string]
		err := f.link.call(testContext(t), "WebDriver:ExecuteAsyncScript", map[string]any{
			"script": `const done = arguments[1]; fetch(arguments[0], {mode: "no-cors"}).then((r) => done(r.type), (e) => done(e.name))`, "args": []any{url},
		}, &v)
		if err != nil || v.Value != want {
			t.Errorf("the page's request for %s ended with %q, %v", url, v.Value, err)
		}
	}
	if asked.Load() != 0 {
		t.Error("the page reached a server on this machine")
	}
	time.Sleep(2 * time.Second)
	close(stop)
	<-done
	for remote := range seen {
		t.Errorf("the browser spoke with %s", remote)
	}
	if loopback == 0 {
		t.Error("not even its connections to this process were seen")
	}
}

// foreignSockets lists the remote ends, off loopback, of the TCP and UDP sockets
// of the process's descendants, and counts those on loopback.
func foreignSockets(root int) (remote map[string]bool, loopback int) {
	parents := map[string]string{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 {
			parents[strings.Split(name, "/")[2]] = fields[1]
		}
	}
	remote = map[string]bool{}
	for pid := range parents {
		p := parents[pid]
		for p != "" && p != fmt.Sprint(root) {
			p = parents[p]
		}
		if p == "" {
			continue
		}
		if exe, err := os.Readlink("/proc/" + pid + "/exe"); err != nil || !strings.Contains(exe, "firefox") {
			continue // another test's browser
		}
		inodes := map[string]bool{}
		fds, _ := filepath.Glob("/proc/" + pid + "/fd/*")
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
				inodes[strings.Trim(to[len("socket:"):], "[]")] = true
			}
		}
		for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
			b, err := os.ReadFile("/proc/net/" + table)
			if err != nil {
				continue
			}
			for _, line := range strings.Split(string(b), "\n")[1:] {
				fields := strings.Fields(line)
				if len(fields) < 10 || !inodes[fields[9]] {
					continue
				}
				address, _, _ := strings.Cut(fields[2], ":")
				switch {
				case strings.Trim(address, "0") == "": // not connected
				case strings.HasSuffix(address, "7F") || address == "00000000000000000000000001000000":
					loopback++
				default:
					remote[table+" "+fields[2]] = true
				}
			}
		}
	}
	return remote, loopback
}
