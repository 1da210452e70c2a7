package attestation

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// The procedures are tested from package ceremony, where whole registrations
// are made; here are the parsers inside them.

func TestFormats(t *testing.T) {
	for _, format := range Formats() {
		if !Supported(format) {
			t.Errorf("%s is listed and not supported", format)
		}
		for _, other := range []string{strings.ToUpper(format), format + " ", ""} {
			if Supported(other) {
				t.Errorf("%q is supported", other)
			}
			_, err := Verify(Input{Format: other})
			var refused *Error
			if !errors.As(err, &refused) || refused.Step != "8" {
				t.Errorf("%q: %v", other, err)
			}
		}
	}
	// The steps follow the sections of §8.
	last := ""
	for _, s := range Steps() {
		if section := s.Name[:3]; section < last {
			t.Errorf("%s stands behind section %s", s.Name, last)
		} else {
			last = section
		}
	}
	if last != "8.9" {
		t.Errorf("the last section is %s", last)
	}
}

func TestReadAuthorizations(t *testing.T) {
	list := func(content ...byte) asn1.RawValue {
		return asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSequence, IsCompound: true, Bytes: content}
	}
	for _, tc := range []struct {
		name  string
		in    asn1.RawValue
		want  authorizations
		fails bool
	}{
		{name: "empty", in: list()},
		{name: "purposes", in: list(0xa1, 8, 0x31, 6, 2, 1, 2, 2, 1, 3), want: authorizations{purposes: []int{2, 3}}},
		{name: "all applications", in: list(0xbf, 0x84, 0x58, 2, 5, 0), want: authorizations{allApplications: true}},
		{name: "origin", in: list(0xbf, 0x85, 0x3e, 3, 2, 1, 0), want: authorizations{origins: []int{0}}},
		{name: "unknown entry", in: list(0xa2, 3, 2, 1, 3)},
		{name: "no sequence", in: asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true}, fails: true},
		{name: "entry of another class", in: list(2, 1, 3), fails: true},
		{name: "purpose is no set", in: list(0xa1, 3, 2, 1, 2), fails: true},
		{name: "origin is text", in: list(0xbf, 0x85, 0x3e, 3, 0x0c, 1, 'a'), fails: true},
		{name: "cut off", in: list(0xbf, 0x85), fails: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := readAuthorizations(tc.in)
			if (err != nil) != tc.fails {
				t.Fatal(err)
			}
			if err == nil && (!slices.Equal(got.purposes, tc.want.purposes) || !slices.Equal(got.origins, tc.want.origins) || got.allApplications != tc.want.allApplications) {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func withExtension(oid asn1.ObjectIdentifier, value []byte) *x509.Certificate {
	return &x509.Certificate{Extensions: []pkix.Extension{{Id: oid, Value: value}}}
}

func TestTPMNames(t *testing.T) {
	if _, err := tpmNames(&x509.Certificate{}); err == nil {
		t.Error("a certificate without Subject Alternative Name was accepted")
	}
	// Both shapes occur: one attribute a set, and all in one set.
	attr := func(last byte, v string) []byte {
		inner := slices.Concat([]byte{6, 5, 0x67, 0x81, 5, 2, last, 0x0c, byte(len(v))}, []byte(v))
		return append([]byte{0x30, byte(len(inner))}, inner...)
	}
	wrap := func(tag byte, b ...[]byte) []byte {
		all := slices.Concat(b...)
		return append([]byte{tag, byte(len(all))}, all...)
	}
	m, mo, v := attr(1, "id:54455354"), attr(2, "model"), attr(3, "id:1")
	for name, sets := range map[string][]byte{
		"one each": slices.Concat(wrap(0x31, m), wrap(0x31, mo), wrap(0x31, v)),
		"in one":   wrap(0x31, m, mo, v),
	} {
		got, err := tpmNames(withExtension(oidSubjectAltName, wrap(0x30, wrap(0xa4, wrap(0x30, sets)))))
		if err != nil || got[oidTPMManufacturer.String()] != "id:54455354" || got[oidTPMModel.String()] != "model" || got[oidTPMVersion.String()] != "id:1" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for s, want := range map[string]bool{"id:54455354": true, "id:5445535": false, "54455354": false, "id:5445535g": false, "": false} {
		if isVendorID(s) != want {
			t.Errorf("vendor id %q: %v", s, !want)
		}
	}
}

// FuzzParsers brings bytes to the parsers of ASN.1, TPM and JWS. None may
// panic, go-tpm's and go-jose's included.
func FuzzParsers(f *testing.F) {
	f.Add([]byte{0x30, 0}, []byte{0, 0x23, 0, 0x0b, 0, 4, 0, 0, 0, 0, 0, 0x10, 0, 0x10, 0, 3, 0, 0x10, 0, 0, 0, 0}, []byte{0xff, 'T', 'C', 'G', 0x80, 0x17, 0, 0, 0, 0})
	f.Add([]byte{0x30, 4, 0xa4, 2, 0x30, 0}, []byte{0, 1, 0, 0x0b}, []byte("e30.e30.AAAA"))
	f.Fuzz(func(t *testing.T, der, pubArea, certInfo []byte) {
		key, err := cose.Parse([]byte{0xa0})
		if err != nil {
			t.Fatal(err)
		}
		for _, oid := range []asn1.ObjectIdentifier{oidAndroidKey, oidAppleNonce, oidSubjectAltName, oidAAGUID} {
			st := &statement{chain: []*x509.Certificate{withExtension(oid, der)}, Input: Input{Key: key}}
			if readKeyDescription(st) == nil {
				_ = st.authorized("origin", 0, func(a authorizations) []int { return a.origins })
			}
			_ = readAppleNonce(st)
			_, _ = tpmNames(st.leaf())
			for _, s := range aaguidSteps("", "") {
				_ = s.check(st)
			}
		}
		st := &statement{Input: Input{Key: key}}
		st.Statement = cose.Node{Kind: cose.Map, Items: []cose.Node{
			{Kind: cose.Text, Bytes: []byte("pubArea")}, {Kind: cose.Bytes, Bytes: pubArea},
			{Kind: cose.Text, Bytes: []byte("certInfo")}, {Kind: cose.Bytes, Bytes: certInfo},
			{Kind: cose.Text, Bytes: []byte("response")}, {Kind: cose.Bytes, Bytes: certInfo},
		}}
		if err := readTPM(st); err == nil {
			if checkPubArea(st) == nil {
				t.Error("a key that is none is that of pubArea")
			}
			_ = checkTPMAttestedName(st)
			if !bytes.Equal(st.tpm.rawPubArea, pubArea) {
				t.Error("pubArea changed")
			}
		}
		if err := readSafetyNet(st); err == nil && len(st.chain) == 0 {
			t.Error("a SafetyNet answer without certificates was read")
		}
	})
}
