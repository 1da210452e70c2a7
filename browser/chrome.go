package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
)

// ChromeConfig says which Chrome NewChrome drives and how. The zero value is good.
type ChromeConfig struct {
	// Path is the browser's executable; empty means the one that FindChrome finds.
	Path string
	// RemoteURL is the DevTools address of a browser that runs already, instead of
	// Path: http://127.0.0.1:9222, or the full ws:// or wss:// address of its
	// browser endpoint. The flags that keep a browser off the network are then
	// its owner's business; page requests are answered here all the same.
	RemoteURL string
	// GridURL is a Selenium Grid, such as http://grid.test:4444, that is asked for
	// a session with Chrome, instead of Path; its DevTools connection is used, and
	// the session given back in the end. The query holds further capabilities, as
	// in WebDriverConfig.URL.
	GridURL string
	// Tabs is how many tabs are kept open between sessions; 0 means 4. It is no
	// limit on sessions: one that finds no idle tab gets a new one.
	Tabs int
	// Timeout is the longest that a ceremony or a command may take; 0 means 10 s.
	// The timeout member of the options is corrected to it where it is longer.
	Timeout time.Duration
	// StartTimeout is the longest that a start of the browser may take; 0 means 30 s.
	StartTimeout time.Duration
	// Args are further arguments for the browser, such as "--log-net-log=FILE".
	Args []string
	// DisableWebAuthn serves the page with a permissions policy that forbids
	// create() and get(), so that every ceremony fails. It is there to show that
	// responses come from the browser and from nowhere else.
	DisableWebAuthn bool
}

func (c ChromeConfig) withDefaults() (ChromeConfig, error) {
	if c.Tabs <= 0 {
		c.Tabs = 4
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.StartTimeout <= 0 {
		c.StartTimeout = 30 * time.Second
	}
	if c.Path == "" && c.RemoteURL == "" && c.GridURL == "" {
		path, err := FindChrome()
		if err != nil {
			return c, err
		}
		c.Path = path
	}
	return c, nil
}

// chrome is a client.Client over one browser process.
type chrome struct {
	cfg     ChromeConfig
	version string

	mu     sync.Mutex
	proc   *process // nil once it was found dead
	starts int      // how often it was started
	closed bool
	ending sync.WaitGroup // processes on their way out
}

// NewChrome starts Chrome or Chromium, or connects to one that runs, and
// returns it as a client named chrome. ctx bounds the start only; Close ends
// the browser. A browser that dies is started again when the next session is
// opened; the sessions that it took along fail with an error that says so.
func NewChrome(ctx context.Context, cfg ChromeConfig) (client.Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := startProcess(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &chrome{cfg: cfg, version: p.version, proc: p, starts: 1}, nil
}

func (c *chrome) Name() string    { return "chrome" }
func (c *chrome) Version() string { return c.version }

// ChromeAbilities lists what Chrome carries. Options cannot be disregarded, as
// they are the browser's to follow, and there is no packed self attestation.
func ChromeAbilities() []client.Ability {
	return []client.Ability{
		client.Faults, client.ExcludeList, client.Discoverable, client.U2F, client.U2FAttestation,
		client.NoAttestation, client.Extensions, client.Flags, client.Import,
		client.Overrides, client.Properties, client.Frames, client.RelatedOrigins, client.Conditional, client.AuthenticatorExtensions,
	}
}

// Algorithms are those of Chrome's virtual authenticator: ES256, RS256, EdDSA
// and ML-DSA-44, -65 and -87.
func (c *chrome) Algorithms() []int64 { return []int64{-7, -257, -8, -48, -49, -50} }

// Carries reports whether a is one of ChromeAbilities. A browser that somebody
// else started has no way to the documents of related origins.
func (c *chrome) Carries(a client.Ability) bool {
	if a == client.RelatedOrigins && (c.cfg.RemoteURL != "" || c.cfg.GridURL != "") {
		return false
	}
	// Nor does its owner need to keep frames in one process.
	if a == client.Frames && c.cfg.RemoteURL != "" {
		return false
	}
	return slices.Contains(ChromeAbilities(), a)
}

// Open starts a session on a page of cfg.Origin, which must be written as the
// browser writes origins. The seed is ignored: Chrome's keys are random.
func (c *chrome) Open(ctx context.Context, cfg client.SessionConfig) (client.Session, error) {
	if err := checkPage(cfg); err != nil {
		return nil, err
	}
	for restarted := false; ; restarted = true {
		p, err := c.running(ctx)
		if err != nil {
			return nil, err
		}
		if err := p.relate(cfg.RelatedOrigins); err != nil {
			return nil, err
		}
		var t *tab
		if cfg.TopOrigin == "" {
			t, err = p.acquire(ctx, cfg.Origin)
		} else if t, err = p.acquire(ctx, cfg.TopOrigin); err == nil {
			if err = t.loadFrame(ctx, cfg); err != nil {
				t.discard()
			}
		}
		if err == nil {
			return &session{tab: t, origin: cfg.Origin}, nil
		}
		// A browser that died or hung while it was idle is only found out now.
		// Nothing of this session was lost with it, so it gets the new one.
		if p.gone() && !restarted && ctx.Err() == nil {
			continue
		}
		return nil, fmt.Errorf("open a chrome session on %s: %w", cfg.Origin, err)
	}
}

// running returns the browser process, and starts one where it has died.
func (c *chrome) running(ctx context.Context) (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errors.New("this chrome client is closed")
	}
	if c.proc != nil && c.proc.gone() {
		c.end(c.proc)
		c.proc = nil
	}
	if c.proc == nil {
		p, err := startProcess(ctx, c.cfg)
		if err != nil {
			return nil, err
		}
		c.proc = p
		c.starts++
	}
	return c.proc, nil
}

func (c *chrome) end(p *process) {
	c.ending.Go(p.stop)
}

// Close ends the browser, and waits until its process is gone and its profile
// directory removed. Of a remote browser it closes the tabs and the connection.
func (c *chrome) Close() error {
	c.mu.Lock()
	if c.proc != nil {
		c.end(c.proc)
		c.proc = nil
	}
	c.closed = true
	c.mu.Unlock()
	c.ending.Wait()
	return nil
}

// checkOrigin refuses what no page can have as its origin
// (https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin).
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil {
		return fmt.Errorf("origin %q: %w", origin, err)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || origin != u.Scheme+"://"+u.Host {
		return fmt.Errorf("origin %q: want scheme://host or scheme://host:port with http or https, and no slash at the end", origin)
	}
	return nil
}
