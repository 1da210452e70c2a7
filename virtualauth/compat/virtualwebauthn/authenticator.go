package virtualwebauthn

import "crypto/rand"

// RelyingParty is who the responses are for.
type RelyingParty struct {
	// ID is the RP ID, such as rp.example.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Origin is the page's, such as https://rp.example; it is not checked.
	Origin string `json:"origin"`
}

// Transport is a way to reach an authenticator.
type Transport int

// The transports (https://www.w3.org/TR/webauthn-3/#enum-transport).
const (
	TransportUSB Transport = iota
	TransportNFC
	TransportBLE
	TransportSmartCard
	TransportHybrid
	TransportInternal
)

var transportNames = map[Transport]string{
	TransportUSB:       "usb",
	TransportNFC:       "nfc",
	TransportBLE:       "ble",
	TransportSmartCard: "smart-card",
	TransportHybrid:    "hybrid",
	TransportInternal:  "internal",
}

// AuthenticatorOptions say how an authenticator responds.
type AuthenticatorOptions struct {
	// UserHandle is returned with every assertion; empty means not at all.
	UserHandle []byte
	// UserNotPresent and UserNotVerified leave UP and UV clear.
	UserNotPresent  bool
	UserNotVerified bool
	// BackupEligible and BackupState are BE and BS, as told.
	BackupEligible bool
	BackupState    bool
	// Transports are reported at registration; none means internal.
	Transports []Transport
	// ClientExtensionResults are returned with every response, whatever was asked.
	ClientExtensionResults map[string]any
}

// Authenticator is a model of authenticator and the credentials on it.
type Authenticator struct {
	Options     AuthenticatorOptions `json:"options"`
	Aaguid      [16]byte             `json:"aaguid"`
	Credentials []Credential         `json:"credentials,omitempty"`
}

// NewAuthenticator makes an authenticator of a random model.
func NewAuthenticator() Authenticator {
	return NewAuthenticatorWithOptions(AuthenticatorOptions{})
}

// NewAuthenticatorWithOptions makes an authenticator of a random model with these options.
func NewAuthenticatorWithOptions(options AuthenticatorOptions) Authenticator {
	a := Authenticator{Options: options}
	copy(a.Aaguid[:], randomBytes(len(a.Aaguid)))
	return a
}

// AddCredential puts a credential on the authenticator.
func (a *Authenticator) AddCredential(cred Credential) {
	a.Credentials = append(a.Credentials, cred)
}

// FindAllowedCredential is the first credential that allowCredentials lists,
// nil where there is none. An empty list allows none.
func (a *Authenticator) FindAllowedCredential(options AssertionOptions) *Credential {
	for i := range a.Credentials {
		if a.Credentials[i].IsAllowedForAssertion(options) {
			return &a.Credentials[i]
		}
	}
	return nil
}

// transports are the names of the transports, of those that have one.
func (o *AuthenticatorOptions) transports() []string {
	if len(o.Transports) == 0 {
		return []string{transportNames[TransportInternal]}
	}
	names := []string{}
	for _, t := range o.Transports {
		if name, ok := transportNames[t]; ok {
			names = append(names, name)
		}
	}
	return names
}

// attachment is platform for an authenticator that is reached internally
// (https://www.w3.org/TR/webauthn-3/#enumdef-authenticatorattachment).
func (o *AuthenticatorOptions) attachment() string {
	for _, t := range o.transports() {
		if t == transportNames[TransportInternal] {
			return "platform"
		}
	}
	return "cross-platform"
}

// randomBytes draws from the system, which does not fail (crypto/rand.Read).
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
