package reports

import "testing"

func TestWhere(t *testing.T) {
	r := &Report{Targets: []Target{{Name: "a"}, {Name: "b"}}, Clients: []Client{{Name: "x"}, {Name: "y"}}}
	at := func(target, client string) *Check { return &Check{Target: target, Dialect: target, Client: client} }
	tests := []struct {
		name   string
		checks []*Check
		want   string
	}{
		{"one", []*Check{at("a", "x")}, "a × x"},
		{"one target", []*Check{at("a", "x"), at("a", "y")}, "a × x, y"},
		{"one client", []*Check{at("a", "x"), at("b", "x")}, "a, b × x"},
		{"mixed", []*Check{at("a", "x"), at("a", "y"), at("b", "y")}, "a × x, y; b × y"},
		{"all", []*Check{at("a", "x"), at("a", "y"), at("b", "x"), at("b", "y")}, "everywhere (2 targets × 2 clients)"},
		{"dialect told", []*Check{{Target: "a", Dialect: "fido", Client: "x"}}, "a (fido) × x"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := where(r, test.checks); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestFindings: one failure in many places is one finding, different outcomes
// of one check are different findings, and one cause with many victims is one.
func TestFindings(t *testing.T) {
	r := sample(t)
	list := findings(r, func(c *Check) bool { return !c.Verdict.quiet() })
	type row struct {
		id      string
		verdict Verdict
		checks  int
		ids     int
	}
	var got []row
	total := 0
	for _, f := range list {
		got = append(got, row{f.First().ID, f.First().Verdict, len(f.Checks), len(f.IDs)})
		total += len(f.Checks)
	}
	want := []row{
		{"registration.client-data.type-is-get", Fail, 8, 1},
		{"registration.challenge.other", Fail, 3, 1},
		{"authentication.signature.bit-flip", Fail, 1, 1},
		{"authentication.counter.goes-back", Fail, 2, 1},
		{"registration.client-data.extra-member", Error, 1, 1},
		{"registration.attestation.tpm-signature", NotTestable, 4, 2},
		{"authentication.counter.goes-back", Warn, 4, 1},
		{"posture.server-error", Warn, 2, 1},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("finding %d: got %v, want %v", i, got[i], want[i])
		}
	}
	if total != 25 {
		t.Errorf("the findings stand for %d checks, want 25", total)
	}
}

func TestFamily(t *testing.T) {
	for id, want := range map[string]string{
		"registration.client-data.type-is-get": "registration.client-data",
		"registration.client-data.a.b":         "registration.client-data",
		"registration.plain":                   "registration",
		"plain":                                "plain",
	} {
		if got := family(id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}
