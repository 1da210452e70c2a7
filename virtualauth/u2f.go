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
	if a.cfg.PresenceFails {
		return nil, nil, StatusOperationDenied
	}
	if !slices.Contains(a.cfg.Algorithms, ES256) {
		return nil, nil, StatusUnsupportedAlgorithm
	}
	if a.cfg.CredentialIDLength > 255 {
		return nil, nil, fmt.Errorf("register U2F: a key handle has 255 bytes at most, and Config.CredentialIDLength is %d", a.cfg.CredentialIDLength)
	}
	if appID == "" {
		appID = origin
	}
	clientData = appendJSONString([]byte(`{"typ":"navigator.id.finishEnrollment","challenge":`), challenge)
	clientData = append(appendJSONString(append(clientData, `,"origin":`...), origin), '}')
	challengeParameter := sha256.Sum256(clientData)
	c := &Credential{RPID: appID, Algorithm: ES256, SignCount: a.cfg.Counter.Start}
	if err := a.create(c, challengeParameter[:], nil); err != nil {
		return nil, nil, fmt.Errorf("register U2F: %w", err)
	}
	point, err := ecPoint(c.PrivateKey.Public())
	if err != nil {
		return nil, nil, fmt.Errorf("register U2F: %w", err)
	}
	batch, err := u2fBatch()
	if err != nil {
		return nil, nil, fmt.Errorf("register U2F: %w", err)
	}
	application := sha256.Sum256([]byte(appID))
	sig, err := signU2F(batch.key, application[:], challengeParameter[:], c.ID, point)
	if err != nil {
		return nil, nil, fmt.Errorf("register U2F: %w", err)
	}
	return slices.Concat([]byte{5}, point, []byte{byte(len(c.ID))}, c.ID, batch.cert.Raw, sig), clientData, nil
}
