// Package reports holds the result of a run and its forms: a terminal summary,
// JSON, JUnit XML, one-file HTML, Markdown and a badge. It also merges the
// reports of shards, compares two reports, and applies a baseline of accepted
// results.
//
// A report never judges: verdicts come in with the checks, and everything here
// only sorts, counts and shows them. The package knows nothing of the rest of
// the project.
//
// Everything that a Relying Party sent is treated as hostile: each form escapes
// it in the way of its own medium.
package reports
