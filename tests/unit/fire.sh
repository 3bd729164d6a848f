#!/bin/sh
# SPDX-License-Identifier: ISC
# fire.sh -- every row of every table, fired in the compiled machine; one result
# a table.  What differed is in the lines that begin with '#'.
srcdir=${srcdir:-.} builddir=${builddir:-.}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
LC_ALL=C; export LC_ALL
n=0 failed=0
for table in "$srcdir"/fsm/*.fsm; do
	name=$(basename "$table" .fsm)
	[ -f "$builddir/fsm/$name.inc" ] || continue
	n=$((n + 1))
	${AWK:-awk} -f "$srcdir/fsm/fsm.awk" -f "$srcdir/tests/unit/to-fire.awk" "$table" >"$tmp/$name.c" &&
	${CC:-cc} -std=gnu11 -O0 -w -I"$srcdir/src" -I"$builddir" -I"$srcdir" -o "$tmp/$name" "$tmp/$name.c" \
		"$builddir/libfsm.a" "$builddir/libbase.a" 2>"$tmp/err" &&
	timeout 20 "$tmp/$name" >"$tmp/out" 2>/dev/null
	if [ $? -eq 0 ]; then
		echo "ok $n - $name: $(grep -c '^ok .* - line' "$tmp/out") pairs, $(sed -n 's/.*: all \([0-9]*\) rows fired/\1/p' "$tmp/out") rows"
	else
		failed=1
		echo "not ok $n - $name"
		sed 's/^/# /' "$tmp/err" | head -20
		grep -A1 '^not ok' "$tmp/out" | sed 's/^/# /' | head -20
	fi
done
echo "1..$n"
exit $failed
