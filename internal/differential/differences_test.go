package differential

import (
	"fmt"
	"slices"
	"strings"
)

// difference is why the two judge some responses differently.
type difference struct {
	title string
	// checks of the suite, and faults of the virtual authenticator, that show it.
	checks, faults []string
	// ours are the steps that the reference RP refuses at, with all that is below
	// them; theirs are parts of what go-webauthn refuses with.
	ours, theirs []string
	// right is a key of rights, anchor the fragment of the text that says so.
	right, anchor, why string
}

var rights = map[string]string{
	"ours":   "The reference RP is right",
	"should": "The text recommends what the reference RP does",
	"theirs": "go-webauthn is right",
	"either": "The text leaves it open",
}

// explains tells whether the difference is of this kind.
func (d difference) explains(j judged) bool {
	if j.ours == nil {
		return slices.ContainsFunc(d.theirs, func(reason string) bool { return strings.Contains(j.theirs.Error(), reason) })
	}
	return slices.ContainsFunc(d.ours, func(step string) bool { return j.ours.Step == step || strings.HasPrefix(j.ours.Step, step+".") })
}

func (j judged) String() string {
	s := ""
	if j.format != "" {
		s = j.format + ": "
	}
	if j.ours == nil {
		return s + fmt.Sprintf("the reference RP accepts it, go-webauthn refuses: %v", j.theirs)
	}
	return s + fmt.Sprintf("go-webauthn accepts it, the reference RP refuses at %q: %s", j.ours.Step, j.ours.Message)
}

var differences = []difference{
	{
		title:  "A byte order mark",
		checks: []string{"registration.accepted.byte-order-mark", "authentication.accepted.byte-order-mark"},
		faults: []string{"client-data-bom"},
		theirs: []string{"Error parsing attestation response", "invalid character 'ï'"},
		right:  "ours", anchor: "sctn-registering-a-new-credential",
		why: "steps 5 of §7.1 and 8 of §7.2 run UTF-8 decode, which MUST drop a leading byte order mark; its JSON parser takes the mark for an error",
	},
	{
		title:  "Members in capitals",
		checks: []string{"registration.client-data.type-member-wrong-case", "authentication.client-data.type-member-wrong-case"},
		faults: []string{"client-data-member-case"},
		ours:   []string{"7.1.7", "7.2.10"},
		right:  "ours", anchor: "dictionary-client-data",
		why: "any JSON parser will do, but the member is type, and JSON's names are case-sensitive; Go's decoder takes Type for it",
	},
	{
		title: "An origin that is written in another way",
		checks: []string{"registration.client-data.origin-path", "registration.client-data.origin-trailing-slash", "registration.client-data.origin-upper-case",
			"authentication.client-data.origin-path", "authentication.client-data.origin-trailing-slash", "authentication.client-data.origin-upper-case"},
		faults: []string{"origin-default-port", "origin-path", "origin-trailing-slash", "origin-upper-case"},
		ours:   []string{"7.1.9", "7.2.12"},
		right:  "should", anchor: "sctn-validating-origin",
		why: "an application with one origin SHOULD require it exactly, but validation MAY be exact string matching or any other method; it compares scheme, host and port of what it parses as a URL. No browser writes an origin so",
	},
	{
		title:  "tokenBinding",
		faults: []string{"token-binding-no-status", "token-binding-not-object", "token-binding-unknown-status"},
		theirs: []string{"token binding present", "Error parsing attestation response", "CollectedClientData.tokenBinding"},
		right:  "ours", anchor: "dom-collectedclientdata-tokenbinding",
		why: "the member is reserved in Level 3 and no step looks at it; it goes by Level 2. No check of the current set sends these",
	},
	{
		title:  "CBOR that is not canonical",
		checks: []string{"registration.attestation.members-reordered", "registration.attestation.non-minimal"},
		faults: []string{"cbor-non-minimal", "cbor-reordered", "key-non-minimal", "key-reordered"},
		ours:   []string{"7.1.13.key-order", "7.1.13.shortest-form"},
		right:  "should", anchor: "sctn-conforming-all-classes",
		why: "decoders SHOULD reject what is not in the CTAP2 canonical form; it judges neither the order of keys nor the shortest form of numbers",
	},
	{
		title: "A key that nobody could verify with",
		checks: []string{"registration.public-key.alg-of-other-curve", "registration.public-key.compressed", "registration.public-key.curve-missing", "registration.public-key.curve-wrong",
			"registration.public-key.point-off-curve", "registration.public-key.point-zero", "registration.public-key.type-missing", "registration.public-key.type-wrong",
			"registration.public-key.x-missing", "registration.public-key.x-short", "registration.public-key.y-missing"},
		faults: []string{"key-alg-other", "key-compressed", "key-curve-missing", "key-curve-wrong", "key-point-off-curve", "key-point-zero", "key-type-missing", "key-type-wrong",
			"key-x-empty", "key-x-long", "key-x-missing", "key-x-short", "key-x-text", "key-y-missing"},
		ours:  []string{"7.1.20"},
		right: "either", anchor: "sctn-alg-identifier",
		why: "§5.8.5 and §6.5.1 say what the key MUST be, but of §7.1 only step 20 looks at it, at alg alone; where no attestation procedure takes the key, it is stored as it is and fails at the first login",
	},
	{
		title:  "A weak RSA key",
		checks: []string{"registration.algorithms.rsa-exponent-one", "registration.algorithms.rsa-modulus-short"},
		ours:   []string{"7.1.20.rsa"},
		right:  "either", anchor: "sctn-alg-identifier",
		why: "RFC 8812, which the registry of algorithms leads to, wants 2048 bits at least, RFC 8017 an exponent of 3 at least; no step of §7.1 looks at either, and it stores the key under none",
	},
	{
		title:  "A key with more members than it may have",
		checks: []string{"registration.public-key.extra-member", "registration.public-key.private-part"},
		faults: []string{"key-extra-member", "key-private-part"},
		ours:   []string{"7.1.20.no-optional", "7.1.20.no-private"},
		right:  "either", anchor: "sctn-attested-credential-data",
		why: "the key MUST NOT contain other optional parameters, which is asked of who makes it: no step has the Relying Party look",
	},
	{
		title:  "An assertion with attested credential data",
		checks: []string{"authentication.authenticator-data.attested-data"},
		faults: []string{"assertion-attested-data"},
		ours:   []string{"7.2.7.no-attested-data"},
		right:  "either", anchor: "sctn-op-get-assertion",
		why: "an authenticator leaves them out of an assertion, but no step of §7.2 has the Relying Party look; it skips them, and takes no key from there",
	},
	{
		title:  "An attestation object without its statement",
		checks: []string{"registration.attestation.statement-missing", "registration.attestation.statement-null"},
		faults: []string{"statement-missing", "statement-null"},
		ours:   []string{"7.1.13"},
		right:  "ours", anchor: "sctn-none-attestation",
		why: "step 13 decodes attStmt, which for none is the empty map; it does not look whether it is there",
	},
	{
		title:  "x5c that is no array",
		checks: []string{"registration.packed-self.x5c-not-an-array"},
		faults: []string{"statement-x5c-not-array"},
		ours:   []string{"8.2.syntax"},
		right:  "ours", anchor: "sctn-packed-attestation",
		why: "the procedure's first step verifies the syntax, in which x5c is an array; it takes it for absent, and the statement for self attestation",
	},
	{
		title:  "The AppID used by a credential that was registered without attestation",
		checks: []string{"authentication.extensions.appid-login"},
		theirs: []string{"RP Hash mismatch"},
		right:  "ours", anchor: "sctn-appid-extension",
		why: "where the output of appid is true, the Relying Party MUST expect the hash of the AppID; it does only for a credential whose attestation was fido-u2f, which a U2F key's is not where none was conveyed",
	},
	{
		title:  "The output of appid without the AppID's hash",
		checks: []string{"authentication.extensions.appid-output-contradicts"},
		ours:   []string{"7.2.15.appid"},
		right:  "ours", anchor: "sctn-appid-extension",
		why: "where the output of appid is true, the Relying Party MUST expect the hash of the AppID, not of the RP ID; it ignores the output but for credentials whose attestation was fido-u2f",
	},
	{
		title:  "An output of appid that nobody asked for",
		faults: []string{"extension-result-appid"},
		theirs: []string{"Session Data does not have an appid"},
		right:  "either", anchor: "authn-ceremony-verify-extension-outputs",
		why: "a Relying Party may ignore outputs that it did not ask for or refuse them; its own setting for that, which is to ignore them here, does not reach this one",
	},
}
