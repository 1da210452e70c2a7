// Package browser makes real browsers WebAuthn clients: the create() and get()
// that run are the browser's own, and so are the virtual authenticators. There
// are three clients: chrome, over the WebAuthn domain of the Chrome DevTools
// Protocol (https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/);
// firefox, over Marionette; and webdriver, any browser with the extension
// commands of https://www.w3.org/TR/webauthn-3/#sctn-automation.
//
// # How a ceremony runs in Chrome
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
// A browser that runs already is reached at its DevTools address
// (ChromeConfig.RemoteURL), and one behind a Selenium Grid over the session's
// se:cdp (ChromeConfig.GridURL), dialled at the host that the Grid itself was
// dialled at. The flags that keep such a browser off the network are its
// owner's business; a Grid is asked for them.
//
// # How a ceremony runs in Firefox and over WebDriver
//
// These cannot be intercepted, so the browser has a proxy of this package's as
// its only way out, which answers for the sessions' origins with the same page
// and script, inside of CONNECT with a certificate of its own making, and
// refuses everything else. It connects to nothing, so pages need no DNS, no
// port 443 and no CA, and the browser is confined to the machine (a remote one
// only as far as its owner confines it).
//
// There is one browser with one page, and Firefox's virtual token is one
// service for all of it. So sessions take turns, an operation at a time: each
// brings the page to its origin and plugs in its own authenticator, of which
// the credentials were exported when another session needed the browser.
// Everything that is exported survives that; prf and largeBlob may not. A
// ceremony that waits for its timeout has the other sessions wait too.
//
// A Firefox that is started here draws no "touch your security key": its
// panels, which nobody would see, took ten times as long as the ceremonies. What
// it decides and what it waits for is the same without them.
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
//
// And this in Firefox 153, where none of it is the Relying Party's doing:
//
//   - ES256 is the only algorithm.
//   - There is no U2F: an authenticator that is asked for as ctap1/u2f registers as
//     CTAP2 with packed attestation, and then its excludeCredentials hit any stored
//     id whatever its RP ID, so that appidExclude would seem to work. This client
//     refuses it and does not carry client.U2F.
//   - Attestation is none, or packed self attestation where the options ask for
//     direct, indirect or enterprise. An authenticator with SelfAttestation is had by
//     asking the browser for direct whatever the options ask for; nothing that is
//     signed shows the difference. A Relying Party that asks for direct and wants a
//     certificate rightly refuses Firefox's virtual token.
//   - The AAGUID is 68e100a5-0b47-9104-b854-97a9ba510638, with attestation none too.
//   - There are no backup flags. The counter starts at 0 and a get() with an
//     allow list adds two to it.
//   - userVerification "required" succeeds with UV clear where the authenticator has
//     no user verification.
//   - userHandle is present for credentials that are not resident.
//   - All transports show as usb.
//   - get() without an allow list waits for a person where several resident
//     credentials fit, and is aborted here after FirefoxConfig.Timeout.
//   - Where no credential fits, a dummy for the RP ID make.me.blink is registered,
//     to have the user touch the token. It is left out of Credentials.
//   - In a frame of another site inside a page of the session's own origin
//     crossOrigin is false and there is no topOrigin: Firefox looks at the top
//     page alone.
//   - allowCredentials of unknown types only are a NotAllowedError; largeBlob and
//     credBlob are ignored; prf on create() gives enabled only.
//   - prf on get() is answered for every credential, also for one made without: the
//     output is appended to authenticator data that is signed already, with ED clear,
//     so that the signature verifies over the first 37 bytes only. A Relying Party
//     rightly refuses that, so this client leaves prf out of the options of get();
//     client.Caller's calls have it.
package browser
