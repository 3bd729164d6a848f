#!/bin/sh
# SPDX-License-Identifier: ISC
# one.sh WORLD RUN [KEEP] -- checks one world in the folder RUN and prints its
# results, one a line: "ok WHAT", "not ok WHAT", or "# ..." to be read by people.
#
# The world's first lines may say:
#	 * keep NAME PROPERTY [FAULTS]	this bug kept, that property must fail
#	 * bounds FAULTS ASKS		other bounds than two faults, three asks
#	 * full FAULTS ASKS		those of make check-model-full
#	 * unreached LINES		rows that this world cannot reach, and says why
#
# MODEL_FIRST=1: the first failure is enough.  MODEL_CHANGES=FILE: all changes of a
# table in one model (to-pml.awk), MODEL_MAKE=1: made and compiled, not searched.
srcdir=${srcdir:-.} AWK=${AWK:-awk}
LC_ALL=C; export LC_ALL
world=$1 run=$2 keep=$3
name=${world##*/}; name=${name%-world.pml}
table=${MODEL_TABLE:-$srcdir/fsm/$name.fsm}
mkdir -p "$run" || exit 1
# limited SECONDS COMMAND -- seconds of CPU time: a busy machine fails no check
limited() { (ulimit -t "${MODEL_SECONDS:-$1}"; shift; exec "$@"); }
generate() {
	$AWK -v alone=1 -v keep="$keep" -v changes="$MODEL_CHANGES" -f "$srcdir/fsm/fsm.awk" -f "$srcdir/fsm/to-pml.awk" "$table" >"$run/$name.pml" &&
	cp "$srcdir/tests/model/head.pml" "$srcdir/tests/model/alone.pml" "$run" && cp "$world" "$run/world.pml" || return 1
	# what the world does not speak of means nothing in it
	grep -oE "[a-z_0-9]+(_(do|send)_[a-z_0-9]+\\(a, arg\\)|_restart_[a-z_0-9]+\\(a\\)|_entered\\(a\\))" "$run/$name.pml" | sort -u | while read -r call; do
		grep -q "inline ${call%%(*}(" "$world" || echo "inline $call { skip }"; done >"$run/rest"
	grep -oE "[a-z_0-9]+_if_[a-z_0-9]+\\(a, arg\\)" "$run/$name.pml" | sort -u | while read -r call; do
		grep -q "define ${call%%(*}(" "$world" || echo "#define $call (maybe)"; done >"$run/guards"
	[ ! -s "$run/guards" ] || { sed 's/^#define /# either way: /; s/(maybe)//' "$run/guards"; echo "#define MAYBE" >>"$run/guards"; }
	cat "$run/guards" "$run/$name.pml" "$run/rest" >"$run/tmp"; mv "$run/tmp" "$run/$name.pml"
}
bounds=$(sed -n 's/^ \* bounds //p' "$world")
[ -z "$MODEL_FULL" ] || bounds=$(sed -n 's/^ \* full //p' "$world" | grep . || echo 3 4)
set -- $bounds
flags="-DFAULTS=${1:-2} -DASKS=${2:-3}"
if [ -n "$keep" ]; then
	f=$(sed -n "s/^ \* keep $keep [A-Za-z_]* \([0-9]*\).*/\1/p" "$world")
	[ -z "$f" ] || flags="-DFAULTS=$f -DASKS=${2:-3}"
fi
generate || { echo "not ok $name${keep:+ with $keep}: generate"; exit 0; }
# MODEL_REACH: no properties; which rows are reached, from which state on which event (tests/conform)
if [ -n "$MODEL_REACH" ]; then
	id=$(echo "$name" | tr - _)
	sed "s/ROW(a, \"$name row \([0-9]*\)\\\\n\");/& c_code { reach(now.${id}_state[0], ev, \1); };/" "$run/$name.pml" >"$run/tmp"
	mv "$run/tmp" "$run/$name.pml"
	cat "$srcdir/tests/conform/reach.pml" "$world" >"$run/world.pml"
	cd "$run" && spin -a $flags world.pml >spin.log 2>&1 && ${CC:-cc} -O1 -w -DSAFETY -DNOCLAIM -DNOREDUCE -DMEMLIM=${MODEL_MB:-1500} -DVECTORSZ=2048 -o pan pan.c &&
	limited 120 ./pan -m"${MODEL_DEPTH:-200000}" >reach.log && grep -q 'errors: 0$' reach.log && grep '^reached' reach.log
	exit
fi
never=$($AWK -f "$srcdir/fsm/fsm.awk" -f "$srcdir/fsm/to-rows.awk" "$table" 2>/dev/null | sed -n 's/.*	never	line //p' | sort -u | tr '\n' ' ')
cd "$run" || exit 1
spin -a $flags world.pml >spin.log 2>&1 && [ -f pan.c ] || { echo "not ok $name${keep:+ with $keep}: spin"; sed 's/^/# /' spin.log | head -10; exit 0; }
${CC:-cc} ${MODEL_CFLAGS:--O1} -w -DMEMLIM=${MODEL_MB:-1500} -DVECTORSZ=2048 -o pan pan.c >cc.log 2>&1 || { echo "not ok $name: cc"; head -5 cc.log; exit 0; }
[ -z "$MODEL_MAKE" ] || { echo "ok $name: made"; exit 0; }

# search PROPERTY: sets errors, states, why
search() {
	limited 60 ./pan -a -m"${MODEL_DEPTH:-200000}" -N "$1" >"pan.$1.log" 2>&1
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "pan.$1.log")
	states=$(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' "pan.$1.log" | head -1)
	why=$(grep -E '^pan:[0-9]*:|^pan: ' "pan.$1.log" | head -2 | tr '\n' ' ')
	grep -q 'max search depth too small' "pan.$1.log" && why="depth $why" && errors=x
	grep -q 'reached memory limit' "pan.$1.log" && why="memory $why" && errors=x
	[ -n "$errors" ] || { errors=x; why="no end in ${MODEL_SECONDS:-60} s $why"; }
}
if [ -n "$keep" ]; then
	p=$(sed -n "s/^ \* keep $keep \([A-Za-z_]*\).*/\1/p" world.pml)
	search "$p"
	case $errors in
	0|x) echo "not ok $name: $p must fail with $keep kept ($states states, ${why:-no error})" ;;
	*) echo "ok $name: $p fails with $keep kept, as it must ($states states)" ;;
	esac
	exit 0
fi
for p in $(sed -n 's/^ltl \([A-Za-z_0-9]*\).*/\1/p' world.pml); do
	search "$p"
	if [ "$errors" = 0 ]; then echo "ok $name: $p ($states states)"
	else
		echo "not ok $name: $p ($states states, $why)"
		[ ! -f world.pml.trail ] || ./pan -r -N "$p" 2>/dev/null | grep -oE '[a-z-]+ row [0-9]+|START OF CYCLE|assertion violated.*' | tail -25 | tr '\n' ';' | sed 's|^|# |; s|$|\n|'
	fi
	first=${first:-$p}
	[ -z "$MODEL_FIRST" ] || [ "$errors" = 0 ] || exit 0
done
[ -n "$first" ] || { echo "not ok $name: no property"; exit 0; }
# a row is dead when every copy of it is on the list of unreached statements
may=$(sed -n 's/^ \* unreached \([0-9 ]*\).*/ \1 /p' world.pml | tr '\n' ' ')
grep -o "$name row [0-9]*" "$name.pml" | sort | uniq -c >copies
grep -oh "$name row [0-9]*" pan.$first.log | sort | uniq -c >unreached
dead=$($AWK -v may="$may $never " 'NR == FNR { n[$4] = $1; next } n[$4] == $1 && !index(may, " " $4 " ") { printf "%s ", $4 }' copies unreached)
if [ -z "$dead" ]; then echo "ok $name: every row is reached, no never row is"; else echo "not ok $name: rows not reached: $dead"; fi
