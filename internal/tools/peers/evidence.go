//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/reports"
)

// evidenceFile shows each reason of the baselines in the source it speaks of.
const evidenceFile = "peers/evidence.yaml"

// evidence is the file: whose source is where, and what is to be found in it.
type evidence struct {
	Libraries map[string]source `yaml:"libraries"`
	Rows      []shown           `yaml:"evidence"`
}

// source says where the source of a library is: a folder (of the peer, unless it is
// absolute) or a Go module, of the version that the peer's go.mod has.
type source struct {
	Dir    string `yaml:"dir"`
	Module string `yaml:"module"`
}

// shown is the evidence for one reason of one library.
type shown struct {
	Library string `yaml:"library"`
	Reason  string `yaml:"reason"`
	// Versions are those that the row is for; without it all that give the reason.
	Versions []string `yaml:"versions"`
	// Until is the first version among the peers that has it mended: there the
	// passages must not all hold.
	Until string    `yaml:"until"`
	Shows []passage `yaml:"shows"`
}

// passage is what is, and is not, in a file or in one function of it. A pattern is
// a piece of text in which any white space is as good as any other, or a regular
// expression between slashes.
type passage struct {
	// In is another Go module that the library is built with, std, or server for
	// the peer's own folder.
	In string `yaml:"in"`
	// File may have a *, where a version calls it otherwise; tests are left out.
	File string `yaml:"file"`
	// Func is a function's name, in Go with its type before a dot where it has one.
	Func  string   `yaml:"func"`
	Has   []string `yaml:"has"`
	Lacks []string `yaml:"lacks"`
}

func loadEvidence(file string) (*evidence, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var e evidence
	if err := yaml.UnmarshalWithOptions(data, &e, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for name, s := range e.Libraries {
		if (s.Dir == "") == (s.Module == "") {
			return nil, fmt.Errorf("%s: libraries.%s: either dir or module must be there", file, name)
		}
	}
	for i, r := range e.Rows {
		where := fmt.Sprintf("%s: evidence[%d] %q", file, i, r.Reason)
		if _, ok := e.Libraries[r.Library]; !ok {
			return nil, fmt.Errorf("%s: library %q is not among libraries", where, r.Library)
		}
		if len(r.Shows) == 0 {
			return nil, fmt.Errorf("%s: shows is empty", where)
		}
		if strings.Contains(r.Reason, "since v") != (r.Until != "") {
			return nil, fmt.Errorf("%s: until must be there exactly when the reason says since when it is mended", where)
		}
		for _, p := range r.Shows {
			switch {
			case p.File == "":
				return nil, fmt.Errorf("%s: shows without file", where)
			case len(p.Has) == 0 && (p.Func == "" || len(p.Lacks) == 0):
				return nil, fmt.Errorf("%s: %s: absence alone shows nothing of a whole file: say has, or func", where, p.File)
			}
			for _, text := range slices.Concat(p.Has, p.Lacks) {
				if _, err := compile(text); err != nil {
					return nil, fmt.Errorf("%s: %s: %w", where, p.File, err)
				}
			}
		}
	}
	return &e, nil
}

// differs is the error of a passage that is found and not as it should be.
type differs struct{ error }

var space = regexp.MustCompile(`\s+`)

func compile(text string) (*regexp.Regexp, error) {
	if n := len(text); n > 2 && text[0] == '/' && text[n-1] == '/' {
		return regexp.Compile("(?s)" + text[1:n-1])
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil, errors.New("a pattern is empty")
	}
	for i, w := range words {
		words[i] = regexp.QuoteMeta(w)
	}
	return regexp.Compile(strings.Join(words, `\s+`))
}

// check says what of the passage does not hold in its file; nothing is the good
// answer.
func (p passage) check(root string) error {
	file := filepath.Join(root, filepath.FromSlash(p.File))
	if strings.Contains(p.File, "*") {
		found, err := filepath.Glob(file)
		if err != nil {
			return err
		}
		found = slices.DeleteFunc(found, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
		if len(found) != 1 {
			return fmt.Errorf("%s: is %d files, and must be one", file, len(found))
		}
		file = found[0]
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, where := string(data), file
	if p.Func != "" {
		where += " " + p.Func
		if text, err = function(file, text, p.Func); err != nil {
			return err
		}
	}
	for _, pattern := range p.Has {
		if re, err := compile(pattern); err != nil {
			return err
		} else if !re.MatchString(text) {
			return differs{fmt.Errorf("%s: has not %q", where, pattern)}
		}
	}
	for _, pattern := range p.Lacks {
		if re, err := compile(pattern); err != nil {
			return err
		} else if at := re.FindStringIndex(text); at != nil {
			return differs{fmt.Errorf("%s: does not lack %q: %s", where, pattern, space.ReplaceAllString(text[at[0]:at[1]], " "))}
		}
	}
	return nil
}

// function returns the text of the function: Go's by its parser, that of others by
// its indentation, which holds in code that is not minified.
func function(file, text, name string) (string, error) {
	if filepath.Ext(file) == ".go" {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file, text, 0)
		if err != nil {
			return "", err
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				full := d.Name.Name
				if d.Recv != nil {
					t := d.Recv.List[0].Type
					if s, ok := t.(*ast.StarExpr); ok {
						t = s.X
					}
					if id, ok := t.(*ast.Ident); ok {
						full = id.Name + "." + full
					}
				}
				if full == name {
					return text[set.Position(d.Pos()).Offset:set.Position(d.End()).Offset], nil
				}
			case *ast.GenDecl: // a type stands for itself
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok && s.Name.Name == name {
						return text[set.Position(s.Pos()).Offset:set.Position(s.End()).Offset], nil
					}
				}
			}
		}
		return "", fmt.Errorf("%s: no function or type %s", file, name)
	}
	head := regexp.MustCompile(`(?m)^([ \t]*)(?:(?:export|default|async|static|function|const|def|class|sub)[ *]+)*` + regexp.QuoteMeta(name) + `(?:[ \t]*[(=:{][^\n]*)$`)
	at := head.FindStringSubmatchIndex(text)
	if at == nil {
		return "", fmt.Errorf("%s: no function %s", file, name)
	}
	indent := text[at[2]:at[3]]
	end := at[1]
	for end < len(text) {
		next := end + 1
		stop := strings.IndexByte(text[next:], '\n')
		if stop < 0 {
			return text[at[0]:], nil
		}
		line := text[next : next+stop]
		rest := strings.TrimLeft(line, " \t")
		if deep := line[:len(line)-len(rest)]; rest != "" && len(deep) <= len(indent) {
			if rest[0] == ')' || rest[0] == '}' && strings.HasSuffix(strings.TrimSpace(rest), "{") { // the head goes on
				end = next + stop
				continue
			}
			if rest[0] == '}' {
				end = next + stop
			}
			break
		}
		end = next + stop
	}
	return text[at[0]:min(end, len(text))], nil
}

// roots finds where source is, and remembers it.
type roots struct {
	ctx   context.Context
	known map[string]string
}

func (r roots) find(p peer, s source, in string) (string, error) {
	switch {
	case in == "server":
		return p.Dir, nil
	case in == "std":
		root, err := r.command("", "go", "env", "GOROOT")
		return filepath.Join(root, "src"), err
	case s.Dir != "" && in != "":
		return "", fmt.Errorf("in: %s is for libraries that are Go modules", in)
	case s.Dir != "" && filepath.IsAbs(s.Dir):
		return s.Dir, nil
	case s.Dir != "":
		return filepath.Join(p.Dir, s.Dir), nil
	}
	module := s.Module
	if in != "" {
		module = in
	}
	modfile := "go.mod"
	if p.Known != "" {
		if rel, err := filepath.Rel(p.Dir, filepath.Join(p.Known, "go.mod")); err == nil {
			if _, err := os.Stat(filepath.Join(p.Dir, rel)); err == nil {
				modfile = rel
			}
		}
	}
	if s.Module == module {
		version, err := r.command(p.Dir, "go", "list", "-m", "-f", "{{.Version}}", "-modfile="+modfile, module)
		if err != nil {
			return "", err
		}
		if version != p.Version {
			return "", fmt.Errorf("%s has %s at %s and not at %s", filepath.Join(p.Dir, modfile), module, version, p.Version)
		}
	}
	list := []string{"go", "list", "-m", "-f", "{{.Dir}}", "-modfile=" + modfile, module}
	dir, err := r.command(p.Dir, list...)
	if err != nil || dir != "" {
		return dir, err
	}
	// Its go.mod alone is there.
	if _, err := r.command(p.Dir, "go", "mod", "download", "-modfile="+modfile, module); err != nil {
		return "", err
	}
	delete(r.known, p.Dir+" "+strings.Join(list, " "))
	if dir, err = r.command(p.Dir, list...); err == nil && dir == "" {
		err = fmt.Errorf("go list finds no folder of %s for %s", module, filepath.Join(p.Dir, modfile))
	}
	return dir, err
}

func (r roots) command(dir string, args ...string) (string, error) {
	key := dir + " " + strings.Join(args, " ")
	if out, ok := r.known[key]; ok {
		return out, nil
	}
	cmd := exec.CommandContext(r.ctx, args[0], args[1:]...)
	cmd.Dir = dir
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	text := strings.TrimSpace(string(out))
	r.known[key] = text
	return text, nil
}

// checkEvidence holds every reason of the baselines, and of what valid stories are
// refused for, against the source it speaks of, and says how many there were. Without
// look, for want of the source, only that the rows and the reasons fit.
func checkEvidence(ctx context.Context, all []peer, e *evidence, look bool, w io.Writer) error {
	find := roots{ctx, map[string]string{}}
	var faults []error
	used := make([]bool, len(e.Rows))
	reasons, passages := map[string]bool{}, 0
	holds := func(p peer, r shown) error {
		for _, s := range r.Shows {
			root, err := find.find(p, e.Libraries[p.Library], s.In)
			if err == nil {
				err = s.check(root)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	for _, p := range all {
		if _, ok := e.Libraries[p.Library]; !ok {
			continue
		}
		file := p.file("baseline.yaml")
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		b, err := reports.ParseBaseline(file, data)
		if err != nil {
			return err
		}
		given := make([]string, len(b.Entries))
		for i, entry := range b.Entries {
			given[i] = entry.Reason
		}
		if p.Sound {
			more, err := p.unsupported()
			if err != nil {
				return err
			}
			for _, m := range more {
				given = append(given, m.Reason)
			}
		}
		done := map[string]bool{}
		for _, reason := range given {
			if done[reason] {
				continue
			}
			done[reason] = true
			reasons[p.Library+" "+reason] = true
			shows := false
			for i, r := range e.Rows {
				if r.Library != p.Library || r.Reason != reason || len(r.Versions) > 0 && !slices.Contains(r.Versions, p.Version) {
					continue
				}
				used[i], shows = true, true
				passages += len(r.Shows)
				if !look {
					continue
				}
				if err := holds(p, r); err != nil {
					faults = append(faults, fmt.Errorf("%s: %q: %w", p.Name, r.Reason, err))
				}
			}
			if !shows {
				faults = append(faults, fmt.Errorf("%s: nothing in %s shows %q", p.Name, evidenceFile, reason))
			}
		}
		for i, r := range e.Rows {
			if r.Library != p.Library {
				continue
			}
			if slices.Contains(r.Versions, p.Version) && !done[r.Reason] {
				faults = append(faults, fmt.Errorf("%s: evidence[%d] is for %s, which does not say %q", evidenceFile, i, p.Version, r.Reason))
			}
			if r.Until == p.Version {
				if done[r.Reason] {
					faults = append(faults, fmt.Errorf("%s: %s says %q is mended there", p.Name, evidenceFile, r.Reason))
				} else if !look {
					continue
				} else if err := holds(p, r); err == nil {
					faults = append(faults, fmt.Errorf("%s: %q should be mended, and the passages that show it still hold", p.Name, r.Reason))
				} else if d := (differs{}); !errors.As(err, &d) {
					faults = append(faults, fmt.Errorf("%s: %q: %w", p.Name, r.Reason, err))
				}
			}
		}
	}
	for i, r := range e.Rows {
		if !used[i] {
			faults = append(faults, fmt.Errorf("%s: evidence[%d] is for a reason that no baseline gives: %q", evidenceFile, i, r.Reason))
		}
		for _, v := range append(slices.Clone(r.Versions), r.Until) {
			if v != "" && !slices.ContainsFunc(all, func(p peer) bool { return p.Library == r.Library && p.Version == v }) {
				faults = append(faults, fmt.Errorf("%s: evidence[%d]: %s %s is not among the peers", evidenceFile, i, r.Library, v))
			}
		}
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	fmt.Fprintf(w, "%d reasons, each shown in the source of every version that it is said of (%d passages)\n", len(reasons), passages)
	if names := without(e, all); len(names) > 0 {
		fmt.Fprintf(w, "without evidence yet: %s\n", strings.Join(names, ", "))
	}
	return nil
}

// refusal is a row of unsupported.yaml, of which this tool needs the reason.
type refusal struct {
	Reason string `yaml:"reason"`
	Chance bool   `yaml:"chance"` // now and then
}

// unsupported returns what the valid stories are refused for.
func (p peer) unsupported() ([]refusal, error) {
	file := p.file("unsupported.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list struct {
		Unsupported []refusal `yaml:"unsupported"`
	}
	if err := yaml.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return list.Unsupported, nil
}

// without are the libraries that the evidence has nothing on.
func without(e *evidence, all []peer) []string {
	var names []string
	for _, p := range all {
		if _, ok := e.Libraries[p.Library]; !ok && !slices.Contains(names, p.Library) {
			names = append(names, p.Library)
		}
	}
	return names
}
