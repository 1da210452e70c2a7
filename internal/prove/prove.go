// Package prove shows what the suite detects: it puts the suite to the reference
// Relying Party with each of its deliberate bugs in turn, and notes which checks
// see that something is wrong.
//
// A check kills a bug when it fails or warns on the RP that has it and does not
// on the same RP without, or, at level POSTURE, finds something there that it
// does not find here.
package prove

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

// Health stands among the killers where not even plain ceremonies succeed.
const Health = "health.plain.ceremonies"

// SchemaVersion is the version of Table's JSON form.
const SchemaVersion = 1

// requestTimeout is short: the RP is in this process, and a bug hangs.
const requestTimeout = time.Second

// patientTimeout is for a second look where an answer did not come in time: on a
// busy machine a second may be too short for a sound one, and chance is no kill.
const patientTimeout = 5 * time.Second

// Config is one proof.
type Config struct {
	// Bugs to prove; nil: all.
	Bugs []rp.Bug
	// Checks to prove them with; nil: all.
	Checks []*suites.Check
	Seed   string
	// AllChecks puts every check to every bug, also those whose traffic the bug
	// would have answered as a sound RP does.
	AllChecks bool
	// Jobs is how many bugs are tried at once; 0: the number of processors.
	Jobs int
	// Earlier is a table whose results are kept; it must be of the same proof, by Continues.
	Earlier *Table
	// Version is the program's, for the table.
	Version string
	// Progress is told of every bug that is done; calls do not overlap.
	Progress func(done, total int, r Result)
	// Save is given the table as it is so far, every SaveEvery (0: five seconds) while
	// the proof goes on, so that one which is killed can be continued; nil: nobody is.
	Save      func(*Table)
	SaveEvery time.Duration
}

// Result is one bug and what caught it.
type Result struct {
	rp.Bug
	// Ran is the dialect in which the suite ran.
	Ran string `json:"ran"`
	// KilledBy are the checks that caught it, in catalogue order.
	KilledBy []string `json:"killedBy"`
	// Unreached is how many checks were left out, as the bug would have answered
	// all that they send as the sound RP did.
	Unreached int `json:"unreached,omitempty"`
	// DurationMs is how long the suite took on the RP with the bug; the sound RP's
	// run is not counted, as many bugs share it.
	DurationMs int64 `json:"durationMs"`
	// Error tells why the suite could not be run.
	Error string `json:"error,omitempty"`
}

// Killed tells whether any check caught the bug.
func (r Result) Killed() bool { return len(r.KilledBy) > 0 }

// Idle is a check that caught no bug.
type Idle struct {
	Check string `json:"check"`
	// Excuse is why that is as it should be; empty: it is not.
	Excuse string `json:"excuse,omitempty"`
}

// Table is the kill table.
type Table struct {
	SchemaVersion int    `json:"schemaVersion"`
	Version       string `json:"version"`
	Digest        string `json:"digest"`
	Seed          string `json:"seed"`
	// Checks is how many checks were put to every bug.
	Checks int `json:"checks"`
	// Bugs are in the order of the catalogue.
	Bugs []Result `json:"bugs"`
	// Uncovered are the requirements that can be tested over the wire and for which
	// no check that cites them caught a bug filed under them, but for those with a
	// reason; Stale are those whose reason is out of date. Only of a proof of all
	// bugs with all checks.
	Uncovered []string `json:"uncovered,omitempty"`
	Stale     []string `json:"stale,omitempty"`
	// Idle are the checks that caught nothing; only of a proof of all bugs.
	Idle       []Idle `json:"idle"`
	DurationMs int64  `json:"durationMs"`
	// Complete tells that every bug asked for was tried.
	Complete bool `json:"complete"`
}

// Survivors are the bugs that nothing caught.
func (t *Table) Survivors() []Result {
	return slices.DeleteFunc(slices.Clone(t.Bugs), func(r Result) bool { return r.Killed() })
}

// Unexcused are the idle checks without an excuse.
func (t *Table) Unexcused() []Idle {
	return slices.DeleteFunc(slices.Clone(t.Idle), func(i Idle) bool { return i.Excuse != "" })
}

// Good tells that every bug was tried and caught, that every check caught one or
// is excused, and that every requirement is covered or has its reason.
func (t *Table) Good() bool {
	return t.Complete && len(t.Survivors()) == 0 && len(t.Unexcused()) == 0 && len(t.Uncovered) == 0 && len(t.Stale) == 0
}

// prover is a proof in motion.
type prover struct {
	cfg Config

	mu    sync.Mutex
	clean map[circumstances]func() (sound, error)
}

// sound is how the suite goes on a sound RP.
type sound struct {
	findings map[string]finding
	// reached are the bugs that would have answered some request of a check, or of
	// what stands before it, in another way, by check.
	reached map[string]map[string]bool
}

// circumstances are what a bug and a sound RP must share to be compared.
type circumstances struct {
	dialect string
	policy  ceremony.Policy
	set     string
}

// Run tries the bugs. Cancelling ctx ends it early; the table tells.
func Run(ctx context.Context, cfg Config) (*Table, error) {
	began := time.Now()
	all := cfg.Bugs == nil && cfg.Checks == nil
	if cfg.Bugs == nil {
		cfg.Bugs = rp.Bugs()
	}
	if cfg.Checks == nil {
		cfg.Checks = suites.Catalogue()
	}
	if cfg.Jobs <= 0 {
		cfg.Jobs = runtime.NumCPU()
	}
	if cfg.SaveEvery <= 0 {
		cfg.SaveEvery = 5 * time.Second
	}
	if cfg.Earlier != nil {
		if err := cfg.Earlier.Continues(cfg); err != nil {
			return nil, fmt.Errorf("the earlier table: %w", err)
		}
	}
	t := &Table{SchemaVersion: SchemaVersion, Version: cfg.Version, Digest: suites.Digest(cfg.Checks), Seed: cfg.Seed, Checks: len(cfg.Checks)}
	p := &prover{cfg: cfg, clean: map[circumstances]func() (sound, error){}}
	results := make([]*Result, len(cfg.Bugs))
	done := 0
	saved := began
	settle := func(i int, r Result) {
		p.mu.Lock()
		defer p.mu.Unlock()
		results[i] = &r
		done++
		if cfg.Progress != nil {
			cfg.Progress(done, len(cfg.Bugs), r)
		}
		if cfg.Save != nil && time.Since(saved) >= cfg.SaveEvery && done < len(cfg.Bugs) {
			saved = time.Now()
			so := *t
			so.Bugs, so.Idle, so.DurationMs = tried(results), []Idle{}, time.Since(began).Milliseconds()
			cfg.Save(&so)
		}
	}
	queue := make(chan int)
	var wg sync.WaitGroup
	for range min(cfg.Jobs, len(cfg.Bugs)) {
		wg.Go(func() {
			for i := range queue {
				if r := p.try(ctx, cfg.Bugs[i]); ctx.Err() == nil {
					settle(i, r)
				}
			}
		})
	}
	for i, b := range cfg.Bugs {
		if r, ok := cfg.Earlier.result(b); ok {
			settle(i, r)
			continue
		}
		select {
		case queue <- i:
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
	t.Bugs = tried(results)
	t.Complete = len(t.Bugs) == len(cfg.Bugs)
	t.Idle = []Idle{}
	if all && t.Complete {
		t.Idle = idle(cfg.Checks, t.Bugs)
		ledger, err := suites.ShippedLedger()
		if err != nil {
			return nil, err
		}
		t.Uncovered, t.Stale = t.uncovered(ledger, cfg.Checks)
	}
	t.DurationMs = time.Since(began).Milliseconds()
	return t, nil
}

// tried are the results that are there.
func tried(results []*Result) []Result {
	var out []Result
	for _, r := range results {
		if r != nil {
			out = append(out, *r)
		}
	}
	return out
}

// Continues tells whether a proof with this configuration can go on from the
// table; the error tells what stands in the way.
func (t *Table) Continues(cfg Config) error {
	checks := cfg.Checks
	if checks == nil {
		checks = suites.Catalogue()
	}
	switch {
	case t.SchemaVersion != SchemaVersion:
		return fmt.Errorf("it is no kill table of schema version %d, but of %d", SchemaVersion, t.SchemaVersion)
	case t.Version != cfg.Version:
		return fmt.Errorf("it was made by version %s, this is %s", t.Version, cfg.Version)
	case t.Digest != suites.Digest(checks):
		return fmt.Errorf("it is of other checks: %d with the digest %.12s, these are %d with %.12s", t.Checks, t.Digest, len(checks), suites.Digest(checks))
	case t.Seed != cfg.Seed:
		return fmt.Errorf("it is of the seed %q, this is of %q", t.Seed, cfg.Seed)
	}
	return nil
}

// result is what the table says of the bug.
func (t *Table) result(b rp.Bug) (Result, bool) {
	if t == nil {
		return Result{}, false
	}
	i := slices.IndexFunc(t.Bugs, func(r Result) bool { return r.Name == b.Name && r.Error == "" })
	if i < 0 {
		return Result{}, false
	}
	r := t.Bugs[i]
	r.Bug = b
	return r, true
}

// dialectOf is where a bug shows.
func dialectOf(b rp.Bug) string {
	switch {
	case b.SeenIn != "":
		return b.SeenIn
	case b.Dialect != "":
		return b.Dialect
	}
	return "fido"
}

// try puts the suite to one bug.
func (p *prover) try(ctx context.Context, b rp.Bug) Result {
	r := Result{Bug: b, Ran: dialectOf(b), KilledBy: []string{}}
	where := circumstances{r.Ran, b.Policy, b.Set}
	clean, err := p.baseline(ctx, where)
	began := time.Now()
	if err == nil {
		checks := p.cfg.Checks
		if !p.cfg.AllChecks && rp.Watched(b.Name) {
			checks = slices.DeleteFunc(slices.Clone(checks), func(c *suites.Check) bool { return !clean.reached[c.ID][b.Name] })
		}
		if err = p.kills(ctx, where, &r, checks, clean); err == nil && !r.Killed() && len(checks) < len(p.cfg.Checks) {
			// A survivor is a finding of its own: look again, at everything.
			err = p.kills(ctx, where, &r, p.cfg.Checks, clean)
		}
	}
	if err != nil {
		r.Error = err.Error()
	}
	r.DurationMs = time.Since(began).Milliseconds()
	return r
}

// under are the bugs that are tried under the same circumstances.
func (p *prover) under(where circumstances) []string {
	var names []string
	for _, b := range p.cfg.Bugs {
		if where == (circumstances{dialectOf(b), b.Policy, b.Set}) {
			names = append(names, b.Name)
		}
	}
	return names
}

// kills puts checks to a bug and notes in r which of them caught it.
func (p *prover) kills(ctx context.Context, where circumstances, r *Result, checks []*suites.Check, clean sound) error {
	r.Unreached = len(p.cfg.Checks) - len(checks)
	if len(checks) == 0 {
		return nil
	}
	red, late, err := p.red(ctx, where, r.Name, requestTimeout, checks, nil)
	if err == nil && (late || len(red) == 1 && red[Health] != 0) {
		red, _, err = p.red(ctx, where, r.Name, patientTimeout, checks, nil)
	}
	if err != nil {
		return err
	}
	for _, id := range append([]string{Health}, ids(checks)...) {
		if red[id] > clean.findings[id] {
			r.KilledBy = append(r.KilledBy, id)
		}
	}
	return nil
}

func ids(checks []*suites.Check) []string {
	out := make([]string, len(checks))
	for i, c := range checks {
		out[i] = c.ID
	}
	return out
}

// baseline is how the suite goes on a sound RP, found out once.
func (p *prover) baseline(ctx context.Context, where circumstances) (sound, error) {
	p.mu.Lock()
	once := p.clean[where]
	if once == nil {
		once = sync.OnceValues(func() (sound, error) {
			s := sound{reached: map[string]map[string]bool{}}
			var err error
			s.findings, _, err = p.red(ctx, where, "", patientTimeout, p.cfg.Checks, s.reached)
			return s, err
		})
		p.clean[where] = once
	}
	p.mu.Unlock()
	return once()
}

// finding is what a check found, the worse the more.
type finding int

const (
	noted   finding = iota + 1 // a posture check says something
	wanting                    // a posture was found wanting
	broken                     // fail, warn
)

// red runs the suite on the reference RP with a bug, or none, and returns the
// checks that saw something wrong, and whether an answer came late. reached, if not nil, gets the bugs that would
// have made a difference, by check; one RP and one lane see to it that what was
// noted since the last check is this one's.
func (p *prover) red(ctx context.Context, where circumstances, bug string, timeout time.Duration, checks []*suites.Check, reached map[string]map[string]bool) (red map[string]finding, late bool, err error) {
	cfg, err := reference.ConfigFor(reference.RPID, reference.Origin, []string{where.dialect})
	if err != nil {
		return nil, false, err
	}
	cfg.Bug, cfg.Policy = bug, cfg.Policy.And(where.policy)
	var progress func(suites.Progress)
	if reached != nil && !p.cfg.AllChecks {
		cfg.Watch = ceremony.NewWatch(p.under(where)...)
		progress = func(now suites.Progress) {
			if now.Result != nil {
				reached[now.Result.ID] = cfg.Watch.Take()
			}
		}
	}
	if err := reference.Apply(&cfg, where.set); err != nil {
		return nil, false, err
	}
	server, err := rp.New(cfg)
	if err != nil {
		return nil, false, err
	}
	profile, err := reference.Profile(where.dialect)
	if err != nil {
		return nil, false, err
	}
	t, err := target.New(profile, target.Options{URL: reference.Origin, RPID: reference.RPID, Origin: reference.Origin,
		Handler: server, Seed: []byte(p.cfg.Seed), Timeout: timeout})
	if err != nil {
		return nil, false, err
	}
	report, err := suites.Run(ctx, suites.Config{Targets: []*target.Target{t}, Clients: []client.Client{client.NewVirtual()},
		Checks: checks, Progress: progress, Set: where.set, Seed: p.cfg.Seed, Jobs: 1, NoFeatures: true, Version: p.cfg.Version})
	if err != nil {
		return nil, false, err
	}
	red = map[string]finding{}
	for _, h := range report.Health {
		if !h.OK {
			late = late || strings.Contains(h.Message, target.ReasonTimeout) // a health ceremony gives its reason in words alone
			red[Health] = broken
		}
	}
	for _, c := range report.Checks {
		late = late || c.Reason == reports.ReasonTimeout
		switch {
		case c.Verdict == reports.Error:
			return nil, false, fmt.Errorf("check %s went wrong by itself: %s", c.ID, c.Message)
		case c.Verdict == reports.Fail, c.Verdict == reports.Warn:
			red[c.ID] = broken
		case c.Level != reports.Level(suites.Posture):
		case c.Verdict == reports.Pass && c.Reason != "":
			red[c.ID] = wanting
		case len(c.Notes) > 0:
			red[c.ID] = noted
		}
	}
	return red, late, nil
}
