package browser

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/touchstone-webauthn/touchstone/client"
)

func TestCeremonies(t *testing.T) {
	for _, tc := range []struct{ origin, rpID string }{
		{"https://rp.example", "rp.example"},
		{"https://login.rp.example:8443", "login.rp.example"},
		{"http://localhost:1234", "localhost"},
	} {
		t.Run(tc.origin, func(t *testing.T) {
			p := openPage(t, theChrome(t), tc.origin)
			p.plug(client.AuthenticatorConfig{})
			o := creation()
			r := p.create(o)
			parsed := verifyRegistration(t, r.Response, o, tc.origin, tc.rpID)

			if r.Attestation != nil {
				t.Error("Attestation is set, but the attestation key cannot be had")
			}
			c := r.Credential
			if c == nil || !bytes.Equal(c.ID, r.Response.RawID) || c.RPID != tc.rpID || c.Resident {
				t.Fatalf("the credential behind the registration is %+v", c)
			}
			pub := c.PrivateKey.Public().(*ecdsa.PublicKey)
			if !strings.Contains(string(r.Response.PublicKey), string(must(pub.Bytes()))) {
				t.Error("the exported private key does not belong to the registered public key")
			}

			ro := request(r.Response.RawID)
			a := p.get(ro)
			verifyAssertion(t, a.Response, ro, tc.origin, tc.rpID, "", parsed.Response.AttestationObject.AuthData.AttData.CredentialPublicKey)
			if a.Credential == nil || !bytes.Equal(a.Credential.ID, r.Response.RawID) || a.Credential.SignCount < 2 {
				t.Errorf("the credential behind the assertion is %+v", a.Credential)
			}
			if a.Response.UserHandle != nil {
				t.Error("userHandle is present though the credential is not resident")
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAlgorithms(t *testing.T) {
	for _, alg := range []int{-7, -8, -257, -48, -49, -50} {
		p := openPage(t, theChrome(t), rpOrigin)
		first := p.plug(client.AuthenticatorConfig{})
		o := creation().with(options{"pubKeyCredParams": []any{options{"type": "public-key", "alg": alg}}})
		r := p.create(o)
		if r.Response.PublicKeyAlgorithm != int64(alg) {
			t.Errorf("alg %d: the response has publicKeyAlgorithm %d", alg, r.Response.PublicKeyAlgorithm)
		}
		// The key survives being exported and added again.
		p.plug(client.AuthenticatorConfig{})
		if err := p.Use(p.ctx, first); err != nil {
			t.Fatalf("alg %d: %v", alg, err)
		}
		a := p.get(request(r.Response.RawID))
		if got, want := a.Credential.PrivateKey.Public(), r.Credential.PrivateKey.Public(); !got.(interface{ Equal(crypto.PublicKey) bool }).Equal(want) {
			t.Errorf("alg %d: the key changed on its way out and in", alg)
		}
		p.Close()
	}
}

func TestOptionsReachTheBrowserAsTheyAre(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	user := func(o options) options {
		u := options{"id": b64([]byte("user-1")), "name": "alice", "displayName": "Alice"}
		for name, v := range o {
			if v == nil {
				delete(u, name)
			} else {
				u[name] = v
			}
		}
		return options{"user": u}
	}
	for _, tc := range []struct {
		name   string
		change options
		want   string // empty means accepted
	}{
		{"alg is a name", options{"pubKeyCredParams": []any{options{"type": "public-key", "alg": "Es256"}}}, "NotAllowedError"},
		{"alg is a numeric string", options{"pubKeyCredParams": []any{options{"type": "public-key", "alg": "-7"}}}, ""},
		{"no user.name", user(options{"name": nil}), "TypeError"},
		{"no user.id", user(options{"id": nil}), "TypeError"},
		{"user.id is a number", user(options{"id": 17}), "TypeError"},
		{"user.id of 65 bytes", user(options{"id": b64(random(65))}), "TypeError"},
		{"challenge is padded", options{"challenge": "AAECAwQFBgcICQoLDA0ODw=="}, "EncodingError"},
		{"challenge is standard base64", options{"challenge": "+/+/"}, "EncodingError"},
		{"challenge is cut short", options{"challenge": "AAAAA"}, "EncodingError"},
		{"challenge is a number", options{"challenge": 5}, "TypeError"},
		{"challenge is missing", options{"challenge": nil}, "TypeError"},
		{"challenge is empty", options{"challenge": ""}, ""},
		{"rp.id of another site", options{"rp": options{"name": "x", "id": "evil.example"}}, "SecurityError"},
		{"rp.id is null", options{"rp": options{"name": "x", "id": nil}}, "SecurityError"},
		{"excludeCredentials is null", options{"excludeCredentials": nil}, "TypeError"},
		{"excludeCredentials is an object", options{"excludeCredentials": options{"id": "AA"}}, "TypeError"},
		{"an excluded id is padded", options{"excludeCredentials": []any{options{"type": "public-key", "id": "AA=="}}}, "EncodingError"},
		{"transports is a string", options{"excludeCredentials": []any{options{"type": "public-key", "id": "AA", "transports": "usb"}}}, "TypeError"},
		{"65 excluded credentials", options{"excludeCredentials": descriptors(make([][]byte, 65)...)}, "RangeError"},
		{"only unknown types", options{"pubKeyCredParams": []any{options{"type": "private-key", "alg": -7}}}, "NotSupportedError"},
		{"appid in create()", options{"extensions": options{"appid": rpOrigin}}, "NotSupportedError"},
		{"timeout is a word", options{"timeout": "soon"}, ""},
		{"timeout is 0", options{"timeout": 0}, ""},
		{"timeout is an hour", options{"timeout": 3600000}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := window{t, p.ctx, p.session}
			o := creation().with(tc.change)
			if tc.want == "" {
				p.create(o)
				return
			}
			p.createRefused(o, tc.want)
		})
	}
	for _, tc := range []struct{ name, text, want string }{
		{"not JSON", "{", "SyntaxError"},
		{"a number", "5", "TypeError"},
		{"an array", "[]", "TypeError"},
		{"empty object", "{}", "TypeError"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := window{t, p.ctx, p.session}
			_, err := p.Create(p.ctx, json.RawMessage(tc.text))
			p.refused(err, tc.want)
		})
	}
}

func TestExcludeCredentials(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	p.plug(client.AuthenticatorConfig{})
	first := p.create(creation())
	p.createRefused(creation().with(options{"excludeCredentials": descriptors(first.Response.RawID)}), "InvalidStateError")
	p.create(creation().with(options{"excludeCredentials": descriptors(random(32))}))
}

func TestUnknownCredential(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	p.plug(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true})
	p.getRefused(request(random(32)), "NotAllowedError")
	p.getRefused(request(), "NotAllowedError")
}

const appID = "https://rp.example/app-id.json"

func importU2F(p window, a client.Authenticator, rpID string) client.Credential {
	p.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.Fatal(err)
	}
	c := client.Credential{ID: random(64), RPID: rpID, PrivateKey: key, SignCount: 41}
	if err := a.Import(p.ctx, c); err != nil {
		p.Fatal(err)
	}
	return c
}

func TestAppIDExclude(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	a := p.plug(client.AuthenticatorConfig{U2F: true})
	c := importU2F(p, a, appID)
	exclude := options{"excludeCredentials": descriptors(c.ID)}

	p.createRefused(creation().with(exclude).with(options{"extensions": options{"appidExclude": appID}}), "InvalidStateError")
	p.create(creation().with(exclude))
	r := p.create(creation().with(options{"extensions": options{"appidExclude": appID}}))
	if _, there := r.Response.ClientExtensionResults["appidExclude"]; there {
		t.Error("appidExclude shows in the results, which it never did in Chrome")
	}
}

func TestAppID(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	a := p.plug(client.AuthenticatorConfig{U2F: true})
	c := importU2F(p, a, appID)

	p.getRefused(request(c.ID), "NotAllowedError")
	got := p.get(request(c.ID).with(options{"extensions": options{"appid": appID}}))
	if string(got.Response.ClientExtensionResults["appid"]) != "true" {
		t.Errorf("the results are %s, want appid true", got.Response.ClientExtensionResults)
	}
	hash := sha256.Sum256([]byte(appID))
	if !bytes.HasPrefix(got.Response.AuthenticatorData, hash[:]) {
		t.Error("the authenticator data does not start with the hash of the AppID")
	}
	if got.Credential.SignCount != 42 || got.Credential.RPID != appID {
		t.Errorf("the credential is %+v, want counter 42 and RP ID %s", got.Credential, appID)
	}

	own := importU2F(p, a, "rp.example")
	got = p.get(request(own.ID).with(options{"extensions": options{"appid": appID}}))
	if string(got.Response.ClientExtensionResults["appid"]) != "false" {
		t.Errorf("the results are %s, want appid false", got.Response.ClientExtensionResults)
	}
}

func TestExtensions(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	p.plug(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true})
	salt := b64(random(32))
	o := creation().with(options{
		"authenticatorSelection": options{"residentKey": "required"},
		"extensions": options{
			"example.extension.bool": true,
			"credProps":              true,
			"prf":                    options{"eval": options{"first": salt}},
			"largeBlob":              options{"support": "preferred"},
		},
	})
	r := p.create(o)
	results := r.Response.ClientExtensionResults
	if _, there := results["example.extension.bool"]; there {
		t.Error("an unknown extension reached the results")
	}
	if got := string(results["credProps"]); got != `{"rk":true}` {
		t.Errorf("credProps is %s", got)
	}
	if got := string(results["largeBlob"]); got != `{"supported":true}` {
		t.Errorf("largeBlob is %s", got)
	}
	var prf struct {
		Results struct{ First string }
	}
	if err := json.Unmarshal(results["prf"], &prf); err != nil || len(prf.Results.First) != 43 {
		t.Errorf("prf is %s", results["prf"])
	}

	parsed := verifyRegistration(t, r.Response, o, rpOrigin, "rp.example")
	if parsed.Response.AttestationObject.AuthData.Flags.HasExtensions() {
		t.Error("the authenticator data has extensions that nobody asked for")
	}

	write := p.get(request(r.Response.RawID).with(options{"extensions": options{"largeBlob": options{"write": b64([]byte("blob"))}}}))
	if got := string(write.Response.ClientExtensionResults["largeBlob"]); got != `{"written":true}` {
		t.Errorf("writing the large blob gave %s", got)
	}
	again := p.get(request(r.Response.RawID).with(options{"extensions": options{
		"largeBlob": options{"read": true},
		"prf":       options{"evalByCredential": options{b64(r.Response.RawID): options{"first": salt}}},
	}}))
	if got := string(again.Response.ClientExtensionResults["largeBlob"]); got != `{"blob":"`+b64([]byte("blob"))+`"}` {
		t.Errorf("reading the large blob gave %s", got)
	}
	if got := string(again.Response.ClientExtensionResults["prf"]); !strings.Contains(got, prf.Results.First) {
		t.Errorf("prf gave %s, want the %s of the registration", got, prf.Results.First)
	}
	p.getRefused(request(r.Response.RawID).with(options{"extensions": options{"prf": options{"eval": options{"first": "AA=="}}}}), "EncodingError")
}

func TestDiscoverable(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	a := p.plug(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true})
	resident := options{"authenticatorSelection": options{"residentKey": "required", "userVerification": "required"}}
	o := creation().with(resident)
	r := p.create(o)
	parsed := verifyRegistration(t, r.Response, o, rpOrigin, "rp.example")
	if !r.Credential.Resident || !parsed.Response.AttestationObject.AuthData.Flags.HasUserVerified() {
		t.Error("the credential is not resident, or the user was not verified")
	}

	ro := request()
	got := p.get(ro)
	verifyAssertion(t, got.Response, ro, rpOrigin, "rp.example", "", parsed.Response.AttestationObject.AuthData.AttData.CredentialPublicKey)
	if string(got.Response.UserHandle) != "user-1" {
		t.Errorf("userHandle is %q", got.Response.UserHandle)
	}

	second := p.create(creation().with(resident).with(options{"user": options{"id": b64([]byte("user-2")), "name": "b", "displayName": "B"}}))
	if got, want := p.get(request()).Response.RawID, smaller(r.Response.RawID, second.Response.RawID); !bytes.Equal(got, want) {
		t.Error("get() without an allow list did not pick the credential with the smallest id")
	}
	list := p.credentials(a)
	if len(list) != 2 || !bytes.Equal(list[0].ID, r.Response.RawID) || !bytes.Equal(list[1].ID, second.Response.RawID) {
		t.Errorf("the authenticator lists %d credentials, or not oldest first", len(list))
	}
}

func smaller(x, y []byte) []byte {
	if bytes.Compare(x, y) < 0 {
		return x
	}
	return y
}

func TestAttestation(t *testing.T) {
	for _, tc := range []struct {
		name        string
		cfg         client.AuthenticatorConfig
		attestation string
		format      string
		x5c         bool
	}{
		{"none", client.AuthenticatorConfig{}, "none", "none", false},
		{"direct", client.AuthenticatorConfig{}, "direct", "packed", true},
		{"U2F none", client.AuthenticatorConfig{U2F: true}, "none", "none", false},
		{"U2F direct", client.AuthenticatorConfig{U2F: true}, "direct", "fido-u2f", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := openPage(t, theChrome(t), rpOrigin)
			a := p.plug(tc.cfg)
			o := creation().with(options{"attestation": tc.attestation})
			r := p.create(o)
			parsed := verifyRegistration(t, r.Response, o, rpOrigin, "rp.example")
			object := parsed.Response.AttestationObject
			if object.Format != tc.format {
				t.Errorf("the format is %s, want %s", object.Format, tc.format)
			}
			if _, x5c := object.AttStatement["x5c"]; x5c != tc.x5c {
				t.Errorf("x5c is there: %v, want %v", x5c, tc.x5c)
			}
			// A U2F authenticator stores no RP ID, and is none the worse for it.
			if list := p.credentials(a); len(list) != 1 || list[0].RPID != "rp.example" {
				t.Errorf("the authenticator holds %+v", list)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	for _, tc := range []struct {
		name string
		cfg  client.AuthenticatorConfig
		want protocol.AuthenticatorFlags
	}{
		{"plain", client.AuthenticatorConfig{}, 0x41},
		{"user verified", client.AuthenticatorConfig{UserVerification: true}, 0x45},
		{"backup eligible", client.AuthenticatorConfig{BackupEligible: true}, 0x49},
		{"backed up", client.AuthenticatorConfig{BackupEligible: true, BackupState: true}, 0x59},
		{"backed up, not eligible", client.AuthenticatorConfig{BackupState: true}, 0x51},
		{"U2F", client.AuthenticatorConfig{U2F: true, UserVerification: true, ResidentKeys: true}, 0x41},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := openPage(t, theChrome(t), rpOrigin)
			p.plug(tc.cfg)
			r := p.create(creation())
			if got := protocol.AuthenticatorFlags(r.Response.AuthenticatorData[32]); got != tc.want {
				t.Errorf("the flags are %#x, want %#x", got, tc.want)
			}
			if c := r.Credential; c.BackupEligible != tc.cfg.BackupEligible || c.BackupState != tc.cfg.BackupState {
				t.Errorf("the credential reports BE %v, BS %v", c.BackupEligible, c.BackupState)
			}
		})
	}
}

func TestTransports(t *testing.T) {
	for transport, want := range map[string]string{
		"": "usb", "usb": "usb", "nfc": "nfc", "ble": "ble", "internal": "internal", "hybrid": "ble hybrid",
	} {
		p := openPage(t, theChrome(t), rpOrigin)
		p.plug(client.AuthenticatorConfig{Transport: transport})
		r := p.create(creation())
		if got := strings.Join(r.Response.Transports, " "); got != want {
			t.Errorf("transport %q: the response has %q, want %q", transport, got, want)
		}
		// A second internal one is no problem, as one is plugged in at a time.
		p.plug(client.AuthenticatorConfig{Transport: transport})
		p.create(creation())
		p.Close()
	}
}

func TestPlugRefused(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	before := p.plug(client.AuthenticatorConfig{})
	for want, cfg := range map[string]client.AuthenticatorConfig{
		`transport "pigeon"`: {Transport: "pigeon"},
		"transport hybrid":   {Transport: "hybrid", U2F: true},
		"self attestation":   {SelfAttestation: true},
	} {
		if _, err := p.Plug(p.ctx, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
	// What was plugged in still is.
	r := p.create(creation())
	if list := p.credentials(before); len(list) != 1 || !bytes.Equal(list[0].ID, r.Response.RawID) {
		t.Errorf("the authenticator plugged in before lists %d credentials", len(list))
	}
}

func TestOneAuthenticatorAnswers(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	resident := options{"authenticatorSelection": options{"residentKey": "required"}}
	cfg := client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true, BackupEligible: true}
	one := p.plug(cfg)
	first := p.create(creation().with(resident))
	second := p.create(creation().with(resident).with(options{"user": options{"id": b64([]byte("user-2")), "name": "b", "displayName": "B"}}))
	p.get(request(first.Response.RawID))

	two := p.plug(client.AuthenticatorConfig{})
	p.getRefused(request(first.Response.RawID), "NotAllowedError")
	// An excluded credential on the other authenticator is no hit.
	other := p.create(creation().with(options{"excludeCredentials": descriptors(first.Response.RawID)}))
	if list := p.credentials(two); len(list) != 1 || !bytes.Equal(list[0].ID, other.Response.RawID) {
		t.Errorf("the second authenticator lists %d credentials, want its own one", len(list))
	}

	// Unplugged, the first one still knows what it holds, and can be changed.
	if list := p.credentials(one); len(list) != 2 || !bytes.Equal(list[0].ID, first.Response.RawID) || list[0].SignCount != 2 {
		t.Errorf("the unplugged authenticator lists %+v", list)
	}
	imported := importU2F(p, one, "rp.example")
	if err := one.Remove(p.ctx, imported.ID); err != nil {
		t.Error(err)
	}
	if err := one.Remove(p.ctx, imported.ID); err == nil {
		t.Error("a credential that is gone was removed again")
	}
	p.get(request(other.Response.RawID))

	if err := p.Use(p.ctx, one); err != nil {
		t.Fatal(err)
	}
	p.createRefused(creation().with(options{"excludeCredentials": descriptors(first.Response.RawID)}), "InvalidStateError")
	got := p.get(request(first.Response.RawID))
	if got.Credential.SignCount != 3 || !got.Credential.Resident || !got.Credential.BackupEligible || string(got.Response.UserHandle) != "user-1" {
		t.Errorf("the credential came back as %+v", got.Credential)
	}
	if got, want := p.get(request()).Response.RawID, smaller(first.Response.RawID, second.Response.RawID); !bytes.Equal(got, want) {
		t.Error("the resident credentials did not both come back")
	}

	if err := one.Remove(p.ctx, first.Response.RawID); err != nil {
		t.Fatal(err)
	}
	p.getRefused(request(first.Response.RawID), "NotAllowedError")
	if err := one.Remove(p.ctx, first.Response.RawID); err == nil {
		t.Error("a credential that is gone was removed again")
	}

	elsewhere := openPage(t, theChrome(t), rpOrigin)
	if err := elsewhere.Use(elsewhere.ctx, one); err == nil {
		t.Error("an authenticator of another session was accepted")
	}
}

func TestImportRefused(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	a := p.plug(client.AuthenticatorConfig{})
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]client.Credential{
		"P-384":  {ID: random(16), RPID: "rp.example", PrivateKey: key},
		"no key": {ID: random(16), RPID: "rp.example"},
	} {
		if err := a.Import(p.ctx, c); err == nil || !strings.Contains(err.Error(), "import a credential") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if list := p.credentials(a); len(list) != 0 {
		t.Errorf("%d credentials were stored", len(list))
	}
}

func TestNoAuthenticator(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	if _, err := p.Create(p.ctx, creation().json(t)); err == nil || !strings.Contains(err.Error(), "no authenticator is plugged in") {
		t.Errorf("create() gave %v", err)
	}
	if _, err := p.Get(p.ctx, request().json(t)); err == nil || !strings.Contains(err.Error(), "no authenticator is plugged in") {
		t.Errorf("get() gave %v", err)
	}
}

func TestResponseWithoutToJSON(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	t.Cleanup(p.tab.discard) // no other session may get it
	if _, err := p.tab.evaluate(p.ctx, "delete PublicKeyCredential.prototype.toJSON"); err != nil {
		t.Fatal(err)
	}
	p.plug(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true})
	o := creation().with(options{
		"authenticatorSelection": options{"residentKey": "required"},
		"extensions":             options{"credProps": true, "prf": options{"eval": options{"first": b64(random(8))}}},
	})
	r := p.create(o)
	parsed := verifyRegistration(t, r.Response, o, rpOrigin, "rp.example")
	if len(r.Response.AuthenticatorData) == 0 || len(r.Response.PublicKey) == 0 || r.Response.PublicKeyAlgorithm != -7 || len(r.Response.Transports) != 1 {
		t.Errorf("the response lacks members: %+v", r.Response)
	}
	if got := string(r.Response.ClientExtensionResults["prf"]); !regexp.MustCompile(`"first":"[A-Za-z0-9_-]{43}"`).MatchString(got) {
		t.Errorf("prf is %s", got)
	}
	ro := request()
	a := p.get(ro)
	verifyAssertion(t, a.Response, ro, rpOrigin, "rp.example", "", parsed.Response.AttestationObject.AuthData.AttData.CredentialPublicKey)
	if string(a.Response.UserHandle) != "user-1" {
		t.Errorf("userHandle is %q", a.Response.UserHandle)
	}
}
