package rp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// Nevis is what the nevis dialect leaves to configuration.
type Nevis struct {
	// FailureStatus is the HTTP status of a failed ceremony: 200 (the default),
	// where only the body's status tells, or a 4xx as the FIDO server API has it.
	FailureStatus int
	// Algorithms are offered in this order; nil: ES256 and EdDSA, as nevisFIDO does.
	Algorithms []int64
}

func (n *Nevis) complete() error {
	if n.FailureStatus == 0 {
		n.FailureStatus = http.StatusOK
	}
	if n.FailureStatus != http.StatusOK && (n.FailureStatus < 400 || n.FailureStatus > 499) {
		return fmt.Errorf("rp: Config.Nevis.FailureStatus is %d, want 200 or a 4xx status", n.FailureStatus)
	}
	if n.Algorithms == nil {
		n.Algorithms = []int64{-7, -8}
	}
	return nil
}

// nevis is the HTTP API of nevisFIDO for FIDO2
// (https://docs.nevis.net/nevisfido/reference-guide/fido2-http-api/). It looks
// like the FIDO server API with an identifier of the ceremony in every answer.
// That identifier is not part of the result requests, so the ceremony is found
// by the session cookie, as in the fido dialect.
type nevis struct {
	*Server
	core *ceremony.RP
	form responseForm

	mu         sync.Mutex
	ceremonies map[string]*nevisCeremony
	sweep      int
}

// nevisCeremony is what the status service tells of.
type nevisCeremony struct {
	status  string // initialized, failed or succeeded
	userID  string
	changed time.Time
}

type nevisResponse struct {
	serverResponse
	FIDO2SessionID string `json:"fido2SessionId"`
}

func (s *Server) addNevis() error {
	core, err := s.core("nevis", s.cfg.Nevis.Algorithms)
	if err != nil {
		return err
	}
	d := &nevis{
		Server: s, core: core, ceremonies: map[string]*nevisCeremony{}, sweep: sweepEvery,
		form: responseForm{
			binary:     base64URL,
			extensions: []string{"clientExtensionResults", "getClientExtensionResults"},
		},
	}
	ceremonies := &family{name: "nevis", fail: d.fail, before: nevisHeaders}
	const root = "/nevisfido/fido2"
	for _, e := range []struct {
		path string
		h    handler
	}{
		{root + "/attestation/options", d.options},
		{root + "/attestation/result", d.attestationResult},
		{root + "/assertion/options", d.assertionOptions},
		{root + "/assertion/result", d.assertionResult},
	} {
		s.handle(ceremonies, http.MethodPost, e.path, e.h)
		s.handle(ceremonies, http.MethodOptions, e.path, d.preflight)
	}
	status := &family{name: "nevis", before: nevisHeaders, fail: func(c *call, r *refusal) {
		_ = writeJSON(c.w, r.status, failed(r.message))
	}}
	s.handle(status, http.MethodPost, root+"/status", d.status)
	return nil
}

// nevisHeaders holds requests to the two mandatory headers. A preflight has neither.
func nevisHeaders(c *call) error {
	if c.r.Method == http.MethodOptions {
		return nil
	}
	if !acceptsJSON(c.r, false) {
		return refuse(http.StatusNotAcceptable, "the Accept header is %q, want application/json", c.r.Header.Get("Accept"))
	}
	return wantJSON(c.r, true)
}

// fail writes a refusal. The statuses that the documents name keep their own;
// all else is a failed ceremony.
func (d *nevis) fail(c *call, r *refusal) {
	status := r.status
	switch status {
	case http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusUnsupportedMediaType,
		http.StatusRequestEntityTooLarge, http.StatusInternalServerError:
	default:
		status = d.cfg.Nevis.FailureStatus
	}
	_ = writeJSON(c.w, status, nevisResponse{failed(r.message), c.vars["fido2SessionId"]})
}

// preflight answers OPTIONS. Other origins than the RP's own get no permission.
func (d *nevis) preflight(c *call) error {
	c.w.Header().Set("Allow", "OPTIONS, POST")
	if origin := c.r.Header.Get("Origin"); slices.Contains(d.cfg.Origins, origin) {
		h := c.w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", "POST")
		h.Set("Access-Control-Allow-Headers", "Accept, Content-Type")
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Vary", "Origin")
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// options serves both ceremonies; the request's content tells which. It is a
// registration when displayName, authenticatorSelection or attestation is there,
// the members that only a registration has, and else an authentication.
func (d *nevis) options(c *call) error {
	o, err := parseObject(c.body, false)
	if err != nil {
		return err
	}
	if o.has("displayName") || o.has("authenticatorSelection") || o.has("attestation") {
		return d.beginRegistration(c, o)
	}
	return d.beginAuthentication(c, o)
}

func (d *nevis) assertionOptions(c *call) error {
	o, err := parseObject(c.body, false)
	if err != nil {
		return err
	}
	return d.beginAuthentication(c, o)
}

func (d *nevis) beginRegistration(c *call, o object) error {
	username, err := o.filledText("username")
	if err != nil {
		return err
	}
	displayName, err := o.filledText("displayName")
	if err != nil {
		return err
	}
	attestation, err := o.oneOf("attestation", conveyances...)
	if err != nil {
		return err
	}
	sel, err := readSelection(o)
	if err != nil {
		return err
	}
	extensions, err := d.extensions(o, ceremony.Registration)
	if err != nil {
		return err
	}
	user, err := userFor(d.core, username, displayName)
	if err != nil {
		return err
	}
	sess, err := d.session(c)
	if err != nil {
		return err
	}
	options, err := d.core.BeginRegistration(ceremony.RegistrationRequest{
		User: user, Session: sess.id, Attestation: attestation, Selection: sel, Extensions: extensions,
	})
	if err != nil {
		return err
	}
	id, err := d.begun()
	if err != nil {
		return err
	}
	d.sessions.edit(sess, func(f *session) { f.registration = id })
	return writeJSON(c.w, http.StatusOK, struct {
		nevisResponse
		creationOptions
	}{nevisResponse{statusOK, id}, toCreationOptions(options)})
}

// beginAuthentication wants username, which may be empty for a login where the
// user is not known beforehand. userVerification is mandatory in the reference
// guide, but not in the API document, nor in the FIDO server API: absent, it is
// preferred.
func (d *nevis) beginAuthentication(c *call, o object) error {
	username, err := o.text("username")
	if err != nil {
		return err
	}
	uv, err := o.oneOf("userVerification", userVerifications...)
	if err != nil {
		return err
	}
	extensions, err := d.extensions(o, ceremony.Authentication)
	if err != nil {
		return err
	}
	sess, err := d.session(c)
	if err != nil {
		return err
	}
	options, err := d.core.BeginAuthentication(ceremony.AuthenticationRequest{
		Username: username, Session: sess.id, UserVerification: uv, Extensions: extensions,
	})
	if err != nil {
		return err
	}
	id, err := d.begun()
	if err != nil {
		return err
	}
	d.sessions.edit(sess, func(f *session) { f.authentication, f.asked = id, username })
	return writeJSON(c.w, http.StatusOK, struct {
		nevisResponse
		requestOptions
	}{nevisResponse{statusOK, id}, toRequestOptions(options)})
}

func (d *nevis) attestationResult(c *call) error {
	sess, id, err := d.current(c, func(f *session) string { return f.registration })
	if err != nil {
		return err
	}
	err = d.register(c, sess, id)
	if err != nil {
		d.finished(id, "failed", "")
		return err
	}
	return writeJSON(c.w, http.StatusOK, nevisResponse{statusOK, id})
}

func (d *nevis) register(c *call, sess *session, id string) error {
	o, err := parseObject(c.body, false)
	if err != nil {
		return err
	}
	// Two members of nevisFIDO's own, for the owner's list of authenticators.
	for _, name := range []string{"userFriendlyName", "userAgent"} {
		if _, _, err := o.optionalText(name); err != nil {
			return err
		}
	}
	response, err := d.form.registration(o)
	if err != nil {
		return err
	}
	cred, err := d.core.FinishRegistration(ceremony.FinishRegistration{Session: sess.id, Response: response})
	if err != nil {
		return err
	}
	name := ""
	if u, ok := d.core.UserByHandle(cred.UserHandle); ok {
		name = u.Name
	}
	d.finished(id, "succeeded", name)
	return nil
}

func (d *nevis) assertionResult(c *call) error {
	sess, id, err := d.current(c, func(f *session) string { return f.authentication })
	if err != nil {
		return err
	}
	login, err := d.assertion(c, sess)
	if err != nil {
		d.finished(id, "failed", "")
		d.refusedLogin("nevis", sess)
		return d.answerAlike(err)
	}
	d.finished(id, "succeeded", login.User.Name)
	d.sessions.login(sess, "nevis", login.User.Name)
	return writeJSON(c.w, http.StatusOK, nevisResponse{statusOK, id})
}

func (d *nevis) assertion(c *call, sess *session) (*ceremony.Login, error) {
	o, err := parseObject(c.body, false)
	if err != nil {
		return nil, err
	}
	if _, _, err := o.optionalText("userAgent"); err != nil {
		return nil, err
	}
	response, err := d.form.authentication(o)
	if err != nil {
		return nil, err
	}
	return d.core.FinishAuthentication(ceremony.FinishAuthentication{Session: sess.id, Response: response})
}

// current returns the session and its newest ceremony of a kind, whose
// identifier then also goes into a refusal.
func (d *nevis) current(c *call, which func(*session) string) (*session, string, error) {
	sess, err := d.session(c)
	if err != nil {
		return nil, "", err
	}
	var id string
	d.sessions.edit(sess, func(f *session) { id = which(f) })
	c.vars = map[string]string{"fido2SessionId": id}
	return sess, id, nil
}

// begun notes a new ceremony and returns its identifier.
func (d *nevis) begun() (string, error) {
	id, err := d.uuid()
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.cfg.Clock()
	if len(d.ceremonies) >= d.sweep {
		for k, v := range d.ceremonies {
			if now.Sub(v.changed) > sessionLife {
				delete(d.ceremonies, k)
			}
		}
		d.sweep = len(d.ceremonies) + sweepEvery
	}
	d.ceremonies[id] = &nevisCeremony{status: "initialized", changed: now}
	return id, nil
}

// finished notes the outcome of a ceremony. The first outcome stays: a replay
// that is refused does not undo a success.
func (d *nevis) finished(id, status, userID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.ceremonies[id]; n != nil && n.status == "initialized" {
		n.status, n.userID, n.changed = status, userID, d.cfg.Clock()
	}
}

// status tells the state of a ceremony. The reference guide calls the member
// fido2SessionId, the API document sessionId.
func (d *nevis) status(c *call) error {
	o, err := parseObject(c.body, false)
	if err != nil {
		return err
	}
	id, ok, err := o.optionalText("fido2SessionId")
	if err != nil {
		return err
	}
	if !ok {
		if id, ok, err = o.optionalText("sessionId"); err != nil {
			return err
		}
	}
	if !ok {
		return o.missing("fido2SessionId")
	}
	answer := struct {
		Status    string `json:"status"`
		Timestamp string `json:"timestamp"`
		UserID    string `json:"userId,omitempty"`
	}{Status: "unknown"}
	changed := d.cfg.Clock()
	d.mu.Lock()
	if n := d.ceremonies[id]; n != nil {
		answer.Status, answer.UserID, changed = n.status, n.userID, n.changed
	}
	d.mu.Unlock()
	answer.Timestamp = changed.UTC().Format("2006-01-02T15:04:05.000Z")
	return writeJSON(c.w, http.StatusOK, answer)
}

// nevisExtensions are the inputs of each ceremony that nevisFIDO knows, in its
// flat JSON form, and the JSON type of each.
var nevisExtensions = map[ceremony.Kind]map[string]string{
	ceremony.Registration: {
		"appidExclude":                      "a string",
		"uvm":                               "a boolean",
		"credProps":                         "a boolean",
		"credentialProtectionPolicy":        "a string",
		"enforceCredentialProtectionPolicy": "a boolean",
		"hmacCreateSecret":                  "a boolean",
	},
	ceremony.Authentication: {
		"appid":         "a string",
		"uvm":           "a boolean",
		"hmacGetSecret": "an object",
	},
}

var protectionPolicies = []string{"userVerificationOptional", "userVerificationOptionalWithCredentialIDList", "userVerificationRequired"}

// extensions reads the inputs asked for. What the ceremony does not know stays
// out of the options.
func (d *nevis) extensions(o object, k ceremony.Kind) (map[string]json.RawMessage, error) {
	in, ok, err := o.optionalObject("extensions")
	if err != nil || !ok {
		return nil, err
	}
	if err := d.checkAppID(in, appIDMember(k)); err != nil {
		return nil, err
	}
	if _, err := in.oneOf("credentialProtectionPolicy", protectionPolicies...); err != nil {
		return nil, err
	}
	if secret, ok, err := in.optionalObject("hmacGetSecret"); err != nil {
		return nil, err
	} else if ok {
		if _, err := secret.bytes("salt1", anyBase64); err != nil {
			return nil, err
		}
		if secret.has("salt2") {
			if _, err := secret.bytes("salt2", anyBase64); err != nil {
				return nil, err
			}
		}
	}
	out := map[string]json.RawMessage{}
	for name, want := range nevisExtensions[k] {
		raw, ok := in.get(name)
		if !ok {
			continue
		}
		if kind(raw) != want {
			return nil, wrongType(in.name(name), want, raw)
		}
		out[name] = raw
	}
	return out, nil
}
