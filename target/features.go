package target

// Feature is what a profile declares about one capability of the Relying Party.
type Feature struct {
	// Declared is true when the profile says the Relying Party has it.
	Declared bool
	// Value is the profile's value, "true" for a plain yes.
	Value string
	// Absent is the profile's reason why the Relying Party does not have it;
	// empty when Declared, and when the profile says nothing.
	Absent string
}

// FeatureInfo documents a name that a profile's features or policy may use.
type FeatureInfo struct {
	Name string
	// Policy is true for names of the policy section.
	Policy bool
	// Values are the values allowed; empty means true only, "*" any text.
	Values []string
	Doc    string
}

// Features lists every name that a profile may declare, in a fixed order.
// Names that begin with x- are free.
func Features() []FeatureInfo { return append([]FeatureInfo(nil), features...) }

var (
	yes        = []string{"true"}
	requestOr  = []string{"request", "account", "configuration"}
	preference = []string{"required", "preferred", "discouraged", "unknown"}
)

// FeatureHTTP is the feature of those whose HTTP is their own.
const FeatureHTTP = "http"

// FeatureMDS is the feature of those who were given the suite's metadata BLOBs; nobody
// is who does not say so.
const FeatureMDS = "mds"

var features = []FeatureInfo{
	{"request.user-verification", false, yes, "the caller can ask for a userVerification when it asks for options"},
	{"request.attestation", false, yes, "the caller can ask for an attestation conveyance preference"},
	{"request.resident-key", false, yes, "the caller can ask for residentKey and requireResidentKey"},
	{"request.attachment", false, yes, "the caller can ask for an authenticatorAttachment"},
	{"request.extensions", false, yes, "the caller can ask for extensions"},
	{"extension.appid", false, requestOr, "request options can carry the appid extension: on request, for accounts with a U2F registration, or by configuration"},
	{"extension.appidExclude", false, requestOr, "creation options can carry the appidExclude extension: on request, for accounts with a U2F registration, or by configuration"},
	{"extension.example.extension.bool", false, requestOr, "the options can carry the made-up extension example.extension.bool: on request or by configuration"},
	{"extension.credProps", false, requestOr, "creation options can carry the credProps extension"},
	{"extension.uvm", false, requestOr, "the options can carry the uvm extension of WebAuthn Level 2"},
	{"extension.credProtect", false, requestOr, "creation options can carry credentialProtectionPolicy"},
	{"extension.prf", false, requestOr, "creation options can carry the prf extension"},
	{"extension.largeBlob", false, requestOr, "creation options can carry the largeBlob extension"},
	{"extension.hmacCreateSecret", false, requestOr, "creation options can carry hmacCreateSecret"},
	{"extension.minPinLength", false, requestOr, "creation options can carry minPinLength"},
	{"extension.credBlob", false, requestOr, "creation options can carry credBlob"},
	{"extension.outputs", false, yes, "the result body has a member for client extension results"},
	{"extension.unknown-outputs", false, yes, "the result body may carry outputs of extensions that were not asked for"},
	{"authentication", false, yes, "the dialect has an authentication ceremony"},
	{"u2f-registration", false, yes, "a U2F device can be registered through the U2F API"},
	{"login.usernameless", false, yes, "an authentication can begin without a username, with an empty allow list"},
	{"login.username", false, yes, "an authentication can begin with a username, and the allow list is that account's"},
	{"registration.session-bound", false, yes, "a registration's options belong to a session, such as a cookie's, and another session cannot finish it"},
	{"login.session-bound", false, yes, "a login's options belong to a session, such as a cookie's, and another session cannot finish it"},
	{"login.in-session", false, yes, "a login can begin in a session that can also register"},
	{"credentials.several", false, yes, "one account can have several credentials"},
	{"exclude-list", false, yes, "creation options list the account's credentials in excludeCredentials"},
	{"allow-list", false, yes, "request options list the account's credentials in allowCredentials"},
	{"attestation.none", false, yes, "attestation statement format none is accepted"},
	{"attestation.packed-self", false, yes, "self attestation in format packed is accepted"},
	{"attestation.packed", false, yes, "format packed with a certificate chain is accepted"},
	{"attestation.fido-u2f", false, yes, "format fido-u2f is accepted"},
	{"attestation.tpm", false, yes, "format tpm is accepted"},
	{"attestation.android-key", false, yes, "format android-key is accepted"},
	{"attestation.android-safetynet", false, yes, "format android-safetynet is accepted"},
	{"attestation.apple", false, yes, "format apple is accepted"},
	{"attestation.compound", false, yes, "format compound is accepted"},
	{"session-probe", false, yes, "the Relying Party can be asked whether a session is logged in"},
	{"enumeration", false, yes, "an unauthenticated caller can ask for request options by username, so answers for known and unknown accounts can be compared"},
	{"account.isolated", false, yes, "fresh accounts can be made at will, several at once"},
	{FeatureHTTP, false, yes, "the HTTP that is spoken is the Relying Party's own: its status codes, header fields, media types and error texts (so unless it is said to be absent, as where a gateway rewrites them; an adapter has none)"},
	{"member.rawId", false, yes, "the result body has a rawId member"},
	{"member.type", false, yes, "the result body has a type member"},
	{"member.userHandle", false, yes, "the assertion's result body has a userHandle member"},
	{"member.transports", false, yes, "the registration's result body has a member for transports"},
	{"options.timeout", false, yes, "the options can carry a timeout"},
	{"options.extensions", false, yes, "the options can carry extensions"},
	{"options.hints", false, yes, "the options can carry hints"},
	{"origin.cross", false, yes, "the Relying Party expects ceremonies in cross-origin iframes"},
	{"conditional-create", false, []string{"true", "request"}, "the Relying Party takes a registration without user presence (conditional create): always, or where the request for options says so"},
	{FeatureMDS, false, yes, "the Relying Party was given the suite's metadata BLOBs and their root, and judges attestation by them"},
	{"challenge.expiry", false, []string{"*"}, "how long a challenge lives, as a duration such as 5m, where the Relying Party lets it be known"},

	{"user-verification", true, preference, "the userVerification of options when the caller asks for none"},
	{"resident-key", true, preference, "the residentKey of creation options when the caller asks for none"},
	{"attestation", true, []string{"none", "indirect", "direct", "enterprise", "unknown"}, "the attestation of creation options when the caller asks for none"},
	{"counter", true, []string{"reject", "signal", "unknown"}, "what a signature counter that does not grow leads to"},
	{"trust", true, []string{"*"}, "which of the suite's attestation roots the Relying Party trusts: names separated by spaces, all, or none"},
	{"untrusted", true, []string{"reject", "accept", "unknown"}, "what an attestation that chains to no trusted root leads to"},
	{"authenticator", true, []string{"u2f", "any"}, "the kind of authenticator that the Relying Party takes; u2f where it takes no attestation but a U2F key's"},
	{"origins", true, []string{"*"}, "further origins that the Relying Party accepts, separated by spaces"},
	{"top-origins", true, []string{"*"}, "origins of pages that may frame the Relying Party's, separated by spaces (goes with origin.cross)"},
	{"failure-status", true, []string{"*"}, "the HTTP status that a refused ceremony has, where the documents fix one"},
}
