package target

import (
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// jqReads follows an expression's input through it and finds out what it reads of
// it: for `.captured | {a, b: .c}` captured.a and captured.c. What cannot be
// followed (what a function yields, what stands in a list) is left alone, so that
// whatever is found is truly read.
type jqReads struct {
	// read is told every path that is read, the empty one for the whole input.
	read func(path []string)
	// environment is told of a use of the process's environment, format of an @format.
	environment func(name string)
	format      func(name string)
	depth       int
	steps       int
}

// A place is where a value of the input may be; nil is a value of unknown origin.
type jqPlace []string

// jqScope are variables and functions by name.
type jqScope struct {
	vars     map[string][]jqPlace
	defs     map[string]jqDef
	outer    *jqScope
	closures map[string]jqClosure
}

type jqDef struct {
	def   *gojq.FuncDef
	scope *jqScope
}

// jqClosure is an argument of a function: run where it is called, in the scope
// where it was written.
type jqClosure struct {
	query *gojq.Query
	scope *jqScope
}

// maxJQDepth bounds recursive definitions and deep expressions.
const maxJQDepth = 64

// maxJQSteps bounds the work on one expression: a definition that calls itself
// twice would double it at every depth.
const maxJQSteps = 20000

// maxPlaces bounds how many places a value may be at before it is unknown.
const maxPlaces = 32

var unknownPlace = []jqPlace{nil}

func (r *jqReads) run(q *gojq.Query) {
	r.use(r.query(q, []jqPlace{{}}, nil))
}

func (r *jqReads) use(places []jqPlace) []jqPlace {
	for _, p := range places {
		if p != nil {
			r.read(p)
		}
	}
	return unknownPlace
}

func union(lists ...[]jqPlace) []jqPlace {
	var out []jqPlace
	for _, list := range lists {
		for _, p := range list {
			if !slices.ContainsFunc(out, func(o jqPlace) bool { return (o == nil) == (p == nil) && slices.Equal(o, p) }) {
				out = append(out, p)
			}
		}
	}
	if len(out) > maxPlaces {
		return unknownPlace
	}
	return out
}

func (r *jqReads) query(q *gojq.Query, cur []jqPlace, sc *jqScope) []jqPlace {
	if q == nil {
		return cur
	}
	if r.steps++; r.depth >= maxJQDepth || r.steps > maxJQSteps {
		return unknownPlace
	}
	r.depth++
	defer func() { r.depth-- }()
	for _, d := range q.FuncDefs {
		inner := &jqScope{outer: sc, defs: map[string]jqDef{}}
		inner.defs[funcName(d.Name, len(d.Args))] = jqDef{d, inner}
		sc = inner
	}
	if q.Term != nil {
		return r.term(q.Term, cur, sc)
	}
	switch q.Op {
	case gojq.OpPipe:
		left := r.query(q.Left, cur, sc)
		if len(q.Patterns) > 0 {
			return r.query(q.Right, cur, r.bind(q.Patterns, left, cur, sc))
		}
		return r.query(q.Right, left, sc)
	case gojq.OpComma, gojq.OpAlt:
		return union(r.query(q.Left, cur, sc), r.query(q.Right, cur, sc))
	case gojq.OpAssign:
		r.query(q.Left, cur, sc) // written, not read
		return r.use(r.query(q.Right, cur, sc))
	case gojq.OpModify:
		return r.use(r.query(q.Right, r.query(q.Left, cur, sc), sc))
	}
	if q.Left != nil {
		r.use(r.query(q.Left, cur, sc))
	}
	if q.Right != nil {
		r.use(r.query(q.Right, cur, sc))
	}
	return unknownPlace
}

func funcName(name string, args int) string { return name + "/" + string(rune('0'+min(args, 9))) }

func (r *jqReads) term(t *gojq.Term, cur []jqPlace, sc *jqScope) []jqPlace {
	v := r.simple(t, cur, sc)
	for _, s := range t.SuffixList {
		switch {
		case s.Index != nil:
			v = r.index(v, s.Index, cur, sc)
		case s.Iter:
			v = r.use(v)
		}
	}
	return v
}

func (r *jqReads) simple(t *gojq.Term, cur []jqPlace, sc *jqScope) []jqPlace {
	switch t.Type {
	case gojq.TermTypeIdentity:
		return cur
	case gojq.TermTypeRecurse:
		return r.use(cur)
	case gojq.TermTypeIndex:
		return r.index(cur, t.Index, cur, sc)
	case gojq.TermTypeFunc:
		return r.function(t.Func, cur, sc)
	case gojq.TermTypeObject:
		for _, kv := range t.Object.KeyVals {
			switch {
			case kv.KeyQuery != nil:
				r.use(r.query(kv.KeyQuery, cur, sc))
			case kv.KeyString != nil:
				r.text(kv.KeyString, cur, sc)
			}
			switch {
			case kv.Val != nil:
				r.use(r.query(kv.Val, cur, sc))
			case strings.HasPrefix(kv.Key, "$"):
				r.use(sc.variable(kv.Key))
			case kv.Key != "":
				r.use(member(cur, kv.Key))
			case kv.KeyString != nil && len(kv.KeyString.Queries) == 0:
				r.use(member(cur, kv.KeyString.Str))
			}
		}
	case gojq.TermTypeArray:
		if t.Array.Query != nil {
			r.use(r.query(t.Array.Query, cur, sc))
		}
	case gojq.TermTypeUnary:
		r.use(r.term(t.Unary.Term, cur, sc))
	case gojq.TermTypeFormat:
		r.format(t.Format)
		if t.Str == nil {
			r.use(cur)
		} else {
			r.text(t.Str, cur, sc)
		}
	case gojq.TermTypeString:
		r.text(t.Str, cur, sc)
	case gojq.TermTypeIf:
		r.use(r.query(t.If.Cond, cur, sc))
		all := [][]jqPlace{r.query(t.If.Then, cur, sc), r.query(t.If.Else, cur, sc)}
		for _, e := range t.If.Elif {
			r.use(r.query(e.Cond, cur, sc))
			all = append(all, r.query(e.Then, cur, sc))
		}
		return union(all...)
	case gojq.TermTypeTry:
		v := r.query(t.Try.Body, cur, sc)
		if t.Try.Catch != nil {
			v = union(v, r.use(r.query(t.Try.Catch, unknownPlace, sc)))
		}
		return v
	case gojq.TermTypeReduce:
		r.use(r.query(t.Reduce.Start, cur, sc))
		inner := r.bind(t.Reduce.Patterns, r.query(t.Reduce.Query, cur, sc), cur, sc)
		r.use(r.query(t.Reduce.Update, unknownPlace, inner))
	case gojq.TermTypeForeach:
		r.use(r.query(t.Foreach.Start, cur, sc))
		inner := r.bind(t.Foreach.Patterns, r.query(t.Foreach.Query, cur, sc), cur, sc)
		r.use(r.query(t.Foreach.Update, unknownPlace, inner))
		if t.Foreach.Extract != nil {
			r.use(r.query(t.Foreach.Extract, unknownPlace, inner))
		}
	case gojq.TermTypeLabel:
		return r.query(t.Label.Body, cur, sc)
	case gojq.TermTypeQuery:
		return r.query(t.Query, cur, sc)
	}
	return unknownPlace
}

func (r *jqReads) text(s *gojq.String, cur []jqPlace, sc *jqScope) {
	for _, q := range s.Queries {
		r.use(r.query(q, cur, sc))
	}
}

// index is a member of what stands at the places.
func (r *jqReads) index(places []jqPlace, x *gojq.Index, cur []jqPlace, sc *jqScope) []jqPlace {
	if name, ok := constantIndex(x); ok {
		return member(places, name)
	}
	if x.Str != nil {
		r.text(x.Str, cur, sc)
	}
	for _, q := range []*gojq.Query{x.Start, x.End} {
		if q != nil {
			r.use(r.query(q, cur, sc))
		}
	}
	return r.use(places)
}

func constantIndex(x *gojq.Index) (string, bool) {
	switch {
	case x.IsSlice:
		return "", false
	case x.Name != "":
		return strings.TrimPrefix(x.Name, "."), true
	case x.Str != nil && len(x.Str.Queries) == 0:
		return x.Str.Str, true
	case x.Start != nil && x.Start.Term != nil && x.Start.Term.Type == gojq.TermTypeString && len(x.Start.Term.SuffixList) == 0 && len(x.Start.Term.Str.Queries) == 0:
		return x.Start.Term.Str.Str, true
	}
	return "", false
}

func member(places []jqPlace, name string) []jqPlace {
	out := make([]jqPlace, 0, len(places))
	for _, p := range places {
		if p == nil {
			out = append(out, nil)
			continue
		}
		out = append(out, append(slices.Clip(slices.Clone(p)), name))
	}
	return out
}

// bind binds the variables of destructuring patterns.
func (r *jqReads) bind(patterns []*gojq.Pattern, v, cur []jqPlace, sc *jqScope) *jqScope {
	inner := &jqScope{outer: sc, vars: map[string][]jqPlace{}}
	for _, p := range patterns {
		r.pattern(p, v, cur, inner)
	}
	return inner
}

func (r *jqReads) pattern(p *gojq.Pattern, v, cur []jqPlace, sc *jqScope) {
	if p == nil {
		return
	}
	if p.Name != "" {
		sc.vars[p.Name] = union(sc.vars[p.Name], v)
	}
	for _, item := range p.Array {
		r.pattern(item, r.use(v), cur, sc)
	}
	for _, o := range p.Object {
		inner := unknownPlace
		switch {
		case o.Key != "":
			inner = member(v, strings.TrimPrefix(o.Key, "$"))
			if strings.HasPrefix(o.Key, "$") {
				sc.vars[o.Key] = union(sc.vars[o.Key], inner)
			}
		case o.KeyString != nil && len(o.KeyString.Queries) == 0:
			inner = member(v, o.KeyString.Str)
		default:
			r.use(v)
			if o.KeyQuery != nil {
				r.use(r.query(o.KeyQuery, cur, sc))
			}
		}
		r.pattern(o.Val, inner, cur, sc)
	}
}

func (sc *jqScope) variable(name string) []jqPlace {
	for ; sc != nil; sc = sc.outer {
		if v, ok := sc.vars[name]; ok {
			return v
		}
	}
	return unknownPlace
}

func (sc *jqScope) definition(name string) (jqDef, jqClosure, bool) {
	for ; sc != nil; sc = sc.outer {
		if c, ok := sc.closures[name]; ok {
			return jqDef{}, c, true
		}
		if d, ok := sc.defs[name]; ok {
			return d, jqClosure{}, true
		}
	}
	return jqDef{}, jqClosure{}, false
}

// Functions whose input is handed on as it stands, perhaps with less in it; and
// those that do not look at their input at all.
var (
	passing  = []string{"strings", "objects", "arrays", "numbers", "booleans", "iterables", "scalars", "values", "nulls", "compact", "debug", "select", "first", "last"}
	sourceOf = []string{"empty", "now", "null", "true", "false", "infinite", "nan", "input_line_number", "halt", "builtins", "range"}
	// onInput run their arguments on their own input.
	onInput = []string{"select", "has", "contains", "inside", "test", "match", "capture", "scan", "split", "splits", "startswith", "endswith", "ltrimstr", "rtrimstr", "trimstr",
		"join", "index", "rindex", "indices", "IN", "error", "range", "isempty", "getpath", "first", "limit", "skip", "nth", "flatten", "html_attr", "html_attrs", "html_text", "resolve",
		"debug", "pick", "del", "strptime", "strftime", "pow", "add", "path"}
)

func (r *jqReads) function(f *gojq.Func, cur []jqPlace, sc *jqScope) []jqPlace {
	if strings.HasPrefix(f.Name, "$") {
		if f.Name == "$ENV" {
			r.environment(f.Name)
		}
		return sc.variable(f.Name)
	}
	if f.Name == "env" && len(f.Args) == 0 {
		r.environment(f.Name)
		return unknownPlace
	}
	if def, closure, ok := sc.definition(funcName(f.Name, len(f.Args))); ok {
		if closure.query != nil {
			return r.query(closure.query, cur, closure.scope)
		}
		inner := &jqScope{outer: def.scope, vars: map[string][]jqPlace{}, closures: map[string]jqClosure{}}
		for i, name := range def.def.Args {
			if i >= len(f.Args) {
				break
			}
			if strings.HasPrefix(name, "$") {
				inner.vars[name] = r.query(f.Args[i], cur, sc)
			}
			inner.closures[funcName(strings.TrimPrefix(name, "$"), 0)] = jqClosure{f.Args[i], sc}
		}
		return r.query(def.def.Body, cur, inner)
	}
	input := unknownPlace
	if slices.Contains(onInput, f.Name) || strings.HasPrefix(f.Name, "dfns_") {
		input = cur
	}
	var last []jqPlace
	for _, a := range f.Args {
		last = r.query(a, input, sc)
		if f.Name != "first" && f.Name != "isempty" {
			r.use(last)
		}
	}
	switch {
	case f.Name == "first" && len(f.Args) == 1:
		return last
	case slices.Contains(passing, f.Name) && f.Name != "first" && f.Name != "last":
		return cur
	case slices.Contains(sourceOf, f.Name):
		return unknownPlace
	case len(f.Args) > 0 && (f.Name == "resolve" || f.Name == "error" || strings.HasPrefix(f.Name, "dfns_")):
		return unknownPlace
	}
	return r.use(cur)
}
