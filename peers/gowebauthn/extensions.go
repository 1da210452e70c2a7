//go:build !untyped

package main

import (
	"encoding/json"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Since v0.18 extension inputs are typed, and what is not known of is kept as it is.

func creationExtensions(data json.RawMessage) (webauthn.RegistrationOption, error) {
	var in protocol.AuthenticationExtensions
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	return webauthn.WithExtensions(webauthn.WithExtensionInputs(in)), nil
}

func requestExtensions(data json.RawMessage) (webauthn.LoginOption, error) {
	var in protocol.AuthenticationExtensions
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	return webauthn.WithAssertionExtensions(webauthn.WithExtensionInputs(in)), nil
}
