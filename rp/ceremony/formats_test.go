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
	"encoding/binary"
	"encoding/json"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// pki is a root, an intermediate, and leaves on demand.
type pki struct {
	testing.TB
	rootKey, interKey *ecdsa.PrivateKey
	root, inter       *x509.Certificate
}

func p256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func certificate(t testing.TB, template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var notBefore, notAfter = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)

func caTemplate(cn string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn, Organization: []string{"Touchstone"}},
		NotBefore: notBefore, NotAfter: notAfter, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

func newPKI(t testing.TB) *pki {
	p := &pki{TB: t, rootKey: p256(t), interKey: p256(t)}
	p.root = certificate(t, caTemplate("root"), caTemplate("root"), p.rootKey.Public(), p.rootKey)
	p.inter = certificate(t, caTemplate("intermediate"), p.root, p.interKey.Public(), p.rootKey)
	return p
}

// att is a statement in the making.
type att struct {
	*pki
	format   string
	template *x509.Certificate
	leafKey  crypto.Signer // nil: P-256
	alg      int64
	chain    func(leaf *x509.Certificate) [][]byte
	resign   func(leaf *x509.Certificate, pub crypto.PublicKey) *x509.Certificate // instead of the intermediate
	sig      func([]byte) []byte
	stmt     func(om) any
	signed   func([]byte) []byte
	// TPM
	certInfo, pubArea func([]byte) []byte
	// Android
	key            func(*androidDescription)
	payload        map[string]any
	nonceHash      func([]byte) []byte
	subjectKeySwap bool
}

type androidDescription struct {
	Version   int
	Level     asn1.Enumerated
	KMVersion int
	KMLevel   asn1.Enumerated
	Challenge []byte
	Unique    []byte
	Software  androidList
	TEE       androidList
}

type androidList struct {
	Purpose []int         `asn1:"optional,explicit,tag:1,set,omitempty"`
	All     asn1.RawValue `asn1:"optional"`
	Origin  int           `asn1:"optional,explicit,tag:702,default:99"`
}

func newAtt(p *pki, format string) *att {
	a := &att{pki: p, format: format, alg: cose.ES256}
	a.template = &x509.Certificate{
		SerialNumber: big.NewInt(7), NotBefore: notBefore, NotAfter: notAfter, BasicConstraintsValid: true,
		Subject: pkix.Name{Country: []string{"AA"}, Organization: []string{"Touchstone"}, OrganizationalUnit: []string{"Authenticator Attestation"}, CommonName: "leaf"},
	}
	switch format {
	case "tpm":
		a.template.Subject = pkix.Name{}
		a.template.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{2, 23, 133, 8, 3}}
		a.template.ExtraExtensions = []pkix.Extension{tpmSAN("id:54455354", "model", "id:0001")}
	case "android-safetynet":
		a.template.Subject.CommonName = "attest.android.com"
		a.template.DNSNames = []string{"attest.android.com"}
	}
	return a
}

func tpmSAN(manufacturer, model, version string) pkix.Extension {
	attr := func(n int, v string) pkix.RelativeDistinguishedNameSET {
		return pkix.RelativeDistinguishedNameSET{{Type: asn1.ObjectIdentifier{2, 23, 133, 2, n}, Value: v}}
	}
	name, _ := asn1.Marshal(pkix.RDNSequence{attr(1, manufacturer), attr(2, model), attr(3, version)})
	value, _ := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: name}})
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: value}
}

func aaguidExtension(aaguid []byte, critical bool) pkix.Extension {
	value, _ := asn1.Marshal(aaguid)
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}, Critical: critical, Value: value}
}

func (a *att) leaf(pub crypto.PublicKey) *x509.Certificate {
	if a.resign != nil {
		return a.resign(a.template, pub)
	}
	if a.format == "fido-u2f" {
		// Only one certificate fits in x5c.
		return certificate(a.TB, a.template, a.root, pub, a.rootKey)
	}
	return certificate(a.TB, a.template, a.inter, pub, a.interKey)
}

func (a *att) x5c(leaf *x509.Certificate) [][]byte {
	if a.chain != nil {
		return a.chain(leaf)
	}
	if a.format == "fido-u2f" {
		return [][]byte{leaf.Raw}
	}
	return [][]byte{leaf.Raw, a.inter.Raw}
}

func (a *att) signWith(key crypto.Signer, message []byte) []byte {
	if a.signed != nil {
		message = a.signed(message)
	}
	hash, _ := cose.Hash(a.alg)
	h := hash.New()
	h.Write(message)
	sig, err := key.Sign(rand.Reader, h.Sum(nil), hash)
	if err != nil {
		a.Fatal(err)
	}
	if a.sig != nil {
		sig = a.sig(sig)
	}
	return sig
}

// apply makes the registration carry the statement.
func (a *att) apply(r *softReg) {
	r.format = a.format
	if a.format == "packed-self" {
		r.format = "packed"
	}
	if a.format == "fido-u2f" {
		r.aaguid = make([]byte, 16)
	}
	key := a.leafKey
	if key == nil {
		key = p256(a)
	}
	r.statement = func(authData, hash []byte) any {
		signed := slices.Concat(authData, hash)
		var s om
		switch a.format {
		case "packed":
			s = om{"alg", a.alg, "sig", a.signWith(key, signed), "x5c", a.x5c(a.leaf(key.Public()))}
		case "packed-self":
			sig := r.key.sign(signed)
			if a.sig != nil {
				sig = a.sig(sig)
			}
			s = om{"alg", r.key.alg, "sig", sig}
		case "fido-u2f":
			x, y := r.key.cose[7].([]byte), r.key.cose[9].([]byte)
			s = om{"sig", a.signWith(key, slices.Concat([]byte{0}, r.ad.rpIDHash, hash, r.id, []byte{4}, x, y)), "x5c", a.x5c(a.leaf(key.Public()))}
		case "tpm":
			s = a.tpm(r, key, signed)
		case "android-key":
			d := androidDescription{Version: 300, Level: 1, KMVersion: 300, KMLevel: 1, Challenge: hash, Unique: []byte{}}
			d.Software.Origin, d.TEE.Origin = 99, 0
			d.TEE.Purpose = []int{2}
			if a.key != nil {
				a.key(&d)
			}
			value, err := asn1.Marshal(d)
			if err != nil {
				a.Fatal(err)
			}
			a.template.ExtraExtensions = append(a.template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 17}, Value: value})
			var signer crypto.Signer = r.key.priv
			if a.subjectKeySwap {
				signer = key
			}
			s = om{"alg", a.alg, "sig", a.signWith(signer, signed), "x5c", a.x5c(a.leaf(signer.Public()))}
		case "apple":
			nonce := sha256.Sum256(signed)
			n := nonce[:]
			if a.nonceHash != nil {
				n = a.nonceHash(n)
			}
			value, err := asn1.Marshal(struct {
				Nonce []byte `asn1:"tag:1,explicit"`
			}{n})
			if err != nil {
				a.Fatal(err)
			}
			a.template.ExtraExtensions = append(a.template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 8, 2}, Value: value})
			pub := r.key.pub
			if a.subjectKeySwap {
				pub = key.Public()
			}
			s = om{"x5c", a.x5c(a.leaf(pub))}
		case "android-safetynet":
			s = a.safetyNet(r, key, signed)
		case "compound":
			parts := []any{}
			for _, f := range []string{"packed", "fido-u2f"} {
				inner := newAtt(a.pki, f)
				part := &softReg{w: r.w, key: r.key, id: r.id, ad: r.ad}
				inner.apply(part)
				if f == "packed" {
					inner.sig = a.sig
				}
				parts = append(parts, om{"fmt", f, "attStmt", part.statement(authData, hash)})
			}
			s = parts
		}
		if a.stmt != nil {
			return a.stmt(s)
		}
		if a.format == "compound" {
			return []any(s)
		}
		return s
	}
}

func (a *att) safetyNet(r *softReg, key crypto.Signer, signed []byte) om {
	nonce := sha256.Sum256(signed)
	payload := map[string]any{"nonce": base64.StdEncoding.EncodeToString(nonce[:]), "timestampMs": r.w.now.UnixMilli(), "ctsProfileMatch": true, "apkPackageName": "com.google.android.gms"}
	for k, v := range a.payload {
		payload[k] = v
	}
	body, err := json.Marshal(payload)
	if err != nil {
		a.Fatal(err)
	}
	var x5c []string
	for _, der := range a.x5c(a.leaf(key.Public())) {
		x5c = append(x5c, base64.StdEncoding.EncodeToString(der))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("x5c", x5c))
	if err != nil {
		a.Fatal(err)
	}
	jws, err := signer.Sign(body)
	if err != nil {
		a.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		a.Fatal(err)
	}
	if a.sig != nil {
		i := bytes.LastIndexByte([]byte(compact), '.') + 1
		sig, _ := base64.RawURLEncoding.DecodeString(compact[i:])
		compact = compact[:i] + b64(a.sig(sig))
	}
	return om{"ver", "14799021", "response", []byte(compact)}
}

func tpm2b(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func (a *att) tpm(r *softReg, key crypto.Signer, signed []byte) om {
	u16 := func(n ...uint16) (b []byte) {
		for _, v := range n {
			b = binary.BigEndian.AppendUint16(b, v)
		}
		return b
	}
	var pubArea []byte
	switch pub := r.key.pub.(type) {
	case *ecdsa.PublicKey:
		curve := map[int]uint16{256: 3, 384: 4, 521: 5}[pub.Curve.Params().BitSize]
		pubArea = slices.Concat(u16(0x23, 0x0b), []byte{0, 4, 0, 0}, tpm2b(nil), u16(0x10, 0x10, curve, 0x10),
			tpm2b(r.key.cose[7].([]byte)), tpm2b(r.key.cose[9].([]byte)))
	case *rsa.PublicKey:
		pubArea = slices.Concat(u16(0x01, 0x0b), []byte{0, 4, 0, 0}, tpm2b(nil), u16(0x10, 0x10, 2048), []byte{0, 0, 0, 0}, tpm2b(pub.N.Bytes()))
	default:
		a.Fatalf("no TPM holds a %T", pub)
	}
	if a.pubArea != nil {
		pubArea = a.pubArea(pubArea)
	}
	hash, _ := cose.Hash(a.alg)
	h := hash.New()
	h.Write(signed)
	sum := sha256.Sum256(pubArea)
	name := append(u16(0x0b), sum[:]...)
	certInfo := slices.Concat([]byte{0xff, 'T', 'C', 'G', 0x80, 0x17}, tpm2b(nil), tpm2b(h.Sum(nil)), make([]byte, 17), make([]byte, 8), tpm2b(name), tpm2b(nil))
	if a.certInfo != nil {
		certInfo = a.certInfo(certInfo)
	}
	return om{"alg", a.alg, "sig", a.signWith(key, certInfo), "ver", "2.0", "x5c", a.x5c(a.leaf(key.Public())), "pubArea", pubArea, "certInfo", certInfo}
}
