#!/bin/sh
# Runs a command and says no when it changes the work tree: a generated file that
# is not up to date.
#
#     scripts/drift.sh COMMAND [ARG...]
set -eu

# Not git diff alone: a new file is drift as well. And not a clean tree: whoever
# is in the middle of a change may still ask.
state() { git status --porcelain && git diff HEAD; }

before=$(state | git hash-object --stdin)
"$@"
if [ "$(state | git hash-object --stdin)" != "$before" ]; then
	echo "$* changed the tree, so a generated file was not up to date; commit what it made:" >&2
	git status --short >&2
	exit 1
fi
