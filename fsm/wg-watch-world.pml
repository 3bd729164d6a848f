/* SPDX-License-Identifier: ISC
 * wg-watch-world.pml -- a path that stops carrying without a word, and an owner
 * who takes another when he is told.
 * keep KEEP_BUG_QUIET notices
 * keep KEEP_BUG_ONCE notices
 * waited: from 1 on data is out for long enough to ask, at 3 the path is dead */
#include "head.pml"
#define COINS 1
bool based, knocked, doubts, noted, seen, counted, alarm, entered;	/* in this step */
bool must_doubt, must_ask, must_knock, must_stuck, must_still, stuck, old, idle;
byte was;
bool told_stuck;	/* lately */
bool on, carries, talk = true, told, live, hush, out, asked, said, stalled;
bool mum;	/* the peer has nothing to say; it will, by the next look */
bool unasked;	/* since the path died nobody asked, and there were looks to do so */
byte waiting, waited;	/* looks that data waits, until this look */
#define silent ((!carries || mum) && talk)
#define wg_watch_if_heard(a, arg) carries
#define wg_watch_if_unanswered(a, arg) (silent && !asked)
#define wg_watch_if_owed(a, arg) (!carries && (out || talk))
#define wg_watch_if_dead(a, arg) (waited == 3)
#define wg_watch_if_stale(a, arg) (!carries)
#define wg_watch_if_unopened(a, arg) (!carries && talk && COIN(0))
#define wg_watch_if_stuck(a, arg) (silent && said && !told_stuck && COIN(0))	/* the relay carries */
#define wg_watch_if_still(a, arg) (silent && said)	/* more goes out all the time */
#define wg_watch_if_hushed(a, arg) (hush && !carries)
#define wg_watch_if_idle(a, arg) (!talk)
#define wg_watch_if_old_handshake(a, arg) old
#include "wg-watch.pml"
/* WireGuard's own reckoning begins anew with each handshake; what every look saw does not */
inline wg_watch_do_see(a, arg)		{ seen = true; if :: silent -> if :: waiting < 2 -> waiting++ :: else fi :: else -> waiting = 0; asked = false fi; if :: !carries -> hush = false :: else fi }
inline wg_watch_do_baseline(a, arg)	{ based = true; mum = false; out = false; waiting = 0; asked = false; said = false; stalled = false }
inline wg_watch_do_knock(a, arg)	{ knocked = true; out = true }
inline wg_watch_do_note_good(a, arg)	{ waiting = 0; asked = false }
inline wg_watch_do_note_doubt(a, arg)	{ noted = true; asked = true }
inline wg_watch_do_note_stuck(a, arg)	{ told_stuck = true }
inline wg_watch_send_stuck(a, arg)	{ stuck = true }
inline wg_watch_do_count(a, arg)	{ counted = true }
inline wg_watch_send_wg_timeout(a, arg)	{ assert(on && !carries); told = true; alarm = true }	/* no false alarm */
inline wg_watch_send_doubt(a, arg)	{ doubts = true }
inline wg_watch_entered(a)		{ entered = true }
#define BUSY told
#define FAST \
	NEWS(told && on && len(q) == 0, path_on, told = false; carries = true) \
	:: atomic { told && !on -> told = false }
#define FAULTY LUCK(carries, carries = false; unasked = waiting < 2) BADNEWS(carries || !on, elsewhere, skip)
#define ROLES \
	ROLE(!told && len(q) == 0, path_on, on = true; carries = true; hush = true) \
	ROLE(len(q) == 0, path_off, on = false; carries = false; told = false) \
	ROLE(true, net_change, skip) ROLE(carries || !on, shaken, skip) \
	ROLE(!talk, woken, talk = true) :: atomic { asks > 0 && IS(good) && carries && talk && waiting == 0 -> asks--; mum = true } \
	:: atomic { asks > 0 && talk -> asks--; talk = false } \
	:: atomic { asks > 0 && on && !carries && !told -> asks--; carries = true }	/* a hole that ends */
#define M_before was = M_state; if :: ev == EV(look) && (waiting > 0 || said) -> mum = false :: else fi; \
	if :: (ev == EV(look) && carries) || ev == EV(shaken) -> waiting = 0 :: else fi; \
	waited = (silent && ev == EV(look) && IS(good) -> waiting + 1 : 0); \
	old = (carries -> COIN(0) : stalled); idle = !talk; \
	if :: (ev == EV(look) && !silent) || (ev == EV(shaken) && IS(armed)) || (ev == EV(woken) && IS(quiet)) -> said = false :: else fi; \
	if :: ev == EV(recheck) -> stalled = !carries :: else fi; \
	must_ask = (ev == EV(look) && silent && !said && waited < 3); \
	must_stuck = (ev == EV(look) && silent && said && waited < 3 && !told_stuck && COIN(0)); \
	must_knock = (ev == EV(look) && silent && said && waited < 3 && COIN(0) && !must_stuck); \
	must_still = (ev == EV(look) && silent && said && waited < 3 && !must_stuck && !must_knock); \
	must_doubt = must_ask || must_still || (ev == EV(look) && was == wg_watch_good && hush && !carries && waited < 3 && !must_knock && !must_stuck) || \
		(ev == EV(elsewhere) && (was == wg_watch_good || was == wg_watch_quiet)) || \
		(ev == EV(recheck) && !carries && !old) || (ev == EV(net_change) && was != wg_watch_off)
#define became(x) (IS(x) && was != wg_watch_##x)
inline settle() {
	assert(doubts == must_doubt);				/* asked at once, again when more went out, and no oftener */
	assert(!(doubts && ev == EV(look) && silent) || noted);	/* when we asked: a second from here on nobody asks again */
	if :: doubts && ((ev == EV(look) && silent) || ev == EV(elsewhere)) -> said = true :: else fi;
	assert(alarm == ((ev == EV(look) && was == wg_watch_good && waited == 3) || (ev == EV(first) && entered && IS(armed))));
	if :: doubts || stuck || knocked || carries -> unasked = false :: else fi;
	assert(!(alarm && ev == EV(look)) || !unasked);		/* given up only after it was asked, though an earlier silence was harmless */
	assert(counted == alarm);				/* the figure is true */
	assert(!alarm || IS(armed));				/* we go on watching */
	assert(!(entered && IS(armed)) || based);		/* a new proof is owed from here on */
	assert(!(ev == EV(path_on) || (ev == EV(net_change) && was != wg_watch_off)) || (based && knocked && entered && IS(armed)));
	assert(!(ev == EV(recheck) && was == wg_watch_quiet) || (old -> (IS(armed) && knocked) : (IS(quiet) && entered)));	/* ask before we judge; look again */
	assert(stuck == must_stuck && (!stuck || told_stuck));	/* the peer is asked to look at its own end, not every look */
	assert(!must_knock || knocked);				/* packets wait for a session: asked again, not left to WireGuard's five seconds */
	assert(!(ev == EV(look) && !entered) || seen);		/* a look that changes nothing has seen */
	assert(!(ev == EV(look) && was == wg_watch_armed) || (carries -> IS(good) : (IS(armed) && !entered)));	/* the ten seconds are not put off */
	assert(!(ev == EV(first) && was == wg_watch_armed) || alarm || IS(good));
	assert(!(ev == EV(shaken) && was == wg_watch_armed) || IS(good));
	assert(!became(good) || ev != EV(elsewhere));		/* packets of the old path prove nothing */
	assert(!became(quiet) || (ev == EV(look) && !talk && !doubts));
	assert(!(ev == EV(look) && was == wg_watch_good && idle && !doubts) || IS(quiet));	/* an idle peer costs no look */
	assert(ev != EV(woken) || !IS(quiet));
	based = false; knocked = false; doubts = false; noted = false; seen = false; counted = false; alarm = false; entered = false;
	must_doubt = false; must_ask = false; must_knock = false; must_stuck = false; must_still = false; stuck = false; old = false; idle = false; was = 0; waited = 0;
	assert(len(q) > 0 || on == !IS(off));
	live = !on || carries
}
#include "alone.pml"
ltl notices { <>[] live }
