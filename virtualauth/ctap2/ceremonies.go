package ctap2

import (
	"crypto/aes"
	"slices"
	"time"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// authorise judges pinUvAuthParam of makeCredential and getAssertion and says
// whether the user counts as verified by it (CTAP 2.2 §6.1.2 steps 1, 2 and 11).
// given is false where the parameter is absent.
func (d *Device) authorise(v item, paramKey int64, hash []byte, permission byte, rpID string) (verified, given bool, err error) {
	param, err := bytesAt(v, paramKey, false)
	if err != nil {
		return false, false, err
	}
	if _, given = v.at(paramKey); !given {
		return false, false, nil
	}
	if len(param) == 0 {
		// A platform that wants this device chosen by a touch.
		if err := d.present(); err != nil {
			return false, true, err
		}
		if d.pinHash == nil {
			return false, true, statusPINNotSet
		}
		return false, true, statusPINInvalid
	}
	p, err := protocolAt(v, paramKey+1)
	if err != nil {
		return false, true, err
	}
	if !d.tokenAllows(p, hash, param, permission, rpID) {
		return false, true, statusPINAuthInvalid
	}
	return d.token.verified, true, nil
}

// protocolAt reads pinUvAuthProtocol.
func protocolAt(v item, key int64) (pinProtocol, error) {
	n, _, err := intAt(v, key, true)
	if err != nil {
		return 0, err
	}
	if p := pinProtocol(n); p == protocolOne || p == protocolTwo {
		return p, nil
	}
	return 0, statusInvalidParameter
}

// protected says whether the device has any way to verify the user.
func (d *Device) protected() bool { return d.cfg.UserVerification || d.pinHash != nil }

// makeCredential is authenticatorMakeCredential (CTAP 2.2 §6.1).
func (d *Device) makeCredential(v item) ([]byte, error) {
	q := &virtualauth.MakeCredentialRequest{}
	var err error
	if q.ClientDataHash, err = hashAt(v, 1); err != nil {
		return nil, err
	}
	rp, err := mapAt(v, 2, true)
	if err != nil {
		return nil, err
	}
	id, ok := rp.named("id")
	if q.RP.ID, err = textOf(id, ok, true); err != nil {
		return nil, err
	}
	name, ok := rp.named("name")
	if q.RP.Name, err = textOf(name, ok, false); err != nil {
		return nil, err
	}
	user, err := mapAt(v, 3, true)
	if err != nil {
		return nil, err
	}
	if q.User, err = userOf(user); err != nil {
		return nil, err
	}
	if q.PubKeyCredParams, err = paramsAt(v, 4); err != nil {
		return nil, err
	}
	if q.ExcludeList, _, err = descriptorsAt(v, 5); err != nil {
		return nil, err
	}
	o, err := optionsAt(v, 7, true)
	if err != nil {
		return nil, err
	}
	if formats, ok := v.at(0x0b); ok {
		if formats.major != majorArray {
			return nil, statusUnexpectedType
		}
		for _, f := range formats.list {
			if f.major != majorText {
				return nil, statusUnexpectedType
			}
			q.AttestationFormats = append(q.AttestationFormats, string(f.b))
		}
	}
	if level, ok := v.at(0x0a); ok {
		if level.major != majorUint {
			return nil, statusUnexpectedType
		}
		if d.cfg.Enterprise == nil {
			return nil, statusInvalidParameter
		}
		if level.n != virtualauth.VendorFacilitated && level.n != virtualauth.PlatformManaged {
			return nil, virtualauth.StatusInvalidOption
		}
		q.EnterpriseAttestation = int(level.n)
	}
	verified, given, err := d.authorise(v, 8, q.ClientDataHash[:], permissionMakeCredential, q.RP.ID)
	if err != nil {
		return nil, err
	}
	if given {
		o.uv = false
	}
	switch {
	case !o.up:
		return nil, virtualauth.StatusInvalidOption
	case o.rk && !d.cfg.ResidentKeys:
		return nil, virtualauth.StatusUnsupportedOption
	case o.uv && !d.cfg.UserVerification:
		return nil, virtualauth.StatusInvalidOption
	case !given && !o.uv && o.rk && d.protected():
		return nil, statusPUATRequired
	}
	q.ResidentKey = o.rk
	q.VerifiedByToken = verified
	q.UserVerification = verified || o.uv
	if q.Extensions, q.SealHMAC, err = d.extensionsAt(v, 6, "hmac-secret-mc", true); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(q.Extensions, func(e virtualauth.Extension) bool { return e.ID == "largeBlobKey" }) && !o.rk {
		return nil, virtualauth.StatusInvalidOption
	}
	r, err := d.a.MakeCredential(q)
	if err != nil {
		return nil, err
	}
	d.spendToken()
	d.lastCreated = r
	return object(
		field(1, text(r.Format)),
		field(2, bin(r.AuthData)),
		field(3, r.Statement),
		field(4, present(r.Enterprise, func() []byte { return boolean(true) })),
		field(5, present(r.LargeBlobKey != nil, func() []byte { return bin(r.LargeBlobKey) })),
	), nil
}

// extensionsAt reads the extensions map. hmac-secret with a key agreement, under
// the name hmacName, becomes plain salts and a way to seal the outputs.
func (d *Device) extensionsAt(v item, key int64, hmacName string, presence bool) (list []virtualauth.Extension, seal func([]byte) []byte, err error) {
	m, err := mapAt(v, key, false)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range m.pairs {
		if e.key.major != majorText {
			return nil, nil, statusUnexpectedType
		}
		name, value := string(e.key.b), e.value.raw
		switch {
		case name == hmacName && d.cfg.Extensions.HMACSecret:
			if !presence {
				return nil, nil, virtualauth.StatusUnsupportedOption
			}
			if e.value.major != majorMap {
				return nil, nil, statusUnexpectedType
			}
			salts, how, err := d.openSalts(e.value)
			if err != nil {
				return nil, nil, err
			}
			value, seal = bin(salts), how
		case name == "largeBlobKey" && d.cfg.Extensions.LargeBlob && (!e.value.isBool() || e.value.n != 1):
			return nil, nil, virtualauth.StatusInvalidOption
		}
		list = append(list, virtualauth.Extension{ID: name, Value: value})
	}
	return list, seal, nil
}

// openSalts is the input of hmac-secret: {1: keyAgreement, 2: saltEnc, 3:
// saltAuth, 4: pinUvAuthProtocol, which is one where absent} (CTAP 2.2 §12.7).
func (d *Device) openSalts(v item) (salts []byte, seal func([]byte) []byte, err error) {
	p := protocolOne
	if _, ok := v.at(4); ok {
		if p, err = protocolAt(v, 4); err != nil {
			return nil, nil, err
		}
	}
	peer, err := mapAt(v, 1, true)
	if err != nil {
		return nil, nil, err
	}
	sealed, err := bytesAt(v, 2, true)
	if err != nil {
		return nil, nil, err
	}
	mac, err := bytesAt(v, 3, true)
	if err != nil {
		return nil, nil, err
	}
	shared, err := p.agree(d.agreement, peer)
	if err != nil {
		return nil, nil, statusInvalidParameter
	}
	if !p.verify(shared, sealed, mac) {
		return nil, nil, statusPINAuthInvalid
	}
	salts, ok := p.decrypt(shared, sealed)
	if !ok || len(salts) != 32 && len(salts) != 64 {
		return nil, nil, statusInvalidLength
	}
	vector := d.draw(aes.BlockSize, "hmac-secret vector")
	return salts, func(outputs []byte) []byte { return p.encrypt(shared, vector, outputs) }, nil
}

// queue is what getNextAssertion has left.
type queue struct {
	q    virtualauth.GetAssertionRequest
	ids  [][]byte
	last time.Time
}

// getAssertion is authenticatorGetAssertion (CTAP 2.2 §6.2).
func (d *Device) getAssertion(v item) ([]byte, error) {
	var q virtualauth.GetAssertionRequest
	id, ok := v.at(1)
	var err error
	if q.RPID, err = textOf(id, ok, true); err != nil {
		return nil, err
	}
	if q.ClientDataHash, err = hashAt(v, 2); err != nil {
		return nil, err
	}
	listed := false
	if q.AllowList, listed, err = descriptorsAt(v, 3); err != nil {
		return nil, err
	}
	o, err := optionsAt(v, 5, false)
	if err != nil {
		return nil, err
	}
	verified, given, err := d.authorise(v, 6, q.ClientDataHash[:], permissionGetAssertion, q.RPID)
	if err != nil {
		return nil, err
	}
	if given {
		o.uv = false
	}
	if o.uv && !d.cfg.UserVerification {
		return nil, virtualauth.StatusInvalidOption
	}
	q.VerifiedByToken, q.NoPresence = verified, !o.up
	q.UserVerification = verified || o.uv
	if q.Extensions, q.SealHMAC, err = d.extensionsAt(v, 4, "hmac-secret", o.up); err != nil {
		return nil, err
	}
	if listed && len(q.AllowList) == 0 {
		// A list of nothing but unknown types matches nothing.
		return nil, virtualauth.StatusNoCredentials
	}
	candidates := d.a.Candidates(&q)
	if len(candidates) == 0 {
		return nil, virtualauth.StatusNoCredentials
	}
	count, selected := len(candidates), false
	if count > 1 && d.cfg.Select != nil {
		count, selected = 1, true // the device asks the user itself, as one with a display does
	}
	var rest [][]byte
	if count > 1 {
		q.AllowList = only(candidates[0].ID)
		for _, c := range candidates[1:] {
			rest = append(rest, c.ID)
		}
	}
	r, err := d.a.GetAssertion(&q)
	if err != nil {
		return nil, err
	}
	if o.up {
		d.spendToken()
	}
	if rest != nil {
		d.next = queue{q, rest, d.cfg.Clock()}
	}
	return assertion(r, q.UserVerification && count > 1, count, selected), nil
}

func only(id []byte) []virtualauth.Descriptor {
	return []virtualauth.Descriptor{{Type: "public-key", ID: id}}
}

// getNextAssertion is authenticatorGetNextAssertion (CTAP 2.2 §6.3).
func (d *Device) getNextAssertion() ([]byte, error) {
	now := d.cfg.Clock()
	if len(d.next.ids) == 0 || now.Sub(d.next.last) > 30*time.Second {
		d.next = queue{}
		return nil, statusNotAllowed
	}
	q := d.next.q
	q.AllowList = only(d.next.ids[0])
	d.next.ids, d.next.last = d.next.ids[1:], now
	r, err := d.a.GetAssertion(&q)
	if err != nil {
		return nil, err
	}
	return assertion(r, q.UserVerification, 1, false), nil
}

// assertion is the response of getAssertion. Names are told only to those who
// are verified and have a choice to make.
func assertion(r *virtualauth.GetAssertionResponse, names bool, count int, selected bool) []byte {
	return object(
		field(1, descriptor(r.Credential.ID)),
		field(2, bin(r.AuthData)),
		field(3, bin(r.Signature)),
		field(4, present(r.UserHandle != nil, func() []byte { return userEntity(&r.Credential, names) })),
		field(5, present(count > 1, func() []byte { return num(int64(count)) })),
		field(6, present(selected, func() []byte { return boolean(true) })),
		field(7, present(r.LargeBlobKey != nil, func() []byte { return bin(r.LargeBlobKey) })),
	)
}

func descriptor(id []byte) []byte {
	return object(namedField("id", bin(id)), namedField("type", text("public-key")))
}

func userEntity(c *virtualauth.Credential, names bool) []byte {
	return object(
		namedField("id", bin(c.UserHandle)),
		namedField("name", present(names && c.UserName != "", func() []byte { return text(c.UserName) })),
		namedField("displayName", present(names && c.UserDisplayName != "", func() []byte { return text(c.UserDisplayName) })),
	)
}
