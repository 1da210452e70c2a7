package suites

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
)

// extendedResident is extended with discoverable credentials, which large blobs need.
var extendedResident = client.AuthenticatorConfig{Transport: "usb", ResidentKeys: true, UserVerification: true, Extensions: true}

// loginOutputChecks are the extensions that an authenticator answers at a login:
// what comes of them reaches the RP in the client extension results, in signed
// extension data, or both, and must not trouble it. And what a page, rather than
// the RP, does with extensions.
func loginOutputChecks() []*Check {
	salt := b64u([]byte("touchstone salt touchstone salt "))
	var out []*Check
	for _, e := range []struct {
		name, title, why string
		// feature is the extension's in the profile; inputs go into the options.
		feature                 string
		registration, assertion map[string]any
	}{
		{"prf", "prf", "Its results are objects with secrets in them; an RP that expects booleans, or stores what it gets, is in for a surprise.",
			"prf", map[string]any{"prf": map[string]any{"eval": map[string]any{"first": salt}}}, map[string]any{"prf": map[string]any{"eval": map[string]any{"first": salt}}}},
		{"large-blob", "largeBlob", "The results are objects, and of a read may be large.",
			"largeBlob", map[string]any{"largeBlob": map[string]any{"support": "preferred"}}, map[string]any{"largeBlob": map[string]any{"read": true}}},
		{"cred-blob", "credBlob", "It comes back in signed extension data and in the client's results.",
			"credBlob", map[string]any{"credBlob": b64u([]byte("touchstone"))}, map[string]any{"getCredBlob": true}},
	} {
		out = append(out, &Check{
			ID: "authentication.extensions." + e.name, Title: "An authentication with the output of " + e.title + " is accepted", Why: e.why,
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-23"}, Needs: []string{"authentication"},
			Abilities: []client.Ability{client.Extensions, client.AuthenticatorExtensions, client.Discoverable},
			Story:     func(c *Case) { c.output(e.feature, e.registration, e.assertion) },
		})
	}
	for _, kind := range []string{Registration, Authentication} {
		requirement, what := "webauthn-3/7.1/step-28", "A registration"
		if kind == Authentication {
			requirement, what = "webauthn-3/7.2/step-23", "An authentication"
		}
		out = append(out, &Check{
			ID: kind + ".extensions.example-injected", Title: what + " with a client output for example.extension.bool is accepted",
			Why:   "Browsers drop what they do not know, so the RP's path for an unknown extension that it asked for runs only when a page, or a browser of tomorrow, answers it.",
			Level: Must, Requirements: []string{requirement}, Needs: []string{kind, "extension.outputs", "extension.unknown-outputs"}, Abilities: []client.Ability{client.Extensions},
			Story: func(c *Case) {
				s := c.extensionSetting(exampleExtension, true)
				a := c.Account("alice", client.AuthenticatorConfig{})
				if kind == Authentication {
					a.Register(Setting{})
				}
				t := a.Begin(kind, s, false)
				if t.extensionInputs()[exampleExtension] == nil {
					c.NotTestable("extension-missing", "the options do not carry %s, which is another check's matter", exampleExtension)
				}
				t.Respond(false)
				results, _ := t.outputs()
				*results = maps.Clone(*results)
				if *results == nil {
					*results = map[string]json.RawMessage{}
				}
				(*results)[exampleExtension] = json.RawMessage("true")
				c.MustAccept(t.Send(noWire), lowerFirst(what)+" with the output of the extension that was asked for")
			},
		})
	}
	return append(out,
		&Check{
			ID: "registration.extensions.app-id-of-stranger", Title: "An AppID of another site, or one that is no URL, does not get into the options",
			Why:   "A browser refuses such options with SecurityError or SyntaxError, so that nobody can register; and the RP has let a caller write its options.",
			Level: Posture, Requirements: []string{"webauthn-3/10.1.2/appid-exclude"}, Needs: []string{"registration", needHTTPS}, Abilities: []client.Ability{client.Extensions},
			Story: func(c *Case) {
				c.Require("extension.appidExclude")
				if c.Target.Feature("extension.appidExclude").Value != "request" {
					c.NotApplicable(reports.ReasonFeature, "a request cannot ask for appidExclude")
				}
				// What a client makes of the options is told only of one that makes something of others.
				c.Account("control", client.AuthenticatorConfig{}).Register(Setting{})
				var found []string
				for _, foreign := range []string{strangerPage + "/app-id.json", "no URL"} {
					a := c.Account(foreign, client.AuthenticatorConfig{})
					cer, err := a.Session.Begin(c.ctx, Registration, Setting{Extensions: map[string]any{"appidExclude": foreign}}.request())
					var se *target.StepError
					switch {
					case errors.As(err, &se):
						if se.Outcome.Kind == target.Crashed {
							c.crashed(&se.Outcome, "a request for an appidExclude of "+foreign)
						}
						continue
					case err != nil:
						c.broken(err)
					}
					t := &Attempt{Ceremony: cer, Account: a}
					var carried string
					if json.Unmarshal(t.extensionInputs()["appidExclude"], &carried) != nil || carried != foreign {
						continue
					}
					outcome := "resolves"
					if ce := t.Create(); ce != nil {
						outcome = "fails with " + ce.Name
					}
					found = append(found, fmt.Sprintf("with appidExclude %q create() %s", foreign, outcome))
				}
				if len(found) > 0 {
					c.Fail("foreign-app-id", "the options carry what the request asked for: %s", strings.Join(found, "; "))
				}
			},
		},
		&Check{
			ID: "authentication.usernameless.conditional", Title: "A passkey that was picked from autofill logs in",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-6.discovered-owner", "webauthn-3/7.2/step-25"},
			Why:   "get() with conditional mediation is how most people use passkeys; its options name nobody and list nothing.",
			Needs: []string{"authentication", "login.usernameless"}, Abilities: []client.Ability{client.Discoverable, client.Conditional},
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				a.Register(c.discoverable())
				t := a.Begin(Authentication, Setting{Usernameless: true}, true)
				page, ok := c.Page().(client.ConditionalSession)
				if !ok {
					c.NotApplicable(reports.ReasonClient, "%s has no conditional mediation", c.lane.client.Name())
				}
				a.select_()
				got, err := page.GetConditional(c.ctx, t.Ceremony.Options)
				if ce := c.clientError("get() with conditional mediation", err); ce != nil {
					c.Fail("client-refused", "get() with conditional mediation failed with %s", ce)
				}
				t.Assertion = got
				c.MustAccept(t.Send(noWire), "an authentication by a passkey from autofill")
			},
		},
	)
}

// output runs a login with the extension's inputs, asked of the RP where the
// dialect can carry them, else added by the page, as the RP's own script may do.
func (c *Case) output(feature string, registration, inputs map[string]any) {
	asked := c.Target.Feature("extension."+feature).Value == "request"
	begin := func(a *Account, kind string, inputs map[string]any) *Attempt {
		var s Setting
		if asked {
			s.Extensions = inputs
		}
		t := a.Begin(kind, s, false)
		have := t.extensionInputs()
		for name, v := range inputs {
			if have[name] != nil {
				continue
			}
			asked = false // it was not taken up, so that the output comes unasked
			raw, err := json.Marshal(v)
			if err != nil {
				c.broken(err)
			}
			have[name] = raw
		}
		return t.withOptions(map[string]any{"extensions": have})
	}
	a := c.Account("alice", extendedResident)
	t := begin(a, Registration, registration)
	t.Respond(false)
	if o := t.Send(noWire); o.Kind != target.Accepted {
		c.NotTestable(reports.ReasonSetup, "a registration with the output of %s was refused (%s), which is another check's matter", feature, answer(o))
	}
	asked = c.Target.Feature("extension."+feature).Value == "request"
	t = begin(a, Authentication, inputs)
	t.Respond(false)
	if !t.answered() {
		c.NotApplicable(reports.ReasonClient, "%s answers %s with nothing that an RP could see", c.lane.client.Name(), feature)
	}
	o := t.Send(noWire)
	if asked {
		c.MustAccept(o, "a response with the output of "+feature+", which the RP asked for,")
		return
	}
	switch o.Kind {
	case target.Crashed:
		c.crashed(o, "a response with the output of "+feature)
	case target.Rejected:
		// Outputs that nobody asked for may be refused (https://www.w3.org/TR/webauthn-3/#sctn-extensions).
		c.Note("the output of %s, which the page asked for by itself, was refused (%s)", feature, answer(o))
	}
}

// extensionInputs are the client extension inputs of the attempt's options.
func (t *Attempt) extensionInputs() map[string]json.RawMessage {
	var o struct {
		Extensions map[string]json.RawMessage `json:"extensions"`
	}
	if json.Unmarshal(t.Ceremony.Options, &o) != nil || o.Extensions == nil {
		return map[string]json.RawMessage{}
	}
	return o.Extensions
}

// answered says whether the response shows anything of an extension.
func (t *Attempt) answered() bool {
	results, data := t.outputs()
	return len(*results) > 0 || len(data) > 32 && data[32]&0x80 != 0
}

// outputs are the client extension results and the authenticator data of the response.
func (t *Attempt) outputs() (results *map[string]json.RawMessage, authenticatorData []byte) {
	if t.Registration != nil {
		return &t.Registration.Response.ClientExtensionResults, t.Registration.Response.AuthenticatorData
	}
	return &t.Assertion.Response.ClientExtensionResults, t.Assertion.Response.AuthenticatorData
}
