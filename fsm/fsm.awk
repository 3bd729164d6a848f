# SPDX-License-Identifier: ISC
# fsm.awk -- reads one table and checks it; an emitter given after it prints a view:
#
#	awk -f fsm.awk -f to-inc.awk relay-link.fsm
#
# The notation is in fsm/README.md.  This file fills the arrays below, refuses
# what cannot be right, and calls emit(), which the second file brings.  POSIX
# awk only, no walk over an array in awk's own order: the output is the same
# under every awk.  -v keep=NAME reads the variant that keeps the bug NAME.
#
#	name, ctype, header		of the machine line
#	nst st[i] st_why[s] st_line[s]	states in order; the first is the initial one
#	nev ev[j] evsrc[e] evres[e]	events; evsrc "timer", evres a resource or ""
#	nsend snd[i] sndto[x]		sends and to whom
#	nres res[i], holds[s,r]		resources and who holds them
#	ntm tm_ev[i] tm_every[i] tm_lo[i] tm_hi[i] tm_field[i] tm_text[i], runs[s,i]
#	nrow row_line[i] row_from[i] row_ev[i] row_if[i] row_do[i] row_to[i] row_why[i]
#	nguard guard[i], nact act[i]	words without ! [ ] @, in order of use
function fail(line, msg) {
	printf "%s:%d: %s\n", FILENAME, line, msg > "/dev/stderr"
	bad = 1
}
function cid(s) { gsub(/-/, "_", s); return s }
function cup(s) { return toupper(cid(s)) }
function trim(s) { sub(/^[ \t]+/, "", s); sub(/[ \t\r]+$/, "", s); return s }
function base(path) { sub(/^.*\//, "", path); return path }
function inlist(x, list) { return index("," list ",", "," x ",") > 0 }
# a backslash before each of the characters in set; awks disagree about gsub here
function slashed(s, set,   i, c, t) {
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		t = t (index(set, c) ? "\\" : "") c
	}
	return t
}
function isname(s) { return s ~ /^[a-z][a-z0-9-]*$/ }
function aname(line, what, s) { if (!isname(s)) fail(line, what " \"" s "\" is not a name") }

# words ~KEEP at their end are left out when KEEP is the bug that is kept
function sieve(text,   n, w, i, k, out) {
	if (text !~ /[^ \t]~/) return text
	n = split(trim(text), w, /[ \t]+/)
	for (i = 1; i <= n; i++) {
		if ((k = index(w[i], "~")) > 1) {
			if (substr(w[i], k + 1) == keep) continue
			w[i] = substr(w[i], 1, k - 1)
		}
		out = out " " w[i]
	}
	return out
}

/^[ \t]*#/ { next }
{ text = $0; why = "" }
text ~ /^[ \t]*;/ {
	if (skip) next
	sub(/^[ \t]*;[ \t]*/, "", text)
	if (!nrow) { fail(FNR, "a reason before any row: \"" trim(text) "\""); next }
	if (!inrow) { fail(FNR, "a reason that hangs under no row: \"" trim(text) "\""); next }
	row_why[nrow] = trim(row_why[nrow] " " trim(text))
	next
}
{ skip = 0; inrow = 0 }
text ~ /^[~+][A-Za-z_]/ {
	word = substr(text, 2); sub(/[ \t].*/, "", word)
	skip = (substr(text, 1, 1) == "~") ? (word == keep) : (word != keep)
	if (skip) next
	sub(/^[~+][^ \t]+/, "", text)
}
{
	if ((at = index(text, ";")) > 0) { why = trim(substr(text, at + 1)); text = substr(text, 1, at - 1) }
	text = trim(sieve(text))
	nw = split(text, W, /[ \t]+/)
	if (text == "") next
}
W[1] == "machine" { read_machine(); next }
W[1] == "event" && text !~ /->/ { read_event(); next }
W[1] == "send" && text !~ /->/ { read_send(); next }
W[1] == "state" && text !~ /->/ { read_state(); next }
{ read_row() }

function read_machine(   h) {
	if (name != "") fail(FNR, "a second machine: " W[2])
	if (nw != 5 || W[3] != "struct" || W[5] !~ /^".*"$/) {
		fail(FNR, "a machine line is: machine NAME struct TYPE \"HEADER\""); return }
	aname(FNR, "machine", W[2])
	name = W[2]; ctype = "struct " W[4]; header = substr(W[5], 2, length(W[5]) - 2)
}
function read_event(   i) {
	if (nw < 4 || W[nw - 1] != "from") { fail(FNR, "an event line is: event NAMES from SOURCE"); return }
	for (i = 2; i <= nw - 2; i++) {
		aname(FNR, "event", W[i])
		if (W[i] in evsrc) fail(FNR, "event " W[i] " is declared twice")
		ev[++nev] = W[i]; evsrc[W[i]] = W[nw]; ev_line[W[i]] = FNR
	}
}
function read_send(   i) {
	if (nw < 4 || W[nw - 1] != "to") { fail(FNR, "a send line is: send NAMES to WHO"); return }
	for (i = 2; i <= nw - 2; i++) {
		aname(FNR, "send", W[i])
		if (W[i] in sndto) fail(FNR, "send " W[i] " is declared twice")
		snd[++nsend] = W[i]; sndto[W[i]] = W[nw]; snd_line[W[i]] = FNR
	}
}
function read_state(   s, i, every) {
	s = W[2]
	aname(FNR, "state", s)
	if (s == "stay" || s == "never") fail(FNR, "state " s ": the word has a meaning of its own")
	if (s in st_line) fail(FNR, "state " s " is declared twice")
	if (why == "") fail(FNR, "state " s " has no meaning after ;")
	st[++nst] = s; st_line[s] = FNR; st_why[s] = why
	every = 0
	for (i = 3; i <= nw; i++) {
		if (W[i] == "every") { every = 1; continue }
		if (index(W[i], "=") > 0) read_timer(s, W[i], every)
		else {
			if (every) fail(FNR, "every " W[i] ": every NAME=TIME")
			aname(FNR, "resource", W[i])
			if (!(W[i] in isres)) { isres[W[i]] = 1; res[++nres] = W[i] }
			holds[s, W[i]] = 1
		}
		every = 0
	}
	if (every) fail(FNR, "every without NAME=TIME")
}
# a timer of another time or kind is another timer of the same event
function read_timer(s, word, every,   k, t, T, i) {
	k = index(word, "="); t = substr(word, 1, k - 1); T = substr(word, k + 1)
	aname(FNR, "timer", t)
	if (t in evsrc) {
		if (evsrc[t] != "timer") fail(FNR, "timer " t " is also an event from " evsrc[t])
	} else { ev[++nev] = t; evsrc[t] = "timer"; ev_line[t] = FNR }
	if ((s, t) in runsev) fail(FNR, "state " s " runs timer " t " twice")
	runsev[s, t] = 1
	for (i = 1; i <= ntm; i++) if (tm_ev[i] == t && tm_text[i] == T && tm_every[i] == every) break
	if (i > ntm) {
		ntm = i; tm_ev[i] = t; tm_text[i] = T; tm_every[i] = every
		tm_field[i] = ""; tm_lo[i] = tm_hi[i] = "0"
		if (T ~ /^\$[a-z_][a-z0-9_]*$/) tm_field[i] = substr(T, 2)
		else if ((k = index(T, "..")) > 0) {
			tm_lo[i] = microseconds(substr(T, 1, k - 1), word); tm_hi[i] = microseconds(substr(T, k + 2), word)
			if (length(tm_hi[i]) < length(tm_lo[i]) || tm_hi[i] + 0 < tm_lo[i] + 0) fail(FNR, "the range of " word " is empty")
		} else tm_lo[i] = tm_hi[i] = microseconds(T, word)
	}
	runs[s, i] = 1
}
# as text: awks differ in how they print large numbers
function microseconds(T, word,   n, u) {
	n = T; sub(/[a-z]+$/, "", n); u = substr(T, length(n) + 1)
	if (n !~ /^[0-9]+$/) { fail(FNR, "time " word " is not NUMBER and us, ms, s, m, h or d"); return "0" }
	if (u == "us") return sprintf("%d", n)
	if (u == "ms") return n "000"
	if (u == "s") return n "000000"
	if (u == "m") return sprintf("%d", n * 60) "000000"
	if (u == "h") return sprintf("%d", n * 3600) "000000"
	if (u == "d") return sprintf("%d", n * 86400) "000000"
	fail(FNR, "time " word " is not NUMBER and us, ms, s, m, h or d")
	return "0"
}
function read_row(   k, w) {
	for (k = 1; k <= nw; k++) if (W[k] == "->") break
	if (k > nw) { fail(FNR, "neither a declaration nor a row: \"" text "\" (a row needs ->)"); return }
	if (k < 3 || nw != k + 1) { fail(FNR, "a row is: STATES EVENTS [GUARD] ACTIONS -> NEXT"); return }
	nrow++; inrow = 1
	row_line[nrow] = FNR; row_from[nrow] = W[1]; row_ev[nrow] = W[2]; row_to[nrow] = W[nw]
	row_if[nrow] = row_do[nrow] = ""; row_why[nrow] = why
	k = 3
	if (W[3] ~ /^\[/) {
		w = substr(W[3], 2, length(W[3]) - 2)
		if (W[3] !~ /^\[!?[a-z][a-z0-9-]*\]$/) fail(FNR, "guard " W[3] " is not [NAME] or [!NAME]")
		row_if[nrow] = w; sub(/^!/, "", w)
		if (!(w in isguard)) { isguard[w] = 1; guard[++nguard] = w }
		k = 4
	}
	if (W[k] == "->" && keep == "") { fail(FNR, "a row without actions says -"); return }
	for (; W[k] != "->"; k++) {
		if (W[k] == "-") {
			if (W[k + 1] != "->" || row_do[nrow] != "") fail(FNR, "- stands for no action and stands alone")
			continue
		}
		row_do[nrow] = trim(row_do[nrow] " " W[k])
		if (W[k] !~ /^[!@]/ && !(W[k] in isact)) { isact[W[k]] = 1; act[++nact] = W[k] }
		if (W[k] !~ /^[!@]?[a-z][a-z0-9-]*$/) fail(FNR, "action \"" W[k] "\" is not a name")
	}
}

# ---- what can happen ----------------------------------------------------------
function possible(s, e) {
	if (evsrc[e] == "timer") return ((s, e) in runsev)
	if (evres[e] != "") return ((s, evres[e]) in holds)
	return 1
}
# the rows for a pair, in order, "" if none: the state's own, else those of *
function rows(s, e,   i, own, star) {
	if ((s, e) in rows_of) return rows_of[s, e]
	own = star = ""
	for (i = 1; i <= nrow; i++) if (inlist(e, row_ev[i])) {
		if (row_from[i] == "*") star = trim(star " " i)
		else if (inlist(s, row_from[i])) own = trim(own " " i)
	}
	return rows_of[s, e] = (own != "" ? own : star)
}

# ---- what is refused ------------------------------------------------------------
function check_words(   i, j, k, n, m, a, b, w) {
	for (i = 1; i <= nev; i++) evres[ev[i]] = ((evsrc[ev[i]] in isres) ? evsrc[ev[i]] : "")
	for (i = 1; i <= nrow; i++) {
		if (row_why[i] == "") fail(row_line[i], "a row without a reason")
		if (row_to[i] != "stay" && row_to[i] != "never" && !(row_to[i] in st_line))
			fail(row_line[i], "unknown state " row_to[i])
		if (row_to[i] == "never" && row_do[i] != "") fail(row_line[i], "a never row does nothing, not \"" row_do[i] "\"")
		n = split(row_from[i], a, ",")
		for (j = 1; j <= n; j++) if (a[j] != "*" && !(a[j] in st_line)) fail(row_line[i], "unknown state " a[j])
		if (n > 1 && inlist("*", row_from[i])) fail(row_line[i], "* stands alone, not in " row_from[i])
		m = split(row_ev[i], b, ",")
		for (j = 1; j <= m; j++) if (!(b[j] in evsrc)) fail(row_line[i], "unknown event " b[j])
		m = split(row_do[i], b, " ")
		for (j = 1; j <= m; j++) {
			w = substr(b[j], 2)
			if (b[j] ~ /^!/) { if (!(w in sndto)) fail(row_line[i], "unknown send " b[j]); issent[w] = 1 }
			if (b[j] ~ /^@/) {
				if (row_to[i] != "stay") fail(row_line[i], b[j] " in a row that is not stay: entering starts the timers")
				for (k = 1; k <= nst; k++) if (inlist(st[k], row_from[i]) && !((st[k], w) in runsev))
					fail(row_line[i], "state " st[k] " runs no timer " w)
				if (row_from[i] == "*") fail(row_line[i], b[j] " in a row of *")
			}
		}
	}
	for (i = 1; i <= nsend && keep == ""; i++) if (!(snd[i] in issent)) fail(snd_line[snd[i]], "no row sends !" snd[i])
}
# explicit pairs of a row must be able to occur
function check_pairs(i,   n, m, a, b, j, k) {
	n = split(row_from[i], a, ","); m = split(row_ev[i], b, ",")
	if (a[1] == "*") return
	for (j = 1; j <= n; j++) for (k = 1; k <= m; k++)
		if (!possible(a[j], b[k]))
			fail(row_line[i], a[j] " cannot see " b[k] ((evsrc[b[k]] == "timer") ? \
				": it does not run that timer" : (": it does not hold " evsrc[b[k]])))
}
function check_pair(s, e,   p, n, a, k, g, seen) {
	p = rows(s, e)
	if (p == "") { fail(st_line[s], "no row for state " s " on event " e); return }
	n = split(p, a, " ")
	for (k = 1; k <= n; k++) {
		used[a[k]] = 1
		g = row_if[a[k]]
		if (k < n && g == "") { fail(row_line[a[k + 1]], "never used for " s " on " e ": row " row_line[a[k]] " has no guard"); return }
		if (k == n && g != "") fail(row_line[a[k]], "guards for " s " on " e " must end in a row without a guard")
		if (g != "" && index(seen, "[" g "]")) fail(row_line[a[k]], "guard [" g "] a second time for " s " on " e)
		seen = seen "[" g "]"
	}
}
function check(   i, j) {
	if (name == "") fail(0, "no machine line")
	if (!nst) fail(0, "no state")
	if (nres > 4) fail(0, "more than 4 resources")
	if (ntm > 10) fail(0, "more than 10 timers")
	check_words()
	if (bad) return
	for (i = 1; i <= nrow; i++) check_pairs(i)
	for (i = 1; i <= nst; i++) for (j = 1; j <= nev; j++) if (possible(st[i], ev[j])) check_pair(st[i], ev[j])
	if (bad) return
	for (i = 1; i <= nrow; i++) if (!(i in used)) fail(row_line[i], "no pair ever uses this row: " row_from[i] " " row_ev[i])
	entered[st[1]] = 1
	for (i = 1; i <= nrow; i++) entered[row_to[i]] = 1
	for (i = 1; i <= nst; i++) if (!(st[i] in entered)) fail(st_line[st[i]], "no row leads to state " st[i])
}
END {
	if (!bad) check()
	if (bad) exit 1
	emit()
}
