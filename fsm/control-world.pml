/* SPDX-License-Identifier: ISC
 * control-world.pml -- stories 1 and 4: one agent's session and its Sync and Job
 * streams, a proxy, and management with two calls of each kind, so that an old one
 * may still stand when the next arrives.  The README of tests/model says what is
 * left out.
 * together agent session mgmt-stream job-stream / server srv-stream
 * bounds 1
 * full 3
 * keep KEEP_BUG_EARLY_RESET grows 0
 * keep KEEP_BUG_STREAMS all_or_nothing 0
 * keep KEEP_BUG_FORGOTTEN own_word 1
 * keep KEEP_BUG_CANCELED own_word 1
 * keep KEEP_BUG_ONE_BEAT stays 0
 * keep KEEP_BUG_LOST_CHANGE converges 0
 * keep KEEP_BUG_STAYS one_served 1
 * keep KEEP_BUG_CLEANUP one_served 1
 */
#define AGENTS 1
#define CALLS 4			/* 0 and 1 are for Sync, 2 and 3 for Job */
#ifndef FAULTS
#define FAULTS 1		/* how many bad things may happen in all, of any kind */
#endif
#ifndef ASKS
#define ASKS 2			/* updates of the map, down, up, removal: in all */
#endif
#define MAX 2			/* the base of the back-off has reached its bound */
#define NONE CALLS
#define KIND(c) ((c) >> 1)

/* what comes down a stream: 0 to 3 is the map of that serial */
#define BEAT 4
#define END 5			/* a status that retries */
#define CANCELED 6		/* the same, from a proxy */
#define DENIED 7
#define CUT 8			/* the connection's end */

chan q = [6] of { byte, byte };			/* the agent's FIFO: event, argument */
chan qs = [5] of { byte, byte, byte };		/* the server's: event, call, argument */
chan down[CALLS] = [4] of { byte };
byte budget = FAULTS, asks = ASKS;
bool begun, hostile, mute;				/* a server that accepts and cuts; one that does not beat */
bool is_up, is_back, is_same, is_grown, is_over;	/* for the properties: functions of the rest */
/* the agent's side: 0 nothing comes, 1 dialled, 3 key asked, 5 asked (Login, or a call in cur) */
byte sfar, far[2], cur[2] = NONE;
bool wanted = true, engine, refused;
bool mykey[2];
byte class[2];					/* the base of each back-off, saturated */
byte known = 9, serial;				/* the newest map as the agent has it, and as it is */
/* the server's side of each call */
bool used[CALLS], att[CALLS], lost[CALLS], asked[CALLS], badkey[CALLS], due[CALLS];
byte pred[CALLS] = NONE, entry[2] = NONE;
bool key, removed;
byte idle[2];					/* rounds without a word, as the proxy counts them */
byte fired, firing;				/* slow things that happened in this round: agent's, calls' */
/* what a d_step changes must not be read into outside of it: Spin undoes a receive from the variable */
hidden byte ev, arg, at, w, code, i, m;
hidden byte todo[2];				/* what the actions of this step want of the network, done behind it: the model is smaller */
#define HANG 1
#define DIAL 2
#define CALL 4

#define ROW(a, text) printf(text); c_code { static char hit; if (!hit) { hit = 1; printf("hit: %s", text); } }
#define MUST(name, cond) if :: (cond) -> skip :: else -> printf("BROKEN: "); printf(#name); printf("\n"); assert(false) fi
#define STALE(a, e) assert(false)
#define POST(a, e, v) assert(nfull(q)); q!e,v
#define POST_server(a, e, v) if :: pred[a] != NONE -> qs!e,pred[a],v; pred[a] = NONE :: else fi
#include "states.pml"
#define S(x) (session_state[0] == session_##x)
#define M(x) (mgmt_stream_state[0] == mgmt_stream_##x)
#define J(x) (job_stream_state[0] == job_stream_##x)
#define C(c, x) (srv_stream_state[c] == srv_stream_##x)
#define SERVED(c) (C(c, live) || C(c, pacing) || C(c, held))

/* ---- what guards and actions mean ---- */
#define session_if_engine_up(a, v) engine
#define session_if_login_only(a, v) false
#define srv_stream_if_token_due(a, v) false
#define mgmt_stream_if_always(a, v) true
#define mgmt_stream_if_canceled(a, v) (v == CANCELED)
#define mgmt_stream_if_hopeless(a, v) false
#define mgmt_stream_if_overdue(a, v) false	/* no SYN is lost here */
#define job_stream_if_heartbeat(a, v) (v == BEAT)
#define srv_stream_if_deaf(a, v) (!att[a])
#define job_stream_if_always(a, v) true
#define srv_stream_if_always(a, v) true
#define srv_stream_if_another_beats(a, v) (KIND(a) == 0 && entry[1] != NONE)
#define srv_stream_if_room(a, v) (!att[a] || len(down[a]) < 2)
#define srv_stream_if_map_due(a, v) due[a]
#define srv_stream_if_map_waits(a, v) (due[a] && (!att[a] || len(down[a]) < 2))
inline session_close_conn(a)		{ sfar = 0 }
inline session_do_dial(a, v)		{ sfar = 1 }
inline session_do_ask_key(a, v)		{ sfar = 3 }
inline session_do_login(a, v)		{ sfar = 5 }
inline session_do_start_engine(a, v)	{ engine = true; refused = false; known = 9 }
inline session_do_refresh_engine(a, v)	{ refused = false }
inline session_do_stop_engine(a, v)	{ engine = false; refused = false; known = 9 }
inline hangup(s) {	/* the server may hear of it at any time after */
	if :: cur[s] != NONE -> att[cur[s]] = false; lost[cur[s]] = used[cur[s]]; do :: down[cur[s]]?w :: empty(down[cur[s]]) -> break od :: else fi;
	w = 0; far[s] = 0; cur[s] = NONE; mykey[s] = false; idle[s] = 0 }
inline call(s) {	/* the request is under way, sealed to the key that we were told */
	i = 2 * s; if :: used[i] || att[i] -> i++ :: else fi;
	assert(!used[i] && !att[i]);
	cur[s] = i; used[i] = true; att[i] = true; asked[i] = true; badkey[i] = (mykey[s] != key); far[s] = 5; i = 0 }
#define LONGER(s) class[s] = (class[s] < MAX -> class[s] + 1 : MAX)
inline mgmt_stream_close_conn(a)	{ todo[0] = HANG }
inline mgmt_stream_do_dial(a, v)	{ todo[0] = HANG + DIAL }
inline mgmt_stream_do_ask_key(a, v)	{ far[0] = 3 }
inline mgmt_stream_do_open(a, v)	{ todo[0] = CALL }
inline mgmt_stream_do_take(a, v)	{ if :: v < BEAT -> assert(known == 9 || v >= known); known = v :: else fi }	/* maps never go back */
inline mgmt_stream_do_note_failure(a, v) { LONGER(0) }
inline mgmt_stream_do_forget_failures(a, v) { class[0] = 0 }
inline job_stream_close_conn(a)		{ todo[1] = HANG }
inline job_stream_do_dial(a, v)		{ todo[1] = HANG + DIAL }
inline job_stream_do_ask_key(a, v)	{ far[1] = 3 }
inline job_stream_do_open(a, v)		{ todo[1] = CALL }
inline job_stream_do_note_failure(a, v)	{ LONGER(1) }
inline job_stream_do_forget_failures(a, v) { class[1] = 0 }

/* any send is traffic to the proxy */
inline tell(c, what) { idle[KIND(c)] = 0; if :: att[c] && !lost[c] -> assert(nfull(down[c])); down[c]!what :: else fi }
inline srv_stream_do_register(a, v)	{ pred[a] = entry[KIND(a)]; entry[KIND(a)] = a }
inline srv_stream_do_unregister(a, v)	{ if :: entry[KIND(a)] == a -> entry[KIND(a)] = NONE :: else fi }
inline srv_stream_do_unregister_key(a, v) { entry[KIND(a)] = NONE }
inline srv_stream_do_send_first(a, v)	{ due[a] = false; idle[KIND(a)] = 0; if :: KIND(a) == 0 -> tell(a, serial) :: else fi }
inline srv_stream_do_send_map(a, v)	{ due[a] = false; if :: KIND(a) == 0 -> tell(a, serial) :: else fi }
inline srv_stream_do_note_due(a, v)	{ due[a] = (KIND(a) == 0) }
inline srv_stream_do_send_beat(a, v)	{ if :: !mute -> tell(a, BEAT) :: else fi }
inline srv_stream_do_send_farewell(a, v) { if :: KIND(a) == 0 -> tell(a, BEAT) :: else fi }
inline srv_stream_do_refuse(a, v)	{ code = (removed || code == DENIED -> DENIED : END) }
inline srv_stream_close_call(a)		{ tell(a, code); code = END }

#include "machines.pml"
#include "wire.pml"

/* ---- outside: as in peers-world, fast things first, slow ones (timers) each once a round ---- */
#define FREE(s) (!(used[2 * (s)] || att[2 * (s)]) || !(used[2 * (s) + 1] || att[2 * (s) + 1]))
#define READY(s) (far[s] == 1 || (far[s] == 3 && FREE(s)) || (far[s] == 5 && len(down[cur[s]]) > 0))
#define TIRED(s) (far[s] == 5 && used[cur[s]] && !lost[cur[s]] && idle[s] == 2)	/* the proxy's limit */
#define HEARS(c) (used[c] && lost[c])
#define CROWD (far[0] == 3 && !FREE(0) || far[1] == 3 && !FREE(1))
#define SERVER_FAST (asked[0] || asked[1] || asked[2] || asked[3] || (CROWD && (HEARS(0) || HEARS(1) || HEARS(2) || HEARS(3))))
#define QUIET (sfar == 0 && !READY(0) && !READY(1) && !TIRED(0) && !TIRED(1) && !SERVER_FAST)
#define SLOW_S (S(dialing) || S(keying) || S(logging_in) || S(backoff))
#define SLOW_M (M(backoff) || M(live) || (far[0] == 0 && !M(idle)))
#define SLOW_J (J(backoff) || J(open) || (J(proven) && class[1] > 0) || (far[1] == 0 && !J(idle) && !J(off)))
#define SLOW_C(c) SERVED(c)
#define DUE_A ((SLOW_S && !(fired & 1)) || (SLOW_M && !(fired & 2)) || (SLOW_J && !(fired & 4)))
#define DUE_C(c) (SLOW_C(c) && !(firing & (1 << (c))))
#define ANY (SLOW_S || SLOW_M || SLOW_J || SLOW_C(0) || SLOW_C(1) || SLOW_C(2) || SLOW_C(3))

inline s_slow() { if
	:: S(dialing) -> POST(0, ev_session_dial_timeout, 0) :: S(keying) -> POST(0, ev_session_key_timeout, 0)
	:: S(logging_in) -> POST(0, ev_session_login_timeout, 0) :: S(backoff) -> POST(0, ev_session_retry, 0) fi }
inline m_slow() { if	/* HTTP/2's own pings find a dead connection */
	:: M(dialing) -> POST(0, ev_mgmt_stream_dial_timeout, 0) :: M(keying) -> POST(0, ev_mgmt_stream_key_timeout, 0)
	:: M(opening) -> POST(0, ev_mgmt_stream_open_timeout, 0) :: M(live) && far[0] != 0 -> POST(0, ev_mgmt_stream_proof, 0)
	:: (M(live) || M(proven)) && far[0] == 0 -> POST(0, ev_mgmt_stream_gone, 0) :: M(backoff) -> POST(0, ev_mgmt_stream_retry, 0) fi }
inline j_slow() { if
	:: J(dialing) -> POST(0, ev_job_stream_dial_timeout, 0) :: J(keying) -> POST(0, ev_job_stream_key_timeout, 0)
	:: J(open) && far[1] != 0 -> POST(0, ev_job_stream_proof, 0) :: J(proven) && far[1] != 0 -> POST(0, ev_job_stream_trust, 0) :: (J(open) || J(proven)) && far[1] == 0 -> POST(0, ev_job_stream_gone, 0)
	:: J(backoff) -> POST(0, ev_job_stream_retry, 0) fi }
inline c_slow(c) { if
	:: C(c, live) && att[c] -> qs!ev_srv_stream_beat,c,0 :: C(c, live) && !att[c] -> qs!ev_srv_stream_listen,c,0 :: C(c, pacing) -> qs!ev_srv_stream_pace,c,0 :: C(c, held) -> qs!ev_srv_stream_look,c,0 fi }
/* the two streams hear the same things, by other names */
inline hear(s, what) { if
	:: s == 0 && what < END -> POST(0, ev_mgmt_stream_message, what)
	:: s == 0 && (what == END || what == CANCELED) -> POST(0, ev_mgmt_stream_ended, what)
	:: s == 0 && what == DENIED -> refused = true; POST(0, ev_mgmt_stream_denied, 0)
	:: s == 0 && what == CUT -> POST(0, ev_mgmt_stream_gone, 0)
	:: s == 1 && what < END -> POST(0, ev_job_stream_message, what)
	:: s == 1 && (what == END || what == CANCELED) -> POST(0, ev_job_stream_ended, what)
	:: s == 1 && what == DENIED -> POST(0, ev_job_stream_denied, 0)
	:: s == 1 && what == CUT -> POST(0, ev_job_stream_gone, 0) fi }
inline go_on(s) { if
	:: far[s] == 1 -> far[s] = 2; if :: s == 0 -> POST(0, ev_mgmt_stream_connected, 0) :: s == 1 -> POST(0, ev_job_stream_connected, 0) fi
	:: far[s] == 3 -> mykey[s] = key; if :: s == 0 -> POST(0, ev_mgmt_stream_key_ok, 0) :: s == 1 -> POST(0, ev_job_stream_key_ok, 0) fi
	:: far[s] == 5 -> down[cur[s]]?m; hear(s, m) fi }
/* a cut, seen at both ends; what was under way may be lost with it.  A proxy says Canceled or nothing at all */
inline cut(s) {
	if :: do :: down[cur[s]]?m :: empty(down[cur[s]]) -> break od :: true fi; m = 0;
	if :: used[cur[s]] -> lost[cur[s]] = true :: else fi; idle[s] = 0;
	if :: down[cur[s]]!CUT :: down[cur[s]]!CANCELED fi }
inline round() {
	if :: QUIET && !DUE_A && !DUE_C(0) && !DUE_C(1) && !DUE_C(2) && !DUE_C(3) && ANY ->
		fired = 0; firing = 0;
		if :: cur[0] != NONE && idle[0] < 2 -> idle[0]++ :: else fi;
		if :: cur[1] != NONE && idle[1] < 2 -> idle[1]++ :: else fi
	:: else fi }
inline settle() {
	round();
	assert((sfar == 0) || session_holds_conn(0));
	MUST(all_or_nothing, !S(running) || engine);
	MUST(all_or_nothing, !(S(idle) || S(needs_login)) || (!engine && M(idle) && J(idle) && cur[0] == NONE && cur[1] == NONE));
	/* a stream ends for good by our own word, or by a refusal of the server itself */
	MUST(own_word, M(idle) == (!engine || refused));
	MUST(own_word, J(idle) == !engine);
	MUST(owes_nothing, !M(proven) || class[0] == 0);	/* who served for an hour and is cut begins with the first wait */
	/* what is served is registered, and nothing else is: so there is one at most */
	MUST(one_served, SERVED(0) == (entry[0] == 0) && SERVED(1) == (entry[0] == 1));
	MUST(one_served, SERVED(2) == (entry[1] == 2) && SERVED(3) == (entry[1] == 3));
	is_over = hostile || !removed || !wanted || S(needs_login);
	is_grown = !hostile || !wanted || !S(running) || (class[0] == MAX && class[1] == MAX);
	is_back = hostile || !wanted || removed || ((M(live) || M(proven)) && (J(open) || J(proven)) && S(running));
	is_up = is_back || mute;
	is_same = hostile || !wanted || removed || known == serial;
	i = 0; arg = 0; ev = 0; at = 0; code = END }
inline do_it(s) {
	if :: todo[s] & HANG -> hangup(s) :: else fi;
	if :: todo[s] & DIAL -> far[s] = 1 :: else fi;
	if :: todo[s] & CALL -> call(s) :: else fi;
	todo[s] = 0 }
inline drain() { do :: todo[0] + todo[1] > 0 -> do_it(0); do_it(1) :: todo[0] + todo[1] == 0 && nempty(q) -> q?ev,arg; dispatch(0, ev, arg) :: else -> break od }

proctype agent() {
end:	do :: atomic { if
	:: !begun -> begun = true; if :: skip :: hostile = true :: mute = true fi; POST(0, ev_session_up, 0)
	:: sfar == 1 -> sfar = 0; POST(0, ev_session_connected, 0)
	:: sfar == 3 -> sfar = 0; POST(0, ev_session_key_ok, 0)
	:: sfar == 5 -> sfar = 0; if :: removed -> POST(0, ev_session_denied, 0) :: else -> POST(0, ev_session_login_ok, 0) fi
	:: READY(0) -> go_on(0)
	:: READY(1) -> go_on(1)
	:: TIRED(0) -> cut(0)
	:: TIRED(1) -> cut(1)
	:: QUIET && SLOW_S && !(fired & 1) -> fired = fired | 1; s_slow()
	:: QUIET && SLOW_M && !(fired & 2) -> fired = fired | 2; m_slow()
	:: QUIET && SLOW_J && !(fired & 4) -> fired = fired | 4; j_slow()
	/* what people and administrators want */
	:: asks > 0 && begun && wanted -> asks--; wanted = false; POST(0, ev_session_down, 0)
	:: asks > 0 && begun && !wanted -> asks--; wanted = true; POST(0, ev_session_up, 0)
	/* bad luck, while the budget lasts */
	:: budget > 0 && SLOW_S -> budget--; if :: S(backoff) -> POST(0, ev_session_retry, 0) :: else -> if :: sfar = 0 :: POST(0, ev_session_gone, 0) fi fi
	:: budget > 0 && S(logging_in) -> budget--; POST(0, ev_session_failed, 0)
	:: budget > 0 && far[0] == 5 && len(down[cur[0]]) < 3 -> budget--; cut(0)
	:: budget > 0 && far[1] == 5 && len(down[cur[1]]) < 3 -> budget--; cut(1)
	:: budget > 0 && far[0] > 0 -> budget--; todo[0] = HANG		/* a black hole: nobody is told */
	:: budget > 0 && far[1] > 0 -> budget--; todo[1] = HANG
	:: budget > 0 && far[0] > 0 -> budget--; POST(0, ev_mgmt_stream_gone, 0)
	:: budget > 0 && far[1] > 0 -> budget--; POST(0, ev_job_stream_gone, 0)
	:: budget > 0 && !QUIET && SLOW_M -> budget--; m_slow()			/* a timer before its time */
	:: budget > 0 && !QUIET && SLOW_J -> budget--; j_slow()
	:: budget > 0 && engine -> budget--; POST(0, ev_mgmt_stream_net_change, 0); POST(0, ev_job_stream_net_change, 0)
	fi; d_step { drain(); settle() } } od
}

inline forget_call(c) { used[c] = false; lost[c] = false; asked[c] = false; badkey[c] = false; due[c] = false; pred[c] = NONE;
	srv_stream_state[c] = srv_stream_fresh; firing = firing & (15 - (1 << c)) }
inline arrive(c) {
	asked[c] = false;
	if
	:: hostile -> if :: att[c] -> if :: down[c]!CUT :: down[c]!CANCELED fi :: else fi; forget_call(c)	/* accepted, and cut before the first message */
	:: !hostile && (removed || badkey[c]) -> qs!ev_srv_stream_bad,c,0
	:: !hostile && budget > 0 -> budget--; code = DENIED; qs!ev_srv_stream_bad,c,0	/* refused, and at the next Login no more */
	:: else -> qs!ev_srv_stream_request,c,0
	fi }
inline vanish(c) { if :: used[c] && att[c] -> do :: down[c]?m :: empty(down[c]) -> break od; down[c]!CUT :: else fi; forget_call(c) }
inline changed(c, e) { if :: used[c] && entry[KIND(c)] == c -> qs!e,c,0 :: else fi }
inline work() { do :: qs?ev,at,arg -> dispatch_server(at, ev, arg) :: empty(qs) -> break od }
inline bury(c) { if :: used[c] && C(c, ended) -> forget_call(c) :: else fi }

proctype server() {
end:	do :: atomic { if
	:: asked[0] -> arrive(0) :: asked[1] -> arrive(1) :: asked[2] -> arrive(2) :: asked[3] -> arrive(3)
	:: HEARS(0) && !asked[0] -> qs!ev_srv_stream_gone,0,0
	:: HEARS(1) && !asked[1] -> qs!ev_srv_stream_gone,1,0
	:: HEARS(2) && !asked[2] -> qs!ev_srv_stream_gone,2,0
	:: HEARS(3) && !asked[3] -> qs!ev_srv_stream_gone,3,0
	:: QUIET && DUE_C(0) -> firing = firing | 1; c_slow(0)
	:: QUIET && DUE_C(1) -> firing = firing | 2; c_slow(1)
	:: QUIET && DUE_C(2) -> firing = firing | 4; c_slow(2)
	:: QUIET && DUE_C(3) -> firing = firing | 8; c_slow(3)
	:: asks > 0 && begun -> asks--; serial++; changed(0, ev_srv_stream_map_changed); changed(1, ev_srv_stream_map_changed)
	:: asks > 0 && begun && !removed -> asks--; removed = true;
		changed(0, ev_srv_stream_removed); changed(1, ev_srv_stream_removed); changed(2, ev_srv_stream_removed); changed(3, ev_srv_stream_removed)
	:: budget > 0 -> budget--; key = !key; entry[0] = NONE; entry[1] = NONE; vanish(0); vanish(1); vanish(2); vanish(3)	/* killed, and back */
	fi; d_step { work(); bury(0); bury(1); bury(2); bury(3); settle() } } od
}
init { atomic { run agent(); run server() } }

ltl stays { <>[] is_up }
ltl converges { <>[] is_same }
ltl comes_back { []<> is_back }
ltl grows { <>[] is_grown }
ltl final { <>[] is_over }
