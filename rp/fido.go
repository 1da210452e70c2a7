package rp

import (
	"encoding/json"
	"net/http"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// fido is the server API of the FIDO conformance documents
// (https://github.com/fido-alliance/conformance-test-tools-resources, document
// FIDO2/Server/Conformance-Test-API.md): options flattened next to status and
// errorMessage, the session in a cookie, refusals as 4xx with status "failed".
type fido struct {
	*Server
	core *ceremony.RP
	form responseForm
}

// serverResponse is what every answer of the fido and nevis dialects carries.
type serverResponse struct {
	Status       string `json:"status"`
	ErrorMessage string `json:"errorMessage"`
}

var statusOK = serverResponse{Status: "ok"}

func failed(message string) serverResponse {
	if message == "" {
		message = "refused"
	}
	return serverResponse{Status: "failed", ErrorMessage: message}
}

func (s *Server) addFIDO() error {
	core, err := s.core("fido", nil)
	if err != nil {
		return err
	}
	d := &fido{Server: s, core: core, form: responseForm{
		binary:     base64URL,
		extensions: []string{"clientExtensionResults", "getClientExtensionResults"},
	}}
	f := &family{
		name: "fido",
		fail: func(c *call, r *refusal) { _ = writeJSON(c.w, r.status, failed(r.message)) },
		before: func(c *call) error {
			return wantJSON(c.r, false)
		},
	}
	s.handle(f, http.MethodPost, "/attestation/options", d.attestationOptions)
	s.handle(f, http.MethodPost, "/attestation/result", d.attestationResult)
	s.handle(f, http.MethodPost, "/assertion/options", d.assertionOptions)
	s.handle(f, http.MethodPost, "/assertion/result", d.assertionResult)
	return nil
}

// attestationOptions begins a registration. As the API has it, whoever asks may
// add a credential to a user that exists already: the user's credentials then
// come back in excludeCredentials.
func (d *fido) attestationOptions(c *call) error {
	o, err := parseObject(c.body, false)
	if err != nil {
		return err
	}
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
	// Not in the API: how the reference RP is told that create() will be conditional.
	mediation, err := o.oneOf("mediation", "conditional", "optional", "required")
	if err != nil {
		return err
	}
	extensions, err := d.echo(o, ceremony.Registration)
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
		User: user, Session: sess.id, Attestation: attestation, Selection: sel, Extensions: extensions, Conditional: mediation == "conditional",
	})
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, struct {
		serverResponse
		creationOptions
	}{statusOK, toCreationOptions(options)})
}

func (d *fido) attestationResult(c *call) error {
	o, err := parseObject(c.body, false)
	if err != nil {
		return err
	}
	response, err := d.form.registration(o)
	if err != nil {
		return err
	}
	sess, err := d.session(c)
	if err != nil {
		return err
	}
	if _, err := d.core.FinishRegistration(ceremony.FinishRegistration{Session: sess.id, Response: response}); err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, statusOK)
}

// assertionOptions begins an authentication; an absent or empty username begins
// one where the user is not known beforehand.
func (d *fido) assertionOptions(c *call) error {
	o, err := parseObject(c.body, false)
	if err != nil {
		return err
	}
	username, _, err := o.optionalText("username")
	if err != nil {
		return err
	}
	uv, err := o.oneOf("userVerification", userVerifications...)
	if err != nil {
		return err
	}
	extensions, err := d.echo(o, ceremony.Authentication)
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
	d.sessions.edit(sess, func(f *session) { f.asked = username })
	return writeJSON(c.w, http.StatusOK, struct {
		serverResponse
		requestOptions
	}{statusOK, toRequestOptions(options)})
}

func (d *fido) assertionResult(c *call) error {
	sess, err := d.session(c)
	if err != nil {
		return err
	}
	login, err := d.assertion(c, sess)
	if err != nil {
		d.refusedLogin("fido", sess)
		return d.answerAlike(err)
	}
	d.sessions.login(sess, "fido", login.User.Name)
	return writeJSON(c.w, http.StatusOK, statusOK)
}

func (d *fido) assertion(c *call, sess *session) (*ceremony.Login, error) {
	o, err := parseObject(c.body, false)
	if err != nil {
		return nil, err
	}
	response, err := d.form.authentication(o)
	if err != nil {
		return nil, err
	}
	return d.core.FinishAuthentication(ceremony.FinishAuthentication{Session: sess.id, Response: response})
}

// refusedLogin is what a refused assertion does to the session: whoever was
// logged in is no longer.
func (s *Server) refusedLogin(dialect string, sess *session) {
	if s.omits("session.refused-login") {
		s.sessions.edit(sess, func(f *session) { f.dialect, f.username = dialect, f.asked })
		return
	}
	s.sessions.login(sess, dialect, "")
}

// echo returns the extensions of an options request, which the API sends back
// as they are, also those that nobody knows: the conformance tool asks for
// example.extension.bool to see whether it comes back. A W3C client ignores
// what it does not know.
func (d *fido) echo(o object, k ceremony.Kind) (map[string]json.RawMessage, error) {
	extensions, ok, err := o.optionalObject("extensions")
	if err != nil || !ok {
		return nil, err
	}
	good := appIDMember(k)
	// A client refuses options that carry the AppID extension of the other ceremony.
	if bad := map[string]string{"appid": "appidExclude", "appidExclude": "appid"}[good]; extensions.has(bad) {
		return nil, refuse(http.StatusBadRequest, "%s is not an extension of %s", extensions.name(bad), k)
	}
	if err := d.checkAppID(extensions, good); err != nil {
		return nil, err
	}
	return extensions.members, nil
}

// userFor finds the account of that name or opens it.
func userFor(core *ceremony.RP, name, displayName string) (*ceremony.User, error) {
	if u, ok := core.UserByName(name); ok {
		return u, nil
	}
	u, err := core.AddUser(name, displayName, nil)
	if err != nil {
		// Another request may have been quicker.
		if u, ok := core.UserByName(name); ok {
			return u, nil
		}
	}
	return u, err
}
