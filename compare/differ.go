package compare

import (
	"slices"
	"strings"
)

// Class says whose doing a difference is.
type Class string

// The classes of differences.
const (
	// RP: the options break a rule, and the clients notice differently.
	RP Class = "rp"
	// Browser: the client departs from the specification, or lacks a part of it.
	Browser Class = "browser"
	// Token: it comes of the virtual authenticator or of driving the browser, and
	// says nothing of the browser with a person's own authenticator.
	Token Class = "token"
	// Allowed: the specification leaves it to the client or the authenticator.
	Allowed Class = "allowed"
	// Unexplained: nothing here knows why.
	Unexplained Class = "unexplained"
)

// ClassText is the class for a person.
func (c Class) Text() string {
	switch c {
	case RP:
		return "the RP's options"
	case Browser:
		return "the client"
	case Token:
		return "the virtual authenticator"
	case Allowed:
		return "left open by the specification"
	default:
		return "unexplained"
	}
}

// Difference is a field in which one client departs from the reference.
type Difference struct {
	Field     string `json:"field"`
	Client    string `json:"client"`
	Value     string `json:"value"`
	Reference string `json:"reference"`
	Class     Class  `json:"class"`
	// Anchor is the statement that decides it; empty where none does.
	Anchor string `json:"anchor,omitempty"`
	Why    string `json:"why,omitempty"`
}

// differences holds every outcome against that of the reference: what was
// recorded; else the virtual client where it takes part, for it follows the
// specification in all that is not noted; else the first that could be asked.
func differences(in Input, found []Finding, outcomes []Outcome) (string, []Difference) {
	at := slices.IndexFunc(outcomes, func(o Outcome) bool { return o.Client == recordedName })
	if at < 0 {
		at = slices.IndexFunc(outcomes, func(o Outcome) bool { return o.Client == "virtual" && o.Cannot == "" })
	}
	if at < 0 {
		at = slices.IndexFunc(outcomes, func(o Outcome) bool { return o.Cannot == "" })
	}
	if at < 0 {
		return "", nil
	}
	ref := outcomes[at]
	var out []Difference
	for i, o := range outcomes {
		if i == at || o.Cannot != "" {
			continue
		}
		for _, field := range departures(ref.Fields, o.Fields) {
			if _, known := ref.Fields[field]; !known && ref.Client == recordedName {
				continue // what was not recorded is no difference
			}
			d := Difference{Field: field, Client: o.Client, Value: o.Fields[field], Reference: ref.Fields[field]}
			explain(&d, in, found, ref, o)
			out = append(out, d)
		}
	}
	return ref.Client, out
}

// departures names the fields that differ. Where the outcomes do, the rest says nothing more.
func departures(a, b Fields) []string {
	if a["outcome"] != b["outcome"] {
		return []string{"outcome"}
	}
	var out []string
	for _, name := range FieldNames {
		if a[name] != b[name] {
			out = append(out, name)
		}
	}
	return out
}

// Alike says that the clients do as the reference, but for what any two
// authenticators have different: AAGUID, counter and the length of ids.
func (c Comparison) Alike() bool {
	return !slices.ContainsFunc(c.Differences, func(d Difference) bool {
		return d.Field != "aaguid" && d.Field != "sign-count" && d.Field != "credential-id"
	})
}

// engine is the browser behind a client.
func engine(o Outcome) string {
	if o.Client != "webdriver" {
		return o.Client
	}
	if strings.Contains(strings.ToLower(o.Version), "firefox") {
		return "firefox"
	}
	return "chrome"
}
