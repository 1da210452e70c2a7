package compare

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what came out; -update writes it\n%s", file, got)
	}
}

// sample is what the virtual client makes of some cases, beside what browsers
// were measured to; versions are fixed so that the files stay.
func sample(t *testing.T, names ...string) []Comparison {
	t.Helper()
	chosen, err := SelectCases(cases(t), names)
	if err != nil {
		t.Fatal(err)
	}
	list, err := OnRecord(t.Context(), chosen, []client.Client{client.NewVirtual()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		for j := range list[i].Outcomes {
			list[i].Outcomes[j].Version = "1.2.3"
		}
	}
	return list
}

func TestForms(t *testing.T) {
	list := sample(t, "create.attestation-direct", "get.type-unknown-only", "create.u2f", "json.padded", "entities.user-name-missing")
	list[1].Outcomes[2].Message = "an \x1b[31mevil\u202e <b>message</b>"
	var text, page, doc bytes.Buffer
	for _, err := range []error{WriteText(&text, list, TextOptions{}), WriteHTML(&page, list), WriteJSON(&doc, list)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "sample.txt", text.Bytes())
	golden(t, "sample.html", page.Bytes())
	golden(t, "sample.json", doc.Bytes())
	if strings.Contains(page.String(), "<b>message") || bytes.ContainsAny(append(text.Bytes(), page.Bytes()...), "\x1b") {
		t.Error("a browser's message got through as markup or a control sequence")
	}
	if regexp.MustCompile(`(?i)(src|href)="(?:[^h#]|h[^t])`).Match(page.Bytes()) || strings.Contains(page.String(), "<script") {
		t.Error("the page fetches something")
	}
	back, err := ReadJSON("sample.json", doc.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if drifts := Unexpected(back, list); len(drifts) != 0 {
		t.Errorf("what was written and read again differs: %v", drifts)
	}
}

func TestUnexpected(t *testing.T) {
	was := sample(t, "create.minimal")
	now := sample(t, "create.minimal")
	now[0].Outcomes[0].Fields = Fields{"outcome": "SecurityError"}
	now[0].Outcomes[1].Fields["flags"] = "UP"
	now[0].Outcomes = now[0].Outcomes[:2]
	var got []string
	for _, d := range Unexpected(was, now) {
		got = append(got, d.Client+" "+d.Field+" "+d.Was+" "+d.Now)
	}
	want := "firefox outcome resolved |virtual outcome resolved SecurityError|chrome flags UP UV AT UP"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
	for _, bad := range []string{"", "[]", "{", `{"compareVersion":2}`} {
		if _, err := ReadJSON("x.json", []byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestMeasurement(t *testing.T) {
	for _, m := range mustMeasured(t) {
		text, err := m.JSON()
		if err != nil {
			t.Fatal(err)
		}
		shipped, err := os.ReadFile(filepath.Join("..", "fixtures", "interop", "measured", m.FileName()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text, shipped) {
			t.Errorf("%s is not as it would be written", m.FileName())
		}
		var fields map[string]bool
		for name, f := range m.Cases {
			fields = map[string]bool{"cannot": true}
			for _, n := range FieldNames {
				fields[n] = true
			}
			for n := range f {
				if !fields[n] {
					t.Errorf("%s: %s: no field is called %s", m.FileName(), name, n)
				}
			}
		}
	}
	for _, bad := range []string{"", "{}", `{"client":"x","version":"1"}`, `{"client":"x","version":"1","cases":{},"more":1}`} {
		if _, err := ParseMeasurement("x.json", []byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if compareVersions("156.0.8078.108", "156.0.8078.79") <= 0 || compareVersions("9.1", "10") >= 0 || compareVersions("1.2", "1.2") != 0 {
		t.Error("versions are compared wrongly")
	}
}

func mustMeasured(t testing.TB) []*Measurement {
	t.Helper()
	list, err := Measured()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func FuzzMeasurement(f *testing.F) {
	f.Add([]byte(`{"client":"x","version":"1","cases":{"a":{"outcome":"resolved"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMeasurement("x.json", data)
		if err != nil {
			return
		}
		text, err := m.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseMeasurement("x.json", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if drifts := Drifts(m, again); len(drifts) != 0 {
			t.Errorf("%v", drifts)
		}
	})
}

func TestFindings(t *testing.T) {
	for name, want := range map[string]string{
		"create.minimal":                    "",
		"algorithms.string":                 "pubKeyCredParams[0].alg, pubKeyCredParams",
		"algorithms.typo":                   "pubKeyCredParam, pubKeyCredParams!",
		"algorithms.rs256":                  "",
		"algorithms.eddsa":                  "pubKeyCredParams",
		"entities.rp-name-missing":          "rp.name!",
		"entities.rp-entity-nested":         "rp.entity",
		"entities.rp-id-unrelated":          "rp.id!",
		"entities.rp-id-suffix":             "",
		"entities.user-id-65-bytes":         "user.id!",
		"entities.user-id-string":           "user.id!",
		"create.challenge-numbers":          "challenge!",
		"create.challenge-view":             "",
		"exclude.transports-string":         "excludeCredentials[0].transports!",
		"exclude.sixty-five":                "excludeCredentials",
		"selection.require-resident-string": "authenticatorSelection.requireResidentKey",
		"selection.timeout-zero":            "timeout",
		"extensions.unknown":                "extensions.example.extension.bool",
		"extensions.prf-by-credential":      "extensions.prf.evalByCredential!",
		"appid.on-create":                   "extensions.appid!",
		"appid.exclude-other-site":          "extensions.appidExclude!",
		"appid.same-site":                   "",
		"appid.not-a-url":                   "extensions.appid!",
		"get.type-unknown-only":             "allowCredentials",
		"json.padded":                       "challenge!",
		"interfaces.capabilities":           "",
		"create.publickey-absent":           "",
	} {
		chosen, err := SelectCases(cases(t), []string{name})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range findings(chosen[0].Input) {
			path := f.Path
			if f.Must {
				path += "!"
			}
			got = append(got, path)
			if !strings.HasPrefix(f.Anchor, "https://www.w3.org/TR/webauthn-3/#") {
				t.Errorf("%s: %s has the anchor %q", name, f.Path, f.Anchor)
			}
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%s: found %s, want %s", name, s, want)
		}
	}
}

// FuzzFindings: no options cause a panic, and the virtual client takes any.
func FuzzFindings(f *testing.F) {
	for _, c := range cases(f) {
		if c.Input.Call.Method == "create" || c.Input.Call.Method == "get" {
			f.Add([]byte(c.Input.Call.Options), c.Input.Call.Method == "create", c.Input.Call.JSON)
		}
	}
	f.Fuzz(func(t *testing.T, options []byte, create, fromJSON bool) {
		if !json.Valid(options) || bytes.Contains(options, []byte("$repeat")) {
			return // a page that is not JSON is no page, and repetition only costs time
		}
		in := Input{Origin: CaseOrigin, Call: client.Call{Method: "get", Options: options, JSON: fromJSON}}
		if create {
			in.Call.Method = "create"
		}
		findings(in)
		if _, err := Run(t.Context(), []Input{in}, []client.Client{client.NewVirtual()}); err != nil && !strings.Contains(err.Error(), "$") {
			t.Error(err)
		}
	})
}
