package differential

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/touchstone-webauthn/touchstone/internal/reference"
	"github.com/touchstone-webauthn/touchstone/rp"
)

// courtroom is the reference RP with go-webauthn beside it. It serves the fido
// dialect and puts every response that comes to both. Of what was expected it
// knows what the RP itself told the client in its options, by session; what is
// stored follows the reference RP's verdicts. Requests must come one at a time.
type courtroom struct {
	mu      sync.Mutex
	rp      *rp.Server
	refused *rp.Refusal // of the request that is being served
	library *webauthn.WebAuthn
	// clones refuses counters that did not grow: the reference RP's policy.
	clones bool

	users  map[string]*user
	owners map[string]*user // by user handle
	issued map[string][]*issued
	// unread are ids of credentials that go-webauthn cannot read the registration of.
	unread map[string]bool
	heard  []judged
	// spoil changes what go-webauthn is given; nil but in the test of that.
	spoil func(*issued)
}

// judged is one response before both.
type judged struct {
	ceremony string
	// format is the authenticator's attestation format, of faults alone.
	format string
	// ours and theirs are nil for accepted.
	ours   *rp.Refusal
	theirs error
	// aside is why it is no question to go-webauthn; empty: it was put to it.
	aside string
}

func (j judged) agreed() bool { return (j.ours == nil) == (j.theirs == nil) }

const (
	registration   = "registration"
	authentication = "authentication"
)

// Why a response, or what the reference RP refuses in it, is no question to go-webauthn.
const (
	asideHTTP       = "HTTP itself: the method, the media type or the size of the body is refused, and go-webauthn is given bytes"
	asideNone       = "no ceremony of that kind is open in the session: go-webauthn is given its SessionData by the Relying Party"
	asideUsed       = "the challenge was used before: a Relying Party throws SessionData away, go-webauthn keeps none"
	asideTaken      = "the credential id is registered already (step 26): go-webauthn leaves it to the Relying Party, which has the accounts"
	asideUnread     = "the credential was registered with what go-webauthn cannot decode, so that there is no record to give it"
	asideNewer      = "ML-DSA: go-webauthn verifies it where the standard library can, since Go 1.27"
	asideRevocation = "a certificate behind the metadata is on a revocation list: go-webauthn fetches those over the network"
)

var asides = []string{asideHTTP, asideNone, asideUsed, asideTaken, asideUnread, asideRevocation, asideNewer}

type user struct {
	handle      []byte
	name        string
	credentials []webauthn.Credential
}

func (u *user) WebAuthnID() []byte                         { return u.handle }
func (u *user) WebAuthnName() string                       { return u.name }
func (u *user) WebAuthnDisplayName() string                { return u.name }
func (u *user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

// issued is a ceremony that the RP has begun.
type issued struct {
	ceremony string
	user     *user // nil: not known beforehand
	data     webauthn.SessionData
	expires  time.Time
	used     bool
}

func newCourtroom(seed string, configure func(*rp.Config) error) (*courtroom, error) {
	c := &courtroom{users: map[string]*user{}, owners: map[string]*user{}, issued: map[string][]*issued{}, unread: map[string]bool{}}
	cfg, err := reference.Config(reference.RPID, reference.Origin)
	if err != nil {
		return nil, err
	}
	if err := configure(&cfg); err != nil {
		return nil, err
	}
	cfg.Random = random(seed)
	cfg.OnRefusal = func(r rp.Refusal) { c.refused = &r }
	if c.rp, err = rp.New(cfg); err != nil {
		return nil, err
	}
	c.clones = cfg.Policy.RejectCounterRegression
	library, err := libraryConfig(cfg)
	if err != nil {
		return nil, err
	}
	c.library, err = webauthn.New(library)
	return c, err
}

// take returns what was judged since the last call.
func (c *courtroom) take() []judged {
	c.mu.Lock()
	defer c.mu.Unlock()
	heard := c.heard
	c.heard = nil
	return heard
}

func (c *courtroom) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.refused = nil
	answer := httptest.NewRecorder()
	c.rp.ServeHTTP(answer, r)
	c.observe(r, body, answer)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (c *courtroom) observe(r *http.Request, body []byte, answer *httptest.ResponseRecorder) {
	session := sessionOf(r, answer)
	later, _ := time.ParseDuration(r.Header.Get(reference.ClockHeader))
	switch r.URL.Path {
	case "/attestation/options", "/assertion/options":
		if answer.Code == http.StatusOK {
			c.issue(session, r.URL.Path, body, answer.Body.Bytes())
		}
	case "/attestation/result":
		c.heard = append(c.heard, c.judge(registration, session, later, body))
	case "/assertion/result":
		c.heard = append(c.heard, c.judge(authentication, session, later, body))
	}
}

const sessionCookie = "touchstone_session"

func sessionOf(r *http.Request, answer *httptest.ResponseRecorder) string {
	for _, cookie := range append(answer.Result().Cookies(), r.Cookies()...) {
		if cookie.Name == sessionCookie {
			return cookie.Value
		}
	}
	return ""
}

// issue keeps what the RP has told the client that it expects.
func (c *courtroom) issue(session, path string, body, answer []byte) {
	var asked struct {
		Username  string `json:"username"`
		Mediation string `json:"mediation"`
	}
	var o struct {
		Challenge string `json:"challenge"`
		RPID      string `json:"rpId"`
		RP        struct {
			ID string `json:"id"`
		} `json:"rp"`
		User struct {
			ID protocol.URLEncodedBase64 `json:"id"`
		} `json:"user"`
		Parameters       []protocol.CredentialParameter `json:"pubKeyCredParams"`
		UserVerification string                         `json:"userVerification"`
		Selection        struct {
			UserVerification string `json:"userVerification"`
		} `json:"authenticatorSelection"`
		Allow []struct {
			ID protocol.URLEncodedBase64 `json:"id"`
		} `json:"allowCredentials"`
		Extensions json.RawMessage `json:"extensions"`
	}
	if json.Unmarshal(body, &asked) != nil || json.Unmarshal(answer, &o) != nil {
		return // then there is no ceremony to judge by, and the page says so
	}
	var extensions protocol.AuthenticationExtensions
	if len(o.Extensions) > 0 {
		_ = json.Unmarshal(o.Extensions, &extensions) // what it does not read, it does not expect
	}
	i := &issued{ceremony: registration, expires: time.Now().Add(5 * time.Minute)}
	i.data = webauthn.SessionData{
		Challenge: o.Challenge, RelyingPartyID: cmp.Or(o.RP.ID, o.RPID), CredParams: o.Parameters, Extensions: extensions.Session(),
		UserVerification: protocol.UserVerificationRequirement(cmp.Or(o.UserVerification, o.Selection.UserVerification)),
		Mediation:        protocol.CredentialMediationRequirement(asked.Mediation),
	}
	for _, d := range o.Allow {
		i.data.AllowedCredentialIDs = append(i.data.AllowedCredentialIDs, d.ID)
	}
	switch {
	case path == "/attestation/options":
		i.user = c.users[asked.Username]
		if i.user == nil {
			i.user = &user{handle: o.User.ID, name: asked.Username}
			c.users[asked.Username], c.owners[string(o.User.ID)] = i.user, i.user
		}
	default:
		i.ceremony = authentication
		if asked.Username != "" {
			if i.user = c.users[asked.Username]; i.user == nil {
				i.user = &user{handle: []byte("nobody"), name: asked.Username}
			}
		}
	}
	if i.user != nil {
		i.data.UserID = i.user.handle
	}
	if c.spoil != nil {
		c.spoil(i)
	}
	c.issued[session] = append(c.issued[session], i)
}

// open is the session's ceremony of that kind that the challenge was issued for;
// where it was issued for none, the newest.
func (c *courtroom) open(session, ceremony, challenge string) *issued {
	var newest *issued
	for _, i := range slices.Backward(c.issued[session]) {
		if i.ceremony != ceremony {
			continue
		}
		if i.data.Challenge == challenge {
			return i
		}
		if newest == nil || newest.used && !i.used {
			newest = i
		}
	}
	return newest
}

// inWords is the body under the name that the W3C's dictionary has for the
// extension results. Nothing else of it is touched.
func inWords(body []byte) []byte {
	return bytes.Replace(body, []byte(`"getClientExtensionResults"`), []byte(`"clientExtensionResults"`), 1)
}

func (c *courtroom) judge(ceremony, session string, later time.Duration, body []byte) judged {
	j := judged{ceremony: ceremony, ours: c.refused}
	if j.ours != nil {
		switch j.ours.Status {
		case http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge:
			j.aside = asideHTTP
			return j
		}
	}
	if ceremony == registration {
		c.register(&j, session, later, body)
	} else {
		c.authenticate(&j, session, later, body)
	}
	if j.aside == "" && j.ours != nil && j.theirs == nil {
		switch j.ours.Step {
		case "7.1.26":
			j.aside = asideTaken
		case "7.1.23.metadata-revoked":
			j.aside = asideRevocation
		}
	}
	return j
}

// sessionData is what go-webauthn is given, or why there is none.
func (c *courtroom) sessionData(j *judged, session, challenge string, later time.Duration) *issued {
	i := c.open(session, j.ceremony, challenge)
	switch {
	case i == nil:
		j.aside = asideNone
		return nil
	case i.used:
		j.aside = asideUsed
		return nil
	}
	i.used = true
	i.data.Expires = i.expires.Add(-later)
	return i
}

func (c *courtroom) register(j *judged, session string, later time.Duration, body []byte) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(inWords(body))
	challenge := ""
	if err == nil {
		challenge = parsed.Response.CollectedClientData.Challenge
	} else {
		challenge = challengeOf(body)
	}
	i := c.sessionData(j, session, challenge, later)
	var made *webauthn.Credential
	switch {
	case err != nil:
		j.aside, j.theirs = "", explain(err) // what cannot be read is judged without SessionData
	case i == nil:
		return
	default:
		made, err = c.library.CreateCredential(i.user, i.data, parsed)
		j.theirs = explain(err)
	}
	if j.ours != nil {
		return
	}
	// The reference RP has stored it, so that it is there for the logins to come.
	id, record := storedAs(body, made)
	if i == nil || record == nil {
		c.unread[id] = true
		return
	}
	i.user.credentials = append(i.user.credentials, *record)
}

// storedAs is the record of a registration that the reference RP accepted: go-webauthn's
// own, or where it refuses, the one that its decoder makes of the attestation object.
func storedAs(body []byte, made *webauthn.Credential) (id string, record *webauthn.Credential) {
	var r struct {
		ID       string `json:"id"`
		Response struct {
			AttestationObject protocol.URLEncodedBase64 `json:"attestationObject"`
		} `json:"response"`
	}
	_ = json.Unmarshal(body, &r)
	if made != nil {
		return r.ID, made
	}
	var o protocol.AttestationObject
	if webauthncbor.Unmarshal(r.Response.AttestationObject, &o) != nil || o.AuthData.Unmarshal(o.RawAuthData) != nil {
		return r.ID, nil
	}
	return r.ID, &webauthn.Credential{
		ID: o.AuthData.AttData.CredentialID, PublicKey: o.AuthData.AttData.CredentialPublicKey, AttestationFormat: o.Format,
		Flags:         webauthn.NewCredentialFlags(o.AuthData.Flags),
		Authenticator: webauthn.Authenticator{AAGUID: o.AuthData.AttData.AAGUID, SignCount: o.AuthData.Counter},
	}
}

func challengeOf(body []byte) string {
	var r struct {
		Response struct {
			ClientDataJSON protocol.URLEncodedBase64 `json:"clientDataJSON"`
		} `json:"response"`
	}
	var client struct {
		Challenge string `json:"challenge"`
	}
	_ = json.Unmarshal(body, &r)
	_ = json.Unmarshal(bytes.TrimPrefix(r.Response.ClientDataJSON, []byte("\ufeff")), &client)
	return client.Challenge
}

func (c *courtroom) authenticate(j *judged, session string, later time.Duration, body []byte) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(inWords(body))
	challenge := ""
	if err == nil {
		challenge = parsed.Response.CollectedClientData.Challenge
	} else {
		challenge = challengeOf(body)
	}
	i := c.sessionData(j, session, challenge, later)
	if err != nil {
		j.aside, j.theirs = "", explain(err)
		return
	}
	if i == nil {
		return
	}
	if c.unread[base64.RawURLEncoding.EncodeToString(parsed.RawID)] {
		j.aside = asideUnread
		return
	}
	if c.mlDSA(parsed.RawID) {
		j.aside = asideNewer
		return
	}
	var used *webauthn.Credential
	owner := i.user
	if owner != nil {
		used, err = c.library.ValidateLogin(owner, i.data, parsed)
	} else {
		_, used, err = c.library.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
			if owner = c.owners[string(handle)]; owner == nil {
				return nil, errors.New("nobody has that user handle")
			}
			return owner, nil
		}, i.data, parsed)
	}
	if err == nil && c.clones && used.Authenticator.CloneWarning {
		err = errors.New("clone warning")
	}
	j.theirs = explain(err)
	if j.ours != nil || owner == nil {
		return
	}
	for k := range owner.credentials {
		r := &owner.credentials[k]
		if bytes.Equal(r.ID, parsed.RawID) {
			r.Authenticator.SignCount = max(r.Authenticator.SignCount, parsed.Response.AuthenticatorData.Counter)
			r.Flags = r.Flags.Update(parsed.Response.AuthenticatorData.Flags)
		}
	}
}

// mlDSA tells whether a credential has a key of ML-DSA.
func (c *courtroom) mlDSA(id []byte) bool {
	for _, u := range c.users {
		for _, r := range u.credentials {
			var key webauthncose.PublicKeyData
			if bytes.Equal(r.ID, id) && webauthncbor.Unmarshal(r.PublicKey, &key) == nil && -50 <= key.Algorithm && key.Algorithm <= -48 {
				return true
			}
		}
	}
	return false
}

func explain(err error) error {
	if err == nil {
		return nil
	}
	var e *protocol.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%s: %s (%s)", e.Type, e.Details, strings.Join(strings.Fields(e.DevInfo), " "))
	}
	return err
}
