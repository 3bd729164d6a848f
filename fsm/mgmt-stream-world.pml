/* SPDX-License-Identifier: ISC
 * mgmt-stream-world.pml -- management as the Sync stream sees it.
 * keep KEEP_BUG_REUSE comes_up
 * far: 1 dialled, 2 open, 3 key asked, 4 key told, 5 Sync asked, 6 maps come, 7 over but for its end */
#include "head.pml"
bool months;	/* since the last healthy stream */
#define mgmt_stream_if_hopeless(a, arg) months
bool overdue;	/* the SYN went out a while ago */
#define mgmt_stream_if_overdue(a, arg) overdue
#include "mgmt-stream.pml"
byte far;
bool dialled, opened, failed, taken, flushed, ups, forgot, entered, little, healthy, said;	/* in this step */
byte was;
bool was_held;
bool refused;
bool conn, wanted, failures, live;
inline mgmt_stream_entered(a)			{ entered = true }
inline mgmt_stream_close_conn(a)			{ conn = false; far = 0 }
inline mgmt_stream_do_dial(a, arg)		{ dialled = true; overdue = false; OPEN(conn); conn = true; far = 1 }
inline mgmt_stream_do_ask_key(a, arg)		{ assert(far == 2 || far == 7 || far == 0); if :: far == 2 -> far = 3 :: else fi }
inline mgmt_stream_do_open(a, arg)		{ opened = true; if :: far == 4 -> far = 5 :: else fi }
inline mgmt_stream_do_take(a, arg)		{ taken = true }
inline mgmt_stream_do_wait_little(a, arg)	{ little = true }
inline mgmt_stream_do_note_healthy(a, arg)	{ healthy = true; months = false }
inline mgmt_stream_do_say_spent(a, arg)		{ said = true }
inline mgmt_stream_do_note_failure(a, arg)	{ failures = true; failed = true }
/* the back-off is forgotten for a wish, a new network, or a stream that spoke: not for a request that was written */
inline mgmt_stream_do_forget_failures(a, arg)	{ forgot = true; assert(ev == EV(start) || ev == EV(net_change) || ev == EV(message) || (ev == EV(nudge) && was == mgmt_stream_spent)); failures = false; months = false }
inline mgmt_stream_send_reached(a, arg)		{ ups = true }
inline mgmt_stream_send_denied(a, arg)		{ wanted = false; refused = true }	/* Login decides what it means */
#define BUSY (HOLDS(conn) && (far == 1 || far == 3 || far == 5))
#define FAST \
	FAR(far == 1, conn, connected, far = 2) \
	FAR(far == 3, conn, key_ok, far = 4) \
	FAR(far == 5, conn, message, far = 6)
#define FAULTY \
	BAD(far > 0, conn, gone, far = 0) \
	BAD(far == 3, conn, key_bad, far = 4) \
	BAD(far == 3 || far >= 5, conn, ended, far = 7) \
	BAD(far == 5 || far == 6, conn, denied, far = 7) \
	BAD(far == 6, conn, message, skip) \
	LUCK(far >= 1 && far <= 5, far = 0)	/* a black hole: only a timer notices */ \
	LUCK(!months, months = true) \
	LUCK(IS(dialing) && !overdue, overdue = true)
#define ROLES ROLE(true, start, refused = false) ROLE(true, stop, refused = false) ROLE(refused, try_again, refused = false) ROLE(true, net_change, skip) ROLE(true, nudge, skip)
bool late;
#define M_before late = overdue; was = M_state; was_held = HOLDS(conn)
#define became(x) (IS(x) && was != mgmt_stream_##x)
inline settle() {
	assert(!(ev == EV(nudge) && was == mgmt_stream_backoff) || (became(dialing) && !forgot));	/* the server is back: at once, and the growth is kept */
	assert(!(ev == EV(nudge) && was == mgmt_stream_spent) || (became(dialing) && forgot));
	assert(!(ev == EV(nudge) && was == mgmt_stream_dialing) || (dialled == late && entered == late && IS(dialing) && !forgot));	/* a lost SYN is not waited for, a fresh one is */
	assert(!(ev == EV(nudge) && was != mgmt_stream_backoff && was != mgmt_stream_spent && was != mgmt_stream_dialing) || (M_state == was && !entered));	/* nobody else gains from it */
	assert(!became(dialing) || dialled);		/* on a new connection, always */
	assert(!(ev == EV(net_change) && was != mgmt_stream_idle) || dialled || (little && IS(backoff)));	/* soon, jittered */
	assert(!became(opening) || opened);
	assert(!((ev == EV(gone) || ev == EV(ended)) && was_held) || became(backoff) || became(dialing));	/* what is in doubt is left */
	assert(!(little || failed) || entered);		/* a wait that was chosen begins */
	assert(!became(backoff) || failed || little);	/* a failure lengthens the wait */
	assert(little == ((was == mgmt_stream_proven && became(backoff)) || (ev == EV(net_change) && IS(backoff))));	/* who served is not punished, nor counts from before */
	assert(!(was == mgmt_stream_proven && (became(backoff) || became(dialing))) || healthy);
	assert(!became(spent) || (months && said && ev == EV(retry)));
	assert(!(was == mgmt_stream_spent && became(dialing)) || forgot);
	assert(!(was == mgmt_stream_backoff && became(dialing)) || ev != EV(retry) || !months);
	assert(!(ev == EV(net_change) && was == mgmt_stream_backoff) || forgot);
	assert(!(ev == EV(start) && was == mgmt_stream_idle) || forgot);
	assert(ev != EV(message) || taken || !HOLDS(conn));
	assert(!(ev == EV(message) && became(live)) || forgot);
	assert(!became(proven) || ev == EV(proof));	/* a second message proves no more than the first: time does */
	assert(ups == (became(live) && was == mgmt_stream_opening));	/* others that wait for the server hear that it is back */
	assert(ev != EV(key_bad) || !was_held || became(backoff));	/* its maps are not believed */
	little = false; healthy = false; said = false; dialled = false; opened = false; was_held = false; failed = false; taken = false; flushed = false; ups = false; forgot = false; entered = false; was = 0;
	if :: ev == EV(start) || ev == EV(try_again) -> wanted = true :: ev == EV(stop) -> wanted = false :: else fi;
	assert(conn == HOLDS(conn));			/* a state holds what it says, and nothing else does */
	assert(wanted == !IS(idle));			/* stop stops, start starts, a refusal ends it */
	assert(!IS(proven) || !failures);		/* who is proven owes nothing */
	assert(!IS(dialing) || far != 7);		/* a connection left in doubt is never used again */
	live = (IS(live) || IS(proven)) && wanted
}
#include "alone.pml"
#define spent_now IS(spent)
ltl comes_up { <>[] (wanted -> (live || spent_now)) }
ltl stays_down { <>[] (!wanted -> !conn) }
