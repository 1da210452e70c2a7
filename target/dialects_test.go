package target

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// decoded unwraps a base64url text, for reading assertions in tests.
func decoded(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFido(t *testing.T) {
	rp := fidoRP()
	tg := start(t, "fido", rp)
	s := tg.NewSession(tg.NewUser("ann"))
	s.SetCheck("registration.valid")
	ctx := background(t)
	if err := s.Setup(ctx); err != nil {
		t.Fatal(err)
	}
	no := false
	c, err := s.Begin(ctx, Registration, Request{
		UserVerification: "required", Attestation: "direct", ResidentKey: "preferred", RequireResidentKey: &no,
		AuthenticatorAttachment: "platform", Extensions: map[string]any{"example.extension.bool": true},
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "request", rp.seen[0].Body, `{"username":"ann","displayName":"ann","attestation":"direct",
		"authenticatorSelection":{"userVerification":"required","residentKey":"preferred","requireResidentKey":false,"authenticatorAttachment":"platform"},
		"extensions":{"example.extension.bool":true}}`)
	same(t, "options", string(c.Options), `{"rp":{"name":"RP","id":"rp.example"},"user":{"id":"dXNlcg","name":"ann","displayName":"Ann"},
		"challenge":"AAAAAAAAAAAAAAAAAAAAAA","pubKeyCredParams":[{"type":"public-key","alg":-7}],"timeout":60000}`)
	if string(c.Wire) != fidoCreation {
		t.Errorf("wire %s", c.Wire)
	}
	if d := c.Validate(); len(d) != 0 {
		t.Errorf("deviations %v", d)
	}
	o := finish(t, c, registrationCredential, WireFaults{})
	if o.Kind != Accepted || o.Step != "result" || o.Status != 200 {
		t.Errorf("outcome %v", o)
	}
	same(t, "result", rp.seen[1].Body, `{"id":"Y3JlZC0x","rawId":"Y3JlZC0x","type":"public-key",
		"response":{"clientDataJSON":"e30tX0","attestationObject":"o2NmbXQ","transports":["usb"]},"getClientExtensionResults":{}}`)
	h := rp.seen[1].Header
	if h.Get("Content-Type") != "application/json" || h.Get("Accept") != "application/json" ||
		h.Get("X-Touchstone-Check") != "registration.valid" || h.Get("User-Agent") != "touchstone (check registration.valid)" {
		t.Errorf("headers %v", h)
	}

	c, err = s.Begin(ctx, Authentication, Request{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "request", rp.seen[2].Body, `{"username":"ann"}`)
	if o := finish(t, c, authenticationCredential, WireFaults{}); o.Kind != Accepted {
		t.Errorf("outcome %v", o)
	}
	same(t, "result", rp.seen[3].Body, `{"id":"Y3JlZC0x","rawId":"Y3JlZC0x","type":"public-key",
		"response":{"clientDataJSON":"e30tX0","authenticatorData":"AAAA","signature":"MEUC","userHandle":"dXNlcg"},
		"getClientExtensionResults":{"appid":false}}`)
	if l, err := s.Probe(ctx); l != Unknown || err != nil {
		t.Errorf("probe %v %v", l, err)
	}
	if _, err := s.Begin(ctx, U2FRegistration, Request{}); !errors.Is(err, ErrNoCeremony) {
		t.Errorf("u2f: %v", err)
	}
}

func TestFidoRefusals(t *testing.T) {
	rp := fidoRP()
	tg := start(t, "fido", rp)
	s := tg.NewSession(User{Name: "ann"})
	rp.answers["POST /assertion/options"] = say(404, `{"status":"failed","errorMessage":"no\nsuch user"}`)
	_, err := s.Begin(background(t), Authentication, Request{Username: "bob"})
	var se *StepError
	if !errors.As(err, &se) || se.Step != "options" || se.Outcome.Kind != Rejected || se.Outcome.Message != "no such user" {
		t.Fatalf("error %v", err)
	}
	same(t, "request", rp.seen[0].Body, `{"username":"bob"}`)
	c, err := s.Begin(background(t), Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	rp.answers["POST /attestation/result"] = say(500, `{"status":"failed","errorMessage":"bad"}`)
	if o := finish(t, c, registrationCredential, WireFaults{}); o.Kind != Rejected || !o.ServerError || o.Message != "bad" {
		t.Errorf("outcome %v", o)
	}
	// A refusal without words is one, and the answer deviates.
	rp.answers["POST /attestation/result"] = say(400, `{"status":"failed","errorMessage":""}`)
	if o := finish(t, c, registrationCredential, WireFaults{}); o.Kind != Rejected || len(o.Deviations) != 1 || o.Deviations[0].Pointer != "/errorMessage" {
		t.Errorf("outcome %v, deviations %v", o, o.Deviations)
	}
	rp.answers["POST /attestation/options"] = say(200, `{"status":"ok","errorMessage":"","challenge":7,"user":[],"rp":null,"timeout":null}`)
	c, err = s.Begin(background(t), Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, d := range c.Validate() {
		places = append(places, d.Where+d.Pointer)
	}
	want := "options/challenge options/pubKeyCredParams options/rp options/timeout options/user wire/challenge wire/pubKeyCredParams wire/rp wire/timeout wire/user"
	if got := strings.Join(places, " "); got != want {
		t.Errorf("deviations at %s\nwant %s", got, want)
	}
}

func TestNevis(t *testing.T) {
	creation := strings.Replace(fidoCreation, `{"status"`, `{"fido2SessionId":"s-1","status"`, 1)
	request := strings.Replace(fidoRequest, `{"status"`, `{"fido2SessionId":"s-1","status"`, 1)
	rp := &scripted{answers: map[string]func(seen) (int, string){
		"POST /nevisfido/fido2/attestation/options": func(q seen) (int, string) {
			if strings.Contains(q.Body, "displayName") {
				return 200, creation
			}
			return 200, request
		},
		"POST /nevisfido/fido2/assertion/options":  say(200, request),
		"POST /nevisfido/fido2/attestation/result": say(200, `{"status":"ok","errorMessage":"","fido2SessionId":"s-1"}`),
		"POST /nevisfido/fido2/assertion/result":   say(200, `{"status":"failed","errorMessage":"wrong","fido2SessionId":"s-1"}`),
	}}
	ctx := background(t)
	tg := start(t, "nevis", rp)
	s := tg.NewSession(tg.NewUser("ann"))
	c, err := s.Begin(ctx, Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Validate(); len(d) != 0 || strings.Contains(string(c.Options), "fido2SessionId") {
		t.Errorf("deviations %v in %s", d, c.Options)
	}
	if o := finish(t, c, registrationCredential, WireFaults{}); o.Kind != Accepted {
		t.Errorf("outcome %v", o)
	}
	same(t, "result", rp.seen[1].Body, `{"id":"Y3JlZC0x","type":"public-key","response":{"clientDataJSON":"e30tX0","attestationObject":"o2NmbXQ"},
		"clientExtensionResults":{},"userAgent":"touchstone","userFriendlyName":"touchstone"}`)
	c, err = s.Begin(ctx, Authentication, Request{Usernameless: true})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "request", rp.seen[2].Body, `{"username":"","userVerification":"preferred"}`)
	// A failed ceremony is 200 here.
	if o := finish(t, c, authenticationCredential, WireFaults{}); o.Kind != Rejected || o.ServerError || o.Message != "wrong" {
		t.Errorf("outcome %v", o)
	}
	if _, err := c.Finish(ctx, json.RawMessage(authenticationCredential), WireFaults{Missing: RoleRawID}); !errors.Is(err, ErrNoRole) {
		t.Errorf("a fault of rawId: %v", err)
	}
	// Without Accept the answer is 406, in no declared body.
	s.Use("options", "Accept:")
	rp.answers["POST /nevisfido/fido2/attestation/options"] = func(q seen) (int, string) {
		if q.Header.Get("Accept") == "" {
			return 406, ""
		}
		return 200, request
	}
	var se *StepError
	if _, err := s.Begin(ctx, Registration, Request{}); !errors.As(err, &se) || se.Outcome.Kind != Rejected || se.Outcome.Status != 406 {
		t.Errorf("without Accept: %v", err)
	}

	other := start(t, "nevis-assertion-path", rp)
	if _, err := other.NewSession(User{Name: "ann"}).Begin(ctx, Authentication, Request{}); err != nil {
		t.Error(err)
	}
	if got := rp.seen[len(rp.seen)-1].Path; got != "/nevisfido/fido2/assertion/options" {
		t.Errorf("path %s", got)
	}
}

func fortanixRP(creation string) *scripted {
	signedIn := func(status int, body string) func(seen) (int, string) {
		return func(q seen) (int, string) {
			if q.Header.Get("Authorization") != "Bearer at-123456" {
				return 401, "text:Unauthorized"
			}
			return status, body
		}
	}
	user := `{"account_role":[],"mfa_devices":[{"name":"touchstone","type":"Fido2"}],"u2f_devices":[],"user_email":"ann@touchstone.example","user_id":"u-1"}`
	return &scripted{answers: map[string]func(seen) (int, string){
		"POST /sys/v1/users": say(201, user),
		"POST /sys/v1/session/auth": func(q seen) (int, string) {
			want := "Basic " + base64.StdEncoding.EncodeToString([]byte("ann@touchstone.example:Touchstone-ann-1!"))
			if q.Header.Get("Authorization") != want {
				return 401, "text:bad password"
			}
			return 200, `{"token_type":"Bearer","expires_in":600,"access_token":"at-123456","entity_id":"u-1",
				"fido2_assertion_options":{"challenge":"AAAAAAAAAAAAAAAAAAAAAA","rpId":"rp.example","allowCredentials":[{"type":"public-key","id":"Y3JlZC0x"}]}}`
		},
		"POST /sys/v1/session/config_2fa/auth":          signedIn(200, `{}`),
		"POST /sys/v1/session/config_2fa/new_challenge": signedIn(200, creation),
		"PATCH /sys/v1/users/u-1":                       signedIn(200, user),
		"GET /sys/v1/users/u-1":                         signedIn(200, user),
		"POST /sys/v1/session/config_2fa/terminate":     signedIn(204, ``),
		"POST /sys/v1/session/auth/2fa/fido2":           signedIn(204, ``),
	}}
}

const fortanixCreation = `{"rp":{"id":"rp.example","name":"DSM"},"user":{"id":"dXNlcg","name":"ann","displayName":"Ann"},
	"challenge":"AAAAAAAAAAAAAAAAAAAAAA","pubKeyCredParams":[{"type":"public-key","alg":-7}],"excludeCredentials":[],"attestation":"direct"}`

func TestFortanix(t *testing.T) {
	rp := fortanixRP(fortanixCreation)
	tg := start(t, "fortanix", rp)
	s := tg.NewSession(tg.NewUser("ann"))
	ctx := background(t)
	if l, err := s.Probe(ctx); err != nil || l != Unknown {
		t.Errorf("probe before sign-up: %v %v", l, err)
	}
	if err := s.Setup(ctx); err != nil {
		t.Fatal(err)
	}
	same(t, "sign-up", rp.seen[0].Body, `{"user_email":"ann@touchstone.example","user_password":"Touchstone-ann-1!"}`)
	c, err := s.Begin(ctx, Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	q := rp.seen[len(rp.seen)-1]
	if q.Query != "protocol=fido2" || q.Body != "" || q.Header.Get("Content-Type") != "" {
		t.Errorf("new_challenge: %+v", q)
	}
	if d := c.Validate(); len(d) != 0 {
		t.Errorf("deviations %v", d)
	}
	if o := finish(t, c, registrationCredential, WireFaults{}); o.Kind != Accepted || o.Step != "result" {
		t.Errorf("outcome %v", o)
	}
	q = rp.seen[len(rp.seen)-2]
	if q.Method != "PATCH" {
		t.Errorf("result by %s", q.Method)
	}
	same(t, "result", q.Body, `{"add_mfa_devices":[{"name":"touchstone","attestationResult":{"id":"Y3JlZC0x","type":"public-key",
		"response":{"clientDataJSON":"e30tX0","attestationObject":"o2NmbXQ","getTransports":["usb"]},"getClientExtensionResults":{}}}]}`)
	if q := rp.seen[len(rp.seen)-1]; !strings.HasSuffix(q.Path, "/terminate") {
		t.Errorf("last call %s", q.Path)
	}
	// A refusal is text, and the configuration is locked again all the same.
	rp.answers["PATCH /sys/v1/users/u-1"] = say(400, "text:Invalid attestation")
	if o := finish(t, c, registrationCredential, WireFaults{Missing: RoleType}); o.Kind != Rejected || o.Message != "Invalid attestation" {
		t.Errorf("outcome %v", o)
	}
	if strings.Contains(rp.seen[len(rp.seen)-2].Body, `"type"`) {
		t.Errorf("type is still in %s", rp.seen[len(rp.seen)-2].Body)
	}
	if q := rp.seen[len(rp.seen)-1]; !strings.HasSuffix(q.Path, "/terminate") {
		t.Errorf("last call %s", q.Path)
	}

	f := s.Fork()
	if l, err := f.Probe(ctx); err != nil || l != LoggedOut {
		t.Errorf("probe of a fork: %v %v", l, err)
	}
	c, err = f.Begin(ctx, Authentication, Request{})
	if err != nil {
		t.Fatal(err)
	}
	if o := finish(t, c, authenticationCredential, WireFaults{}); o.Kind != Accepted || o.Status != 204 {
		t.Errorf("outcome %v", o)
	}
	if l, err := f.Probe(ctx); err != nil || l != LoggedIn {
		t.Errorf("probe after login: %v %v", l, err)
	}

	rp.answers["POST /sys/v1/session/config_2fa/new_challenge"] = say(200, `{"u2f_challenge":"Y2hhbGxlbmdl","u2f_keys":[{"keyHandle":"a2V5","version":"U2F_V2"}]}`)
	rp.answers["PATCH /sys/v1/users/u-1"] = say(200, `{"account_role":[],"mfa_devices":[],"u2f_devices":[],"user_email":"a","user_id":"u-1"}`)
	c, err = s.Begin(ctx, U2FRegistration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "u2f options", string(c.Options), `{"version":"U2F_V2","appId":"https://rp.example","challenge":"Y2hhbGxlbmdl","registeredKeys":[{"keyHandle":"a2V5","version":"U2F_V2"}]}`)
	if d := c.Validate(); len(d) != 0 {
		t.Errorf("deviations %v", d)
	}
	if o := finish(t, c, `{"version":"U2F_V2","registrationData":"BQR-_w","clientData":"e30"}`, WireFaults{}); o.Kind != Accepted {
		t.Errorf("outcome %v", o)
	}
	same(t, "u2f result", rp.seen[len(rp.seen)-2].Body, `{"add_u2f_devices":[{"name":"touchstone","version":"U2F_V2","registrationData":"BQR+/w==","clientData":"e30="}]}`)
}

func TestFortanixWithoutDevice(t *testing.T) {
	rp := fortanixRP(fortanixCreation)
	rp.answers["POST /sys/v1/session/auth"] = say(200, `{"token_type":"Cookie","expires_in":600,"entity_id":"u-1"}`)
	tg := start(t, "fortanix", rp)
	var se *StepError
	_, err := tg.NewSession(tg.NewUser("ann")).Begin(background(t), Authentication, Request{})
	if !errors.As(err, &se) || se.Outcome.Kind != Unclear || se.Outcome.Reason != ReasonIncomplete {
		t.Errorf("error %v", err)
	}
}

func TestFortanixPublished(t *testing.T) {
	rp := fortanixRP(`{"rp":{"name":"DSM","entity":{"id":"rp.example"}},"user":{"name":"ann","entity":{"id":"dXNlcg","displayName":"Ann"}},
	"challenge":"AAAAAAAAAAAAAAAAAAAAAA","pubKeyCredParams":[{"type":"public-key","alg":"Es256"}],"excludeCredentials":[],"attestation":"direct"}`)
	tg := start(t, "fortanix-published", rp)
	s := tg.NewSession(tg.NewUser("ann"))
	if err := s.Setup(background(t)); err != nil {
		t.Fatal(err)
	}
	c, err := s.Begin(background(t), Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "options", string(c.Options), fortanixCreation)
	if d := c.Validate(); len(d) != 0 {
		t.Errorf("deviations %v", d)
	}
	// The vendor's clients would choke on this form, and the plain dialect says where.
	plain := start(t, "fortanix", rp)
	s = plain.NewSession(plain.NewUser("ann"))
	if err := s.Setup(background(t)); err != nil {
		t.Fatal(err)
	}
	if c, err = s.Begin(background(t), Registration, Request{}); err != nil {
		t.Fatal(err)
	}
	if d := c.Validate(); len(d) == 0 || d[0].Pointer != "/pubKeyCredParams/0/alg" {
		t.Errorf("deviations %v", d)
	}
}

const dfnsInit = `{"kind":"Fido2","user":{"id":"us-1","name":"ann","displayName":"Ann"},"challengeIdentifier":"jwt-1","temporaryAuthenticationToken":"jwt-1",
	"rp":{"id":"rp.example","name":"RP"},"challenge":"MmE5YzRmMzMw","pubKeyCredParams":[{"type":"public-key","alg":-7}],"attestation":"direct",
	"excludeCredentials":[],"authenticatorSelection":{"residentKey":"required","requireResidentKey":true,"userVerification":"required"}}`

const dfnsAction = `{"challenge":"YWN0aW9u","challengeIdentifier":"jwt-2","rp":{"id":"rp.example","name":"RP"},"supportedCredentialKinds":[],
	"userVerification":"preferred","attestation":"none","allowCredentials":{"key":[],"webauthn":[{"type":"public-key","id":"Y3JlZC0x"}]},"externalAuthenticationUrl":""}`

func dfnsRP() *scripted {
	return &scripted{answers: map[string]func(seen) (int, string){
		"POST /auth/registration/init": say(200, `{"challenge":"cmVnaXN0ZXI","temporaryAuthenticationToken":"tmp-12345"}`),
		"POST /auth/registration":      say(200, `{"credential":{}}`),
		"POST /auth/login/init":        say(200, dfnsAction),
		"POST /auth/login":             say(200, `{"token":"login-12345"}`),
		"POST /auth/credentials/init":  say(200, dfnsInit),
		"POST /auth/action/init":       say(200, dfnsAction),
		"POST /auth/action":            say(200, `{"userAction":"ua-12345"}`),
		"POST /auth/credentials": say(200, `{"kind":"Fido2","credentialId":"Y3JlZC0x","credentialUuid":"cr-1","dateCreated":"2026-01-01T00:00:00Z","isActive":true,
			"name":"touchstone","publicKey":"","relyingPartyId":"rp.example","origin":"https://rp.example"}`),
		"GET /auth/credentials": func(q seen) (int, string) {
			if q.Header.Get("Authorization") == "" {
				return 401, `{"error":{"message":"Not Authorized."}}`
			}
			return 200, `{"items":[]}`
		},
	}}
}

func TestDfns(t *testing.T) {
	rp := dfnsRP()
	tg := start(t, "dfns", rp)
	ctx := background(t)
	s := tg.NewSession(tg.NewUser("ann"))
	if err := s.Setup(ctx); err != nil {
		t.Fatal(err)
	}
	if got := rp.seen[1].Header.Get("Authorization"); got != "Bearer tmp-12345" {
		t.Errorf("registration with %q", got)
	}
	c, err := s.Begin(ctx, Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "request", rp.seen[4].Body, `{"kind":"Fido2"}`)
	if got := rp.seen[4].Header.Get("Authorization"); got != "Bearer login-12345" {
		t.Errorf("init with %q", got)
	}
	var options struct {
		Challenge string
		User      struct{ ID string }
	}
	if err := json.Unmarshal(c.Options, &options); err != nil {
		t.Fatal(err)
	}
	// The browser SDK takes both texts as UTF-8.
	if decoded(t, options.Challenge) != "MmE5YzRmMzMw" || decoded(t, options.User.ID) != "us-1" {
		t.Errorf("options %s", c.Options)
	}
	if d := c.Validate(); len(d) != 0 {
		t.Errorf("deviations %v", d)
	}
	if o := finish(t, c, registrationCredential, WireFaults{}); o.Kind != Accepted {
		t.Errorf("outcome %v", o)
	}
	q := rp.seen[len(rp.seen)-1]
	same(t, "result", q.Body, `{"challengeIdentifier":"jwt-1","credentialName":"touchstone","credentialKind":"Fido2",
		"credentialInfo":{"credId":"Y3JlZC0x","clientData":"e30tX0","attestationData":"o2NmbXQ"}}`)
	if q.Header.Get("X-Dfns-Useraction") != "ua-12345" {
		t.Errorf("headers %v", q.Header)
	}
	var action struct{ UserActionPayload string }
	if err := json.Unmarshal([]byte(rp.seen[len(rp.seen)-3].Body), &action); err != nil || action.UserActionPayload != q.Body {
		t.Errorf("the user action signs %q, not %q: %v", action.UserActionPayload, q.Body, err)
	}
	// A wire fault is in the signed payload too, so that nothing else is wrong.
	finish(t, c, registrationCredential, WireFaults{Missing: RoleClientDataJSON})
	q = rp.seen[len(rp.seen)-1]
	if err := json.Unmarshal([]byte(rp.seen[len(rp.seen)-3].Body), &action); err != nil || action.UserActionPayload != q.Body || strings.Contains(q.Body, "clientData") {
		t.Errorf("the user action signs %q, not %q: %v", action.UserActionPayload, q.Body, err)
	}

	f := s.Fork()
	if l, _ := f.Probe(ctx); l != LoggedOut {
		t.Errorf("probe of a fork: %v", l)
	}
	c, err = f.Begin(ctx, Authentication, Request{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "options", string(c.Options), `{"challenge":"WVdOMGFXOXU","rpId":"rp.example","userVerification":"preferred","allowCredentials":[{"type":"public-key","id":"Y3JlZC0x"}]}`)
	if o := finish(t, c, authenticationCredential, WireFaults{}); o.Kind != Accepted {
		t.Errorf("outcome %v", o)
	}
	same(t, "result", rp.seen[len(rp.seen)-1].Body, `{"challengeIdentifier":"jwt-2","firstFactor":{"kind":"Fido2","credentialAssertion":{
		"credId":"Y3JlZC0x","clientData":"e30tX0","authenticatorData":"AAAA","signature":"MEUC","userHandle":"dXNlcg"}}}`)
	if l, _ := f.Probe(ctx); l != LoggedIn {
		t.Errorf("probe after login: %v", l)
	}
	if tg.ChallengeEncoding(Registration) != "text" {
		t.Errorf("challenge encoding %q", tg.ChallengeEncoding(Registration))
	}
	// 202 means that something is pending, which the SDK takes for an error.
	rp.answers["POST /auth/login"] = say(202, `{"token":"login-12345"}`)
	if o := finish(t, c, authenticationCredential, WireFaults{}); o.Kind != Unclear {
		t.Errorf("outcome %v", o)
	}
	rp.answers["POST /auth/login"] = say(401, `{"error":{"message":"Not Authorized."}}`)
	if o := finish(t, c, authenticationCredential, WireFaults{}); o.Kind != Rejected || o.Message != "Not Authorized." {
		t.Errorf("outcome %v", o)
	}
	// A refused user action ends the ceremony, and the step is named.
	rp.answers["POST /auth/action"] = say(400, `{"error":{"message":"no"}}`)
	c, err = s.Begin(ctx, Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	if o := finish(t, c, registrationCredential, WireFaults{}); o.Kind != Rejected || o.Step != "action" {
		t.Errorf("outcome %v", o)
	}
}

func TestDfnsVariants(t *testing.T) {
	rp := dfnsRP()
	ctx := background(t)
	tg := start(t, "dfns-decoded", rp)
	c, err := tg.NewSession(User{Name: "ann"}).Begin(ctx, Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(c.Options), `"challenge":"MmE5YzRmMzMw"`) || tg.ChallengeEncoding(Registration) != "decoded" {
		t.Errorf("options %s, %s", c.Options, tg.ChallengeEncoding(Registration))
	}
	rp.answers["POST /auth/credentials/init"] = say(200, strings.Replace(dfnsInit, "pubKeyCredParams", "pubKeyCredParam", 1))
	tg = start(t, "dfns-old-page", rp)
	c, err = tg.NewSession(User{Name: "ann"}).Begin(ctx, Registration, Request{})
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Validate(); len(d) != 0 {
		t.Errorf("deviations %v", d)
	}
	if got := rp.seen[len(rp.seen)-1].Header.Get("X-Dfns-Appid"); got == "" {
		t.Error("no X-DFNS-APPID")
	}
	// With the browser SDK the older name leaves create() without algorithms.
	tg = start(t, "dfns", rp)
	if c, err = tg.NewSession(User{Name: "ann"}).Begin(ctx, Registration, Request{}); err != nil {
		t.Fatal(err)
	}
	if d := c.Validate(); len(d) == 0 {
		t.Error("no deviation")
	}
}
