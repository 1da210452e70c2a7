package target

import (
	"encoding/base64"
	"net/http"
	"sort"
	"time"
	"unicode/utf8"
)

// maxLogged is how much of a body the log keeps.
const maxLogged = 64 << 10

// Exchange is one request and its answer. Secrets stand as placeholders unless
// Options.ShowSecrets was set.
type Exchange struct {
	// Step is the profile's id of the step.
	Step   string    `json:"step"`
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	URL    string    `json:"url"`
	// RequestHeader and ResponseHeader are name and value pairs, sorted by name.
	RequestHeader  [][2]string `json:"requestHeader,omitempty"`
	RequestBody    Body        `json:"requestBody"`
	Status         int         `json:"status,omitempty"`
	ResponseHeader [][2]string `json:"responseHeader,omitempty"`
	ResponseBody   Body        `json:"responseBody"`
	// Duration is from the first byte sent to the last byte read.
	Duration time.Duration `json:"duration"`
	// Error is why there was no complete answer.
	Error string `json:"error,omitempty"`

	raw struct{ request, response []byte }
}

// Body is a body as logged: text where it is UTF-8, else standard base64.
type Body struct {
	Text   string `json:"text,omitempty"`
	Base64 string `json:"base64,omitempty"`
	// Size is the whole body's length in bytes.
	Size int `json:"size"`
	// Cut is true when only the first 64 KiB are kept.
	Cut bool `json:"cut,omitempty"`
}

func (s *Session) record(st *step, req *http.Request, sent []byte, a *answer, start time.Time) {
	e := Exchange{
		Step: st.id, Time: start.UTC(), Method: req.Method, URL: req.URL.String(),
		RequestHeader: pairs(req.Header), Status: a.status, ResponseHeader: pairs(a.header),
		Duration: time.Since(start),
	}
	if a.err != nil {
		e.Error = oneLine(a.err.Error())
	}
	e.raw.request, e.raw.response = sent, a.raw
	s.log = append(s.log, e)
}

// Exchanges is the log, oldest first, with secrets redacted.
func (s *Session) Exchanges() []Exchange {
	r := s.redactor()
	out := make([]Exchange, len(s.log))
	for i, e := range s.log {
		out[i] = e
		out[i].URL = r.text(e.URL)
		out[i].RequestHeader = r.headers(e.RequestHeader)
		out[i].ResponseHeader = r.headers(e.ResponseHeader)
		out[i].RequestBody = r.body(e.raw.request)
		out[i].ResponseBody = r.body(e.raw.response)
		out[i].Error = r.text(e.Error)
		out[i].raw.request, out[i].raw.response = nil, nil
	}
	return out
}

func pairs(h http.Header) [][2]string {
	var out [][2]string
	for k, values := range h {
		for _, v := range values {
			out = append(out, [2]string{k, v})
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i][0] < out[j][0] })
	return out
}

func logged(data []byte, text func(string) string) Body {
	b := Body{Size: len(data)}
	if utf8.Valid(data) {
		s := text(string(data))
		if len(s) > maxLogged {
			cut := maxLogged
			for cut > 0 && !utf8.RuneStart(s[cut]) {
				cut--
			}
			s, b.Cut = s[:cut], true
		}
		b.Text = s
		return b
	}
	if len(data) > maxLogged {
		data, b.Cut = data[:maxLogged], true
	}
	b.Base64 = base64.StdEncoding.EncodeToString(data)
	return b
}
