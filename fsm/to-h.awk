# SPDX-License-Identifier: ISC
# to-h.awk -- the header of a machine: its words as enums, and how to post to it.
function words(what, prefix, n, list,   i) {
	if (!n) return
	print "\nenum " p "_" what " {"
	for (i = 1; i <= n; i++) print "\t" P prefix cup(list[i]) ((i < n) ? "," : "")
	print "};"
}
function comment(s) { gsub(/\*\//, "* /", s); return s }
function emit(   i, n, guardname) {
	p = cid(name); P = toupper(p) "_"; guardname = "FSM_" P "H"
	print "/* Made from fsm/" base(FILENAME) ": edit the table, not this file. */"
	print "#ifndef " guardname "\n#define " guardname "\n#include \"fsm/fsm.h\"\n\n" ctype ";"
	print "\nenum " p "_state {"
	for (i = 1; i <= nst; i++) print "\t" P cup(st[i]) ((i < nst) ? ",\t/* " : "\t/* ") comment(st_why[st[i]]) " */"
	print "};"
	words("event", "EV_", nev, ev)
	words("res", "RES_", nres, res)
	n = 0
	for (i = 1; i <= ntm; i++) { timers[i] = tname(i); n++ }
	words("timer", "TIMER_", n, timers)
	words("send", "SEND_", nsend, snd)
	print "\nextern const struct fsm_def " p "_fsm;"
	print "\n/* Queue an event; data is handed over, may be NULL.  _gen: of a resource, with its generation. */"
	print "void " p "_post(" ctype " *, enum " p "_event, struct fsm_data *);"
	print "void " p "_post_gen(" ctype " *, enum " p "_event, uint32_t gen, struct fsm_data *);"
	print "#endif"
}
# a second time for one event is another timer: retry, retry-2
function tname(i,   j, n) {
	n = 1
	for (j = 1; j < i; j++) if (tm_ev[j] == tm_ev[i]) n++
	return tm_ev[i] ((n > 1) ? ("-" n) : "")
}
