/* SPDX-License-Identifier: ISC
 * flow-stream-world.pml -- a flow server, and proxies that lose streams.
 * keep KEEP_BUG_SAME_CONN comes_up
 * keep KEEP_BUG_EARLY_RESET comes_up
 * keep KEEP_BUG_NEVER_PROVEN forgets
 * far: 1 dialled, 2 open, 3 Events asked, 4 headers sent, 7 over but for its end */
#include "head.pml"
byte far;
bool conn, wanted, failures, live, store;
#include "flow-stream.pml"
inline flow_stream_close_conn(a)		{ conn = false; far = 0 }
inline flow_stream_do_dial(a, arg)		{ assert(!conn); OPEN(conn); conn = true; far = 1 }
inline flow_stream_do_redial(a, arg)		{ OPEN(conn); conn = true; far = 1 }
/* a connection that lost a stream is never used again */
inline flow_stream_do_open(a, arg)		{ assert(far != 7); if :: far == 2 -> far = 3 :: else fi }
inline flow_stream_do_send_all(a, arg)		{ assert(conn) }
inline flow_stream_do_send_due(a, arg)		{ assert(conn) }
inline flow_stream_do_take_ack(a, arg)		{ store = false }
inline flow_stream_do_note_failure(a, arg)	{ failures = true }
/* only what proved itself, or somebody who knows better, resets the back-off */
inline flow_stream_do_forget_failures(a, arg) {
	assert(ev == EV(start) || ev == EV(proof) || ev == EV(net_change));
	failures = false
}
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
	if :: ev == EV(start) -> wanted = true :: ev == EV(stop) -> wanted = false :: else fi;
	assert(conn == HOLDS(conn));
	assert(wanted == !IS(idle));
	assert(!IS(proven) || !failures);
	live = IS(open) || IS(proven)
}
#include "alone.pml"
ltl comes_up { <>[] (wanted -> live) }
ltl forgets { <>[] (wanted -> !failures) }
