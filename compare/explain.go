package compare

import (
	"slices"
	"strings"
)

const (
	webauthn    = "https://www.w3.org/TR/webauthn-3/#"
	credentials = "https://www.w3.org/TR/credential-management-1/#"
)

// circumstances is what an explanation looks at.
type circumstances struct {
	field  string
	engine string // chrome, firefox or another client's name
	o, ref Fields
	got    string // the outcome
	asked  asked
	in     Input
}

// explanation is a reason for differences, with when it holds.
type explanation struct {
	class  Class
	anchor string
	why    string
	holds  func(c circumstances) bool
}

func (c circumstances) chrome() bool  { return c.engine == "chrome" }
func (c circumstances) firefox() bool { return c.engine == "firefox" }

// resolvedInstead: this client resolved where the reference did not.
func (c circumstances) resolvedInstead() bool { return c.field == "outcome" && c.got == resolved }

// extension: one of the extensions was asked for.
func (c circumstances) extension(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return c.asked.has("extensions", n) })
}

// explanations are tried in order; the first that holds is the reason.
var explanations = []explanation{
	{Token, "", "each model has its own AAGUID, and it is zeroes where the client hides the model", func(c circumstances) bool { return c.field == "aaguid" }},
	{Token, "", "each authenticator counts in its own way, or not at all", func(c circumstances) bool { return c.field == "sign-count" }},
	{Token, "", "each authenticator has ids of its own length", func(c circumstances) bool { return c.field == "credential-id" }},
	{Token, "", "Firefox's virtual token is a USB token to pages whatever transport it was given", func(c circumstances) bool {
		return c.field == "transports" && c.firefox() && c.o["transports"] == "usb"
	}},
	{Token, "", "Chrome's virtual phone has BLE beside hybrid", func(c circumstances) bool {
		return c.field == "transports" && c.o["transports"] == "ble hybrid"
	}},
	{Token, "", "Firefox's virtual token answers whatever attachment is asked for", func(c circumstances) bool {
		return c.firefox() && c.resolvedInstead() && c.asked.has("authenticatorSelection", "authenticatorAttachment")
	}},
	{Token, "", "Chrome's virtual authenticators have an attestation key and a certificate, the others attest with the credential's own key", func(c circumstances) bool {
		return c.field == "statement" && (c.o["statement"] == "alg sig x5c" || c.ref["statement"] == "alg sig x5c")
	}},
	{Browser, webauthn + "dom-collectedclientdata-crossorigin", "a page in a frame of another site is cross-origin whatever is on top; Firefox compares it with the top page alone, so that the Relying Party is not told of the frame in between", func(c circumstances) bool {
		return c.firefox() && c.field == "client-data" && c.in.Frame.Top == c.in.Origin && len(c.in.Frame.Between) > 0 && strings.Contains(c.o["client-data"], "crossOrigin=false")
	}},
	{Browser, webauthn + "dom-publickeycredentialcreationoptions-attestationformats", "the client does not know attestationFormats, so it converts nothing and prefers nothing", func(c circumstances) bool {
		return c.asked.has("attestationFormats") && (c.resolvedInstead() || c.field == "format" || c.field == "statement")
	}},
	{Token, "", "Firefox's virtual token has ES256 alone", func(c circumstances) bool {
		return c.firefox() && (c.field == "algorithm" && c.o["algorithm"] == "-7 ES256" ||
			c.got == "NotAllowedError" && len(c.asked.algorithms()) > 0 && !c.asked.offers(-7))
	}},
	{Token, "", "Chrome's virtual authenticators have ES256, EdDSA, RS256 and ML-DSA, and the virtual client's have more", func(c circumstances) bool {
		return c.chrome() && (c.got == "NotAllowedError" || c.field == "algorithm") && len(c.asked.algorithms()) > 0 && !c.asked.offers(-7, -8, -257, -48, -49, -50)
	}},
	{Token, "", "with a virtual authenticator Chrome does not raise a timeout that is unreasonably short, as it does with a person", func(c circumstances) bool {
		return c.chrome() && c.got == "NotAllowedError" && c.asked.zeroTimeout()
	}},
	{Token, "", "Firefox's virtual token performs what it cannot verify: UV stays clear, which the Relying Party must refuse", func(c circumstances) bool {
		return c.firefox() && c.resolvedInstead() && !c.in.Authenticator.UserVerification &&
			(c.asked.text("userVerification") == "required" || c.asked.text("authenticatorSelection", "userVerification") == "required")
	}},
	{Browser, webauthn + "sctn-createCredential", "Chrome makes no resident key where the user cannot be verified, and does not fall back to another where one is only preferred", func(c circumstances) bool {
		return c.chrome() && c.got == "NotAllowedError" && !c.in.Authenticator.UserVerification &&
			slices.Contains([]string{"required", "preferred"}, c.asked.text("authenticatorSelection", "residentKey"))
	}},
	{Token, "", "Firefox's virtual token keeps and returns the user handle of credentials that are not resident", func(c circumstances) bool {
		handle := strings.Contains(c.o["toJSON"], "userHandle") && !strings.Contains(c.ref["toJSON"], "userHandle")
		return c.firefox() && (c.field == "user-handle" && c.ref["user-handle"] == "absent" || c.field == "toJSON" && handle)
	}},
	{Token, "", "Firefox's virtual token appends the output of hmac-secret to what it has signed already, without setting ED, so that the signature verifies without it only; a Relying Party rightly refuses that", func(c circumstances) bool {
		return c.firefox() && strings.Contains(c.o["authenticator-extensions"], "ED is not set") &&
			slices.Contains([]string{"flags", "signature", "authenticator-extensions"}, c.field)
	}},
	{Token, "", "Firefox's virtual token answers hmac-secret for every credential, also for one that was made without", func(c circumstances) bool {
		return c.firefox() && c.extension("prf") && c.field == "extensions" && c.asked.method == "get"
	}},
	{Token, "", "Chrome's virtual authenticators do prf without hmac-secret in the authenticator data", func(c circumstances) bool {
		return c.chrome() && c.extension("prf", "hmacCreateSecret") && (c.field == "authenticator-extensions" || c.field == "flags")
	}},
	{Token, "", "Chrome's virtual authenticators say nothing in the authenticator data of a credBlob that they do not store", func(c circumstances) bool {
		return c.chrome() && c.extension("credBlob") && c.field == "authenticator-extensions"
	}},
	{Token, "", "Firefox's virtual token has no prf at registration, only whether it is enabled", func(c circumstances) bool {
		return c.firefox() && c.extension("prf") && (c.field == "extensions" || c.field == "authenticator-extensions" || c.field == "flags")
	}},
	{Token, "", "Chrome asks an authenticator with credProtect for it with resident keys, unasked, and the virtual client does as Chrome; Firefox does not", func(c circumstances) bool {
		return c.firefox() && c.in.Authenticator.With.CredBlob && !c.extension("credBlob", "getCredBlob") &&
			(c.field == "authenticator-extensions" || c.field == "flags")
	}},
	{Allowed, webauthn + "sctn-extensions", "extensions are optional for clients, and Firefox has no largeBlob and no credBlob: it says nothing of them, not even that they are not supported", func(c circumstances) bool {
		return c.firefox() && c.extension("largeBlob", "credBlob", "getCredBlob") &&
			(c.resolvedInstead() || slices.Contains([]string{"extensions", "authenticator-extensions", "flags"}, c.field))
	}},
	{Allowed, webauthn + "sctn-extensions", "extensions are optional for clients, and Firefox has no appidExclude: it neither checks nor uses it", func(c circumstances) bool {
		return c.firefox() && c.resolvedInstead() && c.extension("appidExclude")
	}},
	{Browser, webauthn + "sctn-appid-extension", "an appid that is not authorised is a SecurityError; Chrome, and the virtual client with it, has a SyntaxError for what is no URL", func(c circumstances) bool {
		return c.field == "outcome" && c.extension("appid") && c.got == "SecurityError" && c.ref["outcome"] == "SyntaxError"
	}},
	{Allowed, "https://fidoalliance.org/specs/fido-v2.2-ps-20250714/fido-client-to-authenticator-protocol-v2.2-ps-20250714.html#sctn-credProtect-extension", "the extension does not say which combinations a client refuses, nor with which error; Chrome, and the virtual client with it, refuses what cannot be meant", func(c circumstances) bool {
		return c.field == "outcome" && c.extension("credentialProtectionPolicy", "enforceCredentialProtectionPolicy")
	}},
	{Allowed, webauthn + "dom-publickeycredentialcreationoptions-excludecredentials", "the specification sets no limit; Chrome's is 64, and the virtual client has it too", func(c circumstances) bool {
		name, list := c.asked.descriptors()
		return c.field == "outcome" && name != "" && len(list) > 64
	}},
	{Browser, webauthn + "dom-publickeycredentialdescriptor-type", "a descriptor of an unknown type is to be ignored, and Firefox uses its id", func(c circumstances) bool {
		_, list := c.asked.descriptors()
		_, unknown := types(list)
		return c.firefox() && c.field == "outcome" && unknown > 0
	}},
	{Browser, webauthn + "dom-publickeycredentialdescriptor-type", "a list of which every member is ignored must be an error, for an empty list means any credential; Chrome takes it for one", func(c circumstances) bool {
		_, list := c.asked.descriptors()
		known, unknown := types(list)
		return c.chrome() && c.resolvedInstead() && known == 0 && unknown > 0
	}},
	{Allowed, webauthn + "dom-publickeycredentialdescriptor-transports", "transports are a hint, and Firefox asks the authenticator all the same", func(c circumstances) bool {
		_, list := c.asked.descriptors()
		return c.firefox() && c.resolvedInstead() && slices.ContainsFunc(list, func(v any) bool {
			o, _ := v.(map[string]any)
			return o["transports"] != nil
		})
	}},
	{Browser, webauthn + "base64url-encoding", "base64url is without padding here; Firefox takes it with", func(c circumstances) bool {
		return c.firefox() && c.resolvedInstead() && c.asked.json && c.ref["outcome"] == "EncodingError"
	}},
	{Browser, webauthn + "sctn-createCredential", "conditional creation without consent or a recent sign-in is a NotAllowedError; this client waits", func(c circumstances) bool {
		return c.in.Call.Mediation == "conditional" && c.asked.method == "create" && c.got == waiting
	}},
	{Allowed, credentials + "algorithm-request", "the client has no conditional creation", func(c circumstances) bool {
		return c.in.Call.Mediation == "conditional" && c.asked.method == "create" && c.got == "NotSupportedError"
	}},
	{Token, "", "Chrome's virtual environment has no list to pick from and gives up at once where no credential fits", func(c circumstances) bool {
		return c.chrome() && c.in.Call.Mediation == "conditional" && c.got == "NotAllowedError"
	}},
	{Token, "", "Firefox waits for a person to pick the credential, and its virtual token is no person", func(c circumstances) bool {
		return c.firefox() && c.in.Call.Mediation == "conditional" && c.got == waiting
	}},
	{Browser, credentials + "algorithm-request", "what needs the user resolves with null under \"silent\"", func(c circumstances) bool {
		return c.in.Call.Mediation == "silent" && c.field == "outcome"
	}},
	{Allowed, webauthn + "enum-userVerificationRequirement", "the client may verify the user although it need not", func(c circumstances) bool {
		less := strings.TrimSpace(strings.ReplaceAll(c.o["flags"]+" ", "UV ", "")) == strings.TrimSpace(strings.ReplaceAll(c.ref["flags"]+" ", "UV ", ""))
		return c.field == "flags" && less
	}},
	{Allowed, webauthn + "sctn-getClientCapabilities", "each client tells what it can do itself", func(c circumstances) bool {
		return c.in.Call.Method == "getClientCapabilities"
	}},
	{Browser, webauthn + "sctn-signal-methods", "the client has no signal methods", func(c circumstances) bool {
		return strings.HasPrefix(c.in.Call.Method, "signal") && c.got == "TypeError"
	}},
	{Allowed, webauthn + "dom-publickeycredential-isconditionalmediationavailable", "Chrome has no conditional mediation with a virtual authenticator's environment", func(c circumstances) bool {
		return c.in.Call.Method == "isConditionalMediationAvailable"
	}},
	{Allowed, webauthn + "sctn-parseCreationOptionsFromJSON", "a parser keeps the extensions that the client knows and may fill in defaults", func(c circumstances) bool {
		return strings.HasPrefix(c.in.Call.Method, "parse") && c.field == "value"
	}},
}

// explain fills in whose doing a difference is.
func explain(d *Difference, in Input, found []Finding, ref, o Outcome) {
	d.Class = Unexplained
	if departs(d, in, ref, o) {
		return
	}
	// A browser that the others are held against may be the one that departs.
	if e := engine(ref); (e == "chrome" || e == "firefox") && departs(d, in, o, ref) {
		return
	}
	if d.Field != "outcome" {
		return
	}
	for _, f := range found {
		if f.Must {
			d.Class, d.Anchor, d.Why = RP, f.Anchor, f.Path+": "+f.Text
			return
		}
	}
}

// departs looks for a reason in the client of o, held against that of ref.
func departs(d *Difference, in Input, ref, o Outcome) bool {
	for _, n := range in.notes {
		if n.Client == engine(o) && (n.Field == "" || n.Field == d.Field) {
			d.Class, d.Anchor, d.Why = n.Class, n.Anchor, n.Why
			return true
		}
	}
	c := circumstances{field: d.Field, engine: engine(o), o: o.Fields, ref: ref.Fields, got: o.Fields["outcome"], asked: read(in), in: in}
	for _, e := range explanations {
		if e.holds(c) {
			d.Class, d.Anchor, d.Why = e.class, e.anchor, e.why
			return true
		}
	}
	return false
}
