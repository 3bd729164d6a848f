/* SPDX-License-Identifier: ISC */
/*
 * turn.c -- the turns of a process, and what of the host's life it is told.
 *
 * Every callback into a process is wrapped by turn_begin() and turn_end(), which
 * is how the rule of turns of env.h is kept: one event of the heap is one
 * callback, and the turn-end hooks run before the next event.
 */
#include <stdlib.h>
#include "base/log.h"
#include "tests/sim/impl.h"

/* ---- turns ------------------------------------------------------------------ */

void
turn_begin(struct env *e)
{
	if (e->sim->cur != NULL)
		fatal("sim", "a callback from inside a call");
	e->sim->cur = e;
	e->in_turn = true;
	e->stalls.turns++;
}

void
turn_end(struct env *e)
{
	struct hooks *h = &e->turn_end;
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].fn != NULL)
			h->v[i].fn(h->v[i].arg);
	for (size_t i = 0; i < h->n; i++)	/* those taken off meanwhile */
		if (h->v[i].fn != NULL)
			h->v[kept++] = h->v[i];
	h->n = kept;
	e->in_turn = false;
	e->sim->cur = NULL;
	e->sim->ran = e;
}

void
env_on_turn_end(struct env *e, void (*fn)(void *), void *arg)
{
	hooks_add(&e->turn_end, fn, arg);
}

void
env_off_turn_end(struct env *e, void (*fn)(void *), void *arg)
{
	struct hooks *h = &e->turn_end;

	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].fn == fn && h->v[i].arg == arg) {
			h->v[i].fn = NULL;
			break;
		}
	if (!e->in_turn) {
		size_t kept = 0;

		for (size_t i = 0; i < h->n; i++)
			if (h->v[i].fn != NULL)
				h->v[kept++] = h->v[i];
		h->n = kept;
	}
}

void
env_ev_init(struct env *e, struct ev *ev, void (*fn)(void *), void *arg)
{
	ev_init(ev, fn, arg);
	ev->env = e;
}

void
host_ev_init(struct sim_host *h, struct ev *ev, void (*fn)(void *), void *arg)
{
	ev_init(ev, fn, arg);
	ev->host = h;
}

/* ---- watchers: resume, host change, signals ------------------------------------ */

struct watch {
	struct list in;
	int signo;
	void (*plain)(void *);
	void (*num)(void *, int);
	void (*slept)(void *, int64_t);
	void *arg;
};

static struct watch *
watch_new(struct list *to, void *arg)
{
	struct watch *w = calloc(1, sizeof *w);

	if (w == NULL)
		fatal("sim", "no memory");
	w->arg = arg;
	list_append(to, &w->in);
	return w;
}

void
env_on_resume(struct env *e, void (*fn)(void *, int64_t), void *arg)
{
	watch_new(&e->resume, arg)->slept = fn;
}

void
env_on_host_change(struct env *e, void (*fn)(void *), void *arg)
{
	watch_new(&e->host_change, arg)->plain = fn;
}

uint64_t
env_host_ways(struct env *e)
{
	return e->host->ways;
}

void
sim_reroute(struct sim_host *h)
{
	h->ways++;
	host_changed(h);
}

void
env_on_signal(struct env *e, int signo, void (*fn)(void *, int), void *arg)
{
	struct watch *w = watch_new(&e->signals, arg);

	w->num = fn;
	w->signo = signo;
}

static void
on_resume(void *arg)
{
	struct env *e = arg;

	LIST_EACH(l, &e->resume) {
		struct watch *w = LIST_OF(l, struct watch, in);

		turn_begin(e);
		w->slept(w->arg, e->slept_us);
		turn_end(e);
	}
}

static void
on_change(void *arg)
{
	struct env *e = arg;

	sim_mark(e->sim, "change", e->host->id, 0, 0);
	LIST_EACH(l, &e->host_change) {
		struct watch *w = LIST_OF(l, struct watch, in);

		turn_begin(e);
		w->plain(w->arg);
		turn_end(e);
	}
}

void
host_changed(struct sim_host *h)
{
	LIST_EACH(l, &h->envs) {
		struct env *e = LIST_OF(l, struct env, in_host);

		if (!ev_pending(&e->change_ev))
			ev_set(h->sim, &e->change_ev, h->sim->now + 50 * MONO_MS);
	}
}

struct sent_signal {
	struct ev ev;
	struct env *env;
	int signo;
};

static void
signal_run(void *arg)
{
	struct sent_signal *s = arg;
	struct env *e = s->env;
	int signo = s->signo;

	list_remove(&s->ev.waiting);
	free(s);
	sim_mark(e->sim, "signal", e->host->id, (uint64_t)signo, 0);
	LIST_EACH(l, &e->signals) {
		struct watch *w = LIST_OF(l, struct watch, in);

		if (w->signo == signo) {
			turn_begin(e);
			w->num(w->arg, signo);
			turn_end(e);
		}
	}
}

void
sim_signal(struct env *e, int signo)
{
	struct sent_signal *s = calloc(1, sizeof *s);

	if (s == NULL)
		fatal("sim", "no memory");
	env_ev_init(e, &s->ev, signal_run, s);
	s->ev.drop = free;
	s->env = e;
	s->signo = signo;
	ev_set(e->sim, &s->ev, e->sim->now);
}

void
watches_init(struct env *e)
{
	env_ev_init(e, &e->change_ev, on_change, e);
	env_ev_init(e, &e->resume_ev, on_resume, e);
}

static void
watchers_free(struct list *l)
{
	LIST_EACH(it, l) {
		list_remove(it);
		free(LIST_OF(it, struct watch, in));
	}
}

void
watches_free(struct env *e)
{
	watchers_free(&e->resume);
	watchers_free(&e->host_change);
	watchers_free(&e->signals);
}
