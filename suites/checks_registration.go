package suites

import (
	"fmt"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// registrationAccepted are valid registrations, plain and unusual, that an RP must take.
func registrationAccepted() []*Check {
	type F = virtualauth.Faults
	type W = target.WireFaults
	plain := []*Check{
		{
			ID: "registration.accepted.plain", Title: "A plain ES256 registration is accepted",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-29", "webauthn-3/7.1/step-22", "webauthn-3/8.7/empty"}, Ceremony: Registration, Expect: Accept,
			Why: "This is what every browser sends; without it nobody can register.",
		},
		{
			ID: "registration.accepted.self-attestation", Title: "Packed self attestation is accepted",
			Level: Must, Requirements: []string{"webauthn-3/8.2/self-signature"}, Ceremony: Registration, Setting: self, Expect: Accept,
			Why: "A correct statement is no reason to refuse a credential, asked for or not.",
		},
		{
			ID: "registration.accepted.u2f-attestation", Title: "fido-u2f attestation is accepted when direct conveyance is asked for",
			Level: Must, Requirements: []string{"webauthn-3/8.6/signature"}, Ceremony: Registration, Expect: Accept,
			Setting: Setting{Attestation: "direct", Authenticator: u2fAuthenticator}, Needs: []string{"attestation.fido-u2f", needTrust},
			Abilities: []client.Ability{client.U2FAttestation},
			Why:       "Keys from the time of U2F attest in this format only.",
		},
		{
			ID: "registration.accepted.u2f-authenticator", Title: "A U2F authenticator without attestation is accepted",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-29"}, Ceremony: Registration, Expect: Accept,
			Setting: Setting{Authenticator: u2fAuthenticator}, Needs: []string{"!user-verification=required"},
			Why: "Its key is as good as any; only user verification and discoverable credentials are beyond it.",
		},
		{
			ID: "registration.accepted.conveyance-none", Title: "Attestation none is accepted when none is asked for",
			Level: Must, Requirements: []string{"webauthn-3/8.7/empty"}, Ceremony: Registration, Expect: Accept,
			Setting: Setting{Attestation: "none"}, Abilities: []client.Ability{client.NoAttestation},
			Why: "The RP asked for no statement and must not miss one.",
		},
		{
			ID: "registration.accepted.user-verified", Title: "A verified user is accepted when verification is required",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-16"}, Ceremony: Registration, Expect: Accept,
			Setting: verified, Abilities: []client.Ability{client.Flags},
			Why: "UV set is what the RP asked for.",
		},
		{
			ID: "registration.accepted.user-verified-though-discouraged", Title: "A verified user is accepted though verification is discouraged",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-16", "webauthn-3/7.1/step-29"}, Ceremony: Registration, Expect: Accept,
			Setting: Setting{UserVerification: "discouraged"}, Abilities: []client.Ability{client.Flags},
			Why: "Many authenticators verify the user whatever they are asked.",
		},
		{
			ID: "registration.accepted.backup-eligible", Title: "A backup eligible credential is accepted",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-17"}, Ceremony: Registration, Expect: Accept,
			Setting:   Setting{Authenticator: client.AuthenticatorConfig{Transport: "internal", ResidentKeys: true, UserVerification: true, BackupEligible: true}},
			Abilities: []client.Ability{client.Flags},
			Why:       "Every synced passkey is one.",
		},
		{
			ID: "registration.accepted.backed-up", Title: "A backed-up credential is accepted",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-17"}, Ceremony: Registration, Expect: Accept,
			Setting:   Setting{Authenticator: client.AuthenticatorConfig{Transport: "internal", ResidentKeys: true, UserVerification: true, BackupEligible: true, BackupState: true}},
			Abilities: []client.Ability{client.Flags},
			Why:       "Every synced passkey is one.",
		},
		{
			ID: "registration.accepted.discoverable", Title: "A discoverable credential is accepted when one is required",
			Level: Must, Requirements: []string{"webauthn-3/7.1/step-29"}, Ceremony: Registration, Expect: Accept,
			Setting: Setting{ResidentKey: "required"}, Abilities: []client.Ability{client.Discoverable},
			Why: "Passkeys are discoverable credentials.",
		},
	}
	base := Check{ID: "registration.accepted", Ceremony: Registration, Level: Must, Expect: Accept}
	rows := legalClientDataRows("webauthn-3/7.1/step-6", "webauthn-3/7.1/step-5")
	rows = append(rows,
		row{name: "credential-id-of-1023-bytes", title: "A credential id of 1023 bytes is accepted", fault: F{CredentialID1023: true}, requirement: "webauthn-3/7.1/step-29", why: "It is the longest that the specification allows; ids that wrap a key are long."},
		row{name: "aaguid-with-none", title: "An AAGUID beside attestation none is accepted", fault: F{AAGUIDNonZero: true}, requirement: "webauthn-3/7.1/step-22", why: "Level 3 no longer has clients zero it."},
		row{name: "unsolicited-extension-output", title: "An authenticator extension output that was not asked for does no harm", fault: F{ExtensionsUnknown: true}, requirement: "webauthn-3/7.1/step-28", level: Posture, why: "An RP must be prepared for one; taking or refusing it is its policy, crashing is not."},
		row{name: "unsolicited-client-output", title: "A client extension output that was not asked for does no harm", fault: F{ExtensionResultUnknown: true}, requirement: "webauthn-3/7.1/step-28", level: Posture, needs: []string{"extension.outputs"}, why: "An RP must be prepared for one; taking or refusing it is its policy, crashing is not."},
		row{name: "unknown-transport", title: "Transports that nobody knows are accepted", fault: F{TransportsUnknown: true}, requirement: "webauthn-3/5.8.4/unknown-transport", level: Should, needs: []string{"member.transports"}, why: "New transports come up; an RP keeps them for the next ceremony."},
		row{name: "unknown-attachment", title: "An authenticatorAttachment that nobody knows is accepted", wire: W{AttachmentUnknown: true}, requirement: "webauthn-3/5.4.5/unknown-attachment", level: Should, why: "The enumeration grows: an RP is to treat a value that it does not know as if there were none."},
		row{name: "unknown-body-member", title: "Members of the body that nobody knows are accepted", wire: W{UnknownMember: true}, requirement: "webauthn-3/5.1/unknown-members", level: Posture, why: "toJSON() grows with each level of the specification."},
	)
	return append(plain, table(base, rows...)...)
}

// registrationClient are checks of what the client makes of the RP's options.
func registrationClient() []*Check {
	return []*Check{
		{
			ID: "registration.client.consumes-options", Title: "create() takes the options as they are and picks an algorithm that the RP verifies",
			Level: Must, Requirements: []string{"touchstone/consumable", "webauthn-3/7.1/step-20"},
			Why: "Options that a client cannot use register nobody, however well-formed they look.",
			Story: func(c *Case) {
				a := c.Account("alice", client.AuthenticatorConfig{})
				t, o := a.creation(Setting{Algorithm: AnyAlgorithm})
				t.Respond(true)
				alg, offered := t.Registration.Response.PublicKeyAlgorithm, false
				for _, p := range o.PubKeyCredParams {
					if n, ok := p.alg(); ok && n == alg {
						offered = true
					}
				}
				if !offered {
					c.Fail("algorithm-not-offered", "the credential has algorithm %d, which pubKeyCredParams does not offer in a form that the client reads", alg)
				}
				c.MustAccept(t.Send(noWire), "the registration")
			},
		},
	}
}

func registrationAuthenticatorData() []*Check {
	type F = virtualauth.Faults
	base := Check{ID: "registration.authenticator-data", Ceremony: Registration, Level: Must, Expect: Reject, Requirements: []string{"webauthn-3/6.1/length"}}
	rows := table(base,
		row{name: "rp-id-hash-other", title: "The hash of another RP ID is refused", fault: F{RPIDHashOther: true}, requirement: "webauthn-3/7.1/step-14", why: "The credential is scoped to somebody else."},
		row{name: "rp-id-hash-zero", title: "An all-zero RP ID hash is refused", fault: F{RPIDHashZero: true}, requirement: "webauthn-3/7.1/step-14", why: "An unset field must not count as a match."},
		row{name: "rp-id-hash-of-origin", title: "The hash of the origin for that of the RP ID is refused", fault: F{RPIDHashOfOrigin: true}, requirement: "webauthn-3/7.1/step-14", why: "It is the AppID's hash of U2F, which no registration may have."},
		row{name: "rp-id-hash-of-parent", title: "The hash of the parent domain is refused", fault: F{RPIDHashParent: true}, requirement: "webauthn-3/7.1/step-14", why: "Everyone below the parent domain could have made it."},
		row{name: "rp-id-hash-of-subdomain", title: "The hash of a subdomain is refused", fault: F{RPIDHashSubdomain: true}, requirement: "webauthn-3/7.1/step-14", why: "A subdomain is another RP."},
		row{name: "rp-id-hash-last-bit", title: "An RP ID hash that differs in its last bit is refused", fault: F{RPIDHashBitFlip: true}, requirement: "webauthn-3/7.1/step-14", why: "All 32 bytes are to be compared."},
		row{name: "user-verified-but-not-present", title: "UP clear is refused though UV is set", fault: F{FlagUPClearUVSet: true}, requirement: "webauthn-3/7.1/step-15", why: "Verification is no presence; the flags are looked at one by one.", needs: []string{"!conditional-create=true"}},
		row{name: "user-not-present", title: "UP clear is refused", fault: F{FlagUPClear: true}, requirement: "webauthn-3/7.1/step-15", why: "Nobody touched the authenticator: malware could have made this (the class of CVE-2021-38299).", needs: []string{"!conditional-create=true"}},
		row{name: "backed-up-but-not-eligible", title: "BS without BE is refused", fault: F{FlagBSWithoutBE: true}, requirement: "webauthn-3/7.1/step-17", why: "The combination cannot be; an RP that keeps it decides on nonsense later."},
		row{name: "no-attested-credential", title: "AT clear and no credential data is refused", fault: F{AttestedDataAbsent: true}, requirement: "webauthn-3/6.1/attested-data", why: "There is no credential to register."},
		row{name: "attested-flag-clear", title: "Credential data with AT clear is refused", fault: F{FlagATClear: true}, requirement: "webauthn-3/6.1/attested-data", why: "Data that the flags do not announce is not authenticator data."},
		row{name: "extension-flag-without-data", title: "ED set without extension data is refused", fault: F{FlagEDSet: true}, requirement: "webauthn-3/6.1/extension-data", why: "The length does not add up."},
		row{name: "extension-data-without-flag", title: "Extension data with ED clear is refused", fault: F{ExtensionsWithoutED: true}, requirement: "webauthn-3/6.1/extension-data", why: "The length does not add up."},
		row{name: "extension-data-cut-short", title: "Extension data that ends within its map is refused", fault: F{ExtensionsTruncated: true}, requirement: "webauthn-3/6.1/extension-data", why: "A parser must not read past the end."},
		row{name: "extension-data-no-map", title: "Extension data that is no map is refused", fault: F{ExtensionsNotMap: true}, requirement: "webauthn-3/6.1/extension-data", why: "Extension outputs are a map; anything else was not made by an authenticator."},
		row{name: "attested-data-left-out", title: "AT set and no credential data is refused", fault: F{AttestedDataMissing: true}, requirement: "webauthn-3/6.1/attested-data", why: "A parser must not read past the end."},
		row{name: "attested-data-cut-short", title: "Credential data that ends within the id is refused", fault: F{AttestedDataTruncated: true}, requirement: "webauthn-3/6.1/length", why: "A parser must not read past the end (the class of CVE-2021-40818)."},
		row{name: "credential-id-length-too-short", title: "A credential id length that is one too small is refused", fault: F{CredentialIDLengthShort: true}, requirement: "webauthn-3/6.1/length", why: "The key would be read from the wrong place."},
		row{name: "empty", title: "Empty authenticator data is refused", fault: F{AuthDataEmpty: true}, requirement: "webauthn-3/6.1/length", why: "A parser must not read past the end."},
		row{name: "too-short", title: "Authenticator data of 36 bytes is refused", fault: F{AuthDataShort: true}, requirement: "webauthn-3/6.1/length", why: "A parser must not read past the end (the class of CVE-2021-40818)."},
		row{name: "trailing-bytes", title: "Bytes behind the authenticator data are refused", fault: F{AuthDataTrailing: true}, requirement: "webauthn-3/6.1/length", why: "What is signed must be read whole."},
		row{name: "credential-id-length-too-long", title: "A credential id length beyond the data is refused", fault: F{CredentialIDLengthLong: true}, requirement: "webauthn-3/6.1/length", why: "A parser must not read past the end (the class of CVE-2022-27240)."},
		row{name: "credential-id-of-1024-bytes", title: "A credential id of 1024 bytes is refused", fault: F{CredentialID1024: true}, requirement: "webauthn-3/7.1/step-25", level: Should, why: "Longer ids than 1023 bytes are outside the specification, and room for mischief."},
	)
	uv := base
	uv.Setting = verified
	uv.Abilities = []client.Ability{client.Flags}
	return append(rows, table(uv,
		row{name: "user-not-verified", title: "UV clear is refused when verification is required", fault: F{FlagUVClear: true}, requirement: "webauthn-3/7.1/step-16", why: "A stolen authenticator passes for its owner (the class of CVE-2020-8236)."},
	)...)
}

func registrationAttestation() []*Check {
	type F = virtualauth.Faults
	base := Check{ID: "registration.attestation", Ceremony: Registration, Level: Must, Expect: Reject, Requirements: []string{"webauthn-3/7.1/step-13"}}
	canonical := func(r row) row {
		r.level = Should
		return r
	}
	object := table(base,
		row{name: "empty", title: "An empty attestation object is refused", fault: F{AttestationObjectEmpty: true}, why: "Nothing to verify must not be nothing that fails."},
		row{name: "not-a-map", title: "An attestation object that is no map is refused", fault: F{AttestationObjectNotMap: true}, why: "What cannot be read cannot be verified."},
		row{name: "empty-map", title: "An attestation object without members is refused", fault: F{AttestationObjectEmptyMap: true}, requirement: "webauthn-3/6.5.1/alg", why: "Nothing to verify must not be nothing that fails."},
		row{name: "truncated", title: "An attestation object cut short is refused", fault: F{AttestationObjectTruncated: true}, why: "A parser must not read past the end (the class of CVE-2021-40818)."},
		row{name: "json", title: "An attestation object in JSON is refused", fault: F{AttestationObjectJSON: true}, why: "It is CBOR, and guessing is how parsers are fooled."},
		row{name: "format-missing", title: "An attestation object without fmt is refused", fault: F{FormatMissing: true}, why: "Without a format there is no procedure to verify by."},
		row{name: "format-number", title: "A format that is a number is refused", fault: F{FormatNumber: true}, why: "A value of another type must not be coerced."},
		row{name: "format-empty", title: "An empty format is refused", fault: F{FormatEmpty: true}, requirement: "webauthn-3/7.1/step-21", why: "An empty string must not count as none."},
		row{name: "format-unknown", title: "An unknown format is refused", fault: F{FormatUnknown: true}, requirement: "webauthn-3/7.1/step-21", why: "What has no procedure cannot be verified; it must not pass as none."},
		row{name: "format-upper-case", title: "The format's name in upper case is refused", fault: F{FormatUpperCase: true}, requirement: "webauthn-3/7.1/step-21", why: "Formats are matched case-sensitively."},
		row{name: "statement-missing", title: "An attestation object without attStmt is refused", fault: F{StatementMissing: true}, why: "The member is required, also for none."},
		row{name: "statement-not-a-map", title: "A statement that is no map is refused", fault: F{StatementNotMap: true}, requirement: "webauthn-3/7.1/step-22", why: "A value of another type must not be taken for empty."},
		row{name: "statement-null", title: "A statement that is null is refused", fault: F{StatementNull: true}, requirement: "webauthn-3/7.1/step-22", why: "null must not be taken for empty."},
		row{name: "statement-with-none", title: "Format none with a statement is refused", fault: F{StatementNonEmptyNone: true}, requirement: "webauthn-3/8.7/empty", why: "A statement that nobody verifies must not look like one that somebody did."},
		row{name: "packed-without-statement", title: "Format packed without a statement is refused", fault: F{FormatPackedWithoutStatement: true}, requirement: "webauthn-3/8.2/syntax", why: "A format must not be believed without its statement."},
		row{name: "authenticator-data-missing", title: "An attestation object without authData is refused", fault: F{AuthDataMissing: true}, why: "There is nothing to verify."},
		row{name: "authenticator-data-text", title: "authData that is a text string is refused", fault: F{AuthDataText: true}, why: "A value of another type must not be coerced."},
		row{name: "authenticator-data-null", title: "authData that is null is refused", fault: F{AuthDataNull: true}, why: "null must not be taken for empty."},
		row{name: "deep-nesting", title: "A deeply nested statement is refused", fault: F{CBORDeepNesting: true}, requirement: "webauthn-3/7.1/step-22", why: "Recursive decoders run out of stack (the class of CVE-2024-21909)."},
		row{name: "huge-length", title: "A length of 2^63-1 bytes is refused", fault: F{CBORHugeLength: true}, why: "A decoder that believes it runs out of memory (the class of CVE-2024-21909)."},
		row{name: "huge-map", title: "A map that declares 2^32-1 members is refused", fault: F{CBORHugeMap: true}, why: "A decoder that believes it runs out of memory (the class of CVE-2024-21909)."},
		canonical(row{name: "trailing-bytes", title: "Bytes behind the attestation object are refused", fault: F{CBORTrailingBytes: true}, requirement: "webauthn-3/6/cbor-trailing-bytes", why: "A decoder that ignores the rest reads another document than the one that came."}),
		canonical(row{name: "duplicate-key", title: "An attestation object with fmt twice is refused", fault: F{CBORDuplicateKey: true}, requirement: "webauthn-3/6/cbor-duplicate-keys", why: "Two readers see two values."}),
		canonical(row{name: "members-reordered", title: "Members out of canonical order are refused", fault: F{CBORReordered: true}, requirement: "webauthn-3/6/cbor-key-order", why: "Only the canonical form is CTAP2 CBOR."}),
		row{name: "tagged", title: "An attestation object behind a CBOR tag is noticed", fault: F{CBORTagged: true}, level: Posture, requirement: "webauthn-3/6/cbor-tags", why: "CTAP2 CBOR has no tags."},
		canonical(row{name: "indefinite-length", title: "A map of indefinite length is refused", fault: F{CBORIndefiniteLength: true}, requirement: "webauthn-3/6/cbor-indefinite-length", why: "Only the canonical form is CTAP2 CBOR."}),
		canonical(row{name: "non-minimal", title: "A length written in more bytes than it needs is refused", fault: F{CBORNonMinimal: true}, requirement: "webauthn-3/6/cbor-shortest-form", why: "Only the canonical form is CTAP2 CBOR."}),
	)
	key := base
	key.ID = "registration.public-key"
	key.Requirements = []string{"webauthn-3/6.5.1/cose-key"}
	// Steps 20 and 22 of §7.1 look at alg and at what is signed. That the rest of the key
	// be sound is asked of its maker, and of a Relying Party only by its own interest:
	// hence SHOULD, where nothing but the attested credential data speaks of it.
	keys := table(key,
		row{name: "alg-missing", title: "A key without alg is refused", fault: F{KeyAlgMissing: true}, requirement: "webauthn-3/6.5.1/alg", why: "Without it the RP chooses the algorithm that an attacker would like."},
		row{name: "alg-not-offered", title: "An algorithm that was not offered is refused", fault: F{KeyAlgUnknown: true}, requirement: "webauthn-3/7.1/step-20", why: "The RP excluded the algorithm, perhaps for a reason (the class of CVE-2026-8830)."},
		row{name: "alg-of-other-curve", title: "An algorithm that the curve does not go with is refused", fault: F{KeyAlgOther: true}, level: Should, requirement: "webauthn-3/5.8.5/curve", why: "A key read under another algorithm breaks or weakens the verification."},
		row{name: "alg-text", title: "An algorithm's name for its number is refused", fault: F{KeyAlgText: true}, requirement: "webauthn-3/6.5.1/alg", why: "A value of another type must not be coerced."},
		row{name: "curve-wrong", title: "A curve that the algorithm does not go with is refused", fault: F{KeyCurveWrong: true}, level: Should, requirement: "webauthn-3/5.8.5/curve", why: "ES256 is P-256; a key on another curve breaks or weakens the verification."},
		row{name: "curve-missing", title: "A key without its curve is refused", fault: F{KeyCurveMissing: true}, level: Should, requirement: "webauthn-3/6.5.1/members", why: "Guessing the curve is choosing it for the attacker."},
		row{name: "type-wrong", title: "A symmetric key is refused", fault: F{KeyTypeWrong: true}, level: Should, requirement: "webauthn-3/5.8.5/key-type", why: "A signature that anyone with the public key can make is none."},
		row{name: "type-missing", title: "A key without its type is refused", fault: F{KeyTypeMissing: true}, level: Should, requirement: "webauthn-3/6.5.1/members", why: "Without it the members mean nothing."},
		row{name: "point-off-curve", title: "A point that is not on the curve is refused", fault: F{KeyPointOffCurve: true}, level: Should, requirement: "webauthn-3/5.8.5/point", why: "Libraries that do not look compute with it all the same."},
		row{name: "point-zero", title: "The point zero is refused", fault: F{KeyPointZero: true}, level: Should, requirement: "webauthn-3/5.8.5/point", why: "It is not on the curve, and some libraries verify anything with it."},
		row{name: "x-missing", title: "A key without its x coordinate is refused", fault: F{KeyXMissing: true}, level: Should, requirement: "webauthn-3/6.5.1/members", why: "There is no point."},
		row{name: "y-missing", title: "A key without its y coordinate is refused", fault: F{KeyYMissing: true}, level: Should, requirement: "webauthn-3/6.5.1/members", why: "The point is not complete, and must not be completed by guess."},
		row{name: "compressed", title: "A compressed point is refused", fault: F{KeyCompressed: true}, level: Should, requirement: "webauthn-3/5.8.5/uncompressed", why: "WebAuthn keys are uncompressed."},
		row{name: "x-short", title: "A coordinate of 31 bytes is refused", fault: F{KeyXShort: true}, level: Should, requirement: "webauthn-3/5.8.5/size", why: "Coordinates have the full length of the field."},
		row{name: "empty-map", title: "An empty key is refused", fault: F{KeyEmptyMap: true}, requirement: "webauthn-3/6.5.1/alg", why: "There is no key."},
		row{name: "not-a-map", title: "A key that is no CBOR map is refused", fault: F{KeyNotMap: true}, why: "What cannot be read cannot be stored."},
		row{name: "truncated", title: "A key cut short is refused", fault: F{KeyTruncated: true}, requirement: "webauthn-3/6.1/length", why: "A parser must not read past the end (the class of CVE-2022-27240)."},
		row{name: "extra-member", title: "A key with a member that does not belong there is noticed", fault: F{KeyExtraMember: true}, level: Posture, requirement: "webauthn-3/6.5.1/no-optional", why: "The key holds its required members and nothing else."},
		row{name: "private-part", title: "A key that holds its private part is noticed", fault: F{KeyPrivatePart: true}, level: Posture, requirement: "webauthn-3/6.5.1/no-private", why: "Such a key is known to everyone who saw the response."},
		canonical(row{name: "duplicate-label", title: "A key with alg twice is refused", fault: F{KeyDuplicateLabel: true}, requirement: "webauthn-3/6/cbor-duplicate-keys", why: "Two readers see two algorithms."}),
	)
	keys = append(keys, &Check{
		ID: "registration.public-key.real-alg-not-offered", Title: "A sound key of an algorithm that was not offered is refused",
		Level: Must, Requirements: []string{"webauthn-3/7.1/step-20"}, Abilities: []client.Ability{client.Faults},
		Why: "That the RP could verify it is no reason: it did not offer it (the class of CVE-2026-8830). Libraries know more algorithms than an RP wants, SHA-1 among them.",
		Story: func(c *Case) {
			a := c.Account("alice", client.AuthenticatorConfig{})
			// By alg alone RS1 is told from RS256, whose keys clients make.
			algorithms := slices.Clone(client.Algorithms(c.lane.client))
			if c.Target.Feature("authenticator").Value == "u2f" { // which makes no others
				algorithms = []int64{virtualauth.ES256}
			}
			if slices.Contains(algorithms, virtualauth.RS256) {
				algorithms = append(algorithms, rs1)
			}
			asked := 0
			_, offered := a.creation(Setting{Algorithm: AnyAlgorithm})
			for _, alg := range algorithms {
				if offered.offers(alg) {
					continue
				}
				asked++
				t, _ := a.creation(Setting{Algorithm: AnyAlgorithm})
				t.instead = alg
				if alg == rs1 {
					t.instead = virtualauth.RS256
				}
				t.Respond(false)
				if alg == rs1 {
					t.Edit(F{KeyAlgRS1: true})
				}
				c.MustReject(t.Send(noWire), fmt.Sprintf("a registration with a key of algorithm %s, which was not offered,", algorithmText(alg)))
			}
			if asked == 0 {
				c.NotApplicable("all-offered", "the RP offers every algorithm that the authenticator has")
			}
			c.need(a.Run(Registration, Setting{}, noFault, noWire, false), "the same registration with an algorithm that was offered")
		},
	})
	u2f := base
	u2f.ID = "registration.fido-u2f"
	u2f.Setting = Setting{Attestation: "direct", Authenticator: u2fAuthenticator}
	u2f.Needs = []string{"attestation.fido-u2f", needTrust}
	u2f.Abilities = []client.Ability{client.U2FAttestation, client.AttestationKey}
	u2f.Requirements = []string{"webauthn-3/8.6/signature"}
	keys = append(keys, table(u2f,
		row{name: "signature-flipped", title: "A fido-u2f statement whose signature does not verify is refused", fault: F{StatementSigBitFlip: true}, requirement: "webauthn-3/8.6/signature", why: "The signature is what the device vouches with."},
		row{name: "signature-missing", title: "A fido-u2f statement without sig is refused", fault: F{StatementSigMissing: true}, requirement: "webauthn-3/8.6/syntax", why: "A missing signature must not be one that was not checked."},
		row{name: "signature-over-authenticator-data", title: "A fido-u2f signature over what packed signs is refused", fault: F{U2FSigOverAuthData: true}, requirement: "webauthn-3/8.6/signature", why: "Each format signs its own thing."},
		row{name: "signature-over-other-client-data", title: "A fido-u2f signature over other client data is refused", fault: F{StatementSigOtherClientData: true}, requirement: "webauthn-3/8.6/signature", why: "The signature must cover what was sent."},
		row{name: "x5c-missing", title: "A fido-u2f statement without a certificate is refused", fault: F{U2FX5CMissing: true}, requirement: "webauthn-3/8.6/one-certificate", why: "There is no key to verify with."},
		row{name: "x5c-empty", title: "A fido-u2f statement with an empty list of certificates is refused", fault: F{U2FX5CEmpty: true}, requirement: "webauthn-3/8.6/one-certificate", why: "There is no key to verify with."},
		row{name: "x5c-two", title: "A fido-u2f statement with two certificates is refused", fault: F{U2FX5CTwo: true}, requirement: "webauthn-3/8.6/one-certificate", why: "The format has exactly one."},
		row{name: "x5c-unrelated", title: "A fido-u2f statement with another certificate is refused", fault: F{U2FX5CUnrelated: true}, requirement: "webauthn-3/8.6/signature", why: "The certificate must be that of the key that signed."},
	)...)
	packed := base
	packed.ID = "registration.packed-self"
	packed.Setting = self
	packed.Requirements = []string{"webauthn-3/8.2/self-signature"}
	return join(object, keys, table(packed,
		row{name: "signature-flipped", title: "A statement whose signature does not verify is refused", fault: F{StatementSigBitFlip: true}, requirement: "webauthn-3/8.2/self-signature", why: "The signature is the proof that the authenticator holds the key."},
		row{name: "signature-by-another-key", title: "A statement signed by another key is refused", fault: F{StatementSigOtherKey: true}, requirement: "webauthn-3/8.2/self-signature", why: "Self attestation is signed with the credential's own key."},
		row{name: "signature-missing", title: "A statement without sig is refused", fault: F{StatementSigMissing: true}, requirement: "webauthn-3/8.2/syntax", why: "A missing signature must not be one that was not checked."},
		row{name: "signature-text", title: "A sig that is text is refused", fault: F{StatementSigText: true}, requirement: "webauthn-3/8.2/syntax", why: "A value of another type must not be coerced."},
		row{name: "signature-empty", title: "A statement with an empty sig is refused", fault: F{StatementSigEmpty: true}, requirement: "webauthn-3/8.2/self-signature", why: "An empty signature must not be one that was not checked."},
		row{name: "signature-over-other-client-data", title: "A signature over other client data is refused", fault: F{StatementSigOtherClientData: true}, requirement: "webauthn-3/7.1/step-12", why: "The signature must cover what was sent, hash and all."},
		row{name: "signature-over-other-authenticator-data", title: "A signature over other authenticator data is refused", fault: F{StatementSigOtherAuthData: true}, requirement: "webauthn-3/8.2/self-signature", why: "The signature must cover what was sent."},
		row{name: "signature-without-client-data", title: "A signature over authenticator data alone is refused", fault: F{StatementSigNoClientData: true}, requirement: "webauthn-3/7.1/step-12", why: "Without the hash, challenge and origin are not attested at all."},
		row{name: "alg-differs", title: "A statement whose alg is not the key's is refused", fault: F{StatementAlgOther: true}, requirement: "webauthn-3/8.2/self-algorithm", why: "The procedure compares the two before anything else."},
		row{name: "alg-missing", title: "A statement without alg is refused", fault: F{StatementAlgMissing: true}, requirement: "webauthn-3/8.2/syntax", why: "The member is required."},
		row{name: "alg-text", title: "A statement's alg that is text is refused", fault: F{StatementAlgText: true}, requirement: "webauthn-3/8.2/syntax", why: "A value of another type must not be coerced."},
		row{name: "empty", title: "Format packed with an empty statement is refused", fault: F{StatementEmpty: true}, requirement: "webauthn-3/8.2/syntax", why: "Nothing to verify must not be nothing that fails."},
		row{name: "x5c-empty", title: "A statement with an empty certificate list is refused", fault: F{StatementX5CEmpty: true}, requirement: "webauthn-3/8.2/x5c", why: "A list without a leaf is neither a chain nor self attestation."},
		row{name: "x5c-garbage", title: "A statement with bytes for a certificate is refused", fault: F{StatementX5CGarbage: true}, requirement: "webauthn-3/8.2/x5c", why: "A certificate that cannot be read must not be skipped."},
		row{name: "x5c-unrelated", title: "A statement with a certificate of another key is refused", fault: F{StatementX5CUnrelated: true}, requirement: "webauthn-3/8.2/signature", why: "With x5c the signature must be the certificate's, or anyone's certificate will do."},
		row{name: "named-none", title: "A full statement under the name none is refused", fault: F{FormatNoneWithStatement: true}, requirement: "webauthn-3/8.7/empty", why: "A statement that nobody verifies must not look like one that somebody did."},
	))
}

// envelopeRows are faults of the result body that both ceremonies share.
func envelopeRows(data target.Role, dataName string) []row {
	type W = target.WireFaults
	rows := []row{
		{name: "id-missing", title: "A response without id is refused", wire: W{Missing: target.RoleID}, why: "Without an id nobody knows whose key this is."},
		{name: "id-number", title: "An id that is a number is refused", wire: W{Number: target.RoleID}, why: "A value of another JSON type must not be coerced."},
		{name: "id-not-base64url", title: "An id that is not base64url is refused", wire: W{NotBase64URL: target.RoleID}, why: "What does not decode is no credential id."},
		{name: "id-empty", title: "An empty id is refused", wire: W{EmptyString: target.RoleID}, why: "A look-up of nothing must find nothing."},
		{name: "id-differs-from-raw-id", title: "An id that differs from rawId is refused", wire: W{ContradictID: true}, why: "Two ids let one pass the look-up and the other the verification (the class of CVE-2026-0723)."},
		{name: "type-missing", title: "A response without type is refused", wire: W{Missing: target.RoleType}, why: "The member is required."},
		{name: "type-other", title: "A type other than public-key is refused", wire: W{OtherValue: target.RoleType}, why: "It is another kind of credential."},
		{name: "type-number", title: "A type that is a number is refused", wire: W{Number: target.RoleType}, why: "A value of another JSON type must not be coerced."},
		{name: "response-missing", title: "A body without response is refused", wire: W{Missing: target.RoleResponse}, why: "There is nothing to verify."},
		{name: "response-string", title: "A response that is a string is refused", wire: W{String: target.RoleResponse}, why: "A value of another JSON type must not be taken for empty."},
		{name: "client-data-missing", title: "A response without clientDataJSON is refused", wire: W{Missing: target.RoleClientDataJSON}, why: "Without it there is no challenge and no origin to verify."},
		{name: "client-data-number", title: "clientDataJSON that is a number is refused", wire: W{Number: target.RoleClientDataJSON}, why: "A value of another JSON type must not be coerced."},
		{name: "client-data-empty", title: "Empty clientDataJSON is refused", wire: W{EmptyString: target.RoleClientDataJSON}, why: "An empty string must not count as nothing to verify."},
		{name: "client-data-null", title: "clientDataJSON that is null is refused", wire: W{Null: target.RoleClientDataJSON}, why: "null must not count as nothing to verify."},
		{name: "body-empty", title: "An empty body is refused", wire: W{BodyEmpty: true}, requirement: "touchstone/no-crash", why: "A server must answer whatever comes."},
		{name: "body-not-json", title: "A body that is not JSON is refused", wire: W{BodyNotJSON: true}, requirement: "touchstone/no-crash", why: "A server must answer whatever comes."},
		{name: "body-truncated", title: "A body cut short is refused", wire: W{BodyTruncated: true}, requirement: "touchstone/no-crash", why: "Connections break; half a body is none."},
		{name: "body-array", title: "A body that is a JSON array is refused", wire: W{BodyArray: true}, requirement: "touchstone/no-crash", why: "A server must answer whatever comes."},
		{name: "body-null", title: "A body that is null is refused", wire: W{BodyNull: true}, requirement: "touchstone/no-crash", why: "The commonest way to crash a server that expects an object."},
		{name: "body-deep", title: "A deeply nested body does no harm", wire: W{BodyDeep: true}, level: Posture, requirement: "touchstone/no-crash", why: "Recursive parsers run out of stack."},
		{name: "body-huge", title: "A body of one mebibyte does no harm", wire: W{BodyHuge: true}, level: Posture, requirement: "touchstone/no-crash", why: "Nobody needs so much; refusing it or reading past it will do, but one request must not take the server away from the others."},
	}
	for _, f := range []struct {
		name, title string
		wire        W
	}{
		{"missing", "A response without " + dataName + " is refused", W{Missing: data}},
		{"number", dataName + " that is a number is refused", W{Number: data}},
		{"empty", "Empty " + dataName + " is refused", W{EmptyString: data}},
		{"null", dataName + " that is null is refused", W{Null: data}},
		{"not-base64url", dataName + " that is not base64url is refused", W{NotBase64URL: data}},
	} {
		rows = append(rows, row{name: kebab(dataName) + "-" + f.name, title: f.title, wire: f.wire, why: "There is nothing to verify, and nothing must not pass for verified."})
	}
	return rows
}

// kebab turns a member's name into the words of an id.
func kebab(name string) string {
	var out []byte
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			if len(out) > 0 {
				out = append(out, '-')
			}
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return string(out)
}

func registrationEnvelope() []*Check {
	base := Check{ID: "registration.envelope", Ceremony: Registration, Level: Must, Expect: Reject, Requirements: []string{"webauthn-3/7.1/step-3"}}
	rows := envelopeRows(target.RoleAttestationObject, "attestationObject")
	for i := range rows {
		if at := memberRequirement(rows[i].name, "webauthn-3/7.1/step-3"); at != "" && rows[i].requirement == "" {
			rows[i].requirement = at
		}
		if strings.HasPrefix(rows[i].name, "id-") {
			// §7.1 takes the credential id from the authenticator data: an RP may never
			// read the one beside it.
			rows[i].level = Posture
		}
	}
	rows = append(rows, row{name: "credential-id-mismatch", title: "An id other than that in the attestation object is noticed", fault: virtualauth.Faults{CredentialIDMismatch: true}, requirement: "webauthn-3/7.1/step-27.id", level: Posture, why: "An RP that stores the one and looks up the other locks its user out, or lets another in."})
	return table(base, rows...)
}

// memberRequirement is the ledger's row of the member of a response that a row
// of envelopeRows spoils; shape is the row of the response as a whole.
func memberRequirement(name, shape string) string {
	for _, m := range []struct{ prefix, requirement string }{
		{"id-differs-from-raw-id", "webauthn-3/5.1/id-is-raw-id"},
		{"id-", "webauthn-3/5.1/id"},
		{"type-", "webauthn-3/5.1/type"},
		{"response-", shape},
		{"client-data-", "webauthn-3/5.2/client-data-json"},
		{"attestation-object-", "webauthn-3/5.2.1/attestation-object"},
		{"authenticator-data-", "webauthn-3/5.2.2/authenticator-data"},
		{"signature-", "webauthn-3/5.2.2/signature"},
	} {
		if strings.HasPrefix(name, m.prefix) {
			return m.requirement
		}
	}
	return ""
}
