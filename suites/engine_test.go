package suites_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

// referenceRun runs the checks on a reference RP with cfg changed, in process.
func referenceRun(t testing.TB, dialects []string, change func(*rp.Config), with func(*suites.Config)) *reports.Report {
	t.Helper()
	cfg, err := reference.ConfigFor(reference.RPID, reference.Origin, dialects)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&cfg)
	}
	server, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := reference.Targets(server, dialects, "seed")
	if err != nil {
		t.Fatal(err)
	}
	run := suites.Config{Targets: targets, Clients: []client.Client{client.NewVirtual()}, Seed: "seed"}
	if with != nil {
		with(&run)
	}
	report, err := suites.Run(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func referenceServer(t *testing.T) http.Handler {
	t.Helper()
	cfg, err := reference.Config(reference.RPID, reference.Origin)
	if err != nil {
		t.Fatal(err)
	}
	server, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// wantClean fails the test for every check that is not a pass or not-applicable.
func wantClean(t *testing.T, r *reports.Report) {
	t.Helper()
	if r.Stopped != nil {
		t.Errorf("the run stopped: %s", r.Stopped.Message)
	}
	for _, h := range r.Health {
		if !h.OK {
			t.Errorf("health (%s) of %s through %s: %s", h.When, h.Target, h.Client, h.Message)
		}
	}
	for _, c := range r.Checks {
		if c.ID == "registration.client.literal-options" && slices.Contains([]string{"fortanix-published", "fortanix-nameless", "dfns-old-page"}, c.Target) {
			// What a vendor published and no browser takes.
			if c.Verdict != reports.Warn || !strings.Contains(c.Message, "TypeError") {
				t.Errorf("%s, %s through %s: %s: %s; want the trap of the published form", c.ID, c.Target, c.Client, c.Verdict, c.Message)
			}
			continue
		}
		if c.Verdict != reports.Pass && c.Verdict != reports.NotApplicable {
			t.Errorf("%s, %s through %s: %s: %s", c.ID, c.Target, c.Client, c.Verdict, c.Message)
		}
	}
}

func TestReferenceRPIsClean(t *testing.T) {
	for _, dialects := range [][]string{reference.Dialects(), {"fortanix-published", "dfns-old-page"}, {"dfns-decoded", "nevis-assertion-path"},
		{"fortanix-nulls", "dfns-new-page", "nevis-4xx"}, {"fortanix-cookie"}, {"fortanix-nameless"}, {"fortanix-u2f-only"}} {
		t.Run(strings.Join(dialects, "+"), func(t *testing.T) {
			r := referenceRun(t, dialects, nil, func(c *suites.Config) {
				c.Clients = append(c.Clients, client.NewVirtualWebAuthn())
			})
			wantClean(t, r)
			passed := map[string]int{}
			for _, c := range r.Checks {
				if c.Verdict == reports.Pass {
					passed[c.Target+" through "+c.Client]++
				}
			}
			for lane, n := range passed {
				t.Logf("%s: %d passed", lane, n)
			}
			for _, d := range dialects {
				least := 80
				if d == "fortanix-u2f-only" {
					least = 60 // a U2F key has no user verification, no resident keys and one algorithm
				}
				if passed[d+" through virtual"] < least {
					t.Errorf("%s: %d checks passed through the virtual client, want at least %d", d, passed[d+" through virtual"], least)
				}
				if d != "fortanix-u2f-only" && passed[d+" through virtualwebauthn"] < 5 { // it has no U2F key
					t.Errorf("%s: %d checks passed through the witness, want at least 5", d, passed[d+" through virtualwebauthn"])
				}
			}
		})
	}
}

// The seed decides the verdicts, and the number of jobs does not.
func TestJobsDoNotMatter(t *testing.T) {
	one := referenceRun(t, []string{"fido"}, nil, func(c *suites.Config) { c.Jobs = 1 })
	many := referenceRun(t, []string{"fido"}, nil, func(c *suites.Config) { c.Jobs = 8 })
	if len(one.Checks) != len(many.Checks) {
		t.Fatalf("%d checks with one job, %d with eight", len(one.Checks), len(many.Checks))
	}
	for i := range one.Checks {
		a, b := one.Checks[i], many.Checks[i]
		if a.ID != b.ID || a.Verdict != b.Verdict || a.Message != b.Message {
			t.Errorf("check %d: %s %s %q with one job, %s %s %q with eight", i, a.ID, a.Verdict, a.Message, b.ID, b.Verdict, b.Message)
		}
	}
}

func TestShardsAreAPartition(t *testing.T) {
	seen := map[string]int{}
	for i := 1; i <= 3; i++ {
		r := referenceRun(t, []string{"fido"}, nil, func(c *suites.Config) { c.Shard, c.Shards = i, 3 })
		for _, c := range r.Checks {
			seen[c.ID]++
		}
	}
	whole := referenceRun(t, []string{"fido"}, nil, nil)
	if len(seen) != len(whole.Checks) {
		t.Errorf("three shards ran %d checks, the whole has %d", len(seen), len(whole.Checks))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s ran in %d shards", id, n)
		}
	}
}

// targetOn is a fido target on any server.
func targetOn(t *testing.T, url string, timeout time.Duration) *target.Target {
	t.Helper()
	p, err := target.LoadDialect("fido")
	if err != nil {
		t.Fatal(err)
	}
	tgt, err := target.New(p, target.Options{URL: url, RPID: "rp.example", Origin: "https://rp.example", Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return tgt
}

// Whatever a target does, the run ends, says why, and is red.
func TestHostileTargets(t *testing.T) {
	// A handler that has not read its body is not told that the client has gone.
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		stopped string
		code    int
	}{
		{"500", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "boom", 500) }, reports.StopHealth, 1},
		{"html", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html><h1>Welcome</h1></html>")
		}, reports.StopHealth, 1},
		{"404", http.NotFound, reports.StopHealth, 1},
		{"empty", func(http.ResponseWriter, *http.Request) {}, reports.StopHealth, 1},
		{"closes", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, reports.StopUnreachable, 3},
		{"hangs", func(http.ResponseWriter, *http.Request) { <-over }, reports.StopUnreachable, 3},
		{"refuses", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			fmt.Fprint(w, `{"status":"failed","errorMessage":"no"}`)
		}, "", 1},
		{"wrong types", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"status":"ok","errorMessage":"","challenge":7,"user":[],"rp":null,"pubKeyCredParams":"x"}`)
		}, "", 1},
		{"deep", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, strings.Repeat(`{"a":`, 100_000))
		}, reports.StopHealth, 1},
		{"never ends", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-over
		}, reports.StopHealth, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(tc.handler)
			defer srv.CloseClientConnections()
			r, err := suites.Run(t.Context(), suites.Config{
				Targets: []*target.Target{targetOn(t, srv.URL, 300*time.Millisecond)},
				Clients: []client.Client{client.NewVirtual()}, Seed: "s",
			})
			if err != nil {
				t.Fatal(err)
			}
			if code := reports.ExitCode(r, false); code != tc.code {
				t.Errorf("exit code %d; want %d", code, tc.code)
			}
			stopped := ""
			if r.Stopped != nil {
				stopped = r.Stopped.Reason
			}
			if stopped != tc.stopped {
				t.Errorf("stopped = %+v; want reason %q", r.Stopped, tc.stopped)
			}
			if len(r.Health) == 0 || r.Health[0].OK || r.Health[0].Message == "" {
				t.Errorf("health = %+v; want a failure with its reason", r.Health)
			}
		})
	}
}

// A target that answers in one of two dialects is tested in that one, and red for the other.
func TestStoppedLaneLeavesTheOthers(t *testing.T) {
	server := referenceServer(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") == "text/none" {
			http.NotFound(w, r)
			return
		}
		server.ServeHTTP(w, r)
	}))
	defer srv.Close()
	p, err := target.LoadProfile("none.yaml", []byte("extends: fido\nname: none\nheaders: {Content-Type: text/none}\n"))
	if err != nil {
		t.Fatal(err)
	}
	none, err := target.New(p, target.Options{URL: srv.URL, RPID: reference.RPID, Origin: reference.Origin})
	if err != nil {
		t.Fatal(err)
	}
	checks, err := suites.Select(suites.Catalogue(), []string{"registration.accepted.plain"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := suites.Run(t.Context(), suites.Config{
		Targets: []*target.Target{none, targetOn(t, srv.URL, time.Second)}, Clients: []client.Client{client.NewVirtual()}, Checks: checks, Seed: "s",
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Stopped == nil || r.Stopped.Reason != reports.StopHealth || r.Stopped.Left != 1 || r.Stopped.Target != "none" {
		t.Errorf("stopped = %+v; want the health of none, one check left", r.Stopped)
	}
	if len(r.Checks) != 1 || r.Checks[0].Verdict != reports.Pass || reports.ExitCode(r, false) != 1 {
		t.Errorf("checks %+v, exit %d; want one pass and 1", r.Checks, reports.ExitCode(r, false))
	}
}

// killer is the check with which brokenBy's target ends.
const killer = "registration.envelope.body-null"

// brokenBy runs the suite on a target that does no more than end does, once the
// killer's result has reached it.
func brokenBy(t *testing.T, end http.HandlerFunc) *reports.Report {
	t.Helper()
	server := referenceServer(t)
	broken := false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Touchstone-Check") == killer && strings.HasSuffix(r.URL.Path, "/result") && r.ContentLength <= 5 {
			broken = true
		}
		if broken {
			end(w, r)
			return
		}
		server.ServeHTTP(w, r)
	}))
	defer srv.Close()
	r, err := suites.Run(t.Context(), suites.Config{Targets: []*target.Target{targetOn(t, srv.URL, time.Second)}, Clients: []client.Client{client.NewVirtual()}, Seed: "s", Jobs: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A target that answers with errors only, once a check has broken it, is red, not gone.
func TestTargetThatBreaks(t *testing.T) {
	r := brokenBy(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no database", 500) })
	if r.Stopped == nil || r.Stopped.Reason != reports.StopHealth || !strings.Contains(r.Stopped.Message, killer) || reports.ExitCode(r, false) != 1 {
		t.Fatalf("stopped = %+v, exit %d; want health, naming %s, and 1", r.Stopped, reports.ExitCode(r, false), killer)
	}
}

func TestTargetThatIsDown(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	url := srv.URL
	srv.Close()
	r, err := suites.Run(t.Context(), suites.Config{Targets: []*target.Target{targetOn(t, url, time.Second)}, Clients: []client.Client{client.NewVirtual()}, Seed: "s"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Stopped == nil || r.Stopped.Reason != reports.StopUnreachable || reports.ExitCode(r, false) != 3 {
		t.Errorf("stopped = %+v, exit %d; want unreachable and 3", r.Stopped, reports.ExitCode(r, false))
	}
}

// A target that dies in the middle stops the run, and the check that killed it is named.
func TestTargetThatDies(t *testing.T) {
	r := brokenBy(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if r.Stopped == nil || r.Stopped.Reason != reports.StopUnreachable || !strings.Contains(r.Stopped.Message, killer) {
		t.Fatalf("stopped = %+v; want unreachable, naming %s", r.Stopped, killer)
	}
	i := slices.IndexFunc(r.Checks, func(c reports.Check) bool { return c.ID == killer })
	if i < 0 || r.Checks[i].Verdict != reports.Fail || r.Checks[i].Reason != reports.ReasonCrash {
		t.Errorf("the killer's own result is not a fail for a crash: %+v", r.Checks)
	}
	if r.Stopped.Left == 0 {
		t.Error("nothing is said of the checks that were not run")
	}
}

// A target that dies of the first plain result is gone; one that only drops it is
// there, and red.
func TestTargetThatDiesAtOnce(t *testing.T) {
	for name, forGood := range map[string]bool{"dies": true, "drops results": false} {
		t.Run(name, func(t *testing.T) {
			server := referenceServer(t)
			dead := false
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				result := strings.HasSuffix(r.URL.Path, "/result")
				dead = dead || result && forGood
				if dead || result {
					panic(http.ErrAbortHandler)
				}
				server.ServeHTTP(w, r)
			}))
			defer srv.Close()
			r, err := suites.Run(t.Context(), suites.Config{Targets: []*target.Target{targetOn(t, srv.URL, time.Second)}, Clients: []client.Client{client.NewVirtual()}, Seed: "s", Jobs: 1})
			if err != nil {
				t.Fatal(err)
			}
			unreachable := r.Stopped != nil && r.Stopped.Reason == reports.StopUnreachable
			if want := map[bool]int{true: 3, false: 1}[forGood]; unreachable != forGood || reports.ExitCode(r, false) != want {
				t.Errorf("stopped %+v, exit %d; want %d", r.Stopped, reports.ExitCode(r, false), want)
			}
		})
	}
}

func TestInterruptKeepsWhatWasDone(t *testing.T) {
	targets, err := reference.Targets(referenceServer(t), []string{"fido"}, "s")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := suites.Run(ctx, suites.Config{Targets: targets, Clients: []client.Client{client.NewVirtual()}, Seed: "s", Jobs: 1, Progress: func(p suites.Progress) {
		if p.Done == 10 {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Stopped == nil || r.Stopped.Reason != reports.StopInterrupted || len(r.Checks) < 10 || reports.ExitCode(r, false) != 130 {
		t.Errorf("stopped %+v with %d checks, exit %d; want interrupted, at least 10, 130", r.Stopped, len(r.Checks), reports.ExitCode(r, false))
	}
}

func TestUnavailableClientIsRed(t *testing.T) {
	r := referenceRun(t, []string{"fido"}, nil, func(c *suites.Config) {
		c.Clients = []client.Client{&client.Unavailable{Kind: "chrome", Abilities: []client.Ability{client.Faults}, Cause: fmt.Errorf("no Chromium on PATH")}}
	})
	if len(r.Checks) == 0 || r.Summary.NotTestable != len(r.Checks) || reports.ExitCode(r, false) != 1 {
		t.Errorf("summary %+v of %d checks, exit %d; want all not testable and 1", r.Summary, len(r.Checks), reports.ExitCode(r, false))
	}
	for _, c := range r.Checks {
		if !strings.Contains(c.Hint, "Nothing was asked of the RP") || !strings.Contains(c.Mend, "CHROME_PATH") || c.Guards != "" || c.Records != nil {
			t.Fatalf("%s: the report sends the reader to the RP: %q %q %q", c.ID, c.Hint, c.Mend, c.Guards)
		}
	}
}

// An RP that serves a vendor's published form where its clients expect the wire
// form can be used by no browser; the report says so, and why.
func TestPublishedFormsAreTold(t *testing.T) {
	for _, tc := range []struct {
		dialect string
		change  func(*rp.Config)
		want    []string
	}{
		{"fortanix", func(c *rp.Config) { c.Fortanix.Form = rp.FormPublished }, []string{"fortanix.options.alg-is-integer", "fortanix.options.entities-flattened", "registration.options.well-formed"}},
		{"fortanix", func(c *rp.Config) { c.Fortanix.Form = rp.FormNameless }, []string{"registration.options.well-formed"}},
		{"dfns", func(c *rp.Config) { c.Dfns.Form = rp.FormOldPage }, []string{"dfns.options.pub-key-cred-params", "registration.options.well-formed"}},
	} {
		r := referenceRun(t, []string{tc.dialect}, tc.change, nil)
		got := map[string]reports.Verdict{}
		for _, c := range r.Checks {
			got[c.ID] = c.Verdict
		}
		for _, id := range tc.want {
			if got[id] != reports.Fail {
				t.Errorf("%s: %s is %q; want fail", tc.dialect, id, got[id])
			}
		}
		if reports.ExitCode(r, false) != 1 {
			t.Errorf("%s: exit %d; want 1", tc.dialect, reports.ExitCode(r, false))
		}
	}
}

func skipUnderRace(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("not applicable: which check notices what is asked without the race detector; the engine's other tests show it all that runs at once")
	}
}

// Every step of §7.1, §7.2 and §8 that the reference RP can leave out is missed
// by at least one check, or stands here with the reason.
func TestLeftOutStepsAreCaught(t *testing.T) {
	skipUnderRace(t)
	known := map[string]bool{}
	for _, step := range append(ceremony.Steps(), rp.DialectSteps()...) {
		known[step.Name] = true
		if !step.Check || leftOutUnnoticed(step.Name) != "" {
			continue
		}
		t.Run(step.Name, func(t *testing.T) {
			t.Parallel()
			by := caughtBy(t, step.Name)
			if by == "" {
				t.Errorf("left out step %s (%s) and no check noticed", step.Name, step.Title)
			}
			t.Logf("noticed by %s", by)
		})
	}
	if !known["7.1.7"] || !known["7.2.21"] {
		t.Errorf("the steps are not those of the specification: %v", known)
	}
}

// Two steps that notice the same are both needed: without either, a check notices.
func TestLeftOutTwinStepsAreCaught(t *testing.T) {
	skipUnderRace(t)
	for _, steps := range [][]string{{"7.1.11.1", "7.1.11.2"}, {"7.2.14.1", "7.2.14.2"}, {"7.2.5", "7.2.6.known-owner"}, {"7.1.20.algorithm", "7.1.20", "7.1.20.supported"}, {"8.2.1.aaguid-critical", "7.1.24.critical"}, {"7.1.13.nesting", "8.9.not-nested"}} {
		t.Run(strings.Join(steps, "+"), func(t *testing.T) {
			t.Parallel()
			if by := caughtBy(t, steps...); by == "" {
				t.Errorf("left out %v and no check noticed", steps)
			}
		})
	}
}

// caughtBy is the first check that notices left-out steps: one that is red or
// warns, or a posture check with a finding. Those that cite the step are asked first.
func caughtBy(t *testing.T, steps ...string) string {
	section, number, _ := strings.Cut(strings.TrimPrefix(steps[0], "7."), ".")
	number, _, _ = strings.Cut(number, ".")
	cited := "webauthn-3/7." + section + "/step-" + number
	all := suites.Catalogue()
	slices.SortStableFunc(all, func(a, b *suites.Check) int {
		return btoi(slices.Contains(b.Requirements, cited)) - btoi(slices.Contains(a.Requirements, cited))
	})
	if d := dialectOf(steps[0]); slices.Contains(reference.Dialects(), d) {
		slices.SortStableFunc(all, func(a, b *suites.Check) int {
			return btoi(strings.HasPrefix(b.ID, d+".")) - btoi(strings.HasPrefix(a.ID, d+"."))
		})
	}
	cfg, err := reference.Config(reference.RPID, reference.Origin)
	if err != nil {
		t.Fatal(err)
	}
	cfg.LeaveOut = steps
	leftOutPolicy(steps[0], &cfg)
	set := ""
	if b, err := rp.FindBug("skips-" + steps[0]); err == nil {
		set = b.Set
	}
	if err := reference.Apply(&cfg, set); err != nil {
		t.Fatal(err)
	}
	server, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	// fido offers every algorithm, nevis two, so that there is one it did not offer.
	dialects := []string{"fido", "nevis"}
	if d := dialectOf(steps[0]); slices.Contains(reference.Dialects(), d) {
		dialects = []string{d}
	}
	targets, err := reference.Targets(server, dialects, "seed")
	if err != nil {
		t.Fatal(err)
	}
	clean := notesOf(cfg.Policy)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := ""
	_, err = suites.Run(ctx, suites.Config{Targets: targets, Clients: []client.Client{client.NewVirtual()}, Checks: all, Set: set, Seed: "seed", Jobs: 1, NoFeatures: true, Progress: func(p suites.Progress) {
		if r := p.Result; r != nil && first == "" && (r.Verdict == reports.Fail || r.Verdict == reports.Warn || set == "" && r.Level == reports.Posture && len(r.Notes) > 0 && !clean[r.Target+r.ID]) {
			first = r.ID
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return first
}

// cleanNotes are the posture checks that have a finding on an RP that leaves
// nothing out, by its policy.
var cleanNotes sync.Map

func notesOf(policy ceremony.Policy) map[string]bool {
	once, _ := cleanNotes.LoadOrStore(policy, sync.OnceValue(func() map[string]bool {
		noted := map[string]bool{}
		cfg, err := reference.Config(reference.RPID, reference.Origin)
		if err != nil {
			panic(err)
		}
		cfg.Policy = policy
		server, err := rp.New(cfg)
		if err != nil {
			panic(err)
		}
		targets, err := reference.Targets(server, []string{"fido", "nevis"}, "seed")
		if err != nil {
			panic(err)
		}
		r, err := suites.Run(context.Background(), suites.Config{Targets: targets, Clients: []client.Client{client.NewVirtual()}, Seed: "seed", NoFeatures: true})
		if err != nil {
			panic(err)
		}
		for _, c := range r.Checks {
			if len(c.Notes) > 0 {
				noted[c.Target+c.ID] = true
			}
		}
		return noted
	}))
	return once.(func() map[string]bool)()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
