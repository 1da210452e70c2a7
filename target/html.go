package target

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// What a page holds, for Relying Parties that hand options out inside HTML. The
// functions take the page's text and the selector of one element; character
// references are resolved as a browser does it.
//
//	html_attr(SELECTOR; NAME)  the attribute of the first element that has it, or null
//	html_attrs(SELECTOR; NAME) the attribute of every element that has it
//	html_text(SELECTOR)        the text inside the first such element, or null
//	html_texts(SELECTOR)       the text inside every such element

// maxHTML bounds the page that is looked into.
const maxHTML = 1 << 20

// selector is one compound selector of CSS: a name, #id, .class and
// [attribute] or [attribute=value] in any number. It has no combinators.
type selector struct {
	tag  string // empty for any
	want []wanted
}

type wanted struct {
	attr, value string
	// any is true where the attribute only has to be there, word where the value
	// is one of several words.
	any, word bool
}

var (
	selectorForm = regexp.MustCompile(`^(\*|[a-zA-Z][a-zA-Z0-9-]*)?((?:[#.][a-zA-Z_][a-zA-Z0-9_-]*|\[[a-zA-Z_:][a-zA-Z0-9_:.-]*(?:=(?:"[^"]*"|'[^']*'|[^\]"']*))?\])*)$`)
	selectorPart = regexp.MustCompile(`[#.][a-zA-Z_][a-zA-Z0-9_-]*|\[[^=\]]+(?:=(?:"[^"]*"|'[^']*'|[^\]"']*))?\]`)
)

func parseSelector(s string) (*selector, error) {
	m := selectorForm.FindStringSubmatch(s)
	if m == nil || s == "" {
		return nil, fmt.Errorf("%.80q is no selector (write tag, #id, .class, [attribute=value], or several of them together)", s)
	}
	out := &selector{tag: strings.ToLower(strings.TrimPrefix(m[1], "*"))}
	for _, p := range selectorPart.FindAllString(m[2], -1) {
		switch p[0] {
		case '#':
			out.want = append(out.want, wanted{attr: "id", value: p[1:]})
		case '.':
			out.want = append(out.want, wanted{attr: "class", value: p[1:], word: true})
		default:
			name, value, valued := strings.Cut(p[1:len(p)-1], "=")
			if len(value) > 1 && (value[0] == '"' || value[0] == '\'') {
				value = value[1 : len(value)-1]
			}
			out.want = append(out.want, wanted{attr: strings.ToLower(name), value: value, any: !valued})
		}
	}
	return out, nil
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func (s *selector) fits(n *html.Node) bool {
	if n.Type != html.ElementNode || s.tag != "" && n.Data != s.tag {
		return false
	}
	for _, w := range s.want {
		v, there := attribute(n, w.attr)
		switch {
		case !there:
			return false
		case w.any:
		case w.word:
			if !contains(strings.Fields(v), w.value) {
				return false
			}
		case v != w.value:
			return false
		}
	}
	return true
}

// elements are those of the page that fit, in the page's order.
func elements(name string, page any, selected any) ([]*html.Node, error) {
	if page == nil {
		return nil, nil
	}
	text, ok := page.(string)
	if !ok {
		return nil, fmt.Errorf("%s: the input is no text (write .res.text | %s(...))", name, name)
	}
	if len(text) > maxHTML {
		return nil, fmt.Errorf("%s: the page has more than %d bytes", name, maxHTML)
	}
	s, ok := selected.(string)
	if !ok {
		return nil, fmt.Errorf("%s: the selector is no string", name)
	}
	sel, err := parseSelector(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: the page cannot be read: %w", name, err)
	}
	var out []*html.Node
	for n := range root.Descendants() {
		if sel.fits(n) {
			out = append(out, n)
		}
	}
	return out, nil
}

func htmlAttrs(name string, page any, args []any) ([]any, error) {
	found, err := elements(name, page, args[0])
	if err != nil {
		return nil, err
	}
	attr, ok := args[1].(string)
	if !ok || attr == "" {
		return nil, errors.New(name + ": the attribute's name is no string")
	}
	values := []any{}
	for _, n := range found {
		if v, there := attribute(n, strings.ToLower(attr)); there {
			values = append(values, v)
		}
	}
	return values, nil
}

func htmlAttr(page any, args []any) any {
	values, err := htmlAttrs("html_attr", page, args)
	switch {
	case err != nil:
		return err
	case len(values) == 0:
		return nil
	}
	return values[0]
}

func htmlAttrList(page any, args []any) any {
	values, err := htmlAttrs("html_attrs", page, args)
	if err != nil {
		return err
	}
	return values
}

func htmlText(page any, args []any) any {
	found, err := elements("html_text", page, args[0])
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return nil
	}
	return textOf(found[0])
}

func htmlTextList(page any, args []any) any {
	found, err := elements("html_texts", page, args[0])
	if err != nil {
		return err
	}
	texts := []any{}
	for _, n := range found {
		texts = append(texts, textOf(n))
	}
	return texts
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}
