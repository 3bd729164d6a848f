/* SPDX-License-Identifier: ISC */
/*
 * loop.c -- one queue a process, and its drain.
 *
 * Everything that happens to any machine goes through one FIFO.  An outside
 * thing (a callback of the env) posts; when the callback has returned, the drain
 * takes event after event until nothing is left, and each runs to completion.
 * What a step posts goes behind what is queued.  fsm/README.md says why the
 * model relies on exactly this.
 *
 * An event from a former life (a resource opened anew since, a timer stopped
 * since) is dropped here and counted, before any table sees it.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "env/env.h"
#include "fsm/loop.h"

struct hook {
	struct list all;
	union {
		fsm_trace_fn trace;
		void (*defer)(void *);
	} fn;
	void *arg;
};

static void *
need(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		fatal("fsm", "out of memory");	/* an event that is lost is a state that is wrong */
	return p;
}

static void
turn_end(void *arg)
{
	fsm_drain(arg);
}

struct fsm_loop *
fsm_loop_new(struct env *env, fsm_route_fn route, void *arg)
{
	struct fsm_loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->env = env;
	l->route = route;
	l->arg = arg;
	list_init(&l->queue);
	list_init(&l->spare);
	list_init(&l->machines);
	list_init(&l->traces);
	list_init(&l->deferred);
	env_on_turn_end(env, turn_end, l);
	return l;
}

static void
free_hooks(struct list *hooks)
{
	LIST_EACH(it, hooks)
		free(LIST_OF(it, struct hook, all));
	list_init(hooks);
}

static void
free_queued(struct list *queue)
{
	LIST_EACH(it, queue) {
		struct fsm_queued *q = LIST_OF(it, struct fsm_queued, all);

		fsm_data_unref(q->data);
		free(q);
	}
	list_init(queue);
}

void
fsm_loop_free(struct fsm_loop *l)
{
	if (l == NULL)
		return;
	if (!list_empty(&l->machines))
		fatal("fsm", "%s outlives its loop", LIST_OF(l->machines.next, struct fsm, all)->def->name);
	env_off_turn_end(l->env, turn_end, l);
	free_queued(&l->queue);
	free_queued(&l->spare);
	free_hooks(&l->traces);
	free_hooks(&l->deferred);
	tape_free(l->tape);
	free(l);
}

/* ---- the queue -------------------------------------------------------------------- */

void
fsm_loop_post(struct fsm_loop *l, struct fsm *m, int event, int timer, uint32_t gen, struct fsm_data *data)
{
	struct fsm_queued *q;

	if (list_empty(&l->spare)) {
		q = need(sizeof(*q));
		list_init(&q->all);
	} else {
		q = LIST_OF(l->spare.next, struct fsm_queued, all);
		list_remove(&q->all);
	}
	q->machine = m;
	q->event = event;
	q->timer = timer;
	q->gen = gen;
	q->data = data;
	q->seq = ++l->posts;
	list_append(&l->queue, &q->all);
	if (l->tape != NULL)
		tape_posted(l, q);
}

static void
put_back(struct fsm_loop *l, struct fsm_queued *q)
{
	fsm_data_unref(q->data);
	q->data = NULL;
	list_remove(&q->all);
	list_append(&l->spare, &q->all);
}

void
fsm_loop_forget(struct fsm_loop *l, struct fsm *m)
{
	LIST_EACH(it, &l->queue) {
		struct fsm_queued *q = LIST_OF(it, struct fsm_queued, all);

		if (q->machine == m)
			put_back(l, q);
	}
}

/* ---- the drain -------------------------------------------------------------------- */

static bool
is_stale(const struct fsm_queued *q)
{
	const struct fsm *m = q->machine;
	int res = m->def->event_res[q->event];

	if (q->timer >= 0)
		return m->timer[q->timer].arm != q->gen;
	return res >= 0 && m->gen[res] != q->gen;
}

static void
drop_stale(struct fsm_loop *l, const struct fsm_queued *q)
{
	q->machine->stale++;
	l->stale++;
	if (l->tape != NULL)
		tape_dropped(l, q);
	log_debug("fsm", "%s %s: %s of a former life dropped in %s", q->machine->def->name,
	    q->machine->subject, q->machine->def->event_name[q->event], fsm_state_name(q->machine));
}

/* The one log line of a step; its place in the ring unless nothing changed. */
static void
record(struct fsm_loop *l, struct fsm *m, const struct fsm_trace *t)
{
	const struct fsm_def *def = m->def;
	bool stays = strcmp(def->row[t->row].to, "stay") == 0;

	if (stays)
		log_trace("fsm", "%s %s: %s on %s stays, row %d", def->name, m->subject,
		    def->state_name[t->from], def->event_name[t->event], def->row[t->row].line);
	else {
		m->past[m->npast++ % FSM_RING] = (struct fsm_past){ t->at, t->from, t->event, t->to, t->row };
		log_debug("fsm", "%s %s: %s --%s--> %s, row %d", def->name, m->subject,
		    def->state_name[t->from], def->event_name[t->event], def->state_name[t->to],
		    def->row[t->row].line);
	}
	LIST_EACH(it, &l->traces) {
		struct hook *h = LIST_OF(it, struct hook, all);

		h->fn.trace(h->arg, t);
	}
}

static void
step(struct fsm_loop *l, struct fsm_queued *q)
{
	struct fsm *m = q->machine;
	struct fsm_trace t = { env_now(l->env), m, m->state, q->event, 0, 0 };

	l->current = m;
	if (l->tape != NULL)
		tape_step_begins(l, q);
	m->row = -1;
	m->data = q->data;
	m->def->step(m, q->event);
	m->data = NULL;
	fsm_data_unref(m->carry);
	m->carry = NULL;
	m->carries = false;
	if (l->tape != NULL)
		tape_step_ends(l, m);
	if (m->row >= 0) {
		t.to = m->state;
		t.row = m->row;
		record(l, m, &t);
	}
	l->current = NULL;
}

static void
drain_queue(struct fsm_loop *l)
{
	while (!list_empty(&l->queue)) {
		struct fsm_queued *q = LIST_OF(l->queue.next, struct fsm_queued, all);

		/* out of the queue first: the step may post, or end another machine */
		list_remove(&q->all);
		if (is_stale(q))
			drop_stale(l, q);
		else
			step(l, q);
		put_back(l, q);
	}
}

void
fsm_drain(struct fsm_loop *l)
{
	bool any = !list_empty(&l->queue) || !list_empty(&l->deferred);

	if (l->draining)
		return;
	l->draining = true;
	for (;;) {
		drain_queue(l);
		if (list_empty(&l->deferred))
			break;
		struct hook *h = LIST_OF(l->deferred.next, struct hook, all);
		struct hook now = *h;

		list_remove(&h->all);
		free(h);
		if (l->tape != NULL)
			tape_deferred(l);
		now.fn.defer(now.arg);
	}
	l->draining = false;
	if (any && l->tape != NULL)
		tape_drained(l);
}

/* ---- who is told --------------------------------------------------------------------- */

void
fsm_defer(struct fsm_loop *l, void (*fn)(void *arg), void *arg)
{
	struct hook *h = need(sizeof(*h));

	h->fn.defer = fn;
	h->arg = arg;
	list_append(&l->deferred, &h->all);
}

void
fsm_undefer(struct fsm_loop *l, void (*fn)(void *arg), void *arg)
{
	LIST_EACH(it, &l->deferred) {
		struct hook *h = LIST_OF(it, struct hook, all);

		if (h->fn.defer == fn && h->arg == arg) {
			list_remove(&h->all);
			free(h);
		}
	}
}

void
fsm_loop_on_step(struct fsm_loop *l, fsm_trace_fn fn, void *arg)
{
	struct hook *h = need(sizeof(*h));

	h->fn.trace = fn;
	h->arg = arg;
	list_append(&l->traces, &h->all);
}

void
fsm_loop_off_step(struct fsm_loop *l, fsm_trace_fn fn, void *arg)
{
	LIST_EACH(it, &l->traces) {
		struct hook *h = LIST_OF(it, struct hook, all);

		if (h->fn.trace == fn && h->arg == arg) {
			list_remove(&h->all);
			free(h);
		}
	}
}

void
fsm_each(struct fsm_loop *l, void (*fn)(void *arg, struct fsm *), void *arg)
{
	LIST_EACH(it, &l->machines)
		fn(arg, LIST_OF(it, struct fsm, all));
}

uint64_t
fsm_loop_stale(const struct fsm_loop *l)
{
	return l->stale;
}

uint64_t
fsm_loop_nevers(const struct fsm_loop *l)
{
	return l->nevers;
}

void
fsm_loop_strict(struct fsm_loop *l)
{
	l->strict = true;
}

void *
fsm_owner(const struct fsm *m)
{
	return m->loop->arg;
}
