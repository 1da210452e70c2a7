package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden feeds recorded streams of go test -json through the program and
// compares everything it prints.
func TestGolden(t *testing.T) {
	cases := []struct {
		name  string
		input string
		args  []string
		exit  int
	}{
		{"mixed", "mixed", nil, 1},             // a build failure, a vet failure, a failed subtest, a process that dies
		{"ginkgo", "ginkgo", nil, 1},           // specs are counted, not the one Go test around them
		{"skips", "skips", nil, 0},             // skips are listed and harmless
		{"skips-fail", "skips", fail, 1},       // two of the three are not optional
		{"timeout", "timeout", nil, 1},         // go test gives the stacks to a test that has passed
		{"truncated", "truncated", nil, 1},     // the stream ends in the middle of a package
		{"empty", "empty", nil, 1},             // no test ran
		{"chatter", "chatter", nil, 0},         // what is no event is passed through
		{"specs-optional", "specs", fail, 0},   // every skipped spec has said why
		{"specs-silent", "specs-one", fail, 1}, // one has not
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			input, err := os.ReadFile(filepath.Join("testdata", tc.input+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			args := append([]string{"-trim", "example.test/m/"}, tc.args...)
			if exit := run(args, bytes.NewReader(input), &out, &out); exit != tc.exit {
				t.Errorf("exit = %d; want %d", exit, tc.exit)
			}
			golden := filepath.Join("testdata", tc.name+".golden")
			if *update {
				if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
			}
		})
	}
}

var fail = []string{"-fail-on-skip"}

// TestCommand shows that the exit status of the command counts, which a pipe would lose.
func TestCommand(t *testing.T) {
	one := `printf '%s\n' '{"Action":"pass","Package":"p","Test":"T"}' '{"Action":"pass","Package":"p"}'`
	cases := []struct {
		name, script, wantErr string
		exit                  int
	}{
		{"passes", one, "", 0},
		{"fails though no test does", one + "; exit 7", "the test command failed though no test did", 1},
		{"says nothing", "exit 0", "no test ran", 1},
		{"dies at once", "exit 1", "no test ran", 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if exit := run([]string{"--", "sh", "-c", tc.script}, nil, &out, &errs); exit != tc.exit {
				t.Errorf("exit = %d; want %d; it said %s", exit, tc.exit, errs.String())
			}
			if !strings.Contains(errs.String(), tc.wantErr) || (tc.wantErr == "" && errs.Len() > 0) {
				t.Errorf("said %q; want %q", errs.String(), tc.wantErr)
			}
		})
	}
	var out, errs bytes.Buffer
	if exit := run([]string{"--", "/nonexistent/command"}, nil, &out, &errs); exit != 1 || !strings.Contains(errs.String(), "/nonexistent/command") {
		t.Errorf("a command that is not there: exit = %d, said %q", exit, errs.String())
	}
	if exit := run([]string{"-nonsense"}, nil, &out, &errs); exit != 2 {
		t.Errorf("a flag that is not there: exit = %d; want 2", exit)
	}
}

// FuzzRead asks that no stream brings the program down, that nothing is counted
// below zero, and that a run is only called clean when something passed or was skipped.
func FuzzRead(f *testing.F) {
	inputs, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(inputs) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range inputs {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		s := newSummary(&out, "")
		if err := s.read(bytes.NewReader(data)); err != nil {
			t.Fatalf("read: %v", err)
		}
		verdict := s.finish(false)
		if s.passed < 0 || s.failed < 0 || s.skipped < 0 {
			t.Errorf("counted %d passed, %d failed, %d skipped", s.passed, s.failed, s.skipped)
		}
		if verdict == nil && (s.failed > 0 || s.passed+s.skipped == 0) {
			t.Errorf("called clean with %d passed, %d failed, %d skipped", s.passed, s.failed, s.skipped)
		}
	})
}
