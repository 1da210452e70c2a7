package rp_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// What expired is forgotten when the tables grow, and what is alive is not.
func TestTablesAreSwept(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.ChallengeLife = time.Minute })
	v, d := w.visitor(), w.device()
	fidoRegister(v, d, "old")
	early := w.nevis()
	old := early.post(nevisRoot+"/assertion/options", m{"username": ""}).want(200).text("fido2SessionId")
	user := w.dsm("a@example.com")
	late := w.dsm("b@example.com")
	stale := w.dfnsUser("a")
	code := stale.act("POST", "/auth/credentials/code", m{"expiration": w.clock.Now().Add(time.Minute).Unix()}).want(200).text("code")
	w.clock.advance(30 * time.Minute)
	late.login()
	keep := w.dfnsUser("b")
	w.clock.advance(45 * time.Minute)
	for range 1100 {
		w.nevis().post(nevisRoot+"/assertion/options", m{"username": ""}).want(200)
		keep.post("/auth/login/init", m{"orgId": "o"}).want(200)
		w.visitor().post("/sys/v1/session/auth", m{"method": "password", "email": "a@example.com", "password": password}).want(200)
	}
	early.nevisStatus(old, "unknown")
	v.get("/session").equal("authenticated", "false")
	user.get("/sys/v1/users/" + user.id).want(401)
	late.get("/sys/v1/users/" + late.id).want(200)
	keep.get("/auth/credentials").want(200)
	v.post("/auth/credentials/code/init", m{"code": code, "credentialKind": "Key"}).want(403)
}

// Users of all dialects at once do not get in each other's way.
func TestDialectsInParallel(t *testing.T) {
	shared := newWorld(t)
	for i := range 4 {
		for name, flow := range map[string]func(w *world, name string){
			"fido": func(w *world, name string) {
				v, d := w.visitor(), w.device()
				fidoRegister(v, d, name)
				v.post("/assertion/result", d.get(v.post("/assertion/options", m{"username": name}).want(200))).want(200)
			},
			"fortanix": func(w *world, name string) {
				d, dev := w.dsm(name), w.device()
				d.unlock()
				d.addDevice(dev, "k")
				d.post("/sys/v1/session/auth/2fa/fido2", dev.get(d.login().at("fido2_assertion_options"))).want(204)
			},
			"dfns":  func(w *world, name string) { w.dfnsUser(name).get("/auth/credentials").want(200) },
			"nevis": func(w *world, name string) { nevisRegister(w.nevis(), w.device(), name) },
		} {
			t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
				t.Parallel()
				w := &world{T: t, server: shared.server, clock: shared.clock}
				flow(w, fmt.Sprintf("user-%d", i))
			})
		}
	}
}

// Two finishes of one ceremony at once: one is taken.
func TestOneChallengeServesOnceInARace(t *testing.T) {
	w := newWorld(t)
	v, d := w.visitor(), w.device()
	fidoRegister(v, d, "amy")
	body := toJSON(t, d.get(v.post("/assertion/options", m{"username": "amy"}).want(200)))
	statuses := make([]int, 8)
	var group sync.WaitGroup
	for i := range statuses {
		own := &visitor{w: w, cookies: map[string]*http.Cookie{"touchstone_session": v.cookies["touchstone_session"]}, header: http.Header{}}
		group.Go(func() { statuses[i] = own.post("/assertion/result", body).status })
	}
	group.Wait()
	taken := 0
	for _, s := range statuses {
		if s == 200 {
			taken++
		}
	}
	if taken != 1 {
		t.Errorf("statuses %v, want 200 once", statuses)
	}

	// The same for a Dfns challenge that a key and a passkey try at once.
	u := w.dfnsUser("bob")
	a := u.post("/auth/credentials/init", m{"kind": "Key"}).want(200)
	k := ecKey(t)
	u.act("POST", "/auth/credentials", m{"challengeIdentifier": a.text("challengeIdentifier"), "credentialName": "k", "credentialKind": "Key",
		"credentialInfo": k.info(t, createData(a.text("challenge")))}).want(200)
	l := u.post("/auth/login/init", m{"orgId": "o", "username": "bob"}).want(200)
	finishes := []m{
		{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": k.factor(t, getData(l.text("challenge")))},
		{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": fido2Factor(t, u.dev.get(requestFor(t, l, false)))},
	}
	statuses = make([]int, 8)
	for i := range statuses {
		own := w.visitor()
		group.Go(func() { statuses[i] = own.post("/auth/login", finishes[i%2]).status })
	}
	group.Wait()
	taken = 0
	for _, s := range statuses {
		if s == 200 {
			taken++
		}
	}
	if taken != 1 {
		t.Errorf("statuses %v, want 200 once", statuses)
	}
}

// A refused challenge of one dialect is nothing to another: names, credentials
// and pending ceremonies are each dialect's own.
func TestDialectsAreApart(t *testing.T) {
	w := newWorld(t)
	v := w.nevis()
	d := w.device(func(c *virtualauth.Config) { c.Seed = []byte("one seed for all") })
	options := v.post("/attestation/options", m{"username": "zoe", "displayName": "Z"}).want(200)
	created := d.create(options)
	v.post(nevisRoot+"/attestation/result", created).want(200).equal("status", `"failed"`)
	v.post("/attestation/result", created).want(200)
	v.post(nevisRoot+"/attestation/options", m{"username": "zoe", "displayName": "Z"}).want(200).equal("excludeCredentials", "[]")
	request := v.post("/assertion/options", m{"username": "zoe"}).want(200)
	assertion := d.get(request)
	v.post(nevisRoot+"/assertion/result", assertion).want(200).equal("status", `"failed"`)
	v.post("/assertion/result", assertion).want(200)
}
