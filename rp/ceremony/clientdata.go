package ceremony

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// maxClientData bounds clientDataJSON. The specification names no bound; what
// clients write is well below 2 KiB.
const maxClientData = 1 << 16

// member is a member of the client data that the steps look at.
type member struct {
	present bool
	raw     json.RawMessage
}

// text is the member's value when it is a string.
func (m member) text() (string, bool) {
	var s string
	if !m.present || len(m.raw) == 0 || m.raw[0] != '"' || json.Unmarshal(m.raw, &s) != nil {
		return "", false
	}
	return s, true
}

// want reads a string member, or says what stands there instead.
func (m member) want(name string) (string, error) {
	if !m.present {
		return "", fmt.Errorf("the client data has no %s", name)
	}
	s, ok := m.text()
	if !ok {
		return "", fmt.Errorf("%s of the client data is not a string but %s", name, show(string(m.raw)))
	}
	return s, nil
}

// clientData is CollectedClientData (https://www.w3.org/TR/webauthn-3/#dictdef-collectedclientdata)
// as far as it could be read; the problems are judged in the steps.
type clientData struct {
	notJSON   error
	duplicate error

	typ, challenge, origin, crossOrigin, topOrigin, tokenBinding member
}

// readClientData reads tolerantly: unknown members and order mean nothing. Step 5
// of §7.1 runs UTF-8 decode, which never fails: a byte order mark is dropped, and
// U+FFFD stands for what is invalid, so that a member that is compared with
// something then differs from it.
//
// A member that the steps look at and that stands there twice is a problem:
// JSON leaves open which one counts (RFC 8259 §4), so what the RP judges need
// not be what another reader of the same signed bytes sees.
func readClientData(raw []byte) *clientData {
	c := &clientData{}
	if len(raw) > maxClientData {
		c.notJSON = fmt.Errorf("the client data has %d bytes, %d are accepted", len(raw), maxClientData)
		return c
	}
	text := bytes.ToValidUTF8(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), []byte("\uFFFD"))
	if !json.Valid(text) {
		c.notJSON = fmt.Errorf("the client data is not JSON: %s", show(string(text)))
		return c
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		c.notJSON = fmt.Errorf("the client data is not a JSON object: %s", show(string(text)))
		return c
	}
	members := map[string]*member{
		"type": &c.typ, "challenge": &c.challenge, "origin": &c.origin,
		"crossOrigin": &c.crossOrigin, "topOrigin": &c.topOrigin, "tokenBinding": &c.tokenBinding,
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			c.notJSON = fmt.Errorf("the client data is not JSON: %w", err)
			return c
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			c.notJSON = fmt.Errorf("the client data is not JSON: %w", err)
			return c
		}
		m := members[name.(string)]
		if m == nil {
			continue
		}
		if m.present && c.duplicate == nil {
			c.duplicate = fmt.Errorf("the client data has the member %q twice", name)
		}
		m.present, m.raw = true, slices.Clone(value)
	}
	if _, err := dec.Token(); err != nil && err != io.EOF {
		c.notJSON = fmt.Errorf("the client data is not JSON: %w", err)
	}
	return c
}
