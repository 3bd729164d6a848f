#!/bin/sh
# SPDX-License-Identifier: ISC
# replay.sh RUN TAPE LUCK ACTS -- is what two agents did something that the composed model
# and its world can do?  Spin looks for a run of fsm/peers-world.pml whose visible
# turns (project.awk) are those of the tape, in their order, each with the rows that it
# took.  Guards answer what the world says.  Between two turns LUCK things may go wrong,
# of those ACTS of the world (numbers in its perform(), and: restart) that the story
# has; the direct path may always be cut and mended, timers fire (21 to 23), a
# message is lost (28: the first offers, while the other is not registered yet).
# Prints "accepted N turns", or how far the model came along and what it could not do.
srcdir=${srcdir:-.} AWK=${AWK:-awk}
LC_ALL=C; export LC_ALL
srcdir=$(cd "$srcdir" && pwd)
here=$srcdir/tests/conform world=$srcdir/fsm/peers-world.pml
run=$1 tape=$2 luck=$3 acts=" 21 22 23 28 $4 "
mkdir -p "$run" || exit 2
parts=$(sed -n 's/^ \* together agent //p' "$world")
for m in $parts; do $AWK -f "$srcdir/fsm/fsm.awk" -f "$here/to-facts.awk" "$srcdir/fsm/$m.fsm" || exit 2; done >"$run/facts"
$AWK -v world="$parts" -f "$here/project.awk" "$run/facts" "$tape" >"$run/turns"
[ -z "$REPLAY_WITHOUT" ] || { sed "${REPLAY_WITHOUT}d" "$run/turns" >"$run/tmp" && mv "$run/tmp" "$run/turns"; }	# a lie, to be refused
[ -s "$run/turns" ] || { echo "no turns of agent0 and agent1 on $tape"; exit 2; }
{
	echo "static const unsigned char visible[8][300][16] = {"
	$AWK -v world="$parts" -v show=1 -f "$here/project.awk" "$run/facts" "$tape" >"$run/visible"
	$AWK 'FNR == NR { if ($1 == "%state") number[$2, $3] = count[$2]++; if ($1 == "%machine") name[nm++] = $2; next }
		$1 == "visible" && $5 { print "\t[" $2 "][" $4 "][" number[name[$2], $3] "] = 1," }' "$run/facts" "$run/visible"
	echo "};"
	echo "static const struct { int agent, life, n, row[64]; } observed[] = {"
	$AWK '{ printf "\t{ %d, %d, %d, {", $2, $3, NF - 3; for (i = 4; i <= NF; i++) { split($i, a, ":"); printf " %d,", a[1] * 1000 + a[2] } print " } }," }' "$run/turns"
	echo "};"
	echo "#define OBSERVED $(wc -l <"$run/turns")"
} >"$run/observed.h"
cp "$here/replay.h" "$run"
MODEL_GENERATE=1 srcdir=$srcdir sh "$srcdir/tests/model/together.sh" "$world" "$run" >"$run/generate.log" 2>&1 || exit 2
cd "$run" || exit 2
# each row says that it was taken
k=0
for m in $parts; do
	id=$(echo "$m" | tr - _)
	printf '%s\n' "s/ROW(a, \"$m row \\([0-9]*\\)\\\\n\");/c_code { if (!now.stale) replay_row($k, \\1, now.${id}_state[Pagent->a]); };/"
	k=$((k + 1))
done >rows.sed
sed -f rows.sed machines.pml >tmp && mv tmp machines.pml
# luck is counted between two visible turns and not in all; a timer may fire while others
# are busy; what is asserted elsewhere only ends this branch here
$AWK -v luck="$luck" -v acts="$acts" '
	/^#define MUST\(/ { print "#define MUST(name, cond) if :: (cond) -> skip :: else -> off = true fi"; next }
	/^#define STALE\(/ { print "#define STALE(a, e) off = true"; next }
	/^#define MAXTRY/ { print "#define MAXTRY 4"; next }
	/^#define CAN_ONLINE/ { sub(/link\[O\(a\)\]/, "true") }	# the server may say so before the other reads that it is in
	/^byte budget/ { print "bool off; byte luck; short pos; byte lives[AGENTS] = 1;"; next }
	/^ltl / { next }
	/^proctype (agent|outside)/ { sub(/ \{/, " provided (!off \\&\\& pos < " n ") {") }
	{ gsub(/\(a == 0 \|\| budget < FAULTS\)/, "true"); gsub(/budget == 0/, "false"); gsub(/budget--/, "luck++"); gsub(/budget > 0/, "luck < " luck); gsub(/!QUIET && /, "") }
	/MUST\(bounded, x < 8\)/ { sub(/MUST\(bounded, x < 8\)/, "if :: x == 8 -> off = true; x = 7 :: else fi") }
	/MUST\(bounded, i </ { sub(/MUST\(bounded, .*; sig\[i\] = m/, "if :: i < (b) * SIG + SIG -> sig[i] = m :: else -> off = true fi") }
	/\tLUCK\(/ { match($0, /[0-9]+/); if (!index(acts, " " substr($0, RSTART, RLENGTH) " ")) next }
	/the relay server forgets|it restarts/ { if (!index(acts, " restart ")) next }
	/LUCK\(23, / { print "\tLUCK(23, SLOW_TICK(a) || IS(guard, slow, a))"; next }
	/:: act == 34 -> / { sub(/is_born\(a\)/, "is_born(a); lives[a]++") }
	/:: act == 35 -> / { sub(/is_born\(a\)/, "is_born(a); lives[a]++") }
	/d_step \{ perform\(a\) \}/ {
		sub(/d_step \{ perform\(a\) \}/, "d_step { c_code { replay_begin(); }; perform(a) }")
		sub(/d_step \{ settle\(a\) \}/, "d_step { c_code { now.k = replay_turn(Pagent->a, now.pos, now.lives[Pagent->a]); }; if :: k == 1 -> pos++; luck = 0 :: k == 2 -> off = true :: else fi; settle(a) }")
	}
	/^init / { $0 = "init { atomic { if :: link[0] = false :: skip fi; if :: link[1] = false :: skip fi; if :: dir_up = false :: skip fi; run outside(); run agent(0); run agent(1); run judge() } }\nproctype judge() { pos == " n " -> assert(false) }" }
	{ print }' n="$(wc -l <turns)" world.pml >tmp
sed 's/now\.k = /k = /' tmp >world.pml
printf '%s\n' 'c_decl {' '\#include "replay.h"' '};' | cat - world.pml >tmp && mv tmp world.pml
spin -a $MODEL_FLAGS world.pml >spin.log 2>&1 && [ -f pan.c ] || { echo "spin: $(head -3 spin.log)"; exit 2; }
${CC:-cc} -O1 -w -DMEMLIM=${MODEL_MB:-3500} -DSAFETY -DNOREDUCE -DHC4 -o pan pan.c >cc.log 2>&1 || { echo "cc: $(head -3 cc.log)"; exit 2; }
timeout "${MODEL_SECONDS:-120}" ./pan -E -m${MODEL_DEPTH:-1000000} >pan.log 2>pan.err
came=$(sed -n 's/^came to \([0-9]*\).*/\1/p' pan.err | tail -1)
all=$(wc -l <turns)
if [ "${came:-0}" -eq "$all" ]; then echo "accepted $all turns, $(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log | head -1) states"; exit 0; fi
echo "refused: the model came along for ${came:-0} of $all turns, then could not: $(sed -n "$((${came:-0} + 1))p" turns)"
grep -q 'errors:' pan.log || echo "(the search did not end)"
exit 1
