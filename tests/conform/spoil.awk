# SPDX-License-Identifier: ISC
# spoil.awk -- a tape with one thing wrong in it, which the judge must refuse.
#	awk -v how=N -f spoil.awk TAPE
# Exits 3 when the tape had no place for it; `awk -v how=0 ...` prints what N
# means, and what the judge then says.
BEGIN {
	n = split("a guard answers otherwise~guards asked|another row~row .* was to be taken|a send is left out~to be sent|" \
	    "a send reaches nobody~a send was lost|two sends change places~a send was lost|a send goes to another machine~a send was lost|" \
	    "a timer fires early~fires early/time goes back|a timer of a former arming fires~not armed|a timer is not armed~to be armed/without its timers|" \
	    "a timer is armed for too long~another length|another next state~next state|something comes from outside in a drain~in the middle of a drain|" \
	    "two events are taken in the other order~not the oldest/not what was posted|a stale event is handled~former life|a former life comes back~lives are not counted|" \
	    "an event is lost~not the oldest/not what was posted/queue is not empty|an event is posted past the wire~posted by hand|a guard is not asked~guards asked|" \
	    "a state changes between steps~it was in", what, "|")
	if (how == 0) { for (i = 1; i <= n; i++) { sub(/~/, "\t", what[i]); gsub(/\//, "|", what[i]); print i "\t" what[i] }; quit = 1; exit }
}
function edit(from, to,   i) {	# the first word that begins so
	for (i = 2; i <= NF; i++) if (index($i, from) == 1) { $i = to; done = 1; return 1 }
	return 0
}
function find(from,   i) { for (i = 2; i <= NF; i++) if (index($i, from) == 1) return i; return 0 }
# a post is gone: those behind it count one less, and its step, if any, never was
function gone(word) { split(word, a, ","); cut = a[2]; who = $1; less = 1; done = 1 }
function renumber(   i, k, t) {
	if (who != $1 || !less) return 1
	for (i = 2; i <= NF; i++) if ($i ~ /^[PDBX],/) {
		t = substr($i, 3); k = t; sub(/,.*/, "", k)
		if (k == cut && $i ~ /^[BX]/) return 0
		if (k > cut + 0) $i = substr($i, 1, 2) (k - less) substr(t, length(k) + 1)
	}
	return 1
}
done || NR < 200 { if (renumber()) print; next }	# after the start, when all is running
how == 1 && /B,.*,lurking,|,tick G,/ && (i = find("G,")) { split($i, a, ","); edit($i, "G," a[2] "," 1 - a[3]) }
how == 2 && (i = find("R,")) { split($i, a, ","); edit($i, "R," a[2] + 2 "," a[3]) }
how == 3 && (i = find("S,")) && $(i + 1) ~ /^D/ && $(i + 2) !~ /^D/ { gone($(i + 1)); $i = $(i + 1) = "" }
how == 4 && / S,(ice-up|path-on|ice-down|relay-up) D,/ && (i = find("D,")) { gone($i); $i = "" }
how == 5 && / S,.* S,/ {
	x = y = 0
	for (i = 2; i <= NF; i++) if ($i ~ /^S/) { if (!x) x = i; else if (!y) y = i }
	if ($x != $y) { t = $x; $x = $y; $y = t; done = 1 }
}
how == 6 && /,ice-session,|S,ice-up D,/ && (i = find("D,")) { split($i, a, ","); edit($i, "D," a[2] "," 1 "," a[4] ",-") }
how == 7 && $2 ~ /^@/ && $3 ~ /,look,t[0-9]/ { $2 = "@" sprintf("%.0f", substr($2, 2) - 150000); done = 1 }
how == 8 && (i = find("P,")) && $i ~ /,t[0-9]\.([2-9]|[0-9][0-9])/ { sub(/[0-9]+$/, "1", $i); done = 1 }
how == 9 && / B,/ && (i = find("T,")) { $i = ""; done = 1 }
how == 10 && / B,.* T,[0-9]*,[0-9]*,[0-9]*,10000000 / { sub(/,10000000 /, ",10000001 "); done = 1 }
how == 11 && / R,[0-9]*,(connected|good|quiet|up)$/ { sub(/,[a-z]*$/, ",none"); done = 1 }
how == 12 && / B,/ && / D,/ { print; for (i = 2; i <= NF; i++) if ($i ~ /^[PD],/) split($i, a, ","); less = -1; cut = a[2]; who = $1; $0 = $1 " P," (cut + 1) ",1,up,-"; print; done = 1; next }
how == 13 && / B,/ && held != "" && $1 == heldp { print; $0 = held; held = ""; done = 1 }
how == 13 && !done && / B,/ { if (held != "") print held; held = $0; heldp = $1; next }
how == 13 && held != "" { print held; held = "" }
how == 14 && $2 ~ /^P,.*,g[1-9][0-9]*$/ { sub(/[0-9]+$/, "0", $2); done = 1 }
how == 15 && (i = find("O,")) { split($i, a, ","); edit($i, "O," a[2] "," a[3] "," a[4] + 7) }
how == 16 && / B,/ && / R,[0-9]*/ { i = find("B,"); gone($i); less = 0; next }
how == 17 && / S,ice-up D,/ { sub(/ S,ice-up D,/, " S,ice-up P,"); done = 1 }
how == 18 && /,tick G,/ && (i = find("G,")) { $i = ""; done = 1 }
how == 19 && / B,/ { sub(/ B,[0-9]*,[0-9]*,[a-z]*/, "&x"); done = 1 }
{ print }
END { if (!quit && !done) exit 3 }
