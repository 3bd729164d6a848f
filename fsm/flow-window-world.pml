/* SPDX-License-Identifier: ISC
 * flow-window-world.pml -- packets that are counted, and a stream that hears of it. */
#include "head.pml"
bool counted, wanted, told;
#include "flow-window.pml"
inline flow_window_do_begin(a, arg)		{ skip }
inline flow_window_do_close_window(a, arg)	{ counted = false; told = false }
inline flow_window_do_drop_window(a, arg)	{ counted = false; told = true }
inline flow_window_send_fresh(a, arg)		{ told = true }
#define BUSY false
#define FAULTY LUCK(IS(counting), counted = true)
#define ROLES ROLE(true, start, skip) ROLE(true, stop, skip)
inline settle() {
	if :: ev == EV(start) -> wanted = true :: ev == EV(stop) -> wanted = false :: else fi;
	assert(wanted == IS(counting));
	assert(wanted || !counted);
	assert(told || !wanted || ev == EV(start))	/* who closed a window has said so */
}
#include "alone.pml"
ltl becomes_events { <>[] !counted }
