package virtualauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha1" //nolint:gosec // subject key identifiers are SHA-1 by RFC 5280
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cloudflare/circl/sign/ed448"
)

// The test vectors of https://www.w3.org/TR/webauthn-3/#sctn-test-vectors are
// made again here from their recipe (HKDF draws, RFC 6979 signatures, fixed
// certificate profile), with the encoders and signers of this package. They
// are compared with the specification's own bytes where TOUCHSTONE_VECTORS names
// a folder that holds them, and with digests of those bytes always.

// vectorCeremony is what one vector comes to.
type vectorCeremony struct{ clientData, attestationObject, authData, getClientData, signature []byte }

func (v vectorCeremony) digest() string {
	sum := sha256.Sum256(slices.Concat(v.clientData, v.attestationObject, v.authData, v.getClientData, v.signature))
	return hex.EncodeToString(sum[:])
}

// vectorDraws yields the draws of one vector in order.
type vectorDraws struct {
	name string
	n    byte
}

func (d *vectorDraws) draw(n int) []byte {
	dst := make([]byte, n)
	newDeriver([]byte("WebAuthn test vectors"), []byte{d.n}).expand(dst, []byte(d.name))
	d.n++
	return dst
}

func ecKey(t *testing.T, curve elliptic.Curve, b []byte) *ecdsa.PrivateKey {
	t.Helper()
	size := (curve.Params().BitSize + 7) / 8
	k, err := ecdsa.ParseRawPrivateKey(curve, append(make([]byte, size-len(b)), b...))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var vectorDigests = map[string]string{
	"none.ES256":                    "c6f58f8fcc599d38038260e40373108a8826618aa10d88cb9639990e70962d71",
	"packed-self.ES256":             "82fa67138fd484b8a84ae0a935c9dd026158a38348b74e61718bc2fed4540d46",
	"none.ES256.crossOrigin":        "490eabab3915550411034b0b5e695c4e0bc1df40f7be53ebe70f555b09aeccd1",
	"none.ES256.topOrigin":          "980ce56f3500f35a6e4082b22c3e8ae0d577a7a431d9049f9154f513eeb1e2aa",
	"none.ES256.long-credential-id": "2d6fd540ae13661054b27563f28281be13c563f51572c0461ff2ca9d487580b9",
	"packed.ES256":                  "4f09df9815fc434e8477fbd6cc92d0ea1e12c8f73707a88696cd58d7e31a687e",
	"packed.ES384":                  "a1836c373eb692fe6bf0e84c3cbdcb0d6306ff40f1e7019ccb2d7164d7f0893c",
	"packed.ES512":                  "a42047fd54df85cb16443985fb6f22e6e59f90e6ebf1b22955393fef402e9bcf",
	"packed.EdDSA":                  "e57ce59b3d598274e6fddf2ffc96f9dc7c07bb7ee2d653d2f889eda6e1011a06",
	"packed.Ed448":                  "2052ec0a88ab3f9e9f8a4f50c9de0321a152ef0971d9f2f67bcd6684fd4e07d0",
	"packed.RS256":                  "41d2b44e50be0d9b95be2362cec7499050d59d0d5651a148142e5945412f38aa",
	"tpm.ES256":                     "84cc15f59f05d40480ef13cd91d0bb9577ba1508483335efd717a8764b34076e",
	"android-key.ES256":             "ba0d89024922fd9d81ecbd57822b3c0a613e9ddbd406d33ca3879b1c1e3aa862",
	"apple.ES256":                   "30987347cfd02bdd1151a8c4fd2a6caa51eceb603717c4101a962b211c303db8",
	"fido-u2f.ES256":                "3d0a2be0e2e198a6f5f375f41dad23333d692af103216a7709ec6741415b389f",
}

func makeVector(t *testing.T, name string, ca *identity) vectorCeremony {
	t.Helper()
	const rpID, pageOrigin = "example.org", "https://example.org"
	d := &vectorDraws{name: name}
	challengeSize := 32
	if name == "packed.ES512" {
		challengeSize = 128
	}
	challenge := d.draw(challengeSize)

	alg := algorithmOf(ES256)
	var key crypto.Signer
	switch name {
	case "packed.ES384":
		alg, key = algorithmOf(ES384), ecKey(t, elliptic.P384(), d.draw(48))
	case "packed.ES512":
		alg, key = algorithmOf(ES512), ecKey(t, elliptic.P521(), d.draw(65))
	case "packed.RS256":
		// 2^1279 - 1 and 2^2203 - 1, in place of a draw.
		one := big.NewInt(1)
		k, err := rsaKey(new(big.Int).Sub(new(big.Int).Lsh(one, 1279), one), new(big.Int).Sub(new(big.Int).Lsh(one, 2203), one))
		if err != nil {
			t.Fatal(err)
		}
		alg, key = algorithmOf(RS256), k
	case "packed.Ed448":
		alg, key = ed448Algorithm, ed448.NewKeyFromSeed(d.draw(ed448.SeedSize))
	case "packed.EdDSA":
		alg, key = algorithmOf(EdDSA), ed25519.NewKeyFromSeed(d.draw(32))
	default:
		key = ecKey(t, elliptic.P256(), d.draw(32))
	}
	cross, top := name == "none.ES256.crossOrigin" || name == "none.ES256.topOrigin", ""
	if name == "none.ES256.topOrigin" {
		top = "https://example.com"
	}
	extra := func() string {
		if d.draw(1)[0]&1 == 0 {
			return ""
		}
		return `,"extraData":"clientDataJSON may be extended with additional fields in the future, such as this: ` +
			base64.RawURLEncoding.EncodeToString(d.draw(16)) + `"`
	}
	var v vectorCeremony
	v.clientData = clientDataJSON(typeCreate, challenge, pageOrigin, cross, top, extra())

	a := &authData{attested: true, aaguid: d.draw(16)}
	idSize := 32
	if name == "none.ES256.long-credential-id" {
		idSize = 1023
	}
	a.credentialID = d.draw(idSize)
	a.flags = FlagUP | FlagAT
	if name != "fido-u2f.ES256" {
		a.flags |= d.draw(1)[0] & (FlagUV | FlagBE | FlagBS)
		if a.flags&FlagBE == 0 {
			a.flags &^= FlagBS
		}
	}
	rpIDHash := sha256.Sum256([]byte(rpID))
	a.rpIDHash = rpIDHash[:]
	var err error
	if a.key, err = alg.cose(nil, key.Public()); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(v.clientData)
	authBytes := a.append(nil)

	format, statement := "none", emptyMap
	switch name {
	case "packed-self.ES256":
		format = "packed"
		statement, _, err = packedSelf(&statementInput{authData: authBytes, clientDataHash: hash[:], key: key, algorithm: alg.id})
	case "packed.ES256", "packed.ES384", "packed.ES512", "packed.EdDSA", "packed.Ed448", "packed.RS256":
		format = "packed"
		leaf := vectorLeaf(t, d, ca, nil)
		var sig []byte
		sig, err = signOver(leaf.key, ES256, authBytes, hash[:], nil)
		statement = packedStatement(ES256, sig, leaf.chain())
	case "tpm.ES256":
		format = "tpm"
		leaf := vectorLeaf(t, d, ca, nil,
			pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: []byte{0x30, 7, 6, 5, 0x67, 0x81, 5, 8, 3}},
			pkix.Extension{Id: oidSubjectAltName, Critical: true, Value: vectorAltName(t)})
		pubArea, perr := tpmPubArea(key.Public(), 1<<18)
		if perr != nil {
			t.Fatal(perr)
		}
		extraData := sha256.Sum256(slices.Concat(authBytes, hash[:]))
		certInfo := tpmCertInfo(nil, extraData[:], pubArea, nil, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x22, 0x22, 0x33}, 0)
		var sig []byte
		sig, err = algorithmOf(ES256).sign(leaf.key, certInfo, nil)
		statement = tpmStatement(sig, leaf.chain(), pubArea, certInfo)
	case "android-key.ES256":
		format = "android-key"
		description := slices.Concat([]byte{0x30, 0x43, 2, 2, 1, 0x2c, 10, 1, 0, 2, 1, 0, 10, 1, 0, 4, 32}, hash[:],
			[]byte{4, 0, 0x30, 0, 0x30, 0x0e, 0xa1, 5, 0x31, 3, 2, 1, 2, 0xbf, 0x85, 0x3e, 3, 2, 1, 0})
		leaf := vectorLeaf(t, d, ca, key, pkix.Extension{Id: oidKeyDescription, Value: description})
		var sig []byte
		sig, err = signOver(key, ES256, authBytes, hash[:], nil)
		statement = packedStatement(ES256, sig, leaf.chain())
	case "apple.ES256":
		format = "apple"
		nonce := sha256.Sum256(slices.Concat(authBytes, hash[:]))
		extension, perr := appleNonceExtension(nonce[:])
		if perr != nil {
			t.Fatal(perr)
		}
		statement = appendX5C([]byte{0xa1}, vectorLeaf(t, d, ca, key, extension).chain())
	case "fido-u2f.ES256":
		format = "fido-u2f"
		leaf := vectorLeaf(t, d, ca, nil)
		point, perr := ecPoint(key.Public())
		if perr != nil {
			t.Fatal(perr)
		}
		var sig []byte
		sig, err = signU2F(leaf.key, a.rpIDHash, hash[:], a.credentialID, point)
		statement = u2fStatement(sig, leaf.chain())
	}
	if err != nil {
		t.Fatal(err)
	}
	v.attestationObject = attestationObject(format, statement, authBytes)

	challenge = d.draw(challengeSize)
	v.getClientData = clientDataJSON(typeGet, challenge, pageOrigin, cross, top, extra())
	g := &authData{rpIDHash: rpIDHash[:], flags: FlagUP | a.flags&FlagBE | d.draw(1)[0]&(FlagUV|FlagBS)}
	if name == "fido-u2f.ES256" {
		g.flags = FlagUP
	}
	if g.flags&FlagBE == 0 {
		g.flags &^= FlagBS
	}
	v.authData = g.append(nil)
	hash = sha256.Sum256(v.getClientData)
	if v.signature, err = alg.sign(key, slices.Concat(v.authData, hash[:]), nil); err != nil {
		t.Fatal(err)
	}
	return v
}

// vectorName is a subject of the vectors' certificates: in the specification's order.
func vectorName(t *testing.T, unit string) []byte {
	t.Helper()
	var rdn pkix.RDNSequence
	for _, p := range []struct {
		attribute, tag int
		text           string
	}{{3, asn1.TagUTF8String, "WebAuthn test vectors"}, {10, asn1.TagUTF8String, "W3C"}, {11, asn1.TagUTF8String, unit}, {6, asn1.TagPrintableString, "AA"}} {
		rdn = append(rdn, pkix.RelativeDistinguishedNameSET{{
			Type: asn1.ObjectIdentifier{2, 5, 4, p.attribute}, Value: asn1.RawValue{Tag: p.tag, Bytes: []byte(p.text)},
		}})
	}
	der, err := asn1.Marshal(rdn)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// vectorAltName names a TPM of vendor zero.
func vectorAltName(t *testing.T) []byte {
	t.Helper()
	utf8String := func(s string) asn1.RawValue { return asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(s)} }
	name, err := asn1.Marshal(pkix.RDNSequence{{
		{Type: oidTPMManufacturer, Value: utf8String("id:00000000")},
		{Type: oidTPMVersion, Value: utf8String("id:00000000")},
		{Type: oidTPMModel, Value: utf8String("WebAuthn test vectors")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	names, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: name}})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func vectorKeyID(t *testing.T, k *ecdsa.PrivateKey) []byte {
	t.Helper()
	point, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha1.Sum(point) //nolint:gosec // see above
	return sum[:]
}

var (
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidSubjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidAuthorityKeyID   = asn1.ObjectIdentifier{2, 5, 29, 35}
)

func vectorTemplate(t *testing.T, serial []byte, unit string) *x509.Certificate {
	t.Helper()
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		RawSubject:   vectorName(t, unit),
		NotBefore:    time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(3024, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

func vectorCA(t *testing.T) *identity {
	t.Helper()
	d := &vectorDraws{name: "Attestation CA"}
	k := ecKey(t, elliptic.P256(), d.draw(32))
	template := vectorTemplate(t, d.draw(16), "Authenticator Attestation CA")
	template.ExtraExtensions = []pkix.Extension{
		{Id: oidBasicConstraints, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}},
		{Id: oidKeyUsage, Critical: true, Value: []byte{3, 2, 1, 6}},
		{Id: oidSubjectKeyID, Value: append([]byte{4, 20}, vectorKeyID(t, k)...)},
	}
	cert, err := issue(template, &k.PublicKey, nil, k)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{key: k, cert: cert}
}

// vectorLeaf is an attestation certificate: over the credential key where one
// is given, else over a key that is drawn.
func vectorLeaf(t *testing.T, d *vectorDraws, ca *identity, credential crypto.Signer, extensions ...pkix.Extension) *identity {
	t.Helper()
	k, ok := credential.(*ecdsa.PrivateKey)
	if !ok {
		k = ecKey(t, elliptic.P256(), d.draw(32))
	}
	template := vectorTemplate(t, d.draw(16), "Authenticator Attestation")
	template.ExtraExtensions = []pkix.Extension{
		{Id: oidBasicConstraints, Critical: true, Value: []byte{0x30, 0}},
		{Id: oidKeyUsage, Critical: true, Value: []byte{3, 2, 7, 0x80}},
		{Id: oidSubjectKeyID, Value: append([]byte{4, 20}, vectorKeyID(t, k)...)},
		{Id: oidAuthorityKeyID, Value: append([]byte{0x30, 22, 0x80, 20}, vectorKeyID(t, ca.key)...)},
	}
	template.ExtraExtensions = append(template.ExtraExtensions, extensions...)
	if d.name == "tpm.ES256" {
		template.RawSubject = []byte{0x30, 0}
	}
	cert, err := issue(template, &k.PublicKey, ca, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{key: k, cert: cert}
}

func TestVectors(t *testing.T) {
	ca := vectorCA(t)
	for name, digest := range vectorDigests {
		t.Run(name, func(t *testing.T) {
			if got := makeVector(t, name, ca).digest(); got != digest {
				t.Errorf("the digest of %s is %s, not %s", name, got, digest)
			}
		})
	}
}

func TestVectorsAgainstSpecification(t *testing.T) {
	folder := os.Getenv("TOUCHSTONE_VECTORS")
	if folder == "" {
		t.Skip("optional: TOUCHSTONE_VECTORS does not name a folder with webauthn3-test-vectors.json; TestVectors compares digests instead")
	}
	raw, err := os.ReadFile(filepath.Join(folder, "webauthn3-test-vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	type part struct{ Fields map[string]string }
	var vectors []struct {
		Name                         string
		TrustRoot                    part `json:"trust_root"`
		Registration, Authentication part
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	ca := vectorCA(t)
	seen := 0
	for _, spec := range vectors {
		if spec.Name == "Attestation CA" {
			if got := hex.EncodeToString(ca.cert.Raw); got != spec.TrustRoot.Fields["attestation_ca_cert"] {
				t.Errorf("the root is\n%s, not\n%s", got, spec.TrustRoot.Fields["attestation_ca_cert"])
			}
		}
		if _, ours := vectorDigests[spec.Name]; !ours {
			continue
		}
		seen++
		v := makeVector(t, spec.Name, ca)
		for _, p := range []struct {
			what string
			got  []byte
			want string
		}{
			{"client data", v.clientData, spec.Registration.Fields["clientDataJSON"]},
			{"attestation object", v.attestationObject, spec.Registration.Fields["attestationObject"]},
			{"authenticator data", v.authData, spec.Authentication.Fields["authenticatorData"]},
			{"client data of the assertion", v.getClientData, spec.Authentication.Fields["clientDataJSON"]},
			{"signature", v.signature, spec.Authentication.Fields["signature"]},
		} {
			if hex.EncodeToString(p.got) != p.want {
				t.Errorf("%s: the %s is\n%x, not\n%s", spec.Name, p.what, p.got, p.want)
			}
		}
	}
	if seen != len(vectorDigests) {
		t.Errorf("only %d of %d vectors are in the specification's list", seen, len(vectorDigests))
	}
}

// TestPRFVectors makes the outputs of the prf vectors again from their recipe
// (https://www.w3.org/TR/webauthn-3/#sctn-test-vectors-extensions-prf), and
// their encryption under PIN/UV auth protocol two from the printed vector.
func TestPRFVectors(t *testing.T) {
	seed := []byte("WebAuthn PRF test vectors")
	of := func(n byte) []byte {
		sum := sha256.Sum256(append(slices.Clip(seed), n))
		return sum[:]
	}
	salts := append(prfSalt(append(slices.Clip(seed), 2)), prfSalt(append(slices.Clip(seed), 3))...)
	plain := hmacOutputs(of(6), salts)
	sum := sha256.Sum256(append(slices.Clone(salts), plain...))
	const digest = "105793293907a02d6517ae572fa3a7203a06fca013bdd504812c9e6c6c5b939b"
	if got := hex.EncodeToString(sum[:]); got != digest {
		t.Errorf("the digest of salts and outputs is %s, not %s", got, digest)
	}
	folder := os.Getenv("TOUCHSTONE_VECTORS")
	if folder == "" {
		return
	}
	raw, err := os.ReadFile(filepath.Join(folder, "webauthn3-test-vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name   string
		Fields map[string]string
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		if v.Name != "prf.hmac-secret.pin2.two-input" {
			continue
		}
		field := func(name string) []byte {
			b, err := hex.DecodeString(v.Fields[name])
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		if !slices.Equal(salts, append(field("salt1"), field("salt2")...)) || !slices.Equal(plain, append(field("output1"), field("output2")...)) {
			t.Error("the salts or outputs are not the specification's")
		}
		want := field("output_enc")
		if !slices.Equal(sealCBC(field("shared_secret")[32:], want[:16], plain), want) {
			t.Error("the encrypted outputs are not the specification's")
		}
		return
	}
	t.Error("the specification's list has no prf vector")
}
