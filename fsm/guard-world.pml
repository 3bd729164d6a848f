/* SPDX-License-Identifier: ISC
 * guard-world.pml -- an offer leads to a path, or is lost; what is up goes, and
 * the path says so.
 * keep KEEP_BUG_GIVE_UP all_comes_up
 * unwanted: the remote has no relay, says its last word */
#include "head.pml"
bool relay, direct, pending;
byte tries;
byte wait, was;			/* chosen in this step: 1 short, 2 long, 3 at once */
bool sent, hung, alone, unwanted;
#define all_up ((relay || unwanted) && direct)
#define guard_if_all_up(a, arg) all_up
#define guard_if_under_way(a, arg) pending
#define guard_if_enough(a, arg) ((relay || direct) && tries >= 1)
#define guard_if_cut_off(a, arg) (!relay && !direct)
bool idle;
#define guard_if_unused(a, arg) idle
#define guard_if_forlorn(a, arg) (!relay && !direct && idle && tries >= 1)
#include "guard.pml"
inline guard_do_wait_none(a, arg)	{ wait = 3 }
inline guard_do_wait_little(a, arg)	{ wait = 1 }
inline guard_do_wait_jitter(a, arg)	{ wait = 1 }
inline guard_do_wait_shortly(a, arg)	{ wait = 1 }
inline guard_do_wait_long(a, arg)	{ wait = 2 }
inline guard_do_wait_rare(a, arg)	{ wait = 1; assert(idle && !relay && !direct) }	/* nobody waits for it */
inline guard_do_back_off(a, arg)	{ wait = 1; if :: tries < 1 -> tries++ :: else fi }
inline guard_do_forget_count(a, arg)	{ tries = 0 }
inline guard_send_ask(a, arg)		{ assert(ev == EV(stuck) || !all_up); assert(!pending || IS(slow) || ev == EV(stuck)); sent = true; pending = true }
#define BUSY pending
#define FAST :: atomic { idle -> idle = false } :: atomic { pending -> pending = false; relay = true; direct = true }
#define FAULTY \
	LUCK(pending, pending = false) \
	LUCK(pending, pending = false; relay = true) \
	BADNEWS(relay, reset, relay = false) \
	BADNEWS(direct, reset, direct = false) \
	LUCK(relay && !direct, pending = false; relay = false)	/* without a word: GD-5; an offer may be lost with it */
#define ROLES :: atomic { asks > 0 && !idle -> asks--; idle = true } ROLE(true, net_change, skip) ROLE(true, signal_up, skip) ROLE(true, reset, skip) ROLE(true, stuck, skip) \
	ROLE(true, word, skip) ROLE(!unwanted && !relay, word, unwanted = true) ROLE(unwanted, word, unwanted = false)
#define M_before was = M_state; hung = pending; alone = !relay && !direct && was == guard_slow && ev == EV(tick)
#define restarts (ev == EV(reset) || ev == EV(net_change) || ev == EV(signal_up))
inline settle() {
	assert(!IS(settled) || len(q) > 0 || all_up);	/* silent only when nothing is missing */
	assert(!IS(seeking) || ev == EV(stuck) || (ev == EV(word) && was == guard_seeking) || wait == (alone -> 3 : 1));			/* whoever seeks has chosen when to look again, soon */
	assert(!IS(slow) || ev == EV(stuck) || ev == EV(word) || wait == 2);
	assert(!(restarts && IS(seeking)) || tries == 0);	/* a new loss owes nothing to an old one */
	assert(!restarts || IS(seeking) || (ev == EV(signal_up) && IS(settled)));
	assert(!(ev == EV(signal_up) && was == guard_settled) || (IS(settled) == all_up));	/* who misses nothing is not disturbed */
	assert(ev != EV(tick) || IS(settled) || sent || hung || (!relay && !direct) || (was == guard_slow && idle));	/* a tick asks, unless something is under way, or nobody needs it */
	assert(ev != EV(stuck) || (M_state == was && sent == (was != guard_seeking)));	/* whoever is stuck is asked */
	assert(!(sent && was == guard_slow && ev == EV(tick) && idle && relay) || !IS(slow));
	assert(ev != EV(word) || (was == guard_settled -> (IS(settled) == all_up && (IS(settled) || tries == 0)) : M_state == was));	/* the peer's word may make something missing */
	assert(!alone || (IS(seeking) && tries == 0));		/* the relay went without a word: a new loss, asked at once (GD-5) */
	wait = 0; was = 0; alone = false; sent = false; hung = false
}
#include "alone.pml"
ltl all_comes_up { <>[] ((relay || unwanted) && (direct || idle)) }	/* nobody looks for a better path that nobody uses */
ltl is_silent { <>[] (IS(settled) || idle) }
