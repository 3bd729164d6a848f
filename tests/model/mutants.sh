#!/bin/sh
# SPDX-License-Identifier: ISC
# mutants.sh [NAME ...] -- changes each table a little, a thousand times, and asks
# whether the table check or its world notices.  What survives is a property that
# nobody wrote down, or a row without a use.  MUTANTS_STEP=k takes each k-th.
srcdir=${srcdir:-.} AWK=${AWK:-awk}
LC_ALL=C; export LC_ALL
model=$srcdir/tests/model
top=${builddir:-.}/tests/model/mutants
mkdir -p "$top"
[ $# -gt 0 ] || set -- $(cd "$srcdir/fsm" && ls *.fsm | sed 's/\.fsm$//')
one() {	# one NAME N
	d=$top/$1.$2; rm -rf "$d"; mkdir -p "$d"
	$AWK -v n=$2 -f "$model/mutants.awk" "$srcdir/fsm/$1.fsm" "$srcdir/fsm/$1.fsm" >"$d/$1.fsm" 2>"$d/what"
	MODEL_TABLE=$d/$1.fsm MODEL_CFLAGS=-O0 MODEL_SECONDS=${MODEL_SECONDS:-20} sh "$model/one.sh" "$srcdir/fsm/$1-world.pml" "$d/run" >"$d/out" 2>/dev/null
	if grep -q '^not ok.*: generate' "$d/out"; then v=table
	elif grep -q '^not ok.*rows not reached' "$d/out" && [ "$(grep -c '^not ok' "$d/out")" = 1 ]; then v=row
	elif grep -q '^not ok' "$d/out"; then v=spin
	else v=survived; fi
	echo "$1 $v $(cat "$d/what")"
	rm -rf "$d"
}
if [ "$1" = --one ]; then one "$2" "$3"; exit; fi
step=${MUTANTS_STEP:-1}
for t; do
	c=$($AWK -v n=0 -f "$model/mutants.awk" "$srcdir/fsm/$t.fsm" "$srcdir/fsm/$t.fsm")
	i=1
	while [ $i -le "$c" ]; do echo "$t $i"; i=$((i + step)); done
done | xargs -P "${MODEL_JOBS:-2}" -L 1 sh "$0" --one >"$top/all"
sort "$top/all" | $AWK '
	{ n[$1, $2]++; if (!($1 in seen)) { seen[$1] = 1; m[++nm] = $1 } total[$2]++; all++ }
	$2 == "survived" { s = $0; sub(/^[^ ]* [^ ]* /, "", s); left[++nl] = $1 ".fsm " s }
	END {
		printf "%-16s %8s %8s %8s %8s\n", "table", "refused", "refuted", "no row", "survived"
		for (i = 1; i <= nm; i++) printf "%-16s %8d %8d %8d %8d\n", m[i], n[m[i], "table"], n[m[i], "spin"], n[m[i], "row"], n[m[i], "survived"]
		printf "%-16s %8d %8d %8d %8d\n\n", "all", total["table"], total["spin"], total["row"], total["survived"]
		for (i = 1; i <= nl; i++) print left[i]
	}'
