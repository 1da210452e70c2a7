package docs

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	yaml "github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchstone-webauthn/touchstone/fixtures"
	"github.com/touchstone-webauthn/touchstone/target"
)

// A key of profiles is in three places: the loader (target/load.go), the schema
// (fixtures/schemas/profile.schema.json) and the table of its mapping in
// profile.md. Whoever adds one adds it to all three; whoever adds a mapping with
// keys of its own also gives it a heading that ends in its `place`, with a table
// below, and a row here: the place, and a profile whose mapping there has the key
// KEY, which the loader must not know.
var places = map[string]string{
	"profile":        `KEY: 1`,
	"target":         `target: {KEY: 1}`,
	"vars.NAME":      `vars: {x: {KEY: 1}}`,
	"features.NAME":  `features: {authentication: {KEY: 1}}`,
	"user":           `user: {KEY: 1}`,
	"account":        `account: {KEY: 1}`,
	"metadata":       `metadata: {KEY: 1}`,
	"adapter":        `adapter: {KEY: 1}`,
	"ceremonies":     `ceremonies: {KEY: 1}`,
	"ceremony":       `ceremonies: {registration: {KEY: 1}}`,
	"ceremony.roles": `ceremonies: {registration: {roles: {KEY: /x}}}`,
	"step":           `ceremonies: {registration: {steps: [{KEY: 1}]}}`,
	"auth":           `ceremonies: {registration: {steps: [{id: a, path: /, auth: {KEY: 1}}]}}`,
	"auth.basic":     `ceremonies: {registration: {steps: [{id: a, path: /, auth: {basic: {KEY: 1}}}]}}`,
	"body":           `ceremonies: {registration: {steps: [{id: a, path: /, body: {KEY: 1}}]}}`,
	"probe":          `probe: {KEY: 1}`,
	"procedure":      `procedures: {x: {KEY: 1}}`,
}

// unheard is no slip of any key that is known.
const unheard = "zzzzzzzzzzzz"

var known = regexp.MustCompile(unheard + `: unknown \w+ \((?:known here: |one of )([^)]*)\)`)

// loaderKeys are the keys that the loader says it knows at a place.
func loaderKeys(profile string) ([]string, error) {
	_, err := target.LoadProfile("test.yaml", []byte("extends: fido\n"+strings.Replace(profile, "KEY", unheard, 1)))
	if err == nil {
		return nil, fmt.Errorf("the loader takes the key %s", unheard)
	}
	m := known.FindStringSubmatch(err.Error())
	if m == nil {
		return nil, fmt.Errorf("the loader does not tell what it knows: %w", err)
	}
	keys := strings.Split(m[1], ", ")
	sort.Strings(keys)
	return keys, nil
}

// schemaWalk collects the mappings of a schema that have keys of their own.
type schemaWalk struct {
	root  map[string]any
	found map[string][]string
	seen  map[string]bool
	bad   []string
}

func (w *schemaWalk) walk(name string, v any) {
	n, ok := v.(map[string]any)
	if !ok {
		return
	}
	if ref, ok := n["$ref"].(string); ok {
		var at any = w.root
		var parts []string
		for _, p := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
			m, _ := at.(map[string]any)
			at = m[p]
			if p != "$defs" && p != "properties" {
				parts = append(parts, p)
			}
		}
		if at == nil {
			w.bad = append(w.bad, "no "+ref)
		}
		name = strings.Join(parts, ".")
		if name == "var" {
			name = "vars.NAME"
		}
		if w.seen[name] {
			return
		}
		w.seen[name] = true
		w.walk(name, at)
		return
	}
	for _, k := range []string{"anyOf", "oneOf", "allOf"} {
		list, _ := n[k].([]any)
		for _, item := range list {
			w.walk(name, item)
		}
	}
	w.walk(name, n["items"])
	w.walk(name+".NAME", n["additionalProperties"])
	properties, ok := n["properties"].(map[string]any)
	if !ok {
		if n["type"] == "object" && n["additionalProperties"] == nil {
			w.bad = append(w.bad, name+" is an object of which the schema says no keys (give it properties or additionalProperties)")
		}
		return
	}
	if n["additionalProperties"] != false {
		w.bad = append(w.bad, name+" takes any key (set additionalProperties to false)")
	}
	for k, p := range properties {
		w.found[name] = append(w.found[name], k)
		below := name + "." + k
		if name == "profile" {
			below = k
		}
		w.walk(below, p)
	}
	sort.Strings(w.found[name])
}

var (
	placeHeading = regexp.MustCompile("(?m)^#+ .*`([^`\n]+)`$")
	keyRow       = regexp.MustCompile("(?m)^\\| `([^`|]+)` \\|")
	yamlBlock    = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
)

// tables are the keys of the first table under each heading, by the heading's place.
func tables(text string) map[string][]string {
	found := map[string][]string{}
	marks := placeHeading.FindAllStringSubmatchIndex(text, -1)
	for _, m := range marks {
		body := text[m[1]:]
		if i := strings.Index(body, "\n#"); i >= 0 {
			body = body[:i]
		}
		var keys []string
		for _, row := range keyRow.FindAllStringSubmatch(body, -1) {
			keys = append(keys, row[1])
		}
		sort.Strings(keys)
		found[text[m[2]:m[3]]] = keys
	}
	return found
}

func profileDocument(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("profile.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestProfileKeys(t *testing.T) {
	data, err := fixtures.Schema("profile")
	if err != nil {
		t.Fatal(err)
	}
	w := &schemaWalk{found: map[string][]string{}, seen: map[string]bool{}}
	if err := json.Unmarshal(data, &w.root); err != nil {
		t.Fatal(err)
	}
	w.walk("profile", map[string]any(w.root))
	for _, bad := range w.bad {
		t.Errorf("profile.schema.json: %s", bad)
	}
	for place := range w.found {
		if places[place] == "" {
			t.Errorf("profile.schema.json has keys at %s: add a row to places in this test, and a heading that ends in `%s` to profile.md", place, place)
		}
	}
	documented := tables(profileDocument(t))
	for place := range documented {
		if places[place] == "" {
			t.Errorf("profile.md has a table of keys at %s, and this test no row in places", place)
		}
	}
	for place, profile := range places {
		loader, err := loaderKeys(profile)
		if err != nil {
			t.Errorf("%s: %v", place, err)
			continue
		}
		for _, set := range []struct {
			name string
			keys []string
		}{{"profile.schema.json", w.found[place]}, {"the table under the heading that ends in `" + place + "` in profile.md", documented[place]}} {
			for _, k := range loader {
				if !slices.Contains(set.keys, k) {
					t.Errorf("%s: the loader knows %s, and %s does not (add it)", place, k, set.name)
				}
			}
			for _, k := range set.keys {
				if !slices.Contains(loader, k) {
					t.Errorf("%s: %s has %s, and the loader does not know it (take it away, or teach the loader)", place, set.name, k)
				}
			}
		}
	}
}

// TestProfileKeysCanFail: the walk, the tables and the loader each see a key that
// only one of them has.
func TestProfileKeysCanFail(t *testing.T) {
	w := &schemaWalk{found: map[string][]string{}, seen: map[string]bool{}, root: map[string]any{"$defs": map[string]any{"d": map[string]any{"properties": map[string]any{"z": map[string]any{"type": "object"}}}}}}
	w.walk("profile", map[string]any{"additionalProperties": false, "properties": map[string]any{"y": map[string]any{"items": map[string]any{"anyOf": []any{map[string]any{"$ref": "#/$defs/d"}}}}}})
	if fmt.Sprint(w.found) != "map[d:[z] profile:[y]]" || len(w.bad) != 2 {
		t.Errorf("the walk found %v and %v", w.found, w.bad)
	}
	if got := fmt.Sprint(tables("# A `a.b`\n\n| key |\n| --- |\n| `k` | x |\n| `j` | x |\n## B\n| `l` | x |\n")); got != "map[a.b:[j k]]" {
		t.Errorf("the tables are %s", got)
	}
	if keys, err := loaderKeys("target: {KEY: 1}"); err != nil || fmt.Sprint(keys) != "[hosts origin rpId url]" {
		t.Errorf("the loader knows %v, %v", keys, err)
	}
	if _, err := loaderKeys("vars: {KEY: 1}"); err == nil {
		t.Error("a place that takes any key has known ones")
	}
}

// TestProfileExamples runs every YAML example of the document through the loader
// and holds it against the schema. One that names no dialect stands over fido.
func TestProfileExamples(t *testing.T) {
	data, err := fixtures.Schema("profile")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("profile.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("profile.json")
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllStringSubmatch(profileDocument(t), -1)
	if len(blocks) < 8 {
		t.Fatalf("only %d examples", len(blocks))
	}
	for i, b := range blocks {
		text := b[1]
		if !regexp.MustCompile(`(?m)^(extends|dialect):`).MatchString(text) {
			text = "extends: fido\n" + text
		}
		if _, err := target.LoadProfile(fmt.Sprintf("example-%d.yaml", i+1), []byte(text)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		j, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Errorf("example %d: %v", i+1, err)
			continue
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(j)))
		if err != nil {
			t.Errorf("example %d: %v", i+1, err)
			continue
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("example %d: %v\n%s", i+1, err, text)
		}
	}
}

// TestProfileReference: the document has each function, hook, member of .request,
// feature and policy, and none that there is not.
func TestProfileReference(t *testing.T) {
	text := profileDocument(t)
	section := func(from, to string) string {
		_, rest, ok := strings.Cut(text, from)
		body, _, end := strings.Cut(rest, to)
		if !ok || !end {
			t.Fatalf("profile.md has no %q or nothing behind it that begins with %q", from, to)
		}
		return body
	}
	rows := func(body string) []string {
		var names []string
		for _, m := range keyRow.FindAllStringSubmatch(body, -1) {
			names = append(names, m[1])
		}
		return names
	}
	var features, policies, hooks []string
	for _, f := range target.Features() {
		values := "`" + strings.Join(f.Values, "`, `") + "`"
		row := fmt.Sprintf("| `%s` | %s | %s |", f.Name, strings.ReplaceAll(values, "`*`", "any text"), f.Doc)
		if !strings.Contains(text, row+"\n") {
			t.Errorf("profile.md lacks the row (paste it)\n%s", row)
		}
		if f.Policy {
			policies = append(policies, f.Name)
		} else {
			features = append(features, f.Name)
		}
	}
	for _, h := range target.Hooks() {
		hooks = append(hooks, h.Name)
		var functions []string
		for _, f := range h.Functions {
			functions = append(functions, "`"+f.Name+"`")
		}
		if row := fmt.Sprintf("| `%s` | %s | %s |", h.Name, strings.Join(functions, ", "), h.Doc); !strings.Contains(text, row+"\n") {
			t.Errorf("profile.md lacks the row (paste it)\n%s", row)
		}
	}
	for _, set := range []struct {
		what, from, to string
		want           []string
	}{
		{"function", "\n| function |", "\n\n", target.Functions()},
		{"member of .request", "\n| member |", "\n\n", target.RequestMembers()},
		{"hook", "\n| hook |", "\n\n", hooks},
		{"feature", "\n| feature |", "\n\n", features},
		{"policy", "\n| policy |", "\n\n", policies},
	} {
		got := rows(section(set.from, set.to))
		for _, name := range set.want {
			if !slices.Contains(got, name) {
				t.Errorf("profile.md has no row for the %s %s (add one to its table)", set.what, name)
			}
		}
		for _, name := range got {
			if !slices.Contains(set.want, name) {
				t.Errorf("profile.md has a %s %s, and there is none", set.what, name)
			}
		}
	}
}
