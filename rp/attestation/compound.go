package attestation

import (
	"errors"
	"fmt"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// compound is https://www.w3.org/TR/webauthn-3/#sctn-compound-attestation. How many of
// the statements must pass is left to the Relying Party; here it is all of them.
func compound() *procedure {
	return &procedure{format: "compound", section: "8.9", anchor: "sctn-compound-attestation", steps: []step{
		{name: "syntax", title: "attStmt is an array of maps with fmt and attStmt", prepare: func(st *statement) error {
			if st.Statement.Kind != cose.Array {
				return fmt.Errorf("the attestation statement of compound is %s, not an array", st.Statement.Kind)
			}
			return nil
		}, check: func(st *statement) error {
			for i, item := range st.Statement.Items {
				format, hasFormat := item.Get("fmt")
				_, hasStatement := item.Get("attStmt")
				if item.Kind != cose.Map || !hasFormat || format.Kind != cose.Text || !hasStatement || len(item.Items) != 4 {
					return fmt.Errorf("statement %d of compound is not a map of fmt and attStmt", i)
				}
			}
			return nil
		}},
		{name: "two", title: "there are two statements at least", check: func(st *statement) error {
			if len(st.Statement.Items) < 2 {
				return fmt.Errorf("compound holds %d statements, at least 2 are needed", len(st.Statement.Items))
			}
			return nil
		}},
		{name: "not-nested", title: "no statement is itself compound", check: func(st *statement) error {
			for _, item := range st.Statement.Items {
				if format, _ := item.Get("fmt"); format.IsText("compound") {
					return errors.New("compound holds another compound statement")
				}
			}
			return nil
		}},
		{name: "parts", title: "every statement is verified by its own format's procedure", check: verifyParts},
		{name: "result", title: "the attestation type is that of the parts", prepare: func(st *statement) error {
			st.result.Type = Compound
			return nil
		}},
	}}
}

func verifyParts(st *statement) error {
	for i, item := range st.Statement.Items {
		in := st.Input
		format, _ := item.Get("fmt")
		in.Format = string(format.Bytes)
		in.Statement, _ = item.Get("attStmt")
		if in.Format == "compound" {
			continue // 8.9.not-nested was left out; its parts count for nothing
		}
		if len(st.Statement.Items) > maxChain {
			return fmt.Errorf("compound holds %d statements, %d are accepted", len(st.Statement.Items), maxChain)
		}
		part, err := Verify(in)
		if err != nil {
			var refused *Error
			if errors.As(err, &refused) {
				return &Error{refused.Step, refused.Anchor, fmt.Sprintf("statement %d of compound: %s", i, refused.Message)}
			}
			return err
		}
		st.result.Parts = append(st.result.Parts, part)
	}
	return nil
}
