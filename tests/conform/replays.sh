#!/bin/sh
# SPDX-License-Identifier: ISC
# replays.sh [STORY LUCK ACTS] -- stories of two agents, replayed in the composed model
# (replay.sh).  And the same with one turn left out, which must be refused.
srcdir=${srcdir:-.} builddir=${builddir:-.}
here=$srcdir/tests/conform
out=$builddir/tests/conform/replays
command -v spin >/dev/null 2>&1 || { echo "1..0 # SKIP no spin"; exit 0; }
mkdir -p "$out" || exit 1
n=0 failed=0
ok() { n=$((n + 1)); if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi; }
replay() { # STORY LUCK ACTS
	"$builddir/tests/play/stories" --tape "$out/$1.tape" "$1" >/dev/null 2>&1
	said=$(sh "$here/replay.sh" "$out/$1" "$out/$1.tape" "$2" "$3" | tr '\n' ' ')
	case $said in accepted*) ok 0 "$1: $said" ;; *) ok 1 "$1: $said" ;; esac
}
if [ $# -gt 0 ]; then replay "$1" "$2" "$3"; echo "1..$n"; exit $failed; fi
replay idle-direct 1 ""
replay idle-relayed 1 ""
replay cut-direct 1 ""
replay rebind-direct 1 "31 24 25"
replay server-restart-direct 1 "24 25 restart"
for t in 9 30; do
	said=$(REPLAY_WITHOUT=$t sh "$here/replay.sh" "$out/spoilt" "$out/cut-direct.tape" 1 "" | tr '\n' ' ')
	case $said in
	refused*"did not end"*) ok 1 "cut-direct without its turn $t: $said" ;;
	refused*) ok 0 "cut-direct without its turn $t: $said" ;;
	*) ok 1 "cut-direct without its turn $t: $said" ;;
	esac
done
echo "1..$n"
exit $failed
