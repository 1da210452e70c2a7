//go:build untyped

package main

import (
	"encoding/json"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Before v0.18 the extension inputs are a map.

func creationExtensions(data json.RawMessage) (webauthn.RegistrationOption, error) {
	var in protocol.AuthenticationExtensions
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	return webauthn.WithExtensions(in), nil
}

func requestExtensions(data json.RawMessage) (webauthn.LoginOption, error) {
	var in protocol.AuthenticationExtensions
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	return webauthn.WithAssertionExtensions(in), nil
}
