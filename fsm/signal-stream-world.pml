/* SPDX-License-Identifier: ISC
 * signal-stream-world.pml -- a signal server; a stream that can be half dead.
 * keep KEEP_BUG_PROBE comes_up
 * far: 1 dialled, 2 open, 3 stream asked, 4 registered, 5 registered and probed, 7 over */
#include "head.pml"
#define COINS 1
byte far;
bool dialled, opened, failed, taken, flushed, ups, forgot;	/* in this step */
byte was;
bool was_held;
bool conn, wanted, live;
#define signal_stream_if_proven(a, arg) COIN(0)
#include "signal-stream.pml"
inline signal_stream_close_conn(a)		{ conn = false; far = 0 }
inline signal_stream_do_dial(a, arg)		{ dialled = true; OPEN(conn); conn = true; far = 1 }
inline signal_stream_do_redial(a, arg)		{ dialled = true; OPEN(conn); conn = true; far = 1 }
inline signal_stream_do_open(a, arg)		{ opened = true; if :: far == 2 -> far = 3 :: else fi }
inline signal_stream_do_note_born(a, arg)	{ skip }
inline signal_stream_do_flush(a, arg)		{ assert(conn); flushed = true }
inline signal_stream_do_probe(a, arg)		{ assert(conn); if :: far == 4 -> far = 5 :: else fi }
inline signal_stream_do_take(a, arg)		{ taken = true }
inline signal_stream_do_note_failure(a, arg)	{ failed = true }
inline signal_stream_do_forget_failures(a, arg)	{ forgot = true; assert(ev == EV(start) || ev == EV(net_change) || ev == EV(message)) }
inline signal_stream_send_signal_up(a, arg)	{ ups = true; assert(ev == EV(registered)) }
#define BUSY (HOLDS(conn) && (far == 1 || far == 3 || far == 5))
#define FAST \
	FAR(far == 1, conn, connected, far = 2) \
	FAR(far == 3, conn, registered, far = 4) \
	FAR(far == 5, conn, message, far = 4)
#define FAULTY \
	BAD(true, conn, gone, far = 0) \
	BAD(far >= 3, conn, ended, far = 7) \
	BAD(far == 4, conn, message, skip) \
	BAD(true, conn, doubt, skip) \
	LUCK(far > 0, far = 0)		/* half dead: nothing more comes, nobody says so */
#define ROLES ROLE(true, start, skip) ROLE(true, stop, skip) ROLE(true, net_change, skip)
#define M_before was = M_state; was_held = HOLDS(conn)
#define became(x) (IS(x) && was != signal_stream_##x)
inline settle() {
	assert(!became(dialing) || dialled);		/* on a new connection, always */
	assert(!(ev == EV(net_change) && was != signal_stream_idle) || dialled);
	assert(!became(opening) || opened);
	assert(!((ev == EV(gone) || ev == EV(ended)) && was_held) || became(backoff) || became(dialing) || dialled);	/* what is in doubt is left */
	assert(!became(backoff) || failed);		/* a failure lengthens the wait */
	assert(!(ev == EV(net_change) && was == signal_stream_backoff) || forgot);
	assert(!(ev == EV(start) && was == signal_stream_idle) || forgot);
	assert(ev != EV(message) || taken || IS(opening) || !HOLDS(conn));
	assert(!(became(up) && ev == EV(registered)) || (ups && flushed));
	dialled = false; opened = false; was_held = false; failed = false; taken = false; flushed = false; ups = false; forgot = false; was = 0;
	if :: ev == EV(start) -> wanted = true :: ev == EV(stop) -> wanted = false :: else fi;
	assert(conn == HOLDS(conn));
	assert(wanted == !IS(idle));
	assert(!IS(dialing) || far != 7)
}
#define alive ((IS(up) || IS(probing)) && (far == 4 || far == 5))
#include "alone.pml"
ltl comes_up { <>[] (wanted -> alive) }
