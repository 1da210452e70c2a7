package rp_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/rp"
)

// endpoints are all that a request can reach, in all dialects.
var endpoints = []string{
	"GET /", "GET /session", "GET /nothing",
	"POST /attestation/options", "POST /attestation/result", "POST /assertion/options", "POST /assertion/result",
	"POST /sys/v1/users", "GET /sys/v1/users/USER", "PATCH /sys/v1/users/USER", "POST /sys/v1/users/generate_recovery_codes", "GET /sys/v1/accounts",
	"POST /sys/v1/session/auth", "POST /sys/v1/session/auth/2fa/fido2", "POST /sys/v1/session/auth/2fa/recovery_code", "POST /sys/v1/session/auth/2fa/u2f",
	"POST /sys/v1/session/select_account", "POST /sys/v1/session/refresh",
	"POST /sys/v1/session/config_2fa/auth", "POST /sys/v1/session/config_2fa/new_challenge", "POST /sys/v1/session/config_2fa/new_challenge?protocol=fido2",
	"POST /sys/v1/approval_requests", "GET /sys/v1/approval_requests/x", "POST /sys/v1/approval_requests/APPROVAL/challenge?protocol=fido2",
	"POST /sys/v1/approval_requests/APPROVAL/approve", "POST /sys/v1/approval_requests/x/deny",
	"POST /auth/registration/init", "POST /auth/registration", "POST /auth/login/init", "POST /auth/login", "POST /auth/action/init", "POST /auth/action",
	"POST /auth/credentials/init", "POST /auth/credentials/code", "POST /auth/credentials/code/init", "POST /auth/credentials/code/verify",
	"PUT /auth/credentials/activate", "PUT /auth/credentials/deactivate", "POST /auth/credentials", "GET /auth/credentials", "DELETE /auth/credentials/x",
	"POST /nevisfido/fido2/attestation/options", "POST /nevisfido/fido2/attestation/result", "POST /nevisfido/fido2/assertion/options",
	"POST /nevisfido/fido2/assertion/result", "POST /nevisfido/fido2/status", "OPTIONS /nevisfido/fido2/attestation/options",
}

// inForm checks that an answer is in the form of its dialect.
func inForm(t *testing.T, path string, status int, contentType string, body []byte) {
	t.Helper()
	if status >= 500 {
		t.Fatalf("%s: status %d: %s", path, status, body)
	}
	if status < 400 {
		return
	}
	text := strings.HasPrefix(path, "/sys/") || path == "/" || path == "/session" || path == "/nothing"
	if text {
		if !strings.HasPrefix(contentType, "text/plain") || len(body) == 0 {
			t.Fatalf("%s: %q %q is not plain text", path, contentType, body)
		}
		return
	}
	var form struct {
		Status       string
		ErrorMessage string
		Error        struct{ Message string }
	}
	if contentType != "application/json" || json.Unmarshal(body, &form) != nil {
		t.Fatalf("%s: %q %q is not JSON", path, contentType, body)
	}
	if strings.HasPrefix(path, "/auth/") {
		if form.Error.Message == "" {
			t.Fatalf("%s: no error.message in %s", path, body)
		}
	} else if form.Status != "failed" || form.ErrorMessage == "" {
		t.Fatalf("%s: no failure in %s", path, body)
	}
}

// No body, header or method makes a server panic, answer 5xx, or leave the form
// of its dialect, whether a session is there or not.
func FuzzEndpoints(f *testing.F) {
	server, err := rp.New(rp.Config{RPID: testRPID, Origins: []string{testOrigin}, MaxBody: 1 << 16,
		LeaveOut: []string{"fortanix.unlock", "dfns.user-action"}})
	if err != nil {
		f.Fatal(err)
	}
	send := func(method, path, body string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		for i := 0; i+1 < len(header); i += 2 {
			if header[i+1] != "" {
				r.Header.Set(header[i], header[i+1])
			}
		}
		rec := httptest.NewRecorder()
		server.ServeHTTP(rec, r)
		return rec
	}
	read := func(rec *httptest.ResponseRecorder, member string) string {
		o := map[string]any{}
		if err := json.Unmarshal(rec.Body.Bytes(), &o); err != nil {
			f.Fatal(err)
		}
		s, _ := o[member].(string)
		if s == "" {
			f.Fatalf("no %s in %s", member, rec.Body)
		}
		return s
	}
	user := read(send("POST", "/sys/v1/users", `{"user_email":"a","user_password":"b"}`), "user_id")
	token := "Bearer " + read(send("POST", "/sys/v1/session/auth", `{"method":"password","email":"a","password":"b"}`), "access_token")
	approval := read(send("POST", "/sys/v1/approval_requests", `{"operation":"x"}`, "Authorization", token), "request_id")
	registration := "Bearer " + read(send("POST", "/auth/registration/init", `{"orgId":"o","username":"a","registrationCode":"c"}`), "temporaryAuthenticationToken")
	cookie := strings.SplitN(send("POST", "/attestation/options", `{"username":"a","displayName":"A"}`).Header().Get("Set-Cookie"), ";", 2)[0]
	send("POST", "/assertion/options", `{}`, "Cookie", cookie)
	nevis := []string{"Accept", "application/json", "Content-Type", "application/json"}
	send("POST", "/nevisfido/fido2/attestation/options", `{"username":"a","displayName":"A"}`, append(nevis, "Cookie", cookie)...)

	bodies := []string{
		``, `{}`, `[]`, `null`, `{"username":"a","displayName":"A"}`, `{"username":"","userVerification":"required"}`, `{"extensions":{"appid":null}}`,
		`{"id":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA","transports":[]}}`,
		`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA","userHandle":"AA"}}`,
		`{"user_email":"x","user_password":"y"}`, `{"method":"password","email":"a","password":"b"}`, `{"recovery_code":"x"}`, `{"password":"b"}`,
		`{"add_mfa_devices":[{"name":"k","attestationResult":{"id":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}}]}`,
		`{"add_u2f_devices":[{"name":"k","version":"U2F_V2","registrationData":"BQQ=","clientData":"e30="}]}`,
		`{"del_mfa_devices":[{"name":"k"}],"rename_mfa_devices":[{"old_name":"a","new_name":"b"}]}`,
		`{"orgId":"o","username":"b","registrationCode":"c"}`,
		`{"firstFactorCredential":{"credentialKind":"Key","credentialInfo":{"credId":"AA","clientData":"e30","attestationData":"e30"}}}`,
		`{"challengeIdentifier":"x","firstFactor":{"kind":"Key","credentialAssertion":{"credId":"AA","clientData":"e30","signature":"AA"}}}`,
		`{"kind":"Key"}`, `{"kind":"Fido2"}`, `{"expiration":1}`, `{"code":"x","credentialKind":"Fido2"}`, `{"credentialUuid":"cr-"}`,
		`{"userActionPayload":"","userActionHttpMethod":"POST","userActionHttpPath":"/"}`, `{"fido2SessionId":"x"}`, "\xff", `{"a":` + strings.Repeat("[", 11000),
	}
	for i := range endpoints {
		for _, b := range bodies {
			f.Add(uint8(i), "", b, uint8(i), "application/json")
		}
	}
	f.Fuzz(func(t *testing.T, endpoint uint8, otherMethod, body string, who uint8, contentType string) {
		method, path, _ := strings.Cut(endpoints[int(endpoint)%len(endpoints)], " ")
		if otherMethod != "" && isToken(otherMethod) {
			method = otherMethod
		}
		path = strings.NewReplacer("USER", user, "APPROVAL", approval).Replace(path)
		header := []string{"Accept", "application/json"}
		switch who % 4 {
		case 0:
			header = append(header, "Authorization", token, "Cookie", cookie)
		case 1:
			header = append(header, "Authorization", registration, "Cookie", cookie)
		case 2:
			header = append(header, "Authorization", "Basic "+contentType)
		}
		if !strings.ContainsAny(contentType, "\r\n\x00") {
			header = append(header, "Content-Type", contentType)
		}
		rec := send(method, path, body, header...)
		path, _, _ = strings.Cut(path, "?")
		inForm(t, path, rec.Code, rec.Header().Get("Content-Type"), rec.Body.Bytes())
	})
}

// isToken tells whether a text can be an HTTP method at all.
func isToken(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}
