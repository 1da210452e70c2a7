package rp

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// Dfns is what the dfns dialect leaves to configuration.
type Dfns struct {
	// Form is FormWire (the default), FormOldPage or FormNewPage.
	Form string
	// RegistrationCode is what /auth/registration/init must be given; empty: any
	// code serves, as long as it is not empty.
	RegistrationCode string
	// UserVerification is asked for in all ceremonies; empty: required.
	UserVerification string
	// Attestation is the conveyance asked for; empty: none.
	Attestation string
}

func (f *Dfns) complete() error {
	switch f.Form {
	case "":
		f.Form = FormWire
	case FormWire, FormOldPage, FormNewPage:
	default:
		return fmt.Errorf("rp: Config.Dfns.Form is %q, want %q, %q or %q", f.Form, FormWire, FormOldPage, FormNewPage)
	}
	if f.UserVerification == "" {
		f.UserVerification = "required"
	}
	if !slices.Contains(userVerifications, f.UserVerification) {
		return fmt.Errorf("rp: Config.Dfns.UserVerification is %q, want one of %q", f.UserVerification, userVerifications)
	}
	if f.Attestation == "" {
		f.Attestation = "none"
	}
	if !slices.Contains(conveyances, f.Attestation) {
		return fmt.Errorf("rp: Config.Dfns.Attestation is %q, want one of %q", f.Attestation, conveyances)
	}
	return nil
}

// dfns is the authentication API of Dfns (https://docs.dfns.co/api-reference/auth):
// registration with a code, login, and credentials that are changed under a
// signed user action. Served kinds are Fido2, Key, PasswordProtectedKey and
// RecoveryKey; the deprecated kinds Password and Totp are refused with 400.
//
// The headers of both generations are taken: X-DFNS-APPID, X-DFNS-NONCE and
// their kin may be there or not and are not looked into. user.id is a name like
// us-…, whose UTF-8 bytes are the user handle. The challenge of a Fido2
// credential is accepted decoded and undecoded, since the vendor's own clients
// disagree; which one it was stays in the credential record, the documented
// answers have no place for it.
type dfns struct {
	*Server
	core *ceremony.RP

	mu         sync.Mutex
	byName     map[string]*dfnsUser
	tokens     map[string]*dfnsToken
	challenges map[string]*dfnsChallenge
	actions    map[string]*dfnsAction
	codes      map[string]*dfnsCode
	// keyIDs are the IDs of all credentials that the core does not know.
	keyIDs map[string]bool
	sweep  int
}

// dfnsUser is an account. Guarded by dfns.mu, but for what never changes.
type dfnsUser struct {
	id, name, org string
	core          *ceremony.User
	// registered: the user has a first credential.
	registered  bool
	credentials []*dfnsCredential
}

// dfnsCredential is a credential of any kind. That of a Fido2 credential is also
// in the core, under the same ID.
type dfnsCredential struct {
	kind, uuid, name string
	id               []byte
	// publicKey is PEM.
	publicKey           string
	origin              string
	created             time.Time
	active              bool
	encryptedPrivateKey string
}

// dfnsToken is a bearer token of a user.
type dfnsToken struct {
	value   string
	user    *dfnsUser
	expires time.Time
}

// purpose is what a challenge was issued for.
type purpose string

const (
	forRegistration purpose = "registration"
	forCredential   purpose = "a new credential"
	forCode         purpose = "a new credential by code"
	forLogin        purpose = "login"
	forAction       purpose = "a user action"
)

// dfnsChallenge is a pending challenge. One challenge serves all kinds of
// credential, so the ceremony of the core and the verification of keys share it.
type dfnsChallenge struct {
	id      string
	purpose purpose
	// core is the handle of the ceremony in the core, which the core binds to
	// session: the bearer token, or the identifier where there is none.
	core, session string
	text          string // as on the wire
	user          *dfnsUser
	kind          string
	code          string
	action        *dfnsAction
	expires       time.Time
	// keyTried and fido2Tried tell what an attempt was made with.
	keyTried, fido2Tried bool
}

const dfnsTokenLife = 12 * time.Hour

func (s *Server) addDfns() error {
	core, err := s.core("dfns", []int64{-7, -257})
	if err != nil {
		return err
	}
	d := &dfns{
		Server: s, core: core, byName: map[string]*dfnsUser{}, tokens: map[string]*dfnsToken{},
		challenges: map[string]*dfnsChallenge{}, actions: map[string]*dfnsAction{}, codes: map[string]*dfnsCode{},
		keyIDs: map[string]bool{},
		sweep:  sweepEvery,
	}
	s.dfns = d
	f := &family{name: "dfns", fail: func(c *call, r *refusal) {
		var body struct {
			Error struct {
				Message string `json:"message"`
			} `json:"error"`
		}
		body.Error.Message = r.message
		_ = writeJSON(c.w, r.status, body)
	}}
	for _, e := range []struct {
		method, path string
		h            handler
	}{
		{http.MethodPost, "/auth/registration/init", d.registrationInit},
		{http.MethodPost, "/auth/registration", d.registration},
		{http.MethodPost, "/auth/login/init", d.loginInit},
		{http.MethodPost, "/auth/login", d.login},
		{http.MethodPut, "/auth/logout", d.logout},
		{http.MethodPost, "/auth/action/init", d.actionInit},
		{http.MethodPost, "/auth/action", d.action},
		{http.MethodPost, "/auth/credentials/init", d.credentialInit},
		{http.MethodPost, "/auth/credentials/code", d.newCode},
		{http.MethodPost, "/auth/credentials/code/init", d.codeInit},
		{http.MethodPost, "/auth/credentials/code/verify", d.codeVerify},
		{http.MethodPut, "/auth/credentials/activate", d.activate},
		{http.MethodPut, "/auth/credentials/deactivate", d.deactivate},
		{http.MethodPost, "/auth/credentials", d.createCredential},
		{http.MethodGet, "/auth/credentials", d.listCredentials},
		{http.MethodDelete, "/auth/credentials/{credentialUuid}", d.deleteCredential},
	} {
		s.handle(f, e.method, e.path, e.h)
	}
	return nil
}

// name makes an identifier in the vendor's form, such as us-2ba0h-lvp2q-8v1860pcj1bh5irf.
func (d *dfns) name(prefix string) (string, error) {
	const alphabet = "0123456789abcdefghijklmnopqrstuv"
	b, err := d.random(26)
	if err != nil {
		return "", err
	}
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return fmt.Sprintf("%s-%s-%s-%s", prefix, b[:5], b[5:10], b[10:]), nil
}

// begin keeps a challenge under a fresh identifier.
func (d *dfns) begin(p *dfnsChallenge) error {
	var err error
	if p.id, err = d.Server.token(); err != nil {
		return err
	}
	now := d.cfg.Clock()
	p.expires = now.Add(d.cfg.ChallengeLife)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.challenges)+len(d.actions)+len(d.tokens) >= d.sweep {
		d.forget(now)
	}
	d.challenges[p.id] = p
	return nil
}

// forget drops what expired long ago. It needs d.mu.
func (d *dfns) forget(now time.Time) {
	for k, v := range d.challenges {
		if now.Sub(v.expires) > d.cfg.ChallengeLife {
			delete(d.challenges, k)
		}
	}
	for k, v := range d.actions {
		if now.Sub(v.expires) > d.cfg.ChallengeLife {
			delete(d.actions, k)
		}
	}
	for k, v := range d.tokens {
		if now.After(v.expires) {
			delete(d.tokens, k)
		}
	}
	for k, v := range d.codes {
		if now.Sub(v.expires) > d.cfg.ChallengeLife {
			delete(d.codes, k)
		}
	}
	d.sweep = len(d.challenges) + len(d.actions) + len(d.tokens) + sweepEvery
}

// pending finds a challenge of a purpose. Whether it was used is asked later:
// the core knows for itself.
func (d *dfns) pending(id string, want purpose) (*dfnsChallenge, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.challenges[id]
	if p == nil || p.purpose != want || !d.cfg.Clock().Before(p.expires) {
		return nil, refuse(http.StatusBadRequest, "Challenge token is not valid.")
	}
	return p, nil
}

// spend notes an attempt: one challenge serves one. Whether a challenge was
// tried with Fido2 before, and by whose session, is the core's to say when it is
// tried so again; for keys it is said here.
func (d *dfns) spend(p *dfnsChallenge, session string, key, fido2 bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if key && p.session != session {
		return refuse(http.StatusBadRequest, "Challenge token is not valid. It belongs to another session")
	}
	if p.keyTried || key && p.fido2Tried {
		return refuse(http.StatusBadRequest, "Challenge token is not valid. It was used already")
	}
	p.keyTried = key
	p.fido2Tried = p.fido2Tried || fido2
	return nil
}

// user returns the user of the request's bearer token.
func (d *dfns) user(c *call) (*dfnsToken, error) {
	value, ok := bearer(c.r)
	if ok {
		d.mu.Lock()
		defer d.mu.Unlock()
		if t := d.tokens[value]; t != nil && d.cfg.Clock().Before(t.expires) {
			return t, nil
		}
	}
	return nil, refuse(http.StatusUnauthorized, "Not Authorized.")
}

// whose tells whom a token has logged in, for the session probe.
func (d *dfns) whose(value string) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.tokens[value]; t != nil && d.cfg.Clock().Before(t.expires) {
		return t.user.name, true
	}
	return "", false
}

// newToken logs a user in.
func (d *dfns) newToken(u *dfnsUser) (string, error) {
	value, err := d.Server.token()
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tokens[value] = &dfnsToken{value: value, user: u, expires: d.cfg.Clock().Add(dfnsTokenLife)}
	return value, nil
}

// find returns the first credential that is as asked. It needs dfns.mu.
func (u *dfnsUser) find(is func(*dfnsCredential) bool) *dfnsCredential {
	if u == nil {
		return nil
	}
	for _, v := range u.credentials {
		if is(v) {
			return v
		}
	}
	return nil
}

// dfnsTime writes a time as JavaScript does.
func dfnsTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
