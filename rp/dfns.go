package rp

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
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

// registrationInit takes {orgId, username, registrationCode} and answers what a
// first credential is made from.
func (d *dfns) registrationInit(c *call) error {
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	org, err := o.filledText("orgId")
	if err != nil {
		return err
	}
	username, err := o.filledText("username")
	if err != nil {
		return err
	}
	code, err := o.filledText("registrationCode")
	if err != nil {
		return err
	}
	if want := d.cfg.Dfns.RegistrationCode; want != "" && subtle.ConstantTimeCompare([]byte(code), []byte(want)) != 1 {
		return refuse(http.StatusForbidden, "invalid registration code")
	}
	u, err := d.candidate(username, org)
	if err != nil {
		return err
	}
	p := &dfnsChallenge{purpose: forRegistration, user: u}
	answer, err := d.fido2Options(p, "")
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, struct {
		*dfnsCreationJSON
		SupportedCredentialKinds struct {
			FirstFactor  []string `json:"firstFactor"`
			SecondFactor []string `json:"secondFactor"`
		} `json:"supportedCredentialKinds"`
		OTPURL string `json:"otpUrl"`
	}{dfnsCreationJSON: answer.asRegistration(), SupportedCredentialKinds: struct {
		FirstFactor  []string `json:"firstFactor"`
		SecondFactor []string `json:"secondFactor"`
	}{dfnsFactors, dfnsFactors}})
}

// candidate finds the account that a registration is for, or opens it. It
// becomes a user with its first credential.
func (d *dfns) candidate(username, org string) (*dfnsUser, error) {
	id, err := d.name("us")
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if u := d.byName[username]; u != nil {
		if u.registered {
			return nil, refuse(http.StatusUnauthorized, "user already exists")
		}
		return u, nil
	}
	core, err := d.core.AddUser(username, username, []byte(id))
	if err != nil {
		return nil, err
	}
	u := &dfnsUser{id: id, name: username, org: org, core: core}
	d.byName[username] = u
	return u, nil
}

// registration takes {firstFactorCredential, secondFactorCredential?,
// recoveryCredential?} under the temporary token of the init answer.
func (d *dfns) registration(c *call) error {
	value, ok := bearer(c.r)
	if !ok {
		return refuse(http.StatusUnauthorized, "Not Authorized.")
	}
	p, err := d.pending(value, forRegistration)
	if err != nil {
		return refuse(http.StatusUnauthorized, "Not Authorized.")
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	var news []*newCredential
	for _, member := range []string{"firstFactorCredential", "secondFactorCredential", "recoveryCredential"} {
		in, ok, err := o.optionalObject(member)
		if err != nil {
			return err
		}
		if !ok && member == "firstFactorCredential" {
			return o.missing(member)
		}
		if !ok {
			continue
		}
		kinds := dfnsFactors
		if member == "recoveryCredential" {
			kinds = []string{"RecoveryKey"}
		}
		n, err := readNewCredential(in, kinds)
		if err != nil {
			return err
		}
		news = append(news, n)
	}
	if err := onlyOneFido2(news); err != nil {
		return err
	}
	made, err := d.makeAll(p, p.session, news)
	if err != nil {
		return err
	}
	u := p.user
	d.mu.Lock()
	if u.registered {
		d.mu.Unlock()
		d.unmake(u, made)
		return refuse(http.StatusUnauthorized, "user already exists")
	}
	u.registered = true
	u.credentials = append(u.credentials, made...)
	d.mu.Unlock()
	var answer struct {
		Credential struct {
			UUID string `json:"uuid"`
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"credential"`
		User struct {
			ID       string `json:"id"`
			Username string `json:"username"`
			OrgID    string `json:"orgId"`
		} `json:"user"`
	}
	answer.Credential.UUID, answer.Credential.Kind, answer.Credential.Name = made[0].uuid, made[0].kind, made[0].name
	answer.User.ID, answer.User.Username, answer.User.OrgID = u.id, u.name, u.org
	return writeJSON(c.w, http.StatusOK, answer)
}

// dfnsRequestJSON is what a login or a user action is signed from.
type dfnsRequestJSON struct {
	Challenge                string             `json:"challenge"`
	ChallengeIdentifier      string             `json:"challengeIdentifier"`
	RP                       rpEntity           `json:"rp"`
	SupportedCredentialKinds []dfnsFactor       `json:"supportedCredentialKinds"`
	UserVerification         string             `json:"userVerification"`
	Attestation              string             `json:"attestation"`
	AllowCredentials         dfnsAllowedByKinds `json:"allowCredentials"`
	ExternalURL              string             `json:"externalAuthenticationUrl"`
}

type (
	dfnsFactor struct {
		Kind                 string `json:"kind"`
		Factor               string `json:"factor"`
		RequiresSecondFactor bool   `json:"requiresSecondFactor"`
	}
	dfnsAllowed struct {
		Type                string `json:"type"`
		ID                  string `json:"id"`
		EncryptedPrivateKey string `json:"encryptedPrivateKey,omitempty"`
	}
	dfnsAllowedByKinds struct {
		Key                  []dfnsAllowed `json:"key"`
		PasswordProtectedKey []dfnsAllowed `json:"passwordProtectedKey,omitempty"`
		WebAuthn             []dfnsAllowed `json:"webauthn"`
	}
)

// signing begins an authentication for a login or a user action. username is
// empty where the user is not known beforehand, session where there is no bearer
// token to bind the challenge to.
func (d *dfns) signing(p *dfnsChallenge, username, session string) (*dfnsRequestJSON, error) {
	if session == "" {
		var err error
		if session, err = d.Server.token(); err != nil {
			return nil, err
		}
	}
	options, err := d.core.BeginAuthentication(ceremony.AuthenticationRequest{
		Username: username, Session: session, UserVerification: d.cfg.Dfns.UserVerification, ChallengeAsText: true,
	})
	if err != nil {
		return nil, err
	}
	p.core, p.session, p.text = options.Handle, session, toBase64URL(options.Challenge)
	if err := d.begin(p); err != nil {
		return nil, err
	}
	out := &dfnsRequestJSON{
		Challenge: p.text, ChallengeIdentifier: p.id, RP: rpEntity{ID: d.cfg.RPID, Name: d.cfg.RPName},
		SupportedCredentialKinds: []dfnsFactor{}, UserVerification: options.UserVerification, Attestation: d.cfg.Dfns.Attestation,
		AllowCredentials: dfnsAllowedByKinds{Key: []dfnsAllowed{}, WebAuthn: []dfnsAllowed{}},
	}
	kinds := map[string]bool{}
	if p.user == nil {
		// Nobody known: what the core gives, which for an unknown name is imaginary.
		for _, a := range options.AllowCredentials {
			out.AllowCredentials.WebAuthn = append(out.AllowCredentials.WebAuthn, dfnsAllowed{Type: "public-key", ID: toBase64URL(a.ID)})
		}
		kinds["Fido2"] = true
	} else {
		d.mu.Lock()
		for _, cred := range p.user.credentials {
			if !cred.active {
				continue
			}
			allowed := dfnsAllowed{Type: "public-key", ID: toBase64URL(cred.id)}
			switch cred.kind {
			case "Fido2":
				out.AllowCredentials.WebAuthn = append(out.AllowCredentials.WebAuthn, allowed)
			case "Key":
				out.AllowCredentials.Key = append(out.AllowCredentials.Key, allowed)
			case "PasswordProtectedKey":
				allowed.EncryptedPrivateKey = cred.encryptedPrivateKey
				out.AllowCredentials.PasswordProtectedKey = append(out.AllowCredentials.PasswordProtectedKey, allowed)
			default:
				continue
			}
			kinds[cred.kind] = true
		}
		d.mu.Unlock()
	}
	for _, kind := range dfnsFactors {
		if kinds[kind] {
			out.SupportedCredentialKinds = append(out.SupportedCredentialKinds, dfnsFactor{Kind: kind, Factor: "either"})
		}
	}
	return out, nil
}

// loginInit takes {username?, orgId, loginCode?}. A name that is not known gets
// an answer of the same shape.
func (d *dfns) loginInit(c *call) error {
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	if _, err := o.filledText("orgId"); err != nil {
		return err
	}
	if _, _, err := o.optionalText("loginCode"); err != nil {
		return err
	}
	username, _, err := o.optionalText("username")
	if err != nil {
		return err
	}
	p := &dfnsChallenge{purpose: forLogin}
	d.mu.Lock()
	if u := d.byName[username]; u != nil && u.registered {
		p.user = u
	}
	d.mu.Unlock()
	answer, err := d.signing(p, username, "")
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, answer)
}

// login takes {challengeIdentifier, firstFactor, secondFactor?} and answers {token}.
func (d *dfns) login(c *call) error {
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	id, err := o.text("challengeIdentifier")
	if err != nil {
		return err
	}
	p, err := d.pending(id, forLogin)
	if err != nil {
		return err
	}
	u, err := d.signed(p, p.session, o)
	if err != nil {
		return err
	}
	token, err := d.newToken(u)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, struct {
		Token string `json:"token"`
	}{token})
}

func (d *dfns) logout(c *call) error {
	t, err := d.user(c)
	if err != nil {
		return err
	}
	d.mu.Lock()
	delete(d.tokens, t.value)
	d.mu.Unlock()
	return writeJSON(c.w, http.StatusOK, dfnsDone)
}

var dfnsDone = struct {
	Message string `json:"message"`
}{"success"}

// dfnsSigned is one factor of a login or a user action.
type dfnsSigned struct {
	object
	kind string
}

// signed verifies the first factor of a login or a user action, and the second
// where there is one, and returns whose they are.
func (d *dfns) signed(p *dfnsChallenge, session string, o object) (*dfnsUser, error) {
	var factors []dfnsSigned
	var keys, fido2 int
	for _, member := range []string{"firstFactor", "secondFactor"} {
		in, ok, err := o.optionalObject(member)
		if err != nil {
			return nil, err
		}
		if !ok && member == "firstFactor" {
			return nil, o.missing(member)
		}
		if !ok {
			continue
		}
		kind, err := in.text("kind")
		if err != nil {
			return nil, err
		}
		if err := served(in.name("kind"), kind, dfnsFactors); err != nil {
			return nil, err
		}
		if kind == "Fido2" {
			fido2++
		} else {
			keys++
		}
		factors = append(factors, dfnsSigned{in, kind})
	}
	if fido2 > 1 {
		return nil, refuse(http.StatusBadRequest, "secondFactor: one challenge serves one Fido2 credential")
	}
	if err := d.spend(p, session, keys > 0, fido2 > 0); err != nil {
		return nil, err
	}
	var owner *dfnsUser
	var first []byte
	for i, f := range factors {
		var u *dfnsUser
		var id []byte
		var err error
		if f.kind == "Fido2" {
			u, id, err = d.fido2Assertion(p, session, f.object)
		} else {
			u, id, err = d.keyAssertion(p, f.object, f.kind)
		}
		if err != nil {
			return nil, err
		}
		if i > 0 && (u != owner || bytes.Equal(id, first)) {
			return nil, refuse(http.StatusUnauthorized, "%s: want another credential of the same user", f.path)
		}
		owner, first = u, id
	}
	return owner, nil
}

// served refuses a kind of credential that is unknown, or not served here.
func served(path, kind string, kinds []string) error {
	switch {
	case slices.Contains(kinds, kind):
		return nil
	case kind == "Password" || kind == "Totp":
		return refuse(http.StatusBadRequest, "%s: the kind %s is deprecated and not served", path, kind)
	}
	return refuse(http.StatusBadRequest, "%s: %q is not one of %q", path, kind, kinds)
}

// fido2Assertion verifies {credentialAssertion: {credId, clientData,
// authenticatorData, signature, userHandle?, algorithm?}}.
func (d *dfns) fido2Assertion(p *dfnsChallenge, session string, o object) (*dfnsUser, []byte, error) {
	a, err := o.object("credentialAssertion")
	if err != nil {
		return nil, nil, err
	}
	var r ceremony.AuthenticationResponse
	// What the dialect leaves out on the wire is what it must have been.
	r.Type = "public-key"
	id, err := a.bytes("credId", base64URL)
	if err != nil {
		return nil, nil, err
	}
	r.ID = toBase64URL(id)
	if r.ClientDataJSON, err = a.bytes("clientData", base64URL); err != nil {
		return nil, nil, err
	}
	if r.AuthenticatorData, err = a.bytes("authenticatorData", base64URL); err != nil {
		return nil, nil, err
	}
	if r.Signature, err = a.bytes("signature", base64URL); err != nil {
		return nil, nil, err
	}
	if handle, ok, err := a.optionalText("userHandle"); err != nil {
		return nil, nil, err
	} else if ok && handle != "" {
		if r.UserHandle, err = a.decode("userHandle", handle, base64URL); err != nil {
			return nil, nil, err
		}
	}
	if _, _, err := a.optionalText("algorithm"); err != nil {
		return nil, nil, err
	}
	login, err := d.core.FinishAuthentication(ceremony.FinishAuthentication{Handle: p.core, Session: session, Response: r})
	if err != nil {
		return nil, nil, at(http.StatusUnauthorized, answerAlike(err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.byName[login.User.Name]
	cred := u.find(func(v *dfnsCredential) bool { return v.kind == "Fido2" && string(v.id) == string(id) })
	if cred == nil || !cred.active && !d.leaveOut["dfns.inactive"] {
		return nil, nil, &refusal{status: http.StatusUnauthorized, message: alikeMessage, full: "the credential is deactivated", step: "dfns.inactive"}
	}
	return u, id, nil
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

// dfnsTransports writes transports as the old page has them, in one string.
func dfnsTransports(form string, transports []string) json.RawMessage {
	if len(transports) == 0 || form == FormNewPage {
		return nil
	}
	var v any = transports
	if form == FormOldPage {
		v = strings.Join(transports, ",")
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return text
}
