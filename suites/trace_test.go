package suites_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/fixtures"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
)

// TestTraces: every check that is played gives a trace that fits the schema and
// tells what the report tells.
func TestTraces(t *testing.T) {
	text, err := fixtures.Schema("trace")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("trace.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("trace.json")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	traces := map[string]*reports.Trace{}
	checks, err := suites.Select(suites.Catalogue(), []string{"*.client-data.*", "*.options.*", "*.exclude-list.*", "*.extensions.*", "*.challenge.*", "*.accepted.*"})
	if err != nil {
		t.Fatal(err)
	}
	for _, dialect := range []string{"fido", "dfns"} {
		report := referenceRun(t, []string{dialect}, nil, func(cfg *suites.Config) {
			cfg.Checks = checks
			cfg.Trace = func(tr *reports.Trace) {
				mu.Lock()
				defer mu.Unlock()
				traces[tr.Target.Name+" "+tr.Check.ID] = tr
			}
		})
		for _, c := range report.Checks {
			tr := traces[dialect+" "+c.ID]
			if tr == nil {
				t.Errorf("%s has no trace", c.ID)
				continue
			}
			if tr.Check.Verdict != c.Verdict || tr.Suite.Seed != "seed" {
				t.Errorf("%s: the trace says %s, the report %s", c.ID, tr.Check.Verdict, c.Verdict)
			}
			var b bytes.Buffer
			if err := reports.WriteTrace(&b, tr); err != nil {
				t.Errorf("%s: %v", c.ID, err)
				continue
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%s: %v", c.ID, err)
			}
			if dialect == "dfns" && strings.Contains(b.String(), `"temporaryAuthenticationToken": "ey`) {
				t.Errorf("%s: a token is in the trace", c.ID)
			}
			if c.Verdict == reports.Pass && len(tr.Ceremonies) == 0 && len(tr.Exchanges) == 0 {
				t.Errorf("%s: passed without a ceremony or a request", c.ID)
			}
		}
	}
	tr := traces["fido registration.client-data.type-of-other-ceremony"]
	i := slices.IndexFunc(tr.Ceremonies, func(c reports.TraceCeremony) bool { return !c.Twin && len(c.Sent) > 0 })
	if i < 0 {
		t.Fatalf("the ceremony is not in the trace: %+v", tr)
	}
	sent := tr.Ceremonies[i].Sent[0]
	if len(sent.Faults) != 1 || sent.Outcome != "rejected" || sent.Status != 400 {
		t.Errorf("sent %v, %s, %d", sent.Faults, sent.Outcome, sent.Status)
	}
	if call := tr.Ceremonies[i].Calls[0]; call.Method != "create" || bytes.Equal(call.Response, sent.Credential) {
		t.Error("the call's response is the one with the fault")
	}
}

// shy is a client whose sessions show what they saw.
type shy struct{ client.Client }

func (c shy) Open(ctx context.Context, cfg client.SessionConfig) (client.Session, error) {
	s, err := c.Client.Open(ctx, cfg)
	return seen{s}, err
}

type seen struct{ client.Session }

func (seen) Events() []client.Event { return []client.Event{{Kind: "console", Text: "a warning"}} }
func (seen) Screenshot(context.Context) (client.Picture, error) {
	return client.Picture{MediaType: "image/png", Data: []byte("png")}, nil
}

// TestEvidence: what did not pass has what the browser showed, and nothing else has.
func TestEvidence(t *testing.T) {
	report := referenceRun(t, []string{"fido"}, nil, func(cfg *suites.Config) {
		var err error
		if cfg.Checks, err = suites.Select(suites.Catalogue(), []string{"registration.client-data.type-missing", "registration.accepted.plain"}); err != nil {
			t.Fatal(err)
		}
		for i, c := range cfg.Checks {
			if c.Expect == suites.Reject {
				// A check that the RP must fail: it demands the refusal of a plain registration.
				d := *c
				d.Expect, d.Story = "", func(c *suites.Case) {
					a := c.Account("alice", client.AuthenticatorConfig{})
					a.Register(suites.Setting{})
					c.Fail("accepted", "accepted")
				}
				d.Fault, d.Wire = suites.Check{}.Fault, suites.Check{}.Wire
				cfg.Checks[i] = &d
			}
		}
		cfg.Clients = []client.Client{shy{client.NewVirtual()}}
	})
	for _, c := range report.Checks {
		if (c.Verdict == reports.Fail) != (len(c.Evidence) == 2) {
			t.Errorf("%s: %s with %d pieces of evidence", c.ID, c.Verdict, len(c.Evidence))
		}
		if c.Verdict == reports.Fail && (c.Evidence[0].Kind != reports.EvidenceConsole || !strings.Contains(c.Evidence[0].Text, "a warning") || string(c.Evidence[1].Data) != "png") {
			t.Errorf("the evidence is %+v", c.Evidence)
		}
	}
	if report.Summary.Failed != 1 || report.Summary.Passed != 1 {
		t.Errorf("%+v", report.Summary)
	}
}
