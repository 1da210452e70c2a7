package ceremony

import (
	"fmt"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// attObjNesting: CTAP2 allows 4 levels in its messages; the compound format
// (https://www.w3.org/TR/webauthn-3/#sctn-compound-attestation) needs a fifth,
// for the x5c of a statement in it.
const attObjNesting = 5

// attObj is an attestation object (https://www.w3.org/TR/webauthn-3/#attestation-object).
type attObj struct {
	format     string
	statement  cose.Node
	authData   []byte
	violations []*cose.Violation
}

func readAttObj(raw []byte) (*attObj, error) {
	node, violations, err := cose.Decode(raw, attObjNesting)
	if err != nil {
		return nil, fmt.Errorf("the attestation object is not CBOR: %w", err)
	}
	if node.Kind != cose.Map {
		return nil, fmt.Errorf("the attestation object is %s, not a map", node.Kind)
	}
	o := &attObj{violations: violations}
	format, err := typed(node, "fmt", cose.Text)
	if err != nil {
		return nil, err
	}
	authData, err := typed(node, "authData", cose.Bytes)
	if err != nil {
		return nil, err
	}
	o.format, o.authData = string(format.Bytes), authData.Bytes
	var ok bool
	if o.statement, ok = node.Get("attStmt"); !ok {
		return nil, fmt.Errorf("the attestation object has no attStmt")
	}
	// An array is the compound format's (https://www.w3.org/TR/webauthn-3/#sctn-compound-attestation).
	if o.statement.Kind != cose.Map && o.statement.Kind != cose.Array {
		return nil, fmt.Errorf("attStmt of the attestation object is %s, not a map", o.statement.Kind)
	}
	return o, nil
}

func typed(node cose.Node, name string, kind cose.Kind) (cose.Node, error) {
	m, ok := node.Get(name)
	if !ok {
		return m, fmt.Errorf("the attestation object has no %s", name)
	}
	if m.Kind != kind {
		return m, fmt.Errorf("%s of the attestation object is %s, not %s", name, m.Kind, kind)
	}
	return m, nil
}
