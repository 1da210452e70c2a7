package clients

import (
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/rp"
)

// request is a request as the Relying Party saw it.
type request struct {
	method, path, query string
	header              http.Header
	body                string
	status              int
}

// relyingParty is the reference RP on a port of its own, with pages beside it.
type relyingParty struct {
	url string

	mu    sync.Mutex
	seen  []request
	pages map[string][]byte
}

// start serves the reference RP at http://localhost:PORT, a secure context.
func start(t *testing.T, configure func(*rp.Config)) *relyingParty {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := &relyingParty{url: "http://localhost:" + port, pages: map[string][]byte{}}
	cfg, err := reference.Config("localhost", s.url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Policy.RequireTrust = false
	if configure != nil {
		configure(&cfg)
	}
	server, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page := s.page(r.URL.Path); page != nil {
			w.Header().Set("Content-Type", map[bool]string{true: "text/javascript; charset=utf-8", false: "text/html; charset=utf-8"}[strings.HasSuffix(r.URL.Path, ".js")])
			_, _ = w.Write(page)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		server.ServeHTTP(rec, r)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, request{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone(), string(body), rec.status})
	}))
	h.Listener.Close()
	h.Listener = l
	h.Start()
	t.Cleanup(h.Close)
	return s
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (s *relyingParty) page(path string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pages[path]
}

// serve puts a page with a script beside the RP and returns its address.
func (s *relyingParty) serve(script []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages["/clients/page.js"] = script
	s.pages["/clients/"] = []byte(`<!DOCTYPE html><meta charset="utf-8"><title>Client</title><script src="/clients/page.js"></script>`)
	return s.url + "/clients/"
}

// asked lists the calls so far, METHOD path status, without the pages.
func (s *relyingParty) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.seen {
		if r.path != "/favicon.ico" {
			out = append(out, r.method+" "+r.path)
		}
	}
	return out
}

// last is the newest request of a path.
func (s *relyingParty) last(t *testing.T, path string) request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range slices.Backward(s.seen) {
		if r.path == path {
			return r
		}
	}
	t.Fatalf("nobody asked for %s", path)
	return request{}
}

// mustInOrder fails unless the calls are among those asked, in this order.
func (s *relyingParty) mustInOrder(t *testing.T, calls ...string) {
	t.Helper()
	asked := s.asked()
	rest := asked
	for _, c := range calls {
		i := slices.Index(rest, c)
		if i < 0 {
			t.Fatalf("%s is missing, or comes out of order; asked were\n\t%s", c, strings.Join(asked, "\n\t"))
		}
		rest = rest[i+1:]
	}
}

// node finds Node and a folder's installed packages, or skips.
func node(t *testing.T, dir string) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no Node on the PATH: make vendor-clients installs it")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		t.Skipf("%s has no node_modules: make vendor-clients installs them", dir)
	}
	return path
}

// bundle makes one script for a page of an entry and the packages of dir.
func bundle(t *testing.T, dir, entry string) []byte {
	t.Helper()
	path := node(t, dir)
	modules, err := filepath.Abs(filepath.Join(dir, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, filepath.Join(modules, "esbuild", "bin", "esbuild"), entry,
		"--bundle", "--format=iife", "--platform=browser", "--target=chrome120", "--log-level=warning", "--define:global=globalThis")
	// The entries are shared between folders, and so lie outside of each: from
	// inside one its own packages would go before these.
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("bundling %s: %v\n%s", entry, err, stderr.String())
	}
	return stdout.Bytes()
}

// authorization is that of the newest request which had one: the vendor's Go
// client keeps its own to itself.
func (s *relyingParty) authorization(t *testing.T) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range slices.Backward(s.seen) {
		if a := r.header.Get("Authorization"); a != "" {
			return a
		}
	}
	t.Fatal("no request had an authorization")
	return ""
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
