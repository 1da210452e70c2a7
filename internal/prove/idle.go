package prove

import (
	"slices"

	"github.com/touchstone-webauthn/touchstone/suites"
)

// idle are the checks that caught none of the bugs.
func idle(checks []*suites.Check, bugs []Result) []Idle {
	out := []Idle{}
	for _, c := range checks {
		if !slices.ContainsFunc(bugs, func(r Result) bool { return slices.Contains(r.KilledBy, c.ID) }) {
			out = append(out, Idle{c.ID, Excuse(c.ID)})
		}
	}
	return out
}

// excuses say why a check may catch nothing. Each was looked at by hand.
var excuses = map[string]string{
	"registration.accepted.plain":                                    "who fails it fails the ceremonies that open the run, and nothing else is asked",
	"registration.accepted.conveyance-none":                          "who fails it fails the ceremonies that open the run, and nothing else is asked",
	"registration.authenticator-data.credential-id-length-too-short": "what it cuts off stands where the key should be: which step notices depends on what the bytes say, and several do",
	"registration.public-key.alg-not-offered":                        "its key says -65000, which nobody verifies: real-alg-not-offered has the same question with a key that the RP could verify",
	"registration.page.framed-as-declared":                           "asked where the profile names who may frame the RP, which nobody may frame by default; suites tests it on one that has embedders",
	"authentication.page.framed-as-declared":                         "asked where the profile names who may frame the RP, which nobody may frame by default; suites tests it on one that has embedders",
	"authentication.envelope.user-handle-number":                     "asked where the client sends a user handle though the user was named, which the default proof's client does not",
}

// Excuse is why the check with this id may catch no bug of the reference RP; empty: it may not.
func Excuse(id string) string { return excuses[id] }

// Excused are the ids that have an excuse.
func Excused() []string {
	var ids []string
	for id := range excuses {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
