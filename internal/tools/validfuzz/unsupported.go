package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// unsupported is one thing that a library does not do: what its refusal says, and
// with Word only in stories whose title has that word, such as alg=-48 or
// client-data-bom.
type unsupported struct {
	Message string `yaml:"message"`
	Word    string `yaml:"word"`
	Reason  string `yaml:"reason"`
	met     int
}

// covers reports whether the refusal of a story is this.
func (u unsupported) covers(title, message string) bool {
	return strings.Contains(message, u.Message) && (u.Word == "" || slices.Contains(words(title), u.Word))
}

func words(title string) []string {
	list := strings.FieldsFunc(title, func(r rune) bool { return strings.ContainsRune(" ;+", r) })
	for i, w := range list {
		list[i] = strings.TrimPrefix(w, "forms=")
	}
	return list
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
