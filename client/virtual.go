package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
	"github.com/touchstone-webauthn/touchstone/virtualauth/fleet"
	"github.com/touchstone-webauthn/touchstone/virtualauth/mds"
)

// NewVirtual returns the client named virtual: package virtualauth, which
// carries everything and answers in microseconds. Its sessions are Disobedient.
func NewVirtual() Client { return virtual{} }

type virtual struct{}

func (virtual) Name() string { return "virtual" }

// Version says which of this module's versions it is, as the client is part of it.
func (virtual) Version() string      { return moduleVersion() }
func (virtual) Carries(Ability) bool { return true }
func (virtual) Close() error         { return nil }

// Algorithms are all that package virtualauth knows.
func (virtual) Algorithms() []int64 { return virtualauth.Algorithms() }

// Open starts a session. Without a seed its keys are random.
func (virtual) Open(_ context.Context, cfg SessionConfig) (Session, error) {
	seed := cfg.Seed
	if seed == nil {
		seed = make([]byte, 32)
		if _, err := rand.Read(seed); err != nil {
			return nil, fmt.Errorf("open a virtual session: draw a seed: %w", err)
		}
	}
	page := virtualauth.Client{Origin: cfg.Origin}
	framed(&page, cfg)
	if cfg.RelatedOrigins != nil {
		page.RelatedOrigins = func(_ context.Context, rpID string) ([]string, error) {
			if list, ok := cfg.RelatedOrigins[rpID]; ok {
				return list, nil
			}
			return nil, fmt.Errorf("%s has no /.well-known/webauthn", rpID)
		}
	}
	return &virtualSession{page: page, seed: seed}, nil
}

type virtualSession struct {
	page    virtualauth.Client
	seed    []byte
	plugged uint32
	current *virtualAuthenticator
	disobey virtualauth.Faults
	closed  bool
}

var _ Disobedient = (*virtualSession)(nil)

const module = "github.com/touchstone-webauthn/touchstone"

// moduleVersion is this module's version as the build recorded it.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(devel)"
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == module && m.Version != "" {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return "(devel)"
}

// authenticatorSeed gives each authenticator of a session a seed of its own.
func (s *virtualSession) authenticatorSeed() []byte {
	h := sha256.New()
	h.Write([]byte("touchstone virtual authenticator"))
	h.Write(binary.BigEndian.AppendUint32(nil, s.plugged))
	h.Write(s.seed)
	return h.Sum(nil)
}

// virtualConfig maps what all clients understand to what virtualauth takes.
func virtualConfig(cfg AuthenticatorConfig) (virtualauth.Config, error) {
	if cfg.Device != "" {
		d, err := fleet.Lookup(cfg.Device)
		if err != nil {
			return virtualauth.Config{}, err
		}
		return d.Config(nil), nil // the session has the seed
	}
	c := virtualauth.Config{
		ResidentKeys: cfg.ResidentKeys, UserVerification: cfg.UserVerification,
		BackupEligible: cfg.BackupEligible, BackupState: cfg.BackupState,
		AlwaysAttest: cfg.SelfAttestation,
	}
	if cfg.Extensions {
		c.Extensions = virtualauth.ExtensionSupport{CredProtect: true, HMACSecret: true, LargeBlob: true, CredBlob: true, MinPINLength: 6}
	}
	if has := cfg.With; has != (ExtensionSet{}) {
		c.Extensions = virtualauth.ExtensionSupport{HMACSecret: has.PRF, LargeBlob: has.LargeBlob, CredBlob: has.CredBlob, CredProtect: has.CredBlob}
		if has.MinPINLength {
			c.Extensions.MinPINLength = 4
		}
	}
	switch cfg.Transport {
	case "":
	case "usb", "nfc", "ble", "internal", "hybrid":
		c.Transports = []string{cfg.Transport}
	default:
		return c, fmt.Errorf("transport %q: there are usb, nfc, ble, internal and hybrid", cfg.Transport)
	}
	if cfg.Format != "" {
		if cfg.SelfAttestation || cfg.U2F {
			return c, errors.New("attestation format: leave SelfAttestation and U2F alone beside it")
		}
		c.Formats, c.AlwaysAttest = []string{cfg.Format}, true
	}
	if cfg.Model != "" {
		m, err := mds.LookupModel(cfg.Model)
		if err != nil {
			return c, err
		}
		if err := m.Configure(&c); err != nil {
			return c, err
		}
	}
	if cfg.U2F {
		if cfg.SelfAttestation {
			return c, errors.New("self attestation: a U2F authenticator has fido-u2f only")
		}
		// U2F knows neither, and a browser ignores them as well.
		c.Protocol, c.ResidentKeys, c.UserVerification = virtualauth.U2F, false, false
	}
	return c, nil
}

func (s *virtualSession) Plug(ctx context.Context, cfg AuthenticatorConfig) (Authenticator, error) {
	if err := s.ready(ctx, false); err != nil {
		return nil, fmt.Errorf("plug in an authenticator: %w", err)
	}
	c, err := virtualConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("plug in an authenticator: %w", err)
	}
	c.Seed = s.authenticatorSeed()
	a, err := virtualauth.New(c)
	if err != nil {
		return nil, fmt.Errorf("plug in an authenticator: %w", err)
	}
	s.plugged++
	s.current = &virtualAuthenticator{session: s, a: a}
	return s.current, nil
}

func (s *virtualSession) Use(ctx context.Context, a Authenticator) error {
	if err := s.ready(ctx, false); err != nil {
		return fmt.Errorf("use an authenticator: %w", err)
	}
	mine, ok := a.(*virtualAuthenticator)
	if !ok || mine.session != s {
		return errors.New("use an authenticator: it was not plugged into this session")
	}
	s.current = mine
	return nil
}

// Disobey applies the option faults of f to every ceremony that follows.
func (s *virtualSession) Disobey(f virtualauth.Faults) {
	s.disobey = virtualauth.Faults{}
	var names []string
	for _, name := range f.Names() {
		if fault, ok := virtualauth.LookupFault(name); ok && fault.Stage == virtualauth.StageOptions {
			names = append(names, name)
		}
	}
	if faults, err := virtualauth.ParseFaults(names...); err == nil {
		s.disobey = faults
	}
}

func (s *virtualSession) Create(ctx context.Context, options json.RawMessage) (*Registration, error) {
	if err := s.ready(ctx, true); err != nil {
		return nil, fmt.Errorf("create(): %w", err)
	}
	o, err := virtualauth.ParseCreationOptions(options)
	if err != nil {
		return nil, asPageSeesIt(err)
	}
	r, err := s.create(ctx, o)
	if err != nil {
		return nil, asPageSeesIt(err)
	}
	return &Registration{Response: r.Response, Credential: fromVirtual(r.Credential), Attestation: r.Attestation, Format: r.Keys().Format}, nil
}

func (s *virtualSession) Get(ctx context.Context, options json.RawMessage) (*Assertion, error) {
	if err := s.ready(ctx, true); err != nil {
		return nil, fmt.Errorf("get(): %w", err)
	}
	o, err := virtualauth.ParseRequestOptions(options)
	if err != nil {
		return nil, asPageSeesIt(err)
	}
	a, err := s.page.Get(ctx, s.current.a, o, s.disobey)
	if err != nil {
		return nil, asPageSeesIt(err)
	}
	// What the authenticator does wrong of its own accord.
	for _, f := range s.current.faults(a.Credential.ID) {
		response, err := virtualauth.EditAssertion(a.Response, a.Keys(), f)
		if err != nil {
			return nil, err
		}
		a.Response = response
	}
	return &Assertion{Response: a.Response, Credential: fromVirtual(a.Credential), UserHandle: a.Keys().UserHandle}, nil
}

func (s *virtualSession) Close() error {
	s.closed, s.current = true, nil
	return nil
}

// ready tells an ended context, a closed session or an empty port apart from a
// refusal by the client.
func (s *virtualSession) ready(ctx context.Context, ceremony bool) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s.closed:
		return errors.New("this virtual session is closed")
	case ceremony && s.current == nil:
		return errors.New("no authenticator is plugged in")
	default:
		return nil
	}
}

// asPageSeesIt makes an *Error of a refusal and leaves other errors alone.
func asPageSeesIt(err error) error {
	var refusal *virtualauth.Error
	if errors.As(err, &refusal) {
		return &Error{Name: refusal.Name, Message: refusal.Message}
	}
	return err
}

// create runs create(), and does wrong what the authenticator was told to.
func (s *virtualSession) create(ctx context.Context, o *virtualauth.CreationOptions) (*virtualauth.Registration, error) {
	r, err := s.page.Create(ctx, s.current.a, o, s.disobey)
	if err != nil {
		return nil, err
	}
	for _, f := range s.current.faults(nil) {
		if f.SignatureBitFlip {
			f = virtualauth.Faults{StatementSigBitFlip: true}
		}
		response, err := virtualauth.EditRegistration(r.Response, r.Keys(), f)
		if errors.Is(err, virtualauth.ErrNotApplicable) {
			continue // attestation none has no signature
		}
		if err != nil {
			return nil, err
		}
		r.Response = response
	}
	return r, nil
}

// GetConditional implements ConditionalSession: nothing of the response tells it
// from one that a dialog led to.
func (s *virtualSession) GetConditional(ctx context.Context, options []byte) (*Assertion, error) {
	return s.Get(ctx, options)
}

type virtualAuthenticator struct {
	session  *virtualSession
	a        *virtualauth.Authenticator
	override Override
	// still are the credentials whose counter is 0 for ever, by id.
	still map[string]bool
}

// faults are what the authenticator does wrong, one edit after the other.
func (a *virtualAuthenticator) faults(id []byte) []virtualauth.Faults {
	var out []virtualauth.Faults
	if a.still[string(id)] {
		out = append(out, virtualauth.Faults{CounterZero: true})
	}
	if a.override.BadUV {
		out = append(out, virtualauth.Faults{FlagUVClear: true})
	}
	if a.override.BadUP {
		out = append(out, virtualauth.Faults{FlagUPClear: true})
	}
	if a.override.BogusSignature {
		out = append(out, virtualauth.Faults{SignatureBitFlip: true})
	}
	return out
}

// Override implements Overridable.
func (a *virtualAuthenticator) Override(ctx context.Context, o Override) error {
	if err := a.session.ready(ctx, false); err != nil {
		return fmt.Errorf("override responses: %w", err)
	}
	a.override = o
	return nil
}

// Adjust implements Adjustable.
func (a *virtualAuthenticator) Adjust(ctx context.Context, id []byte, adj Adjustment) error {
	if err := a.session.ready(ctx, false); err != nil {
		return fmt.Errorf("adjust a credential: %w", err)
	}
	if n := adj.SignCount; n != nil && (*n < -1 || *n > 1<<32-1) {
		return fmt.Errorf("adjust a credential: the counter %d is neither -1 nor 0 to 2^32-1", *n)
	}
	return a.a.Update(id, func(c *virtualauth.Credential) {
		if adj.BackupEligible != nil {
			c.BackupEligible = *adj.BackupEligible
		}
		if adj.BackupState != nil {
			c.BackupState = *adj.BackupState
		}
		if adj.SignCount == nil {
			return
		}
		if a.still == nil {
			a.still = map[string]bool{}
		}
		a.still[string(id)] = *adj.SignCount == -1
		c.SignCount = uint32(max(0, *adj.SignCount))
	})
}

func (a *virtualAuthenticator) Credentials(ctx context.Context) ([]Credential, error) {
	if err := a.session.ready(ctx, false); err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	stored := a.a.Credentials()
	list := make([]Credential, len(stored))
	for i, c := range stored {
		list[i] = *fromVirtual(c)
	}
	return list, nil
}

func (a *virtualAuthenticator) Import(ctx context.Context, c Credential) error {
	if err := a.session.ready(ctx, false); err != nil {
		return fmt.Errorf("import a credential: %w", err)
	}
	return a.a.Import(virtualauth.Credential{
		ID: c.ID, RPID: c.RPID, UserHandle: c.UserHandle, PrivateKey: c.PrivateKey, Algorithm: c.Algorithm, SignCount: c.SignCount,
		Resident: c.Resident, BackupEligible: c.BackupEligible, BackupState: c.BackupState,
	})
}

func (a *virtualAuthenticator) Remove(ctx context.Context, id []byte) error {
	if err := a.session.ready(ctx, false); err != nil {
		return fmt.Errorf("remove a credential: %w", err)
	}
	return a.a.Remove(id)
}

func fromVirtual(c virtualauth.Credential) *Credential {
	return &Credential{
		ID: c.ID, RPID: c.RPID, UserHandle: c.UserHandle, PrivateKey: c.PrivateKey, Algorithm: c.Algorithm, SignCount: c.SignCount,
		Resident: c.Resident, BackupEligible: c.BackupEligible, BackupState: c.BackupState,
	}
}
