package rp

import (
	"mime"
	"net/http"
	"strings"
)

// wantJSON refuses a request whose Content-Type is not application/json, with
// any parameters. An absent header is refused only when it is required.
func wantJSON(r *http.Request, required bool) error {
	header := r.Header.Get("Content-Type")
	if header == "" && !required {
		return nil
	}
	media, params, err := mime.ParseMediaType(header)
	if err != nil || media != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "the Content-Type header is %q, want application/json", header)
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return refuse(http.StatusUnsupportedMediaType, "the charset is %q, want UTF-8", charset)
	}
	return nil
}

// acceptsJSON tells whether the Accept header names application/json.
// wildcards tells whether */* and application/* do too.
func acceptsJSON(r *http.Request, wildcards bool) bool {
	for _, header := range r.Header.Values("Accept") {
		for _, part := range strings.Split(header, ",") {
			media, params, err := mime.ParseMediaType(part)
			if err != nil || params["q"] == "0" {
				continue
			}
			if media == "application/json" || wildcards && (media == "*/*" || media == "application/*") {
				return true
			}
		}
	}
	return false
}
