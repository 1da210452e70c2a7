package rptest_test

import (
	"testing"

	"github.com/touchstone-webauthn/touchstone/suites/rptest"
)

// A team's own test is this long. The handler here is the reference RP's; yours
// is what you give to http.ListenAndServe.
func Example() {
	TestWebAuthn := func(t *testing.T) {
		rptest.Run(t, rptest.Config{
			Handler: handler(t, "fido", ""),
			Dialect: "fido", // or Profile: "testdata/rp.yaml"
			RPID:    "rp.example",
			Except:  map[string]string{"registration.options.hints*": "no hints before the next release"},
		})
	}
	_ = TestWebAuthn
}
