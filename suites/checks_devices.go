package suites

import (
	"encoding/binary"
	"fmt"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
)

// deviceChecks are authenticators that answer wrongly themselves. Nothing is
// edited on the way: what reaches the page is signed as it is, by the key that
// was registered, and the browser has accepted it.
func deviceChecks() []*Check {
	overrides := []client.Ability{client.Overrides}
	properties := []client.Ability{client.Properties}
	var out []*Check
	for _, d := range []struct {
		name, title, why    string
		registration, login string
		override            client.Override
		setting             Setting
		needs               []string
	}{
		{"unverified", "that leaves out user verification", "The browser was asked for it and let the answer pass; only the RP is left to look.",
			"webauthn-3/7.1/step-16", "webauthn-3/7.2/step-17", client.Override{BadUV: true}, verified, nil},
		{"not-touched", "that nobody touched", "The signature is good and the flag is all that tells (the class of CVE-2021-38299).",
			"webauthn-3/7.1/step-15", "webauthn-3/7.2/step-16", client.Override{BadUP: true}, Setting{}, []string{"!conditional-create=true"}},
		{"bogus-signature", "whose signature is bogus", "It is no signature at all, and came the whole way through a browser.",
			"webauthn-3/8.2/signature", "webauthn-3/7.2/step-21", client.Override{BogusSignature: true}, Setting{}, nil},
	} {
		out = append(out, &Check{
			ID: "authentication.device." + d.name, Title: "A login by an authenticator " + d.title + " is refused", Why: d.why,
			Level: Must, Requirements: []string{d.login}, Needs: []string{"authentication"}, Abilities: overrides,
			Story: func(c *Case) {
				c.plainTwin(Authentication, d.setting)
				a := c.registered()
				a.override(d.override)
				t := a.Begin(Authentication, d.setting, false)
				t.Respond(false)
				c.MustReject(t.Send(noWire), "an authentication by an authenticator "+d.title)
				a.MustBeLoggedOut()
			},
		}, &Check{
			ID: "registration.device." + d.name, Title: "A registration by an authenticator " + d.title + " is refused", Why: d.why,
			Level: Must, Requirements: []string{d.registration}, Needs: append([]string{"registration"}, d.needs...), Abilities: overrides,
			Story: func(c *Case) {
				s := d.setting
				if d.override.BogusSignature {
					// There is a signature only in an attestation statement.
					c.Require("request.attestation", needTrust)
					s.Attestation = "direct"
				}
				c.plainTwin(Registration, s)
				a := c.Account("alice", client.AuthenticatorConfig{})
				a.override(d.override)
				t := a.Begin(Registration, s, false)
				t.Respond(false)
				if d.override.BogusSignature && formatOf(t) == "none" {
					c.NotApplicable(reports.ReasonClient, "%s's authenticator makes no attestation statement", c.lane.client.Name())
				}
				c.MustReject(t.Send(noWire), "a registration by an authenticator "+d.title)
			},
		})
	}
	return append(out,
		&Check{
			ID: "authentication.device.backed-up-not-eligible", Title: "A login by an authenticator whose credential is backed up without being eligible is refused",
			Why:   "The combination cannot be; the browser lets it pass.",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-18"}, Needs: []string{"authentication"}, Abilities: properties,
			Story: func(c *Case) {
				c.plainTwin(Authentication, Setting{})
				a := c.registered()
				a.adjust(client.Adjustment{BackupEligible: new(false), BackupState: new(true)})
				t := a.Begin(Authentication, Setting{}, false)
				t.Respond(false)
				if d := t.Assertion.Response.AuthenticatorData; len(d) < 37 || d[32]&0x18 != 0x10 {
					c.broken(fmt.Errorf("%s's authenticator was told to set BS without BE and did not", c.lane.client.Name()))
				}
				c.MustReject(t.Send(noWire), "an authentication with BS set and BE clear")
				a.MustBeLoggedOut()
			},
		},
		&Check{
			ID: "authentication.device.counter-stops", Title: "A counter that the authenticator gives up is noticed",
			Why:   "It was counting and is zero from now on: a copy without its state, or another authenticator.",
			Level: Posture, Requirements: []string{"webauthn-3/7.2/step-22"}, Needs: []string{"authentication"}, Abilities: properties,
			Story: func(c *Case) { c.counterGoesTo(-1, "stopped counting") },
		},
		&Check{
			ID: "authentication.device.counter-wraps", Title: "A counter that wraps to zero is noticed",
			Why:   "Behind 4294967295 comes 0, which is lower; what the RP does with it is its choice, as long as it looks.",
			Level: Posture, Requirements: []string{"webauthn-3/7.2/step-22"}, Needs: []string{"authentication"}, Abilities: properties,
			Story: func(c *Case) { c.counterGoesTo(1<<32-1, "wrapped to zero") },
		},
	)
}

// plainTwin plays the ceremony as it should be, by another account: the one that
// is judged must not be logged in from before.
func (c *Case) plainTwin(kind string, s Setting) {
	bob := c.Account("bob", client.AuthenticatorConfig{})
	if kind == Registration {
		bob.Register(s)
		return
	}
	bob.Register(Setting{})
	bob.LogIn(s)
}

// counterGoesTo logs in with a counter that was set so that the next value is 0.
func (c *Case) counterGoesTo(n int64, what string) {
	a := c.registered()
	a.adjust(client.Adjustment{SignCount: new(int64(41))})
	a.LogIn(Setting{})
	a.adjust(client.Adjustment{SignCount: &n})
	t := a.Begin(Authentication, Setting{}, false)
	t.Respond(false)
	if d := t.Assertion.Response.AuthenticatorData; len(d) < 37 || binary.BigEndian.Uint32(d[33:37]) != 0 {
		c.broken(fmt.Errorf("%s's counter was set and is not 0", c.lane.client.Name()))
	}
	if o := t.Send(noWire); o.Kind == target.Crashed {
		c.crashed(o, "an authentication whose counter "+what)
	} else if o.Kind == target.Accepted {
		c.Fail("counter-regression-accepted", "a counter that was 42 and %s was accepted", what)
	}
}

// override tells the account's authenticator how to answer.
func (a *Account) override(o client.Override) {
	c := a.c
	device, ok := a.Authenticator().(client.Overridable)
	if !ok {
		c.NotApplicable(reports.ReasonClient, "%s's authenticators cannot be told to answer wrongly", c.lane.client.Name())
	}
	if err := device.Override(c.ctx, o); err != nil {
		c.broken(err)
	}
	c.note("override", "%+v", o)
}

// adjust changes the account's newest credential on its authenticator.
func (a *Account) adjust(adj client.Adjustment) {
	c := a.c
	device, ok := a.Authenticator().(client.Adjustable)
	if !ok {
		c.NotApplicable(reports.ReasonClient, "%s's credentials cannot be changed", c.lane.client.Name())
	}
	held, err := device.Credentials(c.ctx)
	if err != nil || len(held) == 0 {
		c.broken(fmt.Errorf("changing a credential: there is none (%w)", err))
	}
	if err := device.Adjust(c.ctx, held[len(held)-1].ID, adj); err != nil {
		c.broken(err)
	}
	c.note("adjust", "%s", adjustText(adj))
}

func adjustText(a client.Adjustment) string {
	text := ""
	if a.BackupEligible != nil {
		text += fmt.Sprintf("BE=%v ", *a.BackupEligible)
	}
	if a.BackupState != nil {
		text += fmt.Sprintf("BS=%v ", *a.BackupState)
	}
	if a.SignCount != nil {
		text += fmt.Sprintf("counter=%d", *a.SignCount)
	}
	return text
}

// formatOf is the fmt of the attempt's attestation object, empty where it cannot be read.
func formatOf(t *Attempt) string {
	all, _ := reports.DecodeWebAuthn(t.JSON()).(map[string]any)
	object, _ := all["response.attestationObject"].(map[string]any)
	format, _ := object["fmt"].(string)
	return format
}
