package ceremony

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
	"github.com/touchstone-webauthn/touchstone/rp/metadata"
)

// regCase is a registration that violates one step: refused there, and
// accepted when just that step (and those of also) is left out.
type regCase struct {
	step    string
	at      string   // where it is refused; empty: at the step
	also    []string // what must be left out besides
	alg     int64    // 0: ES256
	config  func(*Config)
	request func(*RegistrationRequest)
	format  string // a statement of this format
	att     func(*att)
	before  func(*world, *softReg)
	edit    func(*softReg)
	stmt    func(*softReg) // after the format's
}

func flip(b []byte) []byte {
	c := bytes.Clone(b)
	c[len(c)-1] ^= 1
	return c
}

func flipMiddle(b []byte) []byte {
	c := bytes.Clone(b)
	c[len(c)/2] ^= 1
	return c
}

func object(f func(format string, statement any, authData []byte) any) func(*softReg) {
	return func(r *softReg) {
		r.object = func(format string, statement any, authData []byte) []byte { return enc(f(format, statement, authData)) }
	}
}

func editKey(f func(om) om) func(*softReg) {
	return func(r *softReg) { r.key.cose = f(slices.Clone(r.key.cose)) }
}

func direct(q *RegistrationRequest) { q.Attestation = "direct" }

func trust(c *Config) { c.Policy.RequireTrust = true }

var full = []string{"basic_full"}

// known is an RP that wants trust and has metadata of the model in use. Without
// roots of its own the entry has the RP's.
func known(e metadata.Entry) func(*Config) {
	return func(c *Config) {
		trust(c)
		e := e
		if e.Roots == nil {
			e.Roots = c.Anchors.Certificates
		}
		if e.Source == nil {
			e.Source = &metadata.Source{}
		}
		c.Metadata = metadata.Of(map[[16]byte]*metadata.Entry{[16]byte([]byte("touchstone-test!")): &e})
	}
}

func with(key string, value any) func(om) any {
	return func(m om) any {
		m = slices.Clone(m)
		for i := 0; i < len(m); i += 2 {
			if m[i] == key {
				m[i+1] = value
			}
		}
		return m
	}
}

func leafTemplate(f func(*x509.Certificate)) func(*att) {
	return func(a *att) { f(a.template) }
}

func addExtension(e pkix.Extension) func(*att) {
	return leafTemplate(func(c *x509.Certificate) { c.ExtraExtensions = append(c.ExtraExtensions, e) })
}

// versionOne makes a certificate of version 1, which Go does not make, and whose
// extensions it does not read.
func versionOne(a *att) {
	a.resign = func(template *x509.Certificate, pub crypto.PublicKey) *x509.Certificate {
		c := certificate(a.TB, template, a.inter, pub, a.interKey)
		return rewriteTBS(a, c, func(tbs []byte) []byte {
			// [0] EXPLICIT INTEGER 2 stands at the very beginning.
			return bytes.Replace(tbs, []byte{0xa0, 3, 2, 1, 2}, []byte{0xa0, 3, 2, 1, 1}, 1)
		})
	}
}

// rewriteTBS changes the body of a certificate and has the intermediate sign it again.
func rewriteTBS(a *att, c *x509.Certificate, f func([]byte) []byte) *x509.Certificate {
	tbs := f(bytes.Clone(c.RawTBSCertificate))
	sum := sha256.Sum256(tbs)
	sig, err := a.interKey.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		a.Fatal(err)
	}
	var whole struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.Raw, &whole); err != nil {
		a.Fatal(err)
	}
	whole.TBS = asn1.RawValue{FullBytes: tbs}
	whole.Signature = asn1.BitString{Bytes: sig, BitLength: 8 * len(sig)}
	der, err := asn1.Marshal(whole)
	if err != nil {
		a.Fatal(err)
	}
	again, err := x509.ParseCertificate(der)
	if err != nil {
		a.Fatal(err)
	}
	return again
}

func registrationCases() []regCase {
	cases := []regCase{
		{step: "7.1.3.type", edit: func(r *softReg) { r.response = func(p *RegistrationResponse) { p.Type = "password" } }},
		{step: "7.1.3.id", edit: func(r *softReg) {
			r.response = func(p *RegistrationResponse) { p.ID += "="; p.RawID = nil }
		}},
		{step: "7.1.3.raw-id", edit: func(r *softReg) {
			other := b64([]byte("another id"))
			r.response = func(p *RegistrationResponse) { p.RawID = &other }
		}},
		{step: "7.1.6.duplicates", edit: func(r *softReg) { r.cd.extra = `,"origin":"` + testOrigin + `"` }},
		{step: "7.1.6.token-binding", config: func(c *Config) { c.Policy.RejectMalformedTokenBinding = true }, edit: func(r *softReg) { r.cd.extra = `,"tokenBinding":{"status":"unknown"}` }},
		{step: "7.1.6.token-binding-state", config: func(c *Config) { c.Policy.Level2 = true }, edit: func(r *softReg) { r.cd.extra = `,"tokenBinding":{"status":"present","id":"AAAA"}` }},
		{step: "7.1.7", edit: func(r *softReg) { r.cd.typ = "webauthn.get" }},
		{step: "7.1.7", edit: func(r *softReg) { r.cd.typ = "webauthn.create\xff" }},
		{step: "7.1.8", edit: func(r *softReg) { r.cd.challenge = b64(make([]byte, 32)) }},
		{step: "7.1.8.session", edit: func(r *softReg) { r.session = "s2" }},
		{step: "7.1.8.kind", before: func(w *world, r *softReg) {
			o := w.beginAuth(AuthenticationRequest{Username: "alice"})
			r.handle, r.cd.challenge = o.Handle, b64(o.Challenge)
		}},
		{step: "7.1.8.single-use", before: func(w *world, r *softReg) {
			bad := *r
			bad.cd.origin = "https://elsewhere.example"
			if _, err := bad.finish(); err == nil {
				w.Fatal("the first attempt was accepted")
			}
		}},
		{step: "7.1.8.expiry", before: func(w *world, r *softReg) { w.now = w.now.Add(5 * time.Minute) }},
		{step: "7.1.9", edit: func(r *softReg) { r.cd.origin = "https://rp.example:8443" }},
		{step: "7.1.10", edit: func(r *softReg) { r.cd.extra = `,"crossOrigin":true` }},
		{step: "7.1.11.1", also: []string{"7.1.11.2"}, edit: func(r *softReg) { r.cd.extra = `,"topOrigin":"https://top.example"` }},
		{step: "7.1.11.2", config: func(c *Config) { c.TopOrigins = []string{"https://top.example"} }, edit: func(r *softReg) {
			r.cd.extra = `,"crossOrigin":true,"topOrigin":"https://other.example"`
		}},
		{step: "7.1.13.trailing-bytes", edit: func(r *softReg) {
			inner := r.object
			r.object = func(f string, s any, a []byte) []byte { return append(inner(f, s, a), 0) }
		}},
		{step: "7.1.13.duplicate-keys", edit: object(func(f string, s any, a []byte) any {
			return om{"fmt", f, "fmt", f, "attStmt", s, "authData", a}
		})},
		{step: "7.1.13.key-order", edit: object(func(f string, s any, a []byte) any {
			return om{"authData", a, "fmt", f, "attStmt", s}
		})},
		{step: "7.1.13.indefinite-length", edit: object(func(f string, s any, a []byte) any {
			b := enc(om{"fmt", f, "attStmt", s, "authData", a})
			b[0] = 0xbf
			return raw(append(b, 0xff))
		})},
		{step: "7.1.13.shortest-form", edit: object(func(f string, s any, a []byte) any {
			return om{"fmt", raw(append([]byte{0x78, byte(len(f))}, f...)), "attStmt", s, "authData", a}
		})},
		{step: "7.1.13.nesting", edit: object(func(f string, s any, a []byte) any {
			return om{"fmt", f, "attStmt", s, "authData", a, "extraMember", raw{0x81, 0x81, 0x81, 0x81, 0x81, 0}}
		})},
		{step: "7.1.13.tags", edit: object(func(f string, s any, a []byte) any {
			return om{"fmt", f, "attStmt", s, "authData", raw(append([]byte{0xc2}, enc(a)...))}
		})},
		{step: "7.1.13.attested-data", edit: func(r *softReg) { r.ad.flags &^= flagAT }},
		{step: "7.1.13.extension-data", edit: func(r *softReg) { r.ad.flags |= flagED }},
		{step: "7.1.13.length", edit: func(r *softReg) { r.ad.tail = []byte{0xa0} }},
		{step: "7.1.13.credential-id", edit: func(r *softReg) {
			other := b64([]byte("another id"))
			r.response = func(p *RegistrationResponse) { p.ID, p.RawID = other, &other }
		}},
		{step: "7.1.14", edit: func(r *softReg) { r.ad.rpIDHash = hashOf("example") }},
		{step: "7.1.15", edit: func(r *softReg) { r.ad.flags &^= flagUP }},
		{step: "7.1.16", request: func(q *RegistrationRequest) { q.Selection = &AuthenticatorSelection{UserVerification: "required"} }, edit: func(r *softReg) { r.ad.flags &^= flagUV }},
		{step: "7.1.17", edit: func(r *softReg) { r.ad.flags |= flagBS }},
		{step: "7.1.20", alg: cose.ES384, request: func(q *RegistrationRequest) { q.Algorithms = []int64{cose.ES256} }},
		{step: "7.1.20.algorithm", also: []string{"7.1.20"}, edit: editKey(func(k om) om { return append(k[:2:2], k[4:]...) })},
		{step: "7.1.20.supported", also: []string{"7.1.20"}, config: func(c *Config) { c.LeaveOut = []string{"7.1.20"} }, edit: editKey(func(k om) om { k[3] = -53; return k })},
		{step: "7.1.20.key-type", edit: editKey(func(k om) om { k[1] = 1; return k })},
		{step: "7.1.20.curve", edit: editKey(func(k om) om { k[5] = 2; return k })},
		{step: "7.1.20.no-private", edit: editKey(func(k om) om { return append(k, -4, make([]byte, 32)) })},
		{step: "7.1.20.no-optional", edit: editKey(func(k om) om { return append(om{k[0], k[1], 2, []byte("kid")}, k[2:]...) })},
		{step: "7.1.20.members", edit: editKey(func(k om) om { return k[:8] })},
		{step: "7.1.20.uncompressed", edit: editKey(func(k om) om { k[9] = k[9].([]byte)[31]&1 == 1; return k })},
		{step: "7.1.20.size", edit: editKey(func(k om) om { k[7] = append([]byte{0}, k[7].([]byte)...); return k })},
		{step: "7.1.20.point", edit: editKey(func(k om) om { k[9] = flip(k[9].([]byte)); return k })},
		{step: "7.1.20.rsa", alg: cose.RS256, edit: editKey(func(k om) om { k[7] = []byte{1}; return k })},
		{step: "7.1.21", edit: func(r *softReg) { r.format = "Packed" }},
		{step: "7.1.22", at: "8.2.self-signature", format: "packed-self", att: func(a *att) { a.sig = flip }},
		{step: "7.1.23.metadata-signature", config: known(metadata.Entry{Source: &metadata.Source{Signature: errors.New("no")}, Types: full}), format: "packed"},
		{step: "7.1.23.metadata-chain", config: known(metadata.Entry{Source: &metadata.Source{Chain: errors.New("no")}, Types: full}), format: "packed"},
		{step: "7.1.23.metadata-revoked", config: known(metadata.Entry{Source: &metadata.Source{Revoked: errors.New("no")}, Types: full}), format: "packed"},
		{step: "7.1.24.status", config: known(metadata.Entry{Types: full, Status: "REVOKED"}), format: "packed"},
		{step: "7.1.24.attestation-type", config: known(metadata.Entry{Types: full}), format: "packed-self"},
		{step: "7.1.24.algorithm", config: known(metadata.Entry{Types: full, Algorithms: []string{"ed25519_eddsa_sha512_raw"}}), format: "packed"},
		{step: "7.1.24", config: known(metadata.Entry{Types: full, Roots: []*x509.Certificate{}}), format: "packed"},
		{step: "7.1.24.none", request: direct, config: func(c *Config) { c.Policy.RefuseNone = true }},
		{step: "7.1.24.self", request: direct, format: "packed-self", config: func(c *Config) { c.Policy.RefuseSelf = true }},
		{step: "7.1.24.order", config: trust, format: "packed", att: func(a *att) {
			third := p256(a)
			deep := certificate(a.TB, caTemplate("deep"), a.inter, third.Public(), a.interKey)
			a.resign = func(t *x509.Certificate, pub crypto.PublicKey) *x509.Certificate {
				return certificate(a.TB, t, deep, pub, third)
			}
			a.chain = func(leaf *x509.Certificate) [][]byte { return [][]byte{leaf.Raw, a.inter.Raw, deep.Raw} }
		}},
		{step: "7.1.24.signatures", config: trust, format: "packed", att: func(a *att) {
			key := p256(a)
			impostor := certificate(a.TB, caTemplate("intermediate"), caTemplate("intermediate"), key.Public(), key)
			a.resign = func(t *x509.Certificate, pub crypto.PublicKey) *x509.Certificate {
				return certificate(a.TB, t, impostor, pub, key)
			}
		}},
		{step: "7.1.24.issuers", config: trust, format: "packed", att: func(a *att) {
			template := caTemplate("no CA")
			template.IsCA, template.KeyUsage = false, x509.KeyUsageDigitalSignature
			key := p256(a)
			deep := certificate(a.TB, template, a.inter, key.Public(), a.interKey)
			a.resign = func(t *x509.Certificate, pub crypto.PublicKey) *x509.Certificate {
				return certificate(a.TB, t, deep, pub, key)
			}
			a.chain = func(leaf *x509.Certificate) [][]byte { return [][]byte{leaf.Raw, deep.Raw, a.inter.Raw} }
		}},
		{step: "7.1.24.validity", config: trust, format: "packed", att: leafTemplate(func(c *x509.Certificate) { c.NotAfter = c.NotBefore.AddDate(1, 0, 0) })},
		{step: "7.1.24.critical", config: trust, format: "packed", att: addExtension(pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}})},
		{step: "7.1.24.anchor-in-chain", config: func(c *Config) { trust(c); c.Policy.RefuseAnchorInChain = true }, format: "packed", att: func(a *att) {
			a.chain = func(leaf *x509.Certificate) [][]byte { return [][]byte{leaf.Raw, a.inter.Raw, a.root.Raw} }
		}},
		{step: "7.1.24.own-root", at: "7.1.24", config: trust, format: "packed", att: ownRoot},
		{step: "7.1.24", config: trust, format: "packed", att: ownRoot},
		{step: "7.1.25", edit: func(r *softReg) { r.id = make([]byte, 1024) }},
		{step: "7.1.26", before: func(w *world, r *softReg) {
			w.register(w.addUser("bob"), newKeyPair(w, cose.ES256), func(other *softReg) { other.id = r.id })
		}},
		{step: "7.1.28", config: func(c *Config) { c.Policy.RejectUnsolicitedExtensions = true }, edit: func(r *softReg) {
			r.ad.flags |= flagED
			r.ad.ext = enc(om{"credProtect", 2})
		}},
		{step: "7.1.28.cred-protect", request: func(q *RegistrationRequest) {
			q.Extensions = map[string]json.RawMessage{"credentialProtectionPolicy": json.RawMessage(`"userVerificationRequired"`), "enforceCredentialProtectionPolicy": json.RawMessage("true")}
		}, edit: func(r *softReg) {
			r.ad.flags |= flagED
			r.ad.ext = enc(om{"credProtect", 2})
		}},
	}
	return slices.Concat(cases, packedCases(), tpmCases(), androidCases(), otherFormatCases())
}

// ownRoot sends a leaf of a CA of its own and that CA's root.
func ownRoot(a *att) {
	other := newPKI(a.TB)
	a.resign = func(t *x509.Certificate, pub crypto.PublicKey) *x509.Certificate {
		return certificate(a.TB, t, other.inter, pub, other.interKey)
	}
	a.chain = func(leaf *x509.Certificate) [][]byte { return [][]byte{leaf.Raw, other.inter.Raw, other.root.Raw} }
}

func packedCases() []regCase {
	serial, _ := asn1.Marshal([]byte("0815"))
	return []regCase{
		{step: "8.2.syntax", format: "packed", att: func(a *att) {
			a.stmt = func(m om) any { return append(slices.Clone(m), "ecdaaKeyId", []byte{1}) }
		}},
		{step: "8.2.x5c", also: []string{"8.2.self-algorithm", "8.2.self-signature"}, format: "packed", att: func(a *att) {
			a.chain = func(*x509.Certificate) [][]byte { return nil }
		}},
		{step: "8.2.signature", format: "packed", att: func(a *att) { a.sig = flipMiddle }},
		{step: "8.2.1.version", also: []string{"8.2.1.basic-constraints"}, format: "packed", att: versionOne},
		{step: "8.2.1.subject", format: "packed", att: leafTemplate(func(c *x509.Certificate) { c.Subject.OrganizationalUnit = []string{"Attestation"} })},
		{step: "8.2.1.basic-constraints", format: "packed", att: leafTemplate(func(c *x509.Certificate) { c.IsCA = true })},
		{step: "8.2.1.serial", format: "packed", att: addExtension(pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 2}, Value: serial})},
		{step: "8.2.1.aaguid-critical", format: "packed", att: addExtension(aaguidExtension([]byte("touchstone-test!"), true))},
		{step: "8.2.aaguid", format: "packed", att: addExtension(aaguidExtension([]byte("another-aaguid!!"), false))},
		{step: "8.2.self-algorithm", format: "packed-self", att: func(a *att) { a.stmt = with("alg", -8) }},
		{step: "8.2.self-signature", format: "packed-self", att: func(a *att) { a.sig = flipMiddle }},
	}
}

func tpmCases() []regCase {
	set := func(i int, b ...byte) func([]byte) []byte {
		return func(info []byte) []byte {
			info = bytes.Clone(info)
			copy(info[i:], b)
			return info
		}
	}
	return []regCase{
		{step: "8.3.syntax", format: "tpm", att: func(a *att) {
			a.stmt = func(m om) any { return append(slices.Clone(m), "ecdaaKeyId", []byte{1}) }
		}},
		{step: "8.3.version", format: "tpm", att: func(a *att) { a.stmt = with("ver", "1.2") }},
		{step: "8.3.public-key", format: "tpm", att: func(a *att) { a.pubArea = flip }},
		{step: "8.3.public-key", alg: cose.RS256, format: "tpm", att: func(a *att) { a.pubArea = flip }},
		{step: "8.3.signature", format: "tpm", att: func(a *att) { a.sig = flipMiddle }},
		{step: "8.3.1.version", also: []string{"8.3.1.subject-alternative-name", "8.3.1.extended-key-usage", "8.3.1.basic-constraints"}, format: "tpm", att: versionOne},
		{step: "8.3.1.subject", format: "tpm", att: leafTemplate(func(c *x509.Certificate) { c.Subject.CommonName = "AIK" })},
		{step: "8.3.1.subject-alternative-name", format: "tpm", att: leafTemplate(func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{tpmSAN("Touchstone", "m", "v")} })},
		{step: "8.3.1.extended-key-usage", format: "tpm", att: leafTemplate(func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil })},
		{step: "8.3.1.basic-constraints", format: "tpm", att: leafTemplate(func(c *x509.Certificate) { c.IsCA = true })},
		{step: "8.3.aaguid", format: "tpm", att: addExtension(aaguidExtension([]byte("another-aaguid!!"), false))},
		{step: "8.3.magic", format: "tpm", att: func(a *att) { a.certInfo = set(0, 0xfe) }},
		{step: "8.3.type", format: "tpm", att: func(a *att) { a.certInfo = set(4, 0x80, 0x18) }},
		{step: "8.3.extra-data", format: "tpm", att: func(a *att) { a.certInfo = set(12, 0, 0, 0, 0) }},
		{step: "8.3.name", format: "tpm", att: func(a *att) { a.certInfo = set(75, 1, 2, 3, 4) }},
	}
}

func androidCases() []regCase {
	description := func(f func(*androidDescription)) func(*att) { return func(a *att) { a.key = f } }
	all := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 600, IsCompound: true, Bytes: []byte{5, 0}}
	answer := func(key string, v any) func(*att) { return func(a *att) { a.payload = map[string]any{key: v} } }
	return []regCase{
		{step: "8.4.syntax", format: "android-key", att: func(a *att) {
			a.stmt = func(m om) any { return append(slices.Clone(m), "other", 1) }
		}},
		{step: "8.4.signature", format: "android-key", att: func(a *att) { a.sig = flipMiddle }},
		{step: "8.4.public-key", format: "android-key", att: func(a *att) { a.subjectKeySwap = true }},
		{step: "8.4.challenge", format: "android-key", att: description(func(d *androidDescription) { d.Challenge = flip(d.Challenge) })},
		{step: "8.4.all-applications", format: "android-key", att: description(func(d *androidDescription) { d.Software.All = all })},
		{step: "8.4.origin", format: "android-key", att: description(func(d *androidDescription) { d.TEE.Origin = 2 })},
		{step: "8.4.origin", format: "android-key", config: func(c *Config) { c.Policy.AndroidTEEOnly = true }, att: description(func(d *androidDescription) { d.TEE.Origin, d.Software.Origin = 99, 0 })},
		{step: "8.4.purpose", format: "android-key", att: description(func(d *androidDescription) { d.TEE.Purpose = []int{3} })},

		{step: "8.5.syntax", format: "android-safetynet", att: func(a *att) {
			a.stmt = func(m om) any { return append(slices.Clone(m), "anotherMember", 1) }
		}},
		{step: "8.5.version", format: "android-safetynet", att: func(a *att) { a.stmt = with("ver", "") }},
		{step: "8.5.signature", format: "android-safetynet", att: func(a *att) { a.sig = flipMiddle }},
		{step: "8.5.nonce", format: "android-safetynet", att: answer("nonce", base64.StdEncoding.EncodeToString(make([]byte, 32)))},
		{step: "8.5.hostname", format: "android-safetynet", att: leafTemplate(func(c *x509.Certificate) { c.DNSNames = []string{"attest.example"} })},
		{step: "8.5.cts-profile", format: "android-safetynet", att: answer("ctsProfileMatch", false)},
		{step: "8.5.timestamp", format: "android-safetynet", att: answer("timestampMs", time.Date(2026, 11, 1, 11, 58, 0, 0, time.UTC).UnixMilli())},
		{step: "8.5.timestamp", format: "android-safetynet", att: answer("timestampMs", time.Date(2026, 11, 1, 12, 2, 0, 0, time.UTC).UnixMilli())},
	}
}

func otherFormatCases() []regCase {
	return []regCase{
		{step: "8.6.syntax", format: "fido-u2f", att: func(a *att) {
			a.stmt = func(m om) any { return append(slices.Clone(m), "other", 1) }
		}},
		{step: "8.6.one-certificate", format: "fido-u2f", att: func(a *att) {
			a.chain = func(leaf *x509.Certificate) [][]byte { return [][]byte{leaf.Raw, a.inter.Raw} }
		}},
		{step: "8.6.certificate-key", format: "fido-u2f", att: func(a *att) {
			key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			if err != nil {
				a.Fatal(err)
			}
			a.leafKey = key
		}},
		{step: "8.6.zero-aaguid", format: "fido-u2f", config: func(c *Config) { c.Policy.RequireZeroU2FAAGUID = true }, stmt: func(r *softReg) { r.aaguid = []byte("touchstone-test!") }},
		{step: "8.6.public-key", also: []string{"8.6.signature"}, alg: cose.ES384, format: "fido-u2f"},
		{step: "8.6.signature", format: "fido-u2f", att: func(a *att) { a.sig = flipMiddle }},
		{step: "8.7.empty", edit: func(r *softReg) { r.statement = func([]byte, []byte) any { return om{"alg", -7} } }},
		{step: "8.8.syntax", format: "apple", att: func(a *att) {
			a.stmt = func(m om) any { return append(slices.Clone(m), "other", 1) }
		}},
		{step: "8.8.nonce", format: "apple", att: func(a *att) { a.nonceHash = flip }},
		{step: "8.8.public-key", format: "apple", att: func(a *att) { a.subjectKeySwap = true }},
		{step: "8.9.syntax", format: "compound", att: func(a *att) {
			a.stmt = func(m om) any {
				return []any{append(slices.Clone(m[0].(om)), "anotherMember", 1), m[1]}
			}
		}},
		{step: "8.9.two", format: "compound", att: func(a *att) { a.stmt = func(m om) any { return []any{m[0]} } }},
		{step: "8.9.not-nested", format: "compound", att: func(a *att) {
			a.stmt = func(m om) any { return []any{m[0], om{"fmt", "compound", "attStmt", []any{}}} }
		}},
		{step: "8.9.parts", at: "8.2.signature", format: "compound", att: func(a *att) { a.sig = flipMiddle }},
	}
}

// enact runs the case under the configuration and returns the verdict.
func (c regCase) enact(t *testing.T, leaveOut []string) (*world, *softReg, *Credential, error) {
	t.Helper()
	p := newPKI(t)
	w := newWorld(t, func(cfg *Config) { cfg.Anchors.Certificates = []*x509.Certificate{p.root} }, c.config, func(cfg *Config) {
		cfg.LeaveOut = append(cfg.LeaveOut, leaveOut...)
	})
	alg := c.alg
	if alg == 0 {
		alg = cose.ES256
	}
	req := RegistrationRequest{}
	if c.request != nil {
		c.request(&req)
	}
	r := w.newReg(w.begin(req), newKeyPair(t, alg))
	if c.edit != nil {
		c.edit(r)
	}
	if c.format != "" {
		a := newAtt(p, c.format)
		if c.att != nil {
			c.att(a)
		}
		a.apply(r)
	}
	if c.stmt != nil {
		c.stmt(r)
	}
	if c.before != nil {
		c.before(w, r)
	}
	cred, err := r.finish()
	return w, r, cred, err
}

func TestRegistrationStepsRefuseAndCanBeLeftOut(t *testing.T) {
	for _, c := range registrationCases() {
		t.Run(c.step+"/"+c.format, func(t *testing.T) {
			at := c.at
			if at == "" {
				at = c.step
			}
			w, _, _, err := c.enact(t, nil)
			wantStep(t, err, at)
			if n := len(w.rp.Credentials(w.user)); n != 0 {
				t.Errorf("%d credentials are stored after the refusal", n)
			}
			w, r, cred, err := c.enact(t, append(c.also, c.step))
			if err != nil {
				t.Fatalf("left out and still refused: %v", err)
			}
			if stored := w.rp.Credentials(w.user); len(stored) != 1 || !bytes.Equal(stored[0].ID, r.id) || !bytes.Equal(cred.ID, r.id) {
				t.Errorf("stored are %d credentials, want the one with the id %x", len(stored), r.id)
			}
		})
	}
}

// The valid twin of every format, with trust required, also with RSA and other curves where they can be.
func TestFormatsAreAccepted(t *testing.T) {
	for _, tc := range []struct {
		format string
		alg    int64
		typ    string
	}{
		{"packed", cose.ES256, "basic"}, {"packed", cose.RS256, "basic"}, {"packed", cose.MLDSA65, "basic"},
		{"packed-self", cose.ES256, "self"}, {"packed-self", cose.EdDSA, "self"}, {"packed-self", cose.MLDSA44, "self"},
		{"tpm", cose.ES256, "attca"}, {"tpm", cose.ES384, "attca"}, {"tpm", cose.ES512, "attca"}, {"tpm", cose.RS256, "attca"},
		{"android-key", cose.ES256, "basic"}, {"android-safetynet", cose.ES256, "basic"}, {"fido-u2f", cose.ES256, "basic"},
		{"apple", cose.ES256, "anonca"}, {"compound", cose.ES256, "compound"},
	} {
		t.Run(tc.format+"/"+cose.AlgorithmName(tc.alg), func(t *testing.T) {
			_, _, cred, err := regCase{format: tc.format, alg: tc.alg, config: trust, request: direct, att: func(a *att) {
				if tc.format == "android-key" && tc.alg == cose.RS256 {
					a.alg = cose.RS256
				}
			}}.enact(t, nil)
			if err != nil {
				t.Fatal(err)
			}
			if cred.AttestationType != tc.typ || cred.Trusted != (tc.format != "packed-self") {
				t.Errorf("type %s, trusted %v", cred.AttestationType, cred.Trusted)
			}
		})
	}
}

func TestTPMWithRSAAndSHA1(t *testing.T) {
	for _, alg := range []int64{cose.RS256, cose.RS1, cose.PS256} {
		if _, _, _, err := (regCase{format: "tpm", config: trust, att: func(a *att) {
			a.leafKey, a.alg = rsaTestKey(), alg
			if alg == cose.PS256 {
				a.leafKey = pssSigner{rsaTestKey()}
			}
		}}).enact(t, nil); err != nil {
			t.Errorf("%d: %v", alg, err)
		}
	}
}

type pssSigner struct{ *rsa.PrivateKey }

func (s pssSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.PrivateKey.Sign(random, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: opts.HashFunc()})
}

// authCase is the same for an assertion.
type authCase struct {
	step    string
	at      string
	also    []string
	config  func(*Config)
	request func(*AuthenticationRequest)
	reg     func(*softReg)
	before  func(*world, *softAuth)
	edit    func(*softAuth)
}

func usernameless(q *AuthenticationRequest) { q.Username = "" }

// other registers a credential of bob and lets alice's login use it.
func other(w *world, a *softAuth) {
	a.key = newKeyPair(w, cose.ES256)
	c := w.register(w.addUser("bob"), a.key)
	a.id = c.ID
	a.user = nil
}

func authenticationCases() []authCase {
	ext := func(b []byte) func(*softAuth) {
		return func(a *softAuth) {
			a.ad.flags |= flagED
			a.ad.ext = b
		}
	}
	return []authCase{
		{step: "7.2.3.type", edit: func(a *softAuth) { a.response = func(p *AuthenticationResponse) { p.Type = "" } }},
		{step: "7.2.3.id", edit: func(a *softAuth) { a.response = func(p *AuthenticationResponse) { p.ID += "="; p.RawID = nil } }},
		{step: "7.2.3.raw-id", edit: func(a *softAuth) {
			id := b64([]byte("another"))
			a.response = func(p *AuthenticationResponse) { p.RawID = &id }
		}},
		{step: "7.2.5", before: func(w *world, a *softAuth) {
			// Alice's own, but registered after the options were issued.
			a.key = newKeyPair(w, cose.ES256)
			a.id = w.register(w.user, a.key).ID
		}},
		{step: "7.2.6.known-owner", at: "7.2.5", also: []string{"7.2.5"}, before: other},
		{step: "7.2.6.known-owner", config: func(c *Config) { c.LeaveOut = []string{"7.2.5"} }, before: other},
		{step: "7.2.6.known-handle", edit: func(a *softAuth) { a.user = []byte("someone else") }},
		{step: "7.2.6.discovered-handle", request: usernameless, edit: func(a *softAuth) { a.user = nil }},
		{step: "7.2.6.discovered-owner", request: usernameless, before: func(w *world, a *softAuth) { a.user = w.addUser("bob").Handle }},
		{step: "7.2.7.duplicate-keys", edit: ext(enc(om{"a", 1, "a", 1}))},
		{step: "7.2.7.key-order", edit: ext(enc(om{"b", 1, "a", 1}))},
		{step: "7.2.7.indefinite-length", edit: ext([]byte{0xbf, 0xff})},
		{step: "7.2.7.shortest-form", edit: ext([]byte{0xa1, 0x61, 'a', 0x18, 0x01})},
		{step: "7.2.7.nesting", edit: ext([]byte{0xa1, 0x61, 'a', 0x81, 0x81, 0x81, 0x81, 0})},
		{step: "7.2.7.tags", edit: ext([]byte{0xa1, 0x61, 'a', 0xc1, 0})},
		{step: "7.2.7.no-attested-data", edit: func(a *softAuth) {
			a.ad.flags |= flagAT
			a.ad.attested = attestedData(make([]byte, 16), a.id, a.key.cose)
		}},
		{step: "7.2.7.extension-data", edit: ext(nil)},
		{step: "7.2.7.length", edit: func(a *softAuth) { a.ad.tail = []byte{0} }},
		{step: "7.2.9.duplicates", edit: func(a *softAuth) { a.cd.extra = `,"type":"webauthn.get"` }},
		{step: "7.2.9.token-binding", config: func(c *Config) { c.Policy.RejectMalformedTokenBinding = true }, edit: func(a *softAuth) { a.cd.extra = `,"tokenBinding":"present"` }},
		{step: "7.2.9.token-binding-state", config: func(c *Config) { c.Policy.Level2 = true }, edit: func(a *softAuth) { a.cd.extra = `,"tokenBinding":{"status":"present","id":"AAAA"}` }},
		{step: "7.2.10", edit: func(a *softAuth) { a.cd.typ = "webauthn.create" }},
		{step: "7.2.11", edit: func(a *softAuth) { a.cd.challenge = b64(make([]byte, 32)) }},
		{step: "7.2.11.session", edit: func(a *softAuth) { a.session = "s2" }},
		{step: "7.2.11.kind", before: func(w *world, a *softAuth) {
			o := w.begin(RegistrationRequest{})
			a.handle, a.cd.challenge = o.Handle, b64(o.Challenge)
		}},
		{step: "7.2.11.single-use", before: func(w *world, a *softAuth) {
			if _, err := a.finish(); err != nil {
				w.Fatal(err)
			}
		}},
		{step: "7.2.11.expiry", before: func(w *world, a *softAuth) { w.now = w.now.Add(5 * time.Minute) }},
		{step: "7.2.12", edit: func(a *softAuth) { a.cd.origin = "https://sub.rp.example" }},
		{step: "7.2.13", edit: func(a *softAuth) { a.cd.extra = `,"crossOrigin":true` }},
		{step: "7.2.14.1", also: []string{"7.2.14.2"}, edit: func(a *softAuth) { a.cd.extra = `,"topOrigin":"https://top.example"` }},
		{step: "7.2.14.2", config: func(c *Config) { c.TopOrigins = []string{"https://top.example"} }, edit: func(a *softAuth) { a.cd.extra = `,"topOrigin":"https://other.example"` }},
		{step: "7.2.15", edit: func(a *softAuth) { a.ad.rpIDHash = hashOf(testAppID) }},
		{step: "7.2.15", request: appID, edit: func(a *softAuth) { a.ad.rpIDHash = hashOf("https://other.example/app-id.json") }},
		{step: "7.2.15.appid", request: appID, edit: func(a *softAuth) {
			a.response = func(p *AuthenticationResponse) { p.ExtensionResults["appid"] = json.RawMessage("true") }
		}},
		{step: "7.2.16", edit: func(a *softAuth) { a.ad.flags &^= flagUP }},
		{step: "7.2.17", request: func(q *AuthenticationRequest) { q.UserVerification = "required" }, edit: func(a *softAuth) { a.ad.flags &^= flagUV }},
		{step: "7.2.18", edit: func(a *softAuth) { a.ad.flags |= flagBS }},
		{step: "7.2.19.1", reg: func(r *softReg) { r.ad.flags |= flagBE }},
		{step: "7.2.19.2", edit: func(a *softAuth) { a.ad.flags |= flagBE }},
		{step: "7.2.21", edit: func(a *softAuth) { a.sig = flipMiddle }},
		{step: "7.2.22", config: func(c *Config) { c.Policy.RejectCounterRegression = true }, reg: func(r *softReg) { r.ad.count = 5 }, edit: func(a *softAuth) { a.ad.count = 5 }},
		{step: "7.2.23", config: func(c *Config) { c.Policy.RejectUnsolicitedExtensions = true }, edit: func(a *softAuth) {
			a.response = func(p *AuthenticationResponse) { p.ExtensionResults["uvm"] = json.RawMessage("[[2,4,2]]") }
		}},
	}
}

func appID(q *AuthenticationRequest) {
	q.Extensions = map[string]json.RawMessage{"appid": json.RawMessage(`"` + testAppID + `"`)}
}

func (c authCase) enact(t *testing.T, leaveOut []string) (*world, *softAuth, *Login, error) {
	t.Helper()
	w := newWorld(t, c.config, func(cfg *Config) { cfg.LeaveOut = append(cfg.LeaveOut, leaveOut...) })
	key := newKeyPair(t, cose.ES256)
	edit := c.reg
	if edit == nil {
		edit = func(*softReg) {}
	}
	cred := w.register(w.user, key, edit)
	req := AuthenticationRequest{Username: "alice"}
	if c.request != nil {
		c.request(&req)
	}
	a := w.newAuth(w.beginAuth(req), key, cred)
	if c.edit != nil {
		c.edit(a)
	}
	if c.before != nil {
		c.before(w, a)
	}
	login, err := a.finish()
	return w, a, login, err
}

func TestAuthenticationStepsRefuseAndCanBeLeftOut(t *testing.T) {
	for _, c := range authenticationCases() {
		t.Run(c.step, func(t *testing.T) {
			at := c.at
			if at == "" {
				at = c.step
			}
			w, _, _, err := c.enact(t, nil)
			wantStep(t, err, at)
			for _, stored := range w.rp.Credentials(w.user) {
				if stored.BackupState || stored.SignCount > 5 {
					t.Errorf("the refusal changed the record: %+v", stored)
				}
			}
			_, _, login, err := c.enact(t, append(c.also, c.step))
			if err != nil {
				t.Fatalf("left out and still refused: %v", err)
			}
			if login.User == nil || login.Credential == nil {
				t.Fatalf("login without user or credential: %+v", login)
			}
		})
	}
}

// The steps with an effect on the record: left out, the record stays as it was.
func TestRecordUpdates(t *testing.T) {
	for _, leaveOut := range [][]string{nil, {"7.2.24.1"}, {"7.2.24.2"}} {
		w, a, _, err := authCase{reg: func(r *softReg) { r.ad.flags |= flagBE }, edit: func(a *softAuth) {
			a.ad.count = 9
			a.ad.flags |= flagBE | flagBS
		}}.enact(t, leaveOut)
		if err != nil {
			t.Fatal(err)
		}
		got := w.rp.Credentials(w.user)[0]
		wantCount, wantState := a.ad.count, true
		if slices.Contains(leaveOut, "7.2.24.1") {
			wantCount = 0
		}
		if slices.Contains(leaveOut, "7.2.24.2") {
			wantState = false
		}
		if got.SignCount != wantCount || got.BackupState != wantState {
			t.Errorf("left out %v: counter %d, backup state %v", leaveOut, got.SignCount, got.BackupState)
		}
	}
}

// Every step that can be left out has a case above.
func TestEveryCheckIsTested(t *testing.T) {
	tested := map[string]bool{"7.2.24.1": true, "7.2.24.2": true}
	for _, c := range registrationCases() {
		tested[c.step] = true
	}
	for _, c := range authenticationCases() {
		tested[c.step] = true
	}
	names := map[string]bool{}
	for _, s := range Steps() {
		if names[s.Name] {
			t.Errorf("two steps have the name %s", s.Name)
		}
		names[s.Name] = true
		if s.Check && !tested[s.Name] {
			t.Errorf("no case violates %s (%s)", s.Name, s.Title)
		}
		if !strings.HasPrefix(s.Anchor, "https://www.w3.org/TR/webauthn-3/#") || s.Title == "" {
			t.Errorf("%s: anchor %q, title %q", s.Name, s.Anchor, s.Title)
		}
		if s.Check && s.FrontEnd {
			t.Errorf("%s checks what happens in the page", s.Name)
		}
	}
	for name := range tested {
		if !names[name] {
			t.Errorf("a case is about %s, which is no step", name)
		}
	}
	// The numbered steps are complete and in order.
	for _, want := range []struct {
		steps  []Step
		prefix string
		n      int
	}{{RegistrationSteps(), "7.1.", 29}, {AuthenticationSteps(), "7.2.", 25}} {
		next := 1
		for _, s := range want.steps {
			number, _, _ := strings.Cut(strings.TrimPrefix(s.Name, want.prefix), ".")
			n, ok := new(big.Int).SetString(number, 10)
			if !ok || n.Int64() < int64(next-1) || n.Int64() > int64(next) {
				t.Errorf("%s is out of order", s.Name)
				continue
			}
			next = int(n.Int64()) + 1
		}
		if next != want.n+1 {
			t.Errorf("%s ends with step %d, want %d", want.prefix, next-1, want.n)
		}
	}
}
