package ctap2

import (
	"bytes"
	"testing"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// FuzzCommand: whatever is sent, the answer is a status alone or one canonical
// map, the device goes on, and it never holds a credential that it refused.
func FuzzCommand(f *testing.F) {
	cfg := everything
	cfg.Clock = newClock().time
	// What a platform sends in the course of a day is where fuzzing starts.
	l := &Link{Device: New(authenticator(f, cfg))}
	l.log = func(request, _ []byte) { f.Add(bytes.Clone(request)) }
	if err := l.SetPIN("1234"); err != nil {
		f.Fatal(err)
	}
	q := &virtualauth.MakeCredentialRequest{RP: virtualauth.RPEntity{ID: "rp.example"}, User: virtualauth.UserEntity{ID: []byte("ada")},
		PubKeyCredParams: []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: -7}}, ResidentKey: true, UserVerification: true,
		Extensions: []virtualauth.Extension{{ID: "hmac-secret", Value: boolean(true)}, {ID: "hmac-secret-mc", Value: bin(make([]byte, 32))}, {ID: "credProtect", Value: num(2)}}}
	r, err := l.MakeCredential(q)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := l.GetAssertion(&virtualauth.GetAssertionRequest{RPID: "rp.example", AllowList: only(r.Credential.ID), UserVerification: true,
		Extensions: []virtualauth.Extension{{ID: "hmac-secret", Value: bin(make([]byte, 64))}}}); err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{{4}, {7}, {8}, {0x0b}, {0x0a, 0xa1, 1, 3}, append([]byte{0x0a}, object(field(1, num(1)), field(3, num(2)), field(4, bin(make([]byte, 32))))...),
		append([]byte{0x0c}, object(field(1, num(10)), field(3, num(0)))...), append([]byte{0x0c}, object(field(2, bin(make([]byte, 20))), field(3, num(0)), field(4, num(20)))...)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		d := New(authenticator(t, cfg))
		for range 2 { // some commands mean something only the second time
			answer := d.Command(message)
			if len(answer) == 0 {
				t.Fatal("no answer")
			}
			if len(answer) > 1 {
				v, rest, ok := decodeItem(answer[1:], maxAnswerDepth)
				if answer[0] != 0 || !ok || len(rest) > 0 || v.major != majorMap {
					t.Errorf("%x is answered with %x", message, answer)
				}
			}
			if answer[0] != 0 && len(d.Authenticator().Credentials()) > 0 {
				t.Errorf("%x is refused, and a credential is there", message)
			}
		}
		if got := d.Command([]byte{CommandGetInfo}); got[0] != 0 {
			t.Errorf("after %x getInfo answers %#02x", message, got[0])
		}
	})
}

// FuzzAPDU: whatever is sent, there is a status word.
func FuzzAPDU(f *testing.F) {
	l := &Link{Device: New(authenticator(f, virtualauth.Config{Protocol: virtualauth.U2F}))}
	l.log = func(request, _ []byte) { f.Add(bytes.Clone(request)) }
	r, err := l.MakeCredential(&virtualauth.MakeCredentialRequest{RP: virtualauth.RPEntity{ID: "rp.example"}, PubKeyCredParams: []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: -7}}})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := l.GetAssertion(&virtualauth.GetAssertionRequest{RPID: "rp.example", AllowList: only(r.Credential.ID)}); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0, 3, 0, 0})
	f.Add([]byte{0, 3, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, message []byte) {
		answer := New(authenticator(t, virtualauth.Config{Protocol: virtualauth.U2F})).APDU(message)
		if len(answer) < 2 || len(answer) > 2 && !bytes.HasSuffix(answer, []byte{0x90, 0}) {
			t.Errorf("%x is answered with %x", message, answer)
		}
	})
}

// FuzzDecode: what is taken for canonical is encoded to the same bytes again.
func FuzzDecode(f *testing.F) {
	f.Add(makeParams("ada", nil))
	f.Add([]byte{0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x38, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := decode(b)
		if !ok {
			return
		}
		if again := encode(v); !bytes.Equal(again, b) {
			t.Errorf("%x becomes %x", b, again)
		}
	})
}

func encode(v item) []byte {
	switch v.major {
	case majorUint, majorNeg:
		return num(v.n)
	case majorBytes:
		return bin(v.b)
	case majorText:
		return text(string(v.b))
	case majorArray:
		var values [][]byte
		for _, e := range v.list {
			values = append(values, encode(e))
		}
		return array(values...)
	case majorMap:
		var members []member
		for _, e := range v.pairs {
			members = append(members, member{encode(e.key), encode(e.value)})
		}
		return object(members...)
	}
	return boolean(v.n == 1)
}
