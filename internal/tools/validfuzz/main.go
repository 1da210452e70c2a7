// Command validfuzz puts valid ceremonies to a Relying Party, thousands of them,
// each drawn from the seed: algorithm, attestation format, device of the fleet,
// flags, extensions, what the options ask for, and legal but unusual forms of the
// response, several at once. Whatever is refused is a false refusal of the RP, or
// a false alarm in the making.
//
//	validfuzz [-n 10000] [-seed S] [-only N]                  the reference RP
//	validfuzz -target URL -profile FILE -rp-id ID -origin O   another RP
//	          [-unsupported FILE]                             what its library does not do
//	          [-json FILE]                                    the figures, for a program
//
// The file of -unsupported lists what refusals say, each with a reason and what the
// story must be for it: a legal form in the ceremony that was refused, an attestation
// format, a word of the title. Such a refusal is set aside and counted; a row that
// sets nothing aside is an offence, so that the list only ever tells the truth. A
// story that was refused for a form is told again without that form, so that its
// other forms are heard too. A row with chance is of a library that refuses what it
// accepts another time; such a story is told until it is accepted, a few times at most.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

type config struct {
	n, only                    int
	seed, bug                  string
	url, profile, rpID, origin string
	dialect                    string
	unsupported, json          string
}

// lot is how many stories one reference RP hears. It keeps every challenge for as
// long as it may be answered and looks through them all, so that with one RP the
// time would grow with the square of the stories.
const lot = 500

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c config
	f := flag.NewFlagSet("validfuzz", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&c.n, "n", 10_000, "how many stories; each is a registration and two logins")
	f.IntVar(&c.only, "only", 0, "only the story with this number")
	f.StringVar(&c.seed, "seed", "", "what the stories are drawn from (default: the time)")
	f.StringVar(&c.bug, "bug", "", "give the reference RP this deliberate bug")
	f.StringVar(&c.dialect, "dialect", "fido", "dialect of the reference RP")
	f.StringVar(&c.url, "target", "", "base URL of another RP")
	f.StringVar(&c.profile, "profile", "", "its profile")
	f.StringVar(&c.rpID, "rp-id", "", "its RP ID")
	f.StringVar(&c.origin, "origin", "", "its origin")
	f.StringVar(&c.unsupported, "unsupported", "", "`file` that says what the other RP's library does not do")
	f.StringVar(&c.json, "json", "", "write the figures to this `file`")
	if err := f.Parse(args); err != nil {
		return 2
	}
	if c.seed == "" {
		c.seed = fmt.Sprintf("%x", time.Now().UnixNano())
	}
	known, err := loadUnsupported(c.unsupported)
	if err != nil {
		fmt.Fprintf(stderr, "validfuzz: %v\n", err)
		return 2
	}
	checks := stories(c.seed, c.n)
	if c.only > 0 {
		if c.only > len(checks) {
			fmt.Fprintf(stderr, "validfuzz: -only %d: there are %d\n", c.only, len(checks))
			return 2
		}
		checks = checks[c.only-1 : c.only]
	}
	play := func(checks []*suites.Check) (*reports.Report, error) {
		size := lot
		if c.url != "" {
			size = len(checks) // another RP is one, whatever it holds
		}
		report := &reports.Report{}
		for part := range slices.Chunk(checks, max(size, 1)) {
			targets, err := c.targets()
			if err != nil {
				return nil, mistake{err}
			}
			r, err := suites.Run(ctx, suites.Config{Targets: targets, Clients: []client.Client{client.NewVirtual()}, Checks: part, Seed: c.seed, Nonce: c.seed, Version: "validfuzz"})
			if err != nil {
				return nil, err
			}
			report.Checks = append(report.Checks, r.Checks...)
			if report.Stopped = r.Stopped; r.Stopped != nil {
				break
			}
		}
		return report, nil
	}
	told := sums{Seed: c.seed, Refused: map[string]int{}, NotApplicable: map[string]int{}, onceMore: map[string]int{}}
	for len(checks) > 0 {
		r, err := play(checks)
		if err != nil {
			fmt.Fprintf(stderr, "validfuzz: %v\n", err)
			if m := (mistake{}); errors.As(err, &m) {
				return 2
			}
			return 4
		}
		if checks = told.add(stdout, c, checks, r, known); r.Stopped != nil {
			break
		}
	}
	code := told.tell(stdout, c, known)
	if c.json != "" {
		data, err := json.MarshalIndent(told, "", "  ")
		if err == nil {
			err = os.WriteFile(c.json, append(data, '\n'), 0o666)
		}
		if err != nil {
			fmt.Fprintf(stderr, "validfuzz: %v\n", err)
			return 2
		}
	}
	return code
}

// mistake is an error in what was asked for.
type mistake struct{ error }

func (c config) targets() ([]*target.Target, error) {
	if c.url == "" {
		cfg, err := reference.ConfigFor(reference.RPID, reference.Origin, []string{c.dialect})
		if err != nil {
			return nil, err
		}
		cfg.Bug = c.bug
		server, err := rp.New(cfg)
		if err != nil {
			return nil, err
		}
		return reference.Targets(server, []string{c.dialect}, c.seed)
	}
	load := func() (*target.Profile, error) { return target.LoadDialect(c.dialect) }
	if c.profile != "" {
		load = func() (*target.Profile, error) {
			data, err := os.ReadFile(c.profile)
			if err != nil {
				return nil, err
			}
			return target.LoadProfile(c.profile, data)
		}
	}
	p, err := load()
	if err != nil {
		return nil, err
	}
	t, err := target.New(p, target.Options{URL: c.url, RPID: c.rpID, Origin: c.origin, Seed: []byte(c.seed)})
	if err != nil {
		return nil, err
	}
	return []*target.Target{t}, nil
}

// sums are the figures of a run.
type sums struct {
	Seed     string `json:"seed"`
	Stories  int    `json:"stories"`
	Accepted int    `json:"accepted"` // told whole, and accepted
	// Refused are the declared refusals by reason, NotApplicable what an RP need not
	// do or a legal form that fits no response of that kind.
	Refused       map[string]int `json:"refused"`
	NotApplicable map[string]int `json:"notApplicable"`
	// Again is how many were told again without the form they were refused for, and
	// AcceptedAgain how many of those were accepted then.
	Again         int `json:"again"`
	AcceptedAgain int `json:"acceptedAgain"`
	Undeclared    int `json:"undeclared"`
	stopped       string
	onceMore      map[string]int // what was refused by chance, by reason
}

// tries is how often a story may be refused by chance before that is no chance: what
// strikes one ceremony in three hundred strikes as often in a row never.
const tries = 4

// add counts what became of the stories that were told, prints what was refused, and
// returns those to tell again.
func (t *sums) add(w io.Writer, c config, told []*suites.Check, r *reports.Report, known []unsupported) []*suites.Check {
	var again []*suites.Check
	for _, check := range r.Checks {
		number, _ := strings.CutPrefix(check.ID, "valid.ceremonies.n")
		number, try, isTry := strings.Cut(number, "-try")
		number, isAgain := strings.CutSuffix(number, "-again")
		if !isAgain && !isTry {
			t.Stories++
		}
		switch check.Verdict {
		case reports.Pass:
			if isAgain {
				t.AcceptedAgain++
			} else {
				t.Accepted++
			}
		case reports.NotApplicable:
			if !isAgain {
				t.NotApplicable[check.Message]++
			}
		default:
			i := slices.IndexFunc(known, func(u unsupported) bool { return u.covers(check.Title, check.Message) })
			if i < 0 || check.Verdict != reports.Fail {
				t.Undeclared++
				fmt.Fprintf(w, "%s  %s\n  %s\n  %s\n", check.ID, check.Title, check.Verdict, check.Message)
				continue
			}
			known[i].met++
			if known[i].Chance {
				n, _ := strconv.Atoi(try)
				at := slices.IndexFunc(told, func(s *suites.Check) bool { return s.ID == check.ID })
				if n+1 == tries || at < 0 {
					t.Undeclared++
					fmt.Fprintf(w, "%s  %s\n  by no chance: refused %d times\n  %s\n", check.ID, check.Title, n+1, check.Message)
					continue
				}
				once := *told[at]
				once.ID = fmt.Sprintf("%s-try%d", strings.TrimSuffix(check.ID, "-try"+try), n+1)
				again = append(again, &once)
				t.onceMore[known[i].Reason]++
				continue
			}
			if isAgain {
				continue // for another reason, and that one is declared too
			}
			t.Refused[known[i].Reason]++
			if n, err := strconv.Atoi(number); err == nil && known[i].Form != "" {
				t.Again++
				again = append(again, story(c.seed, n, known[i].Form))
			}
		}
	}
	if r.Stopped != nil {
		t.stopped = r.Stopped.Message
	}
	return again
}

// tell prints the figures and how to see a refusal again.
func (t *sums) tell(w io.Writer, c config, known []unsupported) int {
	aside := maps.Clone(t.NotApplicable)
	for why, n := range t.Refused {
		aside["not supported: "+why] += n
	}
	reasons := slices.SortedFunc(maps.Keys(aside), func(a, b string) int { return cmp.Or(aside[b]-aside[a], strings.Compare(a, b)) })
	for i, why := range reasons {
		if i == 8 {
			fmt.Fprintf(w, "set aside: %d more reasons\n", len(reasons)-i)
			break
		}
		fmt.Fprintf(w, "set aside: %d x %s\n", aside[why], why)
	}
	for _, why := range slices.Sorted(maps.Keys(t.onceMore)) {
		fmt.Fprintf(w, "told once more: %d x refused by chance: %s\n", t.onceMore[why], why)
	}
	if t.Again > 0 {
		fmt.Fprintf(w, "told again without the form that was refused: %d stories, %d accepted\n", t.Again, t.AcceptedAgain)
	}
	fmt.Fprintf(w, "seed %s: %d stories, %d ceremonies accepted, %d refused\n", t.Seed, t.Stories, 3*(t.Accepted+t.AcceptedAgain), t.Undeclared)
	idle := 0
	for _, u := range known {
		if u.met == 0 && !u.Chance && c.only == 0 {
			idle++
			fmt.Fprintf(w, "%s: %q sets nothing aside: take it out\n", c.unsupported, u.Message)
		}
	}
	switch {
	case t.stopped != "":
		fmt.Fprintf(w, "stopped: %s\n", t.stopped)
		return 1
	case t.Undeclared > 0:
		fmt.Fprintf(w, "see one again with -seed %s -n %d -only N\n", c.seed, c.n)
		return 1
	case t.Accepted == 0:
		fmt.Fprintln(w, "nothing was played, so nothing was shown")
		return 1
	case idle > 0:
		return 1
	}
	return 0
}
