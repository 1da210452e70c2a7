package virtualauth

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"slices"
)

func statementFault(field, steps string, strength Strength, doc string, do func(*edit) error) faultDef {
	return faultDef{Fault: Fault{Field: field, Doc: doc, Steps: stepsOf(steps), Stage: StageAttestation, Ceremonies: inRegistration, Strength: strength, Violates: "sctn-attstn-fmt-ids"}, edit: do}
}

const (
	anchorPacked = "sctn-packed-attestation"
	anchorU2F    = "sctn-fido-u2f-attestation"
	anchorNone   = "sctn-none-attestation"
)

// statementSig replaces the content of sig by a function of it.
func statementSig(change func(e *edit, sig []byte) ([]byte, error)) func(*edit) error {
	return func(e *edit) error {
		sig, err := e.statementSignature()
		if err != nil {
			return err
		}
		if sig, err = change(e, bytes.Clone(sig)); err != nil {
			return err
		}
		return e.setStatement("sig", appendCBORBytes(nil, sig))
	}
}

// statementSigOver signs the statement by a key and over a message of the fault's choice.
func statementSigOver(message func(e *edit) ([]byte, error)) func(*edit) error {
	return statementSig(func(e *edit, _ []byte) ([]byte, error) {
		k, alg, err := e.statementKey()
		if err != nil {
			return nil, err
		}
		m, err := message(e)
		if err != nil {
			return nil, err
		}
		return e.signBytes(k, alg, m)
	})
}

func setStatementRaw(name string, raw []byte) func(*edit) error {
	return func(e *edit) error { return e.setStatement(name, raw) }
}

func dropStatementMember(name string) func(*edit) error {
	return func(e *edit) error { return e.dropStatement(name) }
}

// addX5C puts an x5c where a self attestation has none.
func addX5C(raw func(e *edit) ([]byte, error)) func(*edit) error {
	return func(e *edit) error {
		if e.statementMember("x5c") >= 0 {
			return notApplicable("the statement has x5c already: use self attestation")
		}
		b, err := raw(e)
		if err != nil {
			return err
		}
		e.statement = append(e.statement, cborPair{cborTextKey("x5c"), b})
		return nil
	}
}

// flipBit flips the lowest bit of the last byte.
func flipBit(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, notApplicable("the signature is empty")
	}
	b[len(b)-1] ^= 1
	return b, nil
}

// unrelatedLeaf is a certificate by the packed profile with nothing to do with
// the statement's key.
func unrelatedLeaf() (*x509.Certificate, error) {
	ca, err := fidoAuthority()
	if err != nil {
		return nil, err
	}
	made, err := newLeaf(leaf{label: "Touchstone Virtual Unrelated"}, ca.root)
	if err != nil {
		return nil, err
	}
	return made.cert, nil
}

// otherCurveLeaf is a certificate by the same root over a key of P-384, and that key.
func otherCurveLeaf() (crypto.Signer, *x509.Certificate, error) {
	ca, err := fidoAuthority()
	if err != nil {
		return nil, nil, err
	}
	const label = "Touchstone Virtual U2F Batch of P-384"
	var n uint32
	key, err := algorithmOf(ES384).generate(func(size int) []byte {
		n++
		return pkiDeriver.draw(size, "key", n, []byte(label))
	})
	if err != nil {
		return nil, nil, err
	}
	made, err := newLeaf(leaf{label: label, pub: key.Public()}, ca.root)
	if err != nil {
		return nil, nil, err
	}
	return key, made.cert, nil
}

func x5cOf(certs ...[]byte) []byte {
	dst := appendCBORHead(nil, cborArray, uint64(len(certs)))
	for _, c := range certs {
		dst = appendCBORBytes(dst, c)
	}
	return dst
}

var attestationFaults = []faultDef{
	statementFault("StatementAlgMissing", "22", MustReject, "alg of the statement is left out", dropStatementMember("alg")).at(anchorPacked).needs("packed", "tpm", "android-key"),
	statementFault("StatementAlgText", "22", MustReject, "alg of the statement is text", setStatementRaw("alg", appendCBORText(nil, "ES256"))).at(anchorPacked).needs("packed", "tpm", "android-key"),
	statementFault("StatementAlgOther", "22", MustReject, "alg of the statement is not that of the key", func(e *edit) error {
		_, alg, err := e.statementKey()
		if err != nil {
			return err
		}
		other := RS256
		if alg == RS256 {
			other = ES256
		}
		return e.setStatement("alg", appendCBORInt(nil, other))
	}).at(anchorPacked).needs("packed"),
	statementFault("StatementAlgUnknown", "22", MustReject, "alg of the statement is -65000, which nothing defines", setStatementRaw("alg", appendCBORInt(nil, -65000))).at(anchorPacked).needs("packed", "tpm", "android-key"),
	statementFault("StatementSigMissing", "22", MustReject, "sig of the statement is left out", dropStatementMember("sig")).needs("packed", "fido-u2f", "tpm", "android-key"),
	statementFault("StatementSigText", "22", MustReject, "sig of the statement is text", setStatementRaw("sig", appendCBORText(nil, "sig"))).needs("packed", "fido-u2f", "tpm", "android-key"),
	statementFault("StatementSigEmpty", "22", MustReject, "sig of the statement is empty", setStatementRaw("sig", appendCBORBytes(nil, nil))).needs("packed", "fido-u2f", "tpm", "android-key"),
	statementFault("StatementSigBitFlip", "22", MustReject, "one bit of the statement's signature is flipped", statementSig(func(_ *edit, sig []byte) ([]byte, error) {
		return flipBit(sig)
	})).needs("packed", "fido-u2f", "tpm", "android-key"),
	statementFault("StatementSigTruncated", "22", MustReject, "the statement's signature has lost its last byte", statementSig(func(_ *edit, sig []byte) ([]byte, error) {
		if len(sig) == 0 {
			return nil, notApplicable("the signature is empty")
		}
		return sig[:len(sig)-1], nil
	})).needs("packed", "fido-u2f"),
	statementFault("StatementSigTrailing", "22", MustReject, "a byte stands behind the statement's signature", statementSig(func(_ *edit, sig []byte) ([]byte, error) {
		return append(sig, 0), nil
	})).needs("packed", "fido-u2f"),
	statementFault("StatementSigOtherClientData", "22", MustReject, "the statement's signature covers another client data hash", statementSigOver(func(e *edit) ([]byte, error) {
		return e.statementMessage(e.draw(32))
	})).needs("packed", "fido-u2f"),
	statementFault("StatementSigNoClientData", "22", MustReject, "the statement's signature does not cover the client data hash", statementSigOver(func(e *edit) ([]byte, error) {
		return e.statementMessage(nil)
	})).needs("packed", "fido-u2f"),
	statementFault("StatementSigOtherAuthData", "22", MustReject, "the statement's signature covers authenticator data with another counter", statementSigOver(func(e *edit) ([]byte, error) {
		other := *e.auth
		other.signCount ^= 1
		return append(other.append(nil), e.clientDataHash()...), nil
	})).at(anchorPacked).needs("packed"),
	statementFault("StatementSigOtherKey", "22", MustReject, "the statement is signed by another key of the same kind", statementSig(func(e *edit, _ []byte) ([]byte, error) {
		k, alg, err := e.statementKey()
		if err != nil {
			return nil, err
		}
		a, err := algorithmFor(k, alg)
		if err != nil {
			return nil, err
		}
		other, err := e.otherKey(a)
		if err != nil {
			return nil, err
		}
		message, err := e.statementMessage(e.clientDataHash())
		if err != nil {
			return nil, err
		}
		return e.signBytes(other, alg, message)
	})).needs("packed", "fido-u2f"),
	statementFault("StatementEmpty", "22", MustReject, "the statement is an empty map though the format needs members", func(e *edit) error {
		if e.statement == nil {
			return notApplicable("the statement is not a map")
		}
		e.statement = []cborPair{}
		return nil
	}).needs("packed", "fido-u2f", "tpm", "android-key", "apple", "android-safetynet"),
	statementFault("StatementNonEmptyNone", "22", MustReject, "the statement of format none is not empty: it holds alg and a signature that verifies", func(e *edit) error {
		alg, err := e.credentialAlgorithm()
		if err != nil {
			return err
		}
		sig, err := e.signAssertion(e.keys.Credential, slices.Concat(e.authBytes, e.clientDataHash()))
		if err != nil {
			return err
		}
		e.statement, err = cborPairs(packedStatement(alg.id, sig, nil))
		return err
	}).at(anchorNone).needs("none"),
	statementFault("StatementX5CEmpty", "22", MustReject, "a self attestation has x5c as an empty array", addX5C(func(*edit) ([]byte, error) { return x5cOf(), nil })).at(anchorPacked).needs("packed"),
	statementFault("StatementX5CNotArray", "22", MustReject, "a self attestation has x5c as a byte string", addX5C(func(*edit) ([]byte, error) {
		return appendCBORBytes(nil, []byte("x5c")), nil
	})).at(anchorPacked).needs("packed"),
	statementFault("StatementX5CGarbage", "22", MustReject, "a self attestation has x5c with bytes that are no certificate", addX5C(func(e *edit) ([]byte, error) {
		return x5cOf(e.draw(64)), nil
	})).at(anchorPacked).needs("packed"),
	statementFault("StatementX5CUnrelated", "22", MustReject, "a self attestation has x5c with a certificate over another key", addX5C(func(*edit) ([]byte, error) {
		leaf, err := unrelatedLeaf()
		if err != nil {
			return nil, err
		}
		return x5cOf(leaf.Raw), nil
	})).at(anchorPacked).needs("packed"),
	statementFault("U2FX5CMissing", "22", MustReject, "x5c of the fido-u2f statement is left out", dropStatementMember("x5c")).at(anchorU2F).needs("fido-u2f"),
	statementFault("U2FX5CEmpty", "22", MustReject, "x5c of the fido-u2f statement is an empty array", setStatementRaw("x5c", x5cOf())).at(anchorU2F).needs("fido-u2f"),
	statementFault("U2FX5CNotArray", "22", MustReject, "x5c of the fido-u2f statement is the certificate itself", func(e *edit) error {
		i := e.statementMember("x5c")
		if i < 0 {
			return notApplicable("the statement has no x5c")
		}
		certs, err := cborElements(e.statement[i].value)
		if err != nil || len(certs) == 0 {
			return notApplicable("x5c holds no certificate")
		}
		return e.setStatement("x5c", certs[0])
	}).at(anchorU2F).needs("fido-u2f"),
	statementFault("U2FX5CTwo", "22", MustReject, "x5c of the fido-u2f statement holds two certificates", func(e *edit) error {
		i := e.statementMember("x5c")
		if i < 0 {
			return notApplicable("the statement has no x5c")
		}
		certs, err := cborElements(e.statement[i].value)
		if err != nil || len(certs) != 1 {
			return notApplicable("x5c does not hold one certificate")
		}
		ca, err := fidoAuthority()
		if err != nil {
			return err
		}
		second := appendCBORBytes(nil, ca.root.cert.Raw)
		return e.setStatement("x5c", slices.Concat([]byte{0x82}, certs[0], second))
	}).at(anchorU2F).needs("fido-u2f"),
	statementFault("U2FX5CUnrelated", "22", MustReject, "x5c of the fido-u2f statement is a certificate over another key", func(e *edit) error {
		leaf, err := unrelatedLeaf()
		if err != nil {
			return err
		}
		return e.setStatement("x5c", x5cOf(leaf.Raw))
	}).at(anchorU2F).needs("fido-u2f"),
	statementFault("U2FCertificateOtherCurve", "22", MustReject, "the fido-u2f certificate has a key of P-384, which made the signature", func(e *edit) error {
		key, cert, err := otherCurveLeaf()
		if err != nil {
			return err
		}
		message, err := e.statementMessage(e.clientDataHash())
		if err != nil {
			return err
		}
		digest := sha256.Sum256(message)
		// A nil random source makes the ECDSA signature deterministic.
		sig, err := key.Sign(nil, digest[:], crypto.SHA256)
		if err != nil {
			return err
		}
		if err := e.setStatement("sig", appendCBORBytes(nil, sig)); err != nil {
			return err
		}
		return e.setStatement("x5c", x5cOf(cert.Raw))
	}).at(anchorU2F).needs("fido-u2f"),
	statementFault("U2FSigOverAuthData", "22", MustReject, "the fido-u2f signature covers what a packed one would", statementSigOver(func(e *edit) ([]byte, error) {
		return slices.Concat(e.authBytes, e.clientDataHash()), nil
	})).at(anchorU2F).needs("fido-u2f"),
}
