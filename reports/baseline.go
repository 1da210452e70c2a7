package reports

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// A Baseline is a list of accepted results: what is known not to pass, and why
// that is accepted for now. Everything it lists still runs, and an entry whose
// checks pass is itself an offence, so that the list only ever tells the truth.
type Baseline struct {
	// File is where it was read from.
	File    string          `json:"-" yaml:"-"`
	Entries []BaselineEntry `json:"accepted" yaml:"accepted"`
}

// ParseBaseline reads a baseline, YAML or JSON:
//
//	accepted:
//	  - id: registration.client-data.type-is-get
//	    dialect: dfns          # optional, like target and client; * is a wild card
//	    verdict: fail          # fail, warn, not-testable or error
//	    message: status ok     # optional; must occur in the check's message
//	    reason: known since March, fixed in the next release
//
// Errors name the file and, where there is one, the line.
func ParseBaseline(file string, data []byte) (b *Baseline, err error) {
	defer func() {
		// The YAML reader is not ours; what it cannot take must not take us down.
		if p := recover(); p != nil {
			b, err = nil, fmt.Errorf("%s: not a baseline: the YAML cannot be read: %v", file, p)
		}
	}()
	out := Baseline{File: file}
	if err := yaml.UnmarshalWithOptions(data, &out, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: not a baseline: %s", file, yamlMessage(err))
	}
	for i, e := range out.Entries {
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("%s: accepted[%d]: %w", file, i, err)
		}
		if first := slices.Index(out.Entries[:i], e); first >= 0 {
			return nil, fmt.Errorf("%s: accepted[%d] is the same as accepted[%d]", file, i, first)
		}
	}
	return &out, nil
}

// yamlMessage makes one line of the YAML reader's error: position and message.
func yamlMessage(err error) string {
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil && at.GetToken().Position != nil {
		p := at.GetToken().Position
		return fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, oneLine(at.GetMessage()))
	}
	return oneLine(err.Error())
}

func (e BaselineEntry) check() error {
	switch {
	case e.ID == "":
		return errors.New("id is missing: name the check, such as registration.client-data.type-is-get")
	case strings.TrimSpace(e.Reason) == "":
		return fmt.Errorf("%s: reason is missing: say why this is accepted", oneLine(e.ID))
	case e.Verdict == "":
		return fmt.Errorf("%s: verdict is missing: one of fail, warn, not-testable, error", oneLine(e.ID))
	case e.Verdict == Pass || e.Verdict == NotApplicable:
		return fmt.Errorf("%s: verdict %s needs no accepting: one of fail, warn, not-testable, error", oneLine(e.ID), e.Verdict)
	}
	if _, err := ParseVerdict(string(e.Verdict)); err != nil {
		return fmt.Errorf("%s: %w", oneLine(e.ID), err)
	}
	return nil
}

// String names the entry for a person.
func (e BaselineEntry) String() string {
	s := e.ID
	for _, p := range []struct{ name, value string }{
		{"target", e.Target}, {"dialect", e.Dialect}, {"client", e.Client}, {"message", e.Message},
	} {
		if p.value != "" {
			s += " " + p.name + " " + p.value
		}
	}
	return s + ": " + string(e.Verdict) + " (" + e.Reason + ")"
}

// covers reports whether the entry is about the check, whatever its verdict.
func (e BaselineEntry) covers(c *Check) bool {
	return matchesAny(e.ID, append([]string{c.ID}, c.Aliases...)) &&
		(e.Target == "" || match(e.Target, c.Target)) &&
		(e.Dialect == "" || match(e.Dialect, c.Dialect)) &&
		(e.Client == "" || match(e.Client, c.Client))
}

// accepts reports whether the entry covers the check and accepts its verdict.
func (e BaselineEntry) accepts(c *Check) bool {
	return e.Verdict == c.Verdict && strings.Contains(c.Message, e.Message) && e.covers(c)
}

func matchesAny(pattern string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return match(pattern, n) })
}

// match reports whether name fits pattern, in which * stands for any run of characters.
func match(pattern, name string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	for _, p := range parts[:len(parts)-1] {
		at := strings.Index(name, p)
		if at < 0 {
			return false
		}
		name = name[at+len(p):]
	}
	return strings.HasSuffix(name, parts[len(parts)-1])
}

// Apply returns a copy of r in which the checks that b accepts say so
// (Check.Accepted), and Report.Baseline tells what the baseline did. The
// verdicts stay as they are. Applying a baseline again replaces the earlier one.
func (b *Baseline) Apply(r *Report) *Report {
	out := r.settled()
	use := &BaselineUse{File: b.File}
	used := make([]bool, len(b.Entries))
	for i := range out.Checks {
		c := &out.Checks[i]
		c.Accepted = ""
		var says *BaselineEntry
		for j := range b.Entries {
			e := &b.Entries[j]
			if !e.covers(c) {
				continue
			}
			used[j] = true
			if says == nil {
				says = e
			}
			if e.accepts(c) {
				c.Accepted = e.Reason
				use.Accepted++
				break
			}
		}
		if c.Verdict == Pass && says != nil {
			use.Unexpected = append(use.Unexpected, UnexpectedPass{
				ID: c.ID, Target: c.Target, Dialect: c.Dialect, Client: c.Client, Verdict: says.Verdict, Reason: says.Reason,
			})
		}
	}
	for j, e := range b.Entries {
		if !used[j] {
			use.Unused = append(use.Unused, e)
		}
	}
	out.Baseline = use
	return out
}

// NewBaseline returns a baseline that accepts every scored check of r that is
// fail, not-testable or error (and warn, if strict): an entry each, narrowed to
// its target, dialect and client. Reasons are taken over from old (which may be
// nil) where it has an entry for the check, else they are the given reason.
func NewBaseline(r *Report, old *Baseline, reason string, strict bool) (*Baseline, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, errors.New("a baseline needs a reason: say why these results are accepted")
	}
	out := &Baseline{Entries: []BaselineEntry{}}
	s := r.settled()
	for i := range s.Checks {
		c := s.Checks[i]
		c.Accepted = "" // what an earlier baseline accepted is what this one is about
		if !c.Red(strict) {
			continue
		}
		e := BaselineEntry{
			ID: c.ID, Target: c.Target, Dialect: c.Dialect, Client: c.Client, Verdict: c.Verdict, Reason: reason,
		}
		if old != nil {
			if at := slices.IndexFunc(old.Entries, func(o BaselineEntry) bool { return o.accepts(&c) }); at >= 0 {
				e.Reason = old.Entries[at].Reason
				e.Message = old.Entries[at].Message
			}
		}
		if e.Target == e.Dialect {
			e.Target = ""
		}
		out.Entries = append(out.Entries, e)
	}
	slices.SortStableFunc(out.Entries, func(a, b BaselineEntry) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// YAML returns the baseline as a file that ParseBaseline reads.
func (b *Baseline) YAML() ([]byte, error) {
	head := "# Results that are known and accepted. Each still runs; one that passes makes the run fail\n" +
		"# until its entry is taken out.\n"
	if len(b.Entries) == 0 {
		return []byte(head + "accepted: []\n"), nil
	}
	body, err := yaml.MarshalWithOptions(b, yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("write baseline: %w", err)
	}
	return append([]byte(head), body...), nil
}
