package ctap2

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// clock is a fake clock.
type clock struct{ now time.Time }

func newClock() *clock                   { return &clock{time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)} }
func (c *clock) time() time.Time         { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

func authenticator(t testing.TB, cfg virtualauth.Config) *virtualauth.Authenticator {
	t.Helper()
	if cfg.Seed == nil {
		cfg.Seed = []byte("ctap2 tests")
	}
	a, err := virtualauth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var everything = virtualauth.Config{
	ResidentKeys: true, UserVerification: true,
	Extensions: virtualauth.ExtensionSupport{CredProtect: true, HMACSecret: true, LargeBlob: true, CredBlob: true, MinPINLength: 4, UVM: true},
}

var hash = sha256.Sum256([]byte("client data"))

// makeParams is a makeCredential request with members put in and, where they are nil, left out.
func makeParams(user string, change map[int64][]byte) []byte {
	members := map[int64][]byte{
		1: bin(hash[:]),
		2: object(namedField("id", text("rp.example"))),
		3: object(namedField("id", bin([]byte(user))), namedField("name", text(user)), namedField("displayName", text(user))),
		4: array(object(namedField("alg", num(-7)), namedField("type", text("public-key")))),
	}
	return with(members, change)
}

func getParams(change map[int64][]byte) []byte {
	return with(map[int64][]byte{1: text("rp.example"), 2: bin(hash[:])}, change)
}

func with(members, change map[int64][]byte) []byte {
	for k, v := range change {
		members[k] = v
	}
	var list []member
	for k, v := range members {
		list = append(list, field(k, v))
	}
	return object(list...)
}

func option(name string, v bool) []byte { return object(namedField(name, boolean(v))) }

// do sends a command and wants a status.
func do(t testing.TB, d *Device, command byte, params []byte, want virtualauth.Status) item {
	t.Helper()
	answer := d.Command(append([]byte{command}, params...))
	if got := virtualauth.Status(answer[0]); got != want {
		t.Fatalf("command %#02x: status %#02x, want %#02x", command, byte(got), byte(want))
	}
	if len(answer) == 1 {
		return item{}
	}
	v, ok := decode(answer[1:])
	if !ok || want != statusOK {
		t.Fatalf("command %#02x: the answer is %x", command, answer)
	}
	return v
}

func must(t testing.TB, v item, key int64) item {
	t.Helper()
	m, ok := v.at(key)
	if !ok {
		t.Fatalf("the answer has no member %d", key)
	}
	return m
}

func residentOptions(extra ...member) []byte {
	return object(append(extra, namedField("rk", boolean(true)))...)
}

// TestStatusCodes: what is wrong with a message decides the status.
func TestStatusCodes(t *testing.T) {
	d := New(authenticator(t, virtualauth.Config{Seed: []byte("status")}))
	mk := CommandMakeCredential
	valid := makeParams("ada", nil)
	for name, tc := range map[string]struct {
		command byte
		params  []byte
		want    virtualauth.Status
	}{
		"valid":                       {mk, valid, statusOK},
		"unknown command":             {0x99, nil, statusInvalidCommand},
		"no credential management":    {CommandCredentialManagement, object(field(1, num(1))), statusInvalidCommand},
		"no large blobs":              {CommandLargeBlobs, object(field(1, num(1)), field(3, num(0))), statusInvalidCommand},
		"no CBOR":                     {mk, nil, statusInvalidCBOR},
		"bytes behind":                {mk, append(slices.Clone(valid), 0), statusInvalidCBOR},
		"not a map":                   {mk, array(num(1)), statusUnexpectedType},
		"long head":                   {mk, append([]byte{0xb8, 4}, valid[1:]...), statusInvalidCBOR},
		"indefinite map":              {mk, append(append([]byte{0xbf}, valid[1:]...), 0xff), statusInvalidCBOR},
		"keys out of order":           {mk, append(append([]byte{0xa2}, field(2, nil).key...), append(num(0), append(num(1), num(0)...)...)...), statusInvalidCBOR},
		"key twice":                   {mk, []byte{0xa2, 1, 0, 1, 0}, statusInvalidCBOR},
		"a tag":                       {mk, []byte{0xa1, 1, 0xc0, 0}, statusInvalidCBOR},
		"null":                        {mk, []byte{0xa1, 1, 0xf6}, statusInvalidCBOR},
		"float":                       {mk, []byte{0xa1, 1, 0xf9, 0, 0}, statusInvalidCBOR},
		"bad UTF-8":                   {mk, []byte{0xa1, 1, 0x61, 0xff}, statusInvalidCBOR},
		"five levels":                 {mk, []byte{0xa1, 1, 0x81, 0x81, 0x81, 0x81, 0}, statusInvalidCBOR},
		"missing hash":                {mk, makeParams("ada", map[int64][]byte{1: nil}), statusMissingParameter},
		"missing RP":                  {mk, makeParams("ada", map[int64][]byte{2: nil}), statusMissingParameter},
		"RP without id":               {mk, makeParams("ada", map[int64][]byte{2: object()}), statusMissingParameter},
		"missing user":                {mk, makeParams("ada", map[int64][]byte{3: nil}), statusMissingParameter},
		"user of text":                {mk, makeParams("ada", map[int64][]byte{3: text("ada")}), statusUnexpectedType},
		"missing algorithms":          {mk, makeParams("ada", map[int64][]byte{4: nil}), statusMissingParameter},
		"hash of 31 bytes":            {mk, makeParams("ada", map[int64][]byte{1: bin(hash[:31])}), statusInvalidLength},
		"unsupported algorithm":       {mk, makeParams("ada", map[int64][]byte{4: array(object(namedField("alg", num(-999)), namedField("type", text("public-key"))))}), virtualauth.StatusUnsupportedAlgorithm},
		"algorithm without type":      {mk, makeParams("ada", map[int64][]byte{4: array(object(namedField("alg", num(-7))))}), statusMissingParameter},
		"rk without room":             {mk, makeParams("ada", map[int64][]byte{7: option("rk", true)}), virtualauth.StatusUnsupportedOption},
		"uv without a way":            {mk, makeParams("ada", map[int64][]byte{7: option("uv", true)}), virtualauth.StatusInvalidOption},
		"up false":                    {mk, makeParams("ada", map[int64][]byte{7: option("up", false)}), virtualauth.StatusInvalidOption},
		"option of text":              {mk, makeParams("ada", map[int64][]byte{7: object(namedField("rk", text("yes")))}), statusUnexpectedType},
		"enterprise":                  {mk, makeParams("ada", map[int64][]byte{0x0a: num(1)}), statusInvalidParameter},
		"enterprise of text":          {mk, makeParams("ada", map[int64][]byte{0x0a: text("1")}), statusUnexpectedType},
		"touch to choose":             {mk, makeParams("ada", map[int64][]byte{8: bin(nil), 9: num(1)}), statusPINNotSet},
		"auth without protocol":       {mk, makeParams("ada", map[int64][]byte{8: bin(hash[:])}), statusMissingParameter},
		"protocol three":              {mk, makeParams("ada", map[int64][]byte{8: bin(hash[:]), 9: num(3)}), statusInvalidParameter},
		"auth without token":          {mk, makeParams("ada", map[int64][]byte{8: bin(hash[:]), 9: num(2)}), statusPINAuthInvalid},
		"long exclude list":           {mk, makeParams("ada", map[int64][]byte{5: array(slices.Repeat([][]byte{descriptor([]byte{1})}, 65)...)}), statusLimitExceeded},
		"nothing to sign with":        {CommandGetAssertion, getParams(nil), virtualauth.StatusNoCredentials},
		"rk in get":                   {CommandGetAssertion, getParams(map[int64][]byte{5: option("rk", true)}), virtualauth.StatusUnsupportedOption},
		"get of unknown types":        {CommandGetAssertion, getParams(map[int64][]byte{3: array(object(namedField("id", bin([]byte{1})), namedField("type", text("other"))))}), virtualauth.StatusNoCredentials},
		"no next":                     {CommandGetNextAssertion, nil, statusNotAllowed},
		"info with parameters":        {CommandGetInfo, object(), statusInvalidLength},
		"selection":                   {CommandSelection, nil, statusOK},
		"PIN without subcommand":      {CommandClientPIN, object(field(1, num(1))), statusMissingParameter},
		"PIN subcommand 8":            {CommandClientPIN, object(field(1, num(1)), field(2, num(8))), statusInvalidSubcommand},
		"PIN protocol 3":              {CommandClientPIN, object(field(1, num(3)), field(2, num(2))), statusInvalidParameter},
		"key agreement off the curve": {CommandClientPIN, object(field(1, num(1)), field(2, num(5)), field(3, object(field(1, num(2)), field(3, num(-25)), field(-1, num(1)), field(-2, bin(hash[:])), field(-3, bin(hash[:])))), field(6, bin(hash[:16]))), statusInvalidParameter},
		"UV retries without UV":       {CommandClientPIN, object(field(2, num(7))), statusInvalidSubcommand},
	} {
		t.Run(name, func(t *testing.T) { do(t, d, tc.command, tc.params, tc.want) })
	}
	if got := d.Command(nil); !bytes.Equal(got, []byte{byte(statusInvalidLength)}) {
		t.Errorf("an empty message: %x", got)
	}
	if got := d.Command(make([]byte, maxMessage+1)); !bytes.Equal(got, []byte{byte(statusInvalidLength)}) {
		t.Errorf("a message that is too long: %x", got)
	}
	u2f := New(authenticator(t, virtualauth.Config{Protocol: virtualauth.U2F}))
	do(t, u2f, CommandGetInfo, nil, statusInvalidCommand)
	absent := New(authenticator(t, virtualauth.Config{PresenceFails: true}))
	do(t, absent, CommandSelection, nil, virtualauth.StatusOperationDenied)
	do(t, absent, mk, valid, virtualauth.StatusOperationDenied)
}

// TestInfo: what the device says of itself.
func TestInfo(t *testing.T) {
	v := do(t, New(authenticator(t, everything)), CommandGetInfo, nil, statusOK)
	var versions, extensions []string
	for _, e := range must(t, v, 1).list {
		versions = append(versions, string(e.b))
	}
	for _, e := range must(t, v, 2).list {
		extensions = append(extensions, string(e.b))
	}
	if !slices.Equal(versions, []string{"U2F_V2", "FIDO_2_0", "FIDO_2_1", "FIDO_2_2"}) ||
		!slices.Equal(extensions, []string{"credBlob", "credProtect", "hmac-secret", "hmac-secret-mc", "largeBlobKey", "minPinLength", "uvm"}) {
		t.Errorf("versions %q, extensions %q", versions, extensions)
	}
	for name, want := range map[string]bool{"rk": true, "up": true, "uv": true, "plat": false, "clientPin": false, "credMgmt": true, "largeBlobs": true, "pinUvAuthToken": true, "makeCredUvNotRqd": true} {
		if o, ok := must(t, v, 4).named(name); !ok || (o.n == 1) != want {
			t.Errorf("option %s is not %t", name, want)
		}
	}
	if !bytes.Equal(must(t, v, 3).b, virtualauth.DefaultAAGUID[:]) {
		t.Errorf("AAGUID %x", must(t, v, 3).b)
	}
}

// TestSeveralAccounts: getAssertion says how many there are, getNextAssertion
// gives the others, and names are told only after verification.
func TestSeveralAccounts(t *testing.T) {
	c := newClock()
	cfg := everything
	cfg.Clock = c.time
	d := New(authenticator(t, cfg))
	for i, user := range []string{"ada", "grace", "mary"} {
		h := sha256.Sum256([]byte{byte(i)})
		do(t, d, CommandMakeCredential, makeParams(user, map[int64][]byte{1: bin(h[:]), 7: residentOptions(namedField("uv", boolean(true)))}), statusOK)
	}
	userOf := func(v item) (handle string, named bool) {
		u := must(t, v, 4)
		id, _ := u.named("id")
		_, named = u.named("name")
		return string(id.b), named
	}
	for _, uv := range []bool{true, false} {
		v := do(t, d, CommandGetAssertion, getParams(map[int64][]byte{5: option("uv", uv)}), statusOK)
		if n := must(t, v, 5).n; n != 3 {
			t.Fatalf("%d credentials", n)
		}
		handle, named := userOf(v)
		if handle != "mary" || named != uv {
			t.Errorf("first is %s, named %t", handle, named)
		}
		for _, want := range []string{"grace", "ada"} {
			v = do(t, d, CommandGetNextAssertion, nil, statusOK)
			if handle, named = userOf(v); handle != want || named != uv {
				t.Errorf("next is %s, named %t", handle, named)
			}
			if _, ok := v.at(5); ok {
				t.Error("getNextAssertion says how many there are")
			}
		}
		do(t, d, CommandGetNextAssertion, nil, statusNotAllowed)
	}
	do(t, d, CommandGetAssertion, getParams(nil), statusOK)
	c.advance(31 * time.Second)
	do(t, d, CommandGetNextAssertion, nil, statusNotAllowed)
	do(t, d, CommandGetAssertion, getParams(nil), statusOK)
	do(t, d, CommandGetInfo, nil, statusOK)
	do(t, d, CommandGetNextAssertion, nil, statusNotAllowed)
}

// TestCredProtectEnforced: what a policy keeps back over messages.
func TestCredProtectEnforced(t *testing.T) {
	for level, want := range map[int64][2]virtualauth.Status{ // with a list, and without; unverified
		1: {statusOK, statusOK},
		2: {statusOK, virtualauth.StatusNoCredentials},
		3: {virtualauth.StatusNoCredentials, virtualauth.StatusNoCredentials},
	} {
		d := New(authenticator(t, everything))
		v := do(t, d, CommandMakeCredential, makeParams("ada", map[int64][]byte{6: object(namedField("credProtect", num(level))), 7: residentOptions(namedField("uv", boolean(true)))}), statusOK)
		if got, ok := extensionData(must(t, v, 2).b).named("credProtect"); !ok || got.n != level {
			t.Errorf("level %d: the authenticator data says %d", level, got.n)
		}
		id := d.Authenticator().Credentials()[0].ID
		list := array(descriptor(id))
		do(t, d, CommandGetAssertion, getParams(map[int64][]byte{3: list}), want[0])
		do(t, d, CommandGetAssertion, getParams(nil), want[1])
		do(t, d, CommandGetAssertion, getParams(map[int64][]byte{3: list, 5: option("uv", true)}), statusOK)
		do(t, d, CommandGetAssertion, getParams(map[int64][]byte{5: option("uv", true)}), statusOK)
		excluded := virtualauth.StatusCredentialExcluded
		if level == 3 {
			excluded = statusOK // or it would tell anyone that the credential is there
		}
		do(t, d, CommandMakeCredential, makeParams("grace", map[int64][]byte{5: list}), excluded)
		do(t, d, CommandMakeCredential, makeParams("grace", map[int64][]byte{5: list, 7: option("uv", true)}), virtualauth.StatusCredentialExcluded)
	}
}

// TestReset: only within ten seconds of power-up, and everything is gone.
func TestReset(t *testing.T) {
	c := newClock()
	cfg := everything
	cfg.Clock = c.time
	l := &Link{Device: New(authenticator(t, cfg))}
	d := l.Device
	if err := l.SetPIN("1234"); err != nil {
		t.Fatal(err)
	}
	do(t, d, CommandMakeCredential, makeParams("ada", map[int64][]byte{7: residentOptions(namedField("uv", boolean(true)))}), statusOK)
	c.advance(11 * time.Second)
	do(t, d, CommandReset, nil, statusNotAllowed)
	d.PowerCycle()
	c.advance(9 * time.Second)
	do(t, d, CommandReset, nil, statusOK)
	if n := len(d.Authenticator().Credentials()); n != 0 || d.pinHash != nil {
		t.Errorf("%d credentials are left, PIN %x", n, d.pinHash)
	}
}

// TestU2FMessages: version, register and authenticate with every control byte.
func TestU2FMessages(t *testing.T) {
	d := New(authenticator(t, virtualauth.Config{Protocol: virtualauth.U2F}))
	l := &Link{Device: d}
	send := func(ins, p1 byte, data []byte, want uint16) []byte {
		t.Helper()
		answer, sw := l.apdu(ins, p1, data)
		if sw != want {
			t.Fatalf("instruction %d: status word %#04x, want %#04x", ins, sw, want)
		}
		return answer
	}
	if got := send(insVersion, 0, nil, SWNoError); string(got) != "U2F_V2" {
		t.Errorf("version %q", got)
	}
	challenge, application := sha256.Sum256([]byte("challenge")), sha256.Sum256([]byte("https://rp.example"))
	message := send(insRegister, 0, slices.Concat(challenge[:], application[:]), SWNoError)
	point, keyHandle := message[1:66], message[67:67+int(message[66])]
	rest := message[67+len(keyHandle):]
	size := 4 + int(binary.BigEndian.Uint16(rest[2:]))
	cert, err := x509.ParseCertificate(rest[:size])
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(slices.Concat([]byte{0}, application[:], challenge[:], keyHandle, point))
	if message[0] != 5 || !ecdsa.VerifyASN1(cert.PublicKey.(*ecdsa.PublicKey), digest[:], rest[size:]) {
		t.Error("the registration does not verify")
	}
	request := slices.Concat(challenge[:], application[:], []byte{byte(len(keyHandle))}, keyHandle)
	send(insAuthenticate, controlCheckOnly, request, SWConditionsNotSatisfied)
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	for i, tc := range []struct{ control, presence byte }{{controlEnforce, 1}, {controlDontEnforce, 0}} {
		answer := send(insAuthenticate, tc.control, request, SWNoError)
		digest := sha256.Sum256(slices.Concat(application[:], answer[:5], challenge[:]))
		if answer[0] != tc.presence || binary.BigEndian.Uint32(answer[1:]) != uint32(i+1) || !ecdsa.VerifyASN1(pub, digest[:], answer[5:]) {
			t.Errorf("control %#02x: presence %d, counter %x, or the signature does not verify", tc.control, answer[0], answer[1:5])
		}
	}
	send(insAuthenticate, 0x55, request, SWWrongData)
	other := slices.Clone(request)
	other[32]++ // another application
	send(insAuthenticate, controlCheckOnly, other, SWWrongData)
	send(insAuthenticate, controlEnforce, other, SWWrongData)
	send(insAuthenticate, controlEnforce, request[:64], SWWrongLength)
	send(insRegister, 0, request[:63], SWWrongLength)
	send(0x42, 0, nil, SWINSNotSupported)
	for _, tc := range []struct {
		apdu []byte
		want uint16
	}{
		{nil, SWWrongLength}, {[]byte{0, 3, 0}, SWWrongLength}, {[]byte{0, 3, 0, 0}, SWNoError}, {[]byte{0, 3, 0, 0, 0}, SWNoError},
		{[]byte{0, 3, 0, 0, 0, 0, 0}, SWNoError}, {[]byte{0x80, 3, 0, 0}, SWCLANotSupported}, {[]byte{0, 3, 0, 0, 5, 1}, SWWrongLength}, {[]byte{0, 3, 0, 0, 0, 1}, SWWrongLength},
		{append([]byte{0, 1, 0, 0, 64}, make([]byte, 64)...), SWNoError}, {append([]byte{0, 1, 0, 0, 64}, make([]byte, 65)...), SWNoError},
	} {
		answer := d.APDU(tc.apdu)
		if sw := binary.BigEndian.Uint16(answer[len(answer)-2:]); sw != tc.want {
			t.Errorf("APDU %x: status word %#04x, want %#04x", tc.apdu, sw, tc.want)
		}
	}
	absent := &Link{Device: New(authenticator(t, virtualauth.Config{Protocol: virtualauth.U2F, PresenceFails: true}))}
	if _, sw := absent.apdu(insRegister, 0, slices.Concat(challenge[:], application[:])); sw != SWConditionsNotSatisfied {
		t.Errorf("without a touch: %#04x", sw)
	}
	ed := &Link{Device: New(authenticator(t, virtualauth.Config{Algorithms: []int64{virtualauth.EdDSA}}))}
	if _, sw := ed.apdu(insVersion, 0, nil); sw != SWINSNotSupported {
		t.Errorf("without ES256: %#04x", sw)
	}
}

// TestRoomForResidentKeys: the limit is kept, and counted down.
func TestRoomForResidentKeys(t *testing.T) {
	cfg := virtualauth.Config{ResidentKeys: true, MaxResidentKeys: 2}
	d := New(authenticator(t, cfg))
	left := func() int64 { return must(t, do(t, d, CommandGetInfo, nil, statusOK), 0x14).n }
	for i, user := range []string{"ada", "grace", "ada"} { // the third takes the first one's place
		h := sha256.Sum256([]byte{byte(i)})
		do(t, d, CommandMakeCredential, makeParams(user, map[int64][]byte{1: bin(h[:]), 7: residentOptions()}), statusOK)
	}
	if left() != 0 {
		t.Errorf("%d left", left())
	}
	do(t, d, CommandMakeCredential, makeParams("mary", map[int64][]byte{7: residentOptions()}), virtualauth.StatusKeyStoreFull)
	do(t, d, CommandMakeCredential, makeParams("mary", nil), statusOK) // not resident
}

// TestSameBytes: create() and get() answer byte for byte the same through
// messages as by straight calls.
func TestSameBytes(t *testing.T) {
	blobs := everything
	blobs.Extensions.HMACSecret = false // its outputs are encrypted under a key that is agreed on anew
	chooser := virtualauth.Config{ResidentKeys: true, UserVerification: true, Select: func(list []virtualauth.Credential) int { return len(list) - 1 }}
	for name, cfg := range map[string]virtualauth.Config{
		"security key": {}, "U2F": {Protocol: virtualauth.U2F}, "passkey": {ResidentKeys: true, UserVerification: true, BackupEligible: true, BackupState: true, Transports: []string{"internal"}},
		"packed": {Formats: []string{virtualauth.FormatPacked}}, "tpm": {Formats: []string{virtualauth.FormatTPM}}, "android-key": {Formats: []string{virtualauth.FormatAndroidKey}},
		"compound": {Formats: []string{virtualauth.FormatCompound}}, "extensions": blobs, "choice": chooser, "Ed25519": {Algorithms: []int64{virtualauth.EdDSA}},
		"counter": {Counter: virtualauth.Counter{Mode: virtualauth.CounterGlobal, Start: 7, Step: 3}}, "none": {Formats: []string{virtualauth.FormatNone}},
		"enterprise": {Formats: []string{virtualauth.FormatPackedSelf, virtualauth.FormatPacked}, Enterprise: &virtualauth.Enterprise{SerialNumber: []byte("TS-1"), RPIDs: []string{"rp.example"}}},
	} {
		if cfg.Protocol == virtualauth.CTAP2 && cfg.Counter == (virtualauth.Counter{}) {
			cfg.Counter.Start = 5
		}
		for _, attestation := range []string{"none", "direct", "enterprise"} {
			t.Run(name+"/"+attestation, func(t *testing.T) {
				run := func(link func(*virtualauth.Authenticator) virtualauth.Link) []byte {
					page := &virtualauth.Client{Origin: "https://rp.example", Link: link}
					return ceremonies(t, page, authenticator(t, cfg), attestation)
				}
				direct, messages := run(nil), run(Over())
				if !bytes.Equal(direct, messages) {
					t.Errorf("straight\n%s\nthrough messages\n%s", direct, messages)
				}
			})
		}
	}
}

// ceremonies runs two registrations and two assertions and writes all down.
func ceremonies(t *testing.T, page *virtualauth.Client, a *virtualauth.Authenticator, attestation string) []byte {
	t.Helper()
	ctx := context.Background()
	var all []byte
	note := func(v any, err error) {
		b, merr := json.Marshal(v)
		if err != nil || merr != nil {
			t.Fatal(err, merr)
		}
		all = append(append(all, b...), '\n')
	}
	o := &virtualauth.CreationOptions{
		RP: virtualauth.RPEntity{ID: "rp.example", Name: "RP"}, Challenge: []byte("a challenge"), Attestation: attestation,
		PubKeyCredParams:       []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: virtualauth.ES256}, {Type: "public-key", Alg: virtualauth.EdDSA}},
		AuthenticatorSelection: virtualauth.AuthenticatorSelection{ResidentKey: "preferred"},
		Extensions:             map[string]json.RawMessage{"credProps": json.RawMessage("true"), "credBlob": json.RawMessage(`"AAEC"`), "minPinLength": json.RawMessage("true"), "uvm": json.RawMessage("true")},
	}
	var allow []virtualauth.Descriptor
	for _, user := range []string{"ada", "grace"} {
		o.User = virtualauth.UserEntity{ID: []byte(user), Name: user, DisplayName: user}
		o.Challenge = append(o.Challenge, user...)
		r, err := page.Create(ctx, a, o, virtualauth.Faults{})
		if err != nil {
			t.Fatal(err)
		}
		note(r.Response, nil)
		allow = append(allow, virtualauth.Descriptor{Type: "public-key", ID: r.Credential.ID})
		if r.Credential.RPID != "rp.example" || r.Credential.PrivateKey == nil {
			t.Error("the credential source is not whole")
		}
	}
	o.ExcludeCredentials = allow[:1]
	_, err := page.Create(ctx, a, o, virtualauth.Faults{})
	note(err, nil)
	q := &virtualauth.RequestOptions{RPID: "rp.example", Challenge: []byte("another"), AllowCredentials: allow,
		Extensions: map[string]json.RawMessage{"getCredBlob": json.RawMessage("true"), "uvm": json.RawMessage("true")}}
	g, err := page.Get(ctx, a, q, virtualauth.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	note(g.Response, nil)
	if _, err := virtualauth.EditAssertion(g.Response, g.Keys(), virtualauth.Faults{FlagUPClear: true}); err != nil {
		t.Error(err)
	}
	q.AllowCredentials = nil
	g, err = page.Get(ctx, a, q, virtualauth.Faults{})
	if a.Config().ResidentKeys {
		if err != nil {
			t.Fatal(err)
		}
		note(g.Response, nil)
		note(g.Credential.SignCount, nil)
	} else {
		note(err, nil)
	}
	return all
}
