package suites_test

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchstone-webauthn/touchstone/fixtures"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/suites"
)

// embedded loads the shipped schemas by their own addresses.
type embedded struct{}

func (embedded) Load(url string) (any, error) {
	name := url[len("touchstone:///") : len(url)-len(".schema.json")]
	text, err := fixtures.Schema(name)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

// What a dialect sends as the result of a valid ceremony is what the vendor's
// documents and clients have, no member more or less.
func TestResultBodiesFitTheirSchemas(t *testing.T) {
	checks, err := suites.Select(suites.Catalogue(), []string{"registration.accepted.plain", "authentication.accepted.plain"})
	if err != nil {
		t.Fatal(err)
	}
	report := referenceRun(t, reference.Dialects(), nil, func(c *suites.Config) { c.Checks, c.KeepExchanges = checks, true })
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(embedded{})
	for _, c := range report.Checks {
		ceremony := "registration"
		if c.ID == "authentication.accepted.plain" {
			ceremony = "authentication"
		}
		name := c.Dialect + "/" + ceremony + "-result"
		schema, err := compiler.Compile("touchstone:///" + name + ".schema.json")
		if err != nil {
			t.Fatal(err)
		}
		var sent []byte
		for _, e := range c.Exchanges {
			if e.Step == "result" {
				sent = e.RequestBytes() // the last is this ceremony's
			}
		}
		body, err := jsonschema.UnmarshalJSON(bytes.NewReader(sent))
		if err != nil {
			t.Errorf("%s: no result was sent: %v", name, err)
			continue
		}
		if err := schema.Validate(body); err != nil {
			t.Errorf("%s: %v\n%s", name, err, sent)
		}
	}
}
