package suites

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
)

// vendorChecks ask what only one vendor's documents ask.
func vendorChecks() []*Check {
	return []*Check{
		{
			ID: "fortanix.options.alg-is-integer", Title: "alg is the integer -7, not the schema's name Es256",
			Level: Must, Requirements: []string{"fortanix/alg-on-the-wire"}, Dialects: []string{"fortanix"}, Abilities: direct,
			Why: "The published schema has the string \"Es256\". A browser turns it into 0 and refuses with NotAllowedError; the vendor's Go client cannot decode it.",
			Story: func(c *Case) {
				var o struct {
					PubKeyCredParams []parameter `json:"pubKeyCredParams"`
				}
				c.wire(&o)
				if len(o.PubKeyCredParams) == 0 {
					c.Fail("no-parameters", "pubKeyCredParams is empty or missing")
				}
				for i, p := range o.PubKeyCredParams {
					if alg, ok := p.alg(); !ok || alg != -7 {
						c.Fail("bad-parameter", "pubKeyCredParams[%d].alg is %s, not -7", i, p.Alg)
					}
				}
			},
		},
		{
			ID: "fortanix.options.entities-flattened", Title: "rp and user have id and displayName beside name",
			Level: Must, Requirements: []string{"fortanix/entities-flattened"}, Dialects: []string{"fortanix"}, Abilities: direct,
			Why: "The published schema nests them below entity, where no browser looks: create() throws for the missing user.id.",
			Story: func(c *Case) {
				var o struct {
					RP, User map[string]any
				}
				c.wire(&o)
				for _, e := range []struct {
					name    string
					entity  map[string]any
					members []string
				}{{"rp", o.RP, []string{"name", "id"}}, {"user", o.User, []string{"name", "id", "displayName"}}} {
					if _, nested := e.entity["entity"]; nested {
						c.Fail("nested", "%s has a member entity", e.name)
					}
					for _, m := range e.members {
						if _, ok := e.entity[m].(string); !ok {
							c.Fail("missing-member", "%s.%s is %v, not a string", e.name, m, e.entity[m])
						}
					}
				}
			},
		},
		{
			ID: "fortanix.options.required-members", Title: "excludeCredentials and attestation are always there",
			Level: Must, Requirements: []string{"fortanix/exclude-required"}, Dialects: []string{"fortanix*"}, Abilities: direct,
			Why: "The document lists them as required, and clients are generated from it.",
			Story: func(c *Case) {
				var o map[string]json.RawMessage
				c.wire(&o)
				for _, m := range []string{"rp", "user", "challenge", "pubKeyCredParams", "excludeCredentials", "attestation"} {
					if _, ok := o[m]; !ok {
						c.Fail("missing-member", "%s is missing", m)
					}
				}
			},
		},
		{
			ID: "dfns.options.pub-key-cred-params", Title: "The list of algorithms is named pubKeyCredParams",
			Level: Must, Requirements: []string{"dfns/pub-key-cred-params"}, Dialects: []string{"dfns", "dfns-decoded"}, Abilities: direct,
			Why: "The older page spells it pubKeyCredParam; the vendor's browser client then passes undefined to create(), which throws.",
			Story: func(c *Case) {
				var o map[string]json.RawMessage
				c.wire(&o)
				if _, ok := o["pubKeyCredParams"]; !ok {
					if _, old := o["pubKeyCredParam"]; old {
						c.Fail("old-name", "the options have pubKeyCredParam, the older page's spelling")
					}
					c.Fail("missing-member", "the options have no pubKeyCredParams")
				}
			},
		},
		{
			ID: "dfns.options.challenge-identifier", Title: "challengeIdentifier and the deprecated temporaryAuthenticationToken are both there",
			Level: Posture, Requirements: []string{"dfns/challenge-encoding"}, Dialects: []string{"dfns*"}, Abilities: direct,
			Why: "Older clients complete with the one, newer ones with the other.",
			Story: func(c *Case) {
				var o map[string]json.RawMessage
				c.wire(&o)
				for _, m := range []string{"challengeIdentifier", "temporaryAuthenticationToken"} {
					if len(o[m]) == 0 {
						c.Fail("missing-member", "%s is missing", m)
					}
				}
			},
		},
		{
			ID: "dfns.challenge.signed-as-text", Title: "A client that signs the challenge's text is accepted",
			Level: Posture, Requirements: []string{"dfns/challenge-encoding"}, Dialects: []string{"dfns*"}, Abilities: []client.Ability{client.Extensions},
			Why: "The vendor's browser client does so: it never decodes the challenge, and the text is base64url encoded once more.",
			Story: func(c *Case) {
				c.dfnsChallenge(func(wire string) string { return base64.RawURLEncoding.EncodeToString([]byte(wire)) }, "the text of the challenge")
			},
		},
		{
			ID: "dfns.challenge.signed-decoded", Title: "A client that signs the decoded challenge is accepted",
			Level: Posture, Requirements: []string{"dfns/challenge-encoding"}, Dialects: []string{"dfns*"}, Abilities: []client.Ability{client.Extensions},
			Why: "The vendor's mobile clients and all examples in its documents do so.",
			Story: func(c *Case) {
				c.dfnsChallenge(func(wire string) string { return wire }, "the decoded challenge")
			},
		},
		{
			ID: "nevis.answers.session-id", Title: "Answers carry status, errorMessage and fido2SessionId",
			Level: Must, Requirements: []string{"nevis/session-id"}, Dialects: []string{"nevis"}, Abilities: direct,
			Why: "Without the id nobody can ask for the state of the ceremony.",
			Story: func(c *Case) {
				var o struct {
					Status         *string `json:"status"`
					ErrorMessage   *string `json:"errorMessage"`
					FIDO2SessionID string  `json:"fido2SessionId"`
				}
				c.wire(&o)
				if o.Status == nil || *o.Status != "ok" {
					c.Fail("missing-member", "status is not \"ok\"")
				}
				if o.ErrorMessage == nil {
					c.Fail("missing-member", "errorMessage is missing")
				}
				if o.FIDO2SessionID == "" {
					c.Fail("missing-member", "fido2SessionId is missing or empty")
				}
			},
		},
		{
			ID: "nevis.options.one-path", Title: "One path serves both ceremonies, told apart by the request",
			Level: Must, Requirements: []string{"nevis/one-path"}, Dialects: []string{"nevis"},
			Why: "The document has registration and authentication options in one place; a server that mixes them up logs nobody in.",
			Story: func(c *Case) {
				a := c.registered()
				for kind, foreign := range map[string][]string{Registration: {"allowCredentials", "rpId"}, Authentication: {"pubKeyCredParams", "user", "rp"}} {
					t := a.Begin(kind, Setting{}, true)
					var o map[string]json.RawMessage
					if err := json.Unmarshal(t.Ceremony.Wire, &o); err != nil {
						c.Fail("malformed-options", "the answer is no JSON object: %v", err)
					}
					for _, m := range foreign {
						if _, ok := o[m]; ok {
							c.Fail("mixed-up", "the %s options have the member %s of the other ceremony", kind, m)
						}
					}
				}
			},
		},
	}
}

// answerChecks hold what an RP answers against the schemas of its dialect.
func answerChecks() []*Check {
	return []*Check{
		{
			ID: "answers.schema.every-step", Title: "Every answer has the members and types that the dialect's documents give it",
			Level: Should, Requirements: []string{"dialects/answer-schemas"}, Needs: []string{target.FeatureHTTP}, Abilities: direct,
			Why: "Clients are generated from those documents: a member that is missing or of another type is an exception in somebody's front end.",
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				a.Register(Setting{})
				if c.Target.Feature(Authentication).Absent == "" {
					a.LogIn(Setting{})
				}
				// A refusal has a schema, too.
				b := c.Account("bob", client.AuthenticatorConfig{})
				t := b.Begin(Registration, Setting{}, false)
				t.Respond(false)
				t.SendAs(t.Ceremony, []byte(`{"id":"dG91Y2hzdG9uZQ","rawId":"dG91Y2hzdG9uZQ","type":"public-key","response":{},"clientExtensionResults":{}}`), noWire)
				for _, name := range c.Target.Profile().Procedures() {
					if _, err := a.Session.Perform(c.ctx, name); err != nil && !errors.Is(err, target.ErrNoCeremony) {
						c.broken(err)
					}
				}
				var off []string
				for _, d := range append(a.Session.Deviations(), b.Session.Deviations()...) {
					off = append(off, fmt.Sprintf("the answer to step %s differs from the schema %s at %q: %s", d.Step, d.Schema, d.Pointer, d.Message))
				}
				slices.Sort(off)
				off = slices.Compact(off)
				if len(off) > 0 {
					for _, text := range off[1:] {
						c.Note("%s", text)
					}
					c.Fail("off-schema", "%s", off[0])
				}
			},
		},
	}
}

// wire asks for creation options and reads them as the RP wrote them.
func (c *Case) wire(into any) {
	t := c.Account("alice", client.AuthenticatorConfig{}).Begin(Registration, Setting{}, true)
	if err := json.Unmarshal(t.Ceremony.Wire, into); err != nil {
		c.Fail("malformed-options", "the answer is not of the documented shape: %v", err)
	}
}

// dfnsChallenge registers with the challenge in one of the two forms that the vendor's clients sign.
func (c *Case) dfnsChallenge(form func(wire string) string, what string) {
	t := c.Account("alice", client.AuthenticatorConfig{}).Begin(Registration, Setting{}, true)
	var o struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(t.Ceremony.Wire, &o); err != nil || o.Challenge == "" {
		c.Fail("malformed-options", "the answer has no challenge")
	}
	t = t.withOptions(map[string]any{"challenge": form(o.Challenge)})
	t.Respond(true)
	c.MustAccept(t.Send(noWire), "a registration that signs "+what)
	c.Note("accepted: a client that signs %s", what)
}
