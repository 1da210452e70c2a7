package suites

import (
	"encoding/json"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// u2fDeviation is what is wrong with a U2F registration; the zero value is nothing.
type u2fDeviation struct {
	origin, challenge string
	// edit changes the registration message.
	edit func(message []byte)
}

// u2fRegistrationChecks are about registrations through the U2F API, which a
// server that follows the old document still takes.
func u2fRegistrationChecks() []*Check {
	check := func(name, title, why string, how u2fDeviation, what string) *Check {
		return &Check{ID: "fortanix.u2f-registration." + name, Title: title, Level: Must, Requirements: []string{"fortanix/u2f-registration"},
			Dialects: []string{"fortanix*"}, Needs: []string{U2FRegistration, needHTTPS}, Abilities: direct, Why: why,
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				c.MustReject(a.registerU2F("faulty", how), what)
				c.need(a.registerU2F("valid", u2fDeviation{}), "a valid U2F registration")
			}}
	}
	return []*Check{
		check("broken-signature", "A U2F registration whose signature does not verify is refused", "The signature is all that ties the key to the challenge.",
			u2fDeviation{edit: func(message []byte) { message[len(message)-1] ^= 1 }}, "a U2F registration whose signature does not verify"),
		check("other-challenge", "A U2F registration that answers another challenge is refused", "An old registration is played again otherwise.",
			u2fDeviation{challenge: "dG91Y2hzdG9uZS10b3VjaHN0b25lLXRvdWNoc3RvbmU"}, "a U2F registration that answers a challenge which was never issued"),
		check("other-origin", "A U2F registration of another origin is refused", "A page of somebody else has the user register for it.",
			u2fDeviation{origin: "https://evil.example"}, "a U2F registration of another origin"),
	}
}

// registerU2F registers a U2F key through the dialect's own U2F registration.
func (a *Account) registerU2F(label string, how u2fDeviation) *target.Outcome {
	c := a.c
	cer, err := a.Session.Begin(c.ctx, U2FRegistration, Setting{}.request())
	if err != nil {
		c.setupFailed("asking for a U2F challenge", err)
	}
	var o struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(cer.Options, &o); err != nil || o.Challenge == "" {
		c.NotTestable("malformed-options", "the U2F challenge is not there")
	}
	if how.challenge == "" {
		how.challenge = o.Challenge
	}
	if how.origin == "" {
		how.origin = c.Target.Origin()
	}
	key, err := virtualauth.New(virtualauth.Config{Seed: append([]byte("u2f"+label), c.seed...), Protocol: virtualauth.U2F})
	if err != nil {
		c.broken(err)
	}
	message, clientData, err := key.RegisterU2F(c.appID(), how.origin, how.challenge)
	if err != nil {
		c.broken(err)
	}
	if how.edit != nil {
		how.edit(message)
	}
	credential, err := json.Marshal(map[string]string{"registrationData": b64u(message), "clientData": b64u(clientData), "version": "U2F_V2"})
	if err != nil {
		c.broken(err)
	}
	return (&Attempt{Ceremony: cer, Account: a}).SendAs(cer, credential, noWire)
}
