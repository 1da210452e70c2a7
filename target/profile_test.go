package target

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	yaml "github.com/goccy/go-yaml"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

func TestDialects(t *testing.T) {
	if got, want := fmt.Sprint(Dialects()), "[dfns fido fortanix nevis]"; got != want {
		t.Errorf("dialects %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(Variants()), "[dfns-decoded dfns-new-page dfns-old-page fortanix-cookie fortanix-nameless fortanix-nulls fortanix-published fortanix-u2f-only nevis-4xx nevis-assertion-path]"; got != want {
		t.Errorf("variants %s, want %s", got, want)
	}
	if _, err := LoadDialect("fidoo"); err == nil || !strings.Contains(err.Error(), "did you mean fido?") {
		t.Errorf("a slip: %v", err)
	}
}

func TestDialectsLoad(t *testing.T) {
	for _, name := range fixtures.DialectNames() {
		t.Run(name, func(t *testing.T) {
			p, err := LoadDialect(name)
			if err != nil {
				t.Fatal(err)
			}
			if p.Dialect() != name || p.Title() == "" || len(p.Documents()) == 0 {
				t.Errorf("dialect %q, title %q, documents %v", p.Dialect(), p.Title(), p.Documents())
			}
			for _, f := range Features() {
				d := p.Feature(f.Name)
				if !f.Policy && !d.Declared && d.Absent == "" {
					t.Errorf("says nothing of %s", f.Name)
				}
				if d.Declared && f.Values != nil && !slices.Contains(f.Values, "*") && !slices.Contains(f.Values, d.Value) {
					t.Errorf("%s is %q", f.Name, d.Value)
				}
			}
			// What the features say of members is what the bodies have.
			for _, m := range []struct {
				feature, kind string
				role          Role
			}{
				{"member.rawId", Registration, RoleRawID},
				{"member.type", Registration, RoleType},
				{"member.transports", Registration, RoleTransports},
				{"member.userHandle", Authentication, RoleUserHandle},
				{"extension.outputs", Registration, RoleExtensionResults},
			} {
				_, has := p.ceremonies[m.kind].roles[m.role]
				if has != p.Feature(m.feature).Declared {
					t.Errorf("%s is declared %v, and the role is there: %v", m.feature, p.Feature(m.feature).Declared, has)
				}
			}
			if p.Feature("session-probe").Declared != (p.probe != nil) {
				t.Error("session-probe and probe disagree")
			}
			if p.Feature("u2f-registration").Declared != (p.ceremonies[U2FRegistration] != nil) {
				t.Error("u2f-registration and the ceremonies disagree")
			}
		})
	}
}

// shipped are all profile files that the repository carries, and the test's own.
func shipped(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range fixtures.DialectNames() {
		data, err := fixtures.Dialect(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	own, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(own) == 0 {
		t.Fatalf("testdata: %v, %d files", err, len(own))
	}
	for _, f := range own {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		files[f] = data
	}
	return files
}

func TestProfileSchema(t *testing.T) {
	for name, data := range shipped(t) {
		if _, err := LoadProfile(name, data); err != nil {
			t.Errorf("%v", err)
		}
		j, err := yaml.YAMLToJSON(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, d := range validate("file", "profile", j) {
			t.Errorf("%s: %v", name, d)
		}
	}
	for _, bad := range []string{`{}`, `{"extends":"fido","feature":{}}`, `{"extends":"fido","ceremonies":{"registration":{"steps":[{"id":"x"}]}}}`} {
		if len(validate("file", "profile", []byte(bad))) == 0 {
			t.Errorf("the schema takes %s", bad)
		}
	}
}

func TestSchemasCompile(t *testing.T) {
	if len(schemaNames()) < 15 {
		t.Errorf("only %v", schemaNames())
	}
	for _, name := range schemaNames() {
		if _, err := schemaFor(name); err != nil {
			t.Errorf("%v", err)
		}
	}
}

const minimal = `dialect: own
success: .res.status == 200
failure: .res.status >= 400
ceremonies:
  registration:
    steps:
      - id: options
        path: /begin
        options: .res.body
      - id: result
        result: true
        path: /end
        body: {json: .credential}
`

func TestProfileErrors(t *testing.T) {
	steps := func(s string) string {
		return "dialect: own\nsuccess: 'true'\nfailure: 'true'\nceremonies:\n  registration:\n    steps:\n" + s
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "rp.yaml: the file is empty (write at least: extends: fido)"},
		{"comment only", "# nothing\n", "rp.yaml: the file is empty (write at least: extends: fido)"},
		{"not a mapping", "- a\n", "rp.yaml:1:1: this is a list (a profile is a mapping)"},
		{"not YAML", "a: [\n", "rp.yaml:1:4: not YAML: sequence end token ']' not found (mend the syntax)"},
		{"not UTF-8", "a: \xff\n", "rp.yaml: not UTF-8 (save the file as UTF-8)"},
		{"two documents", "a: b\n---\nc: d\n", "rp.yaml: more than one YAML document (keep one)"},
		{"alias", "a: &x b\nc: *x\n", "rp.yaml:1:4: a: anchors, aliases and merge keys are not read in profiles (write the value out)"},
		{"tag", "a: !!str b\n", "rp.yaml:1:4: a: tags are not read in profiles (take !!str away)"},
		{"twice", "extends: fido\ntitle: a\ntitle: b\n", "rp.yaml:3:1: not YAML: mapping key \"title\" already defined at [2:1] (mend the syntax)"},
		{"nothing to extend", "title: a\n", "rp.yaml:1:1: neither extends nor dialect (write extends: fido, or dialect: NAME for one of your own)"},
		{"unknown dialect", "extends: fidoo\n", "rp.yaml:1:10: extends: \"fidoo\" is no embedded dialect (one of "},
		{"unknown key", "extends: fido\nfeature: {}\n", "rp.yaml:2:1: feature: unknown key (did you mean features?)"},
		{"unknown feature", "extends: fido\nfeatures:\n  exclude-lists: true\n", "rp.yaml:3:3: features.exclude-lists: unknown name (did you mean exclude-list? names of your own begin with x-)"},
		{"feature false", "extends: fido\nfeatures:\n  exclude-list: false\n", "rp.yaml:3:17: features.exclude-list: false says too little (write {absent: WHY})"},
		{"feature value", "extends: fido\nfeatures:\n  extension.appid: maybe\n", "rp.yaml:3:20: features[\"extension.appid\"]: \"maybe\" is not a value of extension.appid (one of request, account, configuration)"},
		{"feature without reason", "extends: fido\nfeatures:\n  exclude-list: {absent: ' '}\n", "rp.yaml:3:3: features.exclude-list: absent without a reason (write absent: WHY)"},
		{"policy value", "extends: fido\npolicy:\n  counter: maybe\n", "rp.yaml:3:12: policy.counter: \"maybe\" is not a value of counter (one of reject, signal, unknown)"},
		{"bad url", "extends: fido\ntarget: {url: 'ftp://x'}\n", "rp.yaml:2:15: target.url: \"ftp://x\" is not an http or https URL (write http://HOST or https://HOST)"},
		{"bad origin", "extends: fido\ntarget: {origin: 'https://x/'}\n", "rp.yaml:2:18: target.origin: \"https://x/\" is no origin (write https://HOST)"},
		{"bad jq", "extends: fido\nsuccess: '.res.status = = 200'\n", "rp.yaml:2:10: success: not a jq expression: unexpected token \"=\" at line 1, column 15 of the expression (mend it)"},
		{"unknown jq function", "extends: fido\nsuccess: ok\n", "rp.yaml:2:10: success: jq: function not defined: ok/0 (mend the expression)"},
		{"hosts", "extends: fido\ntarget: {hosts: https://a.example}\n", "rp.yaml:2:17: target.hosts: this is a string (write a list of https://HOST)"},
		{"host", "extends: fido\ntarget: {hosts: ['https://a.example/x']}\n", "rp.yaml:2:18: target.hosts[0]: \"https://a.example/x\" is no scheme and host (write http://HOST or https://HOST)"},
		{"HEAD with a body", steps("      - {id: a, path: /, method: HEAD, body: {text: '1'}}\n"), "rp.yaml:7:9: ceremonies.registration.steps[0]: a HEAD has no body (use query, or another method)"},
		{"multipart list", steps("      - {id: a, path: /, body: {multipart: ['1']}}\n"), "rp.yaml:7:44: ceremonies.registration.steps[0].body.multipart: this is a list (write FIELD: JQ)"},
		{"each of a result", steps("      - {id: a, path: /, options: .}\n      - {id: b, path: /, each: '[]', result: true, body: {json: '1'}}\n"), "rp.yaml:8:9: ceremonies.registration.steps[1]: step b has each, and options or the result are asked for once (take each away)"},
		{"item without each", steps("      - {id: a, path: '/{item}', options: .}\n"), "rp.yaml:7:23: ceremonies.registration.steps[0].path: {item} names nothing (places begin with user, vars, captured, rp, request, cookies)"},
		{"assert", steps("      - {id: a, path: /, options: ., assert: .res.body}\n"), "rp.yaml:7:46: ceremonies.registration.steps[0].assert: this is a string (write NAME: JQ)"},
		{"assert by another name", steps("      - {id: a, path: /, options: ., assert: {a b: .}}\n"), "rp.yaml:7:47: ceremonies.registration.steps[0].assert[\"a b\"]: \"a b\" is no name (letters, digits, underscores)"},
		{"reset", "extends: fido\naccount: {reset: {}}\n", "rp.yaml:2:11: account.reset: this is a mapping (write a list of steps; only over an extended profile's steps may a mapping by id stand)"},
		{"jq of another kind", "extends: fido\nsuccess: {}\n", "rp.yaml:2:1: success: this is a mapping (write a jq expression as a string)"},
		{"hook not named", steps("      - {id: a, path: /, body: {json: dfns_key_assertion(.x)}, options: .}\n"), "rp.yaml:7:39: ceremonies.registration.steps[0].body.json: jq: function not defined: dfns_key_assertion/1 (mend the expression)"},
		{"unknown hook", "extends: fido\nhooks: [dfns]\n", "rp.yaml:2:9: hooks[0]: \"dfns\" is not known here (one of dfns-key)"},
		{"unknown step", "extends: fido\nceremonies: {registration: {steps: {option: {path: /x}}}}\n", "rp.yaml:2:37: ceremonies.registration.steps.option: the extended profile has no step \"option\" here (mend the id, or write the whole list; did you mean options?)"},
		{"unknown place", steps("      - {id: a, path: '/{nobody.x}', options: .}\n"), "rp.yaml:7:23: ceremonies.registration.steps[0].path: {nobody.x} names nothing (places begin with user, vars, captured, rp, request, cookies)"},
		{"unknown var", steps("      - {id: a, path: '/{vars.x}', options: .}\n      - {id: r, path: /, result: true, body: {json: .credential}}\n"), "rp.yaml:7:23: ceremonies.registration.steps[0].path: {vars.x} is not among the vars (declare vars.x)"},
		{"never captured", steps("      - {id: a, path: '/{captured.x}', options: .}\n      - {id: r, path: /, result: true, body: {json: .credential}}\n"), "rp.yaml:7:23: ceremonies.registration.steps[0].path: no step captures x (add it to a capture, save or keep)"},
		{"open brace", steps("      - {id: a, path: '/{user', options: .}\n"), "rp.yaml:7:23: ceremonies.registration.steps[0].path: \"{user\" opens a place that never closes (add a closing brace, or write {{ for a brace)"},
		{"relative path", steps("      - {id: a, path: 'x', options: .}\n"), "rp.yaml:7:23: ceremonies.registration.steps[0].path: \"x\" does not begin with / (write a path, or one place that holds an address)"},
		{"query in path", steps("      - {id: a, path: '/x?y', options: .}\n"), "rp.yaml:7:23: ceremonies.registration.steps[0].path: ? and # do not belong in a path (use query)"},
		{"no path", steps("      - {id: a, options: .}\n"), "rp.yaml:7:9: ceremonies.registration.steps[0]: step a has no path (add path: /...)"},
		{"no id", steps("      - {path: /}\n"), "rp.yaml:7:9: ceremonies.registration.steps[0]: a step needs an id of lower-case letters, digits and hyphens (add id: NAME)"},
		{"bad method", steps("      - {id: a, path: /, method: FETCH}\n"), "rp.yaml:7:34: ceremonies.registration.steps[0].method: \"FETCH\" is not known here (one of GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD)"},
		{"two bodies", steps("      - {id: a, path: /, body: {json: '1', text: '2'}}\n"), "rp.yaml:7:26: ceremonies.registration.steps[0].body: a body is one of json, form, multipart and text (keep one)"},
		{"unknown schema", steps("      - {id: a, path: /, schema: x}\n"), "rp.yaml:7:34: ceremonies.registration.steps[0].schema: no schema \"x\" (one of "},
		{"no options", steps("      - {id: a, path: /, result: true, body: {json: '1'}}\n"), "rp.yaml:5:3: ceremonies.registration: no step yields the options (add options: JQ to one)"},
		{"no result", steps("      - {id: a, path: /, options: .}\n"), "rp.yaml:5:3: ceremonies.registration: no step carries the result (add result: true to one)"},
		{"same id", steps("      - {id: a, path: /, options: .}\n      - {id: a, path: /, result: true, body: {json: '1'}}\n"), "rp.yaml:8:9: ceremonies.registration.steps[1]: two steps with the id \"a\" (rename one)"},
		{"credential too early", steps("      - {id: a, path: /, options: ., body: {json: .credential}}\n      - {id: b, path: /, result: true, body: {json: '1'}}\n"), "rp.yaml:7:9: ceremonies.registration.steps[0]: step a comes before the credential exists (do not use .credential or .result here)"},
		{"unknown role", minimal + "    roles: {name: /x}\n", "rp.yaml:14:13: ceremonies.registration.roles.name: unknown role (one of id, rawId, "},
		{"bad pointer", minimal + "    roles: {id: x}\n", "rp.yaml:14:17: ceremonies.registration.roles.id: \"x\" is not a JSON pointer to a member (write /member/member)"},
		{"no success", "dialect: own\nceremonies:\n  registration:\n    steps:\n      - {id: a, path: /, options: .}\n", "rp.yaml:5:9: ceremonies.registration.steps[0]: step a says nowhere what success is (add success here or for the whole profile)"},
		{"no registration", "dialect: own\nceremonies: {}\n", "rp.yaml:2:1: ceremonies: no registration (every profile needs ceremonies.registration)"},
		{"header name", "extends: fido\nheaders: {'a b': c}\n", "rp.yaml:2:11: headers[\"a b\"]: \"a b\" is no header name (letters, digits and hyphens)"},
		{"probe", minimal + "probe: {loggedIn: .}\n", "rp.yaml:14:1: probe: a probe needs step (add it)"},
		{"user rule", "extends: fido\nuser: {name: '{name}'}\n", "rp.yaml:2:14: user.name: {name} names nothing (places begin with id)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := LoadProfile("rp.yaml", []byte(c.text))
			if err == nil {
				t.Fatal("no error")
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%T is no *Error", err)
			}
			if got := err.Error(); got != c.want && (!strings.HasSuffix(c.want, " ") || !strings.HasPrefix(got, c.want)) {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
	if _, err := LoadProfile("rp.yaml", []byte(minimal)); err != nil {
		t.Error(err)
	}
	if _, err := LoadProfile("rp.yaml", []byte(strings.Repeat("a", maxProfile+1))); err == nil {
		t.Error("a file that is too long")
	}
	if _, err := LoadProfile("rp.yaml", []byte("extends: fido\ntitle: "+strings.Repeat("[", 100)+strings.Repeat("]", 100)+"\n")); err == nil || !strings.Contains(err.Error(), "nested deeper") {
		t.Errorf("deep YAML: %v", err)
	}
}

// TestProfileFloods holds the parser against files that are all nesting or all
// keys: each ends soon, with an error or not.
func TestProfileFloods(t *testing.T) {
	var keys, indent strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&keys, "k%d: v\n", i)
	}
	for i := range 400 {
		indent.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", 100000), "braces": strings.Repeat("{a: ", 30000), "dashes": strings.Repeat("- ", 60000),
		"questions": strings.Repeat("? ", 60000), "anchors": strings.Repeat("&a ", 40000), "tags": strings.Repeat("!a ", 40000),
		"quotes": strings.Repeat("\"", 100000), "keys": keys.String(), "indent": indent.String(),
		"brackets on lines": strings.Repeat("[\n", 40000),
	} {
		begin := time.Now()
		_, err := LoadProfile("rp.yaml", []byte(text))
		if err == nil || strings.Contains(err.Error(), "\n") || len(err.Error()) > 1500 {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(begin); d > 20*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}

func TestOverlay(t *testing.T) {
	p, err := LoadProfile("rp.yaml", []byte(`
extends: fido
name: ours
features:
  attestation.tpm: {absent: no TPM here}
  exclude-list: null
headers:
  Accept: null
  X-Api-Key: "{vars.key}"
vars:
  key: k
ceremonies:
  registration:
    steps:
      options: {path: /api/begin, schema: null}
    roles: {rawId: null}
`))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name() != "ours" || p.Dialect() != "fido" {
		t.Errorf("name %q, dialect %q", p.Name(), p.Dialect())
	}
	if f := p.Feature("attestation.tpm"); f.Declared || f.Absent != "no TPM here" {
		t.Errorf("attestation.tpm %+v", f)
	}
	if f := p.Feature("exclude-list"); f != (Feature{}) {
		t.Errorf("exclude-list %+v", f)
	}
	if f := p.Feature("attestation.packed"); !f.Declared || f.Value != "true" {
		t.Errorf("attestation.packed %+v", f)
	}
	if len(p.headers) != 1 || p.headers[0].name != "X-Api-Key" {
		t.Errorf("headers %v", p.headers)
	}
	reg := p.ceremonies[Registration]
	if got := reg.steps[0].path.at.text; got != "/api/begin" || reg.steps[0].schema != "" || reg.steps[1].path.at.text != "/attestation/result" {
		t.Errorf("steps %q", got)
	}
	if _, ok := reg.roles[RoleRawID]; ok || len(reg.roles) != 7 {
		t.Errorf("roles %v", reg.roles)
	}
	base, err := LoadDialect("fido")
	if err != nil {
		t.Fatal(err)
	}
	if base.ceremonies[Registration].steps[0].path.at.text != "/attestation/options" {
		t.Error("the dialect itself was changed")
	}
}

func TestNew(t *testing.T) {
	load := func(text string) *Profile {
		p, err := LoadProfile("rp.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	fido := load("extends: fido")
	for _, c := range []struct {
		name              string
		p                 *Profile
		o                 Options
		url, rpID, origin string
		err               string
	}{
		{"from the URL", fido, Options{URL: "https://RP.example:443/api/"}, "https://RP.example:443/api", "rp.example", "https://rp.example", ""},
		{"a port", fido, Options{URL: "http://localhost:8080"}, "http://localhost:8080", "localhost", "http://localhost:8080", ""},
		{"given", fido, Options{URL: "http://127.0.0.1:8080", RPID: "rp.example", Origin: "https://login.rp.example"}, "http://127.0.0.1:8080", "rp.example", "https://login.rp.example", ""},
		{"from the profile", load("extends: fido\ntarget: {url: 'https://a.example', rpId: example}"), Options{}, "https://a.example", "example", "https://a.example", ""},
		{"an address", fido, Options{URL: "http://127.0.0.1:8080"}, "", "", "", "target: 127.0.0.1 is an IP address, and an RP ID is a domain (give the RP ID and the origin)"},
		{"a v6 address", fido, Options{URL: "http://[::1]:8080"}, "", "", "", "target: ::1 is an IP address, and an RP ID is a domain (give the RP ID and the origin)"},
		{"nothing", fido, Options{}, "", "", "", "profile fido: no target (give a URL, or set target.url)"},
		{"no URL", fido, Options{URL: "rp.example"}, "", "", "", "target: \"rp.example\" is not an http or https URL (write http://HOST or https://HOST)"},
		{"unknown var", fido, Options{URL: "https://a.example", Vars: map[string]string{"x": "y"}}, "", "", "", "profile fido: no var \"x\" (declare vars.x in the profile)"},
		{"env", load("extends: fido\nvars: {key: {env: TOUCHSTONE_TEST_UNSET}}"), Options{URL: "https://a.example"}, "", "", "", "rp.yaml:2:8: vars.key: the environment variable TOUCHSTONE_TEST_UNSET is not set (set it)"},
		{"no value", load("extends: fido\nvars: {key: {document: an API key}}"), Options{URL: "https://a.example"}, "", "", "", "rp.yaml:2:8: vars.key: no value (set vars.key in the profile)"},
		{"given var", load("extends: fido\nvars: {key: {env: TOUCHSTONE_TEST_UNSET}}"), Options{URL: "https://a.example", Vars: map[string]string{"key": "k"}}, "https://a.example", "a.example", "https://a.example", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tg, err := New(c.p, c.o)
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Errorf("\n got %v\nwant %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tg.URL() != c.url || tg.RPID() != c.rpID || tg.Origin() != c.origin {
				t.Errorf("URL %s, RP ID %s, origin %s", tg.URL(), tg.RPID(), tg.Origin())
			}
		})
	}
}

func TestFeaturesAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Features() {
		if f.Doc == "" || seen[f.Name] || len(f.Values) == 0 {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
	}
}

func FuzzLoadProfile(f *testing.F) {
	for _, name := range fixtures.DialectNames() {
		data, err := fixtures.Dialect(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(minimal))
	f.Add([]byte("extends: fido\nceremonies: {registration: {steps: {result: {always: true, when: 'null'}}}}\n"))
	f.Add([]byte("extends: fido\nvars: [a]\nuser: {name: '{{{id}'}\n"))
	f.Add([]byte(whole))
	f.Add([]byte("extends: fido\nsuccess: 'def f: f, f; f | .captured.x | . as {a: $b, $c} | reduce .[] as [$d] (.; $ENV) | @base32 \"\\(.vars.y)\"'\n"))
	f.Add([]byte("extends: dfns\nceremonies: {registration: {steps: {result: {body: {json: null, multipart: {a: '.credential | to_jsonstring', b: '[range(9)] | tojson'}}}}, roles: {id: /a/id, type: /b}}}\n"))
	f.Add([]byte("extends: fido\nadapter: {command: [], env: []}\nfeatures: {session-probe: true, mds: {absent: ''}}\nprobe: {step: []}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		// The consistency checks are a part of loading, so that they are reached here.
		found := CheckProfile("rp.yaml", data)
		if (found.Profile == nil) != (len(found.Faults) > 0) {
			t.Fatalf("a profile %v with %d faults", found.Profile, len(found.Faults))
		}
		for _, e := range append(slices.Clone(found.Faults), found.Notes...) {
			if e.Message == "" || strings.ContainsAny(e.Message, "\n\r") || e.Pointer != "" && e.Pointer[0] != '/' || e.Line < 0 {
				t.Fatalf("a finding without a proper text or place: %+v", e)
			}
		}
		p, err := LoadProfile("rp.yaml", data)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("more than one line: %q", err)
			}
			return
		}
		if p.Dialect() == "" || len(p.Ceremonies()) == 0 {
			t.Fatalf("a profile without dialect or ceremonies from %q", data)
		}
	})
}

// TestMetadataMustBeSaid: nobody was given the suite's metadata who does not say so, in
// a dialect of one's own neither.
func TestMetadataMustBeSaid(t *testing.T) {
	for text, absent := range map[string]bool{"extends: fido\nfeatures: {mds: null}\n": true, "extends: fido\n": true, "extends: fido\nfeatures: {mds: true}\n": false} {
		p, err := LoadProfile("test.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		rp, err := New(p, Options{URL: "https://rp.example"})
		if err != nil {
			t.Fatal(err)
		}
		if f := rp.Feature(FeatureMDS); (f.Absent != "") != absent || f.Declared == absent {
			t.Errorf("%q: %+v", text, f)
		}
	}
}
