package rp_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

var b64 = base64.RawURLEncoding

// creationFor turns a Dfns answer into options a client takes, decoded (as the
// mobile clients do) or with the UTF-8 of the challenge's text (as the browser
// client does).
func creationFor(t *testing.T, a *answer, undecoded bool) m {
	t.Helper()
	o := a.json()
	if params, ok := o["pubKeyCredParam"]; ok {
		o["pubKeyCredParams"] = params
	}
	o["user"].(m)["id"] = b64.EncodeToString([]byte(o["user"].(m)["id"].(string)))
	if undecoded {
		o["challenge"] = b64.EncodeToString([]byte(o["challenge"].(string)))
	}
	return o
}

func requestFor(t *testing.T, a *answer, undecoded bool) m {
	t.Helper()
	o := a.json()
	challenge := o["challenge"].(string)
	if undecoded {
		challenge = b64.EncodeToString([]byte(challenge))
	}
	return m{"challenge": challenge, "rpId": at(t, o, "rp.id"), "userVerification": o["userVerification"], "allowCredentials": at(t, o, "allowCredentials.webauthn")}
}

func fido2Info(t *testing.T, r m) m {
	t.Helper()
	return m{"credId": r["id"], "clientData": at(t, r, "response.clientDataJSON"), "attestationData": at(t, r, "response.attestationObject")}
}

func fido2Factor(t *testing.T, r m) m {
	t.Helper()
	a := m{"credId": r["id"], "clientData": at(t, r, "response.clientDataJSON"),
		"authenticatorData": at(t, r, "response.authenticatorData"), "signature": at(t, r, "response.signature")}
	if h := at(t, r, "response.userHandle"); h != nil {
		a["userHandle"] = h
	}
	return m{"kind": "Fido2", "credentialAssertion": a}
}

// machineKey is a Key credential.
type machineKey struct {
	id     string
	signer crypto.Signer
}

func newMachineKey(t *testing.T, signer crypto.Signer, err error) *machineKey {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		t.Fatal(err)
	}
	return &machineKey{b64.EncodeToString(id), signer}
}

func ecKey(t *testing.T) *machineKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return newMachineKey(t, k, err)
}

func (k *machineKey) sign(t *testing.T, message []byte) []byte {
	t.Helper()
	var opts crypto.SignerOpts = crypto.SHA256
	h := sha256.Sum256(message)
	digest := h[:]
	if _, ok := k.signer.(ed25519.PrivateKey); ok {
		opts, digest = crypto.Hash(0), message
	}
	sig, err := k.signer.Sign(rand.Reader, digest, opts)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func (k *machineKey) pem(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// info is the credentialInfo of a new key, with client data of the vendor's form.
func (k *machineKey) info(t *testing.T, clientData string) m {
	t.Helper()
	hash := sha256.Sum256([]byte(clientData))
	public := k.pem(t)
	text, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	signed := `{"clientDataHash":"` + hex.EncodeToString(hash[:]) + `","publicKey":` + string(text) + `}`
	att := toJSON(t, m{"publicKey": public, "signature": hex.EncodeToString(k.sign(t, []byte(signed)))})
	return m{"credId": k.id, "clientData": b64.EncodeToString([]byte(clientData)), "attestationData": b64.EncodeToString(att)}
}

func createData(challenge string) string {
	return fmt.Sprintf(`{"type":"key.create","challenge":%q,"origin":%q,"crossOrigin":false}`, challenge, testOrigin)
}

func (k *machineKey) factor(t *testing.T, clientData string) m {
	t.Helper()
	return m{"kind": "Key", "credentialAssertion": m{
		"credId": k.id, "clientData": b64.EncodeToString([]byte(clientData)), "signature": b64.EncodeToString(k.sign(t, []byte(clientData))),
	}}
}

func getData(challenge string) string {
	return fmt.Sprintf(`{"type":"key.get","challenge":%q}`, challenge)
}

// dfnsUser is a registered and logged-in user with a passkey.
type dfnsUser struct {
	*visitor
	name string
	dev  *device
}

const registrationInit = "/auth/registration/init"

func initBody(name string) m {
	return m{"orgId": "or-1", "username": name, "registrationCode": "1234"}
}

func (w *world) dfnsUser(name string) *dfnsUser {
	w.Helper()
	u := &dfnsUser{visitor: w.visitor("X-Dfns-Appid", "ap-1", "X-Dfns-Nonce", "e30"), name: name, dev: w.device()}
	a := u.post(registrationInit, initBody(name)).want(200)
	r := u.dev.create(creationFor(w.T, a, false))
	u.post("/auth/registration", m{"firstFactorCredential": m{"credentialKind": "Fido2", "credentialInfo": fido2Info(w.T, r)}},
		"Authorization", "Bearer "+a.text("temporaryAuthenticationToken")).want(200)
	u.login()
	return u
}

func (u *dfnsUser) login() {
	u.w.Helper()
	u.header.Del("Authorization")
	a := u.post("/auth/login/init", m{"orgId": "or-1", "username": u.name}).want(200)
	token := u.post("/auth/login", m{"challengeIdentifier": a.text("challengeIdentifier"),
		"firstFactor": fido2Factor(u.w.T, u.dev.get(requestFor(u.w.T, a, false)))}).want(200).text("token")
	u.header.Set("Authorization", "Bearer "+token)
}

// act signs a user action and sends the request that it is for.
func (u *dfnsUser) act(method, path string, body any) *answer {
	u.w.Helper()
	text := ""
	if body != nil {
		text = string(toJSON(u.w.T, body))
	}
	return u.send(method, path, text, "X-Dfns-Useraction", u.action(method, path, text))
}

func (u *dfnsUser) action(method, path, payload string) string {
	u.w.Helper()
	a := u.post("/auth/action/init", m{"userActionPayload": payload, "userActionHttpMethod": method, "userActionHttpPath": path, "userActionServerKind": "Api"}).want(200)
	return u.post("/auth/action", m{"challengeIdentifier": a.text("challengeIdentifier"),
		"firstFactor": fido2Factor(u.w.T, u.dev.get(requestFor(u.w.T, a, false)))}).want(200).text("userAction")
}

func TestDfnsRegistrationAndLogin(t *testing.T) {
	w := newWorld(t)
	for i, undecoded := range []bool{false, true} {
		name := fmt.Sprintf("jane%d@example.co", i)
		v, dev := w.visitor(), w.device()
		a := v.post(registrationInit, initBody(name)).want(200)
		a.equal("rp", `{"id":"rp.example","name":"Example"}`, "user.name", fmt.Sprintf("%q", name), "user.displayName", fmt.Sprintf("%q", name),
			"pubKeyCredParams", `[{"alg":-7,"type":"public-key"},{"alg":-257,"type":"public-key"}]`, "attestation", `"none"`,
			"excludeCredentials", "[]", "authenticatorSelection", `{"requireResidentKey":true,"residentKey":"required","userVerification":"required"}`,
			"supportedCredentialKinds.firstFactor", `["Fido2","Key","PasswordProtectedKey"]`, "otpUrl", `""`,
			"kind", "null", "challengeIdentifier", "null", "extensions", "null")
		if id := a.text("user.id"); !regexp.MustCompile(`^us-[0-9a-v]{5}-[0-9a-v]{5}-[0-9a-v]{16}$`).MatchString(id) {
			t.Errorf("user.id %q", id)
		}
		r := dev.create(creationFor(t, a, undecoded))
		done := v.post("/auth/registration", m{"firstFactorCredential": m{"credentialKind": "Fido2", "credentialInfo": fido2Info(t, r), "credentialName": "mine"}},
			"Authorization", "Bearer "+a.text("temporaryAuthenticationToken")).want(200)
		done.equal("credential.kind", `"Fido2"`, "credential.name", `"mine"`, "user.id", fmt.Sprintf("%q", a.text("user.id")), "user.orgId", `"or-1"`)
		v.post(registrationInit, initBody(name)).want(401).saying("user already exists")

		for _, username := range []any{name, nil, ""} {
			body := m{"orgId": "or-1", "username": username}
			if username == nil {
				delete(body, "username")
			}
			l := v.post("/auth/login/init", body).want(200)
			l.equal("supportedCredentialKinds", `[{"factor":"either","kind":"Fido2","requiresSecondFactor":false}]`, "userVerification", `"required"`,
				"attestation", `"none"`, "externalAuthenticationUrl", `""`, "allowCredentials.key", "[]", "rp.id", `"rp.example"`)
			if username == name {
				l.equal("allowCredentials.webauthn", fmt.Sprintf(`[{"id":%q,"type":"public-key"}]`, r["id"]))
			} else {
				l.equal("allowCredentials.webauthn", "[]")
			}
			factor := fido2Factor(t, dev.get(requestFor(t, l, undecoded)))
			finish := m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": factor}
			token := v.post("/auth/login", finish).want(200).text("token")
			v.get("/session", "Authorization", "Bearer "+token).equal("authenticated", "true", "dialect", `"dfns"`, "username", fmt.Sprintf("%q", name))
			v.post("/auth/login", finish).want(401)
			v.send("PUT", "/auth/logout", nil, "Authorization", "Bearer "+token).want(200).equal("message", `"success"`)
			v.get("/session", "Authorization", "Bearer "+token).equal("authenticated", "false")
		}
	}
}

func TestDfnsCreateCredential(t *testing.T) {
	w := newWorld(t)
	u := w.dfnsUser("kate")
	before := u.get("/auth/credentials").want(200)
	item := before.at("items.0").(m)
	keys := []string{}
	for k := range item {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if got := strings.Join(keys, " "); got != "credentialId credentialUuid dateCreated isActive kind name origin publicKey relyingPartyId" {
		t.Errorf("members %s", got)
	}
	if !strings.HasPrefix(item["publicKey"].(string), "-----BEGIN PUBLIC KEY-----\n") || !strings.HasPrefix(item["credentialUuid"].(string), "cr-") ||
		item["origin"] != testOrigin || item["relyingPartyId"] != testRPID || item["dateCreated"] != "2026-11-23T09:00:00.000Z" {
		t.Errorf("item %v", item)
	}

	second := w.device()
	a := u.post("/auth/credentials/init", m{"kind": "Fido2"}).want(200)
	a.equal("kind", `"Fido2"`, "excludeCredentials.0.id", fmt.Sprintf("%q", item["credentialId"]))
	if a.text("temporaryAuthenticationToken") != a.text("challengeIdentifier") {
		t.Error("the temporary token is not the identifier")
	}
	body := m{"challengeIdentifier": a.text("challengeIdentifier"), "credentialName": "second", "credentialKind": "Fido2",
		"credentialInfo": fido2Info(t, second.create(creationFor(t, a, true)))}
	u.post("/auth/credentials", body).want(403).saying("user action signature is missing or invalid")
	made := u.act("POST", "/auth/credentials", body).want(200)
	made.equal("kind", `"Fido2"`, "name", `"second"`, "isActive", "true", "relyingPartyId", `"rp.example"`, "origin", `"https://rp.example"`)
	// The same once more: the action is fresh, the challenge is not.
	u.act("POST", "/auth/credentials", body).want(400)

	l := u.post("/auth/login/init", m{"orgId": "o", "username": "kate"}).want(200)
	u.post("/auth/login", m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": fido2Factor(t, second.get(requestFor(t, l, true)))}).want(200)

	uuid := made.text("credentialUuid")
	u.act("PUT", "/auth/credentials/deactivate", m{"credentialUuid": uuid}).want(200).equal("message", `"success"`)
	l = u.post("/auth/login/init", m{"orgId": "o", "username": "kate"}).want(200).equal("allowCredentials.webauthn.1", "null")
	inactive := second.get(m{"challenge": l.text("challenge"), "rpId": testRPID, "userVerification": "required"})
	u.post("/auth/login", m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": fido2Factor(t, inactive)}).want(401)
	u.act("PUT", "/auth/credentials/activate", m{"credentialUuid": uuid}).want(200)
	l = u.post("/auth/login/init", m{"orgId": "o", "username": "kate"}).want(200)
	u.post("/auth/login", m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": fido2Factor(t, second.get(requestFor(t, l, false)))}).want(200)
	u.act("PUT", "/auth/credentials/activate", m{"credentialUuid": "cr-none"}).want(404)
	u.act("DELETE", "/auth/credentials/"+uuid, nil).want(200)
	u.act("DELETE", "/auth/credentials/"+uuid, nil).want(404)
	u.get("/auth/credentials").want(200).equal("items.1", "null")
}

// RS256 is offered, and a key of that kind registers and logs in.
func TestDfnsRS256(t *testing.T) {
	w := newWorld(t)
	v := w.visitor()
	party := virtualwebauthn.RelyingParty{ID: testRPID, Name: "Example", Origin: testOrigin}
	auth := virtualwebauthn.NewAuthenticator()
	cred := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeRSA)
	a := v.post(registrationInit, initBody("rsa")).want(200)
	challenge, err := b64.DecodeString(a.text("challenge"))
	if err != nil {
		t.Fatal(err)
	}
	r := fromJSON(t, []byte(virtualwebauthn.CreateAttestationResponse(party, auth, cred, virtualwebauthn.AttestationOptions{Challenge: challenge, RelyingPartyID: testRPID})))
	v.post("/auth/registration", m{"firstFactorCredential": m{"credentialKind": "Fido2", "credentialInfo": fido2Info(t, r)}},
		"Authorization", "Bearer "+a.text("temporaryAuthenticationToken")).want(200)
	l := v.post("/auth/login/init", m{"orgId": "o", "username": "rsa"}).want(200)
	if challenge, err = b64.DecodeString(l.text("challenge")); err != nil {
		t.Fatal(err)
	}
	r = fromJSON(t, []byte(virtualwebauthn.CreateAssertionResponse(party, auth, cred, virtualwebauthn.AssertionOptions{Challenge: challenge, RelyingPartyID: testRPID})))
	token := v.post("/auth/login", m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": fido2Factor(t, r)}).want(200).text("token")
	key := v.get("/auth/credentials", "Authorization", "Bearer "+token).want(200).text("items.0.publicKey")
	block, _ := pem.Decode([]byte(key))
	if block == nil {
		t.Fatalf("public key %q", key)
	}
	if k, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		t.Error(err)
	} else if _, ok := k.(*rsa.PublicKey); !ok {
		t.Errorf("a %T", k)
	}
}

func TestDfnsPackedSelfIsAccepted(t *testing.T) {
	w := newWorld(t)
	v := w.visitor()
	dev := w.device(func(c *virtualauth.Config) {
		c.Formats, c.AlwaysAttest = []string{virtualauth.FormatPackedSelf}, true
	})
	a := v.post(registrationInit, initBody("liv")).want(200)
	r := dev.create(creationFor(t, a, false))
	v.post("/auth/registration", m{"firstFactorCredential": m{"credentialKind": "Fido2", "credentialInfo": fido2Info(t, r)}},
		"Authorization", "Bearer "+a.text("temporaryAuthenticationToken")).want(200)
}

func TestDfnsForms(t *testing.T) {
	old := newWorld(t, func(c *rp.Config) { c.Dfns.Form = rp.FormOldPage; c.Dfns.Attestation = "direct" })
	u := old.dfnsUser("moe")
	a := u.post("/auth/credentials/init", m{"kind": "Fido2"}).want(200)
	a.equal("pubKeyCredParams", "null", "pubKeyCredParam.1.alg", "-257", "temporaryAuthenticationToken", "null", "attestation", `"direct"`,
		"excludeCredentials.0.transports", `"hybrid"`)
	// A browser does not take a string there.
	o := creationFor(t, a, false)
	if _, err := virtualauth.ParseCreationOptions(toJSON(t, o)); err == nil {
		t.Error("transports in one string were taken")
	}
	at(t, o, "excludeCredentials.0").(m)["transports"] = []any{}
	made := old.device()
	body := m{"challengeIdentifier": a.text("challengeIdentifier"), "credentialName": "n", "kind": "Fido2",
		"credentialInfo": fido2Info(t, made.create(o))}
	u.act("POST", "/auth/credentials", body).want(200)

	fresh := newWorld(t, func(c *rp.Config) { c.Dfns.Form = rp.FormNewPage })
	u = fresh.dfnsUser("moe")
	uuid := u.get("/auth/credentials").want(200).text("items.0.credentialUuid")
	u.post("/auth/credentials/init", m{"kind": "Fido2"}).want(200).equal("excludeCredentials", fmt.Sprintf(`[{"id":%q,"type":"public-key"}]`, uuid))
}

func TestDfnsKeys(t *testing.T) {
	_, edKey, edErr := ed25519.GenerateKey(rand.Reader)
	rsaKey, rsaErr := rsa.GenerateKey(rand.Reader, 2048)
	w := newWorld(t)
	for name, k := range map[string]*machineKey{
		"es256": ecKey(t), "ed25519": newMachineKey(t, edKey, edErr), "rs256": newMachineKey(t, rsaKey, rsaErr),
	} {
		v := w.visitor()
		a := v.post(registrationInit, initBody(name)).want(200)
		v.post("/auth/registration", m{
			"firstFactorCredential": m{"credentialKind": "Key", "credentialInfo": k.info(t, createData(a.text("challenge")))},
			"recoveryCredential":    m{"credentialKind": "RecoveryKey", "credentialInfo": ecKey(t).info(t, createData(b64.EncodeToString([]byte(a.text("challenge")))))},
		}, "Authorization", "Bearer "+a.text("temporaryAuthenticationToken")).want(200).equal("credential.kind", `"Key"`)
		l := v.post("/auth/login/init", m{"orgId": "o", "username": name}).want(200)
		l.equal("allowCredentials.key", fmt.Sprintf(`[{"id":%q,"type":"public-key"}]`, k.id), "allowCredentials.webauthn", "[]",
			"supportedCredentialKinds.0.kind", `"Key"`, "supportedCredentialKinds.1", "null")
		finish := m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": k.factor(t, getData(l.text("challenge")))}
		token := v.post("/auth/login", finish).want(200).text("token")
		v.post("/auth/login", finish).want(400).saying("used already")
		v.get("/auth/credentials", "Authorization", "Bearer "+token).want(200).equal("items.0.kind", `"Key"`, "items.1.kind", `"RecoveryKey"`)
	}
}

func TestDfnsOtherKinds(t *testing.T) {
	w := newWorld(t)
	u := w.dfnsUser("nia")
	for _, kind := range []string{"Key", "PasswordProtectedKey", "RecoveryKey"} {
		a := u.post("/auth/credentials/init", m{"kind": kind}).want(200)
		a.equal("kind", fmt.Sprintf("%q", kind), "excludeCredentials", "null", "authenticatorSelection", "null", "pubKeyCredParams.0.alg", "-7")
		k := ecKey(t)
		body := m{"challengeIdentifier": a.text("challengeIdentifier"), "credentialName": kind, "credentialKind": kind,
			"credentialInfo": k.info(t, createData(a.text("challenge")))}
		if kind == "PasswordProtectedKey" {
			u.act("POST", "/auth/credentials", body).want(400).saying("encryptedPrivateKey is missing")
			body["encryptedPrivateKey"] = "sealed"
		}
		u.act("POST", "/auth/credentials", body).want(200).equal("kind", fmt.Sprintf("%q", kind), "credentialId", fmt.Sprintf("%q", k.id))
		if kind == "PasswordProtectedKey" {
			l := u.post("/auth/login/init", m{"orgId": "o", "username": "nia"}).want(200)
			l.equal("allowCredentials.passwordProtectedKey", fmt.Sprintf(`[{"encryptedPrivateKey":"sealed","id":%q,"type":"public-key"}]`, k.id))
			factor := k.factor(t, getData(l.text("challenge")))
			u.post("/auth/login", m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": factor}).want(401)
			l = u.post("/auth/login/init", m{"orgId": "o", "username": "nia"}).want(200)
			factor = k.factor(t, getData(l.text("challenge")))
			factor["kind"] = "PasswordProtectedKey"
			both := m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": factor,
				"secondFactor": fido2Factor(t, u.dev.get(requestFor(t, l, false)))}
			u.post("/auth/login", both).want(200)
		}
	}
	for _, kind := range []string{"Password", "Totp"} {
		u.post("/auth/credentials/init", m{"kind": kind}).want(400).saying("deprecated and not served")
	}
	u.post("/auth/credentials/init", m{"kind": "Sword"}).want(400)
	// The kind must be the one that the challenge was made for.
	a := u.post("/auth/credentials/init", m{"kind": "RecoveryKey"}).want(200)
	u.act("POST", "/auth/credentials", m{"challengeIdentifier": a.text("challengeIdentifier"), "credentialName": "x", "credentialKind": "Key",
		"credentialInfo": ecKey(t).info(t, createData(a.text("challenge")))}).want(400).saying("made for")
}

func TestDfnsKeyRefused(t *testing.T) {
	w := newWorld(t)
	k := ecKey(t)
	attestation := func(o m) string { return b64.EncodeToString(toJSON(t, o)) }
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	weak := newMachineKey(t, small, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	curve := newMachineKey(t, p384, err)
	for name, c := range map[string]struct {
		info func(challenge string) m
		says string
	}{
		"type":      {func(s string) m { return k.info(t, strings.Replace(createData(s), "key.create", "key.get", 1)) }, "type"},
		"challenge": {func(string) m { return k.info(t, createData("another")) }, "challenge"},
		"origin": {func(s string) m {
			return k.info(t, strings.Replace(createData(s), testOrigin, "https://evil.example", 1))
		}, "origin"},
		"cross":    {func(s string) m { return k.info(t, strings.Replace(createData(s), "false", "true", 1)) }, "crossOrigin"},
		"not JSON": {func(string) m { return k.info(t, "x") }, "clientData"},
		"other data": {func(s string) m {
			return with(t, k.info(t, createData(s)), "clientData", b64.EncodeToString([]byte(createData(s)+" ")))
		}, "verify"},
		"attestation": {func(s string) m {
			return with(t, k.info(t, createData(s)), "attestationData", b64.EncodeToString([]byte("x")))
		}, "attestationData"},
		"no key": {func(s string) m {
			return with(t, k.info(t, createData(s)), "attestationData", attestation(m{"signature": "00"}))
		}, "publicKey is missing"},
		"no PEM": {func(s string) m {
			return with(t, k.info(t, createData(s)), "attestationData", attestation(m{"signature": "00", "publicKey": "key"}))
		}, "PEM"},
		"two keys": {func(s string) m {
			return with(t, k.info(t, createData(s)), "attestationData", attestation(m{"signature": "00", "publicKey": k.pem(t) + k.pem(t)}))
		}, "more than one"},
		"signature": {func(s string) m {
			return with(t, k.info(t, createData(s)), "attestationData", attestation(m{"signature": "00", "publicKey": k.pem(t)}))
		}, "verify"},
		"not hex": {func(s string) m {
			return with(t, k.info(t, createData(s)), "attestationData", attestation(m{"signature": "zz", "publicKey": k.pem(t)}))
		}, "hex"},
		"algorithm": {func(s string) m {
			return with(t, k.info(t, createData(s)), "attestationData", attestation(m{"signature": "00", "publicKey": k.pem(t), "algorithm": "md5"}))
		}, "md5"},
		"another key": {func(s string) m {
			return with(t, k.info(t, createData(s)), "attestationData", ecKey(t).info(t, createData("x"))["attestationData"])
		}, "verify"},
		"weak":  {func(s string) m { return weak.info(t, createData(s)) }, "1024"},
		"curve": {func(s string) m { return curve.info(t, createData(s)) }, "P-384"},
		"no id": {func(s string) m { return with(t, k.info(t, createData(s)), "credId", "") }, "credId is empty"},
	} {
		v := w.visitor()
		a := v.post(registrationInit, initBody("otto")).want(200)
		body := m{"firstFactorCredential": m{"credentialKind": "Key", "credentialInfo": c.info(a.text("challenge"))}}
		token := []string{"Authorization", "Bearer " + a.text("temporaryAuthenticationToken")}
		r := v.post("/auth/registration", body, token...)
		if r.status != 400 || !strings.Contains(r.text("error.message"), c.says) {
			t.Errorf("%s: %d %s, want 400 saying %q", name, r.status, r.body, c.says)
		}
		if name != "no id" {
			good := m{"firstFactorCredential": m{"credentialKind": "Key", "credentialInfo": k.info(t, createData(a.text("challenge")))}}
			v.post("/auth/registration", good, token...).want(400).saying("used already")
		}
	}

	v := w.visitor()
	a := v.post(registrationInit, initBody("otto")).want(200)
	v.post("/auth/registration", m{"firstFactorCredential": m{"credentialKind": "Key", "credentialInfo": k.info(t, createData(a.text("challenge")))}},
		"Authorization", "Bearer "+a.text("temporaryAuthenticationToken")).want(200)
	// The credential ID is taken now, for everyone.
	a = v.post(registrationInit, initBody("pam")).want(200)
	v.post("/auth/registration", m{"firstFactorCredential": m{"credentialKind": "Key", "credentialInfo": k.info(t, createData(a.text("challenge")))}},
		"Authorization", "Bearer "+a.text("temporaryAuthenticationToken")).want(400).saying("exists already")
	for name, factor := range map[string]func(challenge string) m{
		"type":      func(s string) m { return k.factor(t, strings.Replace(getData(s), "key.get", "key.create", 1)) },
		"challenge": func(string) m { return k.factor(t, getData("another")) },
		"key":       func(s string) m { return (&machineKey{k.id, ecKey(t).signer}).factor(t, getData(s)) },
		"id":        func(s string) m { return (&machineKey{"AAAA", k.signer}).factor(t, getData(s)) },
		"algorithm": func(s string) m {
			return with(t, k.factor(t, getData(s)), "credentialAssertion.algorithm", "sha512")
		},
	} {
		l := v.post("/auth/login/init", m{"orgId": "o", "username": "otto"}).want(200)
		r := v.post("/auth/login", m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": factor(l.text("challenge"))})
		if r.status != 401 {
			t.Errorf("%s: %d %s, want 401", name, r.status, r.body)
		}
	}
	// Nobody's name: same shape, and no key fits.
	l := v.post("/auth/login/init", m{"orgId": "o", "username": "nobody"}).want(200)
	v.post("/auth/login", m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": k.factor(t, getData(l.text("challenge")))}).want(401)
}

func TestDfnsUserActions(t *testing.T) {
	w := newWorld(t)
	u, other := w.dfnsUser("quin"), w.dfnsUser("rob")
	const path = "/auth/credentials/code"
	body := func() string {
		return fmt.Sprintf(`{"expiration":%d}`, w.clock.Now().Add(30*time.Second).Unix())
	}
	send := func(v *dfnsUser, method, path, body, token string) *answer {
		return v.send(method, path, body, "X-Dfns-Useraction", token)
	}
	token := u.action("POST", path, body())
	send(u, "POST", path, body(), token).want(200)
	send(u, "POST", path, body(), token).want(400).saying("user action already used")
	for name, c := range map[string]struct{ method, path, payload string }{
		"payload": {"POST", path, body() + " "},
		"path":    {"POST", "/auth/credentials", body()},
		"method":  {"PUT", path, body()},
	} {
		token := u.action(c.method, c.path, c.payload)
		send(u, "POST", path, body(), token).want(403).saying("another " + name)
		send(u, "POST", path, body(), token).want(400).saying("already used")
	}
	// Another user's token, a session that is not the one, a token that is old.
	send(other, "POST", path, body(), u.action("POST", path, body())).want(403)
	a := u.post("/auth/action/init", m{"userActionPayload": "", "userActionHttpMethod": "POST", "userActionHttpPath": "/x"}).want(200)
	finish := m{"challengeIdentifier": a.text("challengeIdentifier"), "firstFactor": fido2Factor(t, u.dev.get(requestFor(t, a, false)))}
	other.post("/auth/action", finish).want(401)
	first := u.header.Get("Authorization")
	u.login()
	u.post("/auth/action", finish).want(401)
	u.header.Set("Authorization", first)
	u.post("/auth/action", finish).want(200)
	u.post("/auth/action", finish).want(401)
	token = u.action("POST", path, body())
	w.clock.advance(6 * time.Minute)
	send(u, "POST", path, body(), token).want(403)
	// A login's challenge is not an action's.
	l := u.post("/auth/login/init", m{"orgId": "o", "username": "quin"}).want(200)
	u.post("/auth/action", m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": fido2Factor(t, u.dev.get(requestFor(t, l, false)))}).
		want(400).saying("Challenge token is not valid.")
	for _, c := range []struct{ body, says string }{
		{`{}`, "userActionPayload is missing"},
		{`{"userActionPayload":{}}`, "userActionPayload: want a string, got an object"},
		{`{"userActionPayload":""}`, "userActionHttpMethod is missing"},
		{`{"userActionPayload":"","userActionHttpMethod":"PATCH"}`, "userActionHttpMethod"},
		{`{"userActionPayload":"","userActionHttpMethod":"POST"}`, "userActionHttpPath is missing"},
		{`{"userActionPayload":"","userActionHttpMethod":"POST","userActionHttpPath":"x"}`, "slash"},
		{`{"userActionPayload":"","userActionHttpMethod":"POST","userActionHttpPath":"/","userActionServerKind":"x"}`, "userActionServerKind"},
	} {
		u.post("/auth/action/init", c.body).want(400).saying(c.says)
	}
	w.visitor().post("/auth/action/init", `{}`).want(401).saying("Not Authorized.")
}

func TestDfnsCodeFlow(t *testing.T) {
	w := newWorld(t)
	u := w.dfnsUser("sue")
	code := func() string {
		return u.act("POST", "/auth/credentials/code", m{"expiration": w.clock.Now().Add(time.Minute).UTC().Format(time.RFC3339)}).want(200).text("code")
	}
	elsewhere, dev := w.visitor(), w.device()
	c := code()
	a := elsewhere.post("/auth/credentials/code/init", m{"code": c, "credentialKind": "Fido2"}).want(200).equal("kind", `"Fido2"`)
	body := m{"challengeIdentifier": a.text("challengeIdentifier"), "credentialName": "phone", "credentialKind": "Fido2",
		"credentialInfo": fido2Info(t, dev.create(creationFor(t, a, false)))}
	// A challenge by code does not serve the other way in.
	u.act("POST", "/auth/credentials", body).want(400)
	elsewhere.post("/auth/credentials/code/verify", body).want(200).equal("name", `"phone"`)
	elsewhere.post("/auth/credentials/code/verify", body).want(403)
	elsewhere.post("/auth/credentials/code/init", m{"code": c, "credentialKind": "Fido2"}).want(403).saying("invalid code")

	c = code()
	a = elsewhere.post("/auth/credentials/code/init", m{"code": c, "credentialKind": "Key"}).want(200)
	w.clock.advance(time.Minute)
	elsewhere.post("/auth/credentials/code/init", m{"code": c, "credentialKind": "Key"}).want(403)
	elsewhere.post("/auth/credentials/code/verify", m{"challengeIdentifier": a.text("challengeIdentifier"), "credentialName": "x", "credentialKind": "Key",
		"credentialInfo": ecKey(t).info(t, createData(a.text("challenge")))}).want(403)
	elsewhere.post("/auth/credentials/code/init", m{"code": "none", "credentialKind": "Key"}).want(403)
	elsewhere.post("/auth/credentials/code/init", m{"code": "none", "credentialKind": "Totp"}).want(400)
	for _, expiration := range []any{nil, true, "soon", -1, w.clock.Now().Unix() - 1, w.clock.Now().Unix() + 100, w.clock.Now().UnixMilli() - 1} {
		body := m{"expiration": expiration}
		u.act("POST", "/auth/credentials/code", body).want(400).saying("expiration")
	}
}

func TestDfnsErrors(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.Dfns.RegistrationCode = "1234" })
	v := w.visitor()
	u := w.dfnsUser("tom")
	k := ecKey(t)
	for _, a := range []*answer{
		v.post(registrationInit, m{}).want(400).saying("orgId is missing"),
		v.post(registrationInit, m{"orgId": "o", "username": "x", "registrationCode": "no"}).want(403),
		v.post(registrationInit, m{"orgId": "o", "username": 5}).want(400).saying("username: want a string, got a number"),
		v.post(registrationInit, `[1]`).want(400),
		v.post("/auth/registration", m{}).want(401).saying("Not Authorized."),
		v.post("/auth/registration", m{}, "Authorization", "Bearer x").want(401),
		v.post("/auth/login/init", m{}).want(400).saying("orgId is missing"),
		v.post("/auth/login/init", m{"orgId": "o", "username": []int{}}).want(400),
		v.post("/auth/login", m{}).want(400).saying("challengeIdentifier is missing"),
		v.post("/auth/login", m{"challengeIdentifier": "x"}).want(400).saying("Challenge token is not valid."),
		v.get("/auth/credentials").want(401),
		v.get("/auth/credentials", "Authorization", "Bearer x").want(401),
		v.post("/auth/credentials/init", m{"kind": "Fido2"}).want(401),
		v.post("/auth/credentials", m{}).want(401),
		v.send("PUT", "/auth/logout", nil).want(401),
		v.send("PATCH", "/auth/credentials", nil).want(405),
		u.post("/auth/credentials/init", m{}).want(400).saying("kind is missing"),
		u.post("/auth/credentials/init", m{"kind": 1}).want(400),
		u.act("PUT", "/auth/credentials/activate", m{}).want(400).saying("credentialUuid is missing"),
		u.act("POST", "/auth/credentials", m{}).want(400).saying("challengeIdentifier is missing"),
	} {
		if a.text("error.message") == "" {
			t.Errorf("no message in %s", a.body)
		}
		if ct := a.header.Get("Content-Type"); ct != "application/json" {
			t.Errorf("Content-Type %q", ct)
		}
	}
	login := func() *answer { return v.post("/auth/login/init", m{"orgId": "o", "username": "tom"}).want(200) }
	for _, c := range []struct {
		factors m
		status  int
		says    string
	}{
		{m{}, 400, "firstFactor is missing"},
		{m{"firstFactor": "x"}, 400, "firstFactor: want an object"},
		{m{"firstFactor": m{}}, 400, "firstFactor.kind is missing"},
		{m{"firstFactor": m{"kind": "Password", "password": "x"}}, 400, "deprecated"},
		{m{"firstFactor": m{"kind": "RecoveryKey"}}, 400, "RecoveryKey"},
		{m{"firstFactor": m{"kind": "Fido2"}}, 400, "firstFactor.credentialAssertion is missing"},
		{m{"firstFactor": m{"kind": "Fido2", "credentialAssertion": m{"credId": "a/b"}}}, 400, "credId: not base64url"},
		{m{"firstFactor": m{"kind": "Key", "credentialAssertion": m{"credId": k.id}}}, 400, "clientData is missing"},
		{m{"firstFactor": m{"kind": "Fido2"}, "secondFactor": m{"kind": "Fido2"}}, 400, "one challenge serves one"},
		{m{"firstFactor": m{"kind": "Fido2"}, "secondFactor": m{"kind": "Totp", "otpCode": "1"}}, 400, "deprecated"},
	} {
		c.factors["challengeIdentifier"] = login().text("challengeIdentifier")
		v.post("/auth/login", c.factors).want(c.status).saying(c.says)
	}
	// One attempt for one challenge, whatever it is made with.
	l := login()
	bad := m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": fido2Factor(t, u.dev.get(requestFor(t, l, false), "signature-bit-flip"))}
	v.post("/auth/login", bad).want(401)
	bad["firstFactor"] = fido2Factor(t, u.dev.get(requestFor(t, l, false)))
	v.post("/auth/login", bad).want(401)
	bad["firstFactor"] = k.factor(t, getData(l.text("challenge")))
	v.post("/auth/login", bad).want(400)
	l = login()
	w.clock.advance(5 * time.Minute)
	v.post("/auth/login", m{"challengeIdentifier": l.text("challengeIdentifier"), "firstFactor": fido2Factor(t, u.dev.get(requestFor(t, l, false)))}).
		want(400).saying("Challenge token is not valid.")
	w.clock.advance(13 * time.Hour)
	u.get("/auth/credentials").want(401)
}

func TestDfnsFailedRegistrationKeepsNothing(t *testing.T) {
	w := newWorld(t)
	v, dev := w.visitor(), w.device()
	k := ecKey(t)
	a := v.post(registrationInit, initBody("una")).want(200)
	bad := dev.create(creationFor(t, a, false), "client-data-type-get")
	v.post("/auth/registration", m{
		"firstFactorCredential":  m{"credentialKind": "Fido2", "credentialInfo": fido2Info(t, bad)},
		"secondFactorCredential": m{"credentialKind": "Key", "credentialInfo": k.info(t, createData(a.text("challenge")))},
	}, "Authorization", "Bearer "+a.text("temporaryAuthenticationToken")).want(400).saying("7.1.7")
	// Name and key ID are still free; two who began at once do not both get the name.
	a = v.post(registrationInit, initBody("una")).want(200)
	b := v.post(registrationInit, initBody("una")).want(200)
	both := func(a *answer, dev *device, k *machineKey) *answer {
		return v.post("/auth/registration", m{
			"firstFactorCredential":  m{"credentialKind": "Fido2", "credentialInfo": fido2Info(t, dev.create(creationFor(t, a, false)))},
			"secondFactorCredential": m{"credentialKind": "Key", "credentialInfo": k.info(t, createData(a.text("challenge")))},
		}, "Authorization", "Bearer "+a.text("temporaryAuthenticationToken"))
	}
	both(a, w.device(), k).want(200)
	both(b, w.device(), ecKey(t)).want(401).saying("user already exists")
	l := v.post("/auth/login/init", m{"orgId": "o", "username": "una"}).want(200)
	l.equal("allowCredentials.webauthn.1", "null", "allowCredentials.key.1", "null")
	two := m{"firstFactorCredential": m{"credentialKind": "Fido2", "credentialInfo": m{"credId": "AA", "clientData": "AA", "attestationData": "AA"}}}
	two["secondFactorCredential"] = two["firstFactorCredential"]
	c := v.post(registrationInit, initBody("vic")).want(200)
	v.post("/auth/registration", two, "Authorization", "Bearer "+c.text("temporaryAuthenticationToken")).want(400).saying("one challenge serves one")
}

func TestDfnsLeaveOut(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) {
		c.LeaveOut = []string{"dfns.user-action", "dfns.key.signature", "dfns.key.challenge", "dfns.inactive"}
	})
	u := w.dfnsUser("wim")
	a := u.post("/auth/credentials/init", m{"kind": "Key"}).want(200)
	k := ecKey(t)
	u.post("/auth/credentials", m{"challengeIdentifier": a.text("challengeIdentifier"), "credentialName": "x", "credentialKind": "Key",
		"credentialInfo": k.info(t, createData("another"))}).want(200)
	uuid := u.get("/auth/credentials").text("items.1.credentialUuid")
	u.send(http.MethodPut, "/auth/credentials/deactivate", m{"credentialUuid": uuid}).want(200)
	l := u.post("/auth/login/init", m{"orgId": "o", "username": "wim"}).want(200)
	u.post("/auth/login", m{"challengeIdentifier": l.text("challengeIdentifier"),
		"firstFactor": (&machineKey{k.id, ecKey(t).signer}).factor(t, getData("x"))}).want(200)
}

// Each demand on a user action can be left out alone.
func TestDfnsLeaveOutUserAction(t *testing.T) {
	const path = "/auth/credentials/code"
	for step, signed := range map[string]struct{ method, path, payload string }{
		"once":    {"POST", path, ""},
		"method":  {"PUT", path, ""},
		"path":    {"POST", "/auth/credentials", ""},
		"payload": {"POST", path, " "},
	} {
		for _, leave := range []bool{false, true} {
			w := newWorld(t, func(c *rp.Config) {
				if leave {
					c.LeaveOut = []string{"dfns.user-action." + step}
				}
			})
			u := w.dfnsUser("xia")
			body := fmt.Sprintf(`{"expiration":%d}`, w.clock.Now().Add(time.Minute).Unix())
			token := u.action(signed.method, signed.path, body+signed.payload)
			if step == "once" {
				u.post(path, body, "X-Dfns-Useraction", token).want(200)
			}
			a := u.post(path, body, "X-Dfns-Useraction", token)
			if (a.status == 200) != leave {
				t.Errorf("%s left out: %v; status %d %s", step, leave, a.status, a.body)
			}
		}
	}
}
