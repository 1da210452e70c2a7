//go:build !race

package virtualauth_test

const raceDetector = false
