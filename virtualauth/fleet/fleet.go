// Package fleet has authenticators as people have them: named profiles, each
// with the transports, attestation, algorithms, counter and backup flags of one
// kind of device, to be tried on a Relying Party one after the other.
//
// The devices are modelled on kinds, not on products: names, AAGUIDs and
// certificates are this project's own. What a profile says is fixed, so that a
// Relying Party's answer to a name means the same from one run to the next.
//
// A metadata BLOB that matches the fleet is made by virtualauth/mds.
package fleet

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// AAGUID is the model of an authenticator
// (https://www.w3.org/TR/webauthn-3/#aaguid).
type AAGUID [16]byte

// String writes an AAGUID as metadata does: in lower-case hexadecimal, with hyphens.
func (a AAGUID) String() string {
	s := hex.EncodeToString(a[:])
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

// model is the AAGUID of the nth device: "touchstone-flt" and two digits in
// ASCII. It is no UUID by RFC 9562 (its version would be 7 and its variant that
// of NCS), so that no vendor can have been given it.
func model(n int) AAGUID {
	var a AAGUID
	copy(a[:], fmt.Sprintf("touchstone-flt%02d", n))
	return a
}

// Device is one profile. Its members say what its authenticators do; they are
// copies, and changing them changes nothing but what Config returns.
type Device struct {
	// Name is how Lookup knows it, such as security-key.
	Name string
	// Description says in a sentence what kind of device it is.
	Description string
	// Quirks are what sets it apart from what a Relying Party would like to see,
	// a sentence each.
	Quirks []string

	Protocol virtualauth.Protocol
	// AAGUID is all zero for a device that has none (U2F).
	AAGUID AAGUID
	// Firmware is the version of its software.
	Firmware uint32
	// Transports are what the client reports; empty where the client knows none.
	Transports []string
	// Attachment is platform or cross-platform.
	Attachment string
	// Formats are the attestations it makes, as in virtualauth.Config, most
	// preferred first; none alone for a device that never attests.
	Formats []string
	// Algorithms are its COSE algorithms, in the order in which it lists them; the
	// order of the options decides which one a credential gets.
	Algorithms []int64
	Counter    virtualauth.Counter
	// CredentialIDLength is in bytes.
	CredentialIDLength int

	// SerialNumber is what enterprise attestation names it by, to Relying Parties
	// that the client's policy permits; empty for a device without.
	SerialNumber string

	ResidentKeys, UserVerification bool
	// BackupEligible and BackupState are the flags of all its credentials.
	BackupEligible, BackupState bool
	Extensions                  virtualauth.ExtensionSupport

	// Verification is the ways to verify the user, any one of which will do, by
	// their names in the FIDO Registry of Predefined Values §3.1;
	// presence_internal is a touch.
	Verification []string
	// KeyProtection and MatcherProtection are by §3.2 and §3.3 of that registry.
	KeyProtection, MatcherProtection []string
	// Certification is the status that the FIDO Metadata Service §3.1.4 would
	// report, such as FIDO_CERTIFIED_L1; empty for what it would not list.
	Certification string
}

// Config is an authenticator of this device. The seed decides its keys and
// credential ids, as virtualauth.Config.Seed does; nil draws one.
func (d Device) Config(seed []byte) virtualauth.Config {
	var enterprise *virtualauth.Enterprise
	if d.SerialNumber != "" {
		enterprise = &virtualauth.Enterprise{SerialNumber: []byte(d.SerialNumber)}
	}
	return virtualauth.Config{
		Enterprise:         enterprise,
		Seed:               slices.Clone(seed),
		Protocol:           d.Protocol,
		AAGUID:             d.AAGUID,
		Transports:         append([]string{}, d.Transports...), // never nil, which would mean usb
		Attachment:         d.Attachment,
		ResidentKeys:       d.ResidentKeys,
		UserVerification:   d.UserVerification,
		BackupEligible:     d.BackupEligible,
		BackupState:        d.BackupState,
		Algorithms:         slices.Clone(d.Algorithms),
		Formats:            slices.Clone(d.Formats),
		Counter:            d.Counter,
		CredentialIDLength: d.CredentialIDLength,
		Extensions:         d.Extensions,
	}
}

// New makes an authenticator of this device: virtualauth.New of its Config.
func (d Device) New(seed []byte) (*virtualauth.Authenticator, error) {
	a, err := virtualauth.New(d.Config(seed))
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", d.Name, err)
	}
	return a, nil
}

// Attests says whether the device ever makes an attestation statement.
func (d Device) Attests() bool {
	return slices.ContainsFunc(d.Formats, func(f string) bool { return f != virtualauth.FormatNone })
}

func (d Device) clone() Device {
	for _, list := range []*[]string{&d.Quirks, &d.Transports, &d.Formats, &d.Verification, &d.KeyProtection, &d.MatcherProtection} {
		*list = slices.Clone(*list)
	}
	d.Algorithms = slices.Clone(d.Algorithms)
	return d
}

// All is every device, in the order of the documentation.
func All() []Device {
	list := make([]Device, len(devices))
	for i, d := range devices {
		list[i] = d.clone()
	}
	return list
}

// Names are the names of all devices, in the same order.
func Names() []string {
	names := make([]string, len(devices))
	for i, d := range devices {
		names[i] = d.Name
	}
	return names
}

// Lookup is the device with a name; the error for any other name lists them.
func Lookup(name string) (Device, error) {
	for _, d := range devices {
		if d.Name == name {
			return d.clone(), nil
		}
	}
	return Device{}, fmt.Errorf("no device %q in the fleet: use one of %s", name, strings.Join(Names(), ", "))
}
