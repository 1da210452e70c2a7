package target

import "sort"

// HookInfo documents a hook that a profile may name under hooks.
type HookInfo struct {
	Name, Doc string
	// Functions are what it adds to jq, each of one argument.
	Functions []FunctionInfo
}

// FunctionInfo documents a function of a hook.
type FunctionInfo struct{ Name, Doc string }

// Hooks lists the hooks that there are, by name.
func Hooks() []HookInfo {
	var out []HookInfo
	for _, name := range hookNames() {
		h := HookInfo{Name: name, Doc: hooks[name].doc}
		for _, f := range hooks[name].functions {
			h.Functions = append(h.Functions, FunctionInfo{f.name, f.doc})
		}
		out = append(out, h)
	}
	return out
}

// Functions lists the functions that a profile's jq has beside jq's own, sorted.
func Functions() []string {
	var out []string
	for name := range encodings {
		out = append(out, name)
	}
	for _, f := range functions {
		out = append(out, f.name)
	}
	sort.Strings(out)
	return out
}

// RequestMembers lists the members of .request in a profile's jq, sorted.
func RequestMembers() []string {
	// Only a request with extensions can fail to convert.
	m, _ := Request{}.input()
	var out []string
	for name := range m {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// Vars lists the names of the profile's variables, sorted.
func (p *Profile) Vars() []string {
	var out []string
	for name := range p.vars {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}
