# SPDX-License-Identifier: ISC
# defects.awk -- judges fsm/DEFECTS.md.
#
#	awk -v srcdir=DIR -f defects.awk FACTS defects.list DEFECTS.md
#
# FACTS is what defects.sh gathered; the list says which ids must be answered; a
# line of a table whose first cell is no head answers that id, and its last cell
# holds references in backquotes.  Prints a verdict a line: "ok ID: ..." or
# "not ok ID: what is wrong".  The notation is explained in DEFECTS.md.
BEGIN { FS = "\t" }
function trim(s) { sub(/^[ \t]+/, "", s); sub(/[ \t\r]+$/, "", s); return s }
FILENAME == ARGV[1] {
	if ($1 == "row") {
		key = $2 SUBSEP $3 SUBSEP $4; n = ++nrow[key]
		row_if[key, n] = $5; row_do[key, n] = " " $6 " "; row_to[key, n] = $7
	}
	else if ($1 == "assert") asserts[$2] = asserts[$2] "\n" $3
	else if ($1 == "wired") wired = wired " " $2 " "
	else if ($1 == "refusal") refusals = refusals "\n" $2
	else if ($1 == "timer") { fact["timer", $2, $3, $4] = 1; fact["timer", $2, $3, $4 "=" $5] = 1 }
	else if ($1 == "event") { fact["event", $2, $3] = 1; fact["from", $2, $3, $5] = 1 }
	else if ($1 == "send") { fact["send", $2, $3] = 1; sends[$2]++ }
	else if (NF == 2) fact[$1, $2] = 1	# machine, wire, property, story, thing
	else if (NF == 3) fact[$1, $2, $3] = 1	# state, kept
	else fact[$1, $2, $3, $4] = 1		# holds
	next
}
FILENAME == ARGV[2] {
	if ($0 !~ /^#/ && trim($0) != "") wanted[trim($0)] = ++nwanted
	if (trim($0) in wanted) order[nwanted] = trim($0)
	next
}
!/^\|/ { ours = 0 }	# only tables with the head "id" answer
/^\|/ {
	n = split($0, cell, "|")
	gsub(/`/, "", cell[2])
	ids = split(trim(cell[2]), own, /,[ \t]*/)
	if (tolower(own[1]) == "id") ours = 1
	if (!ours || own[1] ~ /^-*$/ || tolower(own[1]) == "id") next
	for (i = 1; i <= ids; i++) judge(own[i], n, cell[n - 1])
}
function complain(id, what) { if (!(id in wrong)) wrong[id] = what; else wrong[id] = wrong[id] "; " what }
function judge(id, cells, text,   i, n, w, seen) {
	if (!(id in wanted)) { print "not ok " id ": is on no list"; failed++ }
	if (answered[id]++) complain(id, "is answered twice")
	if (cells != 5) { complain(id, "a line is | id | what | references |"); return }
	n = split(text, w, "`")
	for (i = 2; i <= n; i += 2) { refer(id, trim(w[i])); seen++ }
	if (seen == gone[id] && !state[id]) state[id] = "absent"
	if (!seen) complain(id, "names nothing that could be checked")
}
function refer(id, ref,   kind, rest, m, w, why) {
	kind = ref; sub(/ .*/, "", kind)
	rest = (kind == ref) ? "" : trim(substr(ref, length(kind) + 1))
	m = split(rest, w, / +/)
	kinds[kind]++
	if (kind == "row") why = bad_row(m, w)
	else if (kind == "holds" || kind == "frees") why = bad_holding(kind, m, w)
	else if (kind == "timer") why = (fact["timer", w[1], w[2], w[3]] && m == 3) ? "" : "no such timer"
	else if (kind == "from") why = (m == 3 && w[3] != "" && fact["from", w[1], w[2], w[3]]) ? "" : "no such event of that resource"
	else if (kind == "mute") why = !fact["machine", w[1]] ? "no such machine" : sends[w[1]] ? "it sends" : ""
	else if (kind == "wire") why = fact["wire", rest] ? "" : "no such line in a .wire file"
	else if (kind == "property") why = fact["property", rest] ? "" : "no such property"
	else if (kind == "kept") why = (m == 2 && fact["kept", w[1], w[2]]) ? "" : "no world must find that bug"
	else if (kind == "assert") why = bad_assert(w[1], rest)
	else if (kind == "story") why = (rest != "" && fact["story", rest]) ? "" : "no such story"
	else if (kind == "test") why = bad_test(rest)
	else if (kind == "compiler") why = (rest != "" && index(refusals, rest)) ? "" : "no bad table in tests/gen/bad is refused for that"
	else if (kind == "absent") { why = fact["thing", rest] ? "it is there now" : rest == "" ? "absent what?" : ""; gone[id]++ }
	else if (kind == "open") { why = ""; state[id] = "open" }
	else why = "unknown kind of reference"
	if (why != "") complain(id, "`" ref "`: " why)
}
# row MACHINE STATES EVENTS [GUARD] ACTIONS -> NEXT; guard, actions and next may be
# left out.  Without a guard the row without one is meant, with [*] every row.
function bad_row(m, w,   i, j, s, e, st, ev, ns, ne, g, acts, to, k, key, hits) {
	if (m < 3) return "a row is: row MACHINE STATE EVENT ..."
	if (!fact["machine", w[1]]) return "no such machine"
	g = "-"; to = ""; k = 4
	if (w[k] ~ /^\[/) g = w[k++]
	for (; k <= m; k++) {
		if (w[k] == "->") { to = w[k + 1]; if (k + 1 != m) return "-> NEXT ends a row"; break }
		acts = acts " " w[k]
	}
	ns = split(w[2], st, ","); ne = split(w[3], ev, ",")
	for (i = 1; i <= ns; i++) for (j = 1; j <= ne; j++) {
		key = w[1] SUBSEP st[i] SUBSEP ev[j]
		if (!(key in nrow)) return "no row for " ev[j] " in " st[i]
		hits = 0
		for (k = 1; k <= nrow[key]; k++) {
			if (g != "[*]" && row_if[key, k] != g) continue
			hits++
			if (to != "" && row_to[key, k] != to) return "in " st[i] " it leads to " row_to[key, k]
			s = lacks(acts, row_do[key, k])
			if (s != "") return "in " st[i] " it does not " s
		}
		if (!hits) return "no row " g " for " ev[j] " in " st[i]
	}
	return ""
}
function lacks(acts, all,   a, n, i) {
	n = split(trim(acts), a, / +/)
	for (i = 1; i <= n; i++) if (a[i] != "" && !index(all, " " a[i] " ")) return a[i]
	return ""
}
function bad_holding(kind, m, w,   st, n, i) {
	if (m != 3) return kind " MACHINE STATES RESOURCE"
	n = split(w[2], st, ",")
	for (i = 1; i <= n; i++) {
		if (!fact["state", w[1], st[i]]) return "no state " st[i]
		if ((kind == "holds") != ((fact["holds", w[1], st[i], w[3]]) ? 1 : 0)) return "not so of " st[i]
	}
	return ""
}
function bad_assert(world, rest,   text) {
	text = trim(substr(rest, length(world) + 1))
	if (!(world in asserts)) return "no such world"
	return (text != "" && index(asserts[world], text)) ? "" : "no assertion of that world says so"
}
# test FILE: words of what it prints
function bad_test(rest,   file, text, line, found, prog) {
	if ((found = index(rest, ": ")) == 0) return "a test is: test FILE: WORDS"
	file = substr(rest, 1, found - 1); text = trim(substr(rest, found + 2))
	prog = file; sub(/\.c$/, "", prog)
	if (!index(wired, " " prog " ") && !index(wired, " " prog ".t ") && !index(wired, " " file " ")) return "the build does not run that file"
	if (!(file in body)) {
		while ((getline line <(srcdir "/" file)) > 0) body[file] = body[file] "\n" line
		close(srcdir "/" file)
	}
	if (body[file] == "") return "no such file"
	return (text != "" && index(body[file], text)) ? "" : "no such words in it"
}
END {
	for (i = 1; i <= nwanted; i++) {
		id = order[i]
		if (!answered[id]) wrong[id] = "nothing answers it"
		if (id in wrong) { print "not ok " id ": " wrong[id]; failed++; count["wrong"]++ }
		else print "ok " id (state[id] != "" ? " (" state[id] ")" : "")
		if (!(id in wrong)) count[state[id] == "" ? "kept away" : state[id]]++
	}
	printf "# %d ids: %d made impossible, %d absent, %d open, %d wrong\n", nwanted, count["kept away"], count["absent"], count["open"], count["wrong"]
	printf "# named:"
	n = split("row holds frees timer from mute wire property kept assert story test compiler", w, " ")
	for (i = 1; i <= n; i++) printf " %d %s", kinds[w[i]], w[i]
	print ""
	exit failed > 0
}
