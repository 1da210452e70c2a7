package ceremony

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
)

// errStrict is what the over-strict bugs say; no text on the wire names one.
var errStrict = errors.New("the response is not of the form that is expected")

// strictBugs refuse what the specification allows. An RP that has one turns
// users away, today or when a client changes what it may change.
func strictBugs() []deviation {
	bug := func(name, title, requirement string, records ...string) Bug {
		return Bug{Name: name, Title: title, Class: "over-strict", Requirement: requirement, Severity: "medium", OverStrict: true, ModelledOn: records}
	}
	also := func(b Bug, requirements ...string) Bug { b.Also = requirements; return b }
	const parse, types = "webauthn-3/7.2/step-9", "webauthn-3/7.1/step-6"
	inClientData := func(b Bug, refuse func(c *common) bool) deviation {
		return deviation{Bug: b, hooks: both("7.1.7", "7.2.10", func(c *common, check check) error {
			if refuse(c) {
				return errStrict
			}
			return check()
		})}
	}
	inAuthData := func(b Bug, refuse func(c *common) bool) deviation {
		return deviation{Bug: b, hooks: both("7.1.17", "7.2.18", func(c *common, check check) error {
			if refuse(c) {
				return errStrict
			}
			return check()
		})}
	}
	atRegistration := func(b Bug, step string, refuse func(r *registration) bool) deviation {
		return deviation{Bug: b, hooks: inRegistration(step, func(r *registration, check check) error {
			if refuse(r) {
				return errStrict
			}
			return check()
		})}
	}
	atLogin := func(b Bug, step string, refuse func(a *authentication) bool) deviation {
		return deviation{Bug: b, hooks: inAuthentication(step, func(a *authentication, check check) error {
			if refuse(a) {
				return errStrict
			}
			return check()
		})}
	}
	written := regexp.MustCompile(`^(?:\xef\xbb\xbf)?\s*\{\s*"type"\s*:.*?"challenge"\s*:.*?"origin"\s*:`)
	names := func(c *common) map[string]json.RawMessage {
		var m map[string]json.RawMessage
		_ = json.Unmarshal(bytes.TrimPrefix(c.clientDataJSON, []byte("\xef\xbb\xbf")), &m) // read well already, 7.1.6
		return m
	}
	outside := func(s []byte) string {
		// What stands outside of strings.
		return regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllString(string(bytes.TrimPrefix(s, []byte("\xef\xbb\xbf"))), "")
	}
	// numbers are those of an ECDSA signature.
	numbers := func(a *authentication) (r, s *big.Int, ok bool) {
		var sig struct{ R, S *big.Int }
		_, err := asn1.Unmarshal(a.resp.Signature, &sig)
		return sig.R, sig.S, err == nil
	}
	return []deviation{
		inClientData(bug("strict-unknown-member", "refuses client data with a member it does not know", parse), func(c *common) bool {
			for name := range names(c) {
				if !slices.Contains([]string{"type", "challenge", "origin", "crossOrigin", "topOrigin", "tokenBinding"}, name) {
					return true
				}
			}
			return false
		}),
		inClientData(bug("strict-member-order", "wants type, challenge and origin in this order", parse), func(c *common) bool { return !written.Match(c.clientDataJSON) }),
		inClientData(bug("strict-white-space", "refuses white space between the members of the client data", parse), func(c *common) bool { return strings.ContainsAny(outside(c.clientDataJSON), " \t\r\n") }),
		inClientData(bug("strict-escapes", "compares the client data's text, escapes and all", parse), func(c *common) bool { return bytes.Contains(c.clientDataJSON, []byte(`\`)) }),
		inClientData(bug("strict-byte-order-mark", "refuses client data with a byte order mark", "webauthn-3/7.2/step-8"), func(c *common) bool { return bytes.HasPrefix(c.clientDataJSON, []byte("\xef\xbb\xbf")) }),
		inClientData(bug("strict-cross-origin-present", "wants crossOrigin to be there", "webauthn-3/7.2/step-13"), func(c *common) bool { return !c.cd.crossOrigin.present }),
		inClientData(also(bug("strict-token-binding", "refuses client data with tokenBinding", "webauthn-3/5.8.1/token-binding"), "webauthn-2/5.8.1/token-binding"), func(c *common) bool { return c.cd.tokenBinding.present }),
		inAuthData(bug("strict-verified-unasked", "refuses a verified user where verification is discouraged", "webauthn-3/7.2/step-17"), func(c *common) bool { return c.userVerification == "discouraged" && c.ad.has(flagUV) }),
		inAuthData(bug("strict-verified-always", "wants every user verified, though it is only preferred", "webauthn-3/7.2/step-17"), func(c *common) bool { return !c.ad.has(flagUV) }),
		inAuthData(bug("strict-backup-eligible", "refuses credentials that can be backed up", "webauthn-3/7.1/step-17", "go-webauthn#335"), func(c *common) bool { return c.ad.has(flagBE) }),
		inAuthData(bug("strict-backed-up", "refuses credentials that are backed up", "webauthn-3/7.2/step-18"), func(c *common) bool { return c.ad.has(flagBS) }),
		inAuthData(bug("strict-extension-data", "refuses authenticator data with extension data", "webauthn-3/7.1/step-28"), func(c *common) bool { return c.ad.has(flagED) }),
		inAuthData(bug("strict-extension-results", "refuses client extension results that it did not ask for", "webauthn-3/7.1/step-28"), func(c *common) bool {
			for name := range c.outputs {
				if _, ok := c.extensions[name]; !ok {
					return true
				}
			}
			return false
		}),
		atLogin(bug("strict-short-integer", "takes r and s for numbers of full length and refuses shorter ones", "webauthn-3/6.5.5/signature-format"), "7.2.21", func(a *authentication) bool {
			r, s, ok := numbers(a)
			return ok && (r.BitLen() <= 247 || s.BitLen() <= 247)
		}),
		atLogin(bug("strict-low-s", "refuses signatures with a high s", "webauthn-3/6.5.5/signature-format"), "7.2.21", func(a *authentication) bool {
			order, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
			_, s, ok := numbers(a)
			return ok && s.BitLen() <= 256 && s.Cmp(new(big.Int).Rsh(order, 1)) > 0
		}),
		atLogin(bug("strict-user-handle", "wants a user handle where the user is named", "webauthn-3/7.2/step-6.known-handle"), "7.2.6.known-handle", func(a *authentication) bool { return a.resp.UserHandle == nil }),
		atLogin(bug("strict-counter-grows", "refuses a counter that stays zero", "webauthn-3/7.2/step-22"), "7.2.22", func(a *authentication) bool { return a.ad.signCount <= a.record.SignCount }),
		atLogin(bug("strict-counter-by-one", "wants the counter to grow by one each time", "webauthn-3/7.2/step-22"), "7.2.22", func(a *authentication) bool { return a.ad.signCount > a.record.SignCount+1 }),
		atLogin(bug("strict-backup-state", "refuses a credential whose backup state has changed", "webauthn-3/7.2/step-24.2"), "7.2.19.1", func(a *authentication) bool { return a.ad.has(flagBS) != a.record.BackupState }),
		atLogin(bug("strict-same-verification", "refuses a user who is verified at login but was not at registration", "webauthn-3/7.2/step-17"), "7.2.17", func(a *authentication) bool { return a.ad.has(flagUV) && !a.record.UVInitialized }),
		atRegistration(bug("strict-credential-id-length", "refuses credential ids of more than 255 bytes", "webauthn-3/7.1/step-25"), "7.1.25", func(r *registration) bool { return len(r.ad.credentialID) > 255 }),
		atRegistration(bug("strict-transports", "refuses transports that it does not know", "webauthn-3/5.8.4/unknown-transport"), "7.1.25", func(r *registration) bool {
			return slices.ContainsFunc(r.resp.Transports, func(t string) bool {
				return !slices.Contains([]string{"usb", "nfc", "ble", "smart-card", "hybrid", "internal"}, t)
			})
		}),
		atRegistration(bug("strict-hybrid", "takes no credential of a phone", "webauthn-3/7.1/step-29"), "7.1.25", func(r *registration) bool {
			return slices.Contains(r.resp.Transports, "hybrid")
		}),
		inClientData(bug("strict-first-origin", "accepts the first of its origins only", "webauthn-3/7.2/step-12"), func(c *common) bool {
			origin, _ := c.cd.origin.text()
			return slices.Contains(c.rp.config.Origins, origin) && origin != c.rp.config.Origins[0]
		}),
		atLogin(bug("strict-extension-booleans", "takes client extension results at a login for booleans and refuses others", "webauthn-3/7.2/step-23"), "7.2.18", func(a *authentication) bool {
			for _, v := range a.outputs {
				if string(v) != "true" && string(v) != "false" {
					return true
				}
			}
			return false
		}),
		inAuthData(bug("strict-extension-unknown", "refuses the result of an extension that it asked for and does not know", "webauthn-3/7.1/step-28"), func(c *common) bool {
			for name := range c.outputs {
				if strings.HasPrefix(name, "example.") {
					return true
				}
			}
			return false
		}),
		atRegistration(bug("strict-second-authenticator", "allows one credential for each account", "webauthn-3/13.4.6/credential-loss"), "7.1.26", func(r *registration) bool {
			r.rp.mu.Lock()
			defer r.rp.mu.Unlock()
			return len(r.rp.credentialsOf(r.user)) > 0
		}),
		atRegistration(bug("strict-aaguid-with-none", "wants the zero AAGUID beside attestation none", "webauthn-3/8.7/empty"), "7.1.25", func(r *registration) bool {
			return r.object.format == "none" && !bytes.Equal(r.ad.aaguid, make([]byte, 16))
		}),
		atRegistration(bug("strict-null-aaguid", "refuses the zero AAGUID", types), "7.1.25", func(r *registration) bool { return bytes.Equal(r.ad.aaguid, make([]byte, 16)) }),
		atRegistration(bug("strict-self-attestation", "refuses self attestation where it asked for none", "webauthn-3/8.2/self-signature"), "7.1.24", func(r *registration) bool { return r.attestation.Type == attestation.Self }),
		atRegistration(bug("strict-u2f-attestation", "does not know fido-u2f attestation", "webauthn-3/8.6/signature"), "7.1.21", func(r *registration) bool { return r.object.format == "fido-u2f" }),
		atRegistration(bug("strict-packed-certificates", "knows packed self attestation only", "webauthn-3/8.2/signature"), "7.1.22", func(r *registration) bool {
			return r.object.format == "packed" && len(r.attestation.Path) > 0
		}),
		atRegistration(bug("strict-chain-length", "takes one intermediate authority at most", "webauthn-3/7.1/step-24.anchor"), "7.1.24", func(r *registration) bool { return len(r.attestation.Path) > 2 }),
		atRegistration(bug("strict-aaguid-extension", "wants the AAGUID extension in every packed certificate", "webauthn-3/8.2.1/aaguid-extension"), "7.1.22", func(r *registration) bool {
			return r.object.format == "packed" && len(r.attestation.Path) > 0 && !slices.ContainsFunc(r.attestation.Path[0].Extensions, func(e pkix.Extension) bool {
				return e.Id.String() == "1.3.6.1.4.1.45724.1.1.4"
			})
		}),
		atRegistration(bug("strict-tpm-names", "wants the signer's qualified name in a certInfo", "webauthn-3/8.3/ignored"), "7.1.22", func(r *registration) bool {
			info, ok := r.object.statement.Get("certInfo")
			// The name stands behind magic and type, its length first.
			return r.object.format == "tpm" && ok && len(info.Bytes) > 8 && info.Bytes[6] == 0 && info.Bytes[7] == 0
		}),
		atRegistration(bug("strict-nonce-not-der", "looks for a value within the nonce of an Apple attestation, and takes it for the nonce where there is one", "webauthn-3/8.8/nonce"), "7.1.22", func(r *registration) bool {
			if r.object.format != "apple" {
				return false
			}
			nonce := sha256.Sum256(slices.Concat(r.object.authData, r.hash))
			var inner asn1.RawValue
			rest, err := asn1.Unmarshal(nonce[:], &inner)
			return err == nil && len(rest) == 0
		}),
		inAuthData(bug("strict-counter-signed", "reads the counter as a signed number and refuses negative ones", "webauthn-3/7.1/step-27.counter"), func(c *common) bool { return int32(c.ad.signCount) < 0 }),
		inAuthData(bug("strict-flag-mask", "looks for UV in the wrong bit", "webauthn-3/7.2/step-17"), func(c *common) bool { return c.userVerification == "required" && c.ad.flags&0x02 == 0 }),
		{Bug: bug("strict-cred-props", "takes a missing credProps for a credential that is not discoverable", "webauthn-3/10.1.3/cred-props"), hooks: func() hooks {
			wanted := map[string]bool{}
			h := inRegistration("7.1.28", func(r *registration, check check) error {
				r.rp.mu.Lock()
				defer r.rp.mu.Unlock()
				if _, ok := r.outputs["credProps"]; wanted[r.handle] && !ok {
					return errStrict
				}
				return check()
			})()
			h.created = func(_ *state, p *pending, o *CreationOptions) {
				wanted[p.handle] = o.Selection != nil && o.Selection.ResidentKey == "required"
			}
			return h
		}},
		{Bug: also(bug("strict-login-once", "lets every credential log in once", "webauthn-3/7.2/step-24"), "webauthn-3/7.1/step-27"), hooks: func() hooks {
			used := map[string]bool{}
			h := inAuthentication("7.2.21", func(a *authentication, check check) error {
				a.rp.mu.Lock()
				again := used[string(a.id)]
				a.rp.mu.Unlock()
				if again {
					return errStrict
				}
				return check()
			})()
			h.settled = func(t any, err error) {
				if a, ok := t.(*authentication); ok && err == nil {
					a.rp.mu.Lock()
					used[string(a.id)] = true
					a.rp.mu.Unlock()
				}
			}
			return h
		}},
		{Bug: func() Bug {
			b := bug("strict-challenge-decoded", "refuses a client that signs the challenge's text", "dfns/challenge-encoding")
			b.Dialect, b.SeenIn = "dfns", "dfns-decoded"
			return b
		}(), hooks: both("7.1.8.session", "7.2.11.session", func(c *common, check check) error {
			if c.doubled {
				return errStrict
			}
			return check()
		})},
		{Bug: func() Bug {
			b := bug("strict-challenge-as-text", "refuses a client that decodes the challenge before it signs it", "dfns/challenge-encoding")
			b.Dialect = "dfns"
			return b
		}(), hooks: both("7.1.8.session", "7.2.11.session", func(c *common, check check) error {
			if c.asText && !c.doubled {
				return errStrict
			}
			return check()
		})},
		atRegistration(bug("strict-only-es256", "takes ES256 keys only, whatever it offered", "webauthn-3/7.1/step-20"), "7.1.20", func(r *registration) bool { return r.key.Algorithm != -7 }),
	}
}
