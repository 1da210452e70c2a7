package rptest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites/rptest"
)

// The servers here are not those of the projects that the profiles are for: they
// put the documented wire forms before the reference RP. So the profile is shown
// to speak the form, and nothing is said of how the project verifies.
var wireForms = []struct {
	file   string
	rp     func(*testing.T, http.Handler) http.Handler
	vars   map[string]string
	random io.Reader // of the RP behind it
	lacks  []string  // checks that its form has no place for
	odd    []string  // checks that are red for what its form leaves out
}{
	{file: "webauthn-io.yaml", rp: plainly(webauthnIO)},
	{file: "webauthn-rs.yaml", rp: plainly(webauthnRS)},
	{file: "java-webauthn-server.yaml", rp: yubico},
	{file: "keycloak.yaml", rp: keycloak, odd: []string{"registration.options.exclude-list-transports"}},
	{file: "spring-security.yaml", rp: spring, vars: map[string]string{"password": "password"}},
	{file: "passwordless-dev.yaml", rp: passwordless, vars: map[string]string{"apiKey": "demo:public:1", "apiSecret": "demo:secret:1"}},
	{file: "strongkey.yaml", rp: strongkey, vars: map[string]string{"password": "Abcd1234!"}},
	{file: "ory-kratos.yaml", rp: kratos},
	{file: "powerauth.yaml", rp: powerauth, random: letters{}, lacks: []string{"registration.exclude-list.stops-client"}, odd: []string{"registration.public-key.real-alg-not-offered"}},
	{file: "passport-fido2.yaml", rp: passport, lacks: []string{"registration.exclude-list.stops-client"}, odd: []string{"registration.public-key.real-alg-not-offered"}},
}

func plainly(f func(http.Handler) http.Handler) func(*testing.T, http.Handler) http.Handler {
	return func(_ *testing.T, rp http.Handler) http.Handler { return f(rp) }
}

// carried are the checks that show a profile to carry both ceremonies and their refusals.
var carried = []string{"registration.accepted.plain", "authentication.accepted.plain", "registration.client-data.*", "authentication.client-data.*",
	"registration.authenticator-data.*", "authentication.authenticator-data.*", "authentication.signature.*", "authentication.challenge.*",
	"registration.envelope.*", "authentication.envelope.*", "registration.options.exclude-list-*", "registration.exclude-list.stops-client"}

func TestExampleProfiles(t *testing.T) {
	for _, tc := range wireForms {
		t.Run(tc.file, func(t *testing.T) {
			report := rptest.Run(t, rptest.Config{
				Handler: tc.rp(t, handlerWith(t, "fido", "", tc.random)), Profile: "../../examples/profiles/" + tc.file, RPID: "rp.example", Vars: tc.vars,
				Checks: carried, Seed: "profiles",
			})
			passed := map[string]bool{}
			for _, c := range report.Checks {
				passed[c.ID] = c.Verdict == reports.Pass
			}
			for _, id := range []string{"registration.accepted.plain", "authentication.accepted.plain", "authentication.signature.bit-flipped", "registration.options.exclude-list-empty", "registration.exclude-list.stops-client"} {
				if passed[id] == slices.Contains(tc.lacks, id) {
					t.Errorf("%s did not pass, so that the profile is not shown to carry it", id)
				}
			}
		})
	}
}

// TestExampleProfilesFindBugs: a defect of the RP shows through every profile,
// in the check that is made for it and in no plain ceremony.
func TestExampleProfilesFindBugs(t *testing.T) {
	for _, tc := range wireForms {
		for bug, check := range map[string]string{
			"skips-7.2.21": "authentication.signature.bit-flipped", "origin-prefix": "registration.client-data.origin-suffix-look-alike",
		} {
			t.Run(tc.file+"/"+bug, func(t *testing.T) {
				report, err := rptest.Report(t.Context(), rptest.Config{
					Handler: tc.rp(t, handlerWith(t, "fido", bug, tc.random)), Profile: "../../examples/profiles/" + tc.file, RPID: "rp.example", Vars: tc.vars,
					Checks: []string{"registration.accepted.plain", "authentication.accepted.plain", check}, Seed: "profiles",
				})
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range report.Checks {
					if want := map[bool]reports.Verdict{true: reports.Fail, false: reports.Pass}[c.ID == check]; c.Verdict != want {
						t.Errorf("%s: %s, want %s: %s", c.ID, c.Verdict, want, c.Message)
					}
				}
				if len(report.Checks) != 3 {
					t.Errorf("%d checks", len(report.Checks))
				}
			})
		}
	}
}

// forward asks the reference RP in the FIDO server API's form and returns its answer.
func forward(rp http.Handler, w http.ResponseWriter, req *http.Request, path string, body any) (int, map[string]any) {
	data, err := json.Marshal(body)
	if err != nil {
		return http.StatusBadRequest, map[string]any{"errorMessage": err.Error()}
	}
	in := req.Clone(req.Context())
	in.Method, in.URL.Path, in.RequestURI = http.MethodPost, path, path
	in.Header.Set("Content-Type", "application/json")
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	rec := httptest.NewRecorder()
	rp.ServeHTTP(rec, in)
	for _, c := range rec.Result().Cookies() {
		http.SetCookie(w, c)
	}
	var answer map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		return http.StatusBadGateway, map[string]any{"errorMessage": err.Error()}
	}
	return rec.Code, answer
}

func bodyOf(req *http.Request) map[string]any {
	var m map[string]any
	_ = json.NewDecoder(req.Body).Decode(&m) // what is no object becomes nil, which the RP refuses
	return m
}

// bare takes the envelope of the FIDO server API off.
func bare(m map[string]any) map[string]any {
	delete(m, "status")
	delete(m, "errorMessage")
	return m
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // to a recorder, which takes all
}

func rename(m map[string]any, from, to string) map[string]any {
	if v, ok := m[from]; ok {
		delete(m, from)
		m[to] = v
	}
	return m
}

func webauthnIO(rp http.Handler) http.Handler {
	mux := http.NewServeMux()
	options := func(path string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			in := bodyOf(req)
			selection := map[string]any{}
			for from, to := range map[string]string{"user_verification": "userVerification", "attachment": "authenticatorAttachment", "discoverable_credential": "residentKey"} {
				if v, ok := in[from]; ok {
					selection[to] = v
				}
			}
			body := map[string]any{"username": in["username"], "displayName": in["username"], "authenticatorSelection": selection}
			if v, ok := in["attestation"]; ok {
				body["attestation"] = v
			}
			if path == "/assertion/options" {
				body = map[string]any{"username": in["username"]}
				if v, ok := in["user_verification"]; ok {
					body["userVerification"] = v
				}
			}
			status, answer := forward(rp, w, req, path, body)
			if status != http.StatusOK {
				writeJSON(w, http.StatusBadRequest, map[string]any{"error": answer["errorMessage"]})
				return
			}
			writeJSON(w, status, bare(answer))
		}
	}
	result := func(path string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			credential, _ := bodyOf(req)["response"].(map[string]any)
			status, answer := forward(rp, w, req, path, rename(credential, "clientExtensionResults", "getClientExtensionResults"))
			if status != http.StatusOK {
				writeJSON(w, http.StatusBadRequest, map[string]any{"error": answer["errorMessage"]})
				return
			}
			writeJSON(w, status, map[string]any{"verified": true})
		}
	}
	mux.Handle("POST /registration/options", options("/attestation/options"))
	mux.Handle("POST /registration/verification", result("/attestation/result"))
	mux.Handle("POST /authentication/options", options("/assertion/options"))
	mux.Handle("POST /authentication/verification", result("/assertion/result"))
	return mux
}

func webauthnRS(rp http.Handler) http.Handler {
	mux := http.NewServeMux()
	start := func(path string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			name := req.PathValue("name")
			body := map[string]any{"username": name}
			if path == "/attestation/options" {
				body["displayName"] = name
			}
			status, answer := forward(rp, w, req, path, body)
			if status != http.StatusOK {
				http.Error(w, strings.TrimSpace("no: "+answer["errorMessage"].(string)), http.StatusInternalServerError)
				return
			}
			writeJSON(w, status, map[string]any{"publicKey": bare(answer)})
		}
	}
	finish := func(path string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			if status, _ := forward(rp, w, req, path, rename(bodyOf(req), "extensions", "getClientExtensionResults")); status != http.StatusOK {
				w.WriteHeader(http.StatusBadRequest)
			}
		}
	}
	mux.Handle("POST /register_start/{name}", start("/attestation/options"))
	mux.Handle("POST /register_finish", finish("/attestation/result"))
	mux.Handle("POST /login_start/{name}", start("/assertion/options"))
	mux.Handle("POST /login_finish", finish("/assertion/result"))
	return mux
}
