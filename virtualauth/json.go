package virtualauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A JSON reader that keeps to byte ranges: options are read from it without a
// detour through maps, and client data is edited in place with every byte that
// a fault does not name left as it was.

// maxJSONDepth bounds recursion; a document nested deeper is refused.
const maxJSONDepth = 512

var errJSONEnd = errors.New("unexpected end of JSON")

// jsonSpace returns the index of the first byte at or after i that is not white space.
func jsonSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// jsonValue checks the value that starts at i and returns the index behind it.
func jsonValue(b []byte, i, depth int) (int, error) {
	if depth > maxJSONDepth {
		return i, fmt.Errorf("nested deeper than %d at offset %d", maxJSONDepth, i)
	}
	if i >= len(b) {
		return i, errJSONEnd
	}
	switch c := b[i]; {
	case c == '{':
		return jsonComposite(b, i, depth, '}')
	case c == '[':
		return jsonComposite(b, i, depth, ']')
	case c == '"':
		return jsonString(b, i)
	case c == '-' || c >= '0' && c <= '9':
		return jsonNumber(b, i)
	case c == 't':
		return jsonWord(b, i, "true")
	case c == 'f':
		return jsonWord(b, i, "false")
	case c == 'n':
		return jsonWord(b, i, "null")
	default:
		return i, fmt.Errorf("unexpected byte %q at offset %d", c, i)
	}
}

func jsonWord(b []byte, i int, word string) (int, error) {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return i, fmt.Errorf("unexpected byte %q at offset %d", b[i], i)
	}
	return i + len(word), nil
}

func jsonComposite(b []byte, i, depth int, closer byte) (int, error) {
	i = jsonSpace(b, i+1)
	if i < len(b) && b[i] == closer {
		return i + 1, nil
	}
	for {
		var err error
		if closer == '}' {
			if i >= len(b) {
				return i, errJSONEnd
			}
			if b[i] != '"' {
				return i, fmt.Errorf("expected a member name at offset %d", i)
			}
			if i, err = jsonString(b, i); err != nil {
				return i, err
			}
			if i = jsonSpace(b, i); i >= len(b) {
				return i, errJSONEnd
			}
			if b[i] != ':' {
				return i, fmt.Errorf("expected ':' at offset %d", i)
			}
			i = jsonSpace(b, i+1)
		}
		if i, err = jsonValue(b, i, depth+1); err != nil {
			return i, err
		}
		if i = jsonSpace(b, i); i >= len(b) {
			return i, errJSONEnd
		}
		switch b[i] {
		case closer:
			return i + 1, nil
		case ',':
			i = jsonSpace(b, i+1)
		default:
			return i, fmt.Errorf("expected ',' or %q at offset %d", closer, i)
		}
	}
}

func jsonString(b []byte, i int) (int, error) {
	start := i
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, nil
		case c < 0x20:
			return i, fmt.Errorf("control character in the string at offset %d", start)
		case c == '\\':
			if i++; i >= len(b) {
				return i, errJSONEnd
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if len(b)-i < 5 {
					return i, errJSONEnd
				}
				for _, h := range b[i+1 : i+5] {
					if !(h >= '0' && h <= '9' || h >= 'a' && h <= 'f' || h >= 'A' && h <= 'F') {
						return i, fmt.Errorf("bad \\u escape at offset %d", i-1)
					}
				}
				i += 4
			default:
				return i, fmt.Errorf("bad escape at offset %d", i-1)
			}
		}
	}
	return i, errJSONEnd
}

func jsonNumber(b []byte, i int) (int, error) {
	start := i
	digits := func() bool {
		from := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > from
	}
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return i, fmt.Errorf("bad number at offset %d", start)
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			return i, fmt.Errorf("bad number at offset %d", start)
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return i, fmt.Errorf("bad number at offset %d", start)
		}
	}
	return i, nil
}

// jsonDocument checks that b is one JSON text and returns the value's bytes.
func jsonDocument(b []byte) ([]byte, error) {
	i := jsonSpace(b, 0)
	end, err := jsonValue(b, i, 0)
	if err != nil {
		return nil, err
	}
	if rest := jsonSpace(b, end); rest != len(b) {
		return nil, fmt.Errorf("unexpected byte %q at offset %d, behind the JSON text", b[rest], rest)
	}
	return b[i:end], nil
}

// jsonMember is one member of an object: its name and where its parts lie.
type jsonMember struct {
	name              string
	value             []byte
	nameAt, nameEnd   int
	valueAt, valueEnd int
}

// jsonMembers lists the members of the object b, in order, duplicates included.
// b must have passed jsonDocument and start with '{'.
func jsonMembers(b []byte, yield func(jsonMember) bool) {
	for i := jsonSpace(b, 1); i < len(b) && b[i] == '"'; {
		var m jsonMember
		m.nameAt = i
		m.nameEnd, _ = jsonString(b, i)
		m.name = jsonText(b[m.nameAt:m.nameEnd])
		m.valueAt = jsonSpace(b, jsonSpace(b, m.nameEnd)+1)
		m.valueEnd, _ = jsonValue(b, m.valueAt, 0)
		m.value = b[m.valueAt:m.valueEnd]
		if !yield(m) {
			return
		}
		if i = jsonSpace(b, m.valueEnd); i < len(b) && b[i] == ',' {
			i = jsonSpace(b, i+1)
		}
	}
}

// jsonElements lists the elements of the array b. b must have passed
// jsonDocument and start with '['.
func jsonElements(b []byte, yield func([]byte) bool) {
	for i := jsonSpace(b, 1); i < len(b) && b[i] != ']'; {
		end, _ := jsonValue(b, i, 0)
		if !yield(b[i:end]) {
			return
		}
		if i = jsonSpace(b, end); i < len(b) && b[i] == ',' {
			i = jsonSpace(b, i+1)
		}
	}
}

// jsonText is the value of a string literal that has passed jsonDocument.
func jsonText(literal []byte) string {
	inner := literal[1 : len(literal)-1]
	for _, c := range inner {
		if c == '\\' || c >= utf8.RuneSelf {
			var s string
			if json.Unmarshal(literal, &s) != nil {
				return ""
			}
			return s
		}
	}
	return internText(inner)
}

// internText is the text that options are full of without an allocation, and
// other text with one.
func internText(b []byte) string {
	switch string(b) { // the compiler makes no string of b for this
	case "rp":
		return "rp"
	case "id":
		return "id"
	case "name":
		return "name"
	case "user":
		return "user"
	case "displayName":
		return "displayName"
	case "challenge":
		return "challenge"
	case "pubKeyCredParams":
		return "pubKeyCredParams"
	case "type":
		return "type"
	case "alg":
		return "alg"
	case "public-key":
		return "public-key"
	case "timeout":
		return "timeout"
	case "excludeCredentials":
		return "excludeCredentials"
	case "allowCredentials":
		return "allowCredentials"
	case "transports":
		return "transports"
	case "authenticatorSelection":
		return "authenticatorSelection"
	case "authenticatorAttachment":
		return "authenticatorAttachment"
	case "residentKey":
		return "residentKey"
	case "requireResidentKey":
		return "requireResidentKey"
	case "userVerification":
		return "userVerification"
	case "required":
		return "required"
	case "preferred":
		return "preferred"
	case "discouraged":
		return "discouraged"
	case "hints":
		return "hints"
	case "attestation":
		return "attestation"
	case "attestationFormats":
		return "attestationFormats"
	case "extensions":
		return "extensions"
	case "none":
		return "none"
	case "direct":
		return "direct"
	case "indirect":
		return "indirect"
	case "rpId":
		return "rpId"
	case "usb":
		return "usb"
	case "nfc":
		return "nfc"
	case "ble":
		return "ble"
	case "internal":
		return "internal"
	case "hybrid":
		return "hybrid"
	case "platform":
		return "platform"
	case "cross-platform":
		return "cross-platform"
	case "credProps":
		return "credProps"
	case "origin":
		return "origin"
	case "crossOrigin":
		return "crossOrigin"
	}
	return string(b)
}

// appendJSONString appends s as a string literal by the rule that clients
// follow for client data (https://www.w3.org/TR/webauthn-3/#ccdtostring): only
// '"', '\' and control characters are escaped, the latter as lower-case \u00xx,
// and everything else stands as UTF-8.
func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	plain := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, s[plain:i]...)
			if c == '"' || c == '\\' {
				dst = append(dst, '\\', c)
			} else {
				const hex = "0123456789abcdef"
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			plain = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, s[plain:i]...)
			dst = append(dst, "\uFFFD"...)
			plain = i + 1
		}
		i += n
	}
	dst = append(dst, s[plain:]...)
	return append(dst, '"')
}

// jsNumber writes a number as ECMAScript's ToString does for the range that matters here.
func jsNumber(literal []byte) string {
	f, err := strconv.ParseFloat(string(literal), 64)
	if err != nil {
		return string(literal)
	}
	if f == 0 {
		return "0"
	}
	abs := max(f, -f)
	if abs >= 1e21 || abs < 1e-6 {
		s := strconv.FormatFloat(f, 'e', -1, 64)
		// Go pads the exponent to two digits; ECMAScript does not.
		for i := len(s) - 3; i > 0; i-- {
			if (s[i] == 'e') && s[i+2] == '0' {
				return s[:i+2] + s[i+3:]
			}
		}
		return s
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
