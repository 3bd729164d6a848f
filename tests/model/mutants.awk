# SPDX-License-Identifier: ISC
# mutants.awk -- small changes of a table, one at a time: an action dropped, a
# target changed to stay, or to the next state of the list, a row deleted.
#
#	awk -v n=7 -f mutants.awk relay-link.fsm relay-link.fsm
#
# prints the table with its 7th change; n=0 lists them all: number, line, "row" as it
# stands, what is changed, and the new row (DELETE: none), with tabs between.
# Never rows and kept bugs are left alone.
function is_row(s) { return s ~ /->/ && s !~ /^[ \t]*[#;+]/ && s !~ /-> +never/ }
function hit(line, what, new,   t) {
	count++; t = text[line]; sub(/^[ \t]+/, "", t); gsub(/[ \t]+/, " ", t)
	if (n == 0) { u = new; sub(/^~[^ \t]+/, "", u); gsub(/[ \t]+/, " ", u); printf "%d\t%d\t%s\t%s\t%s\n", count, line, t, what, u }
	if (count == n) { at = line; change = new }
}
NR == FNR {
	if ($1 == "state") st[++nst] = $2
	text[FNR] = $0; last = FNR; next
}
FNR == 1 {
	for (i = 1; i <= last; i++) if (is_row(text[i])) {
		k = index(text[i], "->"); left = substr(text[i], 1, k - 1); to = substr(text[i], k + 2); gsub(/[ \t]/, "", to)
		m = split(left, w, /[ \t]+/); first = 1
		if (w[1] == "") first = 2
		if (w[first] ~ /^~/) first++
		begin = first + 2
		if (w[begin] ~ /^\[/) begin++
		for (j = begin; j <= m; j++) if (w[j] != "" && w[j] != "-") {
			new = ""; acts = 0
			for (x = 1; x <= m; x++) if (x != j) { new = new w[x] " "; if (x >= begin && w[x] != "") acts++ }
			hit(i, "drop " w[j], new (acts ? "" : "- ") "-> " to)
		}
		from = w[first]; sub(/,.*/, "", from)
		# stay for the state itself: its timers do not restart
		if (to != "stay") hit(i, to " becomes stay", left "-> stay")
		for (x = 1; x <= nst; x++) if (st[x] == to) break
		other = st[x % nst + 1]
		if (x > nst) { for (x = 1; x <= nst; x++) if (st[x] == from) break; other = st[x % nst + 1] }
		if (other != to && !(to == "stay" && other == from)) hit(i, to " becomes " other, left "-> " other)
		hit(i, "row deleted", "DELETE")
	}
	if (n == 0) exit
}
FNR == at { if (change != "DELETE") print change; else gone = 1; next }
gone && /^[ \t]*;/ { next }
{ gone = 0; print }
