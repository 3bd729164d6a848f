#!/bin/sh
# SPDX-License-Identifier: ISC
# conform.sh -- what the real machines did in the simulated world, told on tapes and
# judged by the tables: fifty meshes under faults, all stories.  And tapes with one
# thing wrong in them, each of which must be refused.
srcdir=${srcdir:-.} builddir=${builddir:-.} AWK=${AWK:-awk}
here=$srcdir/tests/conform
out=$builddir/tests/conform
mkdir -p "$out" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0 failed=0
ok() { # ok RC WHAT
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}
# accepted NAME PROGRAM ARGS: its tape, through a pipe, for tapes are long
accepted() {
	name=$1; shift
	[ -x "$1" ] || { ok 1 "$name: $1 is not built"; return; }
	mkfifo "$tmp/$name"
	"$@" --tape "$tmp/$name" >"$tmp/$name.tap" 2>&1 &
	sh "$here/judge.sh" "$out/$name.cover" "$tmp/$name" >"$tmp/$name.out"; rc=$?
	wait $!; played=$?
	sed 's/^[^#]/# &/' "$tmp/$name.out"
	ok $rc "$name: the tape is accepted, $(sed -n 's/^# \([0-9]* steps of [0-9]* processes\).*/\1/p' "$tmp/$name.out")"
	ok $played "$name: and what was played went well"
	[ $played -eq 0 ] || grep '^not ok' "$tmp/$name.tap" | sed 's/^/# /'
}
accepted seeds "$builddir/tests/play/seeds" --hosts 3 --from 1001 --count 50 --faults 2 --quiet
# a thousand races are two million steps of a few kinds: CONFORM_ALL=1 has them judged too
[ -n "$CONFORM_ALL" ] || SKIP=^same-id-races/
export SKIP
accepted stories "$builddir/tests/play/stories"
SKIP=
PARTS=1; export PARTS
accepted flow "$builddir/tests/play/flow"
PARTS=
"$builddir/tests/play/stories" --tape "$tmp/small" rebind-direct >/dev/null 2>&1
$AWK -v how=0 -f "$here/spoil.awk" >"$tmp/how"
for f in $(cut -f 1 "$tmp/how"); do
	what=$(sed -n "${f}p" "$tmp/how" | cut -f 2) why=$(sed -n "${f}p" "$tmp/how" | cut -f 3)
	if $AWK -v how="$f" -f "$here/spoil.awk" "$tmp/small" >"$tmp/bad"; then
		! sh "$here/judge.sh" "" "$tmp/bad" >"$tmp/bad.out" 2>&1 && head -n 1 "$tmp/bad.out" | grep -Eq "$why"
		ok $? "refused: $what"
	else
		ok 1 "refused: $what: the tape had no place for it"
	fi
done
sh "$here/judge.sh" "" "$tmp/small" >/dev/null; ok $? "and without anything wrong it is accepted"
echo "1..$n"
exit $failed
