package target

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// template is text with places {a.b.c}, filled from the same object that jq
// expressions see. {a.b?} is empty where the value is absent; {{ is a brace.
type template struct {
	at    *node
	parts []templatePart
}

type templatePart struct {
	literal  string
	path     []string // nil for a literal
	optional bool
}

var templateRoots = []string{"user", "vars", "captured", "rp", "request", "cookies"}

var templatePath = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*\??$`)

// errAbsent says that a value a template needs is not there.
type errAbsent struct{ path string }

func (e *errAbsent) Error() string { return "{" + e.path + "} has no value" }

func parseTemplate(n *node, roots []string) (*template, error) {
	t := &template{at: n}
	s := n.text
	var lit strings.Builder
	for len(s) > 0 {
		i := strings.IndexByte(s, '{')
		if i < 0 {
			lit.WriteString(s)
			break
		}
		lit.WriteString(s[:i])
		s = s[i:]
		if strings.HasPrefix(s, "{{") {
			lit.WriteByte('{')
			s = s[2:]
			continue
		}
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return nil, n.errorf("%q opens a place that never closes (add a closing brace, or write {{ for a brace)", s)
		}
		name := s[1:end]
		s = s[end+1:]
		if !templatePath.MatchString(name) {
			return nil, n.errorf("{%s} is no place (write {user.name}, {vars.x}, {captured.x}, {rp.id}; {{ for a brace)", name)
		}
		p := templatePart{optional: strings.HasSuffix(name, "?")}
		p.path = strings.Split(strings.TrimSuffix(name, "?"), ".")
		if !contains(roots, p.path[0]) || (len(p.path) == 1 && len(roots) > 1 && name != "item") {
			return nil, n.errorf("{%s} names nothing (places begin with %s)", name, strings.Join(roots, ", "))
		}
		if lit.Len() > 0 {
			t.parts = append(t.parts, templatePart{literal: lit.String()})
			lit.Reset()
		}
		t.parts = append(t.parts, p)
	}
	if lit.Len() > 0 {
		t.parts = append(t.parts, templatePart{literal: lit.String()})
	}
	return t, nil
}

// fill fills the places; escape is applied to every value put in.
func (t *template) fill(in map[string]any, escape func(string) string) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.path == nil {
			b.WriteString(p.literal)
			continue
		}
		v, _ := pointer(p.path).lookup(in)
		s, err := scalarText(v)
		if err != nil {
			return "", fmt.Errorf("{%s}: %w", strings.Join(p.path, "."), err)
		}
		if v == nil && !p.optional {
			return "", &errAbsent{strings.Join(p.path, ".")}
		}
		if escape != nil {
			s = escape(s)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// absent says whether the template consists of optional places that are all empty.
func (t *template) absent(in map[string]any) bool {
	any := false
	for _, p := range t.parts {
		if p.path == nil {
			continue
		}
		v, _ := pointer(p.path).lookup(in)
		if v != nil || !p.optional {
			return false
		}
		any = true
	}
	return any
}

func scalarText(v any) (string, error) {
	switch c := v.(type) {
	case nil:
		return "", nil
	case string:
		return c, nil
	case bool:
		return strconv.FormatBool(c), nil
	case map[string]any, []any:
		return "", errors.New("an object or list cannot stand in text")
	}
	return string(encodeJSON(v, nil)), nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
