package rp

import (
	"net/http"
	"slices"
	"strings"
)

// call is one request with its body read.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	body []byte
	vars map[string]string
}

// A handler writes the answer, or returns why it does not. The error is a
// *refusal or a *ceremony.Error; any other is a fault of the server's own.
type handler func(*call) error

// family is a set of endpoints that refuse in the same form.
type family struct {
	name string
	fail func(*call, *refusal)
	// before is asked before the body is read, after the method was found good.
	before func(*call) error
}

type endpoint struct {
	family   *family
	segments []string
	methods  map[string]handler
}

// handle adds an endpoint. A segment in braces matches any one segment.
func (s *Server) handle(f *family, method, pattern string, h handler) {
	segments := strings.Split(pattern, "/")
	for _, e := range s.endpoints {
		if slices.Equal(e.segments, segments) {
			e.methods[method] = h
			return
		}
	}
	s.endpoints = append(s.endpoints, endpoint{family: f, segments: segments, methods: map[string]handler{method: h}})
}

// find returns the endpoint for a path. Endpoints are tried in the order in
// which they were added, so fixed segments are added before variable ones.
func (s *Server) find(path string) (*endpoint, map[string]string) {
	segments := strings.Split(path, "/")
	for i := range s.endpoints {
		if vars, ok := s.endpoints[i].match(segments); ok {
			return &s.endpoints[i], vars
		}
	}
	return nil, nil
}

func (e *endpoint) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(e.segments) {
		return nil, false
	}
	var vars map[string]string
	for i, want := range e.segments {
		if name, ok := strings.CutPrefix(want, "{"); ok && segments[i] != "" {
			if vars == nil {
				vars = map[string]string{}
			}
			vars[strings.TrimSuffix(name, "}")] = segments[i]
			continue
		}
		if segments[i] != want {
			return nil, false
		}
	}
	return vars, true
}

func (e *endpoint) handler(method string) handler {
	if h := e.methods[method]; h != nil {
		return h
	}
	if method == http.MethodHead {
		return e.methods[http.MethodGet]
	}
	return nil
}

func (e *endpoint) allow() string {
	var names []string
	for name := range e.methods {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
