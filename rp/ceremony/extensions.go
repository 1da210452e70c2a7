package ceremony

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/touchstone-webauthn/touchstone/rp/cose"
)

// asking tells which client extension inputs let an authenticator extension
// output appear under a name of its own.
var asking = map[string][]string{
	"credProtect": {"credentialProtectionPolicy"},
	"hmac-secret": {"hmacCreateSecret", "hmacGetSecret", "prf"},
	"credBlob":    {"credBlob", "getCredBlob"},
}

// checkUnsolicited is policy: the specification lets an RP ignore extension
// outputs that nobody asked for, and demands only that it survives them.
func (c *common) checkUnsolicited() error {
	if !c.policy().RejectUnsolicitedExtensions {
		return nil
	}
	var names []string
	for name := range c.outputs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, ok := c.extensions[name]; !ok {
			return fmt.Errorf("the client extension output %s was not asked for", show(name))
		}
	}
	if !c.ad.hasExtensions {
		return nil
	}
	keys, _ := c.ad.extensions.TextKeys()
	for _, name := range keys {
		_, asked := c.extensions[name]
		for _, input := range asking[name] {
			_, ok := c.extensions[input]
			asked = asked || ok
		}
		if !asked {
			return fmt.Errorf("the authenticator extension output %s was not asked for", show(name))
		}
	}
	return nil
}

// checkCredProtect: an RP that enforces a protection level compares what came.
// An output that is missing is no refusal: step 28 wants RPs to live with that.
func (r *registration) checkCredProtect() error {
	levels := map[string]int64{"userVerificationOptional": 1, "userVerificationOptionalWithCredentialIDList": 2, "userVerificationRequired": 3}
	var policy string
	var enforce bool
	if json.Unmarshal(r.extensions["credentialProtectionPolicy"], &policy) != nil ||
		json.Unmarshal(r.extensions["enforceCredentialProtectionPolicy"], &enforce) != nil || !enforce || !r.ad.hasExtensions {
		return nil
	}
	got, ok := r.ad.extensions.Get("credProtect")
	if !ok {
		return nil
	}
	if got.Kind != cose.Unsigned || got.Int < levels[policy] {
		return fmt.Errorf("credProtect is %d, less than the level %d that was enforced", got.Int, levels[policy])
	}
	return nil
}
