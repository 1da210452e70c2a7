package ceremony

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// The catalogue of faults of package virtualauth is put before the RP, and
// before go-webauthn as a second opinion on the very same bytes.

// opinion is go-webauthn with one account.
type opinion struct {
	w    *webauthn.WebAuthn
	user opinionUser
}

type opinionUser struct {
	handle      []byte
	name        string
	credentials []webauthn.Credential
}

func (u *opinionUser) WebAuthnID() []byte                         { return u.handle }
func (u *opinionUser) WebAuthnName() string                       { return u.name }
func (u *opinionUser) WebAuthnDisplayName() string                { return u.name }
func (u *opinionUser) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

func newOpinion(t testing.TB, u *User) *opinion {
	t.Helper()
	w, err := webauthn.New(&webauthn.Config{RPID: testRPID, RPDisplayName: "RP", RPOrigins: []string{testOrigin}})
	if err != nil {
		t.Fatal(err)
	}
	return &opinion{w, opinionUser{handle: u.Handle, name: u.Name}}
}

func (o *opinion) registration(options *CreationOptions, wire []byte) error {
	session := webauthn.SessionData{
		Challenge: b64(options.Challenge), RelyingPartyID: testRPID, UserID: o.user.handle, UserVerification: "preferred", Expires: time.Now().Add(time.Hour),
	}
	if options.Selection != nil && options.Selection.UserVerification != "" {
		session.UserVerification = protocol.UserVerificationRequirement(options.Selection.UserVerification)
	}
	for _, alg := range options.Algorithms {
		session.CredParams = append(session.CredParams, protocol.CredentialParameter{Type: "public-key", Algorithm: webauthncose.COSEAlgorithmIdentifier(alg)})
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(wire)
	if err != nil {
		return explain(err)
	}
	cred, err := o.w.CreateCredential(&o.user, session, parsed)
	if err != nil {
		return explain(err)
	}
	o.user.credentials = append(o.user.credentials, *cred)
	return nil
}

func (o *opinion) authentication(options *RequestOptions, wire []byte) error {
	session := webauthn.SessionData{
		Challenge: b64(options.Challenge), RelyingPartyID: testRPID, UserID: o.user.handle, Expires: time.Now().Add(time.Hour),
		UserVerification: protocol.UserVerificationRequirement(options.UserVerification),
	}
	for _, d := range options.AllowCredentials {
		session.AllowedCredentialIDs = append(session.AllowedCredentialIDs, d.ID)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(wire)
	if err != nil {
		return explain(err)
	}
	cred, err := o.w.ValidateLogin(&o.user, session, parsed)
	if err != nil {
		return explain(err)
	}
	if cred.Authenticator.CloneWarning {
		return errors.New("clone warning")
	}
	for i := range o.user.credentials {
		if slices.Equal(o.user.credentials[i].ID, cred.ID) {
			o.user.credentials[i] = *cred
		}
	}
	return nil
}

func explain(err error) error {
	var e *protocol.Error
	if errors.As(err, &e) {
		return errors.New(e.Type + ": " + e.Details + " " + e.DevInfo)
	}
	return err
}

// bench is one RP, one account and one authenticator.
type bench struct {
	*world
	client        *virtualauth.Client
	authenticator *virtualauth.Authenticator
	opinion       *opinion
}

func newBench(t testing.TB, format string, edits ...func(*Config)) *bench {
	t.Helper()
	roots, err := virtualauth.Roots()
	if err != nil {
		t.Fatal(err)
	}
	all := append([]func(*Config){func(c *Config) {
		c.Anchors.Certificates = roots
		c.Policy = Policy{RequireTrust: true, RejectCounterRegression: true}
		c.Clock = time.Now
	}}, edits...)
	b := &bench{world: newWorld(t, all...)}
	cfg := virtualauth.Config{Seed: []byte(t.Name()), UserVerification: true, ResidentKeys: true, Formats: []string{format}}
	if format == virtualauth.FormatFIDOU2F {
		cfg = virtualauth.Config{Seed: []byte(t.Name()), Protocol: virtualauth.U2F}
	}
	if b.authenticator, err = virtualauth.New(cfg); err != nil {
		t.Fatal(err)
	}
	b.client = &virtualauth.Client{Origin: testOrigin, AppID: testAppID}
	b.opinion = newOpinion(t, b.user)
	return b
}

// options are the issued options as a browser reads them.
func (b *bench) options(o *CreationOptions) *virtualauth.CreationOptions {
	b.Helper()
	v := &virtualauth.CreationOptions{Challenge: o.Challenge, Attestation: o.Attestation, Extensions: o.Extensions}
	v.RP.ID, v.RP.Name = o.RPID, o.RPName
	v.User.ID, v.User.Name, v.User.DisplayName = o.User.Handle, o.User.Name, o.User.DisplayName
	for _, alg := range o.Algorithms {
		v.PubKeyCredParams = append(v.PubKeyCredParams, virtualauth.PubKeyCredParam{Type: "public-key", Alg: alg})
	}
	if s := o.Selection; s != nil {
		v.AuthenticatorSelection.ResidentKey, v.AuthenticatorSelection.RequireResidentKey = s.ResidentKey, s.RequireResidentKey
		v.AuthenticatorSelection.UserVerification = s.UserVerification
	}
	return v
}

func (b *bench) create(req RegistrationRequest, f virtualauth.Faults) (*CreationOptions, *virtualauth.Registration, error) {
	b.Helper()
	o := b.begin(req)
	r, err := b.client.Create(context.Background(), b.authenticator, b.options(o), f)
	return o, r, err
}

func (b *bench) finishCreate(o *CreationOptions, r virtualauth.RegistrationResponse) (*Credential, error) {
	rawID := b64(r.RawID)
	return b.rp.FinishRegistration(FinishRegistration{Handle: o.Handle, Session: "s1", Response: RegistrationResponse{
		ID: r.ID, RawID: &rawID, Type: r.Type, ClientDataJSON: r.ClientDataJSON, AttestationObject: r.AttestationObject,
		Transports: r.Transports, ExtensionResults: r.ClientExtensionResults,
	}})
}

func (b *bench) get(req AuthenticationRequest, f virtualauth.Faults) (*RequestOptions, *virtualauth.Assertion, error) {
	b.Helper()
	o := b.beginAuth(req)
	v := &virtualauth.RequestOptions{Challenge: o.Challenge, RPID: o.RPID, UserVerification: o.UserVerification, Extensions: o.Extensions}
	for _, d := range o.AllowCredentials {
		v.AllowCredentials = append(v.AllowCredentials, virtualauth.Descriptor{Type: d.Type, ID: d.ID, Transports: d.Transports})
	}
	a, err := b.client.Get(context.Background(), b.authenticator, v, f)
	return o, a, err
}

func (b *bench) finishGet(o *RequestOptions, r virtualauth.AuthenticationResponse) (*Login, error) {
	rawID := b64(r.RawID)
	return b.rp.FinishAuthentication(FinishAuthentication{Handle: o.Handle, Session: "s1", Response: AuthenticationResponse{
		ID: r.ID, RawID: &rawID, Type: r.Type, ClientDataJSON: r.ClientDataJSON, AuthenticatorData: r.AuthenticatorData,
		Signature: r.Signature, UserHandle: r.UserHandle, ExtensionResults: r.ClientExtensionResults,
	}})
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var allFormats = []string{
	virtualauth.FormatNone, virtualauth.FormatPackedSelf, virtualauth.FormatPacked, virtualauth.FormatFIDOU2F, virtualauth.FormatTPM,
	virtualauth.FormatAndroidKey, virtualauth.FormatApple, virtualauth.FormatAndroidSafetyNet, virtualauth.FormatCompound,
}

func requestFor(format string) RegistrationRequest {
	if format == virtualauth.FormatFIDOU2F {
		return RegistrationRequest{Attestation: "direct"}
	}
	return RegistrationRequest{Attestation: "direct", Selection: &AuthenticatorSelection{ResidentKey: "required", UserVerification: "required"}}
}

// judge holds a verdict against what the catalogue says of the fault.
func judge(t *testing.T, f virtualauth.Fault, format string, err error) {
	t.Helper()
	switch f.StrengthFor(format) {
	case virtualauth.MustReject:
		if err == nil {
			t.Errorf("%s (%s): accepted, must be refused", f.Name, f.Doc)
		}
	case virtualauth.MustAccept:
		if err != nil {
			t.Errorf("%s (%s): refused, must be accepted: %v", f.Name, f.Doc, err)
		}
	case virtualauth.ShouldReject:
		if err == nil {
			t.Logf("%s (%s): accepted, should be refused", f.Name, f.Doc)
		}
	}
}

// difference is why two judges may judge one response differently.
type difference struct {
	faults []string
	// right is "ours", "theirs", or "either" where the text leaves it open.
	right string
	// anchor is the fragment of the specification's text that says so.
	anchor string
	why    string
}

// differences are the faults on which the two judge differently. All others must
// be judged alike. docs/differential.md is made of them.
var differences = []difference{
	{[]string{"cbor-non-minimal", "cbor-reordered", "key-non-minimal", "key-reordered"}, "either", "sctn-conforming-all-classes", "CBOR decoders SHOULD refuse what is not canonical; go-webauthn judges neither order nor shortest form"},
	{[]string{"key-alg-other", "key-compressed", "key-curve-missing", "key-curve-wrong", "key-point-off-curve", "key-point-zero", "key-type-missing", "key-type-wrong", "key-x-empty", "key-x-long", "key-x-missing", "key-x-short", "key-x-text", "key-y-missing"}, "either", "sctn-alg-identifier", "under none it stores a key without looking at it, which no step forbids; ours refuses it at step 20, from §5.8.5 and §6.5.1"},
	{[]string{"key-extra-member", "key-private-part"}, "ours", "sctn-attested-credential-data", "§6.5.1: the key MUST NOT contain any other optional parameters"},
	{[]string{"origin-default-port", "origin-path", "origin-trailing-slash", "origin-upper-case"}, "ours", "sctn-validating-origin", "it puts origins into a normal form first; the specification's comparison of a serialized origin is exact"},
	{[]string{"token-binding-no-status", "token-binding-not-object", "token-binding-unknown-status"}, "ours", "dom-collectedclientdata-tokenbinding", "it judges tokenBinding by Level 2; in Level 3 the member is reserved (RejectMalformedTokenBinding does as it does)"},
	{[]string{"extension-result-appid", "extension-result-appid-exclude", "extension-result-cred-props", "extension-result-unknown"}, "either", "reg-ceremony-verify-extension-outputs", "it refuses outputs that were not asked for, where step 28 and 23 let the Relying Party ignore them (RejectUnsolicitedExtensions does as it does)"},
	{[]string{"client-data-bom"}, "ours", "sctn-registering-a-new-credential", "step 5 drops a byte order mark; it has it refused by the JSON parser"},
	{[]string{"client-data-invalid-utf8"}, "either", "sctn-registering-a-new-credential", "it reads U+FFFD for bytes that are no UTF-8, as UTF-8 decode has it; ours refuses the client data, which no step asks for and none forbids"},
	{[]string{"client-data-member-case"}, "ours", "dictionary-client-data", "Go's JSON decoder takes Type for type; the specification's members are case-sensitive"},
	{[]string{"assertion-attested-data"}, "ours", "sctn-authenticator-data", "an assertion carries no attested credential data; it skips them"},
	{[]string{"statement-missing", "statement-null"}, "ours", "sctn-none-attestation", "under none it does not look whether attStmt is there"},
	{[]string{"statement-x5c-not-array"}, "ours", "sctn-packed-attestation", "x5c that is no array is not the syntax of packed; it takes it for absent"},
	{[]string{"user-handle-empty"}, "ours", "sctn-verifying-assertion", "a userHandle of no bytes is present and is nobody's"},
}

// differenceOf is the reason on record for a fault; nil: there is none.
func differenceOf(fault string) *difference {
	for i := range differences {
		if slices.Contains(differences[i].faults, fault) {
			return &differences[i]
		}
	}
	return nil
}

// compare holds the two verdicts against each other.
func compare(t *testing.T, seen *verdicts, fault string, ours, theirs error) {
	t.Helper()
	seen.put++
	if (ours == nil) == (theirs == nil) {
		return
	}
	var refused *Error
	if errors.As(ours, &refused) && strings.HasPrefix(refused.Step, "7.1.24") {
		return // it judges chains only with a metadata provider
	}
	seen.apart[fault] = max(seen.apart[fault], 1)
	if ours == nil {
		seen.apart[fault] = 2
	}
	if differenceOf(fault) == nil {
		t.Errorf("%s: this RP says %v, go-webauthn says %v", fault, ours, theirs)
	}
}

// builtInRoots are the formats that go-webauthn accepts under the vendors' own
// roots alone, so that it has no opinion on test certificates.
var builtInRoots = []string{virtualauth.FormatAndroidKey, virtualauth.FormatApple, virtualauth.FormatAndroidSafetyNet}

func TestCatalogueOfFaults(t *testing.T) {
	seen := &verdicts{apart: map[string]int{}}
	for _, format := range allFormats {
		t.Run(format, func(t *testing.T) {
			registered, authenticated := 0, 0
			for _, f := range virtualauth.AllFaults() {
				faults, err := virtualauth.ParseFaults(f.Name)
				if err != nil {
					t.Fatal(err)
				}
				if f.InRegistration() && registerWithFault(t, seen, format, f, faults) {
					registered++
				}
				// How a credential was attested makes no difference to its assertions.
				if f.InAuthentication() && (format == virtualauth.FormatNone || format == virtualauth.FormatFIDOU2F) && authenticateWithFault(t, seen, format, f, faults) {
					authenticated++
				}
			}
			t.Logf("%d faults in registration, %d in authentication", registered, authenticated)
			if registered < 100 {
				t.Error("that is too few: the faults do not reach the RP")
			}
		})
	}
	for _, d := range differences {
		for _, name := range d.faults {
			if seen.apart[name] == 0 {
				t.Errorf("go-webauthn now agrees on %s; strike it from the differences", name)
			}
		}
	}
	if !t.Failed() {
		holdPage(t, filepath.Join("..", "..", "docs", "differential.md"), seen.page())
	}
}

// verdicts are what the two judges said.
type verdicts struct {
	// put is how many responses both have judged.
	put int
	// apart has the faults that they judged differently: 1 where ours refuses, 2 where it accepts.
	apart map[string]int
}

// page is docs/differential.md.
func (v *verdicts) page() string {
	var w strings.Builder
	fmt.Fprintf(&w, `# Two judges

The reference Relying Party and [go-webauthn](https://github.com/go-webauthn/webauthn) share no code. Every fault of the virtual authenticator that can be put into a registration or a login is put to both, on the very same bytes, in every
attestation format but those that go-webauthn accepts under the vendors' own roots alone. Of %d responses they judge all alike but those with the %d faults below. A difference that is not here fails the tests, and so does one here that is gone.

Chains of certificates are left out: go-webauthn judges them with a metadata provider only. Faults of the HTTP body, and stories of several requests, are put to go-webauthn as a server, with the whole suite: where it and a check disagree stands in [peers.md](peers.md). This page is written by `+"`go test ./rp/ceremony -run TestCatalogueOfFaults -update`"+`.

| fault | what is sent | reference RP | go-webauthn | who is right | why |
| --- | --- | --- | --- | --- | --- |
`, v.put, len(v.apart))
	docs := map[string]string{}
	for _, f := range virtualauth.AllFaults() {
		docs[f.Name] = f.Doc
	}
	say := map[int][2]string{1: {"refuses", "accepts"}, 2: {"accepts", "refuses"}}
	right := map[string]string{"ours": "the reference RP", "theirs": "go-webauthn", "either": "the text leaves it open"}
	for _, d := range differences {
		for _, name := range d.faults {
			verdict := say[v.apart[name]]
			fmt.Fprintf(&w, "| `%s` | %s | %s | %s | [%s](%s#%s) | %s |\n", name, docs[name], verdict[0], verdict[1], right[d.right], "https://www.w3.org/TR/webauthn-3/", d.anchor, d.why)
		}
	}
	return w.String()
}

var update = flag.Bool("update", false, "write the pages that tests hold")

func holdPage(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != want {
		t.Errorf("%s is out of date (%v): go test ./rp/ceremony -run TestCatalogueOfFaults -update", name, err)
	}
}

func registerWithFault(t *testing.T, seen *verdicts, format string, f virtualauth.Fault, faults virtualauth.Faults) bool {
	t.Helper()
	b := newBench(t, format)
	req := requestFor(format)
	if format == virtualauth.FormatFIDOU2F && f.Name == "ignore-user-verification" {
		return false // U2F knows none, so none can be asked for
	}
	if f.Name == "ignore-pub-key-cred-params" {
		req.Algorithms = []int64{-7}
		if format == virtualauth.FormatFIDOU2F {
			req.Algorithms = []int64{-257}
		}
	}
	o, r, err := b.create(req, faults)
	if err != nil {
		// Not every fault can be applied to every response, and some make the client refuse.
		return false
	}
	_, ours := b.finishCreate(o, r.Response)
	judge(t, f, format, ours)
	if !slices.Contains(builtInRoots, format) {
		compare(t, seen, f.Name, ours, b.opinion.registration(o, marshal(t, r.Response)))
	}
	return true
}

func authenticateWithFault(t *testing.T, seen *verdicts, format string, f virtualauth.Fault, faults virtualauth.Faults) bool {
	t.Helper()
	b := newBench(t, format)
	o, r, err := b.create(requestFor(format), virtualauth.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.finishCreate(o, r.Response); err != nil {
		t.Fatal(err)
	}
	if err := b.opinion.registration(o, marshal(t, r.Response)); err != nil {
		t.Fatal(err)
	}
	req := AuthenticationRequest{Username: "alice", UserVerification: "required"}
	if format == virtualauth.FormatFIDOU2F {
		req.UserVerification = "discouraged"
		if f.Name == "ignore-user-verification" {
			return false
		}
	}
	// A login before, so that counters have gone up on both sides.
	before, a, err := b.get(req, virtualauth.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.finishGet(before, a.Response); err != nil {
		t.Fatal(err)
	}
	if err := b.opinion.authentication(before, marshal(t, a.Response)); err != nil {
		t.Fatal(err)
	}
	if f.Name == "user-handle-absent" {
		// A fault only where the user is not known beforehand; go-webauthn's
		// ValidateLogin is for known users alone.
		if format == virtualauth.FormatFIDOU2F {
			return false
		}
		req.Username = ""
		options, a, err := b.get(req, faults)
		if err != nil {
			return false
		}
		_, ours := b.finishGet(options, a.Response)
		judge(t, f, format, ours)
		return true
	}
	options, a, err := b.get(req, faults)
	if err != nil {
		return false
	}
	_, ours := b.finishGet(options, a.Response)
	judge(t, f, format, ours)
	compare(t, seen, f.Name, ours, b.opinion.authentication(options, marshal(t, a.Response)))
	return true
}
