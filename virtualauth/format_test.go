package virtualauth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-tpm/tpm2"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// TestMain makes the root of android-safetynet one of the system's, because
// go-webauthn takes its trust in that format from there.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		roots, err := virtualauth.RootsOf(virtualauth.FormatAndroidSafetyNet)
		if err != nil {
			panic(err)
		}
		folder, err := os.MkdirTemp("", "virtualauth")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(folder)
		name := filepath.Join(folder, "roots.pem")
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: roots[0].Raw}), 0o600); err != nil {
			panic(err)
		}
		os.Setenv("SSL_CERT_FILE", name)
		return m.Run()
	}())
}

// TestJudgeAcceptsFormats puts attestation of each format before the judge, for
// each algorithm that the format attests and the judge verifies.
func TestJudgeAcceptsFormats(t *testing.T) {
	for _, format := range []string{virtualauth.FormatPacked, virtualauth.FormatTPM, virtualauth.FormatAndroidSafetyNet, virtualauth.FormatCompound} {
		for _, alg := range []int64{virtualauth.ES256, virtualauth.ES384, virtualauth.RS256, virtualauth.EdDSA} {
			if format == virtualauth.FormatTPM && alg == virtualauth.EdDSA {
				continue
			}
			t.Run(format+"/"+virtualauth.AlgorithmName(alg), func(t *testing.T) {
				cfg := virtualauth.Config{Formats: []string{format}}
				j := newJudge(t)
				a := newAuthenticator(t, cfg)
				if _, err := j.register(t, page, a, virtualauth.Faults{}, direct, paramsOf(alg)); err != nil {
					t.Fatalf("registration: %v", err)
				}
				if got := j.user.credentials[0].AttestationFormat; got != format {
					t.Errorf("attestation format is %s", got)
				}
				if _, err := j.login(t, page, a, virtualauth.Faults{}); err != nil {
					t.Fatalf("authentication: %v", err)
				}
				// Made anew after an edit, the statement still verifies.
				if _, err := newJudge(t).register(t, page, newAuthenticator(t, cfg), virtualauth.Faults{ClientDataUnknownMember: true}, direct, paramsOf(alg)); err != nil {
					t.Errorf("a legal edit: %v", err)
				}
				if _, err := newJudge(t).register(t, page, newAuthenticator(t, cfg), virtualauth.Faults{OriginOtherSite: true}, direct, paramsOf(alg)); err == nil || !strings.Contains(strings.ToLower(err.Error()), "origin") {
					t.Errorf("another origin: %v", err)
				}
			})
		}
	}
}

// verifyChain verifies x5c up to the roots of a format.
func verifyChain(t *testing.T, x5c [][]byte, format string) *x509.Certificate {
	t.Helper()
	roots, err := virtualauth.RootsOf(format)
	if err != nil {
		t.Fatal(err)
	}
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, c := range roots {
		options.Roots.AddCert(c)
	}
	var certs []*x509.Certificate
	for _, der := range x5c {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		// The directory name in a TPM's alternative name is of no kind that crypto/x509 handles.
		c.UnhandledCriticalExtensions = nil
		certs = append(certs, c)
		options.Intermediates.AddCert(c)
	}
	if _, err := certs[0].Verify(options); err != nil {
		t.Errorf("the chain does not verify: %v", err)
	}
	return certs[0]
}

func extensionOf(t *testing.T, c *x509.Certificate, oid string) []byte {
	t.Helper()
	for _, e := range c.Extensions {
		if e.Id.String() == oid {
			return e.Value
		}
	}
	t.Fatalf("the certificate has no extension %s", oid)
	return nil
}

// TestCertificatesForOneResponse: android-key and apple, whose roots are the
// vendors' own to go-webauthn, by the steps of the specification.
func TestCertificatesForOneResponse(t *testing.T) {
	for _, format := range []string{virtualauth.FormatAndroidKey, virtualauth.FormatApple} {
		for _, faults := range []virtualauth.Faults{{}, {ClientDataUnknownMember: true}, {CounterHuge: true}} {
			t.Run(format+"/"+strings.Join(faults.Names(), ","), func(t *testing.T) {
				a := newAuthenticator(t, virtualauth.Config{Formats: []string{format}})
				r, err := page.Create(context.Background(), a, creationOptions("direct", virtualauth.AuthenticatorSelection{}), faults)
				if err != nil {
					t.Fatal(err)
				}
				o := decode(t, r.Response.AttestationObject)
				leaf := verifyChain(t, x5cOf(t, r.Response.AttestationObject), format)
				if !r.Credential.PrivateKey.Public().(*ecdsa.PublicKey).Equal(leaf.PublicKey) {
					t.Error("the certificate is over another key than the credential's")
				}
				hash := sha256.Sum256(r.Response.ClientDataJSON)
				if format == virtualauth.FormatApple {
					nonce := sha256.Sum256(slices.Concat(o.AuthData, hash[:]))
					if want := slices.Concat([]byte{0x30, 0x24, 0xa1, 0x22, 0x04, 0x20}, nonce[:]); !bytes.Equal(extensionOf(t, leaf, "1.2.840.113635.100.8.2"), want) {
						t.Error("the nonce is another one")
					}
					return
				}
				description := extensionOf(t, leaf, "1.3.6.1.4.1.11129.2.1.17")
				if !bytes.Contains(description, append([]byte{4, 32}, hash[:]...)) {
					t.Error("the challenge is not the client data hash")
				}
				if origin := []byte{0xbf, 0x85, 0x3e, 3, 2, 1, 0}; !bytes.Contains(description, origin) {
					t.Errorf("the key description %x does not say origin generated", description)
				}
				if !verifies(leaf.PublicKey, o.AuthData, r.Response.ClientDataJSON, signatureOf(t, o)) {
					t.Error("the signature does not verify")
				}
			})
		}
	}
}

// TestTPMStructures reads the hand-laid structures with go-tpm.
func TestTPMStructures(t *testing.T) {
	a := newAuthenticator(t, virtualauth.Config{Formats: []string{virtualauth.FormatTPM}})
	r := create(t, page, a, creationOptions("direct", virtualauth.AuthenticatorSelection{}))
	o := decode(t, r.Response.AttestationObject)
	verifyChain(t, x5cOf(t, r.Response.AttestationObject), virtualauth.FormatTPM)
	var pubArea, certInfo []byte
	if err := errors.Join(cbor.Unmarshal(o.Statement["pubArea"], &pubArea), cbor.Unmarshal(o.Statement["certInfo"], &certInfo)); err != nil {
		t.Fatal(err)
	}
	public, err := tpm2.Unmarshal[tpm2.TPMTPublic](pubArea)
	if err != nil {
		t.Fatal(err)
	}
	if again := tpm2.Marshal(public); !bytes.Equal(again, pubArea) {
		t.Errorf("pubArea is %x, and go-tpm writes %x", pubArea, again)
	}
	attest, err := tpm2.Unmarshal[tpm2.TPMSAttest](certInfo)
	if err != nil {
		t.Fatal(err)
	}
	if again := tpm2.Marshal(attest); !bytes.Equal(again, certInfo) {
		t.Errorf("certInfo is %x, and go-tpm writes %x", certInfo, again)
	}
	if r.Attestation == nil {
		t.Error("the attestation identity key is not handed out")
	}
}

// TestSafetyNetResponse reads the JWS with go-jose.
func TestSafetyNetResponse(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cfg := virtualauth.Config{Formats: []string{virtualauth.FormatAndroidSafetyNet}, Clock: func() time.Time { return now }}
	r := create(t, page, newAuthenticator(t, cfg), creationOptions("direct", virtualauth.AuthenticatorSelection{}))
	o := decode(t, r.Response.AttestationObject)
	var response []byte
	if err := cbor.Unmarshal(o.Statement["response"], &response); err != nil {
		t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(string(response), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	roots, err := virtualauth.RootsOf(virtualauth.FormatAndroidSafetyNet)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(roots[0])
	chains, err := jws.Signatures[0].Protected.Certificates(x509.VerifyOptions{Roots: pool, DNSName: "attest.android.com"})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := jws.Verify(chains[0][0].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Nonce           string
		TimestampMs     int64
		CtsProfileMatch bool
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(r.Response.ClientDataJSON)
	nonce := sha256.Sum256(slices.Concat(o.AuthData, hash[:]))
	if p.Nonce != base64.StdEncoding.EncodeToString(nonce[:]) || p.TimestampMs != now.UnixMilli() || !p.CtsProfileMatch {
		t.Errorf("payload %s", payload)
	}
	again := create(t, page, newAuthenticator(t, cfg), creationOptions("direct", virtualauth.AuthenticatorSelection{}))
	if !bytes.Equal(marshal(t, again.Response), marshal(t, r.Response)) {
		t.Error("with a fixed clock the same options make different bytes")
	}
}

// TestPackedCertificate: the batch certificate names the model, by the profile of §8.2.1.
func TestPackedCertificate(t *testing.T) {
	aaguid := [16]byte{1, 2, 3}
	a := newAuthenticator(t, virtualauth.Config{Formats: []string{virtualauth.FormatPacked}, AAGUID: aaguid})
	r := create(t, page, a, creationOptions("direct", virtualauth.AuthenticatorSelection{}))
	x5c := x5cOf(t, r.Response.AttestationObject)
	if len(x5c) != 2 {
		t.Errorf("x5c has %d certificates", len(x5c))
	}
	leaf := verifyChain(t, x5c, virtualauth.FormatPacked)
	if want := append([]byte{4, 16}, aaguid[:]...); !bytes.Equal(extensionOf(t, leaf, "1.3.6.1.4.1.45724.1.1.4"), want) {
		t.Error("the certificate names another AAGUID")
	}
	s := leaf.Subject
	if leaf.Version != 3 || leaf.IsCA || len(s.Country) != 1 || len(s.Organization) != 1 || s.OrganizationalUnit[0] != "Authenticator Attestation" {
		t.Errorf("subject %s, version %d, CA %v", s, leaf.Version, leaf.IsCA)
	}
	if !verifies(leaf.PublicKey, r.Response.AuthenticatorData, r.Response.ClientDataJSON, signatureOf(t, decode(t, r.Response.AttestationObject))) {
		t.Error("the signature does not verify")
	}
}

// TestEnterprise: the device's serial number stands in the certificate for whom
// the authenticator has burned in or the client's policy permits, where
// enterprise attestation is asked for, and nowhere else.
func TestEnterprise(t *testing.T) {
	const oid = "1.3.6.1.4.1.45724.1.1.2"
	serial := []byte("TS-0042")
	cfg := virtualauth.Config{
		Formats:    []string{virtualauth.FormatPackedSelf, virtualauth.FormatPacked},
		Enterprise: &virtualauth.Enterprise{SerialNumber: serial, RPIDs: []string{"corp.example"}},
	}
	managed := &virtualauth.Client{Origin: page.Origin, EnterpriseRPIDs: []string{"rp.example"}}
	burnt := &virtualauth.Client{Origin: "https://login.corp.example"}
	for name, c := range map[string]struct {
		client      *virtualauth.Client
		rpID        string
		conveyance  string
		names       bool
		certificate bool
	}{
		"managed":                  {managed, "rp.example", "enterprise", true, true},
		"managed, direct":          {managed, "rp.example", "direct", false, false},
		"managed, none":            {managed, "rp.example", "none", false, false},
		"burned in":                {burnt, "corp.example", "enterprise", true, true},
		"a subdomain of burned in": {burnt, "login.corp.example", "enterprise", false, false},
		"neither":                  {page, "rp.example", "enterprise", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := creationOptions(c.conveyance, virtualauth.AuthenticatorSelection{})
			o.RP.ID = c.rpID
			r := create(t, c.client, newAuthenticator(t, cfg), o)
			if !c.certificate {
				if bytes.Contains(r.Response.AttestationObject, serial) || bytes.Contains(r.Response.AttestationObject, []byte("x5c")) {
					t.Errorf("an ordinary attestation was due: %x", r.Response.AttestationObject)
				}
				return
			}
			leaf := verifyChain(t, x5cOf(t, r.Response.AttestationObject), virtualauth.FormatPacked)
			if got, want := extensionOf(t, leaf, oid), append([]byte{4, byte(len(serial))}, serial...); !bytes.Equal(got, want) {
				t.Errorf("serial number %x, not %x", got, want)
			}
			if !verifies(leaf.PublicKey, r.Response.AuthenticatorData, r.Response.ClientDataJSON, signatureOf(t, decode(t, r.Response.AttestationObject))) {
				t.Error("the signature does not verify")
			}
			// A certificate that a fault makes anew still names the device.
			f, err := c.client.Create(context.Background(), newAuthenticator(t, cfg), o, virtualauth.Faults{CertificateIsCA: true})
			if err != nil {
				t.Fatal(err)
			}
			faulty, err := x509.ParseCertificate(x5cOf(t, f.Response.AttestationObject)[0])
			if err != nil || !faulty.IsCA || !bytes.Equal(extensionOf(t, faulty, oid), extensionOf(t, leaf, oid)) {
				t.Error("the fault lost the serial number")
			}
		})
	}
	two := cfg
	two.Enterprise = &virtualauth.Enterprise{SerialNumber: []byte("TS-0043")}
	o := creationOptions("enterprise", virtualauth.AuthenticatorSelection{})
	a, b := create(t, managed, newAuthenticator(t, cfg), o), create(t, managed, newAuthenticator(t, two), o)
	if bytes.Equal(x5cOf(t, a.Response.AttestationObject)[0], x5cOf(t, b.Response.AttestationObject)[0]) {
		t.Error("two devices have one certificate")
	}
	for name, cfg := range map[string]virtualauth.Config{
		"no packed":     {Formats: []string{virtualauth.FormatTPM}, Enterprise: cfg.Enterprise},
		"no number":     {Formats: []string{virtualauth.FormatPacked}, Enterprise: &virtualauth.Enterprise{}},
		"a long number": {Formats: []string{virtualauth.FormatPacked}, Enterprise: &virtualauth.Enterprise{SerialNumber: make([]byte, 65)}},
		"U2F":           {Protocol: virtualauth.U2F, Enterprise: cfg.Enterprise},
	} {
		if _, err := virtualauth.New(cfg); err == nil {
			t.Errorf("%s: an authenticator was made", name)
		}
	}
}

// TestFormatPreference: attestationFormats picks among what the authenticator has.
func TestFormatPreference(t *testing.T) {
	cfg := virtualauth.Config{Formats: []string{virtualauth.FormatPackedSelf, virtualauth.FormatTPM}}
	for want, preferred := range map[string][]string{"packed": {"unknown"}, "tpm": {"android-key", "tpm", "packed"}} {
		o := creationOptions("direct", virtualauth.AuthenticatorSelection{})
		o.AttestationFormats = preferred
		r := create(t, page, newAuthenticator(t, cfg), o)
		var object struct {
			Format string `cbor:"fmt"`
		}
		if err := cbor.Unmarshal(r.Response.AttestationObject, &object); err != nil || object.Format != want {
			t.Errorf("%v gave %s (%v)", preferred, object.Format, err)
		}
	}
	if _, err := virtualauth.New(virtualauth.Config{Formats: []string{virtualauth.FormatTPM}, Algorithms: []int64{virtualauth.EdDSA}}); err == nil {
		t.Error("a TPM with Ed25519 was made")
	}
}

// TestRootsAreFixed: an RP can be configured with the roots before a run.
func TestRootsAreFixed(t *testing.T) {
	roots, err := virtualauth.Roots()
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, c := range roots {
		all = append(all, c.Raw...)
	}
	sum := sha256.Sum256(all)
	const want = "CFK/bqxPUQak+pNNA0EqHOac1Ed7vr9sPlXPIDvbHhw"
	if got := base64.RawStdEncoding.EncodeToString(sum[:]); got != want {
		t.Errorf("the digest of the %d roots is %s, not %s", len(roots), got, want)
	}
	for _, format := range virtualauth.Formats() {
		of, err := virtualauth.RootsOf(format)
		if err != nil || (len(of) == 0) != (format == virtualauth.FormatPackedSelf) {
			t.Errorf("%s has %d roots (%v)", format, len(of), err)
		}
	}
}
