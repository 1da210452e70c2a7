package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	featureRow = regexp.MustCompile(`(?m)^\| (.+?) \| ([Yp-]) \| (.+?) \|$`)
	testName   = regexp.MustCompile("`((?:Test|Example|Fuzz)\\w+)`")
	testFunc   = regexp.MustCompile(`(?m)^func ((?:Test|Example|Fuzz)\w+)\(`)
)

// TestFeatureTable: what the virtual authenticator claims is shown by tests that
// are there, and what it does not have has a reason.
func TestFeatureTable(t *testing.T) {
	text, err := os.ReadFile("virtualauth.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	err = filepath.WalkDir("../virtualauth", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		code, err := os.ReadFile(name)
		for _, m := range testFunc.FindAllStringSubmatch(string(code), -1) {
			tests[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := featureRow.FindAllStringSubmatch(string(text), -1)
	if len(rows) != 44 {
		t.Errorf("the table has %d rows, not 44", len(rows))
	}
	for _, row := range rows {
		names := testName.FindAllStringSubmatch(row[3], -1)
		if row[2] != "-" && len(names) == 0 {
			t.Errorf("%s: no test shows it", row[1])
		}
		if row[2] == "-" && len(row[3]) < 20 {
			t.Errorf("%s: no reason why it is not there", row[1])
		}
		for _, m := range names {
			if !tests[m[1]] {
				t.Errorf("%s: there is no test %s under virtualauth", row[1], m[1])
			}
		}
	}
}
