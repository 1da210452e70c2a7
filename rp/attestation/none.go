package attestation

import (
	"errors"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// none is https://www.w3.org/TR/webauthn-3/#sctn-none-attestation.
func none() *procedure {
	return &procedure{format: "none", section: "8.7", anchor: "sctn-none-attestation", steps: []step{
		{name: "empty", title: "attStmt is the empty map", check: func(st *statement) error {
			if st.Statement.Kind != cose.Map || len(st.Statement.Items) != 0 {
				return errors.New("the attestation statement of none must be an empty map")
			}
			return nil
		}},
		{name: "result", title: "the attestation type is None with an empty trust path", prepare: func(st *statement) error {
			st.result.Type = None
			return nil
		}},
	}}
}
