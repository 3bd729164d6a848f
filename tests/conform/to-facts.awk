# SPDX-License-Identifier: ISC
# to-facts.awk -- all that a judge of traces must know of one table, expanded:
#
#	awk -f fsm/fsm.awk -f tests/conform/to-facts.awk fsm/NAME.fsm
#
#	%machine NAME INITIAL-STATE
#	%event NAME EVENT KIND			role, resource or timer
#	%res NAME EVENT RESOURCE
#	%timer NAME EVENT EVERY LO HI FIELD	in the order of their numbers
#	%self NAME SEND				a send to itself
#	%state NAME STATE TIMERS		numbers, joined by commas, or -
#	%row NAME STATE EVENT LINE GUARD DO NEXT	a pair's rows in order; DO joined by commas
function dash(s) { return (s == "") ? "-" : s }
function emit(   i, j, k, n, a, t) {
	print "%machine", name, st[1]
	for (i = 1; i <= nev; i++) {
		print "%event", name, ev[i], ((evsrc[ev[i]] == "timer") ? "timer" : ((evres[ev[i]] != "") ? "resource" : "role"))
		if (evres[ev[i]] != "") print "%res", name, ev[i], evres[ev[i]]
	}
	for (i = 1; i <= ntm; i++) print "%timer", name, tm_ev[i], tm_every[i] + 0, tm_lo[i], tm_hi[i], dash(tm_field[i])
	for (i = 1; i <= nsend; i++) if (inlist(name, sndto[snd[i]])) print "%self", name, snd[i]
	for (i = 1; i <= nst; i++) {
		t = ""
		for (j = 1; j <= ntm; j++) if ((st[i], j) in runs) t = t ((t == "") ? "" : ",") (j - 1)
		print "%state", name, st[i], dash(t)
	}
	for (i = 1; i <= nst; i++) for (j = 1; j <= nev; j++) {
		if (!possible(st[i], ev[j])) continue
		n = split(rows(st[i], ev[j]), a, " ")
		for (k = 1; k <= n; k++) {
			t = row_do[a[k]]; gsub(/ /, ",", t)
			print "%row", name, st[i], ev[j], row_line[a[k]], dash(row_if[a[k]]), dash(t), row_to[a[k]]
		}
	}
}
