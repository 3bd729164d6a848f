/* SPDX-License-Identifier: ISC */
/*
 * fakeenv.c -- see fakeenv.h.  Due things run in order of time, then of creation.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "fakeenv.h"
#include "tests/unit/fake-clock.h"

struct turn_end {
	void (*fn)(void *arg);
	void *arg;
};

struct env {
	uint64_t seed;
	struct turn_end end[4];
	unsigned nend;
	struct addr addr[16];
	size_t naddr;
	uint64_t ways;
	void (*on_host)(void *arg);
	void *host_arg;
	void (*on_resume)(void *arg, int64_t);
	void *resume_arg;
};

struct env_lookup {
	struct env_timer *timer;
	env_lookup_fn fn;
	void *arg;
	struct addr found;
	bool good;
};

static struct fake_clock the_clock = { 1000 * MONO_SEC, { &the_clock.timers, &the_clock.timers }, 0 };	/* of all envs */

struct env *
fake_env_new(uint64_t seed)
{
	struct env *e = calloc(1, sizeof(*e));

	e->seed = seed * 2654435761u + 1;
	return e;
}

int64_t
fake_now(void)
{
	return the_clock.now;
}

static void
end_turn(struct env *e)
{
	for (unsigned i = 0; i < e->nend; i++)
		e->end[i].fn(e->end[i].arg);
}

void
fake_env_reroute(struct env *e, uint64_t ways)
{
	e->ways = ways;
	if (e->on_host != NULL)
		e->on_host(e->host_arg);
	end_turn(e);
}

void
fake_env_set_addrs(struct env *e, const struct addr *a, size_t n)
{
	memcpy(e->addr, a, n * sizeof(*a));
	e->naddr = n;
	if (e->on_host != NULL) {
		e->on_host(e->host_arg);
		end_turn(e);
	}
}

void
fake_env_resume(struct env *e, int64_t slept_us)
{
	if (e->on_resume != NULL) {
		e->on_resume(e->resume_arg, slept_us);
		end_turn(e);
	}
}

struct fake_clock *
fake_clock_of(struct env *e)
{
	(void)e;
	return &the_clock;
}

void
fake_run(int64_t us)
{
	int64_t until = the_clock.now + us;
	struct env_timer *next;

	while ((next = fake_clock_next(&the_clock, until)) != NULL) {
		struct env *e = next->env;

		fake_timer_run(next);
		end_turn(e);
	}
	the_clock.now = until;
}

void
fake_at(struct env *e, int64_t us, void (*fn)(void *arg), void *arg)
{
	struct env_timer *t = env_timer_new(e, fn, arg);

	t->once = true;
	env_timer_set(t, us);
}

/* ---- env.h ---- */

void
env_on_turn_end(struct env *e, void (*fn)(void *arg), void *arg)
{
	e->end[e->nend++] = (struct turn_end){ fn, arg };
}

void
env_off_turn_end(struct env *e, void (*fn)(void *arg), void *arg)
{
	for (unsigned i = 0; i < e->nend; i++)
		if (e->end[i].fn == fn && e->end[i].arg == arg)
			e->end[i--] = e->end[--e->nend];
}

int64_t
env_wall(struct env *e)
{
	(void)e;
	return the_clock.now + INT64_C(1700000000000000);
}

void
env_on_resume(struct env *e, void (*fn)(void *arg, int64_t slept_us), void *arg)
{
	e->on_resume = fn;
	e->resume_arg = arg;
}

void
env_on_host_change(struct env *e, void (*fn)(void *arg), void *arg)
{
	e->on_host = fn;
	e->host_arg = arg;
}

uint64_t
env_host_ways(struct env *e)
{
	return e->ways;
}

uint64_t
env_random_below(struct env *e, uint64_t bound)
{
	e->seed ^= e->seed << 13;
	e->seed ^= e->seed >> 7;
	e->seed ^= e->seed << 17;
	return e->seed % bound;
}

void
env_random(struct env *e, void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)env_random_below(e, 256);
}

size_t
env_ifaddrs(struct env *e, struct env_ifaddr *out, size_t max)
{
	for (size_t i = 0; i < e->naddr && i < max; i++) {
		memset(&out[i], 0, sizeof(out[i]));
		memcpy(out[i].iface, "eth0", 5);
		out[i].prefix.addr = e->addr[i];
		out[i].prefix.bits = 24;
		out[i].up = true;
	}
	return e->naddr;
}

static void
looked_up(void *arg)
{
	struct env_lookup *l = arg;

	l->fn(l->arg, &l->found, l->good ? 1 : 0, "no such name");
	free(l);
}

/* Address literals only; anything else fails. */
struct env_lookup *
env_lookup(struct env *e, const char *host, env_lookup_fn fn, void *arg)
{
	struct env_lookup *l = calloc(1, sizeof(*l));

	l->fn = fn;
	l->arg = arg;
	l->good = addr_parse(&l->found, host) == 0;
	l->timer = env_timer_new(e, looked_up, l);
	l->timer->once = true;
	env_timer_set(l->timer, 1);
	return l;
}

void
env_lookup_cancel(struct env_lookup *l)
{
	if (l == NULL)
		return;
	env_timer_free(l->timer);
	free(l);
}
