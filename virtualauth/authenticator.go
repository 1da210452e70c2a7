package virtualauth

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Protocol is what an authenticator speaks.
type Protocol int

const (
	// CTAP2 authenticators do everything.
	CTAP2 Protocol = iota
	// U2F authenticators (CTAP1) have ES256 only, know no user verification, no
	// resident keys and no AAGUID, and attest with fido-u2f.
	U2F
)

// The attestations an authenticator can make, for Config.Formats. They are the
// statement format identifiers, but for packed self attestation, which shares
// its identifier with packed.
const (
	FormatNone             = "none"
	FormatPackedSelf       = "packed-self"
	FormatPacked           = "packed" // with x5c
	FormatFIDOU2F          = "fido-u2f"
	FormatTPM              = "tpm"
	FormatAndroidKey       = "android-key"
	FormatApple            = "apple"
	FormatAndroidSafetyNet = "android-safetynet"
	FormatCompound         = "compound" // of packed and packed self
)

// CounterMode is how the signature counter moves
// (https://www.w3.org/TR/webauthn-3/#sctn-sign-counter).
type CounterMode int

const (
	// CounterIncrement adds the step at each assertion; each credential has its own counter.
	CounterIncrement CounterMode = iota
	// CounterZero reports 0 for ever, as synced passkeys do.
	CounterZero
	// CounterFrozen reports the starting value for ever.
	CounterFrozen
	// CounterGlobal is one counter for all credentials of the authenticator.
	CounterGlobal
	// CounterRegress subtracts the step at each assertion, wrapping below zero.
	CounterRegress
)

// Counter is a signature counter policy.
type Counter struct {
	Mode CounterMode
	// Start is the value that registrations report, except with CounterZero.
	Start uint32
	// Step is added at each assertion; 0 means 1. Counters wrap at 2^32.
	Step uint32
}

// Config describes an authenticator. The zero value is a roaming CTAP2 security
// key without user verification and without room for resident keys.
type Config struct {
	// Seed decides every key and credential id, together with the requests: an
	// authenticator with the same seed that is asked the same answers the same
	// bytes. Nil draws a seed from the system.
	Seed     []byte
	Protocol Protocol
	// AAGUID is the model; all zero means DefaultAAGUID. U2F authenticators have none.
	AAGUID [16]byte
	// Transports is what the client reports and what descriptors are matched
	// against; nil means usb.
	Transports []string
	// Attachment is platform or cross-platform; empty means platform where the
	// only transport is internal, else cross-platform.
	Attachment string
	// ResidentKeys: can store discoverable credentials.
	ResidentKeys bool
	// UserVerification: has a way to verify the user.
	UserVerification bool
	// VerificationFails: the user fails every verification.
	VerificationFails bool
	// PresenceFails: the user never touches the authenticator.
	PresenceFails bool
	// BackupEligible and BackupState are the flags of new credentials. State
	// without eligibility is not legal, and is reported as told.
	BackupEligible, BackupState bool
	// Algorithms are the COSE algorithms it has; nil means all (U2F: ES256 alone, always).
	Algorithms []int64
	// Formats are the attestations it can make, most preferred first; nil means
	// packed self attestation (U2F: fido-u2f).
	Formats []string
	// Authority issues the batch certificates of packed attestation; nil means the
	// one whose root is among Roots.
	Authority *Authority
	// Enterprise makes it capable of enterprise attestation, and enables it; nil
	// means neither. It needs FormatPacked among Formats.
	Enterprise *Enterprise
	// AlwaysAttest makes the statement whatever conveyance the options ask for,
	// and the client passes it on, as some platforms do.
	AlwaysAttest bool
	Counter      Counter
	// MaxResidentKeys is how many resident credentials there is room for; 0 means
	// that there is always room.
	MaxResidentKeys int
	// CredentialIDLength is the length of new credential ids in bytes, 16 to
	// 1023; 0 means 32 (U2F: 64).
	CredentialIDLength int
	// Extensions are those it supports; none by default.
	Extensions ExtensionSupport
	// Select picks an account where several would do; it gets them newest first
	// and returns an index. Nil picks the newest. It must not call the
	// authenticator.
	Select func([]Credential) int
	// Clock says the time that android-safetynet responses carry; nil means
	// time.Now. Fix it where bytes must be reproducible.
	Clock func() time.Time
}

// Enterprise is how an organisation's authenticator names itself: by its serial
// number in the certificate of packed attestation
// (https://www.w3.org/TR/webauthn-3/#sctn-enterprise-packed-attestation-cert-requirements).
type Enterprise struct {
	// SerialNumber is what id-fido-gen-ce-sernum holds, 1 to 64 bytes.
	SerialNumber []byte
	// RPIDs are burned in: vendor-facilitated enterprise attestation (CTAP 2.2
	// §7.1.1) is for them. What a client's policy permits needs no entry here.
	RPIDs []string
}

// The values of MakeCredentialRequest.EnterpriseAttestation (CTAP 2.2 §7.1).
const (
	VendorFacilitated = 1 // for the RP IDs that the authenticator has burned in
	PlatformManaged   = 2 // for those that the client's policy permits
)

// DefaultAAGUID is the model of authenticators that are given none.
var DefaultAAGUID = [16]byte{0x74, 0x6f, 0x75, 0x63, 0x68, 0x73, 0x74, 0x6f, 0x6e, 0x65, 0x2d, 0x76, 0x69, 0x72, 0x74, 0x01}

// Credential is a public key credential source
// (https://www.w3.org/TR/webauthn-3/#public-key-credential-source).
type Credential struct {
	ID []byte
	// RPID is what the credential is scoped to: an RP ID, or an AppID for one
	// registered through the U2F API.
	RPID string
	// RPIDHash is set, and RPID empty, where the authenticator was only ever told
	// the SHA-256 of the AppID: in a raw U2F registration message.
	RPIDHash []byte
	// UserHandle is user.id; nil for a credential that is not resident.
	UserHandle []byte
	// UserName and UserDisplayName are for account selection only.
	UserName, UserDisplayName string
	PrivateKey                crypto.Signer
	// Algorithm is the COSE algorithm; 0 on import means the usual one for the key.
	Algorithm int64
	// SignCount is the value last reported.
	SignCount                   uint32
	Resident                    bool
	BackupEligible, BackupState bool

	// account is user.id, also of a credential that is not resident: for faults
	// that return it all the same.
	account []byte
	extras  credentialExtras
}

func (c *Credential) clone() Credential {
	d := *c
	d.ID = bytes.Clone(c.ID)
	d.RPIDHash = bytes.Clone(c.RPIDHash)
	d.UserHandle = bytes.Clone(c.UserHandle)
	return d
}

// scopeHash is what authenticator data says of the scope: SHA-256 of the RP ID.
func (c *Credential) scopeHash() [sha256.Size]byte {
	if c.RPID == "" && len(c.RPIDHash) == sha256.Size {
		return [sha256.Size]byte(c.RPIDHash)
	}
	return sha256.Sum256([]byte(c.RPID))
}

// inScope says whether the credential is one for the RP ID or, where that is
// empty, for its hash.
func (c *Credential) inScope(rpID string, hash []byte) bool {
	if c.RPIDHash == nil && hash == nil {
		return c.RPID == rpID
	}
	want := sha256.Sum256([]byte(rpID))
	if rpID == "" && hash != nil {
		want = [sha256.Size]byte(hash)
	}
	return c.scopeHash() == want
}

// Authenticator is a virtual authenticator. It is safe for concurrent use.
type Authenticator struct {
	cfg    Config
	derive *deriver

	mu     sync.Mutex
	byID   map[string]*Credential
	order  []*Credential // oldest first
	global uint32
}

// New makes an authenticator. It fails where the configuration contradicts itself.
func New(cfg Config) (*Authenticator, error) {
	seed := cfg.Seed
	if seed == nil {
		seed = make([]byte, 32)
		if _, err := rand.Read(seed); err != nil {
			return nil, fmt.Errorf("authenticator: drawing a seed: %w", err)
		}
	}
	cfg.Seed = nil
	if cfg.Transports == nil {
		cfg.Transports = []string{"usb"}
	}
	cfg.Transports = slices.Clone(cfg.Transports)
	switch cfg.Attachment {
	case "":
		cfg.Attachment = attachmentRoaming
		if len(cfg.Transports) == 1 && cfg.Transports[0] == "internal" {
			cfg.Attachment = attachmentPlatform
		}
	case attachmentRoaming, attachmentPlatform:
	default:
		return nil, fmt.Errorf("authenticator: attachment %q: use platform or cross-platform", cfg.Attachment)
	}
	switch cfg.Protocol {
	case CTAP2:
		if cfg.AAGUID == [16]byte{} {
			cfg.AAGUID = DefaultAAGUID
		}
		if cfg.Formats == nil {
			cfg.Formats = []string{FormatPackedSelf}
		}
		if cfg.Algorithms == nil {
			cfg.Algorithms = attestable(cfg.Formats)
		}
	case U2F:
		if cfg.ResidentKeys || cfg.UserVerification {
			return nil, errors.New("authenticator: U2F has neither resident keys nor user verification: drop them or use CTAP2")
		}
		if cfg.Extensions != (ExtensionSupport{}) {
			return nil, errors.New("authenticator: U2F has no extensions: drop Config.Extensions or use CTAP2")
		}
		if cfg.Enterprise != nil {
			return nil, errors.New("authenticator: U2F has no enterprise attestation: drop Config.Enterprise or use CTAP2")
		}
		cfg.AAGUID = [16]byte{}
		cfg.Algorithms = []int64{ES256}
		if cfg.Formats == nil {
			cfg.Formats = []string{FormatFIDOU2F}
		}
	default:
		return nil, fmt.Errorf("authenticator: no protocol %d: use CTAP2 or U2F", cfg.Protocol)
	}
	for _, id := range cfg.Algorithms {
		if algorithmOf(id) == nil {
			return nil, fmt.Errorf("authenticator: algorithm %d is not supported: use some of %v", id, Algorithms())
		}
	}
	for _, name := range cfg.Formats {
		f := formatOf(name)
		if name != FormatNone && f == nil {
			return nil, fmt.Errorf("authenticator: attestation format %q is not supported: use some of %v", name, Formats())
		}
		for _, id := range cfg.Algorithms {
			if f != nil && !f.attests(id) {
				return nil, fmt.Errorf("authenticator: attestation format %s knows no %s keys: use some of %v", name, AlgorithmName(id), f.algorithms)
			}
		}
	}
	if e := cfg.Enterprise; e != nil {
		if !slices.Contains(cfg.Formats, FormatPacked) {
			return nil, fmt.Errorf("authenticator: enterprise attestation is packed with a certificate: add %s to the formats %v", FormatPacked, cfg.Formats)
		}
		if n := len(e.SerialNumber); n < 1 || n > 64 {
			return nil, fmt.Errorf("authenticator: a serial number of %d bytes: use 1 to 64", n)
		}
		cfg.Enterprise = &Enterprise{bytes.Clone(e.SerialNumber), slices.Clone(e.RPIDs)}
	}
	if n := cfg.CredentialIDLength; n != 0 && (n < 16 || n > 1023) {
		return nil, fmt.Errorf("authenticator: credential ids of %d bytes: use 16 to 1023", n)
	}
	if cfg.CredentialIDLength == 0 {
		cfg.CredentialIDLength = 32
		if cfg.Protocol == U2F {
			cfg.CredentialIDLength = 64
		}
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Counter.Step == 0 {
		cfg.Counter.Step = 1
	}
	if cfg.Counter.Mode == CounterZero {
		cfg.Counter.Start = 0
	}
	return &Authenticator{
		cfg:    cfg,
		derive: newDeriver(seed, []byte("touchstone virtualauth authenticator")),
		byID:   make(map[string]*Credential),
		global: cfg.Counter.Start,
	}, nil
}

const (
	attachmentPlatform = "platform"
	attachmentRoaming  = "cross-platform"
)

// Credentials lists what is stored, oldest first.
func (a *Authenticator) Credentials() []Credential {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Credential, len(a.order))
	for i, c := range a.order {
		list[i] = c.clone()
	}
	return list
}

// Import stores a credential made elsewhere, in place of one with the same id.
func (a *Authenticator) Import(c Credential) error {
	if len(c.ID) == 0 {
		return errors.New("import: the credential has no id")
	}
	alg, err := algorithmFor(c.PrivateKey, c.Algorithm)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	if c.Resident && !a.cfg.ResidentKeys {
		return errors.New("import: the credential is resident and the authenticator has no room for resident keys: set Config.ResidentKeys")
	}
	c.Algorithm = alg.id
	stored := c.clone()
	if stored.account == nil {
		stored.account = stored.UserHandle
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.removeLocked(c.ID)
	a.insertLocked(&stored)
	return nil
}

// Remove forgets the credential with this id.
func (a *Authenticator) Remove(id []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.removeLocked(id) {
		return fmt.Errorf("remove: no credential with id %x", id)
	}
	return nil
}

// Update changes a stored credential in place. Of what change sets, the counter,
// the backup flags and the user's names are kept; the rest stays as it was. Backup
// state without eligibility and a change of eligibility are not legal
// (https://www.w3.org/TR/webauthn-3/#sctn-credential-backup), and done as told. change must not call
// the authenticator.
func (a *Authenticator) Update(id []byte, change func(*Credential)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.byID[string(id)]
	if c == nil {
		return fmt.Errorf("update: no credential with id %x", id)
	}
	edited := c.clone()
	change(&edited)
	c.SignCount, c.BackupEligible, c.BackupState = edited.SignCount, edited.BackupEligible, edited.BackupState
	c.UserName, c.UserDisplayName = edited.UserName, edited.UserDisplayName
	return nil
}

func (a *Authenticator) insertLocked(c *Credential) {
	a.byID[string(c.ID)] = c
	a.order = append(a.order, c)
}

func (a *Authenticator) removeLocked(id []byte) bool {
	c := a.byID[string(id)]
	if c == nil {
		return false
	}
	delete(a.byID, string(id))
	a.order = slices.DeleteFunc(a.order, func(o *Credential) bool { return o == c })
	return true
}

// rename gives a stored credential another id: what a fault that changes the
// id in a registration leaves behind.
func (a *Authenticator) rename(from, to []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.byID[string(from)]
	if c == nil {
		return
	}
	delete(a.byID, string(from))
	c.ID = bytes.Clone(to)
	a.byID[string(to)] = c
}

// Status is a CTAP2 status code: why an authenticator refused.
type Status byte

// The status codes in use (CTAP 2.2 §8.2).
const (
	StatusCredentialExcluded   Status = 0x19
	StatusUnsupportedAlgorithm Status = 0x26
	StatusOperationDenied      Status = 0x27
	StatusUnsupportedOption    Status = 0x2b
	StatusInvalidParameter     Status = 0x02
	StatusInvalidOption        Status = 0x2c
	StatusKeyStoreFull         Status = 0x28
	StatusNoCredentials        Status = 0x2e
	StatusOther                Status = 0x7f
)

var statusText = map[Status]string{
	StatusCredentialExcluded:   "credential excluded",
	StatusUnsupportedAlgorithm: "unsupported algorithm",
	StatusOperationDenied:      "operation denied",
	StatusUnsupportedOption:    "unsupported option",
	StatusInvalidParameter:     "invalid parameter",
	StatusInvalidOption:        "invalid option",
	StatusKeyStoreFull:         "key store full",
	StatusNoCredentials:        "no credentials",
	StatusOther:                "other error",
}

func (s Status) Error() string {
	if t, ok := statusText[s]; ok {
		return fmt.Sprintf("authenticator: %s (CTAP status %#02x)", t, byte(s))
	}
	return fmt.Sprintf("authenticator: CTAP status %#02x", byte(s))
}

// Extension is an authenticator extension: an identifier and its CBOR value.
type Extension struct {
	ID    string
	Value []byte
}

// MakeCredentialRequest is what a client sends to make a credential
// (authenticatorMakeCredential, CTAP 2.2 §6.1).
type MakeCredentialRequest struct {
	ClientDataHash   [sha256.Size]byte
	RP               RPEntity
	User             UserEntity
	PubKeyCredParams []PubKeyCredParam
	ExcludeList      []Descriptor
	Extensions       []Extension
	ResidentKey      bool
	UserVerification bool
	// AttestationFormats is attestationFormatsPreference; "none" alone says that
	// no statement is wanted, and nil leaves the choice to the authenticator.
	AttestationFormats []string
	// EnterpriseAttestation is 0, VendorFacilitated or PlatformManaged.
	EnterpriseAttestation int
	// VerifiedByToken: the user was verified by a PIN, outside of this call;
	// UserVerification is then set too, whether or not the authenticator has a way of its own.
	VerifiedByToken bool
	// SealHMAC encrypts the outputs of hmac-secret-mc, as they stand in
	// authenticator data; nil draws a key that nobody else has.
	SealHMAC func(outputs []byte) []byte
	// ExcludeAppID also refuses credentials in the list that are filed under this AppID.
	ExcludeAppID string

	disobey disobedience
}

// disobedience is what option faults make of an authenticator.
type disobedience struct {
	excludeList, allowList, params bool
}

// MakeCredentialResponse is what comes back.
type MakeCredentialResponse struct {
	// Format is the attestation statement format identifier.
	Format   string
	AuthData []byte
	// Statement is the attestation statement, as CBOR.
	Statement []byte
	// Enterprise says that the statement names the device (epAtt).
	Enterprise bool
	// Credential is the source that was made.
	Credential Credential
	// Attestation is the key that signed the statement where that is not the
	// credential's own; else nil.
	Attestation crypto.Signer
	// HMACOutputs is what hmac-secret-mc put out, before encryption: 32 or 64 bytes, or nil.
	HMACOutputs []byte
	// LargeBlobKey is the key for the credential's large blob where one was asked for.
	LargeBlobKey []byte

	coseKey []byte
	made    string // the Config format
	serial  []byte // in its certificate
}

// GetAssertionRequest is what a client sends to have something signed
// (authenticatorGetAssertion, CTAP 2.2 §6.2).
type GetAssertionRequest struct {
	RPID string
	// RPIDHash stands in for RPID where that is empty: raw U2F messages have no more.
	RPIDHash         []byte
	ClientDataHash   [sha256.Size]byte
	AllowList        []Descriptor
	Extensions       []Extension
	UserVerification bool
	// VerifiedByToken and SealHMAC are as in MakeCredentialRequest.
	VerifiedByToken bool
	SealHMAC        func(outputs []byte) []byte
	// NoPresence: do not wait for the user, and leave the UP flag clear.
	NoPresence bool
	// SaltsByCredential overrides the hmac-secret input, by credential id.
	SaltsByCredential map[string][]byte

	disobey disobedience
}

// GetAssertionResponse is what comes back.
type GetAssertionResponse struct {
	// Credential is the source that signed, its counter as reported.
	Credential Credential
	AuthData   []byte
	Signature  []byte
	// UserHandle is nil for a credential that is not resident.
	UserHandle []byte
	// HMACOutputs is what hmac-secret put out, before encryption: 32 or 64 bytes, or nil.
	HMACOutputs []byte
	// LargeBlobKey is the key for the credential's large blob where one was asked for.
	LargeBlobKey []byte
}

// MakeCredential makes a credential and stores it. A refusal is a Status.
func (a *Authenticator) MakeCredential(q *MakeCredentialRequest) (*MakeCredentialResponse, error) {
	if !q.disobey.excludeList && a.excluded(q) {
		return nil, StatusCredentialExcluded
	}
	switch q.EnterpriseAttestation {
	case 0:
	case VendorFacilitated, PlatformManaged:
		if a.cfg.Enterprise == nil {
			return nil, StatusInvalidParameter
		}
	default:
		return nil, StatusInvalidOption
	}
	alg, ok := supported(q.PubKeyCredParams, a.cfg.Algorithms)
	if q.disobey.params {
		alg, ok = unoffered(q.PubKeyCredParams, a.cfg.Algorithms), true
	}
	if !ok {
		return nil, StatusUnsupportedAlgorithm
	}
	if q.ResidentKey && !a.cfg.ResidentKeys {
		return nil, StatusUnsupportedOption
	}
	if q.UserVerification && !a.cfg.UserVerification && !q.VerifiedByToken {
		return nil, StatusInvalidOption
	}
	if a.cfg.PresenceFails || q.UserVerification && a.cfg.VerificationFails && !q.VerifiedByToken {
		return nil, StatusOperationDenied
	}
	c := &Credential{
		RPID: q.RP.ID, Algorithm: alg, SignCount: a.cfg.Counter.Start, Resident: q.ResidentKey,
		UserName: q.User.Name, UserDisplayName: q.User.DisplayName,
		BackupEligible: a.cfg.BackupEligible, BackupState: a.cfg.BackupState,
		account: bytes.Clone(q.User.ID),
	}
	if c.Resident {
		c.UserHandle = append([]byte{}, q.User.ID...)
	}
	x := &noOutputs
	var process func()
	if len(q.Extensions) > 0 {
		made := &extensionOutputs{}
		x, process = made, func() { made.extended, made.plain = a.makeExtensions(q, c) }
	}
	if err := a.create(c, q.ClientDataHash[:], process); err != nil {
		return nil, err
	}

	d := authData{attested: true, aaguid: a.cfg.AAGUID[:], credentialID: c.ID, signCount: c.SignCount}
	rpIDHash := c.scopeHash()
	d.rpIDHash = rpIDHash[:]
	d.flags = c.flags(q.UserVerification) | FlagAT
	var err error
	if d.key, err = algorithmOf(alg).cose(make([]byte, 0, 80), c.PrivateKey.Public()); err != nil {
		return nil, err
	}
	d.extend(x.extended)
	r := &MakeCredentialResponse{Format: FormatNone, HMACOutputs: x.plain, AuthData: d.append(make([]byte, 0, 55+len(c.ID)+len(d.key)+len(d.extensions))), Statement: emptyMap}
	if c.extras.large {
		r.LargeBlobKey = a.largeBlobKey(c)
	}
	f := a.pickFormat(q.AttestationFormats)
	serial := a.enterpriseSerial(q)
	if serial != nil {
		f, r.Enterprise = formatOf(FormatPacked), true
	}
	if f != nil {
		s := &statementInput{serial: serial, authData: r.AuthData, parts: &d, clientDataHash: q.ClientDataHash[:], key: c.PrivateKey, algorithm: alg, draw: a.drawer("attestation", c.ID), clock: a.cfg.Clock, authority: a.cfg.Authority}
		if r.Statement, r.Attestation, err = f.make(s); err != nil {
			return nil, err
		}
		r.Format, r.made, r.serial = f.fmt, f.name, serial
	}
	r.Credential = *c
	r.coseKey = d.key
	return r, nil
}

// enterpriseSerial is the serial number that the statement must carry; nil where
// the attestation is an ordinary one (CTAP 2.2 §6.1.2 step 9).
func (a *Authenticator) enterpriseSerial(q *MakeCredentialRequest) []byte {
	switch e := a.cfg.Enterprise; {
	case e == nil:
		return nil
	case q.EnterpriseAttestation == PlatformManaged, q.EnterpriseAttestation == VendorFacilitated && slices.Contains(e.RPIDs, q.RP.ID):
		return e.SerialNumber
	default:
		return nil
	}
}

// extensionOutputs is what came of extensions; plain is before encryption.
type extensionOutputs struct {
	extended outputs
	plain    []byte
}

var noOutputs extensionOutputs // read only

var emptyMap = []byte{0xa0}

// flags is UP, UV and the backup flags of an assertion or registration.
func (c *Credential) flags(verified bool) byte {
	f := FlagUP
	if verified {
		f |= FlagUV
	}
	if c.BackupEligible {
		f |= FlagBE
	}
	if c.BackupState {
		f |= FlagBS
	}
	return f
}

// unoffered picks an algorithm that the parameters do not name where the
// authenticator has one, else its first.
func unoffered(params []PubKeyCredParam, algs []int64) int64 {
	for _, id := range algs {
		if _, offered := supported(params, []int64{id}); !offered {
			return id
		}
	}
	return algs[0]
}

// excluded says whether the authenticator holds a credential of the exclude list.
func (a *Authenticator) excluded(q *MakeCredentialRequest) bool {
	if len(q.ExcludeList) == 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range q.ExcludeList {
		c := a.byID[string(q.ExcludeList[i].ID)]
		if c == nil || c.extras.protect == protectRequired && !q.UserVerification {
			continue // nobody who is not verified may learn of it (CTAP 2.2 §6.1.2)
		}
		if c.inScope(q.RP.ID, nil) || q.ExcludeAppID != "" && c.inScope(q.ExcludeAppID, nil) {
			return true
		}
	}
	return false
}

// drawer yields other bytes for each call, bound to a label and the parts.
func (a *Authenticator) drawer(label string, parts ...[]byte) func(n int) []byte {
	var counter uint32
	return func(n int) []byte {
		counter++
		return a.derive.draw(n, label, counter, parts...)
	}
}

// drawScope is what ids and keys are bound to: the RP ID or, as U2F messages
// say no more, its hash.
func (a *Authenticator) drawScope(c *Credential) []byte {
	if a.cfg.Protocol == U2F {
		hash := c.scopeHash()
		return hash[:]
	}
	return []byte(c.RPID)
}

// create draws an id and a key for c and stores it. The client data hash binds
// both to the challenge; the counter tells apart what is asked for twice. process
// is called once id and key are there, and may be nil.
func (a *Authenticator) create(c *Credential, clientDataHash []byte, process func()) error {
	rpID := a.drawScope(c)
	for counter := uint32(0); ; counter++ {
		c.ID = a.derive.draw(a.cfg.CredentialIDLength, "credential id", counter, rpID, clientDataHash)
		a.mu.Lock()
		taken := a.byID[string(c.ID)] != nil
		a.mu.Unlock()
		if taken {
			continue
		}
		var draws uint32
		key, err := algorithmOf(c.Algorithm).generate(func(n int) []byte {
			draws++
			return a.derive.draw(n, "credential key", draws, rpID, clientDataHash, c.ID)
		})
		if err != nil {
			return err
		}
		c.PrivateKey = key
		if process != nil {
			process()
		}
		stored := new(Credential)
		*stored = *c // the slices are never written to, and handed out as copies
		a.mu.Lock()
		if a.byID[string(c.ID)] != nil { // another goroutine was asked the same in the meantime
			a.mu.Unlock()
			continue
		}
		if a.cfg.Counter.Mode == CounterGlobal {
			c.SignCount, stored.SignCount = a.global, a.global
		}
		if c.Resident {
			// A resident credential for the same account is overwritten (CTAP 2.2 §6.1.2).
			resident := 0
			for i, old := range a.order {
				if old.Resident && old.RPID == c.RPID && bytes.Equal(old.UserHandle, c.UserHandle) {
					delete(a.byID, string(old.ID))
					a.order = slices.Delete(a.order, i, i+1)
					resident = 0
					break
				}
				if old.Resident {
					resident++
				}
			}
			if most := a.cfg.MaxResidentKeys; most > 0 && resident >= most {
				a.mu.Unlock()
				return StatusKeyStoreFull
			}
		}
		a.insertLocked(stored)
		a.mu.Unlock()
		c.ID, c.UserHandle = bytes.Clone(c.ID), bytes.Clone(c.UserHandle)
		return nil
	}
}

// GetAssertion signs with the newest credential that fits, or the one that
// Config.Select picks. A refusal is a Status.
func (a *Authenticator) GetAssertion(q *GetAssertionRequest) (*GetAssertionResponse, error) {
	if q.UserVerification && !a.cfg.UserVerification && !q.VerifiedByToken {
		return nil, StatusInvalidOption
	}
	if q.RPIDHash != nil && len(q.RPIDHash) != sha256.Size {
		return nil, StatusNoCredentials
	}
	c, err := a.choose(q)
	if err != nil {
		return nil, err
	}
	rpIDHash := c.scopeHash()
	d := authData{rpIDHash: rpIDHash[:], flags: c.flags(q.UserVerification), signCount: c.SignCount}
	if q.NoPresence {
		d.flags &^= FlagUP
	}
	r := &GetAssertionResponse{Credential: c}
	if c.Resident {
		r.UserHandle = c.UserHandle
	}
	if salts := q.SaltsByCredential[string(c.ID)]; salts != nil {
		copied := *q
		q = &copied
		q.Extensions = append(slices.DeleteFunc(slices.Clone(q.Extensions), func(e Extension) bool { return e.ID == "hmac-secret" }),
			Extension{"hmac-secret", appendCBORBytes(nil, salts)})
	}
	if len(q.Extensions) > 0 {
		var extended outputs
		extended, r.HMACOutputs = a.getExtensions(q, &c)
		d.extend(extended)
		if c.extras.large && slices.ContainsFunc(q.Extensions, func(e Extension) bool { return e.ID == "largeBlobKey" && bytes.Equal(e.Value, cborTrue) }) {
			r.LargeBlobKey = a.largeBlobKey(&c)
		}
	}
	r.AuthData = d.append(make([]byte, 0, 37+len(d.extensions)))
	r.Signature, err = signOver(c.PrivateKey, c.Algorithm, r.AuthData, q.ClientDataHash[:], a.drawer("assertion", c.ID, q.ClientDataHash[:]))
	return r, err
}

// fitting is the credentials that may sign, the newest first; a.mu is held.
func (a *Authenticator) fitting(q *GetAssertionRequest) []*Credential {
	// A credential may ask for more protection (credProtect, CTAP 2.2 §12.1).
	open := func(c *Credential) bool {
		return q.UserVerification || c.extras.protect != protectRequired && (c.extras.protect != protectOptionalList || len(q.AllowList) > 0)
	}
	var fit []*Credential
	switch {
	case q.disobey.allowList:
		// Any credential for the RP that the list does not name.
		for _, c := range slices.Backward(a.order) {
			if c.inScope(q.RPID, q.RPIDHash) && open(c) && !slices.ContainsFunc(q.AllowList, func(d Descriptor) bool { return bytes.Equal(d.ID, c.ID) }) {
				fit = append(fit, c)
			}
		}
	case len(q.AllowList) > 0:
		for i := range q.AllowList {
			if c := a.byID[string(q.AllowList[i].ID)]; c != nil && c.inScope(q.RPID, q.RPIDHash) && open(c) {
				fit = append(fit, c)
				// Which of the listed credentials signs is the authenticator's choice: the first it holds.
				break
			}
		}
	default:
		for _, c := range slices.Backward(a.order) {
			if c.Resident && c.inScope(q.RPID, q.RPIDHash) && open(c) {
				fit = append(fit, c)
			}
		}
	}
	return fit
}

// choose finds the credential to sign with, moves its counter and returns a copy.
func (a *Authenticator) choose(q *GetAssertionRequest) (Credential, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fit := a.fitting(q)
	if len(fit) == 0 {
		return Credential{}, StatusNoCredentials
	}
	if a.cfg.PresenceFails && !q.NoPresence || q.UserVerification && a.cfg.VerificationFails && !q.VerifiedByToken {
		return Credential{}, StatusOperationDenied
	}
	c := fit[0]
	if a.cfg.Select != nil && len(fit) > 1 {
		accounts := make([]Credential, len(fit))
		for i := range fit {
			accounts[i] = fit[i].clone()
		}
		i := a.cfg.Select(accounts)
		if i < 0 || i >= len(fit) {
			return Credential{}, StatusOperationDenied
		}
		c = fit[i]
	}
	switch a.cfg.Counter.Mode {
	case CounterIncrement:
		c.SignCount += a.cfg.Counter.Step
	case CounterGlobal:
		a.global += a.cfg.Counter.Step
		c.SignCount = a.global
	case CounterRegress:
		c.SignCount -= a.cfg.Counter.Step
	case CounterZero:
		c.SignCount = 0
	case CounterFrozen:
	}
	return c.clone(), nil
}

// signOver signs authData || clientDataHash.
func signOver(k crypto.Signer, alg int64, authData, clientDataHash []byte, draw func(n int) []byte) ([]byte, error) {
	a, err := algorithmFor(k, alg)
	if err != nil {
		return nil, err
	}
	var store [512]byte
	return a.sign(k, append(append(store[:0], authData...), clientDataHash...), draw)
}
