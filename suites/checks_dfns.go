package suites

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
)

// dfnsChecks are about Dfns: the challenge of each kind of credential, keys, and
// the user actions under which credentials change.
func dfnsChecks() []*Check {
	dfns := func(id, title string, level Level, requirement, why string, story func(*Case)) *Check {
		return &Check{ID: "dfns." + id, Title: title, Level: level, Requirements: []string{"dfns/" + requirement},
			Dialects: []string{"dfns*"}, Abilities: direct, Why: why, Story: story}
	}
	plain := func(c *Case) *Account { return c.Account("alice", client.AuthenticatorConfig{}) }
	// passkey is an account with a passkey, whose change a user action is signed for.
	passkey := func(c *Case) *Account {
		a := plain(c)
		a.Register(Setting{})
		if a.Session.Captured("credentialUuid") == nil {
			c.NotTestable("no-uuid", "the registered credential has no credentialUuid")
		}
		return a
	}
	// action is a check that signs for the deactivation of a passkey with one deviation.
	action := func(id, title, requirement, why, step string, how func(a *Account) target.Alteration, what string) *Check {
		return dfns("user-action."+id, title, Must, requirement, why, func(c *Case) {
			a := passkey(c)
			p := a.performAltered("deactivate", step, how(a))
			c.MustReject(&p.Outcome, what)
			q := a.perform("deactivate")
			c.need(&q.Outcome, "the same change under its own user action")
		})
	}
	signed := func(member, value string) func(*Account) target.Alteration {
		return func(*Account) target.Alteration { return target.Alteration{Edit: setMember(member, value)} }
	}
	unsigned := map[string]string{"X-Dfns-Useraction": ""}
	return []*Check{
		dfns("options.members", "The challenge of a passkey has all members that clients read", Must, "members",
			"A client that maps a missing excludeCredentials throws a TypeError before the user sees anything.",
			func(c *Case) {
				var o map[string]json.RawMessage
				c.wire(&o)
				for _, m := range []string{"kind", "user", "challengeIdentifier", "challenge", "authenticatorSelection", "attestation", "excludeCredentials"} {
					if len(o[m]) == 0 || string(o[m]) == "null" {
						c.Fail("missing-member", "%s is missing", m)
					}
				}
				if string(o["kind"]) != `"Fido2"` {
					c.Fail("other-kind", "kind is %s for a request of Fido2", o["kind"])
				}
			}),
		dfns("options.rp", "The challenges have rp", Should, "rp",
			"It is deprecated, and the vendor's older browser client and its Swift client cannot do without.",
			func(c *Case) {
				var o struct {
					RP *struct{ ID, Name string }
				}
				c.wire(&o)
				if o.RP == nil || o.RP.ID == "" {
					c.Fail("missing-member", "rp.id is missing")
				}
			}),
		dfns("options.temporary-token", "temporaryAuthenticationToken stands beside challengeIdentifier and says the same", Should, "temporary-token",
			"The vendor's web components still complete with the deprecated one.",
			func(c *Case) {
				if c.Target.Dialect() == "dfns-old-page" {
					c.NotApplicable("old-page", "the older page has no temporaryAuthenticationToken")
				}
				var o struct{ ChallengeIdentifier, TemporaryAuthenticationToken string }
				c.wire(&o)
				if o.TemporaryAuthenticationToken == "" {
					c.Fail("missing-member", "temporaryAuthenticationToken is missing")
				}
				if o.TemporaryAuthenticationToken != o.ChallengeIdentifier {
					c.Note("temporaryAuthenticationToken and challengeIdentifier differ")
				}
			}),
		dfns("options.user-id-is-text", "user.id is text, whose UTF-8 bytes are the user handle", Must, "user-id-text",
			"Clients never decode it: an RP that sends base64url meets another user handle at the login.",
			func(c *Case) {
				a := passkey(c)
				t := a.Begin(Registration, Setting{}, true)
				var o struct{ User struct{ ID string } }
				if json.Unmarshal(t.Ceremony.Wire, &o) != nil || o.User.ID == "" {
					c.Fail("missing-member", "user.id is missing or no text")
				}
				l := a.Begin(Authentication, Setting{}, false)
				l.Respond(false)
				handle := l.Assertion.Response.UserHandle
				if len(handle) == 0 {
					c.NotTestable("no-user-handle", "the authenticator returned no user handle")
				}
				if string(handle) != o.User.ID {
					c.Fail("not-text", "the user handle is %q, user.id is %q", handle, o.User.ID)
				}
				c.MustAccept(l.Send(noWire), "a login whose user handle is the text of user.id")
				if !strings.HasPrefix(o.User.ID, "us-") {
					c.Note("user.id is %q, not of the form us-… of the documents", o.User.ID)
				}
			}),
		dfns("options.exclude-ids", "excludeCredentials names credential ids, in base64url", Must, "exclude-ids",
			"The page's example has the API's own identifier, cr-…, there; decoded it is junk that excludes nothing.",
			func(c *Case) {
				c.Require("exclude-list")
				a := plain(c)
				first := a.Register(Setting{})
				t := a.Begin(Registration, Setting{}, true)
				var o struct {
					ExcludeCredentials []struct{ Type, ID string }
				}
				if json.Unmarshal(t.Ceremony.Wire, &o) != nil {
					c.Fail("malformed-options", "excludeCredentials is not of the documented shape")
				}
				id := b64u(first.Registration.Response.RawID)
				var ids []string
				for _, e := range o.ExcludeCredentials {
					ids = append(ids, e.ID)
				}
				if !slices.Contains(ids, id) {
					c.Fail("other-ids", "excludeCredentials has the ids %q and not %s of the registered passkey", ids, id)
				}
			}),
		dfns("options.exclude-transports", "transports of excludeCredentials are a list if anything", Should, "exclude-transports",
			"The older page has one string; a browser's dictionary wants a sequence and throws.",
			func(c *Case) {
				if c.Target.Dialect() == "dfns-old-page" {
					c.NotApplicable("old-page", "the older page has transports as one string")
				}
				a := plain(c)
				a.Register(Setting{})
				t := a.Begin(Registration, Setting{}, true)
				var o struct {
					ExcludeCredentials []struct{ Transports json.RawMessage }
				}
				_ = json.Unmarshal(t.Ceremony.Wire, &o) // another check judges the rest
				for i, e := range o.ExcludeCredentials {
					var list []string
					if e.Transports != nil && json.Unmarshal(e.Transports, &list) != nil {
						c.Fail("not-a-list", "excludeCredentials[%d].transports is %s, not a list", i, e.Transports)
					}
				}
			}),
		dfns("kinds.challenge-members", "The challenge of a key has no members of a passkey's", Must, "kinds",
			"Clients tell the kinds apart by kind and take the members that it has.",
			func(c *Case) {
				if c.Target.Dialect() == "dfns-old-page" {
					c.NotApplicable("old-page", "the older page has the challenge of a passkey only")
				}
				a := plain(c)
				for _, kind := range []string{"Key", "PasswordProtectedKey", "RecoveryKey"} {
					p := a.performAltered("challenge", "challenge", target.Alteration{Edit: setMember("kind", kind)})
					c.MustAccept(&p.Outcome, "a challenge for a "+kind)
					var o map[string]json.RawMessage
					c.object(p, &o)
					if string(o["kind"]) != `"`+kind+`"` {
						c.Fail("other-kind", "kind is %s for a request of %s", o["kind"], kind)
					}
					for _, m := range []string{"challenge", "challengeIdentifier", "user", "attestation", "pubKeyCredParams"} {
						if o[m] == nil {
							c.Fail("missing-member", "%s is missing from the challenge of a %s", m, kind)
						}
					}
					for _, m := range []string{"authenticatorSelection", "excludeCredentials", "otpUrl"} {
						if o[m] != nil {
							c.Fail("foreign-member", "the challenge of a %s has %s", kind, m)
						}
					}
				}
			}),
		dfns("kinds.unknown", "A kind of credential that there is not is refused", Must, "unknown-kind",
			"An RP that guesses makes a credential that nobody asked for.",
			func(c *Case) {
				a := plain(c)
				a.performNeeded("challenge")
				for _, kind := range []string{"Passkey", "fido2", ""} {
					p := a.performAltered("challenge", "challenge", target.Alteration{Edit: setMember("kind", kind)})
					c.MustReject(&p.Outcome, "a challenge for the kind "+kind)
				}
				for _, kind := range []string{"Password", "Totp"} {
					if p := a.performAltered("challenge", "challenge", target.Alteration{Edit: setMember("kind", kind)}); p.Kind == target.Accepted {
						c.Note("served: the deprecated kind %s", kind)
					}
				}
			}),
		dfns("key.registered-logs-in", "A key is registered and logs in", Must, "key-signature",
			"A key signs for machines as a passkey does for people.",
			func(c *Case) {
				a := plain(c)
				p := a.perform("key-credential")
				c.MustAccept(&p.Outcome, "the registration of an Ed25519 key")
				p = a.perform("key-login")
				c.MustAccept(&p.Outcome, "a login with that key")
				p = a.performAltered("key-login", "login", target.Alteration{Edit: editMember("firstFactor/credentialAssertion/signature", flipped)})
				c.MustReject(&p.Outcome, "a login with a key whose signature does not verify")
			}),
		dfns("key.attestation-signature", "A key whose own signature does not verify is refused", Must, "key-signature",
			"The signature shows that whoever registers the key has it.",
			func(c *Case) {
				a := plain(c)
				p := a.performAltered("key-credential", "create", target.Alteration{Edit: editMember("credentialInfo/attestationData", brokenKeySignature)})
				c.MustReject(&p.Outcome, "a key whose signature does not verify")
				q := a.perform("key-credential")
				c.need(&q.Outcome, "the same key with its signature")
			}),
		dfns("key.other-challenge", "A key that signed another challenge is refused", Must, "key-signature",
			"Otherwise an old registration is played again.",
			func(c *Case) {
				a := plain(c)
				a.performNeeded("challenge")
				other := a.Session.Captured("otherIdentifier")
				p := a.performAltered("key-credential", "create", target.Alteration{Edit: setMember("challengeIdentifier", other)})
				c.MustReject(&p.Outcome, "a key that signed another challenge than the one it answers")
				q := a.perform("key-credential")
				c.need(&q.Outcome, "the same key with its own challenge")
			}),
		dfns("key.client-data-as-sent", "Client data of a key are taken as they were sent", Must, "key-client-data",
			"The documents have four members in the order of the alphabet, the vendor's clients two or three in another: an RP that writes them anew before it hashes refuses one or the other.",
			func(c *Case) {
				a := plain(c)
				p := a.perform("key-login-page-form")
				c.MustAccept(&p.Outcome, "a login with the client data of the documents")
			}),
		dfns("key.protected-needs-private-key", "A PasswordProtectedKey comes with its encrypted private key", Must, "encrypted-private-key",
			"Without it the user has a credential that nobody can use.",
			func(c *Case) {
				a := plain(c)
				p := a.performAltered("password-protected-key", "create", target.Alteration{Edit: dropMember("encryptedPrivateKey")})
				c.MustReject(&p.Outcome, "a PasswordProtectedKey without encryptedPrivateKey")
				q := a.perform("password-protected-key")
				c.MustAccept(&q.Outcome, "a PasswordProtectedKey with encryptedPrivateKey")
			}),
		dfns("key.recovery-logs-in-nobody", "A RecoveryKey is registered, and is no factor of a login", Must, "recovery-key",
			"It is kept for the day when all else is lost, and often on paper.",
			func(c *Case) {
				a := plain(c)
				q := a.perform("recovery-key")
				c.MustAccept(&q.Outcome, "the registration of a RecoveryKey")
				p := a.perform("recovery-login")
				c.MustReject(&p.Outcome, "a login with a RecoveryKey")
			}),
		dfns("user-action.missing", "A change without a user action is refused", Must, "user-action",
			"A stolen bearer token must not be enough to change who may log in.",
			func(c *Case) {
				a := passkey(c)
				p := a.performAltered("deactivate", "change", target.Alteration{Header: unsigned})
				c.MustReject(&p.Outcome, "a deactivation without a user action")
				p = a.performAltered("deactivate", "change", target.Alteration{Header: map[string]string{"X-Dfns-Useraction": "touchstone"}})
				c.MustReject(&p.Outcome, "a deactivation with a made-up user action")
				q := a.perform("deactivate")
				c.need(&q.Outcome, "the same change under its user action")
			}),
		dfns("user-action.missing-for-passkey", "A passkey is not added without a user action", Must, "user-action",
			"Adding a credential is how an account is taken over.",
			func(c *Case) {
				a := plain(c)
				t := a.Begin(Registration, Setting{}, false)
				t.Respond(false)
				c.MustReject(t.sendAltered("result", target.Alteration{Header: unsigned}), "a passkey added without a user action")
				a.Register(Setting{})
			}),
		dfns("user-action.reused", "A user action serves once", Must, "user-action-once",
			"Whoever saw the token otherwise does it again.",
			func(c *Case) {
				a := passkey(c)
				p := a.perform("deactivate")
				c.MustAccept(&p.Outcome, "a deactivation under a user action")
				a.Session.Alter("action-init", target.Alteration{Skip: true})
				a.Session.Alter("action", target.Alteration{Skip: true})
				p = a.perform("deactivate")
				c.MustReject(&p.Outcome, "the same deactivation under the same user action")
			}),
		action("other-path", "A user action serves the path that was signed for", "user-action-bound",
			"A user who signs for one thing must not have signed for another.", "action-init",
			signed("userActionHttpPath", "/auth/credentials/activate"), "a deactivation under a user action for another path"),
		action("other-method", "A user action serves the method that was signed for", "user-action-bound",
			"The same path means another thing under another method.", "action-init",
			signed("userActionHttpMethod", "POST"), "a deactivation under a user action for another method"),
		action("other-body", "A user action serves the body that was signed for", "user-action-bound",
			"A user who signs for one credential must not have signed for another.", "action-init",
			signed("userActionPayload", `{"credentialUuid":"cr-touch-stone-0000000000000000"}`), "a deactivation under a user action for another body"),
		action("broken-signature", "A user action whose signature does not verify is refused", "key-signature",
			"The signature is what a user action is.", "action",
			func(*Account) target.Alteration {
				return target.Alteration{Edit: editMember("firstFactor/credentialAssertion/signature", flipped)}
			}, "a user action whose signature does not verify"),
		action("other-challenge", "A user action that signed another challenge is refused", "key-signature",
			"The challenge is what ties the signature to the request.", "action",
			func(a *Account) target.Alteration {
				a.performNeeded("begin-action")
				return target.Alteration{Edit: setMember("challengeIdentifier", a.Session.Captured("otherIdentifier"))}
			}, "a user action that signed another challenge"),
		dfns("user-action.other-user", "A user action serves the user who signed for it", Must, "user-action-bound",
			"Otherwise anyone signs for anyone.",
			func(c *Case) {
				alice, bob := passkey(c), c.Account("bob", client.AuthenticatorConfig{})
				payload, err := json.Marshal(map[string]any{"credentialUuid": alice.Session.Captured("credentialUuid")})
				if err != nil {
					c.broken(err)
				}
				p := bob.performAltered("sign-action", "action-init", target.Alteration{Edit: setMember("userActionPayload", string(payload))})
				c.need(&p.Outcome, "a user action by another user")
				token, _ := bob.Session.Captured("userAction").(string)
				alice.Session.Alter("action-init", target.Alteration{Skip: true})
				alice.Session.Alter("action", target.Alteration{Skip: true})
				p = alice.performAltered("deactivate", "change", target.Alteration{Header: map[string]string{"X-Dfns-Useraction": token}})
				c.MustReject(&p.Outcome, "a deactivation under another user's user action")
				alice.Session.Alter("action-init", target.Alteration{})
				alice.Session.Alter("action", target.Alteration{})
				q := alice.perform("deactivate")
				c.need(&q.Outcome, "the same under the user's own")
			}),
		dfns("user-action.signed-by-passkey", "A passkey signs for a user action", Must, "user-action",
			"People have passkeys; keys are for machines.",
			func(c *Case) {
				a := passkey(c)
				c.requireProcedure("passkey-action")
				t := a.Begin("passkey-action", Setting{}, true)
				t.Respond(true)
				c.MustAccept(t.Send(noWire), "a user action signed by a passkey")
				a.Session.Alter("action-init", target.Alteration{Skip: true})
				a.Session.Alter("action", target.Alteration{Skip: true})
				p := a.perform("deactivate")
				c.MustAccept(&p.Outcome, "a deactivation under that user action")
			}),
		dfns("credentials.deactivated", "A deactivated passkey logs nobody in", Must, "inactive",
			"It is deactivated because its authenticator was lost.",
			func(c *Case) {
				a := passkey(c)
				a.LogIn(Setting{})
				// The options come first: an RP that leaves the passkey out of them is asked all the same.
				t := a.Begin(Authentication, Setting{}, false)
				t.Respond(false)
				p := a.perform("deactivate")
				c.MustAccept(&p.Outcome, "a deactivation")
				c.MustReject(t.Send(noWire), "a login with a deactivated passkey")
			}),
		dfns("credentials.listed", "Credentials are listed with what the documents name", Must, "members",
			"Without credentialUuid nothing can be deactivated.",
			func(c *Case) {
				a := passkey(c)
				p := a.perform("list")
				c.MustAccept(&p.Outcome, "the list of credentials")
				var o struct {
					Items []struct {
						Kind, CredentialID, CredentialUUID string
						IsActive                           bool
					}
				}
				c.object(p, &o)
				uuid, _ := a.Session.Captured("credentialUuid").(string)
				for _, e := range o.Items {
					if e.CredentialUUID == uuid && e.Kind == "Fido2" && e.IsActive && e.CredentialID != "" {
						return
					}
				}
				c.Fail("not-listed", "the new passkey %s is not listed as an active Fido2", uuid)
			}),
		dfns("code.adds-one-passkey", "A code adds one passkey", Must, "code",
			"A code is shown on one screen for another device, where others may see it.",
			func(c *Case) {
				a := plain(c)
				a.performNeeded("code")
				c.requireProcedure("code-registration")
				// Both challenges come before the code is spent, so that only the code's use is in question.
				t, u := a.Begin("code-registration", Setting{}, true), a.Begin("code-registration", Setting{}, false)
				t.Respond(true)
				c.MustAccept(t.Send(noWire), "a passkey added by code")
				a.PlugAnother(client.AuthenticatorConfig{})
				u.Respond(false)
				c.MustReject(u.Send(noWire), "a second passkey added by the same code")
			}),
		dfns("code.lives-a-minute", "A code that would live longer than a minute is refused", Should, "code",
			"The document has a minute at most.",
			func(c *Case) {
				a := plain(c)
				p := a.performAltered("code", "code", target.Alteration{Edit: setMember("expiration", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))})
				c.MustReject(&p.Outcome, "a code that expires in an hour")
				a.performNeeded("code")
			}),
		overHTTP(dfns("answers.status-200", "A new credential is answered with 200", Must, "status-200",
			"The vendor's clients take 202 for a pending policy and throw.",
			func(c *Case) {
				a := plain(c)
				t := a.Begin(Registration, Setting{}, true)
				t.Respond(true)
				if o := t.Send(noWire); o.Status != 200 {
					c.Fail("other-status", "a new passkey was answered with HTTP %d", o.Status)
				}
			})),
		dfns("errors.json", "A refusal is JSON with error.message", Must, "json-errors",
			"The vendor's clients parse every refusal as JSON: text surfaces as a parse error, not as what went wrong.",
			func(c *Case) {
				a := plain(c)
				for what, p := range map[string]*target.Performance{
					"a kind that there is not":  a.performAltered("challenge", "challenge", target.Alteration{Edit: setMember("kind", "Passkey")}),
					"a body that is no JSON":    a.performAltered("challenge", "challenge", target.Alteration{Raw: []byte("{")}),
					"a request without a token": a.performAltered("challenge", "challenge", target.Alteration{Header: map[string]string{"Authorization": ""}}),
				} {
					c.MustReject(&p.Outcome, what)
					var o struct {
						Error   struct{ Message string }
						Message string
					}
					if json.Unmarshal(p.Body, &o) != nil || o.Error.Message == "" && o.Message == "" {
						c.Fail("no-message", "%s was refused with the body %.100q, which has no error.message", what, p.Body)
					}
				}
			}),
	}
}

// flipped is a base64url text with a bit of its last whole byte flipped.
func flipped(old any) (any, bool) {
	text, _ := old.(string)
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return old, true
	}
	b[len(b)-1] ^= 1
	return base64.RawURLEncoding.EncodeToString(b), true
}

// brokenKeySignature flips a bit of the signature in a key's attestation data.
func brokenKeySignature(old any) (any, bool) {
	text, _ := old.(string)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	var o struct {
		PublicKey string `json:"publicKey"`
		Signature string `json:"signature"`
	}
	if err != nil || json.Unmarshal(raw, &o) != nil {
		return old, true
	}
	sig, err := hex.DecodeString(o.Signature)
	if err != nil || len(sig) == 0 {
		return old, true
	}
	sig[len(sig)-1] ^= 1
	o.Signature = hex.EncodeToString(sig)
	if raw, err = json.Marshal(o); err != nil {
		return old, true
	}
	return base64.RawURLEncoding.EncodeToString(raw), true
}
