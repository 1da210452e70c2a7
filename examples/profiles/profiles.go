// Package profiles holds the example profiles, so that touchstone init can try
// them at a Relying Party.
package profiles

import (
	"embed"
	"path"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Names lists the example profiles by the names of their files, sorted.
func Names() []string {
	// The folder is embedded, so that reading it does not fail.
	list, _ := files.ReadDir(".")
	var names []string
	for _, e := range list {
		names = append(names, strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	}
	return names
}

// Text is the text of an example profile.
func Text(name string) ([]byte, error) { return files.ReadFile(name + ".yaml") }
