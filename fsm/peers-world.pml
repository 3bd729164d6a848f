/* SPDX-License-Identifier: ISC
 * peers-world.pml -- six machines of two agents, a signal channel each way, a
 * direct path, a relay server.  The README of tests/model says what is left out.
 * together agent handshake ice-session relay-channel path wg-watch guard
 * bounds 1
 * full 2
 * keep KEEP_BUG_B1 carries_all 1
 * keep KEEP_BUG_B2 silent 1
 * keep KEEP_BUG_STALE carries_all 2
 * keep KEEP_BUG_STANDBY whole 1
 * keep KEEP_BUG_GIVE_UP is_direct 1
 */
#define AGENTS 2
#ifndef FAULTS
#define FAULTS 1		/* how many bad things may happen in all, of any kind */
#endif
#ifndef SIG
#define SIG 3			/* signal messages in flight, each way */
#endif
#define QLEN 7
#define MAXTRY 1		/* the code: eight tries while only the relay carries; the number is not the point */

chan q[AGENTS] = [QLEN] of { byte, byte };		/* event, argument: one FIFO an agent */
chan sig[AGENTS] = [SIG] of { byte, byte, byte };	/* to agent i: kind, session id, life */
#define OFFER 0
#define ANSWER 1
#define LATE 2					/* added to the kind: a copy that comes after newer messages */
#define PACK(k, s, l) ((k) * 64 + (s) * 8 + (l))	/* an event's argument */
#define SID(v) (((v) >> 3) & 7)
#define LIFE(v) ((v) & 7)
#define ISLATE(v) ((v) >= 128)

byte budget = FAULTS;
bool is_up, is_pair, is_silent, is_whole;	/* for the properties: functions of the rest, so they add no state */
bool dir_up = true;				/* packets pass between the two networks */
byte sid[AGENTS] = 1;				/* what we call our ICE session: what an offer says */
byte life[AGENTS] = 1;				/* where our candidates lead: another value after our router forgot us */
bool unmapped[AGENTS];				/* it did, and we have not told the remote yet */
bool alive[AGENTS];				/* there is an agent; its name and password are the peer's, not the session's */
byte rid[AGENTS], mate[AGENTS];			/* remote's sid and life as our agent knows them; 0: no agent */
byte seen[AGENTS];				/* newest session of the remote we were told of */
bool was[AGENTS];				/* a pair was good once */
bool link[AGENTS] = true;			/* our connection to the relay server */
bool rlive[AGENTS];				/* ghost: what we sent over the relay would arrive, were the peer there */
bool asked[AGENTS];				/* we asked the server whether the peer is there, and it has not said */
bool notice[AGENTS];				/* the server said "offline" and we have not read it yet */
bool doubted[AGENTS];				/* the watcher said so once */
byte tries[AGENTS];
byte fired[AGENTS];				/* slow things that happened in this round */
byte endpoint[AGENTS];				/* what WireGuard was given: 0 none, 1 relay, 2 direct */
hidden byte x, cur, arg, k, s, l;

#define ROW(a, text) printf("%d: ", a); printf(text)
#define STALE(a, e) assert(false)		/* the world offers an event only to the state that waits for it */
#define POST(a, e, v) assert(nfull(q[a])); q[a]!e,v
#define O(a) (1 - (a))

#include "states.pml"

/* ---- what the guards mean ---- */
#define handshake_if_late_copy(a, v) (ISLATE(v) && SID(v) != seen[a])
#define handshake_if_reborn(a, v) false
#define handshake_if_kept_offer(a, v) false
#define handshake_if_kept(a, v) false
#define ice_session_if_no_ice(a, v) false
#define ice_session_if_same_but_newer(a, v) false
#define ice_session_if_same_session(a, v) (SID(v) == rid[a])
#define ice_session_if_news(a, v) unmapped[a]
#define ice_session_if_may_nominate(a, v) false
#define ice_session_if_spare(a, v) false
#define ice_session_if_picked(a, v) true
#define ice_session_if_other_pair(a, v) false
#define ice_session_if_stock(a, v) false
#define ice_session_if_due(a, v) false
#define wg_watch_if_hushed(a, v) false
#define wg_watch_if_stale(a, v) false
#define ice_session_if_was_good(a, v) was[a]
#define relay_channel_if_no_relay(a, v) false
#define relay_channel_if_link_ready(a, v) link[a]
#define relay_channel_if_at_home(a, v) true
#define relay_channel_if_same_place(a, v) true
#define relay_channel_if_elsewhere_ready(a, v) false
#define relay_channel_if_elsewhere(a, v) false
#define relay_channel_if_renewed(a, v) false
#define path_if_other_way(a, v) false
#define carries(a) (relay_channel_state[a] == relay_channel_open || relay_channel_state[a] == relay_channel_checking)
#define pairok (dir_up && alive[0] && alive[1] && mate[0] == life[1] && mate[1] == life[0])
#define relayok (link[0] && link[1] && rlive[0] && rlive[1] && carries(0) && carries(1))
#define flow(a) ((endpoint[a] == 2 && pairok) || (endpoint[a] == 1 && relayok))
#define up (flow(0) && flow(1))
#define direct (up && endpoint[0] == 2 && endpoint[1] == 2)
#define wg_watch_if_heard(a, v) up
#define wg_watch_if_unanswered(a, v) (!up && !doubted[a])
#define wg_watch_if_owed(a, v) (!up)
#define wg_watch_if_dead(a, v) (!up && doubted[a])
#define wg_watch_if_idle(a, v) false
#define wg_watch_if_talking(a, v) true
#define wg_watch_if_old_handshake(a, v) false
#define guard_if_all_up(a, v) (path_state[a] == path_both)
#define guard_if_under_way(a, v) (ice_session_state[a] == ice_session_checking && path_state[a] == path_relay)
#define guard_if_enough(a, v) (path_state[a] != path_none && tries[a] >= MAXTRY)
#define guard_if_cut_off(a, v) (path_state[a] == path_none)
#define guard_if_unused(a, v) false	/* somebody wants to talk */

/* ---- what the actions mean; those not named mean nothing here ---- */
/* a random id is one that nobody uses: the smallest such, or the state space would count sessions */
#define used(a, v) (v == sid[a] || v == life[a] || v == rid[O(a)] || v == mate[O(a)] || v == seen[O(a)] || sig[O(a)]??[_,eval(v),_] || sig[O(a)]??[_,_,eval(v)])
inline fresh(a) { x = 1; do :: used(a, x) -> x++ :: else -> break od; assert(x < 8) }
inline ice_session_do_renew_id(a, v) { fresh(a); sid[a] = x }
inline ice_session_do_new_agent(a, v) { rid[a] = SID(v); mate[a] = LIFE(v); alive[a] = true }
inline ice_session_close_agent(a) { rid[a] = 0; mate[a] = 0; alive[a] = false }
/* candidates travel beside the offers here; that they follow their answer is handshake-world's to show */
inline handshake_do_send_candidates(a, v) { unmapped[a] = false; if :: alive[O(a)] -> mate[O(a)] = life[a] :: else fi }
inline ice_session_do_select(a, v) { was[a] = true }
inline relay_channel_do_join(a, v) { asked[a] = true; rlive[a] = true; assert(link[a]) }
inline relay_channel_do_subscribe(a, v) { asked[a] = true }
inline relay_channel_do_leave(a, v) { asked[a] = false; rlive[a] = false; notice[a] = false }
inline relay_channel_close_entry(a) { asked[a] = false; rlive[a] = false; notice[a] = false }
inline handshake_do_note_seen(a, v) { seen[a] = SID(v) }
inline handshake_do_send_offer(a, v) { assert(nfull(sig[O(a)])); sig[O(a)]!OFFER,sid[a],life[a] }
inline handshake_do_send_answer(a, v) { assert(nfull(sig[O(a)])); sig[O(a)]!ANSWER,sid[a],life[a] }
inline guard_do_back_off(a, v) { if :: tries[a] < MAXTRY -> tries[a]++ :: else fi }
inline guard_do_forget_count(a, v) { tries[a] = 0 }
inline path_do_point_at_none(a, v) { endpoint[a] = 0 }
inline path_do_point_at_relay(a, v) { assert(carries(a)); endpoint[a] = 1 }	/* never at something closed */
inline path_do_point_at_ice(a, v) { assert(alive[a]); endpoint[a] = 2 }
inline wg_watch_do_baseline(a, v) { doubted[a] = false }
inline wg_watch_do_note_doubt(a, v) { doubted[a] = true }
inline wg_watch_do_note_good(a, v) { doubted[a] = false }

#include "machines.pml"
#include "wire.pml"

/* ---- outside: fast things come at once, slow things (timers) when nothing fast is left, each once a round ---- */
#define IS(m, st, a) (m##_state[a] == m##_##st)
#define CAN_SELECT(a) (IS(ice_session, checking, a) && pairok)
#define CAN_ANSWER(a) ((IS(ice_session, doubtful, a) || IS(ice_session, lurking, a)) && pairok)
#define CAN_MAP(a) (unmapped[a] && (IS(ice_session, checking, a) || IS(ice_session, lurking, a)))	/* STUN servers answer */
#define CAN_ONLINE(a) (relay_channel_holds_entry(a) && asked[a] && link[a] && link[O(a)])
#define FAST(a) (len(sig[a]) > 0 || CAN_SELECT(a) || CAN_ANSWER(a) || CAN_MAP(a) || CAN_ONLINE(a) || notice[a] || !link[a])
#define QUIET (!FAST(0) && !FAST(1))
#define SLOW_ICE(a) (alive[a] && !pairok)
#define SLOW_WATCH(a) (IS(wg_watch, armed, a) || (IS(wg_watch, good, a) && !up))
#define SLOW_TICK(a) IS(guard, seeking, a)
#define SLOW_RELAY(a) ((IS(relay_channel, opening, a) && !asked[a]) || (IS(relay_channel, reopening, a) && !asked[a]) || IS(relay_channel, checking, a))
/* the slow guard's tick comes after all that could go on without it; asking the old pair for ever is not such a thing */
#define LEADS(a) (SLOW_WATCH(a) || SLOW_TICK(a) || SLOW_RELAY(a) || (SLOW_ICE(a) && !IS(ice_session, lurking, a)))
#define DUE_HOUR(a) (IS(guard, slow, a) && !LEADS(0) && !LEADS(1) && !(fired[a] & 8))
#define DUE(a) (DUE_HOUR(a) || (SLOW_ICE(a) && !(fired[a] & 1)) || (SLOW_WATCH(a) && !(fired[a] & 2)) || (SLOW_TICK(a) && !(fired[a] & 4)) || (SLOW_RELAY(a) && !(fired[a] & 16)))
#define ANYSLOW(a) (IS(guard, slow, a) || SLOW_ICE(a) || SLOW_WATCH(a) || SLOW_TICK(a) || SLOW_RELAY(a))

inline drain(a) {	/* run to completion: the queue is empty before the next thing from outside is looked at */
	do
	:: q[a]?cur,arg -> dispatch(a, cur, arg)
	:: empty(q[a]) -> break
	od; cur = 0; arg = 0 }
inline settle(a) {	/* forget what no longer means anything, start a new round, check */
	if :: wg_watch_state[a] == wg_watch_off -> doubted[a] = false :: else fi;
	if :: QUIET && !DUE(0) && !DUE(1) && (ANYSLOW(0) || ANYSLOW(1)) -> fired[0] = 0; fired[1] = 0 :: else fi;
	is_up = up; is_pair = direct; is_silent = IS(guard, settled, 0) && IS(guard, settled, 1);
	is_whole = IS(path, both, 0) && IS(path, both, 1);
	assert(endpoint[a] != 2 || IS(ice_session, connected, a) || IS(ice_session, doubtful, a));
	assert(endpoint[a] != 1 || carries(a));
	assert((endpoint[a] != 0) == (wg_watch_state[a] != wg_watch_off));
	assert(alive[a] == (ice_session_state[a] != ice_session_none));
	assert((endpoint[a] == 2) == (path_state[a] == path_ice || path_state[a] == path_both));
	x = 0; k = 0; s = 0; l = 0 }
inline ice_fails(a) { if
	:: IS(ice_session, checking, a) || IS(ice_session, lurking, a) -> POST(a, ev_ice_session_limit, 0)
	:: IS(ice_session, connected, a) -> POST(a, ev_ice_session_silent, 0)
	:: IS(ice_session, doubtful, a) -> POST(a, ev_ice_session_verdict, 0) fi }
inline watch_fires(a) { if
	:: IS(wg_watch, armed, a) && !up && doubted[a] -> POST(a, ev_wg_watch_first, 0)
	:: else -> POST(a, ev_wg_watch_look, 0) fi }
inline relay_fails(a) { if :: IS(relay_channel, checking, a) -> POST(a, ev_relay_channel_answer, 0) :: else -> POST(a, ev_relay_channel_presence, 0) fi }
/* our link to the relay server goes; the server tells the peer, if it still can */
inline link_goes(a, tell) {
	link[a] = false; rlive[a] = false; asked[a] = false; notice[a] = false; POST(a, ev_relay_channel_link_lost, 0);
	if :: tell && link[O(a)] && relay_channel_holds_entry(O(a)) -> notice[O(a)] = true :: else fi }

proctype agent(byte a) {
end:	do :: atomic { if
	:: len(sig[a]) > 0 -> sig[a]?k,s,l;
		if :: (k & 1) == OFFER -> POST(a, ev_handshake_offer, PACK(k, s, l)) :: else -> POST(a, ev_handshake_answer, PACK(k, s, l)) fi
	:: CAN_SELECT(a) -> POST(a, ev_ice_session_selected, 0)
	:: CAN_ANSWER(a) -> POST(a, ev_ice_session_answered, 0)
	:: CAN_MAP(a) -> POST(a, ev_ice_session_mapped, 0)
	:: CAN_ONLINE(a) -> asked[a] = false; POST(a, ev_relay_channel_online, 0)
	:: notice[a] -> notice[a] = false; POST(a, ev_relay_channel_offline, 0)
	:: !link[a] -> link[a] = true; POST(a, ev_relay_channel_link_up, 0);
		if :: link[O(a)] && relay_channel_holds_entry(O(a)) -> asked[O(a)] = true :: else fi	/* the server tells those who asked */
	:: QUIET && SLOW_ICE(a) && !(fired[a] & 1) -> fired[a] = fired[a] | 1; ice_fails(a)
	:: QUIET && SLOW_WATCH(a) && !(fired[a] & 2) -> fired[a] = fired[a] | 2; watch_fires(a)
	:: QUIET && SLOW_TICK(a) && !(fired[a] & 4) -> fired[a] = fired[a] | 4; POST(a, ev_guard_tick, 0)
	:: QUIET && SLOW_RELAY(a) && !(fired[a] & 16) -> fired[a] = fired[a] | 16; relay_fails(a)
	:: QUIET && DUE_HOUR(a) -> fired[a] = fired[a] | 8; POST(a, ev_guard_tick, 0)
	/* bad luck, while the budget lasts */
	:: budget > 0 && alive[a] -> budget--; ice_fails(a)
	:: budget > 0 && !QUIET && SLOW_WATCH(a) -> budget--; watch_fires(a)
	:: budget > 0 && !QUIET && SLOW_TICK(a) -> budget--; POST(a, ev_guard_tick, 0)
	:: budget > 0 && relay_channel_holds_entry(a) && link[a] -> budget--; link_goes(a, true)
	:: budget > 0 && relay_channel_holds_entry(a) && link[a] -> budget--; link_goes(a, false)
	:: budget > 0 && relay_channel_holds_entry(a) && link[a] -> budget--; POST(a, ev_relay_channel_offline, 0)
	:: budget > 0 && relay_channel_state[a] != relay_channel_idle -> budget--; POST(a, ev_relay_channel_close, 0)
	:: budget > 0 && len(sig[a]) > 0 -> budget--; sig[a]?k,s,l		/* lost */
	:: budget > 0 && len(sig[a]) > 0 && nfull(sig[a]) -> budget--; sig[a]?k,s,l;		/* delivered, and later again */
		if :: k == OFFER -> POST(a, ev_handshake_offer, PACK(k, s, l)) :: k == ANSWER -> POST(a, ev_handshake_answer, PACK(k, s, l)) :: else fi;
		sig[a]!(k | LATE),s,l
	:: budget > 0 && rlive[a] -> budget--; rlive[a] = false			/* relay entry dead, nobody told */
	:: budget > 0 -> budget--; fresh(a); life[a] = x; unmapped[a] = true	/* NAT rebinding: silent */
	:: budget > 0 -> budget--;				/* we moved, and noticed */
		if :: fresh(a); life[a] = x; unmapped[a] = true :: skip fi;
		POST(a, ev_ice_session_net_change, 0); POST(a, ev_wg_watch_net_change, 0); POST(a, ev_guard_net_change, 0)
	fi; drain(a); settle(a) } od	/* one copy of the step a process: pan.c is six times smaller */
}

proctype outside() {
end:	do
	:: atomic { budget > 0 && dir_up -> budget--; dir_up = false; settle(0) }
	:: atomic { !dir_up -> dir_up = true; settle(0) }
	:: atomic { budget > 0 && (rlive[0] || rlive[1]) -> budget--; rlive[0] = false; rlive[1] = false; settle(0) }	/* the relay server forgets */
	od }
init { atomic { run agent(0); run agent(1); run outside() } }

ltl carries_all { <>[] is_up }
ltl is_direct { <>[] dir_up -> <>[] is_pair }
ltl silent { <>[] dir_up -> <>[] is_silent }
ltl whole { <>[] dir_up -> <>[] is_whole }
