package virtualauth

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Flags of authenticator data (https://www.w3.org/TR/webauthn-3/#authdata-flags).
const (
	FlagUP byte = 1 << 0 // user present
	FlagUV byte = 1 << 2 // user verified
	FlagBE byte = 1 << 3 // backup eligible
	FlagBS byte = 1 << 4 // backup state
	FlagAT byte = 1 << 6 // attested credential data included
	FlagED byte = 1 << 7 // extension data included
)

// authData is authenticator data in its parts
// (https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data).
type authData struct {
	rpIDHash  []byte
	flags     byte
	signCount uint32
	// attested says whether the three members that follow are present.
	attested     bool
	aaguid       []byte
	credentialID []byte
	key          []byte // COSE_Key, as it stands
	extensions   []byte // CBOR map, as it stands; nil where absent
	rest         []byte // whatever lies behind
	// idLength stands in for the length of credentialID where it is not nil.
	idLength *uint16
}

func (d *authData) append(dst []byte) []byte {
	dst = append(dst, d.rpIDHash...)
	dst = append(dst, d.flags)
	dst = binary.BigEndian.AppendUint32(dst, d.signCount)
	if d.attested {
		dst = append(dst, d.aaguid...)
		n := uint16(len(d.credentialID))
		if d.idLength != nil {
			n = *d.idLength
		}
		dst = binary.BigEndian.AppendUint16(dst, n)
		dst = append(dst, d.credentialID...)
		dst = append(dst, d.key...)
	}
	dst = append(dst, d.extensions...)
	return append(dst, d.rest...)
}

// parseAuthData takes authenticator data apart, without copying.
func parseAuthData(b []byte) (*authData, error) {
	if len(b) < 37 {
		return nil, fmt.Errorf("authenticator data has %d bytes, fewer than 37", len(b))
	}
	d := &authData{rpIDHash: b[:32:32], flags: b[32], signCount: binary.BigEndian.Uint32(b[33:37])}
	rest := b[37:]
	if d.flags&FlagAT != 0 {
		if len(rest) < 18 {
			return nil, errors.New("authenticator data ends within the attested credential data")
		}
		d.attested = true
		d.aaguid = rest[:16:16]
		n := int(binary.BigEndian.Uint16(rest[16:18]))
		rest = rest[18:]
		if len(rest) < n {
			return nil, errors.New("authenticator data ends within the credential id")
		}
		d.credentialID = rest[:n:n]
		end, err := cborItem(rest, n, 0)
		if err != nil {
			return nil, fmt.Errorf("credential public key: %w", err)
		}
		d.key = rest[n:end:end]
		rest = rest[end:]
	}
	if d.flags&FlagED != 0 {
		end, err := cborItem(rest, 0, 0)
		if err != nil {
			return nil, fmt.Errorf("extension data: %w", err)
		}
		d.extensions = rest[:end:end]
		rest = rest[end:]
	}
	d.rest = rest
	return d, nil
}
