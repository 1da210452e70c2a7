package archtest

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// file is one text file of the repository.
type file struct {
	path string // slash-separated, from the root
	text []byte
}

// dir is the folder of the file, "." for the root.
func (f file) dir() string { return path.Dir(f.path) }

// goFile reports whether the file is Go code, tests included.
func (f file) goFile() bool { return strings.HasSuffix(f.path, ".go") }

func (f file) testFile() bool { return strings.HasSuffix(f.path, "_test.go") }

// notOurs are folders that hold what tools put there, not what we wrote.
var notOurs = map[string]bool{".git": true, "node_modules": true, "bin": true, "out": true, ".cache": true}

// tree reads every text file of the repository. It walks the disk rather than ask
// git, so that it works in an archive and sees a file before it is committed.
func tree(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("not in the repository: %v", err)
	}
	var files []file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil // a test elsewhere cleans up behind itself while we walk
			}
			return err
		}
		if d.IsDir() {
			if notOurs[d.Name()] && name != root {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || d.Name() == ".git" { // a work tree's is a file
			return nil
		}
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if bytes.IndexByte(text, 0) >= 0 {
			return nil // binary
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		files = append(files, file{filepath.ToSlash(rel), text})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("found %d files only: the walk is broken", len(files))
	}
	return files
}
