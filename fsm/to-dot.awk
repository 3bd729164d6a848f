# SPDX-License-Identifier: ISC
# to-dot.awk -- the picture of a machine for Graphviz: states with what they hold
# and run, rows as edges, reasons as tooltips.  Rows that stay are listed in the
# state; rows of * are drawn from each state they stand for.
function quote(s) { return slashed(s, "\"\\") }
function has(s,   i, t) {
	for (i = 1; i <= nres; i++) if ((s, res[i]) in holds) t = t "\\n" res[i]
	for (i = 1; i <= ntm; i++) if ((s, i) in runs) t = t "\\n" (tm_every[i] ? "every " : "") tm_ev[i] "=" tm_text[i]
	return t
}
function label(r) {
	return row_ev[r] ((row_if[r] == "") ? "" : (" [" row_if[r] "]")) ((row_do[r] == "") ? "" : ("\\n" row_do[r]))
}
# does state s use row r for any event?
function uses(s, r,   n, b, j) {
	n = split(row_ev[r], b, ",")
	for (j = 1; j <= n; j++) if (possible(s, b[j]) && index(" " rows(s, b[j]) " ", " " r " ")) return 1
	return 0
}
function emit(   i, j, t) {
	print "// Made from fsm/" base(FILENAME) ": edit the table, not this file."
	print "digraph \"" name "\" {\n\trankdir=LR;\n\tnode [shape=box style=rounded fontname=Helvetica];\n\tedge [fontname=Helvetica fontsize=10];"
	for (i = 1; i <= nst; i++)
		print "\t\"" st[i] "\" [label=\"" st[i] has(st[i]) "\" tooltip=\"" quote(st_why[st[i]]) "\"" ((i == 1) ? " penwidth=2" : "") "];"
	for (j = 1; j <= nrow; j++) {
		if (row_to[j] == "stay" || row_to[j] == "never") continue
		for (i = 1; i <= nst; i++) if (uses(st[i], j))
			print "\t\"" st[i] "\" -> \"" row_to[j] "\" [label=\"" label(j) "\" tooltip=\"line " row_line[j] ": " quote(row_why[j]) "\"];"
	}
	print "}"
}
