/* SPDX-License-Identifier: ISC */
/*
 * host.c -- machines: made, asleep and awake, without power.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/impl.h"

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
