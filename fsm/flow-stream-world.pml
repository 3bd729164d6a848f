/* SPDX-License-Identifier: ISC
 * flow-stream-world.pml -- a flow server, and proxies that lose streams.
 * keep KEEP_BUG_SAME_CONN comes_up
 * keep KEEP_BUG_EARLY_RESET comes_up
 * keep KEEP_BUG_NEVER_PROVEN forgets
 * far: 1 dialled, 2 open, 3 Events asked, 4 headers sent, 7 over but for its end */
#include "head.pml"
byte far;
bool conn, wanted, failures, live, store;
bool failed, little, entered, forgot, all, due, taken, dialled;	/* in this step */
byte was;
bool was_held;
#include "flow-stream.pml"
inline flow_stream_close_conn(a)		{ conn = false; far = 0 }
inline flow_stream_do_dial(a, arg)		{ dialled = true; assert(!conn); OPEN(conn); conn = true; far = 1 }
inline flow_stream_do_redial(a, arg)		{ dialled = true; OPEN(conn); conn = true; far = 1 }
/* a connection that lost a stream is never used again */
inline flow_stream_do_open(a, arg)		{ assert(far != 7); if :: far == 2 -> far = 3 :: else fi }
inline flow_stream_do_send_all(a, arg)		{ assert(conn); all = true }
inline flow_stream_do_send_due(a, arg)		{ assert(conn); due = true }
inline flow_stream_do_take_ack(a, arg)		{ store = false; taken = true }
inline flow_stream_do_note_failure(a, arg)	{ failures = true; failed = true }
/* only what proved itself, or somebody who knows better, resets the back-off */
inline flow_stream_do_forget_failures(a, arg) {
	assert(ev == EV(start) || ev == EV(proof) || ev == EV(net_change));
	failures = false; forgot = true
}
inline flow_stream_do_wait_little(a, arg)	{ little = true }
inline flow_stream_entered(a)			{ entered = true }
#define M_before was = M_state; was_held = HOLDS(conn)
#define became(x) (IS(x) && was != flow_stream_##x)
#define BUSY (HOLDS(conn) && (far == 1 || far == 3))
#define FAST \
	FAR(far == 1, conn, connected, far = 2) \
	FAR(far == 3, conn, headers, far = 4)
#define FAULTY \
	BAD(true, conn, gone, far = 0) \
	BAD(far == 3 || far == 4, conn, ended, far = 7) \
	BAD(far == 4, conn, ack, skip) \
	LUCK(far >= 1 && far <= 3, far = 0)
#define ROLES ROLE(true, start, skip) ROLE(true, stop, skip) ROLE(true, net_change, skip) ROLE(true, fresh, store = true)
inline settle() {
	assert(!became(open) || all);			/* what the old stream may have lost goes again */
	assert(!(ev == EV(fresh) && (was == flow_stream_open || was == flow_stream_proven)) || due);
	assert(ev != EV(resend) || due || !was_held);	/* at least once */
	assert(ev != EV(ack) || taken || !was_held);
	assert((failed || (little && was != flow_stream_backoff)) == became(backoff));	/* a failure lengthens the wait */
	assert(little == (ev == EV(net_change) && was != flow_stream_idle) && (!little || (!failed && IS(backoff) && entered)));	/* a fleet that moves does not dial in step */
	assert(!((ev == EV(gone) || ev == EV(ended)) && was_held) || became(backoff));	/* what is in doubt is left */
	assert(!((ev == EV(start) || ev == EV(net_change)) && (was == flow_stream_backoff || (was == flow_stream_idle && ev == EV(start)))) || (forgot && (dialled || little)));
	failed = false; little = false; entered = false; forgot = false; all = false; due = false; taken = false; dialled = false; was = 0; was_held = false;
	if :: ev == EV(start) -> wanted = true :: ev == EV(stop) -> wanted = false :: else fi;
	assert(conn == HOLDS(conn));
	assert(wanted == !IS(idle));
	assert(!IS(proven) || !failures);
	live = IS(open) || IS(proven)
}
#include "alone.pml"
ltl comes_up { <>[] (wanted -> live) }
ltl forgets { <>[] (wanted -> !failures) }
