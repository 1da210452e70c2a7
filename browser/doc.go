// Package browser makes real browsers WebAuthn clients: the create() and get()
// that run are the browser's own, and the authenticators are the virtual ones
// of the WebAuthn domain of the Chrome DevTools Protocol
// (https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/).
//
// # How a ceremony runs
//
// One browser process has a pool of tabs; a session is one tab. Whatever origin
// a session asks for, the page of that origin is an empty document that this
// package answers the tab's request with (Fetch.enable, Fetch.fulfillRequest):
// https://rp.example and http://localhost:8080 are secure contexts with no
// server, no DNS and no certificate, and every other request of the page is
// failed. The process resolves no name at all, so nothing leaves the machine.
// HTTP with the Relying Party is not the browser's business here, so cookies
// and storage play no part.
//
// The script that calls create() and get() runs in an isolated world, where
// neither a page nor an extension can have replaced navigator.credentials. It
// decodes the binary members of the options (challenge, user.id, the ids of
// excludeCredentials and allowCredentials, and the inputs of prf, largeBlob and
// credBlob) where they are strings, and hands everything else to the browser as
// it came, so a member of the wrong type meets the browser's own conversion. A
// string that is not unpadded base64url is an EncodingError, as in
// parseCreationOptionsFromJSON (https://www.w3.org/TR/webauthn-3/#sctn-parseCreationOptionsFromJSON).
//
// # Where the virtual environment differs from a product
//
// All of this was seen in Chromium 156:
//
//   - The timeout of the options is not corrected to a reasonable range
//     (https://www.w3.org/TR/webauthn-3/#sctn-createCredential, step 4): 0 fails
//     at once. This package corrects it to between half a second and
//     ChromeConfig.Timeout, as a client may.
//   - Broken TLS would be accepted, and is never met here: see above.
//   - All causes of a NotAllowedError share one message. Compare names only.
//   - An authenticator holds three resident credentials; a fourth create() with
//     residentKey "required" is a NotAllowedError, with "preferred" a credential
//     that is not resident.
//   - An authenticator with resident keys but no user verification refuses
//     residentKey "preferred" and "required" with NotAllowedError.
//   - Attestation none keeps the AAGUID 01020304-0506-0708-0102-030405060708 for
//     internal and hybrid authenticators and zeroes it for the others.
//   - Attestation that is not none is packed with an x5c chain of one self-signed
//     certificate, or fido-u2f from a U2F authenticator; never packed self
//     attestation. attestationFormats is ignored. The attestation key cannot be
//     had, so client.Registration.Attestation is always nil.
//   - get() without an allow list silently picks the resident credential with the
//     smallest id, where a person would be shown a choice.
//   - userHandle is absent where the credential is not resident.
//   - Algorithms are ES256, EdDSA, RS256 and ML-DSA-44, -65 and -87; anything else
//     is a NotAllowedError, whatever the list says.
//   - Extensions that Chrome does not know are dropped without an error, from the
//     results and from the authenticator data.
//   - appidExclude never shows in the results; a hit is an InvalidStateError.
//   - hybrid shows as the transports ble and hybrid.
//   - Two authenticators that both simulate the user's touch race, and one
//     create() can leave a credential in each. So a session has one plugged in at
//     a time: Plug and Use export the credentials of the one that answered so
//     far, remove it, and add them again when it is used again. Keys, ids, user
//     handles, counters, backup flags and large blobs survive that; prf results
//     do not, as their secret cannot be exported.
//   - A virtual authenticator is destroyed with its tab.
package browser
