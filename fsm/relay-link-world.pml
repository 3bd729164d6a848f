/* SPDX-License-Identifier: ISC
 * relay-link-world.pml -- a relay server that answers, refuses, or falls silent.
 * keep KEEP_BUG_ORDER comes_up
 * far: 1 dialled, 2 open, 3 auth sent, 4 in, 5 in and asked */
#include "head.pml"
#define COINS 2
#define MAY_dial_timeout true
#define MAY_auth_timeout true
#define MAY_health_timeout (far == 0)	/* the server beats, or this link is dead */
#define MAY_beat true
#define MAY_sweep true
#define MAY_answer_timeout true
#define MAY_retry true
#define MAY(t) MAY_##t
byte far, tries;
bool conn, told, wanted, live;
bool echoed, pinged, failed, kept, bye, forgot, next, again, restarted, rested, handed, moved, home, entered;	/* in this step */
byte was;
#define relay_link_if_more_addresses(a, arg) (tries < 1)
#define relay_link_if_at_home(a, arg) COIN(0)
#define relay_link_if_silent(a, arg) (far == 0 || COIN(0))
#define relay_link_if_unused(a, arg) (COIN(0) && COIN(1))
#define relay_link_if_address_gone(a, arg) COIN(0)
#define relay_link_if_twin(a, arg) (COIN(0) && !COIN(1))
#include "relay-link.pml"
inline relay_link_close_conn(a)			{ conn = false; far = 0 }
inline relay_link_do_dial(a, arg)		{ OPEN(conn); conn = true; far = 1 }
inline relay_link_do_dial_next(a, arg)		{ next = true; tries++; OPEN(conn); conn = true; far = 1 }
inline relay_link_do_dial_again(a, arg)		{ again = true; OPEN(conn); conn = true; far = 1 }
inline relay_link_do_send_auth(a, arg)		{ assert(conn); if :: far == 2 -> far = 3 :: else fi }
inline relay_link_do_note_failure(a, arg)	{ tries = 0; failed = true }
inline relay_link_do_note_loss(a, arg)		{ failed = true }
inline relay_link_do_keep_address(a, arg)	{ kept = true }
inline relay_link_do_forget_failures(a, arg)	{ tries = 0; forgot = true }
inline relay_link_do_ping(a, arg)		{ pinged = true; assert(conn); if :: far == 4 -> far = 5 :: else fi }
inline relay_link_do_answer_health(a, arg)	{ assert(conn); echoed = true }
inline relay_link_do_send_close(a, arg)		{ assert(conn); bye = true }
inline relay_link_send_link_up(a, arg)		{ assert(!told && kept); told = true; tries = 0 }
inline relay_link_send_link_down(a, arg)	{ assert(told); told = false }
inline relay_link_send_home_up(a, arg)		{ assert(told); home = true }
inline relay_link_send_moved(a, arg)		{ moved = true }
inline relay_link_do_hand_over(a, arg)		{ handed = true }
inline relay_link_do_forget_beat(a, arg)	{ rested = true }
inline relay_link_restart_health_timeout(a)	{ restarted = true }
inline relay_link_entered(a)			{ entered = true }
#define twin (COIN(0) && !COIN(1))
#define unused (COIN(0) && COIN(1))
#define was_in(x) (was == relay_link_##x)
#define BUSY (HOLDS(conn) && (far == 1 || far == 3 || far == 5))
#define FAST \
	FAR(far == 1, conn, connected, far = 2) \
	FAR(far == 3, conn, auth_ok, far = 4) \
	FAR(far == 5, conn, alive, far = 4)
#define FAULTY \
	BAD(true, conn, peer_close, far = 0) \
	BAD(far >= 3, conn, health, skip) \
	BAD(far >= 3, conn, alive, skip) \
	BAD(far >= 4, conn, auth_ok, skip) \
	LUCK(far > 0, far = 0)
#define ROLES ROLE(true, start, skip) ROLE(true, stop, skip) ROLE(true, net_change, skip) ROLE(true, doubt, skip) ROLE(true, nudge, skip)
bool more;
#define M_before was = M_state; more = (tries < 1)
#define became(x) (IS(x) && was != relay_link_##x)
inline settle() {
	if :: ev == EV(start) -> wanted = true :: ev == EV(stop) || ((ev == EV(sweep) || ev == EV(retry) || ev == EV(auth_ok)) && IS(idle)) -> wanted = false :: else fi;
	assert(wanted == !IS(idle));				/* only stop, and having no use, end it */
	assert(!((ev == EV(peer_close) || ev == EV(dial_timeout)) && was_in(dialing)) || (next != IS(backoff)));	/* the next address, or a wait */
	assert(!((ev == EV(peer_close) || ev == EV(dial_timeout)) && was_in(dialing) && more) || next);
	assert(!(ev == EV(health) && was_in(up)) || restarted);		/* the server's next beat is waited for anew */
	assert(rested == ((ev == EV(beat) && was_in(up) && IS(up)) || ((ev == EV(alive) || ev == EV(health)) && was_in(doubted))));
	assert(!(ev == EV(alive) && was_in(doubted)) || IS(up));
	assert(!(ev == EV(sweep) && was_in(up)) || (unused -> (IS(idle) && bye) : (IS(up) && !entered)));
	assert(!(ev == EV(net_change) && (was_in(up) || was_in(doubted))) || (COIN(0) -> (IS(backoff) && failed) : (IS(doubted) && pinged == was_in(up))));
	assert(!((ev == EV(doubt) || ev == EV(health_timeout)) && was_in(up)) || IS(doubted));
	assert(moved == handed && (!moved || IS(idle)));			/* our channels go on at the twin */
	assert(!((ev == EV(auth_ok) && was_in(handshaking)) || (ev == EV(retry) && was_in(backoff))) || handed == twin);
	assert(home == (ev == EV(auth_ok) && became(up) && COIN(0)));	/* our offers say where we are at home */
	assert(!(ev == EV(retry) && was_in(backoff)) || ((unused || twin) -> IS(idle) : IS(dialing)));
	assert(ev != EV(nudge) || (was_in(backoff) -> (IS(dialing) && forgot) : (M_state == was && !entered)));
	assert(again == (ev == EV(net_change) && (was_in(dialing) || was_in(handshaking))) && (!again || (IS(dialing) && entered)));
	next = false; again = false; restarted = false; rested = false; handed = false; moved = false; home = false; entered = false; more = false;
	assert(conn == HOLDS(conn));
	assert(told == (IS(up) || IS(doubted)));		/* each life is told up once and down once, in order */
	assert(!became(backoff) || failed);			/* a failure lengthens the wait */
	assert(!became(dialing) || (was != relay_link_idle && ev != EV(net_change)) || forgot || was == relay_link_up || was == relay_link_doubted || was == relay_link_handshaking);
	assert(!(ev == EV(stop) && (was == relay_link_up || was == relay_link_doubted)) || bye);	/* a goodbye frees our id */
	assert(!(ev == EV(beat) && was == relay_link_up && far == 0) || IS(doubted));	/* a black hole is asked into at once */
	live = told && far >= 4;
	assert(!(ev == EV(health) && (was == relay_link_up || was == relay_link_doubted)) || (echoed && IS(up)));
	assert(!became(doubted) || pinged);
	assert(ev != EV(health_timeout) || !IS(up));	/* a late word is asked for */
	echoed = false; pinged = false; failed = false; kept = false; bye = false; forgot = false; was = 0
}
#include "alone.pml"
ltl comes_up { <>[] (wanted -> live) }
