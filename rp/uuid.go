package rp

import "fmt"

// uuid returns a random UUID in its usual text form
// (https://www.rfc-editor.org/rfc/rfc9562#section-5.4).
func (s *Server) uuid() (string, error) {
	b, err := s.random(16)
	if err != nil {
		return "", err
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return formatUUID(b), nil
}

func formatUUID(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// token returns a random token that is hard to guess.
func (s *Server) token() (string, error) {
	b, err := s.random(32)
	return toBase64URL(b), err
}
