package target

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestAdapterKey(t *testing.T) {
	p, err := LoadProfile("a.yaml", []byte("extends: fido\nadapter:\n  command: [python3, -B, rp.py, 1]\n  dir: sub/dir\n  env: {A: b, N: 2, T: true, E: ''}\n"))
	if err != nil {
		t.Fatal(err)
	}
	a, ok := p.Adapter()
	if !ok || !slices.Equal(a.Command, []string{"python3", "-B", "rp.py", "1"}) || a.Dir != "sub/dir" || !maps.Equal(a.Env, map[string]string{"A": "b", "N": "2", "T": "true", "E": ""}) {
		t.Errorf("got %+v", a)
	}
	a.Command[0], a.Env["A"] = "changed", "changed"
	if b, _ := p.Adapter(); b.Command[0] != "python3" || b.Env["A"] != "b" {
		t.Error("the profile can be changed from outside")
	}
	if p, err = LoadDialect("fido"); err != nil {
		t.Fatal(err)
	}
	if _, ok := p.Adapter(); ok {
		t.Error("a dialect has no adapter")
	}
}

func TestAdapterKeyErrors(t *testing.T) {
	for _, tc := range []struct{ name, adapter, want string }{
		{"text", "{command: python3 rp.py}", "a.yaml:2:20: adapter.command: this is a string (write a list: [python3, rp.py])"},
		{"empty", "{command: []}", "no program (write command: [python3, rp.py])"},
		{"blank", "{command: ['', x]}", `adapter.command[0]: "" can be no program`},
		{"none", "{dir: x}", "adapter: no command"},
		{"bare", "rp.py", "(write a mapping with some of command, dir, env)"},
		{"word", "{command: [a, {b: c}]}", "adapter.command[1]: this is a mapping (write a string)"},
		{"nul", `{command: [a, "b\0c"]}`, "can be no program or argument"},
		{"key", "{comand: [a]}", "did you mean command?"},
		{"env list", "{command: [a], env: [A=b]}", "adapter.env: this is a list (write NAME: value)"},
		{"env name", "{command: [a], env: {A=: b}}", "can be no environment variable"},
		{"url", "{command: [a]}\ntarget: {url: 'https://rp.test'}", "so is target.url (take one of the two away)"},
		{"dialect", "{command: [a]}\nextends: dfns", "an adapter speaks the dialect fido, not dfns"},
	} {
		text := "adapter: " + tc.adapter + "\n"
		if !strings.Contains(text, "extends:") {
			text = "extends: fido\n" + text
		}
		_, err := LoadProfile("a.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q in it", tc.name, err, tc.want)
		}
	}
}

// The schema and the loader take the same.
func TestAdapterKeySchema(t *testing.T) {
	for text, fine := range map[string]bool{
		"{command: [python3, rp.py], dir: x, env: {A: b}}": true,
		"{command: [a, 1]}":         true,
		"{command: []}":             false,
		"{command: a}":              false,
		"{dir: x}":                  false,
		"{command: [a], env: [b]}":  false,
		"{command: [a], shell: sh}": false,
	} {
		data := []byte("extends: fido\nadapter: " + text + "\n")
		j, err := yaml.YAMLToJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		if off := validate("file", "profile", j); (len(off) == 0) != fine {
			t.Errorf("the schema on %s: %v", text, off)
		}
		if _, err := LoadProfile("a.yaml", data); (err == nil) != fine {
			t.Errorf("the loader on %s: %v", text, err)
		}
	}
}
