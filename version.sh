#!/bin/sh
# Prints the version: .tarball-version in a tarball, else git's own word, else what the ChangeLog begins with.
cd "$(dirname "$0")" || exit 1
if [ -f .tarball-version ]; then
	v=$(cat .tarball-version)
elif [ -e .git ] && v=$(git describe --tags --match 'v[0-9]*' --always --dirty 2>/dev/null) && [ -n "$v" ]; then
	case $v in v[0-9]*) v=${v#v} ;; *) v=0.1-g$v ;; esac
else
	v=0.1
fi
printf '%s' "$v"
