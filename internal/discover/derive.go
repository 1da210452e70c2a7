package discover

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/touchstone-webauthn/touchstone/target"
)

// seen is what came back for one request.
type seen struct {
	status int
	body   any // nil where it is no JSON
	json   bool
	text   string
	html   bool
	cookie []string // names that were set
	// location is where a redirect leads.
	location string
	err      string
}

func see(e target.Exchange) *seen {
	s := &seen{status: e.Status, text: e.ResponseBody.Text, err: e.Error}
	s.body, s.json = parse([]byte(e.ResponseBody.Text))
	for _, h := range e.ResponseHeader {
		switch h[0] {
		case "Content-Type":
			s.html = strings.Contains(strings.ToLower(h[1]), "html")
		case "Location":
			if e.Status >= 300 && e.Status < 400 {
				s.location = h[1]
			}
		case "Set-Cookie":
			if name, _, ok := strings.Cut(h[1], "="); ok {
				s.cookie = append(s.cookie, strings.TrimSpace(name))
			}
		}
	}
	return s
}

// said tells an answer in a few words.
func (s *seen) said() string {
	if s.status == 0 {
		return "no answer: " + s.err
	}
	what := "with an empty body"
	switch {
	case s.status == http.StatusNotFound || s.status == http.StatusMethodNotAllowed:
		return fmt.Sprint(s.status)
	case s.err != "":
		what = s.err
	case s.html:
		what = "HTML"
	case s.json:
		what = "JSON"
		if _, text := s.words(); text != "" {
			what += ": " + text
		}
	case strings.TrimSpace(s.text) != "":
		what = "text: " + s.text
	}
	line := strings.Join(strings.Fields(what), " ")
	if runes := []rune(line); len(runes) > 60 {
		line = string(runes[:57]) + "..."
	}
	if s.status >= 300 && s.status < 400 {
		line = "a redirect"
	}
	return fmt.Sprintf("%d %s", s.status, visible(line))
}

func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return '\uFFFD'
		}
		return r
	}, s)
}

// wordPlaces are where RPs put their own words about a refusal.
var wordPlaces = [][]string{{"errorMessage"}, {"error", "message"}, {"error_description"}, {"message"}, {"error"}, {"detail"}, {"details"}, {"title"}, {"reason"}, {"msg"}}

// words finds the RP's own words in a JSON answer, and the jq to them.
func (s *seen) words() (expr, text string) {
	for _, path := range wordPlaces {
		v := s.body
		for _, k := range path {
			m, _ := v.(map[string]any)
			v = m[k]
		}
		if t, ok := v.(string); ok && t != "" {
			return ".res.body." + strings.Join(path, "."), t
		}
	}
	return "", ""
}

// markers are the members that tell success, the surest first.
var markers = []string{"verified", "success", "ok", "status", "result"}

// verdict is how success and refusal are told apart.
type verdict struct {
	success, failure, message string
	answer, failureAnswer     string
	// doubt is what could not be told, for the reader.
	doubt string
}

// derive finds the verdict from the answer to a valid result and the one to a
// result whose challenge is wrong. Either may be nil.
func derive(good, bad *seen) verdict {
	v := verdict{answer: "any", failureAnswer: "any"}
	if good == nil || good.status == 0 || good.status >= 300 {
		v.success = ".res.status >= 200 and .res.status < 300"
		v.failure = ".res.status >= 400"
		v.doubt = "no valid result was accepted, so that the form of success is assumed: a status of 2xx"
		if bad == nil || bad.status == 0 {
			bad = good
		}
	}
	marker, value := "", ""
	if v.success == "" {
		v.success = fmt.Sprintf(".res.status == %d", good.status)
		v.answer = kindOf(good)
		if m, ok := good.body.(map[string]any); ok {
			b := map[string]any{}
			if bad != nil {
				if x, ok := bad.body.(map[string]any); ok {
					b = x
				}
			}
			for _, k := range markers {
				text, plain := scalar(m[k])
				if other, _ := scalar(b[k]); plain && m[k] != nil && other != text && (m[k] == true || isWord(m[k])) {
					marker, value = k, text
					break
				}
			}
		}
		if marker != "" {
			v.success += fmt.Sprintf(" and .res.body%s == %s", member(marker), value)
		}
	}
	switch {
	case bad == nil || bad.status == 0:
		v.failure = ".res.status >= 400 and .res.status < 500"
		v.doubt = join(v.doubt, "no refusal was seen, so that its form is assumed: a status of 4xx")
	case bad.status < 300 && marker == "":
		v.failure = ".res.status >= 400 and .res.status < 500"
		v.doubt = join(v.doubt, fmt.Sprintf("a result with a wrong challenge was answered %d like a good one: either the RP takes it, which a run will tell, or success has a mark that was not understood", bad.status))
	case bad.status < 400:
		v.failure = fmt.Sprintf("(.res.status == %d or .res.status >= 400 and .res.status < 500)", bad.status)
		if marker != "" {
			v.failure += fmt.Sprintf(" and .res.body%s != %s", member(marker), value)
		}
		v.failureAnswer = kindOf(bad)
	case bad.status < 500:
		v.failure = ".res.status >= 400 and .res.status < 500"
		v.failureAnswer = kindOf(bad)
	default:
		v.failure = ".res.status >= 400"
		v.failureAnswer = kindOf(bad)
		v.doubt = join(v.doubt, fmt.Sprintf("a wrong challenge is answered with status %d, which is a finding of its own", bad.status))
	}
	if bad != nil && bad.html {
		v.failureAnswer = "json"
		v.doubt = join(v.doubt, "a wrong challenge is answered with an HTML page, which a run counts as a crash; if that is how it is meant, write failureAnswer: html")
	}
	if bad != nil {
		if e, _ := bad.words(); e != "" {
			v.message = e
		} else if !bad.json && !bad.html && strings.TrimSpace(bad.text) != "" {
			v.message = ".res.text"
		}
	}
	return v
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// kindOf is the kind of body that the answer has, as a profile declares it. Text
// covers the empty body.
func kindOf(s *seen) string {
	switch {
	case s.html:
		return "html"
	case s.json, s.status == http.StatusNoContent:
		return "json"
	}
	return "text"
}

// scalar writes a boolean or text as jq has it.
func scalar(v any) (string, bool) {
	switch v.(type) {
	case bool, string:
		b, err := json.Marshal(v)
		return string(b), err == nil
	}
	return "", false
}

// isWord says whether a text is a word that means success, rather than an id.
func isWord(v any) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	switch strings.ToLower(s) {
	case "ok", "success", "succeeded", "verified", "done":
		return true
	}
	return false
}
