package suites

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// fortanixChecks are about the second factors of Fortanix DSM: their options, the
// lock on their configuration, and what else a second factor opens.
func fortanixChecks() []*Check {
	dsm := func(id, title string, level Level, requirement, why string, story func(*Case)) *Check {
		return &Check{ID: "fortanix." + id, Title: title, Level: level, Requirements: []string{"fortanix/" + requirement},
			Dialects: []string{"fortanix*"}, Abilities: direct, Why: why, Story: story}
	}
	plain := func(c *Case) *Account { return c.Account("alice", client.AuthenticatorConfig{}) }
	protocol := func(query map[string]string) target.Alteration { return target.Alteration{Query: query} }
	u2fOnly := func(k *Check) *Check { k.Dialects = []string{"fortanix-u2f-only"}; return k }
	return []*Check{
		dsm("challenge.default-protocol", "Without a protocol the challenge is U2F's", Must, "default-protocol",
			"The parameter is required by the schema and defaults to u2f by the type's comment: clients of the old API send none, and cannot read FIDO2 options.",
			func(c *Case) {
				a := plain(c)
				a.performNeeded("unlock")
				p := a.performAltered("challenge", "challenge", protocol(map[string]string{}))
				if p.Kind == target.Rejected {
					c.Note("refused: a request without a protocol (%s)", answer(&p.Outcome))
					return
				}
				c.MustAccept(&p.Outcome, "a challenge without a protocol")
				var o map[string]json.RawMessage
				c.object(p, &o)
				if o["u2f_challenge"] == nil || o["u2f_keys"] == nil {
					c.Fail("wrong-protocol", "the answer to a request without a protocol has no u2f_challenge and u2f_keys")
				}
				for _, m := range []string{"rp", "user", "pubKeyCredParams"} {
					if o[m] != nil {
						c.Fail("wrong-protocol", "the answer to a request without a protocol has the FIDO2 member %s", m)
					}
				}
			}),
		dsm("challenge.unknown-protocol", "A protocol that there is not is refused", Must, "unknown-protocol",
			"An RP that guesses hands out options that the client did not ask for.",
			func(c *Case) {
				a := plain(c)
				a.performNeeded("unlock")
				a.performNeeded("challenge")
				for _, name := range []string{"fido3", "FIDO2", ""} {
					p := a.performAltered("challenge", "challenge", protocol(map[string]string{"protocol": name}))
					c.MustReject(&p.Outcome, fmt.Sprintf("a challenge for the protocol %q", name))
				}
			}),
		dsm("challenge.without-token", "A challenge needs a session", Must, "token",
			"Who has no session has no user to configure.",
			func(c *Case) {
				a := plain(c)
				a.performNeeded("unlock")
				a.performNeeded("challenge")
				c.Require("!x-session-cookie")
				p := a.performAltered("challenge", "challenge", target.Alteration{Header: map[string]string{"Authorization": ""}})
				c.MustReject(&p.Outcome, "a challenge without a bearer token")
				p = a.performAltered("challenge", "challenge", target.Alteration{Header: map[string]string{"Authorization": "Bearer touchstone"}})
				c.MustReject(&p.Outcome, "a challenge with a made-up bearer token")
			}),
		dsm("unlock.challenge-while-locked", "A challenge is refused while the configuration is locked", Must, "unlock",
			"Unlocking asks for the password again: without it, whoever finds an open session adds a second factor of their own.",
			func(c *Case) {
				a := plain(c)
				p := a.perform("challenge")
				c.MustReject(&p.Outcome, "a challenge in a session that was never unlocked")
				a.performNeeded("unlock")
				a.performNeeded("challenge")
			}),
		dsm("unlock.change-while-locked", "A device is not added while the configuration is locked", Must, "unlock",
			"An RP that asks at the challenge alone lets a change through that was begun before.",
			func(c *Case) {
				a := plain(c)
				t := a.Begin(Registration, Setting{}, false)
				t.Respond(false)
				a.performNeeded("lock")
				c.MustReject(t.Send(noWire), "a device added after the configuration was locked again")
				a.Register(Setting{})
			}),
		dsm("unlock.wrong-password", "A wrong password does not unlock", Must, "unlock",
			"The password is all that stands between an open session and its second factors.",
			func(c *Case) {
				a := plain(c)
				p := a.performAltered("unlock", "unlock", target.Alteration{Edit: setMember("password", "not the password")})
				c.MustReject(&p.Outcome, "unlocking with a wrong password")
				q := a.perform("challenge")
				c.MustReject(&q.Outcome, "a challenge after unlocking was refused")
				a.performNeeded("unlock")
				a.performNeeded("challenge")
			}),
		dsm("unlock.relock", "After terminate the configuration is locked", Must, "relock",
			"A session left unlocked is open to whoever finds it, for as long as it lives.",
			func(c *Case) {
				a := plain(c)
				a.performNeeded("unlock")
				a.performNeeded("challenge")
				a.performNeeded("lock")
				p := a.perform("challenge")
				c.MustReject(&p.Outcome, "a challenge after terminate")
			}),
		dsm("unlock.other-session", "Unlocking one session unlocks no other", Must, "unlock",
			"A flag of the user, in place of the session, opens every session that the user left behind.",
			func(c *Case) {
				a := plain(c)
				a.performNeeded("unlock")
				a.performNeeded("challenge")
				p := c.perform(c.Fork(a.Session), "challenge")
				c.MustReject(&p.Outcome, "a challenge in another session than the unlocked one")
			}),
		dsm("session.second-factor-owed", "A token that owes its second factor does nothing else", Must, "owed",
			"Otherwise the password alone is enough, and the second factor for show.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				before := a.perform("user")
				c.need(&before.Outcome, "reading the user in a session that owes nothing")
				a.Begin(Authentication, Setting{}, false) // the session's token is now one that owes
				for _, name := range []string{"user", "unlock", "recovery-codes", "approval-request"} {
					p := a.perform(name)
					c.MustReject(&p.Outcome, "the procedure "+name+" with a token that owes its second factor")
				}
			}),
		dsm("session.u2f-login", "The old U2F call logs nobody in", Must, "u2f-login",
			"It is there to say that it is gone; an RP that still takes it must not take anything for a signature.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				a.Begin(Authentication, Setting{}, false)
				p := a.perform("u2f-login")
				c.MustReject(&p.Outcome, "a U2F message of no key for a second factor")
				a.MustBeLoggedOut()
			}),
		dsm("recovery.code-logs-in-once", "A recovery code is a second factor once", Must, "recovery-codes",
			"A code that stays good is a password that was written down.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				a.performNeeded("recovery-codes")
				first := a.perform("recovery-login")
				c.MustAccept(&first.Outcome, "a recovery code for a second factor")
				p := a.perform("recovery-login")
				c.MustReject(&p.Outcome, "a recovery code that was used")
				a.MustBeLoggedOut()
			}),
		dsm("recovery.made-up-code", "A recovery code that was never given out is refused", Must, "recovery-codes",
			"The code is all that is asked for.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				a.performNeeded("recovery-codes")
				p := a.performAltered("recovery-login", "code", target.Alteration{Edit: setMember("recovery_code", "AAAAAAAAAAAAAAAA")})
				c.MustReject(&p.Outcome, "a made-up recovery code")
				a.MustBeLoggedOut()
				q := a.perform("recovery-login")
				c.need(&q.Outcome, "the code that was given out")
			}),
		dsm("recovery.new-codes-void-old", "New recovery codes void the old ones", Must, "recovery-codes",
			"Codes are renewed because the old ones may be in the wrong hands.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				a.performNeeded("recovery-codes")
				old, _ := a.Session.Captured("secondRecoveryCode").(string)
				if old == "" {
					c.NotApplicable("one-code", "the RP gives out one recovery code at a time")
				}
				a.performNeeded("recovery-codes")
				p := a.performAltered("recovery-login", "code", target.Alteration{Edit: setMember("recovery_code", old)})
				c.MustReject(&p.Outcome, "a recovery code from before new ones were given out")
				q := a.perform("recovery-login")
				c.need(&q.Outcome, "a new recovery code")
			}),
		dsm("devices.one-a-patch", "Two devices in one request are refused", Must, "one-device",
			"The member is a list, and one device is all that the API adds: whoever takes the first in silence loses the second.",
			func(c *Case) {
				a := plain(c)
				t := a.Begin(Registration, Setting{}, false)
				t.Respond(false)
				twice := editMember("add_mfa_devices", func(old any) (any, bool) {
					list, _ := old.([]any)
					return append(slices.Clone(list), list...), true
				})
				c.MustReject(t.sendAltered("result", target.Alteration{Edit: twice}), "two devices in one request")
				a.Register(Setting{})
			}),
		dsm("devices.name", "A device without a name is refused", Should, "device-name",
			"Devices are deleted and renamed by name.",
			func(c *Case) {
				a := plain(c)
				for what, name := range map[string]string{"an empty name": "", "a blank name": "   ", "a name of two lines": "a\nb"} {
					t := a.Begin(Registration, Setting{}, false)
					t.Respond(false)
					c.MustReject(t.sendAltered("result", target.Alteration{Edit: setMember("add_mfa_devices/0/name", name)}), "a device with "+what)
				}
				a.Register(Setting{})
			}),
		dsm("devices.listed", "A new device is listed as Fido2, by its name", Must, "devices",
			"Lists and queries spell the protocol differently: Fido2 here, fido2 there.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				devices := a.devices()
				if len(devices) != 1 || devices[0].Name != "touchstone" || devices[0].Type != "Fido2" {
					c.Fail("not-listed", "mfa_devices are %+v, want one touchstone of type Fido2", devices)
				}
				a.performNeeded("rename-device")
				if devices = a.devices(); len(devices) != 1 || devices[0].Name != "renamed" {
					c.Fail("not-renamed", "mfa_devices are %+v after a renaming, want one renamed", devices)
				}
			}),
		dsm("devices.deleted-is-gone", "A deleted device is no second factor any more", Must, "device-deleted",
			"A device is deleted because it was lost.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				login := a.Begin(Authentication, Setting{}, false)
				login.Respond(false)
				c.need(login.Send(noWire), "a login with the device")
				p := a.perform("delete-device")
				c.MustAccept(&p.Outcome, "the deletion of a device")
				if devices := a.devices(); len(devices) > 0 {
					c.Fail("still-listed", "mfa_devices are %+v after the deletion", devices)
				}
				t, _ := a.begun(Authentication, Setting{})
				if t == nil {
					return // nothing is owed: there are no options
				}
				t.Respond(false)
				c.MustReject(t.Send(noWire), "a login with the deleted device")
			}),
		overHTTP(dsm("result.no-content-type", "A body without Content-Type and Accept is taken", Must, "no-content-type",
			"The vendor's Go client sends neither, on any call.",
			func(c *Case) {
				a := plain(c)
				bare := target.Alteration{Header: map[string]string{"Content-Type": "", "Accept": ""}}
				for _, step := range []string{"unlock", "options", "result"} {
					a.Session.Alter(step, bare)
				}
				o := a.Run(Registration, Setting{}, noFault, noWire, true)
				c.MustAccept(o, "a registration whose requests have no Content-Type")
			})),
		dsm("result.without-raw-id", "A result without rawId is taken", Must, "no-raw-id",
			"None of the API's types has the member.",
			func(c *Case) {
				a := plain(c)
				t := a.Begin(Registration, Setting{}, true)
				t.Respond(true)
				c.MustAccept(t.sendAltered("result", target.Alteration{Edit: dropMember("add_mfa_devices/0/attestationResult/rawId")}), "a registration without rawId")
			}),
		dsm("result.transports-name", "Transports are taken under WebAuthn's name, too", Posture, "transports-name",
			"The API names the member getTransports, WebAuthn's JSON transports; front ends send what their library makes.",
			func(c *Case) {
				a := plain(c)
				t := a.Begin(Registration, Setting{}, true)
				t.Respond(true)
				// The dialect itself sends getTransports.
				transports := func(body any) any {
					return setMember("add_mfa_devices/0/attestationResult/response/transports", []any{"usb"})(
						dropMember("add_mfa_devices/0/attestationResult/response/getTransports")(body))
				}
				c.MustAccept(t.sendAltered("result", target.Alteration{Edit: transports}), "transports under the name of WebAuthn's JSON")
			}),
		dsm("result.extension-results-name", "Extension results are taken under each of their three names", Posture, "extension-results-name",
			"The document says get_client_extension_results, the vendor's Rust client getClientExtensionResults, WebAuthn's JSON clientExtensionResults.",
			func(c *Case) {
				for _, name := range []string{"getClientExtensionResults", "get_client_extension_results", "clientExtensionResults"} {
					a := c.Account(strings.ReplaceAll(name, "_", "-"), client.AuthenticatorConfig{})
					t := a.Begin(Registration, Setting{}, true)
					t.Respond(true)
					move := moveMember("add_mfa_devices/0/attestationResult/getClientExtensionResults", name)
					c.MustAccept(t.sendAltered("result", target.Alteration{Edit: move}), "extension results named "+name)
				}
			}),
		dsm("options.no-nulls", "Optional members that say nothing are left out, not null", Should, "nulls",
			"The schema allows null; a browser's dictionaries do not, and throw or take it for the text null.",
			func(c *Case) {
				if c.Target.Dialect() == "fortanix-nulls" {
					c.NotApplicable("variant", "the variant is the form with null members")
				}
				a := plain(c)
				t := a.Begin(Registration, Setting{}, true)
				c.noNulls(t.Ceremony.Wire, "")
				t.Respond(true)
				c.need(t.Send(noWire), "a plain registration")
				t = a.Begin(Authentication, Setting{}, true)
				var auth struct {
					Options json.RawMessage `json:"fido2_assertion_options"`
				}
				_ = json.Unmarshal(t.Ceremony.Wire, &auth) // without them there was no ceremony
				c.noNulls(auth.Options, "/fido2_assertion_options")
			}),
		dsm("options.one-arm", "Options are of one kind: for a new credential or for a login", Must, "one-arm",
			"The answer is a union without a tag; clients tell the arms apart by their members.",
			func(c *Case) {
				a := plain(c)
				t := a.Begin(Registration, Setting{}, true)
				c.oneArm(t.Ceremony.Wire, []string{"rp", "user", "pubKeyCredParams"}, []string{"allowCredentials", "rpId", "userVerification", "u2f_challenge", "u2f_keys"})
				t.Respond(true)
				c.need(t.Send(noWire), "a plain registration")
				t = a.Begin(Authentication, Setting{}, true)
				var auth struct {
					Options json.RawMessage `json:"fido2_assertion_options"`
				}
				if json.Unmarshal(t.Ceremony.Wire, &auth) != nil || auth.Options == nil {
					c.Fail("missing-member", "the session's answer has no fido2_assertion_options")
				}
				c.oneArm(auth.Options, []string{"challenge"}, []string{"rp", "user", "pubKeyCredParams", "excludeCredentials", "attestation", "authenticatorSelection", "u2f_challenge"})
			}),
		overHTTP(dsm("errors.text", "A refusal is a status that clients know and plain words", Should, "text-errors",
			"Every client of the vendor shows the whole body as the message, and maps 400, 401, 403, 404, 409 and 423.",
			func(c *Case) {
				a := plain(c)
				known := []int{400, 401, 403, 404, 409, 423}
				refused := func(p *target.Performance, what string) {
					c.MustReject(&p.Outcome, what)
					if !slices.Contains(known, p.Status) {
						c.Fail("unknown-status", "%s was refused with HTTP %d, which the vendor's clients do not know", what, p.Status)
					}
					if text := strings.TrimSpace(string(p.Body)); text == "" || json.Valid(p.Body) && strings.HasPrefix(text, "{") {
						c.Fail("not-text", "%s was refused with the body %.100q, not with words", what, text)
					}
				}
				refused(a.performAltered("unlock", "unlock", target.Alteration{Edit: setMember("password", "not the password")}), "a wrong password")
				refused(a.performAltered("unlock", "unlock", target.Alteration{Raw: []byte("{")}), "a body that is no JSON")
				c.Require("!x-session-cookie")
				refused(a.performAltered("user", "user", target.Alteration{Header: map[string]string{"Authorization": ""}}), "a request without a token")
			})),
		dsm("approval.with-assertion", "An approval request is approved with an assertion", Must, "approval",
			"This is the request-options arm of the API: a challenge of its own for each request.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				a.performNeeded("approval-request")
				c.requireProcedure("approval")
				t := a.Begin("approval", Setting{}, true)
				t.Respond(true)
				c.MustAccept(t.Send(noWire), "an approval with an assertion")
				body, _ := t.Ceremony.Answer()
				var o struct {
					Status string `json:"status"`
				}
				if json.Unmarshal(body, &o) != nil || o.Status != "APPROVED" {
					c.Fail("not-approved", "the approval request has the status %q after its approval", o.Status)
				}
				c.MustReject(t.Send(noWire), "the same approval once more")
			}),
		dsm("approval.broken-signature", "An assertion that does not verify approves nothing", Must, "approval",
			"An approval is a login for one operation.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				a.performNeeded("approval-request")
				c.requireProcedure("approval")
				t := a.Begin("approval", Setting{}, false)
				t.Respond(false)
				t.Edit(virtualauth.Faults{SignatureBitFlip: true})
				c.MustReject(t.Send(noWire), "an approval whose signature does not verify")
				u := a.Begin("approval", Setting{}, false)
				u.Respond(false)
				c.need(u.Send(noWire), "the same approval with its signature")
			}),
		dsm("approval.other-request", "An assertion approves the request that it was asked for", Must, "approval",
			"Otherwise a harmless approval is exchanged for another one.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				c.requireProcedure("approval")
				a.performNeeded("approval-request")
				first, _ := a.Session.Captured("approvalId").(string)
				t := a.Begin("approval", Setting{}, false)
				t.Respond(false)
				a.performNeeded("approval-request") // the session's approval request is now this one
				u := a.Begin("approval", Setting{}, false)
				if second, _ := a.Session.Captured("approvalId").(string); second == first {
					c.NotTestable("same-request", "two approval requests have the same id")
				}
				c.MustReject(t.SendAs(u.Ceremony, t.JSON(), noWire), "an approval with the assertion for another request")
				u = a.Begin("approval", Setting{}, false)
				u.Respond(false)
				c.need(u.Send(noWire), "the approval with its own assertion")
			}),
		dsm("approval.password-alone", "Who has a second factor approves with it", Must, "approval",
			"A password in place of the assertion is a second factor left out.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				a.performNeeded("approval-request")
				p := a.perform("password-approval")
				c.MustReject(&p.Outcome, "an approval with the password alone")
			}),
		dsm("approval.by-another-user", "Another user's approval request is out of reach", Must, "approval",
			"Identifiers in a path are not permissions.",
			func(c *Case) {
				alice, bob := plain(c), c.Account("bob", client.AuthenticatorConfig{})
				alice.performNeeded("approval-request")
				bob.performNeeded("approval-request")
				id, _ := alice.Session.Captured("approvalId").(string)
				p := bob.performAltered("password-approval", "approve", target.Alteration{Path: "/sys/v1/approval_requests/" + id + "/approve"})
				c.MustReject(&p.Outcome, "an approval of another user's request")
				q := alice.perform("password-approval")
				c.need(&q.Outcome, "the approval by the user whose request it is")
			}),
		dsm("approval.while-unlocked", "Second factors approve nothing while they are being configured", Must, "relock",
			"The vendor's document says so: while they can be changed they prove nothing.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				a.performNeeded("approval-request")
				c.requireProcedure("approval")
				a.performNeeded("unlock")
				_, o := a.begun("approval", Setting{})
				c.MustReject(o, "an approval while the configuration of second factors is unlocked")
				a.performNeeded("lock")
				a.Begin("approval", Setting{}, false)
			}),
		u2fOnly(dsm("attestation.u2f-only", "Attestation of another format than fido-u2f is refused", Must, "u2f-attestation-only",
			"The API says of the attestation object that only U2F is supported and others are rejected.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				b := c.Account("bob", client.AuthenticatorConfig{Transport: "usb", ResidentKeys: true, UserVerification: true, SelfAttestation: true})
				t := b.Begin(Registration, Setting{}, false)
				t.Respond(false)
				c.MustReject(t.Send(noWire), "a registration with packed attestation")
			})),
		u2fOnly(dsm("result.unknown-outputs", "Extension outputs that the types do not have are refused", Posture, "known-outputs",
			"The types deny unknown fields: a front end that asks a browser for credProps cannot register.",
			func(c *Case) {
				a := plain(c)
				t := a.Begin(Registration, Setting{}, false)
				t.Respond(false)
				outputs := setMember("add_mfa_devices/0/attestationResult/getClientExtensionResults", map[string]any{"credProps": map[string]any{"rk": false}})
				c.MustReject(t.sendAltered("result", target.Alteration{Edit: outputs}), "a registration with the extension output credProps")
				a.Register(Setting{})
			})),
	}
}

// fortanixDevice is an entry of mfa_devices.
type fortanixDevice struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// devices are the second factors that the API lists.
func (a *Account) devices() []fortanixDevice {
	p := a.performNeeded("user")
	var o struct {
		Devices []fortanixDevice `json:"mfa_devices"`
	}
	a.c.object(p, &o)
	return o.Devices
}

// noNulls fails the case for the first member that is null.
func (c *Case) noNulls(raw json.RawMessage, at string) {
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil {
		return
	}
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if string(o[name]) == "null" {
			c.Fail("null-member", "%s/%s is null", at, name)
		}
		c.noNulls(o[name], at+"/"+name)
	}
}

// oneArm fails the case where options lack a member of their kind or have one of another.
func (c *Case) oneArm(raw json.RawMessage, own, foreign []string) {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(raw, &o); err != nil {
		c.Fail("malformed-options", "the options are no JSON object: %v", err)
	}
	for _, m := range own {
		if o[m] == nil {
			c.Fail("missing-member", "%s is missing", m)
		}
	}
	for _, m := range foreign {
		if _, there := o[m]; there {
			c.Fail("mixed-up", "%s is a member of other options", m)
		}
	}
}
