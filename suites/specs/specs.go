// Package specs puts the catalogue of checks before Ginkgo: one container for
// each target and client, one It for each check, its level and id as labels,
// and the verdict asserted with Gomega. The engine in package suites does the
// judging; a spec only shows it.
package specs

import (
	"context"
	"fmt"
	"sync"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites"
)

// Describe adds the specs of cfg to Ginkgo's tree; call it before RunSpecs.
// observe, if not nil, is told of every result.
func Describe(cfg suites.Config, observe func(reports.Check)) error {
	player, err := suites.NewPlayer(cfg)
	if err != nil {
		return err
	}
	for _, lane := range player.Lanes() {
		describeLane(lane, observe)
	}
	return nil
}

func describeLane(lane *suites.Lane, observe func(reports.Check)) {
	name := fmt.Sprintf("%s through %s", lane.Target().Name(), lane.Client().Name())
	healthy := sync.OnceValues(func() (bool, string) {
		// Its own context: the result outlives the spec that happens to ask first.
		return lane.Health(context.Background())
	})
	ginkgo.Describe(name, ginkgo.Label("target:"+lane.Target().Name(), "client:"+lane.Client().Name()), func() {
		for _, c := range lane.Checks() {
			ginkgo.It(c.ID, ginkgo.Label("level:"+string(c.Level), "id:"+c.ID), func(ctx ginkgo.SpecContext) {
				if ok, why := healthy(); !ok {
					ginkgo.Fail("plain ceremonies fail, so no verdict would mean anything: " + why)
				}
				result := lane.Play(ctx, c)
				if observe != nil {
					observe(result)
				}
				if result.Verdict == reports.NotApplicable {
					ginkgo.Skip("not applicable: " + result.Message)
				}
				gomega.Expect(result).To(Conform())
			})
		}
	})
}

// Conform matches a result that is not red: the RP passed the check, or broke a
// SHOULD only.
func Conform() types.GomegaMatcher { return conform{} }

type conform struct{}

func (conform) Match(actual any) (bool, error) {
	r, ok := actual.(reports.Check)
	if !ok {
		return false, fmt.Errorf("conform matches a reports.Check, not a %T", actual)
	}
	return !r.Verdict.Red(), nil
}

func (conform) FailureMessage(actual any) string { return describe(actual, "") }

func (conform) NegatedFailureMessage(actual any) string { return describe(actual, "not ") }

func describe(actual any, not string) string {
	r := actual.(reports.Check) // Match has seen to it
	s := fmt.Sprintf("expected %s %sto conform, its verdict is %s: %s", r.ID, not, r.Verdict, r.Message)
	if r.Rerun != "" {
		s += "\nrun it again: " + r.Rerun
	}
	return s
}
