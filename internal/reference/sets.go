package reference

import (
	"fmt"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// policies are what the reference RP decides so as to follow a requirement set.
// Under a set of the W3C's text nothing is on that goes beyond that text.
var policies = map[string]ceremony.Policy{
	"webauthn-3@2026-05": {},
	"webauthn-2@2021-04": {Level2: true},
	"fido-server@1.9.1": {
		RejectCounterRegression: true, RequireZeroU2FAAGUID: true, RejectMalformedTokenBinding: true,
		RefuseAnchorInChain: true, RequireTrust: true,
	},
}

// Policy is what the set asks of an RP where the specification leaves it a
// choice; no name is no set, and asks nothing.
func Policy(set string) (ceremony.Policy, error) {
	p, ok := policies[set]
	if !ok && set != "" {
		return p, fmt.Errorf("the reference RP has no policy for the requirement set %q", set)
	}
	return p, nil
}

// Apply gives a reference RP the policy of the set, beside what it has decided already.
func Apply(cfg *rp.Config, set string) error {
	p, err := Policy(set)
	if err != nil {
		return err
	}
	cfg.Policy = cfg.Policy.And(p)
	return nil
}
