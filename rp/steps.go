package rp

import "github.com/touchstone-webauthn/touchstone/rp/ceremony"

// DialectSteps are the steps that belong to the dialects and not to the core:
// what Config.LeaveOut can name besides the core's own steps.
func DialectSteps() []ceremony.Step {
	const (
		verify    = "https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion"
		challenge = "https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges"
		u2f       = "https://fidoalliance.org/specs/fido-u2f-v1.2-ps-20170411/fido-u2f-raw-message-formats-v1.2-ps-20170411.html"
		dfns      = "https://docs.dfns.co/api-reference/auth/create-user-action-signature"
		fortanix  = "https://support.fortanix.com/reference/mfanewchallenge"
	)
	steps := []ceremony.Step{
		{Name: "answers.alike", Anchor: "https://www.w3.org/TR/webauthn-3/#sctn-username-enumeration", Title: "a refused login does not tell which of user, credential and signature was wrong"},
		{Name: "session.refused-login", Anchor: verify, Title: "a refused assertion leaves the session logged out"},
		{Name: "fortanix.second-factor", Anchor: verify, Title: "a token is good only after its second factor"},
		{Name: "fortanix.unlock", Anchor: fortanix, Title: "second factors change only while their configuration is unlocked"},
		{Name: "fortanix.unlock.password", Anchor: fortanix, Title: "the configuration of second factors is unlocked by the password"},
		{Name: "fortanix.lock", Anchor: fortanix, Title: "the configuration of second factors is locked when that is asked for"},
		{Name: "fortanix.lock.purpose", Anchor: fortanix, Title: "second factors serve nothing else while they are being configured"},
		{Name: "fortanix.owed", Anchor: verify, Title: "a session that owes its second factor does nothing else"},
		{Name: "fortanix.one-device", Anchor: fortanix, Title: "one device is added in one request"},
		{Name: "fortanix.device-name", Anchor: fortanix, Title: "a device has a name"},
		{Name: "fortanix.device-deleted", Anchor: fortanix, Title: "the credential of a deleted device is deleted"},
		{Name: "fortanix.u2f-login", Anchor: fortanix, Title: "the old API logs nobody in"},
		{Name: "fortanix.recovery-code", Anchor: fortanix, Title: "a recovery code is one that was given out"},
		{Name: "fortanix.recovery-code-renewed", Anchor: fortanix, Title: "new recovery codes void the old ones"},
		{Name: "fortanix.approval.owner", Anchor: fortanix, Title: "an approval request is seen by those it concerns"},
		{Name: "fortanix.approval.bound", Anchor: challenge, Title: "an assertion approves the request that its challenge was made for"},
		{Name: "fortanix.approval.verified", Anchor: verify, Title: "the assertion of an approval verifies"},
		{Name: "fortanix.approval.assertion", Anchor: fortanix, Title: "who has a second factor approves with it"},
		{Name: "fortanix.recovery-code-once", Anchor: fortanix, Title: "a recovery code serves once"},
		{Name: "u2f.signature", Anchor: u2f, Title: "the signature of a U2F registration verifies"},
		{Name: "u2f.challenge", Anchor: u2f, Title: "the challenge of a U2F registration is the one issued"},
		{Name: "u2f.origin", Anchor: u2f, Title: "the origin of a U2F registration is one of the RP's"},
		{Name: "dfns.user-action", Anchor: dfns, Title: "a change needs a user action token"},
		{Name: "dfns.user-action.once", Anchor: dfns, Title: "a user action token serves once"},
		{Name: "dfns.user-action.method", Anchor: dfns, Title: "a user action token serves the method it was signed for"},
		{Name: "dfns.user-action.path", Anchor: dfns, Title: "a user action token serves the path it was signed for"},
		{Name: "dfns.user-action.payload", Anchor: dfns, Title: "a user action token serves the exact body it was signed for"},
		{Name: "dfns.user-action.user", Anchor: dfns, Title: "a user action token serves the user who signed for it"},
		{Name: "dfns.encrypted-private-key", Anchor: dfns, Title: "a PasswordProtectedKey comes with its encrypted private key"},
		{Name: "dfns.recovery-key", Anchor: dfns, Title: "a RecoveryKey is no factor of a login"},
		{Name: "dfns.code.once", Anchor: dfns, Title: "a code serves one credential"},
		{Name: "dfns.code.life", Anchor: dfns, Title: "a code lives a minute at most"},
		{Name: "dfns.key.bytes", Anchor: dfns, Title: "the signature of a key is over its client data as they came"},
		{Name: "dfns.key.signature", Anchor: dfns, Title: "the signature of a Key credential verifies"},
		{Name: "dfns.key.challenge", Anchor: challenge, Title: "the challenge of a Key credential is the one issued"},
		{Name: "dfns.inactive", Anchor: verify, Title: "a deactivated credential logs nobody in"},
	}
	for i := range steps {
		steps[i].Check = true
	}
	return steps
}
