// Package clients puts the vendors' own front-end libraries, unmodified and
// pinned, to the reference Relying Party: what they send is what a dialect is
// held to, and what they cannot read no Relying Party may write. It is a module
// of its own, so that their dependencies stay out of Touchstone's.
package clients
