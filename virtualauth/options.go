package virtualauth

import (
	"encoding/base64"
	"encoding/json"
	"iter"
	"math"
	"strconv"
	"strings"
)

// RPEntity is https://www.w3.org/TR/webauthn-3/#dictdef-publickeycredentialrpentity.
type RPEntity struct {
	// ID is the RP ID; empty where the member is absent, which means the origin's effective domain.
	ID   string
	Name string

	// emptyID: the member is there and empty, which is no RP ID of any page.
	emptyID bool
}

// UserEntity is https://www.w3.org/TR/webauthn-3/#dictdef-publickeycredentialuserentity.
type UserEntity struct {
	// ID is the user handle.
	ID                []byte
	Name, DisplayName string
}

// PubKeyCredParam is https://www.w3.org/TR/webauthn-3/#dictdef-publickeycredentialparameters.
type PubKeyCredParam struct {
	Type string
	// Alg is a COSE algorithm identifier, such as -7 for ES256.
	Alg int64
}

// Descriptor is https://www.w3.org/TR/webauthn-3/#dictdef-publickeycredentialdescriptor.
type Descriptor struct {
	Type       string
	ID         []byte
	Transports []string
}

// AuthenticatorSelection is https://www.w3.org/TR/webauthn-3/#dictdef-authenticatorselectioncriteria.
// Empty strings are absent members.
type AuthenticatorSelection struct {
	AuthenticatorAttachment string
	ResidentKey             string
	RequireResidentKey      bool
	UserVerification        string
}

// CreationOptions are PublicKeyCredentialCreationOptions
// (https://www.w3.org/TR/webauthn-3/#dictdef-publickeycredentialcreationoptions).
// Empty strings are absent members.
type CreationOptions struct {
	RP               RPEntity
	User             UserEntity
	Challenge        []byte
	PubKeyCredParams []PubKeyCredParam
	// Timeout is in milliseconds; nil where absent.
	Timeout                *uint32
	ExcludeCredentials     []Descriptor
	AuthenticatorSelection AuthenticatorSelection
	Hints                  []string
	Attestation            string
	AttestationFormats     []string
	// Extensions are the client extension inputs, as the RP wrote them.
	Extensions map[string]json.RawMessage
}

// RequestOptions are PublicKeyCredentialRequestOptions
// (https://www.w3.org/TR/webauthn-3/#dictdef-publickeycredentialrequestoptions).
// Empty strings are absent members.
type RequestOptions struct {
	Challenge []byte
	// Timeout is in milliseconds; nil where absent.
	Timeout          *uint32
	RPID             string
	AllowCredentials []Descriptor
	UserVerification string
	Hints            []string
	// Extensions are the client extension inputs, as the RP wrote them.
	Extensions map[string]json.RawMessage

	// emptyRPID: the member is there and empty, which is no RP ID of any page.
	emptyRPID bool
}

// ParseCreationOptions reads a PublicKeyCredentialCreationOptionsJSON the way a
// page does that calls PublicKeyCredential.parseCreationOptionsFromJSON on it
// (https://www.w3.org/TR/webauthn-3/#sctn-parseCreationOptionsFromJSON): values
// are converted by the rules of Web IDL, so "-7" is an algorithm and "false" is
// true, unknown members are ignored, and of a member given twice the last
// counts. A refusal is an *Error with the name that the browser would use:
// TypeError for a required member that is missing or a value that does not
// convert, EncodingError for bad base64url, SyntaxError for what is not JSON.
func ParseCreationOptions(data []byte) (*CreationOptions, error) {
	doc, err := topLevel(data)
	if err != nil {
		return nil, err
	}
	o := &CreationOptions{}
	var seen seenMembers
	for m := range jsonObject(doc) {
		switch m.name {
		case "rp":
			err = o.RP.parse(m.value)
		case "user":
			err = o.User.parse(m.value)
		case "challenge":
			o.Challenge, err = idlBase64("challenge", m.value)
		case "pubKeyCredParams":
			o.PubKeyCredParams, err = parseParams(m.value)
		case "timeout":
			o.Timeout = idlTimeout(m.value)
		case "excludeCredentials":
			o.ExcludeCredentials, err = parseDescriptors("excludeCredentials", m.value)
		case "authenticatorSelection":
			err = o.AuthenticatorSelection.parse(m.value)
		case "hints":
			o.Hints, err = idlStrings("hints", m.value)
		case "attestation":
			o.Attestation = idlString(m.value)
		case "attestationFormats":
			o.AttestationFormats, err = idlStrings("attestationFormats", m.value)
		case "extensions":
			o.Extensions, err = parseExtensions(m.value)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		seen.add(m.name)
	}
	if err := seen.need("options", "rp", "user", "challenge", "pubKeyCredParams"); err != nil {
		return nil, err
	}
	return o, nil
}

// ParseRequestOptions reads a PublicKeyCredentialRequestOptionsJSON as
// parseRequestOptionsFromJSON does
// (https://www.w3.org/TR/webauthn-3/#sctn-parseRequestOptionsFromJSON); see
// ParseCreationOptions for the rules and the errors.
func ParseRequestOptions(data []byte) (*RequestOptions, error) {
	doc, err := topLevel(data)
	if err != nil {
		return nil, err
	}
	o := &RequestOptions{}
	var seen seenMembers
	for m := range jsonObject(doc) {
		switch m.name {
		case "challenge":
			o.Challenge, err = idlBase64("challenge", m.value)
		case "timeout":
			o.Timeout = idlTimeout(m.value)
		case "rpId":
			o.RPID = idlString(m.value)
			o.emptyRPID = o.RPID == ""
		case "allowCredentials":
			o.AllowCredentials, err = parseDescriptors("allowCredentials", m.value)
		case "userVerification":
			o.UserVerification = idlString(m.value)
		case "hints":
			o.Hints, err = idlStrings("hints", m.value)
		case "extensions":
			o.Extensions, err = parseExtensions(m.value)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		seen.add(m.name)
	}
	if err := seen.need("options", "challenge"); err != nil {
		return nil, err
	}
	return o, nil
}

func topLevel(data []byte) ([]byte, error) {
	doc, err := jsonDocument(data)
	if err != nil {
		return nil, refuse(errSyntax, "options: %v", err)
	}
	if err := idlDictionary("options", doc); err != nil {
		return nil, err
	}
	return doc, nil
}

func (e *RPEntity) parse(v []byte) error {
	if err := idlDictionary("rp", v); err != nil {
		return err
	}
	*e = RPEntity{}
	var seen seenMembers
	for m := range jsonObject(v) {
		switch m.name {
		case "id":
			e.ID = idlString(m.value)
			e.emptyID = e.ID == ""
		case "name":
			e.Name = idlString(m.value)
		default:
			continue
		}
		seen.add(m.name)
	}
	return seen.need("rp", "name")
}

func (e *UserEntity) parse(v []byte) (err error) {
	if err := idlDictionary("user", v); err != nil {
		return err
	}
	*e = UserEntity{}
	var seen seenMembers
	for m := range jsonObject(v) {
		switch m.name {
		case "id":
			if e.ID, err = idlBase64("user.id", m.value); err != nil {
				return err
			}
		case "name":
			e.Name = idlString(m.value)
		case "displayName":
			e.DisplayName = idlString(m.value)
		default:
			continue
		}
		seen.add(m.name)
	}
	return seen.need("user", "id", "name", "displayName")
}

func parseParams(v []byte) ([]PubKeyCredParam, error) {
	items, err := idlSequence("pubKeyCredParams", v)
	if err != nil {
		return nil, err
	}
	params := make([]PubKeyCredParam, 0, len(items))
	for _, item := range items {
		if err := idlDictionary("pubKeyCredParams member", item); err != nil {
			return nil, err
		}
		var p PubKeyCredParam
		var seen seenMembers
		for m := range jsonObject(item) {
			switch m.name {
			case "type":
				p.Type = idlString(m.value)
			case "alg":
				p.Alg = int64(int32(idlUint32(m.value)))
			default:
				continue
			}
			seen.add(m.name)
		}
		if err := seen.need("pubKeyCredParams member", "type", "alg"); err != nil {
			return nil, err
		}
		params = append(params, p)
	}
	return params, nil
}

func parseDescriptors(where string, v []byte) ([]Descriptor, error) {
	items, err := idlSequence(where, v)
	if err != nil {
		return nil, err
	}
	list := make([]Descriptor, 0, len(items))
	for _, item := range items {
		if err := idlDictionary(where+" member", item); err != nil {
			return nil, err
		}
		var d Descriptor
		var seen seenMembers
		for m := range jsonObject(item) {
			switch m.name {
			case "type":
				d.Type = idlString(m.value)
			case "id":
				d.ID, err = idlBase64(where+" id", m.value)
			case "transports":
				d.Transports, err = idlStrings(where+" transports", m.value)
			default:
				continue
			}
			if err != nil {
				return nil, err
			}
			seen.add(m.name)
		}
		if err := seen.need(where+" member", "type", "id"); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}

func (s *AuthenticatorSelection) parse(v []byte) error {
	if err := idlDictionary("authenticatorSelection", v); err != nil {
		return err
	}
	*s = AuthenticatorSelection{}
	for m := range jsonObject(v) {
		switch m.name {
		case "authenticatorAttachment":
			s.AuthenticatorAttachment = idlString(m.value)
		case "residentKey":
			s.ResidentKey = idlString(m.value)
		case "requireResidentKey":
			s.RequireResidentKey = idlBoolean(m.value)
		case "userVerification":
			s.UserVerification = idlString(m.value)
		}
	}
	return nil
}

func parseExtensions(v []byte) (map[string]json.RawMessage, error) {
	if err := idlDictionary("extensions", v); err != nil {
		return nil, err
	}
	var ext map[string]json.RawMessage
	for m := range jsonObject(v) {
		if ext == nil {
			ext = make(map[string]json.RawMessage)
		}
		ext[m.name] = json.RawMessage(append([]byte(nil), m.value...))
	}
	return ext, nil
}

// Web IDL conversions (https://webidl.spec.whatwg.org/#es-type-mapping) from JSON values.

// idlDictionary accepts what converts to a dictionary: an object, null (an
// empty dictionary), or an array, which is an object without the members.
func idlDictionary(where string, v []byte) error {
	switch v[0] {
	case '{', '[', 'n':
		return nil
	}
	return refuse(errType, "%s is not an object", where)
}

// jsonObject is the members of v, none where v is null or an array.
func jsonObject(v []byte) iter.Seq[jsonMember] {
	return func(yield func(jsonMember) bool) {
		if v[0] == '{' {
			jsonMembers(v, yield)
		}
	}
}

func idlSequence(where string, v []byte) ([][]byte, error) {
	if v[0] != '[' {
		return nil, refuse(errType, "%s cannot be converted to a sequence", where)
	}
	var items [][]byte
	jsonElements(v, func(e []byte) bool {
		if items == nil {
			items = make([][]byte, 0, 12)
		}
		items = append(items, e)
		return true
	})
	return items, nil
}

func idlStrings(where string, v []byte) ([]string, error) {
	items, err := idlSequence(where, v)
	if err != nil {
		return nil, err
	}
	list := make([]string, len(items))
	for i, item := range items {
		list[i] = idlString(item)
	}
	return list, nil
}

func idlString(v []byte) string {
	switch v[0] {
	case '"':
		return jsonText(v)
	case 't', 'f', 'n':
		return string(v)
	case '{':
		return "[object Object]"
	case '[':
		var parts []string
		jsonElements(v, func(e []byte) bool {
			if e[0] == 'n' {
				parts = append(parts, "")
			} else {
				parts = append(parts, idlString(e))
			}
			return true
		})
		return strings.Join(parts, ",")
	default:
		return jsNumber(v)
	}
}

func idlBoolean(v []byte) bool {
	switch v[0] {
	case 't', '{', '[':
		return true
	case 'f', 'n':
		return false
	case '"':
		return len(v) > 2
	default:
		f, err := strconv.ParseFloat(string(v), 64)
		return err != nil || f != 0
	}
}

// idlUint32 is ToUint32(ToNumber(v)): truncated, modulo 2^32, NaN to zero.
func idlUint32(v []byte) uint32 {
	if n, err := strconv.Atoi(string(v)); err == nil && len(v) < 16 {
		return uint32(n)
	}
	var f float64
	var err error
	switch v[0] {
	case 't':
		return 1
	case 'f', 'n', '{':
		return 0
	case '"', '[':
		s := strings.TrimSpace(idlString(v))
		if s == "" {
			return 0
		}
		if len(s) > 2 && s[0] == '0' && strings.ContainsRune("xXoObB", rune(s[1])) {
			n, err := strconv.ParseUint(s, 0, 64)
			if err != nil {
				return 0
			}
			return uint32(n)
		}
		if strings.ContainsAny(s, "_xXpPnN") {
			return 0 // NaN, or Infinity, both of which become 0
		}
		f, err = strconv.ParseFloat(s, 64)
	default:
		f, err = strconv.ParseFloat(string(v), 64)
	}
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	f = math.Mod(math.Trunc(f), 1<<32)
	if f < 0 {
		f += 1 << 32
	}
	return uint32(f)
}

func idlTimeout(v []byte) *uint32 {
	n := idlUint32(v)
	return &n
}

// idlBase64 decodes a Base64URLString: no padding, no other alphabet, no line breaks.
func idlBase64(where string, v []byte) ([]byte, error) {
	s := idlString(v)
	b, err := decodeBase64URL(s)
	if err != nil {
		return nil, refuse(errEncoding, "%s is not base64url without padding", where)
	}
	return b, nil
}

func decodeBase64URL(s string) ([]byte, error) {
	// The decoder skips line breaks, which base64url has no room for.
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		return nil, base64.CorruptInputError(i)
	}
	// Copying to the stack first saves the allocation that DecodeString makes.
	var store [512]byte
	b := make([]byte, base64.RawURLEncoding.DecodedLen(len(s)))
	n, err := base64.RawURLEncoding.Decode(b, append(store[:0], s...))
	return b[:n], err
}

// seenMembers remembers which members an object had.
type seenMembers struct {
	names [12]string
	n     int
}

func (s *seenMembers) add(name string) {
	if s.n < len(s.names) {
		s.names[s.n] = name
		s.n++
	}
}

func (s *seenMembers) need(where string, names ...string) error {
next:
	for _, name := range names {
		for _, seen := range s.names[:s.n] {
			if seen == name {
				continue next
			}
		}
		return refuse(errType, "%s: required member %s is missing", where, name)
	}
	return nil
}
