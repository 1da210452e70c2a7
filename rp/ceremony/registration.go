package ceremony

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
	"github.com/touchstone-webauthn/touchstone/rp/cose"
	"github.com/touchstone-webauthn/touchstone/rp/metadata"
)

// registration is a registration under verification.
type registration struct {
	common
	resp        RegistrationResponse
	object      *attObj
	key         *cose.Key
	attestation *attestation.Result
	attError    error
	// model is what metadata say of the authenticator's model; nil: nothing.
	model   *metadata.Entry
	anchors attestation.Anchors
	paths   []*attestation.Path
	trusted bool
	record  *Credential
}

// FinishRegistration verifies a response by the steps of
// https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential and
// stores the credential when all are passed. A refusal is an *Error.
func (rp *RP) FinishRegistration(f FinishRegistration) (*Credential, error) {
	r := &registration{resp: f.Response}
	r.rp, r.typ, r.idText, r.rawID = rp.state, f.Response.Type, f.Response.ID, f.Response.RawID
	r.eye = &eye{policy: rp.config.Policy}
	r.clientDataJSON, r.outputs = f.Response.ClientDataJSON, f.Response.ExtensionResults
	if err := r.take(f.Handle, f.Session, Registration); err != nil {
		return nil, &Error{"7.1.8.pending", challengeAnchor, err.Error()}
	}
	if err := rp.bug.settle(r, run(rp.state, registrationSteps(), r)); err != nil {
		return nil, err
	}
	return copyCredential(r.record), nil
}

// registrationSteps are §7.1 in its order. A name of three parts with a word at
// its end is our own division of a step.
func registrationSteps() []step[registration] {
	const here = "sctn-registering-a-new-credential"
	steps := []step[registration]{
		{Name: "7.1.1", Anchor: here, Title: "options are built for this ceremony"},
		{Name: "7.1.2", Anchor: here, Title: "the page calls create()", FrontEnd: true},
		{Name: "7.1.3", Anchor: here, Title: "the response is an attestation response", prepare: (*registration).needShape},
		{Name: "7.1.3.type", Anchor: "dom-credential-type-slot", Title: "the credential's type is public-key", check: (*registration).checkType},
		{Name: "7.1.3.id", Anchor: "dom-credential-id", Title: "id is the base64url text of a credential id", prepare: (*registration).readID, check: (*registration).checkID},
		{Name: "7.1.3.raw-id", Anchor: "dom-publickeycredential-rawid", Title: "rawId is the same as id", check: (*registration).checkRawID},
		{Name: "7.1.4", Anchor: here, Title: "the client extension results are read"},
		{Name: "7.1.5", Anchor: here, Title: "the client data are UTF-8 decoded, which drops a byte order mark and replaces what is invalid"},
		{Name: "7.1.6", Anchor: here, Title: "the client data are a JSON object", prepare: (*registration).needJSON},
		{Name: "7.1.6.duplicates", Anchor: here, Title: "no member that is judged occurs twice", check: (*registration).checkDuplicates},
		{Name: "7.1.6.token-binding", Anchor: "dom-collectedclientdata-tokenbinding", Title: "policy: tokenBinding is well-formed", check: (*registration).checkTokenBinding},
		{Name: "7.1.6.token-binding-state", Anchor: "dom-collectedclientdata-tokenbinding", Title: "policy of Level 2: tokenBinding is not present where the connection has none", check: (*registration).checkTokenBindingState},
		{Name: "7.1.7", Anchor: here, Title: "type is webauthn.create", check: func(r *registration) error { return r.checkClientType("webauthn.create") }},
		{Name: "7.1.8", Anchor: here, Title: "challenge is the one that was issued", check: (*registration).checkChallenge},
		{Name: "7.1.8.session", Anchor: challengeFragment, Title: "the challenge was issued in this session", check: (*registration).checkSession},
		{Name: "7.1.8.kind", Anchor: challengeFragment, Title: "the challenge was issued for a registration", prepare: (*registration).needUser, check: (*registration).checkKind},
		{Name: "7.1.8.single-use", Anchor: challengeFragment, Title: "the challenge was not used before", check: (*registration).checkSingleUse},
		{Name: "7.1.8.expiry", Anchor: challengeFragment, Title: "the challenge has not expired", check: (*registration).checkExpiry},
		{Name: "7.1.9", Anchor: "rp-op-registering-a-new-credential-step-origin", Title: "origin is one that is expected", check: (*registration).checkOrigin},
		{Name: "7.1.10", Anchor: here, Title: "crossOrigin is true only where framing is expected", check: (*registration).checkCrossOrigin},
		{Name: "7.1.11", Anchor: here, Title: "if topOrigin is present"},
		{Name: "7.1.11.1", Anchor: here, Title: "framing by another origin is expected", check: (*registration).checkFraming},
		{Name: "7.1.11.2", Anchor: here, Title: "topOrigin is one that is expected", check: (*registration).checkTopOrigin},
		{Name: "7.1.12", Anchor: here, Title: "the hash of the client data", prepare: (*registration).hashClientData},
		{Name: "7.1.13", Anchor: here, Title: "the attestation object is CBOR with fmt, authData and attStmt", prepare: (*registration).decode},
	}
	for _, rule := range cose.CanonicalRules {
		steps = append(steps, step[registration]{Name: "7.1.13." + string(rule), Anchor: "sctn-conforming-all-classes", Title: "CTAP2 canonical CBOR: " + canonicalTitles[rule],
			check: func(r *registration) error { return firstViolation(rule, r.object.violations, r.ad.violations) }})
	}
	steps = append(steps, []step[registration]{
		{Name: "7.1.13.attested-data", Anchor: "sctn-attested-credential-data", Title: "the flag AT is set and attested credential data follow", check: (*registration).checkAttested},
		{Name: "7.1.13.extension-data", Anchor: "authdata-extensions", Title: "the flag ED is set exactly if extension data follow", check: (*registration).checkExtensionData},
		{Name: "7.1.13.length", Anchor: "sctn-authenticator-data", Title: "the length of the authenticator data adds up", check: (*registration).checkLength},
		{Name: "7.1.13.credential-id", Anchor: "dom-publickeycredential-rawid", Title: "the attested credential id is the same as id", check: (*registration).checkAttestedID},
		{Name: "7.1.14", Anchor: here, Title: "rpIdHash is the hash of the RP ID", check: (*registration).checkRPIDHash},
		{Name: "7.1.15", Anchor: here, Title: "UP is set, unless create() was conditional", check: (*registration).checkUP},
		{Name: "7.1.16", Anchor: here, Title: "UV is set if user verification is required", check: (*registration).checkUV},
		{Name: "7.1.17", Anchor: here, Title: "BS is clear if BE is clear", check: (*registration).checkBackup},
		{Name: "7.1.18", Anchor: here, Title: "policy on BE: this Relying Party has none"},
		{Name: "7.1.19", Anchor: here, Title: "policy on BS: this Relying Party has none"},
		keyStep(cose.KeyAlgorithm, (*registration).readKey),
		{Name: "7.1.20", Anchor: here, Title: "alg of the credential public key is among those offered", check: (*registration).checkOffered},
	}...)
	for _, rule := range cose.KeyRules {
		if rule != cose.KeyAlgorithm {
			steps = append(steps, keyStep(rule, nil))
		}
	}
	return append(steps, []step[registration]{
		{Name: "7.1.21", Anchor: here, Title: "fmt is a format that is supported, in this very case", check: (*registration).checkFormat},
		{Name: "7.1.22", Anchor: "reg-ceremony-verify-attestation", Title: "the attestation statement is verified by its format's procedure", prepare: (*registration).attest, check: (*registration).checkAttestation},
		{Name: "7.1.23", Anchor: "reg-ceremony-attestation-trust-anchors", Title: "the trust anchors come from the model's metadata, or from configuration", prepare: (*registration).lookUp},
		{Name: "7.1.23.metadata-signature", Anchor: "reg-ceremony-attestation-trust-anchors", Title: "the metadata BLOB that lists the model verifies", check: ofSource(func(s *metadata.Source) error { return s.Signature })},
		{Name: "7.1.23.metadata-chain", Anchor: "reg-ceremony-attestation-trust-anchors", Title: "the signer of that BLOB leads to the anchor for metadata", check: ofSource(func(s *metadata.Source) error { return s.Chain })},
		{Name: "7.1.23.metadata-revoked", Anchor: "reg-ceremony-attestation-trust-anchors", Title: "no certificate behind that BLOB is revoked", check: ofSource(func(s *metadata.Source) error { return s.Revoked })},
		{Name: "7.1.24.none", Anchor: "reg-ceremony-assess-trust", Title: "policy: no attestation where attestation was asked for", check: (*registration).checkNone},
		{Name: "7.1.24.self", Anchor: "reg-ceremony-assess-trust", Title: "policy: self attestation where attestation was asked for", check: (*registration).checkSelf},
		{Name: "7.1.24.status", Anchor: "reg-ceremony-assess-trust", Title: "policy: metadata report no compromise or revocation of the model", check: (*registration).checkStatus},
		{Name: "7.1.24.attestation-type", Anchor: "reg-ceremony-assess-trust", Title: "policy: the attestation is of a type that the model's metadata list", check: (*registration).checkMetadataType},
		{Name: "7.1.24.algorithm", Anchor: "reg-ceremony-assess-trust", Title: "policy: the credential's algorithm is one that the model's metadata list", check: (*registration).checkMetadataAlgorithm},
		{Name: "7.1.24.order", Anchor: "reg-ceremony-assess-trust", Title: "every certificate of x5c was issued by the next", prepare: (*registration).buildPaths, check: eachPath((*attestation.Path).Order)},
		{Name: "7.1.24.signatures", Anchor: "reg-ceremony-assess-trust", Title: "every certificate verifies with its issuer's key", check: eachPath((*attestation.Path).Signatures)},
		{Name: "7.1.24.issuers", Anchor: "reg-ceremony-assess-trust", Title: "every issuer is a CA", check: eachPath((*attestation.Path).Issuers)},
		{Name: "7.1.24.validity", Anchor: "reg-ceremony-assess-trust", Title: "every certificate is valid now", check: (*registration).checkValidity},
		{Name: "7.1.24.critical", Anchor: "reg-ceremony-assess-trust", Title: "no unknown critical extension in the chain", check: eachPath((*attestation.Path).Critical)},
		{Name: "7.1.24.anchor-in-chain", Anchor: "reg-ceremony-assess-trust", Title: "policy: x5c does not carry the trust anchor", check: (*registration).checkAnchorInChain},
		{Name: "7.1.24.own-root", Anchor: "reg-ceremony-assess-trust", Title: "a root that came inside x5c is no trust anchor", check: func(*registration) error { return nil }},
		{Name: "7.1.24", Anchor: "reg-ceremony-assess-trust", Title: "the attestation certificate chains to a trust anchor", prepare: (*registration).noteTrust, check: eachPath((*attestation.Path).Trusted)},
		{Name: "7.1.25", Anchor: here, Title: "the credential id has at most 1023 bytes", check: (*registration).checkIDLength},
		{Name: "7.1.26", Anchor: here, Title: "the credential id is registered for no user", check: (*registration).checkUnique},
		{Name: "7.1.27", Anchor: "reg-ceremony-create-credential-record", Title: "the credential record", prepare: (*registration).makeRecord},
		{Name: "7.1.28", Anchor: "reg-ceremony-verify-extension-outputs", Title: "policy: no extension output that was not asked for", check: (*registration).checkUnsolicited},
		{Name: "7.1.28.cred-protect", Anchor: "reg-ceremony-verify-extension-outputs", Title: "credProtect is at least as strict as enforced", check: (*registration).checkCredProtect},
		{Name: "7.1.29", Anchor: here, Title: "the credential is stored in the account of the options", prepare: (*registration).store},
	}...)
}

// keyStep judges one demand on the credential public key.
func keyStep(rule cose.KeyRule, prepare func(*registration) error) step[registration] {
	return step[registration]{
		Name: "7.1.20." + string(rule), Anchor: keyAnchors[rule], Title: "credential public key: " + keyTitles[rule], prepare: prepare,
		check: func(r *registration) error {
			if p := r.key.Problem(rule); p != nil {
				return p
			}
			return nil
		},
	}
}

func (r *registration) needShape() error {
	if len(r.clientDataJSON) == 0 {
		return errors.New("the response has no clientDataJSON")
	}
	if len(r.resp.AttestationObject) == 0 {
		return errors.New("the response has no attestationObject")
	}
	return nil
}

// needUser: a challenge of the other kind may have been issued to nobody, and
// never comes with algorithms; the bug that takes one goes on with the default.
func (r *registration) needUser() error {
	if r.user == nil {
		return r.checkKind()
	}
	if r.otherKind {
		r.algorithms = r.rp.config.Algorithms
	}
	return nil
}

func (r *registration) decode() (err error) {
	if r.object, err = readAttObj(r.resp.AttestationObject); err != nil {
		return err
	}
	if r.ad, err = readAuthData(r.object.authData, r.rp.leftOut("7.1.13.attested-data")); err != nil {
		return err
	}
	return nil
}

func (r *registration) checkAttested() error {
	if !r.ad.has(flagAT) {
		return fmt.Errorf("the authenticator data carry no attested credential data: the flag AT is clear in %#02x", r.ad.flags)
	}
	if len(r.ad.credentialID) == 0 {
		return errors.New("the attested credential id is empty")
	}
	return nil
}

func (r *registration) checkAttestedID() error {
	if !bytes.Equal(r.ad.credentialID, r.id) {
		return fmt.Errorf("the attested credential id %s is not the id of the response, %s", show(base64.RawURLEncoding.EncodeToString(r.ad.credentialID)), show(r.idText))
	}
	return nil
}

func (r *registration) checkRPIDHash() error {
	want := sha256.Sum256([]byte(r.rp.config.RPID))
	if !bytes.Equal(r.ad.rpIDHash, want[:]) {
		return fmt.Errorf("rpIdHash is %x, expected %x, the hash of %s", r.ad.rpIDHash, want, show(r.rp.config.RPID))
	}
	return nil
}

func (r *registration) checkUP() error {
	if r.conditional && !r.policy().Level2 {
		return nil
	}
	return r.common.checkUP()
}

func (r *registration) readKey() (err error) {
	if !r.ad.attested {
		return errors.New("the authenticator data carry no credential public key")
	}
	r.key, err = cose.FromNode(r.ad.key)
	return err
}

func (r *registration) checkOffered() error {
	if !slices.Contains(r.algorithms, r.key.Algorithm) {
		return fmt.Errorf("the credential public key is for %s, offered were %v", cose.AlgorithmName(r.key.Algorithm), r.algorithms)
	}
	return nil
}

func (r *registration) checkFormat() error {
	if !attestation.Supported(r.object.format) || r.object.format == "compound" && r.policy().Level2 {
		return fmt.Errorf("the attestation statement format %s is not supported", show(r.object.format))
	}
	return nil
}

func (r *registration) attest() error {
	policy := attestation.Policy{RequireZeroU2FAAGUID: r.policy().RequireZeroU2FAAGUID, AndroidTEEOnly: r.policy().AndroidTEEOnly, Enterprise: r.pending.attestation == "enterprise"}
	r.attestation, r.attError = attestation.Verify(attestation.Input{
		Format: r.object.format, Statement: r.object.statement, AuthData: r.object.authData, ClientDataHash: r.hash,
		RPIDHash: r.ad.rpIDHash, AAGUID: r.ad.aaguid, CredentialID: r.ad.credentialID, Key: r.key,
		Time: r.rp.config.Clock(), Policy: policy, LeaveOut: r.rp.leftOut,
	})
	if r.attError != nil {
		// What is not verified counts for nothing: the bug that looks away from
		// this step, or from the format, goes on with no attestation.
		r.attestation = &attestation.Result{Format: r.object.format, Type: attestation.None}
		if !attestation.Supported(r.object.format) {
			r.attError = nil
		}
	}
	return nil
}

func (r *registration) checkAttestation() error { return r.attError }

func (r *registration) asked() bool {
	return r.pending.attestation == "direct" || r.pending.attestation == "enterprise"
}

func (r *registration) checkNone() error {
	if r.policy().RefuseNone && r.asked() && r.attestation.Type == attestation.None {
		return fmt.Errorf("%s attestation was asked for, none came", r.pending.attestation)
	}
	return nil
}

func (r *registration) checkSelf() error {
	if r.policy().RefuseSelf && r.asked() && r.attestation.Type == attestation.Self {
		return fmt.Errorf("%s attestation was asked for, self attestation came", r.pending.attestation)
	}
	return nil
}

// buildPaths: an attestation is trusted when every certificate chain in it is.
// "7.1.24.own-root" has no check of its own, only this effect.
func (r *registration) buildPaths() error {
	o := attestation.PathOptions{
		AnyOrder:  r.rp.leftOut("7.1.24.order"),
		NamesOnly: r.rp.leftOut("7.1.24.signatures"),
		OwnRoot:   r.rp.leftOut("7.1.24.own-root"),
	}
	for _, x5c := range r.attestation.Paths() {
		r.paths = append(r.paths, attestation.NewPath(x5c, r.anchors, o))
	}
	return nil
}

// eachPath puts a question to every path, if policy wants trust at all; else
// the attestation is stored as one that is not trusted, as step 24 allows.
func eachPath(question func(*attestation.Path) error) func(*registration) error {
	return func(r *registration) error {
		if !r.policy().RequireTrust {
			return nil
		}
		for _, p := range r.paths {
			if err := question(p); err != nil {
				return err
			}
		}
		return nil
	}
}

func (r *registration) valid(p *attestation.Path) error { return p.Validity(r.rp.config.Clock()) }

func (r *registration) checkValidity() error { return eachPath(r.valid)(r) }

func (r *registration) checkAnchorInChain() error {
	if !r.policy().RefuseAnchorInChain {
		return nil
	}
	return eachPath((*attestation.Path).AnchorInChain)(r)
}

// noteTrust records whether all questions are answered well, policy or not.
func (r *registration) noteTrust() error {
	r.trusted = len(r.paths) > 0
	for _, p := range r.paths {
		for _, question := range []func(*attestation.Path) error{
			(*attestation.Path).Order, (*attestation.Path).Signatures, (*attestation.Path).Issuers, r.valid,
			(*attestation.Path).Critical, (*attestation.Path).Trusted,
		} {
			if question(p) != nil {
				r.trusted = false
			}
		}
	}
	return nil
}

func (r *registration) checkIDLength() error {
	if n := len(r.ad.credentialID); n > 1023 && !r.policy().Level2 {
		return fmt.Errorf("the credential id has %d bytes, at most 1023 are allowed", n)
	}
	return nil
}

func (r *registration) checkUnique() error {
	r.rp.mu.Lock()
	defer r.rp.mu.Unlock()
	return r.unique()
}

func (r *registration) unique() error {
	if r.rp.credentials[string(r.ad.credentialID)] != nil {
		return errors.New("the credential id is registered already")
	}
	return nil
}

// Bounds of what is stored of the transports, which the client may choose freely.
const maxTransports, maxTransportLength = 16, 32

// transports keeps unknown values: new ones come, and they must reach the
// client again (https://www.w3.org/TR/webauthn-3/#dom-authenticatorattestationresponse-gettransports).
func transports(came []string) []string {
	var kept []string
	for _, t := range came {
		if t != "" && len(t) <= maxTransportLength && len(kept) < maxTransports && !slices.Contains(kept, t) {
			kept = append(kept, t)
		}
	}
	return kept
}

func (r *registration) makeRecord() error {
	r.record = &Credential{
		ID: bytes.Clone(r.ad.credentialID), UserHandle: bytes.Clone(r.user.Handle), PublicKey: r.key.Raw,
		SignCount: r.ad.signCount, UVInitialized: r.ad.has(flagUV), Transports: transports(r.resp.Transports),
		BackupEligible: r.ad.has(flagBE), BackupState: r.ad.has(flagBS),
		AttestationType: string(r.attestation.Type), Format: r.attestation.Format, AAGUID: bytes.Clone(r.ad.aaguid),
		Trusted: r.trusted, CreatedAt: r.rp.config.Clock(), DoubleEncodedChallenge: r.doubled,
	}
	return nil
}

// store asks step 26's question once more under the lock: two registrations of
// one id may run at once.
func (r *registration) store() error {
	r.rp.mu.Lock()
	defer r.rp.mu.Unlock()
	if r.rp.handles[string(r.user.Handle)] == nil {
		return errors.New("the account of the options is gone")
	}
	if !r.rp.leftOut("7.1.26") {
		if err := r.unique(); err != nil {
			return &Error{"7.1.26", createAnchor, err.Error()}
		}
	}
	r.rp.insert(copyCredential(r.record))
	return nil
}
