package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/rp"
)

// wireForm puts the reference RP behind a wire form that no dialect has.
type wireForm struct {
	registrationOptions, registrationResult     string // patterns of http.ServeMux
	authenticationOptions, authenticationResult string
	// user tells who is meant; empty is nobody.
	user func(req *http.Request, body map[string]any) string
	// wrap is what the answer with the options is.
	wrap func(options map[string]any) any
	// credential finds it in the result's body.
	credential func(body map[string]any) map[string]any
	// good and bad answer a result.
	good func(w http.ResponseWriter)
	bad  func(w http.ResponseWriter, message string)
}

func tell(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the test sees what is missing
}

func itself(body map[string]any) map[string]any { return body }

func below(name string) func(map[string]any) map[string]any {
	return func(body map[string]any) map[string]any {
		m, _ := body[name].(map[string]any)
		return m
	}
}

// theOne is the user of an RP that has one.
func theOne(*http.Request, map[string]any) string { return "the-one" }

// inSession is a user for each browser, by the cookie of the RP's own session.
func inSession(req *http.Request, _ map[string]any) string {
	if c, err := req.Cookie("who"); err == nil {
		return c.Value
	}
	return "nobody"
}

func inPath(req *http.Request, _ map[string]any) string { return req.PathValue("name") }

func inBody(_ *http.Request, body map[string]any) string {
	name, _ := body["username"].(string)
	return name
}

var wireForms = map[string]wireForm{
	// webauthn.io.
	"IO": {
		"POST /registration/options", "POST /registration/verification", "POST /authentication/options", "POST /authentication/verification",
		inBody, func(o map[string]any) any { return o }, below("response"),
		func(w http.ResponseWriter) { tell(w, 200, map[string]any{"verified": true}) },
		func(w http.ResponseWriter, m string) { tell(w, 400, map[string]any{"error": m}) },
	},
	// The tutorial of webauthn-rs.
	"RS": {
		"POST /register_start/{name}", "POST /register_finish", "POST /login_start/{name}", "POST /login_finish",
		inPath, func(o map[string]any) any { return map[string]any{"publicKey": o} }, itself,
		func(w http.ResponseWriter) { w.WriteHeader(200) },
		func(w http.ResponseWriter, m string) { http.Error(w, m, 400) },
	},
	// The username in the path and options in publicKey, below a path.
	"PATH_RP": {
		"GET /other/register/begin/{name}", "POST /other/register/finish/{name}", "GET /other/login/begin/{name}", "POST /other/login/finish/{name}",
		inPath, func(o map[string]any) any { return map[string]any{"publicKey": o} }, itself,
		func(w http.ResponseWriter) { w.WriteHeader(200) },
		func(w http.ResponseWriter, m string) { http.Error(w, m, 400) },
	},
	// SimpleWebAuthn's example, with a user for each browser: GET, and a refusal that is no error in HTTP.
	"GET": {
		"GET /generate-registration-options", "POST /verify-registration", "GET /generate-authentication-options", "POST /verify-authentication",
		inSession, func(o map[string]any) any { return o }, itself,
		func(w http.ResponseWriter) { tell(w, 200, map[string]any{"verified": true}) },
		func(w http.ResponseWriter, m string) { tell(w, 200, map[string]any{"verified": false, "message": m}) },
	},
	// go-webauthn's example, below a path and with the options as JSON in a string.
	"NESTED": {
		"GET /sub/api/webauthn/attestation", "POST /sub/api/webauthn/attestation", "GET /sub/api/webauthn/assertion", "POST /sub/api/webauthn/assertion",
		theOne, func(o map[string]any) any {
			text, _ := json.Marshal(map[string]any{"publicKey": o})
			return map[string]any{"status": "OK", "data": string(text)}
		}, itself,
		func(w http.ResponseWriter) { tell(w, 201, map[string]any{"status": "OK"}) },
		func(w http.ResponseWriter, m string) { tell(w, 403, map[string]any{"status": "KO", "message": m}) },
	},
	// The FIDO server API, with one extension.
	"FEW": {
		"POST /attestation/options", "POST /attestation/result", "POST /assertion/options", "POST /assertion/result",
		inBody, func(o map[string]any) any {
			o["status"], o["errorMessage"] = "ok", ""
			return o
		}, itself,
		func(w http.ResponseWriter) { tell(w, 200, map[string]any{"status": "ok", "errorMessage": ""}) },
		func(w http.ResponseWriter, m string) {
			tell(w, 400, map[string]any{"status": "failed", "errorMessage": m})
		},
	},
	// The FIDO server API but for its refusals.
	"ENVELOPE": {
		"POST /attestation/options", "POST /attestation/result", "POST /assertion/options", "POST /assertion/result",
		inBody, func(o map[string]any) any {
			o["status"], o["errorMessage"] = "ok", ""
			return o
		}, itself,
		func(w http.ResponseWriter) { tell(w, 200, map[string]any{"status": "ok", "errorMessage": ""}) },
		func(w http.ResponseWriter, m string) { tell(w, 401, map[string]any{"status": "error", "detail": m}) },
	},
	// The FIDO server API's paths with LINE's nesting.
	"LINE": {
		"POST /attestation/options", "POST /attestation/result", "POST /assertion/options", "POST /assertion/result",
		inBody, func(o map[string]any) any {
			name := "credentialRequestOptions"
			if o["pubKeyCredParams"] != nil {
				name = "credentialCreationOptions"
			}
			return map[string]any{"status": "ok", name: map[string]any{"publicKey": o, "session-id": "0123456789abcdef"}}
		}, itself,
		func(w http.ResponseWriter) { tell(w, 200, map[string]any{"status": "ok"}) },
		func(w http.ResponseWriter, m string) {
			tell(w, 400, map[string]any{"status": "failed", "errorMessage": m})
		},
	},
}

// serveForm is the reference RP, for localhost, behind a wire form.
func serveForm(t *testing.T, f wireForm) string {
	t.Helper()
	var behind http.Handler
	ask := func(w http.ResponseWriter, req *http.Request, path string, body any) (int, map[string]any) {
		data, err := json.Marshal(body)
		if err != nil {
			return 400, nil
		}
		in := req.Clone(req.Context())
		in.Method, in.URL, in.RequestURI = "POST", &url.URL{Path: path}, path
		in.Header.Set("Content-Type", "application/json")
		in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
		rec := httptest.NewRecorder()
		behind.ServeHTTP(rec, in)
		for _, c := range rec.Result().Cookies() {
			http.SetCookie(w, c)
		}
		var answer map[string]any
		_ = json.Unmarshal(rec.Body.Bytes(), &answer) // what is no JSON has no message either
		return rec.Code, answer
	}
	read := func(req *http.Request) map[string]any {
		var m map[string]any
		_ = json.NewDecoder(req.Body).Decode(&m) // a GET has none
		return m
	}
	options := func(path string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			if _, err := req.Cookie("who"); err != nil {
				c := &http.Cookie{Name: "who", Value: rand.Text(), Path: "/"}
				http.SetCookie(w, c)
				req.AddCookie(c)
			}
			body := read(req)
			name := f.user(req, body)
			in := map[string]any{"username": name, "displayName": name}
			if x, ok := body["extensions"].(map[string]any); ok && x["credProps"] != nil {
				in["extensions"] = map[string]any{"credProps": true} // the one that this RP knows
			}
			status, answer := ask(w, req, path, in)
			if status != 200 {
				message, _ := answer["errorMessage"].(string)
				f.bad(w, message)
				return
			}
			delete(answer, "status")
			delete(answer, "errorMessage")
			tell(w, 200, f.wrap(answer))
		}
	}
	result := func(path string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			c := f.credential(read(req))
			for _, name := range []string{"clientExtensionResults", "extensions"} {
				if v, ok := c[name]; ok {
					delete(c, name)
					c["getClientExtensionResults"] = v
				}
			}
			if status, answer := ask(w, req, path, c); status != 200 {
				message, _ := answer["errorMessage"].(string)
				f.bad(w, strings.TrimSpace("no: "+message))
				return
			}
			f.good(w)
		}
	}
	mux := http.NewServeMux()
	mux.Handle(f.registrationOptions, options("/attestation/options"))
	mux.Handle(f.registrationResult, result("/attestation/result"))
	mux.Handle(f.authenticationOptions, options("/assertion/options"))
	mux.Handle(f.authenticationResult, result("/assertion/result"))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	cfg, err := reference.Config("localhost", strings.Replace(s.URL, "127.0.0.1", "localhost", 1))
	if err != nil {
		t.Fatal(err)
	}
	if behind, err = rp.New(cfg); err != nil {
		t.Fatal(err)
	}
	return s.URL
}
