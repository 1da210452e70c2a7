package virtualauth

import "fmt"

// maxWellKnown bounds the document; no client needs more than five labels of it.
const maxWellKnown = 256 << 10

// ParseRelatedOrigins reads the document that an RP ID has at
// /.well-known/webauthn: an object with the member origins, an array of strings
// (https://www.w3.org/TR/webauthn-3/#sctn-validating-relation-origin). Which of them
// count is decided by the client, by the rule of at most five labels.
func ParseRelatedOrigins(data []byte) ([]string, error) {
	if len(data) > maxWellKnown {
		return nil, fmt.Errorf("related origins: %d bytes, more than %d", len(data), maxWellKnown)
	}
	doc, err := jsonDocument(data)
	if err != nil {
		return nil, fmt.Errorf("related origins: %w", err)
	}
	if doc[0] != '{' {
		return nil, fmt.Errorf("related origins: the document is not an object: write {\"origins\": [...]}")
	}
	var list []byte
	for m := range jsonObject(doc) {
		if m.name == "origins" {
			list = m.value
		}
	}
	if list == nil || list[0] != '[' {
		return nil, fmt.Errorf("related origins: the member origins is not an array of strings")
	}
	origins := []string{}
	bad := -1
	jsonElements(list, func(e []byte) bool {
		if e[0] != '"' {
			bad = len(origins)
			return false
		}
		origins = append(origins, jsonText(e))
		return true
	})
	if bad >= 0 {
		return nil, fmt.Errorf("related origins: element %d is not a string", bad)
	}
	return origins, nil
}
