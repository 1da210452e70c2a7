// Package differential puts every response that the suite sends to the
// reference RP, and every fault of the virtual authenticator in every
// attestation format, to go-webauthn too: the very same body, and what the
// reference RP expected at that moment. Where the two judge differently stands
// in its table of differences with who is right by which anchor, and for people
// in docs/differential.md. It has tests only.
package differential
