package ctap2

import (
	"crypto/aes"
	"crypto/ecdh"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// Link is the platform side: it puts a client's requests into messages for a
// Device and reads the answers. What no message carries, such as the private
// key that a test wants to see, it takes from the device's authenticator. For an
// authenticator that speaks U2F only, it speaks U2F (CTAP 2.2 §7). A Link is
// safe for concurrent use as long as nobody else speaks to its device.
type Link struct {
	// Device is who is spoken to.
	Device *Device
	// PIN is what the user types where verification is wanted; empty leaves
	// verification to the device's own way.
	PIN string
	// Protocol is the PIN/UV auth protocol, 1 or 2; 0 means 2.
	Protocol int

	mu    sync.Mutex
	draws uint64
	log   func(request, answer []byte)
}

var _ virtualauth.Link = (*Link)(nil)

// Over is a value for virtualauth.Client.Link: one device for each
// authenticator that it meets, kept for as long as the function is.
func Over() func(*virtualauth.Authenticator) virtualauth.Link {
	var mu sync.Mutex
	links := map[*virtualauth.Authenticator]*Link{}
	return func(a *virtualauth.Authenticator) virtualauth.Link {
		mu.Lock()
		defer mu.Unlock()
		if links[a] == nil {
			links[a] = &Link{Device: New(a)}
		}
		return links[a]
	}
}

// VerifiesUser says whether a PIN was given or the device has a way of its own.
func (l *Link) VerifiesUser() bool { return l.PIN != "" || l.Device.cfg.UserVerification }

func (l *Link) protocol() pinProtocol {
	if l.Protocol == 1 {
		return protocolOne
	}
	return protocolTwo
}

func (l *Link) draw(n int, label string) []byte {
	l.draws++
	return l.Device.a.Derive(n, "ctap2 platform "+label, binary.BigEndian.AppendUint64(nil, l.draws))
}

// call sends a command and reads the answer.
func (l *Link) call(command byte, params []byte) (item, error) {
	request := append([]byte{command}, params...)
	answer := l.Device.Command(request)
	if l.log != nil {
		l.log(request, answer)
	}
	if s := virtualauth.Status(answer[0]); s != statusOK {
		return item{}, s
	}
	if len(answer) == 1 {
		return item{}, nil
	}
	v, rest, ok := decodeItem(answer[1:], maxAnswerDepth)
	if !ok || len(rest) > 0 || v.major != majorMap {
		return item{}, fmt.Errorf("command %#02x: the answer is not a CBOR map in canonical form", command)
	}
	return v, nil
}

// agree does the key agreement and returns the platform's COSE_Key as well.
func (l *Link) agree() (secret, []byte, error) {
	p := l.protocol()
	v, err := l.call(CommandClientPIN, object(field(1, num(int64(p))), field(2, num(2))))
	if err != nil {
		return nil, nil, err
	}
	peer, _ := v.at(1)
	own, err := ecdh.P256().NewPrivateKey(l.draw(32, "key agreement"))
	if err != nil {
		return nil, nil, err
	}
	shared, err := p.agree(own, peer)
	return shared, coseKey(own), err
}

// tokenFor gets a pinUvAuthToken with the PIN and signs a message with it.
func (l *Link) tokenFor(permission byte, rpID string, message []byte) ([]byte, error) {
	p := l.protocol()
	shared, key, err := l.agree()
	if err != nil {
		return nil, err
	}
	hash := p.encrypt(shared, l.draw(aes.BlockSize, "vector"), hashPIN([]byte(l.PIN)))
	v, err := l.call(CommandClientPIN, object(
		field(1, num(int64(p))), field(2, num(9)), field(3, key), field(6, bin(hash)),
		field(9, num(int64(permission))), field(0x0a, present(rpID != "", func() []byte { return text(rpID) })),
	))
	if err != nil {
		return nil, err
	}
	sealed, _ := v.at(2)
	token, ok := p.decrypt(shared, sealed.b)
	if !ok || len(token) != 32 {
		return nil, errors.New("the device gave out a token that is not 32 bytes")
	}
	return p.authenticate(token, message), nil
}

// SetPIN sets the device's first PIN, and types it from now on.
func (l *Link) SetPIN(pin string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.protocol()
	shared, key, err := l.agree()
	if err != nil {
		return err
	}
	if len(pin) > 64 {
		return statusPINPolicy
	}
	padded := make([]byte, 64)
	copy(padded, pin)
	sealed := p.encrypt(shared, l.draw(aes.BlockSize, "vector"), padded)
	if _, err = l.call(CommandClientPIN, object(
		field(1, num(int64(p))), field(2, num(3)), field(3, key), field(4, bin(p.authenticate(shared, sealed))), field(5, bin(sealed)),
	)); err == nil {
		l.PIN = pin
	}
	return err
}

// sealExtensions encodes an extensions map, with the salts of hmac-secret under
// the name hmacName sealed; shared is nil where there are none.
func (l *Link) sealExtensions(list []virtualauth.Extension, hmacName string) (encoded []byte, shared secret, err error) {
	var members []member
	for _, e := range list {
		value := e.Value
		if salts, ok := decode(value); e.ID == hmacName && ok && salts.major == majorBytes && l.Device.cfg.Extensions.HMACSecret {
			p := l.protocol()
			var key []byte
			if shared, key, err = l.agree(); err != nil {
				return nil, nil, err
			}
			sealed := p.encrypt(shared, l.draw(aes.BlockSize, "vector"), salts.b)
			value = object(field(1, key), field(2, bin(sealed)), field(3, bin(p.authenticate(shared, sealed))), field(4, num(int64(p))))
		}
		members = append(members, namedField(e.ID, value))
	}
	if members == nil {
		return nil, nil, nil
	}
	return object(members...), shared, nil
}

// openOutputs finds and decrypts what hmac-secret put out.
func (l *Link) openOutputs(extensions item, name string, shared secret) []byte {
	sealed, ok := extensions.named(name)
	if !ok || shared == nil || sealed.major != majorBytes {
		return nil
	}
	plain, ok := l.protocol().decrypt(shared, sealed.b)
	if !ok {
		return nil
	}
	return plain
}

func descriptors(list []virtualauth.Descriptor) []byte {
	var values [][]byte
	for _, d := range list {
		values = append(values, object(namedField("id", bin(d.ID)), namedField("type", text(d.Type))))
	}
	if values == nil {
		return nil
	}
	return array(values...)
}

// MakeCredential sends authenticatorMakeCredential, or registers by U2F.
func (l *Link) MakeCredential(q *virtualauth.MakeCredentialRequest) (*virtualauth.MakeCredentialResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Device.cfg.Protocol == virtualauth.U2F {
		return l.registerU2F(q)
	}
	if q.ExcludeAppID != "" && len(q.ExcludeList) > 0 {
		// No message carries an AppID beside the RP ID, so the platform asks first.
		_, err := l.call(CommandGetAssertion, object(
			field(1, text(q.ExcludeAppID)), field(2, bin(l.draw(32, "nonce"))), field(3, descriptors(q.ExcludeList)),
			field(5, object(namedField("up", boolean(false)))),
		))
		if err == nil {
			return nil, virtualauth.StatusCredentialExcluded
		}
	}
	extensions, shared, err := l.sealExtensions(q.Extensions, "hmac-secret-mc")
	if err != nil {
		return nil, err
	}
	var params [][]byte
	for _, p := range q.PubKeyCredParams {
		params = append(params, object(namedField("alg", num(p.Alg)), namedField("type", text(p.Type))))
	}
	options, param, protocol, err := l.verification(q.UserVerification, permissionMakeCredential, q.RP.ID, q.ClientDataHash[:])
	if err != nil {
		return nil, err
	}
	if q.ResidentKey {
		options = append(options, namedField("rk", boolean(true)))
	}
	v, err := l.call(CommandMakeCredential, object(
		field(1, bin(q.ClientDataHash[:])),
		field(2, object(namedField("id", text(q.RP.ID)), namedField("name", present(q.RP.Name != "", func() []byte { return text(q.RP.Name) })))),
		field(3, object(namedField("id", bin(q.User.ID)), namedField("name", text(q.User.Name)), namedField("displayName", text(q.User.DisplayName)))),
		field(4, array(params...)),
		field(5, descriptors(q.ExcludeList)),
		field(6, extensions),
		field(7, present(options != nil, func() []byte { return object(options...) })),
		field(8, param), field(9, protocol),
		field(0x0a, present(q.EnterpriseAttestation != 0, func() []byte { return num(int64(q.EnterpriseAttestation)) })),
		field(0x0b, present(q.AttestationFormats != nil, func() []byte { return texts(q.AttestationFormats) })),
	))
	if err != nil {
		return nil, err
	}
	made := l.Device.created()
	if made == nil {
		return nil, errors.New("the device has forgotten what it made")
	}
	r := *made
	format, _ := v.at(1)
	data, _ := v.at(2)
	statement, _ := v.at(3)
	blobKey, _ := v.at(5)
	if named, ok := v.at(4); ok {
		r.Enterprise = named.isBool() && named.n == 1
	}
	r.Format, r.AuthData, r.Statement, r.LargeBlobKey = string(format.b), slices.Clone(data.b), slices.Clone(statement.raw), blobKey.b
	r.HMACOutputs = l.openOutputs(extensionData(r.AuthData), "hmac-secret-mc", shared)
	return &r, nil
}

// verification is the options, pinUvAuthParam and protocol that verify the user.
func (l *Link) verification(wanted bool, permission byte, rpID string, hash []byte) (options []member, param, protocol []byte, err error) {
	switch {
	case !wanted:
		return nil, nil, nil, nil
	case l.PIN == "":
		return []member{namedField("uv", boolean(true))}, nil, nil, nil
	}
	signature, err := l.tokenFor(permission, rpID, hash)
	if err != nil {
		return nil, nil, nil, err
	}
	return nil, bin(signature), num(int64(l.protocol())), nil
}

// created is what the device made last, for what no message carries.
func (d *Device) created() *virtualauth.MakeCredentialResponse {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lastCreated
}

// extensionData is the extension map at the end of authenticator data.
func extensionData(authData []byte) item {
	if len(authData) < 37 || authData[32]&virtualauth.FlagED == 0 {
		return item{}
	}
	rest := authData[37:]
	if authData[32]&virtualauth.FlagAT != 0 {
		if len(rest) < 18 {
			return item{}
		}
		rest = rest[min(len(rest), 18+int(binary.BigEndian.Uint16(rest[16:]))):]
		var ok bool
		if _, rest, ok = decodeItem(rest, maxDepth); !ok {
			return item{}
		}
	}
	v, _, _ := decodeItem(rest, maxDepth)
	return v
}

// GetAssertion sends authenticatorGetAssertion, or authenticates by U2F.
func (l *Link) GetAssertion(q *virtualauth.GetAssertionRequest) (*virtualauth.GetAssertionResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Device.cfg.Protocol == virtualauth.U2F {
		return l.authenticateU2F(q)
	}
	list, allow := q.Extensions, q.AllowList
	if len(q.SaltsByCredential) > 0 {
		// Salts that go with a credential want to know first which one will sign.
		id, err := l.probe(q)
		if err != nil {
			return nil, err
		}
		if salts := q.SaltsByCredential[string(id)]; salts != nil {
			list = append(slices.DeleteFunc(slices.Clone(list), func(e virtualauth.Extension) bool { return e.ID == "hmac-secret" }),
				virtualauth.Extension{ID: "hmac-secret", Value: bin(salts)})
		}
		allow = only(id)
	}
	extensions, shared, err := l.sealExtensions(list, "hmac-secret")
	if err != nil {
		return nil, err
	}
	options, param, protocol, err := l.verification(q.UserVerification, permissionGetAssertion, q.RPID, q.ClientDataHash[:])
	if err != nil {
		return nil, err
	}
	v, err := l.call(CommandGetAssertion, object(
		field(1, text(q.RPID)), field(2, bin(q.ClientDataHash[:])), field(3, descriptors(allow)), field(4, extensions),
		field(5, present(options != nil, func() []byte { return object(options...) })),
		field(6, param), field(7, protocol),
	))
	if err != nil {
		return nil, err
	}
	desc, _ := v.at(1)
	id, _ := desc.named("id")
	data, _ := v.at(2)
	signature, _ := v.at(3)
	user, hasUser := v.at(4)
	blobKey, _ := v.at(7)
	r := &virtualauth.GetAssertionResponse{AuthData: slices.Clone(data.b), Signature: slices.Clone(signature.b), LargeBlobKey: blobKey.b}
	if hasUser {
		handle, _ := user.named("id")
		r.UserHandle = append([]byte{}, handle.b...)
	}
	r.HMACOutputs = l.openOutputs(extensionData(r.AuthData), "hmac-secret", shared)
	return r, l.fill(r, id.b)
}

// probe asks without a touch which credential would sign.
func (l *Link) probe(q *virtualauth.GetAssertionRequest) ([]byte, error) {
	nonce := l.draw(32, "nonce")
	options, param, protocol, err := l.verification(q.UserVerification, permissionGetAssertion, q.RPID, nonce)
	if err != nil {
		return nil, err
	}
	v, err := l.call(CommandGetAssertion, object(
		field(1, text(q.RPID)), field(2, bin(nonce)), field(3, descriptors(q.AllowList)),
		field(5, object(append(options, namedField("up", boolean(false)))...)), field(6, param), field(7, protocol),
	))
	if err != nil {
		return nil, err
	}
	desc, _ := v.at(1)
	id, _ := desc.named("id")
	return id.b, nil
}

// fill adds the credential source, with the counter as the answer has it.
func (l *Link) fill(r *virtualauth.GetAssertionResponse, id []byte) error {
	c, ok := l.Device.a.Credential(id)
	if !ok || len(r.AuthData) < 37 {
		return errors.New("the device answered for a credential that it does not hold")
	}
	c.SignCount = binary.BigEndian.Uint32(r.AuthData[33:])
	r.Credential = c
	return nil
}

// apdu sends a U2F message in the extended length encoding.
func (l *Link) apdu(ins, p1 byte, data []byte) ([]byte, uint16) {
	request := []byte{0, ins, p1, 0, 0}
	request = append(binary.BigEndian.AppendUint16(request, uint16(len(data))), data...)
	request = append(request, 0, 0)
	answer := l.Device.APDU(request)
	if l.log != nil {
		l.log(request, answer)
	}
	return answer[:len(answer)-2], binary.BigEndian.Uint16(answer[len(answer)-2:])
}

// statusOfWord is what a client is told of a U2F refusal.
func statusOfWord(sw uint16) virtualauth.Status {
	if sw == SWConditionsNotSatisfied {
		return virtualauth.StatusOperationDenied
	}
	return virtualauth.StatusOther
}

func (l *Link) knownU2F(application, keyHandle []byte) bool {
	if len(keyHandle) > 255 {
		return false
	}
	_, sw := l.apdu(insAuthenticate, controlCheckOnly, slices.Concat(make([]byte, 32), application, []byte{byte(len(keyHandle))}, keyHandle))
	return sw == SWConditionsNotSatisfied
}

// registerU2F is CTAP 2.2 §7.2.
func (l *Link) registerU2F(q *virtualauth.MakeCredentialRequest) (*virtualauth.MakeCredentialResponse, error) {
	switch {
	case !slices.ContainsFunc(q.PubKeyCredParams, func(p virtualauth.PubKeyCredParam) bool {
		return p.Type == "public-key" && p.Alg == virtualauth.ES256
	}):
		return nil, virtualauth.StatusUnsupportedAlgorithm
	case q.ResidentKey:
		return nil, virtualauth.StatusUnsupportedOption
	case q.UserVerification:
		return nil, virtualauth.StatusInvalidOption
	}
	application := hashOf(q.RP.ID)
	for _, e := range q.ExcludeList {
		if l.knownU2F(application, e.ID) || q.ExcludeAppID != "" && l.knownU2F(hashOf(q.ExcludeAppID), e.ID) {
			return nil, virtualauth.StatusCredentialExcluded
		}
	}
	message, sw := l.apdu(insRegister, 0, slices.Concat(q.ClientDataHash[:], application))
	if sw != SWNoError {
		return nil, statusOfWord(sw)
	}
	made := l.Device.created()
	if made == nil || len(message) < 67 || len(message) < 67+int(message[66])+4 {
		return nil, errors.New("the U2F registration message is too short")
	}
	r := *made
	point, rest := message[1:66], message[67:]
	id, rest := rest[:message[66]], rest[message[66]:]
	size := 4 + int(binary.BigEndian.Uint16(rest[2:])) // of the certificate, whose length takes two bytes
	if len(rest) < size {
		return nil, errors.New("the U2F registration message ends within the certificate")
	}
	key := object(field(1, num(2)), field(3, num(virtualauth.ES256)), field(-1, num(1)), field(-2, bin(point[1:33])), field(-3, bin(point[33:])))
	r.AuthData = slices.Concat(application, []byte{virtualauth.FlagUP | virtualauth.FlagAT, 0, 0, 0, 0}, make([]byte, 16), []byte{0, byte(len(id))}, id, key)
	r.Statement = object(namedField("sig", bin(rest[size:])), namedField("x5c", array(bin(rest[:size]))))
	if slices.Equal(q.AttestationFormats, []string{virtualauth.FormatNone}) && !l.Device.cfg.AlwaysAttest {
		r.Format, r.Statement, r.Attestation = virtualauth.FormatNone, object(), nil
	}
	r.Credential.RPID, r.Credential.RPIDHash = q.RP.ID, nil
	return &r, nil
}

// authenticateU2F is CTAP 2.2 §7.3.
func (l *Link) authenticateU2F(q *virtualauth.GetAssertionRequest) (*virtualauth.GetAssertionResponse, error) {
	application := hashOf(q.RPID)
	for _, d := range q.AllowList {
		if !l.knownU2F(application, d.ID) {
			continue
		}
		answer, sw := l.apdu(insAuthenticate, controlEnforce, slices.Concat(q.ClientDataHash[:], application, []byte{byte(len(d.ID))}, d.ID))
		if sw != SWNoError {
			return nil, statusOfWord(sw)
		}
		if len(answer) < 5 {
			return nil, errors.New("the U2F authentication message is too short")
		}
		r := &virtualauth.GetAssertionResponse{AuthData: slices.Concat(application, answer[:5]), Signature: slices.Clone(answer[5:])}
		return r, l.fill(r, d.ID)
	}
	return nil, virtualauth.StatusNoCredentials
}
