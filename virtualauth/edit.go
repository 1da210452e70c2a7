package virtualauth

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// edit is a response taken apart, between decoding and reassembly.
type edit struct {
	registration bool
	keys         Keys
	fault        *faultDef // the one in hand
	derive       *deriver

	clientData []byte
	// What the client data said before any fault.
	origin, challenge, typ string

	auth      *authData
	authPost  []func([]byte) []byte // applied to the assembled bytes
	authBytes []byte

	// Registrations.
	originalKey []byte
	object      []cborPair // of the attestation object, as they stand
	format      string
	statement   []cborPair // nil where the statement is not a map
	objectPost  []func([]byte) []byte
	reg         *RegistrationResponse

	// Authentications.
	signature []byte
	login     *AuthenticationResponse
}

// EditRegistration applies faults to a registration response that any client
// made. The response is taken apart, each fault changes its own part, and what
// is signed is signed again with the keys, unless the signature is the fault;
// bytes that no fault and no new signature touches stay as they were. Faults of
// StageOptions have no effect here. The error says which fault could not be
// applied and why; it wraps ErrNotApplicable where the response leaves no room for it.
func EditRegistration(r RegistrationResponse, k Keys, f Faults) (RegistrationResponse, error) {
	defs := f.defs()
	if len(defs) == 0 {
		return r, nil
	}
	if err := belong(defs, inRegistration); err != nil {
		return r, err
	}
	e := &edit{registration: true, keys: k, reg: &r, clientData: slices.Clone(r.ClientDataJSON)}
	if err := e.openClientData(); err != nil {
		return r, fmt.Errorf("registration: %w", err)
	}
	if err := e.openAttestationObject(r.AttestationObject); err != nil {
		return r, fmt.Errorf("registration: attestation object: %w", err)
	}
	before, beforeAuth := slices.Clone(e.clientData), slices.Clone(e.authBytes)
	if err := e.run(defs, StageClientData, StageKey, StageAuthData); err != nil {
		return r, err
	}
	e.assembleAuthData()
	if !bytes.Equal(before, e.clientData) || !bytes.Equal(beforeAuth, e.authBytes) {
		if err := e.signStatement(); err != nil {
			return r, fmt.Errorf("signing the attestation statement again: %w", err)
		}
	}
	if err := e.run(defs, StageAttestation); err != nil {
		return r, err
	}
	e.assembleObject()
	if err := e.run(defs, StageEncoding); err != nil {
		return r, err
	}
	r.ClientDataJSON = e.clientData
	authDataChanged := !bytes.Equal(beforeAuth, e.authBytes)
	object := appendCBORPairs(nil, e.object)
	for _, post := range e.objectPost {
		object = post(object)
	}
	r.AttestationObject = object
	if authDataChanged {
		e.updateCopies(&r)
	}
	if err := e.run(defs, StageResponse); err != nil {
		return r, err
	}
	return r, nil
}

// EditAssertion applies faults to an authentication response that any client
// made; see EditRegistration.
func EditAssertion(r AuthenticationResponse, k Keys, f Faults) (AuthenticationResponse, error) {
	defs := f.defs()
	if len(defs) == 0 {
		return r, nil
	}
	if err := belong(defs, inAuthentication); err != nil {
		return r, err
	}
	e := &edit{keys: k, login: &r, clientData: slices.Clone(r.ClientDataJSON), authBytes: slices.Clone(r.AuthenticatorData)}
	if err := e.openClientData(); err != nil {
		return r, fmt.Errorf("authentication: %w", err)
	}
	var err error
	if e.auth, err = parseAuthData(slices.Clone(r.AuthenticatorData)); err != nil {
		return r, fmt.Errorf("authentication: %w", err)
	}
	if err := e.run(defs, StageClientData, StageAuthData); err != nil {
		return r, err
	}
	e.assembleAuthData()
	e.signature = slices.Clone(r.Signature)
	if !bytes.Equal(e.clientData, r.ClientDataJSON) || !bytes.Equal(e.authBytes, r.AuthenticatorData) {
		if e.signature, err = e.signAssertion(e.keys.Credential, slices.Concat(e.authBytes, e.clientDataHash())); err != nil {
			return r, fmt.Errorf("signing the assertion again: %w", err)
		}
	}
	if err := e.run(defs, StageSignature); err != nil {
		return r, err
	}
	r.ClientDataJSON, r.AuthenticatorData, r.Signature = e.clientData, e.authBytes, e.signature
	if err := e.run(defs, StageResponse); err != nil {
		return r, err
	}
	return r, nil
}

// belong refuses faults of the other ceremony.
func belong(defs []*faultDef, c Ceremonies) error {
	for _, d := range defs {
		if d.Ceremonies&c == 0 {
			return fmt.Errorf("fault %s: %w: it is one of the other ceremony", d.Name, ErrNotApplicable)
		}
	}
	return nil
}

// run applies the faults of some stages.
func (e *edit) run(defs []*faultDef, stages ...Stage) error {
	for _, d := range defs {
		if !slices.Contains(stages, d.Stage) || d.edit == nil {
			continue
		}
		if e.registration && len(d.Formats) > 0 && !slices.Contains(d.Formats, e.format) {
			return fmt.Errorf("fault %s: %w: it needs attestation format %s and the response has %s", d.Name, ErrNotApplicable, strings.Join(d.Formats, " or "), e.format)
		}
		e.fault = d
		if err := d.edit(e); err != nil {
			return fmt.Errorf("fault %s: %w", d.Name, err)
		}
	}
	return nil
}

// notApplicable is the error of a fault that finds no room.
func notApplicable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotApplicable, fmt.Sprintf(format, args...))
}

// draw invents n bytes for the fault in hand.
func (e *edit) draw(n int) []byte {
	if e.derive == nil {
		secret := e.keys.Seed
		if secret == nil {
			// Bound to the ceremony by its challenge, so that no two responses share it.
			secret = []byte(e.challenge + e.typ)
		}
		e.derive = newDeriver(secret, []byte("touchstone virtualauth faults"))
	}
	return e.derive.draw(n, "fault", 0, []byte(e.fault.Field))
}

// otherKey invents a key of the same kind as the one given.
func (e *edit) otherKey(alg *algorithm) (crypto.Signer, error) {
	e.ensureDeriver()
	var n uint32
	var own []byte
	if e.keys.Credential != nil && alg.fits(e.keys.Credential.Public()) {
		var err error
		if own, err = alg.cose(nil, e.keys.Credential.Public()); err != nil {
			return nil, err
		}
	}
	for range 64 {
		k, err := alg.generate(func(size int) []byte {
			n++
			return e.derive.draw(size, "other key", n, []byte(e.fault.Field))
		})
		if err != nil {
			return nil, err
		}
		// RSA keys come from a pool, where the same one may be drawn.
		other, err := alg.cose(nil, k.Public())
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(own, other) {
			return k, nil
		}
	}
	return nil, errors.New("no other key in 64 draws")
}

// Client data.

func (e *edit) openClientData() error {
	doc, err := jsonDocument(bytes.TrimPrefix(e.clientData, utf8BOM))
	if err != nil {
		return fmt.Errorf("client data: %w", err)
	}
	if doc[0] != '{' {
		return errors.New("client data is not a JSON object")
	}
	for m := range jsonObject(doc) {
		if m.value[0] != '"' {
			continue
		}
		switch m.name {
		case "origin":
			e.origin = jsonText(m.value)
		case "challenge":
			e.challenge = jsonText(m.value)
		case "type":
			e.typ = jsonText(m.value)
		}
	}
	return nil
}

var utf8BOM = []byte{0xef, 0xbb, 0xbf}

func (e *edit) clientDataHash() []byte {
	sum := sha256.Sum256(e.clientData)
	return sum[:]
}

// clientMember finds a member of the client data as it stands now.
func (e *edit) clientMember(name string) (jsonMember, error) {
	doc, err := jsonDocument(e.clientData)
	if err != nil || doc[0] != '{' || len(doc) != len(e.clientData) {
		return jsonMember{}, notApplicable("the client data is no longer a plain JSON object")
	}
	for m := range jsonObject(e.clientData) {
		if m.name == name {
			return m, nil
		}
	}
	return jsonMember{}, notApplicable("the client data has no member %s", name)
}

// setClientRaw replaces the value of a member.
func (e *edit) setClientRaw(name, raw string) error {
	m, err := e.clientMember(name)
	if err != nil {
		return err
	}
	if string(m.value) == raw {
		return notApplicable("member %s of the client data is %s already", name, raw)
	}
	e.clientData = slices.Replace(e.clientData, m.valueAt, m.valueEnd, []byte(raw)...)
	return nil
}

func (e *edit) setClientText(name, text string) error {
	return e.setClientRaw(name, string(appendJSONString(nil, text)))
}

// dropClient removes a member and the comma that goes with it.
func (e *edit) dropClient(name string) error {
	m, err := e.clientMember(name)
	if err != nil {
		return err
	}
	from, to := m.nameAt, m.valueEnd
	if next := jsonSpace(e.clientData, to); e.clientData[next] == ',' {
		to = jsonSpace(e.clientData, next+1)
	} else {
		for from > 0 && e.clientData[from-1] != '{' {
			from--
			if e.clientData[from] == ',' {
				break
			}
		}
	}
	e.clientData = slices.Delete(e.clientData, from, to)
	return nil
}

// addClient puts a raw member behind the last one.
func (e *edit) addClient(raw string) error {
	if _, err := e.clientMember("type"); err != nil {
		return err
	}
	e.clientData = slices.Insert(e.clientData, len(e.clientData)-1, []byte(","+raw)...)
	return nil
}

// tuple is the origin of the client data, in parts.
func (e *edit) tuple() (origin, error) {
	o, ok := parseOrigin(e.origin)
	if !ok {
		return o, notApplicable("the origin %q of the client data is not one of a page", e.origin)
	}
	return o, nil
}

func (o origin) String() string {
	if o.port != "" {
		return o.scheme + "://" + o.host + ":" + o.port
	}
	return o.scheme + "://" + o.host
}

// Attestation object.

func (e *edit) openAttestationObject(b []byte) error {
	pairs, err := cborPairs(slices.Clone(b))
	if err != nil {
		return err
	}
	e.object = pairs
	format, statement, authData := findPair(pairs, cborTextKey("fmt")), findPair(pairs, cborTextKey("attStmt")), findPair(pairs, cborTextKey("authData"))
	if format < 0 || statement < 0 || authData < 0 {
		return errors.New("fmt, attStmt or authData is missing")
	}
	name, ok := cborString(pairs[format].value, cborText)
	if !ok {
		return errors.New("fmt is not text")
	}
	e.format = string(name)
	if e.statement, err = cborPairs(pairs[statement].value); err != nil {
		e.statement = nil // compound attestation has an array
	}
	var raw []byte
	if raw, ok = cborString(pairs[authData].value, cborBytes); !ok {
		return errors.New("authData is not a byte string")
	}
	e.authBytes = slices.Clone(raw)
	if e.auth, err = parseAuthData(raw); err != nil {
		return err
	}
	if !e.auth.attested {
		return errors.New("authData holds no attested credential data")
	}
	e.originalKey = e.auth.key
	return nil
}

func (e *edit) assembleAuthData() {
	e.authBytes = e.auth.append(nil)
	for _, post := range e.authPost {
		e.authBytes = post(e.authBytes)
	}
}

// assembleObject puts statement and authenticator data back in their places.
func (e *edit) assembleObject() {
	if e.statement != nil {
		e.setObject("attStmt", appendCBORPairs(nil, e.statement))
	}
	e.setObject("authData", appendCBORBytes(nil, e.authBytes))
}

func (e *edit) setObject(name string, raw []byte) {
	if i := findPair(e.object, cborTextKey(name)); i >= 0 {
		e.object[i].value = raw
	}
}

// updateCopies makes the members that repeat parts of the attestation object
// say what it says now.
func (e *edit) updateCopies(r *RegistrationResponse) {
	if r.AuthenticatorData != nil {
		r.AuthenticatorData = e.authBytes
	}
	if !e.auth.attested {
		return
	}
	if !bytes.Equal(r.RawID, e.auth.credentialID) {
		r.RawID = slices.Clone(e.auth.credentialID)
		r.ID = base64.RawURLEncoding.EncodeToString(r.RawID)
	}
	if bytes.Equal(e.auth.key, e.originalKey) {
		return
	}
	// A client that does not understand a key leaves publicKey out
	// (https://www.w3.org/TR/webauthn-3/#dom-authenticatorattestationresponse-getpublickey).
	r.PublicKey = nil
	pairs, err := cborPairs(e.auth.key)
	if err != nil {
		return
	}
	if i := findPair(pairs, cborIntKey(coseAlg)); i >= 0 {
		if alg, ok := cborInteger(pairs[i].value); ok {
			r.PublicKeyAlgorithm = alg
		}
	}
}

// credentialAlgorithm is the algorithm of the credential's own key.
func (e *edit) credentialAlgorithm() (*algorithm, error) {
	if e.keys.Credential == nil {
		return nil, errors.New("the credential's private key is needed: set Keys.Credential")
	}
	return algorithmFor(e.keys.Credential, e.keys.Algorithm)
}

// signBytes signs with k, by the credential's algorithm where k is of its kind.
func (e *edit) signBytes(k crypto.Signer, alg int64, message []byte) ([]byte, error) {
	a, err := algorithmFor(k, alg)
	if err != nil {
		return nil, err
	}
	var n uint32
	e.ensureDeriver()
	return a.sign(k, message, func(size int) []byte {
		n++
		return e.derive.draw(size, "signature", n, message)
	})
}

func (e *edit) ensureDeriver() {
	if e.derive == nil {
		fault := e.fault
		e.fault = &faultDef{}
		e.draw(1)
		e.fault = fault
	}
}

// signAssertion signs a message with the credential's algorithm.
func (e *edit) signAssertion(k crypto.Signer, message []byte) ([]byte, error) {
	if k == nil {
		return nil, errors.New("the credential's private key is needed: set Keys.Credential")
	}
	return e.signBytes(k, e.keys.Algorithm, message)
}

// statementMember returns the index of a member of the statement, or -1.
func (e *edit) statementMember(name string) int { return findPair(e.statement, cborTextKey(name)) }

func (e *edit) setStatement(name string, raw []byte) error {
	i := e.statementMember(name)
	if i < 0 {
		return notApplicable("the %s statement has no %s", e.format, name)
	}
	e.statement[i].value = raw
	return nil
}

func (e *edit) dropStatement(name string) error {
	i := e.statementMember(name)
	if i < 0 {
		return notApplicable("the %s statement has no %s", e.format, name)
	}
	e.statement = slices.Delete(e.statement, i, i+1)
	return nil
}

// statementSignature is the content of sig.
func (e *edit) statementSignature() ([]byte, error) {
	i := e.statementMember("sig")
	if i < 0 {
		return nil, notApplicable("the %s statement has no sig", e.format)
	}
	sig, ok := cborString(e.statement[i].value, cborBytes)
	if !ok {
		return nil, notApplicable("sig of the %s statement is not a byte string", e.format)
	}
	return sig, nil
}

// statementKey is the key that the statement is signed with, and its algorithm.
func (e *edit) statementKey() (crypto.Signer, int64, error) {
	if e.statementMember("x5c") < 0 {
		alg, err := e.credentialAlgorithm()
		if err != nil {
			return nil, 0, err
		}
		return e.keys.Credential, alg.id, nil
	}
	if e.keys.Attestation == nil {
		return nil, 0, notApplicable("the key behind the attestation certificate is not known: set Keys.Attestation")
	}
	alg, err := algorithmFor(e.keys.Attestation, 0)
	if err != nil {
		return nil, 0, err
	}
	return e.keys.Attestation, alg.id, nil
}

// statementMessage is what the statement's signature covers.
func (e *edit) statementMessage(clientDataHash []byte) ([]byte, error) {
	if e.format != "fido-u2f" {
		return slices.Concat(e.authBytes, clientDataHash), nil
	}
	point := e.keyPoint()
	if point == nil {
		return nil, notApplicable("the credential key has no point")
	}
	return slices.Concat([]byte{0}, e.auth.rpIDHash, clientDataHash, e.auth.credentialID, point), nil
}

// keyPoint is 04 || x || y of the COSE key as it stands, or of the credential's
// own key where it has none.
func (e *edit) keyPoint() []byte {
	if pairs, err := cborPairs(e.auth.key); err == nil {
		i, j := findPair(pairs, cborIntKey(coseX)), findPair(pairs, cborIntKey(coseY))
		if i >= 0 && j >= 0 {
			x, okX := cborString(pairs[i].value, cborBytes)
			y, okY := cborString(pairs[j].value, cborBytes)
			if okX && okY {
				return slices.Concat([]byte{4}, x, y)
			}
		}
	}
	if e.keys.Credential == nil {
		return nil
	}
	point, err := ecPoint(e.keys.Credential.Public())
	if err != nil {
		return nil
	}
	return point
}

// signStatement signs the statement over what stands now.
func (e *edit) signStatement() error {
	switch e.format {
	case "none":
		return nil
	case "packed", "fido-u2f":
	default:
		return e.makeStatement()
	}
	k, alg, err := e.statementKey()
	if err != nil {
		return err
	}
	message, err := e.statementMessage(e.clientDataHash())
	if err != nil {
		return err
	}
	sig, err := e.signBytes(k, alg, message)
	if err != nil {
		return err
	}
	if e.format == "packed" && e.statementMember("x5c") < 0 {
		// In self attestation alg repeats the key's, so it follows the key.
		if pairs, err := cborPairs(e.auth.key); err == nil {
			if i := findPair(pairs, cborIntKey(coseAlg)); i >= 0 {
				if _, ok := cborInteger(pairs[i].value); ok {
					if err := e.setStatement("alg", slices.Clone(pairs[i].value)); err != nil {
						return err
					}
				}
			}
		}
	}
	return e.setStatement("sig", appendCBORBytes(nil, sig))
}

// makeStatement makes a statement anew whose certificates are made for one
// response only.
func (e *edit) makeStatement() error { return e.bendStatement(bend{}) }

// bendStatement makes a statement of this package's own anew, bent by a fault.
func (e *edit) bendStatement(b bend) error {
	f := formatOf(e.keys.Format)
	if f == nil || f.fmt != e.format {
		return notApplicable("a statement of format %s cannot be made anew: set Keys.Format where this package made it", e.format)
	}
	alg, err := e.credentialAlgorithm()
	if err != nil {
		return err
	}
	in := &statementInput{authData: e.authBytes, parts: e.auth, clientDataHash: e.clientDataHash(), key: e.keys.Credential, algorithm: alg.id, clock: e.keys.clock, authority: e.keys.authority, serial: e.keys.serial, bend: b}
	if in.clock == nil {
		in.clock = time.Now
	}
	e.ensureDeriver()
	var n uint32
	in.draw = func(size int) []byte {
		n++
		return e.derive.draw(size, "statement", n, in.authData, in.clientDataHash)
	}
	statement, _, err := f.make(in)
	if err != nil {
		return err
	}
	if e.statement, err = cborPairs(statement); err != nil {
		e.statement = nil // compound attestation has an array
	}
	e.setObject("attStmt", statement)
	return nil
}
