/* SPDX-License-Identifier: ISC */
/*
 * timer.c -- env.h's clocks, timers and chance.
 */
#include <stdlib.h>
#include "tests/sim/impl.h"

struct mono
env_now(struct env *e)
{
	return (struct mono){ e->sim->now + e->host->boot_offset };
}

int64_t
env_wall(struct env *e)
{
	return e->sim->now + e->host->wall_offset;
}

struct env_timer {
	struct list in_env;
	struct env *env;
	struct ev ev;
	void (*fn)(void *);
	void *arg;
};

static void
timer_run(void *arg)
{
	struct env_timer *t = arg;
	struct env *e = t->env;

	turn_begin(e);
	t->fn(t->arg);
	turn_end(e);
}

struct env_timer *
env_timer_new(struct env *e, void (*fn)(void *), void *arg)
{
	struct env_timer *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->env = e;
	t->fn = fn;
	t->arg = arg;
	env_ev_init(e, &t->ev, timer_run, t);
	list_append(&e->timers, &t->in_env);
	return t;
}

/* A real timer is never early and mostly a little late. */
void
env_timer_set(struct env_timer *t, int64_t us)
{
	int64_t late = (int64_t)prng_below(&t->env->host->kernel, 200);

	ev_set(t->env->sim, &t->ev, t->env->sim->now + (us > 0 ? us : 0) + late);
}

void
env_timer_stop(struct env_timer *t)
{
	ev_stop(t->env->sim, &t->ev);
}

bool
env_timer_pending(const struct env_timer *t)
{
	return ev_pending(&t->ev);
}

void
env_timer_free(struct env_timer *t)
{
	if (t == NULL)
		return;
	ev_stop(t->env->sim, &t->ev);
	list_remove(&t->in_env);
	free(t);
}

void
env_random(struct env *e, void *out, size_t len)
{
	prng_fill(&e->prng, out, len);
}

uint64_t
env_random_below(struct env *e, uint64_t bound)
{
	return prng_below(&e->prng, bound);
}
