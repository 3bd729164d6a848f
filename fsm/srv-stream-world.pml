/* SPDX-License-Identifier: ISC
 * srv-stream-world.pml -- one stream of one peer; the registry; a client that may
 * stop reading; a later stream of the same peer.
 * keep KEEP_BUG_LOST_CHANGE is_sent
 * keep KEEP_BUG_STAYS ends
 * entry: 0 nobody's, 1 ours, 2 a successor's */
#include "head.pml"
#define COINS 2
bool retired, said, told, bye;	/* in this step */
byte was;
bool replaces;
bool call = true, asked, roomy = true, due, owed, over;
byte entry;
#define srv_stream_if_room(a, arg) roomy
#define srv_stream_if_map_due(a, arg) due
#define srv_stream_if_map_waits(a, arg) (due && roomy)
#define srv_stream_if_token_due(a, arg) COIN(0)
bool deaf;
#define srv_stream_if_deaf(a, arg) deaf
#include "srv-stream.pml"
bool mapped, token, entered, was_due, restarted;	/* in this step */
inline srv_stream_restart_beat(a)		{ restarted = true }
inline srv_stream_entered(a)			{ entered = true }
inline srv_stream_close_call(a)			{ call = false }
inline srv_stream_do_register(a, arg)		{ assert(entry == 0 && call); entry = 1 }
inline srv_stream_do_unregister(a, arg)		{ if :: entry == 1 -> entry = 0 :: else fi }
inline srv_stream_do_send_first(a, arg)		{ assert(entry == 1); told = true }	/* so that no change falls between the two */
inline srv_stream_do_send_map(a, arg)		{ assert(call && roomy); due = false; owed = false; told = true; mapped = true }
inline srv_stream_do_note_due(a, arg)		{ due = true }
inline srv_stream_do_send_token(a, arg)		{ assert(call); token = true; told = true }
inline srv_stream_do_send_beat(a, arg)		{ assert(call); told = true }
inline srv_stream_do_retire(a, arg)		{ assert(entry != 1); retired = true }	/* nothing of it stays in the registry */
#define BUSY (call && !asked)
#define FAST FAR(!asked, call, request, asked = true) :: atomic { !roomy -> roomy = true }
#define FAULTY \
	BAD(true, call, gone, asked = true) BAD(!asked, call, bad, asked = true) \
	LUCK(!asked, asked = true) LUCK(roomy, roomy = false) LUCK(!deaf, deaf = true)
#define ROLES \
	ROLE(entry == 1, map_changed, skip) ROLE(entry == 1, removed, over = true) ROLE(true, stop, over = true) \
	ROLE(entry == 1, replaced, entry = 2; over = true)
#define M_before was = M_state; was_due = due; if :: ev == EV(map_changed) && (IS(live) || IS(pacing) || IS(held)) -> owed = true :: else fi
inline srv_stream_do_refuse(a, arg) { said = true }
inline srv_stream_do_say_deaf(a, arg) { said = true; assert(deaf) }
inline srv_stream_do_say_timeout(a, arg) { said = true }
inline srv_stream_do_say_slow(a, arg) { said = true }
inline srv_stream_do_say_ok(a, arg) { said = true }
inline srv_stream_do_say_stop(a, arg) { said = true }
inline srv_stream_do_send_farewell(a, arg) { bye = true }
inline srv_stream_send_replace(a, arg) { replaces = true }
#define became(x) (IS(x) && was != srv_stream_##x)
inline settle() {
	assert(!(ev == EV(request) && was == srv_stream_fresh) || IS(live));
	assert(!mapped || (IS(pacing) && entered));		/* what follows is collected from here on */
	assert(!(ev == EV(map_changed) && was == srv_stream_live && roomy) || mapped);	/* the first change goes at once */
	assert(!(ev == EV(map_changed) && was == srv_stream_pacing) || (IS(pacing) && !entered));	/* and others do not put it off */
	assert(!(ev == EV(pace) && was == srv_stream_pacing) || (was_due -> (roomy -> mapped : IS(held)) : IS(live)));
	assert(!(ev == EV(look) && was == srv_stream_held && roomy && was_due) || mapped);	/* it reads again */
	assert(!(ev == EV(beat) && was == srv_stream_live && COIN(0)) || token);
	assert(!(ev == EV(beat) && was == srv_stream_live) || restarted);	/* and the next one */
	restarted = false; mapped = false; token = false; entered = false; was_due = false;
	assert(retired == became(ended));			/* what ended is freed */
	assert(!became(ended) || said || ev == EV(gone));	/* and the client hears why, if it is there */
	assert(ev != EV(removed) || !became(ended) || bye);	/* removed: the last message takes all peers away */
	assert(!(became(live) && was == srv_stream_fresh) || (told && replaces));
	assert(!(ev == EV(beat) && IS(live)) || told);
	assert(!became(pacing) || told);
	assert(!(ev == EV(listen) && deaf) || !IS(live));	/* the dead are let go */
	retired = false; said = false; told = false; bye = false; replaces = false; was = 0;
	if :: !call -> owed = false; due = false :: else fi;
	assert(call == HOLDS(call));
	assert(!IS(ended) || entry != 1);
	assert(!owed || due || !call)		/* a change is never forgotten */
}
#include "alone.pml"
ltl is_sent { <>[] !owed }
ltl ends { <>[] (entry == 2 -> IS(ended)) }
