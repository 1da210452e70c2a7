package discover

import (
	"fmt"
	"slices"
	"strings"

	yaml "github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/examples/profiles"
	"github.com/touchstone-webauthn/touchstone/fixtures"
	"github.com/touchstone-webauthn/touchstone/target"
)

// Shape is a form of RP that is looked for; fixtures/shapes.yaml says what each
// member means.
type Shape struct {
	Name      string   `yaml:"name"`
	Title     string   `yaml:"title"`
	Documents []string `yaml:"documents"`
	Dialects  []string `yaml:"dialects"`
	// Example is the name of an example profile, which then is all there is.
	Example        string            `yaml:"-"`
	Prefixes       []string          `yaml:"prefixes"`
	Asks           []string          `yaml:"asks"`
	Note           string            `yaml:"note"`
	Vars           map[string]Var    `yaml:"vars"`
	Headers        map[string]string `yaml:"headers"`
	User           map[string]string `yaml:"user"`
	Account        Account           `yaml:"account"`
	Registration   Ceremony          `yaml:"registration"`
	Authentication Ceremony          `yaml:"authentication"`
}

// Var is a variable of the profile.
type Var struct {
	Env   string `yaml:"env"`
	Value string `yaml:"value"`
}

// Account are steps that make an account and log in.
type Account struct {
	Create []Step `yaml:"create"`
	Login  []Step `yaml:"login"`
}

// Ceremony is the two requests of one.
type Ceremony struct {
	Options          Step   `yaml:"options"`
	Result           Step   `yaml:"result"`
	Credential       string `yaml:"credential"`
	ExtensionResults string `yaml:"extensionResults"`
}

// Step is one request.
type Step struct {
	ID      string            `yaml:"id"`
	Method  string            `yaml:"method"`
	Path    string            `yaml:"path"`
	Query   map[string]string `yaml:"query"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
	Form    map[string]string `yaml:"form"`
	Save    map[string]string `yaml:"save"`
}

// whole says whether the shape is profiles that are there already.
func (s Shape) whole() bool { return len(s.Dialects) > 0 || s.Example != "" }

// load reads one of them.
func (s Shape) load(name string) (*target.Profile, error) {
	if s.Example == "" {
		return target.LoadDialect(name)
	}
	text, err := profiles.Text(name)
	if err != nil {
		return nil, err
	}
	return target.LoadProfile("examples/profiles/"+name+".yaml", text)
}

func (s Step) method() string {
	if s.Method == "" {
		return "POST"
	}
	return s.Method
}

// Shapes reads the embedded shapes. Between the dialects and the other forms stand
// the example profiles, which somebody has written with more knowledge.
func Shapes() ([]Shape, error) {
	data, err := fixtures.Shapes()
	if err != nil {
		return nil, err
	}
	var list []Shape
	if err := yaml.UnmarshalWithOptions(data, &list, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("shapes: %w", err)
	}
	after := 0
	for after < len(list) && len(list[after].Dialects) > 0 {
		after++
	}
	var examples []Shape
	for _, name := range profiles.Names() {
		text, err := profiles.Text(name)
		if err != nil {
			return nil, fmt.Errorf("example %s: %w", name, err)
		}
		p, err := target.LoadProfile("examples/profiles/"+name+".yaml", text)
		if err != nil {
			return nil, err
		}
		examples = append(examples, Shape{Name: name, Title: p.Title(), Example: name})
	}
	list = slices.Insert(list, after, examples...)
	for i := range list {
		s := &list[i]
		if len(s.Prefixes) == 0 {
			s.Prefixes = []string{""}
		}
		for _, c := range []*Ceremony{&s.Registration, &s.Authentication} {
			if c.ExtensionResults == "" {
				c.ExtensionResults = "clientExtensionResults"
			}
			c.Options.ID, c.Result.ID = "options", "result"
		}
	}
	return list, nil
}

// Names lists the names that a user may ask for: shapes and dialects.
func Names(list []Shape) []string {
	var names []string
	for _, s := range list {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
		for _, d := range s.Dialects {
			if !slices.Contains(names, d) {
				names = append(names, d)
			}
		}
	}
	return names
}

// pick keeps the shapes that were asked for; a variant's name leaves it alone of its shape.
func pick(list []Shape, names []string) ([]Shape, error) {
	if len(names) == 0 {
		return list, nil
	}
	var out []Shape
	for _, name := range names {
		found := false
		for _, s := range list {
			switch {
			case s.Name == name:
			case slices.Contains(s.Dialects, name):
				s.Dialects = []string{name}
			default:
				continue
			}
			found = true
			out = append(out, s)
		}
		if !found {
			return nil, fmt.Errorf("no shape %q (one of %s)", name, strings.Join(Names(list), ", "))
		}
	}
	return out, nil
}
