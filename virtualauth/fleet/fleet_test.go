package fleet_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
	"github.com/touchstone-webauthn/touchstone/virtualauth/fleet"
)

var page = &virtualauth.Client{Origin: "https://rp.example"}

func each(t *testing.T, f func(t *testing.T, d fleet.Device)) {
	for _, d := range fleet.All() {
		t.Run(d.Name, func(t *testing.T) { f(t, d) })
	}
}

func creation(d fleet.Device, attestation string) *virtualauth.CreationOptions {
	o := &virtualauth.CreationOptions{
		RP:          virtualauth.RPEntity{ID: "rp.example", Name: "RP"},
		User:        virtualauth.UserEntity{ID: []byte("ada"), Name: "ada", DisplayName: "Ada"},
		Challenge:   []byte("a challenge of thirty-two bytes."),
		Attestation: attestation,
	}
	o.AuthenticatorSelection.ResidentKey = "preferred"
	for _, alg := range d.Algorithms {
		o.PubKeyCredParams = append(o.PubKeyCredParams, virtualauth.PubKeyCredParam{Type: "public-key", Alg: alg})
	}
	return o
}

func register(t *testing.T, d fleet.Device, a *virtualauth.Authenticator, o *virtualauth.CreationOptions) *virtualauth.Registration {
	t.Helper()
	r, err := page.Create(context.Background(), a, o, virtualauth.Faults{})
	if err != nil {
		t.Fatalf("%s: create(): %v", d.Name, err)
	}
	return r
}

func login(t *testing.T, a *virtualauth.Authenticator, r virtualauth.RegistrationResponse, challenge string) *virtualauth.Assertion {
	t.Helper()
	g, err := page.Get(context.Background(), a, &virtualauth.RequestOptions{
		Challenge: []byte(challenge),
		// As an RP does it: with the transports that it was given.
		AllowCredentials: []virtualauth.Descriptor{{Type: "public-key", ID: r.RawID, Transports: r.Transports}},
		UserVerification: "preferred",
	}, virtualauth.Faults{})
	if err != nil {
		t.Fatalf("get(): %v", err)
	}
	return g
}

func newDevice(t *testing.T, d fleet.Device, seed string) *virtualauth.Authenticator {
	t.Helper()
	a, err := d.New([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func counter(authData []byte) uint32 {
	return uint32(authData[33])<<24 | uint32(authData[34])<<16 | uint32(authData[35])<<8 | uint32(authData[36])
}

// statementFormat is what one of Formats comes to in an attestation object.
func statementFormat(name string) string {
	if name == virtualauth.FormatPackedSelf {
		return "packed"
	}
	return name
}

// TestAsDeclared holds what an RP sees of each device against its profile.
func TestAsDeclared(t *testing.T) {
	each(t, func(t *testing.T, d fleet.Device) {
		a := newDevice(t, d, "seed")
		r := register(t, d, a, creation(d, "direct"))

		var object struct {
			Format    string          `cbor:"fmt"`
			Statement cbor.RawMessage `cbor:"attStmt"`
			AuthData  []byte          `cbor:"authData"`
		}
		if err := cbor.Unmarshal(r.Response.AttestationObject, &object); err != nil {
			t.Fatal(err)
		}
		if want := statementFormat(d.Formats[0]); object.Format != want {
			t.Errorf("attestation format is %s; want %s", object.Format, want)
		}
		if none := bytes.Equal(object.Statement, []byte{0xa0}); none == d.Attests() {
			t.Errorf("a statement was made: %t; want %t", !none, d.Attests())
		}
		if got := r.Response.AuthenticatorData[37:53]; !bytes.Equal(got, d.AAGUID[:]) {
			t.Errorf("AAGUID is %x; want %s", got, d.AAGUID)
		}
		if !slices.Equal(r.Response.Transports, d.Transports) {
			t.Errorf("transports are %q; want %q", r.Response.Transports, d.Transports)
		}
		if r.Response.AuthenticatorAttachment != d.Attachment {
			t.Errorf("attachment is %s; want %s", r.Response.AuthenticatorAttachment, d.Attachment)
		}
		if len(r.Response.RawID) != d.CredentialIDLength {
			t.Errorf("the credential id has %d bytes; want %d", len(r.Response.RawID), d.CredentialIDLength)
		}
		if r.Response.PublicKeyAlgorithm != d.Algorithms[0] {
			t.Errorf("algorithm is %d; want %d", r.Response.PublicKeyAlgorithm, d.Algorithms[0])
		}
		flags := func(what string, authData []byte) {
			t.Helper()
			for _, f := range []struct {
				name string
				bit  byte
				want bool
			}{
				{"UP", virtualauth.FlagUP, true}, {"UV", virtualauth.FlagUV, d.UserVerification},
				{"BE", virtualauth.FlagBE, d.BackupEligible}, {"BS", virtualauth.FlagBS, d.BackupState},
			} {
				if got := authData[32]&f.bit != 0; got != f.want {
					t.Errorf("%s: %s is %t; want %t", what, f.name, got, f.want)
				}
			}
		}
		flags("registration", r.Response.AuthenticatorData)
		if r.Credential.Resident != d.ResidentKeys {
			t.Errorf("resident is %t; want %t", r.Credential.Resident, d.ResidentKeys)
		}

		last := counter(r.Response.AuthenticatorData)
		step := max(1, d.Counter.Step)
		for _, challenge := range []string{"the first login of thirty-two b.", "the second login, thirty-two by."} {
			g := login(t, a, r.Response, challenge)
			flags("authentication", g.Response.AuthenticatorData)
			now := counter(g.Response.AuthenticatorData)
			want := last + step
			if d.Counter.Mode == virtualauth.CounterZero {
				want = 0
			}
			if now != want {
				t.Errorf("the counter went from %d to %d; want %d", last, now, want)
			}
			last = now
		}
	})
}

// TestWithoutAttestation: a roaming CTAP2 device hides its model unless asked, and no other does.
func TestWithoutAttestation(t *testing.T) {
	each(t, func(t *testing.T, d fleet.Device) {
		r := register(t, d, newDevice(t, d, "seed"), creation(d, "none"))
		want := d.AAGUID
		if d.Attachment == "cross-platform" {
			want = fleet.AAGUID{}
		}
		if got := r.Response.AuthenticatorData[37:53]; !bytes.Equal(got, want[:]) {
			t.Errorf("AAGUID is %x; want %s", got, want)
		}
	})
}

func TestEveryAlgorithm(t *testing.T) {
	each(t, func(t *testing.T, d fleet.Device) {
		for _, alg := range d.Algorithms {
			a := newDevice(t, d, "seed")
			o := creation(d, "direct")
			o.PubKeyCredParams = []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: alg}}
			r := register(t, d, a, o)
			if r.Response.PublicKeyAlgorithm != alg {
				t.Errorf("algorithm is %d; want %d", r.Response.PublicKeyAlgorithm, alg)
			}
			login(t, a, r.Response, "a login challenge, thirty-two b.")
		}
	})
}

// TestGlobalCounter: with one counter for all credentials, the second is ahead of the first.
func TestGlobalCounter(t *testing.T) {
	each(t, func(t *testing.T, d fleet.Device) {
		a := newDevice(t, d, "seed")
		first := register(t, d, a, creation(d, "none"))
		o := creation(d, "none")
		o.User.ID, o.Challenge = []byte("bob"), []byte("another challenge, thirty-two b.")
		second := register(t, d, a, o)
		one := counter(login(t, a, first.Response, "the first login of thirty-two b.").Response.AuthenticatorData)
		two := counter(login(t, a, second.Response, "the second login, thirty-two by.").Response.AuthenticatorData)
		if shared := two > one; shared != (d.Counter.Mode == virtualauth.CounterGlobal) {
			t.Errorf("the counters of two credentials are %d and %d with mode %d", one, two, d.Counter.Mode)
		}
	})
}

func TestDeterminism(t *testing.T) {
	each(t, func(t *testing.T, d fleet.Device) {
		run := func(seed string) [sha256.Size]byte {
			a := newDevice(t, d, seed)
			r := register(t, d, a, creation(d, "direct"))
			g := login(t, a, r.Response, "a login challenge, thirty-two b.")
			wire, err := json.Marshal([]any{r.Response, g.Response})
			if err != nil {
				t.Fatal(err)
			}
			return sha256.Sum256(wire)
		}
		first := run("one")
		if first != run("one") {
			t.Error("the same seed made other bytes")
		}
		if first == run("two") {
			t.Error("another seed made the same bytes")
		}
	})
}

func TestLookup(t *testing.T) {
	names := fleet.Names()
	if len(names) < 8 {
		t.Errorf("the fleet has %d devices only", len(names))
	}
	models := map[fleet.AAGUID]string{}
	for _, name := range names {
		d, err := fleet.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if d.Name != name || d.Description == "" || len(d.Verification) == 0 || len(d.KeyProtection) == 0 || len(d.MatcherProtection) == 0 {
			t.Errorf("%s: the profile is not complete: %+v", name, d)
		}
		if d.BackupState && !d.BackupEligible {
			t.Errorf("%s: BS without BE", name)
		}
		if other, taken := models[d.AAGUID]; taken {
			t.Errorf("%s and %s have the same AAGUID", name, other)
		}
		models[d.AAGUID] = name
		// A device is the caller's own.
		d.Algorithms[0], d.Formats[0] = 0, "changed"
		if again, err := fleet.Lookup(name); err != nil || again.Algorithms[0] == 0 || again.Formats[0] == "changed" {
			t.Errorf("%s: changing what Lookup gave changed the fleet", name)
		}
	}
	if _, err := fleet.Lookup("toaster"); err == nil || !strings.Contains(err.Error(), "security-key") {
		t.Errorf("Lookup of an unknown device: %v; want the names that there are", err)
	}
	if got := (fleet.AAGUID{0: 0xab, 15: 1}).String(); got != "ab000000-0000-0000-0000-000000000001" {
		t.Errorf("an AAGUID is written %s", got)
	}
}

// account is a user of the judge.
type account struct{ credentials []webauthn.Credential }

func (*account) WebAuthnID() []byte                           { return []byte("ada") }
func (*account) WebAuthnName() string                         { return "ada" }
func (*account) WebAuthnDisplayName() string                  { return "Ada" }
func (a *account) WebAuthnCredentials() []webauthn.Credential { return a.credentials }

// unjudged is what go-webauthn cannot judge, and why; everything else it must accept.
func unjudged(d fleet.Device, alg int64) string {
	switch {
	case slices.Contains(d.Formats, virtualauth.FormatAndroidKey), slices.Contains(d.Formats, virtualauth.FormatApple):
		return "its roots for this format are the vendors' own"
	case alg == virtualauth.MLDSA44, alg == virtualauth.MLDSA65:
		return "it verifies ML-DSA with Go 1.27 and later only"
	}
	return ""
}

// TestJudge puts every device before go-webauthn; where that cannot judge the
// attestation or the algorithm, it is without attestation or with another one.
func TestJudge(t *testing.T) {
	w, err := webauthn.New(&webauthn.Config{RPID: "rp.example", RPDisplayName: "RP", RPOrigins: []string{"https://rp.example"}})
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, d fleet.Device) {
		for _, alg := range d.Algorithms {
			conveyance := protocol.PreferDirectAttestation
			if why := unjudged(d, alg); why != "" {
				if alg == virtualauth.MLDSA44 || alg == virtualauth.MLDSA65 {
					continue // TestAsDeclared and TestEveryAlgorithm have it
				}
				t.Logf("without attestation: %s", why)
				conveyance = protocol.PreferNoAttestation
			}
			user := &account{}
			options, session, err := w.BeginRegistration(user,
				webauthn.WithConveyancePreference(conveyance),
				webauthn.WithCredentialParameters([]protocol.CredentialParameter{{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(alg)}}))
			if err != nil {
				t.Fatal(err)
			}
			a := newDevice(t, d, "seed")
			o, err := virtualauth.ParseCreationOptions(marshal(t, options.Response))
			if err != nil {
				t.Fatal(err)
			}
			r := register(t, d, a, o)
			created, err := protocol.ParseCredentialCreationResponseBytes(marshal(t, r.Response))
			if err != nil {
				t.Fatalf("%s: %v", virtualauth.AlgorithmName(alg), describe(err))
			}
			credential, err := w.CreateCredential(user, *session, created)
			if err != nil {
				t.Fatalf("%s: %v", virtualauth.AlgorithmName(alg), describe(err))
			}
			user.credentials = []webauthn.Credential{*credential}
			if len(credential.Transport) != len(d.Transports) {
				t.Errorf("the judge keeps transports %v; want %v", credential.Transport, d.Transports)
			}
			if credential.Flags.BackupEligible != d.BackupEligible || credential.Flags.BackupState != d.BackupState {
				t.Errorf("the judge keeps backup flags %+v", credential.Flags)
			}

			request, session, err := w.BeginLogin(user)
			if err != nil {
				t.Fatal(err)
			}
			q, err := virtualauth.ParseRequestOptions(marshal(t, request.Response))
			if err != nil {
				t.Fatal(err)
			}
			g, err := page.Get(context.Background(), a, q, virtualauth.Faults{})
			if err != nil {
				t.Fatal(err)
			}
			asserted, err := protocol.ParseCredentialRequestResponseBytes(marshal(t, g.Response))
			if err != nil {
				t.Fatal(describe(err))
			}
			after, err := w.ValidateLogin(user, *session, asserted)
			if err != nil {
				t.Fatalf("%s: %v", virtualauth.AlgorithmName(alg), describe(err))
			}
			if after.Authenticator.CloneWarning {
				t.Error("the judge takes it for a clone")
			}
		}
	})
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func describe(err error) string {
	if e, ok := err.(*protocol.Error); ok {
		return e.Details + ": " + e.DevInfo
	}
	return err.Error()
}
