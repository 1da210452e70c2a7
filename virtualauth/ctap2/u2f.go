package ctap2

import (
	"encoding/binary"
	"errors"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// Status words of U2F answers (FIDO U2F Raw Message Formats 1.2 §3.3).
const (
	SWNoError                uint16 = 0x9000
	SWConditionsNotSatisfied uint16 = 0x6985
	SWWrongData              uint16 = 0x6a80
	SWWrongLength            uint16 = 0x6700
	SWCLANotSupported        uint16 = 0x6e00
	SWINSNotSupported        uint16 = 0x6d00
	swUnknown                uint16 = 0x6f00
)

// Instructions, and the control bytes of authenticate.
const (
	insRegister     = 0x01
	insAuthenticate = 0x02
	insVersion      = 0x03

	controlCheckOnly   = 0x07
	controlEnforce     = 0x03
	controlDontEnforce = 0x08
)

// APDU answers one U2F message: a command APDU in the short or the extended
// length encoding. The answer is data and a status word. Authenticators of
// either protocol answer, CTAP2 ones as far as they have ES256.
func (d *Device) APDU(message []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
	data, sw := d.apdu(message)
	return binary.BigEndian.AppendUint16(data, sw)
}

func (d *Device) apdu(message []byte) ([]byte, uint16) {
	if len(message) < 4 {
		return nil, SWWrongLength
	}
	body, ok := apduBody(message[4:])
	switch {
	case message[0] != 0:
		return nil, SWCLANotSupported
	case !ok:
		return nil, SWWrongLength
	case !d.speaksU2F():
		return nil, SWINSNotSupported
	}
	switch message[1] {
	case insVersion:
		if len(body) > 0 {
			return nil, SWWrongLength
		}
		return []byte("U2F_V2"), SWNoError
	case insRegister:
		if len(body) != 64 {
			return nil, SWWrongLength
		}
		answer, r, err := d.a.RegisterU2FMessage([32]byte(body[:32]), [32]byte(body[32:]))
		if err != nil {
			return nil, statusWord(err)
		}
		d.lastCreated = r
		return answer, SWNoError
	case insAuthenticate:
		if len(body) < 65 || len(body) != 65+int(body[64]) {
			return nil, SWWrongLength
		}
		return d.u2fAuthenticate(message[2], [32]byte(body[:32]), body[32:64], body[65:])
	}
	return nil, SWINSNotSupported
}

// apduBody is the data of a command APDU, from Lc on (ISO 7816-4, cases 1 to 4).
func apduBody(b []byte) ([]byte, bool) {
	switch {
	case len(b) <= 1: // nothing, or a short Le
		return nil, true
	case b[0] != 0: // short
		n := int(b[0])
		return b[1:min(len(b), 1+n)], len(b) == 1+n || len(b) == 2+n
	case len(b) == 3: // an extended Le alone
		return nil, true
	case len(b) < 3:
		return nil, false
	}
	n := int(binary.BigEndian.Uint16(b[1:]))
	return b[3:min(len(b), 3+n)], len(b) == 3+n || len(b) == 5+n
}

func (d *Device) u2fAuthenticate(control byte, challenge [32]byte, application, keyHandle []byte) ([]byte, uint16) {
	q := &virtualauth.GetAssertionRequest{ClientDataHash: challenge, RPIDHash: application, AllowList: only(keyHandle)}
	candidates := d.a.Candidates(q)
	// A resident credential is for CTAP2, and of other algorithms U2F knows nothing.
	if len(candidates) == 0 || candidates[0].Algorithm != virtualauth.ES256 {
		return nil, SWWrongData
	}
	switch control {
	case controlCheckOnly:
		return nil, SWConditionsNotSatisfied // which here means that it is known
	case controlEnforce:
	case controlDontEnforce:
		q.NoPresence = true
	default:
		return nil, SWWrongData
	}
	r, err := d.a.GetAssertion(q)
	if err != nil {
		return nil, statusWord(err)
	}
	// What U2F signs is authenticator data without extensions and the challenge,
	// as long as no flag but UP is set.
	if r.AuthData[32]&^virtualauth.FlagUP != 0 {
		return nil, SWWrongData
	}
	return append(append([]byte{}, r.AuthData[32:37]...), r.Signature...), SWNoError
}

func statusWord(err error) uint16 {
	var s virtualauth.Status
	if errors.As(err, &s) {
		switch s {
		case virtualauth.StatusOperationDenied:
			return SWConditionsNotSatisfied
		case virtualauth.StatusNoCredentials:
			return SWWrongData
		}
	}
	return swUnknown
}
