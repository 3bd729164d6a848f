#!/bin/sh
# SPDX-License-Identifier: ISC
# defects.sh -- is every known defect answered in fsm/DEFECTS.md, and does every
# row, property, test, story that is named there exist?  One ok an id; at first a
# self-test: wrong lines are refused.
srcdir=${srcdir:-.} AWK=${AWK:-awk}
LC_ALL=C; export LC_ALL
model=$srcdir/tests/model
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
count=0 failed=0
ok() {	# ok STATUS WHAT
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then echo "ok $count - $2"; else failed=1; echo "not ok $count - $2"; fi
}
gather() {
	for t in "$srcdir"/fsm/*.fsm; do
		$AWK -f "$srcdir/fsm/fsm.awk" -f "$model/to-defects.awk" "$t" || return 1
	done
	sed 's/#.*//' "$srcdir"/fsm/*.wire | $AWK '/->/ { gsub(/[ \t]+/, " "); sub(/^ /, ""); sub(/ $/, ""); print "wire\t" $0 }'
	for w in "$srcdir"/fsm/*-world.pml; do
		n=${w##*/}; n=${n%-world.pml}
		sed -n "s/^ltl \([A-Za-z_0-9]*\).*/property	$n:\1/p" "$w"
		grep -oE 'MUST\([a-z_0-9]+' "$w" | sort -u | sed "s/MUST(/property	$n:/"
		grep -E 'assert ?\(' "$w" | tr '\t' ' ' | sed "s/^/assert	$n	/"
		sed -n "s/^ \* keep \([A-Za-z0-9_]*\) .*/kept	$n	\1/p" "$w"
	done
	sed -n 's/^	{ "\([a-z0-9-]*\)", MESH_[A-Z]*,.*/story	\1/p' "$srcdir/tests/play/stories.c"
	cat "$srcdir"/tests/part.am "$srcdir"/tests/*/part.am | sed -n 's/^\(LAB_\)*TESTS += //p' | tr ' ' '\n' | sed 's/^/wired	/'
	sed -n 's/^#! [^:]*:[0-9]*: //p' "$srcdir"/tests/gen/bad/* | tr '\t' ' ' | sed 's/^/refusal	/'
	# what would be there if a feature were: a table, a folder, a file of that name
	ls "$srcdir"/fsm/*.fsm "$srcdir"/src "$srcdir"/src/*/*.c | sed -e 's|.*/||' -e 's/\.[a-z]*$//' | sed 's/^/thing	/'
}
gather >"$tmp/facts" 2>"$tmp/err" || { echo "Bail out! $(head -1 "$tmp/err")"; exit 1; }
judge() { $AWK -v srcdir="$srcdir" -f "$model/defects.awk" "$tmp/facts" "$1" "$2"; }

# ---- the check itself: one line each, and what must be said of it
refuses() {	# refuses WORDS LINE...
	words=$1; shift
	printf '%s\n' "$head" "$@" >"$tmp/lines"
	judge "$tmp/list" "$tmp/lines" >"$tmp/out" && { ok 1 "refused: $words"; return; }
	grep -q "^not ok.*$words" "$tmp/out"; ok $? "refused: $words"
	[ "$count" -gt 0 ] && grep -q "^not ok.*$words" "$tmp/out" || sed 's/^/# /' "$tmp/out"
}
echo AA-1 >"$tmp/list"
line() { echo "| AA-1 | a defect | $1 |"; }
head='| id | defect | here |'
{ echo "$head"; line '`row path both ice-down point-at-relay !path-on -> relay`; `holds relay-link up conn`; `frees relay-link backoff conn`; `timer ice-session checking limit=12s`'; } >"$tmp/lines"
judge "$tmp/list" "$tmp/lines" >"$tmp/out"; ok $? "what is so is taken"
refuses 'nothing answers it' "" "$(line '`open`')"
refuses 'answered twice' "$(line '`open`')" "$(line '`open`')"
refuses 'on no list' "$(line '`open`')" '| AA-2 | another | `open` |'
refuses 'nothing that could be checked' "$(line 'it cannot happen')"
refuses 'unknown kind' "$(line '`believe me`')"
refuses 'no such machine' "$(line '`row pathh none ice-up`')"
refuses 'no row for sunrise in none' "$(line '`row path none sunrise`')"
refuses 'it leads to both' "$(line '`row path relay ice-up -> ice`')"
refuses 'it does not close-door' "$(line '`row path relay ice-up close-door -> both`')"
refuses 'no row \[moon\]' "$(line '`row path relay ice-up [moon]`')"
refuses 'not so of backoff' "$(line '`holds relay-link up,backoff conn`')"
refuses 'no such timer' "$(line '`timer ice-session checking limit=13s`')"
refuses 'no such property' "$(line '`property path:wishes`')"
refuses 'no world must find' "$(line '`kept path KEEP_BUG_NONE`')"
refuses 'no assertion of that world' "$(line '`assert path all is well`')"
refuses 'no such story' "$(line '`story once-upon-a-time`')"
refuses 'no such words' "$(line '`test tests/layers.sh: the sun shines`')"
refuses 'does not run that file' "$(line '`test tests/tap.h: ok`')"
refuses 'no such line in a .wire file' "$(line '`wire path !reset -> moon ask`')"
refuses 'it sends' "$(line '`mute path`')"
refuses 'it is there now' "$(line '`absent relay`')"
refuses 'refused for that' "$(line '`compiler no such refusal`')"

# ---- the book
judge "$model/defects.list" "$srcdir/fsm/DEFECTS.md" >"$tmp/out"
while read -r said; do
	case $said in
	"ok "*) ok 0 "${said#ok }" ;;
	"not ok "*) ok 1 "${said#not ok }" ;;
	*) echo "$said" ;;
	esac
done <"$tmp/out"
echo "1..$count"
exit $failed
