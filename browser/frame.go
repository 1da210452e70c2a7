package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
)

// frameScript puts a frame of another origin into the page, as an embedder that
// lets it run ceremonies does, and tells when it is loaded.
const frameScript = `function(url) {
	const frame = document.createElement("iframe");
	frame.allow = "publickey-credentials-create; publickey-credentials-get";
	frame.style.cssText = "position:fixed;left:0;top:0;width:100%;height:100%;border:0";
	return new Promise((resolve) => {
		frame.onload = () => resolve(true);
		frame.src = url;
		(document.body ?? document.documentElement).replaceChildren(frame);
	});
}`

// loadFrame brings the tab to a page of top with a frame of origin in it, and
// makes the frame the one that ceremonies run in.
func (t *tab) loadFrame(ctx context.Context, origin, top string) error {
	if err := t.load(ctx, top); err != nil {
		return err
	}
	t.origin = "" // the page is not as load leaves it
	if _, err := t.callFunction(ctx, t.proc.cfg.Timeout, frameScript, origin+"/"); err != nil {
		return fmt.Errorf("load a frame of %s: %w", origin, err)
	}
	tree, err := call(ctx, t, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		return err
	}
	if len(tree.FrameTree.ChildFrames) != 1 {
		return fmt.Errorf("load a frame of %s: the page has %d frames in this process, want 1 (does the browser isolate sites?)", origin, len(tree.FrameTree.ChildFrames))
	}
	if err := t.enter(ctx, tree.FrameTree.ChildFrames[0].Frame.ID); err != nil {
		return err
	}
	if err := t.onOrigin(ctx, origin); err != nil {
		return err
	}
	t.framed = true
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
