package target

import "errors"

// Role is what a member of a result body means, whatever the dialect calls it.
type Role string

// The roles, by the names of RegistrationResponseJSON and AuthenticationResponseJSON
// (https://www.w3.org/TR/webauthn-3/#dictdef-registrationresponsejson).
const (
	RoleID                Role = "id"
	RoleRawID             Role = "rawId"
	RoleType              Role = "type"
	RoleResponse          Role = "response"
	RoleClientDataJSON    Role = "clientDataJSON"
	RoleAttestationObject Role = "attestationObject"
	RoleAuthenticatorData Role = "authenticatorData"
	RoleSignature         Role = "signature"
	RoleUserHandle        Role = "userHandle"
	RoleExtensionResults  Role = "extensionResults"
	RoleTransports        Role = "transports"
)

var allRoles = []Role{RoleID, RoleRawID, RoleType, RoleResponse, RoleClientDataJSON, RoleAttestationObject,
	RoleAuthenticatorData, RoleSignature, RoleUserHandle, RoleExtensionResults, RoleTransports}

// Roles lists every role, in a fixed order.
func Roles() []Role { return append([]Role(nil), allRoles...) }

// ErrNoRole says that a wire fault cannot be applied here: the dialect's result
// body has no member with the role, this body does not carry it, or the fault
// would change nothing. The fault is not applicable.
var ErrNoRole = errors.New("the wire fault does not apply")

// WireFaults are faults of the result body, applied after the dialect's
// mapping. The zero value is none. A field of type Role does its operation to
// the member with that role; AllWireFaults documents every one.
type WireFaults struct {
	// Faults of one member, from its absence to its value.
	Missing          Role
	Null             Role
	Number           Role
	Bool             Role
	String           Role
	Array            Role
	Object           Role
	EmptyString      Role
	EmptyObject      Role
	NotBase64URL     Role
	Padded           Role
	StandardAlphabet Role
	Truncated        Role
	OtherValue       Role
	WrongCase        Role
	Duplicate        Role

	// ContradictID makes rawId the base64url text of another credential id than id.
	ContradictID bool
	// ForeignCopies puts copies of another credential's key and authenticator data
	// beside the attestation object, where RegistrationResponseJSON has copies of its own.
	ForeignCopies bool
	// AttachmentUnknown adds authenticatorAttachment with a value that the
	// specification does not have, beside id and type; legal.
	AttachmentUnknown bool
	// UnknownMember adds members that no dialect knows; legal.
	UnknownMember bool

	// Faults of the body's bytes.
	BodyEmpty      bool
	BodyNotJSON    bool
	BodyTruncated  bool
	BodyArray      bool
	BodyNull       bool
	BodyTrailing   bool
	BodyBOM        bool
	BodyHuge       bool
	BodyDeep       bool
	InvalidUTF8    bool
	BodyReordered  bool
	BodyWhitespace bool
}
