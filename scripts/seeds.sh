#!/bin/sh
# seeds.sh SEEDS CLIENT...: the whole suite on the sound reference RP, in every
# dialect and requirement set, or in the sets that SETS names, through the clients
# named, with seeds 1 to SEEDS.
# A suite that is red, warns or cannot test something on a sound RP with one seed
# and not with another cries wolf at others, too.
set -eu
seeds=$1
shift
clients=
for c in "$@"; do clients="$clients --client $c"; done
log=$(mktemp)
trap 'rm -f "$log"' EXIT
sets=${SETS:-$(bin/touchstone list --sets --json | sed -n 's/^ *"name": "\(.*\)",*$/\1/p')}
[ -n "$sets" ] || { echo "seeds.sh: touchstone list --sets names no set" >&2; exit 1; }
for set in $sets; do
	for seed in $(seq "$seeds"); do
		# shellcheck disable=SC2086 # the words of $clients are words
		if ! bin/touchstone run $clients --set "$set" --seed "$seed" --strict >"$log" 2>&1; then
			cat "$log"
			echo "seeds.sh: not clean: touchstone run$clients --set $set --seed $seed --strict" >&2
			exit 1
		fi
	done
	echo "$set: clean in every dialect through $*, $seeds seeds"
done
