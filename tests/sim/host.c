/* SPDX-License-Identifier: ISC */
/*
 * host.c -- machines, and the processes that run on them.
 *
 * A process is a struct env.  Every callback into it is wrapped by turn_begin()
 * and turn_end(), which is how the rule of turns of env.h is kept: one event of
 * the heap is one callback, and the turn-end hooks run before the next event.
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

static void
watches_free(struct list *l)
{
	LIST_EACH(it, l) {
		list_remove(it);
		free(LIST_OF(it, struct watch, in));
	}
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
resume_ev(void *arg)
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
change_ev(void *arg)
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

/* ---- hosts ------------------------------------------------------------------------- */

struct sim_host *
sim_host_new(struct sim *s, const char *name)
{
	struct sim_host *h = calloc(1, sizeof *h);

	if (h == NULL)
		fatal("sim", "no memory");
	h->sim = s;
	h->id = ++s->nhost;
	snprintf(h->name, sizeof h->name, "%s", name);
	prng_seed(&h->kernel, s->seed, 1000 + h->id);
	list_append(&s->hosts, &h->all);
	list_init(&h->ifs);
	list_init(&h->envs);
	list_init(&h->dgrams);
	list_init(&h->listeners);
	list_init(&h->waiting);
	list_init(&h->files);
	list_init(&h->dbs);
	h->tcps = map_new();
	h->paths = map_new();
	/* up for a minute to a month; wall clocks right within a second */
	h->boot_offset = MONO_MIN + (int64_t)prng_below(&h->kernel, 30 * 24 * (uint64_t)MONO_HOUR);
	h->wall_offset = INT64_C(1700000000000000) + (int64_t)prng_below(&h->kernel, MONO_SEC);
	sim_disk(h, NULL);
	snprintf(h->info.hostname, sizeof h->info.hostname, "%s", name);
	snprintf(h->info.os, sizeof h->info.os, "linux");
	snprintf(h->info.os_version, sizeof h->info.os_version, "Simulated 12");
	snprintf(h->info.system, sizeof h->info.system, "Linux");
	snprintf(h->info.kernel, sizeof h->info.kernel, "6.1.0-sim");
	snprintf(h->info.machine, sizeof h->info.machine, "x86_64");
	return h;
}

const struct env_sysinfo *
env_sysinfo(struct env *e)
{
	return &e->host->info;
}

/* env_new() and env_run() exist so that one test source can be linked with either
 * world: they make a host of their own. */
static void
implicit_end(void)
{
	sim_free(sim_world);
}

struct sim_host *
host_for_env_new(void)
{
	if (sim_world == NULL) {
		sim_new(1);
		atexit(implicit_end);
	}
	if (list_empty(&sim_world->hosts)) {
		struct sim_net *net = sim_net_new(sim_world, "lan", "192.168.77.0/24", NULL);

		sim_attach(sim_host_new(sim_world, "localhost"), net, "eth0", NULL);
	}
	return LIST_OF(sim_world->hosts.next, struct sim_host, all);
}

static void
wake(struct sim *s, struct list *waiting)
{
	while (!list_empty(waiting)) {
		struct ev *ev = LIST_OF(waiting->next, struct ev, waiting);

		ev_set(s, ev, s->now);
	}
}

void
sim_call(struct env *e, void (*fn)(void *), void *arg)
{
	turn_begin(e);
	fn(arg);
	turn_end(e);
}

void
sim_freeze(struct env *e, bool frozen)
{
	e->frozen = frozen;
	if (!frozen && !e->host->asleep)
		wake(e->sim, &e->waiting);
}

void
sim_suspend(struct sim_host *h)
{
	if (h->asleep)
		return;
	sim_mark(h->sim, "suspend", h->id, 0, 0);
	h->asleep = true;
	h->slept_at = h->sim->now;
}

/* Programs hear of it within two seconds, some before their late timers, some after. */
void
sim_resume(struct sim_host *h)
{
	struct sim *s = h->sim;

	if (!h->asleep)
		return;
	sim_mark(s, "resume", h->id, 0, 0);
	h->asleep = false;
	wake(s, &h->waiting);
	LIST_EACH(l, &h->envs) {
		struct env *e = LIST_OF(l, struct env, in_host);
		int64_t late = 0;

		e->slept_us = s->now - h->slept_at;
		if (prng_below(&h->kernel, 2) != 0)
			late = (int64_t)prng_below(&h->kernel, MONO_SEC);
		ev_set(s, &e->resume_ev, s->now + late);
		if (!e->frozen)
			wake(s, &e->waiting);
	}
}

void
sim_power_cut(struct sim_host *h)
{
	sim_mark(h->sim, "power cut", h->id, 0, 0);
	h->off = true;
	while (!list_empty(&h->envs))
		process_end(LIST_OF(h->envs.next, struct env, in_host), true, true);
	tcp_free_all(h);
	while (!list_empty(&h->waiting))
		ev_stop(h->sim, LIST_OF(h->waiting.next, struct ev, waiting));
	h->asleep = false;
}

void
sim_power_on(struct sim_host *h)
{
	h->off = false;
	h->boot_offset = -h->sim->now + MONO_SEC;
}

void
sim_wall_step(struct sim_host *h, int64_t us)
{
	h->wall_offset += us;
}

void
sim_slow_reader(struct sim_host *h, size_t most, int64_t every)
{
	h->read_most = most;
	h->read_every = every;
}

/* ---- processes ------------------------------------------------------------------------ */

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
	env_ev_init(e, &e->change_ev, change_ev, e);
	env_ev_init(e, &e->resume_ev, resume_ev, e);
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
	if (!killed && e->object != NULL) {
		s->cur = e;	/* chance drawn on the way out is the process' own */
		e->prog->stop(e->object);
		s->cur = NULL;
		e->object = NULL;
	}
	e->dead = true;
	streams_kill(e);
	listeners_kill(e);
	dgrams_kill(e);
	tuns_kill(e);
	lookups_kill(e);
	disk_kill(e, power);
	ev_stop(s, &e->change_ev);
	ev_stop(s, &e->resume_ev);
	ev_stop(s, &e->exit_ev);
	while (!list_empty(&e->waiting)) {	/* what is still there are signals */
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
	if (e->object != NULL) {
		s->cur = e;
		e->prog->stop(e->object);
		s->cur = NULL;
	}
	/* What the program left behind, in the order it was made. */
	struct list *left[] = { &e->timers, &e->streams, &e->listeners, &e->dgrams, &e->tuns, &e->lookups, &e->dbs };
	for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
		static const char *const kind[] = { "timers", "streams", "listeners", "dgrams", "tuns", "lookups", "databases" };
		size_t n = list_count(left[i]) - (i == 1 ? streams_finishing(e) : 0);

		s->leaks += n;
		if (n > 0)
			sim_say(s, e->host->name, "left behind: %zu %s", n, kind[i]);
	}
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
	watches_free(&e->resume);
	watches_free(&e->host_change);
	watches_free(&e->signals);
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

/* ---- clocks, timers, chance ------------------------------------------------------------- */

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
