package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/virtualauth/fleet"
)

// unsupported is one thing that a library does not do: what its refusal says, and
// what the story must be for the refusal to be that. Form is a legal form of the
// ceremony that was refused, such as client-data-bom; Formats are attestation formats;
// Word is a word of the title, such as alg=-37. Chance says that the library refuses
// what another try would see accepted: the story is told once more, and the figures
// know nothing of the first time.
type unsupported struct {
	Message string   `yaml:"message"`
	Word    string   `yaml:"word"`
	Form    string   `yaml:"form"`
	Formats []string `yaml:"formats"`
	Chance  bool     `yaml:"chance"`
	Reason  string   `yaml:"reason"`
	met     int
}

// covers reports whether the refusal of a story is this.
func (u unsupported) covers(title, message string) bool {
	if !strings.Contains(message, u.Message) {
		return false
	}
	head, forms, _ := strings.Cut(title, " forms=")
	words := strings.Fields(head)
	if u.Word != "" && !slices.Contains(words, u.Word) {
		return false
	}
	if len(u.Formats) > 0 && !slices.ContainsFunc(formats(words[0]), func(f string) bool { return slices.Contains(u.Formats, f) }) {
		return false
	}
	if u.Form == "" {
		return true
	}
	for i, what := range ceremonies {
		if list := strings.Split(forms, "; "); strings.HasPrefix(message, what) && i < len(list) {
			return slices.Contains(strings.Split(list[i], "+"), u.Form)
		}
	}
	return false
}

// ceremonies are what a story calls its three, in the order of the forms in its title.
var ceremonies = []string{"a valid registration", "valid login 1", "valid login 2"}

// formats are those of the statement that a story's authenticator may make.
func formats(authenticator string) []string {
	if d, err := fleet.Lookup(authenticator); err == nil {
		return d.Formats
	}
	return []string{authenticator}
}

func loadUnsupported(file string) ([]unsupported, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list struct {
		Unsupported []unsupported `yaml:"unsupported"`
	}
	if err := yaml.UnmarshalWithOptions(data, &list, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i, u := range list.Unsupported {
		if u.Message == "" || u.Reason == "" {
			return nil, fmt.Errorf("%s: unsupported[%d]: message and reason must be there", file, i)
		}
	}
	return list.Unsupported, nil
}
