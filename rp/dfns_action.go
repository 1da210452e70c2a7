package rp

import (
	"bytes"
	"net/http"
	"strings"
	"time"
)

// dfnsAction is a user action: one request that the user signs beforehand.
type dfnsAction struct {
	user                  *dfnsUser
	method, path, payload string
	used                  bool
	expires               time.Time
}

var actionMethods = []string{"POST", "PUT", "DELETE", "GET"}

// actionInit takes {userActionPayload, userActionHttpMethod, userActionHttpPath,
// userActionServerKind?}: the request to come, its body as the exact text.
func (d *dfns) actionInit(c *call) error {
	t, err := d.user(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	a := &dfnsAction{user: t.user}
	if a.payload, err = o.text("userActionPayload"); err != nil {
		return err
	}
	if a.method, err = o.oneOf("userActionHttpMethod", actionMethods...); err != nil {
		return err
	}
	if a.method == "" {
		return o.missing("userActionHttpMethod")
	}
	if a.path, err = o.text("userActionHttpPath"); err != nil {
		return err
	}
	if !strings.HasPrefix(a.path, "/") {
		return refuse(http.StatusBadRequest, "userActionHttpPath: %q does not begin with a slash", a.path)
	}
	if _, err := o.oneOf("userActionServerKind", "Api", "Staff"); err != nil {
		return err
	}
	answer, err := d.signing(&dfnsChallenge{purpose: forAction, user: t.user, action: a}, t.user.name, t.value)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, answer)
}

// action takes {challengeIdentifier, firstFactor, secondFactor?} and answers
// {userAction}: a token that serves the one request that was named.
func (d *dfns) action(c *call) error {
	t, err := d.user(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	id, err := o.text("challengeIdentifier")
	if err != nil {
		return err
	}
	p, err := d.pending(id, forAction)
	if err != nil {
		return err
	}
	u, err := d.signed(p, t.value, o)
	if err != nil {
		return err
	}
	if u != t.user {
		return refuse(http.StatusForbidden, "the action was signed by another user")
	}
	token, err := d.Server.token()
	if err != nil {
		return err
	}
	d.mu.Lock()
	granted := *p.action
	granted.expires = d.cfg.Clock().Add(d.cfg.ChallengeLife)
	d.actions[token] = &granted
	d.mu.Unlock()
	return writeJSON(c.w, http.StatusOK, struct {
		UserAction string `json:"userAction"`
	}{token})
}

// actor returns the user of a request that needs a user action, after the token
// of that action was found to serve exactly this request. Presenting the token
// uses it up.
func (d *dfns) actor(c *call) (*dfnsToken, error) {
	t, err := d.user(c)
	if err != nil || d.omits("dfns.user-action") {
		return t, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.actions[c.r.Header.Get("X-Dfns-Useraction")]
	bad := ""
	switch {
	case a == nil || a.user != t.user && !d.omits("dfns.user-action.user") || !d.cfg.Clock().Before(a.expires):
		return nil, refuse(http.StatusForbidden, "user action signature is missing or invalid")
	case a.used && !d.omits("dfns.user-action.once"):
		return nil, refuse(http.StatusBadRequest, "user action already used")
	case a.method != c.r.Method && !d.omits("dfns.user-action.method"):
		bad = "method"
	case a.path != c.r.URL.Path && !d.omits("dfns.user-action.path"):
		bad = "path"
	case !bytes.Equal([]byte(a.payload), c.body) && !d.omits("dfns.user-action.payload"):
		bad = "payload"
	}
	a.used = true
	if bad != "" {
		return nil, refuse(http.StatusForbidden, "user action signature is missing or invalid: it was made for another %s", bad)
	}
	return t, nil
}
