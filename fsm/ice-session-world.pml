/* SPDX-License-Identifier: ISC
 * ice-session-world.pml -- a remote that works with us when packets pass, and
 * a guard that offers again.
 * keep KEEP_BUG_ID names_one
 * bounds 2 1
 * full 2 2 */
#include "head.pml"
#define COINS 3
bool made, renewed, chose_path, chose, dropped, noted, added, mapped_, ups, downs, said, gathers, nominates;	/* in this step */
bool newid, expired, probed, looked, forgot, gen, kept, repeated, counted, recalled, indicated, restarted, entered, nameless;
byte was;
bool worn;			/* the next offer of ours speaks of the next agent */
bool agent, told, unused = true, pend, dir = true, tried;
#define no_ice (arg != 3 && COIN(0) && COIN(1) && COIN(2))
#define ice_session_if_no_ice(a, arg) no_ice
#define ice_session_if_better(a, arg) COIN(1)
#define ice_session_if_same_but_newer(a, arg) (COIN(0) && !COIN(1))
#define ice_session_if_same_session(a, arg) COIN(0)
#define ice_session_if_news(a, arg) COIN(0)
#define ice_session_if_nameless(a, arg) (agent && unused)
#define ice_session_if_stock(a, arg) COIN(0)
#define ice_session_if_due(a, arg) COIN(0)
#define ice_session_if_may_nominate(a, arg) COIN(0)
#define ice_session_if_spare(a, arg) COIN(1)
#define ice_session_if_picked(a, arg) (arg == 1)
#define ice_session_if_other_pair(a, arg) COIN(2)
#define ice_session_if_was_good(a, arg) COIN(2)
#include "ice-session.pml"
inline ice_session_close_agent(a)		{ agent = false; pend = false; tried = false }
/* an id names one agent; only an answer may make a new agent under the id that it answers */
inline ice_session_do_new_agent(a, arg)		{ assert(!agent || unused || ev == EV(answer)); OPEN(agent); agent = true; unused = false; worn = false; tried = false; pend = false; made = true }
inline ice_session_do_renew_id(a, arg)		{ unused = true; worn = false; renewed = true; newid = true }
inline ice_session_do_expire_id(a, arg)		{ worn = true; renewed = true; expired = true }
inline ice_session_do_probe(a, arg)		{ pend = dir; probed = true }
inline ice_session_do_indicate(a, arg)		{ assert(agent); indicated = true }
inline ice_session_do_recall(a, arg)		{ recalled = true }
inline ice_session_do_select(a, arg)		{ assert(agent); chose_path = true; worn = false }
inline ice_session_do_choose(a, arg)		{ assert(agent); chose = true }
inline ice_session_do_look_again(a, arg)	{ pend = dir; looked = true }
inline ice_session_do_drop_path(a, arg)		{ dropped = true }
inline ice_session_do_forget_remote(a, arg)	{ forgot = true }
inline ice_session_do_note_generation(a, arg)	{ gen = true }
inline ice_session_do_note_answer(a, arg)	{ assert(agent); noted = true }
inline ice_session_do_keep_candidate(a, arg)	{ kept = true }
inline ice_session_do_repeat(a, arg)		{ assert(agent); repeated = true }
inline ice_session_do_count_again(a, arg)	{ counted = true }
inline ice_session_restart_silent(a)		{ restarted = true }
inline ice_session_entered(a)			{ entered = true }
inline ice_session_do_add_candidate(a, arg)	{ assert(agent); added = true }
inline ice_session_do_take_mapped(a, arg)	{ assert(agent); mapped_ = true }
inline ice_session_send_ice_up(a, arg)		{ told = true; ups = true }
inline ice_session_send_ice_down(a, arg)	{ assert(told); told = false; downs = true }
inline ice_session_send_local_candidate(a, arg)	{ assert(agent); said = true }
inline ice_session_send_gather(a, arg)		{ gathers = true }
inline ice_session_send_nominate(a, arg)	{ assert(agent); nominates = true }
#define WORKS (dir && !tried && IS(checking))
#define BUSY (WORKS || pend)
#define FAST \
	:: atomic { WORKS && room -> tried = true; q!EV(selected),0,1 } \
	FAR(pend, agent, answered, pend = false) \
	:: atomic { QUIET && IS(none) && !pend -> q!EV(offer),0,3 }	/* the guard's doing */ \
	:: atomic { !dir -> dir = true } \
	:: atomic { QUIET && worn -> worn = false; unused = true }	/* the guard's offer leaves */
#define FAULTY \
	LUCK(dir, dir = false; pend = false) \
	LUCK(pend, pend = false) \
	BAD(true, agent, answered, skip) \
	BAD(true, agent, sign, skip) \
	BADNEWS(true, selected, skip) \
	:: atomic { faults > 0 && IS(doubtful) && room -> faults--; q!EV(selected),0,1 }	/* the remote nominated again */
#define ROLES \
	ROLE(true, offer, skip) ROLE(true, answer, skip) ROLE(true, candidate, skip) ROLE(true, close, skip) \
	ROLE(true, doubt, skip) ROLE(true, net_change, skip) ROLE(true, mapped, skip) ROLE(true, pair_good, skip)
#define M_before was = M_state; nameless = (agent && unused && (IS(connected) || IS(doubtful) || IS(lurking)))
#define was_in(x) (was == ice_session_##x)
#define called (ev == EV(offer) || ev == EV(answer))
#define news (called && !no_ice && was != ice_session_none)
#define same_state (M_state == was && !entered)
inline settle() {
	/* the remote's word: no ICE, a session that no agent stands for yet, the session we have, another */
	assert(!(called && no_ice) || (IS(none) && forgot && !made && (was_in(none) || newid)));
	assert(!(called && !no_ice && was_in(none)) || (made && IS(checking)));
	assert(!(news && nameless) || (made && IS(checking) && !newid));
	assert(!(news && !nameless && COIN(0)) || (gen && !made && !newid));
	assert(!(news && !nameless && COIN(0)) || ((was_in(connected) && !COIN(1)) -> (IS(doubtful) && probed) : same_state));
	assert(!(news && !nameless && COIN(0) && was_in(lurking)) || (repeated && said));
	assert(!(news && !nameless && !COIN(0)) || (made && IS(checking) && newid == (ev == EV(offer))));
	assert(ev != EV(candidate) || (kept && same_state));
	/* what others say */
	assert(!(ev == EV(mapped)) || (same_state && mapped_ == (!was_in(none) && COIN(0))));
	assert(!((ev == EV(close) || ev == EV(net_change)) && IS(none)) || was_in(none) || newid);	/* the old id is spent */
	assert(!(ev == EV(net_change) && (was_in(connected) || was_in(doubtful))) || (IS(doubtful) && entered && looked && said && gathers));
	assert(!(ev == EV(doubt)) || (was_in(connected) -> (IS(doubtful) && probed) : same_state));
	/* pairs */
	assert(!((ev == EV(pair_good) || ev == EV(tick)) && was_in(checking)) || (same_state && chose == COIN(0)));
	assert(!((ev == EV(pair_good) || ev == EV(tick) || ev == EV(lurk)) && !was_in(checking) && !was_in(none)) || (same_state && chose == COIN(1)));
	assert(!((ev == EV(tick) && was_in(doubtful)) || (ev == EV(lurk) && was_in(lurking))) || probed);
	assert(!(ev == EV(again) && was_in(checking)) || (same_state && (COIN(0) -> (repeated && said) : counted)));
	assert(!(ev == EV(selected) && was_in(connected)) || (IS(connected) && chose_path == COIN(2)));
	assert(!(ev == EV(selected) && !was_in(connected)) || ((arg == 1 && !was_in(none)) -> (IS(connected) && chose_path) : same_state));
	/* proofs and signs of life, and their absence */
	assert(!(ev == EV(answered) && was_in(checking)) || same_state);
	assert(!(ev == EV(answered) && was_in(connected)) || (same_state && noted && restarted));
	assert(!(ev == EV(answered) && was_in(doubtful)) || probed);
	assert(!(ev == EV(answered) && was_in(lurking)) || chose_path);
	assert(!(ev == EV(sign)) || (same_state && restarted == was_in(connected)));
	assert(!(ev == EV(keepalive) && was_in(connected)) || (same_state && probed == COIN(0) && indicated != probed));
	assert(!(ev == EV(silent) && was_in(connected)) || (IS(doubtful) && probed));
	assert(!(ev == EV(verdict) && was_in(doubtful)) || (IS(lurking) && dropped && downs && gathers && expired == COIN(0)));
	assert(!(ev == EV(limit) && was_in(checking)) || (COIN(2) -> (IS(lurking) && recalled && expired) : (IS(none) && newid)));
	assert(!(ev == EV(limit) && was_in(lurking)) || (IS(lurking) && entered && expired && gathers));
	assert(!chose_path || entered);		/* the new pair's silence counts from here on */
	assert(!downs || (dropped || IS(none)));
	assert(!dropped || downs);
	newid = false; expired = false; probed = false; looked = false; forgot = false; gen = false; kept = false; repeated = false; counted = false;
	recalled = false; indicated = false; restarted = false; entered = false; nameless = false;
	assert(!made || (said && gathers));			/* a new agent tells its candidates, and looks for more */
	assert(!(was_in(none) && IS(checking)) || made);
	assert(!(ev == EV(offer) && renewed) || made || IS(none));	/* an id is renewed for an agent */
	assert(ev != EV(close) || IS(none));
	assert(!(ev == EV(net_change) && (was_in(checking) || was_in(lurking))) || IS(none));
	assert(!(ev == EV(net_change) && was_in(connected)) || (IS(doubtful) && said && gathers));
	assert(chose == nominates);
	assert(ev != EV(sign) || M_state == was);		/* a sign proves nothing */
	assert(chose_path == ups);				/* what is selected is told */
	assert(!downs || dropped || IS(none));
	assert(!(ev == EV(answered) && (was_in(doubtful) || was_in(lurking))) || (IS(connected) && noted));
	assert(!(ev == EV(selected) && arg == 1 && was_in(checking)) || IS(connected));
	assert(!(ev == EV(candidate) && agent) || added);	/* trickle */
	assert(!mapped_ || said);
	assert(ev != EV(limit) || !(was_in(checking) || was_in(lurking)) || renewed);	/* the next offer shall make a new session */
	made = false; renewed = false; chose_path = false; chose = false; dropped = false; noted = false; added = false;
	mapped_ = false; ups = false; downs = false; said = false; gathers = false; nominates = false; was = 0;
	assert(agent == HOLDS(agent));
	assert(told == (IS(connected) || IS(doubtful)));	/* the path knows what is up */
	assert(!IS(none) || unused)		/* with the old id the remote would ignore our next offer */
}
#include "alone.pml"
ltl names_one { <>[] (IS(none) -> unused) }
ltl comes_back { <>[] dir -> []<> (IS(connected) || IS(doubtful)) }
