// Code generated from the catalogue of faults by go test -run TestFaultsStruct -update; DO NOT EDIT.

package virtualauth

// Faults is all the misbehaviour that can be asked for, one field a fault; the
// zero value asks for none. Several may be set, and each is applied at its own
// stage. AllFaults says of each what it violates and where it applies.
type Faults struct {
	// Faults of the stage options.

	// IgnoreExcludeCredentials: excludeCredentials is disregarded: an authenticator registers the same account twice.
	// May reject (step 7.1.26): https://www.w3.org/TR/webauthn-3/#dom-publickeycredentialcreationoptions-excludecredentials
	IgnoreExcludeCredentials bool
	// IgnorePubKeyCredParams: pubKeyCredParams is disregarded: the key is of an algorithm that was not offered where the authenticator has one, else of its first.
	// Must reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#dom-publickeycredentialcreationoptions-pubkeycredparams
	IgnorePubKeyCredParams bool
	// IgnoreResidentKey: residentKey is disregarded: the credential is not discoverable.
	// May reject: https://www.w3.org/TR/webauthn-3/#dom-authenticatorselectioncriteria-residentkey
	IgnoreResidentKey bool
	// IgnoreAttestation: attestation is disregarded: there is a statement though none was asked for.
	// May reject (step 7.1.24): https://www.w3.org/TR/webauthn-3/#dom-publickeycredentialcreationoptions-attestation
	IgnoreAttestation bool
	// IgnoreAllowCredentials: allowCredentials is disregarded: another credential for the RP signs.
	// Must reject (step 7.2.5): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	IgnoreAllowCredentials bool
	// IgnoreUserVerification: userVerification is disregarded: the user is never verified.
	// Must reject (step 7.1.16, 7.2.17): https://www.w3.org/TR/webauthn-3/#dom-authenticatorselectioncriteria-userverification
	IgnoreUserVerification bool
	// IgnoreExtensions: extensions is disregarded: nothing that was asked for is in the outputs.
	// Must accept (step 7.1.28, 7.2.23): https://www.w3.org/TR/webauthn-3/#sctn-extensions
	IgnoreExtensions bool

	// Faults of the stage client-data.

	// ClientDataTypeMissing: type is left out.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTypeMissing bool
	// ClientDataTypeNumber: type is a number.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTypeNumber bool
	// ClientDataTypeNull: type is null.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTypeNull bool
	// ClientDataTypeEmpty: type is the empty string.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTypeEmpty bool
	// ClientDataTypeGet: type is webauthn.get, as in an authentication.
	// Must reject (step 7.1.7): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTypeGet bool
	// ClientDataTypeCreate: type is webauthn.create, as in a registration.
	// Must reject (step 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	ClientDataTypeCreate bool
	// ClientDataTypeUnknown: type is webauthn.sign, which nothing defines.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTypeUnknown bool
	// ClientDataTypePayment: type is payment.get, as in Secure Payment Confirmation.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTypePayment bool
	// ClientDataTypeCase: type is in upper case.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTypeCase bool
	// ClientDataTypeSpace: type has a space behind it.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTypeSpace bool
	// ClientDataTypeInvalidUTF8: type ends in a byte that is not UTF-8.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTypeInvalidUTF8 bool
	// ChallengeMissing: challenge is left out.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ChallengeMissing bool
	// ChallengeNumber: challenge is a number.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ChallengeNumber bool
	// ChallengeNull: challenge is null.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ChallengeNull bool
	// ChallengeEmpty: challenge is the empty string.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ChallengeEmpty bool
	// ChallengeOther: challenge is another one of the same length.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ChallengeOther bool
	// ChallengeTruncated: challenge has lost its last byte.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ChallengeTruncated bool
	// ChallengeExtended: challenge starts with the one issued and goes on with sixteen bytes more.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ChallengeExtended bool
	// ChallengeCaseFlipped: the case of the challenge's first letter is flipped.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ChallengeCaseFlipped bool
	// ChallengePadded: challenge has base64 padding behind it.
	// Should reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#dictionary-client-data
	ChallengePadded bool
	// ChallengeStandardAlphabet: challenge is in the standard base64 alphabet, with its padding.
	// Should reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#dictionary-client-data
	ChallengeStandardAlphabet bool
	// ChallengeNotBase64URL: challenge is text that is not base64url.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ChallengeNotBase64URL bool
	// ChallengeHex: challenge is in hexadecimal.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ChallengeHex bool
	// ChallengeTwiceEncoded: challenge is base64url of its base64url text.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ChallengeTwiceEncoded bool
	// OriginMissing: origin is left out.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginMissing bool
	// OriginNumber: origin is a number.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginNumber bool
	// OriginNull: origin is null.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginNull bool
	// OriginNullText: origin is "null", the serialisation of an opaque origin.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginNullText bool
	// OriginEmpty: origin is the empty string.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginEmpty bool
	// OriginArray: origin is an array that holds the right one.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginArray bool
	// OriginOtherSite: origin is of another site.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginOtherSite bool
	// OriginSubdomain: origin is of a subdomain.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginSubdomain bool
	// OriginParent: origin is of the parent domain.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginParent bool
	// OriginOtherScheme: origin has scheme http in place of https, or the other way round.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginOtherScheme bool
	// OriginOtherPort: origin has another port.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginOtherPort bool
	// OriginDefaultPort: origin spells out the default port of its scheme.
	// Should reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginDefaultPort bool
	// OriginSuffixLookalike: origin's host has the right one in front: rp.example.evil.test.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginSuffixLookalike bool
	// OriginPrefixLookalike: origin's host ends in the right one with no dot between: evilrp.example.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginPrefixLookalike bool
	// OriginDotAsAny: origin's host has another letter where the last dot is, which an unescaped pattern would match.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginDotAsAny bool
	// OriginTrailingSlash: origin has a slash behind it.
	// Should reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginTrailingSlash bool
	// OriginPath: origin has a path behind it.
	// Should reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginPath bool
	// OriginUserinfo: origin has the right host as user information: https://rp.example@evil.test.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginUserinfo bool
	// OriginFragment: origin has the right one behind a #: https://evil.test#https://rp.example.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginFragment bool
	// OriginUpperCase: origin's host is in upper case.
	// Should reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginUpperCase bool
	// OriginTrailingDot: origin's host has a dot behind it.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginTrailingDot bool
	// OriginHostOnly: origin is the bare host.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginHostOnly bool
	// OriginSpace: origin has a space in front.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginSpace bool
	// OriginAndroid: origin is that of an Android app.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	OriginAndroid bool
	// CrossOriginTrue: crossOrigin is true, where no framing is expected.
	// Must reject (step 7.1.10, 7.2.13): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	CrossOriginTrue bool
	// CrossOriginText: crossOrigin is the string "true".
	// May reject (step 7.1.10, 7.2.13): https://www.w3.org/TR/webauthn-3/#dictionary-client-data
	CrossOriginText bool
	// CrossOriginNumber: crossOrigin is the number 1.
	// May reject (step 7.1.10, 7.2.13): https://www.w3.org/TR/webauthn-3/#dictionary-client-data
	CrossOriginNumber bool
	// CrossOriginAbsent: crossOrigin is left out, as clients before Level 2 did.
	// Must accept (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dictionary-client-data
	CrossOriginAbsent bool
	// TopOriginOther: crossOrigin is true and topOrigin is of another site.
	// Must reject (step 7.1.11, 7.2.14): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	TopOriginOther bool
	// TopOriginAlone: topOrigin is present though crossOrigin is false.
	// Must reject (step 7.1.11, 7.2.14): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	TopOriginAlone bool
	// TopOriginOwn: topOrigin is the page's own origin though crossOrigin is false.
	// May reject (step 7.1.11, 7.2.14): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	TopOriginOwn bool
	// TokenBindingSupported: tokenBinding is present with status supported, as Level 1 and 2 clients sent it.
	// Must accept (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dom-collectedclientdata-tokenbinding
	TokenBindingSupported bool
	// TokenBindingPresent: tokenBinding is present with status present and an id.
	// May reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dom-collectedclientdata-tokenbinding
	TokenBindingPresent bool
	// TokenBindingPresentNoID: tokenBinding has status present and no id.
	// May reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dom-collectedclientdata-tokenbinding
	TokenBindingPresentNoID bool
	// TokenBindingNotObject: tokenBinding is a string.
	// May reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dom-collectedclientdata-tokenbinding
	TokenBindingNotObject bool
	// TokenBindingNoStatus: tokenBinding has no status.
	// May reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dom-collectedclientdata-tokenbinding
	TokenBindingNoStatus bool
	// TokenBindingUnknownStatus: tokenBinding has a status that nothing defines.
	// May reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dom-collectedclientdata-tokenbinding
	TokenBindingUnknownStatus bool
	// ClientDataUnknownMember: the client data has a member that nothing defines.
	// Must accept (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dictionary-client-data
	ClientDataUnknownMember bool
	// ClientDataReordered: the members of the client data stand in reverse order.
	// Must accept (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dictionary-client-data
	ClientDataReordered bool
	// ClientDataWhitespace: the client data has white space between its tokens.
	// Must accept (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dictionary-client-data
	ClientDataWhitespace bool
	// ClientDataEscaped: the first letter of type is written as a \u escape.
	// Must accept (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dictionary-client-data
	ClientDataEscaped bool
	// ClientDataBOM: the client data starts with a byte order mark, which UTF-8 decode drops.
	// Must accept (step 7.1.5, 7.2.8): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataBOM bool
	// ClientDataTwoBOMs: the client data starts with two byte order marks, of which UTF-8 decode drops one.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTwoBOMs bool
	// ClientDataMemberCase: the names of type, challenge and origin are capitalised, so that none of them is there.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataMemberCase bool
	// ClientDataDuplicateType: a second and wrong type stands behind the right one; JSON parsing takes the last.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataDuplicateType bool
	// ClientDataDuplicateChallenge: a second and wrong challenge stands behind the right one; JSON parsing takes the last.
	// Must reject (step 7.1.8, 7.2.11): https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges
	ClientDataDuplicateChallenge bool
	// ClientDataDuplicateOrigin: a second and wrong origin stands behind the right one; JSON parsing takes the last.
	// Must reject (step 7.1.9, 7.2.12): https://www.w3.org/TR/webauthn-3/#sctn-validating-origin
	ClientDataDuplicateOrigin bool
	// ClientDataInvalidUTF8: a member that nothing defines holds a byte that is not UTF-8; UTF-8 decode replaces it.
	// May reject (step 7.1.5, 7.2.8): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataInvalidUTF8 bool
	// ClientDataNotJSON: the client data is text that is not JSON.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataNotJSON bool
	// ClientDataArray: the client data is an array that holds the right object.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataArray bool
	// ClientDataText: the client data is a JSON string that holds the right object's text.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataText bool
	// ClientDataNull: the client data is null.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataNull bool
	// ClientDataEmpty: the client data is empty.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataEmpty bool
	// ClientDataEmptyObject: the client data is an empty object.
	// Must reject (step 7.1.7, 7.2.10): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataEmptyObject bool
	// ClientDataTruncated: the client data has lost its last byte.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTruncated bool
	// ClientDataTrailingGarbage: text stands behind the client data's object.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTrailingGarbage bool
	// ClientDataTrailingNUL: a zero byte stands behind the client data's object.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTrailingNUL bool
	// ClientDataTwoObjects: a second object stands behind the client data's.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTwoObjects bool
	// ClientDataTrailingComma: a comma stands behind the last member.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataTrailingComma bool
	// ClientDataComment: a comment stands in front of the last brace.
	// Must reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataComment bool
	// ClientDataUTF16: the client data is UTF-16 with a byte order mark.
	// Must reject (step 7.1.5, 7.2.8): https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
	ClientDataUTF16 bool
	// ClientDataDeepNesting: a member that nothing defines holds ten thousand nested arrays.
	// May reject (step 7.1.6, 7.2.9): https://www.w3.org/TR/webauthn-3/#dictionary-client-data
	ClientDataDeepNesting bool

	// Faults of the stage key.

	// KeyAlgMissing: alg is left out.
	// Must reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyAlgMissing bool
	// KeyAlgOther: alg is that of another curve than the key's.
	// Must reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-alg-identifier
	KeyAlgOther bool
	// KeyAlgUnknown: alg is -65000, which nobody offers.
	// Must reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyAlgUnknown bool
	// KeyAlgRS1: alg of the RSA key is RS1, PKCS #1 signatures over SHA-1.
	// Must reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-alg-identifier
	KeyAlgRS1 bool
	// KeyAlgText: alg is the text "ES256".
	// Must reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyAlgText bool
	// KeyTypeMissing: kty is left out.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyTypeMissing bool
	// KeyTypeWrong: kty is symmetric.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyTypeWrong bool
	// KeyCurveMissing: crv is left out.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-alg-identifier
	KeyCurveMissing bool
	// KeyCurveWrong: crv is another curve than the algorithm's.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-alg-identifier
	KeyCurveWrong bool
	// KeyPointOffCurve: a bit of y is flipped, so that the point is not on the curve.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyPointOffCurve bool
	// KeyPointZero: x and y are zero.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyPointZero bool
	// KeyXMissing: x is left out.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyXMissing bool
	// KeyYMissing: y is left out.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyYMissing bool
	// KeyXShort: x has lost a byte, the first that is not zero.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyXShort bool
	// KeyXLong: x has a zero byte in front.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyXLong bool
	// KeyXEmpty: x is empty.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyXEmpty bool
	// KeyXText: x is a text string.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyXText bool
	// KeyCompressed: y is a sign bit, the compressed form.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-alg-identifier
	KeyCompressed bool
	// KeyExponentOther: the exponent of the RSA key is 3, in one byte.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-alg-identifier
	KeyExponentOther bool
	// KeyExtraMember: the COSE key has a kid, an optional member that must not be there.
	// May reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyExtraMember bool
	// KeyPrivatePart: the COSE key holds the private key too.
	// May reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyPrivatePart bool
	// KeyTextLabels: the labels are text: kty, alg, crv, x, y.
	// Must reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyTextLabels bool
	// KeyDuplicateLabel: alg stands in the COSE key twice.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes
	KeyDuplicateLabel bool
	// KeyReordered: the labels of the COSE key are not in canonical order.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes
	KeyReordered bool
	// KeyEmptyMap: the COSE key is an empty map.
	// Must reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyEmptyMap bool
	// KeyNotMap: the COSE key is an array of the same values.
	// Must reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyNotMap bool
	// KeyBytes: the COSE key is wrapped in a byte string.
	// Must reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyBytes bool
	// KeyTruncated: the COSE key has lost its last byte.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	KeyTruncated bool
	// KeyTrailing: a second CBOR item stands behind the COSE key.
	// Should reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	KeyTrailing bool
	// KeyNonMinimal: kty of the COSE key is written in two bytes in place of one.
	// Should reject (step 7.1.20): https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes
	KeyNonMinimal bool

	// Faults of the stage auth-data.

	// RPIDHashZero: the RP ID hash is all zero.
	// Must reject (step 7.1.14, 7.2.15): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	RPIDHashZero bool
	// RPIDHashOther: the RP ID hash is of another RP ID.
	// Must reject (step 7.1.14, 7.2.15): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	RPIDHashOther bool
	// RPIDHashOfOrigin: the RP ID hash is of the origin in place of the RP ID.
	// Must reject (step 7.1.14, 7.2.15): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	RPIDHashOfOrigin bool
	// RPIDHashParent: the RP ID hash is of the host's parent domain.
	// Must reject (step 7.1.14, 7.2.15): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	RPIDHashParent bool
	// RPIDHashSubdomain: the RP ID hash is of a subdomain.
	// Must reject (step 7.1.14, 7.2.15): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	RPIDHashSubdomain bool
	// RPIDHashUpperCase: the RP ID hash is of the host with its first letter in upper case.
	// Must reject (step 7.1.14, 7.2.15): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	RPIDHashUpperCase bool
	// RPIDHashOfAppID: the RP ID hash is of the AppID, though the appid extension was not asked for.
	// Must reject (step 7.2.15): https://www.w3.org/TR/webauthn-3/#sctn-appid-extension
	RPIDHashOfAppID bool
	// RPIDHashTruncated: the RP ID hash has lost its last byte.
	// Must reject (step 7.1.14, 7.2.15): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	RPIDHashTruncated bool
	// RPIDHashBitFlip: one bit of the RP ID hash's last byte is flipped.
	// Must reject (step 7.1.14, 7.2.15): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	RPIDHashBitFlip bool
	// FlagUPClear: UP is clear, and UV too where it was set.
	// Must reject (step 7.1.15, 7.2.16): https://www.w3.org/TR/webauthn-3/#concept-user-present
	FlagUPClear bool
	// FlagUPClearUVSet: UP is clear though UV is set.
	// Must reject (step 7.1.15, 7.2.16): https://www.w3.org/TR/webauthn-3/#concept-user-present
	FlagUPClearUVSet bool
	// FlagUVClear: UV is clear, where the options may require it.
	// Must reject (step 7.1.16, 7.2.17): https://www.w3.org/TR/webauthn-3/#concept-user-verified
	FlagUVClear bool
	// FlagUVSet: UV is set, where the options need not require it.
	// Must accept (step 7.1.16, 7.2.17): https://www.w3.org/TR/webauthn-3/#concept-user-verified
	FlagUVSet bool
	// FlagBSWithoutBE: BS is set though BE is clear.
	// Must reject (step 7.1.17, 7.2.18): https://www.w3.org/TR/webauthn-3/#sctn-credential-backup
	FlagBSWithoutBE bool
	// FlagBESet: BE is set, though it was clear at registration.
	// Must reject (step 7.2.19): https://www.w3.org/TR/webauthn-3/#sctn-credential-backup
	FlagBESet bool
	// FlagBEClear: BE is clear (and BS), though it was set at registration.
	// Must reject (step 7.2.19): https://www.w3.org/TR/webauthn-3/#sctn-credential-backup
	FlagBEClear bool
	// FlagReservedBit1: bit 1 of the flags is set, which is reserved.
	// May reject: https://www.w3.org/TR/webauthn-3/#authdata-flags
	FlagReservedBit1 bool
	// FlagReservedBit5: bit 5 of the flags is set, which is reserved.
	// May reject: https://www.w3.org/TR/webauthn-3/#authdata-flags
	FlagReservedBit5 bool
	// FlagsZero: every flag is clear.
	// Must reject (step 7.1.15, 7.2.16): https://www.w3.org/TR/webauthn-3/#concept-user-present
	FlagsZero bool
	// FlagATClear: AT is clear though the attested credential data is there.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#authdata-flags
	FlagATClear bool
	// AttestedDataMissing: AT is set though the attested credential data is left out.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	AttestedDataMissing bool
	// AttestedDataAbsent: AT is clear and the attested credential data is left out.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	AttestedDataAbsent bool
	// AttestedDataTruncated: the authenticator data ends within the credential id.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	AttestedDataTruncated bool
	// AssertionFlagAT: AT is set in an assertion that has no attested credential data.
	// Should reject: https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	AssertionFlagAT bool
	// AssertionAttestedData: the assertion carries attested credential data, with AT set.
	// May reject: https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	AssertionAttestedData bool
	// FlagEDSet: ED is set though there is no extension data.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#authdata-flags
	FlagEDSet bool
	// ExtensionsWithoutED: extension data stands behind the authenticator data though ED is clear.
	// Should reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#authdata-flags
	ExtensionsWithoutED bool
	// ExtensionsNotMap: ED is set and the extension data is an array.
	// Should reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	ExtensionsNotMap bool
	// ExtensionsTruncated: ED is set and the extension data ends within its map.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	ExtensionsTruncated bool
	// ExtensionsEmptyMap: ED is set and the extension data is an empty map.
	// May reject (step 7.1.28, 7.2.23): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	ExtensionsEmptyMap bool
	// ExtensionsUnknown: the extension data holds a well-formed output that nothing defines and nobody asked for.
	// May reject (step 7.1.28, 7.2.23): https://www.w3.org/TR/webauthn-3/#sctn-extensions
	ExtensionsUnknown bool
	// AuthDataShort: the authenticator data is 36 bytes long.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	AuthDataShort bool
	// AuthDataEmpty: the authenticator data is empty.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	AuthDataEmpty bool
	// AuthDataTrailing: four bytes stand behind the authenticator data.
	// Should reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
	AuthDataTrailing bool
	// CounterZero: the signature counter is zero.
	// May reject (step 7.2.22): https://www.w3.org/TR/webauthn-3/#sctn-sign-counter
	CounterZero bool
	// CounterEqual: the signature counter is what it was.
	// May reject (step 7.2.22): https://www.w3.org/TR/webauthn-3/#sctn-sign-counter
	CounterEqual bool
	// CounterLower: the signature counter is lower than it was.
	// May reject (step 7.2.22): https://www.w3.org/TR/webauthn-3/#sctn-sign-counter
	CounterLower bool
	// CounterHuge: the signature counter is 4294967295.
	// Must accept (step 7.2.22): https://www.w3.org/TR/webauthn-3/#sctn-sign-counter
	CounterHuge bool
	// CounterHighBit: the signature counter is 2147483648, negative to those who read it as signed.
	// Must accept (step 7.2.22): https://www.w3.org/TR/webauthn-3/#sctn-sign-counter
	CounterHighBit bool
	// CredentialIDLengthLong: the length of the credential id says 4096 bytes more than there are.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	CredentialIDLengthLong bool
	// CredentialIDLengthShort: the length of the credential id says one byte less than there are, and that byte, 81, makes an array of the key behind it.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	CredentialIDLengthShort bool
	// CredentialIDEmpty: the credential id is empty.
	// Should reject (step 7.1.25): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	CredentialIDEmpty bool
	// AppleNonceLikeDER: the nonce of the Apple attestation, a hash, happens to start with the bytes 04 1e, which with the 30 behind them can be read as a value in DER.
	// Must accept (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-apple-anonymous-attestation
	AppleNonceLikeDER bool
	// CredentialID1023: the credential id has 1023 bytes, the most there may be.
	// Must accept (step 7.1.25): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	CredentialID1023 bool
	// CredentialID1024: the credential id has 1024 bytes, one too many.
	// Should reject (step 7.1.25): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	CredentialID1024 bool
	// AAGUIDZero: the AAGUID is all zero.
	// Must accept (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	AAGUIDZero bool
	// AAGUIDNonZero: the AAGUID is one that nobody knows.
	// Must accept (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	AAGUIDNonZero bool
	// U2FAAGUIDNonZero: the AAGUID under fido-u2f is not zero.
	// May reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation
	U2FAAGUIDNonZero bool

	// Faults of the stage attestation.

	// StatementAlgMissing: alg of the statement is left out.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
	StatementAlgMissing bool
	// StatementAlgText: alg of the statement is text.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
	StatementAlgText bool
	// StatementAlgOther: alg of the statement is not that of the key.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
	StatementAlgOther bool
	// StatementAlgUnknown: alg of the statement is -65000, which nothing defines.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
	StatementAlgUnknown bool
	// StatementSigMissing: sig of the statement is left out.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementSigMissing bool
	// StatementSigText: sig of the statement is text.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementSigText bool
	// StatementSigEmpty: sig of the statement is empty.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementSigEmpty bool
	// StatementSigBitFlip: one bit of the statement's signature is flipped.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementSigBitFlip bool
	// StatementSigTruncated: the statement's signature has lost its last byte.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementSigTruncated bool
	// StatementSigTrailing: a byte stands behind the statement's signature.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementSigTrailing bool
	// StatementSigOtherClientData: the statement's signature covers another client data hash.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementSigOtherClientData bool
	// StatementSigNoClientData: the statement's signature does not cover the client data hash.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementSigNoClientData bool
	// StatementSigOtherAuthData: the statement's signature covers authenticator data with another counter.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
	StatementSigOtherAuthData bool
	// StatementSigOtherKey: the statement is signed by another key of the same kind.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementSigOtherKey bool
	// StatementEmpty: the statement is an empty map though the format needs members.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementEmpty bool
	// StatementNonEmptyNone: the statement of format none is not empty: it holds alg and a signature that verifies.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-none-attestation
	StatementNonEmptyNone bool
	// StatementX5CEmpty: a self attestation has x5c as an empty array.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
	StatementX5CEmpty bool
	// StatementX5CNotArray: a self attestation has x5c as a byte string.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
	StatementX5CNotArray bool
	// StatementX5CGarbage: a self attestation has x5c with bytes that are no certificate.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
	StatementX5CGarbage bool
	// StatementX5CUnrelated: a self attestation has x5c with a certificate over another key.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
	StatementX5CUnrelated bool
	// U2FX5CMissing: x5c of the fido-u2f statement is left out.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation
	U2FX5CMissing bool
	// U2FX5CEmpty: x5c of the fido-u2f statement is an empty array.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation
	U2FX5CEmpty bool
	// U2FX5CNotArray: x5c of the fido-u2f statement is the certificate itself.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation
	U2FX5CNotArray bool
	// U2FX5CTwo: x5c of the fido-u2f statement holds two certificates.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation
	U2FX5CTwo bool
	// U2FX5CUnrelated: x5c of the fido-u2f statement is a certificate over another key.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation
	U2FX5CUnrelated bool
	// U2FCertificateOtherCurve: the fido-u2f certificate has a key of P-384, which made the signature.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation
	U2FCertificateOtherCurve bool
	// U2FSigOverAuthData: the fido-u2f signature covers what a packed one would.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation
	U2FSigOverAuthData bool
	// CertificateExpired: the attestation certificate has expired.
	// Should reject (step 7.1.24): https://www.w3.org/TR/webauthn-3/#reg-ceremony-assess-trust
	CertificateExpired bool
	// CertificateNotYetValid: the attestation certificate is not valid yet.
	// Should reject (step 7.1.24): https://www.w3.org/TR/webauthn-3/#reg-ceremony-assess-trust
	CertificateNotYetValid bool
	// CertificateUntrusted: the attestation certificate is by a root that nobody trusts.
	// Should reject (step 7.1.24): https://www.w3.org/TR/webauthn-3/#reg-ceremony-attestation-trust-anchors
	CertificateUntrusted bool
	// CertificateOwnRoot: x5c brings its own root along, which nobody trusts.
	// Should reject (step 7.1.24): https://www.w3.org/TR/webauthn-3/#reg-ceremony-attestation-trust-anchors
	CertificateOwnRoot bool
	// CertificateAnchorIncluded: x5c carries the trust anchor behind the certificates that lead to it.
	// May reject (step 7.1.24): https://www.w3.org/TR/webauthn-3/#reg-ceremony-attestation-trust-anchors
	CertificateAnchorIncluded bool
	// CertificateIntermediateExpired: the certificate that issued the attestation certificate has expired.
	// Should reject (step 7.1.24): https://www.w3.org/TR/webauthn-3/#reg-ceremony-assess-trust
	CertificateIntermediateExpired bool
	// CertificateIssuerNotCA: the attestation certificate was issued by one that a trusted authority gave to somebody who is none.
	// Should reject (step 7.1.24): https://www.w3.org/TR/webauthn-3/#reg-ceremony-assess-trust
	CertificateIssuerNotCA bool
	// CertificateTwoIntermediates: two intermediate authorities stand between the attestation certificate and the root.
	// Must accept (step 7.1.24): https://www.w3.org/TR/webauthn-3/#reg-ceremony-assess-trust
	CertificateTwoIntermediates bool
	// CertificateSignatureBroken: one bit of the attestation certificate's own signature is flipped.
	// Should reject (step 7.1.24): https://www.w3.org/TR/webauthn-3/#reg-ceremony-assess-trust
	CertificateSignatureBroken bool
	// CertificateChainReversed: x5c stands in reverse order.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	CertificateChainReversed bool
	// CertificateChainShort: x5c holds the leaf alone: the Relying Party has to know the intermediate.
	// May reject (step 7.1.24): https://www.w3.org/TR/webauthn-3/#reg-ceremony-attestation-trust-anchors
	CertificateChainShort bool
	// CertificateTrailing: bytes stand behind the attestation certificate.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	CertificateTrailing bool
	// CertificateIsCA: the attestation certificate is one of a certification authority.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements
	CertificateIsCA bool
	// CertificateUnitOther: the subject's organizational unit is not Authenticator Attestation.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements
	CertificateUnitOther bool
	// CertificateCountryMissing: the subject has no country.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements
	CertificateCountryMissing bool
	// CertificateCountryName: the subject's country is the name of a country, not its code.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements
	CertificateCountryName bool
	// CertificateOrganizationMissing: the subject has no organization.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements
	CertificateOrganizationMissing bool
	// CertificateNameMissing: the subject has no common name.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements
	CertificateNameMissing bool
	// CertificateAAGUIDOther: the attestation certificate names another AAGUID.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
	CertificateAAGUIDOther bool
	// CertificateAAGUIDCritical: the certificate's AAGUID extension is critical.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements
	CertificateAAGUIDCritical bool
	// CertificateAAGUIDAbsent: the certificate has no AAGUID extension, as that of a root with one model may.
	// Must accept (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements
	CertificateAAGUIDAbsent bool
	// TPMMagicWrong: magic of certInfo is not TPM_GENERATED_VALUE.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-tpm-attestation
	TPMMagicWrong bool
	// TPMTypeWrong: type of certInfo is TPM_ST_ATTEST_QUOTE.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-tpm-attestation
	TPMTypeWrong bool
	// TPMExtraDataOther: extraData of certInfo is the hash of something else.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-tpm-attestation
	TPMExtraDataOther bool
	// TPMNameOther: certInfo certifies the name of another public area.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-tpm-attestation
	TPMNameOther bool
	// TPMPubAreaOther: the unique part of pubArea is not the credential key, and certInfo agrees with it.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-tpm-attestation
	TPMPubAreaOther bool
	// TPMNamesEmpty: qualifiedSigner and qualifiedName of certInfo are empty, and nobody is to look at them.
	// Must accept (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-tpm-attestation
	TPMNamesEmpty bool
	// TPMSubjectNotEmpty: the subject of the attestation identity certificate is not empty.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-tpm-cert-requirements
	TPMSubjectNotEmpty bool
	// TPMUsageMissing: the attestation identity certificate lacks the extended key usage tcg-kp-AIKCertificate.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-tpm-cert-requirements
	TPMUsageMissing bool
	// TPMAltNameMissing: the attestation identity certificate has no subject alternative name.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-tpm-cert-requirements
	TPMAltNameMissing bool
	// TPMCertificateIsCA: the attestation identity certificate is one of a certification authority.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-tpm-cert-requirements
	TPMCertificateIsCA bool
	// TPMVersionOther: ver of the tpm statement is "1.2".
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-tpm-attestation
	TPMVersionOther bool
	// AndroidKeyChallengeOther: attestationChallenge is not the client data hash.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-android-key-attestation
	AndroidKeyChallengeOther bool
	// AndroidKeyCertificateOther: the certificate is over another key than the credential's.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-android-key-attestation
	AndroidKeyCertificateOther bool
	// AndroidKeyExtensionMissing: the certificate has no key description.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-key-attstn-cert-requirements
	AndroidKeyExtensionMissing bool
	// AndroidKeyAllApplications: the key is for all applications.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-android-key-attestation
	AndroidKeyAllApplications bool
	// AndroidKeyOriginImported: the key was imported and not generated.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-android-key-attestation
	AndroidKeyOriginImported bool
	// AndroidKeyPurposeOther: the key is for encryption and not for signing.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-android-key-attestation
	AndroidKeyPurposeOther bool
	// AppleNonceOther: the certificate's nonce is another one.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-apple-anonymous-attestation
	AppleNonceOther bool
	// AppleNonceMissing: the certificate has no nonce.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-apple-anonymous-attestation
	AppleNonceMissing bool
	// AppleCertificateOther: the certificate is over another key than the credential's.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-apple-anonymous-attestation
	AppleCertificateOther bool
	// SafetyNetNonceOther: the response's nonce is another one.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-android-safetynet-attestation
	SafetyNetNonceOther bool
	// SafetyNetProfileMismatch: ctsProfileMatch of the response is false.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-android-safetynet-attestation
	SafetyNetProfileMismatch bool
	// SafetyNetHostOther: the response is signed by another host than attest.android.com.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-android-safetynet-attestation
	SafetyNetHostOther bool
	// SafetyNetVersionEmpty: ver of the android-safetynet statement is empty.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-android-safetynet-attestation
	SafetyNetVersionEmpty bool
	// SafetyNetResponseEmpty: response of the android-safetynet statement is empty.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-android-safetynet-attestation
	SafetyNetResponseEmpty bool
	// SafetyNetSignatureBitFlip: a letter of the response's signature is changed.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-android-safetynet-attestation
	SafetyNetSignatureBitFlip bool
	// CompoundOne: attStmt of compound holds one statement, and two are the fewest.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-compound-attestation
	CompoundOne bool
	// CompoundEmpty: attStmt of compound is an empty array.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-compound-attestation
	CompoundEmpty bool
	// CompoundNested: attStmt of compound holds a compound statement.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-compound-attestation
	CompoundNested bool
	// CompoundNotArray: attStmt of compound is its first statement alone, without the array.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-compound-attestation
	CompoundNotArray bool

	// Faults of the stage signature.

	// SignatureBitFlip: one bit of the signature is flipped.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureBitFlip bool
	// SignatureEmpty: the signature is empty.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureEmpty bool
	// SignatureTruncated: the signature has lost its last byte.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureTruncated bool
	// SignatureTrailing: a byte stands behind the signature.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureTrailing bool
	// SignatureOtherKey: the signature is by another key of the same kind.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureOtherKey bool
	// SignatureOtherClientData: the signature covers another client data hash.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureOtherClientData bool
	// SignatureOtherAuthData: the signature covers authenticator data with another counter.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureOtherAuthData bool
	// SignatureUnhashedClientData: the signature covers the client data itself in place of its hash.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureUnhashedClientData bool
	// SignatureAuthDataOnly: the signature covers the authenticator data alone.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureAuthDataOnly bool
	// SignatureClientDataOnly: the signature covers the client data hash alone.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureClientDataOnly bool
	// SignatureReversedOrder: the signature covers the client data hash before the authenticator data.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureReversedOrder bool
	// SignatureRaw: the ECDSA signature is r and s side by side in place of DER.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-signature-attestation-types
	SignatureRaw bool
	// SignatureNonMinimalDER: r of the ECDSA signature has a zero byte too many in front, which DER forbids.
	// Should reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-signature-attestation-types
	SignatureNonMinimalDER bool
	// SignatureLongFormDER: the length of the ECDSA signature is in the long form, which DER forbids here.
	// Should reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-signature-attestation-types
	SignatureLongFormDER bool
	// SignatureHighS: s of the ECDSA signature is in the upper half, which is as valid.
	// Must accept (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-signature-attestation-types
	SignatureHighS bool
	// SignatureLowS: s of the ECDSA signature is in the lower half, which is as valid.
	// Must accept (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-signature-attestation-types
	SignatureLowS bool
	// SignatureShortInteger: r or s of the ECDSA signature is so small that DER has a byte less of it, as of one in 256.
	// Must accept (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-signature-attestation-types
	SignatureShortInteger bool
	// SignatureNegativeS: s of the ECDSA signature is negated.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureNegativeS bool
	// SignatureZero: r and s of the ECDSA signature are zero.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureZero bool
	// SignatureOrder: r of the ECDSA signature is 1 and s is the order of the curve.
	// Must reject (step 7.2.21): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	SignatureOrder bool

	// Faults of the stage encoding.

	// FormatMissing: fmt is left out.
	// Must reject (step 7.1.21): https://www.w3.org/TR/webauthn-3/#attestation-object
	FormatMissing bool
	// FormatNumber: fmt is a number.
	// Must reject (step 7.1.21): https://www.w3.org/TR/webauthn-3/#attestation-object
	FormatNumber bool
	// FormatUnknown: fmt is one that nobody knows.
	// Must reject (step 7.1.21): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	FormatUnknown bool
	// FormatEmpty: fmt is empty.
	// Must reject (step 7.1.21): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	FormatEmpty bool
	// FormatUpperCase: fmt is in upper case.
	// Must reject (step 7.1.21): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	FormatUpperCase bool
	// FormatBytes: fmt is a byte string.
	// Must reject (step 7.1.21): https://www.w3.org/TR/webauthn-3/#attestation-object
	FormatBytes bool
	// FormatNoneWithStatement: fmt is none, over the statement of another format.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-none-attestation
	FormatNoneWithStatement bool
	// FormatPackedWithoutStatement: fmt is packed, over the empty statement of none.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
	FormatPackedWithoutStatement bool
	// StatementMissing: attStmt is left out.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	StatementMissing bool
	// StatementNotMap: attStmt is an array.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementNotMap bool
	// StatementNull: attStmt is null.
	// Must reject (step 7.1.22): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	StatementNull bool
	// AuthDataMissing: authData is left out.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	AuthDataMissing bool
	// AuthDataText: authData is a text string.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	AuthDataText bool
	// AuthDataNull: authData is null.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	AuthDataNull bool
	// AttestationObjectEmpty: the attestation object is empty.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	AttestationObjectEmpty bool
	// AttestationObjectNotMap: the attestation object is an array of the same items.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	AttestationObjectNotMap bool
	// AttestationObjectEmptyMap: the attestation object is an empty map.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	AttestationObjectEmptyMap bool
	// AttestationObjectTruncated: the attestation object has lost its last byte.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	AttestationObjectTruncated bool
	// AttestationObjectJSON: the attestation object is JSON.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	AttestationObjectJSON bool
	// CBORReordered: the members of the attestation object are not in canonical order.
	// Should reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes
	CBORReordered bool
	// CBORIndefiniteLength: the attestation object is a map of indefinite length.
	// Should reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes
	CBORIndefiniteLength bool
	// CBORIndefiniteAuthData: authData is a byte string of indefinite length, in one chunk.
	// Should reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes
	CBORIndefiniteAuthData bool
	// CBORDuplicateKey: fmt stands in the attestation object twice, the second time with a format that nobody knows.
	// Should reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes
	CBORDuplicateKey bool
	// CBORDuplicateAuthData: authData stands in the attestation object twice, the second time empty.
	// Should reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes
	CBORDuplicateAuthData bool
	// CBORTrailingBytes: bytes stand behind the attestation object.
	// Should reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes
	CBORTrailingBytes bool
	// CBORExtraMember: the attestation object has a member that nothing defines.
	// May reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	CBORExtraMember bool
	// CBORDeepNesting: attStmt holds ten thousand nested arrays.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-attstn-fmt-ids
	CBORDeepNesting bool
	// CBORHugeLength: authData declares a length of 2^63-1 bytes.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	CBORHugeLength bool
	// CBORHugeMap: the attestation object declares 2^32-1 members.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	CBORHugeMap bool
	// CBORNonMinimal: the length of authData is written in four bytes in place of one or two.
	// Should reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes
	CBORNonMinimal bool
	// CBORTagged: the attestation object stands behind the tag that marks CBOR.
	// May reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#sctn-conforming-all-classes
	CBORTagged bool
	// CBORByteStringKeys: the names of the attestation object's members are byte strings.
	// Must reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#attestation-object
	CBORByteStringKeys bool

	// Faults of the stage response.

	// IDOther: id names another credential than rawId.
	// Must reject (step 7.2.5): https://www.w3.org/TR/webauthn-3/#dom-publickeycredential-identifier-slot
	IDOther bool
	// RawIDOther: rawId names another credential than id.
	// Must reject (step 7.2.5): https://www.w3.org/TR/webauthn-3/#dom-publickeycredential-identifier-slot
	RawIDOther bool
	// CredentialIDMismatch: id and rawId agree on another credential than the attested credential data names.
	// Must reject (step 7.1.27): https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
	CredentialIDMismatch bool
	// CredentialUnknown: id and rawId agree on a credential that nobody registered.
	// Must reject (step 7.2.6): https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion
	CredentialUnknown bool
	// IDEmpty: id is empty.
	// Must reject (step 7.2.5): https://www.w3.org/TR/webauthn-3/#dom-publickeycredential-identifier-slot
	IDEmpty bool
	// IDPadded: id has base64 padding.
	// Should reject (step 7.2.5): https://www.w3.org/TR/webauthn-3/#dom-publickeycredential-identifier-slot
	IDPadded bool
	// IDStandardAlphabet: id is in the standard base64 alphabet, with its padding.
	// Should reject (step 7.2.5): https://www.w3.org/TR/webauthn-3/#dom-publickeycredential-identifier-slot
	IDStandardAlphabet bool
	// IDNotBase64URL: id is text that is not base64url.
	// Must reject (step 7.2.5): https://www.w3.org/TR/webauthn-3/#dom-publickeycredential-identifier-slot
	IDNotBase64URL bool
	// IDHex: id is in hexadecimal.
	// Must reject (step 7.2.5): https://www.w3.org/TR/webauthn-3/#dom-publickeycredential-identifier-slot
	IDHex bool
	// UserHandleAbsent: userHandle is left out, where the user may not be known beforehand.
	// Must reject (step 7.2.6): https://www.w3.org/TR/webauthn-3/#dom-authenticatorassertionresponse-userhandle
	UserHandleAbsent bool
	// UserHandleEmpty: userHandle is empty.
	// Must reject (step 7.2.6): https://www.w3.org/TR/webauthn-3/#dom-authenticatorassertionresponse-userhandle
	UserHandleEmpty bool
	// UserHandleForeign: userHandle is that of nobody.
	// Must reject (step 7.2.6): https://www.w3.org/TR/webauthn-3/#dom-authenticatorassertionresponse-userhandle
	UserHandleForeign bool
	// UserHandlePrefix: userHandle has lost its last byte.
	// Must reject (step 7.2.6): https://www.w3.org/TR/webauthn-3/#dom-authenticatorassertionresponse-userhandle
	UserHandlePrefix bool
	// UserHandleLong: userHandle has 65 bytes, one too many.
	// Must reject (step 7.2.6): https://www.w3.org/TR/webauthn-3/#dom-authenticatorassertionresponse-userhandle
	UserHandleLong bool
	// UserHandlePresent: userHandle is the account's own though the credential is not resident.
	// Must accept (step 7.2.6): https://www.w3.org/TR/webauthn-3/#dom-authenticatorassertionresponse-userhandle
	UserHandlePresent bool
	// CopyAuthenticatorData: the copy of the authenticator data outside the attestation object has the UV flag flipped.
	// May reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#dictdef-registrationresponsejson
	CopyAuthenticatorData bool
	// CopyPublicKey: the copy of the public key outside the attestation object is another key.
	// May reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#dictdef-registrationresponsejson
	CopyPublicKey bool
	// CopyPublicKeyAlgorithm: the copy of the algorithm outside the attestation object is another one.
	// May reject (step 7.1.13): https://www.w3.org/TR/webauthn-3/#dictdef-registrationresponsejson
	CopyPublicKeyAlgorithm bool
	// TransportsUnknown: transports holds one that nothing defines.
	// Must accept (step 7.1.27): https://www.w3.org/TR/webauthn-3/#enum-transport
	TransportsUnknown bool
	// TransportsEmpty: transports is empty.
	// Must accept (step 7.1.27): https://www.w3.org/TR/webauthn-3/#enum-transport
	TransportsEmpty bool
	// AttachmentUnknown: authenticatorAttachment is one that nothing defines.
	// Must accept: https://www.w3.org/TR/webauthn-3/#enum-attachment
	AttachmentUnknown bool
	// AttachmentAbsent: authenticatorAttachment is left out.
	// Must accept: https://www.w3.org/TR/webauthn-3/#enum-attachment
	AttachmentAbsent bool
	// ExtensionResultUnknown: clientExtensionResults holds a result that nothing defines and nobody asked for.
	// May reject (step 7.1.28, 7.2.23): https://www.w3.org/TR/webauthn-3/#sctn-extensions
	ExtensionResultUnknown bool
	// ExtensionResultCredProps: clientExtensionResults holds credProps though nobody asked for it.
	// May reject (step 7.1.28): https://www.w3.org/TR/webauthn-3/#sctn-extensions
	ExtensionResultCredProps bool
	// ExtensionResultAppID: clientExtensionResults says that the AppID was used though nobody asked for it and it was not.
	// May reject (step 7.2.23): https://www.w3.org/TR/webauthn-3/#sctn-appid-extension
	ExtensionResultAppID bool
	// ExtensionResultAppIDExclude: clientExtensionResults holds appidExclude though nobody asked for it.
	// May reject (step 7.1.28): https://www.w3.org/TR/webauthn-3/#sctn-extensions
	ExtensionResultAppIDExclude bool
}
