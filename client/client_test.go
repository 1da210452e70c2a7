package client

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

const (
	testOrigin = "https://login.rp.example"
	testRPID   = "rp.example"
)

type options map[string]any

func (o options) with(more options) options {
	c := maps.Clone(o)
	maps.Copy(c, more)
	return c
}

func (o options) json(t *testing.T) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func creation() options {
	return options{
		"rp":               options{"name": "Example", "id": testRPID},
		"user":             options{"id": b64([]byte("user-1")), "name": "alice", "displayName": "Alice"},
		"challenge":        b64(random(32)),
		"pubKeyCredParams": []any{options{"type": "public-key", "alg": -7}},
		"attestation":      "direct",
	}
}

func request(ids ...[]byte) options {
	o := options{"challenge": b64(random(32)), "rpId": testRPID}
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

func openSession(t *testing.T, c Client, cfg SessionConfig) Session {
	t.Helper()
	if cfg.Origin == "" {
		cfg.Origin = testOrigin
	}
	s, err := c.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func plug(t *testing.T, s Session, cfg AuthenticatorConfig) Authenticator {
	t.Helper()
	a, err := s.Plug(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func create(t *testing.T, s Session, o options) *Registration {
	t.Helper()
	r, err := s.Create(t.Context(), o.json(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func get(t *testing.T, s Session, o options) *Assertion {
	t.Helper()
	a, err := s.Get(t.Context(), o.json(t))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func wantRefusal(t *testing.T, err error, name string) {
	t.Helper()
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Name != name {
		t.Errorf("got %v, want a rejection with %s", err, name)
	}
}

func credentials(t *testing.T, a Authenticator) []Credential {
	t.Helper()
	list, err := a.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// verify has go-webauthn judge a registration and an assertion with its credential.
func verify(t *testing.T, r virtualauth.RegistrationResponse, ro options, a virtualauth.AuthenticationResponse, ao options) *protocol.ParsedCredentialCreationData {
	t.Helper()
	fail := func(err error) {
		t.Helper()
		var e *protocol.Error
		if errors.As(err, &e) {
			t.Fatalf("%v: %s: %s", err, e.Details, e.DevInfo)
		}
		t.Fatal(err)
	}
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(body)
	if err != nil {
		fail(err)
	}
	params := []protocol.CredentialParameter{{Type: "public-key", Algorithm: webauthncose.AlgES256}, {Type: "public-key", Algorithm: webauthncose.AlgRS256}}
	if _, err = parsed.Verify(ro["challenge"].(string), testRPID, []string{testOrigin}, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, false, true, nil, params, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		fail(err)
	}
	if !bytes.Equal(r.AuthenticatorData, parsed.Response.AttestationObject.RawAuthData) {
		t.Error("authenticatorData is not what stands in the attestation object")
	}

	if body, err = json.Marshal(a); err != nil {
		t.Fatal(err)
	}
	assertion, err := protocol.ParseCredentialRequestResponseBytes(body)
	if err != nil {
		fail(err)
	}
	if err = assertion.Verify(ao["challenge"].(string), testRPID, "", []string{testOrigin}, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, false, true, parsed.Response.AttestationObject.AuthData.AttData.CredentialPublicKey, protocol.SignaturePolicy{}); err != nil {
		fail(err)
	}
	return parsed
}

func TestCeremonies(t *testing.T) {
	for _, c := range []Client{NewVirtual(), NewVirtualWebAuthn()} {
		t.Run(c.Name(), func(t *testing.T) {
			s := openSession(t, c, SessionConfig{})
			a := plug(t, s, AuthenticatorConfig{ResidentKeys: true, UserVerification: true})
			ro := creation().with(options{"authenticatorSelection": options{"residentKey": "required"}})
			r := create(t, s, ro)
			ao := request(r.Response.RawID)
			as := get(t, s, ao)
			parsed := verify(t, r.Response, ro, as.Response, ao)

			if parsed.Response.AttestationObject.Format != "packed" || parsed.Response.AttestationObject.AttStatement["x5c"] != nil {
				t.Error("the attestation is not packed self attestation")
			}
			if string(as.Response.UserHandle) != "user-1" {
				t.Errorf("userHandle is %q", as.Response.UserHandle)
			}
			for what, got := range map[string]*Credential{"registration": r.Credential, "assertion": as.Credential} {
				if got == nil || !bytes.Equal(got.ID, r.Response.RawID) || got.RPID != testRPID || string(got.UserHandle) != "user-1" || !got.Resident {
					t.Errorf("the credential behind the %s is %+v", what, got)
				} else if pub := got.PrivateKey.Public().(*ecdsa.PublicKey); !bytes.Contains(r.Response.PublicKey, pubBytes(t, pub)) {
					t.Errorf("the key behind the %s is not the registered one", what)
				}
			}
			if list := credentials(t, a); len(list) != 1 || !bytes.Equal(list[0].ID, r.Response.RawID) {
				t.Errorf("the authenticator lists %+v", list)
			}

			// Discoverable, excluded, unknown, removed.
			if got := get(t, s, request()); !bytes.Equal(got.Response.RawID, r.Response.RawID) {
				t.Error("get() without an allow list used another credential")
			}
			_, err := s.Create(t.Context(), creation().with(options{"excludeCredentials": descriptors(r.Response.RawID)}).json(t))
			wantRefusal(t, err, "InvalidStateError")
			_, err = s.Get(t.Context(), request(random(32)).json(t))
			wantRefusal(t, err, "NotAllowedError")
			if err := a.Remove(t.Context(), r.Response.RawID); err != nil {
				t.Error(err)
			}
			if err := a.Remove(t.Context(), r.Response.RawID); err == nil {
				t.Error("a credential that is gone was removed again")
			}
			_, err = s.Get(t.Context(), ao.json(t))
			wantRefusal(t, err, "NotAllowedError")
		})
	}
}

func pubBytes(t *testing.T, pub *ecdsa.PublicKey) []byte {
	t.Helper()
	b, err := pub.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFlags(t *testing.T) {
	for _, c := range []Client{NewVirtual(), NewVirtualWebAuthn()} {
		for _, tc := range []struct {
			cfg  AuthenticatorConfig
			want byte
		}{
			{AuthenticatorConfig{}, 0x41},
			{AuthenticatorConfig{UserVerification: true}, 0x45},
			{AuthenticatorConfig{BackupEligible: true}, 0x49},
			{AuthenticatorConfig{BackupEligible: true, BackupState: true}, 0x59},
		} {
			s := openSession(t, c, SessionConfig{})
			plug(t, s, tc.cfg)
			if got := create(t, s, creation()).Response.AuthenticatorData[32]; got != tc.want {
				t.Errorf("%s, %+v: the flags are %#x, want %#x", c.Name(), tc.cfg, got, tc.want)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []Client{NewVirtual(), NewVirtualWebAuthn()} {
		s := openSession(t, c, SessionConfig{})
		plug(t, s, AuthenticatorConfig{})
		for _, tc := range []struct {
			name   string
			change options
			want   string
		}{
			{"rp.id of another site", options{"rp": options{"name": "x", "id": "evil.example"}}, "SecurityError"},
			{"rp.id that only ends like the host", options{"rp": options{"name": "x", "id": "p.example"}}, "SecurityError"},
			{"no algorithm in common", options{"pubKeyCredParams": []any{options{"type": "public-key", "alg": -999}}}, "NotAllowedError"},
		} {
			_, err := s.Create(t.Context(), creation().with(tc.change).json(t))
			var refusal *Error
			if !errors.As(err, &refusal) || refusal.Name != tc.want {
				t.Errorf("%s, %s: got %v, want a rejection with %s", c.Name(), tc.name, err, tc.want)
			}
		}
		_, err := s.Get(t.Context(), request(random(8)).with(options{"rpId": "evil.example"}).json(t))
		wantRefusal(t, err, "SecurityError")
		for _, text := range []string{"", "{", "5", "[]", "null", `{"rp":{"name":"x"}}`, `{"publicKey":{"publicKey":{}}}`} {
			_, err := s.Create(t.Context(), json.RawMessage(text))
			var refusal *Error
			if !errors.As(err, &refusal) {
				t.Errorf("%s: create(%s) gave %v, want a rejection", c.Name(), text, err)
			}
			if _, err := s.Get(t.Context(), json.RawMessage(text)); !errors.As(err, &refusal) {
				t.Errorf("%s: get(%s) gave %v, want a rejection", c.Name(), text, err)
			}
		}
	}
}

// TestMisuse is about errors that are the caller's and no client's refusal.
func TestMisuse(t *testing.T) {
	for _, c := range []Client{NewVirtual(), NewVirtualWebAuthn()} {
		s, other := openSession(t, c, SessionConfig{}), openSession(t, c, SessionConfig{})
		notRefusal := func(what string, err error, want string) {
			t.Helper()
			var refusal *Error
			if err == nil || errors.As(err, &refusal) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: got %v, want %q in an error that is no *Error", c.Name(), what, err, want)
			}
		}
		_, err := s.Create(t.Context(), creation().json(t))
		notRefusal("create() with nothing plugged in", err, "no authenticator is plugged in")
		_, err = s.Get(t.Context(), request().json(t))
		notRefusal("get() with nothing plugged in", err, "no authenticator is plugged in")
		_, err = s.Plug(t.Context(), AuthenticatorConfig{Transport: "pigeon"})
		notRefusal("an unknown transport", err, "pigeon")
		one, theirs := plug(t, s, AuthenticatorConfig{}), plug(t, other, AuthenticatorConfig{})
		notRefusal("another session's authenticator", s.Use(t.Context(), theirs), "not plugged into this session")

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.Create(ended, creation().json(t))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: create() with an ended context gave %v", c.Name(), err)
		}
		if _, err := one.Credentials(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: Credentials with an ended context gave %v", c.Name(), err)
		}
		s.Close()
		_, err = s.Get(t.Context(), request().json(t))
		notRefusal("a closed session", err, "closed")
		_, err = s.Plug(t.Context(), AuthenticatorConfig{})
		notRefusal("a closed session", err, "closed")
		notRefusal("a closed session", s.Use(t.Context(), one), "closed")
		notRefusal("a closed session", one.Remove(t.Context(), nil), "closed")
	}
}

func TestUse(t *testing.T) {
	for _, c := range []Client{NewVirtual(), NewVirtualWebAuthn()} {
		s := openSession(t, c, SessionConfig{})
		one := plug(t, s, AuthenticatorConfig{})
		first := create(t, s, creation())
		plug(t, s, AuthenticatorConfig{})
		_, err := s.Get(t.Context(), request(first.Response.RawID).json(t))
		wantRefusal(t, err, "NotAllowedError")
		create(t, s, creation().with(options{"excludeCredentials": descriptors(first.Response.RawID)}))
		if err := s.Use(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		get(t, s, request(first.Response.RawID))
		if list := credentials(t, one); len(list) != 1 {
			t.Errorf("%s: the first authenticator lists %d credentials", c.Name(), len(list))
		}
	}
}

func TestVirtualIsSeeded(t *testing.T) {
	o, second := creation(), creation()
	run := func(seed []byte) (ids string) {
		s := openSession(t, NewVirtual(), SessionConfig{Seed: seed})
		plug(t, s, AuthenticatorConfig{})
		ids = b64(create(t, s, o).Response.RawID) + " " + b64(create(t, s, second).Response.RawID)
		plug(t, s, AuthenticatorConfig{})
		return ids + " " + b64(create(t, s, o).Response.RawID)
	}
	one := run([]byte("one"))
	if again := run([]byte("one")); again != one {
		t.Error("the same seed gave other ids")
	}
	if run([]byte("two")) == one {
		t.Error("another seed gave the same ids")
	}
	if unseeded := run(nil); unseeded == run(nil) {
		t.Error("two sessions without a seed gave the same ids")
	}
	if parts := strings.Fields(one); parts[0] == parts[1] || parts[0] == parts[2] {
		t.Error("ids repeat within a session")
	}
}

func TestVirtualU2F(t *testing.T) {
	s := openSession(t, NewVirtual(), SessionConfig{})
	// As in a browser, what U2F has not is not asked of it.
	a := plug(t, s, AuthenticatorConfig{U2F: true, ResidentKeys: true, UserVerification: true, Transport: "nfc"})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const appID = "https://rp.example/app-id.json"
	c := Credential{ID: random(64), RPID: appID, PrivateKey: key, SignCount: 41}
	if err := a.Import(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := a.Import(t.Context(), Credential{ID: random(64), RPID: appID}); err == nil {
		t.Error("a credential without a key was imported")
	}
	got := get(t, s, request(c.ID).with(options{"extensions": options{"appid": appID}}))
	if string(got.Response.ClientExtensionResults["appid"]) != "true" || got.Credential.SignCount != 42 {
		t.Errorf("the results are %s, the counter %d", got.Response.ClientExtensionResults, got.Credential.SignCount)
	}
	exclude := creation().with(options{"excludeCredentials": descriptors(c.ID)})
	_, err = s.Create(t.Context(), exclude.with(options{"extensions": options{"appidExclude": appID}}).json(t))
	wantRefusal(t, err, "InvalidStateError")
	r := create(t, s, exclude)
	if r.Attestation == nil || !bytes.Contains(r.Response.AttestationObject, []byte("fido-u2f")) {
		t.Error("the attestation is not fido-u2f with a key of its own")
	}
	if got := strings.Join(r.Response.Transports, " "); got != "nfc" {
		t.Errorf("the transports are %q", got)
	}
}

func TestVirtualSelfAttestation(t *testing.T) {
	s := openSession(t, NewVirtual(), SessionConfig{})
	plug(t, s, AuthenticatorConfig{SelfAttestation: true})
	r := create(t, s, creation().with(options{"attestation": "none"}))
	if !bytes.Contains(r.Response.AttestationObject, []byte("packed")) || r.Attestation != nil {
		t.Error("the attestation is not packed self attestation")
	}
	plug(t, s, AuthenticatorConfig{})
	r = create(t, s, creation().with(options{"attestation": "none"}))
	if bytes.Contains(r.Response.AttestationObject, []byte("packed")) {
		t.Error("the attestation is packed where none was asked for")
	}
	if _, err := s.Plug(t.Context(), AuthenticatorConfig{SelfAttestation: true, U2F: true}); err == nil {
		t.Error("a U2F authenticator with self attestation was plugged in")
	}
}

func TestVirtualDisobeys(t *testing.T) {
	s := openSession(t, NewVirtual(), SessionConfig{}).(Disobedient)
	plug(t, s, AuthenticatorConfig{})
	first := create(t, s, creation())
	excluded := creation().with(options{"excludeCredentials": descriptors(first.Response.RawID)}).json(t)

	faults, err := virtualauth.ParseFaults("ignore-exclude-credentials", "client-data-type-get")
	if err != nil {
		t.Fatal(err)
	}
	s.Disobey(faults)
	r, err := s.Create(t.Context(), excluded)
	if err != nil {
		t.Fatalf("the exclude list was not disregarded: %v", err)
	}
	if !strings.Contains(string(r.Response.ClientDataJSON), "webauthn.create") {
		t.Error("a fault that is not about options was applied")
	}
	s.Disobey(virtualauth.Faults{})
	_, err = s.Create(t.Context(), excluded)
	wantRefusal(t, err, "InvalidStateError")
}

func TestVirtualCarriesEverything(t *testing.T) {
	c := NewVirtual()
	for _, a := range []Ability{Faults, OptionFaults, ExcludeList, Discoverable, U2F, SelfAttestation, U2FAttestation, NoAttestation, Extensions, Flags, Import, Direct} {
		if !c.Carries(a) {
			t.Errorf("it does not carry %s", a)
		}
	}
	if c.Version() == "" {
		t.Error("it has no version")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestWitness(t *testing.T) {
	c := NewVirtualWebAuthn()
	for _, a := range []Ability{Faults, OptionFaults, ExcludeList, Discoverable, U2F, U2FAttestation, NoAttestation, Extensions, Flags, Import, Direct} {
		if c.Carries(a) {
			t.Errorf("it carries %s", a)
		}
	}
	if !c.Carries(SelfAttestation) {
		t.Error("it does not carry self attestation, the only one it has")
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`github\.com/descope/virtualwebauthn v(\S+)`).FindSubmatch(mod)
	if want == nil || c.Version() != string(want[1]) {
		t.Errorf("the version is %s, go.mod has %s", c.Version(), want)
	}
	if _, err := c.Open(t.Context(), SessionConfig{Origin: "rp.example"}); err == nil {
		t.Error("an origin without a scheme was accepted")
	}
	s := openSession(t, c, SessionConfig{})
	if _, err := s.Plug(t.Context(), AuthenticatorConfig{U2F: true}); err == nil || !strings.Contains(err.Error(), "U2F") {
		t.Errorf("a U2F authenticator gave %v", err)
	}
	a := plug(t, s, AuthenticatorConfig{Transport: "hybrid"})
	if err := a.Import(t.Context(), Credential{ID: []byte{1}}); err == nil || !strings.Contains(err.Error(), "does not carry") {
		t.Errorf("Import gave %v", err)
	}
	if got := create(t, s, creation()).Response.Transports; len(got) != 1 || got[0] != "hybrid" {
		t.Errorf("the transports are %v", got)
	}
	// Of the algorithms the first that the library has.
	ro := creation().with(options{"pubKeyCredParams": []any{options{"type": "public-key", "alg": -8}, options{"type": "public-key", "alg": -257}}})
	r := create(t, s, ro)
	ao := request(r.Response.RawID)
	verify(t, r.Response, ro, get(t, s, ao).Response, ao)
	if r.Response.PublicKeyAlgorithm != -257 {
		t.Errorf("the algorithm is %d, want -257", r.Response.PublicKeyAlgorithm)
	}
}

func TestWitnessPanicIsAnError(t *testing.T) {
	s := openSession(t, NewVirtualWebAuthn(), SessionConfig{}).(*witnessSession)
	plug(t, s, AuthenticatorConfig{})
	r := create(t, s, creation())
	// A key that cannot be read makes the library panic.
	s.current.made[0].Key.Data = []byte("no key")
	_, err := s.Get(t.Context(), request(r.Response.RawID).json(t))
	if err == nil || !strings.Contains(err.Error(), "get(): github.com/descope/virtualwebauthn panicked: ") {
		t.Errorf("got %v, want the panic as an error", err)
	}
	if _, err := s.current.Credentials(t.Context()); err == nil {
		t.Error("a key that cannot be read was listed")
	}
}

// FuzzOptions shows that no options make a client panic or resolve with nothing.
func FuzzOptions(f *testing.F) {
	f.Add([]byte(`{"rp":{"name":"x"},"user":{"id":"dQ","name":"n","displayName":"d"},"challenge":"AAAA","pubKeyCredParams":[{"type":"public-key","alg":-7}]}`))
	f.Add([]byte(`{"challenge":"AAAA","allowCredentials":[{"type":"public-key","id":"AA"}],"extensions":{"appid":5}}`))
	f.Add([]byte(`{"publicKey":null,"challenge":5}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, c := range []Client{NewVirtual(), NewVirtualWebAuthn()} {
			s := openSession(t, c, SessionConfig{Seed: []byte("fuzz")})
			plug(t, s, AuthenticatorConfig{ResidentKeys: true})
			check := func(what string, resolved bool, err error) {
				var refusal *Error
				if err != nil && !errors.As(err, &refusal) || resolved != (err == nil) {
					t.Errorf("%s: %s ended with %v, resolved %v", c.Name(), what, err, resolved)
				}
			}
			r, err := s.Create(t.Context(), data)
			check("create()", r != nil, err)
			a, err := s.Get(t.Context(), data)
			check("get()", a != nil, err)
		}
	})
}
