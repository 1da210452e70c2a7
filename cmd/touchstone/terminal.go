package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/touchstone-webauthn/touchstone/reports"
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
		fmt.Fprintln(p.w, finding(r, lane))
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

// finding is a red result in one line: the check, the fault, what came back, the
// requirement's anchor, and the command that runs it again.
func finding(r *reports.Check, lane string) string {
	parts := []string{fmt.Sprintf("%s %s (%s)", r.Verdict, r.ID, lane)}
	if len(r.Faults) > 0 {
		parts = append(parts, "fault "+strings.Join(r.Faults, ", "))
	}
	parts = append(parts, r.Message)
	if ledger, err := suites.ShippedLedger(); err == nil && len(r.Requirements) > 0 {
		if row, ok := ledger.Row(r.Requirements[0]); ok {
			parts = append(parts, row.Anchor)
		}
	}
	if r.Rerun != "" {
		parts = append(parts, "rerun: "+r.Rerun)
	}
	return strings.ReplaceAll(strings.Join(parts, "; "), "\n", " ")
}
