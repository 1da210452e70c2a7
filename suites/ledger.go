package suites

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"sort"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

// Requirement is one normative statement of a document.
type Requirement struct {
	// ID is document/section/name, such as webauthn-3/7.1/step-7.
	ID string `yaml:"id"`
	// Anchor is a fragment of the document's address, or a whole URL.
	Anchor string `yaml:"anchor"`
	// Keyword is MUST, SHOULD or MAY. Every unqualified step of §7 is a MUST.
	Keyword string `yaml:"keyword"`
	// Text is our paraphrase.
	Text string `yaml:"text"`
	// Wire is false for what no HTTP harness can observe.
	Wire *bool `yaml:"wire,omitempty"`
	// Stricter says in what the row goes beyond the W3C's text; empty: it does not.
	// Such a row scores only in a set that takes it in.
	Stricter string `yaml:"stricter,omitempty"`
	// Unproven is the written reason for a row without a check.
	Unproven string `yaml:"unproven,omitempty"`

	// Document is the title of the document the row is from, Version the edition of it that was read.
	Document string `yaml:"-"`
	Version  string `yaml:"-"`
}

// Testable reports whether the row can be observed over the wire.
func (r *Requirement) Testable() bool { return r.Wire == nil || *r.Wire }

// Section is the part of the document, or the whole document where the id names no part: §7.1, or a word.
func (r *Requirement) Section() string {
	parts := strings.Split(r.ID, "/")
	switch {
	case len(parts) < 3:
		return parts[0]
	case parts[1][0] >= '0' && parts[1][0] <= '9':
		return "§" + parts[1]
	default:
		return parts[1]
	}
}

// Ledger is the list of all requirements.
type Ledger struct {
	rows  map[string]*Requirement
	order []string
}

// Row finds a requirement by id.
func (l *Ledger) Row(id string) (*Requirement, bool) {
	r, ok := l.rows[id]
	return r, ok
}

// Rows lists the requirements in the order of the files.
func (l *Ledger) Rows() []*Requirement {
	out := make([]*Requirement, len(l.order))
	for i, id := range l.order {
		out[i] = l.rows[id]
	}
	return out
}

type ledgerFile struct {
	Spec         string         `yaml:"spec"`
	Title        string         `yaml:"title"`
	Version      string         `yaml:"version"`
	Base         string         `yaml:"base"`
	Requirements []*Requirement `yaml:"requirements"`
}

// LoadLedger reads every *.yaml file at the root of fsys. Errors name the file and the row.
func LoadLedger(fsys fs.FS) (*Ledger, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	l := &Ledger{rows: map[string]*Requirement{}}
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		var f ledgerFile
		if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("%s: %w", path.Base(name), err)
		}
		if f.Title == "" || f.Version == "" {
			return nil, fmt.Errorf("%s: title and version of the document must both be there", name)
		}
		for _, r := range f.Requirements {
			if r.ID == "" || l.rows[r.ID] != nil {
				return nil, fmt.Errorf("%s: requirement %q: the id is empty or used twice", name, r.ID)
			}
			if strings.HasPrefix(r.Anchor, "#") {
				r.Anchor = f.Base + r.Anchor
			}
			r.Document, r.Version = f.Title, f.Version
			l.rows[r.ID] = r
			l.order = append(l.order, r.ID)
		}
	}
	return l, nil
}

var shippedLedger = sync.OnceValues(func() (*Ledger, error) { return LoadLedger(fixtures.Requirements()) })

// ShippedLedger is the ledger in fixtures/requirements.
func ShippedLedger() (*Ledger, error) { return shippedLedger() }

var anchorForm = regexp.MustCompile(`^https://[a-z0-9./-]+/[A-Za-z0-9._/-]*(#[A-Za-z0-9._-]+)?$`)

// LintLedger reports rows that are malformed, and testable rows that no check
// proves and no reason excuses.
func LintLedger(l *Ledger, checks []*Check) []string {
	var out []string
	proven := map[string]bool{}
	for _, c := range checks {
		for _, r := range c.Requirements {
			proven[r] = true
		}
	}
	for _, r := range l.Rows() {
		switch r.Keyword {
		case "MUST", "SHOULD", "MAY":
		default:
			out = append(out, r.ID+": keyword is not MUST, SHOULD or MAY")
		}
		if !anchorForm.MatchString(r.Anchor) {
			out = append(out, r.ID+": anchor "+r.Anchor+" is not an https URL")
		}
		if r.Text == "" {
			out = append(out, r.ID+": no text")
		}
		switch {
		case proven[r.ID] && !r.Testable():
			out = append(out, r.ID+": said not to be wire-testable, yet a check cites it")
		case !proven[r.ID] && r.Testable():
			out = append(out, r.ID+": no check cites it")
		case !r.Testable() && r.Unproven == "":
			out = append(out, r.ID+": no check and no reason")
		}
	}
	return out
}
