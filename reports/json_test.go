package reports

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../fixtures/schemas/report.schema.json"

// loadSchema compiles the report schema, changed by edit before.
func loadSchema(t *testing.T, edit func(map[string]any)) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	edit(doc.(map[string]any))
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// closeObjects makes every object of a schema refuse members it does not name.
func closeObjects(node any) {
	switch n := node.(type) {
	case map[string]any:
		if _, ok := n["properties"]; ok && n["type"] == "object" {
			n["additionalProperties"] = false
		}
		for _, v := range n {
			closeObjects(v)
		}
	case []any:
		for _, v := range n {
			closeObjects(v)
		}
	}
}

func asDocument(t *testing.T, r *Report) any {
	t.Helper()
	var b bytes.Buffer
	if err := WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestSchema: what is written fits the schema, and the schema names all of it.
func TestSchema(t *testing.T) {
	strict := loadSchema(t, func(doc map[string]any) { closeObjects(doc) })
	stopped := sample(t)
	stopped.Stopped = &Stop{Reason: StopInterrupted, Target: "fido", Message: "interrupted", Left: 3}
	stopped.Shard = &Shard{Index: 1, Count: 2}
	stopped.Health[1].Exchanges = []Exchange{{Step: "x", Method: "GET", URL: "https://rp.example"}}
	for name, r := range map[string]*Report{"sample": sample(t), "empty": {}, "stopped": stopped} {
		if err := strict.Validate(asDocument(t, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaRefuses: the schema can tell a report from what is none.
func TestSchemaRefuses(t *testing.T) {
	schema := loadSchema(t, func(map[string]any) {})
	tests := []struct {
		name string
		edit func(doc map[string]any)
	}{
		{"no checks", func(d map[string]any) { delete(d, "checks") }},
		{"other version", func(d map[string]any) { d["schemaVersion"] = json.Number("2") }},
		{"unknown verdict", func(d map[string]any) { d["checks"].([]any)[0].(map[string]any)["verdict"] = "skipped" }},
		{"check without rerun", func(d map[string]any) { delete(d["checks"].([]any)[0].(map[string]any), "rerun") }},
		{"negative count", func(d map[string]any) { d["summary"].(map[string]any)["failed"] = json.Number("-1") }},
		{"null list", func(d map[string]any) { d["targets"] = nil }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc := asDocument(t, sample(t)).(map[string]any)
			if err := schema.Validate(doc); err != nil {
				t.Fatalf("before the edit: %v", err)
			}
			test.edit(doc)
			if err := schema.Validate(doc); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// TestSchemaCoversModel: every member of the model's types is in the schema, so
// that a member cannot be added to one and forgotten in the other.
func TestSchemaCoversModel(t *testing.T) {
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Defs       map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	for _, pair := range []struct {
		typ  reflect.Type
		have map[string]json.RawMessage
	}{
		{reflect.TypeFor[Report](), schema.Properties},
		{reflect.TypeFor[Check](), schema.Defs["check"].Properties},
		{reflect.TypeFor[Exchange](), schema.Defs["exchange"].Properties},
	} {
		var names []string
		for i := range pair.typ.NumField() {
			name, _, _ := strings.Cut(pair.typ.Field(i).Tag.Get("json"), ",")
			names = append(names, name)
			if _, ok := pair.have[name]; !ok {
				t.Errorf("%s.%s is not in the schema", pair.typ.Name(), name)
			}
		}
		for name := range pair.have {
			if !slices.Contains(names, name) {
				t.Errorf("the schema's %s is not in %s", name, pair.typ.Name())
			}
		}
	}
}

// TestJSONRoundTrip: reading what was written and writing it again changes no byte.
func TestJSONRoundTrip(t *testing.T) {
	var first, second bytes.Buffer
	if err := WriteJSON(&first, sample(t)); err != nil {
		t.Fatal(err)
	}
	r, err := ReadJSON("report.json", bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteJSON(&second, r); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the second writing differs from the first")
	}
}

func TestReadJSONErrors(t *testing.T) {
	check := `{"id":"a.b","title":"","level":"MUST","requirements":[],"client":"virtual","dialect":"fido","target":"fido","verdict":"pass","message":"","rerun":"","durationMs":0,"exchanges":[]}`
	tests := []struct{ name, in, want string }{
		{"empty", "", "r.json: not a report: EOF"},
		{"not JSON", "hello", "r.json: not a report: invalid character 'h'"},
		{"other type", `[]`, "r.json: not a report: json: cannot unmarshal array"},
		{"trailing", `{"schemaVersion":1} x`, "something follows the JSON object"},
		{"no version", `{}`, "schemaVersion is 0, this program reads 1"},
		{"verdict", `{"schemaVersion":1,"checks":[` + strings.Replace(check, `"pass"`, `"skipped"`, 1) + `]}`, `checks[0] a.b: unknown verdict "skipped"`},
		{"twice", `{"schemaVersion":1,"checks":[` + check + `,` + check + `]}`, "checks[1]: a.b on fido through virtual is there twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := ReadJSON("r.json", strings.NewReader(test.in))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ...%s...", err, test.want)
			}
			if r != nil {
				t.Error("a report came with the error")
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

// FuzzReadJSON: no input takes the reader or any form down.
func FuzzReadJSON(f *testing.F) {
	var b bytes.Buffer
	if err := WriteJSON(&b, sample(f)); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"schemaVersion":1,"checks":[{"id":"","verdict":"fail","exchanges":[{}]}]}`))
	f.Add([]byte(`{"schemaVersion":1,"stopped":{"reason":"x","message":"\u0000"},"baseline":{"accepted":1,"unused":[{}],"unexpected":[{}]}}`))
	f.Add(b.Bytes()[:4000])
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ReadJSON("fuzz", bytes.NewReader(data))
		if err != nil {
			if r != nil {
				t.Error("a report came with an error")
			}
			return
		}
		writeAll(t, r)
	})
}

// writeAll writes every form and fails the test if one cannot be written.
func writeAll(t *testing.T, r *Report) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"terminal": func(b *bytes.Buffer) error { return WriteTerminal(b, r, TerminalOptions{}) },
		"json":     func(b *bytes.Buffer) error { return WriteJSON(b, r) },
		"junit":    func(b *bytes.Buffer) error { return WriteJUnit(b, r, JUnitOptions{}) },
		"html":     func(b *bytes.Buffer) error { return WriteHTML(b, r, HTMLOptions{}) },
		"markdown": func(b *bytes.Buffer) error { return WriteMarkdown(b, r, MarkdownOptions{}) },
		"badge":    func(b *bytes.Buffer) error { return WriteBadge(b, r) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		out[name] = b.String()
	}
	return out
}
