package ceremony

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

func TestEveryAlgorithmRegistersAndLogsIn(t *testing.T) {
	for _, alg := range append(cose.Algorithms(), cose.ESP256, cose.ESP384, cose.ESP512, cose.Ed25519) {
		t.Run(cose.AlgorithmName(alg), func(t *testing.T) {
			w := newWorld(t)
			key := newKeyPair(t, alg)
			r := w.newReg(w.begin(RegistrationRequest{Algorithms: []int64{alg}}), key)
			cred, err := r.finish()
			if err != nil {
				t.Fatal(err)
			}
			for i, edit := range []func([]byte) []byte{nil, flip} {
				a := w.newAuth(w.beginAuth(AuthenticationRequest{Username: "alice"}), key, cred)
				a.sig = edit
				login, err := a.finish()
				if (err == nil) != (i == 0) {
					t.Errorf("signature edited %v: %v", i == 1, err)
				}
				if err == nil && (login.User.Name != "alice" || !login.Verified) {
					t.Errorf("login %+v", login)
				}
			}
		})
	}
}

// Unusual, and legal.
func TestUnusualRegistrationsAreAccepted(t *testing.T) {
	for name, edit := range map[string]func(*softReg){
		"no UTF-8":        func(r *softReg) { r.cd.extra = ",\"x\":\"\xff\"" },
		"byte order mark": func(r *softReg) { r.cd.all = append([]byte("\xef\xbb\xbf"), r.cd.bytes()...) },
		"unknown members": func(r *softReg) { r.cd.extra = `,"extra":{"type":"webauthn.get","a":[1,2]},"extra":null` },
		"other order and white space": func(r *softReg) {
			r.cd.all = []byte(" {\n\"origin\":\"" + r.cd.origin + "\",\"type\" : \"webauthn.create\",\"challenge\":\"" + r.cd.challenge + "\"}\n")
		},
		"escapes": func(r *softReg) {
			r.cd.all = []byte(`{"\u0074ype":"webauthn\u002ecreate","challenge":"` + r.cd.challenge + `","origin":"https:\/\/rp.example"}`)
		},
		"no crossOrigin":      func(r *softReg) { r.cd.extra = "" },
		"tokenBinding":        func(r *softReg) { r.cd.extra = `,"tokenBinding":{"status":"whatever"}` },
		"no rawId":            func(r *softReg) { r.response = func(p *RegistrationResponse) { p.RawID = nil } },
		"reserved flags":      func(r *softReg) { r.ad.flags |= 0x22 },
		"empty extension map": func(r *softReg) { r.ad.flags |= flagED; r.ad.ext = enc(om{}) },
		"unknown extension":   func(r *softReg) { r.ad.flags |= flagED; r.ad.ext = enc(om{"example.ext", []any{1, "x"}}) },
		"id of 1023 bytes":    func(r *softReg) { r.id = make([]byte, 1023) },
		"id of one byte":      func(r *softReg) { r.id = []byte{7} },
		"counter at its end":  func(r *softReg) { r.ad.count = 1<<32 - 1 },
		"UV clear":            func(r *softReg) { r.ad.flags &^= flagUV },
		"backed up":           func(r *softReg) { r.ad.flags |= flagBE | flagBS },
		"member in the object": object(func(f string, s any, a []byte) any {
			return om{"fmt", f, "epAtt", false, "attStmt", s, "authData", a}
		}),
		"client outputs unasked": func(r *softReg) {
			r.response = func(p *RegistrationResponse) { p.ExtensionResults["uvm"] = json.RawMessage(`"?"`) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := w.newReg(w.begin(RegistrationRequest{}), newKeyPair(t, cose.ES256))
			edit(r)
			if _, err := r.finish(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMalformedRegistrationsAreRefused(t *testing.T) {
	all := func(b string) func(*softReg) { return func(r *softReg) { r.cd.all = []byte(b) } }
	obj := func(b []byte) func(*softReg) {
		return func(r *softReg) { r.object = func(string, any, []byte) []byte { return b } }
	}
	deep := append(bytes.Repeat([]byte{0x81}, 100000), 0)
	for _, tc := range []struct {
		name, step string
		edit       func(*softReg)
	}{
		{"empty client data", "7.1.8.pending", all("")},
		{"no JSON", "7.1.6", all("{")},
		{"an array", "7.1.6", all("[]")},
		{"null", "7.1.6", all("null")},
		{"two objects", "7.1.6", all("{}{}")},
		{"huge client data", "7.1.6", all(`{"a":"` + strings.Repeat("x", 1<<17) + `"}`)},
		{"deep client data", "7.1.6", all(strings.Repeat(`{"a":`, 20000))},
		{"no type", "7.1.7", all("{}")},
		{"type is a number", "7.1.7", all(`{"type":1}`)},
		{"type in another case", "7.1.7", func(r *softReg) { r.cd.typ = "WebAuthn.create" }},
		{"member names in another case", "7.1.7", all(`{"Type":"webauthn.create"}`)},
		{"no challenge", "7.1.8", all(`{"type":"webauthn.create"}`)},
		{"padded challenge", "7.1.8", func(r *softReg) { r.cd.challenge += "=" }},
		{"double encoded challenge unasked", "7.1.8", func(r *softReg) { r.cd.challenge = b64([]byte(r.cd.challenge)) }},
		{"origin null", "7.1.9", func(r *softReg) { r.cd.origin = "null" }},
		{"origin with slash", "7.1.9", func(r *softReg) { r.cd.origin += "/" }},
		{"origin in upper case", "7.1.9", func(r *softReg) { r.cd.origin = "https://RP.example" }},
		{"origin is http", "7.1.9", func(r *softReg) { r.cd.origin = "http://rp.example" }},
		{"origin with a look-alike end", "7.1.9", func(r *softReg) { r.cd.origin = "https://rp.example.evil.example" }},
		{"crossOrigin is text", "7.1.10", func(r *softReg) { r.cd.extra = `,"crossOrigin":"false"` }},
		{"no attestation object", "7.1.3", obj(nil)},
		{"attestation object is no CBOR", "7.1.13", obj([]byte{0xff})},
		{"attestation object is an array", "7.1.13", obj([]byte{0x80})},
		{"deep attestation object", "7.1.13", obj(deep)},
		{"map with a huge promise", "7.1.13", obj([]byte{0xbb, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})},
		{"string with a huge promise", "7.1.13", obj([]byte{0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe})},
		{"no fmt", "7.1.13", object(func(_ string, s any, a []byte) any { return om{"attStmt", s, "authData", a} })},
		{"fmt is bytes", "7.1.13", object(func(f string, s any, a []byte) any { return om{"fmt", []byte(f), "attStmt", s, "authData", a} })},
		{"no attStmt", "7.1.13", object(func(f string, _ any, a []byte) any { return om{"fmt", f, "authData", a} })},
		{"attStmt is text", "7.1.13", object(func(f string, _ any, a []byte) any { return om{"fmt", f, "attStmt", "", "authData", a} })},
		{"authData is text", "7.1.13", object(func(f string, s any, _ []byte) any { return om{"fmt", f, "attStmt", s, "authData", "x"} })},
		{"authData of 36 bytes", "7.1.13", object(func(f string, s any, a []byte) any { return om{"fmt", f, "attStmt", s, "authData", a[:36]} })},
		{"authData of 37 bytes", "7.1.13", object(func(f string, s any, a []byte) any { return om{"fmt", f, "attStmt", s, "authData", a[:37]} })},
		{"AT clear and nothing", "7.1.13.attested-data", func(r *softReg) { r.ad.flags &^= flagAT; r.ad.attested = []byte{} }},
		{"empty id", "7.1.3.id", func(r *softReg) { r.id = nil }},
		{"id longer than the data", "7.1.13", func(r *softReg) {
			r.ad.attested = append(make([]byte, 16), 0xff, 0xff, 1)
		}},
		{"extension data are an array", "7.1.13.extension-data", func(r *softReg) { r.ad.flags |= flagED; r.ad.ext = []byte{0x80} }},
		{"extension key is a number", "7.1.13.extension-data", func(r *softReg) { r.ad.flags |= flagED; r.ad.ext = enc(om{1, 1}) }},
		{"rpIdHash of the parent", "7.1.14", func(r *softReg) { r.ad.rpIDHash = hashOf("example") }},
		{"rpIdHash of the origin", "7.1.14", func(r *softReg) { r.ad.rpIDHash = hashOf(testOrigin) }},
		{"UP clear and UV set", "7.1.15", func(r *softReg) { r.ad.flags &^= flagUP }},
		{"key is an array", "7.1.20.algorithm", func(r *softReg) { r.ad.attested = attestedData(r.aaguid, r.id, []any{1, 2}) }},
		{"alg is text", "7.1.20.algorithm", editKey(func(k om) om { k[3] = "ES256"; return k })},
		{"key of another algorithm", "7.1.20.key-type", editKey(func(k om) om { k[3] = -257; return k })},
		{"coordinate is text", "7.1.20.members", editKey(func(k om) om { k[7] = "x"; return k })},
		{"point at zero", "7.1.20.point", editKey(func(k om) om { k[7], k[9] = make([]byte, 32), make([]byte, 32); return k })},
		{"format in upper case", "7.1.21", func(r *softReg) { r.format = "NONE" }},
		{"empty format", "7.1.21", func(r *softReg) { r.format = "" }},
		{"none with a statement", "8.7.empty", func(r *softReg) { r.statement = func([]byte, []byte) any { return om{"sig", []byte{1}} } }},
		{"none as an array", "8.7.empty", func(r *softReg) { r.statement = func([]byte, []byte) any { return []any{} } }},
		{"packed and empty", "8.2.syntax", func(r *softReg) { r.format = "packed" }},
		{"compound as a map", "8.9.syntax", func(r *softReg) { r.format = "compound" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			r := w.newReg(w.begin(RegistrationRequest{}), newKeyPair(t, cose.ES256))
			tc.edit(r)
			if tc.step == "7.1.8.pending" {
				r.handle = "no such ceremony"
			}
			_, err := r.finish()
			wantStep(t, err, tc.step)
			if strings.ContainsAny(err.Error(), "\n\r") || len(err.Error()) > 600 {
				t.Errorf("the message is not one short line: %q", err)
			}
			if len(w.rp.Credentials(w.user)) != 0 {
				t.Error("the credential is stored")
			}
		})
	}
}

func TestRSAKeys(t *testing.T) {
	for name, edit := range map[string]func(om) om{
		"1024 bits": func(k om) om {
			k[5] = append([]byte{0x80}, make([]byte, 126)...)
			k[5] = append(k[5].([]byte), 1)
			return k
		},
		"even modulus":    func(k om) om { n := bytes.Clone(k[5].([]byte)); n[len(n)-1] &^= 1; k[5] = n; return k },
		"even exponent":   func(k om) om { k[7] = []byte{1, 0, 0}; return k },
		"exponent 1":      func(k om) om { k[7] = []byte{1}; return k },
		"no exponent":     func(k om) om { k[7] = []byte{}; return k },
		"long exponent":   func(k om) om { k[7] = bytes.Repeat([]byte{1}, 9); return k },
		"leading zero":    func(k om) om { k[5] = append([]byte{0}, k[5].([]byte)...); return k },
		"modulus too big": func(k om) om { k[5] = bytes.Repeat([]byte{0xff}, 2000); return k },
	} {
		w := newWorld(t)
		r := w.newReg(w.begin(RegistrationRequest{}), newKeyPair(t, cose.RS256))
		editKey(edit)(r)
		_, err := r.finish()
		t.Run(name, func(t *testing.T) { wantStep(t, err, "7.1.20.rsa") })
	}
}

func TestCreationOptions(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Algorithms = []int64{cose.EdDSA, cose.ES256} })
	key := newKeyPair(t, cose.ES256)
	cred := w.register(w.user, key, func(r *softReg) {
		r.response = func(p *RegistrationResponse) {
			p.Transports = append([]string{"usb", "usb", "quantum", "", strings.Repeat("x", 99)}, strings.Split(strings.Repeat("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r", 1), ",")...)
		}
	})
	if len(cred.Transports) != maxTransports || cred.Transports[0] != "usb" || cred.Transports[1] != "quantum" {
		t.Errorf("transports %q", cred.Transports)
	}
	o := w.begin(RegistrationRequest{Attestation: "direct", Selection: &AuthenticatorSelection{RequireResidentKey: true}})
	if len(o.Challenge) != 32 || !slices.Equal(o.Algorithms, []int64{cose.EdDSA, cose.ES256}) || o.Timeout != 5*time.Minute || o.RPID != testRPID || len(o.User.Handle) != 64 {
		t.Errorf("options %+v", o)
	}
	if len(o.ExcludeCredentials) != 1 || !bytes.Equal(o.ExcludeCredentials[0].ID, cred.ID) || !slices.Equal(o.ExcludeCredentials[0].Transports, cred.Transports) {
		t.Errorf("excluded %+v", o.ExcludeCredentials)
	}
	if s := o.Selection; s.ResidentKey != "required" || !s.RequireResidentKey {
		t.Errorf("selection %+v", s)
	}
	o2 := w.begin(RegistrationRequest{Selection: &AuthenticatorSelection{ResidentKey: "preferred", RequireResidentKey: true}})
	if o2.Selection.RequireResidentKey || o2.Attestation != "none" || bytes.Equal(o.Challenge, o2.Challenge) || o.Handle == o2.Handle {
		t.Errorf("options %+v", o2)
	}
	for name, req := range map[string]RegistrationRequest{
		"attestation": {Attestation: "some"}, "algorithm": {Algorithms: []int64{-53}}, "no algorithm": {Algorithms: []int64{}},
		"residentKey": {Selection: &AuthenticatorSelection{ResidentKey: "yes"}}, "nobody": {User: &User{Handle: []byte("x"), Name: "x"}},
		"appidExclude": {Extensions: map[string]json.RawMessage{"appidExclude": json.RawMessage(`"https://evil.example"`)}},
		"appid":        {Extensions: map[string]json.RawMessage{"appid": json.RawMessage(`"` + testAppID + `"`)}},
	} {
		if req.User == nil {
			req.User = w.user
		}
		_, err := w.rp.BeginRegistration(req)
		t.Run(name, func(t *testing.T) { wantStep(t, err, "7.1.1") })
	}
	for name, req := range map[string]AuthenticationRequest{
		"userVerification": {UserVerification: "always"},
		"appid":            {Extensions: map[string]json.RawMessage{"appid": json.RawMessage(`"https://evil.example"`)}},
		"appid, a number":  {Extensions: map[string]json.RawMessage{"appid": json.RawMessage(`1`)}},
		"appidExclude":     {Extensions: map[string]json.RawMessage{"appidExclude": json.RawMessage(`"` + testAppID + `"`)}},
	} {
		_, err := w.rp.BeginAuthentication(req)
		t.Run(name, func(t *testing.T) { wantStep(t, err, "7.2.1") })
	}
}

// Unknown users, unknown credentials and bad signatures are not to be told apart.
func TestEnumeration(t *testing.T) {
	w := newWorld(t)
	key := newKeyPair(t, cose.ES256)
	cred := w.register(w.user, key)
	w.addUser("empty")
	messages := map[string]bool{}
	shape := func(o *RequestOptions) string {
		s := fmt.Sprint(len(o.Challenge), len(o.Handle), o.Timeout, o.RPID, o.UserVerification, len(o.AllowCredentials))
		for _, d := range o.AllowCredentials {
			s += fmt.Sprint(d.Type, len(d.ID), len(d.Transports) > 0)
		}
		return s
	}
	known := shape(w.beginAuth(AuthenticationRequest{Username: "alice"}))
	for _, name := range []string{"nobody", "empty", "somebody else"} {
		o := w.beginAuth(AuthenticationRequest{Username: name})
		if got := shape(o); got != known {
			t.Errorf("options for %s look like %s, for a known user like %s", name, got, known)
		}
		again := w.beginAuth(AuthenticationRequest{Username: name})
		if !reflect.DeepEqual(o.AllowCredentials, again.AllowCredentials) {
			t.Errorf("the imaginary credentials of %s change", name)
		}
		// With the imaginary id, and with a real one of somebody else.
		for _, id := range [][]byte{o.AllowCredentials[0].ID, cred.ID} {
			a := w.newAuth(w.beginAuth(AuthenticationRequest{Username: name}), key, cred)
			a.id, a.user = id, nil
			_, err := a.finish()
			if err == nil {
				t.Fatalf("%s is logged in", name)
			}
			messages[err.Error()] = true
		}
	}
	for _, edit := range []func(*softAuth){
		func(a *softAuth) { a.sig = flipMiddle },
		func(a *softAuth) { a.id = []byte("unknown") },
		func(a *softAuth) { a.user = []byte("unknown") },
	} {
		a := w.newAuth(w.beginAuth(AuthenticationRequest{Username: "alice"}), key, cred)
		edit(a)
		_, err := a.finish()
		messages[err.Error()] = true
	}
	a := w.newAuth(w.beginAuth(AuthenticationRequest{}), key, cred)
	a.id = []byte("unknown")
	_, err := a.finish()
	messages[err.Error()] = true
	if len(messages) != 1 {
		t.Errorf("%d texts tell the cases apart: %v", len(messages), messages)
	}
	if x, y := w.beginAuth(AuthenticationRequest{Username: "n1"}), w.beginAuth(AuthenticationRequest{Username: "n2"}); bytes.Equal(x.AllowCredentials[0].ID, y.AllowCredentials[0].ID) {
		t.Error("two unknown names share one imaginary credential")
	}
}

func TestUsernamelessLogin(t *testing.T) {
	w := newWorld(t)
	key := newKeyPair(t, cose.ES256)
	cred := w.register(w.user, key)
	o := w.beginAuth(AuthenticationRequest{})
	if len(o.AllowCredentials) != 0 {
		t.Fatalf("allowed %v", o.AllowCredentials)
	}
	login, err := w.newAuth(o, key, cred).finish()
	if err != nil || login.User.Name != "alice" || !bytes.Equal(login.Credential.ID, cred.ID) {
		t.Fatalf("%+v, %v", login, err)
	}
	// Removed, it is no more.
	if w.rp.RemoveCredential(w.addUser("bob"), cred.ID) || !w.rp.RemoveCredential(w.user, cred.ID) || w.rp.RemoveCredential(w.user, cred.ID) {
		t.Error("a credential is its owner's to remove, once")
	}
	_, err = w.newAuth(w.beginAuth(AuthenticationRequest{}), key, cred).finish()
	wantStep(t, err, "7.2.6")
}

// Two tabs: an empty handle finds the ceremony by the challenge.
func TestTwoTabs(t *testing.T) {
	w := newWorld(t)
	first, second := w.begin(RegistrationRequest{}), w.begin(RegistrationRequest{})
	for _, o := range []*CreationOptions{second, first} {
		r := w.newReg(o, newKeyPair(t, cose.ES256))
		r.handle = ""
		if _, err := r.finish(); err != nil {
			t.Fatal(err)
		}
		// A challenge serves one attempt.
		again := w.newReg(o, newKeyPair(t, cose.ES256))
		again.handle = ""
		_, err := again.finish()
		wantStep(t, err, "7.1.8.single-use")
	}
	// A challenge of nobody uses up the newest.
	o := w.begin(RegistrationRequest{})
	r := w.newReg(o, newKeyPair(t, cose.ES256))
	r.handle, r.cd.challenge = "", b64([]byte("nobody's"))
	_, err := r.finish()
	wantStep(t, err, "7.1.8")
	r = w.newReg(o, newKeyPair(t, cose.ES256))
	_, err = r.finish()
	wantStep(t, err, "7.1.8.single-use")
	// Nothing was begun there.
	r.session, r.handle, r.cd.challenge = "s9", "", b64([]byte("nobody's"))
	_, err = r.finish()
	wantStep(t, err, "7.1.8.pending")
	// The challenge of another session stays good for its owner.
	o = w.begin(RegistrationRequest{})
	r = w.newReg(o, newKeyPair(t, cose.ES256))
	r.session, r.handle = "s9", ""
	_, err = r.finish()
	wantStep(t, err, "7.1.8.session")
	r.session = "s1"
	if _, err = r.finish(); err != nil {
		t.Error(err)
	}
	// Begun for one kind, finished as the other.
	a := w.beginAuth(AuthenticationRequest{Username: "alice"})
	r = w.newReg(w.begin(RegistrationRequest{}), newKeyPair(t, cose.ES256))
	r.handle, r.cd.challenge = "", b64(a.Challenge)
	_, err = r.finish()
	wantStep(t, err, "7.1.8.kind")
	// ... where it was issued to nobody.
	a = w.beginAuth(AuthenticationRequest{})
	r.handle = a.Handle
	r.cd.challenge = b64(a.Challenge)
	_, err = r.finish()
	wantStep(t, err, "7.1.8.kind")
}

func TestPendingIsBounded(t *testing.T) {
	w := newWorld(t)
	first := w.begin(RegistrationRequest{})
	for range maxPendingPerSession {
		w.begin(RegistrationRequest{})
	}
	_, err := w.newReg(first, newKeyPair(t, cose.ES256)).finish()
	wantStep(t, err, "7.1.8.pending")
	if n := len(w.rp.pending); n != maxPendingPerSession {
		t.Errorf("%d are pending", n)
	}
	w.now = w.now.Add(11 * time.Minute)
	w.begin(RegistrationRequest{})
	if n := len(w.rp.pending); n != 1 {
		t.Errorf("%d are pending after all others expired", n)
	}
}

func TestChallengeAsText(t *testing.T) {
	w := newWorld(t)
	key := newKeyPair(t, cose.ES256)
	var cred *Credential
	for _, doubled := range []bool{false, true} {
		r := w.newReg(w.begin(RegistrationRequest{ChallengeAsText: true}), key)
		if doubled {
			r.cd.challenge = b64([]byte(r.cd.challenge))
		}
		var err error
		if cred, err = r.finish(); err != nil {
			t.Fatal(err)
		}
		if cred.DoubleEncodedChallenge != doubled {
			t.Errorf("doubled %v is recorded as %v", doubled, cred.DoubleEncodedChallenge)
		}
	}
	a := w.newAuth(w.beginAuth(AuthenticationRequest{Username: "alice", ChallengeAsText: true}), key, cred)
	a.cd.challenge = b64([]byte(a.cd.challenge))
	if _, err := a.finish(); err != nil {
		t.Error(err)
	}
}

func TestConditionalCreate(t *testing.T) {
	w := newWorld(t)
	r := w.newReg(w.begin(RegistrationRequest{Conditional: true}), newKeyPair(t, cose.ES256))
	r.ad.flags = flagAT
	if _, err := r.finish(); err != nil {
		t.Error(err)
	}
}

func TestU2FCredential(t *testing.T) {
	w := newWorld(t)
	key := newKeyPair(t, cose.ES256)
	point := slices.Concat([]byte{4}, key.cose[7].([]byte), key.cose[9].([]byte))
	handle := []byte("u2f key handle")
	for name, err := range map[string]error{
		"AppID of another":  w.rp.AddU2FCredential(w.user, handle, point, "https://evil.example"),
		"point of 64 bytes": w.rp.AddU2FCredential(w.user, handle, point[1:], testAppID),
		"point off curve":   w.rp.AddU2FCredential(w.user, handle, flip(point), testAppID),
		"empty handle":      w.rp.AddU2FCredential(w.user, nil, point, testAppID),
		"nobody":            w.rp.AddU2FCredential(&User{Handle: []byte("x")}, handle, point, testAppID),
	} {
		t.Run(name, func(t *testing.T) { wantStep(t, err, "u2f") })
	}
	if err := w.rp.AddU2FCredential(w.user, handle, point, testAppID); err != nil {
		t.Fatal(err)
	}
	wantStep(t, w.rp.AddU2FCredential(w.user, handle, point, testAppID), "u2f")

	o := w.begin(RegistrationRequest{Extensions: map[string]json.RawMessage{"appidExclude": json.RawMessage(`"` + testAppID + `"`)}})
	if len(o.ExcludeCredentials) != 1 || !bytes.Equal(o.ExcludeCredentials[0].ID, handle) {
		t.Errorf("excluded %v", o.ExcludeCredentials)
	}
	cred := w.rp.Credentials(w.user)[0]
	for _, tc := range []struct {
		name   string
		ext    bool
		hash   string
		output string
		step   string
	}{
		{"AppID with output true", true, testAppID, "true", ""},
		{"AppID without output", true, testAppID, "", ""},
		{"RP ID with output false", true, testRPID, "false", ""},
		{"RP ID without output", true, testRPID, "", ""},
		{"AppID with output false", true, testAppID, "false", "7.2.15.appid"},
		{"RP ID with output true", true, testRPID, "true", "7.2.15.appid"},
		{"AppID with output that is text", true, testAppID, `"true"`, "7.2.15.appid"},
		{"AppID unasked", false, testAppID, "true", "7.2.15"},
		{"another AppID", true, "https://rp.example/other.json", "true", "7.2.15"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := AuthenticationRequest{Username: "alice"}
			if tc.ext {
				appID(&req)
			}
			o := w.beginAuth(req)
			if len(o.AllowCredentials) != 1 || !bytes.Equal(o.AllowCredentials[0].ID, handle) {
				t.Errorf("allowed %v", o.AllowCredentials)
			}
			a := w.newAuth(o, key, &cred)
			a.user = nil
			a.ad.rpIDHash, a.ad.flags = hashOf(tc.hash), flagUP
			a.response = func(p *AuthenticationResponse) {
				if tc.output != "" {
					p.ExtensionResults["appid"] = json.RawMessage(tc.output)
				}
			}
			_, err := a.finish()
			if tc.step != "" {
				wantStep(t, err, tc.step)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCounterIsNotedWherePolicyLetsItPass(t *testing.T) {
	w := newWorld(t)
	key := newKeyPair(t, cose.ES256)
	cred := w.register(w.user, key, func(r *softReg) { r.ad.count = 7 })
	for _, tc := range []struct {
		count     uint32
		regressed bool
		stored    uint32
	}{{8, false, 8}, {8, true, 8}, {3, true, 8}, {0, true, 8}, {9, false, 9}} {
		a := w.newAuth(w.beginAuth(AuthenticationRequest{Username: "alice"}), key, cred)
		a.ad.count = tc.count
		login, err := a.finish()
		if err != nil {
			t.Fatal(err)
		}
		if login.CounterRegressed != tc.regressed || w.rp.Credentials(w.user)[0].SignCount != tc.stored {
			t.Errorf("counter %d: regressed %v, stored %d", tc.count, login.CounterRegressed, w.rp.Credentials(w.user)[0].SignCount)
		}
	}
}

// A refusal leaves no trace in the record, whatever the step.
func TestRefusedLoginChangesNothing(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Policy.RejectCounterRegression = true })
	key := newKeyPair(t, cose.ES256)
	cred := w.register(w.user, key, func(r *softReg) { r.ad.count = 7; r.ad.flags |= flagBE; r.ad.flags &^= flagUV })
	for _, edit := range []func(*softAuth){
		func(a *softAuth) { a.sig = flipMiddle },
		func(a *softAuth) { a.ad.count = 7 },
		func(a *softAuth) { a.cd.origin = "https://evil.example" },
	} {
		a := w.newAuth(w.beginAuth(AuthenticationRequest{Username: "alice"}), key, cred)
		a.ad.count, a.ad.flags = 100, a.ad.flags|flagBE|flagBS
		edit(a)
		if _, err := a.finish(); err == nil {
			t.Fatal("accepted")
		}
		if got := w.rp.Credentials(w.user)[0]; !reflect.DeepEqual(got, *cred) {
			t.Errorf("the record changed: %+v", got)
		}
	}
	a := w.newAuth(w.beginAuth(AuthenticationRequest{Username: "alice"}), key, cred)
	a.ad.count, a.ad.flags = 100, a.ad.flags|flagBE|flagBS
	if _, err := a.finish(); err != nil {
		t.Fatal(err)
	}
	// uvInitialized is not raised by a login (§7.2 step 24.3).
	if got := w.rp.Credentials(w.user)[0]; got.SignCount != 100 || !got.BackupState || got.UVInitialized {
		t.Errorf("the record is %+v", got)
	}
}

// Who may be trusted, and who not.
func TestTrustAnchors(t *testing.T) {
	for _, tc := range []struct {
		name    string
		anchors func(*pki, *x509.Certificate) attestation.Anchors
		chain   func(*pki, *x509.Certificate) [][]byte
		now     time.Time
		step    string
	}{
		{name: "root", anchors: certs(func(p *pki, _ *x509.Certificate) *x509.Certificate { return p.root })},
		{name: "intermediate", anchors: certs(func(p *pki, _ *x509.Certificate) *x509.Certificate { return p.inter })},
		{name: "the leaf itself", anchors: certs(func(_ *pki, leaf *x509.Certificate) *x509.Certificate { return leaf })},
		{name: "the leaf itself, alone", anchors: certs(func(_ *pki, leaf *x509.Certificate) *x509.Certificate { return leaf }), chain: leafOnly},
		{name: "the leaf's key", anchors: pin(func(_ *pki, leaf *x509.Certificate) *x509.Certificate { return leaf }), chain: leafOnly},
		{name: "the leaf's key, expired", anchors: pin(func(_ *pki, leaf *x509.Certificate) *x509.Certificate { return leaf }), chain: leafOnly, now: notAfter.AddDate(1, 0, 0)},
		{name: "an issuer's key", anchors: pin(func(p *pki, _ *x509.Certificate) *x509.Certificate { return p.inter })},
		{name: "an issuer's key, expired leaf", anchors: pin(func(p *pki, _ *x509.Certificate) *x509.Certificate { return p.inter }), now: notAfter.AddDate(1, 0, 0), step: "7.1.24.validity"},
		{name: "not yet valid", anchors: certs(func(p *pki, _ *x509.Certificate) *x509.Certificate { return p.root }), now: notBefore.AddDate(-1, 0, 0), step: "7.1.24.validity"},
		{name: "the intermediate is missing", anchors: certs(func(p *pki, _ *x509.Certificate) *x509.Certificate { return p.root }), chain: leafOnly, step: "7.1.24"},
		{name: "nobody", anchors: func(*pki, *x509.Certificate) attestation.Anchors { return attestation.Anchors{} }, step: "7.1.24"},
		{name: "the root is there too", anchors: certs(func(p *pki, _ *x509.Certificate) *x509.Certificate { return p.root }), chain: func(p *pki, leaf *x509.Certificate) [][]byte {
			return [][]byte{leaf.Raw, p.inter.Raw, p.root.Raw}
		}},
		{name: "wrong order", anchors: certs(func(p *pki, _ *x509.Certificate) *x509.Certificate { return p.root }), chain: func(p *pki, leaf *x509.Certificate) [][]byte {
			return [][]byte{leaf.Raw, p.root.Raw, p.inter.Raw}
		}, step: "7.1.24.order"},
		{name: "leaf last", anchors: certs(func(p *pki, _ *x509.Certificate) *x509.Certificate { return p.root }), chain: func(p *pki, leaf *x509.Certificate) [][]byte {
			return [][]byte{p.inter.Raw, leaf.Raw}
		}, step: "8.2.signature"},
		{name: "another root of the same name", anchors: func(p *pki, _ *x509.Certificate) attestation.Anchors {
			return attestation.Anchors{Certificates: []*x509.Certificate{newPKI(p).root}}
		}, step: "7.1.24"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPKI(t)
			a := newAtt(p, "packed")
			a.leafKey = p256(t)
			leaf := a.leaf(a.leafKey.Public())
			a.resign = func(*x509.Certificate, crypto.PublicKey) *x509.Certificate { return leaf }
			if tc.chain != nil {
				a.chain = func(leaf *x509.Certificate) [][]byte { return tc.chain(p, leaf) }
			}
			w := newWorld(t, trust, func(c *Config) { c.Anchors = tc.anchors(p, leaf) })
			if !tc.now.IsZero() {
				w.now = tc.now
			}
			r := w.newReg(w.begin(RegistrationRequest{Attestation: "direct"}), newKeyPair(t, cose.ES256))
			a.apply(r)
			cred, err := r.finish()
			if tc.step != "" {
				wantStep(t, err, tc.step)
				return
			}
			if err != nil || !cred.Trusted {
				t.Errorf("%+v, %v", cred, err)
			}
		})
	}
}

type choose func(*pki, *x509.Certificate) *x509.Certificate

func certs(f choose) func(*pki, *x509.Certificate) attestation.Anchors {
	return func(p *pki, leaf *x509.Certificate) attestation.Anchors {
		return attestation.Anchors{Certificates: []*x509.Certificate{f(p, leaf)}}
	}
}

func pin(f choose) func(*pki, *x509.Certificate) attestation.Anchors {
	return func(p *pki, leaf *x509.Certificate) attestation.Anchors {
		return attestation.Anchors{Keys: [][32]byte{sha256.Sum256(f(p, leaf).RawSubjectPublicKeyInfo)}}
	}
}

func leafOnly(_ *pki, leaf *x509.Certificate) [][]byte { return [][]byte{leaf.Raw} }

// Without RequireTrust, what is not trusted is stored as that.
func TestUntrustedIsStoredAsUntrusted(t *testing.T) {
	_, _, cred, err := regCase{format: "packed", att: ownRoot}.enact(t, nil)
	if err != nil || cred.Trusted || cred.AttestationType != "basic" {
		t.Errorf("%+v, %v", cred, err)
	}
}

func TestParallelCeremonies(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Policy.RejectCounterRegression = true })
	key := newKeyPair(t, cose.ES256)
	cred := w.register(w.user, key)
	// One challenge, many finishes at once: one is good at most.
	o := w.beginAuth(AuthenticationRequest{Username: "alice"})
	response := w.newAuth(o, key, cred).make()
	var wg sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for range 8 {
		wg.Go(func() {
			if _, err := w.rp.FinishAuthentication(FinishAuthentication{Handle: o.Handle, Session: "s1", Response: response}); err == nil {
				mu.Lock()
				good++
				mu.Unlock()
			}
		})
	}
	// One credential id, many registrations at once: one is good.
	id := []byte("the same id for all")
	registered := 0
	for i := range 8 {
		user := w.addUser(fmt.Sprint("user", i))
		r := w.newReg(w.begin(RegistrationRequest{User: user, Session: fmt.Sprint(i)}), newKeyPair(t, cose.ES256))
		r.id, r.session = id, fmt.Sprint(i)
		wg.Go(func() {
			if _, err := r.finish(); err == nil {
				mu.Lock()
				registered++
				mu.Unlock()
			}
		})
	}
	// One counter value, many assertions at once: one is good.
	var counted int
	for i := range 8 {
		a := w.newAuth(w.beginAuth(AuthenticationRequest{Username: "alice", Session: fmt.Sprint("c", i)}), key, cred)
		a.session, a.ad.count = fmt.Sprint("c", i), 5
		wg.Go(func() {
			if _, err := a.finish(); err == nil {
				mu.Lock()
				counted++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if good > 1 || registered != 1 || counted != 1 {
		t.Errorf("one challenge was good %d times, one id %d times, one counter %d times", good, registered, counted)
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := Config{RPID: "rp.example", Origins: []string{"https://rp.example"}}
	for name, tc := range map[string]struct {
		edit func(*Config)
		says string
	}{
		"no RP ID":       {func(c *Config) { c.RPID = "" }, "RPID is empty"},
		"no origin":      {func(c *Config) { c.Origins = nil }, "Origins is empty"},
		"algorithm":      {func(c *Config) { c.Algorithms = []int64{1} }, "cannot be verified"},
		"unknown step":   {func(c *Config) { c.LeaveOut = []string{"7.1.13.duplicate-key"} }, "close to it: 7.1.13.duplicate-keys"},
		"step unchecked": {func(c *Config) { c.LeaveOut = []string{"7.1.12"} }, "judges nothing"},
		"override": {func(c *Config) {
			c.Override = map[string]func(*Inspection) error{"7.1.99": func(*Inspection) error { return nil }}
		}, "no step"},
		"nil override": {func(c *Config) { c.Override = map[string]func(*Inspection) error{"7.1.9": nil} }, "nil"},
		"randomness":   {func(c *Config) { c.Random = strings.NewReader("short") }, "random"},
	} {
		c := good
		tc.edit(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v, want %q", name, err, tc.says)
		}
	}
	rp := mustNew(t, good)
	if _, err := rp.AddUser("a", "A", make([]byte, 65)); err == nil {
		t.Error("a handle of 65 bytes was accepted")
	}
	u, err := rp.AddUser("a", "A", []byte{1})
	if err != nil {
		t.Fatal(err)
	}
	for _, again := range []struct {
		name   string
		handle []byte
	}{{"a", nil}, {"b", []byte{1}}, {"c", []byte{}}, {"", nil}} {
		_, err := rp.AddUser(again.name, "", again.handle)
		wantStep(t, err, "user")
	}
	if got, ok := rp.UserByHandle([]byte{1}); !ok || !reflect.DeepEqual(got, u) {
		t.Errorf("by handle: %v", got)
	}
	if got, ok := rp.UserByName("z"); ok || got != nil {
		t.Errorf("by unknown name: %v, %v", got, ok)
	}
}

// Deliberate bugs that do a step wrongly, and one that asks too much.
func TestOverride(t *testing.T) {
	suffix := func(i *Inspection) error {
		if i.Check() != nil && !strings.HasSuffix(i.Origin, "rp.example") {
			return errors.New("the origin does not end well")
		}
		return nil
	}
	strict := func(i *Inspection) error {
		if i.Record == nil || i.Kind != Registration || i.Step.Name != "7.1.29" || i.Flags&flagUV == 0 {
			return errors.New("the user was not verified, though nobody asked")
		}
		return i.Check()
	}
	w := newWorld(t, func(c *Config) {
		c.Override = map[string]func(*Inspection) error{"7.1.9": suffix, "7.1.29": strict}
	})
	for _, tc := range []struct {
		origin string
		flags  byte
		step   string
	}{{"https://evil-rp.example", flagUP | flagUV, ""}, {"https://evil.example", flagUP | flagUV, "7.1.9"}, {testOrigin, flagUP, "7.1.29"}} {
		r := w.newReg(w.begin(RegistrationRequest{}), newKeyPair(t, cose.ES256))
		r.cd.origin, r.ad.flags = tc.origin, tc.flags|flagAT
		_, err := r.finish()
		if tc.step != "" {
			wantStep(t, err, tc.step)
		} else if err != nil {
			t.Error(err)
		}
	}
}
