package rp

import (
	"encoding/base64"
	"errors"
	"strings"
)

// encoding reads the text form of binary members.
type encoding func(string) ([]byte, error)

// base64URL is base64url without padding, read strictly: no other alphabet, no
// padding, no line breaks, no stray bits at the end
// (https://www.w3.org/TR/webauthn-3/#base64url-encoding).
func base64URL(s string) ([]byte, error) {
	// encoding/base64 skips line breaks, which the encoding does not have.
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("not base64url: it has a line break")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errors.New("not base64url without padding")
	}
	return b, nil
}

// anyBase64 is base64 in either alphabet, padded or not.
func anyBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("not base64: it has a line break")
	}
	plain := strings.TrimRight(s, "=")
	if pad := len(s) - len(plain); pad > 2 || pad > 0 && len(s)%4 != 0 {
		return nil, errors.New("not base64: the padding is wrong")
	}
	plain = strings.NewReplacer("+", "-", "/", "_").Replace(plain)
	b, err := base64.RawURLEncoding.Strict().DecodeString(plain)
	if err != nil {
		return nil, errors.New("not base64, neither with the URL alphabet nor with the other")
	}
	return b, nil
}

func toBase64URL(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
