package virtualauth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// twin is a valid registration and a valid authentication to break.
type twin struct {
	reg     *virtualauth.Registration
	login   *virtualauth.Assertion
	attest  string
	regKeys virtualauth.Keys
}

func newTwin(t testing.TB, f virtualauth.Fault) twin {
	t.Helper()
	cfg := virtualauth.Config{ResidentKeys: true, UserVerification: true, Counter: virtualauth.Counter{Start: 7}}
	sel := virtualauth.AuthenticatorSelection{ResidentKey: "required"}
	attest := "none"
	switch {
	case slices.Contains(f.Formats, "fido-u2f") && !slices.Contains(f.Formats, "packed"):
		cfg, sel, attest = virtualauth.Config{Protocol: virtualauth.U2F}, virtualauth.AuthenticatorSelection{}, "direct"
	case f.Formats != nil && !slices.Contains(f.Formats, "none") || f.Field == "AAGUIDZero" || f.Stage == virtualauth.StageKey:
		attest = "direct"
	}
	cfg.Clock = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	if format := configFormat(f); format != "" {
		cfg.Formats, attest = []string{format}, "direct"
	}
	switch f.Field {
	case "FlagUVSet":
		cfg.UserVerification = false
	case "FlagBEClear":
		cfg.BackupEligible, cfg.BackupState = true, true
	case "UserHandlePresent":
		cfg.ResidentKeys, sel.ResidentKey = false, ""
	}
	a := newAuthenticator(t, cfg)
	options := creationOptions(attest, sel)
	options.PubKeyCredParams[0].Alg = keyAlgorithm(f)
	reg, err := page.Create(context.Background(), a, options, virtualauth.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	login, err := page.Get(context.Background(), a, &virtualauth.RequestOptions{
		Challenge:        []byte("another challenge, thirty-two b."),
		AllowCredentials: []virtualauth.Descriptor{{Type: "public-key", ID: reg.Credential.ID}},
	}, virtualauth.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	return twin{reg, login, attest, reg.Keys()}
}

// configFormat is the attestation that a fault of certificates needs.
func configFormat(f virtualauth.Fault) string {
	if f.Certificates || len(f.Formats) == 1 && slices.Contains([]string{"tpm", "android-safetynet", "compound", "apple"}, f.Formats[0]) {
		return f.Formats[0]
	}
	return ""
}

// keyAlgorithm is that of the keys that a fault applies to.
func keyAlgorithm(f virtualauth.Fault) int64 {
	if f.Field == "KeyExponentOther" || f.Field == "KeyAlgRS1" {
		return virtualauth.RS256
	}
	return virtualauth.ES256
}

func creationOptions(attest string, sel virtualauth.AuthenticatorSelection) *virtualauth.CreationOptions {
	return &virtualauth.CreationOptions{
		RP:                     virtualauth.RPEntity{ID: "rp.example", Name: "RP"},
		User:                   virtualauth.UserEntity{ID: []byte("handle of ada"), Name: "ada", DisplayName: "Ada"},
		Challenge:              []byte("a challenge of thirty-two bytes."),
		PubKeyCredParams:       []virtualauth.PubKeyCredParam{{Type: "public-key", Alg: virtualauth.ES256}},
		AuthenticatorSelection: sel,
		Attestation:            attest,
	}
}

// object is an attestation object as an independent decoder sees it.
type object struct {
	Format    string                     `cbor:"fmt"`
	Statement map[string]cbor.RawMessage `cbor:"attStmt"`
	AuthData  []byte                     `cbor:"authData"`
}

func decode(t testing.TB, b []byte) object {
	t.Helper()
	var o object
	if err := cbor.Unmarshal(b, &o); err != nil {
		t.Fatalf("attestation object: %v", err)
	}
	return o
}

// verifies says whether sig is by pub over authData || SHA-256(clientData).
func verifies(pub any, authData, clientData, sig []byte) bool {
	hash := sha256.Sum256(clientData)
	digest := sha256.Sum256(slices.Concat(authData, hash[:]))
	if key, ok := pub.(*rsa.PublicKey); ok {
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], sig) == nil
	}
	return ecdsa.VerifyASN1(pub.(*ecdsa.PublicKey), digest[:], sig)
}

// TestFaultsAreSingle proves of each fault that it changes its own part and
// nothing else, and that what is signed verifies unless the signature is the fault.
func TestFaultsAreSingle(t *testing.T) {
	for _, f := range virtualauth.AllFaults() {
		if f.Stage == virtualauth.StageOptions {
			continue
		}
		faults, err := virtualauth.ParseFaults(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if f.InRegistration() {
			t.Run("registration/"+f.Name, func(t *testing.T) { proveRegistration(t, f, faults) })
		}
		if f.InAuthentication() {
			t.Run("authentication/"+f.Name, func(t *testing.T) { proveAssertion(t, f, faults) })
		}
	}
}

func proveRegistration(t *testing.T, f virtualauth.Fault, faults virtualauth.Faults) {
	w := newTwin(t, f)
	valid := w.reg.Response
	broken, err := virtualauth.EditRegistration(valid, w.regKeys, faults)
	if err != nil {
		t.Fatal(err)
	}
	again, err := virtualauth.EditRegistration(valid, w.regKeys, faults)
	if err != nil {
		t.Fatal(err)
	}
	wire := marshal(t, broken)
	if !bytes.Equal(wire, marshal(t, again)) {
		t.Error("editing twice gives different bytes")
	}
	if bytes.Equal(wire, marshal(t, valid)) {
		t.Fatal("the fault changes nothing")
	}
	if f.Stage != virtualauth.StageClientData {
		same(t, "client data", valid.ClientDataJSON, broken.ClientDataJSON)
	}
	if f.Stage == virtualauth.StageResponse {
		same(t, "attestation object", valid.AttestationObject, broken.AttestationObject)
		return
	}
	if !f.InAuthentication() && f.Stage != virtualauth.StageAuthData || f.Stage == virtualauth.StageClientData {
		if broken.ID != valid.ID || !bytes.Equal(broken.RawID, valid.RawID) {
			t.Error("the ids have changed")
		}
	}
	if f.Stage == virtualauth.StageEncoding {
		same(t, "copy of the authenticator data", valid.AuthenticatorData, broken.AuthenticatorData)
		if bytes.Equal(valid.AttestationObject, broken.AttestationObject) {
			t.Error("the attestation object is unchanged")
		}
		return
	}
	if configFormat(f) != "" {
		proveCertificates(t, f, valid, broken)
		return
	}
	before, after := decode(t, valid.AttestationObject), decode(t, broken.AttestationObject)
	if before.Format != after.Format {
		t.Errorf("fmt went from %s to %s", before.Format, after.Format)
	}
	switch f.Stage {
	case virtualauth.StageClientData:
		same(t, "authenticator data", before.AuthData, after.AuthData)
		proveClientData(t, f, valid.ClientDataJSON, broken.ClientDataJSON)
	case virtualauth.StageAttestation:
		same(t, "authenticator data", before.AuthData, after.AuthData)
		proveStatement(t, f, before, after, broken, w)
		return
	case virtualauth.StageAuthData:
		proveAuthData(t, f, before.AuthData, after.AuthData)
	case virtualauth.StageKey:
		// Everything up to the key stays, and everything behind it.
		head := 55 + len(valid.RawID)
		same(t, "authenticator data before the key", before.AuthData[:head], after.AuthData[:min(head, len(after.AuthData))])
	}
	if !bytes.Equal(before.AuthData, after.AuthData) {
		same(t, "copy of the authenticator data", after.AuthData, broken.AuthenticatorData)
	}
	// The statement is the same but for the signature, and for alg where that
	// repeats the key's.
	for name, raw := range before.Statement {
		if name != "sig" && !(name == "alg" && strings.HasPrefix(f.Field, "KeyAlg")) && !bytes.Equal(raw, after.Statement[name]) {
			t.Errorf("%s of the statement has changed", name)
		}
	}
	if len(before.Statement) != len(after.Statement) {
		t.Error("the statement has other members")
	}
	switch after.Format {
	case "packed":
		if !verifies(w.reg.Credential.PrivateKey.Public(), after.AuthData, broken.ClientDataJSON, signatureOf(t, after)) {
			t.Error("the statement's signature does not verify")
		}
	case "fido-u2f":
		if f.Field != "RPIDHashTruncated" && !u2fVerifies(t, after, broken.ClientDataJSON, w) {
			t.Error("the statement's signature does not verify")
		}
	}
}

func same(t testing.TB, what string, a, b []byte) {
	t.Helper()
	if !bytes.Equal(a, b) {
		t.Errorf("the %s has changed:\n%q\n%q", what, a, b)
	}
}

func signatureOf(t testing.TB, o object) []byte {
	t.Helper()
	var sig []byte
	if err := cbor.Unmarshal(o.Statement["sig"], &sig); err != nil {
		t.Fatal(err)
	}
	return sig
}

func u2fVerifies(t testing.TB, o object, clientData []byte, w twin) bool {
	t.Helper()
	var x5c [][]byte
	if err := cbor.Unmarshal(o.Statement["x5c"], &x5c); err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(x5c[0])
	if err != nil {
		t.Fatal(err)
	}
	point, err := w.reg.Credential.PrivateKey.Public().(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(clientData)
	digest := sha256.Sum256(slices.Concat([]byte{0}, o.AuthData[:32], hash[:], w.reg.Credential.ID, point))
	return ecdsa.VerifyASN1(cert.PublicKey.(*ecdsa.PublicKey), digest[:], signatureOf(t, o))
}

// proveClientData checks that only the member that the fault is named for has
// changed, where the client data still parses.
func proveClientData(t *testing.T, f virtualauth.Fault, before, after []byte) {
	t.Helper()
	if bytes.Equal(before, after) {
		t.Error("the client data is unchanged")
	}
	member := ""
	for prefix, name := range map[string]string{"ClientDataType": "type", "Challenge": "challenge", "Origin": "origin", "CrossOrigin": "crossOrigin", "TopOrigin": "topOrigin", "TokenBinding": "tokenBinding"} {
		if strings.HasPrefix(f.Field, prefix) {
			member = name
		}
	}
	if member == "" && !f.Legal {
		return
	}
	var was, is map[string]json.RawMessage
	if err := json.Unmarshal(before, &was); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(bytes.TrimPrefix(after, []byte("\ufeff")), &is); err != nil {
		t.Fatalf("the client data no longer parses: %v", err)
	}
	for name, raw := range was {
		if name == member || name == "crossOrigin" && f.Field == "TopOriginOther" || name == "type" && f.Field == "ClientDataEscaped" {
			continue
		}
		if !bytes.Equal(is[name], raw) {
			t.Errorf("member %s went from %s to %s", name, raw, is[name])
		}
	}
	for name := range is {
		if _, there := was[name]; !there && name != member && f.Field != "ClientDataUnknownMember" {
			t.Errorf("member %s is new", name)
		}
	}
}

// proveAuthData checks that the authenticator data has changed only where the
// fault is named for.
func proveAuthData(t *testing.T, f virtualauth.Fault, before, after []byte) {
	t.Helper()
	if bytes.Equal(before, after) {
		t.Error("the authenticator data is unchanged")
	}
	var from, to int
	switch {
	case f.Field == "RPIDHashTruncated":
		same(t, "authenticator data behind the RP ID hash", before[32:], after[31:])
		return
	case strings.HasPrefix(f.Field, "RPIDHash"):
		from, to = 0, 32
	case strings.HasPrefix(f.Field, "Flag"), f.Field == "AssertionFlagAT":
		from, to = 32, 33
	case strings.HasPrefix(f.Field, "Counter"):
		from, to = 33, 37
	case strings.HasPrefix(f.Field, "AAGUID"), f.Field == "U2FAAGUIDNonZero":
		from, to = 37, 53
	case f.Field == "CredentialIDLengthShort":
		from, to = 53, 55
		if last := 54 + int(binary.BigEndian.Uint16(before[53:])); after[last] == 0x81 {
			before = bytes.Clone(before)
			before[last] = 0x81
		} else {
			t.Errorf("the last byte of the credential id is %#x", after[last])
		}
	case strings.HasPrefix(f.Field, "CredentialIDLength"):
		from, to = 53, 55
	case strings.HasPrefix(f.Field, "CredentialID"), f.Field == "AppleNonceLikeDER": // whose way is the id
		same(t, "authenticator data before the credential id", before[:53], after[:53])
		n, m := int(binary.BigEndian.Uint16(before[53:])), int(binary.BigEndian.Uint16(after[53:]))
		same(t, "authenticator data behind the credential id", before[55+n:], after[55+m:])
		return
	default: // the length is the fault
		n := min(len(before), len(after), 32)
		same(t, "RP ID hash", before[:n], after[:n])
		if n = min(len(before), len(after)); n > 37 && !f.InAuthentication() {
			same(t, "counter", before[33:37], after[33:37])
		}
		return
	}
	if len(before) != len(after) {
		t.Fatalf("the authenticator data went from %d to %d bytes", len(before), len(after))
	}
	same(t, "authenticator data before the fault", before[:from], after[:from])
	same(t, "authenticator data behind the fault", before[to:], after[to:])
}

// proveStatement checks that the statement has changed in the member that the
// fault is named for, and that its signature verifies unless that is the fault.
func proveStatement(t *testing.T, f virtualauth.Fault, before, after object, broken virtualauth.RegistrationResponse, w twin) {
	t.Helper()
	member := ""
	for prefix, name := range map[string]string{"StatementAlg": "alg", "StatementSig": "sig", "StatementX5C": "x5c", "U2FX5C": "x5c", "U2FSig": "sig"} {
		if strings.HasPrefix(f.Field, prefix) {
			member = name
		}
	}
	if member == "" {
		return // the whole statement is the fault
	}
	if bytes.Equal(before.Statement[member], after.Statement[member]) {
		t.Errorf("%s of the statement is unchanged", member)
	}
	for name, raw := range before.Statement {
		if name != member && !bytes.Equal(raw, after.Statement[name]) {
			t.Errorf("%s of the statement has changed", name)
		}
	}
	if after.Format != "packed" || strings.HasSuffix(f.Field, "SigMissing") || strings.HasSuffix(f.Field, "SigText") {
		return
	}
	if ok := verifies(w.reg.Credential.PrivateKey.Public(), after.AuthData, broken.ClientDataJSON, signatureOf(t, after)); ok != (member != "sig") {
		t.Errorf("the signature verifies: %v", ok)
	}
}

// proveCertificates checks that nothing but the statement has changed, and of
// its members only those that the fault and a new signature are in.
func proveCertificates(t *testing.T, f virtualauth.Fault, valid, broken virtualauth.RegistrationResponse) {
	t.Helper()
	type anyObject struct {
		Format    string          `cbor:"fmt"`
		Statement cbor.RawMessage `cbor:"attStmt"`
		AuthData  []byte          `cbor:"authData"`
	}
	var before, after anyObject
	if err := errors.Join(cbor.Unmarshal(valid.AttestationObject, &before), cbor.Unmarshal(broken.AttestationObject, &after)); err != nil {
		t.Fatal(err)
	}
	if f.Field == "AppleNonceLikeDER" {
		proveAuthData(t, f, before.AuthData, after.AuthData)
		hash := sha256.Sum256(broken.ClientDataJSON)
		nonce := sha256.Sum256(slices.Concat(after.AuthData, hash[:]))
		if value := slices.Concat([]byte{0x30, 0x24, 0xa1, 0x22, 0x04, 0x20}, nonce[:]); nonce[0] != 0x04 || nonce[1] != 30 || !bytes.Contains(after.Statement, value) {
			t.Errorf("the nonce is %x, or the certificate has another", nonce)
		}
	} else {
		same(t, "authenticator data", before.AuthData, after.AuthData)
	}
	if before.Format != after.Format || bytes.Equal(before.Statement, after.Statement) {
		t.Errorf("fmt went from %s to %s, or the statement is unchanged", before.Format, after.Format)
	}
	if before.Format == "compound" {
		return
	}
	var was, is map[string]cbor.RawMessage
	if err := errors.Join(cbor.Unmarshal(before.Statement, &was), cbor.Unmarshal(after.Statement, &is)); err != nil {
		t.Fatal(err)
	}
	may := map[string]bool{"x5c": true}
	switch {
	case f.Field == "TPMPubAreaOther":
		may = map[string]bool{"pubArea": true, "certInfo": true, "sig": true}
	case f.Field == "AndroidKeyCertificateOther": // signed with the key that is certified
		may["sig"] = true
	case f.Field == "TPMVersionOther" || f.Field == "SafetyNetVersionEmpty":
		may = map[string]bool{"ver": true}
	case f.Formats[0] == "android-safetynet":
		may = map[string]bool{"response": true}
	case f.Field == "TPMMagicWrong" || f.Field == "TPMTypeWrong" || f.Field == "TPMExtraDataOther" || f.Field == "TPMNameOther" || f.Field == "TPMNamesEmpty":
		may = map[string]bool{"certInfo": true, "sig": true}
	}
	for name, raw := range was {
		if !may[name] && !bytes.Equal(raw, is[name]) {
			t.Errorf("%s of the statement has changed", name)
		}
	}
	if len(was) != len(is) {
		t.Error("the statement has other members")
	}
}

func proveAssertion(t *testing.T, f virtualauth.Fault, faults virtualauth.Faults) {
	w := newTwin(t, f)
	valid := w.login.Response
	keys := w.login.Keys()
	broken, err := virtualauth.EditAssertion(valid, keys, faults)
	if err != nil {
		t.Fatal(err)
	}
	again, err := virtualauth.EditAssertion(valid, keys, faults)
	if err != nil {
		t.Fatal(err)
	}
	wire := marshal(t, broken)
	if !bytes.Equal(wire, marshal(t, again)) {
		t.Error("editing twice gives different bytes")
	}
	if bytes.Equal(wire, marshal(t, valid)) && f.Field != "SignatureHighS" && f.Field != "SignatureLowS" {
		t.Fatal("the fault changes nothing")
	}
	switch f.Stage {
	case virtualauth.StageClientData:
		proveClientData(t, f, valid.ClientDataJSON, broken.ClientDataJSON)
		same(t, "authenticator data", valid.AuthenticatorData, broken.AuthenticatorData)
	case virtualauth.StageAuthData:
		same(t, "client data", valid.ClientDataJSON, broken.ClientDataJSON)
		proveAuthData(t, f, valid.AuthenticatorData, broken.AuthenticatorData)
	default:
		same(t, "client data", valid.ClientDataJSON, broken.ClientDataJSON)
		same(t, "authenticator data", valid.AuthenticatorData, broken.AuthenticatorData)
	}
	if f.Stage == virtualauth.StageResponse {
		same(t, "signature", valid.Signature, broken.Signature)
	} else if broken.ID != valid.ID || !bytes.Equal(broken.RawID, valid.RawID) || !bytes.Equal(broken.UserHandle, valid.UserHandle) {
		t.Error("the envelope has changed")
	}
	ok := verifies(w.reg.Credential.PrivateKey.Public(), broken.AuthenticatorData, broken.ClientDataJSON, broken.Signature)
	if want := f.Stage != virtualauth.StageSignature || f.Legal; ok != want {
		t.Errorf("the signature verifies: %v", ok)
	}
}

// TestNotApplicable: a fault that a response leaves no room for says so.
func TestNotApplicable(t *testing.T) {
	w := newTwin(t, virtualauth.Fault{})
	for _, f := range []virtualauth.Faults{
		{StatementSigBitFlip: true}, // there is no signature under none
		{U2FX5CMissing: true},
		{FlagUVSet: true},        // set already
		{SignatureBitFlip: true}, // of the other ceremony
	} {
		if _, err := virtualauth.EditRegistration(w.reg.Response, w.regKeys, f); !errors.Is(err, virtualauth.ErrNotApplicable) {
			t.Errorf("%v: %v", f.Names(), err)
		}
	}
	for _, f := range []virtualauth.Faults{{FlagBEClear: true}, {KeyXMissing: true}} {
		if _, err := virtualauth.EditAssertion(w.login.Response, w.login.Keys(), f); !errors.Is(err, virtualauth.ErrNotApplicable) {
			t.Errorf("%v: %v", f.Names(), err)
		}
	}
}

// TestEditLeavesInputAlone: the response that was given stays as it was.
func TestEditLeavesInputAlone(t *testing.T) {
	for _, f := range virtualauth.AllFaults() {
		w := newTwin(t, f)
		reg, login := marshal(t, w.reg.Response), marshal(t, w.login.Response)
		faults, err := virtualauth.ParseFaults(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if f.InRegistration() {
			if _, err := virtualauth.EditRegistration(w.reg.Response, w.regKeys, faults); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
		if f.InAuthentication() {
			if _, err := virtualauth.EditAssertion(w.login.Response, w.login.Keys(), faults); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
		if !bytes.Equal(reg, marshal(t, w.reg.Response)) || !bytes.Equal(login, marshal(t, w.login.Response)) {
			t.Errorf("%s wrote into the response it was given", f.Name)
		}
	}
}
