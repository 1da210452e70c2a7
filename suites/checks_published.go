package suites

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/client"
)

// publishedChecks ask what a page gets from create() that hands it the RP's
// answer as it is, with nothing but the binary members decoded.
func publishedChecks() []*Check {
	return []*Check{{
		ID: "registration.client.literal-options", Title: "create() takes the options in the form in which the RP writes them",
		Level: Should, Requirements: []string{"touchstone/consumable"}, Needs: []string{"registration"}, Explains: true,
		Why: "A documented form that only the vendor's own script can translate leaves everybody else with TypeError or NotAllowedError: an alg that is a name becomes 0, a nested entity is not looked into, a misspelt member is not there.",
		Story: func(c *Case) {
			a := c.Account("alice", client.AuthenticatorConfig{})
			t := a.Begin(Registration, Setting{Algorithm: AnyAlgorithm}, false)
			literal, mapped, ok := literalOptions(t.Ceremony.Wire, t.Ceremony.Options)
			if !ok {
				c.NotApplicable("other-envelope", "the options do not stand in the answer by themselves, so that no page could pass it on as it is")
			}
			if literal["rp"] == nil && literal["pubKeyCredParams"] == nil && mapped["rp"] != nil && mapped["pubKeyCredParams"] != nil {
				c.NotApplicable("other-envelope", "the answer has parts of options only, such as the challenge, of which the page makes them")
			}
			whole := c.outcomeOf(a, literal)
			if whole == "" {
				return
			}
			var parts []string
			for _, name := range differing(literal, mapped) {
				changed := map[string]json.RawMessage{}
				for k, v := range mapped {
					changed[k] = v
				}
				if v, there := literal[name]; there {
					changed[name] = v
				} else {
					delete(changed, name)
				}
				parts = append(parts, memberStory(name, literal, c.outcomeOf(a, changed)))
			}
			if len(parts) == 0 {
				c.Fail("not-consumable", "create() with the options as the RP writes them fails with %s", whole)
			}
			c.Fail("not-consumable", "create() with the options as the RP writes them fails with %s; alone: %s", whole, strings.Join(parts, "; "))
		},
	}}
}

// outcomeOf runs create() on an authenticator of its own; empty means that it resolved.
func (c *Case) outcomeOf(a *Account, options map[string]json.RawMessage) string {
	raw, err := json.Marshal(options)
	if err != nil {
		c.broken(err)
	}
	a.PlugAnother(client.AuthenticatorConfig{})
	var refused *client.Error
	switch _, err := c.Page().Create(c.ctx, raw); {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return refused.Name
	default:
		c.broken(fmt.Errorf("create() in %s: %w", c.lane.client.Name(), err))
		return ""
	}
}

// memberStory says what one member in the RP's own form does.
func memberStory(name string, literal map[string]json.RawMessage, outcome string) string {
	what := name + " as it is"
	if _, there := literal[name]; !there {
		what = "without " + name
		for k := range literal {
			if strings.EqualFold(k, name) || k+"s" == name || k == name+"s" {
				what += " (the answer has " + k + ")"
			}
		}
	} else if v := literal[name]; bytes.Contains(v, []byte(`"entity"`)) {
		what = name + " with its members nested in entity"
	} else if gone := withoutMembers(name, v); gone != "" {
		what = name + " without " + gone
	} else if name == "pubKeyCredParams" {
		what = name + " " + shortJSON(v)
	}
	if outcome == "" {
		return what + " does no harm: what a client does not know it does not look at"
	}
	return what + ": " + outcome
}

// requiredMembers are those of rp and user that every client wants
// (https://www.w3.org/TR/webauthn-3/#dictionary-pkcredentialentity).
var requiredMembers = map[string][]string{"rp": {"name"}, "user": {"id", "name", "displayName"}}

// withoutMembers names the required members that an entity has not.
func withoutMembers(name string, v json.RawMessage) string {
	var entity map[string]json.RawMessage
	if json.Unmarshal(v, &entity) != nil {
		return ""
	}
	var gone []string
	for _, member := range requiredMembers[name] {
		if _, there := entity[member]; !there {
			gone = append(gone, member)
		}
	}
	return strings.Join(gone, " and ")
}

func shortJSON(v json.RawMessage) string {
	if text := string(compact(v)); len(text) <= 80 {
		return text
	}
	return string(compact(v)[:77]) + "..."
}

// literalOptions are the options as they stand in the answer, where they stand
// by themselves, and as the dialect maps them. Binary members are taken from
// the mapped ones, as every page has to decode them by itself.
func literalOptions(wire, options json.RawMessage) (literal, mapped map[string]json.RawMessage, ok bool) {
	if json.Unmarshal(wire, &literal) != nil || json.Unmarshal(options, &mapped) != nil || literal["challenge"] == nil || mapped["challenge"] == nil {
		return nil, nil, false
	}
	literal["challenge"] = mapped["challenge"]
	if v := literal["excludeCredentials"]; v != nil && string(v) != "null" && mapped["excludeCredentials"] != nil {
		literal["excludeCredentials"] = mapped["excludeCredentials"]
	}
	var user, good map[string]json.RawMessage
	if json.Unmarshal(literal["user"], &user) == nil && json.Unmarshal(mapped["user"], &good) == nil && user["id"] != nil {
		user["id"] = good["id"]
		if raw, err := json.Marshal(user); err == nil {
			literal["user"] = raw
		}
	}
	return literal, mapped, true
}

// differing are the members of a creation that the two forms write differently.
func differing(literal, mapped map[string]json.RawMessage) []string {
	var out []string
	for _, name := range []string{"rp", "user", "pubKeyCredParams", "timeout", "excludeCredentials", "authenticatorSelection", "attestation", "extensions", "hints"} {
		if !sameJSON(literal[name], mapped[name]) {
			out = append(out, name)
		}
	}
	return slices.Clip(out)
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	if a != nil && json.Unmarshal(a, &x) != nil || b != nil && json.Unmarshal(b, &y) != nil {
		return false
	}
	m, err := json.Marshal(x)
	n, err2 := json.Marshal(y)
	return err == nil && err2 == nil && bytes.Equal(m, n)
}
