package target

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

// Error is a fault of a profile file. It prints as one line that names the
// place and the mend.
type Error struct {
	File         string
	Line, Column int
	// Path is the place inside the document: ceremonies.registration.steps[1].path.
	Path string
	// Pointer is the same as a JSON Pointer (RFC 6901): /ceremonies/registration/steps/1/path.
	Pointer string
	// Message says what is wrong and, in brackets, the mend.
	Message string
}

func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	}
	if e.Path != "" {
		s += ": " + oneLine(e.Path)
	}
	return s + ": " + e.Message
}

// Profile says how to speak to a Relying Party. It is made by LoadProfile or
// LoadDialect and does not change afterwards.
type Profile struct {
	name, dialect, title string
	documents            []string
	url, rpID, origin    string
	hosts                []string // further servers that a step's address may be at
	sendsCookies         bool     // cookies' values are sent in other places than the Cookie header
	metadata             string   // address to serve the suite's metadata on
	adapter              *AdapterSpec
	vars                 map[string]*varDef
	headers              []namedTemplate
	features             map[string]Feature

	userName, userDisplayName, userPassword *template

	create, login, reset []*step
	ceremonies           map[string]*ceremonySpec
	procedures           map[string]*ceremonySpec
	probe                *step
	loggedIn, loggedOut  *expr
}

// Dialects lists the names of the embedded dialects that stand on their own, sorted.
func Dialects() []string { return embedded(false) }

// Variants lists the names of the embedded dialects that extend another one
// with a form that only some documents or clients have, sorted.
func Variants() []string { return embedded(true) }

func embedded(extending bool) []string {
	var names []string
	for _, name := range fixtures.DialectNames() {
		data, err := fixtures.Dialect(name)
		if err != nil {
			continue
		}
		root, err := parseYAML(dialectFile(name), data)
		if err == nil && (root.get("extends") != nil) == extending {
			names = append(names, name)
		}
	}
	return names
}

// LoadDialect loads an embedded dialect or variant by name.
func LoadDialect(name string) (*Profile, error) {
	if !slices.Contains(fixtures.DialectNames(), name) {
		hint := fmt.Sprintf("one of %v", fixtures.DialectNames())
		if near := nearest(name, fixtures.DialectNames()); near != "" {
			hint = "did you mean " + near + "?"
		}
		return nil, fmt.Errorf("no dialect %q (%s)", oneLine(name), hint)
	}
	data, err := fixtures.Dialect(name)
	if err != nil {
		return nil, fmt.Errorf("dialect %s: %w", name, err)
	}
	return LoadProfile(dialectFile(name), data)
}

// LoadProfile reads a profile file. A profile may extend an embedded dialect.
// The filename is only for messages. Every fault is an *Error with line and column,
// of which the first is returned; CheckProfile returns all.
func LoadProfile(filename string, data []byte) (*Profile, error) {
	c := checkProfile(filename, data)
	if len(c.Faults) > 0 {
		return nil, c.Faults[0]
	}
	return c.Profile, nil
}

// Findings are what CheckProfile found.
type Findings struct {
	// Profile is what was read; nil where there are faults.
	Profile *Profile
	// Faults make a profile unusable. Notes are what a person should look at.
	Faults, Notes []*Error
}

// CheckProfile reads a profile file as LoadProfile does and tells all that it
// finds, in the order of the file's lines.
func CheckProfile(filename string, data []byte) Findings {
	c := checkProfile(filename, data)
	for _, list := range [][]*Error{c.Faults, c.Notes} {
		slices.SortStableFunc(list, func(a, b *Error) int {
			// Those of the file itself come before those of what it extends.
			return cmp.Or(boolOrder(a.File != filename, b.File != filename), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
	}
	return c
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func checkProfile(filename string, data []byte) Findings {
	var c Findings
	root, errs := readRoot(filename, data)
	for _, err := range errs {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{File: filename, Message: oneLine(err.Error())}
		}
		c.Faults = append(c.Faults, e)
	}
	if root == nil {
		return c
	}
	l := loadProfile(root)
	c.Faults, c.Notes = append(c.Faults, l.faults...), l.notes
	if len(c.Faults) == 0 {
		c.Profile = l.p
	}
	return c
}

// Name is the profile's name, by default its dialect's.
func (p *Profile) Name() string { return p.name }

// Dialect is the name of the dialect that the profile speaks.
func (p *Profile) Dialect() string { return p.dialect }

// MetadataAddress is where the Relying Party expects the suite's metadata BLOBs
// to be served during a run, as host:port; empty: nowhere.
func (p *Profile) MetadataAddress() string { return p.metadata }

// Title is a line for people.
func (p *Profile) Title() string { return p.title }

// Documents are the documents that the profile follows.
func (p *Profile) Documents() []string { return slices.Clone(p.documents) }

// Ceremonies lists the kinds of ceremony that the profile has, sorted.
func (p *Profile) Ceremonies() []string {
	var kinds []string
	for k := range p.ceremonies {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	return kinds
}

// Feature says what the profile declares about a feature or policy; the zero
// Feature where it says nothing.
func (p *Profile) Feature(name string) Feature { return p.features[name] }

// SecretVar says whether a var of the profile is a secret: one that comes from the
// environment, or is declared so.
func (p *Profile) SecretVar(name string) bool { v := p.vars[name]; return v != nil && v.secret }

// HasTarget says whether the profile names a URL of its own.
func (p *Profile) HasTarget() bool { return p.url != "" }
