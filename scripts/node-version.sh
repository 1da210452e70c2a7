#!/bin/sh
# Says no, and what to do, when Node is older than the peers need.
#
#     scripts/node-version.sh MAJOR
set -eu

have=$(node -p 'process.versions.node')
if [ "${have%%.*}" -lt "$1" ]; then
	echo "Node $1 or newer is needed and $(command -v node) is $have: install a newer one and put it first on PATH" >&2
	exit 1
fi
