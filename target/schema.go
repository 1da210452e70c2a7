package target

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

// Deviation is one place where options or an answer differ from their schema.
type Deviation struct {
	// Where is "options" for the mapped L3 form and "wire" for the dialect's own.
	Where string `json:"where"`
	// Schema is the schema's name under fixtures/schemas.
	Schema string `json:"schema"`
	// Pointer is the JSON Pointer (RFC 6901) of the place; empty is the whole.
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

func (d Deviation) String() string {
	return fmt.Sprintf("%s %s: %s", d.Where, first(d.Pointer, "/"), d.Message)
}

// optionSchemas are the schemas of the mapped options by kind of ceremony.
var optionSchemas = map[string]string{
	Registration:    "creation-options",
	Authentication:  "request-options",
	U2FRegistration: "u2f-register-request",
}

// Validate holds the mapped options against the JSON Schema of their
// dictionary, and the answer as the Relying Party wrote it against the
// dialect's own schema where the profile names one. It lists the deviations,
// by place; none is nil.
func (c *Ceremony) Validate() []Deviation {
	out := validate("options", optionSchemas[c.Kind], c.Options)
	if s := c.spec.steps[c.spec.optionsAt].schema; s != "" {
		out = append(out, validate("wire", s, c.Wire)...)
	}
	return out
}

// Bounds of validation: an answer can be wrong in a million places.
const (
	maxValidated  = 256 << 10
	maxDeviations = 100
)

func validate(where, name string, data []byte) []Deviation {
	sch, err := schemaFor(name)
	if err != nil {
		return []Deviation{{Where: where, Schema: name, Message: err.Error()}}
	}
	if len(data) > maxValidated {
		return []Deviation{{Where: where, Schema: name, Message: fmt.Sprintf("%d bytes are too many to be held against a schema", len(data))}}
	}
	v, err := parseJSON(data)
	if err != nil {
		return []Deviation{{Where: where, Schema: name, Message: err.Error()}}
	}
	err = sch.Validate(v)
	if err == nil {
		return nil
	}
	ve, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return []Deviation{{Where: where, Schema: name, Message: oneLine(err.Error())}}
	}
	var out []Deviation
	seen := map[string]bool{}
	add := func(at pointer, message string) {
		d := Deviation{Where: where, Schema: name, Pointer: at.String(), Message: message}
		if !seen[d.String()] && len(out) < maxDeviations {
			seen[d.String()] = true
			out = append(out, d)
		}
	}
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) > 0 {
			for _, c := range e.Causes {
				walk(c)
			}
			return
		}
		at := pointer(e.InstanceLocation)
		// A missing member is reported where it should be.
		if r, ok := e.ErrorKind.(*kind.Required); ok {
			for _, m := range r.Missing {
				add(append(slices.Clone(at), m), "missing")
			}
			return
		}
		add(at, oneLine(e.ErrorKind.LocalizedString(english)))
	}
	walk(ve)
	sort.SliceStable(out, func(i, j int) bool { return out[i].Pointer < out[j].Pointer })
	return out
}

var english = message.NewPrinter(language.English)

var schemas struct {
	sync.Mutex
	compiled map[string]*jsonschema.Schema
}

// schemaFor compiles an embedded schema once.
func schemaFor(name string) (*jsonschema.Schema, error) {
	schemas.Lock()
	defer schemas.Unlock()
	if s := schemas.compiled[name]; s != nil {
		return s, nil
	}
	if !contains(schemaNames(), name) {
		return nil, fmt.Errorf("no schema %q", oneLine(name))
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(embeddedSchemas{})
	s, err := c.Compile("touchstone:///" + name + ".schema.json")
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	if schemas.compiled == nil {
		schemas.compiled = map[string]*jsonschema.Schema{}
	}
	schemas.compiled[name] = s
	return s, nil
}

// embeddedSchemas loads schemas from the binary alone, never from a network or disk.
type embeddedSchemas struct{}

func (embeddedSchemas) Load(url string) (any, error) {
	name, ok := strings.CutPrefix(url, "touchstone:///")
	if !ok {
		return nil, fmt.Errorf("%s is not embedded", url)
	}
	data, err := fixtures.Schema(strings.TrimSuffix(name, ".schema.json"))
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(data))
}

// schemaNames lists the embedded schemas, sorted.
var schemaNames = sync.OnceValue(func() []string {
	var names []string
	// The walk is over memory; it cannot fail half-way.
	_ = fs.WalkDir(fixtures.Schemas(), ".", func(p string, _ fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(p, ".schema.json"); ok && err == nil {
			names = append(names, name)
		}
		return err
	})
	sort.Strings(names)
	return names
})
