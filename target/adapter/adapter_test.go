package adapter_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/target/adapter"
)

// role makes this test's own binary the adapter's process.
const role = "TOUCHSTONE_TEST_ADAPTER"

func TestMain(m *testing.M) {
	if r := os.Getenv(role); r != "" {
		play(r)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type line struct {
	ID                uint64
	Op, Session, Body string
	BodyBase64        []byte
}

// play answers the hello, except where the role is about it, and misbehaves at
// the first request.
func play(r string) {
	say := func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	in := bufio.NewReader(os.Stdin)
	for {
		text, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			os.Exit(9)
		}
		if l.Op == "hello" {
			switch r {
			case "silent":
				select {}
			case "newer":
				say(`{"id":%d,"ok":true,"protocol":2}`, l.ID)
			case "unwilling":
				say(`{"id":%d,"ok":false,"error":"no licence"}`, l.ID)
			case "stillborn":
				fmt.Fprintln(os.Stderr, "no module named webauthn")
				os.Exit(1)
			default:
				say(`{"id":%d,"ok":true,"protocol":1}`, l.ID)
			}
			continue
		}
		switch r {
		case "echo":
			body, _ := json.Marshal(map[string]any{"op": l.Op, "session": l.Session, "got": l.Body, "bytes": l.BodyBase64, "status": "mine"})
			say(`{"id":%d,"ok":true,"body":%s}`, l.ID, body)
		case "refuses":
			say(`{"id":%d,"ok":false,"error":"no such user"}`, l.ID)
		case "late":
			if strings.Contains(l.Body, "slow") {
				go func() {
					time.Sleep(200 * time.Millisecond)
					say(`{"id":%d,"ok":true}`, l.ID)
				}()
				continue
			}
			say(`{"id":%d,"ok":true}`, l.ID)
		case "dies":
			fmt.Fprintln(os.Stderr, "Traceback:\n  boom")
			os.Exit(7)
		case "garbage":
			say("DEBUG registering")
		case "stranger":
			say(`{"id":4711,"ok":true}`)
		case "twice":
			say(`{"id":%d,"ok":true}`, l.ID)
			say(`{"id":%d,"ok":true}`, l.ID)
		case "huge":
			chunk := strings.Repeat("x", 1<<20)
			for range 100 {
				if _, err := fmt.Print(chunk); err != nil {
					return
				}
			}
		case "closes":
			_ = os.Stdout.Close()
			select {}
		case "hangs":
			select {}
		}
	}
}

func start(t *testing.T, r string) (*adapter.Process, error) {
	t.Helper()
	t.Setenv(role, r)
	p, err := adapter.Start(t.Context(), adapter.Options{Command: []string{os.Args[0]}, RPID: "rp.example", Origin: "https://rp.example", Timeout: 5 * time.Second})
	if err == nil {
		t.Cleanup(p.Close)
	}
	return p, err
}

func post(t *testing.T, p *adapter.Process, path, body string, limit time.Duration) (int, map[string]any, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://rp.example"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.RoundTrip(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return resp.StatusCode, m, nil
}

func TestCarries(t *testing.T) {
	p, err := start(t, "echo")
	if err != nil {
		t.Fatal(err)
	}
	status, m, err := post(t, p, "/assertion/result", "{\n\"a\":1, \"a\":2", 5*time.Second)
	if err != nil || status != 200 {
		t.Fatal(status, err)
	}
	if m["op"] != "authentication.result" || m["got"] != "{\n\"a\":1, \"a\":2" || m["session"] == "" || m["status"] != "ok" {
		t.Errorf("got %v", m)
	}
	if _, m, err = post(t, p, "/attestation/options", "\xff\xfe", 5*time.Second); err != nil || m["bytes"] != "//4=" || m["got"] != "" {
		t.Errorf("bytes that are not UTF-8: %v, %v", m, err)
	}
	if status, _, err = post(t, p, "/elsewhere", "{}", 5*time.Second); err != nil || status != 404 {
		t.Errorf("elsewhere: %d, %v", status, err)
	}
}

func TestRefuses(t *testing.T) {
	p, err := start(t, "refuses")
	if err != nil {
		t.Fatal(err)
	}
	status, m, err := post(t, p, "/assertion/options", "{}", 5*time.Second)
	if err != nil || status != 400 || m["status"] != "failed" || m["errorMessage"] != "no such user" {
		t.Errorf("got %d %v %v", status, m, err)
	}
}

// An answer that comes too late is nobody's, and harms no later one.
func TestLate(t *testing.T) {
	p, err := start(t, "late")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := post(t, p, "/assertion/options", "slow", 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want the deadline", err)
	}
	time.Sleep(300 * time.Millisecond)
	if status, _, err := post(t, p, "/assertion/options", "{}", 5*time.Second); err != nil || status != 200 {
		t.Errorf("got %d, %v", status, err)
	}
}

// A second answer to a request is a mistake that could reach another one.
func TestTwice(t *testing.T) {
	p, err := start(t, "twice")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err = post(t, p, "/assertion/options", "{}", 5*time.Second); err != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err == nil || !strings.Contains(err.Error(), "answered request 2 twice") {
		t.Errorf("got %v", err)
	}
}

func TestBroken(t *testing.T) {
	for r, want := range map[string]string{
		"dies":     "ended: exit status 7; its last words: Traceback: /   boom",
		"garbage":  "logs belong on standard error",
		"stranger": "answered a request 4711 that it was not sent",
		"huge":     "a line of more than 4194304 bytes",
		"closes":   "closed its standard output",
		"hangs":    "deadline exceeded",
	} {
		t.Run(r, func(t *testing.T) {
			p, err := start(t, r)
			if err != nil {
				t.Fatal(err)
			}
			limit := 5 * time.Second
			if r == "hangs" {
				limit = 100 * time.Millisecond
			}
			for range 2 { // it stays broken, and says why each time
				if _, _, err = post(t, p, "/attestation/options", "{}", limit); err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}

func TestStart(t *testing.T) {
	for r, want := range map[string]string{
		"newer":     "speaks protocol 2, and this is 1",
		"unwilling": "refused the hello: no licence",
		"stillborn": "exit status 1; its last words: no module named webauthn",
	} {
		if _, err := start(t, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", r, err, want)
		}
	}
	t.Setenv(role, "silent")
	_, err := adapter.Start(t.Context(), adapter.Options{Command: []string{os.Args[0]}, Timeout: 100 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "no answer to the hello within 100ms") {
		t.Errorf("silent: %v", err)
	}
	if _, err := adapter.Start(t.Context(), adapter.Options{Command: []string{"/nonexistent/rp"}}); !errors.Is(err, adapter.ErrStart) {
		t.Errorf("no such program: %v", err)
	}
}

// python and node are the folders of the examples.
const (
	python = "../../examples/adapter"
	node   = "../../examples/adapter/node"
)

// example starts the program in a folder as the profile there says.
func example(t *testing.T, folder string, log io.Writer) (*adapter.Process, *target.Profile) {
	t.Helper()
	data, err := os.ReadFile(folder + "/profile.yaml")
	if err != nil {
		t.Fatal(err)
	}
	profile, err := target.LoadProfile("profile.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	spec, ok := profile.Adapter()
	if !ok {
		t.Fatal("the example's profile has no adapter")
	}
	dir := filepath.Join(folder, spec.Dir)
	if folder == python {
		if out, err := exec.Command(spec.Command[0], "-c", "import fido2; assert fido2.__version__.startswith('0.9.')").CombinedOutput(); err != nil {
			t.Skipf("optional: there is no python3-fido2 0.9 (Debian's package, make verify-tools): %v %.100s", err, out)
		}
	} else if _, err := os.Stat(dir + "/node_modules/@simplewebauthn/server"); err != nil {
		t.Skipf("optional: @simplewebauthn/server is not installed (make peer-servers): %v", err)
	}
	p, err := adapter.Start(t.Context(), adapter.Options{Command: spec.Command, Dir: dir, RPID: "rp.example", Origin: "https://rp.example", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, profile
}

// The examples of docs/adapter.md under the whole suite are what their baselines
// say: nothing else is red, and no row has become untrue. What they must not lack is
// asked by name, as a baseline could be made to take anything.
func TestExamples(t *testing.T) {
	t.Run("python", func(t *testing.T) { asItsBaselineSays(t, python) })
	t.Run("node", func(t *testing.T) { asItsBaselineSays(t, node) })
}

func asItsBaselineSays(t *testing.T, folder string) {
	t.Helper()
	p, profile := example(t, folder, nil)
	rp, err := target.New(profile, target.Options{URL: "https://adapter.invalid", RPID: "rp.example", Origin: "https://rp.example", Transport: p, Adapter: "the example"})
	if err != nil {
		t.Fatal(err)
	}
	report, err := suites.Run(t.Context(), suites.Config{Targets: []*target.Target{rp}, Clients: []client.Client{client.NewVirtual()}, Seed: "example", Jobs: 4})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(folder + "/baseline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	baseline, err := reports.ParseBaseline("baseline.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	whose := regexp.MustCompile(`^(bug|choice): .{20}`)
	for _, e := range baseline.Entries {
		if !whose.MatchString(e.Reason) {
			t.Errorf("baseline.yaml: %s: the reason does not say whose it is (bug: or choice:, of the library): %s", e.ID, e.Reason)
		}
	}
	report = baseline.Apply(report)
	for _, c := range report.Checks {
		if c.Verdict.Red() && c.Accepted == "" || c.Verdict == reports.Warn && c.Accepted == "" {
			t.Errorf("%s: %s (%s), and not in baseline.yaml", c.ID, c.Verdict, c.Message)
		}
	}
	for _, e := range report.Baseline.Unused {
		t.Errorf("baseline.yaml: %s matches nothing", e.ID)
	}
	for _, e := range report.Baseline.Unexpected {
		t.Errorf("baseline.yaml: %s passes, accepted as %s", e.ID, e.Verdict)
	}
	if code := reports.ExitCode(report, true); code != 0 {
		t.Errorf("exit code %d", code)
	}
	verdicts := map[string]reports.Verdict{}
	for _, c := range report.Checks {
		verdicts[c.ID] = c.Verdict
	}
	for _, id := range []string{
		"registration.accepted.plain", "authentication.accepted.plain",
		"authentication.signature.bit-flipped", "authentication.signature.by-another-key", "authentication.options.unknown-user",
	} {
		if verdicts[id] != reports.Pass {
			t.Errorf("%s: %q, want pass", id, verdicts[id])
		}
	}
	if v := verdicts["answers.schema.every-step"]; v != reports.NotApplicable {
		t.Errorf("answers.schema.every-step: %q, want not applicable", v)
	}
}
