package suites

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// offers reports whether pubKeyCredParams has the algorithm.
func (o creation) offers(alg int64) bool {
	return slices.ContainsFunc(o.PubKeyCredParams, func(p parameter) bool { n, ok := p.alg(); return ok && n == alg })
}

// rs1 is RSASSA-PKCS1-v1_5 with SHA-1, which libraries know from TPMs.
const rs1 int64 = -65535

// algorithmText names an algorithm for a message, with its number.
func algorithmText(alg int64) string {
	if alg == rs1 {
		return fmt.Sprintf("RS1 (%d)", alg)
	}
	if name := virtualauth.AlgorithmName(alg); name != fmt.Sprint(alg) {
		return fmt.Sprintf("%s (%d)", name, alg)
	}
	return fmt.Sprint(alg)
}

// of begins a registration with a key for the algorithm, or ends the case where
// the client or the RP does not have it.
func (c *Case) of(a *Account, alg int64) *Attempt {
	name := virtualauth.AlgorithmName(alg)
	if !slices.Contains(client.Algorithms(c.lane.client), alg) {
		c.NotApplicable(reports.ReasonClient, "%s makes no keys for %s", c.lane.client.Name(), name)
	}
	t, o := a.creation(Setting{Algorithm: alg})
	if !o.offers(alg) {
		c.NotApplicable("not-offered", "the RP does not offer %s", name)
	}
	return t
}

// registrationAlgorithms: what is offered is accepted
// (https://www.w3.org/TR/webauthn-3/#sctn-alg-identifier).
func registrationAlgorithms() []*Check {
	checks := []*Check{{
		ID: "registration.algorithms.offered-are-accepted", Title: "A key of every algorithm that is offered registers and logs in",
		Level: Must, Requirements: []string{"webauthn-3/7.1/step-20", "webauthn-3/7.2/step-21"},
		Why: "An authenticator takes the first of the list that it has. One that was offered and cannot be verified locks its users out.",
		Story: func(c *Case) {
			_, o := c.Account("alice", client.AuthenticatorConfig{}).creation(Setting{})
			login := c.Target.Feature("authentication").Absent == ""
			var asked []string
			for _, p := range o.PubKeyCredParams {
				alg, ok := p.alg()
				if !ok || !slices.Contains(client.Algorithms(c.lane.client), alg) {
					continue
				}
				name := algorithmText(alg)
				if slices.Contains(asked, name) {
					continue
				}
				asked = append(asked, name)
				a := c.Account(fmt.Sprintf("with key %d", -alg), client.AuthenticatorConfig{})
				t := a.Begin(Registration, Setting{Algorithm: alg}, true)
				t.Respond(true)
				c.MustAccept(t.Send(noWire), "a registration with a key for "+name+", which was offered,")
				if login {
					c.MustAccept(a.Run(Authentication, Setting{}, noFault, noWire, true), "an authentication with a key for "+name+", which was registered,")
				}
			}
			if len(asked) == 0 {
				c.NotApplicable(reports.ReasonClient, "%s has none of the algorithms that the RP offers", c.lane.client.Name())
			}
		},
	}}
	for _, r := range []struct {
		name, title, why string
		change           func(*rsa.PublicKey) (label byte, from, to []byte)
	}{
		{"rsa-exponent-one", "An RSA key with exponent 1 is refused", "Every message is its own signature then, and everybody logs in.", func(k *rsa.PublicKey) (byte, []byte, []byte) {
			return 0x21, []byte{1, 0, 1}, []byte{1}
		}},
		{"rsa-modulus-short", "An RSA key of 1024 bits is refused", "Such keys are within reach of those who factor for a living, and RFC 8812 forbids them.", func(k *rsa.PublicKey) (byte, []byte, []byte) {
			short := bytes.Clone(k.N.Bytes()[:128])
			short[0], short[127] = short[0]|0x80, short[127]|1
			return 0x20, k.N.Bytes(), short
		}},
	} {
		checks = append(checks, &Check{
			ID: "registration.algorithms." + r.name, Title: r.title, Why: r.why, Level: Should,
			Requirements: []string{"webauthn-3/5.8.5/rsa-strength"}, Abilities: []client.Ability{client.Faults, client.NoAttestation}, Needs: []string{"attestation.none"},
			Story: func(c *Case) {
				twin := c.of(c.Account("bob", client.AuthenticatorConfig{}), virtualauth.RS256)
				twin.Respond(false)
				c.need(twin.Send(noWire), "a registration with a sound RSA key")
				t := c.of(c.Account("alice", client.AuthenticatorConfig{}), virtualauth.RS256)
				t.Respond(false)
				k, ok := t.Registration.Credential.PrivateKey.Public().(*rsa.PublicKey)
				if !ok {
					c.broken(fmt.Errorf("the client's RS256 key is a %T", t.Registration.Credential.PrivateKey.Public()))
				}
				label, from, to := r.change(k)
				t.replaceKeyPart(label, from, to)
				c.MustReject(t.Send(noWire), "a registration where "+lowerFirst(r.title[:len(r.title)-len(" is refused")])+" is sent")
			},
		})
	}
	return append(checks, &Check{
		ID: "registration.accepted.user-not-verified-though-discouraged", Title: "A user who was not verified is accepted when verification is discouraged",
		Level: Must, Requirements: []string{"webauthn-3/7.1/step-16"}, Ceremony: Registration, Expect: Accept,
		Setting:   Setting{UserVerification: "discouraged", Authenticator: client.AuthenticatorConfig{Transport: "usb", ResidentKeys: true}},
		Abilities: []client.Ability{client.Flags},
		Why:       "UV is to be demanded if and only if the options said so; plain security keys have none.",
	}, &Check{
		ID: "registration.accepted.counter-huge", Title: "A first counter of 4294967295 is accepted",
		Level: Must, Requirements: []string{"webauthn-3/7.1/step-27.counter"}, Ceremony: Registration, Expect: Accept,
		Fault: virtualauth.Faults{CounterHuge: true},
		Why:   "The counter is unsigned and of 32 bits; a store that holds less loses it or breaks.",
	})
}

// replaceKeyPart puts other bytes in place of a byte string of the COSE key in a
// response without attestation, where the key is what the attestation object ends with.
func (t *Attempt) replaceKeyPart(label byte, from, to []byte) {
	c := t.Account.c
	r := &t.Registration.Response
	object := r.AttestationObject
	member := func(b []byte) []byte { return append([]byte{label}, cborBytes(b)...) }
	at := bytes.LastIndex(object, member(from))
	head := bytes.Index(object, []byte("hauthData"))
	if at < 0 || head < 0 || len(object) < head+12 || object[head+9] != 0x59 {
		c.NotApplicable("fault-not-applicable", "the response is not one without attestation whose key can be replaced")
	}
	data := slices.Concat(object[head+12:at], member(to), object[at+len(member(from)):])
	r.AttestationObject = slices.Concat(object[:head+9], cborBytes(data))
	if r.AuthenticatorData != nil {
		r.AuthenticatorData = data
	}
	r.PublicKey = nil
}

// cborBytes is a CBOR byte string of less than 64 KiB.
func cborBytes(b []byte) []byte {
	switch n := len(b); {
	case n < 24:
		return append([]byte{0x40 | byte(n)}, b...)
	case n < 256:
		return append([]byte{0x58, byte(n)}, b...)
	default:
		return append(binary.BigEndian.AppendUint16([]byte{0x59}, uint16(n)), b...)
	}
}

// authenticationAlgorithms: the signature is of the algorithm that was
// registered, and no relative of it will do.
func authenticationAlgorithms() []*Check {
	hashed := func(h crypto.Hash, opts func(crypto.Hash) crypto.SignerOpts) func(crypto.Signer, []byte) ([]byte, error) {
		return func(k crypto.Signer, message []byte) ([]byte, error) {
			d := h.New()
			d.Write(message)
			return k.Sign(rand.Reader, d.Sum(nil), opts(h))
		}
	}
	plain := func(h crypto.Hash) crypto.SignerOpts { return h }
	pss := func(h crypto.Hash) crypto.SignerOpts {
		return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
	}
	var checks []*Check
	for _, r := range []struct {
		name, title, why string
		alg              int64
		sign             func(k crypto.Signer, message []byte) ([]byte, error)
	}{
		{"es256-over-sha-384", "An ES256 key's signature over a SHA-384 hash is refused", "The hash belongs to the algorithm that was registered; an RP that takes what fits lets the sender choose the weakest.", virtualauth.ES256, hashed(crypto.SHA384, plain)},
		{"rs256-over-sha-512", "An RS256 key's signature over a SHA-512 hash is refused", "A PKCS #1 signature names its hash; an RP that believes it instead of the record verifies under any hash, broken ones too.", virtualauth.RS256, hashed(crypto.SHA512, plain)},
		{"rs256-over-sha-1", "An RS256 key's signature over a SHA-1 hash is refused", "Collisions of SHA-1 can be made, and with them signatures that were never given.", virtualauth.RS256, hashed(crypto.SHA1, plain)},
		{"rs256-with-pss", "A PSS signature by an RS256 key is refused", "PS256 is another algorithm; a key is used with the one that it was registered for.", virtualauth.RS256, hashed(crypto.SHA256, pss)},
		{"ps256-with-pkcs1", "A PKCS #1 signature by a PS256 key is refused", "Falling back to the older padding gives up what PSS was chosen for.", virtualauth.PS256, hashed(crypto.SHA256, plain)},
		{"eddsa-over-hash", "An EdDSA signature over a hash of the message is refused", "EdDSA signs the message itself; an RP that accepts both forms accepts two messages for one signature.", virtualauth.EdDSA, func(k crypto.Signer, message []byte) ([]byte, error) {
			d := sha256.Sum256(message)
			return k.Sign(nil, d[:], crypto.Hash(0))
		}},
		{"eddsa-prehashed", "An Ed25519ph signature by an EdDSA key is refused", "Ed25519ph is another scheme with the same keys, and not the one that was registered.", virtualauth.EdDSA, func(k crypto.Signer, message []byte) ([]byte, error) {
			d := sha512.Sum512(message)
			return k.Sign(nil, d[:], crypto.SHA512)
		}},
	} {
		checks = append(checks, &Check{
			ID: "authentication.algorithms." + r.name, Title: r.title, Why: r.why, Level: Must,
			Requirements: []string{"webauthn-3/7.2/step-21"}, Needs: []string{"authentication"}, Abilities: []client.Ability{client.Faults},
			Story: func(c *Case) {
				registered := func(label string) *Account {
					a := c.Account(label, client.AuthenticatorConfig{})
					t := c.of(a, r.alg)
					t.Respond(false)
					c.need(t.Send(noWire), "a registration with a key for "+virtualauth.AlgorithmName(r.alg))
					return a
				}
				registered("bob").LogIn(Setting{})
				a := registered("alice")
				t := a.Begin(Authentication, Setting{}, false)
				t.Respond(false)
				if t.Assertion.Credential == nil {
					c.NotApplicable(reports.ReasonClient, "%s does not give the credential's key out", c.lane.client.Name())
				}
				hash := sha256.Sum256(t.Assertion.Response.ClientDataJSON)
				sig, err := r.sign(t.Assertion.Credential.PrivateKey, slices.Concat(t.Assertion.Response.AuthenticatorData, hash[:]))
				if err != nil {
					c.broken(fmt.Errorf("signing by another algorithm: %w", err))
				}
				t.Assertion.Response.Signature = sig
				c.MustReject(t.Send(noWire), "an authentication with "+lowerFirst(r.title[:len(r.title)-len(" is refused")]))
				a.MustBeLoggedOut()
			},
		})
	}
	return checks
}

// synced is an authenticator whose credentials may be backed up.
var synced = client.AuthenticatorConfig{Transport: "internal", ResidentKeys: true, UserVerification: true, BackupEligible: true}

// authenticationState are flags and counters that change, or do not, from login to login.
func authenticationState() []*Check {
	type F = virtualauth.Faults
	flags := Check{
		ID: "authentication.authenticator-data", Ceremony: Authentication, Level: Posture, Expect: Reject, Requirements: []string{"webauthn-3/7.2/step-19.1"},
		Setting: Setting{Authenticator: synced}, Abilities: []client.Ability{client.Flags},
	}
	counter := Check{ID: "authentication.counter", Ceremony: Authentication, Level: Must, Expect: Accept, Requirements: []string{"webauthn-3/7.2/step-24.1"}}
	return join(table(flags,
		row{name: "backup-eligibility-lost", title: "A credential that is no longer backup eligible is noticed", fault: F{FlagBEClear: true}, why: "Eligibility never changes; where it does, this is another authenticator."},
	), table(counter,
		row{name: "huge", title: "A counter of 4294967295 is accepted", fault: F{CounterHuge: true}, also: "webauthn-3/7.1/step-27.counter", why: "It has grown; a store with less than 32 unsigned bits refuses it or loses it."},
		row{name: "high-bit", title: "A counter of 2147483648 is accepted", fault: F{CounterHighBit: true}, also: "webauthn-3/7.1/step-27.counter", why: "Read as a signed number it is negative, and a sound login looks like a clone's."},
	), []*Check{{
		ID: "authentication.counter.zero-forever", Title: "An authenticator without a counter logs in again and again",
		Level: Must, Requirements: []string{"webauthn-3/7.2/step-24.1", "webauthn-3/7.2/step-22"}, Needs: []string{"authentication"}, Abilities: []client.Ability{client.Faults},
		Why: "Synced passkeys report zero for ever. Only where one of the two counters is not zero does step 22 compare them.",
		Story: func(c *Case) {
			a := c.Account("alice", client.AuthenticatorConfig{})
			reg := a.Register(Setting{})
			if d := reg.Registration.Response.AuthenticatorData; len(d) < 37 || binary.BigEndian.Uint32(d[33:37]) != 0 {
				c.NotApplicable(reports.ReasonClient, "%s's authenticator has a counter that does not begin at zero", c.lane.client.Name())
			}
			for range 3 {
				c.MustAccept(a.Run(Authentication, Setting{}, F{CounterZero: true}, target.WireFaults{}, true), "a login by an authenticator that has no counter")
			}
		},
	}, {
		ID: "authentication.accepted.backup-state-toggles", Title: "A credential whose backup state changes from login to login is accepted",
		Level: Must, Requirements: []string{"webauthn-3/7.2/step-18", "webauthn-3/7.2/step-24.2"}, Needs: []string{"authentication"}, Abilities: []client.Ability{client.Flags, client.Import},
		Why: "A passkey is backed up some time after it was made, and no longer when its owner leaves the service. Only eligibility is for ever.",
		Story: func(c *Case) {
			a := c.Account("alice", synced)
			a.Register(Setting{Authenticator: synced})
			for i := range 3 {
				backedUp := i%2 == 0
				a.setBackupState(backedUp)
				t := a.Begin(Authentication, Setting{Authenticator: synced}, true)
				t.Respond(true)
				if d := t.Assertion.Response.AuthenticatorData; len(d) < 37 || (d[32]&byte(virtualauth.FlagBS) != 0) != backedUp {
					c.NotApplicable(reports.ReasonClient, "%s did not report the backup state that its authenticator was given", c.lane.client.Name())
				}
				c.MustAccept(t.Send(noWire), fmt.Sprintf("login %d, where backup state %t is new", i+1, backedUp))
			}
		},
	}})
}

// setBackupState puts the account's credentials back with that state.
func (a *Account) setBackupState(backedUp bool) {
	auth := a.Authenticator()
	stored, err := auth.Credentials(a.c.ctx)
	for _, cred := range stored {
		if err == nil {
			err = auth.Remove(a.c.ctx, cred.ID)
		}
		cred.BackupState = backedUp
		if err == nil {
			err = auth.Import(a.c.ctx, cred)
		}
	}
	if err != nil {
		a.c.broken(fmt.Errorf("changing the backup state: %w", err))
	}
}
