package ceremony

import (
	"encoding/binary"
	"fmt"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// The flags of authenticator data (https://www.w3.org/TR/webauthn-3/#authdata-flags).
const (
	flagUP byte = 1 << 0
	flagUV byte = 1 << 2
	flagBE byte = 1 << 3
	flagBS byte = 1 << 4
	flagAT byte = 1 << 6
	flagED byte = 1 << 7
)

// authData is authenticator data (https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data).
//
// The reserved bits 1 and 5 are not judged: no step of §7 does, and BE and BS
// were reserved bits too before Level 3, so an RP that refuses them breaks on
// the day they get a meaning.
type authData struct {
	raw       []byte
	rpIDHash  []byte
	flags     byte
	signCount uint32

	// Attested credential data.
	attested     bool
	aaguid       []byte
	credentialID []byte
	key          cose.Node

	hasExtensions bool
	extensions    cose.Node // a map, where the problems say nothing else

	// Problems that are judged in the steps.
	length, extension error
	violations        []*cose.Violation
}

const (
	minAuthData = 37
	// cborNesting is CTAP2's bound for a message's own CBOR.
	cborNesting = 4
)

// readAuthData reads as far as it can. The error means that the fixed part, or
// the attested credential data that AT promises, is not there.
// always reads attested credential data even where AT is clear, when there are
// bytes for it: the bug that does not look at the flag needs them.
func readAuthData(raw []byte, always bool) (*authData, error) {
	if len(raw) < minAuthData {
		return nil, fmt.Errorf("the authenticator data has %d bytes, at least %d are needed", len(raw), minAuthData)
	}
	a := &authData{raw: raw, rpIDHash: raw[:32], flags: raw[32], signCount: binary.BigEndian.Uint32(raw[33:37])}
	rest := raw[minAuthData:]
	if a.flags&flagAT != 0 || (always && len(rest) > 0) {
		var err error
		if rest, err = a.readAttested(rest); err != nil {
			return nil, err
		}
	}
	if a.flags&flagED != 0 {
		node, n, violations, err := cose.DecodeFirst(rest, cborNesting)
		switch {
		case len(rest) == 0:
			a.extension = fmt.Errorf("the flag ED is set but no extension data follow")
		case err != nil:
			a.extension = fmt.Errorf("the extension data are not CBOR: %w", err)
			rest = nil
		default:
			a.hasExtensions, a.extensions = true, node
			a.violations = append(a.violations, violations...)
			if _, ok := node.TextKeys(); !ok {
				a.extension = fmt.Errorf("the extension data are not a CBOR map with text keys but %s", node.Kind)
			}
			rest = rest[n:]
		}
	}
	// "determine whether ... by checking the length": it must add up exactly.
	if len(rest) > 0 {
		a.length = fmt.Errorf("%d bytes are left over behind the authenticator data that the flags %#02x announce", len(rest), a.flags)
	}
	return a, nil
}

// readAttested reads https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data.
func (a *authData) readAttested(b []byte) ([]byte, error) {
	if len(b) < 18 {
		return nil, fmt.Errorf("the attested credential data have %d bytes, at least 18 are needed", len(b))
	}
	a.aaguid = b[:16]
	n := int(binary.BigEndian.Uint16(b[16:18]))
	b = b[18:]
	if len(b) < n {
		return nil, fmt.Errorf("the credential id says it is %d bytes long, %d are left", n, len(b))
	}
	a.credentialID = b[:n]
	b = b[n:]
	key, used, violations, err := cose.DecodeFirst(b, cborNesting)
	if err != nil {
		return nil, fmt.Errorf("the credential public key is not CBOR: %w", err)
	}
	a.key, a.attested = key, true
	a.violations = append(a.violations, violations...)
	return b[used:], nil
}

func (a *authData) has(flag byte) bool { return a.flags&flag != 0 }
