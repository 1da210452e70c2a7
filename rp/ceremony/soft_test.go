package ceremony

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"filippo.io/mldsa"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// A soft authenticator that writes what the tests want, right or wrong. It is
// ours and not package virtualauth so that the two halves keep apart.

type (
	om  []any  // CBOR map in this very order: key, value, ...
	raw []byte // CBOR as it is
)

func head(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	default:
		return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
	}
}

func enc(v any) []byte {
	switch v := v.(type) {
	case raw:
		return v
	case int:
		if v < 0 {
			return head(1, uint64(-1-v))
		}
		return head(0, uint64(v))
	case int64:
		return enc(int(v))
	case []byte:
		return append(head(2, uint64(len(v))), v...)
	case string:
		return append(head(3, uint64(len(v))), v...)
	case bool:
		if v {
			return []byte{0xf5}
		}
		return []byte{0xf4}
	case om:
		b := head(5, uint64(len(v)/2))
		for _, x := range v {
			b = append(b, enc(x)...)
		}
		return b
	case []any:
		b := head(4, uint64(len(v)))
		for _, x := range v {
			b = append(b, enc(x)...)
		}
		return b
	case [][]byte:
		b := head(4, uint64(len(v)))
		for _, x := range v {
			b = append(b, enc(x)...)
		}
		return b
	}
	panic(fmt.Sprintf("no CBOR for %T", v))
}

// keyPair is a credential's.
type keyPair struct {
	alg  int64
	cose om
	sign func(message []byte) []byte
	pub  crypto.PublicKey
	priv crypto.Signer
}

var rsaTestKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newKeyPair(t testing.TB, alg int64) *keyPair {
	t.Helper()
	k := &keyPair{alg: alg}
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	digest := func(m []byte) ([]byte, crypto.Hash) {
		hash, ok := cose.Hash(alg)
		if !ok {
			return m, 0
		}
		h := hash.New()
		h.Write(m)
		return h.Sum(nil), hash
	}
	signer := func(s crypto.Signer, opts crypto.SignerOpts) {
		k.priv, k.pub = s, s.Public()
		k.sign = func(m []byte) []byte {
			d, hash := digest(m)
			o := opts
			if o == nil {
				o = hash
			}
			sig, err := s.Sign(rand.Reader, d, o)
			check(err)
			return sig
		}
	}
	switch alg {
	case cose.ES256, cose.ESP256, cose.ES384, cose.ESP384, cose.ES512, cose.ESP512:
		curve, crv := elliptic.P256(), 1
		if alg == cose.ES384 || alg == cose.ESP384 {
			curve, crv = elliptic.P384(), 2
		} else if alg == cose.ES512 || alg == cose.ESP512 {
			curve, crv = elliptic.P521(), 3
		}
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		check(err)
		point, err := key.PublicKey.Bytes()
		check(err)
		size := len(point) / 2
		k.cose = om{1, 2, 3, alg, -1, crv, -2, point[1 : 1+size], -3, point[1+size:]}
		signer(key, nil)
	case cose.ES256K:
		key, err := secp256k1.GeneratePrivateKey()
		check(err)
		point := key.PubKey().SerializeUncompressed()
		k.cose = om{1, 2, 3, alg, -1, 8, -2, point[1:33], -3, point[33:]}
		k.sign = func(m []byte) []byte {
			d, _ := digest(m)
			return secpecdsa.Sign(key, d).Serialize()
		}
	case cose.EdDSA, cose.Ed25519:
		pub, key, err := ed25519.GenerateKey(rand.Reader)
		check(err)
		k.cose = om{1, 1, 3, alg, -1, 6, -2, []byte(pub)}
		signer(key, crypto.Hash(0))
	case cose.RS256, cose.RS384, cose.RS512, cose.PS256, cose.PS384, cose.PS512:
		key := rsaTestKey()
		k.cose = om{1, 3, 3, alg, -1, key.N.Bytes(), -2, []byte{1, 0, 1}}
		var opts crypto.SignerOpts
		if alg >= cose.PS512 && alg <= cose.PS256 {
			_, hash := digest(nil)
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		}
		signer(key, opts)
	case cose.MLDSA44, cose.MLDSA65, cose.MLDSA87:
		params := map[int64]mldsa.Parameters{cose.MLDSA44: mldsa.MLDSA44(), cose.MLDSA65: mldsa.MLDSA65(), cose.MLDSA87: mldsa.MLDSA87()}[alg]
		key, err := mldsa.GenerateKey(params)
		check(err)
		k.cose = om{1, 7, 3, alg, -1, key.PublicKey().Bytes()}
		signer(key, nil)
		k.sign = func(m []byte) []byte {
			sig, err := key.Sign(nil, m, nil)
			check(err)
			return sig
		}
	default:
		t.Fatalf("no key pair for %d", alg)
	}
	return k
}

// world is an RP with a clock that the test moves.
type world struct {
	testing.TB
	rp   *RP
	now  time.Time
	user *User
}

const (
	testRPID   = "rp.example"
	testOrigin = "https://rp.example"
	testAppID  = "https://rp.example/app-id.json"
)

func newWorld(t testing.TB, edits ...func(*Config)) *world {
	t.Helper()
	w := &world{TB: t, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	c := Config{
		RPID: testRPID, RPName: "Example", Origins: []string{testOrigin}, AppIDs: []string{testAppID},
		Clock: func() time.Time { return w.now },
	}
	for _, edit := range edits {
		if edit != nil {
			edit(&c)
		}
	}
	w.rp = mustNew(t, c)
	w.user = w.addUser("alice")
	return w
}

func (w *world) addUser(name string) *User {
	w.Helper()
	u, err := w.rp.AddUser(name, name, nil)
	if err != nil {
		w.Fatal(err)
	}
	return u
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// clientDataParts make clientDataJSON.
type clientDataParts struct {
	typ, challenge, origin string
	extra                  string // behind origin: `,"crossOrigin":false`
	all                    []byte // instead
}

func (c clientDataParts) bytes() []byte {
	if c.all != nil {
		return c.all
	}
	s := func(v string) string {
		b, _ := json.Marshal(v)
		return string(b)
	}
	return []byte(`{"type":` + s(c.typ) + `,"challenge":` + s(c.challenge) + `,"origin":` + s(c.origin) + c.extra + `}`)
}

// authDataParts make authenticator data.
type authDataParts struct {
	rpIDHash []byte
	flags    byte
	count    uint32
	attested []byte // aaguid, id and key, when not nil
	ext      []byte
	tail     []byte
}

func (a authDataParts) bytes() []byte {
	b := append(slices.Clone(a.rpIDHash), a.flags)
	b = binary.BigEndian.AppendUint32(b, a.count)
	return slices.Concat(b, a.attested, a.ext, a.tail)
}

func hashOf(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// softReg is a registration response in the making.
type softReg struct {
	w       *world
	o       *CreationOptions
	session string
	handle  string
	key     *keyPair
	id      []byte
	aaguid  []byte
	cd      clientDataParts
	ad      authDataParts
	format  string
	// statement makes attStmt once authenticator data and client data hash are known.
	statement func(authData, hash []byte) any
	object    func(format string, statement any, authData []byte) []byte
	response  func(*RegistrationResponse)
}

func (w *world) begin(req RegistrationRequest) *CreationOptions {
	w.Helper()
	if req.User == nil {
		req.User = w.user
	}
	if req.Session == "" {
		req.Session = "s1"
	}
	o, err := w.rp.BeginRegistration(req)
	if err != nil {
		w.Fatal(err)
	}
	return o
}

func (w *world) newReg(o *CreationOptions, key *keyPair) *softReg {
	w.Helper()
	id := make([]byte, 32)
	if _, err := rand.Read(id); err != nil {
		w.Fatal(err)
	}
	return &softReg{
		w: w, o: o, session: "s1", handle: o.Handle, key: key, id: id, aaguid: []byte("touchstone-test!"),
		cd:        clientDataParts{typ: "webauthn.create", challenge: b64(o.Challenge), origin: testOrigin, extra: `,"crossOrigin":false`},
		ad:        authDataParts{rpIDHash: hashOf(testRPID), flags: flagUP | flagUV | flagAT},
		format:    "none",
		statement: func([]byte, []byte) any { return om{} },
		object: func(format string, statement any, authData []byte) []byte {
			return enc(om{"fmt", format, "attStmt", statement, "authData", authData})
		},
	}
}

func attestedData(aaguid, id []byte, key any) []byte {
	b := slices.Clone(aaguid)
	b = binary.BigEndian.AppendUint16(b, uint16(len(id)))
	return slices.Concat(b, id, enc(key))
}

func (r *softReg) make() RegistrationResponse {
	if r.ad.attested == nil {
		r.ad.attested = attestedData(r.aaguid, r.id, r.key.cose)
	}
	cd, ad := r.cd.bytes(), r.ad.bytes()
	hash := sha256.Sum256(cd)
	id := b64(r.id)
	resp := RegistrationResponse{
		ID: id, RawID: &id, Type: "public-key", ClientDataJSON: cd, Transports: []string{"usb", "internal"},
		AttestationObject: r.object(r.format, r.statement(ad, hash[:]), ad), ExtensionResults: map[string]json.RawMessage{},
	}
	if r.response != nil {
		r.response(&resp)
	}
	return resp
}

func (r *softReg) finish() (*Credential, error) {
	return r.w.rp.FinishRegistration(FinishRegistration{Handle: r.handle, Session: r.session, Response: r.make()})
}

// register makes a plain registration of the user.
func (w *world) register(user *User, key *keyPair, edits ...func(*softReg)) *Credential {
	w.Helper()
	r := w.newReg(w.begin(RegistrationRequest{User: user}), key)
	for _, edit := range edits {
		edit(r)
	}
	c, err := r.finish()
	if err != nil {
		w.Fatalf("register: %v", err)
	}
	return c
}

// softAuth is an assertion in the making.
type softAuth struct {
	w        *world
	o        *RequestOptions
	session  string
	handle   string
	key      *keyPair
	id       []byte
	user     []byte
	cd       clientDataParts
	ad       authDataParts
	sig      func([]byte) []byte
	response func(*AuthenticationResponse)
}

func (w *world) beginAuth(req AuthenticationRequest) *RequestOptions {
	w.Helper()
	if req.Session == "" {
		req.Session = "s1"
	}
	o, err := w.rp.BeginAuthentication(req)
	if err != nil {
		w.Fatal(err)
	}
	return o
}

func (w *world) newAuth(o *RequestOptions, key *keyPair, c *Credential) *softAuth {
	return &softAuth{
		w: w, o: o, session: "s1", handle: o.Handle, key: key, id: c.ID, user: c.UserHandle,
		cd: clientDataParts{typ: "webauthn.get", challenge: b64(o.Challenge), origin: testOrigin, extra: `,"crossOrigin":false`},
		ad: authDataParts{rpIDHash: hashOf(testRPID), flags: flagUP | flagUV},
	}
}

func (a *softAuth) make() AuthenticationResponse {
	cd, ad := a.cd.bytes(), a.ad.bytes()
	hash := sha256.Sum256(cd)
	sig := a.key.sign(slices.Concat(ad, hash[:]))
	if a.sig != nil {
		sig = a.sig(sig)
	}
	id := b64(a.id)
	resp := AuthenticationResponse{ID: id, RawID: &id, Type: "public-key", ClientDataJSON: cd, AuthenticatorData: ad, Signature: sig, UserHandle: a.user, ExtensionResults: map[string]json.RawMessage{}}
	if a.response != nil {
		a.response(&resp)
	}
	return resp
}

func (a *softAuth) finish() (*Login, error) {
	return a.w.rp.FinishAuthentication(FinishAuthentication{Handle: a.handle, Session: a.session, Response: a.make()})
}
