package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/touchstone-webauthn/touchstone/suites"
)

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// colour reports whether colours are welcome on w (https://no-color.org).
func colour(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// columns is the width for summaries: COLUMNS where it is set, else 100.
func columns() int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n >= 40 {
		return n
	}
	return 100
}

// progress tells on stderr how a run is getting on: one line that keeps
// changing on a terminal, and a line a lane and a finding elsewhere.
type progress struct {
	w       io.Writer
	live    bool
	lane    string
	last    time.Time
	started time.Time
}

func newProgress(w io.Writer) *progress {
	return &progress{w: w, live: isTerminal(w) && os.Getenv("TERM") != "dumb", started: time.Now()}
}

func (p *progress) tell(e suites.Progress) {
	lane := e.Target + " through " + e.Client
	if lane != p.lane && !p.live {
		fmt.Fprintf(p.w, "%s (%d of %d checks done)\n", lane, e.Done, e.Total)
	}
	p.lane = lane
	if r := e.Result; r != nil && r.Verdict.Red() {
		p.clear()
		fmt.Fprintf(p.w, "%s %s: %s\n", r.Verdict, r.ID, lane)
	}
	if p.live && (time.Since(p.last) > 100*time.Millisecond || e.Done == e.Total) {
		p.last = time.Now()
		fmt.Fprintf(p.w, "\r\x1b[K%d/%d %s", e.Done, e.Total, lane)
	}
}

func (p *progress) clear() {
	if p.live {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func (p *progress) done() { p.clear() }
