package virtualauth

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"slices"
	"time"
)

// attestationFormat is an attestation that an authenticator can make.
type attestationFormat struct {
	// name is as in Config.Formats, fmt the statement format identifier.
	name, fmt string
	// make makes the statement and names its key where that is not the credential's.
	make func(*statementInput) (statement []byte, key crypto.Signer, err error)
	// algorithms are those that it can attest; nil means all.
	algorithms []int64
}

func (f *attestationFormat) attests(id int64) bool {
	return f.algorithms == nil || slices.Contains(f.algorithms, id)
}

// attestable is the algorithms that all these formats attest.
func attestable(names []string) []int64 {
	return slices.DeleteFunc(Algorithms(), func(id int64) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			f := formatOf(name)
			return f != nil && !f.attests(id)
		})
	})
}

// Algorithms of hardware that has neither Edwards curves nor secp256k1 nor lattices.
var (
	ecAlgorithms    = []int64{ES256, ES384, ES512}
	ecRSAAlgorithms = []int64{ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512}
)

// statementInput is everything that a statement is made of.
type statementInput struct {
	authData       []byte
	parts          *authData
	clientDataHash []byte
	key            crypto.Signer // the credential's
	algorithm      int64
	draw           func(n int) []byte
	clock          func() time.Time
	authority      *Authority // of packed batch certificates; nil for the usual
	serial         []byte     // of the device, in packed certificates; nil for none
	bend           bend
}

// bend is where faults reach into the making of a statement; what is nil is
// left alone.
type bend struct {
	leaf              func(*x509.Certificate) // the template of the leaf
	leafKey           crypto.Signer           // certified in place of the credential key
	issuer            *identity               // of the leaf, in place of the format's own
	chain             func([][]byte) [][]byte // x5c
	pubArea, certInfo func([]byte) []byte     // of a TPM, before certInfo is signed
	certified         func([]byte) []byte     // the public area that certInfo names
	nameless          bool                    // certInfo has no qualified names
	challenge         []byte                  // of android-key, in place of the client data hash
	authorizations    []byte                  // of android-key: both lists, in DER
	nonce             []byte                  // of apple and android-safetynet
	response          func(*safetyNetResponse)
}

// issuerOr is the issuer of the leaf.
func (in *statementInput) issuerOr(own *identity) *identity {
	if in.bend.issuer != nil {
		return in.bend.issuer
	}
	return own
}

// leafKeyOr is the key that the leaf certifies.
func (in *statementInput) leafKeyOr(own crypto.PublicKey) crypto.PublicKey {
	if in.bend.leafKey != nil {
		return in.bend.leafKey.Public()
	}
	return own
}

// x5c is the chain of a leaf, as the statement will have it.
func (in *statementInput) x5c(i *identity) [][]byte {
	if in.bend.chain != nil {
		return in.bend.chain(i.chain())
	}
	return i.chain()
}

// toBeSigned is authData || clientDataHash.
func (in *statementInput) toBeSigned() []byte { return slices.Concat(in.authData, in.clientDataHash) }

var formats = []*attestationFormat{
	{FormatPackedSelf, "packed", packedSelf, nil},
	{FormatPacked, "packed", packedX5C, nil},
	{FormatFIDOU2F, "fido-u2f", fidoU2F, []int64{ES256}},
	{FormatTPM, "tpm", tpmAttestation, ecRSAAlgorithms},
	{FormatAndroidKey, "android-key", androidKey, ecRSAAlgorithms},
	{FormatApple, "apple", appleAnonymous, ecAlgorithms},
	{FormatAndroidSafetyNet, "android-safetynet", androidSafetyNet, nil},
	{FormatCompound, "compound", compound, nil},
}

func formatOf(name string) *attestationFormat {
	for _, f := range formats {
		if f.name == name {
			return f
		}
	}
	return nil
}

// Formats lists the attestations that Config.Formats takes besides none.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// pickFormat picks the attestation to make: the first that the client prefers
// and the authenticator has, else the authenticator's own first; nil for none.
func (a *Authenticator) pickFormat(preferred []string) *attestationFormat {
	if len(preferred) == 1 && preferred[0] == FormatNone && !a.cfg.AlwaysAttest {
		return nil
	}
	for _, want := range preferred {
		for _, name := range a.cfg.Formats {
			if f := formatOf(name); f != nil && f.fmt == want {
				return f
			}
		}
	}
	if len(a.cfg.Formats) == 0 {
		return nil
	}
	return formatOf(a.cfg.Formats[0])
}

// packedSelf is packed self attestation: {alg, sig} in CTAP2 canonical order
// (https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation).
func packedSelf(in *statementInput) ([]byte, crypto.Signer, error) {
	sig, err := signOver(in.key, in.algorithm, in.authData, in.clientDataHash, in.draw)
	if err != nil {
		return nil, nil, fmt.Errorf("packed self attestation: %w", err)
	}
	return packedStatement(in.algorithm, sig, nil), nil, nil
}

func packedStatement(alg int64, sig []byte, x5c [][]byte) []byte {
	n := 24 + len(sig)
	for _, c := range x5c {
		n += len(c) + 4
	}
	dst := appendCBORHead(make([]byte, 0, n), cborMap, 2+uint64(min(1, len(x5c))))
	dst = appendCBORInt(appendCBORText(dst, "alg"), alg)
	dst = appendCBORBytes(appendCBORText(dst, "sig"), sig)
	if len(x5c) > 0 {
		dst = appendX5C(dst, x5c)
	}
	return dst
}

func appendX5C(dst []byte, x5c [][]byte) []byte {
	dst = appendCBORHead(appendCBORText(dst, "x5c"), cborArray, uint64(len(x5c)))
	for _, c := range x5c {
		dst = appendCBORBytes(dst, c)
	}
	return dst
}

// packedX5C is packed attestation with a batch certificate that names the AAGUID,
// or, in enterprise attestation, with one that names the device too.
func packedX5C(in *statementInput) ([]byte, crypto.Signer, error) {
	ca, label, err := in.fido()
	if err != nil {
		return nil, nil, fmt.Errorf("packed attestation: %w", err)
	}
	batch, err := batchOf(label, in, func(label string) (*identity, error) {
		l := leaf{label: label, extensions: []pkix.Extension{aaguidExtension(in.parts.aaguid)}, bend: in.bend.leaf}
		if in.serial != nil {
			// The common name holds 64 characters at most (RFC 5280, appendix A.1).
			name := pkiName("Authenticator Attestation", fmt.Sprintf("Touchstone Virtual Device %.16x", in.serial))
			l.subject, l.extensions = &name, append(l.extensions, serialExtension(in.serial))
		}
		return newLeaf(l, in.issuerOr(ca.intermediate))
	})
	if err != nil {
		return nil, nil, fmt.Errorf("packed attestation: %w", err)
	}
	sig, err := signOver(batch.key, ES256, in.authData, in.clientDataHash, in.draw)
	if err != nil {
		return nil, nil, fmt.Errorf("packed attestation: %w", err)
	}
	return packedStatement(ES256, sig, in.x5c(batch)), batch.key, nil
}

// compound is https://www.w3.org/TR/webauthn-3/#sctn-compound-attestation, of
// packed attestation with a certificate and packed self attestation.
func compound(in *statementInput) ([]byte, crypto.Signer, error) {
	var key crypto.Signer
	dst := appendCBORHead(nil, cborArray, 2)
	for _, part := range []func(*statementInput) ([]byte, crypto.Signer, error){packedX5C, packedSelf} {
		statement, k, err := part(in)
		if err != nil {
			return nil, nil, fmt.Errorf("compound attestation: %w", err)
		}
		if k != nil {
			key = k
		}
		dst = appendCBORHead(dst, cborMap, 2)
		dst = appendCBORText(appendCBORText(dst, "fmt"), "packed")
		dst = append(appendCBORText(dst, "attStmt"), statement...)
	}
	return dst, key, nil
}

// fidoU2F is https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation.
func fidoU2F(in *statementInput) ([]byte, crypto.Signer, error) {
	batch, err := u2fBatch()
	if err != nil {
		return nil, nil, fmt.Errorf("fido-u2f attestation: %w", err)
	}
	point, err := ecPoint(in.key.Public())
	if err != nil {
		return nil, nil, fmt.Errorf("fido-u2f attestation: %w", err)
	}
	sig, err := signU2F(batch.key, in.parts.rpIDHash, in.clientDataHash, in.parts.credentialID, point)
	if err != nil {
		return nil, nil, fmt.Errorf("fido-u2f attestation: %w", err)
	}
	return u2fStatement(sig, batch.chain()[:1]), batch.key, nil
}

func u2fStatement(sig []byte, x5c [][]byte) []byte {
	dst := appendCBORHead(make([]byte, 0, 640), cborMap, 2)
	dst = appendCBORBytes(appendCBORText(dst, "sig"), sig)
	return appendX5C(dst, x5c)
}

// signU2F signs a U2F registration: 00 || application parameter || challenge
// parameter || key handle || public key.
func signU2F(k crypto.Signer, application, challenge, keyHandle, point []byte) ([]byte, error) {
	message := slices.Concat([]byte{0}, application, challenge, keyHandle, point)
	a, err := algorithmFor(k, ES256)
	if err != nil {
		return nil, err
	}
	return a.sign(k, message, nil)
}

// attestationObject encodes {fmt, attStmt, authData} in CTAP2 canonical order
// (https://www.w3.org/TR/webauthn-3/#sctn-generating-an-attestation-object).
func attestationObject(format string, statement, authData []byte) []byte {
	dst := make([]byte, 0, len(statement)+len(authData)+48)
	dst = appendCBORHead(dst, cborMap, 3)
	dst = appendCBORText(appendCBORText(dst, "fmt"), format)
	dst = append(appendCBORText(dst, "attStmt"), statement...)
	return appendCBORBytes(appendCBORText(dst, "authData"), authData)
}
