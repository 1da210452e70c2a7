package suites

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// Config is one run: some checks, put to some targets through some clients.
type Config struct {
	Targets []*target.Target
	Clients []client.Client
	// Checks are the ones to run, in catalogue order; nil is the whole catalogue.
	Checks []*Check
	// Set names the requirement set; empty is CurrentSet. What it leaves out of
	// Checks is not run, and what was added after it was frozen does not score.
	Set string
	// Seed decides, with the id of a check, every key and credential id that the check makes.
	Seed string
	// Nonce goes into account names beside the seed, so that a second run on an
	// RP that remembers meets no account of the first.
	Nonce string
	// Jobs is how many cases run at once; 0 is the number of processors.
	Jobs int
	// Shard runs only the checks of part Shard (from 1) of Shards; Shards 0 is no sharding.
	Shard, Shards int
	// KeepExchanges keeps the exchanges of passed checks in the report too.
	KeepExchanges bool
	// Version is the program's, Command the command line, both for the report.
	Version, Command string
	// Rerun writes the command that runs one check again.
	Rerun func(t *target.Target, cl client.Client, checkID string) string
	// NoFeatures leaves out the trying of what the profile declares.
	NoFeatures bool
	// Trace, if set, is given everything that a check did, after each check that
	// was played. Calls may overlap.
	Trace func(*reports.Trace)
	// Progress, if set, is told of every case that is done; calls do not overlap.
	Progress func(Progress)
}

// Progress is how far a run has come.
type Progress struct {
	Done, Total int
	// Result is the case that has just ended; nil when a lane begins.
	Result *reports.Check
	// Target and Client name the lane.
	Target, Client string
}

// run is a Config in motion.
type run struct {
	cfg    Config
	ledger *Ledger
	set    *Set
	order  map[string]int

	mu     sync.Mutex
	report *reports.Report
	done   int
	total  int
	// lost counts, by client, the cases that were played again.
	lost map[string]int
	// screenshots counts those that were asked for.
	screenshots int
	// stop is what the report says of the end; stopped is set with it where the
	// whole run was ended, not one lane alone.
	stop, stopped *reports.Stop
	cancel        context.CancelFunc
}

// Run puts the checks to every target through every client and returns what
// came of it. An error means that nothing could be run; everything that goes
// wrong later is in the report. Cancelling ctx ends the run and keeps what was done.
func Run(ctx context.Context, cfg Config) (*reports.Report, error) {
	began := time.Now()
	r, lanes, err := newRun(cfg)
	if err != nil {
		return nil, err
	}
	asked := ctx
	ctx, r.cancel = context.WithCancel(ctx)
	defer r.cancel()
	for _, l := range lanes {
		if ctx.Err() != nil {
			break
		}
		l.runAll(ctx, l.checks)
	}
	if r.done < r.total && (r.stop == nil || r.stopped == nil && asked.Err() != nil) {
		r.stop = &reports.Stop{Reason: reports.StopInterrupted, Message: "the run was interrupted"}
	}
	if r.stop != nil {
		r.stop.Left = r.total - r.done
		r.report.Stopped = r.stop
	}
	for _, name := range slices.Sorted(maps.Keys(r.lost)) {
		r.report.Notes = append(r.report.Notes, fmt.Sprintf("%s was lost while %d of its cases ran; they were played again in a new one", name, r.lost[name]))
	}
	r.report.Sort()
	r.report.Summarize()
	r.report.Summary.DurationMs = time.Since(began).Milliseconds()
	return r.report, nil
}

// newRun completes a Config and lays out its lanes.
func newRun(cfg Config) (*run, []*lane, error) {
	ledger, err := ShippedLedger()
	if err != nil {
		return nil, nil, err
	}
	if cfg.Checks == nil {
		cfg.Checks = Catalogue()
	}
	set, err := FindSet(cfg.Set)
	if err != nil {
		return nil, nil, err
	}
	cfg.Set = set.Name
	if cfg.Jobs <= 0 {
		cfg.Jobs = runtime.NumCPU()
	}
	if len(cfg.Targets) == 0 || len(cfg.Clients) == 0 {
		return nil, nil, errors.New("no target or no client to run the checks with")
	}
	if bad := Lint(cfg.Checks, ledger); len(bad) > 0 {
		return nil, nil, fmt.Errorf("the catalogue is inconsistent: %s", bad[0])
	}
	cfg.Checks = set.Choose(cfg.Checks, ledger)
	r := &run{cfg: cfg, ledger: ledger, set: set, order: map[string]int{}}
	for i, c := range Catalogue() {
		r.order[c.ID] = i + 1
	}
	r.report = &reports.Report{
		SchemaVersion: reports.SchemaVersion,
		Suite:         reports.Suite{Version: cfg.Version, Digest: Digest(Catalogue()), Set: cfg.Set, Seed: cfg.Seed},
		Started:       time.Now().UTC(),
		Command:       cfg.Command,
		Environment:   map[string]string{"go": runtime.Version(), "os": runtime.GOOS + "/" + runtime.GOARCH},
		Requirements:  map[string]reports.Requirement{},
	}
	if cfg.Shards > 0 {
		r.report.Shard = &reports.Shard{Index: cfg.Shard, Count: cfg.Shards}
	}
	for _, t := range cfg.Targets {
		r.report.Targets = append(r.report.Targets, reports.Target{Name: t.Name(), URL: t.URL(), Dialect: t.Dialect(), RPID: t.RPID(), Origin: t.Origin(), Adapter: t.Adapter()})
	}
	for _, cl := range cfg.Clients {
		r.report.Clients = append(r.report.Clients, reports.Client{Name: cl.Name(), Version: cl.Version()})
	}
	var lanes []*lane
	for _, t := range cfg.Targets {
		for _, cl := range cfg.Clients {
			l := &lane{run: r, target: t, client: cl, twins: map[string]*twin{}}
			l.checks = l.carried(cfg.Checks)
			r.total += len(l.checks)
			lanes = append(lanes, l)
		}
	}
	return r, lanes, nil
}

// carried are the checks that the lane's client can carry, of this shard, for this dialect.
func (l *lane) carried(checks []*Check) []*Check {
	var out []*Check
	for _, c := range checks {
		if n := l.run.cfg.Shards; n > 0 && shardOf(c.ID, n) != l.run.cfg.Shard {
			continue
		}
		if len(c.Dialects) > 0 && !l.speaks(c.Dialects) {
			continue
		}
		if ok, _ := c.Carried(l.client); !ok {
			continue
		}
		out = append(out, c)
	}
	return out
}

func (l *lane) speaks(dialects []string) bool {
	for _, d := range dialects {
		if globMatch(d, l.target.Name()) || globMatch(d, l.target.Dialect()) {
			return true
		}
	}
	return false
}

// shardOf spreads checks by their id, so that adding one moves no other.
func shardOf(id string, n int) int {
	h := fnv.New32a()
	h.Write([]byte(id))
	return int(h.Sum32()%uint32(n)) + 1
}

// clientUnavailable is the reason of all that a client that is not there was to do.
const clientUnavailable = "client-unavailable"

// runAll runs a lane: health, family after family with health in between, health.
func (l *lane) runAll(ctx context.Context, checks []*Check) {
	if len(checks) == 0 {
		return
	}
	r := l.run
	r.tell(l, nil)
	if u, ok := l.client.(*client.Unavailable); ok {
		r.settle(l, checks, judgement{reports.NotTestable, clientUnavailable, u.Error()})
		return
	}
	if l.target.Feature("authenticator").Value == "u2f" && !l.client.Carries(client.U2F) {
		r.settle(l, checks, judgement{reports.NotApplicable, reports.ReasonClient, "the RP takes U2F keys only, and " + l.client.Name() + " has none"})
		return
	}
	l.settleChallenges(ctx)
	if h := l.health(ctx, "first"); h.verdict != reports.Pass {
		if ctx.Err() != nil {
			return
		}
		l.sick = true
		switch {
		case h.crashed() && !h.answered:
			r.stopRun(&reports.Stop{Reason: reports.StopUnreachable, Target: l.target.Name(), Message: "no answer to a plain ceremony: " + h.message})
		case h.crashed() && h.silent && l.gone(ctx):
			r.stopRun(&reports.Stop{Reason: reports.StopUnreachable, Target: l.target.Name(), Message: "the target went away at the first plain ceremony: " + h.message})
		case h.crashed() && !h.begun:
			// Whoever answers so to a request for options has nothing that could be asked further.
			r.stopLane(&reports.Stop{Reason: reports.StopHealth, Target: l.target.Name(), Message: "the target answers, but not a plain ceremony: " + h.message})
		case h.verdict == reports.Error:
			r.settle(l, checks, judgement{reports.Error, reports.ReasonHarness, "a plain ceremony could not even be tried: " + h.message})
		default:
			// What only reads options can still be asked, and may well say why.
			var rest []*Check
			for _, c := range checks {
				if slices.Contains(c.Abilities, client.Direct) || c.Explains {
					l.runOne(ctx, c)
				} else {
					rest = append(rest, c)
				}
			}
			r.settle(l, rest, judgement{reports.NotTestable, reports.ReasonSetup, "plain ceremonies fail, so no other verdict would mean anything: " + h.message})
		}
		return
	}
	if !r.cfg.NoFeatures {
		l.probeFeatures(ctx, checks)
	}
	// before names what was run since the last good health, for the case that the
	// target did not survive it and no check saw.
	before := ""
	for i, family := range families(checks) {
		if ctx.Err() != nil {
			return
		}
		if i > 0 {
			l.stillAlive(ctx, "between", before)
		}
		l.runFamily(ctx, family)
		before = "the checks of " + family[0].Family() + " (the last was " + family[len(family)-1].ID + ")"
	}
	if ctx.Err() == nil {
		l.stillAlive(ctx, "last", before)
	}
}

// families groups checks that stand together, keeping their order.
func families(checks []*Check) [][]*Check {
	var out [][]*Check
	at := map[string]int{}
	for _, c := range checks {
		f := c.Family()
		i, ok := at[f]
		if !ok {
			i = len(out)
			at[f] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], c)
	}
	return out
}

func (l *lane) runFamily(ctx context.Context, checks []*Check) {
	queue := make(chan *Check)
	var wg sync.WaitGroup
	jobs := l.run.cfg.Jobs
	if l.oneUser() != "" {
		jobs = 1 // whoever shares an account would reset it under the other
	}
	for range min(jobs, len(checks)) {
		wg.Go(func() {
			for c := range queue {
				l.runOne(ctx, c)
			}
		})
	}
	for _, c := range checks {
		select {
		case queue <- c:
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
}

func (l *lane) runOne(ctx context.Context, c *Check) {
	if ctx.Err() != nil {
		return
	}
	l.flying(c.ID, 1)
	p := l.play(ctx, c)
	others := l.flying(c.ID, -1)
	if ctx.Err() != nil && p.reason == reasonInterrupted {
		return
	}
	l.run.add(l, c, p)
	if p.crashed {
		killer := c.ID
		if len(others) > 0 {
			killer += " (or one of those that ran beside it: " + strings.Join(others, ", ") + "; --jobs 1 tells)"
		}
		l.stillAlive(ctx, "after a crash", killer)
	}
}

// flying notes that a check has begun (n 1) or ended (n -1) and returns the
// others that are being played.
func (l *lane) flying(id string, n int) (others []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inFlight == nil {
		l.inFlight = map[string]int{}
	}
	if l.inFlight[id] += n; l.inFlight[id] == 0 {
		delete(l.inFlight, id)
	}
	for other := range l.inFlight {
		if other != id {
			others = append(others, other)
		}
	}
	slices.Sort(others)
	return others
}

// stillAlive stops the run when the target has gone away for good. killer is
// the check after which it happened, where one is known.
func (l *lane) stillAlive(ctx context.Context, when, killer string) {
	if l.sick {
		return // plain ceremonies never succeeded, and the report says so
	}
	h := l.health(ctx, when)
	if h.verdict == reports.Pass || ctx.Err() != nil || !h.crashed() {
		return // one that refuses is left to the checks: the failed health is in the report
	}
	stop := &reports.Stop{Reason: reports.StopUnreachable, Target: l.target.Name(), Message: "the target went away"}
	if !h.silent {
		stop.Reason, stop.Message = reports.StopHealth, "the target answers, but plain ceremonies succeed no longer"
	}
	if killer != "" {
		stop.Message += " after " + killer
	}
	stop.Message += ": " + h.message
	l.run.stopRun(stop)
}

// gone tells that a target that fell silent in a plain ceremony answers nothing any more.
func (l *lane) gone(ctx context.Context) bool {
	h := l.health(ctx, "after a crash")
	return h.crashed() && !h.answered && ctx.Err() == nil
}

// healthiness is what a plain registration and authentication came to.
type healthiness struct {
	judgement
	// answered: some request had an HTTP answer. silent: the one that decided had none.
	answered, silent bool
	// begun: options were had.
	begun bool
}

// crashed tells that the target met a request with no proper answer.
func (h healthiness) crashed() bool {
	return h.reason == reports.ReasonCrash || h.reason == reports.ReasonTimeout
}

// health plays a plain registration and authentication.
func (l *lane) health(ctx context.Context, when string) healthiness {
	began := time.Now()
	chk := &Check{ID: "health.plain.ceremonies", Level: Must}
	l.run.mu.Lock()
	n := len(l.run.report.Health)
	l.run.mu.Unlock()
	var c *Case
	var j judgement
	for try := 1; ; try++ {
		c = l.newCase(ctx, chk, again(fmt.Sprintf("health/%d", n), try))
		defer c.close()
		j = c.judge(func() { c.plain() })
		if !c.lost || try == lostTries || ctx.Err() != nil {
			break
		}
		l.run.lostBrowser(l)
	}
	h := reports.Health{
		Target: l.target.Name(), Client: l.client.Name(), When: when,
		OK: j.verdict == reports.Pass, Reason: j.reason, Message: j.message, DurationMs: time.Since(began).Milliseconds(),
	}
	if !h.OK {
		h.Exchanges = c.exchanges()
	}
	l.run.mu.Lock()
	l.run.report.Health = append(l.run.report.Health, h)
	l.run.mu.Unlock()
	answered := slices.ContainsFunc(h.Exchanges, func(e reports.Exchange) bool { return e.Status != 0 })
	return healthiness{judgement: j, answered: answered, silent: c.silent, begun: c.hadOptions}
}

// plain plays a plain registration and authentication.
func (c *Case) plain() {
	a := c.Account("alice", client.AuthenticatorConfig{})
	c.MustAccept(a.Run(Registration, Setting{}, virtualauth.Faults{}, target.WireFaults{}, true), "a plain registration")
	if c.Target.Feature(Authentication).Absent == "" {
		c.MustAccept(a.Run(Authentication, Setting{}, virtualauth.Faults{}, target.WireFaults{}, true), "a plain authentication")
	}
}

// lostBrowser counts a case that is played again because its browser was lost.
func (r *run) lostBrowser(l *lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost == nil {
		r.lost = map[string]int{}
	}
	r.lost[l.client.Name()]++
}

func (r *run) stopRun(s *reports.Stop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped == nil {
		r.stop, r.stopped = s, s
		r.cancel()
	}
}

// stopLane tells of a lane that came to nothing, and leaves the others running.
func (r *run) stopLane(s *reports.Stop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop == nil {
		r.stop = s
	}
}

// settle gives all checks of a lane one judgement without playing them.
func (r *run) settle(l *lane, checks []*Check, j judgement) {
	for _, c := range checks {
		r.add(l, c, played{judgement: j})
	}
}

func (r *run) add(l *lane, c *Check, p played) {
	res := r.result(l, c, p)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range res.Requirements {
		if row, ok := r.ledger.Row(id); ok {
			cited := r.set.Requirement(row)
			r.report.Requirements[id] = reports.Requirement{Anchor: cited.Anchor, Title: cited.Text}
		}
	}
	r.report.Checks = append(r.report.Checks, res)
	r.done++
	if r.cfg.Progress != nil {
		r.cfg.Progress(Progress{Done: r.done, Total: r.total, Result: &res, Target: l.target.Name(), Client: l.client.Name()})
	}
}

// result puts a judgement into the report's words.
func (r *run) result(l *lane, c *Check, p played) reports.Check {
	res := reports.Check{
		ID: c.ID, Order: r.order[c.ID], Title: c.Title, Level: reports.Level(c.Level),
		Requirements: c.Requirements, Faults: c.Faults(), Stricter: c.Stricter, Unscored: c.Unscored,
		Client: l.client.Name(), Dialect: l.target.Dialect(), Target: l.target.Name(),
		Verdict: p.verdict, Reason: p.reason, Message: p.message, Notes: slices.Clone(p.notes),
		DurationMs: p.took.Milliseconds(), Exchanges: []reports.Exchange{}, Evidence: p.evidence,
	}
	if c.Level == Posture && p.verdict == reports.Pass && p.message != "" {
		// A posture that was found wanting is a note on a pass.
		res.Notes = append(res.Notes, p.message)
		res.Message = ""
	}
	red := p.verdict != reports.Pass && p.verdict != reports.NotApplicable
	if red {
		res.Hint, res.Mend = c.Why, c.Mend()
		if class := c.Class(); class != nil {
			res.Guards = class.Title + ". " + class.Text
			for _, record := range class.Records {
				res.Records = append(res.Records, record.ID+", "+record.Product+": "+record.What)
			}
		}
		if p.reason == clientUnavailable {
			// The check says nothing of the RP, and its guidance would mislead.
			res.Hint, res.Guards, res.Records = "Nothing was asked of the RP: the client that was to run the ceremonies is not there.", "", nil
			res.Mend = "Install the browser, or say where it is (--chrome with a path or an address, CHROME_PATH, FIREFOX_PATH, webdriver:URL), or leave the client out."
		}
		if p.reason == reports.ReasonCrash || p.reason == reports.ReasonTimeout {
			// A crash is a failure of its own, whatever was asked: no specification's
			// statement was judged.
			res.Requirements = []string{noCrash}
			res.Mend = "Find the request in the server's log and the line that fell over it. Answer whatever cannot be processed in the dialect's failure form with a 4xx, bound what is parsed, and recover from panics and exceptions per request."
		}
	}
	if r.cfg.Rerun != nil {
		res.Rerun = r.cfg.Rerun(l.target, l.client, c.ID)
	}
	if p.exchanges != nil && (red || r.cfg.KeepExchanges || len(res.Notes) > 0) {
		res.Exchanges = p.exchanges
	}
	return res
}

func (r *run) tell(l *lane, res *reports.Check) {
	if r.cfg.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cfg.Progress(Progress{Done: r.done, Total: r.total, Result: res, Target: l.target.Name(), Client: l.client.Name()})
}

// accountName is a short name that is equal for equal runs and labels only.
func (r *run) accountName(label string) string {
	sum := sha256.Sum256([]byte("account\x00" + r.cfg.Seed + "\x00" + r.cfg.Nonce + "\x00" + label))
	return "ts-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// seedFor is the seed of one case: it depends on nothing but the run's seed and the label.
func (r *run) seedFor(label string) []byte {
	sum := sha256.Sum256([]byte("case\x00" + r.cfg.Seed + "\x00" + label))
	return sum[:]
}

// Digest identifies a catalogue: equal digests ask equal questions.
func Digest(checks []*Check) string {
	h := sha256.New()
	for _, c := range checks {
		fmt.Fprintf(h, "%s\x00%s\x00%v\x00%s\x00%s\x00%+v\x00%v\n", c.ID, c.Level, c.Requirements, c.Ceremony, c.Expect, c.Setting, c.Faults())
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// Select keeps the checks whose id matches one of the globs; * matches any run
// of characters. No glob keeps all. A glob that matches nothing is an error.
func Select(checks []*Check, globs []string) ([]*Check, error) {
	if len(globs) == 0 {
		return checks, nil
	}
	keep := map[string]bool{}
	for _, g := range globs {
		n := 0
		for _, c := range checks {
			if globMatch(g, c.ID) {
				keep[c.ID] = true
				n++
			}
		}
		if n == 0 {
			return nil, fmt.Errorf("no check matches %q%s", g, nearest(checks, g))
		}
	}
	var out []*Check
	for _, c := range checks {
		if keep[c.ID] {
			out = append(out, c)
		}
	}
	return out, nil
}

// GlobMatch tells whether s is what the pattern says, where * stands for any run of characters.
func GlobMatch(pattern, s string) bool { return globMatch(pattern, s) }

func globMatch(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

// nearest suggests an id that shares the most words with what was typed.
func nearest(checks []*Check, typed string) string {
	words := strings.FieldsFunc(strings.ToLower(typed), func(r rune) bool { return r == '.' || r == '-' || r == '*' })
	best, score := "", 0
	for _, c := range checks {
		n := 0
		for _, w := range words {
			if strings.Contains(c.ID, w) {
				n++
			}
		}
		if n > score {
			best, score = c.ID, n
		}
	}
	if best == "" {
		return "; touchstone list shows them all"
	}
	return "; did you mean " + best + "?"
}
