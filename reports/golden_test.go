package reports

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run go test -update to make it", err)
	}
	if !bytes.Equal(got, want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		from := max(at-60, 0)
		t.Errorf("%s differs at byte %d:\n got ...%q\nwant ...%q\nrun go test -update if the change is meant", path, at,
			got[from:min(at+60, len(got))], want[from:min(at+60, len(want))])
	}
}

// TestGolden pins every form of the sample report.
func TestGolden(t *testing.T) {
	forms := []struct {
		file  string
		write func(io.Writer, *Report) error
	}{
		{"terminal.txt", func(w io.Writer, r *Report) error { return WriteTerminal(w, r, TerminalOptions{}) }},
		{"terminal-color-60.txt", func(w io.Writer, r *Report) error {
			return WriteTerminal(w, r, TerminalOptions{Width: 60, Color: true})
		}},
		{"report.json", WriteJSON},
		{"junit.xml", func(w io.Writer, r *Report) error { return WriteJUnit(w, r, JUnitOptions{}) }},
		{"report.html", func(w io.Writer, r *Report) error { return WriteHTML(w, r, HTMLOptions{}) }},
		{"summary.md", func(w io.Writer, r *Report) error { return WriteMarkdown(w, r, MarkdownOptions{}) }},
		{"badge.svg", WriteBadge},
	}
	for _, f := range forms {
		t.Run(f.file, func(t *testing.T) {
			var b bytes.Buffer
			if err := f.write(&b, sample(t)); err != nil {
				t.Fatal(err)
			}
			golden(t, f.file, b.Bytes())
		})
	}
}
