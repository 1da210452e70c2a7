// Package docs tests the documents: links that lead somewhere, decisions in their
// form and in their index, and tables that agree with what they describe.
package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// documents reads every Markdown file of the repository by its path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil // another test cleans up behind itself while we walk
			}
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", "node_modules", "bin", "out", "testdata":
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".md") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", name)
		found[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var (
	fence     = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	link      = regexp.MustCompile(`\]\(([^()\s]+)(?:\s+"[^"]*")?\)`)
	heading   = regexp.MustCompile(`(?m)^#{1,6}\s+(.+?)\s*#*\s*$`)
	remote    = regexp.MustCompile(`^(https?|mailto):`)
	decision  = regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])-[a-z0-9]+(-[a-z0-9]+)*\.md$`)
	status    = regexp.MustCompile(`^Status: (accepted|proposed|superseded by \[[^\]]+\]\([^)]+\.md\))$`)
	indexRow  = regexp.MustCompile(`(?m)^\| \[([^\]]+)\]\(([^)]+)\) \| (.+?) \|$`)
	moduleRow = regexp.MustCompile(`(?m)^\| ([a-z0-9.]+\.[a-z]+/\S+) \| (v\S+) \|`)
	require   = regexp.MustCompile(`(?ms)^require \((.*?)^\)`)
	ruleRow   = regexp.MustCompile(`id: touchstone/[\w-]+, anchor: "#([\w-]+)"`)
)

// brokenLinks lists the links of a document that lead nowhere. exists says whether
// there is a file or folder at a path from the root, text gives a document's text.
func brokenLinks(name, body string, exists func(string) bool, text func(string) (string, bool)) []string {
	var broken []string
	plain := codeSpan.ReplaceAllString(fence.ReplaceAllString(body, ""), "``")
	for _, m := range link.FindAllStringSubmatch(plain, -1) {
		to := m[1]
		if remote.MatchString(to) {
			continue
		}
		file, fragment, _ := strings.Cut(to, "#")
		at := name
		if file != "" {
			at = path.Join(path.Dir(name), file)
			if !exists(at) {
				broken = append(broken, fmt.Sprintf("%s: link to %s: there is no %s", name, to, at))
				continue
			}
		}
		if fragment == "" {
			continue
		}
		if doc, ok := text(at); ok && !anchors(doc)[fragment] {
			broken = append(broken, fmt.Sprintf("%s: link to %s: %s has no such heading", name, to, at))
		}
	}
	return broken
}

// anchors are the fragments that a forge gives the headings of a document.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		var slug strings.Builder
		for _, r := range strings.ToLower(m[1]) {
			switch {
			case r == ' ':
				slug.WriteByte('-')
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				slug.WriteRune(r)
			}
		}
		name := slug.String()
		for n := 1; found[name]; n++ {
			name = fmt.Sprintf("%s-%d", slug.String(), n)
		}
		found[name] = true
	}
	return found
}

func TestLinks(t *testing.T) {
	docs := documents(t)
	for name, body := range docs {
		exists := func(p string) bool {
			_, err := os.Stat(filepath.Join("..", filepath.FromSlash(p)))
			return err == nil
		}
		text := func(p string) (string, bool) { s, ok := docs[p]; return s, ok }
		for _, problem := range brokenLinks(name, body, exists, text) {
			t.Error(problem)
		}
	}
}

func TestBrokenLinks(t *testing.T) {
	other := "# A title, with marks!\n\n## Twice\n\n## Twice\n\n```\n# not a heading\n```\n"
	cases := []struct {
		body string
		want int
	}{
		{"[a](other.md) [b](https://x.example/none) [c](#here)\n\n## here\n", 0},
		{"[a](missing.md)", 1},
		{"[a](../docs/other.md#a-title-with-marks) [b](other.md#twice-1)", 0},
		{"[a](other.md#not-a-heading)", 1},
		{"[a](#nowhere)", 1},
		{"`[a](missing.md)`\n\n```\n[a](missing.md)\n```\n", 0},
		{"![picture](missing.png \"title\") [x](other.md)", 1},
	}
	for _, tc := range cases {
		exists := func(p string) bool { return p == "docs/other.md" }
		text := func(p string) (string, bool) {
			switch p {
			case "docs/other.md":
				return other, true
			case "docs/this.md":
				return tc.body, true
			}
			return "", false
		}
		if got := brokenLinks("docs/this.md", tc.body, exists, text); len(got) != tc.want {
			t.Errorf("brokenLinks(%q) = %q; want %d", tc.body, got, tc.want)
		}
	}
}

// decisionProblems says what is wrong with a folder of decisions, its index included.
func decisionProblems(files map[string]string) []string {
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	rows := map[string][2]string{} // file -> title and status in the index
	for _, m := range indexRow.FindAllStringSubmatch(files["README.md"], -1) {
		rows[m[2]] = [2]string{m[1], m[3]}
		if _, ok := files[m[2]]; !ok {
			add("README.md: a row for %s, which is not there", m[2])
		}
	}
	for name, text := range files {
		if name == "README.md" {
			continue
		}
		if !decision.MatchString(name) {
			add("%s: not named YYYY-MM-DD-slug.md", name)
		}
		lines := strings.SplitN(text, "\n", 4)
		if len(lines) < 4 || !strings.HasPrefix(lines[0], "# ") || lines[1] != "" || !status.MatchString(lines[2]) {
			add("%s: does not start with a title, an empty line and a status line", name)
			continue
		}
		row, ok := rows[name]
		if !ok {
			add("README.md: no row for %s", name)
			continue
		}
		if title := strings.TrimPrefix(lines[0], "# "); row[0] != title {
			add("README.md: the row for %s has the title %q; the file has %q", name, row[0], title)
		}
		if said := strings.TrimPrefix(lines[2], "Status: "); row[1] != said {
			add("README.md: the row for %s has the status %q; the file has %q", name, row[1], said)
		}
	}
	return problems
}

func TestDecisions(t *testing.T) {
	files := map[string]string{}
	for name, text := range documents(t) {
		if rest, ok := strings.CutPrefix(name, "docs/decisions/"); ok {
			files[rest] = text
		}
	}
	if len(files) < 2 {
		t.Fatalf("found %d files in docs/decisions", len(files))
	}
	for _, problem := range decisionProblems(files) {
		t.Error(problem)
	}
}

func TestDecisionProblems(t *testing.T) {
	const good = "# A title\n\nStatus: accepted\n\ntext\n"
	const index = "| [A title](2026-01-31-a-title.md) | accepted |\n"
	cases := []struct {
		name  string
		files map[string]string
		want  string // part of the one problem; empty for none
	}{
		{"good", map[string]string{"README.md": index, "2026-01-31-a-title.md": good}, ""},
		{"no row", map[string]string{"README.md": "", "2026-01-31-a-title.md": good}, "no row for"},
		{"no file", map[string]string{"README.md": index}, "which is not there"},
		{"bad date", map[string]string{"README.md": "| [A title](2026-13-31-x.md) | accepted |", "2026-13-31-x.md": good}, "not named"},
		{"no date", map[string]string{"README.md": "| [A title](a-title.md) | accepted |", "a-title.md": good}, "not named"},
		{"no status", map[string]string{"README.md": index, "2026-01-31-a-title.md": "# A title\n\ntext\n\n"}, "status line"},
		{"odd status", map[string]string{"README.md": index, "2026-01-31-a-title.md": "# A title\n\nStatus: perhaps\n\n"}, "status line"},
		{"other title", map[string]string{"README.md": index, "2026-01-31-a-title.md": "# B\n\nStatus: accepted\n\n"}, "has the title"},
		{"other status", map[string]string{"README.md": index, "2026-01-31-a-title.md": "# A title\n\nStatus: proposed\n\n"}, "has the status"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got := decisionProblems(tc.files)
			if tc.want == "" && len(got) > 0 || tc.want != "" && (len(got) != 1 || !strings.Contains(got[0], tc.want)) {
				t.Errorf("problems = %q; want %q", got, tc.want)
			}
		})
	}
}

// isTool: go.mod has a tool of the module, which it requires as if by somebody else.
func isTool(mod, module string) bool { return strings.Contains(mod, "\ntool "+module+"/") }

// TestDependencies: the table of the newest decision on dependencies is go.mod's direct requirements.
func TestDependencies(t *testing.T) {
	records, err := filepath.Glob("decisions/*-dependencies.md")
	if err != nil || len(records) == 0 {
		t.Fatalf("no decision on dependencies: %v", err)
	}
	record, err := os.ReadFile(records[len(records)-1])
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{}
	for _, m := range moduleRow.FindAllStringSubmatch(string(record), -1) {
		table[m[1]] = m[2]
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for _, block := range require.FindAllStringSubmatch(string(mod), -1) {
		for _, line := range strings.Split(block[1], "\n") {
			fields := strings.Fields(line)
			if len(fields) < 2 || strings.Contains(line, "// indirect") && !isTool(string(mod), fields[0]) {
				continue
			}
			direct++
			if table[fields[0]] != fields[1] {
				t.Errorf("go.mod requires %s %s; the table has %q", fields[0], fields[1], table[fields[0]])
			}
			delete(table, fields[0])
		}
	}
	if direct == 0 {
		t.Error("found no direct requirement in go.mod")
	}
	for module := range table {
		t.Errorf("the table has %s, which go.mod does not require", module)
	}
}

// TestRules: what the ledger cites as ours has its section in rules.md.
func TestRules(t *testing.T) {
	ledger, err := os.ReadFile("../fixtures/requirements/touchstone.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile("rules.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := ruleRow.FindAllStringSubmatch(string(ledger), -1)
	if len(rows) == 0 {
		t.Fatal("found no rule in the ledger")
	}
	sections := anchors(string(rules))
	for _, row := range rows {
		if !sections[row[1]] {
			t.Errorf("rules.md has no section %s, which the ledger cites", row[1])
		}
	}
}
