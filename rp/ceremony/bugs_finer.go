package ceremony

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// attestationDetailBugs leave out one of several demands that a step of §8 makes.
func attestationDetailBugs() []deviation {
	// forgives lets an attestation pass whose only fault is the one that the
	// step reports in these words.
	forgives := func(name, title, requirement, step, words string) deviation {
		return deviation{Bug: Bug{Name: name, Title: title, Class: "attestation", Requirement: requirement, Severity: "low"},
			hooks: inRegistration("7.1.22", func(r *registration, check check) error {
				var e *attestation.Error
				if errors.As(r.attError, &e) && e.Step == step && strings.Contains(e.Message, words) {
					return nil
				}
				return check()
			})}
	}
	all := []deviation{
		forgives("packed-country-unread", "does not ask for the country in a packed certificate", "webauthn-3/8.2.1/country", "8.2.1.subject", " has C "),
		forgives("packed-country-by-name", "takes packed certificates that name their country in full", "webauthn-3/8.2.1/country", "8.2.1.subject", ` has C ["Sw`),
		forgives("packed-organization-unread", "does not ask for the organization in a packed certificate", "webauthn-3/8.2.1/organization", "8.2.1.subject", " no O"),
		forgives("packed-unit-unread", "takes packed certificates of any unit", "webauthn-3/8.2.1/unit", "8.2.1.subject", " has OU "),
		forgives("packed-name-unread", "does not ask for the common name in a packed certificate", "webauthn-3/8.2.1/common-name", "8.2.1.subject", " no CN"),
		forgives("compound-not-a-list", "takes one statement for a compound of one", "webauthn-3/8.9/syntax", "8.9.syntax", ""),
		forgives("key-description-optional", "takes android-key certificates without key description", "webauthn-3/8.4.1/key-description", "8.4.challenge", "has no key description"),
		{Bug: Bug{Name: "packed-critical-unread", Title: "takes a packed certificate whose AAGUID extension is critical", Class: "attestation", Requirement: "webauthn-3/8.2.1/aaguid-critical", Severity: "low"},
			leaveOut: []string{"8.2.1.aaguid-critical", "7.1.24.critical"}},
		{Bug: Bug{Name: "u2f-key-incomplete", Title: "takes a fido-u2f registration of a key without y", Class: "attestation", Requirement: "webauthn-3/8.6/public-key", Severity: "medium"},
			leaveOut: []string{"7.1.20.members"}, hooks: inRegistration("7.1.22", func(r *registration, check check) error {
				if r.object.format == "fido-u2f" && len(r.key.Y) == 0 {
					return nil
				}
				return check()
			})},
		{Bug: Bug{Name: "alg-assumed", Title: "takes a key without alg for one of ES256", Class: "key", Requirement: "webauthn-3/6.5.1/alg", Severity: "medium"},
			hooks: inRegistration("7.1.20.algorithm", func(r *registration, check check) error {
				if check() != nil && r.key.Algorithm == 0 {
					r.key.Algorithm = cose.ES256
				}
				return nil
			})},
		{Bug: Bug{Name: "attestation-without-client-data", Title: "takes a self attestation over the authenticator data alone", Class: "attestation", Requirement: "webauthn-3/7.1/step-12", Severity: "high"},
			hooks: inRegistration("7.1.22", func(r *registration, check check) error {
				if r.object.format != "packed" {
					return check()
				}
				if sig, ok := r.object.statement.Get("sig"); ok && sig.Kind == cose.Bytes && r.key.Verify(r.object.authData, sig.Bytes) == nil {
					return nil
				}
				return check()
			})},
	}
	for _, d := range []struct{ format, section string }{{"packed", "8.2"}, {"tpm", "8.3"}, {"android-key", "8.4"}, {"android-safetynet", "8.5"}, {"fido-u2f", "8.6"}, {"apple", "8.8"}} {
		b := forgives("syntax-unread-"+d.format, "takes "+d.format+" statements that lack members or have them of other types", "webauthn-3/"+d.section+"/syntax", d.section+".syntax", "")
		b.Severity = "high"
		if d.format != "packed" {
			b.Like = "syntax-unread-packed"
		}
		all = append(all, b)
	}
	return all
}

// copyBugs believe what stands beside the attestation object.
func copyBugs() []deviation {
	return []deviation{
		{Bug: Bug{Name: "key-from-copy", Title: "stores the public key that stands beside the attestation object", Class: "binding", Requirement: "webauthn-3/5.2.1/copies", Severity: "critical"},
			hooks: inRegistration("7.1.28", func(r *registration, check check) error {
				// The end of a P-256 SubjectPublicKeyInfo is 04 || x || y.
				if k := r.resp.PublicKey; len(k) > 65 && k[len(k)-65] == 4 {
					point := k[len(k)-64:]
					r.record.PublicKey = slices.Concat([]byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20}, point[:32], []byte{0x22, 0x58, 0x20}, point[32:])
				}
				return check()
			})},
		{Bug: Bug{Name: "record-updated-before-verified", Title: "stores the counter of an assertion before its signature is verified", Class: "counter", Requirement: "webauthn-3/7.2/step-24", Severity: "medium", Policy: Policy{RejectCounterRegression: true}},
			unwatched: true,
			hooks: inAuthentication("7.2.18", func(a *authentication, check check) error {
				a.rp.mu.Lock()
				if stored := a.rp.credentials[string(a.record.ID)]; stored != nil {
					stored.SignCount = max(stored.SignCount, a.ad.signCount)
				}
				a.rp.mu.Unlock()
				return check()
			})},
	}
}

// accountBugs give away who is behind a user handle, or who has an account.
func accountBugs() []deviation {
	return []deviation{
		{Bug: Bug{Name: "user-id-is-hash-of-name", Title: "takes the SHA-256 of the user's name for user.id", Class: "options", Requirement: "webauthn-3/14.6.1/user-id-hash", Severity: "medium"},
			hooks: inCreation(func(_ *state, _ *pending, o *CreationOptions) {
				sum := sha256.Sum256([]byte(o.User.Name))
				o.User.Handle = sum[:]
			})},
		{Bug: Bug{Name: "imaginary-transports-missing", Title: "makes up credentials without transports, which real ones have", Class: "options", Requirement: "webauthn-3/14.6.2/enumeration", Severity: "low"},
			hooks: inRequest(func(_ *state, p *pending, _ AuthenticationRequest, o *RequestOptions) {
				if p.imaginary {
					for i := range o.AllowCredentials {
						o.AllowCredentials[i].Transports = nil
					}
				}
			})},
	}
}

// appIDBugs go wrong where appid was asked for
// (https://www.w3.org/TR/webauthn-3/#sctn-appid-extension).
func appIDBugs() []deviation {
	asked := func(a *authentication) bool { _, ok := a.extensions["appid"]; return ok }
	return []deviation{
		{Bug: Bug{Name: "any-hash-beside-app-id", Title: "does not look at the RP ID hash once appid was asked for", Class: "rp-id", Requirement: "webauthn-3/10.1.1/appid", Severity: "high"},
			hooks: inAuthentication("7.2.15", func(a *authentication, check check) error {
				if asked(a) {
					return nil
				}
				return check()
			})},
		{Bug: Bug{Name: "app-id-refused", Title: "refuses the AppID's hash though appid was asked for", Class: "over-strict", Requirement: "webauthn-3/7.2/step-15", Severity: "medium", OverStrict: true, SeenIn: "fortanix"},
			hooks: inAuthentication("7.2.15", func(a *authentication, check check) error {
				want := sha256.Sum256([]byte(a.rp.config.RPID))
				if asked(a) && !bytes.Equal(a.ad.rpIDHash, want[:]) {
					return errStrict
				}
				return check()
			})},
	}
}

// extensionBugs refuse outputs that were asked for, or insist on them
// (https://www.w3.org/TR/webauthn-3/#reg-ceremony-verify-extension-outputs).
func extensionBugs() []deviation {
	strict := func(name, title, requirement string) Bug {
		return Bug{Name: name, Title: title, Class: "over-strict", Requirement: requirement, Severity: "medium", OverStrict: true}
	}
	output := func(name string, c *common) (json.RawMessage, bool) { raw, ok := c.outputs[name]; return raw, ok }
	inData := func(name, title, requirement, id string) deviation {
		return deviation{Bug: strict(name, title, requirement), hooks: inRegistration("7.1.28", func(r *registration, check check) error {
			if r.ad.hasExtensions {
				if _, ok := r.ad.extensions.Get(id); ok {
					return errStrict
				}
			}
			return check()
		})}
	}
	inResults := func(name, title, requirement, id string) deviation {
		return deviation{Bug: strict(name, title, requirement), hooks: inRegistration("7.1.28", func(r *registration, check check) error {
			if _, ok := output(id, r.self()); ok {
				return errStrict
			}
			return check()
		})}
	}
	return []deviation{
		inData("strict-cred-protect", "refuses authenticator data with the output of credProtect", "ctap-2/cred-protect/output", "credProtect"),
		inData("strict-cred-blob", "refuses authenticator data with the output of credBlob", "ctap-2/cred-blob/output", "credBlob"),
		inData("strict-min-pin-length", "refuses authenticator data with the output of minPinLength", "ctap-2/min-pin-length/output", "minPinLength"),
		inData("strict-hmac-secret", "refuses authenticator data with the output of hmac-secret", "ctap-2/hmac-secret/output", "hmac-secret"),
		inResults("strict-prf", "refuses a response with the output of prf", "webauthn-3/10.1.4/prf", "prf"),
		inResults("strict-large-blob", "refuses a response with the output of largeBlob", "webauthn-3/10.1.5/large-blob", "largeBlob"),
		inResults("strict-cred-props-output", "refuses a response with the output of credProps", "webauthn-3/10.1.3/cred-props", "credProps"),
		{Bug: strict("strict-cred-props-rk", "refuses credProps that does not say rk", "webauthn-3/10.1.3/rk-unknown"), hooks: inRegistration("7.1.28", func(r *registration, check check) error {
			var o struct {
				RK *bool `json:"rk"`
			}
			if raw, ok := output("credProps", r.self()); ok && json.Unmarshal(raw, &o) == nil && o.RK == nil {
				return errStrict
			}
			return check()
		})},
		{Bug: func() Bug {
			b := strict("strict-missing-outputs", "insists on the output of every extension that it asked for", "webauthn-3/9/unknown-inputs")
			b.Also = []string{"webauthn-3/7.1/step-28", "webauthn-3/7.2/step-23", "webauthn-3/7.1/step-4", "webauthn-3/7.2/step-4"}
			return b
		}(), hooks: both("7.1.17", "7.2.18", func(c *common, check check) error {
			for name := range c.extensions {
				if _, ok := output(name, c); !ok {
					return errStrict
				}
			}
			return check()
		})},
		{Bug: strict("strict-presence-when-conditional", "wants the user present in a conditional create(), too", "webauthn-3/7.1/step-15"), hooks: inRegistration("7.1.15", func(r *registration, check check) error {
			if r.conditional {
				return r.common.checkUP()
			}
			return check()
		})},
		{Bug: strict("strict-empty-transports", "refuses a registration without transports", "webauthn-3/5.2.1/transports"), hooks: inRegistration("7.1.25", func(r *registration, check check) error {
			if len(r.resp.Transports) == 0 {
				return errStrict
			}
			return check()
		})},
	}
}
