package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The documents in docs are those of this catalogue.
func TestDocsAreUpToDate(t *testing.T) {
	docs := filepath.Join("..", "..", "..", "docs")
	pages, err := render()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil || string(got) != want {
			t.Errorf("docs/%s is not what the catalogue makes (run: make generate): %v", name, err)
		}
	}
	found, err := filepath.Glob(filepath.Join(docs, "checks", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		if _, ok := pages["checks/"+filepath.Base(name)]; !ok {
			t.Errorf("docs/checks/%s is of no family (run: make generate)", filepath.Base(name))
		}
	}
}
