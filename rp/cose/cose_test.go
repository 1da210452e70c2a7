package cose

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"filippo.io/mldsa"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecode(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		kind     Kind
		rules    []Rule
		fails    bool
	}{
		{name: "zero", in: "00", kind: Unsigned},
		{name: "24", in: "1818", kind: Unsigned},
		{name: "minus one", in: "20", kind: Negative},
		{name: "largest", in: "1b7fffffffffffffff", kind: Unsigned},
		{name: "least", in: "3b7fffffffffffffff", kind: Negative},
		{name: "too large", in: "1b8000000000000000", fails: true},
		{name: "all ones", in: "1bffffffffffffffff", fails: true},
		{name: "23 in two bytes", in: "1817", kind: Unsigned, rules: []Rule{ShortestForm}},
		{name: "255 in three bytes", in: "1900ff", kind: Unsigned, rules: []Rule{ShortestForm}},
		{name: "65535 in five bytes", in: "1a0000ffff", kind: Unsigned, rules: []Rule{ShortestForm}},
		{name: "2^32-1 in nine bytes", in: "1b00000000ffffffff", kind: Unsigned, rules: []Rule{ShortestForm}},
		{name: "bytes", in: "43010203", kind: Bytes},
		{name: "length in two bytes", in: "5803010203", kind: Bytes, rules: []Rule{ShortestForm}},
		{name: "bytes too short", in: "430102", fails: true},
		{name: "text", in: "6161", kind: Text},
		{name: "text that is no UTF-8", in: "61ff", fails: true},
		{name: "text in chunks", in: "7f61616162ff", kind: Text, rules: []Rule{Indefinite}},
		{name: "chunk of another kind", in: "7f4161ff", fails: true},
		{name: "chunk in chunks", in: "5f5f4101ffff", fails: true},
		{name: "chunks without end", in: "5f4101", fails: true},
		{name: "array", in: "820102", kind: Array},
		{name: "array without end", in: "9f01", fails: true},
		{name: "array of indefinite length", in: "9f01ff", kind: Array, rules: []Rule{Indefinite}},
		{name: "map", in: "a2010220 03", kind: Map},
		{name: "map out of order", in: "a220030102", kind: Map, rules: []Rule{KeyOrder}},
		{name: "longer key first", in: "a2 626161 01 6162 02", kind: Map, rules: []Rule{KeyOrder}},
		{name: "shorter key first", in: "a2 617a 01 626161 02", kind: Map},
		{name: "key twice", in: "a201020102", kind: Map, rules: []Rule{DuplicateKeys}},
		{name: "key twice, not adjacent", in: "a3010202020102", kind: Map, rules: []Rule{DuplicateKeys}},
		{name: "map of odd items", in: "bf01ff", fails: true},
		{name: "tag", in: "c100", kind: Unsigned, rules: []Rule{Tags}},
		{name: "tags without end", in: strings.Repeat("c1", 1000) + "00", fails: true},
		{name: "true", in: "f5", kind: Simple},
		{name: "half", in: "f93c00", kind: Float},
		{name: "double", in: "fb3ff0000000000000", kind: Float},
		{name: "simple value below 32", in: "f818", fails: true},
		{name: "simple value 255", in: "f8ff", kind: Simple},
		{name: "break", in: "ff", fails: true},
		{name: "reserved", in: "1c", fails: true},
		{name: "nothing", in: "", fails: true},
		{name: "trailing", in: "0000", kind: Unsigned, rules: []Rule{TrailingBytes}},
		{name: "four deep", in: "8181818100", kind: Array},
		{name: "five deep", in: "818181818100", kind: Array, rules: []Rule{Nesting}},
		{name: "very deep", in: strings.Repeat("81", 100) + "00", fails: true},
		{name: "huge array", in: "9b7fffffffffffffff", fails: true},
		{name: "huge map", in: "ba7fffffff", fails: true},
		{name: "huge string", in: "5bfffffffffffffffe", fails: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			node, violations, err := Decode(unhex(t, tc.in), 4)
			if (err != nil) != tc.fails {
				t.Fatalf("error %v", err)
			}
			if err != nil {
				var v *Violation
				if !errors.As(err, &v) || v.Rule != WellFormed {
					t.Errorf("the error is %v, want one of %s", err, WellFormed)
				}
				return
			}
			if node.Kind != tc.kind || len(violations) != len(tc.rules) {
				t.Fatalf("%s with violations %v", node.Kind, violations)
			}
			for i, v := range violations {
				if v.Rule != tc.rules[i] {
					t.Errorf("violation %v, want %s", v, tc.rules[i])
				}
			}
		})
	}
}

func TestNodeAccess(t *testing.T) {
	node, _, err := Decode(unhex(t, "a4 01 02 20 6161 6162 f5 6162 03"), 4)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := node.GetInt(-1); !ok || !v.IsText("a") {
		t.Errorf("-1 is %+v", v)
	}
	if v, ok := node.Get("b"); !ok || v.Int != 3 {
		t.Errorf("of two, Get gives %+v, want the last", v)
	}
	if _, ok := node.Get("c"); ok {
		t.Error("a key that is not there was found")
	}
	if _, ok := node.TextKeys(); ok {
		t.Error("keys that are no text were taken for text")
	}
	if _, ok := (Node{Kind: Text}).Get("b"); ok {
		t.Error("a text was taken for a map")
	}
}

func TestVerifyWith(t *testing.T) {
	message, other := []byte("message"), []byte("another message")
	ecKey, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPub, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mlKey, err := mldsa.GenerateKey(mldsa.MLDSA44())
	if err != nil {
		t.Fatal(err)
	}
	digest := func(alg int64) []byte {
		hash, _ := Hash(alg)
		h := hash.New()
		h.Write(message)
		return h.Sum(nil)
	}
	for _, tc := range []struct {
		name string
		alg  int64
		pub  any
		sign func(alg int64) ([]byte, error)
		no   []int64 // algorithms that do not belong to the key
	}{
		{"ecdsa", ES384, ecKey.Public(), func(alg int64) ([]byte, error) { return ecdsa.SignASN1(rand.Reader, ecKey, digest(alg)) }, []int64{EdDSA, RS256, MLDSA44, 1}},
		{"ed25519", EdDSA, edPub, func(int64) ([]byte, error) { return ed25519.Sign(edKey, message), nil }, []int64{ES256, RS256, MLDSA44}},
		{"rsa", RS1, rsaKey.Public(), func(alg int64) ([]byte, error) {
			hash, _ := Hash(alg)
			return rsa.SignPKCS1v15(rand.Reader, rsaKey, hash, digest(alg))
		}, []int64{ES256, EdDSA, MLDSA44}},
		{"rsa-pss", PS384, rsaKey.Public(), func(alg int64) ([]byte, error) {
			hash, _ := Hash(alg)
			return rsa.SignPSS(rand.Reader, rsaKey, hash, digest(alg), nil)
		}, nil},
		{"ml-dsa", MLDSA44, mlKey.PublicKey(), func(int64) ([]byte, error) { return mlKey.Sign(nil, message, nil) }, []int64{ES256}},
		{"unknown key", ES256, "no key", func(int64) ([]byte, error) { return nil, nil }, []int64{ES256}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sig, err := tc.sign(tc.alg)
			if err != nil {
				t.Fatal(err)
			}
			if err := VerifyWith(tc.pub, tc.alg, message, sig); (err == nil) != (tc.name != "unknown key") {
				t.Errorf("good signature: %v", err)
			}
			if tc.name != "unknown key" {
				for _, bad := range [][]byte{nil, sig[:len(sig)-1], append(bytes.Clone(sig), 0)} {
					if err := VerifyWith(tc.pub, tc.alg, message, bad); !errors.Is(err, ErrSignature) {
						t.Errorf("a signature of %d bytes: %v", len(bad), err)
					}
				}
				if err := VerifyWith(tc.pub, tc.alg, other, sig); !errors.Is(err, ErrSignature) {
					t.Errorf("another message: %v", err)
				}
			}
			for _, alg := range tc.no {
				if err := VerifyWith(tc.pub, alg, message, sig); err == nil || errors.Is(err, ErrSignature) {
					t.Errorf("algorithm %d: %v, want that it does not belong to the key", alg, err)
				}
			}
		})
	}
}

func TestEC2FromPoint(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := EC2FromPoint(point)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse(raw)
	if err != nil || parsed.Err() != nil {
		t.Fatal(err, parsed.Err())
	}
	if !key.PublicKey.Equal(parsed.Public) || parsed.Algorithm != ES256 {
		t.Errorf("parsed %+v", parsed)
	}
	theirs, err := webauthncose.ParsePublicKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	if ec, ok := theirs.(webauthncose.EC2PublicKeyData); !ok || !bytes.Equal(ec.XCoord, parsed.X) {
		t.Errorf("go-webauthn reads %+v", theirs)
	}
	for _, bad := range [][]byte{nil, point[1:], append([]byte{2}, point[1:33]...), append(bytes.Clone(point), 0)} {
		if _, err := EC2FromPoint(bad); err == nil {
			t.Errorf("a point of %d bytes was accepted", len(bad))
		}
	}
	for _, bad := range [][]byte{nil, {0x80}, {0xa0, 0}, append(bytes.Clone(raw), 0)} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%x was parsed", bad)
		}
	}
	if k, err := Parse([]byte{0xa0}); err != nil || k.Err() == nil || k.Verify(nil, nil) == nil {
		t.Error("an empty map is no usable key")
	}
}

// What Decode finds canonical, go-webauthn's decoder accepts; and what that
// one refuses, Decode refuses or finds fault with.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"a201020326", "bf01ff", "a3010202020102", "9f01ff", "818181818100", "c100", "fb3ff0000000000000", "7f61616162ff", "f818", "f7", "5803010203"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		node, violations, err := Decode(data, 5)
		var v any
		theirs := webauthncbor.Unmarshal(data, &v)
		if err == nil && len(violations) == 0 && theirs != nil && !unlike(node) {
			t.Errorf("%x is canonical here, go-webauthn says %v", data, theirs)
		}
		if err == nil && !bytes.Equal(node.Raw, data[:len(node.Raw)]) {
			t.Errorf("%x: the item's encoding is said to be %x", data, node.Raw)
		}
	})
}

// unlike tells that Go cannot hold the item in an any, which says nothing about
// its form: a map key that is a map, an array, or bytes.
func unlike(n Node) bool {
	for i, item := range n.Items {
		if unlike(item) || (n.Kind == Map && i%2 == 0 && (item.Kind == Map || item.Kind == Array || item.Kind == Bytes || item.Kind == Float)) {
			return true
		}
	}
	return false
}

func FuzzParseKey(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	raw, err := EC2FromPoint(point)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(unhex(f, "a40101032720062158200000000000000000000000000000000000000000000000000000000000000000"))
	f.Add(unhex(f, "a401030339010020430000012143010001"))
	f.Add(unhex(f, "a3010703382f2041 00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := Parse(data)
		if err != nil {
			return
		}
		if err := k.Verify([]byte("message"), []byte("no signature")); err == nil {
			t.Errorf("%x verifies a signature that is none", data)
		}
		if _, violations, _ := Decode(data, 4); k.Err() != nil || len(violations) > 0 {
			return
		}
		if k.Public == nil {
			t.Fatalf("%x has no problem and no key", data)
		}
		if k.Algorithm == MLDSA44 || k.Algorithm == MLDSA65 || k.Algorithm == MLDSA87 {
			return // from Go 1.27 on only
		}
		if _, err := webauthncose.ParsePublicKey(data); err != nil {
			t.Errorf("%x is a key here, go-webauthn says %v", data, err)
		}
	})
}
