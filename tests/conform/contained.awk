# SPDX-License-Identifier: ISC
# contained.awk -- did anything happen that the world of its machine cannot reach?
#	awk -f contained.awk REACHED COVER...
# State, event and row (so the guards' answers too), each a step that was seen.
BEGIN { FS = "\t" }
NR == FNR { reached[$1, $2, $3, $4] = 1; next }
{ if (!((k = $1 FS $2 FS $3 FS $4) in seen)) order[++n] = k; seen[k] += $5 }
END {
	for (i = 1; i <= n; i++) {
		split(order[i], w, FS)
		if (!((w[1], w[2], w[3], w[4]) in reached)) { print "# " w[1] ": " w[2] " on " w[3] ", row " w[4] ": happened " seen[order[i]] " times, its world does not know it"; bad++ }
	}
	print "# " n " kinds of steps seen, " bad + 0 " that no world reaches"
	exit bad || !n
}
