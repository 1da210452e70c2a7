package browser

import (
	"crypto"
	"errors"
	"fmt"

	// For all but ML-DSA keys its functions are those of crypto/x509.
	"filippo.io/mldsa/x509"
)

// parseKey reads the PKCS #8 private key of a credential as Chrome exports it.
func parseKey(der []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read the credential's private key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("read the credential's private key: a %T cannot sign", key)
	}
	return signer, nil
}

// marshalKey writes a private key as PKCS #8, which is how Chrome takes it.
// Chrome itself takes P-256, RSA, Ed25519 and ML-DSA keys and refuses others.
func marshalKey(key crypto.Signer) ([]byte, error) {
	if key == nil {
		return nil, errors.New("it has no private key")
	}
	return x509.MarshalPKCS8PrivateKey(key)
}
