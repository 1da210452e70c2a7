package suites

import "github.com/touchstone-webauthn/touchstone/virtualauth"

// clientDataRows are the faults of client data that both ceremonies share.
// step gives the requirement of a topic in the ceremony at hand.
func clientDataRows(authentication bool, step map[string]string) []row {
	type F = virtualauth.Faults
	at := func(topic string, rows ...row) []row {
		for i := range rows {
			if rows[i].requirement == "" {
				rows[i].requirement = step[topic]
			}
		}
		return rows
	}
	other := row{name: "type-of-other-ceremony", title: "The other ceremony's type is refused", fault: F{ClientDataTypeGet: true}, why: "A response made for one ceremony could be played in the other."}
	if authentication {
		other.fault = F{ClientDataTypeCreate: true}
	}
	var out []row
	out = append(out, at("type",
		row{name: "type-missing", title: "Client data without a type is refused", fault: F{ClientDataTypeMissing: true}, why: "The type is what keeps a signature for one ceremony from being used in another."},
		other,
		row{name: "type-unknown", title: "An unknown type is refused", fault: F{ClientDataTypeUnknown: true}, why: "A comparison by prefix or by absence of the wrong one lets other uses of the key in."},
		row{name: "type-payment", title: "The type of a payment is refused", fault: F{ClientDataTypePayment: true}, why: "Secure Payment Confirmation signs with the same keys on other sites' pages."},
		row{name: "type-wrong-case", title: "The type in upper case is refused", fault: F{ClientDataTypeCase: true}, why: "The comparison is exact."},
		row{name: "type-with-space", title: "The type with a space behind it is refused", fault: F{ClientDataTypeSpace: true}, why: "The comparison is exact."},
		row{name: "type-empty", title: "An empty type is refused", fault: F{ClientDataTypeEmpty: true}, why: "An empty string must not count as nothing to compare."},
		row{name: "type-number", title: "A type that is a number is refused", fault: F{ClientDataTypeNumber: true}, why: "A value of another JSON type must not be coerced."},
		row{name: "type-null", title: "A type that is null is refused", fault: F{ClientDataTypeNull: true}, why: "null must not count as nothing to compare."},
		row{name: "type-member-wrong-case", title: "A member Type in place of type is refused", fault: F{ClientDataMemberCase: true}, level: Should, why: "JSON members are case-sensitive, and some decoders are not. The specification leaves the parser to the RP, so that this is no more than a warning."},
	)...)
	out = append(out, at("challenge",
		row{name: "challenge-missing", title: "Client data without a challenge is refused", fault: F{ChallengeMissing: true}, why: "The challenge is what makes the response fresh."},
		row{name: "challenge-other", title: "Another challenge is refused", fault: F{ChallengeOther: true}, why: "The challenge is what ties the response to this ceremony."},
		row{name: "challenge-empty", title: "An empty challenge is refused", fault: F{ChallengeEmpty: true}, why: "An empty string must not count as nothing to compare."},
		row{name: "challenge-truncated", title: "A challenge cut short is refused", fault: F{ChallengeTruncated: true}, why: "A comparison over the shorter length lets guessed prefixes in."},
		row{name: "challenge-extended", title: "A challenge with more behind it is refused", fault: F{ChallengeExtended: true}, why: "A comparison over the shorter length lets anything follow."},
		row{name: "challenge-case-flipped", title: "A challenge with one letter in other case is refused", fault: F{ChallengeCaseFlipped: true}, why: "base64url is case-sensitive; folding case throws entropy away."},
		row{name: "challenge-hex", title: "The challenge in hexadecimal is refused", fault: F{ChallengeHex: true}, why: "Two forms of one value are one too many to compare."},
		row{name: "challenge-padded", title: "The challenge with base64 padding behind it is refused", fault: F{ChallengePadded: true}, level: Should, why: "The member must equal the base64url text; a reader that decodes first takes several texts for one challenge."},
		row{name: "challenge-number", title: "A challenge that is a number is refused", fault: F{ChallengeNumber: true}, why: "A value of another JSON type must not be coerced."},
		row{name: "challenge-null", title: "A challenge that is null is refused", fault: F{ChallengeNull: true}, why: "null must not equal a challenge that was never stored."},
		row{name: "challenge-not-base64url", title: "A challenge that is not base64url is refused", fault: F{ChallengeNotBase64URL: true}, why: "What does not decode is not the challenge."},
	)...)
	out = append(out, at("origin",
		row{name: "origin-missing", title: "Client data without an origin is refused", fault: F{OriginMissing: true}, why: "The origin is what stops phishing."},
		row{name: "origin-other-site", title: "Another site's origin is refused", fault: F{OriginOtherSite: true}, why: "The origin is what stops phishing."},
		row{name: "origin-subdomain", title: "A subdomain's origin is refused", fault: F{OriginSubdomain: true}, also: "webauthn-3/13.4.9/subdomains", why: "Whoever controls a subdomain, or takes one over, must not get at credentials."},
		row{name: "origin-parent", title: "The parent domain's origin is refused", fault: F{OriginParent: true}, why: "The parent domain belongs to others, such as a registry."},
		row{name: "origin-other-scheme", title: "The origin with another scheme is refused", fault: F{OriginOtherScheme: true}, why: "A page over http can be anybody's (the class of CVE-2026-30964)."},
		row{name: "origin-other-port", title: "The origin with another port is refused", fault: F{OriginOtherPort: true}, why: "Another port is another server (the class of CVE-2026-30964)."},
		row{name: "origin-suffix-look-alike", title: "An origin that begins like the RP's is refused", fault: F{OriginSuffixLookalike: true}, why: "A comparison by prefix takes rp.example.evil.test for rp.example."},
		row{name: "origin-prefix-look-alike", title: "An origin that ends like the RP's is refused", fault: F{OriginPrefixLookalike: true}, why: "A comparison by suffix takes evilrp.example for rp.example."},
		row{name: "origin-dot-as-any", title: "An origin with a letter for a dot is refused", fault: F{OriginDotAsAny: true}, why: "A comparison by regular expression takes any character for the dot."},
		row{name: "origin-user-info", title: "The RP's name as user of another host is refused", fault: F{OriginUserinfo: true}, why: "https://rp.example@evil.test is evil.test."},
		row{name: "origin-fragment", title: "The RP's name in the fragment of another origin is refused", fault: F{OriginFragment: true}, why: "A comparison that looks for the name anywhere finds it."},
		row{name: "origin-array", title: "An array that holds the origin is refused", fault: F{OriginArray: true}, why: "An RP whose comparison takes lists lets a list be sent."},
		row{name: "origin-trailing-slash", title: "The origin with a trailing slash is refused", fault: F{OriginTrailingSlash: true}, level: Should, requirement: "webauthn-3/13.4.9/exact", why: "An origin has no path; what has one was not written by a client."},
		row{name: "origin-path", title: "The origin with a path is refused", fault: F{OriginPath: true}, level: Should, requirement: "webauthn-3/13.4.9/exact", why: "An origin has no path; a comparison by prefix would not notice."},
		row{name: "origin-upper-case", title: "The origin in upper case is refused", fault: F{OriginUpperCase: true}, level: Should, requirement: "webauthn-3/13.4.9/exact", why: "Clients serialise origins in lower case; the comparison is of strings."},
		row{name: "origin-trailing-dot", title: "The origin's host with a trailing dot is refused", fault: F{OriginTrailingDot: true}, why: "rp.example. is another origin than rp.example."},
		row{name: "origin-null-text", title: "The opaque origin null is refused", fault: F{OriginNullText: true}, why: "Sandboxed pages of every site have this origin."},
		row{name: "origin-null", title: "An origin that is JSON's null is refused", fault: F{OriginNull: true}, why: "null must not count as nothing to compare."},
		row{name: "origin-empty", title: "An empty origin is refused", fault: F{OriginEmpty: true}, why: "An empty string must not count as nothing to compare."},
		row{name: "origin-number", title: "An origin that is a number is refused", fault: F{OriginNumber: true}, why: "A value of another JSON type must not be coerced."},
		row{name: "origin-host-only", title: "The bare host for an origin is refused", fault: F{OriginHostOnly: true}, why: "A comparison of hosts only forgets the scheme."},
		row{name: "origin-app", title: "An app's origin is refused", fault: F{OriginAndroid: true}, also: "webauthn-3/13.4.9/apps", why: "An app that the RP did not list is another party."},
	)...)
	out = append(out, at("cross-origin",
		row{name: "cross-origin-true", title: "crossOrigin true is refused where framing is not expected", fault: F{CrossOriginTrue: true}, why: "A page that frames the RP can trick the user into a ceremony.", needs: []string{"!origin.cross"}},
	)...)
	out = append(out, at("top-origin",
		row{name: "top-origin", title: "A topOrigin is refused where framing is not expected", fault: F{TopOriginAlone: true}, why: "topOrigin names an embedder that the RP never agreed to.", needs: []string{"!origin.cross"}},
	)...)
	out = append(out, at("json",
		row{name: "not-json", title: "Client data that is not JSON is refused", fault: F{ClientDataNotJSON: true}, why: "What cannot be read cannot be verified."},
		row{name: "array", title: "Client data that is a JSON array is refused", fault: F{ClientDataArray: true}, why: "Members of something that is no object must not be taken for absent."},
		row{name: "text", title: "Client data that is a JSON string is refused", fault: F{ClientDataText: true}, why: "Members of something that is no object must not be taken for absent."},
		row{name: "null", title: "Client data that is null is refused", fault: F{ClientDataNull: true}, why: "Members of something that is no object must not be taken for absent."},
		row{name: "empty-object", title: "Client data without any member is refused", fault: F{ClientDataEmptyObject: true}, why: "Nothing to compare must not be nothing that differs."},
		row{name: "truncated", title: "Client data cut short is refused", fault: F{ClientDataTruncated: true}, why: "A parser that stops early reads what an attacker wants it to."},
		row{name: "trailing-garbage", title: "Client data with something behind it is refused", fault: F{ClientDataTrailingGarbage: true}, why: "A parser that ignores the rest reads another document than the one that was signed."},
		row{name: "two-objects", title: "Two objects for client data are refused", fault: F{ClientDataTwoObjects: true}, why: "Two readers see two documents."},
		row{name: "empty", title: "Empty client data is refused", fault: F{ClientDataEmpty: true}, why: "What cannot be read cannot be verified."},
		row{name: "type-twice", title: "Client data with two types is noticed", fault: F{ClientDataDuplicateType: true}, level: Posture, why: "Two readers see two types. The specification leaves the parser to the RP, so that either reading is allowed."},
		row{name: "challenge-twice", title: "Client data with two challenges is noticed", fault: F{ClientDataDuplicateChallenge: true}, level: Posture, why: "Two readers see two challenges. The specification leaves the parser to the RP, so that either reading is allowed."},
		row{name: "origin-twice", title: "Client data with two origins is noticed", fault: F{ClientDataDuplicateOrigin: true}, level: Posture, why: "Two readers see two origins. The specification leaves the parser to the RP, so that either reading is allowed."},
		row{name: "deep", title: "Deeply nested client data does no harm", fault: F{ClientDataDeepNesting: true}, level: Posture, why: "Recursive parsers run out of stack; refusing or bearing it are both right, crashing is not."},
	)...)
	out = append(out, at("utf-8",
		row{name: "invalid-utf-8", title: "Client data that is not UTF-8 does no harm", fault: F{ClientDataInvalidUTF8: true}, level: Posture, why: "UTF-8 decode replaces what is invalid, so that by the text it is accepted; no client writes it, so that a refusal turns nobody away. A crash is what counts."},
		row{name: "utf-16", title: "Client data in UTF-16 is refused", fault: F{ClientDataUTF16: true}, why: "Client data is UTF-8; guessing encodings lets two readers see two texts."},
	)...)
	return out
}

func registrationClientData() []*Check {
	return table(Check{ID: "registration.client-data", Ceremony: Registration, Level: Must, Expect: Reject},
		clientDataRows(false, map[string]string{
			"type": "webauthn-3/7.1/step-7", "challenge": "webauthn-3/7.1/step-8", "origin": "webauthn-3/7.1/step-9",
			"cross-origin": "webauthn-3/7.1/step-10", "top-origin": "webauthn-3/7.1/step-11.1", "json": "webauthn-3/7.1/step-6", "utf-8": "webauthn-3/7.1/step-5",
		})...)
}

func authenticationClientData() []*Check {
	return table(Check{ID: "authentication.client-data", Ceremony: Authentication, Level: Must, Expect: Reject},
		clientDataRows(true, map[string]string{
			"type": "webauthn-3/7.2/step-10", "challenge": "webauthn-3/7.2/step-11", "origin": "webauthn-3/7.2/step-12",
			"cross-origin": "webauthn-3/7.2/step-13", "top-origin": "webauthn-3/7.2/step-14.1", "json": "webauthn-3/7.2/step-9", "utf-8": "webauthn-3/7.2/step-8",
		})...)
}

// legalClientDataRows are forms of client data that an RP must bear.
func legalClientDataRows(json, utf8 string) []row {
	type F = virtualauth.Faults
	return []row{
		{name: "unknown-member", title: "Client data with a member nobody knows is accepted", fault: F{ClientDataUnknownMember: true}, requirement: json, why: "Browsers add members, Chrome even at random, so that nobody comes to depend on there being none."},
		{name: "members-reordered", title: "Client data with members in another order is accepted", fault: F{ClientDataReordered: true}, requirement: json, why: "Any JSON parser may be used, and order means nothing to one."},
		{name: "white-space", title: "Client data with white space is accepted", fault: F{ClientDataWhitespace: true}, requirement: json, why: "White space means nothing in JSON."},
		{name: "escapes", title: "Client data with escaped characters is accepted", fault: F{ClientDataEscaped: true}, requirement: json, why: "A JSON string means what it decodes to."},
		{name: "byte-order-mark", title: "Client data with a byte order mark is accepted", fault: F{ClientDataBOM: true}, requirement: utf8, why: "UTF-8 decode drops one; the hash is over the raw bytes all the same."},
		{name: "cross-origin-absent", title: "Client data without crossOrigin is accepted", fault: F{CrossOriginAbsent: true}, requirement: json, why: "Clients of Level 1 do not send it."},
		{name: "token-binding", title: "Client data with a well-formed tokenBinding is accepted", fault: F{TokenBindingSupported: true}, requirement: "webauthn-3/5.8.1/token-binding", why: "Clients of Level 1 and 2 sent it; the member is reserved now."},
	}
}
