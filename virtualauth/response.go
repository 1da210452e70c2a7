package virtualauth

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// RegistrationResponse is what create() resolved with, in the shape of a
// RegistrationResponseJSON (https://www.w3.org/TR/webauthn-3/#dictdef-registrationresponsejson).
// It marshals to that dictionary, with binary members in unpadded base64url.
type RegistrationResponse struct {
	// ID is the text of the id member; base64url of RawID unless a fault says otherwise.
	ID                string
	RawID             []byte
	Type              string
	ClientDataJSON    []byte
	AttestationObject []byte
	// AuthenticatorData, PublicKey (a SubjectPublicKeyInfo in DER) and
	// PublicKeyAlgorithm are copies of what stands in the attestation object.
	// PublicKey is nil where the client does not understand the algorithm.
	AuthenticatorData  []byte
	Transports         []string
	PublicKey          []byte
	PublicKeyAlgorithm int64
	// AuthenticatorAttachment is platform or cross-platform; empty where absent.
	AuthenticatorAttachment string
	ClientExtensionResults  map[string]json.RawMessage
}

// AuthenticationResponse is what get() resolved with, in the shape of an
// AuthenticationResponseJSON (https://www.w3.org/TR/webauthn-3/#dictdef-authenticationresponsejson).
type AuthenticationResponse struct {
	// ID is the text of the id member; base64url of RawID unless a fault says otherwise.
	ID                string
	RawID             []byte
	Type              string
	ClientDataJSON    []byte
	AuthenticatorData []byte
	Signature         []byte
	// UserHandle is nil where the member is absent.
	UserHandle []byte
	// AuthenticatorAttachment is platform or cross-platform; empty where absent.
	AuthenticatorAttachment string
	ClientExtensionResults  map[string]json.RawMessage
}

// MarshalJSON writes a RegistrationResponseJSON.
func (r RegistrationResponse) MarshalJSON() ([]byte, error) {
	n := 512 + len(r.ClientDataJSON)*4/3 + len(r.AttestationObject)*4/3 + len(r.AuthenticatorData)*4/3 + len(r.PublicKey)*4/3 + len(r.RawID)*3
	return r.AppendJSON(make([]byte, 0, n))
}

// AppendJSON appends what MarshalJSON returns to dst. It fails only where an
// extension result is not JSON.
func (r RegistrationResponse) AppendJSON(dst []byte) ([]byte, error) {
	dst = appendEnvelope(dst, r.ID, r.RawID, r.Type)
	dst = appendBinary(dst, "clientDataJSON", r.ClientDataJSON)
	dst = appendBinary(append(dst, ','), "attestationObject", r.AttestationObject)
	dst = appendBinary(append(dst, ','), "authenticatorData", r.AuthenticatorData)
	dst = append(dst, `,"transports":[`...)
	for i, t := range r.Transports {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONString(dst, t)
	}
	dst = append(dst, ']')
	if r.PublicKey != nil {
		dst = appendBinary(append(dst, ','), "publicKey", r.PublicKey)
	}
	dst = append(dst, `,"publicKeyAlgorithm":`...)
	dst = strconv.AppendInt(dst, r.PublicKeyAlgorithm, 10)
	return appendTail(append(dst, '}'), r.AuthenticatorAttachment, r.ClientExtensionResults)
}

// MarshalJSON writes an AuthenticationResponseJSON.
func (r AuthenticationResponse) MarshalJSON() ([]byte, error) {
	n := 384 + len(r.ClientDataJSON)*4/3 + len(r.AuthenticatorData)*4/3 + len(r.Signature)*4/3 + len(r.UserHandle)*4/3 + len(r.RawID)*3
	return r.AppendJSON(make([]byte, 0, n))
}

// AppendJSON appends what MarshalJSON returns to dst. It fails only where an
// extension result is not JSON.
func (r AuthenticationResponse) AppendJSON(dst []byte) ([]byte, error) {
	dst = appendEnvelope(dst, r.ID, r.RawID, r.Type)
	dst = appendBinary(dst, "clientDataJSON", r.ClientDataJSON)
	dst = appendBinary(append(dst, ','), "authenticatorData", r.AuthenticatorData)
	dst = appendBinary(append(dst, ','), "signature", r.Signature)
	if r.UserHandle != nil {
		dst = appendBinary(append(dst, ','), "userHandle", r.UserHandle)
	}
	return appendTail(append(dst, '}'), r.AuthenticatorAttachment, r.ClientExtensionResults)
}

func appendEnvelope(dst []byte, id string, rawID []byte, typ string) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendJSONString(dst, id)
	dst = appendBinary(append(dst, ','), "rawId", rawID)
	dst = append(dst, `,"type":`...)
	dst = appendJSONString(dst, typ)
	return append(dst, `,"response":{`...)
}

func appendTail(dst []byte, attachment string, results map[string]json.RawMessage) ([]byte, error) {
	if attachment != "" {
		dst = append(dst, `,"authenticatorAttachment":`...)
		dst = appendJSONString(dst, attachment)
	}
	dst = append(dst, `,"clientExtensionResults":{`...)
	var names []string
	if len(results) > 0 {
		names = slices.Sorted(maps.Keys(results))
	}
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONString(dst, name)
		dst = append(dst, ':')
		value, err := jsonDocument(results[name])
		if err != nil {
			return nil, fmt.Errorf("extension result %q is not JSON: %w", name, err)
		}
		dst = append(dst, value...)
	}
	return append(dst, "}}"...), nil
}

func appendBinary(dst []byte, name string, value []byte) []byte {
	dst = append(dst, '"')
	dst = append(dst, name...)
	dst = append(dst, `":"`...)
	dst = base64.RawURLEncoding.AppendEncode(dst, value)
	return append(dst, '"')
}

// base64Bytes is a member in unpadded base64url; nil where absent or null.
type base64Bytes []byte

func (b *base64Bytes) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*b = nil
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("expected a base64url string: %w", err)
	}
	decoded, err := decodeBase64URL(s)
	if err != nil {
		return fmt.Errorf("not base64url without padding: %w", err)
	}
	if decoded == nil {
		decoded = []byte{}
	}
	*b = decoded
	return nil
}

type responseEnvelope[T any] struct {
	ID                      string                     `json:"id"`
	RawID                   base64Bytes                `json:"rawId"`
	Type                    string                     `json:"type"`
	Response                T                          `json:"response"`
	AuthenticatorAttachment string                     `json:"authenticatorAttachment"`
	ClientExtensionResults  map[string]json.RawMessage `json:"clientExtensionResults"`
}

// UnmarshalJSON reads a RegistrationResponseJSON. Members that it lacks are left zero.
func (r *RegistrationResponse) UnmarshalJSON(data []byte) error {
	var e responseEnvelope[struct {
		ClientDataJSON     base64Bytes `json:"clientDataJSON"`
		AttestationObject  base64Bytes `json:"attestationObject"`
		AuthenticatorData  base64Bytes `json:"authenticatorData"`
		Transports         []string    `json:"transports"`
		PublicKey          base64Bytes `json:"publicKey"`
		PublicKeyAlgorithm int64       `json:"publicKeyAlgorithm"`
	}]
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("registration response: %w", err)
	}
	*r = RegistrationResponse{
		ID: e.ID, RawID: e.RawID, Type: e.Type,
		ClientDataJSON:          e.Response.ClientDataJSON,
		AttestationObject:       e.Response.AttestationObject,
		AuthenticatorData:       e.Response.AuthenticatorData,
		Transports:              e.Response.Transports,
		PublicKey:               e.Response.PublicKey,
		PublicKeyAlgorithm:      e.Response.PublicKeyAlgorithm,
		AuthenticatorAttachment: e.AuthenticatorAttachment,
		ClientExtensionResults:  e.ClientExtensionResults,
	}
	return nil
}

// UnmarshalJSON reads an AuthenticationResponseJSON. Members that it lacks are left zero.
func (r *AuthenticationResponse) UnmarshalJSON(data []byte) error {
	var e responseEnvelope[struct {
		ClientDataJSON    base64Bytes `json:"clientDataJSON"`
		AuthenticatorData base64Bytes `json:"authenticatorData"`
		Signature         base64Bytes `json:"signature"`
		UserHandle        base64Bytes `json:"userHandle"`
	}]
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("authentication response: %w", err)
	}
	*r = AuthenticationResponse{
		ID: e.ID, RawID: e.RawID, Type: e.Type,
		ClientDataJSON:          e.Response.ClientDataJSON,
		AuthenticatorData:       e.Response.AuthenticatorData,
		Signature:               e.Response.Signature,
		UserHandle:              e.Response.UserHandle,
		AuthenticatorAttachment: e.AuthenticatorAttachment,
		ClientExtensionResults:  e.ClientExtensionResults,
	}
	return nil
}
