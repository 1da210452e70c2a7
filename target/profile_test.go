package target

import (
	"testing"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

func TestDialectsLoad(t *testing.T) {
	for _, name := range fixtures.DialectNames() {
		t.Run(name, func(t *testing.T) {
			p, err := LoadDialect(name)
			if err != nil {
				t.Fatal(err)
			}
			if p.Dialect() != name || p.Title() == "" || len(p.Documents()) == 0 {
				t.Errorf("dialect %q, title %q, documents %v", p.Dialect(), p.Title(), p.Documents())
			}
			for _, f := range Features() {
				d := p.Feature(f.Name)
				switch {
				case f.Policy:
				case !d.Declared && d.Absent == "":
					t.Errorf("says nothing of %s", f.Name)
				}
			}
		})
	}
}

func TestSchemasCompile(t *testing.T) {
	for _, name := range schemaNames() {
		if name == "webauthn" {
			continue
		}
		if _, err := schemaFor(name); err != nil {
			t.Errorf("%v", err)
		}
	}
}
