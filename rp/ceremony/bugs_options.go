package ceremony

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// optionBugs issue options that are wrong, or not those that were asked for.
// What is wrong with the options' JSON is beside the JSON, in package rp.
func optionBugs() []deviation {
	bug := func(name, title, severity, requirement string, records ...string) Bug {
		return Bug{Name: name, Title: title, Class: "options", Requirement: requirement, Severity: severity, ModelledOn: records}
	}
	also := func(b Bug, requirements ...string) Bug { b.Also = requirements; return b }
	creation := func(b Bug, f func(*state, *pending, *CreationOptions)) deviation {
		return deviation{Bug: b, hooks: inCreation(f)}
	}
	request := func(b Bug, f func(*state, *pending, AuthenticationRequest, *RequestOptions)) deviation {
		return deviation{Bug: b, hooks: inRequest(f)}
	}
	everyone := func(s *state) []Descriptor {
		var all []*Credential
		for _, id := range s.order {
			all = append(all, s.credentials[id])
		}
		return descriptors(all)
	}
	const (
		exclude = "webauthn-3/5.4/exclude-credentials"
		allow   = "webauthn-3/5.5/allow-credentials"
		same    = "webauthn-3/14.6.2/enumeration"
		select_ = "webauthn-3/7.1/step-1"
	)
	return []deviation{
		creation(bug("rp-id-of-www", "names a subdomain of its own for rp.id", "high", "webauthn-3/5.4.2/rp-id"), func(s *state, _ *pending, o *CreationOptions) { o.RPID = "www." + o.RPID }),
		creation(bug("rp-id-is-origin", "writes its origin for rp.id", "high", "webauthn-3/5.4.2/rp-id"), func(s *state, _ *pending, o *CreationOptions) { o.RPID = s.config.Origins[0] }),
		request(bug("request-rp-id-wrong", "names another RP ID at login than at registration", "high", "webauthn-3/5.5/rp-id"), func(_ *state, _ *pending, _ AuthenticationRequest, o *RequestOptions) { o.RPID = "login." + o.RPID }),
		creation(bug("user-id-is-name", "takes the user's name for user.id", "medium", "webauthn-3/14.6.1/user-id-private"), func(_ *state, _ *pending, o *CreationOptions) { o.User.Handle = []byte(o.User.Name) }),
		creation(bug("user-id-changes", "issues another user.id at every registration", "high", "webauthn-3/5.4.3/user-id-stable"), func(s *state, p *pending, o *CreationOptions) { o.User.Handle = bytes.Clone(p.challenge) }),
		creation(bug("user-id-constant", "issues one user.id for all accounts", "high", "webauthn-3/5.4.3/user-id-distinct"), func(_ *state, _ *pending, o *CreationOptions) { o.User.Handle = []byte("user") }),
		creation(bug("user-id-empty", "issues an empty user.id", "high", "webauthn-3/5.4.3/user-id-size"), func(_ *state, _ *pending, o *CreationOptions) { o.User.Handle = nil }),
		creation(bug("user-id-too-long", "issues a user.id of 96 bytes", "high", "webauthn-3/5.4.3/user-id-size"), func(_ *state, _ *pending, o *CreationOptions) {
			o.User.Handle = append(bytes.Repeat([]byte{7}, 32), o.User.Handle...)
		}),
		{Bug: bug("timeout-in-seconds", "writes the timeout in seconds", "medium", "webauthn-3/5.4/timeout"), hooks: func() hooks {
			return hooks{
				created:   func(_ *state, _ *pending, o *CreationOptions) { o.Timeout /= 1000 },
				requested: func(_ *state, _ *pending, _ AuthenticationRequest, o *RequestOptions) { o.Timeout /= 1000 },
			}
		}},
		{Bug: bug("timeout-of-days", "gives the user a week", "low", "webauthn-3/5.4/timeout"), hooks: func() hooks {
			return hooks{
				created:   func(_ *state, _ *pending, o *CreationOptions) { o.Timeout = 7 * 24 * time.Hour },
				requested: func(_ *state, _ *pending, _ AuthenticationRequest, o *RequestOptions) { o.Timeout = 7 * 24 * time.Hour },
			}
		}},
		creation(bug("exclude-list-missing", "excludes none of the account's credentials", "medium", exclude, "CVE-2026-8830"), func(_ *state, _ *pending, o *CreationOptions) { o.ExcludeCredentials = nil }).and("fido-server/exclude-list"),
		creation(bug("exclude-list-of-everyone", "excludes the credentials of all accounts", "high", exclude), func(s *state, _ *pending, o *CreationOptions) { o.ExcludeCredentials = everyone(s) }),
		creation(bug("exclude-list-first-only", "excludes only the account's first credential", "low", exclude), func(_ *state, _ *pending, o *CreationOptions) {
			o.ExcludeCredentials = o.ExcludeCredentials[:min(1, len(o.ExcludeCredentials))]
		}),
		creation(bug("exclude-list-without-transports", "drops the transports of excluded credentials", "low", "webauthn-3/5.8.3/descriptor-transports"), func(_ *state, _ *pending, o *CreationOptions) {
			for i := range o.ExcludeCredentials {
				o.ExcludeCredentials[i].Transports = nil
			}
		}),
		creation(bug("attestation-dropped", "asks for no attestation, whatever was wanted", "medium", "webauthn-3/7.1/step-1"), func(_ *state, _ *pending, o *CreationOptions) { o.Attestation = "none" }),
		creation(bug("verification-dropped", "does not pass on that user verification is required", "high", select_, "GHSA-h4fw-6r7f-w494"), func(_ *state, p *pending, o *CreationOptions) {
			if o.Selection != nil {
				o.Selection.UserVerification, p.userVerification = "preferred", "preferred"
			}
		}),
		request(bug("verification-dropped-at-login", "does not pass on that user verification is required to log in", "high", "webauthn-3/7.2/step-1", "GHSA-h4fw-6r7f-w494"), func(_ *state, p *pending, _ AuthenticationRequest, o *RequestOptions) {
			o.UserVerification, p.userVerification = "preferred", "preferred"
		}),
		creation(bug("resident-key-dropped", "does not pass on that a discoverable credential is wanted", "low", "webauthn-3/5.4.6/require-resident-key"), func(_ *state, _ *pending, o *CreationOptions) {
			if o.Selection != nil {
				o.Selection.ResidentKey, o.Selection.RequireResidentKey = "", false
			}
		}),
		creation(bug("es256-not-offered", "does not offer ES256", "medium", "webauthn-3/5.4/recommended-algorithms"), func(_ *state, p *pending, o *CreationOptions) {
			o.Algorithms = slices.DeleteFunc(o.Algorithms, func(a int64) bool { return a == -7 })
			p.algorithms = slices.Clone(o.Algorithms)
		}),
		creation(bug("only-es256-offered", "offers ES256 alone", "low", "webauthn-3/5.4/recommended-algorithms"), func(_ *state, p *pending, o *CreationOptions) {
			o.Algorithms = []int64{-7}
			p.algorithms = slices.Clone(o.Algorithms)
		}),
		creation(bug("algorithms-twice", "offers every algorithm twice", "low", "webauthn-3/5.3/parameters"), func(_ *state, _ *pending, o *CreationOptions) { o.Algorithms = append(o.Algorithms, o.Algorithms...) }),
		creation(bug("twins-offered", "offers the fully specified twins beside the common algorithms", "low", "webauthn-3/5.8.5/fully-specified"), func(_ *state, _ *pending, o *CreationOptions) {
			o.Algorithms = append(o.Algorithms, -9, -19)
		}),
		creation(bug("no-algorithms", "offers no algorithm at all", "high", "webauthn-3/5.3/parameters"), func(_ *state, _ *pending, o *CreationOptions) { o.Algorithms = nil }),
		{Bug: also(bug("extensions-dropped", "does not pass on extension inputs", "medium", "webauthn-3/10.1.1/appid-input"), "fido-server-api/extension-echo", "fortanix/example-extension", "fido-server/extension-echo"), hooks: func() hooks {
			return hooks{
				created:   func(_ *state, _ *pending, o *CreationOptions) { o.Extensions = nil },
				requested: func(_ *state, _ *pending, _ AuthenticationRequest, o *RequestOptions) { o.Extensions = nil },
			}
		}},
		{Bug: also(bug("app-id-is-host", "writes the host for the AppID", "medium", "webauthn-3/10.1.1/appid-input"), "webauthn-3/10.1.2/appid-exclude", "fortanix/appid-exclude-for-u2f"), hooks: func() hooks {
			alter := func(s *state, m map[string]json.RawMessage) {
				for _, name := range []string{"appid", "appidExclude"} {
					if _, ok := m[name]; ok {
						m[name] = json.RawMessage(`"` + s.config.RPID + `"`)
					}
				}
			}
			return hooks{
				created:   func(s *state, _ *pending, o *CreationOptions) { alter(s, o.Extensions) },
				requested: func(s *state, _ *pending, _ AuthenticationRequest, o *RequestOptions) { alter(s, o.Extensions) },
			}
		}},
		request(bug("allow-list-missing", "allows every credential where the user is named", "medium", allow), func(_ *state, p *pending, _ AuthenticationRequest, o *RequestOptions) {
			o.AllowCredentials, p.allow = nil, nil
		}),
		request(bug("allow-list-of-everyone", "allows the credentials of all accounts", "high", allow), func(s *state, _ *pending, _ AuthenticationRequest, o *RequestOptions) {
			o.AllowCredentials = append(o.AllowCredentials, everyone(s)...)
		}),
		request(bug("allow-list-first-only", "allows only the account's first credential", "medium", allow), func(_ *state, p *pending, _ AuthenticationRequest, o *RequestOptions) {
			o.AllowCredentials = o.AllowCredentials[:min(1, len(o.AllowCredentials))]
			p.allow = p.allow[:min(1, len(p.allow))]
		}).and("fido-server/allow-list"),
		request(bug("allow-list-without-transports", "drops the transports of allowed credentials", "low", "webauthn-3/5.8.3/descriptor-transports"), func(_ *state, _ *pending, _ AuthenticationRequest, o *RequestOptions) {
			for i := range o.AllowCredentials {
				o.AllowCredentials[i].Transports = nil
			}
		}),
		request(bug("unknown-user-empty-list", "answers an unknown user with an empty allow list", "medium", same, "CVE-2024-39912", "GHSA-875x-g8p7-5w27"), func(_ *state, p *pending, _ AuthenticationRequest, o *RequestOptions) {
			if p.imaginary {
				o.AllowCredentials = nil
			}
		}),
		request(bug("imaginary-credentials-change", "makes up other credentials for an unknown user each time", "medium", "webauthn-3/14.6.2/imaginary"), func(_ *state, p *pending, _ AuthenticationRequest, o *RequestOptions) {
			if p.imaginary {
				o.AllowCredentials = []Descriptor{{Type: "public-key", ID: bytes.Clone(p.challenge), Transports: []string{"usb"}}}
			}
		}),
		request(bug("imaginary-credentials-shared", "makes up the same credential for every unknown user", "low", "webauthn-3/14.6.2/imaginary"), func(_ *state, p *pending, _ AuthenticationRequest, o *RequestOptions) {
			if p.imaginary {
				o.AllowCredentials = []Descriptor{{Type: "public-key", ID: bytes.Repeat([]byte{0xaa}, 32), Transports: []string{"usb"}}}
			}
		}),
	}
}
