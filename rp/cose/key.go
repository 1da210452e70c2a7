// Package cose reads credential public keys (COSE_Key) and the CBOR around
// them as strictly as WebAuthn words it, and verifies signatures with them.
// Verification is go-webauthn's, but for ML-DSA.
package cose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"filippo.io/mldsa"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// COSE algorithm identifiers (https://www.w3.org/TR/webauthn-3/#sctn-alg-identifier).
const (
	ES256   int64 = -7
	EdDSA   int64 = -8
	ESP256  int64 = -9
	Ed25519 int64 = -19
	ES384   int64 = -35
	ES512   int64 = -36
	PS256   int64 = -37
	PS384   int64 = -38
	PS512   int64 = -39
	ES256K  int64 = -47
	MLDSA44 int64 = -48
	MLDSA65 int64 = -49
	MLDSA87 int64 = -50
	ESP384  int64 = -51
	ESP512  int64 = -52
	RS256   int64 = -257
	RS384   int64 = -258
	RS512   int64 = -259
	RS1     int64 = -65535
)

// Key types.
const (
	ktyOKP int64 = 1
	ktyEC2 int64 = 2
	ktyRSA int64 = 3
	ktyAKP int64 = 7
)

type family struct {
	name string
	kty  int64
	crv  int64 // 0: the key type has none
	size int   // of a coordinate or of the public key
}

var families = map[int64]family{
	ES256: {"ES256", ktyEC2, 1, 32}, ESP256: {"ESP256", ktyEC2, 1, 32},
	ES384: {"ES384", ktyEC2, 2, 48}, ESP384: {"ESP384", ktyEC2, 2, 48},
	ES512: {"ES512", ktyEC2, 3, 66}, ESP512: {"ESP512", ktyEC2, 3, 66},
	ES256K: {"ES256K", ktyEC2, 8, 32},
	EdDSA:  {"EdDSA", ktyOKP, 6, 32}, Ed25519: {"Ed25519", ktyOKP, 6, 32},
	RS256: {"RS256", ktyRSA, 0, 0}, RS384: {"RS384", ktyRSA, 0, 0}, RS512: {"RS512", ktyRSA, 0, 0},
	PS256: {"PS256", ktyRSA, 0, 0}, PS384: {"PS384", ktyRSA, 0, 0}, PS512: {"PS512", ktyRSA, 0, 0},
	MLDSA44: {"ML-DSA-44", ktyAKP, 0, 1312}, MLDSA65: {"ML-DSA-65", ktyAKP, 0, 1952}, MLDSA87: {"ML-DSA-87", ktyAKP, 0, 2592},
}

// Algorithms are those that are offered by default, most preferred first. The
// fully specified twins (-9, -19, -51, -52) can be verified too, but offering
// them is not recommended (https://www.w3.org/TR/webauthn-3/#sctn-alg-identifier).
func Algorithms() []int64 {
	return []int64{ES256, EdDSA, RS256, ES384, ES512, PS256, RS384, RS512, PS384, PS512, ES256K, MLDSA65, MLDSA44, MLDSA87}
}

// Supported tells whether signatures of the algorithm can be verified.
func Supported(alg int64) bool {
	_, ok := families[alg]
	return ok
}

// AlgorithmName is the registered name, or the number.
func AlgorithmName(alg int64) string {
	if f, ok := families[alg]; ok {
		return f.name
	}
	return fmt.Sprintf("algorithm %d", alg)
}

// KeyRule is one demand on a credential public key.
type KeyRule string

// The demands, in the order in which they are judged.
const (
	KeyAlgorithm  KeyRule = "algorithm"   // alg is present and an integer
	KeySupported  KeyRule = "supported"   // alg can be verified
	KeyType       KeyRule = "key-type"    // kty belongs to alg
	KeyCurve      KeyRule = "curve"       // crv belongs to alg
	KeyMembers    KeyRule = "members"     // all required members, with their types
	KeyOptional   KeyRule = "no-optional" // no optional members
	KeyPrivate    KeyRule = "no-private"  // no private parts
	KeyCompressed KeyRule = "uncompressed"
	KeySize       KeyRule = "size"  // coordinates and public keys have their exact length
	KeyPoint      KeyRule = "point" // the point is on the curve
	KeyRSA        KeyRule = "rsa"   // modulus of 2048 to 8192 bits, odd exponent of 3 at least
)

// KeyRules are all of them in order.
var KeyRules = []KeyRule{KeyAlgorithm, KeySupported, KeyType, KeyCurve, KeyPrivate, KeyOptional, KeyMembers, KeyCompressed, KeySize, KeyPoint, KeyRSA}

// KeyProblem is one broken demand.
type KeyProblem struct {
	Rule    KeyRule
	Message string
}

func (p *KeyProblem) Error() string { return p.Message }

// Key is a credential public key.
type Key struct {
	// Raw is the COSE_Key as it came.
	Raw       []byte
	Algorithm int64
	// Public is a *ecdsa.PublicKey, ed25519.PublicKey, *rsa.PublicKey,
	// *secp256k1.PublicKey or *mldsa.PublicKey; nil when the key has a problem
	// that leaves none.
	Public crypto.PublicKey
	// X and Y are the members -2 and -3 of an EC2 key.
	X, Y []byte
	// Problems are the demands that the key does not meet.
	Problems []*KeyProblem
}

// Parse reads a COSE_Key that must be one CBOR map. The error says that it is
// none; everything else that is wrong with the key is in Problems, and only a
// key without problems may be trusted to verify anything.
func Parse(raw []byte) (*Key, error) {
	node, violations, err := Decode(raw, 4)
	if err != nil {
		return nil, fmt.Errorf("the credential public key is not CBOR: %w", err)
	}
	for _, v := range violations {
		if v.Rule == TrailingBytes {
			return nil, fmt.Errorf("the credential public key is not one CBOR item: %w", v)
		}
	}
	return FromNode(node)
}

// FromNode is Parse for an item that is decoded already.
func FromNode(node Node) (*Key, error) {
	if node.Kind != Map {
		return nil, fmt.Errorf("the credential public key is %s, not a map", node.Kind)
	}
	k := &Key{Raw: slices.Clone(node.Raw)}
	k.read(node)
	return k, nil
}

// Err is the first problem in the order of KeyRules, or nil.
func (k *Key) Err() error {
	for _, rule := range KeyRules {
		if p := k.Problem(rule); p != nil {
			return p
		}
	}
	return nil
}

// Problem is the first problem of that rule, or nil.
func (k *Key) Problem(rule KeyRule) *KeyProblem {
	for _, p := range k.Problems {
		if p.Rule == rule {
			return p
		}
	}
	return nil
}

func (k *Key) problem(rule KeyRule, format string, args ...any) {
	k.Problems = append(k.Problems, &KeyProblem{rule, fmt.Sprintf(format, args...)})
}

func (k *Key) read(node Node) {
	alg, ok := node.GetInt(3)
	switch {
	case !ok:
		k.problem(KeyAlgorithm, "the credential public key has no alg (3)")
		return
	case alg.Kind != Negative && alg.Kind != Unsigned:
		k.problem(KeyAlgorithm, "alg (3) of the credential public key is %s, not an integer", alg.Kind)
		return
	}
	k.Algorithm = alg.Int
	f, ok := families[k.Algorithm]
	if !ok {
		k.problem(KeySupported, "alg %d of the credential public key is none that this Relying Party can verify", k.Algorithm)
		return
	}
	if kty, ok := node.GetInt(1); !ok || kty.Kind != Unsigned {
		k.problem(KeyType, "the credential public key has no integer kty (1)")
	} else if kty.Int != f.kty {
		k.problem(KeyType, "kty %d does not belong to %s, which needs %d", kty.Int, f.name, f.kty)
		return
	}
	k.members(node, f)
	switch f.kty {
	case ktyEC2, ktyOKP:
		if crv, ok := node.GetInt(-1); !ok || (crv.Kind != Unsigned && crv.Kind != Negative) {
			k.problem(KeyCurve, "the credential public key has no integer crv (-1)")
		} else if crv.Int != f.crv {
			k.problem(KeyCurve, "crv %d does not belong to %s, which needs %d", crv.Int, f.name, f.crv)
		}
	}
	switch f.kty {
	case ktyEC2:
		k.readEC2(node, f)
	case ktyOKP:
		if x, ok := k.bytes(node, -2, "x"); ok && k.sized("x", x, f.size) {
			k.Public = ed25519.PublicKey(slices.Clone(x))
		}
	case ktyRSA:
		k.readRSA(node)
	case ktyAKP:
		k.readAKP(node, f)
	}
}

// members judges the set of members. "The COSE_Key-encoded credential public
// key MUST contain the alg parameter and MUST NOT contain any other OPTIONAL
// parameters" (https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data).
func (k *Key) members(node Node, f family) {
	public := map[int64][]int64{ktyEC2: {1, 3, -1, -2, -3}, ktyOKP: {1, 3, -1, -2}, ktyRSA: {1, 3, -1, -2}, ktyAKP: {1, 3, -1}}[f.kty]
	private := map[int64][]int64{ktyEC2: {-4}, ktyOKP: {-4}, ktyRSA: {-3, -4, -5, -6, -7, -8, -9, -10, -11, -12}, ktyAKP: {-2}}[f.kty]
	for i := 0; i+1 < len(node.Items); i += 2 {
		key := node.Items[i]
		switch {
		case key.Kind != Unsigned && key.Kind != Negative:
			k.problem(KeyOptional, "the credential public key has a member whose label is %s", key.Kind)
		case slices.Contains(public, key.Int):
		case slices.Contains(private, key.Int):
			k.problem(KeyPrivate, "the credential public key carries the private member %d", key.Int)
		default:
			k.problem(KeyOptional, "the credential public key carries the optional member %d", key.Int)
		}
	}
}

func (k *Key) bytes(node Node, label int64, name string) ([]byte, bool) {
	n, ok := node.GetInt(label)
	if !ok {
		k.problem(KeyMembers, "the credential public key has no %s (%d)", name, label)
		return nil, false
	}
	if n.Kind != Bytes {
		k.problem(KeyMembers, "%s (%d) of the credential public key is %s, not a byte string", name, label, n.Kind)
		return nil, false
	}
	return n.Bytes, true
}

func (k *Key) sized(name string, b []byte, size int) bool {
	if len(b) != size {
		k.problem(KeySize, "%s of the credential public key has %d bytes, %s needs %d", name, len(b), AlgorithmName(k.Algorithm), size)
		return false
	}
	return true
}

func (k *Key) readEC2(node Node, f family) {
	x, okX := k.bytes(node, -2, "x")
	if y, ok := node.GetInt(-3); ok && y.Kind == Simple && (y.Value == 20 || y.Value == 21) {
		// A boolean y is COSE's sign bit of a compressed point (RFC 9053 §7.1.1).
		k.problem(KeyCompressed, "the credential public key is a compressed point, WebAuthn wants both coordinates")
		if okX {
			k.X = slices.Clone(x)
			k.decompress(f, y.Value == 21)
		}
		return
	}
	y, okY := k.bytes(node, -3, "y")
	if !okX || !okY {
		return
	}
	k.X, k.Y = slices.Clone(x), slices.Clone(y)
	okX, okY = k.sized("x", x, f.size), k.sized("y", y, f.size)
	if okX && okY {
		k.point(f, append(append([]byte{4}, x...), y...))
	}
}

func (k *Key) point(f family, point []byte) {
	var err error
	if f.crv == 8 {
		var pub *secp256k1.PublicKey
		if pub, err = secp256k1.ParsePubKey(point); err == nil {
			k.Public = pub
		}
	} else {
		var pub *ecdsa.PublicKey
		if pub, err = ecdsa.ParseUncompressedPublicKey(curveOf(f.crv), point); err == nil {
			k.Public = pub
		}
	}
	if err != nil {
		k.problem(KeyPoint, "the credential public key is no point of the curve of %s", f.name)
	}
}

// decompress serves the deliberate bug that accepts compressed points: it must
// still have a key to verify with.
func (k *Key) decompress(f family, odd bool) {
	prefix := byte(2)
	if odd {
		prefix = 3
	}
	if f.crv == 8 || len(k.X) != f.size {
		return
	}
	curve := curveOf(f.crv)
	x, y := elliptic.UnmarshalCompressed(curve, append([]byte{prefix}, k.X...))
	if x == nil {
		return
	}
	k.Y = y.FillBytes(make([]byte, f.size))
	k.point(f, append(append([]byte{4}, k.X...), k.Y...))
}

func curveOf(crv int64) elliptic.Curve {
	switch crv {
	case 2:
		return elliptic.P384()
	case 3:
		return elliptic.P521()
	default:
		return elliptic.P256()
	}
}

// minRSABits and maxRSABits bound the modulus. WebAuthn names no figures; under
// 2048 bits is below every current recommendation (NIST SP 800-131A), and over
// 8192 serves nothing but to waste the server's time.
const minRSABits, maxRSABits = 2048, 8192

func (k *Key) readRSA(node Node) {
	n, okN := k.bytes(node, -1, "n")
	e, okE := k.bytes(node, -2, "e")
	if !okN || !okE {
		return
	}
	// RFC 8230 §4: both in as few octets as can be. A leading zero in n is
	// common in hasty code and is a different encoding of the same key.
	if (len(n) > 0 && n[0] == 0) || (len(e) > 0 && e[0] == 0) {
		k.problem(KeyRSA, "n or e of the credential public key begins with a zero byte")
	}
	if len(e) > 8 || len(n) > 1<<14 {
		k.problem(KeyRSA, "n has %d bytes and e has %d, more than any use can have", len(n), len(e))
		return
	}
	mod, exp := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if bits := mod.BitLen(); bits < minRSABits || bits > maxRSABits {
		k.problem(KeyRSA, "the RSA modulus has %d bits, %d to %d are accepted", bits, minRSABits, maxRSABits)
	}
	if mod.Bit(0) == 0 {
		k.problem(KeyRSA, "the RSA modulus is even")
	}
	if exp.Cmp(big.NewInt(3)) < 0 || exp.Bit(0) == 0 {
		k.problem(KeyRSA, "the RSA exponent %s is not odd and at least 3", exp)
	}
	if exp.BitLen() > 31 {
		k.problem(KeyRSA, "the RSA exponent has %d bits, 31 can be handled", exp.BitLen())
		return
	}
	if mod.Sign() > 0 && exp.Sign() > 0 {
		k.Public = &rsa.PublicKey{N: mod, E: int(exp.Int64())}
	}
}

func (k *Key) readAKP(node Node, f family) {
	pub, ok := k.bytes(node, -1, "pub")
	if !ok || !k.sized("pub", pub, f.size) {
		return
	}
	key, err := mldsa.NewPublicKey(mldsaParameters(k.Algorithm), pub)
	if err != nil {
		k.problem(KeyPoint, "the credential public key is no %s key", f.name)
		return
	}
	k.Public = key
}

func mldsaParameters(alg int64) mldsa.Parameters {
	switch alg {
	case MLDSA44:
		return mldsa.MLDSA44()
	case MLDSA87:
		return mldsa.MLDSA87()
	default:
		return mldsa.MLDSA65()
	}
}

// ErrSignature says that a signature does not verify.
var ErrSignature = errors.New("the signature does not verify")

// Verify checks a signature over message, in the encoding of
// https://www.w3.org/TR/webauthn-3/#sctn-signature-attestation-types.
func (k *Key) Verify(message, sig []byte) error {
	if k.Public == nil {
		return errors.New("the credential public key cannot be used")
	}
	switch pub := k.Public.(type) {
	case *mldsa.PublicKey:
		// go-webauthn has ML-DSA from Go 1.27 on only.
		if err := mldsa.Verify(pub, message, sig, nil); err != nil {
			return ErrSignature
		}
		return nil
	case *secp256k1.PublicKey:
		return k.verifyGoWebAuthn(message, sig)
	}
	if len(k.Problems) == 0 {
		return k.verifyGoWebAuthn(message, sig)
	}
	// A key with problems gets here only where a deliberate bug looks away from
	// them; go-webauthn would refuse some of these keys for their own sake.
	return VerifyWith(k.Public, k.Algorithm, message, sig)
}

func (k *Key) verifyGoWebAuthn(message, sig []byte) error {
	key, err := webauthncose.ParsePublicKey(k.Raw)
	if err != nil {
		return fmt.Errorf("the credential public key cannot be used: %w", err)
	}
	if ok, err := webauthncose.VerifySignature(key, message, sig); err != nil || !ok {
		return ErrSignature
	}
	return nil
}
