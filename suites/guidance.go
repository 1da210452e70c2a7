package suites

import (
	"fmt"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

// Record is one published case of a weakness.
type Record struct {
	// ID is a CVE or GHSA id, or a public issue as owner/name#number.
	ID      string `yaml:"id"`
	Product string `yaml:"product"`
	What    string `yaml:"what"`
}

// Class is a kind of weakness that checks guard against.
type Class struct {
	ID    string `yaml:"id"`
	Title string `yaml:"title"`
	// Text says what it lets an attacker do, or what it costs.
	Text string `yaml:"text"`
	// Records are published cases; None says why there are none.
	Records []Record `yaml:"records"`
	None    string   `yaml:"none,omitempty"`
}

// guidance says of some checks what they guard against and what the likely mend is.
type guidance struct {
	Checks []string `yaml:"checks"`
	Class  string   `yaml:"class"`
	Mend   string   `yaml:"mend"`
	// Family marks what holds for checks that no later entry names.
	Family bool `yaml:"family,omitempty"`
}

// guide is fixtures/vulnerabilities.yaml and fixtures/guidance.yaml.
type guide struct {
	classes map[string]*Class
	order   []*Class
	entries []guidance
	stories []story
}

// story says what checks of several steps send.
type story struct {
	Checks []string `yaml:"checks"`
	Sent   string   `yaml:"sent"`
}

var shippedGuide = sync.OnceValues(loadGuide)

func loadGuide() (*guide, error) {
	var classes struct {
		Classes []*Class `yaml:"classes"`
	}
	var entries struct {
		Guidance []guidance `yaml:"guidance"`
		Stories  []story    `yaml:"stories"`
	}
	for _, f := range []struct {
		name string
		data func() ([]byte, error)
		into any
	}{{"vulnerabilities.yaml", fixtures.Vulnerabilities, &classes}, {"guidance.yaml", fixtures.Guidance, &entries}} {
		data, err := f.data()
		if err != nil {
			return nil, err
		}
		if err := yaml.UnmarshalWithOptions(data, f.into, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	g := &guide{classes: map[string]*Class{}, order: classes.Classes, entries: entries.Guidance, stories: entries.Stories}
	for _, c := range classes.Classes {
		if c.ID == "" || g.classes[c.ID] != nil {
			return nil, fmt.Errorf("vulnerabilities.yaml: class %q: the id is empty or used twice", c.ID)
		}
		g.classes[c.ID] = c
	}
	for _, e := range entries.Guidance {
		if g.classes[e.Class] == nil {
			return nil, fmt.Errorf("guidance.yaml: %v: there is no class %q", e.Checks, e.Class)
		}
	}
	return g, nil
}

// of is the last entry that matches the id.
func (g *guide) of(id string) *guidance {
	for i := len(g.entries) - 1; i >= 0; i-- {
		for _, glob := range g.entries[i].Checks {
			if globMatch(glob, id) {
				return &g.entries[i]
			}
		}
	}
	return nil
}

// sent is what the check of several steps with this id sends, by the last entry that matches.
func (g *guide) sent(id string) string {
	for i := len(g.stories) - 1; i >= 0; i-- {
		for _, glob := range g.stories[i].Checks {
			if globMatch(glob, id) {
				return g.stories[i].Sent
			}
		}
	}
	return ""
}

// Classes are the kinds of weakness that checks guard against.
func Classes() ([]*Class, error) {
	g, err := shippedGuide()
	if err != nil {
		return nil, err
	}
	return g.order, nil
}

// Class is the kind of weakness that the check guards against; nil where nothing says.
func (c *Check) Class() *Class {
	g, err := shippedGuide()
	if err != nil {
		return nil
	}
	if e := g.of(c.ID); e != nil {
		return g.classes[e.Class]
	}
	return nil
}

// Mend is what an RP that fails the check most likely has to change.
func (c *Check) Mend() string {
	g, err := shippedGuide()
	if err != nil {
		return ""
	}
	if e := g.of(c.ID); e != nil {
		return e.Mend
	}
	return ""
}
