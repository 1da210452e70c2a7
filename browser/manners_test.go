package browser

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
)

// pretended is a driver that only notes which page it has.
type pretended struct {
	driver
	at    string
	loads int
}

func (p *pretended) navigate(_ context.Context, url string) error {
	p.at = strings.TrimSuffix(url, "/")
	p.loads++
	return nil
}
func (p *pretended) origin(context.Context) (string, error) { return p.at, nil }
func (p *pretended) run(context.Context, []any) (json.RawMessage, error) {
	return json.RawMessage(`{"value":"\"` + strings.TrimPrefix(p.at, "https://") + `\""}`), nil
}
func (p *pretended) addAuthenticator(context.Context, authenticatorOptions) (string, error) {
	return "a", nil
}
func (p *pretended) removeAuthenticator(context.Context, string) error { return nil }
func (p *pretended) credentials(context.Context, string) ([]driverCredential, error) {
	return nil, nil
}
func (p *pretended) close() {}

func pretendDriven(t *testing.T) (*driven, *pretended) {
	t.Helper()
	ways, err := newProxy("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	p := &pretended{}
	c := &driven{
		kind: "pretended", translate: firefoxOptions, timeout: time.Second, startTimeout: time.Second, proxy: ways,
		start: func(context.Context) (driver, error) { return p, nil },
	}
	if err := c.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, p
}

// Sessions on different pages have them loaded once each, and not for every call;
// every call is made on its own session's page all the same.
func TestPagesAreLoadedSeldom(t *testing.T) {
	c, p := pretendDriven(t)
	c.patience, c.mostPatience = time.Hour, time.Hour // however long this machine is busy with other things
	pages := []string{"https://a.example", "https://b.example", "https://c.example"}
	const calls = 20
	var wg sync.WaitGroup
	for _, page := range pages {
		wg.Go(func() {
			s, err := c.Open(t.Context(), client.SessionConfig{Origin: page})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if _, err := s.Plug(t.Context(), client.AuthenticatorConfig{}); err != nil {
				t.Error(err)
			}
			for range calls {
				called, err := s.(client.Caller).Call(t.Context(), client.Call{Method: "getClientCapabilities"})
				if err != nil || "https://"+strings.Trim(string(called.Value), `"`) != page {
					t.Errorf("on %s: %v %v", page, called, err)
				}
				time.Sleep(time.Millisecond) // the Relying Party thinks
			}
		})
	}
	wg.Wait()
	if p.loads != len(pages) {
		t.Errorf("%d loads for %d sessions of %d calls", p.loads, len(pages), calls)
	}
}

func TestPause(t *testing.T) {
	now := time.Now()
	for _, tc := range []struct {
		name      string
		at, place string
		open      int
		used      time.Duration // ago
		waited    time.Duration
		want      time.Duration
	}{
		{"its own page", "a", "a", 1, 0, 0, 0},
		{"no page", "", "a", 1, 0, 0, 0},
		{"any page", "a", "", 1, 0, 0, 0},
		{"another's page", "b", "a", 1, 5 * time.Millisecond, 0, patience - 5*time.Millisecond},
		{"another's page, idle", "b", "a", 1, patience, 0, 0},
		{"another's page, left", "b", "a", 0, 0, 0, 0},
		{"another's page, for too long", "b", "a", 1, 0, mostPatience, 0},
	} {
		m := &manners{used: now.Add(-tc.used), patience: patience, mostPatience: mostPatience}
		m.enter("b", tc.open)
		m.enter("a", tc.open)
		if got := m.pause(tc.at, tc.place, now.Add(-tc.waited), now); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	m := &manners{}
	m.enter("a", 1)
	m.enter("a", 1)
	m.enter("a", -1)
	if m.open["a"] != 1 {
		t.Errorf("two came and one left: %v", m.open)
	}
}

// Whoever waits for a page of others is let go with its context and with the client.
func TestWaitingForAPageEnds(t *testing.T) {
	c, _ := pretendDriven(t)
	s, err := c.Open(t.Context(), client.SessionConfig{Origin: "https://a.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c.patience, c.mostPatience = time.Hour, time.Hour
	ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Millisecond, errors.New("that is enough"))
	defer cancel()
	if _, err := c.Open(ctx, client.SessionConfig{Origin: "https://b.example"}); err == nil || !strings.Contains(err.Error(), "that is enough") {
		t.Errorf("its context ended: %v", err)
	}
	time.AfterFunc(30*time.Millisecond, func() { c.Close() })
	if _, err := c.Open(t.Context(), client.SessionConfig{Origin: "https://b.example"}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("the client was closed: %v", err)
	}
}
