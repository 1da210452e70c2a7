package ctap2

import (
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// hmacVector is one of the vectors of
// https://www.w3.org/TR/webauthn-3/#sctn-test-vectors-extensions-prf, made again
// from the recipe: each secret is SHA-256 of the seed and a number.
type hmacVector struct {
	name              string
	protocol          pinProtocol
	inputs            []byte // numbers of the prf inputs
	saltIV, outputsIV byte   // numbers of the vectors of protocol two
	digest            string // of all that was made
}

var hmacVectors = []hmacVector{
	{"prf.hmac-secret.pin2.single-input", protocolTwo, []byte{2}, 7, 9, "361c5e11a06daa98b286eedc4c9917f958fe29205f5fd29931e525d8adf23e02"},
	{"prf.hmac-secret.pin2.two-input", protocolTwo, []byte{2, 3}, 8, 10, "214a066b85a8ad22c218ce47d555b9f52080a8c0c279199d050d3bd5fea1ba8a"},
	{"prf.hmac-secret.pin1.single-input", protocolOne, []byte{2}, 7, 9, "81bc6ec89b63c81c6b9a1e47c191cb90ea40b338f1c47404e611163c4be05d6f"},
}

func vectorSecret(n byte) []byte {
	sum := sha256.Sum256(append([]byte("WebAuthn PRF test vectors"), n))
	return sum[:]
}

func (v hmacVector) make(t *testing.T) map[string][]byte {
	t.Helper()
	key := func(n byte) *ecdh.PrivateKey {
		k, err := ecdh.P256().NewPrivateKey(vectorSecret(n))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	platform, device := key(4), key(5)
	peer, ok := decode(coseKey(platform))
	if !ok {
		t.Fatal("the platform's COSE_Key is not canonical")
	}
	shared, err := v.protocol.agree(device, peer)
	if err != nil {
		t.Fatal(err)
	}
	own, _ := decode(coseKey(device))
	if back, err := v.protocol.agree(platform, own); err != nil || !hmac.Equal(back, shared) {
		t.Fatal("the two sides do not agree")
	}
	x, _ := own.at(-2)
	y, _ := own.at(-3)
	out := map[string][]byte{
		"authenticator_key_agreement_public_key_x": x.b, "authenticator_key_agreement_public_key_y": y.b,
		"shared_secret": shared, "authenticator_cred_random": vectorSecret(6),
	}
	var salts, outputs []byte
	for i, n := range v.inputs {
		input := append([]byte("WebAuthn PRF\x00"), append([]byte("WebAuthn PRF test vectors"), n)...)
		salt := sha256.Sum256(input)
		mac := hmac.New(sha256.New, vectorSecret(6))
		mac.Write(salt[:])
		output := mac.Sum(nil)
		names := [][3]string{{"salt1", "output1", "prf_results_first"}, {"salt2", "output2", "prf_results_second"}}[i]
		out[names[0]], out[names[1]], out[names[2]] = salt[:], output, output
		salts, outputs = append(salts, salt[:]...), append(outputs, output...)
	}
	out["salt_enc"] = v.protocol.encrypt(shared, vectorSecret(v.saltIV)[:16], salts)
	out["output_enc"] = v.protocol.encrypt(shared, vectorSecret(v.outputsIV)[:16], outputs)
	if plain, ok := v.protocol.decrypt(shared, out["salt_enc"]); !ok || !hmac.Equal(plain, salts) {
		t.Error("decrypting gives other salts")
	}
	return out
}

func TestHMACSecretVectors(t *testing.T) {
	for _, v := range hmacVectors {
		made := v.make(t)
		sum := sha256.Sum256(slices.Concat(made["shared_secret"], made["salt_enc"], made["output_enc"]))
		if got := hex.EncodeToString(sum[:]); got != v.digest {
			t.Errorf("%s: the digest is %s, not %s", v.name, got, v.digest)
		}
	}
}

func TestHMACSecretVectorsAgainstSpecification(t *testing.T) {
	folder := os.Getenv("TOUCHSTONE_VECTORS")
	if folder == "" {
		t.Skip("optional: TOUCHSTONE_VECTORS does not name a folder with webauthn3-test-vectors.json; TestHMACSecretVectors compares digests instead")
	}
	raw, err := os.ReadFile(filepath.Join(folder, "webauthn3-test-vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var printed []struct {
		Name   string
		Fields map[string]string
	}
	if err := json.Unmarshal(raw, &printed); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, v := range hmacVectors {
		made := v.make(t)
		for _, p := range printed {
			if p.Name != v.name && p.Name != "prf.hmac-secret.shared" {
				continue
			}
			for field, want := range p.Fields {
				got, ok := made[field]
				if !ok {
					continue
				}
				compared++
				if hex.EncodeToString(got) != want {
					t.Errorf("%s: %s is\n%x, not\n%s", v.name, field, got, want)
				}
			}
		}
	}
	if compared < 27 {
		t.Errorf("only %d fields were compared", compared)
	}
}
