package target

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxProfile is the largest profile file that is read, in bytes. The YAML
// parser's work grows with the square of a mapping's size.
const maxProfile = 128 << 10

// maxBrackets bounds nesting before the parser sees it: the parser recurses,
// and a file of brackets alone would take all memory.
const maxBrackets = 256

// maxYAMLDepth bounds the nesting of a profile file.
const maxYAMLDepth = 64

type nodeKind int

const (
	nullNode nodeKind = iota
	stringNode
	boolNode
	numberNode
	mapNode
	listNode
)

func (k nodeKind) String() string {
	return [...]string{"null", "a string", "true or false", "a number", "a mapping", "a list"}[k]
}

// node is a YAML value that knows its place, so that faults found long after
// parsing and merging still name file, line and column.
type node struct {
	file      string
	line, col int
	// keyLine and keyCol are the place of the key that the value stands under.
	keyLine, keyCol int
	path            string
	pointer         string // path as a JSON Pointer
	kind            nodeKind
	text            string // stringNode, numberNode
	truth           bool   // boolNode
	keys            []string
	fields          map[string]*node
	items           []*node
}

func (n *node) errorf(format string, args ...any) *Error {
	return &Error{File: n.file, Line: n.line, Column: n.col, Path: n.path, Pointer: n.pointer, Message: oneLine(fmt.Sprintf(format, args...))}
}

// keyErrorf is errorf for a fault of the key.
func (n *node) keyErrorf(format string, args ...any) *Error {
	e := n.errorf(format, args...)
	if n.keyLine > 0 {
		e.Line, e.Column = n.keyLine, n.keyCol
	}
	return e
}

func (n *node) get(key string) *node {
	if n == nil || n.kind != mapNode {
		return nil
	}
	return n.fields[key]
}

// parseYAML reads one YAML document into nodes.
func parseYAML(file string, data []byte) (root *node, err error) {
	// The parser is a dependency's; a panic in it is still only a bad file.
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, &Error{File: file, Message: fmt.Sprintf("not YAML: the parser gave up: %v (simplify the file)", oneLine(fmt.Sprint(p)))}
		}
	}()
	if len(data) > maxProfile {
		return nil, &Error{File: file, Message: fmt.Sprintf("the file has %d bytes (a profile has at most %d)", len(data), maxProfile)}
	}
	if !utf8.Valid(data) {
		return nil, &Error{File: file, Message: "not UTF-8 (save the file as UTF-8)"}
	}
	if line := tooDeep(string(data)); line > 0 {
		return nil, &Error{File: file, Line: line, Column: 1, Message: fmt.Sprintf("nested deeper than %d (flatten it)", maxYAMLDepth)}
	}
	f, perr := parser.ParseBytes(data, 0)
	if perr != nil {
		e := &Error{File: file, Message: "not YAML (mend the syntax)"}
		var ye yaml.Error
		if errors.As(perr, &ye) {
			e.Message = "not YAML: " + oneLine(ye.GetMessage()) + " (mend the syntax)"
			if t := ye.GetToken(); t != nil && t.Position != nil {
				e.Line, e.Column = t.Position.Line, t.Position.Column
			}
		}
		return nil, e
	}
	var body ast.Node
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		if body != nil {
			return nil, &Error{File: file, Message: "more than one YAML document (keep one)"}
		}
		body = d.Body
	}
	if body == nil {
		return nil, &Error{File: file, Message: "the file is empty (write at least: extends: fido)"}
	}
	return convert(file, "", "", body, nil, 0)
}

// tooDeep finds the line on which the text nests beyond reason, by counting
// brackets and runs of list dashes; 0 is none. It knows nothing of quotes, so
// its bound is far above what convert allows.
func tooDeep(s string) int {
	depth, dashes, line := 0, 0, 1
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\n':
			line++
			dashes = 0
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(depth-1, 0)
		case '-', '?':
			dashes++
		case ' ', '\t':
		default:
			dashes = 0
		}
		if depth > maxBrackets || dashes > maxBrackets {
			return line
		}
	}
	return 0
}

func convert(file, path, pointer string, a ast.Node, at *token.Token, depth int) (*node, error) {
	n := &node{file: file, path: path, pointer: pointer}
	tok := a.GetToken()
	if tok == nil {
		tok = at
	}
	if tok != nil && tok.Position != nil {
		n.line, n.col = tok.Position.Line, tok.Position.Column
	}
	if depth > maxYAMLDepth {
		return nil, n.errorf("nested deeper than %d (flatten it)", maxYAMLDepth)
	}
	switch v := a.(type) {
	case *ast.NullNode:
		n.kind = nullNode
	case *ast.StringNode:
		n.kind, n.text = stringNode, v.Value
	case *ast.LiteralNode:
		n.kind, n.text = stringNode, v.Value.Value
	case *ast.BoolNode:
		n.kind, n.truth = boolNode, v.Value
	case *ast.IntegerNode:
		n.kind, n.text = numberNode, v.Token.Value
	case *ast.FloatNode:
		n.kind, n.text = numberNode, v.Token.Value
	case *ast.MappingValueNode:
		if t := v.Key.GetToken(); t != nil && t.Position != nil && !v.IsFlowStyle {
			n.line, n.col = t.Position.Line, t.Position.Column
		}
		return n, convertMap(n, []*ast.MappingValueNode{v}, depth)
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			if t := v.Values[0].Key.GetToken(); t != nil && t.Position != nil {
				n.line, n.col = t.Position.Line, t.Position.Column
			}
		}
		return n, convertMap(n, v.Values, depth)
	case *ast.SequenceNode:
		n.kind = listNode
		for i, item := range v.Values {
			c, err := convert(file, fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("%s/%d", pointer, i), item, tok, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, c)
		}
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return nil, n.errorf("anchors, aliases and merge keys are not read in profiles (write the value out)")
	case *ast.TagNode:
		return nil, n.errorf("tags are not read in profiles (take %s away)", strings.TrimSpace(v.Start.Value))
	default:
		return nil, n.errorf("%s is not read in profiles (use strings, true, false, lists and mappings)", strings.ToLower(a.Type().String()))
	}
	return n, nil
}

func convertMap(n *node, values []*ast.MappingValueNode, depth int) error {
	n.kind, n.fields = mapNode, map[string]*node{}
	for _, mv := range values {
		place := &node{file: n.file, path: n.path, pointer: n.pointer, line: n.line, col: n.col}
		kt := mv.Key.GetToken()
		if kt != nil && kt.Position != nil {
			place.line, place.col = kt.Position.Line, kt.Position.Column
		}
		var key string
		switch k := mv.Key.(type) {
		case *ast.StringNode:
			key = k.Value
		case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
			key = kt.Value
		default:
			return place.errorf("keys must be plain strings (quote it; anchors and merge keys are not read)")
		}
		if _, dup := n.fields[key]; dup {
			place.path, place.pointer = join(n.path, key), below(n.pointer, key)
			return place.errorf("this key is there twice (take one away)")
		}
		var c *node
		if mv.Value == nil {
			c = &node{file: n.file, path: join(n.path, key), pointer: below(n.pointer, key), line: place.line, col: place.col}
		} else {
			var err error
			if c, err = convert(n.file, join(n.path, key), below(n.pointer, key), mv.Value, kt, depth+1); err != nil {
				return err
			}
		}
		// A mapping's own token is the first colon; its key is the better place.
		if c.kind == mapNode || c.kind == nullNode {
			c.line, c.col = place.line, place.col
		}
		c.keyLine, c.keyCol = place.line, place.col
		n.keys = append(n.keys, key)
		n.fields[key] = c
	}
	return nil
}

// below is the JSON Pointer of a member (RFC 6901).
func below(pointer, key string) string {
	return pointer + "/" + pointerEscape.Replace(key)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	if strings.ContainsAny(key, ".[] ") {
		return fmt.Sprintf("%s[%q]", path, key)
	}
	return path + "." + key
}

// overlay lays over on top of base. Mappings are merged key by key and a null
// takes the base's value away. A list replaces a list; but a mapping laid over a
// list of steps edits the steps with those ids. Anything else replaces.
// What cannot be merged is told to fail, and left out.
func overlay(base, over *node, fail func(*Error)) *node {
	switch {
	case base == nil:
		return over
	case over == nil:
		return base
	case base.kind == mapNode && over.kind == mapNode:
		return overlayMap(base, over, fail)
	case base.kind == listNode && over.kind == mapNode && len(base.items) > 0 && base.items[0].get("id") != nil:
		return overlaySteps(base, over, fail)
	}
	return over
}

func overlayMap(base, over *node, fail func(*Error)) *node {
	out := *over
	out.keys, out.fields = nil, map[string]*node{}
	for _, k := range base.keys {
		o := over.fields[k]
		if o != nil && o.kind == nullNode {
			continue
		}
		out.keys = append(out.keys, k)
		out.fields[k] = overlay(base.fields[k], o, fail)
	}
	for _, k := range over.keys {
		if _, done := base.fields[k]; done || over.fields[k].kind == nullNode {
			continue
		}
		out.keys = append(out.keys, k)
		out.fields[k] = over.fields[k]
	}
	return &out
}

func overlaySteps(base, over *node, fail func(*Error)) *node {
	out := *base
	out.items = nil
	done := map[string]bool{}
	var ids []string
	for _, item := range base.items {
		id := item.get("id")
		if id == nil {
			out.items = append(out.items, item)
			continue
		}
		o := over.fields[id.text]
		done[id.text] = true
		ids = append(ids, id.text)
		if o != nil && o.kind == nullNode {
			continue
		}
		out.items = append(out.items, overlay(item, o, fail))
	}
	for _, k := range over.keys {
		if !done[k] {
			hint := "mend the id, or write the whole list"
			if near := nearest(k, ids); near != "" {
				hint += "; did you mean " + near + "?"
			}
			fail(over.fields[k].keyErrorf("the extended profile has no step %q here (%s)", k, hint))
		}
	}
	return &out
}

// oneLine folds white space and cuts at 500 bytes, for messages of one line.
func oneLine(s string) string {
	s = s[:min(len(s), 4096)] // long texts are cut anyway
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 500 {
		cut := 497
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "..."
	}
	return s
}
