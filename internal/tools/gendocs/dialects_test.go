package main

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/fixtures"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

func coverage(t *testing.T) *fixtures.DialectsCoverage {
	t.Helper()
	c, err := fixtures.Coverage()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every row is covered by checks and variants that there are, and that run where the row is from.
func TestCoverageHolds(t *testing.T) {
	checks, variants := suites.Catalogue(), target.Variants()
	hold := func(vendor, name string, c fixtures.Covered) {
		if len(c.Checks)+len(c.Variants) == 0 && len(c.Why) < 20 {
			t.Errorf("%s: %s: no check, no variant and no reason that says anything", vendor, name)
		}
		for _, glob := range c.Checks {
			matched := false
			for _, k := range checks {
				ok, err := path.Match(glob, k.ID)
				if err != nil {
					t.Fatalf("%s: %v", glob, err)
				}
				if !ok {
					continue
				}
				matched = true
				if len(k.Dialects) > 0 && !slices.ContainsFunc(k.Dialects, func(d string) bool { return strings.HasPrefix(d, vendor) }) {
					t.Errorf("%s: %s: check %s does not run in the vendor's dialects", vendor, name, k.ID)
				}
			}
			if !matched {
				t.Errorf("%s: %s: %s matches no check", vendor, name, glob)
			}
		}
		for _, v := range c.Variants {
			if !slices.Contains(variants, v) || !strings.HasPrefix(v, vendor) {
				t.Errorf("%s: %s: %s is no variant of the vendor's", vendor, name, v)
			}
		}
	}
	used := map[string]bool{}
	for _, d := range coverage(t).Documents {
		vendor, _, _ := strings.Cut(d.ID, "-")
		seen := map[string]bool{}
		for _, r := range d.Rows {
			hold(vendor, r.Name, r.Covered)
			if seen[r.Kind+" "+r.Name] {
				t.Errorf("%s: %s %s stands twice", d.ID, r.Kind, r.Name)
			}
			seen[r.Kind+" "+r.Name] = true
		}
	}
	for _, v := range coverage(t).Discrepancies {
		for _, r := range v.Rows {
			if r.A == "" || r.B == "" || r.Expect == "" {
				t.Errorf("%s: %s: a, b and expect must all be there", v.Vendor, r.Field)
			}
			hold(v.Vendor, r.Field, r.Covered)
			for _, x := range r.Variants {
				used[x] = true
			}
		}
	}
	for _, v := range variants {
		if !used[v] {
			t.Errorf("variant %s stands for no discrepancy", v)
		}
	}
}

// names are a document's row names, and what stands last in each.
func names(t *testing.T, id string) (whole, last map[string]bool) {
	t.Helper()
	whole, last = map[string]bool{}, map[string]bool{}
	for _, d := range coverage(t).Documents {
		if d.ID != id {
			continue
		}
		for _, r := range d.Rows {
			whole[r.Name] = true
			last[r.Name[strings.LastIndexAny(r.Name, ".=|")+1:]] = true
			if strings.HasSuffix(r.Name, "example.extension.bool") {
				last["example.extension.bool"] = true
			}
		}
	}
	if len(whole) == 0 {
		t.Fatalf("no document %s", id)
	}
	return whole, last
}

// What our own schemas of the documents name has a row.
func TestCoverageHasTheSchemas(t *testing.T) {
	for id, schemas := range map[string][]string{
		"fortanix-openapi": {"fortanix/published-creation-options", "fortanix/request-options", "fortanix/u2f-challenge"},
		"dfns-old-page":    {"dfns/old-page-credential-challenge"},
		"dfns-new-page":    {"dfns/credential-challenge"},
		"nevis":            {"nevis/result", "nevis/creation-options"},
	} {
		_, last := names(t, id)
		for _, name := range schemas {
			raw, err := fixtures.Schema(name)
			if err != nil {
				t.Fatal(err)
			}
			var schema any
			if err := json.Unmarshal(raw, &schema); err != nil {
				t.Fatal(err)
			}
			var walk func(v any)
			walk = func(v any) {
				switch v := v.(type) {
				case map[string]any:
					if props, ok := v["properties"].(map[string]any); ok {
						for p := range props {
							// The older page has no such member; its schema lets it pass.
							if !last[p] && !(id == "dfns-old-page" && p == "temporaryAuthenticationToken") {
								t.Errorf("%s: %s of schema %s has no row", id, p, name)
							}
						}
					}
					for _, x := range v {
						walk(x)
					}
				case []any:
					for _, x := range v {
						walk(x)
					}
				}
			}
			walk(schema)
		}
	}
}

// What the documents themselves name has a row, where they are at hand.
func TestCoverageHasTheDocuments(t *testing.T) {
	vectors := os.Getenv("TOUCHSTONE_VECTORS")
	if vectors == "" {
		t.Skip("optional: TOUCHSTONE_VECTORS is not set: beside the folder it names the vendors' documents may lie; TestCoverageHasTheSchemas holds our own schemas of them")
	}
	read := func(prefix string) string {
		found, err := filepath.Glob(filepath.Join(vectors, "..", "seeds", prefix+"_*.txt"))
		if err != nil || len(found) != 1 {
			t.Skip("optional: the vendors' documents are not beside the test vectors")
		}
		text, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	t.Run("fortanix-openapi", func(t *testing.T) {
		whole, _ := names(t, "fortanix-openapi")
		for _, n := range openAPINames(t, read("000")) {
			if !whole[n] {
				t.Errorf("%s has no row", n)
			}
		}
	})
	for id, d := range map[string]struct {
		file    string
		pattern []*regexp.Regexp
		not     []string
	}{
		"dfns-old-page": {"001", []*regexp.Regexp{regexp.MustCompile(`"(\w+)":`), regexp.MustCompile(`// \* ([a-z-]+)`), regexp.MustCompile(`(Auth:\w+:)?(Fido2|PasswordProtectedKey|RecoveryKey)`)}, nil},
		"dfns-new-page": {"002", []*regexp.Regexp{regexp.MustCompile(`"(\w+)":`), regexp.MustCompile(`--header '([A-Za-z-]+):`), regexp.MustCompile(`(?m)^(Fido2|Key|RecoveryKey|PasswordProtectedKey|none|indirect|direct|enterprise),?$`), regexp.MustCompile(`(?m)^(\d{3}) - `), regexp.MustCompile(`[✅❌] ([A-Za-z ]+?)(?: not allowed)?(?: \(|\n)`)},
			[]string{"Organization User", "Delegated User"}}, // their names in the API, in brackets, have the rows
		"nevis": {"003", []*regexp.Regexp{regexp.MustCompile(`(?m)^\s+(\w+) (?:string|object|boolean|int64|byte)\b`), regexp.MustCompile(`Possible values: \[(.*)\]`)}, nil},
	} {
		t.Run(id, func(t *testing.T) {
			whole, last := names(t, id)
			text, found := read(d.file), 0
			for _, p := range d.pattern {
				for _, m := range p.FindAllStringSubmatch(text, -1) {
					for _, n := range strings.Split(m[len(m)-1], ", ") {
						found++
						n = strings.TrimSpace(n)
						if !last[n] && !last[n+"[]"] && !whole[n] && !slices.Contains(d.not, n) {
							t.Errorf("%s has no row", n)
						}
					}
				}
			}
			if found < 20 {
				t.Errorf("%d names found in the document: the patterns miss it", found)
			}
		})
	}
}

// openAPINames are the names of an OpenAPI document in the table's spelling.
func openAPINames(t *testing.T, text string) []string {
	t.Helper()
	type schema struct {
		Ref        string `json:"$ref"`
		AllOf      []schema
		OneOf      []schema
		Properties map[string]json.RawMessage
		Enum       []string
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Security  []map[string]any
			Responses map[string]any
		}
		Components struct{ Schemas map[string]schema }
	}
	begin := strings.Index(text, "````json")
	if begin < 0 {
		t.Fatal("no JSON in the document")
	}
	text = text[begin:]
	text = text[strings.Index(text, "{") : strings.LastIndex(text, "}")+1]
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	var out []string
	for p, methods := range doc.Paths {
		for m, op := range methods {
			out = append(out, strings.ToUpper(m)+" "+p)
			for _, s := range op.Security {
				for n := range s {
					out = append(out, n)
				}
			}
			for status := range op.Responses {
				out = append(out, status)
			}
		}
	}
	var walk func(name string, s schema)
	walk = func(name string, s schema) {
		for p := range s.Properties {
			out = append(out, name+"."+p)
		}
		for _, e := range s.Enum {
			out = append(out, name+"="+e)
		}
		for _, arm := range s.OneOf {
			ref := arm.Ref[strings.LastIndex(arm.Ref, "/")+1:]
			if ref == "" {
				ref = "string"
			}
			out = append(out, name+"|"+ref)
		}
		for _, inner := range s.AllOf {
			walk(name, inner)
		}
	}
	for name, s := range doc.Components.Schemas {
		walk(name, s)
	}
	if len(out) < 60 {
		t.Fatalf("%d names found in the document", len(out))
	}
	return out
}
