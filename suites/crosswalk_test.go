package suites_test

import (
	"testing"

	"github.com/touchstone-webauthn/touchstone/suites"
)

// The published list has 168 cases; each stands here once, with checks that
// exist or a reason.
func TestCrosswalkIsComplete(t *testing.T) {
	cases, err := suites.FIDOCrosswalk()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 168 {
		t.Errorf("%d cases, want 168", len(cases))
	}
	seen := map[string]bool{}
	for _, c := range cases {
		id := c.Suite + " " + c.Case
		if seen[id] {
			t.Errorf("%s stands here twice", id)
		}
		seen[id] = true
		if c.About == "" || (len(c.Checks) == 0) == (c.None == "") {
			t.Errorf("%s: needs a description, and either checks or a reason for none", id)
		}
		for _, check := range c.Checks {
			if _, ok := suites.Find(check); !ok {
				t.Errorf("%s names the check %s, which does not exist", id, check)
			}
		}
	}
}
