package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
)

// drivenSession is a client.Session of a browser under remote control.
type drivenSession struct {
	client  *driven
	stage   *stage
	page    client.SessionConfig
	current *drivenAuthenticator // the one that answers; nil before the first Plug
	closed  bool
	left    bool // its page is not needed by it any more
}

// with runs do while nobody else uses the browser, for at most the client's
// time and extra. It waits for others to be done with another page.
func (s *drivenSession) with(ctx context.Context, extra time.Duration, do func(ctx context.Context) error) error {
	return s.withPage(ctx, placeOf(s.page), extra, do)
}

// withPage is with, for what needs the page of place, or none.
func (s *drivenSession) withPage(ctx context.Context, place string, extra time.Duration, do func(ctx context.Context) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := s.client.take(ctx, place); err != nil {
		return err
	}
	defer s.client.leave(place)
	if s.closed {
		return fmt.Errorf("this %s session is closed", s.client.kind)
	}
	if s.stage.lost != nil {
		return s.stage.lost
	}
	ctx, cancel := s.client.bound(ctx, s.client.timeout+extra)
	defer cancel()
	return do(ctx)
}

// Plug adds an authenticator.
func (s *drivenSession) Plug(ctx context.Context, cfg client.AuthenticatorConfig) (client.Authenticator, error) {
	a := &drivenAuthenticator{session: s, cfg: cfg}
	_, err := s.client.translate(cfg)
	if err == nil {
		err = s.with(ctx, 0, func(ctx context.Context) error { return s.stage.swap(ctx, a) })
	}
	if err != nil {
		return nil, fmt.Errorf("plug in an authenticator: %w", err)
	}
	s.current = a
	return a, nil
}

// Use makes a, which must come from this session's Plug, the one that answers.
func (s *drivenSession) Use(ctx context.Context, a client.Authenticator) error {
	mine, ok := a.(*drivenAuthenticator)
	if !ok || mine.session != s {
		return errors.New("use an authenticator: it was not plugged into this session")
	}
	if err := s.with(ctx, 0, func(ctx context.Context) error { return s.stage.swap(ctx, mine) }); err != nil {
		return fmt.Errorf("use an authenticator: %w", err)
	}
	s.current = mine
	return nil
}

// ready brings the browser to the session's page, plugs in its authenticator, and
// clicks where the method wants that.
func (s *drivenSession) ready(ctx context.Context, method string) error {
	err := s.stage.load(ctx, s.page)
	if err == nil {
		err = s.stage.swap(ctx, s.current)
	}
	if err == nil && s.page.TopOrigin != "" && !s.page.Untouched && method == "create" {
		err = s.stage.sound(s.stage.driver.touch(ctx))
	}
	if err != nil {
		return fmt.Errorf("%s(): %w", method, err)
	}
	return nil
}

// ceremony runs create or get on the session's page with its authenticator.
func (s *drivenSession) ceremony(ctx context.Context, kind string, options json.RawMessage) (json.RawMessage, error) {
	if err := s.ready(ctx, kind); err != nil {
		return nil, err
	}
	longest := s.client.timeout
	answer, err := s.stage.driver.run(ctx, []any{kind, string(options), longest.Milliseconds()})
	if err := s.stage.sound(err); err != nil {
		return nil, fmt.Errorf("%s(): %w", kind, err)
	}
	return parseOutcome(kind, s.page.Origin, answer, longest)
}

// Create runs create() with the options.
func (s *drivenSession) Create(ctx context.Context, options json.RawMessage) (*client.Registration, error) {
	if s.current == nil {
		return nil, errors.New("create(): no authenticator is plugged in")
	}
	if s.current.cfg.SelfAttestation {
		options = askDirect(options)
	}
	r := &client.Registration{}
	err := s.with(ctx, grace, func(ctx context.Context) error {
		answer, err := s.ceremony(ctx, "create", options)
		if err != nil {
			return err
		}
		if r.Response, err = parseRegistration(answer); err != nil {
			return err
		}
		s.current.made(r.Response.RawID, rpIDOf(s.page.Origin, options))
		if r.Credential, err = s.current.find(ctx, r.Response.RawID); err != nil {
			return fmt.Errorf("create(): export the new credential: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// askDirect asks for direct attestation whatever the options ask for. What does
// not decode is left to the browser.
func askDirect(options json.RawMessage) json.RawMessage {
	var o map[string]json.RawMessage
	if json.Unmarshal(options, &o) != nil || o == nil {
		return options
	}
	o["attestation"] = json.RawMessage(`"direct"`)
	changed, err := json.Marshal(o)
	if err != nil {
		return options
	}
	return changed
}

// Get runs get() with the options.
func (s *drivenSession) Get(ctx context.Context, options json.RawMessage) (*client.Assertion, error) {
	if s.current == nil {
		return nil, errors.New("get(): no authenticator is plugged in")
	}
	if s.client.request != nil {
		options = s.client.request(options)
	}
	a := &client.Assertion{}
	err := s.with(ctx, grace, func(ctx context.Context) error {
		answer, err := s.ceremony(ctx, "get", options)
		if err != nil {
			return err
		}
		if a.Response, err = parseAuthentication(answer); err != nil {
			return err
		}
		if a.Credential, err = s.current.find(ctx, a.Response.RawID); err != nil {
			return fmt.Errorf("get(): export the credential: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Close ends the session and removes its authenticators.
func (s *drivenSession) Close() error {
	if !s.left {
		s.left = true
		s.client.enter(placeOf(s.page), -1)
	}
	err := s.withPage(context.Background(), "", 0, func(ctx context.Context) error {
		s.closed = true
		if at := s.stage.current; at != nil && at.session == s {
			// What goes wrong here gives the browser up, and the next session says so.
			_ = s.stage.unplug(ctx)
		}
		return nil
	})
	if err != nil {
		s.closed = true // the browser is gone, and all authenticators with it
	}
	return nil
}

// drivenAuthenticator is a client.Authenticator: one of the browser while it is
// the one that answers, and what was exported of it while it is not.
type drivenAuthenticator struct {
	session *drivenSession
	cfg     client.AuthenticatorConfig
	id      string // the browser's name for it while it is plugged in
	// order is the ids of the credentials, oldest first.
	order [][]byte
	// rpIDs is the RP ID of each credential by its id; a U2F authenticator keeps its hash only.
	rpIDs    map[string]string
	exported []driverCredential
}

// made notes a credential that has come.
func (a *drivenAuthenticator) made(id []byte, rpID string) {
	a.order = append(a.order, bytes.Clone(id))
	if a.rpIDs == nil {
		a.rpIDs = map[string]string{}
	}
	a.rpIDs[string(id)] = rpID
}

// stored lists the credentials, oldest first, wherever they are.
func (a *drivenAuthenticator) stored(ctx context.Context) ([]driverCredential, error) {
	if a.id == "" {
		return slices.Clone(a.exported), nil
	}
	stage := a.session.stage
	list, err := stage.driver.credentials(ctx, a.id)
	if err := stage.sound(err); err != nil {
		return nil, err
	}
	age := func(c driverCredential) int {
		at := slices.IndexFunc(a.order, func(id []byte) bool { return bytes.Equal(id, c.ID) })
		if at < 0 {
			return len(a.order)
		}
		return at
	}
	slices.SortStableFunc(list, func(x, y driverCredential) int { return age(x) - age(y) })
	for i := range list {
		if list[i].RPID == "" {
			list[i].RPID = a.rpIDs[string(list[i].ID)]
		}
	}
	return list, nil
}

// find returns the credential with this id.
func (a *drivenAuthenticator) find(ctx context.Context, id []byte) (*client.Credential, error) {
	list, err := a.stored(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		if bytes.Equal(c.ID, id) {
			exported, err := c.export()
			if err != nil {
				return nil, err
			}
			return &exported, nil
		}
	}
	return nil, fmt.Errorf("the authenticator lists none with the id %x", id)
}

// Credentials lists what is stored, oldest first.
func (a *drivenAuthenticator) Credentials(ctx context.Context) (list []client.Credential, err error) {
	err = a.session.with(ctx, 0, func(ctx context.Context) error {
		stored, err := a.stored(ctx)
		if err != nil {
			return err
		}
		for _, c := range stored {
			exported, err := c.export()
			if err != nil {
				return err
			}
			list = append(list, exported)
		}
		return nil
	})
	return list, err
}

// Import stores a credential made elsewhere; what keys are taken is the browser's matter.
func (a *drivenAuthenticator) Import(ctx context.Context, c client.Credential) error {
	key, err := marshalKey(c.PrivateKey)
	if err != nil {
		return fmt.Errorf("import a credential: %w", err)
	}
	wire := driverCredential{
		ID: c.ID, Resident: c.Resident, RPID: c.RPID, PrivateKey: key, UserHandle: c.UserHandle,
		SignCount: int64(c.SignCount), BackupEligibility: c.BackupEligible, BackupState: c.BackupState,
	}
	err = a.session.with(ctx, 0, func(ctx context.Context) error {
		stage := a.session.stage
		// The browser judges the credential, so the authenticator is plugged in
		// for it; the next ceremony plugs in what it needs.
		if err := stage.swap(ctx, a); err != nil {
			return err
		}
		if err := stage.sound(stage.driver.addCredential(ctx, a.id, wire)); err != nil {
			return err
		}
		a.made(c.ID, c.RPID)
		return nil
	})
	if err != nil {
		return fmt.Errorf("import a credential: %w", err)
	}
	return nil
}

// Remove forgets the credential with this id.
func (a *drivenAuthenticator) Remove(ctx context.Context, id []byte) error {
	same := func(other []byte) bool { return bytes.Equal(other, id) }
	err := a.session.with(ctx, 0, func(ctx context.Context) error {
		stored, err := a.stored(ctx)
		if err != nil {
			return err
		}
		// Not every browser minds an id that is not there.
		if !slices.ContainsFunc(stored, func(c driverCredential) bool { return same(c.ID) }) {
			return fmt.Errorf("the authenticator has none with the id %x", id)
		}
		if a.id == "" {
			a.exported = slices.DeleteFunc(a.exported, func(c driverCredential) bool { return same(c.ID) })
		} else if err := a.session.stage.sound(a.session.stage.driver.removeCredential(ctx, a.id, base64url(id).String())); err != nil {
			return err
		}
		a.order = slices.DeleteFunc(a.order, same)
		delete(a.rpIDs, string(id))
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove a credential: %w", err)
	}
	return nil
}
