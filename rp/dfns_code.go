package rp

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// dfnsCode is a one-time code with which a credential is added elsewhere.
type dfnsCode struct {
	user    *dfnsUser
	used    bool
	expires time.Time
}

// dfnsCodeLife is how far off a code's expiration may be, from the vendor's page.
const dfnsCodeLife = time.Minute

// newCode takes {expiration}, under a user action, and answers {code, expiration}.
func (d *dfns) newCode(c *call) error {
	t, err := d.actor(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	expires, err := expiration(o)
	if err != nil {
		return err
	}
	now := d.cfg.Clock()
	if !now.Before(expires) || expires.Sub(now) > dfnsCodeLife && !d.omits("dfns.code.life") {
		return refuse(http.StatusBadRequest, "expiration: want a time within the next minute")
	}
	code, err := d.Server.token()
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.codes[code] = &dfnsCode{user: t.user, expires: expires}
	d.mu.Unlock()
	return writeJSON(c.w, http.StatusOK, struct {
		Code       string `json:"code"`
		Expiration string `json:"expiration"`
	}{code, dfnsTime(expires)})
}

// expiration reads an ISO 8601 time or a Unix time, in seconds or, when it is
// too large for that, in milliseconds.
func expiration(o object) (time.Time, error) {
	raw, ok := o.get("expiration")
	if !ok {
		return time.Time{}, o.missing("expiration")
	}
	switch kind(raw) {
	case "a string":
		s, err := o.text("expiration")
		if err != nil {
			return time.Time{}, err
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return t, refuse(http.StatusBadRequest, "expiration: %q is not an ISO 8601 time", s)
		}
		return t, nil
	case "a number":
		n, err := strconv.ParseFloat(string(bytes.TrimSpace(raw)), 64)
		if err != nil || n < 0 || n > 1e15 {
			return time.Time{}, refuse(http.StatusBadRequest, "expiration: the number is not a Unix time")
		}
		if n < 1e11 {
			n *= 1000
		}
		return time.UnixMilli(int64(n)), nil
	}
	return time.Time{}, wrongType(o.name("expiration"), "a string or a number", raw)
}

// code finds a code that is still good.
func (d *dfns) code(code string) (*dfnsCode, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.codes[code]
	if v == nil || v.used || !d.cfg.Clock().Before(v.expires) {
		return nil, refuse(http.StatusForbidden, "invalid code")
	}
	return v, nil
}

// takeCode uses a code up, with the attempt that it was for.
func (d *dfns) takeCode(code string) error {
	v, err := d.code(code)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if v.used {
		return refuse(http.StatusForbidden, "invalid code")
	}
	v.used = !d.omits("dfns.code.once")
	return nil
}

// codeInit takes {code, credentialKind}; no bearer token is needed.
func (d *dfns) codeInit(c *call) error {
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	text, err := o.text("code")
	if err != nil {
		return err
	}
	kind, err := o.text("credentialKind")
	if err != nil {
		return err
	}
	if err := served("credentialKind", kind, dfnsKinds); err != nil {
		return err
	}
	v, err := d.code(text)
	if err != nil {
		return err
	}
	answer, err := d.options(&dfnsChallenge{purpose: forCode, user: v.user, kind: kind, code: text}, "")
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, answer)
}

// codeVerify is createCredential with a code for all authorisation.
func (d *dfns) codeVerify(c *call) error { return d.finishCredential(c, forCode, "") }
