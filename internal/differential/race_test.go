//go:build race

package differential

// raceDetector: it is some ten times as slow, and nothing here runs at once.
const raceDetector = true
