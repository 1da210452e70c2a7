package ceremony

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"math/big"
	"net/url"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// authDataBugs misread the RP ID hash, the flags and the counter.
func authDataBugs() []deviation {
	hash := func(name, title, severity string, equal func(c *common, got []byte) bool, records ...string) deviation {
		return deviation{Bug: Bug{Name: name, Title: title, Class: "rp-id", Requirement: "webauthn-3/7.2/step-15", Severity: severity, ModelledOn: records},
			hooks: both("7.1.14", "7.2.15", func(c *common, check check) error {
				if equal(c, c.ad.rpIDHash) {
					return nil
				}
				return check()
			})}
	}
	of := func(s string) []byte { sum := sha256.Sum256([]byte(s)); return sum[:] }
	perLogin := func(name, title, requirement, severity, step string, skip func(a *authentication, logins int) bool, records ...string) deviation {
		return deviation{Bug: Bug{Name: name, Title: title, Class: "user", Requirement: requirement, Severity: severity, ModelledOn: records},
			hooks: func() hooks {
				logins := map[string]int{}
				h := inAuthentication(step, func(a *authentication, check check) error {
					a.rp.mu.Lock()
					n := logins[string(a.id)]
					a.rp.mu.Unlock()
					if skip(a, n) {
						return nil
					}
					return check()
				})()
				h.settled = func(t any, err error) {
					if a, ok := t.(*authentication); ok && err == nil {
						a.rp.mu.Lock()
						logins[string(a.id)]++
						a.rp.mu.Unlock()
					}
				}
				return h
			}}
	}
	strict := Policy{RejectCounterRegression: true}
	return []deviation{
		hash("rp-id-hash-zero", "takes an RP ID hash of zeroes", "high", func(_ *common, got []byte) bool { return bytes.Equal(got, make([]byte, 32)) }),
		hash("rp-id-hash-cut-short", "compares the first sixteen bytes of the RP ID hash", "low", func(c *common, got []byte) bool { return bytes.Equal(got[:16], of(c.rp.config.RPID)[:16]) }),
		hash("rp-id-hash-of-parent", "takes the hash of the parent domain", "high", func(c *common, got []byte) bool {
			_, parent, ok := strings.Cut(c.rp.config.RPID, ".")
			return ok && bytes.Equal(got, of(parent))
		}),
		hash("rp-id-hash-of-subdomain", "takes the hashes of usual subdomains", "medium", func(c *common, got []byte) bool {
			return slices.ContainsFunc([]string{"www", "login", "sub", "evil", "test", "auth", "other"}, func(s string) bool { return bytes.Equal(got, of(s+"."+c.rp.config.RPID)) })
		}),
		{Bug: Bug{Name: "rp-id-hash-of-origin", Title: "takes the hash of the origin in the client data", Class: "rp-id", Requirement: "webauthn-3/7.1/step-14", Severity: "medium", ModelledOn: []string{"fido2-lib#21"}},
			hooks: both("7.1.14", "7.2.15", func(c *common, check check) error {
				origin, _ := c.cd.origin.text()
				if u, err := url.Parse(origin); err == nil && (bytes.Equal(c.ad.rpIDHash, of(origin)) || bytes.Equal(c.ad.rpIDHash, of(u.Hostname()))) {
					return nil
				}
				return check()
			})},
		{Bug: Bug{Name: "rp-id-hash-of-app-id", Title: "takes the hash of an AppID though appid was not asked for", Class: "rp-id", Requirement: "webauthn-3/10.1.1/appid", Severity: "medium"},
			hooks: inAuthentication("7.2.15", func(a *authentication, check check) error {
				if slices.ContainsFunc(a.rp.config.AppIDs, func(id string) bool { return bytes.Equal(a.ad.rpIDHash, of(id)) }) {
					return nil
				}
				return check()
			})},
		{Bug: Bug{Name: "presence-by-verification", Title: "does not read UP where UV is set", Class: "user", Requirement: "webauthn-3/7.2/step-16", Severity: "medium"},
			hooks: both("7.1.15", "7.2.16", func(c *common, check check) error {
				if c.ad.has(flagUV) {
					return nil
				}
				return check()
			})},
		{Bug: Bug{Name: "presence-by-any-flag", Title: "takes any flag for the user's presence", Class: "user", Requirement: "webauthn-3/7.2/step-16", Severity: "medium"},
			hooks: both("7.1.15", "7.2.16", func(c *common, check check) error {
				if c.ad.flags != 0 {
					return nil
				}
				return check()
			})},
		perLogin("verification-lost-on-second-login", "demands user verification at the first login of a credential only", "webauthn-3/7.2/step-17", "high", "7.2.17",
			func(_ *authentication, n int) bool { return n > 0 }, "CVE-2026-47841"),
		perLogin("verification-by-presence", "takes presence for verification once the user was verified", "webauthn-3/7.2/step-17", "high", "7.2.17",
			func(a *authentication, n int) bool { return a.record.UVInitialized && n > 0 && a.ad.has(flagUP) }, "CVE-2020-8236"),
		{Bug: Bug{Name: "counter-equal", Title: "takes a counter that stands still", Class: "counter", Requirement: "webauthn-3/7.2/step-22", Severity: "low", Policy: strict},
			leaveOut: []string{"7.2.22"}, hooks: inAuthentication("7.2.23", func(a *authentication, check check) error {
				if a.ad.signCount < a.record.SignCount {
					return errors.New("the signature counter is lower than the one stored")
				}
				return check()
			})},
	}
}

// signatureBugs verify the signature, but not always, or not over everything
// (https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion, step 21).
func signatureBugs() []deviation {
	signed := func(name, title, severity string, good func(a *authentication) bool, records ...string) deviation {
		return deviation{Bug: Bug{Name: name, Title: title, Class: "signature", Requirement: "webauthn-3/7.2/step-21", Severity: severity, ModelledOn: records},
			hooks: inAuthentication("7.2.21", func(a *authentication, check check) error {
				if good(a) {
					return nil
				}
				return check()
			})}
	}
	over := func(a *authentication, message, signature []byte) bool {
		key, err := cose.Parse(a.record.PublicKey)
		return err == nil && key.Verify(message, signature) == nil
	}
	whole := func(a *authentication) []byte { return slices.Concat(a.resp.AuthenticatorData, a.hash) }
	type pair struct{ R, S *big.Int }
	der := func(a *authentication) (p pair, rest []byte, err error) {
		rest, err = asn1.Unmarshal(a.resp.Signature, &p)
		return p, rest, err
	}
	return []deviation{
		{Bug: Bug{Name: "signature-skipped-when-ids-differ", Title: "does not verify the signature where id and rawId differ", Class: "signature", Requirement: "webauthn-3/7.2/step-21", Severity: "critical", ModelledOn: []string{"CVE-2026-0723"}},
			leaveOut: []string{"7.2.3.raw-id"},
			hooks: inAuthentication("7.2.21", func(a *authentication, check check) error {
				if a.rawID != nil && *a.rawID != a.idText {
					return nil
				}
				return check()
			})},
		signed("signature-over-authenticator-data", "takes a signature over the authenticator data alone", "critical", func(a *authentication) bool { return over(a, a.resp.AuthenticatorData, a.resp.Signature) }).and("webauthn-3/7.2/step-20"),
		signed("signature-over-client-data", "takes a signature over the client data hash alone", "critical", func(a *authentication) bool { return over(a, a.hash, a.resp.Signature) }),
		signed("signature-over-unhashed", "takes a signature over the client data themselves", "low", func(a *authentication) bool {
			return over(a, slices.Concat(a.resp.AuthenticatorData, a.clientDataJSON), a.resp.Signature)
		}),
		signed("signature-either-order", "takes a signature over both parts in either order", "low", func(a *authentication) bool {
			return over(a, slices.Concat(a.hash, a.resp.AuthenticatorData), a.resp.Signature)
		}),
		signed("signature-unreadable", "takes a signature that it cannot decode", "critical", func(a *authentication) bool {
			_, _, err := der(a)
			return err != nil
		}),
		signed("signature-of-zeroes", "takes a signature of r and s zero", "critical", func(a *authentication) bool {
			p, _, err := der(a)
			return err == nil && p.R.Sign() == 0 && p.S.Sign() == 0
		}, "CVE-2022-21449"),
		signed("signature-r-and-s", "takes r and s side by side for a signature", "low", func(a *authentication) bool {
			s := a.resp.Signature
			if len(s) != 64 {
				return false
			}
			b, err := asn1.Marshal(pair{new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:])})
			return err == nil && over(a, whole(a), b)
		}).and("webauthn-3/6.5.5/signature-format"),
		signed("signature-trailing-bytes", "disregards bytes behind the signature", "low", func(a *authentication) bool {
			_, rest, err := der(a)
			return err == nil && len(rest) > 0 && over(a, whole(a), a.resp.Signature[:len(a.resp.Signature)-len(rest)])
		}).and("webauthn-3/6.5.5/signature-format"),
		signed("signature-skipped-when-counter-zero", "does not verify the signature where the counter is zero", "critical", func(a *authentication) bool { return a.ad.signCount == 0 }, "zeroclaw#9781"),
		signed("signature-skipped-without-handle", "does not verify the signature where no user handle came", "critical", func(a *authentication) bool { return a.resp.UserHandle == nil }),
		signed("signature-by-any-key-of-account", "verifies the signature with every key of the account", "high", func(a *authentication) bool {
			a.rp.mu.Lock()
			defer a.rp.mu.Unlock()
			for _, c := range a.rp.credentialsOf(a.account) {
				if key, err := cose.Parse(c.PublicKey); err == nil && key.Verify(whole(a), a.resp.Signature) == nil {
					return true
				}
			}
			return false
		}),
	}
}
