/* SPDX-License-Identifier: ISC
 * job-stream-world.pml -- management as the Job stream sees it: silent by design.
 * keep KEEP_BUG_EARLY_RESET comes_up
 * far: 1 dialled, 2 open, 3 key asked, 4 key told, 5 Job asked, 7 over but for its end */
#include "head.pml"
#define COINS 1
#define job_stream_if_heartbeat(a, arg) COIN(0)
byte far;
bool dialled, opened, failed, taken, flushed, ups, forgot, entered, little, beaten;	/* in this step */
byte was;
bool was_held;
bool conn, wanted, failures, live;
#include "job-stream.pml"
bool restarted;
inline job_stream_restart_beat(a)		{ restarted = true }
inline job_stream_entered(a)			{ entered = true }
inline job_stream_close_conn(a)			{ conn = false; far = 0 }
inline job_stream_do_dial(a, arg)		{ dialled = true; assert(!conn); OPEN(conn); conn = true; far = 1 }
inline job_stream_do_ask_key(a, arg)		{ if :: far == 2 -> far = 3 :: else fi }
inline job_stream_do_open(a, arg)		{ opened = true; if :: far == 4 -> far = 5 :: else fi }
inline job_stream_do_answer(a, arg)		{ assert(conn); assert(!COIN(0)); taken = true }	/* a heartbeat is no job */
inline job_stream_do_wait_little(a, arg)	{ little = true }
inline job_stream_do_send_beat(a, arg)		{ assert(conn); beaten = true }
inline job_stream_do_note_failure(a, arg)	{ failures = true; failed = true }
inline job_stream_do_forget_failures(a, arg)	{
	/* for a wish, a new network, a stream that spoke or stood for a minute: not for a request that was written */
	assert(ev != EV(key_ok) && ev != EV(connected)); forgot = true; failures = false }
#define BUSY (HOLDS(conn) && (far == 1 || far == 3))
#define FAST \
	FAR(far == 1, conn, connected, far = 2) \
	FAR(far == 3, conn, key_ok, far = 4)
#define FAULTY \
	BAD(true, conn, gone, far = 0) \
	BAD(far == 3, conn, key_bad, far = 4) \
	BAD(far == 3 || far == 5, conn, ended, far = 7) \
	BAD(far == 5, conn, denied, far = 7) \
	BAD(far == 5, conn, unsupported, far = 7) \
	BAD(far == 5, conn, message, skip) \
	BAD(far == 5, conn, announced, skip) \
	LUCK(far >= 1 && far <= 4, far = 0)
#define ROLES ROLE(true, start, skip) ROLE(true, stop, skip) ROLE(true, net_change, skip) ROLE(true, nudge, skip)
#define M_before was = M_state; was_held = HOLDS(conn)
#define became(x) (IS(x) && was != job_stream_##x)
inline settle() {
	assert(!(ev == EV(nudge) && was == job_stream_backoff) || (became(dialing) && !forgot));	/* the server is back: at once, and the growth is kept */
	assert(!(ev == EV(nudge) && was != job_stream_backoff) || (M_state == was && !entered));	/* nobody else gains from it */
	assert(!became(dialing) || dialled);		/* on a new connection, always */
	assert(!(ev == EV(net_change) && was != job_stream_idle && was != job_stream_off) || dialled || (little && IS(backoff)));	/* soon, jittered */
	assert(!became(open) || opened);
	assert(!((ev == EV(gone) || ev == EV(ended)) && was_held) || became(backoff) || became(dialing));	/* what is in doubt is left */
	assert(!became(off) || ev == EV(unsupported));
	assert(!(little || failed) || entered);		/* a wait that was chosen begins */
	assert(!(ev == EV(denied) && was_held) || became(backoff));
	assert(ev != EV(beat) || (M_state == was && !entered));
	assert(!((ev == EV(announced) && was_held) || (taken && was == job_stream_proven)) || restarted);	/* any send restarts the interval; so does word of another */
	restarted = false;
	assert(!became(backoff) || failed || little);	/* a failure lengthens the wait */
	assert(little == ((was == job_stream_proven && became(backoff) && (ev == EV(ended) || ev == EV(gone))) || (ev == EV(net_change) && IS(backoff))));
	assert(!(ev == EV(beat) && (IS(open) || IS(proven))) || beaten);
	assert(!(ev == EV(trust) && IS(proven)) || forgot);
	assert(!(ev == EV(net_change) && was == job_stream_backoff) || forgot);
	assert(!(ev == EV(start) && was == job_stream_idle) || forgot);
	assert(ev != EV(message) || taken || COIN(0) || !HOLDS(conn));
	assert(ev != EV(message) || forgot || !HOLDS(conn));
	assert(!((ev == EV(message) || ev == EV(proof)) && was == job_stream_open) || IS(proven));	/* what spoke, or lived, is proven */
	assert(ev != EV(key_bad) || !was_held || became(backoff));	/* its jobs are not done */
	little = false; beaten = false; dialled = false; opened = false; was_held = false; failed = false; taken = false; flushed = false; ups = false; forgot = false; entered = false; was = 0;
	if :: ev == EV(start) -> wanted = true :: ev == EV(stop) -> wanted = false :: else fi;
	assert(conn == HOLDS(conn));
	assert(wanted == !IS(idle));
	assert(!IS(dialing) || far != 7);
	live = IS(open) || IS(proven) || IS(off)
}
#include "alone.pml"
ltl comes_up { <>[] (wanted -> live) }
