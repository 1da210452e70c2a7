package virtualauth

import "encoding/base64"

// The types of client data.
const (
	typeCreate = "webauthn.create"
	typeGet    = "webauthn.get"
)

// clientDataJSON serialises client data exactly as
// https://www.w3.org/TR/webauthn-3/#clientdatajson-serialization does: type,
// challenge, origin, crossOrigin, then topOrigin where there is one. extra is
// put behind, as raw members with a leading comma.
func clientDataJSON(typ string, challenge []byte, origin string, crossOrigin bool, topOrigin, extra string) []byte {
	dst := make([]byte, 0, 80+len(origin)+len(topOrigin)+len(extra)+len(challenge)*4/3)
	dst = appendJSONString(append(dst, `{"type":`...), typ)
	dst = append(dst, `,"challenge":"`...)
	dst = base64.RawURLEncoding.AppendEncode(dst, challenge)
	dst = appendJSONString(append(dst, `","origin":`...), origin)
	if crossOrigin {
		dst = append(dst, `,"crossOrigin":true`...)
		if topOrigin != "" {
			dst = appendJSONString(append(dst, `,"topOrigin":`...), topOrigin)
		}
	} else {
		dst = append(dst, `,"crossOrigin":false`...)
	}
	return append(append(dst, extra...), '}')
}
