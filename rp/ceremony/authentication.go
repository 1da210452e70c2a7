package ceremony

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// authentication is an assertion under verification.
type authentication struct {
	common
	resp      AuthenticationResponse
	record    *Credential // a copy of what is stored
	account   *User       // who logs in
	regressed bool
	appID     string // the AppID that the appid extension was issued with
}

// errUnverified is the one text for an unknown user, an unknown credential and
// a bad signature (https://www.w3.org/TR/webauthn-3/#sctn-username-enumeration).
var errUnverified = errors.New("the assertion is not that of a credential of this account")

// FinishAuthentication verifies a response by the steps of
// https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion and updates the
// credential record when all are passed. A refusal is an *Error.
func (rp *RP) FinishAuthentication(f FinishAuthentication) (*Login, error) {
	a := &authentication{resp: f.Response}
	a.rp, a.typ, a.idText, a.rawID = rp.state, f.Response.Type, f.Response.ID, f.Response.RawID
	a.eye = &eye{policy: rp.config.Policy}
	a.clientDataJSON, a.outputs = f.Response.ClientDataJSON, f.Response.ExtensionResults
	if err := a.take(f.Handle, f.Session, Authentication); err != nil {
		return nil, &Error{"7.2.11.pending", challengeAnchor, err.Error()}
	}
	if err := rp.bug.settle(a, run(rp.state, authenticationSteps(), a)); err != nil {
		return nil, err
	}
	return &Login{User: copyUser(a.account), Credential: copyCredential(a.record), Verified: a.ad.has(flagUV), CounterRegressed: a.regressed}, nil
}

// authenticationSteps are §7.2 in its order. A name of three parts with a word
// at its end is our own division of a step.
func authenticationSteps() []step[authentication] {
	const here = "sctn-verifying-assertion"
	steps := []step[authentication]{
		{Name: "7.2.1", Anchor: here, Title: "options are built for this ceremony"},
		{Name: "7.2.2", Anchor: here, Title: "the page calls get()", FrontEnd: true},
		{Name: "7.2.3", Anchor: here, Title: "the response is an assertion response", prepare: (*authentication).needShape},
		{Name: "7.2.3.type", Anchor: "dom-credential-type-slot", Title: "the credential's type is public-key", check: (*authentication).checkType},
		{Name: "7.2.3.id", Anchor: "dom-credential-id", Title: "id is the base64url text of a credential id", prepare: (*authentication).readID, check: (*authentication).checkID},
		{Name: "7.2.3.raw-id", Anchor: "dom-publickeycredential-rawid", Title: "rawId is the same as id", check: (*authentication).checkRawID},
		{Name: "7.2.4", Anchor: here, Title: "the client extension results are read"},
		{Name: "7.2.5", Anchor: here, Title: "the credential is in allowCredentials, unless that is empty", check: (*authentication).checkAllowed},
		{Name: "7.2.6", Anchor: here, Title: "the user and the credential record are found", prepare: (*authentication).identify},
		{Name: "7.2.6.known-owner", Anchor: here, Title: "user known beforehand: the credential is that account's", check: (*authentication).checkKnownOwner},
		{Name: "7.2.6.known-handle", Anchor: here, Title: "user known beforehand: userHandle, if present, is that account's", check: (*authentication).checkKnownHandle},
		{Name: "7.2.6.discovered-handle", Anchor: here, Title: "user not known beforehand: userHandle is present", check: (*authentication).checkHandlePresent},
		{Name: "7.2.6.discovered-owner", Anchor: here, Title: "user not known beforehand: the credential is that of userHandle's account", check: (*authentication).checkDiscoveredOwner},
		{Name: "7.2.7", Anchor: here, Title: "client data, authenticator data and signature are taken", prepare: (*authentication).decode},
	}
	for _, rule := range cose.CanonicalRules {
		if rule == cose.TrailingBytes {
			continue // 7.2.7.length: nothing but the extension data is CBOR here
		}
		steps = append(steps, step[authentication]{Name: "7.2.7." + string(rule), Anchor: "sctn-conforming-all-classes", Title: "CTAP2 canonical CBOR: " + canonicalTitles[rule],
			check: func(a *authentication) error { return firstViolation(rule, a.ad.violations) }})
	}
	return append(steps, []step[authentication]{
		{Name: "7.2.7.no-attested-data", Anchor: "sctn-authenticator-data", Title: "the flag AT is clear: an assertion carries no attested credential data", check: (*authentication).checkNotAttested},
		{Name: "7.2.7.extension-data", Anchor: "authdata-extensions", Title: "the flag ED is set exactly if extension data follow", check: (*authentication).checkExtensionData},
		{Name: "7.2.7.length", Anchor: "sctn-authenticator-data", Title: "the length of the authenticator data adds up", check: (*authentication).checkLength},
		{Name: "7.2.8", Anchor: here, Title: "the client data are UTF-8 decoded, which drops a byte order mark and replaces what is invalid"},
		{Name: "7.2.9", Anchor: here, Title: "the client data are a JSON object", prepare: (*authentication).needJSON},
		{Name: "7.2.9.duplicates", Anchor: here, Title: "no member that is judged occurs twice", check: (*authentication).checkDuplicates},
		{Name: "7.2.9.token-binding", Anchor: "dom-collectedclientdata-tokenbinding", Title: "policy: tokenBinding is well-formed", check: (*authentication).checkTokenBinding},
		{Name: "7.2.9.token-binding-state", Anchor: "dom-collectedclientdata-tokenbinding", Title: "policy of Level 2: tokenBinding is not present where the connection has none", check: (*authentication).checkTokenBindingState},
		{Name: "7.2.10", Anchor: here, Title: "type is webauthn.get", check: func(a *authentication) error { return a.checkClientType("webauthn.get") }},
		{Name: "7.2.11", Anchor: here, Title: "challenge is the one that was issued", check: (*authentication).checkChallenge},
		{Name: "7.2.11.session", Anchor: challengeFragment, Title: "the challenge was issued in this session", check: (*authentication).checkSession},
		{Name: "7.2.11.kind", Anchor: challengeFragment, Title: "the challenge was issued for an authentication", check: (*authentication).checkKind},
		{Name: "7.2.11.single-use", Anchor: challengeFragment, Title: "the challenge was not used before", check: (*authentication).checkSingleUse},
		{Name: "7.2.11.expiry", Anchor: challengeFragment, Title: "the challenge has not expired", check: (*authentication).checkExpiry},
		{Name: "7.2.12", Anchor: "rp-op-verifying-assertion-step-origin", Title: "origin is one that is expected", check: (*authentication).checkOrigin},
		{Name: "7.2.13", Anchor: here, Title: "crossOrigin is true only where framing is expected", check: (*authentication).checkCrossOrigin},
		{Name: "7.2.14", Anchor: here, Title: "if topOrigin is present"},
		{Name: "7.2.14.1", Anchor: here, Title: "framing by another origin is expected", check: (*authentication).checkFraming},
		{Name: "7.2.14.2", Anchor: here, Title: "topOrigin is one that is expected", check: (*authentication).checkTopOrigin},
		{Name: "7.2.15", Anchor: "rp-op-verifying-assertion-step-rpid-hash", Title: "rpIdHash is the hash of the RP ID, or of an AppID that was asked for", check: (*authentication).checkRPIDHash},
		{Name: "7.2.15.appid", Anchor: "sctn-appid-extension", Title: "the output of appid agrees with rpIdHash", check: (*authentication).checkAppIDOutput},
		{Name: "7.2.16", Anchor: here, Title: "UP is set", check: (*authentication).checkUP},
		{Name: "7.2.17", Anchor: here, Title: "UV is set if user verification is required", check: (*authentication).checkUV},
		{Name: "7.2.18", Anchor: here, Title: "BS is clear if BE is clear", check: (*authentication).checkBackup},
		{Name: "7.2.19", Anchor: here, Title: "the backup flags are compared with the record"},
		{Name: "7.2.19.1", Anchor: here, Title: "BE is set if the record is backup eligible", check: (*authentication).checkStillEligible},
		{Name: "7.2.19.2", Anchor: here, Title: "BE is clear if the record is not backup eligible", check: (*authentication).checkStillIneligible},
		{Name: "7.2.19.3", Anchor: here, Title: "further policy on backup: this Relying Party has none"},
		{Name: "7.2.20", Anchor: here, Title: "the hash of the client data", prepare: (*authentication).hashClientData},
		{Name: "7.2.21", Anchor: here, Title: "the signature verifies with the record's public key", check: (*authentication).checkSignature},
		{Name: "7.2.22", Anchor: here, Title: "the signature counter grew, or both are zero", prepare: (*authentication).compareCounter, check: (*authentication).checkCounter},
		{Name: "7.2.23", Anchor: "authn-ceremony-verify-extension-outputs", Title: "policy: no extension output that was not asked for", check: (*authentication).checkUnsolicited},
		{Name: "7.2.24", Anchor: "authn-ceremony-update-credential-record", Title: "the credential record is updated", prepare: (*authentication).checkRecordStays},
		{Name: "7.2.24.1", Anchor: "authn-ceremony-update-credential-record", Title: "the record's signature counter", effect: (*authentication).updateCounter},
		{Name: "7.2.24.2", Anchor: "authn-ceremony-update-credential-record", Title: "the record's backup state", effect: (*authentication).updateBackupState},
		{Name: "7.2.24.3", Anchor: "authn-ceremony-update-credential-record", Title: "uvInitialized is not raised without another factor's authorisation"},
		{Name: "7.2.25", Anchor: here, Title: "the ceremony goes on"},
	}...)
}

func (a *authentication) needShape() error {
	switch {
	case len(a.clientDataJSON) == 0:
		return errors.New("the response has no clientDataJSON")
	case len(a.resp.AuthenticatorData) == 0:
		return errors.New("the response has no authenticatorData")
	case len(a.resp.Signature) == 0:
		return errors.New("the response has no signature")
	}
	return nil
}

func (a *authentication) checkAllowed() error {
	if a.imaginary {
		return errUnverified
	}
	if len(a.allow) > 0 && !slices.ContainsFunc(a.allow, func(id []byte) bool { return bytes.Equal(id, a.id) }) {
		return errUnverified
	}
	return nil
}

// known tells whether the user was identified before the ceremony began.
func (a *authentication) known() bool { return a.user != nil }

func (a *authentication) identify() error {
	a.rp.mu.Lock()
	defer a.rp.mu.Unlock()
	c := a.rp.credentials[string(a.id)]
	if c == nil || a.imaginary {
		return errUnverified
	}
	a.record = copyCredential(c)
	switch {
	case a.known():
		a.account = a.rp.handles[string(a.user.Handle)]
	case a.resp.UserHandle != nil && a.rp.handles[string(a.resp.UserHandle)] != nil:
		a.account = a.rp.handles[string(a.resp.UserHandle)]
	default:
		a.account = a.rp.handles[string(c.UserHandle)]
	}
	if a.account == nil {
		return errUnverified
	}
	a.account = copyUser(a.account)
	return nil
}

func (a *authentication) checkKnownOwner() error {
	if a.known() && !bytes.Equal(a.record.UserHandle, a.user.Handle) {
		return errUnverified
	}
	return nil
}

func (a *authentication) checkKnownHandle() error {
	if a.known() && a.resp.UserHandle != nil && !bytes.Equal(a.resp.UserHandle, a.user.Handle) {
		return errUnverified
	}
	return nil
}

func (a *authentication) checkHandlePresent() error {
	if !a.known() && a.resp.UserHandle == nil {
		return errors.New("the user is not known beforehand, so the response must carry a userHandle")
	}
	return nil
}

func (a *authentication) checkDiscoveredOwner() error {
	if !a.known() && a.resp.UserHandle != nil && !bytes.Equal(a.resp.UserHandle, a.record.UserHandle) {
		return errUnverified
	}
	return nil
}

func (a *authentication) decode() (err error) {
	a.appID = ""
	if raw, ok := a.extensions["appid"]; ok {
		if err := json.Unmarshal(raw, &a.appID); err != nil {
			return fmt.Errorf("the appid extension was issued with %s: %w", show(string(raw)), err)
		}
	}
	a.ad, err = readAuthData(a.resp.AuthenticatorData, false)
	return err
}

// checkNotAttested: "the attested credential data ... is present" only in what
// create() makes; an assertion with it comes from nothing that follows
// https://www.w3.org/TR/webauthn-3/#sctn-op-get-assertion.
func (a *authentication) checkNotAttested() error {
	if a.ad.has(flagAT) {
		return fmt.Errorf("an assertion carries no attested credential data, but the flag AT is set in %#02x", a.ad.flags)
	}
	return nil
}

func (a *authentication) underAppID() bool {
	hash := sha256.Sum256([]byte(a.appID))
	return a.appID != "" && bytes.Equal(a.ad.rpIDHash, hash[:])
}

// checkRPIDHash lets the hash of an AppID stand only if the appid extension was
// issued in this very ceremony. How the credential was registered does not
// matter: "expect that the rpIdHash MAY be the hash of the AppID"
// (https://www.w3.org/TR/webauthn-3/#sctn-appid-extension).
func (a *authentication) checkRPIDHash() error {
	want := sha256.Sum256([]byte(a.rp.config.RPID))
	if bytes.Equal(a.ad.rpIDHash, want[:]) {
		return nil
	}
	if a.underAppID() {
		return nil
	}
	return fmt.Errorf("rpIdHash is %x, expected %x, the hash of %s", a.ad.rpIDHash, want, show(a.rp.config.RPID))
}

// checkAppIDOutput: "If true, the AppID was used and thus ... the Relying Party
// MUST expect the rpIdHash to be the hash of the AppID". An output of false
// beside the hash of the AppID contradicts itself. One that is missing says
// nothing: the hash MAY be the AppID's once the extension was issued.
func (a *authentication) checkAppIDOutput() error {
	raw, ok := a.outputs["appid"]
	if !ok || a.appID == "" {
		return nil
	}
	switch string(raw) {
	case "true":
		if !a.underAppID() {
			return errors.New("the output of appid is true, but rpIdHash is not the hash of the AppID")
		}
	case "false":
		if a.underAppID() {
			return errors.New("the output of appid is false, but rpIdHash is the hash of the AppID")
		}
	default:
		return fmt.Errorf("the output of appid is not a boolean but %s", show(string(raw)))
	}
	return nil
}

func (a *authentication) checkStillEligible() error {
	if a.record.BackupEligible && !a.ad.has(flagBE) && !a.policy().Level2 {
		return fmt.Errorf("the credential was registered as backup eligible, but the flag BE is clear in %#02x", a.ad.flags)
	}
	return nil
}

func (a *authentication) checkStillIneligible() error {
	if !a.record.BackupEligible && a.ad.has(flagBE) && !a.policy().Level2 {
		return fmt.Errorf("the credential was registered as not backup eligible, but the flag BE is set in %#02x", a.ad.flags)
	}
	return nil
}

// checkSignature takes the algorithm from the stored key alone: nothing in the
// response may choose it.
func (a *authentication) checkSignature() error {
	key, err := cose.Parse(a.record.PublicKey)
	if err != nil {
		return errUnverified
	}
	if key.Verify(slices.Concat(a.resp.AuthenticatorData, a.hash), a.resp.Signature) != nil {
		return errUnverified
	}
	return nil
}

func regressed(stored, came uint32) bool { return (stored != 0 || came != 0) && came <= stored }

func (a *authentication) compareCounter() error {
	a.regressed = regressed(a.record.SignCount, a.ad.signCount)
	return nil
}

func (a *authentication) checkCounter() error {
	if a.regressed && a.policy().RejectCounterRegression {
		return fmt.Errorf("the signature counter is %d, not greater than %d: the authenticator may be cloned", a.ad.signCount, a.record.SignCount)
	}
	return nil
}

// stored is the record itself. s.mu must be held.
func (a *authentication) stored() (*Credential, error) {
	c := a.rp.credentials[string(a.id)]
	if c == nil || !bytes.Equal(c.PublicKey, a.record.PublicKey) {
		return nil, errUnverified
	}
	return c, nil
}

func (a *authentication) checkRecordStays() error {
	a.rp.mu.Lock()
	defer a.rp.mu.Unlock()
	_, err := a.stored()
	return err
}

// updateCounter asks step 22's question once more under the lock: two
// assertions with one counter may run at once. Where policy lets a counter pass
// that did not grow, the greater one stays.
func (a *authentication) updateCounter() error {
	a.rp.mu.Lock()
	defer a.rp.mu.Unlock()
	c, err := a.stored()
	if err != nil {
		return err
	}
	if regressed(c.SignCount, a.ad.signCount) {
		a.regressed = true
		a.record.SignCount = c.SignCount
		if !a.rp.leftOut("7.2.22") {
			if err := a.checkCounter(); err != nil {
				return &Error{"7.2.22", requestAnchor, err.Error()}
			}
		}
	}
	c.SignCount = max(c.SignCount, a.ad.signCount)
	a.record.SignCount = c.SignCount
	return nil
}

func (a *authentication) updateBackupState() error {
	a.rp.mu.Lock()
	defer a.rp.mu.Unlock()
	c, err := a.stored()
	if err != nil {
		return err
	}
	c.BackupState = a.ad.has(flagBS)
	a.record.BackupState = c.BackupState
	return nil
}
