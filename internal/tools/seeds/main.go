// Seeds puts the whole suite to the sound reference RP in every dialect and
// requirement set, with many seeds, through the clients named, and fails unless
// every verdict is pass or not-applicable: a suite that is red, warns or cannot
// test something on a sound RP with one seed and not with another cries wolf at
// others, too.
//
//	seeds [-seeds N] [-apart] CLIENT…
//
// A client is named as touchstone run --client has it. Each is one browser for
// all of its runs, and as many clients run at once as there are processors.
//
// A check that is in several sets is played once for all of them where that is
// the same: under the policy of the first set, while the RP's policies for the
// other sets look on (ceremony.OtherPolicy). Where one of them would have gone
// another way, or the set asks at another level, the check is played again under
// that set and its policy. -apart plays everything under every set.
//
// Exit status: 0 clean; 1 not clean; 2 usage.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/touchstone-webauthn/touchstone/browser"
	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("seeds", flag.ContinueOnError)
	flags.SetOutput(stderr)
	p := &plan{out: stdout, dialects: reference.Dialects()}
	flags.IntVar(&p.seeds, "seeds", 10, "how many seeds, from 1")
	flags.BoolVar(&p.apart, "apart", false, "play every check under every set, also where it is the same")
	if err := flags.Parse(args); err != nil {
		return 2 // flag has said it
	}
	if flags.NArg() == 0 || p.seeds < 1 {
		fmt.Fprintln(stderr, "usage: seeds [-seeds N] [-apart] CLIENT…")
		return 2
	}
	sets, err := suites.Sets()
	if err != nil {
		fmt.Fprintf(stderr, "seeds: %v\n", err)
		return 1
	}
	p.sets = sets
	if err := p.all(ctx, flags.Args()); err != nil {
		fmt.Fprintf(stderr, "seeds: %v\n", err)
		return 1
	}
	return 0
}

// plan is what is to be run.
type plan struct {
	sets     []*suites.Set // the first is played whole
	dialects []string
	seeds    int
	apart    bool
	// checks are those to play; nil is the whole catalogue.
	checks []*suites.Check
	// bug is a deliberate defect of the RP, for the tests.
	bug string
	// seen, if set, is told of every verdict that counts for a set.
	seen func(o *one, set string, c *reports.Check)

	mu  sync.Mutex
	out io.Writer
}

// all runs the clients, as many at once as there are processors. The first that
// is not clean ends the others.
func (p *plan) all(ctx context.Context, clients []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, runtime.NumCPU())
	var wg sync.WaitGroup
	for _, name := range clients {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			if err := p.through(ctx, name); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// tally is what came of a client in a set.
type tally struct{ verdicts, again int }

// through runs everything through one client.
func (p *plan) through(ctx context.Context, name string) (err error) {
	began := time.Now()
	c, err := open(ctx, name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() { err = cmp.Or(err, c.Close()) }()
	sum := map[string]*tally{}
	for _, s := range p.sets {
		sum[s.Name] = &tally{}
	}
	for seed := 1; seed <= p.seeds; seed++ {
		for _, dialect := range p.dialects {
			o := &one{plan: p, client: c, flag: name, dialect: dialect, seed: fmt.Sprint(seed)}
			if err := o.run(ctx, sum); err != nil {
				return err
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, s := range p.sets {
		t := sum[s.Name]
		how := ""
		if i > 0 && !p.apart {
			how = fmt.Sprintf(", %d played again for what it asks otherwise", t.again)
		}
		fmt.Fprintf(p.out, "%s: clean in %d dialects through %s %s, %d seeds: %d verdicts%s\n", s.Name, len(p.dialects), c.Name(), c.Version(), p.seeds, t.verdicts, how)
	}
	fmt.Fprintf(p.out, "%s took %s\n", c.Name(), time.Since(began).Round(time.Second))
	return nil
}

// open opens a client as touchstone run does.
func open(ctx context.Context, name string) (client.Client, error) {
	if address, ok := strings.CutPrefix(name, "webdriver:"); ok {
		return browser.NewWebDriver(ctx, browser.WebDriverConfig{URL: address})
	}
	switch name {
	case "virtual":
		return client.NewVirtual(), nil
	case "virtualwebauthn":
		return client.NewVirtualWebAuthn(), nil
	case "chrome":
		return browser.NewChrome(ctx, browser.ChromeConfig{})
	case "firefox":
		return browser.NewFirefox(ctx, browser.FirefoxConfig{})
	}
	return nil, errors.New("no such client; there are virtual, virtualwebauthn, chrome, firefox and webdriver:URL")
}

// command is what a person types to see a finding again.
func (o *one) command(set, check string) string {
	quoted := o.flag
	if strings.ContainsAny(quoted, "?&{}\"' ") {
		quoted = "'" + strings.ReplaceAll(quoted, "'", `'\''`) + "'"
	}
	line := fmt.Sprintf("touchstone run --client %s --dialect %s", quoted, o.dialect)
	if check != "" {
		line += " --check " + check
	}
	return line + fmt.Sprintf(" --set %s --seed %s --strict", set, o.seed)
}

// notClean is what in a report is not as a sound RP's must be; nil: nothing. A
// check that does not score counts, too.
func (o *one) notClean(set string, r *reports.Report) error {
	var lines []string
	say := func(check, format string, args ...any) {
		lines = append(lines, fmt.Sprintf(format, args...)+"\n  "+o.command(set, check))
	}
	for _, c := range r.Checks {
		if c.Verdict != reports.Pass && c.Verdict != reports.NotApplicable {
			say(c.ID, "%s %s through %s in %s: %s", c.ID, c.Verdict, c.Client, c.Dialect, c.Message)
		}
	}
	for _, h := range r.Health {
		if !h.OK {
			say("", "plain ceremonies (%s) through %s in %s: %s", h.When, h.Client, o.dialect, h.Message)
		}
	}
	if r.Stopped != nil {
		say("", "stopped: %s", r.Stopped.Message)
	}
	if len(lines) == 0 {
		return nil
	}
	const most = 20
	if n := len(lines) - most; n > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", n))
	}
	return fmt.Errorf("not clean:\n%s\nall of that run: %s", strings.Join(slices.Compact(lines), "\n"), o.command(set, ""))
}
