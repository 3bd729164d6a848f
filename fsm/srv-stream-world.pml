/* SPDX-License-Identifier: ISC
 * srv-stream-world.pml -- one stream of one peer; the registry; a client that may
 * stop reading; a later stream of the same peer.
 * keep KEEP_BUG_LOST_CHANGE is_sent
 * keep KEEP_BUG_STAYS ends
 * entry: 0 nobody's, 1 ours, 2 a successor's */
#include "head.pml"
#define COINS 2
bool call = true, asked, roomy = true, due, owed, over;
byte entry;
#define srv_stream_if_room(a, arg) roomy
#define srv_stream_if_map_due(a, arg) due
#define srv_stream_if_map_waits(a, arg) (due && roomy)
#define srv_stream_if_token_due(a, arg) COIN(0)
#include "srv-stream.pml"
inline srv_stream_close_call(a)			{ call = false }
inline srv_stream_do_register(a, arg)		{ assert(entry == 0 && call); entry = 1 }
inline srv_stream_do_unregister(a, arg)		{ if :: entry == 1 -> entry = 0 :: else fi }
inline srv_stream_do_send_first(a, arg)		{ assert(entry == 1) }	/* so that no change falls between the two */
inline srv_stream_do_send_map(a, arg)		{ assert(call && roomy); due = false; owed = false }
inline srv_stream_do_note_due(a, arg)		{ due = true }
inline srv_stream_do_send_token(a, arg)		{ assert(call) }
inline srv_stream_do_send_beat(a, arg)		{ assert(call) }
inline srv_stream_do_retire(a, arg)		{ assert(entry != 1) }	/* nothing of it stays in the registry */
#define BUSY (call && !asked)
#define FAST FAR(!asked, call, request, asked = true) :: atomic { !roomy -> roomy = true }
#define FAULTY \
	BAD(true, call, gone, asked = true) BAD(true, call, bad, asked = true) BAD(asked, call, request, skip) \
	LUCK(!asked, asked = true) LUCK(roomy, roomy = false)
#define ROLES \
	ROLE(true, map_changed, skip) ROLE(true, removed, over = true) ROLE(true, stop, over = true) \
	ROLE(entry == 1, replaced, entry = 2; over = true)
#define M_before if :: ev == EV(map_changed) && (IS(live) || IS(pacing) || IS(held)) -> owed = true :: else fi
inline settle() {
	if :: !call -> owed = false; due = false :: else fi;
	assert(call == HOLDS(call));
	assert(!IS(ended) || entry != 1);
	assert(!owed || due || !call)		/* a change is never forgotten */
}
#include "alone.pml"
ltl is_sent { <>[] !owed }
ltl ends { <>[] (entry == 2 -> IS(ended)) }
