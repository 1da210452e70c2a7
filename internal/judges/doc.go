// Package judges puts what package virtualauth makes, every algorithm in every
// attestation format with every extension, to Relying Party libraries that
// others wrote, two of them not in Go, and to our own reference RP. What each
// must say of each is in fixtures/judges.yaml, and for people in docs/judges.md.
// It has tests only: no part of the program knows the judges.
package judges

//go:generate go test -count=1 -run ^TestDocument$ . -args -update
