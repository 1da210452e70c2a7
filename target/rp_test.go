package target_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// page is one user at one Relying Party with one authenticator.
type page struct {
	t      *testing.T
	target *target.Target
	client virtualauth.Client
	device *virtualauth.Authenticator
}

func open(t *testing.T, dialect string, cfg rp.Config, network bool) *page {
	t.Helper()
	cfg.RPID, cfg.Origins = "rp.example", []string{"https://rp.example"}
	srv, err := rp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := target.LoadDialect(dialect)
	if err != nil {
		t.Fatal(err)
	}
	o := target.Options{RPID: "rp.example", Origin: "https://rp.example", Timeout: 10 * time.Second, ShowSecrets: true}
	if network {
		h := httptest.NewServer(srv)
		t.Cleanup(h.Close)
		o.URL = h.URL
	} else {
		o.Handler = http.Handler(srv)
	}
	tg, err := target.New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := virtualauth.New(virtualauth.Config{
		Seed: []byte(dialect), ResidentKeys: true, UserVerification: true,
		Formats: []string{virtualauth.FormatFIDOU2F, virtualauth.FormatPackedSelf},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &page{t, tg, virtualauth.Client{Origin: "https://rp.example"}, d}
}

func (p *page) session(id string) *target.Session {
	p.t.Helper()
	s := p.target.NewSession(p.target.NewUser(id))
	if err := s.Setup(p.t.Context()); err != nil {
		p.log(s)
		p.t.Fatal(err)
	}
	return s
}

func (p *page) log(s *target.Session) {
	p.t.Helper()
	for _, x := range s.Exchanges() {
		p.t.Logf("%s: %s %s %s\n  -> %d %s %s", x.Step, x.Method, x.URL, x.RequestBody.Text, x.Status, x.ResponseBody.Text, x.Error)
	}
}

func (p *page) create(c *target.Ceremony, f virtualauth.Faults) json.RawMessage {
	p.t.Helper()
	o, err := virtualauth.ParseCreationOptions(c.Options)
	if err != nil {
		p.t.Fatalf("%v in %s", err, c.Options)
	}
	r, err := p.client.Create(p.t.Context(), p.device, o, f)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.marshal(r.Response)
}

func (p *page) get(c *target.Ceremony, f virtualauth.Faults) json.RawMessage {
	p.t.Helper()
	o, err := virtualauth.ParseRequestOptions(c.Options)
	if err != nil {
		p.t.Fatalf("%v in %s", err, c.Options)
	}
	r, err := p.client.Get(p.t.Context(), p.device, o, f)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.marshal(r.Response)
}

func (p *page) marshal(v any) json.RawMessage {
	p.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *page) begin(s *target.Session, kind string, r target.Request) *target.Ceremony {
	p.t.Helper()
	c, err := s.Begin(p.t.Context(), kind, r)
	if err != nil {
		p.log(s)
		p.t.Fatal(err)
	}
	for _, d := range c.Validate() {
		p.t.Errorf("%s: %v", kind, d)
	}
	return c
}

func (p *page) expect(s *target.Session, c *target.Ceremony, credential json.RawMessage, w target.WireFaults, want target.OutcomeKind) *target.Outcome {
	p.t.Helper()
	o, err := c.Finish(p.t.Context(), credential, w)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, d := range o.Deviations {
		p.t.Errorf("%s with %v: %v", c.Kind, w.Names(), d)
	}
	if o.Kind != want {
		p.log(s)
		p.t.Errorf("%s with %v: %v, want %s", c.Kind, w.Names(), o, want)
	}
	return o
}

var dialects = []struct {
	name string
	cfg  rp.Config
}{
	{"fido", rp.Config{}},
	{"fortanix", rp.Config{}},
	{"fortanix-published", rp.Config{Fortanix: rp.Fortanix{Form: rp.FormPublished}}},
	{"fortanix-nameless", rp.Config{Fortanix: rp.Fortanix{Form: rp.FormNameless}}},
	{"dfns", rp.Config{}},
	{"dfns-decoded", rp.Config{}},
	{"dfns-old-page", rp.Config{Dfns: rp.Dfns{Form: rp.FormOldPage}}},
	{"nevis", rp.Config{}},
	{"nevis-assertion-path", rp.Config{}},
}

// TestReferenceRP runs both ceremonies of every dialect against the reference
// Relying Party, which was written from the same documents by other hands.
func TestReferenceRP(t *testing.T) {
	for _, network := range []bool{false, true} {
		for _, d := range dialects {
			name := d.name + " in process"
			if network {
				name = d.name + " over the network"
			}
			t.Run(name, func(t *testing.T) {
				p := open(t, d.name, d.cfg, network)
				s := p.session("ann")
				var r target.Request
				if p.target.Feature("request.resident-key").Declared {
					r.ResidentKey = "required"
				}
				c := p.begin(s, target.Registration, r)
				p.expect(s, c, p.create(c, virtualauth.Faults{}), target.WireFaults{}, target.Accepted)

				browser := s.Fork()
				if p.target.Feature("session-probe").Declared {
					if l, err := browser.Probe(t.Context()); err != nil || l != target.LoggedOut {
						t.Errorf("probe before login: %v %v", l, err)
					}
				}
				c = p.begin(browser, target.Authentication, target.Request{})
				assertion := p.get(c, virtualauth.Faults{})
				p.expect(browser, c, assertion, target.WireFaults{}, target.Accepted)
				if p.target.Feature("session-probe").Declared {
					if l, err := browser.Probe(t.Context()); err != nil || l != target.LoggedIn {
						t.Errorf("probe after login: %v %v", l, err)
					}
				}
				// The same assertion a second time is a replay.
				p.expect(browser, c, assertion, target.WireFaults{}, target.Rejected)

				// A bad signature is refused, and leaves the browser logged out.
				browser = s.Fork()
				c = p.begin(browser, target.Authentication, target.Request{})
				f, err := virtualauth.ParseFaults("signature-bit-flip")
				if err != nil {
					t.Fatal(err)
				}
				p.expect(browser, c, p.get(c, f), target.WireFaults{}, target.Rejected)
				if p.target.Feature("session-probe").Declared {
					if l, err := browser.Probe(t.Context()); err != nil || l != target.LoggedOut {
						t.Errorf("probe after a refused login: %v %v", l, err)
					}
				}
				if p.target.Feature("login.usernameless").Declared {
					browser = s.Fork()
					c = p.begin(browser, target.Authentication, target.Request{Usernameless: true})
					p.expect(browser, c, p.get(c, virtualauth.Faults{}), target.WireFaults{}, target.Accepted)
				}
			})
		}
	}
}

// TestReferenceRPWireFaults sends every wire fault that a dialect's body can
// have: none may crash the reference RP, legal forms are taken, and forms that
// no reading allows are refused.
func TestReferenceRPWireFaults(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			p := open(t, d.name, d.cfg, false)
			for _, kind := range []string{target.Registration, target.Authentication} {
				var login *target.Session
				if kind == target.Authentication {
					login = p.session("login")
					c := p.begin(login, target.Registration, target.Request{})
					p.expect(login, c, p.create(c, virtualauth.Faults{}), target.WireFaults{}, target.Accepted)
				}
				sent := 0
				defer func() {
					if sent < 40 {
						t.Errorf("%s: only %d wire faults were sent", kind, sent)
					}
				}()
				for i, f := range target.AllWireFaults() {
					if !applies(f, kind) {
						continue
					}
					w, err := target.ParseWireFaults(f.Name)
					if err != nil {
						t.Fatal(err)
					}
					var s *target.Session
					var c *target.Ceremony
					var credential json.RawMessage
					if kind == target.Registration {
						s = p.session("wire" + string(rune('a'+i/26)) + string(rune('a'+i%26)))
						c = p.begin(s, kind, target.Request{})
						credential = p.create(c, virtualauth.Faults{})
					} else {
						s = login.Fork()
						c = p.begin(s, kind, target.Request{})
						credential = p.get(c, virtualauth.Faults{})
					}
					o, err := c.Finish(t.Context(), credential, w)
					if errors.Is(err, target.ErrNoRole) {
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					sent++
					switch {
					case o.Kind == target.Crashed || o.Kind == target.Unclear,
						f.Legal && o.Kind != target.Accepted,
						!f.Legal && !f.Lenient && o.Kind != target.Rejected:
						t.Errorf("%s, %s (legal %v, lenient %v): %v", kind, f.Name, f.Legal, f.Lenient, o)
					}
				}
			}
		})
	}
}

func applies(f target.WireFault, kind string) bool {
	for _, k := range f.Ceremonies {
		if k == kind {
			return true
		}
	}
	return false
}

func TestReferenceRPU2F(t *testing.T) {
	p := open(t, "fortanix", rp.Config{}, false)
	u2f, err := virtualauth.New(virtualauth.Config{Seed: []byte("u2f"), Protocol: virtualauth.U2F})
	if err != nil {
		t.Fatal(err)
	}
	s := p.session("ann")
	c := p.begin(s, target.U2FRegistration, target.Request{})
	var o struct{ AppID, Challenge string }
	if err := json.Unmarshal(c.Options, &o); err != nil {
		t.Fatal(err)
	}
	reg, clientData, err := u2f.RegisterU2F(o.AppID, p.target.Origin(), o.Challenge)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	p.expect(s, c, p.marshal(map[string]string{"version": "U2F_V2", "registrationData": b64(reg), "clientData": b64(clientData)}), target.WireFaults{}, target.Accepted)
	// The account's next options carry the appid extension, and the U2F key answers them.
	p.device = u2f
	f := s.Fork()
	c = p.begin(f, target.Authentication, target.Request{})
	p.expect(f, c, p.get(c, virtualauth.Faults{}), target.WireFaults{}, target.Accepted)
}

func TestReferenceRPInOtherSession(t *testing.T) {
	// A ceremony begun by one account and finished in another's session binds
	// no credential to the wrong one.
	for _, dialect := range target.Dialects() {
		t.Run(dialect, func(t *testing.T) {
			p := open(t, dialect, rp.Config{}, false)
			ann, bob := p.session("ann"), p.session("bob")
			c := p.begin(ann, target.Registration, target.Request{})
			// Bob's own ceremony does what has to come first in his browser.
			p.begin(bob, target.Registration, target.Request{})
			o := p.expect(bob, c.In(bob), p.create(c, virtualauth.Faults{}), target.WireFaults{}, target.Rejected)
			if o.Step != "result" {
				t.Errorf("decided by %s: %v", o.Step, o)
			}
		})
	}
}
