package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/touchstone-webauthn/touchstone/client"
)

//go:embed page.html
var pageHTML []byte

//go:embed page.js
var pageScript string

// grace is how much longer than a ceremony may take the script's answer is
// waited for: the browser's own timeout comes first, then the script's, then this.
const grace = 2 * time.Second

// tab is one tab with the WebAuthn domain enabled and all requests intercepted.
// One goroutine at a time uses it.
type tab struct {
	proc *process
	// ctx is chromedp's context of the tab. Its cause says why the tab is lost.
	ctx    context.Context
	fail   context.CancelCauseFunc
	close  context.CancelFunc
	target *chromedp.Target

	events events
	// origin is that of the page where ceremonies run; framed says that it is in a
	// frame of another page.
	origin string
	framed bool
	// untouched: the user does nothing in the frame.
	untouched bool
	world     runtime.ExecutionContextID
}

// newTab opens a tab on about:blank.
func (p *process) newTab(ctx context.Context) (*tab, error) {
	life, fail := context.WithCancelCause(p.ctx)
	tctx, closeTab := chromedp.NewContext(life)
	t := &tab{proc: p, ctx: tctx, fail: fail, close: closeTab}

	// The first use of the context binds the tab's life to it: no deadline there.
	opened := make(chan error, 1)
	go func() { opened <- chromedp.Do(tctx) }()
	overdue := time.NewTimer(p.cfg.StartTimeout)
	defer overdue.Stop()
	select {
	case err := <-opened:
		if err != nil {
			p.lostConnection(err)
			t.discard()
			return nil, fmt.Errorf("open a tab: %w", oneLine(err))
		}
	case <-ctx.Done():
		t.discard()
		return nil, fmt.Errorf("open a tab: %w", context.Cause(ctx))
	case <-overdue.C:
		t.discard()
		p.hung.Store(true)
		return nil, fmt.Errorf("open a tab: no answer within %s", p.cfg.StartTimeout)
	}
	t.target = chromedp.FromContext(tctx).Target

	requests := chromedp.Events(tctx, fetch.RequestPaused)
	crashes := chromedp.Events(tctx, inspector.TargetCrashed)
	go func() {
		for request, err := range requests {
			if err != nil {
				return
			}
			t.answer(request)
		}
	}()
	go func() {
		for _, err := range crashes {
			if err == nil {
				t.fail(client.Lost(errors.New("the tab crashed")))
			}
			return
		}
	}()

	t.observe()

	err := func() error {
		if _, err := call(ctx, t, fetch.Enable, fetch.EnableParams{}); err != nil {
			return err
		}
		if _, err := call(ctx, t, webauthn.Enable, webauthn.EnableParams{EnableUI: new(false)}); err != nil {
			return err
		}
		// create() and get() want a focused page, and of several windows one has it.
		_, err := call(ctx, t, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}()
	if err != nil {
		t.discard()
		return nil, err
	}
	return t, nil
}

// answer serves the empty page to a navigation and fails every other request.
func (t *tab) answer(r fetch.EventRequestPaused) {
	ctx, cancel := context.WithTimeout(t.ctx, t.proc.cfg.Timeout)
	defer cancel()
	var err error
	if r.ResourceType == network.ResourceTypeDocument {
		headers := []*fetch.HeaderEntry{
			{Name: "Content-Type", Value: "text/html; charset=utf-8"},
			{Name: "Cache-Control", Value: "no-store"},
		}
		if t.proc.cfg.DisableWebAuthn {
			// Chrome has no switch for it: with --disable-blink-features=WebAuth the
			// interface PublicKeyCredential is gone, but create() goes on working.
			headers = append(headers, &fetch.HeaderEntry{
				Name:  "Permissions-Policy",
				Value: "publickey-credentials-create=(), publickey-credentials-get=()",
			})
		}
		_, err = cdp.Call(ctx, t.target, fetch.FulfillRequest, fetch.FulfillRequestParams{
			RequestID: r.RequestID, ResponseCode: 200, ResponseHeaders: headers, Body: pageHTML,
		})
	} else {
		_, err = cdp.Call(ctx, t.target, fetch.FailRequest, fetch.FailRequestParams{
			RequestID: r.RequestID, ErrorReason: network.ErrorReasonBlockedByClient,
		})
	}
	// Chrome refuses the answer to a request that went away by itself.
	var refused *cdproto.Error
	if err != nil && !errors.As(err, &refused) {
		t.fail(fmt.Errorf("answer a request of the page: %w", err))
	}
}

// originError is an origin that the browser does not write as the caller does.
type originError struct{ want, got string }

func (e *originError) Error() string {
	return fmt.Sprintf("the browser writes the origin %s as %s: use that", e.want, e.got)
}

// load brings the tab to an empty page of the origin, and makes sure that it answers.
func (t *tab) load(ctx context.Context, origin string) error {
	if t.origin != origin {
		t.origin = ""
		bounded, cancel := t.bound(ctx, t.proc.cfg.Timeout)
		_, err := chromedp.Navigate(origin+"/")(bounded, t.target)
		err = t.explain(bounded, "load a page", err)
		cancel()
		if err != nil {
			return err
		}
		tree, err := call(ctx, t, page.GetFrameTree, cdp.Empty{})
		if err != nil {
			return err
		}
		if err := t.enter(ctx, tree.FrameTree.Frame.ID); err != nil {
			return err
		}
		t.origin, t.framed, t.untouched = origin, false, false
	}
	return t.onOrigin(ctx, origin)
}

// enter makes the frame the one that scripts and ceremonies run in.
func (t *tab) enter(ctx context.Context, frame cdp.FrameID) error {
	world, err := call(ctx, t, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: frame, WorldName: "touchstone"})
	if err != nil {
		return err
	}
	t.world = world.ExecutionContextID
	_, err = t.evaluate(ctx, pageScript)
	return err
}

// onOrigin makes sure that the frame is of the origin, and answers.
func (t *tab) onOrigin(ctx context.Context, origin string) error {
	got, err := t.evaluate(ctx, "location.origin")
	if err != nil {
		return err
	}
	var text string
	if err := json.Unmarshal(got, &text); err != nil {
		return fmt.Errorf("read the page's origin: %w", err)
	}
	if text != origin {
		t.origin = ""
		return &originError{want: origin, got: text}
	}
	return nil
}

// evaluate runs an expression in the isolated world and returns its value as JSON.
func (t *tab) evaluate(ctx context.Context, expression string) (json.RawMessage, error) {
	r, err := call(ctx, t, runtime.Evaluate, runtime.EvaluateParams{
		Expression: expression, ContextID: t.world, ReturnByValue: new(true),
	})
	if err != nil {
		return nil, err
	}
	if r.ExceptionDetails != nil {
		return nil, exception(r.ExceptionDetails)
	}
	return json.RawMessage(r.Result.Value), nil
}

func exception(d *runtime.ExceptionDetails) error {
	text := d.Text
	if d.Exception != nil && d.Exception.Description != "" {
		text = d.Exception.Description
	}
	return oneLine(fmt.Errorf("the page's script failed: %s", text))
}

// ceremony runs create or get with the options and returns the response's JSON.
// A rejection is a *client.Error.
func (t *tab) ceremony(ctx context.Context, kind string, options json.RawMessage, mediation string) (json.RawMessage, error) {
	longest := t.proc.cfg.Timeout
	if err := t.touchBefore(ctx, kind); err != nil {
		return nil, err
	}
	answer, err := t.run(ctx, kind, options, longest, mediation)
	if err != nil {
		return nil, err
	}
	return parseOutcome(kind, t.origin, answer, longest)
}

// run runs touchstone.run of the page's script and returns what it resolved with.
func (t *tab) run(ctx context.Context, kind string, options json.RawMessage, longest time.Duration, mediation string) (json.RawMessage, error) {
	answer, err := t.callFunction(ctx, longest+grace,
		"function(kind, options, longest, mediation) { return touchstone.run(kind, options, longest, mediation) }",
		kind, string(options), longest.Milliseconds(), mediation)
	if err != nil {
		return nil, fmt.Errorf("%s(): %w", kind, err)
	}
	return answer, nil
}

// callFunction calls a function in the isolated world and returns what its
// promise resolved with, as JSON.
func (t *tab) callFunction(ctx context.Context, longest time.Duration, function string, arguments ...any) (json.RawMessage, error) {
	var args []*runtime.CallArgument
	for _, v := range arguments {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		args = append(args, &runtime.CallArgument{Value: b})
	}
	bounded, cancel := t.bound(ctx, longest)
	defer cancel()
	r, err := cdp.Call(bounded, t.target, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		FunctionDeclaration: function,
		Arguments:           args,
		ExecutionContextID:  t.world,
		AwaitPromise:        new(true),
		ReturnByValue:       new(true),
	})
	if err != nil {
		return nil, t.explain(bounded, "the page's script", err)
	}
	if r.ExceptionDetails != nil {
		return nil, exception(r.ExceptionDetails)
	}
	return json.RawMessage(r.Result.Value), nil
}

// parseOutcome reads what touchstone.run of the page's script resolved with. A
// rejection of the ceremony is a *client.Error.
func parseOutcome(kind, origin string, answer []byte, longest time.Duration) (json.RawMessage, error) {
	var outcome struct {
		Response    *string       `json:"response"`
		Error       *client.Error `json:"error"`
		Unavailable string        `json:"unavailable"`
		Stuck       bool          `json:"stuck"`
	}
	if err := json.Unmarshal(answer, &outcome); err != nil {
		return nil, fmt.Errorf("%s(): read the page's answer: %w", kind, err)
	}
	switch {
	case outcome.Response != nil:
		return json.RawMessage(*outcome.Response), nil
	case outcome.Error != nil:
		return nil, outcome.Error
	case outcome.Unavailable != "":
		return nil, fmt.Errorf("%s(): the browser offers no WebAuthn on %s: %s", kind, origin, outcome.Unavailable)
	case outcome.Stuck:
		return nil, fmt.Errorf("%s(): the browser neither resolved nor rejected within %s; the ceremony was aborted", kind, longest)
	default:
		return nil, fmt.Errorf("%s(): the page's answer has no outcome", kind)
	}
}

// call runs a command on the tab within the configured time.
func call[P, R any](ctx context.Context, t *tab, cmd cdp.Command[P, R], params P) (R, error) {
	bounded, cancel := t.bound(ctx, t.proc.cfg.Timeout)
	defer cancel()
	r, err := cdp.Call(bounded, t.target, cmd, params)
	return r, t.explain(bounded, cmd.Method, err)
}

// bound makes a context that ends with ctx, with the tab, and after d.
func (t *tab) bound(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(t.ctx, func() { cancel(context.Cause(t.ctx)) })
	timer := time.AfterFunc(d, func() { cancel(fmt.Errorf("no answer within %s", d)) })
	return ctx, func() {
		unhook()
		timer.Stop()
		cancel(nil)
	}
}

// explain turns an error of a command into one that says what was lost. After
// anything but a refusal by the browser the tab can no longer be trusted.
func (t *tab) explain(bounded context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	var refused *cdproto.Error
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("%s: %w", what, err)
	case t.proc.dead() || bounded.Err() == nil && t.proc.lostConnection(err):
		err = fmt.Errorf("%s: %w", what, errStopped)
	case bounded.Err() != nil:
		err = client.Lost(fmt.Errorf("%s: %w; this session's tab is given up", what, context.Cause(bounded)))
	default:
		err = client.Lost(fmt.Errorf("%s: %w; this session's tab is given up", what, err))
	}
	t.fail(err)
	return err
}

var (
	errStopped = client.Lost(errors.New("chrome stopped: this session is lost, and the next one starts chrome again"))
	errClosed  = errors.New("the tab is closed")
)

// lost says why the tab cannot be used any more; nil when it can.
func (t *tab) lost() error {
	switch {
	case t.ctx.Err() == nil:
		return nil
	case t.proc.dead():
		return errStopped
	default:
		return context.Cause(t.ctx)
	}
}

// discard closes the tab. A tab that hangs takes its time, which is not waited for.
func (t *tab) discard() {
	t.fail(errClosed)
	go t.close()
}
