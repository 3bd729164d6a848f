#!/bin/sh
# SPDX-License-Identifier: ISC
# gen.sh -- the table compiler: golden outputs of tests/gen/kettle.fsm and of a
# wire, the same under every awk; one bad table a refusal, with its message.
#
# `GEN_BLESS=1 sh tests/gen/gen.sh` writes the golden files anew: read the diff.
srcdir=${srcdir:-.}
gen=$srcdir/tests/gen
LC_ALL=C; export LC_ALL
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
count=0 failed=0
ok() {	# ok STATUS WHAT
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then echo "ok $count - $2"; else failed=1; echo "not ok $count - $2"; fi
}
same() {	# same GOOD GOT WHAT
	[ -z "$GEN_BLESS" ] || cp "$2" "$1"
	cmp -s "$1" "$2"; rc=$?
	ok $rc "$3"
	[ $rc -eq 0 ] || diff "$1" "$2" | head -20 | sed 's/^/# /'
}
# each awk that is here, first the one the build uses
awks="${AWK:-awk}"
for a in mawk gawk busybox original-awk; do command -v $a >/dev/null 2>&1 && awks="$awks $a"; done
run() {	# run AWK ARGS: the strict form of each
	a=$1; shift
	case $a in
	gawk) gawk --posix "$@" ;;
	busybox) busybox awk "$@" ;;
	*) $a "$@" ;;
	esac
}
table() {	# table AWK OUTPUT FLAGS FILE
	run "$1" $3 -f "$srcdir/fsm/fsm.awk" -f "$srcdir/fsm/to-$2.awk" "$4"
}

# ---- golden outputs
for a in $awks; do
	for out in h inc pml rows dot mdoc facts; do
		table $a $out "" "$gen/kettle.fsm" >"$tmp/out" 2>"$tmp/err"
		same "$gen/kettle.$out.good" "$tmp/out" "$a: $out"
	done
	table $a pml "-v alone=1 -v keep=KEEP_BUG_1" "$gen/kettle.fsm" >"$tmp/out" 2>"$tmp/err"
	same "$gen/kettle-kept.pml.good" "$tmp/out" "$a: pml of one machine, its bug kept"
	{ table $a facts "" "$gen/kettle.fsm"; table $a facts "" "$gen/cup.fsm"; } >"$tmp/facts"
	for out in h inc pml; do
		run $a -f "$srcdir/fsm/wire.awk" -f "$srcdir/fsm/to-wire-$out.awk" "$tmp/facts" "$gen/kitchen.wire" >"$tmp/out" 2>"$tmp/err"
		same "$gen/kitchen-wire.$out.good" "$tmp/out" "$a: wire, $out"
	done
done

# ---- refusals: the first line of a bad file says what must be said
bad() {	# bad FILE: messages wanted are behind "#! "
	f=$1; shift
	sed -n 's/^#! //p' "$f" >"$tmp/want"
	for a in $awks; do
		"$@" $a "$f" >"$tmp/out" 2>"$tmp/err"; rc=$?
		sed "s|^$gen/||" "$tmp/err" >"$tmp/got"
		if [ $rc -eq 1 ] && [ ! -s "$tmp/out" ] && cmp -s "$tmp/want" "$tmp/got"; then ok 0 "$a refuses ${f##*/}"
		else ok 1 "$a refuses ${f##*/}"; diff "$tmp/want" "$tmp/got" | sed 's/^/# /'; fi
	done
}
bad_table() { table "$1" rows "" "$2"; }
bad_wire() { run "$1" -f "$srcdir/fsm/wire.awk" -f "$srcdir/fsm/to-wire-inc.awk" "$tmp/facts" "$2"; }
for f in "$gen"/bad/*.fsm; do bad "$f" bad_table; done
for f in "$gen"/bad/*.wire; do bad "$f" bad_wire; done

# ---- the tables of the product pass, with each bug kept as well
for f in "$srcdir"/fsm/*.fsm; do
	table "${AWK:-awk}" rows "" "$f" >/dev/null 2>"$tmp/err"
	ok $? "${f##*/} passes"
	for k in $(grep -o 'KEEP_BUG_[A-Za-z0-9_]*' "$f" | sort -u); do
		table "${AWK:-awk}" rows "-v keep=$k" "$f" >/dev/null 2>"$tmp/err"
		ok $? "${f##*/} passes with $k"
		sed 's/^/# /' "$tmp/err"
	done
done

# ---- and come out the same under every awk, with their wires
all() {	# all AWK
	for f in "$srcdir"/fsm/*.fsm; do for out in h inc pml rows dot mdoc facts; do table $1 $out "" "$f"; done; done
	for w in agent server; do
		for f in "$srcdir"/fsm/*.fsm; do case $w:${f##*/} in server:srv-*|agent:[!s]*|agent:s[!r]*) table $1 facts "" "$f" ;; esac; done >"$tmp/facts.$w"
		for out in h inc pml; do run $1 -f "$srcdir/fsm/wire.awk" -f "$srcdir/fsm/to-wire-$out.awk" "$tmp/facts.$w" "$srcdir/fsm/$w.wire"; done
	done
}
all "${AWK:-awk}" >"$tmp/first" 2>&1
ok $? "all tables and wires compile"
for a in $awks; do
	all $a >"$tmp/other" 2>&1
	cmp -s "$tmp/first" "$tmp/other"; ok $? "$a: the same for all tables"
done
echo "1..$count"
exit $failed
