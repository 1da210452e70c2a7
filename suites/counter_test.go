package suites_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
)

// skipping is a client whose counters grow by two, as those of Firefox's token.
type skipping struct{ client.Client }

type skippingSession struct{ client.Session }

func (s skipping) Open(ctx context.Context, cfg client.SessionConfig) (client.Session, error) {
	opened, err := s.Client.Open(ctx, cfg)
	return skippingSession{opened}, err
}

func (s skippingSession) Get(ctx context.Context, options json.RawMessage) (*client.Assertion, error) {
	if _, err := s.Session.Get(ctx, options); err != nil {
		return nil, err
	}
	return s.Session.Get(ctx, options)
}

// A counter that stands still is what it was, however much the authenticator adds:
// an RP that compares is not blamed, and one that does not is.
func TestCountersThatGrowByMore(t *testing.T) {
	t.Parallel()
	const set = "fido-server@1.9.1"
	checks, err := suites.Select(suites.Catalogue(), []string{"authentication.counter.stands-still", "authentication.counter.does-not-grow"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		policy bool
		want   reports.Verdict
	}{{"compares", true, reports.Pass}, {"does not", false, reports.Fail}} {
		for _, c := range []client.Client{client.NewVirtual(), skipping{client.NewVirtual()}} {
			cfg, err := reference.Config(reference.RPID, reference.Origin)
			if err == nil && tc.policy {
				err = reference.Apply(&cfg, set)
			}
			if err != nil {
				t.Fatal(err)
			}
			server, err := rp.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			targets, err := reference.Targets(server, []string{"fido"}, "s")
			if err != nil {
				t.Fatal(err)
			}
			r, err := suites.Run(t.Context(), suites.Config{Targets: targets, Clients: []client.Client{c}, Checks: checks, Set: set, Seed: "s"})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Checks) != len(checks) {
				t.Errorf("%s: %d checks", tc.name, len(r.Checks))
			}
			for _, got := range r.Checks {
				if got.Verdict != tc.want {
					t.Errorf("%s, %T: %s is %s: %s", tc.name, c, got.ID, got.Verdict, got.Message)
				}
			}
		}
	}
}
