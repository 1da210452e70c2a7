package browser

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/client"
)

// clientData are the members of a response's client data.
func clientData(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func openWith(t testing.TB, c *chrome, cfg client.SessionConfig) window {
	t.Helper()
	ctx := testContext(t)
	s, err := c.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return window{t, ctx, s.(*session)}
}

// TestFrames: a page in a frame of another origin runs both ceremonies, and the
// client data tells so; the tab is as good as new afterwards.
func TestFrames(t *testing.T) {
	c := theChrome(t)
	for _, top := range []string{"https://embedder.example", "https://other.rp.example"} {
		p := openWith(t, c, client.SessionConfig{Origin: rpOrigin, TopOrigin: top})
		p.plug(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true})
		for range 2 { // the touch that create() uses up is made anew
			r := p.create(creation())
			a := p.get(request(r.Response.RawID))
			for what, raw := range map[string][]byte{"create()": r.Response.ClientDataJSON, "get()": a.Response.ClientDataJSON} {
				data := clientData(t, raw)
				if data["origin"] != rpOrigin || data["crossOrigin"] != true || data["topOrigin"] != top {
					t.Errorf("%s in a frame of %s: %s", what, top, raw)
				}
			}
		}
		p.Close()
		q := openPage(t, c, rpOrigin)
		q.plug(client.AuthenticatorConfig{})
		if data := clientData(t, q.create(creation()).Response.ClientDataJSON); data["crossOrigin"] == true || data["topOrigin"] != nil {
			t.Errorf("the page after it: %v", data)
		}
		q.Close()
	}
	if _, err := c.Open(t.Context(), client.SessionConfig{Origin: rpOrigin, TopOrigin: "embedder"}); err == nil || !strings.Contains(err.Error(), "top origin") {
		t.Errorf("a top origin that is none: %v", err)
	}
}

// framedPages are pages in frames, and what the client data of create() says of them:
// the top origin, or that there is none to tell, or the error's name.
var framedPages = []struct {
	name string
	page client.SessionConfig
	want string
}{
	{"another origin", client.SessionConfig{TopOrigin: "https://embedder.test"}, "https://embedder.test"},
	{"the same origin", client.SessionConfig{TopOrigin: rpOrigin, Untouched: true}, ""},
	{"two frames", client.SessionConfig{TopOrigin: "https://embedder.test", Between: []string{"https://middle.test"}}, "https://embedder.test"},
	{"frames of the same origin", client.SessionConfig{TopOrigin: rpOrigin, Between: []string{rpOrigin, rpOrigin}}, ""},
	{"nobody clicked", client.SessionConfig{TopOrigin: "https://embedder.test", Untouched: true}, "NotAllowedError"},
	{"not allowed", client.SessionConfig{TopOrigin: "https://embedder.test", Allow: new("publickey-credentials-get")}, "NotAllowedError"},
	{"no frame after them", client.SessionConfig{}, ""},
}

// testFrames: what is around a page decides what it may do and what is said of it.
func testFrames(t *testing.T, c client.Client) {
	ctx := testContext(t)
	for _, tc := range framedPages {
		tc.page.Origin = rpOrigin
		s, err := c.Open(ctx, tc.page)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if _, err := s.Plug(ctx, client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a click that create() uses up is made anew
			called, err := s.(client.Caller).Call(ctx, client.Call{Method: "create", Options: creation().json(t)})
			if err != nil {
				t.Fatalf("%s: %v", tc.name, err)
			}
			if called.Error != nil {
				if called.Error.Name != tc.want {
					t.Errorf("%s: %v, want %q", tc.name, called.Error, tc.want)
				}
				continue
			}
			r, err := parseRegistration(called.Response)
			if err != nil {
				t.Fatal(err)
			}
			data := clientData(t, r.ClientDataJSON)
			if top, _ := data["topOrigin"].(string); top != tc.want || data["origin"] != rpOrigin || (data["crossOrigin"] == true) != (tc.want != "") {
				t.Errorf("%s: %s", tc.name, r.ClientDataJSON)
			}
			// The picture is of the page with its frame, and the session goes on.
			picture, err := s.(client.Observant).Screenshot(ctx)
			if err != nil || len(picture.Data) < 1000 {
				t.Errorf("%s: a picture of %d bytes: %v", tc.name, len(picture.Data), err)
			}
		}
		s.Close()
	}
	for want, page := range map[string]client.SessionConfig{
		"top origin":          {TopOrigin: "embedder"},
		`top origin "middle"`: {TopOrigin: "https://embedder.test", Between: []string{"middle"}},
		"want its top origin": {Untouched: true},
	} {
		page.Origin = rpOrigin
		if _, err := c.Open(ctx, page); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// testRelated: the browser fetches the document itself, and believes it.
func testRelated(t *testing.T, c client.Client) {
	ctx := testContext(t)
	for origin, want := range map[string]string{"https://elsewhere.test": "", "https://third.test": "SecurityError"} {
		s, err := c.Open(ctx, client.SessionConfig{Origin: origin, RelatedOrigins: map[string][]string{"rp.example": {"https://elsewhere.test"}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Plug(ctx, client.AuthenticatorConfig{}); err != nil {
			t.Fatal(err)
		}
		_, err = s.Create(ctx, creation().with(options{"rp": options{"name": "RP", "id": "rp.example"}}).json(t))
		var refused *client.Error
		if errors.As(err, &refused) != (want != "") || refused != nil && refused.Name != want {
			t.Errorf("%s: %v, want %q", origin, err, want)
		}
		s.Close()
	}
}

func TestFramePolicies(t *testing.T)  { testFrames(t, theChrome(t)) }
func TestFirefoxFrames(t *testing.T)  { testFrames(t, theFirefox(t)) }
func TestFirefoxRelated(t *testing.T) { testRelated(t, theFirefox(t)) }

// TestRelatedOrigins: the browser fetches the document itself, and believes it.
func TestRelatedOrigins(t *testing.T) {
	c := theChrome(t)
	const other = "https://elsewhere.test"
	related := map[string][]string{"rp.example": {"https://rp-shop.example", other}}
	p := openWith(t, c, client.SessionConfig{Origin: other, RelatedOrigins: related})
	p.plug(client.AuthenticatorConfig{})
	claim := creation().with(options{"rp": options{"name": "RP", "id": "rp.example"}})
	r := p.create(claim)
	if data := clientData(t, r.Response.ClientDataJSON); data["origin"] != other {
		t.Errorf("the origin is %v", data["origin"])
	}
	if data := clientData(t, p.get(request(r.Response.RawID).with(options{"rpId": "rp.example"})).Response.ClientDataJSON); data["origin"] != other {
		t.Errorf("the origin is %v", data["origin"])
	}
	q := openWith(t, c, client.SessionConfig{Origin: "https://third.test", RelatedOrigins: related})
	q.plug(client.AuthenticatorConfig{})
	q.createRefused(claim, "SecurityError")
	q.createRefused(creation().with(options{"rp": options{"name": "RP", "id": "no-document.example"}}), "SecurityError")
}

func TestOverrides(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	a := p.plug(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true})
	r := p.create(creation())
	o := request(r.Response.RawID).with(options{"userVerification": "required"})
	for _, tc := range []struct {
		override client.Override
		flags    byte
		bogus    bool
	}{
		{client.Override{}, 0x05, false},
		{client.Override{BadUV: true}, 0x01, false},
		{client.Override{BadUP: true}, 0x04, false},
		{client.Override{BogusSignature: true}, 0x05, true},
		{client.Override{}, 0x05, false},
	} {
		if err := a.(client.Overridable).Override(p.ctx, tc.override); err != nil {
			t.Fatal(err)
		}
		// It holds also behind another authenticator.
		b := p.plug(client.AuthenticatorConfig{})
		_ = b
		if err := p.Use(p.ctx, a); err != nil {
			t.Fatal(err)
		}
		got := p.get(o).Response
		if got.AuthenticatorData[32] != tc.flags || (len(got.Signature) < 8) != tc.bogus {
			t.Errorf("%+v: flags %02x, a signature of %d bytes", tc.override, got.AuthenticatorData[32], len(got.Signature))
		}
	}
}

func TestAdjust(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	a := p.plug(client.AuthenticatorConfig{ResidentKeys: true, UserVerification: true}).(client.Adjustable)
	id := p.create(creation()).Response.RawID
	for _, tc := range []struct {
		adjust  client.Adjustment
		flags   byte
		counter uint32
	}{
		{client.Adjustment{SignCount: new(int64(41))}, 0x05, 42},
		{client.Adjustment{BackupEligible: new(true), BackupState: new(true)}, 0x1d, 43},
		{client.Adjustment{BackupEligible: new(false)}, 0x15, 44},
		{client.Adjustment{SignCount: new(int64(1<<32 - 1)), BackupState: new(false)}, 0x05, 0},
		{client.Adjustment{SignCount: new(int64(-1))}, 0x05, 0},
		{client.Adjustment{}, 0x05, 0},
	} {
		if err := a.Adjust(p.ctx, id, tc.adjust); err != nil {
			t.Fatal(err)
		}
		d := p.get(request(id).with(options{"userVerification": "required"})).Response.AuthenticatorData
		counter := uint32(d[33])<<24 | uint32(d[34])<<16 | uint32(d[35])<<8 | uint32(d[36])
		if d[32] != tc.flags || counter != tc.counter {
			t.Errorf("%+v: flags %02x, counter %d; want %02x, %d", tc.adjust, d[32], counter, tc.flags, tc.counter)
		}
	}
	if err := a.Adjust(p.ctx, []byte("none"), client.Adjustment{}); err == nil || !strings.Contains(err.Error(), "adjust a credential") {
		t.Errorf("a credential that is not there: %v", err)
	}
}

func TestConditional(t *testing.T) {
	p := openPage(t, theChrome(t), rpOrigin)
	p.plug(client.AuthenticatorConfig{Transport: "internal", ResidentKeys: true, UserVerification: true})
	p.create(creation().with(options{"authenticatorSelection": options{"residentKey": "required"}}))
	got, err := p.session.GetConditional(p.ctx, request().json(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.Response.UserHandle == nil {
		t.Error("the response has no user handle")
	}
}
