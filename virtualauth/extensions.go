package virtualauth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
)

// ExtensionSupport says which extensions an authenticator has. The client
// drops every other one without a word, as browsers do; credProps, appid and
// appidExclude are the client's own.
type ExtensionSupport struct {
	// CredProtect: credentialProtectionPolicy (CTAP 2.2 §12.1). Like Chrome, the
	// client then asks for a policy for resident keys even where the options do not.
	CredProtect bool
	// HMACSecret: hmacCreateSecret and prf (https://www.w3.org/TR/webauthn-3/#prf-extension).
	HMACSecret bool
	// LargeBlob: largeBlob, for resident keys (https://www.w3.org/TR/webauthn-3/#sctn-large-blob-extension).
	LargeBlob bool
	// CredBlob: credBlob and getCredBlob (CTAP 2.2 §12.2).
	CredBlob bool
	// MinPINLength: minPinLength, which reports this length; 0: not supported (CTAP 2.2 §12.4).
	MinPINLength uint8
	// UVM: uvm, as in Level 2 (https://www.w3.org/TR/webauthn-2/#sctn-uvm-extension).
	UVM bool
}

// maxCredBlob is the length that every authenticator with credBlob has room for.
const maxCredBlob = 32

// Levels of credProtect.
const (
	protectOptional     = 1
	protectOptionalList = 2
	protectRequired     = 3
)

// credentialExtras is what extensions keep with a credential.
type credentialExtras struct {
	protect  uint8
	hmac     bool
	credBlob []byte
	large    bool // a large blob may be stored
	// credRandom (without verification, then with it) and blobKey came from elsewhere; nil: drawn from the seed.
	credRandom, blobKey []byte
	largeBlob           []byte
}

// outputs collects extension outputs and encodes them in canonical order.
type outputs map[string][]byte

// append appends the CBOR map of authenticator data: shorter names first, then
// by their bytes (CTAP 2.2 §8, message encoding).
func (o outputs) append(dst []byte) []byte {
	dst = appendCBORHead(dst, cborMap, uint64(len(o)))
	names := slices.SortedFunc(maps.Keys(o), func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return bytes.Compare([]byte(a), []byte(b))
	})
	for _, name := range names {
		dst = append(appendCBORText(dst, name), o[name]...)
	}
	return dst
}

// extend adds extension outputs to authenticator data, where there are any.
func (d *authData) extend(o outputs) {
	if len(o) > 0 {
		d.flags |= FlagED
		d.extensions = o.append(nil)
	}
}

// makeExtensions processes the extensions of a new credential. plain is what
// hmac-secret-mc put out, before encryption.
func (a *Authenticator) makeExtensions(q *MakeCredentialRequest, c *Credential) (out outputs, plain []byte) {
	set := func(name string, value []byte) {
		if out == nil {
			out = make(outputs)
		}
		out[name] = value
	}
	has := a.cfg.Extensions
	for _, e := range q.Extensions {
		switch e.ID {
		case "credProtect":
			if level, ok := cborInteger(e.Value); ok && has.CredProtect && level >= protectOptional && level <= protectRequired {
				c.extras.protect = uint8(level)
				set(e.ID, e.Value)
			}
		case "hmac-secret":
			if has.HMACSecret && bytes.Equal(e.Value, cborTrue) {
				c.extras.hmac = true
				set(e.ID, cborTrue)
			}
		case "hmac-secret-mc":
			if salts, ok := hmacSalts(e.Value); ok && c.extras.hmac {
				plain = a.hmacSecret(c, q.UserVerification, salts)
				set(e.ID, appendCBORBytes(nil, a.seal(q.SealHMAC, plain, c.ID, q.ClientDataHash[:])))
			}
		case "largeBlobKey":
			c.extras.large = has.LargeBlob && c.Resident && bytes.Equal(e.Value, cborTrue)
		case "credBlob":
			blob, ok := cborString(e.Value, cborBytes)
			if has.CredBlob && ok {
				fits := len(blob) <= maxCredBlob
				if fits {
					c.extras.credBlob = bytes.Clone(blob)
				}
				set(e.ID, appendCBORBool(nil, fits))
			}
		case "minPinLength":
			if has.MinPINLength > 0 && bytes.Equal(e.Value, cborTrue) {
				set(e.ID, appendCBORInt(nil, int64(has.MinPINLength)))
			}
		case "uvm":
			if has.UVM && bytes.Equal(e.Value, cborTrue) {
				set(e.ID, uvmEntries(q.UserVerification))
			}
		}
	}
	return out, plain
}

// getExtensions processes the extensions of an assertion. plain is what
// hmac-secret put out, before encryption.
func (a *Authenticator) getExtensions(q *GetAssertionRequest, c *Credential) (out outputs, plain []byte) {
	set := func(name string, value []byte) {
		if out == nil {
			out = make(outputs)
		}
		out[name] = value
	}
	for _, e := range q.Extensions {
		switch e.ID {
		case "hmac-secret":
			if salts, ok := hmacSalts(e.Value); ok && c.extras.hmac {
				plain = a.hmacSecret(c, q.UserVerification, salts)
				set(e.ID, appendCBORBytes(nil, a.seal(q.SealHMAC, plain, c.ID, q.ClientDataHash[:])))
			}
		case "credBlob":
			if a.cfg.Extensions.CredBlob && bytes.Equal(e.Value, cborTrue) {
				set(e.ID, appendCBORBytes(nil, c.extras.credBlob))
			}
		case "uvm":
			if a.cfg.Extensions.UVM && bytes.Equal(e.Value, cborTrue) {
				set(e.ID, uvmEntries(q.UserVerification))
			}
		}
	}
	return out, plain
}

// hmacSalts is the one or two salts of an hmac-secret input.
func hmacSalts(value []byte) ([]byte, bool) {
	salts, ok := cborString(value, cborBytes)
	return salts, ok && (len(salts) == 32 || len(salts) == 64)
}

var cborTrue = []byte{0xf5}

// uvmEntries is one entry: fingerprint or mere presence, a key in a secure
// element, matching on the chip (FIDO Registry of Predefined Values §3).
func uvmEntries(verified bool) []byte {
	method := byte(1)
	if verified {
		method = 2
	}
	return []byte{0x81, 0x83, method, 8, 4}
}

// hmacSecret is HMAC-SHA-256 of each 32-byte salt by the credential's secret,
// of which there is one with user verification and one without (CTAP 2.2 §12.7).
func (a *Authenticator) hmacSecret(c *Credential, verified bool, salts []byte) []byte {
	return hmacOutputs(a.credRandom(c, verified), salts)
}

func (a *Authenticator) credRandom(c *Credential, verified bool) []byte {
	if imported := c.extras.credRandom; len(imported) == 64 {
		if verified {
			return imported[32:]
		}
		return imported[:32:32]
	}
	label := "credRandom without UV"
	if verified {
		label = "credRandom with UV"
	}
	return a.derive.draw(32, label, 0, c.ID)
}

func hmacOutputs(secret, salts []byte) []byte {
	var out []byte
	for salt := range slices.Chunk(salts, 32) {
		mac := hmac.New(sha256.New, secret)
		mac.Write(salt)
		out = mac.Sum(out)
	}
	return out
}

// seal encrypts outputs the way that the request says, else by sealHMAC.
func (a *Authenticator) seal(how func([]byte) []byte, plain []byte, parts ...[]byte) []byte {
	if how != nil {
		return how(plain)
	}
	return a.sealHMAC(plain, parts...)
}

// largeBlobKey is the key for the large blob of a credential (CTAP 2.2 §12.3).
func (a *Authenticator) largeBlobKey(c *Credential) []byte {
	if c.extras.blobKey != nil {
		return bytes.Clone(c.extras.blobKey)
	}
	return a.derive.draw(32, "largeBlobKey", 0, c.ID)
}

// sealHMAC encrypts outputs as they stand in authenticator data. Client and
// authenticator share a machine here, so the key that they would agree on is drawn.
func (a *Authenticator) sealHMAC(plain []byte, parts ...[]byte) []byte {
	key := a.derive.draw(32, "hmac-secret shared key", 0, parts...)
	return sealCBC(key, a.derive.draw(aes.BlockSize, "hmac-secret vector", 0, parts...), plain)
}

// sealCBC is encrypt of PIN/UV auth protocol two (CTAP 2.2 §6.5.7): the
// initialisation vector and AES-256-CBC without padding.
func sealCBC(key, vector, plain []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil || len(plain)%aes.BlockSize != 0 {
		return vector // not reached: the key has 32 bytes, and outputs come in 32 bytes each
	}
	text := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, vector).CryptBlocks(text, plain)
	return append(bytes.Clone(vector), text...)
}

// prfSalt is the salt of an input of the prf extension.
func prfSalt(input []byte) []byte {
	sum := sha256.Sum256(append([]byte("WebAuthn PRF\x00"), input...))
	return sum[:]
}

// clientExtensions is what a client makes of extension inputs: what it passes
// on, and what it will say of the outcome.
type clientExtensions struct {
	pass []Extension

	prf          bool
	salts        []byte            // for every credential
	saltsByID    map[string][]byte // for one credential
	hmacCreate   bool
	credBlob     []byte
	getCredBlob  bool
	uvm          bool
	largeSupport string // required or preferred
	largeRead    bool
	largeWrite   []byte
}

// noExtensions is read only.
var noExtensions = &clientExtensions{}

func (x *clientExtensions) add(id string, value []byte) {
	x.pass = append(x.pass, Extension{id, value})
}

// extensionObject is the members of an extension input that is a dictionary.
func extensionObject(name string, raw json.RawMessage) (map[string][]byte, error) {
	doc, err := jsonDocument(raw)
	if err != nil {
		return nil, refuse(errType, "extension %s is not JSON: %v", name, err)
	}
	if err := idlDictionary("extension "+name, doc); err != nil {
		return nil, err
	}
	members := make(map[string][]byte)
	for m := range jsonObject(doc) {
		members[m.name] = m.value
	}
	return members, nil
}

// readPRFValues reads {first, second} and returns the salts.
func readPRFValues(v []byte) ([]byte, error) {
	members, err := extensionObject("prf", v)
	if err != nil {
		return nil, err
	}
	first, ok := members["first"]
	if !ok {
		return nil, refuse(errType, "extension prf: required member first is missing")
	}
	b, err := idlBase64("prf first", first)
	if err != nil {
		return nil, err
	}
	salts := prfSalt(b)
	if second, ok := members["second"]; ok {
		if b, err = idlBase64("prf second", second); err != nil {
			return nil, err
		}
		salts = append(salts, prfSalt(b)...)
	}
	return salts, nil
}

// createExtensions reads the inputs of create(), with Chrome's refusals.
func (a *Authenticator) createExtensions(o *CreationOptions, resident bool) (*clientExtensions, error) {
	has := a.cfg.Extensions
	if len(o.Extensions) == 0 && !(has.CredProtect && resident) {
		return noExtensions, nil
	}
	x := &clientExtensions{}
	required := o.AuthenticatorSelection.UserVerification == "required"
	if err := a.protectPolicy(o, x, resident, required); err != nil {
		return nil, err
	}
	if raw, ok := o.Extensions["hmacCreateSecret"]; ok && idlTrue(raw) {
		x.hmacCreate = true
	}
	if raw, ok := o.Extensions["prf"]; ok {
		members, err := extensionObject("prf", raw)
		if err != nil {
			return nil, err
		}
		if _, ok := members["evalByCredential"]; ok {
			return nil, refuse(errNotSupported, "prf: evalByCredential is for get() only")
		}
		x.prf = true
		if eval, ok := members["eval"]; ok && eval[0] != 'n' {
			if x.salts, err = readPRFValues(eval); err != nil {
				return nil, err
			}
		}
	}
	if x.prf || x.hmacCreate {
		x.add("hmac-secret", cborTrue)
		if x.salts != nil {
			x.add("hmac-secret-mc", appendCBORBytes(nil, x.salts))
		}
	}
	if raw, ok := o.Extensions["largeBlob"]; ok {
		members, err := extensionObject("largeBlob", raw)
		if err != nil {
			return nil, err
		}
		if members["read"] != nil || members["write"] != nil {
			return nil, refuse(errNotSupported, "largeBlob: read and write are for get() only")
		}
		x.largeSupport = "preferred"
		if s, ok := members["support"]; ok {
			x.largeSupport = idlString(s)
		}
		if x.largeSupport == "required" && !(has.LargeBlob && resident) {
			return nil, refuse(errNotAllowed, "largeBlob is required and the authenticator cannot store one")
		}
		x.add("largeBlobKey", cborTrue)
	}
	if raw, ok := o.Extensions["credBlob"]; ok {
		text, err := extensionText("credBlob", raw)
		if err != nil {
			return nil, err
		}
		if x.credBlob, err = decodeBase64URL(text); err != nil {
			return nil, refuse(errEncoding, "credBlob is not base64url without padding")
		}
		x.add("credBlob", appendCBORBytes(nil, x.credBlob))
	}
	if raw, ok := o.Extensions["minPinLength"]; ok && idlTrue(raw) {
		x.add("minPinLength", cborTrue)
	}
	if raw, ok := o.Extensions["uvm"]; ok && idlTrue(raw) {
		x.uvm = true
		x.add("uvm", cborTrue)
	}
	return x, nil
}

// protectPolicy reads credentialProtectionPolicy.
func (a *Authenticator) protectPolicy(o *CreationOptions, x *clientExtensions, resident, required bool) error {
	enforce := false
	if raw, ok := o.Extensions["enforceCredentialProtectionPolicy"]; ok {
		enforce = idlTrue(raw)
	}
	level := 0
	if raw, ok := o.Extensions["credentialProtectionPolicy"]; ok {
		text, err := extensionText("credentialProtectionPolicy", raw)
		if err != nil {
			return err
		}
		switch text {
		case "userVerificationOptional":
			level = protectOptional
		case "userVerificationOptionalWithCredentialIDList":
			level = protectOptionalList
		case "userVerificationRequired":
			level = protectRequired
		default:
			return refuse(errNotSupported, "credentialProtectionPolicy %q is not one of its values", text)
		}
	}
	incongruent := enforce && level == 0 || level == protectRequired && !required || level == protectOptional && !resident
	if incongruent {
		return refuse(errNotSupported, "the requested protection policy does not go with the other options")
	}
	if enforce && level > protectOptional && !a.cfg.Extensions.CredProtect {
		return refuse(errNotAllowed, "a protection policy is enforced and the authenticator has none")
	}
	if level == 0 && resident && a.cfg.Extensions.CredProtect {
		// As Chrome does: only who wants a resident key whatever it takes, and
		// leaves the verification open, gets one that is of no use without it.
		level = protectOptionalList
		sel := o.AuthenticatorSelection
		if residentKey(sel) == "required" && !required && sel.UserVerification != "discouraged" {
			level = protectRequired
		}
	}
	if level > 0 {
		x.add("credProtect", appendCBORInt(nil, int64(level)))
	}
	return nil
}

// createResults says what came of the extensions of create().
func (a *Authenticator) createResults(x *clientExtensions, m *MakeCredentialResponse) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	e := &m.Credential.extras
	if x.hmacCreate {
		out["hmacCreateSecret"] = jsonBool(e.hmac)
	}
	if x.prf {
		out["prf"] = json.RawMessage(`{"enabled":` + string(jsonBool(e.hmac)) + prfResults(m.HMACOutputs, ",") + `}`)
	}
	if x.largeSupport != "" {
		out["largeBlob"] = json.RawMessage(`{"supported":` + string(jsonBool(e.large)) + `}`)
	}
	if x.credBlob != nil {
		out["credBlob"] = jsonBool(e.credBlob != nil)
	}
	if x.uvm && a.cfg.Extensions.UVM {
		out["uvm"] = uvmResult(m.AuthData[32]&FlagUV != 0)
	}
	return out
}

// readGetExtensions reads the inputs of get().
func readGetExtensions(o *RequestOptions) (*clientExtensions, error) {
	x := &clientExtensions{}
	if raw, ok := o.Extensions["prf"]; ok {
		if err := x.readPRF(o, raw); err != nil {
			return nil, err
		}
	}
	if raw, ok := o.Extensions["largeBlob"]; ok {
		members, err := extensionObject("largeBlob", raw)
		if err != nil {
			return nil, err
		}
		if members["support"] != nil {
			return nil, refuse(errNotSupported, "largeBlob: support is for create() only")
		}
		if read, ok := members["read"]; ok {
			x.largeRead = idlBoolean(read)
		}
		if write, ok := members["write"]; ok {
			if x.largeWrite, err = idlBase64("largeBlob write", write); err != nil {
				return nil, err
			}
			if x.largeRead || len(o.AllowCredentials) != 1 {
				return nil, refuse(errNotSupported, "largeBlob: write goes with no read and with exactly one credential in allowCredentials")
			}
		}
	}
	if raw, ok := o.Extensions["getCredBlob"]; ok && idlTrue(raw) {
		x.getCredBlob = true
		x.add("credBlob", cborTrue)
	}
	if raw, ok := o.Extensions["uvm"]; ok && idlTrue(raw) {
		x.uvm = true
		x.add("uvm", cborTrue)
	}
	return x, nil
}

// readPRF reads the prf extension of get(). Which salts apply depends on the
// credential that signs, so they are kept by credential too.
func (x *clientExtensions) readPRF(o *RequestOptions, raw json.RawMessage) error {
	members, err := extensionObject("prf", raw)
	if err != nil {
		return err
	}
	x.prf = true
	if eval, ok := members["eval"]; ok && eval[0] != 'n' {
		if x.salts, err = readPRFValues(eval); err != nil {
			return err
		}
	}
	by, ok := members["evalByCredential"]
	if !ok {
		return nil
	}
	if err := idlDictionary("evalByCredential", by); err != nil {
		return err
	}
	for m := range jsonObject(by) {
		if len(o.AllowCredentials) == 0 {
			return refuse(errNotSupported, "prf: evalByCredential needs allowCredentials")
		}
		id, err := decodeBase64URL(m.name)
		if err != nil || len(id) == 0 || !slices.ContainsFunc(o.AllowCredentials, func(d Descriptor) bool { return bytes.Equal(d.ID, id) }) {
			return refuse(errSyntax, "prf: evalByCredential has a key that names no credential of allowCredentials")
		}
		salts, err := readPRFValues(m.value)
		if err != nil {
			return err
		}
		if x.saltsByID == nil {
			x.saltsByID = make(map[string][]byte)
		}
		x.saltsByID[string(id)] = salts
	}
	return nil
}

// getResults says what came of the extensions of get().
func (a *Authenticator) getResults(x *clientExtensions, m *GetAssertionResponse) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	e := &m.Credential.extras
	if x.prf {
		out["prf"] = json.RawMessage(`{` + prfResults(m.HMACOutputs, "") + `}`)
	}
	if x.getCredBlob {
		out["getCredBlob"] = jsonBase64(e.credBlob)
	}
	if x.uvm && a.cfg.Extensions.UVM {
		out["uvm"] = uvmResult(m.AuthData[32]&FlagUV != 0)
	}
	switch {
	case x.largeWrite != nil:
		out["largeBlob"] = json.RawMessage(`{"written":` + string(jsonBool(a.writeLargeBlob(m.Credential.ID, x.largeWrite))) + `}`)
	case x.largeRead && e.largeBlob != nil:
		out["largeBlob"] = json.RawMessage(`{"blob":` + string(jsonBase64(e.largeBlob)) + `}`)
	case x.largeRead:
		out["largeBlob"] = json.RawMessage(`{}`)
	}
	return out
}

func (a *Authenticator) writeLargeBlob(id, blob []byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.byID[string(id)]
	if c == nil || !c.extras.large {
		return false
	}
	c.extras.largeBlob = bytes.Clone(blob)
	return true
}

func prfResults(values []byte, comma string) string {
	if len(values) < 32 {
		return ""
	}
	s := comma + `"results":{"first":` + string(jsonBase64(values[:32]))
	if len(values) == 64 {
		s += `,"second":` + string(jsonBase64(values[32:]))
	}
	return s + "}"
}

func uvmResult(verified bool) json.RawMessage {
	if verified {
		return json.RawMessage(`[[2,8,4]]`)
	}
	return json.RawMessage(`[[1,8,4]]`)
}

func jsonBool(v bool) json.RawMessage {
	if v {
		return json.RawMessage("true")
	}
	return json.RawMessage("false")
}

func jsonBase64(b []byte) json.RawMessage {
	return json.RawMessage(`"` + base64.RawURLEncoding.EncodeToString(b) + `"`)
}
