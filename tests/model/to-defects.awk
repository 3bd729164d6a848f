# SPDX-License-Identifier: ISC
# to-defects.awk -- what defects.awk needs to know of a table, a fact a line,
# fields apart by tabs: rows as to-rows.awk gives them, what a state holds and
# which timers it runs, where events come from, what is sent.
function emit(   i, j, k, n, a, r) {
	print "machine\t" name
	for (i = 1; i <= nst; i++) for (j = 1; j <= nev; j++) {
		if (!possible(st[i], ev[j])) continue
		n = split(rows(st[i], ev[j]), a, " ")
		for (k = 1; k <= n; k++) {
			r = a[k]
			print "row\t" name "\t" st[i] "\t" ev[j] "\t" ((row_if[r] == "") ? "-" : ("[" row_if[r] "]")) "\t" row_do[r] "\t" row_to[r]
		}
	}
	for (i = 1; i <= nst; i++) {
		print "state\t" name "\t" st[i]
		for (j = 1; j <= nres; j++) if ((st[i], res[j]) in holds) print "holds\t" name "\t" st[i] "\t" res[j]
		for (j = 1; j <= ntm; j++) if ((st[i], j) in runs) print "timer\t" name "\t" st[i] "\t" tm_ev[j] "\t" tm_text[j]
	}
	for (j = 1; j <= nev; j++) print "event\t" name "\t" ev[j] "\t" evsrc[ev[j]] "\t" evres[ev[j]]
	for (j = 1; j <= nsend; j++) print "send\t" name "\t" snd[j]
}
