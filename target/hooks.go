package target

import "sort"

// A hook adds functions to the jq of a profile that names it, for what YAML
// could only say by growing a programming language. Keep them few.
type hook struct {
	name, doc string
	functions []hookFunction
}

// hookFunction is a function of one argument. The seed belongs to one user at
// one Relying Party; equal seeds must give equal results.
type hookFunction struct {
	name, doc string
	call      func(seed []byte, arg any) (any, error)
}

var hooks = map[string]*hook{
	dfnsKey.name: dfnsKey,
}

func hookNames() []string {
	var names []string
	for n := range hooks {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
