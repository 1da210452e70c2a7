package target

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// WireFault documents one wire fault: a field of WireFaults, with one role
// where the field takes one.
type WireFault struct {
	// Name is the fault's name in checks and on the command line: missing-client-data-json.
	Name string
	// Field is the name of the WireFaults field, Role what it is set to.
	Field string
	Role  Role
	Doc   string
	// Violates is the anchor of what the fault goes against; empty when Legal.
	Violates string
	// Legal marks a form that a Relying Party must take as well as the plain one.
	Legal bool
	// Lenient marks a form that the text does not have, but that a Relying Party
	// may well read all the same: taking it and refusing it are both correct.
	Lenient bool
	// Ceremonies are the kinds of ceremony whose result body can have the fault.
	Ceremonies []string
}

const (
	anchorRegistration   = "https://www.w3.org/TR/webauthn-3/#dictdef-registrationresponsejson"
	anchorAttestation    = "https://www.w3.org/TR/webauthn-3/#dictdef-authenticatorattestationresponsejson"
	anchorAuthentication = "https://www.w3.org/TR/webauthn-3/#dictdef-authenticationresponsejson"
	anchorBase64URL      = "https://www.w3.org/TR/webauthn-3/#base64url-encoding"
	anchorType           = "https://www.w3.org/TR/credential-management-1/#dom-credential-type"
	anchorJSON           = "https://www.rfc-editor.org/rfc/rfc8259#section-2"
	anchorUTF8           = "https://www.rfc-editor.org/rfc/rfc8259#section-8.1"
	anchorMembers        = "https://www.rfc-editor.org/rfc/rfc8259#section-4"
)

// operation is a field of WireFaults that takes a role.
type operation struct {
	field, name, doc string
	roles            []Role
	violates         string
	legal            []Role
	lenient          []Role
}

var (
	binaryRoles = []Role{RoleID, RoleRawID, RoleClientDataJSON, RoleAttestationObject, RoleAuthenticatorData, RoleSignature, RoleUserHandle}
	stringRoles = append([]Role{RoleType}, binaryRoles...)
	objectRoles = []Role{RoleResponse, RoleExtensionResults}
	// A Relying Party need not read these at all.
	sideRoles = []Role{RoleRawID, RoleExtensionResults, RoleTransports}
)

var operations = []operation{
	{"Missing", "missing", "the member is not there", allRoles, "", []Role{RoleUserHandle}, sideRoles},
	{"Null", "null", "the member is null", allRoles, "", nil, append([]Role{RoleUserHandle}, sideRoles...)},
	{"Number", "number", "the member is a number", allRoles, "", nil, sideRoles},
	{"Bool", "bool", "the member is true", allRoles, "", nil, sideRoles},
	{"String", "string", "the member is a string where it should be an object or list", append([]Role{RoleTransports}, objectRoles...), "", nil, sideRoles},
	{"Array", "array", "the member is an empty list", append(slices.Clone(stringRoles), objectRoles...), "", nil, sideRoles},
	{"Object", "object", "the member is an empty object where it should be a string or list", append([]Role{RoleTransports}, stringRoles...), "", nil, sideRoles},
	{"EmptyString", "empty-string", "the member is the empty string", append(slices.Clone(stringRoles), RoleResponse, RoleExtensionResults), "", nil, append([]Role{RoleUserHandle}, sideRoles...)},
	{"EmptyObject", "empty-object", "the member is an object without members", objectRoles, "", []Role{RoleExtensionResults}, nil},
	{"NotBase64URL", "not-base64url", "the member holds characters of no base64 alphabet", binaryRoles, anchorBase64URL, nil, []Role{RoleRawID}},
	{"Padded", "padded", "the member is base64url with padding", binaryRoles, anchorBase64URL, nil, binaryRoles},
	{"StandardAlphabet", "standard-alphabet", "the member is in the alphabet of base64 with + and /", binaryRoles, anchorBase64URL, nil, binaryRoles},
	{"Truncated", "truncated", "the member's last four characters are cut off", binaryRoles, "", nil, []Role{RoleRawID}},
	{"OtherValue", "other", "the member has another value of the right form", append([]Role{RoleTransports, RoleExtensionResults}, stringRoles...), "", []Role{RoleTransports, RoleExtensionResults}, []Role{RoleRawID}},
	{"WrongCase", "wrong-case", "the member's value is in upper case", []Role{RoleType}, anchorType, nil, nil},
	{"Duplicate", "duplicate", "the member is there twice, the second time with another value", append(slices.Clone(stringRoles), objectRoles...), anchorMembers, nil, append(slices.Clone(stringRoles), objectRoles...)},
}

var bodyFaults = []WireFault{
	{Name: "contradictory-raw-id", Field: "ContradictID", Doc: "id and rawId name different credentials", Violates: anchorRegistration},
	{Name: "foreign-copies", Field: "ForeignCopies", Doc: "authenticatorData, publicKey and publicKeyAlgorithm beside the attestation object are of another credential", Violates: anchorAttestation, Lenient: true},
	{Name: "unknown-attachment", Field: "AttachmentUnknown", Doc: "authenticatorAttachment has a value that the specification does not have", Legal: true},
	{Name: "unknown-member", Field: "UnknownMember", Doc: "members that nobody knows, at the top and next to the response's members", Legal: true},
	{Name: "body-empty", Field: "BodyEmpty", Doc: "the body has no bytes", Violates: anchorJSON},
	{Name: "body-not-json", Field: "BodyNotJSON", Doc: "the body is text, labelled as JSON", Violates: anchorJSON},
	{Name: "body-truncated", Field: "BodyTruncated", Doc: "the body ends in the middle", Violates: anchorJSON},
	{Name: "body-array", Field: "BodyArray", Doc: "the body is a list that holds the object", Violates: anchorRegistration},
	{Name: "body-null", Field: "BodyNull", Doc: "the body is null", Violates: anchorRegistration},
	{Name: "body-trailing", Field: "BodyTrailing", Doc: "a second value follows the object", Violates: anchorJSON, Lenient: true},
	{Name: "body-bom", Field: "BodyBOM", Doc: "a byte order mark comes first", Violates: anchorUTF8, Lenient: true},
	{Name: "body-huge", Field: "BodyHuge", Doc: "an unknown member of 1 MiB", Lenient: true, Violates: "https://www.rfc-editor.org/rfc/rfc9110#status.413"},
	{Name: "body-deep", Field: "BodyDeep", Doc: "an unknown member nested 20000 deep", Lenient: true, Violates: "https://www.rfc-editor.org/rfc/rfc8259#section-9"},
	{Name: "invalid-utf8", Field: "InvalidUTF8", Doc: "an unknown member that is not UTF-8", Violates: anchorUTF8, Lenient: true},
	{Name: "body-reordered", Field: "BodyReordered", Doc: "the members in reverse order", Legal: true},
	{Name: "body-whitespace", Field: "BodyWhitespace", Doc: "white space wherever JSON allows it", Legal: true},
}

var roleNames = map[Role]string{
	RoleID: "id", RoleRawID: "raw-id", RoleType: "type", RoleResponse: "response", RoleClientDataJSON: "client-data-json",
	RoleAttestationObject: "attestation-object", RoleAuthenticatorData: "authenticator-data", RoleSignature: "signature",
	RoleUserHandle: "user-handle", RoleExtensionResults: "extension-results", RoleTransports: "transports",
}

// ceremoniesOf are the kinds of ceremony whose result has the role.
func ceremoniesOf(r Role) []string {
	switch r {
	case RoleAttestationObject, RoleTransports:
		return []string{Registration}
	case RoleAuthenticatorData, RoleSignature, RoleUserHandle:
		return []string{Authentication}
	}
	return []string{Registration, Authentication}
}

func anchorOf(r Role) string {
	switch r {
	case RoleAuthenticatorData, RoleSignature, RoleUserHandle:
		return anchorAuthentication
	case RoleAttestationObject, RoleTransports, RoleClientDataJSON:
		return anchorAttestation
	case RoleType:
		return anchorType
	}
	return anchorRegistration
}

var allWireFaults = buildWireFaults()

func buildWireFaults() []WireFault {
	var out []WireFault
	for _, op := range operations {
		for _, r := range op.roles {
			f := WireFault{
				Name: op.name + "-" + roleNames[r], Field: op.field, Role: r,
				Doc:     fmt.Sprintf("%s: %s", r, op.doc),
				Legal:   slices.Contains(op.legal, r),
				Lenient: slices.Contains(op.lenient, r) && !slices.Contains(op.legal, r), Ceremonies: ceremoniesOf(r),
			}
			if !f.Legal {
				if f.Violates = op.violates; f.Violates == "" {
					f.Violates = anchorOf(r)
				}
			}
			out = append(out, f)
		}
	}
	for _, f := range bodyFaults {
		f.Ceremonies = []string{Registration, Authentication}
		if f.Field == "ForeignCopies" {
			f.Ceremonies = []string{Registration}
		}
		out = append(out, f)
	}
	return out
}

// AllWireFaults lists every wire fault, in a fixed order.
func AllWireFaults() []WireFault { return slices.Clone(allWireFaults) }

// ParseWireFaults turns names into faults. Two names that set one field to
// different roles are an error.
func ParseWireFaults(names ...string) (WireFaults, error) {
	var w WireFaults
	v := reflect.ValueOf(&w).Elem()
	for _, name := range names {
		i := slices.IndexFunc(allWireFaults, func(f WireFault) bool { return f.Name == name })
		if i < 0 {
			var known []string
			for _, f := range allWireFaults {
				known = append(known, f.Name)
			}
			hint := "list them with AllWireFaults"
			if near := nearest(name, known); near != "" {
				hint = "did you mean " + near + "?"
			}
			return WireFaults{}, fmt.Errorf("unknown wire fault %q (%s)", oneLine(name), hint)
		}
		f := allWireFaults[i]
		field := v.FieldByName(f.Field)
		if f.Role == "" {
			field.SetBool(true)
			continue
		}
		if old := field.String(); old != "" && old != string(f.Role) {
			return WireFaults{}, fmt.Errorf("wire fault %s: %s is set to %s already (name one of the two)", name, f.Field, old)
		}
		field.SetString(string(f.Role))
	}
	return w, nil
}

// Names lists the faults that are set, in the order of AllWireFaults. A role
// that the registry does not pair with an operation is named all the same.
func (w WireFaults) Names() []string {
	var names []string
	v := reflect.ValueOf(w)
	for _, op := range operations {
		r := Role(v.FieldByName(op.field).String())
		if r != "" {
			name := roleNames[r]
			if name == "" {
				name = strings.ToLower(string(r))
			}
			names = append(names, op.name+"-"+name)
		}
	}
	for _, f := range bodyFaults {
		if v.FieldByName(f.Field).Bool() {
			names = append(names, f.Name)
		}
	}
	return names
}

func joinRoles(roles []Role) string {
	var s []string
	for _, r := range roles {
		s = append(s, string(r))
	}
	return strings.Join(s, ", ")
}
