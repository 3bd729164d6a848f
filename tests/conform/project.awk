# SPDX-License-Identifier: ISC
# project.awk -- what two agents did to each other, for the replay in peers-world:
#
#	awk -v world="MACHINES" -v speaks="ACTIONS" -f project.awk FACTS TAPE
#
# Printed is what replay.h reads, in the order of the tape: for each thing that came
# to the machines of an agent from outside of them, what it was, as acts of the world,
# and the visible rows that it led to.
#
# A turn is what happens between two times that the queue is empty.  Where one turn
# had several causes that did not meet, as when a server's notices come in one packet,
# each is a turn of its own.  A life of an agent begins each time
# its machines are made.  Visible is a row that leads to another state, or that tells
# another of the machines something that the model follows; merge() and alike() say
# what the model does not tell apart.  A turn without a visible row is printed if one of
# its rows does something that the world SPEAKS of: the model may do it too, or not.
BEGIN {
	if (agent0 == "") { agent0 = "/agent0/"; agent1 = "/agent1/" }
	nw = split(world, w, " "); for (i = 1; i <= nw; i++) ours[w[i]] = i
	n = split("ice-offer ice-answer relay-offer ice-up ice-down relay-up relay-down path-on path-off close-ice mark-stale reset wg-timeout ask", w, " ")
	for (i = 1; i <= n; i++) tells[w[i]] = 1
	n = split(speaks, w, " "); for (i = 1; i <= n; i++) spoken[w[i]] = 1
	# what comes from outside, as an act of the world (its perform())
	act("handshake offer", "1,2,29"); act("handshake answer", "1,2,29"); act("handshake candidate", "1,2,29")
	act("ice-session selected", "3"); act("ice-session answered", "4,39"); act("ice-session mapped", "5"); act("ice-session again", "9")
	act("ice-session limit", "21"); act("ice-session silent", "21"); act("ice-session verdict", "21")
	act("relay-channel online", "6"); act("relay-channel offline", "7,26"); 
	act("relay-channel link-lost", "8,24,25"); act("relay-channel close", "27")
	act("relay-channel presence", "14"); act("relay-channel answer", "14")
	act("wg-watch first", "10,12"); act("wg-watch look", "10,12,38,43"); act("wg-watch shaken", "10,12,41"); act("wg-watch elsewhere", "16,40")
	act("guard tick", "13,15")
	act("net-change", "32,33"); act("up", "8,17")
	# the model has no quiet watcher: who is idle is looked at like the others
	merge("wg-watch quiet", "good")
	# a handshake proves the path as a packet does
	alike("wg-watch armed shaken -", "wg-watch armed look heard")
	alike("wg-watch armed first -", "wg-watch armed look heard")
	# a new process of the peer saves time and leads where others lead
	alike("handshake ready offer reborn", "handshake ready offer -")
	alike("handshake ready answer reborn", "handshake ready answer -")
}
function act(a, b) { acts[a] = b }
function merge(a, b) { same_state[a] = b }
function alike(a, b) { same_row[a] = b }
function st(m, s) { return ((m " " s) in same_state) ? same_state[m " " s] : s }

# ---- the tables -------------------------------------------------------------------
$1 == "%state" { number[$2, $3] = count[$2]++; next }
$1 == "%row" {
	if (!($2 in ours)) next
	k = $2 SUBSEP $3 SUBSEP $5
	n = split($7, w, ","); told = 0; id_of = $2; gsub(/-/, "_", id_of)
	for (i = 1; i <= n; i++) {
		if (w[i] ~ /^!/ && (substr(w[i], 2) in tells)) told = 1
		word = w[i]; gsub(/-/, "_", word)
		if (w[i] ~ /^!/ || ((id_of "_do_" word) in spoken)) does[k] = 1
	}
	vis[k] = (told || ($8 != "stay" && $8 != "never" && st($2, $3) != st($2, $8)))
	if (vis[k] && !(k in shown)) { shown[k] = 1; print "visible", $2, $5, number[$2, $3] }
	id[$2 " " $3 " " $4 " " $6] = $5
	next
}
$1 ~ /^%/ { next }

!told_alike { told_alike = 1; for (r in same_row) { split(r, w, " "); print "alike", w[1], id[r], id[same_row[r]] } }

# ---- a tape -----------------------------------------------------------------------
# what SEQ of process p is about: what it was posted for, if the machine that posted it is
# one of the six; otherwise it is itself a cause
function comes(seq, to, event, root,   m, why) {
	m = mach[p, to]
	of_root[p, seq] = root
	if (!(m in ours)) return
	if (in_step[p] && (now[p] in ours)) { of[p, seq] = cause[p]; return }
	why = (event == "net-change") ? event : (event == "link-up" || event == "signal-up") ? "up" : m " " event
	of[p, seq] = root SUBSEP why
}
{
	p = $1
	agent = (p ~ agent0) ? 0 : (p ~ agent1) ? 1 : -1
	if (agent < 0) next
	for (f = 2; f <= NF; f++) {
		c = substr($f, 1, 1)
		if (c == "@") at = substr($f, 2)
		if (c !~ /[NPDBRUQ]/) continue
		split($f, a, ",")
		if (c == "N") { mach[p, a[2]] = a[3]; if (a[3] == "handshake" && ++life[agent] > 1) print "turn", agent, life[agent], at, "born", "34,35?" }
		else if (c == "P" || c == "D") comes(a[2], a[3], a[4], in_step[p] ? root[p] : a[2])
		else if (c == "B") {
			in_step[p] = 1; now[p] = m = mach[p, a[3]]; state = a[4]; ev = a[5]
			root[p] = of_root[p, a[2]]; cause[p] = of[p, a[2]]
			delete of_root[p, a[2]]; delete of[p, a[2]]
		}
		else if (c == "U") in_step[p] = 0
		else if (c == "R") {
			in_step[p] = 0
			if (!(m in ours)) continue
			k = m SUBSEP state SUBSEP a[2]; e = cause[p]
			if (!((p, e) in first)) { order[p, ++parts[p]] = e; first[p, e] = steps[p] + 1 }
			last[p, e] = ++steps[p]
			if (does[k] || vis[k]) matters[p, e] = 1
			if (vis[k]) { sees[p, e] = 1; row[p, steps[p]] = " " (ours[m] - 1) ":" a[2] }
		} else if (c == "Q") tell()
	}
}
# The causes of one turn, in their order.  Those whose steps lie between each other's are
# told as one: the model must take them as one.
function tell(   i, j, n, s, e, rows, has) {
	for (i = 1; i <= parts[p]; i = j) {
		n = last[p, order[p, i]]
		for (j = i + 1; j <= parts[p] && first[p, order[p, j]] <= n; j++) if (last[p, order[p, j]] > n) n = last[p, order[p, j]]
		rows = ""; has = 0
		for (s = first[p, order[p, i]]; s <= n; s++) { rows = rows row[p, s]; delete row[p, s] }
		for (n = i; n < j; n++) if (is_told(order[p, n])) has = n
		for (n = i; n <= has; n++) if (is_told(e = order[p, n])) {
			split(e, w, SUBSEP)
			s = ((w[2] in acts) ? acts[w[2]] : "-") (((p, e) in sees) ? "" : "?") ((n < has) ? "+" : "")
			sub(/ /, "/", w[2])
			print "turn", agent, life[agent], at, w[2], s ((n < has) ? "" : rows)
		}
	}
	for (i = 1; i <= parts[p]; i++) { e = order[p, i]; delete first[p, e]; delete last[p, e]; delete matters[p, e]; delete sees[p, e]; delete order[p, i] }
	parts[p] = steps[p] = 0
}
function is_told(e,   w) { split(e, w, SUBSEP); return ((p, e) in matters) && (((p, e) in sees) || (w[2] in acts)) }
