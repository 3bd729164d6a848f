/* SPDX-License-Identifier: ISC */
/*
 * trace.c -- transitions of machines into the hash.  A file of its own, so that
 * tests without machines need not link the runtime.
 */
#include <string.h>
#include "fsm/fsm.h"
#include "tests/sim/impl.h"

static void
on_step(void *arg, const struct fsm_trace *t)
{
	struct sim *s = arg;
	const struct fsm_def *d = t->machine->def;

	sim_mark(s, d->name, (uint64_t)t->from << 32 | (uint64_t)t->to, (uint64_t)t->event, (uint64_t)t->row);
	if (t->machine->subject != NULL)
		sim_hash_add(s, t->machine->subject, strlen(t->machine->subject));
	if (s->verbose)
		sim_say(s, s->cur != NULL ? s->cur->host->name : "-", "%s %s: %s --%s--> %s", d->name,
		    t->machine->subject != NULL ? t->machine->subject : "", d->state_name[t->from],
		    d->event_name[t->event], d->state_name[t->to]);
}

void
sim_hash_loop(struct sim *s, struct fsm_loop *l)
{
	fsm_loop_on_step(l, on_step, s);
}
