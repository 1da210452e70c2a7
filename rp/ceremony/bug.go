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
	// Also are further rows that it breaks, such as that of the other ceremony.
	Also []string `json:"also,omitempty"`
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
	// Set is the requirement set in which it shows; empty: the current one. The RP
	// has that set's policy then.
	Set string `json:"set,omitempty"`
}

// Requirements are all rows that the bug breaks, the first the one it is filed under.
func (b Bug) Requirements() []string { return append([]string{b.Requirement}, b.Also...) }

// Severities, worst first.
var Severities = []string{"critical", "high", "medium", "low"}

// deviation is a Bug with what makes it happen.
type deviation struct {
	Bug
	leaveOut []string
	// unwatched: a Watch cannot tell of it, because a hook of a step changes what the RP holds.
	unwatched bool
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
		bindingBugs(), attestationBugs(), attestationDetailBugs(), copyBugs(), optionBugs(), accountBugs(), appIDBugs(), strictBugs(), extensionBugs(), setBugs())
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
		Level2:                      p.Level2 || q.Level2,
		RejectUnsolicitedExtensions: p.RejectUnsolicitedExtensions || q.RejectUnsolicitedExtensions,
	}
}

// StepRequirement is the ledger's row of a step of §7 or §8.
func StepRequirement(s Step) string {
	if row, ok := stepRows[s.Name]; ok {
		if strings.HasPrefix(row, "ctap-2/") || strings.HasPrefix(row, "fido-server/") || strings.HasPrefix(row, "webauthn-2/") {
			return row
		}
		return "webauthn-3/" + row
	}
	parts := strings.Split(s.Name, ".")
	switch {
	case len(parts) >= 4 && (parts[2] == "13" && parts[1] == "1" || parts[2] == "7" && parts[1] == "2"):
		// What a reader of CBOR looks at.
		return "webauthn-3/6/cbor-" + parts[3]
	case len(parts) > 3 && parts[0] == "7" && keySections[parts[3]] != "":
		return "webauthn-3/" + keySections[parts[3]] + "/" + parts[3]
	case len(parts) > 3 && parts[0] == "7" && finer[parts[1]+"."+parts[2]]:
		return "webauthn-3/7." + parts[1] + "/step-" + parts[2] + "." + parts[3]
	case len(parts) >= 3 && parts[0] == "7":
		return "webauthn-3/7." + parts[1] + "/step-" + parts[2]
	}
	section, name, _ := cutLast(s.Name)
	return "webauthn-3/" + section + "/" + name
}

// Steps of §7 whose parts have rows of their own.
var finer = map[string]bool{"1.11": true, "1.24": true, "2.6": true, "2.14": true, "2.19": true, "2.24": true}

// keySections are where the demands on a credential public key stand.
var keySections = map[string]string{
	"key-type": "5.8.5", "curve": "5.8.5", "uncompressed": "5.8.5", "size": "5.8.5", "point": "5.8.5",
	"members": "6.5.1", "no-private": "6.5.1", "no-optional": "6.5.1",
}

// stepRows are the rows of steps that the text has elsewhere than the step.
var stepRows = map[string]string{
	"7.1.3.type": "5.1/type", "7.2.3.type": "5.1/type", "7.1.3.raw-id": "5.1/id-is-raw-id", "7.2.3.raw-id": "5.1/id-is-raw-id",
	"7.1.8.session": "13.4.3/session", "7.1.8.kind": "13.4.3/ceremony", "7.1.8.single-use": "13.4.3/single-use", "7.1.8.expiry": "13.4.3/expiry",
	"7.2.11.session": "13.4.3/session", "7.2.11.kind": "13.4.3/ceremony", "7.2.11.single-use": "13.4.3/single-use", "7.2.11.expiry": "13.4.3/expiry",
	"7.1.13.attested-data": "6.1/attested-data", "7.1.13.extension-data": "6.1/extension-data", "7.1.13.length": "6.1/length", "7.1.13.credential-id": "7.1/step-27.id",
	"7.2.7.no-attested-data": "6.1/no-attested-data", "7.2.7.extension-data": "6.1/extension-data", "7.2.7.length": "6.1/length",
	"7.1.20.algorithm": "6.5.1/alg", "7.1.20.rsa": "5.8.5/rsa-strength", "7.1.24": "7.1/step-24.anchor",
	"7.1.28.cred-protect": "ctap-2/cred-protect/level", "7.2.15.appid": "10.1.1/appid-output", "8.2.1.subject": "8.2.1/unit",
	"7.1.6.token-binding": "fido-server/token-binding", "7.2.9.token-binding": "fido-server/token-binding",
	"7.1.6.token-binding-state": "webauthn-2/7.1/step-10", "7.2.9.token-binding-state": "webauthn-2/7.2/step-14",
	"7.1.24.anchor-in-chain": "fido-server/no-anchor-in-chain", "8.6.zero-aaguid": "fido-server/u2f-zero-aaguid",
}

// and is d that breaks further requirements, too.
func (d deviation) and(requirements ...string) deviation {
	d.Also = append(d.Also, requirements...)
	return d
}

// breaks is d with another requirement than its kind's.
func (d deviation) breaks(requirement string) deviation {
	d.Requirement = requirement
	return d
}

// Nearest is the one of names that is nearest to what was typed.
func Nearest(typed string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return slices.MinFunc(names, func(a, b string) int { return distance(a, typed) - distance(b, typed) })
}
