#!/bin/sh
# SPDX-License-Identifier: ISC
# replays.sh [--full | STORY ...] -- the stories of two agents, replayed in the composed
# model (replay.sh).  And the same with a lie in them (spoil-turns.awk), which must be
# refused with as many unseen things as the truth needed; --full tries many lies on
# every story and says how many were refused.
srcdir=${srcdir:-.} builddir=${builddir:-.} AWK=${AWK:-awk}
here=$srcdir/tests/conform
out=$builddir/tests/conform/replays
command -v spin >/dev/null 2>&1 || { echo "1..0 # SKIP no spin"; exit 0; }
n=0 failed=0
ok() { n=$((n + 1)); if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi; }
sh "$here/replay.sh" build "$out" || { echo "1..1"; echo "not ok 1 - the model is built"; exit 1; }
replay() { # STORY
	"$builddir/tests/play/stories" --tape "$out/$1.tape" "$1" >/dev/null 2>&1
	said=$(sh "$here/replay.sh" "$out" "$out/$1.tape" "$1" | tr '\n' ' ')
	needs=$(expr "$said" : '.*with \([0-9]*\) unseen')
	case $said in accepted*) ok 0 "$1: $said" ;; *) ok 1 "$1: $said"; return 1 ;; esac
}
# what is said of STORY with the Nth lie of a KIND
lie() { SPOIL="$2 $3" IN_ALL=$needs sh "$here/replay.sh" "$out" "$out/$1.tape" "$1-spoilt" | tr '\n' ' '; }
lies() { # STORY KIND N
	said=$(lie "$@")
	case $said in refused*"did not end"*) ok 1 "$1, $2 $3: $said" ;; refused*) ok 0 "$1, $2 $3: $said" ;; *) ok 1 "$1, $2 $3: $said" ;; esac
}
count() { # STORY: the first lies of each kind
	for kind in out row guard swap; do
		tried=0 caught=0 k=0
		while [ $((k += 1)) -le "${LIES:-8}" ]; do
			said=$(lie "$1" $kind $k)
			case $said in refused*"did not end"*) tried=$((tried + 1)) ;; refused*) tried=$((tried + 1)) caught=$((caught + 1)) ;; accepted*) tried=$((tried + 1)) ;; esac
		done
		echo "# $1, $kind: $caught of $tried refused"
	done
}
full=
[ "$1" != --full ] || { full=1; shift; }
[ $# -gt 0 ] || set -- cut-direct rebind-direct rebind-relayed new-address-direct new-address-relayed restart-direct restart-relayed \
	server-restart-direct server-restart-relayed black-hole server-away nap-direct nap-relayed night full-disk roam \
	reroute-direct reroute-relayed idle-direct idle-relayed frozen tun-deleted tun-late clock-step
for story; do
	replay "$story" || continue
	case $full$story in
	1*) count "$story" ;;
	cut-direct) lies "$story" out 5; lies "$story" row 7; lies "$story" guard 1; lies "$story" swap 7 ;;
	restart-relayed) lies "$story" out 3; lies "$story" guard 2; lies "$story" swap 3 ;;
	esac
done
echo "1..$n"
exit $failed
