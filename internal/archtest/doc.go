// Package archtest holds the rules of the tree that no compiler checks, as tests:
// which package may import which, where a panic is allowed, and what no file may say.
//
// Each rule is a row with its reason. A rule that stands in the way is changed
// there, in the same commit as the code that needs it, with a reason that holds.
package archtest
