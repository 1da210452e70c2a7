package reports

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const traceSchemaFile = "../fixtures/schemas/trace.schema.json"

func traceSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(traceSchemaFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	closeObjects(doc)
	// A suite and a target have their own members in the report's schema.
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("trace.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("trace.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sampleTrace() *Trace {
	return &Trace{
		Recorded: time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC),
		Suite:    &Suite{Version: "0.1.0", Digest: "5f2b", Set: "webauthn-3@2026-05", Seed: "7f3a"},
		Target:   &Target{Name: "fido", URL: "https://rp.example", Dialect: "fido", RPID: "rp.example", Origin: "https://rp.example"},
		Client:   Client{"chrome", "156"},
		Check: &TraceCheck{
			ID: "registration.client-data.type-of-other-ceremony", Title: "The other ceremony's type is refused", Level: Must, Verdict: Fail,
			Reason: ReasonAccepted, Message: "accepted \u202e <b>", Requirements: []string{"webauthn-3/7.1/step-7"}, Faults: []string{"type-other"}, Notes: []string{"n"}, Rerun: "touchstone run", DurationMs: 3,
		},
		Ceremonies: []TraceCeremony{{
			Kind: "registration", Twin: true, User: "ada", Origin: "https://rp.example", TopOrigin: "https://top.example",
			Authenticator: map[string]any{"transport": "usb"}, Options: json.RawMessage(`{"challenge":"AA"}`), Wire: json.RawMessage(`{"status":"ok"}`),
			Calls: []TraceCall{
				{Method: "create", Options: json.RawMessage(`{"challenge":"AQ"}`), Response: json.RawMessage(`{"id":"AA"}`), DurationMs: 1},
				{Method: "create", Error: &TraceError{Name: "NotAllowedError", Message: "m"}},
			},
			Sent: []TraceSent{{Credential: json.RawMessage(`{"id":"AA"}`), Faults: []string{"type-other"}, Outcome: "accepted", Status: 200, Message: "ok"}},
		}},
		Events:    []TraceEvent{{AtMs: 1, Kind: "plug", Text: "{}"}},
		Exchanges: []Exchange{{Step: "options", Method: "POST", URL: "https://rp.example/x", Status: 200}},
	}
}

// TestTraceSchema: what is written fits the schema, which names all of it, and
// is read back the same.
func TestTraceSchema(t *testing.T) {
	schema := traceSchema(t)
	for name, want := range map[string]*Trace{
		"check":     sampleTrace(),
		"recording": {Client: Client{"recorder", "Mozilla/5.0"}, Ceremonies: []TraceCeremony{{Kind: "authentication", Origin: "http://localhost:8080"}}},
	} {
		var b bytes.Buffer
		if err := WriteTrace(&b, want); err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, err := ReadTrace(name, bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := WriteTrace(&again, got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Errorf("%s: read back and written again it is\n%s, was\n%s", name, again.Bytes(), b.Bytes())
		}
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"traceVersion":1,"client":{"name":"x","version":""},"ceremonies":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(doc) == nil {
		t.Error("the schema lets a trace of nothing pass")
	}
}

func TestReadTraceRefuses(t *testing.T) {
	for in, want := range map[string]string{
		``:                   "not a trace",
		`[]`:                 "not a trace",
		`{"traceVersion":2}`: "traceVersion is 2",
		`{"traceVersion":1}`: "neither a ceremony nor a check",
		`{"traceVersion":1,"ceremonies":[{"kind":"x"}]}`:                                           `ceremonies[0].kind is "x"`,
		`{"traceVersion":1,"check":{"id":"a","verdict":"maybe"}}`:                                  "maybe",
		`{"traceVersion":1,"ceremonies":[{"kind":"authentication","origin":"https://a"}]} {"a":1}`: "something follows",
	} {
		if _, err := ReadTrace("t.json", strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "t.json: ") {
			t.Errorf("ReadTrace(%s): %v; want %q", in, err, want)
		}
	}
}

func FuzzReadTrace(f *testing.F) {
	var b bytes.Buffer
	if err := WriteTrace(&b, sampleTrace()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"traceVersion":1,"ceremonies":[{"kind":"registration","options":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ReadTrace("fuzz", bytes.NewReader(data))
		if err != nil {
			if got != nil {
				t.Error("an error came with a trace")
			}
			return
		}
		var out bytes.Buffer
		if err := WriteTrace(&out, got); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := ReadTrace("again", &out); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}
