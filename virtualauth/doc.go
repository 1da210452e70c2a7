// Package virtualauth is a WebAuthn authenticator and a WebAuthn client in pure
// Go, for testing Relying Parties: options as JSON in, a response as JSON out,
// no browser and no hardware.
package virtualauth
