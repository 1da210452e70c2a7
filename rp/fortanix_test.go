package rp_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

const password = "correct horse"

// dsm is a signed-up user of the fortanix dialect with a session.
type dsm struct {
	*visitor
	email, id string
}

func (w *world) dsm(email string) *dsm {
	w.Helper()
	v := w.visitor()
	user := v.post("/sys/v1/users", m{"user_email": email, "user_password": password}).want(200)
	d := &dsm{visitor: v, email: email, id: user.text("user_id")}
	d.login().want(200)
	return d
}

// login begins a new session, whose token is then sent with every request.
func (d *dsm) login() *answer {
	d.w.Helper()
	d.header.Del("Authorization")
	basic := base64.StdEncoding.EncodeToString([]byte(d.email + ":" + password))
	a := d.post("/sys/v1/session/auth", nil, "Authorization", "Basic "+basic).want(200)
	d.header.Set("Authorization", "Bearer "+a.text("access_token"))
	return a
}

func (d *dsm) unlock() {
	d.w.Helper()
	d.post("/sys/v1/session/config_2fa/auth", m{"password": password}).want(200)
}

func (d *dsm) patch(body any) *answer {
	d.w.Helper()
	return d.send("PATCH", "/sys/v1/users/"+d.id, body)
}

// attestationResult is the response in the vendor's own form: no rawId, the
// vendor's names for transports and extension results.
func attestationResult(t *testing.T, r m) m {
	t.Helper()
	r = with(t, r, "rawId", nil)
	r = with(t, r, "response.getTransports", r["response"].(m)["transports"])
	r = with(t, r, "response.transports", nil)
	r = with(t, r, "getClientExtensionResults", r["clientExtensionResults"])
	return with(t, r, "clientExtensionResults", nil)
}

func (d *dsm) addDevice(dev *device, name string) m {
	d.w.Helper()
	options := d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(200)
	r := dev.create(options)
	d.patch(m{"add_mfa_devices": []m{{"name": name, "attestationResult": attestationResult(d.w.T, r)}}}).want(200)
	return r
}

func (d *dsm) addU2F(dev *device, name string) {
	d.w.Helper()
	challenge := d.post("/sys/v1/session/config_2fa/new_challenge", nil).want(200).text("u2f_challenge")
	message, clientData, err := dev.a.RegisterU2F(testOrigin, testOrigin, challenge)
	if err != nil {
		d.w.Fatal(err)
	}
	d.patch(m{"add_u2f_devices": []m{u2fAddition(name, message, clientData)}}).want(200)
}

func u2fAddition(name string, message, clientData []byte) m {
	std := base64.StdEncoding
	return m{"name": name, "version": "U2F_V2", "registrationData": std.EncodeToString(message), "clientData": std.EncodeToString(clientData)}
}

func TestFortanixFlow(t *testing.T) {
	w := newWorld(t)
	d := w.dsm("ann@example.com")
	dev := w.device()
	d.unlock()
	options := d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(200)
	options.equal("rp", `{"id":"rp.example","name":"Example"}`, "user.name", `"ann@example.com"`, "user.displayName", `"ann@example.com"`,
		"pubKeyCredParams", `[{"alg":-7,"type":"public-key"}]`, "excludeCredentials", "[]", "attestation", `"direct"`,
		"authenticatorSelection", `{"requireResidentKey":false,"residentKey":"discouraged","userVerification":"discouraged"}`,
		"extensions", `{"example.extension.bool":true}`, "timeout", "300000")
	if strings.Contains(string(options.body), "null") {
		t.Errorf("null in %s", options.body)
	}
	handle, err := base64.RawURLEncoding.Strict().DecodeString(options.text("user.id"))
	if err != nil || fmt.Sprintf("%x", handle) != strings.ReplaceAll(d.id, "-", "") {
		t.Errorf("user.id %q is not the 16 bytes of %s", options.text("user.id"), d.id)
	}
	r := dev.create(options)
	user := d.patch(m{"add_mfa_devices": []m{{"name": "my key", "attestationResult": attestationResult(t, r)}}}).want(200)
	user.equal("mfa_devices", `[{"name":"my key","origin":"https://rp.example","type":"Fido2"}]`, "u2f_devices", "[]",
		"user_email", `"ann@example.com"`, "user_id", fmt.Sprintf("%q", d.id), "account_role.0", `"ACCOUNTADMINISTRATOR"`,
		"groups", "{}", "explicit_groups", "{}")
	d.post("/sys/v1/session/config_2fa/terminate", nil).want(204)
	d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(423)

	// The next login owes the second factor.
	login := d.login()
	login.equal("token_type", `"Bearer"`, "expires_in", "3600", "entity_id", fmt.Sprintf("%q", d.id),
		"fido2_assertion_options.rpId", `"rp.example"`, "fido2_assertion_options.allowCredentials.0.id", fmt.Sprintf("%q", r["id"]),
		"fido2_assertion_options.userVerification", `"discouraged"`, "fido2_assertion_options.extensions", `{"example.extension.bool":true}`)
	if strings.Contains(string(login.body), "null") {
		t.Errorf("null in %s", login.body)
	}
	d.get("/session").equal("authenticated", "false")
	for _, a := range []*answer{
		d.get("/sys/v1/users/" + d.id), d.patch(m{}), d.post("/sys/v1/session/config_2fa/auth", m{"password": password}),
		d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil), d.post("/sys/v1/session/select_account", m{}),
		d.post("/sys/v1/users/generate_recovery_codes", nil), d.post("/sys/v1/session/refresh", nil), d.get("/sys/v1/accounts"),
		d.post("/sys/v1/approval_requests", m{"operation": "x"}),
	} {
		a.want(401).saying("second factor")
	}
	d.post("/sys/v1/session/auth/2fa/u2f", m{}).want(400).saying("deprecated")
	assertion := attestationResult(t, with(t, dev.get(login.at("fido2_assertion_options")), "response.transports", nil))
	done := d.post("/sys/v1/session/auth/2fa/fido2", with(t, assertion, "response.getTransports", nil)).want(204)
	if len(done.body) != 0 {
		t.Errorf("204 with a body %s", done.body)
	}
	d.get("/session").equal("authenticated", "true", "username", `"ann@example.com"`, "dialect", `"fortanix"`)
	d.get("/sys/v1/users/"+d.id).want(200).equal("mfa_devices.0.name", `"my key"`)
	d.post("/sys/v1/session/auth/2fa/fido2", assertion).want(401)

	// The device is excluded from the next registration.
	d.unlock()
	d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(200).
		equal("excludeCredentials.0.id", fmt.Sprintf("%q", r["id"]), "excludeCredentials.0.transports", `["usb"]`)

	account := d.get("/sys/v1/accounts").want(200)
	var id string
	if list := fromJSONList(t, account.body); len(list) == 1 {
		id, _ = list[0]["acct_id"].(string)
	}
	d.post("/sys/v1/session/select_account", m{"acct_id": id}).want(200).equal("cookie", "null")
	d.post("/sys/v1/session/select_account", m{"acct_id": "x"}).want(403)
	d.post("/sys/v1/session/refresh", nil).want(204)
	d.post("/sys/v1/session/terminate", nil).want(204)
	d.get("/sys/v1/users/" + d.id).want(401)
}

func fromJSONList(t *testing.T, b []byte) []m {
	t.Helper()
	o := fromJSON(t, []byte(`{"list":`+string(b)+`}`))
	var out []m
	for _, v := range o["list"].([]any) {
		out = append(out, v.(m))
	}
	return out
}

func TestFortanixRefusedSecondFactor(t *testing.T) {
	w := newWorld(t)
	d, other := w.dsm("bea@example.com"), w.dsm("cid@example.com")
	dev, otherDev := w.device(), w.device()
	d.unlock()
	d.addDevice(dev, "a")
	other.unlock()
	other.addDevice(otherDev, "b")

	for _, fault := range []string{"signature-bit-flip", "client-data-type-create", "ignore-allow-credentials"} {
		login := d.login()
		source := dev
		if fault == "ignore-allow-credentials" {
			source = otherDev
		}
		d.post("/sys/v1/session/auth/2fa/fido2", source.get(login.at("fido2_assertion_options"), fault)).want(401)
		d.get("/session").equal("authenticated", "false")
		d.get("/sys/v1/users/" + d.id).want(401)
	}
	// The options of one session do not complete another.
	login := d.login()
	assertion := dev.get(login.at("fido2_assertion_options"))
	d.login()
	d.post("/sys/v1/session/auth/2fa/fido2", assertion).want(401)
	d.get("/session").equal("authenticated", "false")
}

func TestFortanixPublishedFormAndNulls(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.Fortanix.Form = rp.FormPublished; c.OmitExampleExtension = true })
	d := w.dsm("dan@example.com")
	d.unlock()
	options := d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(200)
	options.equal("rp", `{"entity":{"id":"rp.example"},"name":"Example"}`, "pubKeyCredParams", `[{"alg":"Es256","type":"public-key"}]`,
		"user.name", `"dan@example.com"`, "user.entity.displayName", `"dan@example.com"`, "user.id", "null", "extensions", "null")
	if options.text("user.entity.id") == "" {
		t.Error("no user id")
	}
	w = newWorld(t, func(c *rp.Config) { c.Fortanix.Nulls = true })
	d = w.dsm("dan@example.com")
	d.unlock()
	options = d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(200)
	for _, member := range []string{"timeout"} {
		if v, there := options.json()[member]; !there || v != nil {
			t.Errorf("%s is %v, want null", member, v)
		}
	}
	if !strings.Contains(string(options.body), `"authenticatorAttachment":null`) {
		t.Errorf("no null attachment in %s", options.body)
	}
}

func TestFortanixFormats(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.Fortanix.Formats = []string{"fido-u2f"} })
	d := w.dsm("eli@example.com")
	d.unlock()
	options := d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(200)
	none := w.device(func(c *virtualauth.Config) { c.Formats = []string{virtualauth.FormatNone} })
	d.patch(m{"add_mfa_devices": []m{{"name": "x", "attestationResult": none.create(options)}}}).want(400).saying("fido-u2f")
	d.patch(m{"add_mfa_devices": []m{{"name": "x", "attestationResult": with(t, none.create(options), "response.attestationObject", "AA")}}}).want(400)
}

func TestFortanixStatuses(t *testing.T) {
	w := newWorld(t)
	d := w.dsm("fay@example.com")
	plain := w.visitor()
	const challenge = "/sys/v1/session/config_2fa/new_challenge"
	for _, a := range []*answer{
		plain.post(challenge, nil).want(401),
		plain.post(challenge, nil, "Authorization", "Basic YXBwOnNlY3JldA==").want(401),
		plain.post(challenge, nil, "Authorization", "Bearer nonsense").want(401),
		d.post(challenge+"?protocol=fido2", nil).want(423),
		d.post(challenge, nil).want(423),
		d.post(challenge+"?protocol=fido3", nil).want(400),
		d.post(challenge+"?protocol=fido2&protocol=u2f", nil).want(400),
		d.post(challenge+"?protocol=", nil).want(400),
		d.patch(m{"del_mfa_devices": []m{{"name": "x"}}}).want(423),
		d.post("/sys/v1/users/generate_recovery_codes", nil).want(423),
		d.get("/sys/v1/users/0-0-0").want(403),
		d.send("PATCH", "/sys/v1/users/0-0-0", m{}).want(403),
		d.post("/sys/v1/session/config_2fa/auth", m{"password": "no"}).want(401),
		d.post("/sys/v1/session/config_2fa/auth", m{}).want(400).saying("password is missing"),
		d.post("/sys/v1/session/config_2fa/auth", `[`).want(400),
		d.send("DELETE", "/sys/v1/users/"+d.id, nil).want(405),
		plain.post("/sys/v1/users", m{"user_email": "fay@example.com", "user_password": "x"}).want(409),
		plain.post("/sys/v1/users", m{"user_email": "fay", "user_password": 5}).want(400).saying("user_password: want a string, got a number"),
		plain.post("/sys/v1/users", m{"user_email": "a:b", "user_password": "x"}).want(400),
		plain.post("/sys/v1/users", nil).want(400),
		plain.post("/sys/v1/session/auth", nil).want(401),
		plain.post("/sys/v1/session/auth", nil, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("fay@example.com:no"))).want(401),
		plain.post("/sys/v1/session/auth", m{"method": "saml-response"}).want(400),
		plain.post("/sys/v1/session/auth", m{"method": "password", "email": "fay@example.com", "password": "no"}).want(401),
		plain.post("/sys/v1/session/auth", m{"method": "password", "email": "nobody", "password": "no"}).want(401),
	} {
		if ct := a.header.Get("Content-Type"); ct != "text/plain; charset=utf-8" {
			t.Errorf("Content-Type %q of %s", ct, a.body)
		}
		if len(a.body) == 0 || a.body[0] == '{' {
			t.Errorf("body %q is not text", a.body)
		}
	}
	plain.post("/sys/v1/session/auth", m{"method": "password", "email": "fay@example.com", "password": password}).want(200)
	plain.post("/sys/v1/session/auth", m{"method": "password", "email": "fay@example.com", "password": password, "recaptcha_response": nil}).want(200)
	w.server.ServeHTTP(discard{}, badRequest(challenge))
}

func TestFortanixUnlockEnds(t *testing.T) {
	w := newWorld(t)
	d := w.dsm("gus@example.com")
	d.unlock()
	w.clock.advance(9 * time.Minute)
	d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(200)
	w.clock.advance(time.Minute)
	d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(423)
	w.clock.advance(2 * time.Hour)
	d.get("/sys/v1/users/" + d.id).want(401)
}

func TestFortanixDevices(t *testing.T) {
	w := newWorld(t)
	d := w.dsm("hal@example.com")
	d.unlock()
	dev := w.device()
	d.addDevice(dev, "one")
	second := w.device()
	options := d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(200)
	r := attestationResult(t, second.create(options))
	add := func(names ...string) m {
		var list []m
		for _, n := range names {
			list = append(list, m{"name": n, "attestationResult": r})
		}
		return m{"add_mfa_devices": list}
	}
	d.patch(add("two", "three")).want(400).saying("only one device")
	for _, name := range []string{"", "  ", "a\nb", strings.Repeat("x", 4097)} {
		d.patch(add(name)).want(400).saying("add_mfa_devices[0].name")
	}
	d.patch(m{"add_mfa_devices": m{}}).want(400).saying("add_mfa_devices: want an array")
	d.patch(m{"add_mfa_devices": []any{"x"}}).want(400).saying("add_mfa_devices[0]: want an object")
	d.patch(m{"add_mfa_devices": []m{{"name": "x"}}}).want(400).saying("add_mfa_devices[0].attestationResult is missing")
	d.patch(m{"first_name": 4}).want(400).saying("first_name: want a string")
	d.patch(m{"rename_mfa_devices": []m{{"old_name": "nine", "new_name": "ten"}}}).want(404)
	d.patch(m{"del_mfa_devices": []m{{"name": "nine"}}}).want(404)
	d.patch(m{"del_u2f_devices": []m{{"name": "one"}}}).want(404)
	// A patch that is refused at its end changes nothing at its beginning.
	bad := add("two")
	bad["del_mfa_devices"] = []m{{"name": "one"}}
	bad["add_mfa_devices"].([]m)[0]["attestationResult"] = with(t, r, "id", "AAAA")
	d.patch(bad).want(400)
	d.get("/sys/v1/users/"+d.id).equal("mfa_devices.0.name", `"one"`)

	r = attestationResult(t, second.create(d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(200)))
	d.patch(add("two")).want(200).equal("mfa_devices.1.name", `"two"`)
	// Names need not be unique: the oldest is meant.
	d.patch(m{"rename_mfa_devices": []m{{"old_name": "two", "new_name": "one"}}}).want(200).equal("mfa_devices.1.name", `"one"`)
	d.patch(m{"rename_mfa_devices": []m{{"old_name": "one", "new_name": "eins"}}}).want(200).equal("mfa_devices.0.name", `"eins"`)
	d.patch(m{"rename_mfa_devices": []m{{"old_name": "one", "new_name": "two"}, {"old_name": "eins", "new_name": "one"}}}).want(200)
	d.patch(m{"rename_mfa_devices": []m{{"old_name": "two", "new_name": "zwei"}}, "first_name": "Hal", "description": "d"}).want(200).
		equal("mfa_devices.1.name", `"zwei"`, "first_name", `"Hal"`, "description", `"d"`)
	d.patch(m{"del_mfa_devices": []m{{"name": "one"}}}).want(200).equal("mfa_devices.0.name", `"zwei"`, "mfa_devices.1", "null")
	if allow := d.login().at("fido2_assertion_options.allowCredentials").([]any); len(allow) != 1 {
		t.Errorf("allowCredentials %v after a device was deleted", allow)
	}
}

func TestFortanixStandardBase64AndNullsIn(t *testing.T) {
	w := newWorld(t)
	d := w.dsm("ivy@example.com")
	d.unlock()
	dev := w.device()
	options := d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(200)
	r := attestationResult(t, dev.create(options))
	for _, path := range []string{"id", "response.clientDataJSON", "response.attestationObject"} {
		raw, err := base64.RawURLEncoding.DecodeString(at(t, r, path).(string))
		if err != nil {
			t.Fatal(err)
		}
		r = with(t, r, path, base64.StdEncoding.EncodeToString(raw))
	}
	r = with(t, r, "response.getTransports", explicitNull)
	r = with(t, r, "get_client_extension_results", r["getClientExtensionResults"])
	r = with(t, r, "getClientExtensionResults", explicitNull)
	d.patch(m{"add_mfa_devices": []m{{"name": "std", "attestationResult": r}}}).want(200)
	assertion := dev.get(d.login().at("fido2_assertion_options"))
	d.post("/sys/v1/session/auth/2fa/fido2", with(t, assertion, "response.userHandle", explicitNull)).want(204)
}

func TestFortanixU2F(t *testing.T) {
	w := newWorld(t)
	d := w.dsm("jon@example.com")
	d.unlock()
	// Without a protocol, and with it: the old protocol is the default.
	for _, query := range []string{"", "?protocol=u2f"} {
		d.post("/sys/v1/session/config_2fa/new_challenge"+query, nil).want(200).equal("u2f_keys", "[]", "rp", "null")
	}
	u2f := w.device(func(c *virtualauth.Config) {
		c.Protocol, c.ResidentKeys, c.UserVerification = virtualauth.U2F, false, false
	})
	d.addU2F(u2f, "old key")
	d.get("/sys/v1/users/"+d.id).want(200).equal("mfa_devices.0", `{"name":"old key","origin":"https://rp.example","type":"U2f"}`, "u2f_devices.0.name", `"old key"`)
	keys := d.post("/sys/v1/session/config_2fa/new_challenge?protocol=u2f", nil).want(200)
	keys.equal("u2f_keys.0.version", `"U2F_V2"`)
	handle := keys.text("u2f_keys.0.keyHandle")

	// A registration now excludes the U2F key, under its AppID.
	options := d.post("/sys/v1/session/config_2fa/new_challenge?protocol=fido2", nil).want(200)
	options.equal("excludeCredentials.0.id", fmt.Sprintf("%q", handle),
		"extensions", `{"appidExclude":"https://rp.example","example.extension.bool":true}`)
	// A login allows it, under its AppID.
	login := d.login()
	login.equal("fido2_assertion_options.allowCredentials.0.id", fmt.Sprintf("%q", handle),
		"fido2_assertion_options.extensions.appid", `"https://rp.example"`)
	assertion := u2f.get(login.at("fido2_assertion_options"))
	if got := at(t, assertion, "clientExtensionResults.appid"); got != true {
		t.Fatalf("appid output %v", got)
	}
	d.post("/sys/v1/session/auth/2fa/fido2", assertion).want(204)
	d.unlock()
	d.patch(m{"rename_u2f_devices": []m{{"old_name": "old key", "new_name": "older"}}}).want(200)
	d.patch(m{"del_u2f_devices": []m{{"name": "older"}}}).want(200).equal("mfa_devices", "[]")
	if options := d.login().at("fido2_assertion_options"); options != nil {
		t.Errorf("options %v without a device", options)
	}
}

func TestFortanixU2FRefused(t *testing.T) {
	w := newWorld(t)
	d := w.dsm("kay@example.com")
	d.unlock()
	dev := w.device()
	fresh := func() (string, []byte, []byte) {
		challenge := d.post("/sys/v1/session/config_2fa/new_challenge", nil).want(200).text("u2f_challenge")
		message, clientData, err := dev.a.RegisterU2F(testOrigin, testOrigin, challenge)
		if err != nil {
			t.Fatal(err)
		}
		return challenge, message, clientData
	}
	for name, c := range map[string]struct {
		edit func(message, clientData []byte) ([]byte, []byte)
		says string
	}{
		"trailing":    {func(a, b []byte) ([]byte, []byte) { return append(a, 0), b }, "signature"},
		"first byte":  {func(a, b []byte) ([]byte, []byte) { a[0] = 4; return a, b }, "0x04"},
		"point":       {func(a, b []byte) ([]byte, []byte) { a[1] = 2; return a, b }, "point"},
		"key handle":  {func(a, b []byte) ([]byte, []byte) { a[70] ^= 1; return a, b }, "verify"},
		"signature":   {func(a, b []byte) ([]byte, []byte) { a[len(a)-1] ^= 1; return a, b }, "verify"},
		"short":       {func(a, b []byte) ([]byte, []byte) { return a[:40], b }, "too short"},
		"cut":         {func(a, b []byte) ([]byte, []byte) { return a[:140], b }, "certificate"},
		"client data": {func(a, b []byte) ([]byte, []byte) { return a, append(b, ' ') }, "verify"},
		"typ": {func(a, b []byte) ([]byte, []byte) {
			return a, []byte(strings.Replace(string(b), "finishEnrollment", "getAssertion", 1))
		}, "typ"},
		"origin": {func(a, b []byte) ([]byte, []byte) {
			return a, []byte(strings.Replace(string(b), "rp.example", "evil.example", 1))
		}, "origin"},
		"not JSON": {func(a, b []byte) ([]byte, []byte) { return a, []byte("x") }, "client data"},
	} {
		_, message, clientData := fresh()
		message, clientData = c.edit(slices.Clone(message), slices.Clone(clientData))
		a := d.patch(m{"add_u2f_devices": []m{u2fAddition("x", message, clientData)}})
		if a.status != 400 || !strings.Contains(string(a.body), c.says) {
			t.Errorf("%s: %d %s, want 400 saying %q", name, a.status, a.body, c.says)
		}
	}
	// A challenge serves once, in its session, for a while.
	_, message, clientData := fresh()
	addition := m{"add_u2f_devices": []m{u2fAddition("x", message, clientData)}}
	d.patch(with(t, addition, "add_mfa_devices", []m{{"name": "y", "attestationResult": m{}}})).want(400)
	other := w.dsm("lee@example.com")
	other.unlock()
	other.post("/sys/v1/session/config_2fa/new_challenge", nil).want(200)
	other.patch(addition).want(400).saying("challenge")
	d.patch(addition).want(200)
	d.patch(m{"add_u2f_devices": []m{u2fAddition("z", message, clientData)}}).want(400).saying("no U2F challenge is pending")
	_, message, clientData = fresh()
	w.clock.advance(6 * time.Minute)
	d.patch(m{"add_u2f_devices": []m{u2fAddition("w", message, clientData)}}).want(400).saying("expired")
	d.patch(m{"add_u2f_devices": []m{{"name": "x", "version": "U2F_V1"}}}).want(400).saying("U2F_V2")
	d.patch(m{"add_u2f_devices": []m{{"name": "x"}}}).want(400).saying("version is missing")
}

func TestFortanixLeaveOut(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) {
		c.LeaveOut = []string{"fortanix.second-factor", "fortanix.unlock", "fortanix.recovery-code-once", "u2f.signature", "u2f.challenge", "u2f.origin"}
	})
	d := w.dsm("mia@example.com")
	d.post("/sys/v1/session/config_2fa/new_challenge", nil).want(200)
	message, clientData, err := w.device().a.RegisterU2F(testOrigin, "https://evil.example", "another challenge")
	if err != nil {
		t.Fatal(err)
	}
	message[70] ^= 1
	d.patch(m{"add_u2f_devices": []m{u2fAddition("x", message, clientData)}}).want(200)
	if d.login().at("fido2_assertion_options") == nil {
		t.Error("no options")
	}
	d.get("/session").equal("authenticated", "true")

	w = newWorld(t, func(c *rp.Config) { c.LeaveOut = []string{"fortanix.recovery-code-once"} })
	d = w.dsm("mia@example.com")
	d.unlock()
	d.addDevice(w.device(), "a")
	codes := d.post("/sys/v1/users/generate_recovery_codes", nil).want(200)
	for range 2 {
		d.login()
		d.post("/sys/v1/session/auth/2fa/recovery_code", m{"recovery_code": codes.at("recovery_codes.0")}).want(204)
	}
}

func TestFortanixRecoveryCodes(t *testing.T) {
	w := newWorld(t)
	d := w.dsm("ned@example.com")
	d.unlock()
	d.addDevice(w.device(), "a")
	codes := d.post("/sys/v1/users/generate_recovery_codes", nil).want(200).at("recovery_codes").([]any)
	if len(codes) != 10 {
		t.Fatalf("%d codes", len(codes))
	}
	d.post("/sys/v1/session/auth/2fa/recovery_code", m{"recovery_code": codes[0]}).want(400)
	d.login()
	d.post("/sys/v1/session/auth/2fa/recovery_code", m{"recovery_code": "no"}).want(401)
	d.post("/sys/v1/session/auth/2fa/recovery_code", m{}).want(400)
	d.get("/session").equal("authenticated", "false")
	d.post("/sys/v1/session/auth/2fa/recovery_code", m{"recovery_code": codes[0]}).want(204)
	d.get("/session").equal("authenticated", "true")
	d.login()
	d.post("/sys/v1/session/auth/2fa/recovery_code", m{"recovery_code": codes[0]}).want(401)
	d.post("/sys/v1/session/auth/2fa/recovery_code", m{"recovery_code": codes[1]}).want(204)
}

func TestFortanixApprovals(t *testing.T) {
	w := newWorld(t)
	d, other := w.dsm("oda@example.com"), w.dsm("pia@example.com")
	dev := w.device()
	path := func(a *answer, rest string) string {
		return "/sys/v1/approval_requests/" + url.PathEscape(a.text("request_id")) + rest
	}
	// Without a device the password approves.
	a := d.post("/sys/v1/approval_requests", m{"operation": "/crypto/v1/keys", "body": m{"a": 1}}).want(200)
	a.equal("status", `"PENDING"`, "method", `"POST"`, "requester.user", fmt.Sprintf("%q", d.id), "body", `{"a":1}`)
	d.post(path(a, "/challenge?protocol=fido2"), nil).want(400)
	d.post(path(a, "/approve"), m{}).want(400).saying("password is missing")
	d.post(path(a, "/approve"), m{"password": "no"}).want(401)
	other.get(path(a, "")).want(404)
	d.post(path(a, "/approve"), m{"password": password}).want(200).equal("status", `"APPROVED"`)
	d.post(path(a, "/approve"), m{"password": password}).want(409)

	d.unlock()
	d.addDevice(dev, "a")
	a = d.post("/sys/v1/approval_requests", m{"operation": "x", "description": "d"}).want(200)
	a.equal("reviewers.0.requires_2fa", "true")
	d.post(path(a, "/challenge?protocol=fido2"), nil).want(409).saying("unlocked")
	d.post("/sys/v1/session/config_2fa/terminate", nil).want(204)
	d.post(path(a, "/challenge"), nil).want(400).saying("deprecated")
	options := d.post(path(a, "/challenge?protocol=fido2"), nil).want(200).equal("rpId", `"rp.example"`)
	assertion := dev.get(options)
	b := d.post("/sys/v1/approval_requests", m{"operation": "y"}).want(200)
	d.post(path(b, "/approve"), m{"fido2_auth_request": assertion}).want(401)
	d.post(path(a, "/approve"), m{"password": password}).want(400).saying("fido2_auth_request is missing")
	d.post(path(a, "/approve"), m{"u2f": m{}}).want(400)
	d.post(path(a, "/approve"), m{"fido2_auth_request": assertion, "password": password}).want(200).equal("status", `"APPROVED"`)
	d.get(path(a, "")).want(200).equal("approvers.0.user", fmt.Sprintf("%q", d.id))
	d.post(path(b, "/deny"), m{"reason": "no"}).want(200).equal("status", `"DENIED"`, "denial_reason", `"no"`)
	d.get("/sys/v1/approval_requests/none").want(404)
}
