package suites_test

import (
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

// TestFramedAsDeclared: an RP that has embedders accepts ceremonies in their
// frames and in nobody else's; one that only says so is found out.
func TestFramedAsDeclared(t *testing.T) {
	const embedder = "https://embedder.example"
	profile, err := target.LoadProfile("framed.yaml", []byte("extends: fido\nname: framed\nfeatures: {origin.cross: true}\npolicy: {top-origins: "+embedder+", trust: all}\n"))
	if err != nil {
		t.Fatal(err)
	}
	checks, err := suites.Select(suites.Catalogue(), []string{"*.page.framed*"})
	if err != nil {
		t.Fatal(err)
	}
	for name, embedders := range map[string][]string{"has embedders": {embedder}, "says so only": nil} {
		cfg, err := reference.Config(reference.RPID, reference.Origin)
		if err != nil {
			t.Fatal(err)
		}
		cfg.TopOrigins = embedders
		server, err := rp.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		rpTarget, err := target.New(profile, target.Options{URL: reference.Origin, RPID: reference.RPID, Origin: reference.Origin, Handler: server})
		if err != nil {
			t.Fatal(err)
		}
		report, err := suites.Run(t.Context(), suites.Config{Targets: []*target.Target{rpTarget}, Clients: []client.Client{client.NewVirtual()}, Checks: checks, Seed: "framed"})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Checks) != 4 {
			t.Errorf("%s: %d checks ran, want 4", name, len(report.Checks))
		}
		for _, c := range report.Checks {
			want := reports.Pass
			if embedders == nil && strings.HasSuffix(c.ID, "as-declared") {
				want = reports.Fail
			}
			if c.Verdict != want {
				t.Errorf("%s: %s: %s, want %s: %s", name, c.ID, c.Verdict, want, c.Message)
			}
		}
	}
}
