package ceremony

import (
	"context"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// The catalogue of faults of package virtualauth is put before the RP. Package
// internal/differential puts the same before go-webauthn.

// bench is one RP, one account and one authenticator.
type bench struct {
	*world
	client        *virtualauth.Client
	authenticator *virtualauth.Authenticator
}

func newBench(t testing.TB, format string, edits ...func(*Config)) *bench {
	t.Helper()
	roots, err := virtualauth.Roots()
	if err != nil {
		t.Fatal(err)
	}
	all := append([]func(*Config){func(c *Config) {
		c.Anchors.Certificates = roots
		c.Policy = Policy{RequireTrust: true, RejectCounterRegression: true}
		c.Clock = time.Now
	}}, edits...)
	b := &bench{world: newWorld(t, all...)}
	cfg := virtualauth.Config{Seed: []byte(t.Name()), UserVerification: true, ResidentKeys: true, Formats: []string{format}}
	if format == virtualauth.FormatFIDOU2F {
		cfg = virtualauth.Config{Seed: []byte(t.Name()), Protocol: virtualauth.U2F}
	}
	if b.authenticator, err = virtualauth.New(cfg); err != nil {
		t.Fatal(err)
	}
	b.client = &virtualauth.Client{Origin: testOrigin, AppID: testAppID}
	return b
}

// options are the issued options as a browser reads them.
func (b *bench) options(o *CreationOptions) *virtualauth.CreationOptions {
	b.Helper()
	v := &virtualauth.CreationOptions{Challenge: o.Challenge, Attestation: o.Attestation, Extensions: o.Extensions}
	v.RP.ID, v.RP.Name = o.RPID, o.RPName
	v.User.ID, v.User.Name, v.User.DisplayName = o.User.Handle, o.User.Name, o.User.DisplayName
	for _, alg := range o.Algorithms {
		v.PubKeyCredParams = append(v.PubKeyCredParams, virtualauth.PubKeyCredParam{Type: "public-key", Alg: alg})
	}
	if s := o.Selection; s != nil {
		v.AuthenticatorSelection.ResidentKey, v.AuthenticatorSelection.RequireResidentKey = s.ResidentKey, s.RequireResidentKey
		v.AuthenticatorSelection.UserVerification = s.UserVerification
	}
	return v
}

func (b *bench) create(req RegistrationRequest, f virtualauth.Faults) (*CreationOptions, *virtualauth.Registration, error) {
	b.Helper()
	o := b.begin(req)
	r, err := b.client.Create(context.Background(), b.authenticator, b.options(o), f)
	return o, r, err
}

func (b *bench) finishCreate(o *CreationOptions, r virtualauth.RegistrationResponse) (*Credential, error) {
	rawID := b64(r.RawID)
	return b.rp.FinishRegistration(FinishRegistration{Handle: o.Handle, Session: "s1", Response: RegistrationResponse{
		ID: r.ID, RawID: &rawID, Type: r.Type, ClientDataJSON: r.ClientDataJSON, AttestationObject: r.AttestationObject,
		Transports: r.Transports, ExtensionResults: r.ClientExtensionResults,
	}})
}

func (b *bench) get(req AuthenticationRequest, f virtualauth.Faults) (*RequestOptions, *virtualauth.Assertion, error) {
	b.Helper()
	o := b.beginAuth(req)
	v := &virtualauth.RequestOptions{Challenge: o.Challenge, RPID: o.RPID, UserVerification: o.UserVerification, Extensions: o.Extensions}
	for _, d := range o.AllowCredentials {
		v.AllowCredentials = append(v.AllowCredentials, virtualauth.Descriptor{Type: d.Type, ID: d.ID, Transports: d.Transports})
	}
	a, err := b.client.Get(context.Background(), b.authenticator, v, f)
	return o, a, err
}

func (b *bench) finishGet(o *RequestOptions, r virtualauth.AuthenticationResponse) (*Login, error) {
	rawID := b64(r.RawID)
	return b.rp.FinishAuthentication(FinishAuthentication{Handle: o.Handle, Session: "s1", Response: AuthenticationResponse{
		ID: r.ID, RawID: &rawID, Type: r.Type, ClientDataJSON: r.ClientDataJSON, AuthenticatorData: r.AuthenticatorData,
		Signature: r.Signature, UserHandle: r.UserHandle, ExtensionResults: r.ClientExtensionResults,
	}})
}

var allFormats = []string{
	virtualauth.FormatNone, virtualauth.FormatPackedSelf, virtualauth.FormatPacked, virtualauth.FormatFIDOU2F, virtualauth.FormatTPM,
	virtualauth.FormatAndroidKey, virtualauth.FormatApple, virtualauth.FormatAndroidSafetyNet, virtualauth.FormatCompound,
}

func requestFor(format string) RegistrationRequest {
	if format == virtualauth.FormatFIDOU2F {
		return RegistrationRequest{Attestation: "direct"}
	}
	return RegistrationRequest{Attestation: "direct", Selection: &AuthenticatorSelection{ResidentKey: "required", UserVerification: "required"}}
}

// judge holds a verdict against what the catalogue says of the fault.
func judge(t *testing.T, f virtualauth.Fault, format string, err error) {
	t.Helper()
	switch f.StrengthFor(format) {
	case virtualauth.MustReject:
		if err == nil {
			t.Errorf("%s (%s): accepted, must be refused", f.Name, f.Doc)
		}
	case virtualauth.MustAccept:
		if err != nil {
			t.Errorf("%s (%s): refused, must be accepted: %v", f.Name, f.Doc, err)
		}
	case virtualauth.ShouldReject:
		if err == nil {
			t.Logf("%s (%s): accepted, should be refused", f.Name, f.Doc)
		}
	}
}

func TestCatalogueOfFaults(t *testing.T) {
	for _, format := range allFormats {
		t.Run(format, func(t *testing.T) {
			registered, authenticated := 0, 0
			for _, f := range virtualauth.AllFaults() {
				faults, err := virtualauth.ParseFaults(f.Name)
				if err != nil {
					t.Fatal(err)
				}
				if f.InRegistration() && registerWithFault(t, format, f, faults) {
					registered++
				}
				// How a credential was attested makes no difference to its assertions.
				if f.InAuthentication() && (format == virtualauth.FormatNone || format == virtualauth.FormatFIDOU2F) && authenticateWithFault(t, format, f, faults) {
					authenticated++
				}
			}
			t.Logf("%d faults in registration, %d in authentication", registered, authenticated)
			if registered < 100 {
				t.Error("that is too few: the faults do not reach the RP")
			}
		})
	}
}

func registerWithFault(t *testing.T, format string, f virtualauth.Fault, faults virtualauth.Faults) bool {
	t.Helper()
	b := newBench(t, format)
	req := requestFor(format)
	if format == virtualauth.FormatFIDOU2F && f.Name == "ignore-user-verification" {
		return false // U2F knows none, so none can be asked for
	}
	if f.Name == "ignore-pub-key-cred-params" {
		req.Algorithms = []int64{-7}
		if format == virtualauth.FormatFIDOU2F {
			req.Algorithms = []int64{-257}
		}
	}
	o, r, err := b.create(req, faults)
	if err != nil {
		// Not every fault can be applied to every response, and some make the client refuse.
		return false
	}
	_, ours := b.finishCreate(o, r.Response)
	judge(t, f, format, ours)
	return true
}

func authenticateWithFault(t *testing.T, format string, f virtualauth.Fault, faults virtualauth.Faults) bool {
	t.Helper()
	b := newBench(t, format)
	o, r, err := b.create(requestFor(format), virtualauth.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.finishCreate(o, r.Response); err != nil {
		t.Fatal(err)
	}
	req := AuthenticationRequest{Username: "alice", UserVerification: "required"}
	if format == virtualauth.FormatFIDOU2F {
		req.UserVerification = "discouraged"
		if f.Name == "ignore-user-verification" {
			return false
		}
	}
	// A login before, so that counters have gone up on both sides.
	before, a, err := b.get(req, virtualauth.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.finishGet(before, a.Response); err != nil {
		t.Fatal(err)
	}
	if f.Name == "user-handle-absent" {
		// A fault only where the user is not known beforehand.
		if format == virtualauth.FormatFIDOU2F {
			return false
		}
		req.Username = ""
		options, a, err := b.get(req, faults)
		if err != nil {
			return false
		}
		_, ours := b.finishGet(options, a.Response)
		judge(t, f, format, ours)
		return true
	}
	options, a, err := b.get(req, faults)
	if err != nil {
		return false
	}
	_, ours := b.finishGet(options, a.Response)
	judge(t, f, format, ours)
	return true
}
