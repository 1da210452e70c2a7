#!/bin/sh
# Lists the Go files that gofmt would change; exit status 1 if there are any.
set -eu

# In two steps: a failing gofmt (a file that does not parse) must not look like an empty list.
list=$(gofmt -l .)
[ -z "$list" ] && exit 0
echo "not gofmt'ed (run: gofmt -w .):" >&2
echo "$list" >&2
exit 1
