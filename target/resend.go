package target

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Resend sends a request as it was once recorded, byte for byte, with the
// session's cookies, and logs it. address is a path with its query, below the
// target's URL. Headers that the sending itself decides (Host, Content-Length,
// Cookie) and those whose value was redacted are left out. The answer's status
// is in the returned exchange, 0 with Error where none came; the error is the
// context's or says that the request cannot be made.
func (s *Session) Resend(ctx context.Context, id, method, address string, header [][2]string, body []byte) (*Exchange, error) {
	ref, err := url.Parse(s.t.base.String() + address)
	if err != nil {
		return nil, fmt.Errorf("%q is no address: %w", oneLine(address), err)
	}
	if ref.Host != s.t.base.Host || ref.Scheme != s.t.base.Scheme || ref.User != nil {
		return nil, fmt.Errorf("the address %s leaves the target", oneLine(ref.Redacted()))
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequest(method, ref.String(), reader)
	if err != nil {
		return nil, fmt.Errorf("step %s cannot be sent again: %w", id, err)
	}
	for _, h := range header {
		switch http.CanonicalHeaderKey(h[0]) {
		case "Host", "Content-Length", "Cookie":
			continue
		}
		if !strings.Contains(h[1], redacted) && headerValue(h[1]) {
			req.Header.Add(h[0], h[1])
		}
	}
	start := time.Now()
	a, err := s.t.exchange(ctx, s.jar, req)
	if err != nil {
		return nil, err
	}
	s.record(&step{id: id}, req, body, a, start)
	all := s.Exchanges()
	return &all[len(all)-1], nil
}

// Redacted is what stands where a secret was.
func Redacted() string { return redacted }
