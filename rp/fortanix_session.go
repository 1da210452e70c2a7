package rp

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// auth begins a session with HTTP Basic or with {"method":"password",...}. Where
// the user has second factors the answer has fido2_assertion_options, and the
// token is good for nothing but the second factor. allowed_mfa_methods, which
// DSM may add, leads to endpoints outside this dialect and is left out.
func (d *fortanix) auth(c *call) error {
	email, password, err := d.credentials(c)
	if err != nil {
		return err
	}
	value, err := d.Server.token()
	if err != nil {
		return err
	}
	d.mu.Lock()
	u := d.byEmail[email]
	got := d.hash(email, password)
	// The hash is compared for unknown users too, so that both take alike.
	var want [len(got)]byte
	if u != nil {
		want = u.password
	}
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || u == nil {
		d.mu.Unlock()
		return refuse(http.StatusUnauthorized, "the user name or the password is wrong")
	}
	now := d.cfg.Clock()
	t := &fortanixToken{value: value, user: u, expires: now.Add(fortanixTokenLife)}
	t.pending = len(u.devices) > 0 && !d.omits("fortanix.second-factor")
	owes := len(u.devices) > 0
	if len(d.tokens) >= d.sweep {
		for k, v := range d.tokens {
			if !now.Before(v.expires) {
				delete(d.tokens, k)
			}
		}
		d.sweep = len(d.tokens) + sweepEvery
	}
	d.tokens[value] = t
	if !owes {
		u.lastLogin = now
	}
	d.mu.Unlock()

	answer := struct {
		TokenType   string               `json:"token_type"`
		ExpiresIn   uint32               `json:"expires_in"`
		AccessToken string               `json:"access_token,omitempty"`
		EntityID    string               `json:"entity_id"`
		Options     *fortanixRequestJSON `json:"fido2_assertion_options,omitempty"`
	}{"Bearer", uint32(fortanixTokenLife.Seconds()), value, u.id, nil}
	if d.cfg.Fortanix.Cookie {
		answer.TokenType, answer.AccessToken = "Cookie", ""
		http.SetCookie(c.w, &http.Cookie{Name: fortanixCookie, Value: value, Path: "/sys", HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode})
	}
	if owes {
		if answer.Options, err = d.assertionOptions(u, value); err != nil {
			return err
		}
	}
	return writeJSON(c.w, http.StatusOK, answer)
}

// credentials reads the name and the password of a login.
func (d *fortanix) credentials(c *call) (email, password string, err error) {
	if email, password, ok := c.r.BasicAuth(); ok {
		return email, password, nil
	}
	if len(c.body) == 0 {
		return "", "", refuse(http.StatusUnauthorized, "the request has neither Basic credentials nor a body with a method")
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return "", "", err
	}
	method, err := o.text("method")
	if err != nil {
		return "", "", err
	}
	if method != "password" {
		return "", "", refuse(http.StatusBadRequest, "method: %q is not served here, only password", method)
	}
	if _, err := o.oneOf("token_type", "Bearer"); err != nil {
		return "", "", err
	}
	if email, err = o.text("email"); err != nil {
		return "", "", err
	}
	if _, _, err := o.optionalText("recaptcha_response"); err != nil {
		return "", "", err
	}
	password, err = o.text("password")
	return email, password, err
}

// assertionOptions begins an authentication with the second factors of a user.
func (d *fortanix) assertionOptions(u *fortanixUser, session string) (*fortanixRequestJSON, error) {
	options, err := d.core.BeginAuthentication(ceremony.AuthenticationRequest{
		Username: u.email,
		Session:  session,
		// The password came first; the device need only be there.
		UserVerification: "discouraged",
		Extensions:       d.extensions(u, ceremony.Authentication),
	})
	if err != nil {
		return nil, err
	}
	return d.requestJSON(options), nil
}

// known refuses extension outputs that the API's types do not have, where the
// deployment denies them. Unknown members fail there with the whole structure.
func (d *fortanix) known(path string, outputs map[string]json.RawMessage) error {
	if !d.cfg.Fortanix.DenyUnknownOutputs {
		return nil
	}
	for name := range outputs {
		if name != "appid" && name != "appidExclude" {
			return refuse(http.StatusBadRequest, "%s: unknown field %q, want one of appid, appidExclude", in(path, "getClientExtensionResults"), name)
		}
	}
	return nil
}

// secondFactor completes a session: 204, no body. It asks the core even where
// nothing is owed, so that a replay gets the core's answer.
func (d *fortanix) secondFactor(c *call) error {
	t, err := d.anyToken(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	response, err := d.form.authentication(o)
	if err != nil {
		return err
	}
	if err := d.known("", response.ExtensionResults); err != nil {
		return err
	}
	_, err = d.core.FinishAuthentication(ceremony.FinishAuthentication{Session: t.value, Response: response})
	if err != nil {
		return at(http.StatusUnauthorized, d.answerAlike(err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t.pending = false
	t.user.lastLogin = d.cfg.Clock()
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// recoveryCode completes a session with a code that serves once.
func (d *fortanix) recoveryCode(c *call) error {
	t, err := d.anyToken(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	code, err := o.filledText("recovery_code")
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !t.pending {
		return refuse(http.StatusBadRequest, "this session owes no second factor")
	}
	if !t.user.recoveryCodes[code] && !d.omits("fortanix.recovery-code") {
		return refuse(http.StatusUnauthorized, "the recovery code is unknown or was used")
	}
	if !d.omits("fortanix.recovery-code-once") {
		delete(t.user.recoveryCodes, code)
	}
	t.pending = false
	t.user.lastLogin = d.cfg.Clock()
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// u2fAuth is kept by DSM only to say that it is no longer served.
func (d *fortanix) u2fAuth(c *call) error {
	t, err := d.anyToken(c)
	if err != nil {
		return err
	}
	if d.omits("fortanix.u2f-login") {
		d.mu.Lock()
		t.pending = false
		d.mu.Unlock()
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return refuse(http.StatusBadRequest, "authentication with the U2F protocol is deprecated: use /sys/v1/session/auth/2fa/fido2")
}

// selectAccount takes the user's one account.
func (d *fortanix) selectAccount(c *call) error {
	t, err := d.token(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	account, err := o.text("acct_id")
	if err != nil {
		return err
	}
	if account != t.user.account {
		return refuse(http.StatusForbidden, "acct_id: the account is not one of yours; GET /sys/v1/accounts lists them")
	}
	d.mu.Lock()
	t.selected = true
	d.mu.Unlock()
	return writeJSON(c.w, http.StatusOK, struct{}{})
}

func (d *fortanix) refresh(c *call) error {
	t, err := d.token(c)
	if err != nil {
		return err
	}
	d.mu.Lock()
	t.expires = d.cfg.Clock().Add(fortanixTokenLife)
	d.mu.Unlock()
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *fortanix) terminate(c *call) error {
	t, err := d.anyToken(c)
	if err != nil {
		return err
	}
	d.mu.Lock()
	delete(d.tokens, t.value)
	d.mu.Unlock()
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// token returns the session of the request's token, when nothing is owed.
func (d *fortanix) token(c *call) (*fortanixToken, error) {
	t, err := d.anyToken(c)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.pending && !d.omits("fortanix.owed") {
		return nil, refuse(http.StatusUnauthorized, "the second factor of this session is still owed")
	}
	return t, nil
}

// anyToken returns the session of the request's token. API keys of apps, which
// come as Basic, have no second factors.
func (d *fortanix) anyToken(c *call) (*fortanixToken, error) {
	value, ok := bearer(c.r)
	if cookie, err := c.r.Cookie(fortanixCookie); !ok && d.cfg.Fortanix.Cookie && err == nil {
		value, ok = cookie.Value, true
	}
	if !ok {
		return nil, refuse(http.StatusUnauthorized, "the request has no bearer token")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tokens[value]
	if t == nil || !d.cfg.Clock().Before(t.expires) {
		return nil, refuse(http.StatusUnauthorized, "the bearer token is unknown or expired")
	}
	return t, nil
}

// whose tells whom a token has logged in, for the session probe.
func (d *fortanix) whose(value string) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tokens[value]
	if t == nil || t.pending || !d.cfg.Clock().Before(t.expires) {
		return "", false
	}
	return t.user.email, true
}
