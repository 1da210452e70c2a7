package suites

import "sync"

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
		vendorChecks(),
		mdsChecks(),
		fortanixChecks(),
		dfnsChecks(),
		nevisChecks(),
		proofChecks(),
	} {
		all = append(all, part...)
	}
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
