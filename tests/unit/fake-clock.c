/* SPDX-License-Identifier: ISC */
/*
 * fake-clock.c -- the clock and the timers of fake-clock.h.
 */
#include <stdlib.h>
#include "tests/unit/fake-clock.h"

void
fake_clock_init(struct fake_clock *c, int64_t now)
{
	c->now = now;
	c->orders = 0;
	list_init(&c->timers);
}

struct env_timer *
fake_clock_next(struct fake_clock *c, int64_t until)
{
	struct env_timer *next = NULL;

	LIST_EACH(l, &c->timers) {
		struct env_timer *t = LIST_OF(l, struct env_timer, all);

		if (t->at != 0 && t->at <= until &&
		    (next == NULL || t->at < next->at || (t->at == next->at && t->order < next->order)))
			next = t;
	}
	if (next != NULL && next->at > c->now)
		c->now = next->at;
	return next;
}

void
fake_timer_run(struct env_timer *t)
{
	bool once = t->once;

	t->at = 0;
	t->fn(t->arg);
	if (once)
		env_timer_free(t);
}

/* ---- env.h ---- */

struct mono
env_now(struct env *e)
{
	return (struct mono){ fake_clock_of(e)->now };
}

struct env_timer *
env_timer_new(struct env *e, void (*fn)(void *arg), void *arg)
{
	struct env_timer *t = calloc(1, sizeof(*t));

	t->clock = fake_clock_of(e);
	t->env = e;
	t->fn = fn;
	t->arg = arg;
	list_append(&t->clock->timers, &t->all);
	return t;
}

void
env_timer_set(struct env_timer *t, int64_t us)
{
	t->at = t->clock->now + us;
	t->order = ++t->clock->orders;
}

void
env_timer_stop(struct env_timer *t)
{
	t->at = 0;
}

bool
env_timer_pending(const struct env_timer *t)
{
	return t->at != 0;
}

void
env_timer_free(struct env_timer *t)
{
	if (t == NULL)
		return;
	list_remove(&t->all);
	free(t);
}
