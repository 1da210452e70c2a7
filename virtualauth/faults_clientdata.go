package virtualauth

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf16"
)

// clientFault is a fault of the client data of both ceremonies. The steps are
// written "7/10": step 7 of §7.1 and step 10 of §7.2.
func clientFault(field, steps string, strength Strength, doc string, do func(*edit) error) faultDef {
	return faultDef{Fault: Fault{Field: field, Doc: doc, Steps: stepsOf(steps), Stage: StageClientData, Ceremonies: inBoth, Strength: strength}, edit: do}
}

// stepsOf reads "7/10", "7" or "/10".
func stepsOf(s string) []string {
	var steps []string
	registration, authentication, _ := strings.Cut(s, "/")
	if registration != "" {
		steps = append(steps, "7.1."+registration)
	}
	if authentication != "" {
		steps = append(steps, "7.2."+authentication)
	}
	return steps
}

// at replaces the anchor that a fault is taken to violate.
func (d faultDef) at(anchor string) faultDef {
	d.Violates = anchor
	return d
}

// only narrows a fault to some ceremonies.
func (d faultDef) only(c Ceremonies) faultDef {
	d.Ceremonies = c
	return d
}

// needs narrows a fault to attestation formats.
func (d faultDef) needs(formats ...string) faultDef {
	d.Formats = formats
	return d
}

func dropMember(name string) func(*edit) error {
	return func(e *edit) error { return e.dropClient(name) }
}

func rawMember(name, raw string) func(*edit) error {
	return func(e *edit) error { return e.setClientRaw(name, raw) }
}

func textMember(name, text string) func(*edit) error {
	return func(e *edit) error { return e.setClientText(name, text) }
}

func addMember(raw string) func(*edit) error {
	return func(e *edit) error { return e.addClient(raw) }
}

// challengeText replaces the challenge's text by a function of it.
func challengeText(change func(e *edit, text string) (string, error)) func(*edit) error {
	return func(e *edit) error {
		text, err := change(e, e.challenge)
		if err != nil {
			return err
		}
		return e.setClientText("challenge", text)
	}
}

// challengeBytes is the challenge, decoded.
func (e *edit) challengeBytes() ([]byte, error) {
	b, err := decodeBase64URL(e.challenge)
	if err != nil {
		return nil, notApplicable("the challenge of the client data is not base64url")
	}
	return b, nil
}

// originText replaces the origin by a function of its parts.
func originText(change func(e *edit, o origin) (string, error)) func(*edit) error {
	return func(e *edit) error {
		o, err := e.tuple()
		if err != nil {
			return err
		}
		text, err := change(e, o)
		if err != nil {
			return err
		}
		return e.setClientText("origin", text)
	}
}

// originHost replaces the origin's host by a function of it.
func originHost(change func(host string) string) func(*edit) error {
	return originText(func(_ *edit, o origin) (string, error) {
		o.host = change(o.host)
		return o.String(), nil
	})
}

// wholeClientData replaces the client data by a function of it.
func wholeClientData(change func(e *edit, b []byte) []byte) func(*edit) error {
	return func(e *edit) error {
		e.clientData = change(e, e.clientData)
		return nil
	}
}

// parentDomain is a host without its first label.
func parentDomain(host string) (string, error) {
	_, parent, ok := strings.Cut(host, ".")
	if !ok || isIP(host) {
		return "", notApplicable("%s has no parent domain", host)
	}
	return parent, nil
}

const (
	anchorOrigin     = "sctn-validating-origin"
	anchorChallenge  = "sctn-cryptographic-challenges"
	anchorClientData = "dictionary-client-data"
	anchorSerialise  = "clientdatajson-serialization"
	anchorToken      = "dom-collectedclientdata-tokenbinding"
)

var clientDataFaults = []faultDef{
	clientFault("ClientDataTypeMissing", "7/10", MustReject, "type is left out", dropMember("type")),
	clientFault("ClientDataTypeNumber", "7/10", MustReject, "type is a number", rawMember("type", "1")),
	clientFault("ClientDataTypeNull", "7/10", MustReject, "type is null", rawMember("type", "null")),
	clientFault("ClientDataTypeEmpty", "7/10", MustReject, "type is the empty string", textMember("type", "")),
	clientFault("ClientDataTypeGet", "7", MustReject, "type is webauthn.get, as in an authentication", textMember("type", typeGet)).only(inRegistration),
	clientFault("ClientDataTypeCreate", "/10", MustReject, "type is webauthn.create, as in a registration", textMember("type", typeCreate)).only(inAuthentication),
	clientFault("ClientDataTypeUnknown", "7/10", MustReject, "type is webauthn.sign, which nothing defines", textMember("type", "webauthn.sign")),
	clientFault("ClientDataTypePayment", "7/10", MustReject, "type is payment.get, as in Secure Payment Confirmation", textMember("type", "payment.get")),
	clientFault("ClientDataTypeCase", "7/10", MustReject, "type is in upper case", func(e *edit) error { return e.setClientText("type", strings.ToUpper(e.typ)) }),
	clientFault("ClientDataTypeSpace", "7/10", MustReject, "type has a space behind it", func(e *edit) error { return e.setClientText("type", e.typ+" ") }),
	clientFault("ClientDataTypeInvalidUTF8", "7/10", MustReject, "type ends in a byte that is not UTF-8", func(e *edit) error {
		return e.setClientRaw("type", `"`+e.typ+"\xff\"")
	}),

	clientFault("ChallengeMissing", "8/11", MustReject, "challenge is left out", dropMember("challenge")).at(anchorChallenge),
	clientFault("ChallengeNumber", "8/11", MustReject, "challenge is a number", rawMember("challenge", "1")).at(anchorChallenge),
	clientFault("ChallengeNull", "8/11", MustReject, "challenge is null", rawMember("challenge", "null")).at(anchorChallenge),
	clientFault("ChallengeEmpty", "8/11", MustReject, "challenge is the empty string", textMember("challenge", "")).at(anchorChallenge),
	clientFault("ChallengeOther", "8/11", MustReject, "challenge is another one of the same length", func(e *edit) error {
		b, err := e.challengeBytes()
		if err != nil {
			return err
		}
		return e.setClientText("challenge", base64.RawURLEncoding.EncodeToString(e.draw(max(16, len(b)))))
	}).at(anchorChallenge),
	clientFault("ChallengeTruncated", "8/11", MustReject, "challenge has lost its last byte", func(e *edit) error {
		b, err := e.challengeBytes()
		if err != nil {
			return err
		}
		if len(b) == 0 {
			return notApplicable("the challenge is empty")
		}
		return e.setClientText("challenge", base64.RawURLEncoding.EncodeToString(b[:len(b)-1]))
	}).at(anchorChallenge),
	clientFault("ChallengeExtended", "8/11", MustReject, "challenge starts with the one issued and goes on with sixteen bytes more", func(e *edit) error {
		b, err := e.challengeBytes()
		if err != nil {
			return err
		}
		return e.setClientText("challenge", base64.RawURLEncoding.EncodeToString(append(b, e.draw(16)...)))
	}).at(anchorChallenge),
	clientFault("ChallengeCaseFlipped", "8/11", MustReject, "the case of the challenge's first letter is flipped", challengeText(func(_ *edit, s string) (string, error) {
		for i := range len(s) {
			if c := s[i] | 0x20; c >= 'a' && c <= 'z' {
				return s[:i] + string(s[i]^0x20) + s[i+1:], nil
			}
		}
		return "", notApplicable("the challenge has no letter")
	})).at(anchorChallenge),
	clientFault("ChallengePadded", "8/11", ShouldReject, "challenge has base64 padding behind it", challengeText(func(_ *edit, s string) (string, error) {
		return s + strings.Repeat("=", max(1, (4-len(s)%4)%4)), nil
	})).at(anchorClientData),
	clientFault("ChallengeStandardAlphabet", "8/11", ShouldReject, "challenge is in the standard base64 alphabet, with its padding", func(e *edit) error {
		b, err := e.challengeBytes()
		if err != nil {
			return err
		}
		return e.setClientText("challenge", base64.StdEncoding.EncodeToString(b))
	}).at(anchorClientData),
	clientFault("ChallengeNotBase64URL", "8/11", MustReject, "challenge is text that is not base64url", textMember("challenge", "not base64url!")).at(anchorChallenge),
	clientFault("ChallengeHex", "8/11", MustReject, "challenge is in hexadecimal", func(e *edit) error {
		b, err := e.challengeBytes()
		if err != nil {
			return err
		}
		return e.setClientText("challenge", hex.EncodeToString(b))
	}).at(anchorChallenge),
	clientFault("ChallengeTwiceEncoded", "8/11", MustReject, "challenge is base64url of its base64url text", challengeText(func(_ *edit, s string) (string, error) {
		return base64.RawURLEncoding.EncodeToString([]byte(s)), nil
	})).at(anchorChallenge),

	clientFault("OriginMissing", "9/12", MustReject, "origin is left out", dropMember("origin")).at(anchorOrigin),
	clientFault("OriginNumber", "9/12", MustReject, "origin is a number", rawMember("origin", "1")).at(anchorOrigin),
	clientFault("OriginNull", "9/12", MustReject, "origin is null", rawMember("origin", "null")).at(anchorOrigin),
	clientFault("OriginNullText", "9/12", MustReject, `origin is "null", the serialisation of an opaque origin`, textMember("origin", "null")).at(anchorOrigin),
	clientFault("OriginEmpty", "9/12", MustReject, "origin is the empty string", textMember("origin", "")).at(anchorOrigin),
	clientFault("OriginArray", "9/12", MustReject, "origin is an array that holds the right one", func(e *edit) error {
		return e.setClientRaw("origin", "["+string(appendJSONString(nil, e.origin))+"]")
	}).at(anchorOrigin),
	clientFault("OriginOtherSite", "9/12", MustReject, "origin is of another site", originHost(func(string) string { return "evil.test" })).at(anchorOrigin),
	clientFault("OriginSubdomain", "9/12", MustReject, "origin is of a subdomain", originHost(func(h string) string { return "sub." + h })).at(anchorOrigin),
	clientFault("OriginParent", "9/12", MustReject, "origin is of the parent domain", originText(func(_ *edit, o origin) (string, error) {
		parent, err := parentDomain(o.host)
		o.host = parent
		return o.String(), err
	})).at(anchorOrigin),
	clientFault("OriginOtherScheme", "9/12", MustReject, "origin has scheme http in place of https, or the other way round", originText(func(_ *edit, o origin) (string, error) {
		if o.scheme == "http" {
			o.scheme = "https"
		} else {
			o.scheme = "http"
		}
		return o.String(), nil
	})).at(anchorOrigin),
	clientFault("OriginOtherPort", "9/12", MustReject, "origin has another port", originText(func(_ *edit, o origin) (string, error) {
		if o.port == "44444" {
			o.port = "44445"
		} else {
			o.port = "44444"
		}
		return o.String(), nil
	})).at(anchorOrigin),
	clientFault("OriginDefaultPort", "9/12", ShouldReject, "origin spells out the default port of its scheme", originText(func(_ *edit, o origin) (string, error) {
		if o.port != "" {
			return "", notApplicable("the origin has a port of its own")
		}
		if o.port = "443"; o.scheme == "http" {
			o.port = "80"
		}
		return o.String(), nil
	})).at(anchorOrigin),
	clientFault("OriginSuffixLookalike", "9/12", MustReject, "origin's host has the right one in front: rp.example.evil.test", originHost(func(h string) string { return h + ".evil.test" })).at(anchorOrigin),
	clientFault("OriginPrefixLookalike", "9/12", MustReject, "origin's host ends in the right one with no dot between: evilrp.example", originHost(func(h string) string { return "evil" + h })).at(anchorOrigin),
	clientFault("OriginDotAsAny", "9/12", MustReject, "origin's host has another letter where the last dot is, which an unescaped pattern would match", originText(func(_ *edit, o origin) (string, error) {
		i := strings.LastIndexByte(o.host, '.')
		if i < 0 {
			return "", notApplicable("%s has no dot", o.host)
		}
		o.host = o.host[:i] + "x" + o.host[i+1:]
		return o.String(), nil
	})).at(anchorOrigin),
	clientFault("OriginTrailingSlash", "9/12", ShouldReject, "origin has a slash behind it", originText(func(_ *edit, o origin) (string, error) { return o.String() + "/", nil })).at(anchorOrigin),
	clientFault("OriginPath", "9/12", ShouldReject, "origin has a path behind it", originText(func(_ *edit, o origin) (string, error) { return o.String() + "/login", nil })).at(anchorOrigin),
	clientFault("OriginUserinfo", "9/12", MustReject, "origin has the right host as user information: https://rp.example@evil.test", originText(func(_ *edit, o origin) (string, error) {
		return o.scheme + "://" + o.host + "@evil.test", nil
	})).at(anchorOrigin),
	clientFault("OriginFragment", "9/12", MustReject, "origin has the right one behind a #: https://evil.test#https://rp.example", originText(func(_ *edit, o origin) (string, error) {
		return "https://evil.test#" + o.String(), nil
	})).at(anchorOrigin),
	clientFault("OriginUpperCase", "9/12", ShouldReject, "origin's host is in upper case", originHost(strings.ToUpper)).at(anchorOrigin),
	clientFault("OriginTrailingDot", "9/12", MustReject, "origin's host has a dot behind it", originHost(func(h string) string { return h + "." })).at(anchorOrigin),
	clientFault("OriginHostOnly", "9/12", MustReject, "origin is the bare host", originText(func(_ *edit, o origin) (string, error) { return o.host, nil })).at(anchorOrigin),
	clientFault("OriginSpace", "9/12", MustReject, "origin has a space in front", originText(func(_ *edit, o origin) (string, error) { return " " + o.String(), nil })).at(anchorOrigin),
	clientFault("OriginAndroid", "9/12", MustReject, "origin is that of an Android app", func(e *edit) error {
		return e.setClientText("origin", "android:apk-key-hash:"+base64.RawURLEncoding.EncodeToString(e.draw(32)))
	}).at(anchorOrigin),

	clientFault("CrossOriginTrue", "10/13", MustReject, "crossOrigin is true, where no framing is expected", rawMember("crossOrigin", "true")).at(anchorOrigin),
	clientFault("CrossOriginText", "10/13", MayReject, `crossOrigin is the string "true"`, textMember("crossOrigin", "true")).at(anchorClientData),
	clientFault("CrossOriginNumber", "10/13", MayReject, "crossOrigin is the number 1", rawMember("crossOrigin", "1")).at(anchorClientData),
	clientFault("CrossOriginAbsent", "6/9", MustAccept, "crossOrigin is left out, as clients before Level 2 did", dropMember("crossOrigin")).at(anchorClientData),
	clientFault("TopOriginOther", "11/14", MustReject, "crossOrigin is true and topOrigin is of another site", func(e *edit) error {
		if err := e.setClientRaw("crossOrigin", "true"); err != nil {
			return err
		}
		return e.addClient(`"topOrigin":"https://embedder.test"`)
	}).at(anchorOrigin),
	clientFault("TopOriginAlone", "11/14", MustReject, "topOrigin is present though crossOrigin is false", addMember(`"topOrigin":"https://embedder.test"`)).at(anchorOrigin),
	clientFault("TopOriginOwn", "11/14", MayReject, "topOrigin is the page's own origin though crossOrigin is false", func(e *edit) error {
		return e.addClient(`"topOrigin":` + string(appendJSONString(nil, e.origin)))
	}).at(anchorOrigin),

	clientFault("TokenBindingSupported", "6/9", MustAccept, "tokenBinding is present with status supported, as Level 1 and 2 clients sent it", addMember(`"tokenBinding":{"status":"supported"}`)).at(anchorToken),
	clientFault("TokenBindingPresent", "6/9", MayReject, "tokenBinding is present with status present and an id", func(e *edit) error {
		return e.addClient(`"tokenBinding":{"status":"present","id":"` + base64.RawURLEncoding.EncodeToString(e.draw(32)) + `"}`)
	}).at(anchorToken),
	clientFault("TokenBindingPresentNoID", "6/9", MayReject, "tokenBinding has status present and no id", addMember(`"tokenBinding":{"status":"present"}`)).at(anchorToken),
	clientFault("TokenBindingNotObject", "6/9", MayReject, "tokenBinding is a string", addMember(`"tokenBinding":"supported"`)).at(anchorToken),
	clientFault("TokenBindingNoStatus", "6/9", MayReject, "tokenBinding has no status", addMember(`"tokenBinding":{}`)).at(anchorToken),
	clientFault("TokenBindingUnknownStatus", "6/9", MayReject, "tokenBinding has a status that nothing defines", addMember(`"tokenBinding":{"status":"perhaps"}`)).at(anchorToken),

	clientFault("ClientDataUnknownMember", "6/9", MustAccept, "the client data has a member that nothing defines", addMember(`"other_keys_can_be_added_here":"do not compare clientDataJSON against a template"`)).at(anchorClientData),
	clientFault("ClientDataReordered", "6/9", MustAccept, "the members of the client data stand in reverse order", reverseMembers).at(anchorClientData),
	clientFault("ClientDataWhitespace", "6/9", MustAccept, "the client data has white space between its tokens", spaceMembers).at(anchorClientData),
	clientFault("ClientDataEscaped", "6/9", MustAccept, `the first letter of type is written as a \u escape`, func(e *edit) error {
		if e.typ == "" {
			return notApplicable("the client data has no type")
		}
		const digits = "0123456789abcdef"
		return e.setClientRaw("type", `"\u00`+string([]byte{digits[e.typ[0]>>4], digits[e.typ[0]&15]})+e.typ[1:]+`"`)
	}).at(anchorClientData),
	clientFault("ClientDataBOM", "5/8", MustAccept, "the client data starts with a byte order mark, which UTF-8 decode drops", wholeClientData(func(_ *edit, b []byte) []byte {
		return append(utf8BOM[:3:3], b...)
	})),
	clientFault("ClientDataTwoBOMs", "6/9", MustReject, "the client data starts with two byte order marks, of which UTF-8 decode drops one", wholeClientData(func(_ *edit, b []byte) []byte {
		return append(append(utf8BOM[:3:3], utf8BOM...), b...)
	})),
	clientFault("ClientDataMemberCase", "7/10", MustReject, "the names of type, challenge and origin are capitalised, so that none of them is there", func(e *edit) error {
		for _, name := range []string{"type", "challenge", "origin"} {
			m, err := e.clientMember(name)
			if err != nil {
				return err
			}
			e.clientData[m.nameAt+1] ^= 0x20
		}
		return nil
	}),
	clientFault("ClientDataDuplicateType", "7/10", MustReject, "a second and wrong type stands behind the right one; JSON parsing takes the last", addMember(`"type":"webauthn.sign"`)),
	clientFault("ClientDataDuplicateChallenge", "8/11", MustReject, "a second and wrong challenge stands behind the right one; JSON parsing takes the last", func(e *edit) error {
		return e.addClient(`"challenge":"` + base64.RawURLEncoding.EncodeToString(e.draw(32)) + `"`)
	}).at(anchorChallenge),
	clientFault("ClientDataDuplicateOrigin", "9/12", MustReject, "a second and wrong origin stands behind the right one; JSON parsing takes the last", addMember(`"origin":"https://evil.test"`)).at(anchorOrigin),
	clientFault("ClientDataInvalidUTF8", "5/8", MayReject, "a member that nothing defines holds a byte that is not UTF-8; UTF-8 decode replaces it", addMember("\"extra\":\"\xff\"")),
	clientFault("ClientDataNotJSON", "6/9", MustReject, "the client data is text that is not JSON", wholeClientData(func(*edit, []byte) []byte { return []byte("not json") })),
	clientFault("ClientDataArray", "6/9", MustReject, "the client data is an array that holds the right object", wholeClientData(func(_ *edit, b []byte) []byte {
		return append(append([]byte("["), b...), ']')
	})),
	clientFault("ClientDataText", "6/9", MustReject, "the client data is a JSON string that holds the right object's text", wholeClientData(func(_ *edit, b []byte) []byte {
		return appendJSONString(nil, string(b))
	})),
	clientFault("ClientDataNull", "6/9", MustReject, "the client data is null", wholeClientData(func(*edit, []byte) []byte { return []byte("null") })),
	clientFault("ClientDataEmpty", "6/9", MustReject, "the client data is empty", wholeClientData(func(*edit, []byte) []byte { return []byte{} })),
	clientFault("ClientDataEmptyObject", "7/10", MustReject, "the client data is an empty object", wholeClientData(func(*edit, []byte) []byte { return []byte("{}") })),
	clientFault("ClientDataTruncated", "6/9", MustReject, "the client data has lost its last byte", wholeClientData(func(_ *edit, b []byte) []byte { return b[:max(0, len(b)-1)] })),
	clientFault("ClientDataTrailingGarbage", "6/9", MustReject, "text stands behind the client data's object", wholeClientData(func(_ *edit, b []byte) []byte { return append(b, "garbage"...) })),
	clientFault("ClientDataTrailingNUL", "6/9", MustReject, "a zero byte stands behind the client data's object", wholeClientData(func(_ *edit, b []byte) []byte { return append(b, 0) })),
	clientFault("ClientDataTwoObjects", "6/9", MustReject, "a second object stands behind the client data's", wholeClientData(func(_ *edit, b []byte) []byte { return append(b, b...) })),
	clientFault("ClientDataTrailingComma", "6/9", MustReject, "a comma stands behind the last member", wholeClientData(func(_ *edit, b []byte) []byte {
		return append(b[:max(0, len(b)-1)], ",}"...)
	})),
	clientFault("ClientDataComment", "6/9", MustReject, "a comment stands in front of the last brace", wholeClientData(func(_ *edit, b []byte) []byte {
		return append(b[:max(0, len(b)-1)], "/**/}"...)
	})),
	clientFault("ClientDataUTF16", "5/8", MustReject, "the client data is UTF-16 with a byte order mark", wholeClientData(func(_ *edit, b []byte) []byte {
		out := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(string(b))) {
			out = append(out, byte(u), byte(u>>8))
		}
		return out
	})),
	clientFault("ClientDataDeepNesting", "6/9", MayReject, "a member that nothing defines holds ten thousand nested arrays", func(e *edit) error {
		const depth = 10000
		return e.addClient(`"extra":` + strings.Repeat("[", depth) + strings.Repeat("]", depth))
	}).at(anchorClientData),
}

// reverseMembers writes the members in reverse order, each as it stands.
func reverseMembers(e *edit) error {
	if _, err := e.clientMember("type"); err != nil {
		return err
	}
	members := slices.Collect(jsonObject(e.clientData))
	out := []byte{'{'}
	for i := len(members) - 1; i >= 0; i-- {
		m := members[i]
		out = append(out, e.clientData[m.nameAt:m.nameEnd]...)
		out = append(append(out, ':'), m.value...)
		if i > 0 {
			out = append(out, ',')
		}
	}
	e.clientData = append(out, '}')
	return nil
}

// spaceMembers puts white space around the members and colons.
func spaceMembers(e *edit) error {
	if _, err := e.clientMember("type"); err != nil {
		return err
	}
	out := []byte("{\r\n\t")
	first := true
	for m := range jsonObject(e.clientData) {
		if !first {
			out = append(out, " ,\n\t"...)
		}
		first = false
		out = append(out, e.clientData[m.nameAt:m.nameEnd]...)
		out = append(append(out, " : "...), m.value...)
	}
	e.clientData = append(out, "\n}"...)
	return nil
}
