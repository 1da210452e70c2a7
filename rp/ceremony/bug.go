package ceremony

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Bug is one deliberate deviation of the reference RP, by name. Each has one
// cause; what differs only in algorithm, format or dialect is one bug.
type Bug struct {
	// Name is human and stable: origin-prefix, skips-7.1.7.
	Name string `json:"name"`
	// Title says what the RP does wrong.
	Title string `json:"title"`
	// Class groups bugs: origin, challenge, signature, options, ...
	Class string `json:"class"`
	// Requirement is the id of the ledger's row that is broken, or an anchor.
	Requirement string `json:"requirement"`
	// Severity is critical (a stranger gets in), high, medium or low.
	Severity string `json:"severity"`
	// ModelledOn are published records of the same defect.
	ModelledOn []string `json:"modelledOn,omitempty"`
	// Dialect is the dialect that has the bug; empty: all have it, from the core.
	Dialect string `json:"dialect,omitempty"`
	// SeenIn is the dialect in which it shows, where that is not fido.
	SeenIn string `json:"seenIn,omitempty"`
	// Like names the bug that it differs from in the attestation format alone; the
	// two count once.
	Like string `json:"like,omitempty"`
	// OverStrict tells that it refuses what is legal.
	OverStrict bool `json:"overStrict,omitempty"`
	// Policy is what the RP must have decided for the bug to show at all; it is
	// compared with a sound RP of the same policy.
	Policy Policy `json:"-"`
}

// Severities, worst first.
var Severities = []string{"critical", "high", "medium", "low"}

// deviation is a Bug with what makes it happen.
type deviation struct {
	Bug
	leaveOut []string
	// hooks are made anew for every RP: some remember.
	hooks func() hooks
}

// hooks are the places where a deviation can take hold. Zero members do nothing.
type hooks struct {
	// steps stand in the place of the checks of steps, by name. check is what the
	// step itself does.
	steps map[string]func(ceremony any, check func() error) error
	// created and requested change options that are about to be issued; the RP is locked.
	created   func(*state, *pending, *CreationOptions)
	requested func(*state, *pending, AuthenticationRequest, *RequestOptions)
	// settled sees how a ceremony ended.
	settled func(ceremony any, err error)
}

func (h hooks) create(s *state, p *pending, o *CreationOptions) *CreationOptions {
	if h.created != nil {
		h.created(s, p, o)
	}
	return o
}

func (h hooks) request(s *state, p *pending, req AuthenticationRequest, o *RequestOptions) *RequestOptions {
	if h.requested != nil {
		h.requested(s, p, req, o)
	}
	return o
}

// settle passes on how a ceremony ended.
func (h hooks) settle(ceremony any, err error) error {
	if h.settled != nil {
		h.settled(ceremony, err)
	}
	return err
}

// self is what a hook for both ceremonies works on.
func (c *common) self() *common { return c }

type check = func() error

// both hooks a check of a step of registration and of its sister of authentication.
func both(registration, authentication string, f func(*common, check) error) func() hooks {
	return func() hooks {
		g := func(t any, check func() error) error {
			return f(t.(interface{ self() *common }).self(), check)
		}
		return hooks{steps: map[string]func(any, func() error) error{registration: g, authentication: g}}
	}
}

// inRegistration hooks a check of a step of §7.1.
func inRegistration(name string, f func(*registration, check) error) func() hooks {
	return func() hooks {
		return hooks{steps: map[string]func(any, func() error) error{name: func(t any, check func() error) error {
			return f(t.(*registration), check)
		}}}
	}
}

// inAuthentication hooks a check of a step of §7.2.
func inAuthentication(name string, f func(*authentication, check) error) func() hooks {
	return func() hooks {
		return hooks{steps: map[string]func(any, func() error) error{name: func(t any, check func() error) error {
			return f(t.(*authentication), check)
		}}}
	}
}

func inCreation(f func(*state, *pending, *CreationOptions)) func() hooks {
	return func() hooks { return hooks{created: f} }
}

func inRequest(f func(*state, *pending, AuthenticationRequest, *RequestOptions)) func() hooks {
	return func() hooks { return hooks{requested: f} }
}

var deviations = sync.OnceValue(func() []deviation {
	return slices.Concat(skips(), originBugs(), clientDataBugs(), challengeBugs(), authDataBugs(), signatureBugs(),
		bindingBugs(), attestationBugs(), optionBugs(), strictBugs())
})

// Bugs are the deliberate defects of the core, each of which every dialect has.
func Bugs() []Bug {
	var all []Bug
	for _, d := range deviations() {
		all = append(all, d.Bug)
	}
	return all
}

// bent makes the configuration that of an RP with Config.Bug.
func (c Config) bent() (Config, hooks, error) {
	if c.Bug == "" {
		return c, hooks{}, nil
	}
	i := slices.IndexFunc(deviations(), func(d deviation) bool { return d.Name == c.Bug })
	if i < 0 {
		return c, hooks{}, fmt.Errorf("bug %q: none of the core has that name", c.Bug)
	}
	d := deviations()[i]
	c.LeaveOut = slices.Concat(c.LeaveOut, d.leaveOut)
	c.Policy = c.Policy.And(d.Policy)
	if d.hooks == nil {
		return c, hooks{}, nil
	}
	return c, d.hooks(), nil
}

// And is the stricter of both in everything.
func (p Policy) And(q Policy) Policy {
	return Policy{
		RejectCounterRegression:     p.RejectCounterRegression || q.RejectCounterRegression,
		RequireTrust:                p.RequireTrust || q.RequireTrust,
		RefuseNone:                  p.RefuseNone || q.RefuseNone,
		RefuseSelf:                  p.RefuseSelf || q.RefuseSelf,
		RequireZeroU2FAAGUID:        p.RequireZeroU2FAAGUID || q.RequireZeroU2FAAGUID,
		RejectMalformedTokenBinding: p.RejectMalformedTokenBinding || q.RejectMalformedTokenBinding,
		RefuseAnchorInChain:         p.RefuseAnchorInChain || q.RefuseAnchorInChain,
		AndroidTEEOnly:              p.AndroidTEEOnly || q.AndroidTEEOnly,
		RejectUnsolicitedExtensions: p.RejectUnsolicitedExtensions || q.RejectUnsolicitedExtensions,
	}
}

// StepRequirement is the ledger's row of a step of §7, or the step's anchor.
func StepRequirement(s Step) string {
	parts := strings.Split(s.Name, ".")
	if len(parts) >= 3 && parts[0] == "7" {
		return "webauthn-3/7." + parts[1] + "/step-" + parts[2]
	}
	return s.Anchor
}

// Nearest is the one of names that is nearest to what was typed.
func Nearest(typed string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return slices.MinFunc(names, func(a, b string) int { return distance(a, typed) - distance(b, typed) })
}
