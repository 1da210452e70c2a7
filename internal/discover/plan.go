package discover

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/examples/profiles"
	"github.com/touchstone-webauthn/touchstone/target"
)

// plan is what is known of a shape at the target, and writes profiles of it.
type plan struct {
	shape   Shape
	prefix  string
	opts    target.Options
	given   bool // RP ID or origin were given by the user
	account bool
	vars    map[string]string // given by the user

	registration, authentication side
	// lookForLogin makes trying ask for request options wherever they are.
	lookForLogin bool
	// trouble is what the trial with the profile came to, where that was not success.
	trouble string
	// problem and noLogin are why no valid registration or login was finished.
	problem, noLogin string

	allowList, excludeList, usernameless bool
	// honours are the extensions that were asked for, and whether the options carried them.
	honours     map[string]bool
	attestation attestation
	// users are the user.id of options, each for a fresh user of ours.
	users []string
}

func (pl *plan) seeUser(options json.RawMessage) {
	var o struct {
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	if json.Unmarshal(options, &o) == nil && o.User.ID != "" {
		pl.users = append(pl.users, o.User.ID)
	}
}

// nameless says whether the request for login options has no place for an account's name.
func (pl *plan) nameless() bool {
	o := pl.shape.Authentication.Options
	text := o.Path + o.Body
	for _, m := range []map[string]string{o.Query, o.Form, o.Headers} {
		for _, v := range m {
			text += v
		}
	}
	return !strings.Contains(text, "user.")
}

// oneUser says whether the RP has the same user for everybody.
func (pl *plan) oneUser() bool {
	return len(pl.users) > 1 && len(slices.Compact(slices.Sorted(slices.Values(pl.users)))) == 1
}

// side is one ceremony.
type side struct {
	found     *found
	text      bool
	asked     *seen
	good, bad *seen
}

func (s *search) plan(c *candidate) *plan {
	return &plan{shape: c.shape, prefix: c.prefix, opts: c.opts, account: c.account, vars: s.Vars, given: s.RPID != "" || s.Origin != ""}
}

// writer writes YAML, a line at a time.
type writer struct {
	b      strings.Builder
	indent int
}

func (w *writer) line(format string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", w.indent) + fmt.Sprintf(format, args...) + "\n")
}

func (w *writer) comment(format string, args ...any) {
	text := visible(strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+len(word)+1 > 100 && line != "#" {
			w.line("%s", line)
			line = "#"
		}
		line += " " + word
	}
	w.line("%s", line)
}

// in writes a mapping below a key.
func (w *writer) in(key string, body func()) {
	w.line("%s:", key)
	w.indent++
	body()
	w.indent--
}

// value writes a key and a text, in the plainest form that reads back as it was.
func (w *writer) value(key, text string) {
	if strings.Contains(text, "\n") {
		w.line("%s: |", key)
		w.indent++
		for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
			w.line("%s", l)
		}
		w.indent--
		return
	}
	w.line("%s: %s", key, scalarYAML(text))
}

var plainScalar = regexp.MustCompile(`^[A-Za-z./(][^:#\x00-\x1f\x7f]*$|^[A-Za-z]+://[^#\s]+$`)

// scalarYAML quotes where YAML would read anything but the text.
func scalarYAML(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", ".inf", ".nan":
		return "'" + s + "'"
	}
	if plainScalar.MatchString(s) && strings.TrimSpace(s) == s {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

func keyYAML(s string) string {
	if identifierOrHeader.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

var identifierOrHeader = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*\??$`)

func (w *writer) texts(key string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	w.in(key, func() {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			w.value(keyYAML(k), m[k])
		}
	})
}

// step writes a step as an item of a list; more writes what only the caller knows.
func (w *writer) step(s Step, prefix string, more func()) {
	w.line("- id: %s", s.ID)
	w.indent++
	if s.Method != "" {
		w.value("method", s.Method)
	}
	w.value("path", prefix+s.Path)
	w.texts("query", s.Query)
	w.texts("headers", s.Headers)
	if s.Body != "" {
		w.in("body", func() { w.value("json", s.Body) })
	}
	if len(s.Form) > 0 {
		w.in("body", func() { w.texts("form", s.Form) })
	}
	w.texts("save", s.Save)
	if more != nil {
		more()
	}
	w.indent--
}

// common is what profiles for asking, for trying and for the user have alike.
func (pl *plan) common(w *writer) {
	if len(pl.shape.Vars) > 0 {
		w.in("vars", func() {
			var names []string
			for k := range pl.shape.Vars {
				names = append(names, k)
			}
			slices.Sort(names)
			for _, k := range names {
				v := pl.shape.Vars[k]
				w.in(k, func() {
					w.value("env", v.Env)
					if given, ok := pl.vars[k]; ok {
						v.Value = given
					}
					if v.Value != "" {
						w.value("value", v.Value)
					}
				})
			}
		})
	}
	w.texts("headers", pl.shape.Headers)
	w.texts("user", pl.shape.User)
	if pl.account {
		w.in("account", func() {
			for _, list := range []struct {
				key   string
				steps []Step
			}{{"create", pl.shape.Account.Create}, {"login", pl.shape.Account.Login}} {
				if len(list.steps) > 0 {
					w.in(list.key, func() {
						for _, s := range list.steps {
							w.step(s, pl.prefix, func() {
								w.value("success", ".res.status >= 200 and .res.status < 300")
								w.value("answer", "any")
							})
						}
					})
				}
			}
		})
	}
}

// permissive is how trials read answers: all that has a status is an answer.
func permissive(w *writer) {
	w.line("dialect: trial")
	w.value("success", ".res.status >= 200 and .res.status < 300")
	w.value("failure", ".res.status >= 300")
	w.line("answer: any")
	w.line("failureAnswer: any")
}

// asking is a profile that takes any answer for options, to see where they are.
func (pl *plan) asking() string {
	w := &writer{}
	permissive(w)
	pl.common(w)
	w.in("ceremonies", func() { pl.ceremony(w, "registration", pl.shape.Registration, ".res", nil) })
	return w.b.String()
}

// trying is a profile with which ceremonies can be finished and their answers seen.
func (pl *plan) trying() string {
	w := &writer{}
	permissive(w)
	pl.common(w)
	w.in("ceremonies", func() {
		pl.ceremony(w, "registration", pl.shape.Registration, pl.registration.found.expression(pl.registration.text), &pl.registration)
		switch {
		case pl.lookForLogin:
			pl.ceremony(w, "authentication", pl.shape.Authentication, ".res", nil)
		case pl.authentication.found != nil:
			pl.ceremony(w, "authentication", pl.shape.Authentication, pl.authentication.found.expression(pl.authentication.text), &pl.authentication)
		}
	})
	return w.b.String()
}

// ceremony writes a ceremony that is only tried.
func (pl *plan) ceremony(w *writer, kind string, c Ceremony, options string, s *side) {
	w.in(kind, func() {
		if s != nil && s.text {
			w.value("challengeEncoding", "text")
		}
		w.in("steps", func() {
			w.step(c.Options, pl.prefix, func() { w.value("options", options) })
			w.step(c.Result, pl.prefix, func() { w.line("result: true") })
		})
	})
}

func header(w *writer) {
	w.line("# yaml-language-server: $schema=profile.schema.json")
	w.comment("(touchstone profile schema > profile.schema.json makes that file; docs/profile.md explains every key)")
	w.line("#")
}

// where writes the target, as far as it differs from what the URL says.
func where(w *writer, o target.Options, given bool) {
	w.line("")
	w.in("target", func() {
		w.value("url", o.URL)
		if o.RPID != "" {
			if !given {
				w.comment("observed: rp.id of the creation options")
			}
			w.value("rpId", o.RPID)
		}
		if o.Origin != "" {
			if !given {
				w.comment("assumed: no answer names the origin that the RP accepts")
			}
			w.value("origin", o.Origin)
		}
	})
}

// copied writes an example profile with the target in front.
func (s *search) copied(c *candidate, name string) string {
	w := &writer{}
	header(w)
	w.comment("Written by touchstone init: this RP answers as %s does. Below the target is the example profile %s as it is shipped; what it says of features and policy is that project's, so see whether it is yours.", c.shape.Title, name)
	if c.trouble != "" {
		w.comment("It does not work yet: %s", c.trouble)
	}
	if p, err := c.shape.load(name); err == nil {
		for _, v := range slices.Sorted(maps.Keys(s.varsOf(p))) {
			w.comment("init was given --var %s=...; write the value under vars below, or give it to run as well.", v)
		}
	}
	where(w, c.opts, s.RPID != "" || s.Origin != "")
	w.line("")
	text, err := profiles.Text(name)
	if err != nil {
		return ""
	}
	w.b.Write(text)
	return w.b.String()
}

// short writes a profile that extends a shipped dialect.
func (s *search) short(c *candidate, dialect string, found attestation) string {
	if c.shape.Example != "" {
		return s.copied(c, dialect)
	}
	w := &writer{}
	header(w)
	w.comment("Written by touchstone init: this RP answers as %s does, so the shipped dialect %s says how to speak to it. What is below is laid over the dialect.", c.shape.Title, dialect)
	if c.trouble != "" {
		w.comment("It does not work yet: %s", c.trouble)
	}
	w.line("extends: %s", dialect)
	if p, err := target.LoadDialect(dialect); err == nil {
		w.texts("vars", s.varsOf(p))
	}
	where(w, c.opts, s.RPID != "" || s.Origin != "")
	w.line("")
	w.comment("What the RP decides by itself. Observed in the options, where nothing was asked for:")
	w.in("policy", func() {
		policies(w, c.options)
		trust(w, found)
	})
	w.line("")
	absences(w, found)
	return w.b.String()
}

// absences says how a profile declares what the RP has not.
func absences(w *writer, found attestation) {
	w.comment("What the RP lacks by intention is declared with the reason, which the report repeats. Not everything that the dialect declares was probed; a run tells.")
	w.line("# features:")
	if len(found.refused)+len(found.lacking) == 0 {
		w.line("#   attestation.tpm: {absent: the RP takes formats none and packed only}")
	}
	formats(w, found, "  ")
}

// trust says what is known of attestation.
func trust(w *writer, found attestation) {
	if found.takes {
		w.comment("observed: an attestation of format packed under a root of the suite's own was accepted. If the RP was given that root, write trust: all in place of this.")
		w.line("untrusted: accept")
		return
	}
	w.comment("not probed: which attestation roots the RP trusts. Without a word here, checks that need trust are not applicable. Where the RP does not look for trust, or refuses what it does not trust:")
	w.line("# untrusted: accept")
	w.line("# untrusted: reject")
}

// formats tells of attestation that was refused, and how it would be declared.
func formats(w *writer, found attestation, indent string) {
	if len(found.lacking) > 0 {
		w.comment("observed: asked for, and not in the options: the extensions %s. Where the RP has no use for them:", strings.Join(found.lacking, ", "))
		for _, e := range found.lacking {
			w.line("# %sextension.%s: {absent: the RP does not use it}", indent, e)
		}
	}
	if len(found.refused) == 0 {
		return
	}
	w.comment("observed: refused under the suite's own roots, where packed was accepted: %s. A run fails for them. Many an RP lacks a format, or takes it under its vendor's root only; where that is so by intention:", strings.Join(found.refused, ", "))
	for _, f := range found.refused {
		w.line("# %sattestation.%s: {absent: \"the RP does not have it, or takes it under the vendor's root only\"}", indent, f)
	}
}

// policies are what creation options say when nothing is asked for.
func policies(w *writer, f *found) {
	selection, _ := f.value["authenticatorSelection"].(map[string]any)
	for _, p := range []struct {
		name   string
		value  any
		values []string
		absent string
	}{
		{"user-verification", selection["userVerification"], []string{"required", "preferred", "discouraged"}, "preferred"},
		{"resident-key", selection["residentKey"], []string{"required", "preferred", "discouraged"}, ""},
		{"attestation", f.value["attestation"], []string{"none", "indirect", "direct", "enterprise"}, "none"},
	} {
		text, _ := p.value.(string)
		switch {
		case slices.Contains(p.values, text):
			w.value(p.name, text)
		case p.value == nil && p.absent != "":
			w.line("%s: %s # not in the options, which means this", p.name, p.absent)
		default:
			w.line("%s: unknown # the options do not say", p.name)
		}
	}
}

// extensions are the features that need a way to ask for extensions.
var extensions = []string{"appid", "appidExclude", "example.extension.bool", "credProps", "uvm", "credProtect", "prf", "largeBlob", "hmacCreateSecret", "minPinLength", "credBlob"}

// asks are the features request.*, by what their reason says.
var asks = []struct{ name, member string }{
	{"user-verification", "userVerification"},
	{"attestation", "attestation"},
	{"resident-key", "residentKey"},
	{"attachment", "authenticatorAttachment"},
	{"extensions", "extensions"},
}

// write is the profile for the user.
func (pl *plan) write() string {
	w := &writer{}
	header(w)
	w.comment("Written by touchstone init from the shape of %s and from what the RP answered. \"Observed\" is what the RP did, \"assumed\" is what is usual.", pl.shape.Title)
	if pl.shape.Note != "" {
		w.comment("%s", pl.shape.Note)
	}
	if pl.problem != "" {
		w.comment("No registration went through: %s. What is below is the shape's word, not seen to work.", pl.problem)
	} else if g := pl.registration.good; g != nil && g.status >= 300 {
		w.comment("No registration went through: a valid result was answered %s. What is below is the shape's word, not seen to work.", g.said())
	}
	if pl.trouble != "" {
		w.comment("It does not work yet: %s", pl.trouble)
	}
	w.line("dialect: %s", pl.shape.Name)
	w.value("title", "an RP in the shape of "+pl.shape.Title)
	if len(pl.shape.Documents) > 0 {
		w.in("documents", func() {
			for _, d := range pl.shape.Documents {
				w.line("- %s", d)
			}
		})
	}
	where(w, pl.opts, pl.given)
	w.line("")
	pl.common(w)
	reg := derive(pl.registration.good, pl.registration.bad)
	pl.verdict(w, reg)
	w.line("")
	pl.features(w)
	w.line("")
	w.comment("What the RP decides by itself. Observed in the options, where nothing was asked for:")
	w.in("policy", func() {
		policies(w, pl.registration.found)
		trust(w, pl.attestation)
	})
	w.line("")
	w.in("ceremonies", func() {
		pl.full(w, "registration", pl.shape.Registration, &pl.registration, verdict{})
		if pl.authentication.found == nil {
			w.comment("not found: a login. %s", pl.noLogin)
			return
		}
		auth := derive(pl.authentication.good, pl.authentication.bad)
		if pl.authentication.good == nil {
			auth = verdict{}
		}
		if auth.success == reg.success && auth.failure == reg.failure && auth.answer == reg.answer && auth.failureAnswer == reg.failureAnswer {
			auth = verdict{}
		}
		pl.full(w, "authentication", pl.shape.Authentication, &pl.authentication, auth)
	})
	return w.b.String()
}

func (pl *plan) verdict(w *writer, v verdict) {
	good, bad := "none was seen", "none was seen"
	if pl.registration.good != nil {
		good = pl.registration.good.said()
	}
	if pl.registration.bad != nil {
		bad = pl.registration.bad.said()
	}
	w.line("")
	w.comment("Success and refusal. Observed for a valid registration: %s; for one with a wrong challenge: %s.", good, bad)
	if v.doubt != "" {
		w.comment("Doubtful: %s.", v.doubt)
	}
	w.value("success", v.success)
	w.value("failure", v.failure)
	if v.message != "" {
		w.value("message", v.message)
	}
	w.value("answer", v.answer)
	w.value("failureAnswer", v.failureAnswer)
}

// full writes a ceremony for the user.
func (pl *plan) full(w *writer, kind string, c Ceremony, s *side, own verdict) {
	w.in(kind, func() {
		if s.text {
			w.comment("The challenge's bytes are its text, not what that decodes to.")
			w.value("challengeEncoding", "text")
		}
		w.in("steps", func() {
			w.step(c.Options, pl.prefix, func() {
				w.comment("observed: the options are at %s%s", s.found.at, beside(s))
				w.value("options", s.found.expression(s.text))
				w.value("success", fmt.Sprintf(".res.status == %d and (%s | type == \"object\" and has(\"challenge\"))", s.asked.status, s.found.at))
				w.line("answer: json")
				w.comment("%s", pl.session(s))
			})
			w.step(c.Result, pl.prefix, func() {
				w.line("result: true")
				if own.success != "" {
					w.comment("observed for a valid login: %s; for one with a wrong challenge: %s", s.good.said(), saidOr(s.bad))
					if own.doubt != "" {
						w.comment("Doubtful: %s.", own.doubt)
					}
					w.value("success", own.success)
					w.value("failure", own.failure)
					w.value("answer", own.answer)
					w.value("failureAnswer", own.failureAnswer)
				}
			})
		})
		w.comment("where in the result's body each member is")
		w.in("roles", func() {
			at := c.Credential
			w.value("id", at+"/id")
			w.value("rawId", at+"/rawId")
			w.value("type", at+"/type")
			w.value("response", at+"/response")
			w.value("clientDataJSON", at+"/response/clientDataJSON")
			if kind == "registration" {
				w.value("attestationObject", at+"/response/attestationObject")
				w.value("transports", at+"/response/transports")
			} else {
				w.value("authenticatorData", at+"/response/authenticatorData")
				w.value("signature", at+"/response/signature")
				w.value("userHandle", at+"/response/userHandle")
			}
			w.value("extensionResults", at+"/"+c.ExtensionResults)
		})
	})
}

func saidOr(s *seen) string {
	if s == nil {
		return "none was seen"
	}
	return s.said()
}

func beside(s *side) string {
	if len(s.found.beside) == 0 {
		return ""
	}
	var names []string
	for _, k := range s.found.beside {
		names = append(names, first(k))
	}
	return ", with " + strings.Join(names, ", ") + " beside them"
}

// session says what ties the result to the options.
func (pl *plan) session(s *side) string {
	var ids []string
	for _, k := range s.found.beside {
		if v, ok := s.found.value[k].(string); ok && len(v) >= 8 {
			ids = append(ids, first(k))
		}
	}
	switch {
	case len(s.asked.cookie) > 0:
		return "observed: the answer sets the cookie " + strings.Join(s.asked.cookie, ", ") + ", which goes back with the result"
	case s == &pl.authentication && len(pl.registration.asked.cookie) > 0:
		return "observed: no cookie is set here; the browser that was looked with has " + strings.Join(pl.registration.asked.cookie, ", ") + " from its registration"
	case len(ids) > 0:
		return "observed: no cookie is set here; " + strings.Join(ids, ", ") + " may have to go back with the result (capture it here, and put it into the result's body)"
	}
	return "observed: no cookie is set here; the session is from an earlier answer, or the challenge itself is the tie"
}

func (pl *plan) features(w *writer) {
	w.comment("What the RP has, and what it has not with the reason. What is not mentioned is tried by a run.")
	w.in("features", func() {
		absent := func(name, reason string) { w.line("%s: {absent: %s}", name, reason) }
		for _, a := range asks {
			if !slices.Contains(pl.shape.Asks, a.name) {
				absent("request."+a.name, "the request for options has no member for "+a.member)
			}
		}
		switch {
		case pl.honours != nil:
			for _, e := range extensions {
				how := "observed"
				if e == "appid" {
					how = "assumed from appidExclude"
				}
				if pl.honours[e] {
					w.line("extension.%s: request # %s: the options carry it when it is asked for", e, how)
				} else {
					absent("extension."+e, "\""+how+": the options do not carry it when it is asked for\"")
				}
			}
		case !slices.Contains(pl.shape.Asks, "extensions"):
			for _, e := range extensions {
				absent("extension."+e, "extensions cannot be asked for")
			}
		}
		if pl.authentication.found == nil {
			absent("authentication", "not found by touchstone init")
		} else {
			switch {
			case pl.usernameless:
				w.line("login.usernameless: true # observed: options without a list, for any account")
			case pl.nameless():
				absent("login.usernameless", "\"not probed: the request for login options names no account, so that the session decides\"")
				absent("enumeration", "the request for login options names no account")
			default:
				absent("login.usernameless", "\"not seen: login options without a username\"")
			}
			if pl.allowList {
				w.line("login.username: true # observed")
				w.line("allow-list: true # observed")
			}
		}
		if pl.oneUser() {
			absent("account.isolated", "\"observed: the options are for the same user.id whoever asks\"")
		}
		if pl.excludeList {
			w.line("exclude-list: true # observed")
		}
		formats(w, pl.attestation, "")
		absent("session-probe", "\"not probed: no call is known that tells who is logged in (see probe)\"")
		absent("u2f-registration", "not part of the shape")
		absent("attestation.android-safetynet", "deprecated by WebAuthn Level 3")
		absent("origin.cross", "\"not probed: whether the RP expects frames of other origins\"")
		absent("conditional-create", "\"not probed: whether the RP takes registrations without user presence\"")
		absent("mds", "the RP was not given the suite's metadata BLOBs")
		absent("challenge.expiry", "\"not probed: how long a challenge lives\"")
	})
}
