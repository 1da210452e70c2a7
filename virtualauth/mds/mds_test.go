package mds_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-webauthn/webauthn/metadata"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
	"github.com/touchstone-webauthn/touchstone/virtualauth/fleet"
	"github.com/touchstone-webauthn/touchstone/virtualauth/mds"
)

var published = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func decoder(t *testing.T) *metadata.Decoder {
	t.Helper()
	root, err := mds.Root()
	if err != nil {
		t.Fatal(err)
	}
	d, err := metadata.NewDecoder(metadata.WithRootCertificate(base64.StdEncoding.EncodeToString(root.Raw)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestJudged puts the BLOBs to go-webauthn's own reader: it takes the good one
// with every entry, and none of those with a defect that it can see. It reads
// revocation lists from the network alone, so the two that only a list tells of
// are judged in TestRevocationLists.
func TestJudged(t *testing.T) {
	kit, err := mds.Suite(published, "")
	if err != nil {
		t.Fatal(err)
	}
	onlyListsTell := []string{string(mds.SignerRevoked), string(mds.IntermediateRevoked)}
	for name, jwt := range kit.BLOBs {
		t.Run(name, func(t *testing.T) {
			d := decoder(t)
			payload, err := d.DecodeBytes(jwt)
			if name != "good" && !slices.Contains(onlyListsTell, name) {
				if err == nil {
					t.Fatal("it was taken")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := d.Parse(payload)
			if err != nil {
				t.Fatal(err)
			}
			if want := payload.Entries; len(parsed.Parsed.Entries) != len(want) || len(want) == 0 {
				t.Errorf("%d of %d entries", len(parsed.Parsed.Entries), len(want))
			}
			if next := parsed.Parsed.NextUpdate; !next.After(published) {
				t.Errorf("the next update, %s, is not after the publication", next)
			}
		})
	}
}

// TestEntriesMatchTheFleet registers with every device that is listed and asks
// go-webauthn whether what came is what the entry says.
func TestEntriesMatchTheFleet(t *testing.T) {
	payload, err := mds.Fleet(published, nil)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := payload.Sign("", "")
	if err != nil {
		t.Fatal(err)
	}
	d := decoder(t)
	raw, err := d.DecodeBytes(blob)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := d.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for _, device := range fleet.All() {
		var entry *metadata.Entry
		for i, e := range parsed.Parsed.Entries {
			if device.Protocol == virtualauth.U2F && len(e.AttestationCertificateKeyIdentifiers) > 0 || device.Protocol == virtualauth.CTAP2 && e.AaGUID == [16]byte(device.AAGUID) {
				entry = &parsed.Parsed.Entries[i]
			}
		}
		if (entry != nil) != (device.Certification != "") {
			t.Errorf("%s: listed: %t, certification %q", device.Name, entry != nil, device.Certification)
			continue
		}
		if entry == nil {
			continue
		}
		listed++
		if got := string(entry.StatusReports[0].Status); got != device.Certification {
			t.Errorf("%s: status %s, certification %s", device.Name, got, device.Certification)
		}
		x5c := chainOf(t, device)
		if len(x5c) == 0 {
			continue // self attestation
		}
		roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
		for _, c := range entry.MetadataStatement.AttestationRootCertificates {
			roots.AddCert(c)
		}
		for _, c := range x5c[1:] {
			intermediates.AddCert(c)
		}
		leaf := x5c[0]
		leaf.UnhandledCriticalExtensions = nil // the subject alternative name of a TPM's
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, CurrentTime: published}); err != nil {
			t.Errorf("%s: its certificate and its entry: %v", device.Name, err)
		}
	}
	if listed < 9 {
		t.Errorf("only %d devices are listed", listed)
	}
}

func chainOf(t *testing.T, d fleet.Device) []*x509.Certificate {
	t.Helper()
	a, err := d.New([]byte("mds"))
	if err != nil {
		t.Fatal(err)
	}
	options := `{"rp":{"id":"rp.example","name":"RP"},"user":{"id":"dQ","name":"u","displayName":"U"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA",
		"attestation":"direct","pubKeyCredParams":[{"type":"public-key","alg":-7}]}`
	o, err := virtualauth.ParseCreationOptions([]byte(options))
	if err != nil {
		t.Fatal(err)
	}
	r, err := (&virtualauth.Client{Origin: "https://rp.example"}).Create(context.Background(), a, o, virtualauth.Faults{})
	if err != nil {
		t.Fatalf("%s: %v", d.Name, err)
	}
	return certificates(t, r.Response.AttestationObject)
}

// TestStatusReports: a device can be given another status, and only a device that is listed.
func TestStatusReports(t *testing.T) {
	p, err := mds.Fleet(published, map[string]string{"security-key": "REVOKED"})
	if err != nil {
		t.Fatal(err)
	}
	device, _ := fleet.Lookup("security-key")
	for _, e := range p.Entries {
		last := e.StatusReports[len(e.StatusReports)-1].Status
		if (last == "REVOKED") != (e.AAGUID == device.AAGUID.String()) {
			t.Errorf("%s: status %s", e.AAGUID, last)
		}
	}
	for _, name := range []string{"no-such", "synced-passkey-platform"} {
		if _, err := mds.Fleet(published, map[string]string{name: "REVOKED"}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRevocationLists: the lists are signed by whom they are for, and name the
// certificates in the BLOBs of those two defects and no other.
func TestRevocationLists(t *testing.T) {
	kit, err := mds.Suite(published, "http://127.0.0.1:8090/mds")
	if err != nil {
		t.Fatal(err)
	}
	var lists []*x509.RevocationList
	for name, der := range kit.Lists {
		l, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		lists = append(lists, l)
	}
	for name, jwt := range kit.BLOBs {
		var header struct {
			X5C [][]byte `json:"x5c"`
		}
		head, _, _ := bytes.Cut(jwt, []byte("."))
		raw, err := base64.RawURLEncoding.DecodeString(string(head))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &header); err != nil {
			t.Fatal(err)
		}
		revoked := false
		for i, der := range header.X5C {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 && !slices.Equal(c.CRLDistributionPoints, []string{"http://127.0.0.1:8090/mds/intermediate.crl"}) {
				t.Errorf("%s: the signer's revocation list is at %v", name, c.CRLDistributionPoints)
			}
			for _, l := range lists {
				for _, e := range l.RevokedCertificateEntries {
					revoked = revoked || bytes.Equal(c.RawIssuer, l.RawIssuer) && e.SerialNumber.Cmp(c.SerialNumber) == 0
				}
			}
		}
		want := name == string(mds.SignerRevoked) || name == string(mds.IntermediateRevoked)
		if revoked != want {
			t.Errorf("%s: revoked: %t", name, revoked)
		}
	}
	for _, l := range lists {
		if !bytes.Equal(l.RawIssuer, kit.Root.RawSubject) {
			continue
		}
		if err := l.CheckSignatureFrom(kit.Root); err != nil {
			t.Errorf("the root's list: %v", err)
		}
	}
}

// TestDeterminism: one time, one BLOB, in every process.
func TestDeterminism(t *testing.T) {
	a, err := mds.Suite(published, "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := mds.Suite(published, "")
	if err != nil {
		t.Fatal(err)
	}
	for name := range a.BLOBs {
		if !bytes.Equal(a.BLOBs[name], b.BLOBs[name]) {
			t.Errorf("%s: two calls, two BLOBs", name)
		}
	}
	for name := range a.Lists {
		if !bytes.Equal(a.Lists[name], b.Lists[name]) {
			t.Errorf("%s: two calls, two lists", name)
		}
	}
}

func TestModels(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mds.Models() {
		if seen[m.Name] {
			t.Errorf("two models %s", m.Name)
		}
		seen[m.Name] = true
		c := virtualauth.Config{Formats: []string{virtualauth.FormatPacked}, AlwaysAttest: true, Seed: []byte("x")}
		if err := m.Configure(&c); err != nil {
			t.Fatal(err)
		}
		if _, err := virtualauth.New(c); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	if _, err := mds.LookupModel("no-such"); err == nil || !strings.Contains(err.Error(), "listed") {
		t.Errorf("an unknown model: %v", err)
	}
}

// certificates are x5c of the statement, or of the first part of a compound one.
func certificates(t *testing.T, object []byte) []*x509.Certificate {
	t.Helper()
	var o struct {
		Format    string          `cbor:"fmt"`
		Statement cbor.RawMessage `cbor:"attStmt"`
	}
	if err := cbor.Unmarshal(object, &o); err != nil {
		t.Fatal(err)
	}
	statement := o.Statement
	if o.Format == "compound" {
		var parts []struct {
			Statement cbor.RawMessage `cbor:"attStmt"`
		}
		if err := cbor.Unmarshal(statement, &parts); err != nil {
			t.Fatal(err)
		}
		statement = parts[0].Statement
	}
	var s struct {
		X5C [][]byte `cbor:"x5c"`
	}
	if err := cbor.Unmarshal(statement, &s); err != nil {
		t.Fatal(err)
	}
	var chain []*x509.Certificate
	for _, der := range s.X5C {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, c)
	}
	return chain
}
