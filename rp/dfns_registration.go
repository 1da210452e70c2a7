package rp

import (
	"crypto/subtle"
	"net/http"
)

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
		n, err := d.readNewCredential(in, kinds)
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
