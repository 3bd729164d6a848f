#!/bin/sh
# SPDX-License-Identifier: ISC
# replay.sh build RUN -- makes RUN/pan, a search of fsm/peers-world.pml that follows a tape
# replay.sh RUN TAPE [NAME] -- is what two agents did something that the composed model
# and its world can do?  The turns that project.awk makes of the tape are kept in
# RUN/NAME.turns.  Prints "accepted N turns", or how far the model came and what it could
# not do.  In the environment: LUCK, how many things that no tape shows may befall between
# two turns; AGENT0 and AGENT1, which processes of the tape are meant; SPOIL, a program of
# sed for the turns.
srcdir=${srcdir:-.} AWK=${AWK:-awk}
LC_ALL=C; export LC_ALL
srcdir=$(cd "$srcdir" && pwd)
here=$srcdir/tests/conform world=$srcdir/fsm/peers-world.pml
parts=$(sed -n 's/^ \* together agent //p' "$world")
if [ "$1" = build ]; then
	run=$2
	mkdir -p "$run" || exit 2
	cp "$here/replay.pml" "$here/replay.h" "$run"
	MODEL_GENERATE=1 srcdir=$srcdir sh "$srcdir/tests/model/together.sh" "$world" "$run" >"$run/generate.log" 2>&1 || exit 2
	cd "$run" || exit 2
	spin -a -DREPLAY $MODEL_FLAGS world.pml >spin.log 2>&1 && [ -f pan.c ] || { echo "spin: $(head -3 spin.log)"; exit 2; }
	${CC:-cc} -O1 -w -DMEMLIM=${MODEL_MB:-3500} -DSAFETY -DNOREDUCE -DHC4 -o pan pan.c >cc.log 2>&1 || { echo "cc: $(head -3 cc.log)"; exit 2; }
	exit 0
fi
run=$1 tape=$2 name=${3:-tape}
for m in $parts; do $AWK -f "$srcdir/fsm/fsm.awk" -f "$here/to-facts.awk" "$srcdir/fsm/$m.fsm" || exit 2; done >"$run/facts"
$AWK -v world="$parts" -v speaks="$(sed -n 's/^inline \([a-z_]*_do_[a-z_]*\)(.*/\1/p' "$world" | grep -v count_again | tr '\n' ' ')" \
	-v agent0="$AGENT0" -v agent1="$AGENT1" -f "$here/project.awk" "$run/facts" "$tape" >"$run/$name.turns"
grep -q ^turn "$run/$name.turns" || { echo "no turns of two agents on $tape"; exit 2; }
if [ -n "$SPOIL" ]; then	# a lie, to be refused: KIND N
	$AWK -v how="${SPOIL% *}" -v at="${SPOIL#* }" -f "$here/spoil-turns.awk" "$run/$name.turns" >"$run/tmp" || { echo "no place for that lie"; exit 2; }
	mv "$run/tmp" "$run/$name.turns"
fi
cd "$run" || exit 2
# few things that no tape shows first: most tapes need few, and few are found fast.
# Limits are of CPU time: a busy machine refuses nothing.
for in_all in ${IN_ALL:-2 4 8}; do
	(ulimit -t "${MODEL_SECONDS:-60}"; REPLAY=$name.turns LUCK=${LUCK:-1} IN_ALL=$in_all exec ./pan -E -m"${MODEL_DEPTH:-1000000}" >"$name.log" 2>"$name.err")
	! grep -q 'assertion violated' "$name.log" || break
	grep -q 'errors:' "$name.log" || break
done
came=$(sed -n 's/^came to \([0-9]*\).*/\1/p' "$name.err" | tail -1)
all=$(grep -c ^turn "$name.turns")
seen=$(grep -c '^turn.*[0-9]:' "$name.turns")
states=$(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' "$name.log" | head -1)
if grep -q 'assertion violated' "$name.log"; then echo "accepted $seen turns, with $in_all unseen things at most, $states states"; exit 0; fi
echo "refused: the model came along for ${came:-0} of $all turns, then could not: $(grep ^turn "$name.turns" | sed -n "$((${came:-0} + 1))p")"
sed -n "s/^instead of $((${came:-0} + 1)): /or: /p" "$name.err"
grep -q 'errors:' "$name.log" || echo "(the search did not end)"
exit 1
