/* SPDX-License-Identifier: ISC
 * wg-watch-world.pml -- a path that stops carrying without a word, and an owner
 * who takes another when he is told.
 * keep KEEP_BUG_QUIET notices */
#include "head.pml"
#define COINS 1
bool based, knocked, doubts, noted;	/* in this step */
byte was;
bool on, carries, talk, told, live, hush;
#define wg_watch_if_heard(a, arg) carries
#define wg_watch_if_unanswered(a, arg) (!carries && talk)
#define wg_watch_if_owed(a, arg) (!carries)
#define wg_watch_if_dead(a, arg) (!carries && talk)
#define wg_watch_if_stale(a, arg) (!carries)
#define wg_watch_if_unopened(a, arg) (!carries && talk && COIN(0))
#define wg_watch_if_hushed(a, arg) (hush && !carries)
#define wg_watch_if_idle(a, arg) (!talk)
#define wg_watch_if_old_handshake(a, arg) (!carries || COIN(0))
#include "wg-watch.pml"
inline wg_watch_do_see(a, arg)		{ hush = false }	/* said once a silence */
inline wg_watch_send_wg_timeout(a, arg)	{ assert(on && !carries); told = true }	/* no false alarm */
#define BUSY told
#define FAST \
	NEWS(told && on && len(q) == 0, path_on, told = false; carries = true) \
	:: atomic { told && !on -> told = false }
#define FAULTY LUCK(carries, carries = false) LUCK(true, talk = !talk) BADNEWS(carries, elsewhere, skip)
#define ROLES \
	ROLE(!told && len(q) == 0, path_on, on = true; carries = true; hush = true) \
	ROLE(len(q) == 0, path_off, on = false; carries = false; told = false) \
	ROLE(true, net_change, skip) ROLE(carries, shaken, skip) ROLE(talk, woken, skip)
inline wg_watch_do_baseline(a, arg) { based = true }
inline wg_watch_do_knock(a, arg) { knocked = true }
inline wg_watch_send_doubt(a, arg) { doubts = true }
inline wg_watch_do_note_doubt(a, arg) { noted = true }
#define M_before was = M_state
#define became(x) (IS(x) && was != wg_watch_##x)
inline settle() {
	assert(!became(armed) || based);			/* a new proof is owed from here on */
	assert(!(ev == EV(path_on) || (ev == EV(net_change) && !IS(off))) || (based && knocked));
	assert(!(ev == EV(net_change) && !IS(off)) || doubts);
	assert(ev != EV(path_on) || IS(armed));
	assert(!(ev == EV(look) && was == wg_watch_good && !carries && talk) || !IS(good) || doubts || told);
	assert(!(IS(armed) && ev == EV(look) && carries));
	based = false; knocked = false; doubts = false; noted = false; was = 0;
	assert(len(q) > 0 || on == !IS(off));
	live = !on || carries
}
#include "alone.pml"
ltl notices { <>[] live }
