// Package adapter speaks to a Relying Party that is a program rather than a
// server: a library with a page of code around it, which reads requests from its
// standard input and writes answers to its standard output, a line of JSON each.
// docs/adapter.md is the protocol.
//
// To the rest of the harness it is a transport of HTTP requests in the dialect
// fido, so that checks, reports and replays know nothing of it.
package adapter

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// cookie is what keeps sessions apart between the harness and this package.
const cookie = "adapter-session"

// grace is how long a process that ends its output may take to exit by itself.
const grace = time.Second

// ops are the operations, by the paths of the dialect fido.
var ops = map[string]string{
	"/attestation/options": "registration.options",
	"/attestation/result":  "registration.result",
	"/assertion/options":   "authentication.options",
	"/assertion/result":    "authentication.result",
}

// Options say what is started.
type Options struct {
	// Command is the program and its arguments.
	Command []string
	// Dir is the working directory, from which a program with a slash in its name
	// is found; empty is this process's own. Env, NAME=value, adds to its environment.
	Dir string
	Env []string
	// RPID and Origin are told to the process in its hello.
	RPID, Origin string
	// Log, if set, gets every line that is exchanged, with → (to the program) or ←
	// before it.
	Log io.Writer
	// Timeout is for the hello; 0: 10 s. Other calls end with their request's context.
	Timeout time.Duration
}

// Process is a program that runs. It is safe for concurrent use.
type Process struct {
	cmd   *exec.Cmd
	lines chan []byte
	tail  *tail
	logMu sync.Mutex
	log   io.Writer

	// ended is closed when the process is of no more use; why is set before.
	ended chan struct{}
	why   error

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan *reply
	// late are those that nobody waits for any more; their answers are dropped.
	late map[uint64]bool
}

// What is wrapped where there is something to do about it: the program could not
// be started at all, it did not answer the hello in time, or it ended.
var (
	ErrStart  = errors.New("cannot be started")
	ErrSilent = errors.New("no answer to the hello")
	ErrEnded  = errors.New("ended")
)

// Start starts the program and exchanges hellos with it.
func Start(ctx context.Context, o Options) (*Process, error) {
	if len(o.Command) == 0 {
		return nil, fmt.Errorf("adapter: no command: %w", ErrStart)
	}
	p := &Process{
		cmd: exec.Command(o.Command[0], o.Command[1:]...), lines: make(chan []byte), tail: &tail{limit: 2048}, log: o.Log,
		ended: make(chan struct{}), waiting: map[uint64]chan *reply{}, late: map[uint64]bool{},
	}
	p.cmd.Dir = o.Dir
	group(p.cmd)
	if len(o.Env) > 0 {
		p.cmd.Env = append(os.Environ(), o.Env...)
	}
	p.cmd.Stderr = p.tail
	p.cmd.WaitDelay = grace // a child of its own may hold standard error open
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("adapter %s: %w: %w", o.Command[0], ErrStart, err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("adapter %s: %w: %w", o.Command[0], ErrStart, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("adapter %s: %w: %w", o.Command[0], ErrStart, err)
	}
	go p.write(in)
	go p.read(out)
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	hctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	r, err := p.ask(hctx, call{Op: "hello", Protocol: Protocol, RPID: o.RPID, Origin: o.Origin})
	switch {
	case err != nil && hctx.Err() != nil && ctx.Err() == nil:
		err = fmt.Errorf("%w within %v%s", ErrSilent, o.Timeout, p.tail.words())
	case err == nil && !*r.OK:
		err = fmt.Errorf("it refused the hello: %s", oneLine(r.Error))
	case err == nil && r.Protocol != Protocol:
		err = fmt.Errorf("it speaks protocol %d, and this is %d", r.Protocol, Protocol)
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("adapter %s: %w", o.Command[0], err)
	}
	return p, nil
}

// Close ends the process.
func (p *Process) Close() {
	kill(p.cmd)
	<-p.ended
}

func (p *Process) write(in io.WriteCloser) {
	defer func() { _ = in.Close() }()
	for {
		select {
		case <-p.ended:
			return
		case line := <-p.lines:
			p.note("→", bytes.TrimSuffix(line, []byte("\n")))
			if _, err := in.Write(line); err != nil {
				// The reader learns why.
				return
			}
		}
	}
}

// note writes a line to the log, whose errors are nobody's here.
func (p *Process) note(arrow string, line []byte) {
	if p.log == nil {
		return
	}
	p.logMu.Lock()
	defer p.logMu.Unlock()
	_, _ = fmt.Fprintf(p.log, "%s %s\n", arrow, line)
}

// read hands answers to those who wait for them until there can be no more.
func (p *Process) read(out io.Reader) {
	err := p.answers(out)
	if err == nil {
		// What ends its output mostly is about to exit, and its status is evidence.
		timer := time.AfterFunc(grace, func() { kill(p.cmd) })
		defer timer.Stop()
	} else {
		kill(p.cmd)
	}
	werr := p.cmd.Wait()
	if err == nil {
		err = errors.New("the adapter's process closed its standard output")
		var status *exec.ExitError
		if errors.As(werr, &status) && status.Exited() {
			err = fmt.Errorf("the adapter's process %w: %w", ErrEnded, werr)
		} else if werr == nil {
			err = fmt.Errorf("the adapter's process %w: exit status 0", ErrEnded)
		}
	}
	p.why = fmt.Errorf("%w%s", err, p.tail.words())
	close(p.ended)
}

// answers returns nil at the end of the output.
func (p *Process) answers(out io.Reader) error {
	s := bufio.NewScanner(out)
	s.Buffer(make([]byte, 0, 64<<10), maxLine)
	for s.Scan() {
		p.note("←", s.Bytes())
		r, err := parseReply(s.Bytes())
		if err != nil {
			return fmt.Errorf("the adapter's process: %w", err)
		}
		p.mu.Lock()
		ch, asked := p.waiting[*r.ID]
		delete(p.waiting, *r.ID)
		late := p.late[*r.ID]
		delete(p.late, *r.ID)
		issued := *r.ID > 0 && *r.ID <= p.next
		p.mu.Unlock()
		switch {
		case asked:
			ch <- r
		case !issued:
			return fmt.Errorf("the adapter's process answered a request %d that it was not sent", *r.ID)
		case !late:
			return fmt.Errorf("the adapter's process answered request %d twice", *r.ID)
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("the adapter's process wrote a line of more than %d bytes", maxLine)
	}
	return nil
}

// ask sends a call and waits for its answer, the context's end or the process's.
func (p *Process) ask(ctx context.Context, c call) (*reply, error) {
	ch := make(chan *reply, 1)
	p.mu.Lock()
	p.next++
	c.ID = p.next
	p.waiting[c.ID] = ch
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		if _, open := p.waiting[c.ID]; open {
			delete(p.waiting, c.ID)
			p.late[c.ID] = true
		}
		p.mu.Unlock()
	}()
	line, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("adapter: %w", err)
	}
	select {
	case p.lines <- append(line, '\n'):
	case <-p.ended:
		return nil, p.why
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case r := <-ch:
		return r, nil
	case <-p.ended:
		// The answer may have come just before the end.
		select {
		case r := <-ch:
			return r, nil
		default:
			return nil, p.why
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// RoundTrip carries a request of the dialect fido to the process. An error means
// that no answer came: the process is gone, broke the protocol or was too slow.
func (p *Process) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("adapter: %w", err)
		}
	}
	op, known := ops[req.URL.Path]
	if !known {
		return respond(req, http.StatusNotFound, "", refusal("the adapter has no operation for "+req.URL.Path))
	}
	if req.Method != http.MethodPost {
		return respond(req, http.StatusMethodNotAllowed, "", refusal("the adapter takes POST"))
	}
	c := call{Op: op}
	fresh := ""
	if k, err := req.Cookie(cookie); err == nil {
		c.Session = k.Value
	} else {
		fresh = rand.Text()
		c.Session = fresh
	}
	if utf8.Valid(body) {
		text := string(body)
		c.Body = &text
	} else {
		c.BodyBase64 = body
	}
	r, err := p.ask(req.Context(), c)
	if err != nil {
		return nil, err
	}
	if !*r.OK {
		return respond(req, http.StatusBadRequest, fresh, refusal(r.Error))
	}
	answer := map[string]any{}
	for k, v := range r.Body {
		answer[k] = v
	}
	answer["status"], answer["errorMessage"] = "ok", ""
	return respond(req, http.StatusOK, fresh, answer)
}

func refusal(message string) map[string]any {
	return map[string]any{"status": "failed", "errorMessage": message}
}

func respond(req *http.Request, status int, session string, body map[string]any) (*http.Response, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("adapter: %w", err)
	}
	h := http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}
	if session != "" {
		h.Set("Set-Cookie", (&http.Cookie{Name: cookie, Value: session, Path: "/", HttpOnly: true}).String())
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader(data)), ContentLength: int64(len(data)), Request: req,
	}, nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu    sync.Mutex
	limit int
	kept  []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b[max(0, len(b)-t.limit):]...)
	t.kept = t.kept[max(0, len(t.kept)-t.limit):]
	return len(b), nil
}

// words are the last lines of standard error, for an error's message.
func (t *tail) words() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "\uFFFD"))
	if s == "" {
		return ""
	}
	lines := strings.Split(s, "\n")
	lines = lines[max(0, len(lines)-3):]
	for i := range lines {
		lines[i] = oneLine(lines[i])
	}
	return "; its last words: " + strings.Join(lines, " / ")
}

// oneLine is what a program wrote without what acts on a terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, s)
}
