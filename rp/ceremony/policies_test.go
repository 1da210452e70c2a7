package ceremony

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// Another policy that looks on tells of a difference where the RP that has it
// does otherwise, and of none in what all of them take alike.
func TestOtherPoliciesLookOn(t *testing.T) {
	reg := func(edit func(*softReg)) func(*world) error {
		return func(w *world) error {
			r := w.newReg(w.begin(RegistrationRequest{}), newKeyPair(t, cose.ES256))
			edit(r)
			_, err := r.finish()
			return err
		}
	}
	login := func(counts ...uint32) func(*world) error {
		return func(w *world) error {
			key := newKeyPair(t, cose.ES256)
			r := w.newReg(w.begin(RegistrationRequest{}), key)
			cred, err := r.finish()
			for _, n := range counts {
				if err != nil {
					return err
				}
				a := w.newAuth(w.beginAuth(AuthenticationRequest{Username: "alice"}), key, cred)
				a.ad.count = n
				_, err = a.finish()
			}
			return err
		}
	}
	level2, counters, binding := Policy{Level2: true}, Policy{RejectCounterRegression: true}, Policy{RejectMalformedTokenBinding: true}
	trust, unasked := Policy{RequireTrust: true}, Policy{RejectUnsolicitedExtensions: true}
	for _, tc := range []struct {
		name  string
		other Policy
		play  func(*world) error
		parts bool
	}{
		{"a plain registration", level2, reg(func(*softReg) {}), false},
		{"crossOrigin is false", level2, reg(func(r *softReg) { r.cd.extra = `,"crossOrigin":false` }), false},
		{"crossOrigin is true", level2, reg(func(r *softReg) { r.cd.extra = `,"crossOrigin":true` }), true},
		{"topOrigin", level2, reg(func(r *softReg) { r.cd.extra = `,"topOrigin":"https://x.example"` }), true},
		{"backed up and eligible", level2, reg(func(r *softReg) { r.ad.flags |= flagBE | flagBS }), false},
		{"backed up and not eligible", level2, reg(func(r *softReg) { r.ad.flags |= flagBS }), true},
		{"an id of 1023 bytes", level2, reg(func(r *softReg) { r.id = make([]byte, 1023) }), false},
		{"an id of 1024 bytes", level2, reg(func(r *softReg) { r.id = make([]byte, 1024) }), true},
		{"a token binding that is supported", level2, reg(func(r *softReg) { r.cd.extra = `,"tokenBinding":{"status":"supported"}` }), false},
		{"a token binding that is present", level2, reg(func(r *softReg) { r.cd.extra = `,"tokenBinding":{"status":"present","id":"x"}` }), true},
		{"refused before anything differs", level2, reg(func(r *softReg) { r.cd.origin = "null"; r.ad.flags |= flagBS }), false},
		{"a well-formed token binding", binding, reg(func(r *softReg) { r.cd.extra = `,"tokenBinding":{"status":"supported"}` }), false},
		{"a malformed token binding", binding, reg(func(r *softReg) { r.cd.extra = `,"tokenBinding":1` }), true},
		{"outputs unasked", unasked, reg(func(r *softReg) { r.ad.flags |= flagED; r.ad.ext = enc(om{"credBlob", true}) }), true},
		{"no outputs", unasked, reg(func(*softReg) {}), false},
		{"no certificates", trust, reg(func(*softReg) {}), false},
		{"a counter that grows", counters, login(3, 4), false},
		{"a counter that stands still", counters, login(3, 3), true},
		{"no counter", counters, login(0, 0), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			looking, same := &OtherPolicy{Policy: tc.other}, &OtherPolicy{}
			mine := tc.play(newWorld(t, func(c *Config) { c.Policies = []*OtherPolicy{looking, same} }))
			theirs := tc.play(newWorld(t, func(c *Config) { c.Policy = tc.other }))
			if got := looking.Take(); got != tc.parts {
				t.Errorf("it tells of a difference: %v, want %v", got, tc.parts)
			}
			if differs := (mine == nil) != (theirs == nil); differs && !tc.parts {
				t.Errorf("the policies differ: %v, %v", mine, theirs)
			}
			if looking.Take() || same.Take() {
				t.Error("a difference that is told already, or is none")
			}
		})
	}
}

// Whatever looks at the policy shows to the other policies: it has no way but
// common.policy.
func TestPolicyIsReadInOnePlace(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	http, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	// The functions that may name a policy that an RP has: those that begin a
	// ceremony with it, look through its eye, or hand a whole one on.
	allowed := []string{"FinishRegistration", "FinishAuthentication", "policy", "otherwise", "bent", "core"}
	seen := map[string]bool{}
	for _, name := range append(files, http...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok || s.Sel.Name != "Policy" && s.Sel.Name != "policy" {
					return true
				}
				if x, ok := s.X.(*ast.Ident); ok && (x.Name == "attestation" || x.Name == "ceremony" || x.Name == "d" || x.Name == "b" || x.Name == "o") {
					return true // a type, or the policy of a bug or of an onlooker
				}
				if s.Sel.Name == "policy" && isCalled(fn, s) {
					seen["called"] = true
					return true
				}
				seen[fn.Name.Name] = true
				if !slices.Contains(allowed, fn.Name.Name) {
					t.Errorf("%s: %s looks at the policy by itself: use common.policy", name, fn.Name.Name)
				}
				return true
			})
		}
	}
	if !seen["called"] || !seen["policy"] || !seen["FinishRegistration"] {
		t.Errorf("it finds nothing: %v", slices.Sorted(maps.Keys(seen)))
	}
}

func isCalled(fn *ast.FuncDecl, s *ast.SelectorExpr) (called bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && c.Fun == s {
			called = true
		}
		return true
	})
	return called
}
