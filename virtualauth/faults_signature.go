package virtualauth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"math/big"
	"slices"
)

func signatureFault(field string, strength Strength, doc string, do func(*edit) error) faultDef {
	return faultDef{Fault: Fault{Field: field, Doc: doc, Steps: stepsOf("/21"), Stage: StageSignature, Ceremonies: inAuthentication, Strength: strength}, edit: do}
}

// signatureBytes replaces the signature by a function of it.
func signatureBytes(change func(e *edit, sig []byte) ([]byte, error)) func(*edit) error {
	return func(e *edit) (err error) {
		e.signature, err = change(e, bytes.Clone(e.signature))
		return err
	}
}

// signatureOver signs something else with the right key.
func signatureOver(message func(e *edit) []byte) func(*edit) error {
	return signatureBytes(func(e *edit, _ []byte) ([]byte, error) {
		return e.signAssertion(e.keys.Credential, message(e))
	})
}

// signatureNumbers replaces an ECDSA signature's numbers.
func signatureNumbers(change func(e *edit, s ecdsaSignature, order *big.Int) (ecdsaSignature, error)) func(*edit) error {
	return signatureBytes(func(e *edit, sig []byte) ([]byte, error) {
		s, order, err := e.ecdsaSignature(sig)
		if err != nil {
			return nil, err
		}
		if s, err = change(e, s, order); err != nil {
			return nil, err
		}
		return s.marshal()
	})
}

// ecdsaSignature takes a signature apart where the credential has an ECDSA key.
func (e *edit) ecdsaSignature(sig []byte) (ecdsaSignature, *big.Int, error) {
	if e.keys.Credential == nil {
		return ecdsaSignature{}, nil, notApplicable("the credential's key is not known: set Keys.Credential")
	}
	pub, ok := e.keys.Credential.Public().(*ecdsa.PublicKey)
	if !ok {
		return ecdsaSignature{}, nil, notApplicable("the credential's key is not an ECDSA key")
	}
	s, err := parseECDSASignature(sig)
	if err != nil {
		return ecdsaSignature{}, nil, notApplicable("%v", err)
	}
	return s, pub.Params().N, nil
}

// shortInteger signs with one nonce after the other until r or s is short. RFC 6979,
// by which signatures are made otherwise, leaves no choice of the nonce.
func shortInteger(e *edit) error {
	key, ok := e.keys.Credential.(*ecdsa.PrivateKey)
	if !ok {
		return notApplicable("the credential's private key is no ECDSA key, or not at hand")
	}
	secret, err := key.Bytes()
	if err != nil {
		return err
	}
	message := slices.Concat(e.authBytes, e.clientDataHash())
	h := map[string]crypto.Hash{"P-256": crypto.SHA256, "P-384": crypto.SHA384, "P-521": crypto.SHA512}[key.Params().Name].New()
	h.Write(message)
	d, digest, order := new(big.Int).SetBytes(secret), new(big.Int).SetBytes(h.Sum(nil)), key.Params().N
	short := (order.BitLen()+7)/8*8 - 9 // one byte less, and no zero in front that keeps DER from reading a sign
	e.ensureDeriver()
	for n := uint32(1); n <= 1<<14; n++ {
		b := e.derive.draw(len(secret), "nonce", n, message)
		if excess := len(b)*8 - order.BitLen(); excess > 0 {
			b[0] &= 0xff >> excess
		}
		nonce, err := ecdsa.ParseRawPrivateKey(key.Curve, b)
		if err != nil {
			continue // zero, or beyond the order
		}
		point, err := nonce.PublicKey.Bytes()
		if err != nil {
			return err
		}
		r := new(big.Int).SetBytes(point[1 : 1+len(point)/2])
		r.Mod(r, order)
		s := new(big.Int).Mul(r, d)
		s.Add(s, digest).Mul(s, new(big.Int).ModInverse(new(big.Int).SetBytes(b), order)).Mod(s, order)
		if r.Sign() == 0 || s.Sign() == 0 || r.BitLen() > short && s.BitLen() > short {
			continue
		}
		e.signature, err = ecdsaSignature{r, s}.marshal()
		return err
	}
	return notApplicable("no nonce gave a short integer")
}

var signatureFaults = []faultDef{
	signatureFault("SignatureBitFlip", MustReject, "one bit of the signature is flipped", signatureBytes(func(_ *edit, sig []byte) ([]byte, error) { return flipBit(sig) })),
	signatureFault("SignatureEmpty", MustReject, "the signature is empty", signatureBytes(func(*edit, []byte) ([]byte, error) { return []byte{}, nil })),
	signatureFault("SignatureTruncated", MustReject, "the signature has lost its last byte", signatureBytes(func(_ *edit, sig []byte) ([]byte, error) {
		return sig[:max(0, len(sig)-1)], nil
	})),
	signatureFault("SignatureTrailing", MustReject, "a byte stands behind the signature", signatureBytes(func(_ *edit, sig []byte) ([]byte, error) { return append(sig, 0), nil })),
	signatureFault("SignatureOtherKey", MustReject, "the signature is by another key of the same kind", signatureBytes(func(e *edit, _ []byte) ([]byte, error) {
		alg, err := e.credentialAlgorithm()
		if err != nil {
			return nil, err
		}
		other, err := e.otherKey(alg)
		if err != nil {
			return nil, err
		}
		return e.signAssertion(other, slices.Concat(e.authBytes, e.clientDataHash()))
	})),
	signatureFault("SignatureOtherClientData", MustReject, "the signature covers another client data hash", signatureOver(func(e *edit) []byte {
		return slices.Concat(e.authBytes, e.draw(32))
	})),
	signatureFault("SignatureOtherAuthData", MustReject, "the signature covers authenticator data with another counter", signatureOver(func(e *edit) []byte {
		other := *e.auth
		other.signCount ^= 1
		return slices.Concat(other.append(nil), e.clientDataHash())
	})),
	signatureFault("SignatureUnhashedClientData", MustReject, "the signature covers the client data itself in place of its hash", signatureOver(func(e *edit) []byte {
		return slices.Concat(e.authBytes, e.clientData)
	})),
	signatureFault("SignatureAuthDataOnly", MustReject, "the signature covers the authenticator data alone", signatureOver(func(e *edit) []byte { return e.authBytes })),
	signatureFault("SignatureClientDataOnly", MustReject, "the signature covers the client data hash alone", signatureOver(func(e *edit) []byte { return e.clientDataHash() })),
	signatureFault("SignatureReversedOrder", MustReject, "the signature covers the client data hash before the authenticator data", signatureOver(func(e *edit) []byte {
		return slices.Concat(e.clientDataHash(), e.authBytes)
	})),
	signatureFault("SignatureRaw", MustReject, "the ECDSA signature is r and s side by side in place of DER", signatureBytes(func(e *edit, sig []byte) ([]byte, error) {
		s, order, err := e.ecdsaSignature(sig)
		if err != nil {
			return nil, err
		}
		size := (order.BitLen() + 7) / 8
		return append(s.R.FillBytes(make([]byte, size)), s.S.FillBytes(make([]byte, size))...), nil
	})).at("sctn-signature-attestation-types"),
	signatureFault("SignatureNonMinimalDER", ShouldReject, "r of the ECDSA signature has a zero byte too many in front, which DER forbids", signatureBytes(func(e *edit, sig []byte) ([]byte, error) {
		if _, _, err := e.ecdsaSignature(sig); err != nil {
			return nil, err
		}
		if len(sig) < 8 || sig[1] >= 0x7f || sig[2] != 2 {
			return nil, notApplicable("the signature's DER has a long form length")
		}
		sig[1]++
		sig[3]++
		return slices.Insert(sig, 4, 0), nil
	})).at("sctn-signature-attestation-types"),
	signatureFault("SignatureLongFormDER", ShouldReject, "the length of the ECDSA signature is in the long form, which DER forbids here", signatureBytes(func(e *edit, sig []byte) ([]byte, error) {
		if _, _, err := e.ecdsaSignature(sig); err != nil {
			return nil, err
		}
		if len(sig) < 8 || sig[1] >= 0x80 {
			return nil, notApplicable("the signature's DER has a long form length already")
		}
		return slices.Insert(sig, 1, 0x81), nil
	})).at("sctn-signature-attestation-types"),
	signatureFault("SignatureHighS", MustAccept, "s of the ECDSA signature is in the upper half, which is as valid", signatureNumbers(func(_ *edit, s ecdsaSignature, order *big.Int) (ecdsaSignature, error) {
		if half := new(big.Int).Rsh(order, 1); s.S.Cmp(half) <= 0 {
			s.S = new(big.Int).Sub(order, s.S)
		}
		return s, nil
	})).at("sctn-signature-attestation-types"),
	signatureFault("SignatureLowS", MustAccept, "s of the ECDSA signature is in the lower half, which is as valid", signatureNumbers(func(_ *edit, s ecdsaSignature, order *big.Int) (ecdsaSignature, error) {
		if half := new(big.Int).Rsh(order, 1); s.S.Cmp(half) > 0 {
			s.S = new(big.Int).Sub(order, s.S)
		}
		return s, nil
	})).at("sctn-signature-attestation-types"),
	signatureFault("SignatureShortInteger", MustAccept, "r or s of the ECDSA signature is so small that DER has a byte less of it, as of one in 256", shortInteger).at("sctn-signature-attestation-types"),
	signatureFault("SignatureNegativeS", MustReject, "s of the ECDSA signature is negated", signatureNumbers(func(_ *edit, s ecdsaSignature, _ *big.Int) (ecdsaSignature, error) {
		s.S = new(big.Int).Neg(s.S)
		return s, nil
	})),
	signatureFault("SignatureZero", MustReject, "r and s of the ECDSA signature are zero", signatureNumbers(func(*edit, ecdsaSignature, *big.Int) (ecdsaSignature, error) {
		return ecdsaSignature{new(big.Int), new(big.Int)}, nil
	})),
	signatureFault("SignatureOrder", MustReject, "r of the ECDSA signature is 1 and s is the order of the curve", signatureNumbers(func(_ *edit, _ ecdsaSignature, order *big.Int) (ecdsaSignature, error) {
		return ecdsaSignature{big.NewInt(1), order}, nil
	})),
}
