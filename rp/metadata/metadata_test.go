package metadata_test

import (
	"strings"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/metadata"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
	"github.com/touchstone-webauthn/touchstone/virtualauth/mds"
)

var published = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func kit(t testing.TB) (*mds.Kit, metadata.Config) {
	t.Helper()
	k, err := mds.Suite(published, "")
	if err != nil {
		t.Fatal(err)
	}
	return k, metadata.Config{Root: k.Root, Lists: [][]byte{k.Lists["root.crl"], k.Lists["intermediate.crl"]}, Clock: func() time.Time { return published }}
}

// TestSources: the good BLOB has nothing wrong, and each other just what it was made for.
func TestSources(t *testing.T) {
	k, cfg := kit(t)
	s, err := metadata.New(cfg, k.BLOBs)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"good": "", "flipped-bit": "signature", "algorithm-none": "signature", "other-root": "chain", "missing-intermediate": "chain", "signer-expired": "chain",
		"signer-revoked": "revoked", "intermediate-revoked": "revoked",
	}
	if len(s.Sources) != len(want) {
		t.Errorf("%d sources", len(s.Sources))
	}
	for _, source := range s.Sources {
		var wrong []string
		for _, q := range []struct {
			name string
			err  error
		}{{"signature", source.Signature}, {"chain", source.Chain}, {"revoked", source.Revoked}, {"outdated", source.Outdated}} {
			if q.err != nil {
				wrong = append(wrong, q.name)
			}
		}
		if got := strings.Join(wrong, " "); got != want[source.Name] {
			t.Errorf("%s: wrong with it: %q, not %q", source.Name, got, want[source.Name])
		}
		if source.Sound() != (source.Name == "good") {
			t.Errorf("%s: sound: %t", source.Name, source.Sound())
		}
	}
}

func TestLookup(t *testing.T) {
	k, cfg := kit(t)
	s, err := metadata.New(cfg, k.BLOBs)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mds.Models() {
		e := s.Lookup(m.AAGUID[:], nil)
		if (e != nil) != (m.BLOB != "") {
			t.Errorf("%s: found: %t", m.Name, e != nil)
			continue
		}
		if e == nil {
			continue
		}
		if e.Source.Name != m.BLOB || len(e.Roots) != 1 {
			t.Errorf("%s: from %s with %d roots", m.Name, e.Source.Name, len(e.Roots))
		}
		if m.Status != "" && e.Status != m.Status {
			t.Errorf("%s: status %s, not %s", m.Name, e.Status, m.Status)
		}
	}
	u2f, err := virtualauth.U2FCertificate()
	if err != nil {
		t.Fatal(err)
	}
	if e := s.Lookup(make([]byte, 16), append(s.Roots()[:0:0], u2f)); e == nil || !strings.Contains(e.Description, "u2f-key") {
		t.Errorf("the U2F key: %+v", e)
	}
	if e := s.Lookup(make([]byte, 16), nil); e != nil {
		t.Errorf("no model: %+v", e)
	}
	var none *metadata.Store
	if none.Lookup(make([]byte, 16), nil) != nil || none.Roots() != nil {
		t.Error("no store knows something")
	}
}

// TestOutdated: nextUpdate is a day, and holds to its end.
func TestOutdated(t *testing.T) {
	k, cfg := kit(t)
	for _, c := range []struct {
		at   time.Time
		want bool
	}{{time.Date(2026, 12, 1, 23, 59, 0, 0, time.UTC), false}, {time.Date(2026, 12, 2, 0, 1, 0, 0, time.UTC), true}} {
		cfg.Clock = func() time.Time { return c.at }
		s, err := metadata.New(cfg, map[string][]byte{"good": k.BLOBs["good"]})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Sources[0].Outdated != nil; got != c.want {
			t.Errorf("at %s: outdated: %t", c.at, got)
		}
	}
}

func TestNoBLOB(t *testing.T) {
	k, cfg := kit(t)
	for name, blob := range map[string]string{"empty": "", "text": "hello", "two parts": "e30.e30", "no json": "AAAA.AAAA.AAAA", "payload": strings.Split(string(k.BLOBs["good"]), ".")[0] + ".AAAA.AAAA"} {
		if _, err := metadata.New(cfg, map[string][]byte{name: []byte(blob)}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg.Lists = append(cfg.Lists, []byte("x"))
	if _, err := metadata.New(cfg, k.BLOBs); err == nil {
		t.Error("a broken revocation list was taken")
	}
	if _, err := metadata.New(metadata.Config{}, k.BLOBs); err == nil {
		t.Error("no root was taken")
	}
}

// FuzzBLOB: whatever comes, an answer and no panic.
func FuzzBLOB(f *testing.F) {
	k, cfg := kit(f)
	for _, jwt := range k.BLOBs {
		f.Add(jwt)
	}
	f.Add([]byte("e30.e30."))
	f.Fuzz(func(t *testing.T, blob []byte) {
		s, err := metadata.New(cfg, map[string][]byte{"fuzzed": blob})
		if (s == nil) == (err == nil) {
			t.Errorf("%v, %v", s, err)
		}
	})
}
