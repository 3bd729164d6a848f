/* SPDX-License-Identifier: ISC
 * signal-stream-world.pml -- a signal server; a stream that can be half dead.
 * keep KEEP_BUG_PROBE comes_up
 * keep KEEP_BUG_EARLY_RESET comes_up
 * far: 1 dialled, 2 open, 3 stream asked, 4 registered, 5 registered and probed, 7 over */
#include "head.pml"
#define COINS 1
byte far;
bool dialled, opened, failed, taken, flushed, ups, forgot, entered, little, said, beaten;	/* in this step */
byte was;
bool was_held, born, fetched, restarted;
bool conn, wanted, live;
#define signal_stream_if_proven(a, arg) COIN(0)
bool months;	/* since the last healthy stream */
#define signal_stream_if_hopeless(a, arg) months
bool overdue;	/* the SYN went out a while ago */
#define signal_stream_if_overdue(a, arg) overdue
#include "signal-stream.pml"
inline signal_stream_entered(a)			{ entered = true }
inline signal_stream_restart_silence(a)		{ restarted = true }
inline signal_stream_close_conn(a)		{ conn = false; far = 0 }
inline signal_stream_do_dial(a, arg)		{ dialled = true; overdue = false; OPEN(conn); conn = true; far = 1 }
inline signal_stream_do_open(a, arg)		{ opened = true; if :: far == 2 -> far = 3 :: else fi }
inline signal_stream_do_note_born(a, arg)	{ born = true }
inline signal_stream_do_fetch_headers(a, arg)	{ fetched = true }
inline signal_stream_do_flush(a, arg)		{ assert(conn); flushed = true }
bool probed;
inline signal_stream_do_probe(a, arg)		{ probed = true; assert(conn); if :: far == 4 -> far = 5 :: else fi }
inline signal_stream_do_take(a, arg)		{ taken = true }
inline signal_stream_do_wait_little(a, arg)	{ little = true }
inline signal_stream_do_say_spent(a, arg)	{ said = true }
inline signal_stream_do_send_beat(a, arg)	{ assert(conn); beaten = true }
inline signal_stream_do_note_failure(a, arg)	{ failed = true }
inline signal_stream_do_forget_failures(a, arg)	{ forgot = true; months = false; assert(ev == EV(start) || ev == EV(net_change) || ev == EV(message) || (ev == EV(nudge) && was == signal_stream_spent)) }
inline signal_stream_send_signal_up(a, arg)	{ ups = true; assert(ev == EV(registered)) }
#define BUSY (HOLDS(conn) && (far == 1 || far == 3 || far == 5))
#define FAST \
	FAR(far == 1, conn, connected, far = 2) \
	FAR(far == 3, conn, registered, far = 4) \
	FAR(far == 5, conn, message, far = 4)
#define FAULTY \
	BAD(true, conn, gone, far = 0) \
	BAD(far >= 3, conn, ended, far = 7) \
	BAD(far == 4, conn, message, skip) BAD(far == 3, conn, message, skip) \
	BAD(true, conn, doubt, skip) \
	LUCK(far > 0, far = 0)		/* half dead: nothing more comes, nobody says so */ \
	LUCK(!months, months = true) \
	LUCK(IS(dialing) && !overdue, overdue = true)
#define ROLES ROLE(true, start, skip) ROLE(true, stop, skip) ROLE(true, net_change, skip) ROLE(true, nudge, skip)
bool late;
#define M_before late = overdue; was = M_state; was_held = HOLDS(conn)
#define became(x) (IS(x) && was != signal_stream_##x)
inline settle() {
	assert(!(ev == EV(nudge) && was == signal_stream_backoff) || (became(dialing) && !forgot));	/* the server is back: at once, and the growth is kept */
	assert(!(ev == EV(nudge) && was == signal_stream_spent) || (became(dialing) && forgot));
	assert(!(ev == EV(nudge) && was == signal_stream_up) || IS(probing));	/* what cut the other may have cut us */
	assert(!(ev == EV(nudge) && was == signal_stream_dialing) || (dialled == late && entered == late && IS(dialing) && !forgot));	/* a lost SYN is not waited for, a fresh one is */
	assert(!(ev == EV(nudge) && was != signal_stream_backoff && was != signal_stream_spent && was != signal_stream_up && was != signal_stream_dialing) || (M_state == was && !entered));
	assert(!became(dialing) || dialled);		/* on a new connection, always */
	assert(!(ev == EV(net_change) && was != signal_stream_idle) || dialled || (little && IS(backoff)));	/* soon, jittered */
	assert(!became(opening) || opened);
	assert(!((ev == EV(gone) || ev == EV(ended)) && was_held) || became(backoff) || became(dialing) || dialled);	/* what is in doubt is left */
	assert(!(little || failed) || entered);		/* a wait that was chosen begins */
	assert(!became(probing) || probed);		/* who waits for an echo has asked */
	assert(!(ev == EV(message) && was == signal_stream_probing) || beaten);	/* entering restarts the interval: the server hears us now */
	probed = false;
	assert(!became(backoff) || failed || little);	/* a failure lengthens the wait */
	assert(!little || ((was == signal_stream_up || was == signal_stream_probing) && became(backoff)) || (ev == EV(net_change) && IS(backoff)));
	assert(!became(spent) || (months && said && ev == EV(retry)));
	assert(!(was == signal_stream_spent && became(dialing)) || forgot);
	assert(!(was == signal_stream_backoff && became(dialing)) || ev != EV(retry) || !months);
	assert(!(ev == EV(beat) && IS(up)) || beaten);
	assert(!(ev == EV(nudge) && was == signal_stream_up) || IS(probing));
	assert(!(ev == EV(message) && was == signal_stream_up) || IS(up));
	assert(!(ev == EV(net_change) && was == signal_stream_backoff) || forgot);
	assert(!(ev == EV(start) && was == signal_stream_idle) || forgot);
	assert(ev != EV(message) || taken || IS(opening) || !HOLDS(conn));
	assert(!(became(up) && ev == EV(registered)) || (ups && flushed && born));	/* its age is what proves it later */
	assert(!became(up) || ev == EV(registered) || was == signal_stream_probing);
	assert(!(ev == EV(message) && (was == signal_stream_up || was == signal_stream_probing)) || (IS(up) && (entered || restarted) && forgot));	/* each restarts the silence */
	assert(!((ev == EV(gone) || ev == EV(ended) || ev == EV(doubt)) && COIN(0) && (was == signal_stream_up || was == signal_stream_probing)) || (little && !failed));	/* a proxy's cut costs next to no wait */
	assert(fetched == (ev == EV(unheard) && was == signal_stream_opening));	/* nginx keeps the headers until a first message */
	born = false; fetched = false; restarted = false;
	little = false; said = false; beaten = false; dialled = false; opened = false; was_held = false; failed = false; taken = false; flushed = false; ups = false; forgot = false; entered = false; was = 0;
	if :: ev == EV(start) -> wanted = true :: ev == EV(stop) -> wanted = false :: else fi;
	assert(conn == HOLDS(conn));
	assert(wanted == !IS(idle));
	assert(!IS(dialing) || far != 7)
}
#define alive ((IS(up) || IS(probing)) && (far == 4 || far == 5))
#include "alone.pml"
#define spent_now IS(spent)
ltl comes_up { <>[] (wanted -> (alive || spent_now)) }
