package suites_test

import (
	"strings"

	"github.com/touchstone-webauthn/touchstone/rp"
)

// leftOutUnnoticed says why no check notices that the reference RP leaves out a
// step; empty for steps that some check must notice.
func leftOutUnnoticed(step string) string {
	for _, e := range []struct{ prefix, why string }{
		{"7.1.3.id", "an id that is not base64url is no credential's id either, which 7.1.13.credential-id notices"},
		{"7.2.3.id", "an id that is not base64url is in no allow list, which 7.2.5 notices"},
		{"7.1.5", "UTF-8 decode never fails; what is no UTF-8 is no JSON, which 7.1.6 notices"},
		{"7.2.8", "UTF-8 decode never fails; what is no UTF-8 is no JSON, which 7.2.9 notices"},
		{"7.1.6.duplicates", "the RP reads the second member, whose value its own step refuses"},
		{"7.2.9.duplicates", "the RP reads the second member, whose value its own step refuses"},
		{"7.1.6.token-binding", "a policy of stricter requirement sets"},
		{"7.2.9.token-binding", "a policy of stricter requirement sets"},
		{"7.1.8.expiry", "no check waits for a challenge to expire"},
		{"7.2.11.expiry", "no check waits for a challenge to expire"},
		{"7.1.11.", "11.1 and 11.2 refuse the same topOrigin where framing is not expected"},
		{"7.2.14.", "14.1 and 14.2 refuse the same topOrigin where framing is not expected"},
		{"7.1.13.nesting", "a statement of nested arrays does not fit its format either"},
		{"7.1.20.algorithm", "a key without alg is none of those offered either"},
		{"7.1.20.supported", "what cannot be verified is not offered either"},
		{"7.1.28", "a policy that the reference RP does not have by itself, and credProtect, which no check asks for"},
		{"7.2.5", "7.2.6 notices the same: the credential is not the account's"},
		{"7.2.6.known-owner", "7.2.5 notices the same: the credential is in no allow list of the account"},
		{"7.2.7.", "checks of canonical CBOR look at registrations"},
		{"7.2.15.appid", "no check lets a client lie about appid"},
		{"7.2.23", "a policy that the reference RP does not have by itself"},
		{"7.2.24.2", "the stored backup state shows nowhere on the wire"},
		{"7.1.24.none", "a policy that the reference RP does not have by itself"},
		{"7.1.24.self", "a policy that the reference RP does not have by itself"},
		{"7.1.24.anchor-in-chain", "a policy of stricter requirement sets"},
		{"7.1.24.order", "chains here have one intermediate: in another order the leaf is not the first, which 7.1.22 notices"},
		{"7.1.24.issuers", "no check has a certificate issued by one that is no CA's and leads to a trusted root"},
		{"7.1.24.critical", "8.2.1.aaguid-critical refuses the same certificate"},
		{"8.2.1.aaguid-critical", "7.1.24.critical refuses the same certificate"},
		{"8.2.1.version", "certificates of version 1 have no extensions: a leaf without them fails 8.2.1.basic-constraints"},
		{"8.2.1.serial", "a demand on makers of authenticators: no check makes a certificate with a device's serial number"},
		{"8.3.1.version", "certificates of version 1 have no extensions: a leaf without them fails the other steps of 8.3.1"},
		{"8.3.1.aaguid-critical", "stricter than the text, which says it of packed certificates alone"},
		{"8.3.syntax", "a statement of the wrong shape does not verify either"},
		{"8.4.syntax", "a statement of the wrong shape does not verify either"},
		{"8.5.syntax", "a statement of the wrong shape does not verify either"},
		{"8.5.timestamp", "freshness is asked for by the service's documentation, and no check waits"},
		{"8.8.syntax", "a statement of the wrong shape does not verify either"},
		{"8.9.not-nested", "7.1.13.nesting refuses the same: one statement within another is too deep for CTAP2 CBOR"},
		{"8.9.syntax", "a statement of the wrong shape does not verify either"},
		{"8.2.syntax", "a statement of the wrong shape does not verify either"},
		{"8.6.syntax", "a statement of the wrong shape does not verify either"},
		{"8.6.certificate-key", "no check makes a fido-u2f certificate of another curve"},
		{"8.6.public-key", "the COSE key's own steps refuse short coordinates first"},
		{"8.6.zero-aaguid", "a policy of stricter requirement sets"},
		{"fortanix.unlock", "no check changes second factors without unlocking"},
		{"fortanix.recovery-code-once", "no check uses a recovery code"},
		{"u2f.", "no check breaks a U2F registration"},
		{"dfns.", "no check breaks a user action or a Key credential"},
	} {
		if step == e.prefix || strings.HasPrefix(step, e.prefix+".") || strings.HasSuffix(e.prefix, ".") && strings.HasPrefix(step, e.prefix) {
			return e.why
		}
	}
	return ""
}

// leftOutPolicy is what the reference RP must have decided for a step to do anything.
func leftOutPolicy(step string, cfg *rp.Config) {
	switch step {
	case "7.2.22", "7.2.24.1":
		cfg.Policy.RejectCounterRegression = true
	}
}
