package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// session is a client.Session: one tab and the authenticators of its environment.
type session struct {
	tab     *tab
	origin  string
	current *authenticator // the one plugged in; nil before the first Plug
	closed  bool
}

func (s *session) usable() error {
	if s.closed {
		return errors.New("this chrome session is closed")
	}
	return s.tab.lost()
}

// Plug adds an authenticator; see the package's documentation for what happens
// to the one that answered so far.
func (s *session) Plug(ctx context.Context, cfg client.AuthenticatorConfig) (client.Authenticator, error) {
	a := &authenticator{session: s, cfg: cfg}
	if err := s.swap(ctx, a); err != nil {
		return nil, fmt.Errorf("plug in an authenticator: %w", err)
	}
	return a, nil
}

// Use makes a, which must come from this session's Plug, the one that answers.
func (s *session) Use(ctx context.Context, a client.Authenticator) error {
	mine, ok := a.(*authenticator)
	if !ok || mine.session != s {
		return errors.New("use an authenticator: it was not plugged into this session")
	}
	if err := s.swap(ctx, mine); err != nil {
		return fmt.Errorf("use an authenticator: %w", err)
	}
	return nil
}

// swap makes a the only authenticator in the environment.
func (s *session) swap(ctx context.Context, a *authenticator) error {
	if err := s.usable(); err != nil {
		return err
	}
	if s.current == a {
		return nil
	}
	if _, err := virtualOptions(a.cfg); err != nil {
		return err
	}
	if s.current != nil {
		if err := s.current.unplug(ctx); err != nil {
			return err
		}
		s.current = nil
	}
	if err := a.plug(ctx); err != nil {
		return err
	}
	s.current = a
	return nil
}

// meanwhile runs do with a plugged in, and then plugs in what was there before.
func (s *session) meanwhile(ctx context.Context, a *authenticator, do func() error) error {
	before := s.current
	if err := s.swap(ctx, a); err != nil {
		return err
	}
	err := do()
	if before == nil {
		return err
	}
	return errors.Join(err, s.swap(ctx, before))
}

func (s *session) ready() error {
	if err := s.usable(); err != nil {
		return err
	}
	if s.current == nil {
		return errors.New("no authenticator is plugged in")
	}
	return nil
}

// Create runs create() with the options.
func (s *session) Create(ctx context.Context, options json.RawMessage) (*client.Registration, error) {
	if err := s.ready(); err != nil {
		return nil, fmt.Errorf("create(): %w", err)
	}
	answer, err := s.tab.ceremony(ctx, "create", options, "")
	if err != nil {
		return nil, err
	}
	r := &client.Registration{}
	if r.Response, err = parseRegistration(answer); err != nil {
		return nil, err
	}
	s.current.made(r.Response.RawID, rpIDOf(s.origin, options))
	if r.Credential, err = s.current.find(ctx, r.Response.RawID); err != nil {
		return nil, fmt.Errorf("create(): export the new credential: %w", err)
	}
	return r, nil
}

// Get runs get() with the options.
func (s *session) Get(ctx context.Context, options json.RawMessage) (*client.Assertion, error) {
	return s.get(ctx, options, "")
}

// GetConditional implements client.ConditionalSession. In the virtual
// environment the browser shows nothing and takes a credential at once.
func (s *session) GetConditional(ctx context.Context, options []byte) (*client.Assertion, error) {
	return s.get(ctx, options, "conditional")
}

func (s *session) get(ctx context.Context, options json.RawMessage, mediation string) (*client.Assertion, error) {
	if err := s.ready(); err != nil {
		return nil, fmt.Errorf("get(): %w", err)
	}
	answer, err := s.tab.ceremony(ctx, "get", options, mediation)
	if err != nil {
		return nil, err
	}
	a := &client.Assertion{}
	if a.Response, err = parseAuthentication(answer); err != nil {
		return nil, err
	}
	if a.Credential, err = s.current.find(ctx, a.Response.RawID); err != nil {
		return nil, fmt.Errorf("get(): export the credential: %w", err)
	}
	return a, nil
}

func parseRegistration(answer []byte) (r virtualauth.RegistrationResponse, err error) {
	if err := json.Unmarshal(answer, &r); err != nil {
		return r, fmt.Errorf("create(): read the browser's response: %w", err)
	}
	return r, nil
}

func parseAuthentication(answer []byte) (r virtualauth.AuthenticationResponse, err error) {
	if err := json.Unmarshal(answer, &r); err != nil {
		return r, fmt.Errorf("get(): read the browser's response: %w", err)
	}
	return r, nil
}

// rpIDOf is the RP ID that the browser used for options that it accepted: rp.id,
// or the origin's effective domain (https://www.w3.org/TR/webauthn-3/#sctn-createCredential, step 8).
func rpIDOf(origin string, options json.RawMessage) string {
	var o struct {
		RP struct {
			ID *string `json:"id"`
		} `json:"rp"`
	}
	if err := json.Unmarshal(options, &o); err == nil && o.RP.ID != nil {
		return *o.RP.ID
	}
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Close ends the session, and keeps its tab for another one where it is sound.
func (s *session) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if s.tab.lost() == nil && s.current != nil && s.current.id != "" {
		if err := s.current.remove(context.Background()); err != nil {
			// An authenticator that may have stayed must not answer in the next session.
			s.tab.discard()
			return nil
		}
	}
	s.tab.proc.release(s.tab)
	return nil
}
