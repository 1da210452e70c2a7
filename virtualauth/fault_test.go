package virtualauth

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite generated and golden files")

// faultsSource is the source of the Faults struct: the catalogue says what a
// fault is once, and the struct's comments repeat it for godoc.
func faultsSource() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("// Code generated from the catalogue of faults by go test -run TestFaultsStruct -update; DO NOT EDIT.\n\n")
	b.WriteString("package virtualauth\n\n")
	b.WriteString("// Faults is all the misbehaviour that can be asked for, one field a fault; the\n")
	b.WriteString("// zero value asks for none. Several may be set, and each is applied at its own\n")
	b.WriteString("// stage. AllFaults says of each what it violates and where it applies.\n")
	b.WriteString("type Faults struct {\n")
	stage := Stage(-1)
	for _, f := range AllFaults() {
		if f.Stage != stage {
			if stage >= 0 {
				b.WriteByte('\n')
			}
			stage = f.Stage
			fmt.Fprintf(&b, "// Faults of the stage %s.\n\n", stage)
		}
		fmt.Fprintf(&b, "// %s: %s.\n// %s", f.Field, f.Doc, strings.ToUpper(f.Strength.String()[:1])+f.Strength.String()[1:])
		if len(f.Steps) > 0 {
			fmt.Fprintf(&b, " (step %s)", strings.Join(f.Steps, ", "))
		}
		fmt.Fprintf(&b, ": %s\n%s bool\n", f.Violates, f.Field)
	}
	b.WriteString("}\n")
	return format.Source(b.Bytes())
}

func TestFaultsStruct(t *testing.T) {
	want, err := faultsSource()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("faults_struct.go", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("faults_struct.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("faults_struct.go does not say what the catalogue says: run go test -run TestFaultsStruct -update")
	}
}

func TestRegistryAndStructAgree(t *testing.T) {
	fields := reflect.TypeFor[Faults]()
	byField := map[string]Fault{}
	names := map[string]bool{}
	last := Stage(-1)
	for _, f := range AllFaults() {
		if _, twice := byField[f.Field]; twice || names[f.Name] {
			t.Errorf("%s is registered twice", f.Field)
		}
		byField[f.Field], names[f.Name] = f, true
		field, ok := fields.FieldByName(f.Field)
		if !ok || field.Type.Kind() != reflect.Bool {
			t.Errorf("Faults has no bool %s", f.Field)
		}
		if f.Stage < last {
			t.Errorf("%s stands behind a later stage", f.Name)
		}
		last = f.Stage
		if f.Doc == "" || strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: doc %q should be a sentence without its full stop", f.Name, f.Doc)
		}
		if !strings.HasPrefix(f.Violates, "https://www.w3.org/TR/webauthn-3/#") {
			t.Errorf("%s violates %q, which is no anchor", f.Name, f.Violates)
		}
		if !f.InRegistration() && !f.InAuthentication() {
			t.Errorf("%s is of no ceremony", f.Name)
		}
		if f.Legal != (f.Strength == MustAccept) {
			t.Errorf("%s: Legal is %v with strength %v", f.Name, f.Legal, f.Strength)
		}
		if f.Name != strings.ToLower(f.Name) || strings.ContainsAny(f.Name, " _") {
			t.Errorf("%s is not a name in lower case with hyphens", f.Name)
		}
	}
	for i := range fields.NumField() {
		if _, ok := byField[fields.Field(i).Name]; !ok {
			t.Errorf("Faults.%s is not in the registry", fields.Field(i).Name)
		}
	}
	if n := len(byField); n < 300 {
		t.Errorf("only %d faults", n)
	} else {
		t.Logf("%d faults", n)
	}
}

func TestNamesAndParse(t *testing.T) {
	f := Faults{SignatureBitFlip: true, ClientDataTypeGet: true}
	names := f.Names()
	if !reflect.DeepEqual(names, []string{"client-data-type-get", "signature-bit-flip"}) {
		t.Errorf("names are %v", names)
	}
	back, err := ParseFaults(names...)
	if err != nil || back != f {
		t.Errorf("parsed %+v, %v", back, err)
	}
	if _, err := ParseFaults("no-such-fault"); err == nil {
		t.Error("an unknown name was parsed")
	}
	for _, fault := range AllFaults() {
		f, err := ParseFaults(fault.Name)
		if err != nil || !reflect.ValueOf(f).FieldByName(fault.Field).Bool() {
			t.Errorf("%s does not set %s: %v", fault.Name, fault.Field, err)
		}
		if got, ok := LookupFault(fault.Name); !ok || got.Field != fault.Field {
			t.Errorf("%s is not found by its name", fault.Name)
		}
	}
}

func TestKebab(t *testing.T) {
	for field, want := range map[string]string{
		"ClientDataTypeGet": "client-data-type-get",
		"RPIDHashZero":      "rp-id-hash-zero",
		"U2FX5CTwo":         "u2f-x5c-two",
		"FlagBSWithoutBE":   "flag-bs-without-be",
		"CredentialID1024":  "credential-id-1024",
	} {
		if got := kebab(field); got != want {
			t.Errorf("%s became %s, not %s", field, got, want)
		}
	}
}
