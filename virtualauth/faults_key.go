package virtualauth

import (
	"bytes"
	"crypto/ecdsa"
	"slices"
)

// keyFault is a fault of the COSE key of a registration.
func keyFault(field, steps string, strength Strength, doc string, do func(e *edit, pairs []cborPair) ([]cborPair, error)) faultDef {
	unusableKey := strength == unusable
	if unusableKey {
		strength = ShouldReject
	}
	return faultDef{Fault: Fault{Field: field, Doc: doc, Steps: stepsOf(steps), Stage: StageKey, Ceremonies: inRegistration, Strength: strength, UnusableKey: unusableKey, Violates: anchorAttested},
		edit: func(e *edit) error {
			pairs, err := cborPairs(e.auth.key)
			if err != nil {
				return notApplicable("the COSE key is no longer a map: %v", err)
			}
			if pairs, err = do(e, slices.Clone(pairs)); err != nil {
				return err
			}
			e.auth.key = appendCBORPairs(nil, pairs)
			return nil
		}}
}

// unusable is the strength of faults after which nothing can be verified with
// the key; see Fault.UnusableKey.
const unusable Strength = -1

// rawKeyFault is a fault of the COSE key's bytes.
func rawKeyFault(field, steps string, strength Strength, doc string, do func(e *edit, key []byte) ([]byte, error)) faultDef {
	return faultDef{Fault: Fault{Field: field, Doc: doc, Steps: stepsOf(steps), Stage: StageKey, Ceremonies: inRegistration, Strength: strength, Violates: anchorAttested},
		edit: func(e *edit) (err error) {
			e.auth.key, err = do(e, bytes.Clone(e.auth.key))
			return err
		}}
}

type keyEdit = func(e *edit, pairs []cborPair) ([]cborPair, error)

func keyLabel(pairs []cborPair, label int64) (int, error) {
	i := findPair(pairs, cborIntKey(label))
	if i < 0 {
		return 0, notApplicable("the COSE key has no label %d", label)
	}
	return i, nil
}

func dropLabel(label int64) keyEdit {
	return func(_ *edit, pairs []cborPair) ([]cborPair, error) {
		i, err := keyLabel(pairs, label)
		if err != nil {
			return nil, err
		}
		return slices.Delete(pairs, i, i+1), nil
	}
}

// setLabel replaces the value of a label.
func setLabel(label int64, raw []byte) keyEdit {
	return func(_ *edit, pairs []cborPair) ([]cborPair, error) {
		i, err := keyLabel(pairs, label)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(pairs[i].value, raw) {
			return nil, notApplicable("label %d of the COSE key has that value already", label)
		}
		pairs[i].value = raw
		return pairs, nil
	}
}

// keysOf narrows a fault to keys of some types, which what names.
func keysOf(what string, do keyEdit, types ...byte) keyEdit {
	return func(e *edit, pairs []cborPair) ([]cborPair, error) {
		i := findPair(pairs, cborIntKey(coseKty))
		if i < 0 || len(pairs[i].value) != 1 || !bytes.Contains(types, pairs[i].value) {
			return nil, notApplicable("the credential key is not an %s key", what)
		}
		return do(e, pairs)
	}
}

// ecOnly narrows a fault to EC2 keys.
func ecOnly(do keyEdit) keyEdit { return keysOf("elliptic curve", do, ktyEC2) }

// coordinate replaces the bytes of x or y by a function of them; OKP keys have x alone.
func coordinate(label int64, change func([]byte) []byte) keyEdit {
	types := []byte{ktyEC2}
	if label == coseX {
		types = append(types, ktyOKP)
	}
	return keysOf("elliptic curve", func(_ *edit, pairs []cborPair) ([]cborPair, error) {
		i, err := keyLabel(pairs, label)
		if err != nil {
			return nil, err
		}
		b, ok := cborString(pairs[i].value, cborBytes)
		if !ok || len(b) == 0 {
			return nil, notApplicable("label %d of the COSE key is not a byte string", label)
		}
		pairs[i].value = appendCBORBytes(nil, change(bytes.Clone(b)))
		return pairs, nil
	}, types...)
}

var keyFaults = []faultDef{
	keyFault("KeyAlgMissing", "20", MustReject, "alg is left out", dropLabel(coseAlg)),
	keyFault("KeyAlgOther", "20", MustReject, "alg is that of another curve than the key's", func(e *edit, pairs []cborPair) ([]cborPair, error) {
		other := ES384
		if e.keys.Algorithm == ES384 {
			other = ES256
		}
		return setLabel(coseAlg, appendCBORInt(nil, other))(e, pairs)
	}).at("sctn-alg-identifier"),
	keyFault("KeyAlgUnknown", "20", MustReject, "alg is -65000, which nobody offers", setLabel(coseAlg, appendCBORInt(nil, -65000))),
	keyFault("KeyAlgRS1", "20", MustReject, "alg of the RSA key is RS1, PKCS #1 signatures over SHA-1", keysOf("RSA", setLabel(coseAlg, appendCBORInt(nil, -65535)), ktyRSA)).at("sctn-alg-identifier"),
	keyFault("KeyAlgText", "20", MustReject, `alg is the text "ES256"`, setLabel(coseAlg, appendCBORText(nil, "ES256"))),
	keyFault("KeyTypeMissing", "20", unusable, "kty is left out", dropLabel(coseKty)),
	keyFault("KeyTypeWrong", "20", unusable, "kty is symmetric", setLabel(coseKty, []byte{4})),
	keyFault("KeyCurveMissing", "20", unusable, "crv is left out", dropLabel(coseCrv)).at("sctn-alg-identifier"),
	keyFault("KeyCurveWrong", "20", unusable, "crv is another curve than the algorithm's", func(e *edit, pairs []cborPair) ([]cborPair, error) {
		i, err := keyLabel(pairs, coseCrv)
		if err != nil {
			return nil, err
		}
		if other := []byte{2}; !bytes.Equal(pairs[i].value, other) {
			pairs[i].value = other
		} else {
			pairs[i].value = []byte{1}
		}
		return pairs, nil
	}).at("sctn-alg-identifier"),
	keyFault("KeyPointOffCurve", "20", unusable, "a bit of y is flipped, so that the point is not on the curve", coordinate(coseY, func(b []byte) []byte {
		b[len(b)-1] ^= 1
		return b
	})),
	keyFault("KeyPointZero", "20", unusable, "x and y are zero", func(e *edit, pairs []cborPair) ([]cborPair, error) {
		zero := func(b []byte) []byte { return make([]byte, len(b)) }
		pairs, err := coordinate(coseX, zero)(e, pairs)
		if err != nil {
			return nil, err
		}
		return coordinate(coseY, zero)(e, pairs)
	}),
	keyFault("KeyXMissing", "20", unusable, "x is left out", dropLabel(coseX)),
	keyFault("KeyYMissing", "20", unusable, "y is left out", ecOnly(dropLabel(coseY))),
	// Of a coordinate that starts with a zero the rest is the same number, and a reader
	// that fills it up has the same key: that would be another question, by chance.
	keyFault("KeyXShort", "20", unusable, "x has lost a byte, the first that is not zero", coordinate(coseX, func(b []byte) []byte {
		i := max(0, slices.IndexFunc(b, func(c byte) bool { return c != 0 }))
		return slices.Delete(b, i, i+1)
	})),
	keyFault("KeyXLong", "20", ShouldReject, "x has a zero byte in front", coordinate(coseX, func(b []byte) []byte { return append([]byte{0}, b...) })),
	keyFault("KeyXEmpty", "20", unusable, "x is empty", coordinate(coseX, func([]byte) []byte { return []byte{} })),
	keyFault("KeyXText", "20", unusable, "x is a text string", setLabel(coseX, appendCBORText(nil, "x"))),
	keyFault("KeyCompressed", "20", unusable, "y is a sign bit, the compressed form", ecOnly(func(_ *edit, pairs []cborPair) ([]cborPair, error) {
		i, err := keyLabel(pairs, coseY)
		if err != nil {
			return nil, err
		}
		y, ok := cborString(pairs[i].value, cborBytes)
		if !ok || len(y) == 0 {
			return nil, notApplicable("y is not a byte string")
		}
		pairs[i].value = appendCBORBool(nil, y[len(y)-1]&1 == 1)
		return pairs, nil
	})).at("sctn-alg-identifier"),
	keyFault("KeyExponentOther", "20", unusable, "the exponent of the RSA key is 3, in one byte", keysOf("RSA", setLabel(coseE, appendCBORBytes(nil, []byte{3})), ktyRSA)).at("sctn-alg-identifier"),
	keyFault("KeyExtraMember", "20", MayReject, "the COSE key has a kid, an optional member that must not be there", func(_ *edit, pairs []cborPair) ([]cborPair, error) {
		return slices.Insert(pairs, min(1, len(pairs)), cborPair{cborIntKey(coseKid), appendCBORBytes(nil, []byte("kid"))}), nil
	}),
	keyFault("KeyPrivatePart", "20", MayReject, "the COSE key holds the private key too", ecOnly(func(e *edit, pairs []cborPair) ([]cborPair, error) {
		k, ok := e.keys.Credential.(*ecdsa.PrivateKey)
		if !ok {
			return nil, notApplicable("the private key is not at hand")
		}
		d, err := k.Bytes()
		if err != nil {
			return nil, err
		}
		return append(pairs, cborPair{cborIntKey(coseD), appendCBORBytes(nil, d)}), nil
	})),
	keyFault("KeyTextLabels", "20", MustReject, "the labels are text: kty, alg, crv, x, y", func(_ *edit, pairs []cborPair) ([]cborPair, error) {
		names := map[int64]string{coseKty: "kty", coseAlg: "alg", coseCrv: "crv", coseX: "x", coseY: "y"}
		for i := range pairs {
			if n, ok := cborInteger(pairs[i].key); ok && names[n] != "" {
				pairs[i].key = cborTextKey(names[n])
			}
		}
		return pairs, nil
	}),
	keyFault("KeyDuplicateLabel", "20", ShouldReject, "alg stands in the COSE key twice", func(_ *edit, pairs []cborPair) ([]cborPair, error) {
		i, err := keyLabel(pairs, coseAlg)
		if err != nil {
			return nil, err
		}
		return slices.Insert(pairs, i+1, pairs[i]), nil
	}).at("sctn-conforming-all-classes"),
	keyFault("KeyReordered", "20", ShouldReject, "the labels of the COSE key are not in canonical order", func(_ *edit, pairs []cborPair) ([]cborPair, error) {
		slices.Reverse(pairs)
		return pairs, nil
	}).at("sctn-conforming-all-classes"),
	keyFault("KeyEmptyMap", "20", MustReject, "the COSE key is an empty map", func(*edit, []cborPair) ([]cborPair, error) { return nil, nil }),
	rawKeyFault("KeyNotMap", "20", MustReject, "the COSE key is an array of the same values", func(_ *edit, key []byte) ([]byte, error) {
		pairs, err := cborPairs(key)
		if err != nil {
			return nil, notApplicable("the COSE key is no longer a map: %v", err)
		}
		out := appendCBORHead(nil, cborArray, uint64(len(pairs)))
		for _, p := range pairs {
			out = append(out, p.value...)
		}
		return out, nil
	}),
	rawKeyFault("KeyBytes", "20", MustReject, "the COSE key is wrapped in a byte string", func(_ *edit, key []byte) ([]byte, error) {
		return appendCBORBytes(nil, key), nil
	}),
	rawKeyFault("KeyTruncated", "13", MustReject, "the COSE key has lost its last byte", func(_ *edit, key []byte) ([]byte, error) {
		return key[:max(0, len(key)-1)], nil
	}),
	rawKeyFault("KeyTrailing", "13", ShouldReject, "a second CBOR item stands behind the COSE key", func(_ *edit, key []byte) ([]byte, error) {
		return append(key, 0xf6), nil
	}).at(anchorAuthData),
	rawKeyFault("KeyNonMinimal", "20", ShouldReject, "kty of the COSE key is written in two bytes in place of one", func(_ *edit, key []byte) ([]byte, error) {
		if len(key) < 3 || key[1] != coseKty || key[2] > 23 {
			return nil, notApplicable("the COSE key does not start with kty")
		}
		return slices.Insert(key, 2, 0x18), nil
	}).at("sctn-conforming-all-classes"),
}
