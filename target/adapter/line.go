package adapter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Protocol is the version of the protocol that this package speaks.
const Protocol = 1

// maxLine bounds one line of the process, in bytes.
const maxLine = 4 << 20

// call is one line to the process.
type call struct {
	ID       uint64 `json:"id"`
	Op       string `json:"op"`
	Protocol int    `json:"protocol,omitempty"`
	RPID     string `json:"rpId,omitempty"`
	Origin   string `json:"origin,omitempty"`
	Session  string `json:"session,omitempty"`
	// Body is the request's body as it was made, which need not be JSON: a check
	// may send anything. BodyBase64 has it where it is not UTF-8.
	Body       *string `json:"body,omitempty"`
	BodyBase64 []byte  `json:"bodyBase64,omitempty"`
}

// reply is one line of the process.
type reply struct {
	ID       *uint64                    `json:"id"`
	OK       *bool                      `json:"ok"`
	Error    string                     `json:"error"`
	Body     map[string]json.RawMessage `json:"body"`
	Protocol int                        `json:"protocol"`
}

// parseReply reads a line. The error says what is wrong with it, for whoever
// wrote the process.
func parseReply(line []byte) (*reply, error) {
	line = bytes.TrimSpace(line)
	if !utf8.Valid(line) {
		return nil, fmt.Errorf("a line on standard output is not UTF-8: %.80q", line)
	}
	var r reply
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, fmt.Errorf("a line on standard output is no answer (logs belong on standard error): %w: %.80q", err, line)
	}
	if r.ID == nil || r.OK == nil {
		return nil, fmt.Errorf("an answer needs both id and ok: %.80q", line)
	}
	if !*r.OK && r.Error == "" {
		return nil, errors.New(`an answer with "ok": false needs an error`)
	}
	return &r, nil
}
