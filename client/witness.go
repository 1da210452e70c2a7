package client

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/descope/virtualwebauthn"
	"github.com/fxamacker/cbor/v2"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// virtualWebAuthnVersion is the version of the library; a test compares it with go.mod.
const virtualWebAuthnVersion = "1.0.5"

// NewVirtualWebAuthn returns the client named virtualwebauthn: the library
// github.com/descope/virtualwebauthn, written by others, as an independent
// witness for plain ceremonies. Where it and the client virtual disagree, one of
// the two is wrong.
//
// It knows ES256 and RS256, always attests with packed self attestation, reads
// no extensions and keeps its counters at 0. It cannot be seeded, and
// credentials cannot be imported. The library panics on some failures; here
// that is an error that names it.
func NewVirtualWebAuthn() Client { return witness{} }

type witness struct{}

func (witness) Name() string           { return "virtualwebauthn" }
func (witness) Version() string        { return virtualWebAuthnVersion }
func (witness) Carries(a Ability) bool { return a == SelfAttestation }
func (witness) Close() error           { return nil }

func (witness) Open(_ context.Context, cfg SessionConfig) (Session, error) {
	if cfg.TopOrigin != "" || cfg.RelatedOrigins != nil {
		return nil, errors.New("open a virtualwebauthn session: it has neither frames nor related origins")
	}
	u, err := url.Parse(cfg.Origin)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("open a virtualwebauthn session: origin %q: want scheme://host", cfg.Origin)
	}
	return &witnessSession{origin: cfg.Origin, host: u.Hostname()}, nil
}

type witnessSession struct {
	origin, host string
	current      *witnessAuthenticator
	closed       bool
}

// witnessAuthenticator is the library's authenticator and what it does not keep
// of its credentials.
type witnessAuthenticator struct {
	session *witnessSession
	a       virtualwebauthn.Authenticator
	made    []witnessCredential // oldest first
}

type witnessCredential struct {
	virtualwebauthn.Credential
	rpID       string
	userHandle []byte
}

var witnessTransports = map[string]virtualwebauthn.Transport{
	"": virtualwebauthn.TransportUSB, "usb": virtualwebauthn.TransportUSB, "nfc": virtualwebauthn.TransportNFC,
	"ble": virtualwebauthn.TransportBLE, "internal": virtualwebauthn.TransportInternal, "hybrid": virtualwebauthn.TransportHybrid,
}

func (s *witnessSession) Plug(ctx context.Context, cfg AuthenticatorConfig) (made Authenticator, err error) {
	defer guard("plug in an authenticator", &err)
	if err := s.ready(ctx, false); err != nil {
		return nil, fmt.Errorf("plug in an authenticator: %w", err)
	}
	if cfg.U2F {
		return nil, errors.New("plug in an authenticator: virtualwebauthn has none that speaks U2F")
	}
	transport, ok := witnessTransports[cfg.Transport]
	if !ok {
		return nil, fmt.Errorf("plug in an authenticator: transport %q: there are usb, nfc, ble, internal and hybrid", cfg.Transport)
	}
	s.current = &witnessAuthenticator{session: s, a: virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{
		UserNotVerified: !cfg.UserVerification, BackupEligible: cfg.BackupEligible, BackupState: cfg.BackupState,
		Transports: []virtualwebauthn.Transport{transport},
	})}
	return s.current, nil
}

func (s *witnessSession) Use(ctx context.Context, a Authenticator) error {
	if err := s.ready(ctx, false); err != nil {
		return fmt.Errorf("use an authenticator: %w", err)
	}
	mine, ok := a.(*witnessAuthenticator)
	if !ok || mine.session != s {
		return errors.New("use an authenticator: it was not plugged into this session")
	}
	s.current = mine
	return nil
}

func (s *witnessSession) Create(ctx context.Context, options json.RawMessage) (reg *Registration, err error) {
	defer guard("create()", &err)
	if err := s.ready(ctx, true); err != nil {
		return nil, fmt.Errorf("create(): %w", err)
	}
	o, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		return nil, witnessRefusal("TypeError", err.Error())
	}
	rpID, err := s.claim(o.RelyingPartyID)
	if err != nil {
		return nil, err
	}
	keyType, err := witnessKeyType(options)
	if err != nil {
		return nil, err
	}
	for _, c := range s.current.made {
		if c.rpID == rpID && c.IsExcludedForAttestation(*o) {
			return nil, witnessRefusal("InvalidStateError", "a credential of excludeCredentials is on the authenticator")
		}
	}
	c := witnessCredential{virtualwebauthn.NewCredential(keyType), rpID, []byte(o.UserID)}
	rp := virtualwebauthn.RelyingParty{ID: rpID, Name: o.RelyingPartyName, Origin: s.origin}
	text := virtualwebauthn.CreateAttestationResponse(rp, s.current.a, c.Credential, *o)

	reg = &Registration{}
	if err := json.Unmarshal([]byte(text), &reg.Response); err != nil {
		return nil, fmt.Errorf("create(): read what virtualwebauthn wrote: %w", err)
	}
	if reg.Credential, err = s.current.export(c); err != nil {
		return nil, fmt.Errorf("create(): %w", err)
	}
	if err := completeRegistration(&reg.Response, reg.Credential.PrivateKey.Public(), keyType); err != nil {
		return nil, fmt.Errorf("create(): %w", err)
	}
	s.current.made = append(s.current.made, c)
	s.current.a.AddCredential(c.Credential)
	return reg, nil
}

// completeRegistration fills in the members of a RegistrationResponseJSON that
// the library leaves out and that only repeat what stands in the attestation object
// (https://www.w3.org/TR/webauthn-3/#dictdef-authenticatorattestationresponsejson).
func completeRegistration(r *virtualauth.RegistrationResponse, key crypto.PublicKey, keyType virtualwebauthn.KeyType) (err error) {
	var object struct {
		AuthData []byte `cbor:"authData"`
	}
	if err := cbor.Unmarshal(r.AttestationObject, &object); err != nil {
		return fmt.Errorf("read the attestation object: %w", err)
	}
	r.AuthenticatorData = object.AuthData
	r.PublicKeyAlgorithm = witnessAlgorithms[keyType]
	if r.PublicKey, err = x509.MarshalPKIXPublicKey(key); err != nil {
		return fmt.Errorf("write the public key: %w", err)
	}
	return nil
}

var witnessAlgorithms = map[virtualwebauthn.KeyType]int64{virtualwebauthn.KeyTypeEC2: -7, virtualwebauthn.KeyTypeRSA: -257}

// witnessKeyType is the first of pubKeyCredParams that the library has; the
// library itself does not read them.
func witnessKeyType(options json.RawMessage) (virtualwebauthn.KeyType, error) {
	o, err := virtualauth.ParseCreationOptions(options)
	if err != nil {
		return "", asPageSeesIt(err)
	}
	for _, p := range o.PubKeyCredParams {
		for keyType, alg := range witnessAlgorithms {
			if p.Type == "public-key" && p.Alg == alg {
				return keyType, nil
			}
		}
	}
	if len(o.PubKeyCredParams) > 0 {
		return "", witnessRefusal("NotAllowedError", "pubKeyCredParams has neither ES256 nor RS256")
	}
	return virtualwebauthn.KeyTypeEC2, nil
}

func (s *witnessSession) Get(ctx context.Context, options json.RawMessage) (made *Assertion, err error) {
	defer guard("get()", &err)
	if err := s.ready(ctx, true); err != nil {
		return nil, fmt.Errorf("get(): %w", err)
	}
	o, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		return nil, witnessRefusal("TypeError", err.Error())
	}
	rpID, err := s.claim(o.RelyingPartyID)
	if err != nil {
		return nil, err
	}
	// Without an allow list the newest credential answers, as a passkey would.
	at := -1
	for i, c := range s.current.made {
		if c.rpID == rpID && (len(o.AllowCredentials) == 0 || c.IsAllowedForAssertion(*o)) {
			at = i
		}
	}
	if at < 0 {
		return nil, witnessRefusal("NotAllowedError", "the authenticator has no credential that is allowed")
	}
	c := s.current.made[at]
	a := s.current.a
	a.Options.UserHandle = c.userHandle
	rp := virtualwebauthn.RelyingParty{ID: rpID, Origin: s.origin}
	text := virtualwebauthn.CreateAssertionResponse(rp, a, c.Credential, *o)

	made = &Assertion{}
	if err := json.Unmarshal([]byte(text), &made.Response); err != nil {
		return nil, fmt.Errorf("get(): read what virtualwebauthn wrote: %w", err)
	}
	if made.Credential, err = s.current.export(c); err != nil {
		return nil, fmt.Errorf("get(): %w", err)
	}
	return made, nil
}

// claim is the RP ID that the page may use: its host or a parent domain of it
// (https://www.w3.org/TR/webauthn-3/#rp-id). The library asks nothing.
func (s *witnessSession) claim(rpID string) (string, error) {
	if rpID == "" {
		return s.host, nil
	}
	if rpID != s.host && !strings.HasSuffix(s.host, "."+rpID) {
		return "", witnessRefusal("SecurityError", fmt.Sprintf("the RP ID %q is not the host of %s or a parent domain of it", rpID, s.origin))
	}
	return rpID, nil
}

func (s *witnessSession) Close() error {
	s.closed, s.current = true, nil
	return nil
}

func (s *witnessSession) ready(ctx context.Context, ceremony bool) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s.closed:
		return errors.New("this virtualwebauthn session is closed")
	case ceremony && s.current == nil:
		return errors.New("no authenticator is plugged in")
	default:
		return nil
	}
}

func witnessRefusal(name, message string) error { return &Error{Name: name, Message: message} }

// guard turns a panic of the library into an error.
func guard(what string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: github.com/descope/virtualwebauthn panicked: %v", what, p)
	}
}

func (a *witnessAuthenticator) Credentials(ctx context.Context) ([]Credential, error) {
	if err := a.session.ready(ctx, false); err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	list := make([]Credential, len(a.made))
	for i, c := range a.made {
		exported, err := a.export(c)
		if err != nil {
			return nil, fmt.Errorf("list credentials: %w", err)
		}
		list[i] = *exported
	}
	return list, nil
}

// Import always fails; see NewVirtualWebAuthn.
func (a *witnessAuthenticator) Import(context.Context, Credential) error {
	return errors.New("import a credential: the client virtualwebauthn does not carry it")
}

func (a *witnessAuthenticator) Remove(ctx context.Context, id []byte) error {
	if err := a.session.ready(ctx, false); err != nil {
		return fmt.Errorf("remove a credential: %w", err)
	}
	at := slices.IndexFunc(a.made, func(c witnessCredential) bool { return bytes.Equal(c.ID, id) })
	if at < 0 {
		return fmt.Errorf("remove a credential: there is none with the id %x", id)
	}
	a.made = slices.Delete(a.made, at, at+1)
	a.a.Credentials = slices.Delete(a.a.Credentials, at, at+1)
	return nil
}

func (a *witnessAuthenticator) export(c witnessCredential) (*Credential, error) {
	key, err := x509.ParsePKCS8PrivateKey(c.Key.Data)
	if err != nil {
		return nil, fmt.Errorf("read the credential's private key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("read the credential's private key: a %T cannot sign", key)
	}
	return &Credential{
		ID: c.ID, RPID: c.rpID, UserHandle: c.userHandle, PrivateKey: signer, SignCount: c.Counter, Resident: true,
		BackupEligible: a.a.Options.BackupEligible, BackupState: a.a.Options.BackupState,
	}, nil
}
