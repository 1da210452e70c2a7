package reports

import (
	"encoding/base64"
	"unicode/utf8"
)

// SetRequestBody records b as text where it is UTF-8, else as base64.
func (e *Exchange) SetRequestBody(b []byte) { e.RequestBody, e.RequestEncoding = bodyText(b) }

// SetResponseBody records b as text where it is UTF-8, else as base64.
func (e *Exchange) SetResponseBody(b []byte) { e.ResponseBody, e.ResponseEncoding = bodyText(b) }

// RequestBytes returns the request body as it was sent.
func (e *Exchange) RequestBytes() []byte { return bodyBytes(e.RequestBody, e.RequestEncoding) }

// ResponseBytes returns the response body as it was received.
func (e *Exchange) ResponseBytes() []byte { return bodyBytes(e.ResponseBody, e.ResponseEncoding) }

func bodyText(b []byte) (text, encoding string) {
	if utf8.Valid(b) {
		return string(b), ""
	}
	return base64.StdEncoding.EncodeToString(b), "base64"
}

func bodyBytes(text, encoding string) []byte {
	if encoding == "base64" {
		if b, err := base64.StdEncoding.DecodeString(text); err == nil {
			return b
		}
	}
	return []byte(text)
}

// shownBody returns a body for a person. One that is nearly text is shown as
// text, for a reader sees more in it than in its base64.
func shownBody(text, encoding string) string {
	if encoding == "" {
		return text
	}
	raw := bodyBytes(text, encoding)
	odd := 0
	for _, r := range string(raw) {
		if r == utf8.RuneError {
			odd++
		}
	}
	if odd*10 > len(raw) {
		return "(" + encoding + ") " + text
	}
	return string(raw)
}
