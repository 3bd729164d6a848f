/* SPDX-License-Identifier: ISC
 * flow-window-world.pml -- packets that are counted, and a stream that hears of it.
 * keep KEEP_BUG_LOSES becomes_events */
#include "head.pml"
bool counted, wanted, begun, closed, told, dropped, entered;	/* begun: the open window's beginning is right */
bool was_on;
#include "flow-window.pml"
inline flow_window_do_begin(a, arg)		{ assert(!counted); begun = true }	/* what was counted is not lost */
/* an event says from when to when it counted */
inline flow_window_do_close_window(a, arg)	{ assert(begun && IS(counting)); counted = false; begun = false; closed = true }
inline flow_window_do_drop_window(a, arg)	{ counted = false; begun = false; dropped = true }
inline flow_window_send_fresh(a, arg)		{ assert(closed); told = true }
inline flow_window_entered(a)			{ entered = true }
#define BUSY false
#define FAULTY LUCK(IS(counting), counted = true)
#define ROLES ROLE(true, start, skip) ROLE(true, stop, skip)
#define M_before was_on = IS(counting)
inline settle() {
	if :: ev == EV(start) -> wanted = true :: ev == EV(stop) -> wanted = false :: else fi;
	assert(wanted == IS(counting));
	assert(wanted == begun);			/* a window is open while flows are wanted */
	assert(wanted || !counted);
	assert(!dropped || ev == EV(stop));		/* nothing is lost but by being switched off */
	assert(closed == (was_on && ev != EV(stop)));	/* each interval's end closes its window, and so does another interval */
	assert(told == closed);				/* who closed a window has said so */
	assert(!wanted || entered || ev == EV(stop));	/* a new window has a whole interval before it */
	closed = false; told = false; dropped = false; entered = false; was_on = false
}
#include "alone.pml"
ltl becomes_events { <>[] !counted }
