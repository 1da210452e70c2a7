package ctap2

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
)

// pinProtocol is one of the two PIN/UV auth protocols (CTAP 2.2 §6.5.6, §6.5.7).
type pinProtocol int

const (
	protocolOne pinProtocol = 1
	protocolTwo pinProtocol = 2
)

// secret is what platform and authenticator share: 32 bytes under protocol
// one, and under two 32 for HMAC and 32 for AES.
type secret []byte

// kdf makes the shared secret of the x-coordinate that ECDH gave.
func (p pinProtocol) kdf(z []byte) (secret, error) {
	if p == protocolOne {
		sum := sha256.Sum256(z)
		return sum[:], nil
	}
	salt := make([]byte, 32)
	var out secret
	for _, info := range []string{"CTAP2 HMAC key", "CTAP2 AES key"} {
		k, err := hkdf.Key(sha256.New, z, salt, info, 32)
		if err != nil {
			return nil, err
		}
		out = append(out, k...)
	}
	return out, nil
}

// agree does the key agreement with a COSE_Key of the other side.
func (p pinProtocol) agree(own *ecdh.PrivateKey, peer item) (secret, error) {
	point := []byte{4}
	for _, label := range []int64{-2, -3} {
		c, ok := peer.at(label)
		if !ok || c.major != majorBytes || len(c.b) != 32 {
			return nil, errors.New("key agreement: a coordinate is not 32 bytes")
		}
		point = append(point, c.b...)
	}
	for label, want := range map[int64]int64{1: 2, 3: -25, -1: 1} {
		if v, ok := peer.at(label); !ok || !v.isInt() || v.n != want {
			return nil, errors.New("key agreement: not a P-256 COSE_Key for ECDH")
		}
	}
	pub, err := ecdh.P256().NewPublicKey(point)
	if err != nil {
		return nil, err
	}
	z, err := own.ECDH(pub)
	if err != nil {
		return nil, err
	}
	return p.kdf(z)
}

// coseKey is the public key as the key agreement has it: the algorithm is
// ECDH-ES+HKDF-256, which is not what is done with it.
func coseKey(k *ecdh.PrivateKey) []byte {
	point := k.PublicKey().Bytes()
	return object(field(1, num(2)), field(3, num(-25)), field(-1, num(1)), field(-2, bin(point[1:33])), field(-3, bin(point[33:])))
}

// encrypt is AES-256-CBC without padding: under protocol one with a vector of
// zeros, under two with vector, which then stands in front.
func (p pinProtocol) encrypt(s secret, vector, plain []byte) []byte {
	out := make([]byte, len(plain))
	cbc := func(key, iv []byte) {
		if block, err := aes.NewCipher(key); err == nil && len(plain)%aes.BlockSize == 0 {
			cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, plain)
		}
	}
	if p == protocolOne {
		cbc(s, make([]byte, aes.BlockSize))
		return out
	}
	cbc(s[32:], vector)
	return slices.Concat(vector, out)
}

func (p pinProtocol) decrypt(s secret, sealed []byte) ([]byte, bool) {
	key, iv := []byte(s), make([]byte, aes.BlockSize)
	if p == protocolTwo {
		if len(sealed) < aes.BlockSize {
			return nil, false
		}
		key, iv, sealed = s[32:], sealed[:aes.BlockSize], sealed[aes.BlockSize:]
	}
	block, err := aes.NewCipher(key)
	if err != nil || len(sealed)%aes.BlockSize != 0 {
		return nil, false
	}
	out := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, sealed)
	return out, true
}

// authenticate is the HMAC of a message: 16 bytes under protocol one, 32 under
// two. Of a shared secret of protocol two the first half is the key.
func (p pinProtocol) authenticate(key, message []byte) []byte {
	if p == protocolTwo && len(key) > 32 {
		key = key[:32]
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	if p == protocolOne {
		return mac.Sum(nil)[:16]
	}
	return mac.Sum(nil)
}

func (p pinProtocol) verify(key, message, signature []byte) bool {
	return hmac.Equal(p.authenticate(key, message), signature)
}
