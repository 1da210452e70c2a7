package rp

import (
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
)

// addPages adds what no dialect owns: the page for people and the session probe.
func (s *Server) addPages() {
	f := &family{fail: func(c *call, r *refusal) { http.Error(c.w, r.message, r.status) }}
	s.handle(f, http.MethodGet, "/", s.page)
	s.handle(f, http.MethodGet, "/session", s.probe)
}

// page tells a person what is served here.
func (s *Server) page(c *call) error {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Touchstone reference Relying Party</title>\n"+
		"<h1>Touchstone reference Relying Party</h1>\n<p>RP ID <code>%s</code>, origins <code>%s</code>. Everything is kept in memory only.</p>\n",
		html.EscapeString(s.cfg.RPID), html.EscapeString(strings.Join(s.cfg.Origins, ", ")))
	section := "-"
	for _, e := range s.endpoints {
		if e.family.name != section {
			if section != "-" {
				b.WriteString("</pre>\n")
			}
			section = e.family.name
			title := "Dialect " + section
			if section == "" {
				title = "For all"
			}
			fmt.Fprintf(&b, "<h2>%s</h2>\n<pre>\n", html.EscapeString(title))
		}
		var methods []string
		for m := range e.methods {
			methods = append(methods, m)
		}
		slices.Sort(methods)
		fmt.Fprintf(&b, "%-13s %s\n", strings.Join(methods, " "), html.EscapeString(strings.Join(e.segments, "/")))
	}
	b.WriteString("</pre>\n</html>\n")
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = c.w.Write([]byte(b.String()))
	return nil
}
