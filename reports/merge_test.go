package reports

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// shards deals the checks of the sample to n reports, as a run with --shard does.
func shards(t *testing.T, n int) []*Report {
	t.Helper()
	out := make([]*Report, n)
	for i := range out {
		r := *sample(t)
		r.Baseline, r.Health = nil, nil
		r.Shard = &Shard{Index: i + 1, Count: n}
		r.Summary.DurationMs = 100
		checks := r.Checks
		r.Checks = nil
		for j, c := range checks {
			c.Accepted = ""
			if j%n == i {
				r.Checks = append(r.Checks, c)
			}
		}
		out[i] = &r
	}
	return out
}

// TestMergeShards: the merge of the shards is the report of the whole run, in
// whatever order they come.
func TestMergeShards(t *testing.T) {
	whole := shards(t, 1)[0]
	whole.Shard = nil
	whole.Summary.DurationMs = 300
	var want bytes.Buffer
	if err := WriteJSON(&want, whole); err != nil {
		t.Fatal(err)
	}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		parts := shards(t, 3)
		merged, err := Merge(parts[order[0]], parts[order[1]], parts[order[2]])
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := WriteJSON(&got, merged); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("order %v: the merge differs from the whole", order)
		}
		if merged.Shard != nil {
			t.Errorf("order %v: the merge still says it is a shard", order)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	tests := []struct {
		name string
		edit func([]*Report) []*Report
		want string
	}{
		{"nothing", func([]*Report) []*Report { return nil }, "nothing to merge"},
		{"digest", func(p []*Report) []*Report { p[1].Suite.Digest = "sha256:00"; return p }, `report 1 has suite digest "sha256:5f2b0c9a7e1d44c2b6a8f0e3d9175c6b2a4e8f7d1c3b5a69788796a5b4c3d2e1" and report 2 has "sha256:00"`},
		{"version", func(p []*Report) []*Report { p[2].Suite.Version = "9"; return p }, "suite version"},
		{"set", func(p []*Report) []*Report { p[1].Suite.Set = "other"; return p }, "give every part the same --set"},
		{"seed", func(p []*Report) []*Report { p[1].Suite.Seed = "1"; return p }, "give every part the same --seed"},
		{"missing", func(p []*Report) []*Report { return p[:2] }, "shard 3/3 is missing"},
		{"missing two", func(p []*Report) []*Report { return p[1:2] }, "shard 1/3, 3/3 is missing"},
		{"twice", func(p []*Report) []*Report { return []*Report{p[0], p[1], p[1], p[2]} }, "shard 2/3 is there twice"},
		{"other count", func(p []*Report) []*Report { p[1].Shard = &Shard{2, 4}; return p }, "is a shard of 4, another one of the same run is a shard of 3"},
		{"no such shard", func(p []*Report) []*Report { p[1].Shard = &Shard{5, 3}; return p }, "says it is shard 5 of 3"},
		{"absurd count", func(p []*Report) []*Report { p[0].Shard = &Shard{1, 1 << 60}; return p[:1] }, "shard 2/1152921504606846976"},
		{"half shards", func(p []*Report) []*Report { p[1].Shard = nil; return p }, "some reports are shards and some are not"},
		{"same check", func(p []*Report) []*Report { p[1].Checks = append(p[1].Checks, p[0].Checks[0]); return p }, "registration.plain on fido through virtual is in two reports"},
		{"other target", func(p []*Report) []*Report {
			p[1].Targets = slices.Clone(p[1].Targets)
			p[1].Targets[0].URL = "https://other.example"
			return p
		}, "target fido is https://rp.example/fido (dialect fido, RP ID rp.example, origin https://rp.example) in one report and https://other.example"},
		{"other client", func(p []*Report) []*Report {
			p[1].Clients = slices.Clone(p[1].Clients)
			p[1].Clients[1].Version = "155"
			return p
		}, "client chrome is version 156.0.8078.79 in one report and 155 in another"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := Merge(test.edit(shards(t, 3))...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ...%s...", err, test.want)
			}
			if r != nil {
				t.Error("a report came with the error")
			}
		})
	}
}

// TestMergeTargets: reports of different targets, sharded each or not, make one report.
func TestMergeTargets(t *testing.T) {
	byTarget := func(name string, parts []*Report) []*Report {
		for _, p := range parts {
			p.Targets = slices.DeleteFunc(slices.Clone(p.Targets), func(g Target) bool { return g.Name != name })
			p.Checks = slices.DeleteFunc(slices.Clone(p.Checks), func(c Check) bool { return c.Target != name })
		}
		return parts
	}
	merged, err := Merge(append(byTarget("dfns", shards(t, 2)), byTarget("nevis", shards(t, 3))...)...)
	if err != nil {
		t.Fatal(err)
	}
	if len(merged.Targets) != 2 || merged.Summary.Total() != 48 {
		t.Errorf("%d targets and %d checks, want 2 and 48", len(merged.Targets), merged.Summary.Total())
	}
}

// TestMergeStopped: the stop that counts most stops the whole.
func TestMergeStopped(t *testing.T) {
	parts := shards(t, 3)
	parts[0].Stopped = &Stop{Reason: StopUnreachable, Message: "gone", Left: 2}
	parts[2].Stopped = &Stop{Reason: StopInterrupted, Message: "interrupted", Left: 5}
	merged, err := Merge(parts...)
	if err != nil {
		t.Fatal(err)
	}
	if merged.Stopped == nil || merged.Stopped.Reason != StopInterrupted || merged.Stopped.Left != 7 {
		t.Errorf("got %+v", merged.Stopped)
	}
	if parts[2].Stopped.Left != 5 {
		t.Error("a part was changed")
	}
}

// TestMergeBaselines: an entry is unused only if no part used it.
func TestMergeBaselines(t *testing.T) {
	b := &Baseline{File: "b.yaml", Entries: []BaselineEntry{
		{ID: "registration.client-data.type-is-get", Verdict: Fail, Reason: "known"},
		{ID: "registration.plain", Client: "virtual", Verdict: Fail, Reason: "wrong"},
		{ID: "nothing", Verdict: Fail, Reason: "stale"},
	}}
	parts := shards(t, 3)
	for i := range parts {
		parts[i] = b.Apply(parts[i])
	}
	merged, err := Merge(parts...)
	if err != nil {
		t.Fatal(err)
	}
	use := merged.Baseline
	if use.File != "b.yaml" || use.Accepted != 8 || len(use.Unexpected) != 4 || len(use.Unused) != 1 || use.Unused[0].ID != "nothing" {
		t.Errorf("got %+v", use)
	}
}
