package suites

import (
	"regexp"
	"sync"
)

// Catalogue is every check, in the order in which reports list them. The slice
// is fresh; the checks are shared and must not be changed.
func Catalogue() []*Check {
	return append([]*Check(nil), catalogue()...)
}

var catalogue = sync.OnceValue(func() []*Check {
	var all []*Check
	for _, part := range [][]*Check{
		registrationOptions(),
		authenticationOptions(),
		registrationAccepted(),
		registrationClient(),
		registrationClientData(),
		registrationAuthenticatorData(),
		registrationAttestation(),
		registrationFormats(),
		registrationAlgorithms(),
		registrationEnvelope(),
		registrationBinding(),
		authenticationAccepted(),
		authenticationClientData(),
		authenticationAuthenticatorData(),
		authenticationSignature(),
		authenticationAlgorithms(),
		authenticationState(),
		authenticationEnvelope(),
		authenticationBinding(),
		extensionChecks(),
		detailChecks(),
		answerChecks(),
		pageChecks(),
		deviceChecks(),
		loginOutputChecks(),
		matrixChecks(),
		publishedChecks(),
		vendorChecks(),
		mdsChecks(),
		fortanixChecks(),
		u2fRegistrationChecks(),
		dfnsChecks(),
		nevisChecks(),
		proofChecks(),
		setChecks(),
	} {
		all = append(all, part...)
	}
	raise(all)
	return all
})

// Find returns the check with this id.
func Find(id string) (*Check, bool) {
	for _, c := range catalogue() {
		if c.ID == id {
			return c, true
		}
	}
	return nil, false
}

// formatFamilies are the families that ask one format what others are asked, too.
var formatFamilies = regexp.MustCompile(`^registration\.(trust-)?(packed|packed-self|fido-u2f|tpm|android-key|apple|android-safetynet|compound)\.`)

// sameQuestion are checks that ask of one algorithm what others ask of another.
var sameQuestion = map[string]string{
	"authentication.algorithms.rs256-over-sha-512": "authentication.algorithms.es256-over-sha-384",
	"authentication.algorithms.ps256-with-pkcs1":   "authentication.algorithms.rs256-with-pss",
}

// Distinct counts the checks, those once that differ in the algorithm or the
// attestation format alone. Dialects and clients are no part of a check.
func Distinct(checks []*Check) int {
	questions := map[string]bool{}
	for _, c := range checks {
		q := c.ID
		if same := sameQuestion[q]; same != "" {
			q = same
		}
		questions[formatFamilies.ReplaceAllString(q, "registration.${1}FORMAT.")] = true
	}
	return len(questions)
}
