package suites

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// detailChecks are questions about single members, and about what an RP does
// where it declared more than the plain flows.
func detailChecks() []*Check {
	return join(hintChecks(), accountChecks(), lifeChecks(), copyChecks(), policyChecks(), outputChecks(), appIDChecks())
}

// preferences are members that say how a client is to find an authenticator.
type preferences struct {
	Hints                  []string `json:"hints"`
	AttestationFormats     []string `json:"attestationFormats"`
	AuthenticatorSelection struct {
		AuthenticatorAttachment string `json:"authenticatorAttachment"`
	} `json:"authenticatorSelection"`
}

// ready is an account that can go through a ceremony of the kind.
func (c *Case) ready(kind string) *Account {
	if kind == Authentication {
		return c.registered()
	}
	return c.Account("alice", client.AuthenticatorConfig{})
}

// hinted asks for options and ends the case where they carry no hints.
func (c *Case) hinted(kind string) preferences {
	t := c.ready(kind).Begin(kind, Setting{}, true)
	var o preferences
	c.readOptions(t, &o)
	if len(o.Hints) == 0 {
		c.NotApplicable("not-sent", "the options carry no hints")
	}
	return o
}

// attachments are what each hint says in terms of authenticatorAttachment
// (https://www.w3.org/TR/webauthn-3/#enum-hints).
var attachments = map[string]string{"security-key": "cross-platform", "client-device": "platform", "hybrid": "cross-platform"}

func hintChecks() []*Check {
	known := func(kind string) func(*Case) {
		return func(c *Case) {
			for _, h := range c.hinted(kind).Hints {
				if attachments[h] == "" {
					c.Fail("unknown-value", "hints has %q, which is none of security-key, client-device, hybrid", h)
				}
			}
		}
	}
	return []*Check{
		{
			ID: "registration.options.hints-known", Title: "The hints of creation options are ones that clients know",
			Level: Should, Requirements: []string{"webauthn-3/5.8.7/hints-known"}, Abilities: direct,
			Why:   "A client disregards a hint that it does not know, so that a misspelt one guides nobody.",
			Story: known(Registration),
		},
		{
			ID: "authentication.options.hints-known", Title: "The hints of request options are ones that clients know",
			Level: Should, Requirements: []string{"webauthn-3/5.8.7/hints-known"}, Needs: []string{"authentication"},
			Why:   "A client disregards a hint that it does not know, so that a misspelt one guides nobody.",
			Story: known(Authentication),
		},
		{
			ID: "registration.options.hints-and-attachment", Title: "authenticatorAttachment says the same as the hints",
			Level: Should, Requirements: []string{"webauthn-3/5.8.7/hints-attachment"}, Abilities: direct,
			Why: "Clients that know no hints go by the attachment; where it says otherwise, their users are led to another authenticator.",
			Story: func(c *Case) {
				o := c.hinted(Registration)
				want := attachments[o.Hints[0]]
				if slices.ContainsFunc(o.Hints, func(h string) bool { return attachments[h] != want }) {
					c.NotApplicable("both-kinds", "the hints %v name authenticators of both attachments", o.Hints)
				}
				if got := o.AuthenticatorSelection.AuthenticatorAttachment; got != want {
					c.Fail("disagree", "hints is %v, which is %s, and authenticatorAttachment is %q", o.Hints, want, got)
				}
			},
		},
		{
			ID: "registration.options.attestation-formats", Title: "attestationFormats lists format identifiers",
			Level: Must, Requirements: []string{"webauthn-3/5.4/attestation-formats"}, Abilities: direct,
			Why: "A list that no client can match gets another format than the one that the RP verifies.",
			Story: func(c *Case) {
				t := c.Account("alice", client.AuthenticatorConfig{}).Begin(Registration, Setting{}, true)
				var o preferences
				c.readOptions(t, &o)
				if len(o.AttestationFormats) == 0 {
					c.NotApplicable("not-sent", "the options carry no attestationFormats")
				}
				for _, f := range o.AttestationFormats {
					if f == "" || len(f) > 32 || strings.ContainsFunc(f, func(r rune) bool { return r < 0x21 || r > 0x7e || r == '"' || r == '\\' }) {
						c.Fail("bad-format", "attestationFormats has %q, which is no format identifier: at most 32 octets of printable ASCII without quote and backslash", f)
					}
				}
			},
		},
		{
			ID: "registration.options.attachment-asked", Title: "The attachment that was asked for is in the options",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-1"}, Needs: []string{"request.attachment"}, Abilities: direct,
			Why: "A page that offers a security key and gets options for the platform leads its users astray.",
			Story: func(c *Case) {
				for _, want := range []string{"platform", "cross-platform"} {
					a := c.Account(want, client.AuthenticatorConfig{})
					cer, err := a.Session.Begin(c.ctx, Registration, target.Request{AuthenticatorAttachment: want})
					if err != nil {
						c.setupFailed("asking for creation options", err)
					}
					var o preferences
					c.readOptions(&Attempt{Ceremony: cer, Account: a}, &o)
					if got := o.AuthenticatorSelection.AuthenticatorAttachment; got != want {
						c.Fail("not-honoured", "authenticatorAttachment %q was asked for, the options say %q", want, got)
					}
				}
			},
		},
	}
}

func accountChecks() []*Check {
	return []*Check{
		{
			ID: "registration.options.user-id-no-hash-of-name", Title: "user.id is no plain hash of the user's name",
			Level: Must, Requirements: []string{"webauthn-3/14.6.1/user-id-hash"}, Abilities: direct,
			Why: "Whoever reads the handle hashes a list of names and finds the one; only a secret salt would keep it.",
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				_, o := a.creation(Setting{})
				id := c.decode("user.id", o.User.ID)
				u := a.Session.User()
				local, _, _ := strings.Cut(u.Name, "@")
				for _, name := range []string{u.Name, local, strings.ToLower(u.Name), u.DisplayName} {
					m, s1, s2, s5 := md5.Sum([]byte(name)), sha1.Sum([]byte(name)), sha256.Sum256([]byte(name)), sha512.Sum512([]byte(name))
					for hash, sum := range map[string][]byte{"MD5": m[:], "SHA-1": s1[:], "SHA-256": s2[:], "SHA-512": s5[:]} {
						if bytes.Equal(id, sum) || strings.EqualFold(string(id), hex.EncodeToString(sum)) {
							c.Fail("user-id-tells-name", "user.id is the %s of %q", hash, name)
						}
					}
				}
			},
		},
		{
			ID: "authentication.options.imaginary-like-real", Title: "An imaginary credential has transports where a real one has",
			Level: Should, Requirements: []string{"webauthn-3/14.6.2/enumeration"}, Needs: []string{"authentication", "enumeration", "member.transports"},
			Why: "What is made up for those who do not exist must look like what others have, or it tells them apart.",
			Story: func(c *Case) {
				_, known := c.registered().request(Setting{})
				s := c.Stranger("stranger")
				cer, err := s.Begin(c.ctx, Authentication, Setting{}.request())
				if err != nil {
					c.NotTestable("user-enumeration", "request options for an unknown user were refused, which is another check's matter: %v", err)
				}
				var unknown request
				c.readOptions(&Attempt{Ceremony: cer, Account: &Account{c: c, Session: s}}, &unknown)
				if len(known.AllowCredentials) == 0 || len(unknown.AllowCredentials) == 0 {
					c.NotApplicable("no-list", "there is no credential to compare in allowCredentials")
				}
				with := func(d descriptor) bool { return len(d.Transports) > 0 && string(d.Transports) != "[]" }
				if k, u := with(known.AllowCredentials[0]), with(unknown.AllowCredentials[0]); k != u {
					c.Fail("user-enumeration", "a known user's credential has transports: %t; an unknown user's: %t", k, u)
				}
			},
		},
		{
			ID: "authentication.credential.refusals-alike", Title: "Refusals do not tell an unknown user from an unknown credential or a bad signature",
			Level: Posture, Requirements: []string{"webauthn-3/14.6.2/results-alike"}, Needs: []string{"authentication", "enumeration", "login.username", target.FeatureHTTP}, Abilities: []client.Ability{client.Faults},
			Why: "Where the three are answered differently, a stranger who sends rubbish learns who has an account, and with which credential.",
			Story: func(c *Case) {
				a := c.registered()
				id := a.Authenticator()
				stored, err := id.Credentials(c.ctx)
				if err != nil || len(stored) == 0 {
					c.NotApplicable(reports.ReasonClient, "%s does not tell which credentials its authenticator holds", c.lane.client.Name())
				}
				try := func(f virtualauth.Faults) *target.Outcome {
					t := a.Begin(Authentication, Setting{}, false)
					t.Respond(false)
					t.Edit(f)
					return t.Send(noWire)
				}
				answers := []*target.Outcome{try(virtualauth.Faults{SignatureBitFlip: true}), try(virtualauth.Faults{CredentialUnknown: true})}
				s := c.Stranger("stranger")
				cer, err := s.Begin(c.ctx, Authentication, Setting{}.request())
				if err != nil {
					c.NotTestable("user-enumeration", "request options for an unknown user were refused, which is another check's matter: %v", err)
				}
				thief := &Account{Session: s, c: c, authenticator: id}
				t := (&Attempt{Ceremony: cer, Account: thief}).withOptions(onlyAllow(stored[0].ID))
				t.Respond(false)
				answers = append(answers, t.Send(noWire))
				what := []string{"a signature that does not verify", "an unknown credential", "an unknown user"}
				for i, o := range answers {
					switch {
					case o.Kind == target.Crashed:
						c.crashed(o, "a login with "+what[i])
					case o.Kind != target.Rejected:
						c.NotTestable(string(o.Kind), "a login with %s was not refused (%s), which is another check's matter", what[i], answer(o))
					case o.Status != answers[0].Status || o.Message != answers[0].Message:
						c.Fail("user-enumeration", "%s is answered with %s, %s with %s", what[0], answer(answers[0]), what[i], answer(o))
					}
				}
			},
		},
	}
}

// patience is how long a check waits for a challenge to expire.
const patience = 10 * time.Second

// outlive lets the session's challenges expire: by the profile's clock header
// (x-clock-header), else by waiting.
func (c *Case) outlive(s *target.Session) {
	c.Require("challenge.expiry")
	f := c.Target.Feature("challenge.expiry")
	if !f.Declared {
		c.NotApplicable(reports.ReasonFeature, "the profile does not say how long a challenge lives (feature challenge.expiry)")
	}
	life, err := time.ParseDuration(f.Value)
	if err != nil || life <= 0 {
		c.NotTestable("profile", "the profile's challenge.expiry is %q, no duration such as 5m", f.Value)
	}
	later := life + life/10 + time.Second
	if h := c.Target.Feature("x-clock-header"); h.Value != "" {
		s.Use("", h.Value+": "+later.String())
		return
	}
	if later > patience {
		c.NotApplicable("too-long", "a challenge lives for %s, and the check waits for %s at most; a profile may name a header that sets the RP's clock on (x-clock-header)", life, patience)
	}
	select {
	case <-time.After(later):
	case <-c.ctx.Done():
	}
}

func lifeChecks() []*Check {
	story := func(kind string) func(*Case) {
		return func(c *Case) {
			a := c.ready(kind)
			t := a.Begin(kind, Setting{}, false)
			t.Respond(false)
			c.outlive(a.Session)
			c.MustReject(t.Send(noWire), "a response to a challenge that has expired")
			if kind == Authentication {
				a.MustBeLoggedOut()
			}
			if h := c.Target.Feature("x-clock-header"); h.Value != "" {
				a.Session.Use("", h.Value+":")
			}
			c.need(a.Run(kind, Setting{}, noFault, noWire, false), "the same in time")
		}
	}
	return []*Check{
		{
			ID: "registration.challenge.expired", Title: "A registration that comes after its challenge has expired is refused",
			Level: Should, Requirements: []string{"webauthn-3/13.4.3/expiry", "webauthn-3/7.1/step-8"},
			Why:   "A challenge that never dies can be answered by whoever finds the page open, and keeps what was phished good for ever.",
			Story: story(Registration),
		},
		{
			ID: "authentication.challenge.expired", Title: "A login that comes after its challenge has expired is refused",
			Level: Should, Requirements: []string{"webauthn-3/13.4.3/expiry", "webauthn-3/7.2/step-11"}, Needs: []string{"authentication"},
			Why:   "A challenge that never dies can be answered by whoever finds the page open, and keeps what was phished good for ever.",
			Story: story(Authentication),
		},
	}
}

func copyChecks() []*Check {
	return []*Check{
		{
			ID: "authentication.counter.refused-leaves-record", Title: "A refused login does not move the stored counter",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-24", "webauthn-3/7.2/step-24.1"}, Needs: []string{"authentication"}, Abilities: []client.Ability{client.Faults},
			Why: "An RP that stores the counter before it has verified the signature lets anyone who knows a credential id lock its owner out with a huge one.",
			Story: func(c *Case) {
				a := c.registered()
				a.LogIn(Setting{})
				c.refusedFirst(a.Run(Authentication, Setting{}, virtualauth.Faults{CounterHuge: true, SignatureBitFlip: true}, noWire, false), "an authentication whose signature does not verify")
				c.MustAccept(a.Run(Authentication, Setting{}, noFault, noWire, true), "a plain login after a forged one with a counter of 4294967295")
			},
		},
		{
			ID: "registration.result.foreign-copies", Title: "Copies of another key beside the attestation object are not believed",
			Level: Must, Requirements: []string{"webauthn-3/5.2.1/copies"}, Needs: []string{"authentication"},
			Why: "Only what is inside the attestation object is attested, and covered by the checks of step 22; a key taken from beside it is anybody's.",
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				t := a.Begin(Registration, Setting{}, false)
				t.Respond(false)
				o := t.Send(target.WireFaults{ForeignCopies: true})
				switch o.Kind {
				case target.Rejected:
					// To refuse a contradiction is as good as to look past it.
				case target.Crashed:
					c.crashed(o, "a registration with copies of another credential beside the attestation object")
				default:
					c.MustAccept(o, "a registration with copies of another credential beside the attestation object")
					c.MustAccept(a.Run(Authentication, Setting{}, noFault, noWire, true), "a login with the key that is inside the attestation object")
				}
			},
		},
		{
			ID: "authentication.usernameless.handle-number", Title: "Without a user name, a user handle that is a number is refused",
			Level: Must, Requirements: []string{"webauthn-3/5.2.2/user-handle", "webauthn-3/7.2/step-6.discovered-handle"},
			Needs: []string{"authentication", "login.usernameless", "member.userHandle"}, Abilities: []client.Ability{client.Discoverable},
			Why: "The handle decides whose account it is; a value of another type that is coerced, or read as absent, decides it otherwise.",
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				a.Register(c.discoverable())
				c.need(a.Run(Authentication, Setting{Usernameless: true}, noFault, noWire, false), "an authentication without a user name")
				o := a.Run(Authentication, Setting{Usernameless: true}, noFault, target.WireFaults{Number: target.RoleUserHandle}, false)
				c.MustReject(o, "an authentication without user name whose user handle is a number")
			},
		},
		{
			ID: "registration.accepted.no-transports", Title: "A registration with an empty list of transports is accepted",
			Level: Should, Requirements: []string{"webauthn-3/5.2.1/transports"}, Ceremony: Registration, Expect: Accept, Needs: []string{"member.transports"},
			Fault: virtualauth.Faults{TransportsEmpty: true},
			Why:   "Clients that do not know how they reached an authenticator say nothing of it.",
		},
		{
			ID: "registration.envelope.extension-results-text", Title: "Client extension results that are a string do no harm",
			Level: Posture, Requirements: []string{"webauthn-3/5.1/extension-results"}, Ceremony: Registration, Expect: Reject, Needs: []string{"extension.outputs"},
			Wire: target.WireFaults{String: target.RoleExtensionResults},
			Why:  "The member is read before anything is verified, by whoever cares for extensions; a server must answer whatever comes.",
		},
		{
			ID: "registration.accepted.conditional-create", Title: "A conditional registration without user presence is accepted where the RP asked for one",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-15"}, Abilities: []client.Ability{client.Faults},
			Why: "A passkey that a client makes beside a password login comes without a touch; Level 3 lets UP be clear then, and an RP that offers the flow and refuses it upgrades nobody.",
			Story: func(c *Case) {
				c.Require("conditional-create")
				if !c.Target.Feature("conditional-create").Declared {
					c.NotApplicable(reports.ReasonFeature, "the profile does not say that the RP has conditional create (feature conditional-create)")
				}
				conditional := Setting{Mediation: "conditional"}
				a := c.Account("alice", client.AuthenticatorConfig{})
				c.MustAccept(a.Run(Registration, conditional, virtualauth.Faults{FlagUPClear: true}, noWire, true), "a conditional registration with UP clear")
			},
		},
	}
}

// policyChecks tell what attestation an RP that asked for it goes without.
func policyChecks() []*Check {
	// changes are what a dishonest front end makes of the options.
	noticed := func(c *Case, t *Attempt, changes map[string]any, what string) {
		var o creation
		c.readOptions(t, &o)
		if o.Attestation == nil || *o.Attestation != "direct" {
			c.NotTestable("option-not-honoured", "direct attestation was asked for and is not in the options")
		}
		t = t.withOptions(changes)
		t.Respond(false)
		switch o := t.Send(noWire); o.Kind {
		case target.Crashed:
			c.crashed(o, what)
		case target.Accepted:
			c.Fail("attestation-optional", "direct attestation was asked for, and %s was accepted", what)
		}
	}
	return []*Check{
		{
			ID: "registration.attestation.none-for-direct", Title: "Attestation none in answer to direct is noticed",
			Level: Posture, Requirements: []string{"webauthn-3/7.1/step-24.none"}, Needs: []string{"request.attestation"}, Abilities: []client.Ability{client.NoAttestation},
			Why: "A user, or malware, can always strip the statement. An RP that asks for attestation in order to let certain models in alone must not go on without (the class of CVE-2025-12150).",
			Story: func(c *Case) {
				s := Setting{Attestation: "direct"}
				noticed(c, c.Account("alice", client.AuthenticatorConfig{}).Begin(Registration, s, false), map[string]any{"attestation": "none"}, "a registration with attestation none")
			},
		},
		{
			ID: "registration.attestation.self-for-direct", Title: "Self attestation in answer to direct is noticed",
			Level: Posture, Requirements: []string{"webauthn-3/7.1/step-24.self"}, Needs: []string{"request.attestation"}, Abilities: []client.Ability{client.SelfAttestation},
			Why: "Self attestation proves nothing of who made the authenticator: its AAGUID is whatever the sender wrote (the class of CVE-2026-6856).",
			Story: func(c *Case) {
				s := Setting{Attestation: "direct", Authenticator: client.AuthenticatorConfig{SelfAttestation: true}}
				noticed(c, c.Account("alice", s.Authenticator).Begin(Registration, s, false), nil, "a registration with self attestation")
			},
		},
	}
}

// extended is an authenticator with the extensions of CTAP 2.2, none of whose
// credentials are discoverable: for those a client asks for credProtect by itself.
var extended = client.AuthenticatorConfig{Transport: "usb", UserVerification: true, Extensions: true}

// asked is a setting that asks for an extension by the request, or the end of
// the case where the profile does not say that this can be done.
func (c *Case) asked(feature string, inputs map[string]any) Setting {
	c.Require("extension." + feature)
	if c.Target.Feature("extension."+feature).Value != "request" {
		c.NotApplicable(reports.ReasonFeature, "the profile does not say that a request can ask for %s (feature extension.%s)", feature, feature)
	}
	return Setting{Extensions: inputs, Authenticator: extended}
}

// outputChecks: what an RP asked for comes back, and it must bear that
// (https://www.w3.org/TR/webauthn-3/#reg-ceremony-verify-extension-outputs).
func outputChecks() []*Check {
	protect := map[string]any{"credentialProtectionPolicy": "userVerificationOptionalWithCredentialIDList", "enforceCredentialProtectionPolicy": true}
	var checks []*Check
	for _, x := range []struct {
		name, feature, requirement, why string
		inputs                          map[string]any
		// data is the output's name in the authenticator data, result the one among
		// the client's results.
		data, result string
	}{
		{"cred-protect", "credProtect", "ctap-2/cred-protect/output", "Chrome asks security keys for it by itself; an RP that stumbles over a number in the extension data loses those users.", protect, "credProtect", ""},
		{"cred-blob", "credBlob", "ctap-2/cred-blob/output", "An RP that stores a blob is told whether it was stored, twice over; neither answer may break it.", map[string]any{"credBlob": "dG91Y2hzdG9uZQ"}, "credBlob", ""},
		{"min-pin-length", "minPinLength", "ctap-2/min-pin-length/output", "The answer is in the authenticator data alone: the client has no output for it, and that is no contradiction.", map[string]any{"minPinLength": true}, "minPinLength", ""},
		{"hmac-secret", "hmacCreateSecret", "ctap-2/hmac-secret/output", "Disk encryption and password managers ask for it; the answer sits in the authenticator data that the RP parses.", map[string]any{"hmacCreateSecret": true}, "hmac-secret", ""},
		{"prf", "prf", "webauthn-3/10.1.4/prf", "A page that encrypts with a passkey asks for it; the server gets enabled and must bear it.", map[string]any{"prf": map[string]any{}}, "", "prf"},
		{"large-blob", "largeBlob", "webauthn-3/10.1.5/large-blob", "The client answers whether blobs are supported; a server must bear either answer.", map[string]any{"largeBlob": map[string]any{"support": "preferred"}}, "", "largeBlob"},
	} {
		needs := []string{"extension." + x.feature}
		if x.result != "" {
			needs = append(needs, "extension.outputs")
		}
		checks = append(checks, &Check{
			ID: "registration.extensions." + x.name, Title: x.feature + " is asked for, answered and tolerated",
			Level: Must, Requirements: []string{x.requirement, "webauthn-3/7.1/step-28"}, Why: x.why,
			Needs: needs, Abilities: []client.Ability{client.Extensions, client.AuthenticatorExtensions},
			Story: func(c *Case) {
				s := c.asked(x.feature, x.inputs)
				t := c.Account("alice", extended).Begin(Registration, s, true)
				t.Respond(true)
				r := t.Registration.Response
				if _, ok := r.ClientExtensionResults[x.result]; x.result != "" && !ok || x.data != "" && !bytes.Contains(r.AuthenticatorData, []byte(x.data)) {
					c.NotTestable("option-not-honoured", "the response carries no output of %s: was it in the options?", x.feature)
				}
				c.MustAccept(t.Send(noWire), "a registration with the output of "+x.feature)
			},
		})
	}
	return append(checks, &Check{
		ID: "registration.extensions.cred-protect-lowered", Title: "A protection level below the one enforced is noticed",
		Level: Posture, Requirements: []string{"ctap-2/cred-protect/level"}, Needs: []string{"extension.credProtect", "attestation.none"}, Abilities: []client.Ability{client.Extensions, client.AuthenticatorExtensions, client.Faults, client.NoAttestation},
		Why: "An RP that has a level enforced relies on it: the credential is not to be found, or used, without the user's PIN. Only the authenticator data say what was done.",
		Story: func(c *Case) {
			s := c.asked("credProtect", protect)
			t := c.Account("alice", extended).Begin(Registration, s, false)
			t.Respond(false)
			r := &t.Registration.Response
			two, one := append([]byte("kcredProtect"), 2), append([]byte("kcredProtect"), 1)
			if !bytes.Contains(r.AttestationObject, two) || !bytes.Contains(r.AttestationObject, []byte("\x63fmt\x64none")) {
				c.NotApplicable("fault-not-applicable", "the response is not one without attestation that carries credProtect 2")
			}
			r.AttestationObject, r.AuthenticatorData = bytes.Replace(r.AttestationObject, two, one, 1), bytes.Replace(r.AuthenticatorData, two, one, 1)
			switch o := t.Send(noWire); o.Kind {
			case target.Crashed:
				c.crashed(o, "a registration with credProtect 1 where 2 was enforced")
			case target.Accepted:
				c.Fail("level-lowered", "credProtect 1 was accepted where level 2 was asked for and enforced")
			}
		},
	}, &Check{
		ID: "registration.extensions.cred-props-without-rk", Title: "credProps that does not say whether the credential is discoverable is accepted",
		Level: Must, Requirements: []string{"webauthn-3/10.1.3/rk-unknown", "webauthn-3/7.1/step-28"}, Needs: []string{"extension.credProps", "extension.outputs"}, Abilities: []client.Ability{client.Extensions, client.Faults},
		Why: "rk is left out where the client cannot tell, as with old security keys; an RP that takes that for false, or breaks, turns them away.",
		Story: func(c *Case) {
			s := c.asked("credProps", map[string]any{"credProps": true})
			s.Authenticator = client.AuthenticatorConfig{}
			t := c.Account("alice", client.AuthenticatorConfig{}).Begin(Registration, s, false)
			t.Respond(false)
			if t.Registration.Response.ClientExtensionResults == nil {
				t.Registration.Response.ClientExtensionResults = map[string]json.RawMessage{}
			}
			t.Registration.Response.ClientExtensionResults["credProps"] = json.RawMessage(`{}`)
			c.MustAccept(t.Send(noWire), "a registration whose credProps does not say rk")
		},
	})
}

// appIDChecks are logins where appid was asked for and is abused.
func appIDChecks() []*Check {
	// begin asks for request options that carry appid, for an ordinary credential.
	begin := func(c *Case, a *Account) *Attempt {
		s := c.extensionSetting("appid", c.appID())
		t, o := a.request(s)
		if _, ok := o.Extensions["appid"]; !ok {
			c.NotApplicable("not-sent", "the options carry appid for accounts with a U2F key alone")
		}
		t.Respond(false)
		return t
	}
	needs := []string{"authentication", needHTTPS}
	return []*Check{
		{
			ID: "authentication.extensions.appid-other-hash", Title: "Another hash than RP ID's and AppID's is refused where appid was asked for",
			Level: Must, Requirements: []string{"webauthn-3/10.1.1/appid", "webauthn-3/7.2/step-15"}, Needs: needs, Abilities: []client.Ability{client.Extensions, client.Faults},
			Why: "The extension makes one more hash good, not every one: else each login that asks for it is open to other sites' assertions.",
			Story: func(c *Case) {
				a := c.registered()
				c.need(begin(c, a).Send(noWire), "a login where appid was asked for")
				t := begin(c, a)
				t.Edit(virtualauth.Faults{RPIDHashOther: true})
				c.MustReject(t.Send(noWire), "an authentication with another RP's hash where appid was asked for")
				a.MustBeLoggedOut()
			},
		},
		{
			ID: "authentication.extensions.appid-output-contradicts", Title: "appid true beside the RP ID's hash is refused",
			Level: Should, Requirements: []string{"webauthn-3/10.1.1/appid-output"}, Needs: append([]string{"extension.outputs"}, needs...), Abilities: []client.Ability{client.Extensions, client.Faults},
			Why: "The output says under which name the assertion was made, and the RP must expect that one alone; two stories in one response are no client's.",
			Story: func(c *Case) {
				a := c.registered()
				c.need(begin(c, a).Send(noWire), "a login where appid was asked for")
				t := begin(c, a)
				if t.Assertion.Response.ClientExtensionResults == nil {
					t.Assertion.Response.ClientExtensionResults = map[string]json.RawMessage{}
				}
				t.Assertion.Response.ClientExtensionResults["appid"] = json.RawMessage(`true`)
				c.MustReject(t.Send(noWire), fmt.Sprintf("an authentication that says appid was used, with the hash of %s", c.Target.RPID()))
				a.MustBeLoggedOut()
			},
		},
	}
}
