package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/touchstone-webauthn/touchstone/client"
)

var (
	_ client.Caller = (*session)(nil)
	_ client.Caller = (*drivenSession)(nil)
)

// Call makes a call as a page's own script writes it.
func (s *session) Call(ctx context.Context, c client.Call) (*client.Called, error) {
	if err := s.ready(); err != nil {
		return nil, fmt.Errorf("%s(): %w", c.Method, err)
	}
	text, longest, err := prepareCall(c, s.tab.framed, s.tab.proc.cfg.Timeout)
	if err != nil {
		return nil, err
	}
	if err := s.tab.touchBefore(ctx, c.Method); err != nil {
		return nil, err
	}
	answer, err := s.tab.run(ctx, "call", text, longest, "")
	if err != nil {
		return nil, err
	}
	called, err := parseCalled(c.Method, s.origin, answer)
	if err == nil && c.Method == "create" && called.Response != nil {
		if r, err := parseRegistration(called.Response); err == nil {
			s.current.made(r.RawID, rpIDOf(s.origin, c.Options))
		}
	}
	return called, err
}

// Call makes a call as a page's own script writes it.
func (s *drivenSession) Call(ctx context.Context, c client.Call) (called *client.Called, err error) {
	if s.current == nil {
		return nil, fmt.Errorf("%s(): no authenticator is plugged in", c.Method)
	}
	text, longest, err := prepareCall(c, s.page.TopOrigin != "", s.client.timeout)
	if err != nil {
		return nil, err
	}
	err = s.with(ctx, grace, func(ctx context.Context) error {
		if err := s.ready(ctx, c.Method); err != nil {
			return err
		}
		answer, err := s.stage.driver.run(ctx, []any{"call", string(text), longest.Milliseconds()})
		if err := s.stage.sound(err); err != nil {
			return fmt.Errorf("%s(): %w", c.Method, err)
		}
		if called, err = parseCalled(c.Method, s.page.Origin, answer); err != nil || c.Method != "create" || called.Response == nil {
			return err
		}
		if r, err := parseRegistration(called.Response); err == nil {
			s.current.made(r.RawID, rpIDOf(s.page.Origin, c.Options))
		}
		return nil
	})
	return called, err
}

// prepareCall is the call for the page's script, and how long it may take. On a
// page in a frame the browser itself is to refuse what the frame's policy forbids.
func prepareCall(c client.Call, framed bool, most time.Duration) (json.RawMessage, time.Duration, error) {
	longest := c.Longest
	if longest <= 0 || longest > most {
		longest = most
	}
	text, err := json.Marshal(struct {
		client.Call
		Framed bool `json:"framed,omitempty"`
	}{c, framed})
	if err != nil {
		return nil, 0, fmt.Errorf("%s(): the options are not JSON: %w", c.Method, err)
	}
	return text, longest, nil
}

// parseCalled reads what touchstone.run of the page's script resolved with for a call.
func parseCalled(method, origin string, answer []byte) (*client.Called, error) {
	var o struct {
		Response, Results, Value *string
		Error                    *client.Error
		Unavailable              string
		Stuck                    bool
	}
	if err := json.Unmarshal(answer, &o); err != nil {
		return nil, fmt.Errorf("%s(): read the page's answer: %w", method, err)
	}
	raw := func(s *string) json.RawMessage {
		if s == nil || !json.Valid([]byte(*s)) {
			return nil
		}
		return json.RawMessage(*s)
	}
	called := &client.Called{Response: raw(o.Response), Results: raw(o.Results), Value: raw(o.Value), Error: o.Error, Waiting: o.Stuck}
	switch {
	case called.Response != nil, called.Value != nil, o.Error != nil, o.Stuck:
		return called, nil
	case o.Unavailable != "":
		return nil, fmt.Errorf("%s(): the browser offers no WebAuthn on %s: %s", method, origin, o.Unavailable)
	default:
		return nil, fmt.Errorf("%s(): the page's answer has no outcome", method)
	}
}
