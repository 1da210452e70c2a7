package rp_test

import (
	"fmt"
	"testing"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

const nevisRoot = "/nevisfido/fido2"

func (w *world) nevis() *visitor {
	return w.visitor("Accept", "application/json", "Content-Type", "application/json")
}

// nevisResponse is the response as nevisFIDO documents it: no rawId, and two
// members of its own.
func nevisResponse(t *testing.T, r m) m {
	t.Helper()
	r = with(t, with(t, r, "rawId", nil), "userAgent", "test")
	return with(t, r, "userFriendlyName", "my key")
}

func nevisRegister(v *visitor, d *device, name string) m {
	v.w.Helper()
	a := v.post(nevisRoot+"/attestation/options", m{"username": name, "displayName": name, "authenticatorSelection": m{"residentKey": "required"}}).want(200)
	r := d.create(a)
	v.post(nevisRoot+"/attestation/result", nevisResponse(v.w.T, r)).want(200).
		equal("status", `"ok"`, "errorMessage", `""`, "fido2SessionId", fmt.Sprintf("%q", a.text("fido2SessionId")))
	return r
}

func (v *visitor) nevisStatus(id, want string) *answer {
	v.w.Helper()
	return v.post(nevisRoot+"/status", m{"fido2SessionId": id}).want(200).equal("status", fmt.Sprintf("%q", want))
}

func TestNevisRegistrationAndAuthentication(t *testing.T) {
	w := newWorld(t)
	for i, path := range []string{nevisRoot + "/attestation/options", nevisRoot + "/assertion/options"} {
		name := fmt.Sprintf("jeff%d", i)
		v, d := w.nevis(), w.device()
		a := v.post(nevisRoot+"/attestation/options", m{"username": name, "displayName": "Jeff", "attestation": "direct"}).want(200)
		a.equal("status", `"ok"`, "errorMessage", `""`, "rp.id", `"rp.example"`, "pubKeyCredParams", `[{"alg":-7,"type":"public-key"},{"alg":-8,"type":"public-key"}]`,
			"attestation", `"direct"`, "excludeCredentials", "[]", "timeout", "300000", "rpId", "null")
		v.nevisStatus(a.text("fido2SessionId"), "initialized").equal("userId", "null", "timestamp", `"2026-11-23T09:00:00.000Z"`)
		v.post(nevisRoot+"/attestation/result", nevisResponse(t, d.create(a))).want(200).equal("status", `"ok"`)
		v.nevisStatus(a.text("fido2SessionId"), "succeeded").equal("userId", fmt.Sprintf("%q", name))
		v.get("/session").equal("authenticated", "false")

		r := v.post(path, m{"username": name, "userVerification": "required"}).want(200)
		r.equal("status", `"ok"`, "rpId", `"rp.example"`, "userVerification", `"required"`, "pubKeyCredParams", "null", "allowCredentials.0.transports", `["usb"]`)
		if r.text("fido2SessionId") == a.text("fido2SessionId") {
			t.Error("one identifier for two ceremonies")
		}
		assertion := nevisResponse(t, d.get(r))
		v.post(nevisRoot+"/assertion/result", assertion).want(200).equal("status", `"ok"`, "fido2SessionId", fmt.Sprintf("%q", r.text("fido2SessionId")))
		v.get("/session").equal("authenticated", "true", "dialect", `"nevis"`)
		// A refused replay leaves the outcome of the ceremony, but nobody logged in.
		v.post(nevisRoot+"/assertion/result", assertion).want(200).equal("status", `"failed"`)
		v.nevisStatus(r.text("fido2SessionId"), "succeeded")
		v.get("/session").equal("authenticated", "false")
		v.post(nevisRoot+"/attestation/options", m{"username": name, "displayName": "Jeff"}).want(200).equal("excludeCredentials.0.transports", `["usb"]`)
	}
	v := w.nevis()
	v.nevisStatus("nothing", "unknown")
	v.post(nevisRoot+"/status", m{"sessionId": "nothing"}).want(200).equal("status", `"unknown"`)
}

func TestNevisUsernameless(t *testing.T) {
	w := newWorld(t)
	v, d := w.nevis(), w.device()
	nevisRegister(v, d, "kim")
	a := v.post(nevisRoot+"/attestation/options", m{"username": "", "userVerification": "preferred"}).want(200).equal("allowCredentials", "[]")
	v.post(nevisRoot+"/assertion/result", with(t, nevisResponse(t, d.get(a)), "response.userHandle", nil)).want(200).equal("status", `"failed"`)
	v.nevisStatus(a.text("fido2SessionId"), "failed")
	v.get("/session").equal("authenticated", "false")
	a = v.post(nevisRoot+"/attestation/options", m{"username": "", "userVerification": "preferred"}).want(200)
	v.post(nevisRoot+"/assertion/result", nevisResponse(t, d.get(a))).want(200).equal("status", `"ok"`)
	v.get("/session").equal("username", `"kim"`)
}

func TestNevisKindOfCeremony(t *testing.T) {
	w := newWorld(t)
	v := w.nevis()
	for _, c := range []struct {
		body m
		want string // "registration", "authentication" or a message
	}{
		{m{"username": "a", "displayName": "A"}, "registration"},
		{m{"username": "a", "displayName": "A", "userVerification": "required"}, "registration"},
		{m{"username": "a", "attestation": "none"}, "displayName is missing"},
		{m{"username": "a", "authenticatorSelection": m{}}, "displayName is missing"},
		{m{"displayName": "A"}, "username is missing"},
		{m{"username": "a"}, "authentication"},
		{m{"username": "a", "extensions": m{}}, "authentication"},
		{m{"username": "a", "userVerification": "required"}, "authentication"},
		{m{}, "username is missing"},
		{m{"username": 1}, "username: want a string, got a number"},
		{m{"username": "a", "userVerification": "x"}, "userVerification"},
	} {
		a := v.post(nevisRoot+"/attestation/options", c.body).want(200)
		switch c.want {
		case "registration":
			a.equal("status", `"ok"`, "rpId", "null")
			if a.at("pubKeyCredParams") == nil {
				t.Errorf("%v: no registration: %s", c.body, a.body)
			}
		case "authentication":
			a.equal("status", `"ok"`, "pubKeyCredParams", "null", "rpId", `"rp.example"`)
		default:
			a.equal("status", `"failed"`).saying(c.want)
		}
	}
}

func TestNevisHeaders(t *testing.T) {
	w := newWorld(t)
	v := w.visitor()
	const path = nevisRoot + "/assertion/options"
	body := m{"username": ""}
	type header = []string
	for _, c := range []struct {
		status int
		header header
	}{
		{406, nil},
		{406, header{"Content-Type", "application/json"}},
		{406, header{"Content-Type", "application/json", "Accept", "text/html"}},
		{406, header{"Content-Type", "application/json", "Accept", "application/json;q=0"}},
		{415, header{"Accept", "application/json"}},
		{415, header{"Accept", "application/json", "Content-Type", "text/plain"}},
		{415, header{"Accept", "application/json", "Content-Type", ";"}},
		{200, header{"Accept", "application/json", "Content-Type", "application/json"}},
		{200, header{"Accept", "text/html, application/json;q=0.9", "Content-Type", "application/json;charset=UTF-8"}},
	} {
		a := v.post(path, body, c.header...).want(c.status)
		want := `"failed"`
		if c.status == 200 {
			want = `"ok"`
		}
		a.equal("status", want)
		if ct := a.header.Get("Content-Type"); ct != "application/json" {
			t.Errorf("Content-Type %q", ct)
		}
	}
	v.get(path).want(405)
	a := v.send("OPTIONS", path, nil).want(204)
	if a.header.Get("Allow") != "OPTIONS, POST" || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight %v", a.header)
	}
	a = v.send("OPTIONS", path, nil, "Origin", testOrigin).want(204)
	if a.header.Get("Access-Control-Allow-Origin") != testOrigin {
		t.Errorf("preflight %v", a.header)
	}
	v.send("OPTIONS", path, nil, "Origin", "https://evil.example").want(204)
	v.send("OPTIONS", nevisRoot+"/status", nil).want(405)
	n := w.nevis()
	n.post(nevisRoot+"/status", `{`).want(400)
	n.post(nevisRoot+"/status", `{}`).want(400).saying("fido2SessionId is missing")
	n.post(nevisRoot+"/status", `{"fido2SessionId":5}`).want(400)
	n.post(nevisRoot+"/status", `{"sessionId":5}`).want(400)
}

func TestNevisFailures(t *testing.T) {
	for _, status := range []int{0, 400, 403} {
		w := newWorld(t, func(c *rp.Config) { c.Nevis.FailureStatus = status })
		want := status
		if status == 0 {
			want = 200
		}
		v, d := w.nevis(), w.device()
		nevisRegister(v, d, "lea")
		a := v.post(nevisRoot+"/attestation/options", m{"username": "lea", "displayName": "L"}).want(200)
		bad := nevisResponse(t, w.device().create(a, "client-data-type-get"))
		failed := v.post(nevisRoot+"/attestation/result", bad).want(want).equal("status", `"failed"`, "fido2SessionId", fmt.Sprintf("%q", a.text("fido2SessionId")))
		if failed.text("errorMessage") == "" {
			t.Error("no errorMessage")
		}
		v.nevisStatus(a.text("fido2SessionId"), "failed")
		for _, c := range []struct{ path, body string }{
			{"/attestation/options", `[`}, {"/attestation/options", `{"username":"x","displayName":1}`},
			{"/attestation/result", `{}`}, {"/attestation/result", `{"userFriendlyName":1}`}, {"/attestation/result", ``},
			{"/assertion/options", `{}`}, {"/assertion/result", `{"userAgent":1}`}, {"/assertion/result", `7`},
		} {
			v.post(nevisRoot+c.path, c.body).want(want).equal("status", `"failed"`)
		}
		for _, fault := range []string{"signature-bit-flip", "origin-subdomain"} {
			a := v.post(nevisRoot+"/attestation/options", m{"username": "lea", "userVerification": "required"}).want(200)
			v.post(nevisRoot+"/assertion/result", nevisResponse(t, d.get(a, fault))).want(want).equal("status", `"failed"`)
			v.get("/session").equal("authenticated", "false")
		}
		// Another browser cannot finish this one's ceremony.
		a = v.post(nevisRoot+"/attestation/options", m{"username": "lea", "userVerification": "required"}).want(200)
		assertion := nevisResponse(t, d.get(a))
		w.nevis().post(nevisRoot+"/assertion/result", assertion).want(want).equal("status", `"failed"`, "fido2SessionId", `""`)
		v.post(nevisRoot+"/assertion/result", assertion).want(200).equal("status", `"ok"`)
	}
}

func TestNevisExtensions(t *testing.T) {
	w := newWorld(t)
	v := w.nevis()
	registration := m{"username": "mo", "displayName": "Mo", "extensions": m{
		"appid": testOrigin, "appidExclude": testOrigin, "uvm": true, "credProps": true, "credentialProtectionPolicy": "userVerificationRequired",
		"enforceCredentialProtectionPolicy": true, "hmacCreateSecret": true, "hmacGetSecret": m{"salt1": "AAAA"}, "example.extension.bool": true}}
	v.post(nevisRoot+"/attestation/options", registration).want(200).equal("extensions",
		`{"appidExclude":"https://rp.example","credProps":true,"credentialProtectionPolicy":"userVerificationRequired","enforceCredentialProtectionPolicy":true,"hmacCreateSecret":true,"uvm":true}`)
	authentication := m{"username": "mo", "extensions": m{"appid": testOrigin, "uvm": true, "credProps": true, "hmacGetSecret": m{"salt1": "AAAA", "salt2": "AA=="}}}
	v.post(nevisRoot+"/attestation/options", authentication).want(200).equal("extensions",
		`{"appid":"https://rp.example","hmacGetSecret":{"salt1":"AAAA","salt2":"AA=="},"uvm":true}`)
	for _, c := range []struct {
		registration bool
		extensions   any
	}{
		{true, m{"appidExclude": "https://evil.example"}}, {true, m{"credProps": "true"}}, {true, m{"credentialProtectionPolicy": "x"}}, {true, 5},
		{false, m{"appid": "https://evil.example"}}, {false, m{"hmacGetSecret": "x"}}, {false, m{"hmacGetSecret": m{}}}, {false, m{"hmacGetSecret": m{"salt1": "!"}}},
		{false, m{"hmacGetSecret": m{"salt1": "AAAA", "salt2": 1}}},
	} {
		body := m{"username": "mo", "extensions": c.extensions}
		if c.registration {
			body["displayName"] = "Mo"
		}
		v.post(nevisRoot+"/attestation/options", body).want(200).equal("status", `"failed"`)
	}
}

func TestNevisAlgorithms(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.Nevis.Algorithms = []int64{-8, -35} })
	v := w.nevis()
	for _, alg := range []int64{-8, -35, -7} {
		d := w.device(func(c *virtualauth.Config) { c.Algorithms = []int64{alg} })
		name := fmt.Sprint(alg)
		if alg == -7 {
			a := v.post(nevisRoot+"/attestation/options", m{"username": name, "displayName": name}).want(200)
			v.post(nevisRoot+"/attestation/result", nevisResponse(t, d.create(a, "ignore-pub-key-cred-params"))).want(200).equal("status", `"failed"`)
			continue
		}
		nevisRegister(v, d, name)
	}
	// The extension results go by either name.
	d := w.device()
	a := v.post(nevisRoot+"/attestation/options", m{"username": "n", "displayName": "N"}).want(200)
	r := with(t, with(t, d.create(a), "getClientExtensionResults", m{"uvm": []any{[]any{2, 4, 2}}}), "clientExtensionResults", nil)
	v.post(nevisRoot+"/attestation/result", nevisResponse(t, r)).want(200).equal("status", `"ok"`)
}
