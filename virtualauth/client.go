package virtualauth

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Client is a WebAuthn client: a page on an origin that calls create() and
// get(). It applies the rules of a browser before and after the authenticator
// has its say, and refuses with the names that Chrome uses. The zero value is
// of no use: set Origin. A Client is read only and safe for concurrent use.
type Client struct {
	// Origin is the page's origin, such as https://rp.example. It must be https
	// or http on localhost.
	Origin string
	// CrossOrigin says that the page is in an iframe whose ancestors are not all
	// same-origin with it; TopOrigin is then the outermost page's origin.
	CrossOrigin bool
	TopOrigin   string
	// NoCreate and NoGet say that the page's permissions policy does not let it
	// call create() or get()
	// (https://www.w3.org/TR/webauthn-3/#sctn-permissions-policy).
	NoCreate, NoGet bool
	// NoActivation says that the user has done nothing on the page, without which a
	// frame with CrossOrigin may not call create()
	// (https://www.w3.org/TR/webauthn-3/#sctn-createCredential, step 2).
	NoActivation bool
	// AppID is the Relying Party's U2F AppID, for faults that need it; empty
	// means the origin. The appid extension brings its own.
	AppID string
	// RelatedOrigins answers /.well-known/webauthn of an RP ID that the origin
	// may not claim by itself; nil means that no RP has one
	// (https://www.w3.org/TR/webauthn-3/#sctn-related-origins).
	RelatedOrigins func(ctx context.Context, rpID string) ([]string, error)
	// EnterpriseRPIDs are the RP IDs to which the browser's managed policy gives
	// enterprise attestation. Others get it where the authenticator has their RP
	// ID burned in, and else what direct gives
	// (https://www.w3.org/TR/webauthn-3/#dom-attestationconveyancepreference-enterprise).
	EnterpriseRPIDs []string
	// Link makes what carries requests to an authenticator; nil means straight
	// calls. Package ctap2 has one that goes through messages.
	Link func(*Authenticator) Link
}

// Link carries a client's two requests to an authenticator. An *Authenticator is
// one itself.
type Link interface {
	// MakeCredential and GetAssertion refuse with a Status.
	MakeCredential(*MakeCredentialRequest) (*MakeCredentialResponse, error)
	GetAssertion(*GetAssertionRequest) (*GetAssertionResponse, error)
	// VerifiesUser says whether there is a way to verify the user.
	VerifiesUser() bool
}

// linkTo is the link to use. Over messages an authenticator cannot be told to
// disobey, so faults that want it to do not apply.
func (c *Client) linkTo(a *Authenticator, f Faults) (Link, error) {
	if c.Link == nil {
		return a, nil
	}
	if f.IgnoreExcludeCredentials || f.IgnoreAllowCredentials || f.IgnorePubKeyCredParams {
		return nil, fmt.Errorf("faults %v need an authenticator that disobeys, and Client.Link has messages only: %w", f.Names(), ErrNotApplicable)
	}
	return c.Link(a), nil
}

// Registration is what create() resolved with.
type Registration struct {
	Response RegistrationResponse
	// Credential is the source behind it.
	Credential Credential
	// Attestation is the key that signed the attestation statement; nil for none
	// and for self attestation.
	Attestation crypto.Signer

	keys Keys // without Seed
	seed faultSeed
}

// Keys are the keys for EditRegistration.
func (r *Registration) Keys() Keys { return r.seed.into(r.keys) }

// Assertion is what get() resolved with.
type Assertion struct {
	Response   AuthenticationResponse
	Credential Credential

	keys Keys // without Seed
	seed faultSeed
}

// Keys are the keys for EditAssertion.
func (a *Assertion) Keys() Keys { return a.seed.into(a.keys) }

// faultSeed is where Keys.Seed is drawn from: only when it is asked for, as most
// responses stay as they are.
type faultSeed struct {
	derive *deriver
	hash   [sha256.Size]byte // of the client data
}

func (s *faultSeed) into(k Keys) Keys {
	if s.derive != nil {
		k.Seed = s.derive.draw(32, "faults", 0, s.hash[:])
	}
	return k
}

// maxDescriptors is Chrome's limit on the two lists.
const maxDescriptors = 64

// Create runs create() with the options on one authenticator
// (https://www.w3.org/TR/webauthn-3/#sctn-createCredential), with the faults
// applied. A refusal is an *Error; any other error is a fault that cannot be
// applied to the response (ErrNotApplicable) or a failure of this library.
func (c *Client) Create(ctx context.Context, a *Authenticator, o *CreationOptions, f Faults) (*Registration, error) {
	if a == nil || o == nil {
		return nil, refuse(errNotSupported, "create() needs an authenticator and options")
	}
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	switch {
	case c.NoCreate:
		return nil, refuse(errNotAllowed, "the permissions policy does not let the page call create()")
	case c.CrossOrigin && c.NoActivation:
		return nil, refuse(errNotAllowed, "create() in a frame of another origin needs the user to have done something there")
	}
	noFaults := f == Faults{}
	link, err := c.linkTo(a, f)
	if err != nil {
		return nil, err
	}
	if len(o.User.ID) > 64 {
		return nil, refuse(errType, "user.id exceeds 64 bytes")
	}
	if len(o.ExcludeCredentials) > maxDescriptors {
		return nil, refuse(errRange, "excludeCredentials exceeds the maximum allowed size (%d)", maxDescriptors)
	}
	pg, err := page(c.Origin)
	if err != nil {
		return nil, err
	}
	rpID := o.RP.ID
	if o.RP.emptyID && rpID == "" {
		return nil, refuse(errSecurity, "rp.id is empty, which is not the host of %s", c.Origin)
	}
	if rpID == "" {
		rpID = pg.host
	}
	params := o.PubKeyCredParams
	if len(params) == 0 {
		params = defaultParams
	} else if !slices.ContainsFunc(params, func(p PubKeyCredParam) bool { return p.Type == publicKeyType }) {
		return nil, refuse(errNotSupported, "no member of pubKeyCredParams has a type that is known")
	}
	if _, asked := o.Extensions["appid"]; asked {
		return nil, refuse(errNotSupported, "the appid extension is for get() only")
	}
	if err := c.mayClaim(ctx, pg, rpID); err != nil {
		return nil, err
	}
	var excludeAppID string
	if raw, asked := o.Extensions["appidExclude"]; asked && !f.IgnoreExtensions {
		s, err := extensionText("appidExclude", raw)
		if err != nil {
			return nil, err
		}
		if excludeAppID, err = pg.appIDFor(s, c.Origin); err != nil {
			return nil, err
		}
	}

	// Whether this authenticator is a candidate at all.
	sel := o.AuthenticatorSelection
	if at := sel.AuthenticatorAttachment; (at == attachmentPlatform || at == attachmentRoaming) && at != a.cfg.Attachment {
		return nil, refuse(errNotAllowed, "no %s authenticator is available", at)
	}
	resident := false
	switch residentKey(sel) {
	case "required":
		if !a.cfg.ResidentKeys && !f.IgnoreResidentKey {
			return nil, refuse(errNotAllowed, "the authenticator cannot store a resident key")
		}
		resident = !f.IgnoreResidentKey
	case "preferred":
		resident = a.cfg.ResidentKeys && !f.IgnoreResidentKey
	}
	// A browser lets a capable authenticator verify the user at every
	// registration, whatever was asked.
	verify := link.VerifiesUser()
	if f.IgnoreUserVerification {
		verify = false
	} else if sel.UserVerification == "required" && !verify {
		return nil, refuse(errNotAllowed, "user verification is required and the authenticator has none")
	}

	x := noExtensions
	if !f.IgnoreExtensions {
		if x, err = a.createExtensions(o, resident); err != nil {
			return nil, err
		}
	}

	clientData := clientDataJSON(typeCreate, o.Challenge, c.Origin, c.CrossOrigin, c.TopOrigin, "")
	q := &MakeCredentialRequest{
		ClientDataHash:   sha256.Sum256(clientData),
		RP:               RPEntity{ID: rpID, Name: o.RP.Name},
		User:             o.User,
		PubKeyCredParams: params,
		ExcludeList:      publicKeyDescriptors(o.ExcludeCredentials),
		Extensions:       x.pass,
		ResidentKey:      resident,
		UserVerification: verify,
		ExcludeAppID:     excludeAppID,
		disobey:          disobedience{excludeList: f.IgnoreExcludeCredentials, params: f.IgnorePubKeyCredParams},
	}
	attest := false
	switch o.Attestation {
	case "direct", "indirect", "enterprise":
		attest = true
		q.AttestationFormats = o.AttestationFormats
		if o.Attestation == "enterprise" && a.cfg.Enterprise != nil {
			q.EnterpriseAttestation = VendorFacilitated
			if slices.Contains(c.EnterpriseRPIDs, rpID) {
				q.EnterpriseAttestation = PlatformManaged
			}
		}
	default:
		q.AttestationFormats = onlyNone
	}
	if f.IgnoreAttestation {
		attest = true
		q.AttestationFormats = nil
	}
	m, err := link.MakeCredential(q)
	if err != nil {
		return nil, clientError(err)
	}
	if m.Format == FormatNone && !attest && a.cfg.Attachment == attachmentRoaming && a.cfg.Protocol == CTAP2 {
		// Like Chrome: without attestation a roaming authenticator's model stays unknown.
		clear(m.AuthData[37:53])
	}

	r := &Registration{Credential: m.Credential, Attestation: m.Attestation}
	alg := algorithmOf(m.Credential.Algorithm)
	spki, err := alg.spki(m.Credential.PrivateKey.Public(), m.coseKey)
	if err != nil {
		return nil, err
	}
	r.Response = RegistrationResponse{
		ID:                      idTextOf(m.Credential.ID),
		RawID:                   m.Credential.ID,
		Type:                    publicKeyType,
		ClientDataJSON:          clientData,
		AttestationObject:       attestationObject(m.Format, m.Statement, m.AuthData),
		AuthenticatorData:       m.AuthData,
		Transports:              a.cfg.Transports,
		PublicKey:               spki,
		PublicKeyAlgorithm:      alg.id,
		AuthenticatorAttachment: a.cfg.Attachment,
		ClientExtensionResults:  a.createResults(x, m),
	}
	if raw, asked := o.Extensions["credProps"]; asked && idlTrue(raw) && !f.IgnoreExtensions {
		r.Response.ClientExtensionResults["credProps"] = credPropsResult(resident)
	}
	r.seed = faultSeed{a.derive, q.ClientDataHash}
	r.keys = Keys{
		Credential: m.Credential.PrivateKey, Algorithm: alg.id, Attestation: m.Attestation,
		UserHandle: o.User.ID, AppID: c.AppID,
		Format: m.made, clock: a.cfg.Clock, authority: a.cfg.Authority, serial: m.serial,
	}
	if noFaults {
		return r, nil
	}
	if r.Response, err = EditRegistration(r.Response, r.Keys(), f); err != nil {
		a.Remove(r.Credential.ID)
		return nil, err
	}
	if id := r.Response.RawID; f.changesCredentialID() && len(id) > 0 {
		a.rename(r.Credential.ID, id)
		r.Credential.ID = id
	}
	return r, nil
}

// Get runs get() with the options on one authenticator
// (https://www.w3.org/TR/webauthn-3/#sctn-getAssertion), with the faults
// applied. For errors see Create.
func (c *Client) Get(ctx context.Context, a *Authenticator, o *RequestOptions, f Faults) (*Assertion, error) {
	if a == nil || o == nil {
		return nil, refuse(errNotSupported, "get() needs an authenticator and options")
	}
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	if c.NoGet {
		return nil, refuse(errNotAllowed, "the permissions policy does not let the page call get()")
	}
	noFaults := f == Faults{}
	link, err := c.linkTo(a, f)
	if err != nil {
		return nil, err
	}
	if len(o.AllowCredentials) > maxDescriptors {
		return nil, refuse(errRange, "allowCredentials exceeds the maximum allowed size (%d)", maxDescriptors)
	}
	pg, err := page(c.Origin)
	if err != nil {
		return nil, err
	}
	rpID := o.RPID
	if o.emptyRPID && rpID == "" {
		return nil, refuse(errSecurity, "rpId is empty, which is not the host of %s", c.Origin)
	}
	if rpID == "" {
		rpID = pg.host
	}
	if err := c.mayClaim(ctx, pg, rpID); err != nil {
		return nil, err
	}
	var appID string
	rawAppID, appIDAsked := o.Extensions["appid"]
	if appIDAsked = appIDAsked && !f.IgnoreExtensions; appIDAsked {
		s, err := extensionText("appid", rawAppID)
		if err != nil {
			return nil, err
		}
		if appID, err = pg.appIDFor(s, c.Origin); err != nil {
			return nil, err
		}
	}

	// A list of unknown types only is not an empty list, which would mean any credential
	// (https://www.w3.org/TR/webauthn-3/#dom-publickeycredentialdescriptor-type). Chrome takes it for one.
	listed := publicKeyDescriptors(o.AllowCredentials)
	if len(o.AllowCredentials) > 0 && len(listed) == 0 && !f.IgnoreAllowCredentials {
		return nil, refuse(errNotAllowed, "no member of allowCredentials has a type that is known")
	}
	allow := reachable(listed, a.cfg.Transports)
	if len(listed) > 0 && len(allow) == 0 && !f.IgnoreAllowCredentials {
		return nil, refuse(errNotAllowed, "no credential of allowCredentials can be reached over %v", a.cfg.Transports)
	}
	verify := link.VerifiesUser()
	switch {
	case f.IgnoreUserVerification:
		verify = false
	case o.UserVerification == "required":
		if !verify {
			return nil, refuse(errNotAllowed, "user verification is required and the authenticator has none")
		}
	case o.UserVerification == "discouraged" && len(allow) > 0:
		verify = false
	}

	x := noExtensions
	if !f.IgnoreExtensions && len(o.Extensions) > 0 {
		if x, err = readGetExtensions(o); err != nil {
			return nil, err
		}
	}
	pass := x.pass
	if x.salts != nil {
		pass = append(slices.Clone(pass), Extension{"hmac-secret", appendCBORBytes(nil, x.salts)})
	}

	clientData := clientDataJSON(typeGet, o.Challenge, c.Origin, c.CrossOrigin, c.TopOrigin, "")
	q := &GetAssertionRequest{
		RPID: rpID, ClientDataHash: sha256.Sum256(clientData), AllowList: allow, UserVerification: verify,
		Extensions: pass, SaltsByCredential: x.saltsByID,
		disobey: disobedience{allowList: f.IgnoreAllowCredentials},
	}
	m, err := link.GetAssertion(q)
	appIDUsed := false
	if err == StatusNoCredentials && appID != "" && len(allow) > 0 {
		q.RPID = appID
		m, err = link.GetAssertion(q)
		appIDUsed = err == nil
	}
	if err != nil {
		return nil, clientError(err)
	}
	r := &Assertion{Credential: m.Credential}
	r.Response = AuthenticationResponse{
		ID:                      idTextOf(m.Credential.ID),
		RawID:                   m.Credential.ID,
		Type:                    publicKeyType,
		ClientDataJSON:          clientData,
		AuthenticatorData:       m.AuthData,
		Signature:               m.Signature,
		UserHandle:              m.UserHandle,
		AuthenticatorAttachment: a.cfg.Attachment,
		ClientExtensionResults:  a.getResults(x, m),
	}
	if appIDAsked {
		r.Response.ClientExtensionResults["appid"] = json.RawMessage("false")
		if appIDUsed {
			r.Response.ClientExtensionResults["appid"] = json.RawMessage("true")
		}
	}
	r.seed = faultSeed{a.derive, q.ClientDataHash}
	r.keys = Keys{
		Credential: m.Credential.PrivateKey, Algorithm: m.Credential.Algorithm,
		UserHandle: m.Credential.account, AppID: c.AppID,
	}
	if noFaults {
		return r, nil
	}
	if r.Response, err = EditAssertion(r.Response, r.Keys(), f); err != nil {
		return nil, err
	}
	return r, nil
}

var (
	onlyNone      = []string{FormatNone}
	defaultParams = []PubKeyCredParam{{publicKeyType, ES256}, {publicKeyType, RS256}}
)

// idTextOf is base64url of an id, in one allocation.
func idTextOf(id []byte) string {
	var store [128]byte
	return string(base64.RawURLEncoding.AppendEncode(store[:0], id))
}

func contextError(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return refuse(errNotAllowed, "the operation timed out")
	default:
		return refuse(errAbort, "the operation was aborted: %v", err)
	}
}

// mayClaim checks that the page may use the RP ID, by its own host or by the
// RP's list of related origins.
func (c *Client) mayClaim(ctx context.Context, pg origin, rpID string) error {
	if pg.claims(rpID) {
		return nil
	}
	if c.RelatedOrigins == nil || isIP(rpID) {
		return refuse(errSecurity, "the RP ID %q is not a registrable domain suffix of, nor equal to, the host of %s", rpID, c.Origin)
	}
	origins, err := c.RelatedOrigins(ctx, rpID)
	if err != nil {
		return refuse(errSecurity, "the related origins of %q could not be had: %v", rpID, err)
	}
	if !relatedTo(origins, c.Origin) {
		return refuse(errSecurity, "the related origins of %q do not list %s", rpID, c.Origin)
	}
	return nil
}

// relatedTo looks for the origin of a page in a list of URLs of related origins.
// Only the first five distinct labels count, and a host without a registrable
// domain has none (https://www.w3.org/TR/webauthn-3/#sctn-validating-relation-origin).
func relatedTo(list []string, page string) bool {
	const maxLabels = 5
	want, ok := parseOrigin(page)
	if !ok {
		return false
	}
	var labels []string
	for _, item := range list {
		u, err := url.Parse(item)
		if err != nil || u.Host == "" {
			continue
		}
		o := origin{u.Scheme, strings.ToLower(u.Hostname()), u.Port()}
		registrable, err := publicsuffix.EffectiveTLDPlusOne(o.host)
		if err != nil || isIP(o.host) {
			continue
		}
		label, _, _ := strings.Cut(registrable, ".")
		if !slices.Contains(labels, label) {
			if len(labels) == maxLabels {
				continue
			}
			labels = append(labels, label)
		}
		if o.withoutDefaultPort() == want.withoutDefaultPort() {
			return true
		}
	}
	return false
}

// clientError is what a page sees of an authenticator's refusal.
func clientError(err error) error {
	var s Status
	if !errors.As(err, &s) {
		return err
	}
	if s == StatusCredentialExcluded {
		return refuse(errInvalidState, "the authenticator holds one of the credentials in excludeCredentials")
	}
	// Every other reason looks the same to a page
	// (https://www.w3.org/TR/webauthn-3/#sctn-assertion-privacy).
	return refuse(errNotAllowed, "%v", err)
}

func residentKey(sel AuthenticatorSelection) string {
	switch sel.ResidentKey {
	case "required", "preferred", "discouraged":
		return sel.ResidentKey
	}
	if sel.RequireResidentKey {
		return "required"
	}
	return "discouraged"
}

func publicKeyDescriptors(list []Descriptor) []Descriptor {
	for i := range list {
		if list[i].Type != publicKeyType {
			return slices.DeleteFunc(slices.Clone(list), func(d Descriptor) bool { return d.Type != publicKeyType })
		}
	}
	return list
}

// reachable is the descriptors that name no transport or one of those given.
// Names that are unknown are ignored
// (https://www.w3.org/TR/webauthn-3/#dom-publickeycredentialdescriptor-transports).
func reachable(list []Descriptor, transports []string) []Descriptor {
	unreachable := func(d Descriptor) bool {
		known := false
		for _, t := range d.Transports {
			if slices.Contains(transports, t) {
				return false
			}
			switch t {
			case "usb", "nfc", "ble", "smart-card", "hybrid", "internal":
				known = true
			}
		}
		return known
	}
	if !slices.ContainsFunc(list, unreachable) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), unreachable)
}

func credPropsResult(resident bool) json.RawMessage {
	if resident {
		return json.RawMessage(`{"rk":true}`)
	}
	return json.RawMessage(`{"rk":false}`)
}

// idlTrue converts an extension input to a boolean.
func idlTrue(raw json.RawMessage) bool {
	doc, err := jsonDocument(raw)
	return err == nil && idlBoolean(doc)
}

func extensionText(name string, raw json.RawMessage) (string, error) {
	doc, err := jsonDocument(raw)
	if err != nil {
		return "", refuse(errType, "extension %s is not JSON: %v", name, err)
	}
	return idlString(doc), nil
}
