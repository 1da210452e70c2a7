package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// mayPanic lists the files that may call panic, tests aside, and why it is not an
// input that makes them: no input may bring the harness down.
var mayPanic = map[string]string{
	"reports/decode_cbor.go": "builds a decoder from constants when the program starts",
	"rp/bugs_http.go":        "a deliberate bug that drops the connection, by the panic that net/http has for it",
	"suites/judge.go":        "a verdict leaves a story from any depth; play.go recovers it",
	"suites/play.go":         "recovers the verdicts of judge.go and passes on what is none",
}

// panics lists the calls of panic in a Go file, as file:line.
func panics(f file) ([]string, error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, f.path, f.text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var calls []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "panic" {
				at := fset.Position(call.Pos())
				calls = append(calls, fmt.Sprintf("%s:%d", at.Filename, at.Line))
			}
		}
		return true
	})
	return calls, nil
}

func TestPanics(t *testing.T) {
	used := map[string]bool{}
	for _, f := range tree(t) {
		if !f.goFile() || f.testFile() {
			continue
		}
		calls, err := panics(f)
		if err != nil {
			t.Error(err)
			continue
		}
		if len(calls) > 0 && mayPanic[f.path] != "" {
			used[f.path] = true
			continue
		}
		for _, call := range calls {
			t.Errorf("%s: panic: return an error, or give the file a row in mayPanic with the reason why no input gets there", call)
		}
	}
	for path := range mayPanic {
		if !used[path] {
			t.Errorf("mayPanic has a row for %s, which does not panic: take it out", path)
		}
	}
}

// TestPanicsFinds shows that a call is found wherever it stands, and nothing else is.
func TestPanicsFinds(t *testing.T) {
	f := file{"x.go", []byte(`package x

// panic("in a comment")
func f(p func(string)) {
	defer func() { panic("deep") }()
	p("panic(")
	if true {
		panic(1)
	}
}
`)}
	calls, err := panics(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) != 2 || calls[0] != "x.go:5" || calls[1] != "x.go:8" {
		t.Errorf("panics = %v; want lines 5 and 8", calls)
	}
	if _, err := panics(file{"y.go", []byte("package")}); err == nil {
		t.Error("a file that is not Go was searched without an error")
	}
}
