package suites

import (
	"encoding/base64"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// attested is a setting whose registration carries a statement of this format.
func attested(format string) Setting {
	return Setting{Authenticator: client.AuthenticatorConfig{Format: format}}
}

// statement is the base of the checks of one format's verification procedure.
func statement(format, requirement string) Check {
	return Check{
		ID: "registration." + format, Ceremony: Registration, Level: Must, Expect: Reject,
		Setting: attested(format), Requirements: []string{requirement},
	}
}

// accepted is the check that a valid registration in the format is accepted.
func accepted(format, title, why, requirement string) *Check {
	return &Check{
		ID: "registration." + format + ".accepted", Title: title, Why: why, Level: Must,
		Requirements: []string{requirement, "webauthn-3/7.1/step-22"}, Ceremony: Registration, Setting: attested(format), Expect: Accept,
	}
}

// registrationFormats are the verification procedures of
// https://www.w3.org/TR/webauthn-3/#sctn-defined-attestation-formats beyond
// self attestation, each step broken by itself, and the judgement of trust.
func registrationFormats() []*Check {
	return join(packedChecks(), packedSelfKeyChecks(), u2fChecks(), tpmChecks(), androidKeyChecks(), appleChecks(), safetyNetChecks(), compoundChecks(), trustChecks())
}

func packedChecks() []*Check {
	type F = virtualauth.Faults
	const procedure = "webauthn-3/8.2/signature"
	base := statement(virtualauth.FormatPacked, procedure)
	legal := base
	legal.Expect = Accept
	return join([]*Check{accepted(virtualauth.FormatPacked, "Packed attestation with a certificate is accepted",
		"It is what security keys send when they are asked who made them.", procedure)},
		table(legal,
			row{name: "two-intermediates", title: "A packed certificate under two intermediate authorities is accepted", fault: F{CertificateTwoIntermediates: true}, level: Should, requirement: "webauthn-3/7.1/step-24.anchor", why: "A chain is as long as the vendor made it; nothing bounds it at one intermediate."},
			row{name: "without-aaguid-extension", title: "A packed certificate without AAGUID extension is accepted", fault: F{CertificateAAGUIDAbsent: true}, requirement: "webauthn-3/8.2.1/aaguid-extension", why: "The extension is needed only where one root serves several models; older keys have none."},
		),
		table(base,
			row{name: "signature-flipped", title: "A packed signature that does not verify with the certificate is refused", fault: F{StatementSigBitFlip: true}, requirement: "webauthn-3/8.2/signature", why: "Anyone can attach a vendor's certificate; only the signature shows that the vendor's key took part."},
			row{name: "signature-by-another-key", title: "A packed signature by another key than the certificate's is refused", fault: F{StatementSigOtherKey: true}, requirement: "webauthn-3/8.2/signature", why: "A certificate is public; a software key beside it would pass for certified hardware."},
			row{name: "signature-truncated", title: "A packed signature cut short is refused", fault: F{StatementSigTruncated: true}, requirement: "webauthn-3/8.2/signature", why: "A comparison over the shorter length is none."},
			row{name: "signature-trailing-byte", title: "A packed signature with a byte behind it is refused", fault: F{StatementSigTrailing: true}, requirement: "webauthn-3/6.5.5/signature-format", level: Should, why: "A lax DER reader gives every statement many forms."},
			row{name: "signature-missing", title: "A packed statement with a certificate and no sig is refused", fault: F{StatementSigMissing: true}, requirement: "webauthn-3/8.2/syntax", why: "A certificate without a signature vouches for nothing."},
			row{name: "signature-text", title: "A packed sig that is text beside a certificate is refused", fault: F{StatementSigText: true}, requirement: "webauthn-3/8.2/syntax", why: "A value of another type must not be coerced into a signature."},
			row{name: "signature-empty", title: "An empty packed sig beside a certificate is refused", fault: F{StatementSigEmpty: true}, requirement: "webauthn-3/8.2/signature", why: "An empty signature must not be one that was not checked."},
			row{name: "signature-over-other-client-data", title: "A packed signature over other client data is refused", fault: F{StatementSigOtherClientData: true}, requirement: "webauthn-3/8.2/signature", why: "A statement recorded elsewhere would vouch for this registration."},
			row{name: "signature-without-client-data", title: "A packed signature over authenticator data alone is refused", fault: F{StatementSigNoClientData: true}, requirement: "webauthn-3/8.2/signature", why: "Without the hash the statement is bound to no challenge and can be replayed."},
			row{name: "signature-over-other-authenticator-data", title: "A packed signature over other authenticator data is refused", fault: F{StatementSigOtherAuthData: true}, requirement: "webauthn-3/8.2/signature", why: "The attested key and flags would be whatever was put in afterwards."},
			row{name: "alg-missing", title: "A packed statement with a certificate and no alg is refused", fault: F{StatementAlgMissing: true}, requirement: "webauthn-3/8.2/syntax", why: "An RP that guesses the algorithm lets the sender choose it."},
			row{name: "alg-text", title: "A packed alg that is text beside a certificate is refused", fault: F{StatementAlgText: true}, requirement: "webauthn-3/8.2/syntax", why: "A name is not an identifier; readers that coerce it disagree on what it names."},
			row{name: "alg-of-other-key-type", title: "A packed alg that the certificate's key does not go with is refused", fault: F{StatementAlgOther: true}, requirement: "webauthn-3/8.2/signature", why: "A verifier that disregards alg verifies something else than what was stated."},
			row{name: "alg-unknown", title: "A packed alg that nothing defines is refused", fault: F{StatementAlgUnknown: true}, requirement: "webauthn-3/8.2/signature", why: "An unknown algorithm must not be a reason to skip the verification."},
			row{name: "empty", title: "An empty packed statement in place of one with a certificate is refused", fault: F{StatementEmpty: true}, requirement: "webauthn-3/8.2/syntax", why: "Stripping the statement must not turn attestation into none."},
			row{name: "chain-reversed", title: "A packed certificate list in reverse order is refused", fault: F{CertificateChainReversed: true}, requirement: "webauthn-3/8.2/signature", why: "The first certificate is the one that signs; an RP that searches the list accepts signatures by the issuer."},
			row{name: "certificate-trailing-bytes", title: "Bytes behind a packed certificate are refused", fault: F{CertificateTrailing: true}, level: Should, requirement: "webauthn-3/8.2/syntax", why: "Two parsers would see two certificates."},
			row{name: "certificate-of-ca", title: "A packed leaf that is a certification authority's is refused", fault: F{CertificateIsCA: true}, requirement: "webauthn-3/8.2.1/basic-constraints", why: "Such a leaf can issue further ones, so one device could vouch for any number."},
			row{name: "certificate-unit-other", title: "A packed leaf whose unit is not Authenticator Attestation is refused", fault: F{CertificateUnitOther: true}, requirement: "webauthn-3/8.2.1/unit", why: "The vendor's other certificates, for servers or code, would attest authenticators."},
			row{name: "certificate-country-missing", title: "A packed leaf without country is refused", fault: F{CertificateCountryMissing: true}, requirement: "webauthn-3/8.2.1/country", why: "The profile names it; what is let go here is a profile that is not checked at all."},
			row{name: "certificate-country-name", title: "A packed leaf with the name of a country in place of its code is refused", fault: F{CertificateCountryName: true}, requirement: "webauthn-3/8.2.1/country", why: "A member that is only asked to be there holds anything; lists of vendors by country then hold nothing."},
			row{name: "certificate-organization-missing", title: "A packed leaf without organization is refused", fault: F{CertificateOrganizationMissing: true}, requirement: "webauthn-3/8.2.1/organization", why: "Nobody could tell which vendor vouches."},
			row{name: "certificate-name-missing", title: "A packed leaf without common name is refused", fault: F{CertificateNameMissing: true}, requirement: "webauthn-3/8.2.1/common-name", why: "The profile names it; a certificate made for something else may have none."},
			row{name: "certificate-aaguid-other", title: "A packed leaf that names another AAGUID is refused", fault: F{CertificateAAGUIDOther: true}, requirement: "webauthn-3/8.2/aaguid", why: "One model would pass for another of the same vendor, past every list of allowed models (the class of CVE-2026-6856)."},
			row{name: "certificate-aaguid-critical", title: "A packed leaf with a critical AAGUID extension is refused", fault: F{CertificateAAGUIDCritical: true}, requirement: "webauthn-3/8.2.1/aaguid-critical", why: "The profile forbids it; verifiers that do not know the extension would break on it."},
		))
}

// keyFaultOf is the story of a fault that only keys of one algorithm can have, which
// is asked where the RP offers it: a sound registration, and one with the fault.
func keyFaultOf(alg int64, s Setting, f virtualauth.Faults, sound, faulty string) func(*Case) {
	s.Algorithm = alg
	return func(c *Case) {
		c.of(c.Account("any", s.Authenticator), alg)
		c.need(c.Account("bob", s.Authenticator).Run(Registration, s, noFault, noWire, false), sound)
		c.MustReject(c.Account("alice", s.Authenticator).Run(Registration, s, f, noWire, false), faulty)
	}
}

// packedSelfKeyChecks: a key that nothing verifies with cannot have made its own
// statement, which turns the SHOULD of format none into a MUST.
func packedSelfKeyChecks() []*Check {
	type F = virtualauth.Faults
	base := Check{ID: "registration.packed-self", Ceremony: Registration, Level: Must, Expect: Reject, Setting: self, Requirements: []string{"webauthn-3/8.2/self-signature"}}
	short := &Check{
		ID: "registration.packed-self.ed25519-key-short", Title: "Self attestation by an Ed25519 key of 31 bytes is refused",
		Why:   "Where nobody looks at the length before, libraries for Ed25519 do not answer no, they end the program.",
		Level: Must, Requirements: base.Requirements, Needs: []string{"registration", "attestation.packed-self"}, Abilities: []client.Ability{client.Faults, client.SelfAttestation},
		Story: keyFaultOf(virtualauth.EdDSA, self, F{KeyXShort: true}, "a self attestation by a sound Ed25519 key", "a self attestation by an Ed25519 key that lacks its first byte"),
	}
	return append(table(base,
		row{name: "key-point-off-curve", title: "Self attestation by a key off the curve is refused", fault: F{KeyPointOffCurve: true}, requirement: "webauthn-3/8.2/self-signature", why: "No signature verifies with such a key; one that seems to was not verified."},
		row{name: "key-curve-wrong", title: "Self attestation by a key of another curve than its algorithm's is refused", fault: F{KeyCurveWrong: true}, requirement: "webauthn-3/8.2/self-signature", why: "The statement cannot have been verified with the key as it stands."},
		row{name: "key-type-wrong", title: "Self attestation by a symmetric key is refused", fault: F{KeyTypeWrong: true}, requirement: "webauthn-3/8.2/self-signature", why: "Whoever reads the key could make the signature."},
		row{name: "key-x-missing", title: "Self attestation by a key without its x coordinate is refused", fault: F{KeyXMissing: true}, requirement: "webauthn-3/8.2/self-signature", why: "There is no key to verify with, so nothing was verified."},
		row{name: "key-x-short", title: "Self attestation by a key with a short coordinate is refused", fault: F{KeyXShort: true}, requirement: "webauthn-3/8.2/self-signature", why: "A coordinate that is filled up in silence is another key than the one that came."},
		row{name: "key-compressed", title: "Self attestation by a compressed key is refused", fault: F{KeyCompressed: true}, requirement: "webauthn-3/8.2/self-signature", why: "WebAuthn keys are uncompressed; a reader that takes a sign bit for y verifies with garbage."},
	), short)
}

func u2fChecks() []*Check {
	type F = virtualauth.Faults
	base := Check{
		ID: "registration.fido-u2f", Ceremony: Registration, Level: Must, Expect: Reject, Requirements: []string{"webauthn-3/8.6/signature"},
		Setting: Setting{Attestation: "direct", Authenticator: u2fAuthenticator}, Needs: []string{"attestation.fido-u2f", needTrust},
		Abilities: []client.Ability{client.U2FAttestation, client.AttestationKey},
	}
	return table(base,
		row{name: "signature-text", title: "A fido-u2f sig that is text is refused", fault: F{StatementSigText: true}, requirement: "webauthn-3/8.6/syntax", why: "A value of another type must not be coerced into a signature."},
		row{name: "signature-empty", title: "An empty fido-u2f sig is refused", fault: F{StatementSigEmpty: true}, requirement: "webauthn-3/8.6/signature", why: "An empty signature must not be one that was not checked."},
		row{name: "signature-truncated", title: "A fido-u2f signature cut short is refused", fault: F{StatementSigTruncated: true}, requirement: "webauthn-3/8.6/signature", why: "A comparison over the shorter length is none."},
		row{name: "signature-without-client-data", title: "A fido-u2f signature that leaves out the client data hash is refused", fault: F{StatementSigNoClientData: true}, requirement: "webauthn-3/8.6/signature", why: "Without the challenge in it, an old registration of the device can be replayed."},
		row{name: "signature-by-another-key", title: "A fido-u2f signature by another key than the certificate's is refused", fault: F{StatementSigOtherKey: true}, requirement: "webauthn-3/8.6/signature", why: "The batch certificate is public; any key beside it would pass for the vendor's."},
		row{name: "empty", title: "An empty fido-u2f statement is refused", fault: F{StatementEmpty: true}, requirement: "webauthn-3/8.6/syntax", why: "Stripping the statement must not turn attestation into none."},
		row{name: "x5c-not-an-array", title: "A fido-u2f certificate outside an array is refused", fault: F{U2FX5CNotArray: true}, requirement: "webauthn-3/8.6/syntax", why: "What does not fit the syntax must not be repaired by guess."},
		row{name: "certificate-of-other-curve", title: "A fido-u2f certificate over a key of P-384 is refused", fault: F{U2FCertificateOtherCurve: true}, requirement: "webauthn-3/8.6/certificate-key", why: "U2F knows P-256 alone; a verifier that takes any key takes weaker ones, too."},
		row{name: "key-y-missing", title: "A fido-u2f registration of a key without its y coordinate is refused", fault: F{KeyYMissing: true}, requirement: "webauthn-3/8.6/public-key", why: "The signed point is made of x and y; without both there is nothing that was signed."},
	)
}

func tpmChecks() []*Check {
	type F = virtualauth.Faults
	const procedure = "webauthn-3/8.3/signature"
	base := statement(virtualauth.FormatTPM, procedure)
	base.Setting.Algorithm = virtualauth.RS256 // the one that every TPM has
	plain := accepted(virtualauth.FormatTPM, "TPM attestation of ECC and RSA keys is accepted", "Every Windows device with Windows Hello attests this way, most with RSA keys.", procedure)
	plain.Ceremony, plain.Expect = "", ""
	plain.Needs, plain.Setting = []string{"attestation.tpm", needTrust}, Setting{}
	plain.Abilities = []client.Ability{client.AttestationFormats}
	plain.Story = func(c *Case) {
		asked := false
		for _, alg := range []int64{virtualauth.ES256, virtualauth.RS256} {
			s := attested(virtualauth.FormatTPM)
			s.Algorithm = alg
			a := c.Account("of "+virtualauth.AlgorithmName(alg), s.Authenticator)
			t, o := a.creation(s)
			if !o.offers(alg) {
				continue
			}
			asked = true
			t.Respond(true)
			c.MustAccept(t.Send(noWire), "a registration with TPM attestation of a key for "+virtualauth.AlgorithmName(alg))
		}
		if !asked {
			c.NotApplicable("not-offered", "the RP offers neither ES256 nor RS256, and a TPM has no others")
		}
	}
	exponent := &Check{
		ID: "registration.tpm.rsa-exponent-other", Title: "A TPM statement over an RSA key of another exponent is refused",
		Why:   "pubArea writes the usual exponent as 0 and the credential key writes it out; who compares the two by bytes at fixed places compares too little, or reads past the end.",
		Level: Must, Requirements: []string{"webauthn-3/8.3/public-key"}, Needs: plain.Needs, Abilities: []client.Ability{client.AttestationFormats, client.Faults},
		Story: keyFaultOf(virtualauth.RS256, attested(virtualauth.FormatTPM), F{KeyExponentOther: true}, "a TPM attestation of an RSA key", "a TPM attestation of an RSA key whose exponent is not the one in pubArea"),
	}
	legal := base
	legal.Expect = Accept
	return join([]*Check{plain, exponent}, table(legal,
		row{name: "names-empty", title: "A certInfo without qualified names is accepted", fault: F{TPMNamesEmpty: true}, requirement: "webauthn-3/8.3/ignored", why: "qualifiedSigner and what follows are to be ignored; a parser that asks them to be names refuses the specification's own example."},
	), table(base,
		row{name: "magic-wrong", title: "A certInfo that no TPM generated is refused", fault: F{TPMMagicWrong: true}, requirement: "webauthn-3/8.3/magic", why: "magic is how a TPM marks what it made itself; without it the AIK may have signed an attacker's bytes."},
		row{name: "type-wrong", title: "A certInfo of another type than certify is refused", fault: F{TPMTypeWrong: true}, requirement: "webauthn-3/8.3/type", why: "A quote or a time stamp says nothing of the key."},
		row{name: "extra-data-other", title: "A certInfo over other data is refused", fault: F{TPMExtraDataOther: true}, requirement: "webauthn-3/8.3/extra-data", why: "extraData binds the certification to this registration; without it an old one serves again."},
		row{name: "name-other", title: "A certInfo that certifies another key is refused", fault: F{TPMNameOther: true}, requirement: "webauthn-3/8.3/name", why: "The TPM vouched for a key that it holds, and the one registered is another."},
		row{name: "public-area-other", title: "A pubArea that is not the credential key is refused", fault: F{TPMPubAreaOther: true}, requirement: "webauthn-3/8.3/public-key", why: "A key in software would be registered under the certification of a key in a TPM."},
		row{name: "version-other", title: "A tpm statement of another version is refused", fault: F{TPMVersionOther: true}, requirement: "webauthn-3/8.3/version", why: "Version 1.2 lays its structures out differently; reading them as 2.0 verifies garbage."},
		row{name: "signature-flipped", title: "A certInfo whose signature does not verify is refused", fault: F{StatementSigBitFlip: true}, requirement: "webauthn-3/8.3/signature", why: "Without the AIK's signature anyone writes a certInfo."},
		row{name: "signature-missing", title: "A tpm statement without sig is refused", fault: F{StatementSigMissing: true}, requirement: "webauthn-3/8.3/syntax", why: "A missing signature must not be one that was not checked."},
		row{name: "signature-text", title: "A tpm sig that is text is refused", fault: F{StatementSigText: true}, requirement: "webauthn-3/8.3/syntax", why: "A value of another type must not be coerced into a signature."},
		row{name: "signature-empty", title: "An empty tpm sig is refused", fault: F{StatementSigEmpty: true}, requirement: "webauthn-3/8.3/signature", why: "An empty signature must not be one that was not checked."},
		row{name: "alg-missing", title: "A tpm statement without alg is refused", fault: F{StatementAlgMissing: true}, requirement: "webauthn-3/8.3/syntax", why: "alg names the hash of extraData too; guessing it is choosing for the sender."},
		row{name: "alg-text", title: "A tpm alg that is text is refused", fault: F{StatementAlgText: true}, requirement: "webauthn-3/8.3/syntax", why: "A name is not an identifier; readers that coerce it disagree on what it names."},
		row{name: "alg-unknown", title: "A tpm alg that nothing defines is refused", fault: F{StatementAlgUnknown: true}, requirement: "webauthn-3/8.3/signature", why: "An unknown algorithm must not be a reason to skip the verification."},
		row{name: "empty", title: "An empty tpm statement is refused", fault: F{StatementEmpty: true}, requirement: "webauthn-3/8.3/syntax", why: "Stripping the statement must not turn attestation into none."},
		row{name: "chain-reversed", title: "A tpm certificate list in reverse order is refused", fault: F{CertificateChainReversed: true}, requirement: "webauthn-3/8.3/signature", why: "The first certificate is the AIK's; an authority's signature certifies no key."},
		row{name: "certificate-trailing-bytes", title: "Bytes behind an AIK certificate are refused", fault: F{CertificateTrailing: true}, level: Should, requirement: "webauthn-3/8.3/syntax", why: "Two parsers would see two certificates."},
		row{name: "certificate-subject", title: "An AIK certificate with a subject is refused", fault: F{TPMSubjectNotEmpty: true}, requirement: "webauthn-3/8.3.1/subject", why: "TCG's profile leaves it empty; a certificate that has one was made for something else."},
		row{name: "certificate-usage-missing", title: "An AIK certificate without the AIK key usage is refused", fault: F{TPMUsageMissing: true}, requirement: "webauthn-3/8.3.1/extended-key-usage", why: "Any certificate of the same issuer, for mail or servers, would attest TPM keys."},
		row{name: "certificate-alternative-name-missing", title: "An AIK certificate without alternative name is refused", fault: F{TPMAltNameMissing: true}, requirement: "webauthn-3/8.3.1/subject-alternative-name", why: "It names the TPM's manufacturer and model, by which broken ones are told."},
		row{name: "certificate-of-ca", title: "An AIK certificate that is a certification authority's is refused", fault: F{TPMCertificateIsCA: true}, requirement: "webauthn-3/8.3.1/basic-constraints", why: "Such a certificate can issue further AIKs for anybody."},
		row{name: "certificate-aaguid-other", title: "An AIK certificate that names another AAGUID is refused", fault: F{CertificateAAGUIDOther: true}, requirement: "webauthn-3/8.3/aaguid", why: "One model would pass for another, past every list of allowed models (the class of CVE-2026-6856)."},
	))
}

func androidKeyChecks() []*Check {
	type F = virtualauth.Faults
	const procedure = "webauthn-3/8.4/signature"
	return append([]*Check{accepted(virtualauth.FormatAndroidKey, "Android key attestation is accepted", "It is how Android's platform authenticator attests keys in secure hardware.", procedure)},
		table(statement(virtualauth.FormatAndroidKey, procedure),
			row{name: "challenge-other", title: "An Android key made for another challenge is refused", fault: F{AndroidKeyChallengeOther: true}, requirement: "webauthn-3/8.4/challenge", why: "A certificate from another registration, even another RP's, would serve here."},
			row{name: "certificate-of-other-key", title: "An Android certificate over another key is refused", fault: F{AndroidKeyCertificateOther: true}, requirement: "webauthn-3/8.4/public-key", why: "The hardware vouched for a key, and the one registered is another."},
			row{name: "description-missing", title: "An Android certificate without key description is refused", fault: F{AndroidKeyExtensionMissing: true}, requirement: "webauthn-3/8.4.1/key-description", why: "Nothing would say where the key lives or for which challenge it was made."},
			row{name: "all-applications", title: "An Android key for all applications is refused", fault: F{AndroidKeyAllApplications: true}, requirement: "webauthn-3/8.4/all-applications", why: "Any app on the device could sign in with it."},
			row{name: "origin-imported", title: "An Android key that was imported is refused", fault: F{AndroidKeyOriginImported: true}, requirement: "webauthn-3/8.4/origin", why: "Whoever imported it has a copy outside the hardware."},
			row{name: "purpose-other", title: "An Android key for encryption is refused", fault: F{AndroidKeyPurposeOther: true}, requirement: "webauthn-3/8.4/purpose", why: "Keys of other purposes may be made to answer attackers' inputs."},
			row{name: "signature-flipped", title: "An android-key signature that does not verify is refused", fault: F{StatementSigBitFlip: true}, requirement: "webauthn-3/8.4/signature", why: "The signature shows that the key in the certificate took part in this registration."},
			row{name: "signature-missing", title: "An android-key statement without sig is refused", fault: F{StatementSigMissing: true}, requirement: "webauthn-3/8.4/syntax", why: "A missing signature must not be one that was not checked."},
			row{name: "signature-text", title: "An android-key sig that is text is refused", fault: F{StatementSigText: true}, requirement: "webauthn-3/8.4/syntax", why: "A value of another type must not be coerced into a signature."},
			row{name: "signature-empty", title: "An empty android-key sig is refused", fault: F{StatementSigEmpty: true}, requirement: "webauthn-3/8.4/signature", why: "An empty signature must not be one that was not checked."},
			row{name: "alg-missing", title: "An android-key statement without alg is refused", fault: F{StatementAlgMissing: true}, requirement: "webauthn-3/8.4/syntax", why: "An RP that guesses the algorithm lets the sender choose it."},
			row{name: "alg-text", title: "An android-key alg that is text is refused", fault: F{StatementAlgText: true}, requirement: "webauthn-3/8.4/syntax", why: "A name is not an identifier; readers that coerce it disagree on what it names."},
			row{name: "alg-unknown", title: "An android-key alg that nothing defines is refused", fault: F{StatementAlgUnknown: true}, requirement: "webauthn-3/8.4/signature", why: "An unknown algorithm must not be a reason to skip the verification."},
			row{name: "empty", title: "An empty android-key statement is refused", fault: F{StatementEmpty: true}, requirement: "webauthn-3/8.4/syntax", why: "Stripping the statement must not turn attestation into none."},
			row{name: "chain-reversed", title: "An android-key certificate list in reverse order is refused", fault: F{CertificateChainReversed: true}, requirement: "webauthn-3/8.4/signature", why: "The first certificate is the key's; the authority's says nothing of the key."},
			row{name: "certificate-trailing-bytes", title: "Bytes behind an Android certificate are refused", fault: F{CertificateTrailing: true}, level: Should, requirement: "webauthn-3/8.4/syntax", why: "Two parsers would see two certificates."},
		)...)
}

func appleChecks() []*Check {
	type F = virtualauth.Faults
	const procedure = "webauthn-3/8.8/nonce"
	base := statement(virtualauth.FormatApple, procedure)
	legal := base
	legal.Expect = Accept
	return join([]*Check{accepted(virtualauth.FormatApple, "Apple anonymous attestation is accepted", "It is how Apple's platform authenticators attest.", procedure)},
		table(legal,
			row{name: "nonce-like-der", title: "An Apple nonce that can be read as DER is accepted", fault: F{AppleNonceLikeDER: true}, requirement: procedure, why: "The nonce is a hash; a certificate library that looks into octet strings finds a value in one of many hundred, and the RP refuses that user by chance."},
		),
		table(base,
			row{name: "nonce-other", title: "An Apple certificate with another nonce is refused", fault: F{AppleNonceOther: true}, requirement: "webauthn-3/8.8/nonce", why: "The nonce is all that binds the certificate to this registration: the format has no signature."},
			row{name: "nonce-missing", title: "An Apple certificate without nonce is refused", fault: F{AppleNonceMissing: true}, requirement: "webauthn-3/8.8/nonce", why: "Any other certificate of the same authority would do, for any registration."},
			row{name: "certificate-of-other-key", title: "An Apple certificate over another key is refused", fault: F{AppleCertificateOther: true}, requirement: "webauthn-3/8.8/public-key", why: "Apple vouched for a key, and the one registered is another."},
			row{name: "empty", title: "An empty apple statement is refused", fault: F{StatementEmpty: true}, requirement: "webauthn-3/8.8/syntax", why: "Stripping the statement must not turn attestation into none."},
			row{name: "chain-reversed", title: "An apple certificate list in reverse order is refused", fault: F{CertificateChainReversed: true}, requirement: "webauthn-3/8.8/nonce", why: "The first certificate is the credential's; the authority's has neither nonce nor key."},
			row{name: "certificate-trailing-bytes", title: "Bytes behind an Apple certificate are refused", fault: F{CertificateTrailing: true}, level: Should, requirement: "webauthn-3/8.8/syntax", why: "Two parsers would see two certificates."},
		))
}

func safetyNetChecks() []*Check {
	type F = virtualauth.Faults
	const procedure = "webauthn-3/8.5/signature"
	return append([]*Check{accepted(virtualauth.FormatAndroidSafetyNet, "SafetyNet attestation is accepted", "Old Android devices have nothing else; an RP that lists the format must verify it.", procedure)},
		table(statement(virtualauth.FormatAndroidSafetyNet, procedure),
			row{name: "nonce-other", title: "A SafetyNet response with another nonce is refused", fault: F{SafetyNetNonceOther: true}, requirement: "webauthn-3/8.5/nonce", why: "Any response that the service ever gave would attest this registration."},
			row{name: "profile-mismatch", title: "A SafetyNet response for a device that failed its tests is refused", fault: F{SafetyNetProfileMismatch: true}, requirement: "webauthn-3/8.5/cts-profile", why: "The service says that the device is rooted or no genuine Android, and the RP takes it for sound."},
			row{name: "host-other", title: "A SafetyNet response signed by another host is refused", fault: F{SafetyNetHostOther: true}, requirement: "webauthn-3/8.5/hostname", why: "Every web server with a certificate would be an attestation service."},
			row{name: "version-empty", title: "A SafetyNet statement with an empty version is refused", fault: F{SafetyNetVersionEmpty: true}, requirement: "webauthn-3/8.5/version", why: "The response is to be valid for its version; for no version it is valid for nothing."},
			row{name: "response-empty", title: "An empty SafetyNet response is refused", fault: F{SafetyNetResponseEmpty: true}, requirement: "webauthn-3/8.5/syntax", why: "Nothing to verify must not be nothing that fails."},
			row{name: "signature-flipped", title: "A SafetyNet response whose signature does not verify is refused", fault: F{SafetyNetSignatureBitFlip: true}, requirement: "webauthn-3/8.5/signature", why: "Reading a JWS without verifying it believes whoever wrote it."},
			row{name: "empty", title: "An empty android-safetynet statement is refused", fault: F{StatementEmpty: true}, requirement: "webauthn-3/8.5/syntax", why: "Stripping the statement must not turn attestation into none."},
		)...)
}

func compoundChecks() []*Check {
	type F = virtualauth.Faults
	const procedure = "webauthn-3/8.9/parts"
	checks := append([]*Check{accepted(virtualauth.FormatCompound, "Compound attestation is accepted", "Authenticators that can attest in several ways send several statements at once.", procedure)},
		table(statement(virtualauth.FormatCompound, procedure),
			row{name: "one-statement", title: "A compound attestation of one statement is refused", fault: F{CompoundOne: true}, requirement: "webauthn-3/8.9/two", why: "Two are the fewest; an RP that counts on two kinds of evidence gets one."},
			row{name: "no-statement", title: "A compound attestation of no statement is refused", fault: F{CompoundEmpty: true}, requirement: "webauthn-3/8.9/two", why: "A loop over nothing finds no fault: every part verified, and there was none."},
			row{name: "not-a-list", title: "A compound attestation that is one statement outside a list is refused", fault: F{CompoundNotArray: true}, requirement: "webauthn-3/8.9/syntax", why: "What does not fit the syntax must not be repaired by guess: one statement is not two."},
			row{name: "nested", title: "A compound attestation within a compound one is refused", fault: F{CompoundNested: true}, requirement: "webauthn-3/8.9/not-nested", why: "Nesting lets one small response set off any number of verifications."},
		)...)
	return append(checks, &Check{
		ID: "registration.compound.all-parts-of-another-ceremony", Title: "A compound attestation of which no part verifies is refused",
		Why:   "How many parts must verify is the RP's choice, but one at least must: else the name compound is a way around every procedure.",
		Level: Must, Requirements: []string{procedure}, Needs: []string{"registration", "attestation.compound", needTrust}, Abilities: []client.Ability{client.AttestationFormats, client.Faults},
		Story: func(c *Case) {
			s := attested(virtualauth.FormatCompound)
			c.need(c.Account("bob", s.Authenticator).Run(Registration, s, noFault, noWire, false), "a registration with compound attestation")
			a := c.Account("alice", s.Authenticator)
			first := a.Begin(Registration, s, false)
			first.Respond(false)
			a.PlugAnother(s.Authenticator)
			t := a.Begin(Registration, s, false)
			t.Respond(false)
			// Every statement covers the first ceremony's client data and goes with the second's.
			old := first.Registration.Response
			t.Registration.Response.AttestationObject, t.Registration.Response.AuthenticatorData = old.AttestationObject, old.AuthenticatorData
			t.Registration.Response.RawID, t.Registration.Response.ID = old.RawID, base64.RawURLEncoding.EncodeToString(old.RawID)
			t.Registration.Response.PublicKey = old.PublicKey
			c.MustReject(t.Send(target.WireFaults{}), "a registration with compound attestation whose parts all cover other client data")
		},
	})
}

// trustChecks judge the path to a trust anchor, which is the RP's policy to ask
// for (https://www.w3.org/TR/webauthn-3/#reg-ceremony-assess-trust).
func trustChecks() []*Check {
	type F = virtualauth.Faults
	base := func(format string) Check {
		b := statement(format, "webauthn-3/7.1/step-24.anchor")
		b.ID = "registration.trust-" + format
		b.Level, b.Needs = Should, []string{needRefusal}
		return b
	}
	return join(
		table(base(virtualauth.FormatPacked),
			row{name: "own-root", title: "A packed attestation that brings its own root along is refused", fault: F{CertificateOwnRoot: true}, requirement: "webauthn-3/7.1/step-24.own-root", why: "A self-signed certificate at the end of x5c is the sender's word for itself, and no anchor (the class of GHSA-6hxq-p678-4hr2)."},
			row{name: "unknown-root", title: "A packed attestation under a root that nobody trusts is refused", fault: F{CertificateUntrusted: true}, requirement: "webauthn-3/7.1/step-24.anchor", why: "Anyone can found an authority; only those that the RP chose count."},
			row{name: "expired", title: "A packed certificate that has expired is refused", fault: F{CertificateExpired: true}, requirement: "webauthn-3/7.1/step-24.validity", why: "Path validation looks at dates; past them nobody answers for the key."},
			row{name: "not-yet-valid", title: "A packed certificate that is not valid yet is refused", fault: F{CertificateNotYetValid: true}, requirement: "webauthn-3/7.1/step-24.validity", why: "Path validation looks at both dates."},
			row{name: "issuer-not-ca", title: "A packed certificate issued by one that is no authority is refused", fault: F{CertificateIssuerNotCA: true}, requirement: "webauthn-3/7.1/step-24.issuers", why: "Whoever has any certificate under the root, of one device, could issue certificates for all others: path validation must look at basicConstraints of every issuer."},
			row{name: "issuer-signature-broken", title: "A packed certificate that its issuer did not sign is refused", fault: F{CertificateSignatureBroken: true}, requirement: "webauthn-3/7.1/step-24.signatures", why: "A chain of matching names is no chain: names can be copied."},
		),
		table(base(virtualauth.FormatTPM),
			row{name: "own-root", title: "A TPM attestation that brings its own root along is refused", fault: F{CertificateOwnRoot: true}, requirement: "webauthn-3/7.1/step-24.own-root", why: "A self-signed certificate at the end of x5c is the sender's word for itself, and no anchor (the class of GHSA-6hxq-p678-4hr2)."},
			row{name: "unknown-root", title: "A TPM attestation under a root that nobody trusts is refused", fault: F{CertificateUntrusted: true}, requirement: "webauthn-3/7.1/step-24.anchor", why: "A software TPM with an authority of its own would pass for hardware."},
			row{name: "expired", title: "An AIK certificate that has expired is refused", fault: F{CertificateExpired: true}, requirement: "webauthn-3/7.1/step-24.validity", why: "AIK certificates are short-lived because TPMs are found to be broken."},
			row{name: "not-yet-valid", title: "An AIK certificate that is not valid yet is refused", fault: F{CertificateNotYetValid: true}, requirement: "webauthn-3/7.1/step-24.validity", why: "Path validation looks at both dates."},
			row{name: "issuer-signature-broken", title: "An AIK certificate that its issuer did not sign is refused", fault: F{CertificateSignatureBroken: true}, requirement: "webauthn-3/7.1/step-24.signatures", why: "A chain of matching names is no chain: names can be copied."},
		),
		table(base(virtualauth.FormatAndroidKey),
			row{name: "own-root", title: "An Android key that brings its own root along is refused", fault: F{CertificateOwnRoot: true}, requirement: "webauthn-3/7.1/step-24.own-root", why: "A self-signed certificate at the end of x5c is the sender's word for itself, and no anchor (the class of GHSA-6hxq-p678-4hr2)."},
			row{name: "unknown-root", title: "An Android key under a root that nobody trusts is refused", fault: F{CertificateUntrusted: true}, requirement: "webauthn-3/7.1/step-24.anchor", why: "An emulator writes whatever key description it likes."},
			row{name: "expired", title: "An Android certificate that has expired is refused", fault: F{CertificateExpired: true}, requirement: "webauthn-3/7.1/step-24.validity", why: "Path validation looks at dates; past them nobody answers for the key."},
			row{name: "not-yet-valid", title: "An Android certificate that is not valid yet is refused", fault: F{CertificateNotYetValid: true}, requirement: "webauthn-3/7.1/step-24.validity", why: "Path validation looks at both dates."},
			row{name: "issuer-signature-broken", title: "An Android certificate that its issuer did not sign is refused", fault: F{CertificateSignatureBroken: true}, requirement: "webauthn-3/7.1/step-24.signatures", why: "A chain of matching names is no chain: names can be copied."},
		),
		table(base(virtualauth.FormatApple),
			row{name: "own-root", title: "An Apple attestation that brings its own root along is refused", fault: F{CertificateOwnRoot: true}, requirement: "webauthn-3/7.1/step-24.own-root", why: "A self-signed certificate at the end of x5c is the sender's word for itself, and no anchor (the class of GHSA-6hxq-p678-4hr2)."},
			row{name: "unknown-root", title: "An Apple attestation under a root that nobody trusts is refused", fault: F{CertificateUntrusted: true}, requirement: "webauthn-3/7.1/step-24.anchor", why: "The format has no signature but the certificate's: without the root there is no evidence at all."},
			row{name: "expired", title: "An Apple certificate that has expired is refused", fault: F{CertificateExpired: true}, requirement: "webauthn-3/7.1/step-24.validity", why: "Apple's certificates live for days; an old one was not made for this registration."},
			row{name: "not-yet-valid", title: "An Apple certificate that is not valid yet is refused", fault: F{CertificateNotYetValid: true}, requirement: "webauthn-3/7.1/step-24.validity", why: "Path validation looks at both dates."},
			row{name: "issuer-signature-broken", title: "An Apple certificate that its issuer did not sign is refused", fault: F{CertificateSignatureBroken: true}, requirement: "webauthn-3/7.1/step-24.signatures", why: "The issuer's signature is the only one in the format."},
		),
	)
}
