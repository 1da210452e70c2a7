// Package reference brings the two halves of the project together: the
// reference Relying Party, and the harness's own view of it as targets. The
// command line and the tests share it; neither half knows of the other.
package reference

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/fixtures"
	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/rp/attestation"
	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
	"github.com/touchstone-webauthn/touchstone/rp/metadata"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
	"github.com/touchstone-webauthn/touchstone/virtualauth/mds"
)

// The reference RP's identity when a run starts it: whatever port it listens
// on, its pages are those of this origin.
const (
	RPID   = "rp.example"
	Origin = "https://rp.example"
)

// FurtherOrigin is another origin of the reference RP, which its RP ID lists as
// related.
const FurtherOrigin = "https://rp-shop.test"

// ClockHeader lets a check see the reference RP's challenges expire.
const ClockHeader = "X-Reference-Later"

// Dialects are the wire forms that the reference RP serves on one listener.
func Dialects() []string { return []string{"fido", "fortanix", "dfns", "nevis"} }

// Variants are the forms of the vendors' documents that differ from their real
// wire. The reference RP serves one form of a vendor at a time.
func Variants() []string {
	var names []string
	for _, v := range variants {
		names = append(names, v.name)
	}
	return names
}

// variants are what makes the reference RP serve another form than the real
// wire. Two of one vendor exclude each other, and the vendor's dialect.
var variants = []struct {
	name, vendor string
	configure    func(*rp.Config)
}{
	{"fortanix-published", "fortanix", func(c *rp.Config) { c.Fortanix.Form = rp.FormPublished }},
	{"fortanix-nameless", "fortanix", func(c *rp.Config) { c.Fortanix.Form = rp.FormNameless }},
	{"fortanix-nulls", "fortanix", func(c *rp.Config) { c.Fortanix.Nulls = true }},
	{"fortanix-cookie", "fortanix", func(c *rp.Config) { c.Fortanix.Cookie = true }},
	{"fortanix-u2f-only", "fortanix", func(c *rp.Config) {
		c.Fortanix.Attestation, c.Fortanix.Formats, c.Fortanix.DenyUnknownOutputs = "direct", []string{"fido-u2f"}, true
	}},
	{"dfns-old-page", "dfns", func(c *rp.Config) { c.Dfns.Form = rp.FormOldPage }},
	{"dfns-new-page", "dfns", func(c *rp.Config) { c.Dfns.Form = rp.FormNewPage }},
	{"nevis-4xx", "nevis", func(c *rp.Config) { c.Nevis.FailureStatus = http.StatusBadRequest }},
}

// chromiumKey is the SHA-256 of the SubjectPublicKeyInfo that Chromium's virtual
// authenticator signs every attestation with; the certificates around it are
// made anew each time.
const chromiumKey = "c98993ec4f77b4997a081a5e5990c7cf6b0ceeb7b27bc7312a3cc351921531a9"

// Config is a reference RP that trusts the attestation roots of our virtual
// authenticator and the one key that Chromium's signs with.
func Config(rpID, origin string) (rp.Config, error) {
	roots, err := virtualauth.Roots()
	if err != nil {
		return rp.Config{}, fmt.Errorf("the virtual authenticator's roots: %w", err)
	}
	var key [32]byte
	if _, err := hex.Decode(key[:], []byte(chromiumKey)); err != nil {
		return rp.Config{}, fmt.Errorf("chromium's attestation key: %w", err)
	}
	known, err := suiteMetadata()
	if err != nil {
		return rp.Config{}, err
	}
	origins := []string{origin}
	if origin == Origin {
		origins = append(origins, FurtherOrigin)
	}
	return rp.Config{
		Metadata:    known,
		RPID:        rpID,
		RPName:      "Touchstone reference RP",
		Origins:     origins,
		Anchors:     attestation.Anchors{Certificates: roots, Keys: [][32]byte{key}},
		ClockHeader: ClockHeader,
		// The profiles say untrusted: reject, so that what leads to no anchor is judged.
		Policy: ceremony.Policy{RequireTrust: true},
		// The vendor's document leaves the conveyance open. With none, a browser's
		// responses carry no signature by a key that only the browser has, and can
		// be edited like all others.
		Fortanix: rp.Fortanix{Attestation: "none"},
	}, nil
}

// suiteMetadata is what the suite's metadata say of its models, read once: a
// run may start some hundred Relying Parties.
var suiteMetadata = sync.OnceValues(func() (*metadata.Store, error) {
	kit, err := mds.Suite(time.Now(), "")
	if err != nil {
		return nil, err
	}
	cfg := metadata.Config{Root: kit.Root}
	for _, list := range kit.Lists {
		cfg.Lists = append(cfg.Lists, list)
	}
	return metadata.New(cfg, kit.BLOBs)
})

// ConfigFor is Config with each vendor's form set to what the named dialects need.
func ConfigFor(rpID, origin string, dialects []string) (rp.Config, error) {
	cfg, err := Config(rpID, origin)
	if err != nil {
		return cfg, err
	}
	for _, v := range variants {
		if !slices.Contains(dialects, v.name) {
			continue
		}
		if other := slices.IndexFunc(dialects, func(d string) bool { return d != v.name && (d == v.vendor || strings.HasPrefix(d, v.vendor+"-")) }); other >= 0 {
			return cfg, fmt.Errorf("the reference RP serves either %s or %s, not both at once: run them one after the other", dialects[other], v.name)
		}
		v.configure(&cfg)
	}
	return cfg, nil
}

// Profile is the dialect's profile with what is true of the reference RP beyond
// the vendor's document, such as its trust in our roots and its session probe.
func Profile(dialect string) (*target.Profile, error) {
	data, err := fixtures.ReferenceProfile(dialect)
	if err != nil {
		return target.LoadDialect(dialect)
	}
	return target.LoadProfile("reference/"+dialect+".yaml", data)
}

// Targets are the named dialects of a reference RP that answers as handler
// does, without a network.
func Targets(handler http.Handler, dialects []string, seed string) ([]*target.Target, error) {
	var out []*target.Target
	for _, name := range dialects {
		p, err := Profile(name)
		if err != nil {
			return nil, err
		}
		t, err := target.New(p, target.Options{URL: Origin, RPID: RPID, Origin: Origin, Handler: handler, Seed: []byte(seed)})
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}
