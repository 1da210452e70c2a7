package ctap2

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

func statusOf(t testing.TB, err error) virtualauth.Status {
	t.Helper()
	if err == nil {
		return statusOK
	}
	var s virtualauth.Status
	if !errors.As(err, &s) {
		t.Fatalf("%v is no status", err)
	}
	return s
}

// changePIN is the platform's side of changePIN.
func changePIN(l *Link, pin string) error {
	p := l.protocol()
	shared, key, err := l.agree()
	if err != nil {
		return err
	}
	padded := make([]byte, 64)
	copy(padded, pin)
	sealed := p.encrypt(shared, l.draw(16, "vector"), padded)
	old := p.encrypt(shared, l.draw(16, "vector"), hashPIN([]byte(l.PIN)))
	_, err = l.call(CommandClientPIN, object(field(1, num(int64(p))), field(2, num(4)), field(3, key), field(4, bin(p.authenticate(shared, slices.Concat(sealed, old)))), field(5, bin(sealed)), field(6, bin(old))))
	return err
}

// TestPIN: setting, changing, retries and both kinds of lockout, under both protocols.
func TestPIN(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		l := &Link{Device: New(authenticator(t, virtualauth.Config{ResidentKeys: true})), Protocol: protocol}
		want := func(what string, err error, s virtualauth.Status) {
			t.Helper()
			if got := statusOf(t, err); got != s {
				t.Errorf("protocol %d: %s: status %#02x, want %#02x", protocol, what, byte(got), byte(s))
			}
		}
		retries := func(n int64, cycle bool) {
			t.Helper()
			v := do(t, l.Device, CommandClientPIN, object(field(2, num(1))), statusOK)
			c, _ := v.at(4)
			if got := must(t, v, 3).n; got != n || (c.n == 1) != cycle {
				t.Errorf("protocol %d: %d retries, power cycle %t; want %d, %t", protocol, got, c.n == 1, n, cycle)
			}
		}
		token := func() error { _, err := l.tokenFor(permissionManagement, "", []byte{1}); return err }
		want("a token without a PIN", token(), statusPINNotSet)
		want("three characters", l.SetPIN("äöü"), statusPINPolicy) // and not six, the number of bytes
		want("64 bytes", l.SetPIN(string(bytes.Repeat([]byte("1"), 64))), statusPINPolicy)
		want("set", l.SetPIN("1234"), statusOK)
		want("set twice", l.SetPIN("5678"), statusPINAuthInvalid)
		want("token", token(), statusOK)
		want("change", changePIN(l, "äöüß"), statusOK)
		l.PIN = "äöüß"
		want("token by the new PIN", token(), statusOK)
		do(t, l.Device, CommandMakeCredential, makeParams("ada", map[int64][]byte{8: bin(nil), 9: num(1)}), statusPINInvalid)
		do(t, l.Device, CommandMakeCredential, makeParams("ada", map[int64][]byte{7: residentOptions()}), statusPUATRequired)
		l.PIN = "wrong"
		want("wrong", token(), statusPINInvalid)
		retries(7, false)
		want("wrong", token(), statusPINInvalid)
		want("wrong a third time", token(), statusPINAuthBlocked)
		retries(5, true)
		l.PIN = "äöüß"
		want("right, while blocked", token(), statusPINAuthBlocked)
		l.Device.PowerCycle()
		want("right", token(), statusOK)
		retries(8, false)
		l.PIN = "wrong"
		for i := range 7 {
			if i%2 == 0 {
				l.Device.PowerCycle()
			}
			want("wrong", token(), statusPINInvalid)
		}
		l.Device.PowerCycle()
		want("the last one", token(), statusPINBlocked)
		l.PIN = "äöüß"
		want("right, too late", token(), statusPINBlocked)
		want("change, too late", changePIN(l, "5678"), statusPINBlocked)
		l.Device.PowerCycle()
		do(t, l.Device, CommandReset, nil, statusOK)
		retries(8, false)
		want("set after a reset", l.SetPIN("4321"), statusOK)
	}
}

// TestTokens: permissions, RP binding, and how long a token lasts.
func TestTokens(t *testing.T) {
	c := newClock()
	cfg := virtualauth.Config{ResidentKeys: true, Clock: c.time}
	l := &Link{Device: New(authenticator(t, cfg))}
	d := l.Device
	if err := l.SetPIN("1234"); err != nil {
		t.Fatal(err)
	}
	sign := func(permission byte, rpID string) []byte {
		t.Helper()
		s, err := l.tokenFor(permission, rpID, hash[:])
		if err != nil {
			t.Fatal(err)
		}
		return bin(s)
	}
	with := func(param []byte) map[int64][]byte { return map[int64][]byte{8: param, 9: num(2)} }
	s := sign(permissionMakeCredential, "rp.example")
	v := do(t, d, CommandMakeCredential, makeParams("ada", with(s)), statusOK)
	if flags := must(t, v, 2).b[32]; flags != virtualauth.FlagUP|virtualauth.FlagUV|virtualauth.FlagAT {
		t.Errorf("flags %#02x", flags)
	}
	do(t, d, CommandMakeCredential, makeParams("ada", with(s)), statusPINAuthInvalid) // a touch spends it
	do(t, d, CommandMakeCredential, makeParams("ada", with(sign(permissionGetAssertion, "rp.example"))), statusPINAuthInvalid)
	do(t, d, CommandMakeCredential, makeParams("ada", with(sign(permissionMakeCredential, "other.example"))), statusPINAuthInvalid)
	s = sign(permissionMakeCredential, "rp.example")
	c.advance(31 * time.Second)
	do(t, d, CommandMakeCredential, makeParams("ada", with(s)), statusPINAuthInvalid)
	id := d.Authenticator().Credentials()[0].ID
	s = sign(permissionGetAssertion, "rp.example")
	silent := map[int64][]byte{3: array(descriptor(id)), 5: option("up", false), 6: s, 7: num(2)}
	v = do(t, d, CommandGetAssertion, getParams(silent), statusOK)
	if flags := must(t, v, 2).b[32]; flags != virtualauth.FlagUV {
		t.Errorf("flags %#02x", flags)
	}
	c.advance(time.Minute)
	do(t, d, CommandGetAssertion, getParams(silent), statusOK) // no touch, and in use
	c.advance(10 * time.Minute)
	do(t, d, CommandGetAssertion, getParams(silent), statusPINAuthInvalid)
	for permission, want := range map[byte]virtualauth.Status{
		permissionMakeCredential: statusMissingParameter, permissionBioEnrollment: statusUnauthorized, permissionConfig: statusUnauthorized,
		permissionLargeBlobWrite: statusUnauthorized, 0: statusInvalidParameter, permissionManagement: statusOK,
	} {
		if _, err := l.tokenFor(permission, "", hash[:]); statusOf(t, err) != want {
			t.Errorf("permission %#02x: %v, want %#02x", permission, err, byte(want))
		}
	}
}

// TestBuiltInVerification: tokens by the device's own verification, and its retries.
func TestBuiltInVerification(t *testing.T) {
	token := func(l *Link) error {
		_, key, err := l.agree()
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.call(CommandClientPIN, object(field(1, num(2)), field(2, num(6)), field(3, key), field(9, num(1)), field(0x0a, text("rp.example"))))
		return err
	}
	if got := statusOf(t, token(&Link{Device: New(authenticator(t, everything))})); got != statusOK {
		t.Errorf("status %#02x", byte(got))
	}
	cfg := everything
	cfg.VerificationFails = true
	l := &Link{Device: New(authenticator(t, cfg))}
	for i, want := range []virtualauth.Status{statusUVInvalid, statusUVInvalid, statusUVInvalid, statusUVInvalid, statusUVBlocked, statusUVBlocked} {
		if got := statusOf(t, token(l)); got != want {
			t.Errorf("try %d: status %#02x, want %#02x", i, byte(got), byte(want))
		}
	}
	if n := must(t, do(t, l.Device, CommandClientPIN, object(field(2, num(7))), statusOK), 5).n; n != 0 {
		t.Errorf("%d retries are left", n)
	}
}

// TestPINAtTheClient: a client over a link with a PIN has the user verified.
func TestPINAtTheClient(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		a := authenticator(t, virtualauth.Config{ResidentKeys: true})
		l := &Link{Device: New(a), Protocol: protocol}
		if err := l.SetPIN("1234"); err != nil {
			t.Fatal(err)
		}
		page := &virtualauth.Client{Origin: "https://rp.example", Link: func(*virtualauth.Authenticator) virtualauth.Link { return l }}
		o := &virtualauth.CreationOptions{RP: virtualauth.RPEntity{Name: "RP"}, User: virtualauth.UserEntity{ID: []byte("ada"), Name: "ada"}, Challenge: []byte("c"),
			AuthenticatorSelection: virtualauth.AuthenticatorSelection{ResidentKey: "required", UserVerification: "required"}}
		r, err := page.Create(context.Background(), a, o, virtualauth.Faults{})
		if err != nil {
			t.Fatal(err)
		}
		g, err := page.Get(context.Background(), a, &virtualauth.RequestOptions{Challenge: []byte("d"), UserVerification: "required"}, virtualauth.Faults{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Response.AuthenticatorData[32]&virtualauth.FlagUV == 0 || g.Response.AuthenticatorData[32]&virtualauth.FlagUV == 0 {
			t.Error("the user is not verified")
		}
		if _, err := page.Create(context.Background(), a, o, virtualauth.Faults{IgnorePubKeyCredParams: true}); !errors.Is(err, virtualauth.ErrNotApplicable) {
			t.Errorf("disobedience over messages: %v", err)
		}
	}
}

// TestCredentialManagement: metadata, both enumerations, renaming and deletion.
func TestCredentialManagement(t *testing.T) {
	cfg := everything
	cfg.UserVerification = false
	l := &Link{Device: New(authenticator(t, cfg))}
	d := l.Device
	n := byte(0)
	add := func(rp, user string) {
		n++
		h := sha256.Sum256([]byte{n})
		do(t, d, CommandMakeCredential, makeParams(user, map[int64][]byte{1: bin(h[:]), 2: object(namedField("id", text(rp))), 6: object(namedField("credProtect", num(2)), namedField("largeBlobKey", boolean(true))), 7: residentOptions()}), statusOK)
	}
	manage := func(rpID string, sub int64, params []byte, want virtualauth.Status) item {
		t.Helper()
		s, err := l.tokenFor(permissionManagement, rpID, append([]byte{byte(sub)}, params...))
		if err != nil {
			t.Fatal(err)
		}
		return do(t, d, CommandCredentialManagement, object(field(1, num(sub)), field(2, params), field(3, num(2)), field(4, bin(s))), want)
	}
	add("rp.example", "ada")
	add("rp.example", "grace")
	add("other.example", "mary")
	if err := l.SetPIN("1234"); err != nil {
		t.Fatal(err)
	}
	v := manage("", 1, nil, statusOK)
	if must(t, v, 1).n != 3 || must(t, v, 2).n != maxResident-3 {
		t.Errorf("metadata %d and %d", must(t, v, 1).n, must(t, v, 2).n)
	}
	do(t, d, CommandCredentialManagement, object(field(1, num(1))), statusPUATRequired)
	do(t, d, CommandCredentialManagement, object(field(1, num(9))), statusInvalidSubcommand)
	do(t, d, CommandCredentialManagement, object(field(1, num(3))), statusNotAllowed)
	do(t, d, CommandCredentialManagement, object(field(1, num(1)), field(3, num(2)), field(4, bin(hash[:]))), statusPINAuthInvalid)
	manage("rp.example", 1, nil, statusPINAuthInvalid) // a token for one RP sees nothing of the others

	v = manage("", 2, nil, statusOK)
	rp, _ := must(t, v, 3).named("id")
	if string(rp.b) != "rp.example" || must(t, v, 5).n != 2 || !bytes.Equal(must(t, v, 4).b, hashOf("rp.example")) {
		t.Errorf("first RP %s of %d", rp.b, must(t, v, 5).n)
	}
	v = do(t, d, CommandCredentialManagement, object(field(1, num(3))), statusOK)
	if rp, _ := must(t, v, 3).named("id"); string(rp.b) != "other.example" {
		t.Errorf("second RP %s", rp.b)
	}
	do(t, d, CommandCredentialManagement, object(field(1, num(3))), statusNotAllowed)

	list := object(field(1, bin(hashOf("rp.example"))))
	v = manage("rp.example", 4, list, statusOK)
	name := func(v item) string { s, _ := must(t, v, 6).named("name"); return string(s.b) }
	if name(v) != "ada" || must(t, v, 9).n != 2 || must(t, v, 0x0a).n != 2 || len(must(t, v, 0x0b).b) != 32 {
		t.Errorf("first credential is %s's, of %d", name(v), must(t, v, 9).n)
	}
	id, _ := must(t, v, 7).named("id")
	c, _ := d.Authenticator().Credential(id.b)
	if key, err := c.COSEKey(); err != nil || !bytes.Equal(key, must(t, v, 8).raw) {
		t.Errorf("public key %x (%v)", must(t, v, 8).raw, err)
	}
	if v = do(t, d, CommandCredentialManagement, object(field(1, num(5))), statusOK); name(v) != "grace" {
		t.Errorf("second credential is %s's", name(v))
	}
	do(t, d, CommandCredentialManagement, object(field(1, num(5))), statusNotAllowed)
	manage("other.example", 4, list, statusPINAuthInvalid)
	manage("", 4, object(field(1, bin(hash[:]))), virtualauth.StatusNoCredentials)

	renamed := object(namedField("id", bin([]byte("ada"))), namedField("name", text("countess")))
	manage("", 7, object(field(2, descriptor(id.b)), field(3, renamed)), statusOK)
	if c, _ := d.Authenticator().Credential(id.b); c.UserName != "countess" {
		t.Errorf("the name is %q", c.UserName)
	}
	manage("", 7, object(field(2, descriptor(id.b)), field(3, object(namedField("id", bin([]byte("eve")))))), statusInvalidParameter)
	manage("", 6, object(field(2, descriptor(id.b))), statusOK)
	manage("", 6, object(field(2, descriptor(id.b))), virtualauth.StatusNoCredentials)
	if n := len(d.Authenticator().Credentials()); n != 2 {
		t.Errorf("%d credentials are left", n)
	}
}

// TestLargeBlobs: writing in fragments with a token, reading back, and what is refused.
func TestLargeBlobs(t *testing.T) {
	cfg := everything
	l := &Link{Device: New(authenticator(t, cfg))}
	d := l.Device
	if err := l.SetPIN("1234"); err != nil {
		t.Fatal(err)
	}
	read := func(offset, count int64) []byte {
		t.Helper()
		return must(t, do(t, d, CommandLargeBlobs, object(field(1, num(count)), field(3, num(offset))), statusOK), 1).b
	}
	if !bytes.Equal(read(0, 4000), emptyBlobs()) {
		t.Errorf("at first %x", read(0, 4000))
	}
	array := append([]byte{0x58, 100}, bytes.Repeat([]byte{7}, 100)...)
	sum := sha256.Sum256(array)
	whole := append(array, sum[:16]...)
	write := func(offset int, part []byte, length int64, want virtualauth.Status) {
		t.Helper()
		h := sha256.Sum256(part)
		message := append(bytes.Repeat([]byte{0xff}, 32), 0x0c, 0)
		message = append(binary.LittleEndian.AppendUint32(message, uint32(offset)), h[:]...)
		s, err := l.tokenFor(permissionLargeBlobWrite, "", message)
		if err != nil {
			t.Fatal(err)
		}
		do(t, d, CommandLargeBlobs, object(field(2, bin(part)), field(3, num(int64(offset))), field(4, present(length > 0, func() []byte { return num(length) })), field(5, bin(s)), field(6, num(2))), want)
	}
	write(0, whole, int64(len(whole)), statusOK)
	if !bytes.Equal(read(0, 4000), whole) || !bytes.Equal(read(10, 5), whole[10:15]) {
		t.Error("what was written is not read")
	}
	broken := slices.Clone(whole)
	broken[5]++
	write(0, broken, int64(len(broken)), statusIntegrityFailure)
	write(0, whole, maxBlobs+1, statusLargeBlobsFull)
	write(0, whole, 16, statusInvalidParameter)
	write(0, whole, 0, statusInvalidParameter)
	write(50, whole[50:], 0, statusInvalidSeq)
	do(t, d, CommandLargeBlobs, object(field(2, bin(whole)), field(3, num(0)), field(4, num(int64(len(whole))))), statusPUATRequired)
	do(t, d, CommandLargeBlobs, object(field(1, num(1)), field(2, bin(whole)), field(3, num(0))), statusInvalidParameter)
	do(t, d, CommandLargeBlobs, object(field(1, num(1)), field(3, num(4000))), statusInvalidParameter)

	// In fragments, on a device that has nothing to protect it with.
	open := virtualauth.Config{ResidentKeys: true, Extensions: virtualauth.ExtensionSupport{LargeBlob: true}}
	d = New(authenticator(t, open))
	do(t, d, CommandLargeBlobs, object(field(2, bin(whole[:60])), field(3, num(0)), field(4, num(int64(len(whole))))), statusOK)
	do(t, d, CommandLargeBlobs, object(field(2, bin(whole[60:])), field(3, num(59))), statusInvalidSeq)
	do(t, d, CommandLargeBlobs, object(field(2, bin(whole[60:])), field(3, num(60))), statusOK)
	if !bytes.Equal(read(0, 4000), whole) {
		t.Error("the fragments were not put together")
	}
}

// TestPRFOverMessages: the prf extension gives the same results through the key
// agreement of either protocol as by straight calls.
func TestPRFOverMessages(t *testing.T) {
	run := func(link virtualauth.Link, a *virtualauth.Authenticator) string {
		page := &virtualauth.Client{Origin: "https://rp.example"}
		if link != nil {
			page.Link = func(*virtualauth.Authenticator) virtualauth.Link { return link }
		}
		o := &virtualauth.CreationOptions{RP: virtualauth.RPEntity{Name: "RP"}, User: virtualauth.UserEntity{ID: []byte("ada"), Name: "ada"}, Challenge: []byte("c"),
			AuthenticatorSelection: virtualauth.AuthenticatorSelection{ResidentKey: "required"},
			Extensions:             map[string]json.RawMessage{"prf": json.RawMessage(`{"eval":{"first":"AA","second":"AQ"}}`)}}
		r, err := page.Create(context.Background(), a, o, virtualauth.Faults{})
		if err != nil {
			t.Fatal(err)
		}
		id := r.Response.ID
		all := string(r.Response.ClientExtensionResults["prf"])
		for _, input := range []string{`{"eval":{"first":"AA"}}`, `{"eval":{"first":"AA","second":"AQ"}}`, `{"eval":{"first":"AA"},"evalByCredential":{"` + id + `":{"first":"Ag"}}}`} {
			q := &virtualauth.RequestOptions{Challenge: []byte("d"), AllowCredentials: []virtualauth.Descriptor{{Type: "public-key", ID: r.Credential.ID}},
				Extensions: map[string]json.RawMessage{"prf": json.RawMessage(input)}}
			g, err := page.Get(context.Background(), a, q, virtualauth.Faults{})
			if err != nil {
				t.Fatal(err)
			}
			all += string(g.Response.ClientExtensionResults["prf"])
		}
		return all
	}
	want := run(nil, authenticator(t, everything))
	for _, protocol := range []int{1, 2} {
		a := authenticator(t, everything)
		if got := run(&Link{Device: New(a), Protocol: protocol}, a); got != want {
			t.Errorf("protocol %d gives\n%s, not\n%s", protocol, got, want)
		}
	}
	if len(want) < 4*43 {
		t.Errorf("there are no results: %s", want)
	}
}
