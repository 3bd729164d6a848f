# SPDX-License-Identifier: ISC
# to-pml.awk -- the Promela half of a machine: rows, entry, step.  What guards,
# actions and sends mean is written by hand in a world.  Nothing in here names
# another machine.  Every variable is an array over instances, called a.
#
# -v alone=1 adds what a world of one machine needs (tests/model/alone.pml):
# event numbers, generations modulo 3, timers that expire once, and M_ names that
# do not tell which machine it is.
#
# -v once=1 for a world that runs a step as one d_step, which has its limits: the
# state is entered in one place, and "to" is a variable of the world.
#
# -v changes=FILE, what mutants.awk lists: each change of a row beside the row, the
# one with the number that the environment names (MUTANT) is made.
BEGIN {
	if (changes != "") {
		while ((getline chg_line < changes) > 0) {
			split(chg_line, chg_w, "\t")
			chg_new[chg_w[1]] = chg_w[5]; chg_of[chg_w[2]] = chg_of[chg_w[2]] " " chg_w[1]
		}
		close(changes)
		print "c_decl { static int mutant; __attribute__((constructor)) static void mutant_read(void) { char *e = getenv(\"MUTANT\"); mutant = e ? atoi(e) : 0; } }"
			}
}
function either(what, n, list,   i, t) {
	for (i = 1; i <= n; i++) t = t ((t == "") ? "" : " || ") what " == " list[i]
	return t
}
function holders(r, v,   i, t) {
	for (i = 1; i <= nst; i++) if ((st[i], r) in holds) t = t ((t == "") ? "" : " || ") v " == " p "_" cid(st[i])
	return t
}
function runners(e,   i, t) {
	for (i = 1; i <= nst; i++) if ((st[i], e) in runsev) t = t ((t == "") ? "" : " || ") p "_state[a] == " p "_" cid(st[i])
	return t
}
function oneshot(e,   i, k, t) {	# the states in which e does not re-arm itself
	for (i = 1; i <= nst; i++) for (k = 1; k <= ntm; k++) if (tm_ev[k] == e && !tm_every[k] && ((st[i], k) in runs))
		t = t ((t == "") ? "" : " || ") p "_state[0] == " p "_" cid(st[i])
	return t
}
# the pairs that use one list of rows, as a condition
function pairs(list,   i, j, t, s) {
	for (i = 1; i <= nst; i++) {
		s = ""
		for (j = 1; j <= nev; j++) if (possible(st[i], ev[j]) && rows(st[i], ev[j]) == list)
			s = s ((s == "") ? "" : " || ") "ev == ev_" p "_" cid(ev[j])
		if (s != "") t = t ((t == "") ? "" : " ||\n\t    ") "(" p "_state[a] == " p "_" cid(st[i]) " && (" s "))"
	}
	return t
}
function guard_text(g) {
	return ((g ~ /^!/) ? "!" : "") p "_if_" cid((g ~ /^!/) ? substr(g, 2) : g) "(a, arg)"
}
function effect(acts, to,   n, b, i, t) {
	n = split(acts, b, " ")
	for (i = 1; i <= n; i++) {
		if (b[i] !~ /^@/) t = t p "_" ((b[i] ~ /^!/) ? ("send_" cid(substr(b[i], 2))) : ("do_" cid(b[i]))) "(a, arg); "
		else if (alone) t = t "dead = dead & ~M_bit_" cid(substr(b[i], 2)) "; " p "_restart_" cid(substr(b[i], 2)) "(a); "
	}
	if (to == "stay") return t "skip"
	return t (once ? ("to = " p "_" cid(to)) : (p "_enter(a, " p "_" cid(to) ")"))
}
# the n-th change of tests/model/mutants.awk, as another effect of its row
function changed(n,   w, k, i, m, acts) {
	k = split(chg_new[n], w, " "); m = 3
	if (w[m] ~ /^\[/) m++
	for (i = m; w[i] != "->"; i++) { sub(/~.*/, "", w[i]); if (w[i] != "-") acts = acts " " w[i] }
	return effect(acts, w[k])
}
function row_text(r,   i, n, c, any) {
	# a label keeps spin from merging it with its guard: pan must list it when it is never reached
	printf "%sROW(a, \"%s row %d\\n\"); ", (alone ? ("m_" (++nlabel) ": ") : ""), name, row_line[r]
	if (row_to[r] == "never") { print "assert(false)"; return }
	n = split(chg_of[row_line[r]], c, " ")
	for (i = 1; i <= n; i++) if (chg_new[c[i]] != "DELETE") {
		printf "%s\n\t\t\t:: c_expr { mutant == %d } -> %s", (any++ ? "" : "if"), c[i], changed(c[i])
	}
	if (any) printf "\n\t\t\t:: else -> "
	printf "%s", effect(row_do[r], row_to[r])
	print (any ? " fi" : "")
}
function without(r,   i, n, c) {	# where the row is gone, if it has a guard
	n = split(chg_of[row_line[r]], c, " ")
	for (i = 1; i <= n; i++) if (chg_new[c[i]] == "DELETE") return " && c_expr { mutant != " c[i] " }"
	return ""
}
# guards in the order of the rows, as C does: a flat if would choose freely
function choice(list,   n, c, k) {
	n = split(list, c, " ")
	print "\t:: " pairs(list) " ->"
	for (k = 1; k <= n; k++) {
		printf "\t\t"
		if (row_if[c[k]] != "") printf "if :: (%s)%s -> ", guard_text(row_if[c[k]]), without(c[k])
		row_text(c[k])
		if (row_if[c[k]] != "") print "\t\t:: else ->"
	}
	printf "\t\t"
	for (k = 1; k < n; k++) printf "fi "
	print ""
}
function emit(   i, j, list, done) {
	p = cid(name)
	print "/* Made from fsm/" base(FILENAME) ": edit the table, not this file. */"
	for (i = 1; i <= nst; i++) print "#define " p "_" cid(st[i]) " " (i - 1)
	if (alone) numbers()
	print "byte " p "_state[AGENTS];"
	for (i = 1; i <= nres; i++) print "#define " p "_holds_" cid(res[i]) "(a) (" holders(res[i], p "_state[a]") ")"
	for (i = 1; i <= nev; i++) if (evsrc[ev[i]] == "timer") print "#define " p "_runs_" cid(ev[i]) "(a) (" runners(ev[i]) ")"
	if (alone) extras()
	print "inline " p "_enter(a, s) {"
	for (i = 1; i <= nres; i++)
		print "\tif :: (" holders(res[i], p "_state[a]") ") && !(" holders(res[i], "s") ") -> " p "_close_" cid(res[i]) "(a) :: else fi;"
	print "\t" p "_state[a] = s" (alone ? (";\n\tdead = 0; " p "_entered(a)") : "") "\n}"
	print "inline " p "_step(a, ev, arg) {\n\tif"
	for (i = 1; i <= nst; i++) for (j = 1; j <= nev; j++) {
		if (!possible(st[i], ev[j])) continue
		list = rows(st[i], ev[j])
		if (list in done) continue
		done[list] = 1
		choice(list)
	}
	print "\t:: else -> STALE(a, ev)\t/* of a resource or timer that the state does not have */"
	print "\tfi" (once ? (";\n\tif :: to != NOWHERE -> " p "_enter(a, to); to = NOWHERE :: else fi") : "") "\n}"
}
function numbers(   i) {
	for (i = 1; i <= nev; i++) print "#define ev_" p "_" cid(ev[i]) " " i
	for (i = 1; i <= nres; i++) print "byte " p "_gen_" cid(res[i]) "[AGENTS];"
}
function extras(   i, j, t, n, bit) {
	print "#define M_step(ev, arg) " p "_step(0, ev, arg)"
	print "#define M_state " p "_state[0]"
	print "#define IS(x) (" p "_state[0] == " p "_##x)"
	print "#define EV(x) ev_" p "_##x"
	print "#define HOLDS(r) " p "_holds_##r(0)"
	print "#define GEN(r) " p "_gen_##r[0]"
	print "#define RUNS(t) " p "_runs_##t(0)"
	printf "#define M_fresh(ev, g) (true"
	for (i = 1; i <= nres; i++) {
		t = ""
		for (j = 1; j <= nev; j++) if (evres[ev[j]] == res[i]) t = t ((t == "") ? "" : " || ") "ev == ev_" p "_" cid(ev[j])
		if (t != "") printf " && (!(%s) || g == %s_gen_%s[0])", t, p, cid(res[i])
	}
	print ")"
	# a bit for each timer: fired in this round; dead, having expired in a state that
	# was not entered again and did not restart it.  Those of "every" live on.
	bit = 1
	for (i = 1; i <= nev; i++) if (evsrc[ev[i]] == "timer") {
		print "#define M_bit_" cid(ev[i]) " " bit
		t = oneshot(ev[i])
		print "#define M_expire_" cid(ev[i]) " dead = dead | (" ((t == "") ? 0 : ("(" t ") -> " bit " : 0")) ")"
		bit *= 2
	}
	print "#define M_runs(t) (RUNS(t) && !(dead & M_bit_##t) && MAY(t))"
	printf "#define M_due (false"
	for (i = 1; i <= nev; i++) if (evsrc[ev[i]] == "timer") printf " || (M_runs(%s) && !(fired & M_bit_%s))", cid(ev[i]), cid(ev[i])
	print ")"
	printf "#define M_TIMERS"
	for (i = 1; i <= nev; i++) if (evsrc[ev[i]] == "timer") {
		t = cid(ev[i])
		printf " \\\n\t:: atomic { QUIET && M_runs(%s) && !(fired & M_bit_%s) -> fired = fired | M_bit_%s; M_expire_%s; q!ev_%s_%s,0,0 }", t, t, t, t, p, t
	}
	printf "\n#define M_EARLY"
	for (i = 1; i <= nev; i++) if (evsrc[ev[i]] == "timer")
		printf " \\\n\t:: atomic { faults > 0 && len(q) == 0 && M_runs(%s) -> faults--; M_expire_%s; q!ev_%s_%s,0,0 }", cid(ev[i]), cid(ev[i]), p, cid(ev[i])
	print ""
}
