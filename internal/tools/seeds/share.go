package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
	"github.com/touchstone-webauthn/touchstone/suites"
)

// one is one client, dialect and seed.
type one struct {
	*plan
	client        client.Client
	flag          string // the client as it was asked for
	dialect, seed string
}

// run plays the first set, and of the others what cannot be told from that.
func (o *one) run(ctx context.Context, sum map[string]*tally) error {
	first := o.sets[0]
	others := make([]*onlooker, 0, len(o.sets)-1)
	for _, s := range o.sets[1:] {
		n, err := newOnlooker(s)
		if err != nil {
			return err
		}
		others = append(others, n)
	}
	all := o.checks
	if all == nil {
		all = suites.Catalogue()
	}
	played, err := o.play(ctx, first, all, others)
	if err != nil {
		return err
	}
	if err := o.count(first, all, played, nil, sum); err != nil {
		return err
	}
	ledger, err := suites.ShippedLedger()
	if err != nil {
		return err
	}
	for _, n := range others {
		again := all
		if !o.apart {
			again = n.again(all, first, ledger)
		}
		var more *reports.Report
		if len(again) > 0 {
			if more, err = o.play(ctx, n.set, again, nil); err != nil {
				return err
			}
		}
		base := played
		if o.apart {
			base = nil
		}
		if err := o.count(n.set, all, more, base, sum); err != nil {
			return err
		}
	}
	return nil
}

// play puts checks to a new reference RP that has the set's policy.
func (o *one) play(ctx context.Context, set *suites.Set, checks []*suites.Check, others []*onlooker) (*reports.Report, error) {
	cfg, err := reference.ConfigFor(reference.RPID, reference.Origin, []string{o.dialect})
	if err != nil {
		return nil, err
	}
	cfg.Bug = o.bug
	for _, n := range others {
		n.look.Policy = cfg.Policy.And(n.look.Policy)
		cfg.Policies = append(cfg.Policies, &n.look)
	}
	if err := reference.Apply(&cfg, set.Name); err != nil {
		return nil, err
	}
	server, err := rp.New(cfg)
	if err != nil {
		return nil, err
	}
	targets, err := reference.Targets(attributed(server, others), []string{o.dialect}, o.seed)
	if err != nil {
		return nil, err
	}
	// A set that asks none of the checks of this dialect and client has none to fail.
	jobs := 0
	if name := o.client.Name(); name == "firefox" || name == "webdriver" {
		jobs = 1 // a browser with one page: a second check would only have authenticators come and go
	}
	r, err := suites.Run(ctx, suites.Config{Targets: targets, Clients: []client.Client{o.client}, Checks: checks, Set: set.Name, Seed: o.seed, Jobs: jobs})
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return r, o.notClean(set.Name, r)
}

// count makes sure that every check that the set asks of this client in this
// dialect has its verdict: from the set's own run, or else from the first set's.
func (o *one) count(set *suites.Set, all []*suites.Check, own, shared *reports.Report, sum map[string]*tally) error {
	ledger, err := suites.ShippedLedger()
	if err != nil {
		return err
	}
	verdicts := func(r *reports.Report) map[string]*reports.Check {
		m := map[string]*reports.Check{}
		if r != nil {
			for i := range r.Checks {
				m[r.Checks[i].ID] = &r.Checks[i]
			}
		}
		return m
	}
	mine, others := verdicts(own), verdicts(shared)
	t := sum[set.Name]
	asked := 0
	for _, c := range set.Choose(all, ledger) {
		speaks := len(c.Dialects) == 0 || slices.ContainsFunc(c.Dialects, func(d string) bool { return suites.GlobMatch(d, o.dialect) })
		if carried, _ := c.Carried(o.client); !carried || !speaks {
			continue
		}
		asked++
		verdict := mine[c.ID]
		if verdict != nil {
			t.again++
		} else {
			verdict = others[c.ID]
		}
		if verdict == nil {
			return fmt.Errorf("%s has no verdict: %s", c.ID, o.command(set.Name, c.ID))
		}
		if o.seen != nil {
			o.seen(o, set.Name, verdict)
		}
	}
	if asked == 0 {
		return fmt.Errorf("nothing was asked: %s", o.command(set.Name, ""))
	}
	t.verdicts += asked
	return nil
}

// onlooker is another set while the first is played.
type onlooker struct {
	set  *suites.Set
	look ceremony.OtherPolicy
	mu   sync.Mutex
	// parted are the names, as requests carry them, of what its policy would have
	// gone another way with.
	parted map[string]bool
}

func newOnlooker(set *suites.Set) (*onlooker, error) {
	p, err := reference.Policy(set.Name)
	if err != nil {
		return nil, err
	}
	return &onlooker{set: set, look: ceremony.OtherPolicy{Policy: p}, parted: map[string]bool{}}, nil
}

// checkHeader names the check that a request belongs to.
const checkHeader = "X-Touchstone-Check"

// attributed lets one request after another through, so that a difference is
// that of the request's check.
func attributed(h http.Handler, others []*onlooker) http.Handler {
	if len(others) == 0 {
		return h
	}
	var one sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one.Lock()
		defer one.Unlock()
		h.ServeHTTP(w, r)
		for _, n := range others {
			if n.look.Take() {
				n.mu.Lock()
				n.parted[r.Header.Get(checkHeader)] = true
				n.mu.Unlock()
			}
		}
	})
}

// again are the checks that must be played under the set itself.
func (n *onlooker) again(all []*suites.Check, first *suites.Set, ledger *suites.Ledger) []*suites.Check {
	n.mu.Lock()
	defer n.mu.Unlock()
	var twins []*suites.Check
	for name := range n.parted {
		id, twin := strings.CutSuffix(name, suites.TwinSuffix)
		if strings.HasPrefix(id, "features.") {
			continue // tries what the profile declares: no verdict goes by it
		}
		i := slices.IndexFunc(all, func(c *suites.Check) bool { return c.ID == id })
		if i < 0 {
			return all // what all checks stand on, such as a plain ceremony
		}
		if twin {
			twins = append(twins, all[i])
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(c *suites.Check) bool {
		here, _ := n.set.Put(c, ledger)
		there, _ := first.Put(c, ledger)
		return here == nil ||
			there != nil && here.Level == there.Level && !n.parted[c.ID] && !slices.ContainsFunc(twins, c.SharesTwin)
	})
}
