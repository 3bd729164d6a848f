/* SPDX-License-Identifier: ISC */
/*
 * world.c -- one seed, one clock, one heap of events.
 *
 * Everything that happens in a simulated world is a struct ev in one heap, in
 * the order (time, sequence number).  Nothing reads a real clock, nothing is
 * ordered by address.  Chance is one xoshiro256** stream for the network, one
 * for the scenario and one a process, all derived from the seed, so that one
 * more draw in a scenario does not change what the network does.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/impl.h"

struct sim *sim_world;

void
hooks_add(struct hooks *h, void (*fn)(void *), void *arg)
{
	if (h->n == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 4;
		h->v = realloc(h->v, h->cap * sizeof *h->v);
		if (h->v == NULL)
			fatal("sim", "no memory for hooks");
	}
	h->v[h->n++] = (struct hook){ fn, arg };
}

void
hooks_free(struct hooks *h)
{
	free(h->v);
	*h = (struct hooks){ 0 };
}

/* ---- running ------------------------------------------------------------------- */

static void
ev_run(struct ev *e)
{
	if (e->env != NULL && (e->env->frozen || e->env->host->asleep)) {
		list_append(&e->env->waiting, &e->waiting);
		e->is_waiting = true;
		return;
	}
	if (e->host != NULL && e->host->asleep) {
		list_append(&e->host->waiting, &e->waiting);
		e->is_waiting = true;
		return;
	}
	e->fn(e->arg);
}

bool
sim_step(struct sim *s, int64_t until)
{
	struct ev *e;

	if (s->nheap == 0 || s->heap[1]->at > until)
		return false;
	e = s->heap[1];
	ev_stop(s, e);
	s->now = e->at;
	s->events++;
	s->ran = NULL;
	ev_run(e);
	for (size_t i = 0; i < s->checks.n; i++)
		s->checks.v[i].fn(s->checks.v[i].arg);
	return true;
}

void
sim_run(struct sim *s, int64_t us)
{
	int64_t until = s->now + us;

	while (sim_step(s, until))
		;
	s->now = until;
}

bool
sim_until(struct sim *s, bool (*pred)(void *), void *arg, int64_t limit)
{
	int64_t until = s->now + limit;

	for (;;) {
		if (pred(arg))
			return true;
		if (!sim_step(s, until))
			break;
	}
	s->now = until;
	return pred(arg);
}

struct later {
	struct ev ev;
	void (*fn)(void *);
	void *arg;
};

static void
later_run(void *arg)
{
	struct later *l = arg;
	void (*fn)(void *) = l->fn;
	void *fn_arg = l->arg;

	free(l);
	fn(fn_arg);
}

void
sim_after(struct sim *s, int64_t us, void (*fn)(void *), void *arg)
{
	struct later *l = malloc(sizeof *l);

	if (l == NULL)
		fatal("sim", "no memory");
	ev_init(&l->ev, later_run, l);
	l->ev.drop = free;
	l->fn = fn;
	l->arg = arg;
	ev_set(s, &l->ev, s->now + us);
}

void
sim_check(struct sim *s, void (*fn)(void *), void *arg)
{
	hooks_add(&s->checks, fn, arg);
}

/* ---- the world -------------------------------------------------------------------- */

struct sim *
sim_new(uint64_t seed)
{
	struct sim *s = calloc(1, sizeof *s);

	if (s == NULL)
		fatal("sim", "no memory");
	s->seed = seed;
	s->now = 1;	/* 0 is "never" in struct mono */
	s->hash = UINT64_C(0xcbf29ce484222325);
	prng_seed(&s->net, seed, 1);
	prng_seed(&s->scene, seed, 2);
	list_init(&s->hosts);
	list_init(&s->nets);
	list_init(&s->nats);
	list_init(&s->cuts);
	list_init(&s->names);
	list_init(&s->pings);
	cheap_reset();
	sim_world = NULL;	/* what libraries draw once a process must not come from the first seed */
	chance_install();
	sim_world = s;
	return s;
}

static void
host_free(struct sim_host *h)
{
	while (!list_empty(&h->ifs))
		if_free(LIST_OF(h->ifs.next, struct sim_if, in_host));
	disk_free(h);
	for (struct map_it i = map_first(h->paths); i.value; i = map_next(i))
		free(i.value);
	map_free(h->paths);
	map_free(h->tcps);
	free(h);
}

void
sim_free(struct sim *s)
{
	if (s == NULL)
		return;
	pings_free(s);
	LIST_EACH(hl, &s->hosts) {
		struct sim_host *h = LIST_OF(hl, struct sim_host, all);

		while (!list_empty(&h->envs))
			process_end(LIST_OF(h->envs.next, struct env, in_host), true, true);
		tcp_free_all(h);
	}
	while (s->nheap > 0) {
		struct ev *e = s->heap[s->nheap];

		ev_stop(s, e);
		if (e->drop != NULL)
			e->drop(e->arg);
	}
	LIST_EACH(l, &s->nats)
		nat_free((struct sim_nat *)(void *)l);
	LIST_EACH(l, &s->hosts)
		host_free(LIST_OF(l, struct sim_host, all));
	LIST_EACH(l, &s->nets)
		free(LIST_OF(l, struct sim_net, all));
	while (!list_empty(&s->cuts))
		sim_uncut((struct sim_cut *)(void *)s->cuts.next);
	names_free(s);
	hooks_free(&s->checks);
	free(s->heap);
	if (sim_world == s)
		sim_world = NULL;
	free(s);
}

int64_t
sim_now(const struct sim *s)
{
	return s->now;
}

uint64_t
sim_chance(struct sim *s, uint64_t bound)
{
	return prng_below(&s->scene, bound);
}

uint64_t
sim_events(const struct sim *s)
{
	return s->events;
}

struct env *
sim_ran(const struct sim *s)
{
	return s->ran;
}

const struct sim_stats *
sim_stats(const struct sim *s)
{
	return &s->stats;
}

size_t
sim_leaks(const struct sim *s)
{
	return s->leaks;
}

/* ---- the hash: over what happened and when, a word at a time -------------------------------------- */

uint64_t
sim_hash(const struct sim *s)
{
	return s->hash;
}

static void
hash_u64(struct sim *s, uint64_t v)
{
	uint64_t h = (s->hash ^ v) * UINT64_C(0x9e3779b97f4a7c15);

	s->hash = h ^ h >> 29;
}

void
sim_hash_add(struct sim *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len > 0) {
		size_t n = len < 8 ? len : 8;
		uint64_t v = 0;

		/* byte by byte: the same on either byte order */
		for (size_t i = 0; i < n; i++)
			v |= (uint64_t)p[i] << (8 * i);
		hash_u64(s, v + n);
		p += n;
		len -= n;
	}
}

void
sim_mark(struct sim *s, const char *what, uint64_t a, uint64_t b, uint64_t c)
{
	hash_u64(s, (uint64_t)s->now);
	sim_hash_add(s, what, strlen(what));
	hash_u64(s, a);
	hash_u64(s, b);
	hash_u64(s, c);
}

void
sim_set_verbose(struct sim *s, bool on)
{
	s->verbose = on;
}

void
sim_say(struct sim *s, const char *who, const char *fmt, ...)
{
	va_list ap;

	if (!s->verbose)
		return;
	fprintf(stderr, "%12.6f %-10s ", (double)s->now / 1e6, who);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
