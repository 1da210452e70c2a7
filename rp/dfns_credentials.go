package rp

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"slices"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

var (
	// dfnsFactors are the kinds that log in.
	dfnsFactors = []string{"Fido2", "Key", "PasswordProtectedKey"}
	dfnsKinds   = []string{"Fido2", "Key", "PasswordProtectedKey", "RecoveryKey"}
)

// dfnsCreationJSON is what a credential is made from. The lists are absent for
// the kinds of key; pubKeyCredParam is the name of the old page.
type dfnsCreationJSON struct {
	Kind                         string                `json:"kind,omitempty"`
	ChallengeIdentifier          string                `json:"challengeIdentifier,omitempty"`
	TemporaryAuthenticationToken string                `json:"temporaryAuthenticationToken,omitempty"`
	Challenge                    string                `json:"challenge"`
	RP                           rpEntity              `json:"rp"`
	User                         userEntity            `json:"user"`
	PubKeyCredParams             []credentialParameter `json:"pubKeyCredParams,omitempty"`
	PubKeyCredParam              []credentialParameter `json:"pubKeyCredParam,omitempty"`
	Attestation                  string                `json:"attestation"`
	ExcludeCredentials           *[]dfnsDescriptor     `json:"excludeCredentials,omitempty"`
	AuthenticatorSelection       *selection            `json:"authenticatorSelection,omitempty"`
}

// dfnsDescriptor has transports only on the old page, and there as one string.
// No client of the vendor tells the transports of a credential, so it is what
// that page calls "multiple transport methods".
type dfnsDescriptor struct {
	Type       string `json:"type"`
	ID         string `json:"id"`
	Transports string `json:"transports,omitempty"`
}

// asRegistration is the form of /auth/registration/init: no kind, and the
// temporary token in place of the identifier.
func (j *dfnsCreationJSON) asRegistration() *dfnsCreationJSON {
	out := *j
	out.TemporaryAuthenticationToken, out.Kind, out.ChallengeIdentifier = j.ChallengeIdentifier, "", ""
	return &out
}

// fido2Options begins a registration and keeps its challenge. session is empty
// where there is no bearer token to bind it to.
func (d *dfns) fido2Options(p *dfnsChallenge, session string) (*dfnsCreationJSON, error) {
	if session == "" {
		var err error
		if session, err = d.Server.token(); err != nil {
			return nil, err
		}
	}
	options, err := d.core.BeginRegistration(ceremony.RegistrationRequest{
		User: p.user.core, Session: session, Attestation: d.cfg.Dfns.Attestation, ChallengeAsText: true,
		Selection: &ceremony.AuthenticatorSelection{
			ResidentKey: "required", RequireResidentKey: true, UserVerification: d.cfg.Dfns.UserVerification,
		},
	})
	if err != nil {
		return nil, err
	}
	p.core, p.session, p.text = options.Handle, session, toBase64URL(options.Challenge)
	if err := d.begin(p); err != nil {
		return nil, err
	}
	out := d.creationJSON(p, toParameters(options.Algorithms))
	out.AuthenticatorSelection = toSelection(options.Selection)
	exclude := []dfnsDescriptor{}
	d.mu.Lock()
	for _, e := range options.ExcludeCredentials {
		j := dfnsDescriptor{Type: "public-key", ID: toBase64URL(e.ID)}
		switch d.cfg.Dfns.Form {
		case FormOldPage:
			j.Transports = "hybrid"
		case FormNewPage:
			if cred := p.user.find(func(v *dfnsCredential) bool { return bytes.Equal(v.id, e.ID) }); cred != nil {
				j.ID = cred.uuid
			}
		}
		exclude = append(exclude, j)
	}
	d.mu.Unlock()
	out.ExcludeCredentials = &exclude
	return out, nil
}

// keyOptions makes the challenge for a kind of key.
func (d *dfns) keyOptions(p *dfnsChallenge, session string) (*dfnsCreationJSON, error) {
	text, err := d.Server.token()
	if err != nil {
		return nil, err
	}
	if session == "" {
		if session, err = d.Server.token(); err != nil {
			return nil, err
		}
	}
	p.text, p.session = text, session
	if err := d.begin(p); err != nil {
		return nil, err
	}
	return d.creationJSON(p, toParameters(dfnsKeyAlgorithms)), nil
}

// creationJSON writes what all kinds share.
func (d *dfns) creationJSON(p *dfnsChallenge, params []credentialParameter) *dfnsCreationJSON {
	out := &dfnsCreationJSON{
		Kind: p.kind, ChallengeIdentifier: p.id, TemporaryAuthenticationToken: p.id, Challenge: p.text,
		// The clients of the vendor cannot do without rp, though the page calls it optional.
		RP: rpEntity{ID: d.cfg.RPID, Name: d.cfg.RPName},
		// user.id is text, not base64url.
		User:        userEntity{ID: p.user.id, Name: p.user.name, DisplayName: p.user.name},
		Attestation: d.cfg.Dfns.Attestation,
	}
	if d.cfg.Dfns.Form == FormOldPage {
		out.PubKeyCredParam, out.TemporaryAuthenticationToken = params, ""
	} else {
		out.PubKeyCredParams = params
	}
	return out
}

// options begins a credential of any kind that is served.
func (d *dfns) options(p *dfnsChallenge, session string) (*dfnsCreationJSON, error) {
	if p.kind == "Fido2" {
		return d.fido2Options(p, session)
	}
	return d.keyOptions(p, session)
}

// credentialInit takes {kind}.
func (d *dfns) credentialInit(c *call) error {
	t, err := d.user(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	kind, err := o.text("kind")
	if err != nil {
		return err
	}
	if err := served("kind", kind, dfnsKinds); err != nil {
		return err
	}
	answer, err := d.options(&dfnsChallenge{purpose: forCredential, user: t.user, kind: kind}, t.value)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, answer)
}

// newCredential is a credential as it was sent.
type newCredential struct {
	path, kind, name    string
	id                  []byte
	clientData          []byte
	attestation         []byte
	encryptedPrivateKey string
}

// readNewCredential reads {credentialKind, credentialName?, credentialInfo:
// {credId, clientData, attestationData}, encryptedPrivateKey?}. Some examples of
// the older pages say kind for credentialKind.
func (d *dfns) readNewCredential(o object, kinds []string) (*newCredential, error) {
	n := &newCredential{path: o.path}
	member := "credentialKind"
	if !o.has(member) && o.has("kind") {
		member = "kind"
	}
	var err error
	if n.kind, err = o.text(member); err != nil {
		return nil, err
	}
	if err := served(o.name(member), n.kind, kinds); err != nil {
		return nil, err
	}
	if n.name, _, err = o.optionalText("credentialName"); err != nil {
		return nil, err
	}
	info, err := o.object("credentialInfo")
	if err != nil {
		return nil, err
	}
	if n.id, err = info.bytes("credId", base64URL); err != nil {
		return nil, err
	}
	if n.clientData, err = info.bytes("clientData", base64URL); err != nil {
		return nil, err
	}
	if n.attestation, err = info.bytes("attestationData", base64URL); err != nil {
		return nil, err
	}
	var encrypted bool
	if n.encryptedPrivateKey, encrypted, err = o.optionalText("encryptedPrivateKey"); err != nil {
		return nil, err
	}
	if n.kind == "PasswordProtectedKey" && !encrypted && !d.omits("dfns.encrypted-private-key") {
		return nil, o.missing("encryptedPrivateKey")
	}
	if len(n.id) == 0 {
		return nil, refuse(http.StatusBadRequest, "%s is empty", info.name("credId"))
	}
	return n, nil
}

func onlyOneFido2(news []*newCredential) error {
	n := 0
	for _, v := range news {
		if v.kind == "Fido2" {
			n++
		}
	}
	if n > 1 {
		return refuse(http.StatusBadRequest, "secondFactorCredential: one challenge serves one Fido2 credential")
	}
	return nil
}

// makeAll verifies credentials that were made from one challenge: all, or none
// is kept. The keys come first, since a registration in the core is final.
func (d *dfns) makeAll(p *dfnsChallenge, session string, news []*newCredential) ([]*dfnsCredential, error) {
	isFido2 := func(n *newCredential) bool { return n.kind == "Fido2" }
	isKey := func(n *newCredential) bool { return n.kind != "Fido2" }
	if err := d.spend(p, session, slices.ContainsFunc(news, isKey), slices.ContainsFunc(news, isFido2)); err != nil {
		return nil, err
	}
	made := make([]*dfnsCredential, len(news))
	undo := func(err error) ([]*dfnsCredential, error) {
		d.unmake(nil, made)
		return nil, err
	}
	for _, fido2 := range []bool{false, true} {
		for i, n := range news {
			if isFido2(n) != fido2 {
				continue
			}
			var err error
			if fido2 {
				made[i], err = d.makeFido2(p, session, n)
			} else {
				made[i], err = d.makeKey(p, n)
			}
			if err != nil {
				return undo(err)
			}
		}
	}
	return made, nil
}

// unmake gives up credentials that were made; u owns those of the core.
func (d *dfns) unmake(u *dfnsUser, made []*dfnsCredential) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, cred := range made {
		switch {
		case cred == nil:
		case cred.kind != "Fido2":
			delete(d.keyIDs, string(cred.id))
		case u != nil:
			d.core.RemoveCredential(u.core, cred.id)
		}
	}
}

// record makes the record of a credential.
func (d *dfns) record(n *newCredential) (*dfnsCredential, error) {
	uuid, err := d.name("cr")
	if err != nil {
		return nil, err
	}
	cred := &dfnsCredential{
		kind: n.kind, uuid: uuid, name: n.name, id: n.id, created: d.cfg.Clock(), active: true,
		encryptedPrivateKey: n.encryptedPrivateKey, origin: clientOrigin(n.clientData),
	}
	if cred.name == "" {
		cred.name = n.kind
	}
	if cred.origin == "" {
		cred.origin = d.cfg.Origins[0]
	}
	return cred, nil
}

func (d *dfns) makeFido2(p *dfnsChallenge, session string, n *newCredential) (*dfnsCredential, error) {
	cred, err := d.record(n)
	if err != nil {
		return nil, err
	}
	stored, err := d.core.FinishRegistration(ceremony.FinishRegistration{
		Handle: p.core, Session: session,
		Response: ceremony.RegistrationResponse{
			ID: toBase64URL(n.id), Type: "public-key", ClientDataJSON: n.clientData, AttestationObject: n.attestation,
		},
	})
	if err != nil {
		return nil, err
	}
	cred.publicKey = coseToPEM(stored.PublicKey)
	return cred, nil
}

// coseToPEM writes a COSE key in the form that keys have in this dialect; a key
// that has no such form is written as base64url of its COSE bytes.
func coseToPEM(key []byte) string {
	if k, err := cose.Parse(key); err == nil && k.Public != nil {
		if der, err := x509.MarshalPKIXPublicKey(k.Public); err == nil {
			return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		}
	}
	return toBase64URL(key)
}

type dfnsCredentialJSON struct {
	Kind           string `json:"kind"`
	CredentialID   string `json:"credentialId"`
	CredentialUUID string `json:"credentialUuid"`
	DateCreated    string `json:"dateCreated"`
	IsActive       bool   `json:"isActive"`
	Name           string `json:"name"`
	PublicKey      string `json:"publicKey"`
	RelyingPartyID string `json:"relyingPartyId"`
	Origin         string `json:"origin"`
}

func (d *dfns) credentialJSON(v *dfnsCredential) dfnsCredentialJSON {
	return dfnsCredentialJSON{
		Kind: v.kind, CredentialID: toBase64URL(v.id), CredentialUUID: v.uuid, DateCreated: dfnsTime(v.created),
		IsActive: v.active, Name: v.name, PublicKey: v.publicKey, RelyingPartyID: d.cfg.RPID, Origin: v.origin,
	}
}

// createCredential finishes what credentialInit began, under a user action.
func (d *dfns) createCredential(c *call) error {
	t, err := d.actor(c)
	if err != nil {
		return err
	}
	return d.finishCredential(c, forCredential, t.value)
}

// finishCredential takes {challengeIdentifier, credentialName, credentialKind,
// credentialInfo, encryptedPrivateKey?}.
func (d *dfns) finishCredential(c *call, want purpose, session string) error {
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	id, err := o.text("challengeIdentifier")
	if err != nil {
		return err
	}
	n, err := d.readNewCredential(o, dfnsKinds)
	if err != nil {
		return err
	}
	if _, err := o.filledText("credentialName"); err != nil {
		return err
	}
	p, err := d.pending(id, want)
	if err != nil {
		return err
	}
	if n.kind != p.kind {
		return refuse(http.StatusBadRequest, "credentialKind: %q is not the kind %q that the challenge was made for", n.kind, p.kind)
	}
	if session == "" {
		session = p.session
	}
	if want == forCode {
		if err := d.takeCode(p.code); err != nil {
			return err
		}
	}
	made, err := d.makeAll(p, session, []*newCredential{n})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	p.user.credentials = append(p.user.credentials, made...)
	return writeJSON(c.w, http.StatusOK, d.credentialJSON(made[0]))
}

// listCredentials answers {items}, oldest first.
func (d *dfns) listCredentials(c *call) error {
	t, err := d.user(c)
	if err != nil {
		return err
	}
	answer := struct {
		Items []dfnsCredentialJSON `json:"items"`
	}{[]dfnsCredentialJSON{}}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range t.user.credentials {
		answer.Items = append(answer.Items, d.credentialJSON(v))
	}
	return writeJSON(c.w, http.StatusOK, answer)
}

func (d *dfns) activate(c *call) error   { return d.setActive(c, true) }
func (d *dfns) deactivate(c *call) error { return d.setActive(c, false) }

// setActive takes {credentialUuid}, under a user action.
func (d *dfns) setActive(c *call, active bool) error {
	t, err := d.actor(c)
	if err != nil {
		return err
	}
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	uuid, err := o.text("credentialUuid")
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	cred := t.user.find(func(v *dfnsCredential) bool { return v.uuid == uuid })
	if cred == nil {
		return refuse(http.StatusNotFound, "credentialUuid: no credential of yours has this name")
	}
	cred.active = active
	return writeJSON(c.w, http.StatusOK, dfnsDone)
}

// deleteCredential removes the credential of the path, under a user action.
func (d *dfns) deleteCredential(c *call) error {
	t, err := d.actor(c)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	cred := t.user.find(func(v *dfnsCredential) bool { return v.uuid == c.vars["credentialUuid"] })
	if cred == nil {
		return refuse(http.StatusNotFound, "no credential of yours has this name")
	}
	t.user.credentials = slices.DeleteFunc(t.user.credentials, func(v *dfnsCredential) bool { return v == cred })
	if cred.kind == "Fido2" {
		d.core.RemoveCredential(t.user.core, cred.id)
	} else {
		delete(d.keyIDs, string(cred.id))
	}
	return writeJSON(c.w, http.StatusOK, dfnsDone)
}
