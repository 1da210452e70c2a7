package ceremony

import (
	"bytes"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// bindingBugs confuse whose credential it is.
func bindingBugs() []deviation {
	bug := func(name, title, severity, requirement string, records ...string) Bug {
		return Bug{Name: name, Title: title, Class: "binding", Requirement: requirement, Severity: severity, ModelledOn: records}
	}
	const user, unique, store = "webauthn-3/7.2/step-6.known-owner", "webauthn-3/7.1/step-26", "webauthn-3/7.1/step-29"
	foreign := []string{"7.2.5", "7.2.6.known-owner", "7.2.6.known-handle"}
	return []deviation{
		{Bug: bug("foreign-credential", "logs in to the account asked for with anybody's credential", "critical", user, "CVE-2026-46419", "YSA-2026-02", "GHSA-f66q-9rf6-8795"), leaveOut: foreign},
		{Bug: bug("account-of-credential", "logs in to the credential's account, whatever account was asked for", "critical", user, "CVE-2025-26788"), leaveOut: foreign,
			hooks: inAuthentication("7.2.21", func(a *authentication, check check) error {
				a.rp.mu.Lock()
				a.account = copyUser(a.rp.handles[string(a.record.UserHandle)])
				a.rp.mu.Unlock()
				return check()
			})},
		{Bug: bug("account-of-handle", "logs in to the account that the user handle names", "critical", "webauthn-3/7.2/step-6.known-handle", "cedarcode/webauthn-rails#103"), leaveOut: []string{"7.2.6.known-handle", "7.2.6.discovered-owner"},
			hooks: inAuthentication("7.2.21", func(a *authentication, check check) error {
				a.rp.mu.Lock()
				if u := a.rp.handles[string(a.resp.UserHandle)]; u != nil {
					a.account = copyUser(u)
				}
				a.rp.mu.Unlock()
				return check()
			})},
		{Bug: bug("owner-by-handle-alone", "asks for the credential's owner only where a user handle came", "critical", user, "JanssenProject/jans#14382"),
			leaveOut: []string{"7.2.5"},
			hooks: inAuthentication("7.2.6.known-owner", func(a *authentication, check check) error {
				if a.resp.UserHandle == nil {
					return nil
				}
				return check()
			})},
		{Bug: bug("credential-by-prefix", "finds a credential by the first sixteen bytes of its id", "medium", "webauthn-3/7.2/step-5"),
			hooks: inAuthentication("7.2.3.raw-id", func(a *authentication, check check) error {
				a.rp.mu.Lock()
				defer a.rp.mu.Unlock()
				if a.rp.credentials[string(a.id)] == nil && len(a.id) >= 16 {
					for _, id := range a.rp.order {
						if strings.HasPrefix(id, string(a.id[:16])) {
							a.id = []byte(id)
						}
					}
				}
				return check()
			})},
		{Bug: bug("duplicate-in-other-account", "looks for a taken credential id among the account's own only", "high", unique, "tempoxyz/accounts#460"),
			leaveOut: []string{"7.1.26"},
			hooks: inRegistration("7.1.25", func(r *registration, check check) error {
				r.rp.mu.Lock()
				defer r.rp.mu.Unlock()
				if c := r.rp.credentials[string(r.ad.credentialID)]; c != nil && bytes.Equal(c.UserHandle, r.user.Handle) {
					return r.unique()
				}
				return check()
			})},
		{Bug: bug("stored-before-verified", "stores the credential also where the registration is refused", "critical", store),
			hooks: func() hooks {
				return hooks{settled: func(t any, err error) {
					r, ok := t.(*registration)
					if err == nil || !ok || r.user == nil || r.decode() != nil || r.readKey() != nil || len(r.ad.credentialID) == 0 {
						return
					}
					r.rp.mu.Lock()
					defer r.rp.mu.Unlock()
					if r.unique() == nil {
						r.rp.insert(&Credential{ID: bytes.Clone(r.ad.credentialID), UserHandle: bytes.Clone(r.user.Handle), PublicKey: r.key.Raw, SignCount: r.ad.signCount})
					}
				}}
			}},
		{Bug: bug("credential-not-stored", "accepts a registration and stores nothing", "medium", store),
			hooks: func() hooks {
				return hooks{settled: func(t any, err error) {
					if r, ok := t.(*registration); ok && err == nil {
						r.rp.mu.Lock()
						defer r.rp.mu.Unlock()
						if len(r.rp.credentialsOf(r.user)) > 1 {
							delete(r.rp.credentials, string(r.record.ID))
						}
					}
				}}
			}},
		{Bug: bug("keeps-one-credential", "drops an account's other credentials at a registration", "medium", store),
			hooks: func() hooks {
				return hooks{settled: func(t any, err error) {
					if r, ok := t.(*registration); ok && err == nil {
						r.rp.mu.Lock()
						defer r.rp.mu.Unlock()
						for _, c := range r.rp.credentialsOf(r.user) {
							if !bytes.Equal(c.ID, r.record.ID) {
								delete(r.rp.credentials, string(c.ID))
							}
						}
						r.rp.order = slices.DeleteFunc(r.rp.order, func(id string) bool { return r.rp.credentials[id] == nil })
					}
				}}
			}},
		{Bug: bug("wrong-transports-stored", "stores transports of its own making", "low", "webauthn-3/7.1/step-27.transports"),
			hooks: inRegistration("7.1.28", func(r *registration, check check) error {
				r.record.Transports = append(r.record.Transports, "ble")
				return check()
			})},
	}
}

// attestationBugs judge statements otherwise than §8 does.
func attestationBugs() []deviation {
	bug := func(name, title, severity, requirement string, records ...string) Bug {
		return Bug{Name: name, Title: title, Class: "attestation", Requirement: requirement, Severity: severity, ModelledOn: records}
	}
	return []deviation{
		{Bug: bug("format-case-folded", "compares formats without regard to case", "low", "webauthn-3/7.1/step-21"),
			hooks: inRegistration("7.1.20", func(r *registration, check check) error {
				r.object.format = strings.ToLower(r.object.format)
				return check()
			})},
		{Bug: bug("algorithm-rs1", "takes RSA keys for SHA-1 signatures, which it knows from TPMs and does not offer", "medium", "webauthn-3/7.1/step-20"),
			leaveOut: []string{"7.1.20.supported"}, hooks: inRegistration("7.1.20", func(r *registration, check check) error {
				if r.key != nil && r.key.Algorithm == cose.RS1 {
					return nil
				}
				return check()
			})},
		{Bug: bug("format-none-for-unknown", "takes every format that it does not know, or that is missing its own, for none", "medium", "webauthn-3/7.1/step-21"),
			hooks: inRegistration("7.1.20", func(r *registration, check check) error {
				if !attestation.Supported(r.object.format) {
					r.object.format = "none"
				}
				return check()
			}), leaveOut: []string{"8.7.empty"}},
		{Bug: bug("compound-nested", "takes compound statements inside compound statements", "low", "webauthn-3/8.9/not-nested"),
			leaveOut: []string{"7.1.13.nesting", "8.9.not-nested"}},
		{Bug: bug("metadata-roots-pooled", "takes any model's root for the anchor of every model", "high", "mds-3/3.1.1/roots-of-the-model"),
			hooks: inRegistration("7.1.23.metadata-signature", func(r *registration, check check) error {
				if r.model != nil {
					r.anchors.Certificates = r.rp.config.Metadata.Roots()
				}
				return check()
			})},
		{Bug: bug("metadata-first-status", "reads the first status report of a model and not the newest", "high", "mds-3/3.1.4/revoked"),
			hooks: inRegistration("7.1.24.status", func(r *registration, check check) error {
				if r.model != nil && len(r.model.Reports) > 1 {
					model := *r.model
					model.Status = model.Reports[0]
					r.model = &model
				}
				return check()
			})},
		{Bug: bug("metadata-revoked-only", "refuses revoked models alone, and takes those whose keys are compromised", "high", "mds-3/3.1.4/compromised"),
			hooks: inRegistration("7.1.24.status", func(r *registration, check check) error {
				if r.model != nil && r.model.Status != "REVOKED" {
					return nil
				}
				return check()
			})},
		{Bug: bug("metadata-unread", "was given metadata and goes by its own anchors alone", "medium", "mds-3/3.2/use"),
			hooks: inRegistration("7.1.23.metadata-signature", func(r *registration, check check) error {
				r.model, r.anchors = nil, r.rp.config.Anchors
				return check()
			})},
		{Bug: bug("strict-metadata-any-report", "refuses a model of which metadata report anything but a certification", "low", "mds-3/3.1.4/update-available"),
			hooks: inRegistration("7.1.24.status", func(r *registration, check check) error {
				if r.model != nil && !strings.HasPrefix(r.model.Status, "FIDO_CERTIFIED") {
					return errStrict
				}
				return check()
			})},
		{Bug: bug("first-of-duplicate-keys", "reads the first of two members of one name in the attestation object", "low", "webauthn-3/6/cbor-duplicate-keys"),
			hooks: inRegistration("7.1.13.duplicate-keys", func(r *registration, check check) error {
				if check() != nil && !attestation.Supported(r.object.format) {
					r.object.format = "none" // what stands first in the objects that get this far
				}
				return nil
			})},
		{Bug: bug("only-packed-verified", "verifies statements of the format packed only", "medium", "webauthn-3/7.1/step-22"),
			hooks: inRegistration("7.1.22", func(r *registration, check check) error {
				if r.object.format != "packed" {
					return nil
				}
				return check()
			})},
		{Bug: bug("packed-not-verified", "verifies statements of all formats but packed", "medium", "webauthn-3/8.2/self-signature", "CVE-2026-6856"),
			hooks: inRegistration("7.1.22", func(r *registration, check check) error {
				if r.object.format == "packed" {
					return nil
				}
				return check()
			})},
	}
}
