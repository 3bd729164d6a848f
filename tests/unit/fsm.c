/* SPDX-License-Identifier: ISC */
/*
 * fsm.c -- the runtime and the C half of the table compiler, on tests/gen/kettle.fsm.
 */
#include <stdlib.h>
#include "base/log.h"
#include "tests/tap.h"
#include "tests/unit/kettle-world.h"

static void
one_life(struct env *e, struct fsm_loop *l, struct kettle *k)
{
	kettle_post(k, KETTLE_EV_PRESS, NULL);
	is_int(k->fsm.state, KETTLE_COLD, "posting alone does nothing");
	fsm_drain(l);
	is_int(k->fsm.state, KETTLE_COLD, "[!plugged] takes its row");
	is_str(taken(k), "", "and runs no action");

	kettle_post(k, KETTLE_EV_PLUG, NULL);
	kettle_post(k, KETTLE_EV_PRESS, NULL);
	fsm_drain(l);
	is_int(k->fsm.state, KETTLE_BROKEN, "the last row without a guard is the else");
	is_str(taken(k), "spill", "with its action");
	pass(e, 49999, false);
	is_int(k->fsm.state, KETTLE_BROKEN, "50 ms are not over");
	pass(e, 1, false);
	is_int(k->fsm.state, KETTLE_COLD, "50 ms are over");
	is_str(taken(k), "mend", "and the timer's row ran");

	k->full = true;
	kettle_post(k, KETTLE_EV_PRESS, leaf(1));
	fsm_drain(l);
	is_int(k->fsm.state, KETTLE_HEATING, "the guard in the middle");
	is_str(taken(k), "lid heat", "actions run left to right");
	is_int(data_alive, 0, "the event's data is freed after its step");
	pass(e, 2500 * MONO_MS, false);
	is_int(k->looks, 3, "every 800 ms, without a restart by its own row");
	kettle_post(k, KETTLE_EV_WARM, NULL);
	fsm_drain(l);
	pass(e, 799 * MONO_MS, false);
	is_int(k->looks, 3, "@look began it anew");
	pass(e, 1 * MONO_MS, false);
	is_int(k->looks, 4, "800 ms after");
	is_int(fsm_loop_nevers(l), 0, "nothing that was never to happen");
}

static void
resources(struct env *e, struct fsm_loop *l, struct kettle *k)
{
	uint32_t life = fsm_gen(&k->fsm, KETTLE_RES_COIL);

	k->patience = 10 * MONO_SEC;
	trace_text[0] = '\0';
	kettle_post_gen(k, KETTLE_EV_BOILED, life, NULL);
	kettle_post(k, KETTLE_EV_WARM, NULL);
	fsm_drain(l);
	is_str(taken(k), "connect heat", "the coil, held by both, is not closed");
	is_int(heard_tea, 1, "one send, one delivery");
	is_str(trace_text, "a 29 keeping;a 39 keeping;a 57 keeping;", "a send is behind what was queued");
	pass(e, 9 * MONO_SEC, false);
	is_int(k->looks, 6, "2s..4s: the fake chance always says 4");
	pass(e, 1 * MONO_SEC, false);
	is_int(k->fsm.state, KETTLE_BROKEN, "too-long=$patience: 10 s after the last entry");
	is_str(taken(k), "fuse close-coil close-mains", "actions first, then what the state does not hold");

	kettle_post_gen(k, KETTLE_EV_WARM, life, NULL);
	fsm_drain(l);
	is_int(fsm_loop_stale(l), 1, "an event of the coil where none is held: dropped and counted");
	pass(e, 50 * MONO_MS, false);
	kettle_post(k, KETTLE_EV_PRESS, NULL);
	kettle_post_gen(k, KETTLE_EV_BOILED, life, NULL);
	fsm_drain(l);
	is_int(fsm_loop_stale(l), 2, "an event of a former coil is dropped");
	is_int(k->fsm.state, KETTLE_HEATING, "and changes nothing");
	is_int(k->fsm.stale, 2, "the machine counts too");
	taken(k);
}

static void
timers(struct env *e, struct fsm_loop *l, struct kettle *k)
{
	/* too-long and unplug are queued in the same turn: the timer was stopped before its expiry was read */
	kettle_post(k, KETTLE_EV_UNPLUG, NULL);
	pass(e, 5 * MONO_MIN, true);
	is_int(k->fsm.state, KETTLE_COLD, "unplugged");
	is_str(taken(k), "close-coil", "and no fuse blown by a timer that no longer runs");
	ok(fsm_loop_stale(l) > 2, "its expiry is counted as stale");

	k->patience = -1;
	kettle_post(k, KETTLE_EV_PRESS, NULL);
	kettle_post(k, KETTLE_EV_BOILED, NULL);
	fsm_drain(l);
	is_int(fsm_loop_stale(l) > 2 && k->fsm.state == KETTLE_HEATING, 1,
	    "boiled was posted in the life before: posting does not wait");
	kettle_post(k, KETTLE_EV_BOILED, NULL);
	fsm_drain(l);
	pass(e, MONO_HOUR, false);
	is_int(k->fsm.state, KETTLE_KEEPING, "a negative $field leaves its timer off");
	k->patience = 0;
	kettle_post(k, KETTLE_EV_PRESS, NULL);
	fsm_drain(l);
	pass(e, 0, false);
	is_int(k->fsm.state, KETTLE_BROKEN, "0 fires at once");
	pass(e, MONO_SEC, false);
	taken(k);
}

static void
sends(struct env *e, struct fsm_loop *l, struct kettle *k, struct kettle *n)
{
	k->neighbour = n;
	kettle_post(k, KETTLE_EV_PRESS, NULL);
	fsm_drain(l);
	kettle_post(k, KETTLE_EV_BOILED, leaf(3));
	fsm_drain(l);
	is_int(heard_what, 3, "a send carries the event's data");
	ok(n->plugged, "the other machine heard it");
	is_int(data_alive, 0, "shared data is freed once");
	kettle_post(k, KETTLE_EV_UNPLUG, leaf(4));
	fsm_drain(l);
	is_int(heard_what, 7, "or what the row's action gave to fsm_carry");
	is_int(data_alive, 0, "and that is freed as well");
	k->neighbour = NULL;
	kettle_post(n, KETTLE_EV_PRESS, leaf(5));
	kettle_fini(n);
	is_int(data_alive, 0, "a machine that ends drops its queue");
	fsm_drain(l);
	kettle_fini(n);
}

static int never_lines;

static void
sink(void *arg, enum log_level level, const char *token, const char *line)
{
	if (strstr(line, "never to happen, row 41") != NULL)
		never_lines++;
}

static void
bugs(struct env *e, struct fsm_loop *l, struct kettle *k)
{
	taken(k);
	kettle_post(k, KETTLE_EV_PRESS, NULL);
	fsm_drain(l);
	kettle_post(k, KETTLE_EV_BOILED, NULL);
	fsm_drain(l);
	log_to_sink(sink, NULL);
	kettle_post(k, KETTLE_EV_BOILED, NULL);
	fsm_drain(l);
	log_to_sink(NULL, NULL);
	is_int(fsm_loop_nevers(l), 1, "a never row that happens is counted");
	is_int(never_lines, 1, "and says so with its row");
	is_int(k->fsm.state, KETTLE_KEEPING, "and changes nothing");
	is_int(k->fsm.hits[0] > 0 && k->fsm.hits[kettle_fsm.nrow - 1] > 0, 1, "rows are counted");
	ok(k->fsm.npast > 8 && k->fsm.past[(k->fsm.npast - 1) % FSM_RING].to == KETTLE_KEEPING, "the ring holds the last transition");
}

static void
ends(void *arg)
{
	struct kettle *k = arg;

	note(k, "deferred");
	kettle_fini(k);
}

static void
never_ends(void *arg)
{
	abort();
}

int
main(void)
{
	struct env e = { 0 };
	struct kettle a = { .patience = 0 }, b = { .patience = 0 };
	struct fsm_loop *l;

	fake_clock_init(&e.clock, 1000);
	l = fsm_loop_new(&e, kettle_route, NULL);
	kettle_init(&a, l, "a");
	kettle_init(&b, l, "b");
	fsm_loop_on_step(l, kettle_trace, NULL);
	is_int(kettle_fsm.ntimer, 5, "a timer of another length is another timer");
	is_str(kettle_fsm.row[1].why, "RFC 2324, section 2.1.1: \"BREW\"", "reasons come through with quotes");
	is_str(kettle_fsm.state_why[0], "nobody wants \"tea\" yet \\ or ever", "and meanings with backslashes");
	one_life(&e, l, &a);
	resources(&e, l, &a);
	timers(&e, l, &a);
	sends(&e, l, &a, &b);
	bugs(&e, l, &a);

	fsm_loop_off_step(l, kettle_trace, NULL);
	trace_text[0] = '\0';
	taken(&a);
	fsm_defer(l, never_ends, &a);
	fsm_undefer(l, never_ends, &a);
	fsm_defer(l, ends, &a);
	kettle_post(&a, KETTLE_EV_PRESS, NULL);
	fsm_drain(l);
	is_str(a.log, "heat deferred close-coil close-mains", "deferred: when the queue is empty; fini closes what is held");
	is_str(trace_text, "", "who is off the list is not told");
	is_int(list_count(&e.clock.timers), 0, "no timer is left");
	fsm_loop_free(l);
	return tap_done();
}
