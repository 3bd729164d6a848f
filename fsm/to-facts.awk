# SPDX-License-Identifier: ISC
# to-facts.awk -- what wire.awk needs to know of a table: its events and sends.
# A line: machine NAME TYPE | event NAME KIND SOURCE | send NAME TO, each behind %.
function emit(   i, e) {
	print "%machine " name " " ctype
	for (i = 1; i <= nev; i++) {
		e = ev[i]
		print "%event " e " " ((evsrc[e] == "timer") ? "timer" : ((evres[e] != "") ? "resource" : "role")) " " evsrc[e]
	}
	for (i = 1; i <= nsend; i++) print "%send " snd[i] " " sndto[snd[i]]
}
