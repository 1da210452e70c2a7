package browser

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/touchstone-webauthn/touchstone/client"
)

// Bounds of what is kept of a session's events: a page in a loop must not fill
// the memory.
const (
	maxEvents    = 200
	maxEventText = 500
)

// events is what a tab's browser told of, since the session that uses it began.
type events struct {
	mu   sync.Mutex
	list []client.Event
}

func (e *events) add(kind, text string) {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxEventText {
		text = strings.ToValidUTF8(text[:maxEventText], "") + "..."
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.list) == maxEvents {
		e.list = append(e.list[:0], e.list[1:]...)
	}
	e.list = append(e.list, client.Event{Time: time.Now(), Kind: kind, Text: text})
}

func (e *events) clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = nil
}

func (e *events) all() []client.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]client.Event(nil), e.list...)
}

// observe listens to the tab's console and its authenticators until the tab ends.
func (t *tab) observe() {
	console := chromedp.Console(t.ctx)
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			kind := "console"
			if m.IsException() {
				kind = "exception"
			}
			t.events.add(kind, m.String())
		}
	}()
	added := chromedp.Events(t.ctx, webauthn.CredentialAdded)
	asserted := chromedp.Events(t.ctx, webauthn.CredentialAsserted)
	deleted := chromedp.Events(t.ctx, webauthn.CredentialDeleted)
	// The credentials that come along have their private keys, which are not for logs.
	go func() {
		for e, err := range added {
			if err != nil {
				return
			}
			t.events.add("credential-added", credentialText(e.Credential))
		}
	}()
	go func() {
		for e, err := range asserted {
			if err != nil {
				return
			}
			t.events.add("credential-asserted", credentialText(e.Credential))
		}
	}()
	go func() {
		for e, err := range deleted {
			if err != nil {
				return
			}
			t.events.add("credential-deleted", fmt.Sprintf("%x", e.CredentialID))
		}
	}()
}

func credentialText(c *webauthn.Credential) string {
	if c == nil {
		return ""
	}
	text := fmt.Sprintf("%x for %s, counter %v", c.CredentialID, c.RpID, c.SignCount)
	if c.IsResidentCredential {
		text += ", resident"
	}
	return text
}

// Events implements client.Observant.
func (s *session) Events() []client.Event {
	if s.closed {
		return nil
	}
	return s.tab.events.all()
}

// Screenshot implements client.Observant.
func (s *session) Screenshot(ctx context.Context) (client.Picture, error) {
	if err := s.usable(); err != nil {
		return client.Picture{}, err
	}
	if _, err := s.tab.evaluate(ctx, "touchstone.show()"); err != nil {
		return client.Picture{}, err
	}
	r, err := call(ctx, s.tab, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatJpeg, Quality: new(int64(60)),
	})
	if err != nil {
		return client.Picture{}, err
	}
	return client.Picture{MediaType: "image/jpeg", Data: r.Data}, nil
}

var (
	_ client.Observant = (*session)(nil)
	_ client.Observant = (*drivenSession)(nil)
)

// Events implements client.Observant: neither Marionette nor WebDriver tells of any.
func (s *drivenSession) Events() []client.Event { return nil }

// Screenshot implements client.Observant.
func (s *drivenSession) Screenshot(ctx context.Context) (picture client.Picture, err error) {
	err = s.with(ctx, 0, func(ctx context.Context) error {
		// Another session may have had the page meanwhile: then there is nothing to show.
		if s.stage.at != placeOf(s.page) || s.stage.current != s.current {
			return fmt.Errorf("the page has gone on to another session")
		}
		if s.page.TopOrigin != "" {
			s.stage.at = "" // the picture is of the whole page, and scripts run in its top then
		}
		data, err := s.stage.driver.screenshot(ctx)
		if err := s.stage.sound(err); err != nil {
			return err
		}
		picture = client.Picture{MediaType: "image/png", Data: data}
		return nil
	})
	return picture, err
}
