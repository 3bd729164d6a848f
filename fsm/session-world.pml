/* SPDX-License-Identifier: ISC
 * session-world.pml -- a management server that knows us, or says that it does not.
 * keep KEEP_BUG_STREAMS settles
 * keep KEEP_BUG_FORGOTTEN settles
 * far: 1 dialled, 2 open, 3 key asked, 4 key told, 5 Login sent, 6 Logout sent */
#include "head.pml"
byte far;
bool streams_were, again, leaves, failed, left, dropped, noted, forgot, asked, fresh;	/* in this step */
byte was;
bool conn, wanted, only, engine, streams, is_up, settled;
#define session_if_engine_up(a, arg) engine
#define session_if_login_only(a, arg) only
#include "session.pml"
inline session_close_conn(a)			{ conn = false; far = 0 }
inline session_do_dial(a, arg)			{ OPEN(conn); conn = true; far = 1 }
inline session_do_ask_key(a, arg)		{ asked = true; if :: far == 2 -> far = 3 :: else fi }
inline session_do_login(a, arg)			{ if :: far == 4 -> far = 5 :: else fi }
inline session_do_leave(a, arg)			{ leaves = true; assert(!engine); if :: far == 4 -> far = 6 :: else fi }
inline session_do_want_engine(a, arg)		{ only = false }
inline session_do_want_login(a, arg)		{ only = true }
inline session_do_forget_failures(a, arg)	{ forgot = true }
inline session_do_note_failure(a, arg)		{ failed = true }
inline session_do_wait_for_engine(a, arg)	{ failed = true }
inline session_do_note_left(a, arg)		{ left = true }
inline session_do_note_login(a, arg)		{ noted = true }
inline session_do_drop_setup_key(a, arg)	{ dropped = true }
inline session_do_start_engine(a, arg)		{ assert(!engine); engine = true }
inline session_do_refresh_engine(a, arg)	{ assert(engine); fresh = true }
inline session_do_stop_engine(a, arg)		{ assert(engine); engine = false }
inline session_send_try_again(a, arg)		{ assert(streams); again = true }
inline session_send_start_streams(a, arg)	{ assert(!streams); streams = true }
inline session_send_stop_streams(a, arg)	{ assert(streams); streams = false }
#define BUSY (HOLDS(conn) && (far == 1 || far == 3 || far == 5 || far == 6))
#define FAST \
	FAR(far == 1, conn, connected, far = 2) \
	FAR(far == 3, conn, key_ok, far = 4) \
	FAR(far == 5, conn, login_ok, far = 7) \
	FAR(far == 6, conn, logout_done, far = 7)
#define FAULTY \
	BAD(far > 0, conn, gone, far = 0) \
	BAD(far == 3, conn, key_bad, far = 4) \
	BAD(far == 5, conn, denied, far = 7) \
	BAD(far == 5, conn, refused, far = 7) \
	BAD(far == 5, conn, failed, far = 7) \
	LUCK(far > 0, far = 0) \
	BADNEWS(engine && IS(running), no_engine, skip)
#define ROLES \
	ROLE(true, up, skip) ROLE(true, login, skip) ROLE(true, down, skip) ROLE(true, logout, skip) \
	ROLE(streams, denied_stream, skip)
#define LEAVING (IS(leave_dialing) || IS(leave_keying) || IS(leaving))
#define M_before was = M_state; streams_were = streams
#define became(x) (IS(x) && was != session_##x)
#define was_leaving (was == session_leave_dialing || was == session_leave_keying || was == session_leaving)
inline settle() {
	assert(!((ev == EV(login_ok) || ev == EV(denied) || ev == EV(refused)) && was == session_logging_in) || !IS(logging_in));
	assert(!((ev == EV(denied) || ev == EV(refused)) && was == session_logging_in) || IS(needs_login));	/* final */
	assert(!(ev == EV(login_ok) && was == session_logging_in) || IS(running) || only);
	assert(!(was_leaving && !IS(leave_dialing) && !IS(leave_keying) && !IS(leaving)) || IS(idle));
	assert(again == (ev == EV(login_ok) && was == session_logging_in && engine && streams_were));	/* the refused stream is tried again */
	again = false;
	assert(fresh == (ev == EV(login_ok) && was == session_logging_in && streams_were));	/* what Login said reaches the engine that runs */
	assert(!(ev == EV(login_ok) && was == session_logging_in && only && !streams_were) || (IS(idle) && !engine));	/* only to be known */
	assert(!(ev == EV(key_bad) && was == session_keying) || IS(backoff));	/* whoever stands in the middle may go away */
	assert(!((ev == EV(key_bad) && was == session_leave_keying) || (ev == EV(logout_done) && was == session_leaving)) || IS(idle));
	assert(!(ev == EV(no_engine) && was == session_running) || (IS(backoff) && !engine));	/* what is missing may come */
	assert(!(ev == EV(denied_stream) && was == session_running) || IS(dialing));	/* Login decides whether for good */
	assert(asked == (became(keying) || became(leave_keying)));
	assert(!(ev == EV(up) && !was_leaving) || !only);	/* from now on more than a login */
	asked = false; fresh = false;
	assert(!became(leaving) || leaves);
	assert(!(ev == EV(up) && became(dialing)) || !only);
	assert(!(ev == EV(login) && IS(dialing) && (was == session_idle || was == session_needs_login)) || only);
	leaves = false;
	assert(!became(backoff) || failed);			/* a failure lengthens the wait */
	assert(!became(needs_login) || dropped);		/* a key that was refused is not tried again */
	assert(!(was_leaving && IS(idle)) || left);		/* who asked for the logout gets an answer */
	assert(!was_leaving || !failed);			/* nothing is tried again: no wait is planned */
	assert(!(ev == EV(login_ok) && became(idle)) || noted);
	assert(!((ev == EV(up) || ev == EV(login)) && became(dialing)) || forgot);	/* an earlier wish's waits are not his */
	assert(!(ev == EV(down) && !was_leaving) || IS(idle));
	assert(!(ev == EV(logout)) || LEAVING);
	assert(!(ev == EV(logout) && !was_leaving) || forgot);	/* nor are an earlier wish's reasons told for it */
	failed = false; left = false; dropped = false; noted = false; forgot = false; was = 0; streams_were = false;
	if
	:: ev == EV(up) && !LEAVING -> wanted = true
	:: ev == EV(down) || ev == EV(logout) || IS(needs_login) || (IS(idle) && only) -> wanted = false
	:: else fi;
	assert(conn == HOLDS(conn));
	assert(engine == streams);			/* streams run if and only if the engine does */
	assert(!IS(running) || engine);
	assert(!(IS(idle) || IS(needs_login) || LEAVING) || !engine);	/* nothing of the mesh is left standing */
	assert(!wanted || !(IS(idle) || IS(needs_login)));
	is_up = IS(running); settled = IS(running) || IS(idle) || IS(needs_login)
}
#include "alone.pml"
ltl comes_up { <>[] (wanted -> is_up) }
ltl settles { <>[] settled }
