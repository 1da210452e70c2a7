package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// marionette is a connection to Firefox's own remote control
// (https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html):
// each message is its length in bytes, a colon, and a JSON array, which is
// [0, id, command, parameters] on the way there and [1, id, error, result] back.
// One goroutine at a time uses it. An error that is not a *refusal has broken
// the connection: what was asked may still be answered, to nobody.
type marionette struct {
	conn net.Conn
	in   *bufio.Reader
	last int
}

// most is how long a message may be; the longest real ones hold a response.
const most = 16 << 20

// refusal is a command that the browser understood and refused, in the form
// that Marionette and WebDriver share
// (https://www.w3.org/TR/webdriver2/#errors).
type refusal struct {
	Code    string `json:"error"`
	Message string `json:"message"`
}

func (e *refusal) Error() string {
	return oneLine(fmt.Errorf("%s: %s", e.Code, e.Message)).Error()
}

// dialMarionette connects and reads the greeting. ctx bounds only that.
func dialMarionette(ctx context.Context, address string) (*marionette, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	m := &marionette{conn: conn, in: bufio.NewReader(conn)}
	var hello struct {
		Type     string `json:"applicationType"`
		Protocol int    `json:"marionetteProtocol"`
	}
	err = m.bounded(ctx, func() error {
		b, err := readPacket(m.in)
		if err != nil {
			return err
		}
		return json.Unmarshal(b, &hello)
	})
	if err == nil && (hello.Type != "gecko" || hello.Protocol != 3) {
		err = fmt.Errorf("it speaks protocol %d of %q, want 3 of gecko", hello.Protocol, hello.Type)
	}
	if err != nil {
		m.close()
		return nil, fmt.Errorf("greet marionette: %w", err)
	}
	return m, nil
}

// call sends a command and decodes its result into out, unless out is nil.
func (m *marionette) call(ctx context.Context, command string, params, out any) error {
	m.last++
	packet, err := json.Marshal([]any{0, m.last, command, params})
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	var a answer
	err = m.bounded(ctx, func() error {
		if _, err := fmt.Fprintf(m.conn, "%d:%s", len(packet), packet); err != nil {
			return err
		}
		for {
			b, err := readPacket(m.in)
			if err != nil {
				return err
			}
			if a, err = parseAnswer(b); err != nil || a.id == m.last {
				return err
			}
		}
	})
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", command, err)
	case a.refusal != nil:
		return fmt.Errorf("%s: %w", command, a.refusal)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(a.result, out); err != nil {
		return fmt.Errorf("%s: read the result: %w", command, err)
	}
	return nil
}

// bounded runs do, which reads and writes, until ctx ends.
func (m *marionette) bounded(ctx context.Context, do func() error) error {
	if err := m.conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	unhook := context.AfterFunc(ctx, func() { _ = m.conn.SetDeadline(time.Unix(1, 0)) })
	err := do()
	if !unhook() && err != nil {
		return context.Cause(ctx)
	}
	return err
}

func (m *marionette) close() { _ = m.conn.Close() } // there is nothing left to flush

// answer is what came back for the command with the id.
type answer struct {
	id      int
	refusal *refusal
	result  json.RawMessage
}

func parseAnswer(b []byte) (a answer, err error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return a, fmt.Errorf("read a message: %w", err)
	}
	if len(parts) != 4 || string(parts[0]) != "1" {
		return a, errors.New("read a message: it is no answer of four members")
	}
	if err := json.Unmarshal(parts[1], &a.id); err != nil {
		return a, fmt.Errorf("read a message's id: %w", err)
	}
	if err := json.Unmarshal(parts[2], &a.refusal); err != nil {
		return a, fmt.Errorf("read a message's error: %w", err)
	}
	a.result = parts[3]
	return a, nil
}

// readPacket reads one message without its length.
func readPacket(r *bufio.Reader) ([]byte, error) {
	length := 0
	for digits := 0; ; digits++ {
		c, err := r.ReadByte()
		switch {
		case err != nil:
			return nil, err
		case c == ':' && digits > 0:
			b := make([]byte, length)
			_, err := io.ReadFull(r, b)
			return b, err
		case c < '0' || c > '9':
			return nil, fmt.Errorf("read a message's length: %s is no digit", strconv.QuoteRune(rune(c)))
		}
		if length = 10*length + int(c-'0'); length > most {
			return nil, fmt.Errorf("read a message: it is longer than %d bytes", most)
		}
	}
}
