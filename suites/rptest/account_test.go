package rptest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites/rptest"
)

func profileFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rp.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestOneUser: where an RP has one user, its credentials are gone before every
// check and after the last, checks do not run beside each other, and those that
// need a second user are not applicable. Without the reset the same RP is found
// to have credentials from the start.
func TestOneUser(t *testing.T) {
	data, err := os.ReadFile("../../examples/profiles/spring-security.yaml")
	if err != nil {
		t.Fatal(err)
	}
	whole := string(data)
	from, to := strings.Index(whole, "  reset:\n"), strings.Index(whole, "\nceremonies:\n")
	if from < 0 || to < from {
		t.Fatal("the profile has no reset")
	}
	checks := []string{"registration.accepted.plain", "registration.options.exclude-list-empty", "registration.options.exclude-list-exact", "authentication.accepted.*"}
	verdicts := func(profile string) map[string]reports.Verdict {
		t.Helper()
		rp := spring(t, handler(t, "fido", ""))
		report, err := rptest.Report(t.Context(), rptest.Config{Handler: rp, Profile: profileFile(t, profile), RPID: "rp.example", Vars: map[string]string{"password": "password"}, Checks: checks, Seed: "one", Jobs: 8})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]reports.Verdict{}
		for _, c := range report.Checks {
			out[c.ID] = c.Verdict
			if c.Verdict == reports.NotApplicable && c.ID == "registration.options.exclude-list-exact" && !strings.Contains(c.Message, "account.isolated absent: the application has one user") {
				t.Errorf("not applicable, since %s", c.Message)
			}
		}
		return out
	}
	with := verdicts(whole)
	for id, v := range with {
		want := reports.Pass
		if id == "registration.options.exclude-list-exact" {
			want = reports.NotApplicable
		}
		if v != want && v != reports.NotApplicable {
			t.Errorf("%s: %s, want %s", id, v, want)
		}
	}
	if with["registration.options.exclude-list-empty"] != reports.Pass || with["registration.options.exclude-list-exact"] != reports.NotApplicable || with["authentication.accepted.plain"] != reports.Pass {
		t.Errorf("with the reset: %v", with)
	}
	without := verdicts(whole[:from] + whole[to:])
	if without["registration.options.exclude-list-empty"] != reports.Fail {
		t.Errorf("without the reset: %v", without)
	}
}

// confirming is the FIDO server API, where whoever has a passkey confirms with it
// that another is added.
const confirming = `extends: fido
ceremonies:
  registration:
    steps:
      - id: options
        path: /attestation/options
        body: {json: "{username: .user.name, displayName: .user.displayName}"}
        options: .res.body | del(.status, .errorMessage)
      - id: confirm
        path: /confirm/options
        when: .captured.passkey != null
        body: {json: "{username: .user.name}"}
        assert: {confirmation: .res.body}
      - id: confirmed
        path: /confirm/result
        when: .captured.passkey != null
        body: {json: "{for: .result.body, by: (.captured.confirmation | {id, rawId, type, response, getClientExtensionResults: .clientExtensionResults})}"}
        capture: {ticket: .res.body.ticket}
      - id: result
        result: true
        path: /attestation/result
        headers: {X-Ticket: "{captured.ticket?}"}
        body:
          json: ".credential | {id, rawId, type, response, getClientExtensionResults: .clientExtensionResults}"
        keep: {passkey: .credential.id}
`

// TestStepsThatAPasskeySigns: the RP takes a second passkey only with an assertion
// of the first, made in the middle of the registration.
func TestStepsThatAPasskeySigns(t *testing.T) {
	type account struct {
		asked
		ticket string
		has    bool
	}
	var (
		mu       sync.Mutex
		count    numbered
		accounts = map[string]*account{}
		by       = map[string]string{} // the user of an RP's cookie
		asserted int
	)
	rp := handler(t, "fido", "")
	cookie := func(req *http.Request) string { return req.Header.Get("Cookie") }
	mux := http.NewServeMux()
	mux.HandleFunc("POST /attestation/options", func(w http.ResponseWriter, req *http.Request) {
		in := bodyOf(req)
		user := text(in, "username")
		mu.Lock()
		if accounts[user] == nil {
			accounts[user] = &account{asked: asked{rp: rp}}
		}
		mu.Unlock()
		status, answer := forward(rp, w, req, "/attestation/options", in)
		mu.Lock()
		for _, c := range w.Header()["Set-Cookie"] {
			name, _, _ := strings.Cut(c, ";")
			by[name] = user
		}
		by[cookie(req)] = user
		mu.Unlock()
		writeJSON(w, status, answer)
	})
	mux.HandleFunc("POST /confirm/options", func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		user := text(bodyOf(req), "username")
		status, answer := accounts[user].ask("/assertion/options", map[string]any{"username": user})
		writeJSON(w, status, answer)
	})
	mux.HandleFunc("POST /confirm/result", func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		in := bodyOf(req)
		a := accounts[by[cookie(req)]]
		status, answer := a.ask("/assertion/result", in["by"])
		if status == http.StatusOK && text(in, "for") != "" {
			asserted++
			a.ticket = count.next("ticket")
			answer["ticket"] = a.ticket
		}
		writeJSON(w, status, answer)
	})
	mux.HandleFunc("POST /attestation/result", func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		a := accounts[by[cookie(req)]]
		refused := a == nil || a.has && (a.ticket == "" || req.Header.Get("X-Ticket") != a.ticket)
		if a != nil {
			a.ticket = ""
		}
		mu.Unlock()
		if refused {
			writeJSON(w, http.StatusForbidden, map[string]any{"status": "failed", "errorMessage": "confirm with your passkey"})
			return
		}
		status, answer := forward(rp, w, req, "/attestation/result", bodyOf(req))
		if status == http.StatusOK {
			mu.Lock()
			a.has = true
			mu.Unlock()
		}
		writeJSON(w, status, answer)
	})
	mux.Handle("/", rp)
	play := func(seed, profile string) (reports.Verdict, string) {
		t.Helper()
		report, err := rptest.Report(t.Context(), rptest.Config{Handler: mux, Profile: profileFile(t, profile), RPID: "rp.example", Seed: seed, Checks: []string{"registration.options.exclude-list-exact"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Checks) != 1 {
			t.Fatalf("%d checks, %v", len(report.Checks), report.Notes)
		}
		return report.Checks[0].Verdict, report.Checks[0].Message
	}
	if v, why := play("confirm", confirming); v != reports.Pass || asserted == 0 {
		t.Errorf("%s with %d confirmations: %s", v, asserted, why)
	}
	before := asserted
	v, why := play("never", strings.ReplaceAll(confirming, "when: .captured.passkey != null", "when: .request == null"))
	if v == reports.Pass || asserted != before || !strings.Contains(why, "confirm with your passkey") {
		t.Errorf("without confirmation: %s, %s", v, why)
	}
}
