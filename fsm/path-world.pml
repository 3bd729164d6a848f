/* SPDX-License-Identifier: ISC
 * path-world.pml -- an ICE session and relay channels that come and go, each
 * saying so in order; two lives of the channel are told apart by their way.
 * keep KEEP_BUG_BREAK follows
 * keep KEEP_BUG_WAY follows
 * keep KEEP_BUG_KEY follows
 * bounds 1 5
 * full 2 6 */
#include "head.pml"
bool ice, relay, watch, closing, marked;
bool pair, way_kept;				/* what the path has noted */
bool pointed, begun, lost, asked, shaken, paired, stale;	/* in this step */
byte was;
bool key = true;				/* the preshared key is with WireGuard's peer */
byte way, kept, ep;		/* newest way up, the one path knows; endpoint: 1 relay, 2 direct */
#define path_if_other_way(a, arg) (arg != kept)
#include "path.pml"
inline path_do_keep_relay(a, arg)	{ kept = arg; way_kept = true }
inline path_do_drop_relay(a, arg)	{ way_kept = false; lost = true }
inline path_do_keep_pair(a, arg)	{ pair = true; paired = true }
inline path_do_drop_pair(a, arg)	{ pair = false; lost = true }
inline path_do_point_at_relay(a, arg)	{ assert(way_kept); ep = 1; pointed = true }
inline path_do_point_at_ice(a, arg)	{ assert(pair && paired); ep = 2; pointed = true }
inline path_do_point_at_none(a, arg)	{ ep = 0 }
inline path_do_forget_peer(a, arg)	{ key = false }	/* of the kept bug only */
inline path_do_shake_hands(a, arg)	{ assert(ep != 0); shaken = true }
inline path_send_path_on(a, arg)	{ watch = true; begun = true }
inline path_send_path_off(a, arg)	{ assert(watch); watch = false }
inline path_send_close_ice(a, arg)	{ closing = true }
inline path_send_mark_stale(a, arg)	{ marked = true; stale = true }
inline path_send_reset(a, arg)		{ asked = true }
#define BUSY (closing || marked)
#define FAST \
	NEWS(closing && ice, ice_down, closing = false; ice = false) \
	:: atomic { closing && !ice -> closing = false } \
	:: atomic { marked && relay && room -> marked = false; relay = false; q!EV(relay_down),0,way } \
	:: atomic { marked && !relay -> marked = false }
#define FAULTY BADNEWS(!ice, ice_down, skip) BADNEWS(!relay, relay_down, skip)	/* a try that failed; told twice */
#define M_before was = M_state
#define ROLES \
	ROLE(true, ice_up, ice = true) ROLE(ice, ice_down, ice = false) \
	:: atomic { asks > 0 && room && !relay -> asks--; relay = true; way = 1 - way; q!EV(relay_up),0,way } \
	:: atomic { asks > 0 && room && relay -> asks--; relay = false; q!EV(relay_down),0,way } \
	:: atomic { asks > 0 && len(q) < QMAX - 1 && relay -> asks--; q!EV(relay_up),0,1 - way; q!EV(relay_down),0,way; way = 1 - way } \
	ROLE(true, wg_timeout, skip) ROLE(true, restarted, skip)
inline settle() {
	assert((ep == 0) == IS(none)); assert((ep == 1) == IS(relay));
	assert(pair == (IS(ice) || IS(both))); assert(way_kept == (IS(relay) || IS(both)));
	assert(pointed == begun);		/* a new path owes its own proof */
	assert(!lost || asked);			/* what is lost is asked for again */
	assert(ev != EV(ice_up) || pointed);	/* another pair is another endpoint */
	assert(ev != EV(restarted) || IS(none) || shaken);
	assert(ep == 0 || key);			/* wherever it points, the preshared key is there */
	assert(!(ev == EV(wg_timeout) && was == path_relay) || (stale && asked));	/* it carries nothing: the guard looks again */
	paired = false; stale = false; was = 0;
	pointed = false; begun = false; lost = false; asked = false; shaken = false;
	assert(watch == (ep != 0))		/* a path is watched, and only a path */
}
#define right ((ice && ep == 2) || (!ice && relay && ep == 1) || (!ice && !relay && ep == 0))
#include "alone.pml"
ltl follows { <>[] right }
