#!/bin/sh
# Makes sure that programs are there, and installs Debian's packages for those that are not.
#
#     scripts/ensure.sh PACKAGE:COMMAND[,COMMAND...]...
#
# A package is wanted when none of its commands is found; a command is a name on
# PATH, or a whole path, which may also be that of a file that is no program. As root on a system with apt-get the wanted packages are
# installed; otherwise the exact command to run is printed and the exit status is 1.
set -eu

wanted=
for pair; do
	package=${pair%%:*}
	found=
	rest=${pair#*:}
	while [ -n "$rest" ]; do
		command=${rest%%,*}
		case $rest in *,*) rest=${rest#*,} ;; *) rest= ;; esac
		if command -v "$command" >/dev/null 2>&1 || { [ "${command#/}" != "$command" ] && [ -e "$command" ]; }; then
			found=yes
			break
		fi
	done
	[ -n "$found" ] || wanted="$wanted $package"
done
[ -n "$wanted" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "missing:$wanted (names of Debian's packages; there is no apt-get here, so install them in this system's own way)" >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "missing:$wanted; to install, run:" >&2
	echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends$wanted" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -q -o DPkg::Lock::Timeout=300 "$@" >&2; }

echo "installing:$wanted" >&2
# A fresh machine or container has no package lists; an old one has lists that
# name versions the mirrors have dropped since.
set -- /var/lib/apt/lists/*_Packages*
[ -e "$1" ] || apt update
# shellcheck disable=SC2086 # a list of names
apt install -y --no-install-recommends $wanted || { apt update && apt install -y --no-install-recommends $wanted; }
