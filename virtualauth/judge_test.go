package virtualauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// judge is go-webauthn with one account: an independent reading of the
// specification that everything made here is put before.
type judge struct {
	w    *webauthn.WebAuthn
	user *judgeUser
}

type judgeUser struct {
	id          []byte
	credentials []webauthn.Credential
}

func (u *judgeUser) WebAuthnID() []byte                         { return u.id }
func (u *judgeUser) WebAuthnName() string                       { return "ada@rp.example" }
func (u *judgeUser) WebAuthnDisplayName() string                { return "Ada" }
func (u *judgeUser) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

func newJudge(t testing.TB, change ...func(*webauthn.Config)) *judge {
	t.Helper()
	cfg := &webauthn.Config{RPID: "rp.example", RPDisplayName: "RP", RPOrigins: []string{"https://rp.example"}}
	for _, c := range change {
		c(cfg)
	}
	w, err := webauthn.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &judge{w, &judgeUser{id: []byte("ada's user handle")}}
}

// paramsOf offers these algorithms and no other.
func paramsOf(algs ...int64) webauthn.RegistrationOption {
	var params []protocol.CredentialParameter
	for _, a := range algs {
		params = append(params, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(a)})
	}
	return webauthn.WithCredentialParameters(params)
}

// register runs a registration and returns what the judge thinks of it. made
// is nil where the client refused.
func (j *judge) register(t testing.TB, c *virtualauth.Client, a *virtualauth.Authenticator, f virtualauth.Faults, opts ...webauthn.RegistrationOption) (made *virtualauth.Registration, verdict error) {
	t.Helper()
	creation, session, err := j.w.BeginRegistration(j.user, opts...)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(creation.Response)
	if err != nil {
		t.Fatal(err)
	}
	o, err := virtualauth.ParseCreationOptions(raw)
	if err != nil {
		t.Fatal(err)
	}
	made, err = c.Create(context.Background(), a, o, f)
	if err != nil {
		return nil, err
	}
	return made, j.judgeRegistration(t, session, made.Response)
}

func (j *judge) judgeRegistration(t testing.TB, session *webauthn.SessionData, r virtualauth.RegistrationResponse) error {
	t.Helper()
	wire, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(wire)
	if err != nil {
		return describe(err)
	}
	credential, err := j.w.CreateCredential(j.user, *session, parsed)
	if err != nil {
		return describe(err)
	}
	j.user.credentials = append(j.user.credentials, *credential)
	return nil
}

// login runs an authentication and returns what the judge thinks of it.
func (j *judge) login(t testing.TB, c *virtualauth.Client, a *virtualauth.Authenticator, f virtualauth.Faults, opts ...webauthn.LoginOption) (made *virtualauth.Assertion, verdict error) {
	t.Helper()
	assertion, session, err := j.w.BeginLogin(j.user, opts...)
	if err != nil {
		t.Fatal(err)
	}
	made, err = c.Get(context.Background(), a, requestOptions(t, assertion), f)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(marshal(t, made.Response))
	if err != nil {
		return made, describe(err)
	}
	credential, err := j.w.ValidateLogin(j.user, *session, parsed)
	if err != nil {
		return made, describe(err)
	}
	if credential.Authenticator.CloneWarning {
		return made, fmt.Errorf("clone warning")
	}
	for i := range j.user.credentials {
		if slices.Equal(j.user.credentials[i].ID, credential.ID) {
			j.user.credentials[i] = *credential
		}
	}
	return made, nil
}

// discover runs an authentication where the user is not known beforehand.
func (j *judge) discover(t testing.TB, c *virtualauth.Client, a *virtualauth.Authenticator, f virtualauth.Faults) (*virtualauth.Assertion, error) {
	t.Helper()
	assertion, session, err := j.w.BeginDiscoverableLogin()
	if err != nil {
		t.Fatal(err)
	}
	made, err := c.Get(context.Background(), a, requestOptions(t, assertion), f)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(marshal(t, made.Response))
	if err != nil {
		return made, describe(err)
	}
	_, err = j.w.ValidateDiscoverableLogin(func(_, userHandle []byte) (webauthn.User, error) {
		if string(userHandle) != string(j.user.id) {
			return nil, fmt.Errorf("no user with handle %x", userHandle)
		}
		return j.user, nil
	}, *session, parsed)
	return made, describe(err)
}

func requestOptions(t testing.TB, assertion *protocol.CredentialAssertion) *virtualauth.RequestOptions {
	t.Helper()
	o, err := virtualauth.ParseRequestOptions(marshal(t, assertion.Response))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// describe adds what go-webauthn keeps for developers.
func describe(err error) error {
	if e, ok := err.(*protocol.Error); ok {
		return fmt.Errorf("%s: %s (%s)", e.Type, e.Details, e.DevInfo)
	}
	return err
}

func newAuthenticator(t testing.TB, cfg virtualauth.Config) *virtualauth.Authenticator {
	t.Helper()
	if cfg.Seed == nil {
		cfg.Seed = []byte(t.Name())
	}
	a, err := virtualauth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var page = &virtualauth.Client{Origin: "https://rp.example"}

var direct = webauthn.WithConveyancePreference(protocol.PreferDirectAttestation)

// TestJudgeAccepts puts every combination of authenticator and options that is
// free of faults before the judge, and signs in afterwards.
func TestJudgeAccepts(t *testing.T) {
	self := []string{virtualauth.FormatPackedSelf}
	for _, tc := range []struct {
		name   string
		cfg    virtualauth.Config
		opts   []webauthn.RegistrationOption
		format string
	}{
		{"none", virtualauth.Config{}, nil, "none"},
		{"self asked for", virtualauth.Config{Formats: self}, []webauthn.RegistrationOption{direct}, "packed"},
		{"self not asked for", virtualauth.Config{Formats: self}, nil, "none"},
		{"self insisted on", virtualauth.Config{Formats: self, AlwaysAttest: true}, nil, "packed"},
		{"u2f none", virtualauth.Config{Protocol: virtualauth.U2F}, nil, "none"},
		{"u2f direct", virtualauth.Config{Protocol: virtualauth.U2F}, []webauthn.RegistrationOption{direct}, "fido-u2f"},
		{"platform", virtualauth.Config{Transports: []string{"internal"}, UserVerification: true, ResidentKeys: true}, nil, "none"},
		{"passkey", virtualauth.Config{UserVerification: true, ResidentKeys: true, BackupEligible: true, BackupState: true, Counter: virtualauth.Counter{Mode: virtualauth.CounterZero}},
			[]webauthn.RegistrationOption{webauthn.WithResidentKeyRequirement(protocol.ResidentKeyRequirementRequired)}, "none"},
		{"long id", virtualauth.Config{CredentialIDLength: 1023}, nil, "none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := newJudge(t)
			a := newAuthenticator(t, tc.cfg)
			made, err := j.register(t, page, a, virtualauth.Faults{}, tc.opts...)
			if err != nil {
				t.Fatalf("registration: %v", err)
			}
			if got := j.user.credentials[0].AttestationFormat; got != tc.format {
				t.Errorf("attestation format is %s, not %s", got, tc.format)
			}
			for range 3 {
				if _, err := j.login(t, page, a, virtualauth.Faults{}); err != nil {
					t.Fatalf("authentication: %v", err)
				}
			}
			if made.Credential.Resident {
				if _, err := j.discover(t, page, a, virtualauth.Faults{}); err != nil {
					t.Fatalf("authentication without a user: %v", err)
				}
			}
		})
	}
}

// lenient are faults that go-webauthn does not notice, with the reason. Every
// other fault that must be rejected has to be rejected by it.
var lenient = map[string]string{
	"client-data-bom":         "encoding/json does not drop a byte order mark",
	"client-data-member-case": "encoding/json takes member names in any case",
	"statement-missing":       "under none, no statement is as good as an empty one",
	"statement-null":          "under none, no statement is as good as an empty one",
	"statement-x5c-not-array": "x5c of another type is taken to be absent",
}

// TestJudgeRejects puts every fault before the judge, each beside the valid
// ceremony that it was made of.
func TestJudgeRejects(t *testing.T) {
	for _, f := range virtualauth.AllFaults() {
		if f.Strength == virtualauth.ShouldReject && !f.UnusableKey || f.Strength == virtualauth.MayReject || f.Stage == virtualauth.StageOptions {
			continue
		}
		if format := configFormat(f); format == virtualauth.FormatAndroidKey || format == virtualauth.FormatApple {
			continue // go-webauthn trusts the vendors' own roots alone, so the valid twin is rejected too
		}
		faults, err := virtualauth.ParseFaults(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		check := func(t *testing.T, verdict error) {
			t.Helper()
			if why, known := lenient[f.Name]; known {
				if (verdict != nil) != f.Legal {
					t.Errorf("go-webauthn judges it right after all (%s): %v", why, verdict)
				}
				return
			}
			if f.Legal && verdict != nil {
				t.Errorf("rejected, though it is legal: %v", verdict)
			}
			if !f.Legal && verdict == nil {
				t.Errorf("accepted: %s", f.Doc)
			}
		}
		if f.InRegistration() {
			t.Run("registration/"+f.Name, func(t *testing.T) {
				cfg, opts := circumstances(f)
				j := newJudge(t)
				if _, err := j.register(t, page, newAuthenticator(t, cfg), virtualauth.Faults{}, opts...); err != nil {
					t.Fatalf("the valid twin is rejected: %v", err)
				}
				made, verdict := newJudge(t).register(t, page, newAuthenticator(t, cfg), faults, opts...)
				if made == nil {
					t.Fatal(verdict)
				}
				check(t, verdict)
			})
		}
		if f.InAuthentication() {
			t.Run("authentication/"+f.Name, func(t *testing.T) {
				cfg, opts := circumstances(f)
				j := newJudge(t)
				a := newAuthenticator(t, cfg)
				if _, err := j.register(t, page, a, virtualauth.Faults{}, opts...); err != nil {
					t.Fatal(err)
				}
				for range 4 { // so that there is a counter to fall below
					if _, err := j.login(t, page, a, virtualauth.Faults{}); err != nil {
						t.Fatalf("the valid twin is rejected: %v", err)
					}
				}
				login := j.login
				if strings.HasPrefix(f.Name, "user-handle-absent") || strings.HasPrefix(f.Name, "user-handle-empty") {
					login = func(t testing.TB, c *virtualauth.Client, a *virtualauth.Authenticator, f virtualauth.Faults, _ ...webauthn.LoginOption) (*virtualauth.Assertion, error) {
						return j.discover(t, c, a, f)
					}
				}
				var required []webauthn.LoginOption
				if strings.HasPrefix(f.Name, "flag-uv-clear") {
					required = append(required, webauthn.WithUserVerification(protocol.VerificationRequired))
				}
				made, verdict := login(t, page, a, faults, required...)
				if made == nil {
					t.Fatal(verdict)
				}
				check(t, verdict)
			})
		}
	}
}

// circumstances are what a fault takes to be possible and to be noticed.
func circumstances(f virtualauth.Fault) (virtualauth.Config, []webauthn.RegistrationOption) {
	cfg := virtualauth.Config{ResidentKeys: true, UserVerification: true}
	sel := protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired}
	opts := []webauthn.RegistrationOption{paramsOf(keyAlgorithm(f))}
	switch {
	case configFormat(f) != "":
		cfg.Formats = []string{configFormat(f)}
		opts = append(opts, direct)
	case f.UnusableKey || f.Field == "AAGUIDZero":
		opts = append(opts, direct)
	case slices.Contains(f.Formats, "none") || f.Formats == nil:
	case slices.Contains(f.Formats, "packed"):
		opts = append(opts, direct)
	default:
		cfg = virtualauth.Config{Protocol: virtualauth.U2F}
		sel = protocol.AuthenticatorSelection{}
		opts = append(opts, direct)
	}
	switch f.Field {
	case "FlagUVSet":
		cfg = virtualauth.Config{}
		sel = protocol.AuthenticatorSelection{}
	case "FlagBEClear":
		cfg.BackupEligible = true
	case "UserHandlePresent":
		cfg.ResidentKeys = false
		sel = protocol.AuthenticatorSelection{}
	}
	return cfg, append(opts, webauthn.WithAuthenticatorSelection(sel))
}
