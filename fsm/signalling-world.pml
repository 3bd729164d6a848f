/* SPDX-License-Identifier: ISC
 * signalling-world.pml -- stories 1 and 4 for signal: the streams of two agents and
 * the letter boxes of the server, two of each id, so that an old one may still stand
 * when the next arrives.  The README of tests/model says what is left out.
 * together agent signal-stream / server srv-signal
 * bounds 1
 * full 2
 * keep KEEP_BUG_STAYS one_box 1
 * keep KEEP_BUG_CLEANUP one_box 1
 * keep KEEP_BUG_PROBE are_heard 1
 * keep KEEP_BUG_EARLY_RESET grows 0
 */
#define AGENTS 2
#define CALLS 4			/* 0 and 1 are of agent 0, 2 and 3 of agent 1 */
#ifndef FAULTS
#define FAULTS 1
#endif
#ifndef ASKS
#define ASKS 1			/* offers newer than the first */
#endif
#define MAX 2			/* the base of the back-off has reached its bound */
#define NONE CALLS
#define WHO(c) ((c) >> 1)
#define O(a) (1 - (a))
#define ROOM 3

/* down a stream; 8 and more is an offer of that number */
#define REGISTERED 1
#define BEAT 2
#define END 3
#define CUT 4
#define ECHO 7			/* a message to oneself */
#define OFFER 8

chan q[AGENTS] = [4] of { byte, byte };
chan qs = [4] of { byte, byte, byte };
chan down[CALLS] = [6] of { byte };
chan up[AGENTS] = [3] of { byte };
byte budget = FAULTS, asks = ASKS;
bool set, hostile, mute;			/* a server that registers and cuts; one that does not beat */
bool begun[AGENTS], is_heard, is_grown, is_up;
byte far[AGENTS], cur[AGENTS] = NONE;		/* 0 nothing comes, 1 dialled, 3 asked in cur, 4 registered there */
byte class[AGENTS];
bool old[AGENTS], stuck[AGENTS];		/* the stream lived for a second; the agent does not read */
byte offer[AGENTS] = OFFER, heard[AGENTS];	/* what an agent wants the other to know; what it heard */
bool used[CALLS], att[CALLS], lost[CALLS], asked[CALLS];
byte pred[CALLS] = NONE, entry[AGENTS] = NONE;
byte fired[AGENTS], firing;
hidden byte ev, arg, at, w, i, m;
hidden byte todo[AGENTS];
#define HANG 1
#define DIAL 2
#define CALL 4
#define PROBE 8

#define ROW(a, text) printf(text); c_code { static char hit; if (!hit) { hit = 1; printf("hit: %s", text); } }
#define MUST(name, cond) if :: (cond) -> skip :: else -> printf("BROKEN: "); printf(#name); printf("\n"); assert(false) fi
#define STALE(a, e) assert(false)
#define POST(a, e, v) assert(nfull(q[a])); q[a]!e,v
#define POST_server(a, e, v) if :: pred[a] != NONE -> qs!e,pred[a],v; pred[a] = NONE :: else fi
#include "states.pml"
#define G(a, s) (signal_stream_state[a] == signal_stream_##s)
#define C(c, s) (srv_signal_state[c] == srv_signal_##s)
#define SERVED(c) (C(c, live) || C(c, choked))
#define isup(a) (G(a, up) || G(a, probing))
#define roomy(c) (!att[c] || len(down[c]) < ROOM)

#define signal_stream_if_always(a, v) true
#define signal_stream_if_proven(a, v) old[a]
#define signal_stream_if_hopeless(a, v) false
#define signal_stream_if_overdue(a, v) false	/* no SYN is lost here */
#define srv_signal_if_always(a, v) true
#define srv_signal_if_room(a, v) roomy(a)
#define srv_signal_if_deaf(a, v) (!att[a])
inline signal_stream_close_conn(a)	{ todo[a] = todo[a] | HANG }
inline signal_stream_do_dial(a, v)	{ todo[a] = HANG + DIAL }
inline signal_stream_do_open(a, v)	{ todo[a] = todo[a] | CALL }
inline signal_stream_do_probe(a, v)	{ todo[a] = todo[a] | PROBE }
/* offers come in the order in which they were sent, and none twice but by its sender's wish */
inline signal_stream_do_take(a, v)	{ if :: v >= OFFER -> assert(v >= heard[a]); heard[a] = v :: else fi }
inline signal_stream_do_note_failure(a, v) { class[a] = (class[a] < MAX -> class[a] + 1 : MAX) }
inline signal_stream_do_forget_failures(a, v) { class[a] = 0 }

inline push(c, what) { if :: att[c] && !lost[c] -> assert(nfull(down[c])); down[c]!what :: else fi }
inline srv_signal_do_send_headers(a, v)	{ MUST(headers_first, entry[WHO(a)] != a); push(a, REGISTERED) }	/* no letter may come before them */
inline srv_signal_do_register(a, v)	{ pred[a] = entry[WHO(a)]; entry[WHO(a)] = a }
inline srv_signal_do_unregister(a, v)	{ if :: entry[WHO(a)] == a -> entry[WHO(a)] = NONE :: else fi }
inline srv_signal_do_unregister_id(a, v) { entry[WHO(a)] = NONE }
inline srv_signal_do_say_hello(a, v)	{ if :: !mute -> push(a, BEAT) :: else fi }
inline srv_signal_do_send_beat(a, v)	{ if :: !mute -> push(a, BEAT) :: else fi }
inline srv_signal_do_deliver(a, v)	{ assert(entry[WHO(a)] == a); push(a, v) }	/* never to a predecessor */
inline srv_signal_close_call(a)		{ push(a, END) }

#include "machines.pml"
#include "wire.pml"

#define FREE(a) (!(used[2 * (a)] || att[2 * (a)]) || !(used[2 * (a) + 1] || att[2 * (a) + 1]))
#define READS(a) (cur[a] != NONE && !stuck[a] && len(down[cur[a]]) > 0)
#define READY(a) ((far[a] == 1 && FREE(a)) || READS(a) || !begun[a])
#define HEARS(c) (used[c] && lost[c])
#define CROWD ((far[0] == 1 && !FREE(0)) || (far[1] == 1 && !FREE(1)))
#define QUIET (!READY(0) && !READY(1) && !asked[0] && !asked[1] && !asked[2] && !asked[3] && len(up[0]) == 0 && len(up[1]) == 0 && !(CROWD && (HEARS(0) || HEARS(1) || HEARS(2) || HEARS(3))))
/* who is beaten hears no silence */
#define SLOW_G(a) (begun[a] && !G(a, idle) && (!G(a, up) || mute || stuck[a] || cur[a] == NONE || entry[a] != cur[a]))
#define TELLS(a) (isup(a) && far[a] == 4 && heard[O(a)] != offer[a])
#define SLOW_C(c) (SERVED(c) && !(mute && C(c, live) && att[c]))
#define DUE(a) ((SLOW_G(a) && !(fired[a] & 1)) || (TELLS(a) && !(fired[a] & 2)))
#define DUE_C(c) (SLOW_C(c) && !(firing & (1 << (c))))

inline g_slow(a) { if
	:: G(a, dialing) -> POST(a, ev_signal_stream_dial_timeout, 0) :: G(a, opening) -> POST(a, ev_signal_stream_open_timeout, 0)
	:: G(a, up) -> POST(a, ev_signal_stream_silence, 0) :: G(a, probing) -> POST(a, ev_signal_stream_probe_timeout, 0)
	:: G(a, backoff) -> POST(a, ev_signal_stream_retry, 0) fi }
inline c_slow(c) { if
	:: C(c, live) && att[c] -> qs!ev_srv_signal_beat,c,0 :: C(c, live) && !att[c] -> qs!ev_srv_signal_listen,c,0
	:: C(c, choked) && roomy(c) -> qs!ev_srv_signal_look,c,0 :: C(c, choked) && !roomy(c) -> qs!ev_srv_signal_choke_timeout,c,0 fi }
inline go_on(a) { if
	:: !begun[a] -> begun[a] = true; POST(a, ev_signal_stream_start, 0)
	:: far[a] == 1 && FREE(a) -> far[a] = 2; POST(a, ev_signal_stream_connected, 0)
	:: READS(a) -> down[cur[a]]?m; if
		:: m == REGISTERED -> far[a] = 4; POST(a, ev_signal_stream_registered, 0)
		:: m == END -> POST(a, ev_signal_stream_ended, 0)
		:: m == CUT -> if :: POST(a, ev_signal_stream_gone, 0) :: POST(a, ev_signal_stream_doubt, 0) :: POST(a, ev_signal_stream_ended, 0) fi
		:: m == BEAT || m >= ECHO -> POST(a, ev_signal_stream_message, m) fi fi }
inline do_it(a) {
	if :: todo[a] & HANG -> if :: cur[a] != NONE -> att[cur[a]] = false; lost[cur[a]] = used[cur[a]];
			do :: down[cur[a]]?w :: empty(down[cur[a]]) -> break od :: else fi;
		do :: up[a]?w :: empty(up[a]) -> break od; cur[a] = NONE; far[a] = 0; old[a] = false; stuck[a] = false :: else fi;
	if :: todo[a] & DIAL -> far[a] = 1 :: else fi;
	if :: todo[a] & CALL -> i = 2 * a; if :: used[i] || att[i] -> i++ :: else fi; assert(!used[i] && !att[i]);
		cur[a] = i; used[i] = true; att[i] = true; asked[i] = true; far[a] = 3 :: else fi;
	if :: (todo[a] & PROBE) && far[a] == 4 && len(up[a]) < 3 -> up[a]!ECHO :: else fi;
	todo[a] = 0; i = 0; w = 0 }
inline drain(a) {
	do
	:: todo[a] > 0 -> do_it(a)
	:: todo[a] == 0 && nempty(q[a]) -> q[a]?ev,arg; dispatch(a, ev, arg)
	:: todo[a] == 0 && empty(q[a]) -> break
	od; ev = 0; arg = 0 }
inline settle() {
	if :: QUIET && !DUE(0) && !DUE(1) && !DUE_C(0) && !DUE_C(1) && !DUE_C(2) && !DUE_C(3) -> fired[0] = 0; fired[1] = 0; firing = 0;
		old[0] = isup(0); old[1] = isup(1) :: else fi;
	assert(begun[0] == !G(0, idle) && begun[1] == !G(1, idle));
	/* who is served is registered, and nobody else is */
	MUST(one_box, SERVED(0) == (entry[0] == 0) && SERVED(1) == (entry[0] == 1));
	MUST(one_box, SERVED(2) == (entry[1] == 2) && SERVED(3) == (entry[1] == 3));
	is_up = hostile || (isup(0) && isup(1) && far[0] == 4 && far[1] == 4);
	is_heard = hostile || (heard[0] == offer[1] && heard[1] == offer[0]);
	is_grown = !hostile || (class[0] == MAX && class[1] == MAX) }

proctype agent(byte a) {
end:	do :: atomic { if
	:: set && READY(a) -> go_on(a)
	:: set && QUIET && SLOW_G(a) && !(fired[a] & 1) -> fired[a] = fired[a] | 1; g_slow(a)
	:: set && QUIET && TELLS(a) && !(fired[a] & 2) -> fired[a] = fired[a] | 2; up[a]!offer[a]
	:: asks > 0 && isup(a) && far[a] == 4 && nfull(up[a]) -> asks--; offer[a]++; up[a]!offer[a]
	:: stuck[a] -> stuck[a] = false
	/* bad luck */
	:: budget > 0 && far[a] == 4 -> budget--; stuck[a] = true
	:: budget > 0 && far[a] > 0 -> budget--; POST(a, ev_signal_stream_gone, 0)
	:: budget > 0 && far[a] > 0 -> budget--; todo[a] = HANG		/* half dead: nothing more comes, nobody says so */
	:: budget > 0 && begun[a] -> budget--; POST(a, ev_signal_stream_net_change, 0)
	:: budget > 0 && set && !QUIET && SLOW_G(a) -> budget--; g_slow(a)
	fi; d_step { drain(a); settle() } } od
}

inline forget_call(c) { used[c] = false; lost[c] = false; asked[c] = false; pred[c] = NONE; srv_signal_state[c] = srv_signal_fresh; firing = firing & (15 - (1 << c)) }
inline bury(c) { if :: used[c] && C(c, ended) -> forget_call(c) :: else fi }
inline vanish(c) { if :: used[c] && att[c] && reset == 2 -> do :: down[c]?w :: empty(down[c]) -> break od; w = 0; down[c]!CUT :: else fi; if :: used[c] -> forget_call(c) :: else fi }
inline arrive(c) { asked[c] = false; if :: hostile -> cuts = c + 1 :: else -> qs!ev_srv_signal_opened,c,0 fi }
/* to the other's box, or to one's own; without a box it is gone, and its sender offers again */
inline post(a) { up[a]?m; if :: m == ECHO && entry[a] != NONE -> qs!ev_srv_signal_letter,entry[a],m
	:: m >= OFFER && entry[O(a)] != NONE -> qs!ev_srv_signal_letter,entry[O(a)],m :: else fi }
hidden byte reset, cuts;

proctype server() {
end:	do :: atomic { if
	:: !set -> set = true; if :: skip :: hostile = true :: mute = true fi
	:: asked[0] -> arrive(0) :: asked[1] -> arrive(1) :: asked[2] -> arrive(2) :: asked[3] -> arrive(3)
	:: len(up[0]) > 0 -> post(0)
	:: len(up[1]) > 0 -> post(1)
	:: HEARS(0) && !asked[0] -> qs!ev_srv_signal_gone,0,0
	:: HEARS(1) && !asked[1] -> qs!ev_srv_signal_gone,1,0
	:: HEARS(2) && !asked[2] -> qs!ev_srv_signal_gone,2,0
	:: HEARS(3) && !asked[3] -> qs!ev_srv_signal_gone,3,0
	:: QUIET && DUE_C(0) -> firing = firing | 1; c_slow(0)
	:: QUIET && DUE_C(1) -> firing = firing | 2; c_slow(1)
	:: QUIET && DUE_C(2) -> firing = firing | 4; c_slow(2)
	:: QUIET && DUE_C(3) -> firing = firing | 8; c_slow(3)
	:: budget > 0 && set -> budget--; reset = 2		/* ended by force, and back */
	:: budget > 0 && set -> budget--; reset = 1		/* the same behind a proxy that keeps our connections: nobody is told */
	fi; d_step {
		if :: reset > 0 -> entry[0] = NONE; entry[1] = NONE; vanish(0); vanish(1); vanish(2); vanish(3); reset = 0 :: else fi;
		if :: cuts > 0 -> push(cuts - 1, REGISTERED); push(cuts - 1, CUT); forget_call(cuts - 1); cuts = 0 :: else fi;
		do :: qs?ev,at,arg -> dispatch_server(at, ev, arg) :: empty(qs) -> break od; ev = 0; arg = 0; at = 0;
		bury(0); bury(1); bury(2); bury(3); settle() } } od
}
init { atomic { run agent(0); run agent(1); run server() } }

ltl comes_up { <>[] is_up }
ltl are_heard { <>[] is_heard }
ltl grows { <>[] is_grown }
