package rp

import (
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// Bug is one deliberate deviation that Config.Bug can name.
type Bug = ceremony.Bug

// httpBug is a bug of the HTTP face: it stands around the server's answer.
type httpBug struct {
	Bug
	leaveOut []string
	// configure changes what the RP is told of itself.
	configure func(*Config)
	around    func(w http.ResponseWriter, r *http.Request, answer http.HandlerFunc)
}

// Bugs are all deliberate defects: those of the core, which every dialect has,
// those of the HTTP face, and those of single dialects.
func Bugs() []Bug {
	all := ceremony.Bugs()
	for _, b := range httpBugs() {
		all = append(all, b.Bug)
	}
	return all
}

// httpBugs are the bugs that are not the core's.
var httpBugs = sync.OnceValue(func() []httpBug {
	return slices.Concat(sessionBugs(), failOpenBugs(), formBugs(), wireBugs(), crashBugs(), strictBodyBugs(), vendorBugs(), strangerBugs())
})

// bent makes the configuration that of an RP with Config.Bug, and tells what
// stands around its answers; nil: nothing.
func (c Config) bent() (Config, func(http.ResponseWriter, *http.Request, http.HandlerFunc), error) {
	if c.Bug == "" {
		return c, nil, nil
	}
	for _, b := range httpBugs() {
		if b.Name == c.Bug {
			c.Bug, c.LeaveOut = "", slices.Concat(c.LeaveOut, b.leaveOut)
			c.Policy = c.Policy.And(b.Policy)
			if b.configure != nil {
				b.configure(&c)
			}
			return c, b.around, nil
		}
	}
	if _, err := FindBug(c.Bug); err != nil {
		return c, nil, fmt.Errorf("rp: %w", err)
	}
	return c, nil, nil
}

// FindBug finds a bug by its name; the error names the nearest.
func FindBug(name string) (Bug, error) {
	var names []string
	for _, b := range Bugs() {
		if b.Name == name {
			return b, nil
		}
		names = append(names, b.Name)
	}
	return Bug{}, fmt.Errorf("there is no bug %.60q; the nearest is %s", name, ceremony.Nearest(name, names))
}
