package virtualauth

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
)

// Config is the configuration as it came to be, with every default filled in,
// but for the seed.
func (a *Authenticator) Config() Config {
	cfg := a.cfg
	cfg.Transports = slices.Clone(cfg.Transports)
	cfg.Algorithms = slices.Clone(cfg.Algorithms)
	cfg.Formats = slices.Clone(cfg.Formats)
	return cfg
}

// VerifiesUser says whether there is a way to verify the user (Config.UserVerification).
func (a *Authenticator) VerifiesUser() bool { return a.cfg.UserVerification }

// Credential is the stored credential with this id.
func (a *Authenticator) Credential(id []byte) (Credential, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.byID[string(id)]
	if c == nil {
		return Credential{}, false
	}
	return c.clone(), true
}

// Candidates are the credentials that may answer a request, the newest first,
// without asking the user and without moving a counter; of an allow list it is
// the first that the authenticator holds.
func (a *Authenticator) Candidates(q *GetAssertionRequest) []Credential {
	if q.RPIDHash != nil && len(q.RPIDHash) != sha256.Size {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	fit := a.fitting(q)
	list := make([]Credential, len(fit))
	for i, c := range fit {
		list[i] = c.clone()
	}
	return list
}

// Derive draws n bytes from the seed, bound to the label and the parts: the
// same for the same seed. It is for layers on top, such as package ctap2, that
// need randomness which is reproducible; no credential key is drawn this way.
func (a *Authenticator) Derive(n int, label string, parts ...[]byte) []byte {
	return a.derive.draw(n, "derive "+label, 0, parts...)
}

// Reset forgets all credentials, as authenticatorReset does (CTAP 2.2 §6.6),
// and sets the global counter back.
func (a *Authenticator) Reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.byID)
	a.order = nil
	a.global = a.cfg.Counter.Start
}

// Protection is the level of credProtect, 1 to 3 (CTAP 2.2 §12.1); 0 where none was asked for.
func (c *Credential) Protection() int { return int(c.extras.protect) }

// CredBlob is what the credBlob extension stored, or nil.
func (c *Credential) CredBlob() []byte { return bytes.Clone(c.extras.credBlob) }

// HasLargeBlob says whether the credential was made with the largeBlob extension.
func (c *Credential) HasLargeBlob() bool { return c.extras.large }

// COSEKey is the credential public key, as authenticator data has it
// (https://www.w3.org/TR/webauthn-3/#sctn-encoded-credPubKey-examples).
func (c *Credential) COSEKey() ([]byte, error) {
	alg, err := algorithmFor(c.PrivateKey, c.Algorithm)
	if err != nil {
		return nil, err
	}
	return alg.cose(nil, c.PrivateKey.Public())
}

// LargeBlobKey is the key for the credential's large blob (CTAP 2.2 §12.3); nil
// where it has none.
func (a *Authenticator) LargeBlobKey(c *Credential) []byte {
	if !c.extras.large {
		return nil
	}
	return a.largeBlobKey(c)
}

// Snapshot is what an authenticator held at one time. It is never changed, and
// may be restored any number of times, also into a clone.
type Snapshot struct {
	order  []Credential
	global uint32
}

// Snapshot keeps the credentials and counters as they are now.
func (a *Authenticator) Snapshot() *Snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &Snapshot{global: a.global, order: make([]Credential, len(a.order))}
	for i, c := range a.order {
		s.order[i] = c.clone()
	}
	return s
}

// Credentials lists what the snapshot holds, oldest first.
func (s *Snapshot) Credentials() []Credential {
	list := make([]Credential, len(s.order))
	for i := range s.order {
		list[i] = s.order[i].clone()
	}
	return list
}

// Restore puts the credentials and counters back as the snapshot has them:
// what a restored backup of an authenticator does to a Relying Party that
// looks at counters (https://www.w3.org/TR/webauthn-3/#sctn-sign-counter).
func (a *Authenticator) Restore(s *Snapshot) error {
	if s == nil {
		return errors.New("restore: there is no snapshot")
	}
	if !a.cfg.ResidentKeys && slices.ContainsFunc(s.order, func(c Credential) bool { return c.Resident }) {
		return errors.New("restore: the snapshot has a resident credential and the authenticator has no room for one: set Config.ResidentKeys")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.byID)
	a.order = make([]*Credential, 0, len(s.order))
	for i := range s.order {
		c := s.order[i].clone()
		a.insertLocked(&c)
	}
	a.global = s.global
	return nil
}

// Clone is a second authenticator with the same configuration, seed,
// credentials and counters: the attack that signature counters are there to
// show (https://www.w3.org/TR/webauthn-3/#sctn-sign-counter). From here on each
// counts for itself.
func (a *Authenticator) Clone() *Authenticator {
	s := a.Snapshot()
	b := &Authenticator{cfg: a.cfg, derive: a.derive, byID: make(map[string]*Credential, len(s.order)), global: s.global}
	for i := range s.order {
		c := s.order[i]
		b.insertLocked(&c)
	}
	return b
}
