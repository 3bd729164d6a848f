/* SPDX-License-Identifier: ISC */
/* backoff.c -- see backoff.h. */
#include "env/env.h"
#include "fsm/backoff.h"

#define LITTLE	50000	/* microseconds */

int64_t
backoff_next(struct backoff *b, struct env *env)
{
	int64_t base = b->base != 0 ? b->base : b->first;
	int64_t half = base * b->spread / 100;
	int64_t wait = base - half;

	if (half > 0)
		wait += (int64_t)env_random_below(env, (uint64_t)(2 * half + 1));
	b->base = base * b->num / b->den;
	if (b->base > b->max)
		b->base = b->max;
	return wait;
}

void
backoff_reset(struct backoff *b)
{
	b->base = 0;
}

int64_t
backoff_little(struct env *env)
{
	return (int64_t)env_random_below(env, LITTLE);
}
