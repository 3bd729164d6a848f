/* SPDX-License-Identifier: ISC
 * relay-again-world.pml -- story 3: a peer comes back to the relay with the same id
 * while its old connection still stands.  The server with two connections of the
 * peer and two of a subscriber; the subscriber's relay-link and relay-channel.  The
 * README of tests/model says what is left out.
 * together agent relay-link relay-channel / server srv-relay-peer
 * bounds 2
 * full 3
 * keep KEEP_BUG_CLEANUP one_registered 1
 * keep KEEP_BUG_QUIET offline_first 1
 * keep KEEP_BUG_LATE_OFFLINE last_word 1
 * keep KEEP_BUG_DROP tunnel_stays 1
 * keep KEEP_BUG_SILENT is_right 1
 * keep KEEP_BUG_B1 calms 1
 * keep KEEP_BUG_ORDER no_dead_link 1
 */
#define AGENTS 1
#define CALLS 4			/* 0 and 1 are the peer's connections, 2 and 3 the subscriber's */
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef ASKS
#define ASKS 2			/* offers beyond those that the guard makes */
#endif
#define DOWN (4 + 4 * FAULTS)		/* unread: an answer, and offline and online for each time the peer comes back */
#define NONE CALLS
#define WHO(c) ((c) >> 1)

/* down to the subscriber */
#define ANSWER 1
#define ONLINE 2
#define OFFLINE 3
#define CUT 4
/* up from it */
#define SUBSCRIBE 1
#define UNSUBSCRIBE 2

chan q = [5] of { byte, byte };
chan qs = [3] of { byte, byte, byte };
chan down[CALLS] = [DOWN] of { byte };
chan up[CALLS] = [8] of { byte };
byte budget = FAULTS, asks = ASKS;
bool begun, is_back, is_true, is_calm;		/* the last three: functions of the rest */
bool away;					/* the peer has left, and may come back or not */
byte acur = NONE, bcur = NONE;			/* the connections that the two agents use */
byte bfar;					/* the subscriber's: 0 nothing comes, 1 dialled, 3 asked in bcur, 5 in and asked */
bool early;					/* a timer fired before its time */
bool used[CALLS], att[CALLS], lost[CALLS], asked[CALLS], interest[CALLS], armed[CALLS];
byte heard[CALLS];				/* ghost: the last word to a subscriber */
byte pred[CALLS] = NONE, entry[2] = NONE;
byte fired, firing;
hidden byte ev, arg, at, w, was, i, x, m;
hidden byte todo;				/* what this step wants of the network, done behind it */
#define HANG 1
#define DIAL 2
#define CALL 4
#define FLUSH 8

#define ROW(a, text) printf(text); c_code { static char hit; if (!hit) { hit = 1; printf("hit: %s", text); } }
#define MUST(name, cond) if :: (cond) -> skip :: else -> printf("BROKEN: "); printf(#name); printf("\n"); assert(false) fi
#define STALE(a, e) assert(false)
#define POST(a, e, v) assert(nfull(q)); q!e,v
#define POST_server(a, e, v) if :: pred[a] != NONE -> qs!e,pred[a],v; pred[a] = NONE :: else fi
#include "states.pml"
#define L(s) (relay_link_state[0] == relay_link_##s)
#define R(s) (relay_channel_state[0] == relay_channel_##s)
#define LIVE(c) (srv_relay_peer_state[c] == srv_relay_peer_live)
#define told (R(open) || R(checking))
#define linked (L(up) || L(doubted))

#define relay_link_if_at_home(a, v) true
#define relay_link_if_more_addresses(a, v) false
#define relay_link_if_silent(a, v) (bfar == 0)
#define relay_link_if_unused(a, v) false
#define relay_link_if_twin(a, v) false
#define relay_link_if_address_gone(a, v) (v == 1)
#define relay_channel_if_always(a, v) true
#define relay_channel_if_no_relay(a, v) false
#define relay_channel_if_link_ready(a, v) linked
#define relay_channel_if_at_home(a, v) true
#define relay_channel_if_same_place(a, v) true
#define relay_channel_if_elsewhere_ready(a, v) false
#define relay_channel_if_elsewhere(a, v) false
#define relay_channel_if_renewed(a, v) (v == 1)
#define srv_relay_peer_if_always(a, v) true
inline relay_link_close_conn(a)		{ todo = HANG }
inline relay_link_do_dial(a, v)		{ todo = HANG + DIAL }
inline relay_link_do_dial_again(a, v)	{ todo = HANG + DIAL }
inline relay_link_do_send_auth(a, v)	{ todo = CALL }
inline relay_link_do_ping(a, v)		{ if :: bfar == 4 -> bfar = 5 :: else fi }
inline say(what) { if :: bcur != NONE && att[bcur] && linked -> assert(nfull(up[bcur])); up[bcur]!what :: else fi }
inline relay_channel_close_entry(a)	{ say(UNSUBSCRIBE) }
inline relay_channel_do_leave(a, v)	{ say(UNSUBSCRIBE) }
inline relay_channel_do_join(a, v)	{ assert(linked); say(SUBSCRIBE) }
inline relay_channel_do_subscribe(a, v)	{ say(SUBSCRIBE) }

inline push(c, what) { if :: att[c] && !lost[c] -> assert(nfull(down[c])); down[c]!what :: else fi }
inline tell(what) {	/* to all who watch the peer */
	if :: interest[2] -> heard[2] = what; push(2, what) :: else fi;
	if :: interest[3] -> heard[3] = what; push(3, what) :: else fi }
/* offline first is what a subscriber needs to know that it is another connection */
inline tell_online_of(c, back) { if :: interest[c] && (armed[c] || back) -> MUST(offline_first, heard[c] != ONLINE); heard[c] = ONLINE; push(c, ONLINE)
	:: interest[c] && !armed[c] && !back -> heard[c] = 0 :: else fi; armed[c] = false }
inline take(a, quietly) {
	pred[a] = entry[WHO(a)];
	if :: WHO(a) == 0 && pred[a] != NONE && !quietly -> tell(OFFLINE) :: else fi;
	entry[WHO(a)] = a;
	if :: WHO(a) == 0 -> tell_online_of(2, pred[a] != NONE); tell_online_of(3, pred[a] != NONE) :: else fi }
inline srv_relay_peer_close_conn(a)	{ skip }
inline srv_relay_peer_do_send_answer(a, v)	{ if :: WHO(a) == 1 -> push(a, ANSWER) :: else fi }
inline srv_relay_peer_do_take_entry(a, v)	{ take(a, false) }
inline srv_relay_peer_do_take_entry_quietly(a, v) { take(a, true) }
inline srv_relay_peer_do_give_entry(a, v)	{ interest[a] = false; if :: entry[WHO(a)] == a -> entry[WHO(a)] = NONE; if :: WHO(a) == 0 -> tell(OFFLINE) :: else fi :: else fi }
inline srv_relay_peer_do_remove_entry(a, v)	{ entry[WHO(a)] = NONE; if :: WHO(a) == 0 -> tell(OFFLINE) :: else fi }
inline srv_relay_peer_do_tell_offline(a, v)	{ if :: WHO(a) == 0 -> tell(OFFLINE) :: else fi }
inline srv_relay_peer_do_drop_all_interest(a, v) { interest[a] = false }
inline srv_relay_peer_do_add_interest(a, v)	{ interest[a] = true; armed[a] = true; heard[a] = (entry[0] != NONE -> 0 : OFFLINE) }
inline srv_relay_peer_do_tell_online(a, v)	{ if :: entry[0] != NONE -> heard[a] = ONLINE; push(a, ONLINE) :: else fi }
inline srv_relay_peer_do_drop_interest(a, v)	{ interest[a] = false; armed[a] = false; heard[a] = 0 }

#include "machines.pml"
#include "wire.pml"

#define FREE(k) (!(used[2 * (k)] || att[2 * (k)]) || !(used[2 * (k) + 1] || att[2 * (k) + 1]))
#define READY ((bfar == 1 && FREE(1)) || bfar == 5 || (bcur != NONE && len(down[bcur]) > 0))
#define COMES (acur == NONE && !away && FREE(0))
#define HEARS(c) (used[c] && lost[c])
#define ASKS_UP(c) (used[c] && !asked[c] && len(up[c]) > 0)
#define CROWD ((bfar == 1 && !FREE(1)) || (acur == NONE && !away && !FREE(0)))
#define QUIET (begun && !READY && !COMES && !asked[0] && !asked[1] && !asked[2] && !asked[3] && !ASKS_UP(2) && !ASKS_UP(3) && !(CROWD && (HEARS(0) || HEARS(1) || HEARS(2) || HEARS(3))))
#define SLOW_L (L(backoff) || (bfar == 0 && !L(idle)))
#define SLOW_R (R(opening) || R(checking) || R(reopening))
#define SLOW_O (!told && !relay_channel_holds_entry(0) && !R(waiting))	/* the guard offers again */
#define SLOW_C(c) (LIVE(c) && lost[c])
#define DUE ((SLOW_L && !(fired & 1)) || (SLOW_R && !(fired & 2)) || (SLOW_O && !(fired & 4)) || (SLOW_C(0) && !(firing & 1)) || (SLOW_C(1) && !(firing & 2)) || (SLOW_C(2) && !(firing & 4)) || (SLOW_C(3) && !(firing & 8)))
#define ANY (SLOW_L || SLOW_R || SLOW_O || SLOW_C(0) || SLOW_C(1) || SLOW_C(2) || SLOW_C(3))

inline l_slow() { if
	:: L(dialing) -> POST(0, ev_relay_link_dial_timeout, 0) :: L(handshaking) -> POST(0, ev_relay_link_auth_timeout, 0)
	:: L(up) -> POST(0, ev_relay_link_beat, 0) :: L(doubted) -> POST(0, ev_relay_link_answer_timeout, 0) :: L(backoff) -> POST(0, ev_relay_link_retry, 0) fi }
inline r_slow() { if :: R(checking) -> POST(0, ev_relay_channel_answer, 0) :: else -> POST(0, ev_relay_channel_presence, 0) fi }
inline go_on() { if
	:: bfar == 1 && FREE(1) -> bfar = 2; POST(0, ev_relay_link_connected, 0)
	:: bfar == 5 -> bfar = 4; POST(0, ev_relay_link_alive, 0)
	:: bcur != NONE && len(down[bcur]) > 0 -> down[bcur]?m; if
		:: m == ANSWER -> bfar = 4; POST(0, ev_relay_link_auth_ok, 0)
		:: m == ONLINE && relay_channel_holds_entry(0) -> POST(0, ev_relay_channel_online, 0)
		:: m == OFFLINE && relay_channel_holds_entry(0) -> POST(0, ev_relay_channel_offline, 0)
		:: m == CUT -> POST(0, ev_relay_link_peer_close, 0)
		:: (m == ONLINE || m == OFFLINE) && !relay_channel_holds_entry(0) -> skip fi fi }
inline do_it() {
	if :: (todo & HANG) && bcur != NONE -> att[bcur] = false; lost[bcur] = used[bcur];
		do :: down[bcur]?w :: empty(down[bcur]) -> break od; bcur = NONE :: else fi;
	if :: todo & HANG -> bfar = 0 :: else fi;
	if :: todo & DIAL -> bfar = 1 :: else fi;
	if :: todo & CALL -> i = 2; if :: used[2] || att[2] -> i = 3 :: else fi; assert(!used[i] && !att[i]);
		bcur = i; used[i] = true; att[i] = true; asked[i] = true; bfar = 3 :: else fi;
	todo = 0; i = 0; w = 0 }
/* a tunnel is dropped because its link went, because somebody said so, or because the peer is gone: not because it came back */
inline drain() {
	do
	:: todo > 0 -> do_it()
	:: todo == 0 && nempty(q) -> was = told; q?ev,arg; dispatch(0, ev, arg);
		MUST(tunnel_stays, !was || told || ev == ev_relay_channel_link_lost || ev == ev_relay_channel_mark_stale || (ev == ev_relay_channel_answer && (early || entry[0] == NONE || bfar == 0)))
	:: todo == 0 && empty(q) -> break
	od; early = false; ev = 0; arg = 0; was = 0 }
inline settle() {
	if :: QUIET && !DUE && ANY -> fired = 0; firing = 0 :: else fi;
	MUST(no_dead_link, !told || linked);
	/* whoever is live is registered, and nobody else is */
	MUST(one_registered, LIVE(0) == (entry[0] == 0) && LIVE(1) == (entry[0] == 1));
	MUST(one_registered, LIVE(2) == (entry[1] == 2) && LIVE(3) == (entry[1] == 3));
	/* the last word was the truth */
	MUST(last_word, (!interest[2] || heard[2] == 0 || (heard[2] == ONLINE) == (entry[0] != NONE)) && (!interest[3] || heard[3] == 0 || (heard[3] == ONLINE) == (entry[0] != NONE)));
	is_back = away || told;
	is_true = !told || (entry[0] != NONE && entry[0] == acur);
	is_calm = away || R(open) }

proctype subscriber() {
end:	do :: atomic { if
	:: !begun -> begun = true; POST(0, ev_relay_link_start, 0); POST(0, ev_relay_channel_offer, 0)
	:: READY -> go_on()
	:: QUIET && SLOW_L && !(fired & 1) -> fired = fired | 1; l_slow()
	:: QUIET && SLOW_R && !(fired & 2) -> fired = fired | 2; r_slow()
	:: QUIET && SLOW_O && !(fired & 4) -> fired = fired | 4; POST(0, ev_relay_channel_offer, 0)
	:: asks > 0 && begun -> asks--; if :: POST(0, ev_relay_channel_offer, 0) :: POST(0, ev_relay_channel_offer, 1) fi
	/* bad luck */
	:: budget > 0 && !QUIET && SLOW_R -> budget--; early = true; r_slow()
	:: budget > 0 && L(backoff) -> budget--; l_slow()
	:: budget > 0 && bfar > 0 -> budget--; POST(0, ev_relay_link_peer_close, 0)
	:: budget > 0 && bfar > 0 -> budget--; todo = HANG			/* a black hole */
	:: budget > 0 && told -> budget--; POST(0, ev_relay_channel_mark_stale, 0)
	:: budget > 0 && linked -> budget--; POST(0, ev_relay_link_doubt, 0)
	:: budget > 0 && begun -> budget--; if :: POST(0, ev_relay_link_net_change, 0) :: POST(0, ev_relay_link_net_change, 1) fi
	fi; d_step { drain(); settle() } } od
}
/* the peer's own end is no machine here: it comes, and comes again */
proctype peer() {
end:	do :: atomic { if
	:: COMES -> x = (used[0] || att[0] -> 1 : 0); acur = x; used[acur] = true; att[acur] = true; asked[acur] = true
	:: away -> away = false
	:: budget > 0 && acur != NONE -> budget--; att[acur] = false; lost[acur] = true; acur = NONE	/* gone, moved, black hole: it comes again while the old one stands */
	:: budget > 0 && acur != NONE -> budget--; away = true; att[acur] = false; lost[acur] = true; acur = NONE
	fi; d_step { settle() } } od
}

inline forget_conn(c) { used[c] = false; lost[c] = false; asked[c] = false; interest[c] = false; armed[c] = false; heard[c] = 0; pred[c] = NONE;
	do :: up[c]?w :: empty(up[c]) -> break od; w = 0; srv_relay_peer_state[c] = srv_relay_peer_fresh; firing = firing & (15 - (1 << c)) }
/* what ended is closed: an agent that is still there sees it */
inline bury(c) { if :: used[c] && srv_relay_peer_state[c] == srv_relay_peer_ended ->
	if :: att[c] && WHO(c) == 1 -> push(c, CUT) :: att[c] && WHO(c) == 0 -> att[c] = false; acur = NONE :: else fi; forget_conn(c) :: else fi }
inline die(c) { if :: used[c] && WHO(c) == 0 -> if :: att[c] -> att[c] = false; acur = NONE :: else fi; forget_conn(c)
	:: used[c] && WHO(c) == 1 -> do :: down[c]?w :: empty(down[c]) -> break od; if :: att[c] -> down[c]!CUT :: else fi; forget_conn(c) :: else fi }
inline hear(c) { up[c]?m; if :: m == SUBSCRIBE -> qs!ev_srv_relay_peer_subscribe,c,0 :: m == UNSUBSCRIBE -> qs!ev_srv_relay_peer_unsubscribe,c,0 fi }
inline work() { do :: qs?ev,at,arg -> dispatch_server(at, ev, arg) :: empty(qs) -> break od; ev = 0; at = 0; arg = 0 }
hidden byte killed;

proctype server() {
end:	do :: atomic { if
	:: asked[0] -> asked[0] = false; qs!ev_srv_relay_peer_auth_ok,0,0
	:: asked[1] -> asked[1] = false; qs!ev_srv_relay_peer_auth_ok,1,0
	:: asked[2] -> asked[2] = false; qs!ev_srv_relay_peer_auth_ok,2,0
	:: asked[3] -> asked[3] = false; qs!ev_srv_relay_peer_auth_ok,3,0
	:: ASKS_UP(2) -> hear(2)
	:: ASKS_UP(3) -> hear(3)
	:: HEARS(0) && !asked[0] -> qs!ev_srv_relay_peer_gone,0,0
	:: HEARS(1) && !asked[1] -> qs!ev_srv_relay_peer_gone,1,0
	:: HEARS(2) && !asked[2] && !ASKS_UP(2) -> qs!ev_srv_relay_peer_gone,2,0
	:: HEARS(3) && !asked[3] && !ASKS_UP(3) -> qs!ev_srv_relay_peer_gone,3,0
	:: QUIET && SLOW_C(0) && !(firing & 1) -> firing = firing | 1; qs!ev_srv_relay_peer_echo_timeout,0,0
	:: QUIET && SLOW_C(1) && !(firing & 2) -> firing = firing | 2; qs!ev_srv_relay_peer_echo_timeout,1,0
	:: QUIET && SLOW_C(2) && !(firing & 4) -> firing = firing | 4; qs!ev_srv_relay_peer_echo_timeout,2,0
	:: QUIET && SLOW_C(3) && !(firing & 8) -> firing = firing | 8; qs!ev_srv_relay_peer_echo_timeout,3,0
	:: budget > 0 && begun -> budget--; killed = 1			/* ended by force, and back */
	fi; d_step { if :: killed -> killed = 0; entry[0] = NONE; entry[1] = NONE; die(0); die(1); die(2); die(3) :: else fi;
		work(); bury(0); bury(1); bury(2); bury(3); settle() } } od
}
init { atomic { run subscriber(); run peer(); run server() } }

ltl comes_back { <>[] is_back }
ltl is_right { <>[] is_true }
ltl calms { <>[] is_calm }
