package sidecar

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// MaxRequest bounds a request in bytes.
const MaxRequest = 4 << 20

// Handler is the engine over HTTP: POST /METHOD with the parameters as a JSON
// object; GET does for calls without parameters. Success is 200 with the result;
// a refusal is 422 with {"error": {name, message}}, a mistake in the call 400,
// what is not there 404.
//
// It answers pages of no origin: a browser's request from anywhere else than
// this machine's own programs has an Origin header and is refused, and so is a
// Host that is no loopback name, which a rebound DNS name would be.
func (e *Engine) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" {
			write(w, http.StatusForbidden, refused(&Failure{"SecurityError", "pages may not call the authenticator"}))
			return
		}
		if !loopback(r.Host) {
			write(w, http.StatusForbidden, refused(&Failure{"SecurityError", "the Host is no loopback name"}))
			return
		}
		if r.Method != http.MethodPost && r.Method != http.MethodGet {
			w.Header().Set("Allow", "GET, POST")
			write(w, http.StatusMethodNotAllowed, refused(mistake("use POST, or GET for calls without parameters")))
			return
		}
		var params json.RawMessage
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequest))
			if err != nil {
				write(w, http.StatusRequestEntityTooLarge, refused(mistake("the request is longer than %d bytes, or broke off", MaxRequest)))
				return
			}
			params = body
		}
		result, err := e.Call(r.Context(), strings.Trim(r.URL.Path, "/"), params)
		var f *Failure
		if errors.As(err, &f) {
			write(w, status(f), refused(f))
			return
		}
		write(w, http.StatusOK, result)
	})
}

func status(f *Failure) int {
	switch f.Name {
	case "NotFoundError":
		return http.StatusNotFound
	case "TypeError":
		return http.StatusBadRequest
	}
	return http.StatusUnprocessableEntity
}

func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func refused(f *Failure) any {
	return map[string]*Failure{"error": f}
}

func write(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone: there is nobody to tell
}

// line is a call on a pipe, and its answer.
type line struct {
	ID     json.RawMessage `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result any             `json:"result,omitempty"`
	Error  *Failure        `json:"error,omitempty"`
}

// Serve answers calls on a pipe, a JSON object a line, in their order:
// {"id": …, "method": "create", "params": {…}} with {"id": …, "result": …} or
// {"id": …, "error": {name, message}}. It ends with the input.
func (e *Engine) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	encoder := json.NewEncoder(out)
	for ctx.Err() == nil {
		text, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, errLong) {
			return fmt.Errorf("read a call: %w", err)
		}
		if err == nil && len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var answer line
		var q line
		switch {
		case err != nil:
			answer.Error = mistake("the line is longer than %d bytes", MaxRequest)
		default:
			if err := json.Unmarshal(text, &q); err != nil {
				answer.Error = mistake("the line is no JSON object: %s", err)
				break
			}
			answer.ID = q.ID
			result, err := e.Call(ctx, q.Method, q.Params)
			if !errors.As(err, &answer.Error) {
				answer.Result = result
			}
		}
		if err := encoder.Encode(answer); err != nil {
			return fmt.Errorf("write an answer: %w", err)
		}
	}
	return ctx.Err()
}

var errLong = errors.New("a line is too long")

// readLine reads to the end of the line; one that is too long is read to its end
// all the same, so that the next call is found.
func readLine(r *bufio.Reader) ([]byte, error) {
	var whole []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if !long {
			whole = append(whole, part...)
		}
		if len(whole) > MaxRequest {
			long, whole = true, nil
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(whole) > 0 || long):
		case err != nil:
			return nil, err
		}
		if long {
			return nil, errLong
		}
		return whole, nil
	}
}
