package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/touchstone-webauthn/touchstone"

// part is one part of the house and what its code, tests aside, may import of the
// others. A part always may import itself and what lies under it.
type part struct {
	dir  string   // from the root; everything under it belongs to the part
	may  []string // other parts
	why  string   // what would be lost with any other import
	free bool     // may import every part
}

// house is in the order in which a folder finds its row: the more particular first.
var house = []part{
	{dir: "virtualauth", why: "it is a public library on its own: who imports it must not get the harness with it"},
	{dir: "rp", why: "the reference RP and the harness judge each other, so they must not share code that could share a bug"},
	{dir: "fixtures", why: "it is data"},
	{dir: "reports", why: "a report never judges again and must be readable without the harness"},
	{dir: "client", may: []string{"virtualauth"}, why: "a client turns options into a response and knows neither HTTP nor checks"},
	{dir: "target", may: []string{"fixtures"}, why: "speaking to an RP must not know what is being checked, nor with which client"},
	{dir: "browser", may: []string{"client", "virtualauth"}, why: "a browser is one more client"},
	{dir: "compare", may: []string{"client", "fixtures"}, why: "it sets clients side by side and knows neither which there are nor any RP"},
	{dir: "suites", may: []string{"client", "virtualauth", "target", "reports", "fixtures"}, why: "the suite must run against any RP with any client, so it knows neither our RP nor our browsers"},
	{dir: "cmd", free: true, why: "it wires the parts"},
	{dir: "internal/reference", free: true, why: "it wires the reference RP for the command line and for tests"},
	{dir: "internal/prove", free: true, why: "it puts the suite to our own RP, which suites must not know of"},
	{dir: "internal/recorder", may: []string{"reports"}, why: "it serves a page that writes traces, and knows neither RPs nor checks"},
	{dir: "examples", why: "it is data"},
	{dir: "internal/discover", may: []string{"client", "examples", "fixtures", "target"}, why: "it finds out how an RP is spoken to, and knows no checks and no RP of ours"},
	{dir: "internal/tools/gendocs", free: true, why: "it writes the documents that are made of the catalogue"},
	{dir: "internal/tools/peers", may: []string{"reports", "suites"}, why: "it runs the command line against RPs of others and writes down what came of it"},
	{dir: "peers", why: "modules of their own around the libraries of others, which must not know us"},
	{dir: "internal/tools/seeds", free: true, why: "it puts the suite to our own RP through every client"},
	{dir: "internal/tools/validfuzz", free: true, why: "it puts valid ceremonies to our own RP and to others"},
	{dir: "internal", why: "the tools and rules of the repository look at the code from outside"},
	{dir: "clients", free: true, why: "a module of its own that brings the vendors' clients and our RP together"},
	{dir: "docs", why: "it is text and the tests of it"},
}

// thirdParty are imports that only some parts may have; the prefix covers what lies under it.
var thirdParty = []struct {
	prefix string
	dirs   []string
	why    string
}{
	// The peer is a program and a module of its own, which nothing can import.
	{"github.com/go-webauthn", []string{"rp", "peers/gowebauthn"}, "it is the independent half that the reference RP verifies with, and a peer: in a client, one bug could cancel another"},
	{"github.com/onsi/ginkgo", []string{"suites/specs"}, "the engine is plain Go and Ginkgo is one front end of it"},
	{"github.com/onsi/gomega", []string{"suites/specs"}, "the engine is plain Go and Gomega belongs to its Ginkgo front end"},
}

// edge is one import in one file.
type edge struct {
	file string // from the root
	dir  string
	path string // import path
}

// forbidden says why the import must not be, or nothing.
func forbidden(e edge) string {
	for _, tp := range thirdParty {
		if under(e.path, tp.prefix) && !underAny(e.dir, tp.dirs) {
			return fmt.Sprintf("only %s may: %s", strings.Join(tp.dirs, " and "), tp.why)
		}
	}
	if !under(e.path, module) {
		return ""
	}
	from := partOf(e.dir)
	if from == nil {
		return "its folder has no row in the table of internal/archtest: give it one, with a reason"
	}
	to := strings.TrimPrefix(strings.TrimPrefix(e.path, module), "/")
	if from.free || under(to, from.dir) || underAny(to, from.may) {
		return ""
	}
	return fmt.Sprintf("%s may import %s of ours: %s", from.dir, allowance(from.may), from.why)
}

func allowance(may []string) string {
	if len(may) == 0 {
		return "nothing else"
	}
	return "only " + strings.Join(may, ", ")
}

func partOf(dir string) *part {
	for i := range house {
		if under(dir, house[i].dir) {
			return &house[i]
		}
	}
	return nil
}

// under reports whether path is parent or lies below it.
func under(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

func underAny(path string, parents []string) bool {
	for _, parent := range parents {
		if under(path, parent) {
			return true
		}
	}
	return false
}

// imports reads the import paths of a Go file. Only the import clauses are parsed,
// so that the rules hold in a tree that does not compile.
func imports(f file) ([]edge, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), f.path, f.text, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var edges []edge
	for _, spec := range parsed.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import %s: %w", f.path, spec.Path.Value, err)
		}
		edges = append(edges, edge{f.path, f.dir(), p})
	}
	return edges, nil
}

// TestImports holds the tree against the table. Test files may cross, to bring two halves together.
func TestImports(t *testing.T) {
	seen := 0
	for _, f := range tree(t) {
		if !f.goFile() || f.testFile() {
			continue
		}
		if f.dir() != "." && partOf(f.dir()) == nil {
			t.Errorf("%s: its folder has no row in the table of internal/archtest: give it one, with a reason", f.path)
		}
		edges, err := imports(f)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, e := range edges {
			if under(e.path, module) {
				seen++
			}
			if why := forbidden(e); why != "" {
				t.Errorf("%s imports %s: %s", e.file, e.path, why)
			}
		}
	}
	if seen == 0 {
		t.Error("found no import of ours: the walk is broken")
	}
}

// TestForbidden shows that the table says no where it must, and only there.
func TestForbidden(t *testing.T) {
	const webauthn = "github.com/go-webauthn/webauthn/protocol"
	cases := []struct {
		dir, path string
		want      string // part of the reason; empty for an import that may be
	}{
		{"virtualauth", "crypto/ecdsa", ""},
		{"virtualauth", module + "/client", "virtualauth may import nothing else of ours"},
		{"virtualauth", module + "/virtualauth/internal/cose", ""},
		{"virtualauth", webauthn, "only rp"},
		{"rp", module + "/rp/ceremony", ""},
		{"rp/ceremony", webauthn, ""},
		{"rp/attestation", module + "/virtualauth", "must not share"},
		{"rp", module + "/target", "must not share"},
		{"rp", module + "/fixtures", "must not share"},
		{"client", module + "/virtualauth", ""},
		{"client", module + "/virtualauthority", "client may import only virtualauth"},
		{"client", module + "/target", "neither HTTP nor checks"},
		{"client/witness", "github.com/descope/virtualwebauthn", ""},
		{"target", module + "/fixtures", ""},
		{"target", module + "/suites", "what is being checked"},
		{"target", module + "/client", "what is being checked"},
		{"browser", module + "/client", ""},
		{"browser", module + "/suites", "one more client"},
		{"suites", module + "/reports", ""},
		{"suites", module + "/rp", "neither our RP nor our browsers"},
		{"suites/specs", module + "/browser", "neither our RP nor our browsers"},
		{"suites", "github.com/onsi/ginkgo/v2", "only suites/specs"},
		{"suites", "github.com/onsi/gomega", "only suites/specs"},
		{"suites/specs", "github.com/onsi/ginkgo/v2", ""},
		{"suites/specs", module + "/suites", ""},
		{"suites/specsheet", "github.com/onsi/gomega/gexec", "only suites/specs"},
		{"reports", module + "/suites", "a report never judges again"},
		{"reports", module + "/virtualauth", "a report never judges again"},
		{"fixtures", module + "/target", "it is data"},
		{"cmd/touchstone", module + "/rp", ""},
		{"cmd/touchstone", module + "/browser", ""},
		{"cmd/touchstone", webauthn, "only rp"},
		{"internal/reference", module + "/rp", ""},
		{"internal/reference", webauthn, "only rp"},
		{"suites", module + "/internal/reference", "neither our RP nor our browsers"},
		{"internal/tools/x", module + "/suites", "from outside"},
		{"newpart", module + "/client", "no row in the table"},
	}
	for _, tc := range cases {
		t.Run(tc.dir+" imports "+strings.TrimPrefix(tc.path, module+"/"), func(t *testing.T) {
			got := forbidden(edge{tc.dir + "/x.go", tc.dir, tc.path})
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("forbidden = %q; want %q", got, tc.want)
			}
		})
	}
}

// TestForbiddenInFile takes the whole way from a file to a reason.
func TestForbiddenInFile(t *testing.T) {
	f := file{"virtualauth/x.go", []byte("package virtualauth\n\nimport (\n\t\"fmt\"\n\trelying \"" + module + "/rp\"\n)\n")}
	edges, err := imports(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(edges) != 2 || forbidden(edges[0]) != "" || forbidden(edges[1]) == "" {
		t.Errorf("edges %v; want fmt to be allowed and rp to be forbidden", edges)
	}
	if _, err := imports(file{"virtualauth/y.go", []byte("not Go")}); err == nil {
		t.Error("a file that is not Go has imports")
	}
}
