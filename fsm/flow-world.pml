/* SPDX-License-Identifier: ISC
 * flow-world.pml -- story 2: flow-window and flow-stream of one agent, its bounded
 * store, and a flow server that acknowledges, loses, refuses, accepts and cuts; a
 * connection that is over may still say something.  The README of tests/model says
 * what is left out.
 * together agent flow-stream flow-window
 * bounds 1
 * full 3
 * keep KEEP_BUG_WAIT_READY comes_up 1
 * keep KEEP_BUG_SAME_CONN own_connection 1
 * keep KEEP_BUG_OLD_EVENT comes_up 1
 * keep KEEP_BUG_EARLY_RESET grows 0
 * keep KEEP_BUG_NEVER_PROVEN forgets 1
 * keep KEEP_BUG_RECONNECT close_is_final 0
 * keep KEEP_BUG_LOSES window_kept 0
 */
#define AGENTS 1
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef ASKS
#define ASKS 2			/* starts and stops beyond the first start */
#endif
#define EVENTS 3		/* that are ever made */
#define CAP 2			/* that the store holds */
#define MAX 2			/* the base of the back-off has reached its bound */

chan q = [4] of { byte, byte };
byte budget = FAULTS, asks = ASKS;
bool begun, hostile;				/* a server that accepts, and cuts before the stream is five seconds old */
bool is_up, is_out, is_grown, is_reset;		/* functions of the rest */
bool wanted;
byte class;
/* 0 nothing comes, 1 dialled, 2 connected, 3 asked, 4 headers came, 7 the stream is over and the connection stands */
byte far;
byte gen, old;					/* connections, modulo 3; one whose last words are still to come, and it plus one */
bool counted;					/* packets, in the open window */
byte packets = EVENTS;				/* windows that will have some */
byte st[EVENTS];				/* of an event: 0 not made, 1 in the store, 2 sent on this connection, 3 acknowledged, 4 dropped and counted */
byte made, dropped, oldest;
bool going[EVENTS], got[EVENTS], acked[EVENTS];	/* on its way, at the server, its acknowledgement on its way */
byte fired;
hidden byte ev, arg, n, last, redo;

#define ROW(a, text) printf(text); c_code { static char hit; if (!hit) { hit = 1; printf("hit: %s", text); } }
#define MUST(name, cond) if :: (cond) -> skip :: else -> printf("BROKEN: "); printf(#name); printf("\n"); assert(false) fi
#define STALE(a, e) assert(false)
#define POST(a, e, v) assert(nfull(q)); q!e,v
#include "states.pml"
#define F(s) (flow_stream_state[0] == flow_stream_##s)
#define W(s) (flow_window_state[0] == flow_window_##s)
#define stored(e) (st[e] == 1 || st[e] == 2)
#define waiting (stored(0) + stored(1) + stored(2))
#define flow_stream_if_always(a, v) true
#define flow_window_if_always(a, v) true

inline flow_stream_close_conn(a)	{ redo = redo | 1 }
inline flow_stream_do_dial(a, v)	{ redo = redo | 3 }
inline flow_stream_do_redial(a, v)	{ redo = redo | 3 }
/* a connection that lost a stream, or is not there yet, carries none */
inline flow_stream_do_open(a, v)	{ MUST(own_connection, far == 2); far = 3 }
inline send(e) { if :: stored(e) -> st[e] = 2; going[e] = true :: else fi }
inline flow_stream_do_send_all(a, v)	{ MUST(own_connection, far == 4); send(0); send(1); send(2) }
inline send_new(e) { if :: st[e] == 1 || (stored(e) && ev == ev_flow_stream_resend) -> st[e] = 2; going[e] = true :: else fi }
inline flow_stream_do_send_due(a, v)	{ MUST(own_connection, far == 4 || far == 0); send_new(0); send_new(1); send_new(2) }
inline flow_stream_do_take_ack(a, v)	{ if :: stored(v) -> assert(got[v]); st[v] = 3 :: else fi }
inline flow_stream_do_note_failure(a, v) { class = (class < MAX -> class + 1 : MAX) }
inline flow_stream_do_forget_failures(a, v) { class = 0 }
inline flow_window_do_begin(a, v)	{ MUST(window_kept, !counted) }	/* what was counted is not lost but by a stop */
inline flow_window_do_drop_window(a, v)	{ counted = false }
/* the newest is kept, the oldest dropped and counted */
inline flow_window_do_close_window(a, v) {
	if :: counted -> counted = false; st[made] = 1; made++;
		if :: waiting > CAP -> oldest = 0; do :: !stored(oldest) -> oldest++ :: else -> break od; st[oldest] = 4; dropped++; oldest = 0 :: else fi
	:: else fi }
#include "machines.pml"
#include "wire.pml"

#ifdef KEEP_BUG_OLD_EVENT
#define FRESH(g) true		/* kept bug: nobody asks of which life an event is */
#else
#define FRESH(g) ((g) == gen)
#endif
#define IN_FLIGHT (going[0] || going[1] || going[2] || acked[0] || acked[1] || acked[2])
#define FAST (far == 1 || far == 3 || (far == 4 && (hostile || IN_FLIGHT)))
#define QUIET (begun && !FAST)
#define SLOW_F (F(backoff) || F(open) || (far == 0 && (F(dialing) || F(opening) || F(proven))))
#define SLOW_R ((F(open) || F(proven)) && far == 4 && waiting > 0)		/* sends again what is not acknowledged */
#define SLOW_W (W(counting) && counted)
#define DUE ((SLOW_F && !(fired & 1)) || (SLOW_R && !(fired & 2)) || (SLOW_W && !(fired & 4)))
inline f_slow() { if
	:: F(dialing) -> POST(0, ev_flow_stream_dial_timeout, 0) :: F(opening) -> POST(0, ev_flow_stream_headers_timeout, 0)
	:: F(open) && far != 0 -> POST(0, ev_flow_stream_proof, 0) :: (F(open) || F(proven)) && far == 0 -> POST(0, ev_flow_stream_gone, 0)
	:: F(backoff) -> POST(0, ev_flow_stream_retry, 0) fi }
inline lose() { going[0] = false; going[1] = false; going[2] = false; acked[0] = false; acked[1] = false; acked[2] = false }
inline unsend(e) { if :: st[e] == 2 -> st[e] = 1 :: else fi }
inline drain() {
	do
	:: redo > 0 -> lose(); unsend(0); unsend(1); unsend(2); old = gen + 1; far = 0;
		if :: redo & 2 -> gen = (gen + 1) % 3; far = 1 :: else fi; redo = 0
	:: redo == 0 && nempty(q) -> last = flow_stream_state[0]; q?ev,arg; dispatch(0, ev, arg);
		/* who begins anew begins with a connection */
		MUST(begins_anew, last == flow_stream_state[0] || !F(dialing) || redo == 3)
	:: redo == 0 && empty(q) -> break
	od; ev = 0; arg = 0; last = 0 }
inline settle() {
	if :: QUIET && !DUE && (SLOW_F || SLOW_R || SLOW_W) -> fired = 0 :: else fi;
	assert(waiting <= CAP);
	assert(dropped == (st[0] == 4) + (st[1] == 4) + (st[2] == 4));
	MUST(close_is_final, wanted == !F(idle) && wanted == W(counting));	/* also a close while an answer is awaited ends it, and it stays so */
	MUST(close_is_final, wanted || far == 0);
	is_up = !wanted || hostile || F(open) || F(proven);
	is_out = !wanted || hostile || (!counted && waiting == 0);
	is_grown = !wanted || !hostile || class == MAX;
	is_reset = !wanted || hostile || class == 0 }
inline cut() { lose(); far = 7; if :: POST(0, ev_flow_stream_ended, 0) :: far = 0; POST(0, ev_flow_stream_gone, 0) fi }

proctype agent() {
end:	do :: atomic { if
	:: !begun -> begun = true; if :: skip :: hostile = true fi; wanted = true; POST(0, ev_flow_stream_start, 0); POST(0, ev_flow_window_start, 0)
	:: far == 1 -> far = 2; POST(0, ev_flow_stream_connected, 0)
	:: far == 3 -> far = 4; POST(0, ev_flow_stream_headers, 0)
	:: far == 4 && hostile -> cut()
	:: far == 4 && going[0] -> going[0] = false; got[0] = true; acked[0] = true
	:: far == 4 && going[1] -> going[1] = false; got[1] = true; acked[1] = true
	:: far == 4 && going[2] -> going[2] = false; got[2] = true; acked[2] = true
	:: far == 4 && acked[0] -> acked[0] = false; POST(0, ev_flow_stream_ack, 0)
	:: far == 4 && acked[1] -> acked[1] = false; POST(0, ev_flow_stream_ack, 1)
	:: far == 4 && acked[2] -> acked[2] = false; POST(0, ev_flow_stream_ack, 2)
	:: QUIET && SLOW_F && !(fired & 1) -> fired = fired | 1; f_slow()
	:: QUIET && SLOW_R && !(fired & 2) -> fired = fired | 2; POST(0, ev_flow_stream_resend, 0)
	:: QUIET && SLOW_W && !(fired & 4) -> fired = fired | 4; POST(0, ev_flow_window_close, 0)
	:: packets > 0 && W(counting) && !counted -> packets--; counted = true
	/* the last words of a connection that is closed */
	:: old > 0 && old != gen + 1 && flow_stream_holds_conn(0) && FRESH(old - 1) ->
		if :: F(dialing) -> if :: POST(0, ev_flow_stream_connected, 0) :: POST(0, ev_flow_stream_ended, 0) fi
		:: F(opening) -> if :: POST(0, ev_flow_stream_headers, 0) :: POST(0, ev_flow_stream_ended, 0) fi
		:: F(open) || F(proven) -> POST(0, ev_flow_stream_ended, 0)
		fi; old = 0
	:: old > 0 && old != gen + 1 && !(flow_stream_holds_conn(0) && FRESH(old - 1)) -> old = 0	/* dropped, and counted */
	/* what the owner wants */
	:: asks > 0 && begun && wanted -> asks--; if
		:: wanted = false; POST(0, ev_flow_stream_stop, 0); POST(0, ev_flow_window_stop, 0)
		:: POST(0, ev_flow_stream_start, 0)		/* another token */
		:: POST(0, ev_flow_window_start, 0) fi		/* another interval */
	:: asks > 0 && begun && !wanted -> asks--; wanted = true; POST(0, ev_flow_stream_start, 0); POST(0, ev_flow_window_start, 0)
	/* bad luck */
	:: budget > 0 && far >= 3 && far < 7 -> budget--; cut()
	:: budget > 0 && far > 0 && far < 3 -> budget--; far = 0; POST(0, ev_flow_stream_gone, 0)
	:: budget > 0 && far > 0 -> budget--; far = 0; lose()			/* a black hole */
	:: budget > 0 && far == 4 && IN_FLIGHT -> budget--; lose()		/* the server forgets what it had not stored */
	:: budget > 0 && begun -> budget--; POST(0, ev_flow_stream_net_change, 0)
	:: budget > 0 && !QUIET && SLOW_F && !F(open) -> budget--; f_slow()
	fi; d_step { drain(); settle() } } od
}
init { atomic { run agent() } }

ltl comes_up { <>[] is_up }
ltl delivers { <>[] is_out }
ltl grows { <>[] is_grown }
ltl forgets { <>[] is_reset }
