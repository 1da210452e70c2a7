package judges

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "github.com/goccy/go-yaml"
)

const expectationsFile = "../../fixtures/judges.yaml"

// expectations are fixtures/judges.yaml.
type expectations struct {
	// Sets are lists that rules name by YAML anchors.
	Sets   map[string][]string `yaml:"sets"`
	Judges []*judge            `yaml:"judges"`
}

type judge struct {
	Name    string `yaml:"name"`
	Title   string `yaml:"title"`
	Version string `yaml:"version"`
	Trust   string `yaml:"trust"`
	// Of the rules that name a cell, the first decides.
	Registration   []*rule `yaml:"registration"`
	Authentication []*rule `yaml:"authentication"`
}

type rule struct {
	Formats    []string `yaml:"formats"`
	Algorithms []string `yaml:"algorithms"`
	Extensions []string `yaml:"extensions"`
	// Refuse is a regular expression for the reason; empty: the judge accepts.
	Refuse string `yaml:"refuse"`
	Why    string `yaml:"why"`
	// Without says that the rule is only for surroundings that lack this.
	Without string `yaml:"without"`

	refuse *regexp.Regexp
}

func (r *rule) String() string {
	return fmt.Sprintf("[%s] x [%s] x [%s]", strings.Join(r.Formats, " "), strings.Join(r.Algorithms, " "), strings.Join(r.Extensions, " "))
}

func (r *rule) names(c coordinates) bool {
	return slices.Contains(r.Formats, c.format) && slices.Contains(r.Algorithms, c.alg) && slices.Contains(r.Extensions, c.extension)
}

// differs says how a verdict is not what the rule expects; a nil rule expects nothing.
func (r *rule) differs(got *string) string {
	switch {
	case r == nil && got == nil:
		return "it is accepted, and " + expectationsFile + " has no rule for it"
	case r == nil:
		return "it is refused, and " + expectationsFile + " has no rule for it: " + *got
	case r.refuse == nil && got != nil:
		return "it must be accepted and is refused: " + *got
	case r.refuse != nil && got == nil:
		return "it must be refused (" + r.Why + ") and is accepted"
	case r.refuse != nil && !r.refuse.MatchString(*got):
		return fmt.Sprintf("it is refused for another reason than %q: %s", r.Refuse, *got)
	}
	return ""
}

func (j *judge) rules(ceremony string) []*rule {
	if ceremony == registration {
		return j.Registration
	}
	return j.Authentication
}

func (j *judge) all() []*rule { return slices.Concat(j.Registration, j.Authentication) }

// find is the rule that decides a cell where the judge's surroundings have these.
func (j *judge) find(ceremony string, c coordinates, has []string) *rule {
	for _, r := range j.rules(ceremony) {
		if r.names(c) && (r.Without == "" || !slices.Contains(has, r.Without)) {
			return r
		}
	}
	return nil
}

func (e *expectations) judge(name string) *judge {
	for _, j := range e.Judges {
		if j.Name == name {
			return j
		}
	}
	return nil
}

func loadExpectations() (*expectations, error) {
	text, err := os.ReadFile(expectationsFile)
	if err != nil {
		return nil, err
	}
	return readExpectations(text)
}

func readExpectations(text []byte) (*expectations, error) {
	e := &expectations{}
	if err := yaml.UnmarshalWithOptions(text, e, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", expectationsFile, err)
	}
	known := map[string]bool{}
	for _, c := range coordinatesOfAll() {
		known[c.format], known[c.alg], known[c.extension] = true, true, true
	}
	for _, j := range e.Judges {
		for _, r := range j.all() {
			for _, name := range slices.Concat(r.Formats, r.Algorithms, r.Extensions) {
				if !known[name] {
					return nil, fmt.Errorf("%s: %s: no cell has %q", expectationsFile, j.Name, name)
				}
			}
			if (r.Refuse == "") != (r.Why == "") {
				return nil, fmt.Errorf("%s: %s: %s: refuse and why go together", expectationsFile, j.Name, r)
			}
			if r.Refuse == "" {
				continue
			}
			var err error
			if r.refuse, err = regexp.Compile(r.Refuse); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", expectationsFile, j.Name, err)
			}
		}
	}
	return e, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// TestRules shows that a wrong verdict, and one that no rule is for, is noticed.
func TestRules(t *testing.T) {
	said := func(s string) *string { return &s }
	accept := &rule{}
	refuse := &rule{Refuse: "no such", Why: "it has none", refuse: regexp.MustCompile("no such")}
	for _, tc := range []struct {
		name string
		rule *rule
		got  *string
		want string // part of the problem; empty for none
	}{
		{"accepted as expected", accept, nil, ""},
		{"refused as expected", refuse, said("there is no such format"), ""},
		{"accepted and should not be", refuse, nil, "must be refused (it has none) and is accepted"},
		{"refused and should not be", accept, said("bad signature"), "must be accepted and is refused: bad signature"},
		{"refused for another reason", refuse, said("bad signature"), "another reason"},
		{"accepted and not in the file", nil, nil, "has no rule"},
		{"refused and not in the file", nil, said("bad signature"), "has no rule for it: bad signature"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.rule.differs(tc.got)
			if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
				t.Errorf("differs = %q; want %q", got, tc.want)
			}
		})
	}
}

func TestReadExpectations(t *testing.T) {
	const head = "judges:\n- name: x\n  registration:\n  - "
	for _, tc := range []struct{ name, text, want string }{
		{"good", head + "{formats: [none], algorithms: [ES256], extensions: [uvm], refuse: a, why: b}", ""},
		{"unknown member", head + "{format: [none]}", "format"},
		{"unknown format", head + "{formats: [pack], algorithms: [], extensions: []}", `no cell has "pack"`},
		{"no reason", head + "{formats: [none], refuse: a}", "go together"},
		{"reason of nothing", head + "{formats: [none], why: a}", "go together"},
		{"no regular expression", head + "{formats: [none], refuse: '(', why: b}", "missing closing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := readExpectations([]byte(tc.text))
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v; want %q", err, tc.want)
			}
		})
	}
	first := &rule{Formats: []string{"none"}, Algorithms: []string{"ES256"}, Extensions: []string{"uvm"}, Without: "ml-dsa"}
	second := &rule{Formats: []string{"none"}, Algorithms: []string{"ES256"}, Extensions: []string{"uvm", "prf"}}
	j := &judge{Registration: []*rule{first, second}}
	for _, tc := range []struct {
		at   coordinates
		has  []string
		want *rule
	}{
		{coordinates{"none", "ES256", "uvm"}, nil, first},
		{coordinates{"none", "ES256", "uvm"}, []string{"ml-dsa"}, second},
		{coordinates{"none", "ES256", "prf"}, nil, second},
		{coordinates{"none", "ES256", "credBlob"}, nil, nil},
		{coordinates{"tpm", "ES256", "prf"}, nil, nil},
	} {
		if got := j.find(registration, tc.at, tc.has); got != tc.want {
			t.Errorf("%s with %v: rule %v; want %v", tc.at, tc.has, got, tc.want)
		}
	}
}
