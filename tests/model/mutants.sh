#!/bin/sh
# SPDX-License-Identifier: ISC
# mutants.sh [NAME ...] -- changes each table a little, some two thousand times, and
# asks whether the table check or its world notices.  What survives is a property
# that nobody wrote down, a row without a use, or a change that means nothing:
# mutants.why says which, one by one, and the sweep fails when one is missing
# there, or is there and does not survive.
#
# Without names the result goes to mutants.txt.  Results are kept by a hash of
# table, world and tools, so that a second sweep asks only what has changed.
# MODEL_JOBS tables at a time (2), MODEL_SECONDS of CPU for one search (300).
AWK=${AWK:-awk}
LC_ALL=C; export LC_ALL
srcdir=$(cd "${srcdir:-.}" && pwd) top=$(mkdir -p "${builddir:-.}/tests/model/mutants/cache" && cd "${builddir:-.}/tests/model/mutants" && pwd) || exit 2
model=$srcdir/tests/model

# Most changes are alternatives of their row in one model of the table; a row deleted
# that has no guard may leave its place to the row of *: that is another model.
one_table() {	# one_table NAME: "NAME VERDICT | row | change", a line a change
	name=$1 table=$srcdir/fsm/$1.fsm world=$srcdir/fsm/$1-world.pml d=$top/$1
	changes=$d/changes
	rm -rf "$d"; mkdir -p "$d"
	$AWK -v n=0 -f "$model/mutants.awk" "$table" "$table" >"$changes"
	key=$({ grep -v '^[ 	]*[;#]' "$table"; $AWK -v alone=1 -f "$srcdir/fsm/fsm.awk" -f "$srcdir/fsm/to-pml.awk" "$table" | grep -v '^/\*'
		cat "$changes" "$world" "$srcdir/fsm/fsm.awk" "$model/head.pml" "$model/alone.pml"; } | sha256sum 2>/dev/null | cut -c1-32)
	if [ -n "$key" ] && [ -s "$top/cache/$key" ]; then cp "$top/cache/$key" "$d/result"; return; fi
	made=$(srcdir=$srcdir MODEL_CHANGES=$changes MODEL_MAKE=1 MODEL_CFLAGS=-O0 sh "$model/one.sh" "$world" "$d/run")
	case $made in ok*) ;; *) echo "$made"; return ;; esac
	cd "$d/run" || return
	ulimit -t "${MODEL_SECONDS:-300}"	# of each pan, and of this shell
	props=$(sed -n 's/^ltl \([A-Za-z_0-9]*\).*/\1/p' "$world")
	may=$(sed -n 's/^ \* unreached \([0-9 ]*\).*/ \1 /p' "$world" | tr '\n' ' ')
	grep -o "$name row [0-9]*" "$name.pml" | sort | uniq -c >copies
	$AWK -f "$srcdir/fsm/fsm.awk" -f "$srcdir/fsm/to-rows.awk" "$table" >../rows
	n=0; alternative; [ $v = survives ] || { echo "$name: the table as it is does not hold: $v"; return; }
	while IFS='	' read -r n line row what new; do
		if ! $AWK -v n="$n" -f "$model/mutants.awk" "$table" "$table" | $AWK -f "$srcdir/fsm/fsm.awk" -f "$srcdir/fsm/to-rows.awk" >../rows 2>/dev/null; then v=refused
		else case "$what $row" in "row deleted "*" ["*|[!r]*|r[!o]*|"row deleted "*" [!"*) alternative ;; *) own_model ;; esac; fi
		echo "$name $v | $row | $what"
	done <"$changes" >../result
	[ -z "$key" ] || grep -q " undecided " ../result || cp ../result "$top/cache/$key"
	rm -f pan pan.?
}
alternative() {
	v=survives first=
	for p in $props; do
		log=$(MUTANT=$n ./pan -a -m50000 -w18 -N "$p" 2>&1)
		case $log in
		*"search depth too small"*|*"reached memory limit"*) v=undecided; return ;;
		*"errors: 0"*) ;;
		*"errors: "*) v=refuted; return ;;
		*) v=undecided; return ;;
		esac
		[ -n "$first" ] || { first=$p; printf '%s\n' "$log" >first; }
	done
	never=$(sed -n 's/.*	never	line //p' ../rows | tr '\n' ' ')
	grep -oh "$name row [0-9]*" first | sort | uniq -c | $AWK -v may=" $may $never " '
		NR == FNR { n[$4] = $1; next } n[$4] == $1 && !index(may, " " $4 " ") { dead = 1 } END { exit !dead }' copies - && v=row
}
own_model() {
	mkdir ../own
	$AWK -v n="$n" -f "$model/mutants.awk" "$table" "$table" >../m.fsm
	srcdir=$srcdir MODEL_TABLE=$d/m.fsm MODEL_CFLAGS=-O0 MODEL_FIRST=1 MODEL_SECONDS=${MODEL_SECONDS:-300} sh "$model/one.sh" "$world" ../own >../out 2>/dev/null
	if grep -qE '^not ok.*: (generate|spin|cc)$|no end in|\(depth|, memory' ../out; then v=undecided
	elif grep -q '^not ok.*rows not reached' ../out; then v=row
	elif grep -q '^not ok' ../out; then v=refuted
	else v=survives; fi
	rm -rf ../own
}
if [ "$1" = --table ]; then one_table "$2"; exit; fi
all=; [ $# -gt 0 ] || all=yes
[ $# -gt 0 ] || set -- $(cd "$srcdir/fsm" && ls *.fsm | sed 's/\.fsm$//')
export srcdir
printf '%s\n' "$@" | xargs -P "${MODEL_JOBS:-2}" -L 1 sh "$0" --table
for t; do cat "$top/$t/result" || exit 1; done | sort >"$top/all"
$AWK -v names="$*" -F ' *[|] *' '
	FNR == NR { if ($0 !~ /^#/ && NF >= 4) { id = $1 " | " $2 " | " $3; why[id] = $4; order[++no] = id } next }
	{
		split($1, w, " "); id = w[1] " | " $2 " | " $3
		if (!(w[1] in seen)) { seen[w[1]] = 1; m[++nm] = w[1] }
		n[w[1], w[2]]++; total[w[2]]++; count++
		if (w[2] == "survives" || w[2] == "undecided") { left[++nl] = id; how[id] = w[2] }
	}
	function line(name, a, b, c, d, e) { printf "%-16s %8s %8s %8s %8s %9s\n", name, a, b, c, d, e }
	END {
		lost = total["survives"] + total["undecided"]
		printf "%d changes, refused by the table check %d, refuted %d, leave a row unreached %d, survive %d, undecided %d: %.1f %% are noticed\n\n", \
			count, total["refused"], total["refuted"], total["row"], total["survives"], total["undecided"], count ? 100 - 100 * lost / count : 0
		line("table", "refused", "refuted", "no row", "survive", "undecided")
		for (i = 1; i <= nm; i++) line(m[i], n[m[i], "refused"] + 0, n[m[i], "refuted"] + 0, n[m[i], "row"] + 0, n[m[i], "survives"] + 0, n[m[i], "undecided"] + 0)
		print ""
		for (i = 1; i <= nl; i++) {
			print left[i] (how[left[i]] == "undecided" ? " (undecided)" : "")
			if (left[i] in why) print "\t" why[left[i]]
			else { print "\tNOT EXPLAINED"; bad++ }
		}
		for (i = 1; i <= no; i++) {
			split(order[i], w, " ")
			if (index(" " names " ", " " w[1] " ") && !(order[i] in how)) { print "explained in mutants.why, but noticed or gone: " order[i]; bad++ }
		}
		exit bad > 0
	}' "$model/mutants.why" "$top/all" >"$top/table"
rc=$?
cat "$top/table"
[ -z "$all" ] || cp "$top/table" "$model/mutants.txt"
exit $rc
