package rp

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// dfnsRequestJSON is what a login or a user action is signed from.
type dfnsRequestJSON struct {
	Challenge                string             `json:"challenge"`
	ChallengeIdentifier      string             `json:"challengeIdentifier"`
	RP                       rpEntity           `json:"rp"`
	SupportedCredentialKinds []dfnsFactor       `json:"supportedCredentialKinds"`
	UserVerification         string             `json:"userVerification"`
	Attestation              string             `json:"attestation"`
	AllowCredentials         dfnsAllowedByKinds `json:"allowCredentials"`
	ExternalURL              string             `json:"externalAuthenticationUrl"`
}

type (
	dfnsFactor struct {
		Kind                 string `json:"kind"`
		Factor               string `json:"factor"`
		RequiresSecondFactor bool   `json:"requiresSecondFactor"`
	}
	dfnsAllowed struct {
		Type                string `json:"type"`
		ID                  string `json:"id"`
		EncryptedPrivateKey string `json:"encryptedPrivateKey,omitempty"`
	}
	dfnsAllowedByKinds struct {
		Key                  []dfnsAllowed `json:"key"`
		PasswordProtectedKey []dfnsAllowed `json:"passwordProtectedKey,omitempty"`
		WebAuthn             []dfnsAllowed `json:"webauthn"`
	}
)

// signing begins an authentication for a login or a user action. username is
// empty where the user is not known beforehand, session where there is no bearer
// token to bind the challenge to.
func (d *dfns) signing(p *dfnsChallenge, username, session string) (*dfnsRequestJSON, error) {
	if session == "" {
		var err error
		if session, err = d.Server.token(); err != nil {
			return nil, err
		}
	}
	options, err := d.core.BeginAuthentication(ceremony.AuthenticationRequest{
		Username: username, Session: session, UserVerification: d.cfg.Dfns.UserVerification, ChallengeAsText: true,
	})
	if err != nil {
		return nil, err
	}
	p.core, p.session, p.text = options.Handle, session, toBase64URL(options.Challenge)
	if err := d.begin(p); err != nil {
		return nil, err
	}
	out := &dfnsRequestJSON{
		Challenge: p.text, ChallengeIdentifier: p.id, RP: rpEntity{ID: d.cfg.RPID, Name: d.cfg.RPName},
		SupportedCredentialKinds: []dfnsFactor{}, UserVerification: options.UserVerification, Attestation: d.cfg.Dfns.Attestation,
		AllowCredentials: dfnsAllowedByKinds{Key: []dfnsAllowed{}, WebAuthn: []dfnsAllowed{}},
	}
	kinds := map[string]bool{}
	if p.user == nil {
		// Nobody known: what the core gives, which for an unknown name is imaginary.
		for _, a := range options.AllowCredentials {
			out.AllowCredentials.WebAuthn = append(out.AllowCredentials.WebAuthn, dfnsAllowed{Type: "public-key", ID: toBase64URL(a.ID)})
		}
		kinds["Fido2"] = true
	} else {
		d.mu.Lock()
		for _, cred := range p.user.credentials {
			if !cred.active {
				continue
			}
			allowed := dfnsAllowed{Type: "public-key", ID: toBase64URL(cred.id)}
			switch cred.kind {
			case "Fido2":
				out.AllowCredentials.WebAuthn = append(out.AllowCredentials.WebAuthn, allowed)
			case "Key":
				out.AllowCredentials.Key = append(out.AllowCredentials.Key, allowed)
			case "PasswordProtectedKey":
				allowed.EncryptedPrivateKey = cred.encryptedPrivateKey
				out.AllowCredentials.PasswordProtectedKey = append(out.AllowCredentials.PasswordProtectedKey, allowed)
			default:
				continue
			}
			kinds[cred.kind] = true
		}
		d.mu.Unlock()
	}
	for _, kind := range dfnsFactors {
		if kinds[kind] {
			out.SupportedCredentialKinds = append(out.SupportedCredentialKinds, dfnsFactor{Kind: kind, Factor: "either"})
		}
	}
	return out, nil
}

// loginInit takes {username?, orgId, loginCode?}. A name that is not known gets
// an answer of the same shape.
func (d *dfns) loginInit(c *call) error {
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	if _, err := o.filledText("orgId"); err != nil {
		return err
	}
	if _, _, err := o.optionalText("loginCode"); err != nil {
		return err
	}
	username, _, err := o.optionalText("username")
	if err != nil {
		return err
	}
	p := &dfnsChallenge{purpose: forLogin}
	d.mu.Lock()
	if u := d.byName[username]; u != nil && u.registered {
		p.user = u
	}
	d.mu.Unlock()
	answer, err := d.signing(p, username, "")
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, answer)
}

// login takes {challengeIdentifier, firstFactor, secondFactor?} and answers {token}.
func (d *dfns) login(c *call) error {
	o, err := parseObject(c.body, true)
	if err != nil {
		return err
	}
	id, err := o.text("challengeIdentifier")
	if err != nil {
		return err
	}
	p, err := d.pending(id, forLogin)
	if err != nil {
		return err
	}
	u, err := d.signed(p, p.session, o)
	if err != nil {
		return err
	}
	token, err := d.newToken(u)
	if err != nil {
		return err
	}
	return writeJSON(c.w, http.StatusOK, struct {
		Token string `json:"token"`
	}{token})
}

func (d *dfns) logout(c *call) error {
	t, err := d.user(c)
	if err != nil {
		return err
	}
	d.mu.Lock()
	delete(d.tokens, t.value)
	d.mu.Unlock()
	return writeJSON(c.w, http.StatusOK, dfnsDone)
}

var dfnsDone = struct {
	Message string `json:"message"`
}{"success"}

// dfnsSigned is one factor of a login or a user action.
type dfnsSigned struct {
	object
	kind string
}

// signed verifies the first factor of a login or a user action, and the second
// where there is one, and returns whose they are.
func (d *dfns) signed(p *dfnsChallenge, session string, o object) (*dfnsUser, error) {
	var factors []dfnsSigned
	var keys, fido2 int
	for _, member := range []string{"firstFactor", "secondFactor"} {
		in, ok, err := o.optionalObject(member)
		if err != nil {
			return nil, err
		}
		if !ok && member == "firstFactor" {
			return nil, o.missing(member)
		}
		if !ok {
			continue
		}
		kind, err := in.text("kind")
		if err != nil {
			return nil, err
		}
		kinds := dfnsFactors
		if d.omits("dfns.recovery-key") {
			kinds = dfnsKinds
		}
		if err := served(in.name("kind"), kind, kinds); err != nil {
			return nil, err
		}
		if kind == "Fido2" {
			fido2++
		} else {
			keys++
		}
		factors = append(factors, dfnsSigned{in, kind})
	}
	if fido2 > 1 {
		return nil, refuse(http.StatusBadRequest, "secondFactor: one challenge serves one Fido2 credential")
	}
	if err := d.spend(p, session, keys > 0, fido2 > 0); err != nil {
		return nil, err
	}
	var owner *dfnsUser
	var first []byte
	for i, f := range factors {
		var u *dfnsUser
		var id []byte
		var err error
		if f.kind == "Fido2" {
			u, id, err = d.fido2Assertion(p, session, f.object)
		} else {
			u, id, err = d.keyAssertion(p, f.object, f.kind)
		}
		if err != nil {
			return nil, err
		}
		if i > 0 && (u != owner || bytes.Equal(id, first)) {
			return nil, refuse(http.StatusUnauthorized, "%s: want another credential of the same user", f.path)
		}
		owner, first = u, id
	}
	return owner, nil
}

// served refuses a kind of credential that is unknown, or not served here.
func served(path, kind string, kinds []string) error {
	switch {
	case slices.Contains(kinds, kind):
		return nil
	case kind == "Password" || kind == "Totp":
		return refuse(http.StatusBadRequest, "%s: the kind %s is deprecated and not served", path, kind)
	}
	return refuse(http.StatusBadRequest, "%s: %q is not one of %q", path, kind, kinds)
}

// fido2Assertion verifies {credentialAssertion: {credId, clientData,
// authenticatorData, signature, userHandle?, algorithm?}}.
func (d *dfns) fido2Assertion(p *dfnsChallenge, session string, o object) (*dfnsUser, []byte, error) {
	a, err := o.object("credentialAssertion")
	if err != nil {
		return nil, nil, err
	}
	var r ceremony.AuthenticationResponse
	// What the dialect leaves out on the wire is what it must have been.
	r.Type = "public-key"
	id, err := a.bytes("credId", base64URL)
	if err != nil {
		return nil, nil, err
	}
	r.ID = toBase64URL(id)
	if r.ClientDataJSON, err = a.bytes("clientData", base64URL); err != nil {
		return nil, nil, err
	}
	if r.AuthenticatorData, err = a.bytes("authenticatorData", base64URL); err != nil {
		return nil, nil, err
	}
	if r.Signature, err = a.bytes("signature", base64URL); err != nil {
		return nil, nil, err
	}
	if handle, ok, err := a.optionalText("userHandle"); err != nil {
		return nil, nil, err
	} else if ok && handle != "" {
		if r.UserHandle, err = a.decode("userHandle", handle, base64URL); err != nil {
			return nil, nil, err
		}
	}
	if _, _, err := a.optionalText("algorithm"); err != nil {
		return nil, nil, err
	}
	login, err := d.core.FinishAuthentication(ceremony.FinishAuthentication{Handle: p.core, Session: session, Response: r})
	if err != nil {
		return nil, nil, at(http.StatusUnauthorized, d.answerAlike(err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.byName[login.User.Name]
	cred := u.find(func(v *dfnsCredential) bool { return v.kind == "Fido2" && string(v.id) == string(id) })
	if cred == nil || !cred.active && !d.omits("dfns.inactive") {
		return nil, nil, &refusal{status: http.StatusUnauthorized, message: alikeMessage, full: "the credential is deactivated", step: "dfns.inactive"}
	}
	return u, id, nil
}
