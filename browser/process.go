package browser

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/remote"
)

// process is one running browser and its tabs.
type process struct {
	cfg     ChromeConfig
	version string
	// ctx is chromedp's context of the browser; it ends with the browser.
	ctx    context.Context
	cancel func() // ends the browser and waits for it

	// ways is the browser's only way out: it answers for the documents of related
	// origins, and refuses everything else. nil for a browser that ran already.
	ways *proxy

	// hung says that the browser runs and does not answer.
	hung atomic.Bool

	mu   sync.Mutex
	idle []*tab
}

// chromeFlags are what a browser is started with: chromedp's defaults, which
// follow Puppeteer's, and what keeps a browser with no user to itself.
func chromeFlags(cfg ChromeConfig, ways *proxy) []chromedp.ExecAllocatorOption {
	opts := append([]chromedp.ExecAllocatorOption(nil), chromedp.DefaultExecAllocatorOptions[:]...)
	opts = append(opts,
		chromedp.ExecPath(cfg.Path),
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-gpu", true),
		// Tabs are opened as they are needed; a first window that nobody uses takes
		// a renderer of its own and a tenth of a second.
		chromedp.Flag("no-startup-window", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		// A frame of another origin stays in its page's process, where the tab's
		// connection reaches it. WebAuthn tells frames apart by their origins.
		chromedp.Flag("disable-site-isolation-trials", true),
		// The flags above do not stop Chrome from asking DNS for its maker's
		// hosts. This does, and pages need no name resolved: their requests are
		// answered before that.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		// What no tab's page asks for, such as /.well-known/webauthn of another
		// origin, cannot be intercepted: it goes through a proxy of this package's.
		chromedp.Flag("proxy-server", fmt.Sprintf("http://127.0.0.1:%d", ways.port())),
		chromedp.Flag("proxy-bypass-list", "<-loopback>"),
		chromedp.Flag("ignore-certificate-errors-spki-list", ways.spki),
	)
	if os.Geteuid() == 0 {
		// As root Chrome refuses to start with its sandbox.
		opts = append(opts, chromedp.Flag("no-sandbox", true))
	}
	for _, arg := range cfg.Args {
		name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if hasValue {
			opts = append(opts, chromedp.Flag(name, value))
		} else {
			opts = append(opts, chromedp.Flag(name, true))
		}
	}
	return opts
}

// startProcess starts a browser, or connects to one. ctx bounds only that.
func startProcess(ctx context.Context, cfg ChromeConfig) (*process, error) {
	ctx, stopWaiting := context.WithTimeoutCause(ctx, cfg.StartTimeout,
		fmt.Errorf("no answer within %s", cfg.StartTimeout))
	defer stopWaiting()

	what := cfg.Path
	life := context.Background()
	var alloc context.Context
	var endAlloc context.CancelFunc
	giveBack := func() {}
	var ways *proxy
	var err error
	if cfg.GridURL != "" {
		g, err := openGrid(ctx, cfg.GridURL)
		if err != nil {
			return nil, fmt.Errorf("start chrome %w", gridError(cfg.GridURL, err))
		}
		cfg.RemoteURL, giveBack = g.cdp, sync.OnceFunc(g.close)
	}
	if cfg.RemoteURL != "" {
		what = redact(cfg.RemoteURL)
		alloc, endAlloc = remote.NewAllocator(life, cfg.RemoteURL, remoteOptions(cfg.RemoteURL)...)
	} else {
		if ways, err = newProxy("127.0.0.1"); err != nil {
			return nil, err
		}
		home, err := privateHome()
		if err != nil {
			ways.close()
			return nil, fmt.Errorf("start chrome (%s): %w", what, err)
		}
		giveBack = sync.OnceFunc(func() { ways.close(); removeHome(home) })
		// It writes into its user's home whatever its profile is, and reads
		// certificates there.
		alloc, endAlloc = chromedp.NewExecAllocator(life, append(chromeFlags(cfg, ways), chromedp.Env(homeVariables(home)...))...)
	}
	quiet := func(string, ...any) {}
	bctx, endBrowser := chromedp.NewContext(alloc, chromedp.WithLogf(quiet), chromedp.WithErrorf(quiet))
	p := &process{cfg: cfg, ways: ways, ctx: bctx, cancel: func() { endBrowser(); endAlloc(); giveBack() }}

	// The first command on chromedp's context starts the browser and binds its
	// life to that context, which therefore may have no deadline of its own.
	type answer struct {
		version browser.GetVersionResult
		err     error
	}
	started := make(chan answer, 1)
	go func() {
		v, err := chromedp.CallBrowser(bctx, browser.GetVersion, cdp.Empty{})
		started <- answer{v, err}
	}()
	select {
	case a := <-started:
		if a.err != nil {
			p.stop()
			// chromedp quotes the address, with whatever secret is in it.
			err := oneLine(a.err)
			if text := err.Error(); cfg.RemoteURL != "" && strings.Contains(text, cfg.RemoteURL) {
				err = errors.New(strings.ReplaceAll(text, cfg.RemoteURL, what))
			}
			return nil, fmt.Errorf("start chrome (%s): %w", what, err)
		}
		p.version = a.version.Product
		if _, number, ok := strings.Cut(p.version, "/"); ok {
			p.version = number
		}
		return p, nil
	case <-ctx.Done():
		// It is waited for as long as a person would, so that nothing of it stays.
		stopped := make(chan struct{})
		go func() { p.stop(); close(stopped) }()
		select {
		case <-stopped:
		case <-time.After(3 * time.Second):
		}
		return nil, fmt.Errorf("start chrome (%s): %w", what, context.Cause(ctx))
	}
}

// privateHome makes a folder that a browser has for its home.
func privateHome() (string, error) {
	home, err := os.MkdirTemp("", "touchstone-browser-")
	if err != nil {
		return "", fmt.Errorf("make a folder for its profile (TMPDIR says where): %w", err)
	}
	return home, nil
}

// homeVariables have a program take the folder for its user's home.
func homeVariables(home string) []string {
	return []string{"HOME=" + home, "XDG_CACHE_HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_RUNTIME_DIR=" + home}
}

// removeHome removes it; the browser's children write there a little longer.
func removeHome(home string) {
	for deadline := time.Now().Add(5 * time.Second); os.RemoveAll(home) != nil && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
}

// remoteOptions keeps an address that names an endpoint as it is; chromedp
// would put the host's address for its name, and http for https, which breaks
// TLS and gateways that route by path.
func remoteOptions(address string) []remote.Option {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	var opts []remote.Option
	if (u.Scheme == "ws" || u.Scheme == "wss") && strings.Trim(u.Path, "/") != "" {
		opts = append(opts, remote.NoModifyURL)
	}
	if u.User != nil {
		password, _ := u.User.Password()
		basic := base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password))
		opts = append(opts, remote.WithDialHTTPHeader(http.Header{"Authorization": {"Basic " + basic}}))
	}
	return opts
}

// relate serves the documents of related origins.
func (p *process) relate(origins map[string][]string) error {
	if len(origins) == 0 {
		return nil
	}
	if p.ways == nil {
		return errors.New("related origins: this browser was not started here, so that their documents cannot be served to it")
	}
	for rpID, list := range origins {
		if err := p.ways.relate(rpID, list); err != nil {
			return err
		}
	}
	return nil
}

// redact takes user, password and query, where tokens live, out of an address.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "a remote address"
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}

// oneLine puts an error, which may hold all that Chrome printed, on one line.
func oneLine(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if text == err.Error() {
		return err
	}
	const most = 600
	if len(text) > most {
		text = text[:most] + "..."
	}
	return errors.New(text)
}

// dead reports whether the browser is gone.
func (p *process) dead() bool { return p.ctx.Err() != nil }

// gone reports whether the browser is of no use any more.
func (p *process) gone() bool { return p.dead() || p.hung.Load() }

// lostConnection reports whether err, the error of a command whose own context
// has not ended, says that the browser is gone. The news of that may reach p.ctx
// a moment after the first command that fails, and is waited for.
func (p *process) lostConnection(err error) bool {
	if p.dead() {
		return true
	}
	// chromedp wraps context.Canceled in the error of a lost connection.
	if !errors.Is(err, context.Canceled) {
		return false
	}
	select {
	case <-p.ctx.Done():
		return true
	case <-time.After(time.Second):
		return false
	}
}

func (p *process) stop() { p.cancel() }

// acquire returns a tab whose page is of the origin: an idle one where there is
// one, best one that is on that origin already, else a new one.
func (p *process) acquire(ctx context.Context, origin string) (*tab, error) {
	for {
		t := p.takeIdle(origin)
		if t == nil {
			break
		}
		err := t.load(ctx, origin)
		if err == nil {
			return t, nil
		}
		t.discard()
		var mine *originError
		if errors.As(err, &mine) || p.gone() || ctx.Err() != nil {
			return nil, err
		}
	}
	t, err := p.newTab(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.load(ctx, origin); err != nil {
		t.discard()
		return nil, err
	}
	return t, nil
}

func (p *process) takeIdle(origin string) *tab {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	at := len(p.idle) - 1
	for i, t := range p.idle {
		if t.origin == origin {
			at = i
		}
	}
	t := p.idle[at]
	p.idle = append(p.idle[:at], p.idle[at+1:]...)
	t.events.clear()
	return t
}

// release takes back a tab that has no authenticator any more.
func (p *process) release(t *tab) {
	p.mu.Lock()
	keep := len(p.idle) < p.cfg.Tabs && t.lost() == nil
	if keep {
		p.idle = append(p.idle, t)
	}
	p.mu.Unlock()
	if !keep {
		t.discard()
	}
}
