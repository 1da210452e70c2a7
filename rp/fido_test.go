package rp_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// fidoRegister registers a device in the fido dialect and returns the response sent.
func fidoRegister(v *visitor, d *device, username string) m {
	v.w.Helper()
	options := v.post("/attestation/options", m{"username": username, "displayName": "Some One"}).want(200)
	response := d.create(options)
	v.post("/attestation/result", response).want(200).equal("status", `"ok"`, "errorMessage", `""`)
	return response
}

func TestFIDORegistrationAndAuthentication(t *testing.T) {
	w := newWorld(t)
	v, d := w.visitor(), w.device()
	registered := fidoRegister(v, d, "alice")
	v.get("/session").want(200).equal("authenticated", "false")

	options := v.post("/assertion/options", m{"username": "alice"}).want(200)
	options.equal("status", `"ok"`, "errorMessage", `""`, "rpId", `"rp.example"`, "userVerification", `"preferred"`,
		"allowCredentials.0.type", `"public-key"`, "allowCredentials.0.id", fmt.Sprintf("%q", registered["id"]),
		"allowCredentials.0.transports", `["usb"]`, "allowCredentials.1", "null", "timeout", "300000")
	assertion := d.get(options)
	v.post("/assertion/result", assertion).want(200).equal("status", `"ok"`, "errorMessage", `""`)
	v.get("/session").want(200).equal("authenticated", "true", "username", `"alice"`, "dialect", `"fido"`)

	// A replay is refused, and leaves nobody logged in.
	v.post("/assertion/result", assertion).want(400).equal("status", `"failed"`)
	v.get("/session").equal("authenticated", "false", "username", "null")
}

func TestFIDOCreationOptions(t *testing.T) {
	w := newWorld(t)
	v, d := w.visitor(), w.device()
	first := v.post("/attestation/options", `{
		"username": "bob", "displayName": "Bob B.", "attestation": "direct",
		"authenticatorSelection": {"residentKey": "required", "userVerification": "required", "authenticatorAttachment": "cross-platform"},
		"extensions": {"example.extension.bool": true, "credProps": true, "appidExclude": "https://rp.example"}}`).want(200)
	first.equal("status", `"ok"`, "rp", `{"id":"rp.example","name":"Example"}`, "user.name", `"bob"`, "user.displayName", `"Bob B."`,
		"attestation", `"direct"`, "authenticatorSelection",
		`{"authenticatorAttachment":"cross-platform","requireResidentKey":true,"residentKey":"required","userVerification":"required"}`,
		"extensions", `{"appidExclude":"https://rp.example","credProps":true,"example.extension.bool":true}`,
		"excludeCredentials", "[]", "timeout", "300000")
	challenge, err := base64.RawURLEncoding.Strict().DecodeString(first.text("challenge"))
	if err != nil || len(challenge) < 16 || len(challenge) > 64 {
		t.Errorf("challenge %q: %d bytes, %v", first.text("challenge"), len(challenge), err)
	}
	handle, err := base64.RawURLEncoding.Strict().DecodeString(first.text("user.id"))
	if err != nil || len(handle) != 64 {
		t.Errorf("user.id has %d bytes, want 64: %v", len(handle), err)
	}
	var algs []float64
	for _, p := range first.at("pubKeyCredParams").([]any) {
		if p.(m)["type"] != "public-key" {
			t.Errorf("parameter %v", p)
		}
		algs = append(algs, p.(m)["alg"].(float64))
	}
	for _, alg := range []float64{-7, -8, -257, -35, -36, -37} {
		if !slices.Contains(algs, alg) {
			t.Errorf("algorithm %v is not offered among %v", alg, algs)
		}
	}
	second := v.post("/attestation/options", m{"username": "bob", "displayName": "Bob B."}).want(200)
	if second.text("challenge") == first.text("challenge") {
		t.Error("the same challenge twice")
	}
	if second.text("user.id") != first.text("user.id") {
		t.Error("another user handle for the same user")
	}
	if second.at("authenticatorSelection") != nil && second.at("authenticatorSelection.residentKey") != nil {
		t.Errorf("authenticatorSelection %v was not asked for", second.at("authenticatorSelection"))
	}
	if second.at("extensions") != nil {
		t.Errorf("extensions %v were not asked for", second.at("extensions"))
	}
	second.equal("attestation", `"none"`)
	response := fidoRegister(v, d, "bob")
	v.post("/attestation/options", m{"username": "bob", "displayName": "Bob B."}).want(200).
		equal("excludeCredentials.0.id", fmt.Sprintf("%q", response["id"]), "excludeCredentials.0.type", `"public-key"`)
	// requireResidentKey alone is a Level 1 request.
	v.post("/attestation/options", m{"username": "bob", "displayName": "B", "authenticatorSelection": m{"requireResidentKey": true}}).want(200).
		equal("authenticatorSelection.residentKey", `"required"`, "authenticatorSelection.requireResidentKey", "true")
}

func TestFIDOUsernameless(t *testing.T) {
	for _, body := range []string{`{}`, `{"username":""}`} {
		w := newWorld(t)
		v, d := w.visitor(), w.device()
		options := v.post("/attestation/options", m{"username": "carol", "displayName": "Carol", "authenticatorSelection": m{"residentKey": "required"}}).want(200)
		v.post("/attestation/result", d.create(options)).want(200)
		request := v.post("/assertion/options", body).want(200).equal("allowCredentials", "[]")
		assertion := d.get(request)
		v.post("/assertion/result", assertion).want(200)
		v.get("/session").equal("username", `"carol"`)

		request = v.post("/assertion/options", body).want(200)
		assertion = with(t, d.get(request), "response.userHandle", nil)
		v.post("/assertion/result", assertion).want(400).equal("status", `"failed"`)
		v.get("/session").equal("authenticated", "false")
		// The samples of the API write an absent handle as an empty string.
		request = v.post("/assertion/options", body).want(200)
		v.post("/assertion/result", with(t, d.get(request), "response.userHandle", "")).want(400)
	}
}

func TestFIDOUnknownUserLooksKnown(t *testing.T) {
	w := newWorld(t)
	v, d := w.visitor(), w.device()
	fidoRegister(v, d, "dora")
	known := v.post("/assertion/options", m{"username": "dora"}).want(200)
	unknown := v.post("/assertion/options", m{"username": "nobody"}).want(200)
	again := v.post("/assertion/options", m{"username": "nobody"}).want(200)
	names := func(a *answer) string {
		var out []string
		for k := range a.json() {
			out = append(out, k)
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	if names(known) != names(unknown) {
		t.Errorf("members differ: %s, %s", names(known), names(unknown))
	}
	if unknown.at("allowCredentials.0.id") == nil || unknown.text("allowCredentials.0.id") != again.text("allowCredentials.0.id") {
		t.Errorf("imaginary credentials are missing or change: %s, %s", unknown.body, again.body)
	}

	// Refusals that depend on what exists read the same: a bad signature, and a credential that is not the user's.
	request := v.post("/assertion/options", m{"username": "dora"}).want(200)
	badSignature := v.post("/assertion/result", d.get(request, "signature-bit-flip")).want(400)
	if step := w.last().Step; step != "7.2.21" {
		t.Errorf("step %q, want 7.2.21", step)
	}
	other := w.device()
	fidoRegister(v, other, "eve")
	request = v.post("/assertion/options", m{"username": "dora"}).want(200)
	eves := other.get(request, "ignore-allow-credentials")
	foreign := v.post("/assertion/result", eves).want(400)
	if string(foreign.body) != string(badSignature.body) {
		t.Errorf("answers differ: %s, %s", foreign.body, badSignature.body)
	}
}

func TestFIDOResultNamesAndOptionalMembers(t *testing.T) {
	w := newWorld(t)
	for i, edit := range []func(m) m{
		func(r m) m { return with(t, r, "rawId", nil) },
		func(r m) m {
			return with(t, with(t, r, "getClientExtensionResults", m{}), "clientExtensionResults", nil)
		},
		func(r m) m { return with(t, r, "getClientExtensionResults", r["clientExtensionResults"]) },
		func(r m) m { return with(t, r, "clientExtensionResults", nil) },
		func(r m) m { return with(t, r, "authenticatorAttachment", "somewhere-else") },
		func(r m) m { return with(t, r, "unknown", m{"a": 1}) },
		func(r m) m { return with(t, r, "response.unknown", []any{1}) },
	} {
		v, d := w.visitor(), w.device()
		name := fmt.Sprintf("frank-%d", i)
		options := v.post("/attestation/options", m{"username": name, "displayName": "F"}).want(200)
		v.post("/attestation/result", edit(d.create(options))).want(200)
		request := v.post("/assertion/options", m{"username": name}).want(200)
		v.post("/assertion/result", edit(d.get(request))).want(200)
	}
	// getTransports is the name in older messages; unknown values are kept.
	v, d := w.visitor(), w.device()
	options := v.post("/attestation/options", m{"username": "grace", "displayName": "G"}).want(200)
	r := with(t, d.create(options), "response.transports", nil)
	v.post("/attestation/result", with(t, r, "response.getTransports", []string{"hybrid", "smoke-signal"})).want(200)
	v.post("/assertion/options", m{"username": "grace"}).want(200).equal("allowCredentials.0.transports", `["hybrid","smoke-signal"]`)
}

func TestFIDORefusesWrongShapes(t *testing.T) {
	w := newWorld(t)
	v, d := w.visitor(), w.device()
	fidoRegister(v, d, "henry")
	create := w.device().create(v.post("/attestation/options", m{"username": "henry", "displayName": "H"}).want(200))
	type edit struct {
		path  string
		value any
		says  string
	}
	edits := []edit{
		{"id", nil, "id is missing"},
		{"id", 1, "id: want a string, got a number"},
		{"id", "", "id is empty"},
		{"id", "a+b/", "id: not base64url"},
		{"id", "abc=", "id: not base64url"},
		{"id", "ab\ncd", "line break"},
		{"id", explicitNull, "id: want a string, got null"},
		{"rawId", true, "rawId: want a string, got a boolean"},
		{"rawId", "AAAA", "rawId"},
		{"type", nil, "type is missing"},
		{"type", 7, "type: want a string"},
		{"type", "private-key", "public-key"},
		{"response", nil, "response is missing"},
		{"response", "x", "response: want an object, got a string"},
		{"response", []any{}, "response: want an object, got an array"},
		{"response.clientDataJSON", nil, "response.clientDataJSON is missing"},
		{"response.clientDataJSON", m{}, "response.clientDataJSON: want a string, got an object"},
		{"response.clientDataJSON", "", ""},
		{"clientExtensionResults", "x", "clientExtensionResults: want an object"},
		{"getClientExtensionResults", []any{}, "getClientExtensionResults: want an object"},
		{"getClientExtensionResults", m{"other": 1}, "contradict"},
	}
	registration := slices.Concat(edits, []edit{
		{"response.attestationObject", nil, "response.attestationObject is missing"},
		{"response.attestationObject", 5, "want a string"},
		{"response.attestationObject", "", ""},
		{"response.attestationObject", "!", "not base64url"},
		{"response.transports", "usb", "response.transports: want an array"},
		{"response.transports", []any{1}, "response.transports[0]: want a string"},
	})
	for _, e := range registration {
		a := v.post("/attestation/result", with(t, create, e.path, e.value)).want(400).saying(e.says).equal("status", `"failed"`)
		if a.text("errorMessage") == "" {
			t.Errorf("%v: no errorMessage", e)
		}
	}
	authentication := slices.Concat(edits, []edit{
		{"response.authenticatorData", nil, "response.authenticatorData is missing"},
		{"response.authenticatorData", 5, "want a string"},
		{"response.authenticatorData", "", ""},
		{"response.signature", nil, "response.signature is missing"},
		{"response.signature", false, "want a string"},
		{"response.signature", "", ""},
		{"response.userHandle", 5, "response.userHandle: want a string"},
		{"response.userHandle", "????", "not base64url"},
	})
	for _, e := range authentication {
		request := v.post("/assertion/options", m{"username": "henry"}).want(200)
		v.post("/assertion/result", with(t, d.get(request), e.path, e.value)).want(400).saying(e.says).equal("status", `"failed"`)
		v.get("/session").equal("authenticated", "false")
	}
}

func TestFIDOOptionRequestsRefused(t *testing.T) {
	w := newWorld(t)
	v := w.visitor()
	for _, c := range []struct{ path, body, says string }{
		{"/attestation/options", ``, "the body is empty"},
		{"/attestation/options", `[]`, "the body: want an object, got an array"},
		{"/attestation/options", `{`, "not JSON"},
		{"/attestation/options", "{\"username\":\"\xff\"}", "not UTF-8"},
		{"/attestation/options", `{} {}`, "not JSON"},
		{"/attestation/options", `{}`, "username is missing"},
		{"/attestation/options", `{"username":""}`, "username is empty"},
		{"/attestation/options", `{"username":5}`, "username: want a string, got a number"},
		{"/attestation/options", `{"username":"x"}`, "displayName is missing"},
		{"/attestation/options", `{"username":"x","displayName":null}`, "displayName: want a string, got null"},
		{"/attestation/options", `{"username":"x","displayName":"X","attestation":"full"}`, "attestation"},
		{"/attestation/options", `{"username":"x","displayName":"X","authenticatorSelection":[]}`, "authenticatorSelection: want an object"},
		{"/attestation/options", `{"username":"x","displayName":"X","authenticatorSelection":{"requireResidentKey":"true"}}`, "authenticatorSelection.requireResidentKey: want a boolean"},
		{"/attestation/options", `{"username":"x","displayName":"X","authenticatorSelection":{"userVerification":"maybe"}}`, "authenticatorSelection.userVerification"},
		{"/attestation/options", `{"username":"x","displayName":"X","extensions":1}`, "extensions: want an object"},
		{"/attestation/options", `{"username":"x","displayName":"X","extensions":{"appidExclude":"https://other.example"}}`, "not an AppID of this relying party"},
		{"/attestation/options", `{"username":"x","displayName":"X","extensions":{"appid":"https://rp.example"}}`, "not an extension of registration"},
		{"/assertion/options", `{"username":1}`, "username: want a string"},
		{"/assertion/options", `{"userVerification":"x"}`, "userVerification"},
		{"/assertion/options", `{"extensions":{"appid":"https://other.example"}}`, "not an AppID of this relying party"},
		{"/assertion/options", `{"extensions":{"appid":7}}`, "extensions.appid: want a string"},
		{"/assertion/options", `{"extensions":{"appidExclude":"https://rp.example"}}`, "not an extension of authentication"},
	} {
		a := v.post(c.path, c.body)
		if a.status != 400 || at(t, a.json(), "status") != "failed" || !strings.Contains(a.text("errorMessage"), c.says) {
			t.Errorf("%s %s: %d %s, want 400 saying %q", c.path, c.body, a.status, a.body, c.says)
		}
	}
}

func TestFIDOSessions(t *testing.T) {
	w := newWorld(t)
	v, d := w.visitor(), w.device()
	options := v.post("/attestation/options", m{"username": "ida", "displayName": "I"}).want(200)
	cookie := v.cookies["touchstone_session"]
	if cookie == nil || !cookie.HttpOnly || cookie.Secure || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" {
		t.Fatalf("cookie %+v", cookie)
	}
	created := d.create(options)
	// Another browser, with a ceremony of its own and without one, cannot finish this one.
	other := w.visitor()
	other.post("/attestation/result", created).want(400)
	other.post("/attestation/options", m{"username": "ida", "displayName": "I"}).want(200)
	other.post("/attestation/result", created).want(400)
	v.post("/attestation/result", created).want(200)
	v.post("/attestation/result", created).want(400)

	request := v.post("/assertion/options", m{"username": "ida"}).want(200)
	assertion := d.get(request)
	other.post("/assertion/result", assertion).want(400)
	other.get("/session").equal("authenticated", "false")
	v.post("/assertion/result", assertion).want(200)

	// A challenge expires.
	request = v.post("/assertion/options", m{"username": "ida"}).want(200)
	assertion = d.get(request)
	w.clock.advance(5*time.Minute + time.Second)
	v.post("/assertion/result", assertion).want(400)

	// Secure is set where the request came by TLS.
	r := httptest.NewRequest("POST", "/assertion/options", strings.NewReader("{}"))
	r.TLS = &tls.ConnectionState{}
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, r)
	if c := rec.Result().Cookies(); len(c) != 1 || !c[0].Secure {
		t.Errorf("cookies over TLS: %v", c)
	}
	// A session ends.
	request = v.post("/assertion/options", m{"username": "ida"}).want(200)
	v.post("/assertion/result", d.get(request)).want(200)
	v.get("/session").equal("authenticated", "true")
	w.clock.advance(2 * time.Hour)
	v.get("/session").equal("authenticated", "false")
}

func TestFIDOContentType(t *testing.T) {
	w := newWorld(t)
	v := w.visitor()
	v.post("/assertion/options", `{}`, "Content-Type", "application/json; charset=utf-8").want(200)
	v.post("/assertion/options", `{}`).want(200)
	v.post("/assertion/options", `{}`, "Content-Type", "text/plain").want(415).equal("status", `"failed"`)
	v.post("/assertion/options", `{}`, "Content-Type", "application/json; charset=latin1").want(415)
	v.send("GET", "/assertion/options", nil).want(405).equal("status", `"failed"`)
	if allow := v.send("PUT", "/attestation/result", nil).want(405).header.Get("Allow"); allow != "POST" {
		t.Errorf("Allow %q", allow)
	}
}

// Every algorithm that is offered registers and authenticates.
func TestFIDOAlgorithms(t *testing.T) {
	w := newWorld(t)
	v := w.visitor()
	offered := v.post("/attestation/options", m{"username": "x", "displayName": "X"}).want(200).at("pubKeyCredParams").([]any)
	for _, p := range offered {
		alg := int64(p.(m)["alg"].(float64))
		if !slices.Contains(virtualauth.Algorithms(), alg) {
			t.Logf("algorithm %d: the virtual authenticator has it not", alg)
			continue
		}
		name := fmt.Sprintf("alg%d", alg)
		d := w.device(func(c *virtualauth.Config) { c.Algorithms = []int64{alg} })
		fidoRegister(v, d, name)
		v.post("/assertion/result", d.get(v.post("/assertion/options", m{"username": name}).want(200))).want(200)
		v.get("/session").equal("username", fmt.Sprintf("%q", name))
	}
}

// An authenticator that is not ours comes to the same.
func TestFIDOWithVirtualWebAuthn(t *testing.T) {
	for _, key := range []virtualwebauthn.KeyType{virtualwebauthn.KeyTypeEC2, virtualwebauthn.KeyTypeRSA} {
		w := newWorld(t)
		v := w.visitor()
		party := virtualwebauthn.RelyingParty{ID: testRPID, Name: "Example", Origin: testOrigin}
		auth := virtualwebauthn.NewAuthenticator()
		cred := virtualwebauthn.NewCredential(key)
		creation, err := virtualwebauthn.ParseAttestationOptions(string(v.post("/attestation/options", m{"username": "joe", "displayName": "J"}).want(200).body))
		if err != nil {
			t.Fatal(err)
		}
		v.post("/attestation/result", virtualwebauthn.CreateAttestationResponse(party, auth, cred, *creation)).want(200)
		auth.AddCredential(cred)
		request, err := virtualwebauthn.ParseAssertionOptions(string(v.post("/assertion/options", m{"username": "joe"}).want(200).body))
		if err != nil {
			t.Fatal(err)
		}
		if auth.FindAllowedCredential(*request) == nil {
			t.Fatal("the credential is not allowed")
		}
		v.post("/assertion/result", virtualwebauthn.CreateAssertionResponse(party, auth, cred, *request)).want(200)
		v.get("/session").equal("username", `"joe"`)
	}
}

func TestLeaveOutRefusedLogin(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.LeaveOut = []string{"session.refused-login"} })
	v, d := w.visitor(), w.device()
	fidoRegister(v, d, "kim")
	request := v.post("/assertion/options", m{"username": "kim"}).want(200)
	v.post("/assertion/result", d.get(request, "signature-bit-flip")).want(400)
	v.get("/session").equal("authenticated", "true", "username", `"kim"`)
}

func TestFIDOConcurrentUsers(t *testing.T) {
	w := newWorld(t)
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			v := w.visitor()
			v.w = &world{T: t, server: w.server, clock: w.clock}
			d := &device{w: v.w, a: w.device().a, c: &virtualauth.Client{Origin: testOrigin}}
			name := fmt.Sprintf("user-%d", i)
			fidoRegister(v, d, name)
			v.post("/assertion/result", d.get(v.post("/assertion/options", m{"username": name}).want(200))).want(200)
			text, err := json.Marshal(name)
			if err != nil {
				t.Fatal(err)
			}
			v.get("/session").equal("username", string(text))
		})
	}
}
