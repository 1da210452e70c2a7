package reports

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestVisible(t *testing.T) {
	tests := []struct{ in, line, lines string }{
		{"plain täxt 日本", "plain täxt 日本", "plain täxt 日本"},
		{"a\nb\tc", `a\nb\tc`, "a\nb\tc"},
		{"\x1b[31m", `\x1b[31m`, `\x1b[31m`},
		{"\xff\u00fd", `\xffý`, `\xffý`},
		{"\u202eabc\u2066", `\u{202e}abc\u{2066}`, `\u{202e}abc\u{2066}`},
		{"\u2028\u0085", `\u{2028}\u{0085}`, `\u{2028}\u{0085}`},
		{"\ufffd", "\ufffd", "\ufffd"},
		{"", "", ""},
	}
	for _, test := range tests {
		if got := visible(test.in, false); got != test.line {
			t.Errorf("%q on a line: got %q, want %q", test.in, got, test.line)
		}
		if got := visible(test.in, true); got != test.lines {
			t.Errorf("%q on lines: got %q, want %q", test.in, got, test.lines)
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, s string) {
		for _, lines := range []bool{false, true} {
			got := visible(s, lines)
			if !utf8.ValidString(got) {
				t.Errorf("%q gives what is not UTF-8", s)
			}
			for _, r := range got {
				if (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) && !(lines && (r == '\n' || r == '\t')) {
					t.Errorf("%q keeps %U", s, r)
				}
			}
		}
		if strings.ContainsAny(oneLine(s), "\n\r\t") {
			t.Errorf("%q is more than one line", s)
		}
		if n := utf8.RuneCountInString(cut(s, 10)); n > 10 {
			t.Errorf("%q cut to 10 has %d runes", s, n)
		}
	})
}
