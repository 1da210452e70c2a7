package ceremony

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"
)

// Bounds of the store of pending ceremonies: what one session can have open
// (two tabs are common, seventeen are not), and all together.
const (
	maxPendingPerSession = 16
	maxPending           = 1 << 16
)

// pending is an issued challenge with all that the finish needs. It stays until
// it expires, also when it is used, so that a replay is told from an unknown one.
type pending struct {
	handle    string
	sequence  uint64
	kind      Kind
	session   string
	challenge []byte
	asText    bool
	issued    time.Time
	expires   time.Time
	used      bool

	user             *User // nil: not known beforehand
	imaginary        bool  // the name asked for is nobody's
	algorithms       []int64
	attestation      string
	userVerification string
	conditional      bool
	extensions       map[string]json.RawMessage
	allow            [][]byte
}

// expects tells whether the client data's challenge is the one issued.
// doubled tells that it came in the form of a client that did not decode it.
func (p *pending) expects(challenge string) (ok, doubled bool) {
	text := base64.RawURLEncoding.EncodeToString(p.challenge)
	if subtle.ConstantTimeCompare([]byte(challenge), []byte(text)) == 1 {
		return true, false
	}
	if p.asText {
		twice := base64.RawURLEncoding.EncodeToString([]byte(text))
		if subtle.ConstantTimeCompare([]byte(challenge), []byte(twice)) == 1 {
			return true, true
		}
	}
	return false, false
}

// issue completes p with a fresh challenge and a handle and keeps it. s.mu must be held.
func (s *state) issue(p *pending) error {
	// 32 bytes; at least 16 are asked for (https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges).
	var err error
	if p.challenge, err = s.random(32); err != nil {
		return err
	}
	handle, err := s.random(16)
	if err != nil {
		return err
	}
	p.handle = base64.RawURLEncoding.EncodeToString(handle)
	s.sequence++
	p.sequence = s.sequence
	p.issued = s.config.Clock()
	p.expires = p.issued.Add(s.config.ChallengeLife)
	s.sweep(p)
	s.pending[p.handle] = p
	return nil
}

// sweep forgets what expired a full life ago, and makes room for one more. What
// expired lately stays a while, for the sake of a clear answer.
func (s *state) sweep(next *pending) {
	var oldest, oldestOfSession *pending
	ofSession := 0
	for h, p := range s.pending {
		if p.expires.Add(s.config.ChallengeLife).Before(next.issued) {
			delete(s.pending, h)
			continue
		}
		if oldest == nil || p.sequence < oldest.sequence {
			oldest = p
		}
		if p.session == next.session {
			ofSession++
			if oldestOfSession == nil || p.sequence < oldestOfSession.sequence {
				oldestOfSession = p
			}
		}
	}
	if ofSession >= maxPendingPerSession {
		delete(s.pending, oldestOfSession.handle)
	} else if len(s.pending) >= maxPending {
		delete(s.pending, oldest.handle)
	}
}

// claim is what was found out when a pending ceremony was taken. The steps
// judge it later, in the specification's order.
type claim struct {
	*pending
	otherSession, otherKind, usedBefore, expired bool
}

var errNoPending = errors.New("no ceremony of this kind is pending in this session, or it was finished already; begin one first")

// take finds the pending ceremony for a finish and marks it as used: a
// challenge serves one attempt, good or bad
// (https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges). What belongs to
// another session is found for the error's sake, but stays good for its owner.
func (s *state) take(handle, session string, kind Kind, challenge string) (*claim, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pending[handle]
	if handle == "" {
		p = s.match(session, kind, challenge)
	}
	if p == nil {
		return nil, errNoPending
	}
	c := &claim{
		pending:      p,
		otherSession: p.session != session,
		otherKind:    p.kind != kind,
		usedBefore:   p.used,
		expired:      !s.config.Clock().Before(p.expires),
	}
	if !c.otherSession {
		p.used = true
	}
	// The steps read it without the lock.
	snapshot := *p
	c.pending = &snapshot
	return c, nil
}

// match finds a pending ceremony by its challenge; the session's own of that
// kind come before all others. Where the challenge is nobody's, the session's
// newest of that kind stands in, for the error: unused before used.
func (s *state) match(session string, kind Kind, challenge string) *pending {
	var best *pending
	score := func(p *pending) int {
		n := 0
		hit, _ := p.expects(challenge)
		if hit {
			n += 8
		}
		if p.session == session {
			n += 4
		}
		if p.kind == kind {
			n += 2
		}
		if !p.used {
			n++
		}
		if !hit && (p.session != session || p.kind != kind) {
			return -1
		}
		return n
	}
	bestScore := -1
	for _, p := range s.pending {
		n := score(p)
		if n > bestScore || (n == bestScore && best != nil && p.sequence > best.sequence) {
			best, bestScore = p, n
		}
	}
	return best
}
