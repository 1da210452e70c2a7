// Package ctap2 is a virtual authenticator as real messages: a [Device] takes
// CTAP2 commands (a command byte and canonical CBOR) and answers with a status
// byte and CBOR, and takes U2F messages as APDUs, over the credentials of a
// [virtualauth.Authenticator]. It has PINs with both PIN/UV auth protocols,
// hmac-secret with its key agreement, credential management and large blobs.
//
// A [Link] is the other side: it carries the requests of a
// [virtualauth.Client] to a Device as messages, so that create() and get() run
// over the wire format that security keys have.
//
// Everything is derived from the authenticator's seed; the clock, which the
// limits on tokens and on reset are measured with, is Config.Clock. A Device is
// safe for concurrent use; its commands take turns, as on one key.
//
// The specification is CTAP 2.2,
// https://fidoalliance.org/specs/fido-v2.2-ps-20250714/fido-client-to-authenticator-protocol-v2.2-ps-20250714.html;
// sections are cited as CTAP 2.2 §6.1.
package ctap2
