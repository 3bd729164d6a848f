/* SPDX-License-Identifier: ISC
 * guard-world.pml -- an offer leads to a path, or is lost; what is up goes, and
 * the path says so.
 * keep KEEP_BUG_GIVE_UP all_comes_up */
#include "head.pml"
bool relay, direct, pending;
byte tries;
#define guard_if_all_up(a, arg) (relay && direct)
#define guard_if_under_way(a, arg) pending
#define guard_if_enough(a, arg) (relay && tries >= 1)
#define guard_if_cut_off(a, arg) (!relay)
#include "guard.pml"
inline guard_do_wait_none(a, arg)	{ skip }
inline guard_do_wait_little(a, arg)	{ skip }
inline guard_do_wait_jitter(a, arg)	{ skip }
inline guard_do_wait_shortly(a, arg)	{ skip }
inline guard_do_wait_long(a, arg)	{ skip }
inline guard_do_back_off(a, arg)	{ if :: tries < 1 -> tries++ :: else fi }
inline guard_do_forget_count(a, arg)	{ tries = 0 }
inline guard_send_ask(a, arg)		{ assert(!(relay && direct)); pending = true }
#define BUSY pending
#define FAST :: atomic { pending -> pending = false; relay = true; direct = true }
#define FAULTY \
	LUCK(pending, pending = false) \
	LUCK(pending, pending = false; relay = true) \
	BADNEWS(relay, reset, relay = false) \
	BADNEWS(direct, reset, direct = false) \
	LUCK(relay && !direct, relay = false)	/* without a word: GD-5 */
#define ROLES ROLE(true, net_change, skip) ROLE(true, signal_up, skip) ROLE(true, reset, skip)
inline settle() { assert(!IS(settled) || len(q) > 0 || (relay && direct)) }	/* silent only when nothing is missing */
#include "alone.pml"
ltl all_comes_up { <>[] (relay && direct) }
ltl is_silent { <>[] IS(settled) }
