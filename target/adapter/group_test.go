//go:build unix

package adapter_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/target/adapter"
)

// A script around a program may well outlive its shell: it must not outlive the run.
func TestClosesWhatWasStarted(t *testing.T) {
	folder := t.TempDir()
	script := filepath.Join(folder, "rp")
	text := "#!/bin/sh\nsleep 600 </dev/null >/dev/null 2>&1 &\necho $! >" + filepath.Join(folder, "pid") + "\n" + os.Args[0] + "\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv(role, "echo")
	p, err := adapter.Start(t.Context(), adapter.Options{Command: []string{script}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(folder, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if !runs(pid) {
		t.Fatal("it does not run even now")
	}
	p.Close()
	for range 100 {
		if !runs(pid) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Error("what the script started runs on")
}

// runs is false of a process that ended and was not waited for, too.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
