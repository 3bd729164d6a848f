#!/bin/sh
# SPDX-License-Identifier: ISC
# together.sh WORLD RUN [KEEP] -- as one.sh, for a world of several machines.  The
# world says which: " * together WIRE MACHINES [/ WIRE MACHINES]", and its bounds:
# " * bounds FAULTS".  Machines of the second process are CALLS in number, not
# AGENTS, and post with POST_server.  A bug that is kept is also defined in Promela,
# for those rules that the runtime keeps and not a table.  A world that declares
# "hidden byte to" runs a step as one d_step (to-pml.awk, -v once=1).  MUST(NAME,
# CONDITION) is a safety property; it is told by its name.  " * mode FLAG PROPERTIES"
# are searched in a run of their own, with -DFLAG (KEEP is "mode:FLAG" then).
srcdir=${srcdir:-.} AWK=${AWK:-awk}
LC_ALL=C; export LC_ALL
world=$1 run=$2 keep=$3 mode=
case $keep in mode:*) mode=${keep#mode:} keep= ;; esac
name=${world##*/}; name=${name%-world.pml}
mkdir -p "$run" || exit 1
once=$(grep -c '^hidden byte to\b' "$world")
[ "$once" = 1 ] || once=
parts=$(sed -n 's/^ \* together //p' "$world")
# limited SECONDS COMMAND -- seconds of CPU time: a busy machine fails no check
limited() { (ulimit -t "${MODEL_SECONDS:-$1}"; shift; exec "$@"); }
# part SUFFIX WIRE MACHINES -- appends one process to all.pml and wire-all.pml
part() {
	suffix=$1 wire=$2; shift 2
	: >"$run/facts"
	for t in "$srcdir"/fsm/*.fsm; do
		case $wire:${t##*/} in server:srv-*|agent:[!s]*|agent:s[!r]*) ;; *) continue ;; esac
		$AWK -v keep="$keep" -f "$srcdir/fsm/fsm.awk" -f "$srcdir/fsm/to-facts.awk" "$t" >>"$run/facts" || return 1
	done
	for m; do
		$AWK -v keep="$keep" -v once="$once" -f "$srcdir/fsm/fsm.awk" -f "$srcdir/fsm/to-pml.awk" "$srcdir/fsm/$m.fsm" || return 1
	done >"$run/part.pml"
	[ -z "$suffix" ] || { sed "s/\[AGENTS\]/[CALLS]/" "$run/part.pml" >"$run/tmp" && mv "$run/tmp" "$run/part.pml"; }
	cat "$run/part.pml" >>"$run/all.pml"
	$AWK -v only="$*" -v once="$once" -v suffix="$suffix" -v first="$(grep -c '^#define ev_' "$run/wire-all.pml")" \
		-f "$srcdir/fsm/wire.awk" -f "$srcdir/fsm/to-wire-pml.awk" "$run/facts" "$srcdir/fsm/$wire.wire" >"$run/tmp" || return 1
	cat "$run/tmp" >>"$run/wire-all.pml"
}
generate() {
	: >"$run/all.pml"; : >"$run/wire-all.pml"
	part '' ${parts%%/*} || return 1
	case $parts in */*) part _server ${parts#*/} || return 1 ;; esac
	grep -hE '^(#define|byte)' "$run/wire-all.pml" "$run/all.pml" >"$run/states.pml"
	grep -vE '^(#define|byte)' "$run/all.pml" >"$run/machines.pml"
	grep -v '^#define' "$run/wire-all.pml" >"$run/wire.pml"
	cp "$world" "$run/world.pml"
	# an action that the world does not speak of is left out: a d_step has its limits
	grep -oE "[a-z_0-9]+_do_[a-z_0-9]+\(a, arg\)" "$run/machines.pml" | sort -u | while read -r call; do
		grep -q "inline ${call%%(*}(" "$world" || echo "s/${call%%(*}(a, arg); //"; done >"$run/unspoken"
	sed -f "$run/unspoken" "$run/machines.pml" >"$run/tmp" && mv "$run/tmp" "$run/machines.pml"
	grep -oE "[a-z_0-9]+_if_[a-z_0-9]+\\(a, arg\\)" "$run/machines.pml" | sort -u | while read -r call; do
		grep -q "define ${call%%(*}(" "$world" || { echo "#define $call false"; echo "# taken for false: ${call%%(*}" >&2; }; done >>"$run/states.pml"
}
faults=$(sed -n 's/^ \* bounds //p' "$world")
[ -z "$MODEL_FULL" ] || faults=$(sed -n 's/^ \* full //p' "$world")
[ -z "$keep" ] || faults=$(sed -n "s/^ \* keep $keep [A-Za-z_]* \([0-9]*\).*/\1/p" "$world")
label="$name${mode:+ $mode}${keep:+ with $keep}"
generate || { echo "not ok $label: generate"; exit 0; }
[ -z "$MODEL_GENERATE" ] || exit 0
cd "$run" || exit 1
opt=1; [ -z "$keep" ] || opt=0	# a bug is found before a faster search pays
spin -a -DFAULTS=$faults ${keep:+-D$keep} ${mode:+-D$mode} $MODEL_FLAGS world.pml >spin.log 2>&1 && [ -f pan.c ] || { echo "not ok $label: spin"; sed 's/^/# /' spin.log | head -10; exit 0; }
collapse=-DCOLLAPSE	# a third of the memory, half of the speed
[ -z "$MODEL_FULL" ] || collapse= opt=2
${CC:-cc} -O$opt -w -DMEMLIM=${MODEL_MB:-3500} $collapse -o pan pan.c >cc.log 2>&1 || { echo "not ok $label: cc"; head -5 cc.log; exit 0; }
# what MUST() found broken in the trail of property $1, if that is what it found
broken() { [ ! -f world.pml.trail ] || ./pan -r -N "$1" 2>/dev/null | sed -n 's/^ *BROKEN: //p' | head -1; }
ltls=" $(echo $(sed -n 's/^ltl \([A-Za-z_0-9]*\).*/\1/p' world.pml)) "
musts=" $(echo $(grep -oE 'MUST\([a-z_]+,' world.pml | sed 's/MUST(//; s/,//' | sort -u | grep -vx name)) "
if [ -n "$mode" ]; then wanted=$(sed -n "s/^ \* mode $mode //p" world.pml)
elif [ -n "$keep" ]; then wanted=$(sed -n "s/^ \* keep $keep \([A-Za-z_]*\).*/\1/p" world.pml)
else wanted=$(sed -n "s/^ \* mode [A-Z]* //p" world.pml | tr ' \n' '\n\n')	# all but those
	wanted=$(for w in $ltls $musts; do case " "$(echo $wanted)" " in *" $w "*) ;; *) echo $w ;; esac; done)
fi
# a property that is no ltl formula shares the run of one; the first will do
runs=; must_hold=
for w in $wanted; do case $ltls in *" $w "*) runs="$runs $w" ;; *) must_hold="$must_hold $w" ;; esac; done
[ -n "$runs" ] || { runs=${ltls# }; runs=${runs%% *}; }
held=0 of=
for p in $runs; do
	rm -f world.pml.trail
	limited 150 ./pan -a -m"${MODEL_DEPTH:-2000000}" -N "$p" >"pan.$p.log" 2>&1
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "pan.$p.log")
	states=$(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' "pan.$p.log" | head -1)
	why=$(grep -E '^pan:[0-9]*:' "pan.$p.log" | head -2 | tr '\n' ' ')
	grep -q 'max search depth too small' "pan.$p.log" && why="depth $why" && errors=x
	grep -q 'reached memory limit' "pan.$p.log" && why="memory $why" && errors=x
	[ -n "$errors" ] || { errors=x; why="no end in ${MODEL_SECONDS:-150} s $why"; }
	must=
	case $errors in 0|x) ;; *) must=$(broken "$p") ;; esac
	case ${keep:+kept}$errors in
	0)	echo "ok $label: $p, $faults fault(s) ($states states)"
		[ "${states%.*}" -le "$held" ] 2>/dev/null || held=$states of=$p ;;
	kept0|keptx) echo "not ok $label: $wanted must fail ($states states, ${why:-no error})" ;;
	kept*)	if [ "${must:-$wanted}" = "$wanted" ]; then echo "ok $label: $wanted fails, as it must ($states states)"
		else echo "not ok $label: $must failed, $wanted must ($states states)"; fi ;;
	*)	echo "not ok $label: $p${must:+ for $must} ($states states, $why)"
		held=x
		[ ! -f world.pml.trail ] || ./pan -r -N "$p" 2>/dev/null | grep -oE '^ *BROKEN.*|[a-z-]+ row [0-9]+|START OF CYCLE|assertion violated.*' | tail -40 | tr '\n' ';' | sed 's|^|# |; s|$|\n|' ;;
	esac
done
# safety properties share the runs: each state of the largest was held against all of them
[ -n "$keep" ] || [ "$held" = x ] || for m in $must_hold; do echo "ok $label: must $m, $faults fault(s) ($held states, in the run of $of)"; done
[ -n "$keep$mode" ] || { printf '# rows of %s not reached: ' "$name"
	if grep -q '^hit: ' pan.$p.log; then	# the world says itself which rows were used
		sed -n 's/^hit: //p' pan.*.log | sort -u >hits
		grep -oE '[a-z-]+ row [0-9]+' machines.pml | sort -u | grep -vxFf hits | tr '\n' ';'; echo
	else
		grep -oE '[a-z-]+ row [0-9]+' pan.$p.log | sort | uniq -c >unreached
		grep -oE '[a-z-]+ row [0-9]+' machines.pml | sort | uniq -c >copies
		$AWK 'NR == FNR { n[$2 " " $4] = $1; next } { k = $2 " " $4 } n[k] == $1 { printf "%s; ", k }' copies unreached; echo
	fi; }
