# SPDX-License-Identifier: ISC
# report.awk -- every row of every table, and who fired it, side by side.
#
#	awk -f report.awk NAME.facts... SOURCE=model reached SOURCE=tests fired SOURCE=units COVER SOURCE=simulator COVER...
#
# A line of a source: machine, state, event, line (and a count, and the guard), tabs between.
# Exit 1: a row that nobody fired, or a never row that somebody did.
BEGIN { FS = "[ \t]"; ns = split("model tests units simulator namespaces", source, " ") }
$1 == "%machine" { mach[++nm] = $2; next }
$1 == "%row" {
	k = $2 SUBSEP $5
	if (!(k in to)) { row[++nr] = k; to[k] = $8; guard[k] = $6; m_of[k] = $2; line[k] = $5 }
	if (index("," from[k] ",", "," $3 ",") == 0) from[k] = from[k] ((from[k] == "") ? "" : ",") $3
	if (index("," on[k] ",", "," $4 ",") == 0) on[k] = on[k] ((on[k] == "") ? "" : ",") $4
	where[$2, $3, $4, $6] = $5
	next
}
$1 ~ /^%/ { next }
# the namespaces' file may be older than the table: state, event and guard say which row it is
{ used[SOURCE] = 1 }
SOURCE == "namespaces" { if (($1, $2, $3, $6) in where) fired[SOURCE, $1, where[$1, $2, $3, $6]] = 1; next }
{ fired[SOURCE, $1, $4] = 1 }
END {
	printf "%-16s %6s %6s", "table", "rows", "never"
	for (s = 1; s <= ns; s++) printf " %11s", source[s]
	printf " %11s\n", "real code"
	for (i = 1; i <= nr; i++) {
		k = row[i]; m = m_of[k]; any = played = 0; marks = ""
		for (s = 1; s <= ns; s++) {
			hit = ((source[s], m, line[k]) in fired)
			marks = marks (hit ? substr(source[s], 1, 1) : ".")
			any += hit
			if (s > 2) played += hit
			count[s, m] += hit; all[s] += hit
		}
		if (to[k] == "never") { never[m]++; nevers++; if (any - ((source[2], m, line[k]) in fired)) { print "a never row fired: " m ".fsm:" line[k]; bad = 1 } }
		else {
			rows_of[m]++; total++
			if (played) { p[m]++; allp++ }
			if (!any) { print "fired nowhere: " m ".fsm:" line[k]; bad = 1 }
		}
		lines[i] = sprintf("%-15s %4d %s  %s %s %s-> %s", m, line[k], marks, from[k], on[k], (guard[k] == "-") ? "" : ("[" guard[k] "] "), to[k])
		alone[i] = (to[k] != "never" && !played)
	}
	for (i = 1; i <= nm; i++) {
		m = mach[i]
		printf "%-16s %6d %6d", m, rows_of[m], never[m]
		for (s = 1; s <= ns; s++) printf " %11s", (source[s] in used) ? count[s, m] + 0 : "-"
		printf " %11d\n", p[m]
	}
	printf "%-16s %6d %6d", "all", total, nevers
	for (s = 1; s <= ns; s++) printf " %11s", (source[s] in used) ? all[s] + 0 : "-"
	printf " %11d\n", allp
	print "\nRows that only the model and the generated tests fire, never with the actions of the module:\n"
	for (i = 1; i <= nr; i++) if (alone[i]) print lines[i]
	if (full) { print "\nAll rows:\n"; for (i = 1; i <= nr; i++) print lines[i] }
	exit bad
}
