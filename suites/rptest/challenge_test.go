package rptest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites/rptest"
)

// eitherWay is Dfns with challenges as the server writes them.
const eitherWay = `extends: dfns
ceremonies:
  registration:
    challengeEncoding: either
    steps:
      options:
        options: |
          . as $in | .res.body
          | with_entries(select(.key | IN("rp", "user", "challenge", "pubKeyCredParams", "attestation", "authenticatorSelection", "excludeCredentials")))
          | .user.id |= utf8_to_b64u | .rp = {id: $in.rp.id, name: $in.rp.id}
  authentication:
    challengeEncoding: either
    steps:
      options:
        options: |
          . as $in | .res.body
          | {challenge, rpId: $in.rp.id, allowCredentials: ((.allowCredentials | objects | .webauthn) // []), userVerification} | compact
`

// TestChallengeEither has the harness find out which bytes an RP takes for the
// challenge. The reference RP takes both in this dialect; before it stands what
// refuses one of them.
func TestChallengeEither(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "dfns.yaml")
	if err := os.WriteFile(profile, []byte(eitherWay), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, registration, authentication string // which each ceremony refuses
		notes                              []string
	}{
		{"takes both", "", "", []string{"the registration takes a challenge both decoded and as text; decoded is used", "the authentication takes a challenge both decoded and as text; decoded is used"}},
		{"takes text", "decoded", "decoded", []string{"the registration takes a challenge as text, and not decoded", "the authentication takes a challenge as text, and not decoded"}},
		{"takes one each", "text", "decoded", []string{"the registration takes a challenge decoded, and not as text", "the authentication takes a challenge as text, and not decoded"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rp := handler(t, "dfns", "")
			h := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				data, err := io.ReadAll(req.Body)
				if err != nil {
					t.Error(err)
					return
				}
				req.Body = io.NopCloser(bytes.NewReader(data))
				var in struct {
					CredentialInfo struct{ ClientData string }
					FirstFactor    struct {
						Kind                string
						CredentialAssertion struct{ ClientData string }
					}
				}
				_ = json.Unmarshal(data, &in) // what does not decode is for the RP
				refused, clientData := "", ""
				switch {
				case req.URL.Path == "/auth/credentials":
					refused, clientData = tc.registration, in.CredentialInfo.ClientData
				case req.URL.Path == "/auth/login" && in.FirstFactor.Kind == "Fido2":
					refused, clientData = tc.authentication, in.FirstFactor.CredentialAssertion.ClientData
				}
				if refused != "" {
					var c struct{ Challenge string }
					text, err := base64.RawURLEncoding.DecodeString(clientData)
					if err == nil {
						_ = json.Unmarshal(text, &c)
					}
					// The server's challenge is base64url of base64url where it was taken as text.
					once, _ := base64.RawURLEncoding.DecodeString(c.Challenge)
					_, err = base64.RawURLEncoding.DecodeString(string(once))
					asText := len(once) > 0 && err == nil
					if asText == (refused == "text") {
						writeJSON(w, http.StatusBadRequest, map[string]any{"error": map[string]any{"message": "another challenge"}})
						return
					}
				}
				rp.ServeHTTP(w, req)
			})
			report := rptest.Run(t, rptest.Config{
				Handler: h, Profile: profile, RPID: "rp.example", Seed: "either", Jobs: 2,
				Checks: []string{"registration.accepted.plain", "authentication.accepted.plain", "registration.client-data.challenge-*", "authentication.client-data.challenge-*"},
			})
			var notes []string
			for _, n := range report.Notes {
				if s, ok := strings.CutSuffix(n, " (challengeEncoding: either)"); ok {
					notes = append(notes, strings.TrimPrefix(s, "dfns: "))
				}
			}
			if strings.Join(notes, "\n") != strings.Join(tc.notes, "\n") {
				t.Errorf("notes %q", report.Notes)
			}
			for _, c := range report.Checks {
				if c.Verdict != reports.Pass {
					t.Errorf("%s: %s, %s", c.ID, c.Verdict, c.Message)
				}
			}
		})
	}
}
