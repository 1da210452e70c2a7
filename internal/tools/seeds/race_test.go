//go:build race

package main

// raceDetector: it is some ten times as slow.
const raceDetector = true
