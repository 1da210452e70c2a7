// Package compare puts one call of create() or get() through several WebAuthn
// clients, each with an equivalent authenticator, and says what each made of it,
// where they differ, and whose doing a difference is.
//
// An Input is what is asked, an Outcome what came of it in one client, as fields
// that are texts: what is random (keys, ids, signatures) is left out or given by
// its length, so that two runs of one client are equal and can be kept as
// expectations. Error messages are shown and never compared.
//
// The cases of fixtures/interop are Inputs too, with what browsers were measured
// to make of them; see Cases and Measured.
package compare
