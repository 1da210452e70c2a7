package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"

	"github.com/touchstone-webauthn/touchstone/client"
)

// frameScript puts a frame of another origin into the page, as an embedder that
// lets it run ceremonies does, and tells when it is loaded.
const frameScript = `function(url, allow) {
	const frame = document.createElement("iframe");
	if (allow !== "") frame.allow = allow;
	frame.style.cssText = "position:fixed;left:0;top:0;width:100%;height:100%;border:0";
	return new Promise((resolve) => {
		frame.onload = () => resolve(true);
		frame.src = url;
		(document.body ?? document.documentElement).replaceChildren(frame);
	});
}`

// frame is a frame to be put into the one before. Its address differs from those
// around it, for browsers do not let pages frame themselves again and again.
type frame struct{ origin, url, allow string }

// framesOf are the frames of a page in a frame, from the outermost to its own.
func framesOf(cfg client.SessionConfig) []frame {
	var out []frame
	for i, o := range append(slices.Clone(cfg.Between), cfg.Origin) {
		out = append(out, frame{o, fmt.Sprintf("%s/?frame=%d", o, i+1), client.AllowBoth})
	}
	if cfg.Allow != nil {
		out[len(out)-1].allow = *cfg.Allow
	}
	return out
}

// checkPage refuses a page whose origins no page can have.
func checkPage(cfg client.SessionConfig) error {
	if err := checkOrigin(cfg.Origin); err != nil {
		return err
	}
	if cfg.TopOrigin == "" {
		if cfg.Between != nil || cfg.Allow != nil || cfg.Untouched {
			return errors.New("a page in a frame: want its top origin")
		}
		return nil
	}
	for _, o := range append([]string{cfg.TopOrigin}, cfg.Between...) {
		if err := checkOrigin(o); err != nil {
			return fmt.Errorf("top %w", err)
		}
	}
	return nil
}

// loadFrame brings the tab to a page of cfg.TopOrigin with the page of cfg.Origin
// in a frame, and makes that frame the one that ceremonies run in.
func (t *tab) loadFrame(ctx context.Context, cfg client.SessionConfig) error {
	if err := t.load(ctx, cfg.TopOrigin); err != nil {
		return err
	}
	t.origin = "" // the page is not as load leaves it
	for depth, f := range framesOf(cfg) {
		if _, err := t.callFunction(ctx, t.proc.cfg.Timeout, frameScript, f.url, f.allow); err != nil {
			return fmt.Errorf("load a frame of %s: %w", f.origin, err)
		}
		tree, err := call(ctx, t, page.GetFrameTree, cdp.Empty{})
		if err != nil {
			return err
		}
		at := tree.FrameTree
		for range depth + 1 {
			if len(at.ChildFrames) != 1 {
				return fmt.Errorf("load a frame of %s: the page has %d frames in this process, want 1 (does the browser isolate sites?)", f.origin, len(at.ChildFrames))
			}
			at = at.ChildFrames[0]
		}
		if err := t.enter(ctx, at.Frame.ID); err != nil {
			return err
		}
		if err := t.onOrigin(ctx, f.origin); err != nil {
			return err
		}
	}
	t.framed, t.untouched = true, cfg.Untouched
	return nil
}

// touchBefore clicks into the frame where a method wants that.
func (t *tab) touchBefore(ctx context.Context, method string) error {
	if !t.framed || t.untouched || method != "create" {
		return nil
	}
	if err := t.touch(ctx); err != nil {
		return fmt.Errorf("%s(): %w", method, err)
	}
	return nil
}

// touch clicks into the frame: in a frame of another origin create() wants the
// user to have done something there, and uses that up
// (https://www.w3.org/TR/webauthn-3/#sctn-createCredential, step 2).
func (t *tab) touch(ctx context.Context) error {
	for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		if _, err := call(ctx, t, input.DispatchMouseEvent, input.DispatchMouseEventParams{
			Type: kind, X: 20, Y: 20, Button: input.MouseButtonLeft, ClickCount: 1,
		}); err != nil {
			return err
		}
	}
	for deadline := time.Now().Add(t.proc.cfg.Timeout); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		active, err := t.evaluate(ctx, "navigator.userActivation.isActive")
		if err != nil {
			return err
		}
		var yes bool
		if json.Unmarshal(active, &yes) == nil && yes {
			return nil
		}
	}
	return errors.New("the click did not reach the frame")
}
