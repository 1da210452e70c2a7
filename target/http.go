package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"time"
)

const (
	defaultTimeout = 10 * time.Second
	defaultMaxBody = 4 << 20
	// maxHeader bounds an answer's headers in bytes.
	maxHeader = 256 << 10
)

// newTransport makes a transport for API calls. Connections are kept for a
// moment only: a server that closes an idle one just as a request is on its
// way would look like a server that crashed on it.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: defaultTimeout}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        time.Second,
		TLSHandshakeTimeout:    defaultTimeout,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
	}
}

var errTooLarge = errors.New("the answer is larger than the limit")

// handlerTransport answers requests from a handler, without a network.
type handlerTransport struct {
	handler http.Handler
	limit   int64
}

func (t *handlerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	body := req.Body
	if body == nil {
		body = http.NoBody
	}
	in := req.Clone(req.Context())
	in.Body = body
	in.RequestURI = req.URL.RequestURI()
	in.Host = req.Host
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	in.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	in.RemoteAddr = "192.0.2.1:1" // TEST-NET-1: a name for nobody
	w := &recorder{limit: t.limit, header: http.Header{}}
	done := make(chan error, 1)
	go func() {
		// A handler's panic is a dropped connection to its client, as in net/http.
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("the handler panicked: %s", oneLine(fmt.Sprint(p)))
				return
			}
			done <- nil
		}()
		t.handler.ServeHTTP(w, in)
	}()
	select {
	case <-req.Context().Done():
		// The handler may go on, but what it writes is not read any more.
		w.close()
		return nil, req.Context().Err()
	case err := <-done:
		if err != nil {
			return nil, err
		}
	}
	return w.response(req), nil
}

// recorder is a ResponseWriter that keeps at most limit+1 bytes of the body.
type recorder struct {
	mu     sync.Mutex
	limit  int64
	header http.Header
	sent   http.Header
	status int
	body   bytes.Buffer
	closed bool
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(status)
}

func (w *recorder) writeHeader(status int) {
	// 1xx are informational; net/http sends them and goes on.
	if w.status != 0 || (status >= 100 && status < 200) {
		return
	}
	w.status = status
	w.sent = w.header.Clone()
}

func (w *recorder) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, http.ErrHandlerTimeout
	}
	if w.status == 0 {
		if w.header.Get("Content-Type") == "" && len(p) > 0 {
			w.header.Set("Content-Type", http.DetectContentType(p))
		}
		w.writeHeader(http.StatusOK)
	}
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	if room := w.limit + 1 - int64(w.body.Len()); int64(len(p)) > room {
		w.body.Write(p[:max(room, 0)])
		return 0, errTooLarge
	}
	return w.body.Write(p)
}

func (w *recorder) Flush() {}

func (w *recorder) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
}

func (w *recorder) response(req *http.Request) *http.Response {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(http.StatusOK)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: io.NopCloser(bytes.NewReader(w.body.Bytes())), ContentLength: int64(w.body.Len()), Request: req,
	}
}

// jar keeps cookies as a browser would keep them for the Relying Party's page,
// with two allowances, since a session speaks to one server only and often not
// at the address that the Relying Party thinks it has (http://127.0.0.1:8080
// for https://rp.example): Secure does not keep a cookie from http, and Domain
// is disregarded, so every cookie belongs to the host that set it.
type jar struct {
	inner *cookiejar.Jar
	// named are the values by name for expressions and templates, as a page's
	// script would read them to send one back in a header. Paths do not matter
	// there: the newest cookie of a name is the one.
	named map[string]any
}

func newJar() *jar {
	// New fails never: it is given no options.
	inner, _ := cookiejar.New(nil)
	return &jar{inner, map[string]any{}}
}

func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	for i, c := range cookies {
		d := *c
		d.Domain = ""
		if u.Scheme == "http" {
			d.Secure = false
		}
		cookies[i] = &d
		if d.MaxAge < 0 || !d.Expires.IsZero() && d.MaxAge == 0 && d.Expires.Before(time.Now()) {
			delete(j.named, d.Name)
		} else {
			j.named[d.Name] = d.Value
		}
	}
	j.inner.SetCookies(u, cookies)
}

func (j *jar) Cookies(u *url.URL) []*http.Cookie { return j.inner.Cookies(u) }

// answer is what came back, or why nothing did.
type answer struct {
	url     string
	status  int
	header  http.Header
	raw     []byte
	body    any
	jsonErr error
	// reason is set where there was no complete answer.
	reason string
	err    error
}

// exchange sends a request and reads the whole answer. The error is set only
// where the caller's own context ended.
func (t *Target) exchange(ctx context.Context, jar http.CookieJar, req *http.Request) (*answer, error) {
	rctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	c := &http.Client{
		Transport:     t.transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	a := &answer{url: req.URL.String()}
	resp, err := c.Do(req.WithContext(rctx))
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return t.broken(ctx, rctx, a, err)
	}
	defer func() { _ = resp.Body.Close() }()
	a.status, a.header = resp.StatusCode, resp.Header
	a.raw, err = io.ReadAll(io.LimitReader(resp.Body, t.maxBody+1))
	if err != nil {
		return t.broken(ctx, rctx, a, err)
	}
	if int64(len(a.raw)) > t.maxBody {
		a.raw = a.raw[:t.maxBody]
		a.reason, a.err = ReasonTooLarge, fmt.Errorf("the answer has more than %d bytes", t.maxBody)
		return a, nil
	}
	a.body, a.jsonErr = parseJSON(a.raw)
	return a, nil
}

func (t *Target) broken(ctx, rctx context.Context, a *answer, err error) (*answer, error) {
	var ne net.Error
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case rctx.Err() != nil, errors.As(err, &ne) && ne.Timeout():
		a.reason, a.err = ReasonTimeout, fmt.Errorf("no complete answer within %v", t.timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		a.reason, a.err = ReasonConnection, errors.New("the connection was closed before the answer was complete")
	default:
		a.reason, a.err = ReasonConnection, errors.New(oneLine(err.Error()))
	}
	return a, nil
}
