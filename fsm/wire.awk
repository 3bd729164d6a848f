# SPDX-License-Identifier: ISC
# wire.awk -- reads the facts of several tables and who hears whose sends:
#
#	awk -f wire.awk -f to-wire-inc.awk agent.facts agent.wire
#
# The facts come from to-facts.awk, one run a table.  Notation of a .wire file:
#
#	MACHINE !SEND -> MACHINE EVENT [one | all | all of NAME]
#	outside MACHINE EVENTS		posted by callbacks; in a model by its world
#	later MACHINES			not there yet: lines that name them are left out
#
# Fills: nm mach[i] mtype[m]; nev[m] ev[m,j]; nsend[m] snd[m,j]; and per send
# ntgt[m,s], tgt_m[m,s,k] tgt_e[m,s,k] tgt_how[m,s,k] (self, one or all), in the
# order of the lines.  -v only="A B" reads a part of the house: a connection to a
# machine that is left out is dropped, and what came from it counts as outside.
function fail(file, line, msg) {
	printf "%s:%d: %s\n", file, line, msg > "/dev/stderr"
	bad = 1
}
function cid(s) { gsub(/-/, "_", s); return s }
function cup(s) { return toupper(cid(s)) }
function base(path) { sub(/^.*\//, "", path); return path }
function inlist(x, list) { return index("," list ",", "," x ",") > 0 }
function wanted(m) { return only == "" || index(" " only " ", " " m " ") > 0 }
# a later machine is not there: lines that name one wait for it
function waits(m) { return (m in later) && !(m in there) }
function left_out(m) { return (m in there) && !wanted(m) }

/^%machine / {
	cur = $2; there[cur] = 1
	if (wanted(cur)) { mach[++nm] = cur; mtype[cur] = $3 " " $4 }
	nev[cur] = nsend[cur] = 0
	next
}
/^%event / { ev[cur, ++nev[cur]] = $2; kind[cur, $2] = $3; src[cur, $2] = $4; next }
/^%send / { snd[cur, ++nsend[cur]] = $2; sto[cur, $2] = $3; ntgt[cur, $2] = 0; next }
/^[ \t]*[#;]/ { next }
{ text = $0; if ((i = index(text, ";")) > 0) text = substr(text, 1, i - 1); $0 = text }
NF == 0 { next }
$1 == "later" { for (i = 2; i <= NF; i++) later[$i] = 1; next }
{ nline++; line_no[nline] = FNR; wline[nline] = $0; wirefile = FILENAME }

function read_outside(i, n, w,   k) {
	if (waits(w[2])) return
	if (!(w[2] in there)) { fail(wirefile, line_no[i], "no machine " w[2]); return }
	for (k = 3; k <= n; k++) {
		if (!((w[2], w[k]) in kind)) fail(wirefile, line_no[i], "machine " w[2] " has no event " w[k])
		if (kind[w[2], w[k]] == "timer") fail(wirefile, line_no[i], "event " w[k] " of " w[2] " is a timer's")
		fed[w[2], w[k]] = 1
	}
}
# a role that is no machine's name is bound by the wire and by nothing else
function contradicts(role, m,   n, a, i) {
	n = split(role, a, ",")
	for (i = 1; i <= n; i++) if (a[i] == m || (!(a[i] in there) && !waits(a[i]))) return 0
	return 1
}
function read_connection(i, n, w,   s, k, how) {
	s = substr(w[2], 2)
	how = "one"
	if (n == 6 && (w[6] == "one" || w[6] == "all")) how = w[6]
	else if (n == 8 && w[6] == "all" && w[7] == "of") how = "all of " w[8]
	else if (n != 5) { fail(wirefile, line_no[i], "cannot read \"" wline[i] "\": A !send -> B event [one | all | all of NAME]"); return }
	if (waits(w[1]) || waits(w[4])) { if (w[1] in there) sent[w[1], s] = 1; if (w[4] in there) fed[w[4], w[5]] = 1; return }
	if (!(w[1] in there)) { fail(wirefile, line_no[i], "no machine " w[1]); return }
	if (!(w[4] in there)) { fail(wirefile, line_no[i], "no machine " w[4]); return }
	if (!((w[1], s) in sto)) { fail(wirefile, line_no[i], "machine " w[1] " has no send " s); return }
	if (!((w[4], w[5]) in kind)) { fail(wirefile, line_no[i], "machine " w[4] " has no event " w[5]); return }
	if (kind[w[4], w[5]] != "role") fail(wirefile, line_no[i], "event " w[5] " of " w[4] " comes from its " kind[w[4], w[5]])
	else if (contradicts(src[w[4], w[5]], w[1])) fail(wirefile, line_no[i], "the table of " w[4] " says " w[5] " comes from " src[w[4], w[5]] ", not " w[1])
	if (contradicts(sto[w[1], s], w[4])) fail(wirefile, line_no[i], "the table of " w[1] " says !" s " goes to " sto[w[1], s] ", not " w[4])
	if (w[1] == w[4] && inlist(w[1], sto[w[1], s])) how = "self"
	if ((w[1], s, w[4], w[5]) in seen) fail(wirefile, line_no[i], "said twice: " w[1] " !" s " -> " w[4] " " w[5])
	seen[w[1], s, w[4], w[5]] = 1
	sent[w[1], s] = 1; fed[w[4], w[5]] = 1
	if (left_out(w[1]) || left_out(w[4])) return
	k = ++ntgt[w[1], s]
	tgt_m[w[1], s, k] = w[4]; tgt_e[w[1], s, k] = w[5]; tgt_how[w[1], s, k] = how
	if (how ~ /^all/) {
		if (((w[1], w[4]) in allof) && allof[w[1], w[4]] != how)
			fail(wirefile, line_no[i], w[1] " to " w[4] " is \"" allof[w[1], w[4]] "\" in another line")
		allof[w[1], w[4]] = how
	} else if (how == "one") oneof[w[1], w[4]] = 1
}
END {
	for (i = 1; i <= nline; i++) {
		n = split(wline[i], w, " ")
		if (w[1] == "outside") read_outside(i, n, w)
		else if (w[3] == "->" && w[2] ~ /^!/) read_connection(i, n, w)
		else fail(wirefile, line_no[i], "cannot read \"" wline[i] "\": A !send -> B event [one | all | all of NAME]")
	}
	unread = bad
	for (i = 1; i <= nm && !unread; i++) {
		m = mach[i]
		for (j = 1; j <= nsend[m]; j++) if (!((m, snd[m, j]) in sent))
			fail(wirefile, 0, m " !" snd[m, j] " is heard by nobody")
		for (j = 1; j <= nev[m]; j++) if (kind[m, ev[m, j]] == "role" && !((m, ev[m, j]) in fed))
			fail(wirefile, 0, m " " ev[m, j] " is sent by nobody: a connection, or: outside " m " " ev[m, j])
	}
	if (bad) exit 1
	emit()
}
