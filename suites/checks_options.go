package suites

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
)

// direct marks checks that read options and run no ceremony.
var direct = []client.Ability{client.Direct}

func registrationOptions() []*Check {
	return []*Check{
		{
			ID: "registration.options.well-formed", Title: "Creation options have the members and types of the dictionary",
			Level: Must, Requirements: []string{"webauthn-3/5.4/creation-options", "webauthn-3/7.1/step-1", "touchstone/consumable", "webauthn-3/5.4/user-name", "webauthn-3/5.8.7/hints"}, Abilities: direct,
			Why: "A browser's create() throws on a missing or mistyped member, and no user can register.",
			Story: func(c *Case) {
				t, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				c.validateOptions(t)
				if s, ok := o.User.Name.(string); !ok || s == "" {
					c.Fail("malformed-options", "user.name is %v, not a name", o.User.Name)
				}
			},
		},
		{
			ID: "registration.options.binary-is-base64url", Title: "Challenge and user id are base64url without padding",
			Level: Must, Requirements: []string{"webauthn-3/5.1.9/binary-as-base64url"}, Abilities: direct,
			Why: "parseCreationOptionsFromJSON throws EncodingError on padding or the standard alphabet.",
			Story: func(c *Case) {
				_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				c.decode("challenge", o.Challenge)
				c.decode("user.id", o.User.ID)
			},
		},
		{
			ID: "registration.options.challenge-size", Title: "The challenge is at least 16 bytes long",
			Level: Should, Requirements: []string{"webauthn-3/13.4.3/challenge-size"}, Abilities: direct,
			Why: "A short challenge can be guessed, and a response prepared beforehand.",
			Story: func(c *Case) {
				_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				if b := c.decode("challenge", o.Challenge); len(b) < 16 {
					c.Fail("short-challenge", "the challenge has %d bytes", len(b))
				}
			},
		},
		{
			ID: "registration.options.challenges-differ", Title: "Every ceremony has a challenge of its own",
			Level: Must, Requirements: []string{"webauthn-3/13.4.3/challenge-random"}, Abilities: direct,
			Why: "A challenge that comes back lets a recorded response be played again.",
			Story: func(c *Case) {
				seen := map[string]bool{}
				alice, bob := c.Account("alice", client.AuthenticatorConfig{}), c.Account("bob", client.AuthenticatorConfig{})
				for i, a := range []*Account{alice, alice, bob, alice} {
					_, o := a.creation(Setting{})
					if seen[o.Challenge] {
						c.Fail("challenge-repeats", "request %d got a challenge that had been issued before: %s", i+1, o.Challenge)
					}
					seen[o.Challenge] = true
				}
			},
		},
		{
			ID: "registration.options.rp-id", Title: "rp.id is the RP ID",
			Level: Must, Requirements: []string{"webauthn-3/5.4.2/rp-id"}, Abilities: direct,
			Why: "With another rp.id the browser refuses with SecurityError, or scopes the credential elsewhere.",
			Story: func(c *Case) {
				_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				if o.RP.ID == nil {
					c.Note("rp.id is absent, so the RP ID becomes the page's host")
					return
				}
				if *o.RP.ID != c.Target.RPID() {
					c.Fail("wrong-rp-id", "rp.id is %q, the profile says %q", *o.RP.ID, c.Target.RPID())
				}
			},
		},
		{
			ID: "registration.options.user-id-size", Title: "user.id is 1 to 64 bytes long",
			Level: Must, Requirements: []string{"webauthn-3/5.4.3/user-id-size"}, Abilities: direct,
			Why: "A browser throws TypeError on a longer handle.",
			Story: func(c *Case) {
				_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				if n := len(c.decode("user.id", o.User.ID)); n < 1 || n > 64 {
					c.Fail("bad-user-id", "user.id has %d bytes", n)
				}
			},
		},
		{
			ID: "registration.options.user-id-stable", Title: "An account keeps its user.id from one registration to the next",
			Level: Must, Requirements: []string{"webauthn-3/5.4.3/user-id-stable"},
			Why:   "With a new handle each time, one user's passkeys look like different accounts, and a discoverable login cannot name its user.",
			Needs: []string{"credentials.several"},
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				t, first := a.creation(Setting{})
				t.Respond(false)
				c.need(t.Send(noWire), "a plain registration")
				_, second := a.creation(Setting{})
				if first.User.ID != second.User.ID {
					c.Fail("user-id-changes", "user.id was %s at the first registration and %s at the second", first.User.ID, second.User.ID)
				}
			},
		},
		{
			ID: "registration.options.user-id-distinct", Title: "Two accounts have two user.ids",
			Level: Should, Requirements: []string{"webauthn-3/5.4.3/user-id-distinct"}, Abilities: direct,
			Why: "An authenticator overwrites the first account's discoverable credential with the second's.",
			Story: func(c *Case) {
				_, alice := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				_, bob := c.Account("bob", client.AuthenticatorConfig{}).creation(Setting{})
				if alice.User.ID == bob.User.ID {
					c.Fail("user-id-shared", "both accounts have user.id %s", alice.User.ID)
				}
			},
		},
		{
			ID: "registration.options.user-id-private", Title: "user.id does not hold the user's name",
			Level: Must, Requirements: []string{"webauthn-3/14.6.1/user-id-private"}, Abilities: direct,
			Why: "The handle is readable without user verification; a name or mail address in it is given away.",
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				_, o := a.creation(Setting{})
				id := c.decode("user.id", o.User.ID)
				for _, name := range []string{a.Session.User().Name, strings.SplitN(a.Session.User().Name, "@", 2)[0]} {
					if name != "" && bytes.Contains(bytes.ToLower(id), []byte(strings.ToLower(name))) {
						c.Fail("user-id-tells-name", "user.id holds the user name %q", name)
					}
				}
			},
		},
		{
			ID: "registration.options.parameters", Title: "pubKeyCredParams lists public-key entries with integer algorithms",
			Level: Must, Requirements: []string{"webauthn-3/5.3/parameters"}, Abilities: direct,
			Why: "A browser turns a name such as \"ES256\" into 0 and finds no algorithm it knows.",
			Story: func(c *Case) {
				_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				if len(o.PubKeyCredParams) == 0 {
					c.Fail("no-parameters", "pubKeyCredParams is empty or missing")
				}
				for i, p := range o.PubKeyCredParams {
					if string(p.Type) != `"public-key"` {
						c.Fail("bad-parameter", "pubKeyCredParams[%d].type is %s", i, p.Type)
					}
					if _, ok := p.alg(); !ok {
						c.Fail("bad-parameter", "pubKeyCredParams[%d].alg is %s, not an integer", i, p.Alg)
					}
				}
			},
		},
		{
			ID: "registration.options.es256-offered", Title: "ES256 is offered",
			Level: Should, Requirements: []string{"webauthn-3/5.4/recommended-algorithms"}, Abilities: direct,
			Why: "Many authenticators have no other algorithm.",
			Story: func(c *Case) {
				if algs := c.offered(); !slices.Contains(algs, -7) {
					c.Fail("not-offered", "pubKeyCredParams offers %v, without -7", algs)
				}
			},
		},
		{
			ID: "registration.options.recommended-algorithms", Title: "EdDSA, ES256 and RS256 are all offered",
			Level: Posture, Requirements: []string{"webauthn-3/5.4/recommended-algorithms"}, Abilities: direct,
			Why: "Some platforms have RS256 only, some keys EdDSA; an RP that leaves one out leaves users out.",
			Story: func(c *Case) {
				algs := c.offered()
				var missing []string
				for _, want := range []int64{-8, -7, -257} {
					if !slices.Contains(algs, want) {
						missing = append(missing, fmt.Sprint(want))
					}
				}
				if len(missing) > 0 {
					c.Fail("not-offered", "not offered: %s", strings.Join(missing, ", "))
				}
			},
		},
		{
			ID: "registration.options.no-fully-specified-twins", Title: "The fully specified twins of the common algorithms are not offered",
			Level: Should, Requirements: []string{"webauthn-3/5.8.5/fully-specified"}, Abilities: direct,
			Why: "Clients do not know -9, -51, -52 and -19, and the specification advises against offering them.",
			Story: func(c *Case) {
				for _, alg := range c.offered() {
					if alg == -9 || alg == -51 || alg == -52 || alg == -19 {
						c.Fail("offered", "pubKeyCredParams offers %d", alg)
					}
				}
			},
		},
		{
			ID: "registration.options.algorithms-once", Title: "No algorithm is offered twice",
			Level: Posture, Requirements: []string{"webauthn-3/5.3/parameters"}, Abilities: direct,
			Why: "A doubled entry is harmless, and a sign that two lists were joined.",
			Story: func(c *Case) {
				algs := c.offered()
				for i, alg := range algs {
					if slices.Contains(algs[:i], alg) {
						c.Fail("offered-twice", "%d is offered twice", alg)
					}
				}
			},
		},
		{
			ID: "registration.options.timeout", Title: "timeout is a sensible number of milliseconds",
			Level: Should, Requirements: []string{"webauthn-3/5.4/timeout"}, Abilities: direct,
			Why: "Seconds taken for milliseconds leave the user no time at all.",
			Story: func(c *Case) {
				_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				c.timeoutInRange(o.Timeout)
			},
		},
		{
			ID: "registration.options.enumerations", Title: "attestation, residentKey and userVerification have defined values",
			Level: Should, Requirements: []string{"webauthn-3/5.4.7/attestation-values", "webauthn-3/5.8.6/uv-values", "webauthn-3/5.4.5/attachment-values", "webauthn-3/5.4.6/resident-key-values"}, Abilities: direct,
			Why: "A client treats an unknown value as absent, so that a misspelt \"required\" requires nothing.",
			Story: func(c *Case) {
				_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				oneOf := func(member string, v *string, allowed ...string) {
					if v != nil && !slices.Contains(allowed, *v) {
						c.Fail("unknown-value", "%s is %q, not one of %s", member, *v, strings.Join(allowed, ", "))
					}
				}
				oneOf("attestation", o.Attestation, "none", "indirect", "direct", "enterprise")
				if s := o.AuthenticatorSelection; s != nil {
					oneOf("residentKey", s.ResidentKey, "required", "preferred", "discouraged")
					oneOf("userVerification", s.UserVerification, "required", "preferred", "discouraged")
					oneOf("authenticatorAttachment", s.AuthenticatorAttachment, "platform", "cross-platform")
				}
			},
		},
		{
			ID: "registration.options.require-resident-key-agrees", Title: "requireResidentKey is true exactly when residentKey is required",
			Level: Should, Requirements: []string{"webauthn-3/5.4.6/require-resident-key"}, Abilities: direct,
			Why: "Older clients read requireResidentKey only, newer ones residentKey; where they differ, users of one get the wrong kind of credential.",
			Story: func(c *Case) {
				_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				s := o.AuthenticatorSelection
				if s == nil || s.ResidentKey == nil {
					return
				}
				require := s.RequireResidentKey != nil && *s.RequireResidentKey
				if require != (*s.ResidentKey == "required") {
					c.Fail("disagree", "residentKey is %q and requireResidentKey is %v", *s.ResidentKey, require)
				}
			},
		},
		{
			ID: "registration.options.resident-key-asked", Title: "A residentKey that was asked for is in the options, with requireResidentKey to match",
			Level: Should, Requirements: []string{"webauthn-3/5.4.6/require-resident-key"}, Abilities: direct,
			Why:   "Level 1 clients make a discoverable credential only when requireResidentKey says so.",
			Needs: []string{"request.resident-key"},
			Story: func(c *Case) {
				_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{ResidentKey: "required"})
				s := o.AuthenticatorSelection
				if s == nil || s.ResidentKey == nil || *s.ResidentKey != "required" {
					c.Fail("not-honoured", "residentKey required was asked for and is not in the options")
				}
				if s.RequireResidentKey == nil || !*s.RequireResidentKey {
					c.Fail("disagree", "residentKey is required and requireResidentKey is not true")
				}
			},
		},
		{
			ID: "registration.options.attestation-asked", Title: "The attestation conveyance that was asked for is in the options",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-1"}, Abilities: direct,
			Why:   "Without it the client strips the statement, and a policy that needs one refuses everybody.",
			Needs: []string{"request.attestation"},
			Story: func(c *Case) {
				for _, want := range []string{"direct", "none"} {
					_, o := c.Account(want, client.AuthenticatorConfig{}).creation(Setting{Attestation: want})
					got := "none" // the dictionary's default
					if o.Attestation != nil {
						got = *o.Attestation
					}
					if got != want {
						c.Fail("not-honoured", "attestation %q was asked for, the options say %q", want, got)
					}
				}
			},
		},
		{
			ID: "registration.options.user-verification-asked", Title: "The user verification that was asked for is in the options",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-1"}, Abilities: direct,
			Why:   "A demand that does not reach the client is one that honest users fail.",
			Needs: []string{"request.user-verification"},
			Story: func(c *Case) {
				for _, want := range []string{"required", "discouraged"} {
					a := c.Account(want, client.AuthenticatorConfig{})
					cer, err := a.Session.Begin(c.ctx, Registration, Setting{UserVerification: want}.request())
					if err != nil {
						c.setupFailed("asking for creation options", err)
					}
					var o creation
					c.readOptions(&Attempt{Ceremony: cer, Account: a}, &o)
					if s := o.AuthenticatorSelection; s == nil || s.UserVerification == nil || *s.UserVerification != want {
						c.Fail("not-honoured", "userVerification %q was asked for and is not in the options", want)
					}
				}
			},
		},
		{
			ID: "registration.options.exclude-list-empty", Title: "A new account has no credentials to exclude",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-1"}, Abilities: direct,
			Why: "Another account's credential in the list tells strangers which authenticator it has, and keeps its owner from a second account.",
			Story: func(c *Case) {
				_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				c.sameIDs("excludeCredentials", o.ExcludeCredentials)
			},
		},
		{
			ID: "registration.options.exclude-list-exact", Title: "excludeCredentials lists exactly the account's credentials",
			Level: Should, Requirements: []string{"webauthn-3/5.4/exclude-credentials"},
			Why:   "Without the list, an authenticator is registered twice over, and a lost key cannot be told from a second one.",
			Needs: []string{"exclude-list"},
			Story: func(c *Case) {
				bob := c.Account("bob", client.AuthenticatorConfig{})
				bob.Register(Setting{})
				a := c.Account("alice", client.AuthenticatorConfig{})
				first := a.Register(Setting{}).Registration.Response.RawID
				_, o := a.creation(Setting{})
				c.sameIDs("excludeCredentials", o.ExcludeCredentials, first)
				if c.Target.Feature("credentials.several").Absent != "" {
					return
				}
				a.PlugAnother(client.AuthenticatorConfig{})
				second := a.Register(Setting{}).Registration.Response.RawID
				_, o = a.creation(Setting{})
				c.sameIDs("excludeCredentials", o.ExcludeCredentials, first, second)
			},
		},
		{
			ID: "registration.options.exclude-list-transports", Title: "excludeCredentials repeats the transports that were reported",
			Level: Should, Requirements: []string{"webauthn-3/5.8.3/descriptor-transports", "webauthn-3/7.1/step-27.transports"},
			Why:   "Without transports a client does not know which authenticators to ask.",
			Needs: []string{"exclude-list", "member.transports"},
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				t := a.Register(Setting{})
				_, o := a.creation(Setting{})
				c.sameTransports("excludeCredentials", o.ExcludeCredentials, t)
			},
		},
		{
			ID: "registration.options.no-null-members", Title: "Optional members are left out, not null",
			Level: Must, Requirements: []string{"touchstone/consumable"}, Abilities: direct,
			Why: "Web IDL turns null into \"null\" or 0 for members that are not nullable, or throws.",
			Story: func(c *Case) {
				t, _ := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
				if p := nullMember(t.Ceremony.Options, ""); p != "" {
					c.Fail("null-member", "%s is null", p)
				}
			},
		},
	}
}

// offered are the algorithms of a fresh account's creation options, in order.
func (c *Case) offered() []int64 {
	_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
	var algs []int64
	for _, p := range o.PubKeyCredParams {
		if alg, ok := p.alg(); ok {
			algs = append(algs, alg)
		}
	}
	return algs
}

// sameTransports fails the case unless the list's only entry repeats the transports of the registration.
func (c *Case) sameTransports(member string, list []descriptor, t *Attempt) {
	want := slices.Clone(t.Registration.Response.Transports)
	if len(list) != 1 {
		c.NotTestable("wrong-list", "%s has %d entries, so transports cannot be compared", member, len(list))
	}
	var got []string
	if err := json.Unmarshal(list[0].Transports, &got); len(list[0].Transports) > 0 && err != nil {
		c.Fail("bad-transports", "%s[0].transports is %s, not a list", member, list[0].Transports)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		c.Fail("transports-lost", "%s was registered with transports %v and %s says %v", b64u(t.Registration.Response.RawID), want, member, got)
	}
}

// nullMember is the JSON pointer of the first null in a document, or empty.
func nullMember(raw json.RawMessage, at string) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return ""
	}
	return findNull(v, at)
}

func findNull(v any, at string) string {
	switch v := v.(type) {
	case nil:
		return at
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if p := findNull(v[name], at+"/"+name); p != "" {
				return p
			}
		}
	case []any:
		for i, e := range v {
			if p := findNull(e, fmt.Sprintf("%s/%d", at, i)); p != "" {
				return p
			}
		}
	}
	return ""
}

func authenticationOptions() []*Check {
	return []*Check{
		{
			ID: "authentication.options.well-formed", Title: "Request options have the members and types of the dictionary",
			Level: Must, Requirements: []string{"webauthn-3/5.5/request-options", "webauthn-3/7.2/step-1", "touchstone/consumable", "webauthn-3/5.5/hints"},
			Why: "A browser's get() throws on a missing or mistyped member, and no user can log in.",
			Story: func(c *Case) {
				a := c.registered()
				t, o := a.request(Setting{})
				c.validateOptions(t)
				c.decode("challenge", o.Challenge)
			},
		},
		{
			ID: "authentication.options.challenge-size", Title: "The challenge is at least 16 bytes long",
			Level: Should, Requirements: []string{"webauthn-3/13.4.3/challenge-size"},
			Why: "A short challenge can be guessed, and a response prepared beforehand.",
			Story: func(c *Case) {
				_, o := c.registered().request(Setting{})
				if b := c.decode("challenge", o.Challenge); len(b) < 16 {
					c.Fail("short-challenge", "the challenge has %d bytes", len(b))
				}
			},
		},
		{
			ID: "authentication.options.challenges-differ", Title: "Every ceremony has a challenge of its own",
			Level: Must, Requirements: []string{"webauthn-3/13.4.3/challenge-random"},
			Why: "A challenge that comes back lets a recorded login be played again.",
			Story: func(c *Case) {
				a := c.registered()
				seen := map[string]bool{}
				for i := range 3 {
					_, o := a.request(Setting{})
					if seen[o.Challenge] {
						c.Fail("challenge-repeats", "request %d got a challenge that had been issued before: %s", i+1, o.Challenge)
					}
					seen[o.Challenge] = true
				}
			},
		},
		{
			ID: "authentication.options.rp-id", Title: "rpId is the RP ID",
			Level: Must, Requirements: []string{"webauthn-3/5.5/rp-id"},
			Why: "With another rpId the browser refuses with SecurityError, or finds no credential.",
			Story: func(c *Case) {
				_, o := c.registered().request(Setting{})
				if o.RPID == nil {
					c.Note("rpId is absent, so the RP ID becomes the page's host")
					return
				}
				if *o.RPID != c.Target.RPID() {
					c.Fail("wrong-rp-id", "rpId is %q, the profile says %q", *o.RPID, c.Target.RPID())
				}
			},
		},
		{
			ID: "authentication.options.allow-list-exact", Title: "allowCredentials lists exactly the account's credentials",
			Level: Should, Requirements: []string{"webauthn-3/5.5/allow-credentials"},
			Why:   "A credential that is missing cannot log in; one that is another's tells who else is there.",
			Needs: []string{"allow-list"},
			Story: func(c *Case) {
				c.Account("bob", client.AuthenticatorConfig{}).Register(Setting{})
				a := c.Account("alice", client.AuthenticatorConfig{})
				ids := [][]byte{a.Register(Setting{}).Registration.Response.RawID}
				if c.Target.Feature("credentials.several").Absent == "" {
					a.PlugAnother(client.AuthenticatorConfig{})
					ids = append(ids, a.Register(Setting{}).Registration.Response.RawID)
				}
				_, o := a.request(Setting{})
				c.sameIDs("allowCredentials", o.AllowCredentials, ids...)
			},
		},
		{
			ID: "authentication.options.allow-list-transports", Title: "allowCredentials repeats the transports that were reported",
			Level: Should, Requirements: []string{"webauthn-3/5.8.3/descriptor-transports", "webauthn-3/7.1/step-27.transports"},
			Why:   "Without transports a browser shows every way there is, or none.",
			Needs: []string{"allow-list", "member.transports"},
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				t := a.Register(Setting{})
				_, o := a.request(Setting{})
				c.sameTransports("allowCredentials", o.AllowCredentials, t)
			},
		},
		{
			ID: "authentication.options.timeout", Title: "timeout is a sensible number of milliseconds",
			Level: Should, Requirements: []string{"webauthn-3/5.5/timeout"},
			Why: "Seconds taken for milliseconds leave the user no time at all.",
			Story: func(c *Case) {
				_, o := c.registered().request(Setting{})
				c.timeoutInRange(o.Timeout)
			},
		},
		{
			ID: "authentication.options.user-verification-asked", Title: "The user verification that was asked for is in the options",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-1"},
			Why:   "A demand that does not reach the client is one that honest users fail.",
			Needs: []string{"request.user-verification"},
			Story: func(c *Case) {
				a := c.registered()
				for _, want := range []string{"required", "discouraged"} {
					cer, err := a.Session.Begin(c.ctx, Authentication, Setting{UserVerification: want}.request())
					if err != nil {
						c.setupFailed("asking for request options", err)
					}
					var o request
					c.readOptions(&Attempt{Ceremony: cer, Account: a}, &o)
					if o.UserVerification == nil || *o.UserVerification != want {
						c.Fail("not-honoured", "userVerification %q was asked for and is not in the options", want)
					}
				}
			},
		},
		{
			ID: "authentication.options.enumerations", Title: "userVerification has a defined value",
			Level: Should, Requirements: []string{"webauthn-3/5.8.6/uv-values"},
			Why: "A client treats an unknown value as absent, so that a misspelt \"required\" requires nothing.",
			Story: func(c *Case) {
				_, o := c.registered().request(Setting{})
				if v := o.UserVerification; v != nil && *v != "required" && *v != "preferred" && *v != "discouraged" {
					c.Fail("unknown-value", "userVerification is %q", *v)
				}
			},
		},
		{
			ID: "authentication.options.no-null-members", Title: "Optional members are left out, not null",
			Level: Must, Requirements: []string{"touchstone/consumable"},
			Why: "A browser takes rpId null for the host \"null\", and throws on a null allow list.",
			Story: func(c *Case) {
				t, _ := c.registered().request(Setting{})
				if p := nullMember(t.Ceremony.Options, ""); p != "" {
					c.Fail("null-member", "%s is null", p)
				}
			},
		},
		{
			ID: "authentication.options.unknown-user", Title: "Options for an unknown user look like those for a known one",
			Level: Should, Requirements: []string{"webauthn-3/14.6.2/enumeration"},
			Why:   "Whoever can tell the two apart can list the accounts (the class of CVE-2024-39912).",
			Needs: []string{"enumeration"},
			Story: func(c *Case) {
				_, known := c.registered().request(Setting{})
				s := c.Stranger("stranger")
				cer, err := s.Begin(c.ctx, Authentication, Setting{}.request())
				if err != nil {
					c.Fail("user-enumeration", "request options for an unknown user were refused, those for a known one given: %v", err)
				}
				var unknown request
				c.readOptions(&Attempt{Ceremony: cer, Account: &Account{c: c, Session: s}}, &unknown)
				if (len(known.AllowCredentials) > 0) != (len(unknown.AllowCredentials) > 0) {
					c.Fail("user-enumeration", "a known user has %d entries in allowCredentials, an unknown one %d", len(known.AllowCredentials), len(unknown.AllowCredentials))
				}
			},
		},
		{
			ID: "authentication.options.imaginary-stable", Title: "An unknown user gets the same imaginary credentials each time",
			Level: Should, Requirements: []string{"webauthn-3/14.6.2/imaginary"},
			Why:   "Ids that change from one request to the next betray that they are made up.",
			Needs: []string{"enumeration"}, Abilities: direct,
			Story: func(c *Case) {
				var lists [2][]descriptor
				for i := range lists {
					s := c.Stranger("stranger")
					cer, err := s.Begin(c.ctx, Authentication, Setting{}.request())
					if err != nil {
						c.Fail("user-enumeration", "request options for an unknown user were refused: %v", err)
					}
					var o request
					c.readOptions(&Attempt{Ceremony: cer, Account: &Account{c: c, Session: s}}, &o)
					lists[i] = o.AllowCredentials
				}
				if len(lists[0]) != len(lists[1]) {
					c.Fail("imaginary-changes", "allowCredentials had %d entries, then %d", len(lists[0]), len(lists[1]))
				}
				for i := range lists[0] {
					if lists[0][i].ID != lists[1][i].ID {
						c.Fail("imaginary-changes", "allowCredentials[%d].id was %s, then %s", i, lists[0][i].ID, lists[1][i].ID)
					}
				}
			},
		},
	}
}

// registered is an account with one credential.
func (c *Case) registered() *Account {
	c.Require(Authentication)
	a := c.Account("alice", client.AuthenticatorConfig{})
	a.Register(Setting{})
	return a
}
