package reports

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func markdownText(t *testing.T, r *Report, o MarkdownOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteMarkdown(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestMarkdownIsInert: outside fenced blocks there is no markup but our own,
// no picture, no mention, no link but to the specification.
func TestMarkdownIsInert(t *testing.T) {
	ours := regexp.MustCompile(`</?(details|summary|code)>`)
	link := regexp.MustCompile(`\]\((.*?)\)`)
	for name, r := range map[string]*Report{"sample": sample(t), "hostile": everywhereHostile(t)} {
		t.Run(name, func(t *testing.T) {
			fence, opened, closed := "", 0, 0
			for n, line := range strings.Split(markdownText(t, r, MarkdownOptions{}), "\n") {
				if fence != "" {
					if line == fence {
						fence = ""
					}
					continue
				}
				if ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]; len(ticks) >= 3 {
					fence = ticks
					continue
				}
				opened += strings.Count(line, "<details>")
				closed += strings.Count(line, "</details>")
				for _, m := range link.FindAllStringSubmatch(line, -1) {
					if !strings.HasPrefix(m[1], "https://www.w3.org/TR/webauthn-3/#") {
						t.Errorf("line %d links to %q", n+1, m[1])
					}
				}
				// What is left after our own markup must be plain.
				rest := link.ReplaceAllString(ours.ReplaceAllString(line, ""), "")
				for _, bad := range []string{"<", "![", "@", "://", "www.", "javascript:alert](", "\x1b", "\u202e"} {
					if strings.Contains(rest, bad) {
						t.Errorf("line %d has %q: %s", n+1, bad, line)
					}
				}
				if strings.Contains(rest, "`") {
					t.Errorf("line %d has a backtick: %s", n+1, line)
				}
			}
			if fence != "" || opened == 0 || opened != closed {
				t.Errorf("fence %q left open, %d details opened and %d closed", fence, opened, closed)
			}
		})
	}
}

func TestMarkdownIsBounded(t *testing.T) {
	r := one(nil)
	base := r.Checks[0]
	r.Checks = nil
	for i := range 500 {
		c := base
		c.ID, c.Verdict, c.Message = fmt.Sprintf("a.b.c%d", i), Fail, strings.Repeat("long ", 200)
		r.Checks = append(r.Checks, c)
	}
	const limit = 64 << 10
	text := markdownText(t, r, MarkdownOptions{MaxBytes: limit})
	if len(text) > limit {
		t.Errorf("%d bytes, want at most %d", len(text), limit)
	}
	left := regexp.MustCompile(`(\d+) findings are not shown here`).FindStringSubmatch(text)
	if left == nil {
		t.Fatal("it does not say that findings are missing")
	}
	if shown := strings.Count(text, "<summary>❌"); fmt.Sprint(500-shown) != left[1] {
		t.Errorf("%d shown, and %s said to be missing", shown, left[1])
	}
}

func TestMarkdownBlock(t *testing.T) {
	if got, want := mdBlock("sh", "a ``` b ```` c"), "`````sh\na ``` b ```` c\n`````\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
