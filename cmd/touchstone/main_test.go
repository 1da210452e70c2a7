package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/rp"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"touchstone": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"rp-program": func() { os.Exit(rpProgram(os.Args[1:])) },
	})
}

// TestScripts runs testdata/script/*.txtar: what a user types and what he gets.
// RP is a served reference RP; BROKEN, HTML, HANGS, DOWN and PLAINTLS are servers that
// are none, REFUSES is one that refuses everything as the dialect fido has it, and
// LOCKED one that wants a login, ELSEWHERE one that redirects. The names of wireForms are RPs, too.
func TestScripts(t *testing.T) {
	cfg, err := reference.Config("localhost", "http://localhost")
	if err != nil {
		t.Fatal(err)
	}
	server, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	start := func(h http.Handler) string {
		s := httptest.NewServer(h)
		t.Cleanup(func() {
			s.CloseClientConnections()
			s.Close()
		})
		return s.URL
	}
	// A handler that has not read its body is not told that the client has gone.
	over := make(chan struct{})
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	env := map[string]string{
		"RP":     start(server),
		"BROKEN": start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "boom", 500) })),
		"HTML": start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<!doctype html><title>Hello</title>")
		})),
		"REFUSES": start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			fmt.Fprint(w, `{"status":"failed","errorMessage":"registrations are closed"}`)
		})),
		"ELSEWHERE": start(http.RedirectHandler("https://elsewhere.invalid/here", http.StatusMovedPermanently)),
		"LOCKED": start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/webauthn/register/options" {
				http.NotFound(w, r)
				return
			}
			tell(w, http.StatusForbidden, map[string]any{"message": "log in first"})
		})),
		"HANGS": start(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over })),
		"DOWN":  down.URL,
	}
	env["PLAINTLS"] = strings.Replace(env["RP"], "http:", "https:", 1)
	// The reference RP behind wire forms of others, at localhost and at its address.
	for name, form := range wireForms {
		address := serveForm(t, form)
		env[name+"_IP"], env[name] = address, strings.Replace(address, "127.0.0.1", "localhost", 1)
	}
	t.Cleanup(func() { close(over) }) // the last to be registered, so the first to run
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for k, v := range env {
				e.Setenv(k, v)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "json": jsonAt,
		},
	})
}

// exits CODE PROGRAM ARGS...: run a program and compare its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var ee interface{ ExitCode() int }
	switch {
	case err == nil:
	case errors.As(err, &ee):
		code = ee.ExitCode()
	default:
		ts.Fatalf("%v", err)
	}
	if got := fmt.Sprint(code); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// jsonAt FILE PATH... WANT: a member of a JSON file, by names, printed.
func jsonAt(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: json FILE NAME... WANT")
	}
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &v); err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	for _, name := range args[1 : len(args)-1] {
		m, ok := v.(map[string]any)
		if !ok {
			ts.Fatalf("%s: nothing to look up %s in", args[0], name)
		}
		v = m[name]
	}
	if got := fmt.Sprint(v); (got == args[len(args)-1]) == neg {
		ts.Fatalf("%s %v is %s", args[0], args[1:len(args)-1], got)
	}
}

func TestShardOf(t *testing.T) {
	for _, tc := range []struct {
		flag         string
		env          map[string]string
		index, count int
		bad          bool
	}{
		{flag: "2/5", index: 2, count: 5},
		{flag: "0/5", bad: true},
		{flag: "6/5", bad: true},
		{flag: "x/5", bad: true},
		{flag: "5", bad: true},
		{},
		{flag: "/4", env: map[string]string{"JOB_COMPLETION_INDEX": "3"}, index: 4, count: 4},
		{flag: "/4", bad: true},
		{flag: "/4", env: map[string]string{"JOB_COMPLETION_INDEX": "4"}, bad: true},
		{env: map[string]string{"TEST_SHARD_INDEX": "0", "TEST_TOTAL_SHARDS": "3"}, index: 1, count: 3},
		{env: map[string]string{"CI_NODE_INDEX": "3", "CI_NODE_TOTAL": "3"}, index: 3, count: 3},
		{env: map[string]string{"CI_NODE_INDEX": "3"}},
		{flag: "1/2", env: map[string]string{"CI_NODE_INDEX": "3", "CI_NODE_TOTAL": "3"}, index: 1, count: 2},
		{env: map[string]string{"CI_NODE_INDEX": "4", "CI_NODE_TOTAL": "3"}, bad: true},
	} {
		index, count, err := shardOf(tc.flag, func(name string) string { return tc.env[name] })
		if (err != nil) != tc.bad || index != tc.index || count != tc.count {
			t.Errorf("shardOf(%q, %v) = %d, %d, %v", tc.flag, tc.env, index, count, err)
		}
	}
}

func TestSecretless(t *testing.T) {
	for in, want := range map[string]string{
		"touchstone run --chrome wss://ada:s3cret@grid.test/session/1/se/cdp": "touchstone run --chrome wss://ada:xxxxx@grid.test/session/1/se/cdp",
		"--chrome 'wss://browsers.test/?token=s3cret&x=1' --seed 1":           "--chrome 'wss://browsers.test/?token=xxxxx&x=1' --seed 1",
		"--target https://rp.test:8443/a@b":                                   "--target https://rp.test:8443/a@b",
		"--client webdriver:http://:s3cret@127.0.0.1:4444":                    "--client webdriver:http://:xxxxx@127.0.0.1:4444",
	} {
		if got := secretless(in); got != want {
			t.Errorf("secretless(%s) = %s; want %s", in, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{"a.b-c": "a.b-c", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "*": "'*'"} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s; want %s", in, got, want)
		}
	}
}
