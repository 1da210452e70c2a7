package virtualauth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

func nameOf(err error) string {
	var e *virtualauth.Error
	if errors.As(err, &e) {
		return e.Name
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func create(t testing.TB, c *virtualauth.Client, a *virtualauth.Authenticator, o *virtualauth.CreationOptions) *virtualauth.Registration {
	t.Helper()
	r, err := c.Create(context.Background(), a, o, virtualauth.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func get(t testing.TB, c *virtualauth.Client, a *virtualauth.Authenticator, o *virtualauth.RequestOptions) *virtualauth.Assertion {
	t.Helper()
	r, err := c.Get(context.Background(), a, o, virtualauth.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func plainOptions() *virtualauth.CreationOptions {
	return creationOptions("none", virtualauth.AuthenticatorSelection{})
}

func allow(ids ...[]byte) *virtualauth.RequestOptions {
	o := &virtualauth.RequestOptions{Challenge: []byte("another challenge, thirty-two b."), RPID: "rp.example"}
	for _, id := range ids {
		o.AllowCredentials = append(o.AllowCredentials, virtualauth.Descriptor{Type: "public-key", ID: id})
	}
	return o
}

func extension(name, raw string) map[string]json.RawMessage {
	return map[string]json.RawMessage{name: json.RawMessage(raw)}
}

// TestOriginAndRPID: who may claim which RP ID, and on what pages.
func TestOriginAndRPID(t *testing.T) {
	for _, tc := range []struct{ origin, rpID, want string }{
		{"https://rp.example", "rp.example", ""},
		{"https://rp.example", "", ""},
		{"https://login.rp.example", "rp.example", ""},
		{"https://a.b.rp.example:8443", "rp.example", ""},
		{"http://localhost:8080", "localhost", ""},
		{"http://localhost", "", ""},
		{"http://sub.localhost", "sub.localhost", ""},
		{"http://sub.localhost", "localhost", "SecurityError"},
		{"https://rp.example", "login.rp.example", "SecurityError"},
		{"https://evilrp.example", "rp.example", "SecurityError"},
		{"https://rp.example", "example", "SecurityError"},
		{"https://ada.github.io", "github.io", "SecurityError"},
		{"https://shop.co.uk", "co.uk", "SecurityError"},
		{"https://rp.example", "RP.example", "SecurityError"},
		{"https://rp.example", "rp.example.", "SecurityError"},
		{"https://rp.example", ".example", "SecurityError"},
		{"https://rp.example", "https://rp.example", "SecurityError"},
		{"https://rp.example", "other.test", "SecurityError"},
		{"http://rp.example", "rp.example", "SecurityError"},
		{"http://127.0.0.1:8080", "127.0.0.1", "SecurityError"},
		{"https://[::1]", "::1", "SecurityError"},
		{"https://rp.example/", "rp.example", "SecurityError"},
		{"not an origin", "rp.example", "SecurityError"},
	} {
		t.Run(tc.origin+" "+tc.rpID, func(t *testing.T) {
			o := plainOptions()
			o.RP.ID = tc.rpID
			_, err := (&virtualauth.Client{Origin: tc.origin}).Create(context.Background(), newAuthenticator(t, virtualauth.Config{}), o, virtualauth.Faults{})
			if got := nameOf(err); got != tc.want {
				t.Errorf("got %q (%v), want %q", got, err, tc.want)
			}
		})
	}
}

func TestRelatedOrigins(t *testing.T) {
	c := &virtualauth.Client{Origin: "https://rp.test", RelatedOrigins: func(_ context.Context, rpID string) ([]string, error) {
		switch rpID {
		case "rp.example":
			return []string{"https://a.test", "https://rp.test"}, nil
		case "crowded.example": // a sixth label does not count
			return []string{"https://a.test", "https://b.test", "https://c.test", "https://d.test", "https://e.test", "https://rp.test"}, nil
		case "broken.example":
			return nil, errors.New("404")
		case "urls.example": // the list is of URLs, of which the origins count
			return []string{"https://RP.test:443/welcome?x#y"}, nil
		case "port.example":
			return []string{"https://rp.test:8443"}, nil
		case "scheme.example":
			return []string{"http://rp.test"}, nil
		case "nonsense.example":
			return []string{"", "rp.test", "https://", "mailto:x@rp.test", "%", "https://[::1]", "https://rp.test"}, nil
		case "co.uk": // a list is all that it takes
			return []string{"https://rp.test"}, nil
		}
		return nil, nil
	}}
	for rpID, want := range map[string]string{"rp.example": "", "crowded.example": "SecurityError", "broken.example": "SecurityError", "none.example": "SecurityError", "example": "SecurityError",
		"urls.example": "", "port.example": "SecurityError", "scheme.example": "SecurityError", "nonsense.example": "", "co.uk": ""} {
		o := plainOptions()
		o.RP.ID = rpID
		_, err := c.Create(context.Background(), newAuthenticator(t, virtualauth.Config{}), o, virtualauth.Faults{})
		if got := nameOf(err); got != want {
			t.Errorf("%s: got %q (%v), want %q", rpID, got, err, want)
		}
	}
}

// TestPolicy: a page that its permissions policy keeps from WebAuthn, or that
// nobody clicked, where that matters.
func TestPolicy(t *testing.T) {
	for _, tc := range []struct {
		page        virtualauth.Client
		create, get string
	}{
		{virtualauth.Client{NoCreate: true}, "NotAllowedError", ""},
		{virtualauth.Client{NoGet: true}, "", "NotAllowedError"},
		{virtualauth.Client{NoActivation: true}, "", ""},
		{virtualauth.Client{NoActivation: true, CrossOrigin: true, TopOrigin: "https://top.test"}, "NotAllowedError", ""},
	} {
		a := newAuthenticator(t, virtualauth.Config{ResidentKeys: true, UserVerification: true})
		plain := virtualauth.Client{Origin: "https://rp.example"}
		o := plainOptions()
		o.AuthenticatorSelection.ResidentKey = "required"
		if _, err := plain.Create(t.Context(), a, o, virtualauth.Faults{}); err != nil {
			t.Fatal(err)
		}
		tc.page.Origin = plain.Origin
		o = plainOptions()
		o.User.ID = []byte("another")
		if _, err := tc.page.Create(t.Context(), a, o, virtualauth.Faults{}); nameOf(err) != tc.create {
			t.Errorf("%+v: create(): %v", tc.page, err)
		}
		if _, err := tc.page.Get(t.Context(), a, &virtualauth.RequestOptions{Challenge: []byte("challenge")}, virtualauth.Faults{}); nameOf(err) != tc.get {
			t.Errorf("%+v: get(): %v", tc.page, err)
		}
	}
}

// TestRefusals: what create() refuses, by the names that Chrome uses.
func TestRefusals(t *testing.T) {
	params := func(algs ...int64) []virtualauth.PubKeyCredParam {
		var list []virtualauth.PubKeyCredParam
		for _, a := range algs {
			list = append(list, virtualauth.PubKeyCredParam{Type: "public-key", Alg: a})
		}
		return list
	}
	many := make([]virtualauth.Descriptor, 65)
	for _, tc := range []struct {
		name   string
		cfg    virtualauth.Config
		change func(*virtualauth.CreationOptions)
		want   string
	}{
		{"nothing", virtualauth.Config{}, func(*virtualauth.CreationOptions) {}, ""},
		{"no parameters", virtualauth.Config{}, func(o *virtualauth.CreationOptions) { o.PubKeyCredParams = nil }, ""},
		{"unknown algorithms only", virtualauth.Config{}, func(o *virtualauth.CreationOptions) { o.PubKeyCredParams = params(0, -65535) }, "NotAllowedError"},
		{"unknown types only", virtualauth.Config{}, func(o *virtualauth.CreationOptions) {
			o.PubKeyCredParams = []virtualauth.PubKeyCredParam{{Type: "private-key", Alg: -7}}
		}, "NotSupportedError"},
		{"long user handle", virtualauth.Config{}, func(o *virtualauth.CreationOptions) { o.User.ID = make([]byte, 65) }, "TypeError"},
		{"too many excluded", virtualauth.Config{}, func(o *virtualauth.CreationOptions) { o.ExcludeCredentials = many }, "RangeError"},
		{"platform only", virtualauth.Config{}, func(o *virtualauth.CreationOptions) {
			o.AuthenticatorSelection.AuthenticatorAttachment = "platform"
		}, "NotAllowedError"},
		{"unknown attachment", virtualauth.Config{}, func(o *virtualauth.CreationOptions) {
			o.AuthenticatorSelection.AuthenticatorAttachment = "teleported"
		}, ""},
		{"no room for resident keys", virtualauth.Config{}, func(o *virtualauth.CreationOptions) {
			o.AuthenticatorSelection.RequireResidentKey = true
		}, "NotAllowedError"},
		{"no verification", virtualauth.Config{}, func(o *virtualauth.CreationOptions) {
			o.AuthenticatorSelection.UserVerification = "required"
		}, "NotAllowedError"},
		{"failing verification", virtualauth.Config{UserVerification: true, VerificationFails: true}, func(*virtualauth.CreationOptions) {}, "NotAllowedError"},
		{"nobody there", virtualauth.Config{PresenceFails: true}, func(*virtualauth.CreationOptions) {}, "NotAllowedError"},
		{"appid at create", virtualauth.Config{}, func(o *virtualauth.CreationOptions) { o.Extensions = extension("appid", `"x"`) }, "NotSupportedError"},
		{"unknown extension", virtualauth.Config{}, func(o *virtualauth.CreationOptions) { o.Extensions = extension("example.extension.bool", `true`) }, ""},
		{"U2F and RS256 only", virtualauth.Config{Protocol: virtualauth.U2F}, func(o *virtualauth.CreationOptions) { o.PubKeyCredParams = params(-257) }, "NotAllowedError"},
		{"U2F and a resident key", virtualauth.Config{Protocol: virtualauth.U2F}, func(o *virtualauth.CreationOptions) {
			o.AuthenticatorSelection.ResidentKey = "required"
		}, "NotAllowedError"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := plainOptions()
			tc.change(o)
			r, err := page.Create(context.Background(), newAuthenticator(t, tc.cfg), o, virtualauth.Faults{})
			if got := nameOf(err); got != tc.want {
				t.Errorf("got %q (%v), want %q", got, err, tc.want)
			}
			if err == nil && len(r.Response.ClientExtensionResults) != 0 {
				t.Errorf("extension results nobody asked for: %v", r.Response.ClientExtensionResults)
			}
		})
	}
}

func TestContext(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	expired, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	a := newAuthenticator(t, virtualauth.Config{})
	for ctx, want := range map[context.Context]string{cancelled: "AbortError", expired: "NotAllowedError"} {
		if _, err := page.Create(ctx, a, plainOptions(), virtualauth.Faults{}); nameOf(err) != want {
			t.Errorf("create: %v, want %s", err, want)
		}
		if _, err := page.Get(ctx, a, allow(), virtualauth.Faults{}); nameOf(err) != want {
			t.Errorf("get: %v, want %s", err, want)
		}
	}
}

func TestExcludeCredentials(t *testing.T) {
	a := newAuthenticator(t, virtualauth.Config{})
	first := create(t, page, a, plainOptions())
	o := plainOptions()
	o.ExcludeCredentials = allow(first.Credential.ID).AllowCredentials
	o.ExcludeCredentials[0].Transports = []string{"internal"} // hits over other transports too
	if _, err := page.Create(context.Background(), a, o, virtualauth.Faults{}); nameOf(err) != "InvalidStateError" {
		t.Errorf("an excluded authenticator registered: %v", err)
	}
	second, err := page.Create(context.Background(), a, o, virtualauth.Faults{IgnoreExcludeCredentials: true})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(second.Credential.ID, first.Credential.ID) {
		t.Error("the same options gave the same credential id twice on one authenticator")
	}
	o.RP.ID = "other.example" // another RP's credential of that id does not hit
	if _, err := (&virtualauth.Client{Origin: "https://other.example"}).Create(context.Background(), a, o, virtualauth.Faults{}); err != nil {
		t.Error(err)
	}
	o.RP.ID = "rp.example"
	o.ExcludeCredentials[0].Type = "unknown"
	if _, err := page.Create(context.Background(), a, o, virtualauth.Faults{}); err != nil {
		t.Errorf("a descriptor of unknown type excluded the authenticator: %v", err)
	}
}

func TestAllowCredentials(t *testing.T) {
	a := newAuthenticator(t, virtualauth.Config{})
	first := create(t, page, a, plainOptions())
	other := plainOptions()
	other.User.ID = []byte("handle of grace")
	second := create(t, page, a, other)
	if r := get(t, page, a, allow(second.Credential.ID)); !bytes.Equal(r.Response.RawID, second.Credential.ID) || r.Response.UserHandle != nil {
		t.Errorf("signed with %x and user handle %q", r.Response.RawID, r.Response.UserHandle)
	}
	if _, err := page.Get(context.Background(), a, allow([]byte("unknown")), virtualauth.Faults{}); nameOf(err) != "NotAllowedError" {
		t.Errorf("an unknown credential: %v", err)
	}
	if _, err := page.Get(context.Background(), a, allow(), virtualauth.Faults{}); nameOf(err) != "NotAllowedError" {
		t.Errorf("no list and nothing discoverable: %v", err)
	}
	o := allow(first.Credential.ID)
	o.AllowCredentials[0].Transports = []string{"internal"}
	if _, err := page.Get(context.Background(), a, o, virtualauth.Faults{}); nameOf(err) != "NotAllowedError" {
		t.Errorf("a credential over another transport: %v", err)
	}
	r, err := page.Get(context.Background(), a, allow(first.Credential.ID), virtualauth.Faults{IgnoreAllowCredentials: true})
	if err != nil || !bytes.Equal(r.Response.RawID, second.Credential.ID) {
		t.Errorf("disobedience signed with the listed credential: %v", err)
	}
}

func TestResidentKeys(t *testing.T) {
	var offered []string
	pick := 0
	a := newAuthenticator(t, virtualauth.Config{ResidentKeys: true, UserVerification: true, Select: func(list []virtualauth.Credential) int {
		offered = nil
		for _, c := range list {
			offered = append(offered, c.UserName)
		}
		return pick
	}})
	o := plainOptions()
	o.AuthenticatorSelection.ResidentKey = "required"
	o.Extensions = extension("credProps", "true")
	for _, name := range []string{"ada", "grace"} {
		o.User = virtualauth.UserEntity{ID: []byte("handle of " + name), Name: name, DisplayName: name}
		r := create(t, page, a, o)
		if got := string(r.Response.ClientExtensionResults["credProps"]); got != `{"rk":true}` {
			t.Errorf("credProps is %s", got)
		}
	}
	if r := get(t, page, a, allow()); string(r.Response.UserHandle) != "handle of grace" {
		t.Errorf("newest first gave %q", r.Response.UserHandle)
	}
	if !slices.Equal(offered, []string{"grace", "ada"}) {
		t.Errorf("offered %v", offered)
	}
	pick = 1
	if r := get(t, page, a, allow()); string(r.Response.UserHandle) != "handle of ada" {
		t.Errorf("the second gave %q", r.Response.UserHandle)
	}
	pick = 7
	if _, err := page.Get(context.Background(), a, allow(), virtualauth.Faults{}); nameOf(err) != "NotAllowedError" {
		t.Errorf("a choice out of range: %v", err)
	}
	before := len(a.Credentials())
	create(t, page, a, o) // the same account again takes the old one's place
	if got := len(a.Credentials()); got != before {
		t.Errorf("%d credentials, not %d", got, before)
	}
	o.AuthenticatorSelection.ResidentKey = "discouraged"
	if r := create(t, page, a, o); r.Credential.Resident || string(r.Response.ClientExtensionResults["credProps"]) != `{"rk":false}` {
		t.Error("discouraged, and resident")
	}
	r, err := page.Create(context.Background(), a, func() *virtualauth.CreationOptions {
		o.AuthenticatorSelection.ResidentKey = "required"
		return o
	}(), virtualauth.Faults{IgnoreResidentKey: true})
	if err != nil || r.Credential.Resident {
		t.Errorf("disobedience made a resident key: %v", err)
	}
}

func TestFlags(t *testing.T) {
	const up, uv, be, bs = virtualauth.FlagUP, virtualauth.FlagUV, virtualauth.FlagBE, virtualauth.FlagBS
	for _, tc := range []struct {
		cfg      virtualauth.Config
		uv       string
		reg, get byte
	}{
		{virtualauth.Config{}, "preferred", up, up},
		{virtualauth.Config{UserVerification: true}, "required", up | uv, up | uv},
		{virtualauth.Config{UserVerification: true}, "discouraged", up | uv, up},
		{virtualauth.Config{UserVerification: true, BackupEligible: true}, "preferred", up | uv | be, up | uv | be},
		{virtualauth.Config{BackupEligible: true, BackupState: true}, "", up | be | bs, up | be | bs},
		{virtualauth.Config{BackupState: true}, "", up | bs, up | bs}, // not legal, and done as told
	} {
		a := newAuthenticator(t, tc.cfg)
		r := create(t, page, a, creationOptions("none", virtualauth.AuthenticatorSelection{UserVerification: tc.uv}))
		if got := r.Response.AuthenticatorData[32]; got != tc.reg|virtualauth.FlagAT {
			t.Errorf("%+v: flags of the registration are %#02x", tc, got)
		}
		o := allow(r.Credential.ID)
		o.UserVerification = tc.uv
		if got := get(t, page, a, o).Response.AuthenticatorData[32]; got != tc.get {
			t.Errorf("%+v: flags of the assertion are %#02x", tc, got)
		}
	}
	a := newAuthenticator(t, virtualauth.Config{UserVerification: true})
	o := creationOptions("none", virtualauth.AuthenticatorSelection{UserVerification: "required"})
	r, err := page.Create(context.Background(), a, o, virtualauth.Faults{IgnoreUserVerification: true})
	if err != nil || r.Response.AuthenticatorData[32]&uv != 0 {
		t.Errorf("disobedience verified the user: %v", err)
	}
}

func TestCounters(t *testing.T) {
	for _, tc := range []struct {
		counter virtualauth.Counter
		want    []uint32 // registration, then three assertions
	}{
		{virtualauth.Counter{}, []uint32{0, 1, 2, 3}},
		{virtualauth.Counter{Start: 5, Step: 3}, []uint32{5, 8, 11, 14}},
		{virtualauth.Counter{Mode: virtualauth.CounterZero, Start: 9}, []uint32{0, 0, 0, 0}},
		{virtualauth.Counter{Mode: virtualauth.CounterFrozen, Start: 9}, []uint32{9, 9, 9, 9}},
		{virtualauth.Counter{Mode: virtualauth.CounterRegress, Start: 9}, []uint32{9, 8, 7, 6}},
		{virtualauth.Counter{Mode: virtualauth.CounterGlobal, Start: 1}, []uint32{1, 2, 3, 4}},
		{virtualauth.Counter{Start: 1<<32 - 2}, []uint32{1<<32 - 2, 1<<32 - 1, 0, 1}},
	} {
		a := newAuthenticator(t, virtualauth.Config{Counter: tc.counter})
		r := create(t, page, a, plainOptions())
		got := []uint32{counterOf(r.Response.AuthenticatorData)}
		for range 3 {
			got = append(got, counterOf(get(t, page, a, allow(r.Credential.ID)).Response.AuthenticatorData))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%+v counts %v, not %v", tc.counter, got, tc.want)
		}
	}
}

func counterOf(authData []byte) uint32 {
	return uint32(authData[33])<<24 | uint32(authData[34])<<16 | uint32(authData[35])<<8 | uint32(authData[36])
}

func TestUpdate(t *testing.T) {
	a := newAuthenticator(t, virtualauth.Config{BackupEligible: true})
	r := create(t, page, a, plainOptions())
	if err := a.Update(r.Credential.ID, func(c *virtualauth.Credential) { c.SignCount, c.BackupState = 41, true }); err != nil {
		t.Fatal(err)
	}
	data := get(t, page, a, allow(r.Credential.ID)).Response.AuthenticatorData
	if counterOf(data) != 42 || data[32]&virtualauth.FlagBS == 0 {
		t.Errorf("counter %d and flags %#02x", counterOf(data), data[32])
	}
	if err := a.Update([]byte("unknown"), func(*virtualauth.Credential) {}); err == nil {
		t.Error("an unknown credential was updated")
	}
	if err := a.Remove([]byte("unknown")); err == nil {
		t.Error("an unknown credential was removed")
	}
}

func TestImport(t *testing.T) {
	a := newAuthenticator(t, virtualauth.Config{ResidentKeys: true})
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := virtualauth.Credential{ID: []byte("imported"), RPID: "rp.example", UserHandle: []byte("ada"), PrivateKey: k, SignCount: 10, Resident: true}
	if err := a.Import(c); err != nil {
		t.Fatal(err)
	}
	r := get(t, page, a, allow())
	if string(r.Response.UserHandle) != "ada" || counterOf(r.Response.AuthenticatorData) != 11 {
		t.Errorf("user handle %q, counter %d", r.Response.UserHandle, counterOf(r.Response.AuthenticatorData))
	}
	if !verifies(&k.PublicKey, r.Response.AuthenticatorData, r.Response.ClientDataJSON, r.Response.Signature) {
		t.Error("the signature is not by the imported key")
	}
	c.PrivateKey = nil
	if a.Import(c) == nil {
		t.Error("a credential without a key was imported")
	}
	if newAuthenticator(t, virtualauth.Config{}).Import(virtualauth.Credential{ID: []byte("x"), PrivateKey: k, Resident: true}) == nil {
		t.Error("a resident credential was imported where there is no room for one")
	}
}

// TestAppID: the appid and appidExclude extensions, with a credential that was
// registered through the U2F API.
func TestAppID(t *testing.T) {
	const appID = "https://rp.example/app-id.json"
	a := newAuthenticator(t, virtualauth.Config{Protocol: virtualauth.U2F})
	data, clientData, err := a.RegisterU2F(appID, "https://rp.example", "Y2hhbGxlbmdl")
	if err != nil {
		t.Fatal(err)
	}
	keyHandle := checkU2F(t, data, clientData, appID)

	o := allow(keyHandle)
	if _, err := page.Get(context.Background(), a, o, virtualauth.Faults{}); nameOf(err) != "NotAllowedError" {
		t.Errorf("without the extension: %v", err)
	}
	o.Extensions = extension("appid", `"`+appID+`"`)
	r := get(t, page, a, o)
	want := sha256.Sum256([]byte(appID))
	if string(r.Response.ClientExtensionResults["appid"]) != "true" || !bytes.Equal(r.Response.AuthenticatorData[:32], want[:]) {
		t.Errorf("with the extension: result %s, RP ID hash %x", r.Response.ClientExtensionResults["appid"], r.Response.AuthenticatorData[:32])
	}
	if r.Response.AuthenticatorData[32] != virtualauth.FlagUP {
		t.Errorf("flags %#02x", r.Response.AuthenticatorData[32])
	}

	fresh := create(t, page, a, plainOptions())
	o.AllowCredentials = append(o.AllowCredentials, allow(fresh.Credential.ID).AllowCredentials...)
	if r := get(t, page, a, o); string(r.Response.ClientExtensionResults["appid"]) != "false" || !bytes.Equal(r.Response.RawID, fresh.Credential.ID) {
		t.Error("a credential for the RP ID did not come first")
	}

	c := plainOptions()
	c.ExcludeCredentials = allow(keyHandle).AllowCredentials
	if _, err := page.Create(context.Background(), a, c, virtualauth.Faults{}); err != nil {
		t.Errorf("without appidExclude: %v", err)
	}
	c.Extensions = extension("appidExclude", `"`+appID+`"`)
	if _, err := page.Create(context.Background(), a, c, virtualauth.Faults{}); nameOf(err) != "InvalidStateError" {
		t.Errorf("with appidExclude: %v", err)
	}

	for text, want := range map[string]string{
		appID: "InvalidStateError", "": "", "https://login.rp.example/x": "", "https://rp.example:8443/y": "",
		"https://other.test/app": "SecurityError", "http://rp.example/app": "SecurityError", "https://example": "SecurityError",
		"android:apk-key-hash:x": "SecurityError", "not a url": "SyntaxError", "%zz": "SyntaxError",
	} {
		c.Extensions = map[string]json.RawMessage{"appidExclude": marshal(t, text)}
		if _, err := page.Create(context.Background(), a, c, virtualauth.Faults{}); nameOf(err) != want {
			t.Errorf("AppID %q: %v, want %q", text, err, want)
		}
	}
}

// checkU2F takes a U2F registration response message apart and verifies it.
func checkU2F(t *testing.T, data, clientData []byte, appID string) (keyHandle []byte) {
	t.Helper()
	if data[0] != 5 {
		t.Fatalf("the message starts with %#02x", data[0])
	}
	point, rest := data[1:66], data[67:]
	keyHandle, rest = rest[:data[66]], rest[data[66]:]
	size := 4 + int(rest[2])<<8 + int(rest[3])
	cert, err := x509.ParseCertificate(rest[:size])
	if err != nil {
		t.Fatal(err)
	}
	application, challenge := sha256.Sum256([]byte(appID)), sha256.Sum256(clientData)
	digest := sha256.Sum256(slices.Concat([]byte{0}, application[:], challenge[:], keyHandle, point))
	if !ecdsa.VerifyASN1(cert.PublicKey.(*ecdsa.PublicKey), digest[:], rest[size:]) {
		t.Error("the U2F registration does not verify")
	}
	var c map[string]string
	if err := json.Unmarshal(clientData, &c); err != nil {
		t.Fatal(err)
	}
	if c["typ"] != "navigator.id.finishEnrollment" || c["challenge"] != "Y2hhbGxlbmdl" || c["origin"] != "https://rp.example" || len(c) != 3 {
		t.Errorf("client data %s", clientData)
	}
	return keyHandle
}

func TestU2FAuthenticator(t *testing.T) {
	a := newAuthenticator(t, virtualauth.Config{Protocol: virtualauth.U2F})
	r := create(t, page, a, creationOptions("direct", virtualauth.AuthenticatorSelection{}))
	data := r.Response.AuthenticatorData
	if data[32] != virtualauth.FlagUP|virtualauth.FlagAT || !bytes.Equal(data[37:53], make([]byte, 16)) {
		t.Errorf("flags %#02x, AAGUID %x", data[32], data[37:53])
	}
	if r.Attestation == nil || r.Keys().Attestation != r.Attestation {
		t.Error("the attestation key is not handed out")
	}
	roots, err := virtualauth.Roots()
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for _, c := range roots {
		pool.AddCert(c)
	}
	cert, err := x509.ParseCertificate(x5cOf(t, r.Response.AttestationObject)[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Errorf("the batch certificate does not chain to the roots: %v", err)
	}
	if _, err := virtualauth.New(virtualauth.Config{Protocol: virtualauth.U2F, ResidentKeys: true}); err == nil {
		t.Error("a U2F authenticator with resident keys was made")
	}
}

// TestDeterminism: the same seed and options make the same bytes, and another
// challenge makes another credential.
func TestDeterminism(t *testing.T) {
	for _, cfg := range []virtualauth.Config{{}, {Protocol: virtualauth.U2F}, {Algorithms: []int64{virtualauth.ES384}}} {
		cfg.Seed = []byte("seed")
		run := func(seed string, challenge string) []byte {
			cfg.Seed = []byte(seed)
			a := newAuthenticator(t, cfg)
			o := creationOptions("direct", virtualauth.AuthenticatorSelection{})
			o.PubKeyCredParams = append(o.PubKeyCredParams, virtualauth.PubKeyCredParam{Type: "public-key", Alg: virtualauth.ES384})
			o.Challenge = []byte(challenge)
			r := create(t, page, a, o)
			return append(marshal(t, r.Response), marshal(t, get(t, page, a, allow(r.Credential.ID)).Response)...)
		}
		if !bytes.Equal(run("seed", "challenge"), run("seed", "challenge")) {
			t.Errorf("%+v: the same seed and options make different bytes", cfg)
		}
		if bytes.Equal(run("seed", "challenge"), run("other", "challenge")) {
			t.Errorf("%+v: another seed makes the same bytes", cfg)
		}
	}
	ids := func(cfg virtualauth.Config, challenge string) string {
		o := plainOptions()
		o.Challenge = []byte(challenge)
		return create(t, page, newAuthenticator(t, cfg), o).Response.ID
	}
	cfg := virtualauth.Config{Seed: []byte("seed")}
	if ids(cfg, "one") == ids(cfg, "two") {
		t.Error("two challenges made one credential id")
	}
	random := func() string { // with a seed of its own each time
		a, err := virtualauth.New(virtualauth.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return create(t, page, a, plainOptions()).Response.ID
	}
	if one, two := random(), random(); one == two {
		t.Error("two authenticators without a seed made one credential id")
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	a := newAuthenticator(t, virtualauth.Config{ResidentKeys: true, UserVerification: true})
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		wg.Go(func() {
			o := plainOptions()
			o.User.ID = fmt.Appendf(nil, "user %d", i/2)
			o.AuthenticatorSelection.ResidentKey = []string{"required", "discouraged"}[i%2]
			r, err := page.Create(context.Background(), a, o, virtualauth.Faults{})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = r.Response.ID
			for range 4 {
				if _, err := page.Get(context.Background(), a, allow(r.Credential.ID), virtualauth.Faults{SignatureBitFlip: i%2 == 0}); err != nil {
					t.Error(err)
				}
			}
			a.Credentials()
		})
	}
	wg.Wait()
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 16 {
		t.Error("two registrations made one credential id")
	}
	if got := len(a.Credentials()); got != 16 {
		t.Errorf("%d credentials", got)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, cfg := range []virtualauth.Config{
		{Attachment: "teleported"}, {Protocol: 7}, {Algorithms: []int64{1}}, {Formats: []string{"unknown"}}, {CredentialIDLength: 1024}, {CredentialIDLength: 3},
	} {
		if _, err := virtualauth.New(cfg); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func x5cOf(t testing.TB, object []byte) [][]byte {
	t.Helper()
	var x5c [][]byte
	if err := cborUnmarshal(decode(t, object).Statement["x5c"], &x5c); err != nil {
		t.Fatal(err)
	}
	return x5c
}

// TestClientData: the serialisation that limited verifiers rely on, byte for byte.
func TestClientData(t *testing.T) {
	for _, tc := range []struct {
		c    virtualauth.Client
		want string
	}{
		{virtualauth.Client{Origin: "https://rp.example"}, `{"type":"webauthn.create","challenge":"_-4","origin":"https://rp.example","crossOrigin":false}`},
		{virtualauth.Client{Origin: "https://rp.example", CrossOrigin: true}, `{"type":"webauthn.create","challenge":"_-4","origin":"https://rp.example","crossOrigin":true}`},
		{virtualauth.Client{Origin: "https://rp.example", CrossOrigin: true, TopOrigin: "https://top.test"},
			`{"type":"webauthn.create","challenge":"_-4","origin":"https://rp.example","crossOrigin":true,"topOrigin":"https://top.test"}`},
	} {
		o := plainOptions()
		o.Challenge = []byte{0xff, 0xee}
		if got := string(create(t, &tc.c, newAuthenticator(t, virtualauth.Config{}), o).Response.ClientDataJSON); got != tc.want {
			t.Errorf("client data\n%s, not\n%s", got, tc.want)
		}
	}
}
