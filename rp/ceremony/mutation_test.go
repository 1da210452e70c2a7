package ceremony

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// Every format's object, damaged at random, with and without steps left out:
// nothing panics, and with none left out nothing damaged is accepted as
// attested. The native fuzzer reaches the depth of TPM and ASN.1 structures too
// seldom, for a change anywhere in the object mostly ends at its CBOR.
func TestDamagedObjects(t *testing.T) {
	rounds := 1500
	if testing.Short() {
		rounds = 100
	}
	p := newPKI(t)
	challenge := []byte("the challenge of all these tests")
	clientData := clientDataParts{typ: "webauthn.create", challenge: b64(challenge), origin: testOrigin}
	random := rand.New(rand.NewPCG(1, 2))
	steps := Steps()
	for _, format := range []string{"packed", "packed-self", "tpm", "android-key", "apple", "fido-u2f", "android-safetynet", "compound"} {
		t.Run(format, func(t *testing.T) {
			w := newWorld(t)
			r := w.newReg(w.begin(RegistrationRequest{}), newKeyPair(t, cose.ES256))
			r.cd = clientData
			newAtt(p, format).apply(r)
			whole := r.make().AttestationObject
			for round := range rounds {
				object := bytes.Clone(whole)
				for range 1 + random.IntN(3) {
					i := random.IntN(len(object))
					switch random.IntN(4) {
					case 0:
						object[i] ^= 1 << random.IntN(8)
					case 1:
						object[i] = byte(random.IntN(256))
					case 2:
						object[i] += byte(random.IntN(5)) - 2
					case 3:
						j := random.IntN(len(object))
						n := min(1+random.IntN(8), len(object)-max(i, j))
						copy(object[i:i+n], object[j:j+n])
					}
				}
				var leaveOut []string
				for _, s := range steps {
					if s.Check && round%2 == 1 && random.IntN(3) > 0 {
						leaveOut = append(leaveOut, s.Name)
					}
				}
				w := newWorld(t, trust, func(c *Config) {
					c.LeaveOut = leaveOut
					c.Anchors.Certificates = append(c.Anchors.Certificates, p.root)
				})
				o := w.begin(RegistrationRequest{Attestation: "direct"})
				setChallenge(w.rp, o.Handle, challenge)
				cred, err := w.rp.FinishRegistration(FinishRegistration{Handle: o.Handle, Session: "s1", Response: RegistrationResponse{ID: b64(r.id), Type: "public-key", ClientDataJSON: clientData.bytes(), AttestationObject: object}})
				if err == nil && len(leaveOut) == 0 && !bytes.Equal(unsigned(format, whole, object), whole) {
					t.Errorf("round %d: damaged and accepted as %s", round, cred.AttestationType)
				}
			}
		})
	}
}

// unsigned puts back what no signature of the format covers: flags, counter
// and AAGUID under fido-u2f, and the version under android-safetynet. ESP256
// (-9) is ES256 (-7) by another name where the key is one of P-256.
func unsigned(format string, whole, object []byte) []byte {
	object = bytes.Clone(object)
	restore := func(i, n int) { copy(object[i:i+n], whole[i:i+n]) }
	if i := bytes.Index(whole, []byte("calg\x26")); i >= 0 && object[i+4] == 0x28 {
		restore(i+4, 1)
	}
	switch format {
	case "fido-u2f":
		restore(bytes.Index(whole, hashOf(testRPID))+32, 21)
	case "android-safetynet":
		restore(bytes.Index(whole, []byte("14799021")), 8)
	}
	return object
}
