/* SPDX-License-Identifier: ISC
 * handshake-world.pml -- offers, answers and candidates in any order, as many as fit.
 * keep KEEP_BUG_BUSY answers
 * keep KEEP_BUG_C answers
 * keep KEEP_BUG_OVERTAKE answers
 * bounds 0 5
 * full 0 7 */
#define SELF 1
#include "head.pml"
#define COINS 2
bool seen, ice, relay, word, restarted, sent, counted, late, news;	/* in this step */
bool held;			/* candidates wait for their answer */
byte said, took, was_kept;	/* in this step: 1 an offer, 2 an answer */
bool unheard;			/* the newest word of the remote has not reached the workers */
bool owed, heard, finishing;	/* an answer is; the workers have taken the offer, for finish was queued behind it; finish is on its way */
byte kept;			/* 1 an offer, 2 an answer */
#define handshake_if_late_copy(a, arg) COIN(0)
#define handshake_if_reborn(a, arg) COIN(1)
#define handshake_if_kept_offer(a, arg) (kept == 1)
#define handshake_if_kept(a, arg) (kept != 0)
#include "handshake.pml"
inline handshake_do_count_late(a, arg)		{ counted = true }
inline handshake_do_note_seen(a, arg)		{ seen = true }
inline handshake_do_keep_latest(a, arg)		{ kept = (ev == EV(offer) -> 1 : 2) }
inline handshake_do_take_kept(a, arg)		{ took = kept; kept = 0; seen = true }
inline handshake_do_send_answer(a, arg)		{ assert(heard); owed = false }
inline handshake_do_send_offer(a, arg)		{ sent = true }
inline handshake_do_send_held(a, arg)		{ assert(!owed); held = false }
inline handshake_do_send_candidates(a, arg)	{ assert(!owed); sent = true }	/* never before their answer */
inline handshake_do_hold_candidates(a, arg)	{ assert(IS(busy)); held = true; sent = true }
inline handshake_send_ice_offer(a, arg)		{ said = 1; heard = false; unheard = false; ice = true }
inline handshake_send_ice_answer(a, arg)	{ said = 2; heard = false; unheard = false; ice = true }
inline handshake_send_ice_candidate(a, arg)	{ sent = true }
inline handshake_send_relay_offer(a, arg)	{ relay = true }
inline handshake_send_word(a, arg)		{ assert(ice && relay); word = true }	/* the guard looks at what it led to */
inline handshake_send_peer_restarted(a, arg)	{ restarted = true }
inline handshake_send_finish(a, arg)		{ assert(!finishing && nfull(q)); finishing = true; q!EV(finish),0,0 }
#define BUSY false
#define ROLES \
	ROLE(true, offer, skip) ROLE(true, answer, skip) ROLE(true, candidate, skip) \
	ROLE(true, ask, skip) ROLE(true, local_candidate, skip) ROLE(true, go_idle, skip)
/* finish is taken off before the step that may send the next one */
#define M_before late = (ev == EV(offer) || ev == EV(answer)) && COIN(0); news = (ev == EV(offer) || ev == EV(answer)) && !COIN(0); was_kept = kept; \
	if :: ev == EV(finish) -> finishing = false; heard = true :: ev == EV(offer) && !COIN(0) -> owed = true; heard = false; unheard = true :: ev == EV(answer) && !COIN(0) -> unheard = true :: else fi
inline settle() {
	assert(counted == late && (!late || (!seen && kept == was_kept)));	/* a late copy undoes nothing */
	assert(restarted == (news && COIN(1)));	/* new credentials are a new process: always told */
	assert(took == 0 || said == took);	/* an offer is heard as an offer */
	assert(sent == (ev == EV(ask) || ev == EV(candidate) || ev == EV(local_candidate)));
	restarted = false; sent = false; counted = false; late = false; news = false; said = 0; took = 0; was_kept = 0;
	assert(ice == relay && ice == seen && ice == word);	/* both workers hear of it, the guard as well, and it is noted */
	seen = false; ice = false; relay = false; word = false;
	assert(!IS(ready) || !held);
	assert(IS(busy) == finishing);		/* one at a time, and it ends */
	assert(!IS(ready) || (!owed && !unheard && kept == 0))	/* an offer is always answered, none is forgotten */
}
#include "alone.pml"
ltl answers { <>[] (IS(ready) && !owed && !unheard) }
