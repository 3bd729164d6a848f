#!/bin/sh
# SPDX-License-Identifier: ISC
# planted.sh [PROPERTY ...] -- each line of planted.txt changes a table in one place;
# the property that it names must notice.  A property that nothing breaks proves
# nothing.  TAP.
srcdir=${srcdir:-.}
LC_ALL=C; export LC_ALL
top=${builddir:-.}/tests/model/run/planted
command -v spin >/dev/null 2>&1 || { echo "1..0 # SKIP no spin"; exit 0; }
rm -rf "$top"; mkdir -p "$top"
count=0 failed=0
while IFS='	' read -r world property faults table change; do
	case $world in '#'*|'') continue ;; esac
	[ $# = 0 ] || case " $* " in *" $property "*) ;; *) continue ;; esac
	run=$top/$property
	rm -rf "$run"; mkdir -p "$run/fsm"
	cp "$srcdir"/fsm/*.awk "$srcdir"/fsm/*.fsm "$srcdir"/fsm/*.wire "$run/fsm"
	sed "$change" "$srcdir/fsm/$table.fsm" >"$run/fsm/$table.fsm"
	sed "s/^ \* bounds/ * keep PLANTED $property $faults\\n&/" "$srcdir/fsm/$world-world.pml" >"$run/fsm/$world-world.pml"
	count=$((count + 1))
	if cmp -s "$srcdir/fsm/$table.fsm" "$run/fsm/$table.fsm"; then said="not ok $table has no such row: $change"
	else said=$(srcdir=$run AWK=${AWK:-awk} CC=${CC:-cc} sh "$srcdir/tests/model/together.sh" "$run/fsm/$world-world.pml" "$run/run" PLANTED 2>&1 | grep -E '^(not )?ok'); fi
	case $said in "ok "*) echo "ok $count - $table changed: ${said#ok }" ;; *) failed=1; echo "not ok $count - $table changed: $property: ${said#not ok }" ;; esac
done <"$srcdir/tests/model/planted.txt"
echo "1..$count"
exit $failed
