# SPDX-License-Identifier: ISC
# judge.awk -- are these tapes (src/fsm/tape.c) what the tables and the wires say?
#
#	awk -v cover=FILE -f judge.awk FACTS... WIRES... TAPES...
#
# -v skip=REGEX: processes that are not looked at.
# -v parts=1: the program holds some of the machines and plays the others by hand.
#
# FACTS are made by to-facts.awk in this folder, WIRES are fsm/*.wire.  Nothing
# here is shared with the C runtime or the generators but the reading of a table.
# Tapes of many processes may be mixed; each line begins with its process.
#
# Accepted is: the right row for state, event and guards, and no guard asked that
# should not be; the row's sends, in order, to whom the wire names, all of them;
# each event taken in the order of posting, and the queue empty before the next
# thing from outside; nothing posted by hand that the wire calls a send; events of
# a former life dropped, others not; timers armed as the state says, fired once,
# not early, and only while armed; no never row.  README.md says what is not seen.
function wrong(what) {
	kinds[what]++
	if (++errors <= 25) print FILENAME ":" FNR ": " what "\n\t" substr($0, 1, 300)
}
function must(good, what) { if (!good) wrong(what) }

# ---- tables and wires -------------------------------------------------------------
skip != "" && $1 ~ skip { next }
$1 == "%machine" { initial[$2] = $3; next }
$1 == "%event" { kind[$2, $3] = $4; next }
$1 == "%res" { resource[$2, $3] = $4; if (!(($2, $4) in is_res)) { is_res[$2, $4] = 1; res_name[$2, ++nres[$2]] = $4 } next }
$1 == "%self" { to_self[$2, $3] = 1; next }
$1 == "%timer" { n = ntimer[$2]++; t_event[$2, n] = $3; t_every[$2, n] = $4; t_lo[$2, n] = $5; t_hi[$2, n] = $6; t_field[$2, n] = $7; next }
$1 == "%state" { runs[$2, $3] = ($4 == "-") ? "" : $4; next }
$1 == "%row" {
	k = ++nrow[$2, $3, $4]
	r_line[$2, $3, $4, k] = $5; r_if[$2, $3, $4, k] = ($6 == "-") ? "" : $6; r_to[$2, $3, $4, k] = $8
	n = split(($7 == "-") ? "" : $7, w, ","); sends = again = ""
	for (i = 1; i <= n; i++) {
		if (w[i] ~ /^!/) sends = sends " " substr(w[i], 2)
		if (w[i] ~ /^@/) again = again " " substr(w[i], 2)
	}
	r_sends[$2, $3, $4, k] = sends; r_again[$2, $3, $4, k] = again
	next
}
FILENAME ~ /\.wire$/ {
	sub(/;.*/, "")
	if ($1 == "outside") for (i = 3; i <= NF; i++) outside[$2, $i] = 1
	else if ($3 == "->") {
		k = ++ntarget[$1, substr($2, 2)]
		to_mach[$1, substr($2, 2), k] = $4; to_event[$1, substr($2, 2), k] = $5
		to_how[$1, substr($2, 2), k] = ($4 == $1 && (($1, substr($2, 2)) in to_self)) ? "self" : ($6 == "") ? "one" : ($7 == "of") ? "some" : $6
	}
	next
}

# ---- the queue of a process --------------------------------------------------------
function queue_head() {	# the oldest that is still there, or ""
	while (first[p] <= last[p] && !((p, first[p]) in q_id)) first[p]++
	return (first[p] <= last[p]) ? first[p] : ""
}
function posted(seq, id, event, tag,   m) {
	must(seq == last[p] + 1 || !(p in last), "posts are not counted one by one")
	if (!(p in last)) first[p] = seq
	last[p] = seq
	m = mach[p, id]
	must(m != "", "a post to a machine that is not there")
	q_id[p, seq] = id; q_event[p, seq] = event; q_tag[p, seq] = tag
	return m
}
function is_stale(seq,   id, t) {
	id = q_id[p, seq]; t = q_tag[p, seq]
	if (t ~ /^t/) { split(substr(t, 2), w, "."); return arm[p, id, w[1]] != w[2] }
	if (t ~ /^g/) return gen[p, id, resource[mach[p, id], q_event[p, seq]]] + 0 != substr(t, 2) + 0
	return 0
}
function take(seq) {
	must(seq == queue_head(), "not the oldest event of the queue")
	delete q_id[p, seq]; delete q_event[p, seq]; delete q_tag[p, seq]
	draining[p] = 1; deferred[p] = 0
}

# ---- timers -------------------------------------------------------------------------
function stop_all(id, m,   i) {
	for (i = 0; i < ntimer[m]; i++) { arm[p, id, i]++; ticking[p, id, i] = 0 }
}
function armed(id, i, n, us,   m) {
	m = mach[p, id]
	must(n == arm[p, id, i], "armed as number " n " and not " arm[p, id, i])
	if (us < 0) { must(t_field[m, i] != "-", "a timer that is off and has no field"); return }
	must(t_field[m, i] != "-" || (us >= t_lo[m, i] && us <= t_hi[m, i]), "armed with another length than the table's")
	ticking[p, id, i] = 1; due[p, id, i] = now[p] + us
}
# which timers a step or a birth has to arm, in order: a list, eaten by T words
function token_timer(id, i, n, us,   m) {
	m = mach[p, id]
	if (rearm[p] == id "," i) {	# an every timer has just fired
		rearm[p] = ""; armed(id, i, n, us); return
	}
	if (id == cur) { step_timers = step_timers " " i; step_arm[i] = n; step_us[i] = us; return }
	if (wants[p, id] ~ ("^" i "(,|$)")) { sub(/^[0-9]+,?/, "", wants[p, id]); armed(id, i, n, us); if (wants[p, id] == "") owed[p] = ""; return }
	wrong("a timer is armed without a reason")
}
function fires(id, event, tag,   m, i) {
	m = mach[p, id]; split(substr(tag, 2), w, "."); i = w[1]
	must(cur == "" && !draining[p], "a timer fires in the middle of a drain")
	must(t_event[m, i] == event, "the timer's event is another")
	must(ticking[p, id, i] && arm[p, id, i] == w[2], "a timer fires that is not armed")
	must(now[p] >= due[p, id, i], "a timer fires early")
	if (t_every[m, i]) rearm[p] = id "," i
	else ticking[p, id, i] = 0
}

# ---- sends ----------------------------------------------------------------------------
# Machines of one peer bear its name; a send between two of them stays with the peer.
function of_peer(m) { return m ~ /^(handshake|path|guard|ice-session|ice-pair|wg-watch|relay-channel)$/ }
function sent(s) {
	send_done()
	send = s; target = 1; step_sends = step_sends " " s
	must((mach[p, cur], s) in ntarget, "a send that no wire knows")
	reached = ","
}
function delivered(id, event,   from, m) {
	from = mach[p, cur]; m = mach[p, id]
	if (send == "") { wrong("delivered without a send"); return }
	while (target <= ntarget[from, send] && !(to_mach[from, send, target] == m && to_event[from, send, target] == event)) next_target(from)
	if (target > ntarget[from, send]) { wrong("delivered to whom the wire does not name"); return }
	if (to_how[from, send, target] == "self") must(id == cur, "a send to itself reached another")
	if (to_how[from, send, target] == "one") must(reached == ",", "a send to one reached two")
	must(!index(reached, "," id ","), "delivered twice")
	if (of_peer(from) && of_peer(m)) must(subject[p, id] == subject[p, cur], "a send between machines of two peers")
	reached = reached id ","
}
# everybody whom this line of the wire names was reached
function next_target(from,   m, how, n, a, i, all) {
	m = to_mach[from, send, target]; how = to_how[from, send, target]
	if (how == "self") must(reached != ",", "a send to itself was lost")
	if (how == "one" && of_peer(from) && of_peer(m) && ((p, m, subject[p, cur]) in byname)) must(reached != ",", "a send was lost: " m " is there")
	if (how == "one" && !of_peer(m) && !of_peer(from) && alive[p, m] == 1 && m != from && m !~ /^relay-link|^ice-gather/) must(reached != ",", "a send was lost: the one " m " is there")
	if (how == "all" && m != from && !(m == "ice-pair")) must(split(reached, a, ",") - 2 == alive[p, m] + 0, "a send to all reached " (split(reached, a, ",") - 2) " of " alive[p, m] + 0 " " m)
	target++; reached = ","
}
function send_done(   from) {
	if (send == "") return
	from = mach[p, cur]
	while (target <= ntarget[from, send]) next_target(from)
	send = ""
}

# ---- one step ---------------------------------------------------------------------------
function begin(seq, id, state, event) {
	must(cur == "", "a step within a step")
	must(((p, seq) in q_id) && q_id[p, seq] == id && q_event[p, seq] == event, "not what was posted")
	must(!is_stale(seq), "an event of a former life is handled")
	take(seq)
	must(at[p, id] == state, "it was in " at[p, id])
	cur = id; cur_state = state; cur_event = event
	guards = step_sends = step_timers = send = ""; acted = 0; nsteps++
}
# the row that the guards, as they answered, lead to; which of them are asked
function choose(m,   k, g, v, asked) {
	asked = ""
	for (k = 1; k <= nrow[m, cur_state, cur_event]; k++) {
		g = r_if[m, cur_state, cur_event, k]
		if (g == "") break
		v = 0
		if (g ~ /^!/) { g = substr(g, 2); v = 1 }
		asked = asked " " g
		if (!((g) in answer)) break
		if (answer[g] != v) break
	}
	must(asked == guards, "guards asked:" guards ", to be asked:" asked)
	return k
}
function row_taken(line, to,   m, k, next_state, n, i, e, want) {
	m = mach[p, cur]
	send_done()
	if (!((m, cur_state, cur_event) in nrow)) { wrong("a row for a pair that cannot occur"); return }
	k = choose(m)
	must(line == r_line[m, cur_state, cur_event, k], "row " r_line[m, cur_state, cur_event, k] " was to be taken")
	next_state = r_to[m, cur_state, cur_event, k]
	must(next_state != "never", "a never row")
	must(step_sends == r_sends[m, cur_state, cur_event, k], "sent:" step_sends ", to be sent:" r_sends[m, cur_state, cur_event, k])
	want = ""
	if (next_state == "stay" || next_state == "never") {
		next_state = cur_state
		n = split(r_again[m, cur_state, cur_event, k], w, " ")
		for (e = 1; e <= n; e++) for (i = 0; i < ntimer[m]; i++)
			if (t_event[m, i] == w[e] && inlist(i, runs[m, cur_state])) { want = want " " i; arm[p, cur, i]++ }
	} else {
		stop_all(cur, m)
		n = split(runs[m, next_state], w, ",")
		for (i = 1; i <= n; i++) want = want " " w[i]
	}
	must(to == next_state, "the next state was to be " next_state)
	must(step_timers == want, "timers armed:" step_timers ", to be armed:" want)
	n = split(step_timers, arms, " ")
	for (i = 1; i <= n; i++) armed(cur, arms[i], step_arm[arms[i]], step_us[arms[i]])
	at[p, cur] = next_state
	hits[m, cur_state, cur_event, line]++; guard_of[m, cur_state, cur_event, line] = r_if[m, cur_state, cur_event, k]
	split("", answer)
	cur = ""
}
function inlist(x, list) { return index("," list ",", "," x ",") > 0 }

# ---- words --------------------------------------------------------------------------------
function word(c, n) {
	if (owed[p] != "" && (c != "T" || a[2] != owed[p])) { wrong("a machine is born without its timers"); owed[p] = "" }
	if (c == "G") {
		must(cur != "" && !acted, "a guard asked out of turn")
		guards = guards " " a[2]; answer[a[2]] = a[3]
		return
	}
	if (c != "B" && c != "T" && c != "@") acted = 1
	if (c == "P") {
		m = posted(a[2], a[3], a[4], a[5])
		if (a[5] ~ /^t/) fires(a[3], a[4], a[5])
		else {
			must(cur != "" || !draining[p] || deferred[p], "something from outside in the middle of a drain")
			if (kind[m, a[4]] == "resource") must(substr(a[5], 2) + 0 <= gen[p, a[3], resource[m, a[4]]] + 0, "of a life that is still to come")
			else must(parts || ((m, a[4]) in outside), "posted by hand to " m ", and the wire does not say outside: " a[4])
		}
	} else if (c == "T") token_timer(a[2], a[3], a[4], a[5])
	else if (c == "B") begin(a[2], a[3], a[4], a[5])
	else if (c == "R") { must(cur != "", "a row without a step"); row_taken(a[2], a[3]) }
	else if (c == "Q") { must(queue_head() == "" && cur == "", "the queue is not empty"); draining[p] = deferred[p] = 0 }
	else if (c == "@") { must(!draining[p], "time passes in a drain"); must(!(p in now) || a0 >= now[p], "time goes back"); now[p] = a0 }
	else if (c == "S") { must(cur != "", "a send without a step"); sent(a[2]) }
	else if (c == "D") { posted(a[2], a[3], a[4], a[5]); delivered(a[3], a[4]) }
	else if (c == "O") {
		must(a[4] == gen[p, a[2], a[3]] + 1, "lives are not counted one by one")
		gen[p, a[2], a[3]] = a[4]
	} else if (c == "N") born()
	else if (c == "E") ended(a[2])
	else if (c == "X") { must(is_stale(a[2]), "dropped, though of this life"); take(a[2]); nstale++ }
	else if (c == "U") {
		must(cur != "" && !((mach[p, cur], cur_state, cur_event) in nrow), "the table has a row for this")
		must(guards == "" && step_sends == "" && step_timers == "", "something was done about an event that cannot occur")
		split("", answer); cur = ""; nunexpected++
	} else if (c == "F") { must(queue_head() == "", "deferred before the queue is empty"); deferred[p] = draining[p] = 1 }
	else wrong("an unknown word")
}
function born(   id, m) {
	id = a[2]; m = a[3]
	must(m in initial, "no table of that name")
	must(!((p, id) in mach), "born twice")
	must(initial[m] == a[4], "not born in its first state")
	mach[p, id] = m; at[p, id] = a[4]; subject[p, id] = a[5]
	alive[p, m]++; byname[p, m, a[5]]++
	stop_all(id, m)
	wants[p, id] = runs[m, a[4]]
	owed[p] = (wants[p, id] == "") ? "" : id
}
function ended(id,   m, i, s) {
	m = mach[p, id]
	must(m != "" && id != cur, "ended by its own action, or twice")
	alive[p, m]--; if (--byname[p, m, subject[p, id]] == 0) delete byname[p, m, subject[p, id]]
	for (s = first[p]; s <= last[p]; s++) if (((p, s) in q_id) && q_id[p, s] == id) { delete q_id[p, s]; delete q_event[p, s]; delete q_tag[p, s] }
	for (i = 0; i < ntimer[m]; i++) { delete ticking[p, id, i]; delete arm[p, id, i]; delete due[p, id, i] }
	for (i = 1; i <= nres[m]; i++) delete gen[p, id, res_name[m, i]]
	delete mach[p, id]; delete at[p, id]; delete subject[p, id]; delete wants[p, id]
}
{
	p = $1
	if (!(p in processes)) { processes[p] = 1; nproc++ }
	for (field = 2; field <= NF; field++) {
		c = substr($field, 1, 1)
		if (c == "@") a0 = substr($field, 2) + 0
		else split($field, a, ",")
		word(c)
	}
	if (cur != "") {	# a killed process may leave half a line; it must be its last
		half[p] = FILENAME ":" FNR; send = ""; cur = ""; split("", answer)
	} else if (p in half) wrong("half a line at " half[p] ", and the process goes on")
}
END {
	for (k in hits) {
		split(k, w, SUBSEP)
		if (cover != "") print w[1] "\t" w[2] "\t" w[3] "\t" w[4] "\t" hits[k] "\t" ((guard_of[k] == "") ? "-" : guard_of[k]) > cover
	}
	for (k in kinds) print "# " kinds[k] " times: " k
	printf "# %d steps of %d processes, %d events of former lives, %d that could not occur, %d wrong\n", nsteps, nproc, nstale, nunexpected, errors
	if (errors || !nsteps) exit 1
}
