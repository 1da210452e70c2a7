package virtualauth

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// RegisterU2F registers through the U2F API that came before WebAuthn, and
// files the credential under the AppID. registrationData is a U2F registration
// response message: 0x05 || public key (65) || key handle length (1) || key
// handle || attestation certificate || signature. clientData is
// {"typ":"navigator.id.finishEnrollment","challenge":…,"origin":…}; the
// challenge stands in it as given. The key handle is the credential id.
func (a *Authenticator) RegisterU2F(appID, origin, challenge string) (registrationData, clientData []byte, err error) {
	if appID == "" {
		appID = origin
	}
	clientData = appendJSONString([]byte(`{"typ":"navigator.id.finishEnrollment","challenge":`), challenge)
	clientData = append(appendJSONString(append(clientData, `,"origin":`...), origin), '}')
	challengeParameter := sha256.Sum256(clientData)
	registrationData, _, err = a.registerU2F(&Credential{RPID: appID}, challengeParameter)
	if err != nil {
		return nil, nil, fmt.Errorf("register U2F: %w", err)
	}
	return registrationData, clientData, nil
}

// RegisterU2FMessage is the body of a raw U2F registration message: challenge
// and application are the two parameters of 32 bytes. The credential is filed
// under the application parameter, as Credential.RPIDHash. Beside the
// registration response message stands what MakeCredential would have answered.
// A refusal is a Status.
func (a *Authenticator) RegisterU2FMessage(challenge, application [sha256.Size]byte) ([]byte, *MakeCredentialResponse, error) {
	return a.registerU2F(&Credential{RPIDHash: application[:]}, challenge)
}

func (a *Authenticator) registerU2F(c *Credential, challenge [sha256.Size]byte) ([]byte, *MakeCredentialResponse, error) {
	if a.cfg.PresenceFails {
		return nil, nil, StatusOperationDenied
	}
	if !slices.Contains(a.cfg.Algorithms, ES256) {
		return nil, nil, StatusUnsupportedAlgorithm
	}
	if a.cfg.CredentialIDLength > 255 {
		return nil, nil, fmt.Errorf("a key handle has 255 bytes at most, and Config.CredentialIDLength is %d", a.cfg.CredentialIDLength)
	}
	c.Algorithm, c.SignCount = ES256, a.cfg.Counter.Start
	if err := a.create(c, challenge[:], nil); err != nil {
		return nil, nil, err
	}
	point, err := ecPoint(c.PrivateKey.Public())
	if err != nil {
		return nil, nil, err
	}
	batch, err := u2fBatch()
	if err != nil {
		return nil, nil, err
	}
	application := c.scopeHash()
	sig, err := signU2F(batch.key, application[:], challenge[:], c.ID, point)
	if err != nil {
		return nil, nil, err
	}
	r := &MakeCredentialResponse{Format: FormatFIDOU2F, Statement: u2fStatement(sig, batch.chain()[:1]), Credential: *c, Attestation: batch.key, made: FormatFIDOU2F}
	if r.coseKey, err = algorithmOf(ES256).cose(nil, c.PrivateKey.Public()); err != nil {
		return nil, nil, err
	}
	d := authData{rpIDHash: application[:], flags: FlagUP | FlagAT, signCount: c.SignCount, attested: true, aaguid: make([]byte, 16), credentialID: c.ID, key: r.coseKey}
	r.AuthData = d.append(nil)
	return slices.Concat([]byte{5}, point, []byte{byte(len(c.ID))}, c.ID, batch.cert.Raw, sig), r, nil
}
