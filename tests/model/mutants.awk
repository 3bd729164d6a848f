# SPDX-License-Identifier: ISC
# mutants.awk -- small changes of a table, one at a time: an action dropped, a
# target changed to stay, or to the next state of the list, a row deleted.
#
#	awk -v n=7 -f mutants.awk relay-link.fsm relay-link.fsm
#
# prints the table with its 7th change, and what was changed on standard error;
# n=0 prints how many there are.  Never rows and kept bugs are left alone.
function is_row(s) { return s ~ /->/ && s !~ /^[ \t]*[#;+]/ && s !~ /-> +never/ }
function hit(line, what) { if (++count == n) { at = line; if (n) print "line " line ": " what > "/dev/stderr"; return 1 } return 0 }
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
			if (hit(i, "drop " w[j])) {
				new = ""; acts = 0
				for (x = 1; x <= m; x++) if (x != j) { new = new w[x] " "; if (x >= begin && w[x] != "") acts++ }
				change = new (acts ? "" : "- ") "-> " to
			}
		}
		from = w[first]; sub(/,.*/, "", from)
		# stay and the state itself differ by timers that restart, and there is no clock
		other = (to == from) ? "" : "stay"
		if (to != "stay" && other != "" && hit(i, to " becomes " other)) change = left "-> " other
		for (x = 1; x <= nst; x++) if (st[x] == to) break
		other = st[x % nst + 1]
		if (x > nst) { for (x = 1; x <= nst; x++) if (st[x] == from) break; other = st[x % nst + 1] }
		if (other != to && !(to == "stay" && other == from) && hit(i, to " becomes " other)) change = left "-> " other
		if (hit(i, "row deleted")) change = "DELETE"
	}
	if (n == 0) { print count; exit }
}
FNR == at { if (change != "DELETE") print change; else gone = 1; next }
gone && /^[ \t]*;/ { next }
{ gone = 0; print }
