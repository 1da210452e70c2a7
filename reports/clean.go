package reports

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible returns s with every character that could act on a terminal or
// mislead a reader written as an escape: control characters, bidirectional
// overrides, line separators, bytes that are not UTF-8. Line feeds and tabs are
// kept if lines is set, else a line feed becomes \n too.
func visible(s string, lines bool) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return mustEscape(r, lines) }) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i, r := range s {
		switch {
		case r == utf8.RuneError && s[i] != "\uFFFD"[0]:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !mustEscape(r, lines):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%04x}`, r)
		}
	}
	return b.String()
}

func mustEscape(r rune, lines bool) bool {
	if r == '\n' || r == '\t' {
		return !lines
	}
	return !unicode.IsGraphic(r) && r != utf8.RuneError || r == '\u2028' || r == '\u2029'
}

// oneLine returns s on one line: visible, and with runs of space made one.
func oneLine(s string) string {
	return visible(strings.Join(strings.Fields(s), " "), false)
}

// cut shortens s to at most n runes, the last of them an ellipsis if anything is lost.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	return string([]rune(s)[:n-1]) + "…"
}

// xmlText returns s with every character that XML 1.0 does not allow replaced
// by U+FFFD (https://www.w3.org/TR/xml/#charsets), so that no answer of an RP
// can make a JUnit file unreadable.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r',
			r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000 && r <= 0x10FFFF:
			return r
		}
		return utf8.RuneError
	}, s)
}

// plural returns "1 thing" or "n things".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
