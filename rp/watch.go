package rp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// Watched tells whether a Watch can tell of the bug. It cannot of those that
// change how the RP is configured.
func Watched(name string) bool {
	if ceremony.Watched(name) {
		return true
	}
	i := slices.IndexFunc(httpBugs(), func(b httpBug) bool { return b.Name == name })
	return i >= 0 && httpBugs()[i].watched()
}

func (b httpBug) watched() bool {
	return b.configure == nil && (b.around != nil || len(b.leaveOut) > 0) && !slices.ContainsFunc(b.leaveOut, func(step string) bool { return !isDialectStep(step) })
}

func isDialectStep(name string) bool {
	return slices.ContainsFunc(DialectSteps(), func(s ceremony.Step) bool { return s.Name == name })
}

// omitting are the watched bugs by the steps of dialects that they leave out.
func omitting(w *ceremony.Watch) map[string][]string {
	if w == nil {
		return nil
	}
	by := map[string][]string{}
	for _, b := range httpBugs() {
		if !w.LooksFor(b.Name) || !b.watched() {
			continue
		}
		for _, step := range b.leaveOut {
			by[step] = append(by[step], b.Name)
		}
	}
	return by
}

// omits tells whether a step of a dialect is left out. Whoever leaves it out
// parts from a sound RP where this is first asked, so there the Watch is told.
func (s *Server) omits(step string) bool {
	for _, bug := range s.omitting[step] {
		s.cfg.Watch.Note(bug)
	}
	return s.leaveOut[step]
}

// watchPatience is how long a bug that hangs is waited for. One that is slower
// for another reason is taken to make a difference, which errs on the safe side.
const watchPatience = 5 * time.Millisecond

// watch stands around the answers of a sound RP and lets the bugs of the HTTP
// face that answer to this dialect, or to all, do the same with the answer that
// was given.
func watch(w *ceremony.Watch) aroundFunc {
	var looking []httpBug
	for _, b := range httpBugs() {
		if w.LooksFor(b.Name) && b.watched() && b.around != nil {
			looking = append(looking, b)
		}
	}
	return func(rw http.ResponseWriter, r *http.Request, answer http.HandlerFunc) {
		// Beyond what any endpoint reads; the rest is not looked at.
		const most = 1 << 22
		sent, err := io.ReadAll(io.LimitReader(r.Body, most))
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(io.MultiReader(bytes.NewReader(sent), r.Body))
		given := &kept{header: http.Header{}, status: http.StatusOK}
		answer(given, again)
		for _, b := range looking {
			if !w.Noted(b.Name) && (err != nil || len(sent) == most || answersOtherwise(b, r, sent, given)) {
				w.Note(b.Name)
			}
		}
		given.send(rw)
	}
}

// send passes the answer on.
func (k *kept) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), k.header)
	w.WriteHeader(k.status)
	if k.body.Len() > 0 {
		_, _ = w.Write(k.body.Bytes())
	}
}

// answersOtherwise tells whether the bug asks the server something else than was
// sent, or makes another answer of the one that was given.
func answersOtherwise(b httpBug, r *http.Request, sent []byte, given *kept) (yes bool) {
	defer func() {
		if recover() != nil {
			yes = true
		}
	}()
	ctx, cancel := context.WithTimeout(r.Context(), watchPatience)
	defer cancel()
	theirs := r.Clone(ctx)
	theirs.Body = io.NopCloser(bytes.NewReader(sent))
	own := &kept{header: http.Header{}, status: http.StatusOK}
	asked := 0
	b.around(own, theirs, func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		asked++
		yes = yes || err != nil || asked > 1 || !bytes.Equal(body, sent) || q.Method != r.Method || q.URL.String() != r.URL.String() || !reflect.DeepEqual(q.Header, r.Header)
		given.send(w)
	})
	return yes || asked == 0 || own.status != given.status || !sameHeader(own.header, given.header) || !sameBody(own.body.Bytes(), given.body.Bytes())
}

func sameHeader(a, b http.Header) bool {
	a, b = a.Clone(), b.Clone()
	a.Del("Content-Length")
	b.Del("Content-Length")
	return maps.EqualFunc(a, b, slices.Equal)
}

// sameBody compares bodies as bytes or, as a bug writes what it has read, as JSON.
func sameBody(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	read := func(data []byte) (v any, ok bool) {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		ok = d.Decode(&v) == nil
		return v, ok
	}
	x, ok := read(a)
	y, also := read(b)
	return ok && also && reflect.DeepEqual(x, y)
}
