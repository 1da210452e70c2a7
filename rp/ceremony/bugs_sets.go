package ceremony

import (
	"bytes"
	"slices"
)

const (
	fidoServerSet = "fido-server@1.9.1"
	level2Set     = "webauthn-2@2021-04"
)

// setBugs break what only one requirement set asks, and show in it alone.
func setBugs() []deviation {
	issued := func(b Bug, creation func(*pending, *CreationOptions), request func(*pending, *RequestOptions)) deviation {
		return deviation{Bug: b, hooks: func() hooks {
			return hooks{
				created:   func(_ *state, p *pending, o *CreationOptions) { creation(p, o) },
				requested: func(_ *state, p *pending, _ AuthenticationRequest, o *RequestOptions) { request(p, o) },
			}
		}}
	}
	long := func(p *pending) []byte {
		p.challenge = slices.Concat(p.challenge, p.challenge, p.challenge)
		return bytes.Clone(p.challenge)
	}
	return []deviation{
		issued(Bug{Name: "challenge-of-96-bytes", Title: "issues challenges of three times the size", Class: "options", Requirement: "fido-server/challenge-size", Severity: "low", Set: fidoServerSet},
			func(p *pending, o *CreationOptions) { o.Challenge = long(p) }, func(p *pending, o *RequestOptions) { o.Challenge = long(p) }),
		issued(Bug{Name: "rp-id-left-out", Title: "leaves the RP ID to the client", Class: "options", Requirement: "fido-server/rp-id", Severity: "low", Set: fidoServerSet},
			func(_ *pending, o *CreationOptions) { o.RPID = "" }, func(_ *pending, o *RequestOptions) { o.RPID = "" }),
		{Bug: Bug{Name: "strict-uvm", Title: "refuses an answer without the uvm that it asked for", Class: "over-strict", Requirement: "webauthn-2/10.3/uvm", Severity: "medium", OverStrict: true, Set: level2Set},
			hooks: both("7.1.28", "7.2.23", func(c *common, check check) error {
				_, asked := c.extensions["uvm"]
				if _, came := c.outputs["uvm"]; asked && !came {
					return errStrict
				}
				return check()
			})},
	}
}
