//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// lockedBuffer is written by the server's and the command's copiers at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// gone reports whether the process whose number is in the file ends within a few seconds.
func gone(t *testing.T, file string) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if syscall.Kill(pid, 0) != nil || zombie(pid) {
			return true
		}
	}
	return false
}

// zombie reports whether the process is dead but unburied: an orphan in a
// container whose first process does not reap.
func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(state, "Z")
}

func TestRun(t *testing.T) {
	const serve = "sleep 60 & echo $! > $PIDFILE; echo starting; echo ready http://peer; wait"
	cases := []struct {
		name            string
		flags           []string
		server, command string
		status          int
		wantOut         string // in what the command printed
		wantErr         string // in the error or on standard error
	}{
		{name: "passes", server: serve, command: "echo talks to {url}", wantOut: "talks to http://peer", wantErr: "starting"},
		{name: "command fails", server: serve, command: "exit 7", status: 7},
		{name: "command is killed", server: serve, command: "kill -TERM $$", status: 143},
		{name: "server ignores SIGTERM", server: "trap '' TERM; " + serve, command: "true"},
		{name: "server ends before it is ready", server: "echo 0 > $PIDFILE; echo no such port >&2; exit 3", command: "echo never", status: 1, wantErr: "ended before it was ready: exit status 3"},
		{name: "server dies while the command runs", server: "echo 0 > $PIDFILE; echo ready http://peer; exit 4", command: "sleep 1", status: 1, wantErr: "ended while the command ran: exit status 4"},
		{name: "server is never ready", flags: []string{"-timeout", "200ms"}, server: "sleep 60 & echo $! > $PIDFILE; wait", command: "echo never", status: 1, wantErr: "within 200ms"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			pidFile := filepath.Join(t.TempDir(), "pid")
			server := strings.ReplaceAll(tc.server, "$PIDFILE", pidFile)
			args := append(tc.flags, "--", "sh", "-c", server, "--", "sh", "-c", tc.command)
			var out, errs lockedBuffer
			status, err := run(args, nil, nil, &out, &errs)
			if status != tc.status {
				t.Errorf("status = %d; want %d (%v)", status, tc.status, err)
			}
			said := errs.String()
			if err != nil {
				said += err.Error()
			}
			if !strings.Contains(out.String(), tc.wantOut) || strings.Contains(out.String(), "never") {
				t.Errorf("the command printed %q; want %q", out.String(), tc.wantOut)
			}
			if !strings.Contains(said, tc.wantErr) {
				t.Errorf("it said %q; want %q", said, tc.wantErr)
			}
			if strings.Contains(server, "sleep 60") && !gone(t, pidFile) {
				t.Error("a process that the server started is still there")
			}
		})
	}
}

// TestSignal: an interrupt ends the command, and the server with it.
func TestSignal(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	signals := make(chan os.Signal, 1)
	var out, errs lockedBuffer
	go func() {
		for !strings.Contains(out.String(), "running") {
			time.Sleep(10 * time.Millisecond)
		}
		signals <- os.Interrupt
	}()
	server := "sleep 60 & echo $! > " + pidFile + "; echo ready x; wait"
	status, err := run([]string{"--", "sh", "-c", server, "--", "sh", "-c", "trap 'exit 130' INT; echo running; while :; do sleep 0.1; done"}, signals, nil, &out, &errs)
	if status != 130 || err != nil {
		t.Errorf("status = %d, %v; want 130", status, err)
	}
	if !gone(t, pidFile) {
		t.Error("a process that the server started is still there")
	}
}

func TestUsage(t *testing.T) {
	cases := []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"nothing", nil, 2, "want -- SERVER"},
		{"no command", []string{"--", "true"}, 2, "want -- SERVER"},
		{"empty command", []string{"--", "true", "--"}, 2, "want -- SERVER"},
		{"no server", []string{"--", "--", "true"}, 2, "want -- SERVER"},
		{"bad expression", []string{"-ready", "("}, 2, "-ready"},
		{"expression without a group", []string{"-ready", "x"}, 2, "no group"},
		{"no such server", []string{"--", "/nonexistent/server", "--", "true"}, 1, "/nonexistent/server"},
		{"no such command", []string{"--", "sh", "-c", "echo ready x; sleep 60", "--", "/nonexistent/command"}, 1, "/nonexistent/command"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs lockedBuffer
			status, err := run(tc.args, nil, nil, &out, &errs)
			if status != tc.status || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("run = %d, %v; want %d and %q", status, err, tc.status, tc.want)
			}
		})
	}
}
