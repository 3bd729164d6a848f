/* SPDX-License-Identifier: ISC
 * ice-session-world.pml -- a remote that works with us when packets pass, and
 * a guard that offers again.
 * keep KEEP_BUG_ID names_one
 * bounds 2 1
 * full 2 2 */
#include "head.pml"
#define COINS 3
bool agent, told, unused = true, pend, dir = true, tried;
#define ice_session_if_no_ice(a, arg) (arg != 3 && COIN(0) && COIN(1) && COIN(2))
#define ice_session_if_same_but_newer(a, arg) (COIN(0) && !COIN(1))
#define ice_session_if_same_session(a, arg) COIN(0)
#define ice_session_if_news(a, arg) COIN(0)
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
inline ice_session_do_new_agent(a, arg)		{ assert(!agent || unused || ev == EV(answer)); OPEN(agent); agent = true; unused = false; tried = false; pend = false }
inline ice_session_do_renew_id(a, arg)		{ unused = true }
inline ice_session_do_probe(a, arg)		{ pend = dir }
inline ice_session_do_recall(a, arg)		{ skip }
inline ice_session_do_select(a, arg)		{ assert(agent) }
inline ice_session_do_choose(a, arg)		{ assert(agent) }
inline ice_session_do_look_again(a, arg)	{ pend = dir }
inline ice_session_do_drop_path(a, arg)		{ skip }
inline ice_session_do_forget_remote(a, arg)	{ skip }
inline ice_session_do_note_generation(a, arg)	{ skip }
inline ice_session_do_note_answer(a, arg)	{ assert(agent) }
inline ice_session_do_keep_candidate(a, arg)	{ skip }
inline ice_session_do_add_candidate(a, arg)	{ assert(agent) }
inline ice_session_do_take_mapped(a, arg)	{ assert(agent) }
inline ice_session_send_ice_up(a, arg)		{ told = true }
inline ice_session_send_ice_down(a, arg)	{ assert(told); told = false }
inline ice_session_send_local_candidate(a, arg)	{ assert(agent) }
inline ice_session_send_gather(a, arg)		{ skip }
inline ice_session_send_nominate(a, arg)	{ assert(agent) }
#define WORKS (dir && !tried && IS(checking))
#define BUSY (WORKS || pend)
#define FAST \
	:: atomic { WORKS && room -> tried = true; q!EV(selected),0,1 } \
	FAR(pend, agent, answered, pend = false) \
	:: atomic { QUIET && IS(none) && !pend -> q!EV(offer),0,3 }	/* the guard's doing */ \
	:: atomic { !dir -> dir = true }
#define FAULTY \
	LUCK(dir, dir = false; pend = false) \
	LUCK(pend, pend = false) \
	BAD(true, agent, answered, skip) \
	BADNEWS(true, selected, skip)
#define ROLES \
	ROLE(true, offer, skip) ROLE(true, answer, skip) ROLE(true, candidate, skip) ROLE(true, close, skip) \
	ROLE(true, doubt, skip) ROLE(true, net_change, skip) ROLE(true, mapped, skip) ROLE(true, pair_good, skip)
inline settle() {
	assert(agent == HOLDS(agent));
	assert(told == (IS(connected) || IS(doubtful)));	/* the path knows what is up */
	assert(!IS(none) || unused)		/* with the old id the remote would ignore our next offer */
}
#include "alone.pml"
ltl names_one { <>[] (IS(none) -> unused) }
ltl comes_back { <>[] dir -> []<> (IS(connected) || IS(doubtful)) }
