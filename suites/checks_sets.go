package suites

import (
	"encoding/json"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

const fidoServer = "fido-server/"

// raised are checks of the catalogue that a row of another set than the current
// one speaks of too: in that set they have the level of that row.
var raised = []struct {
	requirement string
	checks      []string
}{
	{fidoServer + "counter", []string{"authentication.counter.does-not-grow", "authentication.counter.stands-still"}},
	{fidoServer + "extension-echo", []string{"registration.extensions.example-carried", "authentication.extensions.example-carried"}},
	{fidoServer + "envelope-id", []string{"registration.envelope.id-missing", "registration.envelope.id-number", "registration.envelope.id-not-base64url"}},
	{fidoServer + "challenge-size", []string{"registration.options.challenge-size", "authentication.options.challenge-size"}},
	{fidoServer + "exclude-list", []string{"registration.options.exclude-list-exact"}},
	{fidoServer + "allow-list", []string{"authentication.options.allow-list-exact"}},
	{fidoServer + "full-chain", []string{"registration.trust-packed.*"}},
	{"webauthn-2/7.1/step-14", []string{"registration.authenticator-data.user-not-present", "registration.authenticator-data.user-verified-but-not-present"}},
	{"webauthn-2/5.8.1/token-binding", []string{"registration.accepted.token-binding", "authentication.accepted.token-binding"}},
}

// raise lets the checks cite the rows by which other sets raise them.
func raise(checks []*Check) {
	for _, r := range raised {
		for _, c := range checks {
			if matches(r.checks, c.ID) {
				c.Requirements = append(append([]string(nil), c.Requirements...), r.requirement)
			}
		}
	}
}

// setChecks are asked in other sets than the current one alone: what they
// demand, Level 3 does not.
func setChecks() []*Check {
	type F = virtualauth.Faults
	var checks []*Check
	for _, ceremony := range []string{Registration, Authentication} {
		base := Check{ID: ceremony + ".client-data", Ceremony: ceremony, Level: Must, Expect: Reject, Requirements: []string{fidoServer + "token-binding"}}
		level2 := map[string]string{Registration: "webauthn-2/7.1/step-10", Authentication: "webauthn-2/7.2/step-14"}[ceremony]
		checks = append(checks, table(base,
			row{name: "token-binding-not-an-object", title: "A tokenBinding that is no object is refused", fault: F{TokenBindingNotObject: true}, why: "Levels 1 and 2 define its shape, and the FIDO tool holds servers to it; Level 3 no longer looks at it."},
			row{name: "token-binding-without-status", title: "A tokenBinding without status is refused", fault: F{TokenBindingNoStatus: true}, why: "Levels 1 and 2 require the member, and the FIDO tool holds servers to it; Level 3 no longer looks at it."},
			row{name: "token-binding-status-unknown", title: "A tokenBinding whose status nobody knows is refused", fault: F{TokenBindingUnknownStatus: true}, why: "The FIDO tool takes the two defined values for the only ones; Level 3 no longer looks at it."},
			row{name: "token-binding-not-negotiated", title: "A tokenBinding of status present is refused on a connection that has none", fault: F{TokenBindingPresent: true}, requirement: level2, why: "By Level 2 the status must match the state of the connection: a response that says present was made on another connection, a middleman's."},
		)...)
		f := "registration"
		if ceremony == Authentication {
			f = "authentication"
		}
		checks = append(checks, &Check{
			ID: f + ".options.challenge-not-too-long", Title: "The challenge is at most 64 bytes long", Level: Must, Requirements: []string{fidoServer + "challenge-size"}, Abilities: direct,
			Why: "The FIDO server API allows 16 to 64 bytes, and clients made for it may keep no more.",
			Story: func(c *Case) {
				if b := c.decode("challenge", c.challengeOf(ceremony)); len(b) > 64 {
					c.Fail("long-challenge", "the challenge has %d bytes", len(b))
				}
			},
		}, &Check{
			ID: f + ".options.rp-id-named", Title: "The options name the RP ID", Level: Must, Requirements: []string{fidoServer + "rp-id"}, Abilities: direct,
			Why: "The FIDO tool has no page whose host could stand for it.",
			Story: func(c *Case) {
				var o struct {
					RP struct {
						ID *string `json:"id"`
					} `json:"rp"`
					RPID *string `json:"rpId"`
				}
				t := c.begun(ceremony)
				if err := json.Unmarshal(t.Ceremony.Options, &o); err != nil {
					c.Fail("malformed-options", "the options are not of the shape of WebAuthn's JSON: %v", err)
				}
				if ceremony == Registration && o.RP.ID == nil || ceremony == Authentication && o.RPID == nil {
					c.Fail("no-rp-id", "the options do not name the RP ID")
				}
			},
		}, &Check{
			ID: f + ".extensions.uvm-not-acted-on", Title: "An answer without uvm is accepted though uvm was asked for", Level: Must, Requirements: []string{"webauthn-2/10.3/uvm"},
			Abilities: []client.Ability{client.Extensions}, Why: "Most clients never supported the extension; an RP that insists on it refuses nearly everybody.",
			Story: func(c *Case) {
				s := c.extensionSetting("uvm", true)
				a := c.Account("alice", client.AuthenticatorConfig{})
				if ceremony == Authentication {
					c.Require(Authentication)
					a.Register(Setting{})
				}
				t := a.Begin(ceremony, s, true)
				t.Respond(true)
				c.MustAccept(t.Send(noWire), "a "+ceremony+" whose client does not support uvm")
			},
		})
	}
	u2f := Check{
		ID: "registration.fido-u2f", Ceremony: Registration, Level: Must, Expect: Reject, Requirements: []string{fidoServer + "u2f-zero-aaguid"},
		Setting: Setting{Attestation: "direct", Authenticator: u2fAuthenticator}, Needs: []string{"attestation.fido-u2f", needTrust},
		Abilities: []client.Ability{client.U2FAttestation, client.AttestationKey},
	}
	packed := statement(virtualauth.FormatPacked, fidoServer+"no-anchor-in-chain")
	packed.Needs = []string{needRefusal}
	expired := statement(virtualauth.FormatPacked, "webauthn-3/7.1/step-24.validity")
	expired.ID, expired.Level, expired.Needs = "registration.trust-packed", Should, []string{needRefusal}
	attestation := Check{ID: "registration.packed-self", Ceremony: Registration, Level: Must, Expect: Reject, Setting: self, Requirements: []string{"webauthn-3/8.2/syntax"}}
	return join(checks,
		table(u2f, row{name: "aaguid-not-zero", title: "fido-u2f attestation with an AAGUID is refused", fault: F{U2FAAGUIDNonZero: true}, why: "U2F has no models, so that an AAGUID in this format was put there by somebody; §8.6 does not look at it."}),
		table(packed, row{name: "chain-includes-anchor", title: "A packed certificate list that carries the trust anchor is refused", fault: F{CertificateAnchorIncluded: true}, why: "The FIDO tool wants x5c to end below the root, which the server has from the metadata."}),
		table(expired, row{name: "intermediate-expired", title: "A packed certificate under an intermediate that has expired is refused", fault: F{CertificateIntermediateExpired: true}, why: "Every certificate of the path has dates, not the first alone; past them nobody answers for the authority's key."}),
		table(attestation, row{name: "x5c-not-an-array", title: "A statement with a certificate outside an array is refused", fault: F{StatementX5CNotArray: true}, why: "What does not fit the syntax must not be repaired by guess, nor be taken for self attestation."}),
		[]*Check{{
			ID: "fido.answers.error-message", Title: "errorMessage is empty beside ok and says something beside failed", Level: Must, Requirements: []string{fidoServer + "error-message"},
			Dialects: []string{"fido"}, Needs: []string{target.FeatureHTTP}, Abilities: []client.Ability{client.Faults},
			Why: "The server API has both members in every answer; the FIDO tool looks at them and not at the status code alone.",
			Story: func(c *Case) {
				t := c.begun(Registration)
				var ok struct {
					Status       *string `json:"status"`
					ErrorMessage *string `json:"errorMessage"`
				}
				if err := json.Unmarshal(t.Ceremony.Wire, &ok); err != nil || ok.Status == nil || *ok.Status != "ok" {
					c.Fail("missing-member", "the options have no status ok")
				}
				if ok.ErrorMessage == nil || *ok.ErrorMessage != "" {
					c.Fail("missing-member", "errorMessage is not there and empty beside status ok")
				}
				t.Respond(false)
				t.Edit(F{ClientDataTypeGet: true})
				o := t.Send(noWire)
				if o.Kind != target.Rejected {
					c.NotTestable(string(o.Kind), "a registration with the wrong client data type was not refused (%s), which is another check's matter", answer(o))
				}
				if o.Message == "" {
					c.Fail("missing-member", "errorMessage says nothing beside status failed")
				}
			},
		}},
	)
}

// begun is a ceremony of the kind, of an account that can have it.
func (c *Case) begun(kind string) *Attempt {
	if kind == Authentication {
		return c.registered().Begin(kind, Setting{}, true)
	}
	return c.Account("alice", client.AuthenticatorConfig{}).Begin(kind, Setting{}, true)
}

// challengeOf is the challenge of a ceremony of the kind, as text.
func (c *Case) challengeOf(kind string) string { return c.begun(kind).challenge() }
