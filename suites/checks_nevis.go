package suites

import (
	"encoding/json"
	"fmt"
	"mime"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// nevisChecks are about nevisFIDO: one path for both ceremonies, the state of a
// ceremony, flat extensions, and the rules of its HTTP services.
func nevisChecks() []*Check {
	nevis := func(id, title string, level Level, requirement, why string, story func(*Case)) *Check {
		return &Check{ID: "nevis." + id, Title: title, Level: level, Requirements: []string{"nevis/" + requirement},
			Dialects: []string{"nevis*"}, Abilities: direct, Why: why, Story: story}
	}
	plain := func(c *Case) *Account { return c.Account("alice", client.AuthenticatorConfig{}) }
	// state is what the status service says of the session's newest ceremony.
	state := func(a *Account) string {
		p := a.perform("status")
		a.c.MustAccept(&p.Outcome, "a request for the state of a ceremony")
		var o struct{ Status string }
		a.c.object(p, &o)
		return o.Status
	}
	is := func(a *Account, when, want string) {
		if got := state(a); got != want {
			a.c.Fail("other-status", "%s the status is %q, want %q", when, got, want)
		}
	}
	header := func(name, value string) target.Alteration {
		return target.Alteration{Header: map[string]string{name: value}}
	}
	// status is a check that a request is answered with one HTTP status.
	status := func(id, title, requirement, why string, want int, how target.Alteration, what string) *Check {
		return overHTTP(nevis(id, title, Must, requirement, why, func(c *Case) {
			a := plain(c)
			a.performNeeded("options")
			p := a.performAltered("options", "ask", how)
			if p.Kind == target.Crashed {
				c.crashed(&p.Outcome, what)
			}
			if p.Status != want {
				c.Fail("other-status", "%s was answered with HTTP %d, want %d", what, p.Status, want)
			}
		}))
	}
	extensions := func(c *Case, kind string, asked map[string]any) map[string]json.RawMessage {
		a := plain(c)
		if kind == Authentication {
			a.Register(Setting{})
		}
		t, o := a.begun(kind, Setting{Extensions: asked})
		c.MustAccept(o, "a request with extensions that the API lists")
		var options struct{ Extensions map[string]json.RawMessage }
		if json.Unmarshal(t.Ceremony.Wire, &options) != nil {
			c.Fail("malformed-options", "extensions is not an object")
		}
		for name := range asked {
			if options.Extensions[name] == nil {
				c.Fail("dropped", "the %s options lack the extension %s that was asked for", kind, name)
			}
		}
		return options.Extensions
	}
	flat := func(id, title, kind string, asked map[string]any) *Check {
		return nevis("extensions."+id, title, Should, "extensions",
			"Inputs stand flat beside each other in requests and options, under the API's own names.",
			func(c *Case) { extensions(c, kind, asked) })
	}
	return []*Check{
		nevis("options.ambiguous-requests", "Ambiguous requests for options are told apart as the examples have it", Posture, "by-content",
			"The documents say that the content decides, and not how: whoever has displayName, attestation or authenticatorSelection registers, anyone else logs in.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				name := a.Session.User().Name
				for _, r := range []struct {
					body map[string]any
					kind string
				}{
					{map[string]any{"username": name}, Authentication},
					{map[string]any{"username": name, "extensions": map[string]any{}}, Authentication},
					{map[string]any{"username": name, "userVerification": "preferred"}, Authentication},
					{map[string]any{"username": name, "displayName": "touchstone", "userVerification": "preferred"}, Registration},
					{map[string]any{"username": name, "displayName": "touchstone", "attestation": "none"}, Registration},
				} {
					p := a.performAltered("options", "ask", target.Alteration{Edit: func(any) any { return r.body }})
					what := fmt.Sprintf("a request with %s", members(r.body))
					if p.Kind == target.Crashed {
						c.crashed(&p.Outcome, what)
					}
					if p.Kind != target.Accepted {
						c.Note("%s was refused (%s)", what, answer(&p.Outcome))
						continue
					}
					if got := ceremonyOf(p.Body); got != r.kind {
						c.Fail("other-ceremony", "%s began a %s; by the examples it begins a %s", what, got, r.kind)
					}
				}
			}),
		nevis("options.username-required", "A request without a username is refused", Must, "username-required",
			"The member is mandatory and may be empty: an RP that fills it in itself begins logins that nobody named.",
			func(c *Case) {
				a := plain(c)
				a.performNeeded("options")
				for what, body := range map[string]any{
					"an empty object":                map[string]any{},
					"a registration without a name":  map[string]any{"displayName": "touchstone"},
					"userVerification and no name":   map[string]any{"userVerification": "required"},
					"a name that is not a text":      map[string]any{"username": 7},
					"a registration of nobody's own": map[string]any{"username": "", "displayName": "touchstone"},
				} {
					p := a.performAltered("options", "ask", target.Alteration{Edit: func(any) any { return body }})
					c.MustReject(&p.Outcome, "a request for options with "+what)
				}
			}),
		nevis("answers.result-session-id", "A result is answered with the ceremony's fido2SessionId", Must, "session-id",
			"Whoever watches the ceremony knows it by this id.",
			func(c *Case) {
				a := plain(c)
				t := a.Begin(Registration, Setting{}, true)
				t.Respond(true)
				c.MustAccept(t.Send(noWire), "a plain registration")
				body, _ := t.Ceremony.Answer()
				var began, ended struct {
					Status         string
					ErrorMessage   *string
					FIDO2SessionID string `json:"fido2SessionId"`
				}
				_ = json.Unmarshal(t.Ceremony.Wire, &began) // another check judges it
				if json.Unmarshal(body, &ended) != nil || ended.Status != "ok" {
					c.Fail("malformed-answer", "the result's status is %q, not ok", ended.Status)
				}
				if ended.FIDO2SessionID == "" || ended.FIDO2SessionID != began.FIDO2SessionID {
					c.Fail("other-id", "the options have fido2SessionId %q, the result %q", began.FIDO2SessionID, ended.FIDO2SessionID)
				}
			}),
		overHTTP(nevis("answers.media-type", "Answers are application/json", Must, "media-type",
			"A front end that goes by the media type takes anything else for an error page.",
			func(c *Case) {
				a := plain(c)
				for _, name := range []string{"options", "status"} {
					p := a.performNeeded(name)
					if media, _, err := mime.ParseMediaType(headerOf(p.Header, "Content-Type")); err != nil || media != "application/json" {
						c.Fail("other-media-type", "the answer's Content-Type is %q", headerOf(p.Header, "Content-Type"))
					}
					a.Begin(Registration, Setting{}, false) // so that there is a ceremony to ask for
				}
			})),
		overHTTP(nevis("answers.failure-status", "A failed ceremony has the HTTP status that the profile declares", Should, "failure-status",
			"The documents have 200 with the status failed, the FIDO server API an error status: whoever watches the one misses the other.",
			func(c *Case) {
				declared := c.Target.Feature("failure-status").Value
				if declared == "" {
					c.NotApplicable(reports.ReasonFeature, "the profile declares no failure-status")
				}
				a := plain(c)
				t := a.Begin(Registration, Setting{}, false)
				t.Respond(false)
				t.Edit(virtualauth.Faults{ClientDataTypeGet: true})
				o := t.Send(noWire)
				c.MustReject(o, "a registration with the wrong client data type")
				if declared == "200" != (o.Status == 200) {
					c.Fail("other-status", "a failed ceremony was answered with HTTP %d; the profile declares %s", o.Status, declared)
				}
				a.Register(Setting{})
			})),
		nevis("status.of-registration", "A ceremony is initialized, then succeeded", Must, "status",
			"The login page asks this service whether to let the user in.",
			func(c *Case) {
				a := plain(c)
				t := a.Begin(Registration, Setting{}, true)
				is(a, "after the options", "initialized")
				t.Respond(true)
				c.MustAccept(t.Send(noWire), "a plain registration")
				is(a, "after the registration", "succeeded")
			}),
		nevis("status.of-failure", "A ceremony that failed is failed", Must, "status",
			"A failed login that the service calls succeeded is a login.",
			func(c *Case) {
				a := plain(c)
				a.Register(Setting{})
				t := a.Begin(Authentication, Setting{}, false)
				is(a, "after the options", "initialized")
				t.Respond(false)
				t.Edit(virtualauth.Faults{SignatureBitFlip: true})
				c.MustReject(t.Send(noWire), "an authentication whose signature does not verify")
				is(a, "after the refusal", "failed")
				a.LogIn(Setting{})
				is(a, "after a login", "succeeded")
			}),
		nevis("status.of-nothing", "A ceremony that never was is unknown", Must, "status",
			"The service must not vouch for what it never saw.",
			func(c *Case) {
				a := plain(c)
				a.Begin(Registration, Setting{}, false)
				is(a, "after the options", "initialized")
				p := a.performAltered("status", "status", target.Alteration{Edit: setMember("fido2SessionId", "00000000-0000-4000-8000-000000000000")})
				if p.Kind == target.Rejected {
					c.Note("refused: the state of a ceremony that never was (%s)", answer(&p.Outcome))
					return
				}
				c.MustAccept(&p.Outcome, "a request for the state of a ceremony that never was")
				var o struct{ Status string }
				c.object(p, &o)
				if o.Status != "unknown" {
					c.Fail("other-status", "the status of a ceremony that never was is %q, want unknown", o.Status)
				}
			}),
		nevis("status.names", "The status service knows the identifier by both names", Posture, "status-names",
			"The reference guide says fido2SessionId, the API document sessionId.",
			func(c *Case) {
				a := plain(c)
				a.Begin(Registration, Setting{}, false)
				a.performNeeded("status")
				p := a.performAltered("status", "status", target.Alteration{Edit: moveMember("fido2SessionId", "sessionId")})
				c.MustAccept(&p.Outcome, "the state of a ceremony asked for by sessionId")
			}),
		overHTTP(nevis("status.malformed", "A status request that is no JSON is answered with 400", Must, "status-malformed",
			"This is the one status besides the header ones that the document lists for the service.",
			func(c *Case) {
				a := plain(c)
				a.Begin(Registration, Setting{}, false)
				a.performNeeded("status")
				p := a.performAltered("status", "status", target.Alteration{Raw: []byte("{")})
				if p.Kind == target.Crashed {
					c.crashed(&p.Outcome, "a status request that is no JSON")
				}
				if p.Status != 400 {
					c.Fail("other-status", "a status request that is no JSON was answered with HTTP %d, want 400", p.Status)
				}
			})),
		nevis("result.extension-results-name", "Extension results are taken under both names", Posture, "extension-results-name",
			"The API document has clientExtensionResults as WebAuthn's JSON does, the FIDO server API getClientExtensionResults.",
			func(c *Case) {
				a := plain(c)
				t := a.Begin(Registration, Setting{}, true)
				t.Respond(true)
				c.MustAccept(t.sendAltered("result", target.Alteration{Edit: moveMember("clientExtensionResults", "getClientExtensionResults")}), "extension results named getClientExtensionResults")
			}),
		flat("cred-protect", "credentialProtectionPolicy and its enforcement are in the options", Registration,
			map[string]any{"credentialProtectionPolicy": "userVerificationRequired", "enforceCredentialProtectionPolicy": true}),
		flat("hmac-create-secret", "hmacCreateSecret is in the creation options", Registration, map[string]any{"hmacCreateSecret": true}),
		flat("hmac-get-secret", "hmacGetSecret is in the request options, with its salts", Authentication,
			map[string]any{"hmacGetSecret": map[string]any{"salt1": strings.Repeat("A", 43), "salt2": strings.Repeat("E", 43)}}),
		flat("cred-props-uvm", "credProps and uvm are in the creation options", Registration, map[string]any{"credProps": true, "uvm": true}),
		nevis("extensions.policy-values", "A credentialProtectionPolicy that there is not is refused", Should, "protection-values",
			"A browser refuses it with a TypeError, and only then does anyone notice.",
			func(c *Case) {
				for _, policy := range []string{"userVerificationOptional", "userVerificationOptionalWithCredentialIDList", "userVerificationRequired"} {
					extensions(c, Registration, map[string]any{"credentialProtectionPolicy": policy})
				}
				a := c.Account("bob", client.AuthenticatorConfig{})
				_, o := a.begun(Registration, Setting{Extensions: map[string]any{"credentialProtectionPolicy": "userVerificationSometimes"}})
				c.MustReject(o, "a credentialProtectionPolicy that there is not")
			}),
		status("http.get", "GET is answered with 405", "methods", "Options asked for by GET are cached and logged with the names of users.", 405, target.Alteration{Method: "GET"}, "GET for options"),
		status("http.put", "PUT is answered with 405", "methods", "The services know POST and OPTIONS.", 405, target.Alteration{Method: "PUT"}, "PUT for options"),
		status("http.accept", "A request that does not accept JSON is answered with 406", "accept", "The document makes the header mandatory.", 406, header("Accept", "text/html"), "a request that accepts text/html only"),
		status("http.content-type", "A body that is not JSON by its label is answered with 415", "content-type", "A form can be posted from any page; JSON cannot, without a preflight.", 415, header("Content-Type", "text/plain"), "a body labelled text/plain"),
		overHTTP(nevis("http.content-type-charset", "application/json is taken with its charset and without", Must, "content-type-charset",
			"The guide has the one, the text of the 415 answer the other.",
			func(c *Case) {
				a := plain(c)
				for _, media := range []string{"application/json", "application/json;charset=UTF-8", "application/json; charset=utf-8"} {
					p := a.performAltered("options", "ask", header("Content-Type", media))
					c.MustAccept(&p.Outcome, "a body labelled "+media)
				}
			})),
		overHTTP(nevis("http.options-method", "OPTIONS is allowed, for preflights", Must, "methods-options",
			"A front end of another origin asks first.",
			func(c *Case) {
				a := plain(c)
				for _, path := range []string{"/attestation/options", "/attestation/result", "/assertion/options", "/assertion/result"} {
					p := a.performAltered("preflight", "preflight", target.Alteration{Method: "OPTIONS", Path: "/nevisfido/fido2" + path,
						Header: map[string]string{"Origin": c.Target.Origin(), "Access-Control-Request-Method": "POST", "Content-Type": ""}})
					c.MustAccept(&p.Outcome, "OPTIONS for "+path)
				}
			})),
	}
}

// ceremonyOf tells the ceremony of options by their members.
func ceremonyOf(options json.RawMessage) string {
	var o map[string]json.RawMessage
	_ = json.Unmarshal(options, &o) // what cannot be read is of neither
	switch {
	case o["pubKeyCredParams"] != nil:
		return Registration
	case o["rpId"] != nil || o["allowCredentials"] != nil:
		return Authentication
	}
	return "neither"
}

// members names an object's members, sorted.
func members(o map[string]any) string {
	var names []string
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
