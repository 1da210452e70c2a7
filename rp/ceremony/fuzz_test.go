package ceremony

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

func FuzzClientData(f *testing.F) {
	for _, s := range []string{
		`{"type":"webauthn.get","challenge":"AAAA","origin":"https://rp.example","crossOrigin":false}`,
		"\xef\xbb\xbf{}", `{"type":"a","type":"b"}`, `{"type":null,"topOrigin":"\ud800"}`, `[`, `{"a":1}x`, `{"type":"\u0074"}`, "{\"type\":\"\xff\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := readClientData(data)
		text := bytes.ToValidUTF8(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), []byte("\uFFFD"))
		if c.notJSON != nil {
			return
		}
		// What encoding/json reads from a map is what we read, with no doubles.
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatalf("%q is a JSON object here, and %v elsewhere", data, err)
		}
		for name, m := range map[string]member{"type": c.typ, "challenge": c.challenge, "origin": c.origin, "crossOrigin": c.crossOrigin, "topOrigin": c.topOrigin} {
			value, ok := members[name]
			if ok != m.present || (ok && !bytes.Equal(bytes.TrimSpace(value), bytes.TrimSpace(m.raw))) {
				t.Errorf("%q: %s is %q here and %q elsewhere", data, name, m.raw, value)
			}
			if s, err := m.want(name); err == nil && !utf8.ValidString(s) {
				t.Errorf("%q: %s is read as %q", data, name, s)
			}
		}
	})
}

func FuzzAuthData(f *testing.F) {
	key := newKeyPair(f, cose.ES256)
	full := authDataParts{rpIDHash: hashOf(testRPID), flags: flagUP | flagAT | flagED, attested: attestedData(make([]byte, 16), []byte("id"), key.cose), ext: enc(om{"credProtect", 2})}
	f.Add(full.bytes(), false)
	full.flags &^= flagAT
	f.Add(full.bytes(), true)
	f.Add(make([]byte, 37), false)
	f.Fuzz(func(t *testing.T, data []byte, always bool) {
		a, err := readAuthData(data, always)
		if err != nil {
			return
		}
		if a.length != nil || a.extension != nil {
			return
		}
		// The parts are the whole.
		n := minAuthData + len(a.extensions.Raw)
		if a.attested {
			n += 18 + len(a.credentialID) + len(a.key.Raw)
		}
		if n != len(data) {
			t.Errorf("%x: %d of %d bytes are accounted for", data, n, len(data))
		}
	})
}

func FuzzAttestationObject(f *testing.F) {
	f.Add(enc(om{"fmt", "none", "attStmt", om{}, "authData", make([]byte, 37)}))
	f.Add(enc(om{"fmt", "compound", "attStmt", []any{om{"fmt", "none", "attStmt", om{}}}, "authData", []byte{}}))
	f.Add([]byte{0xbf, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := readAttObj(data)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%x: %q", data, err)
			}
			return
		}
		if !utf8.ValidString(o.format) || len(o.authData) > len(data) {
			t.Errorf("%x: fmt %q, %d bytes of authData", data, o.format, len(o.authData))
		}
	})
}

// FuzzRegistration brings attestation objects of all formats to the RP, with
// steps left out at random: whatever is left out, nothing must panic.
func FuzzRegistration(f *testing.F) {
	p := newPKI(f)
	challenge := []byte("the challenge of all these tests")
	clientData := clientDataParts{typ: "webauthn.create", challenge: b64(challenge), origin: testOrigin}
	id := []byte("the credential id")
	for _, format := range []string{"packed", "packed-self", "tpm", "android-key", "apple", "fido-u2f", "android-safetynet", "compound"} {
		w := newWorld(f)
		r := w.newReg(w.begin(RegistrationRequest{}), newKeyPair(f, cose.ES256))
		r.cd, r.id = clientData, id
		newAtt(p, format).apply(r)
		resp := r.make()
		f.Add(resp.AttestationObject, uint8(0))
		f.Add(resp.AttestationObject, uint8(1))
	}
	steps := Steps()
	f.Fuzz(func(t *testing.T, object []byte, leave uint8) {
		r := rand.New(rand.NewPCG(uint64(leave), 1))
		var leaveOut []string
		for _, s := range steps {
			if s.Check && leave > 0 && r.IntN(3) > 0 {
				leaveOut = append(leaveOut, s.Name)
			}
		}
		w := newWorld(t, trust, func(c *Config) {
			c.LeaveOut = leaveOut
			c.Anchors.Certificates = append(c.Anchors.Certificates, p.root)
		})
		o := w.begin(RegistrationRequest{Attestation: "direct"})
		setChallenge(w.rp, o.Handle, challenge)
		cred, err := w.rp.FinishRegistration(FinishRegistration{Handle: o.Handle, Session: "s1", Response: RegistrationResponse{ID: b64(id), Type: "public-key", ClientDataJSON: clientData.bytes(), AttestationObject: object}})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the message is not one line: %q", err)
			}
			return
		}
		if len(w.rp.Credentials(w.user)) != 1 {
			t.Error("accepted and not stored")
		}
		// What is stored is what the authenticator data say.
		if decoded, err := readAttObj(object); err != nil || !bytes.Contains(decoded.authData, cred.ID) || !bytes.Contains(decoded.authData, cred.PublicKey) {
			t.Errorf("stored is %+v, which does not stand in %x", cred, object)
		}
	})
}

func FuzzAuthentication(f *testing.F) {
	w := newWorld(f)
	key := newKeyPair(f, cose.ES256)
	cred := w.register(w.user, key)
	a := w.newAuth(w.beginAuth(AuthenticationRequest{Username: "alice"}), key, cred).make()
	f.Add(a.ClientDataJSON, a.AuthenticatorData, a.Signature, a.UserHandle)
	f.Fuzz(func(t *testing.T, clientData, authData, sig, handle []byte) {
		w.now = w.now.Add(time.Second)
		for _, name := range []string{"alice", ""} {
			o, err := w.rp.BeginAuthentication(AuthenticationRequest{Username: name, Session: "s1"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.rp.FinishAuthentication(FinishAuthentication{Handle: o.Handle, Session: "s1", Response: AuthenticationResponse{
				ID: b64(cred.ID), Type: "public-key", ClientDataJSON: clientData, AuthenticatorData: authData, Signature: sig, UserHandle: handle,
			}}); err == nil {
				t.Error("accepted with a challenge of another ceremony")
			}
		}
	})
}
