package suites_test

import (
	"strings"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// leftOutUnnoticed says why no check notices that the reference RP leaves out a
// step; empty for steps that some check must notice.
func leftOutUnnoticed(step string) string {
	return ceremony.Unnoticeable(step)
}

// dialectOf is the dialect that a step belongs to; empty for those of the core.
func dialectOf(step string) string {
	d, _, _ := strings.Cut(step, ".")
	if d == "u2f" { // the one dialect that has U2F registrations
		return "fortanix"
	}
	return d
}

// leftOutPolicy is what the reference RP must have decided for a step to do anything.
func leftOutPolicy(step string, cfg *rp.Config) {
	switch step {
	case "7.2.22", "7.2.24.1":
		cfg.Policy.RejectCounterRegression = true
	case "7.1.24.none":
		cfg.Policy.RefuseNone = true
	case "7.1.24.self":
		cfg.Policy.RefuseSelf = true
	}
}
