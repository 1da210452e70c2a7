//go:build race

package suites_test

// raceDetector: it is some ten times as slow, and has seen the engine at work
// long before every step was left out once.
const raceDetector = true
