package target

import "time"

// Exchange is one request and its answer. Secrets stand as placeholders unless
// Options.ShowSecrets was set.
type Exchange struct {
	Step           string     `json:"step"`
	Time           time.Time  `json:"time"`
	Method         string     `json:"method"`
	URL            string     `json:"url"`
	RequestHeader  [][2]string `json:"requestHeader,omitempty"`
	RequestBody    Body       `json:"requestBody"`
	Status         int        `json:"status,omitempty"`
	ResponseHeader [][2]string `json:"responseHeader,omitempty"`
	ResponseBody   Body       `json:"responseBody"`
	// Duration is from the first byte sent to the last byte read.
	Duration time.Duration `json:"duration"`
	// Error is why there was no complete answer.
	Error string `json:"error,omitempty"`
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
