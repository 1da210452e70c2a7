package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// event is one line of go test -json (go doc test2json).
type event struct {
	Action      string
	Package     string
	Test        string
	Elapsed     float64
	Output      string
	ImportPath  string // build-output and build-fail: the package being built
	FailedBuild string // fail: the ImportPath whose build broke this package
}

// summary collects the events of one run.
type summary struct {
	out      io.Writer
	trim     string
	packages map[string]*pkg
	builds   map[string][]string // ImportPath -> what the compiler said
	skips    []skip
	passed   int
	failed   int
	skipped  int
}

type pkg struct {
	path   string
	output []string // lines that belong to no test
	tests  map[string]*test
	order  []string
	done   bool
}

type test struct {
	name     string
	verdict  string // pass, fail, skip; empty while it runs
	output   []string
	children bool
	ended    bool // has printed its verdict line
}

// skip is one test, or one Ginkgo spec, that did not run.
type skip struct {
	where  string
	reason string
}

// harmless reports whether the reason is one of those that -fail-on-skip lets pass.
func (s skip) harmless() bool {
	for _, prefix := range harmless {
		if strings.HasPrefix(s.reason, prefix) {
			return true
		}
	}
	return false
}

// harmless are the starts of reasons that leave nothing untested: "optional:" for
// a test that only adds to others, "not applicable:" for a question that the
// subject rules out, whatever is installed.
var harmless = []string{"optional:", "not applicable:"}

// harmlessWords is harmless as a sentence has it.
func harmlessWords() string {
	var quoted []string
	for _, prefix := range harmless {
		quoted = append(quoted, strconv.Quote(prefix))
	}
	return strings.Join(quoted, " or ")
}

func newSummary(out io.Writer, trim string) *summary {
	return &summary{out: out, trim: trim, packages: map[string]*pkg{}, builds: map[string][]string{}}
}

// read takes events until the stream ends. Lines that are no events are passed
// through: they come from a wrapper around go test, and somebody meant them to be read.
func (s *summary) read(r io.Reader) error {
	br := bufio.NewReader(r)
	for {
		line, err := br.ReadString('\n')
		if trimmed := strings.TrimSpace(line); trimmed != "" {
			var e event
			if !strings.HasPrefix(trimmed, "{") || json.Unmarshal([]byte(trimmed), &e) != nil || e.Action == "" {
				fmt.Fprintln(s.out, strings.TrimRight(line, "\r\n"))
			} else {
				s.add(e)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *summary) add(e event) {
	switch e.Action {
	case "build-output":
		s.builds[e.ImportPath] = append(s.builds[e.ImportPath], e.Output)
		return
	case "build-fail":
		return // the fail event of the package names it
	}
	if e.Package == "" {
		return
	}
	p := s.packages[e.Package]
	if p == nil {
		p = &pkg{path: e.Package, tests: map[string]*test{}}
		s.packages[e.Package] = p
	}
	if e.Test == "" {
		switch e.Action {
		case "output":
			p.output = append(p.output, e.Output)
		case "pass", "fail", "skip":
			s.endPackage(p, e)
		}
		return
	}
	t := p.test(e.Test)
	switch e.Action {
	case "output":
		if t.ended {
			// go test blames whoever spoke last for what the process says as it dies,
			// and that may be a test that has passed.
			p.output = append(p.output, e.Output)
			return
		}
		t.output = append(t.output, e.Output)
		t.ended = verdictLine.MatchString(e.Output)
	case "pass", "fail", "skip":
		t.verdict = e.Action
		if e.Action == "pass" && !ginkgoTally.MatchString(plain(t.output)) {
			t.output = nil // a long run must not hold what nobody will read
		}
	}
}

// test returns the test of that name, new if need be, and marks its parents.
func (p *pkg) test(name string) *test {
	t := p.tests[name]
	if t == nil {
		t = &test{name: name}
		p.tests[name] = t
		p.order = append(p.order, name)
		for parent := name; ; {
			slash := strings.LastIndexByte(parent, '/')
			if slash < 0 {
				break
			}
			parent = parent[:slash]
			if up := p.tests[parent]; up != nil {
				up.children = true
			}
		}
	}
	return t
}

// endPackage counts the tests of p and prints its line, with the output of what failed.
func (s *summary) endPackage(p *pkg, e event) {
	p.done = true
	var passed, failed, skipped int
	var blame []*test
	for _, name := range p.order {
		t := p.tests[name]
		switch t.verdict {
		case "pass", "skip":
		default:
			// A test without a verdict was running when the process died.
			t.verdict = "fail"
		}
		if tally := ginkgoTally.FindStringSubmatch(plain(t.output)); tally != nil {
			ok, bad, sk := number(tally[1]), number(tally[2]), number(tally[3])+number(tally[4])
			if t.verdict == "fail" {
				blame = append(blame, t)
				bad = max(bad, 1) // a suite can fail outside any spec
			}
			passed, failed, skipped = passed+ok, failed+bad, skipped+sk
			s.skips = append(s.skips, s.specSkips(p, t, sk)...)
			continue
		}
		switch {
		case t.verdict == "skip":
			skipped++
			s.skips = append(s.skips, skip{s.short(p.path) + " " + t.name, skipReason(t.output)})
		case t.verdict == "fail":
			blame = append(blame, t)
			if !t.children || !p.failedBelow(t.name) {
				failed++
			}
		case !t.children:
			passed++
		}
	}
	// A package can fail with no test of it failing: it does not build, TestMain
	// says no, the process dies after the last test.
	if e.Action == "fail" && failed == 0 {
		failed = 1
	}
	s.passed, s.failed, s.skipped = s.passed+passed, s.failed+failed, s.skipped+skipped

	for _, t := range blame {
		// Ginkgo colours what it prints even into a pipe.
		fmt.Fprint(s.out, plain(t.output))
	}
	if e.Action == "fail" {
		for _, line := range s.builds[e.FailedBuild] {
			fmt.Fprint(s.out, line)
		}
		for _, line := range p.output {
			if !noise.MatchString(line) {
				fmt.Fprint(s.out, line)
			}
		}
	}
	word := map[string]string{"pass": "ok", "fail": "FAIL", "skip": "-"}[e.Action]
	fmt.Fprintf(s.out, "%-4s  %-40s %7.2fs  %s\n", word, s.short(p.path), e.Elapsed, tallyLine(passed, failed, skipped))
}

// failedBelow reports whether a subtest of the named test failed.
func (p *pkg) failedBelow(name string) bool {
	for _, t := range p.tests {
		if strings.HasPrefix(t.name, name+"/") && t.verdict != "pass" && t.verdict != "skip" {
			return true
		}
	}
	return false
}

// running is the test that started last of those without a verdict, empty when there is none.
func (p *pkg) running() string {
	for i := len(p.order) - 1; i >= 0; i-- {
		if p.tests[p.order[i]].verdict == "" {
			return p.order[i]
		}
	}
	return ""
}

// finish prints the list of skips and the closing line, and says what is wrong with the run.
func (s *summary) finish(failOnSkip bool) error {
	var unfinished []string
	for path, p := range s.packages {
		if !p.done {
			unfinished = append(unfinished, path)
		}
	}
	sort.Strings(unfinished)
	for _, path := range unfinished {
		s.failed++
		line := "the stream ends before its result"
		if running := s.packages[path].running(); running != "" {
			line += ", while it ran " + running
		}
		fmt.Fprintf(s.out, "FAIL  %s: %s\n", s.short(path), line)
	}

	required := 0
	if len(s.skips) > 0 {
		fmt.Fprintf(s.out, "\nskipped:\n")
	}
	for _, group := range groups(s.skips) {
		k := group[0]
		where := k.where
		if n := len(group) - 1; n > 0 {
			where = fmt.Sprintf("%s and %d more", where, n)
		}
		fmt.Fprintf(s.out, "  SKIP  %s: %s\n", where, k.reason)
		if !k.harmless() {
			required += len(group)
		}
	}
	fmt.Fprintf(s.out, "\n%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)

	switch {
	case s.failed > 0:
		return fmt.Errorf("%d failed", s.failed)
	case s.passed+s.skipped == 0:
		return errors.New("no test ran")
	case failOnSkip && required > 0:
		return fmt.Errorf("%d skipped for a reason that does not start with %s, and -fail-on-skip is set", required, harmlessWords())
	}
	return nil
}

// groups puts skips of one package for one reason together, in the order in which they came.
func groups(skips []skip) [][]skip {
	var order [][]skip
	index := map[skip]int{}
	for _, k := range skips {
		pkg, _, _ := strings.Cut(k.where, " ")
		key := skip{pkg, k.reason}
		i, known := index[key]
		if !known {
			i = len(order)
			index[key] = i
			order = append(order, nil)
		}
		order[i] = append(order[i], k)
	}
	return order
}

func (s *summary) short(path string) string { return strings.TrimPrefix(path, s.trim) }

func tallyLine(passed, failed, skipped int) string {
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{passed, "passed"}, {failed, "failed"}, {skipped, "skipped"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	if parts == nil {
		return "no tests"
	}
	return strings.Join(parts, ", ")
}

var (
	noise       = regexp.MustCompile(`^(PASS|FAIL|ok  |FAIL\t)`)
	frame       = regexp.MustCompile(`^(=== |\s*--- SKIP)`)
	verdictLine = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): `)
	skipSource  = regexp.MustCompile(`^\S+\.go:\d+: `)
	ansi        = regexp.MustCompile("\x1b\\[[0-9;]*m")

	// ginkgoTally is the last line of a Ginkgo suite, which is one Go test to go
	// test but as many questions as it has specs.
	ginkgoTally = regexp.MustCompile(`(?m)^(?:SUCCESS|FAIL)! -- (\d+) Passed \| (\d+) Failed \| (\d+) Pending \| (\d+) Skipped`)
	// ginkgoSkip is a line that a suite prints (from a ReportAfterSuite node) for a
	// spec that it leaves out: "SKIP SPEC the.id -- optional: the reason". Ginkgo
	// itself prints no reason unless it is verbose.
	ginkgoSkip = regexp.MustCompile(`(?m)^\s*SKIP SPEC (.+?) -- (.+)$`)
)

// specSkips finds the reasons of n skipped specs; those without one are one entry.
func (s *summary) specSkips(p *pkg, t *test, n int) []skip {
	var skips []skip
	for _, m := range ginkgoSkip.FindAllStringSubmatch(plain(t.output), -1) {
		skips = append(skips, skip{s.short(p.path) + " " + m[1], strings.TrimSpace(m[2])})
	}
	if rest := n - len(skips); rest > 0 {
		skips = append(skips, skip{s.short(p.path) + " " + t.name, fmt.Sprintf("%d specs skipped or pending without a reason", rest)})
	}
	return skips
}

// skipReason is what the test said to t.Skip, on one line.
func skipReason(output []string) string {
	var words []string
	for _, line := range output {
		line = strings.TrimRight(line, "\n")
		if frame.MatchString(line) {
			continue
		}
		line = strings.TrimSpace(line)
		if skipSource.MatchString(line) {
			// What t.Skip says comes last: log lines before it are not the reason.
			words = words[:0]
			line = skipSource.ReplaceAllString(line, "")
		}
		if line != "" {
			words = append(words, line)
		}
	}
	if len(words) == 0 {
		return "no reason given"
	}
	return strings.Join(words, " ")
}

func plain(output []string) string { return ansi.ReplaceAllString(strings.Join(output, ""), "") }

func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0 // more digits than fit: no suite has so many
	}
	return n
}
