package suites_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

// An RP may leave enterprise attestation to others and say so when it is asked; the
// conveyances of the dialect it has to have.
func TestConveyanceThatIsNotOffered(t *testing.T) {
	t.Parallel()
	const id = "registration.matrix.attestation"
	checks, err := suites.Select(suites.Catalogue(), []string{id})
	if err != nil {
		t.Fatal(err)
	}
	for conveyance, want := range map[string]reports.Verdict{"enterprise": reports.Pass, "direct": reports.Fail} {
		t.Run(conveyance, func(t *testing.T) {
			t.Parallel()
			server := referenceServer(t)
			asked := false
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if r.Header.Get("X-Touchstone-Check") == id && strings.HasSuffix(r.URL.Path, "/options") && bytes.Contains(body, []byte(`"attestation":"`+conveyance+`"`)) {
					asked = true
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusBadRequest)
					_, _ = io.WriteString(w, `{"status":"failed","errorMessage":"this RP does not offer it"}`)
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				server.ServeHTTP(w, r)
			}))
			defer srv.Close()
			p, err := target.LoadProfile("lax.yaml", []byte("extends: fido\nname: lax\npolicy: {untrusted: accept}\n"))
			if err != nil {
				t.Fatal(err)
			}
			lax, err := target.New(p, target.Options{URL: srv.URL, RPID: reference.RPID, Origin: reference.Origin})
			if err != nil {
				t.Fatal(err)
			}
			report, err := suites.Run(t.Context(), suites.Config{
				Targets: []*target.Target{lax},
				Clients: []client.Client{client.NewVirtual()}, Checks: checks, Seed: "s", Jobs: 1,
			})
			if err != nil {
				t.Fatal(err)
			}
			if !asked || len(report.Checks) != 1 || report.Checks[0].Verdict != want {
				t.Errorf("asked %v, checks %+v; want one %s", asked, report.Checks, want)
			}
		})
	}
}
