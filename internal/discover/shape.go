package discover

import (
	"fmt"
	"slices"
	"strings"

	yaml "github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

// Shape is a form of RP that is looked for; fixtures/shapes.yaml says what each
// member means.
type Shape struct {
	Name           string            `yaml:"name"`
	Title          string            `yaml:"title"`
	Documents      []string          `yaml:"documents"`
	Dialects       []string          `yaml:"dialects"`
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

func (s Step) method() string {
	if s.Method == "" {
		return "POST"
	}
	return s.Method
}

// Shapes reads the embedded shapes.
func Shapes() ([]Shape, error) {
	data, err := fixtures.Shapes()
	if err != nil {
		return nil, err
	}
	var list []Shape
	if err := yaml.UnmarshalWithOptions(data, &list, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("shapes: %w", err)
	}
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
		names = append(names, s.Name)
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
			break
		}
		if !found {
			return nil, fmt.Errorf("no shape %q (one of %s)", name, strings.Join(Names(list), ", "))
		}
	}
	return out, nil
}
