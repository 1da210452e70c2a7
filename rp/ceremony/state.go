package ceremony

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

const fiveMinutes = 5 * time.Minute

// state is everything that an RP holds.
type state struct {
	config       Config
	leaveOut     map[string]bool
	imaginaryKey []byte
	bug          hooks
	shadows      *shadows // nil but under Config.Watch

	mu          sync.Mutex
	users       map[string]*User       // by name
	handles     map[string]*User       // by user handle
	credentials map[string]*Credential // by credential id
	order       []string               // credential ids, oldest first
	pending     map[string]*pending    // by handle
	sequence    uint64
}

// New checks the configuration and makes an RP without users.
func New(c Config) (*RP, error) {
	if c.RPID == "" {
		return nil, errors.New("configure ceremony: RPID is empty; name the domain of the Relying Party")
	}
	if len(c.Origins) == 0 {
		return nil, errors.New("configure ceremony: Origins is empty; name at least one origin such as https://" + c.RPID)
	}
	for _, alg := range c.Algorithms {
		if !cose.Supported(alg) {
			return nil, fmt.Errorf("configure ceremony: Algorithms names %d, which cannot be verified; choose from %v", alg, cose.Algorithms())
		}
	}
	if c.Algorithms == nil {
		c.Algorithms = cose.Algorithms()
	}
	if err := checkLeaveOut(c.LeaveOut); err != nil {
		return nil, fmt.Errorf("configure ceremony: %w", err)
	}
	if err := checkOverride(c.Override); err != nil {
		return nil, fmt.Errorf("configure ceremony: %w", err)
	}
	c, bug, err := c.bent()
	if err != nil {
		return nil, fmt.Errorf("configure ceremony: %w", err)
	}
	if c.ChallengeLife == 0 {
		c.ChallengeLife = fiveMinutes
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	s := &state{
		config:      c,
		bug:         bug,
		shadows:     newShadows(c.Watch),
		leaveOut:    map[string]bool{},
		users:       map[string]*User{},
		handles:     map[string]*User{},
		credentials: map[string]*Credential{},
		pending:     map[string]*pending{},
	}
	for _, name := range c.LeaveOut {
		s.leaveOut[name] = true
	}
	if s.imaginaryKey, err = s.random(32); err != nil {
		return nil, err
	}
	return &RP{s}, nil
}

func (s *state) leftOut(name string) bool { return s.leaveOut[name] }

// random must be called with s.mu held, or before s is shared: Config.Random
// need not be safe for concurrent use.
func (s *state) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.config.Random, b); err != nil {
		return nil, fmt.Errorf("read random bytes: %w", err)
	}
	return b, nil
}

// AddUser makes an account. A nil handle becomes 64 random bytes
// (https://www.w3.org/TR/webauthn-3/#sctn-user-handle-privacy). It is an error
// when the name or the handle is taken, or the handle is not 1 to 64 bytes long.
func (rp *RP) AddUser(name, displayName string, handle []byte) (*User, error) {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	if name == "" {
		return nil, &Error{"user", userAnchor, "the user name is empty"}
	}
	if rp.users[name] != nil {
		return nil, &Error{"user", userAnchor, "the user name " + show(name) + " is taken"}
	}
	if handle == nil {
		var err error
		if handle, err = rp.random(64); err != nil {
			return nil, err
		}
	}
	if len(handle) == 0 || len(handle) > 64 {
		return nil, &Error{"user", userAnchor, fmt.Sprintf("the user handle has %d bytes, 1 to 64 are allowed", len(handle))}
	}
	if rp.handles[string(handle)] != nil {
		return nil, &Error{"user", userAnchor, "the user handle is taken"}
	}
	u := &User{Handle: bytes.Clone(handle), Name: name, DisplayName: displayName}
	rp.users[name] = u
	rp.handles[string(handle)] = u
	return copyUser(u), nil
}

const userAnchor = "https://www.w3.org/TR/webauthn-3/#dictionary-user-credential-params"

// UserByName finds an account.
func (rp *RP) UserByName(name string) (*User, bool) {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	u, ok := rp.users[name]
	return copyUser(u), ok
}

// UserByHandle finds an account.
func (rp *RP) UserByHandle(handle []byte) (*User, bool) {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	u, ok := rp.handles[string(handle)]
	return copyUser(u), ok
}

// Credentials are the user's credential records, oldest first.
func (rp *RP) Credentials(u *User) []Credential {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	var all []Credential
	for _, c := range rp.credentialsOf(u) {
		all = append(all, *copyCredential(c))
	}
	return all
}

func (s *state) credentialsOf(u *User) []*Credential {
	var all []*Credential
	if u == nil {
		return nil
	}
	for _, id := range s.order {
		if c := s.credentials[id]; c != nil && bytes.Equal(c.UserHandle, u.Handle) {
			all = append(all, c)
		}
	}
	return all
}

// RemoveCredential removes the credential when it is the user's own.
func (rp *RP) RemoveCredential(u *User, id []byte) bool {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	c := rp.credentials[string(id)]
	if c == nil || u == nil || !bytes.Equal(c.UserHandle, u.Handle) {
		return false
	}
	delete(rp.credentials, string(id))
	rp.order = slices.DeleteFunc(rp.order, func(s string) bool { return s == string(id) })
	return true
}

// AddU2FCredential stores a credential that was registered through the U2F
// API under an AppID of this RP. point is the uncompressed P-256 point (65 bytes).
func (rp *RP) AddU2FCredential(u *User, keyHandle, point []byte, appID string) error {
	key, err := cose.EC2FromPoint(point)
	if err != nil {
		return &Error{"u2f", u2fAnchor, err.Error()}
	}
	if !slices.Contains(rp.config.AppIDs, appID) {
		return &Error{"u2f", u2fAnchor, "the AppID " + show(appID) + " is none of this Relying Party's own"}
	}
	if len(keyHandle) == 0 || len(keyHandle) > 255 {
		return &Error{"u2f", u2fAnchor, fmt.Sprintf("the key handle has %d bytes, U2F allows 1 to 255", len(keyHandle))}
	}
	rp.mu.Lock()
	defer rp.mu.Unlock()
	if u == nil || rp.handles[string(u.Handle)] == nil {
		return &Error{"u2f", u2fAnchor, "the user is not known"}
	}
	if rp.credentials[string(keyHandle)] != nil {
		return &Error{"u2f", u2fAnchor, "the key handle is registered already"}
	}
	rp.insert(&Credential{
		ID: bytes.Clone(keyHandle), UserHandle: bytes.Clone(u.Handle), PublicKey: key, AppID: appID,
		AttestationType: "none", Format: "none", AAGUID: make([]byte, 16), CreatedAt: rp.config.Clock(),
	})
	return nil
}

const u2fAnchor = "https://www.w3.org/TR/webauthn-3/#sctn-appid-extension"

// insert stores a record; one with the same id is replaced.
func (s *state) insert(c *Credential) {
	id := string(c.ID)
	if s.credentials[id] != nil {
		s.order = slices.DeleteFunc(s.order, func(o string) bool { return o == id })
	}
	s.credentials[id] = c
	s.order = append(s.order, id)
}

func copyUser(u *User) *User {
	if u == nil {
		return nil
	}
	c := *u
	c.Handle = bytes.Clone(u.Handle)
	return &c
}

func copyCredential(c *Credential) *Credential {
	d := *c
	d.ID, d.UserHandle, d.PublicKey = bytes.Clone(c.ID), bytes.Clone(c.UserHandle), bytes.Clone(c.PublicKey)
	d.AAGUID, d.Transports = bytes.Clone(c.AAGUID), slices.Clone(c.Transports)
	return &d
}
