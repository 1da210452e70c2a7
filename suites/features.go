package suites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// featureProbe tries whether the RP has a feature: it returns where it works
// and fails the case where the RP refuses. What it cannot tell ends the case
// in another way, and then nothing is said.
type featureProbe struct {
	feature string
	try     func(*Case)
}

// featureProbes are the features that show in a ceremony or two.
func featureProbes() []featureProbe {
	plain := client.AuthenticatorConfig{}
	missing := func(c *Case, what string) { c.Fail("missing", "the options do not carry %s", what) }
	// answered are the options for a request, or the case's end.
	answered := func(c *Case, a *Account, kind string, r target.Request) json.RawMessage {
		cer, err := a.Session.Begin(c.ctx, kind, r)
		var se *target.StepError
		switch {
		case errors.As(err, &se):
			c.MustAccept(&se.Outcome, "a request for "+kind+" options")
		case err != nil:
			c.NotTestable("feature", "%v", err)
		}
		return cer.Options
	}
	selected := func(member string) func(json.RawMessage) string {
		return func(options json.RawMessage) string {
			var o struct {
				AuthenticatorSelection map[string]any `json:"authenticatorSelection"`
			}
			_ = json.Unmarshal(options, &o) // what does not decode has no such member
			return fmt.Sprint(o.AuthenticatorSelection[member])
		}
	}
	// honoured asks for one value and then for another: a constant is no answer.
	honoured := func(feature string, ask func(value string) target.Request, read func(json.RawMessage) string, values ...string) featureProbe {
		return featureProbe{feature, func(c *Case) {
			for _, v := range values {
				if got := read(answered(c, c.Account(v, plain), Registration, ask(v))); got != v {
					missing(c, fmt.Sprintf("what was asked for, %s, but %s", v, got))
				}
			}
		}}
	}
	extension := func(feature, name string, value any) featureProbe {
		return featureProbe{"extension." + feature, func(c *Case) {
			var o creation
			options := answered(c, c.Account("alice", plain), Registration, target.Request{Extensions: map[string]any{name: value}})
			if json.Unmarshal(options, &o) != nil || o.Extensions[name] == nil {
				missing(c, "the extension "+name+", which was asked for")
			}
		}}
	}
	format := func(name string, cfg client.AuthenticatorConfig) featureProbe {
		return featureProbe{"attestation." + name, func(c *Case) {
			if name != "none" && name != "packed-self" {
				c.requireTrust()
			}
			a := c.Account("alice", cfg)
			cer, err := a.Session.Begin(c.ctx, Registration, target.Request{Attestation: map[bool]string{true: "none", false: "direct"}[name == "none"]})
			if err != nil {
				c.NotTestable("feature", "%v", err)
			}
			t := &Attempt{Ceremony: cer, Account: a}
			if name == "none" || name == "fido-u2f" {
				t = t.withOptions(map[string]any{"attestation": map[bool]string{true: "none", false: "direct"}[name == "none"]})
			}
			t.Respond(false)
			c.MustAccept(t.Send(noWire), "a registration with attestation "+name)
		}}
	}
	formatOf := func(name string) featureProbe { return format(name, client.AuthenticatorConfig{Format: name}) }
	return []featureProbe{
		format("none", plain), format("packed-self", client.AuthenticatorConfig{SelfAttestation: true}), format("fido-u2f", u2fAuthenticator),
		formatOf(virtualauth.FormatPacked), formatOf(virtualauth.FormatTPM), formatOf(virtualauth.FormatAndroidKey),
		formatOf(virtualauth.FormatAndroidSafetyNet), formatOf(virtualauth.FormatApple), formatOf(virtualauth.FormatCompound),
		honoured("request.attestation", func(v string) target.Request { return target.Request{Attestation: v} }, func(options json.RawMessage) string {
			o := struct {
				Attestation string `json:"attestation"`
			}{"none"}
			_ = json.Unmarshal(options, &o) // what does not decode has no such member
			return o.Attestation
		}, "direct", "none"),
		honoured("request.user-verification", func(v string) target.Request { return target.Request{UserVerification: v} }, selected("userVerification"), "required", "discouraged"),
		honoured("request.resident-key", func(v string) target.Request { return target.Request{ResidentKey: v} }, selected("residentKey"), "required", "discouraged"),
		honoured("request.attachment", func(v string) target.Request { return target.Request{AuthenticatorAttachment: v} }, selected("authenticatorAttachment"), "platform", "cross-platform"),
		extension("credProps", "credProps", true), extension("prf", "prf", map[string]any{}), extension("largeBlob", "largeBlob", map[string]any{"support": "preferred"}),
		extension("credProtect", "credentialProtectionPolicy", "userVerificationOptionalWithCredentialIDList"),
		extension("minPinLength", "minPinLength", true), extension("hmacCreateSecret", "hmacCreateSecret", true), extension("credBlob", "credBlob", "dG91Y2hzdG9uZQ"),
		{"credentials.several", func(c *Case) {
			a := c.Account("alice", plain)
			a.Register(Setting{})
			a.PlugAnother(plain)
			t := a.Begin(Registration, Setting{}, true)
			t.Respond(false)
			c.MustAccept(t.Send(noWire), "the registration of a second authenticator")
		}},
		{"exclude-list", func(c *Case) {
			a := c.Account("alice", plain)
			id := b64u(a.Register(Setting{}).Registration.Response.RawID)
			_, o := a.creation(Setting{})
			if !slices.ContainsFunc(o.ExcludeCredentials, func(d descriptor) bool { return d.ID == id }) {
				missing(c, "the account's credential in excludeCredentials")
			}
		}},
		{"allow-list", func(c *Case) {
			a := c.Account("alice", plain)
			id := b64u(a.Register(Setting{}).Registration.Response.RawID)
			_, o := a.request(Setting{})
			if !slices.ContainsFunc(o.AllowCredentials, func(d descriptor) bool { return d.ID == id }) {
				missing(c, "the account's credential in allowCredentials")
			}
		}},
		{"login.usernameless", func(c *Case) {
			a := c.Account("alice", plain)
			a.Register(c.discoverable())
			answered(c, a, Authentication, target.Request{Usernameless: true})
			t := a.Begin(Authentication, Setting{Usernameless: true}, true)
			var o request
			c.readOptions(t, &o)
			if len(o.AllowCredentials) > 0 {
				c.Fail("named", "options for a login without a user name list credentials")
			}
			t.Respond(false)
			c.MustAccept(t.Send(noWire), "an authentication without a user name")
		}},
		{"session-probe", func(c *Case) {
			a := c.Account("alice", plain)
			a.Register(Setting{})
			a.LogIn(Setting{})
			login, err := a.Session.Probe(c.ctx)
			if err != nil {
				c.broken(err)
			}
			if login != target.LoggedIn {
				c.Fail("probe", "after a login that was accepted the session probe says %s", login)
			}
		}},
	}
}

// probeFeatures tries what the profile says of the features that checks of this
// lane go by, and puts into the report where the RP does otherwise: a feature
// declared absent hides checks, one declared present makes them red.
func (l *lane) probeFeatures(ctx context.Context, checks []*Check) {
	if !l.client.Carries(client.Direct) {
		return // one client tells it for all
	}
	gone := map[string]bool{}
	for _, c := range checks {
		for _, need := range c.needs() {
			name, _, _ := strings.Cut(strings.TrimPrefix(need, "!"), "=")
			gone[name] = true
		}
	}
	for _, p := range featureProbes() {
		f := l.target.Feature(p.feature)
		if ctx.Err() != nil || !gone[p.feature] || f.Absent == "" && !f.Declared || f.Value != "" && f.Value != "true" && f.Value != "request" {
			continue
		}
		c := l.newCase(ctx, &Check{ID: "features." + p.feature + ".probe", Level: Must}, "feature/"+p.feature)
		j := c.judge(func() { p.try(c) })
		c.close()
		d := reports.FeatureFinding{Target: l.target.Name(), Feature: p.feature}
		switch {
		case f.Absent != "" && j.verdict == reports.Pass:
			d.Declared, d.Found = "absent: "+f.Absent, "works"
			d.Message = fmt.Sprintf("%s: the profile declares %s absent (%s), and it works: checks that need it were not run", l.target.Name(), p.feature, f.Absent)
		case f.Declared && j.verdict == reports.Fail && j.reason != reports.ReasonCrash && j.reason != reports.ReasonTimeout:
			d.Declared, d.Found = "present", "refused: "+j.message
			d.Message = fmt.Sprintf("%s: the profile declares %s, and the RP does not do it: %s", l.target.Name(), p.feature, j.message)
		default:
			continue
		}
		l.run.disagree(d)
	}
}

func (r *run) disagree(d reports.FeatureFinding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Features = append(r.report.Features, d)
	r.report.Notes = append(r.report.Notes, d.Message)
}
