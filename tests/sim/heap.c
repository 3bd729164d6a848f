/* SPDX-License-Identifier: ISC */
/*
 * heap.c -- the events to come, the next one first.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/impl.h"

static bool
ev_before(const struct ev *a, const struct ev *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void
heap_put(struct sim *s, size_t i, struct ev *e)
{
	s->heap[i] = e;
	e->pos = i;
}

static void
heap_up(struct sim *s, size_t i, struct ev *e)
{
	while (i > 1 && ev_before(e, s->heap[i / 2])) {
		heap_put(s, i, s->heap[i / 2]);
		i /= 2;
	}
	heap_put(s, i, e);
}

static void
heap_down(struct sim *s, size_t i, struct ev *e)
{
	for (;;) {
		size_t c = 2 * i;

		if (c > s->nheap)
			break;
		if (c < s->nheap && ev_before(s->heap[c + 1], s->heap[c]))
			c++;
		if (!ev_before(s->heap[c], e))
			break;
		heap_put(s, i, s->heap[c]);
		i = c;
	}
	heap_put(s, i, e);
}

void
ev_init(struct ev *e, void (*fn)(void *), void *arg)
{
	memset(e, 0, sizeof *e);
	e->fn = fn;
	e->arg = arg;
	list_init(&e->waiting);
}

void
ev_stop(struct sim *s, struct ev *e)
{
	if (e->is_waiting) {
		list_remove(&e->waiting);
		e->is_waiting = false;
	}
	if (e->pos != 0) {
		size_t i = e->pos;
		struct ev *last = s->heap[s->nheap--];

		e->pos = 0;
		if (last != e) {
			if (i > 1 && ev_before(last, s->heap[i / 2]))
				heap_up(s, i, last);
			else
				heap_down(s, i, last);
		}
	}
}

void
ev_set(struct sim *s, struct ev *e, int64_t at)
{
	ev_stop(s, e);
	if (e->env != NULL && e->env->dead)
		return;
	if (s->nheap + 2 > s->capheap) {
		s->capheap = s->capheap ? 2 * s->capheap : 256;
		s->heap = realloc(s->heap, s->capheap * sizeof *s->heap);
		if (s->heap == NULL)
			fatal("sim", "no memory for events");
	}
	e->at = at < s->now ? s->now : at;
	e->seq = ++s->seq;
	heap_up(s, ++s->nheap, e);
}

bool
ev_pending(const struct ev *e)
{
	return e->pos != 0 || e->is_waiting;
}
