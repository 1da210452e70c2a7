package ceremony

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/touchstone-webauthn/touchstone/rp/attestation"
)

// Step is one step of the specification, as the ledger and the documentation cite it.
type Step = attestation.Step

// step is a Step of §7.1 or §7.2 together with its enactment. prepare parses,
// computes or looks up what later steps need, and always runs; check judges,
// and Config.LeaveOut can leave it out.
type step[T any] struct {
	Name, Title string
	Anchor      string // fragment
	FrontEnd    bool
	prepare     func(*T) error
	check       func(*T) error
	// effect is like check, but changes the record: 7.2.24.1 can be left out too.
	effect func(*T) error
}

func (s step[T]) public() Step {
	return Step{Name: s.Name, Anchor: attestation.Spec + "#" + s.Anchor, Title: s.Title, Check: s.check != nil || s.effect != nil, FrontEnd: s.FrontEnd}
}

func public[T any](steps []step[T]) []Step {
	all := make([]Step, len(steps))
	for i, s := range steps {
		all[i] = s.public()
	}
	return all
}

// run enacts the steps in order and stops at the first refusal.
func run[T any, P interface {
	*T
	inspect() *Inspection
}](rp *state, steps []step[T], t P) error {
	for _, s := range steps {
		if override := rp.config.Override[s.Name]; override != nil {
			original := s.check
			s.check = func(t *T) error {
				i := P(t).inspect()
				i.Step = s.public()
				i.Check = func() error {
					if original == nil {
						return nil
					}
					return original(t)
				}
				return override(i)
			}
		}
		if deviate := rp.bug.steps[s.Name]; deviate != nil {
			s.check = bent(deviate, s.check)
		}
		s.check = shadowed(rp.shadows, s.Name, s.check)
		for i, f := range []func(*T) error{s.prepare, s.check, s.effect} {
			if f == nil || (i > 0 && rp.leftOut(s.Name)) {
				continue
			}
			effect := i == 2
			if err := otherwise(rp.config.Policies, t, effect, f); err != nil {
				refused := refusal(s.public(), err)
				rp.shadows.refused(refused.Step)
				rp.shadows.passed(t)
				return refused
			}
		}
	}
	rp.shadows.passed(t)
	return nil
}

// bent puts a deviation in the place of a check, which it may still ask.
func bent[T any](deviate func(any, func() error) error, check func(*T) error) func(*T) error {
	return func(t *T) error {
		return deviate(t, func() error {
			if check == nil {
				return nil
			}
			return check(t)
		})
	}
}

// refusal puts the step's name to an error, unless an attestation procedure did already.
func refusal(s Step, err error) *Error {
	var att *attestation.Error
	if errors.As(err, &att) {
		return &Error{Step: att.Step, Anchor: att.Anchor, Message: oneLine(att.Message)}
	}
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	return &Error{Step: s.Name, Anchor: s.Anchor, Message: oneLine(err.Error())}
}

// oneLine keeps texts of the libraries below from breaking a log.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// RegistrationSteps are the steps of https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential.
func RegistrationSteps() []Step { return public(registrationSteps()) }

// AuthenticationSteps are the steps of https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion.
func AuthenticationSteps() []Step { return public(authenticationSteps()) }

// Steps are the steps of §7.1, §7.2 and §8, in the order of the specification.
func Steps() []Step {
	return slices.Concat(RegistrationSteps(), AuthenticationSteps(), attestation.Steps())
}

// checkLeaveOut refuses names that are no steps, or steps with nothing to leave out.
func checkLeaveOut(names []string) error {
	steps := Steps()
	for _, name := range names {
		i := slices.IndexFunc(steps, func(s Step) bool { return s.Name == name })
		switch {
		case i < 0:
			return fmt.Errorf("leave out %q: no step has that name; close to it: %s", name, strings.Join(closeNames(steps, name), ", "))
		case !steps[i].Check:
			return fmt.Errorf("leave out %q: the step %q judges nothing that could be left out", name, steps[i].Title)
		}
	}
	return nil
}

// checkOverride refuses names that are no steps of §7.1 or §7.2.
func checkOverride(overrides map[string]func(*Inspection) error) error {
	steps := slices.Concat(RegistrationSteps(), AuthenticationSteps())
	for name, f := range overrides {
		if f == nil {
			return fmt.Errorf("override %q: the function is nil", name)
		}
		if !slices.ContainsFunc(steps, func(s Step) bool { return s.Name == name }) {
			return fmt.Errorf("override %q: no step of §7.1 or §7.2 has that name; close to it: %s", name, strings.Join(closeNames(steps, name), ", "))
		}
	}
	return nil
}

// closeNames are the five names of steps that can be left out and are nearest
// to the name by edit distance.
func closeNames(steps []Step, name string) []string {
	var names []string
	for _, s := range steps {
		if s.Check {
			names = append(names, s.Name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return distance(a, name) - distance(b, name) })
	return names[:min(5, len(names))]
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// show quotes what came in, short and on one line.
func show(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%+q...", s[:most])
	}
	return fmt.Sprintf("%+q", s)
}
