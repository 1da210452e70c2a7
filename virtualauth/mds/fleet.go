package mds

import (
	"crypto/ecdsa"
	"crypto/sha1" //nolint:gosec // what the specification says: a name, not a protection
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
	"github.com/touchstone-webauthn/touchstone/virtualauth/fleet"
)

// algorithmNames are by §3.6.1 of the FIDO Registry of Predefined Values, which
// has no names for lattices yet: those stand in AuthenticatorInfo alone.
var algorithmNames = map[int64]string{
	virtualauth.ES256: "secp256r1_ecdsa_sha256_raw", virtualauth.ES384: "secp384r1_ecdsa_sha384_raw", virtualauth.ES512: "secp521r1_ecdsa_sha512_raw",
	virtualauth.ES256K: "secp256k1_ecdsa_sha256_raw", virtualauth.EdDSA: "ed25519_eddsa_sha512_raw",
	virtualauth.RS256: "rsassa_pkcsv15_sha256_raw", virtualauth.RS384: "rsassa_pkcsv15_sha384_raw", virtualauth.RS512: "rsassa_pkcsv15_sha512_raw",
	virtualauth.PS256: "rsassa_pss_sha256_raw", virtualauth.PS384: "rsassa_pss_sha384_raw", virtualauth.PS512: "rsassa_pss_sha512_raw",
}

// attestationTypes are by §3.7 of that registry.
var attestationTypes = map[string]string{
	virtualauth.FormatPackedSelf: "basic_surrogate", virtualauth.FormatPacked: "basic_full", virtualauth.FormatFIDOU2F: "basic_full",
	virtualauth.FormatTPM: "attca", virtualauth.FormatAndroidKey: "basic_full", virtualauth.FormatAndroidSafetyNet: "basic_full",
	virtualauth.FormatApple: "anonca", virtualauth.FormatCompound: "basic_full",
}

// EntryOf is the entry of a device of the fleet, with the given status from a day on.
func EntryOf(d fleet.Device, status string, since time.Time) (Entry, error) {
	fail := func(err error) (Entry, error) {
		return Entry{}, fmt.Errorf("metadata entry of device %s: %w", d.Name, err)
	}
	s := Statement{
		LegalHeader: legal, Description: "Touchstone " + d.Name, AuthenticatorVersion: d.Firmware, Schema: 3,
		KeyProtection: d.KeyProtection, MatcherProtection: d.MatcherProtection, CryptoStrength: 128, TCDisplay: []string{},
		AttestationRootCertificates: []string{},
	}
	e := Entry{StatusReports: []StatusReport{{Status: status, EffectiveDate: day(since)}}, TimeOfLastStatusChange: day(since)}
	for _, id := range d.Algorithms {
		if name := algorithmNames[id]; name != "" {
			s.AuthenticationAlgorithms = append(s.AuthenticationAlgorithms, name)
		}
	}
	for _, format := range d.Formats {
		if t := attestationTypes[format]; t != "" && !slices.Contains(s.AttestationTypes, t) {
			s.AttestationTypes = append(s.AttestationTypes, t)
		}
		roots, err := virtualauth.RootsOf(format)
		if err != nil {
			return fail(err)
		}
		for _, c := range roots {
			if der := base64DER(c); !slices.Contains(s.AttestationRootCertificates, der) {
				s.AttestationRootCertificates = append(s.AttestationRootCertificates, der)
			}
		}
	}
	for _, method := range d.Verification {
		s.UserVerificationDetails = append(s.UserVerificationDetails, []Verification{{method}})
	}
	s.AttachmentHint = []string{"internal"}
	if d.Attachment == "cross-platform" {
		s.AttachmentHint = []string{"external", "wired"}
		if slices.Contains(d.Transports, "nfc") {
			s.AttachmentHint = append(s.AttachmentHint, "nfc")
		}
		if slices.Contains(d.Transports, "ble") {
			s.AttachmentHint = append(s.AttachmentHint, "bluetooth")
		}
	}
	if d.Protocol == virtualauth.U2F {
		s.ProtocolFamily, s.UPV, s.PublicKeyAlgAndEncodings = "u2f", []Version{{1, 2}}, []string{"ecc_x962_raw"}
		id, err := u2fKeyID()
		if err != nil {
			return fail(err)
		}
		s.AttestationCertificateKeyIdentifiers, e.AttestationCertificateKeyIdentifiers = []string{id}, []string{id}
	} else {
		s.ProtocolFamily, s.UPV, s.PublicKeyAlgAndEncodings = "fido2", []Version{{1, 1}}, []string{"cose"}
		s.AAGUID, e.AAGUID = d.AAGUID.String(), d.AAGUID.String()
		s.AuthenticatorGetInfo = infoOf(d)
	}
	e.MetadataStatement = s
	return e, nil
}

func infoOf(d fleet.Device) *AuthenticatorInfo {
	i := &AuthenticatorInfo{Versions: []string{"FIDO_2_0", "FIDO_2_1"}, AAGUID: hex.EncodeToString(d.AAGUID[:]), Transports: d.Transports, Firmware: d.Firmware,
		Options: map[string]bool{"rk": d.ResidentKeys, "up": true, "plat": d.Attachment == "platform"}}
	if d.UserVerification {
		i.Options["uv"] = true
	}
	for _, id := range d.Algorithms {
		i.Algorithms = append(i.Algorithms, Parameter{"public-key", id})
	}
	for _, x := range []struct {
		name string
		has  bool
	}{
		{"credBlob", d.Extensions.CredBlob}, {"credProtect", d.Extensions.CredProtect}, {"hmac-secret", d.Extensions.HMACSecret},
		{"largeBlobKey", d.Extensions.LargeBlob}, {"minPinLength", d.Extensions.MinPINLength > 0}, {"uvm", d.Extensions.UVM},
	} {
		if x.has {
			i.Extensions = append(i.Extensions, x.name)
		}
	}
	return i
}

// u2fKeyID is the key identifier of the U2F batch certificate: the SHA-1 of the
// subject public key itself, method 1 of RFC 5280 §4.2.1.2.
func u2fKeyID() (string, error) {
	c, err := virtualauth.U2FCertificate()
	if err != nil {
		return "", err
	}
	point, err := c.PublicKey.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		return "", err
	}
	sum := sha1.Sum(point)
	return hex.EncodeToString(sum[:]), nil
}

// Fleet is the payload of all devices that have a certification status. reports
// gives a device, by its name, another status, such as REVOKED.
func Fleet(at time.Time, reports map[string]string) (Payload, error) {
	for name := range reports {
		d, err := fleet.Lookup(name)
		if err != nil {
			return Payload{}, fmt.Errorf("metadata of the fleet: %w", err)
		}
		if d.Certification == "" {
			return Payload{}, fmt.Errorf("metadata of the fleet: %s is not listed, so it can have no status", name)
		}
	}
	var entries []Entry
	for _, d := range fleet.All() {
		if d.Certification == "" {
			continue
		}
		e, err := EntryOf(d, d.Certification, at.AddDate(-1, 0, 0))
		if err != nil {
			return Payload{}, err
		}
		if status := reports[d.Name]; status != "" {
			e.StatusReports = append(e.StatusReports, StatusReport{Status: status, EffectiveDate: day(at.AddDate(0, -1, 0))})
			e.TimeOfLastStatusChange = day(at.AddDate(0, -1, 0))
		}
		entries = append(entries, e)
	}
	return NewPayload(at, entries...), nil
}
