package target

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"strings"
)

// res is the answer as expressions see it.
func (a *answer) res() map[string]any {
	headers := map[string]any{}
	for k, v := range a.header {
		headers[strings.ToLower(k)] = strings.Join(v, ", ")
	}
	return map[string]any{
		"url":     a.url,
		"status":  a.status,
		"headers": headers,
		"body":    a.body,
		"text":    strings.ToValidUTF8(string(a.raw), "\uFFFD"),
	}
}

// isHTML goes by the declared media type, and by the first bytes where that
// says nothing: servers often label their error pages carelessly.
func (a *answer) isHTML() bool {
	mt, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err == nil && (mt == "text/html" || mt == "application/xhtml+xml") {
		return len(bytes.TrimSpace(a.raw)) > 0
	}
	head := bytes.ToLower(bytes.TrimSpace(a.raw[:min(len(a.raw), 512)]))
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))
}

// fits says whether the body is of the declared kind, and if not, the reason.
func (a *answer) fits(kind string) (reason string) {
	switch kind {
	case "any":
		return ""
	case "html":
		if !a.isHTML() {
			return ReasonForm
		}
		return ""
	case "text", "empty":
		if a.isHTML() {
			return ReasonHTML
		}
		return ""
	}
	switch {
	case a.isHTML():
		return ReasonHTML
	case a.jsonErr == nil:
		return ""
	case a.status == http.StatusNoContent:
		return ""
	}
	return ReasonNotJSON
}

// classify says what an answer amounts to for the step that asked. The input
// already holds the answer as .res.
func (s *step) classify(a *answer, in map[string]any, seed string) Outcome {
	o := Outcome{Step: s.id, Status: a.status}
	if a.reason != "" {
		o.Kind, o.Reason, o.Message = Crashed, a.reason, oneLine(a.err.Error())
		return o
	}
	ok, serr := s.success.holds(in, seed)
	if ok {
		if reason := a.fits(s.answer); reason != "" {
			return a.misfit(o, reason, s.answer)
		}
		o.Kind = Accepted
		return o
	}
	o.Message = s.words(a, in, seed)
	refused, ferr := s.failure.holds(in, seed)
	if refused {
		if reason := a.fits(s.failureAnswer); reason != "" {
			return a.misfit(o, reason, s.failureAnswer)
		}
		o.Kind, o.ServerError = Rejected, a.status >= 500
		return o
	}
	declared := s.answer
	if a.status >= 400 {
		declared = s.failureAnswer
	}
	switch {
	case a.status >= 300 && a.status < 400:
		o.Kind, o.Reason = Unclear, ReasonRedirect
		o.Message = oneLine("redirect to " + a.header.Get("Location"))
	case a.isHTML() && declared != "html" && declared != "any":
		return a.misfit(o, ReasonHTML, declared)
	case a.status >= 500:
		o.Kind, o.Reason = Crashed, ReasonServerError
	case a.fits(declared) == ReasonNotJSON:
		return a.misfit(o, ReasonNotJSON, declared)
	default:
		o.Kind, o.Reason = Unclear, ReasonForm
		if serr != nil {
			o.Message = oneLine(fmt.Sprintf("success: %v", serr))
		} else if ferr != nil {
			o.Message = oneLine(fmt.Sprintf("failure: %v", ferr))
		} else if o.Message == "" {
			o.Message = "the answer has neither the declared success form nor the failure form"
		}
	}
	return o
}

func (a *answer) misfit(o Outcome, reason, declared string) Outcome {
	o.Kind, o.Reason = Crashed, reason
	switch reason {
	case ReasonHTML:
		o.Message = "an HTML page where " + declared + " is declared"
		if a.status >= 500 {
			o.Message += ", with a server error"
		}
	case ReasonNotJSON:
		o.Message = oneLine(fmt.Sprint(a.jsonErr))
	default:
		o.Kind = Unclear
		o.Message = "the body is not " + declared + " as declared"
	}
	return o
}

// words are the Relying Party's own, by the profile's message expression.
func (s *step) words(a *answer, in map[string]any, seed string) string {
	if s.message != nil {
		// A message that cannot be found is no fault of the answer's form.
		if v, err := s.message.run(in, seed); err == nil && v != nil {
			if text, ok := v.(string); ok {
				return oneLine(text)
			}
			return oneLine(string(encodeJSON(v, nil)))
		}
	}
	if a.jsonErr != nil && !a.isHTML() {
		return oneLine(string(a.raw))
	}
	return ""
}
