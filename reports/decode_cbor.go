package reports

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// cborShow reads CBOR for show. It is strict where leniency would hide a
// fault, such as a key that occurs twice, and bounded everywhere.
var cborShow = must(cbor.DecOptions{
	DupMapKey:        cbor.DupMapKeyEnforcedAPF,
	MaxNestedLevels:  16,
	MaxArrayElements: 4096,
	MaxMapPairs:      4096,
	IntDec:           cbor.IntDecConvertNone,
}.DecMode())

// ctap2 writes CBOR in the canonical form that CTAP2 demands, to compare with.
var ctap2 = must(cbor.CTAP2EncOptions().EncMode())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// readCBOR returns the first item of data as Go values, and what follows it.
// The text says what is odd about the item's form, if anything.
func readCBOR(data []byte) (v any, rest []byte, oddity string, err error) {
	rest, err = cborShow.UnmarshalFirst(data, &v)
	if err != nil {
		return nil, nil, "", err
	}
	again, err := ctap2.Marshal(v)
	if err == nil && !bytes.Equal(again, data[:len(data)-len(rest)]) {
		oddity = "not in CTAP2 canonical form"
	}
	return v, rest, oddity, nil
}

func decodeAttestationObject(raw []byte) any {
	v, rest, oddity, err := readCBOR(raw)
	if err != nil {
		return map[string]any{"error": "not CBOR: " + err.Error(), "bytes": diagnosticBytes(raw)}
	}
	out := map[string]any{}
	m, ok := v.(map[any]any)
	if !ok {
		out["error"] = "not a CBOR map"
		out["value"] = plainCBOR(v, 0)
	}
	for k, member := range m {
		name := cborKey(k)
		switch b, isBytes := member.([]byte); {
		case name == "authData" && isBytes:
			out[name] = decodeAuthenticatorData(b)
		case name == "attStmt":
			out[name] = decodeStatement(member)
		default:
			out[name] = plainCBOR(member, 0)
		}
	}
	if oddity != "" {
		out["encoding"] = oddity
	}
	if len(rest) > 0 {
		out["trailing"] = diagnosticBytes(rest)
	}
	return out
}

// decodeStatement shows an attestation statement with what its certificates
// say in place of their bytes, which stand beside it in the raw form.
func decodeStatement(v any) any {
	out := plainCBOR(v, 0)
	m, isMap := v.(map[any]any)
	shown, isShown := out.(map[string]any)
	if !isMap || !isShown {
		return out
	}
	chain, ok := m["x5c"].([]any)
	if !ok {
		return out
	}
	certificates := make([]any, 0, len(chain))
	for _, member := range chain {
		der, ok := member.([]byte)
		if !ok {
			certificates = append(certificates, map[string]any{"error": "not a byte string"})
			continue
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			certificates = append(certificates, map[string]any{"error": err.Error(), "bytes": diagnosticBytes(der)})
			continue
		}
		certificates = append(certificates, map[string]any{
			"subject":   cert.Subject.String(),
			"issuer":    cert.Issuer.String(),
			"notBefore": cert.NotBefore.UTC().Format(time.RFC3339),
			"notAfter":  cert.NotAfter.UTC().Format(time.RFC3339),
			"key":       cert.PublicKeyAlgorithm.String(),
			"length":    len(der),
		})
	}
	shown["x5c"] = certificates
	return out
}

// Flag bits of the authenticator data, https://www.w3.org/TR/webauthn-3/#authdata-flags
var flagBits = []struct {
	bit  byte
	name string
}{
	{0x01, "up"}, {0x02, "rfu1"}, {0x04, "uv"}, {0x08, "be"}, {0x10, "bs"}, {0x20, "rfu2"}, {0x40, "at"}, {0x80, "ed"},
}

// decodeAuthenticatorData reads the layout of
// https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data as far as it goes.
func decodeAuthenticatorData(raw []byte) any {
	const fixed = 32 + 1 + 4 // rpIdHash, flags, signCount
	if len(raw) < fixed {
		return map[string]any{
			"error": fmt.Sprintf("%d bytes, authenticator data has at least %d", len(raw), fixed),
			"bytes": diagnosticBytes(raw),
		}
	}
	flags := map[string]any{"byte": fmt.Sprintf("0x%02x", raw[32])}
	for _, f := range flagBits {
		flags[f.name] = raw[32]&f.bit != 0
	}
	out := map[string]any{
		"rpIdHash":  hex.EncodeToString(raw[:32]),
		"flags":     flags,
		"signCount": binary.BigEndian.Uint32(raw[33:fixed]),
	}
	rest := raw[fixed:]
	if raw[32]&0x40 != 0 {
		var attested map[string]any
		attested, rest = decodeAttested(rest)
		out["attestedCredentialData"] = attested
	}
	if raw[32]&0x80 != 0 && len(rest) > 0 {
		v, after, oddity, err := readCBOR(rest)
		if err != nil {
			out["extensions"] = map[string]any{"error": "not CBOR: " + err.Error()}
		} else {
			out["extensions"] = plainCBOR(v, 0)
			rest = after
			if oddity != "" {
				out["extensionsEncoding"] = oddity
			}
		}
	}
	if len(rest) > 0 {
		out["trailing"] = diagnosticBytes(rest)
	}
	return out
}

// decodeAttested reads https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data
// and returns what follows it.
func decodeAttested(data []byte) (out map[string]any, rest []byte) {
	if len(data) < 18 {
		return map[string]any{"error": "cut short before the credential id"}, data
	}
	id := data[:16]
	out = map[string]any{"aaguid": fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])}
	n := int(binary.BigEndian.Uint16(data[16:18]))
	data = data[18:]
	out["credentialIdLength"] = n
	if n > len(data) {
		out["error"] = fmt.Sprintf("the credential id says it has %d bytes, %d are left", n, len(data))
		return out, data
	}
	out["credentialId"] = hex.EncodeToString(data[:n])
	data = data[n:]
	v, rest, oddity, err := readCBOR(data)
	if err != nil {
		out["credentialPublicKey"] = map[string]any{"error": "not CBOR: " + err.Error()}
		return out, data
	}
	out["credentialPublicKey"] = coseKey(v)
	if oddity != "" {
		out["credentialPublicKeyEncoding"] = oddity
	}
	return out, rest
}

// Names of the registries at https://www.iana.org/assignments/cose/cose.xhtml
// that occur in WebAuthn.
var (
	coseTypes  = map[int64]string{1: "OKP", 2: "EC2", 3: "RSA", 7: "AKP"}
	coseCurves = map[int64]string{1: "P-256", 2: "P-384", 3: "P-521", 6: "Ed25519", 7: "Ed448", 8: "secp256k1"}
	coseAlgs   = map[int64]string{
		-7: "ES256", -8: "EdDSA", -9: "ESP256", -19: "Ed25519", -35: "ES384", -36: "ES512", -37: "PS256", -38: "PS384",
		-39: "PS512", -47: "ES256K", -48: "ML-DSA-44", -49: "ML-DSA-65", -50: "ML-DSA-87", -51: "ESP384", -52: "ESP512",
		-53: "Ed448", -257: "RS256", -258: "RS384", -259: "RS512", -65535: "RS1",
	}
)

// coseKey shows a COSE_Key with the names of its labels and values.
func coseKey(v any) any {
	m, ok := v.(map[any]any)
	if !ok {
		return map[string]any{"error": "not a CBOR map", "value": plainCBOR(v, 0)}
	}
	kty, _ := asInt(m[uint64(1)])
	params := map[int64]string{}
	switch coseTypes[kty] {
	case "OKP":
		params = map[int64]string{-1: "crv", -2: "x"}
	case "EC2":
		params = map[int64]string{-1: "crv", -2: "x", -3: "y"}
	case "RSA":
		params = map[int64]string{-1: "n", -2: "e"}
	case "AKP":
		params = map[int64]string{-1: "pub"}
	}
	params[1], params[3] = "kty", "alg"
	out := map[string]any{}
	for k, member := range m {
		label, isInt := asInt(k)
		name := params[label]
		if !isInt || name == "" {
			out[cborKey(k)] = plainCBOR(member, 0)
			continue
		}
		shown := plainCBOR(member, 0)
		if i, isInt := asInt(member); isInt {
			if meaning := coseValue(name, i); meaning != "" {
				shown = fmt.Sprintf("%d (%s)", i, meaning)
			}
		}
		out[fmt.Sprintf("%d (%s)", label, name)] = shown
	}
	return out
}

// coseValue names the value of a parameter of a COSE_Key; empty if it has no name.
func coseValue(param string, value int64) string {
	switch param {
	case "kty":
		return coseTypes[value]
	case "alg":
		return coseAlgs[value]
	case "crv":
		return coseCurves[value]
	}
	return ""
}

func asInt(v any) (int64, bool) {
	switch v := v.(type) {
	case uint64:
		return int64(v), v <= math.MaxInt64
	case int64:
		return v, true
	}
	return 0, false
}

// plainCBOR turns what the CBOR reader returns into what encoding/json can write.
func plainCBOR(v any, depth int) any {
	if depth > maxDecodeDepth {
		return "nested too deep to be shown"
	}
	switch v := v.(type) {
	case nil, bool, string:
		return v
	case []byte:
		return diagnosticBytes(v)
	case cbor.ByteString:
		return diagnosticBytes([]byte(v))
	case uint64:
		if v <= math.MaxInt64 {
			return plainInt(int64(v))
		}
		return fmt.Sprint(v)
	case int64:
		return plainInt(v)
	case big.Int:
		return v.String()
	case *big.Int:
		return v.String()
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
		return v
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainCBOR(v[i], depth+1)
		}
		return out
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, member := range v {
			out[cborKey(k)] = plainCBOR(member, depth+1)
		}
		return out
	case cbor.Tag:
		return map[string]any{fmt.Sprintf("tag %d", v.Number): plainCBOR(v.Content, depth+1)}
	case cbor.SimpleValue:
		return fmt.Sprintf("simple(%d)", uint8(v))
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%v", v)
}

// cborKey writes a map key as a member name. Text stands for itself, but in
// quotes where it could be taken for a key of another type.
func cborKey(k any) string {
	switch k := k.(type) {
	case string:
		if k == "" || strings.ContainsRune("0123456789-\"", rune(k[0])) || strings.HasPrefix(k, "h'") {
			return strconv.Quote(k)
		}
		return k
	case cbor.ByteString:
		return diagnosticBytes([]byte(k))
	}
	return fmt.Sprint(k)
}

// plainInt keeps an integer a number as long as every JSON reader can hold it.
func plainInt(i int64) any {
	const exact = 1 << 53
	if i > -exact && i < exact {
		return i
	}
	return fmt.Sprint(i)
}

// diagnosticBytes writes bytes in CBOR's diagnostic notation, and cuts those that nobody reads.
func diagnosticBytes(b []byte) string {
	const most = 1024
	if len(b) > most {
		return fmt.Sprintf("h'%x...' (%d bytes)", b[:64], len(b))
	}
	return "h'" + hex.EncodeToString(b) + "'"
}
