//go:build !race

// The race detector finds in the whole suite what it finds in a part, which
// TestExampleProfiles puts through the same profiles, and takes minutes for it.

package rptest_test

import (
	"slices"
	"testing"

	"github.com/touchstone-webauthn/touchstone/reports"
	"github.com/touchstone-webauthn/touchstone/suites/rptest"
)

// TestExampleProfilesCryNoWolf: before a sound RP the whole suite finds nothing
// through any profile, and can test all that the profile does not declare absent.
func TestExampleProfilesCryNoWolf(t *testing.T) {
	for _, tc := range wireForms {
		t.Run(tc.file, func(t *testing.T) {
			report, err := rptest.Report(t.Context(), rptest.Config{
				Handler: tc.rp(t, handlerWith(t, "fido", "", tc.random)), Profile: "../../examples/profiles/" + tc.file, RPID: "rp.example", Vars: tc.vars, Seed: "wolf",
			})
			if err != nil {
				t.Fatal(err)
			}
			odd := map[string]bool{}
			for _, c := range report.Checks {
				if c.Verdict == reports.Pass || c.Verdict == reports.NotApplicable {
					continue
				}
				odd[c.ID] = true
				if !slices.Contains(tc.odd, c.ID) {
					t.Errorf("%s: %s: %s", c.ID, c.Verdict, c.Message)
				}
			}
			for _, id := range tc.odd {
				if !odd[id] {
					t.Errorf("%s is not red; take it out of the row", id)
				}
			}
		})
	}
}
