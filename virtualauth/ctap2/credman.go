package ctap2

import (
	"bytes"
	"slices"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// credentialManagement is authenticatorCredentialManagement (CTAP 2.2 §6.8).
func (d *Device) credentialManagement(v item) ([]byte, error) {
	sub, _, err := intAt(v, 1, true)
	if err != nil {
		return nil, err
	}
	switch sub {
	case 3, 5: // the next one, which needs no authorisation of its own
	case 1, 2, 4, 6, 7:
		d.rps, d.creds = nil, nil
	default:
		return nil, statusInvalidSubcommand
	}
	switch sub {
	case 3:
		if len(d.rps) == 0 {
			return nil, statusNotAllowed
		}
		c := d.rps[0]
		d.rps = d.rps[1:]
		return relyingParty(&c, 0), nil
	case 5:
		if len(d.creds) == 0 {
			return nil, statusNotAllowed
		}
		c := d.creds[0]
		d.creds = d.creds[1:]
		return d.managed(&c, 0)
	}
	params, err := mapAt(v, 2, sub != 1 && sub != 2)
	if err != nil {
		return nil, err
	}
	mac, ok := v.at(4)
	if !ok {
		return nil, statusPUATRequired
	}
	if mac.major != majorBytes {
		return nil, statusUnexpectedType
	}
	p, err := protocolAt(v, 3)
	if err != nil {
		return nil, err
	}
	if !d.tokenAllows(p, append([]byte{byte(sub)}, params.raw...), mac.b, permissionManagement, "") {
		return nil, statusPINAuthInvalid
	}
	residents := d.residents()
	switch sub {
	case 1: // getCredsMetadata
		if d.token.bound {
			return nil, statusPINAuthInvalid
		}
		return object(field(1, num(int64(len(residents)))), field(2, num(d.remaining()))), nil
	case 2: // enumerateRPsBegin
		if d.token.bound {
			return nil, statusPINAuthInvalid
		}
		var rps []virtualauth.Credential
		for _, c := range residents {
			if !slices.ContainsFunc(rps, func(o virtualauth.Credential) bool { return o.RPID == c.RPID }) {
				rps = append(rps, c)
			}
		}
		if len(rps) == 0 {
			return nil, virtualauth.StatusNoCredentials
		}
		d.rps = rps[1:]
		return relyingParty(&rps[0], len(rps)), nil
	case 4: // enumerateCredentialsBegin
		hash, err := bytesAt(params, 1, true)
		if err != nil {
			return nil, err
		}
		mine := slices.DeleteFunc(residents, func(c virtualauth.Credential) bool { return !bytes.Equal(hashOf(c.RPID), hash) })
		if len(mine) == 0 {
			return nil, virtualauth.StatusNoCredentials
		}
		if d.token.bound && d.token.rpID != mine[0].RPID {
			return nil, statusPINAuthInvalid
		}
		d.creds = mine[1:]
		return d.managed(&mine[0], len(mine))
	}
	m, err := mapAt(params, 2, true)
	if err != nil {
		return nil, err
	}
	desc, known, err := descriptorOf(m)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(residents, func(c virtualauth.Credential) bool { return bytes.Equal(c.ID, desc.ID) })
	if !known || i < 0 {
		return nil, virtualauth.StatusNoCredentials
	}
	c := residents[i]
	if d.token.bound && d.token.rpID != c.RPID {
		return nil, statusPINAuthInvalid
	}
	if sub == 6 { // deleteCredential
		if err := d.a.Remove(c.ID); err != nil {
			return nil, virtualauth.StatusNoCredentials
		}
		return nil, nil
	}
	entity, err := mapAt(params, 3, true) // updateUserInformation
	if err != nil {
		return nil, err
	}
	user, err := userOf(entity)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(user.ID, c.UserHandle) {
		return nil, statusInvalidParameter
	}
	if err := d.a.Update(c.ID, func(k *virtualauth.Credential) { k.UserName, k.UserDisplayName = user.Name, user.DisplayName }); err != nil {
		return nil, virtualauth.StatusNoCredentials
	}
	return nil, nil
}

// relyingParty is one RP of an enumeration; total is 0 but for the first.
func relyingParty(c *virtualauth.Credential, total int) []byte {
	return object(
		field(3, object(namedField("id", text(c.RPID)))),
		field(4, bin(hashOf(c.RPID))),
		field(5, present(total > 0, func() []byte { return num(int64(total)) })),
	)
}

// managed is one credential of an enumeration.
func (d *Device) managed(c *virtualauth.Credential, total int) ([]byte, error) {
	key, err := c.COSEKey()
	if err != nil {
		return nil, err
	}
	protection := max(1, c.Protection())
	return object(
		field(6, userEntity(c, true)),
		field(7, descriptor(c.ID)),
		field(8, key),
		field(9, present(total > 0, func() []byte { return num(int64(total)) })),
		field(0x0a, present(d.cfg.Extensions.CredProtect, func() []byte { return num(int64(protection)) })),
		field(0x0b, present(c.HasLargeBlob(), func() []byte { return bin(d.a.LargeBlobKey(c)) })),
	), nil
}
