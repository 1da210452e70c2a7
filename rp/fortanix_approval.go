package rp

import (
	"crypto/hmac"
	"encoding/json"
	"net/http"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// fortanixApproval is an approval request, as much of DSM's as a second factor
// needs: one who asks and one who approves, both the same user. Guarded by
// fortanix.mu.
type fortanixApproval struct {
	id           string
	user         *fortanixUser
	operation    string
	method       string
	description  string
	body         json.RawMessage
	status       string // PENDING, APPROVED or DENIED
	denialReason string
	created      time.Time
}

const fortanixApprovalLife = 30 * 24 * time.Hour

type (
	fortanixPrincipal struct {
		User string `json:"user"`
	}
	fortanixReviewer struct {
		User        string `json:"user"`
		Requires2FA bool   `json:"requires_2fa"`
	}
	fortanixApprovalJSON struct {
		AcctID       string              `json:"acct_id"`
		Approvers    []fortanixPrincipal `json:"approvers"`
		Body         json.RawMessage     `json:"body,omitempty"`
		CreatedAt    string              `json:"created_at"`
		DenialReason string              `json:"denial_reason,omitempty"`
		Denier       *fortanixPrincipal  `json:"denier,omitempty"`
		Description  string              `json:"description,omitempty"`
		Expiry       string              `json:"expiry"`
		Method       string              `json:"method"`
		Operation    string              `json:"operation"`
		RequestID    string              `json:"request_id"`
		Requester    fortanixPrincipal   `json:"requester"`
		ResultViewed bool                `json:"result_viewed"`
		Reviewers    []fortanixReviewer  `json:"reviewers"`
		Status       string              `json:"status"`
	}
)

// describeApproval needs d.mu.
func (d *fortanix) describeApproval(a *fortanixApproval) fortanixApprovalJSON {
	who := fortanixPrincipal{a.user.id}
	out := fortanixApprovalJSON{
		AcctID: a.user.account, Approvers: []fortanixPrincipal{}, Body: a.body, CreatedAt: fortanixTime(a.created),
		DenialReason: a.denialReason, Description: a.description, Expiry: fortanixTime(a.created.Add(fortanixApprovalLife)),
		Method: a.method, Operation: a.operation, RequestID: a.id, Requester: who,
		Reviewers: []fortanixReviewer{{a.user.id, len(a.user.devices) > 0}}, Status: a.status,
	}
	switch a.status {
	case "APPROVED":
		out.Approvers = append(out.Approvers, who)
	case "DENIED":
		out.Denier = &who
	}
	return out
}

// newApproval asks for an approval: {operation, method?, body?, description?}.
func (d *fortanix) newApproval(c *call) error {
	t, err := d.token(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	a := &fortanixApproval{user: t.user, method: http.MethodPost, status: "PENDING", created: d.cfg.Clock()}
	if a.operation, err = o.filledText("operation"); err != nil {
		return err
	}
	if method, ok, err := o.optionalText("method"); err != nil {
		return err
	} else if ok {
		a.method = method
	}
	if a.description, _, err = o.optionalText("description"); err != nil {
		return err
	}
	a.body, _ = o.get("body")
	if a.id, err = d.uuid(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.approvals[a.id] = a
	return writeJSON(c.w, http.StatusOK, d.describeApproval(a))
}

// approval finds the request of the path, which must be the token's user's own.
func (d *fortanix) approval(c *call) (*fortanixApproval, *fortanixToken, error) {
	t, err := d.token(c)
	if err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.approvals[c.vars["req_id"]]
	if a == nil || a.user != t.user && !d.omits("fortanix.approval.owner") {
		return nil, nil, refuse(http.StatusNotFound, "no approval request of yours has this ID")
	}
	return a, t, nil
}

func (d *fortanix) getApproval(c *call) error {
	a, _, err := d.approval(c)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return writeJSON(c.w, http.StatusOK, d.describeApproval(a))
}

// approvalSession binds an assertion to one approval request of one session.
func (d *fortanix) approvalSession(t *fortanixToken, a *fortanixApproval) string {
	if d.omits("fortanix.approval.bound") {
		return t.value + " approval"
	}
	return t.value + " approval " + a.id
}

// approvalChallenge gives the request options with which to approve.
func (d *fortanix) approvalChallenge(c *call) error {
	a, t, err := d.approval(c)
	if err != nil {
		return err
	}
	protocol, err := mfaProtocol(c.r)
	if err != nil {
		return err
	}
	if protocol == "u2f" {
		return refuse(http.StatusBadRequest, "approving with the U2F protocol is deprecated: add ?protocol=fido2")
	}
	d.mu.Lock()
	unlocked, pending, devices := d.isUnlocked(t) && !d.omits("fortanix.unlock") && !d.omits("fortanix.lock.purpose"), a.status == "PENDING", len(a.user.devices)
	d.mu.Unlock()
	switch {
	case unlocked:
		// DSM's words: second factors serve nothing else while they are being configured.
		return refuse(http.StatusConflict, "the configuration of second factors is unlocked: POST /sys/v1/session/config_2fa/terminate first")
	case !pending:
		return refuse(http.StatusConflict, "this approval request is not pending any more")
	case devices == 0:
		return refuse(http.StatusBadRequest, "this user has no second factor")
	}
	options, err := d.assertionOptions(a.user, d.approvalSession(t, a))
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, options)
}

// approve takes {fido2_auth_request, password?, body?}: an assertion where the
// user has second factors, else the password.
func (d *fortanix) approve(c *call) error {
	a, t, err := d.approval(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	if o.has("u2f") {
		return refuse(http.StatusBadRequest, "u2f: deprecated, use fido2_auth_request")
	}
	password, hasPassword, err := o.optionalText("password")
	if err != nil {
		return err
	}
	d.mu.Lock()
	devices := len(a.user.devices)
	got := d.hash(a.user.email, password)
	passwordGood := hmac.Equal(got[:], a.user.password[:]) || d.omits("fortanix.approval.owner") && a.user != t.user
	d.mu.Unlock()
	if hasPassword && !passwordGood {
		return refuse(http.StatusUnauthorized, "the password is wrong")
	}
	switch {
	case devices > 0 && hasPassword && !o.has("fido2_auth_request") && d.omits("fortanix.approval.assertion"):
	case devices > 0:
		assertion, err := o.object("fido2_auth_request")
		if err != nil {
			return err
		}
		response, err := d.form.authentication(assertion)
		if err != nil {
			return err
		}
		if _, err := d.core.FinishAuthentication(ceremony.FinishAuthentication{Session: d.approvalSession(t, a), Response: response}); err != nil && !d.omits("fortanix.approval.verified") {
			return at(http.StatusUnauthorized, d.answerAlike(err))
		}
	case !hasPassword:
		return o.missing("password")
	}
	return d.decide(c, a, "APPROVED", "")
}

func (d *fortanix) deny(c *call) error {
	a, _, err := d.approval(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	reason, _, err := o.optionalText("reason")
	if err != nil {
		return err
	}
	return d.decide(c, a, "DENIED", reason)
}

func (d *fortanix) decide(c *call, a *fortanixApproval, status, reason string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.status != "PENDING" {
		return refuse(http.StatusConflict, "this approval request is not pending any more")
	}
	a.status, a.denialReason = status, reason
	return writeJSON(c.w, http.StatusOK, d.describeApproval(a))
}
