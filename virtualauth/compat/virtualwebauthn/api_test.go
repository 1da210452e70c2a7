package virtualwebauthn_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAPI compares the exported declarations of both libraries, as they are
// written: every name of theirs must be here, with its type or signature.
func TestAPI(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/descope/virtualwebauthn").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	theirs := declarations(t, strings.TrimSpace(string(out)))
	ours := declarations(t, ".")
	if len(theirs) < 40 {
		t.Fatalf("only %d declarations found in the other library: %q", len(theirs), theirs)
	}
	for _, missing := range lacking(ours, theirs) {
		t.Errorf("missing, or declared in another way: %s", missing)
	}
	for _, extra := range lacking(theirs, ours) {
		t.Errorf("of our own, so nobody could move back: %s", extra)
	}
}

// TestAPIFinds shows that the comparison notices.
func TestAPIFinds(t *testing.T) {
	d := declarations(t, ".")
	for i := range d {
		if got := lacking(slices.Delete(slices.Clone(d), i, i+1), d); len(got) != 1 || got[0] != d[i] {
			t.Errorf("without %q: %q", d[i], got)
		}
	}
	changed := slices.Clone(d)
	changed[0] += " "
	if len(lacking(changed, d)) != 1 {
		t.Error("a declaration that differs passes")
	}
}

// lacking lists what want has and got has not.
func lacking(got, want []string) []string {
	var missing []string
	for _, w := range want {
		if !slices.Contains(got, w) {
			missing = append(missing, w)
		}
	}
	return missing
}

// declarations lists the exported functions, methods, types, fields and
// constants of the package in a folder, one a line.
func declarations(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	fset := token.NewFileSet()
	text := func(node any) string {
		var b bytes.Buffer
		if err := printer.Fprint(&b, fset, node); err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(b.String()), " ")
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				receiver := ""
				if d.Recv != nil {
					receiver = text(d.Recv.List[0].Type)
				}
				if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(strings.TrimPrefix(receiver, "*"))) {
					found = append(found, "func ("+receiver+") "+d.Name.Name+strings.TrimPrefix(text(d.Type), "func"))
				}
			case *ast.GenDecl:
				implied := ""
				for i, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						if !s.Name.IsExported() {
							continue
						}
						st, ok := s.Type.(*ast.StructType)
						if !ok {
							found = append(found, "type "+s.Name.Name+" "+text(s.Type))
							continue
						}
						found = append(found, "type "+s.Name.Name+" struct")
						for _, field := range st.Fields.List {
							tag := ""
							if field.Tag != nil {
								tag = " " + field.Tag.Value
							}
							for _, n := range field.Names {
								if n.IsExported() {
									found = append(found, "field "+s.Name.Name+"."+n.Name+" "+text(field.Type)+tag)
								}
							}
						}
					case *ast.ValueSpec:
						if s.Type != nil {
							implied = text(s.Type)
						}
						for k, n := range s.Names {
							if !n.IsExported() {
								continue
							}
							value := "iota"
							if k < len(s.Values) && text(s.Values[k]) != "iota" {
								value = text(s.Values[k])
							} else {
								value += "+" + strings.Repeat("1", i)
							}
							found = append(found, d.Tok.String()+" "+n.Name+" "+implied+" "+value)
						}
					}
				}
			}
		}
	}
	slices.Sort(found)
	return found
}
