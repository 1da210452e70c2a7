package suites

import (
	"fmt"

	"github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

// CrosswalkCase is one case of another tool's published list, with the checks
// of ours that ask the same or the reason why none does.
type CrosswalkCase struct {
	// Suite and Case are the other tool's own ids.
	Suite string `yaml:"-"`
	Case  string `yaml:"case"`
	// About is what the case is about, in our words.
	About  string   `yaml:"about"`
	Checks []string `yaml:"checks,omitempty"`
	None   string   `yaml:"none,omitempty"`
}

// FIDOCrosswalk maps the server cases of the FIDO Alliance's conformance tool
// 1.9.1, as others have published their ids, to the checks of this catalogue.
func FIDOCrosswalk() ([]CrosswalkCase, error) {
	data, err := fixtures.Crosswalk("fido-server-1.9.1")
	if err != nil {
		return nil, err
	}
	var file struct {
		Tool   string `yaml:"tool"`
		Suites []struct {
			Suite string          `yaml:"suite"`
			Cases []CrosswalkCase `yaml:"cases"`
		} `yaml:"suites"`
	}
	if err := yaml.UnmarshalWithOptions(data, &file, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("crosswalk: %w", err)
	}
	var out []CrosswalkCase
	for _, s := range file.Suites {
		for _, c := range s.Cases {
			c.Suite = s.Suite
			out = append(out, c)
		}
	}
	return out, nil
}
