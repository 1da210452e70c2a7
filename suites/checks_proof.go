package suites

import (
	"bytes"
	"encoding/binary"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// proofChecks are questions that a bug of the reference RP's catalogue asked
// for: without them it would go unnoticed.
func proofChecks() []*Check {
	return []*Check{
		{
			ID: "registration.options.challenges-unalike", Title: "Two challenges have little in common",
			Level: Should, Requirements: []string{"webauthn-3/13.4.3/challenge-random"}, Abilities: []client.Ability{client.Direct},
			Why: "A challenge that counts up, or is a time of day, can be known beforehand and answered beforehand.",
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				_, o := a.creation(Setting{})
				_, p := a.creation(Setting{})
				first, second := c.decode("challenge", o.Challenge), c.decode("challenge", p.Challenge)
				same, n := 0, min(len(first), len(second))
				for i := range n {
					if first[i] == second[i] {
						same++
					}
				}
				// Of sixteen random bytes, eight agree once in 10^15 times.
				if n >= 16 && same*2 >= n {
					c.Fail("challenge-predictable", "%d of %d bytes were the same in two challenges, %s and %s", same, n, o.Challenge, p.Challenge)
				}
			},
		},
		{
			ID: "authentication.options.imaginary-differ", Title: "Two unknown users get different imaginary credentials",
			Level: Should, Requirements: []string{"webauthn-3/14.6.2/imaginary"}, Needs: []string{"enumeration"}, Abilities: []client.Ability{client.Direct},
			Why: "One id for all who do not exist tells who does.",
			Story: func(c *Case) {
				var ids [2][]byte
				for i, label := range []string{"stranger", "another stranger"} {
					s := c.Stranger(label)
					cer, err := s.Begin(c.ctx, Authentication, Setting{}.request())
					if err != nil {
						c.Fail("user-enumeration", "request options for an unknown user were refused: %v", err)
					}
					var o request
					c.readOptions(&Attempt{Ceremony: cer, Account: &Account{c: c, Session: s}}, &o)
					if len(o.AllowCredentials) > 0 {
						ids[i] = []byte(o.AllowCredentials[0].ID)
					}
				}
				if len(ids[0]) > 0 && bytes.Equal(ids[0], ids[1]) {
					c.Fail("imaginary-shared", "two unknown users were told the same credential id, %s", ids[0])
				}
			},
		},
		{
			ID: "authentication.challenge.good-after-refusal", Title: "A refused attempt uses its challenge up",
			Level: Posture, Requirements: []string{"webauthn-3/13.4.3/single-use"}, Needs: []string{"authentication"}, Abilities: []client.Ability{client.Faults},
			Why: "A challenge that outlives a refusal can be tried against again and again.",
			Story: func(c *Case) {
				a := c.registered()
				t := a.Begin(Authentication, Setting{}, false)
				t.Respond(false)
				t.Edit(virtualauth.Faults{SignatureBitFlip: true})
				c.refusedFirst(t.Send(noWire), "an authentication whose signature does not verify")
				again := &Attempt{Ceremony: t.Ceremony, Account: a}
				again.Respond(false)
				if o := again.Send(noWire); o.Kind == target.Crashed {
					c.crashed(o, "a second answer to a challenge whose first was refused")
				} else if o.Kind == target.Accepted {
					c.Fail("challenge-survives", "a challenge was good for a second attempt after the first was refused")
				}
			},
		},
		{
			ID: "authentication.authenticator-data.user-not-verified-later", Title: "UV is demanded at every login, not only at the first",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-17"}, Needs: []string{"authentication"}, Abilities: []client.Ability{client.Faults},
			Why: "A demand that is lost once a credential has proved itself is no demand (the class of CVE-2026-47841).",
			Story: func(c *Case) {
				a := c.registered()
				required := Setting{UserVerification: "required"}
				for range 2 {
					a.LogIn(required)
				}
				t := a.Begin(Authentication, required, false)
				t.Respond(false)
				t.Edit(virtualauth.Faults{FlagUVClear: true})
				c.MustReject(t.Send(noWire), "a third authentication without user verification where it is required")
			},
		},
		{
			ID: "authentication.accepted.verified-later", Title: "A user is accepted who is verified at login but was not at registration",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-17"}, Needs: []string{"authentication"}, Abilities: []client.Ability{client.Faults},
			Why: "A PIN is set, or a finger enrolled, after the authenticator was registered. Step 17 asks for this login's UV alone.",
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				reg := a.Begin(Registration, Setting{}, false)
				var o struct {
					AuthenticatorSelection struct {
						UserVerification string `json:"userVerification"`
					} `json:"authenticatorSelection"`
				}
				c.readOptions(reg, &o)
				if o.AuthenticatorSelection.UserVerification == "required" {
					c.NotApplicable(reports.ReasonFeature, "the RP requires user verification at registration")
				}
				reg.Respond(false)
				if d := reg.Registration.Response.AuthenticatorData; len(d) < 37 || d[32]&0x04 != 0 {
					reg.Edit(virtualauth.Faults{FlagUVClear: true})
				}
				c.need(reg.Send(noWire), "a registration without user verification")
				c.MustAccept(a.Run(Authentication, Setting{UserVerification: "required"}, noFault, noWire, true), "a login with user verification by a credential that was registered without")
			},
		},
		{
			ID: "authentication.counter.stands-still", Title: "A counter that stands still is noticed",
			Level: Posture, Requirements: []string{"webauthn-3/7.2/step-22"}, Needs: []string{"authentication"}, Abilities: []client.Ability{client.Faults},
			Why: "Greater is what step 22 asks for: the clone's first login has the counter that the original's last had.",
			Story: func(c *Case) {
				a := c.registered()
				a.LogIn(Setting{})
				before := a.LogIn(Setting{})
				t := a.Begin(Authentication, Setting{}, false)
				t.Respond(false)
				t.since(before)
				t.Edit(virtualauth.Faults{CounterEqual: true})
				if o := t.Send(noWire); o.Kind == target.Crashed {
					c.crashed(o, "an authentication whose counter is that of the one before")
				} else if o.Kind == target.Accepted {
					c.Fail("counter-repeat-accepted", "the same counter was accepted twice")
				}
			},
		},
		{
			ID: "authentication.signature.flipped-at-counter-zero", Title: "A signature is verified where the counter is zero, too",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-21"}, Needs: []string{"authentication"}, Abilities: []client.Ability{client.Faults},
			Why: "Synced passkeys report zero for ever; a shortcut for them is a way in.",
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				reg := a.Register(Setting{})
				if d := reg.Registration.Response.AuthenticatorData; len(d) < 37 || binary.BigEndian.Uint32(d[33:37]) != 0 {
					c.NotApplicable(reports.ReasonClient, "%s's authenticator has a counter that does not begin at zero", c.lane.client.Name())
				}
				c.need(a.Run(Authentication, Setting{}, virtualauth.Faults{CounterZero: true}, noWire, false), "a login with a counter of zero")
				o := a.Run(Authentication, Setting{}, virtualauth.Faults{CounterZero: true, SignatureBitFlip: true}, noWire, false)
				c.MustReject(o, "an authentication with a counter of zero and a signature that does not verify")
			},
		},
		{
			ID: "authentication.signature.by-other-credential", Title: "A signature by another credential of the same account is refused",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-21"}, Needs: []string{"authentication", "credentials.several"}, Abilities: []client.Ability{client.Faults},
			Why: "The record that the id names has the key; what belongs to it, its backup and verification state, must not vouch for another.",
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				first := a.Register(Setting{}).Registration.Response
				a.PlugAnother(client.AuthenticatorConfig{})
				a.Register(Setting{})
				t := a.Begin(Authentication, Setting{}, false)
				t.Respond(false)
				t.Assertion.Response.ID, t.Assertion.Response.RawID = first.ID, first.RawID
				c.MustReject(t.Send(noWire), "an authentication with one credential's id and another's signature")
				a.MustBeLoggedOut()
				a.LogIn(Setting{})
			},
		},
		{
			ID: "authentication.credential.id-extended", Title: "A credential id with a byte behind it is another credential's",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-5", "webauthn-3/7.2/step-6.known-owner"}, Needs: []string{"authentication"}, Abilities: []client.Ability{client.Faults},
			Why: "An RP that finds credentials by the beginning of their id, or in a column that cuts it short, can find the wrong one.",
			Story: func(c *Case) {
				a := c.registered()
				a.LogIn(Setting{})
				t := a.Begin(Authentication, Setting{}, false)
				t.Respond(false)
				r := &t.Assertion.Response
				r.RawID = append(bytes.Clone(r.RawID), 0)
				r.ID = b64u(r.RawID)
				c.MustReject(t.Send(noWire), "an authentication whose credential id has a byte more than the one registered")
			},
		},
	}
}
