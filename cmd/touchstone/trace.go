package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/touchstone-webauthn/touchstone/reports"
)

// traces writes a run's traces into a folder, a file each.
type traces struct {
	dir string

	mu   sync.Mutex
	last error
}

// newTraces makes the folder; nil for an empty name.
func newTraces(dir string) (*traces, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, usage("", "--trace: %w", err)
	}
	return &traces{dir: dir}, nil
}

// sink is what suites.Config.Trace takes.
func (t *traces) sink() func(*reports.Trace) {
	if t == nil {
		return nil
	}
	return func(trace *reports.Trace) {
		err := writeFile(filepath.Join(t.dir, traceName(trace)), func(w io.Writer) error { return reports.WriteTrace(w, trace) })
		if err != nil {
			t.mu.Lock()
			t.last = err
			t.mu.Unlock()
		}
	}
}

// err is why a trace is not there, if one is not.
func (t *traces) err() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != nil {
		return fmt.Errorf("--trace: %w", t.last)
	}
	return nil
}

// traceName is the file of a check's trace: the check, the target and the client.
func traceName(t *reports.Trace) string {
	id := "recording"
	if t.Check != nil {
		id = t.Check.ID
	}
	target := ""
	if t.Target != nil {
		target = t.Target.Name
	}
	return fileWord(id) + "." + fileWord(target) + "." + fileWord(t.Client.Name) + ".json"
}

// fileWord is s without what a file name cannot have everywhere.
func fileWord(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, s)
}
