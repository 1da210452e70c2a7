package virtualauth_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	descope "github.com/descope/virtualwebauthn"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

func residentOptions(user string) *virtualauth.CreationOptions {
	o := creationOptions("none", virtualauth.AuthenticatorSelection{ResidentKey: "required"})
	o.User = virtualauth.UserEntity{ID: []byte(user), Name: user, DisplayName: user}
	return o
}

// TestClone: the clone signs with the same key, and its counter repeats what
// the original has told already.
func TestClone(t *testing.T) {
	a := newAuthenticator(t, virtualauth.Config{ResidentKeys: true, Extensions: virtualauth.ExtensionSupport{HMACSecret: true}})
	o := residentOptions("ada")
	o.Extensions = extension("prf", "{}")
	create(t, page, a, o)
	get(t, page, a, allow())
	b := a.Clone()
	q := allow()
	q.Extensions = extension("prf", `{"eval":{"first":"AA"}}`)
	one, two := get(t, page, a, q), get(t, page, b, q)
	if counterOf(one.Response.AuthenticatorData) != 2 || counterOf(two.Response.AuthenticatorData) != 2 {
		t.Errorf("counters %d and %d, not both 2", counterOf(one.Response.AuthenticatorData), counterOf(two.Response.AuthenticatorData))
	}
	if !bytes.Equal(one.Response.RawID, two.Response.RawID) || !bytes.Equal(one.Response.ClientExtensionResults["prf"], two.Response.ClientExtensionResults["prf"]) {
		t.Error("the clone has another credential or other secrets")
	}
	get(t, page, a, allow())
	if got := counterOf(get(t, page, b, allow()).Response.AuthenticatorData); got != 3 {
		t.Errorf("the clone counts %d: it does not count for itself", got)
	}
	if err := b.Remove(one.Credential.ID); err != nil || len(a.Credentials()) != 1 {
		t.Error("removing from the clone removed from the original")
	}
}

// TestSnapshot: restoring brings back what was removed and takes back what was
// added and counted.
func TestSnapshot(t *testing.T) {
	for _, mode := range []virtualauth.CounterMode{virtualauth.CounterIncrement, virtualauth.CounterGlobal} {
		a := newAuthenticator(t, virtualauth.Config{ResidentKeys: true, Counter: virtualauth.Counter{Mode: mode}})
		r := create(t, page, a, residentOptions("ada"))
		get(t, page, a, allow())
		s := a.Snapshot()
		get(t, page, a, allow())
		create(t, page, a, residentOptions("grace"))
		if err := a.Remove(r.Credential.ID); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a snapshot serves any number of times
			if err := a.Restore(s); err != nil {
				t.Fatal(err)
			}
			g := get(t, page, a, allow())
			if len(a.Credentials()) != 1 || string(g.Response.UserHandle) != "ada" || counterOf(g.Response.AuthenticatorData) != 2 {
				t.Errorf("mode %d: %d credentials, user %q, counter %d", mode, len(a.Credentials()), g.Response.UserHandle, counterOf(g.Response.AuthenticatorData))
			}
		}
		if got := s.Credentials(); len(got) != 1 || got[0].SignCount != 1 {
			t.Errorf("the snapshot has changed: %+v", got)
		}
		if newAuthenticator(t, virtualauth.Config{}).Restore(s) == nil {
			t.Error("a resident credential was restored where there is no room for one")
		}
	}
	if newAuthenticator(t, virtualauth.Config{}).Restore(nil) == nil {
		t.Error("nothing was restored")
	}
}

// TestCountersOfTwoCredentials: global or each its own, and wrapping either way.
func TestCountersOfTwoCredentials(t *testing.T) {
	for _, tc := range []struct {
		counter virtualauth.Counter
		want    []uint32 // first, second, first
	}{
		{virtualauth.Counter{}, []uint32{1, 1, 2}},
		{virtualauth.Counter{Mode: virtualauth.CounterGlobal}, []uint32{1, 2, 3}},
		{virtualauth.Counter{Mode: virtualauth.CounterGlobal, Start: 1<<32 - 2, Step: 2}, []uint32{0, 2, 4}},
		{virtualauth.Counter{Mode: virtualauth.CounterRegress, Start: 1}, []uint32{0, 0, 1<<32 - 1}},
	} {
		a := newAuthenticator(t, virtualauth.Config{Counter: tc.counter})
		o := plainOptions()
		first := create(t, page, a, o)
		o.User.ID = []byte("another")
		second := create(t, page, a, o)
		var got []uint32
		for _, r := range []*virtualauth.Registration{first, second, first} {
			got = append(got, counterOf(get(t, page, a, allow(r.Credential.ID)).Response.AuthenticatorData))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%+v counts %v, not %v", tc.counter, got, tc.want)
		}
	}
}

// TestBackupChanges: legal and illegal changes of a credential in use.
func TestBackupChanges(t *testing.T) {
	a := newAuthenticator(t, virtualauth.Config{})
	r := create(t, page, a, plainOptions())
	for _, tc := range []struct {
		eligible, state bool
		want            byte
	}{
		{true, false, virtualauth.FlagBE},                     // eligibility may not change
		{true, true, virtualauth.FlagBE | virtualauth.FlagBS}, // legal from here
		{true, false, virtualauth.FlagBE},                     // and back
		{false, true, virtualauth.FlagBS},                     // never legal
		{false, false, 0},
	} {
		if err := a.Update(r.Credential.ID, func(c *virtualauth.Credential) { c.BackupEligible, c.BackupState = tc.eligible, tc.state }); err != nil {
			t.Fatal(err)
		}
		if got := get(t, page, a, allow(r.Credential.ID)).Response.AuthenticatorData[32] & (virtualauth.FlagBE | virtualauth.FlagBS); got != tc.want {
			t.Errorf("eligible %t, state %t: flags %#02x", tc.eligible, tc.state, got)
		}
	}
}

// TestClock: SafetyNet responses carry the configured time.
func TestClock(t *testing.T) {
	at := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	a := newAuthenticator(t, virtualauth.Config{Formats: []string{virtualauth.FormatAndroidSafetyNet}, Clock: func() time.Time { return at }})
	r := create(t, page, a, creationOptions("direct", virtualauth.AuthenticatorSelection{}))
	var jws []byte
	if err := cborUnmarshal(decode(t, r.Response.AttestationObject).Statement["response"], &jws); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(string(jws), ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ TimestampMs int64 }
	if err := json.Unmarshal(payload, &p); err != nil || p.TimestampMs != at.UnixMilli() {
		t.Errorf("timestamp %d, not %d (%v)", p.TimestampMs, at.UnixMilli(), err)
	}
}

// TestSignals: what each signal does to the credentials, and who may send one.
func TestSignals(t *testing.T) {
	a := newAuthenticator(t, virtualauth.Config{ResidentKeys: true})
	ada, grace := create(t, page, a, residentOptions("ada")), create(t, page, a, residentOptions("grace"))
	o := plainOptions()
	o.User.ID = []byte("ada")
	unlisted := create(t, page, a, o) // not discoverable, so no signal reaches it
	left := func() string {
		var names []string
		for _, c := range a.Credentials() {
			names = append(names, fmt.Sprintf("%s:%s:%t", c.UserHandle, c.UserName, c.Resident))
		}
		return strings.Join(names, " ")
	}
	want := func(what, list string, err error) {
		t.Helper()
		if err != nil || left() != list {
			t.Errorf("%s: %q, not %q (%v)", what, left(), list, err)
		}
	}
	const all = "ada:ada:true grace:grace:true :ada:false"
	want("unknown id", all, page.SignalUnknownCredential("rp.example", []byte("unknown"), a))
	want("not discoverable", all, page.SignalUnknownCredential("rp.example", unlisted.Credential.ID, a))
	want("accepted", all, page.SignalAllAcceptedCredentials("rp.example", []byte("ada"), [][]byte{ada.Credential.ID}, a))
	want("details", "ada:countess:true grace:grace:true :ada:false", page.SignalCurrentUserDetails("rp.example", virtualauth.UserEntity{ID: []byte("ada"), Name: "countess"}, a))
	want("unknown", "ada:countess:true :ada:false", page.SignalUnknownCredential("rp.example", grace.Credential.ID, a))
	want("accepted none", ":ada:false", page.SignalAllAcceptedCredentials("rp.example", []byte("ada"), nil, a))
	for _, rpID := range []string{"other.example", "example", ""} {
		if err := page.SignalUnknownCredential(rpID, nil, a); nameOf(err) != "SecurityError" {
			t.Errorf("RP ID %q: %v", rpID, err)
		}
	}
	if err := (&virtualauth.Client{Origin: "http://rp.example"}).SignalCurrentUserDetails("rp.example", virtualauth.UserEntity{}, a); nameOf(err) != "SecurityError" {
		t.Errorf("without a secure context: %v", err)
	}
}

// TestExportImport: a credential of every algorithm comes back whole in every form that can hold it.
func TestExportImport(t *testing.T) {
	cfg := virtualauth.Config{ResidentKeys: true, BackupEligible: true, UserVerification: true, Counter: virtualauth.Counter{Start: 41},
		Extensions: virtualauth.ExtensionSupport{HMACSecret: true, CredBlob: true, LargeBlob: true, CredProtect: true}}
	for _, id := range virtualauth.Algorithms() {
		cfg.Algorithms = []int64{id}
		a := newAuthenticator(t, cfg)
		o := residentOptions("ada")
		o.PubKeyCredParams = []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: id}}
		o.Extensions = inputs(`{"prf":{},"credBlob":"AAEC","largeBlob":{"support":"required"}}`)
		r := create(t, page, a, o)
		write := allow(r.Credential.ID)
		write.Extensions = inputs(`{"largeBlob":{"write":"AwQF"}}`)
		get(t, page, a, write)
		for form, name := range []string{"native", "CDP", "virtualwebauthn"} {
			text, err := a.ExportJSON(r.Credential.ID, virtualauth.Form(form))
			if virtualauth.Form(form) == virtualauth.FormVirtualWebAuthn && id != virtualauth.ES256 && id != virtualauth.RS256 {
				if err == nil {
					t.Errorf("%s: virtualwebauthn took a %s key", name, virtualauth.AlgorithmName(id))
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s, %s: %v", name, virtualauth.AlgorithmName(id), err)
			}
			c, err := virtualauth.ImportJSON(text, virtualauth.Form(form))
			if err != nil {
				t.Fatalf("%s, %s: %v", name, virtualauth.AlgorithmName(id), err)
			}
			if virtualauth.Form(form) == virtualauth.FormVirtualWebAuthn {
				c.RPID, c.UserHandle, c.Resident = "rp.example", []byte("ada"), true
			}
			if virtualauth.Form(form) == virtualauth.FormCDP {
				c.Algorithm = id // the form does not tell RS256 from PS256
			}
			if pub, ok := c.PrivateKey.Public().(interface{ Equal(crypto.PublicKey) bool }); ok && !pub.Equal(r.Credential.PrivateKey.Public()) {
				t.Errorf("%s, %s: another key came back", name, virtualauth.AlgorithmName(id))
			}
			other := cfg
			other.Seed = []byte("somebody else's")
			b := newAuthenticator(t, other)
			if err := b.Import(c); err != nil {
				t.Fatal(err)
			}
			q := allow(r.Credential.ID)
			if virtualauth.Form(form) == virtualauth.FormNative {
				q.Extensions = inputs(`{"prf":{"eval":{"first":"AA"}},"getCredBlob":true,"largeBlob":{"read":true}}`)
			}
			fromB := get(t, page, b, q)
			fromA := get(t, page, a.Clone(), q)
			if form == 0 && !bytes.Equal(marshal(t, fromA.Response.ClientExtensionResults), marshal(t, fromB.Response.ClientExtensionResults)) {
				t.Errorf("%s: %s, not %s", name, marshal(t, fromB.Response.ClientExtensionResults), marshal(t, fromA.Response.ClientExtensionResults))
			}
			if string(fromB.Response.UserHandle) != "ada" || counterOf(fromB.Response.AuthenticatorData) != 43 {
				t.Errorf("%s: user %q, counter %d", name, fromB.Response.UserHandle, counterOf(fromB.Response.AuthenticatorData))
			}
			if virtualauth.Form(form) != virtualauth.FormVirtualWebAuthn && fromB.Response.AuthenticatorData[32]&virtualauth.FlagBE == 0 {
				t.Errorf("%s: backup eligibility is lost", name)
			}
		}
	}
}

// TestExportForms: the members and encodings that others look for.
func TestExportForms(t *testing.T) {
	a := newAuthenticator(t, virtualauth.Config{ResidentKeys: true})
	r := create(t, page, a, residentOptions("ada>?"))
	text, err := a.ExportJSON(r.Credential.ID, virtualauth.FormCDP)
	if err != nil {
		t.Fatal(err)
	}
	var cdp map[string]any
	if err := json.Unmarshal(text, &cdp); err != nil {
		t.Fatal(err)
	}
	if cdp["credentialId"] != base64.StdEncoding.EncodeToString(r.Credential.ID) || cdp["isResidentCredential"] != true || cdp["rpId"] != "rp.example" ||
		cdp["userHandle"] != base64.StdEncoding.EncodeToString([]byte("ada>?")) || cdp["signCount"] != 0.0 || cdp["backupEligibility"] != false || cdp["backupState"] != false {
		t.Errorf("CDP form %s", text)
	}
	text, err = a.ExportJSON(r.Credential.ID, virtualauth.FormVirtualWebAuthn)
	if err != nil {
		t.Fatal(err)
	}
	var theirs descope.Credential
	if err := json.Unmarshal(text, &theirs); err != nil {
		t.Fatal(err)
	}
	sent := allow(r.Credential.ID)
	options, err := descope.ParseAssertionOptions(fmt.Sprintf(`{"publicKey":{"challenge":"%s","rpId":"rp.example"}}`, base64.RawURLEncoding.EncodeToString(sent.Challenge)))
	if err != nil {
		t.Fatal(err)
	}
	var response virtualauth.AuthenticationResponse
	if err := json.Unmarshal([]byte(descope.CreateAssertionResponse(descope.RelyingParty{ID: "rp.example", Origin: "https://rp.example"}, descope.NewAuthenticator(), theirs, *options)), &response); err != nil {
		t.Fatal(err)
	}
	if !verifies(r.Credential.PrivateKey.Public(), response.AuthenticatorData, response.ClientDataJSON, response.Signature) {
		t.Error("virtualwebauthn does not sign with the exported key")
	}
	fresh := descope.NewCredential(descope.KeyTypeEC2)
	back, err := virtualauth.ImportJSON(marshal(t, fresh), virtualauth.FormVirtualWebAuthn)
	if err != nil || !bytes.Equal(back.ID, fresh.ID) || back.Algorithm != virtualauth.ES256 {
		t.Errorf("virtualwebauthn's own: %+v (%v)", back, err)
	}
	if _, err := a.ExportJSON([]byte("unknown"), virtualauth.FormCDP); err == nil {
		t.Error("an unknown credential was exported")
	}
}

func FuzzImportJSON(f *testing.F) {
	a := newAuthenticator(f, virtualauth.Config{ResidentKeys: true})
	r, err := page.Create(context.Background(), a, residentOptions("ada"), virtualauth.Faults{})
	if err != nil {
		f.Fatal(err)
	}
	for form := range 3 {
		text, err := a.ExportJSON(r.Credential.ID, virtualauth.Form(form))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, form)
	}
	f.Add([]byte(`{"id":"AA","privateKey":"AA"}`), 0)
	f.Fuzz(func(t *testing.T, data []byte, form int) {
		c, err := virtualauth.ImportJSON(data, virtualauth.Form(form))
		if err != nil {
			return
		}
		if err := newAuthenticator(t, virtualauth.Config{ResidentKeys: true}).Import(c); err != nil {
			t.Errorf("%q was read, and is not importable: %v", data, err)
		}
		if virtualauth.Form(form) != virtualauth.FormVirtualWebAuthn {
			if _, err := c.ExportJSON(virtualauth.Form(form)); err != nil {
				t.Errorf("%q was read, and is not exportable: %v", data, err)
			}
		}
	})
}

func TestParseRelatedOrigins(t *testing.T) {
	for text, want := range map[string]string{
		`{"origins":["https://a.example","https://b.example"]}`: "https://a.example https://b.example",
		`{"origins":[],"other":1}`:                              "",
		`{"origins":["https://a.ex\u0061mple"]}`:                "https://a.example",
		`{"origins":["x"],"origins":["https://last.example"]}`:  "https://last.example",
		``: "!", `[]`: "!", `{}`: "!", `{"origins":"https://a.example"}`: "!", `{"origins":[1]}`: "!", `{"origins":null}`: "!", `{"origins":[]} x`: "!",
	} {
		got, err := virtualauth.ParseRelatedOrigins([]byte(text))
		if want == "!" && err == nil || want != "!" && (err != nil || strings.Join(got, " ") != want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := virtualauth.ParseRelatedOrigins(bytes.Repeat([]byte(" "), 300<<10)); err == nil {
		t.Error("a document of 300 KiB was read")
	}
}

// TestRelatedOriginsDocument: a page elsewhere registers and signs in under the
// RP ID whose document lists it, within five labels, framed or not.
func TestRelatedOriginsDocument(t *testing.T) {
	list := func(origins ...string) string { return string(marshal(t, map[string]any{"origins": origins})) }
	for name, tc := range map[string]struct{ document, want string }{
		"listed":          {list("https://rp.example", "https://elsewhere.test"), ""},
		"not listed":      {list("https://rp.example"), "SecurityError"},
		"fifth label":     {list("https://a.test", "https://b.test", "https://c.test", "https://d.test", "https://elsewhere.test"), ""},
		"sixth label":     {list("https://a.test", "https://b.test", "https://c.test", "https://d.test", "https://e.test", "https://elsewhere.test"), "SecurityError"},
		"one label often": {list("https://a.test", "https://a.example", "https://b.a.test", "https://b.test", "https://c.test", "https://d.test", "https://elsewhere.test"), ""},
		"other scheme":    {list("http://elsewhere.test"), "SecurityError"},
		"other port":      {list("https://elsewhere.test:8443"), "SecurityError"},
		"not a document":  {"nonsense", "SecurityError"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := ""
			c := &virtualauth.Client{Origin: "https://elsewhere.test", CrossOrigin: true, TopOrigin: "https://top.test", RelatedOrigins: func(_ context.Context, rpID string) ([]string, error) {
				asked = rpID
				return virtualauth.ParseRelatedOrigins([]byte(tc.document))
			}}
			a := newAuthenticator(t, virtualauth.Config{})
			r, err := c.Create(context.Background(), a, plainOptions(), virtualauth.Faults{})
			if nameOf(err) != tc.want || asked != "rp.example" {
				t.Fatalf("create: %v, want %q; asked for %q", err, tc.want, asked)
			}
			if tc.want != "" {
				return
			}
			g := get(t, c, a, allow(r.Credential.ID))
			var data struct {
				Origin, TopOrigin string
				CrossOrigin       bool
			}
			if err := json.Unmarshal(g.Response.ClientDataJSON, &data); err != nil {
				t.Fatal(err)
			}
			if data.Origin != "https://elsewhere.test" || data.TopOrigin != "https://top.test" || !data.CrossOrigin {
				t.Errorf("client data %s", g.Response.ClientDataJSON)
			}
		})
	}
}

func FuzzParseRelatedOrigins(f *testing.F) {
	f.Add([]byte(`{"origins":["https://a.example"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := virtualauth.ParseRelatedOrigins(data)
		if err == nil && (list == nil || !json.Valid(data)) {
			t.Errorf("%q was read as %v", data, list)
		}
	})
}
