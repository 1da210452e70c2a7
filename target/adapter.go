package target

import (
	"maps"
	"slices"
	"strings"
)

// AdapterSpec is a profile's key adapter: the program that is the Relying Party.
type AdapterSpec struct {
	// Command is the program and its arguments, Dir its working directory, which is
	// relative to the profile's file; empty is the file's own folder.
	Command []string
	Dir     string
	// Env is added to the environment.
	Env map[string]string
}

// Adapter is the program that the profile says is to be started and spoken to in
// place of a server; ok is false where it names none.
func (p *Profile) Adapter() (spec AdapterSpec, ok bool) {
	if p.adapter == nil {
		return AdapterSpec{}, false
	}
	return AdapterSpec{slices.Clone(p.adapter.Command), p.adapter.Dir, maps.Clone(p.adapter.Env)}, true
}

// RPID is the RP ID that the profile names; empty: none.
func (p *Profile) RPID() string { return p.rpID }

// Origin is the origin that the profile names; empty: none.
func (p *Profile) Origin() string { return p.origin }

// AdapterDialect is the dialect in which adapters are spoken to.
const AdapterDialect = "fido"

func (l *loader) adapter(n *node) {
	if n == nil || !l.fields(n, "command", "dir", "env") {
		return
	}
	if l.p.dialect != "" && l.p.dialect != AdapterDialect {
		l.fail(n.keyErrorf("an adapter speaks the dialect %s, not %s (write extends: %s)", AdapterDialect, l.p.dialect, AdapterDialect))
	}
	if l.p.url != "" {
		l.fail(n.keyErrorf("an adapter is the Relying Party, and so is target.url (take one of the two away)"))
	}
	a := &AdapterSpec{Dir: l.string(n.get("dir")), Env: map[string]string{}}
	c := n.get("command")
	switch {
	case c == nil:
		l.lacks(n, "command", "no command (write command: [python3, rp.py])")
		return
	case c.kind != listNode:
		l.fail(c.errorf("this is %s (write a list: [python3, rp.py])", c.kind))
		return
	case len(c.items) == 0:
		l.fail(c.errorf("no program (write command: [python3, rp.py])"))
		return
	}
	for i, item := range c.items {
		word := l.string(item)
		if item.scalar() && (i == 0 && strings.TrimSpace(word) == "" || strings.Contains(word, "\x00")) {
			l.fail(item.errorf("%q can be no program or argument (write command: [python3, rp.py])", word))
		}
		a.Command = append(a.Command, word)
	}
	if e := n.get("env"); e != nil {
		if e.kind != mapNode {
			l.fail(e.errorf("this is %s (write NAME: value)", e.kind))
			return
		}
		for _, k := range e.keys {
			a.Env[k] = l.string(e.fields[k])
			if e.fields[k].scalar() && (k == "" || strings.ContainsAny(k, "=\x00") || strings.Contains(a.Env[k], "\x00")) {
				l.fail(e.fields[k].keyErrorf("this can be no environment variable (letters, digits, underscores)"))
			}
		}
	}
	l.p.adapter = a
}
