// Package rp is the HTTP face of the reference Relying Party. One http.Handler
// serves four dialects from the root of one listener, all in memory and with no
// set-up:
//
//   - fido: the server API that the FIDO conformance documents describe,
//     /attestation/* and /assertion/*;
//   - fortanix: second factors of Fortanix DSM, /sys/v1/*;
//   - dfns: passkeys and keys of Dfns, /auth/*;
//   - nevis: nevisFIDO, /nevisfido/fido2/*.
//
// The verification itself is package rp/ceremony, whose steps are those of
// https://www.w3.org/TR/webauthn-3/#sctn-rp-operations. Here is only what
// belongs to HTTP: wire forms, sessions, accounts and error answers.
//
// Every dialect is a Relying Party of its own, with its own users and
// credentials, as four vendors would be: a name or a credential ID taken in
// one of them is free in the others. They share the RP ID and the origins.
package rp

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
	"github.com/touchstone-webauthn/touchstone/rp/metadata"
)

// Config is what the server takes from its surroundings. The zero value is not
// usable: RPID and Origins are required.
type Config struct {
	// RPID is the RP ID of all dialects: a domain, no scheme, no port.
	RPID string
	// RPName is rp.name; empty: the RP ID.
	RPName string
	// Origins are the origins accepted in client data, compared exactly.
	Origins []string
	// TopOrigins are the embedders accepted in topOrigin; empty: never framed cross-origin.
	TopOrigins []string
	// AppIDs are the U2F AppIDs of this RP; nil: the first origin.
	AppIDs []string
	// Anchors and Policy go to the core as they are.
	Anchors attestation.Anchors
	Policy  ceremony.Policy
	// Metadata goes there too: what is known of authenticator models; nil: nothing.
	Metadata *metadata.Store
	// ChallengeLife is how long a challenge of any dialect is good for; 0: five minutes.
	ChallengeLife time.Duration
	// Clock and Random default to time.Now and crypto/rand. Random need not be
	// safe for concurrent use.
	Clock  func() time.Time
	Random io.Reader
	// LeaveOut names steps that are skipped: those of DialectSteps here, all
	// others by the core. It is how a deliberate bug is made.
	LeaveOut []string
	// Bug is the name of a deliberate defect, one of Bugs; empty: none.
	Bug string
	// Policies look on, as in ceremony.Config.
	Policies []*ceremony.OtherPolicy
	// Watch is told which bugs would have answered otherwise; nil: nobody is.
	Watch *ceremony.Watch
	// OmitExampleExtension turns off the extension input example.extension.bool
	// in the Fortanix dialect, where it is part of the RP's configuration.
	OmitExampleExtension bool
	Fortanix             Fortanix
	Dfns                 Dfns
	Nevis                Nevis
	// ClockHeader names a request header whose value, a duration such as 6m, is
	// how much later it is for that request alone: how a test sees a challenge
	// expire without waiting. Empty: there is no such header.
	ClockHeader string
	// MaxBody is the largest request body in bytes, beyond it 413; 0: 1 MiB.
	MaxBody int64
	// OnRefusal, when set, is told of every request that is refused, with the
	// full reason. The wire says less at authentication: see answerAlike.
	OnRefusal func(Refusal)
}

// Forms of the wire, for those dialects whose documents and deployments differ.
const (
	// FormWire is what the vendor's own clients send and expect; the default.
	FormWire = "wire"
	// FormPublished is the Fortanix API document to the letter: alg "Es256",
	// members of rp and user nested below entity.
	FormPublished = "published"
	// FormNameless leaves user.name out, which the Fortanix API document does not
	// require and every browser does.
	FormNameless = "nameless"
	// FormOldPage is the older Dfns page: pubKeyCredParam, transports as one string.
	FormOldPage = "old-page"
	// FormNewPage is the newer Dfns page: excludeCredentials holds the "cr-" name
	// of a credential where its ID belongs.
	FormNewPage = "new-page"
)

// Refusal is one request that was not granted.
type Refusal struct {
	Dialect, Method, Path string
	// Status is the HTTP status of the answer.
	Status int
	// Step and Anchor name the step of the specification; empty when the request
	// did not get that far.
	Step, Anchor string
	Message      string
}

// Server is the reference Relying Party. It is safe for concurrent use.
type Server struct {
	cfg       Config
	sessions  *sessions
	endpoints []endpoint
	leaveOut  map[string]bool     // asked through omits
	omitting  map[string][]string // told to cfg.Watch
	// later is what Config.ClockHeader adds to the clock; whoever adds something
	// holds the server alone.
	later atomic.Int64
	alone sync.RWMutex
	// around is the bug that stands around every answer; nil: none.
	around   func(http.ResponseWriter, *http.Request, http.HandlerFunc)
	fortanix *fortanix
	dfns     *dfns
}

// New builds the server, or tells what is wrong with the configuration.
func New(cfg Config) (*Server, error) {
	if cfg.RPID == "" {
		return nil, errors.New("rp: Config.RPID is empty")
	}
	if len(cfg.Origins) == 0 {
		return nil, errors.New("rp: Config.Origins is empty: name at least one origin, such as https://" + cfg.RPID)
	}
	if cfg.RPName == "" {
		cfg.RPName = cfg.RPID
	}
	if cfg.AppIDs == nil {
		cfg.AppIDs = cfg.Origins[:1]
	}
	if cfg.ChallengeLife == 0 {
		cfg.ChallengeLife = 5 * time.Minute
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	cfg.Random = &lockedReader{r: cfg.Random}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 1 << 20
	}
	if err := cfg.Fortanix.complete(); err != nil {
		return nil, err
	}
	if err := cfg.Dfns.complete(); err != nil {
		return nil, err
	}
	if err := cfg.Nevis.complete(); err != nil {
		return nil, err
	}
	cfg, around, err := cfg.bent()
	if err != nil {
		return nil, err
	}
	if cfg.Watch != nil && around == nil {
		around = watch(cfg.Watch)
	}
	s := &Server{cfg: cfg, leaveOut: map[string]bool{}, omitting: omitting(cfg.Watch), around: around}
	if cfg.ClockHeader != "" {
		now := cfg.Clock
		cfg.Clock = func() time.Time { return now().Add(time.Duration(s.later.Load())) }
		s.cfg = cfg
	}
	s.sessions = newSessions(cfg)
	var core []string
	for _, name := range cfg.LeaveOut {
		if isDialectStep(name) {
			s.leaveOut[name] = true
		} else {
			core = append(core, name)
		}
	}
	s.cfg.LeaveOut = core
	s.addPages()
	for _, add := range []func() error{s.addFIDO, s.addFortanix, s.addDfns, s.addNevis} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// core makes the Relying Party of one dialect.
func (s *Server) core(dialect string, algorithms []int64) (*ceremony.RP, error) {
	c, err := ceremony.New(ceremony.Config{
		RPID:          s.cfg.RPID,
		RPName:        s.cfg.RPName,
		Origins:       s.cfg.Origins,
		TopOrigins:    s.cfg.TopOrigins,
		AppIDs:        s.cfg.AppIDs,
		Algorithms:    algorithms,
		Anchors:       s.cfg.Anchors,
		Metadata:      s.cfg.Metadata,
		Policy:        s.cfg.Policy,
		Policies:      s.cfg.Policies,
		ChallengeLife: s.cfg.ChallengeLife,
		Clock:         s.cfg.Clock,
		Random:        s.cfg.Random,
		LeaveOut:      s.cfg.LeaveOut,
		Bug:           s.cfg.Bug,
		Watch:         s.cfg.Watch,
	})
	if err != nil {
		return nil, fmt.Errorf("rp: dialect %s: %w", dialect, err)
	}
	return c, nil
}

// ServeHTTP answers a request of any dialect.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if name := s.cfg.ClockHeader; name != "" {
		if later, err := time.ParseDuration(r.Header.Get(name)); err == nil && later > 0 {
			s.alone.Lock()
			defer s.alone.Unlock()
			s.later.Store(int64(later))
			defer s.later.Store(0)
		} else {
			s.alone.RLock()
			defer s.alone.RUnlock()
		}
	}
	if s.around != nil {
		s.around(w, r, s.answer)
		return
	}
	s.answer(w, r)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	c := &call{w: w, r: r}
	e, vars := s.find(r.URL.Path)
	if e == nil {
		s.tell(c, "", &refusal{status: http.StatusNotFound, message: "no such path"})
		http.Error(w, fmt.Sprintf("no such path: %q; GET / lists what is served", r.URL.Path), http.StatusNotFound)
		return
	}
	c.vars = vars
	if err := s.serve(e, c); err != nil {
		f := asRefusal(err)
		s.tell(c, e.family.name, f)
		e.family.fail(c, f)
	}
}

func (s *Server) serve(e *endpoint, c *call) error {
	h := e.handler(c.r.Method)
	if h == nil {
		c.w.Header().Set("Allow", e.allow())
		return &refusal{status: http.StatusMethodNotAllowed,
			message: fmt.Sprintf("method %q is not served here, only %s", c.r.Method, e.allow())}
	}
	if e.family.before != nil {
		if err := e.family.before(c); err != nil {
			return err
		}
	}
	body, err := readBody(c.r.Body, s.cfg.MaxBody)
	if err != nil {
		return err
	}
	c.body = body
	return h(c)
}

func readBody(r io.Reader, limit int64) ([]byte, error) {
	if r == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the body could not be read: %v", err)
	}
	if int64(len(body)) > limit {
		return nil, refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", limit)
	}
	return body, nil
}

func (s *Server) tell(c *call, dialect string, f *refusal) {
	if s.cfg.OnRefusal == nil {
		return
	}
	s.cfg.OnRefusal(Refusal{Dialect: dialect, Method: c.r.Method, Path: c.r.URL.Path,
		Status: f.status, Step: f.step, Anchor: f.anchor, Message: f.reason()})
}

// random returns n random bytes.
func (s *Server) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
		return nil, fmt.Errorf("the random source failed: %w", err)
	}
	return b, nil
}

// lockedReader makes a reader safe for concurrent use.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}
