package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// example is the one block of a language in docs/authenticator.md.
func example(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/authenticator.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllSubmatch(text, -1)
	if len(found) != 1 {
		t.Fatalf("%d examples in %s", len(found), language)
	}
	return string(found[0][1])
}

// program builds touchstone as a user would.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "touchstone")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func TestPythonExample(t *testing.T) {
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("optional: there is no python3; the same calls are made in Go in package sidecar")
	}
	script := filepath.Join(t.TempDir(), "example.py")
	if err := os.WriteFile(script, []byte(example(t, "python")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, script, program(t)).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "True True" {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestCurlExample(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("optional: there is no curl; the same calls are made in Go in package sidecar")
	}
	ctx, stop := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, program(t), "authenticator", "--addr", "127.0.0.1:0")
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		_ = server.Wait() // killed
	}()
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("sh", "-c", example(t, "sh"))
	shell.Env = append(os.Environ(), fmt.Sprintf("TOUCHSTONE=%s", strings.TrimSpace(url)))
	out, err := shell.CombinedOutput()
	for _, want := range []string{`{"authenticator":"a1"}`, `"attestationObject":"`, `"clientExtensionResults":`} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%v: no %s in %s", err, want, out)
		}
	}
}
