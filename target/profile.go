package target

import (
	"fmt"
)

// Error is a fault of a profile file. It prints as one line that names the
// place and the mend.
type Error struct {
	File         string
	Line, Column int
	// Path is the place inside the document: ceremonies.registration.steps[1].path.
	Path string
	// Message says what is wrong and, in brackets, the mend.
	Message string
}

func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	}
	if e.Path != "" {
		s += ": " + e.Path
	}
	return s + ": " + e.Message
}

// Profile says how to speak to a Relying Party. It is made by LoadProfile or
// LoadDialect and does not change afterwards.
type Profile struct {
	name string
}

// Dialects lists the names of the embedded dialects, sorted.
func Dialects() []string { return nil }

// LoadDialect loads an embedded dialect by name.
func LoadDialect(name string) (*Profile, error) {
	return nil, &Error{File: name, Message: "no such dialect"}
}

// LoadProfile reads a profile file. A profile may extend an embedded dialect.
// Every fault is an *Error with line and column.
func LoadProfile(filename string, data []byte) (*Profile, error) {
	return nil, &Error{File: filename, Message: "empty profile"}
}
