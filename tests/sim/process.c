/* SPDX-License-Identifier: ISC */
/*
 * process.c -- the processes that run on a machine: each is a struct env.
 *
 * A process that is killed becomes `dead` first: its sockets are closed as a
 * kernel would, then its object is freed by the program's own stop() whose calls
 * into env.h no longer reach the world.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/impl.h"

static void exit_ev(void *);

struct env *
process_new(struct sim_host *h)
{
	struct env *e = calloc(1, sizeof *e);
	struct list *lists[] = { &e->in_host, &e->resume, &e->host_change, &e->signals, &e->timers, &e->streams,
		&e->listeners, &e->dgrams, &e->tuns, &e->lookups, &e->writes, &e->dbs, &e->asks, &e->locks, &e->waiting };

	if (e == NULL)
		fatal("sim", "no memory");
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		list_init(lists[i]);
	e->sim = h->sim;
	e->host = h;
	prng_seed(&e->prng, h->sim->seed, (uint64_t)h->id << 32 | ++h->starts);
	list_append(&h->envs, &e->in_host);
	watches_init(e);
	host_ev_init(h, &e->exit_ev, exit_ev, e);
	return e;
}

struct env *
env_new(void)
{
	return process_new(host_for_env_new());
}

void
env_free(struct env *e)
{
	if (e == NULL)
		return;
	process_end(e, false, false);
}

static void
stop_object(struct env *e)
{
	e->sim->cur = e;	/* chance drawn on the way out is the process' own */
	e->prog->stop(e->object);
	e->sim->cur = NULL;
	e->object = NULL;
}

/* What was still to come: signals that wait, and events that own what they carry. */
static void
drop_events(struct env *e)
{
	struct sim *s = e->sim;

	ev_stop(s, &e->change_ev);
	ev_stop(s, &e->resume_ev);
	ev_stop(s, &e->exit_ev);
	while (!list_empty(&e->waiting)) {
		struct ev *ev = LIST_OF(e->waiting.next, struct ev, waiting);

		ev_stop(s, ev);
		if (ev->drop != NULL)
			ev->drop(ev->arg);
	}
	for (size_t i = s->nheap; i > 0; i--) {
		struct ev *ev = s->heap[i];

		if (ev->env == e && ev->drop != NULL) {
			ev_stop(s, ev);
			ev->drop(ev->arg);
			i = s->nheap + 1;
		}
	}
}

/* What the program left behind, in the order it was made. */
static void
count_left(struct env *e)
{
	static const char *const kind[] = { "timers", "streams", "listeners", "dgrams", "tuns", "lookups", "databases" };
	struct list *left[] = { &e->timers, &e->streams, &e->listeners, &e->dgrams, &e->tuns, &e->lookups, &e->dbs };

	for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
		size_t n = list_count(left[i]) - (i == 1 ? streams_finishing(e) : 0);

		e->sim->leaks += n;
		if (n > 0)
			sim_say(e->sim, e->host->name, "left behind: %zu %s", n, kind[i]);
	}
}

static void
close_left(struct env *e)
{
	while (!list_empty(&e->timers))
		env_timer_free((struct env_timer *)(void *)e->timers.next);
	while (!list_empty(&e->streams))
		env_stream_close((struct env_stream *)(void *)e->streams.next);
	while (!list_empty(&e->listeners))
		env_listener_close((struct env_listener *)(void *)e->listeners.next);
	while (!list_empty(&e->dgrams))
		env_dgram_close((struct env_dgram *)(void *)e->dgrams.next);
	while (!list_empty(&e->tuns))
		env_tun_close((struct env_tun *)(void *)e->tuns.next);
	while (!list_empty(&e->lookups))
		env_lookup_cancel((struct env_lookup *)(void *)e->lookups.next);
	while (!list_empty(&e->dbs))
		env_db_close((struct env_db *)(void *)e->dbs.next);
}

/* The end of a process, from outside any turn.  Killed: stop() finds a dead env. */
void
process_end(struct env *e, bool killed, bool power)
{
	struct sim *s = e->sim;

	if (e->ending)
		return;
	e->ending = true;
	if (s->cur != NULL)
		fatal("sim", "a process ended from inside a turn");
	sim_mark(s, killed ? "killed" : "exit", e->host->id, 0, 0);
	sim_say(s, e->host->name, "process %s", killed ? "killed" : "exits");
	if (!killed && e->object != NULL)
		stop_object(e);
	e->dead = true;
	streams_kill(e);
	listeners_kill(e);
	dgrams_kill(e);
	tuns_kill(e);
	lookups_kill(e);
	disk_kill(e, power);
	drop_events(e);
	if (e->object != NULL)
		stop_object(e);
	count_left(e);
	close_left(e);
	watches_free(e);
	hooks_free(&e->turn_end);
	if (s->ran == e)
		s->ran = NULL;
	list_remove(&e->in_host);
	free(e);
}

struct env *
sim_start(struct sim_host *h, const struct sim_prog *prog, void *arg)
{
	struct env *e = process_new(h);

	sim_mark(h->sim, prog->name, h->id, h->starts, 0);
	sim_say(h->sim, h->name, "%s starts", prog->name);
	e->prog = prog;
	turn_begin(e);
	e->object = prog->start(e, arg);
	turn_end(e);
	if (e->object == NULL) {
		process_end(e, false, false);
		return NULL;
	}
	return e;
}

void *
sim_object(struct env *e)
{
	return e->object;
}

void
sim_kill(struct env *e)
{
	process_end(e, true, false);
}

void
sim_exit(struct env *e)
{
	process_end(e, false, false);
}

bool
sim_awake(const struct env *e)
{
	return !e->frozen && !e->host->asleep;
}

size_t
sim_streams(const struct env *e)
{
	return list_count((struct list *)(uintptr_t)&e->streams) - streams_finishing(e);
}

struct env *
sim_host_env(struct sim_host *h, const char *prog)
{
	LIST_EACH(l, &h->envs) {
		struct env *e = LIST_OF(l, struct env, in_host);

		if (e->prog != NULL && strcmp(e->prog->name, prog) == 0)
			return e;
	}
	return NULL;
}

struct sim *
sim_of(struct env *e)
{
	return e->sim;
}

const char *
sim_turn_of(const struct sim *s)
{
	return s->cur != NULL ? s->cur->host->name : NULL;
}

struct sim_host *
sim_host_of(struct env *e)
{
	return e->host;
}

static void
exit_ev(void *arg)
{
	process_end(arg, false, false);
}

void
env_stop(struct env *e)
{
	e->stopped = true;
	if (e->prog != NULL && !e->dead && !e->ending)
		ev_set(e->sim, &e->exit_ev, e->sim->now);
}

int
env_run(struct env *e)
{
	e->stopped = false;
	/* what was done before the first turn is drained first, as in the real one */
	if (e->sim->cur == NULL) {
		turn_begin(e);
		turn_end(e);
	}
	while (!e->stopped)
		if (!sim_step(e->sim, INT64_MAX))
			return -EDEADLK;	/* nothing will ever happen again */
	return 0;
}

int64_t
env_turn_us(const struct env *e)
{
	(void)e;
	return 0;
}

const struct env_stalls *
env_stalls(const struct env *e)
{
	return &e->stalls;
}
