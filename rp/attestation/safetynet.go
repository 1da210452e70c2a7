package attestation

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// safetyNetParts is the JWS of a statement.
type safetyNetParts struct {
	signature *jose.JSONWebSignature
	payload   struct {
		Nonce           string `json:"nonce"`
		TimestampMS     int64  `json:"timestampMs"`
		CTSProfileMatch bool   `json:"ctsProfileMatch"`
	}
}

const (
	safetyNetHost = "attest.android.com"
	// What the service's documentation left to the reader: an answer is fresh
	// for a minute, and clocks differ by some seconds.
	safetyNetAge  = time.Minute
	safetyNetSkew = 10 * time.Second
)

// safetyNet is https://www.w3.org/TR/webauthn-3/#sctn-android-safetynet-attestation.
// The service's chain is judged where all chains are, in §7.1 step 24.
func safetyNet() *procedure {
	return &procedure{format: "android-safetynet", section: "8.5", anchor: "sctn-android-safetynet-attestation", steps: []step{
		syntax([]field{{"ver", cose.Text, false}, {"response", cose.Bytes, false}}),
		{name: "version", title: "ver names a version of Google Play Services", check: func(st *statement) error {
			if ver, _ := st.Statement.Get("ver"); ver.Kind != cose.Text || len(ver.Bytes) == 0 {
				return errors.New("ver of the attestation statement is empty")
			}
			return nil
		}},
		{name: "signature", title: "response is a JWS that verifies with its certificate's key", prepare: readSafetyNet, check: func(st *statement) error {
			if _, err := st.safetyNet.signature.Verify(st.leaf().PublicKey); err != nil {
				return errors.New("the signature of response does not verify with the key of its certificate")
			}
			return nil
		}},
		{name: "nonce", title: "nonce is the hash of authenticator data and client data hash", check: func(st *statement) error {
			sum := sha256.Sum256(st.signed)
			if want := base64.StdEncoding.EncodeToString(sum[:]); st.safetyNet.payload.Nonce != want {
				return fmt.Errorf("nonce of response is %.60q, expected %q", st.safetyNet.payload.Nonce, want)
			}
			return nil
		}},
		{name: "hostname", title: "the certificate is that of " + safetyNetHost, check: func(st *statement) error {
			if err := st.leaf().VerifyHostname(safetyNetHost); err != nil {
				return fmt.Errorf("the certificate of response is not for %s", safetyNetHost)
			}
			return nil
		}},
		{name: "cts-profile", title: "ctsProfileMatch is true", check: func(st *statement) error {
			if !st.safetyNet.payload.CTSProfileMatch {
				return errors.New("ctsProfileMatch of response is not true")
			}
			return nil
		}},
		{name: "timestamp", title: "response is fresh", check: func(st *statement) error {
			at := time.UnixMilli(st.safetyNet.payload.TimestampMS)
			if at.After(st.Time.Add(safetyNetSkew)) || at.Before(st.Time.Add(-safetyNetAge)) {
				return fmt.Errorf("timestampMs of response is %s, expected within a minute before %s", at.UTC().Format(time.RFC3339), st.Time.UTC().Format(time.RFC3339))
			}
			return nil
		}},
		certified(Basic),
	}}
}

func readSafetyNet(st *statement) error {
	compact := string(st.bytes("response"))
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512, jose.PS256, jose.PS384, jose.PS512})
	if err != nil {
		return errors.New("response is not a JWS in compact form with an asymmetric signature")
	}
	st.safetyNet.signature = jws
	// Two texts for one signed thing would be one too many: go-jose lets the
	// unused bits at the end of a part be what they like.
	var parts [3][]byte
	for i, part := range strings.SplitN(compact, ".", 3) {
		if parts[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return fmt.Errorf("part %d of response is not base64url", i)
		}
	}
	// go-jose gives the certificates out only after a chain was built by its
	// own rules; ours are in §7.1 step 24.
	var header struct {
		X5C [][]byte `json:"x5c"`
	}
	if err := json.Unmarshal(parts[0], &header); err != nil {
		return errors.New("x5c in the header of response is not an array of base64")
	}
	if len(header.X5C) == 0 || len(header.X5C) > maxChain {
		return fmt.Errorf("x5c in the header of response has %d certificates, 1 to %d are accepted", len(header.X5C), maxChain)
	}
	for i, der := range header.X5C {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("x5c[%d] in the header of response is not an X.509 certificate: %w", i, err)
		}
		st.chain = append(st.chain, cert)
	}
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &st.safetyNet.payload); err != nil {
		return errors.New("the payload of response is not the JSON of a SafetyNet answer")
	}
	st.chain = slices.Clip(st.chain)
	return nil
}
