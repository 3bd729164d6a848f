# SPDX-License-Identifier: ISC
# project.awk -- what two agents did to each other, for the replay of peers-world:
#
#	awk -v world="MACHINES" -f project.awk FACTS TAPE
#
# A turn is what happens between two times that the queue is empty.  Printed is, for
# each turn in which a row was visible, in the order of the tape:
#
#	turn AGENT LIFE MACHINE:LINE ...
#
# Where one turn had several causes from outside, as when a server's notices come in
# one packet, each is a turn of its own: the model takes one thing at a time.
#
# A life of an agent begins each time its machines are made.  Visible is a row that
# leads to another state, or that tells another of the machines something that the
# model follows; `same` and `silent` below say what the model does not tell apart.
BEGIN {
	nw = split(world, w, " "); for (i = 1; i <= nw; i++) ours[w[i]] = i
	n = split("ice-offer ice-answer relay-offer ice-up ice-down relay-up relay-down path-on path-off close-ice mark-stale reset wg-timeout ask", w, " ")
	for (i = 1; i <= n; i++) tells[w[i]] = 1
	# the model has no quiet watcher: who is idle is looked at like the others
	merge("wg-watch quiet", "good")
	# a handshake proves the path as a packet does
	alike("wg-watch armed shaken -", "wg-watch armed look heard")
	alike("wg-watch armed first -", "wg-watch armed look heard")
	# a new process of the peer saves time and leads where others lead
	alike("handshake ready offer reborn", "handshake ready offer -")
	alike("handshake ready answer reborn", "handshake ready answer -")
}
function merge(a, b) { same_state[a] = b }
function alike(a, b) { same_row[a] = b }
function st(m, s) { return ((m " " s) in same_state) ? same_state[m " " s] : s }
$1 == "%row" {
	if (!($2 in ours)) next
	n = split($7, w, ","); told = 0
	for (i = 1; i <= n; i++) if (w[i] ~ /^!/ && (substr(w[i], 2) in tells)) told = 1
	vis[$2, $3, $5] = (told || ($8 != "stay" && $8 != "never" && st($2, $3) != st($2, $8)))
	id[$2 " " $3 " " $4 " " $6] = $5; text[$2, $3, $4, $5] = $2 " " $3 " " $4 " " $6
	if (show) print "visible", ours[$2] - 1, $3, $5, vis[$2, $3, $5]
	next
}
$1 ~ /^%/ { next }
show { exit }
{
	p = $1
	agent = (p ~ /\/agent0\//) ? 0 : (p ~ /\/agent1\//) ? 1 : -1
	if (agent < 0) next
	for (f = 2; f <= NF; f++) {
		c = substr($f, 1, 1)
		if (c !~ /[NPDBRUQ]/) continue
		split($f, a, ",")
		if (c == "N") { mach[p, a[2]] = a[3]; if (a[3] == "handshake") life[agent]++ }
		else if (c == "P" || c == "D") root[p, a[2]] = (c == "P" && !in_step[p]) ? a[2] : cause
		else if (c == "B") { cause = root[p, a[2]]; delete root[p, a[2]]; in_step[p] = 1; m = mach[p, a[3]]; state = a[4]; ev = a[5] }
		else if (c == "U") in_step[p] = 0
		else if (c == "R") {
			in_step[p] = 0
			if (!(m in ours)) continue
			r = a[2]
			if (vis[m, state, r]) {
				if (!((text[m, state, ev, r]) in same_row)) out = r
				else out = id[same_row[text[m, state, ev, r]]]
				if (!((p, cause) in part)) order[p, ++parts[p]] = cause
				part[p, cause] = part[p, cause] " " (ours[m] - 1) ":" out
			}
		} else if (c == "Q") {
			for (i = 1; i <= parts[p]; i++) { print "turn", agent, life[agent], part[p, order[p, i]]; delete part[p, order[p, i]] }
			parts[p] = 0
		}
	}
}
