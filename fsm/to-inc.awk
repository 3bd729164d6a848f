# SPDX-License-Identifier: ISC
# to-inc.awk -- the C half of a machine, included once by its C file: prototypes
# of guards and actions, the rows as data, a function per row, the step, the
# entry (the only writer of the state), init, fini and post.
function quote(s) { return "\"" slashed(s, "\"\\") "\"" }
function strings(what, n, list,   i) {
	if (!n) return
	print "static const char *const " p "_" what "[] = {"
	for (i = 1; i <= n; i++) print "\t" quote(list[i]) ","
	print "};"
}
function bits_res(s,   i, t) {
	for (i = 1; i <= nres; i++) if ((s, res[i]) in holds) t = t ((t == "") ? "" : " | ") "1u << " P "RES_" cup(res[i])
	return (t == "") ? "0" : t
}
function bits_timer(s,   i, t) {
	for (i = 1; i <= ntm; i++) if ((s, i) in runs) t = t ((t == "") ? "" : " | ") "1u << " (i - 1)
	return (t == "") ? "0" : t
}
function data(   i) {
	for (i = 1; i <= nst; i++) whys[i] = st_why[st[i]]
	strings("state_names", nst, st)
	strings("state_whys", nst, whys)
	strings("event_names", nev, ev)
	strings("res_names", nres, res)
	strings("send_names", nsend, snd)
	strings("guard_names", nguard, guard)
	print "static const int " p "_event_res[] = {"
	for (i = 1; i <= nev; i++) print "\t" ((evres[ev[i]] == "") ? "-1" : (P "RES_" cup(evres[ev[i]]))) ",\t/* " ev[i] " */"
	print "};\nstatic const unsigned " p "_state_res[] = {"
	for (i = 1; i <= nst; i++) print "\t" bits_res(st[i]) ",\t/* " st[i] " */"
	print "};\nstatic const unsigned " p "_state_timer[] = {"
	for (i = 1; i <= nst; i++) print "\t" bits_timer(st[i]) ",\t/* " st[i] " */"
	print "};"
	if (ntm) {
		print "static const struct fsm_timer_def " p "_timers[] = {"
		for (i = 1; i <= ntm; i++)
			print "\t{ " P "EV_" cup(tm_ev[i]) ", " (tm_every[i] ? "true" : "false") ", INT64_C(" tm_lo[i] "), INT64_C(" tm_hi[i] "), " \
				((tm_field[i] == "") ? "-1" : ("offsetof(" ctype ", " tm_field[i] ")")) " },\t/* " tm_text[i] " */"
		print "};"
	}
	print "static const struct fsm_row " p "_rows[] = {"
	for (i = 1; i <= nrow; i++)
		print "\t{ " row_line[i] ", " quote(row_from[i]) ", " quote(row_ev[i]) ", " quote(row_if[i]) ", " quote(row_do[i]) ", " quote(row_to[i]) ",\n\t    " quote(row_why[i]) " },"
	print "};\n"
}
function prototypes(   i) {
	for (i = 1; i <= nguard; i++) print "static bool " p "_if_" cid(guard[i]) "(const " ctype " *);"
	for (i = 1; i <= nact; i++) print "static void " p "_do_" cid(act[i]) "(" ctype " *);"
	for (i = 1; i <= nres; i++) print "static void " p "_close_" cid(res[i]) "(" ctype " *);"
	print "static void " p "_step(struct fsm *, int);\n"
}
function entry(   i) {
	if (nres) {
		print "/* What the state holds and `keep` does not name is let go. */"
		print "static void\n" p "_let_go(" ctype " *m, unsigned keep)\n{"
		print "\tunsigned gone = " p "_state_res[m->fsm.state] & ~keep;\n"
		for (i = 1; i <= nres; i++) print "\tif (gone & (1u << " P "RES_" cup(res[i]) "))\n\t\t" p "_close_" cid(res[i]) "(m);"
		print "}\n"
	}
	print "/* The one writer of the state. */"
	print "static void\n" p "_enter(" ctype " *m, enum " p "_state to)\n{"
	if (nres) print "\t" p "_let_go(m, " p "_state_res[to]);"
	print "\tm->fsm.state = (int)to;\n\tfsm_timers_enter(&m->fsm, (int)to);\n}\n"
}
function row_function(r,   n, b, i) {
	if (row_to[r] == "never") return
	print "/* " row_from[r] "  " row_ev[r] ((row_if[r] == "") ? "" : ("  [" row_if[r] "]")) "  -> " row_to[r] " */"
	print "static void\n" p "_row_" row_line[r] "(" ctype " *m)\n{"
	print "\tfsm_row_hit(&m->fsm, " (r - 1) ");"
	n = split(row_do[r], b, " ")
	for (i = 1; i <= n; i++) {
		if (b[i] ~ /^!/) print "\tfsm_send(&m->fsm, " P "SEND_" cup(substr(b[i], 2)) ");"
		else if (b[i] ~ /^@/) print "\tfsm_timer_restart(&m->fsm, " P "EV_" cup(substr(b[i], 2)) ");"
		else print "\t" p "_do_" cid(b[i]) "(m);"
	}
	if (row_to[r] != "stay") print "\t" p "_enter(m, " P cup(row_to[r]) ");"
	print "}\n"
}
function asked(g,   i, bare) {
	bare = (g ~ /^!/) ? substr(g, 2) : g
	for (i = 1; guard[i] != bare; i++) ;
	return ((g ~ /^!/) ? "!" : "") "fsm_ask(&m->fsm, " (i - 1) ", " p "_if_" cid(bare) "(m))"
}
# what a state does for one list of rows
function choose(list,   n, a, k, r, g, ind) {
	n = split(list, a, " ")
	for (k = 1; k <= n; k++) {
		r = a[k]; g = row_if[r]; ind = "\t\t\t"
		if (g != "") {
			print ind ((k > 1) ? "else if (" : "if (") asked(g) ")"
			ind = ind "\t"
		} else if (n > 1) { print ind "else"; ind = ind "\t" }
		if (row_to[r] == "never") print ind "fsm_never(&m->fsm, event, " (r - 1) ");"
		else print ind p "_row_" row_line[r] "(m);"
	}
	print "\t\t\treturn;"
}
function state_case(s,   j, k, list, done, n) {
	print "\tcase " P cup(s) ":\n\t\tswitch ((enum " p "_event)event) {"
	for (j = 1; j <= nev; j++) {
		if (!possible(s, ev[j]) || (ev[j] in done)) continue
		list = rows(s, ev[j])
		for (k = j; k <= nev; k++) if (possible(s, ev[k]) && rows(s, ev[k]) == list) {
			print "\t\tcase " P "EV_" cup(ev[k]) ":"; done[ev[k]] = 1 }
		choose(list)
	}
	n = 0
	for (j = 1; j <= nev; j++) if (!possible(s, ev[j])) { print "\t\tcase " P "EV_" cup(ev[j]) ":"; n++ }
	if (n) print "\t\t\tbreak;"
	print "\t\t}\n\t\tbreak;"
}
function emit(   i) {
	p = cid(name); P = toupper(p) "_"
	print "/* Made from fsm/" base(FILENAME) ": edit the table, not this file. */"
	print "#include \"" header "\"\n#include \"" name ".h\"\n"
	prototypes()
	data()
	entry()
	for (i = 1; i <= nrow; i++) row_function(i)
	print "static void\n" p "_step(struct fsm *fsm, int event)\n{"
	print "\t" ctype " *m = (" ctype " *)(void *)fsm;\n"
	print "\tswitch ((enum " p "_state)fsm->state) {"
	for (i = 1; i <= nst; i++) state_case(st[i])
	print "\t}\n\tfsm_unexpected(&m->fsm, event);\n}\n"
	definition()
	wrappers()
}
function definition() {
	print "const struct fsm_def " p "_fsm = {"
	print "\t.name = " quote(name) ","
	print "\t.nstate = " nst ", .nevent = " (nev + 0) ", .nres = " (nres + 0) ", .ntimer = " (ntm + 0) ", .nsend = " (nsend + 0) ", .nguard = " (nguard + 0) ", .nrow = " (nrow + 0) ","
	print "\t.state_name = " p "_state_names, .state_why = " p "_state_whys,"
	print "\t.event_name = " p "_event_names, .event_res = " p "_event_res,"
	if (nres) print "\t.res_name = " p "_res_names,"
	print "\t.state_res = " p "_state_res, .state_timer = " p "_state_timer,"
	if (ntm) print "\t.timer = " p "_timers,"
	if (nsend) print "\t.send_name = " p "_send_names,"
	if (nguard) print "\t.guard_name = " p "_guard_names,"
	print "\t.row = " p "_rows,\n\t.step = " p "_step,\n};\n"
}
function wrappers() {
	print "static inline void\n" p "_fsm_init(" ctype " *m, struct fsm_loop *loop, const char *subject)\n{"
	print "\t_Static_assert(offsetof(" ctype ", fsm) == 0, \"fsm is the first member\");"
	print "\tfsm_init(&m->fsm, &" p "_fsm, loop, subject);\n}\n"
	print "/* Closes what is held, drops queue and timers; fine twice, and before init on zeroes. */"
	print "static inline void\n" p "_fsm_fini(" ctype " *m)\n{"
	print "\tif (m->fsm.def == NULL)\n\t\treturn;"
	if (nres) print "\t" p "_let_go(m, 0);"
	print "\tfsm_done(&m->fsm);\n}\n"
	print "void\n" p "_post(" ctype " *m, enum " p "_event event, struct fsm_data *data)\n{"
	print "\tfsm_post(&m->fsm, (int)event, data);\n}\n"
	print "void\n" p "_post_gen(" ctype " *m, enum " p "_event event, uint32_t gen, struct fsm_data *data)\n{"
	print "\tfsm_post_gen(&m->fsm, (int)event, gen, data);\n}"
}
