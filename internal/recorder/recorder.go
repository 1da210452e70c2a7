// Package recorder serves a page, and a bookmarklet, with which a person records
// what his own browser and device make of a ceremony, as a trace (package
// reports).
package recorder

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/reports"
)

// Paths of the page and of where it sends traces to.
const (
	PagePath  = "/touchstone/recorder"
	SavePath  = "/touchstone/traces"
	scriptURL = "/touchstone/recorder.js"
)

//go:embed page.html.tmpl
var pageText string

//go:embed recorder.js
var script string

//go:embed page.js
var pageScript string

var pageTemplate = template.Must(template.New("recorder").Parse(pageText))

// Limits of what is taken from whoever posts.
const (
	maxTrace = 1 << 20
	maxFiles = 1000
)

// Handler serves the recorder, and everything else by next.
type Handler struct {
	next http.Handler
	dir  string // where traces are saved; empty: nowhere

	mu    sync.Mutex
	saved int
	now   func() time.Time
}

// New makes a Handler that saves traces in dir, which must be there; an empty
// dir saves none, and the page offers them for download all the same.
func New(next http.Handler, dir string) *Handler {
	return &Handler{next: next, dir: dir, now: time.Now}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case PagePath:
		h.page(w, r)
	case scriptURL:
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, script+pageScript) // the browser may have gone away
	case SavePath:
		h.save(w, r)
	default:
		h.next.ServeHTTP(w, r)
	}
}

func (h *Handler) page(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "GET it", http.StatusMethodNotAllowed)
		return
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	err := pageTemplate.Execute(w, struct {
		Bookmarklet template.URL
		Saves       bool
		Script      string
	}{template.URL(Bookmarklet(scheme + "://" + r.Host + SavePath)), h.dir != "", scriptURL})
	if err != nil {
		return // the browser has gone away
	}
}

// Bookmarklet is the recorder as a javascript: address that a person keeps among
// the bookmarks and clicks on the page of any RP. It holds all of the script, as
// a page's own policy may let none be loaded. It sends traces to save, if set.
func Bookmarklet(save string) string {
	quoted, _ := json.Marshal(save) // a string always marshals
	return "javascript:" + strings.ReplaceAll(url.QueryEscape("(()=>{"+script+";touchstoneRecorder.start("+string(quoted)+")})()"), "+", "%20")
}

// save keeps a trace that a page sends.
func (h *Handler) save(w http.ResponseWriter, r *http.Request) {
	// Bookmarklets run on other origins. The request is one that needs no leave
	// of ours to be sent, so the answer may be read as well.
	w.Header().Set("Access-Control-Allow-Origin", "*")
	answer := func(status int, v map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v) // the browser may have gone away
	}
	if r.Method != http.MethodPost {
		answer(http.StatusMethodNotAllowed, map[string]any{"error": "POST a trace"})
		return
	}
	if h.dir == "" {
		answer(http.StatusNotFound, map[string]any{"error": "traces are not saved here: start touchstone serve with --record DIR"})
		return
	}
	name, err := h.keep(http.MaxBytesReader(w, r.Body, maxTrace))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		answer(http.StatusRequestEntityTooLarge, map[string]any{"error": fmt.Sprintf("the trace is larger than %d bytes", maxTrace)})
	case errors.Is(err, errFull):
		answer(http.StatusInsufficientStorage, map[string]any{"error": err.Error()})
	case errors.Is(err, errFolder):
		answer(http.StatusInternalServerError, map[string]any{"error": err.Error()})
	case err != nil:
		answer(http.StatusBadRequest, map[string]any{"error": err.Error()})
	default:
		answer(http.StatusOK, map[string]any{"saved": name})
	}
}

var (
	errFull   = fmt.Errorf("%d traces were saved since the start, which is enough", maxFiles)
	errFolder = errors.New("the trace could not be written")
)

// keep reads a trace and writes it again, so that a file holds what a trace
// holds and nothing else.
func (h *Handler) keep(body io.Reader) (name string, err error) {
	t, err := reports.ReadTrace("the body", body)
	if err != nil {
		return "", err
	}
	if t.Check != nil || t.Suite != nil {
		return "", errors.New("the body is the trace of a check, not a recording")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.saved >= maxFiles {
		return "", errFull
	}
	h.saved++
	name = fmt.Sprintf("recording-%s-%03d.json", h.now().UTC().Format("20060102T150405Z"), h.saved)
	file, err := os.OpenFile(filepath.Join(h.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return "", fmt.Errorf("%w: %v", errFolder, err)
	}
	err = reports.WriteTrace(file, t)
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", fmt.Errorf("%w: %v", errFolder, err)
	}
	return name, nil
}
