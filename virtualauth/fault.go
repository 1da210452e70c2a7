package virtualauth

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Stage is the place in the making of a response where a fault is applied.
// Stages follow one another in this order, and everything that comes after a
// fault is made anew from what the fault left: an edit to the client data is
// hashed and signed like any other client data.
type Stage int

// The stages.
const (
	// StageOptions: what the client and authenticator make of their options.
	StageOptions Stage = iota
	// StageClientData: the client data JSON, before it is hashed.
	StageClientData
	// StageKey: the COSE key in the attested credential data.
	StageKey
	// StageAuthData: the authenticator data, before it is signed.
	StageAuthData
	// StageAttestation: the attestation statement and its signature.
	StageAttestation
	// StageSignature: the assertion signature.
	StageSignature
	// StageEncoding: the CBOR of the attestation object, behind every signature.
	StageEncoding
	// StageResponse: the members of the response around the signed parts.
	StageResponse
)

var stageNames = [...]string{"options", "client-data", "key", "auth-data", "attestation", "signature", "encoding", "response"}

func (s Stage) String() string {
	if s < 0 || int(s) >= len(stageNames) {
		return "unknown"
	}
	return stageNames[s]
}

// Ceremonies is a set of ceremonies; see Fault.InRegistration and Fault.InAuthentication.
type Ceremonies uint8

const (
	inRegistration Ceremonies = 1 << iota
	inAuthentication
	inBoth = inRegistration | inAuthentication
)

// Strength is what the specification says of a Relying Party that is shown a fault.
type Strength int

// The strengths.
const (
	// MustReject: a step of the ceremony fails.
	MustReject Strength = iota
	// ShouldReject: refusing is a SHOULD, or follows from one.
	ShouldReject
	// MayReject: left to the Relying Party, or to a policy of its own.
	MayReject
	// MustAccept: unusual and legal.
	MustAccept
)

var strengthNames = [...]string{"must reject", "should reject", "may reject", "must accept"}

func (s Strength) String() string {
	if s < 0 || int(s) >= len(strengthNames) {
		return "unknown"
	}
	return strengthNames[s]
}

// Fault is one entry of the catalogue.
type Fault struct {
	// Name is the stable name, such as client-data-type-get; Field is the member
	// of Faults, such as ClientDataTypeGet.
	Name, Field string
	// Doc says what the fault does, in a sentence.
	Doc string
	// Violates is the anchor of the requirement, as a URL; for a legal fault, of
	// the text that allows it.
	Violates string
	// Steps are the steps of §7.1 and §7.2 that should notice, such as 7.1.7.
	Steps      []string
	Stage      Stage
	Ceremonies Ceremonies
	Strength   Strength
	// UnusableKey says that the credential public key is left in a state in which
	// no signature verifies with it. No step of §7.1 looks at that under format
	// none, so Strength is ShouldReject; under a format whose statement is
	// verified with the key or compared to it, StrengthFor is MustReject.
	UnusableKey bool
	// Legal is Strength == MustAccept.
	Legal bool
	// Formats are the attestation statement formats that a registration must
	// have for the fault to apply; nil means any.
	Formats []string
	// Certificates says that the fault needs a statement with certificates that
	// this package made (Keys.Format), such as packed with x5c; self attestation
	// will not do.
	Certificates bool
}

// StrengthFor is the strength in a registration with an attestation statement of
// this format.
func (f Fault) StrengthFor(format string) Strength {
	if f.UnusableKey && format != FormatNone {
		return MustReject
	}
	return f.Strength
}

// InRegistration says whether the fault applies to registrations.
func (f Fault) InRegistration() bool { return f.Ceremonies&inRegistration != 0 }

// InAuthentication says whether the fault applies to authentications.
func (f Fault) InAuthentication() bool { return f.Ceremonies&inAuthentication != 0 }

// faultDef is a fault with what it does; edit is nil at StageOptions.
type faultDef struct {
	Fault
	edit  func(*edit) error
	index int // of the field in Faults
}

// catalogue is every fault, in the order of the stages.
var catalogue = func() []faultDef {
	fields := reflect.TypeFor[Faults]()
	defs := slices.Concat(optionFaults, clientDataFaults, keyFaults, authDataFaults, attestationFaults, certificateFaults, signatureFaults, encodingFaults, responseFaults)
	for i := range defs {
		d := &defs[i]
		d.Name = kebab(d.Field)
		d.Legal = d.Strength == MustAccept
		d.index = -1
		if f, ok := fields.FieldByName(d.Field); ok {
			d.index = f.Index[0]
		}
		if d.Violates == "" {
			d.Violates = "sctn-registering-a-new-credential"
			if !d.InRegistration() {
				d.Violates = "sctn-verifying-assertion"
			}
		}
		if !strings.HasPrefix(d.Violates, "https://") {
			d.Violates = "https://www.w3.org/TR/webauthn-3/#" + d.Violates
		}
	}
	return defs
}()

var catalogueByName = func() map[string]*faultDef {
	byName := make(map[string]*faultDef, len(catalogue))
	for i := range catalogue {
		byName[catalogue[i].Name] = &catalogue[i]
	}
	return byName
}()

// acronyms are words that a run of capitals and digits does not tell apart.
var acronyms = strings.NewReplacer("RPID", "RpId", "AppID", "Appid", "U2F", "U2f", "X5C", "X5c", "UTF8", "Utf8",
	"UTF16", "Utf16", "BOMs", "Boms", "Base64URL", "Base64url", "ID102", "Id-102")

// kebab is a field's name in lower case with hyphens; a run of capitals is one word.
func kebab(field string) string {
	var b strings.Builder
	runes := []rune(acronyms.Replace(field))
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) &&
			(!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// AllFaults is the whole catalogue, in the order of the stages.
func AllFaults() []Fault {
	list := make([]Fault, len(catalogue))
	for i, d := range catalogue {
		list[i] = d.Fault
		list[i].Steps = slices.Clone(d.Steps)
		list[i].Formats = slices.Clone(d.Formats)
	}
	return list
}

// LookupFault finds a fault by name.
func LookupFault(name string) (Fault, bool) {
	d := catalogueByName[name]
	if d == nil {
		return Fault{}, false
	}
	return d.Fault, true
}

// ParseFaults is the faults with these names.
func ParseFaults(names ...string) (Faults, error) {
	var f Faults
	v := reflect.ValueOf(&f).Elem()
	for _, name := range names {
		d := catalogueByName[name]
		if d == nil {
			return Faults{}, fmt.Errorf("no fault is called %q: AllFaults lists them", name)
		}
		v.Field(d.index).SetBool(true)
	}
	return f, nil
}

// Names are the names of the faults that f asks for, in the order of the stages.
func (f Faults) Names() []string {
	var names []string
	for _, d := range f.defs() {
		names = append(names, d.Name)
	}
	return names
}

func (f Faults) defs() []*faultDef {
	if f == (Faults{}) {
		return nil
	}
	var defs []*faultDef
	v := reflect.ValueOf(f)
	for i := range catalogue {
		if catalogue[i].index >= 0 && v.Field(catalogue[i].index).Bool() {
			defs = append(defs, &catalogue[i])
		}
	}
	return defs
}

// changesCredentialID says whether a registration's credential id is no longer
// the one that the authenticator drew.
func (f Faults) changesCredentialID() bool { return f.CredentialID1023 || f.CredentialID1024 }
