package suites

import (
	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// authenticationAccepted are valid authentications, plain and unusual, that an RP must take.
func authenticationAccepted() []*Check {
	type F = virtualauth.Faults
	type W = target.WireFaults
	plain := []*Check{
		{
			ID: "authentication.accepted.plain", Title: "A plain ES256 authentication is accepted",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-25", "webauthn-3/7.2/step-21"}, Ceremony: Authentication, Expect: Accept,
			Why: "This is what every browser sends; without it nobody can log in.",
		},
		{
			ID: "authentication.accepted.user-verified", Title: "A verified user is accepted when verification is required",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-17"}, Ceremony: Authentication, Expect: Accept,
			Setting: verified, Abilities: []client.Ability{client.Flags},
			Why: "UV set is what the RP asked for.",
		},
		{
			ID: "authentication.accepted.verification-discouraged", Title: "A user who was not verified is accepted when verification is discouraged",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-17"}, Ceremony: Authentication, Expect: Accept,
			Setting: Setting{UserVerification: "discouraged"}, Abilities: []client.Ability{client.Flags},
			Why: "UV is to be demanded if and only if the options said so.",
		},
		{
			ID: "authentication.accepted.backed-up", Title: "A backed-up credential logs in",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-18"}, Ceremony: Authentication, Expect: Accept,
			Setting:   Setting{Authenticator: client.AuthenticatorConfig{Transport: "internal", ResidentKeys: true, UserVerification: true, BackupEligible: true, BackupState: true}},
			Abilities: []client.Ability{client.Flags},
			Why:       "Every synced passkey is one.",
		},
		{
			ID: "authentication.accepted.u2f-authenticator", Title: "A U2F authenticator that was registered through WebAuthn logs in",
			Level: Must, Requirements: []string{"webauthn-3/7.2/step-25"}, Ceremony: Authentication, Expect: Accept,
			Setting: Setting{Authenticator: u2fAuthenticator}, Needs: []string{"!user-verification=required"},
			Why: "It has no user handle, no UV and a counter of its own, and is as good a second factor as any.",
		},
	}
	base := Check{ID: "authentication.accepted", Ceremony: Authentication, Level: Must, Expect: Accept}
	rows := legalClientDataRows("webauthn-3/7.2/step-9", "webauthn-3/7.2/step-8")
	rows = append(rows,
		row{name: "without-user-handle", title: "An assertion without user handle is accepted where the user was named", fault: F{UserHandleAbsent: true}, requirement: "webauthn-3/7.2/step-6.known-handle", needs: []string{"allow-list"}, why: "Authenticators return none for credentials that are not discoverable."},
		row{name: "user-verified-unasked", title: "UV set is accepted though verification was not required", fault: F{FlagUVSet: true}, requirement: "webauthn-3/7.2/step-17", why: "Many authenticators verify the user whatever they are asked."},
		row{name: "high-s-signature", title: "A signature with a high s is accepted", fault: F{SignatureHighS: true}, requirement: "webauthn-3/6.5.5/signature-format", why: "Half of all ECDSA signatures have one; refusing them refuses every other login."},
		row{name: "short-integer-signature", title: "A signature whose r or s is a byte shorter is accepted", fault: F{SignatureShortInteger: true}, requirement: "webauthn-3/6.5.5/signature-format", why: "DER writes integers without leading zeros; who cuts r and s at fixed places, or forgets to fill them up, refuses one login in a hundred or two."},
		row{name: "unsolicited-extension-output", title: "An authenticator extension output that was not asked for does no harm", fault: F{ExtensionsUnknown: true}, requirement: "webauthn-3/7.2/step-23", level: Posture, why: "An RP must be prepared for one; taking or refusing it is its policy, crashing is not."},
		row{name: "unsolicited-client-output", title: "A client extension output that was not asked for does no harm", fault: F{ExtensionResultUnknown: true}, requirement: "webauthn-3/7.2/step-23", level: Posture, needs: []string{"extension.outputs"}, why: "An RP must be prepared for one; taking or refusing it is its policy, crashing is not."},
		row{name: "unknown-attachment", title: "An authenticatorAttachment that nobody knows is accepted", wire: W{AttachmentUnknown: true}, requirement: "webauthn-3/5.4.5/unknown-attachment", level: Should, why: "The enumeration grows: an RP is to treat a value that it does not know as if there were none."},
		row{name: "unknown-body-member", title: "Members of the body that nobody knows are accepted", wire: W{UnknownMember: true}, requirement: "webauthn-3/5.1/unknown-members", level: Posture, why: "toJSON() grows with each level of the specification."},
	)
	return append(plain, table(base, rows...)...)
}

func authenticationAuthenticatorData() []*Check {
	type F = virtualauth.Faults
	base := Check{ID: "authentication.authenticator-data", Ceremony: Authentication, Level: Must, Expect: Reject, Requirements: []string{"webauthn-3/6.1/length"}}
	rows := table(base,
		row{name: "rp-id-hash-other", title: "The hash of another RP ID is refused", fault: F{RPIDHashOther: true}, requirement: "webauthn-3/7.2/step-15", why: "The assertion was made for somebody else."},
		row{name: "rp-id-hash-zero", title: "An all-zero RP ID hash is refused", fault: F{RPIDHashZero: true}, requirement: "webauthn-3/7.2/step-15", why: "An unset field must not count as a match."},
		row{name: "rp-id-hash-of-app-id", title: "The AppID's hash is refused when appid was not asked for", fault: F{RPIDHashOfAppID: true}, requirement: "webauthn-3/10.1.1/appid", why: "Only the extension makes the AppID's hash good, and only for keys from the time of U2F."},
		row{name: "rp-id-hash-of-parent", title: "The hash of the parent domain is refused", fault: F{RPIDHashParent: true}, requirement: "webauthn-3/7.2/step-15", why: "Everyone below the parent domain could have made it."},
		row{name: "rp-id-hash-of-subdomain", title: "The hash of a subdomain is refused", fault: F{RPIDHashSubdomain: true}, requirement: "webauthn-3/7.2/step-15", why: "A subdomain is another RP."},
		row{name: "rp-id-hash-last-bit", title: "An RP ID hash that differs in its last bit is refused", fault: F{RPIDHashBitFlip: true}, requirement: "webauthn-3/7.2/step-15", why: "All 32 bytes are to be compared."},
		row{name: "user-verified-but-not-present", title: "UP clear is refused though UV is set", fault: F{FlagUPClearUVSet: true}, requirement: "webauthn-3/7.2/step-16", why: "Verification is no presence; the flags are looked at one by one."},
		row{name: "all-flags-clear", title: "All flags clear is refused", fault: F{FlagsZero: true}, requirement: "webauthn-3/7.2/step-16", why: "Nobody touched the authenticator."},
		row{name: "user-not-present", title: "UP clear is refused", fault: F{FlagUPClear: true}, requirement: "webauthn-3/7.2/step-16", why: "Nobody touched the authenticator: malware could have made this (the class of CVE-2021-38299)."},
		row{name: "backed-up-but-not-eligible", title: "BS without BE is refused", fault: F{FlagBSWithoutBE: true}, requirement: "webauthn-3/7.2/step-18", why: "The combination cannot be."},
		row{name: "flag-at", title: "AT set without attested data is refused", fault: F{AssertionFlagAT: true}, requirement: "webauthn-3/6.1/length", why: "The length does not add up."},
		row{name: "attested-data", title: "An assertion with attested credential data is noticed", fault: F{AssertionAttestedData: true}, level: Posture, requirement: "webauthn-3/6.1/no-attested-data", why: "An assertion has none; an RP that takes a key from it takes the attacker's."},
		row{name: "backup-eligibility-gained", title: "A credential that has become backup eligible is noticed", fault: F{FlagBESet: true}, requirement: "webauthn-3/7.2/step-19.2", level: Posture, why: "Eligibility never changes; where it does, this is another authenticator."},
		row{name: "too-short", title: "Authenticator data of 36 bytes is refused", fault: F{AuthDataShort: true}, requirement: "webauthn-3/6.1/length", why: "A parser must not read past the end (the class of CVE-2021-40818)."},
		row{name: "trailing-bytes", title: "Bytes behind the authenticator data are refused", fault: F{AuthDataTrailing: true}, requirement: "webauthn-3/6.1/length", why: "What is signed must be read whole."},
		row{name: "empty", title: "Empty authenticator data is refused", fault: F{AuthDataEmpty: true}, requirement: "webauthn-3/6.1/length", why: "A parser must not read past the end."},
		row{name: "extension-data-without-flag", title: "Extension data with ED clear is refused", fault: F{ExtensionsWithoutED: true}, requirement: "webauthn-3/6.1/extension-data", why: "The length does not add up."},
		row{name: "extension-data-cut-short", title: "Extension data that ends within its map is refused", fault: F{ExtensionsTruncated: true}, requirement: "webauthn-3/6.1/extension-data", why: "A parser must not read past the end."},
		row{name: "extension-flag-without-data", title: "ED set without extension data is refused", fault: F{FlagEDSet: true}, requirement: "webauthn-3/6.1/extension-data", why: "The length does not add up."},
	)
	uv := base
	uv.Setting = verified
	uv.Abilities = []client.Ability{client.Flags}
	return append(rows, table(uv,
		row{name: "user-not-verified", title: "UV clear is refused when verification is required", fault: F{FlagUVClear: true}, requirement: "webauthn-3/7.2/step-17", why: "A stolen authenticator passes for its owner (the class of CVE-2026-47841)."},
	)...)
}

func authenticationSignature() []*Check {
	type F = virtualauth.Faults
	base := Check{ID: "authentication.signature", Ceremony: Authentication, Level: Must, Expect: Reject, Requirements: []string{"webauthn-3/7.2/step-21"}}
	return table(base,
		row{name: "bit-flipped", title: "A signature with one bit changed is refused", fault: F{SignatureBitFlip: true}, why: "The signature is the login. A verification whose result nobody looks at is none (the class of CVE-2026-0723)."},
		row{name: "empty", title: "An empty signature is refused", fault: F{SignatureEmpty: true}, why: "An empty signature must not be one that was not checked."},
		row{name: "truncated", title: "A signature cut short is refused", fault: F{SignatureTruncated: true}, why: "A comparison over the shorter length is none."},
		row{name: "by-another-key", title: "A signature by another key is refused", fault: F{SignatureOtherKey: true}, why: "It proves that somebody holds some key."},
		row{name: "over-other-client-data", title: "A signature over other client data is refused", fault: F{SignatureOtherClientData: true}, requirement: "webauthn-3/7.2/step-20", why: "What was verified must be what was signed: the raw bytes of clientDataJSON, hashed."},
		row{name: "over-other-authenticator-data", title: "A signature over other authenticator data is refused", fault: F{SignatureOtherAuthData: true}, why: "What was verified must be what was signed, flags and counter too."},
		row{name: "over-authenticator-data-alone", title: "A signature over authenticator data alone is refused", fault: F{SignatureAuthDataOnly: true}, requirement: "webauthn-3/7.2/step-20", why: "Without the hash, challenge and origin are not signed at all."},
		row{name: "over-client-data-alone", title: "A signature over the client data hash alone is refused", fault: F{SignatureClientDataOnly: true}, why: "Without the authenticator data, flags and RP ID are not signed at all."},
		row{name: "over-unhashed-client-data", title: "A signature over client data that was not hashed is refused", fault: F{SignatureUnhashedClientData: true}, requirement: "webauthn-3/7.2/step-20", why: "The hash fixes where authenticator data ends and client data begins."},
		row{name: "reversed-order", title: "A signature over hash and authenticator data in the wrong order is refused", fault: F{SignatureReversedOrder: true}, why: "What was verified must be what was signed."},
		row{name: "raw-instead-of-der", title: "A signature as r and s without DER is refused", fault: F{SignatureRaw: true}, requirement: "webauthn-3/6.5.5/signature-format", why: "ES256 signatures in WebAuthn are ASN.1 DER."},
		row{name: "zero", title: "A signature of zeroes is refused", fault: F{SignatureZero: true}, why: "A verification that does not check the range of r and s takes it for any message (the class of CVE-2022-21449)."},
		row{name: "order", title: "A signature whose s is the order of the curve is refused", fault: F{SignatureOrder: true}, why: "Modulo the order it is zero (the class of CVE-2022-21449)."},
		row{name: "trailing-byte", title: "A signature with a byte behind it is refused", fault: F{SignatureTrailing: true}, requirement: "webauthn-3/6.5.5/signature-format", level: Should, why: "A lax DER reader gives every signature many forms."},
	)
}

func authenticationEnvelope() []*Check {
	type F = virtualauth.Faults
	type W = target.WireFaults
	base := Check{ID: "authentication.envelope", Ceremony: Authentication, Level: Must, Expect: Reject, Requirements: []string{"webauthn-3/7.2/step-3"}}
	rows := envelopeRows(target.RoleAuthenticatorData, "authenticatorData")
	rows = append(rows,
		row{name: "signature-missing", title: "A response without signature is refused", wire: W{Missing: target.RoleSignature}, requirement: "webauthn-3/7.2/step-7", why: "A missing signature must not be one that was not checked."},
		row{name: "signature-number", title: "A signature that is a number is refused", wire: W{Number: target.RoleSignature}, requirement: "webauthn-3/5.2.2/signature", why: "A value of another JSON type must not be coerced."},
		row{name: "signature-null", title: "A signature that is null is refused", wire: W{Null: target.RoleSignature}, requirement: "webauthn-3/5.2.2/signature", why: "null must not count as nothing to verify."},
		row{name: "signature-not-base64url", title: "A signature that is not base64url is refused", wire: W{NotBase64URL: target.RoleSignature}, requirement: "webauthn-3/5.2.2/signature", why: "What does not decode does not verify."},
		row{name: "user-handle-number", title: "A userHandle that is a number is refused", wire: W{Number: target.RoleUserHandle}, needs: []string{"member.userHandle"}, requirement: "webauthn-3/5.2.2/user-handle", why: "A value of another JSON type must not be coerced."},
		row{name: "user-handle-foreign", title: "A user handle that is not the account's is refused", fault: F{UserHandleForeign: true}, requirement: "webauthn-3/7.2/step-6.known-handle", needs: []string{"member.userHandle"}, why: "Where a handle is sent it must be that of the account that was named."},
	)
	for i := range rows {
		if at := memberRequirement(rows[i].name, "webauthn-3/7.2/step-3"); at != "" && rows[i].requirement == "" {
			rows[i].requirement = at
		}
	}
	return table(base, rows...)
}
