# SPDX-License-Identifier: ISC
# spoil-turns.awk -- the turns of a tape (project.awk) with one lie in them:
#
#	awk -v how=KIND -v at=N -f spoil-turns.awk TURNS
#
# The lie is about the Nth turn in which the path of an agent changed, as those
# leave little choice.  (A message that nobody speaks of any more may have been lost.)
#
#	out	it is left out
#	row	another row of the path was taken
#	swap	it and the next visible turn of its agent come in the other order
#	guard	the Nth offer or answer that was news to an ICE session was none
#
# Fails if there is no such turn.
$1 == "visible" && $2 == "path" { path[++np] = $3 }
{
	line[++n] = $0
	if (!lie && $1 == "turn" && (how == "guard" ? / handshake\/.* 1:/ : / 3:/) && ++k == at) lie = n
}
END {
	if (lie == 0) exit 1
	split(line[lie], w, " ")
	if (how == "swap") {
		for (other = lie + 1; other <= n; other++) { split(line[other], o, " "); if (o[2] == w[2] && o[7] != "") break }
		if (other > n) exit 1
		t = line[lie]; line[lie] = line[other]; line[other] = t
	}
	if (how == "row") {
		match(line[lie], / 3:[0-9]+/); true_row = substr(line[lie], RSTART + 3, RLENGTH - 3) + 0
		for (i = 1; i <= np; i++) if (path[i] != true_row) other = path[i]
		sub(/ 3:[0-9]+/, " 3:" other, line[lie])
	}
	if (how == "guard") gsub(/ [1345]:[0-9]+/, "", line[lie])
	for (i = 1; i <= n; i++) if (how != "out" || i != lie) print line[i]
}
