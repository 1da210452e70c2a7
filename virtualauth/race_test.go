//go:build race

package virtualauth_test

// raceDetector: it allocates on its own account.
const raceDetector = true
