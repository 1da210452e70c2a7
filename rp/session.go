package rp

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	cookieName  = "touchstone_session"
	sessionLife = time.Hour
	// Expired entries are swept when a table has grown by this many.
	sweepEvery = 1024
)

// session is one browser, known by its cookie. The fido and the nevis dialect
// share the cookie; the ceremonies of each live in its own core.
type session struct {
	id string
	// dialect and username tell who logged in, and where; empty: nobody.
	dialect, username string
	// asked is the name that the newest authentication was begun for.
	asked string
	// registration and authentication are the newest nevis ceremonies.
	registration, authentication string
	expires                      time.Time
}

type sessions struct {
	cfg   Config
	mu    sync.Mutex
	table map[string]*session
	sweep int
}

func newSessions(cfg Config) *sessions {
	return &sessions{cfg: cfg, table: map[string]*session{}, sweep: sweepEvery}
}

// lookup finds the session of the request's cookie, if it has one.
func (t *sessions) lookup(r *http.Request) *session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.find(r)
}

func (t *sessions) find(r *http.Request) *session {
	for _, cookie := range r.CookiesNamed(cookieName) {
		if s := t.table[cookie.Value]; s != nil && t.cfg.Clock().Before(s.expires) {
			return s
		}
	}
	return nil
}

// session returns the request's session, a fresh one with its cookie set when
// there is none. The identifier is kept over a login: all that a session of
// this server gives is the answer of GET /session.
func (s *Server) session(c *call) (*session, error) {
	t := s.sessions
	t.mu.Lock()
	defer t.mu.Unlock()
	now := s.cfg.Clock()
	if found := t.find(c.r); found != nil {
		found.expires = now.Add(sessionLife)
		return found, nil
	}
	id, err := s.random(32)
	if err != nil {
		return nil, err
	}
	if len(t.table) >= t.sweep {
		for k, v := range t.table {
			if !now.Before(v.expires) {
				delete(t.table, k)
			}
		}
		t.sweep = len(t.table) + sweepEvery
	}
	fresh := &session{id: toBase64URL(id), expires: now.Add(sessionLife)}
	t.table[fresh.id] = fresh
	http.SetCookie(c.w, &http.Cookie{
		Name:     cookieName,
		Value:    fresh.id,
		Path:     "/",
		HttpOnly: true,
		SameSite: http.SameSiteStrictMode,
		Secure:   c.r.TLS != nil,
	})
	return fresh, nil
}

// edit changes a session under its lock.
func (t *sessions) edit(s *session, change func(*session)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(s)
}

// login notes who logged in. An empty name logs the session out.
func (t *sessions) login(s *session, dialect, username string) {
	t.edit(s, func(s *session) { s.dialect, s.username = dialect, username })
}

// probe answers GET /session, an addition of our own to all dialects: whether
// whoever asks is logged in. It reads the session cookie (fido, nevis) or the
// bearer token (fortanix, dfns). A session is authenticated only after an
// assertion that was accepted, and no longer after one that was refused; a
// Fortanix token is only after its second factor.
func (s *Server) probe(c *call) error {
	var who struct {
		Authenticated bool   `json:"authenticated"`
		Username      string `json:"username,omitempty"`
		Dialect       string `json:"dialect,omitempty"`
	}
	if token, ok := bearer(c.r); ok {
		if name, ok := s.fortanix.whose(token); ok {
			who.Username, who.Dialect = name, "fortanix"
		} else if name, ok := s.dfns.whose(token); ok {
			who.Username, who.Dialect = name, "dfns"
		}
	} else if found := s.sessions.lookup(c.r); found != nil {
		s.sessions.edit(found, func(f *session) { who.Username, who.Dialect = f.username, f.dialect })
	}
	who.Authenticated = who.Username != ""
	return writeJSON(c.w, http.StatusOK, who)
}

// bearer returns the token of an Authorization header of that scheme.
func bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that went away is no fault of the request.
	_, _ = w.Write([]byte(b.String()))
	return nil
}
