/* SPDX-License-Identifier: ISC
 * peers-world.pml -- six machines of two agents, a signal channel each way, a
 * direct path, a relay server.  The README of tests/model says what is left out.
 * together agent handshake ice-session relay-channel path wg-watch guard
 * bounds 1
 * full 2
 * keep KEEP_BUG_B1 settles 1
 * keep KEEP_BUG_B2 keeps_channel 1
 * keep KEEP_BUG_STALE carries_all 2
 * keep KEEP_BUG_STANDBY armed 1
 * keep KEEP_BUG_GIVE_UP settles 1
 * keep KEEP_BUG_ID names_one 1
 * keep KEEP_BUG_C answer_names 1
 * keep KEEP_BUG_BREAK stale_is_nothing 1
 * keep KEEP_BUG_WAY stale_is_nothing 1
 * keep KEEP_BUG_GEN heeds_news 1
 * keep KEEP_BUG_NAMELESS settles 1
 * keep KEEP_BUG_MUTE mute 1
 * mode COUNT calm
 * mode IDLE acts
 *
 * What must hold after every turn, by its name in MUST() below:
 *	validated	data goes only to a pair that answered, to a relay that said the peer is there
 *	one_endpoint	what WireGuard was given is what the path says it is
 *	nothing_closed	the endpoint refers to nothing that was closed
 *	watched		no path, no endpoint, no watcher; and one of each otherwise
 *	knows_its_paths	the path knows of a pair or a channel exactly while there is one
 *	lost_after_ready	"lost" is said after "ready" of the same agent or channel, once
 *	stale_is_nothing	a report of what is gone changes nothing
 *	bounded		no queue overflows, every turn ends
 *	answered	an offer is answered in the turn that read it, whatever else goes on
 *	answer_first	no candidate of a session leaves before its answer
 *	answer_names	an answer carries the id of the agent that the offer met
 *	names_one	an offer never carries the id of an agent that is gone
 *	one_agent	at most one agent; its remote is the one heard of last
 *	mute		nothing leaves for a peer that was closed
 *	keeps_channel	an offer leaves a channel that works alone
 *	heeds_news	a newer generation makes us ask the path now, not by a timer
 *	armed		something is missing: an offer's timer runs
 *	calm		after the last fault an agent's endpoint moves 4 times at most for each fault
 */
#define AGENTS 2
#ifndef FAULTS
#define FAULTS 1		/* how many bad things may happen in all, of any kind */
#endif
#ifndef SIG
#define SIG 4			/* signal messages in flight, each way */
#endif
#define QLEN 8			/* events that wait in an agent's FIFO */
#define TURN 30			/* events of one turn: it ends */
#define O(a) (1 - (a))
#define RUN(step) d_step { step }; skip	/* the skip: or spin counts all of them as one */

#ifdef REPLAY
#include "replay.pml"		/* tests/conform: nothing is proved, what was seen must be possible */
#else
/* A property by name: the check prints each with the states of its run. */
#define MUST(name, cond) if :: (cond) -> skip :: else -> printf("BROKEN: "); printf(#name); printf("\n"); assert(false) fi
#define ROW(a, text) printf(text); c_code { static char hit; if (!hit) { hit = 1; printf("hit: %s", text); } }
#define STALE(a, e) printf("BROKEN: unawaited %d\n", e); assert(false)	/* the world offers an event only to the state that waits for it */
#define MAXTRY 1		/* the code: four tries while only the relay carries; the number is not the point */
#define PATIENCE 1		/* the code: fourteen while only the pair carries */
/* what may happen next, and what it costs; a replay (tests/conform) says these in its own way */
#define FAST_ACT(n, cond) :: (cond) -> act = n
#define SLOW_ACT(n, bit, cond, rests) :: QUIET && (cond) && (rests) && !(fired[a] & bit) -> act = n
/* the agents are alike: the first thing that befalls one of them befalls agent 0 */
#define LUCK(n, cond) :: budget > 0 && (a == 0 || budget < FAULTS) && (cond) -> act = n
#define FAULT(cond) budget > 0 && (cond) -> budget--
#define MENDED !dir_up
#define PAY budget--
#define REPEATS(a) (HUSH && AGAIN(a))
#define BEHIND(a) false		/* that one is lost when it comes to be the first */
#define SEEN true		/* in a replay: what nobody can notice yet may as well happen later */
#define SAID true
#define TOLD true
#define MATTERS(a) true
#define RUNNING
#define BEGIN(a) skip
#define FIRST
#define MORE(a)
#define NOTHING
#define END(a) skip
#define HIDDEN hidden
#define Q q
#endif

/* One FIFO, drained within one step, so it is empty whenever a state is stored. */
HIDDEN short q[TURN + 4];
byte qh, qt, cur;
short arg;		/* not hidden: Spin tries the other branches after it went back */
bool stale;
#define POST(a, e, v) c_code { Q[now.qt++] = (e) * 512 + now.v; }
#define PUT(e, v) q[qt] = (e) * 512 + (v); qt++

/* A message, which is also the argument of the events it makes. */
#define OFFER 1
#define ANSWER 2
#define CAND 3
#define ID(v) (((v) >> 2) & 7)
#define GEN 32			/* says the newest generation of the sender's network */
#define CANDS 64		/* the sender's candidates come with it, and lead to its agent */
#define KEY 128			/* its credentials are the sender's */
#define REL 256			/* the sender was at the relay server when it said that */
#define ALL 511
short sig[AGENTS * SIG];		/* on the way to agent a, in order; 0: none */
short late[AGENTS];		/* held up somewhere: comes at any time, or never */

/* Session ids of agent a have small numbers, dealt anew after each step in the
 * order of the places that hold one; only whether two are equal counts. */
byte sid[AGENTS] = 1;		/* what an offer or answer of ours says */
bool used[AGENTS];		/* an agent was made under it */
bool worn[AGENTS];		/* the next offer renews it */
byte aid[AGENTS];		/* the name of our agent; 0: none */
byte rid[AGENTS];		/* the remote's, as our agent knows it */
byte seen[AGENTS];		/* as our handshake knows it */
byte ret[AGENTS];		/* remote ids that were replaced, a bit each */
bool cand[AGENTS];		/* we have candidates that lead to the remote's agent */
bool key[AGENTS];		/* our agent's credentials are those of the remote's agent */
bool hgen[AGENTS], rgen[AGENTS], cgen[AGENTS];	/* handshake, session, channel know the remote's newest generation */
bool away[AGENTS];		/* our signal stream is down, and we know it */
bool hrel[AGENTS], trel[AGENTS];	/* the remote was at the relay when it spoke last, as we know it; we were */
bool unmapped[AGENTS];		/* our router forgot us, and we have not told the remote yet */
bool rep[AGENTS];		/* candidates were repeated */
bool was[AGENTS];		/* a pair was good once */
bool told[AGENTS], dead[AGENTS];	/* ghosts: the path was told of a pair; of one whose agent is gone */
bool rtold[AGENTS];		/* of a channel */
bool valid[AGENTS];		/* the pair answered, in this agent's life */
bool there[AGENTS];		/* the server said that the peer is there, in this entry's life */

byte budget = FAULTS;
bool is_up, is_pair, is_all;	/* for the properties: functions of the rest, so they add no state */
bool dir_up = true;		/* packets pass between the two networks */
bool link[AGENTS] = true;	/* our connection to the relay server */
bool cut[AGENTS];		/* it is gone, and we have not read that yet */
bool rlive[AGENTS];		/* ghost: what we sent over the relay would arrive, were the peer there */
bool asked[AGENTS];		/* we asked the server whether the peer is there, and it has not said */
bool notice[AGENTS];		/* the server said "offline" and we have not read it yet */
bool doubted[AGENTS];		/* the watcher said so once */
bool stuck[AGENTS];		/* and asked the peer to look at its own end */
byte tries[AGENTS];
byte fired[AGENTS];		/* slow things that happened in this round */
byte endpoint[AGENTS];		/* what WireGuard was given: 0 none, 1 relay, 2 direct */
#ifdef COUNT
byte moved[AGENTS];		/* times the endpoint moved since the last fault */
#define CALM (4 * FAULTS)
#endif
byte act;			/* what happens next; 0 whenever a state is stored */
hidden short x;
hidden byte i, k, said, owed, newer, news, had, stood, gone, map[8];
HIDDEN byte span;		/* 1: the host slept, what was young is old; 2: only a moment went by */
hidden byte held, noted, renew, made, closed;
hidden short msg, kept;
hidden byte owes;
hidden int before;
#define NOWHERE 99
hidden byte to = NOWHERE;	/* the state that a row leads to */

#include "states.pml"

/* ---- what the guards mean ---- */
#define handshake_if_late_copy(a, v) ((ret[a] >> ID(v)) & 1 || (hgen[a] && !((v) & GEN)))
#define handshake_if_reborn(a, v) false		/* only saves time */
#define handshake_if_kept_offer(a, v) owes	/* two were read in one turn */
#define handshake_if_kept(a, v) (kept != 0)
#define ice_session_if_no_ice(a, v) false
#define ice_session_if_same_session(a, v) (ID(v) == rid[a])
#define ice_session_if_same_but_newer(a, v) (ID(v) == rid[a] && ((v) & GEN) && !rgen[a])
#define ice_session_if_nameless(a, v) (!used[a])
#define ice_session_if_news(a, v) unmapped[a]
#define ice_session_if_may_nominate(a, v) false
#define ice_session_if_better(a, v) false
#define wg_watch_if_unopened(a, v) false
#define wg_watch_if_stuck(a, v) (endpoint[a] == 1 && !up && doubted[a] && !stuck[a] && !HUSHED && span != 2)
#define ice_session_if_spare(a, v) false
#define ice_session_if_picked(a, v) ((v) == 1)
#define ice_session_if_other_pair(a, v) false
#define ice_session_if_stock(a, v) false
#define ice_session_if_due(a, v) true
#define ice_session_if_was_good(a, v) was[a]
#define relay_channel_if_no_relay(a, v) (!((v) & REL))
#define in_relay(a) (link[a] || cut[a])		/* as far as we know */
#define relay_channel_if_link_ready(a, v) in_relay(a)
#define relay_channel_if_at_home(a, v) true
#define relay_channel_if_same_place(a, v) true
#define relay_channel_if_elsewhere_ready(a, v) false
#define relay_channel_if_elsewhere(a, v) false
#define relay_channel_if_renewed(a, v) (((v) & GEN) && !cgen[a])
#define path_if_other_way(a, v) ((v) == 1)
#define carries(a) (relay_channel_state[a] == relay_channel_open || relay_channel_state[a] == relay_channel_checking)
/* two agents that were made for each other, and know where the other is: nothing of theirs outlives them */
#define knows(a) (aid[a] != 0 && rid[a] == aid[O(a)] && cand[a] && key[a])
#define pairok (dir_up && knows(0) && knows(1))
#define relayok (link[0] && link[1] && rlive[0] && rlive[1] && carries(0) && carries(1))
#define flow(a) ((endpoint[a] == 2 && pairok) || (endpoint[a] == 1 && relayok))
#define up (flow(0) && flow(1))
#define wg_watch_if_heard(a, v) up
#define wg_watch_if_unanswered(a, v) (!up && !doubted[a] && !HUSHED)
#define wg_watch_if_still(a, v) (!up && doubted[a] && span == 2)	/* to be silent is to be dead here, but for bad luck */
#define wg_watch_if_owed(a, v) (!up)
#define wg_watch_if_dead(a, v) (!up && (span == 1 || (doubted[a] && span == 0 && !wg_watch_if_stuck(a, v))) && !HUSHED)
#define wg_watch_if_hushed(a, v) false
#define wg_watch_if_stale(a, v) false
#define wg_watch_if_idle(a, v) HUSHED
#define wg_watch_if_old_handshake(a, v) false
#ifdef IDLE		/* nobody says anything: the watchers see nothing, and who moves must be heard */
#define HUSHED true
#else
#define HUSHED false
#endif
#define has_all(a) (path_state[a] == path_both || (path_state[a] == path_ice && !hrel[a]))	/* a remote without a relay is to say when it has one */
#define guard_if_all_up(a, v) (has_all(a) && in_relay(a) == trel[a])
#define guard_if_under_way(a, v) (tries[a] > 0 && ice_session_state[a] == ice_session_checking && (path_state[a] == path_relay || !hrel[a]))
#define guard_if_enough(a, v) (path_state[a] != path_none && tries[a] >= ((path_state[a] == path_ice && hrel[a]) -> PATIENCE : MAXTRY))
#define guard_if_cut_off(a, v) (path_state[a] == path_none)
#define guard_if_unused(a, v) false	/* somebody wants to talk */
#define guard_if_forlorn(a, v) false

/* ---- what the actions mean; those not named mean nothing here ----
 * Long ones are noted down and done behind the row, once: a step has its limits. */
inline ice_session_do_renew_id(a, v) { renew = true }
inline ice_session_do_expire_id(a, v) { worn[a] = true }
inline ice_session_do_new_agent(a, v) { made = true }
inline ice_session_close_agent(a) { closed = true }
inline ice_session_do_note_generation(a, v) { rgen[a] = ((v) & GEN) != 0 }
inline ice_session_do_keep_candidate(a, v) { cand[a] = ((v) & CANDS) != 0 }
inline ice_session_do_select(a, v) { was[a] = true; worn[a] = false }
inline ice_session_do_count_again(a, v) { rep[a] = true }
inline relay_channel_do_join(a, v) { asked[a] = link[a]; rlive[a] = link[a]; there[a] = false }
inline relay_channel_do_subscribe(a, v) { asked[a] = link[a] }
inline relay_channel_do_leave(a, v) { relay_channel_close_entry(a) }
inline relay_channel_close_entry(a) { asked[a] = false; rlive[a] = false; notice[a] = false }
inline relay_channel_do_choose(a, v) { cgen[a] = ((v) & GEN) != 0 }
inline relay_channel_do_note_generation(a, v) { cgen[a] = ((v) & GEN) != 0 }
inline handshake_do_note_seen(a, v) { noted = true }
inline handshake_do_keep_latest(a, v) { if :: ((v) & 3) == OFFER -> owes = true :: else fi; kept = (v) }
inline handshake_do_take_kept(a, v) { arg = (owes -> (kept & (ALL - 3)) | OFFER : kept); kept = 0; owes = false; noted = true }
inline handshake_do_send_offer(a, v) { msg = OFFER }
inline handshake_do_send_answer(a, v) { msg = ANSWER }
inline handshake_do_send_candidates(a, v) { msg = CAND | CANDS }
inline handshake_do_hold_candidates(a, v) { held = true }
inline handshake_do_send_held(a, v) { if :: held -> msg = msg | CANDS :: else fi }	/* in the same breath as the answer */
inline guard_do_back_off(a, v) { if :: tries[a] < PATIENCE -> tries[a]++ :: else fi }
inline guard_do_wait_long(a, v) { guard_do_back_off(a, v) }
inline guard_do_forget_count(a, v) { tries[a] = 0 }
inline path_do_point_at_none(a, v) { endpoint[a] = 0 }
inline path_do_point_at_relay(a, v) { endpoint[a] = 1 }
inline path_do_point_at_ice(a, v) { endpoint[a] = 2 }
inline wg_watch_do_baseline(a, v) { doubted[a] = false }
inline wg_watch_do_note_doubt(a, v) { doubted[a] = true }
inline wg_watch_do_note_stuck(a, v) { stuck[a] = true }
inline wg_watch_do_note_good(a, v) { doubted[a] = false }

/* ---- and behind the row ---- */
inline push(b, m) {
	i = (b) * SIG;
	do :: i < (b) * SIG + SIG && sig[i] != 0 -> i++ :: else -> break od;
	if
	:: (m & 3) == CAND && i > (b) * SIG && (sig[i - 1] & 3) == CAND -> sig[i - 1] = m	/* told twice in a row */
	:: else -> if :: i < (b) * SIG + SIG -> sig[i] = m :: else -> MUST(bounded, false) fi
	fi }
inline take(b, m) {
	m = sig[(b) * SIG];
	i = (b) * SIG; do :: i < (b) * SIG + SIG - 1 -> sig[i] = sig[i + 1]; i++ :: else -> break od;
	sig[(b) * SIG + SIG - 1] = 0 }
/* what is on the way to b loses a bit; candidates alone that lead nowhere are nothing */
inline strip(b, flag) {
	i = (b) * SIG; k = i;
	do :: i < (b) * SIG + SIG ->
		x = sig[i] & (ALL - flag); sig[i] = 0;
		if :: x != 0 && ((x & 3) != CAND || (x & CANDS)) -> sig[k] = x; k++ :: else fi;
		i++
	:: else -> break od;
	late[b] = late[b] & (ALL - flag);
	if :: (late[b] & 3) == CAND && !(late[b] & CANDS) -> late[b] = 0 :: else fi }
inline deliver(a, m) {
	if
	:: (m & 3) == OFFER -> PUT(ev_handshake_offer, m)
	:: (m & 3) == ANSWER -> PUT(ev_handshake_answer, m)
	:: else fi;
	if :: m & CANDS -> PUT(ev_handshake_candidate, m) :: else fi }
inline fresh(a) {	/* an id that is nowhere */
	i = 0; do :: i < 8 -> map[i] = 0; i++ :: else -> break od;
	map[sid[a]] = 1; map[aid[a]] = 1; map[seen[O(a)]] = 1; map[rid[O(a)]] = 1; map[ID(late[O(a)])] = 1;
	i = O(a) * SIG; do :: i < O(a) * SIG + SIG -> map[ID(sig[i])] = 1; i++ :: else -> break od;
	x = 1;
	do :: x < 8 && map[x] -> x++ :: else -> break od;
	MUST(bounded, x < 8);
	sid[a] = x % 8; used[a] = false; ret[O(a)] = ret[O(a)] & (255 - (1 << x)) }
/* the candidates of an agent die with it */
inline dies(a) { cand[O(a)] = false; strip(O(a), CANDS); dead[a] = told[a]; valid[a] = false }
inline hears(a, v) {
	if :: seen[a] != 0 && seen[a] != ID(v) -> ret[a] = ret[a] | (1 << seen[a]) :: else fi;
	seen[a] = ID(v); hgen[a] = ((v) & GEN) != 0; hrel[a] = ((v) & REL) != 0;
	newer = ((v) & GEN) && !rgen[a] && ice_session_state[a] == ice_session_connected;
	news = ((v) & GEN) && ((v) & REL) && !cgen[a] && relay_channel_state[a] == relay_channel_open;
	owed = (((v) & 3) == OFFER) }
inline consequences(a, v) {
	if :: noted -> noted = false; hears(a, v) :: else fi;
	if :: (renew || (msg == OFFER && worn[a] && !away[a])) && used[a] -> fresh(a) :: else fi;
	if :: renew || made || (msg == OFFER && !away[a]) -> worn[a] = false :: else fi;
	renew = false;
	if
	:: closed && used[a] -> key[O(a)] = false; strip(O(a), KEY)	/* its id was kept: the next agent under it has other credentials */
	:: else fi;
	if
	:: closed || (made && aid[a] != 0) -> dies(a); cand[a] = false	/* what came when there was none is kept for the next */
	:: else fi;
	if :: closed -> closed = false; aid[a] = 0; rid[a] = 0; key[a] = false; rgen[a] = false :: else fi;
	if
	:: made -> made = false; aid[a] = sid[a]; used[a] = true; rep[a] = false;
		rid[a] = ID(v); key[a] = ((v) & KEY) != 0; rgen[a] = ((v) & GEN) != 0
	:: else fi;
	if
	:: msg && away[a] -> if :: msg & CANDS -> unmapped[a] = false :: else fi; msg = 0	/* not said; that we know it is left out */
	:: msg && !away[a] -> MUST(mute, !gone);
		if
		:: (msg & 3) == OFFER -> MUST(names_one, !used[a] || aid[a] == sid[a])	/* it names no agent that is gone */
		:: (msg & 3) == ANSWER -> owed = false; said = sid[a]
		:: (msg & 3) == CAND -> MUST(answer_first, !owed)
		fi;
		if :: msg & CANDS -> unmapped[a] = false :: else fi;
		if :: (msg & 3) != CAND -> trel[a] = in_relay(a); msg = msg | (sid[a] << 2) | GEN | KEY | (trel[a] -> REL : 0) :: else fi;
		if :: away[O(a)] -> skip :: else -> push(O(a), msg) fi; msg = 0
	:: else fi }

#include "machines.pml"
#include "wire.pml"

/* ---- outside: fast things come at once, slow things (timers) when nothing fast is left, each once a round ---- */
#define IS(m, st, a) (m##_state[a] == m##_##st)
#define HAS(a) (sig[(a) * SIG] != 0 && !away[a])
#define CAN_SELECT(a) ((IS(ice_session, checking, a) || IS(ice_session, doubtful, a) || IS(ice_session, lurking, a)) && pairok)	/* a pair made later, too */
#define CAN_ANSWER(a) ((IS(ice_session, doubtful, a) || IS(ice_session, lurking, a)) && pairok)
#define CAN_MAP(a) (unmapped[a] && (IS(ice_session, checking, a) || IS(ice_session, lurking, a)))	/* STUN servers answer */
#define CAN_ONLINE(a) (relay_channel_holds_entry(a) && asked[a] && link[a] && (link[O(a)] || !cut[O(a)]))	/* we may hear of it before it does */
#define FAST(a) (HAS(a) || CAN_SELECT(a) || CAN_ANSWER(a) || CAN_MAP(a) || CAN_ONLINE(a) || notice[a] || !link[a] || away[a])
#define HUSH (!FAST(0) && !FAST(1))
/* candidates are said again long before any other timer; where the remote has them that means nothing */
#define AGAIN(a) (IS(ice_session, checking, a) && !rep[a] && !cand[O(a)])
#define QUIET (HUSH && !AGAIN(0) && !AGAIN(1))
#define SLOW_ICE(a) (aid[a] != 0 && !pairok && !(HUSHED && IS(ice_session, connected, a)))
#define SLOW_WATCH(a) (IS(wg_watch, armed, a) || (IS(wg_watch, good, a) && (!up || HUSHED)))
/* a handshake is answered where it came from, and what arrives by any way is heard */
#define reaches(a) ((endpoint[a] == 2 && pairok) || (endpoint[a] == 1 && link[0] && link[1] && rlive[0] && rlive[1]))
#define CAN_SHAKE(a) (IS(wg_watch, armed, a) && (reaches(0) || reaches(1)))
#define OTHER_WAY(a) (IS(wg_watch, good, a) && endpoint[a] != endpoint[O(a)] && reaches(O(a)))
#define SLOW_TICK(a) IS(guard, seeking, a)
#define SLOW_RELAY(a) ((IS(relay_channel, opening, a) && !asked[a]) || (IS(relay_channel, reopening, a) && !asked[a]) || IS(relay_channel, checking, a))
/* the slow guard's tick comes after all that could go on without it; asking the old pair for ever is not such a thing */
#define LEADS(a) (SLOW_WATCH(a) || SLOW_TICK(a) || SLOW_RELAY(a) || (SLOW_ICE(a) && !IS(ice_session, lurking, a)))
#define DUE_HOUR(a) (IS(guard, slow, a) && !LEADS(0) && !LEADS(1) && !(fired[a] & 8))
#define DUE(a) (DUE_HOUR(a) || (SLOW_ICE(a) && !(fired[a] & 1)) || (SLOW_WATCH(a) && !(fired[a] & 2)) || (SLOW_TICK(a) && !(fired[a] & 4)) || (SLOW_RELAY(a) && !(fired[a] & 16)))
#define ANYSLOW(a) (IS(guard, slow, a) || SLOW_ICE(a) || SLOW_WATCH(a) || SLOW_TICK(a) || SLOW_RELAY(a))

#define SNAP(a) ((((((((handshake_state[a] * 8 + ice_session_state[a]) * 8 + relay_channel_state[a]) * 4 + path_state[a]) * 4 + wg_watch_state[a]) * 4 + guard_state[a]) * 4 + endpoint[a]) * 8 + sid[a]) * 8 + aid[a])
/* reports of what is gone; the runtime drops those of a resource, these reach the tables */
inline late_reports(a) {
	PUT(ev_ice_session_selected, 0);
	if :: !unmapped[a] -> PUT(ev_ice_session_mapped, 0) :: else fi;
	if :: endpoint[a] != 2 -> PUT(ev_path_ice_down, 0) :: else fi;
	PUT(ev_path_relay_down, 1);
	if :: IS(relay_channel, open, a) -> PUT(ev_relay_channel_online, 0) :: else fi;
	i = 1; do :: i < 8 -> if :: (ret[a] >> i) & 1 -> PUT(ev_handshake_offer, OFFER | (i << 2) | GEN | KEY); break :: else fi; i++ :: else -> break od }
inline drain(a) {	/* run to completion: the queue is empty before the next thing from outside is looked at */
	do
	:: qh < qt ->
	   d_step { MUST(bounded, qt - qh <= QLEN && qt <= TURN);
		cur = q[qh] / 512; arg = q[qh] % 512; qh++;
#ifndef KEEP_BUG_MUTE	/* the runtime's rule: who is freed drops its queue */
		if :: gone -> cur = 0 :: else fi;
#endif
		if
		:: stale -> skip
		:: else -> if
			:: cur == ev_path_ice_up -> MUST(lost_after_ready, !dead[a]); told[a] = true
			:: cur == ev_path_ice_down -> MUST(lost_after_ready, told[a]); told[a] = false; dead[a] = false
			:: cur == ev_path_relay_up -> rtold[a] = true
			:: cur == ev_path_relay_down -> MUST(lost_after_ready, rtold[a]); rtold[a] = false
			:: else fi
		fi };
		if :: cur == 0 -> skip :: else -> dispatch(a, cur, arg) fi;
		d_step { consequences(a, arg) }; skip
	:: qh == qt && !stale -> d_step { stale = true; printf("late\n"); before = SNAP(a); qh = 0; qt = 0; late_reports(a) }; skip
	:: else -> MUST(stale_is_nothing, before == SNAP(a)); break
	od }
#define NAME(v) if :: (v) != 0 && map[v] == 0 -> map[v] = k; k++ :: else fi
#define RENAME(m) (((m) & (ALL - 28)) | (map[ID(m)] << 2))
inline deal(a) {	/* new small numbers for the ids of agent a */
	i = 0; do :: i < 8 -> map[i] = 0; i++ :: else -> break od
	k = 1; NAME(sid[a]); NAME(aid[a]); NAME(seen[O(a)]); NAME(rid[O(a)]);
	i = O(a) * SIG; do :: i < O(a) * SIG + SIG -> NAME(ID(sig[i])); i++ :: else -> break od
	NAME(ID(late[O(a)]));
	x = 0;
	i = 1; do :: i < 8 -> if :: map[i] != 0 && ((ret[O(a)] >> i) & 1) -> x = x | (1 << map[i]) :: else fi; i++ :: else -> break od
	ret[O(a)] = x;
	sid[a] = map[sid[a]]; aid[a] = map[aid[a]]; seen[O(a)] = map[seen[O(a)]]; rid[O(a)] = map[rid[O(a)]];
	i = O(a) * SIG; do :: i < O(a) * SIG + SIG -> sig[i] = RENAME(sig[i]); i++ :: else -> break od
	late[O(a)] = RENAME(late[O(a)]) }
#define PAIR(a) (IS(ice_session, connected, a) || IS(ice_session, doubtful, a))
inline holds(a) {	/* what must hold between turns */
	MUST(one_endpoint, (endpoint[a] == 2) == (IS(path, ice, a) || IS(path, both, a)) && (endpoint[a] == 1) == IS(path, relay, a));
	MUST(nothing_closed, (endpoint[a] != 2 || PAIR(a)) && (endpoint[a] != 1 || carries(a)));
	MUST(validated, (endpoint[a] != 2 || valid[a]) && (endpoint[a] != 1 || there[a]));
	MUST(watched, (endpoint[a] != 0) == !IS(wg_watch, off, a));
	MUST(lost_after_ready, !dead[a] && told[a] == PAIR(a) && rtold[a] == carries(a));
	MUST(knows_its_paths, told[a] == (endpoint[a] == 2) && rtold[a] == (IS(path, relay, a) || IS(path, both, a)));
	MUST(armed, !IS(guard, settled, a) || has_all(a));	/* no lost wake-up */
	MUST(answered, !owed && IS(handshake, ready, a));
#ifndef KEEP_BUG_NAMELESS	/* it must fail where it hurts: the pair never gets direct */
	MUST(answer_names, said == 0 || said == aid[a]);
#endif
	MUST(heeds_news, (!newer || !IS(ice_session, connected, a)) && (!news || !IS(relay_channel, open, a)));
	MUST(keeps_channel, !had || carries(a));
	MUST(one_agent, (aid[a] != 0) == !IS(ice_session, none, a) && (rid[a] == 0 || rid[a] == seen[a])) }
inline settle(a) {	/* forget what no longer means anything, start a new round, check */
	if :: gone -> gone = false; is_born(a) :: else fi;
	holds(a);
	if :: IS(wg_watch, off, a) -> doubted[a] = false :: else fi;
	if :: !PAIR(a) -> valid[a] = false :: else fi;
	if :: !carries(a) -> there[a] = false :: else fi;
	if :: IS(relay_channel, idle, a) -> cgen[a] = false :: else fi;
	if :: !IS(ice_session, checking, a) -> rep[a] = false :: else fi;
	deal(0); deal(1);
	if :: QUIET && aid[0] == 0 -> cand[0] = false :: else fi;	/* kept for five seconds */
	if :: QUIET && aid[1] == 0 -> cand[1] = false :: else fi;
	if :: QUIET && !DUE(0) && !DUE(1) && (ANYSLOW(0) || ANYSLOW(1)) -> fired[0] = 0; fired[1] = 0 :: else fi;
#ifdef COUNT
	if :: budget == 0 && stood != endpoint[a] && moved[a] <= CALM -> moved[a]++ :: else fi;
	MUST(calm, moved[a] <= CALM);
#endif
	if :: up || endpoint[0] != 1 -> stuck[0] = false :: else fi;	/* once in five minutes */
	if :: up || endpoint[1] != 1 -> stuck[1] = false :: else fi;
	is_up = up; is_pair = up && endpoint[0] == 2 && endpoint[1] == 2;
	is_all = is_pair && IS(path, both, 0) && IS(path, both, 1) && IS(guard, settled, 0) && IS(guard, settled, 1);
	qh = 0; qt = 0; said = 0; owed = 0; held = 0; span = 0; newer = 0; news = 0; had = 0; stale = 0; cur = 0; arg = 0; act = 0; i = 0; k = 0; x = 0 }
inline ice_fails(a) { if
	:: IS(ice_session, checking, a) || IS(ice_session, lurking, a) -> PUT(ev_ice_session_limit, 0)
	:: IS(ice_session, connected, a) -> PUT(ev_ice_session_silent, 0)
	:: IS(ice_session, doubtful, a) -> PUT(ev_ice_session_verdict, 0)
	:: else fi }
inline watch_fires(a) { if
	:: IS(wg_watch, armed, a) && !up && (doubted[a] || HUSHED) && !wg_watch_if_stuck(a, 0) -> PUT(ev_wg_watch_first, 0)
	:: else -> PUT(ev_wg_watch_look, 0) fi }
inline relay_fails(a) { if :: IS(relay_channel, checking, a) -> PUT(ev_relay_channel_answer, 0) :: else -> PUT(ev_relay_channel_presence, 0) fi }
/* our link to the relay server goes; the server tells the peer, if it still can */
inline link_goes(a) { link[a] = false; rlive[a] = false; asked[a] = false; notice[a] = false }
inline tell(b) { if :: link[b] && relay_channel_holds_entry(b) -> notice[b] = true :: else fi }
inline moves(a) { cand[O(a)] = false; strip(O(a), CANDS); unmapped[a] = true }
inline notices(a) {
	hgen[O(a)] = false; rgen[O(a)] = false; cgen[O(a)] = false; strip(O(a), GEN);
	PUT(ev_ice_session_net_change, 0); PUT(ev_wg_watch_net_change, 0); PUT(ev_guard_net_change, 0) }
inline is_born(a) {	/* closed, or killed, and made anew: nothing is left but what others know */
	dies(a); fresh(a); worn[a] = false; aid[a] = 0; rid[a] = 0; seen[a] = 0; ret[a] = 0;
	cand[a] = false; key[a] = false; hgen[a] = false; rgen[a] = false; cgen[a] = false; hrel[a] = false; trel[a] = false; away[a] = false; unmapped[a] = false;
	rep[a] = false; was[a] = false; told[a] = false; dead[a] = false; rtold[a] = false;
	rlive[a] = false; asked[a] = false; notice[a] = false; there[a] = false; doubted[a] = false; stuck[a] = false; tries[a] = 0; endpoint[a] = 0;
	handshake_state[a] = 0; ice_session_state[a] = 0; relay_channel_state[a] = 0; path_state[a] = 0; wg_watch_state[a] = 0; guard_state[a] = 0 }
inline perform(a) {
	stood = endpoint[a]; gone = false;
	printf("now\nagent %d: act %d\n", a, act);
	if
	:: act == 0 -> skip
	:: act == 1 -> had = carries(a); take(a, x); deliver(a, x)
	:: act == 2 -> x = late[a]; late[a] = 0; deliver(a, x)
	:: act == 3 -> valid[a] = true; PUT(ev_ice_session_selected, 1)
	:: act == 4 -> valid[a] = true; PUT(ev_ice_session_answered, 0)
	:: act == 5 -> PUT(ev_ice_session_mapped, 0)
	:: act == 6 -> asked[a] = false; there[a] = true; PUT(ev_relay_channel_online, 0)
	:: act == 7 -> notice[a] = false; PUT(ev_relay_channel_offline, 0)
	:: act == 8 && cut[a] -> cut[a] = false; PUT(ev_relay_channel_link_lost, 0)
	:: act == 8 && !cut[a] -> link[a] = true; PUT(ev_relay_channel_link_up, 0); PUT(ev_guard_signal_up, 0);
		if :: link[O(a)] && relay_channel_holds_entry(O(a)) -> asked[O(a)] = true :: else fi	/* the server tells those who asked */
	:: act == 10 -> PUT(ev_wg_watch_shaken, 0)
	:: act == 9 -> rep[a] = true; PUT(ev_ice_session_again, 0)
	:: act == 11 -> fired[a] = fired[a] | 1; ice_fails(a)
	:: act == 12 -> fired[a] = fired[a] | 2; watch_fires(a)
	:: act == 13 -> fired[a] = fired[a] | 4; PUT(ev_guard_tick, 0)
	:: act == 14 -> fired[a] = fired[a] | 16; relay_fails(a)
	:: act == 15 -> fired[a] = fired[a] | 8; PUT(ev_guard_tick, 0)
	:: act == 18 -> had = carries(a); take(a, x); deliver(a, x); take(a, x); deliver(a, x)	/* read in one go */
	:: act == 17 -> away[a] = false; PUT(ev_guard_signal_up, 0)
	:: act == 16 -> fired[a] = fired[a] | 32; PUT(ev_wg_watch_elsewhere, 0)
	:: act > 20 -> PAY; if
		:: act == 21 -> ice_fails(a)
		:: act == 22 -> watch_fires(a)
		:: act == 23 -> PUT(ev_guard_tick, 0)
		:: act == 24 -> link_goes(a); tell(O(a)); PUT(ev_relay_channel_link_lost, 0)
		:: act == 25 -> link_goes(a); PUT(ev_relay_channel_link_lost, 0)
		:: act == 26 -> PUT(ev_relay_channel_offline, 0)
		:: act == 27 -> PUT(ev_relay_channel_close, 0)
		:: act == 28 -> take(a, x); late[a] = x				/* held up, or lost */
		:: act == 29 -> take(a, x); late[a] = x; deliver(a, x)		/* twice */
		:: act == 30 -> rlive[a] = false				/* relay entry dead, nobody told */
		:: act == 31 -> moves(a)					/* NAT rebinding: silent */
		:: act == 32 -> moves(a); notices(a)				/* we moved, and noticed */
		:: act == 33 -> notices(a)					/* only a new address */
		:: act == 34 -> tell(O(a)); link_goes(a); cut[a] = false; gone = true
		:: act == 35 -> link_goes(a); cut[a] = false; gone = true
		:: act == 42 -> sig[(a) * SIG + 1] = sig[(a) * SIG + 2]; sig[(a) * SIG + 2] = sig[(a) * SIG + 3]; sig[(a) * SIG + 3] = 0
		:: act == 41 -> PUT(ev_wg_watch_shaken, 0)			/* WireGuard answers over a pair that ICE gave up */
		:: act == 40 -> PUT(ev_wg_watch_elsewhere, 0)			/* a packet of before both changed their way */
		:: act == 39 -> valid[a] = true; PUT(ev_ice_session_answered, 0)	/* the far end gave the pair up, its answer was under way */
		:: act == 43 -> span = 2; PUT(ev_wg_watch_look, 0)
		:: act == 38 -> span = 1; watch_fires(a)
		:: act == 37 -> away[a] = true					/* signal goes, what is said is lost */
		:: act == 36 -> gone = true;					/* taken out of the map and put in again, */
			PUT(ev_handshake_ask, 0);				/* while this was waiting to be done */
			if :: aid[a] != 0 -> PUT(ev_handshake_local_candidate, 0) :: else fi
		fi
	fi }

proctype agent(byte a) RUNNING {
end:	do :: atomic { FIRST if
	NOTHING
	FAST_ACT(1, HAS(a))
	FAST_ACT(2, late[a] != 0 && !away[a])
	FAST_ACT(3, CAN_SELECT(a))
	FAST_ACT(4, CAN_ANSWER(a))
	FAST_ACT(5, CAN_MAP(a))
	FAST_ACT(6, CAN_ONLINE(a))
	FAST_ACT(7, notice[a])
	FAST_ACT(8, !link[a])
	FAST_ACT(18, HAS(a) && (sig[(a) * SIG] & 3) != CAND && (sig[(a) * SIG + 1] & 3) != 0 && (sig[(a) * SIG + 1] & 3) != CAND)
	FAST_ACT(17, away[a])
	FAST_ACT(9, REPEATS(a))
	FAST_ACT(10, CAN_SHAKE(a))
	SLOW_ACT(11, 1, SLOW_ICE(a), true)
	SLOW_ACT(12, 2, SLOW_WATCH(a), true)
	SLOW_ACT(13, 4, SLOW_TICK(a), true)
	SLOW_ACT(14, 16, SLOW_RELAY(a), true)
	SLOW_ACT(15, 8, IS(guard, slow, a), DUE_HOUR(a))
	SLOW_ACT(16, 32, OTHER_WAY(a), true)
	/* bad luck, while the budget lasts */
	LUCK(32, true)
	LUCK(33, true)
#ifndef IDLE
	LUCK(28, HAS(a) && MATTERS(a))
	LUCK(29, HAS(a) && late[a] == 0)
	LUCK(42, BEHIND(a))
	LUCK(31, true)
	LUCK(24, relay_channel_holds_entry(a) && link[a])
	LUCK(25, relay_channel_holds_entry(a) && link[a])
	LUCK(26, relay_channel_holds_entry(a) && link[a])
	LUCK(27, !IS(relay_channel, idle, a))
	LUCK(30, rlive[a] && SEEN)
	LUCK(21, aid[a] != 0)
	LUCK(22, !QUIET && SLOW_WATCH(a))
	LUCK(23, !QUIET && SLOW_TICK(a))
	LUCK(34, true)
	LUCK(35, true)
	LUCK(36, true)
	LUCK(37, !away[a] && SAID)
	LUCK(41, IS(wg_watch, armed, a) && dir_up)
	LUCK(40, IS(wg_watch, good, a))
	LUCK(39, (IS(ice_session, doubtful, a) || IS(ice_session, lurking, a)) && dir_up && !pairok)
	LUCK(43, !IS(wg_watch, off, a) && !up && doubted[a])
	LUCK(38, IS(wg_watch, good, a) && !up)
#endif
	fi; d_step { BEGIN(a); perform(a) }; MORE(a) drain(a); skip; d_step { END(a); settle(a) }; skip } od	/* one copy of the step a process: pan.c is six times smaller */
}
#ifdef COUNT
#define FORGET moved[0] = 0; moved[1] = 0
#else
#define FORGET skip
#endif
proctype outside() RUNNING {
end:	do
	:: d_step { FAULT(dir_up && SEEN); dir_up = false; stood = endpoint[0]; settle(0) }
	:: d_step { MENDED; dir_up = true; FORGET; stood = endpoint[0]; settle(0) }
	:: d_step { FAULT((rlive[0] || rlive[1]) && SEEN); rlive[0] = false; rlive[1] = false; stood = endpoint[0]; settle(0) }	/* the relay server forgets */
	:: d_step { FAULT(link[0] && link[1] && TOLD); link_goes(0); link_goes(1); cut[0] = true; cut[1] = true; stood = endpoint[0]; settle(0) }	/* it restarts */
	od }
#ifndef REPLAY
init { atomic { run agent(0); run agent(1); run outside() } }

#ifndef IDLE
ltl carries_all { <>[] is_up }			/* faults stop: packets pass, both ways */
ltl settles { <>[] dir_up -> <>[] is_all }	/* and direct, the relay standing by, both guards silent */
#else
ltl acts { <>[] is_up }				/* who moves and knows it is followed, though no watcher looks */
#endif
#else
#include "replay.pml"
#endif
