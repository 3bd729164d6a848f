#!/bin/sh
# SPDX-License-Identifier: ISC
# planted.sh -- bugs planted in code and tables, one at a time: does the simulator find them?
#
#	planted.sh SOURCE [NAME ...]
#
# Works in a copy of its own, of which each mutant builds only what it changed.  Each
# patch of planted/ begins with a line that says what is wrong.  A line a mutant, and a
# table at the end.  SEEDS: how many (48); with more, more rows have to be played.
# QUICK=1: what is missed is not judged.
set -u
good=$(cd "$1" && pwd) || exit 2
shift
work=${TMPDIR:-/tmp}/godwit-planted.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
mkdir -p "$work/tree/build" || exit 2
(cd "$good" && tar cf - --exclude=./.git --exclude=./build --exclude=./build-check .) | (cd "$work/tree" && tar xf -) || exit 2
cd "$work/tree/build" || exit 2
[ -x ../configure ] || (cd .. && ./autogen.sh >/dev/null 2>&1)
../configure -q CC="${CC:-gcc}" CFLAGS='-O1 -w' --with-systemdsystemunitdir=no >/dev/null || exit 2
make -s tables >/dev/null 2>&1
make -s -j2 tests/play/seeds tests/play/stories >build.log 2>&1 || { tail build.log; exit 2; }

. "$good/tests/play/look.sh"
[ $# -gt 0 ] || look || { echo "the good code is refused: $how"; exit 1; }
: >results
[ $# -gt 0 ] || set -- $(cd "$good/tests/play/planted" && ls *.patch)
for name; do
	name=${name%.patch} patch=$good/tests/play/planted/${name%.patch}.patch
	what=$(head -n 1 "$patch")
	file=$(sed -n 's,^+++ b/,,p' "$patch" | head -n 1)
	(cd .. && patch -s -p1 <"$patch") || { echo "does not apply: $name"; exit 1; }
	how=
	if ! make -s tests/play/seeds tests/play/stories >build.log 2>&1; then
		verdict="does not build"
	elif ! look; then
		verdict=found
	elif [ -z "${QUICK:-}" ] && ! judged; then
		verdict=judge how="only the tables' judge: $(head -n 1 look.log | cut -c 1-90)"
	else
		verdict=missed
	fi
	echo "$verdict: $name: $what${how:+ ($how)}"
	printf '%s\t%s\t%s\n' "$verdict" "$(dirname "$file")" "$name" >>results
	(cd .. && patch -s -R -p1 <"$patch") || exit 2
done
awk -F '\t' '{ n[$2]++; v[$2, $1]++; all++; sum[$1]++ }
	END {
		printf "%-14s %8s %8s %8s %8s\n", "folder", "planted", "found", "judge", "missed"
		for (f in n) printf "%-14s %8d %8d %8d %8d\n", f, n[f], v[f, "found"], v[f, "judge"], v[f, "missed"] | "sort"
		close("sort")
		printf "%-14s %8d %8d %8d %8d\n", "all", all, sum["found"], sum["judge"], sum["missed"]
	}' results
