package reports

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Merge makes one report of the reports of several shards, targets or clients.
// It does not change its arguments, and their order does not matter to the
// result's checks.
//
// It refuses what cannot honestly be one report: different suites (version,
// digest, set or seed), one target or client name for two different things, a
// check that is in two reports, and a shard that is missing, there twice, or
// mixed with reports that are no shards. Shards belong together when they have
// the same targets and clients. A stopped part stops the whole.
func Merge(list ...*Report) (*Report, error) {
	if len(list) == 0 {
		return nil, errors.New("nothing to merge: give at least one report")
	}
	parts := make([]*Report, len(list))
	for i, r := range list {
		parts[i] = r.settled()
	}
	if err := sameSuite(parts); err != nil {
		return nil, err
	}
	if err := completeShards(parts); err != nil {
		return nil, err
	}
	// Shards are taken in their own order, so that notes and targets do not
	// depend on the order of the files.
	slices.SortStableFunc(parts, func(a, b *Report) int { return shardIndex(a) - shardIndex(b) })

	out := &Report{
		SchemaVersion: SchemaVersion, Suite: parts[0].Suite, Command: parts[0].Command,
		Environment: maps.Clone(parts[0].Environment), Requirements: map[string]Requirement{},
	}
	seen := map[key]bool{}
	for _, p := range parts {
		if err := mergeEnvironment(out, p); err != nil {
			return nil, err
		}
		for i := range p.Checks {
			k := p.Checks[i].key()
			if seen[k] {
				return nil, fmt.Errorf("cannot merge: %s is in two reports", k)
			}
			seen[k] = true
		}
		out.Checks = append(out.Checks, p.Checks...)
		out.Summary.DurationMs += p.Summary.DurationMs
	}
	if len(out.Requirements) == 0 {
		out.Requirements = nil
	}
	return out.settled(), nil
}

func sameSuite(parts []*Report) error {
	first := parts[0].Suite
	for i, p := range parts[1:] {
		for _, m := range []struct{ name, want, got, mend string }{
			{"digest", first.Digest, p.Suite.Digest, "run every part with the same build"},
			{"version", first.Version, p.Suite.Version, "run every part with the same build"},
			{"set", first.Set, p.Suite.Set, "give every part the same --set"},
			{"seed", first.Seed, p.Suite.Seed, "give every part the same --seed"},
		} {
			if m.want != m.got {
				return fmt.Errorf("cannot merge: report 1 has suite %s %q and report %d has %q: %s", m.name, m.want, i+2, m.got, m.mend)
			}
		}
	}
	return nil
}

func shardIndex(r *Report) int {
	if r.Shard == nil {
		return 0
	}
	return r.Shard.Index
}

// completeShards refuses a set of shards that is not whole.
func completeShards(parts []*Report) error {
	type group struct {
		count int
		seen  map[int]bool
	}
	groups := map[string]*group{}
	var order []string
	whole := 0
	for i, p := range parts {
		if p.Shard == nil {
			whole++
			continue
		}
		if p.Shard.Count < 1 || p.Shard.Index < 1 || p.Shard.Index > p.Shard.Count {
			return fmt.Errorf("cannot merge: report %d says it is shard %d of %d", i+1, p.Shard.Index, p.Shard.Count)
		}
		id := runOf(p)
		g, ok := groups[id]
		if !ok {
			g = &group{count: p.Shard.Count, seen: map[int]bool{}}
			groups[id] = g
			order = append(order, id)
		}
		if g.count != p.Shard.Count {
			return fmt.Errorf("cannot merge: report %d is a shard of %d, another one of the same run is a shard of %d", i+1, p.Shard.Count, g.count)
		}
		if g.seen[p.Shard.Index] {
			return fmt.Errorf("cannot merge: shard %d/%d is there twice", p.Shard.Index, p.Shard.Count)
		}
		g.seen[p.Shard.Index] = true
	}
	if whole > 0 && len(order) > 0 {
		return errors.New("cannot merge: some reports are shards and some are not: merge the shards first")
	}
	for _, id := range order {
		g := groups[id]
		var missing []string
		for n := 1; n <= g.count && len(missing) < 10; n++ {
			if !g.seen[n] {
				missing = append(missing, fmt.Sprintf("%d/%d", n, g.count))
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("cannot merge: shard %s is missing", strings.Join(missing, ", "))
		}
	}
	return nil
}

// runOf names the run that a shard is part of: its targets and clients.
func runOf(r *Report) string {
	var names []string
	for _, t := range r.Targets {
		names = append(names, fmt.Sprintf("t%q", t.Name))
	}
	for _, c := range r.Clients {
		names = append(names, fmt.Sprintf("c%q", c.Name))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// mergeEnvironment adds to out what p says of its run.
func mergeEnvironment(out, p *Report) error {
	for _, t := range p.Targets {
		at := slices.IndexFunc(out.Targets, func(o Target) bool { return o.Name == t.Name })
		switch {
		case at < 0:
			out.Targets = append(out.Targets, t)
		case out.Targets[at] != t:
			return fmt.Errorf("cannot merge: target %s is %s in one report and %s in another", oneLine(t.Name),
				describeTarget(out.Targets[at]), describeTarget(t))
		}
	}
	for _, c := range p.Clients {
		at := slices.IndexFunc(out.Clients, func(o Client) bool { return o.Name == c.Name })
		switch {
		case at < 0:
			out.Clients = append(out.Clients, c)
		case out.Clients[at] != c:
			return fmt.Errorf("cannot merge: client %s is version %s in one report and %s in another", oneLine(c.Name),
				oneLine(out.Clients[at].Version), oneLine(c.Version))
		}
	}
	for id, q := range p.Requirements {
		out.Requirements[id] = q
	}
	if out.Command != p.Command {
		out.Command = ""
	}
	maps.DeleteFunc(out.Environment, func(name, value string) bool { return p.Environment[name] != value })
	if !p.Started.IsZero() && (out.Started.IsZero() || p.Started.Before(out.Started)) {
		out.Started = p.Started
	}
	out.Health = append(out.Health, p.Health...)
	for _, f := range p.Features {
		if !slices.Contains(out.Features, f) {
			out.Features = append(out.Features, f)
		}
	}
	for _, n := range p.Notes {
		if !slices.Contains(out.Notes, n) {
			out.Notes = append(out.Notes, n)
		}
	}
	mergeStop(out, p)
	mergeBaseline(out, p)
	return nil
}

func describeTarget(t Target) string {
	return oneLine(fmt.Sprintf("%s (dialect %s, RP ID %s, origin %s)", cmp.Or(t.Adapter, t.URL), t.Dialect, t.RPID, t.Origin))
}

// mergeStop keeps the stop whose exit code counts most.
func mergeStop(out, p *Report) {
	if p.Stopped == nil {
		return
	}
	code := func(s *Stop) int { return rank(ExitCode(&Report{Stopped: s}, false)) }
	stop := *p.Stopped
	if out.Stopped != nil {
		left := stop.Left + out.Stopped.Left
		if code(out.Stopped) >= code(&stop) {
			stop = *out.Stopped
		}
		stop.Left = left
	}
	out.Stopped = &stop
}

// mergeBaseline adds up what one baseline did to the parts. An entry is unused
// only if no part used it.
func mergeBaseline(out, p *Report) {
	if p.Baseline == nil {
		return
	}
	if out.Baseline == nil {
		use := *p.Baseline
		use.Unexpected = slices.Clone(use.Unexpected)
		use.Unused = slices.Clone(use.Unused)
		out.Baseline = &use
		return
	}
	b := out.Baseline
	b.Accepted += p.Baseline.Accepted
	b.Unexpected = append(b.Unexpected, p.Baseline.Unexpected...)
	b.Unused = slices.DeleteFunc(b.Unused, func(e BaselineEntry) bool { return !slices.Contains(p.Baseline.Unused, e) })
	if b.File != p.Baseline.File {
		b.File = ""
	}
}
