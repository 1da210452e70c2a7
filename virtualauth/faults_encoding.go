package virtualauth

import (
	"bytes"
	"slices"
	"strings"
)

func encodingFault(field, steps string, strength Strength, doc string, do func(*edit) error) faultDef {
	return faultDef{Fault: Fault{Field: field, Doc: doc, Steps: stepsOf(steps), Stage: StageEncoding, Ceremonies: inRegistration, Strength: strength, Violates: anchorObject}, edit: do}
}

const (
	anchorObject    = "attestation-object"
	anchorCanonical = "sctn-conforming-all-classes"
)

// objectBytes replaces the attestation object by a function of it.
func objectBytes(change func([]byte) []byte) func(*edit) error {
	return func(e *edit) error {
		e.objectPost = append(e.objectPost, change)
		return nil
	}
}

// objectMember replaces the value of fmt, attStmt or authData.
func objectMember(name string, value func(e *edit, now []byte) []byte) func(*edit) error {
	return func(e *edit) error {
		i := findPair(e.object, cborTextKey(name))
		if i < 0 {
			return notApplicable("the attestation object has no %s", name)
		}
		e.object[i].value = value(e, bytes.Clone(e.object[i].value))
		return nil
	}
}

func dropObjectMember(name string) func(*edit) error {
	return func(e *edit) error {
		i := findPair(e.object, cborTextKey(name))
		if i < 0 {
			return notApplicable("the attestation object has no %s", name)
		}
		e.object = slices.Delete(e.object, i, i+1)
		return nil
	}
}

func fixed(raw []byte) func(*edit, []byte) []byte {
	return func(*edit, []byte) []byte { return raw }
}

var encodingFaults = []faultDef{
	encodingFault("FormatMissing", "21", MustReject, "fmt is left out", dropObjectMember("fmt")),
	encodingFault("FormatNumber", "21", MustReject, "fmt is a number", objectMember("fmt", fixed([]byte{1}))),
	encodingFault("FormatUnknown", "21", MustReject, "fmt is one that nobody knows", objectMember("fmt", fixed(appendCBORText(nil, "touchstone-unknown")))).at("sctn-attstn-fmt-ids"),
	encodingFault("FormatEmpty", "21", MustReject, "fmt is empty", objectMember("fmt", fixed(appendCBORText(nil, "")))).at("sctn-attstn-fmt-ids"),
	encodingFault("FormatUpperCase", "21", MustReject, "fmt is in upper case", objectMember("fmt", func(e *edit, _ []byte) []byte { return appendCBORText(nil, strings.ToUpper(e.format)) })).at("sctn-attstn-fmt-ids"),
	encodingFault("FormatBytes", "21", MustReject, "fmt is a byte string", objectMember("fmt", func(e *edit, _ []byte) []byte { return appendCBORBytes(nil, []byte(e.format)) })),
	encodingFault("FormatNoneWithStatement", "22", MustReject, "fmt is none, over the statement of another format", objectMember("fmt", fixed(appendCBORText(nil, "none")))).at(anchorNone).needs("packed", "fido-u2f"),
	encodingFault("FormatPackedWithoutStatement", "22", MustReject, "fmt is packed, over the empty statement of none", objectMember("fmt", fixed(appendCBORText(nil, "packed")))).at(anchorPacked).needs("none"),
	encodingFault("StatementMissing", "13", MustReject, "attStmt is left out", dropObjectMember("attStmt")),
	encodingFault("StatementNotMap", "22", MustReject, "attStmt is an array", objectMember("attStmt", fixed([]byte{0x80}))).at("sctn-attstn-fmt-ids"),
	encodingFault("StatementNull", "22", MustReject, "attStmt is null", objectMember("attStmt", fixed([]byte{0xf6}))).at("sctn-attstn-fmt-ids"),
	encodingFault("AuthDataMissing", "13", MustReject, "authData is left out", dropObjectMember("authData")),
	encodingFault("AuthDataText", "13", MustReject, "authData is a text string", objectMember("authData", func(e *edit, _ []byte) []byte {
		return append(appendCBORHead(nil, cborText, uint64(len(e.authBytes))), e.authBytes...)
	})),
	encodingFault("AuthDataNull", "13", MustReject, "authData is null", objectMember("authData", fixed([]byte{0xf6}))),
	encodingFault("AttestationObjectEmpty", "13", MustReject, "the attestation object is empty", objectBytes(func([]byte) []byte { return []byte{} })),
	encodingFault("AttestationObjectNotMap", "13", MustReject, "the attestation object is an array of the same items", objectBytes(func(b []byte) []byte {
		if len(b) > 0 {
			b[0] = b[0]&0x1f*2 | cborArray<<5
		}
		return b
	})),
	encodingFault("AttestationObjectEmptyMap", "13", MustReject, "the attestation object is an empty map", objectBytes(func([]byte) []byte { return []byte{0xa0} })),
	encodingFault("AttestationObjectTruncated", "13", MustReject, "the attestation object has lost its last byte", objectBytes(func(b []byte) []byte { return b[:max(0, len(b)-1)] })),
	encodingFault("AttestationObjectJSON", "13", MustReject, "the attestation object is JSON", objectBytes(func([]byte) []byte { return []byte(`{"fmt":"none","attStmt":{},"authData":""}`) })),
	encodingFault("CBORReordered", "13", ShouldReject, "the members of the attestation object are not in canonical order", func(e *edit) error {
		slices.Reverse(e.object)
		return nil
	}).at(anchorCanonical),
	encodingFault("CBORIndefiniteLength", "13", ShouldReject, "the attestation object is a map of indefinite length", objectBytes(func(b []byte) []byte {
		if len(b) > 0 {
			b[0] = cborMap<<5 | 31
		}
		return append(b, 0xff)
	})).at(anchorCanonical),
	encodingFault("CBORIndefiniteAuthData", "13", ShouldReject, "authData is a byte string of indefinite length, in one chunk", objectMember("authData", func(_ *edit, b []byte) []byte {
		return append(append([]byte{cborBytes<<5 | 31}, b...), 0xff)
	})).at(anchorCanonical),
	encodingFault("CBORDuplicateKey", "13", ShouldReject, "fmt stands in the attestation object twice, the second time with a format that nobody knows", func(e *edit) error {
		e.object = append(e.object, cborPair{cborTextKey("fmt"), appendCBORText(nil, "touchstone-unknown")})
		return nil
	}).at(anchorCanonical),
	encodingFault("CBORDuplicateAuthData", "13", ShouldReject, "authData stands in the attestation object twice, the second time empty", func(e *edit) error {
		e.object = append(e.object, cborPair{cborTextKey("authData"), []byte{0x40}})
		return nil
	}).at(anchorCanonical),
	encodingFault("CBORTrailingBytes", "13", ShouldReject, "bytes stand behind the attestation object", objectBytes(func(b []byte) []byte { return append(b, 0x00, 0x01) })).at(anchorCanonical),
	encodingFault("CBORExtraMember", "13", MayReject, "the attestation object has a member that nothing defines", func(e *edit) error {
		e.object = append(e.object, cborPair{cborTextKey("touchstone"), []byte{0xf5}})
		return nil
	}),
	encodingFault("CBORDeepNesting", "13", MustReject, "attStmt holds ten thousand nested arrays", objectMember("attStmt", func(*edit, []byte) []byte {
		const depth = 10000
		return append(append(appendCBORText([]byte{0xa1}, "x"), bytes.Repeat([]byte{0x81}, depth)...), 0x80)
	})).at("sctn-attstn-fmt-ids"),
	encodingFault("CBORHugeLength", "13", MustReject, "authData declares a length of 2^63-1 bytes", objectMember("authData", func(e *edit, _ []byte) []byte {
		return append([]byte{cborBytes<<5 | 27, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, e.authBytes...)
	})),
	encodingFault("CBORHugeMap", "13", MustReject, "the attestation object declares 2^32-1 members", objectBytes(func(b []byte) []byte {
		return append([]byte{cborMap<<5 | 26, 0xff, 0xff, 0xff, 0xff}, b[min(1, len(b)):]...)
	})),
	encodingFault("CBORNonMinimal", "13", ShouldReject, "the length of authData is written in four bytes in place of one or two", objectMember("authData", func(e *edit, _ []byte) []byte {
		n := len(e.authBytes)
		return append([]byte{cborBytes<<5 | 26, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, e.authBytes...)
	})).at(anchorCanonical),
	encodingFault("CBORTagged", "13", MayReject, "the attestation object stands behind the tag that marks CBOR", objectBytes(func(b []byte) []byte {
		return append([]byte{0xd9, 0xd9, 0xf7}, b...)
	})).at(anchorCanonical),
	encodingFault("CBORByteStringKeys", "13", MustReject, "the names of the attestation object's members are byte strings", func(e *edit) error {
		for i := range e.object {
			k := bytes.Clone(e.object[i].key)
			k[0] = k[0]&0x1f | cborBytes<<5
			e.object[i].key = k
		}
		return nil
	}),
}
