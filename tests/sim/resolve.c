/* SPDX-License-Identifier: ISC */
/*
 * resolve.c -- names to addresses.
 *
 * Literals and "localhost" need no network; everything else takes 5..30 ms, or
 * fails after 5 s when the resolver is dead or the host has no way out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/impl.h"

#define ADDRS	8

struct name {
	struct list all;
	char name[256];
	struct addr addr[ADDRS];
	size_t n;
};

struct env_lookup {
	struct list in_env;	/* first */
	struct env *env;
	struct ev ev;
	char host[256];
	bool literal, dead;
	struct addr addr;
	env_lookup_fn fn;
	void *arg;
};

static struct name *
name_find(struct sim *s, const char *host)
{
	LIST_EACH(l, &s->names) {
		struct name *n = LIST_OF(l, struct name, all);

		if (strcmp(n->name, host) == 0)
			return n;
	}
	return NULL;
}

void
sim_name(struct sim *s, const char *host, const struct addr *a)
{
	struct name *n = name_find(s, host);

	if (n == NULL) {
		n = calloc(1, sizeof *n);
		if (n == NULL)
			fatal("sim", "no memory");
		snprintf(n->name, sizeof n->name, "%s", host);
		list_append(&s->names, &n->all);
	}
	if (n->n < ADDRS)
		n->addr[n->n++] = *a;
}

void
sim_name_clear(struct sim *s, const char *host)
{
	struct name *n = name_find(s, host);

	if (n != NULL)
		n->n = 0;
}

void
sim_dns_dead(struct sim *s, bool dead)
{
	s->dns_dead = dead;
	sim_mark(s, "dns", dead, 0, 0);
}

void
names_free(struct sim *s)
{
	LIST_EACH(l, &s->names)
		free(LIST_OF(l, struct name, all));
	list_init(&s->names);
}

static void
lookup_run(void *arg)
{
	struct env_lookup *l = arg, it = *l;
	struct env *e = l->env;
	struct name *n = name_find(e->sim, l->host);

	list_remove(&l->in_env);
	free(l);
	turn_begin(e);
	if (it.literal)
		it.fn(it.arg, &it.addr, 1, NULL);
	else if (it.dead)
		it.fn(it.arg, NULL, 0, "the resolver does not answer");
	else if (n == NULL || n->n == 0)
		it.fn(it.arg, NULL, 0, "no such name");
	else
		it.fn(it.arg, n->addr, n->n, NULL);
	turn_end(e);
}

static bool
host_online(struct sim_host *h)
{
	LIST_EACH(l, &h->ifs) {
		struct sim_if *i = LIST_OF(l, struct sim_if, in_host);

		if (i->up && i->tun == NULL && i->naddr > 0)
			return true;
	}
	return false;
}

struct env_lookup *
env_lookup(struct env *e, const char *host, env_lookup_fn fn, void *arg)
{
	struct env_lookup *l = calloc(1, sizeof *l);
	int64_t wait = 0;

	if (l == NULL)
		return NULL;
	l->env = e;
	l->fn = fn;
	l->arg = arg;
	snprintf(l->host, sizeof l->host, "%s", host);
	if (addr_parse(&l->addr, host) == 0 || strcmp(host, "localhost") == 0) {
		l->literal = true;
		if (l->addr.family == ADDR_NONE)
			l->addr = addr_v4(0x7f000001, 0);
	} else if (e->sim->dns_dead || !host_online(e->host)) {
		l->dead = true;
		wait = 5 * MONO_SEC;
	} else
		wait = 5 * MONO_MS + (int64_t)prng_below(&e->host->kernel, 25 * MONO_MS);
	env_ev_init(e, &l->ev, lookup_run, l);
	list_append(&e->lookups, &l->in_env);
	ev_set(e->sim, &l->ev, e->sim->now + wait);
	return l;
}

void
env_lookup_cancel(struct env_lookup *l)
{
	if (l == NULL)
		return;
	ev_stop(l->env->sim, &l->ev);
	list_remove(&l->in_env);
	free(l);
}

void
lookups_kill(struct env *e)
{
	LIST_EACH(l, &e->lookups)
		ev_stop(e->sim, &LIST_OF(l, struct env_lookup, in_env)->ev);
}
