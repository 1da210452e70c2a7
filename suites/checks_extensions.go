package suites

import (
	"encoding/json"
	"errors"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

var errWrongAuthenticator = errors.New("the client answered with another credential than it was told to")

const exampleExtension = "example.extension.bool"

// u2fAuthenticator speaks U2F only.
var u2fAuthenticator = client.AuthenticatorConfig{U2F: true, Transport: "usb"}

// u2fKey gives the account a U2F credential under the RP's AppID, as one that
// was registered before WebAuthn: through the dialect's own U2F registration
// where there is one; else by a WebAuthn registration of a U2F authenticator
// whose credential is then filed under the AppID, which is where the U2F API
// would have put it. It returns the key handle.
func (a *Account) u2fKey() []byte {
	c := a.c
	appID := c.appID()
	if c.Target.Feature("u2f-registration").Declared {
		cer, err := a.Session.Begin(c.ctx, U2FRegistration, Setting{}.request())
		if err != nil {
			c.setupFailed("asking for a U2F challenge", err)
		}
		var o struct {
			Challenge string `json:"challenge"`
		}
		if err := json.Unmarshal(cer.Options, &o); err != nil || o.Challenge == "" {
			c.NotTestable("malformed-options", "the U2F challenge is not there")
		}
		key, err := virtualauth.New(virtualauth.Config{Seed: append([]byte("u2f"), c.seed...), Protocol: virtualauth.U2F})
		if err != nil {
			c.broken(err)
		}
		registrationData, clientData, err := key.RegisterU2F(appID, c.Target.Origin(), o.Challenge)
		if err != nil {
			c.broken(err)
		}
		credential, err := json.Marshal(map[string]string{"registrationData": b64u(registrationData), "clientData": b64u(clientData), "version": "U2F_V2"})
		if err != nil {
			c.broken(err)
		}
		t := &Attempt{Ceremony: cer, Account: a}
		c.need(t.SendAs(cer, credential, noWire), "a U2F registration")
		made := key.Credentials()[0]
		a.put(client.Credential{ID: made.ID, RPID: appID, PrivateKey: made.PrivateKey, SignCount: made.SignCount})
		return made.ID
	}
	t := a.Begin(Registration, Setting{Authenticator: u2fAuthenticator}, false)
	t.Respond(false)
	c.need(t.Send(noWire), "the registration of a U2F authenticator")
	cred := t.Registration.Credential
	if cred == nil {
		c.NotTestable("client-cannot", "%s does not give the private key of a credential", c.lane.client.Name())
	}
	moved := *cred
	moved.RPID, moved.Resident, moved.UserHandle = appID, false, nil
	if err := a.Authenticator().Remove(c.ctx, cred.ID); err != nil {
		c.broken(err)
	}
	a.put(moved)
	return cred.ID
}

func (a *Account) put(cred client.Credential) {
	if err := a.Authenticator().Import(a.c.ctx, cred); err != nil {
		a.c.broken(err)
	}
}

func extensionChecks() []*Check {
	u2f := []client.Ability{client.U2F, client.Import, client.Extensions, client.Faults}
	return []*Check{
		{
			ID: "registration.extensions.appid-exclude-carried", Title: "appidExclude is in the options as the dialect defines it",
			Level: Must, Requirements: []string{"webauthn-3/10.1.2/appid-exclude", "fortanix/appid-exclude-for-u2f"},
			Why:   "Without it a key that was registered through U2F can be registered once more.",
			Needs: []string{needHTTPS}, Abilities: []client.Ability{client.Direct, client.U2F, client.Import},
			Story: func(c *Case) {
				s := c.extensionSetting("appidExclude", c.appID())
				a := c.Account("alice", u2fAuthenticator)
				if s.Extensions == nil { // the account's own U2F keys bring it
					_, before := a.creation(Setting{})
					if _, ok := before.Extensions["appidExclude"]; ok {
						c.Note("appidExclude is sent although the account has no U2F key")
					}
					a.u2fKey()
				}
				_, o := a.creation(s)
				c.extensionIs(o.Extensions, "appidExclude", c.appID())
			},
		},
		{
			ID: "registration.extensions.appid-exclude-stops-client", Title: "A U2F key under the AppID cannot be registered again",
			Level: Must, Requirements: []string{"webauthn-3/10.1.2/appid-exclude", "webauthn-3/5.4/exclude-credentials"},
			Why:   "The client looks for the listed key handles under the AppID and stops with InvalidStateError.",
			Needs: []string{"exclude-list", "credentials.several", needHTTPS}, Abilities: u2f,
			Story: func(c *Case) {
				s := c.extensionSetting("appidExclude", c.appID())
				a := c.Account("alice", u2fAuthenticator)
				handle := a.u2fKey()
				t, o := a.creation(s)
				c.listed("excludeCredentials", o.ExcludeCredentials, handle)
				if ce := t.Create(); ce == nil {
					c.Fail("not-excluded", "create() made a second credential on an authenticator that holds an excluded U2F key")
				} else if ce.Name != "InvalidStateError" {
					c.Fail("not-excluded", "create() failed with %s, not InvalidStateError", ce)
				}
				// The twin: an authenticator without the key is not stopped.
				a.PlugAnother(client.AuthenticatorConfig{})
				t, _ = a.creation(s)
				t.Respond(true)
			},
		},
		{
			ID: "authentication.extensions.appid-carried", Title: "appid is in the options as the dialect defines it",
			Level: Must, Requirements: []string{"webauthn-3/10.1.1/appid-input"},
			Why:   "Without it keys from the time of U2F can no longer log in.",
			Needs: []string{"authentication", needHTTPS}, Abilities: []client.Ability{client.U2F, client.Import},
			Story: func(c *Case) {
				s := c.extensionSetting("appid", c.appID())
				a := c.Account("alice", u2fAuthenticator)
				a.u2fKey()
				_, o := a.request(s)
				c.extensionIs(o.Extensions, "appid", c.appID())
			},
		},
		{
			ID: "authentication.extensions.appid-login", Title: "A U2F key logs in under the AppID",
			Level: Must, Requirements: []string{"webauthn-3/10.1.1/appid", "webauthn-3/7.2/step-15"},
			Why:   "Where appid was requested the RP must take the AppID's hash for its own.",
			Needs: []string{"authentication", needHTTPS}, Abilities: u2f,
			Story: func(c *Case) {
				s := c.extensionSetting("appid", c.appID())
				a := c.Account("alice", u2fAuthenticator)
				a.u2fKey()
				t := a.Begin(Authentication, s, true)
				t.Respond(true)
				if string(t.Assertion.Response.ClientExtensionResults["appid"]) != "true" {
					c.NotTestable("client", "the client did not report appid as used")
				}
				o := t.Send(noWire)
				if o.Kind == target.Rejected && !c.Target.Feature("u2f-registration").Declared {
					// The record was made through WebAuthn, since the dialect has no other way; an
					// RP that keeps track of which keys are from the time of U2F may refuse it.
					c.Note("a key that was registered through WebAuthn was refused under the AppID (%s)", answer(o))
					return
				}
				c.MustAccept(o, "an authentication with a U2F key under the AppID that was asked for")
			},
		},
		{
			ID: "registration.extensions.example-carried", Title: "example.extension.bool is in the creation options as the dialect defines it",
			Level: Should, Requirements: []string{"fido-server-api/extension-echo", "fortanix/example-extension"}, Abilities: direct,
			Why: "The dialect's documents have it so that a harness can see extensions travel from request to options.",
			Story: func(c *Case) {
				s := c.extensionSetting(exampleExtension, true)
				_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(s)
				c.extensionIs(o.Extensions, exampleExtension, true)
			},
		},
		{
			ID: "authentication.extensions.example-carried", Title: "example.extension.bool is in the request options as the dialect defines it",
			Level: Should, Requirements: []string{"fido-server-api/extension-echo", "fortanix/example-extension"}, Abilities: direct,
			Why:   "The dialect's documents have it so that a harness can see extensions travel from request to options.",
			Needs: []string{"authentication"},
			Story: func(c *Case) {
				s := c.extensionSetting(exampleExtension, true)
				_, o := c.registered().request(s)
				c.extensionIs(o.Extensions, exampleExtension, true)
			},
		},
		{
			ID: "registration.extensions.example-stays-behind", Title: "example.extension.bool does not reach the response, and the RP bears that",
			Level: Must, Requirements: []string{"webauthn-3/9/unknown-inputs", "webauthn-3/7.1/step-28", "webauthn-3/7.1/step-4"},
			Why:       "A browser drops extensions it does not know; an RP that insists on an output refuses every browser.",
			Abilities: []client.Ability{client.Extensions},
			Story: func(c *Case) {
				s := c.extensionSetting(exampleExtension, true)
				a := c.Account("alice", client.AuthenticatorConfig{})
				t := a.Begin(Registration, s, true)
				t.Respond(true)
				if raw, ok := t.Registration.Response.ClientExtensionResults[exampleExtension]; ok {
					c.Fail("client-kept-unknown-extension", "the client answered %s = %s, which no browser would", exampleExtension, raw)
				}
				c.MustAccept(t.Send(noWire), "a registration whose client dropped the unknown extension")
			},
		},
		{
			ID: "authentication.extensions.example-stays-behind", Title: "example.extension.bool does not reach the assertion, and the RP bears that",
			Level: Must, Requirements: []string{"webauthn-3/9/unknown-inputs", "webauthn-3/7.2/step-23", "webauthn-3/7.2/step-4"},
			Why:   "A browser drops extensions it does not know; an RP that insists on an output refuses every browser.",
			Needs: []string{"authentication"}, Abilities: []client.Ability{client.Extensions},
			Story: func(c *Case) {
				s := c.extensionSetting(exampleExtension, true)
				a := c.registered()
				t := a.Begin(Authentication, s, true)
				t.Respond(true)
				if raw, ok := t.Assertion.Response.ClientExtensionResults[exampleExtension]; ok {
					c.Fail("client-kept-unknown-extension", "the client answered %s = %s, which no browser would", exampleExtension, raw)
				}
				c.MustAccept(t.Send(noWire), "an authentication whose client dropped the unknown extension")
			},
		},
		{
			ID: "registration.extensions.cred-props", Title: "credProps is asked for, answered and tolerated",
			Level: Must, Requirements: []string{"webauthn-3/10.1.3/cred-props", "webauthn-3/7.1/step-28"},
			Why:   "Most browsers answer it; an RP that asked must bear the answer.",
			Needs: []string{"extension.outputs"}, Abilities: []client.Ability{client.Extensions},
			Story: func(c *Case) {
				s := c.extensionSetting("credProps", true)
				a := c.Account("alice", client.AuthenticatorConfig{})
				t := a.Begin(Registration, s, true)
				t.Respond(true)
				c.MustAccept(t.Send(noWire), "a registration with the output of credProps")
			},
		},
		{
			ID: "registration.exclude-list.stops-client", Title: "The same authenticator cannot be registered twice",
			Level: Should, Requirements: []string{"webauthn-3/5.4/exclude-credentials"},
			Why:   "The client finds its own credential in excludeCredentials and stops with InvalidStateError.",
			Needs: []string{"exclude-list"}, Abilities: []client.Ability{client.ExcludeList},
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				first := a.Register(Setting{}).Registration.Response.RawID
				t, o := a.creation(Setting{})
				c.listed("excludeCredentials", o.ExcludeCredentials, first)
				if ce := t.Create(); ce == nil {
					c.Fail("not-excluded", "create() made a second credential on an authenticator that holds an excluded one")
				} else if ce.Name != "InvalidStateError" {
					c.Fail("not-excluded", "create() failed with %s, not InvalidStateError", ce)
				}
				a.PlugAnother(client.AuthenticatorConfig{})
				t, _ = a.creation(Setting{})
				t.Respond(true)
			},
		},
	}
}

// listed ends the case unless the list names the credential.
func (c *Case) listed(member string, list []descriptor, id []byte) {
	for _, d := range list {
		if d.ID == b64u(id) {
			return
		}
	}
	c.Fail("wrong-list", "%s does not list credential %s, which this account has", member, b64u(id))
}
