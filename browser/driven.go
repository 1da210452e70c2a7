package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
)

// driven is a client.Client over a browser under remote control: one browser
// with one page, which its sessions use in turn, an operation at a time.
type driven struct {
	kind      string
	abilities []client.Ability
	// algorithms are those of its authenticators.
	algorithms []int64
	// translate maps a configuration to what the browser is told, or refuses it.
	translate func(client.AuthenticatorConfig) (authenticatorOptions, error)
	// request changes request options of ceremonies, not of calls; nil leaves them.
	request func(json.RawMessage) json.RawMessage
	// start starts a browser; ctx bounds only that.
	start                 func(ctx context.Context) (driver, error)
	timeout, startTimeout time.Duration
	proxy                 *proxy
	version               string // as of the first start

	life context.Context // ends with Close
	end  context.CancelFunc
	// turn is full while somebody uses what follows.
	turn   chan struct{}
	stage  *stage // nil before the start
	closed bool
	manners
}

// manners keep sessions on different pages from having the browser load a page
// for each of their operations: whoever needs another page waits until those on
// the one that is there have left it or are doing something else. What belongs
// here is used with the turn, but for open.
type manners struct {
	mu sync.Mutex
	// open counts the open sessions by their place.
	open map[string]int
	// used is when the page was last used.
	used time.Time
	// patience and mostPatience are the constants, but in tests.
	patience, mostPatience time.Duration
}

const (
	// patience is how long a page that has open sessions lies idle before another
	// is loaded: longer than a Relying Party nearby thinks, shorter than to load two.
	patience = 25 * time.Millisecond
	// mostPatience is how long a session waits at most while others use their page.
	mostPatience = 2 * time.Second
)

func (m *manners) enter(place string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open == nil {
		m.open = map[string]int{}
	}
	if m.open[place] += n; m.open[place] <= 0 {
		delete(m.open, place)
	}
}

// pause is how long whoever needs the page had better wait; since is when it began to.
func (m *manners) pause(at, place string, since, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if place == "" || at == "" || at == place || m.open[at] == 0 || now.Sub(since) >= m.mostPatience {
		return 0
	}
	return max(0, m.patience-now.Sub(m.used))
}

// stage is one run of the browser: what is on its page, and the authenticator plugged in.
type stage struct {
	driver  driver
	at      string // which page is there, as placeOf says; empty for none that is known
	current *drivenAuthenticator
	lost    error // why the browser cannot be used any more
}

// open starts the browser for the first time. The caller has filled in all but
// the unexported state.
func (c *driven) open(ctx context.Context) error {
	c.life, c.end = context.WithCancel(context.Background())
	c.turn = make(chan struct{}, 1)
	c.patience, c.mostPatience = patience, mostPatience
	return c.restart(ctx)
}

func (c *driven) restart(ctx context.Context) error {
	ctx, cancel := c.bound(ctx, c.startTimeout)
	defer cancel()
	d, err := c.start(ctx)
	if err != nil {
		return fmt.Errorf("start %s: %w", c.kind, oneLine(err))
	}
	c.stage = &stage{driver: d}
	return nil
}

// Name implements client.Client.
func (c *driven) Name() string { return c.kind }

// Version implements client.Client.
func (c *driven) Version() string { return c.version }

// Carries implements client.Client.
func (c *driven) Carries(a client.Ability) bool { return slices.Contains(c.abilities, a) }

// Algorithms are the COSE algorithms of its virtual authenticators.
func (c *driven) Algorithms() []int64 { return c.algorithms }

// bound makes a context that ends with ctx, with the client, and after d.
func (c *driven) bound(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(ctx, d, fmt.Errorf("no answer within %s", d))
	ctx, fail := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(c.life, func() { fail(fmt.Errorf("this %s client is closed", c.kind)) })
	return ctx, func() { unhook(); fail(nil); cancel() }
}

// take waits for the browser to be free, with the page of place there or no
// longer needed by others; no place is any page.
func (c *driven) take(ctx context.Context, place string) error {
	closed := fmt.Errorf("this %s client is closed", c.kind)
	for since := time.Now(); ; {
		select {
		case c.turn <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.life.Done():
			return closed // the turn is not ours to give back: Close has it
		}
		if c.life.Err() != nil {
			<-c.turn
			return closed
		}
		if c.stage == nil || c.stage.lost != nil {
			return nil
		}
		pause := c.pause(c.stage.at, place, since, time.Now())
		if pause == 0 {
			return nil
		}
		<-c.turn
		select {
		case <-time.After(min(pause, patience/5)):
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.life.Done():
		}
	}
}

// leave lets others have the browser. The page counts as used where it was needed.
func (c *driven) leave(place string) {
	if place != "" {
		c.used = time.Now()
	}
	<-c.turn
}

// Open starts a session on a page of cfg.Origin, which must be written as the
// browser writes origins. The seed is ignored: a browser's keys are random.
func (c *driven) Open(ctx context.Context, cfg client.SessionConfig) (client.Session, error) {
	if err := checkPage(cfg); err != nil {
		return nil, err
	}
	origins := append([]string{cfg.Origin}, cfg.Between...)
	if cfg.TopOrigin != "" {
		origins = append(origins, cfg.TopOrigin)
	}
	for _, o := range origins {
		if err := c.proxy.serve(o); err != nil {
			return nil, err
		}
	}
	for rpID, list := range cfg.RelatedOrigins {
		if err := c.proxy.relate(rpID, list); err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	place := placeOf(cfg)
	if err := c.take(ctx, place); err != nil {
		return nil, err
	}
	defer c.leave(place)
	for restarted := false; ; restarted = true {
		if c.stage == nil || c.stage.lost != nil {
			if err := c.restart(ctx); err != nil {
				return nil, err
			}
		}
		bounded, cancel := c.bound(ctx, c.timeout)
		err := c.stage.load(bounded, cfg)
		if err == nil {
			// The page may be there from before, and the browser not any more.
			err = c.stage.verify(bounded, cfg.Origin)
		}
		cancel()
		if err == nil {
			c.enter(place, 1)
			return &drivenSession{client: c, stage: c.stage, page: cfg}, nil
		}
		// Nothing of this session was lost with a browser that died while it was
		// idle, so it gets the new one.
		if c.stage.lost != nil && !restarted && ctx.Err() == nil {
			continue
		}
		return nil, fmt.Errorf("open a %s session on %s: %w", c.kind, cfg.Origin, err)
	}
}

// Close ends the browser, and waits until it is gone.
func (c *driven) Close() error {
	c.end()
	c.turn <- struct{}{} // whatever runs has just lost its context
	defer c.leave("")
	if c.closed {
		return nil
	}
	c.closed = true
	if c.stage != nil && c.stage.lost == nil {
		c.stage.lose(fmt.Errorf("this %s client is closed", c.kind))
	}
	c.proxy.close()
	return nil
}

// lose gives the browser up.
func (s *stage) lose(why error) {
	if s.lost == nil {
		s.lost = why
		s.driver.close()
	}
}

// sound passes on the error of a command, and gives the browser up unless the
// error is a refusal.
func (s *stage) sound(err error) error {
	var refused *refusal
	if err == nil || errors.As(err, &refused) && !refused.fatal() {
		return err
	}
	s.lose(errStoppedDriven)
	return fmt.Errorf("%w; %w", oneLine(err), errStoppedDriven)
}

var errStoppedDriven = client.Lost(errors.New("the browser is given up: this session is lost, and the next one starts it again"))

// fatal reports whether the browser behind a driver that answers is gone.
func (e *refusal) fatal() bool {
	switch e.Code {
	case "invalid session id", "no such window", "session not created":
		return true
	}
	return false
}

// placeOf names the page and its frames.
func placeOf(cfg client.SessionConfig) string {
	if cfg.TopOrigin == "" {
		return cfg.Origin
	}
	return fmt.Sprint(cfg.TopOrigin, framesOf(cfg))
}

// load brings the browser to the page that cfg describes.
func (s *stage) load(ctx context.Context, cfg client.SessionConfig) error {
	place := placeOf(cfg)
	if s.at == place {
		return nil
	}
	s.at = ""
	top := cfg.Origin
	if cfg.TopOrigin != "" {
		top = cfg.TopOrigin
	}
	if err := s.sound(s.driver.navigate(ctx, top+"/")); err != nil {
		return err
	}
	if err := s.verify(ctx, top); err != nil {
		return err
	}
	if cfg.TopOrigin != "" {
		for _, f := range framesOf(cfg) {
			if err := s.sound(s.driver.enter(ctx, f)); err != nil {
				return fmt.Errorf("load a frame of %s: %w", f.origin, err)
			}
			if err := s.verify(ctx, f.origin); err != nil {
				return err
			}
		}
	}
	s.at = place
	return nil
}

// verify makes sure that the page is of the origin.
func (s *stage) verify(ctx context.Context, origin string) error {
	got, err := s.driver.origin(ctx)
	if err := s.sound(err); err != nil {
		return err
	}
	if got != origin {
		s.at = ""
		return &originError{want: origin, got: got}
	}
	return nil
}

// swap makes a the only authenticator of the browser, and keeps what was on the one before.
func (s *stage) swap(ctx context.Context, a *drivenAuthenticator) error {
	if s.current == a {
		return nil
	}
	if before := s.current; before != nil {
		if !before.session.closed {
			stored, err := before.stored(ctx)
			if err != nil {
				return err
			}
			before.exported = stored
		}
		if err := s.unplug(ctx); err != nil {
			return err
		}
	}
	options, err := a.session.client.translate(a.cfg)
	if err != nil {
		return err
	}
	id, err := s.driver.addAuthenticator(ctx, options)
	if err := s.sound(err); err != nil {
		return err
	}
	a.id, s.current = id, a
	for _, c := range a.exported {
		if err := s.sound(s.driver.addCredential(ctx, a.id, c)); err != nil {
			return errors.Join(err, s.unplug(ctx))
		}
	}
	a.exported = nil
	return nil
}

// unplug removes the authenticator that is plugged in. One that cannot be
// removed would answer for the next, so the browser is given up.
func (s *stage) unplug(ctx context.Context) error {
	a := s.current
	id := a.id
	a.id, s.current = "", nil
	err := s.sound(s.driver.removeAuthenticator(ctx, id))
	if err != nil {
		s.lose(errStoppedDriven)
	}
	return err
}
