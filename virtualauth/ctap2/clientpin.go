package ctap2

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha256"
	"time"
	"unicode/utf8"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// Permissions of a pinUvAuthToken (CTAP 2.2 §6.5.5.7).
const (
	permissionMakeCredential byte = 0x01
	permissionGetAssertion   byte = 0x02
	permissionManagement     byte = 0x04
	permissionBioEnrollment  byte = 0x08
	permissionLargeBlobWrite byte = 0x10
	permissionConfig         byte = 0x20
)

// token is the pinUvAuthToken and its state (CTAP 2.2 §6.5.2.1).
type token struct {
	value       []byte
	inUse       bool
	permissions byte
	rpID        string
	bound       bool // to rpID
	verified    bool
	issued      time.Time
	used        bool
}

// How long a token lasts: unused, and at all.
const (
	tokenUnused  = 30 * time.Second
	tokenLongest = 10 * time.Minute
)

// tokenAllows checks a signature by the token and that the token may be used for this.
func (d *Device) tokenAllows(p pinProtocol, message, signature []byte, permission byte, rpID string) bool {
	t := &d.token
	age := d.cfg.Clock().Sub(t.issued)
	if age > tokenLongest || !t.used && age > tokenUnused {
		t.inUse = false
	}
	if !t.inUse || !p.verify(t.value, message, signature) || t.permissions&permission == 0 {
		return false
	}
	if rpID != "" {
		if t.bound && t.rpID != rpID {
			return false
		}
		t.rpID, t.bound = rpID, true
	}
	t.used = true
	return true
}

// spendToken is what a touch does to a token: it verifies no longer, and of its
// permissions only writing large blobs is left.
func (d *Device) spendToken() {
	d.token.verified = false
	d.token.permissions &= permissionLargeBlobWrite
}

// clientPIN is authenticatorClientPIN (CTAP 2.2 §6.5.5).
func (d *Device) clientPIN(v item) ([]byte, error) {
	sub, _, err := intAt(v, 2, true)
	if err != nil {
		return nil, err
	}
	switch sub {
	case 1: // getPINRetries
		return object(field(3, num(int64(d.pinRetries))), field(4, present(d.mismatches >= maxMismatches, func() []byte { return boolean(true) }))), nil
	case 7: // getUVRetries
		if !d.cfg.UserVerification {
			return nil, statusInvalidSubcommand
		}
		return object(field(5, num(int64(d.uvRetries)))), nil
	case 2, 3, 4, 5, 6, 9:
	default:
		return nil, statusInvalidSubcommand
	}
	p, err := protocolAt(v, 1)
	if err != nil {
		return nil, err
	}
	if sub == 2 { // getKeyAgreement
		return object(field(1, coseKey(d.agreement))), nil
	}
	peer, err := mapAt(v, 3, true)
	if err != nil {
		return nil, err
	}
	shared, err := p.agree(d.agreement, peer)
	if err != nil {
		return nil, statusInvalidParameter
	}
	switch sub {
	case 3:
		return nil, d.setPIN(v, p, shared)
	case 4:
		return nil, d.changePIN(v, p, shared)
	}
	return d.issueToken(v, sub, p, shared)
}

// setPIN sets the first PIN (CTAP 2.2 §6.5.5.5).
func (d *Device) setPIN(v item, p pinProtocol, shared secret) error {
	sealed, err := bytesAt(v, 5, true)
	if err != nil {
		return err
	}
	mac, err := bytesAt(v, 4, true)
	if err != nil {
		return err
	}
	if d.pinHash != nil || !p.verify(shared, sealed, mac) {
		return statusPINAuthInvalid
	}
	return d.storePIN(p, shared, sealed)
}

// storePIN opens a PIN padded with zeros to 64 bytes and keeps its hash.
func (d *Device) storePIN(p pinProtocol, shared secret, sealed []byte) error {
	padded, ok := p.decrypt(shared, sealed)
	if !ok || len(padded) != 64 {
		return statusInvalidParameter
	}
	pin := bytes.TrimRight(padded, "\x00")
	if len(pin) > 63 || utf8.RuneCount(pin) < d.minPIN() {
		return statusPINPolicy
	}
	d.pinHash = hashPIN(pin)
	d.pinRetries, d.mismatches = maxPINRetries, 0
	return nil
}

// hashPIN is LEFT(SHA-256(PIN), 16).
func hashPIN(pin []byte) []byte {
	sum := sha256.Sum256(pin)
	return sum[:16]
}

// changePIN puts a new PIN in the old one's place (CTAP 2.2 §6.5.5.6).
func (d *Device) changePIN(v item, p pinProtocol, shared secret) error {
	sealed, err := bytesAt(v, 5, true)
	if err != nil {
		return err
	}
	hash, err := bytesAt(v, 6, true)
	if err != nil {
		return err
	}
	mac, err := bytesAt(v, 4, true)
	if err != nil {
		return err
	}
	if err := d.mayTryPIN(); err != nil {
		return err
	}
	if !p.verify(shared, append(bytes.Clone(sealed), hash...), mac) {
		return statusPINAuthInvalid
	}
	if err := d.tryPIN(p, shared, hash); err != nil {
		return err
	}
	if err := d.storePIN(p, shared, sealed); err != nil {
		return err
	}
	d.token = token{value: d.draw(32, "token")}
	return nil
}

func (d *Device) mayTryPIN() error {
	switch {
	case d.pinHash == nil:
		return statusPINNotSet
	case d.pinRetries == 0:
		return statusPINBlocked
	case d.mismatches >= maxMismatches:
		return statusPINAuthBlocked
	}
	return nil
}

// tryPIN compares a PIN and counts (CTAP 2.2 §6.5.5.7.1 steps 6 to 8).
func (d *Device) tryPIN(p pinProtocol, shared secret, sealed []byte) error {
	d.pinRetries--
	hash, ok := p.decrypt(shared, sealed)
	if !ok || !hmac.Equal(hash, d.pinHash) {
		d.newAgreement()
		d.mismatches++
		switch {
		case d.pinRetries == 0:
			return statusPINBlocked
		case d.mismatches >= maxMismatches:
			return statusPINAuthBlocked
		}
		return statusPINInvalid
	}
	d.pinRetries, d.mismatches = maxPINRetries, 0
	return nil
}

// issueToken is getPinToken (5), getPinUvAuthTokenUsingUvWithPermissions (6) and
// getPinUvAuthTokenUsingPinWithPermissions (9) (CTAP 2.2 §6.5.5.7).
func (d *Device) issueToken(v item, sub int64, p pinProtocol, shared secret) ([]byte, error) {
	t := token{inUse: true, verified: true, permissions: permissionMakeCredential | permissionGetAssertion}
	n, given, err := intAt(v, 9, sub != 5)
	if err != nil {
		return nil, err
	}
	rp, bound := v.at(0x0a)
	if t.rpID, err = textOf(rp, bound, false); err != nil {
		return nil, err
	}
	t.bound = bound
	if sub == 5 {
		if given || bound {
			return nil, statusInvalidParameter
		}
	} else {
		if n == 0 || n > 0xff {
			return nil, statusInvalidParameter
		}
		t.permissions = byte(n)
		allowed := permissionMakeCredential | permissionGetAssertion
		if d.cfg.ResidentKeys {
			allowed |= permissionManagement
		}
		if d.cfg.Extensions.LargeBlob {
			allowed |= permissionLargeBlobWrite
		}
		if t.permissions&(permissionBioEnrollment|permissionConfig)&^allowed != 0 || t.permissions&^allowed&0x3f != 0 {
			return nil, statusUnauthorized
		}
		if t.permissions&(permissionMakeCredential|permissionGetAssertion) != 0 && !bound {
			return nil, statusMissingParameter
		}
	}
	if sub == 6 {
		if err := d.verifyUser(); err != nil {
			return nil, err
		}
	} else {
		hash, err := bytesAt(v, 6, true)
		if err != nil {
			return nil, err
		}
		if err := d.mayTryPIN(); err != nil {
			return nil, err
		}
		if err := d.tryPIN(p, shared, hash); err != nil {
			return nil, err
		}
	}
	t.value, t.issued = d.draw(32, "token"), d.cfg.Clock()
	d.token = t
	return object(field(2, bin(p.encrypt(shared, d.draw(aes.BlockSize, "token vector"), t.value)))), nil
}

// verifyUser is the device's own verification, with its retries.
func (d *Device) verifyUser() error {
	switch {
	case !d.cfg.UserVerification:
		return statusInvalidSubcommand
	case d.uvRetries == 0:
		return statusUVBlocked
	case d.cfg.VerificationFails:
		if d.uvRetries--; d.uvRetries == 0 {
			return statusUVBlocked
		}
		return statusUVInvalid
	case d.cfg.PresenceFails:
		return virtualauth.StatusOperationDenied
	}
	d.uvRetries = maxUVRetries
	return nil
}
