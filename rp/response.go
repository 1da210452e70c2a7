package rp

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// responseForm is how a dialect writes what came from create() and get(). Only
// the JSON is judged here; every value is the core's to judge.
type responseForm struct {
	binary encoding
	// extensions are the names of the client extension results, the preferred
	// one first.
	extensions []string
}

// registration reads {id, rawId?, type, response: {clientDataJSON,
// attestationObject, transports?}, extension results?}. Members that are copies
// of what is inside attestationObject (authenticatorData, publicKey,
// publicKeyAlgorithm) are not judged: nothing vouches for them.
func (f responseForm) registration(o object) (out ceremony.RegistrationResponse, err error) {
	if out.ID, out.RawID, out.Type, err = f.credential(o); err != nil {
		return out, err
	}
	response, err := o.object("response")
	if err != nil {
		return out, err
	}
	if out.ClientDataJSON, err = response.bytes("clientDataJSON", f.binary); err != nil {
		return out, err
	}
	if out.AttestationObject, err = response.bytes("attestationObject", f.binary); err != nil {
		return out, err
	}
	transports, ok, err := response.texts("transports")
	if err != nil {
		return out, err
	}
	if !ok {
		if transports, _, err = response.texts("getTransports"); err != nil {
			return out, err
		}
	}
	out.Transports = transports
	if copied, ok, err := response.optionalText("publicKey"); err == nil && ok {
		// A copy that does not decode is as good as none: no step reads it.
		out.PublicKey, _ = response.decode("publicKey", copied, f.binary)
	}
	out.ExtensionResults, err = f.extensionResults(o)
	return out, err
}

// authentication reads {id, rawId?, type, response: {clientDataJSON,
// authenticatorData, signature, userHandle?}, extension results?}.
func (f responseForm) authentication(o object) (out ceremony.AuthenticationResponse, err error) {
	if out.ID, out.RawID, out.Type, err = f.credential(o); err != nil {
		return out, err
	}
	response, err := o.object("response")
	if err != nil {
		return out, err
	}
	if out.ClientDataJSON, err = response.bytes("clientDataJSON", f.binary); err != nil {
		return out, err
	}
	if out.AuthenticatorData, err = response.bytes("authenticatorData", f.binary); err != nil {
		return out, err
	}
	if out.Signature, err = response.bytes("signature", f.binary); err != nil {
		return out, err
	}
	if out.UserHandle, err = f.userHandle(response); err != nil {
		return out, err
	}
	out.ExtensionResults, err = f.extensionResults(o)
	return out, err
}

// userHandle reads the optional user handle. The sample messages of the FIDO
// server API write an absent one as "", which no user handle can be
// (https://www.w3.org/TR/webauthn-3/#dom-publickeycredentialuserentity-id).
func (f responseForm) userHandle(o object) ([]byte, error) {
	s, ok, err := o.optionalText("userHandle")
	if err != nil || !ok || s == "" {
		return nil, err
	}
	return o.decode("userHandle", s, f.binary)
}

func (f responseForm) credential(o object) (id string, rawID *string, typ string, err error) {
	if id, err = f.identifier(o, "id"); err != nil {
		return
	}
	if o.has("rawId") {
		var raw string
		if raw, err = f.identifier(o, "rawId"); err != nil {
			return
		}
		rawID = &raw
	}
	typ, err = o.text("type")
	return
}

// identifier reads a credential ID and returns it as base64url text.
func (f responseForm) identifier(o object, member string) (string, error) {
	s, err := o.filledText(member)
	if err != nil {
		return "", err
	}
	b, err := o.decode(member, s, f.binary)
	return toBase64URL(b), err
}

// extensionResults reads the client extension results under any of their names.
// Two names at once are a contradiction unless both say the same.
func (f responseForm) extensionResults(o object) (map[string]json.RawMessage, error) {
	var out map[string]json.RawMessage
	var from string
	var first []byte
	for _, name := range f.extensions {
		in, ok, err := o.optionalObject(name)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		var text bytes.Buffer
		if err := json.Compact(&text, o.members[name]); err != nil {
			return nil, refuse(http.StatusBadRequest, "%s: %v", o.name(name), err)
		}
		if out == nil {
			out, from, first = in.members, name, text.Bytes()
		} else if !bytes.Equal(first, text.Bytes()) {
			return nil, refuse(http.StatusBadRequest, "%s and %s contradict each other", o.name(from), o.name(name))
		}
	}
	return out, nil
}
