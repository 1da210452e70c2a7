package browser

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"

	"github.com/touchstone-webauthn/touchstone/client"
)

// authenticator is a client.Authenticator: a virtual authenticator of the
// session's tab while it is the one that answers, and what was exported of it
// while it is not.
type authenticator struct {
	session *session
	cfg     client.AuthenticatorConfig
	// id is Chrome's name for it while it is plugged in, else empty.
	id webauthn.AuthenticatorID
	// order is the ids of the credentials, oldest first; Chrome lists them in no
	// order that means anything.
	order [][]byte
	// rpIDs is the RP ID of each credential made here, by its id. A U2F
	// authenticator keeps only the hash, so Chrome exports none.
	rpIDs    map[string]string
	override client.Override
	// exported is what was on it when it was unplugged, oldest first.
	exported []credential
}

// credential is the protocol's Credential
// (https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn#type-Credential).
// The generated type cannot be used to add one: it always sends
// generateCmtgKeyOnNextOperation, which Chrome refuses on an ordinary authenticator.
type credential struct {
	ID                []byte  `json:"credentialId"`
	Resident          bool    `json:"isResidentCredential"`
	RPID              string  `json:"rpId,omitempty"`
	PrivateKey        []byte  `json:"privateKey"`
	UserHandle        []byte  `json:"userHandle,omitempty"`
	SignCount         float64 `json:"signCount"`
	LargeBlob         []byte  `json:"largeBlob,omitempty"`
	BackupEligibility bool    `json:"backupEligibility"`
	BackupState       bool    `json:"backupState"`
	UserName          string  `json:"userName,omitempty"`
	UserDisplayName   string  `json:"userDisplayName,omitempty"`
}

type (
	getCredentialsResult struct {
		Credentials []credential `json:"credentials"`
	}
	getCredentialResult struct {
		Credential credential `json:"credential"`
	}
	addCredentialParams struct {
		AuthenticatorID webauthn.AuthenticatorID `json:"authenticatorId"`
		Credential      credential               `json:"credential"`
	}
)

var (
	getCredentials = cdp.Command[webauthn.GetCredentialsParams, getCredentialsResult]{Method: webauthn.CommandGetCredentials}
	getCredential  = cdp.Command[webauthn.GetCredentialParams, getCredentialResult]{Method: webauthn.CommandGetCredential}
	addCredential  = cdp.Command[addCredentialParams, cdp.Empty]{Method: webauthn.CommandAddCredential}
)

// virtualOptions maps the configuration to the protocol's VirtualAuthenticatorOptions.
func virtualOptions(cfg client.AuthenticatorConfig) (*webauthn.VirtualAuthenticatorOptions, error) {
	if cfg.SelfAttestation {
		return nil, errors.New("self attestation: chrome's authenticators have an attestation key and cannot leave it out")
	}
	o := &webauthn.VirtualAuthenticatorOptions{
		Protocol:  webauthn.AuthenticatorProtocolCtap2,
		Transport: webauthn.AuthenticatorTransportUsb,
		// The protocol's default is true, but the generated type sends its false,
		// and then every ceremony runs to its timeout.
		AutomaticPresenceSimulation: true,
		HasResidentKey:              cfg.ResidentKeys,
		HasUserVerification:         cfg.UserVerification,
		IsUserVerified:              cfg.UserVerification,
		DefaultBackupEligibility:    cfg.BackupEligible,
		DefaultBackupState:          cfg.BackupState,
	}
	switch cfg.Transport {
	case "":
	case "usb", "nfc", "ble", "internal", "hybrid":
		o.Transport = webauthn.AuthenticatorTransport(cfg.Transport)
	default:
		return nil, fmt.Errorf("transport %q: chrome has usb, nfc, ble, internal and hybrid", cfg.Transport)
	}
	if cfg.U2F {
		if cfg.Transport == "hybrid" {
			return nil, fmt.Errorf("transport hybrid: a U2F authenticator cannot have it")
		}
		o.Protocol = webauthn.AuthenticatorProtocolU2f
		// A U2F authenticator has neither, and Chrome ignores or refuses them.
		o.HasResidentKey, o.HasUserVerification, o.IsUserVerified = false, false, false
		return o, nil
	}
	// CTAP 2.1 is what answers credProps in full, and what largeBlob needs, along
	// with resident keys. Neither changes a ceremony that does not ask for it,
	// which credBlob would: Chrome then adds credProtect of its own accord.
	o.Ctap2version = webauthn.Ctap2versionCtap21
	o.HasPrf = true
	o.HasMinPinLength = true
	o.HasLargeBlob = cfg.ResidentKeys
	if has := cfg.With; has != (client.ExtensionSet{}) {
		if has.LargeBlob && !cfg.ResidentKeys {
			return nil, errors.New("largeBlob: chrome's authenticators have it with resident keys only")
		}
		o.HasPrf, o.HasMinPinLength, o.HasLargeBlob, o.HasCredBlob = has.PRF, has.MinPINLength, has.LargeBlob, has.CredBlob
	}
	if cfg.Extensions {
		// The same secret by its older name: hmac-secret then shows in the
		// authenticator data, and prf goes by way of it.
		o.HasCredBlob, o.HasHmacSecret, o.HasPrf = true, true, false
	}
	return o, nil
}

// plug adds the virtual authenticator to the tab, with what was exported of it.
func (a *authenticator) plug(ctx context.Context) error {
	options, err := virtualOptions(a.cfg)
	if err != nil {
		return err
	}
	added, err := call(ctx, a.session.tab, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: options})
	if err != nil {
		return err
	}
	a.id = added.AuthenticatorID
	for _, c := range a.exported {
		if _, err := call(ctx, a.session.tab, addCredential, addCredentialParams{AuthenticatorID: a.id, Credential: c}); err != nil {
			return errors.Join(err, a.remove(ctx))
		}
	}
	a.exported = nil
	if a.override != (client.Override{}) {
		return a.misbehave(ctx)
	}
	return nil
}

// remove takes the virtual authenticator out of the tab.
func (a *authenticator) remove(ctx context.Context) error {
	_, err := call(ctx, a.session.tab, webauthn.RemoveVirtualAuthenticator,
		webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: a.id})
	a.id = ""
	return err
}

// unplug exports the credentials and removes the virtual authenticator.
func (a *authenticator) unplug(ctx context.Context) error {
	stored, err := a.stored(ctx)
	if err != nil {
		return err
	}
	a.exported = stored
	return a.remove(ctx)
}

// stored lists the credentials, oldest first, wherever they are.
func (a *authenticator) stored(ctx context.Context) ([]credential, error) {
	if a.id == "" {
		return slices.Clone(a.exported), nil
	}
	r, err := call(ctx, a.session.tab, getCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id})
	if err != nil {
		return nil, err
	}
	age := func(c credential) int {
		at := slices.IndexFunc(a.order, func(id []byte) bool { return bytes.Equal(id, c.ID) })
		if at < 0 {
			return len(a.order)
		}
		return at
	}
	slices.SortStableFunc(r.Credentials, func(x, y credential) int { return age(x) - age(y) })
	for i := range r.Credentials {
		a.complete(&r.Credentials[i])
	}
	return r.Credentials, nil
}

// complete fills in what a U2F authenticator does not keep.
func (a *authenticator) complete(c *credential) {
	if c.RPID == "" {
		c.RPID = a.rpIDs[string(c.ID)]
	}
}

// find returns the credential with this id, nil where there is none.
func (a *authenticator) find(ctx context.Context, id []byte) (*client.Credential, error) {
	r, err := call(ctx, a.session.tab, getCredential, webauthn.GetCredentialParams{AuthenticatorID: a.id, CredentialID: id})
	if err != nil {
		return nil, err
	}
	a.complete(&r.Credential)
	c, err := r.Credential.export()
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// made notes a credential that create() made.
func (a *authenticator) made(id []byte, rpID string) {
	a.order = append(a.order, bytes.Clone(id))
	if a.rpIDs == nil {
		a.rpIDs = map[string]string{}
	}
	a.rpIDs[string(id)] = rpID
}

// Override implements client.Overridable.
func (a *authenticator) Override(ctx context.Context, o client.Override) error {
	if err := a.session.usable(); err != nil {
		return err
	}
	a.override = o
	if a.id == "" {
		return nil // it is told when it is plugged in again
	}
	return a.misbehave(ctx)
}

// misbehave tells the browser how the authenticator answers. What a call leaves
// out is honest again, so every call names all three.
func (a *authenticator) misbehave(ctx context.Context) error {
	_, err := call(ctx, a.session.tab, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{
		AuthenticatorID: a.id, IsBogusSignature: &a.override.BogusSignature, IsBadUV: &a.override.BadUV, IsBadUP: &a.override.BadUP,
	})
	return err
}

// Adjust implements client.Adjustable.
func (a *authenticator) Adjust(ctx context.Context, id []byte, adj client.Adjustment) error {
	if err := a.session.usable(); err != nil {
		return err
	}
	if a.id == "" {
		return a.session.meanwhile(ctx, a, func() error { return a.Adjust(ctx, id, adj) })
	}
	params := webauthn.SetCredentialPropertiesParams{
		AuthenticatorID: a.id, CredentialID: id, BackupEligibility: adj.BackupEligible, BackupState: adj.BackupState,
	}
	if adj.SignCount != nil {
		params.SignCount = new(float64(*adj.SignCount))
	}
	if _, err := call(ctx, a.session.tab, webauthn.SetCredentialProperties, params); err != nil {
		return fmt.Errorf("adjust a credential: %w", err)
	}
	return nil
}

// Credentials lists what is stored, oldest first.
func (a *authenticator) Credentials(ctx context.Context) ([]client.Credential, error) {
	if err := a.session.usable(); err != nil {
		return nil, err
	}
	stored, err := a.stored(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]client.Credential, len(stored))
	for i, c := range stored {
		if list[i], err = c.export(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Import stores a credential made elsewhere. Chrome takes P-256, RSA, Ed25519
// and ML-DSA keys. RPID may be an AppID URL: then the credential answers the
// appid extension, where the authenticator speaks U2F.
func (a *authenticator) Import(ctx context.Context, c client.Credential) error {
	if err := a.session.usable(); err != nil {
		return err
	}
	key, err := marshalKey(c.PrivateKey)
	if err != nil {
		return fmt.Errorf("import a credential: %w", err)
	}
	wire := credential{
		ID: c.ID, Resident: c.Resident, RPID: c.RPID, PrivateKey: key, UserHandle: c.UserHandle,
		SignCount: float64(c.SignCount), BackupEligibility: c.BackupEligible, BackupState: c.BackupState,
	}
	if a.id == "" {
		// Chrome judges the credential, so the authenticator is plugged in for it.
		return a.session.meanwhile(ctx, a, func() error { return a.add(ctx, wire) })
	}
	return a.add(ctx, wire)
}

func (a *authenticator) add(ctx context.Context, c credential) error {
	if _, err := call(ctx, a.session.tab, addCredential, addCredentialParams{AuthenticatorID: a.id, Credential: c}); err != nil {
		return fmt.Errorf("import a credential: %w", err)
	}
	a.made(c.ID, c.RPID)
	return nil
}

// Remove forgets the credential with this id.
func (a *authenticator) Remove(ctx context.Context, id []byte) error {
	if err := a.session.usable(); err != nil {
		return err
	}
	same := func(other []byte) bool { return bytes.Equal(other, id) }
	if a.id == "" {
		at := slices.IndexFunc(a.exported, func(c credential) bool { return same(c.ID) })
		if at < 0 {
			return fmt.Errorf("remove a credential: the authenticator has none with the id %x", id)
		}
		a.exported = slices.Delete(a.exported, at, at+1)
	} else if _, err := call(ctx, a.session.tab, webauthn.RemoveCredential,
		webauthn.RemoveCredentialParams{AuthenticatorID: a.id, CredentialID: id}); err != nil {
		return fmt.Errorf("remove a credential: %w", err)
	}
	a.order = slices.DeleteFunc(a.order, same)
	delete(a.rpIDs, string(id))
	return nil
}

// export turns Chrome's credential into the form that all clients share.
func (c credential) export() (client.Credential, error) {
	key, err := parseKey(c.PrivateKey)
	if err != nil {
		return client.Credential{}, err
	}
	// -1 stands for a credential without a counter.
	count := min(max(c.SignCount, 0), math.MaxUint32)
	return client.Credential{
		ID: c.ID, RPID: c.RPID, UserHandle: c.UserHandle, PrivateKey: key, SignCount: uint32(count),
		Resident: c.Resident, BackupEligible: c.BackupEligibility, BackupState: c.BackupState,
	}, nil
}
