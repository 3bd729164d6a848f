# SPDX-License-Identifier: ISC
# to-rows.awk -- every pair of state and event that can occur, with its rows:
# what a test of the table must fire, what a coverage report counts.
function dash(s) { return (s == "") ? "-" : s }
function emit(   i, j, k, n, a, r) {
	for (i = 1; i <= nst; i++) for (j = 1; j <= nev; j++) {
		if (!possible(st[i], ev[j])) continue
		n = split(rows(st[i], ev[j]), a, " ")
		for (k = 1; k <= n; k++) {
			r = a[k]
			print name "\t" st[i] "\t" ev[j] "\t" ((row_if[r] == "") ? "-" : ("[" row_if[r] "]")) "\t" dash(row_do[r]) "\t" row_to[r] "\tline " row_line[r]
		}
	}
}
