package virtualauth

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// safetyNetHost is who a SafetyNet response is signed by.
const safetyNetHost = "attest.android.com"

// safetyNetIdentity is the service's certificate, over an RSA key.
func safetyNetIdentity(in *statementInput, pub crypto.PublicKey) (*identity, error) {
	return batchOf(safetyNetHost, in, func(string) (*identity, error) {
		ca, err := safetyNetAuthority()
		if err != nil {
			return nil, err
		}
		return newLeaf(leaf{
			label: safetyNetHost, subject: &pkix.Name{CommonName: safetyNetHost}, pub: pub,
			dnsNames: []string{safetyNetHost}, usage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, bend: in.bend.leaf,
		}, in.issuerOr(ca.intermediate))
	})
}

// safetyNetResponse is the payload of a response.
type safetyNetResponse struct {
	Nonce                      []byte   `json:"nonce"`
	TimestampMs                int64    `json:"timestampMs"`
	ApkPackageName             string   `json:"apkPackageName"`
	ApkDigestSha256            []byte   `json:"apkDigestSha256"`
	CtsProfileMatch            bool     `json:"ctsProfileMatch"`
	ApkCertificateDigestSha256 [][]byte `json:"apkCertificateDigestSha256"`
	BasicIntegrity             bool     `json:"basicIntegrity"`
}

// androidSafetyNet is https://www.w3.org/TR/webauthn-3/#sctn-android-safetynet-attestation:
// a JWS by the service over a nonce.
func androidSafetyNet(in *statementInput) ([]byte, crypto.Signer, error) {
	pool, err := rsaPool()
	if err != nil {
		return nil, nil, fmt.Errorf("android-safetynet attestation: %w", err)
	}
	service, err := safetyNetIdentity(in, &pool[0].PublicKey)
	if err != nil {
		return nil, nil, fmt.Errorf("android-safetynet attestation: %w", err)
	}
	header := struct {
		Alg string   `json:"alg"`
		X5C [][]byte `json:"x5c"`
	}{"RS256", in.x5c(service)}
	nonce := sha256.Sum256(in.toBeSigned())
	app := sha256.Sum256([]byte("touchstone virtual app"))
	payload := safetyNetResponse{nonce[:], in.clock().UnixMilli(), "com.google.android.gms", app[:], true, [][]byte{app[:]}, true}
	if in.bend.nonce != nil {
		payload.Nonce = in.bend.nonce
	}
	if in.bend.response != nil {
		in.bend.response(&payload)
	}
	var message []byte
	for i, part := range []any{header, payload} {
		text, err := json.Marshal(part)
		if err != nil {
			return nil, nil, fmt.Errorf("android-safetynet attestation: %w", err)
		}
		if i > 0 {
			message = append(message, '.')
		}
		message = base64.RawURLEncoding.AppendEncode(message, text)
	}
	sig, err := algorithmOf(RS256).sign(pool[0], message, in.draw)
	if err != nil {
		return nil, nil, fmt.Errorf("android-safetynet attestation: %w", err)
	}
	response := base64.RawURLEncoding.AppendEncode(append(message, '.'), sig)
	dst := appendCBORHead(nil, cborMap, 2)
	dst = appendCBORText(appendCBORText(dst, "ver"), "240000000")
	return appendCBORBytes(appendCBORText(dst, "response"), response), pool[0], nil
}
