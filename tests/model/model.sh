#!/bin/sh
# SPDX-License-Identifier: ISC
# model.sh [NAME ...] -- every world of fsm/, alone and together, and every bug
# that is kept: TAP, and at its end a table of states.  MODEL_FULL=1: larger bounds.
srcdir=${srcdir:-.}
LC_ALL=C; export LC_ALL
top=${builddir:-.}/tests/model/run
model=$srcdir/tests/model
command -v spin >/dev/null 2>&1 || { echo "1..0 # SKIP no spin"; exit 0; }
[ $# -gt 0 ] || rm -rf "$top"
mkdir -p "$top"
[ $# -gt 0 ] || set -- $(cd "$srcdir/fsm" && ls *-world.pml | sed 's/-world\.pml$//')
jobs() {
	for n; do
		w=$srcdir/fsm/$n-world.pml
		[ -f "$w" ] || { echo "missing $n"; continue; }
		if grep -q '^ \* together' "$w"; then echo "$model/together.sh $w $top/$n"; else echo "$model/one.sh $w $top/$n"; fi
		for k in $(sed -n 's/^ \* mode \([A-Z]*\) .*/\1/p' "$w"); do echo "$model/together.sh $w $top/$n.$k mode:$k"; done
		for k in $(sed -n 's/^ \* keep \([A-Za-z0-9_]*\) .*/\1/p' "$w"); do
			if grep -q '^ \* together' "$w"; then echo "$model/together.sh $w $top/$n.$k $k"; else echo "$model/one.sh $w $top/$n.$k $k"; fi
		done
	done
}
rm -f "$top"/*.result
jobs "$@" | AWK=${AWK:-awk} CC=${CC:-cc} xargs -P "${MODEL_JOBS:-2}" -L 1 sh -c '
	r=$2.result; rm -rf "$2"; sh "$0" "$1" "$2" "$3" >"$r.tmp" 2>&1; mv "$r.tmp" "$r"'
count=0 failed=0
for r in "$top"/*.result; do
	while read -r line; do
		case $line in
		"ok "*) count=$((count + 1)); echo "ok $count - ${line#ok }" ;;
		"not ok "*) count=$((count + 1)) failed=1; echo "not ok $count - ${line#not ok }" ;;
		*) echo "# ${line#\# }" ;;
		esac
	done <"$r"
done
# the table: model, property, states stored, seconds
echo "# model                    property                 states    seconds"
for l in "$top"/*/pan.*.log; do
	[ -f "$l" ] || continue
	m=${l%/*}; m=${m##*/}; p=${l##*/pan.}; p=${p%.log}
	printf '# %-24s %-20s %10s %10s\n' "$m" "$p" "$(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' "$l" | head -1)" \
		"$(sed -n 's/^pan: elapsed time \([0-9.e+-]*\) .*/\1/p' "$l")"
done
# a table without a world proves nothing
for t in "$srcdir"/fsm/*.fsm; do
	[ -f "${t%.fsm}-world.pml" ] && continue
	count=$((count + 1)) failed=1; echo "not ok $count - ${t##*/} has a world"
done
echo "1..$count"
exit $failed
