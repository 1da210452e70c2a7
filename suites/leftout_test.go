package suites_test

import (
	"strings"

	"github.com/touchstone-webauthn/touchstone/rp"
	"github.com/touchstone-webauthn/touchstone/rp/ceremony"
)

// leftOutUnnoticed says why no check notices that the reference RP leaves out a
// step; empty for steps that some check must notice.
func leftOutUnnoticed(step string) string {
	if why := ceremony.Unnoticeable(step); why != "" {
		return why
	}
	for _, e := range []struct{ prefix, why string }{
		{"u2f.", "no check breaks a U2F registration"},
	} {
		if step == e.prefix || strings.HasPrefix(step, e.prefix+".") || strings.HasSuffix(e.prefix, ".") && strings.HasPrefix(step, e.prefix) {
			return e.why
		}
	}
	return ""
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
