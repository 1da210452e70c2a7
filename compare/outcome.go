package compare

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/touchstone-webauthn/touchstone/client"
)

// FieldNames are the fields of an outcome in the order in which they are shown.
// outcome is "resolved", the name of the error, or "waiting"; the others are there
// for what resolved.
var FieldNames = []string{
	"outcome", "format", "statement", "algorithm", "flags", "rp-id", "transports", "attachment", "extensions",
	"authenticator-extensions", "user-handle", "signature", "client-data", "toJSON", "aaguid", "sign-count", "credential-id", "value",
}

const (
	resolved = "resolved"
	waiting  = "waiting"
)

// credentialJSON is a RegistrationResponseJSON or AuthenticationResponseJSON.
type credentialJSON struct {
	ID         string `json:"id"`
	RawID      string `json:"rawId"`
	Attachment string `json:"authenticatorAttachment"`
	Response   struct {
		ClientDataJSON     string   `json:"clientDataJSON"`
		AttestationObject  string   `json:"attestationObject"`
		AuthenticatorData  string   `json:"authenticatorData"`
		Signature          string   `json:"signature"`
		UserHandle         *string  `json:"userHandle"`
		Transports         []string `json:"transports"`
		PublicKeyAlgorithm *int64   `json:"publicKeyAlgorithm"`
	} `json:"response"`
}

// outcome reads what came of the call.
func (p *place) outcome(call client.Call, c *client.Called) (Outcome, error) {
	switch {
	case c.Error != nil:
		return Outcome{Fields: Fields{"outcome": c.Error.Name}, Message: c.Error.Message}, nil
	case c.Waiting:
		return Outcome{Fields: Fields{"outcome": waiting}}, nil
	case c.Response == nil && (call.Method == "create" || call.Method == "get"):
		return Outcome{Fields: Fields{"outcome": "resolved with no credential"}}, nil
	case c.Response == nil:
		return Outcome{Fields: Fields{"outcome": resolved, "value": string(c.Value)}}, nil
	}
	var r credentialJSON
	if err := json.Unmarshal(c.Response, &r); err != nil {
		return Outcome{}, fmt.Errorf("read the response: %w", err)
	}
	f := Fields{"outcome": resolved, "attachment": or(r.Attachment, "absent"), "toJSON": shape(c.Response)}
	id, err := decode(r.RawID)
	if err != nil {
		return Outcome{}, fmt.Errorf("rawId: %w", err)
	}
	f["credential-id"] = size(id)
	clientData, err := decode(r.Response.ClientDataJSON)
	if err != nil {
		return Outcome{}, fmt.Errorf("clientDataJSON: %w", err)
	}
	f["client-data"] = p.clientData(clientData)
	f["extensions"] = blurred(c.Results)
	authData, err := decode(r.Response.AuthenticatorData)
	if err != nil {
		return Outcome{}, fmt.Errorf("authenticatorData: %w", err)
	}
	if call.Method == "create" {
		if r.Response.Transports != nil || !p.recorded {
			f["transports"] = or(strings.Join(r.Response.Transports, " "), "none")
		}
		if r.Response.PublicKeyAlgorithm != nil {
			f["algorithm"] = algorithmName(*r.Response.PublicKeyAlgorithm)
		}
		if r.Response.AttestationObject != "" || !p.recorded {
			inside, err := attestation(f, r.Response.AttestationObject)
			switch {
			case err != nil:
				return Outcome{}, err
			case len(authData) == 0 && p.recorded:
				authData = inside
			case !bytes.Equal(authData, inside):
				return Outcome{}, fmt.Errorf("the authenticator data of toJSON() is not that of the attestation object")
			}
		}
	} else {
		f["user-handle"] = "absent"
		if r.Response.UserHandle != nil {
			handle, err := decode(*r.Response.UserHandle)
			if err != nil {
				return Outcome{}, fmt.Errorf("userHandle: %w", err)
			}
			f["user-handle"] = size(handle)
		}
		signature, err := decode(r.Response.Signature)
		if err != nil {
			return Outcome{}, fmt.Errorf("signature: %w", err)
		}
		if says := p.verify(id, authData, clientData, signature); says != "" {
			f["signature"] = says
		}
	}
	if len(authData) > 0 || !p.recorded {
		if err := p.authenticatorData(f, authData); err != nil {
			return Outcome{}, err
		}
	}
	if p.recorded && c.Results == nil {
		delete(f, "extensions")
	}
	if p.recorded && r.Attachment == "" {
		delete(f, "attachment")
	}
	return Outcome{Fields: f}, nil
}

// attestation reads an attestation object, and returns its authenticator data.
func attestation(f Fields, text string) ([]byte, error) {
	raw, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("attestationObject: %w", err)
	}
	var o struct {
		Format    string                     `cbor:"fmt"`
		Statement map[string]cbor.RawMessage `cbor:"attStmt"`
		AuthData  []byte                     `cbor:"authData"`
	}
	if err := cbor.Unmarshal(raw, &o); err != nil {
		return nil, fmt.Errorf("attestationObject: %w", err)
	}
	f["format"] = o.Format
	f["statement"] = or(strings.Join(slices.Sorted(maps.Keys(o.Statement)), " "), "empty")
	return o.AuthData, nil
}

// flagNames are the bits of the flags, from the lowest.
var flagNames = [8]string{"UP", "RFU1", "UV", "BE", "BS", "RFU2", "AT", "ED"}

// authenticatorData reads https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data.
func (p *place) authenticatorData(f Fields, b []byte) error {
	if len(b) < 37 {
		return fmt.Errorf("the authenticator data has %d bytes and not at least 37", len(b))
	}
	f["rp-id"] = p.scope(b[:32])
	var flags []string
	for i, name := range flagNames {
		if b[32]&(1<<i) != 0 {
			flags = append(flags, name)
		}
	}
	f["flags"] = or(strings.Join(flags, " "), "none")
	f["sign-count"] = strconv.FormatUint(uint64(b[33])<<24|uint64(b[34])<<16|uint64(b[35])<<8|uint64(b[36]), 10)
	rest := b[37:]
	if b[32]&0x40 != 0 {
		if len(rest) < 18 {
			return fmt.Errorf("the attested credential data ends early")
		}
		f["aaguid"] = hex.EncodeToString(rest[:16])
		n := int(rest[16])<<8 | int(rest[17])
		if rest = rest[18:]; len(rest) < n {
			return fmt.Errorf("the credential id ends early")
		}
		var key cbor.RawMessage
		after, err := cbor.UnmarshalFirst(rest[n:], &key)
		if err != nil {
			return fmt.Errorf("the credential public key: %w", err)
		}
		rest = after
	}
	if len(rest) == 0 {
		return nil
	}
	var ext map[string]any
	if err := cbor.Unmarshal(rest, &ext); err != nil {
		return fmt.Errorf("the authenticator extensions: %w", err)
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(ext)) {
		value := fmt.Sprint(ext[name])
		if b, ok := ext[name].([]byte); ok {
			value = size(b)
		}
		parts = append(parts, name+"="+value)
	}
	f["authenticator-extensions"] = strings.Join(parts, " ")
	if b[32]&0x80 == 0 {
		f["authenticator-extensions"] += " (and ED is not set)"
	}
	return nil
}

// scope names what was hashed.
func (p *place) scope(hash []byte) string {
	candidates := []string{rpID(p.origin)}
	var o struct {
		RPID       any            `json:"rpId"`
		RP         map[string]any `json:"rp"`
		Extensions map[string]any `json:"extensions"`
	}
	_ = json.Unmarshal(p.options, &o) // what does not decode has nothing to offer
	for _, v := range []any{o.RPID, o.RP["id"], o.Extensions["appid"], o.Extensions["appidExclude"]} {
		if s, ok := v.(string); ok {
			candidates = append(candidates, s)
		}
	}
	for _, c := range p.known {
		candidates = append(candidates, c.RPID)
	}
	for _, s := range append(candidates, p.origin) {
		if sum := sha256.Sum256([]byte(s)); bytes.Equal(sum[:], hash) {
			return s
		}
	}
	return "unknown " + hex.EncodeToString(hash[:4])
}

// verify checks an assertion where the key is known.
func (p *place) verify(id, authData, clientData, signature []byte) string {
	for _, c := range p.known {
		if !bytes.Equal(c.ID, id) || c.PrivateKey == nil {
			continue
		}
		sum := sha256.Sum256(clientData)
		signed := append(bytes.Clone(authData), sum[:]...)
		good := false
		switch k := c.PrivateKey.Public().(type) {
		case *ecdsa.PublicKey:
			digest := sha256.Sum256(signed)
			good = ecdsa.VerifyASN1(k, digest[:], signature)
		case ed25519.PublicKey:
			good = ed25519.Verify(k, signed, signature)
		default:
			return ""
		}
		if good {
			return "valid"
		}
		return "invalid"
	}
	return ""
}

// clientData is the members of the client data as they stand: those that the
// limited verification algorithm wants come first, in its order
// (https://www.w3.org/TR/webauthn-3/#clientdatajson-serialization). Chrome adds one
// at random, so that nobody compares texts; it is left out.
func (p *place) clientData(raw []byte) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return "not an object in JSON"
	}
	var parts []string
	for d.More() {
		name, err := d.Token()
		var value any
		if err == nil {
			err = d.Decode(&value)
		}
		if err != nil {
			return "not JSON"
		}
		if name == "other_keys_can_be_added_here" {
			continue
		}
		text := fmt.Sprint(value)
		if name == "challenge" {
			text = p.challenge(value)
		}
		parts = append(parts, fmt.Sprintf("%v=%s", name, text))
	}
	return strings.Join(parts, " ")
}

// challenge says whether the client data has the challenge of the options.
func (p *place) challenge(got any) string {
	var o struct {
		Challenge any `json:"challenge"`
	}
	_ = json.Unmarshal(p.options, &o) // options that do not decode have no challenge
	switch sent, ok := o.Challenge.(string); {
	case !ok:
		return "given" // not as text in base64url, so there is none to compare it with
	case sent == got:
		return "as sent"
	default:
		return "differs"
	}
}

// shape is the members of a response and of its response member.
func shape(raw json.RawMessage) string {
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil {
		return "not an object"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(o)) {
		var in map[string]json.RawMessage
		if name == "response" && json.Unmarshal(o[name], &in) == nil {
			name += "{" + strings.Join(slices.Sorted(maps.Keys(in)), " ") + "}"
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, " ")
}

// randomResults are the members of extension results that are bytes.
var randomResults = map[string]bool{"first": true, "second": true, "blob": true, "getCredBlob": true}

// blurred writes extension results with their bytes as lengths.
func blurred(raw json.RawMessage) string {
	var v any
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		return "absent"
	}
	var walk func(name string, v any) any
	walk = func(name string, v any) any {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				v[name] = walk(name, member)
			}
		case []any:
			for i, item := range v {
				v[i] = walk(name, item)
			}
		case string:
			if b, err := decode(v); err == nil && randomResults[name] {
				return size(b)
			}
		}
		return v
	}
	text, err := json.Marshal(walk("", v))
	if err != nil {
		return "absent"
	}
	return string(text)
}

// algorithmNames are those of the IANA COSE registry.
var algorithmNames = map[int64]string{
	-7: "ES256", -8: "EdDSA", -35: "ES384", -36: "ES512", -37: "PS256", -38: "PS384", -39: "PS512", -47: "ES256K",
	-48: "ML-DSA-44", -49: "ML-DSA-65", -50: "ML-DSA-87", -257: "RS256", -258: "RS384", -259: "RS512", -65535: "RS1",
}

func algorithmName(alg int64) string {
	text := strconv.FormatInt(alg, 10)
	if name := algorithmNames[alg]; name != "" {
		text += " " + name
	}
	return text
}

func decode(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

func size(b []byte) string {
	if len(b) == 1 {
		return "1 byte"
	}
	return strconv.Itoa(len(b)) + " bytes"
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
