# SPDX-License-Identifier: ISC
# to-fire.awk -- a test program that fires every row of one table, from every
# state and event it names, with recording guards, actions and resources.
#
#	awk -f fsm/fsm.awk -f tests/unit/to-fire.awk fsm/NAME.fsm
#
# Expected is what the table says; done is what the compiled machine did: rows
# chosen by guards in order, actions and sends from left to right, resources
# closed that the next state does not hold, the state after.
function q(s) { return "\"" s "\"" }
function bare(g) { sub(/^!/, "", g); return g }
function closes(from, to,   i, t) {
	if (to == "stay" || to == "never") return ""
	for (i = 1; i <= nres; i++) if (((from, res[i]) in holds) && !((to, res[i]) in holds)) t = t " ~" res[i]
	return t
}
function setting(list, n, k,   i, t, g) {	# guards that make the k-th of n rows the chosen one; "" if it cannot be
	split("", want)
	for (i = 1; i <= k; i++) {
		g = row_if[list[i]]
		if (g == "") continue
		v = (i == k); if (g ~ /^!/) v = !v
		g = bare(g)
		if ((g in want) && want[g] != v) return "impossible"
		want[g] = v
	}
	t = " "
	for (g in want) if (want[g]) t = t g " "
	return t
}
function acts(r,   i, n, w, t) {	# without the timers restarted: the clock is not here
	n = split(row_do[r], w, " ")
	for (i = 1; i <= n; i++) if (w[i] !~ /^@/) t = t " " w[i]
	return t
}
function emit(   i, j, k, n, a, r, P, t, end) {
	P = cup(name)
	print "#define FSM_FIRE_TEST\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>"
	print "#include \"fsm/" name ".inc\"\n#include \"tests/tap.h\"\n#include \"tests/unit/fire.h\"\n"
	for (i = 1; i <= nguard; i++) print "static bool " cid(name) "_if_" cid(guard[i]) "(const " ctype " *m) { (void)m; return fire_guard(" q(guard[i]) "); }"
	for (i = 1; i <= nact; i++) print "static void " cid(name) "_do_" cid(act[i]) "(" ctype " *m) { (void)m; fire_did(" q(act[i]) "); }"
	for (i = 1; i <= nres; i++) print "static void " cid(name) "_close_" cid(res[i]) "(" ctype " *m) { (void)m; fire_did(" q("~" res[i]) "); }"
	print "\nstatic const struct fire_row rows[] = {"
	for (i = 1; i <= nst; i++) for (j = 1; j <= nev; j++) {
		if (!possible(st[i], ev[j])) continue
		n = split(rows(st[i], ev[j]), a, " ")
		for (k = 1; k <= n; k++) {
			r = a[k]; t = setting(a, n, k)
			if (t == "impossible") continue
			end = row_to[r]
			print "\t{ " row_line[r] ", " P "_" cup(st[i]) ", " P "_EV_" cup(ev[j]) ", " q(t) ", " q(acts(r) closes(st[i], end)) ", " \
				((end == "stay" || end == "never") ? P "_" cup(st[i]) : P "_" cup(end)) ", " (end == "never" ? 1 : 0) " },"
		}
	}
	print "};\n"
	print "int\nmain(void)\n{"
	print "\tstatic " ctype " m;\n"
	print "\tfire_begin();"
	print "\t" cid(name) "_fsm_init(&m, fire_loop, " q(name) ");"
	print "\tfire_all(&m.fsm, rows, sizeof(rows) / sizeof(rows[0]), " nrow ");"
	print "\treturn tap_done();\n}"
}
