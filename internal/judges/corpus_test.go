package judges

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

const (
	rpID   = "rp.example"
	origin = "https://rp.example"
	appID  = "https://rp.example/u2f.json"
)

var userHandle = []byte("the user handle of the judges' user")

// corpus is what the judges read. Binary values are base64url without padding,
// as in the WebAuthn JSON forms, but roots, which are base64 DER.
type corpus struct {
	RPID   string `json:"rpId"`
	Origin string `json:"origin"`
	// Roots are the trust anchors by attestation statement format identifier.
	Roots map[string][][]byte `json:"roots"`
	Cells []*cell             `json:"cells"`
}

// cell is one registration and one authentication with what they made.
type cell struct {
	Name string `json:"name"`
	// Time is when the registration was made, in milliseconds.
	Time             int64      `json:"time"`
	Algorithm        int64      `json:"algorithm"`
	UserVerification bool       `json:"userVerification"`
	Registration     ceremonyOf `json:"registration"`
	Authentication   ceremonyOf `json:"authentication"`

	coordinates
	ext      extension
	response responses
	twin     *cell // of a cell with flipped bits: the one that it was made of
}

type ceremonyOf struct {
	Challenge string          `json:"challenge"`
	Response  json.RawMessage `json:"response"`
}

type responses struct {
	registration   virtualauth.RegistrationResponse
	authentication virtualauth.AuthenticationResponse
}

// coordinates say which cell it is, by the names of fixtures/judges.yaml.
type coordinates struct{ format, alg, extension string }

func (c coordinates) String() string { return c.format + "/" + c.alg + "/" + c.extension }

// extension is one of the things that options can ask for besides a key.
type extension struct {
	name          string
	register, get map[string]json.RawMessage
	support       virtualauth.ExtensionSupport
	u2f           bool // also where the authenticator has no extensions
}

// noExtension is the name of the cells that ask for none.
const noExtension = "no-extension"

func inputs(text string) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	return m
}

var extensions = sync.OnceValue(func() []extension {
	list := []extension{
		{name: noExtension, u2f: true},
		{name: "credProps", register: inputs(`{"credProps":true}`), u2f: true},
		{name: "appid", register: inputs(`{"appidExclude":"` + appID + `"}`), get: inputs(`{"appid":"` + appID + `"}`), u2f: true},
		{name: "credProtect", register: inputs(`{"credentialProtectionPolicy":"userVerificationRequired","enforceCredentialProtectionPolicy":true}`),
			support: virtualauth.ExtensionSupport{CredProtect: true}},
		{name: "hmacCreateSecret", register: inputs(`{"hmacCreateSecret":true}`), support: virtualauth.ExtensionSupport{HMACSecret: true}},
		{name: "prf", register: inputs(`{"prf":{"eval":{"first":"AQID","second":"BAUG"}}}`), get: inputs(`{"prf":{"eval":{"first":"AQID"}}}`),
			support: virtualauth.ExtensionSupport{HMACSecret: true}},
		{name: "largeBlob", register: inputs(`{"largeBlob":{"support":"required"}}`), get: inputs(`{"largeBlob":{"read":true}}`),
			support: virtualauth.ExtensionSupport{LargeBlob: true}},
		{name: "credBlob", register: inputs(`{"credBlob":"AQID"}`), get: inputs(`{"getCredBlob":true}`), support: virtualauth.ExtensionSupport{CredBlob: true}},
		{name: "minPinLength", register: inputs(`{"minPinLength":true}`), support: virtualauth.ExtensionSupport{MinPINLength: 6}},
		{name: "uvm", register: inputs(`{"uvm":true}`), get: inputs(`{"uvm":true}`), support: virtualauth.ExtensionSupport{UVM: true}},
	}
	all := extension{name: "all", register: map[string]json.RawMessage{}, get: map[string]json.RawMessage{}}
	have := reflect.ValueOf(&all.support).Elem()
	for _, e := range list {
		for k, v := range e.register {
			all.register[k] = v
		}
		for k, v := range e.get {
			all.get[k] = v
		}
		for i := range have.NumField() {
			if f := reflect.ValueOf(e.support).Field(i); !f.IsZero() {
				have.Field(i).Set(f)
			}
		}
	}
	return append(list, all)
})

// TestExtensionsAreAll notices an extension of package virtualauth that no cell has.
func TestExtensionsAreAll(t *testing.T) {
	all := reflect.ValueOf(extensions()[len(extensions())-1].support)
	for i := range all.NumField() {
		if all.Field(i).IsZero() {
			t.Errorf("virtualauth.ExtensionSupport.%s: no cell has it: give it a row in extensions", all.Type().Field(i).Name)
		}
	}
}

// formats are the attestations that cells have.
func formats() []string { return append([]string{virtualauth.FormatNone}, virtualauth.Formats()...) }

// coordinatesOfAll lists every cell there is.
func coordinatesOfAll() []coordinates {
	var list []coordinates
	for _, format := range formats() {
		for _, alg := range virtualauth.Algorithms() {
			if _, err := virtualauth.New(configOf(format, alg, extension{})); err != nil || format == virtualauth.FormatFIDOU2F && alg != virtualauth.ES256 {
				continue
			}
			for _, e := range extensions() {
				if format != virtualauth.FormatFIDOU2F || e.u2f {
					list = append(list, coordinates{format, virtualauth.AlgorithmName(alg), e.name})
				}
			}
		}
	}
	return list
}

func configOf(format string, alg int64, e extension) virtualauth.Config {
	seed := []byte("touchstone judges " + format + virtualauth.AlgorithmName(alg) + e.name)
	if format == virtualauth.FormatFIDOU2F {
		return virtualauth.Config{Seed: seed, Protocol: virtualauth.U2F}
	}
	return virtualauth.Config{
		Seed: seed, Formats: []string{format}, Algorithms: []int64{alg}, ResidentKeys: true, UserVerification: true, Extensions: e.support,
	}
}

func algorithmNamed(name string) int64 {
	all := virtualauth.Algorithms()
	return all[slices.IndexFunc(all, func(id int64) bool { return virtualauth.AlgorithmName(id) == name })]
}

// bench is the reference RP, freshly made for one cell. It issues the options,
// and the same ones again for the same cell.
type bench struct {
	rp   *ceremony.RP
	user *ceremony.User
	cell *cell
}

func newBench(c *cell) (*bench, error) {
	roots, err := virtualauth.Roots()
	if err != nil {
		return nil, err
	}
	rp, err := ceremony.New(ceremony.Config{
		RPID: rpID, RPName: "RP", Origins: []string{origin}, AppIDs: []string{appID},
		Anchors: attestation.Anchors{Certificates: roots},
		Policy:  ceremony.Policy{RequireTrust: true, RejectCounterRegression: true},
		Random:  rand.NewChaCha8(sha256.Sum256([]byte(c.String()))),
		Clock:   func() time.Time { return time.UnixMilli(c.Time) },
	})
	if err != nil {
		return nil, err
	}
	user, err := rp.AddUser("ada@rp.example", "Ada", userHandle)
	return &bench{rp, user, c}, err
}

func (b *bench) verification() string {
	if b.cell.UserVerification {
		return "required"
	}
	return "discouraged"
}

func (b *bench) beginRegistration() (*ceremony.CreationOptions, error) {
	req := ceremony.RegistrationRequest{
		User: b.user, Session: "s", Algorithms: []int64{b.cell.Algorithm}, Attestation: "direct", Extensions: b.cell.ext.register,
		Selection: &ceremony.AuthenticatorSelection{UserVerification: b.verification()},
	}
	if b.cell.UserVerification {
		req.Selection.ResidentKey, req.Selection.RequireResidentKey = "required", true
	}
	return b.rp.BeginRegistration(req)
}

func (b *bench) finishRegistration(o *ceremony.CreationOptions, r *virtualauth.RegistrationResponse) error {
	rawID := b64(r.RawID)
	_, err := b.rp.FinishRegistration(ceremony.FinishRegistration{Handle: o.Handle, Session: "s", Response: ceremony.RegistrationResponse{
		ID: r.ID, RawID: &rawID, Type: r.Type, ClientDataJSON: r.ClientDataJSON, AttestationObject: r.AttestationObject,
		Transports: r.Transports, ExtensionResults: r.ClientExtensionResults,
	}})
	return err
}

func (b *bench) beginAuthentication() (*ceremony.RequestOptions, error) {
	return b.rp.BeginAuthentication(ceremony.AuthenticationRequest{
		Username: "ada@rp.example", Session: "s", UserVerification: b.verification(), Extensions: b.cell.ext.get,
	})
}

func (b *bench) finishAuthentication(o *ceremony.RequestOptions, r *virtualauth.AuthenticationResponse) error {
	rawID := b64(r.RawID)
	_, err := b.rp.FinishAuthentication(ceremony.FinishAuthentication{Handle: o.Handle, Session: "s", Response: ceremony.AuthenticationResponse{
		ID: r.ID, RawID: &rawID, Type: r.Type, ClientDataJSON: r.ClientDataJSON, AuthenticatorData: r.AuthenticatorData,
		Signature: r.Signature, UserHandle: r.UserHandle, ExtensionResults: r.ClientExtensionResults,
	}})
	return err
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// makeCell runs both ceremonies of a cell.
func makeCell(at coordinates) (*cell, error) {
	alg := algorithmNamed(at.alg)
	list := extensions()
	e := list[slices.IndexFunc(list, func(e extension) bool { return e.name == at.extension })]
	c := &cell{
		Name: at.String(), Time: time.Now().UnixMilli(), Algorithm: alg, UserVerification: at.format != virtualauth.FormatFIDOU2F, coordinates: at, ext: e,
	}
	cfg := configOf(at.format, alg, e)
	cfg.Clock = func() time.Time { return time.UnixMilli(c.Time) }
	a, err := virtualauth.New(cfg)
	if err != nil {
		return nil, err
	}
	b, err := newBench(c)
	if err != nil {
		return nil, err
	}
	client := &virtualauth.Client{Origin: origin, AppID: appID}

	creation, err := b.beginRegistration()
	if err != nil {
		return nil, err
	}
	o := &virtualauth.CreationOptions{
		Challenge: creation.Challenge, Attestation: creation.Attestation, Extensions: creation.Extensions,
		PubKeyCredParams: []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: alg}},
	}
	o.RP.ID, o.RP.Name = creation.RPID, creation.RPName
	o.User.ID, o.User.Name, o.User.DisplayName = creation.User.Handle, creation.User.Name, creation.User.DisplayName
	if s := creation.Selection; s != nil {
		o.AuthenticatorSelection.ResidentKey, o.AuthenticatorSelection.RequireResidentKey = s.ResidentKey, s.RequireResidentKey
		o.AuthenticatorSelection.UserVerification = s.UserVerification
	}
	made, err := client.Create(context.Background(), a, o, virtualauth.Faults{})
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	c.response.registration = made.Response
	c.Registration.Challenge = b64(creation.Challenge)
	// What the reference RP says here is said again when it judges.
	_ = b.finishRegistration(creation, &made.Response)

	request, err := b.beginAuthentication()
	if err != nil {
		return nil, err
	}
	got, err := client.Get(context.Background(), a, &virtualauth.RequestOptions{
		Challenge: request.Challenge, RPID: request.RPID, UserVerification: request.UserVerification, Extensions: request.Extensions,
		AllowCredentials: []virtualauth.Descriptor{{Type: "public-key", ID: made.Response.RawID}},
	}, virtualauth.Faults{})
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	c.response.authentication = got.Response
	c.Authentication.Challenge = b64(request.Challenge)
	return c, c.encode()
}

func (c *cell) encode() (err error) {
	if c.Registration.Response, err = json.Marshal(c.response.registration); err != nil {
		return err
	}
	c.Authentication.Response, err = json.Marshal(c.response.authentication)
	return err
}

const flippedSuffix = " with flipped bits"

// flip makes the same cell with one bit wrong in the signature of the
// attestation statement and one in that of the assertion.
func (c *cell) flip() (*cell, error) {
	f := *c
	f.Name += flippedSuffix
	f.twin = c
	f.response.authentication.Signature = flipLast(c.response.authentication.Signature)
	var err error
	if f.response.registration.AttestationObject, err = flipStatement(c.format, c.response.registration.AttestationObject); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return &f, f.encode()
}

// flipLast flips the lowest bit of the last byte: of s in an ECDSA signature,
// so that the encoding of the signature stays right.
func flipLast(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// flipStatement flips a bit of the one signature that each format stands on. It
// leaves alone a statement of format none.
func flipStatement(format string, object []byte) ([]byte, error) {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	var o struct {
		Format   string          `cbor:"fmt"`
		Stmt     cbor.RawMessage `cbor:"attStmt"`
		AuthData []byte          `cbor:"authData"`
	}
	if err := cbor.Unmarshal(object, &o); err != nil {
		return nil, err
	}
	edit := func(raw cbor.RawMessage, member string, change func(cbor.RawMessage) (any, error)) (cbor.RawMessage, error) {
		m := map[string]cbor.RawMessage{}
		if err := cbor.Unmarshal(raw, &m); err != nil {
			return nil, err
		}
		v, err := change(m[member])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", member, err)
		}
		if m[member], err = mode.Marshal(v); err != nil {
			return nil, err
		}
		return mode.Marshal(m)
	}
	flipBytes := func(raw cbor.RawMessage) (any, error) {
		var b []byte
		err := cbor.Unmarshal(raw, &b)
		if err != nil || len(b) == 0 {
			return nil, fmt.Errorf("no signature: %w", err)
		}
		return flipLast(b), nil
	}
	switch format {
	case virtualauth.FormatNone:
		return object, nil
	case virtualauth.FormatApple: // whose only signature is that of its certificate
		o.Stmt, err = edit(o.Stmt, "x5c", func(raw cbor.RawMessage) (any, error) {
			var x5c [][]byte
			err := cbor.Unmarshal(raw, &x5c)
			if err != nil || len(x5c) == 0 {
				return nil, fmt.Errorf("no certificate: %w", err)
			}
			x5c[0] = flipLast(x5c[0])
			return x5c, nil
		})
	case virtualauth.FormatAndroidSafetyNet: // whose signature is that of a JWS
		o.Stmt, err = edit(o.Stmt, "response", func(raw cbor.RawMessage) (any, error) {
			var jws []byte
			if err := cbor.Unmarshal(raw, &jws); err != nil {
				return nil, err
			}
			at := bytes.LastIndexByte(jws, '.') + 1
			sig, err := base64.RawURLEncoding.DecodeString(string(jws[at:]))
			if err != nil || len(sig) == 0 {
				return nil, fmt.Errorf("no signature: %w", err)
			}
			return append(bytes.Clone(jws[:at]), b64(flipLast(sig))...), nil
		})
	case virtualauth.FormatCompound:
		var parts []cbor.RawMessage
		if err := cbor.Unmarshal(o.Stmt, &parts); err != nil {
			return nil, err
		}
		if parts[0], err = edit(parts[0], "attStmt", func(raw cbor.RawMessage) (any, error) { return edit(raw, "sig", flipBytes) }); err != nil {
			return nil, err
		}
		o.Stmt, err = mode.Marshal(parts)
	default:
		o.Stmt, err = edit(o.Stmt, "sig", flipBytes)
	}
	if err != nil {
		return nil, err
	}
	flipped, err := mode.Marshal(map[string]any{"fmt": o.Format, "attStmt": o.Stmt, "authData": o.AuthData})
	if err == nil && len(flipped) != len(object) {
		err = fmt.Errorf("the statement was changed in more than a bit: %d bytes became %d", len(object), len(flipped))
	}
	return flipped, err
}

// makeCorpus makes every cell, and those without extensions with flipped bits too.
var makeCorpus = sync.OnceValues(func() (*corpus, error) {
	c := &corpus{RPID: rpID, Origin: origin, Roots: map[string][][]byte{}}
	for _, format := range formats() {
		roots, err := virtualauth.RootsOf(format)
		if err != nil {
			return nil, err
		}
		for _, r := range roots {
			c.Roots[format] = append(c.Roots[format], r.Raw)
		}
	}
	if err := c.trustAndroidIssuer(); err != nil {
		return nil, err
	}
	for _, at := range coordinatesOfAll() {
		honest, err := makeCell(at)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		c.Cells = append(c.Cells, honest)
		if at.extension != noExtension {
			continue
		}
		flipped, err := honest.flip()
		if err != nil {
			return nil, err
		}
		c.Cells = append(c.Cells, flipped)
	}
	return c, nil
})

// trustAndroidIssuer adds the issuer of android-key leaves, which is the last of
// x5c, to the anchors: SimpleWebAuthn takes the last certificate for the anchor
// itself, and ours, as it may, does not send the root.
func (c *corpus) trustAndroidIssuer() error {
	made, err := makeCell(coordinates{virtualauth.FormatAndroidKey, virtualauth.AlgorithmName(virtualauth.ES256), noExtension})
	if err != nil {
		return err
	}
	var o struct {
		Stmt struct {
			X5C [][]byte `cbor:"x5c"`
		} `cbor:"attStmt"`
	}
	if err := cbor.Unmarshal(made.response.registration.AttestationObject, &o); err != nil {
		return err
	}
	list := c.Roots[virtualauth.FormatAndroidKey]
	if len(o.Stmt.X5C) == 0 || len(list) == 0 {
		return fmt.Errorf("android-key: %d certificates and %d roots", len(o.Stmt.X5C), len(list))
	}
	last := o.Stmt.X5C[len(o.Stmt.X5C)-1]
	issuer, err := x509.ParseCertificate(last)
	if err != nil {
		return err
	}
	root, err := x509.ParseCertificate(list[0])
	if err != nil {
		return err
	}
	if err := issuer.CheckSignatureFrom(root); err != nil {
		return fmt.Errorf("android-key: the last certificate of x5c: %w", err)
	}
	c.Roots[virtualauth.FormatAndroidKey] = append(list, last)
	return nil
}

// TestCorpus holds the corpus against what it is to cover.
func TestCorpus(t *testing.T) {
	c, err := makeCorpus()
	if err != nil {
		t.Fatal(err)
	}
	flipped := 0
	for _, cell := range c.Cells {
		r := cell.response.registration
		if cell.twin != nil {
			flipped++
			was := cell.twin.response
			if same := bytes.Equal(r.AttestationObject, was.registration.AttestationObject); same != (cell.format == virtualauth.FormatNone) {
				t.Errorf("%s: attestation object unchanged: %v", cell.Name, same)
			}
			if bytes.Equal(cell.response.authentication.Signature, was.authentication.Signature) {
				t.Errorf("%s: the signature is unchanged", cell.Name)
			}
			continue
		}
		var o struct {
			Format string `cbor:"fmt"`
		}
		if err := cbor.Unmarshal(r.AttestationObject, &o); err != nil {
			t.Fatalf("%s: %v", cell.Name, err)
		}
		if want := strings.TrimSuffix(cell.format, "-self"); o.Format != want {
			t.Errorf("%s: the statement format is %s, not %s", cell.Name, o.Format, want)
		}
		if r.PublicKeyAlgorithm != cell.Algorithm {
			t.Errorf("%s: the key is of algorithm %d, not %d", cell.Name, r.PublicKeyAlgorithm, cell.Algorithm)
		}
		for name := range cell.ext.register {
			if strings.Contains(name, "redentialProtectionPolicy") || name == "minPinLength" {
				if r.AuthenticatorData[32]&virtualauth.FlagED == 0 {
					t.Errorf("%s: no authenticator extension output", cell.Name)
				}
				continue // these have no client extension output
			}
			if name == "appidExclude" {
				continue // its output is true by the specification; the client leaves it out as Chrome does
			}
			if r.ClientExtensionResults[name] == nil {
				t.Errorf("%s: extension %s has no output", cell.Name, name)
			}
		}
	}
	t.Logf("%d cells, and %d with flipped bits", len(c.Cells)-flipped, flipped)
}
