// Package virtualauth is a WebAuthn authenticator and a WebAuthn client in pure
// Go, for testing Relying Parties: options as JSON in, a response as JSON out,
// no browser and no hardware.
//
// There are two layers. An [Authenticator] holds credentials and answers
// [Authenticator.MakeCredential] and [Authenticator.GetAssertion] with what
// CTAP2 carries. A [Client] is a page on an origin: it reads options, applies
// the rules of a browser (which RP ID the page may claim, which algorithms and
// credentials count, what is refused and by which name), asks the
// authenticator, and serialises the response. A refusal is an [*Error] with the
// DOMException's name; nothing here panics on input.
//
// Everything is derived from [Config.Seed] and the options, so that the same
// seed and the same options make the same bytes on any machine; the challenge
// is among the options, so a fresh challenge makes a fresh credential. Without
// a seed one is drawn from the system. Authenticators and clients are safe for
// concurrent use.
//
// Misbehaviour is asked for by name, in [Faults]: each field breaks one thing,
// at its true place in the making of the response, and everything behind it is
// made anew, signatures included. [AllFaults] says what each one violates. The
// same faults are applied to responses that other clients made, such as a
// browser with a virtual authenticator, by [EditRegistration] and
// [EditAssertion].
//
// Attestation certificates chain to [Roots], which are the same in every
// process and must be trusted in tests only.
//
// The specification is Web Authentication Level 3,
// https://www.w3.org/TR/webauthn-3/.
package virtualauth
