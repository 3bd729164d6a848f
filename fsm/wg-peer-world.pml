/* SPDX-License-Identifier: ISC
 * wg-peer-world.pml -- initiations that are answered, or lost.
 * keep KEEP_BUG_TOO_SOON is_served */
#include "head.pml"
#define COINS 3
bool sent, waits, began, told;	/* in this step */
byte was;
bool has, pend, wish;
byte tries;
#define wg_peer_if_needs_session(a, arg) COIN(0)
#define wg_peer_if_hot(a, arg) COIN(1)
#define wg_peer_if_may_ask(a, arg) COIN(2)
#define wg_peer_if_may_try_again(a, arg) (tries < 2)
#include "wg-peer.pml"
inline wg_peer_do_begin(a, arg)			{ tries = 0; began = true }
inline wg_peer_do_send_initiation(a, arg)	{ assert(has); pend = true; if :: tries < 2 -> tries++ :: else fi; sent = true }
inline wg_peer_do_give_up(a, arg)		{ assert(tries == 2); wish = false }
bool entered;
inline wg_peer_entered(a)			{ entered = true }
#define BUSY pend
#define FAST NEWS(pend, keyed, pend = false)
#define FAULTY LUCK(pend, pend = false) BADNEWS(true, keyed, skip)
#define ROLES ROLE(true, endpoint, skip) ROLE(true, no_endpoint, skip) ROLE(true, want, skip) ROLE(true, insist, skip)
#define M_before was = M_state; if :: ev == EV(endpoint) -> has = true :: ev == EV(no_endpoint) -> has = false :: else fi
inline wg_peer_do_wait_turn(a, arg) { waits = true }
inline wg_peer_do_wait_little(a, arg) { waits = true }
inline wg_peer_do_tell_away(a, arg) { told = true }
#define became(x) (IS(x) && was != wg_peer_##x)
inline settle() {
	assert(!(sent || waits) || (entered && IS(asking)));			/* and waits for the answer from here on */
	entered = false;
	assert(!(ev == EV(endpoint) && COIN(0) && (was == wg_peer_away || was == wg_peer_rest)) || (IS(asking) && sent));	/* the first ping is not lost */
	assert(!(ev == EV(want) && COIN(2) && was == wg_peer_rest) || sent);	/* at once, when its turn is now */
	assert(!(ev == EV(insist) && COIN(1) && has) || (waits && !sent));	/* no two in 20 ms */
	assert(!(ev == EV(endpoint) && COIN(1) && was == wg_peer_asking) || (waits && !sent));
	assert(!(ev == EV(endpoint) && was == wg_peer_asking) || began);	/* the 90 seconds are those of the new endpoint */
	assert(!(ev == EV(keyed) && has) || IS(rest));
	assert(!became(asking) || (began && (sent || waits)));	/* who asks has sent, or will when his turn comes */
	assert(!(ev == EV(insist) && has) || sent || waits);
	assert(!((ev == EV(want) || ev == EV(insist)) && IS(away)) || told);
	assert(!(ev == EV(endpoint) && was == wg_peer_asking) || sent || waits);
	sent = false; waits = false; began = false; told = false; was = 0;
	if
	:: (ev == EV(want) || ev == EV(insist)) && has -> wish = true
	:: ev == EV(keyed) || !has -> wish = false
	:: else fi;
	assert(has == !IS(away));
	assert(!wish || IS(asking))		/* who wants keys is asked for, or on the way to it */
}
#include "alone.pml"
ltl is_served { <>[] !wish }
ltl rests { <>[] !IS(asking) }
