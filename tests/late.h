/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_TESTS_LATE_H
#define GODWIT_TESTS_LATE_H
/*
 * late.h -- how late a loop is by its own fault.
 *
 * A ticking timer measures the longest gap between two ticks, less the time the
 * kernel let us wait for a processor: on a busy machine that is no stall of ours.
 */
#include <stdio.h>
#include "env/env.h"

struct late {
	struct env *env;
	struct env_timer *timer;
	struct mono last;
	int64_t waited_us;	/* for a processor, when last looked at */
	int64_t longest_us;
	int ticks;
};

#define LATE_TICK	(5 * MONO_MS)

/* Microseconds this process has been ready to run and not running; Linux. */
static inline int64_t
late_waited(void)
{
	unsigned long long ran = 0, waited = 0;
	FILE *f = fopen("/proc/self/schedstat", "r");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu %llu", &ran, &waited) != 2)
		waited = 0;
	fclose(f);
	return (int64_t)(waited / 1000);
}

static inline void
late_on_tick(void *arg)
{
	struct late *l = arg;
	struct mono now = env_now(l->env);
	int64_t waited = late_waited();
	int64_t gap = mono_diff(now, l->last) - LATE_TICK - (waited - l->waited_us);

	if (l->ticks++ > 0 && gap > l->longest_us)
		l->longest_us = gap;
	l->last = now;
	l->waited_us = waited;
	env_timer_set(l->timer, LATE_TICK);
}

static inline void
late_start(struct late *l, struct env *env)
{
	*l = (struct late){ .env = env, .timer = env_timer_new(env, late_on_tick, l) };
	env_timer_set(l->timer, 0);
}

static inline void
late_stop(struct late *l)
{
	env_timer_free(l->timer);
	l->timer = NULL;
}
#endif
