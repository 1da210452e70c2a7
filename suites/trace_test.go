package suites_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/fixtures"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
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

// No report and no trace shows a secret, in whatever form the profile sends it and
// the target repeats it.
func TestSecretsStayInside(t *testing.T) {
	const secret = "s3cr3t-value/+"
	t.Setenv("TOUCHSTONE_TEST_SECRET", secret)
	p, err := target.LoadProfile("rp.yaml", []byte(`
extends: fido
vars: {s: {env: TOUCHSTONE_TEST_SECRET}}
ceremonies:
  registration:
    steps:
      options:
        query: {q: "{vars.s}"}
        body: {json: '{username: .user.name, displayName: .user.displayName, a: ("x:" + .vars.s | @base64), b: ({k: .vars.s} | tojson | utf8_to_b64u), c: .vars.s}'}
        message: .res.body.errorMessage
`))
	if err != nil {
		t.Fatal(err)
	}
	server := referenceServer(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.HasSuffix(r.URL.Path, "/attestation/options") && strings.HasPrefix(r.Header.Get("X-Touchstone-Check"), "registration.client-data") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			answer, _ := json.Marshal(map[string]string{"status": "failed", "errorMessage": secret + " " + base64.StdEncoding.EncodeToString([]byte("a"+secret)) + " " + string(body)})
			_, _ = w.Write(answer)
			return
		}
		server.ServeHTTP(w, r)
	}))
	defer srv.Close()
	tgt, err := target.New(p, target.Options{URL: srv.URL, RPID: "rp.example", Origin: "https://rp.example"})
	if err != nil {
		t.Fatal(err)
	}
	checks, err := suites.Select(suites.Catalogue(), []string{"registration.accepted.plain", "registration.client-data.type-missing", "registration.options.*"})
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	var mu sync.Mutex
	r, err := suites.Run(t.Context(), suites.Config{
		Targets: []*target.Target{tgt}, Clients: []client.Client{client.NewVirtual()}, Checks: checks, Seed: "s", KeepExchanges: true,
		Trace: func(tr *reports.Trace) {
			mu.Lock()
			defer mu.Unlock()
			if err := reports.WriteTrace(&all, tr); err != nil {
				t.Error(err)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Summary.Passed == 0 || r.Summary.NotTestable == 0 {
		t.Fatalf("%+v; want what passes and what does not", r.Summary)
	}
	if err := reports.WriteJSON(&all, r); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(all.String(), target.Redacted()) {
		t.Error("nothing was redacted")
	}
	for _, form := range []string{secret, "s3cr3t-value", "czNjcjN0LXZhbHVl", "MzY3IzdC12YWx1Z", "zM2NyM3QtdmFsdWUv"} {
		if i := strings.Index(all.String(), form); i >= 0 {
			t.Errorf("%s is in ...%s...", form, all.String()[max(0, i-200):i+40])
		}
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
