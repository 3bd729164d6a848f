/* SPDX-License-Identifier: ISC */
/*
 * tun.c -- TUN interfaces: packets from the host's stack to a program.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/sim/tun.h"

#define BATCH		64
#define QUEUE_MAX	512
#define HEADROOM	128

struct ip_pkt {
	struct list q;
	size_t len;
	uint8_t data[];
};

static void
tun_wake(void *arg)
{
	struct env_tun *t = arg;
	struct env *e = t->env;
	struct env_pkt pkts[BATCH];
	size_t n = 0;

	while (n < BATCH && !list_empty(&t->queue)) {
		struct ip_pkt *p = LIST_OF(t->queue.next, struct ip_pkt, q);
		uint8_t *room = malloc(HEADROOM + p->len + 64);

		if (room == NULL)
			fatal("sim", "no memory");
		memset(&pkts[n], 0, sizeof pkts[n]);
		memcpy(room + HEADROOM, p->data, p->len);
		pkts[n].data = room + HEADROOM;
		pkts[n].headroom = HEADROOM;
		pkts[n].len = (uint32_t)p->len;
		list_remove(&p->q);
		free(p);
		t->nqueue--;
		n++;
	}
	if (!list_empty(&t->queue))
		ev_set(e->sim, &t->wake, e->sim->now);
	turn_begin(e);
	t->fn(t->arg, pkts, n);
	turn_end(e);
	for (size_t i = 0; i < n; i++)
		free(pkts[i].data - HEADROOM);
}

void
tun_input(struct env_tun *t, const uint8_t *data, size_t len)
{
	struct ip_pkt *p;

	if (t->nqueue >= QUEUE_MAX || len > t->mtu)
		return;
	p = malloc(sizeof *p + len);
	if (p == NULL)
		fatal("sim", "no memory");
	p->len = len;
	memcpy(p->data, data, len);
	list_append(&t->queue, &p->q);
	t->nqueue++;
	if (!ev_pending(&t->wake))
		ev_set(t->env->sim, &t->wake, t->env->sim->now);
}

struct env_tun *
env_tun_open(struct env *e, const char *name, unsigned mtu, env_pkts_fn fn, void *arg, int *err)
{
	struct env_tun *t;
	char chosen[16];

	if (e->host->no_tun) {
		if (err != NULL)
			*err = -EBUSY;
		return NULL;
	}
	snprintf(chosen, sizeof chosen, "tun%u", e->host->ntun++);
	if (name == NULL)
		name = chosen;
	LIST_EACH(l, &e->host->ifs)
		if (strcmp(LIST_OF(l, struct sim_if, in_host)->name, name) == 0) {
			if (err != NULL)
				*err = -EBUSY;
			return NULL;
		}
	t = calloc(1, sizeof *t);
	if (t == NULL)
		fatal("sim", "no memory");
	t->env = e;
	t->mtu = mtu;
	t->fn = fn;
	t->arg = arg;
	snprintf(t->name, sizeof t->name, "%s", name);
	list_init(&t->queue);
	env_ev_init(e, &t->wake, tun_wake, t);
	list_append(&e->tuns, &t->in_env);
	if (!e->dead) {
		t->iface = if_new_tun(e->host, t, name);
		t->iface->up = true;
		host_changed(e->host);
	}
	if (err != NULL)
		*err = 0;
	return t;
}

bool
env_tun_takes_runs(const struct env_tun *t)
{
	(void)t;
	return false;
}

const char *
env_tun_name(const struct env_tun *t)
{
	return t->name;
}

static void
tun_unplug(struct env_tun *t)
{
	ev_stop(t->env->sim, &t->wake);
	while (!list_empty(&t->queue)) {
		struct ip_pkt *p = LIST_OF(t->queue.next, struct ip_pkt, q);

		list_remove(&p->q);
		free(p);
	}
	t->nqueue = 0;
	if (t->iface != NULL) {
		if_free(t->iface);
		t->iface = NULL;
		host_changed(t->env->host);
	}
}

void
env_tun_close(struct env_tun *t)
{
	if (t == NULL)
		return;
	tun_unplug(t);
	list_remove(&t->in_env);
	free(t);
}

void
sim_tun_refuse(struct sim_host *h, bool on)
{
	h->no_tun = on;
}

void
sim_tun_delete(struct env *e)
{
	LIST_EACH(l, &e->tuns) {
		struct env_tun *t = LIST_OF(l, struct env_tun, in_env);

		if (t->iface == NULL)
			continue;
		tun_unplug(t);
		turn_begin(e);
		t->fn(t->arg, NULL, 0);
		turn_end(e);
	}
}

void
tuns_kill(struct env *e)
{
	LIST_EACH(l, &e->tuns)
		tun_unplug(LIST_OF(l, struct env_tun, in_env));
}
