package attestation

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// field is one member that a format's CDDL names.
type field struct {
	name     string
	kind     cose.Kind
	optional bool
}

// syntax is the first step of every procedure: "Verify that attStmt is valid
// CBOR conforming to the syntax defined above". What can be read is read
// whether or not the step is left out. tolerated members are known from the
// field, though the CDDL does not name them.
func syntax(fields []field, tolerated ...string) step {
	problem := func(st *statement) error {
		if st.Statement.Kind != cose.Map {
			return fmt.Errorf("the attestation statement is %s, not a map", st.Statement.Kind)
		}
		for _, f := range fields {
			node, ok := st.Statement.Get(f.name)
			switch {
			case !ok && f.optional:
			case !ok:
				return fmt.Errorf("the attestation statement has no %s", f.name)
			case node.Kind != f.kind && (f.name != "alg" || node.Kind != cose.Unsigned):
				return fmt.Errorf("%s of the attestation statement is %s, not %s", f.name, node.Kind, f.kind)
			}
		}
		keys, ok := st.Statement.TextKeys()
		if !ok {
			return errors.New("the attestation statement has a key that is no text")
		}
		for _, k := range keys {
			if !slices.ContainsFunc(fields, func(f field) bool { return f.name == k }) && !slices.Contains(tolerated, k) {
				return fmt.Errorf("the attestation statement has the member %.32q, which the format %s does not know", k, st.Format)
			}
		}
		return nil
	}
	return step{name: "syntax", title: "attStmt conforms to its CDDL", prepare: func(st *statement) error {
		if alg, ok := st.Statement.Get("alg"); ok && (alg.Kind == cose.Negative || alg.Kind == cose.Unsigned) {
			st.alg = alg.Int
		}
		st.sig = st.bytes("sig")
		return nil
	}, check: problem}
}

// bytes is a byte string member, or nil.
func (st *statement) bytes(name string) []byte {
	if n, ok := st.Statement.Get(name); ok && n.Kind == cose.Bytes {
		return n.Bytes
	}
	return nil
}

// maxChain bounds x5c; real chains have two to four certificates.
const maxChain = 16

// readX5C parses the certificates of x5c where the member is present.
func readX5C(st *statement) error {
	x5c, ok := st.Statement.Get("x5c")
	if !ok {
		return nil
	}
	st.hasX5C = true
	if x5c.Kind != cose.Array {
		return fmt.Errorf("x5c is %s, not an array", x5c.Kind)
	}
	if len(x5c.Items) > maxChain {
		return fmt.Errorf("x5c has %d certificates, %d are accepted", len(x5c.Items), maxChain)
	}
	for i, item := range x5c.Items {
		if item.Kind != cose.Bytes {
			return fmt.Errorf("x5c[%d] is %s, not a byte string", i, item.Kind)
		}
		cert, err := x509.ParseCertificate(item.Bytes)
		if err != nil {
			return fmt.Errorf("x5c[%d] is not an X.509 certificate: %w", i, err)
		}
		st.chain = append(st.chain, cert)
	}
	return nil
}

// x5cStep parses x5c and refuses an empty one. required: without x5c the
// procedure cannot go on.
func x5cStep(required bool) step {
	s := step{name: "x5c", title: "x5c holds at least the attestation certificate", prepare: func(st *statement) error {
		if err := readX5C(st); err != nil {
			return err
		}
		if required {
			return needLeaf(st)
		}
		return nil
	}}
	if !required {
		s.check = func(st *statement) error {
			if st.hasX5C {
				return needLeaf(st)
			}
			return nil
		}
	}
	return s
}

func needLeaf(st *statement) error {
	if len(st.chain) == 0 {
		return errors.New("x5c holds no certificate")
	}
	return nil
}

// leaf is the attestation certificate, or nil.
func (st *statement) leaf() *x509.Certificate {
	if len(st.chain) == 0 {
		return nil
	}
	return st.chain[0]
}

// signature verifies sig over message with the leaf.
func (st *statement) signature(message []byte) error {
	if err := cose.VerifyWith(st.leaf().PublicKey, st.alg, message, st.sig); err != nil {
		return fmt.Errorf("sig does not verify with the attestation certificate's key: %w", err)
	}
	return nil
}

// sameKey compares a certificate's key with the credential's.
func (st *statement) sameKey() bool {
	pub, ok := st.Key.Public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(st.leaf().PublicKey)
}

// certified ends a procedure with an attestation type and the chain as trust path.
func certified(t Type) step {
	return step{name: "result", title: "the attestation type is " + string(t) + " with x5c as trust path", prepare: func(st *statement) error {
		st.result.Type, st.result.Path = t, st.chain
		return nil
	}}
}
