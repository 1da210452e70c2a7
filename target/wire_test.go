package target

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files")

// resultBody is a fido registration result, with every role.
func resultBody(t testing.TB, kind string) (*body, map[Role]pointer, any) {
	t.Helper()
	p, err := LoadDialect("fido")
	if err != nil {
		t.Fatal(err)
	}
	c := p.ceremonies[kind]
	credential := registrationCredential
	if kind == Authentication {
		credential = authenticationCredential
	}
	cred, err := parseJSON([]byte(credential))
	if err != nil {
		t.Fatal(err)
	}
	b := c.steps[c.resultAt].body
	v, err := b.value(map[string]any{"credential": cred}, "")
	if err != nil {
		t.Fatal(err)
	}
	return b, c.roles, v
}

func TestWireFaultsGolden(t *testing.T) {
	var out strings.Builder
	for _, kind := range []string{Registration, Authentication} {
		b, roles, v := resultBody(t, kind)
		plain := encodeJSON(v, nil)
		fmt.Fprintf(&out, "# %s\nnone: %s\n", kind, plain)
		for _, f := range AllWireFaults() {
			if !slices.Contains(f.Ceremonies, kind) {
				continue
			}
			w, err := ParseWireFaults(f.Name)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.Names(); len(got) != 1 || got[0] != f.Name {
				t.Errorf("%s is named %v", f.Name, got)
			}
			data, err := w.apply(b, roles, v)
			if err != nil {
				if !errors.Is(err, ErrNoRole) {
					t.Errorf("%s: %v", f.Name, err)
				}
				fmt.Fprintf(&out, "%s: %v\n", f.Name, err)
				continue
			}
			if bytes.Equal(data, plain) {
				t.Errorf("%s changes nothing", f.Name)
			}
			if f.Legal && !json.Valid(data) {
				t.Errorf("%s is legal and no JSON: %s", f.Name, data)
			}
			if len(data) > 2000 {
				data = []byte(fmt.Sprintf("%s ... %d bytes ... %s", data[:300], len(data), data[len(data)-40:]))
			}
			text := string(data)
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\uFEFF") {
				text = fmt.Sprintf("%q", text)
			}
			fmt.Fprintf(&out, "%s: %s\n", f.Name, text)
		}
		if again := encodeJSON(v, nil); !bytes.Equal(again, plain) {
			t.Errorf("the faults changed the value itself: %s", again)
		}
	}
	const golden = "testdata/wire-faults.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("differs from %s; look at it and run with -update\n%s", golden, out.String())
	}
}

func TestWireFaultRegistry(t *testing.T) {
	registered := map[string]bool{}
	names := map[string]bool{}
	for _, f := range AllWireFaults() {
		registered[f.Field] = true
		if names[f.Name] {
			t.Errorf("%s is there twice", f.Name)
		}
		names[f.Name] = true
		if f.Doc == "" || len(f.Ceremonies) == 0 || f.Legal != (f.Violates == "") || f.Legal && f.Lenient {
			t.Errorf("%+v", f)
		}
		if !f.Legal && !strings.HasPrefix(f.Violates, "https://") {
			t.Errorf("%s violates %q", f.Name, f.Violates)
		}
	}
	fields := reflect.TypeOf(WireFaults{})
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		if !registered[name] {
			t.Errorf("the field %s is not in the registry", name)
		}
		delete(registered, name)
		if fields.Field(i).Type == reflect.TypeOf(Role("")) && name != "Duplicate" && memberFaults[name] == nil {
			t.Errorf("the field %s has no operation", name)
		}
	}
	for name := range registered {
		t.Errorf("the registry has %s, and the struct has not", name)
	}
	if _, err := ParseWireFaults("missing-idd"); err == nil || !strings.Contains(err.Error(), "did you mean missing-id?") {
		t.Errorf("a slip: %v", err)
	}
	if _, err := ParseWireFaults("missing-id", "missing-type"); err == nil {
		t.Error("two roles for one field")
	}
	w, err := ParseWireFaults("missing-type", "body-bom", "missing-type", "padded-id")
	if err != nil || fmt.Sprint(w.Names()) != "[missing-type padded-id body-bom]" {
		t.Errorf("%v, %v", w.Names(), err)
	}
}

func TestWireFaultsOfForms(t *testing.T) {
	n := func(s string) *expr {
		e, err := compileJQ(&node{kind: stringNode, text: s}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	b := &body{kind: "form", form: []namedExpr{{"id", n(`"YWJjZA"`)}, {"n", n("1")}, {"gone", n("null")}}}
	v, err := b.value(map[string]any{}, "")
	if err != nil {
		t.Fatal(err)
	}
	roles := map[Role]pointer{RoleID: {"id"}, RoleSignature: {"gone"}}
	for _, c := range []struct{ fault, want string }{
		{"", "id=YWJjZA&n=1"},
		{"missing-id", "n=1"},
		{"empty-string-id", "id=&n=1"},
		{"padded-id", "id=YWJjZA%3D%3D&n=1"},
		{"not-base64url-id", "id=%21YWJjZA%2A&n=1"},
		{"duplicate-id", "id=YWJjZA&n=1&id=AWJjZA"},
		{"body-empty", ""},
		{"body-truncated", "id=YWJ"},
		{"number-id", "no"},
		{"null-id", "no"},
		{"body-array", "no"},
		{"missing-signature", "no"},
		{"missing-type", "no"},
	} {
		var w WireFaults
		if c.fault != "" {
			if w, err = ParseWireFaults(c.fault); err != nil {
				t.Fatal(err)
			}
		}
		data, err := w.apply(b, roles, v)
		if c.want == "no" {
			if !errors.Is(err, ErrNoRole) {
				t.Errorf("%s: %s, %v", c.fault, data, err)
			}
			continue
		}
		if err != nil || string(data) != c.want {
			t.Errorf("%s: %s, %v, want %s", c.fault, data, err, c.want)
		}
	}
}

func TestPointers(t *testing.T) {
	doc := map[string]any{"a/b": map[string]any{"m~n": []any{"x", map[string]any{"": "y"}}}}
	p, ok := parsePointer("/a~1b/m~0n/1/")
	if !ok || p.String() != "/a~1b/m~0n/1/" {
		t.Fatalf("pointer %v", p)
	}
	if v, ok := p.lookup(doc); !ok || v != "y" {
		t.Errorf("found %v", v)
	}
	for _, s := range []string{"a", "/~2", "/a~"} {
		if _, ok := parsePointer(s); ok {
			t.Errorf("%q is a pointer", s)
		}
	}
	for _, s := range []string{"/x", "/a~1b/m~0n/7", "/a~1b/m~0n/-", "/a~1b/m~0n/0/x"} {
		p, _ := parsePointer(s)
		if v, ok := p.lookup(doc); ok {
			t.Errorf("%s finds %v", s, v)
		}
		if got := p.replace(doc, func(any) (any, bool) { return nil, false }); !reflect.DeepEqual(got, doc) {
			t.Errorf("%s replaced something: %v", s, got)
		}
	}
	p, _ = parsePointer("/a~1b/m~0n/0")
	got := p.replace(doc, func(any) (any, bool) { return nil, false })
	if want := `{"a/b":{"m~n":[{"":"y"}]}}`; string(encodeJSON(got, nil)) != want {
		t.Errorf("removed: %s", encodeJSON(got, nil))
	}
}

func FuzzWireFaults(f *testing.F) {
	f.Add("missing-id", []byte(registrationCredential))
	f.Add("duplicate-response", []byte(`{"id":"","response":{}}`))
	f.Add("padded-signature", []byte(authenticationCredential))
	f.Add("unknown-member", []byte(`[]`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		w, err := ParseWireFaults(name)
		if err != nil {
			return
		}
		v, err := parseJSON(data)
		if err != nil {
			return
		}
		b, roles, _ := resultBody(t, Registration)
		if _, err := w.apply(b, roles, v); err != nil && !errors.Is(err, ErrNoRole) {
			t.Fatal(err)
		}
	})
}

// FuzzOptions maps whatever a Relying Party may answer.
func FuzzOptions(f *testing.F) {
	for _, s := range []string{fidoCreation, fidoRequest, fortanixCreation, dfnsInit, dfnsAction, `{"status":"ok","rp":{"entity":7},"u2f_keys":{}}`, `[[]]`, `1e99999`} {
		f.Add([]byte(s))
	}
	var all []*Profile
	for _, name := range append(Dialects(), Variants()...) {
		p, err := LoadDialect(name)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, p)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a := &answer{status: 200, raw: data}
		a.body, a.jsonErr = parseJSON(data)
		for _, p := range all {
			for kind, spec := range p.ceremonies {
				st := spec.steps[spec.optionsAt]
				in := map[string]any{"res": a.res(), "rp": map[string]any{"id": "rp.example", "origin": "https://rp.example"}, "vars": map[string]any{"appId": ""}}
				if o := st.classify(a, in, ""); o.Kind == "" || strings.ContainsAny(o.Message, "\n\r") || len(o.Message) > 500 {
					t.Fatalf("%s: outcome %+v", p.Name(), o)
				}
				v, err := st.options.run(in, "")
				if err != nil {
					continue
				}
				options := encodeJSON(v, nil)
				if !json.Valid(options) {
					t.Fatalf("%s: options %s", p.Name(), options)
				}
				for _, d := range validate("options", optionSchemas[kind], options) {
					if d.Message == "" || strings.ContainsAny(d.String(), "\n\r") {
						t.Fatalf("%s: deviation %+v", p.Name(), d)
					}
				}
			}
		}
	})
}
