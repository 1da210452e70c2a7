package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/suites"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
	"github.com/touchstone-webauthn/touchstone/virtualauth/fleet"
)

// stories are n checks that must all be accepted.
func stories(seed string, n int) []*suites.Check {
	out := make([]*suites.Check, n)
	for i := range out {
		out[i] = story(seed, i+1)
	}
	return out
}

// story is one of them, the nth. It can be told again without some legal forms, and
// is otherwise the same.
func story(seed string, n int, without ...string) *suites.Check {
	h := fnv.New64a()
	h.Write([]byte(seed))
	return draw(rand.New(rand.NewPCG(h.Sum64(), uint64(n-1))), n, without)
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// draw is one story: a registration and two logins.
func draw(r *rand.Rand, n int, without []string) *suites.Check {
	a := client.AuthenticatorConfig{
		Transport: pick(r, "usb", "nfc", "ble", "internal", "hybrid"), ResidentKeys: r.IntN(4) > 0, UserVerification: r.IntN(4) > 0, BackupEligible: r.IntN(2) == 0,
		With: client.ExtensionSet{PRF: r.IntN(3) == 0, MinPINLength: r.IntN(3) == 0},
	}
	a.BackupState = a.BackupEligible && r.IntN(2) == 0
	s := suites.Setting{Algorithm: suites.AnyAlgorithm, Attestation: pick(r, "", "none", "indirect", "direct")}
	format := "none"
	switch r.IntN(4) {
	case 0:
		a = client.AuthenticatorConfig{Device: pick(r, fleet.Names()...)}
		format = "" // the device's
	case 1:
		format = pick(r, "packed", "packed-self", "tpm", "android-key", "apple", "compound")
		a.Format = format
		s.Attestation = "direct"
	case 2:
		a = client.AuthenticatorConfig{U2F: true, Transport: "usb"}
		format = "fido-u2f"
	}
	// What the authenticator does not have is not demanded: a browser would refuse for it.
	uv, rk := a.UserVerification, a.ResidentKeys
	if d, err := fleet.Lookup(a.Device); err == nil {
		uv, rk = d.UserVerification, d.ResidentKeys
	}
	s.UserVerification = pick(r, "", "discouraged", "preferred")
	if uv && r.IntN(2) == 0 {
		s.UserVerification = "required"
	}
	if rk && uv {
		s.ResidentKey = pick(r, "", "discouraged", "preferred", "required")
	}
	if format == "none" || format == "packed-self" {
		s.Algorithm = pick(r, append(virtualauth.Algorithms(), suites.AnyAlgorithm)...)
	}
	s.Authenticator = a
	if r.IntN(3) == 0 {
		s.Extensions = map[string]any{"credProps": true}
	}
	registration, logins := legal(r, format, virtualauth.Fault.InRegistration), [2][]string{}
	for i := range logins {
		logins[i] = legal(r, format, virtualauth.Fault.InAuthentication)
	}
	id := fmt.Sprintf("valid.ceremonies.n%d", n)
	if len(without) > 0 {
		id += "-again" // another account and other keys
		for _, forms := range []*[]string{&registration, &logins[0], &logins[1]} {
			*forms = slices.DeleteFunc(*forms, func(f string) bool { return slices.Contains(without, f) })
		}
	}
	what := fmt.Sprintf("%s%s %s uv=%s rk=%s alg=%d attestation=%s forms=%s; %s; %s", a.Device, format, a.Transport, s.UserVerification, s.ResidentKey, s.Algorithm, s.Attestation,
		strings.Join(registration, "+"), strings.Join(logins[0], "+"), strings.Join(logins[1], "+"))
	return &suites.Check{
		ID: id, Title: what, Why: "All of it is legal.", Level: suites.Must, Requirements: []string{"webauthn-3/7.2/step-25"},
		Needs: []string{"authentication"}, Abilities: []client.Ability{client.Models},
		Story: func(c *suites.Case) { play(c, s, registration, logins) },
	}
}

// once are forms that change the same bytes: one of each group at a time.
var once = [][]string{
	{"counter-huge", "counter-high-bit"}, {"aaguid-zero", "aaguid-non-zero", "certificate-aaguid-absent"}, {"signature-high-s", "signature-low-s"},
	{"transports-unknown", "transports-empty"}, {"attachment-unknown", "attachment-absent"},
}

// needsMore are legal only in circumstances that these stories do not have: with
// an option that asks, or on a statement that covers what they change.
var needsMore = []string{"ignore-extensions", "aaguid-zero", "aaguid-non-zero", "certificate-aaguid-absent", "counter-high-bit", "counter-huge", "credential-id-1023", "flag-uv-set", "user-handle-present"}

// legal draws up to three legal forms that fit a ceremony.
func legal(r *rand.Rand, format string, fits func(virtualauth.Fault) bool) []string {
	var names []string
	for _, f := range virtualauth.AllFaults() {
		if f.Legal && fits(f) && !slices.Contains(needsMore, f.Name) && len(f.Formats) == 0 && !strings.HasPrefix(f.Name, "signature-") {
			names = append(names, f.Name)
		}
	}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:r.IntN(4)]
	for _, group := range once {
		seen := false
		names = slices.DeleteFunc(names, func(n string) bool {
			in := slices.Contains(group, n)
			drop := in && seen
			seen = seen || in
			return drop
		})
	}
	return names
}

func play(c *suites.Case, s suites.Setting, registration []string, logins [2][]string) {
	a := c.Account("alice", s.Authenticator)
	c.MustAccept(ceremony(c, a, suites.Registration, s, registration), "a valid registration")
	login := suites.Setting{UserVerification: s.UserVerification, Algorithm: s.Algorithm, Authenticator: s.Authenticator}
	for i, forms := range logins {
		c.MustAccept(ceremony(c, a, suites.Authentication, login, forms), fmt.Sprintf("valid login %d", i+1))
	}
}

func ceremony(c *suites.Case, a *suites.Account, kind string, s suites.Setting, forms []string) *target.Outcome {
	t := a.Begin(kind, s, true)
	t.Respond(true)
	f, err := virtualauth.ParseFaults(forms...)
	if err != nil {
		c.NotTestable("forms", "%v", err)
	}
	t.Edit(f)
	return t.Send(target.WireFaults{})
}
