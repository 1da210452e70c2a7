//go:build unix

package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestValidSection: the figures add up or are not written, and the two halves of the
// page are each other's to leave alone.
func TestValidSection(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(out, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("unsupported.yaml", []byte("unsupported:\n  - {message: m, reason: one, chance: true}\n  - {message: n, reason: one, chance: true}\n  - {message: o, reason: other}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	peers := []peer{{Name: "a", Library: "liba", Version: "v1", Dir: "."}}
	good := validFigures{Seed: "s", Stories: 10, Accepted: 6, Refused: map[string]int{"no | such": 1, "other": 2}, NotApplicable: map[string]int{"n": 1}, Again: 2, AcceptedAgain: 1}
	write := func(f validFigures) {
		t.Helper()
		data, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(peers[0].validReport(), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := validSection(peers, "s"); err == nil {
		t.Error("figures that are not there are written")
	}
	write(good)
	text, err := validSection(peers, "s")
	if err != nil || !strings.Contains(string(text), `| liba v1 | 6 | 3 | 1 | 2: other<br>1: no \| such<br>by chance, told once more: one | 1 of 2 |`) {
		t.Errorf("%v: %s", err, text)
	}
	if _, err := validSection(peers, "t"); err == nil {
		t.Error("figures of another seed are written")
	}
	for _, edit := range []func(*validFigures){
		func(f *validFigures) { f.Undeclared = 1 },
		func(f *validFigures) { f.Accepted-- },
	} {
		bad := good
		edit(&bad)
		write(bad)
		if _, err := validSection(peers, "s"); err == nil {
			t.Errorf("%+v is written", bad)
		}
	}
	suite, valid := split(append([]byte("# Page\n"), text...))
	if string(suite) != "# Page\n" || string(valid) != string(text) {
		t.Errorf("split in %q and %q", suite, valid)
	}
	if suite, valid := split([]byte("# Page\n")); string(suite) != "# Page\n" || valid != nil {
		t.Errorf("split in %q and %q", suite, valid)
	}
}
