package virtualauth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// TestAndroidKeyAndAppleFaults puts the faults of the two formats that
// go-webauthn has vendors' roots for before the steps of the specification,
// written out here.
func TestAndroidKeyAndAppleFaults(t *testing.T) {
	for _, format := range []string{virtualauth.FormatAndroidKey, virtualauth.FormatApple} {
		for _, f := range virtualauth.AllFaults() {
			if !f.Certificates || !slices.Contains(f.Formats, format) || f.Strength == virtualauth.MayReject {
				continue
			}
			t.Run(format+"/"+f.Name, func(t *testing.T) {
				faults, err := virtualauth.ParseFaults(f.Name)
				if err != nil {
					t.Fatal(err)
				}
				a := newAuthenticator(t, virtualauth.Config{Formats: []string{format}})
				for _, tc := range []struct {
					faults virtualauth.Faults
					reject bool
				}{{virtualauth.Faults{}, false}, {faults, true}} {
					r, err := page.Create(context.Background(), a, creationOptions("direct", virtualauth.AuthenticatorSelection{}), tc.faults)
					if err != nil {
						t.Fatal(err)
					}
					if err := verifyFormat(r, format); (err != nil) != tc.reject {
						t.Errorf("%v: %v", tc.faults.Names(), err)
					}
				}
			})
		}
	}
}

// verifyFormat is the verification procedure of
// https://www.w3.org/TR/webauthn-3/#sctn-android-key-attestation and
// https://www.w3.org/TR/webauthn-3/#sctn-apple-anonymous-attestation.
func verifyFormat(r *virtualauth.Registration, format string) error {
	var o object
	if err := cbor.Unmarshal(r.Response.AttestationObject, &o); err != nil {
		return err
	}
	var x5c [][]byte
	if err := cbor.Unmarshal(o.Statement["x5c"], &x5c); err != nil {
		return err
	}
	roots, err := virtualauth.RootsOf(format)
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	options.Roots.AddCert(roots[0])
	var certs []*x509.Certificate
	for _, der := range x5c {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		certs = append(certs, c)
		options.Intermediates.AddCert(c)
	}
	leaf := certs[0]
	if _, err := leaf.Verify(options); err != nil {
		return err
	}
	if !r.Credential.PrivateKey.Public().(*ecdsa.PublicKey).Equal(leaf.PublicKey) {
		return errors.New("the certificate is over another key")
	}
	hash := sha256.Sum256(r.Response.ClientDataJSON)
	if format == virtualauth.FormatApple {
		value, err := extension509(leaf, "1.2.840.113635.100.8.2")
		if err != nil {
			return err
		}
		nonce := sha256.Sum256(slices.Concat(o.AuthData, hash[:]))
		if !bytes.Equal(value, slices.Concat([]byte{0x30, 0x24, 0xa1, 0x22, 0x04, 0x20}, nonce[:])) {
			return errors.New("the nonce is another one")
		}
		return nil
	}
	var sig []byte
	if err := cbor.Unmarshal(o.Statement["sig"], &sig); err != nil {
		return err
	}
	if !verifies(leaf.PublicKey, o.AuthData, r.Response.ClientDataJSON, sig) {
		return errors.New("the signature does not verify")
	}
	value, err := extension509(leaf, "1.3.6.1.4.1.11129.2.1.17")
	if err != nil {
		return err
	}
	return verifyKeyDescription(value, hash[:])
}

func extension509(c *x509.Certificate, oid string) ([]byte, error) {
	for _, e := range c.Extensions {
		if e.Id.String() == oid {
			return e.Value, nil
		}
	}
	return nil, fmt.Errorf("the certificate has no extension %s", oid)
}

// verifyKeyDescription reads the key description with tags of its own.
func verifyKeyDescription(der, challenge []byte) error {
	var d struct {
		Version    int
		Level      asn1.Enumerated
		KeyVersion int
		KeyLevel   asn1.Enumerated
		Challenge  []byte
		UniqueID   []byte
		Software   asn1.RawValue
		Hardware   asn1.RawValue
	}
	if rest, err := asn1.Unmarshal(der, &d); err != nil || len(rest) > 0 {
		return fmt.Errorf("key description: %d bytes behind it: %w", len(rest), err)
	}
	if !bytes.Equal(d.Challenge, challenge) {
		return errors.New("the challenge is not the client data hash")
	}
	found := map[int][]byte{}
	for _, list := range []asn1.RawValue{d.Software, d.Hardware} {
		for rest := list.Bytes; len(rest) > 0; {
			var item asn1.RawValue
			var err error
			if rest, err = asn1.Unmarshal(rest, &item); err != nil {
				return err
			}
			found[item.Tag] = item.Bytes
		}
	}
	if _, all := found[600]; all {
		return errors.New("the key is for all applications")
	}
	if !bytes.Equal(found[702], []byte{2, 1, 0}) {
		return errors.New("the key was not generated")
	}
	if !bytes.Equal(found[1], []byte{0x31, 3, 2, 1, 2}) {
		return errors.New("the key is not for signing")
	}
	return nil
}
