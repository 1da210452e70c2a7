package rp_test

import (
	"testing"

	"github.com/touchstone-webauthn/touchstone/rp"
)

// A request that says it comes later finds its own challenge expired, and no
// other's; where no header is configured it says nothing.
func TestClockHeader(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.ClockHeader = "X-Later" })
	late, punctual, d := w.visitor(), w.visitor(), w.device()
	ask := func(v *visitor, name string) *answer {
		return v.post("/attestation/options", m{"username": name, "displayName": "Some One"}).want(200)
	}
	first, second := d.create(ask(late, "alice")), w.device().create(ask(punctual, "bob"))
	late.post("/attestation/result", first, "X-Later", "6m").want(400).saying("7.1.8.expiry")
	punctual.post("/attestation/result", second).want(200)
	for _, nonsense := range []string{"-6m", "soon", "0s"} {
		v := w.visitor()
		v.post("/attestation/result", w.device().create(ask(v, "user "+nonsense)), "X-Later", nonsense).want(200)
	}

	w = newWorld(t)
	v := w.visitor()
	v.post("/attestation/result", w.device().create(ask(v, "carol")), "X-Later", "6m").want(200)
}

// The reference RP's own words in the fido dialect: how it is told that create()
// will be conditional.
func TestFIDOConditionalCreate(t *testing.T) {
	w := newWorld(t)
	v, d := w.visitor(), w.device()
	plain := v.post("/attestation/options", m{"username": "alice", "displayName": "Some One"}).want(200)
	v.post("/attestation/result", d.create(plain, "flag-up-clear")).want(400).saying("7.1.15")
	conditional := v.post("/attestation/options", m{"username": "alice", "displayName": "Some One", "mediation": "conditional"}).want(200)
	v.post("/attestation/result", d.create(conditional, "flag-up-clear")).want(200)
	v.post("/attestation/options", m{"username": "alice", "displayName": "Some One", "mediation": "silent"}).want(400)
}
