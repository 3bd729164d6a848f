#!/bin/sh
# SPDX-License-Identifier: ISC
# reach.sh [NAME ...] -- what the worlds of single machines reach: machine, state,
# event and row, a line each.  A row that is reached says what its guards answered.
srcdir=${srcdir:-.} builddir=${builddir:-.} AWK=${AWK:-awk}
LC_ALL=C; export LC_ALL
run=$builddir/tests/conform/run
[ $# -gt 0 ] || set -- $(cd "$srcdir/fsm" && ls *.fsm | sed 's/\.fsm$//')
srcdir=$(cd "$srcdir" && pwd)
for m; do
	mkdir -p "$run"
	MODEL_REACH=1 MODEL_FULL=$REACH_FULL sh "$srcdir/tests/model/one.sh" "$srcdir/fsm/$m-world.pml" "$run/$m" >"$run/$m.reached" || { echo "reach.sh: the world of $m" >&2; exit 1; }
	$AWK -f "$srcdir/fsm/fsm.awk" -f "$srcdir/tests/conform/to-facts.awk" "$srcdir/fsm/$m.fsm" >"$run/$m.facts" || exit 1
	$AWK '$1 == "%state" { state[ns++] = $3 } $1 == "%event" { event[++ne] = $3 } $1 == "%machine" { m = $2 }
		$1 == "reached" { print m "\t" state[$2] "\t" event[$3] "\t" $4 }' "$run/$m.facts" "$run/$m.reached"
done
