package target

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/itchyny/gojq"

	"github.com/touchstone-webauthn/touchstone/fixtures"
)

func TestJQReads(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{".", "<all>"},
		{".captured.x", "captured.x"},
		{`.captured["x"]`, "captured.x"},
		{`.["captured"].x?`, "captured.x"},
		{".captured | .x", "captured.x"},
		{".captured | {a, b: .c, \"d\"}", "captured.a captured.c captured.d"},
		{". as $in | .res.body | {id: $in.rp.id, .user}", ""},
		{". as $in | .res.body | {id: $in.rp.id, u: .user}", "res.body.user rp.id"},
		{".captured as {x: $a, $b} | $a + $b", "captured.b captured.x"},
		{".captured.list[] | .x", "captured.list"},
		{".captured.list | map(.x)", "captured.list"},
		{".res.body | with_entries(select(.key | IN(\"a\"))) | .x", "res.body"},
		{"if .vars.a == \"\" then .vars.b else .vars.c end | .d", "vars.a vars.b.d vars.c.d"},
		{".vars.a // .vars.b", "vars.a vars.b"},
		{"\"x\\(.vars.a)y\"", "vars.a"},
		{"@base64 \"x\\(.vars.a)y\"", "vars.a"},
		{"def f: .captured; f | .x", "captured.x"},
		{"def f(g): .captured | g; f(.x)", "captured.x"},
		{"def f($v): $v.y; f(.vars)", "vars.y"},
		{"def f: f, f; f", ""},
		{"(.credential | {id, response: (.response | {clientDataJSON})}) | compact", "credential.id credential.response.clientDataJSON"},
		{".res.body | .challenge |= utf8_to_b64u | .x", "res.body.challenge"},
		{".captured.y = 1 | .captured.y", ""},
		{"reduce .captured.l[] as $i (.vars.a; . + $i.b)", "captured.l vars.a"},
		{"try .captured.x catch .", "captured.x"},
		{"[.captured.x, .captured[.vars.k]]", "captured captured.x vars.k"},
		{".captured[\"a\", \"b\"]", "captured"},
		{".captured | keys", "captured"},
		{".captured | has(\"x\")", "captured"},
		{"first(.captured.x, .captured.y) | .z", "captured.x.z captured.y.z"},
		{"first(.captured | .x)", "captured.x"},
		{"dfns_key_assertion(.captured.challenge)", "captured.challenge"},
		{"resolve(.res.body.next; .res.url)", "res.body.next res.url"},
		{".res.text | html_attr(\"a\"; \"b\")", "res.text"},
		{".captured.x | strings", "captured.x"},
		{"empty", ""},
		{"now", ""},
		{"..", "<all>"},
		{".a.b.c[1:2]", "a.b.c"},
		{"limit(1; .captured.x)", "<all> captured.x"},
		{"label $out | .captured.x | ., break $out", "captured.x"},
		{"-.vars.n", "vars.n"},
	} {
		q, err := gojq.Parse(c.src)
		if err != nil {
			if c.want != "" {
				t.Errorf("%s: %v", c.src, err)
			}
			continue
		}
		var got []string
		r := &jqReads{read: func(p []string) {
			s := strings.Join(p, ".")
			if s == "" {
				s = "<all>"
			}
			if !slices.Contains(got, s) {
				got = append(got, s)
			}
		}, environment: func(string) {}, format: func(string) {}}
		r.run(q)
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s reads %q, want %q", c.src, strings.Join(got, " "), c.want)
		}
	}
}

// whole is a profile without a fault or a note, for twins to differ from in one thing.
const whole = `dialect: own
success: .res.status == 200
failure: .res.status >= 400
vars:
  key: {env: TOUCHSTONE_TEST_KEY}
headers: {X-Key: "{vars.key}", X-Token: "{captured.token?}"}
features:
  session-probe: true
  member.rawId: true
account:
  create:
    - {id: sign-up, path: /users, body: {json: "{name: .user.name}"}, keep: {uid: .res.body.id}, capture: {once: .res.body.once}}
    - {id: confirm, path: "/users/{captured.uid}", body: {json: "{once: .captured.once}"}}
  login:
    - {id: log-in, path: "/login/{captured.uid}", save: {token: .res.body.token}}
ceremonies:
  registration:
    steps:
      - {id: options, path: /o, body: {json: "{uv: .request.userVerification}"}, options: .res.body.publicKey, capture: {ticket: .res.body.ticket}}
      - {id: result, path: "/r/{captured.ticket}", result: true, body: {json: "{t: .captured.ticket, credential: .credential}"}}
    roles: {id: /credential/id, rawId: /credential/rawId, clientDataJSON: /credential/response/clientDataJSON}
  authentication:
    steps:
      - {id: options, path: /a, body: {json: "{name: (if .request.usernameless then null else .user.name end)}"}, options: .res.body}
      - {id: result, path: /b, result: true, body: {form: {credential: .credential | to_jsonstring}}}
    roles: {id: /credential/id, signature: /credential/response/signature}
probe:
  step: {id: me, method: GET, path: "/me/{captured.uid}"}
  loggedIn: .res.status == 200
  loggedOut: .res.status == 401
`

func lines(list []*Error) string {
	var out []string
	for _, e := range list {
		out = append(out, fmt.Sprintf("%d: %s: %s", e.Line, e.Pointer, e.Message))
	}
	return strings.Join(out, "\n")
}

func TestConsistency(t *testing.T) {
	if c := CheckProfile("rp.yaml", []byte(whole)); len(c.Faults)+len(c.Notes) > 0 || c.Profile == nil {
		t.Fatalf("the whole profile has faults\n%s\nor notes\n%s", lines(c.Faults), lines(c.Notes))
	}
	for _, c := range []struct {
		name, from, to string
		// fault and note are parts of the one fault and the one note that there must be; empty for none.
		fault, note string
	}{
		// Names.
		{"a slip of a captured name in jq", "t: .captured.ticket", "t: .captured.tickte", "20: /ceremonies/registration/steps/1/body/json: no step captures tickte (did you mean ticket? or add it to a capture, save or keep)", ""},
		{"behind a pipe", "t: .captured.ticket", "t: (.captured | .tickte)", "no step captures tickte", ""},
		{"in a template", "/r/{captured.ticket}", "/r/{captured.tickte}", "20: /ceremonies/registration/steps/1/path: no step captures tickte (did you mean ticket?", ""},
		{"a slip that is optional", "{captured.token?}", "{captured.tokn?}", "/headers/X-Token: no step captures tokn (did you mean token?", ""},
		{"a var in jq", "t: .captured.ticket", "t: .vars.kye", "/ceremonies/registration/steps/1/body/json: .vars.kye is not among the vars (did you mean key? or declare vars.kye)", ""},
		{"a var in a template", "{vars.key}", "{vars.kye}", "{vars.kye} is not among the vars (did you mean key?", ""},
		{"a root", "t: .captured.ticket", "t: .captred.ticket", "an expression sees no .captred (did you mean captured?)", ""},
		{"a root of the answer", ".res.body.publicKey", ".body.publicKey", "an expression sees no .body (did you mean .res.body?)", ""},
		{"a member of the user", "{name: .user.name}", "{name: .user.nmae}", ".user has no nmae (did you mean name?)", ""},
		{"a member of the user in a template", "/users/{captured.uid}", "/users/{captured.uid}/{user.id}", ".user has no id (one of name, displayName, password)", ""},
		{"a member of the request", ".request.userVerification", ".request.userVerificaton", ".request has no userVerificaton (did you mean userVerification?)", ""},
		{"a member of the RP", "t: .captured.ticket", "t: .rp.rpId", ".rp has no rpId (one of id, origin)", ""},
		{"a member of the answer", ".res.body.publicKey", ".res.json.publicKey", ".res has no json (one of url, status, headers, body, text)", ""},
		{"a header in capitals", ".res.body.ticket", `'.res.headers["X-Ticket"]'`, "the names of headers are in lower case here (write \"x-ticket\")", ""},
		{"and in lower case", ".res.body.ticket", `'.res.headers["x-ticket"]'`, "", ""},
		{"a member of the credential", "credential: .credential}", "credential: .credential.rsponse}", ".credential has no rsponse (did you mean response?)", ""},
		{"a member of the response", "t: .captured.ticket", "t: .credential.response.signature", "a registration's response has no signature (one of clientDataJSON, ", ""},
		{"the environment", "t: .captured.ticket", "t: $ENV.KEY", "jq does not see the environment, so $ENV is empty (declare vars.NAME: {env: VARIABLE} and read .vars.NAME)", ""},
		{"a format", "t: .captured.ticket", "t: (.captured.ticket | @base32)", "there is no format @base32 (one of @text, ", ""},
		{"and one that there is", "t: .captured.ticket", "t: (.captured.ticket | @base64)", "", ""},

		// What is not there yet.
		{"captured later", `body: {json: "{uv: .request.userVerification}"}`, `body: {json: "{uv: .request.userVerification, t: .captured.ticket}"}`, "ticket is captured from this step's own answer, and not there yet", ""},
		{"used by the step's own options", "options: .res.body.publicKey", "options: .res.body.publicKey | .x = $t", "", ""},
		{"captured in a list that ended", "t: .captured.ticket", "t: .captured.once", "once is captured in account.create and forgotten at its end (use save or keep there)", ""},
		{"kept there", "capture: {once: .res.body.once}", "save: {once: .res.body.once}", "", ""},
		{"saved by what runs later", "{once: .captured.once}", "{once: .captured.once, t: .captured.token}", "token is captured in account.login, and account.create runs before that (capture it here)", ""},
		{"saved by a ceremony, in the login", "/login/{captured.uid}", "/login/{captured.uid}/{captured.ticket}", "ticket is captured in registration and forgotten at its end", ""},
		{"a header that all have", "{captured.token?}", "{captured.token}", "token is captured by step log-in, which has this header too and cannot be sent without it (write {captured.token?})", ""},
		{"the answer before the request", `{name: .user.name}"}, keep`, `{name: .res.body}"}, keep`, ".res.body: the answer is not there before the request (capture what a later step needs)", ""},
		{"a credential in the account", "{once: .captured.once}", "{once: .captured.once, c: .credential.id}", ".credential.id: there is no .credential outside of a ceremony (take it away)", ""},
		{"a credential before the options", "path: /o,", `path: /o, when: .credential.id == "x",`, ".credential.id: there is no .credential before the options (use it in a later step)", ""},
		{"a page has no body", "path: /o,", "path: /o, answer: html,", ".res.body.ticket: the answer is declared html, and a page has no .res.body", ""},

		// Declarations.
		{"a probe declared and not there", "probe:\n  step", "x-probe:\n  step", "", ""},
		{"a ceremony declared and not there", "member.rawId: true", "member.rawId: true\n  u2f-registration: true", "10: /features/u2f-registration: u2f-registration is declared, and there is no u2f-registration (add ceremonies.u2f-registration, or declare {absent: WHY})", ""},
		{"a ceremony declared absent and there", "member.rawId: true", "member.rawId: true\n  authentication: {absent: none}", "authentication is declared absent, and the authentication is at line 23 (take one of them away)", ""},
		{"a probe declared absent and there", "session-probe: true", "session-probe: {absent: none}", "8: /features/session-probe: session-probe is declared absent, and the probe is at line 27 (take one of them away)", ""},
		{"a role declared and not there", "member.rawId: true", "member.type: true", "member.type is declared, and ceremonies.registration.roles does not say where type is (add type: /..., or declare {absent: WHY})", ""},
		{"a role declared absent and there", "member.rawId: true", "member.rawId: {absent: none}", "member.rawId is declared absent, and ceremonies.registration.roles says where rawId is", ""},
		{"asked for by nobody", "member.rawId: true", "member.rawId: true\n  request.attestation: true", "request.attestation is declared, and no step before the options sends .request.attestation (send it, or declare {absent: WHY})", ""},
		{"asked for", "member.rawId: true", "member.rawId: true\n  request.user-verification: true", "", ""},
		{"conditional create that nobody asks for", "member.rawId: true", "member.rawId: true\n  conditional-create: request", "no step before the options sends .request.mediation", ""},
		{"extensions on no request", "member.rawId: true", "member.rawId: true\n  request.extensions: {absent: none}\n  extension.prf: request", "", "extensions cannot be requested, and these are declared to be there on request: extension.prf"},
		{"a login of whoever is logged in", "member.rawId: true", "member.rawId: true\n  login.username: {absent: none}\n  login.usernameless: {absent: none}", "", ""},
		{"a login without a name, asked for", "member.rawId: true", "member.rawId: true\n  login.usernameless: true", "", ""},
		{"top origins without frames", "member.rawId: true", "member.rawId: true\n  origin.cross: {absent: none}\npolicy: {top-origins: 'https://a.example'}", "top-origins are given, and origin.cross is declared absent", ""},
		{"an origin", "member.rawId: true", "member.rawId: true\npolicy: {origins: 'https://a.example b.example'}", "\"b.example\" is no origin (write https://HOST, separated by spaces)", ""},
		{"a duration", "member.rawId: true", "member.rawId: true\n  challenge.expiry: soon", "\"soon\" is no duration (write one such as 90s or 5m)", ""},
		{"a duration that is one", "member.rawId: true", "member.rawId: true\n  challenge.expiry: 90s", "", ""},
		{"metadata for nobody", "vars:\n", "metadata: {listen: '127.0.0.1:1'}\nvars:\n", "", "metadata is served, and no check asks for it (declare features.mds: true)"},
		{"metadata and no mds", "features:\n", "metadata: {listen: '127.0.0.1:1'}\nfeatures:\n  mds: {absent: none}\n", "mds is declared absent, and metadata is served", ""},
		{"a stranger's RP ID", "vars:\n", "target: {url: 'https://a.example', rpId: b.example}\nvars:\n", "", "b.example is neither the host of the origin https://a.example nor a domain above it"},
		{"an RP ID above", "vars:\n", "target: {url: 'https://a.b.example', rpId: b.example}\nvars:\n", "", ""},

		// Answers.
		{"success is failure", ".res.status >= 400", ".res.status == 200", "3: /failure: the same expression as success (say what tells them apart)", ""},
		{"logged in is logged out", ".res.status == 401", ".res.status == 200", "/probe/loggedOut: the same expression as loggedIn", ""},
		{"two authorizations", "path: /b,", "path: /b, auth: {bearer: '{captured.token?}'}, headers: {authorization: x},", "step result has auth and an Authorization header, which auth replaces (keep one)", ""},
		{"a schema of a text", "path: /b,", "path: /b, answer: text, schema: fido/registration-result,", "has a schema, and its answer is declared text", ""},
		{"a header twice", "X-Key: \"{vars.key}\"", "X-Key: \"{vars.key}\", x-key: b", "/headers/x-key: the header X-Key is there twice (names differ in more than case)", ""},

		// Roles.
		{"a role that points to nothing", "rawId: /credential/rawId", "rawId: /credential/rawid", "21: /ceremonies/registration/roles/rawId: the role rawId points to nothing: the body of step result has no /credential/rawid (write rawId: /credential/rawId under roles)", ""},
		{"a role of another member", "clientDataJSON: /credential/response/clientDataJSON", "clientDataJSON: /credential/response/attestationObject", "the role clientDataJSON points to the attestationObject: that is what the body of step result has at /credential/response/attestationObject (write clientDataJSON: /credential/response/clientDataJSON under roles)", ""},
		{"two roles of one place", "rawId: /credential/rawId", "rawId: /credential/id", "the roles id and rawId point to the same place, /credential/id (mend one of them)", ""},
		{"a role inside of a field", "signature: /credential/response/signature", "signature: /credential/signature", "the role signature points to nothing: the body of step result has no /credential/signature (write signature: /credential/response/signature under roles)", ""},

		// What nothing uses.
		{"an unused capture", "capture: {ticket: .res.body.ticket}", "capture: {ticket: .res.body.ticket, spare: .res.body.x}", "", "nothing uses spare (take it away, or use {captured.spare})"},
		{"all captures used", "t: .captured.ticket", "t: .captured", "", ""},
		{"an unused var", "vars:\n", "vars:\n  spare: x\n", "", "nothing uses the var spare"},
		{"an unused hook", "vars:\n", "hooks: [dfns-key]\nvars:\n", "", "/hooks/0: nothing uses a function of the hook dfns-key (take it away)"},
		{"no login and nothing said", "  authentication:\n    steps:", "  u2f-registration:\n    steps:", "the role signature points to nothing", "no authentication, and nothing says why"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(whole, c.from) != 1 {
				t.Fatalf("%d places for %q", strings.Count(whole, c.from), c.from)
			}
			got := CheckProfile("rp.yaml", []byte(strings.Replace(whole, c.from, c.to, 1)))
			if strings.HasPrefix(c.to, "x-probe") || strings.Contains(c.to, "$t") {
				return // below
			}
			for _, list := range []struct {
				kind, want string
				got        []*Error
			}{{"faults", c.fault, got.Faults}, {"notes", c.note, got.Notes}} {
				n := 0
				if list.want != "" {
					n = 1
				}
				if len(list.got) != n && (c.name != "a page has no body" && c.name != "no login and nothing said") || !strings.Contains(lines(list.got), list.want) {
					t.Errorf("%s\n got %s\nwant %s", list.kind, lines(list.got), list.want)
				}
			}
			if (got.Profile == nil) != (c.fault != "") {
				t.Errorf("profile %v with %d faults", got.Profile, len(got.Faults))
			}
		})
	}
	gone := whole[:strings.Index(whole, "probe:\n  step")]
	if c := CheckProfile("rp.yaml", []byte(gone)); !strings.Contains(lines(c.Faults), "8: /features/session-probe: session-probe is declared, and there is no probe (add probe, or declare {absent: WHY})") || len(c.Faults) != 1 {
		t.Errorf("without its probe: %s", lines(c.Faults))
	}
	named := strings.Replace(strings.Replace(whole, "(if .request.usernameless then null else .user.name end)", ".user.name", 1), "member.rawId: true", "member.rawId: true\n  login.usernameless: true", 1)
	if c := CheckProfile("rp.yaml", []byte(named)); !strings.Contains(lines(c.Faults), "/features/login.usernameless: login.usernameless is declared, and the steps before a login's options always name the user") {
		t.Errorf("a login that is always named: %s", lines(c.Faults))
	}
}

// What a profile has from the dialect that it extends is told as a note, or where
// the file itself says otherwise.
func TestConsistencyOfInherited(t *testing.T) {
	for _, c := range []struct{ name, text, fault, note string }{
		{"nothing said", "extends: fido", "", ""},
		{"declared absent and inherited", "extends: fido\nfeatures: {authentication: {absent: none}, member.rawId: {absent: none}}", "", ""},
		{"taken away and inherited as declared", "extends: fido\nceremonies: {authentication: null}", "", "authentication is declared, and there is no authentication"},
		{"another body", "extends: fido\nceremonies:\n  registration:\n    steps:\n      result: {body: {json: '{c: .credential}'}}\n", "6: ", ""},
		{"a dialect's name", "extends: fidoo", "\"fidoo\" is no embedded dialect (one of dfns, ", ""},
	} {
		got := CheckProfile("rp.yaml", []byte(c.text))
		if c.name == "another body" {
			// Every inherited role points to nothing there.
			if len(got.Faults) != 8 || !strings.Contains(lines(got.Faults), "5: /ceremonies/registration/steps/result/body: the role signature") && !strings.Contains(lines(got.Faults), "/ceremonies/registration/steps/result/body: the role clientDataJSON points to nothing: the body of step result has no /response/clientDataJSON (write clientDataJSON: /c/response/clientDataJSON under roles)") {
				t.Errorf("%s: %s", c.name, lines(got.Faults))
			}
			continue
		}
		if (len(got.Faults) > 0) != (c.fault != "") || !strings.Contains(lines(got.Faults), c.fault) {
			t.Errorf("%s: faults %s", c.name, lines(got.Faults))
		}
		if (len(got.Notes) > 0) != (c.note != "") || !strings.Contains(lines(got.Notes), c.note) {
			t.Errorf("%s: notes %s", c.name, lines(got.Notes))
		}
	}
	for _, name := range fixtures.DialectNames() {
		data, err := fixtures.Dialect(name)
		if err != nil {
			t.Fatal(err)
		}
		if c := CheckProfile(dialectFile(name), data); len(c.Faults)+len(c.Notes) > 0 {
			t.Errorf("%s: faults %s, notes %s", name, lines(c.Faults), lines(c.Notes))
		}
	}
}

// All faults are told at once, in the order of their lines, and what only follows
// from one is none of its own.
func TestAllFaults(t *testing.T) {
	c := CheckProfile("rp.yaml", []byte(`dialect: own
sucess: .res.status == 200
failure: .res.status >= (400
policy: {counter: maybe}
features:
  exclude-lists: true
  attestation.tpm: false
  session-probe: perhaps
vars:
  a b: x
  key: {vlaue: x}
headers: {"a b": c}
ceremonies:
  registration:
    challengeEncoding: other
    steps:
      - {id: options, pth: /o, optons: .res.body, body: {jsn: x}}
      - {id: result, path: "/{vars.kye}", result: yes please, body: {json: ".credential |"}, capture: [x]}
    roles: {id: id, nmae: /x, rawId: [x]}
  authenticaton: {}
prbe: {}
"a/b~c": 1
`))
	var got []string
	for _, e := range c.Faults {
		got = append(got, fmt.Sprintf("%d:%d %s", e.Line, e.Column, e.Pointer))
	}
	want := []string{
		"2:1 /sucess", "3:10 /failure", "4:19 /policy/counter", "6:3 /features/exclude-lists", "7:20 /features/attestation.tpm", "8:18 /features/session-probe",
		"10:3 /vars/a b", "11:9 /vars/key/vlaue", "12:11 /headers/a b", "15:24 /ceremonies/registration/challengeEncoding",
		"17:23 /ceremonies/registration/steps/0/pth", "17:32 /ceremonies/registration/steps/0/optons", "17:58 /ceremonies/registration/steps/0/body/jsn",
		"18:28 /ceremonies/registration/steps/1/path", "18:51 /ceremonies/registration/steps/1/result", "18:76 /ceremonies/registration/steps/1/body/json", "18:103 /ceremonies/registration/steps/1/capture",
		"19:17 /ceremonies/registration/roles/id", "19:21 /ceremonies/registration/roles/nmae", "19:38 /ceremonies/registration/roles/rawId",
		"20:3 /ceremonies/authenticaton", "21:1 /prbe", "22:1 /a~1b~0c",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("faults\n%s\n\nof\n%s\n\nwant\n%s", strings.Join(got, "\n"), lines(c.Faults), strings.Join(want, "\n"))
	}
}

func TestUnbound(t *testing.T) {
	t.Setenv("TOUCHSTONE_TEST_SET", "abc")
	p, err := LoadProfile("rp.yaml", []byte("extends: fido\nvars:\n  a: {env: TOUCHSTONE_TEST_UNSET}\n  b: {env: TOUCHSTONE_TEST_SET}\n  c: {document: x}\n  d: {value: x, secret: true}\nheaders: {X: '{vars.a}{vars.b}{vars.c}{vars.d}'}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := lines(p.Unbound(nil)); got != "3: /vars/a: the environment variable TOUCHSTONE_TEST_UNSET is not set (set it)\n5: /vars/c: no value (set vars.c in the profile)" {
		t.Error(got)
	}
	if got := lines(p.Unbound(map[string]string{"a": "x", "c": "y"})); got != "" {
		t.Error(got)
	}
	if got := lines(p.ShortSecrets(map[string]string{"d": "long enough"})); !strings.HasPrefix(got, "4: /vars/b: a secret of 3 bytes is not found") || strings.Contains(got, "\n") {
		t.Error(got)
	}
}
