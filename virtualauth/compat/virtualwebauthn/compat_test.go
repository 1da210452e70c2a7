package virtualwebauthn_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	theirs "github.com/descope/virtualwebauthn"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	ours "github.com/touchstone-webauthn/touchstone/virtualauth/compat/virtualwebauthn"
)

// library is what a test of a Relying Party does with either library: options
// JSON in, response JSON out. Everything else is passed as the JSON that both
// have for their types.
type library struct {
	name     string
	register func(t *testing.T, s setup, options string) string
	login    func(t *testing.T, s setup, options string) string
	// fresh is a new credential, as JSON.
	fresh func(keyType string) string
}

// setup is a Relying Party, an authenticator and a credential.
type setup struct {
	RP         string
	Auth       string
	Credential string
}

var oursLibrary = library{
	name: "ours",
	register: func(t *testing.T, s setup, options string) string {
		o, err := ours.ParseAttestationOptions(options)
		if err != nil {
			t.Fatal(err)
		}
		return ours.CreateAttestationResponse(read[ours.RelyingParty](t, s.RP), read[ours.Authenticator](t, s.Auth), read[ours.Credential](t, s.Credential), *o)
	},
	login: func(t *testing.T, s setup, options string) string {
		o, err := ours.ParseAssertionOptions(options)
		if err != nil {
			t.Fatal(err)
		}
		return ours.CreateAssertionResponse(read[ours.RelyingParty](t, s.RP), read[ours.Authenticator](t, s.Auth), read[ours.Credential](t, s.Credential), *o)
	},
	fresh: func(keyType string) string { return write(ours.NewCredential(ours.KeyType(keyType))) },
}

var theirsLibrary = library{
	name: "theirs",
	register: func(t *testing.T, s setup, options string) string {
		o, err := theirs.ParseAttestationOptions(options)
		if err != nil {
			t.Fatal(err)
		}
		return theirs.CreateAttestationResponse(read[theirs.RelyingParty](t, s.RP), read[theirs.Authenticator](t, s.Auth), read[theirs.Credential](t, s.Credential), *o)
	},
	login: func(t *testing.T, s setup, options string) string {
		o, err := theirs.ParseAssertionOptions(options)
		if err != nil {
			t.Fatal(err)
		}
		return theirs.CreateAssertionResponse(read[theirs.RelyingParty](t, s.RP), read[theirs.Authenticator](t, s.Auth), read[theirs.Credential](t, s.Credential), *o)
	},
	fresh: func(keyType string) string { return write(theirs.NewCredential(theirs.KeyType(keyType))) },
}

func read[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func write(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(b)
}

// judge is go-webauthn with one account.
type judge struct {
	w           *webauthn.WebAuthn
	credentials []webauthn.Credential
}

func (j *judge) WebAuthnID() []byte                         { return []byte("a987z") }
func (j *judge) WebAuthnName() string                       { return "ada" }
func (j *judge) WebAuthnDisplayName() string                { return "Ada" }
func (j *judge) WebAuthnCredentials() []webauthn.Credential { return j.credentials }

func newJudge(t *testing.T) *judge {
	t.Helper()
	w, err := webauthn.New(&webauthn.Config{RPID: "example.com", RPDisplayName: "Example", RPOrigins: []string{"https://example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return &judge{w: w}
}

// both runs a registration with one library and a login with another.
func (j *judge) both(t *testing.T, first, second library, s setup) error {
	t.Helper()
	creation, session, err := j.w.BeginRegistration(j, webauthn.WithCredentialParameters([]protocol.CredentialParameter{
		{Type: "public-key", Algorithm: webauthncose.AlgES256}, {Type: "public-key", Algorithm: webauthncose.AlgES384},
		{Type: "public-key", Algorithm: webauthncose.AlgES512}, {Type: "public-key", Algorithm: webauthncose.AlgRS256},
	}))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(first.register(t, s, write(creation))))
	if err != nil {
		return fmt.Errorf("registration: %w", describe(err))
	}
	c, err := j.w.CreateCredential(j, *session, parsed)
	if err != nil {
		return fmt.Errorf("registration: %w", describe(err))
	}
	j.credentials = []webauthn.Credential{*c}
	assertion, session, err := j.w.BeginLogin(j)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes([]byte(second.login(t, s, write(assertion))))
	if err != nil {
		return fmt.Errorf("login: %w", describe(err))
	}
	c, err = j.w.ValidateLogin(j, *session, answer)
	if err != nil {
		return fmt.Errorf("login: %w", describe(err))
	}
	if c.Authenticator.CloneWarning {
		return fmt.Errorf("login: clone warning")
	}
	return nil
}

func describe(err error) error {
	if e, ok := err.(*protocol.Error); ok {
		return fmt.Errorf("%s: %s", e.Details, e.DevInfo)
	}
	return err
}

const exampleRP = `{"id":"example.com","name":"Example","origin":"https://example.com"}`

// authenticator is the JSON of an authenticator with these members of its options.
func authenticator(options string) string {
	return fmt.Sprintf(`{"options":{%s},"aaguid":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}`, options)
}

const userHandle = `"UserHandle":"YTk4N3o="`

// TestBothLibraries puts both before the same judge: registrations by one and
// logins by the other, with credentials that either made, must get the same verdict.
func TestBothLibraries(t *testing.T) {
	cases := []struct {
		name, options string
		accepted      bool
	}{
		{"plain", userHandle, true},
		{"no user handle", ``, true},
		{"another user handle", `"UserHandle":"eA=="`, false},
		{"synced", userHandle + `,"BackupEligible":true,"BackupState":true`, true},
		{"eligible", userHandle + `,"BackupEligible":true`, true},
		{"backed up but not eligible", userHandle + `,"BackupState":true`, false},
		{"not verified", userHandle + `,"UserNotVerified":true`, true},
		{"not present", userHandle + `,"UserNotPresent":true`, false},
		{"not present nor verified", userHandle + `,"UserNotPresent":true,"UserNotVerified":true`, false},
		{"transports", userHandle + `,"Transports":[0,1,2,3,4,5,99]`, true},
	}
	libraries := []library{oursLibrary, theirsLibrary}
	for _, keyType := range []string{"ec2", "rsa"} {
		for _, maker := range libraries {
			credential := maker.fresh(keyType)
			for _, tc := range cases {
				for _, first := range libraries {
					for _, second := range libraries {
						t.Run(strings.Join([]string{keyType, "made by " + maker.name, tc.name, first.name, second.name}, "/"), func(t *testing.T) {
							err := newJudge(t).both(t, first, second, setup{exampleRP, authenticator(tc.options), credential})
							if (err == nil) != tc.accepted {
								t.Errorf("accepted must be %t: %v", tc.accepted, err)
							}
						})
					}
				}
			}
		}
	}
}

// TestSameMembers compares the responses themselves: whatever the other library
// sends, ours sends with the same value, signatures aside.
func TestSameMembers(t *testing.T) {
	const challenge = "Y2hhbGxlbmdlIGNoYWxsZW5nZSBjaGFsbGVuZ2UgMzI"
	creation := `{"publicKey":{"rp":{"id":"example.com","name":"Example"},"user":{"id":"YTk4N3o","name":"ada","displayName":"Ada"},"challenge":"` + challenge + `","pubKeyCredParams":[]}}`
	request := `{"publicKey":{"challenge":"` + challenge + `","rpId":"example.com"}}`
	for _, options := range []string{
		userHandle,
		`"BackupEligible":true,"BackupState":true,"UserNotPresent":true`,
		`"UserNotVerified":true,"Transports":[0,5],"ClientExtensionResults":{"credProps":{"rk":true}}`,
		`"UserNotVerified":true,"UserNotPresent":true,"Transports":[77]`,
	} {
		for _, keyType := range []string{"ec2", "rsa"} {
			credential := read[map[string]any](t, theirsLibrary.fresh(keyType))
			credential["counter"] = 258
			s := setup{exampleRP, authenticator(options), write(credential)}
			// Client data and what is signed over them differ by crossOrigin alone.
			differ := []string{"response.clientDataJSON", "response.signature", "response.attestationObject"}
			contains(t, "registration", read[map[string]any](t, theirsLibrary.register(t, s, creation)), read[map[string]any](t, oursLibrary.register(t, s, creation)), differ)
			contains(t, "login", read[map[string]any](t, theirsLibrary.login(t, s, request)), read[map[string]any](t, oursLibrary.login(t, s, request)), differ)

			want := parseCreation(t, theirsLibrary.register(t, s, creation))
			got := parseCreation(t, oursLibrary.register(t, s, creation))
			if !bytes.Equal(want.AttestationObject.RawAuthData, got.AttestationObject.RawAuthData) {
				t.Errorf("%s %s: authenticator data\n%x, want\n%x", keyType, options, got.AttestationObject.RawAuthData, want.AttestationObject.RawAuthData)
			}
			if want.AttestationObject.Format != got.AttestationObject.Format || !reflect.DeepEqual(want.AttestationObject.AttStatement["alg"], got.AttestationObject.AttStatement["alg"]) {
				t.Errorf("%s: statement %v, want %v", keyType, got.AttestationObject, want.AttestationObject)
			}
			cd, wantCD := got.CollectedClientData, want.CollectedClientData
			if cd.Type != wantCD.Type || cd.Challenge != wantCD.Challenge || cd.Origin != wantCD.Origin {
				t.Errorf("%s: client data %+v, want %+v", keyType, cd, wantCD)
			}
		}
	}
}

func parseCreation(t *testing.T, response string) protocol.ParsedAttestationResponse {
	t.Helper()
	p, err := protocol.ParseCredentialCreationResponseBytes([]byte(response))
	if err != nil {
		t.Fatal(describe(err))
	}
	return p.Response
}

// contains checks that got has every member of want.
func contains(t *testing.T, at string, want, got map[string]any, differ []string) {
	t.Helper()
	for name, v := range want {
		place := name
		if _, inner, ok := strings.Cut(at, "."); ok {
			place = inner + "." + name
		}
		g, ok := got[name]
		if !ok {
			t.Errorf("%s has no %s", at, name)
			continue
		}
		if m, ok := v.(map[string]any); ok && name == "response" {
			inner, _ := g.(map[string]any)
			contains(t, at+".response", m, inner, differ)
			continue
		}
		known := false
		for _, d := range differ {
			known = known || d == place
		}
		if !known && !reflect.DeepEqual(v, g) {
			t.Errorf("%s.%s is %v, want %v", at, name, g, v)
		}
	}
}

// TestRoundTrip writes a credential with one library, reads it with the other
// and writes it again: nothing may be lost on the way.
func TestRoundTrip(t *testing.T) {
	for _, keyType := range []string{"ec2", "rsa"} {
		mine := ours.NewCredential(ours.KeyType(keyType))
		mine.Counter = 7
		if text, via := write(mine), write(read[theirs.Credential](t, write(mine))); text != via {
			t.Errorf("%s became %s", text, via)
		}
		other := theirs.NewCredential(theirs.KeyType(keyType))
		other.Counter = 9
		back := read[ours.Credential](t, write(other))
		if text, via := write(other), write(back); text != via {
			t.Errorf("%s became %s", text, via)
		}
		if want, got := other.Key.AttestationData(), back.Key.AttestationData(); !bytes.Equal(want, got) {
			t.Errorf("%s key %x, want %x", keyType, got, want)
		}
		a := ours.NewAuthenticator()
		a.AddCredential(back)
		if text, via := write(a), write(read[theirs.Authenticator](t, write(a))); text != via {
			t.Errorf("%s became %s", text, via)
		}
	}
	if a, b := ours.NewAuthenticator(), ours.NewAuthenticator(); a.Aaguid == b.Aaguid {
		t.Error("two authenticators are of the same model")
	}
}

// TestParse gives both libraries the same options: what one refuses the other
// refuses, and what they read is the same.
func TestParse(t *testing.T) {
	for _, text := range []string{
		``, `x`, `[]`, `null`, `{}`, `{"challenge":""}`, `{"challenge":"a"}`, `{"challenge":"YQ=="}`, `{"challenge":"+/+/"}`, `{"challenge":1}`,
		`{"challenge":"YWJj"}`, `{"publicKey":{"challenge":"YWJj"}}`, `{"publicKey":null,"challenge":"YWJj"}`, `{"publicKey":{},"challenge":"YWJj"}`,
		`{"challenge":"YWJj","user":{"id":"YQ=="}}`, `{"challenge":"YWJj","user":{"id":"YQ","name":"n","displayName":"d"},"rp":{"id":"i","name":"n"}}`,
		`{"challenge":"YWJj","excludeCredentials":[{"type":"public-key","id":"YQ"},{"id":"b+"}]}`, `{"challenge":"YWJj","excludeCredentials":[{"id":""}]}`,
		`{"challenge":"YWJj","rpId":"i","allowCredentials":[{"type":"public-key","id":"YQ"}]}`, `{"challenge":"YWJj","allowCredentials":[{}]}`,
		`{"challenge":"YWJj","timeout":-1,"extensions":{"x":[]}}`,
	} {
		a, err := ours.ParseAttestationOptions(text)
		b, want := theirs.ParseAttestationOptions(text)
		if (err == nil) != (want == nil) || write(a) != write(b) {
			t.Errorf("attestation options %s: %s, %v; want %s, %v", text, write(a), err, write(b), want)
		}
		c, err := ours.ParseAssertionOptions(text)
		d, want := theirs.ParseAssertionOptions(text)
		if (err == nil) != (want == nil) || write(c) != write(d) {
			t.Errorf("assertion options %s: %s, %v; want %s, %v", text, write(c), err, write(d), want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"publicKey":{"challenge":"YWJj","allowCredentials":[{"id":"YQ"}],"user":{"id":"YQ"}}}`)
	f.Add(`{"challenge":"YWJj","excludeCredentials":[{"id":""}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ours.ParseAttestationOptions(text)
		b, want := theirs.ParseAttestationOptions(text)
		c, err2 := ours.ParseAssertionOptions(text)
		d, want2 := theirs.ParseAssertionOptions(text)
		// One decoder of ours reads the options of both ceremonies, so a member of
		// the other ceremony with a wrong type is refused where they ignore it.
		if err == nil && (want != nil || write(a) != write(b)) {
			t.Errorf("attestation options: %s; want %s, %v", write(a), write(b), want)
		}
		if err2 == nil && (want2 != nil || write(c) != write(d)) {
			t.Errorf("assertion options: %s; want %s, %v", write(c), write(d), want2)
		}
	})
}

func TestPredicates(t *testing.T) {
	for _, lib := range []struct {
		name    string
		verdict func(listed bool) [3]bool
	}{
		{"ours", func(listed bool) [3]bool {
			a, c := ours.NewAuthenticator(), read[ours.Credential](t, `{"id":"/+8="}`)
			a.AddCredential(read[ours.Credential](t, `{"id":"AQ=="}`))
			a.AddCredential(c)
			var in ours.AssertionOptions
			var out ours.AttestationOptions
			if listed {
				in.AllowCredentials, out.ExcludeCredentials = []string{"YQ", "_-8"}, []string{"_-8"}
			}
			found := a.FindAllowedCredential(in)
			return [3]bool{c.IsAllowedForAssertion(in), c.IsExcludedForAttestation(out), found != nil && bytes.Equal(found.ID, c.ID)}
		}},
		{"theirs", func(listed bool) [3]bool {
			a, c := theirs.NewAuthenticator(), read[theirs.Credential](t, `{"id":"/+8="}`)
			a.AddCredential(read[theirs.Credential](t, `{"id":"AQ=="}`))
			a.AddCredential(c)
			var in theirs.AssertionOptions
			var out theirs.AttestationOptions
			if listed {
				in.AllowCredentials, out.ExcludeCredentials = []string{"YQ", "_-8"}, []string{"_-8"}
			}
			found := a.FindAllowedCredential(in)
			return [3]bool{c.IsAllowedForAssertion(in), c.IsExcludedForAttestation(out), found != nil && bytes.Equal(found.ID, c.ID)}
		}},
	} {
		for _, listed := range []bool{false, true} {
			if got := lib.verdict(listed); got != [3]bool{listed, listed, listed} {
				t.Errorf("%s: listed %t: %v", lib.name, listed, got)
			}
		}
	}
}

func pkcs8Of(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestImportedKeys: keys of every size keep it, and the judge takes them.
func TestImportedKeys(t *testing.T) {
	for _, tc := range []struct {
		name    string
		keyType ours.KeyType
		make    func() (any, error)
	}{
		{"P-256", ours.KeyTypeEC2, func() (any, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }},
		{"P-384", ours.KeyTypeEC2, func() (any, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) }},
		{"P-521", ours.KeyTypeEC2, func() (any, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) }},
		{"RSA-3072", ours.KeyTypeRSA, func() (any, error) { return rsa.GenerateKey(rand.Reader, 3072) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			key, err := tc.make()
			if err != nil {
				t.Fatal(err)
			}
			c := ours.NewCredentialWithImportedKey(tc.keyType, pkcs8Of(t, key))
			if err := newJudge(t).both(t, oursLibrary, oursLibrary, setup{exampleRP, authenticator(userHandle), write(c)}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestManyKeys: about one key in 128 has a coordinate that starts with a zero.
func TestManyKeys(t *testing.T) {
	for range 600 {
		c := ours.NewCredential(ours.KeyTypeEC2)
		if n := len(c.Key.AttestationData()); n != 77 {
			t.Fatalf("a P-256 key of %d bytes, want 77", n)
		}
	}
}

// TestUnusable: what the other library panics on is answered, with the reason.
func TestUnusable(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec := pkcs8Of(t, p224)
	good := ours.NewCredential(ours.KeyTypeEC2)
	long := good
	long.ID = make([]byte, 1<<16)
	impossible := ours.NewAuthenticatorWithOptions(ours.AuthenticatorOptions{ClientExtensionResults: map[string]any{"x": func() {}}})
	for _, tc := range []struct {
		name       string
		auth       ours.Authenticator
		credential ours.Credential
		want       string
		login      bool // a login is possible all the same
	}{
		{"no key", ours.NewAuthenticator(), ours.Credential{ID: []byte{1}}, "has no key", false},
		{"no such type", ours.NewAuthenticator(), ours.NewCredential("okp"), "key type", false},
		{"no data", ours.NewAuthenticator(), ours.NewCredentialWithImportedKey(ours.KeyTypeRSA, nil), "not PKCS #8", false},
		{"EC as RSA", ours.NewAuthenticator(), ours.NewCredentialWithImportedKey(ours.KeyTypeRSA, good.Key.Data), "hold an EC key", false},
		{"RSA as EC", ours.NewAuthenticator(), ours.NewCredentialWithImportedKey(ours.KeyTypeEC2, ours.NewCredential(ours.KeyTypeRSA).Key.Data), "hold an RSA key", false},
		{"Ed25519", ours.NewAuthenticator(), ours.NewCredentialWithImportedKey(ours.KeyTypeEC2, pkcs8Of(t, ed25519.NewKeyFromSeed(make([]byte, 32)))), "ed25519.PrivateKey", false},
		{"P-224", ours.NewAuthenticator(), ours.NewCredentialWithImportedKey(ours.KeyTypeEC2, ec), "P-224", false},
		{"long id", ours.NewAuthenticator(), long, "65536 bytes", true},
		{"results", impossible, good, "ClientExtensionResults", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			check := func(ceremony, got string) {
				var answer struct {
					ID    *string `json:"id"`
					Error struct{ Name, Message string }
				}
				if err := json.Unmarshal([]byte(got), &answer); err != nil {
					t.Fatalf("%s: %s: %v", ceremony, got, err)
				}
				if answer.ID != nil || answer.Error.Name == "" || !strings.Contains(answer.Error.Message, tc.want) {
					t.Errorf("%s: %s; want an error with %q", ceremony, got, tc.want)
				}
			}
			rp := read[ours.RelyingParty](t, exampleRP)
			check("registration", ours.CreateAttestationResponse(rp, tc.auth, tc.credential, ours.AttestationOptions{Challenge: []byte("c")}))
			login := ours.CreateAssertionResponse(rp, tc.auth, tc.credential, ours.AssertionOptions{Challenge: []byte("c")})
			if !tc.login {
				check("login", login)
			} else if !strings.Contains(login, `"signature"`) {
				t.Errorf("login: %s", login)
			}
			if tc.name == "long id" || tc.name == "results" {
				return
			}
			if data := tc.credential.Key.AttestationData(); data != nil {
				t.Errorf("AttestationData is %x", data)
			}
			if _, err := tc.credential.Key.Sign(make([]byte, 32)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Sign: %v", err)
			}
		})
	}
}

// TestSign: Key.Sign takes a digest, as the other library's does, and their
// signatures verify with the same key.
func TestSign(t *testing.T) {
	digest := make([]byte, 32)
	for _, keyType := range []ours.KeyType{ours.KeyTypeEC2, ours.KeyTypeRSA} {
		k := ours.NewCredential(keyType).Key
		sig, err := k.Sign(digest)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(k.Data)
		if err != nil {
			t.Fatal(err)
		}
		switch private := parsed.(type) {
		case *ecdsa.PrivateKey:
			if private.Curve != elliptic.P256() || !ecdsa.VerifyASN1(&private.PublicKey, digest, sig) {
				t.Errorf("%s: the signature does not verify", keyType)
			}
		case *rsa.PrivateKey:
			if private.N.BitLen() != 2048 || rsa.VerifyPKCS1v15(&private.PublicKey, 5, digest, sig) != nil { // 5: SHA-256
				t.Errorf("%s: the signature does not verify", keyType)
			}
		}
	}
}

// TestShared uses one credential from many goroutines, which the race detector
// reports of the other library.
func TestShared(t *testing.T) {
	c, a, rp := ours.NewCredential(ours.KeyTypeEC2), ours.NewAuthenticator(), read[ours.RelyingParty](t, exampleRP)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if r := ours.CreateAttestationResponse(rp, a, c, ours.AttestationOptions{Challenge: []byte("c")}); strings.Contains(r, "error") {
					t.Error(r)
				}
				if r := ours.CreateAssertionResponse(rp, a, c, ours.AssertionOptions{Challenge: []byte("c")}); strings.Contains(r, "error") {
					t.Error(r)
				}
			}
		})
	}
	wg.Wait()
}
