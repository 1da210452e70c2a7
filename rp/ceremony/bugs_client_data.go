package ceremony

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf16"
)

const (
	exactOrigin    = "webauthn-3/13.4.9/exact"
	matchChallenge = "webauthn-3/13.4.3/challenge-match"
)

// originBugs compare the origin in ways that are not equality
// (https://www.w3.org/TR/webauthn-3/#sctn-validating-origin).
func originBugs() []deviation {
	compare := func(name, title, severity string, equal func(got, want string) bool, records ...string) deviation {
		return deviation{Bug: Bug{Name: name, Title: title, Class: "origin", Requirement: exactOrigin, Severity: severity, ModelledOn: records},
			hooks: both("7.1.9", "7.2.12", func(c *common, check check) error {
				got, ok := c.cd.origin.text()
				for _, want := range c.rp.config.Origins {
					if ok && equal(got, want) {
						return nil
					}
				}
				return check()
			})}
	}
	parts := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			return &url.URL{}
		}
		return u
	}
	host := func(s string) string { return parts(s).Hostname() }
	return []deviation{
		compare("origin-prefix", "takes every origin that begins like its own", "critical", strings.HasPrefix),
		compare("origin-suffix", "takes every origin that ends like its own host", "critical", func(got, want string) bool { return strings.HasSuffix(got, host(want)) }, "fido2-lib#22"),
		compare("origin-contains", "looks for its own origin anywhere in the one that came", "critical", strings.Contains),
		compare("origin-scheme-ignored", "compares host and port of the origin, not the scheme", "high", func(got, want string) bool {
			return parts(got).Host == parts(want).Host && got != "" && parts(got).Host != "" && parts(got).User == nil && parts(got).Path == ""
		}, "CVE-2026-30964", "GHSA-f7pm-6hr8-7ggm"),
		compare("origin-port-ignored", "compares scheme and host of the origin, not the port", "high", func(got, want string) bool {
			g, w := parts(got), parts(want)
			return g.Scheme == w.Scheme && g.Hostname() == w.Hostname() && g.User == nil && g.Path == ""
		}, "CVE-2026-30964", "GHSA-f7pm-6hr8-7ggm"),
		compare("origin-bare-host", "takes the bare host for an origin", "low", func(got, want string) bool { return got == host(want) }),
		compare("origin-case-folded", "compares origins without regard to case", "low", strings.EqualFold),
		compare("origin-path-ignored", "disregards a path behind the origin", "low", func(got, want string) bool { return strings.HasPrefix(got, want+"/") }),
		compare("origin-regexp-dot", "matches origins with a regular expression whose dots are not escaped", "high", func(got, want string) bool {
			re, err := regexp.Compile("^" + want + "$")
			return err == nil && re.MatchString(got)
		}),
		compare("origin-subdomains", "takes the origins of all subdomains", "medium", func(got, want string) bool {
			return strings.HasPrefix(got, "https://") && strings.HasSuffix(host(got), "."+host(want)) && parts(got).User == nil
		}).breaks("webauthn-3/13.4.9/subdomains"),
		compare("origin-parent", "takes the origin of the parent domain", "high", func(got, want string) bool {
			_, parent, ok := strings.Cut(host(want), ".")
			return ok && got == "https://"+parent
		}),
		compare("origin-user-info", "takes what stands before an @ for the host", "critical", func(got, want string) bool {
			return strings.HasPrefix(got, want+"@") || strings.HasPrefix(got, want+":") && strings.Contains(got, "@")
		}),
		compare("origin-opaque", "takes the opaque origin null", "high", func(got, _ string) bool { return got == "null" }),
		compare("origin-trailing-dot", "drops a dot at the end of the host", "low", func(got, want string) bool { return strings.TrimSuffix(got, ".") == want }),
		compare("origin-any-app", "takes the origin of every app", "high", func(got, _ string) bool {
			return strings.HasPrefix(got, "android:") || strings.HasPrefix(got, "ios:")
		}).breaks("webauthn-3/13.4.9/apps"),
		{Bug: Bug{Name: "origin-missing", Title: "asks for the origin only where there is one", Class: "origin", Requirement: exactOrigin, Severity: "high"},
			hooks: both("7.1.9", "7.2.12", func(c *common, check check) error {
				if got, ok := c.cd.origin.text(); !c.cd.origin.present || string(c.cd.origin.raw) == "null" || ok && got == "" {
					return nil
				}
				return check()
			})},
		{Bug: Bug{Name: "origin-any-type", Title: "finds its origin in an array of origins too", Class: "origin", Requirement: exactOrigin, Severity: "medium"},
			hooks: both("7.1.9", "7.2.12", func(c *common, check check) error {
				var list []string
				if json.Unmarshal(c.cd.origin.raw, &list) == nil && len(list) > 0 {
					for _, want := range c.rp.config.Origins {
						if list[0] == want {
							return nil
						}
					}
				}
				return check()
			})},
		{Bug: Bug{Name: "top-origin-ignored", Title: "does not look at topOrigin", Class: "origin", Requirement: "webauthn-3/7.2/step-14.1", Also: []string{"webauthn-3/7.1/step-11.1"}, Severity: "medium", ModelledOn: []string{"w3c/webauthn#2113"}},
			leaveOut: []string{"7.1.11.1", "7.1.11.2", "7.2.14.1", "7.2.14.2"}},
		{Bug: Bug{Name: "framing-ignored", Title: "looks at neither crossOrigin nor topOrigin", Class: "origin", Requirement: "webauthn-3/7.2/step-13", Severity: "medium", ModelledOn: []string{"SimpleWebAuthn#613"}},
			leaveOut: []string{"7.1.10", "7.2.13", "7.1.11.1", "7.1.11.2", "7.2.14.1", "7.2.14.2"}},
	}
}

// expected are client data as they should have been.
func expected(c *common) *clientData {
	text := func(s string) member { return member{true, json.RawMessage(fmt.Sprintf("%q", s))} }
	return &clientData{
		typ:       text(map[Kind]string{Registration: "webauthn.create", Authentication: "webauthn.get"}[c.kind]),
		challenge: text(base64.RawURLEncoding.EncodeToString(c.challenge)), origin: text(c.rp.config.Origins[0]),
	}
}

// clientDataBugs read type and the JSON around it too kindly.
func clientDataBugs() []deviation {
	typed := func(name, title string, equal func(m member, got, want string) bool) deviation {
		return deviation{Bug: Bug{Name: name, Title: title, Class: "client-data", Requirement: "webauthn-3/7.2/step-10", Severity: "medium"},
			hooks: both("7.1.7", "7.2.10", func(c *common, check check) error {
				got, _ := c.cd.typ.text()
				want := map[Kind]string{Registration: "webauthn.create", Authentication: "webauthn.get"}[c.kind]
				if equal(c.cd.typ, got, want) {
					return nil
				}
				return check()
			})}
	}
	readable := func(name, title, severity string, read func(c *common) *clientData) deviation {
		// Before 7.1.6 and 7.2.9, which give up on what is no JSON.
		return deviation{Bug: Bug{Name: name, Title: title, Class: "fail-open", Requirement: "webauthn-3/7.2/step-9", Severity: severity},
			hooks: both("7.1.5", "7.2.8", func(c *common, check check) error {
				if c.cd.notJSON != nil {
					if cd := read(c); cd != nil {
						c.cd = cd
						return nil
					}
				}
				return check()
			})}
	}
	return []deviation{
		typed("type-case-folded", "compares the type without regard to case", func(_ member, got, want string) bool { return strings.EqualFold(got, want) }),
		typed("type-trimmed", "drops white space around the type", func(_ member, got, want string) bool { return strings.TrimSpace(got) == want }),
		typed("type-of-either-ceremony", "takes the type of either ceremony in both", func(_ member, got, _ string) bool { return got == "webauthn.create" || got == "webauthn.get" }),
		typed("type-any-webauthn", "takes every type that begins with webauthn", func(_ member, got, _ string) bool { return strings.HasPrefix(got, "webauthn.") }),
		typed("type-payment", "takes the type of a payment", func(_ member, got, _ string) bool { return got == "payment.get" }),
		typed("type-missing", "asks for the type only where there is one", func(m member, got, _ string) bool {
			return !m.present || string(m.raw) == "null" || string(m.raw) == `""`
		}),
		{Bug: Bug{Name: "member-names-case-folded", Title: "reads members of the client data whatever their case", Class: "client-data", Requirement: "webauthn-3/7.2/step-9", Severity: "low"},
			hooks: both("7.1.6.duplicates", "7.2.9.duplicates", func(c *common, check check) error {
				var members map[string]json.RawMessage
				if json.Unmarshal(bytes.TrimPrefix(c.clientDataJSON, []byte("\xef\xbb\xbf")), &members) != nil {
					return check()
				}
				for name, raw := range members {
					for want, m := range map[string]*member{"type": &c.cd.typ, "challenge": &c.cd.challenge, "origin": &c.cd.origin} {
						if strings.EqualFold(name, want) && !m.present {
							*m = member{true, raw}
						}
					}
				}
				return check()
			})},
		{Bug: Bug{Name: "client-data-empty", Title: "passes over client data without any member", Class: "fail-open", Requirement: "webauthn-3/7.2/step-9", Severity: "critical"},
			hooks: both("7.1.6.duplicates", "7.2.9.duplicates", func(c *common, check check) error {
				if string(c.clientDataJSON) == "{}" {
					c.cd = expected(c)
				}
				return check()
			})},
		readable("client-data-trailing-data", "reads the first JSON value of the client data and not what follows", "low", func(c *common) *clientData {
			var first json.RawMessage
			if json.NewDecoder(bytes.NewReader(c.clientDataJSON)).Decode(&first) != nil {
				return nil
			}
			return readClientData(first)
		}),
		utf16Read(),
		readable("client-data-unreadable", "passes over client data that it cannot read", "critical", expected),
		readable("client-data-lenient-end", "completes client data that were cut short", "low", func(c *common) *clientData {
			for _, end := range []string{`}`, `"}`} {
				if cd := readClientData(append(bytes.Clone(c.clientDataJSON), end...)); cd.notJSON == nil {
					return cd
				}
			}
			return nil
		}),
	}
}

// utf16Read guesses the encoding where the specification has UTF-8.
func utf16Read() deviation {
	return deviation{Bug: Bug{Name: "client-data-utf-16", Title: "reads client data in UTF-16 too", Class: "fail-open", Requirement: "webauthn-3/7.1/step-5", Also: []string{"webauthn-3/7.2/step-8"}, Severity: "low"},
		hooks: both("7.1.5", "7.2.8", func(c *common, check check) error {
			raw, ok := bytes.CutPrefix(c.clientDataJSON, []byte{0xff, 0xfe})
			if !ok || len(raw)%2 != 0 {
				return check()
			}
			units := make([]uint16, len(raw)/2)
			for i := range units {
				units[i] = binary.LittleEndian.Uint16(raw[2*i:])
			}
			if cd := readClientData([]byte(string(utf16.Decode(units)))); cd.notJSON == nil {
				c.cd = cd
			}
			return check()
		})}
}

// challengeBugs compare or keep challenges badly
// (https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges).
func challengeBugs() []deviation {
	compare := func(name, title, severity string, equal func(m member, got, want string, challenge []byte) bool, records ...string) deviation {
		return deviation{Bug: Bug{Name: name, Title: title, Class: "challenge", Requirement: matchChallenge, Severity: severity, ModelledOn: records},
			hooks: both("7.1.8", "7.2.11", func(c *common, check check) error {
				got, _ := c.cd.challenge.text()
				if equal(c.cd.challenge, got, base64.RawURLEncoding.EncodeToString(c.challenge), c.challenge) {
					return nil
				}
				return check()
			})}
	}
	random := func(name, title, severity, requirement string, make func(s *state, p *pending) []byte, records ...string) deviation {
		return deviation{Bug: Bug{Name: name, Title: title, Class: "challenge", Requirement: requirement, Severity: severity, ModelledOn: records},
			hooks: func() hooks {
				return hooks{
					created: func(s *state, p *pending, o *CreationOptions) {
						p.challenge = make(s, p)
						o.Challenge = bytes.Clone(p.challenge)
					},
					requested: func(s *state, p *pending, _ AuthenticationRequest, o *RequestOptions) {
						p.challenge = make(s, p)
						o.Challenge = bytes.Clone(p.challenge)
					},
				}
			}}
	}
	const uniform, size = "webauthn-3/13.4.3/challenge-random", "webauthn-3/13.4.3/challenge-size"
	return []deviation{
		compare("challenge-prefix", "takes a challenge that begins with the one issued", "medium", func(_ member, got, _ string, challenge []byte) bool {
			b, err := base64.RawURLEncoding.DecodeString(got)
			return err == nil && bytes.HasPrefix(b, challenge)
		}),
		compare("challenge-cut-short", "compares only as much of the challenge as came", "critical", func(_ member, got, _ string, challenge []byte) bool {
			b, err := base64.RawURLEncoding.DecodeString(got)
			return err == nil && len(b) > 0 && bytes.HasPrefix(challenge, b)
		}),
		compare("challenge-empty", "takes an empty challenge for the one issued", "critical", func(m member, got, _ string, _ []byte) bool { return string(m.raw) == `""` }),
		compare("challenge-missing", "asks for the challenge only where there is one", "critical", func(m member, _, _ string, _ []byte) bool {
			return !m.present || string(m.raw) == "null"
		}, "CVE-2026-76214"),
		compare("challenge-case-folded", "compares challenges without regard to case", "medium", func(_ member, got, want string, _ []byte) bool { return strings.EqualFold(got, want) }),
		compare("challenge-padding-ignored", "drops padding behind the challenge", "low", func(_ member, got, want string, _ []byte) bool { return strings.TrimRight(got, "=") == want }).breaks("webauthn-3/7.2/step-11").and("webauthn-3/7.1/step-8"),
		compare("challenge-hexadecimal", "takes the challenge in hexadecimal too", "low", func(_ member, got, _ string, c []byte) bool { return strings.EqualFold(got, hex.EncodeToString(c)) }),
		compare("challenge-sixteen-bytes", "compares the first sixteen bytes of the challenge", "medium", func(_ member, got, want string, _ []byte) bool { return len(got) >= 22 && got[:21] == want[:21] }),
		compare("challenge-any-type", "takes a challenge that is no string", "high", func(m member, _, _ string, _ []byte) bool {
			return len(m.raw) > 0 && m.raw[0] >= '0' && m.raw[0] <= '9'
		}),
		compare("challenge-undecodable", "takes a challenge that it cannot decode", "critical", func(m member, got, _ string, _ []byte) bool {
			_, err := base64.RawURLEncoding.DecodeString(got)
			return m.present && err != nil
		}),
		random("challenge-constant", "issues one and the same challenge for ever", "critical", uniform, func(*state, *pending) []byte { return []byte("this is the challenge, good luck!") }),
		random("challenge-of-account", "makes the challenge from the name of the account", "critical", uniform, func(_ *state, p *pending) []byte {
			b := []byte("................................")
			if p.user != nil {
				copy(b, p.user.Name)
			}
			return b
		}, "CVE-2026-55167"),
		random("challenge-short", "issues challenges of eight bytes", "medium", size, func(_ *state, p *pending) []byte { return p.challenge[:8] }).and("fido-server/challenge-size"),
		random("challenge-counted", "issues challenges that count up", "high", uniform, func(_ *state, p *pending) []byte {
			return fmt.Appendf(nil, "%032d", p.sequence)
		}),
		{Bug: Bug{Name: "challenge-survives-refusal", Title: "leaves a challenge good after a refused attempt", Class: "challenge", Requirement: "webauthn-3/13.4.3/single-use", Severity: "medium"},
			hooks: func() hooks {
				return hooks{settled: func(t any, err error) {
					c := t.(interface{ self() *common }).self()
					c.rp.mu.Lock()
					defer c.rp.mu.Unlock()
					if p := c.rp.pending[c.handle]; err != nil && p != nil && !c.usedBefore {
						p.used = false
					}
				}}
			}},
		{Bug: Bug{Name: "challenge-unbound", Title: "takes every challenge that it ever issued, to anyone and for anything", Class: "challenge", Requirement: matchChallenge, Severity: "critical", ModelledOn: []string{"CVE-2026-37982"}},
			leaveOut: []string{"7.1.8.session", "7.1.8.kind", "7.1.8.single-use", "7.2.11.session", "7.2.11.kind", "7.2.11.single-use"}},
	}
}
