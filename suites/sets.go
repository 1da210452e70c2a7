package suites

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

// CurrentSet is the requirement set that scores when none is named.
const CurrentSet = "webauthn-3@2026-05"

// Set is a requirement set: which checks are asked, at which level, and which of
// them go beyond the W3C's text. A set is frozen by the list of the checks that
// score in it: a check that is added later runs there and does not score, so
// that nobody's gate turns red by itself.
type Set struct {
	// Name is document@date or document@version.
	Name string `yaml:"set"`
	// Title and About say for people what the set is.
	Title string `yaml:"title"`
	About string `yaml:"about"`
	// LeavesOut are the rows of the ledger and the checks that are not of this set, with reasons.
	LeavesOut []LeftOut `yaml:"leaves-out"`
	// RaisedBy are globs of rows that are this set's own: a check that cites one
	// cites it first, and has the level that its keyword gives.
	RaisedBy []string `yaml:"raised-by,omitempty"`
	// Reads gives rows of another document their place in this set's own.
	Reads *Reading `yaml:"reads,omitempty"`

	// pinned is the level of every check that scores, by id; nil: not frozen.
	pinned map[string]Level
}

// LeftOut is what a set does not ask.
type LeftOut struct {
	// Requirements are globs of rows, Checks of checks.
	Requirements []string `yaml:"requirements,omitempty"`
	Checks       []string `yaml:"checks,omitempty"`
	Reason       string   `yaml:"reason"`
}

// Reading maps rows of a later text to an earlier one that says the same.
type Reading struct {
	// Document is the title of the earlier text, Base its address.
	Document string `yaml:"document"`
	Base     string `yaml:"base"`
	// Rows maps globs of row ids to fragments. A row that none matches keeps its
	// own fragment, below Base.
	Rows []struct {
		Requirements string `yaml:"requirements"`
		Anchor       string `yaml:"anchor"`
	} `yaml:"rows"`
	// Of is the glob of the rows that are read so at all.
	Of string `yaml:"of"`
}

var shippedSets = sync.OnceValues(func() ([]*Set, error) { return LoadSets(fixtures.Sets()) })

// Sets are the requirement sets in fixtures/sets, the current one first.
func Sets() ([]*Set, error) { return shippedSets() }

// LoadSets reads every set of a folder. Errors name the file.
func LoadSets(fsys fs.FS) ([]*Set, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	var out []*Set
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		s := &Set{}
		if err := yaml.UnmarshalWithOptions(data, s, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("sets/%s: %w", name, err)
		}
		if s.Name+".yaml" != name {
			return nil, fmt.Errorf("sets/%s: the set is named %q, not as its file", name, s.Name)
		}
		list, err := fs.ReadFile(fsys, s.Name+".checks")
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		default:
			if s.pinned, err = parsePinned(list); err != nil {
				return nil, fmt.Errorf("sets/%s.checks: %w", s.Name, err)
			}
		}
		out = append(out, s)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name == CurrentSet && out[j].Name != CurrentSet })
	return out, nil
}

// parsePinned reads lines of a level and an id.
func parsePinned(list []byte) (map[string]Level, error) {
	pinned := map[string]Level{}
	lines := bufio.NewScanner(bytes.NewReader(list))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		level, id, _ := strings.Cut(line, " ")
		id = strings.TrimSpace(id)
		if l := Level(level); l != Must && l != Should && l != Posture || !validID(id) {
			return nil, fmt.Errorf("line %d: %q is not a level and the id of a check", n, line)
		}
		if pinned[id] != "" {
			return nil, fmt.Errorf("line %d: %s stands here twice", n, id)
		}
		pinned[id] = Level(level)
	}
	return pinned, lines.Err()
}

// FindSet finds a set by its name; empty is CurrentSet. The error names the sets there are.
func FindSet(name string) (*Set, error) {
	sets, err := Sets()
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = CurrentSet
	}
	var names []string
	for _, s := range sets {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return nil, &UnknownSetError{Name: name, Sets: names}
}

// UnknownSetError says that there is no set of that name, and which there are.
type UnknownSetError struct {
	Name string
	Sets []string
}

func (e *UnknownSetError) Error() string {
	return fmt.Sprintf("no requirement set %q", e.Name)
}

// Frozen reports whether the list of the checks that score is pinned.
func (s *Set) Frozen() bool { return s.pinned != nil }

// Put is the check as this set asks it: with the set's level, its rows of the
// ledger, and whether it is stricter than the W3C's text or does not score.
// reason says why the set does not ask it at all; the check is nil then.
func (s *Set) Put(c *Check, ledger *Ledger) (check *Check, reason string) {
	for _, l := range s.LeavesOut {
		if matches(l.Checks, c.ID) {
			return nil, l.Reason
		}
	}
	var own, rest []string
	level, stricter := c.Level, ""
	first := ""
	for i, id := range c.Requirements {
		out := s.leftOut(id)
		if i == 0 {
			first = out
		}
		switch row, ok := ledger.Row(id); {
		case out != "":
		case ok && matches(s.RaisedBy, id):
			own = append(own, id)
			if l := levelOf(row.Keyword); rank(l) > rank(level) {
				level = l
			}
			if stricter == "" {
				stricter = row.Stricter
			}
		default:
			rest = append(rest, id)
		}
	}
	if len(own) == 0 && (first != "" || len(rest) == 0) {
		return nil, first
	}
	put := *c
	put.Requirements, put.Level, put.Stricter = append(own, rest...), level, stricter
	if s.Frozen() {
		if l, ok := s.pinned[c.ID]; ok {
			put.Level = l
		} else {
			put.Unscored = "added after " + s.Name + " was frozen"
		}
	}
	return &put, ""
}

// Choose is what the set asks of the checks, in their order.
func (s *Set) Choose(checks []*Check, ledger *Ledger) []*Check {
	var out []*Check
	for _, c := range checks {
		if put, _ := s.Put(c, ledger); put != nil {
			out = append(out, put)
		}
	}
	return out
}

// leftOut says why a row is not of the set; empty: it is.
func (s *Set) leftOut(requirement string) string {
	for _, l := range s.LeavesOut {
		if matches(l.Requirements, requirement) {
			return l.Reason
		}
	}
	return ""
}

// Requirement is the row as the set cites it.
func (s *Set) Requirement(r *Requirement) Requirement {
	q := *r
	if s.Reads == nil || !globMatch(s.Reads.Of, r.ID) {
		return q
	}
	q.Document = s.Reads.Document
	fragment := ""
	if i := strings.IndexByte(r.Anchor, '#'); i >= 0 {
		fragment = r.Anchor[i:]
	}
	for _, row := range s.Reads.Rows {
		if globMatch(row.Requirements, r.ID) {
			fragment = row.Anchor
			break
		}
	}
	q.Anchor = s.Reads.Base + fragment
	return q
}

// Listing is the frozen form of what the set asks today: a line for each check
// that scores, its level and its id, in the order of ids.
func (s *Set) Listing(checks []*Check, ledger *Ledger) string {
	unfrozen := *s
	unfrozen.pinned = nil
	var lines []string
	for _, c := range unfrozen.Choose(checks, ledger) {
		lines = append(lines, fmt.Sprintf("%-7s %s\n", c.Level, c.ID))
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i][8:] < lines[j][8:] })
	return strings.Join(lines, "")
}

// Digest is over the frozen list: two sets with one digest score the same
// checks at the same levels. It is empty for a set that is not frozen.
func (s *Set) Digest() string {
	if !s.Frozen() {
		return ""
	}
	var lines []string
	for id, l := range s.pinned {
		lines = append(lines, id+" "+string(l)+"\n")
	}
	sort.Strings(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:])[:16]
}

// Scored are the ids that score in a frozen set, sorted.
func (s *Set) Scored() []string {
	ids := make([]string, 0, len(s.pinned))
	for id := range s.pinned {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}

// LintSets reports what is inconsistent in sets, one line a finding: globs that
// match nothing, reasons that are missing, frozen checks that are gone.
func LintSets(sets []*Set, checks []*Check, ledger *Ledger) []string {
	var out []string
	row := func(glob string) bool {
		return slices.ContainsFunc(ledger.Rows(), func(r *Requirement) bool { return globMatch(glob, r.ID) })
	}
	check := func(glob string) bool {
		return slices.ContainsFunc(checks, func(c *Check) bool { return globMatch(glob, c.ID) })
	}
	for _, s := range sets {
		say := func(format string, args ...any) { out = append(out, s.Name+": "+fmt.Sprintf(format, args...)) }
		if s.Title == "" || s.About == "" {
			say("title and about must both be there")
		}
		for _, l := range s.LeavesOut {
			if l.Reason == "" {
				say("leaves out %v without a reason", append(l.Requirements, l.Checks...))
			}
			for _, g := range l.Requirements {
				if !row(g) {
					say("leaves out the rows %s, which match nothing", g)
				}
			}
			for _, g := range l.Checks {
				if !check(g) {
					say("leaves out the checks %s, which match nothing", g)
				}
			}
		}
		for _, g := range s.RaisedBy {
			if !row(g) {
				say("is raised by the rows %s, which match nothing", g)
			}
		}
		if s.Reads != nil {
			for _, r := range s.Reads.Rows {
				if !row(r.Requirements) {
					say("reads the rows %s, which match nothing", r.Requirements)
				}
			}
		}
		for _, id := range s.Scored() {
			if c, ok := Find(id); !ok {
				say("scores %s, which is no longer there", id)
			} else if put, why := s.Put(c, ledger); put == nil {
				say("scores %s and leaves it out: %s", id, why)
			}
		}
	}
	return out
}

func matches(globs []string, s string) bool {
	return slices.ContainsFunc(globs, func(g string) bool { return globMatch(g, s) })
}

// levelOf is the highest level that a keyword allows.
func levelOf(keyword string) Level {
	switch keyword {
	case "MUST":
		return Must
	case "SHOULD":
		return Should
	}
	return Posture
}

func rank(l Level) int { return slices.Index([]Level{Posture, Should, Must}, l) }
