package rp

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// Fortanix is what the fortanix dialect leaves to configuration.
type Fortanix struct {
	// Form is FormWire (the default), FormPublished or FormNameless.
	Form string
	// Nulls writes optional members as null instead of leaving them out, as older
	// deployments did.
	Nulls bool
	// Attestation is the conveyance asked for; empty: direct, since DSM looks at
	// the statement.
	Attestation string
	// Formats are the attestation formats taken; nil: all that the RP verifies. DSM
	// itself says that it takes fido-u2f only.
	Formats []string
	// DenyUnknownOutputs refuses extension outputs other than appid and
	// appidExclude, the two that the API's types have.
	DenyUnknownOutputs bool
	// Cookie gives the session token as a cookie, as deployments since 2025 may,
	// and not as access_token. Bearer tokens are taken all the same.
	Cookie bool
}

func (f *Fortanix) complete() error {
	switch f.Form {
	case "":
		f.Form = FormWire
	case FormWire, FormPublished, FormNameless:
	default:
		return fmt.Errorf("rp: Config.Fortanix.Form is %q, want %q, %q or %q", f.Form, FormWire, FormPublished, FormNameless)
	}
	if f.Attestation == "" {
		f.Attestation = "direct"
	}
	if !slices.Contains(conveyances, f.Attestation) {
		return fmt.Errorf("rp: Config.Fortanix.Attestation is %q, want one of %q", f.Attestation, conveyances)
	}
	return nil
}

// fortanix is the part of the Fortanix DSM API that second factors need
// (https://support.fortanix.com/reference/mfanewchallenge): sign-up and login
// with a password, the second factor, and its configuration. Refusals are plain
// text, as DSM's are. WebAuthn is a second factor only: there is no login
// without a username.
type fortanix struct {
	*Server
	core   *ceremony.RP
	form   responseForm
	pepper []byte

	mu        sync.Mutex
	byEmail   map[string]*fortanixUser
	byID      map[string]*fortanixUser
	tokens    map[string]*fortanixToken
	approvals map[string]*fortanixApproval
	sweep     int
}

// fortanixUser is an account. Guarded by fortanix.mu, but for what never changes.
type fortanixUser struct {
	id, email, account               string
	core                             *ceremony.User
	password                         [sha256.Size]byte
	firstName, lastName, description string
	created, lastLogin               time.Time
	devices                          []fortanixDevice
	recoveryCodes                    map[string]bool
}

// fortanixDevice is a second factor: its name and the credential behind it.
type fortanixDevice struct {
	name, origin string
	credential   []byte
	u2f          bool
}

// fortanixToken is a session.
type fortanixToken struct {
	value string
	user  *fortanixUser
	// pending: the second factor is still owed.
	pending  bool
	selected bool
	// unlocked is until when second factors may be changed.
	unlocked time.Time
	expires  time.Time
	u2f      u2fChallenge
}

// u2fChallenge is a challenge of the old API, good for one registration.
type u2fChallenge struct {
	text    string
	expires time.Time
}

const (
	fortanixTokenLife = time.Hour
	// Our own name: the vendor's documents give the cookie none.
	fortanixCookie = "dsm_session"
	// How long the MFA configuration stays unlocked, from DSM's documents.
	fortanixUnlockLife = 10 * time.Minute
)

func (s *Server) addFortanix() error {
	// ES256 is all that DSM's COSEAlgorithmIdentifier has.
	core, err := s.core("fortanix", []int64{-7})
	if err != nil {
		return err
	}
	d := &fortanix{
		Server: s, core: core,
		form: responseForm{
			binary:     anyBase64,
			extensions: []string{"getClientExtensionResults", "clientExtensionResults", "get_client_extension_results"},
		},
		byEmail: map[string]*fortanixUser{}, byID: map[string]*fortanixUser{},
		tokens: map[string]*fortanixToken{}, approvals: map[string]*fortanixApproval{},
		sweep: sweepEvery,
	}
	if d.pepper, err = s.random(32); err != nil {
		return fmt.Errorf("rp: dialect fortanix: %w", err)
	}
	s.fortanix = d
	f := &family{name: "fortanix", fail: func(c *call, r *refusal) {
		if r.status == http.StatusUnauthorized {
			c.w.Header().Set("WWW-Authenticate", `Bearer realm="touchstone"`)
		}
		c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		c.w.WriteHeader(r.status)
		_, _ = c.w.Write([]byte(r.message))
	}}
	for _, e := range []struct {
		method, path string
		h            handler
	}{
		{http.MethodPost, "/sys/v1/users", d.signUp},
		{http.MethodPost, "/sys/v1/users/generate_recovery_codes", d.generateRecoveryCodes},
		{http.MethodGet, "/sys/v1/users/{user_id}", d.getUser},
		{http.MethodPatch, "/sys/v1/users/{user_id}", d.patchUser},
		{http.MethodGet, "/sys/v1/accounts", d.accounts},
		{http.MethodPost, "/sys/v1/session/auth", d.auth},
		{http.MethodPost, "/sys/v1/session/auth/2fa/fido2", d.secondFactor},
		{http.MethodPost, "/sys/v1/session/auth/2fa/recovery_code", d.recoveryCode},
		{http.MethodPost, "/sys/v1/session/auth/2fa/u2f", d.u2fAuth},
		{http.MethodPost, "/sys/v1/session/select_account", d.selectAccount},
		{http.MethodPost, "/sys/v1/session/refresh", d.refresh},
		{http.MethodPost, "/sys/v1/session/terminate", d.terminate},
		{http.MethodPost, "/sys/v1/session/config_2fa/auth", d.unlock},
		{http.MethodPost, "/sys/v1/session/config_2fa/new_challenge", d.newChallenge},
		{http.MethodPost, "/sys/v1/session/config_2fa/terminate", d.lock},
		{http.MethodPost, "/sys/v1/approval_requests", d.newApproval},
		{http.MethodGet, "/sys/v1/approval_requests/{req_id}", d.getApproval},
		{http.MethodPost, "/sys/v1/approval_requests/{req_id}/challenge", d.approvalChallenge},
		{http.MethodPost, "/sys/v1/approval_requests/{req_id}/approve", d.approve},
		{http.MethodPost, "/sys/v1/approval_requests/{req_id}/deny", d.deny},
	} {
		s.handle(f, e.method, e.path, e.h)
	}
	return nil
}

// signUp opens an account: {user_email, user_password, first_name?, last_name?}.
func (d *fortanix) signUp(c *call) error {
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	email, err := o.filledText("user_email")
	if err != nil {
		return err
	}
	password, err := o.filledText("user_password")
	if err != nil {
		return err
	}
	if strings.ContainsAny(email, ":\r\n") {
		return refuse(http.StatusBadRequest, "user_email: a colon or a line break cannot be part of it")
	}
	first, _, err := o.optionalText("first_name")
	if err != nil {
		return err
	}
	last, _, err := o.optionalText("last_name")
	if err != nil {
		return err
	}
	if _, _, err := o.optionalText("recaptcha_response"); err != nil {
		return err
	}
	// user.id is the 16 bytes of the user's UUID.
	handle, err := d.random(16)
	if err != nil {
		return err
	}
	handle[6], handle[8] = handle[6]&0x0f|0x40, handle[8]&0x3f|0x80
	account, err := d.uuid()
	if err != nil {
		return err
	}
	display := strings.TrimSpace(first + " " + last)
	if display == "" {
		display = email
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byEmail[email] != nil {
		return refuse(http.StatusConflict, "a user with this e-mail address exists already")
	}
	core, err := d.core.AddUser(email, display, handle)
	if err != nil {
		return err
	}
	u := &fortanixUser{
		id: formatUUID(handle), email: email, account: account, core: core,
		password: d.hash(email, password), firstName: first, lastName: last,
		created: d.cfg.Clock(),
	}
	d.byEmail[email], d.byID[u.id] = u, u
	return writeJSON(c.w, http.StatusOK, d.describe(u))
}

// hash is a keyed hash of a password. It lives as long as the process, with its
// key, so no slow hash is needed: tests log in by the thousand.
func (d *fortanix) hash(email, password string) (out [sha256.Size]byte) {
	m := hmac.New(sha256.New, d.pepper)
	fmt.Fprintf(m, "%d:%s%s", len(email), email, password)
	m.Sum(out[:0])
	return out
}

// getUser tells a user about themselves.
func (d *fortanix) getUser(c *call) error {
	t, err := d.token(c)
	if err != nil {
		return err
	}
	if err := own(t, c); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return writeJSON(c.w, http.StatusOK, d.describe(t.user))
}

// own refuses a path that names another user than the token's.
func own(t *fortanixToken, c *call) error {
	if c.vars["user_id"] != t.user.id {
		return refuse(http.StatusForbidden, "this user is not yours to see or to change")
	}
	return nil
}

// accounts lists the one account that every user has.
func (d *fortanix) accounts(c *call) error {
	t, err := d.token(c)
	if err != nil {
		return err
	}
	type account struct {
		AcctID  string `json:"acct_id"`
		Name    string `json:"name"`
		Enabled bool   `json:"enabled"`
	}
	return writeJSON(c.w, http.StatusOK, []account{{t.user.account, t.user.email, true}})
}

// fortanixUserJSON is DSM's User, as far as this server has one.
type fortanixUserJSON struct {
	AccountRole    []string             `json:"account_role"`
	CreatedAt      string               `json:"created_at"`
	Description    string               `json:"description,omitempty"`
	EmailVerified  bool                 `json:"email_verified"`
	ExplicitGroups struct{}             `json:"explicit_groups"`
	FirstName      string               `json:"first_name,omitempty"`
	Groups         struct{}             `json:"groups"`
	HasAccount     bool                 `json:"has_account"`
	HasPassword    bool                 `json:"has_password"`
	LastLoggedInAt string               `json:"last_logged_in_at,omitempty"`
	LastName       string               `json:"last_name,omitempty"`
	MFADevices     []fortanixDeviceJSON `json:"mfa_devices"`
	U2FDevices     []fortanixDeviceJSON `json:"u2f_devices"`
	UserEmail      string               `json:"user_email"`
	UserID         string               `json:"user_id"`
}

type fortanixDeviceJSON struct {
	Name string `json:"name"`
	// Type is Fido2 or U2f, unlike the query parameter's fido2 and u2f.
	Type   string `json:"type"`
	Origin string `json:"origin,omitempty"`
}

// describe needs d.mu.
func (d *fortanix) describe(u *fortanixUser) fortanixUserJSON {
	out := fortanixUserJSON{
		AccountRole: []string{"ACCOUNTADMINISTRATOR", "STATEENABLED"},
		CreatedAt:   fortanixTime(u.created), Description: u.description, EmailVerified: true,
		FirstName: u.firstName, HasAccount: true, HasPassword: true,
		LastName: u.lastName, UserEmail: u.email, UserID: u.id,
		MFADevices: []fortanixDeviceJSON{}, U2FDevices: []fortanixDeviceJSON{},
	}
	if !u.lastLogin.IsZero() {
		out.LastLoggedInAt = fortanixTime(u.lastLogin)
	}
	for _, dev := range u.devices {
		j := fortanixDeviceJSON{Name: dev.name, Type: "Fido2", Origin: dev.origin}
		if dev.u2f {
			j.Type = "U2f"
			out.U2FDevices = append(out.U2FDevices, j)
		}
		out.MFADevices = append(out.MFADevices, j)
	}
	return out
}

// fortanixTime writes a time as DSM does, 20060102T150405Z.
func fortanixTime(t time.Time) string { return t.UTC().Format("20060102T150405Z0700") }
