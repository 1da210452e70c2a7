// Package virtualwebauthn has the names of github.com/descope/virtualwebauthn
// (as of 1.0.5) over package virtualauth: a test that uses that library moves
// here by changing one import, and its stored credentials are read as they are.
//
// What a Relying Party is sent is the same: packed self attestation whatever the
// options ask for, the flags of [AuthenticatorOptions], the AAGUID of the
// [Authenticator], the counter of the [Credential], which the caller moves, and
// the origin and RP ID of the [RelyingParty], which are not checked against one
// another. For a client that does what a browser does, and for faults, other
// algorithms and other attestation formats, use package virtualauth itself.
//
// Some things differ, each toward what a browser sends or away from a crash:
//
//   - Nothing panics. Where the signatures have no room for an error (a key type
//     or key data that cannot be used, extension results that are not JSON),
//     [CreateAttestationResponse] and [CreateAssertionResponse] return
//     {"error":{"name":…,"message":…}}, which no Relying Party takes for a
//     response, and [Key.AttestationData] returns nil.
//   - Credentials and keys may be shared between goroutines as long as none
//     changes them.
//   - An imported P-384 or P-521 key is ES384 or ES512 with coordinates of its
//     own length, and an RSA exponent has the length that it has.
//   - Responses have the members of Level 3 as well: authenticatorData,
//     publicKey, publicKeyAlgorithm and authenticatorAttachment; client data
//     have crossOrigin (https://www.w3.org/TR/webauthn-3/#iface-pkcredential).
package virtualwebauthn
