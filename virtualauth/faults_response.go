package virtualauth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
)

func optionFault(field, steps string, strength Strength, c Ceremonies, anchor, doc string) faultDef {
	return faultDef{Fault: Fault{Field: field, Doc: doc, Steps: stepsOf(steps), Stage: StageOptions, Ceremonies: c, Strength: strength, Violates: anchor}}
}

// optionFaults act in Client.Create and Client.Get and have no edit.
var optionFaults = []faultDef{
	optionFault("IgnoreExcludeCredentials", "26", MayReject, inRegistration, "dom-publickeycredentialcreationoptions-excludecredentials", "excludeCredentials is disregarded: an authenticator registers the same account twice"),
	optionFault("IgnorePubKeyCredParams", "20", MustReject, inRegistration, "dom-publickeycredentialcreationoptions-pubkeycredparams", "pubKeyCredParams is disregarded: the key is of an algorithm that was not offered where the authenticator has one, else of its first"),
	optionFault("IgnoreResidentKey", "", MayReject, inRegistration, "dom-authenticatorselectioncriteria-residentkey", "residentKey is disregarded: the credential is not discoverable"),
	optionFault("IgnoreAttestation", "24", MayReject, inRegistration, "dom-publickeycredentialcreationoptions-attestation", "attestation is disregarded: there is a statement though none was asked for"),
	optionFault("IgnoreAllowCredentials", "/5", MustReject, inAuthentication, "sctn-verifying-assertion", "allowCredentials is disregarded: another credential for the RP signs"),
	optionFault("IgnoreUserVerification", "16/17", MustReject, inBoth, "dom-authenticatorselectioncriteria-userverification", "userVerification is disregarded: the user is never verified"),
	optionFault("IgnoreExtensions", "28/23", MustAccept, inBoth, "sctn-extensions", "extensions is disregarded: nothing that was asked for is in the outputs"),
}

func responseFault(field, steps string, strength Strength, c Ceremonies, anchor, doc string, do func(*edit) error) faultDef {
	return faultDef{Fault: Fault{Field: field, Doc: doc, Steps: stepsOf(steps), Stage: StageResponse, Ceremonies: c, Strength: strength, Violates: anchor}, edit: do}
}

const (
	anchorID         = "dom-publickeycredential-identifier-slot"
	anchorJSON       = "dictdef-registrationresponsejson"
	anchorUserHandle = "dom-authenticatorassertionresponse-userhandle"
	anchorVerify     = "sctn-verifying-assertion"
	anchorExtensions = "sctn-extensions"
)

// ids are the members that name the credential, in either response.
func (e *edit) ids() (id *string, rawID *[]byte) {
	if e.registration {
		return &e.reg.ID, &e.reg.RawID
	}
	return &e.login.ID, &e.login.RawID
}

// idText replaces the text of id by a function of the raw id.
func idText(change func(e *edit, rawID []byte) string) func(*edit) error {
	return func(e *edit) error {
		id, rawID := e.ids()
		text := change(e, *rawID)
		if text == *id {
			return notApplicable("id is %q already", text)
		}
		*id = text
		return nil
	}
}

func userHandleTo(value func(e *edit) ([]byte, error)) func(*edit) error {
	return func(e *edit) error {
		handle, err := value(e)
		if err != nil {
			return err
		}
		if bytes.Equal(handle, e.login.UserHandle) && (handle == nil) == (e.login.UserHandle == nil) {
			return notApplicable("the user handle is that already")
		}
		e.login.UserHandle = handle
		return nil
	}
}

// extensionResult adds a client extension output.
func extensionResult(name, raw string) func(*edit) error {
	return func(e *edit) error {
		results := &e.reg
		var have map[string]json.RawMessage
		if e.registration {
			have = (*results).ClientExtensionResults
		} else {
			have = e.login.ClientExtensionResults
		}
		if _, there := have[name]; there {
			return notApplicable("there is a result for %s already", name)
		}
		changed := maps.Clone(have)
		if changed == nil {
			changed = make(map[string]json.RawMessage)
		}
		changed[name] = json.RawMessage(raw)
		if e.registration {
			e.reg.ClientExtensionResults = changed
		} else {
			e.login.ClientExtensionResults = changed
		}
		return nil
	}
}

func attachment(text string) func(*edit) error {
	return func(e *edit) error {
		if e.registration {
			e.reg.AuthenticatorAttachment = text
		} else {
			e.login.AuthenticatorAttachment = text
		}
		return nil
	}
}

var responseFaults = []faultDef{
	responseFault("IDOther", "/5", MustReject, inBoth, anchorID, "id names another credential than rawId", idText(func(e *edit, raw []byte) string {
		return base64.RawURLEncoding.EncodeToString(e.draw(max(16, len(raw))))
	})),
	responseFault("RawIDOther", "/5", MustReject, inBoth, anchorID, "rawId names another credential than id", func(e *edit) error {
		_, raw := e.ids()
		*raw = append([]byte{}, e.draw(max(16, len(*raw)))...)
		return nil
	}),
	responseFault("CredentialIDMismatch", "27", MustReject, inRegistration, anchorAttested, "id and rawId agree on another credential than the attested credential data names", func(e *edit) error {
		id, raw := e.ids()
		*raw = append([]byte{}, e.draw(max(16, len(*raw)))...)
		*id = base64.RawURLEncoding.EncodeToString(*raw)
		return nil
	}),
	responseFault("CredentialUnknown", "/6", MustReject, inAuthentication, anchorVerify, "id and rawId agree on a credential that nobody registered", func(e *edit) error {
		id, raw := e.ids()
		*raw = append([]byte{}, e.draw(max(16, len(*raw)))...)
		*id = base64.RawURLEncoding.EncodeToString(*raw)
		return nil
	}),
	responseFault("IDEmpty", "/5", MustReject, inBoth, anchorID, "id is empty", idText(func(*edit, []byte) string { return "" })),
	responseFault("IDPadded", "/5", ShouldReject, inBoth, anchorID, "id has base64 padding", idText(func(_ *edit, raw []byte) string {
		s := base64.URLEncoding.EncodeToString(raw)
		if len(raw)%3 == 0 {
			s += "="
		}
		return s
	})),
	responseFault("IDStandardAlphabet", "/5", ShouldReject, inBoth, anchorID, "id is in the standard base64 alphabet, with its padding", idText(func(_ *edit, raw []byte) string {
		return base64.StdEncoding.EncodeToString(raw)
	})),
	responseFault("IDNotBase64URL", "/5", MustReject, inBoth, anchorID, "id is text that is not base64url", idText(func(*edit, []byte) string { return "not base64url!" })),
	responseFault("IDHex", "/5", MustReject, inBoth, anchorID, "id is in hexadecimal", idText(func(_ *edit, raw []byte) string {
		const digits = "0123456789abcdef"
		out := make([]byte, 0, 2*len(raw))
		for _, b := range raw {
			out = append(out, digits[b>>4], digits[b&15])
		}
		return string(out)
	})),

	responseFault("UserHandleAbsent", "/6", MustReject, inAuthentication, anchorUserHandle, "userHandle is left out, where the user may not be known beforehand", userHandleTo(func(*edit) ([]byte, error) { return nil, nil })),
	responseFault("UserHandleEmpty", "/6", MustReject, inAuthentication, anchorUserHandle, "userHandle is empty", userHandleTo(func(*edit) ([]byte, error) { return []byte{}, nil })),
	responseFault("UserHandleForeign", "/6", MustReject, inAuthentication, anchorUserHandle, "userHandle is that of nobody", userHandleTo(func(e *edit) ([]byte, error) {
		return e.draw(max(16, len(e.login.UserHandle))), nil
	})),
	responseFault("UserHandlePrefix", "/6", MustReject, inAuthentication, anchorUserHandle, "userHandle has lost its last byte", userHandleTo(func(e *edit) ([]byte, error) {
		h := e.login.UserHandle
		if len(h) < 2 {
			return nil, notApplicable("there is no user handle to shorten")
		}
		return h[:len(h)-1], nil
	})),
	responseFault("UserHandleLong", "/6", MustReject, inAuthentication, anchorUserHandle, "userHandle has 65 bytes, one too many", userHandleTo(func(e *edit) ([]byte, error) { return e.draw(65), nil })),
	responseFault("UserHandlePresent", "/6", MustAccept, inAuthentication, anchorUserHandle, "userHandle is the account's own though the credential is not resident", userHandleTo(func(e *edit) ([]byte, error) {
		if len(e.keys.UserHandle) == 0 {
			return nil, notApplicable("the account's user handle is not known: set Keys.UserHandle")
		}
		return bytes.Clone(e.keys.UserHandle), nil
	})),

	responseFault("CopyAuthenticatorData", "13", MayReject, inRegistration, anchorJSON, "the copy of the authenticator data outside the attestation object has the UV flag flipped", func(e *edit) error {
		if len(e.reg.AuthenticatorData) < 37 {
			return notApplicable("the response has no copy of the authenticator data")
		}
		e.reg.AuthenticatorData = bytes.Clone(e.reg.AuthenticatorData)
		e.reg.AuthenticatorData[32] ^= FlagUV
		return nil
	}),
	responseFault("CopyPublicKey", "13", MayReject, inRegistration, anchorJSON, "the copy of the public key outside the attestation object is another key", func(e *edit) error {
		if e.reg.PublicKey == nil {
			return notApplicable("the response has no copy of the public key")
		}
		other, err := e.otherKey(algorithmOf(ES256))
		if err != nil {
			return err
		}
		e.reg.PublicKey, err = algorithmOf(ES256).spki(other.Public(), nil)
		return err
	}),
	responseFault("CopyPublicKeyAlgorithm", "13", MayReject, inRegistration, anchorJSON, "the copy of the algorithm outside the attestation object is another one", func(e *edit) error {
		if e.reg.PublicKeyAlgorithm == RS256 {
			e.reg.PublicKeyAlgorithm = ES256
		} else {
			e.reg.PublicKeyAlgorithm = RS256
		}
		return nil
	}),
	responseFault("TransportsUnknown", "27", MustAccept, inRegistration, "enum-transport", "transports holds one that nothing defines", func(e *edit) error {
		e.reg.Transports = append([]string{"carrier-pigeon"}, e.reg.Transports...)
		return nil
	}),
	responseFault("TransportsEmpty", "27", MustAccept, inRegistration, "enum-transport", "transports is empty", func(e *edit) error {
		if len(e.reg.Transports) == 0 {
			return notApplicable("transports is empty already")
		}
		e.reg.Transports = []string{}
		return nil
	}),
	responseFault("AttachmentUnknown", "", MustAccept, inBoth, "enum-attachment", "authenticatorAttachment is one that nothing defines", attachment("teleported")),
	responseFault("AttachmentAbsent", "", MustAccept, inBoth, "enum-attachment", "authenticatorAttachment is left out", attachment("")),
	responseFault("ExtensionResultUnknown", "28/23", MayReject, inBoth, anchorExtensions, "clientExtensionResults holds a result that nothing defines and nobody asked for", extensionResult("touchstone.unknown", "true")),
	responseFault("ExtensionResultCredProps", "28", MayReject, inRegistration, anchorExtensions, "clientExtensionResults holds credProps though nobody asked for it", extensionResult("credProps", `{"rk":true}`)),
	responseFault("ExtensionResultAppID", "/23", MayReject, inAuthentication, "sctn-appid-extension", "clientExtensionResults says that the AppID was used though nobody asked for it and it was not", extensionResult("appid", "true")),
	responseFault("ExtensionResultAppIDExclude", "28", MayReject, inRegistration, anchorExtensions, "clientExtensionResults holds appidExclude though nobody asked for it", extensionResult("appidExclude", "true")),
}
