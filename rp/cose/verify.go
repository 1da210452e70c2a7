package cose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha1" // RS1 in TPM attestation
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"

	"filippo.io/mldsa"
)

// Hash is the hash function of a COSE algorithm that signs a digest. RS1 is
// here for the TPM format alone, whose statements may still use it; no
// credential key may.
func Hash(alg int64) (crypto.Hash, bool) {
	switch alg {
	case ES256, ESP256, ES256K, RS256, PS256:
		return crypto.SHA256, true
	case ES384, ESP384, RS384, PS384:
		return crypto.SHA384, true
	case ES512, ESP512, RS512, PS512:
		return crypto.SHA512, true
	case RS1:
		return crypto.SHA1, true
	}
	return 0, false
}

// VerifyWith checks a signature with a public key that came otherwise than as
// COSE_Key, such as in a certificate. The error is ErrSignature, or says why
// key and algorithm do not belong together.
func VerifyWith(pub crypto.PublicKey, alg int64, message, sig []byte) error {
	mismatch := func() error {
		return fmt.Errorf("%s is not an algorithm for a key of type %T", AlgorithmName(alg), pub)
	}
	var digest []byte
	hash, hashed := Hash(alg)
	if hashed {
		h := hash.New()
		h.Write(message)
		digest = h.Sum(nil)
	}
	ok := false
	switch key := pub.(type) {
	case *ecdsa.PublicKey:
		switch alg {
		case ES256, ES384, ES512, ESP256, ESP384, ESP512:
			ok = ecdsa.VerifyASN1(key, digest, sig)
		default:
			return mismatch()
		}
	case ed25519.PublicKey:
		if alg != EdDSA && alg != Ed25519 {
			return mismatch()
		}
		ok = len(key) == ed25519.PublicKeySize && ed25519.Verify(key, message, sig)
	case *rsa.PublicKey:
		switch alg {
		case RS256, RS384, RS512, RS1:
			ok = rsa.VerifyPKCS1v15(key, hash, digest, sig) == nil
		case PS256, PS384, PS512:
			ok = rsa.VerifyPSS(key, hash, digest, sig, nil) == nil
		default:
			return mismatch()
		}
	case *mldsa.PublicKey:
		if alg != MLDSA44 && alg != MLDSA65 && alg != MLDSA87 {
			return mismatch()
		}
		ok = mldsa.Verify(key, message, sig, nil) == nil
	default:
		return mismatch()
	}
	if !ok {
		return ErrSignature
	}
	return nil
}

// EC2FromPoint is the COSE_Key of an uncompressed P-256 point with ES256, as
// https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-sig-format-compat maps it.
func EC2FromPoint(point []byte) ([]byte, error) {
	if _, err := ecdsa.ParseUncompressedPublicKey(curveOf(1), point); err != nil {
		return nil, fmt.Errorf("%d bytes are no uncompressed point of P-256", len(point))
	}
	raw := []byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}
	raw = append(raw, point[1:33]...)
	raw = append(raw, 0x22, 0x58, 0x20)
	return append(raw, point[33:]...), nil
}
