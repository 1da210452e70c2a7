package suites

import (
	"github.com/touchstone-webauthn/touchstone/client"
	"github.com/touchstone-webauthn/touchstone/target"
	"github.com/touchstone-webauthn/touchstone/virtualauth"
)

// row is one check of a table: what differs from the table's base.
type row struct {
	// name is the last part of the id.
	name, title, why string
	fault            virtualauth.Faults
	wire             target.WireFaults
	// requirement, level and needs replace or add to the base's.
	requirement string
	// also is a further requirement that the row proves.
	also  string
	level Level
	needs []string
}

// table makes a check of every row. base brings the id's first parts, the
// ceremony, setting, expectation, level and requirements that the rows share.
func table(base Check, rows ...row) []*Check {
	out := make([]*Check, len(rows))
	for i, r := range rows {
		c := base
		c.ID = base.ID + "." + r.name
		c.Title, c.Why, c.Fault, c.Wire = r.title, r.why, r.fault, r.wire
		if r.requirement != "" {
			c.Requirements = []string{r.requirement}
		}
		if r.also != "" {
			c.Requirements = append(append([]string(nil), c.Requirements...), r.also)
		}
		if r.level != "" {
			c.Level = r.level
		}
		c.Needs = append(append([]string(nil), base.Needs...), r.needs...)
		out[i] = &c
	}
	return out
}

// self is a setting whose registration carries a packed self attestation.
var self = Setting{Authenticator: client.AuthenticatorConfig{SelfAttestation: true}}

// verified is a setting where user verification is required.
var verified = Setting{UserVerification: "required"}

// join concatenates tables.
func join(tables ...[]*Check) []*Check {
	var out []*Check
	for _, t := range tables {
		out = append(out, t...)
	}
	return out
}
