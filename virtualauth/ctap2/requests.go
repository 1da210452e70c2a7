package ctap2

import (
	"crypto/sha256"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// The readers answer CTAP2_ERR_MISSING_PARAMETER where a required member is
// not there and CTAP2_ERR_CBOR_UNEXPECTED_TYPE where one has another type.

func bytesAt(v item, key int64, required bool) ([]byte, error) {
	m, ok := v.at(key)
	return bytesOf(m, ok, required)
}

func bytesOf(m item, ok, required bool) ([]byte, error) {
	switch {
	case !ok && required:
		return nil, statusMissingParameter
	case ok && m.major != majorBytes:
		return nil, statusUnexpectedType
	}
	return m.b, nil
}

func textOf(m item, ok, required bool) (string, error) {
	switch {
	case !ok && required:
		return "", statusMissingParameter
	case ok && m.major != majorText:
		return "", statusUnexpectedType
	}
	return string(m.b), nil
}

func intAt(v item, key int64, required bool) (int64, bool, error) {
	m, ok := v.at(key)
	switch {
	case !ok && required:
		return 0, false, statusMissingParameter
	case ok && m.major != majorUint:
		return 0, false, statusUnexpectedType
	}
	return m.n, ok, nil
}

func mapAt(v item, key int64, required bool) (item, error) {
	m, ok := v.at(key)
	switch {
	case !ok && required:
		return m, statusMissingParameter
	case ok && m.major != majorMap:
		return m, statusUnexpectedType
	}
	return m, nil
}

func hashAt(v item, key int64) (h [sha256.Size]byte, err error) {
	b, err := bytesAt(v, key, true)
	if err != nil {
		return h, err
	}
	if len(b) != sha256.Size {
		return h, statusInvalidLength
	}
	return [sha256.Size]byte(b), nil
}

// user reads a PublicKeyCredentialUserEntity.
func userOf(m item) (u virtualauth.UserEntity, err error) {
	id, ok := m.named("id")
	if u.ID, err = bytesOf(id, ok, true); err != nil {
		return u, err
	}
	if len(u.ID) > 64 {
		return u, statusInvalidLength
	}
	name, ok := m.named("name")
	if u.Name, err = textOf(name, ok, false); err != nil {
		return u, err
	}
	display, ok := m.named("displayName")
	u.DisplayName, err = textOf(display, ok, false)
	return u, err
}

// descriptorOf reads a PublicKeyCredentialDescriptor; ok is false for one of an
// unknown type, which is to be passed over.
func descriptorOf(m item) (d virtualauth.Descriptor, ok bool, err error) {
	if m.major != majorMap {
		return d, false, statusUnexpectedType
	}
	typ, there := m.named("type")
	if d.Type, err = textOf(typ, there, true); err != nil {
		return d, false, err
	}
	id, there := m.named("id")
	if d.ID, err = bytesOf(id, there, true); err != nil {
		return d, false, err
	}
	return d, d.Type == "public-key", nil
}

func descriptorsAt(v item, key int64) ([]virtualauth.Descriptor, bool, error) {
	m, ok := v.at(key)
	if !ok {
		return nil, false, nil
	}
	if m.major != majorArray {
		return nil, true, statusUnexpectedType
	}
	if len(m.list) > maxList {
		return nil, true, statusLimitExceeded
	}
	var list []virtualauth.Descriptor
	for _, e := range m.list {
		d, known, err := descriptorOf(e)
		if err != nil {
			return nil, true, err
		}
		if known {
			list = append(list, d)
		}
	}
	return list, true, nil
}

// options are the options of make and get.
type options struct{ rk, up, uv bool }

func optionsAt(v item, key int64, rkKnown bool) (options, error) {
	o := options{up: true}
	m, err := mapAt(v, key, false)
	if err != nil {
		return o, err
	}
	for _, e := range m.pairs {
		if e.key.major != majorText || !e.value.isBool() {
			return o, statusUnexpectedType
		}
		on := e.value.n == 1
		switch string(e.key.b) {
		case "rk":
			if !rkKnown {
				return o, virtualauth.StatusUnsupportedOption
			}
			o.rk = on
		case "up":
			o.up = on
		case "uv":
			o.uv = on
		}
	}
	return o, nil
}

// paramsAt reads pubKeyCredParams.
func paramsAt(v item, key int64) ([]virtualauth.PubKeyCredParam, error) {
	m, ok := v.at(key)
	if !ok {
		return nil, statusMissingParameter
	}
	if m.major != majorArray {
		return nil, statusUnexpectedType
	}
	var list []virtualauth.PubKeyCredParam
	for _, e := range m.list {
		if e.major != majorMap {
			return nil, statusUnexpectedType
		}
		var p virtualauth.PubKeyCredParam
		typ, there := e.named("type")
		var err error
		if p.Type, err = textOf(typ, there, true); err != nil {
			return nil, err
		}
		alg, there := e.named("alg")
		if !there {
			return nil, statusMissingParameter
		}
		if !alg.isInt() {
			return nil, statusUnexpectedType
		}
		p.Alg = alg.n
		list = append(list, p)
	}
	return list, nil
}
