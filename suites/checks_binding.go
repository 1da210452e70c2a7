package suites

import (
	"bytes"
	"encoding/json"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

var (
	noWire  = target.WireFaults{}
	noFault = virtualauth.Faults{}
)

// withOptions changes members of the attempt's options before the client sees
// them: how a dishonest front end would run the ceremony. A nil value removes
// the member.
func (t *Attempt) withOptions(changes map[string]any) *Attempt {
	c := t.Account.c
	var o map[string]json.RawMessage
	if err := json.Unmarshal(t.Ceremony.Options, &o); err != nil {
		c.NotTestable("malformed-options", "the options are no JSON object: %v", err)
	}
	for name, v := range changes {
		if v == nil {
			delete(o, name)
			continue
		}
		raw, err := json.Marshal(v)
		if err != nil {
			c.broken(err)
		}
		o[name] = raw
	}
	raw, err := json.Marshal(o)
	if err != nil {
		c.broken(err)
	}
	cer := *t.Ceremony
	cer.Options = raw
	return &Attempt{Ceremony: &cer, Account: t.Account, Algorithm: t.Algorithm, record: t.traced()}
}

// challenge is the challenge in the attempt's options, as text.
func (t *Attempt) challenge() string {
	var o struct {
		Challenge string `json:"challenge"`
	}
	_ = json.Unmarshal(t.Ceremony.Options, &o) // without one the ceremony fails soon enough
	return o.Challenge
}

// onlyAllow is an allow list with one entry.
func onlyAllow(id []byte) map[string]any {
	return map[string]any{"allowCredentials": []map[string]any{{"type": "public-key", "id": b64u(id)}}}
}

func registrationBinding() []*Check {
	return []*Check{
		{
			ID: "registration.challenge.used-up", Title: "A challenge serves one registration only",
			Level: Must, Requirements: []string{"webauthn-3/13.4.3/single-use", "webauthn-3/7.1/step-8"},
			Why: "A challenge that is not cleared after use lets whoever saw one response send another (the class of CVE-2022-42731 and CVE-2025-53102).",
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				t := a.Begin(Registration, Setting{}, false)
				t.Respond(false)
				c.need(t.Send(noWire), "a plain registration")
				// Another authenticator answers the same challenge, so that nothing but the challenge is used.
				a.PlugAnother(client.AuthenticatorConfig{})
				again := &Attempt{Ceremony: t.Ceremony, Account: a}
				again.Respond(false)
				c.MustReject(again.Send(noWire), "a second registration that answers a challenge already used")
			},
		},
		{
			ID: "registration.challenge.other-session", Title: "A challenge is good only in the session it was issued to",
			Level: Must, Requirements: []string{"webauthn-3/13.4.3/session", "webauthn-3/7.1/step-8"},
			Why:   "Otherwise an attacker's challenge, answered by a victim's authenticator, registers in the victim's session.",
			Needs: []string{"registration.session-bound"},
			Story: func(c *Case) {
				alice, bob := c.Account("alice", client.AuthenticatorConfig{}), c.Account("bob", client.AuthenticatorConfig{})
				bob.Begin(Registration, Setting{}, false)
				t := alice.Begin(Registration, Setting{}, false)
				t.Respond(false)
				c.MustReject(t.SendAs(t.Ceremony.In(bob.Session), t.JSON(), noWire), "a registration sent in another session than the one that asked for its challenge")
				c.need(t.Send(noWire), "the same registration in its own session")
			},
		},
		{
			ID: "registration.challenge.none-issued", Title: "A registration that nobody asked options for is refused",
			Level: Must, Requirements: []string{"webauthn-3/13.4.3/challenge-match", "webauthn-3/7.1/step-8"},
			Why:   "A comparison with an absent challenge that comes out equal lets any response through (the class of CVE-2026-76214).",
			Needs: []string{"registration.session-bound"},
			Story: func(c *Case) {
				alice, bob := c.Account("alice", client.AuthenticatorConfig{}), c.Account("bob", client.AuthenticatorConfig{})
				t := alice.Begin(Registration, Setting{}, false)
				t.Respond(false)
				c.MustReject(t.SendAs(t.Ceremony.In(bob.Session), t.JSON(), noWire), "a registration in a session that was issued no challenge")
				c.need(t.Send(noWire), "the same registration in its own session")
			},
		},
		{
			ID: "registration.challenge.of-authentication", Title: "An authentication's challenge does not serve a registration",
			Level: Must, Requirements: []string{"webauthn-3/13.4.3/ceremony", "webauthn-3/7.1/step-8"},
			Why:   "Ceremonies that share one challenge store can be played one for the other.",
			Needs: []string{"authentication", "credentials.several", "login.in-session"},
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				a.Register(Setting{})
				login := a.Begin(Authentication, Setting{}, false)
				a.PlugAnother(client.AuthenticatorConfig{})
				own := a.Begin(Registration, Setting{}, false)
				t := own.withOptions(map[string]any{"challenge": login.challenge()})
				t.Respond(false)
				c.MustReject(t.Send(noWire), "a registration that answers the challenge of an authentication in the same session")
			},
		},
		{
			ID: "registration.result.refused-is-not-stored", Title: "A refused registration leaves no credential behind",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-29"},
			Why:   "A credential stored before its verification is done can log in although its registration was refused.",
			Needs: []string{"exclude-list"}, Abilities: []client.Ability{client.Faults},
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				t := a.Begin(Registration, Setting{}, false)
				t.Respond(false)
				t.Edit(virtualauth.Faults{ClientDataTypeGet: true})
				c.refusedFirst(t.Send(noWire), "a registration with the wrong client data type")
				_, o := a.creation(Setting{})
				c.sameIDs("excludeCredentials", o.ExcludeCredentials)
				a.PlugAnother(client.AuthenticatorConfig{})
				a.Register(Setting{})
			},
		},
		{
			ID: "registration.result.second-authenticator", Title: "A second authenticator can be registered to an account",
			Level: Should, Requirements: []string{"webauthn-3/13.4.6/credential-loss", "webauthn-3/7.1/step-29"},
			Why:   "A user with one authenticator only is locked out when it is lost.",
			Needs: []string{"credentials.several"},
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				first := a.Register(Setting{})
				a.PlugAnother(client.AuthenticatorConfig{})
				c.MustAccept(a.Run(Registration, Setting{}, noFault, noWire, true), "the registration of a second authenticator")
				if c.Target.Feature(Authentication).Absent == "" {
					t := a.Begin(Authentication, Setting{}, false)
					t.Respond(true)
					if b64u(t.Assertion.Response.RawID) == b64u(first.Registration.Response.RawID) {
						c.broken(errWrongAuthenticator)
					}
					c.MustAccept(t.Send(noWire), "a login with the second authenticator")
				}
			},
		},
		{
			ID: "registration.result.serves-login", Title: "A registered credential logs in",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-27", "webauthn-3/7.1/step-29", "webauthn-3/7.2/step-25"},
			Why:   "A record that does not hold the key, or not the right one, locks its user out.",
			Needs: []string{"authentication"},
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				a.Register(Setting{})
				for range 3 {
					c.MustAccept(a.Run(Authentication, Setting{}, noFault, noWire, true), "a plain authentication")
				}
			},
		},
		{
			ID: "registration.credential-id.taken", Title: "A credential id that another account has is refused",
			Level: Should, Requirements: []string{"webauthn-3/7.1/step-26"},
			Why:       "Without proof of possession an attacker registers a victim's id and public key to an account of his own, and has the victim log in to it.",
			Abilities: []client.Ability{client.Faults, client.NoAttestation},
			Story: func(c *Case) {
				alice, bob := c.Account("alice", client.AuthenticatorConfig{}), c.Account("bob", client.AuthenticatorConfig{})
				victim := alice.Register(Setting{}).Registration.Response
				if !bytes.Contains(victim.AttestationObject, []byte("\x63fmt\x64none")) {
					c.NotApplicable("attested", "the RP asks for attestation, whose signature keeps a foreign credential id out already")
				}
				t := bob.Begin(Registration, Setting{}, false)
				t.Respond(false)
				// Attestation none signs nothing: the victim's id and public key go into the attacker's response as they are.
				r := &t.Registration.Response
				r.ID, r.RawID, r.AttestationObject = victim.ID, victim.RawID, victim.AttestationObject
				r.AuthenticatorData, r.PublicKey = victim.AuthenticatorData, victim.PublicKey
				c.MustReject(t.Send(noWire), "the registration of a credential id that another account has")
				if c.Target.Feature(Authentication).Absent == "" {
					c.MustAccept(alice.Run(Authentication, Setting{}, noFault, noWire, true), "the rightful owner's login afterwards")
				}
			},
		},
	}
}

func authenticationBinding() []*Check {
	return []*Check{
		{
			ID: "authentication.challenge.used-up", Title: "A challenge serves one authentication only",
			Level: Must, Requirements: []string{"webauthn-3/13.4.3/single-use", "webauthn-3/7.2/step-11"},
			Why:   "A login that can be sent twice is a password (the class of CVE-2025-53102).",
			Needs: []string{"authentication"},
			Story: func(c *Case) {
				a := c.registered()
				t := a.Begin(Authentication, Setting{}, false)
				t.Respond(false)
				c.need(t.Send(noWire), "a plain authentication")
				// A second assertion over the same challenge, so that no counter stands in its way.
				again := &Attempt{Ceremony: t.Ceremony, Account: a}
				again.Respond(false)
				c.MustReject(again.Send(noWire), "a second authentication that answers a challenge already used")
			},
		},
		{
			ID: "authentication.challenge.other-session", Title: "A challenge is good only in the session it was issued to",
			Level: Must, Requirements: []string{"webauthn-3/13.4.3/session", "webauthn-3/7.2/step-11"},
			Why:   "Otherwise an assertion that a victim makes for an attacker's challenge logs the attacker in.",
			Needs: []string{"authentication", "login.session-bound"},
			Story: func(c *Case) {
				a := c.registered()
				other := &Account{Session: c.Fork(a.Session), c: c, authenticator: a.Authenticator()}
				other.Begin(Authentication, Setting{}, false)
				t := a.Begin(Authentication, Setting{}, false)
				t.Respond(false)
				o := t.SendAs(t.Ceremony.In(other.Session), t.JSON(), noWire)
				c.MustReject(o, "an authentication sent in another session than the one that asked for its challenge")
				other.MustBeLoggedOut()
				a.LogIn(Setting{})
			},
		},
		{
			ID: "authentication.challenge.of-registration", Title: "A registration's challenge does not serve an authentication",
			Level: Must, Requirements: []string{"webauthn-3/13.4.3/ceremony", "webauthn-3/7.2/step-11"},
			Why:   "Ceremonies that share one challenge store can be played one for the other.",
			Needs: []string{"authentication"},
			Story: func(c *Case) {
				a := c.registered()
				reg := a.Begin(Registration, Setting{}, false)
				t := a.Begin(Authentication, Setting{}, false).withOptions(map[string]any{"challenge": reg.challenge()})
				t.Respond(false)
				c.MustReject(t.Send(noWire), "an authentication that answers the challenge of a registration in the same session")
				a.MustBeLoggedOut()
				a.LogIn(Setting{})
			},
		},
		{
			ID: "authentication.challenge.other-users", Title: "A challenge issued for one user does not log in another",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-11", "webauthn-3/7.2/step-6.known-owner"},
			Why:   "The response must answer the challenge of its own ceremony.",
			Needs: []string{"authentication"},
			Story: func(c *Case) {
				alice, bob := c.registered(), c.Account("bob", client.AuthenticatorConfig{})
				bob.Register(Setting{})
				theirs := bob.Begin(Authentication, Setting{}, false)
				t := alice.Begin(Authentication, Setting{}, false).withOptions(map[string]any{"challenge": theirs.challenge()})
				t.Respond(false)
				c.MustReject(t.Send(noWire), "an authentication that answers a challenge issued to another user")
				alice.MustBeLoggedOut()
				alice.LogIn(Setting{})
			},
		},
		{
			ID: "authentication.credential.other-users", Title: "Another user's credential does not log in to this account",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-6.known-owner", "webauthn-3/7.2/step-5"},
			Why:   "A valid assertion proves who made it, not that he is the user who was named (the class of CVE-2025-26788 and CVE-2026-46419).",
			Needs: []string{"authentication", "login.username"},
			Story: func(c *Case) {
				alice, bob := c.registered(), c.Account("bob", client.AuthenticatorConfig{})
				id := bob.Register(Setting{}).Registration.Response.RawID
				attacker := &Account{Session: alice.Session, c: c, authenticator: bob.Authenticator()}
				t := attacker.Begin(Authentication, Setting{}, false).withOptions(onlyAllow(id))
				t.Respond(false)
				c.MustReject(t.Send(noWire), "an authentication for one user with another user's credential")
				alice.MustBeLoggedOut()
				// Both credentials are good where they belong.
				alice.LogIn(Setting{})
				bob.LogIn(Setting{})
			},
		},
		{
			ID: "authentication.credential.other-users-without-handle", Title: "Another user's credential does not log in, user handle left out",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-6.known-owner", "webauthn-3/7.2/step-5"},
			Why:   "An RP that compares user handles only where one was sent finds nothing to compare.",
			Needs: []string{"authentication", "login.username"}, Abilities: []client.Ability{client.Faults},
			Story: func(c *Case) {
				alice, bob := c.registered(), c.Account("bob", client.AuthenticatorConfig{})
				id := bob.Register(Setting{}).Registration.Response.RawID
				attacker := &Account{Session: alice.Session, c: c, authenticator: bob.Authenticator()}
				t := attacker.Begin(Authentication, Setting{}, false).withOptions(onlyAllow(id))
				t.Respond(false)
				t.Assertion.Response.UserHandle = nil
				c.MustReject(t.Send(noWire), "an authentication for one user with another user's credential and no user handle")
				alice.MustBeLoggedOut()
				// Both credentials are good where they belong.
				alice.LogIn(Setting{})
				bob.LogIn(Setting{})
			},
		},
		{
			ID: "authentication.credential.unknown", Title: "A credential that was never registered does not log in",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-6.known-owner", "webauthn-3/7.2/step-5"},
			Why:   "A response is worth nothing without a record to verify it against.",
			Needs: []string{"authentication"}, Abilities: []client.Ability{client.Discoverable},
			Story: func(c *Case) {
				a := c.registered()
				first := a.Authenticator()
				a.PlugAnother(client.AuthenticatorConfig{})
				unsent := a.Begin(Registration, Setting{}, false)
				unsent.Respond(false)
				t := a.Begin(Authentication, Setting{}, false).withOptions(onlyAllow(unsent.Registration.Response.RawID))
				t.Respond(false)
				c.MustReject(t.Send(noWire), "an authentication with a credential that was never registered")
				a.MustBeLoggedOut()
				a.authenticator = first
				a.LogIn(Setting{})
			},
		},
		{
			ID: "authentication.credential.of-stranger", Title: "A login for an account without that credential is refused",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-6.known-owner"},
			Why:   "An account that has no credential must not be entered with somebody's.",
			Needs: []string{"authentication", "login.username", "enumeration"}, Abilities: []client.Ability{client.Discoverable},
			Story: func(c *Case) {
				alice := c.Account("alice", client.AuthenticatorConfig{})
				id := alice.Register(Setting{}).Registration.Response.RawID
				s := c.Stranger("stranger")
				cer, err := s.Begin(c.ctx, Authentication, Setting{}.request())
				if err != nil {
					return // no options, no login: refused early enough
				}
				thief := &Account{Session: s, c: c, authenticator: alice.Authenticator()}
				t := (&Attempt{Ceremony: cer, Account: thief}).withOptions(onlyAllow(id))
				t.Respond(false)
				c.MustReject(t.Send(noWire), "an authentication for an unknown user with a known user's credential")
				thief.MustBeLoggedOut()
				alice.LogIn(Setting{})
			},
		},
		{
			ID: "authentication.usernameless.accepted", Title: "A discoverable credential logs in without a user name",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-6.discovered-owner", "webauthn-3/7.2/step-25"},
			Why:   "The user handle names the account; an RP that offers this flow must find it.",
			Needs: []string{"authentication", "login.usernameless"}, Abilities: []client.Ability{client.Discoverable},
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				a.Register(c.discoverable())
				c.MustAccept(a.Run(Authentication, Setting{Usernameless: true}, noFault, noWire, true), "an authentication without a user name")
			},
		},
		{
			ID: "authentication.usernameless.without-handle", Title: "Without a user name, the user handle must be there",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-6.discovered-handle"},
			Why:   "Where the user was not named beforehand, the handle is what says whose account this is.",
			Needs: []string{"authentication", "login.usernameless"}, Abilities: []client.Ability{client.Discoverable, client.Faults},
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				a.Register(c.discoverable())
				c.need(a.Run(Authentication, Setting{Usernameless: true}, noFault, noWire, false), "an authentication without a user name")
				t := a.Begin(Authentication, Setting{Usernameless: true}, false)
				t.Respond(false)
				t.Assertion.Response.UserHandle = nil
				c.MustReject(t.Send(noWire), "an authentication without user name and without user handle")
			},
		},
		{
			ID: "authentication.usernameless.foreign-handle", Title: "Without a user name, another account's handle is refused",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-6.discovered-owner"},
			Why:   "An RP that logs in the account of the handle, with anyone's valid credential, lets everybody be anybody.",
			Needs: []string{"authentication", "login.usernameless"}, Abilities: []client.Ability{client.Discoverable, client.Faults},
			Story: func(c *Case) {
				alice, bob := c.Account("alice", client.AuthenticatorConfig{}), c.Account("bob", client.AuthenticatorConfig{})
				_, o := alice.creation(Setting{})
				bob.Register(c.discoverable())
				alice.Register(c.discoverable())
				t := bob.Begin(Authentication, Setting{Usernameless: true}, false)
				t.Respond(false)
				t.Assertion.Response.UserHandle = c.decode("user.id", o.User.ID)
				c.MustReject(t.Send(noWire), "an authentication without user name whose user handle is another account's")
				bob.MustBeLoggedOut()
				c.need(bob.Run(Authentication, Setting{Usernameless: true}, noFault, noWire, false), "an authentication without a user name")
			},
		},
		{
			ID: "authentication.session.refused-is-logged-out", Title: "After a refused login the session is not logged in",
			Level: Must, Requirements: []string{"touchstone/refused-is-logged-out", "webauthn-3/7.2/step-25"},
			Why:   "A session that is set before the verification is done, or whatever comes of it, makes the verification a formality.",
			Needs: []string{"authentication", "session-probe"}, Abilities: []client.Ability{client.Faults},
			Story: func(c *Case) {
				a := c.registered()
				t := a.Begin(Authentication, Setting{}, false)
				t.Respond(false)
				t.Edit(virtualauth.Faults{SignatureBitFlip: true})
				c.refusedFirst(t.Send(noWire), "an authentication whose signature does not verify")
				a.MustBeLoggedOut()
				a.LogIn(Setting{})
				login, err := a.Session.Probe(c.ctx)
				if err != nil {
					c.broken(err)
				}
				if login != target.LoggedIn {
					c.NotTestable("probe", "the session probe says %s after a login that was accepted, so it says nothing after one that was refused", login)
				}
			},
		},
		{
			ID: "authentication.counter.three-logins", Title: "A counter that grows with each login is followed",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-24.1"},
			Why:   "A counter that is not stored makes the second login look like the first, and a clone like the original (the class of CVE-2023-45669).",
			Needs: []string{"authentication"},
			Story: func(c *Case) {
				a := c.registered()
				for i := range 3 {
					c.MustAccept(a.Run(Authentication, Setting{}, noFault, noWire, i > 0), "a login with a counter that has grown")
				}
			},
		},
		{
			ID: "authentication.counter.does-not-grow", Title: "A counter that does not grow is noticed",
			Level: Posture, Requirements: []string{"webauthn-3/7.2/step-22", "webauthn-3/7.2/step-24.1"},
			Why:   "It is the one sign of a cloned authenticator. What follows is the RP's choice; refusing is the careful one.",
			Needs: []string{"authentication"}, Abilities: []client.Ability{client.Faults},
			Story: func(c *Case) {
				a := c.registered()
				a.LogIn(Setting{})
				before := a.LogIn(Setting{})
				t := a.Begin(Authentication, Setting{}, false)
				t.Respond(false)
				t.since(before)
				t.Edit(virtualauth.Faults{CounterLower: true})
				if o := t.Send(noWire); o.Kind == target.Crashed {
					c.crashed(o, "an authentication whose counter is lower than before")
				} else if o.Kind == target.Accepted {
					c.Fail("counter-regression-accepted", "a counter lower than the stored one was accepted")
				}
			},
		},
	}
}

// discoverable is a registration that makes a discoverable credential.
func (c *Case) discoverable() Setting {
	if c.Target.Feature("request.resident-key").Declared {
		return Setting{ResidentKey: "required"}
	}
	return Setting{}
}
